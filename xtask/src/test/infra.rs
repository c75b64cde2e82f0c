//! Terraform's checks: format; every module and root is valid; their tests; no wildcard in any
//! role's policy; checkov. Nothing of it asks AWS.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::tally::{Check, Tally};
use super::{Outcome, files_under, python};
use crate::aws::provider::{self, Provider};
use crate::aws::terraform;
use crate::{doctor, environment, human, workspace};

/// The scanner of configurations, from the Python registry.
const CHECKOV: &str = "checkov==3.3.30\n";
/// What the folders below infra/ share, so that none is fetched twice.
const PLUGINS: &str = "target/terraform/plugins";
/// Judges policies, out of the states that the tests of some modules print.
const POLICIES: &str = "infra/tests/iam.py";
/// The modules whose states it judges.
const JUDGED: [&str; 2] = ["infra/bootstrap", "infra/modules/environment"];
/// Where it keeps them.
const STATES: &str = "target/terraform/states";

/// Runs them all.
pub(super) fn run() -> anyhow::Result<Outcome> {
    if !doctor::answers("terraform", &["version"]) {
        return Ok(Outcome::Skipped("no terraform".into()));
    }
    let root = workspace::root();
    let plugins = root.join(PLUGINS);
    std::fs::create_dir_all(&plugins)?;
    let mut variables = terraform::mirror(&plugins)?;
    variables.extend(
        [
            ("TF_PLUGIN_CACHE_DIR", plugins.display().to_string()),
            // a lock file of one platform is enough for a cache
            ("TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE", "1".to_owned()),
            ("CHECKPOINT_DISABLE", "1".to_owned()),
            ("TF_IN_AUTOMATION", "1".to_owned()),
            ("TF_INPUT", "0".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            (provider::GARBAGE.0, provider::GARBAGE.1.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    let terraform = |args: &[&str]| {
        let mut command = Command::new("terraform");
        command.args(args).envs(variables.iter().cloned()).current_dir(&root);
        command
    };
    let mut tally = Tally::default();
    tally.take(
        "terraform fmt",
        &mut terraform(&["fmt", "-check", "-recursive", "-diff", "infra"]),
    )?;
    let has_python = doctor::answers("python3", &["--version"]);
    let policies = |args: &[&str]| {
        let mut command = Command::new("python3");
        command.args(["-B", POLICIES]).args(args);
        command.envs(variables.iter().cloned()).current_dir(&root);
        command
    };
    // modules may have chosen more than one version
    let mut providers: BTreeMap<PathBuf, Provider> = BTreeMap::new();
    let mut groups: Vec<Vec<Check>> = Vec::new();
    for folder in modules() {
        let name = folder.display().to_string();
        let chdir = format!("-chdir={name}");
        // the cache of plugins is none for two that fetch at once
        tally.quiet(
            &format!("{name}: init"),
            &mut terraform(&[&chdir, "init", "-no-color", "-backend=false"]),
        )?;
        // the first thing that a test does is to validate what it tests
        let verb = if root.join(&folder).join("tests").is_dir() { "test" } else { "validate" };
        let mut command = if has_python && JUDGED.contains(&name.as_str()) {
            policies(&["--test", &name, STATES])
        } else {
            terraform(&[&chdir, verb, "-no-color"])
        };
        let module = root.join(&folder);
        if let Some(file) = provider::installed(&module, &module.join(".terraform")) {
            let provider = match providers.entry(file) {
                Entry::Occupied(running) => running.into_mut(),
                Entry::Vacant(place) => {
                    let provider = Provider::start(place.key(), &[])?;
                    place.insert(provider)
                }
            };
            command.env(provider::VARIABLE, provider.listens());
        }
        groups.push(vec![Check { name: format!("{name}: {verb}"), command }]);
    }
    tally.side_by_side(groups)?;
    drop(providers);
    if has_python {
        tally.take("policies", &mut policies(&["--judge", STATES]))?;
        tally.take("the policies' rules", &mut policies(&["--prove"]))?;
    } else {
        tally.skip("policies: no python3");
    }
    match python::environment("checkov", CHECKOV) {
        Ok(folder) => tally.quiet(
            "checkov",
            Command::new(folder.join("bin/python"))
                .arg(folder.join("bin/checkov"))
                .args(["--directory", "infra", "--framework", "terraform"])
                .args(["--quiet", "--compact", "--skip-download"])
                .current_dir(&root),
        )?,
        Err(error) => tally.skip(&format!("checkov: {}", human::chain(error.as_ref()))),
    }
    Ok(tally.outcome())
}

/// Every folder of infra with Terraform in it, in order.
fn modules() -> Vec<PathBuf> {
    let root = workspace::root();
    let mut folders: Vec<PathBuf> = files_under("infra", "tf")
        .iter()
        .filter_map(|file| file.parent()?.strip_prefix(&root).ok().map(Path::to_owned))
        .collect();
    folders.dedup();
    // comes and goes where `cargo xtask e2e` is at work
    folders.retain(|folder| !folder.ends_with(environment::E2E_COPY));
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of a root's main.tf without comments and alignment.
    fn lines(root: &str) -> Vec<String> {
        let file = workspace::root().join("infra").join(root).join("main.tf");
        let text = std::fs::read_to_string(&file).expect(root);
        text.lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .collect()
    }

    /// Their own tests cannot see it: what a module is given is hidden from a root's tests.
    #[test]
    fn an_example_is_an_environment_and_what_it_shows() {
        let check = |example: &str, expect: &[&str]| {
            let mut more = lines(&format!("examples/{example}"));
            for line in lines("envs/dev") {
                let place = more.iter().position(|other| *other == line);
                more.remove(place.unwrap_or_else(|| panic!("{example} lacks `{line}`")));
            }
            assert_eq!(more, expect, "{example}");
        };
        check("own-key", &["kms_key_arn = aws_kms_key.lake.arn"]);
        check(
            "own-network",
            &[
                r#"tags = { CostCenter = "market-data" }"#,
                "network = {",
                "subnets = var.subnets",
                "security_group = aws_security_group.tasks.id",
                "}",
            ],
        );
    }
}

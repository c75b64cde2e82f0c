//! The provider of AWS, as one process that many calls of Terraform talk to. Terraform by itself begins one for every
//! walk over a configuration, and reads the whole of its file, some 700 MB, for a checksum before each command.
//!
//! Such a process reads its environment once, and knows one configuration at a time, that of who came last: calls on
//! roots that differ, in their tags for one, take turns or have one each.
//!
//! Whether a module takes the version, and whether the file is the one that was locked, `init` says: it is not told of
//! this process.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail};

/// Its address, as lock files have it.
const ADDRESS: &str = "registry.terraform.io/hashicorp/aws";
/// The variable that tells Terraform where providers listen that it need not begin.
pub(crate) const VARIABLE: &str = "TF_REATTACH_PROVIDERS";
/// For Terraform and its providers: all that they know stays in memory, and looking it through for garbage at each
/// doubling costs a quarter of the time.
pub(crate) const GARBAGE: (&str, &str) = ("GOGC", "400");
/// Runs a provider until standard input closes, so that it cannot outlive us. Standard output is the
/// provider's alone: it ends when that ends.
const SCRIPT: &str =
    r#"trap '' INT; "$1" -debug & exec >&-; while read -r _; do :; done; kill -INT $!; wait $!"#;

/// A provider that runs.
#[derive(Debug)]
pub(crate) struct Provider {
    child: Child,
    /// Kept open: whoever writes into a closed pipe ends.
    _stdout: BufReader<ChildStdout>,
    /// What [`VARIABLE`] holds for it.
    listens: String,
}

impl Provider {
    /// Begins one; `variables` are those of the calls that it will serve.
    pub(crate) fn start(file: &Path, variables: &[(String, String)]) -> anyhow::Result<Self> {
        let mut child = Command::new("sh")
            .args(["-c", SCRIPT, "sh"])
            .arg(file)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            // one that runs by itself would else log every call
            .envs([("TF_LOG_SDK", "ERROR"), ("TF_LOG_PROVIDER", "ERROR"), GARBAGE])
            // with it a provider can be configured once, and fails the next time
            .env_remove("AWS_CA_BUNDLE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start sh")?;
        let stdout = child.stdout.take().context("the provider has no standard output")?;
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        loop {
            line.clear();
            if stdout.read_line(&mut line).context("cannot read what the provider says")? == 0 {
                bail!("the provider does not run; type `{} -debug` to see why", file.display());
            }
            if let Some(listens) = told(&line) {
                let listens = listens.to_owned();
                return Ok(Self { child, _stdout: stdout, listens });
            }
        }
    }

    /// What [`VARIABLE`] holds for it.
    pub(crate) fn listens(&self) -> &str {
        &self.listens
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // it stops its provider and ends by itself
        let _ = self.child.wait();
    }
}

/// The file of the provider that a root locks, where `init` has put one of that version into a data folder.
pub(crate) fn installed(root: &Path, data: &Path) -> Option<PathBuf> {
    let lock = fs::read_to_string(root.join(".terraform.lock.hcl")).ok()?;
    let version = locked(&lock)?;
    let platforms = data.join("providers").join(ADDRESS).join(version);
    let folder = fs::read_dir(platforms).ok()?.flatten().next()?.path();
    let file = fs::read_dir(folder)
        .ok()?
        .flatten()
        .find(|entry| entry.file_name().to_string_lossy().starts_with("terraform-provider-aws"))?;
    // modules have links to one file
    file.path().canonicalize().ok()
}

/// The same for several roots; nothing where they lock different ones.
pub(crate) fn of_all(roots: &[PathBuf], data: &Path) -> Option<PathBuf> {
    let (first, rest) = roots.split_first()?;
    let file = installed(first, data)?;
    rest.iter().all(|root| installed(root, data).as_ref() == Some(&file)).then_some(file)
}

/// The version that a lock file names.
fn locked(lock: &str) -> Option<&str> {
    let (_, block) = lock.split_once(&format!("provider \"{ADDRESS}\" {{"))?;
    let line = block.lines().find_map(|line| line.trim().strip_prefix("version"))?;
    line.split('"').nth(1)
}

/// Where a provider says that it listens, if a line says so.
fn told(line: &str) -> Option<&str> {
    line.trim().strip_prefix("TF_REATTACH_PROVIDERS='")?.strip_suffix('\'')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor;

    #[test]
    fn the_provider_is_the_one_that_init_chose() {
        let module = tempfile::tempdir().unwrap();
        let data = module.path().join(".terraform");
        let at = |version: &str| data.join(format!("providers/{ADDRESS}/{version}/linux_amd64"));
        for version in ["5.100.0", "6.2.0"] {
            fs::create_dir_all(at(version)).unwrap();
            fs::write(at(version).join("LICENSE.txt"), "").unwrap();
            fs::write(at(version).join(format!("terraform-provider-aws_v{version}_x5")), "")
                .unwrap();
        }
        assert_eq!(installed(module.path(), &data), None, "init has not run");

        let lock = format!(
            "provider \"registry.terraform.io/hashicorp/null\" {{\n  version = \"3.2.4\"\n}}\n\nprovider \
             \"{ADDRESS}\" {{\n  version     = \"5.100.0\"\n  constraints = \">= 5.100.0, < 7.0.0\"\n}}\n"
        );
        fs::write(module.path().join(".terraform.lock.hcl"), lock).unwrap();
        let file = at("5.100.0").join("terraform-provider-aws_v5.100.0_x5");
        assert_eq!(installed(module.path(), &data), file.canonicalize().ok());

        // one process is of one version
        let roots = ["5.100.0", "5.100.0", "6.2.0"].map(|version| {
            let root = tempfile::tempdir().unwrap();
            let lock = format!("provider \"{ADDRESS}\" {{\n  version = \"{version}\"\n}}\n");
            fs::write(root.path().join(".terraform.lock.hcl"), lock).unwrap();
            root
        });
        let paths: Vec<PathBuf> = roots.iter().map(|root| root.path().to_owned()).collect();
        assert_eq!(of_all(&paths[..2], &data), file.canonicalize().ok());
        assert_eq!(of_all(&paths, &data), None);
    }

    #[test]
    fn a_provider_ends_with_us_and_one_that_does_not_run_is_told() {
        if !doctor::answers("python3", &["--version"]) {
            println!("skipped: no python3");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let provider = |text: &str| {
            let file = folder.path().join("provider");
            fs::write(&file, format!("#!/usr/bin/env python3\n{text}\n")).unwrap();
            let made = Command::new("chmod").arg("+x").arg(&file).status().unwrap();
            assert!(made.success());
            file
        };
        let ended = folder.path().join("ended");
        let text = r#"
import os, signal, sys
signal.signal(signal.SIGINT, lambda *_: (open("ENDED", "w").close(), os._exit(0)))
assert os.environ["AT"] == "here" and "AWS_CA_BUNDLE" not in os.environ
print("Started:", sys.argv[1:], "\n\n\tTF_REATTACH_PROVIDERS='{\"a\": 1}'\n", flush=True)
while True:
    signal.pause()
"#;
        let file = provider(&text.replace("ENDED", &ended.display().to_string()));
        let variables =
            [("AT", "here"), ("AWS_CA_BUNDLE", "some")].map(|(a, b)| (a.into(), b.into()));
        let running = Provider::start(&file, &variables).unwrap();
        assert_eq!(running.listens(), r#"{"a": 1}"#);
        assert!(!ended.exists());
        drop(running);
        assert!(ended.exists());

        let error = Provider::start(&provider("print('no')"), &[]).unwrap_err().to_string();
        assert!(error.contains("the provider does not run"), "{error}");
    }
}

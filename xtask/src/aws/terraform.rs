//! One root of infra/ and the calls on it. What Terraform says of its troubles goes through
//! `trouble`.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::provider::{self, Provider};
use super::trouble::{NO_BUCKET, trouble};
use super::{EMULATED, Site, pushed, signals};
use crate::workspace::{root, shown};

/// The least version.
const VERSION: (u32, u32) = (1, 11);
/// Where a mirror of providers may lie: folders that are looked through.
const PLACES: &[&str] = &["/opt", "/usr/local", "/usr/share", "/var/lib"];
/// What a signal comes to.
const STOPPED: &str = "stopped: Terraform has ended what it had begun, and its state is not locked; \
                       type the same command again to go on";
/// How deep.
const DEPTH: u32 = 3;

/// A root module and where its data lies.
#[derive(Debug, Clone)]
pub(crate) struct Terraform {
    /// The root's folder.
    root: PathBuf,
    /// Data, plans and logs.
    data: PathBuf,
    /// Further variables of the process.
    variables: Vec<(String, String)>,
    /// Arguments of `init`.
    backend: Vec<String>,
    /// Arguments of `plan` and `destroy`.
    vars: Vec<String>,
    /// Whether images are among them.
    has_images: bool,
}

impl Terraform {
    /// The root of a site.
    pub(crate) fn of(site: &Site, account: &str) -> anyhow::Result<Self> {
        check()?;
        let data = site.folder().join("terraform");
        fs::create_dir_all(&data).with_context(|| format!("cannot make `{}`", data.display()))?;
        let mut variables = site.variables.clone();
        variables.extend(mirror(&data)?);
        let (mut backend, mut vars) = (Vec::new(), Vec::new());
        if site.name == EMULATED {
            vars.push(format!("-var=config_file={}", site.config.display()));
        } else {
            backend = in_bucket(site, account, &format!("{}/terraform.tfstate", site.name));
            // made by the bootstrap; GitHub's role makes no role without it
            vars.push(format!(
                "-var=permissions_boundary=arn:aws:iam::{account}:policy/market-lake-boundary-{}",
                site.name
            ));
        }
        let root = root().join("infra/envs").join(&site.name);
        if !root.join("main.tf").is_file() {
            bail!("there is no Terraform root {}; copy one of infra/envs", shown(&root));
        }
        Ok(Self { root, data, variables, backend, vars, has_images: false })
    }

    /// The root that makes what others need: state bucket, boundaries, roles of GitHub. Its state
    /// lies beside the environments' folders, where no role of theirs reads or writes.
    pub(crate) fn bootstrap(site: &Site, account: &str) -> anyhow::Result<Self> {
        check()?;
        let data = site.folder().join("bootstrap");
        fs::create_dir_all(&data)?;
        let mut variables = site.variables.clone();
        variables.extend(mirror(&data)?);
        let root = root().join("infra/bootstrap");
        let backend = in_bucket(site, account, "bootstrap.tfstate");
        Ok(Self { root, data, variables, backend, vars: Vec::new(), has_images: false })
    }

    /// A root that makes nothing, in a folder of its own: its outputs are a note, which lies in the
    /// bucket under a key.
    pub(crate) fn of_note(
        site: &Site,
        account: &str,
        root: PathBuf,
        key: &str,
    ) -> anyhow::Result<Self> {
        check()?;
        let (data, variables) = (root.join("data"), site.variables.clone());
        let backend = in_bucket(site, account, key);
        Ok(Self { root, data, variables, backend, vars: Vec::new(), has_images: false })
    }

    /// The folder of the root.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Gives the root's variables.
    pub(crate) fn set(&mut self, variables: &[(&str, String)]) {
        self.vars = variables.iter().map(|(name, value)| format!("-var={name}={value}")).collect();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("terraform");
        command
            .arg(format!("-chdir={}", self.root.display()))
            .args(args)
            .env("TF_DATA_DIR", &self.data)
            .env("TF_IN_AUTOMATION", "1")
            .env("TF_INPUT", "0")
            .env("CHECKPOINT_DISABLE", "1")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            // signals of the terminal are not meant for it: it hears of them from us
            .process_group(0);
        // what it chooses and locks does not hang on what runs
        if args.first() == Some(&"init") {
            command.env_remove(provider::VARIABLE);
        }
        command
    }

    /// The provider that `init` chose, for calls on some roots; nothing where these do not all lock it.
    pub(crate) fn provider(&self, roots: &[PathBuf]) -> anyhow::Result<Option<Provider>> {
        let file = provider::of_all(roots, &self.data);
        file.map(|file| Provider::start(&file, &self.variables)).transpose()
    }

    /// The words by which a person calls Terraform on this root.
    pub(crate) fn words(&self) -> String {
        let (data, root) = (self.data.display(), shown(&self.root));
        format!("TF_DATA_DIR={data} terraform -chdir={root}")
    }

    /// What Terraform says, as one message; with the whole command where one helps.
    fn told(&self, what: &str, said: &str) -> String {
        let whole = format!("`{} force-unlock", self.words());
        trouble(what, said).replace("`terraform force-unlock", &whole)
    }

    /// Runs to the end, quietly; standard output.
    fn quietly(&self, what: &str, args: &[&str]) -> anyhow::Result<String> {
        self.tried(args)?.map_err(|said| anyhow::anyhow!("{}", self.told(what, &said)))
    }

    /// Runs to the end, quietly; standard output, or what it says of its failure.
    fn tried(&self, args: &[&str]) -> anyhow::Result<Result<String, String>> {
        let child = self
            .command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start terraform")?;
        let (output, was_stopped) = signals::beside(child.id(), || child.wait_with_output())?;
        let output = output.context("cannot wait for terraform")?;
        if was_stopped {
            bail!(STOPPED);
        }
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            // what it says otherwise matters only where it names no error
            if stderr.contains("Error:") {
                return Ok(Err(stderr.into_owned()));
            }
            let stdout = String::from_utf8_lossy(&output.stdout);
            return Ok(Err(format!("{stderr}\n{stdout}")));
        }
        Ok(Ok(String::from_utf8_lossy(&output.stdout).into_owned()))
    }

    /// Fetches providers and opens the state.
    pub(crate) fn init(&self) -> anyhow::Result<()> {
        let mut args = vec!["init", "-no-color", "-reconfigure"];
        args.extend(self.backend.iter().map(String::as_str));
        self.quietly("prepare Terraform", &args).map(drop)
    }

    /// Opens the state in its bucket; false where there is no bucket yet.
    pub(crate) fn init_where_there_is_a_bucket(&self) -> anyhow::Result<bool> {
        let mut args = vec!["init", "-no-color", "-reconfigure"];
        args.extend(self.backend.iter().map(String::as_str));
        match self.tried(&args)? {
            Ok(_) => Ok(true),
            Err(said) if said.contains(NO_BUCKET) => Ok(false),
            Err(said) => bail!("{}", self.told("prepare Terraform", &said)),
        }
    }

    /// Opens the state in a file, as an override of the root says.
    pub(crate) fn init_beside(&self) -> anyhow::Result<()> {
        self.quietly("prepare Terraform", &["init", "-no-color", "-reconfigure"]).map(drop)
    }

    /// The state as its place holds it.
    pub(crate) fn pull(&self) -> anyhow::Result<Value> {
        let text = self.quietly("read the state", &["state", "pull"])?;
        // of a state that was never written nothing is said
        if text.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).context("what Terraform says of the state is no JSON")
    }

    /// Puts a state into its place; refused over one that is another's, or newer.
    pub(crate) fn push(&self, file: &Path) -> anyhow::Result<()> {
        let file = file.display().to_string();
        self.quietly("move the state", &["state", "push", "-no-color", &file]).map(drop)
    }

    /// Lets plans use the images that the state knows, or those that were just pushed from here.
    pub(crate) fn take_images(&mut self, site: &Site) -> anyhow::Result<()> {
        let deployed = self.outputs()?["images"]["value"].take();
        if let Some(images) = pushed::images(&site.folder(), &deployed) {
            let file = self.data.join("images.tfvars.json");
            fs::write(&file, serde_json::json!({ "images": images }).to_string())
                .with_context(|| format!("cannot write `{}`", file.display()))?;
            self.vars.push(format!("-var-file={}", file.display()));
            self.has_images = true;
        }
        Ok(())
    }

    /// Whether plans use any images.
    pub(crate) const fn has_images(&self) -> bool {
        self.has_images
    }

    /// Plans without holding the state's lock, for roles that may only read.
    pub(crate) fn without_lock(&mut self) {
        self.vars.push("-lock=false".to_owned());
    }

    /// The file of the saved plan.
    pub(crate) fn plan_file(&self) -> PathBuf {
        self.data.join("saved.tfplan")
    }

    /// Plans, keeps the plan, and says it as Terraform's JSON.
    pub(crate) fn plan(&self) -> anyhow::Result<Value> {
        self.plan_of(None)
    }

    /// Plans everything, or what stands at one address alone.
    pub(crate) fn plan_of(&self, address: Option<&str>) -> anyhow::Result<Value> {
        let out = format!("-out={}", self.plan_file().display());
        let target = address.map(|address| format!("-target={address}"));
        let mut args = vec!["plan", "-no-color", "-compact-warnings", &out];
        args.extend(target.as_deref());
        args.extend(self.vars.iter().map(String::as_str));
        self.quietly("plan", &args)?;
        self.show(&self.plan_file().display().to_string())
    }

    /// A plan, or the state where `what` is empty, as Terraform's JSON.
    fn show(&self, what: &str) -> anyhow::Result<Value> {
        let mut args = vec!["show", "-json", "-no-color"];
        if !what.is_empty() {
            args.push(what);
        }
        let text = self.quietly("read the plan", &args)?;
        serde_json::from_str(&text).context("what Terraform shows is no JSON")
    }

    /// The state, as Terraform's JSON.
    pub(crate) fn state(&self) -> anyhow::Result<Value> {
        self.show("")
    }

    /// The state: the addresses of all resources, those that are only read left out.
    pub(crate) fn resources(&self) -> anyhow::Result<Vec<String>> {
        let text = match self.quietly("read the state", &["state", "list", "-no-color"]) {
            // nothing was ever applied, or all of it is gone
            Err(error) if error.to_string().contains("No state file was found") => String::new(),
            other => other?,
        };
        let is_data = |line: &&str| line.split('.').any(|part| part == "data");
        Ok(text
            .lines()
            .filter(|line| !is_data(line) && !line.is_empty())
            .map(ToOwned::to_owned)
            .collect())
    }

    /// The outputs of the root.
    pub(crate) fn outputs(&self) -> anyhow::Result<Value> {
        let text = self.quietly("read the outputs", &["output", "-json", "-no-color"])?;
        serde_json::from_str(&text).context("what Terraform puts out is no JSON")
    }

    /// Applies the saved plan; tells what is done, one line a resource.
    pub(crate) fn apply(&self, changes: usize) -> anyhow::Result<()> {
        let file = self.plan_file();
        if !file.is_file() {
            bail!("there is no saved plan; type `cargo xtask plan` first");
        }
        let file = file.display().to_string();
        self.loudly("apply the plan", &["apply", "-no-color", &file], changes)?;
        // a plan is good for one time
        fs::remove_file(self.plan_file()).context("cannot remove the plan that was applied")
    }

    /// Applies a root that makes nothing, without a question.
    pub(crate) fn keep(&self, what: &str) -> anyhow::Result<()> {
        let mut args = vec!["apply", "-no-color", "-auto-approve", "-compact-warnings"];
        args.extend(self.vars.iter().map(String::as_str));
        self.quietly(what, &args).map(drop)
    }

    /// Destroys everything.
    pub(crate) fn destroy(&self, resources: usize) -> anyhow::Result<()> {
        let mut args = vec!["destroy", "-no-color", "-auto-approve", "-compact-warnings"];
        args.extend(self.vars.iter().map(String::as_str));
        self.loudly("destroy", &args, resources)
    }

    /// Destroys one resource, with all its instances, where the state has it.
    pub(crate) fn destroy_one(&self, address: &str) -> anyhow::Result<()> {
        let target = format!("-target={address}");
        let mut args = vec!["destroy", "-no-color", "-auto-approve", "-compact-warnings", &target];
        args.extend(self.vars.iter().map(String::as_str));
        self.quietly("destroy the schedules", &args).map(drop)
    }

    fn loudly(&self, what: &str, args: &[&str], all: usize) -> anyhow::Result<()> {
        let mut child = self
            .command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start terraform")?;
        let stderr = child.stderr.take().map(|pipe| {
            std::thread::spawn(move || {
                let lines = BufReader::new(pipe).lines().map_while(Result::ok);
                lines.collect::<Vec<_>>().join("\n")
            })
        });
        let stdout = child.stdout.take();
        let (status, was_stopped) = signals::beside(child.id(), || {
            let mut done = 0;
            // as bytes: what it says is read to its end, whatever it is
            for line in stdout.map(BufReader::new).into_iter().flat_map(|pipe| pipe.split(b'\n')) {
                let Ok(line) = line else { break };
                if let Some(text) = progress(String::from_utf8_lossy(&line).trim_end()) {
                    done += 1;
                    // a terminal that is gone is no reason to stop
                    let _ = writeln!(std::io::stderr(), "  {done:>3}/{all} {text}");
                }
            }
            child.wait()
        })?;
        let status = status.context("cannot wait for terraform")?;
        let said = stderr.and_then(|thread| thread.join().ok()).unwrap_or_default();
        if was_stopped {
            bail!(STOPPED);
        }
        if !status.success() {
            let told = self.told(what, &said);
            // advice of what to type stands alone
            if told.contains("type `") || told.contains("type the same") {
                bail!("{told}");
            }
            bail!("{told}\ntype the same command again to go on");
        }
        Ok(())
    }
}

/// A line of `apply` that is worth showing: `module.x.y: Creation complete after 3s [id=…]`.
fn progress(line: &str) -> Option<String> {
    let (address, rest) = line.split_once(": ")?;
    let word = ["Creation", "Modifications", "Destruction"].into_iter().find_map(|word| {
        rest.strip_prefix(word)?.strip_prefix(" complete").map(|_| match word {
            "Creation" => "made",
            "Modifications" => "changed",
            _ => "gone",
        })
    })?;
    Some(format!("{word:8} {}", address.replace("module.environment.", "")))
}

/// Arguments of `init` for a state in the account's bucket.
fn in_bucket(site: &Site, account: &str, key: &str) -> Vec<String> {
    let bucket = bucket(account, &site.states_in);
    vec![
        format!("-backend-config=bucket={bucket}"),
        format!("-backend-config=key={key}"),
        format!("-backend-config=region={}", site.states_in),
        "-backend-config=use_lockfile=true".to_owned(),
        "-backend-config=encrypt=true".to_owned(),
    ]
}

/// The bucket of Terraform's states in an account.
pub(crate) fn bucket(account: &str, region: &str) -> String {
    format!("market-lake-state-{account}-{region}")
}

/// Whether Terraform is there and new enough.
fn check() -> anyhow::Result<()> {
    let output = Command::new("terraform")
        .args(["version", "-json"])
        .env("CHECKPOINT_DISABLE", "1")
        .stdin(Stdio::null())
        .output();
    let Ok(output) = output else {
        bail!("terraform is not installed; see https://developer.hashicorp.com/terraform/install");
    };
    let value: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let found = value["terraform_version"].as_str().unwrap_or("unknown").to_owned();
    let mut numbers = found.split('.').filter_map(|part| part.parse::<u32>().ok());
    if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < VERSION {
        bail!("terraform {found} is too old, expected at least {}.{}", VERSION.0, VERSION.1);
    }
    Ok(())
}

/// A mirror of providers on this machine, as Terraform's configuration says it; none where the
/// user has a configuration, or there is no mirror.
pub(crate) fn mirror(data: &Path) -> anyhow::Result<Vec<(String, String)>> {
    const VARIABLE: &str = "TF_CLI_CONFIG_FILE";
    #[expect(clippy::disallowed_methods, reason = "Terraform's own variable, not one of ours")]
    let given = std::env::var_os(VARIABLE);
    // a name of a file that is not there configures nothing
    if given.is_some_and(|file| Path::new(&file).is_file()) {
        return Ok(Vec::new());
    }
    let Some(mirror) = PLACES.iter().find_map(|place| look(Path::new(place), DEPTH)) else {
        return Ok(Vec::new());
    };
    let text = format!(
        "disable_checkpoint = true\nprovider_installation {{\n  filesystem_mirror {{\n    path    = \
         {:?}\n    include = [\"registry.terraform.io/*/*\"]\n  }}\n}}\n",
        mirror.display().to_string()
    );
    let file = data.join("mirror.tfrc");
    fs::write(&file, text).with_context(|| format!("cannot write `{}`", file.display()))?;
    Ok(vec![(VARIABLE.to_owned(), file.display().to_string())])
}

fn look(folder: &Path, depth: u32) -> Option<PathBuf> {
    if folder.join("registry.terraform.io/hashicorp/aws").is_dir() {
        return Some(folder.to_owned());
    }
    if depth == 0 {
        return None;
    }
    let entries = fs::read_dir(folder).ok()?.flatten();
    entries
        .filter(|e| e.file_type().is_ok_and(|t| t.is_dir()))
        .find_map(|e| look(&e.path(), depth - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn init_is_not_told_of_a_provider_that_runs() {
        let (root, data) = (PathBuf::from("root"), PathBuf::from("data"));
        let (variables, backend, vars) = (Vec::new(), Vec::new(), Vec::new());
        let terraform = Terraform { root, data, variables, backend, vars, has_images: false };
        let forgets = |args: &[&str]| {
            let command = terraform.command(args);
            command.get_envs().any(|(name, value)| name == provider::VARIABLE && value.is_none())
        };
        assert!(forgets(&["init", "-no-color"]));
        assert!(!forgets(&["plan", "-no-color"]) && !forgets(&["destroy"]));
    }

    #[test]
    fn progress_is_one_line_a_resource() {
        assert_eq!(
            progress(
                "module.environment.module.lake.aws_s3_bucket.this: Creation complete after 1s [id=x]"
            ),
            Some("made     module.lake.aws_s3_bucket.this".to_owned())
        );
        assert_eq!(progress("a.b: Still creating... [10s elapsed]"), None);
        assert_eq!(progress("a.b: Destruction complete after 0s"), Some("gone     a.b".to_owned()));
    }
}

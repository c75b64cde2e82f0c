//! A third environment, a copy of `dev`: what an account needs and gets for an environment that
//! nobody knew of when this was written. It is bootstrapped with a repository on GitHub, again
//! without one and from a second clone, planned, applied and torn down by the commands that a
//! real account takes: states in the bucket, the boundary on every role. Its runs are those of
//! `emulated`; here nothing runs.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use anyhow::{Context as _, bail};

use super::{deployments, stoppable};
use crate::aws::provider::Provider;
use crate::aws::{self, EMULATED};
use crate::environment::{Choice, E2E_COPY as NAME};
use crate::human;
use crate::workspace::{self, root, shown};

/// What marks its folder as made here, so that nothing else is ever taken away; by the same file
/// git leaves the folder alone.
const MARKER: &str = ".gitignore";
/// What the marker says.
const MARKED: &str = "# made by `cargo xtask e2e --third`, which takes this folder away\n*\n";

/// The third environment at work, beside the steps.
pub(super) struct Beside {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Beside {
    /// Begins, on the emulated account, which is there.
    pub(super) fn begin() -> anyhow::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let account = Account::emulated(Arc::clone(&stop))?;
        Ok(Self::of(stop, move || whole(&account)))
    }

    fn of(
        stop: Arc<AtomicBool>,
        work: impl FnOnce() -> anyhow::Result<()> + Send + 'static,
    ) -> Self {
        Self { stop, thread: Some(std::thread::spawn(work)) }
    }

    /// Waits for its end.
    pub(super) fn end(mut self) -> anyhow::Result<()> {
        self.thread.take().map_or(Ok(()), joined)
    }
}

impl Drop for Beside {
    /// Where another step failed: it is stopped and waited for, or its files and its AWS would be
    /// taken away while it works with them.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(Err(error)) = self.thread.take().map(joined) {
            eprintln!("the third environment: {}", human::chain(error.as_ref()));
        }
    }
}

fn joined(thread: JoinHandle<anyhow::Result<()>>) -> anyhow::Result<()> {
    thread.join().map_err(|_| anyhow::anyhow!("a thread ended badly"))?
}

/// Its folder, which goes with this.
struct Folder;

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = clean() {
            eprintln!("{}", human::chain(error.as_ref()));
        }
    }
}

/// Takes away what of it is in the tree, also after a test that was killed.
pub(super) fn clean() -> anyhow::Result<()> {
    take_away(&root().join("infra/envs").join(NAME))?;
    let _ = fs::remove_dir_all(aws::folder(NAME));
    Ok(())
}

/// Takes a folder away that was made here; one of somebody's own is left alone, and told.
fn take_away(folder: &Path) -> anyhow::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    if !fs::read_to_string(folder.join(MARKER)).is_ok_and(|text| text == MARKED) {
        bail!(
            "`{}` was not made by this test, which takes that name: rename or remove the folder, \
             or leave out --third",
            shown(folder)
        );
    }
    fs::remove_dir_all(folder).with_context(|| format!("cannot remove `{}`", shown(folder)))
}

/// The text of dev's `lake.yaml` under the copy's name.
fn renamed(text: &str) -> anyhow::Result<String> {
    let of_dev = "\nenvironment: dev\n";
    anyhow::ensure!(text.contains(of_dev), "dev's lake.yaml has no {of_dev:?}");
    Ok(text.replacen(of_dev, &format!("\nenvironment: {NAME}\n"), 1))
}

impl Folder {
    /// Copies `dev`, as infra/README.md says, with a name of its own.
    fn copy() -> anyhow::Result<Self> {
        let envs = root().join("infra/envs");
        let to = envs.join(NAME);
        fs::create_dir(&to).with_context(|| format!("cannot make `{}`", shown(&to)))?;
        fs::write(to.join(MARKER), MARKED)?;
        let folder = Self;
        for entry in fs::read_dir(envs.join("dev"))? {
            let entry = entry?;
            if !entry.file_type()?.is_file() {
                continue;
            }
            let to = to.join(entry.file_name());
            if entry.file_name() == "lake.yaml" {
                fs::write(to, renamed(&fs::read_to_string(entry.path())?)?)?;
            } else {
                fs::copy(entry.path(), to)?;
            }
        }
        Ok(folder)
    }
}

/// The account that it is deployed to.
struct Account {
    /// They name the emulated one, and the provider.
    variables: Vec<(String, String)>,
    /// Its own: that of the steps is at work at the same time, for what has other tags.
    _provider: Option<Provider>,
    /// Set when nothing is to go on.
    stop: Arc<AtomicBool>,
}

impl Account {
    /// The emulated one, which is there.
    fn emulated(stop: Arc<AtomicBool>) -> anyhow::Result<Self> {
        let choice = Choice { env: Some(EMULATED.into()), ..Choice::default() };
        let mut variables = aws::Site::open(&choice, None)?.variables;
        let provider = deployments::provider(&["envs/dev", "bootstrap"])?;
        variables.extend(deployments::variables(provider.as_ref()));
        Ok(Self { variables, _provider: provider, stop })
    }

    /// A command on the third environment.
    fn xtask(&self, words: &[&str]) -> anyhow::Result<(u8, String)> {
        let mut command = Command::new(workspace::me()?);
        let variables = self.variables.iter().map(|(name, value)| (name, value));
        command.args(words).args(["--env", NAME, "--no-build"]).envs(variables);
        let shown = format!("cargo xtask {} --env {NAME}", words.join(" "));
        let ended = stoppable(&self.stop, &mut command, &shown, true)?;
        Ok((ended.code, format!("{}{}", ended.stdout, ended.stderr)))
    }

    /// One that does well, and says this.
    fn says(&self, words: &[&str], expect: &str) -> anyhow::Result<()> {
        let (code, said) = self.xtask(words)?;
        if code != 0 || !said.contains(expect) {
            bail!(
                "`cargo xtask {}` ended with {code}, expected 0 and `{expect}`:\n{said}",
                words.join(" ")
            );
        }
        Ok(())
    }
}

/// What a clone knows of its bootstrap besides what is in git.
fn forget() -> anyhow::Result<()> {
    let folder = aws::folder(NAME).join("bootstrap");
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot remove `{}`", folder.display()))?;
    }
    Ok(())
}

/// The whole of it.
fn whole(account: &Account) -> anyhow::Result<()> {
    clean()?;
    let folder = Folder::copy()?;
    // without a bootstrap there is no place for its state
    let (code, said) = account.xtask(&["plan"])?;
    if code == 0 || !said.contains("type `cargo xtask bootstrap`") {
        bail!("a plan without a bootstrap ended with {code}, expected advice:\n{said}");
    }
    let github =
        ["--repository", "somebody/market-lake", "--repository-id", "456", "--owner-id", "123"];
    let words = [["bootstrap", "--yes"].as_slice(), &github].concat();
    account.says(&words, &format!("environment {NAME}'s AWS_DEPLOY_ROLE = arn:"))?;
    // a second clone finds the state in the bucket, and in it who gets in
    forget()?;
    account.says(&["bootstrap", "--yes"], "nothing to change")?;
    account.says(&["bootstrap", "--yes"], "jobs on GitHub of somebody/market-lake (id 456")?;
    // no role of it is made where its boundary is not there
    account.says(&["plan"], "next: cargo xtask apply")?;
    account.says(&["apply"], "next: cargo xtask run")?;
    account.says(&["plan", "--drift"], "nothing to change")?;
    account.says(&["teardown", "--yes"], "nothing is left")?;
    account.says(&["bootstrap", "--yes", "--no-github"], "its roles go")?;
    drop(folder);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_made_here_is_taken_away() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join(NAME);
        take_away(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
        for text in ["environment: mine\n", "*\n"] {
            fs::write(folder.join(MARKER), text).unwrap();
            let error = take_away(&folder).unwrap_err().to_string();
            assert!(error.contains("was not made by this test"), "{error}");
        }
        fs::write(folder.join(MARKER), MARKED).unwrap();
        take_away(&folder).unwrap();
        assert!(!folder.exists());
    }

    #[test]
    fn the_copy_is_an_environment_that_can_be_deployed() {
        let dev = fs::read_to_string(root().join("infra/envs/dev/lake.yaml")).unwrap();
        let config = source::Providers::ALL.read("lake.yaml", &renamed(&dev).unwrap()).unwrap();
        assert_eq!(config.environment.value, NAME);
        assert!(config.aws.is_some());
        assert!(renamed("environment: prod\n").is_err());
    }

    #[test]
    fn it_has_ended_when_another_step_has_failed() {
        let (stop, ended) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let (asked, done) = (Arc::clone(&stop), Arc::clone(&ended));
        let beside = Beside::of(stop, move || {
            let result = stoppable(&asked, Command::new("sleep").arg("60"), "sleep", true);
            done.store(true, Ordering::Relaxed);
            result.map(drop)
        });
        drop(beside);
        assert!(ended.load(Ordering::Relaxed));
    }
}

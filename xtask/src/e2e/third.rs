//! A third environment, a copy of `dev`: what an account needs and gets for an environment that
//! nobody knew of when this was written. It is bootstrapped with a repository on GitHub, again
//! without one and from a second clone, planned, applied and torn down by the commands that a
//! real account takes: states in the bucket, the boundary on every role. Its runs are those of
//! `emulated`; here nothing runs.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, bail};

use super::bounded;
use crate::aws::{self, EMULATED};
use crate::environment::Choice;
use crate::workspace::{self, root};

/// Its name; its folder is in no commit.
pub(crate) const NAME: &str = "third";

/// Its folder, which goes with this.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        clean();
    }
}

/// Takes away what of it is in the tree, also after a test that failed or was killed.
pub(super) fn clean() {
    let _ = fs::remove_dir_all(root().join("infra/envs").join(NAME));
    let _ = fs::remove_dir_all(aws::folder(NAME));
}

impl Folder {
    /// Copies `dev`, as infra/README.md says, with a name of its own.
    fn copy() -> anyhow::Result<Self> {
        let envs = root().join("infra/envs");
        let folder = Self(envs.join(NAME));
        fs::create_dir_all(&folder.0)?;
        for entry in fs::read_dir(envs.join("dev"))? {
            let entry = entry?;
            if !entry.file_type()?.is_file() {
                continue;
            }
            let to = folder.0.join(entry.file_name());
            if entry.file_name() == "lake.yaml" {
                let mut text = fs::read_to_string(entry.path())?;
                let (of_dev, of_third) = ("\nenvironment: dev\n", "\nenvironment: third\n");
                anyhow::ensure!(text.contains(of_dev), "dev's lake.yaml has no {of_dev:?}");
                text = text.replacen(of_dev, of_third, 1);
                fs::write(to, text)?;
            } else {
                fs::copy(entry.path(), to)?;
            }
        }
        Ok(folder)
    }
}

/// The account that it is deployed to: variables that name the emulated one.
pub(super) struct Account(Vec<(String, String)>);

impl Account {
    /// The emulated one, which is there.
    pub(super) fn emulated() -> anyhow::Result<Self> {
        let choice = Choice { env: Some(EMULATED.into()), ..Choice::default() };
        Ok(Self(aws::Site::open(&choice, None)?.variables))
    }

    /// A command on the third environment.
    fn xtask(&self, words: &[&str]) -> anyhow::Result<(u8, String)> {
        let mut command = Command::new(workspace::me()?);
        let variables = self.0.iter().map(|(name, value)| (name, value));
        command.args(words).args(["--env", NAME, "--no-build"]).envs(variables);
        let shown = format!("cargo xtask {} --env {NAME}", words.join(" "));
        let ended = bounded(&mut command, &shown, true)?;
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
pub(super) fn whole(account: &Account) -> anyhow::Result<()> {
    clean();
    let folder = Folder::copy()?;
    // without a bootstrap there is no place for its state
    let (code, said) = account.xtask(&["plan"])?;
    if code == 0 || !said.contains("type `cargo xtask bootstrap`") {
        bail!("a plan without a bootstrap ended with {code}, expected advice:\n{said}");
    }
    let github =
        ["--repository", "somebody/market-lake", "--repository-id", "456", "--owner-id", "123"];
    let words = [["bootstrap", "--yes"].as_slice(), &github].concat();
    account.says(&words, "environment third's AWS_DEPLOY_ROLE = arn:")?;
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

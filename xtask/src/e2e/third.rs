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
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Folder {
    /// Copies `dev`, as infra/README.md says; only the name is another one.
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
                let text = fs::read_to_string(entry.path())?;
                let named = text.replacen("\nenvironment: dev\n", "\nenvironment: third\n", 1);
                anyhow::ensure!(named != text, "dev's lake.yaml does not say its name");
                fs::write(to, named)?;
            } else {
                fs::copy(entry.path(), to)?;
            }
        }
        Ok(folder)
    }
}

/// A command on it; its account is the emulated one.
fn xtask(words: &[&str]) -> anyhow::Result<(u8, String)> {
    let choice = Choice { env: Some(EMULATED.into()), ..Choice::default() };
    let variables = aws::Site::open(&choice, None)?.variables;
    let mut command = Command::new(workspace::me()?);
    command.args(words).args(["--env", NAME, "--no-build"]).envs(variables);
    let shown = format!("cargo xtask {} --env {NAME}", words.join(" "));
    let ended = bounded(&mut command, &shown, true)?;
    Ok((ended.code, format!("{}{}", ended.stdout, ended.stderr)))
}

/// A command on it that does well, and says this.
fn says(words: &[&str], expect: &str) -> anyhow::Result<()> {
    let (code, said) = xtask(words)?;
    if code != 0 || !said.contains(expect) {
        bail!(
            "`cargo xtask {}` ended with {code}, expected 0 and `{expect}`:\n{said}",
            words.join(" ")
        );
    }
    Ok(())
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
pub(super) fn whole() -> anyhow::Result<()> {
    let _ = fs::remove_dir_all(aws::folder(NAME));
    let folder = Folder::copy()?;
    // without a bootstrap there is no place for its state
    let (code, said) = xtask(&["plan"])?;
    if code == 0 || !said.contains("type `cargo xtask bootstrap`") {
        bail!("a plan without a bootstrap ended with {code}, expected advice:\n{said}");
    }
    let github =
        ["--repository", "somebody/market-lake", "--repository-id", "456", "--owner-id", "123"];
    let words = [["bootstrap", "--yes"].as_slice(), &github].concat();
    says(&words, "environment third's AWS_DEPLOY_ROLE = arn:")?;
    // a second clone finds the state in the bucket, and in it who gets in
    forget()?;
    says(&["bootstrap", "--yes"], "nothing to change")?;
    says(&["bootstrap", "--yes"], "jobs on GitHub of somebody/market-lake (id 456")?;
    // each role has the boundary, and none is made where that is not there
    says(&["plan"], "next: cargo xtask apply")?;
    says(&["apply"], "next: cargo xtask run")?;
    says(&["plan", "--drift"], "nothing to change")?;
    says(&["teardown", "--yes"], "nothing is left")?;
    // without its folder its boundary goes, and GitHub's roles where nobody is to get in
    says(&["bootstrap", "--yes", "--no-github"], "somebody/market-lake no longer may")?;
    drop(folder);
    let _ = fs::remove_dir_all(aws::folder(NAME));
    Ok(())
}

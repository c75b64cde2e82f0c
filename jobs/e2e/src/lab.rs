//! A lab: a folder with a lake and its configuration, and the product's own binaries to work on
//! it. The exchange is the caller's, so that a test can set its faults.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

/// A lake, its configuration and the binaries.
#[derive(Debug)]
pub struct Lab {
    folder: TempDir,
}

/// How a command of a lab ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; `None` when it was killed.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ended {
    /// Fails with all it said unless the exit code is `code`.
    ///
    /// # Errors
    /// When it ended otherwise.
    pub fn expect_code(self, code: i32) -> Result<Self> {
        ensure!(
            self.code == Some(code),
            "expected exit code {code}, found {:?}\n{}\n{}",
            self.code,
            self.stdout,
            self.stderr
        );
        Ok(self)
    }
}

/// The programs that `cargo xtask` builds together.
const JOBS: &[&str] = &["plan", "bronze", "silver", "commit", "gold", "check", "query", "exchange"];

/// Builds the binaries once, so that a test never meets stale ones, and tells where they are.
fn binaries() -> Result<&'static Path> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let build = || -> Result<PathBuf> {
            let test = std::env::current_exe()?;
            let folder = test
                .parent()
                .and_then(Path::parent)
                .context("a test binary lies in target/<profile>/deps")?;
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
            let target = folder.parent().context("a profile lies in a target folder")?;
            // the same selections of packages as xtask's own, or cargo would choose other
            // features for what they share and build it twice
            for packages in [JOBS, &["xtask"]] {
                let status = Command::new(env!("CARGO"))
                    .args(["build", "--quiet", "--bins", "--target-dir"])
                    .arg(target)
                    .args(packages.iter().flat_map(|job| ["--package", job]))
                    .current_dir(&root)
                    .status()?;
                ensure!(status.success(), "the programs do not build: {packages:?}");
            }
            Ok(folder.to_owned())
        };
        build().map_err(|error| format!("{error:#}"))
    });
    match built {
        Ok(path) => Ok(path),
        Err(error) => bail!("{error}"),
    }
}

impl Lab {
    /// A lab with the configuration `yaml`.
    ///
    /// # Errors
    /// When the folder cannot be made or the binaries cannot be built.
    pub fn new(yaml: &str) -> Result<Self> {
        binaries()?;
        let lab = Self { folder: tempfile::tempdir()? };
        std::fs::write(lab.config(), yaml)?;
        Ok(lab)
    }

    /// The configuration's path.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("lake.yaml")
    }

    /// Replaces the configuration.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn configure(&self, yaml: &str) -> Result<()> {
        Ok(std::fs::write(self.config(), yaml)?)
    }

    /// The lake's directory.
    pub fn lake(&self) -> PathBuf {
        self.folder.path().join("lake")
    }

    /// A command of the product, with `--config` and `--lake` set.
    ///
    /// # Errors
    /// When the binaries cannot be built.
    pub fn command<S: AsRef<OsStr>>(&self, binary: &str, args: &[S]) -> Result<Command> {
        let mut command = Command::new(binaries()?.join(binary));
        command
            .args(args)
            .arg("--config")
            .arg(self.config())
            .arg("--lake")
            .arg(self.lake())
            .stdin(Stdio::null())
            .current_dir(self.folder.path());
        Ok(command)
    }

    /// Runs a command of the product to its end.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn job<S: AsRef<OsStr>>(&self, binary: &str, args: &[S]) -> Result<Ended> {
        Ok(self.command(binary, args)?.output()?.into())
    }

    /// `xtask local run`, to its end.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run(&self, args: &[&str]) -> Result<Ended> {
        Ok(self.run_command(args)?.output()?.into())
    }

    /// `xtask local run`, not started.
    ///
    /// # Errors
    /// When the binaries cannot be built.
    pub fn run_command(&self, args: &[&str]) -> Result<Command> {
        let mut words = vec!["local", "run", "--json", "--no-build"];
        words.extend(args);
        self.command("xtask", &words)
    }

    /// `xtask local run` that must end well; its summary.
    ///
    /// # Errors
    /// When it ends otherwise or its summary is no JSON.
    pub fn run_well(&self) -> Result<Value> {
        let ended = self.run(&[])?.expect_code(0)?;
        let start = ended.stdout.find('{').context("no summary on standard output")?;
        serde_json::from_str(ended.stdout[start..].trim())
            .with_context(|| format!("bad summary: {}", ended.stdout))
    }

    /// The rows that an SQL text gives, as JSON objects.
    ///
    /// # Errors
    /// When the query fails.
    pub fn sql(&self, sql: &str) -> Result<Vec<Value>> {
        let ended = self.job("query", &["--sql", sql, "--format", "json"])?.expect_code(0)?;
        serde_json::from_str(&ended.stdout)
            .with_context(|| format!("bad answer to {sql}: {}", ended.stdout))
    }

    /// The rows that an SQL text gives, a text a row, values joined by a blank.
    ///
    /// # Errors
    /// When the query fails.
    pub fn lines(&self, sql: &str) -> Result<Vec<String>> {
        let ended = self.job("query", &["--sql", sql, "--format", "csv"])?.expect_code(0)?;
        Ok(ended.stdout.lines().skip(1).map(|line| line.replace(',', " ")).collect())
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

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
    /// Where the lake lies, where it is no folder of the lab.
    uri: Option<String>,
    /// What the commands find in their environment.
    variables: Vec<(&'static str, String)>,
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

/// The programs that a lab runs.
const PROGRAMS: &[&str] = &[
    "plan", "bronze", "silver", "commit", "gold", "check", "publish", "query", "exchange", "xtask",
];

/// Where the programs are: beside the tests. They are not built here: cargo inside of a test has
/// other variables around it, and would compile the SQL engine anew.
fn binaries() -> Result<&'static Path> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let find = || -> Result<PathBuf> {
            let test = std::env::current_exe()?;
            let folder = test
                .parent()
                .and_then(Path::parent)
                .context("a test binary lies in target/<profile>/deps")?;
            for program in PROGRAMS {
                ensure!(
                    folder.join(program).is_file(),
                    "no program `{program}` in {}; run `cargo build --bins`",
                    folder.display()
                );
            }
            Ok(folder.to_owned())
        };
        find().map_err(|error| format!("{error:#}"))
    });
    match found {
        Ok(path) => Ok(path),
        Err(error) => bail!("{error}"),
    }
}

impl Lab {
    /// A lab with the configuration `yaml`.
    ///
    /// # Errors
    /// When the folder cannot be made or the binaries are not there.
    pub fn new(yaml: &str) -> Result<Self> {
        binaries()?;
        let lab = Self { folder: tempfile::tempdir()?, uri: None, variables: Vec::new() };
        std::fs::write(lab.config(), yaml)?;
        Ok(lab)
    }

    /// The same with a lake on an object store, and what is needed to reach it.
    #[must_use]
    pub fn on_store(self, bucket: &str, variables: Vec<(&'static str, String)>) -> Self {
        let name = self.folder.path().file_name().unwrap_or_default().to_string_lossy();
        let uri = Some(format!("{bucket}/e2e-{}", name.trim_start_matches('.')));
        Self { uri, variables, ..self }
    }

    /// Keeps the folder when the test is over, for a look at what went wrong; its path.
    pub fn keep(self) -> PathBuf {
        self.folder.keep()
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
    /// When the binaries are not there.
    pub fn command<S: AsRef<OsStr>>(&self, binary: &str, args: &[S]) -> Result<Command> {
        let mut command = Command::new(binaries()?.join(binary));
        command
            .args(args)
            .arg("--config")
            .arg(self.config())
            .arg("--lake")
            .arg(self.uri.as_ref().map_or_else(|| self.lake().into_os_string(), Into::into))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
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
    /// When the binaries are not there.
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

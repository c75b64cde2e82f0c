//! Lints all crates, and runs their tests with one call of cargo; reads what they say: how many passed,
//! and which of them could not run here. A test that cannot run prints a line that begins with
//! `skipped: ` and passes, or fails where everything is required.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use anyhow::Context as _;

use super::Outcome;
use crate::workspace;

/// How a test says that it could not run.
const MARK: &str = "skipped: ";

/// What the lines of `cargo test -- --show-output` come to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Reading {
    passed: u64,
    failed: u64,
    skipped: Vec<String>,
    /// Inside the output of tests that passed, which is not shown.
    in_successes: bool,
}

impl Reading {
    /// Takes a line; whether it is to be shown.
    fn take(&mut self, line: &str) -> bool {
        if let Some(result) = line.strip_prefix("test result: ") {
            self.in_successes = false;
            self.passed += figure(result, " passed");
            self.failed += figure(result, " failed");
            let unrun = figure(result, " ignored");
            if unrun > 0 {
                self.skipped.push(format!("{unrun} tests that are switched off"));
            }
            return true;
        }
        match line {
            "successes:" => self.in_successes = true,
            "failures:" => self.in_successes = false,
            _ => {}
        }
        if let Some(at) = line.find(MARK)
            && self.in_successes
        {
            let reason = line[at + MARK.len()..].trim().to_owned();
            if !self.skipped.contains(&reason) {
                self.skipped.push(reason);
            }
        }
        // single tests that are well are many; their number says it
        let one_is_well = line.starts_with("test ") && line.ends_with(" ... ok");
        !(self.in_successes || one_is_well)
    }
}

/// The number before `word`, in `ok. 3 passed; 0 failed; …`.
fn figure(text: &str, word: &str) -> u64 {
    let Some(end) = text.find(word) else { return 0 };
    let digits = text[..end].rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    digits.parse().unwrap_or(0)
}

/// The linter as the compiler of our crates. Where whoever calls us has cargo use it for everything, as
/// .ci/run does, building the tests lints them, and nothing is compiled for the linter alone.
const WRAPPER: (&str, &str) = ("RUSTC_WORKSPACE_WRAPPER", "clippy-driver");

/// Lints the workspace; a warning is a failure.
#[expect(clippy::disallowed_methods, reason = "it is cargo's, which passes it on")]
pub(super) fn lints() -> anyhow::Result<Outcome> {
    let wrapper = std::env::var_os(WRAPPER.0).unwrap_or_default();
    let by_building = Path::new(&wrapper).ends_with(WRAPPER.1);
    let what: &[&str] =
        if by_building { &["test", "--no-run"] } else { &["clippy", "--all-targets"] };
    let mut child = workspace::cargo()
        .args(what)
        .args(["--workspace", "--quiet", "--message-format=json"])
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let stdout = child.stdout.take().context("cargo has no standard output")?;
    let mut faults = 0;
    for line in BufReader::new(stdout).lines() {
        let line = line.context("cannot read what cargo says")?;
        if let Some(text) = fault(&line) {
            faults += 1;
            print!("{text}");
        }
    }
    let good = child.wait()?.success() && faults == 0;
    Ok(Outcome::Ran { passed: u64::from(good), failed: u64::from(!good), skipped: Vec::new() })
}

/// What the compiler says in a line of cargo's messages, where it is a warning or an error.
fn fault(line: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Line {
        message: Message,
    }
    #[derive(serde::Deserialize)]
    struct Message {
        level: String,
        rendered: Option<String>,
    }
    let Line { message } = serde_json::from_str(line).ok()?;
    let counts = matches!(message.level.as_str(), "warning" | "error");
    counts.then(|| message.rendered.unwrap_or_default())
}

/// Runs tests of cargo's workspace, those that `args` choose, with some more variables.
pub(super) fn tests(
    strict: bool,
    args: &[&str],
    variables: &[(String, String)],
) -> anyhow::Result<Outcome> {
    let mut command = workspace::cargo();
    command
        .args(["test", "--workspace", "--no-fail-fast"])
        .args(args)
        .args(["--", "--show-output"])
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdout(Stdio::piped());
    if strict {
        command.env(model::env::REQUIRE_ALL, "1");
    }
    let mut child = command.spawn().context("cannot start cargo")?;
    let mut reading = Reading::default();
    let stdout = child.stdout.take().context("cargo has no standard output")?;
    for line in BufReader::new(stdout).lines() {
        let line = line.context("cannot read what cargo says")?;
        if reading.take(&line) {
            println!("{line}");
        }
    }
    let good = child.wait()?.success();
    // what does not compile has no figures
    if !good && reading.failed == 0 {
        reading.failed = 1;
    }
    Ok(Outcome::Ran { passed: reading.passed, failed: reading.failed, skipped: reading.skipped })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_read_and_artifacts_are_not() {
        let line = |level: &str| {
            format!(
                r#"{{"reason":"compiler-message","message":{{"level":"{level}","rendered":"x\n"}}}}"#
            )
        };
        assert_eq!(fault(&line("warning")).as_deref(), Some("x\n"));
        assert_eq!(fault(&line("error")).as_deref(), Some("x\n"));
        assert_eq!(fault(&line("note")), None);
        assert_eq!(fault(r#"{"reason":"compiler-artifact","fresh":true}"#), None);
        assert_eq!(fault("what a build script prints"), None);
    }

    #[test]
    fn figures_and_reasons_are_read() {
        let text = "\nrunning 3 tests\ntest a ... ok\ntest b ... FAILED\n\nsuccesses:\n\n\
                    ---- a stdout ----\nskipped: no ../shared\n\n\nsuccesses:\n    a\n\nfailures:\n\n\
                    ---- b stdout ----\nskipped: of a failing test\n\nfailures:\n    b\n\n\
                    test result: FAILED. 12 passed; 1 failed; 2 ignored; 0 measured\n";
        let mut reading = Reading::default();
        let shown: Vec<&str> = text.lines().filter(|line| reading.take(line)).collect();
        assert_eq!((reading.passed, reading.failed), (12, 1));
        assert_eq!(reading.skipped, ["no ../shared", "2 tests that are switched off"]);
        assert!(shown.contains(&"test b ... FAILED") && !shown.contains(&"test a ... ok"));
        assert!(!shown.contains(&"---- a stdout ----") && shown.contains(&"---- b stdout ----"));
    }
}

//! Steps that run beside others, for one works while the other waits. Each is a process of its own, and
//! what it says is shown as a whole when it has ended.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::Outcome;
use crate::{human, workspace};

/// A step that has ended.
#[derive(Debug)]
pub(super) struct Done {
    /// Its name.
    pub(super) step: &'static str,
    /// What came of it.
    pub(super) outcome: Outcome,
    /// The time it took.
    pub(super) took: Duration,
}

/// Steps at work, one after the other.
#[derive(Debug)]
pub(super) struct Beside(JoinHandle<Vec<Done>>);

impl Beside {
    /// Begins, each with the variables; what would be skipped fails where `strict`.
    pub(super) fn begin(
        steps: &'static [&'static str],
        strict: bool,
        variables: Vec<(String, String)>,
    ) -> Self {
        let work = move || steps.iter().map(|step| run(step, strict, &variables)).collect();
        Self(std::thread::spawn(work))
    }

    /// Waits for the end of all.
    pub(super) fn end(self) -> Vec<Done> {
        self.0.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

fn run(step: &'static str, strict: bool, variables: &[(String, String)]) -> Done {
    let start = Instant::now();
    let outcome = outcome(step, strict, variables).unwrap_or_else(|error| {
        println!("{step}: {}", human::chain(error.as_ref()));
        Outcome::of(false)
    });
    Done { step, outcome, took: start.elapsed() }
}

fn outcome(step: &str, strict: bool, variables: &[(String, String)]) -> anyhow::Result<Outcome> {
    let note = workspace::target()?.join(format!("test-{step}.json"));
    // of a run before, which may have ended otherwise
    let _ = fs::remove_file(&note);
    let output = Command::new(workspace::me()?)
        .args(["test", "--only", step, "--outcome"])
        .arg(&note)
        .args(strict.then_some("--all"))
        .envs(variables.iter().cloned())
        .current_dir(workspace::root())
        .output()
        .context("cannot start it")?;
    let said = [output.stdout, output.stderr].concat();
    println!("\n== {step}, which ran beside\n{}", String::from_utf8_lossy(&said).trim());
    let text = fs::read(&note).context("it ended without an outcome")?;
    serde_json::from_slice(&text).context("its outcome cannot be read")
}

/// Writes the outcome of a step for whoever began it.
pub(super) fn tell(note: &Path, outcome: &Outcome) -> anyhow::Result<()> {
    fs::write(note, serde_json::to_vec(outcome)?)
        .with_context(|| format!("cannot write `{}`", note.display()))
}

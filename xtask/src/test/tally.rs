//! The checks that a step is made of, where they are programs: runs them, one after the other or side by
//! side, and counts them.

use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;

use anyhow::Context as _;

use super::Outcome;

/// A check whose output matters only where it fails.
#[derive(Debug)]
pub(super) struct Check {
    /// What its line begins with.
    pub(super) name: String,
    /// What runs.
    pub(super) command: Command,
}

/// What the checks of a step came to so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    passed: u64,
    failed: u64,
    skipped: Vec<String>,
}

impl Tally {
    /// Runs a check whose output is for people.
    pub(super) fn take(&mut self, name: &str, command: &mut Command) -> anyhow::Result<()> {
        let status = command.status().with_context(|| format!("cannot start {name}"))?;
        self.count(name, status.success(), "");
        Ok(())
    }

    /// Runs a check whose output matters only where it fails.
    pub(super) fn quiet(&mut self, name: &str, command: &mut Command) -> anyhow::Result<()> {
        let output = command
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot start {name}"))?;
        let said = [output.stdout, output.stderr].concat();
        self.count(name, output.status.success(), &String::from_utf8_lossy(&said));
        Ok(())
    }

    /// Runs groups of checks side by side, as many as this machine has cores; those of a group in
    /// their order.
    pub(super) fn side_by_side(&mut self, groups: Vec<Vec<Check>>) -> anyhow::Result<()> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let left = Mutex::new(groups.into_iter());
        let worker = || -> anyhow::Result<Self> {
            let mut tally = Self::default();
            loop {
                let next = left.lock().ok().and_then(|mut left| left.next());
                let Some(group) = next else { return Ok(tally) };
                for mut check in group {
                    tally.quiet(&check.name, &mut check.command)?;
                }
            }
        };
        let tallies = thread::scope(|scope| {
            let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
            let join = |worker: thread::ScopedJoinHandle<'_, anyhow::Result<Self>>| {
                worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            workers.into_iter().map(join).collect::<anyhow::Result<Vec<Self>>>()
        })?;
        for tally in tallies {
            self.add(tally.passed, tally.failed, tally.skipped);
        }
        Ok(())
    }

    fn count(&mut self, name: &str, good: bool, said: &str) {
        if good {
            println!("{name}: good");
            self.passed += 1;
        } else {
            println!("{}\n{name}: FAILED", said.trim());
            self.failed += 1;
        }
    }

    /// Adds what a program says of many checks.
    pub(super) fn add(&mut self, passed: u64, failed: u64, skipped: Vec<String>) {
        self.passed += passed;
        self.failed += failed;
        self.skipped.extend(skipped);
    }

    /// Notes a check that cannot run here, and why.
    pub(super) fn skip(&mut self, reason: &str) {
        self.skipped.push(reason.to_owned());
    }

    /// What came of the step.
    pub(super) fn outcome(self) -> Outcome {
        Outcome::Ran { passed: self.passed, failed: self.failed, skipped: self.skipped }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_side_by_side_are_all_counted() {
        let check =
            |program: &str| Check { name: program.to_owned(), command: Command::new(program) };
        let mut tally = Tally::default();
        tally
            .side_by_side(vec![
                vec![check("true"), check("false")],
                vec![check("true")],
                Vec::new(),
                vec![check("true")],
            ])
            .unwrap();
        assert_eq!((tally.passed, tally.failed), (3, 1));

        let unknown = Tally::default().side_by_side(vec![vec![check("no-such-program")]]);
        assert!(unknown.is_err());
    }
}

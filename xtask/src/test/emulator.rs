//! The emulator's own tests: a proof for every patch, the launcher, Athena on the real engine.

use std::process::Command;

use anyhow::Context as _;

use super::{Outcome, Tally, python};
use crate::aws::emulator;
use crate::{doctor, workspace};

/// What it needs, and what its tests need besides.
const REQUIREMENTS: [&str; 2] =
    ["ops/emulator/requirements.txt", "ops/emulator/requirements-dev.txt"];

/// Runs them.
pub(super) fn run(strict: bool) -> anyhow::Result<Outcome> {
    if !doctor::answers(
        "python3",
        &["-c", "import sys; print(sys.version); sys.exit(sys.version_info < (3, 11))"],
    ) {
        return Ok(Outcome::Skipped("no Python 3.11 or newer".into()));
    }
    // 800 MB are fetched only where everything is wanted; else its tests say that they are skipped
    if strict {
        emulator::install(true)?;
    }
    let root = workspace::root();
    let mut requirements = String::new();
    for file in REQUIREMENTS {
        requirements += &std::fs::read_to_string(root.join(file))
            .with_context(|| format!("cannot read `{file}`"))?;
    }
    let bin = python::environment("the emulator and its tests", &requirements)?.join("bin");
    let folder = root.join("ops/emulator");
    let mut tally = Tally::default();
    tally.take(
        "ruff",
        Command::new(bin.join("ruff")).args(["check", "--quiet"]).current_dir(&folder),
    )?;
    let output = Command::new(bin.join("python"))
        .args(["-B", "-m", "pytest", "-rs", "--color=no"])
        .args(["--numprocesses", "auto", "--dist", "loadfile"])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .envs(strict.then_some((model::env::REQUIRE_ALL, "1")))
        .current_dir(&folder)
        .output()
        .context("cannot start pytest")?;
    let said = String::from_utf8_lossy(&output.stdout);
    print!("{said}");
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    let counts = Counts::of(&said);
    let failed = counts.failed.max(u64::from(!output.status.success()));
    tally.add(counts.passed, failed, counts.reasons);
    Ok(tally.outcome())
}

/// What pytest's last line and its reasons come to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
    reasons: Vec<String>,
}

impl Counts {
    fn of(said: &str) -> Self {
        let mut counts = Self::default();
        for line in said.lines() {
            // `SKIPPED [3] tests/test_athena.py:30: trino is not installed`
            if let Some(reason) = line.strip_prefix("SKIPPED ") {
                counts.reasons.push(reason.to_owned());
            }
        }
        let last = said.lines().rev().find(|line| line.contains(" in ")).unwrap_or_default();
        let words: Vec<&str> =
            last.split([' ', ',', '=']).filter(|word| !word.is_empty()).collect();
        for pair in words.windows(2) {
            let n = pair[0].parse().unwrap_or(0);
            match pair[1] {
                "passed" => counts.passed = n,
                "failed" | "error" | "errors" => counts.failed += n,
                _ => {}
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pytest_is_read() {
        let check = |said: &str, passed, failed, reasons: &[&str]| {
            let reasons = reasons.iter().map(|r| (*r).to_owned()).collect();
            assert_eq!(Counts::of(said), Counts { passed, failed, reasons });
        };
        check("....\n4 passed in 1.20s\n", 4, 0, &[]);
        check("=== 1 failed, 3 passed, 2 errors in 1.20s ===\n", 3, 3, &[]);
        check(
            "SKIPPED [1] a.py:3: no engine\n3 passed, 1 skipped in 2s",
            3,
            0,
            &["[1] a.py:3: no engine"],
        );
        check("", 0, 0, &[]);
    }
}

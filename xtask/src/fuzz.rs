//! `cargo xtask fuzz`: the property tests of the parsers of foreign bytes, over and over with new
//! random input, until the time is over. A failure is made small and kept by proptest in a
//! `proptest-regressions` folder beside the source; commit it with the repair.

use std::time::{Duration, Instant};

use crate::{human, workspace};

/// What is fuzzed: its name, the crate, and what the names of its tests begin with.
const TARGETS: [(&str, &str, &[&str]); 5] = [
    ("csv", "silver", &["parse::tests::any_bytes", "parse::tests::damaged_rows"]),
    ("zip", "silver", &["group::tests::a_damaged_zip"]),
    ("checksum", "model", &["checksum::tests::no_"]),
    ("listing", "source", &["listing::tests::no_", "archive::tests::no_"]),
    ("configuration", "model", &["config::validate::tests::no_"]),
];

/// Cases of a test between two looks at the clock.
const CASES: &str = "4000";

/// The arguments of `fuzz`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask fuzz                       every target, a minute each\n  \
                        cargo xtask fuzz csv zip --minutes 10  two of them, for longer"
)]
pub(crate) struct Args {
    /// What to fuzz; everything when nothing is named
    #[arg(value_name = "TARGET", value_parser = TARGETS.map(|(name, ..)| name))]
    targets: Vec<String>,

    /// Minutes a target
    #[arg(long, value_name = "N", default_value_t = 1)]
    minutes: u64,
}

/// Fuzzes; ends at the first failure.
pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    let wanted = |name: &str| args.targets.is_empty() || args.targets.iter().any(|t| t == name);
    for (name, package, tests) in TARGETS.iter().filter(|(name, ..)| wanted(name)) {
        let start = Instant::now();
        let mut rounds = 0_u64;
        while rounds == 0 || start.elapsed() < Duration::from_secs(args.minutes * 60) {
            let output = workspace::cargo()
                .args(["test", "--quiet", "--package", package, "--lib", "--"])
                .args(*tests)
                .env("PROPTEST_CASES", CASES)
                .output()?;
            let said = String::from_utf8_lossy(&output.stdout);
            if !output.status.success() {
                print!("{said}{}", String::from_utf8_lossy(&output.stderr));
                println!("{name}: FAILED");
                return Ok(1);
            }
            anyhow::ensure!(!said.contains(" 0 passed"), "{name}: no test is called {tests:?}");
            rounds += 1;
        }
        println!(
            "{name}: {} of {CASES} random cases a test in {}, no failure",
            human::plural(rounds, "round"),
            human::span(start.elapsed())
        );
    }
    Ok(0)
}

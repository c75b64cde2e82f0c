//! `cargo xtask test`: everything that this machine can test, and what it cannot and why.
//!
//! A step is quick to read here: what it needs, what it runs. `test/beside.rs` runs some of them
//! beside the others; `test/cargo.rs` reads what `cargo test` says; `test/python.rs` makes the Python
//! whose readers the tests compare with; `test/scratch.rs` finds where they make their lakes;
//! `test/servers.rs` starts the servers of S3 that the store's tests talk to; `test/linters.rs` lints
//! what is no Rust; `test/infra.rs` is Terraform's; `test/emulator.rs` runs the emulator's own tests;
//! `test/containers.rs` runs what takes a container engine; `test/tally.rs` counts the checks that a
//! step is made of.

mod beside;
mod cargo;
mod containers;
mod emulator;
mod infra;
mod linters;
mod python;
mod scratch;
mod servers;
mod tally;

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use beside::{Beside, Done};
use containers::Engine;
use tally::Tally;

use crate::{codegen, doctor, human, tidy, workspace};

/// The arguments of `test`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Test everything that this machine can test: format, lints, the rules of the \
                  tree, all crates' tests, end-to-end runs, other engines reading the tables, \
                  Terraform, the images, the whole way on an emulated AWS. Says at the end what was \
                  skipped, and why.",
    after_help = "Examples:\n  \
        cargo xtask test                 what this machine can\n  \
        cargo xtask test --all           the same, but what would be skipped fails\n  \
        cargo xtask test --only tests    one step\n\n\
        One crate alone: cargo test -p silver"
)]
pub(crate) struct Args {
    /// What would be skipped fails
    #[arg(long)]
    all: bool,

    /// Whether CI says the same; `1` is yes
    #[arg(long, hide = true, env = model::env::REQUIRE_ALL, default_value = "")]
    require_all: String,

    /// One step alone, by its name
    #[arg(long, value_name = "STEP", value_parser = STEPS)]
    only: Option<String>,

    /// Where to note what came of that step, for the run that began it
    #[arg(long, hide = true, requires = "only")]
    outcome: Option<PathBuf>,
}

/// The steps, the quick ones first.
const STEPS: [&str; 12] = [
    "format",
    "tidy",
    "codegen",
    "scripts",
    "linters",
    "lints",
    "build",
    "tests",
    "containers",
    "e2e",
    "terraform",
    "emulator",
];

/// Steps that run beside the crates' tests, for they mostly wait: each list in its order, the lists at the same
/// time. `e2e` takes the images that `containers` makes.
const BESIDE: [&[&str]; 2] = [&["containers", "e2e"], &["terraform", "emulator"]];

/// What came of a step.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(crate) enum Outcome {
    /// It ran: how many checks passed and failed, and notes of what it skipped inside.
    Ran {
        /// Checks that passed.
        passed: u64,
        /// Checks that failed.
        failed: u64,
        /// Checks that could not run, with the reason.
        skipped: Vec<String>,
    },
    /// It could not run on this machine, for this reason.
    Skipped(String),
}

impl Outcome {
    fn of(good: bool) -> Self {
        Self::Ran { passed: u64::from(good), failed: u64::from(!good), skipped: Vec::new() }
    }
}

/// Runs the steps and shows their table. Every step runs, whatever failed before.
pub(crate) fn run(args: &Args) -> u8 {
    let strict = args.all || args.require_all == "1";
    let whole = args.only.is_none();
    let mut done = Vec::new();
    // it runs until all have ended; where there is none, the step that takes it says so
    let mut engine = None;
    let mut beside = Vec::new();
    for step in STEPS.into_iter().filter(|s| args.only.as_ref().is_none_or(|only| only == s)) {
        if whole && BESIDE.concat().contains(&step) {
            continue;
        }
        if whole && step == "tests" {
            engine = Engine::start().ok();
            let variables = engine.as_ref().map_or_else(Vec::new, Engine::variables);
            let begin = |steps| Beside::begin(steps, strict, variables.clone());
            beside = BESIDE.map(begin).into();
        }
        println!("\n== {step}");
        let start = Instant::now();
        let built = whole || args.outcome.is_some();
        let outcome = run_step(step, strict, built).unwrap_or_else(|error| {
            println!("{step}: {}", human::chain(error.as_ref()));
            Outcome::of(false)
        });
        if let Some(note) = &args.outcome {
            if let Err(error) = beside::tell(note, &outcome) {
                println!("{step}: {}", human::chain(error.as_ref()));
                return 1;
            }
            return 0;
        }
        done.push(Done { step, outcome, took: start.elapsed() });
    }
    done.extend(beside.into_iter().flat_map(Beside::end));
    drop(engine);
    done.sort_by_key(|done| STEPS.iter().position(|step| *step == done.step));
    sum_up(done, strict)
}

/// Shows what the steps came to; the exit code.
fn sum_up(done: Vec<Done>, strict: bool) -> u8 {
    let mut rows = Vec::new();
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for Done { step, outcome, took } in done {
        let lines = match outcome {
            Outcome::Ran { passed: good, failed: bad, skipped: inside } => {
                passed += good;
                let lost = if strict { inside.len() as u64 } else { 0 };
                failed += bad + lost;
                skipped += inside.len() as u64 - lost;
                row(step, good, bad + lost, &inside, took)
            }
            Outcome::Skipped(reason) => {
                *(if strict { &mut failed } else { &mut skipped }) += 1;
                vec![vec![step.to_owned(), "skipped".to_owned(), reason]]
            }
        };
        rows.extend(lines);
    }
    println!("\n== what ran");
    for line in human::columns(&rows) {
        println!("{line}");
    }
    if skipped > 0 {
        println!("\n`cargo xtask doctor` says what this machine lacks");
    }
    println!("\n{passed} passed, {failed} failed, {skipped} skipped");
    u8::from(failed > 0)
}

fn row(step: &str, good: u64, bad: u64, inside: &[String], took: Duration) -> Vec<Vec<String>> {
    let verdict = if bad == 0 { "passed" } else { "FAILED" };
    let mut text = format!("{} in {}", human::plural(good + bad, "check"), human::span(took));
    if bad > 0 {
        text = format!("{} of {text}", human::count(bad));
    }
    let mut rows = vec![vec![step.to_owned(), verdict.to_owned(), text]];
    rows.extend(
        inside.iter().map(|reason| vec![String::new(), "skipped".to_owned(), reason.clone()]),
    );
    rows
}

/// Runs a step; `built` where `build` has made the programs, in a run of all steps.
fn run_step(step: &str, strict: bool, built: bool) -> anyhow::Result<Outcome> {
    match step {
        "format" if !doctor::answers("cargo", &["fmt", "--version"]) => {
            Ok(Outcome::Skipped("no rustfmt".into()))
        }
        "format" => Ok(Outcome::of(cargo(&["fmt", "--all", "--check"])?)),
        "tidy" => {
            let faults = tidy::faults()?;
            for fault in &faults {
                println!("{fault}");
            }
            Ok(Outcome::of(faults.is_empty()))
        }
        "codegen" => {
            let stale = codegen::stale()?;
            for path in &stale {
                println!("{path} is not what the code says; type `cargo xtask codegen`");
            }
            Ok(Outcome::of(stale.is_empty()))
        }
        "scripts" => scripts(),
        "linters" => linters::run(),
        "terraform" => infra::run(),
        "emulator" => emulator::run(strict),
        "containers" => containers::run(strict, built),
        "e2e" => containers::end_to_end(strict, built),
        "lints" if !doctor::answers("cargo", &["clippy", "--version"]) => {
            Ok(Outcome::Skipped("no clippy".into()))
        }
        "lints" => cargo::lints(),
        // the steps that follow run the jobs' programs: cargo makes those with the tests, and a build of
        // their own would have other features and compile the SQL engine once more
        "build" => Ok(Outcome::of(cargo(&["test", "--workspace", "--no-run", "--quiet"])?)),
        _ => {
            let python = python::with_readers().map_err(|error| {
                println!("no Python with the readers: {}", human::chain(error.as_ref()));
            });
            let servers = servers::Servers::start().map_err(|error| {
                println!("no servers of S3: {}", human::chain(error.as_ref()));
            });
            let mut variables =
                servers.as_ref().map_or_else(|()| Vec::new(), |servers| servers.variables.clone());
            let scratch = scratch::Scratch::in_memory()?;
            variables.extend(scratch.as_ref().map(scratch::Scratch::variable));
            variables.extend(
                python.ok().map(|p| (model::env::PYTHON.to_owned(), p.display().to_string())),
            );
            cargo::tests(strict, &[], &variables)
        }
    }
}

/// Runs cargo with its output shown; whether it did well.
fn cargo(args: &[&str]) -> anyhow::Result<bool> {
    Ok(workspace::cargo().args(args).status()?.success())
}

/// Every shell script reads, and every Python file compiles.
fn scripts() -> anyhow::Result<Outcome> {
    let root = workspace::root();
    let mut bad = 0;
    let mut good = 0;
    let mut check = |program: &str, args: &[&str], file: &str| -> anyhow::Result<()> {
        let done = Command::new(program).args(args).arg(file).current_dir(&root).status()?;
        *(if done.success() { &mut good } else { &mut bad }) += 1;
        Ok(())
    };
    check("bash", &["-n"], ".ci/run")?;
    let python = doctor::answers("python3", &["--version"]);
    for file in files_under("ops", "py").into_iter().chain(files_under("docs", "py")) {
        if python {
            // parses, and writes nothing beside the file
            let parse = "import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[1])";
            check("python3", &["-c", parse], &file.display().to_string())?;
        }
    }
    let skipped = if python { Vec::new() } else { vec!["Python files: no python3".to_owned()] };
    Ok(Outcome::Ran { passed: good, failed: bad, skipped })
}

/// Files of a folder of the repository, by ending, in order.
fn files_under(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![workspace::root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if path.is_dir() && !hidden {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

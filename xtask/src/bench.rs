//! `cargo xtask bench`: speed and memory of whole programs, measured from outside, against the
//! peers on the same files in the same run. Nothing here judges; figures are for people.
//!
//! The programs are built with the `bench` profile (release code). Data, the peers' virtual
//! environment and results lie under `target/bench/`.

mod gold;
mod measure;
mod scale;
mod silver;

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use xshell::{Shell, cmd};

use crate::workspace::{self, root};

/// What can be measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(
        about = "Archives to Parquet: zip in, exact, sorted, deduplicated columns out",
        after_help = "Examples:\n  cargo xtask bench silver --peers"
    )]
    Silver(silver::Args),
    #[command(
        about = "Bars of all timeframes from Parquet of trades",
        after_help = "Examples:\n  cargo xtask bench gold --peers"
    )]
    Gold(gold::Args),
    #[command(
        about = "A plan over 100,000 archives; a commit of 10,000 fragments",
        after_help = "Examples:\n  cargo xtask bench scale"
    )]
    Scale(scale::Args),
}

/// Runs a bench.
pub(crate) fn run(command: &Command) -> anyhow::Result<u8> {
    match command {
        Command::Silver(args) => silver::run(args),
        Command::Gold(args) => gold::run(args),
        Command::Scale(args) => scale::run(args),
    }
}

/// Where benches keep their data.
fn folder() -> PathBuf {
    root().join("target/bench")
}

/// Builds the programs with the bench profile and tells the folder they lie in. Always all of
/// them: another choice would have other features, and compile what they share once more.
fn build() -> anyhow::Result<PathBuf> {
    let done = workspace::cargo()
        .args(["build", "--profile", "bench", "--bins"])
        .args(workspace::programs_of_the_lake().flat_map(|p| ["--package", p]))
        .status()
        .context("cannot start cargo")?;
    if !done.success() {
        bail!("the programs do not build; the compiler's messages are above");
    }
    // cargo keeps what the bench profile makes in the release folder
    Ok(workspace::target()?.join("release"))
}

/// The Python of the peers' virtual environment, which is made when it is not there.
fn peers_python() -> anyhow::Result<PathBuf> {
    let venv = folder().join("venv");
    let python = venv.join("bin/python");
    let stamp = venv.join("requirements.txt");
    let wanted = root().join("ops/bench/requirements.txt");
    let text = std::fs::read_to_string(&wanted).context("cannot read the peers' versions")?;
    if std::fs::read_to_string(&stamp).is_ok_and(|have| have == text) {
        return Ok(python);
    }
    let shell = Shell::new()?;
    cmd!(shell, "python3 -m venv {venv}")
        .run()
        .context("the peers need python3 with venv (Debian: apt install python3-venv)")?;
    cmd!(shell, "{python} -m pip install --quiet --requirement {wanted}").run()?;
    std::fs::write(&stamp, text)?;
    Ok(python)
}

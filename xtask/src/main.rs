//! The repository's one command. `cargo xtask` lists what it can do; each command is one module.
//!
//! xtask is thin: it parses arguments, spawns cargo and the jobs, and shows what they say. Of our
//! crates it knows `model` alone (names, plans, fragments): no table library, no SQL engine, no
//! HTTP. So it builds in seconds, and everything it does can be done by hand.
#![expect(clippy::print_stdout, reason = "what a command finds goes to standard output")]

mod bench;
mod codegen;
mod demo;
mod doctor;
mod environment;
mod executor;
mod fuzz;
mod human;
mod images;
mod local;
mod maintain;
mod query;
mod sample;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::{Parser, Subcommand};
use model::exit::Exit;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Everything this repository can do",
    long_about = "Everything this repository can do. Start with `cargo xtask demo`.",
    disable_help_subcommand = true,
    max_term_width = 100
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The whole lake on sample data: downloads, tables, bars, SQL answers
    Demo(demo::Args),
    /// Run the stages on this machine, or see what they did
    #[command(subcommand)]
    Local(local::Command),
    /// Ask the lake in SQL
    Query(query::Args),
    /// Build the stages' container images, or push them
    #[command(subcommand)]
    Images(images::Images),
    /// Measure speed and memory, against peers
    #[command(subcommand)]
    Bench(bench::Command),
    /// Checkpoint the tables and delete files that nothing needs any more
    Maintain(maintain::Args),
    /// Test everything that this machine can test
    Test(test::Args),
    /// Feed the parsers with random input, for as long as you like
    Fuzz(fuzz::Args),
    /// Prove the rules of the source tree
    Tidy(tidy::Args),
    /// Write the files that are made from the code
    Codegen(codegen::Args),
    /// Check what this machine has and needs
    Doctor(doctor::Args),
}

/// `cargo xtask … | head` ends quietly when head has seen enough, as other programs do.
fn end_with_the_reader() -> std::io::Result<()> {
    let always = Arc::new(AtomicBool::new(true));
    signal_hook::flag::register_conditional_default(signal_hook::consts::SIGPIPE, always)?;
    Ok(())
}

fn main() -> ExitCode {
    if let Err(error) = end_with_the_reader() {
        eprintln!("xtask: cannot listen for a closed pipe: {error}");
    }
    let result = match Cli::parse().command {
        Command::Demo(args) => demo::run(&args),
        Command::Local(command) => local::run(command),
        Command::Query(args) => query::run(&args),
        Command::Images(command) => images::run(&command),
        Command::Bench(command) => bench::run(&command),
        Command::Maintain(args) => maintain::run(&args),
        Command::Test(args) => Ok(test::run(&args)),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Tidy(args) => tidy::run(&args),
        Command::Codegen(args) => codegen::run(&args),
        Command::Doctor(args) => doctor::run(&args),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("xtask: {}", human::chain(error.as_ref()));
            let usage = error.is::<model::config::BadConfig>() || error.is::<environment::Wrong>();
            let exit = if usage { Exit::Usage } else { Exit::Failed };
            ExitCode::from(exit as u8)
        }
    }
}

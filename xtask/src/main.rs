//! The repository's one command. `cargo xtask` lists what it can do; each command is one module.
//!
//! xtask is thin: it parses arguments, spawns cargo and the jobs, and shows what they say. Of our
//! crates it knows `model` alone (names, plans, fragments): no table library, no SQL engine, no
//! HTTP. So it builds in seconds, and everything it does can be done by hand.
#![expect(clippy::print_stdout, reason = "what a command finds goes to standard output")]

mod aws;
mod bench;
mod codegen;
mod demo;
mod doctor;
mod e2e;
mod environment;
mod executor;
mod fuzz;
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
pub(crate) use model::human;

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
    /// Once an account: the state's bucket, and the roles by which GitHub deploys
    Bootstrap(aws::Bootstrap),
    /// What a deployment would change, and what it costs
    Plan(aws::Plan),
    /// Do what the last plan showed
    Apply(aws::Apply),
    /// The lake in an AWS account, or in an emulated one on this machine
    Deploy(aws::Deploy),
    /// Start an execution of what is deployed
    Run(aws::Run),
    /// The last executions
    Runs(aws::Runs),
    /// What the deployed jobs log
    Logs(aws::Logs),
    /// How a deployment is: runs, alarms, freshness, sizes, drift
    Status(aws::Status),
    /// Destroy a deployment and prove that nothing is left
    Teardown(aws::Teardown),
    /// The whole way on the emulated AWS: deploy, runs that fail and are mended, queries, teardown
    E2e(e2e::Args),
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
        Command::Bootstrap(args) => aws::bootstrap(&args),
        Command::Plan(args) => aws::plan(&args),
        Command::Apply(args) => aws::apply(&args),
        Command::Deploy(args) => aws::deploy(&args),
        Command::Run(args) => aws::start(&args),
        Command::Runs(args) => aws::runs(&args),
        Command::Logs(args) => aws::logs(&args),
        Command::Status(args) => aws::status(&args),
        Command::Teardown(args) => aws::teardown(&args),
        Command::E2e(args) => e2e::run(&args),
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

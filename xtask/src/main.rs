//! The repository's one command. `cargo xtask` lists what it can do; each command is one module.
//!
//! xtask is thin: it parses arguments, spawns cargo and the jobs, and shows what they say. Of our
//! crates it knows `model` alone (names, plans, fragments): no table library, no SQL engine, no
//! HTTP. So it builds in seconds, and everything it does can be done by hand.
#![expect(clippy::print_stdout, reason = "what a command finds goes to standard output")]

mod aws;
mod bench;
mod bugs;
mod codegen;
mod confirm;
mod demo;
mod doctor;
mod e2e;
mod environment;
mod executor;
mod fuzz;
mod http;
mod images;
mod local;
mod maintain;
mod page;
mod query;
mod rebuild;
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

// not by comments: those would take the long help away that each command has
#[derive(Subcommand)]
enum Command {
    #[command(about = "The whole lake on sample data: downloads, tables, bars, SQL answers")]
    Demo(demo::Args),
    #[command(
        about = "Run the stages on this machine, or see what they did",
        after_help = "Examples:\n  cargo xtask local run --env dev\n  cargo xtask local status --env dev",
        subcommand
    )]
    Local(local::Command),
    #[command(about = "Ask the lake in SQL")]
    Query(query::Args),
    #[command(about = "The lake as a page that opens from a file")]
    Page(page::Args),
    #[command(
        about = "Once an account: the states' bucket, boundaries, and GitHub's roles where asked for"
    )]
    Bootstrap(aws::Bootstrap),
    #[command(about = "What a deployment would change, and what it costs")]
    Plan(aws::Plan),
    #[command(about = "Do what the last plan showed")]
    Apply(aws::Apply),
    #[command(about = "The lake in an AWS account, or in an emulated one on this machine")]
    Deploy(aws::Deploy),
    #[command(about = "Start an execution of what is deployed")]
    Run(aws::Run),
    #[command(about = "The last executions")]
    Runs(aws::Runs),
    #[command(about = "What the deployed jobs log")]
    Logs(aws::Logs),
    #[command(about = "How a deployment is: runs, alarms, freshness, sizes, drift")]
    Status(aws::Status),
    #[command(
        about = "What an account says of a deployment: definitions, roles, tables; as a page"
    )]
    Prove(aws::Prove),
    #[command(about = "Destroy a deployment and prove that nothing is left")]
    Teardown(aws::Teardown),
    #[command(
        about = "The whole way on the emulated AWS: deploy, runs that fail and are mended, queries, teardown"
    )]
    E2e(e2e::Args),
    #[command(
        about = "Build the stages' container images, or push them",
        after_help = "Examples:\n  cargo xtask images build\n  cargo xtask images push --env dev",
        subcommand
    )]
    Images(images::Images),
    #[command(
        about = "Measure speed and memory, against peers",
        after_help = "Examples:\n  cargo xtask bench silver --peers\n  cargo xtask bench scale",
        subcommand
    )]
    Bench(bench::Command),
    #[command(about = "Checkpoint the tables and delete files that nothing needs any more")]
    Maintain(maintain::Args),
    #[command(about = "Make damaged tables anew from what the lake holds, without the source")]
    Rebuild(rebuild::Args),
    #[command(about = "Test everything that this machine can test")]
    Test(test::Args),
    #[command(about = "Feed the parsers with random input, for as long as you like")]
    Fuzz(fuzz::Args),
    #[command(about = "Prove the rules of the source tree")]
    Tidy(tidy::Args),
    #[command(about = "Write the files that are made from the code")]
    Codegen(codegen::Args),
    #[command(about = "Check what this machine has and needs")]
    Doctor(doctor::Args),
}

/// `cargo xtask … | head` ends quietly when head has seen enough, as other programs do.
fn end_with_the_reader() -> std::io::Result<()> {
    let always = Arc::new(AtomicBool::new(true));
    signal_hook::flag::register_conditional_default(signal_hook::consts::SIGPIPE, always)?;
    Ok(())
}

fn main() -> ExitCode {
    ExitCode::from(bugs::reported(work))
}

fn work() -> u8 {
    if let Err(error) = end_with_the_reader() {
        eprintln!("xtask: cannot listen for a closed pipe: {error}");
    }
    let result = match Cli::parse().command {
        Command::Demo(args) => demo::run(&args),
        Command::Local(command) => local::run(command),
        Command::Query(args) => query::run(&args),
        Command::Page(args) => page::run(&args),
        Command::Bootstrap(args) => aws::bootstrap(&args),
        Command::Plan(args) => aws::plan(&args),
        Command::Apply(args) => aws::apply(&args),
        Command::Deploy(args) => aws::deploy(&args),
        Command::Run(args) => aws::start(&args),
        Command::Runs(args) => aws::runs(&args),
        Command::Logs(args) => aws::logs(&args),
        Command::Status(args) => aws::status(&args),
        Command::Prove(args) => aws::prove(&args),
        Command::Teardown(args) => aws::teardown(&args),
        Command::E2e(args) => e2e::run(&args),
        Command::Images(command) => images::run(&command),
        Command::Bench(command) => bench::run(&command),
        Command::Maintain(args) => maintain::run(&args),
        Command::Rebuild(args) => rebuild::run(&args),
        Command::Test(args) => Ok(test::run(&args)),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Tidy(args) => tidy::run(&args),
        Command::Codegen(args) => codegen::run(&args),
        Command::Doctor(args) => doctor::run(&args),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {}", human::chain(error.as_ref()));
            let usage = error.is::<model::config::BadConfig>() || error.is::<environment::Wrong>();
            let exit = if usage { Exit::Usage } else { Exit::Failed };
            exit as u8
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// Each command with its name, those below commands too.
    fn all(command: &clap::Command, name: &str, to: &mut Vec<(String, clap::Command)>) {
        for below in command.get_subcommands() {
            let name = format!("{name} {}", below.get_name());
            to.push((name.clone(), below.clone()));
            all(below, &name, to);
        }
    }

    #[test]
    fn long_help_is_long_and_has_examples() {
        let command = Cli::command();
        command.clone().debug_assert();
        let mut commands = Vec::new();
        all(&command, "cargo xtask", &mut commands);
        assert!(commands.len() > 20);
        for (name, mut command) in commands {
            let (short, long) = (command.render_help(), command.render_long_help());
            assert!(long.to_string().contains("Examples:\n  cargo xtask "), "{name}: {long}");
            let told = command.get_long_about().map(ToString::to_string);
            if let Some(told) = told {
                let first = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
                assert!(first(&long.to_string()).starts_with(&first(&told)), "{name}: {long}");
                assert_ne!(short.to_string(), long.to_string(), "{name}");
            }
        }
        let deploy = command.find_subcommand("deploy").and_then(clap::Command::get_long_about);
        assert!(deploy.is_some_and(|text| text.to_string().contains("May be interrupted")));
    }
}

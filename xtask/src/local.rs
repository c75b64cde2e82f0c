//! `cargo xtask local run` and `local status`.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;

use anyhow::bail;
use clap::builder::{OsStringValueParser, TypedValueParser as _};
use model::config::Scope;
use model::env::log_filter;
use model::{Dataset, Day, RunId, Source, Symbol};

use crate::environment::{Choice, Environment, Wrong};
use crate::executor::{self, Order, Summary};
use crate::{human, query};

/// Runs that `status` shows.
const SHOWN: usize = 10;

/// The commands of `local`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    #[command(about = "Bring a lake up to date: what its configuration wants and it does not hold")]
    Run(RunArgs),
    #[command(about = "What was run, what is unfinished, what the lake holds")]
    Status(StatusArgs),
    #[command(about = "Let an unfinished run be: nobody goes on with it any more")]
    Release(ReleaseArgs),
}

/// The arguments of `local release`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Let an unfinished run be. Each `local run` first goes on with runs that were cut \
                  off; one whose last stages fail for good would be tried, and fail, for ever. A \
                  released run is finished: what it committed stays, what it did not build the next \
                  run plans anew, and bars that it owes the next run builds.",
    after_help = "Examples:\n  \
        cargo xtask local release --env dev 20250102T030405Z-0a1b2c3d\n\n\
        `cargo xtask local status` shows which runs are unfinished."
)]
pub(crate) struct ReleaseArgs {
    #[command(flatten)]
    choice: Choice,

    /// The run
    #[arg(value_name = "RUN")]
    run: RunId,
}

/// The arguments of `local run`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Bring a lake up to date: plan, fetch, parse, commit, roll up and check what the \
                  configuration wants and the lake does not hold.\n\n\
                  It may be stopped at any moment: the same command goes on where it ended. In a \
                  lake on an object store it does what is not done yet, in a new run; --resume \
                  goes on with the old one.",
    after_help = "Examples:\n  \
        cargo xtask local run --env dev\n  \
        cargo xtask local run --env dev --symbol BTCUSDT --from 2024-12-31 --to 2025-01-01\n  \
        cargo xtask local run --env dev --dataset klines --lake /data/lake --json\n  \
        cargo xtask local run --env dev --resume 20250102T030405Z-0a1b2c3d\n\n\
        Exit codes: 0 done, 1 failed, 2 wrong command line or configuration, 3 the source does \
        not answer (run again later), 4 the data was refused (a check failed, something is \
        damaged, or nothing that came is of use), 5 another run was faster (run again now)."
)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    choice: Choice,

    /// First day, such as 2024-01-31
    #[arg(long, value_name = "DAY")]
    from: Option<Day>,

    /// Last day
    #[arg(long, value_name = "DAY")]
    to: Option<Day>,

    /// This source only, such as binance; may be given more than once
    #[arg(long = "source", value_name = "SOURCE")]
    sources: Vec<Source>,

    /// This symbol only; may be given more than once
    #[arg(long = "symbol", value_name = "SYMBOL")]
    symbols: Vec<Symbol>,

    /// This dataset only: trades, agg_trades or klines; may be given more than once
    #[arg(long = "dataset", value_name = "DATASET")]
    datasets: Vec<Dataset>,

    /// Try archives again that failed before, though the source has not changed them
    #[arg(long)]
    retry_bad: bool,

    /// Go on with this run, whatever its configuration and arguments were; in a lake on an object
    /// store, where a new call makes a new run, only so
    #[arg(long, value_name = "RUN",
          conflicts_with_all = ["from", "to", "sources", "symbols", "datasets", "retry_bad"])]
    resume: Option<RunId>,

    /// Write the summary as JSON to standard output
    #[arg(long)]
    json: bool,

    /// What the jobs log, such as info or bronze=debug
    #[arg(long, value_name = "FILTER", env = model::env::LOG, default_value = "warn",
          value_parser = OsStringValueParser::new().try_map(|t| log_filter(&t.to_string_lossy())))]
    log: String,
}

/// The arguments of `local status`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "The last runs, what is unfinished, what the tables hold and how much of what \
                  the configuration wants is there.",
    after_help = "Examples:\n  \
        cargo xtask local status --env demo\n  \
        cargo xtask local status --env dev --lake /data/lake"
)]
pub(crate) struct StatusArgs {
    /// The environment; default: demo
    #[command(flatten)]
    choice: Choice,
}

/// `local`.
pub(crate) fn run(command: Command) -> anyhow::Result<u8> {
    match command {
        Command::Run(args) => start(args),
        Command::Status(args) => status(&args),
        Command::Release(args) => release(&args),
    }
}

fn release(args: &ReleaseArgs) -> anyhow::Result<u8> {
    let environment = args.choice.open(None)?;
    executor::release(&environment, &args.run)?;
    println!("run {} is released: what it committed stays, and nobody goes on with it", args.run);
    println!("\nnext: {}", same_lake(&args.choice));
    Ok(0)
}

fn start(args: RunArgs) -> anyhow::Result<u8> {
    let environment = args.choice.open(None)?;
    if let (Some(from), Some(to)) = (args.from, args.to)
        && from > to
    {
        bail!(Wrong(format!("impossible range: --from {from} is after --to {to}")));
    }
    let (again, again_with) = (again(&args), again_with(&args.choice));
    let chosen = chosen(&args.choice);
    let scope = Scope {
        from: args.from,
        to: args.to,
        sources: args.sources,
        symbols: args.symbols,
        datasets: args.datasets,
    };
    args.choice.build.run()?;
    let order = Order {
        environment: &environment,
        scope,
        retry_bad: args.retry_bad,
        log: &args.log,
        clock_shift: None,
        resume: args.resume,
        chosen: &chosen,
        again: &again,
        again_with: Some(&again_with),
    };
    let summary = executor::run(&order)?;
    show(&summary, args.json, &asking(&args.choice, &environment))?;
    if !args.json {
        next(&args.choice, &order, &summary);
    }
    Ok(summary.worst())
}

/// The command for the same lake.
fn same_lake(choice: &Choice) -> String {
    format!("cargo xtask local run {}", chosen(choice)).trim_end().to_owned()
}

/// The words that choose the environment and the lake, a space after each.
fn chosen(choice: &Choice) -> String {
    let mut text = String::new();
    let mut add = |flag: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = write!(text, "{flag} {} ", human::word(&value));
        }
    };
    add("--env", choice.env.clone());
    add("--config", choice.config.as_ref().map(|c| c.display().to_string()));
    add("--lake", choice.lake.clone());
    text
}

/// The command that goes on with a run that it is given.
fn again_with(choice: &Choice) -> String {
    same_lake(choice) + " --resume"
}

/// The command that goes on where this one was cut off.
fn again(args: &RunArgs) -> String {
    let mut text = same_lake(&args.choice);
    let mut add = |flag: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = write!(text, " {flag} {value}");
        }
    };
    add("--from", args.from.map(|d| d.to_string()));
    add("--to", args.to.map(|d| d.to_string()));
    for source in &args.sources {
        add("--source", Some(source.to_string()));
    }
    for symbol in &args.symbols {
        add("--symbol", Some(symbol.to_string()));
    }
    for dataset in &args.datasets {
        add("--dataset", Some(dataset.to_string()));
    }
    if args.retry_bad {
        text += " --retry-bad";
    }
    text
}

/// The words that make a query ask the lake that was filled here.
pub(crate) fn asking(choice: &Choice, environment: &Environment) -> String {
    // the lake of an environment that can be deployed is the one in its account, unless one is named
    let deployed = environment.config.aws.is_some() && choice.lake.is_none();
    choice.words(environment) + if deployed { " --local" } else { "" }
}

/// Shows a summary: JSON for programs, lines for people. `ask` are the words that choose the lake in
/// a query.
pub(crate) fn show(summary: &Summary, json: bool, ask: &str) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(summary)?);
    } else {
        println!();
        for line in summary.lines(ask) {
            println!("{line}");
        }
    }
    Ok(())
}

/// What to type next.
fn next(choice: &Choice, order: &Order, summary: &Summary) {
    let environment = order.environment;
    println!();
    let worst = summary.worst();
    if worst != 0 {
        if worst == 3 && environment.name == "demo" {
            println!("the sample exchange runs only inside `cargo xtask demo`");
        }
        if let Some(exit) = model::exit::Exit::of_code(worst.into()) {
            println!("next: {}", exit.advice());
        }
        if environment.directory().is_none() {
            println!("      `{}` goes on with run {}", order.go_on(&summary.run), summary.run);
        }
        return;
    }
    println!("next: cargo xtask query --list");
    println!("      cargo xtask query coverage {}", asking(choice, environment));
}

fn status(args: &StatusArgs) -> anyhow::Result<u8> {
    let environment = args.choice.open(Some("demo"))?;
    println!("lake {}", environment.shown_lake());
    if let Some(lake) = environment.directory() {
        let runs = executor::runs(&lake);
        if runs.is_empty() {
            bail!("{}; type `{}`", no_run(&lake), args.choice.how_to_fill(&environment));
        }
        println!("\nlast runs ({} in all)", human::count(runs.len() as u64));
        let rows: Vec<Vec<String>> =
            runs.iter().take(SHOWN).map(|run| run_row(&lake, run)).collect();
        for line in human::columns(&rows) {
            println!("  {line}");
        }
    }
    args.choice.build.run()?;
    let mut worst = 0;
    for (title, sql) in QUESTIONS {
        println!("\n{title}");
        let question = ["--sql", sql].map(str::to_owned);
        let output = query::ask(&environment, &question)?.stderr(Stdio::piped()).output()?;
        if output.status.success() {
            print!("{}", String::from_utf8_lossy(&output.stdout));
        } else {
            eprintln!("  {}", String::from_utf8_lossy(&output.stderr).trim());
            worst = 1;
        }
    }
    Ok(worst)
}

/// What `status` asks the lake. A build of which nothing could be read has taken the place of none.
const QUESTIONS: &[(&str, &str)] = &[
    (
        "what silver was built from, and what became of every row",
        "SELECT table_name, count(*) AS groups, sum(files) AS files, sum(bytes) AS bytes, \
         sum(rows_read) AS rows_read, sum(rows_silver) AS rows_silver, \
         sum(rows_rejected) AS rejected, sum(rows_duplicate) AS duplicates \
         FROM (SELECT *, row_number() OVER (PARTITION BY group_id ORDER BY run DESC, built_at DESC) \
               AS place FROM ops.builds \
               WHERE NOT (files = 0 AND rows_read = 0 AND units LIKE '%\"corrupt\":%')) \
         WHERE place = 1 \
         GROUP BY table_name ORDER BY table_name",
    ),
    (
        "coverage in days",
        "SELECT market, dataset, status, count(*) AS days FROM ops.coverage \
         GROUP BY market, dataset, status ORDER BY market, dataset, status",
    ),
];

/// Why a lake shows no run. One without a plan leaves nothing behind but the folder of them all.
fn no_run(lake: &Path) -> &'static str {
    if lake.join(model::layout::RUNS).is_dir() {
        "no run is kept: each so far failed before it had a plan, or had nothing to do"
    } else {
        "no run yet"
    }
}

fn run_row(lake: &Path, run: &RunId) -> Vec<String> {
    let text = std::fs::read(lake.join(model::layout::summary(run)));
    let summary: Option<Summary> = text.ok().and_then(|t| serde_json::from_slice(&t).ok());
    let what = match summary {
        Some(summary) => {
            let verdict = if summary.exit == 0 {
                "done".to_owned()
            } else if summary.is_released() {
                "released by hand".to_owned()
            } else {
                format!("ended with exit {}", summary.exit)
            };
            let figures = summary.figures.unwrap_or_default();
            return vec![
                run.to_string(),
                verdict,
                human::plural(figures.groups_built, "group"),
                format!("{} rows", human::count(figures.rows.silver)),
                human::span(std::time::Duration::from_secs_f64(summary.seconds)),
            ];
        }
        None if executor::is_finished(lake, run) => "finished, by another version",
        None if executor::is_held(lake, run) => "at work",
        None if executor::plan(lake, run).is_none() => "cut off before it had a plan",
        None => {
            "cut off; `local run --resume` with its name goes on with it, `local release` lets it be"
        }
    };
    vec![run.to_string(), what.to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_failed_before_its_plan_is_not_no_run() {
        let lake = tempfile::tempdir().unwrap();
        assert_eq!(no_run(lake.path()), "no run yet");
        std::fs::create_dir(lake.path().join(model::layout::RUNS)).unwrap();
        assert!(no_run(lake.path()).contains("failed before it had a plan"));
    }
}

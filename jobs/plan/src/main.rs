//! The program `plan`: arguments in, a plan in the lake and a summary out.

use std::process::ExitCode;

use clap::Parser;
use model::config::Scope;
use model::{Dataset, Day, Source, Symbol};
use plan::Options;
use stage::Common;

/// List what the source offers, compare it with the ledger, write what the run will do.
#[derive(Debug, Parser)]
#[command(
    name = "plan",
    version,
    after_help = "Examples:\n  plan --config lake.yaml\n  \
                  plan --config lake.yaml --symbol BTCUSDT --from 2024-01-01 --to 2024-01-31 --json"
)]
struct Args {
    #[command(flatten)]
    common: Common,

    /// First day, such as 2024-01-31. Default: the configuration's.
    #[arg(long, value_name = "DAY")]
    from: Option<Day>,

    /// Last day. Default: the configuration's.
    #[arg(long, value_name = "DAY")]
    to: Option<Day>,

    /// A source to plan for; may be repeated. Default: all of the configuration.
    #[arg(long, value_name = "SOURCE")]
    source: Vec<Source>,

    /// A symbol to plan for; may be repeated. Default: all of the configuration.
    #[arg(long, value_name = "SYMBOL")]
    symbol: Vec<Symbol>,

    /// A dataset to plan for; may be repeated. Default: all of the configuration.
    #[arg(long, value_name = "DATASET")]
    dataset: Vec<Dataset>,

    /// Try archives again that failed before and have not changed since.
    #[arg(long)]
    retry_bad: bool,

    /// Take the plan that the run has, whatever its arguments and its configuration were.
    #[arg(long, conflicts_with_all = ["from", "to", "source", "symbol", "dataset", "retry_bad"])]
    resume: bool,

    /// Go through this proxy, such as http://proxy.example:3128.
    #[arg(long, value_name = "URL", env = model::env::PROXY)]
    proxy: Option<String>,

    /// Write the summary as JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let options = Options {
        scope: Scope {
            from: args.from,
            to: args.to,
            sources: args.source,
            symbols: args.symbol,
            datasets: args.dataset,
        },
        retry_bad: args.retry_bad,
        resume: args.resume,
        proxy: args.proxy,
    };
    stage::main("plan", &args.common, |context| async move {
        let report = plan::run(&context, &options).await?;
        let text = if args.json { serde_json::to_string(&report)? + "\n" } else { report.text() };
        stage::answer(&text)
    })
}

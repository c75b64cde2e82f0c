//! `check`: judges the lake. See `check --help`.

use std::process::ExitCode;

use check::Options;
use clap::Parser;
use stage::Common;

/// Judges the lake: coverage of every symbol and day, holes in ids and bars, bars against the
/// exchange's own klines, and whether every row is accounted for.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples:\n  check --config lake.yaml --run 20240131T235959Z-0a1b2c3d\n  \
                  check --config lake.yaml --all --strict\n\n\
                  Then: query coverage, query coverage_days, query checks"
)]
struct Args {
    #[command(flatten)]
    common: Common,

    /// Compare all months, not only those that the run changed.
    #[arg(long)]
    all: bool,

    /// End with code 4 when bars differ from klines. Without it only rows that are not accounted
    /// for do that.
    #[arg(long)]
    strict: bool,

    /// Give the summary as JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    stage::main("check", &args.common, async |context| {
        let options = Options { all: args.all, strict: args.strict };
        let summary = check::run(&context, options).await?;
        stage::answer(&if args.json { serde_json::to_string(&summary)? } else { summary.text() })
    })
}

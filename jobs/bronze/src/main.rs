//! The program `bronze`: arguments in, raw objects and fragments in the lake.

use std::process::ExitCode;
use std::time::Duration;

use bronze::Options;
use clap::Parser;
use stage::Common;

/// Download the archives of one batch, verify them and keep them as received.
#[derive(Debug, Parser)]
#[command(
    name = "bronze",
    version,
    after_help = "Examples:\n  \
        bronze --config lake.yaml --run 20240131T235959Z-0a1b2c3d --batch 1"
)]
struct Args {
    #[command(flatten)]
    common: Common,

    /// The batch of the run's plan, from 1.
    #[arg(long, value_name = "N")]
    batch: u32,

    /// Go through this proxy, such as http://proxy.example:3128.
    #[arg(long, value_name = "URL", env = model::env::PROXY)]
    proxy: Option<String>,

    /// Write the summary as JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let time = args.common.time_limit.map(|seconds| Duration::from_secs(seconds.get()));
    let options = Options { batch: args.batch, proxy: args.proxy, time };
    stage::main("bronze", &args.common, |context| async move {
        let report = bronze::run(&context, &options).await?;
        let text = if args.json { serde_json::to_string(&report)? + "\n" } else { report.text() };
        stage::answer(&text)
    })
}

//! `publish`: serves what the lake holds. See `publish --help`.

use std::process::ExitCode;

use clap::Parser;
use publish::Options;
use stage::Common;

/// Serves what the lake holds: makes its page anew, `page/index.html` in the lake.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples:\n  publish --config lake.yaml --run 20240131T235959Z-0a1b2c3d\n  \
                  publish --config lake.yaml --symbols 50\n\nThen open page/index.html of the lake"
)]
struct Args {
    #[command(flatten)]
    common: Common,

    /// Show so many symbols at most, those with the largest turnover of late.
    #[arg(long, value_name = "N", default_value_t = publish::SYMBOLS)]
    symbols: u32,

    /// Give the summary as JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    stage::main("publish", &args.common, async |context| {
        let summary = publish::run(&context, Options { symbols: args.symbols }).await?;
        stage::answer(&if args.json { serde_json::to_string(&summary)? } else { summary.text() })
    })
}

//! `gold`: derives bars and what follows from them. See `gold --help`.

use std::process::ExitCode;

use clap::Parser;
use gold::Options;
use gold::models::Engine;
use model::{Market, Symbol};
use stage::Common;

/// Derives bars from silver, and from them daily figures, indicators, anomalies, signals, features and labels: what
/// the run's commit left dirty, or everything.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples:\n  gold --config lake.yaml --run 20240131T235959Z-0a1b2c3d\n  \
                  gold --config lake.yaml --all --symbol BTCUSDT\n\nThen: commit --gold"
)]
struct Args {
    #[command(flatten)]
    common: Common,

    /// Rebuild everything that silver holds.
    #[arg(long)]
    all: bool,

    /// This market only, such as spot; may be given more than once.
    #[arg(long = "market", value_name = "MARKET")]
    markets: Vec<Market>,

    /// This symbol only; may be given more than once.
    #[arg(long = "symbol", value_name = "SYMBOL")]
    symbols: Vec<Symbol>,

    /// How trades become 1m bars: `fold` is fast, `sql` runs sql/gold/; the bars are the same.
    #[arg(long, value_enum, default_value_t)]
    engine: Engine,

    /// Give the summary as JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    stage::main("gold", &args.common, async |context| {
        let options = Options {
            all: args.all,
            markets: args.markets.clone(),
            symbols: args.symbols.clone(),
            engine: args.engine,
        };
        let summary = gold::run(&context, &options).await?;
        stage::answer(&if args.json {
            serde_json::to_string(&summary)?
        } else {
            format!(
                "gold: {} symbols rebuilt, {} done before; {} months, {} bars, {} days, {} files",
                summary.symbols,
                summary.done_before,
                summary.months,
                summary.bars,
                summary.days,
                summary.files
            )
        })
    })
}

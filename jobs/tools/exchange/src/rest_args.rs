//! `exchange rest`: the servers of REST providers from the command line.

use std::path::PathBuf;

use anyhow::Result;
use chrono::{DateTime, Utc};
use clap::Args;
use exchange::SymbolSpec;
use exchange::rest::{Limits, Pace, Rest, RestOptions, Windows};
use exchange::rest::{alphavantage, binance, twelvedata};

use crate::{ListenArgs, read_faults, until_stopped};

pub(crate) const EXAMPLES: &str = "\
Example, a made-up Wednesday at 12:34 in New York:
  exchange rest --listen 127.0.0.1:8090 --now 2024-01-31T17:34:00Z --key demo-key

Then:
  curl -H 'Authorization: apikey demo-key' \\
    'http://127.0.0.1:8090/time_series?symbol=AAPL,EUR/USD&interval=1min&outputsize=2'
  curl 'http://127.0.0.1:8090/query?function=TIME_SERIES_DAILY&symbol=IBM&datatype=csv&apikey=demo-key'
  curl 'http://127.0.0.1:8090/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=2'
  curl http://127.0.0.1:8090/_counts

Symbols: AAPL AMZN BRK.B GOOGL IBM JPM MSFT NVDA TSLA; AUD/USD EUR/GBP EUR/USD GBP/USD USD/CHF
USD/JPY; BTC/EUR BTC/USD ETH/USD SOL/USD; for Binance those of --symbol.

Rules of faults fit the path and the query without the key: time_series?symbol=AAPL**,
query?function=OVERVIEW**, api/v3/klines**.

Control: GET, DELETE /_counts; GET, PUT, DELETE /_control/faults; GET, DELETE /_control/requests;
PUT, DELETE /_control/now.";

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct RestArgs {
    #[command(flatten)]
    listen: ListenArgs,
    /// What all prices are drawn from. Binance's are those of `serve` with the same seed and
    /// symbols.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A symbol of Binance, MARKET:NAME[,price=,tick=,step=,largest=,trades=,listed=,delisted=]; may
    /// be given often. [default: as `serve`]
    #[arg(long = "symbol", value_name = "SPEC")]
    symbols: Vec<SymbolSpec>,
    /// What time it is (RFC 3339). [default: the system's time]
    #[arg(long, value_name = "INSTANT")]
    now: Option<DateTime<Utc>>,
    /// Let the clock of --now go on; else it stands.
    #[arg(long)]
    clock_goes: bool,
    /// Count limits by the system's clock, whatever --now says.
    #[arg(long)]
    wall_windows: bool,
    /// A key that Twelve Data and Alpha Vantage know; may be given often. [default: any]
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<String>,
    /// A file of fault rules.
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Twelve Data: credits a minute.
    #[arg(long, default_value_t = 8, value_name = "N")]
    twelvedata_minute: u64,
    /// Twelve Data: credits a day.
    #[arg(long, default_value_t = 800, value_name = "N")]
    twelvedata_day: u64,
    /// Twelve Data: errors come with status 200.
    #[arg(long)]
    twelvedata_errors_as_200: bool,
    /// Alpha Vantage: requests a second.
    #[arg(long, default_value_t = 5, value_name = "N")]
    alphavantage_second: u64,
    /// Alpha Vantage: requests a day.
    #[arg(long, default_value_t = 25, value_name = "N")]
    alphavantage_day: u64,
    /// Alpha Vantage: limits are told as `Note`, as they were until about 2020.
    #[arg(long)]
    alphavantage_notes: bool,
    /// Alpha Vantage: functions for premium plans, or only in full.
    #[arg(long, value_delimiter = ',', default_value = "TIME_SERIES_DAILY:full", value_name = "F")]
    alphavantage_premium: Vec<String>,
    /// Alpha Vantage: functions that answer with artificial data.
    #[arg(long, value_delimiter = ',', value_name = "F")]
    alphavantage_artificial: Vec<String>,
    /// Alpha Vantage: stocks up to now, not up to the last day that is over.
    #[arg(long)]
    alphavantage_realtime: bool,
    /// Binance: weight a minute, spot.
    #[arg(long, default_value_t = 6_000, value_name = "N")]
    binance_weight: u64,
    /// Binance: weight a minute, futures.
    #[arg(long, default_value_t = 2_400, value_name = "N")]
    binance_futures_weight: u64,
    /// Binance: hours that the futures' aggregate trades reach back; 0 for all.
    #[arg(long, default_value_t = 48, value_name = "HOURS")]
    binance_futures_hours: u32,
}

pub(crate) fn serve(args: RestArgs) -> Result<()> {
    let default = RestOptions::default();
    let options = RestOptions {
        seed: args.seed,
        symbols: if args.symbols.is_empty() { default.symbols } else { args.symbols },
        now: args.now,
        pace: if args.clock_goes { Pace::Goes } else { Pace::Stands },
        windows: if args.wall_windows { Windows::Wall } else { Windows::Clock },
        keys: args.keys,
        faults: read_faults(args.faults.as_deref())?,
        twelvedata: twelvedata::Habits {
            limits: Limits {
                second: None,
                minute: Some(args.twelvedata_minute),
                day: Some(args.twelvedata_day),
            },
            errors_as_200: args.twelvedata_errors_as_200,
        },
        alphavantage: alphavantage::Habits {
            limits: Limits {
                second: Some(args.alphavantage_second),
                minute: None,
                day: Some(args.alphavantage_day),
            },
            notes: args.alphavantage_notes,
            premium: args.alphavantage_premium,
            artificial: args.alphavantage_artificial,
            realtime: args.alphavantage_realtime,
        },
        binance: binance::Habits {
            weight: args.binance_weight,
            futures_weight: args.binance_futures_weight,
            futures_hours: Some(args.binance_futures_hours).filter(|hours| *hours > 0),
            ..default.binance
        },
        listen: args.listen.listen,
    };
    let handle = Rest::start(&options)?;
    until_stopped(&args.listen, handle.url())
}

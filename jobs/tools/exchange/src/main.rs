//! The program `exchange`: serve archives over HTTP, or write them to a folder. The servers of REST
//! providers are in `rest_args`.

mod rest_args;

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use chrono::{DateTime, NaiveDate, Utc};
use clap::{Args, Parser, Subcommand};
use exchange::Market;
use exchange::faults::Faults;
use exchange::{Exchange, Options, Range, Sizes, SymbolSpec};
use model::{Dataset, Day, Timeframe};

/// The sample exchange: a deterministic market that serves archives like the real host does.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  exchange serve --listen 127.0.0.1:8080 --from 2024-01-01 --to 2024-02-10
  exchange serve --symbol spot:BTCUSDT --symbol usdm:NEWUSDT,price=1.5,tick=0.001,trades=500
  exchange serve --folder ./archives --faults faults.yaml
  exchange write --out ./archives --symbol BTCUSDT,trades=1250000 --dataset trades
  exchange zip BTCUSDT-1h-2017-08.csv --out ./archives \\
    --key data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2017-08.zip

Then:
  curl 'http://127.0.0.1:8080/?prefix=data/spot/daily/trades/&delimiter=/'
  curl -O http://127.0.0.1:8080/data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-01-01.zip
  curl -X PUT --data-binary @faults.yaml http://127.0.0.1:8080/_control/faults";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves archives over HTTP until it is stopped.
    #[command(after_help = FAULTS)]
    Serve(Serve),
    /// Writes archives with their checksum files to a folder, which `serve --folder` serves.
    Write(Write),
    /// Puts a CSV file into a folder as an archive of the host.
    Zip(Zip),
    /// Writes files of HistData, bars and ticks of a pair with the reports of their gaps, to a folder.
    Histdata(Histdata),
    /// Serves Twelve Data, Alpha Vantage and Binance's REST, with their limits, until it is stopped.
    #[command(after_help = rest_args::EXAMPLES)]
    Rest(rest_args::RestArgs),
    /// Looks for a key of these servers in all files of folders, in what is packed as well; fails where one holds it.
    Told(Told),
}

#[derive(Debug, Args)]
struct Told {
    /// What is looked for.
    #[arg(long, value_name = "KEY")]
    key: String,
    /// Folders of this name are left out; may be given often.
    #[arg(long, value_name = "NAME")]
    but: Vec<String>,
    /// Where.
    #[arg(value_name = "FOLDER", required = true)]
    folders: Vec<PathBuf>,
}

const FAULTS: &str = "\
A file of fault rules is YAML or JSON:
  rules:
    - path: data/spot/daily/trades/BTCUSDT/*2024-01-02.zip
      times: 2                      # then it works; without: always
      fault: {status: {code: 503, retry_after: 1}}
    - path: \"**.zip\"                # * within a folder, ** anything, list:PREFIX a listing
      probability: 0.1
      fault: {cut: {at: 4096}}
Faults of the answer: status, slow, cut, garble, ignore_range. Of the checksum file:
wrong_checksum, missing_checksum, checksum_form. Of the archive: absent, corrupt_zip,
republished, nested_csv. Of its rows: outage, delisted, interleave, out_of_order,
duplicate_rows, conflicting_rows, fused_rows, missing_rows, missing_days, truncated,
partial_day, off_grid, early_close, ignore_column, mangled_times, header, outside_period,
times, crlf, garbage_lines.

Control: GET, PUT, DELETE /_control/faults; GET, DELETE /_control/requests;
PUT, DELETE /_control/now.";

/// How much time an archive covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Cadence {
    Daily,
    Monthly,
}

/// What the market is and which archives there are.
#[derive(Debug, Args)]
struct MarketArgs {
    /// The seed of the market: the same seed gives the same archives, byte for byte.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A symbol: [MARKET:]NAME[,price=,tick=,step=,largest=,trades=,listed=,delisted=]; may be
    /// given often. What is not given follows from the name.
    /// [default: BTCUSDT, ETHUSDT, SOLUSDT, PEPEUSDT on spot and usdm, BTCUSD_PERP on coinm]
    #[arg(long = "symbol", value_name = "SPEC")]
    symbols: Vec<String>,
    /// The markets of symbols that name none: spot, usdm, coinm.
    #[arg(long = "market", value_delimiter = ',', default_value = "spot", value_name = "MARKETS")]
    markets: Vec<Market>,
    /// The first day.
    #[arg(long, default_value = "2024-12-30")]
    from: Day,
    /// The last day.
    #[arg(long, default_value = "2025-01-02")]
    to: Day,
    /// Trades a day on average, of symbols that say nothing themselves.
    #[arg(long, value_name = "N")]
    trades_per_day: Option<u64>,
    /// The lengths of bars.
    #[arg(long, value_delimiter = ',', default_value = "1m,1h,1d")]
    timeframes: Vec<Timeframe>,
    /// These datasets only, such as trades, klines or funding.
    #[arg(long = "dataset", value_delimiter = ',', value_name = "DATASETS")]
    datasets: Vec<Dataset>,
    /// These archives only. Monthly ones are there for whole months.
    #[arg(long, value_delimiter = ',', value_enum, default_value = "daily,monthly")]
    cadence: Vec<Cadence>,
    /// Datasets without daily archives.
    #[arg(long, value_delimiter = ',', value_name = "DATASETS")]
    no_daily: Vec<Dataset>,
    /// Datasets without monthly archives.
    #[arg(long, value_delimiter = ',', value_name = "DATASETS")]
    no_monthly: Vec<Dataset>,
    /// The instant (RFC 3339) after which nothing is published yet. Daily archives appear
    /// early on the next day, monthly ones from the first Monday of the next month on.
    #[arg(long, value_name = "INSTANT")]
    now: Option<DateTime<Utc>>,
    /// A file of fault rules.
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// The deflate level of zips, 1 (quick) to 9 (small).
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=9))]
    level: u32,
}

impl MarketArgs {
    fn options(self, default_symbols: bool) -> Result<Options> {
        let mut symbols = Vec::new();
        for text in &self.symbols {
            if text.split(',').next().is_some_and(|name| name.contains(':')) {
                symbols.push(text.parse::<SymbolSpec>()?);
            } else {
                for market in &self.markets {
                    symbols.push(format!("{market}:{text}").parse::<SymbolSpec>()?);
                }
            }
        }
        if symbols.is_empty() && default_symbols {
            symbols = SymbolSpec::defaults();
        }
        if let Some(trades) = self.trades_per_day {
            for symbol in &mut symbols {
                symbol.trades = symbol.trades.or(Some(trades));
            }
        }
        let chosen = |cadence: Cadence, without: &[Dataset]| {
            let wanted = |d: &Dataset| {
                self.cadence.contains(&cadence)
                    && (self.datasets.is_empty() || self.datasets.contains(d))
                    && !without.contains(d)
            };
            Dataset::ALL.iter().copied().filter(wanted).collect()
        };
        Ok(Options {
            seed: self.seed,
            symbols,
            range: Range {
                from: self.from,
                to: self.to,
                daily: chosen(Cadence::Daily, &self.no_daily),
                monthly: chosen(Cadence::Monthly, &self.no_monthly),
                timeframes: self.timeframes,
            },
            now: self.now,
            faults: read_faults(self.faults.as_deref())?,
            level: self.level,
            ..Options::default()
        })
    }
}

/// The rules of a file; none without one.
fn read_faults(path: Option<&Path>) -> Result<Faults> {
    let Some(path) = path else { return Ok(Faults::default()) };
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Faults::parse(&text).with_context(|| path.display().to_string())
}

/// Where to listen and until when.
#[derive(Debug, Args)]
struct ListenArgs {
    /// The address; port 0 takes a free one. The address taken is printed as
    /// `listening on http://…`.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Write the URL to this file too, once it listens.
    #[arg(long, value_name = "FILE")]
    print_url: Option<PathBuf>,
    /// End when standard input ends, so that a parent that dies takes this along.
    #[arg(long)]
    until_stdin_closes: bool,
}

#[derive(Debug, Args)]
struct Serve {
    #[command(flatten)]
    market: MarketArgs,
    #[command(flatten)]
    listen: ListenArgs,
    /// Serve this folder of real files: keys are paths in it, checksum files are made where
    /// there are none. Generated archives are served beside it only for a --symbol given.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// For benchmarks of listings: say sizes and ETags that follow from the names, make no
    /// archive ever, and answer 404 to whoever asks for one.
    #[arg(long)]
    declared_sizes: bool,
    /// Megabytes of generated zips to keep.
    #[arg(long, default_value_t = 2048, value_name = "MB")]
    cache: u64,
    /// Where to keep them. [default: the system's temporary folder]
    #[arg(long, value_name = "DIR")]
    cache_folder: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Write {
    #[command(flatten)]
    market: MarketArgs,
    /// The folder.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Debug, Args)]
struct Zip {
    /// The CSV file.
    csv: PathBuf,
    /// The archive's key: data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-01-01.zip.
    #[arg(long)]
    key: String,
    /// The folder.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Debug, Args)]
struct Histdata {
    /// What all prices are drawn from, as of `rest`.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The pair.
    #[arg(long, default_value = "EURUSD")]
    pair: String,
    /// The first day, by the files' clock.
    #[arg(long, value_name = "DAY")]
    from: NaiveDate,
    /// The last day. There is a file of bars and one of ticks for each month up to it.
    #[arg(long, value_name = "DAY")]
    to: NaiveDate,
    /// The hours by which the files' clock is before UTC, below zero behind it.
    #[arg(long, default_value_t = -5, allow_negative_numbers = true, value_name = "HOURS",
          value_parser = clap::value_parser!(i32).range(-14..=14))]
    offset: i32,
    /// The folder. A file that is there and the same stays untouched.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing::Level::INFO)
        .init();
    let done = match cli.command {
        Command::Serve(args) => serve(args),
        Command::Write(args) => write(args),
        Command::Zip(args) => zip(&args),
        Command::Histdata(args) => histdata(args),
        Command::Rest(args) => rest_args::serve(args),
        Command::Told(args) => told(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("exchange: {error:#}");
            // every failure here is a wrong option or a wrong file
            ExitCode::from(2)
        }
    }
}

fn told(args: &Told) -> Result<()> {
    let but: Vec<&str> = args.but.iter().map(String::as_str).collect();
    let mut looked = 0;
    for folder in &args.folders {
        looked += exchange::told::nowhere(folder, &[&args.key], &but)?;
    }
    say(&format!("in none of {looked} files"))
}

fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).context("cannot write to standard output")
}

fn serve(args: Serve) -> Result<()> {
    let options = Options {
        listen: args.listen.listen,
        sizes: if args.declared_sizes { Sizes::Declared } else { Sizes::Real },
        cache: args.cache << 20,
        cache_folder: args.cache_folder,
        ..args.market.options(args.folder.is_none())?
    };
    let options = Options { folder: args.folder, ..options };
    let handle = Exchange::start(&options)?;
    until_stopped(&args.listen, handle.url())?;
    // a thread may still read standard input: the process ends without waiting for it
    drop(handle);
    Ok(())
}

/// Says where it listens and waits for the end.
fn until_stopped(args: &ListenArgs, url: &str) -> Result<()> {
    if let Some(path) = &args.print_url {
        // whole or not at all, for whoever waits for it
        let half = path.with_extension("part");
        std::fs::write(&half, url)
            .and_then(|()| std::fs::rename(&half, path))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    say(&format!("listening on {url}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let stopped = stop_signal();
        let (closed, stdin) = tokio::sync::oneshot::channel::<()>();
        if args.until_stdin_closes {
            std::thread::spawn(move || {
                let mut buffer = [0; 1024];
                while std::io::stdin().read(&mut buffer).is_ok_and(|n| n > 0) {}
                let _ = closed.send(());
            });
            tokio::select! { () = stopped => {}, _ = stdin => {} }
        } else {
            stopped.await;
        }
    });
    Ok(())
}

/// Ends with Ctrl-C, or when the system asks the process to end.
async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    if let Ok(mut terminate) =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
    {
        tokio::select! { _ = interrupt => {}, _ = terminate.recv() => {} }
        return;
    }
    let _ = interrupt.await;
}

fn write(args: Write) -> Result<()> {
    let options = args.market.options(true)?;
    let started = std::time::Instant::now();
    let written = exchange::write::write(&options, &args.out, &|written| {
        tracing::info!(bytes = written.size, "{}", written.path.display());
    })?;
    let bytes: u64 = written.iter().map(|w| w.size).sum();
    let seconds = started.elapsed().as_secs_f64();
    say(&format!("{} archives, {bytes} bytes of zip, {seconds:.1} s", written.len()))
}

fn zip(args: &Zip) -> Result<()> {
    let path = exchange::zip_csv(&args.out, &args.csv, &args.key)?;
    say(&path.display().to_string())
}

fn histdata(args: Histdata) -> Result<()> {
    let Histdata { seed, pair, from, to, offset, out } = args;
    let files = exchange::histdata::Files { seed, pair, from, to, offset };
    for path in exchange::histdata::write(&files, &out)? {
        say(&path.display().to_string())?;
    }
    Ok(())
}

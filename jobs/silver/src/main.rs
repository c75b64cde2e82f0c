//! `silver --batch N`: builds the groups of a batch. `silver file …`: single archives.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use clap::Parser;
use model::config::SilverLimits;
use model::exit::Exit;
use model::fragment::RowCounts;
use model::{Dataset, Market, Source};
use serde_json::json;
use silver::file::{self, Files};
use source::Providers;
use stage::{Clock, Common, Failure, Meter};
use store::Lake;

/// Turns the archives of a batch into Parquet files and fragments.
#[derive(Debug, Parser)]
#[command(
    name = "silver",
    version,
    after_help = "Examples:\n  \
        silver --config lake.yaml --run 20240131T235959Z-0a1b2c3d --batch 1\n  \
        silver file --market spot --dataset trades --out parquet BTCUSDT-trades-2024-01.zip\n\n\
        To read single archives without a lake: silver file --help"
)]
struct Args {
    #[command(flatten)]
    common: Common,

    /// The batch of the run's plan.
    #[arg(long, value_name = "N")]
    batch: u32,

    /// Groups at once, instead of what the configuration says; 0 means one a core.
    #[arg(long, value_name = "W")]
    workers: Option<u32>,
}

/// Turns single archives into Parquet files and prints a summary in JSON.
#[derive(Debug, Parser)]
#[command(
    name = "silver file",
    version,
    after_help = "Examples:\n  \
        silver file --market spot --dataset trades --out parquet BTCUSDT-trades-2024-01.zip"
)]
struct FileArgs {
    /// The source whose archives they are; without it the first that there is.
    #[arg(long)]
    source: Option<Source>,

    /// The market, such as spot.
    #[arg(long)]
    market: Market,

    /// What the archives hold, such as trades or klines.
    #[arg(long)]
    dataset: Dataset,

    /// By which clock they are written, for a source whose files do not tell: a rule as in clock of
    /// lake.yaml, such as UTC-5.
    #[arg(long, value_name = "RULE")]
    clock: Option<String>,

    /// The zips, under the exchange's names, such as BTCUSDT-trades-2024-01.zip.
    #[arg(required = true, value_name = "ZIP")]
    zips: Vec<PathBuf>,

    /// Folder for the Parquet files.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Groups at once; 0 means one a core.
    #[arg(long, value_name = "W", default_value_t = 0)]
    workers: u32,

    /// MiB of rows to hold before they spill to disk.
    #[arg(long, value_name = "MIB", default_value_t = SilverLimits::default().memory_mib)]
    memory_mib: u64,
}

fn main() -> ExitCode {
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    if arguments.get(1).is_some_and(|word| word == "file") {
        arguments.remove(1);
        return match read_files(FileArgs::parse_from(arguments)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(Failure { exit, error }) => {
                eprintln!("silver: {error:#}");
                ExitCode::from(exit as u8)
            }
        };
    }
    let args = Args::parse_from(arguments);
    stage::main("silver", &args.common, async |context| {
        let summary = silver::run(&context, args.batch, args.workers).await?;
        let RowCounts { read, silver, rejected, duplicate, .. } = summary.counts;
        writeln!(
            std::io::stdout(),
            "batch {}: {} groups built, {} kept, {} left out; {read} rows read = {silver} in \
             silver + {rejected} rejected + {duplicate} duplicates; {} files, {} bytes",
            args.batch,
            summary.built,
            summary.kept,
            summary.left_out,
            summary.files,
            summary.bytes
        )?;
        Ok(())
    })
}

fn read_files(args: FileArgs) -> Result<(), Failure> {
    let usage = |error: anyhow::Error| Failure::new(Exit::Usage, error);
    let lake = Lake::open(&args.out.display().to_string(), None)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let provider = match args.source {
        Some(source) => Providers::ALL.of(source).map_err(|error| usage(error.into()))?,
        None => Providers::ALL.iter().next().context("no provider")?,
    };
    if !provider.markets().contains(&args.market) {
        let known: Vec<String> = provider.markets().iter().map(ToString::to_string).collect();
        let (market, name) = (args.market, provider.name());
        let known = known.join(", ");
        return Err(usage(anyhow!("unknown market `{market}` of {name}, expected one of {known}")));
    }
    let files = Files {
        provider,
        market: args.market,
        dataset: args.dataset,
        clock: args.clock,
        zips: args.zips,
        workers: args.workers,
        memory_mib: args.memory_mib,
    };
    let meter = Meter::new("silver", false);
    let groups = file::run(runtime.handle(), &lake, &Clock::System, &meter, &files)?;
    let mut counts = RowCounts::default();
    for group in &groups {
        counts += group.counts;
    }
    let data: Vec<_> = groups.iter().flat_map(|g| &g.files).collect();
    let summary = json!({
        "counts": counts,
        "files": data.len(),
        "bytes": data.iter().map(|file| file.bytes).sum::<u64>(),
        "groups": groups,
    });
    writeln!(std::io::stdout(), "{summary:#}")?;
    Ok(())
}

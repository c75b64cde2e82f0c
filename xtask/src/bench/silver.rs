//! `bench silver`: archives of trades to Parquet, whole processes, against DuckDB and Polars; and
//! the memory that one archive of 2 GB of CSV takes.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use xshell::{Shell, cmd};

use super::measure::{Contender, in_turn, print};
use super::{build, folder, peers_python};
use crate::workspace::root;

/// Arguments of `bench silver`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  cargo xtask bench silver --peers\n  \
                        cargo xtask bench silver --large")]
pub(crate) struct Args {
    /// Also DuckDB and Polars, from PyPI, in turn with us
    #[arg(long)]
    peers: bool,

    /// Also two archives of 2 GB of CSV at once: prints the peak of memory
    #[arg(long)]
    large: bool,

    /// Measured runs of each program
    #[arg(long, value_name = "N", default_value_t = 5)]
    runs: usize,
}

/// Eight days whose trades make more than 700 MB of CSV.
const DAYS: u32 = 8;
const TRADES_A_DAY: u32 = 1_300_000;
/// Trades a day that make a monthly archive of about 2 GB of CSV.
const LARGE_TRADES_A_DAY: u32 = 900_000;

pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    let programs = build()?;
    let archives = archives(&programs, "days")?;
    anyhow::ensure!(archives.len() == DAYS as usize, "{} archives", archives.len());
    let input = csv_bytes(&archives)?;
    let out = folder().join("out");
    let mut contenders = vec![ours(&programs, &archives, &out, "market-lake")];
    if args.peers {
        let python = peers_python()?;
        for (name, script, keep) in [
            ("DuckDB", "silver_duckdb.py", false),
            ("Polars", "silver_polars.py", false),
            ("DuckDB, not deduplicated", "silver_duckdb.py", true),
            ("Polars, not deduplicated", "silver_polars.py", true),
        ] {
            let folder = out.join(name.to_lowercase().replace([' ', ','], "-"));
            let mut command: Vec<OsString> = vec![
                python.clone().into(),
                root().join("ops/bench").join(script).into(),
                folder.clone().into(),
            ];
            command.extend(archives.iter().map(OsString::from));
            if keep {
                command.push("--keep-duplicates".into());
            }
            contenders.push(Contender { name: name.to_owned(), command, out: folder });
        }
    }
    let figures = in_turn(&contenders, args.runs)?;
    let title = format!(
        "{DAYS} daily archives of trades, {:.0} MB of CSV, zip → Parquet (ZSTD 1), two at a time",
        input as f64 / 1e6
    );
    print(&title, input, &figures);
    if args.large {
        large(&programs, &out)?;
    }
    Ok(0)
}

/// Two monthly archives of 2 GB of CSV on two workers.
fn large(programs: &Path, out: &Path) -> anyhow::Result<()> {
    let archives = archives(programs, "months")?;
    let input = csv_bytes(&archives)?;
    let contenders = [ours(programs, &archives, out, "market-lake, monthly")];
    let figures = in_turn(&contenders, 0)?;
    let title = format!(
        "{} monthly archives of trades, {:.1} GB of CSV, two at a time",
        archives.len(),
        input as f64 / 1e9
    );
    print(&title, input, &figures);
    Ok(())
}

fn ours(programs: &Path, archives: &[PathBuf], out: &Path, name: &str) -> Contender {
    let folder = out.join(name.replace([' ', ','], "-"));
    let mut command: Vec<OsString> = vec![programs.join("silver").into()];
    command.extend(
        ["file", "--market", "spot", "--dataset", "trades", "--workers", "2", "--out"]
            .map(OsString::from),
    );
    command.push(folder.clone().into());
    command.extend(archives.iter().map(OsString::from));
    Contender { name: name.to_owned(), command, out: folder }
}

/// The archives of a kind (`days` or `months`), written by the sample exchange once.
pub(super) fn archives(programs: &Path, kind: &str) -> anyhow::Result<Vec<PathBuf>> {
    let folder = folder().join("archives").join(kind);
    let done = folder.join("done");
    if !done.is_file() {
        let exchange = programs.join("exchange");
        let (cadence, from, to, trades) = if kind == "days" {
            ("daily", "2024-12-01", "2024-12-08", TRADES_A_DAY)
        } else {
            ("monthly", "2024-11-01", "2024-12-31", LARGE_TRADES_A_DAY)
        };
        let trades = trades.to_string();
        let shell = Shell::new()?;
        eprintln!("making archives in {} (once)", folder.display());
        cmd!(shell, "{exchange} write --out {folder} --symbol BTCUSDT --dataset trades")
            .args(["--cadence", cadence, "--from", from, "--to", to])
            .args(["--trades-per-day", &trades, "--level", "6"])
            .run()
            .context("the sample exchange cannot write the archives")?;
        std::fs::write(&done, "")?;
    }
    files(&folder, "zip")
}

/// The Parquet files below a folder, in order.
pub(super) fn parquet_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    files(folder, "parquet")
}

fn files(folder: &Path, ending: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path, ending)?);
        } else if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Bytes of CSV in archives of one member each: the size that the end of a zip states.
fn csv_bytes(archives: &[PathBuf]) -> anyhow::Result<u64> {
    let mut sum = 0;
    for archive in archives {
        let bytes = std::fs::read(archive)?;
        let directory = bytes
            .windows(4)
            .rposition(|w| w == b"PK\x01\x02")
            .with_context(|| format!("`{}` is no zip", archive.display()))?;
        let size: [u8; 4] = bytes[directory + 24..directory + 28].try_into()?;
        sum += u64::from(u32::from_le_bytes(size));
    }
    Ok(sum)
}

//! `bench gold`: bars of all timeframes from Parquet of trades, whole processes, against DuckDB on
//! the same files.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::measure::{Contender, in_turn, print, size_of};
use super::silver::{archives, parquet_files};
use super::{build, folder, peers_python};
use crate::sample::{SOURCE, SampleServer};
use crate::workspace::root;

/// Arguments of `bench gold`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  cargo xtask bench gold --peers")]
pub(crate) struct Args {
    /// Also DuckDB, from PyPI, in turn with us
    #[arg(long)]
    peers: bool,

    /// Measured runs of each program
    #[arg(long, value_name = "N", default_value_t = 5)]
    runs: usize,
}

/// The run that fills the bench's lake, and the one that is measured.
const FILL: &str = "20240101T000000Z-00000001";
const MEASURED: &str = "20240101T000000Z-00000002";

pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    let programs = build()?;
    let lake = folder().join("gold-lake");
    let config = folder().join("gold-lake.yaml");
    if !lake.join("filled").is_file() {
        fill(&programs, &lake, &config)?;
    }
    let trades = lake.join("silver/trades");
    let input = size_of(&trades)?;
    let mut ours: Vec<OsString> = vec![programs.join("gold").into()];
    ours.extend(["--all", "--log", "warn", "--run", MEASURED, "--config"].map(OsString::from));
    ours.extend([config.into(), "--lake".into(), lake.clone().into()]);
    let mut contenders = vec![Contender {
        name: "market-lake".to_owned(),
        command: ours,
        // emptied before each run: a fragment that is there would let gold skip the work
        out: lake.join("runs").join(MEASURED),
    }];
    if args.peers {
        let out = folder().join("out/gold-duckdb");
        let mut command: Vec<OsString> = vec![
            peers_python()?.into(),
            root().join("ops/bench/gold_duckdb.py").into(),
            out.clone().into(),
        ];
        command.extend(parquet_files(&trades)?.into_iter().map(OsString::from));
        contenders.push(Contender { name: "DuckDB".to_owned(), command, out });
    }
    let figures = in_turn(&contenders, args.runs)?;
    let title = format!(
        "bars of six timeframes and daily figures from {:.0} MB of Parquet of trades",
        input as f64 / 1e6
    );
    print(&title, input, &figures);
    Ok(0)
}

/// Takes the bench's archives through plan, bronze, silver and commit.
fn fill(programs: &Path, lake: &Path, config: &Path) -> anyhow::Result<()> {
    let archives = archives(programs, "days")?;
    let served = folder().join("archives/days");
    let exchange = SampleServer::start(
        &programs.join("exchange"),
        "serve",
        &[OsString::from("--folder"), served.into()],
    )?;
    std::fs::write(
        config,
        format!(
            "environment: bench\nsources:\n  {SOURCE}:\n    url: {}\n    markets:\n      spot:\n        \
             symbols: [BTCUSDT]\n        range: {{from: 2024-12-01, to: 2024-12-08}}\n        \
             datasets: {{trades: {{archives: daily}}}}\n",
            exchange.url
        ),
    )?;
    stage(programs, "plan", lake, config, &[])?;
    let plan = std::fs::read_to_string(lake.join(format!("runs/{FILL}/plan.json")))?;
    let plan: model::plan::Plan = serde_json::from_str(&plan).context("a bad plan")?;
    ensure!(plan.totals.units == archives.len() as u64, "{:?}", plan.totals);
    for batch in &plan.batches {
        let number = batch.number.to_string();
        stage(programs, "bronze", lake, config, &["--batch", &number])?;
        stage(programs, "silver", lake, config, &["--batch", &number])?;
    }
    stage(programs, "commit", lake, config, &[])?;
    std::fs::write(lake.join("filled"), "")?;
    Ok(())
}

fn stage(
    programs: &Path,
    name: &str,
    lake: &Path,
    config: &Path,
    args: &[&str],
) -> anyhow::Result<()> {
    let status = Command::new(programs.join(name))
        .args(["--log", "warn", "--run", FILL, "--config"])
        .arg(config)
        .arg("--lake")
        .arg(lake)
        .args(args)
        .status()?;
    ensure!(status.success(), "{name} failed ({status})");
    Ok(())
}

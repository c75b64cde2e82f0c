//! `bench scale`: does the work on lists grow in proportion? A plan over a listing of many
//! archives, and a commit of many fragments. The archives are declared and never made; the data
//! files of the fragments are named and never written: plan and commit read neither.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use model::fragment::{ColumnStats, DataFile, RowCounts, SilverFragment, Stat, UnitOutcome};
use model::plan::{Group, Plan, PlanTotals};
use model::schema::Table;
use model::{Day, RunId, Unit, layout};

use super::measure::{Contender, Measured, in_turn};
use super::{build, folder};
use crate::human;
use crate::sample::{SOURCE, SampleServer};

/// Arguments of `bench scale`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  cargo xtask bench scale")]
pub(crate) struct Args {
    /// Archives that the source lists
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    archives: u32,

    /// Fragments of a run
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    fragments: u32,
}

/// Days that each symbol of the listing has.
const DAYS: u32 = 1_000;
const RUN: &str = "20240101T000000Z-00000001";

pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    let programs = build()?;
    clear()?;
    println!("  {:<38} {:>10} {:>10}", "", "seconds", "peak MiB");
    for share in [4, 2, 1] {
        let archives = args.archives / share;
        let figures = plan(&programs, archives)?;
        show(&format!("plan over {} archives", human::count(archives.into())), &figures);
    }
    for share in [4, 2, 1] {
        let fragments = args.fragments / share;
        let figures = commit(&programs, fragments)?;
        show(&format!("commit of {} fragments", human::count(fragments.into())), &figures);
    }
    Ok(0)
}

/// Where the lakes lie.
fn lakes() -> PathBuf {
    folder().join("out/scale")
}

/// Removes the lakes, before anything is measured: some file systems look at each file that was
/// deleted in the last minutes when they make a new one.
fn clear() -> anyhow::Result<()> {
    match std::fs::remove_dir_all(lakes()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn show(what: &str, figures: &Measured) {
    println!("  {what:<38} {:>10.2} {:>10}", figures.median().as_secs_f64(), figures.peak >> 20);
}

fn symbols(archives: u32) -> Vec<String> {
    (0..archives.div_ceil(DAYS)).map(|n| format!("S{n:04}USDT")).collect()
}

fn plan(programs: &Path, archives: u32) -> anyhow::Result<Measured> {
    let symbols = symbols(archives);
    let to = day(DAYS - 1);
    let mut serve: Vec<OsString> =
        ["--declared-sizes", "--dataset", "trades", "--cadence", "daily", "--from", "2021-01-01"]
            .map(OsString::from)
            .to_vec();
    serve.extend(["--to".into(), to.to_string().into()]);
    for symbol in &symbols {
        serve.extend(["--symbol".into(), symbol.into()]);
    }
    let exchange = SampleServer::start(&programs.join("exchange"), "serve", &serve)?;
    let config = folder().join("scale.yaml");
    std::fs::create_dir_all(folder())?;
    std::fs::write(&config, yaml(&exchange.url, &symbols))?;
    measured(programs, "plan", archives, &config)
}

fn commit(programs: &Path, fragments: u32) -> anyhow::Result<Measured> {
    let symbols = symbols(fragments);
    let config = folder().join("scale.yaml");
    std::fs::create_dir_all(folder())?;
    std::fs::write(&config, yaml("https://example.com", &symbols))?;
    let lake = lakes().join(format!("commit-{fragments}"));
    let run: RunId = RUN.parse()?;
    let folder = lake.join(layout::fragments(&run, "silver"));
    std::fs::create_dir_all(&folder)?;
    // commit looks for the files of old fragments, for a vacuum may have taken them
    let now = crate::executor::now();
    for n in 0..fragments {
        let symbol = &symbols[(n / DAYS) as usize];
        let fragment = fragment(symbol, day(n % DAYS), now)?;
        let key = lake.join(layout::fragment(&run, "silver", &fragment.group));
        std::fs::write(key, serde_json::to_vec(&fragment)?)?;
    }
    let plan = Plan {
        run: run.clone(),
        environment: "bench".to_owned(),
        created_at: now,
        config_sha256: model::unit::sha256_hex(&std::fs::read(&config)?),
        scope: String::new(),
        batches: Vec::new(),
        totals: PlanTotals {
            groups: u64::from(fragments),
            units: u64::from(fragments),
            ..PlanTotals::default()
        },
        absent: Vec::new(),
        gaps: Vec::new(),
        remarks: Vec::new(),
        unasked: Vec::new(),
        instruments: Vec::new(),
    };
    std::fs::write(lake.join(layout::plan(&run)), serde_json::to_vec(&plan)?)?;
    measured(programs, "commit", fragments, &config)
}

/// Runs a stage once over the lake of its name and number.
fn measured(programs: &Path, stage: &str, count: u32, config: &Path) -> anyhow::Result<Measured> {
    let lake = lakes().join(format!("{stage}-{count}"));
    let mut command: Vec<OsString> = vec![programs.join(stage).into()];
    command.extend(["--log", "warn", "--run", RUN, "--config"].map(OsString::from));
    command.extend([config.into(), "--lake".into(), lake.into()]);
    let out = folder().join("out").join(format!("scale-{stage}-empty"));
    let contender = Contender { name: stage.to_owned(), command, out };
    let mut figures = in_turn(&[contender], 0)?;
    anyhow::ensure!(!figures.is_empty(), "nothing was measured");
    Ok(figures.remove(0))
}

fn yaml(url: &str, symbols: &[String]) -> String {
    let mut text = format!(
        "environment: bench\nsources:\n  {SOURCE}:\n    url: {url}\n    markets:\n      spot:\n        \
         range: {{from: 2021-01-01, to: {}}}\n        datasets: {{trades: {{archives: daily}}}}\n        \
         symbols:\n",
        day(DAYS - 1)
    );
    for symbol in symbols {
        let _ = writeln!(text, "          - {symbol}");
    }
    text
}

/// The n-th day of the listing.
fn day(n: u32) -> Day {
    let days = 18_628 + i32::try_from(n).unwrap_or(0);
    Day::of_epoch_days(days).unwrap_or(Day::new(chrono::NaiveDate::default()))
}

/// A fragment as silver writes it for one day of trades.
fn fragment(symbol: &str, day: Day, now: DateTime<Utc>) -> anyhow::Result<SilverFragment> {
    let unit: Unit = format!("{SOURCE}/spot/trades/{symbol}/{day}").parse()?;
    let group = unit.id().to_string();
    let sha256 = model::unit::sha256_hex(group.as_bytes());
    let inputs = Group::inputs([(&unit.id(), sha256.as_str())]);
    let partition: BTreeMap<String, String> = [
        ("source", SOURCE.to_owned()),
        ("market", "spot".to_owned()),
        ("symbol", symbol.to_owned()),
        ("date", day.to_string()),
    ]
    .map(|(k, v)| (k.to_owned(), v))
    .into();
    let values: Vec<(&str, &str)> = ["source", "market", "symbol", "date"]
        .iter()
        .map(|k| (*k, partition[*k].as_str()))
        .collect();
    let path = layout::data_file(&values, &layout::data_file_name(&group, &inputs, 0));
    let stats = |min: Stat, max: Stat| ColumnStats { min: Some(min), max: Some(max), nulls: 0 };
    let start = day.start_micros();
    let stats: BTreeMap<String, ColumnStats> = [
        ("trade_id", stats(Stat::Long(1), Stat::Long(1_000_000))),
        ("time", stats(Stat::Micros(start), Stat::Micros(start + 86_399_999_999))),
        ("time_us", stats(Stat::Long(start), Stat::Long(start + 86_399_999_999))),
        (
            "price",
            stats(Stat::Decimal("42000.00000000".into()), Stat::Decimal("43000.00000000".into())),
        ),
        (
            "quantity",
            stats(Stat::Decimal("0.00001000".into()), Stat::Decimal("12.00000000".into())),
        ),
    ]
    .map(|(k, v)| (k.to_owned(), v))
    .into();
    let counts = RowCounts { read: 1_000_000, silver: 1_000_000, ..RowCounts::default() };
    let file = DataFile {
        path,
        partition: partition.clone(),
        bytes: 20_000_000,
        rows: 1_000_000,
        stats,
        crc32: None,
    };
    Ok(SilverFragment {
        group,
        table: Table::Trades,
        inputs,
        replaces: vec![partition],
        files: vec![file],
        rejects: Vec::new(),
        units: vec![UnitOutcome {
            unit,
            sha256,
            counts,
            rejects: Some(0),
            corrupt: None,
            short_days: Vec::new(),
            notes: Vec::new(),
            restated: None,
        }],
        counts,
        sorted: false,
        built_at: now,
    })
}

//! Ten thousand fragments in one run. What it took is printed, not judged.

use std::collections::BTreeMap;
use std::time::Instant;

use chrono::TimeDelta;
use model::fragment::{ColumnStats, DataFile, RowCounts, SilverFragment, Stat, UnitOutcome};
use model::plan::Group;
use model::schema::Table;
use model::{Day, Unit, layout, unit};

use crate::kit::{planned, start, trades_partition, world};

const SYMBOLS: usize = 50;
const DAYS: i32 = 200;

/// A day's trades, named and not written.
fn fragment(symbol: &str, day: Day) -> SilverFragment {
    let unit: Unit = format!("binance/spot/trades/{symbol}/{day}").parse().unwrap();
    let sha256 = unit::sha256_hex(unit.to_string().as_bytes());
    let inputs = Group::inputs([(&unit.id(), sha256.as_str())]);
    let partition = trades_partition(symbol, &day.to_string());
    let date = day.to_string();
    let values =
        [("source", "binance"), ("market", "spot"), ("symbol", symbol), ("date", date.as_str())];
    let counts = RowCounts { read: 1000, silver: 1000, ..RowCounts::default() };
    let bounds = |min, max| ColumnStats { min: Some(min), max: Some(max), nulls: 0 };
    let micros = day.start_micros();
    let stats = BTreeMap::from([
        ("trade_id".to_owned(), bounds(Stat::Long(1), Stat::Long(1000))),
        ("time".to_owned(), bounds(Stat::Micros(micros), Stat::Micros(micros + 1))),
        ("price".to_owned(), bounds(Stat::Decimal("1.5".into()), Stat::Decimal("2.5".into()))),
    ]);
    SilverFragment {
        group: unit.to_string(),
        table: Table::Trades,
        files: vec![DataFile {
            path: layout::data_file(
                &values,
                &layout::data_file_name(&unit.to_string(), &inputs, 0),
            ),
            partition: partition.clone(),
            bytes: 10_000,
            rows: 1000,
            stats,
            crc32: None,
        }],
        replaces: vec![partition],
        rejects: Vec::new(),
        inputs,
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
        built_at: start() + TimeDelta::minutes(20),
    }
}

/// The most memory that this process has held, in MiB.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|l| l.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_fragments() {
    let world = world();
    let first = Day::of_epoch_days(19_000).unwrap();
    let mut took = Vec::new();
    // the second run finds the table full
    for (n, symbols) in [(1, "A"), (2, "B"), (3, "A")] {
        let run = planned(&world, n, (SYMBOLS * DAYS as usize) as u64).await;
        for symbol in 0..SYMBOLS {
            for day in 0..DAYS {
                let day = Day::of_epoch_days(first.epoch_days() + day).unwrap();
                let fragment = fragment(&format!("{symbols}{symbol:02}USDT"), day);
                // not through the lake: how long a disk takes to sync is no matter here
                let key = layout::fragment(&run.id, "silver", &fragment.group);
                let path = world.lake.directory().unwrap().join(key);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, serde_json::to_vec(&fragment).unwrap()).unwrap();
            }
        }
        let begin = Instant::now();
        let summary = run.commit().await;
        took.push(begin.elapsed());
        assert_eq!(summary.figures.groups, 10_000);
        assert_eq!(summary.figures.rows_silver, 10_000_000);
        // nobody builds bars here: what the first run owes is in the second's list too
        assert_eq!(summary.dirty, if n == 1 { 50 } else { 100 });
    }
    let snapshot = world.tables.snapshot(Table::Trades).await.unwrap().unwrap();
    assert_eq!((snapshot.files_count(), snapshot.version()), (20_000, 2));
    println!(
        "10,000 fragments: {:?} into an empty table, {:?} into a full one, {:?} with nothing new; \
         the process held {} MiB at most",
        took[0],
        took[1],
        took[2],
        peak_mib()
    );
}

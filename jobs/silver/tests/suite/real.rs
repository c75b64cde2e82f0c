//! Real files of the exchange, zipped here: every row accounted for, and the published sums.

use std::path::PathBuf;

use arrow::array::AsArray as _;
use arrow::datatypes::{Decimal128Type, Int64Type, TimestampMicrosecondType};
use model::fragment::{RowCounts, SilverFragment};
use model::{Dataset, Market};
use silver::file::{self, Files};
use source::{Provider as _, binance};
use stage::{Clock, Meter};
use store::Lake;

use crate::common::{archive, read, shared};

/// Builds the real files of a folder in `folder`; also the number of their lines.
fn build(
    folder: &std::path::Path,
    files: Vec<PathBuf>,
    market: Market,
    dataset: Dataset,
) -> (Vec<SilverFragment>, u64) {
    let mut lines = 0;
    let mut zips = Vec::new();
    for file in files {
        let csv = std::fs::read(&file).unwrap();
        lines += csv.split(|b| *b == b'\n').filter(|line| !line.is_empty()).count() as u64;
        let name = file.file_name().unwrap().to_str().unwrap();
        let zip = folder.join(name.replace(".first-171-rows", "").replace(".csv", ".zip"));
        let unit = binance::Binance
            .unit_of(market, dataset, zip.file_name().unwrap().to_str().unwrap())
            .unwrap();
        std::fs::write(&zip, archive(&unit, &csv)).unwrap();
        zips.push(zip);
    }
    let lake = Lake::open(folder.join("out").to_str().unwrap(), None).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let provider = &binance::Binance;
    let files = Files { provider, market, dataset, clock: None, zips, workers: 2, memory_mib: 64 };
    let meter = Meter::new("silver", false);
    let done = file::run(runtime.handle(), &lake, &Clock::System, &meter, &files).unwrap();
    (done, lines)
}

fn files(folder: &PathBuf) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn sum(fragments: &[SilverFragment]) -> RowCounts {
    let mut counts = RowCounts::default();
    for fragment in fragments {
        counts += fragment.counts;
    }
    counts
}

#[test]
fn the_first_171_trades_give_the_published_bar() {
    let Some(folder) = shared("spot-trades") else { return };
    let out = tempfile::tempdir().unwrap();
    let (fragments, lines) =
        build(out.path(), files(&folder), Market::new("spot"), Dataset::Trades);
    let all = RowCounts { read: 171, silver: 171, ..RowCounts::default() };
    assert_eq!((lines, sum(&fragments)), (171, all));
    assert!(!fragments[0].sorted);

    let path = out.path().join("out/silver/trades").join(&fragments[0].files[0].path);
    let (mut volume, mut quote, mut ids) = (0, 0, Vec::new());
    for batch in read(&path) {
        volume += batch["quantity"].as_primitive::<Decimal128Type>().values().iter().sum::<i128>();
        quote +=
            batch["quote_quantity"].as_primitive::<Decimal128Type>().values().iter().sum::<i128>();
        ids.extend_from_slice(batch["trade_id"].as_primitive::<Int64Type>().values());
    }
    assert_eq!(volume, 4_718_100_900, "47.181009");
    assert_eq!(quote, 20_236_613_839_304, "202366.13839304");
    assert_eq!(ids, (0..171).collect::<Vec<_>>());
}

#[test]
fn real_hours_give_the_published_day() {
    let Some(folder) = shared("spot-klines-1h") else { return };
    let out = tempfile::tempdir().unwrap();
    let (fragments, lines) =
        build(out.path(), files(&folder), Market::new("spot"), Dataset::Klines);
    let counts = sum(&fragments);
    assert_eq!(fragments.len(), 17, "a group a month");
    assert_eq!((counts.read, counts.silver), (lines, lines));
    assert_eq!((counts.rejected, counts.duplicate, counts.invalid), (0, 0, 0));

    let (mut bars, mut volume, mut trades, mut flagged) = (0, 0, 0, Vec::new());
    for fragment in &fragments {
        let path = out.path().join("out/silver/klines").join(&fragment.files[0].path);
        for batch in read(&path) {
            let times = batch["open_time"].as_primitive::<TimestampMicrosecondType>();
            for row in 0..batch.num_rows() {
                // 2017-08-17
                if times.value(row) < 1_503_014_400_000_000 {
                    bars += 1;
                    volume += batch["volume"].as_primitive::<Decimal128Type>().value(row);
                    trades += batch["trade_count"].as_primitive::<Int64Type>().value(row);
                }
            }
            flagged
                .extend(batch["issues"].as_string::<i32>().iter().flatten().map(ToOwned::to_owned));
        }
    }
    assert_eq!((bars, volume, trades), (20, 79_515_037_700, 3_427));
    assert!(flagged.contains(&"early_close".to_owned()), "{flagged:?}");
    assert!(flagged.iter().any(|words| words.contains("off_grid")), "{flagged:?}");
}

#[test]
fn real_futures_bars() {
    let Some(folder) = shared("usdm-klines") else { return };
    let out = tempfile::tempdir().unwrap();
    let (fragments, lines) =
        build(out.path(), files(&folder), Market::new("usdm"), Dataset::Klines);
    let counts = sum(&fragments);
    assert_eq!((counts.read, counts.silver, counts.invalid), (lines, lines, 0));
    // three days of 1m in one month, and a month of 5m
    let units: Vec<_> = fragments.iter().map(|f| f.units.len()).collect();
    assert_eq!(units, [3, 1]);
    assert!(fragments.iter().all(|f| !f.sorted && f.files.len() == 1));
}

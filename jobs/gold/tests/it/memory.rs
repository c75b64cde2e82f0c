//! What the rows of doubtful days say is asked in a memory that does not grow with them.

use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, Date32Array, RecordBatch, StringArray};
use arrow::datatypes::{Date32Type, Int64Type};
use gold::models;
use table::datafusion::common::ScalarValue;
use table::datafusion::datasource::MemTable;
use table::datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use table::datafusion::execution::runtime_env::RuntimeEnvBuilder;
use table::datafusion::prelude::{SessionConfig, SessionContext};

use crate::lab::{flags, issues, longs};

/// Days, and rows in each.
const DAYS: i32 = 4;
const ROWS: i64 = 100_000;
/// Bytes that the question may take: the ids of the rows are more.
const MEMORY: usize = 2 << 20;

/// A day: the ids without a hole, two of them twice, and one that is none.
fn day(date: i32) -> RecordBatch {
    let id = |n: i64| match n {
        11 => 10,
        21 => 19,
        31 => 30_000_000_000,
        n if n > 31 => n - 3,
        n if n > 21 => n - 2,
        n if n > 11 => n - 1,
        n => n,
    };
    let issue = |n: i64| match n {
        10 | 11 => Some("conflicting_duplicate,id_repeated"),
        20 | 21 => Some("id_repeated"),
        31 => Some("id_out_of_range"),
        n if n % 1_000 == 0 => Some("bad_quantity"),
        _ => None,
    };
    let words = |word: &str| Arc::new(StringArray::from(vec![word; ROWS as usize])) as _;
    let rows = || 0..ROWS;
    RecordBatch::try_from_iter_with_nullable([
        ("source", words("binance"), false),
        ("market", words("spot"), false),
        ("symbol", words("BTCUSDT"), false),
        ("date", Arc::new(Date32Array::from(vec![date; ROWS as usize])) as _, false),
        ("agg_trade_id", longs(rows().map(id)), false),
        ("time_us", longs(rows()), false),
        ("is_valid", flags(rows().map(|n| n != 31 && n % 1_000 != 0)), false),
        ("issues", issues(rows().map(issue)), true),
    ])
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ids_of_a_day_are_counted_and_not_held() {
    let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
    let runtime = RuntimeEnvBuilder::new()
        .with_disk_manager_builder(disk)
        .with_memory_limit(MEMORY, 1.0)
        .build_arc()
        .unwrap();
    let config = SessionConfig::new().with_target_partitions(2);
    let session = SessionContext::new_with_config_rt(config, runtime);
    let days: Vec<RecordBatch> = (0..DAYS).map(day).collect();
    let rows = MemTable::try_new(days[0].schema(), vec![days]).unwrap();
    session.register_table("agg", Arc::new(rows)).unwrap();
    let dates: Vec<String> = (1..=DAYS).map(|day| format!("DATE '1970-01-0{day}'")).collect();
    let dates = dates.join(", ");
    let words = [("table", "agg"), ("id", "agg_trade_id"), ("days", dates.as_str())];
    let parameters = [("source", "binance"), ("market", "spot"), ("symbol", "BTCUSDT")];
    let parameters = parameters.map(|(name, word)| (name, ScalarValue::from(word))).into();
    let batches = models::EVENT_DAYS.run_with(&session, &words, parameters).await.unwrap();
    let mut found = Vec::new();
    for batch in batches {
        let long = |name: &str| batch[name].as_primitive::<Int64Type>().clone();
        let dates = batch["date"].as_primitive::<Date32Type>().values().to_vec();
        let figures = ["ids", "first_id", "last_id", "valid", "damaged"].map(long);
        assert!(figures.iter().all(|column| column.null_count() == 0));
        found.extend(
            (0..batch.num_rows()).map(|at| (dates[at], figures.clone().map(|f| f.value(at)))),
        );
    }
    let bad = ROWS / 1_000;
    let expect = [ROWS - 3, 0, ROWS - 4, ROWS - 1 - bad, 1 + bad];
    assert_eq!(found, (0..DAYS).map(|date| (date, expect)).collect::<Vec<_>>());
}

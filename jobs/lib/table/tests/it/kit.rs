//! What the tests share: a lake in a temporary folder and small files of trades.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use model::RunId;
use model::fragment::DataFile;
use model::plan::Partition;
use model::schema::Table;
use store::Lake;
use table::datafusion::arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use table::datafusion::arrow::util::pretty::pretty_format_batches;
use table::datafusion::prelude::SessionContext;
use table::{Change, SessionOptions, Stamp, Tables};

/// A lake that goes when it is dropped.
pub(crate) struct World {
    _folder: tempfile::TempDir,
    pub(crate) lake: Lake,
    pub(crate) tables: Tables,
}

pub(crate) fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path().to_str().unwrap(), None).unwrap();
    let tables = Tables::open(&lake);
    World { _folder: folder, lake, tables }
}

/// An empty lake on every back end: a directory, and the servers of S3 that run (see
/// ops/s3/servers.py), each with its name.
pub(crate) fn worlds() -> Vec<(&'static str, World)> {
    let servers = [
        ("moto", model::env::TEST_MOTO, "test"),
        ("versitygw", model::env::TEST_VERSITYGW, "testtest"),
    ];
    let mut worlds = vec![("a directory", world())];
    for (name, variable, secret) in servers {
        #[expect(
            clippy::disallowed_methods,
            reason = "a test's own knobs, registered in model::env"
        )]
        let (url, required) = (std::env::var(variable), std::env::var(model::env::REQUIRE_ALL));
        let Ok(url) = url else {
            let reason = format!("skipped: no {variable}; put `python3 ops/s3/servers.py` before");
            assert!(required.as_deref() != Ok("1"), "{reason}");
            eprintln!("{reason}");
            continue;
        };
        let folder = tempfile::Builder::new().prefix("lake-").tempdir().unwrap();
        let unique = folder.path().file_name().unwrap().to_str().unwrap();
        let options = [
            ("aws_endpoint_url", url.as_str()),
            ("aws_access_key_id", "test"),
            ("aws_secret_access_key", secret),
            ("aws_region", "us-east-1"),
            ("aws_allow_http", "true"),
        ];
        let uri = format!("s3://market-lake-tests/{unique}");
        let lake = Lake::open_with(&uri, Some(folder.path()), &options).unwrap();
        let tables = Tables::open(&lake);
        worlds.push((name, World { _folder: folder, lake, tables }));
    }
    worlds
}

pub(crate) fn now() -> DateTime<Utc> {
    "2024-06-01T00:00:00Z".parse().unwrap()
}

pub(crate) fn run(n: u32) -> RunId {
    RunId::new(now(), n)
}

pub(crate) fn stamp(n: u32, content: &str) -> Stamp {
    Stamp::new(Table::Trades, &run(n), "silver", content, now())
}

pub(crate) fn partition(symbol: &str, date: &str) -> Partition {
    [("source", "binance"), ("market", "spot"), ("symbol", symbol), ("date", date)]
        .map(|(c, v)| (c.to_owned(), v.to_owned()))
        .into()
}

/// Trades `ids` of a day, a second apart; the price is 1e-8 times `units`.
pub(crate) fn batch(date: &str, ids: std::ops::Range<i64>, units: i128) -> RecordBatch {
    let n = (ids.end - ids.start) as usize;
    let midnight = format!("{date}T00:00:00Z").parse::<DateTime<Utc>>().unwrap();
    let at = |id: i64| midnight.timestamp_micros() + (id - ids.start) * 1_000_000 + 7;
    let decimal = |value: i128, precision| -> ArrayRef {
        let array = Decimal128Array::from_iter_values(std::iter::repeat_n(value, n));
        Arc::new(array.with_precision_and_scale(precision, 8).unwrap())
    };
    let times = ids.clone().map(at);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(ids.clone())),
        Arc::new(TimestampMicrosecondArray::from_iter_values(times.clone()).with_timezone("UTC")),
        Arc::new(Int64Array::from_iter_values(times)),
        decimal(units, 18),
        decimal(9_999_999_999_999_999_999_999_999_999, 28),
        decimal(1, 28),
        Arc::new(Decimal128Array::new_null(n).with_precision_and_scale(28, 8).unwrap()),
        Arc::new(BooleanArray::from(vec![true; n])),
        Arc::new(BooleanArray::from(vec![Some(true); n])),
        Arc::new(BooleanArray::from(vec![true; n])),
        Arc::new(StringArray::from(vec![None::<&str>; n])),
        Arc::new(StringArray::from(vec!["ab\"c"; n])),
    ];
    RecordBatch::try_new(store::schema::file_schema(Table::Trades), columns).unwrap()
}

/// A file of trades, written and not committed.
pub(crate) async fn file(
    world: &World,
    symbol: &str,
    date: &str,
    ids: std::ops::Range<i64>,
    inputs: &str,
) -> DataFile {
    let owner = format!("{symbol}/{date}");
    let rows = batch(date, ids, 12_345_678_901_234_567);
    let partition = partition(symbol, date);
    world.tables.write(Table::Trades, &partition, [rows], &owner, inputs, 0).await.unwrap().unwrap()
}

/// The whole of one partition.
pub(crate) fn whole(file: &DataFile) -> Change {
    Change {
        partitions: vec![file.partition.clone()],
        files: vec![file.clone()],
        ..Change::default()
    }
}

pub(crate) fn session(world: &World) -> SessionContext {
    world.tables.session(&SessionOptions::default()).unwrap()
}

/// The answer to a query as a table of text.
pub(crate) async fn ask(context: &SessionContext, sql: &str) -> String {
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    pretty_format_batches(&batches).unwrap().to_string()
}

/// The one number that a query answers.
pub(crate) async fn number(context: &SessionContext, sql: &str) -> i64 {
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    let column = batches.iter().find(|b| b.num_rows() > 0).unwrap().column(0).clone();
    column.as_any().downcast_ref::<Int64Array>().unwrap().value(0)
}

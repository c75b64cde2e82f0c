//! What is answered, how, and which partitions are read for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array,
    RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::DataType;
use chrono::DateTime;
use model::RunId;
use model::exit::Exit;
use model::plan::Partition;
use model::schema::Table;
use query::catalog::BUILT_IN;
use query::{Catalog, Format, Question, Request};
use store::Lake;
use table::{Change, SessionOptions, Stamp, Tables};

struct World {
    folder: tempfile::TempDir,
    lake: Lake,
}

/// 2024-01-15T00:00:00Z.
const DAY: i32 = 19_737;

/// One row of a table, every column filled.
fn row(table: Table) -> RecordBatch {
    let schema = store::schema::file_schema(table);
    let columns = schema
        .fields()
        .iter()
        .map(|field| -> ArrayRef {
            match field.data_type() {
                DataType::Boolean => Arc::new(BooleanArray::from(vec![true])),
                DataType::Int32 => Arc::new(Int32Array::from(vec![1])),
                DataType::Int64 => Arc::new(Int64Array::from(vec![1])),
                DataType::Float64 => Arc::new(Float64Array::from(vec![0.5])),
                DataType::Decimal128(precision, scale) => Arc::new(
                    Decimal128Array::from(vec![150_000_001])
                        .with_precision_and_scale(*precision, *scale)
                        .unwrap(),
                ),
                DataType::Date32 => Arc::new(Date32Array::from(vec![DAY])),
                DataType::Timestamp(..) => Arc::new(
                    TimestampMicrosecondArray::from(vec![i64::from(DAY) * 86_400_000_000])
                        .with_timezone("UTC"),
                ),
                _ => Arc::new(StringArray::from(vec!["a,\"b\"\nc"])),
            }
        })
        .collect();
    RecordBatch::try_new(schema, columns).unwrap()
}

/// Every combination of these values of a table's partition columns.
fn partitions(table: Table) -> Vec<Partition> {
    let mut all = vec![Partition::new()];
    for column in table.schema().partitions {
        let values = match *column {
            "source" => ["binance", "other"],
            "market" => ["spot", "usdm"],
            "symbol" => ["BTCUSDT", "ETHUSDT"],
            "timeframe" => ["1h", "1d"],
            "month" => ["2024-01", "2024-02"],
            "date" => ["2024-01-15", "2024-01-16"],
            _ => ["unreadable", "field_count"],
        };
        all = all
            .into_iter()
            .flat_map(|partition| {
                values.map(|value| {
                    let mut partition = partition.clone();
                    partition.insert((*column).to_owned(), value.to_owned());
                    partition
                })
            })
            .collect();
    }
    all
}

async fn world(with: &[Table]) -> World {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path().to_str().unwrap(), None).unwrap();
    let tables = Tables::open(&lake);
    for table in with {
        let mut change = Change { partitions: partitions(*table), ..Change::default() };
        for partition in &change.partitions {
            let file = tables.write(*table, partition, [row(*table)], "test", "1", 0).await;
            change.files.extend(file.unwrap());
        }
        let run = RunId::new(DateTime::UNIX_EPOCH, 1);
        let stamp = Stamp::new(*table, &run, "test", "all", DateTime::UNIX_EPOCH);
        tables.replace(*table, &stamp, change).await.unwrap();
    }
    World { folder, lake }
}

const READ: &[Table] = &[
    Table::Archives,
    Table::Rejects,
    Table::Instruments,
    Table::Klines,
    Table::Bars,
    Table::Daily,
    Table::Runs,
    Table::Builds,
    Table::Coverage,
    Table::Checks,
];

/// The answer, the notes and, for a failure, its text.
async fn ask(world: &World, request: Request) -> Result<(String, String), (Exit, String)> {
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    match query::run(|| Ok(world.lake.clone()), &request, &mut out, &mut notes).await {
        Ok(()) => Ok((String::from_utf8(out).unwrap(), String::from_utf8(notes).unwrap())),
        Err(failure) => Err((failure.exit, format!("{:#}", failure.error))),
    }
}

fn named(name: &str, params: &[&str], format: Format) -> Request {
    Request {
        question: Question::Named(name.to_owned()),
        params: params.iter().map(|p| (*p).to_owned()).collect(),
        format,
        limit: None,
        queries: None,
        render: false,
        memory_mib: None,
    }
}

fn free(sql: &str) -> Request {
    Request { question: Question::Sql(sql.to_owned()), ..named("", &[], Format::Csv) }
}

/// Files scanned by each scan of the query's plan.
async fn scanned(world: &World, sql: &str) -> Vec<u64> {
    let session = Tables::open(&world.lake).session(&SessionOptions::default()).unwrap();
    let frame = session.sql(&format!("EXPLAIN ANALYZE {sql}")).await.unwrap();
    let batches = frame.collect().await.unwrap();
    let plan = arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string();
    plan.match_indices("count_files_scanned=")
        .map(|(at, word)| {
            let digits = plan[at + word.len()..].split(|c: char| !c.is_ascii_digit());
            digits.into_iter().next().unwrap().parse().unwrap()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_reads_only_the_partitions_it_names() {
    let world = world(READ).await;
    let expected: BTreeMap<&str, (&[&str], u64)> = [
        ("bars_for_symbol", (&["to=2024-01-31"][..], 1)),
        ("builds", (&[], 1)),
        ("checks", (&[], 1)),
        // a source beside itself: a day's bars of both months, of each market
        (
            "compare_sources",
            (&["first=binance", "second=other", "symbol=BTCUSDT", "timeframe=1h"], 4),
        ),
        ("coverage", (&[], 2)),
        ("coverage_days", (&["market=spot"], 1)),
        ("daily_with_instrument", (&[], 1)),
        ("instruments", (&[], 1)),
        ("bi_daily", (&[], 2)),
        ("breadth", (&[], 2)),
        ("correlations", (&[], 2)),
        ("ledger", (&[], 1)),
        ("price_against_volume", (&[], 1)),
        ("rejects", (&[], 2)),
        ("returns", (&[], 1)),
        ("runs", (&[], 1)),
        ("sources", (&[], 4)),
        ("top_movers", (&[], 2)),
        ("volatility_windows", (&[], 1)),
        ("volume_by_month", (&[], 1)),
        ("vwap_by_day", (&[], 1)),
    ]
    .into();
    // this lake has no table of companies, of corrections, nor of what follows from bars: nothing is read of what is not there
    let without_table =
        ["actions", "anomalies", "fundamentals", "indicators", "pe", "restatements", "signals"];
    let catalog = Catalog::built_in().unwrap();
    for (name, _) in BUILT_IN.iter().filter(|(name, _)| !without_table.contains(name)) {
        let (params, files) = expected[name];
        let params: Vec<String> = params.iter().map(|p| (*p).to_owned()).collect();
        let sql = catalog.render(name, &params).unwrap();
        let found = scanned(&world, &sql).await;
        assert!(!found.is_empty() && found.iter().all(|n| *n <= files), "{name}: {found:?}");
        assert!(found.contains(&files), "{name}: {found:?}");
        // and it answers, in every form
        for format in [Format::Table, Format::Csv, Format::Json] {
            let params: Vec<&str> = params.iter().map(String::as_str).collect();
            let (answer, _) = ask(&world, named(name, &params, format)).await.unwrap();
            assert!(!answer.trim().is_empty(), "{name} {format:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_answer_over_tables_that_are_not_there_yet() {
    let world = world(&[]).await;
    for (name, _) in BUILT_IN {
        let (answer, notes) = ask(&world, named(name, &[], Format::Table)).await.unwrap();
        assert!(!answer.is_empty(), "{name}");
        let why = "no run of this lake has come to its end: its tables may be empty";
        assert_eq!(notes, format!("0 rows\n{why}\n"), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_exact_in_every_form() {
    let world = world(&[Table::Daily, Table::Rejects]).await;
    let (csv, _) = ask(&world, named("vwap_by_day", &[], Format::Csv)).await.unwrap();
    assert_eq!(
        csv,
        "date,vwap,low,high,close,volume,quote_volume,trade_count,made_from,is_complete\r\n\
         2024-01-15,0.5,1.50000001,1.50000001,1.50000001,1.50000001,1.50000001,1,\
         \"a,\"\"b\"\"\nc\",true\r\n"
    );
    let (json, _) = ask(&world, named("vwap_by_day", &[], Format::Json)).await.unwrap();
    let rows: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    assert_eq!(rows[0]["volume"], "1.50000001");
    assert_eq!(rows[0]["trade_count"], 1);
    assert_eq!(rows[0]["vwap"], 0.5);
    let (csv, _) = ask(&world, named("rejects", &["top=1"], Format::Csv)).await.unwrap();
    assert!(csv.contains("\"a,\"\"b\"\"\nc\""), "{csv}");
    let (csv, _) =
        ask(&world, free("SELECT TIMESTAMP '2024-01-31 23:59:59.000001' AS t")).await.unwrap();
    assert_eq!(csv, "t\r\n2024-01-31T23:59:59.000001Z\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_left_out_are_told() {
    let world = world(&[]).await;
    let sql = "SELECT * FROM (VALUES (1), (2), (3)) AS v(n) ORDER BY n";
    let check = async |limit: Option<usize>, format, rows: usize, cut: bool| {
        let request = Request { limit, format, ..free(sql) };
        let (answer, notes) = ask(&world, request).await.unwrap();
        let found = ["1", "2", "3"].iter().filter(|n| answer.contains(**n)).count();
        assert_eq!((found, notes.contains("left out")), (rows, cut), "{answer}{notes}");
    };
    check(None, Format::Csv, 3, false).await;
    check(Some(2), Format::Csv, 2, true).await;
    check(Some(3), Format::Table, 3, false).await;
    check(Some(0), Format::Json, 0, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_told_with_what_to_type_next() {
    let world = world(&[]).await;
    let check = async |request: Request, part: &str| {
        let (exit, text) = ask(&world, request).await.unwrap_err();
        assert_eq!(exit, Exit::Usage, "{text}");
        assert!(text.contains(part), "{text}");
    };
    check(named("vwap", &[], Format::Csv), "did you mean `vwap_by_day`?").await;
    check(named("nothing_like_it", &[], Format::Csv), "query --list").await;
    check(named("returns", &["from=today"], Format::Csv), "expected a date such as").await;
    check(named("returns", &["x=1"], Format::Csv), "--param symbol=BTCUSDT").await;
    check(free("SELEC 1"), "cannot understand the SQL").await;
    check(free("SELECT * FROM silver.nothing"), "nothing").await;
    check(free("SELECT :a"), "--param a=").await;
    // a question changes nothing
    check(free("DROP TABLE silver.trades"), "cannot understand the SQL").await;
    check(free("CREATE TABLE x AS SELECT 1"), "cannot understand the SQL").await;
    check(free("COPY (SELECT 1) TO 'x.csv'"), "cannot understand the SQL").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_rendered_without_a_lake() {
    let request = Request { render: true, ..named("vwap_by_day", &["symbol=O'X"], Format::Csv) };
    let mut out = Vec::new();
    let no_lake = || panic!("nothing is opened");
    query::run(no_lake, &request, &mut out, std::io::sink()).await.unwrap();
    let sql = String::from_utf8(out).unwrap();
    assert!(sql.contains("symbol = 'O''X'") && sql.contains("DATE '2017-01-01'"), "{sql}");
    assert!(!sql.lines().filter(|l| !l.starts_with("--")).any(|l| l.contains(" :")), "{sql}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_log_is_told_with_its_file_and_is_no_matter_of_the_sql() {
    let world = world(&[Table::Runs]).await;
    let folder = world.folder.path().join("ops/runs/_delta_log");
    for content in ["", "no JSON\n"] {
        std::fs::write(folder.join("00000000000000000001.json"), content).unwrap();
        let (exit, text) = ask(&world, free("SELECT count(*) FROM ops.runs")).await.unwrap_err();
        assert_eq!(exit, Exit::Failed, "{text}");
        assert!(text.starts_with("cannot read the lake: "), "{text}");
        assert!(text.contains("ops/runs/_delta_log/00000000000000000001.json"), "{text}");
        assert!(!text.contains("External"), "{text}");
    }
}

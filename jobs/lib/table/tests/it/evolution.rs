//! Lakes of a former or a later version: added columns, columns that may be null now, properties, what
//! is refused.

use std::sync::Arc;

use deltalake_core::kernel::{Action, DataType, Protocol, StructField};
use model::layout;
use model::plan::Partition;
use model::schema::Table;
use table::datafusion::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use table::datafusion::arrow::datatypes::{DataType as ArrowType, Schema, SchemaRef};
use table::{SessionOptions, Stamp};

use crate::kit::{World, ask, file, number, session, stamp, whole, world};

/// Makes a table as another version would: `alter` may change its columns and properties,
/// of which those of today are given.
async fn made_by_another(
    world: &World,
    of: Table,
    alter: impl FnOnce(&mut Vec<StructField>, &mut Vec<(String, Option<String>)>),
) {
    // the table of today, in a lake of its own, says what its columns are
    let today = crate::kit::world();
    today.tables.ensure(of).await.unwrap();
    let url = today.lake.url().join(&format!("{}/", layout::table(of))).unwrap();
    let table = deltalake_core::open_table(url).await.unwrap();
    let state = table.snapshot().unwrap();
    let mut columns: Vec<StructField> = state.schema().fields().cloned().collect();
    let mut properties: Vec<_> = state
        .metadata()
        .configuration()
        .iter()
        .map(|(key, value)| (key.clone(), Some(value.clone())))
        .collect();
    alter(&mut columns, &mut properties);
    let folder = world.lake.directory().unwrap().join(layout::table(of));
    std::fs::create_dir_all(&folder).unwrap();
    let url = world.lake.url().join(&format!("{}/", layout::table(of))).unwrap();
    let protocol: Protocol =
        serde_json::from_str(r#"{"minReaderVersion":1,"minWriterVersion":3}"#).unwrap();
    deltalake_core::DeltaTable::try_from_url(url)
        .await
        .unwrap()
        .create()
        .with_columns(columns)
        .with_partition_columns(of.schema().partitions.iter().copied())
        .with_raise_if_key_not_exists(false)
        .with_configuration(properties)
        .with_actions([Action::Protocol(protocol)])
        .await
        .unwrap();
}

/// A lake whose trades have no `issues` and no `is_best_match` yet and no property of today but
/// the constraint.
async fn former() -> World {
    let world = world();
    made_by_another(&world, Table::Trades, |columns, properties| {
        columns.retain(|c| !["issues", "is_best_match"].contains(&c.name().as_str()));
        properties.retain(|(key, _)| key.starts_with("delta.constraints."));
        properties.push(("marketlake.schemaVersion".to_owned(), Some("1".to_owned())));
        properties.push((
            "delta.deletedFileRetentionDuration".to_owned(),
            Some("interval 30 days".to_owned()),
        ));
    })
    .await;
    world
}

/// Adds ten trades of symbol OLD as that former version did: a file without the two columns.
async fn former_rows(world: &World) {
    let rows = crate::kit::batch("2024-01-01", 0..10, 5);
    let n = rows.num_rows();
    let schema = store::schema::table_schema(Table::Trades);
    let mut columns: Vec<ArrayRef> = ["binance", "spot", "OLD"]
        .map(|word| Arc::new(StringArray::from(vec![word; n])) as ArrayRef)
        .into();
    columns.push(Arc::new(Date32Array::from(vec![19_723; n])));
    columns.extend(rows.columns().iter().cloned());
    let keep: Vec<usize> = (0..schema.fields().len())
        .filter(|i| !["issues", "is_best_match"].contains(&schema.field(*i).name().as_str()))
        .collect();
    let all = RecordBatch::try_new(schema, columns).unwrap();
    let url = world.lake.url().join("silver/trades/").unwrap();
    let table = deltalake_core::DeltaTable::try_from_url(url).await.unwrap();
    table.write(vec![all.project(&keep).unwrap()]).await.unwrap();
}

const COUNTS: &str = "select count(*), count(is_best_match), count(issues), sum(trade_id), \
                      count(*) filter (where is_best_match is null) from silver.trades";

#[tokio::test]
async fn a_former_lake_is_read_before_it_is_written() {
    let world = former().await;
    former_rows(&world).await;
    let context = session(&world);
    let provider = context.table_provider("silver.trades").await.unwrap();
    let names = |schema: SchemaRef| {
        let schema: &Schema = &schema;
        let plain = schema.fields().iter().map(|f| (f.name().clone(), f.data_type().clone()));
        plain.collect::<Vec<_>>()
    };
    assert_eq!(names(provider.schema()), names(store::schema::table_schema(Table::Trades)));
    let text = ask(&context, COUNTS).await;
    assert!(text.contains("| 10       | 0 "), "{text}");
    for (filter, rows) in [
        ("symbol = 'OLD' and is_best_match is null", 10),
        ("is_best_match", 0),
        ("is_best_match is not null", 0),
        ("trade_id < 3", 3),
        ("issues = 'x'", 0),
    ] {
        let sql = format!("select count(*) from silver.trades where {filter}");
        assert_eq!(number(&context, &sql).await, rows, "{filter}");
    }
    // filters go down to the files through what stands in between
    let plan = ask(
        &context,
        "explain analyze select count(*) from silver.trades where symbol = 'NONE' and issues is null",
    )
    .await;
    assert!(!plan.contains("count_files_scanned=1"), "{plan}");
    // reading wrote nothing
    assert_eq!(world.tables.version(Table::Trades).await.unwrap(), Some(1));
}

#[tokio::test]
async fn the_next_commit_evolves_a_former_lake() {
    let world = former().await;
    former_rows(&world).await;
    let new = file(&world, "NEW", "2024-01-01", 0..5, "v2").await;
    let outcome = world.tables.replace(Table::Trades, &stamp(1, "v2"), whole(&new)).await.unwrap();
    assert_eq!((outcome.version, outcome.added, outcome.removed), (3, 1, 0), "evolved, then added");
    let snapshot = world.tables.snapshot(Table::Trades).await.unwrap().unwrap();
    let property = |key: &str| snapshot.property(key).unwrap_or_default();
    assert_eq!(property("delta.setTransactionRetentionDuration"), "interval 180 days");
    assert_eq!(property("delta.deletedFileRetentionDuration"), "interval 30 days", "set by hand");
    assert_eq!(property("delta.constraints.valid_price"), "NOT is_valid OR price > 0");
    assert_eq!(property("marketlake.schemaVersion"), "3");
    assert_eq!(snapshot.min_writer_version(), 3);
    let text = ask(&session(&world), COUNTS).await;
    assert!(text.contains("| 15 ") && text.contains("| 5 "), "{text}");
    for (filter, rows) in [
        ("is_best_match is null", 10),
        ("is_best_match", 5),
        ("issues is null", 15),
        ("symbol = 'OLD'", 10),
    ] {
        let sql = format!("select count(*) from silver.trades where {filter}");
        assert_eq!(number(&session(&world), &sql).await, rows, "{filter}");
    }
    // nothing evolves twice, a repetition is none, and old versions are still read
    let again = world.tables.replace(Table::Trades, &stamp(1, "v2"), whole(&new)).await.unwrap();
    assert_eq!((again.version, again.noop), (3, true));
    let versions = [(Table::Trades, 1)].into();
    let options = SessionOptions { versions, ..SessionOptions::default() };
    let before = world.tables.session(&options).unwrap();
    assert_eq!(
        number(&before, "select count(*) from silver.trades where issues is null").await,
        10
    );
    // with a checkpoint, too
    world.tables.checkpoint(Table::Trades).await.unwrap();
    assert_eq!(number(&session(&world), "select count(is_best_match) from silver.trades").await, 5);
}

/// The columns of klines that could not be null once.
const STATED: [&str; 2] = ["trade_count", "close_time"];

/// Three klines with the columns of `schema`. Those of the table that may be null are, but what
/// `schema` does not let be null.
fn klines(schema: &SchemaRef, symbol: &str) -> RecordBatch {
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        match field.data_type() {
            kind if field.is_nullable() => new_null_array(kind, 3),
            ArrowType::Int64 => Arc::new(Int64Array::from(vec![4, 5, 6])),
            ArrowType::Boolean => Arc::new(BooleanArray::from(vec![true; 3])),
            ArrowType::Decimal128(..) => {
                let one = Decimal128Array::from(vec![100_000_000; 3]);
                Arc::new(one.with_data_type(field.data_type().clone()))
            }
            ArrowType::Timestamp(..) => {
                let times = [0, 60_000_000, 120_000_000];
                Arc::new(TimestampMicrosecondArray::from(times.to_vec()).with_timezone("UTC"))
            }
            _ => {
                let word = match field.name().as_str() {
                    "symbol" => symbol,
                    "month" => "1970-01",
                    "timeframe" => "1m",
                    other => other,
                };
                Arc::new(StringArray::from(vec![word; 3]))
            }
        }
    });
    RecordBatch::try_new(Arc::clone(schema), columns.collect()).unwrap()
}

#[tokio::test]
async fn a_column_that_may_be_null_now_is_taken_on() {
    let world = world();
    made_by_another(&world, Table::Klines, |columns, properties| {
        for column in columns.iter_mut().filter(|c| STATED.contains(&c.name().as_str())) {
            *column = StructField::new(column.name(), column.data_type().clone(), false);
        }
        properties.retain(|(key, _)| key != "marketlake.schemaVersion");
        properties.push(("marketlake.schemaVersion".to_owned(), Some("2".to_owned())));
    })
    .await;
    let today = store::schema::table_schema(Table::Klines);
    let fields = today.fields().iter().map(|field| {
        let is_stated = STATED.contains(&field.name().as_str());
        field.as_ref().clone().with_nullable(field.is_nullable() && !is_stated)
    });
    let former: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let url = world.lake.url().join("silver/klines/").unwrap();
    let table = deltalake_core::DeltaTable::try_from_url(url).await.unwrap();
    table.write(vec![klines(&former, "OLD")]).await.unwrap();
    let check = async |expect: [i64; 4]| {
        let asked = [
            "count(*)",
            "sum(trade_count)",
            "count(*) filter (where trade_count is null and close_time is null)",
            "count(*) filter (where trade_count > 4)",
        ];
        for (what, expect) in asked.into_iter().zip(expect) {
            let sql = format!("select {what} from silver.klines");
            assert_eq!(number(&session(&world), &sql).await, expect, "{what}");
        }
        for (filter, rows) in [("is not null", 3), ("is null", expect[2])] {
            let sql = format!("select count(*) from silver.klines where trade_count {filter}");
            assert_eq!(number(&session(&world), &sql).await, rows, "{filter}");
        }
    };
    // read before it is written, by which it does not change
    check([3, 15, 0, 2]).await;
    assert_eq!(world.tables.version(Table::Klines).await.unwrap(), Some(1));

    let partition: Partition = [
        ("source", "source"),
        ("market", "market"),
        ("symbol", "NEW"),
        ("timeframe", "1m"),
        ("month", "1970-01"),
    ]
    .map(|(column, value)| (column.to_owned(), value.to_owned()))
    .into();
    let rows = klines(&store::schema::file_schema(Table::Klines), "");
    let tables = &world.tables;
    let new = tables.write(Table::Klines, &partition, [rows], "new", "v2", 0).await.unwrap();
    let new = new.unwrap();
    let stamp = Stamp::new(Table::Klines, &crate::kit::run(1), "silver", "v2", crate::kit::now());
    let outcome = tables.replace(Table::Klines, &stamp, whole(&new)).await.unwrap();
    assert_eq!((outcome.version, outcome.added), (3, 1), "evolved, then added");
    check([6, 15, 3, 2]).await;
    let snapshot = tables.snapshot(Table::Klines).await.unwrap().unwrap();
    assert_eq!(snapshot.property("marketlake.schemaVersion").as_deref(), Some("3"));
    let again = tables.replace(Table::Klines, &stamp, whole(&new)).await.unwrap();
    assert_eq!((again.version, again.noop), (3, true), "nothing evolves twice");
    tables.checkpoint(Table::Klines).await.unwrap();
    check([6, 15, 3, 2]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_evolve_a_table_once() {
    let world = former().await;
    let mut works = Vec::new();
    for writer in 0..6 {
        let file = file(&world, &format!("S{writer}"), "2024-01-01", 0..10, "v1").await;
        works.push((stamp(writer, "v1"), whole(&file)));
    }
    let results = crate::writers::at_once(&world.tables, works);
    let mut versions: Vec<_> = results.into_iter().map(Result::unwrap).collect();
    versions.sort_unstable();
    assert_eq!(versions, [2, 3, 4, 5, 6, 7], "version 1 is the evolution");
    assert_eq!(number(&session(&world), "select count(*) from silver.trades").await, 60);
}

#[tokio::test]
async fn what_cannot_be_bridged_is_refused_by_name() {
    async fn check(
        alter: impl FnOnce(&mut Vec<StructField>, &mut Vec<(String, Option<String>)>),
        expect: &[&str],
    ) {
        let world = world();
        made_by_another(&world, Table::Trades, alter).await;
        let error = world.tables.ensure(Table::Trades).await.unwrap_err().to_string();
        let read = session(&world).sql("select * from silver.trades").await.unwrap_err();
        for expect in expect {
            assert!(error.contains(expect), "{error}");
            assert!(read.to_string().contains(expect), "{read}");
        }
        assert_eq!(world.tables.version(Table::Trades).await.unwrap(), Some(0));
    }
    let replace = |columns: &mut Vec<StructField>, name: &str, kind: DataType, nullable: bool| {
        let column = columns.iter_mut().find(|c| c.name() == name).unwrap();
        *column = StructField::new(name, kind, nullable);
    };
    check(
        |columns, _| columns.push(StructField::new("mood", DataType::STRING, true)),
        &["silver.trades has column `mood`", "a later version of market-lake"],
    )
    .await;
    check(
        |_, properties| {
            properties.retain(|(key, _)| key != "marketlake.schemaVersion");
            properties.push(("marketlake.schemaVersion".to_owned(), Some("99".to_owned())));
        },
        &["silver.trades has schema 99", "a later version"],
    )
    .await;
    check(
        |columns, _| replace(columns, "trade_id", DataType::STRING, false),
        &["silver.trades.trade_id", "found string not null, expected long not null"],
    )
    .await;
    check(
        |columns, _| replace(columns, "trade_id", DataType::LONG, true),
        &["silver.trades.trade_id", "found long, expected long not null"],
    )
    .await;
    check(
        |columns, _| columns.retain(|c| c.name() != "time_us"),
        &["silver.trades.time_us", "found no such column, expected long not null"],
    )
    .await;
    check(
        |_, properties| properties.retain(|(key, _)| key != "marketlake.schemaVersion"),
        &["silver.trades has schema none"],
    )
    .await;
}

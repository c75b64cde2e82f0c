//! Statistics, pruning, sessions, time travel.

use std::collections::BTreeMap;

use model::layout;
use model::schema::Table;
use table::datafusion::arrow::array::RecordBatch;
use table::datafusion::arrow::datatypes::Schema;
use table::{Change, SessionOptions};

use crate::kit::{ask, batch, file, number, partition, session, stamp, whole, world};

/// What the log must say of [`file`]'s trades 0 to 9 of 2024-01-01.
const STATS: &str = r#"{"numRecords":10,"minValues":{"trade_id":0,"time":"2024-01-01T00:00:00.000Z","time_us":1704067200000007,"price":123456789.01234567,"quantity":99999999999999999999.99999999,"quote_quantity":0.00000001,"raw_sha256":"ab\"c"},"maxValues":{"trade_id":9,"time":"2024-01-01T00:00:09.001Z","time_us":1704067209000007,"price":123456789.01234567,"quantity":99999999999999999999.99999999,"quote_quantity":0.00000001,"raw_sha256":"ab\"c"},"nullCount":{"trade_id":0,"time":0,"time_us":0,"price":0,"quantity":0,"quote_quantity":0,"contracts":10,"is_buyer_maker":0,"is_best_match":0,"is_valid":0,"issues":10,"raw_sha256":0}}"#;

#[tokio::test]
async fn statistics_keep_every_digit() {
    let world = world();
    let file = file(&world, "A", "2024-01-01", 0..10, "v1").await;
    world.tables.replace(Table::Trades, &stamp(1, "v1"), whole(&file)).await.unwrap();
    let log = format!("{}/_delta_log/{:020}.json", layout::table(Table::Trades), 1);
    let text = String::from_utf8(world.lake.read(&log).await.unwrap().to_vec()).unwrap();
    let quoted = serde_json::to_string(STATS).unwrap();
    assert!(text.contains(&format!("\"stats\":{quoted}")), "{text}");
    // and after a checkpoint, whose reader sees no log entry
    world.tables.checkpoint(Table::Trades).await.unwrap();
    world.lake.delete(&log).await.unwrap();
    let live = world.tables.live_files(Table::Trades, |_| true).await.unwrap();
    assert_eq!(live[0].stats().as_deref(), Some(STATS));
    assert_eq!((live[0].rows, live[0].bytes), (10, file.bytes));
}

#[tokio::test]
async fn a_session_has_every_table_with_the_models_columns() {
    let world = world();
    world.tables.ensure(Table::Bars).await.unwrap();
    let trades = file(&world, "A", "2024-01-01", 0..10, "v1").await;
    world.tables.replace(Table::Trades, &stamp(1, "v1"), whole(&trades)).await.unwrap();
    let context = session(&world);
    for table in Table::ALL {
        let frame = context.sql(&format!("select * from {table}")).await.unwrap();
        let batches = frame.collect().await.unwrap();
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        assert_eq!(rows, if *table == Table::Trades { 10 } else { 0 }, "{table}");
        let plain = |schema: &Schema| {
            schema
                .fields()
                .iter()
                .map(|f| (f.name().clone(), f.data_type().clone()))
                .collect::<Vec<_>>()
        };
        let provider = context.table_provider(table.as_str()).await.unwrap();
        let expect = plain(&store::schema::table_schema(*table));
        assert_eq!(plain(&provider.schema()), expect, "{table}");
        if let Some(batch) = batches.first() {
            assert_eq!(plain(&batch.schema()), expect, "{table}");
        }
    }
}

/// The folder of a symbol in Chinese is percent-encoded, as Hive has it, and its URL in the log
/// is so once more, as the protocol has it; the values in the log and in answers are plain.
#[tokio::test]
async fn symbols_of_any_script_are_partitions_like_others() {
    let world = world();
    let (chinese, date) = ("币安人生USDT", "2024-01-01");
    let first = file(&world, chinese, date, 0..10, "v1").await;
    let other = file(&world, "BTCUSDT", date, 0..7, "v1").await;
    for (n, file) in [&first, &other].into_iter().enumerate() {
        world.tables.replace(Table::Trades, &stamp(n as u32, "x"), whole(file)).await.unwrap();
    }
    let folder = "symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT";
    assert!(first.path.contains(&format!("/{folder}/date=")), "{}", first.path);
    let key = |path: &str| format!("{}/{path}", layout::table(Table::Trades));
    let on_disk = |path: &str| world.lake.directory().unwrap().join(key(path));
    assert!(on_disk(&first.path).is_file());
    let log = key(&format!("_delta_log/{:020}.json", 1));
    let text = String::from_utf8(world.lake.read(&log).await.unwrap().to_vec()).unwrap();
    assert!(text.contains(&folder.replace('%', "%25")), "{text}");
    assert!(text.contains(&format!("\"symbol\":\"{chinese}\"")), "{text}");

    let check = async |rows: [i64; 2]| {
        let context = session(&world);
        for (symbol, rows) in [chinese, "BTCUSDT"].into_iter().zip(rows) {
            let sql = format!("select count(*) from silver.trades where symbol = '{symbol}'");
            assert_eq!(number(&context, &sql).await, rows, "{symbol}");
        }
        let sql = "select distinct symbol from silver.trades where symbol > 'Z'";
        assert!(ask(&context, sql).await.contains(chinese));
    };
    check([10, 7]).await;
    // replaced, read from a checkpoint, merged away and vacuumed like any other
    let second = file(&world, chinese, date, 0..4, "v2").await;
    let outcome = world.tables.replace(Table::Trades, &stamp(3, "y"), whole(&second)).await;
    assert_eq!(outcome.map(|o| (o.added, o.removed)).unwrap(), (1, 1));
    check([4, 7]).await;
    world.tables.checkpoint(Table::Trades).await.unwrap();
    check([4, 7]).await;
    let live = world.tables.live_files(Table::Trades, |p| p["symbol"] == chinese).await.unwrap();
    assert_eq!(live.len(), 1);
    assert_eq!(live[0].path, second.path);
    let far = "2999-01-01T00:00:00Z".parse().unwrap();
    let vacuumed = world.tables.vacuum(Table::Trades, 7, far, false).await.unwrap();
    assert_eq!(vacuumed.files, 1, "the first version alone");
    assert!(!on_disk(&first.path).exists() && on_disk(&second.path).is_file());
    check([4, 7]).await;
}

/// The value of a metric of the first operator in the analyzed plan that has it.
fn metric(plan: &str, name: &str) -> Option<u64> {
    let at = plan.find(&format!("{name}="))? + name.len() + 1;
    plan[at..].split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[tokio::test]
async fn files_are_skipped_by_partition_and_by_statistics() {
    let world = world();
    let mut change = Change::default();
    for symbol in ["A", "B", "C"] {
        for day in 1..=9 {
            let date = format!("2024-01-0{day}");
            change.files.push(file(&world, symbol, &date, day * 100..day * 100 + 10, "v1").await);
            change.partitions.push(partition(symbol, &date));
        }
    }
    world.tables.replace(Table::Trades, &stamp(1, "all"), change).await.unwrap();
    let check = async |filter: &str, files: u64, rows: i64| {
        let context = session(&world);
        let sql = format!("select count(*), sum(trade_id) from silver.trades where {filter}");
        let plan = ask(&context, &format!("explain analyze {sql}")).await;
        assert_eq!(metric(&plan, "count_files_scanned"), Some(files), "{filter}\n{plan}");
        assert_eq!(number(&context, &sql).await, rows, "{filter}");
    };
    check("true", 27, 270).await;
    check("symbol = 'B'", 9, 90).await;
    check("symbol = 'B' and date = date '2024-01-03'", 1, 10).await;
    check("symbol in ('A', 'C') and date between date '2024-01-03' and date '2024-01-04'", 4, 40)
        .await;
    check("date < date '2024-01-03'", 6, 60).await;
    check("trade_id = 305", 3, 3).await;
    check("symbol = 'A' and time >= timestamp '2024-01-09T00:00:05Z'", 1, 5).await;
    check("price > 123456789.01234567", 0, 0).await;
    check("price >= 123456789.01234567 and price < 123456789.01234568", 27, 270).await;
    check("price >= 200000000", 0, 0).await;
}

#[tokio::test]
async fn former_versions_stay_readable() {
    let world = world();
    let first = file(&world, "A", "2024-01-01", 0..10, "v1").await;
    let second = file(&world, "A", "2024-01-01", 5..30, "v2").await;
    for (n, file) in [&first, &second].into_iter().enumerate() {
        world.tables.replace(Table::Trades, &stamp(n as u32, "x"), whole(file)).await.unwrap();
    }
    let at = |version: Option<u64>| SessionOptions {
        versions: version.map(|v| (Table::Trades, v)).into_iter().collect::<BTreeMap<_, _>>(),
        ..SessionOptions::default()
    };
    for (version, rows, least) in [(Some(1), 10, 0), (Some(2), 25, 5), (None, 25, 5)] {
        let context = world.tables.session(&at(version)).unwrap();
        let sql = "select count(*) from silver.trades";
        assert_eq!(number(&context, sql).await, rows, "{version:?}");
        let sql = "select min(trade_id) from silver.trades";
        assert_eq!(number(&context, sql).await, least, "{version:?}");
    }
    assert_eq!(world.tables.as_of(Table::Trades, 1).await.unwrap().rows(), 10);
    let error = world.tables.as_of(Table::Trades, 9).await.unwrap_err().to_string();
    assert!(error.contains("no version 9"), "{error}");
    let error = world.tables.as_of(Table::Bars, 0).await.unwrap_err().to_string();
    assert!(error.contains("no version 0"), "{error}");
}

#[tokio::test]
async fn a_session_stays_at_the_version_it_saw_first() {
    let world = world();
    let first = file(&world, "A", "2024-01-01", 0..10, "v1").await;
    world.tables.replace(Table::Trades, &stamp(1, "x"), whole(&first)).await.unwrap();
    let context = session(&world);
    let sql = "select count(*) from silver.trades";
    assert_eq!(number(&context, sql).await, 10);
    let second = file(&world, "A", "2024-01-01", 0..20, "v2").await;
    world.tables.replace(Table::Trades, &stamp(2, "x"), whole(&second)).await.unwrap();
    assert_eq!(number(&context, sql).await, 10);
    assert_eq!(number(&session(&world), sql).await, 20);
}

#[tokio::test]
async fn large_sorts_spill_instead_of_failing() {
    let world = world();
    let rows = batch("2024-01-01", 0..60_000, 5);
    let partition = partition("A", "2024-01-01");
    let mut change = Change { partitions: vec![partition.clone()], ..Change::default() };
    for part in 0..4 {
        let written = world
            .tables
            .write(Table::Trades, &partition, vec![rows.clone(); 4], "A", "v1", part)
            .await;
        change.files.push(written.unwrap().unwrap());
    }
    world.tables.replace(Table::Trades, &stamp(1, "x"), change).await.unwrap();
    let options = SessionOptions {
        // one sorter: with two, the merge of both may find no memory left, by chance
        target_partitions: Some(1),
        // a third of what is sorted
        memory_mib: Some(80),
        ..SessionOptions::default()
    };
    let context = world.tables.session(&options).unwrap();
    let sql = "select * from silver.trades order by trade_id desc, quantity";
    let plan = ask(&context, &format!("explain analyze {sql}")).await;
    assert!(metric(&plan, "spill_count").is_some_and(|n| n > 0), "{plan}");
    assert_eq!(number(&context, "select count(*) from silver.trades").await, 4 * 4 * 60_000,);
    let left: Vec<_> = std::fs::read_dir(world.lake.temp()).unwrap().collect();
    drop(context);
    assert!(left.len() < 3, "{left:?}");
}

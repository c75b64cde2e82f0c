//! Creation, replacement, repetition, races, vacuum.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use model::layout;
use model::schema::Table;
use table::datafusion::arrow::array::{ArrayRef, Date32Array, RecordBatch, StringArray};
use table::{Change, Stamp, TableError, Tables};

use crate::kit::{batch, file, now, number, partition, run, session, stamp, whole, world, worlds};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_creators_one_wins() {
    let world = world();
    for table in [Table::Trades, Table::Runs, Table::Rejects] {
        let creators: Vec<_> = (0..8)
            .map(|_| {
                let tables = world.tables.clone();
                tokio::spawn(async move { tables.ensure(table).await })
            })
            .collect();
        for creator in creators {
            assert_eq!(creator.await.unwrap().unwrap().version(), 0, "{table}");
        }
        let entries =
            world.lake.list(&format!("{}/_delta_log", layout::table(table))).await.unwrap();
        assert_eq!(entries.len(), 1, "{table}: {entries:?}");
    }
}

#[tokio::test]
async fn tables_make_others_enforce_their_constraints() {
    let world = world();
    for table in Table::ALL {
        let snapshot = world.tables.ensure(*table).await.unwrap();
        assert_eq!(snapshot.min_writer_version(), 3, "{table}");
        for (name, sql) in table.schema().constraints {
            let found = snapshot.property(&format!("delta.constraints.{name}"));
            assert_eq!(found.as_deref(), Some(*sql), "{table}");
        }
        assert_eq!(
            snapshot.property("delta.deletedFileRetentionDuration").as_deref(),
            Some("interval 7 days")
        );
    }
}

/// Rows of a day with their partition columns, as another writer would bring them.
fn with_partitions(rows: &RecordBatch) -> RecordBatch {
    let n = rows.num_rows();
    let mut columns: Vec<ArrayRef> = ["binance", "spot", "A"]
        .map(|word| Arc::new(StringArray::from(vec![word; n])) as ArrayRef)
        .into();
    columns.push(Arc::new(Date32Array::from(vec![19_723; n])));
    columns.extend(rows.columns().iter().cloned());
    RecordBatch::try_new(store::schema::table_schema(Table::Trades), columns).unwrap()
}

#[tokio::test]
async fn another_writer_cannot_break_a_constraint() {
    let world = world();
    world.tables.ensure(Table::Trades).await.unwrap();
    let url = world.lake.url().join("silver/trades/").unwrap();
    let other = deltalake_core::DeltaTable::try_from_url(url).await.unwrap();
    let rows = with_partitions(&batch("2024-01-01", 0..3, 0));
    let error = other.write(vec![rows]).await.expect_err("valid trades without a price");
    assert!(error.to_string().contains("3 rows failed validation"), "{error}");
    assert_eq!(world.tables.version(Table::Trades).await.unwrap(), Some(0));
}

#[tokio::test]
async fn a_replacement_is_one_commit_and_its_repetition_none() {
    let world = world();
    let tables = &world.tables;
    let first = file(&world, "A", "2024-01-01", 0..10, "v1").await;
    let other = file(&world, "B", "2024-01-01", 0..5, "v1").await;
    let change = Change {
        partitions: vec![first.partition.clone(), other.partition.clone()],
        files: vec![first.clone(), other.clone()],
        ..Change::default()
    };
    let outcome = tables.replace(Table::Trades, &stamp(1, "v1"), change.clone()).await.unwrap();
    assert_eq!((outcome.version, outcome.added, outcome.removed, outcome.noop), (1, 2, 0, false));
    let again = tables.replace(Table::Trades, &stamp(1, "v1"), change.clone()).await.unwrap();
    assert_eq!((again.version, again.added, again.removed, again.noop), (1, 2, 0, true));
    // another run with the same files has nothing to do
    let same = tables.replace(Table::Trades, &stamp(2, "v1"), change).await.unwrap();
    assert_eq!((same.version, same.added, same.noop), (1, 0, true));

    let second = file(&world, "A", "2024-01-01", 0..12, "v2").await;
    let outcome = tables.replace(Table::Trades, &stamp(3, "v2"), whole(&second)).await.unwrap();
    assert_eq!((outcome.version, outcome.added, outcome.removed, outcome.noop), (2, 1, 1, false));
    assert_eq!(number(&session(&world), "select count(*) from silver.trades").await, 17);
    // the first run repeated must not bring back what was replaced since
    let late = tables.replace(Table::Trades, &stamp(1, "v1"), whole(&first)).await.unwrap();
    assert!(late.noop, "{late:?}");
    let live: Vec<_> = tables.live_files(Table::Trades, |_| true).await.unwrap();
    let paths: BTreeSet<_> = live.iter().map(|f| f.path.as_str()).collect();
    assert_eq!(paths, BTreeSet::from([second.path.as_str(), other.path.as_str()]));
    assert_eq!(live[0].tag("run").as_deref(), Some(run(3).as_str()));
    // an emptied partition
    let change = Change { partitions: vec![partition("A", "2024-01-01")], ..Change::default() };
    let outcome = tables.replace(Table::Trades, &stamp(4, "none"), change).await.unwrap();
    assert_eq!((outcome.added, outcome.removed), (0, 1));
    assert_eq!(number(&session(&world), "select count(*) from silver.trades").await, 5);
}

#[tokio::test]
async fn an_owners_files_go_wherever_they_lie() {
    let world = world();
    let tables = &world.tables;
    let a = file(&world, "A", "2024-01-01", 0..10, "v1").await;
    let b = file(&world, "B", "2024-01-02", 0..5, "v1").await;
    tables.append(Table::Trades, &stamp(1, "ab"), vec![a.clone(), b.clone()]).await.unwrap();
    let change = Change { owners: vec!["A/2024-01-01".to_owned()], ..Change::default() };
    let outcome = tables.replace(Table::Trades, &stamp(2, "a"), change).await.unwrap();
    assert_eq!((outcome.added, outcome.removed), (0, 1));
    let live = tables.live_files(Table::Trades, |_| true).await.unwrap();
    assert_eq!(live.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), [b.path.as_str()]);
    // a live file is not added twice
    let outcome = tables.append(Table::Trades, &stamp(3, "b"), vec![b]).await.unwrap();
    assert!(outcome.noop, "{outcome:?}");
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let world = world();
    let good = file(&world, "A", "2024-01-01", 0..10, "v1").await;
    let check = async |change: Change, expect: &str| {
        let error = world.tables.replace(Table::Trades, &stamp(1, expect), change).await;
        let text = error.expect_err(expect).to_string();
        assert!(text.contains(expect), "{text}");
    };
    let mut moved = good.clone();
    moved.path = moved.path.replace("symbol=A", "symbol=B");
    check(whole(&moved), "expected to lie at").await;
    let mut empty = good.clone();
    empty.rows = 0;
    check(whole(&empty), "has no rows").await;
    let mut outside = whole(&good);
    outside.partitions = vec![partition("B", "2024-01-01")];
    check(outside, "none of the partitions replaced").await;
    let mut short = whole(&good);
    short.partitions[0].remove("date");
    check(short, "expected values of source, market, symbol, date").await;
    let owners = vec!["somebody".to_owned()];
    check(Change { owners, files: vec![good.clone()], ..Change::default() }, "none of the owners")
        .await;
    let mut other = good.clone();
    other.bytes += 1;
    check(Change { files: vec![good, other], ..Change::default() }, "named twice").await;
    assert_eq!(world.tables.version(Table::Trades).await.unwrap(), Some(0));
}

/// Many writers at once, each on a runtime of its own as if in a process of its own.
pub(crate) fn at_once(
    tables: &Tables,
    works: Vec<(Stamp, Change)>,
) -> Vec<Result<u64, TableError>> {
    let works: Vec<_> = works
        .into_iter()
        .map(|(stamp, change)| {
            let tables = tables.clone();
            std::thread::spawn(move || {
                tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(2)
                    .enable_all()
                    .build()
                    .unwrap()
                    .block_on(tables.replace(Table::Trades, &stamp, change))
                    .map(|outcome| outcome.version)
            })
        })
        .collect();
    works.into_iter().map(|work| work.join().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn replacers_of_one_partition_never_double_its_rows() {
    for (name, world) in worlds() {
        // the partition is empty at first: nothing to remove warns either of the other
        for round in 0..4 {
            let mut works = Vec::new();
            for writer in 0..4 {
                let inputs = format!("{round}/{writer}");
                let file = file(&world, "A", "2024-01-01", 0..10 + writer, &inputs).await;
                works.push((stamp(writer as u32, &inputs), whole(&file)));
            }
            for result in at_once(&world.tables, works) {
                result.unwrap();
            }
            let live = world.tables.live_files(Table::Trades, |_| true).await.unwrap();
            assert_eq!(live.len(), 1, "{name}, round {round}: {live:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replacers_of_different_partitions_all_land() {
    for (name, world) in worlds() {
        let mut works = Vec::new();
        for writer in 0..6 {
            let file = file(&world, &format!("S{writer}"), "2024-01-01", 0..10, "v1").await;
            works.push((stamp(writer, "different"), whole(&file)));
        }
        let mut versions: Vec<_> =
            at_once(&world.tables, works).into_iter().map(Result::unwrap).collect();
        versions.sort_unstable();
        assert_eq!(versions, (1..=6).collect::<Vec<_>>(), "{name}");
        let rows = number(&session(&world), "select count(*) from silver.trades").await;
        assert_eq!(rows, 60, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_commit_from_two_processes_lands_once() {
    for (name, world) in worlds() {
        let file = file(&world, "A", "2024-01-01", 0..10, "v1").await;
        let works = (0..4).map(|_| (stamp(1, "same"), whole(&file))).collect();
        let versions: Vec<_> =
            at_once(&world.tables, works).into_iter().map(Result::unwrap).collect();
        assert_eq!(versions, [1, 1, 1, 1], "{name}");
        assert_eq!(world.tables.version(Table::Trades).await.unwrap(), Some(1), "{name}");
    }
}

#[tokio::test]
async fn checkpoints_come_by_themselves_and_change_nothing() {
    let world = world();
    for n in 0..45 {
        let file = file(&world, "A", "2024-01-01", 0..n + 1, &n.to_string()).await;
        world.tables.replace(Table::Trades, &stamp(n as u32, "x"), whole(&file)).await.unwrap();
    }
    let log = format!("{}/_delta_log", layout::table(Table::Trades));
    let entries = world.lake.list(&log).await.unwrap();
    let checkpoints: Vec<_> =
        entries.iter().filter(|e| e.key.contains(".checkpoint")).map(|e| &e.key).collect();
    assert_eq!(checkpoints.len(), 2, "{checkpoints:?}");
    assert_eq!(number(&session(&world), "select count(*) from silver.trades").await, 45);
    let repeated = world.tables.replace(Table::Trades, &stamp(3, "x"), Change::default()).await;
    assert_eq!(repeated.unwrap().version, 4, "the transaction is found behind a checkpoint");
    assert_eq!(world.tables.clean_log(Table::Trades).await.unwrap(), 0, "younger than 30 days");
}

#[tokio::test]
async fn vacuum_keeps_seven_days_whatever_it_is_asked() {
    let world = world();
    let tables = &world.tables;
    let key = |path: &str| format!("{}/{path}", layout::table(Table::Trades));
    let old = file(&world, "A", "2024-01-01", 0..10, "v1").await;
    let new = file(&world, "A", "2024-01-01", 0..12, "v2").await;
    let orphan = file(&world, "B", "2024-01-01", 0..3, "never committed").await;
    tables.replace(Table::Trades, &stamp(1, "v1"), whole(&old)).await.unwrap();
    tables.replace(Table::Trades, &stamp(2, "v2"), whole(&new)).await.unwrap();
    let age = |path: &str, days: i64| {
        let path = world.lake.directory().unwrap().join(key(path));
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_modified((now() - TimeDelta::days(days)).into()).unwrap();
    };
    for path in [&old.path, &new.path, &orphan.path] {
        age(path, 1);
    }
    let vacuum = async |days, after, dry_run| {
        let at = now() + TimeDelta::days(after);
        tables.vacuum(Table::Trades, days, at, dry_run).await.unwrap().files
    };
    assert_eq!(vacuum(0, 5, false).await, 0, "everything is younger than 7 days");
    assert_eq!(vacuum(0, 6, false).await, 0, "the orphan is exactly 7 days old");
    assert_eq!(vacuum(0, 8, true).await, 2, "the replaced file and the orphan");
    assert!(world.lake.head(&key(&old.path)).await.unwrap().is_some(), "a dry run deletes nothing");
    // a file that was written anew stays, though its name was removed long ago
    age(&old.path, -5);
    assert_eq!(vacuum(7, 8, false).await, 1);
    assert!(world.lake.head(&key(&old.path)).await.unwrap().is_some());
    assert!(world.lake.head(&key(&orphan.path)).await.unwrap().is_none());
    assert_eq!(vacuum(30, 20, false).await, 0);
    assert_eq!(vacuum(7, 20, false).await, 1);
    assert_eq!(number(&session(&world), "select count(*) from silver.trades").await, 12);
    assert_eq!(tables.vacuum(Table::Bars, 7, now(), false).await.unwrap().files, 0);
}

#[tokio::test]
async fn small_files_are_merged_when_they_have_settled() {
    let world = world();
    let tables = &world.tables;
    let partition = partition("A", "2024-01-01");
    for n in 0..25_i64 {
        let rows = batch("2024-01-01", n * 10..n * 10 + 10, 5);
        let written =
            tables.write(Table::Trades, &partition, [rows], &n.to_string(), "v1", 0).await;
        let files = written.unwrap().into_iter().collect();
        tables.append(Table::Trades, &stamp(n as u32, "x"), files).await.unwrap();
    }
    let sums = async || {
        let sql = "select count(*) + sum(trade_id) from silver.trades";
        (
            number(&session(&world), sql).await,
            tables.live_files(Table::Trades, |_| true).await.unwrap().len(),
        )
    };
    let before = sums().await.0;
    let merge = async |days| {
        let stamp = stamp(99, &format!("merge {days}"));
        tables.merge(Table::Trades, &stamp, now() + TimeDelta::days(days)).await.unwrap()
    };
    assert!(merge(8).await.noop, "eight days are not over");
    let outcome = merge(9).await;
    assert_eq!((outcome.added, outcome.removed), (1, 25));
    assert_eq!(sums().await, (before, 1));
    assert!(merge(10).await.noop);
    let log = format!("{}/_delta_log/{:020}.json", layout::table(Table::Trades), outcome.version);
    let text = String::from_utf8(world.lake.read(&log).await.unwrap().to_vec()).unwrap();
    assert!(text.contains("\"dataChange\":false") && !text.contains("\"dataChange\":true"));
}

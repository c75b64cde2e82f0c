//! What came anew: rows of `silver.restatements`, and what the extract tells of versions that were never
//! built.

use std::sync::Arc;

use model::fragment::{ANSWERS, BronzeFragment, Restated, SilverFragment};
use model::schema::Table;
use model::{RawArchive, Unit, unit};
use table::datafusion::arrow::array::{
    ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use table::datafusion::arrow::datatypes::{DataType, Field};

use crate::kit::{Run, World, ask, partition, planned, world};

const DAY: &str = "binance/spot/trades/BTCUSDT/2024-01-01";

/// A line of the table, with this new value.
fn line(new: &str) -> RecordBatch {
    let schema = store::schema::file_schema(Table::Restatements);
    let column = |field: &Arc<Field>| -> ArrayRef {
        match field.data_type() {
            DataType::Int64 => Arc::new(Int64Array::from(vec![1])),
            DataType::Timestamp(..) => {
                Arc::new(TimestampMicrosecondArray::from(vec![0]).with_timezone("UTC"))
            }
            _ if field.name() == "new_value" => Arc::new(StringArray::from(vec![new])),
            _ => Arc::new(StringArray::from(vec!["x"])),
        }
    };
    let columns = schema.fields().iter().map(column).collect();
    RecordBatch::try_new(Arc::clone(&schema), columns).unwrap()
}

fn raw(fragment: &BronzeFragment) -> RawArchive {
    fragment.archive.clone().unwrap()
}

/// Silver of the day, which says that a value differs from that of the version before.
async fn restated(
    world: &World,
    run: &Run<'_>,
    before: &RawArchive,
    after: &RawArchive,
    new: &str,
) -> SilverFragment {
    let content = after.object.split('/').rev().nth(1).unwrap().to_owned();
    let mut fragment = run.built(DAY, &[(DAY, &content)]).await;
    let unit: Unit = DAY.parse().unwrap();
    let owner = Restated::owner(&unit, before, after);
    let of = partition(&[("source", "binance")]);
    let file = world.tables.write(Table::Restatements, &of, [line(new)], &owner, new, 0);
    let file = file.await.unwrap().unwrap();
    let restated = Restated { owner, changed: 1, removed: 0, added: 0, untold: 0, file };
    fragment.units[0].restated = Some(restated);
    run.silver(&fragment).await;
    fragment
}

#[tokio::test]
async fn what_was_restated_is_told_once_and_stays() {
    let world = world();
    let told = "select new_value from silver.restatements order by 1";
    let first = planned(&world, 1, 1).await;
    let a = raw(&first.fetched(DAY, "a10", 1).await);
    first.built(DAY, &[(DAY, "a10")]).await;
    first.commit().await;
    // it is there, and empty
    assert!(ask(&world, told).await.is_empty());

    let second = planned(&world, 2, 1).await;
    let b = raw(&second.fetched(DAY, "b10", 2).await);
    restated(&world, &second, &a, &b, "first").await;
    second.commit().await;
    second.commit().await;
    assert_eq!(ask(&world, told).await, ["first"]);

    // another run that learns the same takes its place
    let third = planned(&world, 3, 1).await;
    restated(&world, &third, &a, &b, "again").await;
    third.commit().await;
    assert_eq!(ask(&world, told).await, ["again"]);

    // another step stands beside it
    let fourth = planned(&world, 4, 1).await;
    let c = raw(&fourth.fetched(DAY, "c10", 4).await);
    restated(&world, &fourth, &b, &c, "next").await;
    fourth.commit().await;
    assert_eq!(ask(&world, told).await, ["again", "next"]);

    // what is out of date is not told
    let fifth = planned(&world, 5, 1).await;
    restated(&world, &fifth, &a, &b, "late").await;
    let summary = fifth.commit().await;
    assert_eq!(summary.skipped.len(), 1, "{summary:?}");
    assert_eq!(ask(&world, told).await, ["again", "next"]);
}

#[tokio::test]
async fn the_extract_tells_what_silver_has_where_something_newer_was_never_built() {
    let world = world();
    let id = DAY.parse::<Unit>().unwrap().id();
    let replaced = async || {
        let ledger = world.lake.ledger().await.unwrap().1;
        ledger.builds[DAY].replaced.get(&id).map(|raw| raw.sha256.clone())
    };
    planned(&world, 1, 1).await.day("2024-01-01", "a10", 1).await;
    let first = planned(&world, 1, 1).await;
    first.commit().await;
    assert_eq!(replaced().await, None);
    // fetched by a run whose silver failed
    let second = planned(&world, 2, 1).await;
    second.fetched(DAY, "b10", 2).await;
    second.commit().await;
    assert_eq!(replaced().await, Some(unit::sha256_hex(b"a10")));
    // however many come after it
    let third = planned(&world, 3, 1).await;
    third.fetched(DAY, "c10", 3).await;
    third.commit().await;
    assert_eq!(replaced().await, Some(unit::sha256_hex(b"a10")));
    let fourth = planned(&world, 4, 1).await;
    fourth.built(DAY, &[(DAY, "c10")]).await;
    fourth.commit().await;
    assert_eq!(replaced().await, None);
}

#[tokio::test]
async fn each_time_that_a_source_is_asked_is_a_row() {
    let world = world();
    let etag = Some(format!("{ANSWERS}0\""));
    for n in 1..=3 {
        let run = planned(&world, n, 1).await;
        let fetched = run.fetched(DAY, "a10", n.into()).await;
        run.bronze(BronzeFragment { etag: etag.clone(), ..fetched }).await;
        run.commit().await;
        run.commit().await;
        let rows = ask(&world, "select count(*) from bronze.archives").await;
        assert_eq!(rows, [n.to_string()]);
    }
    let ledger = world.lake.ledger().await.unwrap().1;
    let row = &ledger.archives[&DAY.parse::<Unit>().unwrap().id()];
    assert_eq!(row.fetched_at, crate::kit::start() + chrono::TimeDelta::minutes(3));
}

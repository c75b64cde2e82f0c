//! Vacuum: what it keeps, beside writers, and where links lead.

use chrono::{DateTime, TimeDelta, Utc};
use model::fragment::DataFile;
use model::layout;
use model::schema::Table;
use table::Stamp;

use crate::kit::{World, file, number, run, session, whole, world};

/// The library's clock, by which its checkpoints forget.
fn now() -> DateTime<Utc> {
    #[expect(clippy::disallowed_methods, reason = "the library has no other clock")]
    Utc::now()
}

fn key(file: &DataFile) -> String {
    format!("{}/{}", layout::table(Table::Trades), file.path)
}

/// Makes a file look as if it was written so many days ago.
fn age(world: &World, file: &DataFile, days: i64) {
    let path = world.lake.directory().unwrap().join(key(file));
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified((now() - TimeDelta::days(days)).into()).unwrap();
}

/// Replaces the content of the file's partition by it, so many days ago.
async fn replace(world: &World, n: u32, file: &DataFile, days: i64) {
    let at = now() - TimeDelta::days(days);
    let stamp = Stamp::new(Table::Trades, &run(n), "silver", &n.to_string(), at);
    world.tables.replace(Table::Trades, &stamp, whole(file)).await.unwrap();
}

/// A table whose first file was replaced `days` ago and is 40 days old.
async fn replaced(days: i64) -> (World, DataFile, DataFile) {
    let world = world();
    let old = file(&world, "A", "2024-01-01", 0..10, "v1").await;
    let new = file(&world, "A", "2024-01-01", 0..12, "v2").await;
    replace(&world, 1, &old, 40).await;
    replace(&world, 2, &new, days).await;
    age(&world, &old, 40);
    age(&world, &new, 40);
    (world, old, new)
}

async fn is_there(world: &World, file: &DataFile) -> bool {
    world.lake.head(&key(file)).await.unwrap().is_some()
}

#[tokio::test]
async fn what_is_asked_for_is_kept_across_checkpoints() {
    let (world, old, _) = replaced(20).await;
    let tables = &world.tables;
    // a checkpoint that came by itself, before anybody asked for more than seven days
    tables.checkpoint(Table::Trades).await.unwrap();
    tables.keep_removed(Table::Trades, 30).await.unwrap();
    tables.checkpoint(Table::Trades).await.unwrap();
    assert_eq!(tables.vacuum(Table::Trades, 30, now(), false).await.unwrap().files, 0);
    assert!(is_there(&world, &old).await);
    assert_eq!(tables.vacuum(Table::Trades, 7, now(), true).await.unwrap().files, 1);

    // what the properties say is what checkpoints remember, without any log entry
    let (world, old, _) = replaced(20).await;
    let tables = &world.tables;
    tables.keep_removed(Table::Trades, 30).await.unwrap();
    tables.keep_removed(Table::Trades, 10).await.unwrap();
    let snapshot = tables.snapshot(Table::Trades).await.unwrap().unwrap();
    assert_eq!(snapshot.version(), 3, "it never says less than before");
    let property = |key: &str| snapshot.property(key).unwrap();
    assert_eq!(property("delta.deletedFileRetentionDuration"), "interval 30 days");
    assert_eq!(property("delta.logRetentionDuration"), "interval 30 days");
    tables.checkpoint(Table::Trades).await.unwrap();
    for version in 0..=2 {
        world.lake.delete(&layout::log_entry(Table::Trades, version)).await.unwrap();
    }
    assert_eq!(tables.vacuum(Table::Trades, 30, now(), false).await.unwrap().files, 0);
    assert!(is_there(&world, &old).await);
    tables.keep_removed(Table::Trades, 60).await.unwrap();
    let snapshot = tables.snapshot(Table::Trades).await.unwrap().unwrap();
    assert_eq!(snapshot.property("delta.logRetentionDuration").unwrap(), "interval 60 days");
}

#[tokio::test]
async fn what_comes_back_between_the_list_and_its_deletion_stays() {
    let (world, old, new) = replaced(20).await;
    let unneeded = world.tables.unneeded(Table::Trades, 7, now()).await.unwrap();
    assert_eq!(unneeded.total().files, 1);
    // committed anew without being written anew: the file itself tells nothing
    replace(&world, 3, &old, 0).await;
    assert_eq!(world.tables.delete(&unneeded).await.unwrap().files, 0);
    assert_eq!(number(&session(&world), "select count(*) from silver.trades").await, 10);
    assert!(is_there(&world, &new).await, "it was removed today");

    // written anew and not committed yet: the log tells nothing
    let (world, old, _) = replaced(20).await;
    let unneeded = world.tables.unneeded(Table::Trades, 7, now()).await.unwrap();
    let again = file(&world, "A", "2024-01-01", 0..10, "v1").await;
    assert_eq!(again, old);
    assert_eq!(world.tables.delete(&unneeded).await.unwrap().files, 0);
    assert!(is_there(&world, &old).await);

    // and without any of it, it goes; twice is fine
    let (world, old, _) = replaced(20).await;
    let unneeded = world.tables.unneeded(Table::Trades, 7, now()).await.unwrap();
    assert_eq!(world.tables.delete(&unneeded).await.unwrap().files, 1);
    assert!(!is_there(&world, &old).await);
    assert_eq!(world.tables.delete(&unneeded).await.unwrap().files, 0);
}

#[tokio::test]
async fn nothing_is_deleted_through_a_link() {
    let (world, old, _) = replaced(20).await;
    let outside = tempfile::tempdir().unwrap();
    let precious = outside.path().join("precious.parquet");
    std::fs::write(&precious, "x").unwrap();
    let long_ago = now() - TimeDelta::days(400);
    let aged = std::fs::File::options().write(true).open(&precious).unwrap();
    aged.set_modified(long_ago.into()).unwrap();
    let folder = world.lake.directory().unwrap().join(layout::table(Table::Trades));
    std::os::unix::fs::symlink(outside.path(), folder.join("source=away")).unwrap();
    std::os::unix::fs::symlink(&folder, folder.join("source=loop")).unwrap();
    assert_eq!(world.tables.vacuum(Table::Trades, 7, now(), false).await.unwrap().files, 1);
    assert!(precious.is_file() && !is_there(&world, &old).await);

    // a whole table that lies elsewhere is read, and not cleaned
    let moved = outside.path().join("trades");
    std::fs::rename(&folder, &moved).unwrap();
    std::os::unix::fs::symlink(&moved, &folder).unwrap();
    assert_eq!(number(&session(&world), "select count(*) from silver.trades").await, 12);
    let orphan = moved.join("orphan.parquet");
    std::fs::copy(&precious, &orphan).unwrap();
    let aged = std::fs::File::options().write(true).open(&orphan).unwrap();
    aged.set_modified(long_ago.into()).unwrap();
    assert_eq!(world.tables.vacuum(Table::Trades, 7, now(), false).await.unwrap().files, 0);
    assert!(orphan.is_file());
}

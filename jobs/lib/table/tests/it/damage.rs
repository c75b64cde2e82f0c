//! Logs that have lost something, or changed: refused with the name of what is damaged, by who
//! reads and by who writes; and what only looks like it.

use model::layout;
use model::schema::Table;
use table::TableError;

use crate::kit::{World, file, number, session, stamp, whole, world};

const TABLE: Table = Table::Trades;

/// A table with a checkpoint at version 20 and entries up to 23.
async fn grown() -> World {
    let world = world();
    for n in 0..23 {
        let file = file(&world, "A", "2024-01-01", 0..n + 1, &n.to_string()).await;
        world.tables.replace(TABLE, &stamp(n as u32, "x"), whole(&file)).await.unwrap();
    }
    world
}

fn path(world: &World, key: &str) -> std::path::PathBuf {
    world.lake.directory().unwrap().join(key)
}

/// Reads and writes of a table whose log was damaged by `damage` are refused, and say `expect`.
async fn check(sound: &World, damage: impl Fn(&World), expect: &str) {
    let world = world();
    copy(sound.lake.directory().unwrap(), world.lake.directory().unwrap());
    damage(&world);
    let before = files(&world);
    // another process, that has seen nothing yet
    let tables = table::Tables::open(&world.lake);
    let file = file(&world, "A", "2024-01-01", 0..99, "new").await;
    let write = tables.replace(TABLE, &stamp(99, "x"), whole(&file)).await;
    for error in [
        tables.snapshot(TABLE).await.map(|_| ()).expect_err(expect),
        write.map(|_| ()).expect_err(expect),
        tables.vacuum(TABLE, 7, crate::kit::now(), false).await.map(|_| ()).expect_err(expect),
    ] {
        assert!(matches!(error, TableError::Damaged(_)), "{expect}: {error:?}");
        let text = error.to_string();
        assert!(text.contains(expect), "{text}");
        assert!(text.contains("cargo xtask rebuild --table silver.trades"), "{text}");
    }
    let query = tables.session(&table::SessionOptions::default()).unwrap();
    let asked = query.sql("select count(*) from silver.trades").await;
    assert!(asked.is_err(), "{expect}: a query answers");
    assert_eq!(files(&world), before, "nothing is written to a damaged log");
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn files(world: &World) -> Vec<std::path::PathBuf> {
    let folder = path(world, &layout::log(TABLE));
    let mut names: Vec<_> =
        std::fs::read_dir(folder).into_iter().flatten().map(|e| e.unwrap().path()).collect();
    names.sort();
    names
}

fn cut(world: &World, key: &str, keep: impl Fn(&[u8]) -> usize) {
    let path = path(world, key);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..keep(&bytes)]).unwrap();
}

fn flip(world: &World, key: &str, from: &str, to: &str) {
    let path = path(world, key);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from) && from.len() == to.len(), "{text}");
    std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
}

#[tokio::test]
async fn a_log_that_has_lost_or_changed_something_is_refused() {
    let entry = |version| layout::log_entry(TABLE, version);
    let sound = grown().await;
    let remove = |world: &World, key: &str| std::fs::remove_file(path(world, key)).unwrap();
    // the last one: nothing in the log itself tells
    check(&sound, |w| remove(w, &entry(23)), "0023.json` is missing: version 23 was committed")
        .await;
    check(&sound, |w| cut(w, &entry(23), |_| 0), "0023.json` is empty").await;
    check(&sound, |w| cut(w, &entry(23), |b| b.len() / 2), "0023.json` has no JSON in line").await;
    // cut between two lines: what is left reads well
    let first_line = |b: &[u8]| b.iter().position(|b| *b == b'\n').unwrap();
    check(&sound, |w| cut(w, &entry(23), first_line), "0023.json` is not what it was").await;
    check(&sound, |w| cut(w, &entry(22), first_line), "0022.json` is not what it was").await;
    check(&sound, |w| flip(w, &entry(21), "date=2024-01-01", "date=2024-01-03"), "0021.json`")
        .await;
    check(&sound, |w| remove(w, &entry(22)), "0022.json` is missing, expected all entries").await;
    check(&sound, |w| std::fs::remove_dir_all(path(w, &layout::log(TABLE))).unwrap(), "is gone")
        .await;
    let checkpoint = format!("{}/{:020}.checkpoint.parquet", layout::log(TABLE), 20);
    let pointer = format!("{}/_last_checkpoint", layout::log(TABLE));
    check(&sound, |w| remove(w, &checkpoint), "names the checkpoint of version 20").await;
    check(
        &sound,
        |w| cut(w, &checkpoint, |b| b.len() - 1),
        "checkpoint.parquet` is not what it was",
    )
    .await;
    check(&sound, |w| cut(w, &pointer, |_| 3), "_last_checkpoint` is no pointer").await;
    check(&sound, |w| cut(w, &layout::head(TABLE), |_| 7), "_head.json` is no head").await;
    let folder = |world: &World, key: &str| {
        remove(world, key);
        std::fs::create_dir(path(world, key)).unwrap();
    };
    check(&sound, |w| folder(w, &entry(23)), "0023.json` is missing").await;
}

#[tokio::test]
async fn what_is_not_what_was_committed_is_not_salvaged_though_it_reads_well() {
    let world = world();
    for (n, date) in [(1, "2024-01-01"), (2, "2024-01-02")] {
        let file = file(&world, "A", date, 0..n + 3, "x").await;
        world.tables.replace(TABLE, &stamp(n as u32, "x"), whole(&file)).await.unwrap();
    }
    let live = world.tables.live_files(TABLE, |_| true).await.unwrap();
    let [a, b] =
        [0, 1].map(|n| path(&world, &format!("{}/{}", layout::table(TABLE), live[n].path)));
    let salvaged = world.tables.salvage(TABLE, false).await.unwrap();
    assert_eq!((salvaged.rows.len(), salvaged.unreadable.len()), (2, 0));
    std::fs::copy(b, a).unwrap();
    let salvaged = world.tables.salvage(TABLE, false).await.unwrap();
    assert_eq!((salvaged.rows.len(), salvaged.unreadable), (1, vec![live[0].path.clone()]));
}

#[tokio::test]
async fn what_only_looks_like_damage_is_none() {
    let world = grown().await;
    let count =
        async |world: &World| number(&session(world), "select count(*) from silver.trades").await;
    // a lake of a former version has no heads
    let head = path(&world, &layout::head(TABLE));
    let before = std::fs::read(&head).unwrap();
    std::fs::remove_file(&head).unwrap();
    assert_eq!(count(&world).await, 23);
    // a commit that was killed before it noted the version
    let file = file(&world, "A", "2024-01-01", 0..50, "new").await;
    world.tables.replace(TABLE, &stamp(50, "x"), whole(&file)).await.unwrap();
    assert_ne!(std::fs::read(&head).unwrap(), before);
    std::fs::write(&head, &before).unwrap();
    assert_eq!(count(&world).await, 50);
    // the next one, though it has nothing to do, notes what is there
    world.tables.replace(TABLE, &stamp(50, "x"), whole(&file)).await.unwrap();
    std::fs::remove_file(path(&world, &layout::log_entry(TABLE, 24))).unwrap();
    assert!(world.tables.snapshot(TABLE).await.is_err());
    assert!(world.tables.snapshot(Table::Bars).await.unwrap().is_none(), "never made");
}

#[tokio::test]
async fn a_folder_in_place_of_the_next_entry_is_told_at_once() {
    let world = grown().await;
    std::fs::create_dir(path(&world, &layout::log_entry(TABLE, 24))).unwrap();
    let file = file(&world, "A", "2024-01-01", 0..50, "new").await;
    let error = world.tables.replace(TABLE, &stamp(50, "x"), whole(&file)).await.unwrap_err();
    assert!(error.to_string().contains("0024.json` is in the way"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_who_write_one_checkpoint_one_does() {
    let world = grown().await;
    let works: Vec<_> = (0..4)
        .map(|_| {
            let tables = table::Tables::open(&world.lake);
            tokio::spawn(async move { tables.checkpoint(TABLE).await })
        })
        .collect();
    for work in works {
        assert_eq!(work.await.unwrap().unwrap(), Some(23));
    }
    let head = store::logs::Logs::new(&world.lake).head(TABLE).await.unwrap().unwrap();
    assert_eq!(head.checkpoint.map(|checkpoint| checkpoint.version), Some(23));
    // by somebody who has seen nothing yet
    assert_eq!(table::Tables::open(&world.lake).version(TABLE).await.unwrap(), Some(23));
}

#[tokio::test]
async fn a_log_that_is_set_aside_is_a_table_for_its_rebuild_alone() {
    let world = grown().await;
    let run = crate::kit::run(77);
    let logs = store::logs::Logs::new(&world.lake);
    for _ in 0..2 {
        logs.set_aside(TABLE, &run).await.unwrap();
    }
    let error = world.tables.snapshot(TABLE).await.unwrap_err().to_string();
    assert!(error.contains(run.as_str()) && error.contains("cargo xtask rebuild"), "{error}");
    let own = table::Tables::of_run(&world.lake, &run);
    assert!(own.snapshot(TABLE).await.unwrap().is_none());
    // nobody takes it for one that was never there, and it stops nobody
    for tables in [&own, &world.tables] {
        tables.create_missing(&[TABLE]).await.unwrap();
    }
    assert!(own.snapshot(TABLE).await.unwrap().is_none());
    let error = world.tables.snapshot(TABLE).await.unwrap_err().to_string();
    assert!(error.contains(run.as_str()), "{error}");
    let file = file(&world, "A", "2024-01-01", 0..23, "new").await;
    own.replace(TABLE, &table::Stamp::new(TABLE, &run, "x", "y", crate::kit::now()), whole(&file))
        .await
        .unwrap();
    assert_eq!(number(&session(&world), "select count(*) from silver.trades").await, 23);
    let kept = world.lake.list(&layout::damaged_log(&run, TABLE)).await.unwrap();
    assert!(kept.len() > 20, "{kept:?}");
}

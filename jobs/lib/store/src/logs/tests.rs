//! Heads that several write.

use super::*;

const TABLE: Table = Table::Trades;

struct World {
    _folder: tempfile::TempDir,
    lake: Lake,
    logs: Logs,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let lake = Lake::open(folder.path().to_str().expect("path"), None).expect("lake");
        Self { _folder: folder, logs: Logs::new(&lake), lake }
    }

    async fn commit(&self, version: u64) {
        let entry = format!("{{\"commitInfo\":{{\"version\":{version}}}}}\n");
        assert!(
            self.lake.write_new(&layout::log_entry(TABLE, version), entry).await.expect("entry")
        );
    }

    /// What is found of the log now, by a writer who is slow to note it.
    async fn seen(&self) -> Log {
        self.logs.verify(TABLE, None).await.expect("whole").expect("made")
    }

    async fn head(&self) -> Head {
        self.logs.head(TABLE).await.expect("head").expect("there")
    }
}

fn run(n: u32) -> RunId {
    RunId::new("2024-01-01T00:00:00Z".parse().expect("time"), n)
}

#[tokio::test]
async fn a_slow_writer_does_not_set_the_head_back() {
    let world = World::new();
    world.commit(0).await;
    let first = world.seen().await;
    world.commit(1).await;
    world.logs.record(TABLE, None).await.expect("record");
    assert!(!world.logs.record_log(TABLE, first).await.expect("record"), "there was none then");
    world.commit(2).await;
    let slow = world.seen().await;
    world.commit(3).await;
    world.logs.record(TABLE, None).await.expect("record");
    assert!(!world.logs.record_log(TABLE, slow).await.expect("record"));
    assert_eq!(world.head().await.version, 3);
    // so that what the last writer committed is missed
    world.lake.delete(&layout::log_entry(TABLE, 3)).await.expect("delete");
    let error = world.logs.verify(TABLE, None).await.expect_err("lost");
    assert!(error.to_string().contains("version 3 was committed"), "{error}");
}

#[tokio::test]
async fn the_mark_of_a_rebuild_goes_by_its_own_run_alone() {
    let world = World::new();
    for version in 0..3 {
        world.commit(version).await;
    }
    let slow = world.seen().await;
    let (own, other) = (run(1), run(2));
    world.logs.set_aside(TABLE, &own).await.expect("set aside");
    let marked = world.head().await;
    assert_eq!(marked.rebuilding.as_ref(), Some(&own));
    assert!(!world.logs.record_log(TABLE, slow).await.expect("record"));
    for by in [None, Some(&other)] {
        let error = world.logs.record(TABLE, by).await.expect_err("another's");
        assert!(matches!(error, LogError::Damaged(_)), "{error:?}");
    }
    world.logs.record(TABLE, Some(&own)).await.expect("nothing to note yet");
    assert_eq!(world.head().await, marked);
    world.commit(0).await;
    world.logs.record(TABLE, Some(&own)).await.expect("record");
    assert_eq!((world.head().await.version, world.head().await.rebuilding), (0, None));
}

#[tokio::test]
async fn a_log_that_is_half_set_aside_is_set_aside_by_the_repetition() {
    let world = World::new();
    for version in 0..3 {
        world.commit(version).await;
    }
    world.logs.record(TABLE, None).await.expect("record");
    // what is left looks whole: the head alone knew of it
    world.lake.delete(&layout::log_entry(TABLE, 2)).await.expect("delete");
    let (own, other) = (run(1), run(2));
    world.logs.verify(TABLE, Some(&own)).await.expect_err("behind its head");
    // killed after the mark
    let moving = Head::of_rebuild(&own, true);
    world.logs.mark(TABLE, None, &moving).await.expect("mark");
    for by in [None, Some(&other), Some(&own)] {
        let error = world.logs.record(TABLE, by).await.expect_err("not moved yet");
        assert!(matches!(error, LogError::Damaged(_)), "{error:?}");
    }
    assert_eq!(world.head().await, moving);
    // midway, as where there is no rename
    let (from, to) = (layout::log(TABLE), layout::damaged_log(&own, TABLE));
    let first = layout::log_entry(TABLE, 0);
    let bytes = world.lake.read(&first).await.expect("read");
    let copy = format!("{to}{}", first.strip_prefix(&from).expect("of the log"));
    world.lake.write(&copy, bytes).await.expect("write");
    world.lake.delete(&first).await.expect("delete");
    world.logs.verify(TABLE, Some(&own)).await.expect_err("not moved yet");

    world.logs.set_aside(TABLE, &own).await.expect("set aside");
    assert!(world.lake.list(&from).await.expect("list").is_empty());
    assert_eq!(world.lake.list(&to).await.expect("list").len(), 2);
    assert_eq!(world.head().await, Head::of_rebuild(&own, false));
    let head = world.lake.read(&layout::head(TABLE)).await.expect("read");
    assert!(!String::from_utf8_lossy(&head).contains("moving"), "as former versions wrote it");
    assert!(world.logs.verify(TABLE, Some(&own)).await.expect("set aside").is_none());
    world.commit(0).await;
    world.logs.record(TABLE, Some(&own)).await.expect("record");
    assert_eq!((world.head().await.version, world.head().await.rebuilding), (0, None));
}

#[tokio::test]
async fn a_run_that_has_moved_a_log_leaves_the_mark_of_another() {
    let world = World::new();
    world.commit(0).await;
    let (own, other) = (run(1), run(2));
    world.logs.set_aside(TABLE, &other).await.expect("set aside");
    let (moving, moved) = (Head::of_rebuild(&own, true), Head::of_rebuild(&own, false));
    world.logs.mark(TABLE, Some(&moving), &moved).await.expect("mark");
    assert_eq!(world.head().await.rebuilding, Some(other));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_writers_the_newest_is_noted() {
    const LAST: u64 = 12;
    let world = Arc::new(World::new());
    for version in 0..=LAST {
        world.commit(version).await;
        let works: Vec<_> = (0..3)
            .map(|_| {
                let logs = Logs::new(&world.lake);
                tokio::spawn(async move { logs.record(TABLE, None).await })
            })
            .collect();
        for work in works {
            work.await.expect("work").expect("record");
        }
        assert_eq!(world.head().await.version, version);
    }
}

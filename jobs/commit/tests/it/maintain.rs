//! Maintenance: what is old goes, what may be needed stays.

use std::time::SystemTime;

use chrono::TimeDelta;
use commit::maintain::{self, Options};
use model::layout;
use model::schema::Table;

use crate::kit::{ask, planned, world};

#[tokio::test]
async fn what_is_old_goes_and_a_dry_run_only_tells() {
    let world = world();
    let old = planned(&world, 1, 1).await;
    old.day("2024-01-01", "a5", 1).await;
    old.commit().await;
    let open = planned(&world, 2, 1).await;
    open.day("2024-01-01", "b7", 2).await;
    open.commit().await;
    world.lake.write(&layout::summary(&old.id), "{}").await.unwrap();
    let spill = world.lake.temp().join("spill");
    std::fs::create_dir_all(&spill).unwrap();
    std::fs::write(spill.join("x"), "12345").unwrap();

    // everything lies in the past by the machine's clock: the clock is moved past that
    let now = chrono::DateTime::<chrono::Utc>::from(
        std::fs::metadata(spill.join("x")).unwrap().modified().unwrap(),
    );
    let later = now + TimeDelta::days(6);
    open.clock.advance(later - open.context().clock.now());
    let work = async |dry_run, days| {
        maintain::run(&open.context(), Options { dry_run, days })
            .await
            .map_err(|f| f.error)
            .unwrap()
    };
    let done = work(false, 0).await;
    assert_eq!((done.days, done.temp_files), (7, 0));
    assert!(done.tables.iter().all(|table| table.files == 0), "{done:?}");
    assert_eq!((done.runs, done.run_documents), (1, 2), "the finished run is 30 days old");

    open.clock.advance(TimeDelta::days(2));
    let told = work(true, 7).await;
    let trades = told.tables.iter().find(|table| table.table == Table::Trades).unwrap();
    assert_eq!((trades.files, told.temp_files, told.temp_bytes), (1, 1, 5));
    assert!(spill.join("x").exists());
    let done = work(false, 7).await;
    assert_eq!(maintain::Done { dry_run: true, ..done.clone() }.temp_files, told.temp_files);
    assert!(!spill.exists(), "the folder was empty then");
    let again = work(false, 7).await;
    assert!(again.tables.iter().all(|table| table.files == 0), "{again:?}");
    assert_eq!(ask(&world, "select count(*) from silver.trades").await, ["7"]);
    // the open run can still be committed, the finished one keeps its plan
    assert_eq!(world.lake.list(&layout::fragments(&open.id, "silver")).await.unwrap().len(), 1);
    world.lake.plan(&old.id).await.unwrap();
    assert!(done.to_string().contains("deleted 1 (5 bytes)"), "{done}");
    assert!(SystemTime::from(now) < SystemTime::from(later));
}

#[tokio::test]
async fn a_run_whose_files_a_vacuum_took_is_refused() {
    let world = world();
    let run = planned(&world, 1, 2).await;
    let lost = run.day("2024-01-01", "a5", 1).await;
    run.day("2024-01-02", "a6", 1).await;
    let key = format!("{}/{}", layout::table(Table::Trades), lost.files[0].path);
    world.lake.delete(&key).await.unwrap();
    run.clock.advance(TimeDelta::days(8));
    let failure = commit::run(&run.context()).await.expect_err("a file is gone");
    assert!(failure.error.to_string().contains("start a new run"), "{:#}", failure.error);
    assert_eq!(ask(&world, "select count(*) from silver.trades").await, ["6"]);
}

#[tokio::test]
async fn a_run_whose_row_was_merged_keeps_one_row() {
    let world = world();
    let mut last = None;
    for n in 1..=21 {
        let run = planned(&world, n, 1).await;
        run.day("2024-01-01", &format!("a{n}"), i64::from(n)).await;
        run.commit().await;
        last = Some(run);
    }
    let run = last.unwrap();
    run.clock.advance(TimeDelta::days(9));
    let done = maintain::run(&run.context(), Options { dry_run: false, days: 7 }).await;
    let merged = done.map_err(|f| f.error).unwrap().tables;
    assert!(merged.iter().any(|t| t.table == Table::Runs && t.merged == 21), "{merged:?}");
    // it is resumed, and does more
    run.day("2024-01-02", "b6", 30).await;
    run.commit().await;
    let sql = "select count(*), count(distinct run) from ops.runs";
    assert_eq!(ask(&world, sql).await, ["21 21"]);
    let sql = format!("select groups, rows_silver from ops.runs where run = '{}'", run.id);
    assert_eq!(ask(&world, &sql).await, ["2 27"]);
    // and again, with nothing new
    run.commit().await;
    assert_eq!(ask(&world, &sql).await, ["2 27"]);
}

/// Everything that maintenance cleans, with links in it that lead out of the lake.
#[tokio::test]
async fn what_links_lead_to_is_left_alone() {
    let world = world();
    let run = planned(&world, 1, 1).await;
    run.day("2024-01-01", "a5", 1).await;
    run.commit().await;
    world.lake.write(&layout::summary(&run.id), "{}").await.unwrap();
    let outside = tempfile::tempdir().unwrap();
    let root = world.lake.directory().unwrap();
    // as old as a file can be, and named as what is cleaned is named
    let precious: Vec<_> =
        ["x.parquet", "x.json", "x"].map(|name| outside.path().join(name)).into();
    for path in &precious {
        std::fs::write(path, "precious").unwrap();
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    }
    let link = |at: String| {
        let at = root.join(at);
        let _ = std::fs::remove_dir_all(&at);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(outside.path(), at).unwrap();
    };
    link(format!("{}/source=away", layout::table(Table::Trades)));
    link(layout::table(Table::Bars));
    link(format!("{}/away", layout::TEMP));
    link(layout::fragments(&run.id, "silver"));
    link(format!("{}/20230101T000000Z-00000000", layout::RUNS));
    std::os::unix::fs::symlink(root, root.join(layout::table(Table::Trades)).join("source=loop"))
        .unwrap();
    run.clock.advance(TimeDelta::days(3650));
    let options = Options { dry_run: false, days: 7 };
    let done = maintain::run(&run.context(), options).await.map_err(|f| f.error).unwrap();
    assert!(done.tables.iter().any(|table| table.table == Table::Trades), "{done:?}");
    for path in &precious {
        assert!(path.is_file(), "{} was deleted", path.display());
    }
    assert_eq!(ask(&world, "select count(*) from silver.trades").await, ["5"]);
}

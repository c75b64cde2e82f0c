//! Maintenance: what is old goes, what may be needed stays.

use std::time::SystemTime;

use chrono::TimeDelta;
use commit::maintain::{self, Options};
use model::fragment::RowCounts;
use model::layout;
use model::schema::Table;

use crate::kit::{World, ask, planned, start, world};

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

/// Takes all live files out of a table: what no commit of a run does.
async fn empty(world: &World, table: Table, run: &model::RunId) {
    let live = world.tables.live_files(table, |_| true).await.unwrap();
    let partitions = live.into_iter().map(|file| file.partition).collect();
    let stamp = table::Stamp::new(table, run, "test", "empty", start());
    let change = table::Change { partitions, ..Default::default() };
    world.tables.replace(table, &stamp, change).await.unwrap();
}

/// Maintenance, and what it says where it is refused.
async fn refusal(run: &crate::kit::Run<'_>) -> Option<String> {
    let options = Options { dry_run: true, days: 7 };
    maintain::run(&run.context(), options).await.err().map(|failure| failure.error.to_string())
}

#[tokio::test]
async fn lost_rejects_are_missed() {
    // a rejected line, and a row that lost against another of its key
    for content in ["x5", "l5"] {
        let world = world();
        let run = planned(&world, 1, 1).await;
        run.day("2024-01-01", content, 1).await;
        run.commit().await;
        assert_eq!(refusal(&run).await, None);
        empty(&world, Table::Rejects, &run.id).await;
        let said = refusal(&run).await.expect("silver.rejects has lost its file");
        assert!(said.contains("silver.rejects has not all live files"), "{said}");
    }
}

#[tokio::test]
async fn a_build_that_left_silver_as_it_was_takes_the_place_of_none() {
    let world = world();
    let id = |day: u32| format!("binance/spot/trades/BTCUSDT/2024-01-0{day}");
    let group = "binance/spot/trades/BTCUSDT/2024-01";
    let days: Vec<_> = (1..=2).map(id).collect();
    let first = planned(&world, 1, 1).await;
    first.fetched(&days[0], "a5", 1).await;
    first.fetched(&days[1], "x6", 1).await;
    let mut built = first.built(group, &[(&days[0], "a5"), (&days[1], "x6")]).await;
    built.replaces = (1..=31)
        .map(|day| crate::kit::trades_partition("BTCUSDT", &format!("2024-01-{day:02}")))
        .collect();
    first.silver(&built).await;
    first.commit().await;
    let extract = async || world.lake.ledger().await.unwrap().1.builds[group].clone();
    let before = extract().await;
    assert!(before.spoiled.is_empty());

    // one of the archives has rotted: silver says so and leaves what it has
    let second = planned(&world, 2, 1).await;
    let mut withheld = built.clone();
    withheld.inputs = "others".to_owned();
    withheld.files.clear();
    withheld.rejects.clear();
    withheld.replaces.clear();
    withheld.counts = RowCounts::default();
    for unit in &mut withheld.units {
        unit.counts = RowCounts::default();
        unit.rejects = Some(0);
    }
    withheld.units[0].corrupt = Some("the CRC is wrong".to_owned());
    second.silver(&withheld).await;
    second.commit().await;
    assert_eq!(ask(&world, "select count(*) from ops.builds").await, ["2"]);
    let after = extract().await;
    let spoiled = vec![days[0].parse::<model::Unit>().unwrap().id()];
    assert_eq!(after, model::ledger::BuildRow { spoiled, ..before.clone() });
    assert_eq!(refusal(&second).await, None);

    // fetched anew it is what it was
    let third = planned(&world, 3, 1).await;
    third.fetched(&days[0], "a5", 50).await;
    third.commit().await;
    assert_eq!(extract().await, before);
    // and what the first build made is missed where it is gone
    empty(&world, Table::Trades, &third.id).await;
    let said = refusal(&third).await.expect("silver.trades is empty");
    assert!(said.contains("silver.trades has not all live files"), "{said}");
}

#[tokio::test]
async fn what_was_left_out_is_no_build_when_builds_are_made_anew() {
    let world = world();
    let (a, b) = (planned(&world, 1, 1).await, planned(&world, 2, 1).await);
    a.day("2024-01-01", "a5", 10).await;
    b.day("2024-01-01", "b7", 11).await;
    let mut lossy = b.day("2024-01-02", "a5", 11).await;
    lossy.counts.read += 1;
    b.silver(&lossy).await;
    assert!(commit::run(&b.context()).await.is_err(), "one is refused");
    assert_eq!(a.commit().await.skipped.len(), 1);
    let sql = "select group_id, run from ops.builds";
    let builds = ask(&world, sql).await;
    assert_eq!(builds, [format!("binance/spot/trades/BTCUSDT/2024-01-01 {}", b.id)]);
    let root = world.lake.directory().unwrap();
    std::fs::remove_dir_all(root.join(layout::table(Table::Builds))).unwrap();
    let mut anew = planned(&world, 3, 0).await;
    anew.id = model::RunId::new(start(), 99);
    commit::rebuild::run(&anew.context(), &[]).await.map_err(|f| f.error).unwrap();
    let later = World { tables: table::Tables::open(&world.lake), ..world };
    assert_eq!(ask(&later, sql).await, builds);
}

/// A table's whole folder gone, its head too, so that its log looks as if it had never been.
#[tokio::test]
async fn a_table_of_which_nothing_is_left_is_missed() {
    for gone in [Table::Trades, Table::Rejects, Table::Builds, Table::Archives] {
        let world = world();
        let run = planned(&world, 1, 1).await;
        assert_eq!(refusal(&run).await, None, "a lake without anything in it");
        run.day("2024-01-01", "x5", 1).await;
        run.commit().await;
        assert_eq!(refusal(&run).await, None);
        let folder = layout::table(gone);
        let is_told = async || {
            let deep = commit::deep::run(&run.context()).await.map_err(|f| f.error).unwrap();
            let advice = format!("cargo xtask rebuild --table {gone}");
            deep.damages.iter().any(|d| d.key == folder && d.advice == advice)
        };
        assert!(!is_told().await, "{gone}");
        std::fs::remove_dir_all(world.lake.directory().unwrap().join(&folder)).unwrap();
        assert!(is_told().await, "{gone}");
        let said = refusal(&run).await.expect("a table is gone");
        assert!(said.contains("nothing was deleted"), "{said}");
    }
}

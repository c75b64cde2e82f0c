//! One run: what the tables, the dirty list and the ledger extract say.

use model::dirty::Dirty;
use model::exit::Exit;
use model::fragment::{ArchiveStatus, BronzeFragment};
use model::layout;
use model::schema::Table;

use crate::kit::{ask, planned, start, world};

#[tokio::test]
async fn a_run_is_visible_and_adds_up() {
    let world = world();
    let run = planned(&world, 1, 4).await;
    run.day("2024-01-01", "a10", 1).await;
    run.day("2024-01-02", "x5", 2).await;
    let missing = run.fetched("binance/spot/trades/BTCUSDT/2024-01-03", "gone", 3).await;
    let status = ArchiveStatus::Missing;
    let (archive, published_sha256, etag) = (None, None, None);
    run.bronze(BronzeFragment { status, archive, published_sha256, etag, ..missing }).await;
    let summary = run.commit().await;

    let counts = ask(&world, "select count(*) from silver.trades").await;
    assert_eq!(counts, ["15"]);
    let rejects = ask(&world, "select unit, line, reason from silver.rejects").await;
    assert_eq!(rejects, ["binance/spot/trades/BTCUSDT/2024-01-02 7 field_count"]);
    let archives = "select period, status, run from bronze.archives order by 1";
    let run_id = &run.id;
    assert_eq!(
        ask(&world, archives).await,
        [
            format!("2024-01-01 ok {run_id}"),
            format!("2024-01-02 ok {run_id}"),
            format!("2024-01-03 missing {run_id}"),
        ]
    );
    let builds = "select group_id, rows_read, rows_silver, rows_rejected, rows_duplicate \
                  from ops.builds order by 1";
    assert_eq!(
        ask(&world, builds).await,
        [
            "binance/spot/trades/BTCUSDT/2024-01-01 12 10 0 2",
            "binance/spot/trades/BTCUSDT/2024-01-02 8 5 1 2",
        ]
    );
    let runs = "select run, units, archives_ok, archives_failed, bytes_fetched, groups, \
                groups_failed, rows_read, rows_silver, rows_rejected, rows_duplicate, \
                files_added, files_removed from ops.runs";
    assert_eq!(ask(&world, runs).await, [format!("{run_id} 4 2 1 2000 2 2 20 15 1 4 2 0")]);
    let figures = summary.figures;
    assert_eq!((figures.rows_read, figures.rows_silver), (20, 15));

    let dirty: Vec<Dirty> =
        world.lake.read_json(&layout::dirty(run_id), "dirty list").await.unwrap();
    assert_eq!(dirty.len(), 1);
    assert_eq!(dirty[0].id(), "binance/spot/BTCUSDT");
    // whether the last day of the month before is whole is told by the first of this one, too
    assert_eq!(dirty[0].months, ["2023-12", "2024-01"].map(|month| month.parse().unwrap()));

    let (version, ledger) = world.lake.ledger().await.unwrap();
    assert_eq!(version, summary.ledger);
    assert_eq!(ledger.archives.len(), 3);
    let id = "binance/spot/trades/BTCUSDT/2024-01-01";
    let row = &ledger.archives[&id.parse::<model::Unit>().unwrap().id()];
    assert_eq!(row.status, ArchiveStatus::Ok);
    assert_eq!(row.etag.as_deref(), Some("\"a10\""));
    assert_eq!(row.last_modified, Some(start()));
    assert_eq!(row.archive.as_ref().unwrap().bytes, 1000);
    assert_eq!(row.archive.as_ref().unwrap().fetched_at, row.fetched_at);
    assert_eq!(ledger.builds.len(), 2);
    assert_eq!(ledger.builds[id].units.len(), 1);
}

/// Athena refuses a question of a table that has no log, of one that is only joined too.
#[tokio::test]
async fn every_table_is_there_whatever_the_lake_holds() {
    let world = world();
    let run = planned(&world, 1, 1).await;
    run.day("2024-01-02", "x5", 2).await;
    run.commit().await;
    for table in Table::DERIVED {
        let has_rows = matches!(table, Table::Trades | Table::Rejects);
        let version = world.tables.version(*table).await.unwrap();
        assert_eq!(version, Some(u64::from(has_rows)), "{table}");
    }
}

#[tokio::test]
async fn a_repetition_changes_nothing() {
    let world = world();
    let run = planned(&world, 1, 1).await;
    run.day("2024-01-02", "x5", 2).await;
    let first = run.commit().await;
    let versions = async || {
        let mut versions = Vec::new();
        for table in Table::ALL {
            versions.push(world.tables.version(*table).await.unwrap());
        }
        versions
    };
    let before = versions().await;
    let again = run.commit().await;
    assert_eq!(versions().await, before);
    assert!(again.tables.iter().all(|table| !table.committed), "{again:?}");
    assert_eq!(again.figures, first.figures);
    assert_eq!(again.ledger, first.ledger);
    // what is lost beside the tables comes back
    world.lake.delete(&layout::dirty(&run.id)).await.unwrap();
    world.lake.delete(&layout::index(first.ledger)).await.unwrap();
    run.commit().await;
    assert_eq!(versions().await, before);
    let dirty: Vec<Dirty> =
        world.lake.read_json(&layout::dirty(&run.id), "dirty list").await.unwrap();
    assert_eq!(dirty.len(), 1);
    assert_eq!(world.lake.ledger().await.unwrap().1.builds.len(), 1);
}

#[tokio::test]
async fn a_run_that_does_more_later_commits_the_rest() {
    let world = world();
    let run = planned(&world, 1, 2).await;
    run.day("2024-01-01", "a10", 1).await;
    run.commit().await;
    run.day("2024-01-02", "x5", 2).await;
    let summary = run.commit().await;
    assert_eq!(summary.figures.groups, 2);
    assert_eq!(ask(&world, "select count(*) from silver.trades").await, ["15"]);
    assert_eq!(ask(&world, "select count(*) from bronze.archives").await, ["2"]);
    let builds = "select count(*), count(distinct group_id) from ops.builds";
    assert_eq!(ask(&world, builds).await, ["2 2"]);
    let runs = "select groups, groups_failed, rows_silver, files_added from ops.runs";
    assert_eq!(ask(&world, runs).await, ["2 0 15 1"]);
}

#[tokio::test]
async fn what_silver_could_not_read_is_corrupt_in_the_ledger() {
    let world = world();
    let run = planned(&world, 1, 1).await;
    let fragment = run.day("2024-01-01", "bad", 1).await;
    assert!(fragment.replaces.is_empty());
    run.commit().await;
    let sql = "select status, detail from bronze.archives";
    assert_eq!(ask(&world, sql).await, ["corrupt the CRC is wrong"]);
    let (_, ledger) = world.lake.ledger().await.unwrap();
    let build = &ledger.builds["binance/spot/trades/BTCUSDT/2024-01-01"];
    assert_eq!(build.corrupt.len(), 1);
    let runs = "select archives_ok, archives_failed, groups, rows_read from ops.runs";
    assert_eq!(ask(&world, runs).await, ["0 1 1 0"]);

    // an archive that was held already gets a second row
    let second = planned(&world, 2, 1).await;
    let id = "binance/spot/trades/BTCUSDT/2024-01-02";
    second.fetched(id, "bad", 3).await;
    second.commit().await;
    let sql = "select status, run from bronze.archives where period = '2024-01-02' order by 1";
    assert_eq!(ask(&world, sql).await, [format!("ok {}", second.id)]);
    let third = planned(&world, 3, 1).await;
    third.built(id, &[(id, "bad")]).await;
    third.commit().await;
    assert_eq!(
        ask(&world, sql).await,
        [format!("corrupt {}", third.id), format!("ok {}", second.id)]
    );
    let (_, ledger) = world.lake.ledger().await.unwrap();
    let unit = id.parse::<model::Unit>().unwrap().id();
    assert_eq!(ledger.archives[&unit].status, ArchiveStatus::Corrupt);
}

#[tokio::test]
async fn the_ledger_has_a_row_a_version_and_follows_the_host() {
    let world = world();
    let id = "binance/spot/trades/BTCUSDT/2024-01-01";
    let sql = "select etag, run from bronze.archives order by fetched_at";
    let mut expect = Vec::new();
    // fetched, fetched again unchanged, corrected, and the correction taken back
    for (n, content, new) in [(1, "a1", true), (2, "a1", false), (3, "b1", true), (4, "a1", true)] {
        let run = planned(&world, n, 0).await;
        run.fetched(id, content, i64::from(n)).await;
        run.commit().await;
        if new {
            expect.push(format!("\"{content}\" {}", run.id));
        }
        assert_eq!(ask(&world, sql).await, expect, "run {n}");
        let (_, ledger) = world.lake.ledger().await.unwrap();
        let row = &ledger.archives[&id.parse::<model::Unit>().unwrap().id()];
        assert_eq!(row.etag.as_deref(), Some(format!("\"{content}\"").as_str()));
    }
}

#[tokio::test]
async fn fragments_that_do_not_add_up_are_refused_and_stop_no_other() {
    let world = world();
    let run = planned(&world, 1, 3).await;
    run.day("2024-01-01", "a10", 1).await;
    let mut lossy = run.day("2024-01-02", "a5", 1).await;
    lossy.counts.read += 1;
    run.silver(&lossy).await;
    let mut short = run.day("2024-01-03", "a5", 1).await;
    short.files.clear();
    run.silver(&short).await;
    let failure = commit::run(&run.context()).await.expect_err("refused");
    assert_eq!(failure.exit, Exit::DataRefused);
    let text = failure.error.to_string();
    assert!(text.contains("2 fragments") && text.contains("2024-01-02"), "{text}");
    let sql = "select date, count(*) from silver.trades group by 1";
    assert_eq!(ask(&world, sql).await, ["2024-01-01 10"]);
    assert_eq!(ask(&world, "select groups, groups_failed from ops.runs").await, ["1 2"]);
}

#[tokio::test]
async fn a_run_without_a_plan_is_an_error() {
    let world = world();
    let mut run = planned(&world, 1, 0).await;
    run.id = model::RunId::new(start(), 99);
    let failure = commit::run(&run.context()).await.expect_err("no plan");
    assert!(failure.error.to_string().contains("has not been planned"), "{:#}", failure.error);
}

#[tokio::test]
async fn what_is_asked_for_in_vain_is_counted() {
    use model::fragment::CHECKSUM_REFUSED;
    let world = world();
    let id = |day: u32| format!("binance/spot/trades/BTCUSDT/2024-01-0{day}");
    let row = async |day: u32| {
        let (_, ledger) = world.lake.ledger().await.unwrap();
        ledger.archives[&id(day).parse::<model::Unit>().unwrap().id()].clone()
    };
    for n in 1..=3_u32 {
        let run = planned(&world, n, 4).await;
        let minute = i64::from(n) * 60;
        let damaged = run.fetched(&id(1), "damaged", minute).await;
        let status = ArchiveStatus::ChecksumMismatch;
        run.bronze(BronzeFragment { status, ..damaged }).await;
        let gone = run.fetched(&id(2), "gone", minute).await;
        let (status, archive) = (ArchiveStatus::Missing, None);
        run.bronze(BronzeFragment { status, archive, ..gone }).await;
        let published_sha256 = None;
        let status = ArchiveStatus::Unverified;
        let alone = run.fetched(&id(3), "alone", minute).await;
        let detail = Some(format!("{CHECKSUM_REFUSED}: answer 403"));
        let fragment = BronzeFragment { status, detail, published_sha256, ..alone };
        run.bronze(fragment.clone()).await;
        run.built(&id(3), &[(&id(3), "alone")]).await;
        // nothing to verify by: said once is enough
        let plain = BronzeFragment { unit: id(4).parse().unwrap(), detail: None, ..fragment };
        run.bronze(plain).await;
        run.commit().await;
        run.commit().await;
        for (day, refused) in [(1, false), (2, false), (3, true)] {
            let row = row(day).await;
            assert_eq!((row.tries, row.checksum_refused), (n, refused), "{day}: {row:?}");
        }
        assert_eq!(row(4).await.tries, 1);
    }
    // a version that is published anew is counted anew, and what is well has no count
    let run = planned(&world, 4, 4).await;
    let damaged = run.fetched(&id(1), "damaged otherwise", 300).await;
    run.bronze(BronzeFragment { status: ArchiveStatus::ChecksumMismatch, ..damaged }).await;
    run.fetched(&id(3), "alone", 300).await;
    run.commit().await;
    assert_eq!(row(1).await.tries, 1);
    let verified = row(3).await;
    assert_eq!((verified.status, verified.tries), (ArchiveStatus::Ok, 0));
    assert!(!verified.checksum_refused);
}

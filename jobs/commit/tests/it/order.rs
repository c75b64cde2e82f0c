//! Two runs on one lake, in every order: the one that knows more has the last word, and what was
//! replaced stays readable.

use model::schema::Table;
use table::SessionOptions;

use crate::kit::{World, ask, live, planned, world};

const DAY: &str = "2024-01-01";
const COUNT: &str = "select count(*) from silver.trades";

#[tokio::test]
async fn a_correction_replaces_the_partition_and_time_travel_shows_the_former() {
    let world = world();
    let first = planned(&world, 1, 2).await;
    first.day(DAY, "x5", 1).await;
    first.day("2024-01-02", "a3", 1).await;
    first.commit().await;
    let second = planned(&world, 2, 1).await;
    second.day(DAY, "a10", 5).await;
    let summary = second.commit().await;
    let trades = summary.tables.iter().find(|t| t.table == Table::Trades).unwrap();
    assert_eq!((trades.version, trades.added, trades.removed), (2, 1, 1));
    assert_eq!(ask(&world, COUNT).await, ["13"]);
    assert_eq!(ask(&world, "select count(*) from silver.rejects").await, ["0"]);
    assert_eq!(ask(&world, "select files_removed from ops.runs order by run").await, ["0", "1"]);
    let former = SessionOptions { versions: [(Table::Trades, 1)].into(), ..Default::default() };
    let session = world.tables.session(&former).unwrap();
    assert_eq!(session.sql(COUNT).await.unwrap().count().await.unwrap(), 1);
    assert_eq!(world.tables.as_of(Table::Trades, 1).await.unwrap().rows(), 8);
}

/// Commits two runs over the same day one after the other; what silver then holds.
async fn in_turn(
    world: &World,
    older: (&str, i64),
    younger: (&str, i64),
    younger_first: bool,
) -> (Vec<String>, Vec<usize>) {
    let (a, b) = (planned(world, 1, 1).await, planned(world, 2, 1).await);
    a.day(DAY, older.0, older.1).await;
    b.day(DAY, younger.0, younger.1).await;
    let mut left_out = Vec::new();
    for run in if younger_first { [&b, &a] } else { [&a, &b] } {
        left_out.push(run.commit().await.skipped.len());
    }
    (ask(world, COUNT).await, left_out)
}

#[tokio::test]
async fn the_later_plan_or_the_later_archive_has_the_last_word() {
    let check = async |older, younger, younger_first, rows: &str, left_out: [usize; 2]| {
        let world = world();
        let said = in_turn(&world, older, younger, younger_first).await;
        assert_eq!(said, (vec![rows.to_owned()], left_out.to_vec()), "{older:?} {younger:?}");
        let builds = ask(&world, "select count(*) from ops.builds").await;
        assert_eq!(builds, [(2 - left_out.iter().sum::<usize>()).to_string()]);
        assert_eq!(ask(&world, "select count(*) from ops.runs").await, ["2"]);
        let twice = "select count(*) from (select trade_id from silver.trades group by 1 \
                     having count(*) > 1)";
        assert_eq!(ask(&world, twice).await, ["0"]);
    };
    // in the order of their plans, and of their archives
    check(("a5", 10), ("b7", 11), false, "7", [0, 0]).await;
    // the older comes late: its archive is the older one
    check(("a5", 10), ("b7", 11), true, "7", [0, 1]).await;
    // the older run fetched later: the younger is built from an archive that is out of date
    check(("a5", 12), ("b7", 11), false, "5", [0, 1]).await;
    // the same, and the younger came first: the older leaves its work, the next plan sees that
    // the archives fetched last are not what the day was built from
    check(("a5", 12), ("b7", 11), true, "7", [0, 1]).await;
    // the same archive: the same files, whoever comes first
    check(("a5", 10), ("a5", 11), false, "5", [0, 0]).await;
    check(("a5", 10), ("a5", 11), true, "5", [0, 0]).await;
}

#[tokio::test]
async fn a_younger_run_with_more_units_is_not_undone() {
    let world = world();
    let id = |day: &str| format!("binance/spot/trades/BTCUSDT/{day}");
    let group = "binance/spot/trades/BTCUSDT/2024-01";
    let (one, two) = (id("2024-01-01"), id("2024-01-02"));
    let (a, b) = (planned(&world, 1, 1).await, planned(&world, 2, 1).await);
    for run in [&a, &b] {
        run.fetched(&one, "a5", 10).await;
    }
    b.fetched(&two, "a6", 10).await;
    let mut shorter = a.built(group, &[(&one, "a5")]).await;
    let longer = b.built(group, &[(&one, "a5"), (&two, "a6")]).await;
    // a group states its whole month
    shorter.replaces.clone_from(&longer.replaces);
    a.silver(&shorter).await;
    b.commit().await;
    let summary = a.commit().await;
    assert_eq!(summary.skipped.len(), 1);
    assert!(summary.skipped[0].why.contains(b.id.as_str()), "{summary:?}");
    assert_eq!(ask(&world, COUNT).await, ["11"]);
    let (_, ledger) = world.lake.ledger().await.unwrap();
    assert_eq!(ledger.builds[group].units.len(), 2);
}

#[tokio::test]
async fn a_later_archive_that_cannot_be_read_any_more_holds_up_nothing() {
    let world = world();
    let id = |day: &str| format!("binance/spot/trades/BTCUSDT/{day}");
    let (one, two) = (id("2024-01-01"), id("2024-01-02"));
    let a = planned(&world, 1, 1).await;
    a.day(DAY, "a5", 10).await;
    a.commit().await;
    // fetched again, and not built: its batch failed; then it turns out to be of no use
    let b = planned(&world, 2, 1).await;
    b.fetched(&one, "bad", 11).await;
    b.commit().await;
    let c = planned(&world, 3, 1).await;
    c.built(&one, &[(&one, "bad")]).await;
    c.commit().await;
    let d = planned(&world, 4, 1).await;
    d.fetched(&two, "a6", 12).await;
    d.built("binance/spot/trades/BTCUSDT/2024-01", &[(&one, "a5"), (&two, "a6")]).await;
    assert!(d.commit().await.skipped.is_empty());
    assert_eq!(ask(&world, COUNT).await, ["11"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_runs_at_once_neither_lose_nor_double_a_row() {
    for round in 0..3 {
        let world = world();
        let (a, b) = (planned(&world, 1, 6).await, planned(&world, 2, 6).await);
        for day in 1..=4 {
            a.day(&format!("2024-01-0{day}"), &format!("a{}", 10 + day), 1).await;
        }
        for day in 3..=6 {
            b.day(&format!("2024-01-0{day}"), &format!("b{}", 20 + day), 2).await;
        }
        let (first, second) = (a.context(), b.context());
        let results = std::thread::scope(|scope| {
            [first, second]
                .map(|context| {
                    scope.spawn(move || {
                        tokio::runtime::Builder::new_multi_thread()
                            .worker_threads(2)
                            .enable_all()
                            .build()
                            .unwrap()
                            .block_on(commit::run(&context))
                            .map_err(|failure| format!("{:#}", failure.error))
                    })
                })
                .map(|thread| thread.join().unwrap())
        });
        for result in results {
            result.unwrap();
        }
        let sql = "select date, count(*) from silver.trades group by 1 order by 1";
        let expect: Vec<String> = (1..=6)
            .map(|day| format!("2024-01-0{day} {}", if day < 3 { 10 + day } else { 20 + day }))
            .collect();
        assert_eq!(ask(&world, sql).await, expect, "round {round}");
        assert_eq!(live(&world).await[&Table::Trades].len(), 6);
        let (_, ledger) = world.lake.ledger().await.unwrap();
        assert_eq!((ledger.archives.len(), ledger.builds.len()), (6, 6));
        for (group, build) in &ledger.builds {
            let sha256 = |id| ledger.archives[id].archive.as_ref().unwrap().sha256.clone();
            let now: Vec<_> = build.units.iter().map(|id| (id, sha256(id))).collect();
            let inputs = model::plan::Group::inputs(now.iter().map(|(id, s)| (*id, s.as_str())));
            assert_eq!(build.inputs, inputs, "{group} is built from what was fetched last");
        }
    }
}

#[tokio::test]
async fn what_was_left_out_is_told_again_when_the_commit_is_repeated() {
    let world = world();
    let (a, b) = (planned(&world, 1, 2).await, planned(&world, 2, 1).await);
    a.day(DAY, "a5", 10).await;
    a.day("2024-01-02", "a6", 10).await;
    b.day(DAY, "b7", 11).await;
    b.commit().await;
    let first = a.commit().await;
    assert_eq!(first.skipped.len(), 1);
    // as after a kill before the summary was read
    let again = a.commit().await;
    assert!(again.tables.iter().all(|table| !table.committed), "{again:?}");
    assert_eq!(again.skipped, first.skipped);
    // the one in whose favour it was left out has nothing to tell
    assert!(b.commit().await.skipped.is_empty());
}

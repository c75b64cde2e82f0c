//! The first step of a rebuild: what is found, made anew, planned and left out.

use chrono::TimeDelta;
use model::plan::Batch;
use model::schema::Table;
use model::{RunId, layout};
use stage::ManualClock;

use crate::kit::{Run, World, ask, planned, start, trades_partition, world};

/// A run without a plan, as a rebuild needs it.
fn unplanned(world: &World, n: u32) -> Run<'_> {
    let at = start() + TimeDelta::minutes(n.into());
    Run { world, id: RunId::new(at, n), clock: ManualClock::at(at) }
}

async fn rebuild(run: &Run<'_>, also: &[Table]) -> commit::rebuild::Report {
    commit::rebuild::run(&run.context(), also).await.map_err(|f| f.error).unwrap()
}

/// Fetches a unit, and puts its archive where the ledger says: the key.
async fn held(run: &Run<'_>, id: &str, content: &str) -> String {
    let fetched = run.fetched(id, content, 1).await;
    let key = fetched.archive.unwrap().object;
    run.world.lake.write(&key, content.to_owned()).await.unwrap();
    key
}

#[tokio::test]
async fn a_spoiled_file_of_the_ledger_does_not_stop_what_mends_it() {
    let world = world();
    let run = planned(&world, 1, 1).await;
    run.day("2024-01-01", "a5", 1).await;
    held(&run, "binance/spot/trades/BTCUSDT/2024-01-01", "a5").await;
    run.commit().await;
    let cases = [
        (Table::Builds, "select group_id, inputs, units, rows_read, files, run from ops.builds"),
        (Table::Archives, "select unit, status, sha256, object, run from bronze.archives"),
    ];
    for (n, (table, sql)) in (2..).zip(cases) {
        let before = ask(&world, sql).await;
        let live = world.tables.live_files(table, |_| true).await.unwrap();
        let key = format!("{}/{}", layout::table(table), live[0].path);
        world.lake.write(&key, "spoiled").await.unwrap();
        let anew = unplanned(&world, n);
        let report = rebuild(&anew, &[table]).await;
        assert_eq!(report.found.len(), 1, "{report:?}");
        assert_eq!(report.found[0].table, table);
        // of the ledger the builds are read by whoever looks for what is damaged
        let is_named = report.found[0].why.contains(&key);
        assert_eq!(is_named, table == Table::Builds, "{report:?}");
        assert_eq!(report.rows[&table], 1);
        assert_eq!(ask(&world, sql).await, before);
        let look = commit::rebuild::look(&anew.context()).await.map_err(|f| f.error).unwrap();
        assert!(look.found.is_empty(), "{look:?}");
    }
}

#[tokio::test]
async fn a_rotten_archive_keeps_back_its_group_only_where_silver_has_it() {
    let world = world();
    let group = "binance/spot/trades/BTCUSDT/2024-01";
    let days = [1, 2].map(|day| format!("binance/spot/trades/BTCUSDT/2024-01-0{day}"));
    let run = planned(&world, 1, 1).await;
    let first = held(&run, &days[0], "a5").await;
    let second = held(&run, &days[1], "a6").await;
    let mut built = run.built(group, &[(&days[0], "a5"), (&days[1], "a6")]).await;
    let month = 1..=31;
    built.replaces =
        month.map(|day| trades_partition("BTCUSDT", &format!("2024-01-{day:02}"))).collect();
    run.silver(&built).await;
    run.commit().await;
    world.lake.write(&second, "rotten").await.unwrap();

    // its rows are in silver, and stay
    let asked = rebuild(&unplanned(&world, 2), &[Table::Trades]).await;
    assert_eq!((asked.groups, asked.left_out.len()), (0, 2), "{asked:?}");
    let live = world.tables.live_files(Table::Trades, |_| true).await.unwrap();
    assert_eq!(live.len(), 2);

    // they are gone with the log, and the other day comes back
    let log = world.lake.directory().unwrap().join(layout::log(Table::Trades));
    std::fs::remove_dir_all(&log).unwrap();
    let anew = unplanned(&world, 3);
    let report = rebuild(&anew, &[]).await;
    assert_eq!((report.groups, report.left_out.len()), (1, 1), "{report:?}");
    assert_eq!(report.left_out[0].group, days[1]);
    let batch: Batch = world.lake.read_json(&layout::batch(&anew.id, 1), "batch").await.unwrap();
    let units: Vec<_> = batch.groups[0].units.iter().map(|u| u.unit.to_string()).collect();
    assert_eq!(units, days[..1]);

    // what is built then has no spoiled unit that a plan would keep
    let spoiled = async || world.lake.ledger().await.unwrap().1.builds[group].spoiled.len();
    assert_eq!(spoiled().await, 1);
    let mut rebuilt = anew.built(group, &[(&days[0], "a5")]).await;
    rebuilt.replaces = built.replaces;
    anew.silver(&rebuilt).await;
    anew.commit().await;
    assert_eq!(spoiled().await, 0);

    // nothing is left to be built
    world.lake.write(&first, "rotten").await.unwrap();
    std::fs::remove_dir_all(&log).unwrap();
    let none = rebuild(&unplanned(&world, 4), &[]).await;
    assert_eq!((none.groups, none.left_out.len()), (0, 2), "{none:?}");
}

//! What plans tell of instruments, as `silver.instruments` has it.

use model::instrument::{Facts, Seen, Statement, Told};
use model::layout;
use model::schema::Table;

use crate::kit::{Run, World, ask, planned, world};

/// What a plan tells: a tick size, perhaps from a day on.
fn told(symbol: &str, statements: &[(Option<&str>, &str)]) -> Told {
    let statement = |(from, tick): &(Option<&str>, &str)| Statement {
        from: from.map(|day| day.parse().unwrap()),
        goes_on: false,
        facts: Facts {
            base: Some(symbol.trim_end_matches("USDT").to_owned()),
            tick_size: Some(tick.parse().unwrap()),
            ..Facts::default()
        },
    };
    Told {
        source: model::Source::new("binance"),
        market: model::Market::new("spot"),
        symbol: symbol.parse().unwrap(),
        statements: statements.iter().map(statement).collect(),
        seen: Some(Seen { first: "2024-01-01".parse().ok(), last: None, goes_on: true }),
    }
}

/// The n-th run, whose plan tells so.
async fn telling(world: &World, n: u32, instruments: Vec<Told>) -> Run<'_> {
    let run = planned(world, n, 1).await;
    let mut plan = world.lake.plan(&run.id).await.unwrap();
    plan.instruments = instruments;
    world.lake.write_json(&layout::plan(&run.id), &plan).await.unwrap();
    run.day("2024-01-01", "a3", 1).await;
    run
}

async fn rows(world: &World) -> Vec<String> {
    ask(
        world,
        "select symbol, valid_from, coalesce(cast(valid_to as varchar), '-'), base, tick_size, \
         listed_from, run from silver.instruments order by 1, 2",
    )
    .await
}

#[tokio::test]
async fn a_change_closes_a_row_and_the_same_again_changes_nothing() {
    let world = world();
    let both = || vec![told("BTCUSDT", &[(None, "0.1")]), told("ETHUSDT", &[(None, "0.01")])];
    let first = telling(&world, 1, both()).await;
    first.commit().await;
    let btc = format!("BTCUSDT 1970-01-01 - BTC 0.10000000 2024-01-01 {}", first.id);
    let eth = format!("ETHUSDT 1970-01-01 - ETH 0.01000000 2024-01-01 {}", first.id);
    assert_eq!(rows(&world).await, [btc, eth.clone()]);

    let version = world.tables.version(Table::Instruments).await.unwrap();
    telling(&world, 2, both()).await.commit().await;
    assert_eq!(world.tables.version(Table::Instruments).await.unwrap(), version);

    // a day later, and of one of them only
    let later = telling(&world, 24 * 60, vec![told("BTCUSDT", &[(None, "0.001")])]).await;
    later.commit().await;
    let id = &later.id;
    let expect = [
        format!("BTCUSDT 1970-01-01 2024-02-02 BTC 0.10000000 2024-01-01 {id}"),
        format!("BTCUSDT 2024-02-02 - BTC 0.00100000 2024-01-01 {id}"),
        eth.clone(),
    ];
    assert_eq!(rows(&world).await, expect);
    // each day has one row
    let joined = "select count(*) from silver.instruments where symbol = 'BTCUSDT' and \
                  valid_from <= date '2024-02-02' and (valid_to is null or date '2024-02-02' < valid_to)";
    assert_eq!(ask(&world, joined).await, ["1"]);

    // a plan that was made before is not listened to, and the same run again has nothing to do
    let version = world.tables.version(Table::Instruments).await.unwrap();
    telling(&world, 3, vec![told("BTCUSDT", &[(None, "0.5")])]).await.commit().await;
    later.commit().await;
    assert_eq!(rows(&world).await, expect);
    assert_eq!(world.tables.version(Table::Instruments).await.unwrap(), version);

    // what is dated puts the past right
    let dated = [(None, "0.1"), (Some("2024-01-15"), "0.001")];
    let dated = telling(&world, 48 * 60, vec![told("BTCUSDT", &dated)]).await;
    dated.commit().await;
    let id = &dated.id;
    assert_eq!(
        rows(&world).await,
        [
            format!("BTCUSDT 1970-01-01 2024-01-15 BTC 0.10000000 2024-01-01 {id}"),
            // a listing says of the first row when it begins
            format!("BTCUSDT 2024-01-15 - BTC 0.00100000  {id}"),
            eth,
        ]
    );
}

#[tokio::test]
async fn a_run_that_tells_nothing_makes_an_empty_table() {
    let world = world();
    telling(&world, 1, Vec::new()).await.commit().await;
    assert_eq!(world.tables.version(Table::Instruments).await.unwrap(), Some(0));
}

#[tokio::test]
async fn a_table_without_its_log_is_made_anew() {
    let world = world();
    telling(&world, 1, vec![told("BTCUSDT", &[(None, "0.1")])]).await.commit().await;
    telling(&world, 24 * 60, vec![told("BTCUSDT", &[(None, "0.01")])]).await.commit().await;
    let before = rows(&world).await;
    assert_eq!(before.len(), 2);
    made_anew(&world, 3, 2).await;
    assert_eq!(rows(&world).await, before);
    // what the first one has merged is the past of what came since
    telling(&world, 5 * 24 * 60, vec![told("BTCUSDT", &[(None, "0.001")])]).await.commit().await;
    let before = rows(&world).await;
    assert_eq!(before.len(), 3);
    made_anew(&world, 7, 3).await;
    assert_eq!(rows(&world).await, before);
}

/// Loses the table's log, and makes the table anew from so many rows.
async fn made_anew(world: &World, days: i64, expect: u64) {
    std::fs::remove_dir_all(world.folder.path().join("lake").join(layout::log(Table::Instruments)))
        .unwrap();
    let at = crate::kit::start() + chrono::TimeDelta::days(days);
    let id = model::RunId::new(at, 9);
    let anew = Run { world, id, clock: stage::ManualClock::at(at) };
    let report = commit::rebuild::run(&anew.context(), &[]).await.map_err(|f| f.error).unwrap();
    assert_eq!(report.rows[&Table::Instruments], expect, "{report:?}");
}

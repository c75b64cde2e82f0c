//! Gold: committed where it was built from what silver holds, else sent back.

use chrono::TimeDelta;
use model::config::Gold;
use model::dirty::Dirty;
use model::exit::Exit;
use model::fragment::GoldFragment;
use model::owed::Taken;
use model::schema::Table;
use model::{RunId, layout};

use crate::kit::{Run, World, live, named, partition, planned, start, world};

async fn dirty(world: &World, run: &Run<'_>) -> Dirty {
    let list: Vec<Dirty> =
        world.lake.read_json(&layout::dirty(&run.id), "dirty list").await.unwrap();
    list.into_iter().next().unwrap()
}

/// What gold does for the run's one symbol, from what silver holds now.
async fn gold(world: &World, run: &Run<'_>) -> GoldFragment {
    let (dirty, taken) = (dirty(world, run).await, layout::taken(&run.id));
    let mut files = Vec::new();
    for table in [Table::Trades, Table::AggTrades, Table::Klines, Table::Bars] {
        files.extend(
            world.tables.live_files(table, |_| true).await.unwrap().into_iter().map(|f| (table, f)),
        );
    }
    let inputs = dirty.inputs(
        files.iter().map(|(t, f)| (*t, &f.partition, f.path.as_str())),
        &Gold::default().words(),
    );
    let symbol = [("source", "binance"), ("market", "spot"), ("symbol", "BTCUSDT")];
    let daily = partition(&symbol);
    let mut bars = partition(&symbol);
    bars.insert("timeframe".to_owned(), "1d".to_owned());
    bars.insert("month".to_owned(), "2024-01".to_owned());
    let fragment = GoldFragment {
        id: dirty.id(),
        months: dirty.months.clone(),
        files: [(Table::Bars, &bars), (Table::Daily, &daily)]
            .map(|(table, partition)| (table, named(table, partition, &dirty.id(), &inputs)))
            .into(),
        replaces: vec![(Table::Bars, bars), (Table::Daily, daily)],
        inputs,
        built_at: start() + TimeDelta::minutes(25),
        silver: world.lake.read_json::<Taken>(&taken, "taken").await.unwrap().silver,
    };
    let key = layout::fragment(&run.id, "gold", &fragment.id);
    world.lake.write_json(&key, &fragment).await.unwrap();
    fragment
}

#[tokio::test]
async fn gold_is_replaced_and_repeated_without_effect() {
    let world = world();
    let run = planned(&world, 1, 1).await;
    run.day("2024-01-01", "a10", 1).await;
    run.commit().await;
    let fragment = gold(&world, &run).await;
    let summary = commit::run_gold(&run.context()).await.map_err(|f| f.error).unwrap();
    assert_eq!(summary.tables.len(), 2);
    assert!(summary.tables.iter().all(|t| t.committed && t.added == 1 && t.version == 1));
    let summary = commit::run_gold(&run.context()).await.map_err(|f| f.error).unwrap();
    assert!(summary.tables.iter().all(|t| !t.committed && t.version == 1), "{summary:?}");

    // what silver says now is built anew
    let second = planned(&world, 2, 1).await;
    second.day("2024-01-01", "b12", 2).await;
    second.commit().await;
    // the first run's gold is in force, though silver has changed: a repetition is no failure
    commit::run_gold(&run.context()).await.map_err(|f| f.error).unwrap();
    let newer = gold(&world, &second).await;
    commit::run_gold(&second.context()).await.map_err(|f| f.error).unwrap();
    let live = live(&world).await;
    assert_ne!(newer.files, fragment.files);
    for (table, file) in &newer.files {
        assert_eq!(live[table], std::slice::from_ref(&file.path));
    }
    // and the first run's may not come back
    let failure = commit::run_gold(&run.context()).await.expect_err("out of date");
    assert_eq!(failure.exit, Exit::LostRace);
}

#[tokio::test]
async fn gold_that_silver_has_overtaken_must_be_built_again() {
    let world = world();
    let first = planned(&world, 1, 1).await;
    first.day("2024-01-01", "a10", 1).await;
    first.commit().await;
    gold(&world, &first).await;
    let second = planned(&world, 2, 1).await;
    second.day("2024-01-01", "b12", 2).await;
    second.commit().await;
    let failure = commit::run_gold(&first.context()).await.expect_err("out of date");
    assert_eq!(failure.exit, Exit::LostRace);
    let text = failure.error.to_string();
    assert!(text.contains("binance/spot/BTCUSDT") && text.contains("run gold"), "{text}");
    assert!(live(&world).await[&Table::Bars].is_empty());
    // built again, it is committed, by whichever run
    gold(&world, &first).await;
    commit::run_gold(&first.context()).await.map_err(|f| f.error).unwrap();
    assert_eq!(live(&world).await[&Table::Bars].len(), 1);
}

#[tokio::test]
async fn a_run_without_gold_has_nothing_to_commit() {
    let world = world();
    let run = planned(&world, 1, 0).await;
    let summary = commit::run_gold(&run.context()).await.map_err(|f| f.error).unwrap();
    assert!(summary.tables.is_empty());
}

async fn owed(world: &World) -> Vec<RunId> {
    let entries = world.lake.list(layout::OWED).await.unwrap();
    entries.iter().filter_map(|entry| layout::parse_owed(&entry.key)).collect()
}

async fn months(world: &World, run: &Run<'_>) -> Vec<String> {
    dirty(world, run).await.months.iter().map(ToString::to_string).collect()
}

/// A run that ended before its bars were there hands them on to whoever commits next.
#[tokio::test]
async fn bars_that_a_run_owes_are_built_by_the_next() {
    let world = world();
    let first = planned(&world, 1, 1).await;
    first.day("2024-01-01", "a10", 1).await;
    first.commit().await;
    assert_eq!(owed(&world).await, std::slice::from_ref(&first.id));

    let second = planned(&world, 2, 1).await;
    second.day("2024-02-01", "b12", 2).await;
    second.commit().await;
    assert_eq!(months(&world, &second).await, ["2023-12", "2024-01", "2024-02"]);
    assert_eq!(owed(&world).await, [first.id.clone(), second.id.clone()]);

    // bars that gold did not build are told, and stay owed
    let failure = commit::run_gold(&second.context()).await.expect_err("not built");
    assert_eq!(failure.exit, Exit::Failed);
    let text = failure.error.to_string();
    assert!(text.contains("binance/spot/BTCUSDT") && text.contains("no new bars"), "{text}");
    assert_eq!(owed(&world).await.len(), 2);

    gold(&world, &second).await;
    commit::run_gold(&second.context()).await.map_err(|f| f.error).unwrap();
    assert!(owed(&world).await.is_empty());

    // nobody owes anything: the next run has its own month to do
    let third = planned(&world, 3, 1).await;
    third.day("2024-02-02", "c1", 3).await;
    third.commit().await;
    assert_eq!(months(&world, &third).await, ["2024-02"]);
}

/// Bars in force that are older than the run's own last silver are no bars of it.
#[tokio::test]
async fn more_silver_of_the_same_run_needs_bars_anew() {
    let world = world();
    let run = planned(&world, 1, 2).await;
    run.day("2024-01-01", "a10", 1).await;
    run.commit().await;
    gold(&world, &run).await;
    commit::run_gold(&run.context()).await.map_err(|f| f.error).unwrap();
    assert!(owed(&world).await.is_empty());
    // a batch that had failed, and gold that dies
    run.day("2024-01-02", "b12", 2).await;
    run.commit().await;
    let failure = commit::run_gold(&run.context()).await.expect_err("old bars");
    assert_eq!(failure.exit, Exit::LostRace);
    assert_eq!(owed(&world).await, std::slice::from_ref(&run.id));
    gold(&world, &run).await;
    commit::run_gold(&run.context()).await.map_err(|f| f.error).unwrap();
    assert!(owed(&world).await.is_empty());
}

#[tokio::test]
async fn a_debt_that_was_made_anew_is_not_paid_by_what_was_built_before() {
    let world = world();
    let first = planned(&world, 1, 1).await;
    first.day("2024-01-01", "a10", 1).await;
    first.commit().await;
    let second = planned(&world, 2, 1).await;
    second.day("2024-01-02", "b12", 2).await;
    second.commit().await;
    gold(&world, &second).await;
    // the first was not dead, and commits more
    first.day("2024-01-03", "a11", 1).await;
    first.commit().await;
    gold(&world, &second).await;
    commit::run_gold(&second.context()).await.map_err(|f| f.error).unwrap();
    assert_eq!(owed(&world).await, std::slice::from_ref(&first.id));
    gold(&world, &first).await;
    commit::run_gold(&first.context()).await.map_err(|f| f.error).unwrap();
    assert!(owed(&world).await.is_empty());
}

/// Both tables of gold gone with their logs and heads: nothing else says that they were there.
#[tokio::test]
async fn gold_that_is_gone_is_missed_where_nobody_owes_it() {
    let world = world();
    let run = planned(&world, 1, 1).await;
    run.day("2024-01-01", "a10", 1).await;
    let found = async || {
        let look = commit::rebuild::look(&run.context()).await.map_err(|f| f.error).unwrap();
        look.found.into_iter().map(|found| found.table).collect::<Vec<_>>()
    };
    assert!(found().await.is_empty(), "nothing is committed");
    run.commit().await;
    assert!(found().await.is_empty(), "the run owes its bars");
    gold(&world, &run).await;
    commit::run_gold(&run.context()).await.map_err(|f| f.error).unwrap();
    assert!(found().await.is_empty());
    let root = world.lake.directory().unwrap();
    for table in [Table::Daily, Table::Bars] {
        std::fs::remove_dir_all(root.join(layout::table(table))).unwrap();
        assert!(found().await.contains(&table), "{table}");
    }
}

//! What changes between one run and the next though no archive does, or though the lake holds what
//! was asked for before: the kind of archives preferred, the time of a checksum file, and the
//! configuration itself between a kill and its repetition.

use anyhow::{Context as _, Result, ensure};
use e2e::lab::Lab;
use e2e::look;
use e2e::world::World;
use exchange::Handle;
use exchange::faults::{Fault, Rule};
use model::{Dataset, RunId};
use serde_json::Value;

/// A month, of which the last two days are wanted; its days have archives, and it has one.
fn world() -> Result<World> {
    let mut world = World::new(&["spot:BTCUSDT,trades=200"], "2024-12-01", "2024-12-31")?;
    world.options.range.daily = Dataset::ALL.to_vec();
    world.options.range.monthly = Dataset::ALL.to_vec();
    Ok(world)
}

fn yaml(world: &World, exchange: &Handle, datasets: &str) -> String {
    world.yaml_of(exchange.url(), datasets).replace("from: 2024-12-01", "from: 2024-12-30")
}

fn fetched(summary: &Value) -> Option<u64> {
    summary["fetch"].as_u64()
}

/// A lake that holds a month is asked for days: they are fetched, a day's version stays, the
/// other is counted and told, and bars follow. Asked for months again, nothing is to be done.
#[test]
fn archives_that_are_preferred_are_fetched() -> Result<()> {
    let world = world()?;
    let exchange = world.start()?;
    // the month's archive says other things than its days', which equal the exchange's own answers
    let month = "data/spot/monthly/trades/BTCUSDT/BTCUSDT-trades-2024-12.zip";
    exchange.set_faults(vec![Rule::always(month, Fault::Republished { revision: 1 })])?;
    let yaml =
        |archives: &str| yaml(&world, &exchange, &format!("trades: {{archives: {archives}}}"));
    let days_only = Lab::new(&yaml("daily"))?;
    days_only.run_well()?;

    let lab = Lab::new(&yaml("monthly"))?;
    ensure!(fetched(&lab.run_well()?) == Some(1), "one month");
    let rows = "SELECT date, trade_id, price, quantity, time FROM silver.trades \
                WHERE date >= DATE '2024-12-30' ORDER BY 1, 2";
    let bars = "SELECT timeframe, open_time, volume, trade_count FROM gold.bars \
                WHERE open_time >= TIMESTAMP '2024-12-30T00:00:00Z' ORDER BY 1, 2";
    ensure!(lab.lines(rows)? != days_only.lines(rows)?, "the fault changes nothing");
    let conflicts = "SELECT sum(rows_conflicting) FROM ops.builds";
    ensure!(lab.lines(conflicts)? == ["0"], "nothing can be known of one archive alone");

    lab.configure(&yaml("daily"))?;
    ensure!(fetched(&lab.run_well()?) == Some(2), "two days");
    ensure!(lab.lines(rows)? == days_only.lines(rows)?, "the days' rows stay");
    ensure!(lab.lines(bars)? == days_only.lines(bars)?, "bars follow");
    let count: u64 = lab.lines(conflicts)?[0].parse()?;
    ensure!(count > 0, "nothing was counted");
    let told = lab.lines(
        "SELECT date, status FROM ops.coverage WHERE reason LIKE '%another version%' ORDER BY 1",
    )?;
    ensure!(told == ["2024-12-30 degraded", "2024-12-31 degraded"], "{told:?}");

    for archives in ["daily", "monthly", "auto"] {
        lab.configure(&yaml(archives))?;
        let summary = lab.run_well()?;
        ensure!(summary["nothing_to_do"] == true, "{archives}: {summary}");
    }
    Ok(())
}

/// An archive that is published anew with other values: each of them is told, as it was and as silver has
/// it now, and nothing else is.
#[test]
fn what_an_archive_restates_is_told_value_by_value() -> Result<()> {
    let world = world()?;
    let exchange = world.start()?;
    let lab = Lab::new(&yaml(&world, &exchange, "trades: {archives: daily}"))?;
    lab.run_well()?;
    let count = "SELECT count(*) FROM silver.restatements";
    ensure!(lab.lines(count)? == ["0"], "nothing came anew");
    let quantities = "SELECT trade_id, CAST(quantity AS VARCHAR) FROM silver.trades \
                      WHERE date = DATE '2024-12-31' ORDER BY 1";
    let before = lab.lines(quantities)?;

    let day = "data/spot/daily/trades/BTCUSDT/*2024-12-31.zip";
    exchange.set_faults(vec![Rule::always(day, Fault::Republished { revision: 1 })])?;
    ensure!(fetched(&lab.run_well()?) == Some(1), "one day came anew");
    let after = lab.lines(quantities)?;
    let told = lab.lines(
        "SELECT row_key, change, old_value, new_value FROM silver.restatements \
         WHERE column_name = 'quantity' ORDER BY CAST(row_key AS BIGINT)",
    )?;
    // the two versions have the same ids
    let expect: Vec<String> = before
        .iter()
        .zip(&after)
        .filter(|(old, new)| old != new)
        .filter_map(|(old, new)| {
            let ((id, old), (_, new)) = (old.split_once(' ')?, new.split_once(' ')?);
            Some(format!("{id} changed {old} {new}"))
        })
        .collect();
    ensure!(!expect.is_empty() && told == expect, "{told:#?}, expected {expect:#?}");
    let others = "SELECT count(*) FROM silver.restatements r JOIN bronze.archives a \
                  ON a.sha256 = r.sha256_after AND a.unit = r.unit AND a.run = r.run \
                  WHERE r.learned_at >= a.fetched_at AND r.row_count = 1";
    ensure!(lab.lines(others)? == lab.lines(count)?, "a line is not of the newer version");
    ensure!(lab.run_well()?["nothing_to_do"] == true, "it comes anew once");
    Ok(())
}

/// A checksum file that was written again with the same text costs one look, and no more.
#[test]
fn a_touched_checksum_file_settles() -> Result<()> {
    let world = world()?;
    let exchange = world.start()?;
    let lab = Lab::new(&yaml(&world, &exchange, "trades: {archives: daily}"))?;
    ensure!(fetched(&lab.run_well()?) == Some(2), "two days");
    let files = look::files(&lab.lake(), look::DERIVED)?;
    // later than any fetch: the host's clock need not be ours
    let touched = Fault::TouchedChecksum { days: 20_000 };
    let day = "data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-12-31.zip";
    exchange.set_faults(vec![Rule::always(day, touched)])?;
    ensure!(fetched(&lab.run_well()?) == Some(1), "the one that was touched");
    for _ in 0..2 {
        let summary = lab.run_well()?;
        ensure!(summary["nothing_to_do"] == true, "{summary}");
    }
    ensure!(look::files(&lab.lake(), look::DERIVED)? == files, "the same bytes, the same files");
    let times = "SELECT count(checksum_modified), count(*) FROM bronze.archives";
    ensure!(lab.lines(times)? == ["3 3"], "{:?}", lab.lines(times)?);
    Ok(())
}

/// The configuration is edited between a kill and the repetition: what was planned from the old
/// one is not taken up, what it has fetched is not lost, and the lake is that of the new one.
#[test]
fn the_configuration_is_edited_between_a_kill_and_its_repetition() -> Result<()> {
    let world = world()?;
    let exchange = world.start()?;
    let old = yaml(&world, &exchange, "trades: {archives: daily}");
    let more = "trades: {archives: daily}, klines: {timeframes: [1h], archives: daily}";
    let new = yaml(&world, &exchange, more).replace("from: 2024-12-30", "from: 2024-12-31");
    let fresh = Lab::new(&new)?;
    fresh.run_well()?;
    let expected = look::files(&fresh.lake(), look::DERIVED)?;
    // after these stages the old run is gone, as if it had been killed
    let steps: [&[&str]; 3] = [&["plan"], &["plan", "bronze"], &["plan", "bronze", "silver"]];
    for steps in steps {
        let lab = Lab::new(&old)?;
        let run: RunId = "20250102T030405Z-0a1b2c3d".parse()?;
        for step in steps {
            let mut args = vec!["--run", run.as_str()];
            args.extend(if *step == "plan" { [].as_slice() } else { &["--batch", "1"] });
            lab.job(step, &args)?.expect_code(0)?;
        }
        lab.configure(&new)?;
        let summary = lab.run_well()?;
        let taken = summary["run"].as_str().context("a run")?;
        ensure!(taken != run.as_str(), "a plan of another configuration was taken up");
        let found = look::files(&lab.lake(), look::DERIVED)?;
        ensure!(found == expected, "after {steps:?}\n{}", look::differences(&found, &expected));
        if steps.contains(&"bronze") {
            // its bytes are there: they were not sent a second time
            let served = |day: &str| exchange.requests().iter().filter(|r| r.path == day).count();
            exchange.clear_requests();
            lab.configure(&old)?;
            lab.run_well()?;
            let day = "data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-12-30.zip";
            ensure!(served(day) == 0, "fetched again");
        }
        ensure!(lab.run_well()?["nothing_to_do"] == true, "not settled");
    }
    Ok(())
}

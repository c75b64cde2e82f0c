//! The whole way, undisturbed: exact bars, nothing to do the second time, the same bytes whatever
//! the concurrency, archives that were published again.

use anyhow::{Context as _, Result, ensure};
use e2e::lab::Lab;
use e2e::look;
use e2e::world::{World, day};
use exchange::faults::{Corruption, Fault, Rule};
use model::Dataset;
use model::schema::Table;

const SYMBOLS: &[&str] = &[
    "spot:BTCUSDT,trades=900",
    "spot:PEPEUSDT,price=0.00000001,largest=1000000000000,trades=700",
    "usdm:ETHUSDT,trades=800",
    "coinm:BTCUSD_PERP,trades=300",
];

/// Every field of every bar that we make from trades equals the exchange's own, to the last digit.
#[test]
fn bars_from_trades_equal_klines() -> Result<()> {
    let world = World::new(SYMBOLS, "2024-12-30", "2025-01-01")?;
    let exchange = world.start()?;
    let lab = Lab::new(&world.yaml(exchange.url()))?;
    lab.run_well()?;
    let compared = lab.lines(
        "SELECT b.market, b.symbol, b.timeframe, count(*) AS bars, \
           sum(CASE WHEN b.open = k.open AND b.high = k.high AND b.low = k.low \
                     AND b.close = k.close AND b.trade_count = k.trade_count \
                     AND b.volume = k.volume AND b.taker_buy_volume = k.taker_buy_volume \
                     AND (b.quote_volume IS NOT DISTINCT FROM k.quote_volume) \
                     AND (b.taker_buy_quote_volume IS NOT DISTINCT FROM k.taker_buy_quote_volume) \
                     AND (b.contract_volume IS NOT DISTINCT FROM k.contract_volume) \
                    THEN 1 ELSE 0 END) AS equal_bars \
         FROM gold.bars b JOIN silver.klines k \
           ON b.market = k.market AND b.symbol = k.symbol AND b.timeframe = k.timeframe \
          AND b.open_time = k.open_time \
         WHERE b.made_from = 'trades' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
    )?;
    assert_eq!(compared.len(), 4 * 3, "{compared:?}");
    for line in &compared {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words[3], words[4], "bars differ from klines: {line}");
        assert_ne!(words[3], "0");
    }
    // every kline with a trade has a bar, and no bar is without its kline
    let alone = lab.lines(
        "SELECT count(*) FROM silver.klines k FULL JOIN \
           (SELECT * FROM gold.bars WHERE timeframe IN ('1m', '1h', '1d')) b \
           ON b.market = k.market AND b.symbol = k.symbol AND b.timeframe = k.timeframe \
          AND b.open_time = k.open_time \
         WHERE (b.symbol IS NULL AND k.trade_count > 0) OR k.symbol IS NULL",
    )?;
    assert_eq!(alone, ["0"]);
    // the smallest price and the largest quantity are really in it
    let extremes =
        lab.lines("SELECT min(price), max(quantity) FROM silver.trades WHERE symbol = 'PEPEUSDT'")?;
    let words: Vec<&str> = extremes[0].split(' ').collect();
    assert!(words[0].starts_with("0.0000000"), "{extremes:?}");
    assert!(words[1].parse::<f64>()? >= 1e11, "{extremes:?}");
    // and the lake's own check says the same
    let verdicts = lab.lines("SELECT status, count(*) FROM ops.checks GROUP BY 1 ORDER BY 1")?;
    assert!(verdicts.iter().all(|v| v.starts_with("pass ")), "{verdicts:?}");
    Ok(())
}

#[test]
fn the_second_run_finds_nothing_to_do() -> Result<()> {
    let world = World::new(&["spot:BTCUSDT,trades=200"], "2024-12-31", "2025-01-01")?;
    let exchange = world.start()?;
    let lab = Lab::new(&world.yaml(exchange.url()))?;
    let first = lab.run_well()?;
    assert_ne!(first["rows_silver"], 0, "{first}");
    let before = look::files(&lab.lake(), look::DERIVED)?;
    exchange.clear_requests();
    let second = lab.run_well()?;
    assert_eq!(second["units"], 0, "{second}");
    assert_eq!(exchange.count("data/**.zip"), 0, "an archive was fetched again");
    assert_eq!(look::files(&lab.lake(), look::DERIVED)?, before);
    assert_eq!(lab.lines("SELECT count(*) FROM ops.runs")?, ["1"]);
    Ok(())
}

#[test]
fn the_same_bytes_whatever_the_concurrency() -> Result<()> {
    let mut world = World::new(SYMBOLS, "2024-12-30", "2025-01-01")?;
    let exchange = world.start()?;
    let mut seen = Vec::new();
    for limits in [
        "{download: {concurrency: 1}, silver: {workers: 1}, batch: {units: 1000}}",
        "{download: {concurrency: 8}, silver: {workers: 4}, batch: {units: 3}, run: {concurrency: 3}}",
    ] {
        limits.clone_into(&mut world.limits);
        let lab = Lab::new(&world.yaml(exchange.url()))?;
        lab.run_well()?;
        let files = look::files(&lab.lake(), look::DERIVED)?;
        assert!(files[&Table::Trades].len() >= 12, "{files:?}");
        seen.push(files);
    }
    assert_eq!(seen[0], seen[1]);
    Ok(())
}

/// The ledger's extract is a cache, but a plan without it would take what is held for missing, and
/// build months short of their days: it is refused, and maintenance mends it.
#[test]
fn a_lost_or_spoiled_ledger_extract_is_told_and_mended() -> Result<()> {
    let world = World::new(&SYMBOLS[..1], "2024-12-30", "2025-01-01")?;
    let exchange = world.start()?;
    let lab = Lab::new(&world.yaml(exchange.url()))?;
    lab.run_well()?;
    let before = look::files(&lab.lake(), look::DERIVED)?;
    let index = lab.lake().join(model::layout::INDEX);
    let one_day = ["--from", "2024-12-31", "--to", "2024-12-31"];
    // a lake into which nothing came yet is no lake without its ledger
    let empty = Lab::new(&world.yaml(exchange.url()))?;
    exchange
        .set_faults(vec![Rule::always("**.zip", Fault::Status { code: 500, retry_after: None })])?;
    for _ in 0..2 {
        empty.run(&[])?.expect_code(3)?;
    }
    exchange.clear_faults();
    empty.run_well()?;
    for is_lost in [true, false] {
        for entry in std::fs::read_dir(&index)? {
            let path = entry?.path();
            if is_lost { std::fs::remove_file(path)? } else { std::fs::write(path, "")? }
        }
        let ended = lab.run(&one_day)?.expect_code(1)?;
        ensure!(ended.stdout.contains("cargo xtask maintain"), "{}", ended.stdout);
        lab.job("xtask", &["maintain", "--yes", "--no-build"])?.expect_code(0)?;
        let ended = lab.run(&one_day)?.expect_code(0)?;
        ensure!(ended.stdout.contains("\"nothing_to_do\": true"), "{}", ended.stdout);
        assert_eq!(look::files(&lab.lake(), look::DERIVED)?, before);
    }
    Ok(())
}

/// A lake that grew by a symbol, a dataset or a day at a time, in any order, is the lake that one
/// run makes: what a part was made from while others were missing leaves no trace.
#[test]
fn a_lake_that_grew_in_parts_is_the_lake_of_one_run() -> Result<()> {
    let world = World::new(&SYMBOLS[..2], "2024-12-30", "2025-01-01")?;
    let exchange = world.start()?;
    let whole = Lab::new(&world.yaml(exchange.url()))?;
    whole.run_well()?;
    let seed = fastrand::u64(..);
    let mut chance = fastrand::Rng::with_seed(seed);
    let parts = Lab::new(&world.yaml(exchange.url()))?;
    for _ in 0..6 {
        let day = ["2024-12-30", "2024-12-31", "2025-01-01"][chance.usize(..3)];
        let symbol = ["BTCUSDT", "PEPEUSDT"][chance.usize(..2)];
        let dataset = ["trades", "agg_trades", "klines"][chance.usize(..3)];
        let mut args = vec!["--dataset", dataset];
        args.extend(if chance.bool() { vec!["--from", day, "--to", day] } else { vec![] });
        args.extend(if chance.bool() { vec!["--symbol", symbol] } else { vec![] });
        parts.run(&args)?.expect_code(0).with_context(|| format!("seed {seed}: {args:?}"))?;
    }
    parts.run_well()?;
    let (found, expected) =
        (look::files(&parts.lake(), look::DERIVED)?, look::files(&whole.lake(), look::DERIVED)?);
    ensure!(found == expected, "seed {seed}:\n{}", look::differences(&found, &expected));
    Ok(())
}

#[test]
fn an_archive_published_again_replaces_its_partition() -> Result<()> {
    let world = World::new(&["spot:BTCUSDT,trades=300"], "2024-12-31", "2025-01-01")?;
    let exchange = world.start()?;
    let lab = Lab::new(&world.yaml_of(exchange.url(), "trades: {}"))?;
    lab.run_well()?;
    let sums = "SELECT date, count(*), sum(quantity) FROM silver.trades GROUP BY 1 ORDER BY 1";
    let before = lab.lines(sums)?;
    let bars = "SELECT open_time, volume FROM gold.bars WHERE timeframe = '1d' ORDER BY 1";
    let bars_before = lab.lines(bars)?;

    let fault = Fault::Republished { revision: 1 };
    exchange
        .set_faults(vec![Rule::always("data/spot/daily/trades/BTCUSDT/*2025-01-01.zip", fault)])?;
    let summary = lab.run_well()?;
    assert_eq!(summary["units"], 1, "{summary}");
    let after = lab.lines(sums)?;
    assert_eq!(before[0], after[0], "the other day is as it was");
    assert_ne!(before[1], after[1], "the day has the corrected quantities");
    let bars_after = lab.lines(bars)?;
    assert_eq!(bars_before[0], bars_after[0]);
    assert_ne!(bars_before[1], bars_after[1], "gold follows");

    // both versions are in the ledger, both raw objects are there
    let ledger = lab.lines(
        "SELECT status, object FROM bronze.archives WHERE period = '2025-01-01' ORDER BY fetched_at",
    )?;
    assert_eq!(ledger.len(), 2, "{ledger:?}");
    for line in &ledger {
        let object = line.strip_prefix("ok ").expect("ok");
        assert!(lab.lake().join(object).is_file(), "{object}");
    }
    // time travel shows the former rows
    ensure!(look::lines_as_of(&lab.lake(), Table::Trades, 1, sums)? == before);
    ensure!(look::lines_as_of(&lab.lake(), Table::Trades, 2, sums)? == after);
    Ok(())
}

/// A new version of an archive that cannot be used does not take away what the old one said,
/// neither now nor when its group is built again for another reason.
#[test]
fn a_spoiled_new_version_takes_nothing_away() -> Result<()> {
    let world = World::new(&["spot:BTCUSDT,trades=100"], "2024-12-28", "2024-12-31")?;
    let exchange = world.start()?;
    let lab = Lab::new(&world.yaml_of(exchange.url(), "klines: {timeframes: [1h]}"))?;
    lab.run_well()?;
    let count = "SELECT count(*) FROM silver.klines";
    ensure!(lab.lines(count)? == ["96"]);
    let spoiled = "data/spot/daily/klines/BTCUSDT/1h/*2024-12-30.zip";
    let other = "data/spot/daily/klines/BTCUSDT/1h/*2024-12-29.zip";
    for (how, status) in [
        // seen when it is fetched
        (Fault::CorruptZip { how: Corruption::NotAZip, sound_checksum: false }, "corrupt"),
        // seen only when it is read
        (Fault::CorruptZip { how: Corruption::Flip, sound_checksum: false }, "corrupt"),
    ] {
        exchange.set_faults(vec![
            Rule::always(spoiled, Fault::Republished { revision: 1 }),
            Rule::always(spoiled, how),
        ])?;
        // what was fetched is of no use, and the run says so
        lab.run(&[])?.expect_code(4)?;
        ensure!(lab.lines(count)? == ["96"], "rows were lost");
        let said = lab.lines(
            "SELECT status FROM bronze.archives WHERE period = '2024-12-30' \
             ORDER BY fetched_at DESC, status LIMIT 1",
        )?;
        ensure!(said == [status], "{said:?}");
    }
    // another archive of the group is published again: the month is built anew, whole
    let sum =
        "SELECT sum(volume) FROM silver.klines WHERE CAST(open_time AS DATE) = DATE '2024-12-29'";
    let before = lab.lines(sum)?;
    exchange.set_faults(vec![
        Rule::always(spoiled, Fault::Republished { revision: 1 }),
        Rule::always(spoiled, Fault::CorruptZip { how: Corruption::Flip, sound_checksum: false }),
        Rule::always(other, Fault::Republished { revision: 1 }),
    ])?;
    lab.run_well()?;
    ensure!(lab.lines(count)? == ["96"], "rows were lost");
    ensure!(lab.lines(sum)? != before, "the corrected day is in");
    let last = lab.run_well()?;
    ensure!(last["units"] == 0, "there is nothing left to do: {last}");
    Ok(())
}

/// Monthly archives are known to lack days that the daily ones have. The lake notices, asks for
/// those days alone, and ends with the rows that it would have had from whole archives.
#[test]
fn days_that_a_month_lacks_are_fetched_as_days() -> Result<()> {
    let sources = &[Dataset::Trades, Dataset::Klines];
    let world = World::new(&["spot:BTCUSDT,trades=40"], "2024-11-01", "2024-11-30")?
        .with_archives(sources, sources);
    let exchange = world.start()?;
    let yaml = world.yaml_of(exchange.url(), "trades: {}, klines: {timeframes: [1h]}");
    let rows = "SELECT 'trades', CAST(date AS varchar), count(*), sum(quantity) FROM silver.trades \
                GROUP BY 2 UNION ALL \
                SELECT 'klines', CAST(CAST(open_time AS date) AS varchar), count(*), sum(volume) \
                FROM silver.klines GROUP BY 2 ORDER BY 1, 2";
    let whole = Lab::new(&yaml)?;
    whole.run_well()?;
    let expected = whole.lines(rows)?;
    assert_eq!(expected.len(), 60, "{expected:?}");

    let days = vec![day("2024-11-09"), day("2024-11-10")];
    exchange.set_faults(vec![Rule::always("data/spot/monthly/**", Fault::MissingDays { days })])?;
    exchange.clear_requests();
    let lab = Lab::new(&yaml)?;
    let first = lab.run_well()?;
    assert_eq!(first["units"], 2, "two months: {first}");
    let lacking = "SELECT dataset, CAST(date AS varchar), status FROM ops.coverage \
                   WHERE status <> 'available' ORDER BY 1, 2";
    assert_eq!(
        lab.lines(lacking)?,
        [
            "klines 2024-11-09 degraded",
            "klines 2024-11-10 degraded",
            "trades 2024-11-09 degraded",
            "trades 2024-11-10 degraded"
        ]
    );
    let second = lab.run_well()?;
    assert_eq!(second["fetch"], 4, "two days of each dataset: {second}");
    assert_eq!(exchange.count("data/spot/daily/**.zip"), 4);
    assert_eq!(lab.lines(rows)?, expected);
    assert_eq!(lab.lines(lacking)?, [""; 0]);
    let third = lab.run_well()?;
    assert_eq!(third["nothing_to_do"], true, "{third}");
    Ok(())
}

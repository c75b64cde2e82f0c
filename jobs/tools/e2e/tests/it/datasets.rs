//! What an exchange has of futures beside trades and klines: funding rates, quotes, open interest, and
//! bars of the mark, index and premium. From its archives to the rows of each table, which must be what
//! the sample market says, row by row and to the last digit.

use anyhow::{Result, ensure};
use e2e::lab::Lab;
use e2e::world::{World, day};
use exchange::SampleMarket;
use exchange::amount;
use exchange::faults::{Fault, Rows, Rule};
use model::schema::Table;
use model::{Dataset, Symbol, Timeframe, layout};

const SYMBOLS: &[&str] = &["usdm:BTCUSDT,trades=90", "coinm:BTCUSD_PERP,trades=60"];
const DAYS: [&str; 2] = ["2024-12-30", "2024-12-31"];
const DATASETS: &str = "funding: {}, quotes: {}, metrics: {}, \
                        mark_klines: {timeframes: [1m, 1h]}, index_klines: {timeframes: [1h]}, \
                        premium_klines: {timeframes: [1h]}";

/// An exchange with a month of funding and two days of everything, and a configuration of the two days.
fn world() -> Result<World> {
    let daily = &[
        Dataset::Trades,
        Dataset::Klines,
        Dataset::Quotes,
        Dataset::Metrics,
        Dataset::MarkKlines,
        Dataset::IndexKlines,
        Dataset::PremiumKlines,
    ];
    Ok(World::new(SYMBOLS, "2024-12-01", "2024-12-31")?.with_archives(daily, &[Dataset::Funding]))
}

fn yaml(world: &World, url: &str, datasets: &str) -> String {
    world.yaml_of(url, datasets).replace("from: 2024-12-01", "from: 2024-12-30")
}

fn exact(units: impl Into<i128>) -> String {
    let units = units.into();
    format!("{}{}", if units < 0 { "-" } else { "" }, amount::text(units.abs()))
}

/// A line for each row that `of` makes of an instrument and a day, markets in order.
fn expected<R>(
    market: &SampleMarket,
    days: &[&str],
    of: impl Fn(exchange::Market, &Symbol, model::Day) -> R,
) -> Vec<String>
where
    R: IntoIterator<Item = String>,
{
    let mut lines = Vec::new();
    for (name, symbol) in
        [(exchange::Market::Coinm, "BTCUSD_PERP"), (exchange::Market::Usdm, "BTCUSDT")]
    {
        let symbol: Symbol = symbol.parse().expect("a symbol");
        assert!(market.instrument(name, &symbol).is_ok());
        for text in days {
            let rows = of(name, &symbol, day(text)).into_iter();
            lines.extend(rows.map(|row| format!("{name} {row}")));
        }
    }
    lines
}

#[test]
fn rows_are_what_the_market_says() -> Result<()> {
    let world = world()?;
    let exchange = world.start()?;
    let market = exchange.market();
    let lab = Lab::new(&yaml(&world, exchange.url(), DATASETS))?;
    let summary = lab.run_well()?;
    ensure!(summary["rows_rejected"] == 0, "{summary}");

    let found = lab.lines(
        "SELECT market, update_id, CAST(time AS bigint), time_us, CAST(event_time AS bigint), bid_price, \
           bid_quantity, ask_price, ask_quantity, is_valid \
         FROM silver.quotes ORDER BY market, update_id",
    )?;
    let quotes = expected(market, &DAYS, |name, symbol, day| {
        let quotes = market.quotes(name, symbol, day).expect("quotes");
        let lines = quotes.map(|q| {
            let (time, event) = (q.time, q.event_time);
            let amounts = [q.bid.into(), q.bid_quantity, q.ask.into(), q.ask_quantity]
                .map(|amount: i128| exact(amount));
            format!("{} {time} {time} {event} {} true", q.id, amounts.join(" "))
        });
        lines.collect::<Vec<_>>()
    });
    assert_eq!(found, quotes);
    assert!(quotes.len() > 200, "{}", quotes.len());

    // the month's archive is taken whole
    let found = lab.lines(
        "SELECT market, CAST(time AS bigint), time_us, interval_hours, rate, month \
         FROM silver.funding ORDER BY 1, 2",
    )?;
    let month: Vec<String> = (1..=31).map(|n| format!("2024-12-{n:02}")).collect();
    let month: Vec<&str> = month.iter().map(String::as_str).collect();
    let funding = expected(market, &month, |name, symbol, day| {
        let rates = market.funding(name, symbol, day).expect("funding").into_iter();
        rates.map(|f| format!("{0} {0} {1} {2} 2024-12", f.time, f.hours, exact(f.rate)))
    });
    assert_eq!(found, funding);
    assert!(funding.iter().any(|line| line.contains(" -0.000")), "no rate is negative");

    let found = lab.lines(
        "SELECT market, date, CAST(time AS bigint), open_interest, open_interest_value, \
           top_accounts_ratio, top_positions_ratio, accounts_ratio, taker_volume_ratio, issues \
         FROM silver.metrics ORDER BY 1, 2, 3",
    )?;
    let metrics = expected(market, &DAYS, |name, symbol, day| {
        let rows = market.metrics(name, symbol, day).expect("metrics").into_iter();
        rows.map(move |m| {
            let fine = 10_i128.pow(16);
            let value = format!("{}.{:016}", m.value / fine, m.value % fine);
            let ratios = m.ratios.map(|ratio| ratio.map_or_else(String::new, exact));
            let issues = if m.ratios.contains(&None) { "blank" } else { "" };
            let interest = exact(m.interest);
            format!("{day} {} {interest}00000000 {value} {} {issues}", m.time, ratios.join(" "))
        })
    });
    assert_eq!(found, metrics);
    assert_eq!(metrics.len(), 2 * 2 * 288);
    assert!(metrics.iter().any(|line| line.ends_with("blank")), "no figure is blank");

    for (price, dataset, timeframes) in [
        ("mark", Dataset::MarkKlines, &[Timeframe::H1, Timeframe::M1][..]),
        ("index", Dataset::IndexKlines, &[Timeframe::H1]),
        ("premium", Dataset::PremiumKlines, &[Timeframe::H1]),
    ] {
        for timeframe in timeframes {
            let found = lab.lines(&format!(
                "SELECT market, symbol, CAST(open_time AS bigint), open, high, low, close, \
                   CAST(close_time AS bigint), is_valid \
                 FROM silver.price_klines WHERE price = '{price}' AND timeframe = '{timeframe}' \
                 ORDER BY 1, 3"
            ))?;
            let bars = expected(market, &DAYS, |name, symbol, day| {
                let bars = market.price_klines(name, symbol, dataset, *timeframe, day);
                let symbol = symbol.clone();
                bars.expect("bars").into_iter().map(move |bar| {
                    let prices = [bar.open, bar.high, bar.low, bar.close].map(exact);
                    let (open, close) = (bar.open_time, bar.close_time);
                    format!("{symbol} {open} {} {close} true", prices.join(" "))
                })
            });
            assert_eq!(found, bars, "{price} {timeframe}");
            assert_eq!(bars.len() % 48, 0);
        }
    }
    // every quote is of a trade's price, for they are of one market
    let only_trades = lab.lines("SELECT count(*) FROM silver.trades")?;
    assert_eq!(only_trades, ["0"]);

    let coverage = "SELECT market, dataset, timeframe, status, count(*), sum(rows), sum(missing) \
                    FROM ops.coverage GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3";
    let lines = lab.lines(coverage)?;
    let usdm: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("usdm ")).collect();
    assert_eq!(
        usdm,
        [
            "funding  available 2 6 0".to_owned(),
            "index_klines 1h available 2 48 0".to_owned(),
            "mark_klines 1h available 2 48 0".to_owned(),
            "mark_klines 1m available 2 2880 0".to_owned(),
            "metrics  available 2 576 0".to_owned(),
            "premium_klines 1h available 2 48 0".to_owned(),
            format!(
                "quotes  available 2 {} 0",
                quotes.iter().filter(|line| line.starts_with("usdm")).count()
            ),
        ]
    );
    let checks = lab.lines("SELECT DISTINCT check_name FROM ops.checks WHERE status <> 'pass'")?;
    ensure!(checks.is_empty(), "{checks:?}");

    let again = lab.run_well()?;
    ensure!(again["nothing_to_do"] == true, "{again}");
    Ok(())
}

/// Bars of what is traded stand beside them, and nothing of the other prices gets into gold.
#[test]
fn gold_knows_trades_alone() -> Result<()> {
    let world = world()?;
    let exchange = world.start()?;
    let bars = "SELECT market, symbol, timeframe, open_time, open, high, low, close, volume, made_from \
                FROM gold.bars ORDER BY 1, 2, 3, 4";
    let plain = Lab::new(&yaml(&world, exchange.url(), "trades: {}, klines: {timeframes: [1h]}"))?;
    plain.run_well()?;
    let expected = plain.lines(bars)?;
    ensure!(!expected.is_empty());
    let all = format!("trades: {{}}, klines: {{timeframes: [1h]}}, {DATASETS}");
    let lab = Lab::new(&yaml(&world, exchange.url(), &all))?;
    lab.run(&["--dataset", "trades"])?.expect_code(0)?;
    lab.run(&["--dataset", "klines"])?.expect_code(0)?;
    // a lake of a former version is one without these tables
    for table in [Table::PriceKlines, Table::Funding, Table::Quotes, Table::Metrics] {
        std::fs::remove_dir_all(lab.lake().join(layout::table(table)))?;
    }
    let there = |table: Table| lab.lake().join(layout::log(table)).exists();
    ensure!(lab.lines("SELECT count(*) FROM silver.metrics")? == ["0"]);
    lab.run_well()?;
    ensure!(there(Table::Quotes) && there(Table::Funding) && there(Table::Metrics));
    ensure!(lab.lines(bars)? == expected);
    // mark bars lie under the very names of klines, and are others
    let same = "SELECT count(*), sum(CASE WHEN m.close - k.close = 0.00000003 THEN 1 ELSE 0 END) \
                FROM silver.klines k JOIN silver.price_klines m \
                  ON m.price = 'mark' AND m.market = k.market AND m.symbol = k.symbol \
                 AND m.timeframe = k.timeframe AND m.open_time = k.open_time";
    ensure!(lab.lines(same)? == ["96 96"], "{:?}", lab.lines(same)?);
    Ok(())
}

/// What an archive lacks is told of its day, and no other.
#[test]
fn what_is_missing_is_told_of_its_day() -> Result<()> {
    let world = world()?;
    let exchange = world.start()?;
    let lacks = |path: &str, rows: &[u64]| {
        Rule::always(path, Fault::MissingRows { which: Rows::these(rows) })
    };
    exchange.set_faults(vec![
        // 08:00 of the 30th
        lacks("data/futures/um/monthly/fundingRate/BTCUSDT/*.zip", &[89]),
        lacks("data/futures/um/daily/metrics/BTCUSDT/*2024-12-31.zip", &[10, 11, 12, 200]),
        lacks("data/futures/um/daily/markPriceKlines/BTCUSDT/1h/*2024-12-30.zip", &[24]),
    ])?;
    let lab = Lab::new(&yaml(&world, exchange.url(), DATASETS))?;
    lab.run_well()?;
    let told = lab.lines(
        "SELECT market, dataset, timeframe, date, missing, reason FROM ops.coverage \
         WHERE status <> 'available' ORDER BY 1, 2, 3, 4",
    )?;
    assert_eq!(
        told,
        [
            "usdm funding  2024-12-30 1 rates missing: 1 of 3",
            "usdm mark_klines 1h 2024-12-30 1 bars missing: 1 of 24",
            "usdm metrics  2024-12-31 4 rows missing: 4 of 288",
        ]
    );
    let holes = lab.lines(
        "SELECT check_name, subject, detail FROM ops.checks \
         WHERE check_name IN ('kline_grid', 'time_grid') AND time IS NOT NULL ORDER BY 1, 2, time",
    )?;
    assert_eq!(
        holes,
        [
            "kline_grid binance/usdm/mark_klines/BTCUSDT/1h rows missing from here on: 1",
            "time_grid binance/usdm/metrics/BTCUSDT rows missing from here on: 3",
            "time_grid binance/usdm/metrics/BTCUSDT rows missing from here on: 1",
        ]
    );
    Ok(())
}

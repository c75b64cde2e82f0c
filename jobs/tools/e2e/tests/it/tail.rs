//! Data up to the minute: a day is asked for as it goes on, the next day its archive replaces what the API
//! said, and a difference that was put in on purpose is told.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use chrono::{DateTime, Utc};
use e2e::look;
use exchange::faults::{Fault, Rows, Rule};
use exchange::rest::{Rest, RestHandle, RestOptions};
use exchange::{ArchiveName, Exchange, Handle, Options, Range, SymbolSpec, amount};
use model::schema::Table;
use model::{Dataset, RunId, Timeframe};
use source::Providers;
use stage::{Clock, Context, ManualClock, Meter};
use store::Lake;
use tokio::runtime::Runtime;

use crate::stages;

/// A lake, the host of archives and the API, which tell the same market at the same time.
struct Lab {
    folder: tempfile::TempDir,
    archives: Handle,
    api: RestHandle,
    runtime: Runtime,
    /// What is asked for of a tail, and the markets of the configuration.
    wanted: [&'static str; 2],
    now: DateTime<Utc>,
    runs: u32,
}

/// Bars of a minute of one symbol.
const BARS_WANTED: [&str; 2] = [
    "klines",
    "spot:
        symbols: [BTCUSDT]
        range: {from: 2025-03-10}
        datasets: {klines: {timeframes: [1m], archives: daily}}
",
];

/// Aggregate trades of two markets.
const TRADES_WANTED: [&str; 2] = [
    "agg_trades",
    "spot:
        symbols: [BTCUSDT]
        range: {from: 2025-03-10}
        datasets: {agg_trades: {archives: daily}}
      coinm:
        symbols: [BTCUSD_PERP]
        range: {from: 2025-03-10}
        datasets: {agg_trades: {archives: daily}}
",
];

impl Lab {
    fn new(symbols: Vec<SymbolSpec>, daily: Dataset, wanted: [&'static str; 2]) -> Result<Self> {
        let range = Range {
            from: "2025-03-08".parse()?,
            to: "2025-03-12".parse()?,
            timeframes: vec![Timeframe::M1],
            daily: vec![daily],
            monthly: Vec::new(),
        };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        Ok(Self {
            folder: tempfile::tempdir()?,
            archives: Exchange::start(&Options {
                symbols: symbols.clone(),
                range,
                ..Options::default()
            })?,
            api: Rest::start(&RestOptions { symbols, ..RestOptions::default() })?,
            runtime,
            wanted,
            now: DateTime::UNIX_EPOCH,
            runs: 0,
        })
    }

    fn lake(&self) -> std::path::PathBuf {
        self.folder.path().join("lake")
    }

    fn context(&self) -> Result<Context> {
        let [datasets, markets] = self.wanted;
        let (archives, api) = (self.archives.url(), self.api.url());
        let yaml = format!(
            "environment: lab\nsources:\n  binance:\n    url: {archives}\n    tail: {{minutes: 1, \
             datasets: [{datasets}], urls: {{spot: \"{api}\", coinm: \"{api}\"}}}}\n    markets:\n      \
             {markets}"
        );
        Ok(Context {
            lake: Lake::open(self.lake().to_str().context("path")?, None)?,
            config: Arc::new(Providers::ALL.read("lake.yaml", &yaml)?),
            config_sha256: model::unit::sha256_hex(yaml.as_bytes()),
            providers: Providers::ALL,
            run: RunId::new(self.now, self.runs),
            clock: Clock::Manual(ManualClock::at(self.now)),
            meter: Meter::new("tail", false),
        })
    }

    fn run(&mut self, now: &str) -> Result<()> {
        self.runs += 1;
        self.now = now.parse()?;
        self.archives.set_now(Some(self.now));
        self.api.set_now(Some(self.now));
        let lab = &*self;
        lab.runtime.block_on(stages::run(|| lab.context(), async |_| Ok(())))
    }

    fn check(&self, table: Table, sql: &str, expect: &[impl AsRef<str>]) -> Result<()> {
        let version = self.runtime.block_on(async {
            let lake = Lake::open(self.lake().to_str().context("path")?, None)?;
            table::Tables::open(&lake).version(table).await?.context("a version")
        })?;
        let found = look::lines_as_of(&self.lake(), table, version, sql)?;
        let expect: Vec<&str> = expect.iter().map(AsRef::<str>::as_ref).collect();
        let first = found.iter().zip(&expect).position(|(found, expect)| found != expect);
        ensure!(
            found == expect,
            "{sql}: {} rows, expected {}, the first that differs {first:?}: {:#?}",
            found.len(),
            expect.len(),
            found.iter().skip(first.unwrap_or(0)).take(5).collect::<Vec<_>>()
        );
        Ok(())
    }
}

/// Of each day the minute of the last bar, the bars, and those of them that the API told.
const BARS: &str = "SELECT CAST(max(open_time) AS bigint) / 60000000 % 1440, count(*), \
                    sum(CASE WHEN issues = 'provisional' THEN 1 ELSE 0 END) \
                    FROM silver.klines GROUP BY CAST(open_time AS date) \
                    ORDER BY CAST(open_time AS date)";

#[test]
fn a_day_is_there_to_the_minute_and_its_archive_replaces_it() -> Result<()> {
    let mut lab = Lab::new(SymbolSpec::defaults(), Dataset::Klines, BARS_WANTED)?;
    lab.run("2025-03-10T12:34:00Z")?;
    lab.check(Table::Klines, BARS, &["752 753 753"])?;
    lab.check(
        Table::Coverage,
        "SELECT CAST(date AS text), status, missing FROM ops.coverage",
        &["2025-03-10 partial 0"],
    )?;
    lab.check(
        Table::Daily,
        "SELECT CAST(date AS text), made_from, is_complete FROM gold.daily",
        &["2025-03-10 klines false"],
    )?;
    // two minutes later two bars more, and nothing twice
    lab.run("2025-03-10T12:36:00Z")?;
    lab.check(Table::Klines, BARS, &["754 755 755"])?;
    lab.check(
        Table::Checks,
        "SELECT count(*) FROM ops.checks WHERE check_name = 'tail_differs'",
        &["0"],
    )?;

    // the archive says other quantities, and lacks the bar of 10:00
    let path = "data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2025-03-10.zip";
    lab.archives.set_faults(vec![
        Rule::always(path, Fault::Republished { revision: 1 }),
        Rule::always(path, Fault::MissingRows { which: Rows::these(&[601]) }),
    ])?;
    lab.run("2025-03-11T12:36:00Z")?;
    lab.check(Table::Klines, BARS, &["1439 1439 0", "754 755 755"])?;
    lab.check(
        Table::Coverage,
        "SELECT CAST(date AS text), status, missing FROM ops.coverage ORDER BY 1",
        &["2025-03-10 degraded 1", "2025-03-11 partial 0"],
    )?;
    lab.check(
        Table::Checks,
        "SELECT DISTINCT status, subject FROM ops.checks WHERE check_name = 'tail_differs'",
        &["warn binance/spot/klines/BTCUSDT/1m/2025-03-10"],
    )?;
    lab.check(
        Table::Checks,
        "SELECT count(*) > 0, sum(CASE WHEN expected <> found THEN 0 ELSE 1 END) FROM ops.checks \
         WHERE check_name = 'tail_differs' AND field = 'volume'",
        &["true 0"],
    )?;
    lab.check(
        Table::Checks,
        "SELECT CAST(time AS bigint) / 60000000 % 1440, found, expected IS NULL FROM ops.checks \
         WHERE check_name = 'tail_differs' AND detail LIKE 'not in the archive%'",
        &["600 a row true"],
    )?;
    // the ledger has what was asked for and the archive, and the archive counts
    lab.check(
        Table::Archives,
        "SELECT period, status, count(*) FROM bronze.archives GROUP BY 1, 2 ORDER BY 1, 2",
        &["2025-03-10 ok 1", "2025-03-10 unverified 2", "2025-03-11 unverified 1"],
    )
}

/// The archive of an aggregate trades' day of a market's folder and symbol.
fn trades_archive(folder: &str, symbol: &str) -> String {
    format!("data/{folder}/daily/aggTrades/{symbol}/{symbol}-aggTrades-2025-03-10.zip")
}

/// Of the trades of a day's archive before an instant what silver says of them.
fn trades(lab: &Lab, archive: &str, until: &str) -> Result<Vec<String>> {
    let name = ArchiveName::parse(archive).context("name")?;
    let text = String::from_utf8(lab.api.market().csv(&name)?)?;
    let until = until.parse::<DateTime<Utc>>()?.timestamp_micros();
    let mut rows = Vec::new();
    for line in text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())) {
        let fields: Vec<&str> = line.split(',').collect();
        let [id, price, quantity, first, last, time, maker] = fields[..7] else {
            anyhow::bail!("{line}");
        };
        let time = time.parse::<i64>()? * if time.len() == 13 { 1_000 } else { 1 };
        let fine = |text: &str| amount::parse(text).map(amount::text).context("an amount");
        let (price, quantity, maker) = (fine(price)?, fine(quantity)?, maker.to_lowercase());
        if time < until {
            rows.push(format!("{id} {price} {quantity} {first} {last} {time} {maker}"));
        }
    }
    Ok(rows)
}

fn trades_of(market: &str) -> String {
    format!(
        "SELECT agg_trade_id, price, coalesce(quantity, contracts), first_trade_id, last_trade_id, \
         time_us, is_buyer_maker FROM silver.agg_trades WHERE market = '{market}' \
         AND CAST(date AS text) = '2025-03-10' ORDER BY 1"
    )
}

#[test]
fn trades_grow_with_the_day_and_their_archive_replaces_them() -> Result<()> {
    let symbols = ["spot:BTCUSDT,trades=9000", "coinm:BTCUSD_PERP,trades=5000"];
    let symbols = symbols.map(|symbol| symbol.parse().expect(symbol)).to_vec();
    let mut lab = Lab::new(symbols, Dataset::AggTrades, TRADES_WANTED)?;
    let (spot, coinm) =
        (trades_archive("spot", "BTCUSDT"), trades_archive("futures/cm", "BTCUSD_PERP"));
    lab.run("2025-03-10T12:34:00Z")?;
    let first = trades(&lab, &spot, "2025-03-10T12:33:00Z")?;
    ensure!(first.len() > 2_000, "{} trades are no pages", first.len());
    lab.check(Table::AggTrades, &trades_of("spot"), &first)?;
    let contracts = trades(&lab, &coinm, "2025-03-10T12:33:00Z")?;
    lab.check(Table::AggTrades, &trades_of("coinm"), &contracts)?;
    lab.check(
        Table::AggTrades,
        "SELECT count(*) FROM silver.agg_trades WHERE issues <> 'provisional' OR NOT is_valid",
        &["0"],
    )?;
    lab.check(
        Table::Coverage,
        "SELECT market, CAST(date AS text), status FROM ops.coverage ORDER BY 1",
        &["coinm 2025-03-10 partial", "spot 2025-03-10 partial"],
    )?;

    // a quarter of an hour later: the last page of each again, and what comes after it
    lab.api.clear_requests();
    lab.run("2025-03-10T12:50:00Z")?;
    let asked: Vec<String> = lab.api.requests().into_iter().map(|r| r.path).collect();
    ensure!(asked.len() <= 4 && asked.iter().all(|a| a.contains("fromId=")), "{asked:#?}");
    lab.check(Table::AggTrades, &trades_of("spot"), &trades(&lab, &spot, "2025-03-10T12:49:00Z")?)?;

    // the archive of spot says other quantities, and lacks a trade
    lab.archives.set_faults(vec![
        Rule::always(&spot, Fault::Republished { revision: 1 }),
        Rule::always(&spot, Fault::MissingRows { which: Rows::these(&[601]) }),
    ])?;
    lab.run("2025-03-11T12:36:00Z")?;
    let day = "2025-03-11T00:00:00Z";
    lab.check(Table::AggTrades, &trades_of("coinm"), &trades(&lab, &coinm, day)?)?;
    lab.check(
        Table::AggTrades,
        "SELECT market, CAST(date AS text), sum(CASE WHEN issues = 'provisional' THEN 1 ELSE 0 END) > 0 \
         FROM silver.agg_trades GROUP BY 1, 2 ORDER BY 1, 2",
        &[
            "coinm 2025-03-10 false",
            "coinm 2025-03-11 true",
            "spot 2025-03-10 false",
            "spot 2025-03-11 true",
        ],
    )?;
    let lacking = first[600].split(' ').next().context("an id")?;
    lab.check(
        Table::Checks,
        "SELECT field, found, expected IS NULL FROM ops.checks \
         WHERE check_name = 'tail_differs' AND detail LIKE 'not in the archive%'",
        &[format!("{lacking} a row true")],
    )?;
    lab.check(
        Table::Checks,
        "SELECT count(*) > 0, sum(CASE WHEN expected <> found THEN 0 ELSE 1 END) FROM ops.checks \
         WHERE check_name = 'tail_differs' AND field = 'quantity'",
        &["true 0"],
    )?;
    lab.check(
        Table::Checks,
        "SELECT DISTINCT status, subject FROM ops.checks WHERE check_name = 'tail_differs' ORDER BY 1",
        &[
            "pass binance/coinm/agg_trades/BTCUSD_PERP/2025-03-10",
            "warn binance/spot/agg_trades/BTCUSDT/2025-03-10",
        ],
    )
}

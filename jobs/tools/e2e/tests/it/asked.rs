//! Two providers that are asked for bars, with keys and budgets, through the whole lake: the same share
//! and minutes from both, beside each other.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use e2e::look;
use exchange::rest::{Rest, RestHandle, RestOptions, alphavantage, twelvedata};
use model::RunId;
use model::schema::Table;
use source::Providers;
use stage::{Clock, Context, ManualClock, Meter};
use store::Lake;
use tokio::runtime::Runtime;

use crate::stages;

/// The keys of both, which are looked for in all that a run writes.
const KEYS: [&str; 2] = ["SECRET-TWELVE-0123456789", "SECRET-ALPHA-0123456789"];

/// What their symbols say.
const INSTRUMENTS: &[&str] = &[
    "alphavantage crypto BTC_USD 1970-01-01 - BTC USD USD UTC",
    "alphavantage stocks AAPL 1970-01-01 - - USD USD America/New_York",
    "twelvedata forex EURUSD 1970-01-01 - EUR USD USD America/New_York",
    "twelvedata stocks AAPL 1970-01-01 - - USD USD America/New_York",
];

/// A lake of two providers, and their servers.
pub(crate) struct Lab {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) server: RestHandle,
    pub(crate) clock: ManualClock,
    runtime: Runtime,
    runs: u32,
}

impl Lab {
    pub(crate) fn new() -> Result<Self> {
        let now: DateTime<Utc> = "2024-02-06T12:00:00Z".parse()?;
        let free = exchange::rest::Limits { second: None, minute: None, day: Some(100) };
        let options = RestOptions {
            now: Some(now),
            keys: KEYS.map(str::to_owned).to_vec(),
            twelvedata: twelvedata::Habits { limits: free, ..twelvedata::Habits::default() },
            alphavantage: alphavantage::Habits { limits: free, ..alphavantage::Habits::default() },
            ..RestOptions::default()
        };
        let folder = tempfile::tempdir()?;
        for (name, key) in [("twelvedata", KEYS[0]), ("alphavantage", KEYS[1])] {
            let path = folder.path().join(name);
            std::fs::write(&path, key)?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        }
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let clock = ManualClock::at(now);
        Ok(Self { folder, server: Rest::start(&options)?, clock, runtime, runs: 0 })
    }

    pub(crate) fn lake(&self) -> std::path::PathBuf {
        self.folder.path().join("lake")
    }

    fn yaml(&self) -> String {
        let section = |name: &str, rest: &str| {
            format!(
                "  {name}:\n    url: {}\n    key: file:{}\n    limits: {{per_day: 100, concurrency: 2}}\n    \
                 markets:\n{rest}",
                self.server.url(),
                self.folder.path().join(name).display()
            )
        };
        let market = |name: &str, symbol: &str, from: &str, timeframes: &str| {
            format!(
                "      {name}:\n        symbols: [{symbol}]\n        range: {{from: {from}}}\n        \
                 datasets: {{klines: {{timeframes: [{timeframes}]}}}}\n"
            )
        };
        "environment: lab\nsources:\n".to_owned()
            + &section(
                "twelvedata",
                &(market("stocks", "AAPL", "2024-01-01", "1m")
                    + &market("forex", "EURUSD", "2024-02-02", "1m")),
            )
            + &section(
                "alphavantage",
                &(market("stocks", "AAPL", "2024-01-01", "1m, 1d")
                    + &market("crypto", "BTC_USD", "2024-01-01", "1d")),
            )
    }

    fn context(&self, yaml: &str) -> Result<Context> {
        Ok(Context {
            lake: Lake::open(self.lake().to_str().context("path")?, None)?,
            config: Arc::new(Providers::ALL.read("lake.yaml", yaml)?),
            config_sha256: model::unit::sha256_hex(yaml.as_bytes()),
            providers: Providers::ALL,
            run: RunId::new(Clock::Manual(self.clock.clone()).now(), self.runs),
            clock: Clock::Manual(self.clock.clone()),
            meter: Meter::new("asked", false),
        })
    }

    fn run(&mut self) -> Result<()> {
        self.run_of(&self.yaml())
    }

    /// A run of a configuration.
    pub(crate) fn run_of(&mut self, yaml: &str) -> Result<()> {
        self.runs += 1;
        self.runtime.block_on(stages::run(|| self.context(yaml), async |_| Ok(())))
    }

    fn lines(&self, table: Table, sql: &str) -> Result<Vec<String>> {
        let version = self.runtime.block_on(async {
            let lake = Lake::open(self.lake().to_str().context("path")?, None)?;
            table::Tables::open(&lake).version(table).await?.context("a version")
        })?;
        look::lines_as_of(&self.lake(), table, version, sql)
    }

    pub(crate) fn check(&self, table: Table, sql: &str, expect: &[&str]) -> Result<()> {
        let found = self.lines(table, sql)?;
        ensure!(found == expect, "{sql}: {found:#?}");
        Ok(())
    }

    pub(crate) fn asked(&self) -> [u64; 2] {
        [("twelvedata", KEYS[0]), ("alphavantage", KEYS[1])]
            .map(|(provider, key)| self.server.count(provider, key).requests)
    }
}

/// Fails where a file of a folder holds a key.
pub(crate) fn no_key_in(folder: &Path) -> Result<()> {
    exchange::told::nowhere(folder, &KEYS, &[]).map(drop)
}

#[test]
fn providers_that_are_asked_meet_in_one_lake() -> Result<()> {
    let mut lab = Lab::new()?;
    lab.run()?;
    // 21 sessions in January and 3 in February, of 390 minutes; a Friday of forex, and two days of it
    lab.check(
        Table::Klines,
        "SELECT source, market, symbol, timeframe, count(*), count(volume), count(trade_count) \
         FROM silver.klines GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
        &[
            "alphavantage crypto BTC_USD 1d 36 36 0",
            "alphavantage stocks AAPL 1d 24 24 0",
            "alphavantage stocks AAPL 1m 9360 9360 0",
            "twelvedata forex EURUSD 1m 2880 0 0",
            "twelvedata stocks AAPL 1m 9360 9360 0",
        ],
    )?;
    lab.check(Table::Rejects, "SELECT count(*) FROM silver.rejects", &["0"])?;
    lab.check(
        Table::Instruments,
        "SELECT source, market, symbol, valid_from, coalesce(CAST(valid_to AS varchar), '-'), \
         coalesce(base, '-'), quote, currency, time_zone FROM silver.instruments ORDER BY 1, 2",
        INSTRUMENTS,
    )?;
    let version = |lab: &Lab| {
        lab.lines(Table::Instruments, "SELECT DISTINCT told_at FROM silver.instruments")
    };
    let told = version(&lab)?;
    ensure!(told.len() == 1, "{told:?}");
    lab.check(
        Table::Archives,
        "SELECT source, status, count(*) FROM bronze.archives GROUP BY 1, 2 ORDER BY 1, 2",
        &["alphavantage unverified 14", "twelvedata unverified 7"],
    )?;
    // the same share in the same minute, from both
    lab.check(
        Table::Klines,
        "SELECT count(*), sum(CASE WHEN a.close = b.close THEN 0 ELSE 1 END) \
         FROM silver.klines a JOIN silver.klines b ON a.open_time = b.open_time \
         AND a.symbol = b.symbol AND a.timeframe = b.timeframe \
         WHERE a.source = 'twelvedata' AND b.source = 'alphavantage' AND a.timeframe = '1m'",
        &["9360 0"],
    )?;
    no_key_in(&lab.lake())?;
    let asked = lab.asked();

    // nothing is asked again that is there
    lab.clock.advance(TimeDelta::minutes(5));
    lab.run()?;
    ensure!(version(&lab)? == told, "the same was told again as news");
    ensure!(lab.asked() == asked, "{:?} after {asked:?}", lab.asked());

    // the next day asks for what has come since, and once more for what was asked on the day of its end
    lab.clock.advance(TimeDelta::days(1));
    lab.server.set_now(Some(Clock::Manual(lab.clock.clone()).now()));
    lab.run()?;
    let more: Vec<u64> = lab.asked().iter().zip(asked).map(|(now, before)| now - before).collect();
    // days of a share cost Alpha Vantage two: all of them need a plan; what is asked for once more lies in
    // answers that were asked for
    ensure!(more == [4, 4], "{more:?}");
    let again = "SELECT count(*) FROM bronze.archives WHERE period = '2024-02-05'";
    lab.check(Table::Archives, again, &["10"])?;
    // the same bars again are no restatement, also where the answer holds more of other days
    lab.check(Table::Restatements, "SELECT count(*) FROM silver.restatements", &["0"])?;
    lab.check(
        Table::Klines,
        "SELECT source, market, timeframe, count(*) FROM silver.klines \
         WHERE open_time >= '2024-02-06T00:00:00Z' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        &[
            "alphavantage crypto 1d 1",
            "alphavantage stocks 1d 1",
            "alphavantage stocks 1m 390",
            "twelvedata forex 1m 1440",
            "twelvedata stocks 1m 390",
        ],
    )?;
    no_key_in(&lab.lake())
}

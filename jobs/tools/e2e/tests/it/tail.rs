//! Data up to the minute: a day is asked for as it goes on, the next day its archive replaces what the API
//! said, and a difference that was put in on purpose is told.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use chrono::{DateTime, Utc};
use e2e::look;
use exchange::faults::{Fault, Rows, Rule};
use exchange::rest::{Rest, RestHandle, RestOptions};
use exchange::{Exchange, Handle, Options, Range};
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
    now: DateTime<Utc>,
    runs: u32,
}

impl Lab {
    fn new() -> Result<Self> {
        let range = Range {
            from: "2025-03-08".parse()?,
            to: "2025-03-12".parse()?,
            timeframes: vec![Timeframe::M1],
            daily: vec![Dataset::Klines],
            monthly: Vec::new(),
        };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        Ok(Self {
            folder: tempfile::tempdir()?,
            archives: Exchange::start(&Options { range, ..Options::default() })?,
            api: Rest::start(&RestOptions::default())?,
            runtime,
            now: DateTime::UNIX_EPOCH,
            runs: 0,
        })
    }

    fn lake(&self) -> std::path::PathBuf {
        self.folder.path().join("lake")
    }

    fn context(&self) -> Result<Context> {
        let yaml = format!(
            "environment: lab\nsources:\n  binance:\n    url: {}\n    \
             tail: {{minutes: 1, urls: {{spot: \"{}\"}}}}\n    markets:\n      spot:\n        \
             symbols: [BTCUSDT]\n        range: {{from: 2025-03-10}}\n        \
             datasets: {{klines: {{timeframes: [1m], archives: daily}}}}\n",
            self.archives.url(),
            self.api.url()
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

    fn check(&self, table: Table, sql: &str, expect: &[&str]) -> Result<()> {
        let version = self.runtime.block_on(async {
            let lake = Lake::open(self.lake().to_str().context("path")?, None)?;
            table::Tables::open(&lake).version(table).await?.context("a version")
        })?;
        let found = look::lines_as_of(&self.lake(), table, version, sql)?;
        ensure!(found == expect, "{sql}: {found:#?}");
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
    let mut lab = Lab::new()?;
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

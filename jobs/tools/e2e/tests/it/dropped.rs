//! Files that a person drops into the lake go the whole way: none of their lines is lost, whatever units
//! they come to, and another clock makes other rows of the same bytes.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use e2e::{look, world};
use model::RunId;
use model::schema::Table;
use source::{Providers, histdata};
use stage::{Clock, Context, ManualClock, Meter};
use store::Lake;
use zip::write::SimpleFileOptions;

use crate::stages;

/// A lake with a drop folder.
struct Dropped {
    folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    clock: String,
    to: &'static str,
    datasets: &'static str,
}

impl Dropped {
    fn new(clock: &str, to: &'static str) -> Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let folder = tempfile::tempdir()?;
        std::fs::create_dir_all(folder.path().join(model::layout::drop(histdata::NAME)))?;
        let datasets = "klines: {timeframes: [1m], archives: monthly}";
        Ok(Self { folder, runtime, clock: clock.to_owned(), to, datasets })
    }

    fn lake(&self) -> Result<Lake> {
        Ok(Lake::open(self.folder.path().to_str().context("path")?, None)?)
    }

    fn context(&self, run: u32, now: &str) -> Result<Context> {
        let Self { clock, to, datasets, .. } = self;
        let year = &to[..4];
        let yaml = format!(
            "environment: lab\nsources:\n  histdata:\n    clock: [{{rule: {clock}}}]\n    markets:\n      \
             forex:\n        symbols: [EURUSD]\n        range: {{from: {year}-01-01, to: {to}}}\n        \
             datasets: {{{datasets}}}\n"
        );
        let now = now.parse()?;
        Ok(Context {
            lake: self.lake()?,
            config: Arc::new(Providers::ALL.read("lake.yaml", &yaml)?),
            config_sha256: model::unit::sha256_hex(yaml.as_bytes()),
            providers: Providers::ALL,
            run: RunId::new(now, run),
            clock: Clock::Manual(ManualClock::at(now)),
            meter: Meter::new("dropped", false),
        })
    }

    /// Drops a zip of bars and of what is told of their gaps.
    fn drop(&self, span: &str, lines: &str, report: &str) -> Result<()> {
        self.drop_of("M1", span, lines, report)
    }

    /// The same of `M1`, bars, or of `T`, ticks.
    fn drop_of(&self, kind: &str, span: &str, lines: &str, report: &str) -> Result<()> {
        let name = format!("HISTDATA_COM_ASCII_EURUSD_{kind}{span}.zip");
        let folder = self.folder.path().join(model::layout::drop(histdata::NAME));
        let mut zip = zip::ZipWriter::new(std::fs::File::create(folder.join(name))?);
        for (ending, text) in [("csv", lines), ("txt", report)] {
            let member = format!("DAT_ASCII_EURUSD_{kind}_{span}.{ending}");
            zip.start_file(member, SimpleFileOptions::default())?;
            zip.write_all(text.as_bytes())?;
        }
        zip.finish()?;
        Ok(())
    }

    fn run(&self, run: u32, now: &str) -> Result<()> {
        self.runtime.block_on(stages::run(|| self.context(run, now), async |_| Ok(())))
    }

    fn plan(&self, run: u32, now: &str) -> Result<plan::report::Report> {
        let options = plan::Options::default();
        let plan = self.runtime.block_on(plan::run(&self.context(run, now)?, &options));
        plan.map_err(|failure| failure.error)
    }

    fn lines(&self, table: Table, sql: &str) -> Result<Vec<String>> {
        let lake = self.lake()?;
        let version = self.runtime.block_on(table::Tables::open(&lake).version(table))?;
        look::lines_as_of(self.folder.path(), table, version.context("a version")?, sql)
    }

    fn check(&self, table: Table, sql: &str, expect: &[&str]) -> Result<()> {
        let found = self.lines(table, sql)?;
        ensure!(found == expect, "{sql}: {found:#?}");
        Ok(())
    }
}

/// The bars of silver: instant, open and issues.
const BARS: &str = "SELECT to_char(open_time, '%m-%dT%H:%M'), open, coalesce(issues, '-') FROM \
                    silver.klines ORDER BY open_time";
const COUNTS: &str = "SELECT sum(rows_read), sum(rows_silver), sum(rows_rejected), \
                      sum(rows_duplicate) FROM ops.builds";

#[test]
fn dropped_files_go_through_the_whole_lake() -> Result<()> {
    let mut lake = Dropped::new("UTC-5", "2024-03-31")?;
    lake.drop(
        "202401",
        "20240131 185900;1.081;1.082;1.080;1.0815;0\n\
         20240131 185900;1.081;1.082;1.080;1.0815;0\n\
         20240131 190000;1.091;1.092;1.090;1.0915;0\n\
         20240131 190100;1.091;1.092;1.090;oops;0\n",
        "",
    )?;
    lake.run(1, "2024-03-01T06:00:00Z")?;
    // of the second month there is the evening of the first
    let first =
        ["01-31T23:59 1.08100000 unverified_clock", "02-01T00:00 1.09100000 unverified_clock"];
    lake.check(Table::Klines, BARS, &first)?;
    lake.check(Table::Builds, COUNTS, &["4 2 1 1"])?;
    lake.check(
        Table::Rejects,
        "SELECT unit, line, reason, field, found, raw_text FROM silver.rejects",
        &["histdata/forex/klines/EURUSD/1m/2024-02-01 4 unreadable close oops \
           20240131 190100;1.091;1.092;1.090;oops;0"],
    )?;
    // both units of the file refer to one raw object
    lake.check(
        Table::Archives,
        "SELECT count(*), count(DISTINCT object), count(DISTINCT sha256), min(status), min(url) FROM \
         bronze.archives",
        &["2 1 1 unverified drop/histdata/HISTDATA_COM_ASCII_EURUSD_M1202401.zip"],
    )?;
    let plan = lake.plan(2, "2024-03-02T06:00:00Z")?;
    ensure!(plan.plan.batches.is_empty(), "{}", plan.text());

    // the next month comes beside what is there of it
    lake.drop("202402", "20240201 080000;1.1;1.1;1.1;1.1;0\n", "")?;
    lake.run(3, "2024-03-02T07:00:00Z")?;
    let second = [first[0], first[1], "02-01T13:00 1.10000000 unverified_clock"];
    lake.check(Table::Klines, BARS, &second)?;

    // a file that is dropped anew is a new version of all its units
    lake.drop(
        "202401",
        "20240131 185900;1.081;1.082;1.080;1.0815;0\n\
         20240131 190000;1.092;1.092;1.090;1.0915;0\n",
        "",
    )?;
    lake.run(4, "2024-03-03T07:00:00Z")?;
    let third = [second[0], "02-01T00:00 1.09200000 unverified_clock", second[2]];
    lake.check(Table::Klines, BARS, &third)?;
    lake.check(Table::Archives, "SELECT count(*) FROM bronze.archives", &["6"])?;

    // another clock fetches nothing, and makes other rows in files of other names
    let folder = lake.folder.path().to_owned();
    let before = look::files(&folder, &[Table::Klines])?;
    lake.clock = "UTC-4".to_owned();
    let plan = lake.plan(5, "2024-03-04T07:00:00Z")?;
    ensure!((plan.plan.totals.groups, plan.plan.totals.fetch) == (3, 0), "{}", plan.text());
    lake.run(5, "2024-03-04T07:00:00Z")?;
    lake.check(
        Table::Klines,
        BARS,
        &[
            "01-31T22:59 1.08100000 unverified_clock",
            "01-31T23:00 1.09200000 unverified_clock",
            "02-01T12:00 1.10000000 unverified_clock",
        ],
    )?;
    let after = look::files(&folder, &[Table::Klines])?;
    let names = |files: &look::Files| files.keys().cloned().collect::<Vec<_>>();
    let (before, after) = (names(&before[&Table::Klines]), names(&after[&Table::Klines]));
    ensure!(before.iter().all(|name| !after.contains(name)), "{before:?} {after:?}");
    let again = lake.plan(6, "2024-03-05T07:00:00Z")?;
    ensure!(again.plan.batches.is_empty(), "{}", again.text());

    // strangers are told, and what is gone from the folder stays in the lake
    let drop = folder.join(model::layout::drop(histdata::NAME));
    std::fs::remove_file(drop.join("HISTDATA_COM_ASCII_EURUSD_M1202402.zip"))?;
    std::fs::write(drop.join("HISTDATA_COM_ASCII_EURUSD_T202401.zip"), "PK")?;
    std::fs::write(drop.join("odd.txt"), "?")?;
    let plan = lake.plan(7, "2024-03-05T08:00:00Z")?;
    ensure!(plan.plan.batches.is_empty(), "{}", plan.text());
    let told = plan.warnings.join("\n");
    ensure!(told.contains("`odd.txt`") && told.contains("asks for no ticks (quotes)"), "{told}");
    Ok(())
}

#[test]
fn ticks_go_beside_bars_and_lose_no_row() -> Result<()> {
    let mut lake = Dropped::new("UTC-5", "2024-02-29")?;
    lake.datasets = "klines: {timeframes: [1m]}, quotes: {}";
    lake.drop("202401", "20240131 185900;1.081;1.082;1.080;1.0815;0\n", "")?;
    lake.drop_of(
        "T",
        "202401",
        "20240131 185959998,1.081,1.082,0\n\
         20240131 185959998,1.081,1.082,0\n\
         20240131 185959998,1.083,1.082,0\n\
         20240131 185959998,1.081,1.082,0\n\
         20240131 190000000,1.091,1.092,0\n\
         20240131 190000001,1.091,oops,0\n",
        "",
    )?;
    lake.run(1, "2024-03-01T06:00:00Z")?;
    lake.check(Table::Builds, COUNTS, &["7 5 1 1"])?;
    let quotes = "SELECT to_char(time, '%m-%dT%H:%M:%S%.3f'), bid_price, ask_price, is_valid, \
                  coalesce(issues, '-'), bid_quantity IS NULL AND update_id IS NULL FROM \
                  silver.quotes ORDER BY time, bid_price";
    let first = [
        "01-31T23:59:59.998 1.08100000 1.08200000 true unverified_clock true",
        "01-31T23:59:59.998 1.08100000 1.08200000 true unverified_clock true",
        "01-31T23:59:59.998 1.08300000 1.08200000 false crossed_quote,unverified_clock true",
        "02-01T00:00:00.000 1.09100000 1.09200000 true unverified_clock true",
    ];
    lake.check(Table::Quotes, quotes, &first)?;
    lake.check(
        Table::Rejects,
        "SELECT unit, line, field, found, raw_text FROM silver.rejects",
        &["histdata/forex/quotes/EURUSD/2024-02-01 6 ask oops 20240131 190000001,1.091,oops,0"],
    )?;
    // the next month's file and the day before its first hours are one group, of days
    lake.drop_of("T", "202402", "20240201 080000123,1.1,1.1,0\n", "")?;
    lake.run(2, "2024-03-02T07:00:00Z")?;
    let last = "02-01T13:00:00.123 1.10000000 1.10000000 true unverified_clock true";
    lake.check(Table::Quotes, quotes, &[first[0], first[1], first[2], first[3], last])?;
    let plan = lake.plan(3, "2024-03-03T06:00:00Z")?;
    ensure!(plan.plan.batches.is_empty(), "{}", plan.text());
    Ok(())
}

#[test]
fn a_file_that_is_no_zip_is_corrupt_and_one_that_goes_is_asked_for_again() -> Result<()> {
    let lake = Dropped::new("UTC-5", "2024-01-31")?;
    let path = lake.folder.path().join("drop/histdata/HISTDATA_COM_ASCII_EURUSD_M1202401.zip");
    std::fs::write(&path, "<html>")?;
    let plan = lake.plan(1, "2024-03-01T06:00:00Z")?;
    ensure!(plan.plan.totals.fetch == 1, "{}", plan.text());
    let bytes = std::fs::read(&path)?;
    std::fs::remove_file(&path)?;
    let options = || bronze::Options { batch: 1, proxy: None, time: None };
    let context = || lake.context(1, "2024-03-01T06:00:00Z");
    let failure = lake.runtime.block_on(bronze::run(&context()?, &options()));
    let error = format!("{:#}", failure.err().context("it is gone")?.error);
    ensure!(error.contains("it lies there no more"), "{error}");
    std::fs::write(&path, bytes)?;
    lake.run(1, "2024-03-01T06:00:00Z")?;
    lake.check(
        Table::Archives,
        "SELECT status, detail FROM bronze.archives",
        &["corrupt no zip: starts with [3c, 68, 74, 6d], expected `PK`"],
    )
}

#[test]
fn the_real_file_of_2019_loses_no_row() -> Result<()> {
    let Some(shared) = world::shared("data/histdata") else { return Ok(()) };
    let lake = Dropped::new("UTC-5 with the DST dates of Europe/London", "2019-12-31")?;
    let name = "HISTDATA_COM_ASCII_EURUSD_M12019.zip";
    let folder: &Path = lake.folder.path();
    let drop = folder.join(model::layout::drop(histdata::NAME)).join(name);
    std::fs::write(drop, std::fs::read(shared.join(name))?)?;
    lake.run(1, "2020-02-01T06:00:00Z")?;
    // the doubled hour is a copy: its rows are there once, flagged, and once among the duplicates
    lake.check(Table::Builds, COUNTS, &["372530 372470 0 60"])?;
    lake.check(
        Table::Klines,
        "SELECT coalesce(issues, '-'), is_valid, count(*), min(open_time), max(open_time), min(low), \
         max(high) FROM silver.klines GROUP BY coalesce(issues, '-'), is_valid ORDER BY 1",
        &[
            "- true 372410 2019-01-01T22:02:00Z 2019-12-31T21:59:00Z 1.08790000 1.15697000",
            "ambiguous_time true 60 2019-10-28T00:00:00Z 2019-10-28T00:59:00Z 1.10816000 1.10844000",
        ],
    )?;
    lake.check(
        Table::Archives,
        "SELECT count(*), count(DISTINCT object), count(DISTINCT sha256) FROM bronze.archives",
        &["12 1 1"],
    )?;
    // the hour that is lost in spring is told by the month of the line after it, 2019-04-01T00:00Z
    let told = lake.lines(
        Table::Builds,
        "SELECT group_id FROM ops.builds WHERE units LIKE '%line 90808: forward by an hour from \
         2019-03-31 18:59:00 to 2019-03-31 20:00:00%'",
    )?;
    ensure!(told == ["histdata/forex/klines/EURUSD/1m/2019-04"], "{told:?}");
    Ok(())
}

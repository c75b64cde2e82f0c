//! Real files of the public archives, from folder to SQL: every row accounted for, and the bars
//! that the exchange itself published, to the last digit.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use e2e::lab::Lab;
use e2e::world;
use exchange::{Exchange, Handle, Options, zip_csv};

/// A folder of archives made of real CSV files, and the lines that are in them.
struct Archives {
    folder: tempfile::TempDir,
    rows: usize,
}

impl Archives {
    fn new() -> Result<Self> {
        Ok(Self { folder: tempfile::tempdir()?, rows: 0 })
    }

    fn add(&mut self, csv: &Path, key: &str) -> Result<()> {
        zip_csv(self.folder.path(), csv, key)?;
        let text = std::fs::read_to_string(csv)?;
        self.rows += text.lines().filter(|l| l.starts_with(|c: char| c.is_ascii_digit())).count();
        Ok(())
    }

    fn serve(&self) -> Result<Handle> {
        let folder = Some(self.folder.path().to_owned());
        let options = Options { symbols: Vec::new(), folder, ..Options::default() };
        Ok(Exchange::start(&options)?)
    }
}

fn all_csv(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|e| Ok(e?.path())).collect::<Result<_>>()?;
    files.retain(|f| f.extension().is_some_and(|e| e == "csv"));
    files.sort();
    Ok(files)
}

fn yaml(url: &str, markets: &str) -> String {
    format!("environment: lab\nsources:\n  binance:\n    url: {url}\n    markets:\n{markets}")
}

/// Rows read, in silver, rejected, duplicate.
fn counts(lab: &Lab) -> Result<Vec<usize>> {
    let line = lab.lines(
        "SELECT sum(rows_read), sum(rows_silver), sum(rows_rejected), sum(rows_duplicate) \
         FROM ops.builds",
    )?;
    line[0].split(' ').map(|w| Ok(w.parse()?)).collect()
}

#[test]
fn every_real_kline_is_accounted_for_and_hours_give_the_published_day() -> Result<()> {
    let Some(shared) = world::shared("data/binance") else { return Ok(()) };
    let mut archives = Archives::new()?;
    for csv in all_csv(&shared.join("spot-klines-1h"))? {
        let name = csv.file_stem().and_then(|n| n.to_str()).context("name")?;
        archives.add(&csv, &format!("data/spot/monthly/klines/BTCUSDT/1h/{name}.zip"))?;
    }
    for csv in all_csv(&shared.join("usdm-klines"))? {
        let name = csv.file_stem().and_then(|n| n.to_str()).context("name")?;
        let timeframe = name.split('-').nth(1).context("timeframe")?;
        let cadence = if name.split('-').count() == 5 { "daily" } else { "monthly" };
        archives.add(
            &csv,
            &format!("data/futures/um/{cadence}/klines/BTCUSDT/{timeframe}/{name}.zip"),
        )?;
    }
    let exchange = archives.serve()?;
    let lab = Lab::new(&yaml(
        exchange.url(),
        "      spot:\n        symbols: [BTCUSDT]\n        range: {from: 2017-08-17, to: 2018-12-31}\n\
         \x20       datasets: {klines: {timeframes: [1h]}}\n\
         \x20     usdm:\n        symbols: [BTCUSDT]\n        range: {from: 2022-04-01, to: 2022-05-06}\n\
         \x20       datasets: {klines: {timeframes: [1m, 5m]}}\n",
    ))?;
    lab.run_well()?;
    let counts = counts(&lab)?;
    ensure!(counts[0] == archives.rows, "{counts:?}, lines in the files: {}", archives.rows);
    ensure!(counts[0] == counts[1] + counts[2] + counts[3], "{counts:?}");
    ensure!(counts[2] == 0 && counts[3] == 0, "the real klines are all readable: {counts:?}");

    // the oracle: the exchange's own daily row of 2017-08-17 (20 hours)
    let day = lab.lines(
        "SELECT open, high, low, close, volume, trade_count FROM gold.bars \
         WHERE market = 'spot' AND timeframe = '1d' AND CAST(open_time AS DATE) = DATE '2017-08-17'",
    )?;
    ensure!(
        day == ["4261.48000000 4485.39000000 4200.74000000 4285.08000000 795.15037700 3427"],
        "{day:?}"
    );
    // the off-grid and early-closing bars seen in these files are flagged and kept
    let issues = lab.lines(
        "SELECT issues, count(*) FROM silver.klines WHERE issues IS NOT NULL GROUP BY 1 ORDER BY 1",
    )?;
    ensure!(issues.iter().any(|l| l.contains("off_grid")), "{issues:?}");
    ensure!(issues.iter().any(|l| l.contains("early_close")), "{issues:?}");
    let invalid = lab.lines("SELECT count(*) FROM silver.klines WHERE NOT is_valid")?;
    ensure!(invalid == ["0"], "{invalid:?}");
    // the 5m bars of gold.bars come from the 5m klines, the three days from the 1m ones
    let usdm = lab.lines(
        "SELECT timeframe, count(*) FROM gold.bars WHERE market = 'usdm' \
         AND timeframe IN ('1m', '5m') GROUP BY 1 ORDER BY 1",
    )?;
    ensure!(usdm == ["1m 4320", "5m 9504"], "{usdm:?}");
    Ok(())
}

#[test]
fn the_first_171_trades_give_the_published_hour() -> Result<()> {
    let Some(shared) = world::shared("data/binance") else { return Ok(()) };
    let mut archives = Archives::new()?;
    archives.add(
        &shared.join("spot-trades/BTCUSDT-trades-2017-08-17.first-171-rows.csv"),
        "data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2017-08-17.zip",
    )?;
    archives.add(
        &shared.join("spot-klines-1h/BTCUSDT-1h-2017-08.csv"),
        "data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2017-08.zip",
    )?;
    let exchange = archives.serve()?;
    let lab = |datasets: &str| {
        Lab::new(&yaml(
            exchange.url(),
            &format!(
                "      spot:\n        symbols: [BTCUSDT]\n        range: {{from: 2017-08-17, to: \
                 2017-08-31}}\n        datasets: {{{datasets}}}\n"
            ),
        ))
    };
    let fields = "open, high, low, close, volume, quote_volume, trade_count, taker_buy_volume, \
                  taker_buy_quote_volume";
    let at = "TIMESTAMP '2017-08-17 04:00:00'";
    let bar_of = |lab: &Lab| {
        lab.lines(&format!(
            "SELECT {fields}, made_from FROM gold.bars \
             WHERE timeframe = '1h' AND CAST(open_time AS TIMESTAMP) = {at}"
        ))
    };
    let of_trades = lab("trades: {}")?;
    of_trades.run_well()?;
    let bar = bar_of(&of_trades)?;
    let both = lab("trades: {}, klines: {timeframes: [1h]}")?;
    both.run_well()?;
    let counts = counts(&both)?;
    ensure!(counts[0] == archives.rows && counts[1] == archives.rows, "{counts:?}");
    let kline = both.lines(&format!(
        "SELECT {fields} FROM silver.klines WHERE CAST(open_time AS TIMESTAMP) = {at}"
    ))?;
    ensure!(
        kline
            == ["4261.48000000 4313.62000000 4261.32000000 4308.83000000 47.18100900 \
                 202366.13839304 171 35.16050300 150952.47794304"],
        "{kline:?}"
    );
    // of the day these are the first trades only: where the klines tell of more, they are taken
    ensure!(bar_of(&both)? == [format!("{} klines", kline[0])]);
    ensure!(bar == [format!("{} trades", kline[0])], "{bar:?}");
    Ok(())
}

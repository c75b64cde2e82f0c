//! Tables that have lost something: every stage refuses them with what to type, nothing of them is
//! deleted, and `rebuild` gives back the same bytes without the source.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use e2e::lab::{Ended, Lab};
use e2e::look::{self, Files};
use e2e::world::World;
use exchange::Handle;
use exchange::faults::{Fault, Rows, Rule};
use model::layout;
use model::schema::Table;

/// A lake with rejected rows, and what is in it.
struct Sound {
    lab: Lab,
    exchange: Handle,
    files: BTreeMap<Table, Files>,
    rows: Vec<String>,
}

/// What the sample's spot market has no rows of.
const OF_OTHERS: [&Table; 8] = [
    &Table::PriceKlines,
    &Table::Funding,
    &Table::Quotes,
    &Table::Metrics,
    &Table::Fundamentals,
    &Table::LastQuotes,
    &Table::Actions,
    &Table::Spreads,
];

fn sound() -> Result<Sound> {
    let world = World::new(&["spot:BTCUSDT,trades=300"], "2024-12-31", "2025-01-01")?;
    let exchange = world.start()?;
    exchange.set_faults(vec![strays()])?;
    let lab = Lab::new(&world.yaml(exchange.url()))?;
    lab.run_well()?;
    let files = look::files(&lab.lake(), look::DERIVED)?;
    // the tables that this lake is to have; spot has nothing of the others
    let is_empty = |table: &&Table| files.get(*table).is_none_or(Files::is_empty);
    let empty: Vec<&Table> = look::DERIVED.iter().filter(is_empty).collect();
    ensure!(empty == OF_OTHERS, "these tables are empty: {empty:?}");
    let rows = rows(&lab)?;
    Ok(Sound { lab, exchange, files, rows })
}

/// A fault that has rows rejected.
fn strays() -> Rule {
    let strays = Fault::OutsidePeriod { which: Rows::these(&[8]), days: 3 };
    Rule::always("**trades**2025-01-01.zip", strays)
}

/// What the small tables must say before and after.
fn rows(lab: &Lab) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for sql in [
        "SELECT unit, url, status, etag, sha256, object, fetched_at FROM bronze.archives ORDER BY 1, 5",
        "SELECT DISTINCT group_id, inputs, units, rows_read, rows_silver, rows_rejected, files \
         FROM ops.builds ORDER BY 1, 2",
        "SELECT dataset, timeframe, date, status, rows FROM ops.coverage ORDER BY 1, 2, 3",
        "SELECT symbol, valid_from, valid_to, base, quote, listed_from, told_at, run \
         FROM silver.instruments ORDER BY 1, 2",
    ] {
        lines.extend(lab.lines(sql)?);
    }
    Ok(lines)
}

impl Sound {
    fn path(&self, key: &str) -> PathBuf {
        self.lab.lake().join(key)
    }

    /// The damage is told by a run and by maintenance, which names `expect`; and nothing is deleted.
    fn is_refused(&self, expect: &str) -> Result<()> {
        let data = count(&self.lab.lake())?;
        let run = self.lab.run(&[])?.expect_code(4)?;
        let said = run.stdout + &run.stderr;
        ensure!(said.contains(expect), "a run does not say {expect}: {said}");
        ensure!(said.contains("cargo xtask rebuild"), "a run does not say what to type: {said}");
        let maintain =
            self.lab.job("xtask", &["maintain", "--no-build", "--yes"])?.expect_code(4)?;
        ensure!(maintain.stderr.contains("nothing was deleted"), "{}", maintain.stderr);
        ensure!(count(&self.lab.lake())? == data, "data files have gone");
        Ok(())
    }

    fn rebuild(&self, args: &[&str]) -> Result<Ended> {
        let mut words = vec!["rebuild", "--no-build", "--yes"];
        words.extend(args);
        self.lab.job("xtask", &words)
    }

    /// The lake is, file for file and row for row, what it was; and there is nothing to do.
    fn is_as_before(&self) -> Result<()> {
        let files = look::files(&self.lab.lake(), look::DERIVED)?;
        ensure!(files == self.files, "{}", look::differences(&files, &self.files));
        let rows = rows(&self.lab)?;
        ensure!(rows == self.rows, "{rows:#?}\ninstead of\n{:#?}", self.rows);
        let run = self.lab.run_well()?;
        ensure!(run["nothing_to_do"] == true, "{run:#}");
        Ok(())
    }
}

fn count(lake: &Path) -> Result<usize> {
    let mut count = 0;
    let mut folders = vec![lake.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir()? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "parquet") {
                count += 1;
            }
        }
    }
    Ok(count)
}

/// The last entry of a table's log.
fn last(sound: &Sound, table: Table) -> Result<PathBuf> {
    let mut names: Vec<PathBuf> = sound
        .path(&layout::log(table))
        .read_dir()?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    names.retain(|path| path.extension().is_some_and(|e| e == "json"));
    names.sort();
    names.pop().context("a log without entries")
}

/// A live data file of a table.
fn data_file(sound: &Sound, table: Table) -> Result<PathBuf> {
    let text = std::fs::read_to_string(last(sound, table)?)?;
    let added = text.lines().find_map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(line["add"]["path"].as_str()?.to_owned())
    });
    let path = added.with_context(|| format!("the last entry of {table} adds no file"))?;
    Ok(sound.path(&layout::table(table)).join(path))
}

#[test]
fn what_a_table_has_lost_is_refused_and_made_anew() -> Result<()> {
    let sound = sound()?;
    // the source is not asked for what is held
    let silent = Fault::Status { code: 500, retry_after: None };
    sound.exchange.set_faults(vec![strays(), Rule::always("**.zip", silent)])?;
    // nothing is damaged
    let idle = sound.rebuild(&[])?.expect_code(0)?;
    ensure!(idle.stdout.contains("no log is damaged"), "{}", idle.stdout);

    // the last entry of silver.trades, emptied; its folder of logs, gone
    std::fs::write(last(&sound, Table::Trades)?, "")?;
    sound.is_refused("is empty")?;
    std::fs::remove_dir_all(sound.path(&layout::log(Table::Trades)))?;
    sound.is_refused("is gone")?;
    sound.rebuild(&[])?.expect_code(0)?;
    sound.is_as_before()?;

    // gold, and the rejects
    std::fs::remove_file(last(&sound, Table::Bars)?)?;
    std::fs::remove_file(last(&sound, Table::Rejects)?)?;
    sound.is_refused("is missing")?;
    sound.rebuild(&[])?.expect_code(0)?;
    sound.is_as_before()?;

    // the ledger
    for table in [Table::Archives, Table::Builds, Table::Coverage] {
        std::fs::remove_file(last(&sound, table)?)?;
    }
    sound.is_refused("is missing")?;
    sound.rebuild(&[])?.expect_code(0)?;
    sound.is_as_before()?;

    // every log there is
    for table in Table::ALL {
        if !OF_OTHERS.contains(&table) {
            std::fs::remove_dir_all(sound.path(&layout::log(*table)))?;
        }
    }
    sound.is_refused("is gone")?;
    sound.rebuild(&[])?.expect_code(0)?;
    sound.is_as_before()?;

    // all of gold, and nothing left to tell that it was there
    std::fs::remove_dir_all(sound.path("gold"))?;
    sound.is_refused("is gone")?;
    sound.rebuild(&[])?.expect_code(0)?;
    sound.is_as_before()?;

    // a data file of the ledger, of which a plain rebuild finds out
    std::fs::write(data_file(&sound, Table::Builds)?, "")?;
    sound.rebuild(&[])?.expect_code(0)?;
    sound.is_as_before()?;

    // what nothing else holds is gone, and told
    std::fs::write(data_file(&sound, Table::Runs)?, "")?;
    let ended = sound.rebuild(&["--table", "ops.runs"])?.expect_code(4)?;
    ensure!(ended.stdout.contains("rows that only it held are gone"), "{}", ended.stdout);
    Ok(())
}

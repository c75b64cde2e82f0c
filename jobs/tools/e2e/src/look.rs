//! A look at a lake from outside: which data files its tables hold, what is in them, and what was
//! in them before.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use model::layout;
use model::schema::Table;
use model::unit::sha256_hex;
use table::datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use table::{SessionOptions, Tables};

/// The live data files of a table: path to SHA-256 of the bytes.
pub type Files = BTreeMap<String, String>;

/// The tables whose files must be the same whenever the same archives went in.
pub const DERIVED: &[Table] = Table::DERIVED;

/// Of them, those that a lake of trades and bars may have no row of.
pub const MAY_BE_EMPTY: &[Table] = &[
    Table::PriceKlines,
    Table::Funding,
    Table::Quotes,
    Table::Metrics,
    Table::Fundamentals,
    Table::LastQuotes,
    Table::Actions,
    Table::Rejects,
    Table::Spreads,
    Table::Anomalies,
];

/// The live data files of tables, by table.
///
/// # Errors
/// When a table cannot be read or a live file is not there.
pub fn files(lake: &Path, tables: &[Table]) -> Result<BTreeMap<Table, Files>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let lake = store::Lake::open(lake.to_str().context("path")?, None)?;
        let opened = Tables::open(&lake);
        let mut all = BTreeMap::new();
        for table in tables {
            let mut files = Files::new();
            for file in opened.live_files(*table, |_| true).await? {
                let key = format!("{}/{}", layout::table(*table), file.path);
                files.insert(file.path, sha256_hex(&lake.read(&key).await?));
            }
            all.insert(*table, files);
        }
        Ok(all)
    })
}

/// What differs between the files of two lakes, a line each: those that are only in one of them,
/// or have other bytes.
pub fn differences(found: &BTreeMap<Table, Files>, expected: &BTreeMap<Table, Files>) -> String {
    let mut lines = Vec::new();
    let mut add = |sign: &str, some: &BTreeMap<Table, Files>, others: &BTreeMap<Table, Files>| {
        for (table, files) in some {
            for (path, sha256) in files {
                if others.get(table).and_then(|files| files.get(path)) != Some(sha256) {
                    lines.push(format!("{sign} {table} {path} {sha256}"));
                }
            }
        }
    };
    add("found   ", found, expected);
    add("expected", expected, found);
    lines.join("\n")
}

/// The rows that an SQL text gave when a table had an old version: a text a row, values joined by
/// a blank.
///
/// # Errors
/// When the table never had the version or the query fails.
pub fn lines_as_of(lake: &Path, table: Table, version: u64, sql: &str) -> Result<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let lake = store::Lake::open(lake.to_str().context("path")?, None)?;
        let options = SessionOptions {
            versions: BTreeMap::from([(table, version)]),
            ..SessionOptions::default()
        };
        let session = Tables::open(&lake).session(&options)?;
        let batches = session.sql(sql).await?.collect().await?;
        let format = FormatOptions::default();
        let mut lines = Vec::new();
        for batch in &batches {
            let columns = batch
                .columns()
                .iter()
                .map(|column| ArrayFormatter::try_new(column.as_ref(), &format))
                .collect::<Result<Vec<_>, _>>()?;
            for row in 0..batch.num_rows() {
                let words: Vec<_> = columns.iter().map(|c| c.value(row).to_string()).collect();
                lines.push(words.join(" "));
            }
        }
        Ok(lines)
    })
}

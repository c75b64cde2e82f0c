//! A look at a lake from outside: which data files its tables hold, and what is in them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use model::layout;
use model::schema::Table;
use model::unit::sha256_hex;

/// The live data files of a table: path to SHA-256 of the bytes.
pub type Files = BTreeMap<String, String>;

/// The live data files of tables, by table.
///
/// # Errors
/// When a table cannot be read or a live file is not there.
pub fn files(lake: &Path, tables: &[Table]) -> Result<BTreeMap<Table, Files>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let lake = store::Lake::open(lake.to_str().context("path")?, None)?;
        let opened = table::Tables::open(&lake);
        let mut all = BTreeMap::new();
        for table in tables {
            let mut files = Files::new();
            for path in opened.live_paths(*table).await? {
                let key = format!("{}/{path}", layout::table(*table));
                files.insert(path, sha256_hex(&lake.read(&key).await?));
            }
            all.insert(*table, files);
        }
        Ok(all)
    })
}

/// The tables whose files must be the same whenever the same archives went in.
pub const DERIVED: &[Table] =
    &[Table::Trades, Table::AggTrades, Table::Klines, Table::Rejects, Table::Bars, Table::Daily];

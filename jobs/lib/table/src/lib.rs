//! Delta tables: snapshots, commits and SQL over them. The only crate with deltalake; others
//! take datafusion from here (`table::datafusion`), so that there is one of it.
//!
//! A newcomer's minute:
//!
//! ```text
//! let tables = Tables::open(&lake);
//! let sql = tables.session(&SessionOptions::default())?;            // silver.trades, gold.bars …
//! let rows = sql.sql("select count(*) from silver.trades").await?.collect().await?;
//!
//! let stamp = Stamp::new(Table::Bars, &run, "gold", "what was built", now);
//! let change = Change { partitions, files, ..Change::default() };   // whole partitions
//! let outcome = tables.replace(Table::Bars, &stamp, change).await?; // one commit, or none
//! ```
//!
//! | module | what lives there |
//! |---|---|
//! | [`tables`] | opening, creating and reading the tables of a lake |
//! | [`snapshot`] | one version of a table: its live files |
//! | [`commit`] | replacing partitions: one commit, safe against other writers and repetition |
//! | [`session`] | SQL sessions |
//! | [`memory`] | how much memory they may take |
//! | [`write`] | data files of small tables from Arrow batches |
//! | [`maintain`] | checkpoints, merged files, expired log entries |
//! | [`vacuum`] | deleting data files that no reader needs any more |
//! | [`verify`] | whether data files are what was committed |
//! | [`salvage`] | small tables from the files that lie there |
//! | `submit` | one commit on exactly one version |
//! | `create` | how a table of the model is created |
//! | `evolve` | tables of a former version: columns and properties that are added |
//! | `widened` | their reading: what is not there yet is null |
//! | `stats` | file statistics as the log holds them |
//! | `figures` | the same, read |
//! | `predicate` | what a commit says it read |
//!
//! Reads and writes `<zone>/<table>/` of the lake and nothing else. It knows no runs, no
//! fragments' meaning and no sources: who may replace what is decided by its callers.

pub mod commit;
mod create;
mod error;
mod evolve;
mod figures;
pub mod maintain;
pub mod memory;
mod predicate;
pub mod salvage;
pub mod session;
pub mod snapshot;
mod stats;
mod submit;
pub mod tables;
pub mod vacuum;
pub mod verify;
mod widened;
pub mod write;

pub use commit::{Change, Outcome, Stamp};
pub use datafusion;
pub use error::TableError;
pub use figures::FileFigures;
pub use session::SessionOptions;
pub use snapshot::{LiveFile, Snapshot};
pub use tables::Tables;

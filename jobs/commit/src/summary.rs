//! What a commit did, for people and programs.

use std::fmt;

use model::RunId;
use model::schema::Table;
use serde::Serialize;
use table::Outcome;

/// A group that was not committed, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The group's id, or the id of a piece of gold.
    pub group: String,
    /// Why, in words.
    pub why: String,
}

/// What became of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableOutcome {
    /// The table.
    pub table: Table,
    /// Its version that holds the run's work.
    pub version: u64,
    /// Data files that came.
    pub added: u64,
    /// Data files that went.
    pub removed: u64,
    /// Whether a commit was made now (else there was nothing to do, or it had been made).
    pub committed: bool,
}

impl TableOutcome {
    pub(crate) const fn new(table: Table, outcome: Outcome) -> Self {
        let Outcome { version, added, removed, noop } = outcome;
        Self { table, version, added, removed, committed: !noop }
    }
}

/// The sums over the groups that a run built, from `ops.builds`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct RowSums {
    /// Groups.
    pub groups: u64,
    /// Data lines read.
    pub rows_read: u64,
    /// Rows in silver.
    pub rows_silver: u64,
    /// Lines in `silver.rejects`.
    pub rows_rejected: u64,
    /// Rows dropped because their key was there already.
    pub rows_duplicate: u64,
}

/// What a commit did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The run.
    pub run: RunId,
    /// The tables in the order of their commits.
    pub tables: Vec<TableOutcome>,
    /// Groups left out because another run knows better.
    pub skipped: Vec<Skipped>,
    /// Fragments refused because they do not add up; a commit with any fails at its end.
    pub refused: Vec<Skipped>,
    /// Archives of which the run has learnt something from their source.
    pub received: u64,
    /// Archives that the run has fetched and that silver can use.
    pub usable: u64,
    /// Symbols that gold must look at.
    pub dirty: u64,
    /// The sums over the run's groups.
    #[serde(flatten)]
    pub figures: RowSums,
    /// Version of the ledger extract; 0 for a commit of gold.
    pub ledger: u64,
}

impl Summary {
    pub(crate) fn new(run: &RunId) -> Self {
        Self {
            run: run.clone(),
            tables: Vec::new(),
            skipped: Vec::new(),
            refused: Vec::new(),
            received: 0,
            usable: 0,
            dirty: 0,
            figures: RowSums::default(),
            ledger: 0,
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "commit: run {}", self.run)?;
        for table in &self.tables {
            write!(
                f,
                "\n  {:<17} version {:<5} +{} −{} files{}",
                table.table.as_str(),
                table.version,
                table.added,
                table.removed,
                if table.committed { "" } else { " (nothing new)" }
            )?;
        }
        for group in &self.skipped {
            write!(f, "\n  left out: {}: {}", group.group, group.why)?;
        }
        if self.tables.iter().any(|table| table.table == Table::Runs) {
            let rows = &self.figures;
            write!(
                f,
                "\n  {} groups: {} rows read = {} silver + {} rejected + {} duplicates; \
                 {} symbols for gold",
                rows.groups,
                rows.rows_read,
                rows.rows_silver,
                rows.rows_rejected,
                rows.rows_duplicate,
                self.dirty
            )?;
        }
        Ok(())
    }
}

//! Parquet files: the only place of the project that writes them.
//!
//! Two doors. [`ColumnarFile`] is the hot path: slices of plain numbers go in, column by
//! column. [`write_batches`] takes Arrow batches, for small tables. Either way the bytes of a
//! file depend on its rows alone: not on how they were cut into calls, not on the machine, the
//! time or the number of threads.
//!
//! | part | what lives there |
//! |---|---|
//! | `batches` | the Arrow path, on the library's writer |
//! | `columnar` | the hot path: slices into pages, pages into row groups |
//! | `number`, `flag`, `text` | how a column of each kind encodes a page |
//! | `dictionary`, `bits` | distinct numbers; packing, runs and deltas |
//! | `chunk` | compressed pages of a column and their footer entry |
//! | `page` | page headers with checksums; the checksum of a file |
//! | `stats` | exact statistics of a file, from its footer |

mod batches;
mod bits;
mod chunk;
mod columnar;
mod dictionary;
mod flag;
mod frame;
mod number;
mod page;
mod stats;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;
use std::path::PathBuf;

use model::fragment::ColumnStats;
use model::schema::{Column, ColumnType, Table};

use crate::lake::StoreError;
use crate::staged::Staged;
pub use batches::write_batches;
pub use columnar::ColumnarFile;
pub use stats::decimal;

/// What `created_by` says in every file. Fixed, for it is part of the bytes; in the form that
/// readers of the Java family parse, for without it they trust no statistics of text.
const CREATED_BY: &str = "market-lake version 1.0.0 (build 1)";
/// Longest text of a footer's statistics, in bytes; longer ones are cut and marked inexact.
const TEXT_BYTES: usize = 256;

/// Why a Parquet file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The temporary file could not be made.
    #[error("cannot stage a file of {table}")]
    Stage {
        /// The table.
        table: Table,
        /// Why.
        source: StoreError,
    },
    /// The temporary file could not be written.
    #[error("cannot write `{}` of {table}", path.display())]
    File {
        /// The table.
        table: Table,
        /// The temporary file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The Parquet library refused.
    #[error("cannot encode a file of {table}")]
    Encode {
        /// The table.
        table: Table,
        /// Why.
        source: parquet::errors::ParquetError,
    },
    /// Rows that do not fit the table: another number of columns, another type, another
    /// length, a null where none may be, a decimal of too many digits.
    #[error("rows do not fit {table}.{column}: found {found}, expected {expected}")]
    Misfit {
        /// The table.
        table: Table,
        /// The column; `*` for all of them.
        column: &'static str,
        /// What was found.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// A file without rows; leave it away instead.
    #[error("a file of {table} has no rows, expected at least one")]
    Empty {
        /// The table.
        table: Table,
    },
}

/// The values of one column for the rows of one [`ColumnarFile::write`]. A variant's form and
/// the way rows are cut into calls leave no trace in the file.
#[derive(Debug, Clone, Copy)]
pub enum Values<'a> {
    /// Integers, for [`ColumnType::Long`].
    Long(&'a [i64]),
    /// Instants in µs since the epoch, UTC, for [`ColumnType::Timestamp`].
    Micros(&'a [i64]),
    /// Decimals in units of 1e-8, for any decimal of the schema.
    Decimal64(&'a [i64]),
    /// Decimals in units of 1e-8 that may not fit 64 bits.
    Decimal128(&'a [i128]),
    /// Decimals in units of their column's last digit, with nulls: for tables of few rows.
    Sparse(&'a [Option<i128>]),
    /// Booleans.
    Bool(&'a [bool]),
    /// Text.
    Text(&'a [Option<&'a str>]),
    /// Days since the epoch, for [`ColumnType::Date`].
    Days(&'a [Option<i32>]),
    /// No value in any row.
    Null,
    /// The same boolean in every row.
    ConstBool(bool),
    /// The same text in every row.
    ConstText(&'a str),
}

impl Values<'_> {
    /// The number of rows; `None` where it is any.
    const fn rows(&self) -> Option<usize> {
        match self {
            Self::Long(v) | Self::Micros(v) | Self::Decimal64(v) => Some(v.len()),
            Self::Decimal128(v) => Some(v.len()),
            Self::Sparse(v) => Some(v.len()),
            Self::Bool(v) => Some(v.len()),
            Self::Text(v) => Some(v.len()),
            Self::Days(v) => Some(v.len()),
            Self::Null | Self::ConstBool(_) | Self::ConstText(_) => None,
        }
    }

    /// The name of the variant, for messages.
    const fn name(&self) -> &'static str {
        match self {
            Self::Long(_) => "long",
            Self::Micros(_) => "micros",
            Self::Decimal64(_) | Self::Decimal128(_) | Self::Sparse(_) => "decimal",
            Self::Bool(_) | Self::ConstBool(_) => "boolean",
            Self::Text(_) | Self::ConstText(_) => "text",
            Self::Days(_) => "days",
            Self::Null => "null",
        }
    }

    fn fit(&self, column: &Column) -> bool {
        match self {
            Self::Long(_) => column.kind == ColumnType::Long,
            Self::Micros(_) => column.kind == ColumnType::Timestamp,
            Self::Decimal64(_) | Self::Decimal128(_) => {
                matches!(column.kind, ColumnType::Decimal(_, 8))
            }
            Self::Sparse(_) => matches!(column.kind, ColumnType::Decimal(..)),
            Self::Bool(_) | Self::ConstBool(_) => column.kind == ColumnType::Boolean,
            Self::Text(_) | Self::ConstText(_) => column.kind == ColumnType::Text,
            Self::Days(_) => column.kind == ColumnType::Date,
            Self::Null => column.nullable,
        }
    }
}

/// A file that is written and not yet published.
#[derive(Debug)]
pub struct Finished {
    /// Its bytes; [`Staged::publish`] puts them in their place.
    pub staged: Staged,
    /// Its rows, at least one.
    pub rows: u64,
    /// Exact statistics of each column.
    pub stats: BTreeMap<String, ColumnStats>,
    /// CRC-32 of its bytes.
    pub crc32: u32,
}

//! What can go wrong with the machine or with the plan. Bad data is no error: it becomes
//! rejects, issues or a corrupt unit.

use std::io;
use std::path::PathBuf;

use source::providers::UnknownSource;
use store::StoreError;
use store::parquet::WriteError;

/// Why a group could not be built.
#[derive(Debug, thiserror::Error)]
pub enum SilverError {
    /// The lake's storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A Parquet file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A raw object could not be read.
    #[error("cannot read the archive `{}`", path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Rows could not be spilled to disk or read back.
    #[error("cannot use a spill file in `{}`", folder.display())]
    Spill {
        /// The folder of spill files.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A row lies in a partition that the plan does not give to its group.
    #[error(
        "a row of group `{group}` belongs into {found}, expected one of its planned partitions"
    )]
    StrayPartition {
        /// The group.
        group: String,
        /// The partition of the row.
        found: String,
    },
    /// A unit of a source that this program does not know.
    #[error(transparent)]
    Source(#[from] UnknownSource),
    /// A unit of which the provider does not know what its lines are.
    #[error("unit `{unit}` is of a dataset or market that its source does not have")]
    NoForm {
        /// The unit.
        unit: String,
    },
    /// More units than a group can have.
    #[error("group `{group}` has {found} units, expected at most {}", u16::MAX)]
    TooManyUnits {
        /// The group.
        group: String,
        /// Their number.
        found: usize,
    },
    /// A group of units that do not belong together.
    #[error("group `{group}` holds unit `{unit}`, expected units of one series for {expected}")]
    MixedGroup {
        /// The group.
        group: String,
        /// The unit.
        unit: String,
        /// The group's table.
        expected: &'static str,
    },
    /// Rows that are neither in silver nor rejected nor duplicates: a fault of this program.
    #[error("rows of group `{group}` do not add up: {found}")]
    RowsLost {
        /// The group.
        group: String,
        /// The counts.
        found: String,
    },
    /// A thread ended without an answer.
    #[error("the worker of group `{group}` panicked")]
    Panicked {
        /// The group.
        group: String,
    },
}

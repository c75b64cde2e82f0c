//! What can go wrong with a table.

use deltalake_core::DeltaTableError;
use deltalake_core::kernel::transaction::TransactionError;
use model::exit::Exit;
use model::schema::Table;

/// What can go wrong with a table.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The table's log could not be read or written.
    #[error("cannot {action} {table}")]
    Delta {
        /// What was tried, such as `load`.
        action: &'static str,
        /// The table.
        table: Table,
        /// Why.
        source: Box<DeltaTableError>,
    },
    /// The table's log is not whole.
    #[error(transparent)]
    Damaged(store::logs::Damage),
    /// A data file is not what was committed.
    #[error(
        "`{key}` {problem}: `cargo xtask rebuild --table {table}`, with the same --env, --config and \
         --lake, makes the table anew from what the lake holds"
    )]
    Spoiled {
        /// The table.
        table: Table,
        /// The file.
        key: String,
        /// What is wrong with it, after its name.
        problem: String,
    },
    /// Other writers won again and again.
    #[error("lost the race for {table}: {attempts} attempts met other commits")]
    LostRace {
        /// The table.
        table: Table,
        /// Attempts made.
        attempts: u32,
    },
    /// A data file that does not belong where it is to go.
    #[error("{table}: file `{path}`: {problem}")]
    BadFile {
        /// The table.
        table: Table,
        /// The file, relative to the table's folder.
        path: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// A partition that the table cannot have.
    #[error("{table}: partition {partition}: {problem}")]
    BadPartition {
        /// The table.
        table: Table,
        /// The partition as `column=value/…`.
        partition: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// The table in the lake was written by a later version of the programs.
    #[error(
        "{table} has {what}, which this version does not know: a later version of market-lake \
         wrote the table; use that one or a newer one"
    )]
    LaterSchema {
        /// The table.
        table: Table,
        /// What it has.
        what: String,
    },
    /// A column of the table in the lake cannot be read as the model's.
    #[error(
        "{table}.{column} is not what this program writes: found {found}, expected {expected}; \
         make a new lake, or use the version that wrote this one"
    )]
    OtherColumn {
        /// The table.
        table: Table,
        /// The column.
        column: String,
        /// What the table says.
        found: String,
        /// What this program has.
        expected: String,
    },
    /// The table in the lake was made for another schema.
    #[error("{table} has schema {found}, expected {expected}")]
    OtherSchema {
        /// The table.
        table: Table,
        /// What the table says.
        found: String,
        /// What this program has.
        expected: String,
    },
    /// A version that the table does not have.
    #[error("{table} has no version {version}")]
    NoVersion {
        /// The table.
        table: Table,
        /// The version asked for.
        version: u64,
    },
    /// The lake's storage failed.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// A data file could not be written.
    #[error(transparent)]
    Write(#[from] store::parquet::WriteError),
    /// SQL failed.
    #[error(transparent)]
    Sql(#[from] Box<datafusion::error::DataFusionError>),
    /// Whoever works out a change failed.
    #[error("cannot work out what to change in {table}")]
    Change {
        /// The table.
        table: Table,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl TableError {
    /// Wraps an error of the library.
    pub(crate) fn delta(action: &'static str, table: Table) -> impl Fn(DeltaTableError) -> Self {
        move |source| Self::Delta { action, table, source: Box::new(source) }
    }

    /// What whoever ran the job should do next.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::LostRace { .. } => Exit::LostRace,
            Self::Damaged(_) | Self::Spoiled { .. } => Exit::DataRefused,
            _ => Exit::Failed,
        }
    }
}

impl From<store::logs::LogError> for TableError {
    fn from(error: store::logs::LogError) -> Self {
        match error {
            store::logs::LogError::Damaged(damage) => Self::Damaged(damage),
            store::logs::LogError::Store(error) => Self::Store(error),
        }
    }
}

impl From<datafusion::error::DataFusionError> for TableError {
    fn from(error: datafusion::error::DataFusionError) -> Self {
        Self::Sql(Box::new(error))
    }
}

/// Whether a commit failed only because another writer was faster.
pub(crate) const fn is_conflict(error: &DeltaTableError) -> bool {
    matches!(
        error,
        DeltaTableError::VersionAlreadyExists(_)
            | DeltaTableError::Transaction {
                source: TransactionError::MaxCommitAttempts(_)
                    | TransactionError::CommitConflict(_)
                    | TransactionError::VersionAlreadyExists(_),
            }
    )
}

//! One version of a table: its live files.

use std::fmt;
use std::sync::Arc;

use deltalake_core::kernel::{EagerSnapshot, LogicalFileView};
use deltalake_core::logstore::LogStoreRef;
use model::plan::Partition;
use model::schema::Table;

use crate::error::TableError;

/// The label of a file with the run that added it.
pub const RUN_TAG: &str = "run";

/// The label of a file with the CRC-32 of its bytes, eight hexadecimal digits.
pub const CRC_TAG: &str = "crc32";

/// One version of a table. Cheap to clone; never changes.
#[derive(Clone)]
pub struct Snapshot {
    pub(crate) table: Table,
    pub(crate) log: LogStoreRef,
    pub(crate) state: Arc<EagerSnapshot>,
    /// SHA-256 of the log entry that made it, where that was read.
    pub(crate) entry: Option<String>,
}

/// A data file of a table's version.
#[derive(Clone)]
pub struct LiveFile {
    /// Path relative to the table's folder, as in the log.
    pub path: String,
    /// Its partition.
    pub partition: Partition,
    /// Size in bytes.
    pub bytes: u64,
    /// Rows in it.
    pub rows: u64,
    view: LogicalFileView,
}

impl Snapshot {
    /// The table.
    pub const fn table(&self) -> Table {
        self.table
    }

    /// The version.
    pub fn version(&self) -> u64 {
        self.state.version()
    }

    /// The number of live files.
    pub fn files_count(&self) -> usize {
        self.state.log_data().num_files()
    }

    /// Goes through the live files, newest first, holding one at a time.
    pub fn iter(&self) -> impl Iterator<Item = LiveFile> + '_ {
        self.state.log_data().into_iter().map(LiveFile::of)
    }

    /// The live files, newest first.
    pub fn files(&self) -> Vec<LiveFile> {
        self.iter().collect()
    }

    /// The live files whose partition `wanted` says yes to.
    pub fn files_where(&self, wanted: impl Fn(&Partition) -> bool) -> Vec<LiveFile> {
        self.iter().filter(|file| wanted(&file.partition)).collect()
    }

    /// Rows in all live files, from their statistics.
    pub fn rows(&self) -> u64 {
        self.iter().map(|file| file.rows).sum()
    }

    /// A property of the table, such as `delta.constraints.valid_price`.
    pub fn property(&self, key: &str) -> Option<String> {
        self.state.metadata().configuration().get(key).cloned()
    }

    /// The writer version that the table asks for.
    pub fn min_writer_version(&self) -> i32 {
        self.state.protocol().min_writer_version()
    }

    /// The version that an application recorded last, if any.
    pub(crate) async fn transaction_version(&self, app: &str) -> Result<Option<i64>, TableError> {
        self.state
            .transaction_version(self.log.as_ref(), app)
            .await
            .map_err(TableError::delta("read the transactions of", self.table))
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at version {}", self.table, self.version())
    }
}

impl LiveFile {
    fn of(view: LogicalFileView) -> Self {
        let partition = view
            .partition_values_map()
            .into_iter()
            .map(|(column, value)| (column, value.unwrap_or_default()))
            .collect();
        Self {
            path: view.path().into_owned(),
            partition,
            bytes: u64::try_from(view.size()).unwrap_or(0),
            rows: view.num_records().map_or(0, |n| n as u64),
            view,
        }
    }

    /// The file's name, without its folders.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// When it was added, in ms since the epoch: the time of its commit's stamp.
    pub fn added_millis(&self) -> i64 {
        self.view.modification_time()
    }

    /// A label that the commit put on the file, such as `run`.
    pub fn tag(&self, key: &str) -> Option<String> {
        #[expect(deprecated, reason = "the only door to a file's tags")]
        self.view.add_action().tags?.remove(key)?
    }

    /// The CRC-32 of its bytes; `None` for files of former versions.
    pub fn crc32(&self) -> Option<u32> {
        u32::from_str_radix(&self.tag(CRC_TAG)?, 16).ok()
    }

    /// The file's statistics as the log holds them, JSON.
    pub fn stats(&self) -> Option<String> {
        self.view.stats()
    }
}

impl fmt::Debug for LiveFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} rows, {} bytes)", self.path, self.rows, self.bytes)
    }
}

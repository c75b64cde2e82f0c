//! Checkpoints, vacuum and expired log entries.
//!
//! The vacuum is our own: it deletes a file only when no version of the last seven days names
//! it *and* the file itself is older than that, so that files of commits in flight stay, even
//! those that bring back a name that was removed long ago.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use deltalake_core::DeltaTable;
use deltalake_core::protocol::checkpoints::{cleanup_metadata, create_checkpoint};
use futures::TryStreamExt as _;
use model::layout;
use model::schema::Table;

use crate::error::TableError;
use crate::tables::Tables;

/// Days for which replaced files stay. Nothing can ask for fewer.
pub const RETENTION_DAYS: i64 = 7;

/// What a vacuum deleted, or would have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Vacuumed {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Tables {
    async fn loaded(&self, table: Table) -> Result<Option<DeltaTable>, TableError> {
        let Some(snapshot) = self.snapshot(table).await? else { return Ok(None) };
        let mut loaded = DeltaTable::new(snapshot.log.clone());
        loaded.load().await.map_err(TableError::delta("load", table))?;
        Ok(Some(loaded))
    }

    /// Writes a checkpoint of the newest version, which is returned; `None` for a table that
    /// was never created.
    ///
    /// # Errors
    /// [`TableError::Delta`].
    pub async fn checkpoint(&self, table: Table) -> Result<Option<u64>, TableError> {
        let Some(loaded) = self.loaded(table).await? else { return Ok(None) };
        create_checkpoint(&loaded, None)
            .await
            .map_err(TableError::delta("write a checkpoint of", table))?;
        Ok(loaded.version())
    }

    /// Deletes log entries that are older than the table's log retention (30 days) and that no
    /// reader needs, and tells how many.
    ///
    /// # Errors
    /// [`TableError::Delta`].
    pub async fn clean_log(&self, table: Table) -> Result<u64, TableError> {
        let Some(loaded) = self.loaded(table).await? else { return Ok(0) };
        let deleted = cleanup_metadata(&loaded, None)
            .await
            .map_err(TableError::delta("clean the log of", table))?;
        Ok(deleted as u64)
    }

    /// Deletes the data files that no version of the last `days` days names and that are older
    /// than that. Fewer than [`RETENTION_DAYS`] count as so many.
    ///
    /// # Errors
    /// [`TableError::Delta`], [`TableError::Store`].
    pub async fn vacuum(
        &self,
        table: Table,
        days: i64,
        now: DateTime<Utc>,
        dry_run: bool,
    ) -> Result<Vacuumed, TableError> {
        let cutoff = now - TimeDelta::days(days.max(RETENTION_DAYS));
        // listed before the log is read: what is added meanwhile is not in the list
        let folder = format!("{}/", layout::table(table));
        let entries = self.lake.list(&folder).await?;
        let Some(loaded) = self.loaded(table).await? else { return Ok(Vacuumed::default()) };
        let load = |error| TableError::delta("load", table)(error);
        let state = loaded.snapshot().map_err(load)?;
        let mut keep: HashSet<String> =
            state.log_data().iter().map(|file| file.path().into_owned()).collect();
        let tombstones: Vec<_> =
            state.all_tombstones(loaded.log_store().as_ref()).try_collect().await.map_err(load)?;
        for tombstone in tombstones {
            if tombstone.deletion_timestamp().is_none_or(|at| at >= cutoff.timestamp_millis()) {
                keep.insert(tombstone.path().into_owned());
            }
        }
        let mut done = Vacuumed::default();
        for entry in entries {
            let Some(path) = entry.key.strip_prefix(&folder) else { continue };
            let is_data = !path.starts_with('_') && path.ends_with(".parquet");
            if !is_data || keep.contains(path) || entry.modified_micros >= cutoff.timestamp_micros()
            {
                continue;
            }
            if !dry_run {
                self.lake.delete(&entry.key).await?;
            }
            done.files += 1;
            done.bytes += entry.bytes;
        }
        Ok(done)
    }
}

//! Deleting data files that no reader needs any more.
//!
//! The vacuum is our own: it deletes a file only when no version of the last days names it *and*
//! the file itself is older than that, so that files of commits in flight stay, even those that
//! bring back a name that was removed long ago. What is to go is listed once, and looked at again
//! right before each bulk of deletions: against the newest version of the table, and at the file.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use deltalake_core::kernel::{Action, MetadataExt as _};
use deltalake_core::protocol::DeltaOperation;
use futures::{StreamExt as _, TryStreamExt as _};
use model::layout;
use model::schema::Table;
use store::lake::Entry;
use store::logs::Damage;

use crate::error::{TableError, is_conflict};
use crate::evolve;
use crate::tables::Tables;

/// Days for which replaced files stay. Nothing can ask for fewer.
pub const RETENTION_DAYS: i64 = 7;

/// Files that are deleted at once, between two looks at the table.
const BULK: usize = 250;
/// Files that are looked at side by side.
const AT_ONCE: usize = 16;
/// Attempts to change a property before the race counts as lost.
const ATTEMPTS: u32 = 40;
/// The property that says how long a checkpoint remembers files that were removed.
const DELETED_FOR: &str = "delta.deletedFileRetentionDuration";
/// The property that says how long log entries stay.
const LOG_FOR: &str = "delta.logRetentionDuration";

/// What a vacuum deleted, or would have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Vacuumed {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Files of a table that no version of the last days needs, as they were found.
#[derive(Debug)]
pub struct Unneeded {
    table: Table,
    cutoff: DateTime<Utc>,
    entries: Vec<Entry>,
}

impl Unneeded {
    /// How many there are, and how large they are together.
    pub fn total(&self) -> Vacuumed {
        let bytes = self.entries.iter().map(|entry| entry.bytes).sum();
        Vacuumed { files: self.entries.len() as u64, bytes }
    }
}

/// What the newest version, and those since a moment, name.
struct Needed {
    version: u64,
    paths: HashSet<String>,
}

impl Tables {
    /// Makes a table remember files that were removed for `days` days: checkpoints forget them
    /// after what the table's properties say. To be called before a checkpoint is written. They
    /// never say less than before.
    ///
    /// # Errors
    /// [`TableError::Delta`], [`TableError::LostRace`].
    pub async fn keep_removed(&self, table: Table, days: i64) -> Result<(), TableError> {
        for _ in 0..ATTEMPTS {
            let Some(snapshot) = self.snapshot(table).await? else { return Ok(()) };
            let mut metadata = snapshot.state.metadata().clone();
            let mut properties = std::collections::HashMap::new();
            for key in [DELETED_FOR, LOG_FOR] {
                let found = snapshot.property(key).as_deref().and_then(days_of);
                if found.is_none_or(|found| found < days) {
                    properties.insert(key.to_owned(), format!("interval {days} days"));
                }
            }
            if properties.is_empty() {
                return Ok(());
            }
            let change = || {
                for (key, value) in &properties {
                    metadata = metadata.clone().add_config_key(key.clone(), value.clone())?;
                }
                Ok(Action::Metadata(metadata))
            };
            let metadata = { change }().map_err(TableError::delta("keep files of", table))?;
            let operation = DeltaOperation::SetTableProperties { properties };
            match evolve::commit_metadata(&snapshot, metadata, operation).await {
                Ok(()) => {
                    self.record(table, self.run.as_ref()).await;
                    return Ok(());
                }
                Err(error) if is_conflict(&error) => {}
                Err(error) => return Err(TableError::delta("keep files of", table)(error)),
            }
        }
        Err(TableError::LostRace { table, attempts: ATTEMPTS })
    }

    /// Deletes the data files that no version of the last `days` days names and that are older
    /// than that. Fewer than [`RETENTION_DAYS`] count as so many.
    ///
    /// # Errors
    /// As [`Tables::unneeded`] and [`Tables::delete`].
    pub async fn vacuum(
        &self,
        table: Table,
        days: i64,
        now: DateTime<Utc>,
        dry_run: bool,
    ) -> Result<Vacuumed, TableError> {
        let unneeded = self.unneeded(table, days, now).await?;
        if dry_run { Ok(unneeded.total()) } else { self.delete(&unneeded).await }
    }

    /// The data files that no version of the last `days` days names and that are older than
    /// that. Fewer than [`RETENTION_DAYS`] count as so many. A folder that is a link is left
    /// alone with all that is in it.
    ///
    /// # Errors
    /// [`TableError::Delta`], [`TableError::Store`], [`TableError::Damaged`].
    pub async fn unneeded(
        &self,
        table: Table,
        days: i64,
        now: DateTime<Utc>,
    ) -> Result<Unneeded, TableError> {
        let cutoff = now - TimeDelta::days(days.max(RETENTION_DAYS));
        // listed before the log is read: what is added meanwhile is not in the list
        let folder = format!("{}/", layout::table(table));
        let mut entries = self.lake.list_own(&folder).await?;
        let needed = self.needed(table, cutoff, days > RETENTION_DAYS).await?;
        entries.retain(|entry| {
            let Some(path) = entry.key.strip_prefix(&folder) else { return false };
            let is_data = !path.starts_with('_') && path.ends_with(".parquet");
            is_data
                && !self.protects(path)
                && entry.modified_micros < cutoff.timestamp_micros()
                && needed.as_ref().is_some_and(|needed| !needed.paths.contains(path))
        });
        Ok(Unneeded { table, cutoff, entries })
    }

    /// Deletes files that were not needed when they were looked at, unless they are needed or
    /// have been written anew since.
    ///
    /// # Errors
    /// [`TableError::Delta`], [`TableError::Store`]; [`TableError::Damaged`] where a writer
    /// brought back a file at the moment in which it was deleted.
    pub async fn delete(&self, unneeded: &Unneeded) -> Result<Vacuumed, TableError> {
        let (table, cutoff) = (unneeded.table, unneeded.cutoff);
        let folder = format!("{}/", layout::table(table));
        let path = |entry: &Entry| entry.key.strip_prefix(&folder).unwrap_or_default().to_owned();
        let mut done = Vacuumed::default();
        let mut deleted: HashSet<String> = HashSet::new();
        let mut needed: Option<Needed> = None;
        for bulk in unneeded.entries.chunks(BULK) {
            if !self.is_newest(table, needed.as_ref()).await? {
                needed = self.needed(table, cutoff, false).await?;
            }
            let Some(needed) = &needed else { break };
            let unchanged: Vec<&Entry> = futures::stream::iter(bulk)
                .filter(|entry| futures::future::ready(!needed.paths.contains(&path(entry))))
                .map(|entry| async move {
                    let now = self.lake.head(&entry.key).await?;
                    Ok::<_, TableError>(now.is_some_and(|now| now == *entry).then_some(entry))
                })
                .buffer_unordered(AT_ONCE)
                .try_filter_map(|entry| futures::future::ready(Ok(entry)))
                .try_collect()
                .await?;
            self.lake.delete_all(unchanged.iter().map(|entry| entry.key.clone())).await?;
            for entry in unchanged {
                done.files += 1;
                done.bytes += entry.bytes;
                deleted.insert(path(entry));
            }
        }
        if !deleted.is_empty() && !self.is_newest(table, needed.as_ref()).await? {
            let live = self.live_files(table, |_| true).await?;
            if let Some(file) = live.iter().find(|file| deleted.contains(&file.path)) {
                let key = format!("{folder}{}", file.path);
                let problem = "was brought back while it was deleted".to_owned();
                return Err(TableError::Damaged(Damage { table, key, problem }));
            }
        }
        Ok(done)
    }

    async fn is_newest(&self, table: Table, needed: Option<&Needed>) -> Result<bool, TableError> {
        let Some(needed) = needed else { return Ok(false) };
        let log = self.logs.verify(table, self.run.as_ref()).await?;
        Ok(log.is_some_and(|log| log.last == needed.version))
    }

    /// What the newest version names and what was removed since `cutoff`; `None` for a table
    /// that was never made. With `entries` also what the log's entries removed since: checkpoints
    /// may have forgotten it, where the table's properties said less than is asked for now.
    async fn needed(
        &self,
        table: Table,
        cutoff: DateTime<Utc>,
        entries: bool,
    ) -> Result<Option<Needed>, TableError> {
        let Some(loaded) = self.loaded(table).await? else { return Ok(None) };
        let load = |error| TableError::delta("load", table)(error);
        let state = loaded.snapshot().map_err(load)?;
        let mut paths: HashSet<String> =
            state.log_data().iter().map(|file| file.path().into_owned()).collect();
        let log = loaded.log_store();
        let is_recent = |at: Option<i64>| at.is_none_or(|at| at >= cutoff.timestamp_millis());
        let tombstones: Vec<_> =
            state.all_tombstones(log.as_ref()).try_collect().await.map_err(load)?;
        for tombstone in tombstones {
            if is_recent(tombstone.deletion_timestamp()) {
                paths.insert(tombstone.path().into_owned());
            }
        }
        let version = state.version();
        for version in (0..=version).rev().take_while(|_| entries) {
            let Some(bytes) = log.read_commit_entry(version).await.map_err(load)? else { break };
            for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                match serde_json::from_slice::<Action>(line) {
                    Ok(Action::Remove(remove)) if is_recent(remove.deletion_timestamp) => {
                        paths.insert(remove.path);
                    }
                    _ => {}
                }
            }
        }
        Ok(Some(Needed { version, paths }))
    }
}

/// The days of an interval as we write it: `interval 7 days`. Others are not read.
fn days_of(interval: &str) -> Option<i64> {
    interval.strip_prefix("interval ")?.strip_suffix(" days")?.trim().parse().ok()
}

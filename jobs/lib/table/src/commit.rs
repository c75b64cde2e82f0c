//! Replacing partitions: one commit, safe against other writers and against repetition.
//!
//! A commit is made on exactly the version it was worked out from (compare and set): where any
//! other commit came between, the newest version is loaded, the change worked out anew and tried
//! again. So a Remove or an Add never rests on something that has passed, whatever the other
//! writer did. A transaction id in the log tells a repetition, even after an error that hid a
//! success; no hook runs between the commit and its report.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use deltalake_core::DeltaTableError;
use deltalake_core::kernel::transaction::CommitProperties;
use deltalake_core::kernel::{Action, Add, Remove, Transaction};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use model::fragment::DataFile;
use model::plan::Partition;
use model::schema::Table;
use model::{RunId, layout, unit};
use store::logs::Damage;

use crate::error::{TableError, is_conflict};
use crate::snapshot::{CRC_TAG, RUN_TAG, Snapshot};
use crate::submit::submit;
use crate::tables::Tables;
use crate::{create, predicate, stats};

/// Attempts before a race counts as lost.
const ATTEMPTS: u32 = 40;
/// Lost races in a row after which the log has not moved: then something else is in the way.
const STUCK: u32 = 3;
/// Longest wait between attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// The owner of files that maintenance merged from those of many runs.
pub(crate) const MERGED: &str = "merged";
/// Whose commit it is and of what. The same stamp commits once.
#[derive(Debug, Clone)]
pub struct Stamp {
    app: String,
    run: RunId,
    at: DateTime<Utc>,
}

impl Stamp {
    /// The stamp of a run's commit to `table` in `phase` (`silver`, `gold` …). `content` stands
    /// for what is committed: a run that has more to commit than before commits again.
    pub fn new(table: Table, run: &RunId, phase: &str, content: &str, at: DateTime<Utc>) -> Self {
        let hash = unit::short_hash(content);
        Self { app: format!("market-lake/{table}/{run}/{phase}/{hash}"), run: run.clone(), at }
    }

    /// The transaction's id in the log.
    pub fn app(&self) -> &str {
        &self.app
    }
}

/// What a commit changes. Whatever is live in `partitions`, or belongs to `owners`, and is not
/// in `files` goes; whatever is in `files` and not live comes.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Partitions whose whole content `files` is.
    pub partitions: Vec<Partition>,
    /// Owners (the ids that [`layout::data_file_name`] was called with) whose files all go,
    /// wherever they lie, but those in `files`.
    pub owners: Vec<String>,
    /// Live files, by path, whose rows `files` holds instead, not one more or less. Readers are
    /// told that no data has changed; goes with neither partitions nor owners.
    pub merged: Vec<String>,
    /// Live files, by path, that go beside those of the owners, because `files` holds what of
    /// them is to stay.
    pub gone: Vec<String>,
    /// The data files. With nothing else they are appended.
    pub files: Vec<DataFile>,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// The table's version that holds the change.
    pub version: u64,
    /// Files that came.
    pub added: u64,
    /// Files that went.
    pub removed: u64,
    /// Whether the table held the change already, so that no commit was made now.
    pub noop: bool,
}

impl Tables {
    /// Replaces partitions or owners' files: one commit, or none where the table is so already.
    /// The table is created where it is not there.
    ///
    /// # Errors
    /// [`TableError::LostRace`] when other writers won again and again; [`TableError::BadFile`]
    /// and [`TableError::BadPartition`] for a change that does not fit the table.
    pub async fn replace(
        &self,
        table: Table,
        stamp: &Stamp,
        change: Change,
    ) -> Result<Outcome, TableError> {
        self.replace_with(table, stamp, async |_| Ok(change.clone())).await
    }

    /// Adds data files; those that are live already are left alone.
    ///
    /// # Errors
    /// As [`Tables::replace`].
    pub async fn append(
        &self,
        table: Table,
        stamp: &Stamp,
        files: Vec<DataFile>,
    ) -> Result<Outcome, TableError> {
        self.replace(table, stamp, Change { files, ..Change::default() }).await
    }

    /// As [`Tables::replace`], for a change that depends on what the table holds: `change` is
    /// asked again for each version that the commit is tried on. What it reads of other tables
    /// it must load inside, after the snapshot it is given.
    ///
    /// # Errors
    /// As [`Tables::replace`], and whatever `change` fails with.
    pub async fn replace_with<F>(
        &self,
        table: Table,
        stamp: &Stamp,
        mut change: F,
    ) -> Result<Outcome, TableError>
    where
        F: AsyncFnMut(&Snapshot) -> Result<Change, TableError>,
    {
        let outcome = self.try_with(table, stamp, &mut change).await?;
        self.record(table, Some(&stamp.run)).await;
        Ok(outcome)
    }

    async fn try_with<F>(
        &self,
        table: Table,
        stamp: &Stamp,
        change: &mut F,
    ) -> Result<Outcome, TableError>
    where
        F: AsyncFnMut(&Snapshot) -> Result<Change, TableError>,
    {
        let mut snapshot = self.ensure(table).await?;
        let mut stuck = 0;
        for attempt in 1..=ATTEMPTS {
            if let Some(outcome) = repeated(&snapshot, stamp).await? {
                return Ok(outcome);
            }
            let wanted = change(&snapshot).await?;
            let Work { actions, predicate, added, removed } = Work::of(&wanted, &snapshot, stamp)?;
            if actions.is_empty() {
                let version = snapshot.version();
                return Ok(Outcome { version, added: 0, removed: 0, noop: true });
            }
            let previous = snapshot.entry.clone();
            let tally = Tally { predicate, added, removed, previous };
            let error = match commit(&snapshot, stamp, actions, tally).await {
                Ok(version) => {
                    self.checkpoint_if_due(table, version).await;
                    return Ok(Outcome { version, added, removed, noop: false });
                }
                Err(error) => error,
            };
            // whatever the error says, the commit may be there
            match self.snapshot(table).await {
                Ok(Some(now)) => {
                    stuck = if now.version() == snapshot.version() { stuck + 1 } else { 0 };
                    snapshot = now;
                }
                _ => return Err(TableError::delta("commit to", table)(error)),
            }
            if let Some(outcome) = repeated(&snapshot, stamp).await? {
                tracing::warn!(%table, %error, "the commit is there in spite of the error");
                return Ok(Outcome { noop: false, ..outcome });
            }
            let key = layout::log_entry(table, snapshot.version() + 1);
            let is_in_the_way = self.lake.is_in_the_way(&key);
            if !is_conflict(&error) && !is_in_the_way {
                return Err(TableError::delta("commit to", table)(error));
            }
            if is_in_the_way || stuck == STUCK {
                let problem = "is in the way of the next log entry and is none".to_owned();
                return Err(TableError::Damaged(Damage { table, key, problem }));
            }
            tracing::info!(%table, attempt, "another commit came first, trying again");
            tokio::time::sleep(wait(attempt)).await;
        }
        Err(TableError::LostRace { table, attempts: ATTEMPTS })
    }

    /// A checkpoint that fails costs reading time, never the commit.
    async fn checkpoint_if_due(&self, table: Table, version: u64) {
        if version > 0
            && version.is_multiple_of(create::CHECKPOINT_INTERVAL)
            && let Err(error) = self.checkpoint(table).await
        {
            tracing::warn!(%table, version, %error, "cannot write a checkpoint");
        }
    }
}

/// Between half and the whole of 10 ms × 2ⁿ, bounded.
fn wait(attempt: u32) -> Duration {
    let whole = Duration::from_millis(10).saturating_mul(1 << attempt.min(10)).min(LONGEST_WAIT);
    whole.mul_f64(0.5 + fastrand::f64() / 2.0)
}

/// What the table's log says of an earlier commit with the same stamp.
async fn repeated(snapshot: &Snapshot, stamp: &Stamp) -> Result<Option<Outcome>, TableError> {
    if snapshot.transaction_version(&stamp.app).await?.is_none() {
        return Ok(None);
    }
    let (version, added, removed) =
        find(snapshot, stamp).await.unwrap_or((snapshot.version(), 0, 0));
    Ok(Some(Outcome { version, added, removed, noop: true }))
}

/// The version, files added and files removed of the commit with a stamp, from the commits of
/// the last time; a commit that is older than that is found without its counts.
async fn find(snapshot: &Snapshot, stamp: &Stamp) -> Option<(u64, u64, u64)> {
    const BACK: u64 = 200;
    let last = snapshot.version();
    for version in (last.saturating_sub(BACK)..=last).rev() {
        let bytes = snapshot.log.read_commit_entry(version).await.ok()??;
        for line in bytes.split(|b| *b == b'\n') {
            let Ok(line) = serde_json::from_slice::<serde_json::Value>(line) else { continue };
            let info = &line["commitInfo"];
            if info["marketLake"]["app"] == stamp.app.as_str() {
                let count = |key: &str| info["operationMetrics"][key].as_u64().unwrap_or(0);
                return Some((version, count("num_added_files"), count("num_removed_files")));
            }
            if !info.is_null() {
                break;
            }
        }
    }
    None
}

/// What a commit says of itself.
struct Tally {
    predicate: Option<String>,
    added: u64,
    removed: u64,
    /// SHA-256 of the log entry before it.
    previous: Option<String>,
}

async fn commit(
    snapshot: &Snapshot,
    stamp: &Stamp,
    actions: Vec<Action>,
    tally: Tally,
) -> Result<u64, DeltaTableError> {
    let Tally { predicate, added, removed, previous } = tally;
    let schema = snapshot.table.schema();
    let mode =
        if predicate.is_some() || removed > 0 { SaveMode::Overwrite } else { SaveMode::Append };
    let operation = DeltaOperation::Write {
        mode,
        partition_by: Some(schema.partitions.iter().map(|c| (*c).to_owned()).collect()),
        predicate,
    };
    #[expect(clippy::disallowed_methods, reason = "the library forgets transactions by this clock")]
    let updated = Utc::now().timestamp_millis();
    let properties = CommitProperties::default()
        .with_application_transaction(Transaction::new_with_last_update(
            &stamp.app,
            1,
            Some(updated),
        ))
        .with_metadata([
            (
                "marketLake".to_owned(),
                serde_json::json!({"run": stamp.run, "app": stamp.app, "previous": previous}),
            ),
            (
                "operationMetrics".to_owned(),
                serde_json::json!({"num_added_files": added, "num_removed_files": removed}),
            ),
        ]);
    submit(snapshot, properties, actions, operation).await
}

/// What there is to do for a change, as the log's actions.
struct Work {
    actions: Vec<Action>,
    predicate: Option<String>,
    added: u64,
    removed: u64,
}

impl Work {
    fn of(change: &Change, snapshot: &Snapshot, stamp: &Stamp) -> Result<Self, TableError> {
        let table = snapshot.table;
        let partitions: HashSet<&Partition> = change.partitions.iter().collect();
        let owners: HashSet<String> =
            change.owners.iter().map(|owner| layout::owner_prefix(owner)).collect();
        for partition in &partitions {
            check_partition(table, partition)?;
        }
        let gone: HashSet<&str> = change.gone.iter().map(String::as_str).collect();
        let merged: HashSet<&str> = change.merged.iter().map(String::as_str).collect();
        let data_change = merged.is_empty();
        let mut files: HashMap<&str, &DataFile> = HashMap::with_capacity(change.files.len());
        for file in &change.files {
            check_file(table, file, &partitions, &owners, !gone.is_empty())?;
            if files.insert(&file.path, file).is_some_and(|other| other != file) {
                return Err(bad_file(table, file, "named twice with other content"));
            }
        }
        let millis = stamp.at.timestamp_millis();
        let mut removes = Vec::new();
        let mut touched: HashSet<Partition> = HashSet::new();
        for old in snapshot.iter() {
            match files.get(old.path.as_str()) {
                Some(new) if new.bytes == old.bytes && new.rows == old.rows => {
                    files.remove(old.path.as_str());
                }
                None if partitions.contains(&old.partition)
                    || owners.contains(owner_of(old.name()))
                    || merged.contains(old.path.as_str())
                    || gone.contains(old.path.as_str()) =>
                {
                    removes.push(Action::Remove(Remove {
                        path: old.path.clone(),
                        data_change,
                        deletion_timestamp: Some(millis),
                        extended_file_metadata: Some(true),
                        partition_values: Some(values(&old.partition)),
                        size: i64::try_from(old.bytes).ok(),
                        ..Remove::default()
                    }));
                    touched.insert(old.partition);
                }
                // to be left alone; or the same name with other bytes, and the new Add takes the
                // old one's place
                _ => {}
            }
        }
        let mut adds: Vec<&DataFile> = files.into_values().collect();
        adds.sort_by(|a, b| a.path.cmp(&b.path));
        touched.extend(adds.iter().map(|file| file.partition.clone()));
        let replaces = !partitions.is_empty() || !owners.is_empty() || !merged.is_empty();
        let predicate = if replaces {
            touched.extend(partitions.into_iter().cloned());
            predicate::covering(table.schema(), &touched)
        } else {
            None
        };
        let (added, removed) = (adds.len() as u64, removes.len() as u64);
        let mut actions = removes;
        actions
            .extend(adds.into_iter().map(|file| Action::Add(add(table, file, stamp, data_change))));
        Ok(Self { actions, predicate, added, removed })
    }
}

fn add(table: Table, file: &DataFile, stamp: &Stamp, data_change: bool) -> Add {
    let mut tags = HashMap::from([(RUN_TAG.to_owned(), Some(stamp.run.to_string()))]);
    tags.extend(file.crc32.map(|crc32| (CRC_TAG.to_owned(), Some(format!("{crc32:08x}")))));
    Add {
        path: file.path.clone(),
        partition_values: values(&file.partition),
        size: i64::try_from(file.bytes).unwrap_or(i64::MAX),
        modification_time: stamp.at.timestamp_millis(),
        data_change,
        stats: Some(stats::json(table, file)),
        tags: Some(tags),
        deletion_vector: None,
        base_row_id: None,
        default_row_commit_version: None,
        clustering_provider: None,
    }
}

fn values(partition: &Partition) -> HashMap<String, Option<String>> {
    partition.iter().map(|(column, value)| (column.clone(), Some(value.clone()))).collect()
}

/// The owner part of a data file's name, the dash included.
fn owner_of(name: &str) -> &str {
    name.find('-').map_or("", |dash| &name[..=dash])
}

fn bad_file(table: Table, file: &DataFile, problem: impl Into<String>) -> TableError {
    TableError::BadFile { table, path: file.path.clone(), problem: problem.into() }
}

fn check_partition(table: Table, partition: &Partition) -> Result<(), TableError> {
    let expected = table.schema().partitions;
    let same =
        partition.len() == expected.len() && expected.iter().all(|c| partition.contains_key(*c));
    if same {
        return Ok(());
    }
    Err(TableError::BadPartition {
        table,
        partition: partition.iter().map(|(c, v)| format!("{c}={v}")).collect::<Vec<_>>().join("/"),
        problem: format!("expected values of {}", expected.join(", ")),
    })
}

fn check_file(
    table: Table,
    file: &DataFile,
    partitions: &HashSet<&Partition>,
    owners: &HashSet<String>,
    has_rest: bool,
) -> Result<(), TableError> {
    check_partition(table, &file.partition)?;
    let pairs: Vec<_> = table
        .schema()
        .partitions
        .iter()
        .filter_map(|c| Some((*c, file.partition.get(*c)?.as_str())))
        .collect();
    let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
    let expected = layout::data_file(&pairs, name);
    if expected != file.path || name.is_empty() {
        return Err(bad_file(table, file, format!("expected to lie at `{expected}`")));
    }
    if file.rows == 0 || file.bytes == 0 {
        return Err(bad_file(table, file, "has no rows, expected at least one"));
    }
    if !partitions.is_empty() && !partitions.contains(&file.partition) {
        return Err(bad_file(
            table,
            file,
            format!("`{folder}` is none of the partitions replaced"),
        ));
    }
    let is_rest = has_rest && owner_of(name) == layout::owner_prefix(MERGED);
    if !owners.is_empty() && !is_rest && !owners.contains(owner_of(name)) {
        return Err(bad_file(table, file, "belongs to none of the owners replaced"));
    }
    Ok(())
}

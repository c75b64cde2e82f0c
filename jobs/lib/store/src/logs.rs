//! Whether the log of a table is whole. A log cannot tell that its last entry is gone, so each
//! table has a *head* beside its log, `<zone>/<table>/_head.json`: the last version that was
//! committed and what stands for its entry. It is written after the commit; so a log that is
//! ahead of its head is fine (its writer was killed in between, the next one catches up), and a
//! log behind it is damaged. Every entry names the hash of the one before it, so what the head
//! vouches for reaches back to the last checkpoint, which the head has the hash of.
//!
//! What the entries mean is not known here; that is crate `table`'s.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use model::schema::Table;
use model::unit::sha256_hex;
use model::{RunId, layout};
use object_store::ObjectStoreExt as _;
use serde::{Deserialize, Serialize};

use crate::document::json;
use crate::lake::{Entry, Lake, StoreError, location};
use crate::swap::Held;

/// How often a log is looked at before it counts as damaged: entries that expire while it is
/// looked at are none.
const LOOKS: u32 = 3;
/// How often a head is written while others write it too.
const SWAPS: u32 = 20;

/// A log that is not whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{key}` {problem}: {table} is damaged; `cargo xtask rebuild --table {table}`, with the same \
     --env, --config and --lake (`--lake s3://BUCKET/` for a deployed lake), makes it anew from \
     what the lake holds"
)]
pub struct Damage {
    /// The table.
    pub table: Table,
    /// The object that is damaged or missing.
    pub key: String,
    /// What is wrong with it, after its name.
    pub problem: String,
}

/// Why nothing can be said of a log, or nothing good.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log is not whole.
    #[error(transparent)]
    Damaged(#[from] Damage),
}

/// What a table's head says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The last version that was committed.
    pub version: u64,
    /// SHA-256 of its entry.
    pub sha256: String,
    /// The newest checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Checkpoint>,
    /// The run that makes the table anew, and has not committed it yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebuilding: Option<RunId>,
    /// Whether that run is still moving the former log out of use.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub moving: bool,
}

impl Head {
    /// The mark of a run that makes the table anew.
    fn of_rebuild(run: &RunId, moving: bool) -> Self {
        let rebuilding = Some(run.clone());
        Self { version: 0, sha256: String::new(), checkpoint: None, rebuilding, moving }
    }
}

/// A checkpoint, as a head says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Its version.
    pub version: u64,
    /// SHA-256 of its files, by name.
    pub files: BTreeMap<String, String>,
}

/// A log that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Its last version.
    pub last: u64,
    /// SHA-256 of the last entry; `None` where a checkpoint has taken its place.
    pub sha256: Option<String>,
    /// The head as it was before the log was looked at.
    head: Option<(Head, Held)>,
    checkpoint: Option<(u64, Vec<Entry>)>,
}

impl Log {
    /// The version of the newest checkpoint, where there is one.
    pub fn checkpoint(&self) -> Option<u64> {
        self.checkpoint.as_ref().map(|(version, _)| *version)
    }
}

/// What was found of an object that has been read.
#[derive(Debug, Clone)]
struct Seen {
    bytes: u64,
    modified_micros: i64,
    sha256: String,
    previous: Option<String>,
}

/// The logs of a lake's tables. Cheap to clone; remembers what it has read.
#[derive(Debug, Clone)]
pub struct Logs {
    lake: Lake,
    seen: Arc<Mutex<HashMap<String, Seen>>>,
}

/// What is read of a line of an entry.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "commitInfo")]
    info: Option<Info>,
}

#[derive(Deserialize)]
struct Info {
    #[serde(rename = "marketLake")]
    ours: Option<Ours>,
}

#[derive(Deserialize)]
struct Ours {
    #[serde(default)]
    previous: Option<String>,
}

/// What the pointer to the last checkpoint says.
#[derive(Deserialize)]
struct Pointer {
    version: u64,
}

impl Logs {
    /// The logs of `lake`. Reads nothing yet.
    pub fn new(lake: &Lake) -> Self {
        Self { lake: lake.clone(), seen: Arc::default() }
    }

    /// Looks whether the log of a table is whole; `None` where the table was never made. `by` is
    /// the run that asks: a table that is being made anew is one for nobody else.
    ///
    /// # Errors
    /// [`LogError::Damaged`], [`LogError::Store`].
    pub async fn verify(&self, table: Table, by: Option<&RunId>) -> Result<Option<Log>, LogError> {
        let mut attempt = 1;
        loop {
            match self.look(table, by).await {
                Err(LogError::Damaged(_)) if attempt < LOOKS => {}
                // it expired after it was listed
                Err(LogError::Store(error)) if attempt < LOOKS && error.is_not_found() => {}
                found => return found,
            }
            tokio::time::sleep(Duration::from_millis(20 << attempt)).await;
            attempt += 1;
        }
    }

    /// [`Logs::verify`] of all tables: what is damaged.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn damages(&self) -> Result<Vec<Damage>, StoreError> {
        let looks = Table::ALL.iter().map(|table| self.verify(*table, None));
        let mut damages = Vec::new();
        for found in futures::future::join_all(looks).await {
            match found {
                Ok(_) => {}
                Err(LogError::Damaged(damage)) => damages.push(damage),
                Err(LogError::Store(error)) => return Err(error),
            }
        }
        Ok(damages)
    }

    /// Writes a table's head as the log is now, unless the head has changed since the log was
    /// looked at: then it looks again. So a head never goes back to an older version, and the mark
    /// of a run that makes the table anew goes by that run alone.
    ///
    /// # Errors
    /// As [`Logs::verify`]; also where others wrote the head again and again.
    pub async fn record(&self, table: Table, by: Option<&RunId>) -> Result<(), LogError> {
        for attempt in 0..SWAPS {
            let Some(log) = self.verify(table, by).await? else { return Ok(()) };
            if self.record_log(table, log).await? {
                return Ok(());
            }
            pause(attempt).await;
        }
        Err(outrun(&layout::head(table)).into())
    }

    /// Whether the head says what was found of the log; not where it has changed since.
    async fn record_log(&self, table: Table, log: Log) -> Result<bool, StoreError> {
        let Some(sha256) = log.sha256 else { return Ok(true) };
        let checkpoint = match &log.checkpoint {
            None => None,
            Some((version, files)) => Some(self.checkpoint(*version, files).await?),
        };
        let head = Head { version: log.last, sha256, checkpoint, rebuilding: None, moving: false };
        let (before, held) = log.head.unzip();
        if before.as_ref() == Some(&head) {
            return Ok(true);
        }
        let key = layout::head(table);
        self.lake.swap(&key, held.as_ref(), json(&key, &head)?).await
    }

    /// What a table's head says; `None` where it has none.
    ///
    /// # Errors
    /// [`LogError`].
    pub async fn head(&self, table: Table) -> Result<Option<Head>, LogError> {
        Ok(self.held(table).await?.map(|(head, _)| head))
    }

    async fn held(&self, table: Table) -> Result<Option<(Head, Held)>, LogError> {
        let key = layout::head(table);
        let Some(held) = self.lake.hold(&key).await? else { return Ok(None) };
        let bad =
            |error| Damage { table, key, problem: format!("is no head of a table ({error})") };
        Ok(Some((serde_json::from_slice(&held.bytes).map_err(bad)?, held)))
    }

    /// Takes the log of a table out of use: it is moved to `damaged/<run>/`, and the table is one
    /// for `run` alone until that has committed it. May be killed and repeated: until all of the
    /// log is moved the head says so, and the table is damaged for `run`, too.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_aside(&self, table: Table, run: &RunId) -> Result<(), StoreError> {
        let (moving, moved) = (Head::of_rebuild(run, true), Head::of_rebuild(run, false));
        let (from, to) = (layout::log(table), layout::damaged_log(run, table));
        // first the head: from here on nobody takes the table for one that was never made
        let place = layout::head(table);
        if let Some(directory) = self.lake.directory() {
            let is_odd = |meta: std::fs::Metadata| !meta.is_file();
            if directory.join(&place).symlink_metadata().is_ok_and(is_odd) {
                self.lake.rename(&place, &format!("{to}-head"))?;
            }
        }
        self.mark(table, None, &moving).await?;
        if !self.lake.rename(&from, &to)? {
            for entry in self.lake.list(&from).await? {
                let Some(name) = entry.key.strip_prefix(&from) else { continue };
                let to = format!("{to}{name}");
                let objects = self.lake.objects();
                objects.copy(&location(&entry.key), &location(&to)).await.map_err(|source| {
                    StoreError::Object { action: "move", key: entry.key.clone(), source }
                })?;
                self.lake.delete(&entry.key).await?;
            }
        }
        self.mark(table, Some(&moving), &moved).await
    }

    /// Writes a head in turn with those who look at it before they write: whatever it says now, or
    /// only while it says `before`. What else it says then is another run's mark, which stays.
    async fn mark(
        &self,
        table: Table,
        before: Option<&Head>,
        head: &Head,
    ) -> Result<(), StoreError> {
        let key = layout::head(table);
        let before = before.map(|before| json(&key, before)).transpose()?;
        for attempt in 0..SWAPS {
            let held = self.lake.hold(&key).await?;
            if let Some(before) = &before
                && held.as_ref().is_none_or(|held| held.bytes != *before)
            {
                return Ok(());
            }
            let bytes = json(&key, head)?;
            if held.as_ref().is_some_and(|held| held.bytes == bytes)
                || self.lake.swap(&key, held.as_ref(), bytes).await?
            {
                return Ok(());
            }
            pause(attempt).await;
        }
        Err(outrun(&key))
    }

    async fn look(&self, table: Table, by: Option<&RunId>) -> Result<Option<Log>, LogError> {
        let folder = layout::log(table);
        let damage = |key: String, problem: String| Damage { table, key, problem };
        let held = self.held(table).await?;
        let head = held.as_ref().map(|(head, _)| head);
        let rebuilding = head.as_ref().and_then(|head| head.rebuilding.as_ref());
        if let Some(run) = rebuilding.filter(|run| by.is_none_or(|by| by != *run)) {
            let problem = format!("says that run {run} makes the table anew and is not done");
            return Err(damage(layout::head(table), problem).into());
        }
        // what is left of the log may look whole, and the head that knew better is gone
        if let Some(run) = rebuilding.filter(|_| head.is_some_and(|head| head.moving)) {
            let problem = format!("says that run {run} moves the log out of use and is not done");
            return Err(damage(layout::head(table), problem).into());
        }
        let pointer = self.pointer(table).await?;
        let mut entries: BTreeMap<u64, Entry> = BTreeMap::new();
        let mut checkpoints: BTreeMap<u64, Vec<Entry>> = BTreeMap::new();
        for entry in self.lake.list(&folder).await? {
            let Some(name) = entry.key.strip_prefix(&folder).and_then(|n| n.strip_prefix('/'))
            else {
                continue;
            };
            match parse_name(name) {
                Some((version, Kind::Entry)) => drop(entries.insert(version, entry)),
                Some((version, Kind::Checkpoint)) => {
                    checkpoints.entry(version).or_default().push(entry);
                }
                None => {}
            }
        }
        if let Some(version) = pointer.filter(|version| !checkpoints.contains_key(version)) {
            let problem = format!("names the checkpoint of version {version}, which is not there");
            return Err(damage(format!("{folder}/_last_checkpoint"), problem).into());
        }
        let checkpoint = checkpoints.pop_last();
        let last = entries.last_key_value().map(|(version, _)| *version);
        let Some(last) = last.max(checkpoint.as_ref().map(|(version, _)| *version)) else {
            return match &head {
                Some(head) if head.rebuilding.is_none() => {
                    let problem = format!("is gone, expected a log up to version {}", head.version);
                    Err(damage(folder, problem).into())
                }
                _ => Ok(None),
            };
        };
        let first = checkpoint.as_ref().map_or(0, |(version, _)| version + 1);
        for version in first..=last {
            if !entries.contains_key(&version) {
                let problem = format!("is missing, expected all entries from {first} to {last}");
                return Err(damage(layout::log_entry(table, version), problem).into());
            }
        }
        let trusted = head.as_ref().filter(|head| head.rebuilding.is_none());
        if let Some(head) = trusted.filter(|head| head.version > last) {
            let problem = format!(
                "is missing: version {} was committed, and the log ends with {last}",
                head.version
            );
            return Err(damage(layout::log_entry(table, head.version), problem).into());
        }
        // what lies before the checkpoint is read by nobody but time travel; the checkpoint's own
        // entry is what the next one names
        let mut hashes: BTreeMap<u64, Seen> = BTreeMap::new();
        for version in first.saturating_sub(1)..=last {
            let Some(entry) = entries.get(&version) else { continue };
            match self.entry(table, entry).await {
                Ok(seen) => drop(hashes.insert(version, seen)),
                // it expired, or does not matter
                Err(_) if version < first => {}
                Err(error) => return Err(error),
            }
        }
        for (version, seen) in &hashes {
            let before = version.checked_sub(1).and_then(|before| hashes.get(&before));
            if let (Some(before), Some(expected)) = (before, &seen.previous)
                && before.sha256 != *expected
            {
                let problem = "is not what it was when the next entry was written".to_owned();
                return Err(damage(layout::log_entry(table, version - 1), problem).into());
            }
        }
        if let (Some(head), Some(seen)) =
            (trusted, trusted.and_then(|head| hashes.get(&head.version)))
            && head.sha256 != seen.sha256
        {
            let problem = "is not what it was when it was committed".to_owned();
            return Err(damage(layout::log_entry(table, head.version), problem).into());
        }
        if let (Some((version, files)), Some(known)) =
            (&checkpoint, trusted.and_then(|head| head.checkpoint.as_ref()))
            && known.version == *version
            && self.checkpoint(*version, files).await? != *known
        {
            let key = files.first().map_or_else(|| folder.clone(), |file| file.key.clone());
            return Err(damage(key, "is not what it was when it was written".to_owned()).into());
        }
        let sha256 = hashes.remove(&last).map(|seen| seen.sha256);
        Ok(Some(Log { last, sha256, head: held, checkpoint }))
    }

    /// The version that the pointer to the last checkpoint names, where there is one.
    async fn pointer(&self, table: Table) -> Result<Option<u64>, LogError> {
        let key = format!("{}/_last_checkpoint", layout::log(table));
        let Some(bytes) = self.lake.read_if_there(&key).await? else { return Ok(None) };
        let bad = |error| Damage {
            table,
            key,
            problem: format!("is no pointer to a checkpoint ({error})"),
        };
        Ok(Some(serde_json::from_slice::<Pointer>(&bytes).map_err(bad)?.version))
    }

    async fn checkpoint(&self, version: u64, files: &[Entry]) -> Result<Checkpoint, StoreError> {
        let mut hashes = BTreeMap::new();
        for file in files {
            let name = file.key.rsplit('/').next().unwrap_or_default().to_owned();
            let seen = self.seen(file, |bytes| Ok((sha256_hex(bytes), None)));
            hashes.insert(name, seen.await?.map_or_else(|_| String::new(), |seen| seen.sha256));
        }
        Ok(Checkpoint { version, files: hashes })
    }

    /// Reads an entry, unless that was done before.
    async fn entry(&self, table: Table, entry: &Entry) -> Result<Seen, LogError> {
        let read = self.seen(entry, |bytes| Ok((sha256_hex(bytes), previous(bytes)?))).await?;
        read.map_err(|problem| Damage { table, key: entry.key.clone(), problem }.into())
    }

    async fn seen(
        &self,
        entry: &Entry,
        read: impl FnOnce(&Bytes) -> Result<(String, Option<String>), String>,
    ) -> Result<Result<Seen, String>, StoreError> {
        let (bytes, modified_micros) = (entry.bytes, entry.modified_micros);
        let known = {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.get(&entry.key).cloned()
        };
        if let Some(known) = known
            && (known.bytes, known.modified_micros) == (bytes, modified_micros)
        {
            return Ok(Ok(known));
        }
        let content = self.lake.read(&entry.key).await?;
        Ok(read(&content).map(|(sha256, previous)| {
            let seen = Seen { bytes, modified_micros, sha256, previous };
            let mut all = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            all.insert(entry.key.clone(), seen.clone());
            seen
        }))
    }
}

/// The hash of the entry before it that an entry names, where it does; or what is wrong with it.
fn previous(bytes: &Bytes) -> Result<Option<String>, String> {
    if bytes.is_empty() {
        return Err("is empty, expected an entry of a log".to_owned());
    }
    let (mut previous, mut lines) = (None, 0);
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        lines += 1;
        let line: Line = serde_json::from_slice(line).map_err(|error| {
            format!("has no JSON in line {lines} ({error}), expected an action")
        })?;
        previous = line.info.and_then(|info| info.ours?.previous).or(previous);
    }
    if lines == 0 {
        return Err("has no action in it, expected an entry of a log".to_owned());
    }
    Ok(previous)
}

enum Kind {
    Entry,
    Checkpoint,
}

/// The version and kind of a file of a log; `None` for what takes no part in it.
fn parse_name(name: &str) -> Option<(u64, Kind)> {
    let (version, rest) = name.split_at_checked(20)?;
    let version = version.bytes().all(|b| b.is_ascii_digit()).then(|| version.parse().ok())??;
    let is_checkpoint = rest.starts_with(".checkpoint") && rest.ends_with(".parquet");
    match rest {
        ".json" => Some((version, Kind::Entry)),
        _ if is_checkpoint && !rest.contains('/') => Some((version, Kind::Checkpoint)),
        _ => None,
    }
}

/// Between two attempts to write a head: other writers are few and quick.
async fn pause(attempt: u32) {
    tokio::time::sleep(Duration::from_millis(5 << attempt.min(6))).await;
}

fn outrun(key: &str) -> StoreError {
    let text = format!("others wrote it first, {SWAPS} times");
    let source = object_store::Error::Precondition { path: key.to_owned(), source: text.into() };
    StoreError::Object { action: "write", key: key.to_owned(), source }
}

#[cfg(test)]
mod tests;

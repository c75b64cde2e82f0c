//! What the ledger comes to for a unit. Units whose source is asked, tails above all, have a row more with
//! each run: of all those no more is kept than the newest ones and what is asked for, so that memory
//! grows with the units and not with the runs.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use model::fragment::ArchiveStatus;
use model::ledger::LedgerRow;
use model::{RawArchive, RunId};
use table::{Snapshot, TableError, Tables};

use crate::archives::{Entry, Verdict, each};

/// What is asked for: the SHA-256 of versions, by unit.
pub(crate) type Asked<'a> = HashMap<&'a str, HashSet<&'a str>>;

/// What `bronze.archives` says of one unit.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    /// The newest row.
    newest: Option<Arc<Entry>>,
    /// The newest row of a version that can be read by the last word on it.
    usable: Option<Arc<Entry>>,
    /// The last word on the versions that are asked for, and on those that could not be read once, by
    /// SHA-256.
    versions: HashMap<String, Arc<Entry>>,
    /// When those that are asked for were fetched last, where they could be read.
    fetched: HashMap<String, DateTime<Utc>>,
    /// How many rows say the same, where that is told: see [`History::row`].
    tries: HashMap<Verdict, u32>,
    /// What rows of the run itself say: status and SHA-256.
    own: HashSet<(ArchiveStatus, Option<String>)>,
}

impl History {
    /// Takes a row: those of versions that cannot be used come first.
    fn add(&mut self, entry: Entry, run: &RunId, is_asked: bool) {
        let entry = Arc::new(entry);
        let is_later =
            |than: Option<&Arc<Entry>>| than.is_none_or(|than| than.order() < entry.order());
        let is_usable = entry.status.is_usable();
        if let Some(sha256) = &entry.sha256 {
            let word = self.versions.get(sha256);
            if is_usable && is_later(word) && is_later(self.usable.as_ref()) {
                self.usable = Some(Arc::clone(&entry));
            }
            if is_later(word) && (is_asked || !is_usable || word.is_some()) {
                self.versions.insert(sha256.clone(), Arc::clone(&entry));
            }
            if is_usable && is_asked {
                let at = self.fetched.entry(sha256.clone()).or_insert(entry.fetched_at);
                *at = entry.fetched_at.max(*at);
            }
        }
        // what a source answers is another version each time, and no try
        if !(is_usable && entry.is_answer()) {
            let tries = self.tries.entry(entry.verdict()).or_default();
            *tries = tries.saturating_add(1);
        }
        if entry.run == run.as_str() {
            self.own.insert((entry.status, entry.sha256.clone()));
        }
        if is_later(self.newest.as_ref()) {
            self.newest = Some(entry);
        }
    }

    /// The raw object of the last readable version, where the newest row's is not that.
    fn fallback(&self) -> Option<RawArchive> {
        self.newest.as_ref().filter(|newest| !newest.status.is_usable())?;
        self.usable.as_ref()?.raw()
    }

    /// Whether it holds what `entry` says: in a row of the run itself, or in the newest one.
    pub(crate) fn says(&self, entry: &Entry) -> bool {
        self.own.contains(&(entry.status, entry.sha256.clone()))
            || self.newest.as_ref().is_some_and(|newest| entry.adds_nothing_to(newest))
    }

    /// The last word on the bytes with this SHA-256, which are asked for.
    pub(crate) fn version(&self, sha256: &str) -> Option<&Entry> {
        self.versions.get(sha256).map(Arc::as_ref)
    }

    /// What the extract says of the unit. Tries are those of what failed, or nothing could verify.
    pub(crate) fn row(&self) -> Option<LedgerRow> {
        let newest = self.newest.as_ref()?;
        let tries = self.tries.get(&newest.verdict()).copied().unwrap_or_default();
        Some(LedgerRow {
            status: newest.status,
            archive: newest.raw(),
            tries: if newest.status == ArchiveStatus::Ok { 0 } else { tries },
            checksum_refused: newest.is_checksum_refused(),
            usable: self.fallback(),
            etag: newest.etag.clone(),
            last_modified: newest.last_modified,
            published_sha256: newest.published_sha256.clone(),
            checksum_modified: newest.checksum_modified,
            fetched_at: newest.fetched_at,
        })
    }

    /// Whether the bytes with this SHA-256 cannot be read any more, by the last word on them.
    pub(crate) fn is_spoiled(&self, sha256: &str) -> bool {
        self.versions.get(sha256).is_some_and(|version| !version.status.is_usable())
    }

    /// A version other than `sha256`, which is asked for, that was fetched later and can be read still:
    /// its SHA-256.
    pub(crate) fn newer_than(&self, sha256: &str) -> Option<&str> {
        let mine = *self.fetched.get(sha256)?;
        let newest = self.usable.as_ref().filter(|newest| newest.fetched_at > mine)?;
        newest.sha256.as_deref().filter(|newest| *newest != sha256)
    }
}

/// What a version of `bronze.archives` says of the units that are asked for, and of these versions of
/// them; of all units, where `all`.
pub(crate) async fn histories(
    tables: &Tables,
    snapshot: &Snapshot,
    run: &RunId,
    asked: &Asked<'_>,
    all: bool,
) -> Result<HashMap<String, History>, TableError> {
    let mut histories: HashMap<String, History> = HashMap::new();
    each(tables, snapshot, |id, entry| {
        let versions = asked.get(id);
        if !all && versions.is_none() {
            return;
        }
        let is_asked = entry
            .sha256
            .as_deref()
            .is_some_and(|sha256| versions.is_some_and(|asked| asked.contains(sha256)));
        // most rows are of units that are known already
        match histories.get_mut(id) {
            Some(history) => history.add(entry, run, is_asked),
            None => histories.entry(id.to_owned()).or_default().add(entry, run, is_asked),
        }
    })
    .await?;
    Ok(histories)
}

#[cfg(test)]
mod tests;

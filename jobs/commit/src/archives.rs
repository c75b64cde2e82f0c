//! `bronze.archives`: its rows, read and written. What they come to for a unit is said in
//! [`crate::history`], what a run adds to them in [`crate::ledger`].

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use model::fragment::{ANSWERS, ArchiveStatus, BronzeFragment, CHECKSUM_REFUSED, DataFile};
use model::ledger::LedgerRow;
use model::plan::Partition;
use model::schema::Table;
use model::{RawArchive, RunId, Source, Unit};
use table::datafusion::arrow::array::RecordBatch;
use table::{Snapshot, TableError, Tables};

use crate::gather::Gathered;
use crate::rows::{self, Cell, Reader};

/// Status, ETag and published checksum of a row.
pub(crate) type Verdict = (ArchiveStatus, Option<String>, Option<String>);

/// One row of `bronze.archives`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    url: String,
    pub(crate) status: ArchiveStatus,
    detail: Option<String>,
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<DateTime<Utc>>,
    pub(crate) published_sha256: Option<String>,
    pub(crate) checksum_modified: Option<DateTime<Utc>>,
    pub(crate) sha256: Option<String>,
    bytes: Option<u64>,
    object: Option<String>,
    pub(crate) fetched_at: DateTime<Utc>,
    pub(crate) run: String,
}

impl Entry {
    /// What silver found counts: an archive that it could not read is corrupt.
    pub(crate) fn of(fragment: &BronzeFragment, gathered: &Gathered) -> Self {
        let run = &gathered.plan.run;
        let entry = Self::fetched(fragment, run);
        let sha256 = entry.sha256.clone().filter(|_| entry.status.is_usable());
        let why = sha256.and_then(|sha256| gathered.unreadable.get(&(fragment.unit.id(), sha256)));
        match why {
            Some(why) => entry.spoiled(why, run),
            None => entry,
        }
    }

    /// What a run's bronze says, whatever silver made of it.
    pub(crate) fn fetched(fragment: &BronzeFragment, run: &RunId) -> Self {
        let archive = fragment.archive.as_ref();
        Self {
            url: fragment.url.clone(),
            status: fragment.status,
            detail: fragment.detail.clone(),
            etag: fragment.etag.clone(),
            last_modified: fragment.last_modified,
            published_sha256: fragment.published_sha256.clone(),
            checksum_modified: fragment.checksum_modified,
            sha256: archive.map(|a| a.sha256.clone()),
            bytes: archive.map(|a| a.bytes),
            object: archive.map(|a| a.object.clone()),
            fetched_at: fragment.fetched_at,
            run: run.to_string(),
        }
    }

    /// What the extract says: the newest version, and the last readable one.
    pub(crate) fn of_row(row: &LedgerRow, url: &str, run: &RunId) -> Vec<Self> {
        let entry = |status, archive: Option<&RawArchive>| Self {
            url: url.to_owned(),
            status,
            detail: None,
            etag: row.etag.clone(),
            last_modified: row.last_modified,
            published_sha256: row.published_sha256.clone(),
            checksum_modified: row.checksum_modified,
            sha256: archive.map(|a| a.sha256.clone()),
            bytes: archive.map(|a| a.bytes),
            object: archive.map(|a| a.object.clone()),
            fetched_at: archive.map_or(row.fetched_at, |a| a.fetched_at),
            run: run.to_string(),
        };
        let usable = row.usable.as_ref().map(|usable| entry(ArchiveStatus::Ok, Some(usable)));
        std::iter::once(entry(row.status, row.archive.as_ref())).chain(usable).collect()
    }

    /// The same bytes, found to be of no use.
    pub(crate) fn spoiled(self, why: &str, run: &RunId) -> Self {
        let (detail, run) = (Some(why.to_owned()), run.to_string());
        Self { status: ArchiveStatus::Corrupt, detail, run, ..self }
    }

    /// The raw object, where there is one.
    pub(crate) fn raw(&self) -> Option<RawArchive> {
        Some(RawArchive {
            object: self.object.clone()?,
            sha256: self.sha256.clone()?,
            bytes: self.bytes?,
            fetched_at: self.fetched_at,
        })
    }

    /// Whether nothing verified it because its checksum file was refused.
    pub(crate) fn is_checksum_refused(&self) -> bool {
        self.status == ArchiveStatus::Unverified
            && self.detail.as_ref().is_some_and(|detail| detail.starts_with(CHECKSUM_REFUSED))
    }

    /// Whether it is of a source that is asked: an answer, or a tail.
    pub(crate) fn is_answer(&self) -> bool {
        self.etag.as_ref().is_some_and(|etag| etag.starts_with(ANSWERS))
    }

    /// Whether it is of a source that is asked, and that was asked later than of another row: when it was
    /// asked last decides when it is asked again.
    fn is_asked_after(&self, other: &Self) -> bool {
        self.is_answer() && self.fetched_at > other.fetched_at
    }

    /// What its tries are counted by: each row of a version that says the same is one.
    pub(crate) fn verdict(&self) -> Verdict {
        (self.status, self.etag.clone(), self.published_sha256.clone())
    }

    /// Whether it says nothing that `newest` does not say. What was asked for once more in vain
    /// says just that: it is asked for a bounded number of times.
    pub(crate) fn adds_nothing_to(&self, newest: &Self) -> bool {
        self.sha256.is_some()
            && self.status != ArchiveStatus::ChecksumMismatch
            && !self.is_checksum_refused()
            && !self.is_asked_after(newest)
            && self.sha256 == newest.sha256
            && self.status == newest.status
            && self.etag == newest.etag
            && self.last_modified == newest.last_modified
            && self.published_sha256 == newest.published_sha256
            // else a checksum file that was touched would be fetched again by every run
            && self.checksum_modified == newest.checksum_modified
    }

    /// The newest row of a unit is the one fetched last; a later verdict on the same bytes wins.
    pub(crate) fn order(&self) -> (DateTime<Utc>, &str, bool) {
        (self.fetched_at, &self.run, !self.status.is_usable())
    }

    fn cells(&self, unit: &Unit) -> Vec<Cell> {
        vec![
            unit.id().as_str().into(),
            unit.market.as_str().into(),
            unit.dataset.as_str().into(),
            unit.symbol.as_str().into(),
            unit.timeframe.map(model::Timeframe::as_str).into(),
            unit.period.to_string().as_str().into(),
            self.url.as_str().into(),
            self.status.as_str().into(),
            self.detail.as_deref().into(),
            self.etag.as_deref().into(),
            Cell::Micros(self.last_modified.map(|at| at.timestamp_micros())),
            self.published_sha256.as_deref().into(),
            self.sha256.as_deref().into(),
            Cell::Long(self.bytes.and_then(|bytes| i64::try_from(bytes).ok())),
            self.object.as_deref().into(),
            self.fetched_at.into(),
            self.run.as_str().into(),
            Cell::Micros(self.checksum_modified.map(|at| at.timestamp_micros())),
        ]
    }
}

/// Goes through the rows of a version of `bronze.archives`, those of archives that cannot be used first:
/// who keeps but the newest that can needs to know which were spoiled.
pub(crate) async fn each(
    tables: &Tables,
    snapshot: &Snapshot,
    mut take: impl FnMut(&str, Entry),
) -> Result<(), TableError> {
    let columns = "unit, url, status, detail, etag, last_modified, published_sha256, sha256, \
                   bytes, object, fetched_at, run, checksum_modified";
    let usable: Vec<String> = ArchiveStatus::ALL
        .iter()
        .filter(|status| status.is_usable())
        .map(|status| format!("'{status}'"))
        .collect();
    let usable = usable.join(", ");
    let session = rows::session(tables, snapshot).await?;
    for is in ["NOT IN", "IN"] {
        let sql = format!("SELECT {columns} FROM ledger WHERE status {is} ({usable})");
        let mut stream = session.sql(&sql).await?.execute_stream().await?;
        while let Some(batch) = stream.try_next().await? {
            read(&batch, &mut take)?;
        }
    }
    Ok(())
}

/// Goes through the rows of a batch.
fn read(batch: &RecordBatch, take: &mut impl FnMut(&str, Entry)) -> Result<(), TableError> {
    let table = Table::Archives;
    let bad = |what: &'static str, found: &str| TableError::Change {
        table,
        source: format!("a row has the {what} `{found}`").into(),
    };
    let reader = Reader { table, batch };
    let texts = ["unit", "url", "status", "detail", "etag", "published_sha256", "sha256"];
    let [unit, url, status, detail, etag, published, sha256] = texts.map(|name| reader.text(name));
    let (unit, url, status, detail) = (unit?, url?, status?, detail?);
    let (etag, published, sha256) = (etag?, published?, sha256?);
    let (object, of_run) = (reader.text("object")?, reader.text("run")?);
    let (modified, fetched) = (reader.micros("last_modified")?, reader.micros("fetched_at")?);
    let checksum = reader.micros("checksum_modified")?;
    let bytes = reader.long("bytes")?;
    let own = |text: Option<&str>| text.map(str::to_owned);
    for row in 0..batch.num_rows() {
        let id = unit(row).unwrap_or_default();
        let word = status(row).unwrap_or_default();
        let entry = Entry {
            url: own(url(row)).unwrap_or_default(),
            status: word.parse().map_err(|_| bad("status", word))?,
            detail: own(detail(row)),
            etag: own(etag(row)),
            last_modified: modified(row).and_then(DateTime::from_timestamp_micros),
            published_sha256: own(published(row)),
            checksum_modified: checksum(row).and_then(DateTime::from_timestamp_micros),
            sha256: own(sha256(row)),
            bytes: bytes(row).and_then(|n| u64::try_from(n).ok()),
            object: own(object(row)),
            fetched_at: fetched(row).and_then(DateTime::from_timestamp_micros).unwrap_or_default(),
            run: own(of_run(row)).unwrap_or_default(),
        };
        take(id, entry);
    }
    Ok(())
}

/// All rows of `bronze.archives`, with their units.
pub(crate) async fn rows(tables: &Tables) -> Result<Vec<(String, Entry)>, TableError> {
    let Some(snapshot) = tables.snapshot(Table::Archives).await? else { return Ok(Vec::new()) };
    let mut rows = Vec::new();
    each(tables, &snapshot, |id, entry| rows.push((id.to_owned(), entry))).await?;
    Ok(rows)
}

/// The newest row of each unit and SHA-256.
pub(crate) fn last_words(rows: &[(String, Entry)]) -> HashMap<(&str, &str), &Entry> {
    let mut last: HashMap<(&str, &str), &Entry> = HashMap::new();
    for (unit, entry) in rows {
        let Some(sha256) = &entry.sha256 else { continue };
        let of = last.entry((unit, sha256)).or_insert(entry);
        if of.order() < entry.order() {
            *of = entry;
        }
    }
    last
}

/// One data file a source.
pub(crate) async fn write<'a>(
    tables: &Tables,
    run: &RunId,
    entries: impl Iterator<Item = (&'a str, &'a Entry)>,
) -> Result<Vec<DataFile>, TableError> {
    let table = Table::Archives;
    let mut files = Vec::new();
    for (partition, (batch, content)) in batches(entries)? {
        files.extend(tables.write(table, &partition, [batch], run.as_str(), &content, 0).await?);
    }
    Ok(files)
}

/// Entries as rows, with a text that stands for them, by partition.
pub(crate) fn batches<'a>(
    entries: impl Iterator<Item = (&'a str, &'a Entry)>,
) -> Result<BTreeMap<Partition, (RecordBatch, String)>, TableError> {
    let table = Table::Archives;
    let mut by_source: BTreeMap<Source, (Vec<Vec<Cell>>, String)> = BTreeMap::new();
    for (id, entry) in entries {
        let unit: Unit =
            id.parse().map_err(|error| TableError::Change { table, source: Box::new(error) })?;
        let (rows, content) = by_source.entry(unit.source).or_default();
        rows.push(entry.cells(&unit));
        let _ = writeln!(content, "{entry:?}");
    }
    let mut batches = BTreeMap::new();
    for (source, (rows, content)) in by_source {
        let partition = Partition::from([("source".to_owned(), source.to_string())]);
        batches.insert(partition, (rows::batch(table, &rows)?, content));
    }
    Ok(batches)
}

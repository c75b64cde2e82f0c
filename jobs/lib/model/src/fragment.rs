//! What a worker did: small JSON files that `commit` gathers. A worker writes its data files
//! first and its fragment last; a unit or group without a fragment was not done.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::plan::{Group, Partition};
use crate::schema::{RejectReason, Table};
use crate::unit::{RawArchive, Unit, UnitId};
use crate::words::words;

words! {
    /// What became of fetching an archive.
    ArchiveStatus, "archive status" {
        /// Fetched; the bytes have the published SHA-256; the zip opens. (In lakes of former
        /// versions also where no checksum was published.)
        Ok = "ok",
        /// Fetched; the zip opens; there was nothing to compare the bytes with: no checksum file
        /// published, refused, or not understood.
        Unverified = "unverified",
        /// The bytes do not have the published SHA-256.
        ChecksumMismatch = "checksum_mismatch",
        /// The zip does not open or has not exactly one right member.
        Corrupt = "corrupt",
        /// The source answers 404 or 410, or says that it has nothing of it.
        Missing = "missing",
        /// Far smaller than its neighbours, though its checksum is right.
        TruncatedSuspect = "truncated_suspect",
    }
}

/// How the detail of an archive begins whose checksum file the source refused, so that it is
/// asked for again.
pub const CHECKSUM_REFUSED: &str = "checksum file refused";

/// How the ETag begins that we give to answers of a source that is asked page by page. Each time that it
/// is asked is a row of the ledger, so that it is known when it was asked last.
pub const ANSWERS: &str = "\"answers-";

impl ArchiveStatus {
    /// Whether silver may read the archive.
    pub const fn is_usable(self) -> bool {
        matches!(self, Self::Ok | Self::Unverified | Self::TruncatedSuspect)
    }
}

/// What bronze did for one unit: one row of `bronze.archives`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BronzeFragment {
    /// The unit.
    pub unit: Unit,
    /// Where it was fetched from.
    pub url: String,
    /// What became of it.
    pub status: ArchiveStatus,
    /// What is wrong, in words.
    pub detail: Option<String>,
    /// The host's ETag.
    pub etag: Option<String>,
    /// The host's Last-Modified.
    pub last_modified: Option<DateTime<Utc>>,
    /// The published checksum, lower-case hexadecimal.
    pub published_sha256: Option<String>,
    /// When the source last changed the checksum file, as the plan saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum_modified: Option<DateTime<Utc>>,
    /// The raw object; `None` when nothing was received.
    pub archive: Option<RawArchive>,
    /// When it was fetched (or found missing).
    pub fetched_at: DateTime<Utc>,
    /// Bytes that went over the wire for it, repeats included; 0 when the lake had it already.
    pub transferred: u64,
    /// Attempts made.
    pub attempts: u32,
}

/// What silver did for one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SilverFragment {
    /// The group's id.
    pub group: String,
    /// The silver table.
    pub table: Table,
    /// [`crate::plan::Group::inputs`] of what it was built from.
    pub inputs: String,
    /// The partitions whose whole content `files` is.
    pub replaces: Vec<Partition>,
    /// Data files of `table`.
    pub files: Vec<DataFile>,
    /// Data files of `silver.rejects`.
    pub rejects: Vec<DataFile>,
    /// What became of each unit.
    pub units: Vec<UnitOutcome>,
    /// The sum over the units.
    pub counts: RowCounts,
    /// Whether the rows had to be sorted.
    pub sorted: bool,
    /// When it was built.
    pub built_at: DateTime<Utc>,
}

impl SilverFragment {
    /// The rows of its files of rejects: rejected lines, and rows that lost against others of
    /// their key, which count as duplicates.
    pub fn reject_rows(&self) -> (u64, u64) {
        self.rejects.iter().fold((0, 0), |(rejected, conflicting), file| {
            let reason = file.partition.get("reason").map(String::as_str);
            if reason == Some(RejectReason::ConflictingDuplicate.as_str()) {
                (rejected, conflicting + file.rows)
            } else {
                (rejected + file.rows, conflicting)
            }
        })
    }

    /// Whether its files of rejects hold what its counts say. Only those that a former version of
    /// silver built may lack the rows that lost: some kept none.
    pub fn rejects_add_up(&self) -> bool {
        let (rejected, conflicting) = self.reject_rows();
        let may_lack = || {
            let read = readable(&self.units);
            let now = Group::inputs(read.iter().map(|(unit, sha256)| (unit, sha256.as_str())));
            let are_told = self.units.iter().all(|unit| unit.rejects.is_some());
            now != self.inputs && (self.units.is_empty() || !are_told)
        };
        let told = |unit: &UnitOutcome| {
            let counted = unit.counts.rejected + unit.counts.conflicting;
            unit.rejects.is_none_or(|rejects| rejects == counted)
        };
        rejected == self.counts.rejected
            && self.units.iter().all(told)
            && (conflicting == self.counts.conflicting || conflicting == 0 && may_lack())
    }
}

/// What silver made of one unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitOutcome {
    /// The unit.
    pub unit: Unit,
    /// SHA-256 of its archive.
    pub sha256: String,
    /// Its rows.
    pub counts: RowCounts,
    /// Its rows in `silver.rejects`, those included that lost against others of their key; `None` where a
    /// former version of silver built it, which may have kept none of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejects: Option<u64>,
    /// `Some` when the archive could not be read; the group was then built without it, or,
    /// where no unit was left, not at all.
    pub corrupt: Option<String>,
    /// Days of a month's archive that have fewer rows than they should: no trade, or not all
    /// bars.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub short_days: Vec<crate::Day>,
    /// What else a person should know of it, in words: it holds no row, or rows later than the
    /// time it was fetched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What it says otherwise than the version that silver had before; `None` where there was none, or
    /// no row differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restated: Option<Restated>,
}

/// What a version of a unit says otherwise than the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restated {
    /// [`Restated::owner`] of the two versions.
    pub owner: String,
    /// Rows of both with other values.
    pub changed: u64,
    /// Rows of the version before alone.
    pub removed: u64,
    /// Rows of the version since alone.
    pub added: u64,
    /// Of all of them, those that are counted and not told one by one.
    pub untold: u64,
    /// Data file of `silver.restatements`.
    pub file: DataFile,
}

impl Restated {
    /// Stands for the step from one version of a unit to the next, however often it is taken: a
    /// version that is fetched once more, after another one, is a step of its own.
    pub fn owner(unit: &Unit, before: &RawArchive, after: &RawArchive) -> String {
        let at = before.fetched_at.timestamp_micros();
        format!("{unit} {}@{at} {}", before.sha256, after.sha256)
    }
}

/// Rows: `read = silver + rejected + duplicate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowCounts {
    /// Data lines read: neither a header nor an empty line.
    pub read: u64,
    /// Rows in silver.
    pub silver: u64,
    /// Lines in `silver.rejects`, but for those of reason `conflicting_duplicate`.
    pub rejected: u64,
    /// Rows dropped because their key was there already.
    pub duplicate: u64,
    /// Of the duplicates, those whose content differed from the row kept. Their lines stand in
    /// `silver.rejects` under reason `conflicting_duplicate`, so that nothing is lost.
    pub conflicting: u64,
    /// Of the rows in silver, those with `is_valid = false`.
    pub invalid: u64,
}

impl RowCounts {
    /// Whether every row is accounted for.
    pub const fn add_up(&self) -> bool {
        self.read == self.silver + self.rejected + self.duplicate
            && self.conflicting <= self.duplicate
            && self.invalid <= self.silver
    }
}

impl std::ops::AddAssign for RowCounts {
    fn add_assign(&mut self, other: Self) {
        self.read += other.read;
        self.silver += other.silver;
        self.rejected += other.rejected;
        self.duplicate += other.duplicate;
        self.conflicting += other.conflicting;
        self.invalid += other.invalid;
    }
}

/// What gold did for one piece of work: whole partitions of gold tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldFragment {
    /// What it is of: a [`Dirty`] id.
    pub id: String,
    /// The months of gold.bars that were rebuilt, in order: [`Dirty::months`].
    pub months: Vec<crate::Month>,
    /// [`Dirty::inputs`] of the tables it was built from. Where they have changed by the time
    /// of the commit, another run was faster, and the piece must be built again.
    pub inputs: String,
    /// Partitions replaced, by table, even where nothing is left in them.
    pub replaces: Vec<(Table, Partition)>,
    /// The data files that replace them.
    pub files: Vec<(Table, DataFile)>,
    /// When it was built.
    pub built_at: DateTime<Utc>,
    /// [`crate::owed::Taken::silver`] as it was before it was built.
    #[serde(default)]
    pub silver: String,
}

/// An immutable data file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataFile {
    /// Path relative to its table's folder, as in the log.
    pub path: String,
    /// Its partition.
    pub partition: Partition,
    /// Size in bytes.
    pub bytes: u64,
    /// Rows in it.
    pub rows: u64,
    /// Statistics by column: exact, of the columns that have any.
    pub stats: BTreeMap<String, ColumnStats>,
    /// CRC-32 (IEEE, as zip and Parquet have it) of the whole file; `None` where a former version
    /// wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crc32: Option<u32>,
}

/// Exact statistics of one column of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnStats {
    /// Least value; `None` when all are null or the type has no order.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub min: Option<Stat>,
    /// Greatest value.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max: Option<Stat>,
    /// Number of nulls.
    pub nulls: u64,
}

/// One value of a statistic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stat {
    /// An integer.
    Long(i64),
    /// An exact decimal as plain digits: `123.45600000`.
    Decimal(String),
    /// An instant in µs since the epoch.
    Micros(i64),
    /// Text (whole, never cut).
    Text(String),
    /// A double, as the shortest text that reads back to it.
    Double(String),
}

/// The archives of a list of outcomes that were read, for [`crate::plan::Group::inputs`].
pub fn readable(units: &[UnitOutcome]) -> Vec<(UnitId, String)> {
    units.iter().filter(|u| u.corrupt.is_none()).map(|u| (u.unit.id(), u.sha256.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_lost_are_in_the_rejects_and_count_as_duplicates() {
        let file = |reason: RejectReason, rows: u64| DataFile {
            path: String::new(),
            partition: [("reason".to_owned(), reason.as_str().to_owned())].into(),
            bytes: 1,
            rows,
            stats: BTreeMap::new(),
            crc32: None,
        };
        let read = "binance/spot/trades/A1/2024-01-01".parse::<Unit>().expect("unit").id();
        let current = Group::inputs([(&read, "")]);
        let unit = |counts: RowCounts, rejects| UnitOutcome {
            unit: "binance/spot/trades/A1/2024-01-01".parse().expect("unit"),
            sha256: String::new(),
            counts,
            rejects,
            corrupt: None,
            short_days: Vec::new(),
            notes: Vec::new(),
            restated: None,
        };
        let check = |inputs: &str,
                     told,
                     rejects: Vec<DataFile>,
                     [rejected, conflicting]: [u64; 2],
                     expect: bool| {
            let counts = RowCounts { rejected, conflicting, ..RowCounts::default() };
            let fragment = SilverFragment {
                group: String::new(),
                table: Table::Trades,
                inputs: inputs.to_owned(),
                replaces: Vec::new(),
                files: Vec::new(),
                rejects,
                units: vec![unit(counts, told)],
                counts,
                sorted: false,
                built_at: DateTime::UNIX_EPOCH,
            };
            assert_eq!(fragment.rejects_add_up(), expect, "{fragment:?}");
        };
        let (torn, late) = (RejectReason::FieldCount, RejectReason::OutsidePeriod);
        let lost = RejectReason::ConflictingDuplicate;
        let other = "of another version, or read as configured";
        let both = || vec![file(torn, 2), file(late, 1), file(lost, 4)];
        for inputs in [current.as_str(), other] {
            check(inputs, None, both(), [3, 4], true);
            check(inputs, None, vec![file(torn, 2), file(lost, 4)], [6, 0], false);
            check(inputs, None, vec![file(torn, 2), file(lost, 4)], [2, 5], false);
            check(inputs, None, vec![file(torn, 2)], [3, 0], false);
            // what is told of a unit must be there, whatever it was built by
            check(inputs, Some(7), both(), [3, 4], true);
            check(inputs, Some(7), vec![file(torn, 2), file(late, 1)], [3, 4], false);
            check(inputs, Some(3), both(), [3, 4], false);
        }
        check(other, None, vec![file(torn, 2)], [2, 5], true);
        check(&current, None, vec![file(torn, 2)], [2, 5], false);
    }
}

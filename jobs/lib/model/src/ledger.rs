//! What the lake holds, as `plan` reads it: an extract of `bronze.archives` and `ops.builds`
//! that `commit` writes to `bronze/index/` after each commit, so that `plan` needs no table
//! library. A stale extract costs repeated work, never a wrong table. Where it is lost or cannot be
//! read, or knows more than the tables do, `plan` refuses: what is held would look missing.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::fragment::ArchiveStatus;
use crate::unit::{RawArchive, UnitId};

/// The extract: the latest row of each unit and of each group.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// Latest fetched version of each unit.
    pub archives: BTreeMap<UnitId, LedgerRow>,
    /// Latest build of each group, by group id.
    pub builds: BTreeMap<String, BuildRow>,
}

/// The latest fetched version of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerRow {
    /// What became of it.
    pub status: ArchiveStatus,
    /// The host's ETag.
    pub etag: Option<String>,
    /// The host's Last-Modified.
    pub last_modified: Option<DateTime<Utc>>,
    /// The published checksum.
    pub published_sha256: Option<String>,
    /// When the source last changed the checksum file; `None` where nobody told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum_modified: Option<DateTime<Utc>>,
    /// The raw object.
    pub archive: Option<RawArchive>,
    /// The last readable version, where the latest one cannot be read: what an archive said
    /// before it was spoiled stays in silver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usable: Option<RawArchive>,
    /// When it was fetched.
    pub fetched_at: DateTime<Utc>,
    /// Rows of the ledger that say the same of the same published version: how often it was asked
    /// for in vain, where that is what they say. 0 in extracts of former versions.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tries: u32,
    /// Whether its checksum file was refused, so that nothing could verify it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub checksum_refused: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
const fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// The latest build of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildRow {
    /// [`crate::plan::Group::inputs`] of what it was built from.
    pub inputs: String,
    /// The units it was built from.
    pub units: Vec<UnitId>,
    /// Units of it that could not be read, with the SHA-256 of the archive that could not.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub corrupt: BTreeMap<UnitId, String>,
    /// Units that it has rows of and whose archive, of which they are, cannot be read any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spoiled: Vec<UnitId>,
    /// Days of its month's archive that have fewer rows than they should; their own archives may
    /// have more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub short_days: Vec<crate::Day>,
    /// Of its units those of which a newer version was fetched that no build has: the version that it
    /// was built from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub replaced: BTreeMap<UnitId, RawArchive>,
}

/// A unit of a build, as the column `units` of `ops.builds` has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuiltUnit {
    /// The unit.
    pub unit: UnitId,
    /// SHA-256 of its archive.
    pub sha256: String,
    /// Why it could not be read, where it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrupt: Option<String>,
    /// Days of a month's archive that have fewer rows than they should.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub short_days: Vec<crate::Day>,
    /// Data lines read; `None` in builds of former versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_read: Option<u64>,
    /// Its rows in `silver.rejects`, those included that lost against others of their key; `None` in
    /// builds of former versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejects: Option<u64>,
    /// What else silver says of it, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The rows in `silver.rejects` that the units of a build have; `None` where a former version built it,
/// which may have kept no rows that lost against others of their key.
pub fn rejects(units: &[BuiltUnit]) -> Option<u64> {
    let told: Option<u64> = units.iter().map(|unit| unit.rejects).sum();
    told.filter(|_| !units.is_empty())
}

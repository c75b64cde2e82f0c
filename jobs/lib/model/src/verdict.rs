//! What `check` made of a run, as far as others read it: the document `runs/<run>/verdict.json`.
//! How it is found out is check's; how it is told at the end of a run is [`crate::remarks`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The days and bars that check judged. Fields that a former version did not write are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Verdict {
    /// Days by series and status: `available`, `partial`, `pending`, `missing`, `corrupt`, `degraded`,
    /// `closed`.
    pub coverage: BTreeMap<String, BTreeMap<String, u64>>,
    /// Days by status and the kind of reason.
    pub reasons: BTreeMap<String, BTreeMap<String, u64>>,
    /// Subjects with a warning, by check.
    pub warned: BTreeMap<String, u64>,
    /// Subjects that failed, by check.
    pub failed: BTreeMap<String, u64>,
    /// Bars made from trades that differ from the exchange's own.
    pub bars_differ: u64,
    /// Bars that were compared.
    pub bars_compared: u64,
    /// Days whose archives were never compared with a checksum, for there is none.
    pub unverified: u64,
}

impl Verdict {
    /// Days by status, of all series.
    pub fn days(&self) -> BTreeMap<&str, u64> {
        let mut days = BTreeMap::new();
        for (status, n) in self.coverage.values().flatten() {
            *days.entry(status.as_str()).or_default() += n;
        }
        days
    }
}

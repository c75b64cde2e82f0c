//! How what the API said of a day differs from what its archive says, which replaces it: a document of
//! silver's for each tail that was replaced, `runs/<run>/fragments/tail/<unit>.json`. `check` tells it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::unit::Unit;

/// Values of one tail that are listed at most, and rows that one side does not have; all are counted.
pub const LISTED: usize = 100;

/// What became of comparing a tail with the archive that replaces it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// The tail's unit.
    pub unit: Unit,
    /// Up to which instant the tail told it: what comes after it is not compared.
    pub until: DateTime<Utc>,
    /// SHA-256 of the tail's raw object.
    pub tail_sha256: String,
    /// SHA-256 of the archive.
    pub archive_sha256: String,
    /// Rows that both have.
    pub compared: u64,
    /// Of them, those that say something else.
    pub differing: u64,
    /// Rows of the tail that the archive does not have.
    pub only_tail: u64,
    /// Rows of the archive that the tail did not have.
    pub only_archive: u64,
    /// The first differences, in the order of their keys: at most [`LISTED`] values, and as many rows
    /// that one side does not have.
    pub listed: Vec<Difference>,
    /// Differences of the same kind, values and rows, that are not listed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unlisted: u64,
    /// Why nothing could be compared, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
const fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// The row's natural key within its series: the opening time of a bar (µs since the epoch), an id.
    pub key: i64,
    /// The row's time, µs since the epoch.
    pub time: i64,
    /// The column; `None` where one side does not have the row.
    pub field: Option<String>,
    /// What the tail said; `None` for no such row, or null.
    pub tail: Option<String>,
    /// What the archive says; `None` for no such row, or null.
    pub archive: Option<String>,
}

impl Comparison {
    /// Whether both say the same.
    pub const fn is_same(&self) -> bool {
        self.problem.is_none()
            && self.differing == 0
            && self.only_tail == 0
            && self.only_archive == 0
    }

    /// For people, in one line.
    pub fn text(&self) -> String {
        if let Some(problem) = &self.problem {
            return format!("what the API said cannot be compared: {problem}");
        }
        let until = self.until.format("%F %H:%M UTC");
        let Self { compared, differing, only_tail, only_archive, .. } = self;
        if self.is_same() {
            return format!("the archive says what the API said up to {until}: {compared} rows");
        }
        format!(
            "of what the API said up to {until}, {differing} of {compared} rows differ from the \
             archive; {only_tail} are not in it, and {only_archive} of its were not in the API's \
             answer"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_differs() {
        let mut comparison = Comparison {
            unit: "binance/spot/klines/BTCUSDT/1m/2024-01-31".parse().expect("unit"),
            until: "2024-01-31T12:33:00Z".parse().expect("time"),
            tail_sha256: "a".to_owned(),
            archive_sha256: "b".to_owned(),
            compared: 753,
            differing: 0,
            only_tail: 0,
            only_archive: 0,
            listed: Vec::new(),
            unlisted: 0,
            problem: None,
        };
        let until = "up to 2024-01-31 12:33 UTC";
        assert_eq!(
            comparison.text(),
            format!("the archive says what the API said {until}: 753 rows")
        );
        (comparison.differing, comparison.only_archive) = (2, 1);
        assert!(!comparison.is_same());
        assert_eq!(
            comparison.text(),
            format!(
                "of what the API said {until}, 2 of 753 rows differ from the archive; 0 are not in \
                 it, and 1 of its were not in the API's answer"
            )
        );
        comparison.problem = Some("it is gone".to_owned());
        assert_eq!(comparison.text(), "what the API said cannot be compared: it is gone");
    }
}

//! What the checks found: summaries, always all of them, and details, as many as fit.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use model::RunId;
use model::schema::Table;
use serde::{Deserialize, Serialize};
use store::schema::file_schema;

/// Details that a run lists at most.
pub const DETAILS: usize = 1_000;
/// Failed checks that an error names.
const NAMED: usize = 5;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// All is well.
    Pass,
    /// There was nothing that could be checked.
    Skip,
    /// The data has a defect.
    Warn,
    /// The data must not be used.
    Fail,
}

impl Status {
    /// The word that stands for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Skip => "skip",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One row of `ops.checks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The check.
    pub check: String,
    /// How it ended.
    pub status: Status,
    /// What was checked.
    pub subject: String,
    /// The instant concerned, µs.
    pub time: Option<i64>,
    /// The field concerned.
    pub field: Option<String>,
    /// The value expected.
    pub expected: Option<String>,
    /// The value found.
    pub found: Option<String>,
    /// More, in words.
    pub detail: Option<String>,
}

impl Finding {
    /// A finding of which only the subject is known.
    pub fn new(check: &str, status: Status, subject: &str) -> Self {
        Self {
            check: check.to_owned(),
            status,
            subject: subject.to_owned(),
            time: None,
            field: None,
            expected: None,
            found: None,
            detail: None,
        }
    }
}

/// The findings of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// One for each check and subject.
    pub summaries: Vec<Finding>,
    /// Details: at most [`DETAILS`].
    pub details: Vec<Finding>,
    /// Details that are not listed: there was no room for them, or whoever found them listed some alone.
    pub left_out: u64,
}

impl Findings {
    /// Adds the summary of a check and subject.
    pub fn summary(&mut self, check: &str, status: Status, subject: &str, detail: String) {
        let finding = Finding::new(check, status, subject);
        self.summaries.push(Finding { detail: Some(detail), ..finding });
    }

    /// Adds a detail where there is room.
    pub fn detail(&mut self, finding: Finding) {
        if self.details.len() < DETAILS {
            self.details.push(finding);
        } else {
            self.left_out += 1;
        }
    }

    /// Details that still fit.
    pub fn room(&self) -> usize {
        DETAILS - self.details.len()
    }

    /// The gravest status.
    pub fn worst(&self) -> Status {
        let all = self.summaries.iter().chain(&self.details);
        all.map(|f| f.status).max().unwrap_or(Status::Pass)
    }

    /// Which checks failed, on one line, for that is what logs and summaries show of an error;
    /// `None` where none did.
    pub fn failure(&self) -> Option<String> {
        let is_failed = |finding: &&Finding| finding.status == Status::Fail;
        let mut failed: Vec<&Finding> = self.summaries.iter().filter(is_failed).collect();
        if failed.is_empty() {
            failed = self.details.iter().filter(is_failed).collect();
        }
        let told = failed.iter().take(NAMED).map(|finding| {
            let mut text = format!("{} of {}", finding.check, finding.subject);
            if let Some(detail) = &finding.detail {
                // what a library says of its errors may have several lines
                let words: Vec<&str> = detail.split_whitespace().collect();
                text = format!("{text}: {}", words.join(" "));
            }
            text
        });
        let mut told: Vec<String> = told.collect();
        if failed.len() > NAMED {
            told.push(format!("and {} more", failed.len() - NAMED));
        }
        (!told.is_empty())
            .then(|| format!("a check failed: {}; `ops.checks` has the details", told.join("; ")))
    }

    /// All as rows of `ops.checks`, in the order of its key.
    ///
    /// # Errors
    /// Never, unless the table's columns change.
    pub fn rows(&self, run: &RunId, now_us: i64) -> anyhow::Result<RecordBatch> {
        let mut all: Vec<&Finding> = self.summaries.iter().chain(&self.details).collect();
        all.sort_by(|a, b| {
            (&a.check, &a.subject, a.time, &a.field).cmp(&(&b.check, &b.subject, b.time, &b.field))
        });
        let texts = |of: fn(&Finding) -> Option<&str>| -> ArrayRef {
            Arc::new(all.iter().map(|f| of(f)).collect::<StringArray>())
        };
        let times = |values: Vec<Option<i64>>| -> ArrayRef {
            Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
        };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec![run.as_str(); all.len()])),
            times(vec![Some(now_us); all.len()]),
            texts(|f| Some(&f.check)),
            texts(|f| Some(f.status.as_str())),
            texts(|f| Some(&f.subject)),
            times(all.iter().map(|f| f.time).collect()),
            texts(|f| f.field.as_deref()),
            texts(|f| f.expected.as_deref()),
            texts(|f| f.found.as_deref()),
            texts(|f| f.detail.as_deref()),
        ];
        Ok(RecordBatch::try_new(file_schema(Table::Checks), columns)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_bounded_and_counted() {
        let mut findings = Findings::default();
        assert_eq!(findings.worst(), Status::Pass);
        findings.summary("c", Status::Pass, "s", "fine".to_owned());
        for n in 0..DETAILS as i64 + 5 {
            findings.detail(Finding { time: Some(n), ..Finding::new("c", Status::Warn, "s") });
        }
        assert_eq!((findings.room(), findings.left_out), (0, 5));
        assert_eq!(findings.worst(), Status::Warn);
        let run = RunId::new(chrono::DateTime::UNIX_EPOCH, 1);
        assert_eq!(findings.rows(&run, 0).unwrap().num_rows(), DETAILS + 1);
    }

    #[test]
    fn failed_checks_are_named_on_one_line() {
        let mut findings = Findings::default();
        findings.summary("row_accounting", Status::Pass, "silver.klines", "fine".to_owned());
        findings.summary("coverage", Status::Warn, "a", "2 days: 2 missing".to_owned());
        assert_eq!(findings.failure(), None);
        let mut told = |subject: &str, detail: &str| {
            findings.summary("row_accounting", Status::Fail, subject, detail.to_owned());
            findings.failure().unwrap()
        };
        let first = "row_accounting of silver.trades: 24 rows of 1 builds, 1 figures differ";
        assert_eq!(
            told("silver.trades", "24 rows of 1 builds, 1 figures differ"),
            format!("a check failed: {first}; `ops.checks` has the details")
        );
        assert_eq!(
            told("b", "an error\n  of two lines\n"),
            format!(
                "a check failed: {first}; row_accounting of b: an error of two lines; \
                 `ops.checks` has the details"
            )
        );
        for subject in ["c", "d", "e", "f"] {
            told(subject, "x");
        }
        let text = told("g", "x");
        let end = "row_accounting of e: x; and 2 more; `ops.checks` has the details";
        assert!(text.ends_with(end), "{text}");
        // a detail that no summary sums up
        let mut findings = Findings::default();
        findings.detail(Finding::new("c", Status::Fail, "s"));
        assert_eq!(
            findings.failure().unwrap(),
            "a check failed: c of s; `ops.checks` has the details"
        );
    }
}

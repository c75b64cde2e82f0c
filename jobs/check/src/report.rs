//! The summary of a check, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use model::fragment::ArchiveStatus;
use serde::{Deserialize, Serialize};

use crate::findings::{Finding, Findings, Status};
use crate::reconcile::Compared;
use crate::{Judged, coverage};

/// What a check found, summed up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Days by series and status: `available`, `partial`, `pending`, `missing`, `corrupt`, `degraded`,
    /// `closed`.
    pub coverage: BTreeMap<String, BTreeMap<String, u64>>,
    /// Subjects that passed, by check.
    pub passed: BTreeMap<String, u64>,
    /// Subjects of which nothing could be checked, by check.
    #[serde(default)]
    pub skipped: BTreeMap<String, u64>,
    /// Subjects with a warning, by check.
    pub warned: BTreeMap<String, u64>,
    /// Subjects that failed, by check.
    pub failed: BTreeMap<String, u64>,
    /// The summaries that did not pass.
    pub remarks: Vec<Finding>,
    /// Days that are not available, by status and the kind of reason.
    #[serde(default)]
    pub reasons: BTreeMap<String, BTreeMap<String, u64>>,
    /// Days whose archives nothing could be compared with.
    #[serde(default)]
    pub unverified: u64,
    /// Bars made from trades that were held against the exchange's own.
    #[serde(default)]
    pub bars_compared: u64,
    /// Of them, those that differ.
    #[serde(default)]
    pub bars_differ: u64,
    /// Details listed in `ops.checks`.
    pub details: u64,
    /// Details that were too many to list.
    pub left_out: u64,
}

/// Remarks that the text shows.
const SHOWN: usize = 12;

impl Summary {
    /// Sums up.
    pub(crate) fn of(judged: &[Judged], findings: &Findings, compared: Compared) -> Self {
        let mut summary = Self {
            bars_compared: compared.bars,
            bars_differ: compared.differ,
            details: findings.details.len() as u64,
            left_out: findings.left_out,
            ..Self::default()
        };
        for judged in judged {
            let counts = summary.coverage.entry(judged.name.clone()).or_default();
            for day in &judged.days {
                *counts.entry(day.status.as_str().to_owned()).or_default() += 1;
                summary.unverified += u64::from(day.archive == Some(ArchiveStatus::Unverified));
                if let Some(kind) = day.kind {
                    let of_status = summary.reasons.entry(day.status.as_str().to_owned());
                    *of_status.or_default().entry(kind.to_owned()).or_default() += 1;
                }
            }
        }
        for finding in &findings.summaries {
            let counts = match finding.status {
                Status::Pass => &mut summary.passed,
                Status::Skip => &mut summary.skipped,
                Status::Warn => &mut summary.warned,
                Status::Fail => &mut summary.failed,
            };
            *counts.entry(finding.check.clone()).or_default() += 1;
            if finding.status != Status::Pass {
                summary.remarks.push(finding.clone());
            }
        }
        summary
    }

    /// The summary as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let width = self.coverage.keys().map(String::len).max().unwrap_or(0).max(8);
        let words = coverage::Status::ALL.map(coverage::Status::as_str);
        let _ = write!(text, "{:width$}", "coverage");
        for word in words {
            let _ = write!(text, " {word:>9}");
        }
        text.push('\n');
        for (series, counts) in &self.coverage {
            let _ = write!(text, "{series:width$}");
            for word in words {
                let _ = write!(text, " {:>9}", counts.get(word).copied().unwrap_or(0));
            }
            text.push('\n');
        }
        let skipped = self.skipped.keys();
        let checks =
            self.passed.keys().chain(skipped).chain(self.warned.keys()).chain(self.failed.keys());
        let checks: std::collections::BTreeSet<&String> = checks.collect();
        let of =
            |counts: &BTreeMap<String, u64>, check: &str| counts.get(check).copied().unwrap_or(0);
        let _ = writeln!(
            text,
            "\n{:width$} {:>9} {:>9} {:>9} {:>9}",
            "check", "pass", "skip", "warn", "fail"
        );
        for check in checks {
            let _ = writeln!(
                text,
                "{check:width$} {:>9} {:>9} {:>9} {:>9}",
                of(&self.passed, check),
                of(&self.skipped, check),
                of(&self.warned, check),
                of(&self.failed, check)
            );
        }
        if !self.remarks.is_empty() {
            text.push('\n');
        }
        for finding in self.remarks.iter().take(SHOWN) {
            let _ = writeln!(
                text,
                "{} {} {}: {}",
                finding.status.as_str(),
                finding.check,
                finding.subject,
                finding.detail.as_deref().unwrap_or_default()
            );
        }
        if self.remarks.len() > SHOWN {
            let _ = writeln!(text, "… and {} more", self.remarks.len() - SHOWN);
        }
        if self.details > 0 || self.left_out > 0 {
            let _ = write!(text, "details: {} listed", self.details);
            if self.left_out > 0 {
                let _ = write!(text, ", {} too many to list", self.left_out);
            }
            text.push_str("; see `query checks`, `query coverage_days`\n");
        }
        text
    }
}

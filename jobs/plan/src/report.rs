//! What a plan amounts to, for people (aligned lines) and for programs (JSON).

use std::fmt::Write as _;

use model::plan::Plan;
use model::{RunId, UnitId};
use serde::Serialize;

/// One series of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeriesLine {
    /// The series, `binance/spot/klines/BTCUSDT/1h`.
    pub series: String,
    /// Archives that the source lists.
    pub listed: u64,
    /// Archives that are held and in use.
    pub held: u64,
    /// Archives to fetch.
    pub fetch: u64,
    /// Bytes to fetch.
    pub fetch_bytes: u64,
    /// Wanted days that the source should have and does not list.
    pub absent: u64,
}

/// The outcome of the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The plan as it lies in the lake.
    pub plan: Plan,
    /// Its series; empty where the run had its plan already.
    pub series: Vec<SeriesLine>,
    /// Whether the run had its plan already.
    pub taken_up: bool,
    /// What looks wrong and stops nothing.
    pub warnings: Vec<String>,
    /// Other runs that have committed silver and no bars of it: at work still, or cut off.
    pub owed: Vec<RunId>,
}

impl Report {
    /// For people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.table(&mut text);
        let totals = &self.plan.totals;
        for warning in &self.warnings {
            let _ = writeln!(text, "warning: {warning}");
        }
        if !self.plan.absent.is_empty() {
            let few: Vec<&str> = self.plan.absent.iter().take(3).map(UnitId::as_str).collect();
            let more = if self.plan.absent.len() > few.len() { " …" } else { "" };
            let _ = writeln!(
                text,
                "absent: {} the source should have and does not list: {}{more}",
                counted(self.plan.absent.len() as u64, "day"),
                few.join(", ")
            );
        }
        if totals.known_bad > 0 {
            let _ = writeln!(
                text,
                "known bad: {} that failed before and did not change since (--retry-bad tries again)",
                counted(totals.known_bad, "archive")
            );
        }
        if totals.republished > 0 {
            let _ = writeln!(text, "published anew: {}", counted(totals.republished, "archive"));
        }
        let again = if self.taken_up { " (taken up)" } else { "" };
        if self.plan.batches.is_empty() {
            let _ = writeln!(text, "run {}{again}: nothing to do", self.plan.run);
        } else {
            let _ = writeln!(
                text,
                "run {}{again}: {} in {}; {} to fetch, {}",
                self.plan.run,
                counted(totals.groups, "group"),
                batches(self.plan.batches.len()),
                counted(totals.fetch, "archive"),
                bytes(totals.fetch_bytes)
            );
        }
        text
    }

    fn table(&self, text: &mut String) {
        if self.series.is_empty() {
            return;
        }
        let width = self.series.iter().map(|line| line.series.len()).max().unwrap_or(0).max(6);
        let _ = writeln!(
            text,
            "{:<width$} {:>8} {:>8} {:>8} {:>10} {:>8}",
            "series", "listed", "held", "fetch", "bytes", "absent"
        );
        for line in &self.series {
            let _ = writeln!(
                text,
                "{:<width$} {:>8} {:>8} {:>8} {:>10} {:>8}",
                line.series,
                line.listed,
                line.held,
                line.fetch,
                bytes(line.fetch_bytes),
                line.absent
            );
        }
    }
}

fn counted(n: u64, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

fn batches(n: usize) -> String {
    if n == 1 { "1 batch".to_owned() } else { format!("{n} batches") }
}

/// Bytes for people: `0 B`, `1.2 MiB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    let mut value = n as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_for_people() {
        let check = |n: u64, expect: &str| assert_eq!(bytes(n), expect);
        check(0, "0 B");
        check(1023, "1023 B");
        check(1024, "1.0 KiB");
        check(1_048_575, "1.0 MiB");
        check(3 << 30, "3.0 GiB");
        check(u64::MAX, "16384.0 PiB");
    }
}

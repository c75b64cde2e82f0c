//! A panic as people read it: a bug of ours, with all that whoever mends it needs. The words only;
//! each program's `main` catches the panic and writes them.

use std::fmt::Write as _;
use std::panic::PanicHookInfo;

use serde_json::json;

use crate::RunId;

/// The version of all programs.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// How the standard library's panics begin where a stream takes no more.
const NO_OUTPUT: &str = "failed printing to std";
/// What to do next.
const NEXT: &str = "report these lines as an issue of market-lake's repository, with the archive \
                    where one is named; nothing that was committed is lost, and other runs go on";

/// A panic: what happened, where, and at what work.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bug {
    /// The program, such as `silver`.
    pub program: String,
    /// What the panic says.
    pub what: String,
    /// File, line and column of the code.
    pub place: Option<String>,
    /// The thread's name.
    pub thread: Option<String>,
    /// The run.
    pub run: Option<RunId>,
    /// The unit, group or step at work.
    pub unit: Option<String>,
}

impl Bug {
    /// What a panic of `program` says of itself.
    pub fn of(program: &str, panic: &PanicHookInfo<'_>) -> Self {
        let what = panic.payload_as_str().unwrap_or("a panic without words").to_owned();
        Self {
            program: program.to_owned(),
            what,
            place: panic.location().map(ToString::to_string),
            thread: std::thread::current().name().map(ToOwned::to_owned),
            run: None,
            unit: None,
        }
    }

    /// Why a stream took no more, where this is all that the panic says: no bug, but a full disk or
    /// a reader that is gone.
    fn lost_output(&self) -> Option<(&'static str, &str)> {
        let (stream, why) = self.what.strip_prefix(NO_OUTPUT)?.split_once(": ")?;
        Some((if stream == "out" { "output" } else { "error" }, why))
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = vec![("what", self.what.clone())];
        let thread = self.thread.as_ref().map(|t| format!(" (thread {t})")).unwrap_or_default();
        let place = self.place.as_deref().unwrap_or("an unknown place");
        rows.push(("where", format!("{place}{thread}")));
        rows.extend(self.run.as_ref().map(|run| ("run", run.to_string())));
        rows.extend(self.unit.as_ref().map(|unit| ("at", unit.clone())));
        rows.push(("version", VERSION.to_owned()));
        rows
    }

    /// For people: what it was, line by line, and what to do.
    pub fn text(&self) -> String {
        let program = &self.program;
        if let Some((stream, why)) = self.lost_output() {
            return format!("{program}: cannot write to standard {stream}: {why}\n");
        }
        let mut text = format!("{program}: stopped by a bug in {program} itself:\n");
        for (name, value) in self.rows() {
            // a value of several lines stays one entry of the list
            let _ = writeln!(text, "  {name:<7} {}", value.replace('\n', "\n          "));
        }
        let _ = writeln!(text, "  {:<7} {NEXT}", "next");
        text
    }

    /// For programs: one line, as the job's other log lines are.
    pub fn json(&self, at: &str) -> String {
        let mut object = json!({
            "timestamp": at, "level": "ERROR", "program": self.program, "version": VERSION,
            "next": NEXT,
        });
        if let Some((stream, why)) = self.lost_output() {
            object["message"] = json!(format!("cannot write to standard {stream}: {why}"));
            return object.to_string() + "\n";
        }
        object["message"] = json!(format!("stopped by a bug in {} itself", self.program));
        for (name, value) in self.rows() {
            object[name] = json!(value);
        }
        object.to_string() + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bug() -> Bug {
        Bug {
            program: "silver".to_owned(),
            what: "index out of bounds: the len is 3 but the index is 5".to_owned(),
            place: Some("jobs/silver/src/rows.rs:12:9".to_owned()),
            thread: Some("worker".to_owned()),
            run: Some("20240131T235959Z-0a1b2c3d".parse().expect("run")),
            unit: Some("binance/spot/trades/BTCUSDT/2024-01-31".to_owned()),
        }
    }

    #[test]
    fn a_bug_reads_as_a_report() {
        let text = bug().text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "silver: stopped by a bug in silver itself:");
        assert_eq!(lines[1], "  what    index out of bounds: the len is 3 but the index is 5");
        assert_eq!(lines[2], "  where   jobs/silver/src/rows.rs:12:9 (thread worker)");
        assert_eq!(lines[3], "  run     20240131T235959Z-0a1b2c3d");
        assert_eq!(lines[4], "  at      binance/spot/trades/BTCUSDT/2024-01-31");
        assert_eq!(lines[5], format!("  version {VERSION}"));
        assert!(lines[6].starts_with("  next    report these lines"), "{text}");
        assert!(!text.contains("RUST_BACKTRACE"), "{text}");
    }

    #[test]
    fn programs_read_one_line() {
        let line = bug().json("2025-01-01T00:00:00Z");
        assert_eq!(line.lines().count(), 1);
        let value: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(value["level"], "ERROR");
        assert_eq!(value["run"], "20240131T235959Z-0a1b2c3d");
        assert_eq!(value["at"], "binance/spot/trades/BTCUSDT/2024-01-31");
        assert_eq!(value["where"], "jobs/silver/src/rows.rs:12:9 (thread worker)");
    }

    #[test]
    fn a_full_disk_is_no_bug() {
        let what = "failed printing to stdout: No space left on device (os error 28)";
        let bug = Bug { what: what.to_owned(), ..bug() };
        assert_eq!(
            bug.text(),
            "silver: cannot write to standard output: No space left on device (os error 28)\n"
        );
        assert!(bug.json("x").contains("cannot write to standard output"));
    }
}

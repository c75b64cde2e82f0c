//! Bars as canonical lines of CSV, oldest first, and what a provider says of them. Values are text
//! as received; whether they are numbers is for whoever reads the lines.

use std::fmt;

use chrono_tz::Tz;

use super::key::Key;
use super::refusal::{Refusal, Why};
use super::symbol::Kind;
use super::time::{BadTime, instant};

/// What the fields of a line are. It is no part of [`Bars::csv`].
pub const HEADER: &str = "time,open,high,low,close,volume";

/// Most characters of a bad time that are told; the line has them all.
const MOST_FOUND: usize = 40;

/// How prices were changed for splits and dividends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Adjusted {
    /// As traded.
    No,
    /// For splits.
    Splits,
    /// For dividends.
    Dividends,
    /// For both.
    Both,
}

/// What a provider says of its bars, or was asked for where it does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// The symbol as the lake writes it.
    pub symbol: String,
    /// The kind of market.
    pub kind: Kind,
    /// The length of a bar in the provider's words, such as `5min`.
    pub interval: String,
    /// The zone in which the times were received.
    pub zone: Tz,
    /// The exchange's zone in the provider's words.
    pub exchange_zone: Option<String>,
    /// What prices count: `USD`.
    pub currency: Option<String>,
    /// The venue, where the provider tells it.
    pub exchange: Option<String>,
    /// The provider's type of instrument, such as `Common Stock`.
    pub instrument: Option<String>,
    /// How prices were changed; `None` where there is nothing to change, as in forex.
    pub adjusted: Option<Adjusted>,
    /// Whether bars from before and after the session are in it, where that was stated.
    pub extended_hours: Option<bool>,
}

/// A time that stands in more than one row. All of them are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doubled {
    /// µs since the epoch.
    pub time: i64,
    /// How many rows have it.
    pub rows: usize,
}

/// What is worth telling of an answer that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notes {
    /// The rows came newest first and were turned round.
    pub turned: bool,
    /// How many rows, turned or not, are earlier than the one before.
    pub unordered: usize,
    /// Times in more than one row, earliest first.
    pub doubled: Vec<Doubled>,
    /// Rows whose time cannot be told, which are kept as received.
    pub bad_times: Vec<BadTime>,
    /// How many rows have not the fields of a bar and are kept as received.
    pub odd_rows: usize,
}

/// What one answer holds: at least one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bars {
    /// What is said of them.
    pub meta: Meta,
    /// The lines of [`HEADER`], oldest first, each ended by LF: the time in µs since the epoch in
    /// 16 digits (daily bars: 00:00 UTC of their date), the values as received, nothing for a
    /// volume that the provider does not have. A row whose time or form is not understood is a line
    /// as received, which has no 16 digits in front.
    pub csv: String,
    /// How many rows, each one line.
    pub rows: usize,
    /// The earliest time, µs since the epoch.
    pub first: Option<i64>,
    /// The latest time, µs since the epoch.
    pub last: Option<i64>,
    /// What is worth telling.
    pub notes: Notes,
}

impl fmt::Display for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut notes = Vec::new();
        if self.turned {
            notes.push("newest first, turned round".to_owned());
        }
        if self.unordered > 0 {
            notes.push(format!("rows out of order: {}", self.unordered));
        }
        if let Some(first) = self.doubled.first() {
            let count = self.doubled.len();
            notes.push(format!("times in more than one row: {count}, the first {}", first.time));
        }
        if let Some(first) = self.bad_times.first() {
            notes.push(format!("bad times: {}, the first in {first}", self.bad_times.len()));
        }
        if self.odd_rows > 0 {
            notes.push(format!("rows that are no bars: {}", self.odd_rows));
        }
        f.write_str(&notes.join("; "))
    }
}

/// Rows in the order received.
#[derive(Debug)]
pub(crate) struct Table {
    zone: Tz,
    daily: bool,
    rows: Vec<(Option<i64>, String)>,
    bad_times: Vec<BadTime>,
    odd_rows: usize,
}

impl Table {
    pub(crate) const fn new(zone: Tz, daily: bool) -> Self {
        Self { zone, daily, rows: Vec::new(), bad_times: Vec::new(), odd_rows: 0 }
    }

    /// Takes a row: its time, its other five fields, and the line to keep where the time is bad.
    pub(crate) fn row(&mut self, time: &str, fields: [&str; 5]) {
        match instant(time, self.zone, self.daily) {
            Ok(micros) => {
                let line = format!("{micros:016},{}", fields.join(","));
                self.rows.push((Some(micros), line));
            }
            Err(problem) => {
                let row = self.rows.len() + 1;
                let found = time.chars().take(MOST_FOUND).collect();
                self.bad_times.push(BadTime { row, found, problem });
                // a time that would end its field or its line is told in quotes
                let breaks = time.contains([',', '"', '\n', '\r']);
                let time = if breaks { format!("{time:?}") } else { time.to_owned() };
                self.rows.push((None, format!("{time},{}", fields.join(","))));
            }
        }
    }

    /// Takes a row that is no bar, as received; only a line end inside of it becomes a space.
    pub(crate) fn odd(&mut self, line: &str) {
        self.odd_rows += 1;
        self.rows.push((None, line.replace(['\n', '\r'], " ")));
    }

    /// The bars, oldest first.
    ///
    /// # Errors
    /// In words: no row, or a row as received that would read as a canonical one.
    fn finish(mut self, meta: Meta) -> Result<Bars, Unfit> {
        if self.rows.is_empty() {
            return Err(Unfit::Empty);
        }
        if let Some(at) = self.rows.iter().position(|(time, line)| time.is_none() && poses(line)) {
            return Err(Unfit::Poses { row: at + 1 });
        }
        let times = || self.rows.iter().filter_map(|(time, _)| *time);
        let turned = times().next() > times().next_back();
        if turned {
            self.rows.reverse();
        }
        let mut times: Vec<i64> = self.rows.iter().filter_map(|(time, _)| *time).collect();
        let unordered = times.windows(2).filter(|pair| pair[0] > pair[1]).count();
        times.sort_unstable();
        let doubled = times
            .chunk_by(|a, b| a == b)
            .filter(|same| same.len() > 1)
            .filter_map(|same| Some(Doubled { time: *same.first()?, rows: same.len() }))
            .collect();
        let mut csv = String::new();
        for (_, line) in &self.rows {
            csv.push_str(line);
            csv.push('\n');
        }
        let Self { bad_times, odd_rows, rows, .. } = self;
        let notes = Notes { turned, unordered, doubled, bad_times, odd_rows };
        let (first, last) = (times.first().copied(), times.last().copied());
        Ok(Bars { meta, csv, rows: rows.len(), first, last, notes })
    }
}

/// Why rows are no bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Unfit {
    /// There is none.
    #[error("there is no row")]
    Empty,
    /// A row that was not understood looks like one that was.
    #[error("row {row} has a number for a time, expected a date")]
    Poses {
        /// The row's number in the answer, from 1.
        row: usize,
    },
}

/// The bars of a table, or the refusal that its lack of them is.
pub(crate) fn finish(table: Table, meta: Meta, key: &Key, day: Tz) -> Result<Bars, Refusal> {
    table.finish(meta).map_err(|unfit| {
        let why = if unfit == Unfit::Empty { Why::NoData } else { Why::NotUnderstood };
        Refusal::new(why, &unfit.to_string(), key, day)
    })
}

/// Whether a line as received would be read as one of ours.
fn poses(line: &str) -> bool {
    let mut fields = line.split(',');
    let time = fields.next().unwrap_or_default();
    fields.count() == 5 && !time.is_empty() && time.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta() -> Meta {
        Meta {
            symbol: "IBM".to_owned(),
            kind: Kind::Stocks,
            interval: "5min".to_owned(),
            zone: Tz::America__New_York,
            exchange_zone: None,
            currency: None,
            exchange: None,
            instrument: None,
            adjusted: Some(Adjusted::No),
            extended_hours: None,
        }
    }

    /// Rows `time close`, or a row as received where there is no space; their lines and notes.
    fn check(rows: &[&str], lines: &[&str], notes: &str) {
        let mut table = Table::new(Tz::America__New_York, false);
        for row in rows {
            match row.rsplit_once(' ') {
                Some((time, close)) => table.row(time, ["1", "2", "0.5", close, ""]),
                None => table.odd(row),
            }
        }
        let bars = table.finish(meta()).expect("bars");
        assert_eq!(bars.csv.lines().collect::<Vec<_>>(), lines, "{rows:?}");
        assert_eq!(bars.notes.to_string(), notes, "{rows:?}");
        assert_eq!(bars.rows, rows.len());
    }

    const AT_930: &str = "1704465000000000,1,2,0.5";
    const AT_931: &str = "1704465060000000,1,2,0.5";

    #[test]
    fn rows_come_oldest_first() {
        let [a, b] = [format!("{AT_930},7.10,"), format!("{AT_931},1e-5,")];
        let both = [a.as_str(), b.as_str()];
        check(&["2024-01-05 09:30:00 7.10", "2024-01-05 09:31:00 1e-5"], &both, "");
        check(
            &["2024-01-05 09:31:00 1e-5", "2024-01-05 09:30:00 7.10"],
            &both,
            "newest first, turned round",
        );
        // doubles stay, and stay in the order of the rest
        check(
            &["2024-01-05 09:31:00 1e-5", "2024-01-05 09:30:00 8", "2024-01-05 09:30:00 7.10"],
            &[&a, &format!("{AT_930},8,"), &b],
            "newest first, turned round; times in more than one row: 1, the first 1704465000000000",
        );
        check(
            &["2024-01-05 09:30:00 7.10", "2024-01-05 09:31:00 1e-5", "2024-01-05 09:30:00 8"],
            &[&a, &b, &format!("{AT_930},8,")],
            "rows out of order: 1; times in more than one row: 1, the first 1704465000000000",
        );
    }

    #[test]
    fn no_row_is_lost() {
        let a = format!("{AT_930},NaN,");
        check(
            &["{\"x\":\n1}", "2024-11-03 01:30:00 5", "2024-01-05 09:30:00 NaN", " -"],
            &["{\"x\": 1}", "2024-11-03 01:30:00,1,2,0.5,5,", &a, ",1,2,0.5,-,"],
            "bad times: 2, the first in row 2: bad time `2024-11-03 01:30:00`: clocks of \
             America/New_York showed it twice; rows that are no bars: 1",
        );
        // rows of which none has a time stay in their order
        check(&["b", "a"], &["b", "a"], "rows that are no bars: 2");
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let mut table = Table::new(Tz::UTC, false);
        assert_eq!(Table::new(Tz::UTC, false).finish(meta()).err(), Some(Unfit::Empty));
        table.row("1704465000000000", ["1"; 5]);
        assert_eq!(table.finish(meta()).err(), Some(Unfit::Poses { row: 1 }));
    }
}

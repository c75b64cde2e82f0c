//! From bytes to rows and rejects. Pure: nothing here reads, writes or knows the time.
//!
//! Every line ends as exactly one row or one reject; only a header and empty lines are neither.
//! A reject is handed out when it is known between which rows it stands, for they tell its day.

use std::borrow::Cow;

use model::Day;
use model::schema::{Issue, RejectReason};
use source::form::{Fault, Form, lossy};
use source::rows::Rows;
use source::rules::Bounds;
use source::translation::Received;

/// Longest line, in bytes, that can be a row.
pub(crate) const LONGEST: usize = 4_096;
/// Rejects after which [`Parser::block`] hands back, so that they never pile up. So many in a row
/// are also given up waiting for the row that follows.
pub(crate) const PAUSE: usize = 4_096;
/// What stands behind a raw text that was cut.
const CUT: &str = "…";
/// What some programs put before a text in UTF-8.
pub(crate) const BOM: &[u8] = b"\xEF\xBB\xBF";

/// A line that is not in silver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reject {
    /// Its number in the member, from 1, a header counted.
    pub(crate) line: u64,
    /// Why.
    pub(crate) fault: Fault,
    /// The line as received.
    pub(crate) raw: String,
    /// The day that it is of; `None` where neither it nor its neighbours tell.
    pub(crate) day: Option<Day>,
}

impl Reject {
    /// A line that is longer than [`LONGEST`].
    pub(crate) fn too_long(number: u64, line: &[u8]) -> Self {
        Self {
            line: number,
            fault: Fault {
                reason: RejectReason::TooLong,
                field: None,
                found: format!("more than {LONGEST} bytes"),
                expected: Cow::Owned(format!("at most {LONGEST} bytes")),
            },
            raw: lossy(&line[..line.len().min(LONGEST)]) + CUT,
            day: None,
        }
    }

    /// A line whose row lost against another one of its key.
    pub(crate) fn conflicting(
        form: &Form,
        bounds: &Bounds,
        number: u64,
        line: &[u8],
        received: Option<&Received>,
    ) -> Self {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text = if number == 1 { line.strip_prefix(BOM).unwrap_or(line) } else { line };
        let (field, key) = form.key(text);
        Self {
            line: number,
            fault: Fault {
                reason: RejectReason::ConflictingDuplicate,
                field: Some(field),
                found: lossy(key),
                expected: Cow::Borrowed("no other row of it that says something else"),
            },
            raw: received.map_or_else(|| lossy(line), |received| lossy(&(received.line)(text))),
            day: form.own_time(text, bounds).and_then(Day::of_micros),
        }
    }
}

/// A reject whose next row has not been seen.
#[derive(Debug)]
struct Waiting {
    reject: Reject,
    /// Its own time (µs), where it can be read.
    time: Option<i64>,
    /// The time of the row before it.
    before: Option<i64>,
    /// The rows of the member before it.
    rows: u64,
}

/// Reads one member, block by block.
#[derive(Debug)]
pub(crate) struct Parser {
    form: &'static Form,
    bounds: Bounds,
    /// Lines seen.
    lines: u64,
    /// Of them, those that are no data: a header, empty lines.
    others: u64,
    /// Rows handed out so far.
    rows: u64,
    /// The time (µs) of the last of them.
    last: Option<i64>,
    waiting: Vec<Waiting>,
    /// Whether the fast reader may be used; tests compare both ways.
    fast: bool,
    /// How lines are told in the source's own words, where they were translated.
    pub(crate) received: Option<&'static Received>,
    /// Whether its rows stand only until an archive replaces them.
    provisional: bool,
}

impl Parser {
    /// At the start of a member.
    pub(crate) const fn new(form: &'static Form, bounds: Bounds) -> Self {
        Self::with(form, bounds, true)
    }

    /// Reads with care only.
    #[cfg(test)]
    pub(crate) const fn careful(form: &'static Form, bounds: Bounds) -> Self {
        Self::with(form, bounds, false)
    }

    const fn with(form: &'static Form, bounds: Bounds, fast: bool) -> Self {
        // the fast reader knows of no bounds for prices
        let fast = fast && bounds.prices.is_none();
        Self {
            form,
            bounds,
            lines: 0,
            others: 0,
            rows: 0,
            last: None,
            waiting: Vec::new(),
            fast,
            received: None,
            provisional: false,
        }
    }

    /// Reads a tail: every row says that it stands only until an archive replaces it.
    pub(crate) const fn provisional(&mut self) {
        // the fast reader adds no issues
        self.provisional = true;
        self.fast = false;
    }

    /// Data lines seen so far.
    pub(crate) const fn read(&self) -> u64 {
        self.lines - self.others
    }

    /// Reads whole lines; only the last of a member may lack its end. Returns the bytes taken:
    /// fewer than all of them when [`PAUSE`] rejects have gathered.
    pub(crate) fn block(
        &mut self,
        block: &[u8],
        rows: &mut Rows,
        rejects: &mut Vec<Reject>,
    ) -> usize {
        let mut at = 0;
        let start = rows.len();
        rows.mark_line(self.lines + 1);
        while at < block.len() && rejects.len() < PAUSE {
            if self.fast && self.lines > 0 {
                let (taken, count) = (self.form.fast)(&block[at..], &self.bounds, rows);
                at += taken;
                self.lines += count;
                if at == block.len() {
                    break;
                }
            }
            let rest = &block[at..];
            let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |n| n + 1);
            at += end;
            self.line(&rest[..end], start, rows, rejects);
        }
        self.settle(start, rows, rejects);
        if let Some(last) = rows.longs[self.form.time][start..].last() {
            self.last = Some(*last);
        }
        self.rows += (rows.len() - start) as u64;
        at
    }

    /// Hands out the rejects that wait, at the end of the member.
    pub(crate) fn finish(&mut self, rejects: &mut Vec<Reject>) {
        let left: Vec<Waiting> = self.waiting.drain(..).collect();
        rejects.extend(left.into_iter().map(|waiting| self.with_day(waiting, None)));
    }

    /// Waits no longer where too many wait: nobody knows of which day the middle of so many is.
    fn give_up(&mut self, rejects: &mut Vec<Reject>) {
        if self.waiting.len() >= PAUSE {
            self.waiting.iter_mut().for_each(|waiting| waiting.before = None);
            self.finish(rejects);
        }
    }

    /// Hands out the rejects whose next row is among `rows`, of which those from `start` on are
    /// new.
    fn settle(&mut self, start: usize, rows: &Rows, rejects: &mut Vec<Reject>) {
        let times = &rows.longs[self.form.time][start..];
        let known = self.rows + times.len() as u64;
        let ready = self.waiting.iter().take_while(|waiting| waiting.rows < known).count();
        let ready: Vec<Waiting> = self.waiting.drain(..ready).collect();
        for waiting in ready {
            let next = times.get((waiting.rows.saturating_sub(self.rows)) as usize).copied();
            rejects.push(self.with_day(waiting, next));
        }
    }

    /// A line's own time tells its day, else the rows around it do, where they agree or there is
    /// but one.
    fn with_day(&self, waiting: Waiting, next: Option<i64>) -> Reject {
        let Waiting { mut reject, time, before, .. } = waiting;
        let around = || {
            let day = |time: Option<i64>| time.and_then(Day::of_micros);
            match (day(before), day(next)) {
                (Some(before), Some(next)) => (before == next).then_some(before),
                (before, next) => before.or(next),
            }
        };
        reject.day = match (time, self.bounds.only_day) {
            (Some(time), _) => Day::of_micros(time),
            (None, Some(day)) => Some(day),
            (None, None) => around(),
        };
        reject
    }

    fn reject(
        &mut self,
        reject: Reject,
        time: Option<i64>,
        start: usize,
        rows: &mut Rows,
        rejects: &mut Vec<Reject>,
    ) {
        self.settle(start, rows, rejects);
        let new = &rows.longs[self.form.time][start..];
        let before = new.last().copied().or(self.last);
        let count = self.rows + new.len() as u64;
        self.waiting.push(Waiting { reject, time, before, rows: count });
        self.give_up(rejects);
        rows.mark_line(self.lines + 1);
    }

    /// Takes a line of which only the start was kept, because it is longer than [`LONGEST`].
    pub(crate) fn long_line(&mut self, start: &[u8], rejects: &mut Vec<Reject>) {
        self.lines += 1;
        let reject = Reject::too_long(self.lines, start);
        self.waiting.push(Waiting { reject, time: None, before: self.last, rows: self.rows });
        self.give_up(rejects);
    }

    /// Takes one line; the rows from `start` on are this block's.
    fn line(&mut self, line: &[u8], start: usize, rows: &mut Rows, rejects: &mut Vec<Reject>) {
        self.lines += 1;
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > LONGEST {
            let reject = Reject::too_long(self.lines, line);
            self.reject(reject, None, start, rows, rejects);
            return;
        }
        let is_first = self.lines == 1;
        let text = if is_first { line.strip_prefix(BOM).unwrap_or(line) } else { line };
        let is_empty = text.iter().all(|b| b" \t\r".contains(b));
        if is_empty || self.read() == 1 && self.is_header(text) {
            self.others += 1;
            rows.mark_line(self.lines + 1);
            return;
        }
        match self.form.read(text, &self.bounds) {
            Ok(mut row) => {
                if self.provisional {
                    row.issues.add(Issue::Provisional);
                }
                rows.push(&row);
            }
            Err(fault) => {
                let (fault, raw) = match self.received {
                    None => (fault, lossy(line)),
                    Some(received) => {
                        let line = (received.line)(text);
                        ((received.fault)(&line), lossy(&line))
                    }
                };
                let reject = Reject { line: self.lines, fault, raw, day: None };
                let time = self.form.own_time(text, &self.bounds);
                self.reject(reject, time, start, rows, rejects);
            }
        }
    }

    /// A first line of names: as many words as the form has fields. Anything less is a reject,
    /// lest a damaged row, or one that is fused with the names, be lost unseen.
    fn is_header(&self, line: &[u8]) -> bool {
        let is_word = |field: &[u8]| {
            field.first().is_some_and(|b| b.is_ascii_alphabetic() || b"_\"#".contains(b))
        };
        self.form.has_right_fields(line) && line.split(|b| *b == b',').all(is_word)
    }
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "parse_model_tests.rs"]
mod model_tests;

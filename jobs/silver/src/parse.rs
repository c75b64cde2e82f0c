//! From bytes to rows and rejects. Pure: nothing here reads, writes or knows the time.
//!
//! Every line ends as exactly one row or one reject; only a header is neither.

use std::borrow::Cow;

use model::schema::RejectReason;

use crate::form::{Fault, Form, lossy};
use crate::rows::Rows;
use crate::rules::Bounds;

/// Longest line, in bytes, that can be a row.
pub(crate) const LONGEST: usize = 4_096;
/// Rejects after which [`Parser::block`] hands back, so that they never pile up.
pub(crate) const PAUSE: usize = 4_096;
/// What stands behind a raw text that was cut.
const CUT: &str = "…";

/// A line that is not in silver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reject {
    /// Its number in the member, from 1, a header counted.
    pub(crate) line: u64,
    /// Why.
    pub(crate) fault: Fault,
    /// The line as received.
    pub(crate) raw: String,
}

/// Reads one member, block by block.
#[derive(Debug)]
pub(crate) struct Parser {
    form: &'static Form,
    bounds: Bounds,
    /// Lines seen.
    lines: u64,
    /// Of them, those that were a header: 0 or 1.
    headers: u64,
    /// Whether the fast reader may be used; tests compare both ways.
    fast: bool,
}

impl Parser {
    /// At the start of a member.
    pub(crate) const fn new(form: &'static Form, bounds: Bounds) -> Self {
        Self { form, bounds, lines: 0, headers: 0, fast: true }
    }

    /// Reads with care only.
    #[cfg(test)]
    pub(crate) const fn careful(form: &'static Form, bounds: Bounds) -> Self {
        Self { form, bounds, lines: 0, headers: 0, fast: false }
    }

    /// Data lines seen so far.
    pub(crate) const fn read(&self) -> u64 {
        self.lines - self.headers
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
            self.line(&rest[..end], rows, rejects);
        }
        at
    }

    /// Takes a line of which only the start was kept, because it is longer than [`LONGEST`].
    pub(crate) fn long_line(&mut self, start: &[u8], rejects: &mut Vec<Reject>) {
        self.lines += 1;
        rejects.push(self.too_long(start));
    }

    fn too_long(&self, line: &[u8]) -> Reject {
        Reject {
            line: self.lines,
            fault: Fault {
                reason: RejectReason::TooLong,
                field: None,
                found: format!("more than {LONGEST} bytes"),
                expected: Cow::Owned(format!("at most {LONGEST} bytes")),
            },
            raw: lossy(&line[..line.len().min(LONGEST)]) + CUT,
        }
    }

    fn line(&mut self, line: &[u8], rows: &mut Rows, rejects: &mut Vec<Reject>) {
        self.lines += 1;
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > LONGEST {
            rejects.push(self.too_long(line));
            return;
        }
        let mut text = line;
        if self.lines == 1 {
            text = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
            if self.is_header(text) {
                self.headers = 1;
                return;
            }
        }
        match self.form.read(text, &self.bounds) {
            Ok(row) => rows.push(&row),
            Err(fault) => rejects.push(Reject { line: self.lines, fault, raw: lossy(line) }),
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

//! The second pass over a file's stamps: the UTC instant and the flags of each line, by what the first
//! pass found. It decides nothing of its own, and takes constant time for a line.

use std::ops::Deref;

use super::findings::{Findings, Flags};
use super::line::Stamp;
use super::rule::{Clock, Fit, HOUR, NoRule, Reader};

/// A line's instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instant {
    /// µs since the epoch, UTC.
    pub micros: i64,
    /// What is to be known of it.
    pub flags: Flags,
    /// Whether the line stands in the second pass of a stretch that was copied. Its instant is that
    /// of its original.
    pub copied: bool,
}

/// Gives instants to the lines of a file, in their order.
#[derive(Debug, Clone)]
pub struct Instants<F> {
    findings: F,
    reader: Reader,
    /// The segment of the line before, and the first overlap that does not end before it.
    segment: usize,
    overlap: usize,
}

impl<F: Deref<Target = Findings>> Instants<F> {
    /// A second pass by the findings of the first. The clock must be that of the first.
    pub const fn new(findings: F, clock: Clock) -> Self {
        Self { findings, reader: Reader::new(clock), segment: 0, overlap: 0 }
    }

    /// The instant of the next line. Lines are handed over as they were in the first pass.
    ///
    /// # Errors
    /// [`NoRule`] where the clock has no rule for the stamp.
    pub fn next(&mut self, line: u64, stamp: Stamp) -> Result<Instant, NoRule> {
        let reading = self.reader.read(line, stamp)?;
        let segments = &self.findings.segments;
        while segments.get(self.segment + 1).is_some_and(|next| next.line <= line) {
            self.segment += 1;
        }
        let (late, mut flags) = segments
            .get(self.segment)
            .map_or((0, Flags::default()), |segment| (segment.late, segment.flags));
        let overlaps = &self.findings.overlaps;
        while overlaps.get(self.overlap).is_some_and(|overlap| overlap.last_line() < line) {
            self.overlap += 1;
        }
        let overlap = overlaps.get(self.overlap).copied();
        let second = overlap.is_some_and(|overlap| line >= overlap.line);
        let first = overlap.is_some_and(|o| line >= o.week && line < o.line && stamp >= o.from);
        let copied = second && overlap.is_some_and(|overlap| overlap.is_copy());
        flags.ambiguous_time = first || second || reading.fit == Fit::Twice;
        // the file has a stamp that the rule leaves out
        flags.contradicts_zone |= reading.fit == Fit::Never;
        Ok(Instant { micros: reading.micros - late * HOUR, flags, copied })
    }
}

//! The fast path of a group: its rows are in key order already, as they nearly always are.
//! Rows go straight into their partition's file; a repeated key stands next to its first row.
//!
//! The last row is kept back until its key cannot come again: were it repeated with other
//! content, the row that stays must say so.

use model::schema::Issue;

use crate::error::SilverError;
use crate::output::{Output, Ranks};
use crate::partition::{Cut, Ordinal};
use crate::rows::Rows;

/// Rows dropped because their key was there already, of one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Duplicates {
    /// All of them.
    pub(crate) rows: u64,
    /// Those whose content differed from the row that was kept.
    pub(crate) conflicting: u64,
}

/// What became of some rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// They were taken.
    Kept,
    /// They are not in order: the group must be sorted. What was written is of no use.
    Broken,
}

/// Takes rows in order.
#[derive(Debug)]
pub(crate) struct InOrder<'a> {
    output: Output<'a>,
    cut: Cut,
    /// The slot of the instant that decides the partition.
    time: usize,
    /// The greatest key of the units before the present one.
    last_key: Option<i64>,
    /// The last partition written to.
    last_ordinal: Option<Ordinal>,
    duplicates: Vec<Duplicates>,
}

impl<'a> InOrder<'a> {
    /// Into `output`, for `units` units.
    pub(crate) fn new(output: Output<'a>, cut: Cut, time: usize, units: usize) -> Self {
        Self {
            output,
            cut,
            time,
            last_key: None,
            last_ordinal: None,
            duplicates: vec![Duplicates::default(); units],
        }
    }

    /// Takes the rows of one unit and leaves the last one in `rows`, where the next ones are to
    /// be added. At the unit's end (`ended`) it leaves none.
    pub(crate) fn take(
        &mut self,
        rows: &mut Rows,
        rank: u16,
        ended: bool,
    ) -> Result<Order, SilverError> {
        let Some((first, last)) = rows.keys().first().zip(rows.keys().last()) else {
            return Ok(Order::Kept);
        };
        // a key that another unit had already is for the sorter to settle
        if self.last_key.is_some_and(|key| key >= *first) {
            return Ok(Order::Broken);
        }
        if ended {
            self.last_key = Some(*last);
        }
        if !is_rising(rows.keys()) {
            if rows.keys().windows(2).any(|pair| pair[0] > pair[1]) {
                return Ok(Order::Broken);
            }
            *rows = deduplicated(rows, &mut self.duplicates[usize::from(rank)]);
        }
        let kept_back = usize::from(!ended);
        let end = rows.len() - kept_back;
        if self.write(rows, end, rank)? == Order::Broken {
            return Ok(Order::Broken);
        }
        if ended {
            rows.clear();
        } else {
            let last = rows.get(end);
            rows.clear();
            rows.push(&last);
        }
        Ok(Order::Kept)
    }

    /// Writes the first `end` rows, each to its partition.
    fn write(&mut self, rows: &Rows, end: usize, rank: u16) -> Result<Order, SilverError> {
        let times = &rows.longs[self.time][..end];
        let mut start = 0;
        while let Some(time) = times.get(start) {
            let ordinal = self.cut.ordinal(*time);
            if self.last_ordinal.is_some_and(|last| last > ordinal) {
                return Ok(Order::Broken);
            }
            self.last_ordinal = Some(ordinal);
            let span = self.cut.span(*time);
            let rest = &times[start..];
            let count = rest.iter().position(|t| !span.contains(t)).unwrap_or(rest.len());
            self.output.write(ordinal, rows, start..start + count, Ranks::One(rank))?;
            start += count;
        }
        Ok(Order::Kept)
    }

    /// The output and the duplicates by rank.
    pub(crate) fn finish(self) -> (Output<'a>, Vec<Duplicates>) {
        (self.output, self.duplicates)
    }
}

/// Whether keys rise strictly.
fn is_rising(keys: &[i64]) -> bool {
    // counted, not sought: without an early end the compiler compares several at once
    keys.windows(2).filter(|pair| pair[0] >= pair[1]).count() == 0
}

/// The first row of each key. `rows` are sorted.
fn deduplicated(rows: &Rows, duplicates: &mut Duplicates) -> Rows {
    let mut kept = rows.empty();
    let mut current = rows.get(0);
    for at in 1..rows.len() {
        let next = rows.get(at);
        if next.longs[0] == current.longs[0] {
            duplicates.rows += 1;
            if !next.same_content(&current) {
                duplicates.conflicting += 1;
                current.issues.add(Issue::ConflictingDuplicate);
            }
        } else {
            kept.push(&current);
            current = next;
        }
    }
    kept.push(&current);
    kept
}

//! The fast path of a group: its rows are in key order already, as they nearly always are.
//! Rows go straight into their partition's file; a repeated key stands next to its first row.
//!
//! The rows of the last key are kept back until it cannot come again: were one repeated with
//! other content, the row that stays must say so.

use std::path::Path;

use model::partition::Grain;
use source::form::Form;
use source::rows::Rows;

use crate::error::SilverError;
use crate::output::{Output, Ranks};
use crate::partition::{self, Ordinal};
use crate::record::Ranked;
use crate::repeats::Repeats;
use crate::settle::{Dropped, Settler};

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
    grain: Grain,
    form: &'static Form,
    /// The greatest key of the units before the present one.
    last_key: Option<i64>,
    /// The last partition written to.
    last_ordinal: Option<Ordinal>,
    settler: Settler,
    repeats: Option<Repeats>,
    dropped: Dropped,
}

impl<'a> InOrder<'a> {
    /// Into `output`, for `units` units, with spill files in `folder`.
    pub(crate) fn new(
        output: Output<'a>,
        grain: Grain,
        form: &'static Form,
        folder: &Path,
        units: usize,
    ) -> Self {
        Self {
            output,
            grain,
            form,
            last_key: None,
            last_ordinal: None,
            settler: Settler::new(form.same_key),
            repeats: Repeats::of(form),
            dropped: Dropped::new(folder, units),
        }
    }

    /// Takes the rows of one unit and leaves those of the last key in `rows`, where the next ones are to
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
            *rows = self.settled(rows, rank)?;
        }
        let mut end = rows.len();
        if !ended {
            let keys = rows.keys();
            end -= 1;
            while end > 0 && keys[end - 1] == keys[end] {
                end -= 1;
            }
        }
        if self.write(rows, end, rank)? == Order::Broken {
            return Ok(Order::Broken);
        }
        if ended {
            rows.clear();
        } else {
            let last: Vec<_> = (end..rows.len()).map(|at| (rows.get(at), rows.line(at))).collect();
            rows.clear();
            for (row, line) in last {
                rows.mark_line(line);
                rows.push(&row);
            }
        }
        Ok(Order::Kept)
    }

    /// Writes the first `end` rows, each to its partition.
    fn write(&mut self, rows: &mut Rows, end: usize, rank: u16) -> Result<Order, SilverError> {
        if let Some(repeats) = &mut self.repeats {
            repeats.mark(rows, 0..end);
        }
        let times = &rows.longs[self.form.time][..end];
        let mut start = 0;
        while let Some(time) = times.get(start) {
            let ordinal = partition::ordinal(self.grain, *time);
            if self.last_ordinal.is_some_and(|last| last > ordinal) {
                return Ok(Order::Broken);
            }
            self.last_ordinal = Some(ordinal);
            let span = partition::span(self.grain, *time);
            let rest = &times[start..];
            let count = rest.iter().position(|t| !span.contains(t)).unwrap_or(rest.len());
            self.output.write(ordinal, rows, start..start + count, Ranks::One(rank))?;
            start += count;
        }
        Ok(Order::Kept)
    }

    /// What stays of rows that are sorted and share keys.
    fn settled(&mut self, rows: &Rows, rank: u16) -> Result<Rows, SilverError> {
        let mut kept = rows.empty();
        for at in 0..rows.len() {
            let next = Ranked { row: rows.get(at), rank, line: rows.line(at) };
            if self.settler.key().is_some_and(|key| key != next.row.longs[0]) {
                push(&mut kept, self.settler.take());
            }
            self.settler.add(next, &mut self.dropped)?;
        }
        push(&mut kept, self.settler.take());
        Ok(kept)
    }

    /// The output and what was dropped.
    pub(crate) fn finish(self) -> (Output<'a>, Dropped) {
        (self.output, self.dropped)
    }
}

fn push(rows: &mut Rows, kept: impl Iterator<Item = Ranked>) {
    for Ranked { row, line, .. } in kept {
        rows.mark_line(line);
        rows.push(&row);
    }
}

/// Whether keys rise strictly.
fn is_rising(keys: &[i64]) -> bool {
    // counted, not sought: without an early end the compiler compares several at once
    keys.windows(2).filter(|pair| pair[0] >= pair[1]).count() == 0
}

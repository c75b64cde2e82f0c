//! Rows in memory: columns of plain numbers, the same form for every dataset. What a column
//! means for a dataset stands in its [`Form`](crate::form::Form).

use model::schema::{Issue, Issues};

/// Columns of each kind that a dataset may have.
pub const SLOTS: usize = 4;
/// What stands in [`Row::prices`] where the source left a figure blank: no price has so many digits.
pub const NO_PRICE: i64 = i64::MIN;
/// What stands in [`Row::amounts`] where the source left a figure blank: no amount has so many digits.
pub const NO_AMOUNT: i128 = i128::MIN;
/// Flags that a dataset may have.
pub(crate) const FLAGS: usize = 2;

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Row {
    /// Ids, instants (µs) and counts; the first is the natural key.
    pub longs: [i64; SLOTS],
    /// Prices in units of 1e-8.
    pub prices: [i64; SLOTS],
    /// Quantities and volumes in units of 1e-8.
    pub amounts: [i128; SLOTS],
    /// Flags.
    pub flags: [bool; FLAGS],
    /// What is remarkable about it.
    pub issues: Issues,
}

impl Row {
    /// Whether it says the same as another row of its key.
    #[inline]
    pub fn same_content(&self, other: &Self) -> bool {
        Self { issues: Issues::default(), ..*self } == Self { issues: Issues::default(), ..*other }
    }
}

/// A column of amounts: 64 bits until one does not fit.
#[derive(Debug, Clone, Default)]
pub struct Amounts {
    narrow: Vec<i64>,
    wide: Vec<i128>,
    is_wide: bool,
}

/// The values of an [`Amounts`].
#[derive(Debug, Clone, Copy)]
pub enum AmountSlice<'a> {
    /// All fit 64 bits.
    Narrow(&'a [i64]),
    /// At least one did not.
    Wide(&'a [i128]),
}

impl Amounts {
    /// Adds a value that fits.
    #[inline]
    pub fn push_narrow(&mut self, value: i64) {
        if self.is_wide {
            self.wide.push(i128::from(value));
        } else {
            self.narrow.push(value);
        }
    }

    /// Adds any value.
    #[inline]
    pub fn push(&mut self, value: i128) {
        match i64::try_from(value) {
            Ok(narrow) => self.push_narrow(narrow),
            Err(_) => self.push_wide(value),
        }
    }

    #[cold]
    fn widen(&mut self) {
        self.is_wide = true;
        self.wide.clear();
        self.wide.extend(self.narrow.iter().map(|v| i128::from(*v)));
        self.narrow.clear();
    }

    fn push_wide(&mut self, value: i128) {
        if !self.is_wide {
            self.widen();
        }
        self.wide.push(value);
    }

    /// The value of a row.
    #[inline]
    pub fn get(&self, row: usize) -> i128 {
        if self.is_wide { self.wide[row] } else { i128::from(self.narrow[row]) }
    }

    /// The values of some rows.
    pub fn slice(&self, rows: std::ops::Range<usize>) -> AmountSlice<'_> {
        if self.is_wide {
            AmountSlice::Wide(&self.wide[rows])
        } else {
            AmountSlice::Narrow(&self.narrow[rows])
        }
    }

    fn clear(&mut self) {
        self.narrow.clear();
        self.wide.clear();
        self.is_wide = false;
    }
}

/// Many rows, column by column. Columns that a dataset does not have stay empty.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// See [`Row::longs`].
    pub longs: [Vec<i64>; SLOTS],
    /// See [`Row::prices`].
    pub prices: [Vec<i64>; SLOTS],
    /// See [`Row::amounts`].
    pub amounts: [Amounts; SLOTS],
    /// See [`Row::flags`].
    pub flags: [Vec<bool>; FLAGS],
    /// Rows with issues, in row order; all others have none.
    pub issues: Vec<(usize, Issues)>,
    /// Rows and the lines that they stand on; those that follow stand on the lines that follow.
    lines: Vec<(usize, u64)>,
    has: Slots,
}

/// How many columns of each kind a dataset has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Slots {
    /// Of [`Row::longs`], at least one.
    pub longs: usize,
    /// Of [`Row::prices`].
    pub prices: usize,
    /// Of [`Row::amounts`].
    pub amounts: usize,
    /// Of [`Row::flags`].
    pub flags: usize,
}

impl Rows {
    /// No rows of a form.
    pub fn new(has: Slots) -> Self {
        Self { has, ..Self::default() }
    }

    /// No rows of the same form.
    #[must_use]
    pub fn empty(&self) -> Self {
        Self::new(self.has)
    }

    /// Their number.
    #[inline]
    pub fn len(&self) -> usize {
        self.longs[0].len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Their natural keys.
    #[inline]
    pub fn keys(&self) -> &[i64] {
        &self.longs[0]
    }

    /// Adds a row.
    #[inline]
    pub fn push(&mut self, row: &Row) {
        if row.issues != Issues::default() {
            self.issues.push((self.len(), row.issues));
        }
        for slot in 0..self.has.longs {
            self.longs[slot].push(row.longs[slot]);
        }
        for slot in 0..self.has.prices {
            self.prices[slot].push(row.prices[slot]);
        }
        for slot in 0..self.has.amounts {
            self.amounts[slot].push(row.amounts[slot]);
        }
        for slot in 0..self.has.flags {
            self.flags[slot].push(row.flags[slot]);
        }
    }

    /// One row.
    #[inline]
    pub fn get(&self, at: usize) -> Row {
        let mut row = Row { issues: self.issues_of(at), ..Row::default() };
        for slot in 0..self.has.longs {
            row.longs[slot] = self.longs[slot][at];
        }
        for slot in 0..self.has.prices {
            row.prices[slot] = self.prices[slot][at];
        }
        for slot in 0..self.has.amounts {
            row.amounts[slot] = self.amounts[slot].get(at);
        }
        for slot in 0..self.has.flags {
            row.flags[slot] = self.flags[slot][at];
        }
        row
    }

    /// Says on which line the next row stands, unless another mark comes before it.
    #[inline]
    pub fn mark_line(&mut self, line: u64) {
        let next = self.len();
        match self.lines.last_mut() {
            Some((row, marked)) if *row == next => *marked = line,
            _ => self.lines.push((next, line)),
        }
    }

    /// The line of its archive that a row stands on; 0 where nobody said.
    #[inline]
    pub fn line(&self, at: usize) -> u64 {
        let marks = self.lines.partition_point(|(row, _)| *row <= at);
        marks
            .checked_sub(1)
            .and_then(|mark| self.lines.get(mark))
            .map_or(0, |(row, line)| line + (at - row) as u64)
    }

    /// Adds issues to rows, which are given in order.
    pub fn add_issues(&mut self, found: &[(usize, Issue)]) {
        if found.is_empty() {
            return;
        }
        self.issues.extend(found.iter().map(|(row, issue)| (*row, Issues(issue.bit()))));
        // two runs in order, which a stable sort merges
        self.issues.sort_by_key(|(row, _)| *row);
        self.issues.dedup_by(|next, kept| {
            let is_same = next.0 == kept.0;
            if is_same {
                kept.1.0 |= next.1.0;
            }
            is_same
        });
    }

    #[inline]
    fn issues_of(&self, at: usize) -> Issues {
        self.issues
            .binary_search_by_key(&at, |(row, _)| *row)
            .map_or(Issues::default(), |found| self.issues[found].1)
    }

    /// The rows of a range that have issues, numbered from its start.
    pub fn issues_in(&self, rows: std::ops::Range<usize>) -> impl Iterator<Item = (usize, Issues)> {
        let first = self.issues.partition_point(|(row, _)| *row < rows.start);
        self.issues[first..]
            .iter()
            .take_while(move |(row, _)| *row < rows.end)
            .map(move |(row, issues)| (row - rows.start, *issues))
    }

    /// Takes all rows away.
    pub fn clear(&mut self) {
        self.longs.iter_mut().for_each(Vec::clear);
        self.prices.iter_mut().for_each(Vec::clear);
        self.amounts.iter_mut().for_each(Amounts::clear);
        self.flags.iter_mut().for_each(Vec::clear);
        self.issues.clear();
        self.lines.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_read_back() {
        let mut rows = Rows::new(Slots { longs: 2, prices: 1, amounts: 2, flags: 1 });
        let mut expect = Vec::new();
        for n in 0..10_i64 {
            let mut issues = Issues::default();
            if n % 3 == 0 {
                issues.add(Issue::QuoteMismatch);
            }
            let row = Row {
                longs: [n, n * 2, 0, 0],
                prices: [n * 3, 0, 0, 0],
                amounts: [i128::from(n), if n == 5 { i128::MAX } else { -1 }, 0, 0],
                flags: [n % 2 == 0, false],
                issues,
            };
            rows.push(&row);
            expect.push(row);
        }
        assert_eq!((0..10).map(|n| rows.get(n)).collect::<Vec<_>>(), expect);
        assert!(matches!(rows.amounts[0].slice(0..10), AmountSlice::Narrow(_)));
        assert!(matches!(rows.amounts[1].slice(0..10), AmountSlice::Wide(_)));
        assert_eq!(rows.issues_in(2..7).map(|(n, _)| n).collect::<Vec<_>>(), [1, 4]);
        rows.add_issues(&[(1, Issue::BadQuantity), (6, Issue::IdRepeated), (9, Issue::Voided)]);
        for (row, issue) in [(1, Issue::BadQuantity), (6, Issue::IdRepeated), (9, Issue::Voided)] {
            expect[row].issues.add(issue);
        }
        assert_eq!((0..10).map(|n| rows.get(n)).collect::<Vec<_>>(), expect);
        assert_eq!(rows.issues_in(1..8).map(|(n, _)| n).collect::<Vec<_>>(), [0, 2, 5]);
        rows.clear();
        rows.push(&expect[0]);
        assert!(matches!(rows.amounts[1].slice(0..1), AmountSlice::Narrow(_)));
    }
}

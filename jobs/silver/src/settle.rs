//! What becomes of rows that share a key: which stay, which are dropped, and that nothing which
//! says something else is dropped unseen. Decision 0016.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use model::schema::Issue;
use source::form::SameKey;
use source::rows::{Row, Slots};
use source::rules::is_id;

use crate::error::SilverError;
use crate::record::{Codec, Ranked};
use crate::sort::{Sorted, Sorter};

/// Most rows of one key that stay. Further ones are dropped like any that contradict.
const MOST: usize = 64;
/// Bytes in which the lines of dropped rows are sorted before they spill, for each unit.
const MEMORY: usize = 8 << 20;

/// Settles the rows of one key after the other.
#[derive(Debug)]
pub(crate) struct Settler {
    rule: SameKey,
    kept: Vec<Ranked>,
}

impl Settler {
    /// Without rows.
    pub(crate) const fn new(rule: SameKey) -> Self {
        Self { rule, kept: Vec::new() }
    }

    /// The key of the rows at hand.
    pub(crate) fn key(&self) -> Option<i64> {
        self.kept.first().map(|kept| kept.row.longs[0])
    }

    /// Takes the next row of the key. Rows of later units come first, those of one unit in the
    /// order of its archive.
    pub(crate) fn add(&mut self, next: Ranked, dropped: &mut Dropped) -> Result<(), SilverError> {
        if self.kept.iter().any(|kept| kept.row.same_content(&next.row)) {
            dropped.same(next.rank);
            return Ok(());
        }
        if self.displaces(&next) {
            return self.displace(next, dropped);
        }
        let against = self.kept.iter().position(|kept| !self.differ(&kept.row, &next.row));
        let Some(against) = against.or((self.kept.len() >= MOST).then_some(0)) else {
            self.kept.push(next);
            if self.kept.len() > 1 {
                self.kept.iter_mut().for_each(|kept| kept.row.issues.add(Issue::IdRepeated));
            }
            return Ok(());
        };
        let loser = if self.wins(&next, against) {
            std::mem::replace(&mut self.kept[against], next)
        } else {
            next
        };
        self.kept[against].row.issues.add(Issue::ConflictingDuplicate);
        if self.kept.len() > 1 {
            self.kept[against].row.issues.add(Issue::IdRepeated);
        }
        dropped.conflicting(loser.rank, loser.line)
    }

    /// Whether a valid row meets some that are kept, and only such of its unit as are not valid.
    fn displaces(&self, next: &Ranked) -> bool {
        let met = || self.kept.iter().filter(|kept| !self.differ(&kept.row, &next.row));
        is_valid(&next.row)
            && met().next().is_some()
            && met().all(|kept| kept.rank == next.rank && !is_valid(&kept.row))
    }

    /// Puts a row in the place of all that it meets.
    fn displace(&mut self, mut next: Ranked, dropped: &mut Dropped) -> Result<(), SilverError> {
        let kept = std::mem::take(&mut self.kept);
        for kept in kept {
            if self.differ(&kept.row, &next.row) {
                self.kept.push(kept);
            } else {
                dropped.conflicting(kept.rank, kept.line)?;
            }
        }
        next.row.issues.add(Issue::ConflictingDuplicate);
        if !self.kept.is_empty() {
            next.row.issues.add(Issue::IdRepeated);
        }
        self.kept.push(next);
        Ok(())
    }

    /// The rows that stay, in an order that does not depend on that of the archive.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = Ranked> {
        if self.kept.len() > 1 {
            self.kept.sort_by(|a, b| content(&a.row, &b.row));
        }
        self.kept.drain(..)
    }

    /// Whether two rows are known to be of other trades.
    fn differ(&self, a: &Row, b: &Row) -> bool {
        let SameKey::Trades(first, last) = self.rule else { return false };
        let span = |row: &Row| {
            let (first, last) = (row.longs[first], row.longs[last]);
            (is_id(first) && is_id(last) && first <= last).then_some((first, last))
        };
        span(a).zip(span(b)).is_some_and(|(a, b)| a.1 < b.0 || b.1 < a.0)
    }

    /// Whether a row takes the place of one that is kept.
    fn wins(&self, next: &Ranked, against: usize) -> bool {
        let kept = &self.kept[against];
        if next.rank != kept.rank {
            return false;
        }
        let fits = |(place, other): (usize, &Ranked)| {
            place == against || self.differ(&other.row, &next.row)
        };
        let (a, b) = (&next.row, &kept.row);
        let order = is_valid(a).cmp(&is_valid(b)).then_with(|| match self.rule {
            SameKey::Fuller(count, volume) => a.longs[count]
                .cmp(&b.longs[count])
                .then(a.amounts[volume].cmp(&b.amounts[volume]))
                .then_with(|| content(a, b)),
            SameKey::First | SameKey::Trades(..) => Ordering::Equal,
        });
        order == Ordering::Greater && self.kept.iter().enumerate().all(fits)
    }
}

/// Whether the row rules have nothing against it.
fn is_valid(row: &Row) -> bool {
    row.issues.is_valid()
}

/// A total order of what rows say: ids and times first.
fn content(a: &Row, b: &Row) -> Ordering {
    a.longs[2..]
        .cmp(&b.longs[2..])
        .then_with(|| a.longs.cmp(&b.longs))
        .then_with(|| a.prices.cmp(&b.prices))
        .then_with(|| a.amounts.cmp(&b.amounts))
        .then_with(|| a.flags.cmp(&b.flags))
}

/// Rows dropped because their key was there already, of one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Duplicates {
    /// All of them.
    pub(crate) rows: u64,
    /// Those whose content differed from the row that was kept.
    pub(crate) conflicting: u64,
}

/// The lines of each unit, by rank.
pub(crate) type Lines = Vec<(u16, Sorted)>;

/// The rows dropped from the units of a group, and the lines of those that said something else.
#[derive(Debug)]
pub(crate) struct Dropped {
    folder: PathBuf,
    counts: Vec<Duplicates>,
    lines: BTreeMap<u16, Sorter>,
}

impl Dropped {
    /// None yet, of `units` units; lines spill into `folder`.
    pub(crate) fn new(folder: &Path, units: usize) -> Self {
        let counts = vec![Duplicates::default(); units];
        Self { folder: folder.to_owned(), counts, lines: BTreeMap::new() }
    }

    fn same(&mut self, rank: u16) {
        self.counts[usize::from(rank)].rows += 1;
    }

    fn conflicting(&mut self, rank: u16, line: u64) -> Result<(), SilverError> {
        let counts = &mut self.counts[usize::from(rank)];
        counts.rows += 1;
        counts.conflicting += 1;
        let codec = Codec::new(Slots { longs: 1, prices: 0, amounts: 0, flags: 0 });
        let folder = &self.folder;
        let lines = self.lines.entry(rank).or_insert_with(|| Sorter::new(codec, folder, MEMORY));
        let row = Row { longs: [line as i64, 0, 0, 0], ..Row::default() };
        lines.push(&Ranked { row, rank, line })
    }

    /// The counts by rank, and for each unit that has any the lines of conflicting rows in order.
    pub(crate) fn finish(self) -> Result<(Vec<Duplicates>, Lines), SilverError> {
        let lines = self.lines.into_iter().map(|(rank, lines)| Ok((rank, lines.finish()?)));
        let lines = lines.collect::<Result<_, SilverError>>()?;
        Ok((self.counts, lines))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows as (rank, longs, volume, valid); what stays of them in any order, with its issues.
    fn check(
        rule: SameKey,
        rows: &[(u16, [i64; 4], i128, bool)],
        expect: &[([i64; 4], i128, &str)],
        expect_counts: &[(u64, u64)],
    ) {
        let folder = tempfile::tempdir().expect("folder");
        let mut dropped = Dropped::new(folder.path(), expect_counts.len());
        let mut settler = Settler::new(rule);
        for (line, (rank, longs, volume, valid)) in rows.iter().enumerate() {
            let mut row = Row { longs: *longs, amounts: [*volume, 0, 0, 0], ..Row::default() };
            if !valid {
                row.issues.add(Issue::BadQuantity);
            }
            let ranked = Ranked { row, rank: *rank, line: line as u64 + 1 };
            settler.add(ranked, &mut dropped).expect("memory");
        }
        let found: Vec<_> = settler
            .take()
            .map(|kept| {
                let issues = kept.row.issues.text().unwrap_or_default();
                (kept.row.longs, kept.row.amounts[0], issues)
            })
            .collect();
        let expect: Vec<_> = expect
            .iter()
            .map(|(longs, volume, words)| (*longs, *volume, (*words).to_owned()))
            .collect();
        assert_eq!(found, expect, "{rows:?}");
        let (counts, lines) = dropped.finish().expect("memory");
        let counts: Vec<_> = counts.iter().map(|c| (c.rows, c.conflicting)).collect();
        assert_eq!(counts, expect_counts, "{rows:?}");
        let mut conflicting = vec![0; counts.len()];
        for (rank, mut sorted) in lines {
            while sorted.next().expect("memory").is_some() {
                conflicting[usize::from(rank)] += 1;
            }
        }
        assert_eq!(conflicting, counts.iter().map(|c| c.1).collect::<Vec<_>>());
    }

    #[test]
    fn of_two_candles_the_fuller_stays_in_any_order() {
        let (whole, rest) = ((0, [7, 9, 5_000, 0], 10, true), (0, [7, 9, 3, 0], 90, true));
        let expect = [([7, 9, 5_000, 0], 10, "conflicting_duplicate")];
        for rows in [[whole, rest], [rest, whole]] {
            check(SameKey::Fuller(2, 0), &rows, &expect, &[(1, 1)]);
        }
        let more = (0, [7, 9, 5_000, 0], 11, true);
        let expect = [([7, 9, 5_000, 0], 11, "conflicting_duplicate")];
        for rows in [[whole, more, rest], [more, rest, whole], [rest, whole, more]] {
            check(SameKey::Fuller(2, 0), &rows, &expect, &[(2, 2)]);
        }
        // what the row rules refuse is not fuller, and a later archive wins over both
        let wrong = (0, [7, 9, i64::MAX, 0], 10, false);
        check(
            SameKey::Fuller(2, 0),
            &[wrong, rest],
            &[([7, 9, 3, 0], 90, "conflicting_duplicate")],
            &[(1, 1)],
        );
        let later = (1, [7, 9, 1, 0], 1, true);
        check(
            SameKey::Fuller(2, 0),
            &[later, whole, whole],
            &[([7, 9, 1, 0], 1, "conflicting_duplicate")],
            &[(2, 2), (0, 0)],
        );
    }

    #[test]
    fn rows_of_other_trades_stay() {
        let (a, b) = ((0, [7, 1, 669, 669], 824, true), (0, [7, 2, 670, 671], 19_332, true));
        let expect =
            [([7, 1, 669, 669], 824, "id_repeated"), ([7, 2, 670, 671], 19_332, "id_repeated")];
        check(SameKey::Trades(2, 3), &[a, b, a], &expect, &[(1, 0)]);
        check(SameKey::Trades(2, 3), &[b, a, b], &expect, &[(1, 0)]);
        // the same trades with another quantity
        let other = (0, [7, 2, 671, 672], 5, true);
        let expect = [
            ([7, 1, 669, 669], 824, "id_repeated"),
            ([7, 2, 670, 671], 19_332, "conflicting_duplicate,id_repeated"),
        ];
        check(SameKey::Trades(2, 3), &[a, b, other], &expect, &[(1, 1)]);
        // what names no trades is told apart from nothing
        let void = (0, [7, 1, -1, -1], 0, false);
        let expect = [([7, 1, 669, 669], 824, "conflicting_duplicate")];
        check(SameKey::Trades(2, 3), &[void, a], &expect, &[(1, 1)]);
        check(SameKey::Trades(2, 3), &[a, void], &expect, &[(1, 1)]);
        let huge = (0, [7, 1, i64::MAX - 1, i64::MAX], 0, false);
        check(SameKey::Trades(2, 3), &[a, huge], &expect, &[(1, 1)]);
    }

    #[test]
    fn a_valid_row_goes_before_all_of_its_archive_that_are_not() {
        let (low, high) = ((0, [7, 1, 1, 5], 1, false), (0, [7, 2, 6, 10], 2, false));
        let whole = (0, [7, 1, 1, 10], 3, true);
        let expect = [([7, 1, 1, 10], 3, "conflicting_duplicate")];
        for rows in [[low, high, whole], [high, whole, low], [whole, low, high]] {
            check(SameKey::Trades(2, 3), &rows, &expect, &[(2, 2)]);
        }
        let next = (0, [7, 3, 11, 11], 4, true);
        let expect = [
            ([7, 1, 1, 10], 3, "conflicting_duplicate,id_repeated"),
            ([7, 3, 11, 11], 4, "id_repeated"),
        ];
        check(SameKey::Trades(2, 3), &[low, next, high, whole], &expect, &[(2, 2)]);
        let later = (1, [7, 2, 6, 10], 2, false);
        let expect = [
            ([7, 1, 1, 5], 1, "bad_quantity,id_repeated"),
            ([7, 2, 6, 10], 2, "bad_quantity,conflicting_duplicate,id_repeated"),
        ];
        let rows = [later, low, whole];
        check(SameKey::Trades(2, 3), &rows, &expect, &[(1, 1), (0, 0)]);
    }

    #[test]
    fn of_single_trades_one_stays() {
        let (a, b) = ((0, [7, 1, 0, 0], 1, true), (0, [7, 1, 0, 0], 2, true));
        let kept = |volume| [([7, 1, 0, 0], volume, "conflicting_duplicate")];
        check(SameKey::First, &[a, b, a], &kept(1), &[(2, 1)]);
        check(SameKey::First, &[b, a, a], &kept(2), &[(2, 2)]);
        let wrong = (0, [7, 1, 0, 0], 3, false);
        check(SameKey::First, &[wrong, a], &kept(1), &[(1, 1)]);
    }

    #[test]
    fn a_key_has_so_many_rows_and_no_more() {
        let rows: Vec<_> = (0..100).map(|n| (0, [7, 1, n * 2, n * 2], 1, true)).collect();
        let folder = tempfile::tempdir().expect("folder");
        let mut dropped = Dropped::new(folder.path(), 1);
        let mut settler = Settler::new(SameKey::Trades(2, 3));
        for (rank, longs, _, _) in rows {
            let row = Row { longs, ..Row::default() };
            settler.add(Ranked { row, rank, line: 1 }, &mut dropped).expect("memory");
        }
        assert_eq!(settler.take().count(), MOST);
        assert_eq!(dropped.finish().expect("memory").0[0].conflicting, 100 - MOST as u64);
    }
}

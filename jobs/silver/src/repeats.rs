//! Aggregate trades that have trades which an aggregate with a lesser id has already: the exchange
//! aligned its numbering and left both forms in some archives. The first stays valid, so that its
//! volume counts once. Decision 0016.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use model::schema::Issue;
use source::form::{Form, Proof};
use source::rows::{Row, Rows};

/// Most spans that are remembered; beyond that the half that grew longest ago is forgotten.
const MOST: usize = 1 << 16;
/// Rows before one among which its like is sought where spans prove nothing.
const RECENT: usize = 4_096;

/// Finds aggregates that repeat others.
#[derive(Debug)]
pub(crate) struct Repeats {
    /// The slots of the first and the last trade's id.
    slots: (usize, usize),
    seen: Seen,
}

impl Repeats {
    /// What finds them among the rows of a form, where it has any.
    pub(crate) fn of(form: &Form) -> Option<Self> {
        form.repeats.map(|(first, last, proof)| Self::new((first, last), proof))
    }

    /// Nothing seen yet.
    pub(crate) fn new(slots: (usize, usize), proof: Proof) -> Self {
        let seen = match proof {
            Proof::Overlap => Seen::Trades(Spans::default()),
            Proof::SameSpan => Seen::Rows(Recent::default()),
        };
        Self { slots, seen }
    }

    /// Marks the rows of a range that repeat others. Rows come in the order of their ids.
    pub(crate) fn mark(&mut self, rows: &mut Rows, range: Range<usize>) {
        let start = range.start;
        let firsts = &rows.longs[self.slots.0][range.clone()];
        let lasts = &rows.longs[self.slots.1][range.clone()];
        let mut found = Vec::new();
        let mut at = 0;
        let invalid = rows.issues_in(range).filter(|(_, issues)| !issues.is_valid());
        for end in invalid.map(|(row, _)| row).chain([firsts.len()]) {
            self.mark_valid(&firsts[at..end], &lasts[at..end], |row, issue| {
                found.push((start + at + row, issue));
            });
            at = end + 1;
        }
        rows.add_issues(&found);
    }

    /// Marks a row that repeats another.
    pub(crate) fn mark_one(&mut self, row: &mut Row) {
        if row.issues.is_valid() {
            let (first, last) = (row.longs[self.slots.0], row.longs[self.slots.1]);
            self.mark_valid(&[first], &[last], |_, issue| row.issues.add(issue));
        }
    }

    /// Tells which of some valid rows have what issue.
    fn mark_valid(&mut self, firsts: &[i64], lasts: &[i64], mut tell: impl FnMut(usize, Issue)) {
        let mut at = 0;
        while at < firsts.len() {
            if self.seen.is_before(firsts[at]) {
                // nearly always each aggregate goes on where the one before it ended
                let pairs = lasts[at..].iter().zip(&firsts[at + 1..]);
                let more = pairs.take_while(|(last, next)| last.wrapping_add(1) == **next).count();
                let end = at + 1 + more;
                self.seen.add(&firsts[at..end], &lasts[at..end]);
                at = end;
            } else {
                if let Some(issue) = self.seen.judge(firsts[at], lasts[at]) {
                    tell(at, issue);
                }
                at += 1;
            }
        }
    }
}

/// What was seen so far.
#[derive(Debug)]
enum Seen {
    /// The trades of valid rows.
    Trades(Spans),
    /// The last rows, repeated ones included.
    Rows(Recent),
}

impl Seen {
    /// Whether all that is known ends before a trade.
    fn is_before(&self, first: i64) -> bool {
        match self {
            Self::Trades(spans) => spans.spans.last_key_value().is_none_or(|s| s.1.last < first),
            Self::Rows(recent) => recent.top.is_none_or(|top| top < first),
        }
    }

    /// Adds rows behind all that is known, each of which goes on where the one before it ended.
    fn add(&mut self, firsts: &[i64], lasts: &[i64]) {
        let (Some(first), Some(last)) = (firsts.first(), lasts.last()) else { return };
        match self {
            Self::Trades(spans) => spans.add(*first, *last),
            Self::Rows(recent) => recent.add(firsts, lasts),
        }
    }

    /// The issue of a row, which is known from now on.
    fn judge(&mut self, first: i64, last: i64) -> Option<Issue> {
        match self {
            Self::Trades(spans) => {
                let issue = spans.judge(first, last);
                if issue.is_none() {
                    spans.add(first, last);
                }
                issue
            }
            Self::Rows(recent) => {
                let is_there = recent.contains(first, last);
                recent.add(&[first], &[last]);
                is_there.then_some(Issue::RepeatsTrades)
            }
        }
    }
}

/// Ids of trades as spans that grow together: nearly always one.
#[derive(Debug, Default)]
struct Spans {
    /// By their first id; none touches another.
    spans: BTreeMap<i64, Span>,
    /// How often any grew.
    grown: u64,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    last: i64,
    /// When it grew, as a number that rises.
    grown: u64,
}

impl Spans {
    /// What is to be said of a row whose trades are here, all of them or some.
    fn judge(&self, first: i64, last: i64) -> Option<Issue> {
        let (start, span) = self.spans.range(..=last).next_back()?;
        if span.last < first {
            None
        } else if *start <= first && last <= span.last {
            Some(Issue::RepeatsTrades)
        } else {
            Some(Issue::OverlapsTrades)
        }
    }

    /// Adds trades none of which is here.
    fn add(&mut self, first: i64, last: i64) {
        let after = self.spans.remove(&last.saturating_add(1));
        self.grown += 1;
        let span = Span { last: after.map_or(last, |after| after.last), grown: self.grown };
        match self.spans.range_mut(..first).next_back() {
            Some((_, before)) if before.last.saturating_add(1) == first => *before = span,
            _ => {
                self.spans.insert(first, span);
                self.bound();
            }
        }
    }

    /// Forgets half of them when they are too many. Which ones depends on the rows alone.
    fn bound(&mut self) {
        if self.spans.len() > MOST {
            let mut all: Vec<u64> = self.spans.values().map(|span| span.grown).collect();
            let oldest = *all.select_nth_unstable(MOST / 2).1;
            self.spans.retain(|_, span| span.grown >= oldest);
        }
    }
}

/// The first and the last trade of the last [`RECENT`] rows, found at once.
#[derive(Debug, Default)]
struct Recent {
    /// The greatest id of all rows.
    top: Option<i64>,
    /// Their number.
    rows: u64,
    /// The last rows that are not in `places` yet: none is put there unless one is sought.
    new: Vec<(i64, i64)>,
    /// The number of the last row of each span.
    places: HashMap<(i64, i64), u64>,
}

impl Recent {
    fn add(&mut self, firsts: &[i64], lasts: &[i64]) {
        self.top = self.top.max(lasts.iter().max().copied());
        self.rows += firsts.len() as u64;
        let from = firsts.len().saturating_sub(RECENT);
        self.new.extend(firsts[from..].iter().copied().zip(lasts[from..].iter().copied()));
        if self.new.len() > 4 * RECENT {
            self.new.drain(..self.new.len() - RECENT);
        }
    }

    fn contains(&mut self, first: i64, last: i64) -> bool {
        let new = &self.new[self.new.len().saturating_sub(RECENT)..];
        let numbers = self.rows - new.len() as u64..;
        self.places.extend(new.iter().copied().zip(numbers));
        self.new.clear();
        let from = self.rows.saturating_sub(RECENT as u64);
        if self.places.len() > 4 * RECENT {
            self.places.retain(|_, number| *number >= from);
        }
        self.places.get(&(first, last)).is_some_and(|number| *number >= from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use source::rows::Slots;
    use std::collections::HashSet;

    const REPEATS: Option<Issue> = Some(Issue::RepeatsTrades);
    const OVERLAPS: Option<Issue> = Some(Issue::OverlapsTrades);

    /// What is said of each row, by a plain look at every trade or every row.
    fn plain(spans: &[(i64, i64)], proof: Proof) -> Vec<Option<Issue>> {
        let mut trades: HashSet<i64> = HashSet::new();
        let judge = |(at, span): (usize, &(i64, i64))| match proof {
            Proof::SameSpan => {
                spans[at.saturating_sub(RECENT)..at].contains(span).then_some(Issue::RepeatsTrades)
            }
            Proof::Overlap => {
                let known = (span.0..=span.1).filter(|trade| trades.contains(trade)).count();
                if known == 0 {
                    trades.extend(span.0..=span.1);
                    None
                } else if known as i64 > span.1 - span.0 {
                    REPEATS
                } else {
                    OVERLAPS
                }
            }
        };
        spans.iter().enumerate().map(judge).collect()
    }

    /// What is said of each row in batches of so many, and, with none, row by row.
    fn marked(spans: &[(i64, i64)], proof: Proof, batch: usize) -> Vec<Option<Issue>> {
        let all: Vec<_> = spans.iter().map(|span| (*span, true)).collect();
        marked_valid(&all, proof, batch)
    }

    fn marked_valid(
        spans: &[((i64, i64), bool)],
        proof: Proof,
        batch: usize,
    ) -> Vec<Option<Issue>> {
        let mut repeats = Repeats::new((2, 3), proof);
        let row_of = |((first, last), valid): &((i64, i64), bool)| {
            let mut row = Row { longs: [0, 0, *first, *last], ..Row::default() };
            row.issues.add(if *valid { Issue::IdRepeated } else { Issue::BadQuantity });
            row
        };
        let said = |(before, after): (&((i64, i64), bool), Row)| {
            let mut issues = after.issues;
            issues.0 &= !row_of(before).issues.0;
            let found =
                [REPEATS, OVERLAPS].into_iter().find(|i| i.is_some_and(|i| issues.0 == i.bit()));
            found.unwrap_or_else(|| {
                assert_eq!(issues.0, 0);
                None
            })
        };
        let mut found = Vec::new();
        if batch == 0 {
            for span in spans {
                let mut row = row_of(span);
                repeats.mark_one(&mut row);
                found.push(said((span, row)));
            }
        } else {
            for spans in spans.chunks(batch) {
                let mut rows = Rows::new(Slots { longs: 4, prices: 0, amounts: 0, flags: 0 });
                // rows before the range are none of its business
                rows.push(&Row::default());
                for span in spans {
                    rows.push(&row_of(span));
                }
                repeats.mark(&mut rows, 1..spans.len() + 1);
                let after = (0..spans.len()).map(|at| rows.get(at + 1));
                found.extend(spans.iter().zip(after).map(said));
            }
        }
        found
    }

    #[test]
    fn the_old_form_beside_the_new_one_counts_once() {
        let spans = [(821, 821), (822, 822), (821, 821), (822, 822), (823, 824)];
        for proof in [Proof::Overlap, Proof::SameSpan] {
            for batch in 0..6 {
                let found = marked(&spans, proof, batch);
                assert_eq!(found, [None, None, REPEATS, REPEATS, None]);
            }
        }
        // one of the new form may be many of the old one
        assert_eq!(marked(&[(1, 2), (3, 4), (1, 4)], Proof::Overlap, 3), [None, None, REPEATS]);
    }

    #[test]
    fn what_is_there_in_part_is_told_apart_and_hides_nothing() {
        let spans = [(5, 5), (5, 6), (8, 9), (3, 12), (4, 5), (6, 6), (5, 6)];
        let expect = [None, OVERLAPS, None, OVERLAPS, OVERLAPS, None, REPEATS];
        for batch in 0..8 {
            assert_eq!(marked(&spans, Proof::Overlap, batch), expect);
        }
    }

    #[test]
    fn interleaved_aggregates_of_futures_repeat_nothing() {
        let spans = [(1, 3), (2, 2), (4, 6), (5, 7)];
        assert_eq!(marked(&spans, Proof::SameSpan, 2), [None; 4]);
        assert_eq!(marked(&spans, Proof::Overlap, 2), [None, REPEATS, None, OVERLAPS]);
    }

    #[test]
    fn its_like_is_sought_among_so_many_rows() {
        // every third row is one of about so many rows ago
        let spans: Vec<(i64, i64)> = (0..14_000)
            .map(|n| if n % 3 == 0 { n - 4_094 - n % 5 } else { n })
            .map(|first| (first, first + 1))
            .collect();
        let expect = plain(&spans, Proof::SameSpan);
        assert!(
            expect.contains(&REPEATS) && expect[8_000..].iter().step_by(3).any(Option::is_none)
        );
        for batch in [0, 1, 1_000, 20_000] {
            assert!(marked(&spans, Proof::SameSpan, batch) == expect, "{batch}");
        }
    }

    #[test]
    fn what_grew_last_is_remembered_whether_ids_rise_or_fall() {
        let count = 5 * MOST as i64 / 2;
        let rising = (0..count).map(|n| (3 * n, 3 * n + 1));
        for falls in [false, true] {
            let mut spans: Vec<_> = rising.clone().collect();
            if falls {
                spans.reverse();
            }
            let (old, new) = (spans[0], spans[spans.len() - MOST / 2]);
            spans.extend([new, old]);
            for batch in [0, 15_000] {
                let found = marked(&spans, Proof::Overlap, batch);
                assert_eq!(found[count as usize..], [REPEATS, None], "{falls} {batch}");
                assert_eq!(found.iter().flatten().count(), 1);
            }
        }
    }

    proptest! {
        #[test]
        fn marks_are_what_a_plain_look_says(
            spans in prop::collection::vec((0..60_i64, 0..4_i64), 0..80),
            rising in any::<bool>(),
            invalid in prop::collection::vec(prop::bool::weighted(0.1), 80),
            batch in 0..20_usize,
        ) {
            let mut spans: Vec<_> = spans.iter().map(|(f, n)| (*f, f + n)).collect();
            if rising {
                let mut at = 0;
                for span in &mut spans {
                    let length = span.1 - span.0;
                    let gap = i64::from(span.0 % 7 == 0);
                    *span = (at + gap, at + gap + length);
                    // once in a while one goes back
                    at = if length == 3 && span.0 > 5 { span.1 - 5 } else { span.1 + 1 };
                }
            }
            let all: Vec<_> = spans.into_iter().zip(invalid.iter().map(|i| !i)).collect();
            let valid: Vec<_> = all.iter().filter(|row| row.1).map(|row| row.0).collect();
            for proof in [Proof::Overlap, Proof::SameSpan] {
                let found = marked_valid(&all, proof, batch);
                let (of_valid, of_others): (Vec<_>, Vec<_>) =
                    all.iter().zip(found).partition(|(row, _)| row.1);
                let found: Vec<_> = of_valid.into_iter().map(|(_, issue)| issue).collect();
                prop_assert_eq!(found, plain(&valid, proof));
                prop_assert!(of_others.iter().all(|(_, issue)| issue.is_none()));
            }
        }
    }
}

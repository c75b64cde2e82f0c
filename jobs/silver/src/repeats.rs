//! Aggregate trades that repeat trades which an aggregate with a lesser id has already: the
//! exchange aligned its numbering and left both forms in some archives. The first stays valid,
//! so that its volume counts once.
//!
//! The ids of trades seen are kept as spans that grow together: nearly always one.

use std::ops::Range;

use model::schema::Issue;

use crate::rows::{Row, Rows};

/// Most spans that are remembered; beyond that the lower half is forgotten.
const MOST: usize = 1 << 16;
/// Rows before one among which its like is sought where spans alone prove nothing.
const RECENT: usize = 4_096;

/// What proves that an aggregate repeats another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Any trade that both have.
    Overlap,
    /// The same first and last trade: aggregates of some hundred milliseconds may interleave.
    SameSpan,
}

/// The trades seen so far.
#[derive(Debug)]
pub(crate) struct Repeats {
    /// The slots of the first and the last trade's id.
    slots: (usize, usize),
    proof: Proof,
    /// First and last id, ascending, apart from each other.
    spans: Vec<(i64, i64)>,
    recent: Vec<(i64, i64)>,
}

impl Repeats {
    /// None yet.
    pub(crate) const fn new(slots: (usize, usize), proof: Proof) -> Self {
        Self { slots, proof, spans: Vec::new(), recent: Vec::new() }
    }

    /// Marks the rows of a range that repeat others. Rows come in the order of their ids.
    pub(crate) fn mark(&mut self, rows: &mut Rows, range: Range<usize>) {
        let firsts = &rows.longs[self.slots.0][range.clone()];
        let lasts = &rows.longs[self.slots.1][range.clone()];
        let (Some(first), Some(last)) = (firsts.first(), lasts.last()) else { return };
        // nearly always each aggregate goes on where the one before it ended
        let broken = lasts.iter().zip(&firsts[1..]).filter(|(l, f)| l.wrapping_add(1) != **f);
        let follows = self.spans.last().is_none_or(|span| span.1 < *first);
        if follows && broken.count() == 0 && rows.issues_in(range.clone()).next().is_none() {
            self.append(*first, *last);
            if self.proof == Proof::SameSpan {
                let from = firsts.len().saturating_sub(RECENT);
                let some = firsts[from..].iter().copied().zip(lasts[from..].iter().copied());
                self.recent.extend(some);
                self.forget();
            }
            return;
        }
        for at in range {
            if rows.is_valid(at) {
                let span = (rows.longs[self.slots.0][at], rows.longs[self.slots.1][at]);
                if self.is_repeated(span) {
                    rows.add_issue(at, Issue::RepeatsTrades);
                }
            }
        }
    }

    /// Marks a row that repeats another.
    pub(crate) fn mark_one(&mut self, row: &mut Row) {
        let span = (row.longs[self.slots.0], row.longs[self.slots.1]);
        if row.issues.is_valid() && self.is_repeated(span) {
            row.issues.add(Issue::RepeatsTrades);
        }
    }

    /// Whether trades are there already; they are from now on.
    fn is_repeated(&mut self, (first, last): (i64, i64)) -> bool {
        let place = self.spans.partition_point(|span| span.1 < first);
        let overlaps = self.spans.get(place).is_some_and(|span| span.0 <= last);
        let repeated = overlaps
            && match self.proof {
                Proof::Overlap => true,
                Proof::SameSpan => {
                    let from = self.recent.len().saturating_sub(RECENT);
                    self.recent[from..].contains(&(first, last))
                }
            };
        if self.proof == Proof::SameSpan {
            self.recent.push((first, last));
            self.forget();
        }
        if place == self.spans.len() {
            self.append(first, last);
        } else if !repeated {
            self.insert(place, first, last);
        }
        repeated
    }

    fn append(&mut self, first: i64, last: i64) {
        match self.spans.last_mut() {
            Some(span) if span.1 + 1 == first => span.1 = last,
            _ => self.spans.push((first, last)),
        }
        self.bound();
    }

    /// Adds a span before the one at `place`, or joins it with those that it touches.
    fn insert(&mut self, place: usize, first: i64, last: i64) {
        let start = match place.checked_sub(1).and_then(|before| self.spans.get(before)) {
            Some(before) if before.1 + 1 == first => place - 1,
            _ => place,
        };
        let end = self.spans.partition_point(|span| span.0 <= last.saturating_add(1));
        let joined = self.spans[start..end.max(start)]
            .iter()
            .fold((first, last), |joined, span| (joined.0.min(span.0), joined.1.max(span.1)));
        self.spans.splice(start..end.max(start), [joined]);
        self.bound();
    }

    fn bound(&mut self) {
        if self.spans.len() > MOST {
            self.spans.drain(..MOST / 2);
        }
    }

    fn forget(&mut self) {
        if self.recent.len() > 4 * RECENT {
            self.recent.drain(..self.recent.len() - RECENT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Has;
    use proptest::prelude::*;

    /// The rows that are marked, by a plain look at every pair.
    fn plain(spans: &[(i64, i64)], proof: Proof) -> Vec<bool> {
        let mut seen: Vec<(i64, i64)> = Vec::new();
        spans
            .iter()
            .map(|span| {
                let repeated = seen.iter().any(|other| match proof {
                    Proof::Overlap => span.0 <= other.1 && other.0 <= span.1,
                    Proof::SameSpan => span == other,
                });
                if !repeated {
                    seen.push(*span);
                }
                repeated
            })
            .collect()
    }

    fn marked(spans: &[(i64, i64)], proof: Proof, batch: usize) -> Vec<bool> {
        let mut repeats = Repeats::new((2, 3), proof);
        let mut found = Vec::new();
        for spans in spans.chunks(batch) {
            let mut rows = Rows::new(Has { longs: 4, prices: 0, amounts: 0, flags: 0 });
            for (first, last) in spans {
                rows.push(&Row { longs: [0, 0, *first, *last], ..Row::default() });
            }
            repeats.mark(&mut rows, 0..spans.len());
            found.extend((0..spans.len()).map(|at| !rows.is_valid(at)));
        }
        found
    }

    #[test]
    fn the_old_form_beside_the_new_one_counts_once() {
        let spans = [(821, 821), (822, 822), (821, 821), (822, 822), (823, 824)];
        for proof in [Proof::Overlap, Proof::SameSpan] {
            for batch in 1..6 {
                assert_eq!(marked(&spans, proof, batch), [false, false, true, true, false]);
            }
        }
    }

    #[test]
    fn interleaved_aggregates_of_futures_repeat_nothing() {
        let spans = [(1, 3), (2, 2), (4, 6), (5, 7)];
        assert_eq!(marked(&spans, Proof::SameSpan, 2), [false; 4]);
        assert_eq!(marked(&spans, Proof::Overlap, 2), [false, true, false, true]);
    }

    proptest! {
        #[test]
        fn spans_are_what_all_pairs_say(
            spans in prop::collection::vec((0..60_i64, 0..4_i64), 0..80),
            rising in any::<bool>(),
            batch in 1..20_usize,
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
            for proof in [Proof::Overlap, Proof::SameSpan] {
                prop_assert_eq!(marked(&spans, proof, batch), plain(&spans, proof));
            }
        }
    }
}

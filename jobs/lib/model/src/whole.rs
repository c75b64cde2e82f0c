//! Whether a day of trades is whole, from its ids alone: which are missing within it, and which
//! between it and its neighbours. The one rule of gold, which chooses what to make bars from, and
//! of check, which tells. How the figures are got is not decided here.

use std::collections::BTreeMap;

use crate::period::Day;

/// The ids of one day of trades or aggregate trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DayIds {
    /// Different ids that are there.
    pub count: u64,
    /// The least and the greatest of them.
    pub ids: Option<(i64, i64)>,
    /// First and last instant, µs.
    pub times: Option<(i64, i64)>,
}

impl DayIds {
    /// Ids missing between the least and the greatest.
    pub fn missing_within(&self) -> u64 {
        let Some((first, last)) = self.ids else { return 0 };
        last.abs_diff(first).saturating_add(1).saturating_sub(self.count)
    }

    /// Joins what two files of a day say.
    pub fn join(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.ids = wider(self.ids, other.ids);
        self.times = wider(self.times, other.times);
    }
}

fn wider(a: Option<(i64, i64)>, b: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (a, b) {
        (Some((a_min, a_max)), Some((b_min, b_max))) => Some((a_min.min(b_min), a_max.max(b_max))),
        (a, b) => a.or(b),
    }
}

/// What the ids at the edges of a day tell: which are missing there, and which are there twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Edge {
    /// Before its first row.
    pub before_first: u64,
    /// After its last row.
    pub after_last: u64,
    /// Ids from its first one to the last one of the day before, where it begins earlier.
    pub overlap: u64,
    /// Whether its first id is the last one of the day before: two trades around midnight are
    /// known to have one id. That is no overlap.
    pub shared: bool,
}

impl Edge {
    /// Ids missing at both ends.
    pub const fn missing(&self) -> u64 {
        self.before_first.saturating_add(self.after_last)
    }
}

/// Ids missing between one day and the next. They belong to the day that is silent for longer:
/// the end of the one or the beginning of the other. Where the days between are not there, the
/// hole is theirs.
pub fn edges(days: &BTreeMap<Day, DayIds>) -> BTreeMap<Day, Edge> {
    let mut edges: BTreeMap<Day, Edge> = BTreeMap::new();
    for ((day, here), (next, after)) in days.iter().zip(days.iter().skip(1)) {
        let (Some((_, last)), Some((first, _))) = (here.ids, after.ids) else { continue };
        if *next != day.next() {
            continue;
        }
        if first <= last {
            let edge = edges.entry(*next).or_default();
            edge.shared = first == last;
            edge.overlap = if edge.shared { 0 } else { last.abs_diff(first).saturating_add(1) };
            continue;
        }
        let missing = first.abs_diff(last) - 1;
        if missing == 0 {
            continue;
        }
        let midnight = next.start_micros();
        let at_end = here.times.map_or(0, |(_, last)| midnight.saturating_sub(last));
        let at_start = after.times.map_or(0, |(first, _)| first.saturating_sub(midnight));
        if at_end >= at_start {
            edges.entry(*day).or_default().after_last = missing;
        } else {
            edges.entry(*next).or_default().before_first = missing;
        }
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().expect("day")
    }

    #[test]
    fn what_is_missing_belongs_to_the_day_that_is_silent_for_longer() {
        let check = |here: (&str, (i64, i64), i64), next: (&str, (i64, i64), i64), expect: &str| {
            let of = |(text, ids, hour): (&str, (i64, i64), i64)| {
                let time = day(text).start_micros() + hour * 3_600_000_000;
                let count = ids.1.abs_diff(ids.0) + 1;
                (day(text), DayIds { count, ids: Some(ids), times: Some((time, time)) })
            };
            let edges = edges(&[of(here), of(next)].into());
            let told: Vec<String> = edges
                .iter()
                .map(|(d, e)| {
                    let shared = if e.shared { " shared" } else { "" };
                    format!("{d} {} {} {}{shared}", e.before_first, e.after_last, e.overlap)
                })
                .collect();
            assert_eq!(told.join("; "), expect);
        };
        check(("2024-01-01", (1, 9), 23), ("2024-01-02", (10, 12), 0), "");
        check(("2024-01-01", (1, 9), 9), ("2024-01-02", (20, 22), 0), "2024-01-01 0 10 0");
        check(("2024-01-01", (1, 9), 23), ("2024-01-02", (20, 22), 5), "2024-01-02 10 0 0");
        check(("2024-01-01", (1, 9), 9), ("2024-01-03", (20, 22), 0), "");
        check(("2024-01-01", (1, 9), 9), ("2024-01-02", (8, 12), 0), "2024-01-02 0 0 2");
        // one id around midnight is two trades
        check(("2024-01-01", (1, 9), 9), ("2024-01-02", (9, 12), 0), "2024-01-02 0 0 0 shared");
    }

    #[test]
    fn no_ids_are_too_far_apart() {
        let all = DayIds { count: 2, ids: Some((i64::MIN, i64::MAX)), times: None };
        assert_eq!(all.missing_within(), u64::MAX - 2);
        let low = DayIds { count: 1, ids: Some((i64::MIN, i64::MIN)), times: None };
        let high = DayIds { count: 1, ids: Some((i64::MAX, i64::MAX)), times: None };
        let found = edges(&[(day("2024-01-01"), low), (day("2024-01-02"), high)].into());
        assert_eq!(found[&day("2024-01-01")].missing(), u64::MAX - 1);
    }
}

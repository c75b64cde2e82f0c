//! The places of bars on the grid of a timeframe, where a venue is open. Not when it is.

use std::ops::Range;

use model::Timeframe;

/// Where bars of a timeframe are to be expected: the instants at which they open, which are whole
/// multiples of the timeframe since the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bars {
    /// From the first place of a run to the one after its last, in µs since the epoch; in order,
    /// and no two of them touch.
    runs: Vec<Range<i64>>,
    /// From one place to the next, in µs.
    step: i64,
}

impl Bars {
    /// The bars that are at least in part in `open`: spans in order that do not overlap.
    pub(super) fn of(open: &[Range<i64>], timeframe: Timeframe) -> Self {
        let step = timeframe.micros();
        let mut runs: Vec<Range<i64>> = Vec::with_capacity(open.len());
        for span in open.iter().filter(|span| span.start < span.end) {
            let first = span.start.div_euclid(step).saturating_mul(step);
            let after = (span.end - 1).div_euclid(step).saturating_add(1).saturating_mul(step);
            match runs.last_mut() {
                // two spans may share a bar, and a bar may end where the next begins
                Some(run) if run.end >= first => run.end = after,
                _ => runs.push(first..after),
            }
        }
        Self { runs, step }
    }

    /// How many they are.
    pub fn len(&self) -> u64 {
        self.runs.iter().map(|run| ((run.end - run.start) / self.step) as u64).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Whether one of them opens at this instant (µs since the epoch).
    pub fn contains(&self, opens: i64) -> bool {
        let run = self.runs.partition_point(|run| run.end <= opens);
        opens.rem_euclid(self.step) == 0 && self.runs.get(run).is_some_and(|r| r.contains(&opens))
    }

    /// How many of them open before each of these instants, which are in order.
    pub fn before(&self, instants: &[i64]) -> Vec<u64> {
        let mut runs = self.runs.iter().peekable();
        let mut passed = 0;
        let mut before = |instant: i64| {
            let of =
                |run: &Range<i64>| (run.end.min(instant) - run.start + self.step - 1) / self.step;
            while let Some(run) = runs.next_if(|run| run.end <= instant) {
                passed += of(run) as u64;
            }
            passed + runs.peek().filter(|run| run.start < instant).map_or(0, |run| of(run) as u64)
        };
        instants.iter().map(|instant| before(*instant)).collect()
    }

    /// When they open, in order, in µs since the epoch.
    pub fn iter(&self) -> impl Iterator<Item = i64> + '_ {
        let step = self.step;
        self.runs.iter().flat_map(move |run| {
            let n = (run.end - run.start) / step;
            (0..n).map(move |i| run.start + i * step)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stand_where_it_is_open() {
        let minute = 60_000_000;
        let check = |open: &[(i64, i64)], timeframe: Timeframe, expect: &[i64]| {
            let open: Vec<_> = open.iter().map(|(a, b)| a * minute..b * minute).collect();
            let bars = Bars::of(&open, timeframe);
            let found: Vec<i64> = bars.iter().map(|at| at / minute).collect();
            assert_eq!(found, expect, "{open:?}");
            assert_eq!(bars.len(), expect.len() as u64, "{open:?}");
            assert_eq!(bars.is_empty(), expect.is_empty(), "{open:?}");
            for at in -120..240 {
                assert_eq!(bars.contains(at * minute), expect.contains(&at), "{open:?} {at}");
            }
            assert!(!bars.contains(1));
            let instants: Vec<i64> = (-120..240).collect();
            let before = instants.iter().map(|at| expect.iter().filter(|o| *o < at).count() as u64);
            let micros: Vec<i64> = instants.iter().map(|at| at * minute).collect();
            assert_eq!(bars.before(&micros), before.collect::<Vec<_>>(), "{open:?}");
        };
        check(&[], Timeframe::M1, &[]);
        check(&[(3, 3)], Timeframe::M1, &[]);
        check(&[(0, 2)], Timeframe::M1, &[0, 1]);
        check(&[(0, 15)], Timeframe::M5, &[0, 5, 10]);
        // in part
        check(&[(4, 11)], Timeframe::M5, &[0, 5, 10]);
        check(&[(-1, 1)], Timeframe::M5, &[-5, 0]);
        // two spans with a pause: a bar in common, bars that touch, bars apart
        check(&[(0, 6), (8, 12)], Timeframe::M5, &[0, 5, 10]);
        check(&[(0, 5), (5, 10)], Timeframe::M5, &[0, 5]);
        check(&[(0, 5), (10, 15)], Timeframe::M5, &[0, 10]);
        check(&[(90, 130)], Timeframe::H1, &[60, 120]);
    }
}

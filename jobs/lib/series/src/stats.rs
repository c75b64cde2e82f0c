//! What anomalies, signals and features reckon with: returns between bars, and windows that know their
//! median and how far from it their values lie.

use std::collections::VecDeque;

use crate::bars::Bars;

/// A day in microseconds.
pub(crate) const DAY_US: i64 = 86_400_000_000;

/// What makes of a median absolute deviation the standard deviation of a normal distribution: one over the
/// 75th percentile of the standard one.
pub const MAD_TO_DEVIATION: f64 = 1.482_602_218_505_602;

/// A trailing window of at most so many values that knows their order: a value in or out is a search and one
/// move of memory, a median a look, a median absolute deviation a search. Its answers follow from the
/// values in it alone, not from those that it held before, so that they are the same wherever one begins.
#[derive(Debug, Clone)]
pub struct Window {
    size: usize,
    /// The values as they came.
    arrived: VecDeque<f64>,
    /// The same values by size.
    sorted: Vec<f64>,
}

impl Window {
    /// An empty window for the last `size` values; one of no size holds one.
    pub fn new(size: usize) -> Self {
        let size = size.max(1);
        Self { size, arrived: VecDeque::with_capacity(size), sorted: Vec::with_capacity(size) }
    }

    /// Takes a value in, and lets the oldest go where the window is full. What is no number is left out.
    pub fn push(&mut self, value: f64) {
        if value.is_nan() {
            return;
        }
        let to = self.place(value);
        let oldest = if self.arrived.len() == self.size { self.arrived.pop_front() } else { None };
        self.arrived.push_back(value);
        let Some(oldest) = oldest else {
            self.sorted.insert(to, value);
            return;
        };
        let from = self.place(oldest);
        let sorted = &mut self.sorted;
        if from < to {
            sorted.copy_within(from + 1..to, from);
            sorted[to - 1] = value;
        } else {
            sorted.copy_within(to..from, to + 1);
            sorted[to] = value;
        }
    }

    /// How many values there are in it.
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// The middle value, or the mean of the two in the middle; none of an empty window.
    pub fn median(&self) -> Option<f64> {
        let n = self.len();
        match n {
            0 => None,
            _ if n % 2 == 1 => Some(self.sorted[n / 2]),
            _ => Some(f64::midpoint(self.sorted[n / 2 - 1], self.sorted[n / 2])),
        }
    }

    /// The median and the median of the absolute distances from it; none of an empty window.
    pub fn median_and_mad(&self) -> Option<(f64, f64)> {
        let median = self.median()?;
        let n = self.len();
        let upper = self.distance(median, n / 2 + 1);
        let mad =
            if n % 2 == 1 { upper } else { f64::midpoint(self.distance(median, n / 2), upper) };
        Some((median, mad))
    }

    /// The `k`th smallest distance of a value from `from`, counted from 1. The `k` values nearest to it lie
    /// side by side: of all runs of `k` it is the one whose farther end is nearest.
    fn distance(&self, from: f64, k: usize) -> f64 {
        let (sorted, runs) = (&self.sorted, self.len() - k + 1);
        let below = |run: usize| from - sorted[run];
        let above = |run: usize| sorted[run + k - 1] - from;
        // the first run whose upper end is the farther one
        let (mut low, mut high) = (0, runs);
        while low < high {
            let middle = usize::midpoint(low, high);
            if above(middle) >= below(middle) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        let at = if low < runs { above(low) } else { f64::INFINITY };
        if low > 0 { at.min(below(low - 1)) } else { at }
    }

    /// Where a value stands among the sorted, or would.
    fn place(&self, value: f64) -> usize {
        self.sorted.partition_point(|other| other.total_cmp(&value).is_lt())
    }
}

/// The logarithm of what `to` is of `from`; none unless both are above zero.
pub(crate) fn log_ratio(from: i64, to: i64) -> Option<f64> {
    (from > 0 && to > 0).then(|| libm::log(to as f64 / from as f64))
}

/// The logarithmic return of the last `over` bars up to bar `at`, close to close; none where there are not
/// so many, and where one of them is missing.
pub(crate) fn log_return(bars: &Bars, at: usize, over: usize) -> Option<f64> {
    let from = at.checked_sub(over)?;
    unbroken(bars, from, at).then(|| log_ratio(bars.close[from], bars.close[at]))?
}

/// Whether no bar is missing between two bars.
pub(crate) fn unbroken(bars: &Bars, from: usize, to: usize) -> bool {
    bars.place[to] - bars.place[from] == (to - from) as i64
}

/// Whether a bar of less than a day follows on the one before it over hours in which the venue was closed.
pub(crate) fn after_closed_hours(bars: &Bars, at: usize) -> bool {
    at > 0
        && bars.width_us < DAY_US
        && bars.place[at] - bars.place[at - 1] == 1
        && bars.open_us[at] - bars.open_us[at - 1] > bars.width_us
}

/// A price in units of 1e-8 as a double.
pub(crate) fn price(units: i64) -> f64 {
    // by a division, for 1e-8 is no double
    units as f64 / 1e8
}

/// For each volume the mean of so many before it, in the units of the volumes; none where one of them is
/// unknown, and where there are not so many.
pub(crate) fn means_before(volumes: &[Option<i128>], over: usize) -> Vec<Option<f64>> {
    let over = over.max(1);
    // what could make a sum overflow is taken for unknown
    let most = i128::MAX / over as i128;
    let known = |at: usize| volumes[at].filter(|volume| (0..=most).contains(volume));
    let (mut sum, mut count) = (0_i128, 0_usize);
    let mut means = Vec::with_capacity(volumes.len());
    for at in 0..volumes.len() {
        means.push((count == over).then(|| sum as f64 / over as f64));
        if let Some(old) = at.checked_sub(over).and_then(known) {
            (sum, count) = (sum - old, count - 1);
        }
        if let Some(new) = known(at) {
            (sum, count) = (sum + new, count + 1);
        }
    }
    means
}

/// When a bar has closed, and what is in it can be known: microseconds since the epoch.
pub(crate) fn close_us(bars: &Bars, at: usize) -> i64 {
    bars.open_us[at] + bars.width_us
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same from all values anew.
    fn plain(values: &[f64]) -> Option<(f64, f64)> {
        let median = |values: &[f64]| {
            let mut values = values.to_vec();
            values.sort_by(f64::total_cmp);
            let n = values.len();
            match n {
                0 => None,
                _ if n % 2 == 1 => Some(values[n / 2]),
                _ => Some(f64::midpoint(values[n / 2 - 1], values[n / 2])),
            }
        };
        let middle = median(values)?;
        let distances: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
        Some((middle, median(&distances)?))
    }

    #[test]
    fn a_window_tells_what_its_values_sorted_anew_tell() {
        let mut random = fastrand::Rng::with_seed(12);
        for size in [1, 2, 3, 4, 7, 20, 101] {
            let mut window = Window::new(size);
            let mut values = Vec::new();
            assert_eq!(window.median_and_mad(), None);
            for step in 0..600 {
                // few different values at times, so that many are equal, zeros of both signs among them
                let value = match step / 100 % 3 {
                    0 => random.f64() - 0.5,
                    1 => f64::from(random.i8(-2..=2)) * if random.bool() { 0.5 } else { -0.5 },
                    _ => 0.0,
                };
                values.push(value);
                window.push(value);
                let held = &values[values.len().saturating_sub(size)..];
                assert_eq!(window.len(), held.len());
                assert_eq!(window.median_and_mad(), plain(held), "size {size}, step {step}");
            }
        }
    }

    #[test]
    fn what_is_no_number_stays_out_of_a_window() {
        let mut window = Window::new(3);
        for value in [1.0, f64::NAN, 3.0] {
            window.push(value);
        }
        assert_eq!((window.len(), window.median()), (2, Some(2.0)));
    }

    #[test]
    fn the_factor_of_the_mad_is_that_of_a_normal_distribution() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut window = Window::new(100_000);
        (0..100_000).for_each(|_| window.push(crate::testing::normal(&mut random)));
        let (_, mad) = window.median_and_mad().unwrap();
        assert!((mad * MAD_TO_DEVIATION - 1.0).abs() < 0.01, "{mad}");
    }

    #[test]
    fn a_mean_is_of_the_volumes_before() {
        let means = |volumes: &[i128], over| {
            // below zero stands for unknown
            let known = |volume: &i128| (*volume >= 0).then_some(*volume);
            means_before(&volumes.iter().map(known).collect::<Vec<_>>(), over)
        };
        let (n, of) = (None, Some);
        assert_eq!(means(&[1, 2, 6, 4, 0], 2), [n, n, of(1.5), of(4.0), of(5.0)]);
        assert_eq!(means(&[1, -1, 6, 4, 0], 2), [n, n, n, n, of(5.0)]);
        assert_eq!(means(&[3, i128::MAX, 6, 4, 0], 2), [n, n, n, n, of(5.0)]);
        assert_eq!(means(&[7, 8], 1), [n, of(7.0)]);
        assert_eq!(means(&[7], 3), [n]);
        assert_eq!(means(&[], 3), []);
    }

    #[test]
    fn returns_do_not_reach_over_missing_bars() {
        let mut bars = crate::testing::flat(6, 100.0);
        bars.close[5] = 2 * bars.close[0];
        assert_eq!(log_return(&bars, 5, 2), Some(std::f64::consts::LN_2));
        bars.place[4..].iter_mut().for_each(|place| *place += 1);
        assert_eq!(log_return(&bars, 5, 1), Some(std::f64::consts::LN_2));
        assert_eq!(log_return(&bars, 5, 2), None);
        assert_eq!(log_return(&bars, 1, 2), None);
        bars.close[4] = 0;
        assert_eq!(log_return(&bars, 5, 1), None);
    }
}

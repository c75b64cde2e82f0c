//! What rests on the last bars alone: means, deviations and returns, of exact sums.

use super::exact::{UNITS, double, scatter};

/// Logarithms are whole numbers of 2^-56, so that their sums are exact: 1.4e-17, less than what a double
/// keeps of a ratio near 1. The greatest, of two prices 2^63 apart, is 43.7 and has place in 62 bits.
const LOG_UNITS: f64 = (1_u64 << 56) as f64;
const LOG_UNIT: f64 = 1.0 / LOG_UNITS;

/// A column that has no value before bar `from`, and then these.
pub(super) fn column(
    count: usize,
    from: usize,
    values: impl Iterator<Item = Option<f64>>,
) -> Vec<Option<f64>> {
    let mut column = Vec::with_capacity(count);
    column.resize(count.min(from), None);
    column.extend(values);
    column
}

/// The mean of the last `period` closes.
pub(super) fn mean(close: &[i64], period: usize) -> Vec<Option<f64>> {
    let (before, after) = close.split_at(close.len().min(period - 1));
    let units = period as f64 * UNITS;
    let mut sum: i128 = before.iter().copied().map(i128::from).sum();
    let means = after.iter().zip(close).map(|(new, old)| {
        sum += i128::from(*new);
        let mean = double(sum) / units;
        sum -= i128::from(*old);
        Some(mean)
    });
    column(close.len(), period - 1, means)
}

/// Bollinger's bands, those beside the middle.
pub(super) struct Bands {
    pub(super) upper: Vec<Option<f64>>,
    pub(super) lower: Vec<Option<f64>>,
    /// In percent of the middle.
    pub(super) width: Vec<Option<f64>>,
}

/// So many deviations of the population of the last `period` closes above and below their mean, the middle.
pub(super) fn bands(
    close: &[i64],
    middle: &[Option<f64>],
    period: usize,
    deviations: f64,
) -> Bands {
    let empty = || column(close.len(), period - 1, std::iter::empty());
    let (mut upper, mut lower, mut width) = (empty(), empty(), empty());
    let units = period as f64 * UNITS;
    scatter(close, period, |i, scatter| {
        let Some(middle) = middle[i] else { return };
        let away = scatter.sqrt() / units * deviations;
        upper.push(Some(middle + away));
        lower.push(Some(middle - away));
        width.push((middle > 0.0).then(|| 2.0 * away / middle * 100.0));
    });
    Bands { upper, lower, width }
}

/// The change from the close `period` bars before, in percent of it; none where that is not above 0.
pub(super) fn rate_of_change(close: &[i64], period: usize) -> Vec<Option<f64>> {
    let later = close.get(period..).unwrap_or_default();
    let changes = later.iter().zip(close).map(|(now, before)| {
        let change = double(i128::from(*now) - i128::from(*before));
        (*before > 0).then(|| change / *before as f64 * 100.0)
    });
    column(close.len(), period, changes)
}

/// The sample's deviation of the last returns, logarithmic ones, for two periods; none where one of the closes is
/// not above 0.
pub(super) fn volatility(close: &[i64], periods: [usize; 2]) -> [Vec<Option<f64>>; 2] {
    let returns: Vec<i64> =
        close.windows(2).map(|w| log_return(w[0], w[1]).unwrap_or_default()).collect();
    periods.map(|period| {
        let freedom = (period * (period - 1)) as f64;
        let mut values = column(close.len(), period, std::iter::empty());
        // how many closes there are up to the last bad one, itself included
        let bad = |close: &i64| *close <= 0;
        let begin = &close[..close.len().min(period)];
        let mut until = begin.iter().rposition(bad).map_or(0, |i| i + 1);
        scatter(&returns, period, |i, scatter| {
            if bad(&close[i + 1]) {
                until = i + 2;
            }
            let known = i + 2 > period + until;
            values.push(known.then(|| (scatter / freedom).sqrt() * LOG_UNIT));
        });
        values
    })
}

/// ln(to / from), in units of 2^-56.
fn log_return(from: i64, to: i64) -> Option<i64> {
    if from <= 0 || to <= 0 {
        return None;
    }
    // near 1 the quotient would lose what the logarithm is made of
    let log = if to / 2 <= from && from / 2 <= to {
        libm::log1p((to - from) as f64 / from as f64)
    } else {
        libm::log(to as f64 / from as f64)
    };
    // to the nearest: `as` cuts off
    Some((log * LOG_UNITS + 0.5_f64.copysign(log)) as i64)
}

/// How many bars there are at the last `period` places of each.
pub(super) fn present(place: &[i64], period: usize) -> Vec<i32> {
    let mut first = 0;
    (0..place.len())
        .map(|i| {
            while place[i] - place[first] >= period as i64 {
                first += 1;
            }
            (i - first + 1) as i32
        })
        .collect()
}

/// How many bars there are without a gap up to each.
pub(super) fn unbroken(place: &[i64]) -> Vec<i32> {
    let mut count = 0;
    (0..place.len())
        .map(|i| {
            count = if i > 0 && place[i] - place[i - 1] == 1 { count + 1 } else { 1 };
            count
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_of_neighbours_and_of_extremes() {
        let check = |from: i64, to: i64, expect: f64| {
            let found = log_return(from, to).unwrap() as f64 / LOG_UNITS;
            let away = (found - expect).abs();
            assert!(away <= (1e-15 * expect.abs()).max(0.5 / LOG_UNITS), "{found}, not {expect}");
        };
        check(5, 5, 0.0);
        check(10_i64.pow(18), 10_i64.pow(18) + 1_000, 1e-15);
        check(1_000_000_000, 1_000_000_001, 1e-9 - 0.5e-18);
        check(100, 200, std::f64::consts::LN_2);
        check(200, 100, -std::f64::consts::LN_2);
        check(1, 10_i64.pow(18), 18.0 * std::f64::consts::LN_10);
        check(10_i64.pow(18), 1, -18.0 * std::f64::consts::LN_10);
        assert_eq!((log_return(0, 1), log_return(1, 0), log_return(-1, 1)), (None, None, None));
    }
}

//! What rests on the last bars alone: means, deviations and returns, of exact sums.

/// Units of a price in one of the quote asset.
const UNITS: f64 = 1e8;
/// Logarithms are whole numbers of 2^-56, so that their sums are exact: 1.4e-17, less than what a double
/// keeps of a ratio near 1. The greatest, of two prices 2^63 apart, is 43.7 and has place in 62 bits.
const LOG_UNITS: f64 = (1_u64 << 56) as f64;

/// The mean of the last `period` closes.
pub(super) fn mean(close: &[i64], period: usize) -> Vec<Option<f64>> {
    let mut sum = 0_i128;
    let units = period as f64 * UNITS;
    (0..close.len())
        .map(|i| {
            sum += i128::from(close[i]);
            if i >= period {
                sum -= i128::from(close[i - period]);
            }
            (i + 1 >= period).then(|| sum as f64 / units)
        })
        .collect()
}

/// Bollinger's bands.
pub(super) struct Bands {
    pub(super) middle: Vec<Option<f64>>,
    pub(super) upper: Vec<Option<f64>>,
    pub(super) lower: Vec<Option<f64>>,
    /// In percent of the middle.
    pub(super) width: Vec<Option<f64>>,
}

/// The mean of the last `period` closes, and so many deviations of the population above and below it.
pub(super) fn bands(close: &[i64], period: usize, deviations: f64) -> Bands {
    let middle = mean(close, period);
    let count = close.len();
    let (mut upper, mut lower, mut width) =
        (vec![None; count], vec![None; count], vec![None; count]);
    let units = period as f64 * UNITS;
    for (i, scatter) in scatter(close, period).into_iter().enumerate() {
        let Some((middle, scatter)) = middle[i].zip(scatter) else { continue };
        let away = scatter.sqrt() / units * deviations;
        upper[i] = Some(middle + away);
        lower[i] = Some(middle - away);
        width[i] = (middle > 0.0).then(|| 2.0 * away / middle * 100.0);
    }
    Bands { middle, upper, lower, width }
}

/// The change from the close `period` bars before, in percent of it; none where that is not above 0.
pub(super) fn rate_of_change(close: &[i64], period: usize) -> Vec<Option<f64>> {
    (0..close.len())
        .map(|i| {
            let before = close[i.checked_sub(period)?];
            let change = i128::from(close[i]) - i128::from(before);
            (before > 0).then(|| change as f64 / before as f64 * 100.0)
        })
        .collect()
}

/// The sample's deviation of the last `period` logarithmic returns; none where one of the closes is not above 0.
pub(super) fn volatility(close: &[i64], periods: [usize; 2]) -> [Vec<Option<f64>>; 2] {
    let returns: Vec<Option<i64>> = close.windows(2).map(|w| log_return(w[0], w[1])).collect();
    let known: Vec<i64> = returns.iter().map(|r| r.unwrap_or(0)).collect();
    periods.map(|period| {
        let freedom = (period * (period - 1)) as f64;
        let mut unknown = 0_usize;
        let mut values = vec![None; close.len()];
        for (i, scatter) in scatter(&known, period).into_iter().enumerate() {
            unknown += usize::from(returns[i].is_none());
            if i >= period {
                unknown -= usize::from(returns[i - period].is_none());
            }
            if unknown == 0 {
                values[i + 1] = scatter.map(|s| (s / freedom).sqrt() / LOG_UNITS);
            }
        }
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
    Some((log * LOG_UNITS).round_ties_even() as i64)
}

/// n·Σx² − (Σx)² of the last n values: n² times the variance of the population, exact before it becomes a
/// double.
fn scatter(values: &[i64], n: usize) -> Vec<Option<f64>> {
    let Some(&base) = values.first() else { return Vec::new() };
    // it is the same of values less any constant, and so they are small
    let far = values.iter().map(|v| v.abs_diff(base)).max().unwrap_or(0);
    if n as u128 * u128::from(far) > i64::MAX as u128 {
        return wide::scatter(values, n);
    }
    let (mut sum, mut squares) = (0_i64, 0_i128);
    (0..values.len())
        .map(|i| {
            let new = values[i] - base;
            sum += new;
            squares += i128::from(new) * i128::from(new);
            if i >= n {
                let old = values[i - n] - base;
                sum -= old;
                squares -= i128::from(old) * i128::from(old);
            }
            (i + 1 >= n).then(|| (squares * n as i128 - i128::from(sum) * i128::from(sum)) as f64)
        })
        .collect()
}

/// The same where 128 bits are too few.
mod wide {
    /// A whole number of 256 bits.
    #[derive(Clone, Copy)]
    struct Wide {
        low: u128,
        high: u128,
    }

    impl Wide {
        fn plus(self, other: u128) -> Self {
            let (low, carry) = self.low.overflowing_add(other);
            Self { low, high: self.high + u128::from(carry) }
        }

        fn minus(self, other: Self) -> Self {
            let (low, borrow) = self.low.overflowing_sub(other.low);
            Self { low, high: self.high - other.high - u128::from(borrow) }
        }

        fn times(self, factor: u128) -> Self {
            let (low, carry) = self.low.carrying_mul(factor, 0);
            Self { low, high: self.high * factor + carry }
        }

        fn double(self) -> f64 {
            let two_128 = 2.0_f64.powi(64) * 2.0_f64.powi(64);
            if self.high == 0 {
                self.low as f64
            } else {
                self.high as f64 * two_128 + self.low as f64
            }
        }
    }

    pub(super) fn scatter(values: &[i64], n: usize) -> Vec<Option<f64>> {
        let square = |v: i64| u128::from(v.unsigned_abs()) * u128::from(v.unsigned_abs());
        let (mut sum, mut squares) = (0_i128, Wide { low: 0, high: 0 });
        (0..values.len())
            .map(|i| {
                sum += i128::from(values[i]);
                squares = squares.plus(square(values[i]));
                if i >= n {
                    sum -= i128::from(values[i - n]);
                    squares = squares.minus(Wide { low: square(values[i - n]), high: 0 });
                }
                let sum = sum.unsigned_abs();
                (i + 1 >= n).then(|| {
                    squares.times(n as u128).minus(Wide { low: sum, high: 0 }.times(sum)).double()
                })
            })
            .collect()
    }
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

    /// n·Σx² − (Σx)², of each window for itself: the sum of the squares of the differences of each two.
    fn of_pairs(window: &[i64]) -> f64 {
        let pairs =
            window.iter().enumerate().flat_map(|(i, a)| window[..i].iter().map(move |b| (a, b)));
        pairs.map(|(a, b)| (i128::from(*a) - i128::from(*b)).pow(2)).sum::<i128>() as f64
    }

    #[test]
    fn scatter_is_exact_in_128_bits_and_in_256() {
        let mut rng = fastrand::Rng::with_seed(7);
        for bits in [1, 8, 30, 50, 57, 59] {
            for n in [2, 7, 20] {
                let values: Vec<i64> = (0..200).map(|_| rng.i64(-(1 << bits)..1 << bits)).collect();
                let found = scatter(&values, n);
                assert_eq!(found, wide::scatter(&values, n), "{bits} bits");
                assert_eq!(found.iter().flatten().count(), 201 - n);
                for (window, found) in values.windows(n).zip(&found[n - 1..]) {
                    assert_eq!(*found, Some(of_pairs(window)), "{bits} bits");
                }
            }
        }
    }

    #[test]
    fn scatter_of_more_than_128_bits() {
        // half at one end and half at the other: (n·d)² / 4
        let n = 1000;
        let values: Vec<i64> =
            (0..n).map(|i| if i % 2 == 0 { i64::MIN } else { i64::MAX }).collect();
        let expect = (n as f64 * 2.0_f64.powi(64)).powi(2) / 4.0;
        let found = scatter(&values, n)[n - 1].unwrap();
        assert!((found / expect - 1.0).abs() < 1e-15, "{found}, not {expect}");
    }

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

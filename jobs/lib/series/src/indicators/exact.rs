//! Sums that lose nothing, and what they are as doubles.

/// Units of a price in one of the quote asset.
pub(super) const UNITS: f64 = 1e8;

/// 2^64.
const HIGH: f64 = 4_294_967_296.0 * 4_294_967_296.0;

/// A sum as a double: the nearest one of what has place in 64 bits, one of the two around it otherwise. `as` calls
/// a routine that takes longer than all else here.
pub(super) fn double(sum: i128) -> f64 {
    i64::try_from(sum)
        .map_or_else(|_| (sum >> 64) as i64 as f64 * HIGH + sum as u64 as f64, |sum| sum as f64)
}

/// n·Σx² − (Σx)² of the last n values: n² times the variance of the population, exact before it becomes a
/// double. Told with the number of the last value, of one window after the other.
pub(super) fn scatter(values: &[i64], n: usize, mut tell: impl FnMut(usize, f64)) {
    let Some(&base) = values.first() else { return };
    // it is the same of values less any constant, and so they are small
    let far = values.iter().map(|v| v.abs_diff(base)).max().unwrap_or(0);
    if n as u128 * u128::from(far) > 1 << 60 {
        return wide::scatter(values, n, tell);
    }
    let Some((first, later)) = values.split_at_checked(n) else { return };
    let square = |v: i64| i128::from(v) * i128::from(v);
    let mut sum: i64 = first.iter().map(|v| v - base).sum();
    let squares: i128 = first.iter().map(|v| square(v - base)).sum();
    let mut scatter = squares * n as i128 - square(sum);
    tell(n - 1, double(scatter));
    for (i, (new, old)) in later.iter().zip(values).enumerate() {
        // n(new² − old²) − (after² − sum²), by its factors: they have 62 bits each, and need none of the checks of
        // a release
        let (change, both) = (new.wrapping_sub(*old), (new - base).wrapping_add(old - base));
        let after = sum.wrapping_add(change);
        let factor = both.wrapping_mul(n as i64).wrapping_sub(sum).wrapping_sub(after);
        scatter = scatter.wrapping_add(i128::from(change).wrapping_mul(i128::from(factor)));
        sum = after;
        tell(n + i, double(scatter));
    }
}

/// The same where 128 bits are too few.
mod wide {
    use super::HIGH;

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
            i128::try_from(self.low)
                .ok()
                .filter(|_| self.high == 0)
                .map_or_else(|| self.high as f64 * HIGH * HIGH + self.low as f64, super::double)
        }
    }

    pub(super) fn scatter(values: &[i64], n: usize, mut tell: impl FnMut(usize, f64)) {
        let square = |v: i64| u128::from(v.unsigned_abs()) * u128::from(v.unsigned_abs());
        let (mut sum, mut squares) = (0_i128, Wide { low: 0, high: 0 });
        for (i, value) in values.iter().enumerate() {
            sum += i128::from(*value);
            squares = squares.plus(square(*value));
            if let Some(first) = (i + 1).checked_sub(n) {
                let total = sum.unsigned_abs();
                let squared = Wide { low: total, high: 0 }.times(total);
                tell(i, squares.times(n as u128).minus(squared).double());
                sum -= i128::from(values[first]);
                squares = squares.minus(Wide { low: square(values[first]), high: 0 });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// n·Σx² − (Σx)², of each window for itself: the sum of the squares of the differences of each two.
    fn of_pairs(window: &[i64]) -> i128 {
        let pairs =
            window.iter().enumerate().flat_map(|(i, a)| window[..i].iter().map(move |b| (a, b)));
        pairs.map(|(a, b)| (i128::from(*a) - i128::from(*b)).pow(2)).sum()
    }

    #[test]
    fn scatter_is_exact_in_128_bits_and_in_256() {
        let mut rng = fastrand::Rng::with_seed(7);
        for bits in [1, 8, 30, 50, 57, 59] {
            for n in [2, 7, 20] {
                let values: Vec<i64> = (0..200).map(|_| rng.i64(-(1 << bits)..1 << bits)).collect();
                let expect: Vec<(usize, f64)> = values
                    .windows(n)
                    .enumerate()
                    .map(|(i, w)| (i + n - 1, double(of_pairs(w))))
                    .collect();
                let (mut found, mut found_wide) = (Vec::new(), Vec::new());
                scatter(&values, n, |i, scatter| found.push((i, scatter)));
                wide::scatter(&values, n, |i, scatter| found_wide.push((i, scatter)));
                assert_eq!(found, expect, "{bits} bits");
                assert_eq!(found_wide, expect, "{bits} bits");
            }
        }
    }

    #[test]
    fn doubles_are_the_nearest_or_beside_it() {
        let mut rng = fastrand::Rng::with_seed(3);
        for _ in 0..10_000 {
            let sum = rng.i128(..) >> rng.u32(0..127);
            for sum in [sum, sum & !0xfff, sum | 0x7ff, -(sum | 0x400 << rng.u32(0..60))] {
                let (found, nearest) = (double(sum), sum as f64);
                let apart = found.to_bits().abs_diff(nearest.to_bits());
                assert!(apart <= u64::from(i64::try_from(sum).is_err()), "{sum}: {found}");
            }
        }
        for sum in [0, 1, -1, i128::MAX, i128::MIN, i128::from(i64::MAX) + 1, 1 << 126] {
            assert_eq!(double(sum).to_bits(), (sum as f64).to_bits(), "{sum}");
        }
    }

    #[test]
    fn scatter_of_more_than_128_bits() {
        // half at one end and half at the other: (n·d)² / 4
        let n = 1000;
        let values: Vec<i64> =
            (0..n).map(|i| if i % 2 == 0 { i64::MIN } else { i64::MAX }).collect();
        let expect = (n as f64 * 2.0_f64.powi(64)).powi(2) / 4.0;
        let mut found = 0.0;
        scatter(&values, n, |_, scatter| found = scatter);
        assert!((found / expect - 1.0).abs() < 1e-15, "{found}, not {expect}");
    }
}

//! What keeps a little of every bar before: exponential averages, and Wilder's.

use super::exact::{UNITS, double};

/// Below this, in units of 1e-8, mean changes are nothing: some 9,000 bars without a change after the last one,
/// doubles would no longer hold their quotient.
const NOTHING: f64 = 1e-280;

/// Fills `averages`: the first is `seed`, the mean of the first `period` values; then each value that follows
/// counts 2 / (period + 1).
fn follow(
    averages: &mut [Option<f64>],
    seed: f64,
    period: usize,
    values: impl Iterator<Item = f64>,
) {
    let factor = 2.0 / (period + 1) as f64;
    let mut average = seed;
    averages[0] = Some(average);
    for (place, value) in averages[1..].iter_mut().zip(values) {
        average += (value - average) * factor;
        *place = Some(average);
    }
}

/// The exponential average of closes.
pub(super) fn ema(close: &[i64], period: usize) -> Vec<Option<f64>> {
    let mut averages = vec![None; close.len()];
    if let Some((seed, rest)) = close.split_at_checked(period) {
        let seed: i128 = seed.iter().copied().map(i128::from).sum();
        let seed = double(seed) / (period as f64 * UNITS);
        let rest = rest.iter().map(|close| *close as f64 / UNITS);
        follow(&mut averages[period - 1..], seed, period, rest);
    }
    averages
}

/// The differences of two columns; none where one of them is.
pub(super) fn minus(left: &[Option<f64>], right: &[Option<f64>]) -> Vec<Option<f64>> {
    left.iter().zip(right).map(|(l, r)| Some((*l)? - (*r)?)).collect()
}

/// The signal of MACD: its exponential average. What is known of `macd` is its end.
pub(super) fn signal(macd: &[Option<f64>], period: usize) -> Vec<Option<f64>> {
    let mut averages = vec![None; macd.len()];
    let first = macd.iter().take_while(|value| value.is_none()).count();
    if let Some((seed, rest)) = macd[first..].split_at_checked(period) {
        let seed = seed.iter().flatten().sum::<f64>() / period as f64;
        let rest = rest.iter().flatten().copied();
        follow(&mut averages[first + period - 1..], seed, period, rest);
    }
    averages
}

/// Wilder's average: the mean of the first `period` values, then each value counts 1 / period.
struct Wilder {
    period: f64,
    average: f64,
}

impl Wilder {
    fn new(sum: u128, period: usize) -> Self {
        Self { period: period as f64, average: sum as f64 / period as f64 }
    }

    fn add(&mut self, value: u64) {
        self.average = (self.average * (self.period - 1.0) + value as f64) / self.period;
    }
}

/// Wilder's relative strength index: 0 to 100, 50 where nothing has moved.
pub(super) fn rsi(close: &[i64], period: usize) -> Vec<Option<f64>> {
    let mut values = vec![None; close.len()];
    let change = |i: usize| {
        let (before, now) = (close[i - 1], close[i]);
        let change = now.abs_diff(before);
        if now > before { (change, 0) } else { (0, change) }
    };
    if close.len() <= period {
        return values;
    }
    let (mut up, mut down) = (0_u128, 0_u128);
    for i in 1..=period {
        let (gain, loss) = change(i);
        up += u128::from(gain);
        down += u128::from(loss);
    }
    let (mut up, mut down) = (Wilder::new(up, period), Wilder::new(down, period));
    for (i, value) in values.iter_mut().enumerate().skip(period) {
        if i > period {
            let (gain, loss) = change(i);
            up.add(gain);
            down.add(loss);
        }
        let both = up.average + down.average;
        *value = Some(if both < NOTHING {
            (up.average, down.average) = (0.0, 0.0);
            50.0
        } else {
            100.0 * (up.average / both)
        });
    }
    values
}

/// Wilder's average true range, in the quote asset; the first range is the second bar's.
pub(super) fn atr(high: &[i64], low: &[i64], close: &[i64], period: usize) -> Vec<Option<f64>> {
    let mut values = vec![None; close.len()];
    let range = |i: usize| {
        let before = close[i - 1];
        high[i].max(before).abs_diff(low[i].min(before))
    };
    if close.len() <= period {
        return values;
    }
    let mut average = Wilder::new((1..=period).map(|i| u128::from(range(i))).sum(), period);
    for (i, value) in values.iter_mut().enumerate().skip(period) {
        if i > period {
            average.add(range(i));
        }
        *value = Some(average.average / UNITS);
    }
    values
}

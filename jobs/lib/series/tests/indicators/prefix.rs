//! No indicator looks ahead: those of a bar are the same, bit for bit, whether bars follow on it or not.

use series::indicators::{Indicators, Settings, indicators};

use crate::columns;
use crate::walks::{Walk, part, random};

/// Doubles as bits: -0.0 is not 0.0 here.
fn bits(column: &[Option<f64>]) -> Vec<Option<u64>> {
    column.iter().map(|value| value.map(f64::to_bits)).collect()
}

fn same(before: &Indicators, whole: &Indicators, count: usize) {
    for ((name, before), (_, whole)) in columns(before).into_iter().zip(columns(whole)) {
        assert_eq!(bits(before), bits(&whole[..count]), "{name}");
    }
    assert_eq!(before.obv, whole.obv[..count]);
    assert_eq!(before.bars_short, whole.bars_short[..count]);
    assert_eq!(before.bars_long, whole.bars_long[..count]);
    assert_eq!(before.bars_unbroken, whole.bars_unbroken[..count]);
}

#[test]
fn the_future_changes_nothing() {
    let mut rng = fastrand::Rng::with_seed(12);
    let settings = Settings::default();
    // from a price of few units to ones of which the squares have no place in 128 bits
    for start in [50, 724, 100_000_000, 9_500_000_000_000, i64::MAX / 4] {
        for _ in 0..20 {
            let step = (start / rng.i64(3..3000)).max(1);
            let walk = Walk { bars: 300, start, step, gaps: 5, silent: 3 };
            let bars = random(walk, &mut rng);
            let whole = indicators(&bars, &settings);
            for _ in 0..10 {
                let count = rng.usize(0..=bars.len());
                same(&indicators(&part(&bars, 0..count), &settings), &whole, count);
            }
        }
    }
}

#[test]
fn a_leap_to_come_changes_no_deviation_before_it() {
    // what comes is so far off that sums of squares need more than 128 bits
    let mut close: Vec<i64> = (0..200).map(|i| 1_000_000 + i * i % 37).collect();
    let before = indicators(&crate::walks::closes(&close), &Settings::default());
    close.extend([i64::MAX, 1, i64::MAX - 5, 7]);
    let whole = indicators(&crate::walks::closes(&close), &Settings::default());
    same(&before, &whole, 200);
}

//! Labels for models: what came after each bar. They alone look ahead, and stand apart from the features for
//! that reason.

use std::cmp::Ordering;
use std::ops::Range;

use crate::bars::Bars;
use crate::stats::{close_us, log_return};

/// The horizons of labels in bars: those over which features look back.
pub const HORIZONS: [usize; 6] = [1, 2, 3, 6, 12, 24];

/// What came within one horizon after each bar, by columns. None where the series ends before, and where a bar
/// is missing up to there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Label {
    /// How many bars it looks ahead.
    pub horizon: usize,
    /// Log of the close at the horizon by the bar's close.
    pub log_return: Vec<Option<f64>>,
    /// 1 where that close is higher, -1 where it is lower, else 0.
    pub sign: Vec<Option<i8>>,
    /// When it could first be known: the close of the bar at the horizon, in microseconds since the epoch.
    pub known_us: Vec<Option<i64>>,
}

/// The label of one horizon for some of the bars; none for those that are not there.
pub fn label(bars: &Bars, horizon: usize, rows: Range<usize>) -> Label {
    let ahead = |at: usize| at.checked_add(horizon).filter(|to| *to < bars.len());
    let log_return: Vec<Option<f64>> =
        rows.clone().map(|at| log_return(bars, ahead(at)?, horizon)).collect();
    let known =
        || rows.clone().zip(&log_return).map(|(at, label)| label.and(ahead(at)).map(|to| (at, to)));
    let sign = |(at, to): (usize, usize)| match bars.close[to].cmp(&bars.close[at]) {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    };
    let sign = known().map(|known| known.map(sign)).collect();
    let known_us = known().map(|known| known.map(|(_, to)| close_us(bars, to))).collect();
    Label { horizon, log_return, sign, known_us }
}

/// The labels of all bars, one for each horizon, in their order.
pub fn labels(bars: &Bars, horizons: &[usize]) -> Vec<Label> {
    horizons.iter().map(|horizon| label(bars, *horizon, 0..bars.len())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{HOUR_US, flat, remove};

    #[test]
    fn a_label_is_there_where_its_whole_horizon_is() {
        let mut bars = flat(6, 100.0);
        for (at, times) in [(1, 2), (2, 4), (3, 1), (4, 1), (5, 2)] {
            bars.close[at] = bars.close[0] * times;
        }
        let two = std::f64::consts::LN_2;
        let [one, three] = &labels(&bars, &[1, 3])[..] else { panic!("two labels") };
        let four = libm::log(4.0);
        assert_eq!(one.log_return, [Some(two), Some(two), Some(-four), Some(0.0), Some(two), None]);
        assert_eq!(one.sign, [Some(1), Some(1), Some(-1), Some(0), Some(1), None]);
        assert_eq!(three.horizon, 3);
        assert_eq!(three.log_return, [Some(0.0), Some(-two), Some(-two), None, None, None]);
        assert_eq!(three.sign, [Some(0), Some(-1), Some(-1), None, None, None]);
        let at = |bar: i64| Some(bars.open_us[0] + bar * HOUR_US);
        assert_eq!(three.known_us, [at(4), at(5), at(6), None, None, None]);
        assert_eq!(label(&bars, 3, 1..3).sign, three.sign[1..3]);

        // a missing bar, the one at twice the price
        remove(&mut bars, 1);
        let found = labels(&bars, &[1, 3]);
        assert_eq!(found[0].sign, [None, Some(-1), Some(0), Some(1), None]);
        assert_eq!(found[1].sign, [None, Some(-1), None, None, None]);
        // what is known is when the bar at the horizon has closed, wherever that lies
        assert_eq!(found[1].known_us[1], Some(bars.open_us[4] + HOUR_US));
    }

    #[test]
    fn horizons_are_those_that_features_look_back_over() {
        for horizon in HORIZONS {
            let name = format!("log_return_{horizon}");
            assert!(crate::features::FEATURES.iter().any(|feature| feature.name == name), "{name}");
        }
    }
}

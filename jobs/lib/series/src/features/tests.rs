//! Features of series whose features are known otherwise.

use std::collections::BTreeSet;

use super::*;
use crate::beside::{Quotes, Timeline};
use crate::indicators::{self, indicators};
use crate::stats::{DAY_US, close_us};
use crate::testing::{HOUR_US, flat, remove, units, walk};

fn of(bars: &Bars, beside: &Beside) -> Features {
    features(bars, &indicators(bars, &indicators::Settings::default()), beside)
}

/// One feature of one bar.
fn one(bars: &Bars, name: &str, at: usize) -> Option<f64> {
    of(bars, &Beside::default()).column(name).expect(name)[at]
}

fn near(found: Option<f64>, expect: f64) {
    let found = found.expect("a value");
    assert!((found - expect).abs() <= 1e-12 * expect.abs().max(1e-3), "{found}, not {expect}");
}

#[test]
fn names_are_columns_and_each_is_told() {
    let names: BTreeSet<&str> = FEATURES.iter().map(|feature| feature.name).collect();
    assert_eq!(names.len(), FEATURES.len());
    for Feature { name, doc, .. } in FEATURES {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(name.chars().all(plain), "{name}");
        assert!(!doc.is_empty() && !doc.ends_with('.'), "{name}: {doc}");
    }
    let found = of(&flat(3, 1.0), &Beside::default());
    assert_eq!(found.columns.len(), FEATURES.len());
    assert!(found.columns.iter().all(|column| column.len() == 3));
    assert_eq!(found.column("no_such"), None);
    let bars = flat(3, 1.0);
    assert_eq!(found.known_us, [0, 1, 2].map(|at| close_us(&bars, at)));
    assert_eq!(of(&Bars::default(), &Beside::default()).known_us, [0; 0]);
}

#[test]
fn returns_and_their_lags_stop_at_a_gap() {
    let mut bars = flat(40, 100.0);
    for at in 0..40 {
        bars.close[at] = units(100.0 + (at * at) as f64);
    }
    let close = |at: usize| 100.0 + (at * at) as f64;
    for over in [1, 2, 3, 6, 12, 24] {
        let name = format!("log_return_{over}");
        near(one(&bars, &name, 30), libm::log(close(30) / close(30 - over)));
        assert_eq!(one(&bars, &name, over - 1), None);
        assert!(one(&bars, &name, over).is_some());
    }
    for by in [1, 2, 3, 6] {
        let name = format!("log_return_1_lag_{by}");
        near(one(&bars, &name, 30), libm::log(close(30 - by) / close(29 - by)));
        assert_eq!(one(&bars, &name, by), None);
    }
    for over in [6, 24] {
        let squares: f64 =
            (31 - over..=30).map(|at| libm::log(close(at) / close(at - 1)).powi(2)).sum();
        let name = format!("realized_volatility_{over}");
        near(one(&bars, &name, 30), (squares / over as f64).sqrt());
        assert_eq!(one(&bars, &name, over - 1), None);
        assert!(one(&bars, &name, over).is_some());
    }
    // bar 20 is missing: the 20th is now the one that was the 21st
    remove(&mut bars, 20);
    let known = |name: &str| {
        let column = of(&bars, &Beside::default());
        (20..39).find(|at| column.column(name).unwrap()[*at].is_some())
    };
    for (name, first) in [
        ("log_return_1", Some(21)),
        ("log_return_6", Some(26)),
        ("log_return_24", None),
        ("log_return_1_lag_3", Some(24)),
        ("realized_volatility_6", Some(26)),
        ("volume_change", Some(21)),
        ("idle_hours", Some(20)),
    ] {
        assert_eq!(known(name), first, "{name}");
    }
}

#[test]
fn a_bar_itself() {
    let mut bars = flat(2, 100.0);
    (bars.open[1], bars.low[1], bars.high[1], bars.close[1]) =
        (units(100.0), units(80.0), units(120.0), units(110.0));
    bars.volume[1] = Some(i128::from(units(50.0)));
    bars.open_us[1] += 3 * HOUR_US;
    near(one(&bars, "range", 1), libm::log(1.5));
    near(one(&bars, "body", 1), libm::log(1.1));
    near(one(&bars, "close_position", 1), 0.75);
    assert_eq!(one(&bars, "close_position", 0), None);
    near(one(&bars, "volume_change", 1), libm::log(0.5));
    near(one(&bars, "idle_hours", 1), 3.0);
    assert_eq!(one(&bars, "idle_hours", 0), None);
    bars.volume[0] = Some(0);
    assert_eq!(one(&bars, "volume_change", 1), None);
}

#[test]
fn volumes_are_compared_with_those_before() {
    let mut bars = flat(120, 1.0);
    for at in 0..120 {
        bars.volume[at] = Some(at as i128 + 1);
    }
    near(one(&bars, "volume_by_mean_20", 20), 21.0 / 10.5);
    assert_eq!(one(&bars, "volume_by_mean_20", 19), None);
    near(one(&bars, "volume_by_median_100", 30), 31.0 / 15.5);
    assert_eq!(one(&bars, "volume_by_median_100", 29), None);
    near(one(&bars, "volume_by_median_100", 119), 120.0 / 69.5);
    bars.volume[50] = None;
    assert_eq!(one(&bars, "volume_by_mean_20", 50), None);
    assert_eq!(one(&bars, "volume_by_mean_20", 70), None);
    near(one(&bars, "volume_by_mean_20", 71), 72.0 / 61.5);
    near(one(&bars, "volume_by_median_100", 51), 52.0 / 25.5);
    bars.volume.fill(Some(0));
    assert_eq!(one(&bars, "volume_by_mean_20", 71), None);
}

#[test]
fn ratios_of_indicators_are_those_of_the_indicators() {
    let bars = walk(100, 0.01, 5);
    let of = indicators(&bars, &indicators::Settings::default());
    let close = bars.close[80] as f64 / 1e8;
    let value = |column: &[Option<f64>]| column[80].unwrap();
    let check = |name: &str, expect: f64| near(one(&bars, name, 80), expect);
    check("close_by_sma_short", close / value(&of.sma_short));
    check("close_by_sma_long", close / value(&of.sma_long));
    check("sma_short_by_sma_long", value(&of.sma_short) / value(&of.sma_long));
    check("close_by_ema_short", close / value(&of.ema_short));
    check("close_by_ema_long", close / value(&of.ema_long));
    check("macd_by_close", value(&of.macd) / close);
    check("macd_signal_by_close", value(&of.macd_signal) / close);
    check("macd_histogram_by_close", value(&of.macd_histogram) / close);
    check("rsi", value(&of.rsi) / 100.0);
    let (lower, upper) = (value(&of.bollinger_lower), value(&of.bollinger_upper));
    check("bollinger_position", (close - lower) / (upper - lower));
    check("bollinger_width", (upper - lower) / value(&of.bollinger_middle));
    check("atr_by_close", value(&of.atr) / close);
    check("roc", close / (bars.close[70] as f64 / 1e8) - 1.0);
    check("close_by_session_vwap", close / value(&of.session_vwap));
    check("volatility_short", value(&of.volatility_short));
    check("volatility_long", value(&of.volatility_long));
    check("volatility_ratio", value(&of.volatility_short) / value(&of.volatility_long));
    let still = flat(60, 100.0);
    for name in ["bollinger_position", "volatility_ratio"] {
        assert_eq!(one(&still, name, 59), None, "{name}");
    }
}

#[test]
fn times_go_round() {
    // from a Monday at midnight on
    let bars = flat(24 * 8, 1.0);
    let root = 0.5_f64.sqrt();
    for (hour, sin, cos) in
        [(0, 0.0, 1.0), (3, root, root), (6, 1.0, 0.0), (12, 0.0, -1.0), (24, 0.0, 1.0)]
    {
        near(one(&bars, "time_of_day_sin", hour).map(|sin| sin + 1.0), sin + 1.0);
        near(one(&bars, "time_of_day_cos", hour).map(|cos| cos + 1.0), cos + 1.0);
    }
    for (day, angle) in [(0, 0.0), (1, 1.0), (6, 6.0), (7, 0.0)] {
        let angle = std::f64::consts::TAU / 7.0 * angle;
        near(one(&bars, "day_of_week_sin", day * 24 + 23), libm::sin(angle));
        near(one(&bars, "day_of_week_cos", day * 24), libm::cos(angle));
    }
    // before the epoch too: 1969-12-31 was a Wednesday
    let mut old = flat(1, 1.0);
    old.open_us[0] = -6 * HOUR_US;
    near(one(&old, "day_of_week_sin", 0), libm::sin(std::f64::consts::TAU / 7.0 * 2.0));
    near(one(&old, "time_of_day_sin", 0), -1.0);
}

#[test]
fn what_stands_beside_is_the_last_known_while_it_says_something() {
    let mut bars = flat(10, 1.0);
    bars.width_us = DAY_US;
    bars.open_us = (0..10).map(|day| day * DAY_US).collect();
    let quotes = Quotes { spread: Some(0.01), crossed: 0, locked: 0 };
    let beside = Beside {
        funding: Timeline::new(vec![(2 * DAY_US, 0.5), (2 * DAY_US + 1, 0.25)]),
        quotes: Timeline::new(vec![(3 * DAY_US, quotes)]),
        price_earnings: Timeline::new(vec![(4 * DAY_US, Some(15.0)), (8 * DAY_US, None)]),
    };
    let found = of(&bars, &beside);
    let check = |name: &str, known: &[(usize, f64)]| {
        let column = found.column(name).unwrap();
        let values = column.iter().enumerate().filter_map(|(at, value)| Some((at, (*value)?)));
        assert_eq!(values.collect::<Vec<_>>(), known, "{name}");
    };
    // a bar closes a day after its open; the rate of that very moment is known
    check("funding_rate", &[(1, 0.5), (2, 0.25), (3, 0.25), (4, 0.25)][..]);
    check("spread", &[(2, 0.01), (3, 0.01), (4, 0.01), (5, 0.01)]);
    check("price_earnings", &[(3, 15.0), (4, 15.0), (5, 15.0), (6, 15.0)]);
}

#[test]
fn what_is_no_number_is_none() {
    let bars = flat(3, 1.0);
    let funding = |rate| Beside { funding: Timeline::new(vec![(0, rate)]), ..Beside::default() };
    let old = Bars { open_us: vec![0, HOUR_US, 2 * HOUR_US], ..bars };
    let found = |rate| of(&old, &funding(rate)).column("funding_rate").unwrap().to_vec();
    assert_eq!(found(0.5), [Some(0.5); 3]);
    assert_eq!(found(f64::NAN), [None; 3]);
    assert_eq!(found(f64::INFINITY), [None; 3]);
}

#[test]
fn the_features_of_some_bars_are_those_of_all() {
    let bars = walk(200, 0.01, 6);
    let indicators = indicators(&bars, &indicators::Settings::default());
    let beside = Beside::default();
    let frame = Frame::new(&bars, &indicators, &beside);
    let (all, some) = (frame.features(0..200), frame.features(120..150));
    assert_eq!(all.known_us[120..150], some.known_us);
    for (all, some) in all.columns.iter().zip(&some.columns) {
        assert_eq!(all[120..150], some[..]);
    }
}

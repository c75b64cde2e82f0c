//! Series made by hand, of which one knows what is to come out.

use series::bars::Bars;
use series::indicators::{Indicators, Settings, indicators};

use crate::walks::closes;
use crate::{UNITS, columns};

fn of(bars: &Bars) -> Indicators {
    indicators(bars, &Settings::default())
}

fn last(column: &[Option<f64>]) -> f64 {
    column.last().unwrap().unwrap()
}

#[track_caller]
fn near(found: f64, expect: f64) {
    assert!((found - expect).abs() <= 1e-14 * expect.abs(), "{found}, not {expect}");
}

#[test]
fn no_bar_has_no_indicator() {
    let found = of(&Bars::default());
    assert!(columns(&found).iter().all(|(_, column)| column.is_empty()));
    assert_eq!(found, Indicators::default());
}

#[test]
fn one_bar_has_a_volume_and_a_mean_price_alone() {
    let mut bar = closes(&[300]);
    (bar.high, bar.low) = (vec![600], vec![150]);
    let found = of(&bar);
    for (name, column) in columns(&found) {
        let expect = (name == "session_vwap").then_some(350.0 / UNITS);
        assert_eq!(column, [expect], "{name}");
    }
    assert_eq!(found.obv, [Some(1)]);
    assert_eq!((found.bars_short[0], found.bars_long[0], found.bars_unbroken[0]), (1, 1, 1));
}

#[test]
fn nothing_moves_in_a_constant_series() {
    let price = 6_512_345_678_901;
    let found = of(&closes(&[price; 500]));
    for (name, column) in columns(&found) {
        let expect = match name {
            "rsi" => 50.0,
            "macd" | "macd_signal" | "macd_histogram" | "bollinger_width" | "atr" | "roc"
            | "volatility_short" | "volatility_long" => 0.0,
            _ => price as f64 / UNITS,
        };
        assert!(column[60..].iter().all(Option::is_some), "{name}");
        // of what moves, nothing is left; a quotient of sums may be off by its last bit
        column.iter().flatten().for_each(|value| near(*value, expect));
    }
    assert!(found.obv.iter().all(|obv| *obv == Some(1)));
}

#[test]
fn strength_after_the_last_change() {
    let mut close = vec![1000; 20];
    close.extend([1007, 1004, 1004]);
    close.extend(vec![1004; 12_000]);
    let rsi = of(&closes(&close)).rsi;
    assert_eq!(rsi[19], Some(50.0));
    assert_eq!(rsi[20], Some(100.0));
    // Wilder's averages: 7/14, then 7/14 · 13/14 against 3/14; both fade alike while nothing moves
    let quotient = 100.0 * (7.0 * 13.0) / (7.0 * 13.0 + 3.0 * 14.0);
    let until = rsi.iter().rposition(|value| *value != Some(50.0)).unwrap();
    for value in &rsi[21..=until] {
        assert!((value.unwrap() - quotient).abs() < 1e-9, "{value:?}");
    }
    assert!((8_000..10_000).contains(&until), "{until}");

    let fall: Vec<i64> = (0..40).map(|i| 1000 - i).collect();
    near(last(&of(&closes(&fall)).rsi), 0.0);
}

#[test]
fn a_window_tells_how_many_of_its_bars_there_are() {
    let mut bars = closes(&[100; 70]);
    // ten places are missing before the 31st bar, and one before the 61st
    bars.place = (0..30).chain(40..70).chain(71..81).collect();
    let found = of(&bars);
    assert_eq!(found.bars_short[18..31], [19, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 10]);
    assert_eq!(found.bars_short[31..42], [10, 10, 10, 10, 10, 10, 10, 10, 10, 11, 12]);
    assert_eq!((found.bars_short[49], found.bars_short[59], found.bars_short[60]), (20, 20, 19));
    assert_eq!((found.bars_long[29], found.bars_long[30], found.bars_long[69]), (30, 31, 40));
    assert_eq!(found.bars_unbroken[28..32], [29, 30, 1, 2]);
    assert_eq!((found.bars_unbroken[59], found.bars_unbroken[60]), (30, 1));
    // what a bar's window holds is bars, whatever lies between them
    assert_eq!(found.sma_short[30], Some(100.0 / UNITS));
}

#[test]
fn volumes_that_nobody_states() {
    let mut bars = closes(&[100, 110, 120, 130, 140, 130]);
    bars.session = vec![1, 1, 1, 1, 2, 2];
    bars.volume = vec![Some(0), Some(10), None, Some(20), Some(30), Some(40)];
    bars.quote_volume[1] = Some(1);
    let found = of(&bars);
    assert_eq!(found.obv, [Some(0), Some(10), None, None, None, None]);
    // nothing traded; by quote volume; unknown for the rest of the session; by typical prices
    let after = (140.0 * 30.0 + 130.0 * 40.0) / 70.0 / UNITS;
    let expect = [None, Some(0.1), None, None, Some(140.0 / UNITS), Some(after)];
    for (found, expect) in found.session_vwap.iter().zip(expect) {
        assert_eq!(found.is_some(), expect.is_some());
        near(found.unwrap_or(1.0), expect.unwrap_or(1.0));
    }

    bars.volume = vec![None; 6];
    let found = of(&bars);
    assert!(found.obv.iter().all(Option::is_none));
    assert!(found.session_vwap.iter().all(Option::is_none));
}

#[test]
fn balance_adds_where_the_close_rises_and_takes_where_it_falls() {
    let mut bars = closes(&[5, 7, 7, 3, 4]);
    bars.volume = [100, 30, 1000, 250, 7].map(Some).to_vec();
    assert_eq!(of(&bars).obv, [Some(100), Some(130), Some(130), Some(-120), Some(-113)]);
}

#[test]
fn sums_that_no_decimal_holds_are_unknown() {
    let mut bars = closes(&[1, 2, 3, 4]);
    let most = 10_i128.pow(38) - 1;
    bars.volume = vec![Some(most - 1), Some(1), Some(1), Some(1)];
    bars.session = vec![0, 0, 0, 1];
    let found = of(&bars);
    assert_eq!(found.obv, [Some(most - 1), Some(most), None, None]);
    bars.volume = vec![Some(i128::MAX / 3), Some(1), Some(1), Some(1)];
    bars.quote_volume[1] = Some(i128::MAX / 300_000_000);
    let found = of(&bars);
    assert_eq!(found.session_vwap[..3], [Some(1.0 / UNITS), None, None]);
    near(found.session_vwap[3].unwrap(), 4.0 / UNITS);
}

#[test]
fn the_greatest_prices() {
    let (most, least) = (i64::MAX, 1);
    let close: Vec<i64> = (0..120).map(|i| if i % 2 == 0 { most } else { least }).collect();
    let found = of(&closes(&close));
    let (half, whole) = (most as f64 / 2.0 / UNITS, most as f64 / UNITS);
    near(last(&found.sma_short), half);
    near(last(&found.sma_long), half);
    near(last(&found.bollinger_upper), half + 2.0 * half);
    near(last(&found.bollinger_lower), half - 2.0 * half);
    near(last(&found.bollinger_width), 400.0);
    near(last(&found.atr), whole);
    assert!((last(&found.rsi) - 50.0).abs() < 5.0);
    near(last(&found.roc), 0.0);
    assert!(found.session_vwap.iter().all(Option::is_some));
    // ln of 2^63 to and fro: 30 returns, as many up as down
    let log = 63.0 * std::f64::consts::LN_2;
    near(last(&found.volatility_long), log * (30.0_f64 / 29.0).sqrt());
    for (name, column) in columns(&found) {
        assert!(column.iter().flatten().all(|value| value.is_finite()), "{name}");
    }
}

#[test]
fn prices_below_zero_have_no_returns() {
    let close: Vec<i64> = (0..100).map(|i| if i == 50 { -3_763 } else { 1_000 + i }).collect();
    let found = of(&closes(&close));
    assert!(found.volatility_short[49].is_some() && found.volatility_short[58].is_some());
    assert!(found.volatility_short[50..58].iter().all(Option::is_none));
    assert!(found.volatility_long[50..81].iter().all(Option::is_none));
    assert!(found.volatility_long[81].is_some());
    // from 10 before, in percent of it; and of a negative price there are no percents
    near(found.roc[50].unwrap(), (-3_763.0 - 1_040.0) / 1_040.0 * 100.0);
    assert_eq!(found.roc[60], None);
    assert!(found.sma_short.iter().skip(19).all(Option::is_some));

    let close: Vec<i64> = (0..40).map(|i| if i == 2 { 0 } else { 1_000 + i }).collect();
    let found = of(&closes(&close)).volatility_short;
    assert_eq!(found.iter().position(Option::is_some), Some(10));

    // a difference of two prices may stay below 0: it has bands, but no width in percent of their middle
    let close: Vec<i64> = (0..30).map(|i| i % 3 - 7).collect();
    let found = of(&closes(&close));
    assert!(found.bollinger_lower[29] < found.bollinger_middle[29]);
    assert_eq!(found.bollinger_width, vec![None; 30]);
}

#[test]
#[should_panic(expected = "bad period 0 of 'rsi'")]
fn settings_without_meaning_are_refused() {
    indicators(&Bars::default(), &Settings { rsi: 0, ..Settings::default() });
}

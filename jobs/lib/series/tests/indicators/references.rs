//! Published figures: the sheets of `data/indicators`, from StockCharts by way of the tests of Python's `ta`.
//!
//! They are held to 1e-9, or to the digit to which they are printed. Where a sheet begins its averages otherwise
//! than we do (with a first value in place of a mean), bars go before it that bring ours to the same beginning.

use std::path::Path;

use series::bars::Bars;
use series::indicators::{Bollinger, Indicators, Settings, indicators};

use crate::walks::{closes, part};
use crate::{shared, units};

/// A sheet's lines, by columns.
struct Sheet {
    names: Vec<String>,
    lines: Vec<Vec<String>>,
}

impl Sheet {
    fn read(folder: &Path, name: &str) -> Self {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect());
        Self { names: lines.next().unwrap(), lines: lines.collect() }
    }

    fn column(&self, name: &str) -> Vec<&str> {
        let at = self.names.iter().position(|found| found == name).unwrap();
        self.lines.iter().map(|line| &*line[at]).collect()
    }

    fn units(&self, name: &str) -> Vec<i64> {
        self.column(name).into_iter().map(units).collect()
    }
}

/// How far a figure may be from what is printed of it.
fn tolerance(printed: &str) -> f64 {
    let places = printed.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let value: f64 = printed.parse().unwrap();
    (1e-9 * value.abs()).max(0.501 * 0.1_f64.powi(places as i32))
}

/// Holds a column, less the `before` bars that went before the sheet's, against a sheet's; `count` figures are to
/// be found there. What is `empty` has no figure.
#[track_caller]
fn check(found: &[Option<f64>], before: usize, printed: &[&str], empty: &str, count: usize) {
    let mut compared = 0;
    for (line, (found, printed)) in found[before..].iter().zip(printed).enumerate() {
        if *printed == empty {
            continue;
        }
        let (found, value) = (found.unwrap(), printed.parse::<f64>().unwrap());
        let away = (found - value).abs();
        assert!(away <= tolerance(printed), "line {line}: {found}, printed {printed}");
        compared += 1;
    }
    assert_eq!(compared, count);
}

/// Bars with the closes of a sheet, after `before` bars with the first of them.
fn after(before: usize, close: &[i64]) -> Bars {
    let mut all = vec![close[0]; before];
    all.extend(close);
    closes(&all)
}

fn of(bars: &Bars) -> Indicators {
    indicators(bars, &Settings::default())
}

#[test]
fn bollinger_bands_and_mean() {
    let Some(folder) = shared("indicators") else { return };
    let sheet = Sheet::read(&folder, "cs-bbands.csv");
    let found = of(&after(0, &sheet.units("Close")));
    check(&found.bollinger_middle, 0, &sheet.column("MiddleBand"), "", 23);
    check(&found.sma_short, 0, &sheet.column("MiddleBand"), "", 23);
    check(&found.bollinger_upper, 0, &sheet.column("HighBand"), "", 23);
    check(&found.bollinger_lower, 0, &sheet.column("LowBand"), "", 23);
    check(&found.bollinger_width, 0, &sheet.column("WidthBand"), "", 23);
    let one =
        Settings { bollinger: Bollinger { period: 20, deviations: 1.0 }, ..Settings::default() };
    let bands = indicators(&after(0, &sheet.units("Close")), &one);
    let deviation: Vec<_> = bands
        .bollinger_upper
        .iter()
        .zip(&bands.bollinger_middle)
        .map(|(upper, middle)| Some((*upper)? - (*middle)?))
        .collect();
    check(&deviation, 0, &sheet.column("20-day Standard Deviation"), "", 23);
}

#[test]
fn macd() {
    let Some(folder) = shared("indicators") else { return };
    let sheet = Sheet::read(&folder, "cs-macd.csv");
    // the sheet's averages begin with the first close: so do ours after 25 more of it
    let found = of(&after(25, &sheet.units("Close")));
    check(&found.ema_fast, 25, &sheet.column("short_ema"), "", 124);
    check(&found.ema_slow, 25, &sheet.column("long_ema"), "", 124);
    check(&found.macd, 25, &sheet.column("MACD_line"), "", 123);
    // its signal begins with a figure that is not in the sheet: what is left of the difference is 0.8 of it
    // with each bar, as with any two averages of 9 that differ in their beginnings alone
    let printed: Vec<Option<f64>> =
        sheet.column("MACD_signal").iter().map(|text| text.parse().ok()).collect();
    let away: Vec<f64> = found.macd_signal[25..]
        .iter()
        .zip(&printed)
        .filter_map(|(found, printed)| Some((*found)? - (*printed)?))
        .collect();
    assert_eq!(away.len(), 116);
    for (bars, away_now) in away.iter().enumerate() {
        let left = away[0] * 0.8_f64.powi(bars as i32);
        assert!((away_now - left).abs() < 1e-9, "after {bars} bars: {away_now}, not {left}");
    }
    let histogram = sheet.column("MACD_diff");
    for (bars, histogram) in histogram[8..].iter().enumerate() {
        let away_now = histogram.parse::<f64>().unwrap() - found.macd_histogram[33 + bars].unwrap();
        let left = away[0] * 0.8_f64.powi(bars as i32);
        assert!((away_now - left).abs() < 1e-9, "after {bars} bars: {away_now}, not {left}");
    }
}

#[test]
fn relative_strength() {
    let Some(folder) = shared("indicators") else { return };
    let sheet = Sheet::read(&folder, "cs-rsi.csv");
    // the sheet's averages begin with 0: so do ours after 14 bars in which nothing moved
    let found = of(&after(14, &sheet.units("Close")));
    check(&found.rsi, 14, &sheet.column("RSI"), "", 19);
}

#[test]
fn average_true_range() {
    let Some(folder) = shared("indicators") else { return };
    let sheet = Sheet::read(&folder, "cs-atr.csv");
    // the sheet counts the first bar's range, high to low: so do we after a bar that closes within it
    let twice = |column: Vec<i64>| [&column[..1], &column[..]].concat();
    let mut bars = closes(&twice(sheet.units("Close")));
    bars.high = twice(sheet.units("High"));
    bars.low = twice(sheet.units("Low"));
    check(&of(&bars).atr, 1, &sheet.column("ATR"), "0.000000000000000", 17);
}

#[test]
fn rate_of_change() {
    let Some(folder) = shared("indicators") else { return };
    let sheet = Sheet::read(&folder, "cs-roc.csv");
    let settings = Settings { roc: 12, ..Settings::default() };
    let found = indicators(&after(0, &sheet.units("Close")), &settings);
    check(&found.roc, 0, &sheet.column("ROC"), "", 8);
}

#[test]
fn on_balance_volume() {
    let Some(folder) = shared("indicators") else { return };
    let sheet = Sheet::read(&folder, "cs-obv.csv");
    let mut bars = after(0, &sheet.units("Close"));
    // the sheet counts from 0: its first bar has no volume
    let volume = sheet.column("Volume");
    bars.volume =
        volume.iter().map(|v| Some(if v.is_empty() { 0 } else { units(v).into() })).collect();
    let expect: Vec<Option<i128>> = sheet.column("OBV")[1..]
        .iter()
        .map(|text| Some(text.parse::<i128>().unwrap() * 100_000_000))
        .collect();
    let found = of(&bars).obv;
    assert_eq!(found[0], Some(0));
    assert_eq!(found[1..], expect);
    assert_eq!(expect.len(), 29);
}

#[test]
fn volume_weighted_price() {
    let Some(folder) = shared("indicators") else { return };
    let sheet = Sheet::read(&folder, "cs-vwap.csv");
    let mut bars = closes(&sheet.units("Close"));
    bars.high = sheet.units("High");
    bars.low = sheet.units("Low");
    bars.volume = sheet.units("Volume").into_iter().map(|v| Some(v.into())).collect();
    // the sheet's is of the last 14 bars, whatever their day: so is ours of a session of 14
    let found: Vec<Option<f64>> = (0..bars.len())
        .map(|i| {
            let last = part(&bars, i.saturating_sub(13)..i + 1);
            *of(&last).session_vwap.last().unwrap()
        })
        .collect();
    check(&found, 0, &sheet.column("vwap"), "", 30);
}

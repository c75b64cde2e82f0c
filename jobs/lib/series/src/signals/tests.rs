//! Series that are made so that an indicator speaks at one bar, and series at which none does.

use std::collections::BTreeSet;

use super::*;
use crate::beside::Timeline;
use crate::indicators::{self, indicators};
use crate::stats::{DAY_US, close_us};
use crate::testing::{HOUR_US, flat, units, walk};

fn with(bars: &Bars, beside: &Beside, settings: &Settings) -> Vec<Signal> {
    settings.check().unwrap();
    let indicators = indicators(bars, &indicators::Settings::default());
    signals(bars, &indicators, beside, settings)
}

/// The signals of a kind at default settings: bar, kind, direction, strength.
fn lines(found: &[Signal]) -> Vec<String> {
    let line = |signal: &Signal| {
        let Signal { at, kind, direction, strength, .. } = signal;
        format!("{at} {} {} {strength:.2}", kind.as_str(), direction.as_str())
    };
    found.iter().map(line).collect()
}

/// What is found when only these kinds are looked for.
fn only(kinds: &[Kind], bars: &Bars, beside: &Beside) -> Vec<Signal> {
    let off = Kind::ALL.into_iter().filter(|kind| !kinds.contains(kind)).collect();
    with(bars, beside, &Settings { off, ..Settings::default() })
}

/// Bars that close at these prices.
fn closes(prices: impl IntoIterator<Item = f64>) -> Bars {
    let prices: Vec<i64> = prices.into_iter().map(units).collect();
    let mut bars = flat(prices.len(), 100.0);
    for at in 0..prices.len() {
        let open = if at == 0 { prices[0] } else { prices[at - 1] };
        bars.open[at] = open;
        bars.close[at] = prices[at];
        bars.high[at] = open.max(prices[at]);
        bars.low[at] = open.min(prices[at]);
    }
    bars
}

/// A wave of so many bars about 100.
fn wave(count: usize, period: f64) -> Bars {
    closes((0..count).map(|at| 100.0 + 5.0 * libm::sin(std::f64::consts::TAU * at as f64 / period)))
}

#[test]
fn a_quiet_series_says_nothing() {
    // still, and up and down by the smallest step that a price can make
    let still = flat(10_000, 100.0);
    let trembling = closes((0..10_000).map(|at| 100.0 + f64::from(at % 2) * 1e-8));
    for bars in [still, trembling] {
        assert_eq!(lines(&with(&bars, &Beside::default(), &Settings::default())), [""; 0]);
    }
    assert_eq!(with(&Bars::default(), &Beside::default(), &Settings::default()), []);
    // and a walk says much
    let found = with(&walk(10_000, 0.01, 1), &Beside::default(), &Settings::default());
    for kind in
        Kind::ALL.into_iter().filter(|kind| !matches!(kind, Kind::PeAlert | Kind::VolumeSpike))
    {
        assert!(found.iter().filter(|signal| signal.kind == kind).count() > 50, "{kind:?}");
    }
    assert!(found.iter().all(|signal| (0.0..=1.0).contains(&signal.strength)));
    assert!(found.is_sorted_by_key(|signal| (signal.at, signal.kind)));
}

#[test]
fn relative_strength_speaks_when_it_enters_and_when_it_leaves() {
    // up and down in turn, then 10 bars down, up and down in turn, 10 bars up, up and down in turn
    let mut price = 100.0;
    let bars = closes((0..120).map(|at| {
        price += match at {
            40..50 => -1.0,
            80..90 => 1.0,
            _ if at % 2 == 0 => 1.0,
            _ => -1.0,
        };
        price
    }));
    let kinds = &Kind::ALL[..4];
    let found = only(kinds, &bars, &Beside::default());
    // where the index itself passes its levels
    let rsi = indicators(&bars, &indicators::Settings::default()).rsi;
    let mut expect = Vec::new();
    for at in 1..rsi.len() {
        let (Some(before), Some(now)) = (rsi[at - 1], rsi[at]) else { continue };
        for (passes, kind) in [
            (before >= 30.0 && now < 30.0, Kind::RsiEntersOversold),
            (before < 30.0 && now >= 30.0, Kind::RsiLeavesOversold),
            (before <= 70.0 && now > 70.0, Kind::RsiEntersOverbought),
            (before > 70.0 && now <= 70.0, Kind::RsiLeavesOverbought),
        ] {
            if passes {
                expect.push((at, kind));
            }
        }
    }
    assert_eq!(found.iter().map(|signal| (signal.at, signal.kind)).collect::<Vec<_>>(), expect);
    let kinds: BTreeSet<Kind> = found.iter().map(|signal| signal.kind).collect();
    assert_eq!(kinds.len(), 4, "{:?}", lines(&found));
    assert!(found.iter().all(|signal| signal.known_us == close_us(&bars, signal.at)));
}

#[test]
fn an_index_that_only_touches_its_level_says_nothing() {
    let bars = flat(9, 1.0);
    let of = |rsi: [f64; 9]| {
        let rsi: Vec<Option<f64>> = rsi.iter().map(|rsi| (*rsi >= 0.0).then_some(*rsi)).collect();
        lines(&crossings::rsi(&bars, &rsi, RsiLevels::default()))
    };
    assert_eq!(of([50.0, 30.0, 50.0, 70.0, 50.0, 30.0, 30.0, 70.0, 30.0]), [""; 0]);
    assert_eq!(
        of([50.0, 24.0, 15.0, 27.0, 30.0, 85.0, 100.0, 70.0, 1.0]),
        [
            "1 rsi_enters_oversold bullish 0.20",
            // by how deep it was
            "4 rsi_leaves_oversold bullish 0.50",
            "8 rsi_enters_oversold bullish 0.97",
            "5 rsi_enters_overbought bearish 0.50",
            "7 rsi_leaves_overbought bearish 1.00",
        ]
    );
    // the first known value has passed nothing
    assert_eq!(
        of([-1.0, 20.0, -1.0, 80.0, -1.0, 20.0, 19.0, 29.0, 31.0]),
        ["8 rsi_leaves_oversold bullish 0.37"]
    );
    let rsi = [Some(50.0), Some(24.0), Some(30.0)];
    let found = crossings::rsi(&flat(3, 1.0), &rsi, RsiLevels::default());
    assert_eq!(found[0].description, "the relative strength index of 24.0 falls below 30");
    assert_eq!(
        found[1].description,
        "the relative strength index of 30.0 rises back to 30, its lowest was 24.0"
    );
    assert_eq!(found[1].values, [("rsi", 30.0), ("level", 30.0), ("lowest", 24.0)]);
}

#[test]
fn lines_cross_where_they_change_sides() {
    let bars = wave(400, 100.0);
    let found = |kind| only(&[kind], &bars, &Beside::default());
    let of = indicators(&bars, &indicators::Settings::default());
    let close: Vec<Option<f64>> =
        bars.close.iter().map(|close| Some(*close as f64 / 1e8)).collect();
    for (kind, first, second, count) in [
        (Kind::MacdCross, &of.macd, &of.macd_signal, 7),
        (Kind::SmaCross, &of.sma_short, &of.sma_long, 7),
        (Kind::PriceVsSma, &close, &of.sma_long, 7),
    ] {
        let mut expect = Vec::new();
        for at in 1..bars.len() {
            let apart = |at: usize| Some(first[at]? - second[at]?);
            let (Some(before), Some(now)) = (apart(at - 1), apart(at)) else { continue };
            if (before > 0.0) != (now > 0.0) {
                let way = if now > 0.0 { Direction::Bullish } else { Direction::Bearish };
                expect.push((at, way));
            }
        }
        assert_eq!(expect.len(), count, "{kind:?}");
        let found = found(kind);
        let got: Vec<_> = found.iter().map(|signal| (signal.at, signal.direction)).collect();
        assert_eq!(got, expect, "{kind:?}");
        for signal in &found {
            let values: Vec<Option<f64>> =
                signal.values.iter().map(|(_, value)| Some(*value)).collect();
            assert_eq!(values, [first, second, &of.atr].map(|line| line[signal.at]));
            assert_eq!(signal.known_us, bars.open_us[signal.at] + HOUR_US);
        }
    }
}

/// Two lines about a price of 100 with an average true range of 1, as MACD and its signal, and as averages.
fn of_lines(apart: &[f64]) -> Vec<String> {
    let known = |value: f64| (!value.is_nan()).then_some(value);
    let bars = flat(apart.len(), 100.0);
    let indicators = Indicators {
        macd: apart.iter().map(|apart| known(*apart)).collect(),
        macd_signal: vec![Some(0.0); apart.len()],
        atr: vec![Some(1.0); apart.len()],
        ..Indicators::default()
    };
    lines(&crossings::macd(&bars, &indicators, 1e-6))
}

#[test]
fn lines_that_touch_or_tremble_have_not_crossed() {
    assert_eq!(of_lines(&[1.0, 0.0, 1.0, 0.00005, -0.00005, 1.0]), [""; 0]);
    // over the band at last; the strength is the change from the bar before, a quarter of the range is 1
    assert_eq!(of_lines(&[1.0, 0.0, -0.00005, -0.10005]), ["3 macd_cross bearish 0.40"]);
    assert_eq!(of_lines(&[-1.0, 0.0, 0.0, 0.1]), ["3 macd_cross bullish 0.40"]);
    assert_eq!(of_lines(&[-1.0, 1.0]), ["1 macd_cross bullish 1.00"]);
    // the first known values have crossed nothing
    let unknown = f64::NAN;
    assert_eq!(of_lines(&[unknown, 1.0, unknown, -1.0, -0.9]), [""; 0]);
}

#[test]
fn crossings_say_what_crossed_what() {
    let bars = closes([100.0, 99.0, 103.123_456_78]);
    let indicators = Indicators {
        sma_long: vec![Some(100.0), Some(100.5), Some(101.0)],
        atr: vec![None, None, Some(0.0)],
        ..Indicators::default()
    };
    let found = crossings::price(&bars, &indicators, 1e-6);
    assert_eq!(lines(&found), ["2 price_vs_sma bullish 1.00"]);
    assert_eq!(
        found[0].description,
        "the close of 103.123 crosses the long moving average of 101.000 upwards"
    );
    // without a true range a hundredth of the close stands for it
    assert_eq!(found[0].values[2], ("range", 0.01 * 103.123_456_78));
}

#[test]
fn a_ratio_is_told_when_it_is_known_to_be_beyond_a_threshold() {
    let mut bars = flat(10, 100.0);
    bars.width_us = DAY_US;
    bars.open_us = (0..10).map(|day| day * DAY_US).collect();
    // the ratios by the day, in tenths, from which they were known
    let of = |known: &[(i64, Option<f64>)]| {
        let known = known.iter().map(|(day, ratio)| (day * DAY_US / 10, *ratio)).collect();
        let beside = Beside { price_earnings: Timeline::new(known), ..Beside::default() };
        with(&bars, &beside, &Settings::default())
    };
    assert_eq!(lines(&of(&[])), [""; 0]);
    assert_eq!(lines(&of(&[(0, Some(40.0)), (35, Some(10.0))])), [""; 0]);
    // known during the fourth day, and with its close
    let found = of(&[(0, Some(39.0)), (35, Some(50.0)), (55, Some(60.0)), (65, Some(8.0))]);
    assert_eq!(lines(&found), ["3 pe_alert bearish 0.20", "6 pe_alert bullish 0.20"]);
    assert_eq!(found[0].description, "price by earnings of 50.00 is above 40");
    assert_eq!(found[1].values, [("price_earnings", 8.0), ("threshold", 10.0)]);
    assert_eq!(lines(&of(&[(0, Some(50.0))])), ["0 pe_alert bearish 0.20"]);
    // what becomes known with the close is known, what comes after it is not
    assert_eq!(lines(&of(&[(40, Some(50.0))])), ["3 pe_alert bearish 0.20"]);
    assert_eq!(lines(&of(&[(41, Some(50.0))])), ["4 pe_alert bearish 0.20"]);
    // losses are not cheap; a figure that its source no longer states has ended
    assert_eq!(lines(&of(&[(0, Some(-5.0)), (50, Some(0.0))])), [""; 0]);
    assert_eq!(
        lines(&of(&[(0, Some(50.0)), (35, None), (55, Some(50.0))])),
        ["0 pe_alert bearish 0.20", "5 pe_alert bearish 0.20"]
    );
    // and so has one that is too old
    let known = vec![(0, Some(50.0)), (6 * DAY_US, Some(50.0))];
    let beside = Beside { price_earnings: Timeline::new(known), ..Beside::default() };
    let mut settings = Settings::default();
    settings.pe_alert.days = 3;
    assert_eq!(
        lines(&with(&bars, &beside, &settings)),
        ["0 pe_alert bearish 0.20", "5 pe_alert bearish 0.20"]
    );
}

#[test]
fn a_volume_is_told_from_three_times_its_mean_on() {
    let of = |volume: f64, close: f64| {
        let mut bars = flat(40, 100.0);
        bars.volume[30] = Some(i128::from(units(volume)));
        bars.close[30] = units(close);
        only(&[Kind::VolumeSpike], &bars, &Beside::default())
    };
    assert_eq!(lines(&of(299.0, 100.0)), [""; 0]);
    assert_eq!(lines(&of(300.0, 100.0)), ["30 volume_spike neutral 0.00"]);
    assert_eq!(lines(&of(500.0, 101.0)), ["30 volume_spike bullish 0.50"]);
    assert_eq!(lines(&of(900.0, 99.0)), ["30 volume_spike bearish 0.75"]);
    assert_eq!(
        of(500.0, 101.0)[0].description,
        "the volume is 400 % above the mean of the 20 bars before it, threshold 200 %"
    );
    let mut bars = flat(40, 100.0);
    // a multiple of nothing says nothing; of the mean of one volume and 19 times nothing it does
    bars.volume[..30].fill(Some(0));
    assert_eq!(
        lines(&only(&[Kind::VolumeSpike], &bars, &Beside::default())),
        [
            "31 volume_spike neutral 0.89",
            "32 volume_spike neutral 0.78",
            "33 volume_spike neutral 0.65",
            "34 volume_spike neutral 0.50",
            "35 volume_spike neutral 0.33",
            "36 volume_spike neutral 0.14",
        ]
    );
    bars.volume[..30].fill(None);
    assert_eq!(only(&[Kind::VolumeSpike], &bars, &Beside::default()), []);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let check = |change: &dyn Fn(&mut Settings), expect: &str| {
        let mut settings = Settings::default();
        change(&mut settings);
        let said = settings.check().map_or_else(|error| error.to_string(), |()| String::new());
        assert_eq!(said, expect);
    };
    check(&|_| (), "");
    check(&|to| to.rsi.low = 51.0, "bad rsi.low '51', expected a number above 0, 50 at most");
    check(
        &|to| to.rsi.high = 100.0,
        "bad rsi.high '100', expected a number of 50 or more, below 100",
    );
    check(&|to| to.dead_band = -1.0, "bad dead_band '-1', expected a ratio of 0 or more, below 1");
    check(&|to| to.pe_alert.low = f64::NAN, "bad pe_alert.low 'NaN', expected a number above 0");
    check(
        &|to| to.pe_alert.high = 10.0,
        "bad pe_alert.high '10', expected a number above pe_alert.low",
    );
    check(&|to| to.pe_alert.days = 0, "bad pe_alert.days '0', expected 1 or more");
    check(
        &|to| to.volume_spike.percent = 0.0,
        "bad volume_spike.percent '0', expected a number above 0",
    );
    check(&|to| to.volume_spike.bars = 0, "bad volume_spike.bars '0', expected 1 to 10000 bars");
}

//! Series that are made so that one thing stands out, and series in which nothing does.

use super::*;
use crate::beside::{Quotes, Timeline};
use crate::indicators::{self, indicators};
use crate::stats::MAD_TO_DEVIATION;
use crate::testing::{self, HOUR_US, START_US, flat, remove, set_close, units, walk};

/// The anomalies at default settings with nothing beside the bars.
fn of(bars: &Bars) -> Vec<Anomaly> {
    with(bars, &Beside::default(), &Settings::default())
}

fn with(bars: &Bars, beside: &Beside, settings: &Settings) -> Vec<Anomaly> {
    settings.check().unwrap();
    let indicators = indicators(bars, &indicators::Settings::default());
    anomalies(bars, &indicators, beside, settings)
}

/// The anomalies as text: bar, kind, severity, value by threshold, and after how many bars' closes one is
/// known.
fn lines(bars: &Bars, found: &[Anomaly]) -> Vec<String> {
    let line = |anomaly: &Anomaly| {
        let Anomaly { at, kind, severity, value, threshold, known_us, .. } = anomaly;
        let after = (known_us - bars.open_us[*at]) / bars.width_us;
        format!("{at} {} {} {value:.1}/{threshold} +{after}", kind.as_str(), severity.as_str())
    };
    found.iter().map(line).collect()
}

fn check(bars: &Bars, expect: &[&str]) {
    assert_eq!(lines(bars, &of(bars)), expect);
}

/// Bars whose price swings by 0.1 % and back, each over a range of 0.1 %.
fn calm(count: usize) -> Bars {
    let mut bars = flat(count, 100.0);
    for at in 0..count {
        (bars.low[at], bars.high[at]) = (units(100.0), units(100.1));
        bars.close[at] = if at % 2 == 0 { units(100.0) } else { units(100.1) };
    }
    bars
}

#[test]
fn nothing_stands_out_of_a_quiet_random_walk() {
    for (seed, deviation) in [(1, 0.001), (2, 0.01), (3, 0.00001), (4, 0.03)] {
        let bars = walk(10_000, deviation, seed);
        let mut random = fastrand::Rng::with_seed(seed);
        let quotes = (0..bars.len()).map(|at| {
            let spread = Some(0.001 * (1.0 + 0.2 * testing::normal(&mut random)));
            (close_us(&bars, at), Quotes { spread, crossed: 0, locked: 0 })
        });
        let beside = Beside { quotes: Timeline::new(quotes.collect()), ..Beside::default() };
        let found = with(&bars, &beside, &Settings::default());
        assert_eq!(lines(&bars, &found), [""; 0], "deviation {deviation}");
        // it is the thresholds that keep silent, not the search
        let mut narrow = Settings::default();
        narrow.extreme_price_movement.deviations = 2.0;
        narrow.extreme_price_movement.floor = 1e-9;
        narrow.extreme_price_movement.least_move = 0.0;
        narrow.volume_spike.times = 1.5;
        narrow.wide_spread.times = 1.5;
        let found = with(&bars, &beside, &narrow);
        for kind in [Kind::ExtremePriceMovement, Kind::VolumeSpike, Kind::WideSpread] {
            let count = found.iter().filter(|anomaly| anomaly.kind == kind).count();
            assert!(count > 50, "{count} of {kind:?} at deviation {deviation}");
        }
    }
    check(&flat(11, 100.0), &[]);
    check(&Bars::default(), &[]);
}

#[test]
fn a_movement_is_extreme_by_robust_deviations_and_in_itself() {
    let moved = |percent: f64| {
        let mut bars = calm(202);
        // the bars from the 150th on lie at another level: one movement, no way back
        for at in 150..202 {
            for prices in [&mut bars.high, &mut bars.low, &mut bars.close] {
                prices[at] = (prices[at] as f64 * (1.0 + percent / 100.0)) as i64;
            }
        }
        bars
    };
    // bar 150 would have fallen by 0.1 % in any case, which is what the median deviation is
    let value = (libm::log(1.012 / 1.001)) / (MAD_TO_DEVIATION * libm::log(1.001));
    assert!((of(&moved(1.2))[0].value - value).abs() < 1e-6, "{value}");
    check(&moved(0.9), &[]);
    check(&moved(1.2), &["150 extreme_price_movement low 7.4/6 +1"]);
    check(&moved(2.5), &["150 extreme_price_movement medium 16.0/6 +1"]);
    check(&moved(5.0), &["150 extreme_price_movement high 32.3/6 +1"]);
    check(&moved(-1.2), &["150 extreme_price_movement low -8.8/-6 +1"]);
    let described = &of(&moved(-1.2))[0];
    assert_eq!(
        described.description,
        "the log return of -1.31 % is 8.8 robust deviations below the median of the 100 before it, \
         threshold 6"
    );
    assert_eq!(described.method, "median and MAD of the log returns before it");

    // 0.9 % is beyond 5 deviations, but below the least movement
    let mut settings = Settings::default();
    settings.extreme_price_movement.deviations = 5.0;
    let found = |percent, settings: &Settings| with(&moved(percent), &Beside::default(), settings);
    assert_eq!(found(0.9, &settings), []);
    settings.extreme_price_movement.least_move = 0.005;
    assert_eq!(found(0.9, &settings).len(), 1);
}

#[test]
fn a_movement_is_not_part_of_its_own_window() {
    // 12 movements in a row: were each in its own window or the window short, the scale would follow them
    let mut bars = calm(160);
    let mut price = 100.0;
    for at in 140..152 {
        price *= 1.02;
        set_close(&mut bars, at, price);
        (bars.low[at], bars.high[at]) = (bars.close[at], bars.close[at]);
    }
    let found = of(&bars);
    let movements = found.iter().filter(|anomaly| anomaly.kind == Kind::ExtremePriceMovement);
    let at: Vec<usize> = movements.map(|anomaly| anomaly.at).collect();
    // the last one is the way back
    assert_eq!(at, (140..=152).collect::<Vec<_>>());
}

#[test]
fn a_price_that_never_moved_has_a_floor() {
    let mut bars = flat(60, 100.0);
    // a still price is stale too, and its first movement all that its relative strength knows
    let off = vec![Kind::StalePrice, Kind::ExtremeRsi];
    let settings = Settings { off, ..Settings::default() };
    let check = |bars: &Bars, expect: &[&str]| {
        let found = with(bars, &Beside::default(), &settings);
        assert_eq!(lines(bars, &found), expect);
    };
    for at in 50..60 {
        set_close(&mut bars, at, 100.9);
    }
    check(&bars, &[]);
    for at in 50..60 {
        set_close(&mut bars, at, 101.1);
    }
    // log 1.011 is 0.01094; by the floor of 0.0001
    check(&bars, &["50 extreme_price_movement high 109.4/6 +1"]);
    // too few returns before it
    let mut short = flat(31, 100.0);
    set_close(&mut short, 30, 101.1);
    check(&short, &[]);
}

#[test]
fn returns_over_closed_hours_are_compared_with_their_own_kind() {
    // 40 sessions of 7 hours, each about a level of its own, 2 % up or down
    let mut bars = calm(280);
    let shift = |bars: &mut Bars, at: usize, by: f64| {
        for prices in [&mut bars.high, &mut bars.low, &mut bars.close] {
            prices[at] = (prices[at] as f64 * by) as i64;
        }
    };
    for at in 0..bars.len() {
        let (session, hour) = (at as i64 / 7, at as i64 % 7);
        bars.session[at] = session;
        bars.open_us[at] = START_US + (session * 24 + 14 + hour) * HOUR_US;
        shift(&mut bars, at, 1.0 + 0.02 * libm::sin(2.4 * session as f64));
    }
    check(&bars, &[]);
    // were they bars through day and night, the same movements would stand out
    let mut through = bars.clone();
    through.open_us = (0..280).map(|at| START_US + at * HOUR_US).collect();
    let found = of(&through);
    assert!(found.len() > 25, "{found:?}");
    assert!(found.iter().all(|anomaly| anomaly.at % 7 == 0), "{found:?}");
    // and a night of 50 % stands out among nights
    (36 * 7..bars.len()).for_each(|at| shift(&mut bars, at, 1.5));
    let settings = Settings { off: vec![Kind::ExtremeRsi], ..Settings::default() };
    let found = with(&bars, &Beside::default(), &settings);
    assert_eq!(lines(&bars, &found), ["252 extreme_price_movement low 9.6/6 +1"]);
    assert!(found[0].description.contains(" % over closed hours is "), "{}", found[0].description);
}

#[test]
fn of_bars_of_a_day_a_weekend_is_a_night_like_another() {
    let mut bars = calm(60);
    bars.width_us = 24 * HOUR_US;
    // from a Monday on, five days a week
    bars.open_us = (0..60).map(|at| START_US + (at / 5 * 7 + at % 5) * 24 * HOUR_US).collect();
    check(&bars, &[]);
    for at in 55..60 {
        for prices in [&mut bars.high, &mut bars.low, &mut bars.close] {
            prices[at] = prices[at] / 100 * 102;
        }
    }
    // the eleventh weekend: no window of weekends would be full
    check(&bars, &["55 extreme_price_movement medium 14.0/6 +1"]);
}

#[test]
fn relative_strength_is_told_when_it_becomes_extreme_and_when_more_so() {
    // after calm, 60 bars that rise by 0.4 %: no return stands out on its own
    let mut bars = calm(100);
    let mut price = 100.0;
    for at in 40..100 {
        price *= 1.004;
        set_close(&mut bars, at, price);
        bars.low[at] = bars.close[at];
    }
    let expect = [
        "50 extreme_rsi low 92.1/92 +1",
        "54 extreme_rsi medium 94.9/92 +1",
        "61 extreme_rsi high 97.4/92 +1",
    ];
    check(&bars, &expect[..]);
    let rsi = indicators(&bars, &indicators::Settings::default()).rsi;
    for (at, least) in [(50, 92.0), (54, 92.0 + 8.0 / 3.0), (61, 92.0 + 16.0 / 3.0)] {
        assert!(rsi[at - 1] < Some(least) && rsi[at] >= Some(least), "{at}: {:?}", rsi[at]);
    }
    // from the first bar on it is extreme, and told when there are bars enough
    let mut early = flat(40, 100.0);
    (0..40).for_each(|at| set_close(&mut early, at, 100.0 + at as f64));
    check(&early, &["30 extreme_rsi high 100.0/92 +1"]);
    // the same at a hundredth of the height moves too little to matter
    for at in 40..100 {
        let height = bars.close[at] - units(100.0);
        let close = units(100.0) + height / 100;
        (bars.low[at], bars.high[at], bars.close[at]) = (close, close, close);
    }
    assert_eq!(of(&bars).iter().filter(|anomaly| anomaly.kind == Kind::ExtremeRsi).count(), 0);
}

#[test]
fn a_volume_is_a_spike_from_ten_medians_on() {
    let mut bars = calm(120);
    bars.volume[110] = Some(i128::from(units(999.0)));
    check(&bars, &[]);
    bars.volume[110] = Some(i128::from(units(1000.0)));
    check(&bars, &["110 volume_spike low 10.0/10 +1"]);
    assert_eq!(
        of(&bars)[0].description,
        "the volume is 10.0 times the median of the 100 before it, threshold 10"
    );
    // the median is not impressed by it
    bars.volume[111] = Some(i128::from(units(4000.0)));
    check(&bars, &["110 volume_spike low 10.0/10 +1", "111 volume_spike high 40.0/10 +1"]);
    // too few before it
    for (at, count) in [(29, 0), (30, 1)] {
        let mut short = calm(40);
        short.volume[at] = Some(i128::from(units(1000.0)));
        assert_eq!(of(&short).len(), count, "{at}");
    }
    // nobody states a volume, or nothing was traded
    bars.volume[..111].fill(None);
    check(&bars, &[]);
    bars.volume[..111].fill(Some(0));
    check(&bars, &[]);
}

#[test]
fn each_gap_is_told_with_what_is_missing() {
    let mut bars = calm(60);
    remove(&mut bars, 20);
    (0..15).for_each(|_| remove(&mut bars, 40));
    check(&bars, &["20 gap low 1.0/1 +1", "40 gap medium 15.0/1 +1"]);
    let found = of(&bars);
    assert_eq!(found[0].description, "1 bar is missing before this one, threshold 1");
    assert_eq!(found[1].description, "15 bars are missing before this one, threshold 1");
    // closed hours are no gap
    let mut closed = calm(60);
    closed.open_us[30..].iter_mut().for_each(|open| *open += 17 * HOUR_US);
    check(&closed, &[]);
}

#[test]
fn a_price_that_stands_still_is_stale_from_twelve_bars_on() {
    let still = |from: usize, to: usize| {
        let mut bars = calm(120);
        for at in from..to {
            (bars.low[at], bars.high[at], bars.close[at]) =
                (units(100.0), units(100.0), units(100.0));
        }
        bars
    };
    check(&still(40, 51), &[]);
    check(&still(40, 52), &["51 stale_price low 12.0/12 +1"]);
    // told again where it has lasted twice and four times as long, not with every bar
    check(
        &still(40, 100),
        &[
            "51 stale_price low 12.0/12 +1",
            "63 stale_price medium 24.0/12 +1",
            "87 stale_price high 48.0/12 +1",
        ],
    );
    // a missing bar ends it
    let mut gap = still(40, 60);
    remove(&mut gap, 50);
    check(&gap, &["50 gap low 1.0/1 +1"]);
    // another price ends it, though it does not move either
    let mut other = still(40, 60);
    for at in 50..60 {
        (other.low[at], other.high[at], other.close[at]) =
            (units(100.1), units(100.1), units(100.1));
    }
    check(&other, &[]);
}

#[test]
fn a_bad_print_is_known_with_the_next_bar() {
    let with_high = |at: usize, high: f64| {
        let mut bars = calm(60);
        bars.high[at] = units(high);
        bars
    };
    check(&with_high(50, 102.0), &[]);
    // log(103 / 100.1) = 2.86 % by the range of 0.1 %
    check(&with_high(50, 103.0), &["50 bad_print high 28.6/5 +2"]);
    assert_eq!(
        of(&with_high(50, 103.0))[0].description,
        "the highest price lies 2.86 % above those of both neighbours, 28.6 times the median range of \
         the 50 bars before it, threshold 5"
    );
    let mut low = calm(60);
    low.low[50] = units(90.0);
    check(&low, &["50 bad_print high -105.4/-5 +2"]);
    // both ends are bad: one of a kind a bar, the farther one
    low.high[50] = units(103.0);
    check(&low, &["50 bad_print high -105.4/-5 +2"]);
    // the neighbour went there as well: it was a movement of the market
    let mut both = with_high(50, 103.0);
    both.high[51] = units(102.9);
    check(&both, &[]);
    // not yet known, and not knowable
    check(&testing::first(&with_high(50, 103.0), 51), &[]);
    let mut gap = with_high(50, 103.0);
    remove(&mut gap, 51);
    check(&gap, &["51 gap low 1.0/1 +1"]);
    // too few ranges before it
    check(&with_high(29, 103.0), &[]);
    check(&with_high(30, 103.0), &["30 bad_print high 28.6/5 +2"]);
}

#[test]
fn spreads_and_quotes_are_judged_where_there_are_any() {
    let bars = calm(60);
    let quotes = |spread: f64, crossed: u64, locked: u64| {
        let of = |at: usize| match at {
            50 => Quotes { spread: Some(spread), crossed, locked },
            // of nothing but crossed quotes nobody can tell a spread
            20 => Quotes { spread: None, crossed: 0, locked: 0 },
            _ => Quotes { spread: Some(0.0002), crossed: 0, locked: 0 },
        };
        let known = (0..60).map(|at| (close_us(&bars, at), of(at))).collect();
        Beside { quotes: Timeline::new(known), ..Beside::default() }
    };
    let check = |beside: &Beside, expect: &[&str]| {
        let found = with(&bars, beside, &Settings::default());
        assert_eq!(lines(&bars, &found), expect);
    };
    check(&quotes(0.0009, 0, 0), &[]);
    check(&quotes(0.0021, 0, 0), &["50 wide_spread medium 10.5/5 +1"]);
    check(&quotes(0.0002, 0, 1), &["50 crossed_or_locked_quote low 1.0/1 +1"]);
    check(&quotes(0.0002, 20, 3), &["50 crossed_or_locked_quote medium 23.0/1 +1"]);
    let found = with(&bars, &quotes(0.0021, 20, 3), &Settings::default());
    let described: Vec<&str> = found.iter().map(|anomaly| &anomaly.description[..]).collect();
    assert_eq!(
        described,
        [
            "the mean spread of 0.21 % is 10.5 times the median of the 49 before it, threshold 5",
            "20 quotes are crossed and 3 are locked in this bar, threshold 1",
        ]
    );
    // a wide spread is not told again for bars without quotes of their own
    let known = (0..=50).map(|at| {
        let spread = Some(if at == 50 { 0.01 } else { 0.001 });
        (close_us(&bars, at), Quotes { spread, crossed: 0, locked: 0 })
    });
    let beside = Beside { quotes: Timeline::new(known.collect()), ..Beside::default() };
    check(&beside, &["50 wide_spread medium 10.0/5 +1"]);
}

#[test]
fn what_is_off_is_not_looked_for() {
    let mut bars = calm(60);
    remove(&mut bars, 40);
    bars.volume[50] = Some(i128::from(units(5000.0)));
    let settings = Settings { off: vec![Kind::Gap], ..Settings::default() };
    let found = with(&bars, &Beside::default(), &settings);
    assert_eq!(lines(&bars, &found), ["50 volume_spike high 50.0/10 +1"]);
}

#[test]
fn the_severity_rises_with_the_multiple_of_the_threshold() {
    for kind in Kind::ALL {
        let (medium, high) = kind.steps();
        assert!(1.0 < medium && medium < high, "{kind:?}");
        assert_eq!(kind.severity(1.0), Severity::Low);
        assert_eq!(kind.severity(medium), Severity::Medium);
        assert_eq!(kind.severity(high), Severity::High);
    }
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
    check(&|to| to.window = 1, "bad window '1', expected 2 to 10000 bars");
    check(&|to| to.window = 10_001, "bad window '10001', expected 2 to 10000 bars");
    check(
        &|to| to.fewest = 101,
        "bad fewest '101', expected 2 bars or more, and no more than window",
    );
    let price = |change: &dyn Fn(&mut ExtremePriceMovement), expect: &str| {
        check(&|to| change(&mut to.extreme_price_movement), expect);
    };
    price(
        &|to| to.deviations = 0.0,
        "bad extreme_price_movement.deviations '0', expected a number above 0",
    );
    price(
        &|to| to.floor = f64::NAN,
        "bad extreme_price_movement.floor 'NaN', expected a number above 0",
    );
    price(
        &|to| to.least_move = -0.1,
        "bad extreme_price_movement.least_move '-0.1', expected a number of 0 or more",
    );
    check(
        &|to| to.extreme_rsi.low = 50.0,
        "bad extreme_rsi.low '50', expected a number between 0 and 50",
    );
    check(
        &|to| to.extreme_rsi.high = 100.0,
        "bad extreme_rsi.high '100', expected a number between 50 and 100",
    );
    check(&|to| to.extreme_rsi.bars = 0, "bad extreme_rsi.bars '0', expected 1 or more");
    check(
        &|to| to.extreme_rsi.least_move = f64::INFINITY,
        "bad extreme_rsi.least_move 'inf', expected a number of 0 or more",
    );
    check(
        &|to| to.volume_spike.times = 1.0,
        "bad volume_spike.times '1', expected a number above 1",
    );
    check(&|to| to.gap.bars = 0, "bad gap.bars '0', expected 1 or more");
    check(&|to| to.stale_price.bars = 1, "bad stale_price.bars '1', expected 2 or more");
    check(&|to| to.bad_print.times = -1.0, "bad bad_print.times '-1', expected a number above 0");
    check(&|to| to.bad_print.floor = 0.0, "bad bad_print.floor '0', expected a number above 0");
    check(
        &|to| to.bad_print.least_move = -1.0,
        "bad bad_print.least_move '-1', expected a number of 0 or more",
    );
    check(
        &|to| to.wide_spread.times = 0.5,
        "bad wide_spread.times '0.5', expected a number above 1",
    );
    check(
        &|to| to.wide_spread.least = -0.5,
        "bad wide_spread.least '-0.5', expected a number of 0 or more",
    );
    check(
        &|to| to.crossed_or_locked_quote.quotes = 0,
        "bad crossed_or_locked_quote.quotes '0', expected 1 or more",
    );
}

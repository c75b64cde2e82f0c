//! Nothing looks ahead: whatever is known of a series when one of its bars has closed is the same, bit for
//! bit, as what the series makes that ends with this bar. Indicators, anomalies, signals, features and
//! labels are cut at random, 1,000 times in all; and the same search finds what does look ahead.

use std::collections::BTreeSet;

use crate::anomalies::{self, Anomaly, anomalies};
use crate::bars::Bars;
use crate::beside::{Beside, Quotes, Timeline};
use crate::features::{FEATURES, features};
use crate::indicators::{self, Indicators, indicators};
use crate::labels::{HORIZONS, labels};
use crate::signals::{self, Signal, signals};
use crate::stats::close_us;
use crate::testing::{self, HOUR_US, first, set_close, units, walk};

/// What is told of a bar.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    at: usize,
    known_us: i64,
    name: &'static str,
    /// Its values, to the last bit.
    bits: Vec<Option<u64>>,
    said: String,
}

/// What a computation tells of a series, in an order that does not depend on what follows.
type Tell<'a> = &'a dyn Fn(&Bars, &Beside) -> Vec<Row>;

/// What differs between the knowledge of the moment when the last of `count` bars closed, taken from the
/// whole series, and what the series tells that ends there; the first of it.
fn leak(
    tell: Tell<'_>,
    whole: &[Row],
    bars: &Bars,
    beside: &Beside,
    count: usize,
) -> Option<String> {
    let now = close_us(bars, count - 1);
    let cut = tell(&first(bars, count), &beside.until(now));
    let mut known = whole.iter().filter(|row| row.known_us <= now);
    let mut cut = cut.iter();
    loop {
        match (cut.next(), known.next()) {
            (None, None) => return None,
            (cut, known) if cut == known => (),
            (cut, known) => {
                return Some(format!("cut after {count} bars: {cut:?}, of the whole: {known:?}"));
            }
        }
    }
}

fn bits(value: f64) -> u64 {
    value.to_bits()
}

fn rows_of_anomalies(bars: &Bars, indicators: &Indicators, beside: &Beside) -> Vec<Row> {
    // windows that a short series fills, and thresholds at which much is told
    let mut settings = anomalies::Settings { window: 20, fewest: 5, ..Default::default() };
    settings.extreme_price_movement.deviations = 3.0;
    settings.extreme_rsi =
        anomalies::ExtremeRsi { low: 20.0, high: 80.0, bars: 5, least_move: 0.0 };
    settings.stale_price.bars = 4;
    settings.check().unwrap();
    let row = |found: Anomaly| Row {
        at: found.at,
        known_us: found.known_us,
        name: found.kind.as_str(),
        bits: vec![Some(bits(found.value)), Some(bits(found.threshold))],
        said: format!("{} {}", found.severity.as_str(), found.description),
    };
    anomalies(bars, indicators, beside, &settings).into_iter().map(row).collect()
}

fn rows_of_signals(bars: &Bars, indicators: &Indicators, beside: &Beside) -> Vec<Row> {
    let row = |found: Signal| Row {
        at: found.at,
        known_us: found.known_us,
        name: found.kind.as_str(),
        bits: found
            .values
            .iter()
            .map(|(_, value)| *value)
            .chain([found.strength])
            .map(|value| Some(bits(value)))
            .collect(),
        said: format!("{} {}", found.direction.as_str(), found.description),
    };
    let settings = signals::Settings::default();
    signals(bars, indicators, beside, &settings).into_iter().map(row).collect()
}

/// A row a bar: what is none is told as well, for it must not become known later.
fn rows_of_features(bars: &Bars, indicators: &Indicators, beside: &Beside) -> Vec<Row> {
    let found = features(bars, indicators, beside);
    let row = |at: usize| Row {
        at,
        known_us: found.known_us[at],
        name: "features",
        bits: found.columns.iter().map(|column| column[at].map(bits)).collect(),
        said: String::new(),
    };
    (0..bars.len()).map(row).collect()
}

fn rows_of_labels(bars: &Bars) -> Vec<Row> {
    let mut told = Vec::new();
    for label in labels(bars, &HORIZONS) {
        for at in 0..bars.len() {
            let (Some(ahead), Some(sign)) = (label.log_return[at], label.sign[at]) else {
                continue;
            };
            let known_us = label.known_us[at].unwrap();
            let said = format!("{} {sign}", label.horizon);
            told.push(Row { at, known_us, name: "label", bits: vec![Some(bits(ahead))], said });
        }
    }
    told
}

/// All that this crate tells of a series.
fn everything(bars: &Bars, beside: &Beside) -> Vec<Row> {
    let indicators = indicators(bars, &indicators::Settings::default());
    let mut told = rows_of_anomalies(bars, &indicators, beside);
    told.extend(rows_of_signals(bars, &indicators, beside));
    told.extend(rows_of_features(bars, &indicators, beside));
    told.extend(rows_of_labels(bars));
    told
}

/// A series in which much happens: jumps, spikes of volume, gaps, closed hours, prices that stand still,
/// wicks, volumes that nobody states; quotes, funding rates and price by earnings beside it, some of which
/// become known late.
fn lively(count: usize, seed: u64) -> (Bars, Beside) {
    let mut bars = walk(count, 0.01, seed);
    let mut random = fastrand::Rng::with_seed(seed ^ 0x5eed);
    let mut times = 1.0;
    for at in 1..count {
        if random.u8(..) < 8 {
            times *= 1.0 + 0.2 * (random.f64() - 0.5);
        }
        for prices in [&mut bars.open, &mut bars.high, &mut bars.low, &mut bars.close] {
            prices[at] = (prices[at] as f64 * times) as i64;
        }
        match random.u8(..) {
            0..6 => bars.high[at] = bars.high[at] / 10 * 12,
            6..12 => bars.low[at] = bars.low[at] / 10 * 8,
            12..20 => bars.volume[at] = bars.volume[at].map(|volume| volume * 20),
            20..26 => bars.volume[at] = None,
            26..30 => bars.place[at..].iter_mut().for_each(|place| *place += 3),
            _ => (),
        }
    }
    // a fall without a break, and a price that stands still after it
    let from = random.usize(30..count - 60);
    for at in from..from + 40 {
        let times = if at < from + 25 { 0.99 } else { 1.0 };
        let close = bars.close[at - 1] as f64 * 1e-8 * times;
        (bars.open[at], bars.high[at], bars.low[at], bars.close[at]) =
            (units(close), units(close), units(close), units(close));
    }
    for at in (10..count).step_by(40) {
        let rise = bars.close[at - 1] as f64 * 1e-8 * 1.05;
        set_close(&mut bars, at, rise);
    }
    // every third of its days the venue is closed for 17 hours; where places are left out, time passes as well
    let mut open = bars.open_us[0];
    for at in 0..count {
        if at > 0 {
            open += HOUR_US * (bars.place[at] - bars.place[at - 1]);
            open += if at % 21 == 0 { 17 * HOUR_US } else { 0 };
        }
        bars.open_us[at] = open;
    }
    (bars.clone(), beside_of(&bars, &mut random))
}

fn beside_of(bars: &Bars, random: &mut fastrand::Rng) -> Beside {
    let (mut funding, mut earnings, mut quotes) = (Vec::new(), Vec::new(), Vec::new());
    for at in 0..bars.len() {
        let within = |random: &mut fastrand::Rng| bars.open_us[at] + random.i64(0..=HOUR_US);
        if at % 8 == 0 {
            funding.push((within(random), testing::normal(random) * 0.0001));
        }
        if at % 25 == 7 {
            let ratio = Some(random.f64() * 60.0 - 5.0).filter(|_| random.u8(..) > 40);
            earnings.push((within(random), ratio));
        }
        if random.u8(..) > 30 {
            let wide = if random.u8(..) < 10 { 10.0 } else { 1.0 };
            let crossed = u64::from(random.u8(..) < 4);
            let locked = u64::from(random.u8(..) < 4) * 2;
            let late = if random.u8(..) < 10 { random.i64(1..3 * HOUR_US) } else { 0 };
            let spread = Some(0.001 * wide * (1.0 + 0.1 * random.f64()));
            quotes.push((close_us(bars, at) + late, Quotes { spread, crossed, locked }));
        }
    }
    Beside {
        funding: Timeline::new(funding),
        price_earnings: Timeline::new(earnings),
        quotes: Timeline::new(quotes),
    }
}

const SERIES: u64 = 20;
const BARS: usize = 240;

#[test]
fn nothing_looks_ahead() {
    let mut random = fastrand::Rng::with_seed(2);
    let mut cuts = 0;
    for seed in 0..SERIES {
        let (bars, beside) = lively(BARS, seed);
        let whole = everything(&bars, &beside);
        for _ in 0..1000 / SERIES {
            let count = random.usize(1..=BARS);
            let found = leak(&everything, &whole, &bars, &beside, count);
            assert_eq!(found, None, "series {seed}");
            cuts += 1;
        }
    }
    assert_eq!(cuts, 1000);
}

/// The search above is worth as much as what happens in the series.
#[test]
fn in_the_series_that_are_cut_everything_happens() {
    let mut told = BTreeSet::new();
    for seed in 0..SERIES {
        let (bars, beside) = lively(BARS, seed);
        for row in everything(&bars, &beside) {
            told.insert(row.name);
            if row.name == "features" {
                let names = FEATURES.iter().zip(&row.bits).filter(|(_, bits)| bits.is_some());
                told.extend(names.map(|(feature, _)| feature.name));
            }
        }
    }
    let anomalies = anomalies::Kind::ALL.into_iter().map(anomalies::Kind::as_str);
    let signals = signals::Kind::ALL.into_iter().map(signals::Kind::as_str);
    let features = FEATURES.iter().map(|feature| feature.name);
    for name in anomalies.chain(signals).chain(features).chain(["label"]) {
        assert!(told.contains(name), "no series has {name}");
    }
}

/// Whether one of 50 cuts of one series finds that a computation looks ahead.
fn is_caught(tell: Tell<'_>) -> bool {
    let (bars, beside) = lively(BARS, 3);
    let whole = tell(&bars, &beside);
    let mut random = fastrand::Rng::with_seed(4);
    (0..50).any(|_| leak(tell, &whole, &bars, &beside, random.usize(1..=BARS)).is_some())
}

/// One value for each bar, known when it closes.
fn feature(bars: &Bars, of: impl Fn(usize) -> Option<f64>) -> Vec<Row> {
    let row = |at: usize| Row {
        at,
        known_us: close_us(bars, at),
        name: "feature",
        bits: vec![of(at).map(bits)],
        said: String::new(),
    };
    (0..bars.len()).map(row).collect()
}

#[test]
fn what_looks_ahead_is_caught() {
    let close = |bars: &Bars, at: usize| bars.close.get(at).map(|close| *close as f64);
    // what does not is not
    assert!(!is_caught(&|bars, _| feature(bars, |at| close(bars, at))));
    // the next close
    assert!(is_caught(&|bars, _| feature(bars, |at| Some(
        close(bars, at + 1)? / close(bars, at)?
    ))));
    // whether there is a next bar
    assert!(is_caught(&|bars, _| { feature(bars, |at| (at + 1 < bars.len()).then_some(1.0)) }));
    // the mean of the whole series
    assert!(is_caught(&|bars, _| {
        let mean = bars.close.iter().map(|close| *close as f64).sum::<f64>() / bars.len() as f64;
        feature(bars, |at| Some(close(bars, at)? / mean))
    }));
    // a sum from the end, in its last bits only
    assert!(is_caught(&|bars, _| {
        let tiny: f64 = bars.close.iter().rev().map(|close| 1e-17 * *close as f64).sum();
        feature(bars, |at| Some(close(bars, at)? * (1.0 + tiny * 1e-6)))
    }));
    // a rate that becomes known while the next bar is open
    assert!(is_caught(&|bars, beside| {
        let rate = |at: usize| beside.funding.at(close_us(bars, at) + HOUR_US);
        feature(bars, |at| rate(at).map(|(_, rate)| *rate))
    }));
    // a label among features
    assert!(is_caught(&|bars, _| {
        let label = &labels(bars, &[3])[0];
        feature(bars, |at| label.log_return[at])
    }));
    // an anomaly that is known with the next bar, told with its own
    assert!(is_caught(&|bars, beside| {
        let told = rows_of_anomalies(bars, &Indicators::default(), beside).into_iter();
        told.map(|row| Row { known_us: close_us(bars, row.at), ..row }).collect()
    }));
    // and one that is told too late
    assert!(is_caught(&|bars, beside| {
        let told = rows_of_anomalies(bars, &Indicators::default(), beside).into_iter();
        told.map(|row| Row { known_us: row.known_us + 1, ..row }).collect()
    }));
}

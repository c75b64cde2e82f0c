//! Signals of lines that cross: levels of the relative strength index, MACD and its signal line, moving
//! averages, the close and a moving average.

use super::{Direction, Kind, RsiLevels, Signal};
use crate::bars::Bars;
use crate::indicators::Indicators;
use crate::stats::{close_us, price as price_of};

/// Where the relative strength index passes one of its levels.
pub(super) fn rsi(bars: &Bars, rsi: &[Option<f64>], levels: RsiLevels) -> Vec<Signal> {
    let oversold = Level {
        at: levels.low,
        end: 0.0,
        enters: (Kind::RsiEntersOversold, "falls below"),
        leaves: (Kind::RsiLeavesOversold, "rises back to"),
        direction: Direction::Bullish,
        farthest: "lowest",
    };
    let overbought = Level {
        at: levels.high,
        end: 100.0,
        enters: (Kind::RsiEntersOverbought, "rises above"),
        leaves: (Kind::RsiLeavesOverbought, "falls back to"),
        direction: Direction::Bearish,
        farthest: "highest",
    };
    let mut found = passed(bars, rsi, &oversold);
    found.extend(passed(bars, rsi, &overbought));
    found
}

/// A level of the relative strength index.
struct Level {
    at: f64,
    /// The end of the index on the level's far side.
    end: f64,
    enters: (Kind, &'static str),
    leaves: (Kind, &'static str),
    direction: Direction,
    farthest: &'static str,
}

/// Where an index passes a level.
fn passed(bars: &Bars, index: &[Option<f64>], level: &Level) -> Vec<Signal> {
    let mut found = Vec::new();
    // how far beyond the level it has come, of the way to the end; 0 on the near side
    let part = |index: f64| ((index - level.at) / (level.end - level.at)).max(0.0);
    let mut deepest: Option<f64> = None;
    for (at, value) in index.iter().enumerate() {
        let Some(value) = *value else {
            deepest = None;
            continue;
        };
        let now = part(value);
        let Some(before) = deepest else {
            deepest = Some(now);
            continue;
        };
        let (kind, passes, strength) = match (before > 0.0, now > 0.0) {
            (false, true) => (level.enters.0, level.enters.1, now),
            (true, false) => (level.leaves.0, level.leaves.1, before),
            (inside, _) => {
                deepest = Some(if inside { before.max(now) } else { 0.0 });
                continue;
            }
        };
        deepest = Some(now);
        let mut values = vec![("rsi", value), ("level", level.at)];
        let mut extreme = String::new();
        if kind == level.leaves.0 {
            let farthest = level.at + before * (level.end - level.at);
            values.push((level.farthest, farthest));
            extreme = format!(", its {} was {farthest:.1}", level.farthest);
        }
        found.push(Signal {
            at,
            kind,
            direction: level.direction,
            strength,
            values,
            known_us: close_us(bars, at),
            description: format!(
                "the relative strength index of {value:.1} {passes} {}{extreme}",
                level.at
            ),
        });
    }
    found
}

/// Where MACD crosses its signal line.
pub(super) fn macd(bars: &Bars, indicators: &Indicators, band: f64) -> Vec<Signal> {
    let lines = Lines {
        kind: Kind::MacdCross,
        first: ("macd", &indicators.macd),
        second: ("macd_signal", &indicators.macd_signal),
        words: ("MACD", "its signal line"),
        measure: Measure::Speed,
    };
    crossed(bars, &lines, &indicators.atr, band)
}

/// Where the short moving average crosses the long one.
pub(super) fn averages(bars: &Bars, indicators: &Indicators, band: f64) -> Vec<Signal> {
    let lines = Lines {
        kind: Kind::SmaCross,
        first: ("sma_short", &indicators.sma_short),
        second: ("sma_long", &indicators.sma_long),
        words: ("the short moving average", "the long one"),
        measure: Measure::Speed,
    };
    crossed(bars, &lines, &indicators.atr, band)
}

/// Where the close crosses the long moving average.
pub(super) fn price(bars: &Bars, indicators: &Indicators, band: f64) -> Vec<Signal> {
    let close: Vec<Option<f64>> = bars.close.iter().map(|close| Some(price_of(*close))).collect();
    let lines = Lines {
        kind: Kind::PriceVsSma,
        first: ("close", &close),
        second: ("sma_long", &indicators.sma_long),
        words: ("the close", "the long moving average"),
        measure: Measure::Distance,
    };
    crossed(bars, &lines, &indicators.atr, band)
}

/// Two lines of prices that cross at times.
struct Lines<'a> {
    kind: Kind,
    first: (&'static str, &'a [Option<f64>]),
    second: (&'static str, &'a [Option<f64>]),
    words: (&'static str, &'static str),
    measure: Measure,
}

/// What makes a crossing strong.
#[derive(Clone, Copy)]
enum Measure {
    /// By how much the distance of the lines changed from the bar before: a quarter of the average true range
    /// is 1.
    Speed,
    /// How far apart the lines are: the average true range is 1.
    Distance,
}

/// The part of the close that stands for the average true range where that is not known.
const RANGE_OF_CLOSE: f64 = 0.01;

/// Where the first line comes to lie on the other side of the second than it last did.
fn crossed(bars: &Bars, lines: &Lines<'_>, range: &[Option<f64>], band: f64) -> Vec<Signal> {
    let (first, second) = (lines.first, lines.second);
    let mut found = Vec::new();
    let mut before: Option<f64> = None;
    let mut above: Option<bool> = None;
    for at in 0..bars.len() {
        let (Some(one), Some(other)) = (first.1[at], second.1[at]) else {
            (before, above) = (None, None);
            continue;
        };
        let close = price_of(bars.close[at]);
        let apart = one - other;
        let moved = apart - before.replace(apart).unwrap_or(apart);
        if apart.abs() <= band * close.abs() {
            continue;
        }
        let up = apart > 0.0;
        if above.replace(up).is_none_or(|above| above == up) {
            continue;
        }
        let range = range[at].filter(|range| *range > 0.0).unwrap_or(RANGE_OF_CLOSE * close.abs());
        let strength = match lines.measure {
            Measure::Speed => moved.abs() / (range / 4.0),
            Measure::Distance => apart.abs() / range,
        };
        found.push(Signal {
            at,
            kind: lines.kind,
            direction: if up { Direction::Bullish } else { Direction::Bearish },
            strength: strength.min(1.0),
            values: vec![(first.0, one), (second.0, other), ("range", range)],
            known_us: close_us(bars, at),
            description: format!(
                "{} of {} crosses {} of {} {}",
                lines.words.0,
                significant(one),
                lines.words.1,
                significant(other),
                if up { "upwards" } else { "downwards" },
            ),
        });
    }
    found
}

/// A price to six significant digits, or to 12 decimals where these are fewer.
fn significant(price: f64) -> String {
    let magnitude = if price == 0.0 { 0.0 } else { libm::floor(libm::log10(price.abs())) };
    format!("{price:.0$}", (5.0 - magnitude).clamp(0.0, 12.0) as usize)
}

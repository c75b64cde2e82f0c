//! Anomalies of what goes on beside the price: relative strength, volumes, spreads and quotes.

use super::{Anomaly, CrossedOrLockedQuote, Kind, Settings, Spell, percent};
use crate::bars::Bars;
use crate::beside::{Beside, Quotes};
use crate::stats::{Window, close_us, log_ratio};

/// Where the relative strength index comes near its end, and the price has moved at all.
pub(super) fn extreme_rsi(bars: &Bars, rsi: &[Option<f64>], settings: &Settings) -> Vec<Anomaly> {
    let limits = settings.extreme_rsi;
    let mut found = Vec::new();
    // of the low end and of the high one
    let mut spells = [Spell::default(), Spell::default()];
    // the first values of the index rest on few bars, and are extreme at times for no other reason
    for (at, rsi) in rsi.iter().enumerate().skip(settings.fewest) {
        let ends = [(limits.low, 0.0, "at or below"), (limits.high, 100.0, "at or above")];
        for (spell, (threshold, end, side)) in spells.iter_mut().zip(ends) {
            let Some((rsi, excess)) = rsi.and_then(|rsi| Some((rsi, excess(rsi, threshold, end)?)))
            else {
                spell.end();
                continue;
            };
            let moved = at
                .checked_sub(limits.bars)
                .and_then(|from| log_ratio(bars.close[from], bars.close[at]))
                .filter(|moved| moved.abs() >= limits.least_move);
            let severity = Kind::ExtremeRsi.severity(excess);
            if let Some(moved) = moved
                && spell.is_news(severity)
            {
                let description = format!(
                    "the relative strength index of {rsi:.1} is {side} {threshold}, after a log return \
                     of {} over {} bars",
                    percent(moved),
                    limits.bars,
                );
                found.push(Anomaly {
                    severity,
                    ..Anomaly::of(bars, at, Kind::ExtremeRsi, rsi, threshold, description)
                });
            }
        }
    }
    found
}

/// How far an index lies beyond its threshold on the way to its end: 1 at the threshold, 2 at the end; none
/// where it has not reached the threshold.
fn excess(index: f64, threshold: f64, end: f64) -> Option<f64> {
    let part = (index - threshold) / (end - threshold);
    (part >= 0.0).then_some(1.0 + part)
}

/// Volumes that are a multiple of the median of those before them.
pub(super) fn volume_spikes(bars: &Bars, settings: &Settings) -> Vec<Anomaly> {
    let limit = settings.volume_spike.times;
    let mut before = Window::new(settings.window);
    let mut found = Vec::new();
    for at in 0..bars.len() {
        let Some(volume) = bars.volume[at] else { continue };
        let volume = volume as f64;
        if let Some(times) = multiple(&before, settings.fewest, volume)
            && times >= limit
        {
            let description = format!(
                "the volume is {times:.1} times the median of the {} before it, threshold {limit}",
                before.len(),
            );
            found.push(Anomaly::of(bars, at, Kind::VolumeSpike, times, limit, description));
        }
        before.push(volume);
    }
    found
}

/// Spreads that are a multiple of the median of those before them.
pub(super) fn wide_spreads(bars: &Bars, beside: &Beside, settings: &Settings) -> Vec<Anomaly> {
    let limits = settings.wide_spread;
    let mut before = Window::new(settings.window);
    let mut found = Vec::new();
    for (at, quotes) in quoted(bars, beside) {
        let Some(spread) = quotes.spread else { continue };
        if spread >= limits.least
            && let Some(times) = multiple(&before, settings.fewest, spread)
            && times >= limits.times
        {
            let description = format!(
                "the mean spread of {} is {times:.1} times the median of the {} before it, threshold {}",
                percent(spread),
                before.len(),
                limits.times,
            );
            found.push(Anomaly::of(bars, at, Kind::WideSpread, times, limits.times, description));
        }
        before.push(spread);
    }
    found
}

/// Bars with quotes whose bid is not below the ask.
pub(super) fn crossed_or_locked(
    bars: &Bars,
    beside: &Beside,
    limits: CrossedOrLockedQuote,
) -> Vec<Anomaly> {
    let limit = u64::from(limits.quotes);
    quoted(bars, beside)
        .filter(|(_, quotes)| quotes.crossed + quotes.locked >= limit)
        .map(|(at, Quotes { crossed, locked, .. })| {
            let description = format!(
                "{crossed} quotes are crossed and {locked} are locked in this bar, threshold {limit}",
            );
            let (value, kind) = ((crossed + locked) as f64, Kind::CrossedOrLockedQuote);
            Anomaly::of(bars, at, kind, value, limit as f64, description)
        })
        .collect()
}

/// The bars of which quotes are known when they close, with these quotes.
fn quoted<'a>(bars: &'a Bars, beside: &'a Beside) -> impl Iterator<Item = (usize, Quotes)> + 'a {
    let closes = (0..bars.len()).map(|at| close_us(bars, at));
    beside.quotes.along(closes).enumerate().filter_map(|(at, quotes)| {
        let (known, quotes) = quotes?;
        (known > bars.open_us[at]).then_some((at, *quotes))
    })
}

/// What multiple of the median of those before it a value is; none where these are too few or the median is
/// zero.
fn multiple(before: &Window, fewest: usize, value: f64) -> Option<f64> {
    let median = before.median().filter(|median| before.len() >= fewest && *median > 0.0)?;
    Some(value / median)
}

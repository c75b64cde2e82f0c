//! Anomalies of prices: extreme movements, gaps, prices that stand still, bad prints.

use super::{Anomaly, Gap, Kind, Settings, Spell, StalePrice, percent};
use crate::bars::Bars;
use crate::stats::{
    MAD_TO_DEVIATION, Window, after_closed_hours, close_us, log_ratio, log_return, unbroken,
};

/// Closes that moved by many robust deviations. Returns over hours in which the venue was closed are
/// another population than those within a session: each is compared with its own kind.
pub(super) fn movements(bars: &Bars, settings: &Settings) -> Vec<Anomaly> {
    let limits = settings.extreme_price_movement;
    let (mut within, mut overnight) = (Window::new(settings.window), Window::new(settings.window));
    let mut found = Vec::new();
    for at in 1..bars.len() {
        let Some(moved) = log_return(bars, at, 1) else { continue };
        let (before, over) = if after_closed_hours(bars, at) {
            (&mut overnight, "over closed hours ")
        } else {
            (&mut within, "")
        };
        if moved.abs() >= limits.least_move
            && before.len() >= settings.fewest
            && let Some((median, mad)) = before.median_and_mad()
        {
            let deviations = (moved - median) / (MAD_TO_DEVIATION * mad).max(limits.floor);
            if deviations.abs() >= limits.deviations {
                let threshold = limits.deviations.copysign(deviations);
                let description = format!(
                    "the log return of {} {over}is {:.1} robust deviations {} the median of the {} \
                     before it, threshold {}",
                    percent(moved),
                    deviations.abs(),
                    if deviations > 0.0 { "above" } else { "below" },
                    before.len(),
                    limits.deviations,
                );
                let kind = Kind::ExtremePriceMovement;
                found.push(Anomaly::of(bars, at, kind, deviations, threshold, description));
            }
        }
        before.push(moved);
    }
    found
}

/// Places without a bar between two bars.
pub(super) fn gaps(bars: &Bars, limits: Gap) -> Vec<Anomaly> {
    let missing = |at: usize| bars.place[at] - bars.place[at - 1] - 1;
    (1..bars.len())
        .filter(|at| missing(*at) >= i64::from(limits.bars))
        .map(|at| {
            let missing = missing(at);
            let description = format!(
                "{missing} {} missing before this one, threshold {}",
                if missing == 1 { "bar is" } else { "bars are" },
                limits.bars,
            );
            let threshold = f64::from(limits.bars);
            Anomaly::of(bars, at, Kind::Gap, missing as f64, threshold, description)
        })
        .collect()
}

/// Runs of bars that follow on each other at one price.
pub(super) fn stale(bars: &Bars, limits: StalePrice) -> Vec<Anomaly> {
    let mut found = Vec::new();
    let (mut run, mut spell) = (0_u32, Spell::default());
    for at in 0..bars.len() {
        let still = bars.high[at] == bars.low[at];
        let goes_on =
            run > 0 && still && bars.close[at] == bars.close[at - 1] && unbroken(bars, at - 1, at);
        if !goes_on {
            run = 0;
            spell.end();
        }
        run += u32::from(still);
        let (value, threshold) = (f64::from(run), f64::from(limits.bars));
        if run >= limits.bars && spell.is_news(Kind::StalePrice.severity(value / threshold)) {
            let description = format!(
                "the price has not moved for {run} bars that follow on each other, threshold {}",
                limits.bars,
            );
            found.push(Anomaly::of(bars, at, Kind::StalePrice, value, threshold, description));
        }
    }
    found
}

/// Highest and lowest prices that lie many median ranges beyond those of the bar before and of the bar
/// after.
pub(super) fn bad_prints(bars: &Bars, settings: &Settings) -> Vec<Anomaly> {
    let limits = settings.bad_print;
    let mut ranges = Window::new(settings.window);
    let mut found = Vec::new();
    for at in 0..bars.len() {
        if at > 0
            && at + 1 < bars.len()
            && unbroken(bars, at - 1, at + 1)
            && ranges.len() >= settings.fewest
            && let Some(range) = ranges.median()
        {
            let range = range.max(limits.floor);
            let near = |prices: &[i64]| (prices[at - 1], prices[at], prices[at + 1]);
            let (before, highest, after) = near(&bars.high);
            let above = ("highest", "above", 1.0, (before.max(after), highest));
            let (before, lowest, after) = near(&bars.low);
            let below = ("lowest", "below", -1.0, (lowest, before.min(after)));
            let beyond = |(name, side, sign, (lower, upper))| {
                let beyond = if lower < upper { log_ratio(lower, upper) } else { None };
                beyond.map(|beyond| (name, side, sign, beyond))
            };
            // one a bar: where both ends are bad, the farther one
            let farther = [above, below]
                .into_iter()
                .filter_map(beyond)
                .reduce(|above, below| if below.3 > above.3 { below } else { above });
            if let Some((name, side, sign, beyond)) = farther {
                let times = beyond / range;
                if beyond >= limits.least_move && times >= limits.times {
                    let description = format!(
                        "the {name} price lies {} {side} those of both neighbours, {times:.1} times the \
                         median range of the {} bars before it, threshold {}",
                        percent(beyond),
                        ranges.len(),
                        limits.times,
                    );
                    let (value, threshold) = (times * sign, limits.times * sign);
                    let kind = Kind::BadPrint;
                    found.push(Anomaly {
                        known_us: close_us(bars, at + 1),
                        ..Anomaly::of(bars, at, kind, value, threshold, description)
                    });
                }
            }
        }
        if let Some(range) = log_ratio(bars.low[at], bars.high[at]) {
            ranges.push(range);
        }
    }
    found
}

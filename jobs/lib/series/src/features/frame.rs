//! What features are made from: the series, what stands beside it, and what several features share.

use std::f64::consts::TAU;
use std::ops::Range;

use super::{FEATURES, Features};
use crate::bars::Bars;
use crate::beside::{Beside, Timeline};
use crate::indicators::Indicators;
use crate::stats::{
    DAY_US, Window, close_us, log_ratio, log_return, means_before, price, unbroken,
};

/// How long a funding rate or a spread says something of the present.
const RATE_US: i64 = 3 * DAY_US;

/// How long price by earnings do: a quarter and some days.
const EARNINGS_US: i64 = 100 * DAY_US;

/// Over how many volumes their mean is.
const MEAN_OF: usize = 20;

/// Over how many volumes their median is, and over how many at least.
const MEDIAN_OF: usize = 100;
const MEDIAN_OF_FEWEST: usize = 30;

/// A series with all that its features are made from.
#[derive(Debug)]
pub struct Frame<'a> {
    bars: &'a Bars,
    pub(super) indicators: &'a Indicators,
    /// Returns from bar to bar; NaN over a gap and at the beginning.
    returns: Vec<f64>,
    /// Volumes in units of 1e-8; NaN where nobody states one.
    volumes: Vec<f64>,
    /// For each bar the mean of the volumes before it.
    pub(super) volume_means: Vec<Option<f64>>,
    /// For each bar the median of the volumes before it.
    pub(super) volume_medians: Vec<Option<f64>>,
    /// For each bar the funding rate last known; empty where none ever was, as those below.
    funding_rates: Vec<Option<f64>>,
    /// For each bar the spread last known.
    spreads: Vec<Option<f64>>,
    /// For each bar price by earnings last known.
    price_earnings: Vec<Option<f64>>,
}

impl<'a> Frame<'a> {
    /// A frame of bars, their indicators and what stands beside them.
    pub fn new(bars: &'a Bars, indicators: &'a Indicators, beside: &Beside) -> Self {
        let returns =
            (0..bars.len()).map(|at| log_return(bars, at, 1).unwrap_or(f64::NAN)).collect();
        let volumes: Vec<f64> = bars
            .volume
            .iter()
            .map(|volume| volume.map_or(f64::NAN, |volume| volume as f64))
            .collect();
        let mut before = Window::new(MEDIAN_OF);
        let volume_medians = volumes.iter().map(|volume| {
            let median = before.median().filter(|_| before.len() >= MEDIAN_OF_FEWEST);
            before.push(*volume);
            median
        });
        Self {
            bars,
            indicators,
            returns,
            volume_medians: volume_medians.collect(),
            volumes,
            volume_means: means_before(&bars.volume, MEAN_OF),
            funding_rates: fresh(bars, &beside.funding, RATE_US, |rate| Some(*rate)),
            spreads: fresh(bars, &beside.quotes, RATE_US, |quotes| quotes.spread),
            price_earnings: fresh(bars, &beside.price_earnings, EARNINGS_US, |ratio| *ratio),
        }
    }

    /// All features of some of the bars.
    ///
    /// # Panics
    ///
    /// When there are fewer bars.
    pub fn features(&self, rows: Range<usize>) -> Features {
        Features {
            known_us: rows.clone().map(|at| self.known_us(at)).collect(),
            columns: FEATURES.iter().map(|feature| feature.of(self, rows.clone())).collect(),
        }
    }

    /// When the features of a bar could first be known: its close, in microseconds since the epoch.
    pub fn known_us(&self, at: usize) -> i64 {
        close_us(self.bars, at)
    }

    pub(super) fn range(&self, at: usize) -> Option<f64> {
        log_ratio(self.bars.low[at], self.bars.high[at])
    }

    pub(super) fn body(&self, at: usize) -> Option<f64> {
        log_ratio(self.bars.open[at], self.bars.close[at])
    }

    pub(super) fn log_return(&self, at: usize, over: usize) -> Option<f64> {
        match over {
            1 => Some(self.returns[at]).filter(|moved| !moved.is_nan()),
            _ => log_return(self.bars, at, over),
        }
    }

    /// The return from bar to bar that so many bars before was the last.
    pub(super) fn lag(&self, at: usize, by: usize) -> Option<f64> {
        let from = at.checked_sub(by).filter(|from| unbroken(self.bars, *from, at))?;
        self.log_return(from, 1)
    }

    pub(super) fn realized_volatility(&self, at: usize, over: usize) -> Option<f64> {
        let from = (at + 1).checked_sub(over)?;
        // a return that is none makes the sum none
        let squares: f64 = self.returns[from..=at].iter().map(|moved| moved * moved).sum();
        Some((squares / over as f64).sqrt()).filter(|volatility| !volatility.is_nan())
    }

    pub(super) fn close_position(&self, at: usize) -> Option<f64> {
        let (low, high, close) = (self.bars.low[at], self.bars.high[at], self.bars.close[at]);
        (high > low).then(|| (close - low) as f64 / (high - low) as f64)
    }

    pub(super) fn volume(&self, at: usize) -> Option<f64> {
        Some(self.volumes[at]).filter(|volume| !volume.is_nan())
    }

    pub(super) fn volume_change(&self, at: usize) -> Option<f64> {
        let before = at.checked_sub(1).filter(|before| unbroken(self.bars, *before, at))?;
        let (from, to) = (self.volume(before)?, self.volume(at)?);
        (from > 0.0 && to > 0.0).then(|| libm::log(to / from))
    }

    pub(super) fn close_by(&self, at: usize, indicator: &[Option<f64>]) -> Option<f64> {
        super::ratio(Some(price(self.bars.close[at])), indicator[at])
    }

    pub(super) fn by_close(&self, at: usize, indicator: &[Option<f64>]) -> Option<f64> {
        super::ratio(indicator[at], Some(price(self.bars.close[at])))
    }

    pub(super) fn bollinger_position(&self, at: usize) -> Option<f64> {
        let (lower, upper) =
            (self.indicators.bollinger_lower[at]?, self.indicators.bollinger_upper[at]?);
        (upper > lower).then(|| (price(self.bars.close[at]) - lower) / (upper - lower))
    }

    pub(super) fn idle_hours(&self, at: usize) -> Option<f64> {
        let before = at.checked_sub(1)?;
        Some((self.bars.open_us[at] - close_us(self.bars, before)) as f64 / 3.6e9)
    }

    pub(super) fn funding_rate(&self, at: usize) -> Option<f64> {
        self.funding_rates.get(at).copied().flatten()
    }

    pub(super) fn spread(&self, at: usize) -> Option<f64> {
        self.spreads.get(at).copied().flatten()
    }

    pub(super) fn price_earnings(&self, at: usize) -> Option<f64> {
        self.price_earnings.get(at).copied().flatten()
    }

    /// The time of day as an angle.
    pub(super) fn time_of_day(&self, at: usize) -> f64 {
        TAU * (self.bars.open_us[at].rem_euclid(DAY_US) as f64 / DAY_US as f64)
    }

    /// The day of the week as an angle.
    pub(super) fn day_of_week(&self, at: usize) -> f64 {
        // the epoch began on a Thursday
        let day = (self.bars.open_us[at].div_euclid(DAY_US) + 3).rem_euclid(7);
        TAU * (day as f64 / 7.0)
    }
}

/// For each bar what of a timeline was known when it closed, unless for longer than that; nothing of nothing.
fn fresh<T>(
    bars: &Bars,
    timeline: &Timeline<T>,
    oldest_us: i64,
    value: impl Fn(&T) -> Option<f64>,
) -> Vec<Option<f64>> {
    if timeline.is_empty() {
        return Vec::new();
    }
    let closes = || (0..bars.len()).map(|at| close_us(bars, at));
    let known = timeline.along(closes()).zip(closes());
    known
        .map(|(known, close)| {
            let (_, known) = known.filter(|(since, _)| close - since <= oldest_us)?;
            value(known)
        })
        .collect()
}

//! Features for models: what is known of each bar when it has closed, as ratios that compare across
//! instruments and times. The list of them is [`FEATURES`]; none of them looks ahead.

mod frame;

use std::ops::Range;

use crate::bars::Bars;
use crate::beside::Beside;
use crate::indicators::Indicators;

pub use self::frame::Frame;

/// One feature: its name, what it is, and how it follows from a frame.
#[derive(Debug)]
pub struct Feature {
    /// Its name in tables.
    pub name: &'static str,
    /// What it is, with its unit.
    pub doc: &'static str,
    of: fn(&Frame<'_>, usize) -> Option<f64>,
}

impl Feature {
    /// Its values for some of a frame's bars; none where it cannot be told.
    ///
    /// The values are the same whichever bars are asked for.
    ///
    /// # Panics
    ///
    /// When the frame has fewer bars.
    pub fn of(&self, frame: &Frame<'_>, rows: Range<usize>) -> Vec<Option<f64>> {
        rows.map(|at| (self.of)(frame, at).filter(|value| value.is_finite())).collect()
    }
}

const fn feature(
    name: &'static str,
    doc: &'static str,
    of: fn(&Frame<'_>, usize) -> Option<f64>,
) -> Feature {
    Feature { name, doc, of }
}

/// All features, in the order of their columns. "Bars" that a feature reaches back over are bars without a gap
/// between them, unless an indicator says otherwise.
#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "a method of `Frame` holds for one lifetime, the closure for all"
)]
pub const FEATURES: &[Feature] = &[
    feature("log_return_1", "log of the close by the one 1 bar before", |f, at| {
        f.log_return(at, 1)
    }),
    feature("log_return_2", "log of the close by the one 2 bars before", |f, at| {
        f.log_return(at, 2)
    }),
    feature("log_return_3", "log of the close by the one 3 bars before", |f, at| {
        f.log_return(at, 3)
    }),
    feature("log_return_6", "log of the close by the one 6 bars before", |f, at| {
        f.log_return(at, 6)
    }),
    feature("log_return_12", "log of the close by the one 12 bars before", |f, at| {
        f.log_return(at, 12)
    }),
    feature("log_return_24", "log of the close by the one 24 bars before", |f, at| {
        f.log_return(at, 24)
    }),
    feature("log_return_1_lag_1", "log_return_1 of the bar 1 bar before", |f, at| f.lag(at, 1)),
    feature("log_return_1_lag_2", "log_return_1 of the bar 2 bars before", |f, at| f.lag(at, 2)),
    feature("log_return_1_lag_3", "log_return_1 of the bar 3 bars before", |f, at| f.lag(at, 3)),
    feature("log_return_1_lag_6", "log_return_1 of the bar 6 bars before", |f, at| f.lag(at, 6)),
    feature(
        "realized_volatility_6",
        "root of the mean square of the last 6 log_return_1",
        |f, at| f.realized_volatility(at, 6),
    ),
    feature(
        "realized_volatility_24",
        "root of the mean square of the last 24 log_return_1",
        |f, at| f.realized_volatility(at, 24),
    ),
    feature("volatility_short", "the indicator of that name", |f, at| {
        f.indicators.volatility_short[at]
    }),
    feature("volatility_long", "the indicator of that name", |f, at| {
        f.indicators.volatility_long[at]
    }),
    feature("volatility_ratio", "volatility_short by volatility_long", |f, at| {
        ratio(f.indicators.volatility_short[at], f.indicators.volatility_long[at])
    }),
    feature("range", "log of the highest price by the lowest", |f, at| f.range(at)),
    feature("body", "log of the close by the open", |f, at| f.body(at)),
    feature(
        "close_position",
        "where the close lies from the lowest price, 0, to the highest, 1; null where they are one",
        |f, at| f.close_position(at),
    ),
    feature("volume_by_mean_20", "the volume by the mean of the 20 before it", |f, at| {
        ratio(f.volume(at), f.volume_means[at])
    }),
    feature(
        "volume_by_median_100",
        "the volume by the median of the 100 known before it; of 30 at least",
        |f, at| ratio(f.volume(at), f.volume_medians[at]),
    ),
    feature("volume_change", "log of the volume by that of the bar before", |f, at| {
        f.volume_change(at)
    }),
    feature("close_by_sma_short", "the close by the indicator sma_short", |f, at| {
        f.close_by(at, &f.indicators.sma_short)
    }),
    feature("close_by_sma_long", "the close by the indicator sma_long", |f, at| {
        f.close_by(at, &f.indicators.sma_long)
    }),
    feature("sma_short_by_sma_long", "the indicator sma_short by sma_long", |f, at| {
        ratio(f.indicators.sma_short[at], f.indicators.sma_long[at])
    }),
    feature("close_by_ema_short", "the close by the indicator ema_short", |f, at| {
        f.close_by(at, &f.indicators.ema_short)
    }),
    feature("close_by_ema_long", "the close by the indicator ema_long", |f, at| {
        f.close_by(at, &f.indicators.ema_long)
    }),
    feature("macd_by_close", "the indicator macd by the close", |f, at| {
        f.by_close(at, &f.indicators.macd)
    }),
    feature("macd_signal_by_close", "the indicator macd_signal by the close", |f, at| {
        f.by_close(at, &f.indicators.macd_signal)
    }),
    feature("macd_histogram_by_close", "the indicator macd_histogram by the close", |f, at| {
        f.by_close(at, &f.indicators.macd_histogram)
    }),
    feature("rsi", "the indicator rsi by 100: 0 to 1", |f, at| part(f.indicators.rsi[at])),
    feature(
        "bollinger_position",
        "where the close lies from the lower band, 0, to the upper one, 1; null where they are one",
        |f, at| f.bollinger_position(at),
    ),
    feature(
        "bollinger_width",
        "the indicator bollinger_width by 100: a ratio to the middle",
        |f, at| part(f.indicators.bollinger_width[at]),
    ),
    feature("atr_by_close", "the indicator atr by the close", |f, at| {
        f.by_close(at, &f.indicators.atr)
    }),
    feature("roc", "the indicator roc by 100: a ratio", |f, at| part(f.indicators.roc[at])),
    feature("close_by_session_vwap", "the close by the indicator session_vwap", |f, at| {
        f.close_by(at, &f.indicators.session_vwap)
    }),
    feature(
        "idle_hours",
        "hours from the close of the bar before to the open of this one: closed or missing",
        |f, at| f.idle_hours(at),
    ),
    feature("time_of_day_sin", "sine of the time of day, UTC, of the bar's open", |f, at| {
        Some(libm::sin(f.time_of_day(at)))
    }),
    feature("time_of_day_cos", "cosine of the same", |f, at| Some(libm::cos(f.time_of_day(at)))),
    feature(
        "day_of_week_sin",
        "sine of the day of the week, UTC, of the bar's open; Monday is 0",
        |f, at| Some(libm::sin(f.day_of_week(at))),
    ),
    feature("day_of_week_cos", "cosine of the same; Monday is 1", |f, at| {
        Some(libm::cos(f.day_of_week(at)))
    }),
    feature(
        "funding_rate",
        "the funding rate last known when the bar closed, for one interval of funding; of 3 days before \
         at most",
        |f, at| f.funding_rate(at),
    ),
    feature(
        "spread",
        "the mean (ask - bid) / middle last known when the bar closed; of 3 days before at most",
        |f, at| f.spread(at),
    ),
    feature(
        "price_earnings",
        "price by earnings last known when the bar closed; of 100 days before at most",
        |f, at| f.price_earnings(at),
    ),
];

/// Features by columns, a value for each bar.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Features {
    /// When the features of each bar could first be known: microseconds since the epoch.
    pub known_us: Vec<i64>,
    /// The columns, in the order of [`FEATURES`].
    pub columns: Vec<Vec<Option<f64>>>,
}

impl Features {
    /// A column by its name.
    pub fn column(&self, name: &str) -> Option<&[Option<f64>]> {
        let nth = FEATURES.iter().position(|feature| feature.name == name)?;
        self.columns.get(nth).map(Vec::as_slice)
    }
}

/// The features of all bars. Whoever wants those of some bars, or one column after another because there are
/// many bars, makes a [`Frame`].
pub fn features(bars: &Bars, indicators: &Indicators, beside: &Beside) -> Features {
    Frame::new(bars, indicators, beside).features(0..bars.len())
}

/// One value by another; none where that is zero.
fn ratio(value: Option<f64>, by: Option<f64>) -> Option<f64> {
    let by = by.filter(|by| *by != 0.0)?;
    Some(value? / by)
}

/// Percent as a ratio.
fn part(percent: Option<f64>) -> Option<f64> {
    Some(percent? / 100.0)
}

#[cfg(test)]
mod tests;

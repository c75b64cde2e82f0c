//! Indicators: what the customary formulas make of a series of bars.
//!
//! Definitions, sources, units and warm-up are in `docs/reference/indicators.md`. A window is of bars, not of
//! time: over a gap it reaches further back, and [`Indicators::bars_short`], [`Indicators::bars_long`] and
//! [`Indicators::bars_unbroken`] say so.

mod exact;
mod settings;
mod smoothed;
mod volume;
mod windows;

pub use settings::{Bollinger, MAX_PERIOD, Settings, SettingsError};

use crate::bars::Bars;

/// Indicators by columns, a value for each bar. Prices are in the quote asset, as doubles. None while there are
/// too few bars; of a column that is once known it is known from there on, unless it says otherwise.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Indicators {
    /// Simple moving average of the close, the short one.
    pub sma_short: Vec<Option<f64>>,
    /// Simple moving average of the close, the long one.
    pub sma_long: Vec<Option<f64>>,
    /// Exponential moving average of the close, the short one.
    pub ema_short: Vec<Option<f64>>,
    /// Exponential moving average of the close, the long one.
    pub ema_long: Vec<Option<f64>>,
    /// Exponential moving average of the close, the fast one of MACD.
    pub ema_fast: Vec<Option<f64>>,
    /// Exponential moving average of the close, the slow one of MACD.
    pub ema_slow: Vec<Option<f64>>,
    /// `ema_fast` less `ema_slow`.
    pub macd: Vec<Option<f64>>,
    /// Exponential moving average of `macd`.
    pub macd_signal: Vec<Option<f64>>,
    /// `macd` less `macd_signal`.
    pub macd_histogram: Vec<Option<f64>>,
    /// Wilder's relative strength index, 0 to 100; 50 where nothing has moved.
    pub rsi: Vec<Option<f64>>,
    /// Middle of Bollinger's bands: the mean of the close.
    pub bollinger_middle: Vec<Option<f64>>,
    /// Upper band: so many deviations of the population above the middle.
    pub bollinger_upper: Vec<Option<f64>>,
    /// Lower band: as many below.
    pub bollinger_lower: Vec<Option<f64>>,
    /// From the lower band to the upper one, in percent of the middle; none where that is not above 0.
    pub bollinger_width: Vec<Option<f64>>,
    /// Wilder's average true range.
    pub atr: Vec<Option<f64>>,
    /// Rate of change of the close, in percent; none where the close before is not above 0.
    pub roc: Vec<Option<f64>>,
    /// On-balance volume, exact, in units of 1e-8 of what volumes are in; none from the first bar on whose
    /// volume nobody states, and from where it has more than 38 digits.
    pub obv: Vec<Option<i128>>,
    /// Mean price of what was traded in the session up to this bar; none before its first trade, and in a
    /// session from the first bar on whose volume nobody states.
    pub session_vwap: Vec<Option<f64>>,
    /// Deviation of the sample of logarithmic returns, the short one, for one bar: not annualised; none where
    /// one of the closes is not above 0.
    pub volatility_short: Vec<Option<f64>>,
    /// The same, the long one.
    pub volatility_long: Vec<Option<f64>>,
    /// How many of the places of the short simple average's period have a bar, this one included: less than
    /// the period over a gap and at the beginning.
    pub bars_short: Vec<i32>,
    /// The same for the long one.
    pub bars_long: Vec<i32>,
    /// How many bars there are without a gap up to this one, itself included: a window of so many bars or fewer
    /// is whole, whichever indicator's it is.
    pub bars_unbroken: Vec<i32>,
}

/// The indicators of a series. The same of a bar, bit for bit, whether bars follow on it or not.
///
/// # Panics
/// When [`Settings::check`] finds the settings wanting, or the columns of `bars` have not one length.
pub fn indicators(bars: &Bars, settings: &Settings) -> Indicators {
    if let Err(error) = settings.check() {
        panic!("{error}");
    }
    let Settings { sma, ema, macd, rsi, bollinger, atr, roc, volatility } = settings;
    let close = &bars.close[..];
    let [sma_short, sma_long] = sma.map(|period| windows::mean(close, period));
    let [ema_short, ema_long] = ema.map(|period| smoothed::ema(close, period));
    let [ema_fast, ema_slow] = [macd[0], macd[1]].map(|period| smoothed::ema(close, period));
    let line = smoothed::minus(&ema_fast, &ema_slow);
    let macd_signal = smoothed::signal(&line, macd[2]);
    let macd_histogram = smoothed::minus(&line, &macd_signal);
    let bollinger_middle = if bollinger.period == sma[0] {
        sma_short.clone()
    } else {
        windows::mean(close, bollinger.period)
    };
    let bands = windows::bands(close, &bollinger_middle, bollinger.period, bollinger.deviations);
    let [volatility_short, volatility_long] = windows::volatility(close, *volatility);
    let [bars_short, bars_long] = sma.map(|period| windows::present(&bars.place, period));
    Indicators {
        sma_short,
        sma_long,
        ema_short,
        ema_long,
        ema_fast,
        ema_slow,
        macd: line,
        macd_signal,
        macd_histogram,
        rsi: smoothed::rsi(close, *rsi),
        bollinger_middle,
        bollinger_upper: bands.upper,
        bollinger_lower: bands.lower,
        bollinger_width: bands.width,
        atr: smoothed::atr(&bars.high, &bars.low, close, *atr),
        roc: windows::rate_of_change(close, *roc),
        obv: volume::on_balance(bars),
        session_vwap: volume::session_vwap(bars),
        volatility_short,
        volatility_long,
        bars_short,
        bars_long,
        bars_unbroken: windows::unbroken(&bars.place),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_indicator_begins_where_its_window_is_full() {
        let close: Vec<i64> = (0..60).map(|i| (100 + i) * 100_000_000).collect();
        let count = close.len();
        let volume = vec![Some(100_000_000); count];
        let bars = Bars {
            open_us: (0..60).collect(),
            width_us: 1,
            place: (0..60).collect(),
            session: vec![0; count],
            open: close.clone(),
            high: close.clone(),
            low: close.clone(),
            quote_volume: close.iter().map(|c| Some(i128::from(*c))).collect(),
            close,
            volume,
        };
        let found = indicators(&bars, &Settings::default());
        let begins = |column: &[Option<f64>], at: usize, value: f64| {
            assert_eq!(column.iter().position(Option::is_some), Some(at));
            let first = column[at].unwrap();
            assert!((first - value).abs() <= 1e-14 * value.abs(), "{first}, not {value}");
            assert!(column[at..].iter().all(Option::is_some));
        };
        begins(&found.sma_short, 19, 109.5);
        begins(&found.sma_long, 49, 124.5);
        begins(&found.ema_short, 19, 109.5);
        begins(&found.ema_long, 49, 124.5);
        begins(&found.ema_fast, 11, 105.5);
        begins(&found.ema_slow, 25, 112.5);
        begins(&found.macd, 25, 7.0);
        begins(&found.macd_signal, 33, 7.0);
        begins(&found.macd_histogram, 33, 0.0);
        begins(&found.rsi, 14, 100.0);
        // the deviation of 1 to n is the root of (n² − 1) / 12
        let deviation = (399.0_f64 / 12.0).sqrt();
        begins(&found.bollinger_middle, 19, 109.5);
        begins(&found.bollinger_upper, 19, 109.5 + 2.0 * deviation);
        begins(&found.bollinger_lower, 19, 109.5 - 2.0 * deviation);
        begins(&found.bollinger_width, 19, 4.0 * deviation / 109.5 * 100.0);
        begins(&found.atr, 14, 1.0);
        begins(&found.roc, 10, 10.0);
        begins(&found.session_vwap, 0, 100.0);
        assert_eq!(found.obv[59], Some(60 * 100_000_000));
        assert_eq!(found.volatility_short.iter().position(Option::is_some), Some(7));
        assert_eq!(found.volatility_long.iter().position(Option::is_some), Some(30));
        assert_eq!(
            (found.bars_short[59], found.bars_long[59], found.bars_unbroken[59]),
            (20, 50, 60)
        );
    }
}

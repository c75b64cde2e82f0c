//! The thresholds of anomalies, their defaults, and what they may be.

use serde::{Deserialize, Serialize};

use super::Kind;
use crate::indicators::MAX_PERIOD;
use crate::setting::{BadSetting, expect, positive};

/// From where on a bar is an anomaly. Every part has its default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How many values before a bar tell what is usual.
    pub window: usize,
    /// How many of them there must be before anything is unusual.
    pub fewest: usize,
    /// What is not looked for.
    pub off: Vec<Kind>,
    /// Extreme movements of the close.
    pub extreme_price_movement: ExtremePriceMovement,
    /// Extreme relative strength.
    pub extreme_rsi: ExtremeRsi,
    /// Spikes of the volume.
    pub volume_spike: VolumeSpike,
    /// Missing bars.
    pub gap: Gap,
    /// A price that stands still.
    pub stale_price: StalePrice,
    /// Prices far from the neighbours'.
    pub bad_print: BadPrint,
    /// Wide spreads.
    pub wide_spread: WideSpread,
    /// Crossed and locked quotes.
    pub crossed_or_locked_quote: CrossedOrLockedQuote,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            window: 100,
            fewest: 30,
            off: Vec::new(),
            extreme_price_movement: ExtremePriceMovement::default(),
            extreme_rsi: ExtremeRsi::default(),
            volume_spike: VolumeSpike::default(),
            gap: Gap::default(),
            stale_price: StalePrice::default(),
            bad_print: BadPrint::default(),
            wide_spread: WideSpread::default(),
            crossed_or_locked_quote: CrossedOrLockedQuote::default(),
        }
    }
}

/// Thresholds of `extreme_price_movement`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExtremePriceMovement {
    /// How many robust deviations (1.4826 MAD) from the median a log return has to be.
    pub deviations: f64,
    /// What a robust deviation is at least: a log return.
    pub floor: f64,
    /// How large a log return has to be at least.
    pub least_move: f64,
}

impl Default for ExtremePriceMovement {
    fn default() -> Self {
        Self { deviations: 6.0, floor: 0.0001, least_move: 0.01 }
    }
}

/// Thresholds of `extreme_rsi`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExtremeRsi {
    /// Extreme at this and below.
    pub low: f64,
    /// Extreme at this and above.
    pub high: f64,
    /// How far the close has to have moved in `bars` bars at least: a log return.
    pub least_move: f64,
    /// The bars of that movement.
    pub bars: usize,
}

impl Default for ExtremeRsi {
    fn default() -> Self {
        Self { low: 8.0, high: 92.0, least_move: 0.01, bars: 14 }
    }
}

/// The threshold of `volume_spike`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VolumeSpike {
    /// What multiple of the median a volume has to be.
    pub times: f64,
}

impl Default for VolumeSpike {
    fn default() -> Self {
        Self { times: 10.0 }
    }
}

/// The threshold of `gap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gap {
    /// How many bars in a row have to be missing.
    pub bars: u32,
}

impl Default for Gap {
    fn default() -> Self {
        Self { bars: 1 }
    }
}

/// The threshold of `stale_price`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StalePrice {
    /// How many bars in a row have to be at one price.
    pub bars: u32,
}

impl Default for StalePrice {
    fn default() -> Self {
        Self { bars: 12 }
    }
}

/// Thresholds of `bad_print`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BadPrint {
    /// How many median ranges beyond both neighbours a price has to be.
    pub times: f64,
    /// What a median range is at least: a log ratio of high and low.
    pub floor: f64,
    /// How far beyond both it has to be at least: a log ratio.
    pub least_move: f64,
}

impl Default for BadPrint {
    fn default() -> Self {
        Self { times: 5.0, floor: 0.0001, least_move: 0.02 }
    }
}

/// Thresholds of `wide_spread`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WideSpread {
    /// What multiple of the median a spread has to be.
    pub times: f64,
    /// What a spread has to be at least: a ratio to the price.
    pub least: f64,
}

impl Default for WideSpread {
    fn default() -> Self {
        Self { times: 5.0, least: 0.0005 }
    }
}

/// The threshold of `crossed_or_locked_quote`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CrossedOrLockedQuote {
    /// How many quotes of a bar have to be crossed or locked.
    pub quotes: u32,
}

impl Default for CrossedOrLockedQuote {
    fn default() -> Self {
        Self { quotes: 1 }
    }
}

const ABOVE_ZERO: &str = "a number above 0";
const AT_LEAST_ZERO: &str = "a number of 0 or more";
const AT_LEAST_ONE: &str = "1 or more";

impl Settings {
    /// Whether these settings make sense.
    ///
    /// # Errors
    ///
    /// The first that does not.
    pub fn check(&self) -> Result<(), BadSetting> {
        let least = |value: f64| value.is_finite() && value >= 0.0;
        expect((2..=MAX_PERIOD).contains(&self.window), "window", &self.window, "2 to 10000 bars")?;
        expect(
            (2..=self.window).contains(&self.fewest),
            "fewest",
            &self.fewest,
            "2 bars or more, and no more than window",
        )?;
        let ExtremePriceMovement { deviations, floor, least_move } = self.extreme_price_movement;
        expect(positive(deviations), "extreme_price_movement.deviations", &deviations, ABOVE_ZERO)?;
        expect(positive(floor), "extreme_price_movement.floor", &floor, ABOVE_ZERO)?;
        expect(least(least_move), "extreme_price_movement.least_move", &least_move, AT_LEAST_ZERO)?;
        let ExtremeRsi { low, high, least_move, bars } = self.extreme_rsi;
        expect(low > 0.0 && low < 50.0, "extreme_rsi.low", &low, "a number between 0 and 50")?;
        expect(
            high > 50.0 && high < 100.0,
            "extreme_rsi.high",
            &high,
            "a number between 50 and 100",
        )?;
        expect(least(least_move), "extreme_rsi.least_move", &least_move, AT_LEAST_ZERO)?;
        expect(bars >= 1, "extreme_rsi.bars", &bars, AT_LEAST_ONE)?;
        let VolumeSpike { times } = self.volume_spike;
        expect(times.is_finite() && times > 1.0, "volume_spike.times", &times, "a number above 1")?;
        expect(self.gap.bars >= 1, "gap.bars", &self.gap.bars, AT_LEAST_ONE)?;
        expect(
            self.stale_price.bars >= 2,
            "stale_price.bars",
            &self.stale_price.bars,
            "2 or more",
        )?;
        let BadPrint { times, floor, least_move } = self.bad_print;
        expect(positive(times), "bad_print.times", &times, ABOVE_ZERO)?;
        expect(positive(floor), "bad_print.floor", &floor, ABOVE_ZERO)?;
        expect(least(least_move), "bad_print.least_move", &least_move, AT_LEAST_ZERO)?;
        let WideSpread { times, least: least_spread } = self.wide_spread;
        expect(times.is_finite() && times > 1.0, "wide_spread.times", &times, "a number above 1")?;
        expect(least(least_spread), "wide_spread.least", &least_spread, AT_LEAST_ZERO)?;
        let quotes = self.crossed_or_locked_quote.quotes;
        expect(quotes >= 1, "crossed_or_locked_quote.quotes", &quotes, AT_LEAST_ONE)
    }
}

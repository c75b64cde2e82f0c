//! Moments at which an indicator says something: what kinds of signals there are, and the search for all of
//! them. Definitions and defaults: `docs/reference/signals.md`.
//!
//! A signal of a bar rests on that bar and those before it, and is known when the bar has closed.

mod company;
mod crossings;
mod settings;
mod volume;

use crate::bars::Bars;
use crate::beside::Beside;
use crate::indicators::Indicators;

pub use self::settings::{PeAlert, RsiLevels, Settings, VolumeSpike};

/// What a signal says, and by which indicator.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The relative strength index falls below its lower level.
    RsiEntersOversold,
    /// It comes back from there.
    RsiLeavesOversold,
    /// It rises above its upper level.
    RsiEntersOverbought,
    /// It comes back from there.
    RsiLeavesOverbought,
    /// MACD crosses its signal line.
    MacdCross,
    /// The short moving average crosses the long one.
    SmaCross,
    /// The close crosses the long moving average.
    PriceVsSma,
    /// Price by earnings comes above its upper threshold, or below its lower one.
    PeAlert,
    /// The volume is so many percent above its mean.
    VolumeSpike,
}

impl Kind {
    /// All kinds, in the order in which those of one bar are told.
    pub const ALL: [Self; 9] = [
        Self::RsiEntersOversold,
        Self::RsiLeavesOversold,
        Self::RsiEntersOverbought,
        Self::RsiLeavesOverbought,
        Self::MacdCross,
        Self::SmaCross,
        Self::PriceVsSma,
        Self::PeAlert,
        Self::VolumeSpike,
    ];

    /// Its name in tables and configurations.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RsiEntersOversold => "rsi_enters_oversold",
            Self::RsiLeavesOversold => "rsi_leaves_oversold",
            Self::RsiEntersOverbought => "rsi_enters_overbought",
            Self::RsiLeavesOverbought => "rsi_leaves_overbought",
            Self::MacdCross => "macd_cross",
            Self::SmaCross => "sma_cross",
            Self::PriceVsSma => "price_vs_sma",
            Self::PeAlert => "pe_alert",
            Self::VolumeSpike => "volume_spike",
        }
    }
}

/// Which way a signal is customarily read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The price is to rise.
    Bullish,
    /// The price is to fall.
    Bearish,
    /// Neither.
    Neutral,
}

impl Direction {
    /// Its name in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bullish => "bullish",
            Self::Bearish => "bearish",
            Self::Neutral => "neutral",
        }
    }
}

/// What an indicator says at one bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    /// The bar, by its index.
    pub at: usize,
    /// What it says.
    pub kind: Kind,
    /// Which way it is read.
    pub direction: Direction,
    /// How clearly it says so, from 0 to 1; each kind has its measure.
    pub strength: f64,
    /// The values that made it, by name; prices are in the quote asset.
    pub values: Vec<(&'static str, f64)>,
    /// When a reader could first have known of it: microseconds since the epoch.
    pub known_us: i64,
    /// What has happened, in one sentence with the figures.
    pub description: String,
}

/// Every signal of a series, by bar and then in the order of [`Kind::ALL`].
///
/// The indicators are those of these bars. What the settings say holds for the whole series. They are taken
/// as they are: [`Settings::check`] refuses what makes no sense.
pub fn signals(
    bars: &Bars,
    indicators: &Indicators,
    beside: &Beside,
    settings: &Settings,
) -> Vec<Signal> {
    let mut found = crossings::rsi(bars, &indicators.rsi, settings.rsi);
    found.extend(crossings::macd(bars, indicators, settings.dead_band));
    found.extend(crossings::averages(bars, indicators, settings.dead_band));
    found.extend(crossings::price(bars, indicators, settings.dead_band));
    found.extend(company::price_earnings(bars, beside, settings.pe_alert));
    found.extend(volume::spikes(bars, settings.volume_spike));
    found.retain(|signal| !settings.off.contains(&signal.kind));
    found.sort_by_key(|signal| (signal.at, signal.kind));
    found
}

#[cfg(test)]
mod tests;

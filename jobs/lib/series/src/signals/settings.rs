//! The levels and thresholds of signals, their defaults, and what they may be.

use serde::{Deserialize, Serialize};

use super::Kind;
use crate::indicators::MAX_PERIOD;
use crate::setting::{BadSetting, expect, positive};

/// When an indicator says something. Every part has its default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What is not looked for.
    pub off: Vec<Kind>,
    /// The levels of the relative strength index.
    pub rsi: RsiLevels,
    /// How far apart two lines have to be to have crossed: a ratio to the close. Lines that touch have not.
    pub dead_band: f64,
    /// Price by earnings.
    pub pe_alert: PeAlert,
    /// Volumes above their mean.
    pub volume_spike: VolumeSpike,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            off: Vec::new(),
            rsi: RsiLevels::default(),
            dead_band: 1e-6,
            pe_alert: PeAlert::default(),
            volume_spike: VolumeSpike::default(),
        }
    }
}

/// The levels of the relative strength index.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RsiLevels {
    /// Below it much has been sold.
    pub low: f64,
    /// Above it much has been bought.
    pub high: f64,
}

impl Default for RsiLevels {
    fn default() -> Self {
        Self { low: 30.0, high: 70.0 }
    }
}

/// Thresholds of `pe_alert`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PeAlert {
    /// Below it a company is cheap.
    pub low: f64,
    /// Above it a company is dear.
    pub high: f64,
    /// How many days a figure holds unless another is known.
    pub days: u32,
}

impl Default for PeAlert {
    fn default() -> Self {
        Self { low: 10.0, high: 40.0, days: 100 }
    }
}

/// Thresholds of `volume_spike`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VolumeSpike {
    /// How many percent above the mean a volume has to be.
    pub percent: f64,
    /// How many bars before it the mean is of.
    pub bars: usize,
}

impl Default for VolumeSpike {
    fn default() -> Self {
        Self { percent: 200.0, bars: 20 }
    }
}

impl Settings {
    /// Whether these settings make sense.
    ///
    /// # Errors
    ///
    /// The first that does not.
    pub fn check(&self) -> Result<(), BadSetting> {
        let RsiLevels { low, high } = self.rsi;
        expect(low > 0.0 && low <= 50.0, "rsi.low", &low, "a number above 0, 50 at most")?;
        expect(
            (50.0..100.0).contains(&high),
            "rsi.high",
            &high,
            "a number of 50 or more, below 100",
        )?;
        let band = self.dead_band;
        expect((0.0..1.0).contains(&band), "dead_band", &band, "a ratio of 0 or more, below 1")?;
        let PeAlert { low, high, days } = self.pe_alert;
        expect(positive(low), "pe_alert.low", &low, "a number above 0")?;
        expect(
            high.is_finite() && high > low,
            "pe_alert.high",
            &high,
            "a number above pe_alert.low",
        )?;
        expect(days >= 1, "pe_alert.days", &days, "1 or more")?;
        let VolumeSpike { percent, bars } = self.volume_spike;
        expect(positive(percent), "volume_spike.percent", &percent, "a number above 0")?;
        expect((1..=MAX_PERIOD).contains(&bars), "volume_spike.bars", &bars, "1 to 10000 bars")
    }
}

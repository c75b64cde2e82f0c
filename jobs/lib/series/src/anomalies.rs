//! Bars that stand out: what kinds of anomalies there are, how severe one is, and the search for all of
//! them. Definitions and defaults: `docs/reference/signals.md`.
//!
//! An anomaly of a bar rests on that bar and those before it. Only a bad print needs the next bar as well,
//! and says so: it is known when that one has closed.

mod activity;
mod prices;
mod settings;

use crate::bars::Bars;
use crate::beside::Beside;
use crate::indicators::Indicators;
use crate::stats::close_us;

pub use self::settings::{
    BadPrint, CrossedOrLockedQuote, ExtremePriceMovement, ExtremeRsi, Gap, Settings, StalePrice,
    VolumeSpike, WideSpread,
};

/// What is unusual about a bar.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The close moved much farther than it does.
    ExtremePriceMovement,
    /// The relative strength index came near its end.
    ExtremeRsi,
    /// The volume was a multiple of what it is.
    VolumeSpike,
    /// Bars are missing before this one.
    Gap,
    /// The price has stood still for many bars.
    StalePrice,
    /// The highest or lowest price lies far from the neighbours'.
    BadPrint,
    /// The distance of bid and ask was a multiple of what it is.
    WideSpread,
    /// A bid was as high as the ask, or higher.
    CrossedOrLockedQuote,
}

impl Kind {
    /// All kinds, in the order in which those of one bar are told.
    pub const ALL: [Self; 8] = [
        Self::ExtremePriceMovement,
        Self::ExtremeRsi,
        Self::VolumeSpike,
        Self::Gap,
        Self::StalePrice,
        Self::BadPrint,
        Self::WideSpread,
        Self::CrossedOrLockedQuote,
    ];

    /// Its name in tables and configurations.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ExtremePriceMovement => "extreme_price_movement",
            Self::ExtremeRsi => "extreme_rsi",
            Self::VolumeSpike => "volume_spike",
            Self::Gap => "gap",
            Self::StalePrice => "stale_price",
            Self::BadPrint => "bad_print",
            Self::WideSpread => "wide_spread",
            Self::CrossedOrLockedQuote => "crossed_or_locked_quote",
        }
    }

    /// How it is found.
    pub fn method(self) -> &'static str {
        match self {
            Self::ExtremePriceMovement => "median and MAD of the log returns before it",
            Self::ExtremeRsi => "Wilder's RSI",
            Self::VolumeSpike => "multiple of the median of the volumes before it",
            Self::Gap => "count of missing bars",
            Self::StalePrice => "count of bars at one price",
            Self::BadPrint => "distance from both neighbours by the median range before it",
            Self::WideSpread => "multiple of the median of the spreads before it",
            Self::CrossedOrLockedQuote => "count of quotes whose bid is not below the ask",
        }
    }

    /// From what multiple of the threshold on an anomaly is of medium and of high severity.
    pub const fn steps(self) -> (f64, f64) {
        match self {
            // see `activity::excess`: an index that ends at 0 and 100 has no multiples
            Self::ExtremeRsi => (4.0 / 3.0, 5.0 / 3.0),
            Self::Gap | Self::CrossedOrLockedQuote => (10.0, 100.0),
            Self::ExtremePriceMovement
            | Self::VolumeSpike
            | Self::StalePrice
            | Self::BadPrint
            | Self::WideSpread => (2.0, 4.0),
        }
    }

    /// How severe one is whose value is this multiple of its threshold.
    pub fn severity(self, multiple: f64) -> Severity {
        let (medium, high) = self.steps();
        if multiple >= high {
            Severity::High
        } else if multiple >= medium {
            Severity::Medium
        } else {
            Severity::Low
        }
    }
}

/// How far beyond its threshold an anomaly lies: [`Kind::steps`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Beyond the threshold.
    Low,
    /// Well beyond it.
    Medium,
    /// Far beyond it.
    High,
}

impl Severity {
    /// Its name in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Something unusual about one bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Anomaly {
    /// The bar, by its index.
    pub at: usize,
    /// What is unusual.
    pub kind: Kind,
    /// How unusual.
    pub severity: Severity,
    /// What was measured; its unit is that of the kind.
    pub value: f64,
    /// The bound that the value reached, on its side and in its unit.
    pub threshold: f64,
    /// How it was measured.
    pub method: &'static str,
    /// When a reader could first have known of it: microseconds since the epoch.
    pub known_us: i64,
    /// Why, in one sentence with the figures.
    pub description: String,
}

impl Anomaly {
    /// An anomaly that is known when its bar has closed, and whose severity follows from how many times its
    /// threshold its value is.
    fn of(
        bars: &Bars,
        at: usize,
        kind: Kind,
        value: f64,
        threshold: f64,
        description: String,
    ) -> Self {
        Self {
            at,
            kind,
            severity: kind.severity(value / threshold),
            value,
            threshold,
            method: kind.method(),
            known_us: close_us(bars, at),
            description,
        }
    }
}

/// Every anomaly of a series, by bar and then in the order of [`Kind::ALL`].
///
/// The indicators are those of these bars. What the settings say holds for the whole series; whoever has
/// others for a symbol or a timeframe gives those. They are taken as they are: [`Settings::check`] refuses
/// what makes no sense.
pub fn anomalies(
    bars: &Bars,
    indicators: &Indicators,
    beside: &Beside,
    settings: &Settings,
) -> Vec<Anomaly> {
    let mut found = Vec::new();
    let mut look = |kind: Kind, search: &dyn Fn() -> Vec<Anomaly>| {
        if !settings.off.contains(&kind) {
            found.extend(search());
        }
    };
    look(Kind::ExtremePriceMovement, &|| prices::movements(bars, settings));
    look(Kind::ExtremeRsi, &|| activity::extreme_rsi(bars, &indicators.rsi, settings));
    look(Kind::VolumeSpike, &|| activity::volume_spikes(bars, settings));
    look(Kind::Gap, &|| prices::gaps(bars, settings.gap));
    look(Kind::StalePrice, &|| prices::stale(bars, settings.stale_price));
    look(Kind::BadPrint, &|| prices::bad_prints(bars, settings));
    look(Kind::WideSpread, &|| activity::wide_spreads(bars, beside, settings));
    look(Kind::CrossedOrLockedQuote, &|| {
        activity::crossed_or_locked(bars, beside, settings.crossed_or_locked_quote)
    });
    found.sort_by_key(|anomaly| (anomaly.at, anomaly.kind));
    found
}

/// A time during which something is unusual without a break: it is told when it begins, and again where it
/// becomes more severe, not with every bar.
#[derive(Debug, Default)]
struct Spell {
    told: Option<Severity>,
}

impl Spell {
    /// Whether this severity is news.
    fn is_news(&mut self, severity: Severity) -> bool {
        let news = self.told.is_none_or(|told| severity > told);
        if news {
            self.told = Some(severity);
        }
        news
    }

    /// The time is over.
    fn end(&mut self) {
        self.told = None;
    }
}

/// A ratio as text: 0.0123 is `1.23 %`.
fn percent(ratio: f64) -> String {
    format!("{:.2} %", ratio * 100.0)
}

#[cfg(test)]
mod tests;

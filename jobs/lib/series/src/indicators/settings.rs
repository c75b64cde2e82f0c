//! The periods of the indicators: what they are by default, which make sense, how they are told.

use serde::{Deserialize, Serialize};

/// The greatest period that an indicator may have, in bars.
pub const MAX_PERIOD: usize = 10_000;

/// Over how many bars each indicator runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The short and the long simple moving average.
    pub sma: [usize; 2],
    /// The short and the long exponential moving average.
    pub ema: [usize; 2],
    /// The fast and the slow average of MACD, and its signal.
    pub macd: [usize; 3],
    /// Wilder's relative strength index.
    pub rsi: usize,
    /// Bollinger's bands.
    pub bollinger: Bollinger,
    /// Wilder's average true range.
    pub atr: usize,
    /// The rate of change: with the close so many bars before.
    pub roc: usize,
    /// The short and the long realised volatility, in returns: one bar more than that.
    pub volatility: [usize; 2],
}

/// Bollinger's bands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bollinger {
    /// Over how many bars.
    pub period: usize,
    /// How many deviations the bands are away from the middle.
    pub deviations: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sma: [20, 50],
            ema: [20, 50],
            macd: [12, 26, 9],
            rsi: 14,
            bollinger: Bollinger::default(),
            atr: 14,
            roc: 10,
            volatility: [7, 30],
        }
    }
}

impl Default for Bollinger {
    fn default() -> Self {
        Self { period: 20, deviations: 2.0 }
    }
}

/// Why settings make no sense.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// A period that is too short or too long.
    #[error("bad period {period} of '{indicator}', expected {least} to {MAX_PERIOD} bars")]
    Period {
        /// The key of the indicator.
        indicator: &'static str,
        /// What was found.
        period: usize,
        /// The shortest that has a meaning.
        least: usize,
    },
    /// The first of two periods is not the shorter one.
    #[error("bad periods {first}, {second} of '{indicator}', expected the shorter one first")]
    Order {
        /// The key of the indicator.
        indicator: &'static str,
        /// The first.
        first: usize,
        /// The second.
        second: usize,
    },
    /// Bands at no distance from their middle, or at one that is no number.
    #[error("bad 'bollinger.deviations' {0}, expected a number above 0, 100 at most")]
    Deviations(f64),
}

impl Settings {
    /// Whether each period has a meaning.
    ///
    /// # Errors
    /// Tells the first that has none: 0, above [`MAX_PERIOD`], a short one that is not the shorter, a
    /// deviation of less than two values, bands at no distance from their middle.
    pub fn check(&self) -> Result<(), SettingsError> {
        let Self { sma, ema, macd, rsi, bollinger, atr, roc, volatility } = self;
        let periods = [
            ("sma", &sma[..], 1),
            ("ema", &ema[..], 1),
            ("macd", &macd[..], 1),
            ("rsi", &[*rsi], 1),
            ("bollinger.period", &[bollinger.period], 2),
            ("atr", &[*atr], 1),
            ("roc", &[*roc], 1),
            ("volatility", &volatility[..], 2),
        ];
        for (indicator, periods, least) in periods {
            for &period in periods {
                if !(least..=MAX_PERIOD).contains(&period) {
                    return Err(SettingsError::Period { indicator, period, least });
                }
            }
            if let [first, second, ..] = *periods
                && first >= second
            {
                return Err(SettingsError::Order { indicator, first, second });
            }
        }
        if !(bollinger.deviations > 0.0 && bollinger.deviations <= 100.0) {
            return Err(SettingsError::Deviations(bollinger.deviations));
        }
        Ok(())
    }

    /// The periods in one line, for whoever reads a row: `sma 20/50, ema 20/50, macd 12-26-9, …`.
    pub fn words(&self) -> String {
        let Self { sma, ema, macd, rsi, bollinger, atr, roc, volatility } = self;
        let Bollinger { period, deviations } = bollinger;
        format!(
            "sma {}/{}, ema {}/{}, macd {}-{}-{}, rsi {rsi}, bollinger {period}±{deviations}, \
             atr {atr}, roc {roc}, volatility {}/{}",
            sma[0], sma[1], ema[0], ema[1], macd[0], macd[1], macd[2], volatility[0], volatility[1]
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut Settings), expect: &str) {
        let mut settings = Settings::default();
        change(&mut settings);
        let found = settings.check().map_or_else(|error| error.to_string(), |()| "good".to_owned());
        assert_eq!(found, expect);
    }

    #[test]
    fn settings_that_make_no_sense_are_told() {
        check(|_| (), "good");
        check(|s| s.atr = MAX_PERIOD, "good");
        check(|s| s.rsi = 0, "bad period 0 of 'rsi', expected 1 to 10000 bars");
        check(|s| s.roc = 10_001, "bad period 10001 of 'roc', expected 1 to 10000 bars");
        check(|s| s.macd[2] = 0, "bad period 0 of 'macd', expected 1 to 10000 bars");
        check(
            |s| s.bollinger.period = 1,
            "bad period 1 of 'bollinger.period', expected 2 to 10000 bars",
        );
        check(|s| s.volatility = [1, 7], "bad period 1 of 'volatility', expected 2 to 10000 bars");
        check(|s| s.sma = [50, 20], "bad periods 50, 20 of 'sma', expected the shorter one first");
        check(
            |s| s.macd = [26, 26, 9],
            "bad periods 26, 26 of 'macd', expected the shorter one first",
        );
        for deviations in [0.0, -1.0, 101.0, f64::NAN, f64::INFINITY] {
            check(
                |s| s.bollinger.deviations = deviations,
                &format!(
                    "bad 'bollinger.deviations' {deviations}, expected a number above 0, 100 at most"
                ),
            );
        }
    }

    #[test]
    fn settings_in_words() {
        let mut settings = Settings::default();
        settings.bollinger.deviations = 2.5;
        assert_eq!(
            settings.words(),
            "sma 20/50, ema 20/50, macd 12-26-9, rsi 14, bollinger 20±2.5, atr 14, roc 10, volatility 7/30"
        );
    }
}

//! The section `gold`: what is made of bars, and with which periods. What each of them means is in `series`.

use serde::{Deserialize, Serialize};
use series::{anomalies, indicators, signals};

use crate::{Symbol, Timeframe};

/// What is made of bars besides bars and daily figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gold {
    /// Of which bars.
    pub timeframes: Vec<Timeframe>,
    /// The periods of indicators.
    pub indicators: indicators::Settings,
    /// From where on something is unusual.
    pub anomalies: anomalies::Settings,
    /// The same of single symbols and timeframes, whole: the first that fits counts.
    pub anomalies_of: Vec<AnomaliesOf>,
    /// What gives a signal.
    pub signals: signals::Settings,
}

/// From where on something is unusual for some bars alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnomaliesOf {
    /// The symbol; any where it is left out.
    #[serde(default)]
    pub symbol: Option<Symbol>,
    /// The timeframe; any where it is left out.
    #[serde(default)]
    pub timeframe: Option<Timeframe>,
    /// What counts for them.
    pub anomalies: anomalies::Settings,
}

impl Default for Gold {
    fn default() -> Self {
        Self {
            timeframes: vec![Timeframe::H1, Timeframe::D1],
            indicators: indicators::Settings::default(),
            anomalies: anomalies::Settings::default(),
            anomalies_of: Vec::new(),
            signals: signals::Settings::default(),
        }
    }
}

impl Gold {
    /// Stands for all of it: what is made with other settings is other rows.
    pub fn words(&self) -> String {
        // of such plain data it always can be written
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What makes no sense: the keys to look at, and what is wrong in words.
    pub(super) fn fault(&self) -> Option<(Vec<&'static str>, String)> {
        let mut seen = Vec::new();
        for timeframe in &self.timeframes {
            if !Timeframe::GOLD.contains(timeframe) || seen.contains(timeframe) {
                let known: Vec<&str> = Timeframe::GOLD.iter().map(|t| t.as_str()).collect();
                let message = format!(
                    "bad timeframe `{timeframe}` of gold, expected each once, of {}",
                    known.join(", ")
                );
                return Some((vec!["gold", "timeframes"], message));
            }
            seen.push(*timeframe);
        }
        let bad = |keys: &[&'static str], why: &dyn std::fmt::Display| {
            Some((keys.to_vec(), why.to_string()))
        };
        if let Err(why) = self.indicators.check() {
            return bad(&["gold", "indicators"], &why);
        }
        if let Err(why) = self.anomalies.check() {
            return bad(&["gold", "anomalies"], &why);
        }
        if let Some(why) = self.anomalies_of.iter().find_map(|of| of.anomalies.check().err()) {
            return bad(&["gold", "anomalies_of"], &why);
        }
        let why = self.signals.check().err()?;
        bad(&["gold", "signals"], &why)
    }

    /// From where on something is unusual for a symbol and timeframe.
    pub fn anomalies_of(&self, symbol: &Symbol, timeframe: Timeframe) -> anomalies::Settings {
        let fits = |of: &&AnomaliesOf| {
            of.symbol.as_ref().is_none_or(|of| of == symbol)
                && of.timeframe.is_none_or(|of| of == timeframe)
        };
        self.anomalies_of.iter().find(fits).map_or(&self.anomalies, |of| &of.anomalies).clone()
    }
}

//! The section `gold`: what is made of bars, and with which periods. What each of them means is in `series`.

use serde::{Deserialize, Serialize};
use series::indicators;

use crate::Timeframe;

/// What is made of bars besides bars and daily figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gold {
    /// Of which bars.
    pub timeframes: Vec<Timeframe>,
    /// The periods of indicators.
    pub indicators: indicators::Settings,
}

impl Default for Gold {
    fn default() -> Self {
        Self {
            timeframes: vec![Timeframe::H1, Timeframe::D1],
            indicators: indicators::Settings::default(),
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
        let bad = self.indicators.check().err()?;
        Some((vec!["gold", "indicators"], bad.to_string()))
    }
}

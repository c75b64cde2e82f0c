//! From ranges to series: which (market, dataset, symbol, timeframe) over which days.

use serde::{Deserialize, Serialize};

use super::{Archives, Config, RangeConfig};
use crate::market::{Dataset, Market, Source, Symbol, Timeframe};
use crate::period::Day;
use crate::unit::short_hash;

/// One series of archives that the configuration wants.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    /// The provider.
    pub source: Source,
    /// The kind of market.
    pub market: Market,
    /// What the archives hold.
    pub dataset: Dataset,
    /// The instrument.
    pub symbol: Symbol,
    /// The bar length; `Some` exactly for klines.
    pub timeframe: Option<Timeframe>,
    /// First day wanted.
    pub from: Day,
    /// Last day wanted.
    pub to: Day,
    /// Which archives to use.
    pub archives: Archives,
}

/// What narrows a run: `--from --to --symbol --dataset`. Empty means everything.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// First day.
    pub from: Option<Day>,
    /// Last day.
    pub to: Option<Day>,
    /// Symbols.
    pub symbols: Vec<Symbol>,
    /// Datasets.
    pub datasets: Vec<Dataset>,
}

impl Scope {
    /// Stands for this scope in a plan, and for whether the plan tries archives again that
    /// failed before.
    pub fn hash(&self, retry_bad: bool) -> String {
        let scope = short_hash(&serde_json::to_string(self).unwrap_or_default());
        if retry_bad { short_hash(&format!("{scope} retry-bad")) } else { scope }
    }

    fn admits(&self, series: &Series) -> bool {
        (self.symbols.is_empty() || self.symbols.contains(&series.symbol))
            && (self.datasets.is_empty() || self.datasets.contains(&series.dataset))
    }
}

impl RangeConfig {
    /// First and last day, seen from `today`. The validation has made sure that it reads.
    fn days(&self, today: Day) -> Option<(Day, Day)> {
        let yesterday = today.minus(1);
        if let Some(n) = self.last_days {
            return Some((today.minus(n), yesterday));
        }
        let from = self.from.as_ref()?.parse().ok()?;
        let to = match &self.to {
            Some(to) => to.parse().ok()?,
            None => yesterday,
        };
        Some((from, to))
    }
}

impl Config {
    /// The series wanted within `scope`, in order, seen from `today` (UTC). Series without a
    /// day are left out.
    pub fn series(&self, today: Day, scope: &Scope) -> Vec<Series> {
        let mut all = Vec::new();
        for (market, section) in &self.sources.binance.markets {
            for symbol in &section.symbols {
                let symbol = &symbol.value;
                let special = section.overrides.get(symbol).map(|o| &o.value);
                let range = special.and_then(|o| o.range.as_ref()).unwrap_or(&section.range);
                let datasets =
                    special.and_then(|o| o.datasets.as_ref()).unwrap_or(&section.datasets);
                let (Ok(symbol), Some((from, to))) =
                    (symbol.parse::<Symbol>(), range.value.days(today))
                else {
                    continue;
                };
                for (dataset, how) in datasets {
                    let timeframes: Vec<_> = if dataset.has_timeframe() {
                        how.value.timeframes.iter().map(|t| Some(t.value)).collect()
                    } else {
                        vec![None]
                    };
                    all.extend(timeframes.into_iter().map(|timeframe| Series {
                        source: Source::Binance,
                        market: *market,
                        dataset: *dataset,
                        symbol: symbol.clone(),
                        timeframe,
                        from: scope.from.map_or(from, |f| f.max(from)),
                        to: scope.to.map_or(to, |t| t.min(to)),
                        archives: how.value.archives,
                    }));
                }
            }
        }
        all.retain(|s| s.from <= s.to && scope.admits(s));
        all.sort();
        all
    }
}

//! Which providers there are: the one list, and what a configuration means with them.

use std::borrow::Cow;

use model::config::{Archives, BadConfig, Config, Fault, Scope, Section, Series, Venues};
use model::{Cadence, Dataset, Day, Market, Source, Symbol};

use crate::calendar::Calendar;
use crate::limits::Limits;
use crate::provider::{Provider, Takes};

/// A source that no provider stands behind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown source `{found}`, expected {expected}")]
pub struct UnknownSource {
    /// The source found.
    pub found: Source,
    /// The sources that there are.
    pub expected: String,
}

/// The providers that a program knows.
#[derive(Debug, Clone, Copy)]
pub struct Providers(&'static [&'static dyn Provider]);

impl Providers {
    /// All that market-lake knows.
    pub const ALL: Self = Self(&[
        &crate::binance::Binance,
        &crate::twelvedata::TwelveData,
        &crate::alphavantage::AlphaVantage,
        &crate::histdata::HistData,
    ]);

    /// Others: for tests.
    pub const fn new(all: &'static [&'static dyn Provider]) -> Self {
        Self(all)
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = &'static dyn Provider> {
        self.0.iter().copied()
    }

    /// The provider behind a source.
    ///
    /// # Errors
    /// [`UnknownSource`] where there is none.
    pub fn of(self, source: Source) -> Result<&'static dyn Provider, UnknownSource> {
        self.iter().find(|provider| provider.name() == source).ok_or_else(|| UnknownSource {
            found: source,
            expected: self.iter().map(|p| p.name().to_string()).collect::<Vec<_>>().join(" or "),
        })
    }

    /// When a market is open; always where no provider of this program says otherwise.
    pub fn calendar(self, source: Source, market: Market) -> Calendar {
        self.of(source).map_or(Calendar::Always, |provider| provider.calendar(market))
    }

    /// Reads and checks a `lake.yaml`; `file` is the name that messages give it.
    ///
    /// # Errors
    /// [`BadConfig`] at the first fault, with its line.
    pub fn read(self, file: &str, text: &str) -> Result<Config, BadConfig> {
        Config::parse(file, text, &self)
    }

    /// The series that a configuration wants within `scope`, seen from `today` (UTC).
    pub fn series(self, config: &Config, today: Day, scope: &Scope) -> Vec<Series> {
        config.series(today, scope, &self)
    }

    /// When an instrument ends for good, by the configuration or by its name, in µs since the epoch.
    pub fn end(
        self,
        config: &Config,
        source: Source,
        market: Market,
        symbol: &Symbol,
    ) -> Option<i64> {
        config.end(source, market, symbol, &self)
    }
}

impl Venues for Providers {
    fn sources(&self) -> Vec<Source> {
        self.iter().map(Provider::name).collect()
    }

    fn markets(&self, source: Source) -> Vec<Market> {
        self.of(source).map_or_else(|_| Vec::new(), |provider| provider.markets().to_vec())
    }

    fn datasets(&self, source: Source, market: Market) -> Vec<Dataset> {
        self.of(source).map_or_else(|_| Vec::new(), |provider| provider.datasets(market).to_vec())
    }

    fn only(&self, source: Source, market: Market, dataset: Dataset) -> Option<Cadence> {
        self.of(source).ok()?.only(market, dataset)
    }

    fn has_tail(&self, source: Source, market: Market, dataset: Dataset) -> bool {
        self.of(source).is_ok_and(|provider| provider.tail(market, dataset).is_some())
    }

    fn expected_symbol(&self, source: Source, market: Market, symbol: &Symbol) -> Option<String> {
        self.of(source).ok()?.expected_symbol(market, symbol).map(Cow::into_owned)
    }

    fn expiry(&self, source: Source, market: Market, symbol: &Symbol) -> Option<i64> {
        self.of(source).ok()?.expiry(market, symbol)
    }

    fn fault(&self, source: Source, section: &Section) -> Option<Fault> {
        section_fault(*self.of(source).ok().as_ref()?, section)
    }
}

/// What of a section a provider does not take, or needs and does not find.
fn section_fault(provider: &dyn Provider, section: &Section) -> Option<Fault> {
    let name = provider.name();
    let fault = |keys: &[&str], message: String| {
        Some(Fault { keys: keys.iter().map(|key| (*key).to_owned()).collect(), message })
    };
    let (url, key, limits, clock) = match provider.takes() {
        Takes::Archives => (true, false, false, false),
        Takes::Api => (true, true, true, false),
        Takes::Dropped => (false, false, false, true),
    };
    let listing = provider.takes() == Takes::Archives;
    let has_tail = |market: &Market| {
        provider.datasets(*market).iter().any(|dataset| provider.tail(*market, *dataset).is_some())
    };
    let tail = provider.markets().iter().any(has_tail);
    let tells_instruments =
        provider.markets().iter().any(|market| provider.where_instruments(*market).is_some());
    let found = [
        ("url", section.url.is_some(), url, url),
        ("key", section.key.is_some(), key, key),
        ("limits", section.limits.is_some(), limits, false),
        ("recheck", section.recheck.is_some(), limits, false),
        ("discovery", section.discovery.is_some(), listing, false),
        ("listing_url", section.listing_url.is_some(), listing, false),
        ("tail", section.tail.is_some(), tail, false),
        ("instruments", section.instruments.is_some(), tells_instruments, false),
        ("clock", section.clock.is_some(), clock, clock),
    ];
    for (what, is_there, is_taken, is_needed) in found {
        if is_there && !is_taken {
            return fault(&[what], format!("{what} of {name}, which takes none"));
        }
        if is_needed && !is_there {
            return fault(&[], format!("{name} without {what}, expected {}", example(what)));
        }
    }
    if let (Some(given), Some(questions)) = (&section.limits, provider.questions())
        && let Err(message) = Limits::of(given, &questions.free())
    {
        return fault(&["limits"], message);
    }
    if let (Some(tail), Some(questions)) = (&section.tail, provider.questions()) {
        if let Some(market) = tail.urls.keys().find(|market| !has_tail(market)) {
            let message = format!("a host of {market}, of which {name} is asked for no tail");
            return fault(&["tail", "urls", market.as_str()], message);
        }
        let is_told = |dataset: Dataset| {
            provider.markets().iter().any(|market| provider.tail(*market, dataset).is_some())
        };
        if let Some(dataset) = tail.datasets.iter().find(|dataset| !is_told(**dataset)) {
            let message = format!("a tail of {dataset}, of which {name} is asked for none");
            return fault(&["tail", "datasets"], message);
        }
        if let Some(given) = &tail.limits
            && let Err(message) = Limits::of(given, &questions.free())
        {
            return fault(&["tail", "limits"], message);
        }
    }
    if let Err(message) = provider.check_reading(section) {
        return fault(&["clock"], message);
    }
    for (market, of) in &section.markets {
        let known = provider.timeframes(*market);
        let datasets = of.overrides.values().filter_map(|special| special.value.datasets.as_ref());
        for (dataset, how) in datasets.chain([&of.datasets]).flatten() {
            if let Some(message) = too_dear(provider, section, *dataset) {
                return fault(&["markets", market.as_str(), "datasets"], message);
            }
            if how.value.recheck.is_some() && !limits {
                return fault(
                    &["markets", market.as_str(), "datasets", dataset.as_str(), "recheck"],
                    format!("recheck of {name}, which takes none"),
                );
            }
            if limits && how.value.archives == Archives::Monthly {
                return fault(
                    &["markets", market.as_str(), "archives"],
                    format!("{name} has no archives by the month, expected auto or daily"),
                );
            }
            let unknown = how.value.timeframes.iter().find(|found| !known.contains(&found.value));
            if let Some(found) = unknown {
                let known: Vec<&str> = known.iter().map(|timeframe| timeframe.as_str()).collect();
                let expected = known.join(", ");
                let found = found.value;
                return fault(
                    &["markets", market.as_str(), "timeframes"],
                    format!("{name} has no bars of {found} of {market}, expected {expected}"),
                );
            }
        }
    }
    None
}

/// Why a dataset can never be asked for: one question costs more than the limits allow at all.
fn too_dear(provider: &dyn Provider, section: &Section, dataset: Dataset) -> Option<String> {
    let (name, questions) = (provider.name(), provider.questions()?);
    let free = questions.free();
    let given = section.limits.as_ref().and_then(|given| Limits::of(given, &free).ok());
    let limits = given.unwrap_or(free);
    let cost = questions.credits(dataset);
    let of = [("per_minute", limits.per_minute), ("per_day", limits.per_day)];
    let (limit, most) =
        of.into_iter().find_map(|(name, most)| Some((name, most.filter(|n| *n < cost)?)))?;
    Some(format!(
        "{dataset} of {name}, where a question costs {cost} credits and limits.{limit} is {most}; expected \
         `limits` of a plan that allows it"
    ))
}

/// What a key of a section looks like.
fn example(key: &str) -> &'static str {
    match key {
        "key" => "where it is, such as key: env:NAME",
        "clock" => "such as clock: [{rule: UTC-5}]",
        _ => "such as url: https://api.example.com",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `lake.yaml` of a source with bars of an hour of a symbol.
    fn read(
        source: &str,
        market: &str,
        head: &str,
        klines: &str,
        rest: &str,
    ) -> Result<Config, String> {
        let (market, symbol) = market.split_once(' ').expect("market and symbol");
        let text = format!(
            "environment: test\nsources:\n  {source}:\n    url: https://localhost\n{head}    markets:\n      \
             {market}:\n        symbols: [{symbol}]\n        range: {{from: 2024-01-01}}\n        \
             datasets:\n          klines: {{timeframes: [1h]{klines}}}\n{rest}"
        );
        Providers::ALL.read("lake.yaml", &text).map_err(|bad| bad.to_string())
    }

    #[test]
    fn only_a_source_that_is_asked_is_asked_again() {
        let binance = |head: &str, klines: &str, rest: &str| {
            read("binance", "spot BTCUSDT", head, klines, rest).map(|_| ())
        };
        let refused =
            |line: u32| Err(format!("lake.yaml:{line}: recheck of binance, which takes none"));
        assert_eq!(binance("", "", ""), Ok(()));
        assert_eq!(binance("    recheck: {days: 3}\n", "", ""), refused(5));
        assert_eq!(binance("", ", recheck: {days: 3}", ""), refused(10));
        let special = "        overrides:\n          BTCUSDT:\n            datasets:\n              klines: \
                       {timeframes: [1h], recheck: {days: 3}}\n";
        assert_eq!(binance("", "", special), refused(14));
    }

    #[test]
    fn a_dataset_may_be_asked_again_for_another_time_than_its_source() {
        let check = |head: &str, klines: &str, rest: &str, expect: Result<u32, &str>| {
            let head = format!("    key: env:KEY\n{head}");
            let found = read("twelvedata", "stocks AAPL", &head, klines, rest).map(|config| {
                let section = config.sources.into_values().next().expect("a section");
                let (market, symbol) = (Market::new("stocks"), "AAPL".parse().expect("symbol"));
                section.recheck_of(market, &symbol, Dataset::Klines).days
            });
            assert_eq!(found, expect.map_err(str::to_owned), "{head}{klines}{rest}");
        };
        let of_source = "    recheck: {days: 3}\n";
        check("", "", "", Ok(1));
        check("    recheck: {}\n", "", "", Ok(1));
        check("    recheck: {days: 0}\n", "", "", Ok(0));
        check(of_source, "", "", Ok(3));
        check(of_source, ", recheck: {days: 0}", "", Ok(0));
        check(of_source, ", recheck: {days: 30}", "", Ok(30));
        check("", ", recheck: {days: 366}", "", Ok(366));
        let special = |how: &str| {
            format!(
                "        overrides:\n          AAPL:\n            datasets: {{klines: {{timeframes: \
                 [1h]{how}}}}}\n"
            )
        };
        check(of_source, ", recheck: {days: 30}", &special(", recheck: {days: 9}"), Ok(9));
        // a symbol's datasets stand instead of the market's
        check(of_source, ", recheck: {days: 30}", &special(""), Ok(3));
        let bad = Err("lake.yaml:6: bad days 367, expected 0 to 366");
        check("    recheck: {days: 367}\n", "", "", bad);
        let bad = Err("lake.yaml:11: bad days 367, expected 0 to 366");
        check("", ", recheck: {days: 367}", "", bad);
    }
}

//! What a provider is to the stages, and which there are.

use std::borrow::Cow;
use std::fmt;

use model::config::{BadConfig, Config, Scope, Section, Series, Venues};
use model::plan::Remote;
use model::{Dataset, Day, Market, Source, Symbol, Unit};

use crate::ask::Ask;
use crate::form::Form;
use crate::offer::{Listed, Survey};

/// A provider of market data. It says what to ask and what answers mean; it sends, reads and
/// writes nothing itself.
pub trait Provider: fmt::Debug + Send + Sync {
    /// Its name: in configurations, paths and tables.
    fn name(&self) -> Source;

    /// Its markets, in the order in which they are told.
    fn markets(&self) -> &'static [Market];

    /// What it has of a market, in the order in which they are told.
    fn datasets(&self, market: Market) -> &'static [Dataset];

    /// What a symbol of a market looks like, where this one does not: for `expected …`.
    fn expected_symbol(&self, market: Market, symbol: &Symbol) -> Option<Cow<'static, str>>;

    /// When an instrument ends by its name, in µs since the epoch: the first instant of which
    /// nothing is expected any more.
    fn expiry(&self, market: Market, symbol: &Symbol) -> Option<i64>;

    /// Begins to ask what it has. Of one series `at_once` questions may be asked at once.
    fn survey<'a>(
        &self,
        section: &'a Section,
        ask: &'a dyn Ask,
        at_once: usize,
    ) -> Box<dyn Survey + 'a>;

    /// Where the archive of a unit is to be had that was offered as `listed`.
    fn remote(&self, section: &Section, unit: &Unit, listed: &Listed) -> Remote;

    /// How a unit's archive is called by rule.
    fn file_name(&self, unit: &Unit) -> String;

    /// The unit of an archive's name, of which market and dataset are known.
    fn unit_of(&self, market: Market, dataset: Dataset, name: &str) -> Option<Unit>;

    /// How the one right member of an archive may be called, the likeliest first. `name` is how the
    /// archive is called.
    fn members(&self, unit: &Unit, name: &str) -> Vec<String>;

    /// The form of a unit's lines; `None` for what the provider does not have.
    fn form(&self, unit: &Unit) -> Option<&'static Form>;
}

impl dyn Provider {
    /// How the archive of `unit` is called where it was offered as `remote`.
    pub fn name_of<'a>(&self, remote: &'a Remote, unit: &Unit) -> Cow<'a, str> {
        match &remote.odd_name {
            Some(name) => name.into(),
            None => self.file_name(unit).into(),
        }
    }
}

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
    pub const ALL: Self = Self(&[&crate::binance::Binance]);

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

    fn expected_symbol(&self, source: Source, market: Market, symbol: &Symbol) -> Option<String> {
        self.of(source).ok()?.expected_symbol(market, symbol).map(Cow::into_owned)
    }

    fn expiry(&self, source: Source, market: Market, symbol: &Symbol) -> Option<i64> {
        self.of(source).ok()?.expiry(market, symbol)
    }
}

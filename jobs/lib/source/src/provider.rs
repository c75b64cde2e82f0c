//! What a provider is to the stages. Which there are stands in [`crate::providers`].

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use model::config::Section;
use model::instrument::{Facts, PriceBounds};
use model::plan::Remote;
use model::{Cadence, Dataset, Market, Source, Symbol, Timeframe, Unit};

use crate::ask::Ask;
use crate::calendar::Calendar;
use crate::form::Form;
use crate::offer::{Dropped, Listed, Nothing, Survey};
use crate::questions::{self, Questions};
use crate::translation::{Received, Translation};

/// A provider of market data. It says what to ask and what answers mean; it sends, reads and
/// writes nothing itself.
pub trait Provider: fmt::Debug + Send + Sync {
    /// Its name: in configurations, paths and tables.
    fn name(&self) -> Source;

    /// Its markets, in the order in which they are told.
    fn markets(&self) -> &'static [Market];

    /// What it has of a market, in the order in which they are told.
    fn datasets(&self, market: Market) -> &'static [Dataset];

    /// The only kind of archives that it has of a dataset; `None` where it has both, or knows none.
    fn only(&self, _market: Market, _dataset: Dataset) -> Option<Cadence> {
        None
    }

    /// The bars that it has of a market.
    fn timeframes(&self, _market: Market) -> &'static [Timeframe] {
        Timeframe::ALL
    }

    /// When a market is open: where it is closed, nothing is expected.
    fn calendar(&self, _market: Market) -> Calendar {
        Calendar::Always
    }

    /// What its section holds beside markets.
    fn takes(&self) -> Takes;

    /// The API's host that is asked for what no archive of a dataset holds yet; `None` where none can be
    /// asked. How, its [`Self::questions`] say.
    fn tail(&self, _market: Market, _dataset: Dataset) -> Option<&'static str> {
        None
    }

    /// Of one that is asked: of which market's dataset it is asked what changes all past of a market at once,
    /// such as splits where prices are changed for them. Where these answers are others than before, what is
    /// held of the symbol is asked for anew.
    fn restated_by(&self, _market: Market) -> Option<(Market, Dataset)> {
        None
    }

    /// How its units are asked for; `None` of one whose units all are archives that lie at a URL.
    fn questions(&self) -> Option<&dyn Questions> {
        None
    }

    /// What a symbol of a market looks like, where this one does not: for `expected …`.
    fn expected_symbol(&self, market: Market, symbol: &Symbol) -> Option<Cow<'static, str>>;

    /// When an instrument ends by its name, in µs since the epoch: the first instant of which
    /// nothing is expected any more.
    fn expiry(&self, _market: Market, _symbol: &Symbol) -> Option<i64> {
        None
    }

    /// What the name of an instrument, and its market, say of it. What they do not tell is left out:
    /// nothing is guessed.
    fn instrument(&self, _market: Market, _symbol: &Symbol) -> Facts {
        Facts::default()
    }

    /// Where it tells of all instruments of a market at once, as they are now; `None` where it does not.
    fn where_instruments(&self, _market: Market) -> Option<WhereInstruments> {
        None
    }

    /// Reads what it tells there.
    ///
    /// # Errors
    /// What is wrong with the answer as a whole.
    fn instruments(&self, _market: Market, _answer: &[u8]) -> Result<Instruments, String> {
        Ok(Instruments::default())
    }

    /// Between which prices the instruments of a market lie, where nothing is configured.
    fn price_bounds(&self, _market: Market) -> PriceBounds {
        PriceBounds::default()
    }

    /// Begins to ask what it has. Of one series `at_once` questions may be asked at once. Not of a
    /// provider that [takes](Self::takes) dropped files.
    fn survey<'a>(
        &self,
        _section: &'a Section,
        _ask: &'a dyn Ask,
        _at_once: usize,
    ) -> Box<dyn Survey + 'a> {
        Box::new(Nothing)
    }

    /// What there is of one that [takes](Self::takes) dropped files, by all that lies in its folder.
    fn dropped<'a>(&self, _section: &'a Section, _files: Vec<Dropped>) -> Box<dyn Survey + 'a> {
        Box::new(Nothing)
    }

    /// Where the archive of a unit is to be had that was offered as `listed`. This and the next three
    /// are, where a provider does not say otherwise, those of one that is asked ([`Self::questions`]).
    fn remote(&self, section: &Section, _unit: &Unit, _listed: &Listed) -> Remote {
        Remote::asked(section.url())
    }

    /// How a unit's archive is called by rule.
    fn file_name(&self, unit: &Unit) -> String {
        questions::file_name(unit)
    }

    /// The unit of an archive's name, of which market and dataset are known.
    fn unit_of(&self, _market: Market, _dataset: Dataset, _name: &str) -> Option<Unit> {
        None
    }

    /// The units that an archive has lines of, by its name, and how each is [read](Self::reading);
    /// nothing where names do not tell. `clock` is a rule as in a section's `clock`, for all days.
    ///
    /// # Errors
    /// A clock that is wrong, or missing, or that the provider does not take.
    fn units_of(
        &self,
        market: Market,
        dataset: Dataset,
        name: &str,
        clock: Option<&str>,
    ) -> Result<Vec<(Unit, Option<String>)>, String> {
        if clock.is_some() {
            return Err(format!("a clock for files of {}, which takes none", self.name()));
        }
        Ok(self.unit_of(market, dataset, name).map(|unit| (unit, None)).into_iter().collect())
    }

    /// The unit in whose place the raw object called `name` is kept: several units may share one.
    fn home(&self, unit: &Unit, _name: &str) -> Unit {
        unit.clone()
    }

    /// How the lines of a unit lie in its raw object, which is called `name`.
    fn packing(&self, _unit: &Unit, _name: &str) -> Packing {
        Packing::Answers
    }

    /// Checks what of its section decides which rows its bytes are.
    ///
    /// # Errors
    /// What is wrong with it.
    fn check_reading(&self, _section: &Section) -> Result<(), String> {
        Ok(())
    }

    /// What of its section decides which rows the bytes of a unit, or of the days or months next to it,
    /// are, in words of its own; `None` where nothing does. Where it changes, silver is built anew.
    fn reading(&self, _section: &Section, _unit: &Unit) -> Option<String> {
        None
    }

    /// How the lines of a unit become those of its form, where they are others. The raw object is
    /// called `name`, `reading` is what [`Self::reading`] said.
    ///
    /// # Errors
    /// What is wrong with the reading or the name.
    fn translation(
        &self,
        _unit: &Unit,
        _name: &str,
        _reading: Option<&str>,
    ) -> Result<Option<Box<dyn Translation>>, String> {
        Ok(None)
    }

    /// How the lines of a unit are told that were translated.
    fn received(&self, _unit: &Unit) -> Option<&'static Received> {
        None
    }

    /// The form of a unit's lines; `None` for what the provider does not have.
    fn form(&self, unit: &Unit) -> Option<&'static Form>;
}

/// Where a provider tells of a market's instruments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WhereInstruments {
    /// The API's host.
    pub host: &'static str,
    /// Path and query.
    pub path: &'static str,
}

/// What a provider tells of a market's instruments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Instruments {
    /// By symbol; `None` of one that is named and was not understood.
    pub facts: BTreeMap<Symbol, Option<Facts>>,
    /// Those that could not be understood, and why.
    pub bad: Vec<String>,
}

/// Bytes that a plain object is judged by.
pub const START: usize = 1 << 10;

/// How the lines of a unit lie in its raw object.
#[derive(Debug, Clone)]
pub enum Packing {
    /// In the one right member of a zip, which may be called so; the likeliest name first.
    Zip(Vec<String>),
    /// As they are. Nothing vouches for such an object but what it begins with: the function is given
    /// its first [`START`] bytes and says what is wrong with them, so that a page of somebody on the
    /// way is not taken for data.
    Plain(fn(&[u8]) -> Option<String>),
    /// The raw object holds the answers to questions, as received; the lines are made of them by
    /// [`Questions`].
    Answers,
}

/// What a section of the configuration holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// A host of archives: `url`, and how to find out what it has.
    Archives,
    /// An API that counts requests: `url`, `key` and `limits`.
    Api,
    /// Files that a person puts into the lake, under [`model::layout::drop`]: `clock`.
    Dropped,
}

impl dyn Provider {
    /// Whether a unit that is to be had so is asked for, page by page, and not downloaded.
    pub fn is_asked(&self, remote: &Remote) -> bool {
        self.takes() == Takes::Api || remote.until.is_some()
    }

    /// Where a unit is to be had that was offered as `listed`, be it its archive or its tail.
    pub fn way_to(&self, section: &Section, unit: &Unit, listed: &Listed) -> Remote {
        let host = self.tail(unit.market, unit.dataset);
        let Some((until, host)) = listed.until.zip(host) else {
            return self.remote(section, unit, listed);
        };
        let own = section.tail.as_ref().and_then(|tail| tail.urls.get(&unit.market));
        Remote { until: Some(until), ..Remote::asked(own.map_or(host, String::as_str)) }
    }

    /// How the archive of `unit` is called where it was offered as `remote`.
    pub fn name_of<'a>(&self, remote: &'a Remote, unit: &Unit) -> Cow<'a, str> {
        match &remote.odd_name {
            Some(name) => name.into(),
            None => self.file_name(unit).into(),
        }
    }

    /// Between which prices the rows of a dataset lie, as its section says or else the provider; `None`
    /// where anything goes.
    pub fn prices(
        &self,
        section: &Section,
        market: Market,
        dataset: Dataset,
    ) -> Option<PriceBounds> {
        // premiums and rates are no prices of an instrument; what is told of companies is kept as told
        let has_prices = match dataset {
            Dataset::Trades
            | Dataset::AggTrades
            | Dataset::Klines
            | Dataset::MarkKlines
            | Dataset::IndexKlines
            | Dataset::Quotes => true,
            Dataset::PremiumKlines
            | Dataset::Funding
            | Dataset::Metrics
            | Dataset::Fundamentals
            | Dataset::LastQuotes
            | Dataset::Splits
            | Dataset::Dividends => false,
        };
        let configured = section.markets.get(&market).and_then(|of| of.price_bounds.as_ref());
        let bounds = configured.map_or_else(|| self.price_bounds(market), |bounds| bounds.value);
        (has_prices && !bounds.is_open()).then_some(bounds)
    }
}

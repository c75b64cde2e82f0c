//! Made-up venues, for the tests of configurations.

use super::{BadConfig, Config, Fault, Section, Venues};
use crate::market::{Dataset, Market, Source};
use crate::symbol::Symbol;

/// One source, `binance`, with three markets: symbols of `coinm` have a `_`, those of `spot` none.
struct Sample;

impl Venues for Sample {
    fn sources(&self) -> Vec<Source> {
        vec![Source::new("binance")]
    }

    fn markets(&self, source: Source) -> Vec<Market> {
        assert_eq!(source.as_str(), "binance");
        ["spot", "usdm", "coinm"].map(Market::new).to_vec()
    }

    fn datasets(&self, _: Source, _: Market) -> Vec<Dataset> {
        Dataset::ALL.to_vec()
    }

    fn has_tail(&self, _: Source, market: Market, dataset: Dataset) -> bool {
        market.as_str() == "spot" && matches!(dataset, Dataset::Klines | Dataset::Trades)
    }

    fn expected_symbol(&self, _: Source, market: Market, symbol: &Symbol) -> Option<String> {
        let is_pair = !symbol.as_str().contains('_');
        let fits = match market.as_str() {
            "spot" => is_pair,
            "coinm" => !is_pair,
            _ => true,
        };
        (!fits).then(|| "another one".to_owned())
    }

    fn expiry(&self, _: Source, _: Market, symbol: &Symbol) -> Option<i64> {
        let end = super::series::parse_until("2021-06-25T08:00");
        end.filter(|_| symbol.as_str().ends_with("_210625"))
    }

    /// It has a host and takes no key.
    fn fault(&self, _: Source, section: &Section) -> Option<Fault> {
        let fault = |key: &str, message: &str| {
            Some(Fault { keys: vec![key.to_owned()], message: message.to_owned() })
        };
        match (&section.url, &section.key) {
            (None, _) => Some(Fault { keys: Vec::new(), message: "no url".to_owned() }),
            (_, Some(_)) => fault("key", "it takes no key"),
            _ => None,
        }
    }
}

/// The venues.
pub(crate) fn venues() -> &'static dyn Venues {
    &Sample
}

/// A configuration of the sample's source.
pub(crate) fn parse(text: &str) -> Result<Config, BadConfig> {
    Config::parse("lake.yaml", text, venues())
}

//! Binance's public archives: spot, USD-M and COIN-M futures, as daily and monthly zips of CSV with a
//! checksum file each, listed as S3 lists a bucket; and the exchange's API, which says what no archive
//! holds yet.
//!
//! | module | what lives there |
//! |---|---|
//! | `market` | markets, and what form symbols have |
//! | `assets` | what a symbol says is priced, and in what |
//! | [`archive`] | how archives are named |
//! | `listing` | one page of the listing, bytes to entries |
//! | `names` | what the keys of a listing mean |
//! | `survey` | what the host offers of a series |
//! | `tail` | how the exchange's API is asked for what no archive holds yet |
//! | `exchange_info` | what the exchange's API says of a market's instruments |
//! | `forms` | which form the lines of a dataset have |
//! | `trades`, `agg_trades`, `klines`, `quotes` | what a line is, and its fast reader |
//! | `price_klines`, `funding`, `metrics` | what a line is; there are few of them |

mod agg_trades;
pub mod archive;
mod assets;
mod exchange_info;
mod forms;
mod funding;
mod klines;
mod listing;
mod market;
mod metrics;
mod names;
mod price_klines;
mod quotes;
mod survey;
mod tail;
mod trades;

use std::borrow::Cow;

use model::config::Section;
use model::instrument::Facts;
use model::plan::Remote;
use model::{Cadence, Dataset, Source, Symbol, Unit};

pub use self::market::Market;
use crate::ask::Ask;
use crate::form::Form;
use crate::offer::{Checksum, Listed, Survey};
use crate::provider::{Instruments, Packing, Provider, Takes, WhereInstruments};
use crate::questions::Questions;

/// The provider's name.
pub const NAME: Source = Source::new("binance");

const MARKETS: &[model::Market] = &[Market::Spot.name(), Market::Usdm.name(), Market::Coinm.name()];

/// Binance's public archives.
#[derive(Debug, Clone, Copy)]
pub struct Binance;

impl Provider for Binance {
    fn name(&self) -> Source {
        NAME
    }

    fn markets(&self) -> &'static [model::Market] {
        MARKETS
    }

    fn datasets(&self, market: model::Market) -> &'static [Dataset] {
        const SPOT: &[Dataset] = &[Dataset::Trades, Dataset::AggTrades, Dataset::Klines];
        if market == Market::Spot.name() { SPOT } else { archive::DATASETS }
    }

    fn only(&self, _: model::Market, dataset: Dataset) -> Option<Cadence> {
        match dataset {
            Dataset::Funding => Some(Cadence::Monthly),
            Dataset::Metrics => Some(Cadence::Daily),
            _ => None,
        }
    }

    fn takes(&self) -> Takes {
        Takes::Archives
    }

    fn tail(&self, market: model::Market, dataset: Dataset) -> Option<&'static str> {
        tail::host(market, dataset)
    }

    fn questions(&self) -> Option<&dyn Questions> {
        Some(self)
    }

    fn expected_symbol(&self, market: model::Market, symbol: &Symbol) -> Option<Cow<'static, str>> {
        Market::of(market)?.expected_symbol(symbol).map(Cow::Borrowed)
    }

    fn expiry(&self, _: model::Market, symbol: &Symbol) -> Option<i64> {
        market::expiry(symbol)
    }

    fn instrument(&self, market: model::Market, symbol: &Symbol) -> Facts {
        Market::of(market).map_or_else(Facts::default, |market| assets::facts(market, symbol))
    }

    fn where_instruments(&self, market: model::Market) -> Option<WhereInstruments> {
        Market::of(market).map(exchange_info::place)
    }

    fn instruments(&self, _: model::Market, answer: &[u8]) -> Result<Instruments, String> {
        exchange_info::read(answer)
    }

    fn survey<'a>(
        &self,
        section: &'a Section,
        ask: &'a dyn Ask,
        at_once: usize,
    ) -> Box<dyn Survey + 'a> {
        Box::new(survey::Survey::new(section, ask, at_once))
    }

    fn remote(&self, section: &Section, unit: &Unit, listed: &Listed) -> Remote {
        let odd = listed.path.as_deref();
        let path = odd.map_or_else(|| archive::path(unit).into(), Cow::from);
        let url = format!("{}/{}", section.url(), archive::url_path(&path));
        Remote {
            odd_name: odd.and_then(|odd| odd.rsplit('/').next()).map(str::to_owned),
            bytes: listed.bytes,
            etag: listed.etag.as_deref().map(str::to_owned),
            last_modified: listed.modified,
            checksum_url: (listed.checksum != Checksum::Absent).then(|| format!("{url}.CHECKSUM")),
            checksum_modified: match listed.checksum {
                Checksum::Listed(at) => at,
                Checksum::Absent | Checksum::Unknown => None,
            },
            held: None,
            url,
            until: None,
        }
    }

    fn file_name(&self, unit: &Unit) -> String {
        archive::file_name(unit)
    }

    fn unit_of(&self, market: model::Market, dataset: Dataset, name: &str) -> Option<Unit> {
        archive::parse_name(market, dataset, name)
    }

    fn packing(&self, unit: &Unit, name: &str) -> Packing {
        // a zip that is not named by the rule has a CSV that is named like it, or by the rule
        let csv = |zip: &str| zip.strip_suffix(archive::ENDING).unwrap_or(zip).to_owned() + ".csv";
        let mut names = vec![csv(name), csv(&archive::file_name(unit))];
        names.dedup();
        Packing::Zip(names)
    }

    fn form(&self, unit: &Unit) -> Option<&'static Form> {
        forms::form_of(unit)
    }
}

#[cfg(test)]
mod tests {
    use crate::Providers;

    /// What a configuration of one dataset of a market is refused for.
    fn fault(market: &str, symbol: &str, dataset: &str) -> Option<String> {
        let text = format!(
            "environment: dev\nsources:\n  binance:\n    url: https://data.binance.vision\n    markets:\n      \
             {market}:\n        symbols: [{symbol}]\n        range: {{from: 2024-01-01, to: 2024-01-02}}\n        \
             datasets: {{{dataset}}}\n"
        );
        Providers::ALL.read("lake.yaml", &text).err().map(|error| error.to_string())
    }

    #[test]
    fn tails_are_asked_for_where_there_is_an_api() {
        let check = |source: &str, tail: &str, expect: Option<&str>| {
            let key = if source == "twelvedata" { "    key: env:K\n" } else { "" };
            let market = if source == "twelvedata" { "crypto" } else { "spot" };
            let symbol = if source == "twelvedata" { "BTC_USD" } else { "BTCUSDT" };
            let text = format!(
                "environment: dev\nsources:\n  {source}:\n    url: https://data.binance.vision\n{key}    tail: \
                 {tail}\n    markets:\n      {market}:\n        symbols: [{symbol}]\n        range: {{last_days: 2}}\n        \
                 datasets: {{klines: {{timeframes: [1m]}}}}\n"
            );
            let found = Providers::ALL.read("lake.yaml", &text).err().map(|e| e.to_string());
            match expect {
                None => assert_eq!(found, None, "{tail}"),
                Some(expect) => {
                    let found = found.expect(tail);
                    assert!(found.contains(expect), "{found}");
                }
            }
        };
        check("binance", "{minutes: 1}", None);
        let all = "{minutes: 1, urls: {spot: https://x, usdm: https://y}, limits: {per_minute: 9}}";
        check("binance", all, None);
        check("binance", "{minutes: 1, urls: {coinm: https://x}}", None);
        check("binance", "{minutes: 1, datasets: [klines, agg_trades]}", None);
        let expect = "a tail of funding, of which binance is asked for none";
        check("binance", "{minutes: 1, datasets: [agg_trades, funding]}", Some(expect));
        check("binance", "{minutes: 1, limits: {per_minute: 0}}", Some("bad per_minute 0"));
        check("twelvedata", "{minutes: 1}", Some("tail of twelvedata, which takes none"));
    }

    #[test]
    fn spot_has_none_of_what_only_futures_have() {
        let check = |market: &str, symbol: &str, dataset: &str, expect: Option<&str>| {
            let found = fault(market, symbol, dataset);
            match expect {
                None => assert_eq!(found, None, "{market} {dataset}"),
                Some(expect) => {
                    let found = found.expect(dataset);
                    assert!(found.contains(expect), "{found}");
                }
            }
        };
        for dataset in ["funding", "quotes", "metrics", "mark_klines", "premium_klines"] {
            let with = if dataset.ends_with("klines") { "{timeframes: [1h]}" } else { "{}" };
            let text = format!("{dataset}: {with}");
            let told =
                format!("binance has no {dataset} of spot, expected trades, agg_trades or klines");
            check("spot", "BTCUSDT", &text, Some(&told));
            check("usdm", "BTCUSDT", &text, None);
            check("coinm", "BTCUSD_PERP", &text, None);
        }
        let expect = "mark_klines without timeframes, expected such as timeframes: [1m, 1h]";
        check("usdm", "BTCUSDT", "mark_klines: {}", Some(expect));
        let expect = "binance has monthly archives only of funding, expected archives: monthly";
        check("usdm", "BTCUSDT", "funding: {archives: daily}", Some(expect));
        check("usdm", "BTCUSDT", "funding: {archives: monthly}", None);
        let expect = "binance has daily archives only of metrics, expected archives: daily";
        check("usdm", "BTCUSDT", "metrics: {archives: monthly}", Some(expect));
    }
}

//! Binance's public archives: spot, USD-M and COIN-M futures, as daily and monthly zips of CSV with a
//! checksum file each, listed as S3 lists a bucket.
//!
//! | module | what lives there |
//! |---|---|
//! | `market` | markets, and what symbols say |
//! | [`archive`] | how archives are named |
//! | `listing` | one page of the listing, bytes to entries |
//! | `names` | what the keys of a listing mean |
//! | `survey` | what the host offers of a series |
//! | `forms`, `trades`, `agg_trades`, `klines` | what a line is, and its fast reader |

mod agg_trades;
pub mod archive;
mod forms;
mod klines;
mod listing;
mod market;
mod names;
mod survey;
mod trades;

use std::borrow::Cow;

use model::config::Section;
use model::plan::Remote;
use model::{Dataset, Source, Symbol, Unit};

pub use self::market::Market;
use crate::ask::Ask;
use crate::form::Form;
use crate::offer::{Checksum, Listed, Survey};
use crate::provider::{Packing, Provider, Takes};

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

    fn datasets(&self, _: model::Market) -> &'static [Dataset] {
        Dataset::ALL
    }

    fn takes(&self) -> Takes {
        Takes::Archives
    }

    fn expected_symbol(&self, market: model::Market, symbol: &Symbol) -> Option<Cow<'static, str>> {
        Market::of(market)?.expected_symbol(symbol).map(Cow::Borrowed)
    }

    fn expiry(&self, _: model::Market, symbol: &Symbol) -> Option<i64> {
        market::expiry(symbol)
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

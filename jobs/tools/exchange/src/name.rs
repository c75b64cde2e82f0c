//! The names of archives on the host, built and read here on their own: the exchange is the
//! second opinion on the layout that `source::binance` has of it, and a test compares the two.

use std::fmt;

use model::{Dataset, Day, Month, Period, Symbol, Timeframe};

use crate::market::Market;

/// One archive of the host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchiveName {
    /// The kind of market.
    pub market: Market,
    /// What it holds.
    pub dataset: Dataset,
    /// The symbol.
    pub symbol: Symbol,
    /// The length of a bar; `Some` exactly for bars.
    pub timeframe: Option<Timeframe>,
    /// The day or month covered.
    pub period: Period,
}

const MARKETS: [(Market, &str); 3] = [
    (Market::Spot, "data/spot/"),
    (Market::Usdm, "data/futures/um/"),
    (Market::Coinm, "data/futures/cm/"),
];

/// The folder of a dataset.
const fn folder(dataset: Dataset) -> &'static str {
    match dataset {
        Dataset::Trades => "trades",
        Dataset::AggTrades => "aggTrades",
        Dataset::Klines => "klines",
        Dataset::Funding => "fundingRate",
        Dataset::Quotes => "bookTicker",
        Dataset::Metrics => "metrics",
        Dataset::MarkKlines => "markPriceKlines",
        Dataset::IndexKlines => "indexPriceKlines",
        Dataset::PremiumKlines => "premiumIndexKlines",
        // the host has none
        other => other.as_str(),
    }
}

impl ArchiveName {
    /// The word in the file's name: `trades`, `aggTrades`, or the bar's length.
    fn kind(&self) -> &'static str {
        self.timeframe.map_or(folder(self.dataset), Timeframe::as_str)
    }

    /// The symbol in the key: an index is named by the pair.
    fn named(&self) -> &str {
        let text = self.symbol.as_str();
        match (self.dataset, text.split_once('_')) {
            (Dataset::IndexKlines, Some((pair, _))) => pair,
            _ => text,
        }
    }

    /// The file's name without its ending: `BTCUSDT-1m-2024-01-31`.
    pub fn stem(&self) -> String {
        format!("{}-{}-{}", self.named(), self.kind(), self.period)
    }

    /// The archive of a key; `None` for anything else, checksum files among it.
    pub fn parse(key: &str) -> Option<Self> {
        let (market, rest) = MARKETS
            .iter()
            .find_map(|(market, folder)| Some((*market, key.strip_prefix(folder)?)))?;
        let parts: Vec<&str> = rest.split('/').collect();
        let [cadence, word, symbol, rest @ .., file] = parts.as_slice() else { return None };
        let dataset = *Dataset::ALL.iter().find(|d| !d.tells_now() && folder(**d) == *word)?;
        let timeframe = match rest {
            [] if !dataset.has_timeframe() => None,
            [timeframe] if dataset.has_timeframe() => Some(timeframe.parse().ok()?),
            _ => return None,
        };
        // of the contracts of a pair the perpetual one stands for its index
        let symbol: Symbol = match (dataset, market) {
            (Dataset::IndexKlines, Market::Coinm) => format!("{symbol}_PERP").parse().ok()?,
            _ => symbol.parse().ok()?,
        };
        let stem = file.strip_suffix(".zip")?;
        let date_length = if *cadence == "daily" { 10 } else { 7 };
        let date = stem.get(stem.len().checked_sub(date_length)?..)?;
        let period = match *cadence {
            "daily" => Period::Day(date.parse::<Day>().ok()?),
            "monthly" => Period::Month(date.parse::<Month>().ok()?),
            _ => return None,
        };
        let name = Self { market, dataset, symbol, timeframe, period };
        (name.to_string() == key).then_some(name)
    }
}

/// The key: `data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2024-01-31.zip`.
impl fmt::Display for ArchiveName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (market, folder) in MARKETS {
            if market == self.market {
                f.write_str(folder)?;
            }
        }
        f.write_str(match self.period {
            Period::Day(_) => "daily/",
            Period::Month(_) => "monthly/",
        })?;
        write!(f, "{}/{}/", folder(self.dataset), self.named())?;
        if let Some(timeframe) = self.timeframe {
            write!(f, "{timeframe}/")?;
        }
        write!(f, "{}.zip", self.stem())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_that_the_lake_asks_for() {
        let check = |key: &str, id: &str| {
            let unit: model::Unit = id.parse().unwrap();
            let name = ArchiveName::parse(key).unwrap();
            assert_eq!(name.to_string(), key);
            assert_eq!(source::binance::archive::path(&unit), key);
            assert_eq!(source::binance::archive::parse_path(key), Some(unit));
        };
        check(
            "data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2017-08-17.zip",
            "binance/spot/klines/BTCUSDT/1m/2017-08-17",
        );
        check(
            "data/futures/um/monthly/aggTrades/BTCUSDT_250328/BTCUSDT_250328-aggTrades-2025-02.zip",
            "binance/usdm/agg_trades/BTCUSDT_250328/2025-02",
        );
        check(
            "data/futures/cm/daily/trades/BTCUSD_PERP/BTCUSD_PERP-trades-2024-01-31.zip",
            "binance/coinm/trades/BTCUSD_PERP/2024-01-31",
        );
        check(
            "data/futures/um/monthly/fundingRate/BTCUSDT/BTCUSDT-fundingRate-2024-01.zip",
            "binance/usdm/funding/BTCUSDT/2024-01",
        );
        check(
            "data/futures/cm/daily/bookTicker/BTCUSD_PERP/BTCUSD_PERP-bookTicker-2024-01-31.zip",
            "binance/coinm/quotes/BTCUSD_PERP/2024-01-31",
        );
        check(
            "data/futures/um/daily/metrics/BTCUSDT/BTCUSDT-metrics-2024-01-31.zip",
            "binance/usdm/metrics/BTCUSDT/2024-01-31",
        );
        check(
            "data/futures/um/daily/markPriceKlines/BTCUSDT/1m/BTCUSDT-1m-2024-01-31.zip",
            "binance/usdm/mark_klines/BTCUSDT/1m/2024-01-31",
        );
        check(
            "data/futures/cm/monthly/indexPriceKlines/BTCUSD/1h/BTCUSD-1h-2024-01.zip",
            "binance/coinm/index_klines/BTCUSD_PERP/1h/2024-01",
        );
        check(
            "data/futures/cm/daily/premiumIndexKlines/BTCUSD_PERP/1h/BTCUSD_PERP-1h-2024-01-31.zip",
            "binance/coinm/premium_klines/BTCUSD_PERP/1h/2024-01-31",
        );
    }

    #[test]
    fn other_keys_are_no_archives() {
        for key in [
            "data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-01.zip",
            "data/spot/daily/trades/BTCUSDT/ETHUSDT-trades-2024-01-01.zip",
            "data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-01-01.zip.CHECKSUM",
            "data/spot/hourly/trades/BTCUSDT/BTCUSDT-trades-2024-01-01.zip",
            "data/spot/daily/klines/BTCUSDT/1mo/BTCUSDT-1mo-2024-01-01.zip",
            "data/spot/daily/trades/BTCUSDT/é-01.zip",
            "data/spot/daily/trades/B/",
            "",
        ] {
            assert_eq!(ArchiveName::parse(key), None, "{key}");
        }
    }
}

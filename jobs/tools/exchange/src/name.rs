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
    /// The length of a bar; `Some` exactly for klines.
    pub timeframe: Option<Timeframe>,
    /// The day or month covered.
    pub period: Period,
}

const MARKETS: [(Market, &str); 3] = [
    (Market::Spot, "data/spot/"),
    (Market::Usdm, "data/futures/um/"),
    (Market::Coinm, "data/futures/cm/"),
];

impl ArchiveName {
    /// The word in the file's name: `trades`, `aggTrades`, or the bar's length.
    fn kind(&self) -> &'static str {
        match (self.dataset, self.timeframe) {
            (Dataset::Trades, _) => "trades",
            (Dataset::AggTrades, _) => "aggTrades",
            (Dataset::Klines, Some(timeframe)) => timeframe.as_str(),
            (Dataset::Klines, None) => "klines",
        }
    }

    /// The file's name without its ending: `BTCUSDT-1m-2024-01-31`.
    pub fn stem(&self) -> String {
        format!("{}-{}-{}", self.symbol, self.kind(), self.period)
    }

    /// The archive of a key; `None` for anything else, checksum files among it.
    pub fn parse(key: &str) -> Option<Self> {
        let (market, rest) = MARKETS
            .iter()
            .find_map(|(market, folder)| Some((*market, key.strip_prefix(folder)?)))?;
        let parts: Vec<&str> = rest.split('/').collect();
        let (head, timeframe, file) = match parts.as_slice() {
            [a, "klines", symbol, timeframe, file] => {
                ((a, Dataset::Klines, symbol), Some(timeframe.parse().ok()?), file)
            }
            [a, "trades", symbol, file] => ((a, Dataset::Trades, symbol), None, file),
            [a, "aggTrades", symbol, file] => ((a, Dataset::AggTrades, symbol), None, file),
            _ => return None,
        };
        let (cadence, dataset, symbol) = head;
        let symbol: Symbol = symbol.parse().ok()?;
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
        f.write_str(match self.dataset {
            Dataset::Trades => "trades/",
            Dataset::AggTrades => "aggTrades/",
            Dataset::Klines => "klines/",
        })?;
        write!(f, "{}/", self.symbol)?;
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

//! The stocks, pairs and coins that the REST servers know, apart from Binance's symbols.

/// What kind of thing is traded, and so when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// In New York's sessions.
    Stock,
    /// From Sunday to Friday, 17:00 in New York.
    Forex,
    /// Always.
    Crypto,
}

/// Something that is traded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asset {
    /// `AAPL`, `EUR/USD`.
    pub(super) symbol: &'static str,
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// `NASDAQ`; nothing for forex.
    pub(super) exchange: &'static str,
    /// The market identifier code; stocks only.
    pub(super) mic: &'static str,
    /// The price around which it moves, as of the last split, in units of 1e-8.
    pub(super) price: i64,
    /// Decimals of its prices.
    pub(super) decimals: u8,
    /// Day of the split and how many shares one became, latest first.
    pub(super) splits: &'static [(&'static str, i64)],
}

const fn stock(
    symbol: &'static str,
    name: &'static str,
    exchange: &'static str,
    dollars: i64,
    splits: &'static [(&'static str, i64)],
) -> Asset {
    // one letter tells the two exchanges apart
    let mic = if matches!(exchange.as_bytes(), [b'N', b'A', ..]) { "XNGS" } else { "XNYS" };
    let price = dollars * 100_000_000;
    Asset { symbol, name, kind: Kind::Stock, exchange, mic, price, decimals: 4, splits }
}

const fn pair(symbol: &'static str, kind: Kind, price: i64, decimals: u8) -> Asset {
    let exchange = if matches!(kind, Kind::Crypto) { "Coinbase Pro" } else { "" };
    Asset { symbol, name: "", kind, exchange, mic: "", price, decimals, splits: &[] }
}

pub(super) const ASSETS: &[Asset] = &[
    stock("AAPL", "Apple Inc", "NASDAQ", 190, &[("2020-08-31", 4), ("2014-06-09", 7)]),
    stock("AMZN", "Amazon.com Inc", "NASDAQ", 180, &[("2022-06-06", 20)]),
    stock("BRK.B", "Berkshire Hathaway Inc", "NYSE", 410, &[("2010-01-21", 50)]),
    stock("GOOGL", "Alphabet Inc", "NASDAQ", 165, &[("2022-07-18", 20)]),
    stock("IBM", "International Business Machines", "NYSE", 218, &[]),
    stock("JPM", "JPMorgan Chase & Co", "NYSE", 200, &[]),
    stock("MSFT", "Microsoft Corporation", "NASDAQ", 410, &[]),
    stock("NVDA", "NVIDIA Corporation", "NASDAQ", 120, &[("2024-06-10", 10), ("2021-07-20", 4)]),
    stock("TSLA", "Tesla Inc", "NASDAQ", 220, &[("2022-08-25", 3), ("2020-08-31", 5)]),
    pair("AUD/USD", Kind::Forex, 66_000_000, 5),
    pair("EUR/GBP", Kind::Forex, 85_000_000, 5),
    pair("EUR/USD", Kind::Forex, 108_000_000, 5),
    pair("GBP/USD", Kind::Forex, 127_000_000, 5),
    pair("USD/CHF", Kind::Forex, 88_000_000, 5),
    pair("USD/JPY", Kind::Forex, 15_000_000_000, 3),
    pair("BTC/EUR", Kind::Crypto, 8_800_000_000_000, 2),
    pair("BTC/USD", Kind::Crypto, 9_600_000_000_000, 2),
    pair("ETH/USD", Kind::Crypto, 340_000_000_000, 2),
    pair("SOL/USD", Kind::Crypto, 19_000_000_000, 2),
];

/// The asset of a symbol, in whatever case.
pub(super) fn find(symbol: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.symbol.eq_ignore_ascii_case(symbol))
}

impl Asset {
    /// The two sides of a pair; a stock has one.
    pub(super) fn sides(&self) -> (&'static str, &'static str) {
        self.symbol.split_once('/').unwrap_or((self.symbol, ""))
    }
}

/// A currency's name as Twelve Data has it.
pub(super) fn currency_name(code: &str) -> &'static str {
    match code {
        "AUD" => "Australian Dollar",
        "BTC" => "Bitcoin",
        "CHF" => "Swiss Franc",
        "ETH" => "Ethereum",
        "EUR" => "Euro",
        "GBP" => "British Pound",
        "JPY" => "Japanese Yen",
        "SOL" => "Solana",
        _ => "US Dollar",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_is_whole() {
        for asset in ASSETS {
            assert_eq!(find(&asset.symbol.to_lowercase()), Some(asset));
            assert_eq!(asset.kind != Kind::Stock, asset.symbol.contains('/'), "{}", asset.symbol);
            assert_eq!(asset.mic.is_empty(), asset.kind != Kind::Stock, "{}", asset.symbol);
            assert!(asset.splits.iter().all(|(day, _)| day.parse::<model::Day>().is_ok()));
        }
        assert_eq!(find("BRK.B").map(|a| (a.exchange, a.mic)), Some(("NYSE", "XNYS")));
        assert_eq!(find("AAPL").map(|a| (a.exchange, a.mic)), Some(("NASDAQ", "XNGS")));
        assert_eq!(find("NOPE"), None);
    }
}

//! What a symbol says is priced, and in what. The exchange writes both together (`BTCUSDT`), so the
//! second one is known only where it is one of those that the exchange has had. Other symbols say
//! nothing: nothing is guessed.

use model::Symbol;
use model::instrument::Facts;

use super::Market;
use crate::currency::currency;

/// What prices of spot have been counted in. None ends like another: a symbol is parted in one way.
const SPOT: &[&str] = &[
    "ARS", "AUD", "BIDR", "BKRW", "BNB", "BRL", "BTC", "BUSD", "BVND", "COP", "CZK", "DAI", "DOGE",
    "DOT", "ETH", "EUR", "EURI", "FDUSD", "GBP", "IDRT", "JPY", "MXN", "NGN", "PAX", "PLN", "RON",
    "RUB", "SOL", "TRX", "TRY", "TUSD", "UAH", "USD1", "USDC", "USDP", "USDS", "USDT", "UST",
    "VAI", "XRP", "ZAR",
];
/// The same of USD-M futures.
const USDM: &[&str] = &["BTC", "BUSD", "FDUSD", "USDC", "USDT"];
/// The same of COIN-M futures.
const COINM: &[&str] = &["USD"];

/// What a symbol says of its instrument.
pub(super) fn facts(market: Market, symbol: &Symbol) -> Facts {
    let time_zone = Some("UTC".to_owned());
    // of a contract what stands before its end: `BTCUSD_PERP`, `BTCUSDT_250328`
    let pair = symbol.as_str().split_once('_').map_or(symbol.as_str(), |(pair, _)| pair);
    let Some((base, quote)) = parted(market, pair) else {
        return Facts { time_zone, ..Facts::default() };
    };
    Facts {
        base: Some(base.to_owned()),
        quote: Some(quote.to_owned()),
        currency: currency(quote).map(str::to_owned),
        time_zone,
        ..Facts::default()
    }
}

/// Base and quote of a pair; `None` where no known asset is its quote.
fn parted(market: Market, pair: &str) -> Option<(&str, &'static str)> {
    let known = match market {
        Market::Spot => SPOT,
        Market::Usdm => USDM,
        Market::Coinm => COINM,
    };
    known
        .iter()
        .find_map(|quote| Some((pair.strip_suffix(quote).filter(|base| !base.is_empty())?, *quote)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_parted_where_the_quote_is_known() {
        let check = |market: Market, symbol: &str, expect: [&str; 3]| {
            let facts = facts(market, &symbol.parse().expect(symbol));
            let found = [facts.base, facts.quote, facts.currency].map(Option::unwrap_or_default);
            assert_eq!(found, expect, "{symbol}");
            assert_eq!(facts.time_zone.as_deref(), Some("UTC"));
        };
        check(Market::Spot, "BTCUSDT", ["BTC", "USDT", ""]);
        check(Market::Spot, "ETHBTC", ["ETH", "BTC", ""]);
        check(Market::Spot, "BTCEUR", ["BTC", "EUR", "EUR"]);
        check(Market::Spot, "BTCTUSD", ["BTC", "TUSD", ""]);
        check(Market::Spot, "USDCUSDT", ["USDC", "USDT", ""]);
        check(Market::Spot, "币安人生USDT", ["币安人生", "USDT", ""]);
        check(Market::Spot, "ADABKRW", ["ADA", "BKRW", ""]);
        check(Market::Spot, "ADAEUR", ["ADA", "EUR", "EUR"]);
        check(Market::Spot, "USDT", ["", "", ""]);
        check(Market::Spot, "BTCXYZ", ["", "", ""]);
        check(Market::Usdm, "1000SHIBUSDT", ["1000SHIB", "USDT", ""]);
        check(Market::Usdm, "BTCUSDT_250328", ["BTC", "USDT", ""]);
        check(Market::Usdm, "ETHBTC", ["ETH", "BTC", ""]);
        check(Market::Coinm, "BTCUSD_PERP", ["BTC", "USD", "USD"]);
        check(Market::Coinm, "BTCUSD_210625", ["BTC", "USD", "USD"]);
    }

    #[test]
    fn no_quote_ends_like_another() {
        for quotes in [SPOT, USDM, COINM] {
            for quote in quotes {
                let alike = quotes.iter().filter(|other| other.ends_with(quote)).count();
                assert_eq!(alike, 1, "{quote}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_parted_is_the_whole(text in r"[A-Z0-9]{1,30}") {
            for market in Market::ALL {
                if let Some((base, quote)) = parted(market, &text) {
                    proptest::prop_assert_eq!(format!("{base}{quote}"), text.clone());
                }
            }
        }
    }
}

//! The markets of the exchange, and what symbols say in each.

use model::{Day, Symbol};

/// When dated contracts are delivered, in µs after midnight UTC: 08:00.
const DELIVERY_MICROS: i64 = 8 * 3_600_000_000;

/// A market of the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Market {
    /// Spot: quantities in the base asset.
    Spot,
    /// USD-margined futures: quantities in the base asset.
    Usdm,
    /// Coin-margined futures: quantities in contracts.
    Coinm,
}

impl Market {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Spot, Self::Usdm, Self::Coinm];

    /// Its name in the lake.
    pub const fn name(self) -> model::Market {
        match self {
            Self::Spot => model::Market::new("spot"),
            Self::Usdm => model::Market::new("usdm"),
            Self::Coinm => model::Market::new("coinm"),
        }
    }

    /// The market of a name.
    pub fn of(name: model::Market) -> Option<Self> {
        Self::ALL.into_iter().find(|market| market.name() == name)
    }

    /// What a symbol looks like, where this one does not. Spot knows no `_`; COIN-M always has one
    /// (`BTCUSD_PERP`); USD-M has one for dated contracts only (`BTCUSDT_250328`).
    pub(super) fn expected_symbol(self, symbol: &Symbol) -> Option<&'static str> {
        let text = symbol.as_str();
        let is_contract = text.contains('_');
        let fits = match self {
            Self::Spot => !is_contract,
            Self::Usdm => true,
            Self::Coinm => is_contract,
        };
        // six digits are a day of delivery
        if fits && date(text).is_some_and(|date| delivery(date).is_none()) {
            return Some(match self {
                Self::Coinm => "a contract with a day of delivery, such as BTCUSD_250328",
                Self::Spot | Self::Usdm => {
                    "a contract with a day of delivery, such as BTCUSDT_250328"
                }
            });
        }
        if fits && !text.contains('.') && text.chars().nth(1).is_some() {
            return None;
        }
        Some(match self {
            Self::Coinm => "a contract such as BTCUSD_PERP or BTCUSD_250328",
            Self::Spot | Self::Usdm => "a pair such as BTCUSDT",
        })
    }
}

/// When a contract ends by its name: a dated one (`BTCUSD_210625`, `BTCUSDT_230331`) is delivered at
/// 08:00 UTC on that day. In µs since the epoch, the first instant after its last trade; `None` for
/// what has no date.
pub(super) fn expiry(symbol: &Symbol) -> Option<i64> {
    Some(delivery(date(symbol.as_str())?)?.start_micros() + DELIVERY_MICROS)
}

/// The six digits at the end of a dated contract's symbol.
fn date(symbol: &str) -> Option<&str> {
    let (_, date) = symbol.rsplit_once('_')?;
    (date.len() == 6 && date.bytes().all(|b| b.is_ascii_digit())).then_some(date)
}

/// The day that six digits are.
fn delivery(date: &str) -> Option<Day> {
    format!("20{}-{}-{}", &date[..2], &date[2..4], &date[4..]).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_have_the_form_of_their_market() {
        let check = |text: &str, expect: [bool; 3]| {
            let symbol: Symbol = text.parse().expect(text);
            let fits = Market::ALL.map(|market| market.expected_symbol(&symbol).is_none());
            assert_eq!(fits, expect, "{text}");
        };
        check("BTCUSDT", [true, true, false]);
        check("1000SHIBUSDT", [true, true, false]);
        check("BTCUSD_PERP", [false, true, true]);
        check("币安人生USDT", [true, true, false]);
        check("BTCUSDT_250328", [false, true, true]);
        check("币USDT_250328", [false, true, true]);
        check("BTCUSD_251328", [false, false, false]);
        check("BTCUSDT_SETTLED", [false, true, true]);
        check("BRK.B", [false, false, false]);
        check("币", [false, false, false]);
    }

    #[test]
    fn what_was_expected_of_a_contract_is_told() {
        let symbol: Symbol = "BTCUSD_251328".parse().expect("symbol");
        let told = |market: Market| market.expected_symbol(&symbol).unwrap_or_default();
        assert_eq!(told(Market::Coinm), "a contract with a day of delivery, such as BTCUSD_250328");
        assert_eq!(told(Market::Usdm), "a contract with a day of delivery, such as BTCUSDT_250328");
        assert_eq!(told(Market::Spot), "a pair such as BTCUSDT");
    }

    #[test]
    fn names_read_back() {
        for market in Market::ALL {
            assert_eq!(Market::of(market.name()), Some(market));
        }
        assert_eq!(Market::of(model::Market::new("stocks")), None);
    }

    #[test]
    fn dated_contracts_expire_at_eight() {
        let check = |text: &str, expect: Option<&str>| {
            let symbol: Symbol = text.parse().expect(text);
            let expect = expect.map(|time| {
                chrono::DateTime::parse_from_rfc3339(time).expect(time).timestamp_micros()
            });
            assert_eq!(expiry(&symbol), expect, "{text}");
        };
        check("BTCUSD_210625", Some("2021-06-25T08:00:00Z"));
        check("BTCUSDT_230331", Some("2023-03-31T08:00:00Z"));
        check("币USDT_230331", Some("2023-03-31T08:00:00Z"));
        check("BTCUSD_PERP", None);
        check("BTCUSDT", None);
        // no date, or none in the calendar
        check("BTCUSD_2106", None);
        check("BTCUSD_211325", None);
        check("BTCUSD_230229", None);
        check("BTC210625", None);
    }

    proptest::proptest! {
        #[test]
        fn no_symbol_makes_it_panic(text in r"[A-Z0-9_.\PC]{1,30}") {
            if let Ok(symbol) = text.parse::<Symbol>() {
                let _ = (expiry(&symbol), Market::ALL.map(|m| m.expected_symbol(&symbol)));
            }
        }
    }
}

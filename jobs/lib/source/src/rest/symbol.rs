//! Symbols of stocks, forex and crypto: as the lake writes them and as the providers do. Whether
//! a provider has one is not known here.

use std::borrow::Cow;
use std::fmt;

use model::Symbol;
use model::decimal::Decimal;
use model::instrument::{Facts, PriceBounds};

use crate::calendar::Calendar;
use crate::currency::currency;

/// The kind of market a symbol belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Shares of US companies: `AAPL`, `BRK.B`.
    Stocks,
    /// Pairs of national currencies, six letters in the lake: `EURUSD`.
    Forex,
    /// Pairs with a coin, parted by `_` in the lake: `BTC_USD`.
    Crypto,
}

impl Kind {
    /// When such markets are open.
    pub const fn calendar(self) -> Calendar {
        match self {
            Self::Stocks => Calendar::Nyse,
            Self::Forex => Calendar::Forex,
            Self::Crypto => Calendar::Always,
        }
    }

    /// What a symbol of the lake says of its instrument. Such providers have the shares of US companies,
    /// in dollars.
    pub fn facts(self, symbol: &Symbol) -> Facts {
        let calendar = self.calendar();
        let time_zone = Some(calendar.time_zone().to_owned());
        if self == Self::Stocks {
            let dollars = || Some("USD".to_owned());
            return Facts { quote: dollars(), currency: dollars(), time_zone, ..Facts::default() };
        }
        let Ok(Pair { base, quote }) = Pair::of_lake(self, symbol.as_str()) else {
            return Facts { time_zone, ..Facts::default() };
        };
        let currency = currency(&quote).map(str::to_owned);
        Facts { base: Some(base), quote: Some(quote), currency, time_zone, ..Facts::default() }
    }

    /// Between which prices instruments of this kind lie.
    pub fn price_bounds(self) -> PriceBounds {
        match self {
            // a cent, and a million: the dearest share that there is costs less
            Self::Stocks => PriceBounds {
                min: Decimal::of_units(1_000_000),
                max: Decimal::of_units(100_000_000_000_000),
            },
            Self::Forex | Self::Crypto => PriceBounds::default(),
        }
    }

    /// The word for this kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stocks => "stocks",
            Self::Forex => "forex",
            Self::Crypto => "crypto",
        }
    }

    const fn expected(self) -> &'static str {
        match self {
            Self::Stocks => {
                "1 to 5 capital letters, for a class of shares `.` and 1 or 2 more, \
                             such as AAPL or BRK.B"
            }
            Self::Forex => "two currencies of 3 capital letters, such as EURUSD",
            Self::Crypto => "two of 1 to 15 capital letters or digits, such as BTC_USD",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What is priced, and what it is priced in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// What is priced, such as `EUR` or `BTC`.
    pub base: String,
    /// What the price counts, such as `USD`.
    pub quote: String,
}

/// A text that is no symbol of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bad symbol `{}` of {kind}, expected {}", found.escape_debug(), kind.expected())]
pub struct BadSymbol {
    /// The text found.
    pub found: String,
    /// The kind it should be of.
    pub kind: Kind,
}

impl Pair {
    /// The pair of a symbol of the lake: `EURUSD` or `BTC_USD`.
    ///
    /// # Errors
    /// [`BadSymbol`] for stocks, which have none, and for what has not the form of its kind.
    pub fn of_lake(kind: Kind, symbol: &str) -> Result<Self, BadSymbol> {
        let parts = match kind {
            Kind::Stocks => None,
            Kind::Forex => symbol.split_at_checked(3),
            Kind::Crypto => symbol.split_once('_'),
        };
        Self::checked(kind, symbol, parts)
    }

    /// The pair of a symbol as providers write it: `EUR/USD` or `BTC/USD`.
    ///
    /// # Errors
    /// As [`Self::of_lake`].
    pub fn of_slashed(kind: Kind, symbol: &str) -> Result<Self, BadSymbol> {
        let parts = if kind == Kind::Stocks { None } else { symbol.split_once('/') };
        Self::checked(kind, symbol, parts)
    }

    fn checked(kind: Kind, found: &str, parts: Option<(&str, &str)>) -> Result<Self, BadSymbol> {
        let fits = |part: &str| match kind {
            Kind::Stocks => false,
            Kind::Forex => part.len() == 3 && part.bytes().all(|b| b.is_ascii_uppercase()),
            Kind::Crypto => {
                matches!(part.len(), 1..=15)
                    && part.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
            }
        };
        match parts {
            Some((base, quote)) if fits(base) && fits(quote) && base != quote => {
                Ok(Self { base: base.to_owned(), quote: quote.to_owned() })
            }
            _ => Err(BadSymbol { found: found.to_owned(), kind }),
        }
    }
}

/// Whether a text has the form of a US stock's symbol: 1 to 5 capital letters, and for a class of
/// shares `.` and one or two more.
pub fn is_stock(symbol: &str) -> bool {
    let capitals = |text: &str, most: usize| {
        (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase())
    };
    match symbol.split_once('.') {
        None => capitals(symbol, 5),
        Some((company, class)) => capitals(company, 5) && capitals(class, 2),
    }
}

/// A symbol of the lake as providers with a slash write it: `EURUSD` is `EUR/USD`, `BTC_USD` is
/// `BTC/USD`, a stock stays as it is.
///
/// # Errors
/// [`BadSymbol`] for what has not the form of its kind.
pub fn to_provider(kind: Kind, symbol: &str) -> Result<String, BadSymbol> {
    if kind == Kind::Stocks {
        return stock(symbol);
    }
    let Pair { base, quote } = Pair::of_lake(kind, symbol)?;
    Ok(format!("{base}/{quote}"))
}

/// The way back of [`to_provider`].
///
/// # Errors
/// [`BadSymbol`] for what has not the form of its kind.
pub fn of_provider(kind: Kind, symbol: &str) -> Result<String, BadSymbol> {
    if kind == Kind::Stocks {
        return stock(symbol);
    }
    let Pair { base, quote } = Pair::of_slashed(kind, symbol)?;
    Ok(if kind == Kind::Forex { format!("{base}{quote}") } else { format!("{base}_{quote}") })
}

/// What a symbol of a kind looks like, where this one does not.
pub(crate) fn expected_symbol(kind: Kind, symbol: &Symbol) -> Option<Cow<'static, str>> {
    to_provider(kind, symbol.as_str()).is_err().then(|| Cow::Borrowed(kind.expected()))
}

fn stock(symbol: &str) -> Result<String, BadSymbol> {
    if is_stock(symbol) {
        return Ok(symbol.to_owned());
    }
    Err(BadSymbol { found: symbol.to_owned(), kind: Kind::Stocks })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_go_there_and_back() {
        let check = |kind: Kind, lake: &str, expect: Option<&str>| {
            let found = to_provider(kind, lake);
            assert_eq!(found.as_deref().ok(), expect, "{lake}");
            if let Ok(slashed) = found {
                assert_eq!(of_provider(kind, &slashed).as_deref(), Ok(lake));
            }
        };
        check(Kind::Stocks, "A", Some("A"));
        check(Kind::Stocks, "AAPL", Some("AAPL"));
        check(Kind::Stocks, "GOOGL", Some("GOOGL"));
        check(Kind::Stocks, "BRK.B", Some("BRK.B"));
        check(Kind::Stocks, "ABCDEF", None);
        check(Kind::Stocks, "aapl", None);
        check(Kind::Stocks, "BRK.", None);
        check(Kind::Stocks, ".B", None);
        check(Kind::Stocks, "BRK.B.C", None);
        check(Kind::Stocks, "BRK-B", None);
        check(Kind::Stocks, "AAPL,MSFT", None);
        check(Kind::Stocks, "", None);
        check(Kind::Forex, "EURUSD", Some("EUR/USD"));
        check(Kind::Forex, "EUR_USD", None);
        check(Kind::Forex, "EURUSDT", None);
        check(Kind::Forex, "USDUSD", None);
        check(Kind::Forex, "ÄURUSD", None);
        check(Kind::Crypto, "BTC_USD", Some("BTC/USD"));
        check(Kind::Crypto, "1INCH_USDT", Some("1INCH/USDT"));
        check(Kind::Crypto, "BTCUSD", None);
        check(Kind::Crypto, "BTC_USD_PERP", None);
        check(Kind::Crypto, "_USD", None);
    }

    #[test]
    fn symbols_say_what_is_priced_and_in_what() {
        let check = |kind: Kind, symbol: &str, expect: [&str; 4]| {
            let facts = kind.facts(&symbol.parse().expect(symbol));
            let found = [facts.base, facts.quote, facts.currency, facts.time_zone];
            assert_eq!(found.map(Option::unwrap_or_default), expect, "{symbol}");
        };
        check(Kind::Stocks, "BRK.B", ["", "USD", "USD", "America/New_York"]);
        check(Kind::Forex, "EURUSD", ["EUR", "USD", "USD", "America/New_York"]);
        check(Kind::Forex, "USDJPY", ["USD", "JPY", "JPY", "America/New_York"]);
        check(Kind::Crypto, "BTC_USD", ["BTC", "USD", "USD", "UTC"]);
        check(Kind::Crypto, "1INCH_USDT", ["1INCH", "USDT", "", "UTC"]);
        check(Kind::Crypto, "BTCUSD", ["", "", "", "UTC"]);
        let bounds =
            [Kind::Stocks, Kind::Forex, Kind::Crypto].map(|k| k.price_bounds().to_string());
        assert_eq!(bounds, ["0.01..1000000", "..", ".."]);
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let error = of_provider(Kind::Forex, "EURUSD").expect_err("no slash").to_string();
        assert_eq!(
            error,
            "bad symbol `EURUSD` of forex, expected two currencies of 3 capital letters, such as EURUSD"
        );
        let error = to_provider(Kind::Stocks, "A\n").expect_err("a line end").to_string();
        assert!(
            error.starts_with("bad symbol `A\\n` of stocks, expected 1 to 5 capital"),
            "{error}"
        );
    }
}

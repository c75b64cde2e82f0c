//! The name of an instrument, and what it says of itself. Not whether a source has it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::market::Market;
use crate::period::Day;

/// When dated contracts are delivered, in µs after midnight UTC: 08:00.
const DELIVERY_MICROS: i64 = 8 * 3_600_000_000;

/// The name of an instrument at its source, as the source writes it: `BTCUSDT`, `BTCUSD_PERP`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Symbol(String);

/// A symbol that its source could not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "bad symbol `{found}`: expected 2 to 30 of A-Z, 0-9 and `_`, such as BTCUSDT or BTCUSD_PERP"
)]
pub struct BadSymbol {
    /// The text found.
    pub found: String,
}

impl Symbol {
    /// The symbol as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this symbol has the form that `market` uses. Spot knows no `_`; COIN-M always
    /// has one (`BTCUSD_PERP`); USD-M has one for dated contracts only (`BTCUSDT_250328`).
    pub fn fits(&self, market: Market) -> bool {
        match market {
            Market::Spot => !self.0.contains('_'),
            Market::Usdm => true,
            Market::Coinm => self.0.contains('_'),
        }
    }

    /// When the contract ends by its name: a dated one (`BTCUSD_210625`, `BTCUSDT_230331`) is
    /// delivered at 08:00 UTC on that day. In µs since the epoch, the first instant after its last
    /// trade; `None` for what has no date.
    pub fn expiry(&self) -> Option<i64> {
        let (_, date) = self.0.rsplit_once('_')?;
        if date.len() != 6 || !date.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let day: Day = format!("20{}-{}-{}", &date[..2], &date[2..4], &date[4..]).parse().ok()?;
        Some(day.start_micros() + DELIVERY_MICROS)
    }
}

impl FromStr for Symbol {
    type Err = BadSymbol;

    fn from_str(text: &str) -> Result<Self, BadSymbol> {
        let ok = (2..=30).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
            && !text.starts_with('_')
            && !text.ends_with('_');
        if ok { Ok(Self(text.to_owned())) } else { Err(BadSymbol { found: text.to_owned() }) }
    }
}

impl TryFrom<String> for Symbol {
    type Error = BadSymbol;

    fn try_from(text: String) -> Result<Self, BadSymbol> {
        text.parse()
    }
}

impl From<Symbol> for String {
    fn from(symbol: Symbol) -> Self {
        symbol.0
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_have_the_form_of_their_market() {
        let check = |text: &str, expect: Option<[bool; 3]>| {
            let fits = text
                .parse::<Symbol>()
                .ok()
                .map(|s| [s.fits(Market::Spot), s.fits(Market::Usdm), s.fits(Market::Coinm)]);
            assert_eq!(fits, expect, "{text}");
        };
        check("BTCUSDT", Some([true, true, false]));
        check("1000SHIBUSDT", Some([true, true, false]));
        check("BTCUSD_PERP", Some([false, true, true]));
        check("btcusdt", None);
        check("BTC/USDT", None);
        check("", None);
        check("_BTC", None);
    }

    #[test]
    fn dated_contracts_expire_at_eight() {
        let check = |text: &str, expect: Option<&str>| {
            let symbol: Symbol = text.parse().expect(text);
            let expect = expect.map(|time| {
                chrono::DateTime::parse_from_rfc3339(time).expect(time).timestamp_micros()
            });
            assert_eq!(symbol.expiry(), expect, "{text}");
        };
        check("BTCUSD_210625", Some("2021-06-25T08:00:00Z"));
        check("BTCUSDT_230331", Some("2023-03-31T08:00:00Z"));
        check("BTCUSD_PERP", None);
        check("BTCUSDT", None);
        // no date, or none in the calendar
        check("BTCUSD_2106", None);
        check("BTCUSD_211325", None);
        check("BTCUSD_230229", None);
        check("BTC210625", None);
    }
}

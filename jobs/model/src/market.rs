//! Source, market, dataset, timeframe and symbol: the words every other module is built from.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::words::words;

/// A word that belongs to none of a closed set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{found}`, expected one of {}", .expected.join(", "))]
pub struct UnknownWord {
    /// What kind of word was wanted, such as `market`.
    pub what: &'static str,
    /// The word found.
    pub found: String,
    /// The words that would have done.
    pub expected: &'static [&'static str],
}

words! {
    /// The provider of data.
    Source, "source" {
        /// Binance's public archives.
        Binance = "binance",
    }
}

words! {
    /// The kind of market.
    Market, "market" {
        /// Spot: quantities in the base asset.
        Spot = "spot",
        /// USD-margined futures: quantities in the base asset.
        Usdm = "usdm",
        /// Coin-margined futures: quantities in contracts.
        Coinm = "coinm",
    }
}

words! {
    /// What an archive holds.
    Dataset, "dataset" {
        /// Single trades.
        Trades = "trades",
        /// Trades of one taker order at one price, aggregated by the exchange.
        AggTrades = "agg_trades",
        /// The exchange's own bars.
        Klines = "klines",
    }
}

impl Dataset {
    /// Whether archives of this dataset come per timeframe.
    pub const fn has_timeframe(self) -> bool {
        matches!(self, Self::Klines)
    }
}

words! {
    /// The length of a bar.
    Timeframe, "timeframe" {
        /// One second.
        S1 = "1s",
        /// One minute.
        M1 = "1m",
        /// Three minutes.
        M3 = "3m",
        /// Five minutes.
        M5 = "5m",
        /// Fifteen minutes.
        M15 = "15m",
        /// Thirty minutes.
        M30 = "30m",
        /// One hour.
        H1 = "1h",
        /// Two hours.
        H2 = "2h",
        /// Four hours.
        H4 = "4h",
        /// Six hours.
        H6 = "6h",
        /// Eight hours.
        H8 = "8h",
        /// Twelve hours.
        H12 = "12h",
        /// One day, from 00:00 UTC.
        D1 = "1d",
    }
}

impl Timeframe {
    /// The timeframes of `gold.bars`, shortest first.
    pub const GOLD: &'static [Self] =
        &[Self::M1, Self::M5, Self::M15, Self::H1, Self::H4, Self::D1];

    /// Length in microseconds.
    pub const fn micros(self) -> i64 {
        let seconds = match self {
            Self::S1 => 1,
            Self::M1 => 60,
            Self::M3 => 180,
            Self::M5 => 300,
            Self::M15 => 900,
            Self::M30 => 1_800,
            Self::H1 => 3_600,
            Self::H2 => 7_200,
            Self::H4 => 14_400,
            Self::H6 => 21_600,
            Self::H8 => 28_800,
            Self::H12 => 43_200,
            Self::D1 => 86_400,
        };
        seconds * 1_000_000
    }
}

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
    fn words_read_back() {
        for market in Market::ALL {
            assert_eq!(market.as_str().parse::<Market>().as_ref(), Ok(market));
        }
        let error = "futures".parse::<Market>().expect_err("not a market");
        assert_eq!(
            error.to_string(),
            "unknown market `futures`, expected one of spot, usdm, coinm"
        );
    }

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
    fn gold_timeframes_divide_the_day() {
        for t in Timeframe::GOLD {
            assert_eq!(Timeframe::D1.micros() % t.micros(), 0, "{t}");
        }
    }
}

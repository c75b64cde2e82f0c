//! A unit is one archive: (source, market, dataset, symbol, timeframe, period); and the raw object
//! that the lake holds of it.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::market::{Dataset, Market, Source, Timeframe};
use crate::period::Period;
use crate::symbol::Symbol;

/// One archive of one source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "UnitId", into = "UnitId")]
pub struct Unit {
    /// The provider.
    pub source: Source,
    /// The kind of market.
    pub market: Market,
    /// What the archive holds.
    pub dataset: Dataset,
    /// The instrument.
    pub symbol: Symbol,
    /// The bar length; `Some` exactly for bars.
    pub timeframe: Option<Timeframe>,
    /// The day or month covered.
    pub period: Period,
}

/// A unit's id: `binance/spot/klines/BTCUSDT/1h/2024-01`. The same words as the unit, as text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnitId(String);

/// A text that is no unit id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "bad unit id `{found}`, expected source/market/dataset/symbol/[timeframe/]period \
     such as venue/spot/klines/BTCUSDT/1h/2024-01"
)]
pub struct BadUnitId {
    /// The text found.
    pub found: String,
}

impl Unit {
    /// The id.
    pub fn id(&self) -> UnitId {
        UnitId(self.to_string())
    }

    /// The series this unit is a piece of: everything but the period,
    /// `binance/spot/klines/BTCUSDT/1h`.
    pub fn series(&self) -> String {
        self.words(Some(&self.symbol))
    }

    /// What is asked of its source, whatever the symbol and the period: `binance/spot/klines/1h`.
    pub fn function(&self) -> String {
        self.words(None)
    }

    /// Everything but the period, with or without the symbol.
    fn words(&self, symbol: Option<&Symbol>) -> String {
        let Self { source, market, dataset, timeframe, .. } = self;
        let head = [source.as_str(), market.as_str(), dataset.as_str()].map(Some);
        let tail = [symbol.map(Symbol::as_str), timeframe.map(Timeframe::as_str)];
        head.into_iter().chain(tail).flatten().collect::<Vec<_>>().join("/")
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.series(), self.period)
    }
}

impl FromStr for Unit {
    type Err = BadUnitId;

    fn from_str(text: &str) -> Result<Self, BadUnitId> {
        let bad = || BadUnitId { found: text.to_owned() };
        let parts: Vec<&str> = text.split('/').collect();
        let (head, timeframe, period) = match parts.as_slice() {
            [head @ .., timeframe, period] if head.len() == 4 => (head, Some(*timeframe), period),
            [head @ .., period] if head.len() == 4 => (head, None, period),
            _ => return Err(bad()),
        };
        let unit = Self {
            source: head[0].parse().map_err(|_| bad())?,
            market: head[1].parse().map_err(|_| bad())?,
            dataset: head[2].parse().map_err(|_| bad())?,
            symbol: head[3].parse().map_err(|_| bad())?,
            timeframe: timeframe.map(str::parse).transpose().map_err(|_| bad())?,
            period: period.parse().map_err(|_| bad())?,
        };
        if unit.timeframe.is_some() == unit.dataset.has_timeframe() { Ok(unit) } else { Err(bad()) }
    }
}

impl UnitId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Sixteen hexadecimal digits that stand for this id in file names.
    pub fn short(&self) -> String {
        short_hash(&self.0)
    }
}

impl fmt::Display for UnitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<UnitId> for Unit {
    type Error = BadUnitId;

    fn try_from(id: UnitId) -> Result<Self, BadUnitId> {
        id.0.parse()
    }
}

impl From<Unit> for UnitId {
    fn from(unit: Unit) -> Self {
        unit.id()
    }
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The SHA-256 of `bytes` as 64 lower-case hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The first sixteen hexadecimal digits of the SHA-256 of `text`.
pub fn short_hash(text: &str) -> String {
    let mut hex = sha256_hex(text.as_bytes());
    hex.truncate(16);
    hex
}

/// A raw object in the lake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawArchive {
    /// Its key in the lake.
    pub object: String,
    /// SHA-256 of its bytes, lower-case hexadecimal.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
    /// When it was fetched: rows more than a day later are flagged.
    pub fetched_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back() {
        let check = |text: &str, ok: bool| {
            let unit = text.parse::<Unit>();
            assert_eq!(unit.as_ref().map(ToString::to_string).ok().as_deref(), ok.then_some(text));
        };
        check("binance/spot/klines/BTCUSDT/1h/2024-01", true);
        check("binance/usdm/trades/BTCUSDT/2024-01-02", true);
        check("binance/coinm/agg_trades/BTCUSD_PERP/2024-01-02", true);
        check("binance/coinm/index_klines/BTCUSD_PERP/1m/2024-01-02", true);
        check("binance/usdm/funding/BTCUSDT/2024-01", true);
        check("binance/usdm/mark_klines/BTCUSDT/2024-01", false);
        check("binance/spot/klines/BTCUSDT/2024-01", false);
        check("binance/spot/trades/BTCUSDT/1h/2024-01", false);
        check("binance/spot/trades/BTCUSDT/2024", false);
        check("", false);
    }

    #[test]
    fn a_unit_is_a_piece_of_a_series_and_of_a_function() {
        let check = |text: &str, series: &str, function: &str| {
            let unit: Unit = text.parse().expect(text);
            assert_eq!((unit.series().as_str(), unit.function().as_str()), (series, function));
        };
        check(
            "binance/spot/klines/BTCUSDT/1h/2024-01",
            "binance/spot/klines/BTCUSDT/1h",
            "binance/spot/klines/1h",
        );
        check(
            "binance/usdm/trades/BTCUSDT/2024-01-02",
            "binance/usdm/trades/BTCUSDT",
            "binance/usdm/trades",
        );
    }

    #[test]
    fn hashes_are_the_known_ones() {
        assert_eq!(hex(&[0x00, 0x0f, 0xa0, 0xff]), "000fa0ff");
        assert_eq!(short_hash(""), "e3b0c44298fc1c14");
    }
}

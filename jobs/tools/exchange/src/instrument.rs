//! What an instrument is like: price, tick, step, activity, days of listing. Derived from its
//! name, so that any symbol can be served; each property can be given instead.

use std::str::FromStr;

use model::{Day, Symbol};
use serde::{Deserialize, Serialize};

use crate::amount::{self, ONE, TENS};
use crate::market::Market;
use crate::random::of_words;

/// A symbol to serve, with the properties that its name shall not decide.
/// As text: `spot:BTCUSDT` or `usdm:NEWUSDT,price=1.5,tick=0.001,trades=5000`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SymbolSpec {
    /// The kind of market.
    pub market: Market,
    /// The symbol.
    pub symbol: Symbol,
    /// The price around which it moves, in the quote asset, as a decimal text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    /// The smallest step of the price, as a decimal text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tick: Option<String>,
    /// The smallest step of the quantity, as a decimal text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The largest quantity of one trade, as a decimal text; it occurs once a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub largest: Option<String>,
    /// Trades a day on average; a day has between three and five quarters of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trades: Option<u64>,
    /// The first day of trading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed: Option<Day>,
    /// The last day of trading; flat bars of zero volume follow it for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delisted: Option<Day>,
}

/// A symbol that cannot be served as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("symbol `{symbol}`: {field} is `{found}`, expected {expected}")]
pub struct BadSymbolSpec {
    /// The symbol, or the whole text when there is none in it.
    pub symbol: String,
    /// The property that is wrong.
    pub field: &'static str,
    /// What was given.
    pub found: String,
    /// What would have done.
    pub expected: &'static str,
}

impl SymbolSpec {
    /// A symbol with all that its name decides.
    pub const fn new(market: Market, symbol: Symbol) -> Self {
        Self {
            market,
            symbol,
            price: None,
            tick: None,
            step: None,
            largest: None,
            trades: None,
            listed: None,
            delisted: None,
        }
    }

    /// The symbols served when none are named: prices from 1e-8 to 1e5 in all three markets.
    pub fn defaults() -> Vec<Self> {
        [
            (Market::Spot, &["BTCUSDT", "ETHUSDT", "SOLUSDT", "PEPEUSDT"][..]),
            (Market::Usdm, &["BTCUSDT", "ETHUSDT", "SOLUSDT", "PEPEUSDT"][..]),
            (Market::Coinm, &["BTCUSD_PERP"][..]),
        ]
        .into_iter()
        .flat_map(|(market, names)| names.iter().map(move |name| (market, *name)))
        .filter_map(|(market, name)| Some(Self::new(market, name.parse().ok()?)))
        .collect()
    }
}

impl FromStr for SymbolSpec {
    type Err = BadSymbolSpec;

    fn from_str(text: &str) -> Result<Self, BadSymbolSpec> {
        let bad = |field, found: &str, expected| BadSymbolSpec {
            symbol: text.to_owned(),
            field,
            found: found.to_owned(),
            expected,
        };
        let mut parts = text.split(',');
        let name = parts.next().unwrap_or_default();
        let (market, symbol) = name
            .split_once(':')
            .ok_or_else(|| bad("name", name, "market:SYMBOL such as spot:BTCUSDT"))?;
        let mut spec = Self::new(
            market.parse().map_err(|_| bad("market", market, "spot, usdm or coinm"))?,
            symbol.parse().map_err(|_| bad("name", symbol, "a symbol such as BTCUSDT"))?,
        );
        for part in parts {
            let (key, value) = part
                .split_once('=')
                .ok_or_else(|| bad("property", part, "key=value such as trades=5000"))?;
            let day = || value.parse().map_err(|_| bad("day", value, "a day such as 2024-01-31"));
            match key {
                "price" => spec.price = Some(value.to_owned()),
                "tick" => spec.tick = Some(value.to_owned()),
                "step" => spec.step = Some(value.to_owned()),
                "largest" => spec.largest = Some(value.to_owned()),
                "trades" => {
                    let trades =
                        value.parse().map_err(|_| bad("trades", value, "a whole number"))?;
                    spec.trades = Some(trades);
                }
                "listed" => spec.listed = Some(day()?),
                "delisted" => spec.delisted = Some(day()?),
                _ => {
                    let keys = "one of price, tick, step, largest, trades, listed, delisted";
                    return Err(bad("property", key, keys));
                }
            }
        }
        Ok(spec)
    }
}

/// An instrument of the sample market. Amounts are in units of 1e-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instrument {
    /// The kind of market.
    pub market: Market,
    /// The symbol.
    pub symbol: Symbol,
    /// The price around which it moves.
    pub price: i64,
    /// The smallest step of the price.
    pub tick: i64,
    /// The smallest step of the quantity (COIN-M: one contract).
    pub step: i64,
    /// A usual quantity, in steps.
    pub typical: u64,
    /// The largest quantity, in steps; it occurs once a day.
    pub largest: u64,
    /// Trades a day on average.
    pub trades: u64,
    /// The first day of trading.
    pub listed: Day,
    /// The last day of trading, if it has ended.
    pub delisted: Option<Day>,
    /// COIN-M: the value of one contract in USD.
    pub contract: i64,
}

/// What is known of a base asset: price, then tick and step for spot, then for futures.
const KNOWN: &[(&str, &str, [&str; 2], [&str; 2])] = &[
    ("BTC", "96000", ["0.01", "0.00001"], ["0.1", "0.001"]),
    ("ETH", "3400", ["0.01", "0.0001"], ["0.01", "0.001"]),
    ("BNB", "650", ["0.01", "0.001"], ["0.01", "0.01"]),
    ("SOL", "190", ["0.01", "0.001"], ["0.01", "1"]),
    ("LTC", "105", ["0.01", "0.001"], ["0.01", "0.001"]),
    ("XRP", "2.2", ["0.0001", "1"], ["0.0001", "0.1"]),
    ("ADA", "0.9", ["0.0001", "0.1"], ["0.0001", "1"]),
    ("DOGE", "0.32", ["0.00001", "1"], ["0.00001", "1"]),
    ("PEPE", "0.00000002", ["0.00000001", "1"], ["0.00000001", "1"]),
];

/// Quote assets that a symbol may end with, longest first where one ends with another.
const QUOTES: &[&str] = &["USDT", "USDC", "FDUSD", "BUSD", "TUSD", "USD", "EUR", "TRY"];

/// The base asset of a symbol: `BTC` of `BTCUSDT`, of `BTCUSD_PERP` and of `BTCUSDT_250328`.
pub(crate) fn base(symbol: &str) -> &str {
    let pair = symbol.split('_').next().unwrap_or(symbol);
    QUOTES.iter().find_map(|quote| pair.strip_suffix(quote)).unwrap_or(pair)
}

/// Price, tick and step of a symbol that nobody knows: five significant digits of price, a
/// magnitude between 1e-4 and 1e3 that its name decides.
fn derived(hash: u64) -> (i64, i64, i64) {
    let magnitude = (hash % 8) as usize;
    let tick = TENS[magnitude];
    let price = tick * 10 * (1_000 + (hash >> 8) as i64 % 9_000);
    let tick_decimals = 8 - magnitude;
    // dear coins trade in small parts, cheap ones in whole units; tick × step fits 8 decimals
    let step_decimals = magnitude.saturating_sub(3).min(8 - tick_decimals);
    (price, tick, TENS[8 - step_decimals])
}

impl Instrument {
    /// The instrument of a specification.
    ///
    /// # Errors
    /// [`BadSymbolSpec`] when a property is no positive amount, when tick × step has more than
    /// eight decimals (a quote quantity could not be printed), or when the symbol does not
    /// have the form of its market.
    pub fn new(spec: &SymbolSpec) -> Result<Self, BadSymbolSpec> {
        let bad = |field, found: &str, expected| BadSymbolSpec {
            symbol: spec.symbol.to_string(),
            field,
            found: found.to_owned(),
            expected,
        };
        let name = spec.symbol.as_str();
        if !fits(spec.market, &spec.symbol) {
            let expected =
                "BTCUSDT on spot, BTCUSDT or BTCUSDT_250328 on usdm, BTCUSD_PERP on coinm";
            return Err(bad("name", name, expected));
        }
        let known = KNOWN.iter().find(|(asset, ..)| *asset == base(name));
        let hash = of_words(0, &["instrument", base(name)]);
        let (price, tick, step) = match known {
            Some((_, price, spot, futures)) => {
                let [tick, step] = if spec.market == Market::Spot { spot } else { futures };
                let units = |text| amount::parse(text).map_or(ONE, |a| a as i64);
                (units(price), units(tick), units(step))
            }
            None => derived(hash),
        };
        let given = |field, text: &Option<String>, default: i64| match text {
            None => Ok(default),
            Some(text) => amount::parse(text)
                .and_then(|units| i64::try_from(units).ok())
                .filter(|units| *units > 0)
                .ok_or_else(|| bad(field, text, "a positive decimal with at most 8 decimals")),
        };
        let price = given("price", &spec.price, price)?;
        let tick = given("tick", &spec.tick, tick)?;
        let step =
            given("step", &spec.step, if spec.market == Market::Coinm { ONE } else { step })?;
        if i128::from(tick) * i128::from(step) % i128::from(ONE) != 0 {
            let found = format!("{} × {}", amount::text(tick.into()), amount::text(step.into()));
            let expected = "at most 8 decimals, so that price × quantity is exact";
            return Err(bad("tick × step", &found, expected));
        }
        // about 500 of the quote asset in a usual trade; a contract has a fixed value instead
        let typical = if spec.market == Market::Coinm {
            20
        } else {
            (500 * i128::from(ONE) * i128::from(ONE) / i128::from(price) / i128::from(step)).max(1)
                as u64
        };
        let default_largest =
            if base(name) == "PEPE" { 1_000_000_000_000 } else { typical * 2_000 };
        let largest = match &spec.largest {
            None => default_largest,
            Some(text) => amount::parse(text)
                .filter(|units| *units > 0 && units % i128::from(step) == 0)
                .and_then(|units| u64::try_from(units / i128::from(step)).ok())
                .filter(|steps| *steps < 1 << 62)
                .ok_or_else(|| bad("largest", text, "a positive multiple of the step"))?,
        };
        if price / tick < 1 {
            return Err(bad("price", &amount::text(price.into()), "at least one tick"));
        }
        let default_trades = match base(name) {
            "BTC" => 20_000,
            "ETH" => 12_000,
            _ => 4_000 + hash % 4_000,
        };
        let trades = spec.trades.unwrap_or(default_trades);
        if trades == 0 || trades > 1_000_000_000 {
            return Err(bad("trades", &trades.to_string(), "1 to 1000000000 a day"));
        }
        let listed = match spec.listed {
            Some(day) => day,
            None => first_day(spec.market),
        };
        if let Some(last) = spec.delisted.filter(|last| *last < listed) {
            return Err(bad("delisted", &last.to_string(), "a day from the first one on"));
        }
        Ok(Self {
            market: spec.market,
            symbol: spec.symbol.clone(),
            price,
            tick,
            step,
            typical: typical.min(largest),
            largest,
            trades,
            listed,
            delisted: spec.delisted,
            contract: if base(name) == "BTC" { 100 * ONE } else { 10 * ONE },
        })
    }

    /// Decimals of the price in trades: those of the tick.
    pub(crate) fn price_decimals(&self) -> u8 {
        amount::decimals(self.tick)
    }

    /// Decimals of quantities.
    pub(crate) fn quantity_decimals(&self) -> u8 {
        amount::decimals(self.step)
    }
}

/// The day a market opened, which is the first day of symbols that name none.
/// Whether a symbol has the form that a market uses: contracts have a `_`, spot none.
fn fits(market: Market, symbol: &Symbol) -> bool {
    let is_contract = symbol.as_str().contains('_');
    match market {
        Market::Spot => !is_contract,
        Market::Usdm => true,
        Market::Coinm => is_contract,
    }
}

fn first_day(market: Market) -> Day {
    let epoch_days = match market {
        Market::Spot => 17_395,  // 2017-08-17
        Market::Usdm => 18_147,  // 2019-09-08
        Market::Coinm => 18_484, // 2020-08-10
    };
    Day::of_epoch_days(epoch_days).unwrap_or_else(|| Day::new(chrono::NaiveDate::default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_gives_an_instrument_whose_quotes_fit_eight_decimals() {
        for name in ["BTCUSDT", "PEPEUSDT", "AUSDT", "ZZZUSDT", "QQBTC", "1000FLOKIUSDT", "XY"] {
            let spec = SymbolSpec::new(Market::Spot, name.parse().unwrap());
            let i = Instrument::new(&spec).unwrap();
            assert_eq!(i128::from(i.tick) * i128::from(i.step) % i128::from(ONE), 0, "{name}");
            assert!(i.price >= i.tick && i.largest >= i.typical && i.typical > 0, "{i:?}");
            assert_eq!(i.listed.to_string(), "2017-08-17");
        }
    }

    #[test]
    fn defaults_span_the_prices() {
        let all: Vec<_> =
            SymbolSpec::defaults().iter().map(|s| Instrument::new(s).unwrap()).collect();
        assert!(all.iter().any(|i| i.price < 10) && all.iter().any(|i| i.price > 90_000 * ONE));
        assert!(all.iter().any(|i| i.largest == 1_000_000_000_000 && i.step == ONE));
        assert!(Market::ALL.iter().all(|m| all.iter().any(|i| i.market == *m)));
    }

    #[test]
    fn specifications_read_as_text() {
        let check = |text: &str, expect: Result<(), &str>| {
            let got = text.parse::<SymbolSpec>().and_then(|s| Instrument::new(&s));
            match expect {
                Ok(()) => assert!(got.is_ok(), "{text}: {got:?}"),
                Err(part) => {
                    let error = got.expect_err(text).to_string();
                    assert!(error.contains(part), "{error}");
                }
            }
        };
        check("spot:BTCUSDT", Ok(()));
        check("usdm:NEWUSDT,price=1.5,tick=0.001,step=0.1,trades=50,listed=2024-01-05", Ok(()));
        check("coinm:ETHUSD_PERP,delisted=2024-01-01", Ok(()));
        check("BTCUSDT", Err("expected market:SYMBOL"));
        check("spott:BTCUSDT", Err("expected spot, usdm or coinm"));
        check("spot:BTCUSDT,prise=1", Err("`prise`, expected one of price"));
        check("spot:BTCUSDT,price=-1", Err("positive decimal"));
        check("spot:BTCUSDT,tick=0.00001,step=0.00001", Err("tick × step"));
        check("spot:BTCUSD_PERP", Err("name is `BTCUSD_PERP`"));
        check("spot:BTCUSDT,trades=0", Err("1 to 1000000000"));
        check("spot:BTCUSDT,delisted=2001-01-01", Err("a day from the first one on"));
    }
}

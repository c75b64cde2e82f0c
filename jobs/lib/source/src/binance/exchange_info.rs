//! What the exchange says of all instruments of a market: `exchangeInfo`, of which the steps of price and
//! quantity, the status, and the kind and days of contracts are taken.

use std::collections::BTreeMap;

use chrono::DateTime;
use model::decimal::Decimal;
use model::instrument::Facts;
use model::{Day, Symbol};
use serde::Deserialize;

use super::{Market, tail};
use crate::provider::{Instruments, WhereInstruments};

/// Perpetual contracts are delivered in 2100.
const NEVER: i64 = 4_102_444_800_000;

/// Where it is.
pub(super) const fn place(market: Market) -> WhereInstruments {
    match market {
        // without what an account may do, which is most of the answer
        Market::Spot => WhereInstruments {
            host: tail::SPOT_HOST,
            path: "/api/v3/exchangeInfo?showPermissionSets=false",
        },
        Market::Usdm => WhereInstruments { host: tail::USDM_HOST, path: "/fapi/v1/exchangeInfo" },
        Market::Coinm => {
            WhereInstruments { host: "https://dapi.binance.com", path: "/dapi/v1/exchangeInfo" }
        }
    }
}

/// The answer, of which nothing else is read.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    symbols: Option<Vec<&'a serde_json::value::RawValue>>,
    code: Option<i64>,
    msg: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    symbol: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    base_asset: String,
    quote_asset: String,
    status: Option<String>,
    /// As COIN-M calls its status.
    contract_status: Option<String>,
    contract_type: Option<String>,
    onboard_date: Option<i64>,
    delivery_date: Option<i64>,
    #[serde(default)]
    filters: Vec<Filter>,
}

/// A rule of orders. There are many, and more to come.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    #[serde(rename = "filterType")]
    kind: String,
    tick_size: Option<String>,
    step_size: Option<String>,
}

/// Reads an answer.
///
/// # Errors
/// What is wrong with it as a whole.
pub(super) fn read(body: &[u8]) -> Result<Instruments, String> {
    const EXPECTED: &str = "expected an object with a list `symbols`";
    let answer: Answer<'_> =
        serde_json::from_slice(body).map_err(|error| format!("{error}, {EXPECTED}"))?;
    let symbols = match answer {
        Answer { symbols: Some(symbols), .. } if !symbols.is_empty() => symbols,
        Answer { code: Some(code), msg, .. } => {
            return Err(format!("code {code}: {}", msg.unwrap_or_default().escape_debug()));
        }
        _ => return Err(format!("no symbols, {EXPECTED}")),
    };
    let mut found = Instruments { facts: BTreeMap::new(), bad: Vec::new() };
    for (at, raw) in symbols.into_iter().enumerate() {
        let named = serde_json::from_str::<Named>(raw.get()).map_err(|error| error.to_string());
        let symbol = named
            .and_then(|named| named.symbol.parse::<Symbol>().map_err(|error| error.to_string()));
        let symbol = match symbol {
            Ok(symbol) => symbol,
            Err(why) => {
                found.bad.push(format!("symbols[{at}]: {why}"));
                continue;
            }
        };
        let listed = serde_json::from_str::<Listed>(raw.get()).map_err(|error| error.to_string());
        let told = listed.and_then(|listed| facts(&listed));
        if let Err(why) = &told {
            found.bad.push(format!("{symbol}: {why}"));
        }
        found.facts.insert(symbol, told.ok());
    }
    Ok(found)
}

fn facts(listed: &Listed) -> Result<Facts, String> {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let size = |filter: &str, of: fn(&Filter) -> Option<&String>| -> Result<_, String> {
        let mut filters = listed.filters.iter().filter(|one| one.kind == filter);
        let Some(given) = filters.next() else { return Ok(None) };
        let given = of(given).ok_or_else(|| format!("{filter} without its step"))?;
        let size: Decimal = given.parse().map_err(|error| format!("{filter}: {error}"))?;
        // 0 says that there is no such rule
        Ok((size.units() > 0).then_some(size))
    };
    let day = |name: &str, millis: Option<i64>| -> Result<Option<Day>, String> {
        let Some(millis) = millis.filter(|millis| (1..NEVER).contains(millis)) else {
            return Ok(None);
        };
        let time = DateTime::from_timestamp_millis(millis)
            .ok_or_else(|| format!("{name} {millis}, expected ms since the epoch"))?;
        Ok(Some(Day::new(time.date_naive())))
    };
    let status = listed.status.as_deref().or(listed.contract_status.as_deref());
    Ok(Facts {
        base: text(&listed.base_asset),
        quote: text(&listed.quote_asset),
        tick_size: size("PRICE_FILTER", |filter| filter.tick_size.as_ref())?,
        lot_size: size("LOT_SIZE", |filter| filter.step_size.as_ref())?,
        status: status.and_then(text),
        contract_type: listed.contract_type.as_deref().and_then(text),
        listed_from: day("onboardDate", listed.onboard_date)?,
        listed_to: day("deliveryDate", listed.delivery_date)?,
        ..Facts::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts_of(body: &str, symbol: &str) -> String {
        let found = read(body.as_bytes()).expect("an answer");
        assert_eq!(found.bad, [""; 0]);
        serde_json::to_string(&found.facts[&symbol.parse::<Symbol>().expect(symbol)]).expect("json")
    }

    /// In the form of the exchange's answers, shortened.
    const SPOT: &str = r#"{"timezone":"UTC","serverTime":1764590000000,"rateLimits":[{"rateLimitType":
        "REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000}],"exchangeFilters":[],"symbols":[
        {"symbol":"BTCUSDT","status":"TRADING","baseAsset":"BTC","baseAssetPrecision":8,"quoteAsset":"USDT",
        "quotePrecision":8,"orderTypes":["LIMIT","MARKET"],"icebergAllowed":true,"filters":[
        {"filterType":"PRICE_FILTER","minPrice":"0.01000000","maxPrice":"1000000.00000000","tickSize":
        "0.01000000"},{"filterType":"LOT_SIZE","minQty":"0.00001000","maxQty":"9000.00000000","stepSize":
        "0.00001000"},{"filterType":"MARKET_LOT_SIZE","minQty":"0.00000000","maxQty":"100.0","stepSize":
        "0.00000000"},{"filterType":"TO_COME","limit":{"deep":[1]}},{"filterType":"MAX_NUM_ORDERS",
        "maxNumOrders":200}],"permissions":[],"permissionSets":[]},
        {"symbol":"币安人生USDT","status":"BREAK","baseAsset":"币安人生","quoteAsset":"USDT","filters":[]}]}"#;

    const USDM: &str = r#"{"symbols":[{"symbol":"BTCUSDT","pair":"BTCUSDT","contractType":"PERPETUAL",
        "deliveryDate":4133404800000,"onboardDate":1567965420000,"status":"TRADING","baseAsset":"BTC",
        "quoteAsset":"USDT","marginAsset":"USDT","filters":[{"filterType":"PRICE_FILTER","minPrice":"556.80",
        "maxPrice":"4529764","tickSize":"0.10"},{"filterType":"LOT_SIZE","minQty":"0.001","maxQty":"1000",
        "stepSize":"0.001"}]},{"symbol":"OLDUSDT","pair":"OLDUSDT","contractType":"","deliveryDate":
        1764576000000,"onboardDate":0,"status":"SETTLING","baseAsset":"OLD","quoteAsset":"USDT"}]}"#;

    const COINM: &str = r#"{"symbols":[{"symbol":"BTCUSD_250328","pair":"BTCUSD","contractType":
        "CURRENT_QUARTER","deliveryDate":1743148800000,"onboardDate":1727424000000,"contractStatus":
        "TRADING","contractSize":100,"baseAsset":"BTC","quoteAsset":"USD","filters":[{"filterType":
        "PRICE_FILTER","tickSize":"0.1"},{"filterType":"LOT_SIZE","stepSize":"1"}]}]}"#;

    #[test]
    fn each_market_tells_its_instruments() {
        let check = |body: &str, symbol: &str, expect: &str| {
            assert_eq!(facts_of(body, symbol), expect, "{symbol}");
        };
        check(
            SPOT,
            "BTCUSDT",
            r#"{"base":"BTC","quote":"USDT","tick_size":"0.01","lot_size":"0.00001","status":"TRADING"}"#,
        );
        check(SPOT, "币安人生USDT", r#"{"base":"币安人生","quote":"USDT","status":"BREAK"}"#);
        check(
            USDM,
            "BTCUSDT",
            r#"{"base":"BTC","quote":"USDT","tick_size":"0.1","lot_size":"0.001","status":"TRADING","contract_type":"PERPETUAL","listed_from":"2019-09-08"}"#,
        );
        check(
            USDM,
            "OLDUSDT",
            r#"{"base":"OLD","quote":"USDT","status":"SETTLING","listed_to":"2025-12-01"}"#,
        );
        check(
            COINM,
            "BTCUSD_250328",
            r#"{"base":"BTC","quote":"USD","tick_size":"0.1","lot_size":"1","status":"TRADING","contract_type":"CURRENT_QUARTER","listed_from":"2024-09-27","listed_to":"2025-03-28"}"#,
        );
    }

    #[test]
    fn what_is_wrong_is_told() {
        let check = |body: &str, expect: &str| {
            let error = read(body.as_bytes()).expect_err(body);
            assert!(error.contains(expect), "{error}");
        };
        check(
            "<html>",
            "expected value at line 1 column 1, expected an object with a list `symbols`",
        );
        check("[]", "expected an object with a list `symbols`");
        check("{}", "no symbols");
        check(r#"{"symbols":[]}"#, "no symbols");
        check(r#"{"symbols":[{"symbol":"BTCUSDT""#, "EOF");
        check(r#"{"code":-1003,"msg":"Too much"}"#, "code -1003: Too much");
        // one that is wrong spoils no other
        let with = |tick: &str| SPOT.replacen(r#""0.01000000"},{"#, &format!("{tick}}},{{"), 1);
        for (tick, expect) in [
            (r#""0,01""#, "BTCUSDT: PRICE_FILTER: bad decimal `0,01`"),
            ("0.01", "BTCUSDT: invalid type: floating point"),
        ] {
            let body = with(tick);
            assert_ne!(body, SPOT);
            let found = read(body.as_bytes()).expect("an answer");
            assert!(found.bad.len() == 1 && found.bad[0].starts_with(expect), "{:?}", found.bad);
            let understood = found.facts.values().filter(|facts| facts.is_some()).count();
            assert_eq!((found.facts.len(), understood), (2, 1));
        }
        let body = SPOT.replacen("BTCUSDT", "BTC/USDT", 1);
        let found = read(body.as_bytes()).expect("an answer");
        assert!(found.bad[0].starts_with("symbols[0]: bad symbol"), "{:?}", found.bad);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }
    }
}

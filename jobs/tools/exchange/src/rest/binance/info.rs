//! `exchangeInfo`: the instruments of a market, in the form in which each of the three tells its own.

use serde_json::{Value, json};

use super::super::{Ask, State};
use crate::amount;
use crate::instrument::{Instrument, base};
use crate::market::Market;

/// When perpetual contracts are delivered.
const NEVER: i64 = 4_133_404_800_000;

pub(super) fn body(state: &State, ask: &Ask, market: Market) -> String {
    let today = ask.now / 86_400_000_000;
    let symbols: Vec<Value> = state
        .market
        .instruments()
        .filter(|instrument| instrument.market == market)
        .filter(|instrument| instrument.listed.start_micros() <= ask.now)
        .map(|instrument| {
            let delisted = instrument.delisted.map(|day| day.start_micros() / 86_400_000_000);
            symbol(instrument, delisted.is_some_and(|day| day < today))
        })
        .collect();
    json!({
        "timezone": "UTC",
        "serverTime": ask.now / 1_000,
        "rateLimits": [],
        "exchangeFilters": [],
        "symbols": symbols,
    })
    .to_string()
}

fn symbol(instrument: &Instrument, is_over: bool) -> Value {
    let name = instrument.symbol.as_str();
    let (pair, contract) = name.split_once('_').unwrap_or((name, "PERP"));
    let base = base(name);
    let decimals = |amount: i64| amount::text(i128::from(amount));
    let mut told = json!({
        "symbol": name,
        "baseAsset": base,
        "quoteAsset": pair.strip_prefix(base).unwrap_or_default(),
        "filters": [
            {"filterType": "PRICE_FILTER", "tickSize": decimals(instrument.tick)},
            {"filterType": "LOT_SIZE", "stepSize": decimals(instrument.step)},
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
        ],
    });
    let status = if is_over { "BREAK" } else { "TRADING" };
    if instrument.market == Market::Spot {
        told["status"] = status.into();
        return told;
    }
    let key = if instrument.market == Market::Coinm { "contractStatus" } else { "status" };
    told[key] = if is_over { "SETTLING" } else { status }.into();
    told["pair"] = pair.into();
    // the contract's day says when it is delivered: at 08:00
    let delivery = format!("20{contract}");
    let delivery = chrono::NaiveDate::parse_from_str(&delivery, "%Y%m%d").ok();
    let delivery = delivery.and_then(|day| day.and_hms_opt(8, 0, 0));
    told["contractType"] = if delivery.is_some() { "CURRENT_QUARTER" } else { "PERPETUAL" }.into();
    told["deliveryDate"] = delivery.map_or(NEVER, |at| at.and_utc().timestamp_millis()).into();
    told["onboardDate"] = (instrument.listed.start_micros() / 1_000).into();
    told
}

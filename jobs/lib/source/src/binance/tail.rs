//! What the exchange's API says of days whose archives are not there yet, page by page: bars by their
//! times, aggregate trades by their ids. Both become lines as the archives have them.
//!
//! The API needs no key. It counts weights by address, and tells what is used in a header.

mod bars;
mod trades;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use model::{Dataset, Unit};
use serde_json::value::RawValue;

use self::bars::Bars;
use self::trades::Trades;
use super::{Binance, Market};
use crate::limits::Limits;
use crate::number;
use crate::questions::{Inquiry, Question, Questions};
use crate::rest::{Answer, Body, Key, KeyIn, Object, Refusal, Request, Unaskable, Why, read};

/// The header that says what of a minute's weight is used by this address.
const USED: &str = "x-mbx-used-weight-1m";
/// Rows of a page.
const ROWS: usize = 1_000;
/// Its limits begin anew with the minute; a day has none.
const DAY: Tz = Tz::UTC;

/// How a market's API is asked.
struct Api {
    /// Its host.
    host: &'static str,
    /// Where its bars are.
    klines: &'static str,
    /// What a page of them weighs.
    klines_weight: u32,
    /// Where its aggregate trades are.
    agg_trades: &'static str,
    /// What a page of them weighs.
    agg_trades_weight: u32,
    /// What a minute allows.
    weight: u32,
    /// Whether it tells times in µs where that is asked for. Archives of spot do so from 2025 on, and a
    /// bar's last instant depends on it.
    tells_micros: bool,
}

/// The host that serves public market data only, which the exchange asks to use for them.
pub(super) const SPOT_HOST: &str = "https://data-api.binance.vision";
pub(super) const USDM_HOST: &str = "https://fapi.binance.com";

const SPOT: Api = Api {
    host: SPOT_HOST,
    klines: "/api/v3/klines",
    klines_weight: 2,
    agg_trades: "/api/v3/aggTrades",
    agg_trades_weight: 4,
    weight: 6_000,
    tells_micros: true,
};

const USDM: Api = Api {
    host: USDM_HOST,
    klines: "/fapi/v1/klines",
    klines_weight: 5,
    agg_trades: "/fapi/v1/aggTrades",
    agg_trades_weight: 20,
    weight: 2_400,
    tells_micros: false,
};

/// Quantities are in contracts, and what others call quote volumes in the base asset, in the same places
/// as in the archives' lines.
const COINM: Api = Api {
    host: "https://dapi.binance.com",
    klines: "/dapi/v1/klines",
    klines_weight: 5,
    agg_trades: "/dapi/v1/aggTrades",
    agg_trades_weight: 20,
    weight: 2_400,
    tells_micros: false,
};

/// The API of a market.
fn api(market: model::Market) -> Option<&'static Api> {
    Some(match Market::of(market)? {
        Market::Spot => &SPOT,
        Market::Usdm => &USDM,
        Market::Coinm => &COINM,
    })
}

/// The host that is asked for a market's dataset.
pub(super) fn host(market: model::Market, dataset: Dataset) -> Option<&'static str> {
    let is_asked = matches!(dataset, Dataset::Klines | Dataset::AggTrades);
    api(market).filter(|_| is_asked).map(|api| api.host)
}

impl Questions for Binance {
    fn free(&self) -> Limits {
        limits(&SPOT)
    }

    fn free_of_tail(&self, market: model::Market) -> Limits {
        api(market).map_or_else(|| self.free(), limits)
    }

    fn inquire(
        &self,
        unit: &Unit,
        until: Option<DateTime<Utc>>,
        _: &Key,
    ) -> Result<Box<dyn Inquiry>, Unaskable> {
        let none = || Unaskable::NoTail { provider: "binance", found: unit.to_string() };
        let (api, until) = api(unit.market).zip(until).ok_or_else(none)?;
        let span = unit.period.micros();
        let (symbol, until) = (unit.symbol.to_string(), until.timestamp_micros().min(span.end));
        match (unit.dataset, unit.timeframe) {
            (Dataset::Klines, Some(timeframe)) => {
                Ok(Box::new(Bars { api, symbol, timeframe, until, next: span.start }))
            }
            (Dataset::AggTrades, None) => Ok(Box::new(Trades::of(api, symbol, span.start, until))),
            _ => Err(none()),
        }
    }

    /// What others use from the same address counts too. What is left nobody need know: the limit is
    /// the address's.
    fn told(&self, header: &dyn Fn(&str) -> Option<u32>) -> Option<(u32, u32)> {
        header(USED).map(|used| (used, u32::MAX))
    }
}

impl Api {
    /// A question for a page.
    fn question(&self, path: &'static str, parameters: &[(&str, &str)], credits: u32) -> Question {
        let request = Request::new(path, parameters, &Key::absent(), KeyIn::Nowhere);
        let request = if self.tells_micros { micros(request) } else { request };
        Question { request, credits }
    }
}

/// Half of what an address may use: it may have other programs.
fn limits(api: &Api) -> Limits {
    Limits { per_minute: Some(api.weight / 2), ..Limits::default() }
}

/// The same request, answered with times in µs.
fn micros(request: Request) -> Request {
    request.with("x-mbx-time-unit", "MICROSECOND")
}

/// A time as the API tells it, in µs since the epoch.
fn instant(field: &RawValue) -> Option<i64> {
    number::instant(field.get().as_bytes()).ok().map(|(micros, _)| micros)
}

fn refuse(why: Why, words: &str) -> Refusal {
    Refusal::new(why, words, &Key::absent(), DAY)
}

/// The rows of an answer.
fn rows<'a>(answer: &Answer<'a>) -> Result<Vec<&'a RawValue>, Refusal> {
    // 418 is a ban of those who went on asking after 429; both say for how long in a header
    if matches!(answer.status, 418 | 429) {
        let words = String::from_utf8_lossy(answer.body);
        return Err(refuse(Why::MinuteLimit, &format!("status {}: {words}", answer.status)));
    }
    match read(answer, &Key::absent(), DAY)? {
        Body::Object(object) => Err(refusal(answer.status, &object)),
        Body::Text(text) => match serde_json::from_str::<Vec<&RawValue>>(text) {
            Ok(rows) => Ok(rows),
            Err(error) if error.is_eof() => {
                Err(refuse(Why::Cut, &format!("a list of {} bytes: {error}", text.len())))
            }
            Err(error) => Err(refuse(Why::NotUnderstood, &format!("expected a list: {error}"))),
        },
    }
}

/// What an object says that came instead of a list: `{"code": -1121, "msg": "Invalid symbol."}`.
fn refusal(status: u16, object: &Object<'_>) -> Refusal {
    let code = object.text("code").and_then(|code| code.parse::<i32>().ok());
    let why = match (code, status) {
        // too many requests, too many orders: whatever its status
        (Some(-1003 | -1015), _) => Why::MinuteLimit,
        (Some(-1121), _) => Why::NoSuchSymbol,
        // disconnected, no backend answered, timeout, overloaded
        (Some(-1000 | -1001 | -1006 | -1007 | -1008), _) | (_, 408 | 500..=599) => {
            Why::ServerTrouble
        }
        (Some(..0), 400) => Why::BadRequest,
        _ => Why::NotUnderstood,
    };
    let words = object.text("msg").unwrap_or_else(|| object.names());
    let code = code.map_or_else(|| "no code".to_owned(), |code| code.to_string());
    refuse(why, &format!("status {status}, {code}: {words}"))
}

#[cfg(test)]
mod tests;

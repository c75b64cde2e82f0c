//! What the exchange's API says of days whose archives are not there yet: bars, page by page. Its rows
//! have the fields of the archives' lines, in the same order, and become such lines.
//!
//! The API needs no key. It counts weights by address, and tells what is used in a header.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use model::{Dataset, Timeframe, Unit};
use serde_json::value::RawValue;

use super::{Binance, Market};
use crate::limits::Limits;
use crate::number;
use crate::questions::{Inquiry, Page, Question, Questions};
use crate::rest::{
    Answer, Body, Key, KeyIn, Object, Refusal, Request, Unaskable, Why, as_field, items, read,
};

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
    weight: 6_000,
    tells_micros: true,
};

const USDM: Api = Api {
    host: USDM_HOST,
    klines: "/fapi/v1/klines",
    klines_weight: 5,
    weight: 2_400,
    tells_micros: false,
};

/// The API of a market; `None` where none is asked.
fn api(market: model::Market) -> Option<&'static Api> {
    match Market::of(market)? {
        Market::Spot => Some(&SPOT),
        Market::Usdm => Some(&USDM),
        Market::Coinm => None,
    }
}

/// The host that is asked for a market's dataset.
pub(super) fn host(market: model::Market, dataset: Dataset) -> Option<&'static str> {
    (dataset == Dataset::Klines).then(|| api(market).map(|api| api.host))?
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
        let api = api(unit.market).filter(|_| unit.dataset == Dataset::Klines).ok_or_else(none)?;
        let (until, timeframe) = until.zip(unit.timeframe).ok_or_else(none)?;
        let until = until.timestamp_micros().min(unit.period.micros().end);
        let next = unit.period.micros().start;
        Ok(Box::new(Bars { api, symbol: unit.symbol.to_string(), timeframe, until, next }))
    }

    /// What others use from the same address counts too. What is left nobody need know: the limit is
    /// the address's.
    fn told(&self, header: &dyn Fn(&str) -> Option<u32>) -> Option<(u32, u32)> {
        header(USED).map(|used| (used, u32::MAX))
    }
}

/// Half of what an address may use: it may have other programs.
fn limits(api: &Api) -> Limits {
    Limits { per_minute: Some(api.weight / 2), ..Limits::default() }
}

/// The bars of a day, earliest first.
struct Bars {
    api: &'static Api,
    symbol: String,
    timeframe: Timeframe,
    /// Bars that end later are not asked for, in µs since the epoch.
    until: i64,
    /// The opening time of the next bar, in µs since the epoch.
    next: i64,
}

impl Bars {
    /// Whether a bar has ended by the time up to which is asked. One that has not may change still.
    const fn is_over(&self, open: i64) -> bool {
        open + self.timeframe.micros() <= self.until
    }
}

impl Inquiry for Bars {
    fn question(&self) -> Result<Option<Question>, Unaskable> {
        if !self.is_over(self.next) {
            return Ok(None);
        }
        // both ends are of opening times, and included
        let (start, end) = (self.next / 1_000, self.until / 1_000 - 1);
        let (start, end, rows) = (start.to_string(), end.to_string(), ROWS.to_string());
        let parameters = [
            ("symbol", self.symbol.as_str()),
            ("interval", self.timeframe.as_str()),
            ("startTime", start.as_str()),
            ("endTime", end.as_str()),
            ("limit", rows.as_str()),
        ];
        let request = Request::new(self.api.klines, &parameters, &Key::absent(), KeyIn::Nowhere);
        let request = if self.api.tells_micros { micros(request) } else { request };
        Ok(Some(Question { request, credits: self.api.klines_weight }))
    }

    fn take(&mut self, answer: &Answer<'_>) -> Result<Page, Refusal> {
        let rows = rows(answer)?;
        let (mut page, mut last, mut open) = (Page::default(), None, 0_u32);
        for row in &rows {
            let fields = items(row).unwrap_or_default();
            let time = fields.first().and_then(|field| instant(field));
            last = last.max(time);
            if time.is_some_and(|time| !self.is_over(time)) {
                open += 1;
                continue;
            }
            line(row, &fields, &mut page.lines);
        }
        if open > 0 {
            page.notes = format!("bars after the time up to which was asked, left out: {open}");
        }
        // a page that is not full is the last one
        self.next = match last {
            Some(last) if rows.len() >= ROWS && last >= self.next => last + self.timeframe.micros(),
            _ if rows.len() >= ROWS => {
                return Err(refuse(
                    Why::NotUnderstood,
                    "a page whose bars are not those asked for",
                ));
            }
            _ => self.until,
        };
        Ok(page)
    }
}

/// The same request, answered with times in µs.
fn micros(request: Request) -> Request {
    request.with("x-mbx-time-unit", "MICROSECOND")
}

/// A time as the API tells it, in µs since the epoch.
fn instant(field: &RawValue) -> Option<i64> {
    number::instant(field.get().as_bytes()).ok().map(|(micros, _)| micros)
}

/// Adds a row as a line: its fields as received. What is no list is told as it stands there, and no
/// reader takes it for a row.
fn line(row: &RawValue, fields: &[&RawValue], lines: &mut String) {
    if fields.is_empty() {
        lines.push_str(&as_field(row));
    }
    for (at, field) in fields.iter().enumerate() {
        if at > 0 {
            lines.push(',');
        }
        lines.push_str(&as_field(field));
    }
    lines.push('\n');
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

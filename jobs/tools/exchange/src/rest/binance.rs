//! Binance's public REST: `/api/v3/` (spot), `/fapi/v1/` (USD-M futures) and `/dapi/v1/` (COIN-M
//! futures) with `klines`, `aggTrades`, `exchangeInfo`, `time` and `ping`. The rows are those of the
//! market that the archives tell, see `rows`; here is what a request may ask, what it weighs, and what is
//! refused.

mod info;
mod rows;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::limits::{Limits, MINUTE};
use super::{Ask, Reply, State, quoted};
use crate::instrument::Instrument;
use crate::market::Market;

pub(super) use rows::Cache;

/// What is particular to Binance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Habits {
    /// Weight of an address in a minute of the spot API.
    pub weight: u64,
    /// Weight of an address in a minute of each of the futures' APIs.
    pub futures_weight: u64,
    /// Refusals (429) in a row that are borne; the next one is a ban (418).
    pub patience: u32,
    /// Seconds of the first ban; each further one is twice as long, three days at most.
    pub ban: u64,
    /// Hours that the futures' aggregate trades reach back when asked for by time; all when
    /// absent.
    pub futures_hours: Option<u32>,
}

impl Default for Habits {
    /// Weight 6000 and 2400 a minute; a ban of two minutes after five refusals; the futures'
    /// aggregate trades of two days.
    fn default() -> Self {
        Self {
            weight: 6_000,
            futures_weight: 2_400,
            patience: 5,
            ban: 120,
            futures_hours: Some(48),
        }
    }
}

/// The APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Api {
    Spot,
    Usdm,
    Coinm,
}

impl Api {
    /// The one of a path, and what is below it.
    fn of(path: &str) -> Option<(Self, &str)> {
        [("api/v3/", Self::Spot), ("fapi/v1/", Self::Usdm), ("dapi/v1/", Self::Coinm)]
            .into_iter()
            .find_map(|(start, api)| Some((api, path.strip_prefix(start)?)))
    }

    /// How its requests are counted.
    const fn provider(self) -> &'static str {
        match self {
            Self::Spot => "binance",
            Self::Usdm => "binance-futures",
            Self::Coinm => "binance-coinm",
        }
    }

    const fn market(self) -> Market {
        match self {
            Self::Spot => Market::Spot,
            Self::Usdm => Market::Usdm,
            Self::Coinm => Market::Coinm,
        }
    }

    const fn is_futures(self) -> bool {
        !matches!(self, Self::Spot)
    }
}

/// How an address stands that went on asking.
#[derive(Debug, Clone, Copy, Default)]
struct Standing {
    /// The minute of the last refusal.
    minute: i64,
    refusals: u32,
    bans: u32,
    /// The end of the ban, µs since the epoch.
    until: i64,
}

/// The addresses that were refused.
#[derive(Debug, Default)]
pub(super) struct Bans(Mutex<BTreeMap<(Api, String), Standing>>);

/// What COIN-M's bars may be asked for at once, in ms: 200 days.
const COINM_SPAN: i64 = 200 * 86_400_000;

/// An error: its code and its message. Its status is 400.
type Failure = (i32, String);

/// The answer to a path below one of the APIs; `None` for paths that it does not have.
pub(super) fn answer(state: &State, ask: &Ask) -> Option<Reply> {
    let (api, function) = Api::of(&ask.path)?;
    if !["klines", "aggTrades", "exchangeInfo", "time", "ping"].contains(&function) {
        return None;
    }
    let habits = &state.options.binance;
    let limit = if api.is_futures() { habits.futures_weight } else { habits.weight };
    let weight = weight(api, function, ask);
    let limits = Limits { minute: Some(limit), ..Limits::default() };
    let taken = state.counter.take(api.provider(), &ask.address, weight, ask.window, limits);
    let refused = state.bans.refuse(habits, api, ask, taken.beyond.is_some(), limit);
    // what is refused for another reason has its weight too
    let reply = refused.unwrap_or_else(|| {
        let made = match function {
            "ping" => Ok("{}".to_owned()),
            "time" => Ok(format!(r#"{{"serverTime":{}}}"#, ask.now / 1_000)),
            "exchangeInfo" => Ok(info::body(state, ask, api.market())),
            "klines" => klines(state, ask, api),
            _ => agg_trades(state, ask, api),
        };
        match made {
            Ok(body) => Reply::json(200, body),
            Err((code, message)) => Reply::json(400, error(code, &message)),
        }
    });
    let reply = match api {
        Api::Spot => reply.with("x-mbx-used-weight", taken.minute),
        Api::Usdm | Api::Coinm => reply,
    };
    Some(reply.with("x-mbx-used-weight-1m", taken.minute))
}

/// What a request weighs. The futures' bars weigh by their number, as measured: the bands end at
/// 100, 500 and 1000 inclusive, and no `limit` weighs 5.
fn weight(api: Api, function: &str, ask: &Ask) -> u64 {
    match (api, function) {
        (Api::Spot, "klines") => 2,
        (Api::Spot, "aggTrades") => 4,
        (_, "klines") => {
            let limit = ask.params.get("limit").map(|limit| limit.parse::<u64>().unwrap_or(0));
            match limit {
                None | Some(501..=1_000) => 5,
                Some(0..=100) => 1,
                Some(101..=500) => 2,
                Some(_) => 10,
            }
        }
        (Api::Spot, "exchangeInfo") | (_, "aggTrades") => 20,
        _ => 1,
    }
}

fn error(code: i32, message: &str) -> String {
    format!(r#"{{"code":{code},"msg":{}}}"#, quoted(message))
}

impl Bans {
    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// 429 with the time until the next minute, or 418 with the time until the ban ends.
    fn refuse(
        &self,
        habits: &Habits,
        api: Api,
        ask: &Ask,
        beyond: bool,
        limit: u64,
    ) -> Option<Reply> {
        let now = ask.window;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let standing = all.entry((api, ask.address.clone())).or_default();
        let minute = now.div_euclid(MINUTE);
        if now >= standing.until {
            if !beyond {
                standing.refusals = 0;
                return None;
            }
            standing.refusals = if standing.minute == minute { standing.refusals + 1 } else { 1 };
            standing.minute = minute;
            if standing.refusals <= habits.patience {
                let message = format!(
                    "Too much request weight used; current limit is {limit} request weight per 1 \
                     MINUTE. Please use WebSocket Streams for live updates to avoid polling the API."
                );
                let left = (minute + 1) * MINUTE - now;
                return Some(waiting(Reply::json(429, error(-1003, &message)), left));
            }
            let length = habits.ban.saturating_mul(1 << standing.bans.min(20)).min(3 * 86_400);
            standing.bans += 1;
            standing.refusals = 0;
            standing.until = now.saturating_add(length as i64 * 1_000_000);
        }
        let message = format!(
            "Way too much request weight used; IP banned until {}. Please use WebSocket Streams for \
             live updates to avoid bans.",
            standing.until / 1_000
        );
        Some(waiting(Reply::json(418, error(-1003, &message)), standing.until - now))
    }
}

/// Says to wait so many µs, in whole seconds, so that the time is over then.
fn waiting(reply: Reply, micros: i64) -> Reply {
    reply.with("retry-after", (micros.max(0) as u64).div_ceil(1_000_000))
}

/// What the parameters of a request say.
struct Query<'a> {
    api: Api,
    ask: &'a Ask,
}

impl<'a> Query<'a> {
    /// Refuses parameters that the function does not have.
    fn new(api: Api, ask: &'a Ask, known: &[&str]) -> Result<Self, Failure> {
        let (sent, read) = (ask.params.0.len(), ask.params.0.iter());
        let read = read.filter(|(name, _)| known.contains(&name.as_str())).count();
        // the futures read what they know
        if api == Api::Spot && sent > read {
            let message = format!(
                "Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."
            );
            return Err((-1104, message));
        }
        Ok(Self { api, ask })
    }

    fn needed(&self, name: &str) -> Result<&'a str, Failure> {
        let missing =
            format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed.");
        match self.ask.params.get(name) {
            Some("") if self.api == Api::Spot => {
                Err((-1105, format!("Parameter '{name}' was empty.")))
            }
            None | Some("") => Err((-1102, missing)),
            Some(value) => Ok(value),
        }
    }

    fn number(&self, name: &str) -> Result<Option<i64>, Failure> {
        let Some(text) = self.ask.params.get(name) else { return Ok(None) };
        if text.is_empty() {
            return Err((-1105, format!("Parameter '{name}' was empty.")));
        }
        // ids and ms have at most twenty digits, and what fits no further is out of reach anyway
        let is_number = text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit());
        if !is_number {
            let range = "^[0-9]{1,20}$";
            let message = format!(
                "Illegal characters found in parameter '{name}'; legal range is '{range}'."
            );
            return Err((-1100, message));
        }
        Ok(Some(text.parse().unwrap_or(i64::MAX)))
    }

    fn instrument(&self, state: &'a State) -> Result<&'a Instrument, Failure> {
        let symbol = self.needed("symbol")?;
        let is_legal = symbol.len() <= 20
            && symbol.bytes().all(|b| {
                b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.')
            });
        // the futures take small letters too
        let symbol = match self.api {
            Api::Spot if !is_legal => {
                let message = "Illegal characters found in parameter 'symbol'; legal range is \
                    '^[A-Z0-9-_.]{1,20}$'.";
                return Err((-1100, message.to_owned()));
            }
            Api::Spot => symbol.to_owned(),
            Api::Usdm | Api::Coinm => symbol.to_ascii_uppercase(),
        };
        let market = self.api.market();
        state
            .market
            .instruments()
            .find(|i| i.market == market && i.symbol.as_str() == symbol)
            .ok_or_else(|| (-1121, "Invalid symbol.".to_owned()))
    }

    /// How many rows: 500, or as many as asked for. What is too much for spot is cut.
    fn limit(&self, most: i64) -> Result<usize, Failure> {
        let limit = self.number("limit")?.unwrap_or(500);
        if limit < 1 || (limit > most && self.api.is_futures()) {
            return Err((-1130, "Data sent for parameter 'limit' is not valid.".to_owned()));
        }
        Ok(limit.min(most) as usize)
    }

    /// The instants, in ms since the epoch, from and to which rows are wanted, both included.
    fn span(&self) -> Result<(Option<i64>, Option<i64>), Failure> {
        let (start, end) = (self.number("startTime")?, self.number("endTime")?);
        let backwards = start.zip(end).is_some_and(|(start, end)| start > end);
        if backwards && self.api.is_futures() {
            return Err((-1023, "Start time is greater than end time.".to_owned()));
        }
        Ok((start, end))
    }

    /// Whether times are wanted in µs.
    fn in_micros(&self) -> bool {
        self.api == Api::Spot && self.ask.time_unit.eq_ignore_ascii_case("microsecond")
    }
}

fn klines(state: &State, ask: &Ask, api: Api) -> Result<String, Failure> {
    let known = ["symbol", "interval", "startTime", "endTime", "limit", "timeZone"];
    let query = Query::new(api, ask, &known)?;
    let instrument = query.instrument(state)?;
    let interval = rows::Interval::parse(query.needed("interval")?, api.is_futures())
        .ok_or_else(|| (-1120, "Invalid interval.".to_owned()))?;
    let (start, end) = query.span()?;
    let limit = query.limit(if api == Api::Spot { 1_000 } else { 1_500 })?;
    let is_too_long =
        start.zip(end).is_some_and(|(start, end)| end.saturating_sub(start) > COINM_SPAN);
    if api == Api::Coinm && is_too_long {
        // what it refuses is documented, its words are not
        let message = "The interval between startTime and endTime can not exceed 200 days.";
        return Err((-1127, message.to_owned()));
    }
    let utc = ["", "0", "0:00", "00:00", "+0:00", "+00:00", "-0:00", "-00:00"];
    if !utc.contains(&ask.params.text("timeZone")) {
        // not the provider's words: it has other zones, this server has not
        return Err((-1130, "Data sent for parameter 'timeZone' is not valid.".to_owned()));
    }
    let found = rows::bars(&state.market, instrument, interval, (start, end), limit, ask.now);
    Ok(rows::klines_json(instrument, &found, query.in_micros()))
}

fn agg_trades(state: &State, ask: &Ask, api: Api) -> Result<String, Failure> {
    const HOUR: i64 = 3_600_000;
    let known = ["symbol", "fromId", "startTime", "endTime", "limit"];
    let query = Query::new(api, ask, &known)?;
    let instrument = query.instrument(state)?;
    let (start, end) = query.span()?;
    let from_id = query.number("fromId")?;
    let limit = query.limit(1_000)?;
    if from_id.is_some() && (start.is_some() || end.is_some()) {
        let message = "Combination of optional parameters invalid. Recommendation: 'fromId' \
            should not be sent with 'startTime' or 'endTime'.";
        return Err((-1128, message.to_owned()));
    }
    if let (Some(start), Some(end)) = (start, end)
        && end.saturating_sub(start) > HOUR
    {
        return Err((-1127, "More than 1 hours between startTime and endTime.".to_owned()));
    }
    let hours = state.options.binance.futures_hours.filter(|_| api.is_futures());
    if let (Some(hours), Some(asked)) = (hours, start.or(end))
        && asked < ask.now / 1_000 - i64::from(hours) * HOUR
    {
        let message =
            format!("Search window is restricted to recent {} days only.", hours.div_ceil(24));
        return Err((-4166, message));
    }
    let wanted = match from_id {
        Some(id) => rows::Wanted::From(id as u64),
        None => rows::Wanted::Between(start, end),
    };
    let found = rows::agg_trades(state, instrument, wanted, limit, ask.now);
    Ok(rows::agg_trades_json(instrument, &found, query.in_micros()))
}

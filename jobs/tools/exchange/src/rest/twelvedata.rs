//! Twelve Data: `GET /time_series`, a credit for each symbol of a batch, and `/splits` and
//! `/dividends`, whose answers are in `actions`. Errors are bodies
//! `{code, message, status}` with a status of their own or, on demand, with 200. The texts are the
//! provider's where they are known; others say so.

mod actions;

use std::fmt::Write as _;

use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::Tz;

use super::assets::{Asset, Kind, currency_name, find};
use super::hours::{NEW_YORK, local, zone};
use super::limits::{Limits, Span, Taken};
use super::walk::{Bar, EPOCH, Length, Walk, Want};
use super::{Ask, Reply, State, fixed, quoted};

/// What is particular to Twelve Data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Habits {
    /// Credits; a symbol is one.
    pub limits: Limits,
    /// Whether errors come with status 200, so that only their body tells.
    pub errors_as_200: bool,
}

impl Default for Habits {
    /// The free plan, 8 credits a minute and 800 a day; errors with a status of their own.
    fn default() -> Self {
        let limits = Limits { second: None, minute: Some(8), day: Some(800) };
        Self { limits, errors_as_200: false }
    }
}

/// The name by which it is counted.
const PROVIDER: &str = "twelvedata";
/// Symbols that one request may name.
const LARGEST_BATCH: usize = 120;
const LARGEST_OUTPUT: usize = 5_000;

const NO_KEY: &str = "**apikey** parameter is incorrect or not specified. You can get your free \
    API Key instantly following this link: https://twelvedata.com/apikey. If you believe that \
    everything is correct, you can email us at apikey@twelvedata.com";
const DEMO: &str = "The 'demo' API key is only used for initial familiarity. To become a full \
    user, you can request your own API key at https://twelvedata.com/pricing. It is absolutely \
    free, and it's yours for a lifetime. It only takes 10 seconds to obtain your own API key!";
const NO_SYMBOL: &str = "**symbol** not found";
const TOO_MANY: &str = "Input parameter array exceeds the allowed length";
const NO_DATA: &str = "No data is available on the specified dates. Try setting different \
    start/end dates.";
const INTERNAL: &str = "Internal server error";

/// An error: its code and its message.
type Failure = (u16, String);

const INTERVALS: [(&str, Length); 12] = [
    ("1min", Length::Minutes(1)),
    ("5min", Length::Minutes(5)),
    ("15min", Length::Minutes(15)),
    ("30min", Length::Minutes(30)),
    ("45min", Length::Minutes(45)),
    ("1h", Length::Minutes(60)),
    ("2h", Length::Minutes(120)),
    ("4h", Length::Minutes(240)),
    ("8h", Length::Minutes(480)),
    ("1day", Length::Day),
    ("1week", Length::Week),
    ("1month", Length::Month),
];

/// What a request asks of each of its symbols.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Query {
    interval: &'static str,
    length: Length,
    start: Option<NaiveDateTime>,
    end: Option<NaiveDateTime>,
    outputsize: usize,
    ascending: bool,
    /// `None` is the exchange's own.
    zone: Option<Tz>,
    adjusted: bool,
    decimals: u8,
    csv: Option<String>,
}

/// The answer to `GET /time_series`.
pub(super) fn answer(state: &State, ask: &Ask) -> Reply {
    let symbols: Vec<&str> =
        ask.params.text("symbol").split(',').map(str::trim).filter(|s| !s.is_empty()).collect();
    let cost = symbols.len().max(1) as u64;
    counted(state, ask, cost, || series(state, ask, &symbols))
}

/// The answer to `GET /splits` and `GET /dividends`.
pub(super) fn actions(state: &State, ask: &Ask) -> Reply {
    counted(state, ask, actions::CREDITS, || actions::reply(state, ask))
}

/// An answer within the limits of a key, that costs so many credits.
fn counted(
    state: &State,
    ask: &Ask,
    cost: u64,
    work: impl FnOnce() -> Result<Reply, Failure>,
) -> Reply {
    let habits = &state.options.twelvedata;
    let status = |code: u16| if habits.errors_as_200 { 200 } else { code };
    let refuse = |(code, message): &Failure| Reply::json(status(*code), error(*code, message, ""));
    let key = key(ask);
    let is_known = state.knows(key);
    let limits = if is_known && key != "demo" { habits.limits } else { Limits::default() };
    let taken = state.counter.take(PROVIDER, key, cost, ask.window, limits);
    if !is_known {
        return refuse(&(401, NO_KEY.to_owned()));
    }
    if key == "demo" {
        return refuse(&(403, DEMO.to_owned()));
    }
    let reply = match beyond(&taken) {
        Some(message) => refuse(&(429, message)),
        None => match work() {
            Ok(reply) => reply,
            Err(failure) => refuse(&failure),
        },
    };
    let Some(minute) = limits.minute else { return reply };
    reply
        .with("api-credits-used", taken.minute)
        .with("api-credits-left", minute.saturating_sub(taken.minute))
}

/// The key of the header or, where there is none, of the query.
fn key(ask: &Ask) -> &str {
    match ask.authorization.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("apikey") => key.trim(),
        _ => ask.params.text("apikey"),
    }
}

/// What is said beyond a limit; the texts for the minute and the day differ.
fn beyond(taken: &Taken) -> Option<String> {
    let beyond = taken.beyond?;
    let (used, limit) = (beyond.used, beyond.limit);
    let counted = format!("{used} API credits were used, with the current limit being {limit}.");
    Some(match beyond.span {
        Span::Day => format!(
            "You have run out of API credits for the day. {counted} Wait for the next day or \
             consider switching to a paid plan that will remove daily limits at \
             https://twelvedata.com/pricing"
        ),
        Span::Minute | Span::Second => format!(
            "You have run out of API credits for the current minute. {counted} Wait for the next \
             minute or consider upgrading your plan at https://twelvedata.com/pricing"
        ),
    })
}

/// The body of an error; `meta` is what items of a batch have besides.
fn error(code: u16, message: &str, meta: &str) -> String {
    format!(r#"{{"code":{code},"message":{},"status":"error"{meta}}}"#, quoted(message))
}

/// The answer to a fault on demand, where the provider has a body for that status.
pub(super) fn failure(code: u16) -> Option<Reply> {
    let message = match code {
        401 => NO_KEY,
        403 => DEMO,
        404 => NO_SYMBOL,
        414 => TOO_MANY,
        500 => INTERNAL,
        _ => return None,
    };
    Some(Reply::json(code, error(code, message, "")))
}

fn series(state: &State, ask: &Ask, symbols: &[&str]) -> Result<Reply, Failure> {
    if symbols.len() > LARGEST_BATCH {
        return Err((414, TOO_MANY.to_owned()));
    }
    let query = query(ask)?;
    match (symbols, &query.csv) {
        ([], _) => Err((404, NO_SYMBOL.to_owned())),
        ([symbol], Some(delimiter)) => {
            let (asset, bars) = bars(state, ask.now, &query, symbol)?;
            Ok(Reply::csv(csv(asset, &bars, &query, delimiter)))
        }
        ([symbol], None) => {
            let (asset, bars) = bars(state, ask.now, &query, symbol)?;
            Ok(Reply::json(200, body(asset, &bars, &query)))
        }
        // not the provider's words, which are not known
        (_, Some(_)) => Err((400, "**format** CSV is not available for several symbols".into())),
        (_, None) => {
            let items: Vec<String> = symbols
                .iter()
                .map(|symbol| {
                    let item = match bars(state, ask.now, &query, symbol) {
                        Ok((asset, bars)) => body(asset, &bars, &query),
                        Err((code, message)) => {
                            let meta = format!(
                                r#","meta":{{"symbol":{},"interval":"{}","exchange":""}}"#,
                                quoted(symbol),
                                query.interval
                            );
                            error(code, &message, &meta)
                        }
                    };
                    format!("{}:{item}", quoted(symbol))
                })
                .collect();
            Ok(Reply::json(200, format!("{{{}}}", items.join(","))))
        }
    }
}

/// Reads the parameters. Only the interval's message is the provider's own.
fn query(ask: &Ask) -> Result<Query, Failure> {
    let bad = |name: &str, found: &str, expected: &str| {
        (400, format!("Invalid **{name}** provided: {found}. {expected}"))
    };
    let params = &ask.params;
    let interval = params.text("interval");
    let Some((interval, length)) = INTERVALS.into_iter().find(|(name, _)| *name == interval) else {
        let names: Vec<&str> = INTERVALS.iter().map(|(name, _)| *name).collect();
        let supported = format!("Supported intervals: {}", names.join(", "));
        return Err(bad("interval", interval, &supported));
    };
    let date = |name: &str, given: &str| {
        let expected = "Supported formats: 2006-01-02, 2006-01-02 15:04:05, 2006-01-02T15:04:05";
        moment(given).ok_or_else(|| bad(name, given, expected))
    };
    let given = |name: &str| params.get(name).filter(|value| !value.is_empty());
    let start = given("start_date").map(|text| date("start_date", text)).transpose()?;
    let end = given("end_date").map(|text| date("end_date", text)).transpose()?;
    let dated = start.is_some() || end.is_some();
    let outputsize = match given("outputsize") {
        None => {
            if dated {
                LARGEST_OUTPUT
            } else {
                30
            }
        }
        Some(text) => text
            .parse()
            .ok()
            .filter(|size| (1..=LARGEST_OUTPUT).contains(size))
            .ok_or_else(|| bad("outputsize", text, "Supported values: from 1 to 5000"))?,
    };
    let ascending = match given("order").map(str::to_lowercase).as_deref() {
        None | Some("desc") => false,
        Some("asc") => true,
        Some(other) => return Err(bad("order", other, "Supported values: asc, desc")),
    };
    let zone = match given("timezone") {
        None | Some("Exchange" | "exchange") => None,
        Some(name) => {
            let expected = "Supported values: Exchange, UTC or a name such as America/New_York";
            Some(name.parse::<Tz>().map_err(|_| bad("timezone", name, expected))?)
        }
    };
    let adjusted = match given("adjust") {
        None | Some("splits" | "all") => true,
        Some("none" | "dividends") => false,
        Some(other) => {
            return Err(bad("adjust", other, "Supported values: all, splits, dividends, none"));
        }
    };
    let decimals = match given("dp") {
        None | Some("-1") => 5,
        Some(text) => text
            .parse()
            .ok()
            .filter(|dp| *dp <= 11)
            .ok_or_else(|| bad("dp", text, "Supported values: from 0 to 11"))?,
    };
    let csv = match given("format").map(str::to_lowercase).as_deref() {
        None | Some("json") => None,
        Some("csv") => Some(given("delimiter").unwrap_or(";").to_owned()),
        Some(other) => return Err(bad("format", other, "Supported values: JSON, CSV")),
    };
    Ok(Query { interval, length, start, end, outputsize, ascending, zone, adjusted, decimals, csv })
}

/// A day or a second, from 1900 to 2200.
fn moment(text: &str) -> Option<NaiveDateTime> {
    let day = || text.parse::<NaiveDate>().ok().map(|d| d.and_time(chrono::NaiveTime::MIN));
    let read = |format: &str| NaiveDateTime::parse_from_str(text, format).ok();
    day()
        .or_else(|| read("%Y-%m-%d %H:%M:%S"))
        .or_else(|| read("%Y-%m-%dT%H:%M:%S"))
        .filter(|at| (1_900..=2_200).contains(&chrono::Datelike::year(at)))
}

/// The asset of `AAPL` or `AAPL:NASDAQ`.
fn asset(symbol: &str) -> Option<&'static Asset> {
    let (name, exchange) = symbol.split_once(':').map_or((symbol, None), |(n, e)| (n, Some(e)));
    let fits = |asset: &&Asset| {
        exchange.is_none_or(|e| e.eq_ignore_ascii_case(asset.exchange) || e == asset.mic)
    };
    find(name).filter(fits)
}

/// The bars of a symbol, newest first or oldest first as asked, with stamps in the zone asked for.
fn bars(
    state: &State,
    now: i64,
    query: &Query,
    symbol: &str,
) -> Result<(&'static Asset, Vec<Bar>), Failure> {
    let asset = asset(symbol).ok_or_else(|| (404, NO_SYMBOL.to_owned()))?;
    let own = zone(asset.kind);
    // bars of a day and longer are named by a date, which no zone changes
    let is_dated = !matches!(query.length, Length::Minutes(_));
    let shown = query.zone.filter(|_| !is_dated).unwrap_or(own);
    let restamp = |bar: &Bar| if shown == own { bar.stamp } else { local(shown, bar.start) };
    let keep = |bar: &Bar| {
        let stamp = restamp(bar);
        query.start.is_none_or(|start| start <= stamp) && query.end.is_none_or(|end| stamp <= end)
    };
    // a day more on each side, since zones differ
    let widen = |date: NaiveDate, days: i64| date + chrono::TimeDelta::days(days);
    let first = query.start.map_or(EPOCH, |start| widen(start.date(), -1));
    let last = query.end.map_or(NaiveDate::MAX, |end| widen(end.date(), 1));
    let want = Want {
        length: query.length,
        extended: false,
        adjusted: query.adjusted,
        from_open: asset.kind == Kind::Stock,
        now,
    };
    let walk = Walk::new(state.options.seed, asset);
    let mut found = walk.newest(&want, first, last, query.outputsize, keep);
    if found.is_empty() {
        return Err((400, NO_DATA.to_owned()));
    }
    for bar in &mut found {
        bar.stamp = restamp(bar);
    }
    if query.ascending {
        found.reverse();
    }
    Ok((asset, found))
}

fn stamp(bar: &Bar, query: &Query) -> String {
    let format = match query.length {
        Length::Minutes(_) => "%Y-%m-%d %H:%M:%S",
        _ => "%Y-%m-%d",
    };
    bar.stamp.format(format).to_string()
}

fn body(asset: &Asset, bars: &[Bar], query: &Query) -> String {
    let (base, quote) = asset.sides();
    let mut meta = format!(r#"{{"symbol":"{}","interval":"{}""#, asset.symbol, query.interval);
    let more = match asset.kind {
        Kind::Stock => format!(
            r#","currency":"USD","exchange_timezone":"{}","exchange":"{}","mic_code":"{}","type":"Common Stock"}}"#,
            NEW_YORK.name(),
            asset.exchange,
            asset.mic
        ),
        Kind::Forex => format!(
            r#","currency_base":"{}","currency_quote":"{}","type":"Physical Currency"}}"#,
            currency_name(base),
            currency_name(quote)
        ),
        Kind::Crypto => format!(
            r#","currency_base":"{}","currency_quote":"{}","exchange":"{}","type":"Digital Currency"}}"#,
            currency_name(base),
            currency_name(quote),
            asset.exchange
        ),
    };
    meta.push_str(&more);
    let values: Vec<String> = bars
        .iter()
        .map(|bar| {
            let price = |amount| fixed(amount, query.decimals);
            let mut value = format!(
                r#"{{"datetime":"{}","open":"{}","high":"{}","low":"{}","close":"{}""#,
                stamp(bar, query),
                price(bar.open),
                price(bar.high),
                price(bar.low),
                price(bar.close)
            );
            if asset.kind == Kind::Stock {
                let _ = write!(value, r#","volume":"{}""#, fixed(bar.volume, 0));
            }
            value + "}"
        })
        .collect();
    format!(r#"{{"meta":{meta},"values":[{}],"status":"ok"}}"#, values.join(","))
}

fn csv(asset: &Asset, bars: &[Bar], query: &Query, delimiter: &str) -> String {
    let is_stock = asset.kind == Kind::Stock;
    let mut names = vec!["datetime", "open", "high", "low", "close"];
    names.extend(is_stock.then_some("volume"));
    let mut text = names.join(delimiter) + "\n";
    for bar in bars {
        let prices = [bar.open, bar.high, bar.low, bar.close].map(|p| fixed(p, query.decimals));
        let mut fields = vec![stamp(bar, query)];
        fields.extend(prices);
        fields.extend(is_stock.then(|| fixed(bar.volume, 0)));
        text.push_str(&fields.join(delimiter));
        text.push('\n');
    }
    text
}

//! Alpha Vantage: `GET /query?function=…`. Whatever goes wrong is an object with one field and
//! status 200, whatever format was asked for. What the answers of the functions look like is in
//! `tables`. The texts are the provider's.

mod tables;

use super::assets::{Asset, Kind, find};
use super::limits::{Limits, Span};
use super::walk::Length;
use super::{Ask, Reply, State, quoted};

/// What is particular to Alpha Vantage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Habits {
    /// Requests.
    pub limits: Limits,
    /// Whether limits are told as `Note`, as they were until about 2020, and not as
    /// `Information`.
    pub notes: bool,
    /// Functions that a premium plan is needed for, `FX_INTRADAY`, or only in full,
    /// `TIME_SERIES_DAILY:full`.
    pub premium: Vec<String>,
    /// Functions that are answered with artificial data and a `message`.
    pub artificial: Vec<String>,
    /// Whether stocks are told up to now; else up to the last day that is over, as for free keys.
    pub realtime: bool,
}

impl Default for Habits {
    /// The free plan: 25 requests a day and 5 a second, the whole of `TIME_SERIES_DAILY` needs a
    /// premium plan, stocks by the end of the day.
    fn default() -> Self {
        Self {
            limits: Limits { second: Some(5), minute: None, day: Some(25) },
            notes: false,
            premium: vec!["TIME_SERIES_DAILY:full".to_owned()],
            artificial: Vec::new(),
            realtime: false,
        }
    }
}

/// The name by which it is counted.
const PROVIDER: &str = "alphavantage";

const NO_KEY: &str = "the parameter apikey is invalid or missing. Please claim your free API key \
    on (https://www.alphavantage.co/support/#api-key). It should take less than 20 seconds.";
const DEMO: &str = "The **demo** API key is for demo purposes only. Please claim your free API key \
    at (https://www.alphavantage.co/support/#api-key) to explore our full API offerings. It takes \
    fewer than 20 seconds.";
const PREMIUM: &str = "Thank you for using Alpha Vantage! This is a premium endpoint. Please \
    subscribe to a premium membership plan to instantly unlock this endpoint.";
const NOTE: &str = "Thank you for using Alpha Vantage! Our standard API call frequency is 5 calls \
    per minute and 500 calls per day. Please visit https://www.alphavantage.co/premium/ if you \
    would like to target a higher API call frequency.";
const ARTIFICIAL: &str = "This is a premium endpoint. ***THE SAMPLE DATA SCHEMA BELOW IS ARTIFICIAL \
    AND FOR ILLUSTRATION PURPOSES ONLY***. To access the actual data, please subscribe to any \
    premium plan that mentions 'Realtime US Market Data' in its description at \
    https://www.alphavantage.co/premium/ for your personal non-professional use. For \
    professional/commercial use, please contact support at support@alphavantage.co.";

/// The functions that are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Intraday,
    Daily,
    FxIntraday,
    FxDaily,
    CryptoIntraday,
    CryptoDaily,
    Quote,
    Overview,
    Splits,
    Dividends,
}

impl Function {
    /// Whether it is one of companies: it knows no intervals and no errors of symbols.
    const fn is_of_company(self) -> bool {
        matches!(self, Self::Quote | Self::Overview | Self::Splits | Self::Dividends)
    }
}

const FUNCTIONS: [(&str, Function); 10] = [
    ("TIME_SERIES_INTRADAY", Function::Intraday),
    ("TIME_SERIES_DAILY", Function::Daily),
    ("FX_INTRADAY", Function::FxIntraday),
    ("FX_DAILY", Function::FxDaily),
    ("CRYPTO_INTRADAY", Function::CryptoIntraday),
    ("DIGITAL_CURRENCY_DAILY", Function::CryptoDaily),
    ("GLOBAL_QUOTE", Function::Quote),
    ("OVERVIEW", Function::Overview),
    ("SPLITS", Function::Splits),
    ("DIVIDENDS", Function::Dividends),
];

/// The one field of a refusal and its text.
type Notice = (&'static str, String);

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a parameter that is true or false")]
struct Query {
    function: Function,
    /// The function's name.
    name: &'static str,
    asset: &'static Asset,
    /// As asked: `5min`; nothing for days.
    interval: String,
    length: Length,
    /// Everything, or the latest hundred.
    full: bool,
    adjusted: bool,
    extended: bool,
    /// The first day of the only month wanted.
    month: Option<chrono::NaiveDate>,
    csv: bool,
}

/// The answer to `GET /query`.
pub(super) fn answer(state: &State, ask: &Ask) -> Reply {
    let habits = &state.options.alphavantage;
    let key = ask.params.text("apikey");
    let limits = if state.knows(key) { habits.limits } else { Limits::default() };
    let taken = state.counter.take(PROVIDER, key, 1, ask.window, limits);
    let beyond = taken.beyond.map(|beyond| {
        let field = if habits.notes { "Note" } else { "Information" };
        (field, limit_text(habits, beyond.span))
    });
    let name = ask.params.text("function");
    let result = match beyond {
        _ if !state.knows(key) => Err(("Error Message", NO_KEY.to_owned())),
        Some(notice) => Err(notice),
        None if key == "demo" => Err(("Information", DEMO.to_owned())),
        None => match FUNCTIONS.into_iter().find(|(known, _)| *known == name) {
            None => Err(("Error Message", format!("This API function ({name}) does not exist."))),
            Some(_) if habits.artificial.iter().any(|a| a == name) => {
                return Reply::json(200, artificial(name));
            }
            Some((name, function)) => {
                plan(habits, ask, name).and_then(|()| query(ask, name, function)).map(|query| {
                    query.map_or_else(|| empty(function), |q| tables::reply(state, ask, &q))
                })
            }
        },
    };
    result.unwrap_or_else(|(field, text)| {
        Reply::json(200, format!("{{\n    {}: {}\n}}", quoted(field), quoted(&text)))
    })
}

/// What is said beyond a limit. The numbers of the note never followed the plan.
fn limit_text(habits: &Habits, span: Span) -> String {
    if habits.notes {
        return NOTE.to_owned();
    }
    let day = habits.limits.day.unwrap_or(25);
    let text = format!(
        "Thank you for using Alpha Vantage! Our standard API rate limit is {day} requests per day. \
         Please subscribe to any of the premium plans at https://www.alphavantage.co/premium/ to \
         instantly remove all daily rate limits."
    );
    match (span, habits.limits.second) {
        (Span::Second, Some(second)) => {
            format!("{text} Burst pattern detected: {second} requests per second allowed.")
        }
        _ => text,
    }
}

/// Whether the free plan has a function, or has it in full.
fn plan(habits: &Habits, ask: &Ask, name: &str) -> Result<(), Notice> {
    let full = ask.params.text("outputsize") == "full";
    for premium in &habits.premium {
        match premium.split_once(':') {
            None if premium == name => return Err(("Information", PREMIUM.to_owned())),
            Some((function, "full")) if full && function == name => {
                let text = format!(
                    "Thank you for using Alpha Vantage! The outputsize=full parameter value is a \
                     premium feature for the {name} endpoint. You may subscribe to any of the \
                     premium plans at https://www.alphavantage.co/premium/ to instantly unlock all \
                     premium features"
                );
                return Err(("Information", text));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The sample that premium endpoints have for everybody else.
fn artificial(name: &str) -> String {
    let title: Vec<String> = name
        .split('_')
        .map(|word| word.chars().take(1).chain(word.to_lowercase().chars().skip(1)).collect())
        .collect();
    format!(
        r#"{{
    "endpoint": {},
    "message": {},
    "data": [
        {{
            "symbol": "IBM",
            "timestamp": "2024-10-18 19:54:00.879",
            "open": "231.29",
            "high": "232.6499",
            "low": "230.17",
            "close": "232.22",
            "volume": "4715482"
        }}
    ]
}}"#,
        quoted(&title.join(" ")),
        quoted(ARTIFICIAL)
    )
}

/// What functions that know no errors say of a symbol that is not there.
fn empty(function: Function) -> Reply {
    let body = if function == Function::Quote { "{\n    \"Global Quote\": {}\n}" } else { "{}" };
    Reply::json(200, body.to_owned())
}

/// Reads the parameters; `Ok(None)` is a symbol that is not there, where that is no error.
fn query(ask: &Ask, name: &'static str, function: Function) -> Result<Option<Query>, Notice> {
    let invalid = || {
        let text = format!(
            "Invalid API call. Please retry or visit the documentation \
             (https://www.alphavantage.co/documentation/) for {name}."
        );
        ("Error Message", text)
    };
    let params = &ask.params;
    let given = |name: &str| params.get(name).filter(|value| !value.is_empty());
    let flag = |name: &str| match given(name) {
        None | Some("true") => Ok(true),
        Some("false") => Ok(false),
        Some(_) => Err(invalid()),
    };
    let (symbol, kind) = match function {
        _ if function.is_of_company()
            || matches!(function, Function::Intraday | Function::Daily) =>
        {
            (params.text("symbol").replace('-', "."), Kind::Stock)
        }
        Function::FxIntraday | Function::FxDaily => {
            let (from, to) = (params.text("from_symbol"), params.text("to_symbol"));
            (format!("{from}/{to}"), Kind::Forex)
        }
        _ => (format!("{}/{}", params.text("symbol"), params.text("market")), Kind::Crypto),
    };
    let asset = find(&symbol).filter(|asset| asset.kind == kind);
    let is_mild = function.is_of_company();
    let asset = match asset {
        Some(asset) => asset,
        None if is_mild && !symbol.is_empty() => return Ok(None),
        None => return Err(invalid()),
    };
    let is_intraday =
        matches!(function, Function::Intraday | Function::FxIntraday | Function::CryptoIntraday);
    let interval = if is_intraday { params.text("interval") } else { "" };
    let length = match (is_intraday, interval) {
        (false, _) => Length::Day,
        (true, "1min") => Length::Minutes(1),
        (true, "5min") => Length::Minutes(5),
        (true, "15min") => Length::Minutes(15),
        (true, "30min") => Length::Minutes(30),
        (true, "60min") => Length::Minutes(60),
        _ => return Err(invalid()),
    };
    let month = match given("month").filter(|_| function == Function::Intraday) {
        None => None,
        Some(month) if month.len() == 7 => {
            Some(format!("{month}-01").parse().map_err(|_| invalid())?)
        }
        Some(_) => return Err(invalid()),
    };
    let full = match given("outputsize") {
        None | Some("compact") => false,
        Some("full") => true,
        Some(_) => return Err(invalid()),
    };
    let csv = match given("datatype") {
        None | Some("json") => false,
        Some("csv") => function == Function::Quote || !function.is_of_company(),
        Some(_) => return Err(invalid()),
    };
    let is_stock = function == Function::Intraday;
    Ok(Some(Query {
        function,
        name,
        asset,
        interval: interval.to_owned(),
        length,
        full,
        adjusted: is_stock && flag("adjusted")?,
        extended: is_stock && flag("extended_hours")?,
        month,
        csv,
    }))
}

//! Sample servers of providers that are asked over REST, as strict as the real ones: they count
//! what each key asks for, refuse what is beyond its limits, and say so in the providers' own
//! words. One address serves them all, since their paths differ.
//!
//! | module | what lives there |
//! |---|---|
//! | `server` | requests, faults of answers, the control door |
//! | [`twelvedata`], [`alphavantage`], [`binance`] | what each provider answers |
//! | `limits`, `clock` | what was asked for in which window; what time it is |
//! | `assets`, `hours`, `walk` | made-up stocks, forex and coins; when they trade; their bars |
//! | `company` | what the stocks' companies report and pay |
//!
//! ```
//! use exchange::rest::{Rest, RestOptions};
//! let server = Rest::start(&RestOptions::default())?;
//! println!("{}/time_series?symbol=AAPL&interval=1min&apikey=any", server.url());
//! # Ok::<(), exchange::StartError>(())
//! ```
//!
//! Rules of faults ([`crate::faults`]) fit a request by its path and decoded query without the
//! key: `time_series?symbol=AAPL**`, `query?function=OVERVIEW**`, `api/v3/klines**`. Those of the
//! answer work; those of archives find nothing here.

pub mod alphavantage;
mod assets;
pub mod binance;
mod clock;
mod company;
mod hours;
mod limits;
mod server;
pub mod twelvedata;
mod walk;

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};

pub use self::clock::{Pace, Windows};
pub use self::limits::{Count, Limits, Used};
pub use self::walk::UnknownPair;
pub(crate) use self::walk::{Minute, minutes_of};
use crate::faults::{BadFaults, Faults, Rule};
use crate::instrument::SymbolSpec;
use crate::listing::unescape;
use crate::log::{Request, RequestLog};
use crate::rules::LiveFaults;
use crate::running::Running;
use crate::state::StartError;
use crate::trades::SampleMarket;

/// How the servers are.
#[derive(Debug, Clone)]
pub struct RestOptions {
    /// What all prices are drawn from; for Binance the seed of the market, as in
    /// [`crate::Options::seed`].
    pub seed: u64,
    /// Binance's symbols. The others' are fixed.
    pub symbols: Vec<SymbolSpec>,
    /// What time it is; the system's time when absent.
    pub now: Option<DateTime<Utc>>,
    /// Whether a clock that was set goes on.
    pub pace: Pace,
    /// The clock by which limits are counted.
    pub windows: Windows,
    /// The keys that Twelve Data and Alpha Vantage know; any key when empty.
    pub keys: Vec<String>,
    /// The rules to start with.
    pub faults: Faults,
    /// What is particular to Twelve Data.
    pub twelvedata: twelvedata::Habits,
    /// What is particular to Alpha Vantage.
    pub alphavantage: alphavantage::Habits,
    /// What is particular to Binance.
    pub binance: binance::Habits,
    /// The address to listen on.
    pub listen: SocketAddr,
}

impl Default for RestOptions {
    /// Seed 1, [`SymbolSpec::defaults`], the system's clock, any key, the limits of free plans, a
    /// free port of 127.0.0.1.
    fn default() -> Self {
        Self {
            seed: 1,
            symbols: SymbolSpec::defaults(),
            now: None,
            pace: Pace::default(),
            windows: Windows::default(),
            keys: Vec::new(),
            faults: Faults::default(),
            twelvedata: twelvedata::Habits::default(),
            alphavantage: alphavantage::Habits::default(),
            binance: binance::Habits::default(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        }
    }
}

/// The sample servers.
#[derive(Debug, Clone, Copy)]
pub struct Rest;

/// Running servers. They stop when this is dropped.
#[derive(Debug)]
pub struct RestHandle {
    state: Arc<State>,
    running: Running,
}

#[derive(Debug)]
struct State {
    options: RestOptions,
    market: SampleMarket,
    clock: clock::Clock,
    counter: limits::Counter,
    bans: binance::Bans,
    aggregates: binance::Cache,
    log: RequestLog,
    faults: RwLock<Arc<LiveFaults>>,
}

impl Rest {
    /// Starts the servers on threads of their own, so they work in any test, async or not.
    ///
    /// # Errors
    /// [`StartError`] when the options make no sense or the address cannot be had.
    pub fn start(options: &RestOptions) -> Result<RestHandle, StartError> {
        let state = Arc::new(State::new(options)?);
        let serving = Arc::clone(&state);
        let running = Running::start(options.listen, |l| server::serve(l, serving))?;
        Ok(RestHandle { state, running })
    }
}

impl RestHandle {
    /// Where they listen, without a slash at the end: `http://127.0.0.1:41234`.
    pub fn url(&self) -> &str {
        self.running.url()
    }

    /// Binance's market, as an [`crate::Exchange`] of the same seed and symbols has it.
    pub fn market(&self) -> &SampleMarket {
        &self.state.market
    }

    /// Sets the clock; `None` goes back to the system's.
    pub fn set_now(&self, now: Option<DateTime<Utc>>) {
        self.state.clock.set(now);
    }

    /// What every key has asked for, by provider and key.
    pub fn counts(&self) -> Vec<Count> {
        self.state.counter.all()
    }

    /// What one key has asked one provider for.
    pub fn count(&self, provider: &str, key: &str) -> Count {
        let mut counts = self.counts().into_iter();
        counts.find(|c| c.provider == provider && c.key == key).unwrap_or_default()
    }

    /// Forgets what was asked for and every ban, so all limits are fresh.
    pub fn clear_counts(&self) {
        self.state.clear_counts();
    }

    /// Replaces all rules; what they counted is forgotten.
    ///
    /// # Errors
    /// [`BadFaults`] when one makes no sense; the old rules stay.
    pub fn set_faults(&self, rules: Vec<Rule>) -> Result<(), BadFaults> {
        self.state.set_faults(Faults::of(rules))
    }

    /// Removes all rules.
    pub fn clear_faults(&self) {
        // no rules cannot be bad rules
        let _ = self.state.set_faults(Faults::default());
    }

    /// How often each rule applied, in their order.
    pub fn applied(&self) -> Vec<u64> {
        self.state.faults().applied()
    }

    /// The requests so far, oldest first, without those of the control door. A path is as rules
    /// see it: with its query, without the key.
    pub fn requests(&self) -> Vec<Request> {
        self.state.log.all()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.state.log.clear();
    }
}

impl State {
    fn new(options: &RestOptions) -> Result<Self, StartError> {
        options.faults.check()?;
        Ok(Self {
            market: SampleMarket::new(options.seed, &options.symbols)?,
            clock: clock::Clock::new(options.now, options.pace),
            counter: limits::Counter::default(),
            bans: binance::Bans::default(),
            aggregates: binance::Cache::default(),
            log: RequestLog::default(),
            faults: RwLock::new(Arc::new(LiveFaults::new(options.faults.clone()))),
            options: options.clone(),
        })
    }

    fn faults(&self) -> Arc<LiveFaults> {
        Arc::clone(&self.faults.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set_faults(&self, faults: Faults) -> Result<(), BadFaults> {
        faults.check()?;
        let live = Arc::new(LiveFaults::new(faults));
        *self.faults.write().unwrap_or_else(PoisonError::into_inner) = live;
        Ok(())
    }

    fn clear_counts(&self) {
        self.counter.clear();
        self.bans.clear();
    }

    /// Whether a key is known.
    fn knows(&self, key: &str) -> bool {
        let keys = &self.options.keys;
        !key.is_empty() && (keys.is_empty() || keys.iter().any(|known| known == key))
    }
}

/// A request, as providers see it.
#[derive(Debug, Clone)]
struct Ask {
    /// Without a slash at its beginning.
    path: String,
    params: Params,
    /// The header `Authorization`.
    authorization: String,
    /// The header `X-MBX-TIME-UNIT`.
    time_unit: String,
    /// Who asks.
    address: String,
    /// The server's time, µs since the epoch.
    now: i64,
    /// The time that limits go by, µs since the epoch.
    window: i64,
}

/// The parameters of a request, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Params(Vec<(String, String)>);

impl Params {
    /// Reads any query; what has no `=` has an empty value.
    fn parse(query: &str) -> Self {
        let read = |part: &str| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (unescape(name), unescape(&value.replace('+', " ")))
        };
        Self(query.split('&').filter(|part| !part.is_empty()).map(read).collect())
    }

    /// The first value of a name.
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a name, nothing when absent.
    fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// As rules and the log have it: decoded, without the key.
    fn shown(&self, path: &str) -> String {
        let shown: Vec<String> = self
            .0
            .iter()
            .filter(|(name, _)| name != "apikey")
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if shown.is_empty() { path.to_owned() } else { format!("{path}?{}", shown.join("&")) }
    }
}

/// An answer, before faults.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reply {
    status: u16,
    kind: &'static str,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Reply {
    const JSON: &'static str = "application/json; charset=utf-8";
    const CSV: &'static str = "text/csv; charset=utf-8";

    fn json(status: u16, body: String) -> Self {
        Self { status, kind: Self::JSON, headers: Vec::new(), body }
    }

    fn csv(body: String) -> Self {
        Self { status: 200, kind: Self::CSV, headers: Vec::new(), body }
    }

    fn with(mut self, name: &'static str, value: u64) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }
}

/// A text as JSON has it, with its quotes.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// An amount with so many decimals, rounded half away from zero; more than eight are zeros.
fn fixed(amount: i64, decimals: u8) -> String {
    let kept = usize::from(decimals.min(8));
    let unit = i128::from(crate::amount::TENS[8 - kept]);
    let amount = i128::from(amount);
    let rounded = (amount.abs() + unit / 2) / unit * unit;
    let text = crate::amount::text(rounded);
    let end = if kept == 0 { text.len() - 9 } else { text.len() - (8 - kept) };
    let sign = if amount < 0 && rounded > 0 { "-" } else { "" };
    let zeros = "0".repeat(usize::from(decimals.saturating_sub(8)));
    format!("{sign}{}{zeros}", &text[..end])
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    #[test]
    fn amounts_are_rounded_where_they_end() {
        let check = |amount: i64, decimals: u8, expect: &str| {
            assert_eq!(fixed(amount, decimals), expect, "{amount} {decimals}");
        };
        check(12_763_990_000, 5, "127.63990");
        check(12_763_995_000, 4, "127.6400");
        check(12_763_994_999, 4, "127.6399");
        check(150_000_000, 0, "2");
        check(-93_000_000, 4, "-0.9300");
        check(-1, 4, "0.0000");
        check(1, 11, "0.00000001000");
    }

    #[test]
    fn queries_are_read_and_shown_without_the_key() {
        let check = |query: &str, expect: &str| {
            assert_eq!(Params::parse(query).shown("p"), expect, "{query}");
        };
        check("symbol=EUR%2FUSD&apikey=k&interval=1min", "p?symbol=EUR/USD&interval=1min");
        check("start_date=2024-01-01+10%3A00", "p?start_date=2024-01-01 10:00");
        check("apikey=k", "p");
        check("&&a&=b&%", "p?a=&=b&%=");
    }

    /// Servers with symbols that are quick to make.
    fn state() -> State {
        let symbols = vec!["spot:BTCUSDT,trades=50,listed=2024-01-01".parse().unwrap()];
        let now = Some("2024-01-10T12:00:00Z".parse().unwrap());
        let mut options = RestOptions { symbols, now, ..RestOptions::default() };
        options.twelvedata.limits = Limits::default();
        options.alphavantage.limits = Limits::default();
        State::new(&options).unwrap()
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..64)) {
            let params = Params::parse(&String::from_utf8_lossy(&bytes));
            prop_assert!(params.shown("p").starts_with('p'));
        }

        #[test]
        fn no_parameters_make_it_panic(
            path in select(vec!["time_series", "splits", "dividends", "query", "api/v3/klines", "api/v3/aggTrades"]),
            sound in any::<bool>(),
            odd in vec((select(NAMES.to_vec()), "\\PC{0,24}|[0-9]{1,22}|[0-9]{4,6}-[0-9]{2}-[0-9]{2}"), 0..4),
        ) {
            let mut query = if sound { SOUND.to_owned() } else { "apikey=k".to_owned() };
            let mut params: Vec<(String, String)> =
                odd.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            if path.starts_with("api/") {
                query = "symbol=BTCUSDT&interval=1h".to_owned();
            }
            params.extend(Params::parse(&query).0);
            let state = state();
            let now = state.clock.now();
            let ask = Ask {
                path: path.to_owned(),
                params: Params(params),
                authorization: String::new(),
                time_unit: String::new(),
                address: "a".to_owned(),
                now,
                window: now,
            };
            let reply = server::route(&state, &ask);
            prop_assert!(!reply.body.is_empty() && [200, 400, 404, 414].contains(&reply.status));
        }
    }

    const SOUND: &str = "apikey=k&symbol=IBM&interval=5min&function=TIME_SERIES_INTRADAY";

    const NAMES: [&str; 19] = [
        "symbol",
        "interval",
        "start_date",
        "end_date",
        "outputsize",
        "order",
        "timezone",
        "dp",
        "format",
        "delimiter",
        "function",
        "month",
        "datatype",
        "startTime",
        "endTime",
        "fromId",
        "limit",
        "timeZone",
        "from_symbol",
    ];
}

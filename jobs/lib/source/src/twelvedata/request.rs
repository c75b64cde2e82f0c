//! How Twelve Data is asked for bars, and what the next page is. Nothing of answers.

use chrono::DateTime;
use model::{Period, Timeframe};

use crate::rest::{Adjusted, Bars, Key, KeyIn, Kind, Request, Unaskable, to_provider};

/// Most rows of an answer.
pub const MOST_ROWS: usize = 5000;

/// Name of the provider in messages.
const PROVIDER: &str = "Twelve Data";

/// Microseconds in a second.
const SECOND: i64 = 1_000_000;

/// Which rows an answer begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Order {
    /// Newest first: a full answer lacks the oldest rows.
    #[default]
    Desc,
    /// Oldest first: a full answer lacks the newest rows. Some say that the API cuts off the oldest
    /// rows all the same, so that [`Self::Desc`] is the sure way.
    Asc,
}

/// Which clock the times of an answer follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Times {
    /// UTC.
    #[default]
    Utc,
    /// The exchange's, as where no zone is asked for. For stocks within the day such a request
    /// cannot be written, as the bounds would have to be in that zone; such an answer can be read.
    Exchange,
}

/// A stretch of time, in µs since the epoch, of whole seconds. For daily bars their dates count, as 00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first instant.
    pub start: i64,
    /// The first instant after.
    pub end: i64,
}

impl From<Period> for Window {
    fn from(period: Period) -> Self {
        let micros = period.micros();
        Self { start: micros.start, end: micros.end }
    }
}

/// What Twelve Data is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Symbols as the lake writes them, all of one kind. Each costs a credit.
    pub symbols: Vec<String>,
    /// The kind of market.
    pub kind: Kind,
    /// The length of a bar.
    pub timeframe: Timeframe,
    /// From when to when.
    pub window: Window,
    /// Which rows come first.
    pub order: Order,
    /// How prices are to be changed for splits and dividends; asked for in stocks alone.
    pub adjusted: Adjusted,
    /// Which clock the times of the answer follow.
    pub times: Times,
    /// Most rows wanted, 1 to [`MOST_ROWS`].
    pub size: usize,
}

impl Ask {
    /// Asks for one symbol's bars as traded, in UTC, newest first, as many as an answer holds.
    pub fn new(symbol: &str, kind: Kind, timeframe: Timeframe, period: Period) -> Self {
        Self {
            symbols: vec![symbol.to_owned()],
            kind,
            timeframe,
            window: period.into(),
            order: Order::Desc,
            adjusted: Adjusted::No,
            times: Times::Utc,
            size: MOST_ROWS,
        }
    }

    /// Whether bars are days.
    pub(crate) fn is_daily(&self) -> bool {
        self.timeframe == Timeframe::D1
    }
}

/// Pages that would go on for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an answer of {rows} rows has none inside of what was asked for, expected the next page")]
pub struct Stuck {
    /// Rows of the answer.
    pub rows: usize,
}

/// The request for bars.
///
/// Bounds are written so that it makes no difference whether the API counts its `end_date` in: a
/// second before the first instant that is not wanted.
///
/// # Errors
/// [`Unaskable`] for a symbol, timeframe, stretch or size that the API does not have.
pub fn request(ask: &Ask, key: &Key) -> Result<Request, Unaskable> {
    if ask.symbols.is_empty() {
        return Err(Unaskable::NoSymbol);
    }
    if !(1..=MOST_ROWS).contains(&ask.size) {
        return Err(Unaskable::Size { found: ask.size, most: MOST_ROWS });
    }
    let symbols: Result<Vec<_>, _> =
        ask.symbols.iter().map(|symbol| to_provider(ask.kind, symbol)).collect();
    let symbols = symbols?.join(",");
    let interval = interval(ask.timeframe)?;
    let span = |found: String, expected| Unaskable::Span {
        provider: PROVIDER,
        kind: ask.kind,
        found,
        expected,
    };
    if ask.times == Times::Exchange && ask.kind == Kind::Stocks && !ask.is_daily() {
        return Err(span("bars within the day in the exchange's time".to_owned(), "UTC"));
    }
    let Window { start, end } = ask.window;
    let (Some(from), Some(to)) = (bound(start), end.checked_sub(SECOND).and_then(bound)) else {
        return Err(span(format!("{start} to {end}"), "µs of the years 0 to 9999"));
    };
    if end.saturating_sub(start) < SECOND {
        return Err(span(format!("{from} to {to}"), "an end after the start"));
    }
    let size = ask.size.to_string();
    let mut parameters = vec![
        ("symbol", symbols.as_str()),
        ("interval", interval),
        ("start_date", from.as_str()),
        ("end_date", to.as_str()),
        ("outputsize", size.as_str()),
        ("order", if ask.order == Order::Asc { "asc" } else { "desc" }),
        ("format", "JSON"),
    ];
    if ask.times == Times::Utc && !ask.is_daily() {
        parameters.push(("timezone", "UTC"));
    }
    if ask.kind == Kind::Stocks {
        parameters.push(("adjust", adjust(ask.adjusted)));
    }
    Ok(Request::new("/time_series", &parameters, key, KeyIn::Header))
}

/// What is still to be asked for one symbol after an answer; `None` where it is complete.
///
/// # Errors
/// [`Stuck`] for a full answer that brings the pages no further.
pub fn next_window(ask: &Ask, bars: &Bars) -> Result<Option<Window>, Stuck> {
    if bars.rows < ask.size {
        return Ok(None);
    }
    let stuck = Stuck { rows: bars.rows };
    let Window { start, end } = ask.window;
    let next = match ask.order {
        Order::Desc => Window { start, end: bars.first.filter(|t| *t < end).ok_or(stuck)? },
        Order::Asc => {
            let newest = bars.last.filter(|t| *t >= start).ok_or(stuck)?;
            Window { start: newest.saturating_add(SECOND), end }
        }
    };
    Ok((next.start < next.end).then_some(next))
}

/// The API's word for a timeframe.
pub(crate) const fn interval(timeframe: Timeframe) -> Result<&'static str, Unaskable> {
    Ok(match timeframe {
        Timeframe::M1 => "1min",
        Timeframe::M5 => "5min",
        Timeframe::M15 => "15min",
        Timeframe::M30 => "30min",
        Timeframe::H1 => "1h",
        Timeframe::H2 => "2h",
        Timeframe::H4 => "4h",
        Timeframe::H8 => "8h",
        Timeframe::D1 => "1day",
        Timeframe::S1 | Timeframe::M3 | Timeframe::H6 | Timeframe::H12 => {
            return Err(Unaskable::Timeframe {
                provider: PROVIDER,
                found: timeframe,
                expected: "1m, 5m, 15m, 30m, 1h, 2h, 4h, 8h, 1d",
            });
        }
    })
}

const fn adjust(adjusted: Adjusted) -> &'static str {
    match adjusted {
        Adjusted::No => "none",
        Adjusted::Splits => "splits",
        Adjusted::Dividends => "dividends",
        Adjusted::Both => "all",
    }
}

/// An instant as the API takes it.
fn bound(micros: i64) -> Option<String> {
    let time = DateTime::from_timestamp_micros(micros)?;
    let text = time.format("%Y-%m-%dT%H:%M:%S").to_string();
    // years of more than four digits have a sign
    (text.len() == 19).then_some(text)
}

#[cfg(test)]
mod tests;

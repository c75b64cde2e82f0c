//! How Alpha Vantage is asked. Nothing of answers.

use chrono_tz::Tz;
use model::{Month, Timeframe};

use crate::rest::{Key, KeyIn, Kind, Pair, Request, Unaskable, to_provider};

/// Name of the provider in messages.
const PROVIDER: &str = "Alpha Vantage";

/// Where everything is asked for.
const PATH: &str = "/query";

/// How many rows are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Size {
    /// The newest 100.
    Compact,
    /// All there are. For bars of days this needs a plan.
    Full,
}

/// Which bars Alpha Vantage is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The symbol as the lake writes it.
    pub symbol: String,
    /// The kind of market.
    pub kind: Kind,
    /// The length of a bar.
    pub timeframe: Timeframe,
    /// The month wanted, of stocks within the day; there is none for all else, which comes as it is:
    /// days from their first on, forex and crypto within the day of late.
    pub month: Option<Month>,
    /// Whether stocks within the day are wanted with the hours before and after the session.
    pub extended_hours: bool,
    /// Whether stocks by the day are wanted with splits, dividends and the adjusted close. Needs a
    /// plan.
    pub adjusted_days: bool,
    /// How many rows are wanted.
    pub size: Size,
}

impl Ask {
    /// Asks for one month of a stock within the day, as traded, with all hours.
    pub fn month(symbol: &str, timeframe: Timeframe, month: Month) -> Self {
        let month = Some(month);
        Self { month, ..Self::all(symbol, Kind::Stocks, timeframe, Size::Full) }
    }

    /// Asks for what there is without a month.
    pub fn all(symbol: &str, kind: Kind, timeframe: Timeframe, size: Size) -> Self {
        Self {
            symbol: symbol.to_owned(),
            kind,
            timeframe,
            month: None,
            extended_hours: true,
            adjusted_days: false,
            size,
        }
    }

    /// Whether bars are days.
    pub(crate) fn is_daily(&self) -> bool {
        self.timeframe == Timeframe::D1
    }

    /// The zone of its times, where the answer does not say.
    pub(crate) const fn zone(&self) -> Tz {
        match self.kind {
            Kind::Stocks => Tz::US__Eastern,
            Kind::Forex | Kind::Crypto => Tz::UTC,
        }
    }

    /// Whether the hours around the session matter at all.
    pub(crate) fn has_hours(&self) -> bool {
        self.kind == Kind::Stocks && !self.is_daily()
    }
}

/// The request for bars, as CSV and as traded.
///
/// # Errors
/// [`Unaskable`] for a symbol, timeframe or month that the API does not have.
pub fn request(ask: &Ask, key: &Key) -> Result<Request, Unaskable> {
    let symbol = to_provider(ask.kind, &ask.symbol)?;
    let interval = interval(ask.timeframe)?;
    let span = |found: String, expected| Unaskable::Span {
        provider: PROVIDER,
        kind: ask.kind,
        found,
        expected,
    };
    if let Some(month) = ask.month.filter(|_| !ask.has_hours()) {
        let expected = "no month: only stocks within the day have one";
        return Err(span(format!("{} in {month}", ask.timeframe), expected));
    }
    if ask.adjusted_days && !(ask.is_daily() && ask.kind == Kind::Stocks) {
        return Err(span("splits and dividends in its bars".to_owned(), "stocks by the day"));
    }
    let daily = ask.is_daily();
    let month = ask.month.map(|month| month.to_string());
    let mut parameters = vec![("function", function(ask))];
    let pair;
    match ask.kind {
        Kind::Stocks => parameters.push(("symbol", &symbol)),
        Kind::Forex => {
            pair = Pair::of_lake(ask.kind, &ask.symbol)?;
            parameters.extend([("from_symbol", &*pair.base), ("to_symbol", &*pair.quote)]);
        }
        Kind::Crypto => {
            pair = Pair::of_lake(ask.kind, &ask.symbol)?;
            parameters.extend([("symbol", &*pair.base), ("market", &*pair.quote)]);
        }
    }
    if !daily {
        parameters.push(("interval", interval));
    }
    if ask.has_hours() {
        parameters.push(("adjusted", "false"));
        parameters.push(("extended_hours", if ask.extended_hours { "true" } else { "false" }));
    }
    if let Some(month) = &month {
        parameters.push(("month", month));
    }
    // crypto by the day comes whole and knows no size
    if !(daily && ask.kind == Kind::Crypto) {
        parameters.push(("outputsize", if ask.size == Size::Full { "full" } else { "compact" }));
    }
    parameters.push(("datatype", "csv"));
    Ok(Request::new(PATH, &parameters, key, KeyIn::Query))
}

/// The request for a stock's last price, as JSON.
///
/// # Errors
/// [`Unaskable`] for what is no symbol of a stock.
pub fn quote_request(symbol: &str, key: &Key) -> Result<Request, Unaskable> {
    of_stock("GLOBAL_QUOTE", symbol, key)
}

/// The request for what is known of a company.
///
/// # Errors
/// [`Unaskable`] for what is no symbol of a stock.
pub fn overview_request(symbol: &str, key: &Key) -> Result<Request, Unaskable> {
    of_stock("OVERVIEW", symbol, key)
}

/// The request for all splits of a stock.
///
/// # Errors
/// [`Unaskable`] for what is no symbol of a stock.
pub fn splits_request(symbol: &str, key: &Key) -> Result<Request, Unaskable> {
    of_stock("SPLITS", symbol, key)
}

/// The request for all dividends of a stock.
///
/// # Errors
/// [`Unaskable`] for what is no symbol of a stock.
pub fn dividends_request(symbol: &str, key: &Key) -> Result<Request, Unaskable> {
    of_stock("DIVIDENDS", symbol, key)
}

fn of_stock(function: &str, symbol: &str, key: &Key) -> Result<Request, Unaskable> {
    let symbol = to_provider(Kind::Stocks, symbol)?;
    Ok(Request::new(PATH, &[("function", function), ("symbol", &symbol)], key, KeyIn::Query))
}

fn function(ask: &Ask) -> &'static str {
    match (ask.kind, ask.is_daily()) {
        (Kind::Stocks, false) => "TIME_SERIES_INTRADAY",
        (Kind::Stocks, true) if ask.adjusted_days => "TIME_SERIES_DAILY_ADJUSTED",
        (Kind::Stocks, true) => "TIME_SERIES_DAILY",
        (Kind::Forex, false) => "FX_INTRADAY",
        (Kind::Forex, true) => "FX_DAILY",
        (Kind::Crypto, false) => "CRYPTO_INTRADAY",
        (Kind::Crypto, true) => "DIGITAL_CURRENCY_DAILY",
    }
}

/// The API's word for a timeframe.
pub(crate) const fn interval(timeframe: Timeframe) -> Result<&'static str, Unaskable> {
    Ok(match timeframe {
        Timeframe::M1 => "1min",
        Timeframe::M5 => "5min",
        Timeframe::M15 => "15min",
        Timeframe::M30 => "30min",
        Timeframe::H1 => "60min",
        Timeframe::D1 => "daily",
        Timeframe::S1
        | Timeframe::M3
        | Timeframe::H2
        | Timeframe::H4
        | Timeframe::H6
        | Timeframe::H8
        | Timeframe::H12 => {
            return Err(Unaskable::Timeframe {
                provider: PROVIDER,
                found: timeframe,
                expected: "1m, 5m, 15m, 30m, 1h, 1d",
            });
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::new("SECRET0123456789").expect("key")
    }

    fn check(ask: &Ask, expect: Result<&str, &str>) {
        let found = request(ask, &key());
        let found = found.as_ref().map(Request::query).map_err(ToString::to_string);
        assert_eq!(found, expect.map_err(str::to_owned));
    }

    #[test]
    fn bars_are_asked_for() {
        let month: Month = "2024-01".parse().expect("month");
        let ibm = Ask::month("IBM", Timeframe::M5, month);
        check(
            &ibm,
            Ok("function=TIME_SERIES_INTRADAY&symbol=IBM&interval=5min&adjusted=false\
                &extended_hours=true&month=2024-01&outputsize=full&datatype=csv"),
        );
        check(
            &Ask { extended_hours: false, month: None, size: Size::Compact, ..ibm.clone() },
            Ok("function=TIME_SERIES_INTRADAY&symbol=IBM&interval=5min&adjusted=false\
                &extended_hours=false&outputsize=compact&datatype=csv"),
        );
        let daily = Ask::all("BRK.B", Kind::Stocks, Timeframe::D1, Size::Compact);
        check(
            &daily,
            Ok("function=TIME_SERIES_DAILY&symbol=BRK.B&outputsize=compact&datatype=csv"),
        );
        check(
            &Ask { adjusted_days: true, ..daily.clone() },
            Ok("function=TIME_SERIES_DAILY_ADJUSTED&symbol=BRK.B&outputsize=compact&datatype=csv"),
        );
        check(
            &Ask::all("EURUSD", Kind::Forex, Timeframe::H1, Size::Full),
            Ok("function=FX_INTRADAY&from_symbol=EUR&to_symbol=USD&interval=60min&outputsize=full\
                &datatype=csv"),
        );
        check(
            &Ask::all("EURUSD", Kind::Forex, Timeframe::D1, Size::Full),
            Ok("function=FX_DAILY&from_symbol=EUR&to_symbol=USD&outputsize=full&datatype=csv"),
        );
        check(
            &Ask::all("ETH_USD", Kind::Crypto, Timeframe::M5, Size::Full),
            Ok("function=CRYPTO_INTRADAY&symbol=ETH&market=USD&interval=5min&outputsize=full\
                &datatype=csv"),
        );
        check(
            &Ask::all("ETH_USD", Kind::Crypto, Timeframe::D1, Size::Full),
            Ok("function=DIGITAL_CURRENCY_DAILY&symbol=ETH&market=USD&datatype=csv"),
        );
        // what the API does not have
        check(
            &Ask { kind: Kind::Crypto, symbol: "ETH_USD".to_owned(), ..ibm.clone() },
            Err(
                "Alpha Vantage cannot be asked for 5m in 2024-01 of crypto, expected no month: only \
                 stocks within the day have one",
            ),
        );
        check(
            &Ask { adjusted_days: true, ..ibm.clone() },
            Err("Alpha Vantage cannot be asked for splits and dividends in its bars of stocks, \
                 expected stocks by the day"),
        );
        check(
            &Ask { timeframe: Timeframe::H4, ..ibm },
            Err("Alpha Vantage has no bars of 4h, expected one of 1m, 5m, 15m, 30m, 1h, 1d"),
        );
    }

    #[test]
    fn the_key_is_in_the_url_alone() {
        let quote = quote_request("IBM", &key()).expect("request");
        let base = crate::alphavantage::BASE;
        let bare = "https://www.alphavantage.co/query?function=GLOBAL_QUOTE&symbol=IBM";
        assert_eq!(quote.url(base).reveal(), format!("{bare}&apikey=SECRET0123456789"));
        assert_eq!(quote.told(base), format!("{bare}&apikey=***"));
        assert!(quote.headers().is_empty());
        assert!(!format!("{quote:?} {:?}", quote.url(base)).contains("SECRET"));
        for (request, query) in [
            (overview_request("IBM", &key()), "function=OVERVIEW&symbol=IBM"),
            (splits_request("IBM", &key()), "function=SPLITS&symbol=IBM"),
            (dividends_request("IBM", &key()), "function=DIVIDENDS&symbol=IBM"),
        ] {
            assert_eq!(request.expect("request").query(), query);
        }
        assert!(overview_request("BTC_USD", &key()).is_err());
    }
}

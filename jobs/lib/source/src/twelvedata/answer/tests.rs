//! Answers as Twelve Data gives them, and as they may be spoiled.

use model::{Period, Timeframe};
use proptest::prelude::*;

use super::*;

fn key() -> Key {
    Key::new("SECRET0123456789").expect("key")
}

fn ask(symbols: &str, kind: Kind, timeframe: Timeframe) -> Ask {
    let symbols = symbols.split(' ').map(str::to_owned).collect();
    let period: Period = "2024-01-05".parse().expect("day");
    Ask { symbols, ..Ask::new("", kind, timeframe, period) }
}

fn answer(status: u16, body: &str) -> Answer<'_> {
    Answer { status, content_type: Some("application/json"), body: body.as_bytes() }
}

fn show(found: &Result<Bars, Refusal>) -> String {
    match found {
        Ok(bars) => {
            let notes = bars.notes.to_string();
            let lines = bars.csv.lines().collect::<Vec<_>>().join(" | ");
            if notes.is_empty() { lines } else { format!("{lines} [{notes}]") }
        }
        Err(Refusal { why, concerns, again, words }) => {
            format!("{why:?} {concerns:?} {again:?} {words}")
        }
    }
}

fn check(ask: &Ask, status: u16, body: &str, expect: &str) {
    assert_eq!(show(&bars(ask, &answer(status, body), &key())), expect, "{body}");
}

const META: &str = r#""meta": {"symbol": "AAPL", "interval": "1min", "currency": "USD",
    "exchange_timezone": "America/New_York", "exchange": "NASDAQ", "type": "Common Stock"}"#;

fn body(rows: &str) -> String {
    format!("{{{META}, \"values\": [{rows}], \"status\": \"ok\"}}")
}

#[test]
fn rows_are_kept_to_the_last_digit() {
    let aapl = ask("AAPL", Kind::Stocks, Timeframe::M1);
    let rows = r#"
        {"datetime": "2024-01-05 14:31:00", "open": "127.63990", "high": 127.930000000000000001,
         "low": "1e-5", "close": "NaN", "volume": "1691294"},
        {"datetime": "2024-01-05 14:30:00", "open": "-", "high": "", "low": null, "close": "None"}"#;
    check(
        &aapl,
        200,
        &body(rows),
        "1704465000000000,-,,null,None, | \
         1704465060000000,127.63990,127.930000000000000001,1e-5,NaN,1691294 \
         [newest first, turned round]",
    );
    // the same in the exchange's time
    let exchange = Ask { times: Times::Exchange, ..aapl.clone() };
    let row = r#"{"datetime": "2024-01-05 09:30:00", "open": "1", "high": "2", "low": "1",
        "close": "2", "volume": "3"}"#;
    check(&exchange, 200, &body(row), "1704465000000000,1,2,1,2,3");
    let found = bars(&exchange, &answer(200, &body(row)), &key()).expect("bars").meta;
    assert_eq!(found.exchange.as_deref(), Some("NASDAQ"));
    assert_eq!(found.currency.as_deref(), Some("USD"));
    assert_eq!(found.instrument.as_deref(), Some("Common Stock"));
    assert_eq!(found.adjusted, Some(Adjusted::No));
    assert_eq!(found.zone, Tz::America__New_York);
    // no row is lost, whatever it is
    check(
        &aapl,
        200,
        &body(
            r#"7, {"datetime": "x,\ny", "open": "1", "high": 1, "low": "1,\n5", "close": [2]},
            {"open": "1", "open": "2"}, {"datetime": "2024-01-05 14:30:00", "open": "1"}"#,
        ),
        r#"7 | "x,\ny",1,1,"1,\n5",[2], | {"open": "1", "open": "2"} | {"datetime": "2024-01-05 14:30:00", "open": "1"} [bad times: 1, the first in row 2: bad time `x,\ny`: expected such as 2024-01-31 09:30:00; rows that are no bars: 3]"#,
    );
}

#[test]
fn days_and_pairs() {
    let daily = ask("AAPL", Kind::Stocks, Timeframe::D1);
    let row = r#"{"datetime": "2024-01-05", "open": "1", "high": "2", "low": "1", "close": "2",
        "volume": "3"}"#;
    let text = body(row).replace("1min", "1day");
    check(&daily, 200, &text, "1704412800000000,1,2,1,2,3");
    let eurusd = ask("EURUSD", Kind::Forex, Timeframe::M1);
    let text = r#"{"meta": {"symbol": "EUR/USD", "interval": "1min", "currency_base": "Euro",
        "currency_quote": "US Dollar", "type": "Physical Currency"}, "values": [{"datetime":
        "2024-01-05 14:30:00", "open": "1.09", "high": "1.10", "low": "1.09", "close": "1.10"}],
        "status": "ok"}"#;
    check(&eurusd, 200, text, "1704465000000000,1.09,1.10,1.09,1.10,");
    let found = bars(&eurusd, &answer(200, text), &key()).expect("bars").meta;
    assert_eq!((found.currency.as_deref(), found.adjusted), (Some("USD"), None));
}

#[test]
fn errors_of_every_kind() {
    let aapl = ask("AAPL", Kind::Stocks, Timeframe::M1);
    let error = |code: u16, message: &str| {
        format!(r#"{{"code": {code}, "message": "{message}", "status": "error"}}"#)
    };
    let check_error = |code: u16, message: &str, expect: &str| {
        // the status of HTTP says the same or nothing
        for status in [200, code] {
            let found = bars(&aapl, &answer(status, &error(code, message)), &key());
            assert_eq!(show(&found), format!("{expect} {code}: {message}"));
        }
    };
    check_error(
        400,
        "No data is available on the specified dates. Try setting different start/end dates.",
        "NoData Symbol Never",
    );
    check_error(
        404,
        "**symbol** or **figi** parameter is missing or invalid. Please provide a valid symbol",
        "NoSuchSymbol Symbol Never",
    );
    check_error(
        404,
        "This symbol is available starting with the Grow or Venture plan.",
        "PremiumOnly Symbol Never",
    );
    check_error(
        403,
        "/time_series is available exclusively with pro",
        "PremiumOnly Function Never",
    );
    check_error(403, "Your API key was blocked", "BadKey Key Never");
    check_error(502, "Bad gateway", "ServerTrouble Key AfterMinute");
    check_error(429, "Too many requests", "MinuteLimit Key AfterMinute");
    check_error(499, "?", "NotUnderstood Symbol Never");
    let found = bars(&aapl, &answer(200, &error(401, "key SECRET0123456789 is bad")), &key());
    assert_eq!(show(&found), "BadKey Key Never 401: key *** is bad");
}

#[test]
fn what_is_not_whole_is_refused() {
    let aapl = ask("AAPL", Kind::Stocks, Timeframe::M1);
    let row = r#"{"datetime": "2024-01-05 14:30:00", "open": "1", "high": "2", "low": "1",
        "close": "2", "volume": "3"}"#;
    let whole = body(row);
    for end in 1..whole.len() {
        let found = bars(&aapl, &answer(200, &whole[..end]), &key());
        let refusal = found.expect_err(&whole[..end]);
        assert_eq!((refusal.why, refusal.again), (Why::Cut, crate::rest::Again::Now));
    }
    check(&aapl, 200, &body(""), "NoData Symbol Never there is no row");
    check(
        &aapl,
        200,
        &whole.replace("AAPL", "MSFT"),
        "NotUnderstood Symbol Never bars of the symbol MSFT, expected AAPL",
    );
    check(
        &aapl,
        200,
        &whole.replace("1min", "5min"),
        "NotUnderstood Symbol Never bars of the interval 5min, expected 1min",
    );
    let exchange = Ask { times: Times::Exchange, ..aapl.clone() };
    check(
        &exchange,
        200,
        &whole.replace("New_York", "Nowhere"),
        "NotUnderstood Symbol Never unknown time zone America/Nowhere, expected such as \
         America/New_York",
    );
    check(
        &aapl,
        200,
        "{}",
        "NotUnderstood Symbol Never expected the status ok, found none beside none",
    );
    check(
        &aapl,
        200,
        "datetime;open;high\n",
        "NotUnderstood Symbol Never expected an object, found datetime;open;high",
    );
    check(&aapl, 500, &whole, "ServerTrouble Key AfterMinute status 500 with meta, values, status");
    let poser = whole.replace("2024-01-05 14:30:00", "1704465000000000");
    check(
        &aapl,
        200,
        &poser,
        "NotUnderstood Symbol Never row 1 has a number for a time, expected a date",
    );
}

#[test]
fn a_batch_has_a_result_for_each() {
    let two = ask("AAPL MSFT IBM", Kind::Stocks, Timeframe::M1);
    let row = r#"{"datetime": "2024-01-05 14:30:00", "open": "1", "high": "2", "low": "1",
        "close": "2", "volume": "3"}"#;
    let text = format!(
        r#"{{"MSFT": {{"code": 404, "message": "**symbol** not found", "status": "error"}},
            "AAPL": {}}}"#,
        body(row)
    );
    let found = batch(&two, &answer(404, &text), &key()).expect("batch");
    let shown: Vec<_> =
        found.iter().map(|(name, found)| format!("{name}: {}", show(found))).collect();
    assert_eq!(
        shown,
        [
            "AAPL: 1704465000000000,1,2,1,2,3",
            "MSFT: NoSuchSymbol Symbol Never 404: **symbol** not found",
            "IBM: NotUnderstood Symbol Never nothing for the symbol",
        ]
    );
    let limit = r#"{"code": 429, "message": "You have run out of API credits for the current minute.",
        "status": "error"}"#;
    let refusal = batch(&two, &answer(429, limit), &key()).expect_err("limit");
    assert_eq!(refusal.why, Why::MinuteLimit);
    let refusal = batch(&two, &answer(200, r#"{"TSLA": {}}"#), &key()).expect_err("strange");
    assert_eq!(refusal.words, "`TSLA` was not asked for, expected the symbols of the request");
    let one = ask("AAPL", Kind::Stocks, Timeframe::M1);
    let found = batch(&one, &answer(200, &body(row)), &key()).expect("one");
    assert_eq!(found.len(), 1);
    assert!(found[0].1.is_ok());
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        status in prop_oneof![Just(200), 100..600_u16],
        at in 0..400_usize,
        byte in any::<u8>(),
    ) {
        let row = r#"{"datetime": "2024-01-05 14:30:00", "open": "1", "high": "2", "low": "1",
            "close": "2", "volume": "3"}"#;
        let mut spoiled = body(row).into_bytes();
        let end = spoiled.len();
        spoiled[at % end] = byte;
        let aapl = ask("AAPL", Kind::Stocks, Timeframe::M1);
        let two = ask("AAPL MSFT", Kind::Stocks, Timeframe::M1);
        for body in [bytes, spoiled] {
            let answer = Answer { status, content_type: None, body: &body };
            if let Ok(bars) = bars(&aapl, &answer, &key()) {
                prop_assert_eq!(bars.csv.matches('\n').count(), bars.rows);
            }
            let _ = batch(&two, &answer, &key());
            let _ = crate::twelvedata::actions("AAPL", &answer, &key());
        }
    }
}

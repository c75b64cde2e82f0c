//! Answers as Alpha Vantage gives them, and as they may be spoiled.

use model::Timeframe;
use proptest::prelude::*;

use super::*;
use crate::alphavantage::Size;
use crate::rest::Why;

fn key() -> Key {
    Key::new("SECRET0123456789").expect("key")
}

fn intraday() -> Ask {
    Ask::month("IBM", Timeframe::M5, "2026-05".parse().expect("month"))
}

fn answer(body: &str) -> Answer<'_> {
    Answer { status: 200, content_type: Some("application/x-download"), body: body.as_bytes() }
}

fn check(ask: &Ask, body: &str, expect: &str) {
    let found = match bars(ask, &answer(body), &key()) {
        Ok(bars) => {
            let lines = bars.csv.lines().collect::<Vec<_>>().join(" | ");
            let notes = bars.notes.to_string();
            if notes.is_empty() { lines } else { format!("{lines} [{notes}]") }
        }
        Err(Refusal { why, words, .. }) => format!("{why:?} {words}"),
    };
    assert_eq!(found, expect, "{body}");
}

const HEAD: &str = "timestamp,open,high,low,close,volume";

#[test]
fn lines_of_csv() {
    check(
        &intraday(),
        &format!(
            "{HEAD}\r\n2026-05-15 19:55:00,219.0300,1e-5,NaN,,None\r\n\
             2026-05-15 19:50:00,219.0783,219.0800,219.0000,219.0100,86\r\n"
        ),
        "1778889000000000,219.0783,219.0800,219.0000,219.0100,86 | \
         1778889300000000,219.0300,1e-5,NaN,,None [newest first, turned round]",
    );
    // lines that are no bars are kept; hours that clocks show twice or never are told
    check(
        &intraday(),
        &format!("{HEAD}\n2026-05-15 19:55:00,1\n\n2026-03-08 02:30:00,1,1,1,1,1\n"),
        "2026-05-15 19:55:00,1 |  | 2026-03-08 02:30:00,1,1,1,1,1 \
         [bad times: 1, the first in row 3: bad time `2026-03-08 02:30:00`: clocks of US/Eastern \
         never showed it; rows that are no bars: 2]",
    );
    check(
        &intraday(),
        &format!("{HEAD}\r\n2026-05-15 19:55:00,1,1,1,1,1\r\r\n"),
        "2026-05-15 19:55:00,1,1,1,1,1  [rows that are no bars: 1]",
    );
    let eurusd = Ask::all("EURUSD", Kind::Forex, Timeframe::M5, Size::Full);
    check(
        &eurusd,
        "timestamp,open,high,low,close\n2026-05-15 21:05:00,1.16250,1.16250,1.16250,1.16250\n",
        "1778879100000000,1.16250,1.16250,1.16250,1.16250,",
    );
    let daily = Ask::all("IBM", Kind::Stocks, Timeframe::D1, Size::Compact);
    check(
        &daily,
        &format!("{HEAD}\n2000-01-03,1,2,1,2,3\n1969-12-31,1,2,1,2,3\n"),
        "0946857600000000,1,2,1,2,3 | 1969-12-31,1,2,1,2,3 [bad times: 1, the first in row 2: bad \
         time `1969-12-31`: expected a time from 1970 to 2286]",
    );
}

#[test]
fn objects_tell_their_zone() {
    let body = |symbol: &str, zone: &str| {
        format!(
            r#"{{"Meta Data": {{"1. Information": "Intraday", "2. Symbol": "{symbol}",
                "4. Interval": "5min", "6. Time Zone": "{zone}"}}, "Time Series (5min)": {{
                "2026-05-15 19:55:00": {{"1. open": "219.0300", "2. high": "220", "3. low": "1.10",
                "4. close": 219.000000000000000001, "5. volume": "158"}},
                "2026-05-15 19:50:00": {{"1. open": "1", "2. high": "1", "3. low": "1",
                "4. close": "1", "5. volume": "2"}}, "2026-05-15 19:45:00": "-"}}}}"#
        )
    };
    let rows = "\"2026-05-15 19:45:00\": \"-\" | 1778889000000000,1,1,1,1,2 | \
                1778889300000000,219.0300,220,1.10,219.000000000000000001,158 \
                [newest first, turned round; rows that are no bars: 1]";
    check(&intraday(), &body("IBM", "US/Eastern"), rows);
    let utc = rows.replace("1778889000", "1778874600").replace("1778889300", "1778874900");
    check(&intraday(), &body("IBM", "UTC"), &utc);
    check(
        &intraday(),
        &body("IBM", "Mars"),
        "NotUnderstood unknown time zone Mars, expected such as US/Eastern",
    );
    check(&intraday(), &body("MSFT", "UTC"), "NotUnderstood bars of the Symbol MSFT, expected IBM");
    check(&intraday(), "{}", "NotUnderstood expected Meta Data and a Time Series, found none");
}

#[test]
fn what_is_not_whole_is_refused() {
    let line = "2026-05-15 19:55:00,219.0300,219.0300,219.0000,219.0000,158";
    let body = format!("{HEAD}\n{line}\n");
    for end in 1..body.len() {
        let found = bars(&intraday(), &answer(&body[..end]), &key());
        let why = found.map(|_| ()).map_err(|refusal| refusal.why);
        // all lines but the last are there: only then is there no data
        let expect = if end == HEAD.len() + 1 { Why::NoData } else { Why::Cut };
        assert_eq!(why, Err(expect), "{}", &body[..end]);
    }
    check(
        &intraday(),
        "time,RSI\n2026-05-15,37.7164\n",
        "NotUnderstood no bars: expected the columns timestamp,open,high,low,close,volume, found \
         time,RSI",
    );
    check(
        &intraday(),
        "Error: try later",
        "NotUnderstood 16 bytes, the last line is not whole: Error: try later",
    );
    check(
        &intraday(),
        &format!("{HEAD}\n1778889300000000,1,1,1,1,1\n"),
        "NotUnderstood row 1 has a number for a time, expected a date",
    );
    check(&intraday(), "<html><title>Oops</title>", "Page status 200, a page `Oops`");
}

const ROW: &str = r#"{"1. open": "1", "2. high": "1", "3. low": "1", "4. close": "1,\n\"1"}"#;

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        lines in "[0-9:,. \\-\\r\\n\"a]{0,120}",
        escapes in r#"(\\[nrt"u]|000a|[0-9,: -]){0,20}"#,
        status in prop_oneof![Just(200), 100..600_u16],
    ) {
        let spoiled = format!("{HEAD}\n{lines}").into_bytes();
        let object = format!(
            r#"{{"Meta Data": {{"2. Symbol": "IBM"}}, "Time Series (5min)": {{"{lines}": {ROW},
                "{escapes}": {ROW}, "x": {{"open": "{escapes}"}}}}}}"#
        )
        .into_bytes();
        for body in [bytes, spoiled, object] {
            let answer = Answer { status, content_type: None, body: &body };
            if let Ok(bars) = bars(&intraday(), &answer, &key()) {
                prop_assert_eq!(bars.csv.matches('\n').count(), bars.rows);
            }
            let _ = crate::alphavantage::daily_adjusted(&intraday(), &answer, &key());
            let _ = crate::alphavantage::actions("IBM", &answer, &key());
            let _ = crate::alphavantage::quote("IBM", &answer, &key());
            let _ = crate::alphavantage::overview("IBM", &answer, &key());
        }
    }
}

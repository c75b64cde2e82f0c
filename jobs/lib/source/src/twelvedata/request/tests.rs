//! Requests as they are written, and the pages of a long stretch.

use chrono_tz::Tz;

use super::*;
use crate::rest::{Meta, Notes};

fn ask(symbols: &str, kind: Kind, timeframe: Timeframe, period: &str) -> Ask {
    let symbols = symbols.split_terminator(' ').map(str::to_owned).collect();
    let period = period.parse::<Period>().expect(period);
    Ask { symbols, ..Ask::new("", kind, timeframe, period) }
}

fn check(ask: &Ask, expect: Result<&str, &str>) {
    let key = Key::new("SECRET0123456789").expect("key");
    match (request(ask, &key), expect) {
        (Ok(request), Ok(query)) => {
            assert_eq!((request.path(), request.query()), ("/time_series", query));
            let url = "https://api.twelvedata.com/time_series?";
            assert_eq!(request.told(crate::twelvedata::BASE), format!("{url}{query}"));
            assert_eq!(request.headers()[0].1.reveal(), "apikey SECRET0123456789");
            assert!(!format!("{request:?}").contains("SECRET"));
        }
        (Err(error), Err(words)) => assert_eq!(error.to_string(), words),
        (found, expect) => assert!(found.is_ok() == expect.is_ok(), "{found:?}, not {expect:?}"),
    }
}

#[test]
fn requests_are_written() {
    check(
        &ask("AAPL", Kind::Stocks, Timeframe::M1, "2024-01-05"),
        Ok("symbol=AAPL&interval=1min&start_date=2024-01-05T00:00:00&end_date=2024-01-05T23:59:59\
            &outputsize=5000&order=desc&format=JSON&timezone=UTC&adjust=none"),
    );
    let mut days = ask("BRK.B", Kind::Stocks, Timeframe::D1, "2024-02");
    days.adjusted = Adjusted::Both;
    days.order = Order::Asc;
    check(
        &days,
        Ok(
            "symbol=BRK.B&interval=1day&start_date=2024-02-01T00:00:00&end_date=2024-02-29T23:59:59\
            &outputsize=5000&order=asc&format=JSON&adjust=all",
        ),
    );
    check(
        &ask("EURUSD GBPUSD", Kind::Forex, Timeframe::H1, "2024-01-05"),
        Ok("symbol=EUR/USD,GBP/USD&interval=1h&start_date=2024-01-05T00:00:00\
            &end_date=2024-01-05T23:59:59&outputsize=5000&order=desc&format=JSON&timezone=UTC"),
    );
    check(
        &ask("BTC_USD", Kind::Crypto, Timeframe::D1, "2024-01-05"),
        Ok("symbol=BTC/USD&interval=1day&start_date=2024-01-05T00:00:00\
            &end_date=2024-01-05T23:59:59&outputsize=5000&order=desc&format=JSON"),
    );
}

#[test]
fn what_cannot_be_asked_is_told() {
    let day = "2024-01-05";
    check(
        &ask("", Kind::Stocks, Timeframe::M1, day),
        Err("no symbol to ask for, expected one or more"),
    );
    check(
        &ask("EUR/USD", Kind::Forex, Timeframe::M1, day),
        Err(
            "bad symbol `EUR/USD` of forex, expected two currencies of 3 capital letters, such as \
             EURUSD",
        ),
    );
    check(
        &ask("AAPL", Kind::Stocks, Timeframe::M3, day),
        Err("Twelve Data has no bars of 3m, expected one of 1m, 5m, 15m, 30m, 1h, 2h, 4h, 8h, 1d"),
    );
    let good = ask("AAPL", Kind::Stocks, Timeframe::M1, day);
    check(&Ask { size: 5001, ..good.clone() }, Err("an answer of 5001 rows, expected 1 to 5000"));
    check(
        &Ask { times: Times::Exchange, ..good.clone() },
        Err(
            "Twelve Data cannot be asked for bars within the day in the exchange's time of stocks, \
             expected UTC",
        ),
    );
    let window = Window { start: 0, end: 0 };
    check(
        &Ask { window, ..good.clone() },
        Err(
            "Twelve Data cannot be asked for 1970-01-01T00:00:00 to 1969-12-31T23:59:59 of stocks, \
             expected an end after the start",
        ),
    );
    let window = Window { start: i64::MIN, end: i64::MIN };
    assert!(request(&Ask { window, ..good }, &Key::new("k").expect("key")).is_err());
}

fn bars(rows: usize, first: Option<i64>, last: Option<i64>) -> Bars {
    let meta = Meta {
        symbol: "AAPL".to_owned(),
        kind: Kind::Stocks,
        interval: "1min".to_owned(),
        zone: Tz::UTC,
        exchange_zone: None,
        currency: None,
        exchange: None,
        instrument: None,
        adjusted: None,
        extended_hours: None,
    };
    Bars { meta, csv: String::new(), rows, first, last, notes: Notes::default() }
}

#[test]
fn pages_go_on_where_the_last_one_ends() {
    let check = |order: Order, rows: usize, seen: Option<(i64, i64)>, expect: &str| {
        let mut ask = ask("AAPL", Kind::Stocks, Timeframe::M1, "1970-01-01");
        ask.order = order;
        ask.size = 3;
        let (first, last) = seen.map(|(a, b)| (a * SECOND, b * SECOND)).unzip();
        let found = match next_window(&ask, &bars(rows, first, last)) {
            Ok(Some(Window { start, end })) => format!("{} to {}", start / SECOND, end / SECOND),
            Ok(None) => "complete".to_owned(),
            Err(Stuck { rows }) => format!("stuck at {rows}"),
        };
        assert_eq!(found, expect, "{order:?} {rows} {seen:?}");
    };
    check(Order::Desc, 2, Some((60, 120)), "complete");
    check(Order::Desc, 3, Some((60, 180)), "0 to 60");
    check(Order::Desc, 3, Some((0, 120)), "complete");
    check(Order::Asc, 3, Some((60, 180)), "181 to 86400");
    check(Order::Asc, 3, Some((86_340, 86_399)), "complete");
    // rows without a time, or from outside, bring the pages no further
    check(Order::Desc, 3, None, "stuck at 3");
    check(Order::Desc, 3, Some((86_400, 86_500)), "stuck at 3");
    check(Order::Asc, 3, Some((-120, -60)), "stuck at 3");
}

#[test]
fn pages_find_every_row_once() {
    for order in [Order::Desc, Order::Asc] {
        // a provider with a row every minute of an hour, which counts its end in or does not
        for end_counts in [false, true] {
            let mut ask = ask("AAPL", Kind::Stocks, Timeframe::M1, "1970-01-01");
            ask.order = order;
            ask.size = 7;
            let mut seen: Vec<i64> = Vec::new();
            for _ in 0..20 {
                let asked_end = ask.window.end - SECOND;
                let rows = (0..60).map(|n| n * 60 * SECOND).filter(|t| {
                    *t >= ask.window.start && (*t < asked_end || end_counts && *t == asked_end)
                });
                let mut rows: Vec<i64> = rows.collect();
                if order == Order::Desc {
                    rows.reverse();
                }
                rows.truncate(7);
                seen.extend(&rows);
                let (first, last) = (rows.iter().min(), rows.iter().max());
                let page = bars(rows.len(), first.copied(), last.copied());
                let Some(next) = next_window(&ask, &page).expect("no stop") else { break };
                ask.window = next;
            }
            seen.sort_unstable();
            assert_eq!(seen, (0..60).map(|n| n * 60 * SECOND).collect::<Vec<_>>());
        }
    }
}

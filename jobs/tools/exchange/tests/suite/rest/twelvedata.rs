//! Twelve Data: bars, batches, refusals, limits, faults.

use exchange::faults::{Fault, Rule};
use exchange::rest::twelvedata::Habits;
use exchange::rest::{Limits, Pace, RestHandle, RestOptions, Windows};
use serde_json::{Value, json as value};

use super::{NOW, get, json, start, with};
use crate::common::shared_file;

const FREE: Limits = Limits { second: None, minute: Some(8), day: Some(800) };

/// Servers that refuse nobody.
fn unlimited() -> RestHandle {
    let twelvedata = Habits { limits: Limits::default(), errors_as_200: false };
    start(NOW, RestOptions { twelvedata, ..RestOptions::default() })
}

/// The stamps of an answer.
fn stamps(body: &Value) -> Vec<String> {
    let values = body["values"].as_array().unwrap_or_else(|| panic!("{body}"));
    values.iter().map(|v| v["datetime"].as_str().unwrap().to_owned()).collect()
}

/// `count FIRST LAST` of an answer, or its error as `code message`.
async fn summary(server: &RestHandle, query: &str) -> String {
    let body = json(&get(server, &format!("time_series?{query}&apikey=k")).await);
    if body["status"] == "error" {
        return format!("{} {}", body["code"], body["message"].as_str().unwrap());
    }
    let stamps = stamps(&body);
    format!("{} {} {}", stamps.len(), stamps[0], stamps.last().unwrap())
}

#[tokio::test]
async fn stocks_have_the_hours_of_new_york() {
    let server = unlimited();
    let check = async |query: &str, expect: &str| {
        assert_eq!(summary(&server, query).await, expect, "{query}");
    };
    check("symbol=AAPL&interval=1min", "30 2024-01-31 12:34:00 2024-01-31 12:05:00").await;
    check(
        "symbol=AAPL&interval=1min&order=asc&outputsize=3",
        "3 2024-01-31 12:32:00 2024-01-31 12:34:00",
    )
    .await;
    // the hours begin with the session
    check(
        "symbol=aapl&interval=1h&start_date=2024-01-30&end_date=2024-01-31",
        "7 2024-01-30 15:30:00 2024-01-30 09:30:00",
    )
    .await;
    // both ends belong to it
    check(
        "symbol=BRK.B&interval=5min&start_date=2024-01-30 10:00:00&end_date=2024-01-30T10:15:00",
        "4 2024-01-30 10:15:00 2024-01-30 10:00:00",
    )
    .await;
    // dates are of the zone that was asked for, and so are stamps
    check(
        "symbol=AAPL&interval=1min&timezone=UTC&start_date=2024-01-30 14:30:00&end_date=2024-01-30 14:31:00",
        "2 2024-01-30 14:31:00 2024-01-30 14:30:00",
    )
    .await;
    // but not for days
    check(
        "symbol=AAPL&interval=1day&timezone=UTC&start_date=2024-01-01&end_date=2024-01-16",
        "10 2024-01-16 2024-01-02",
    )
    .await;
    check("symbol=AAPL&interval=1week&outputsize=2", "2 2024-01-29 2024-01-22").await;
    check("symbol=AAPL&interval=1month&outputsize=3", "3 2024-01-01 2023-11-01").await;
    // at most 5000, the newest: 185 of this day, 12 days of 390, 135 of the 11th
    check(
        "symbol=AAPL&interval=1min&start_date=2024-01-01",
        "5000 2024-01-31 12:34:00 2024-01-11 13:45:00",
    )
    .await;
    check(
        "symbol=AAPL&interval=1min&start_date=2024-01-27&end_date=2024-01-28 23:00:00",
        "400 No data is available on the specified dates. Try setting different start/end dates.",
    )
    .await;
}

#[tokio::test]
async fn forex_and_coins_have_utc() {
    let server = unlimited();
    let check = async |query: &str, expect: &str| {
        assert_eq!(summary(&server, query).await, expect, "{query}");
    };
    check("symbol=EUR/USD&interval=1min", "30 2024-01-31 17:34:00 2024-01-31 17:05:00").await;
    check(
        "symbol=EUR%2FUSD&interval=1h&start_date=2024-01-26 20:00:00&end_date=2024-01-28 23:00:00",
        "4 2024-01-28 23:00:00 2024-01-26 20:00:00",
    )
    .await;
    check("symbol=BTC/USD&interval=4h&outputsize=2", "2 2024-01-31 16:00:00 2024-01-31 12:00:00")
        .await;
    check(
        "symbol=BTC/USD&interval=1h&timezone=America/New_York&outputsize=1",
        "1 2024-01-31 12:00:00 2024-01-31 12:00:00",
    )
    .await;
    let body = json(&get(&server, "time_series?symbol=EUR/USD&interval=1h&apikey=k").await);
    let meta = value!({"symbol": "EUR/USD", "interval": "1h", "currency_base": "Euro",
        "currency_quote": "US Dollar", "type": "Physical Currency"});
    assert_eq!(body["meta"], meta);
    assert!(body["values"][0].get("volume").is_none());
}

#[tokio::test]
async fn an_answer_is_shaped_as_the_real_one() {
    let server = unlimited();
    let check = async |query: &str, expect: &[&str]| {
        let answer = get(&server, &format!("time_series?{query}&apikey=k")).await;
        let (status, text) = (answer.status, answer.text());
        for part in expect {
            assert!(status == 200 && text.contains(part), "{query}: {status} {text}");
        }
    };
    let meta = r#"{"meta":{"symbol":"AAPL","interval":"1min","currency":"USD","exchange_timezone":"America/New_York","exchange":"NASDAQ","mic_code":"XNGS","type":"Common Stock"},"values":[{"datetime":"2024-01-31 12:34:00","open":""#;
    check("symbol=AAPL:NASDAQ&interval=1min", &[meta, r#"],"status":"ok"}"#]).await;
    check(
        "symbol=AAPL&interval=1min&format=CSV&outputsize=2",
        &["datetime;open;high;low;close;volume\n2024-01-31 12:34:00;", "\n2024-01-31 12:33:00;"],
    )
    .await;
    check(
        "symbol=EUR/USD&interval=1day&format=csv&delimiter=,",
        &["datetime,open,high,low,close\n"],
    )
    .await;
    let Some(real) = shared_file("twelvedata/errors/200_ok_time_series_AAPL.json") else { return };
    let real: Value = serde_json::from_slice(&real).unwrap();
    let ours = json(&get(&server, "time_series?symbol=AAPL&interval=1min&apikey=k").await);
    for (name, found) in real["meta"].as_object().unwrap() {
        assert_eq!(&ours["meta"][name], found, "{name}");
    }
    let (real, ours) = (&real["values"][0], &ours["values"][0]);
    for (name, found) in real.as_object().unwrap() {
        let decimals = |v: &Value| v.as_str().unwrap().split('.').nth(1).map(str::len);
        assert_eq!(decimals(&ours[name]), decimals(found), "{name}");
    }
}

#[tokio::test]
async fn splits_are_undone_unless_asked_not_to() {
    let server = unlimited();
    let open = async |adjust: &str| {
        let query =
            format!("symbol=AAPL&interval=1day&end_date=2020-08-28&outputsize=1&dp=4{adjust}");
        let body = json(&get(&server, &format!("time_series?{query}&apikey=k")).await);
        let text = body["values"][0]["open"].as_str().unwrap().replace('.', "");
        text.parse::<u64>().unwrap()
    };
    let adjusted = open("").await;
    assert_eq!(open("&adjust=all").await, adjusted);
    assert_eq!(open("&adjust=none").await, 4 * adjusted);
}

#[tokio::test]
async fn splits_and_dividends_cost_twenty_credits() {
    let server = unlimited();
    let body = json(&get(&server, "splits?symbol=AAPL&range=full&apikey=k").await);
    assert_eq!(body["meta"]["currency"], "USD");
    assert_eq!(body["splits"][0]["date"], "2020-08-31");
    assert_eq!(
        (&body["splits"][0]["from_factor"], &body["splits"][0]["to_factor"]),
        (&4.into(), &1.into())
    );
    let body = json(&get(&server, "dividends?symbol=IBM&range=full&apikey=k").await);
    assert_eq!(body["dividends"][0]["ex_date"], "2024-02-09");
    assert!(body["dividends"][0]["amount"].is_number());
    assert_eq!(server.count("twelvedata", "k").day.most, 40);
    assert_eq!(get(&server, "splits?symbol=EUR/USD&apikey=k").await.status, 404);
}

#[tokio::test]
async fn refusals_are_the_real_ones() {
    let server =
        start(NOW, RestOptions { keys: vec!["k".into(), "demo".into()], ..unlimited_options() });
    let check = async |query: &str, status: u16, file: &str| {
        let answer = get(&server, &format!("time_series?{query}")).await;
        assert_eq!(answer.status, status, "{query}");
        assert_eq!(json(&answer)["code"], status, "{query}");
        if let Some(real) = shared_file(&format!("twelvedata/errors/{file}.json")) {
            let real: Value = serde_json::from_slice(&real).unwrap();
            assert_eq!(json(&answer), real, "{query}");
        }
    };
    let many = vec!["AAPL"; 121].join(",");
    check("symbol=AAPL&interval=0.99min&apikey=k", 400, "400_invalid_interval").await;
    check("symbol=AAPL&interval=1min&apikey=other", 401, "401_apikey").await;
    check("symbol=AAPL&interval=1min", 401, "401_apikey").await;
    check("symbol=AAPL&interval=1min&apikey=demo", 403, "403_demo").await;
    check("symbol=NOPE&interval=1min&apikey=k", 404, "404_symbol").await;
    check("symbol=AAPL:NYSE&interval=1min&apikey=k", 404, "404_symbol").await;
    check(&format!("symbol={many}&interval=1min&apikey=k"), 414, "414").await;
    server
        .set_faults(vec![Rule::always(
            "time_series**",
            Fault::Status { code: 500, retry_after: None },
        )])
        .unwrap();
    check("symbol=AAPL&interval=1min&apikey=k", 500, "500").await;
    server.clear_faults();
    for query in [
        "outputsize=0",
        "outputsize=5001",
        "order=up",
        "timezone=Mars",
        "adjust=x",
        "dp=12",
        "format=xml",
        "start_date=yesterday",
        "end_date=2024-13-01",
    ] {
        let answer =
            get(&server, &format!("time_series?symbol=AAPL&interval=1min&apikey=k&{query}")).await;
        assert_eq!((answer.status, json(&answer)["code"].as_u64()), (400, Some(400)), "{query}");
    }
}

fn unlimited_options() -> RestOptions {
    let twelvedata = Habits { limits: Limits::default(), errors_as_200: false };
    RestOptions { twelvedata, ..RestOptions::default() }
}

#[tokio::test]
async fn a_batch_has_an_answer_for_each_symbol() {
    let server = start(NOW, RestOptions::default());
    let key = [("authorization", "apikey secret")];
    let answer =
        with(&server, "time_series?symbol=AAPL,NOPE,EUR/USD&interval=1min&outputsize=2", &key)
            .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("api-credits-used"), Some("3"));
    assert_eq!(answer.header("api-credits-left"), Some("5"));
    let body = json(&answer);
    assert_eq!(stamps(&body["AAPL"]), ["2024-01-31 12:34:00", "2024-01-31 12:33:00"]);
    assert_eq!(stamps(&body["EUR/USD"]), ["2024-01-31 17:34:00", "2024-01-31 17:33:00"]);
    let error = value!({"code": 404, "message": "**symbol** not found", "status": "error",
        "meta": {"symbol": "NOPE", "interval": "1min", "exchange": ""}});
    assert_eq!(body["NOPE"], error);
    let count = server.count("twelvedata", "secret");
    assert_eq!((count.requests, count.minute.most, count.refused), (1, 3, 0));
}

#[tokio::test]
async fn limits_of_the_minute_and_of_the_day_differ() {
    let twelvedata = Habits { limits: Limits { day: Some(10), ..FREE }, errors_as_200: false };
    let server = start(NOW, RestOptions { twelvedata, ..RestOptions::default() });
    let ask = async |symbols: &str| {
        let answer =
            get(&server, &format!("time_series?symbol={symbols}&interval=1day&apikey=k")).await;
        let text = json(&answer)["message"].as_str().unwrap_or_default().to_owned();
        (answer.status, text, answer.header("api-credits-left").unwrap().to_owned())
    };
    assert_eq!(ask("AAPL,MSFT,IBM,JPM,TSLA,NVDA,AMZN,GOOGL").await.0, 200);
    let (status, text, left) = ask("AAPL").await;
    assert_eq!((status, left.as_str()), (429, "0"));
    let minute = "You have run out of API credits for the current minute. 9 API credits were used, \
        with the current limit being 8. Wait for the next minute or consider upgrading your plan at \
        https://twelvedata.com/pricing";
    assert_eq!(text, minute);
    server.set_now(Some("2024-01-31T17:35:00Z".parse().unwrap()));
    assert_eq!(ask("AAPL").await.0, 200);
    let (status, text, left) = ask("AAPL").await;
    assert_eq!((status, left.as_str()), (429, "6"));
    let day = "You have run out of API credits for the day. 11 API credits were used, with the \
        current limit being 10. Wait for the next day or consider switching to a paid plan that will \
        remove daily limits at https://twelvedata.com/pricing";
    assert_eq!(text, day);
    server.set_now(Some("2024-02-01T00:00:00Z".parse().unwrap()));
    assert_eq!(ask("AAPL").await.0, 200);
    let count = server.count("twelvedata", "k");
    assert_eq!((count.requests, count.refused), (5, 2));
    assert_eq!((count.minute.most, count.day.most, count.day.last), (9, 11, 1));
    let told = json(&get(&server, "_counts").await);
    assert_eq!(told[0]["minute"], value!({"last": 1, "most": 9}));
    for (text, file) in [(minute, "429_minute"), (day, "429_day")] {
        let Some(real) = shared_file(&format!("twelvedata/errors/{file}.json")) else { return };
        let real: Value = serde_json::from_slice(&real).unwrap();
        let words = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
        assert_eq!(words(real["message"].as_str().unwrap()), words(text));
    }
}

#[tokio::test]
async fn errors_can_come_with_200() {
    let twelvedata = Habits { errors_as_200: true, ..Habits::default() };
    let server = start(NOW, RestOptions { twelvedata, ..RestOptions::default() });
    let answer = get(&server, "time_series?symbol=NOPE&interval=1min&apikey=k").await;
    assert_eq!((answer.status, json(&answer)["code"].as_u64()), (200, Some(404)));
}

#[tokio::test]
async fn windows_can_go_by_the_wall_clock_and_clocks_can_go() {
    let options =
        RestOptions { windows: Windows::Wall, pace: Pace::Goes, ..RestOptions::default() };
    let server = start("2024-01-31T17:34:59.999Z", options);
    std::thread::sleep(std::time::Duration::from_millis(5));
    assert_eq!(
        summary(&server, "symbol=AAPL&interval=1min&outputsize=1").await,
        "1 2024-01-31 12:35:00 2024-01-31 12:35:00"
    );
    let before = server.count("twelvedata", "k");
    server.set_now(Some("2024-02-01T17:00:00Z".parse().unwrap()));
    let _ = summary(&server, "symbol=AAPL&interval=1min").await;
    let after = server.count("twelvedata", "k");
    // a new day of the server's clock is the same day of the wall clock; midnight may pass
    assert!(after.day.most == 2 || before.day.last == after.day.last, "{after:?}");
}

#[tokio::test]
async fn faults_spoil_answers() {
    let server = unlimited();
    let path = "time_series?symbol=AAPL&interval=1min&apikey=k";
    let sound = get(&server, path).await.body;
    let set = |fault: Fault| {
        server.set_faults(vec![Rule::always("time_series?symbol=AAPL**", fault).times(1)]).unwrap();
    };
    set(Fault::Status { code: 503, retry_after: Some(7) });
    let answer = get(&server, path).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("7")));
    assert!(answer.text().starts_with("<html>"));
    set(Fault::Html);
    let answer = get(&server, path).await;
    assert!(answer.status == 200 && answer.text().starts_with("<!DOCTYPE html>"));
    set(Fault::Cut { at: 100 });
    let answer = get(&server, path).await;
    assert!(answer.broken && answer.body == sound[..100]);
    set(Fault::Slow { delay_ms: 20, bytes_per_second: Some(100_000) });
    assert!(get(&server, path).await.body == sound);
    set(Fault::Garble { at: 0, bytes: 1 });
    assert!(get(&server, path).await.body[0] == !b'{');
    assert!(get(&server, path).await.body == sound, "once only");
    let asked = server.requests();
    assert_eq!(asked.len(), 7);
    assert_eq!(asked[1].path, "time_series?symbol=AAPL&interval=1min");
    assert_eq!((asked[1].status, asked[3].complete), (503, false));
    // nothing of other paths
    assert_eq!(get(&server, "nowhere").await.status, 404);
}

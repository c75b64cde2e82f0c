//! Alpha Vantage: series as JSON and CSV, notices with status 200, limits.

use exchange::rest::alphavantage::Habits;
use exchange::rest::{Limits, RestHandle, RestOptions};
use serde_json::{Value, json as value};

use super::{NOW, get, json, start};
use crate::common::{Answer, shared_file};

/// Servers that refuse nobody.
fn unlimited(habits: Habits) -> RestHandle {
    let alphavantage = Habits { limits: Limits::default(), premium: Vec::new(), ..habits };
    start(NOW, RestOptions { alphavantage, ..RestOptions::default() })
}

async fn query(server: &RestHandle, query: &str) -> Answer {
    let answer = get(server, &format!("query?{query}&apikey=k")).await;
    assert_eq!(answer.status, 200, "{query}");
    answer
}

/// `header, count of rows, first stamp, last stamp` of a CSV.
async fn summary(server: &RestHandle, asked: &str) -> String {
    let text = query(server, &format!("{asked}&datatype=csv")).await.text();
    let Some((header, rows)) = text.split_once("\r\n") else { return text };
    let rows: Vec<&str> = rows.split_terminator("\r\n").collect();
    let stamp = |row: Option<&&str>| row.unwrap().split(',').next().unwrap().to_owned();
    format!("{header} {} {} {}", rows.len(), stamp(rows.first()), stamp(rows.last()))
}

#[tokio::test]
async fn series_have_the_real_columns_zones_and_lengths() {
    let server = unlimited(Habits::default());
    let check = async |asked: &str, expect: &str| {
        assert_eq!(summary(&server, asked).await, expect, "{asked}");
    };
    let stock = "timestamp,open,high,low,close,volume";
    let intraday = "function=TIME_SERIES_INTRADAY&symbol=IBM&interval=5min";
    // until the evening of the day before, with the hours after the session
    let answer = summary(&server, intraday).await;
    assert!(
        answer.starts_with(&format!("{stock} 100 2024-01-30 19:55:00 2024-01-30 ")),
        "{answer}"
    );
    check(
        &format!("{intraday}&extended_hours=false"),
        &format!("{stock} 100 2024-01-30 15:55:00 2024-01-29 14:10:00"),
    )
    .await;
    // 21 sessions of 78, less a short one
    check(
        &format!("{intraday}&extended_hours=false&month=2023-11&outputsize=full"),
        &format!("{stock} {} 2023-11-30 15:55:00 2023-11-01 09:30:00", 21 * 78 - 36),
    )
    .await;
    // January so far: 20 sessions
    check(
        &format!("{intraday}&extended_hours=false&month=2024-01&outputsize=full"),
        &format!("{stock} {} 2024-01-30 15:55:00 2024-01-02 09:30:00", 20 * 78),
    )
    .await;
    check("function=TIME_SERIES_DAILY&symbol=BRK-B", &format!("{stock} 100 2024-01-30 2023-09-07"))
        .await;
    let forex = "timestamp,open,high,low,close";
    check(
        "function=FX_INTRADAY&from_symbol=EUR&to_symbol=USD&interval=5min",
        &format!("{forex} 100 2024-01-31 17:30:00 2024-01-31 09:15:00"),
    )
    .await;
    check(
        "function=FX_DAILY&from_symbol=EUR&to_symbol=USD",
        &format!("{forex} 100 2024-01-31 2023-10-08"),
    )
    .await;
    check(
        "function=CRYPTO_INTRADAY&symbol=ETH&market=USD&interval=60min",
        &format!("{stock} 100 2024-01-31 17:00:00 2024-01-27 14:00:00"),
    )
    .await;
    let days = summary(&server, "function=DIGITAL_CURRENCY_DAILY&symbol=BTC&market=EUR").await;
    assert_eq!(days, format!("{stock} 3318 2024-01-31 2015-01-01"));
}

#[tokio::test]
async fn today_is_told_on_demand() {
    let server = unlimited(Habits { realtime: true, ..Habits::default() });
    let asked = "function=TIME_SERIES_INTRADAY&symbol=IBM&interval=1min&extended_hours=false";
    let expect = "timestamp,open,high,low,close,volume 100 2024-01-31 12:34:00 2024-01-31 10:55:00";
    assert_eq!(summary(&server, asked).await, expect);
}

#[tokio::test]
async fn headers_and_decimals_are_those_of_real_files() {
    let server = unlimited(Habits::default());
    let check = async |asked: &str, file: &str| {
        let ours = query(&server, &format!("{asked}&datatype=csv")).await;
        assert_eq!(ours.header("content-type"), Some("text/csv; charset=utf-8"));
        let Some(real) = shared_file(&format!("alphavantage/{file}.csv")) else { return };
        let form = |text: &str| -> Vec<String> {
            // digits do not matter, decimals do
            let lines = text.split('\n').take(2).enumerate();
            let fields = lines.map(|(n, line)| match n {
                0 => line.to_owned(),
                _ => line
                    .split(',')
                    .map(|f| f.trim_start_matches('-').split_once('.').map_or("", |(_, d)| d))
                    .map(|decimals| decimals.replace(|c: char| c.is_ascii_digit(), "9"))
                    .collect::<Vec<_>>()
                    .join(","),
            });
            fields.collect()
        };
        let real = String::from_utf8(real).unwrap();
        assert_eq!(form(&ours.text())[0].trim_end(), form(&real)[0].trim_end(), "{file}");
        assert_eq!(form(&ours.text())[1].trim_end(), form(&real)[1].trim_end(), "{file}");
    };
    let intraday = "function=TIME_SERIES_INTRADAY&symbol=IBM&interval=5min";
    check(intraday, "TIME_SERIES_INTRADAY_3dbdcdc7").await;
    check("function=TIME_SERIES_DAILY&symbol=IBM", "TIME_SERIES_DAILY_42a08190").await;
    let pair = "from_symbol=EUR&to_symbol=USD&interval=5min";
    check(&format!("function=FX_INTRADAY&{pair}"), "FX_INTRADAY_f0be5c32").await;
    let coin = "symbol=ETH&market=USD&interval=5min";
    check(&format!("function=CRYPTO_INTRADAY&{coin}"), "CRYPTO_INTRADAY_38f15660").await;
    check("function=GLOBAL_QUOTE&symbol=IBM", "GLOBAL_QUOTE_db7544f0").await;
}

#[tokio::test]
async fn json_is_numbered_and_in_order() {
    let server = unlimited(Habits::default());
    let check = async |asked: &str, begins: &str, series: &str, names: &[&str]| {
        let answer = query(&server, asked).await;
        let text = answer.text();
        assert!(text.starts_with(begins), "{asked}: {}", &text[..400]);
        let body = json(&answer);
        let (_, bar) = body[series].as_object().unwrap().iter().next().unwrap();
        assert_eq!(bar.as_object().unwrap().keys().collect::<Vec<_>>(), names, "{asked}");
    };
    let all = ["1. open", "2. high", "3. low", "4. close", "5. volume"];
    check(
        "function=TIME_SERIES_INTRADAY&symbol=IBM&interval=5min",
        r#"{
    "Meta Data": {
        "1. Information": "Intraday (5min) open, high, low, close prices and volume",
        "2. Symbol": "IBM",
        "3. Last Refreshed": "2024-01-30 19:55:00",
        "4. Interval": "5min",
        "5. Output Size": "Compact",
        "6. Time Zone": "US/Eastern"
    },
    "Time Series (5min)": {
        "2024-01-30 19:55:00": {
            "1. open": ""#,
        "Time Series (5min)",
        &all,
    )
    .await;
    check(
        "function=FX_DAILY&from_symbol=EUR&to_symbol=USD&outputsize=full",
        r#"{
    "Meta Data": {
        "1. Information": "Forex Daily Prices (open, high, low, close)",
        "2. From Symbol": "EUR",
        "3. To Symbol": "USD",
        "4. Output Size": "Full size","#,
        "Time Series FX (Daily)",
        &all[..4],
    )
    .await;
    check(
        "function=DIGITAL_CURRENCY_DAILY&symbol=BTC&market=EUR",
        r#"{
    "Meta Data": {
        "1. Information": "Daily Prices and Volumes for Digital Currency",
        "2. Digital Currency Code": "BTC",
        "3. Digital Currency Name": "Bitcoin",
        "4. Market Code": "EUR",
        "5. Market Name": "Euro",
        "6. Last Refreshed": "2024-01-31 00:00:00",
        "7. Time Zone": "UTC""#,
        "Time Series (Digital Currency Daily)",
        &all,
    )
    .await;
    let coin = "function=CRYPTO_INTRADAY&symbol=ETH&market=USD&interval=5min";
    let body = json(&query(&server, coin).await);
    let bars = body["Time Series Crypto (5min)"].as_object().unwrap();
    assert!(bars.values().all(|bar| bar["5. volume"].is_u64() && bar["1. open"].is_string()));
}

#[tokio::test]
async fn quotes_and_companies() {
    let server = unlimited(Habits::default());
    let quote = json(&query(&server, "function=GLOBAL_QUOTE&symbol=IBM").await);
    let quote = &quote["Global Quote"];
    let daily = query(&server, "function=TIME_SERIES_DAILY&symbol=IBM&datatype=csv").await.text();
    let rows: Vec<Vec<&str>> = daily.lines().skip(1).map(|l| l.split(',').collect()).collect();
    assert_eq!(quote["05. price"], rows[0][4]);
    assert_eq!(quote["07. latest trading day"], rows[0][0]);
    assert_eq!(quote["08. previous close"], rows[1][4]);
    let units = |text: &str| text.replace(['.', '%'], "").parse::<i64>().unwrap();
    let text = |name: &str| quote[name].as_str().unwrap();
    assert_eq!(units(text("09. change")), units(rows[0][4]) - units(rows[1][4]));
    assert!(text("10. change percent").ends_with('%'));
    let check = async |asked: &str, expect: Value| {
        assert_eq!(json(&query(&server, asked).await), expect, "{asked}");
    };
    check("function=GLOBAL_QUOTE&symbol=NOPE", value!({"Global Quote": {}})).await;
    check("function=OVERVIEW&symbol=NOPE", value!({})).await;
    let ratio = async |symbol: &str| {
        let company = json(&query(&server, &format!("function=OVERVIEW&symbol={symbol}")).await);
        assert_eq!(company["Symbol"], symbol);
        company["PERatio"].as_str().unwrap().to_owned()
    };
    assert_eq!((ratio("TSLA").await.as_str(), ratio("BRK.B").await.as_str()), ("None", "-"));
    assert!(ratio("IBM").await.contains('.'));
}

#[tokio::test]
async fn splits_dividends_and_earnings() {
    let server = unlimited(Habits::default());
    let list = async |asked: &str| json(&query(&server, asked).await);
    assert_eq!(
        list("function=SPLITS&symbol=AAPL").await,
        value!({"symbol": "AAPL", "data": [
            {"effective_date": "2020-08-31", "split_factor": "4.0000"},
            {"effective_date": "2014-06-09", "split_factor": "7.0000"},
        ]})
    );
    let none = value!({"symbol": "TSLA", "data": []});
    assert_eq!(list("function=DIVIDENDS&symbol=TSLA").await, none);
    assert_eq!(list("function=DIVIDENDS&symbol=NOPE").await, value!({}));
    let paid = list("function=DIVIDENDS&symbol=IBM").await;
    let newest = &paid["data"][0];
    assert_eq!(
        ["ex_dividend_date", "declaration_date", "payment_date"].map(|name| &newest[name]),
        ["2024-02-09", "2024-01-30", "2024-03-10"]
    );
    let company = list("function=OVERVIEW&symbol=IBM").await;
    assert_eq!(company["ExDividendDate"], newest["ex_dividend_date"]);
    assert_eq!(company["LatestQuarter"], "2023-09-30");
    let number = |name: &str| company[name].as_str().unwrap().parse::<f64>().unwrap();
    let quote = list("function=GLOBAL_QUOTE&symbol=IBM").await;
    let price = quote["Global Quote"]["05. price"].as_str().unwrap().parse::<f64>().unwrap();
    assert!((price / number("EPS") - number("PERatio")).abs() < 0.01, "{company}");
}

/// Whether an answer is the only field of a real file, whatever format was asked for.
async fn is_notice(server: &RestHandle, path: &str, field: &str, file: &str) {
    for format in ["", "&datatype=csv", "&datatype=json"] {
        let answer = get(server, &format!("{path}{format}")).await;
        assert_eq!((answer.status, answer.body[0]), (200, b'{'), "{path}");
        let body = json(&answer);
        assert!(body[field].is_string() && body.as_object().unwrap().len() == 1, "{path}: {body}");
        if let Some(real) = shared_file(&format!("alphavantage/errors/{file}.json")) {
            let real: Value = serde_json::from_slice(&real).unwrap();
            assert_eq!(body, real, "{path}");
        }
    }
}

#[tokio::test]
async fn whatever_goes_wrong_is_200() {
    let alphavantage = Habits {
        premium: vec!["FX_INTRADAY".into(), "TIME_SERIES_DAILY:full".into()],
        artificial: vec!["CRYPTO_INTRADAY".into()],
        limits: Limits::default(),
        ..Habits::default()
    };
    let keys = vec!["k".to_owned()];
    let server = start(NOW, RestOptions { alphavantage, keys, ..RestOptions::default() });
    let daily = "query?function=TIME_SERIES_DAILY&symbol=IBM";
    is_notice(&server, daily, "Error Message", "error_message_apikey_invalid_pricehist").await;
    let other = format!("{daily}&apikey=x");
    is_notice(&server, &other, "Error Message", "error_message_apikey_invalid_pricehist").await;
    let forex = "query?function=FX_INTRADAY&from_symbol=EUR&to_symbol=USD&interval=5min&apikey=k";
    is_notice(&server, forex, "Information", "information_premium_endpoint").await;
    let check = async |asked: &str, field: &str, part: &str| {
        let body = json(&query(&server, asked).await);
        let text = body[field].as_str().unwrap_or_else(|| panic!("{asked}: {body}"));
        assert!(text.contains(part), "{asked}: {text}");
    };
    check("function=NOPE", "Error Message", "This API function (NOPE) does not exist.").await;
    let full = "function=TIME_SERIES_DAILY&symbol=IBM&outputsize=full";
    check(full, "Information", "premium feature for the TIME_SERIES_DAILY endpoint").await;
    check("function=CRYPTO_INTRADAY&symbol=ETH", "message", "***THE SAMPLE DATA").await;
    for wrong in [
        "function=TIME_SERIES_DAILY",
        "function=TIME_SERIES_DAILY&symbol=NOPE",
        "function=TIME_SERIES_DAILY&symbol=IBM&outputsize=some",
        "function=TIME_SERIES_DAILY&symbol=IBM&datatype=xml",
        "function=TIME_SERIES_INTRADAY&symbol=IBM",
        "function=TIME_SERIES_INTRADAY&symbol=IBM&interval=2min",
        "function=TIME_SERIES_INTRADAY&symbol=IBM&interval=5min&month=2024",
        "function=TIME_SERIES_INTRADAY&symbol=IBM&interval=5min&month=2024-13",
        "function=TIME_SERIES_INTRADAY&symbol=IBM&interval=5min&month=2025-01",
        "function=TIME_SERIES_INTRADAY&symbol=IBM&interval=5min&adjusted=yes",
        "function=FX_DAILY&from_symbol=EUR",
    ] {
        check(wrong, "Error Message", "Invalid API call. Please retry or visit").await;
    }
}

#[tokio::test]
async fn limits_of_the_second_and_of_the_day_differ() {
    let check = async |notes: bool, field: &str, burst: &str, day: &str| {
        let alphavantage = Habits { notes, ..Habits::default() };
        let server = start(NOW, RestOptions { alphavantage, ..RestOptions::default() });
        let path = "query?function=GLOBAL_QUOTE&symbol=IBM&apikey=k";
        for _ in 0..5 {
            assert!(json(&get(&server, path).await).get("Global Quote").is_some());
        }
        is_notice(&server, path, field, burst).await;
        for second in 31..34 {
            server.set_now(Some(format!("2024-01-31T17:34:{second}Z").parse().unwrap()));
            for _ in 0..5 {
                assert!(json(&get(&server, path).await).get("Global Quote").is_some());
            }
        }
        server.set_now(Some("2024-01-31T23:59:59Z".parse().unwrap()));
        assert!(json(&get(&server, path).await).get("Global Quote").is_some());
        server.set_now(Some("2024-01-31T23:59:59.999Z".parse().unwrap()));
        let count = server.count("alphavantage", "k");
        assert_eq!((count.requests, count.refused, count.second.most), (24, 3, 8));
        get(&server, path).await;
        is_notice(&server, path, field, day).await;
        server.set_now(Some("2024-02-01T00:00:00Z".parse().unwrap()));
        assert!(json(&get(&server, path).await).get("Global Quote").is_some());
        assert_eq!(server.count("alphavantage", "k").day.most, 28);
    };
    let day = "information_rate_limit_25_per_day_pricehist";
    check(false, "Information", "information_burst_pattern", day).await;
    let note = "note_rate_limit_2018_finance-quote104";
    check(true, "Note", note, note).await;
}

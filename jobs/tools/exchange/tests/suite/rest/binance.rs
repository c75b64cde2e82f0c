//! Binance's REST: the archives' rows up to now, limits by weight, bans, refusals.

use exchange::rest::binance::Habits;
use exchange::rest::{RestHandle, RestOptions};
use exchange::{ArchiveName, SymbolSpec};
use serde_json::{Value, json as value};

use super::{get, json, start, with};
use crate::common::{self, csv};

/// 2025-01-02 12:34:56, the first days on which archives have µs.
const NOW: &str = "2025-01-02T12:34:56Z";
const DAY: i64 = 86_400_000;
/// 2025-01-01, ms since the epoch.
const NEW_YEAR: i64 = 1_735_689_600_000;

const SYMBOLS: [&str; 4] = [
    "spot:BTCUSDT,trades=3000",
    "usdm:BTCUSDT,trades=2000",
    "coinm:BTCUSD_PERP,trades=2000",
    "coinm:BTCUSD_250328,trades=1500",
];

fn options() -> RestOptions {
    let binance = Habits { futures_hours: None, ..Habits::default() };
    let symbols = SYMBOLS.iter().map(|s| s.parse::<SymbolSpec>().unwrap()).collect();
    RestOptions { symbols, binance, ..RestOptions::default() }
}

async fn rows(server: &RestHandle, path: &str) -> Vec<Value> {
    let answer = get(server, path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    json(&answer).as_array().unwrap().clone()
}

/// The fields of an archive's rows, without a header.
async fn archive(key: &str) -> Vec<Vec<String>> {
    let exchange = common::start(&SYMBOLS, "2024-12-30", "2025-01-02");
    assert!(ArchiveName::parse(key).is_some(), "{key}");
    let text = csv(&common::get(&exchange, key).await.body);
    text.lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_digit()))
        .map(|line| line.split(',').map(str::to_owned).collect())
        .collect()
}

/// A time of an archive, ms since the epoch.
fn millis(text: &str) -> i64 {
    text[..13].parse().unwrap()
}

#[tokio::test]
async fn bars_are_those_of_the_archives() {
    let server = start(NOW, options());
    let check = async |api: &str, folder: &str, symbol: &str, day: &str, begin: i64| {
        let key = format!("data/{folder}/daily/klines/{symbol}/1m/{symbol}-1m-{day}.zip");
        let mut ours = Vec::new();
        for start in [begin, begin + 720 * 60_000] {
            let end = start + 720 * 60_000 - 1;
            let query = format!("symbol={symbol}&interval=1m&startTime={start}&endTime={end}");
            ours.extend(rows(&server, &format!("{api}/klines?{query}&limit=1000")).await);
        }
        let theirs = archive(&key).await;
        assert_eq!((ours.len(), theirs.len()), (1_440, 1_440), "{key}");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            for (n, field) in theirs.iter().enumerate() {
                match n {
                    0 | 6 => assert_eq!(ours[n], millis(field), "{key}"),
                    8 => assert_eq!(ours[n].to_string(), *field, "{key}"),
                    _ => assert_eq!(ours[n], field.as_str(), "{key} {n}"),
                }
            }
        }
    };
    check("api/v3", "spot", "BTCUSDT", "2025-01-01", NEW_YEAR).await;
    check("api/v3", "spot", "BTCUSDT", "2024-12-31", NEW_YEAR - DAY).await;
    check("fapi/v1", "futures/um", "BTCUSDT", "2025-01-01", NEW_YEAR).await;
    for symbol in ["BTCUSD_PERP", "BTCUSD_250328"] {
        check("dapi/v1", "futures/cm", symbol, "2025-01-01", NEW_YEAR).await;
    }
}

#[tokio::test]
async fn aggregate_trades_are_those_of_the_archives() {
    let server = start(NOW, options());
    let check = async |api: &str, folder: &str, symbol: &str, day: &str, begin: i64| {
        let key = format!("data/{folder}/daily/aggTrades/{symbol}/{symbol}-aggTrades-{day}.zip");
        let theirs = archive(&key).await;
        // by the id, page after page
        let mut ours = Vec::new();
        let mut id: u64 = theirs[0][0].parse().unwrap();
        while ours.len() < theirs.len() {
            let query = format!("symbol={symbol}&fromId={id}&limit=300");
            let page = rows(&server, &format!("{api}/aggTrades?{query}")).await;
            assert_eq!(page.len(), 300);
            id = page[299]["a"].as_u64().unwrap() + 1;
            ours.extend(page);
        }
        ours.truncate(theirs.len());
        for (ours, theirs) in ours.iter().zip(&theirs) {
            for (name, field) in ["a", "f", "l"].iter().zip([0, 3, 4]) {
                assert_eq!(ours[name].to_string(), theirs[field], "{key}");
            }
            assert_eq!((&ours["p"], &ours["q"]), (&value!(theirs[1]), &value!(theirs[2])));
            assert_eq!(ours["T"], millis(&theirs[5]));
            assert_eq!(ours["m"].to_string(), theirs[6].to_lowercase());
            assert_eq!(ours.get("M"), (api == "api/v3").then_some(&Value::Bool(true)));
        }
        // by the hour
        let mut hours = Vec::new();
        for hour in 0..24 {
            let (start, end) = (begin + hour * 3_600_000, begin + (hour + 1) * 3_600_000 - 1);
            let query = format!("symbol={symbol}&startTime={start}&endTime={end}&limit=1000");
            hours.extend(rows(&server, &format!("{api}/aggTrades?{query}")).await);
        }
        assert_eq!(hours, ours, "{key}");
    };
    check("api/v3", "spot", "BTCUSDT", "2025-01-01", NEW_YEAR).await;
    check("api/v3", "spot", "BTCUSDT", "2024-12-31", NEW_YEAR - DAY).await;
    check("fapi/v1", "futures/um", "BTCUSDT", "2024-12-31", NEW_YEAR - DAY).await;
    check("dapi/v1", "futures/cm", "BTCUSD_PERP", "2024-12-31", NEW_YEAR - DAY).await;
    check("dapi/v1", "futures/cm", "BTCUSD_250328", "2025-01-01", NEW_YEAR).await;
}

#[tokio::test]
async fn the_bar_that_is_not_over_is_told() {
    let server = start(NOW, options());
    let open = async |interval: &str| {
        let bars =
            rows(&server, &format!("api/v3/klines?symbol=BTCUSDT&interval={interval}")).await;
        (bars.len(), bars.last().unwrap().clone())
    };
    let noon = NEW_YEAR + DAY + 12 * 3_600_000;
    let now = noon + (34 * 60 + 56) * 1_000;
    let (count, bar) = open("1h").await;
    assert_eq!((count, &bar[0], &bar[6]), (500, &value!(noon), &value!(noon + 3_599_999)));
    // it is the sum of what was traded until now
    let query = format!("symbol=BTCUSDT&startTime={noon}&endTime={now}&limit=1000");
    let trades = rows(&server, &format!("api/v3/aggTrades?{query}")).await;
    let count: u64 =
        trades.iter().map(|t| t["l"].as_u64().unwrap() - t["f"].as_u64().unwrap() + 1).sum();
    assert_eq!(bar[8], count);
    assert_eq!((&bar[1], &bar[4]), (&trades[0]["p"], &trades.last().unwrap()["p"]));
    let units = |v: &Value| v.as_str().unwrap().replace('.', "").parse::<u128>().unwrap();
    assert_eq!(units(&bar[5]), trades.iter().map(|t| units(&t["q"])).sum::<u128>());
    // nothing of the future
    let latest = rows(&server, "api/v3/aggTrades?symbol=BTCUSDT&limit=1").await;
    assert_eq!(&latest[0], trades.last().unwrap());
    assert!(latest[0]["T"].as_i64().unwrap() <= now);
    let beyond = format!("api/v3/klines?symbol=BTCUSDT&interval=1m&startTime={}", now + 60_000);
    assert!(rows(&server, &beyond).await.is_empty());
    // an hour later it has grown
    server.set_now(Some("2025-01-02T13:00:00Z".parse().unwrap()));
    let query = format!("api/v3/klines?symbol=BTCUSDT&interval=1h&startTime={noon}");
    let bars = rows(&server, &query).await;
    assert_eq!(bars.len(), 2);
    assert!(bars[0][8].as_u64() > bar[8].as_u64());
    // longer than a day: Thursday's week, the month, three days
    let monday = NEW_YEAR - 2 * DAY;
    assert_eq!(open("1w").await.1[0], monday);
    let month = open("1M").await.1;
    assert_eq!((&month[0], &month[6]), (&value!(NEW_YEAR), &value!(NEW_YEAR + 31 * DAY - 1)));
    assert_eq!(open("3d").await.1[0].as_i64().unwrap() % (3 * DAY), 0);
}

#[tokio::test]
async fn spans_and_limits_choose_bars() {
    let server = start(NOW, options());
    let check = async |query: &str, expect: &[i64]| {
        let path = format!("api/v3/klines?symbol=BTCUSDT&interval=1d&{query}");
        let days = rows(&server, &path).await;
        let days: Vec<i64> =
            days.iter().map(|bar| (bar[0].as_i64().unwrap() - NEW_YEAR) / DAY).collect();
        assert_eq!(days, expect, "{query}");
    };
    check("limit=3", &[-1, 0, 1]).await;
    check(&format!("limit=2&endTime={NEW_YEAR}"), &[-1, 0]).await;
    check(&format!("limit=2&endTime={}", NEW_YEAR - 1), &[-2, -1]).await;
    check(&format!("limit=2&startTime={}", NEW_YEAR - 3 * DAY + 1), &[-2, -1]).await;
    check(&format!("startTime={NEW_YEAR}&endTime={NEW_YEAR}"), &[0]).await;
    check(&format!("startTime={NEW_YEAR}&endTime={}", NEW_YEAR - 1), &[]).await;
    // from the first day of the symbol on, 2017-08-17
    let first = (1_502_928_000_000 - NEW_YEAR) / DAY;
    check("startTime=0&limit=2", &[first, first + 1]).await;
    let many = rows(&server, "api/v3/klines?symbol=BTCUSDT&interval=1m&limit=5000").await;
    assert_eq!(many.len(), 1_000, "spot cuts what is too much");
    let micro = with(
        &server,
        "api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1",
        &[("x-mbx-time-unit", "MICROSECOND")],
    )
    .await;
    let bar = &json(&micro)[0];
    assert_eq!(bar[6].as_i64().unwrap() - bar[0].as_i64().unwrap(), 59_999_999);
}

#[tokio::test]
async fn refusals_are_the_real_ones() {
    let server = start(NOW, RestOptions { binance: Habits::default(), ..options() });
    let check = async |path: &str, code: i32, part: &str| {
        let answer = get(&server, path).await;
        let body = json(&answer);
        assert_eq!((answer.status, body["code"].as_i64()), (400, Some(code.into())), "{path}");
        assert!(body["msg"].as_str().unwrap().contains(part), "{path}: {body}");
        assert!(answer.header("x-mbx-used-weight-1m").is_some());
    };
    let legal = "legal range is '^[A-Z0-9-_.]{1,20}$'.";
    check("api/v3/klines?symbol=NOPE&interval=1m", -1121, "Invalid symbol.").await;
    check("api/v3/klines?symbol=btcusdt&interval=1m", -1100, legal).await;
    check("api/v3/klines?interval=1m", -1102, "Mandatory parameter 'symbol' was not sent").await;
    check("api/v3/klines?symbol=&interval=1m", -1105, "Parameter 'symbol' was empty.").await;
    check("api/v3/klines?symbol=BTCUSDT", -1102, "Mandatory parameter 'interval'").await;
    check("api/v3/klines?symbol=BTCUSDT&interval=7m", -1120, "Invalid interval.").await;
    check("api/v3/klines?symbol=BTCUSDT&interval=1m&limit=x", -1100, "'^[0-9]{1,20}$'").await;
    check("api/v3/klines?symbol=BTCUSDT&interval=1m&limit=0", -1130, "'limit'").await;
    check("api/v3/klines?symbol=BTCUSDT&interval=1m&x=1", -1104, "read '2' parameter(s)").await;
    check("fapi/v1/klines?symbol=BTCUSDT&interval=1s", -1120, "Invalid interval.").await;
    check("fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=1501", -1130, "'limit'").await;
    check("fapi/v1/aggTrades?symbol=BTCUSDT&limit=1001", -1130, "'limit'").await;
    check("fapi/v1/klines?symbol=NOPE&interval=1m", -1121, "Invalid symbol.").await;
    check("fapi/v1/klines?symbol=BTCUSDT&interval=1m&startTime=2&endTime=1", -1023, "Start").await;
    let perp = "symbol=BTCUSD_PERP";
    check("dapi/v1/klines?symbol=BTCUSDT&interval=1m", -1121, "Invalid symbol.").await;
    check(&format!("dapi/v1/klines?{perp}&interval=1s"), -1120, "Invalid interval.").await;
    check(&format!("dapi/v1/aggTrades?{perp}&limit=1001"), -1130, "'limit'").await;
    let long = format!("startTime=0&endTime={}", 200 * DAY + 1);
    check(&format!("dapi/v1/klines?{perp}&interval=1m&{long}"), -1127, "200 days").await;
    check(&format!("dapi/v1/aggTrades?{perp}&fromId=1&endTime=1"), -1128, "Combination").await;
    let agg = "aggTrades?symbol=BTCUSDT";
    let hour = format!("startTime={NEW_YEAR}&endTime={}", NEW_YEAR + 3_600_001);
    check(&format!("api/v3/{agg}&{hour}"), -1127, "More than 1 hours").await;
    check(&format!("api/v3/{agg}&fromId=1&startTime=1"), -1128, "Combination").await;
    let old = format!("fapi/v1/{agg}&startTime={}", NEW_YEAR - DAY);
    check(&old, -4166, "Search window is restricted to recent 2 days only.").await;
    assert_eq!(rows(&server, "fapi/v1/klines?symbol=btcusdt&interval=1m&limit=1").await.len(), 1);
    assert_eq!(get(&server, "api/v3/depth?symbol=BTCUSDT").await.status, 404);
    let time = json(&get(&server, "api/v3/time").await);
    assert_eq!(time["serverTime"], NEW_YEAR + DAY + (12 * 3_600 + 34 * 60 + 56) * 1_000);
}

#[tokio::test]
async fn instruments_are_told_in_the_form_of_their_market() {
    let symbols = [
        "spot:BTCUSDT,delisted=2025-01-01",
        "spot:NEWUSDT,listed=2025-01-03",
        "usdm:BTCUSDT,tick=0.1,step=0.001,listed=2019-09-08",
        "coinm:BTCUSD_PERP",
        "coinm:BTCUSD_250328",
    ];
    let symbols = symbols.iter().map(|s| s.parse::<SymbolSpec>().unwrap()).collect();
    let server = start(NOW, RestOptions { symbols, ..options() });
    let check = async |path: &str, market: &str, expect: &[&str]| {
        let answer = get(&server, path).await;
        assert_eq!(answer.status, 200);
        let provider = source::Providers::ALL.of(model::Source::new("binance")).unwrap();
        let market: model::Market = market.parse().unwrap();
        assert!(provider.where_instruments(market).unwrap().path[1..].starts_with(path));
        let told = provider.instruments(market, answer.text().as_bytes()).unwrap();
        assert_eq!(told.bad, [""; 0]);
        let shown = told.facts.iter().map(|(symbol, facts)| {
            let facts = facts.clone().unwrap();
            let text = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
            let day = |day: Option<model::Day>| text(day.map(|day| day.to_string()));
            let size = |size: Option<model::decimal::Decimal>| text(size.map(|s| s.to_string()));
            let words = [
                text(facts.base),
                text(facts.quote),
                size(facts.tick_size),
                size(facts.lot_size),
                text(facts.status),
                text(facts.contract_type),
                day(facts.listed_from),
                day(facts.listed_to),
            ];
            format!("{symbol} {}", words.join(" "))
        });
        assert_eq!(shown.collect::<Vec<_>>(), expect);
    };
    check("api/v3/exchangeInfo", "spot", &["BTCUSDT BTC USDT 0.01 0.00001 BREAK - - -"]).await;
    let usdm = "BTCUSDT BTC USDT 0.1 0.001 TRADING PERPETUAL 2019-09-08 -";
    check("fapi/v1/exchangeInfo", "usdm", &[usdm]).await;
    let answer = get(&server, "dapi/v1/exchangeInfo").await;
    let answer = json(&answer);
    let contracts = answer["symbols"].as_array().unwrap();
    let told = |n: usize, key: &str| contracts[n][key].as_str().unwrap().to_owned();
    let of = |n| [told(n, "symbol"), told(n, "contractStatus"), told(n, "contractType")];
    let mut all = [of(0), of(1)];
    all.sort();
    assert_eq!(all[0], ["BTCUSD_250328", "TRADING", "CURRENT_QUARTER"]);
    assert_eq!(all[1], ["BTCUSD_PERP", "TRADING", "PERPETUAL"]);
}

#[tokio::test]
async fn weights_are_the_measured_ones() {
    let server = start(NOW, options());
    let mut spot = 0;
    let mut futures = 0;
    let mut coinm = 0;
    let mut check = async |path: &str, weight: u64| {
        let answer = get(&server, path).await;
        let used = match &path[..1] {
            "a" => &mut spot,
            "f" => &mut futures,
            _ => &mut coinm,
        };
        *used += weight;
        let used = used.to_string();
        assert_eq!(answer.header("x-mbx-used-weight-1m"), Some(used.as_str()), "{path}");
    };
    check("api/v3/klines?symbol=BTCUSDT&interval=1m", 2).await;
    check("api/v3/aggTrades?symbol=BTCUSDT", 4).await;
    check("api/v3/klines?symbol=NOPE&interval=1m", 2).await;
    check("api/v3/exchangeInfo", 20).await;
    check("fapi/v1/exchangeInfo", 1).await;
    let bars = "fapi/v1/klines?symbol=BTCUSDT&interval=1m";
    for (limit, weight) in [(100, 1), (101, 2), (500, 2), (501, 5), (1_000, 5), (1_001, 10)] {
        check(&format!("{bars}&limit={limit}"), weight).await;
    }
    check(bars, 5).await;
    check(&format!("{bars}&limit=1501"), 10).await;
    check("fapi/v1/aggTrades?symbol=NOPE", 20).await;
    check("dapi/v1/klines?symbol=BTCUSD_PERP&interval=1m&limit=1000", 5).await;
    check("dapi/v1/aggTrades?symbol=BTCUSD_PERP", 20).await;
    let counts = server.counts();
    let told: Vec<_> = counts.iter().map(|c| (c.provider.as_str(), c.minute.most)).collect();
    assert_eq!(told, [("binance", 28), ("binance-coinm", 25), ("binance-futures", 61)]);
}

#[tokio::test]
async fn who_goes_on_is_banned() {
    let binance = Habits { weight: 10, patience: 2, ..Habits::default() };
    let server = start(NOW, RestOptions { binance, ..options() });
    let check = async |status: u16, retry: Option<&str>, part: &str| {
        let answer = get(&server, "api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1").await;
        assert_eq!((answer.status, answer.header("retry-after")), (status, retry));
        assert!(answer.text().contains(part), "{}", answer.text());
    };
    let at = |text: &str| server.set_now(Some(format!("2025-01-02T{text}Z").parse().unwrap()));
    for _ in 0..5 {
        check(200, None, "[[").await;
    }
    let weight = r#"{"code":-1003,"msg":"Too much request weight used; current limit is 10 request weight per 1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API."}"#;
    check(429, Some("4"), weight).await;
    at("12:34:59.5");
    check(429, Some("1"), weight).await;
    // the third time, until 12:36:59.5
    let banned = r#"{"code":-1003,"msg":"Way too much request weight used; IP banned until 1735821419500. Please use WebSocket Streams for live updates to avoid bans."}"#;
    check(418, Some("120"), banned).await;
    at("12:36:00");
    check(418, Some("60"), banned).await;
    at("12:36:59.5");
    check(200, None, "[[").await;
    // waiting until the next minute is no offence
    at("12:40:00");
    for _ in 0..5 {
        check(200, None, "[[").await;
    }
    check(429, Some("60"), weight).await;
    at("12:41:00");
    check(200, None, "[[").await;
    // the next ban is twice as long
    for _ in 0..4 {
        check(200, None, "[[").await;
    }
    check(429, Some("60"), weight).await;
    check(429, Some("60"), weight).await;
    check(418, Some("240"), "IP banned until").await;
    // futures are counted apart
    assert_eq!(get(&server, "fapi/v1/ping").await.status, 200);
    server.clear_counts();
    check(200, None, "[[").await;
}

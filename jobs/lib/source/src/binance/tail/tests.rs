//! Pages of bars: what is asked, what becomes of the rows, and what is refused.

use super::*;
use crate::questions::{Page, Received, lines};

const DAY_START: i64 = 1_706_659_200_000_000;

fn unit(text: &str) -> Unit {
    text.parse().expect(text)
}

fn spot() -> Unit {
    unit("binance/spot/klines/BTCUSDT/1m/2024-01-31")
}

fn at(time: &str) -> DateTime<Utc> {
    format!("2024-01-31T{time}:00Z").parse().expect(time)
}

/// A row as the API has it, of a minute of the day.
fn row(minute: i64) -> String {
    let open = DAY_START + minute * 60_000_000;
    format!(
        r#"[{open},"42.10000000","43.0","41.9","42.5","1.50000000",{},"63.75","7","0.5","21.2","0"]"#,
        open + 59_999_999
    )
}

fn received(status: u16, body: String) -> Received {
    Received { status, content_type: None, body: body.into_bytes() }
}

fn page(minutes: std::ops::Range<i64>) -> Received {
    let rows: Vec<String> = minutes.map(row).collect();
    received(200, format!("[{}]", rows.join(",")))
}

fn query(inquiry: &dyn Inquiry) -> String {
    let question = inquiry.question().expect("askable");
    question.map_or_else(String::new, |q| format!("{}?{}", q.request.path(), q.request.query()))
}

#[test]
fn a_day_is_asked_for_up_to_the_last_bar_that_is_over() {
    let mut bars = Binance.inquire(&spot(), Some(at("12:33")), &Key::absent()).expect("askable");
    assert_eq!(
        query(&*bars),
        "/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime=1706659200000&\
         endTime=1706704379999&limit=1000"
    );
    let question = bars.question().expect("askable").expect("a question");
    assert_eq!(question.credits, 2);
    let headers = question.request.headers();
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.reveal())).collect();
    assert_eq!(headers, [("x-mbx-time-unit", "MICROSECOND")]);
    let taken = bars.take(&page(0..753).answer()).expect("a page");
    assert_eq!((taken.lines.lines().count(), taken.notes.as_str()), (753, ""));
    assert_eq!(
        taken.lines.lines().next(),
        Some(
            "1706659200000000,42.10000000,43.0,41.9,42.5,1.50000000,1706659259999999,63.75,7,0.5,\
             21.2,0"
        )
    );
    assert_eq!(query(&*bars), "");
    // nothing is over yet
    let bars = Binance.inquire(&spot(), Some(at("00:00")), &Key::absent()).expect("askable");
    assert_eq!(query(&*bars), "");
}

#[test]
fn a_whole_day_is_two_pages() {
    let end = "2024-02-01T00:00:00Z".parse().ok();
    let mut bars = Binance.inquire(&spot(), end, &Key::absent()).expect("askable");
    bars.take(&page(0..1_000).answer()).expect("a page");
    assert!(query(&*bars).contains("startTime=1706719200000&endTime=1706745599999"));
    bars.take(&page(1_000..1_440).answer()).expect("a page");
    assert_eq!(query(&*bars), "");
    let kept = [page(0..1_000), page(1_000..1_440)];
    let found = lines(&Binance, &spot(), end, &kept).expect("lines");
    assert_eq!(found.lines().count(), 1_440);
    let error = lines(&Binance, &spot(), end, &kept[..1]).expect_err("one is missing");
    assert!(error.to_string().starts_with("1 answers, expected more"), "{error}");
    // a page of other bars than those asked for would be asked for again and again
    let mut bars = Binance.inquire(&spot(), end, &Key::absent()).expect("askable");
    bars.take(&page(0..1_000).answer()).expect("a page");
    let refusal = bars.take(&page(0..1_000).answer()).expect_err("the same page");
    assert_eq!(refusal.why, Why::NotUnderstood);
}

#[test]
fn an_open_bar_is_left_out() {
    let mut bars = Binance.inquire(&spot(), Some(at("12:33")), &Key::absent()).expect("askable");
    let taken = bars.take(&page(0..755).answer()).expect("a page");
    assert_eq!(taken.lines.lines().count(), 753);
    assert_eq!(taken.notes, "bars after the time up to which was asked, left out: 2");
    assert_eq!(query(&*bars), "");
    // no bar of the day yet is an answer
    let mut bars = Binance.inquire(&spot(), Some(at("12:33")), &Key::absent()).expect("askable");
    assert_eq!(bars.take(&received(200, "[]".to_owned()).answer()), Ok(Page::default()));
    assert_eq!(query(&*bars), "");
}

#[test]
fn rows_that_are_none_stay_as_received() {
    let mut bars = Binance.inquire(&spot(), Some(at("12:33")), &Key::absent()).expect("askable");
    let body = format!("[{}, {{\"a\": 1}}, [\"x\"], []]", row(0));
    let taken = bars.take(&received(200, body).answer()).expect("a page");
    let found: Vec<&str> = taken.lines.lines().skip(1).collect();
    assert_eq!(found, [r#"{"a": 1}"#, "x", "[]"]);
}

#[test]
fn refusals_are_told_apart() {
    let check = |status: u16, body: &str, expect: Why| {
        let mut bars =
            Binance.inquire(&spot(), Some(at("12:33")), &Key::absent()).expect("askable");
        let refusal = bars.take(&received(status, body.to_owned()).answer()).expect_err(body);
        assert_eq!(refusal.why, expect, "{status} {body}: {refusal}");
        assert!(!query(&*bars).is_empty(), "the question stays the same");
    };
    let weight = r#"{"code":-1003,"msg":"Too much request weight used; current limit is 6000"}"#;
    check(429, weight, Why::MinuteLimit);
    check(418, r#"{"code":-1003,"msg":"IP banned until 1706659200000"}"#, Why::MinuteLimit);
    check(418, "", Why::MinuteLimit);
    check(400, r#"{"code":-1121,"msg":"Invalid symbol."}"#, Why::NoSuchSymbol);
    check(400, r#"{"code":-1120,"msg":"Invalid interval."}"#, Why::BadRequest);
    check(503, r#"{"code":-1008,"msg":"Server is currently overloaded"}"#, Why::ServerTrouble);
    check(500, "<html>", Why::ServerTrouble);
    check(403, "<html><title>403 Forbidden</title>", Why::Page);
    check(
        451,
        r#"{"code":0,"msg":"Service unavailable from a restricted location"}"#,
        Why::NotUnderstood,
    );
    check(
        200,
        &page(0..9).answer().body[..700].iter().map(|b| *b as char).collect::<String>(),
        Why::Cut,
    );
    check(200, r#"{"serverTime":1}"#, Why::NotUnderstood);
    check(200, "", Why::Cut);
    check(200, "12", Why::NotUnderstood);
}

#[test]
fn markets_of_futures_have_hosts_and_weights_of_their_own() {
    let usdm = unit("binance/usdm/klines/BTCUSDT/1h/2024-01-31");
    let bars = Binance.inquire(&usdm, Some(at("12:00")), &Key::absent()).expect("askable");
    assert!(query(&*bars).starts_with("/fapi/v1/klines?symbol=BTCUSDT&interval=1h"));
    let question = bars.question().expect("askable").expect("a question");
    assert_eq!((question.credits, question.request.headers().len()), (5, 0));
    for symbol in ["BTCUSD_PERP", "BTCUSD_240329"] {
        let coinm = unit(&format!("binance/coinm/klines/{symbol}/1h/2024-01-31"));
        let bars = Binance.inquire(&coinm, Some(at("12:00")), &Key::absent()).expect("askable");
        let expect = format!("/dapi/v1/klines?symbol={symbol}&interval=1h");
        assert!(query(&*bars).starts_with(&expect), "{symbol}");
        assert_eq!(bars.question().expect("askable").expect("a question").credits, 5);
    }
    let minute = |market: Market| Binance.free_of_tail(market.name()).per_minute;
    assert_eq!(Market::ALL.map(minute), [Some(3_000), Some(1_200), Some(1_200)]);
    for dataset in [Dataset::Klines, Dataset::AggTrades] {
        let hosts = Market::ALL.map(|market| host(market.name(), dataset));
        assert_eq!(
            hosts[1..],
            [Some("https://fapi.binance.com"), Some("https://dapi.binance.com")]
        );
    }
    assert_eq!(host(Market::Spot.name(), Dataset::Trades), None);
    // whole it is not asked for, nor is what the API is not asked for at all
    assert!(Binance.inquire(&spot(), None, &Key::absent()).is_err());
    let trades = unit("binance/spot/trades/BTCUSDT/2024-01-31");
    assert!(Binance.inquire(&trades, Some(at("12:00")), &Key::absent()).is_err());
    let told = |name: &str| (name == "x-mbx-used-weight-1m").then_some(17);
    assert_eq!(Binance.told(&told), Some((17, u32::MAX)));
}

proptest::proptest! {
    #[test]
    fn no_answer_makes_it_panic(
        text in r#"[\[{\]}"0-9,:a-z. -]{0,60}"#,
        status in 100..600_u16,
    ) {
        let mut bars = Binance.inquire(&spot(), Some(at("12:33")), &Key::absent()).expect("askable");
        if let Ok(page) = bars.take(&received(status, text).answer()) {
            assert!(page.lines.is_empty() || page.lines.ends_with('\n'));
        }
    }
}

//! Every real answer of Twelve Data and Alpha Vantage in the shared folder: rows exact to the last
//! digit, each error of its kind. Made-up answers are tested beside the code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use model::Timeframe;
use source::rest::{Again, Answer, Bars, Concerns, Key, Kind, Refusal, Why};
use source::sheet::{self, Cell};
use source::{alphavantage, twelvedata};

use crate::shared;

fn key() -> Key {
    Key::new("SECRET0123456789").unwrap()
}

/// An answer as both providers give errors too: status 200, a type that means nothing.
fn answer(body: &[u8]) -> Answer<'_> {
    Answer { status: 200, content_type: Some("application/x-download"), body }
}

/// Names of the files of a folder.
fn files(folder: &PathBuf) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .filter(|entry| entry.path().is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect()
}

fn show(refusal: &Refusal) -> String {
    let Refusal { why, concerns, again, .. } = refusal;
    format!("{why:?} {concerns:?} {again:?}")
}

fn ibm(timeframe: Timeframe) -> alphavantage::Ask {
    alphavantage::Ask::all("IBM", Kind::Stocks, timeframe, alphavantage::Size::Compact)
}

fn aapl() -> twelvedata::Ask {
    let day = "2021-03-01".parse().unwrap();
    twelvedata::Ask {
        times: twelvedata::Times::Exchange,
        ..twelvedata::Ask::new("AAPL", Kind::Stocks, Timeframe::M1, day)
    }
}

#[test]
fn twelve_data_bars() {
    let Some(folder) = shared("twelvedata/errors") else { return };
    let body = fs::read(folder.join("200_ok_time_series_AAPL.json")).unwrap();
    let bars = twelvedata::bars(&aapl(), &answer(&body), &key()).unwrap();
    // 15:59 in New York, in winter
    assert_eq!(bars.csv, "1614632340000000,127.63990,127.93000,127.63000,127.79000,1691294\n");
    assert_eq!(bars.meta.exchange_zone.as_deref(), Some("America/New_York"));
    assert_eq!(bars.meta.exchange.as_deref(), Some("NASDAQ"));
    assert_eq!(bars.meta.currency.as_deref(), Some("USD"));
    assert_eq!(bars.meta.instrument.as_deref(), Some("Common Stock"));
    assert_eq!(bars.notes.to_string(), "");
}

#[test]
fn twelve_data_errors() {
    let Some(folder) = shared("twelvedata/errors") else { return };
    let expect = [
        ("400_invalid_interval.json", "BadRequest Function Never"),
        ("401_apikey.json", "BadKey Key Never"),
        ("403_demo.json", "DemoKey Key Never"),
        ("404_symbol.json", "NoSuchSymbol Symbol Never"),
        ("414.json", "BatchTooLong Function Never"),
        ("429_day.json", "DayLimit Key AfterDay(UTC)"),
        ("429_minute.json", "MinuteLimit Key AfterMinute"),
        ("500.json", "ServerTrouble Key AfterMinute"),
    ];
    let mut left = files(&folder);
    left.remove("200_ok_time_series_AAPL.json");
    for (name, expect) in expect {
        let body = fs::read(folder.join(name)).unwrap();
        let refusal = twelvedata::bars(&aapl(), &answer(&body), &key()).unwrap_err();
        assert_eq!(show(&refusal), expect, "{name}");
        assert!(refusal.words.starts_with(&name[..3]), "{}", refusal.words);
        left.remove(name);
    }
    assert!(left.is_empty(), "files that no test reads: {left:?}");
}

/// The rows of a file of Alpha Vantage read back: newest first, as local times.
fn written(bars: &Bars, zone_offset_hours: i64, daily: bool, has_volume: bool) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in bars.csv.lines().rev() {
        let (time, rest) = line.split_once(',').unwrap();
        assert_eq!(time.len(), 16);
        let micros = time.parse::<i64>().unwrap() + zone_offset_hours * 3_600_000_000;
        let day = model::Day::of_micros(micros).unwrap();
        let seconds = (micros - day.start_micros()) / 1_000_000;
        let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let time = if daily { day.to_string() } else { format!("{day} {h:02}:{m:02}:{s:02}") };
        let rest = if has_volume { rest } else { rest.strip_suffix(',').unwrap() };
        lines.push(format!("{time},{rest}"));
    }
    let columns = if has_volume { ",volume" } else { "" };
    format!("timestamp,open,high,low,close{columns}\n{}\n", lines.join("\n"))
}

#[test]
fn alpha_vantage_bars() {
    let Some(folder) = shared("alphavantage") else { return };
    let check = |name: &str, ask: &alphavantage::Ask, offset: i64, rows: usize, first: &str| {
        let body = fs::read(folder.join(name)).unwrap();
        let bars = alphavantage::bars(ask, &answer(&body), &key()).unwrap();
        assert_eq!(bars.rows, rows, "{name}");
        assert_eq!(bars.csv.lines().next(), Some(first), "{name}");
        assert_eq!(bars.notes.to_string(), "newest first, turned round", "{name}");
        let back = written(&bars, offset, ask.timeframe == Timeframe::D1, ask.kind != Kind::Forex);
        assert_eq!(back, String::from_utf8(body).unwrap(), "{name}");
    };
    // New York is four hours behind in May
    check(
        "TIME_SERIES_INTRADAY_3dbdcdc7.csv",
        &ibm(Timeframe::M5),
        -4,
        100,
        "1778859600000000,217.9800,218.4200,217.9600,218.1400,62832",
    );
    check(
        "TIME_SERIES_DAILY_42a08190.csv",
        &ibm(Timeframe::D1),
        0,
        100,
        "1766361600000000,301.0300,303.1800,298.3200,302.7900,2612100",
    );
    let size = alphavantage::Size::Compact;
    check(
        "FX_INTRADAY_f0be5c32.csv",
        &alphavantage::Ask::all("EURUSD", Kind::Forex, Timeframe::M5, size),
        0,
        100,
        "1778849400000000,1.16190,1.16240,1.16180,1.16240,",
    );
    check(
        "CRYPTO_INTRADAY_38f15660.csv",
        &alphavantage::Ask::all("ETH_USD", Kind::Crypto, Timeframe::M5, size),
        0,
        100,
        "1779008100000000,2184.92000,2185.52000,2184.56000,2185.17000,12",
    );
}

#[test]
fn alpha_vantage_companies() {
    let Some(folder) = shared("alphavantage") else { return };
    let body = fs::read(folder.join("OVERVIEW_b1e86153.json")).unwrap();
    let line = alphavantage::overview("IBM", &answer(&body), &key()).unwrap();
    let found = cells("fundamentals", &line);
    let check = |column: &str, expect: Cell| assert_eq!(found[column], expect, "{column}");
    let text = |text: &str| Cell::Text(text.to_owned());
    let day = |text: &str| Cell::Day(text.parse::<model::Day>().unwrap().epoch_days());
    check("name", text("International Business Machines"));
    check("exchange", text("NYSE"));
    check("currency", text("USD"));
    check("sector", text("TECHNOLOGY"));
    check("industry", text("INFORMATION TECHNOLOGY SERVICES"));
    // in units of 1e-8
    check("pe_ratio", Cell::Number(1_942_000_000));
    check("eps", Cell::Number(1_129_000_000));
    check("market_capitalization", Cell::Number(206_116_848_000 * 100_000_000));
    check("shares_outstanding", Cell::Number(939_885_000 * 100_000_000));
    check("dividend_yield", Cell::Number(3_080_000));
    check("high_52_weeks", Cell::Number(32_070_000_000));
    check("latest_quarter", day("2026-03-31"));
    check("ex_dividend_date", day("2026-05-08"));
    assert!(found.values().all(|cell| *cell != Cell::Null), "{found:?}");

    let body = fs::read(folder.join("GLOBAL_QUOTE_db7544f0.csv")).unwrap();
    let line = alphavantage::quote("IBM", &answer(&body), &key()).unwrap();
    let found = cells("last_quotes", &line);
    let check = |column: &str, expect: Cell| assert_eq!(found[column], expect, "{column}");
    check("open", Cell::Number(21_820_000_000));
    check("price", Cell::Number(21_930_000_000));
    check("volume", Cell::Number(6_154_450 * 100_000_000));
    check("latest_day", day("2026-05-15"));
    // in percent
    check("change_percent", Cell::Number(42_590_000));
    assert!(found.values().all(|cell| *cell != Cell::Null), "{found:?}");
}

/// What is read of the only line of an answer, by column.
fn cells(dataset: &str, line: &str) -> BTreeMap<&'static str, Cell> {
    let unit: model::Unit =
        format!("alphavantage/stocks/{dataset}/IBM/2026-05-18").parse().unwrap();
    let line = line.strip_suffix('\n').unwrap();
    assert!(!line.contains('\n'), "{line}");
    let entry = sheet::read(line.as_bytes(), &unit).unwrap();
    assert_eq!(entry.issues.text(), None);
    let columns = sheet::stated(model::schema::Table::of_dataset(unit.dataset)).iter();
    columns.map(|column| column.name).zip(entry.cells).collect()
}

#[test]
fn alpha_vantage_indicators_are_no_bars() {
    let Some(folder) = shared("alphavantage") else { return };
    for name in ["BBANDS_9bd4a9ab", "MACD_19e73cc7", "RSI_fbad53b2", "SMA_2e3849d5"] {
        let body = fs::read(folder.join(format!("{name}.csv"))).unwrap();
        let refusal = alphavantage::bars(&ibm(Timeframe::D1), &answer(&body), &key()).unwrap_err();
        assert_eq!(refusal.why, Why::NotUnderstood, "{name}");
        let columns =
            "no bars: expected the columns timestamp,open,high,low,close,volume, found time,";
        assert!(refusal.words.starts_with(columns), "{}", refusal.words);
    }
}

#[test]
fn alpha_vantage_errors() {
    let Some(folder) = shared("alphavantage") else { return };
    let check = |name: &str, expect: &str| {
        let body = fs::read(folder.join(name)).unwrap();
        let refusals = [
            alphavantage::bars(&ibm(Timeframe::M5), &answer(&body), &key()).unwrap_err(),
            alphavantage::quote("IBM", &answer(&body), &key()).unwrap_err(),
            alphavantage::overview("IBM", &answer(&body), &key()).unwrap_err(),
            alphavantage::actions("IBM", &answer(&body), &key()).unwrap_err(),
        ];
        for refusal in refusals {
            assert_eq!(show(&refusal), expect, "{name}");
        }
    };
    let day = "AfterDay(US/Eastern)";
    check("errors/error_message_apikey_invalid_pricehist.json", "BadKey Key Never");
    check("errors/information_burst_pattern.json", "BurstLimit Key AfterSecond");
    check("errors/information_premium_endpoint.json", "PremiumOnly Function Never");
    check("errors/information_rate_limit_2025-12_beanprice124.json", "BurstLimit Key AfterSecond");
    let limit = format!("DayLimit Key {day}");
    check("errors/information_rate_limit_25_per_day_pricehist.json", &limit);
    check("errors/note_rate_limit_2018_finance-quote104.json", "MinuteLimit Key AfterMinute");
    // prices that nobody paid
    check("REALTIME_BULK_QUOTES_505ed5cc.json", "Artificial Function Never");

    let body = fs::read(folder.join("errors/global_quote_empty.json")).unwrap();
    let refusal = alphavantage::quote("IBM", &answer(&body), &key()).unwrap_err();
    assert_eq!(refusal.why, Why::NoSuchSymbol);
    assert_eq!((refusal.concerns, refusal.again), (Concerns::Symbol, Again::Never));
    assert_eq!(files(&folder.join("errors")).len(), 7, "a file that no test reads");
}

#[test]
fn cut_answers_are_never_shorter_ones() {
    let Some(folder) = shared("alphavantage") else { return };
    let body = fs::read(folder.join("TIME_SERIES_INTRADAY_3dbdcdc7.csv")).unwrap();
    for end in 0..body.len() {
        let found = alphavantage::bars(&ibm(Timeframe::M5), &answer(&body[..end]), &key());
        match found {
            Err(refusal) => assert!(matches!(refusal.why, Why::Cut | Why::NoData), "{refusal}"),
            // between two lines nothing tells that lines are missing
            Ok(_) => assert_eq!(body[end - 1], b'\n'),
        }
    }
    let body = fs::read(folder.join("OVERVIEW_b1e86153.json")).unwrap();
    for end in 0..body.len() {
        let refusal = alphavantage::overview("IBM", &answer(&body[..end]), &key()).unwrap_err();
        assert_eq!(refusal.why, Why::Cut);
    }
}

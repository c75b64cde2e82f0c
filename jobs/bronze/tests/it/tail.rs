//! Tails: what the exchange's API says of a day whose archive is not there yet, against a sample server
//! that weighs, refuses and bans.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use exchange::rest::{Rest, RestHandle, RestOptions};
use model::fragment::{ArchiveStatus, BronzeFragment};
use model::plan::{Batch, Group, Origin, PlannedUnit, Remote};
use model::schema::Table;
use model::{RunId, Unit, layout};
use source::questions;
use stage::{Clock, Context, ManualClock, Meter};
use store::Lake;

use crate::support::{Reply, Server};

const UNIT: &str = "binance/spot/klines/BTCUSDT/1m/2024-01-31";

pub(crate) fn time(text: &str) -> DateTime<Utc> {
    text.parse().expect(text)
}

/// A lake whose tails are asked for at a host, and a clock.
pub(crate) struct Lab {
    folder: tempfile::TempDir,
    pub(crate) clock: ManualClock,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let clock = ManualClock::at(time("2024-01-31T12:34:00Z"));
        Self { folder: tempfile::tempdir().expect("folder"), clock }
    }

    pub(crate) fn context(&self, run: u32, limits: &str) -> Context {
        let text = format!(
            "environment: test\nsources:\n  binance:\n    url: http://127.0.0.1:1\n    \
             tail: {{minutes: 1{limits}}}\n    markets:\n      spot:\n        symbols: [BTCUSDT]\n        \
             range: {{from: 2024-01-30}}\n        datasets: {{klines: {{timeframes: [1m]}}}}\n\
             limits:\n  download: {{backoff_ms: 1, attempts: 3}}\n"
        );
        let config = source::Providers::ALL.read("lake.yaml", &text).expect("configuration");
        let lake = self.folder.path().join("lake");
        Context {
            lake: Lake::open(lake.to_str().expect("path"), None).expect("lake"),
            config: Arc::new(config),
            config_sha256: String::new(),
            providers: source::Providers::ALL,
            run: RunId::new(DateTime::UNIX_EPOCH, run),
            clock: Clock::Manual(self.clock.clone()),
            meter: Meter::new("bronze", false),
        }
    }
}

/// Fetches the day's tail up to `until` from the API at `url`.
async fn fetch(
    context: &Context,
    unit: &str,
    url: &str,
    until: &str,
) -> (bronze::Report, Option<BronzeFragment>) {
    fetch_on(context, unit, url, until, None).await
}

/// The same where a version of it is held.
pub(crate) async fn fetch_on(
    context: &Context,
    unit: &str,
    url: &str,
    until: &str,
    held: Option<&BronzeFragment>,
) -> (bronze::Report, Option<BronzeFragment>) {
    let unit: Unit = unit.parse().expect("unit");
    let held = held.and_then(|held| held.archive.clone());
    let remote = Remote { until: Some(time(until)), held, ..Remote::asked(url) };
    let group = Group {
        id: unit.to_string(),
        table: Table::Klines,
        partitions: Vec::new(),
        units: vec![PlannedUnit {
            unit,
            archive: Origin::Fetch(remote),
            keeps: false,
            before: None,
        }],
        reading: None,
        prices: None,
        tails: Vec::new(),
    };
    let Context { lake, run, .. } = context;
    let batch = Batch { run: run.clone(), number: 1, groups: vec![group] };
    lake.write_json(&layout::batch(run, 1), &batch).await.expect("batch");
    let options = bronze::Options { batch: 1, proxy: None, time: None };
    let report = bronze::run(context, &options).await.map_err(|failure| failure.error);
    let fragments = lake.bronze_fragments(run).await.expect("fragments");
    (report.expect("a clean end"), fragments.into_iter().next())
}

fn server(now: &str) -> RestHandle {
    let options = RestOptions { now: Some(time(now)), ..RestOptions::default() };
    Rest::start(&options).expect("server")
}

/// The lines that silver makes of a raw object.
pub(crate) async fn lines(context: &Context, fragment: &BronzeFragment) -> Vec<String> {
    let object = &fragment.archive.as_ref().expect("a raw object").object;
    let bytes = context.lake.read(object).await.expect("object");
    let kept = questions::unpack(&bytes).expect("answers");
    let provider = context.providers.of(fragment.unit.source).expect("provider");
    let how = provider.questions().expect("it is asked");
    let until = layout::tail_until(object);
    assert!(until.is_some(), "{object}");
    let lines = questions::lines(how, &fragment.unit, until, &kept).expect("lines");
    lines.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_there_up_to_the_last_minute_that_is_over() {
    let lab = Lab::new();
    let server = server("2024-01-31T12:34:30Z");
    let context = lab.context(1, "");
    let (report, fragment) = fetch(&context, UNIT, server.url(), "2024-01-31T12:33:00Z").await;
    assert_eq!(report.by_status, [("unverified", 1)].into());
    let fragment = fragment.expect("fragment");
    assert_eq!(fragment.status, ArchiveStatus::Unverified);
    let archive = fragment.archive.as_ref().expect("a raw object");
    let name = "/BTCUSDT-1m-2024-01-31.until-2024-01-31T1233Z.zip";
    assert!(archive.object.ends_with(name), "{}", archive.object);
    let found = lines(&context, &fragment).await;
    assert_eq!(found.len(), 12 * 60 + 33);
    let last = time("2024-01-31T12:32:00Z").timestamp_micros();
    assert!(found[752].starts_with(&format!("{last},")), "{}", found[752]);
    assert!(found[752].contains(&format!(",{},", last + 59_999_999)), "{}", found[752]);
    // one page of weight 2, counted for all runs
    let spent = context.lake.read("bronze/limits/binance-spot.json").await.expect("a budget");
    let spent = String::from_utf8(spent.to_vec()).expect("text");
    assert!(spent.contains("\"credits\": 2"), "{spent}");

    // what is over two minutes later, and the whole day by another run after it
    let more = [("2024-01-31T12:36:30Z", "2024-01-31T12:35:00Z", 755)];
    let whole = [("2024-02-01T00:02:00Z", "2024-02-01T00:00:00Z", 1_440)];
    for (run, (now, until, count)) in (2..).zip(more.into_iter().chain(whole)) {
        server.set_now(Some(time(now)));
        lab.clock.advance(TimeDelta::minutes(2));
        let context = lab.context(run, "");
        let (_, fragment) = fetch(&context, UNIT, server.url(), until).await;
        let found = lines(&context, &fragment.expect("fragment")).await;
        assert_eq!(found.len(), count, "{now}");
    }
    // each of them is kept
    let folder = layout::raw_unit(&UNIT.parse().expect("unit"));
    assert_eq!(context.lake.list(&folder).await.expect("list").len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn futures_have_another_path_another_budget_and_times_in_ms() {
    let lab = Lab::new();
    let server = server("2024-01-31T12:34:30Z");
    let context = lab.context(1, "");
    fetch(&context, UNIT, server.url(), "2024-01-31T12:33:00Z").await;
    let unit = "binance/usdm/klines/BTCUSDT/1h/2024-01-31";
    let context = lab.context(2, "");
    let (_, fragment) = fetch(&context, unit, server.url(), "2024-01-31T12:00:00Z").await;
    let found = lines(&context, &fragment.expect("fragment")).await;
    assert_eq!(found.len(), 12);
    assert!(found[11].starts_with("1706698800000,"), "{}", found[11]);
    let budgets = context.lake.list(layout::LIMITS).await.expect("list");
    let budgets: Vec<&str> = budgets.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(budgets, ["bronze/limits/binance-spot.json", "bronze/limits/binance-usdm.json"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn contracts_are_asked_for_at_a_host_of_their_own() {
    let lab = Lab::new();
    let symbols = ["BTCUSD_PERP", "BTCUSD_240329"];
    let specs = symbols.map(|symbol| format!("coinm:{symbol},trades=3000").parse().expect(symbol));
    let now = Some(time("2024-01-31T12:34:30Z"));
    let options = RestOptions { symbols: specs.to_vec(), now, ..RestOptions::default() };
    let server = Rest::start(&options).expect("server");
    for (run, symbol) in (1..).zip(symbols) {
        let unit = format!("binance/coinm/klines/{symbol}/1m/2024-01-31");
        let context = lab.context(run, "");
        let (_, fragment) = fetch(&context, &unit, server.url(), "2024-01-31T12:33:00Z").await;
        let found = lines(&context, &fragment.expect("fragment")).await;
        // volumes in contracts and in the base asset have the places that the archive gives them
        let key = format!("data/futures/cm/daily/klines/{symbol}/1m/{symbol}-1m-2024-01-31.zip");
        let name = exchange::ArchiveName::parse(&key).expect("name");
        let archive = server.market().csv(&name).expect("archive");
        let archive = String::from_utf8(archive).expect("text");
        let rows = archive.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
        assert_eq!(found, rows.take(12 * 60 + 33).collect::<Vec<_>>(), "{symbol}");
    }
    let budgets = lab.context(3, "").lake.list(layout::LIMITS).await.expect("list");
    let budgets: Vec<&str> = budgets.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(budgets, ["bronze/limits/binance-coinm.json"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_open_by_the_hosts_clock_is_not_stored() {
    let lab = Lab::new();
    let check = async |run: u32, date: &'static str, is_stored: bool| {
        let server = Server::start(move |_, _| Reply::body(200, b"[]").with("Date", date));
        let context = lab.context(run, "");
        let (report, fragment) = fetch(&context, UNIT, &server.url, "2024-01-31T12:33:00Z").await;
        assert_eq!(fragment.is_some(), is_stored, "{date}");
        let text = report.text();
        assert_eq!(
            text.contains("the host's clock says 2024-01-31 12:32:59"),
            !is_stored,
            "{text}"
        );
    };
    check(1, "Wed, 31 Jan 2024 12:32:59 GMT", false).await;
    check(2, "Wed, 31 Jan 2024 12:33:00 GMT", true).await;
    check(3, "soon", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_is_kept_by_all_runs() {
    let lab = Lab::new();
    let server = Server::start(|_, before| match before {
        0 => Reply::body(418, br#"{"code":-1003,"msg":"IP banned"}"#).with("Retry-After", "300"),
        _ => Reply::body(200, b"[]"),
    });
    let until = "2024-01-31T12:33:00Z";
    let (report, fragment) = fetch(&lab.context(1, ""), UNIT, &server.url, until).await;
    assert_eq!(fragment, None);
    let text = report.text();
    let expect = "1 unit of binance wait: binance asks to be left alone; it can go on at \
                  2024-01-31 12:39:00 UTC";
    assert!(text.contains(expect), "{text}");
    // another run asks nothing
    lab.clock.advance(TimeDelta::minutes(2));
    let (report, _) = fetch(&lab.context(2, ""), UNIT, &server.url, until).await;
    assert_eq!((report.waiting.len(), server.requests().len()), (1, 1));
    // and one after it goes on
    lab.clock.advance(TimeDelta::minutes(3));
    let (report, fragment) = fetch(&lab.context(3, ""), UNIT, &server.url, until).await;
    assert_eq!((report.waiting.len(), server.requests().len()), (0, 2));
    // no bar of the day yet is an answer
    let fragment = fragment.expect("fragment");
    assert!(lines(&lab.context(3, ""), &fragment).await.is_empty());
    let request = &server.requests()[1];
    assert_eq!(request.header("x-mbx-time-unit"), Some("MICROSECOND"));
    assert_eq!(request.header("authorization"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_use_counts() {
    let lab = Lab::new();
    let server = Server::start(|_, _| Reply::body(200, b"[]").with("X-MBX-USED-WEIGHT-1M", "9"));
    let until = "2024-01-31T12:33:00Z";
    let limits = ", limits: {per_minute: 10}";
    fetch(&lab.context(1, limits), UNIT, &server.url, until).await;
    // 9 of 10 are used: the next page of weight 2 waits for the minute to be over
    let context = lab.context(2, limits);
    let minute_later = async {
        for _ in 0..200 {
            if !lab.clock.sleepers().is_empty() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert_eq!(server.requests().len(), 1);
        lab.clock.advance(TimeDelta::seconds(65));
    };
    let next = fetch(&context, UNIT, &server.url, until);
    let ((report, _), ()) = tokio::join!(next, minute_later);
    assert_eq!((report.waiting.len(), server.requests().len()), (0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_gives_nothing_stops_nobody() {
    let lab = Lab::new();
    let server = Server::start(|_, _| {
        Reply::body(451, br#"{"code":0,"msg":"unavailable from a restricted location"}"#)
    });
    let until = "2024-01-31T12:33:00Z";
    let (report, fragment) = fetch(&lab.context(1, ""), UNIT, &server.url, until).await;
    assert_eq!(fragment, None, "nothing is remembered of it");
    let text = report.text();
    assert!(text.contains("the tails of 1 unit could not be had, the first: binance"), "{text}");
    assert!(text.contains("a restricted location"), "{text}");
}

//! Tails of aggregate trades: a day that grows from run to run, and of which nothing is asked for twice
//! but its last page.

use std::time::Duration;

use chrono::TimeDelta;
use exchange::rest::{Rest, RestHandle, RestOptions};
use model::fragment::{ArchiveStatus, BronzeFragment};
use model::layout;
use source::questions;
use stage::Context;

use crate::support::{Reply, Server};
use crate::tail::{Lab, fetch_on, lines, time};

const UNIT: &str = "binance/usdm/agg_trades/BTCUSDT/2024-01-31";

fn server(now: &str) -> RestHandle {
    let symbols = ["usdm:BTCUSDT,trades=30000", "spot:BTCUSDT,trades=9000"]
        .map(|symbol| symbol.parse().expect(symbol));
    let now = Some(time(now));
    let options = RestOptions { symbols: symbols.to_vec(), now, ..RestOptions::default() };
    Rest::start(&options).expect("server")
}

/// The lines of the day's archive before an instant.
fn archive(server: &RestHandle, until: &str) -> Vec<String> {
    let key = "data/futures/um/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-01-31.zip";
    let name = exchange::ArchiveName::parse(key).expect("name");
    let text = String::from_utf8(server.market().csv(&name).expect("archive")).expect("text");
    let until = time(until).timestamp_millis();
    let is_before = |line: &&str| {
        let told = line.split(',').nth(5).and_then(|time| time.parse::<i64>().ok());
        told.is_some_and(|told| told < until)
    };
    text.lines().filter(is_before).map(str::to_owned).collect()
}

/// What the API was asked for since it was asked last.
fn asked(server: &RestHandle) -> Vec<String> {
    let requests = server.requests();
    server.clear_requests();
    requests.into_iter().map(|request| request.path).collect()
}

/// Up to which instant a raw object says that it tells the day.
fn until(fragment: &BronzeFragment) -> String {
    let object = &fragment.archive.as_ref().expect("a raw object").object;
    layout::tail_until(object).expect(object).to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

async fn answers(context: &Context, fragment: &BronzeFragment) -> usize {
    let object = &fragment.archive.as_ref().expect("a raw object").object;
    let bytes = context.lake.read(object).await.expect("object");
    questions::unpack(&bytes).expect("answers").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_run_asks_for_what_is_new_alone() {
    let lab = Lab::new();
    let server = server("2024-01-31T12:34:30Z");
    let context = lab.context(1, "");
    let (_, first) = fetch_on(&context, UNIT, server.url(), "2024-01-31T12:33:00Z", None).await;
    let first = first.expect("fragment");
    let found = lines(&context, &first).await;
    assert_eq!(found, archive(&server, "2024-01-31T12:33:00Z"));
    let pages = asked(&server);
    assert!(pages.len() > 5 && pages[0].contains("startTime=1706659200000"), "{pages:?}");
    assert!(pages[1..].iter().all(|page| page.contains("fromId=")), "{pages:?}");
    assert_eq!(answers(&context, &first).await, pages.len());

    // a quarter of an hour later the last page is asked for again, and what follows it
    server.set_now(Some(time("2024-01-31T12:50:30Z")));
    lab.clock.advance(TimeDelta::minutes(16));
    let context = lab.context(2, "");
    let held = Some(&first);
    let (_, next) = fetch_on(&context, UNIT, server.url(), "2024-01-31T12:49:00Z", held).await;
    let next = next.expect("fragment");
    let more = asked(&server);
    assert_eq!(more[0], pages[pages.len() - 1]);
    assert!(more.len() <= 3, "{more:?}");
    let found = lines(&context, &next).await;
    assert_eq!(found, archive(&server, "2024-01-31T12:49:00Z"));
    assert_eq!(answers(&context, &next).await, pages.len() - 1 + more.len());

    // the whole day, the next night, and by somebody who has nothing: the same answers
    server.set_now(Some(time("2024-02-01T00:10:30Z")));
    lab.clock.advance(TimeDelta::hours(12));
    let context = lab.context(3, "");
    let midnight = "2024-02-01T00:00:00Z";
    let (_, whole) = fetch_on(&context, UNIT, server.url(), midnight, Some(&next)).await;
    let whole = whole.expect("fragment");
    assert_eq!(lines(&context, &whole).await, archive(&server, midnight));
    let other = Lab::new();
    let context = other.context(1, "");
    let (_, anew) = fetch_on(&context, UNIT, server.url(), midnight, None).await;
    assert_eq!(anew.expect("fragment").etag, whole.etag);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_spends_its_budget_keeps_what_it_has() {
    let lab = Lab::new();
    let server = server("2024-01-31T12:34:30Z");
    let end = "2024-01-31T12:33:00Z";
    // three pages a run
    let context = lab.context(1, ", limits: {per_day: 60}");
    let (report, first) = fetch_on(&context, UNIT, server.url(), end, None).await;
    assert_eq!(report.by_status, [("unverified", 1)].into());
    let first = first.expect("fragment");
    let detail = first.detail.clone().unwrap_or_default();
    assert!(detail.starts_with("told up to 2024-01-31 "), "{detail}");
    assert_eq!((asked(&server).len(), answers(&context, &first).await), (3, 3));
    assert_eq!(lines(&context, &first).await, archive(&server, &until(&first)));
    assert!(lines(&context, &first).await.len() > 2_000);

    // nothing may be asked for: what is held stays, and nothing is told anew
    let context = lab.context(2, ", limits: {per_day: 60}");
    let (report, none) = fetch_on(&context, UNIT, server.url(), end, Some(&first)).await;
    assert_eq!((none, report.waiting.len(), asked(&server).len()), (None, 1, 0));

    let context = lab.context(3, ", limits: {per_day: 120}");
    let (_, second) = fetch_on(&context, UNIT, server.url(), end, Some(&first)).await;
    let second = second.expect("fragment");
    // the third page again, and two more
    assert_eq!((asked(&server).len(), answers(&context, &second).await), (3, 5));
    assert!(until(&first) < until(&second));
    assert_eq!(lines(&context, &second).await, archive(&server, &until(&second)));

    let context = lab.context(4, "");
    let (_, whole) = fetch_on(&context, UNIT, server.url(), end, Some(&second)).await;
    let whole = whole.expect("fragment");
    assert_eq!(whole.status, ArchiveStatus::Unverified);
    assert_eq!(lines(&context, &whole).await, archive(&server, end));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_killed_between_pages_goes_on() {
    let lab = Lab::new();
    let row = |id: i64| {
        let time = 1_706_659_200_000 + id * 10;
        format!(r#"{{"a":{id},"p":"42.1","q":"0.5","f":{id},"l":{id},"T":{time},"m":true}}"#)
    };
    let page = move |from: i64, count: i64| {
        format!("[{}]", (from..from + count).map(row).collect::<Vec<_>>().join(","))
    };
    let server = Server::start(move |request, before| {
        let body = match request.path.split_once("fromId=") {
            None => page(0, 1_000),
            Some((_, rest)) if rest.starts_with("1000&") => page(1_000, 1_000),
            // the third page does not come the first time
            Some(_) if before == 0 => {
                return Reply { stall: Some(1), ..Reply::body(200, b"[]") };
            }
            Some(_) => page(2_000, 10),
        };
        Reply::body(200, body.as_bytes())
    });
    let end = "2024-01-31T12:33:00Z";
    let context = lab.context(1, "");
    let url = server.url.clone();
    let waits = async {
        for _ in 0..500 {
            if server.requests().len() == 3 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    // what is dropped goes no further, as what is killed
    tokio::select! {
        ended = fetch_on(&context, UNIT, &url, end, None) => panic!("it ended: {ended:?}"),
        () = waits => {}
    }
    assert_eq!(server.requests().len(), 3);

    let context = lab.context(2, "");
    let (_, fragment) = fetch_on(&context, UNIT, &server.url, end, None).await;
    let paths: Vec<String> = server.requests().into_iter().skip(3).map(|r| r.path).collect();
    assert_eq!(paths, ["/fapi/v1/aggTrades?symbol=BTCUSDT&fromId=2000&limit=1000"]);
    let found = lines(&context, &fragment.expect("fragment")).await;
    let ids: Vec<i64> =
        found.iter().filter_map(|line| line.split(',').next()?.parse().ok()).collect();
    assert_eq!(ids, (0..2_010).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_what_was_held_is_gone_all_is_asked_for_anew() {
    let lab = Lab::new();
    let server = server("2024-01-31T12:34:30Z");
    let end = "2024-01-31T12:33:00Z";
    let context = lab.context(1, "");
    let (_, first) = fetch_on(&context, UNIT, server.url(), "2024-01-31T12:30:00Z", None).await;
    let first = first.expect("fragment");
    let pages = asked(&server).len();
    let object = &first.archive.as_ref().expect("a raw object").object;
    for (run, spoil) in [(2, true), (3, false)] {
        let context = lab.context(run, "");
        if spoil {
            context.lake.write(object, "no zip").await.expect("write");
        } else {
            context.lake.delete(object).await.expect("delete");
            // what was kept meanwhile is of this time of asking, and is taken
            let pages = context.lake.list("bronze/limits/binance/pages").await.expect("list");
            for page in pages {
                context.lake.delete(&page.key).await.expect("delete");
            }
        }
        let (_, again) = fetch_on(&context, UNIT, server.url(), end, Some(&first)).await;
        let again = again.expect("fragment");
        assert!(asked(&server).len() >= pages, "{spoil}");
        assert_eq!(lines(&context, &again).await, archive(&server, end));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn spot_is_told_in_micros() {
    let lab = Lab::new();
    let server = server("2024-01-31T12:34:30Z");
    let unit = "binance/spot/agg_trades/BTCUSDT/2024-01-31";
    let context = lab.context(1, "");
    let (_, fragment) = fetch_on(&context, unit, server.url(), "2024-01-31T12:33:00Z", None).await;
    let found = lines(&context, &fragment.expect("fragment")).await;
    let pages = asked(&server);
    assert!(found.len() > 1_000 && pages.len() == found.len() / 1_000 + 1, "{}", found.len());
    assert!(pages[0].starts_with("api/v3/aggTrades?"), "{}", pages[0]);
    let fields: Vec<&str> = found[0].split(',').collect();
    assert_eq!((fields.len(), fields[5].len(), fields[7]), (8, 16, "true"), "{}", found[0]);
}

//! The exchange as a host: objects, ranges, conditions, checksums, listings, clock, control.

use crate::common::{Answer, ask, client, csv, elements, get, options, sha256, start};
use exchange::{ArchiveName, Exchange, Handle, Sizes};
use model::Dataset;
use reqwest::Method;

const TRADES: &str = "data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-12-31.zip";

fn small() -> Handle {
    start(&["spot:BTCUSDT,trades=3000", "usdm:PEPEUSDT,trades=500"], "2024-12-30", "2025-01-02")
}

async fn with(exchange: &Handle, key: &str, headers: &[(&str, &str)]) -> Answer {
    ask(Method::GET, format!("{}/{key}", exchange.url()), headers).await
}

#[tokio::test]
async fn an_archive_is_one_file_with_the_truth_and_its_checksum() {
    let exchange = small();
    for key in exchange.keys() {
        let zip = get(&exchange, &key).await;
        assert_eq!(zip.status, 200, "{key}");
        let name = ArchiveName::parse(&key).unwrap();
        let members = crate::common::members(&zip.body);
        assert_eq!(members.len(), 1);
        assert_eq!(members[0].0, format!("{}.csv", name.stem()));
        assert_eq!(members[0].1.as_bytes(), exchange.market().csv(&name).unwrap());
        let sum = get(&exchange, &format!("{key}.CHECKSUM")).await.text();
        assert_eq!(sum, format!("{}  {}.zip", sha256(&zip.body), name.stem()));
    }
}

#[tokio::test]
async fn head_tells_what_get_gives() {
    let exchange = small();
    let whole = get(&exchange, TRADES).await;
    let head = ask(Method::HEAD, format!("{}/{TRADES}", exchange.url()), &[]).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    for name in ["etag", "last-modified", "content-length", "accept-ranges", "content-type"] {
        assert_eq!(head.header(name), whole.header(name), "{name}");
        assert!(head.header(name).is_some(), "{name}");
    }
    assert_eq!(whole.header("content-length").unwrap(), whole.body.len().to_string());
    let etag = whole.header("etag").unwrap();
    assert!(etag.len() == 34 && etag.starts_with('"') && etag.ends_with('"'), "{etag}");
    assert!(whole.header("last-modified").unwrap().starts_with("Wed, 01 Jan 2025 0"));
}

#[tokio::test]
async fn ranges() {
    let exchange = small();
    let whole = get(&exchange, TRADES).await.body;
    let size = whole.len();
    let check = async |range: String, expect: Result<std::ops::Range<usize>, u16>| {
        let answer = with(&exchange, TRADES, &[("range", &range)]).await;
        match expect {
            Ok(span) if span == (0..size) => {
                assert_eq!((answer.status, &answer.body), (200, &whole), "{range}");
            }
            Ok(span) => {
                assert_eq!(answer.status, 206, "{range}");
                assert_eq!(answer.body, whole[span.clone()], "{range}");
                let content = format!("bytes {}-{}/{size}", span.start, span.end - 1);
                assert_eq!(answer.header("content-range"), Some(content.as_str()));
            }
            Err(status) => {
                assert_eq!(answer.status, status, "{range}");
                let content = format!("bytes */{size}");
                assert_eq!(answer.header("content-range"), Some(content.as_str()));
            }
        }
    };
    check("bytes=0-99".to_owned(), Ok(0..100)).await;
    check("bytes=100-".to_owned(), Ok(100..size)).await;
    check("bytes=-10".to_owned(), Ok(size - 10..size)).await;
    check(format!("bytes={}-{}", size - 1, size + 5), Ok(size - 1..size)).await;
    check(format!("bytes={size}-"), Err(416)).await;
    check("bytes=-0".to_owned(), Err(416)).await;
    // several ranges, another unit, nonsense: the whole
    check("bytes=0-1,5-9".to_owned(), Ok(0..size)).await;
    check("rows=0-1".to_owned(), Ok(0..size)).await;
    check("bytes=9-2".to_owned(), Ok(0..size)).await;
}

#[tokio::test]
async fn conditions() {
    let exchange = small();
    let head = get(&exchange, TRADES).await;
    let etag = head.header("etag").unwrap().to_owned();
    let date = head.header("last-modified").unwrap().to_owned();
    let old = "Tue, 01 Jan 2019 00:00:00 GMT";
    let check = async |headers: &[(&str, &str)], status: u16| {
        let mut all = vec![("range", "bytes=5-")];
        all.extend_from_slice(headers);
        assert_eq!(with(&exchange, TRADES, &all).await.status, status, "{headers:?}");
    };
    check(&[("if-range", &etag)], 206).await;
    check(&[("if-range", "\"other\"")], 200).await;
    check(&[("if-range", &date)], 206).await;
    check(&[("if-range", old)], 200).await;
    check(&[("if-none-match", &etag)], 304).await;
    check(&[("if-none-match", "\"other\", *")], 304).await;
    check(&[("if-none-match", "\"other\"")], 206).await;
    check(&[("if-modified-since", &date)], 304).await;
    check(&[("if-modified-since", old)], 206).await;
    check(&[("if-match", &etag)], 206).await;
    check(&[("if-match", "\"other\"")], 412).await;
}

#[tokio::test]
async fn what_is_not_there_is_a_404_and_odd_requests_are_refused() {
    let exchange = small();
    for key in [
        "data/spot/daily/trades/NOUSDT/NOUSDT-trades-2024-12-31.zip",
        "data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-12-29.zip",
        "data/spot/monthly/trades/BTCUSDT/BTCUSDT-trades-2024-12.zip",
        "data/spot/daily/trades/BTCUSDT/",
        "favicon.ico",
    ] {
        let answer = get(&exchange, key).await;
        assert_eq!(answer.status, 404, "{key}");
        assert!(answer.text().contains("<Code>NoSuchKey</Code>"));
    }
    let post = ask(Method::POST, format!("{}/{TRADES}", exchange.url()), &[]).await;
    assert_eq!(post.status, 405);
    assert_eq!(get(&exchange, "?list-type=2").await.status, 400);
    assert_eq!(get(&exchange, "?max-keys=x").await.status, 400);
}

/// Walks all pages as the real host wants it: by `NextMarker`, or by the last key where there
/// is no delimiter.
async fn walk(
    exchange: &Handle,
    prefix: &str,
    delimiter: &str,
    max: usize,
) -> (Vec<String>, Vec<String>, usize) {
    let (mut keys, mut folders, mut pages, mut marker) = (vec![], vec![], 0, String::new());
    loop {
        let query =
            format!("?prefix={prefix}&delimiter={delimiter}&max-keys={max}&marker={marker}");
        let xml = get(exchange, &query).await.text();
        pages += 1;
        assert_eq!(elements(&xml, "MaxKeys"), [max.to_string()]);
        let page_keys = elements(&xml, "Key");
        let body = xml.split("</Contents>").last().unwrap();
        let page_folders: Vec<String> =
            body.split("<CommonPrefixes>").skip(1).flat_map(|p| elements(p, "Prefix")).collect();
        assert!(page_keys.len() + page_folders.len() <= max);
        let next = elements(&xml, "NextMarker").first().cloned();
        let more = elements(&xml, "IsTruncated") == ["true"];
        assert_eq!(next.is_some(), more && !delimiter.is_empty());
        let last = page_keys.iter().chain(&page_folders).max().cloned();
        keys.extend(page_keys);
        folders.extend(page_folders);
        if !more {
            return (keys, folders, pages);
        }
        if let Some(next) = &next {
            assert_eq!(Some(next), last.as_ref(), "the last key or folder of the page");
        }
        marker = next.or(last).unwrap();
    }
}

#[tokio::test]
async fn listings_page_through_everything_once() {
    let exchange = small();
    let mut all: Vec<String> =
        exchange.keys().iter().flat_map(|k| [k.clone(), format!("{k}.CHECKSUM")]).collect();
    all.sort();
    for max in [1, 7, 1000] {
        let (keys, folders, _) = walk(&exchange, "", "", max).await;
        assert_eq!((keys, folders.len()), (all.clone(), 0), "{max} a page");
    }
    let series = "data/spot/daily/trades/BTCUSDT/";
    let (keys, folders, pages) = walk(&exchange, series, "/", 3).await;
    assert_eq!(keys.len(), 8);
    assert!(folders.is_empty());
    assert_eq!(pages, 3);
    assert!(
        keys.iter()
            .step_by(2)
            .zip(keys.iter().skip(1).step_by(2))
            .all(|(a, b)| { format!("{a}.CHECKSUM") == *b })
    );
    for max in [1, 2, 1000] {
        let (keys, folders, _) = walk(&exchange, "data/", "/", max).await;
        assert_eq!(
            (keys.len(), folders),
            (0, vec!["data/futures/".to_owned(), "data/spot/".to_owned()])
        );
        let (_, folders, _) = walk(&exchange, "data/spot/daily/", "/", max).await;
        let expect = ["aggTrades", "klines", "trades"].map(|d| format!("data/spot/daily/{d}/"));
        assert_eq!(folders, expect);
    }
    // a prefix need not end at a folder
    let (keys, _, _) =
        walk(&exchange, "data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-12-3", "/", 9).await;
    assert_eq!(keys.len(), 4);
    assert_eq!(walk(&exchange, "nothing/", "/", 9).await.0.len(), 0);
    let bucket = get(&exchange, "data.binance.vision?prefix=data/&delimiter=/").await.text();
    assert_eq!(elements(&bucket, "Name"), ["data.binance.vision"]);
    assert_eq!(bucket.matches("<CommonPrefixes>").count(), 2);
}

#[tokio::test]
async fn listings_tell_the_truth() {
    let exchange = small();
    let xml = get(&exchange, "?prefix=data/spot/daily/").await.text();
    let keys = elements(&xml, "Key");
    assert!(keys.len() > 20);
    for (n, key) in keys.iter().enumerate() {
        let answer = get(&exchange, key).await;
        assert_eq!(elements(&xml, "Size")[n], answer.body.len().to_string(), "{key}");
        assert_eq!(elements(&xml, "ETag")[n], answer.header("etag").unwrap(), "{key}");
        let listed =
            chrono::DateTime::parse_from_rfc3339(&elements(&xml, "LastModified")[n]).unwrap();
        let header = chrono::DateTime::parse_from_rfc2822(answer.header("last-modified").unwrap());
        assert_eq!(listed, header.unwrap(), "{key}");
    }
}

#[tokio::test]
async fn the_clock_decides_what_is_published() {
    let mut options = options(&["spot:BTCUSDT,trades=50"], "2024-01-01", "2024-02-20");
    options.range.daily = vec![Dataset::Trades];
    options.range.monthly = vec![Dataset::Trades];
    options.now = Some("2024-01-11T12:00:00Z".parse().unwrap());
    let exchange = Exchange::start(&options).unwrap();
    let count = async || walk(&exchange, "data/", "", 1000).await.0.len() / 2;
    assert_eq!(count().await, 10, "2024-01-01 to 2024-01-10");
    let late = "data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-01-11.zip";
    assert_eq!(get(&exchange, late).await.status, 404);
    exchange.set_now(Some("2024-01-12T06:00:00Z".parse().unwrap()));
    assert_eq!(get(&exchange, late).await.status, 200);
    assert_eq!(count().await, 11);
    exchange.set_now(Some("2024-02-05T00:00:00Z".parse().unwrap()));
    assert_eq!(count().await, 34, "no month before its first Monday");
    exchange.set_now(Some("2024-02-16T00:00:00Z".parse().unwrap()));
    assert_eq!(count().await, 46, "January is there by mid-month");
    let put = client().put(format!("{}/_control/now", exchange.url())).body("2024-01-02T12:00:00Z");
    assert_eq!(put.send().await.unwrap().status(), 200);
    assert_eq!(count().await, 1);
    exchange.set_now(None);
    assert_eq!(count().await, 52);
}

#[tokio::test]
async fn the_log_tells_what_was_asked() {
    let exchange = small();
    let whole = get(&exchange, TRADES).await.body.len() as u64;
    with(&exchange, TRADES, &[("range", "bytes=10-19")]).await;
    get(&exchange, "?prefix=data/spot/&delimiter=/&marker=x").await;
    get(&exchange, "none").await;
    let log = exchange.requests();
    let seen: Vec<(&str, u16, Option<&str>)> =
        log.iter().map(|r| (r.path.as_str(), r.status, r.range.as_deref())).collect();
    let expect = [
        (TRADES, 200, None),
        (TRADES, 206, Some("bytes=10-19")),
        ("list:data/spot/", 200, None),
        ("none", 404, None),
    ];
    assert_eq!(seen, expect);
    assert_eq!((log[0].bytes, log[0].complete, log[1].bytes), (whole, true, 10));
    assert_eq!(log[2].marker, "x");
    assert_eq!((exchange.count("data/**"), exchange.count("list:**")), (2, 1));
    exchange.clear_requests();
    assert!(exchange.requests().is_empty());
}

#[tokio::test]
async fn a_big_catalogue_is_listed_without_being_made() {
    let mut options = options(&["spot:BTCUSDT,trades=100000000"], "2020-01-01", "2024-12-31");
    options.sizes = Sizes::Declared;
    let exchange = Exchange::start(&options).unwrap();
    let (keys, _, pages) = walk(&exchange, "data/", "", 1000).await;
    assert_eq!(keys.len(), 2 * exchange.keys().len());
    assert_eq!(pages, keys.len().div_ceil(1000));
    let key = &keys[0];
    let xml = get(&exchange, &format!("?prefix={key}&max-keys=1")).await.text();
    let head = ask(Method::HEAD, format!("{}/{key}", exchange.url()), &[]).await;
    assert_eq!(head.header("content-length"), Some(elements(&xml, "Size")[0].as_str()));
    assert_eq!(head.header("etag"), Some(elements(&xml, "ETag")[0].as_str()));
    let answer = get(&exchange, key).await;
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("no bodies"));
}

#[tokio::test]
async fn two_exchanges_of_one_seed_are_equal_and_level_does_not_change_rows() {
    let make = |seed, level| {
        let mut options = options(&["spot:BTCUSDT,trades=2000"], "2024-12-31", "2024-12-31");
        options.seed = seed;
        options.level = level;
        Exchange::start(&options).unwrap()
    };
    let (a, b, c, d) = (make(5, 1), make(5, 1), make(5, 9), make(6, 1));
    let zip = async |e: &Handle| get(e, TRADES).await.body;
    assert_eq!(zip(&a).await, zip(&b).await);
    assert_ne!(zip(&a).await, zip(&c).await);
    assert_eq!(csv(&zip(&a).await), csv(&zip(&c).await));
    assert_ne!(csv(&zip(&a).await), csv(&zip(&d).await));
}

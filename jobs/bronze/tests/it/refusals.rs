//! bronze against hosts that refuse, that answer with something else than they list, and that
//! answer without an end: no fate of an archive, and always an end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::asked;
use crate::support::{Lab, Reply, Request, Server, checksum, remote, unit, zip};
use model::exit::Exit;
use model::fragment::ArchiveStatus;

#[tokio::test]
async fn a_refusal_is_not_the_archives_fate() {
    for status in [400, 401, 402, 403, 405, 407, 409, 423, 429, 451, 500, 503] {
        let refuses = Arc::new(AtomicBool::new(true));
        let switch = Arc::clone(&refuses);
        let server = Server::start(move |request, _| {
            if request.path.contains("01-02.zip") && switch.load(Ordering::SeqCst) {
                Reply::status(status)
            } else if request.path.ends_with(".CHECKSUM") {
                Reply::body(200, &checksum(1, &zip(1, 500)))
            } else {
                Reply::file(request, &zip(1, 500), "\"a\"")
            }
        });
        let lab = Lab::new("attempts: 2");
        lab.plan((1..4).map(|n| (unit(n), remote(&server.url, n))).collect()).await;
        let failure = lab.run().await.expect_err("one is refused");
        assert_eq!(failure.exit, Exit::SourceUnavailable, "{status}");
        let text = failure.error.to_string();
        assert!(text.contains("1 of 3 archives could not be fetched"), "{text}");
        assert!(
            text.contains(&format!("2024-01-02.zip: answer {status} ("))
                || text.contains(&format!("after 2 attempts: answer {status}")),
            "{text}"
        );
        // all others are done, and of this one nothing is remembered
        for n in [1, 3] {
            assert!(lab.fragment(n).await.is_some_and(|f| f.status.is_usable()), "{status}");
        }
        assert_eq!(lab.fragment(2).await, None, "{status}");
        assert!(lab.raw(2).await.is_empty());
        refuses.store(false, Ordering::SeqCst);
        lab.run().await.expect("it gives it now");
        let fragment = lab.fragment(2).await.expect("fragment");
        assert_eq!(lab.object(&fragment).await, zip(1, 500));
    }
}

#[tokio::test]
async fn a_checksum_file_that_is_refused_leaves_its_archive_unverified() {
    for status in [401, 403, 407, 451, 500, 503] {
        let refuses = Arc::new(AtomicBool::new(true));
        let switch = Arc::clone(&refuses);
        let server = Server::start(move |request, _| {
            if !request.path.ends_with(".CHECKSUM") {
                Reply::file(request, &zip(1, 500), "\"a\"")
            } else if switch.load(Ordering::SeqCst) {
                Reply::status(status)
            } else {
                Reply::body(200, &checksum(1, &zip(1, 500)))
            }
        });
        let lab = Lab::new("attempts: 2");
        lab.plan(vec![(unit(1), remote(&server.url, 1))]).await;
        lab.run().await.expect("the archive is there");
        let fragment = lab.fragment(1).await.expect("fragment");
        assert_eq!(fragment.status, ArchiveStatus::Unverified, "{status}");
        assert_eq!(fragment.published_sha256, None);
        let detail = fragment.detail.clone().expect("detail");
        let expect = format!("{}: answer {status}", model::fragment::CHECKSUM_REFUSED);
        assert!(detail.starts_with(&expect), "{detail}");

        // a later run that holds it: the checksum file alone comes over the wire
        lab.forget().await;
        refuses.store(false, Ordering::SeqCst);
        let mut held = remote(&server.url, 1);
        held.held = fragment.archive.clone();
        lab.plan(vec![(unit(1), held)]).await;
        assert_eq!(lab.run().await.expect("again").transferred, 0);
        let verified = lab.fragment(1).await.expect("fragment");
        assert_eq!((verified.status, verified.detail), (ArchiveStatus::Ok, None), "{status}");
        let object = |archive: Option<model::RawArchive>| archive.map(|a| a.object);
        assert_eq!(object(verified.archive), object(fragment.archive));
    }
}

#[tokio::test]
async fn a_body_that_is_not_what_is_listed_is_the_sources_trouble() {
    let page = b"<html>sorry</html>";
    // (checksum file, answer's ETag, listed bytes, listed ETag, body) and what is told
    let check = async |sum: Option<&'static [u8]>,
                       etag: Option<&'static str>,
                       bytes: Option<u64>,
                       listed: Option<&str>,
                       body: Vec<u8>,
                       expect: &str| {
        let server = Server::start(move |request, _| match sum {
            None if request.path.ends_with(".CHECKSUM") => Reply::status(404),
            Some(of) if request.path.ends_with(".CHECKSUM") => Reply::body(200, &checksum(1, of)),
            _ => match etag {
                Some(etag) => Reply::body(200, &body).with("ETag", etag),
                None => Reply::body(200, &body),
            },
        });
        let lab = Lab::new("attempts: 1");
        let mut from = remote(&server.url, 1);
        (from.bytes, from.etag) = (bytes, listed.map(str::to_owned));
        lab.plan(vec![(unit(1), from)]).await;
        let run = lab.run().await;
        let fragment = lab.fragment(1).await;
        if let Some(status) = expect.strip_prefix('=') {
            assert_eq!(fragment.expect("fragment").status.as_str(), status);
        } else {
            let failure = run.expect_err(expect);
            assert_eq!(failure.exit, Exit::SourceUnavailable);
            assert!(failure.error.to_string().contains(expect), "{:?}", failure.error);
            assert_eq!(fragment, None, "nothing is remembered of it");
            assert!(lab.raw(1).await.is_empty());
        }
    };
    let (html, whole) = (page.to_vec(), zip(1, 500));
    let (few, right) = (Some(html.len() as u64), Some(whole.len() as u64));
    // a page of somebody on the way
    check(None, None, None, None, html.clone(), "no ETag, and no size is listed").await;
    check(None, None, right, Some("\"a\""), html.clone(), "18 bytes, listed with").await;
    check(None, Some("\"p\""), few, Some("\"a\""), html.clone(), "has the ETag \"p\"").await;
    check(Some(b"x"), None, right, None, html.clone(), "18 bytes, listed with").await;
    check(Some(b"x"), Some("\"p\""), None, Some("\"a\""), whole.clone(), "has the ETag").await;
    // the listing, and what comes without a checksum, do not fit
    check(None, Some("\"a\""), few, Some("\"a\""), whole.clone(), "listed with 18").await;
    // what the source really has
    check(None, Some("W/\"a\""), few, Some("\"a\""), html.clone(), "=corrupt").await;
    check(None, None, few, Some("\"a\""), html.clone(), "=corrupt").await;
    check(Some(page), None, right, Some("\"a\""), html, "=corrupt").await;
    check(Some(b"x"), Some("\"a\""), right, Some("\"a\""), whole.clone(), "=checksum_mismatch")
        .await;
    check(None, Some("\"cdn\""), right, Some("\"a\""), whole, "=unverified").await;
}

#[tokio::test]
async fn answers_without_an_end_are_left() {
    let check = async |bytes: Option<u64>,
                       reply: fn(&Request) -> Reply,
                       limits: &str,
                       expect: &str| {
        let server = Server::start(move |request, _| {
            if request.path.ends_with(".CHECKSUM") { Reply::status(404) } else { reply(request) }
        });
        let lab = Lab::new(limits);
        let mut from = remote(&server.url, 1);
        from.bytes = bytes;
        lab.plan(vec![(unit(1), from)]).await;
        let failure = lab.run().await.expect_err(expect);
        assert_eq!(failure.exit, Exit::SourceUnavailable);
        let text = failure.error.to_string();
        assert!(text.contains(expect), "{text}");
        assert_eq!(lab.fragment(1).await, None);
        // what is given up while a thread writes goes when that is done
        for _ in 0..100 {
            if lab.temporary().await == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(lab.temporary().await, 0, "temporary files are left");
        server.of(".zip").len()
    };
    let long = |_: &Request| Reply { unsized_body: true, ..Reply::body(200, &zip(1, 3 << 20)) };
    let small = "attempts: 5, archive_mib: 1";
    let asked = check(None, long, small, "the body goes on, expected at most 1048576").await;
    assert_eq!(asked, 1, "another attempt would bring no less");
    check(Some(9_000), long, small, "the body goes on, listed with 9000").await;
    // a length that is announced is not even begun; one that lies is a body that is cut
    let announced = |_: &Request| Reply::body(200, &zip(1, 3 << 20));
    check(None, announced, small, "the answer has 3145754 bytes").await;
    let cut = |_: &Request| Reply::body(200, &zip(1, 5_000)).cut(100);
    check(None, cut, "attempts: 2", "after 2 attempts").await;
    // a byte now and then keeps a connection alive, not an archive or a checksum file
    let drip = |_: &Request| Reply { drip: true, ..Reply::body(200, &zip(1, 5_000)) };
    let limits = "attempts: 9, idle_timeout_seconds: 9, total_timeout_seconds: 1";
    check(None, drip, limits, "total_timeout_seconds (1 s)").await;
}

#[tokio::test]
async fn a_checksum_file_that_drips_is_given_up() {
    let server = Server::start(|request, _| {
        let reply = Reply::file(request, &zip(1, 500), "\"a\"");
        Reply { drip: request.path.ends_with(".CHECKSUM"), ..reply }
    });
    let lab = Lab::new("attempts: 1, idle_timeout_seconds: 9, answer_timeout_seconds: 1");
    lab.plan(vec![(unit(1), remote(&server.url, 1))]).await;
    let failure = lab.run().await.expect_err("no answer");
    let text = failure.error.to_string();
    assert!(text.contains("answer_timeout_seconds (1 s)"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_plan_does_not_include_is_learnt_once_a_series() {
    let lab = asked::Lab::unlimited();
    // each day is a question of its own
    let server = Server::start(|_, _| {
        let words = "This symbol is available starting with the Grow or Venture plan.";
        let body = format!("{{\"code\":404,\"message\":\"{words}\",\"status\":\"error\"}}");
        Reply::body(404, body.as_bytes())
    });
    let units: Vec<String> = ["AAPL/1m", "AAPL/5m"]
        .iter()
        .flat_map(|of| {
            [2, 3, 4, 5].map(|day| format!("twelvedata/stocks/klines/{of}/2024-01-{day:02}"))
        })
        .collect();
    let units: Vec<&str> = units.iter().map(String::as_str).collect();
    let limits = "per_day: 100, concurrency: 4";
    let (outcome, fragments) = asked::fetch(&server.url, &lab.context(1, limits), &units).await;
    let text = asked::failed(outcome);
    assert!(text.contains("8 of 8 archives could not be fetched"), "{text}");
    assert!(text.contains("the key's plan does not include it"), "{text}");
    assert!(text.contains("learnt from another unit of the series"), "{text}");
    assert_eq!((fragments.len(), server.requests().len()), (0, 2));
    // another attempt of the run
    asked::failed(asked::fetch(&server.url, &lab.context(1, limits), &units).await.0);
    assert_eq!(server.requests().len(), 2);
    // another run: the plan may be another one by now
    asked::failed(asked::fetch(&server.url, &lab.context(2, limits), &units).await.0);
    assert_eq!(server.requests().len(), 4);
    asked::no_key_in(&lab.folder.path().join("lake"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_gives_data_is_not_closed_by_a_refusal() {
    let lab = asked::Lab::unlimited();
    let server = Server::start(|request, _| {
        let of = |name: &str| {
            let value = request.path.split_once(&format!("{name}="))?.1;
            Some(value.split(['&', '%', 'T', '+']).next().unwrap_or_default().to_owned())
        };
        let (symbol, day) = (of("symbol").expect("symbol"), of("start_date").expect("day"));
        if symbol == "AAPL" && day != "2024-01-04" {
            let body = format!(
                "{{\"meta\":{{\"symbol\":\"AAPL\",\"interval\":\"1min\",\"currency\":\"USD\",\
                 \"exchange_timezone\":\"America/New_York\",\"exchange\":\"NASDAQ\",\"type\":\
                 \"Common Stock\"}},\"values\":[{{\"datetime\":\"{day} 15:30:00\",\"open\":\"1\",\
                 \"high\":\"1\",\"low\":\"1\",\"close\":\"1\",\"volume\":\"1\"}}],\"status\":\"ok\"}}"
            );
            return Reply::body(200, body.as_bytes());
        }
        let words = "/time_series is available exclusively with the Grow or Venture plan.";
        let body = format!("{{\"code\":403,\"message\":\"{words}\",\"status\":\"error\"}}");
        Reply::body(403, body.as_bytes())
    });
    let units = [
        "AAPL/1m/2024-01-03",
        "MSFT/1m/2024-01-03",
        "AAPL/1m/2024-01-04",
        "AAPL/1m/2024-01-05",
        "MSFT/1m/2024-01-04",
        "IBM/1m/2024-01-03",
        "AAPL/1m/2024-01-08",
    ];
    let units = units.map(|of| format!("twelvedata/stocks/klines/{of}"));
    let units: Vec<&str> = units.iter().map(String::as_str).collect();
    let mut context = lab.context(1, "per_day: 100, concurrency: 1");
    let config = Arc::get_mut(&mut context.config).expect("one owner");
    config.limits.download.concurrency = 1;
    let (outcome, fragments) = asked::fetch(&server.url, &context, &units).await;
    let text = asked::failed(outcome);
    assert!(text.contains("4 of 7 archives could not be fetched"), "{text}");
    let days: Vec<_> = fragments.iter().map(|f| f.unit.period.to_string()).collect();
    assert_eq!(days, ["2024-01-03", "2024-01-05", "2024-01-08"]);
    // all but the second one of MSFT
    assert_eq!(server.requests().len(), 6);
}

//! bronze against hosts that misbehave: what arrives, what the fragment says, what was asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{DATE, Lab, Reply, Request, Server, checksum, remote, unit, zip};
use model::exit::Exit;
use model::fragment::{ArchiveStatus, BronzeFragment};
use model::unit::sha256_hex;

/// One archive from a host that answers so; its checksum file is right.
async fn one(
    limits: &str,
    answer: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static,
) -> (Lab, Server, BronzeFragment) {
    let server = Server::start(move |request, nth| {
        if request.path.ends_with(".CHECKSUM") {
            Reply::body(200, &checksum(1, &zip(1, 50_000)))
        } else {
            answer(request, nth)
        }
    });
    let lab = Lab::new(limits);
    lab.plan(vec![(unit(1), remote(&server.url, 1))]).await;
    // whatever became of it, it is on record: nothing is left to do for this batch
    let report = lab.run().await.expect("run");
    let fragment = lab.fragment(1).await.expect("fragment");
    assert_eq!(report.by_status, [(fragment.status.as_str(), 1)].into());
    assert_eq!(lab.temporary().await, 0, "temporary files are left");
    (lab, server, fragment)
}

async fn is_whole(lab: &Lab, fragment: &BronzeFragment) {
    let body = zip(1, 50_000);
    assert_eq!(fragment.status, ArchiveStatus::Ok, "{fragment:?}");
    assert_eq!(fragment.detail, None);
    let archive = fragment.archive.as_ref().expect("archive");
    assert_eq!(archive.sha256, sha256_hex(&body));
    assert_eq!(archive.bytes, body.len() as u64);
    assert_eq!(fragment.published_sha256.as_deref(), Some(archive.sha256.as_str()));
    assert_eq!(lab.object(fragment).await, body);
    assert_eq!(lab.raw(1).await.len(), 1);
    assert!(!archive.object.contains("-x"), "{}", archive.object);
}

#[tokio::test]
async fn a_sound_archive() {
    let (lab, server, fragment) =
        one("attempts: 1", |r, _| Reply::file(r, &zip(1, 50_000), "\"a\"")).await;
    is_whole(&lab, &fragment).await;
    assert_eq!(fragment.etag.as_deref(), Some("\"a\""));
    assert_eq!(fragment.last_modified, "2023-07-18T04:11:20Z".parse().ok());
    assert_eq!(fragment.transferred, zip(1, 50_000).len() as u64);
    assert_eq!(fragment.attempts, 1);
    assert_eq!(lab.context.meter.progress().bytes, fragment.transferred);
    assert_eq!(lab.context.meter.progress().done, 1);
    let agent = server.requests()[0].header("user-agent").map(str::to_owned);
    assert_eq!(agent.as_deref(), Some(concat!("market-lake/", env!("CARGO_PKG_VERSION"))));
}

#[tokio::test]
async fn cuts_are_resumed_where_they_were() {
    let (lab, server, fragment) = one("attempts: 9", |request, nth| {
        let reply = Reply::file(request, &zip(1, 50_000), "\"a\"");
        // after 10000 bytes, after another 20000, and once before the first byte
        match nth {
            0 => reply.cut(10_000),
            1 => reply.cut(20_000),
            2 => reply.cut(0),
            _ => reply,
        }
    })
    .await;
    is_whole(&lab, &fragment).await;
    assert_eq!(fragment.transferred, zip(1, 50_000).len() as u64, "nothing came twice");
    assert_eq!(fragment.attempts, 4);
    let ranges: Vec<_> = server
        .of(".zip")
        .iter()
        .map(|r| (r.header("range").map(str::to_owned), r.header("if-range").map(str::to_owned)))
        .collect();
    let from = |n: u32| (Some(format!("bytes={n}-")), Some("\"a\"".to_owned()));
    assert_eq!(ranges, [(None, None), from(10_000), from(30_000), from(30_000)]);
}

#[tokio::test]
async fn a_weak_etag_is_no_validator_but_the_date_is() {
    let (lab, server, fragment) = one("attempts: 2", |request, nth| {
        let range = request.header("if-range").is_some_and(|v| v == DATE);
        let etag = if range { DATE } else { "W/\"a\"" };
        let mut reply = Reply::file(request, &zip(1, 50_000), etag);
        reply.headers.retain(|(name, _)| *name != "ETag");
        let reply = reply.with("ETag", "W/\"a\"");
        if nth == 0 { reply.cut(10_000) } else { reply }
    })
    .await;
    is_whole(&lab, &fragment).await;
    assert_eq!(fragment.transferred, zip(1, 50_000).len() as u64);
    assert_eq!(server.of(".zip")[1].header("if-range"), Some(DATE));
}

#[tokio::test]
async fn without_a_validator_it_starts_over() {
    let (lab, server, fragment) = one("attempts: 2", |_, nth| {
        let reply = Reply::body(200, &zip(1, 50_000));
        if nth == 0 { reply.cut(10_000) } else { reply }
    })
    .await;
    is_whole(&lab, &fragment).await;
    assert_eq!(server.of(".zip")[1].header("range"), None);
    assert_eq!(fragment.transferred, zip(1, 50_000).len() as u64 + 10_000);
}

#[tokio::test]
async fn an_archive_that_changes_midway_starts_over() {
    // the host answers the range with the whole new archive
    let (lab, _, fragment) = one("attempts: 2", |request, nth| {
        if nth == 0 {
            Reply::file(request, &zip(9, 50_000), "\"old\"").cut(10_000)
        } else {
            Reply::file(request, &zip(1, 50_000), "\"new\"")
        }
    })
    .await;
    is_whole(&lab, &fragment).await;
    assert_eq!(fragment.etag.as_deref(), Some("\"new\""));

    // a host that ignores If-Range and sends the rest of another archive
    let (lab, server, fragment) = one("attempts: 3", |request, nth| {
        if nth == 0 {
            return Reply::file(request, &zip(9, 50_000), "\"old\"").cut(10_000);
        }
        let mut request = request.clone();
        request.headers.retain(|(name, _)| name != "if-range");
        Reply::file(&request, &zip(1, 50_000), "\"new\"")
    })
    .await;
    is_whole(&lab, &fragment).await;
    assert_eq!(server.of(".zip").len(), 3);
    assert_eq!(server.of(".zip")[2].header("range"), None);

    // shorter than what is here already
    let (lab, _, fragment) = one("attempts: 3", |request, nth| match nth {
        0 => Reply::file(request, &zip(9, 90_000), "\"old\"").cut(60_000),
        1 => Reply::status(416),
        _ => Reply::file(request, &zip(1, 50_000), "\"new\""),
    })
    .await;
    is_whole(&lab, &fragment).await;
}

#[tokio::test]
async fn passing_troubles_are_retried() {
    let (lab, server, fragment) = one("attempts: 7", |request, nth| match nth {
        0 => Reply::status(429).with("Retry-After", "0"),
        1 => Reply::status(418).with("Retry-After", DATE),
        2 => Reply::status(503),
        3 => Reply::status(500),
        4 => Reply::status(304),
        5 => Reply::file(request, &zip(1, 50_000), "\"a\"").cut(0),
        _ => Reply::file(request, &zip(1, 50_000), "\"a\""),
    })
    .await;
    is_whole(&lab, &fragment).await;
    assert_eq!(fragment.attempts, 7);
    assert_eq!(server.of(".zip").len(), 7);
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let (lab, _, fragment) = one("attempts: 2, max_backoff_ms: 5000", |request, nth| match nth {
        0 => Reply::status(429).with("Retry-After", "1"),
        _ => Reply::file(request, &zip(1, 50_000), "\"a\""),
    })
    .await;
    is_whole(&lab, &fragment).await;
    assert_eq!(fragment.attempts, 2);
}

#[tokio::test]
async fn a_connection_that_idles_is_cut_and_resumed() {
    let (lab, server, fragment) = one("attempts: 2, idle_timeout_seconds: 1", |request, nth| {
        let mut reply = Reply::file(request, &zip(1, 50_000), "\"a\"");
        reply.stall = (nth == 0).then_some(10_000);
        reply
    })
    .await;
    is_whole(&lab, &fragment).await;
    assert_eq!(server.of(".zip")[1].header("range"), Some("bytes=10000-"));
}

#[tokio::test]
async fn a_body_without_a_length_is_held_against_the_listing() {
    let server = Server::start(|request, nth| {
        if request.path.ends_with(".CHECKSUM") {
            return Reply::status(404);
        }
        let body = zip(1, 50_000);
        let mut reply = Reply::file(request, &body, "\"a\"");
        reply.unsized_body = true;
        if nth == 0 { reply.cut(10_000) } else { reply }
    });
    let lab = Lab::new("attempts: 2");
    let mut from = remote(&server.url, 1);
    from.bytes = Some(zip(1, 50_000).len() as u64);
    lab.plan(vec![(unit(1), from)]).await;
    lab.run().await.expect("run");
    let fragment = lab.fragment(1).await.expect("fragment");
    assert_eq!(fragment.status, ArchiveStatus::Unverified);
    assert_eq!(lab.object(&fragment).await, zip(1, 50_000));
    assert_eq!(fragment.detail.as_deref(), Some("no checksum published: answer 404"));
}

#[tokio::test]
async fn what_the_source_does_not_have_is_missing() {
    for status in [404, 410] {
        let (lab, server, fragment) = one("attempts: 3", move |_, _| Reply::status(status)).await;
        assert_eq!(fragment.status, ArchiveStatus::Missing);
        assert_eq!(fragment.detail, Some(format!("answer {status}")));
        assert_eq!(fragment.archive, None);
        assert_eq!(server.of(".zip").len(), 1, "a definite answer is not asked for twice");
        assert!(lab.raw(1).await.is_empty());
    }
}

#[tokio::test]
async fn damage_that_differs_each_time_is_fetched_again_and_again() {
    let (lab, server, fragment) = one("attempts: 6", |request, nth| {
        let mut body = zip(1, 50_000);
        if nth < 2 {
            body[777 + nth] ^= 1;
        }
        Reply::file(request, &body, "\"a\"")
    })
    .await;
    is_whole(&lab, &fragment).await;
    assert_eq!(server.of(".zip").len(), 3);
}

#[tokio::test]
async fn damage_on_the_way_is_healed_by_a_second_download() {
    let (lab, server, fragment) = one("attempts: 1", |request, nth| {
        let mut body = zip(1, 50_000);
        if nth == 0 {
            body[777] ^= 1;
        }
        Reply::file(request, &body, "\"a\"")
    })
    .await;
    is_whole(&lab, &fragment).await;
    assert_eq!(fragment.attempts, 2);
    assert_eq!(fragment.transferred, 2 * zip(1, 50_000).len() as u64);
    assert_eq!(server.of(".CHECKSUM").len(), 2);
}

#[tokio::test]
async fn a_wrong_checksum_is_told_and_the_bytes_are_kept() {
    let (lab, server, fragment) =
        one("attempts: 1", |r, _| Reply::file(r, &zip(2, 50_000), "\"a\"")).await;
    assert_eq!(fragment.status, ArchiveStatus::ChecksumMismatch);
    let (got, published) = (sha256_hex(&zip(2, 50_000)), sha256_hex(&zip(1, 50_000)));
    assert_eq!(fragment.detail, Some(format!("sha256 {got}, published {published}")));
    assert_eq!(fragment.published_sha256.as_ref(), Some(&published));
    assert_eq!(server.of(".zip").len(), 2);
    let raw = lab.raw(1).await;
    assert_eq!(raw.len(), 1);
    let version = raw[0].split('/').next().expect("version");
    assert!(version.ends_with(&format!("-x{}", &got[..8])), "{raw:?}");
    assert!(version.starts_with(&format!("c{}", &published[..16])), "{raw:?}");
    assert_eq!(lab.object(&fragment).await, zip(2, 50_000));
}

#[tokio::test]
async fn a_mended_checksum_needs_no_second_transfer() {
    let mended = Arc::new(AtomicBool::new(false));
    let (lab, switch) = (Lab::new("attempts: 1"), Arc::clone(&mended));
    let server = Server::start(move |request, _| {
        let body = zip(2, 50_000);
        if !request.path.ends_with(".CHECKSUM") {
            Reply::file(request, &body, "\"a\"")
        } else if mended.load(Ordering::SeqCst) {
            Reply::body(200, &checksum(1, &body))
        } else {
            Reply::body(200, &checksum(1, &zip(1, 50_000)))
        }
    });
    lab.plan(vec![(unit(1), remote(&server.url, 1))]).await;
    let report = lab.run().await.expect("run");
    assert_eq!(report.by_status, [("checksum_mismatch", 1)].into());
    lab.forget().await;
    switch.store(true, Ordering::SeqCst);
    let report = lab.run().await.expect("run");
    assert_eq!((report.transferred, report.reused), (0, 1));
    let fragment = lab.fragment(1).await.expect("fragment");
    assert_eq!(fragment.status, ArchiveStatus::Ok);
    assert_eq!(lab.object(&fragment).await, zip(2, 50_000));
}

#[tokio::test]
async fn checksum_files_of_every_form() {
    let check = async |text: Vec<u8>, detail: Option<&str>| {
        let server = Server::start(move |request, _| {
            if request.path.ends_with(".CHECKSUM") {
                Reply::body(200, &text)
            } else {
                Reply::file(request, &zip(1, 500), "\"a\"")
            }
        });
        let lab = Lab::new("attempts: 1");
        lab.plan(vec![(unit(1), remote(&server.url, 1))]).await;
        lab.run().await.expect("run");
        let fragment = lab.fragment(1).await.expect("fragment");
        let expect = if detail.is_none() { ArchiveStatus::Ok } else { ArchiveStatus::Unverified };
        assert_eq!(fragment.status, expect);
        assert_eq!(fragment.published_sha256.is_some(), detail.is_none());
        match (&fragment.detail, detail) {
            (None, None) => {}
            (Some(got), Some(part)) if got.contains(part) => {}
            other => panic!("{other:?}"),
        }
    };
    let sha = sha256_hex(&zip(1, 500));
    let name = source::binance::archive::file_name(&unit(1));
    check(checksum(1, &zip(1, 500)), None).await;
    check(format!("{sha}  {name}\n").into_bytes(), None).await;
    check(format!("{} *{name}\r\n", sha.to_uppercase()).into_bytes(), None).await;
    check(sha.clone().into_bytes(), None).await;
    check(b"<html>".to_vec(), Some("no usable checksum: checksum file starts with")).await;
    check(format!("{sha}  other.zip").into_bytes(), Some("is of `other.zip`")).await;
    check(vec![b'0'; 100_000], Some("no usable checksum")).await;
    let many: Vec<String> = (0..5_000).map(|n| format!("{n:064x}  {n}.zip\n")).collect();
    let many = many.concat();
    check(format!("{many}SHA256 ({name}) = {sha}\n").into_bytes(), None).await;
}

#[tokio::test]
async fn what_is_no_zip_is_corrupt() {
    // the checksum is right: once is enough
    let server = Server::start(|request, _| {
        let page = b"<html>sorry</html>";
        if request.path.ends_with("01.zip.CHECKSUM") {
            Reply::body(200, &checksum(1, page))
        } else if request.path.ends_with(".CHECKSUM") {
            Reply::status(404)
        } else {
            Reply::file(request, page, "\"a\"")
        }
    });
    let lab = Lab::new("attempts: 1");
    lab.plan((1..3).map(|n| (unit(n), remote(&server.url, n))).collect()).await;
    assert_eq!(lab.run().await.expect("run").by_status, [("corrupt", 2)].into());
    let report = lab.run().await.expect("repeated");
    assert_eq!((report.done_before, report.by_status.len()), (2, 0));
    for (n, downloads) in [(1, 1), (2, 2)] {
        let fragment = lab.fragment(n).await.expect("fragment");
        assert_eq!(fragment.status, ArchiveStatus::Corrupt);
        assert!(fragment.detail.as_ref().is_some_and(|d| d.contains("no zip")), "{fragment:?}");
        assert_eq!(server.of(&format!("0{n}.zip")).len(), downloads);
        assert_eq!(lab.object(&fragment).await, b"<html>sorry</html>");
        assert_eq!(lab.raw(n).await.len(), 1);
    }
}

#[tokio::test]
async fn a_source_that_does_not_answer_stops_only_its_units() {
    let server = Server::start(|request, _| {
        if request.path.contains("01-02") {
            Reply::status(503)
        } else if request.path.ends_with(".CHECKSUM") {
            Reply::status(404)
        } else {
            Reply::file(request, &zip(1, 500), "\"a\"")
        }
    });
    let lab = Lab::new("attempts: 2, concurrency: 1");
    lab.plan((1..4).map(|n| (unit(n), remote(&server.url, n))).collect()).await;
    let failure = lab.run().await.expect_err("one is not there");
    assert_eq!(failure.exit, Exit::SourceUnavailable);
    let text = failure.error.to_string();
    assert!(text.contains("1 of 3 archives"), "{text}");
    assert!(text.contains("binance/spot/trades/BTCUSDT/2024-01-02: gave up on"), "{text}");
    assert!(text.contains("after 2 attempts: answer 503"), "{text}");
    assert!(lab.fragment(1).await.is_some());
    assert!(lab.fragment(2).await.is_none(), "it is tried again by the next attempt");
    assert!(lab.fragment(3).await.is_some());
    let asked = || server.requests().iter().filter(|r| !r.path.contains("01-02")).count();
    let before = asked();
    lab.run().await.expect_err("still not there");
    assert_eq!(asked(), before, "what is done is not asked for again");
}

#[tokio::test]
async fn a_retry_after_beyond_the_limits_ends_it_for_everybody() {
    let server = Server::start(|request, _| {
        if request.path.ends_with(".CHECKSUM") {
            Reply::status(404)
        } else {
            Reply::status(418).with("Retry-After", "3600")
        }
    });
    let lab = Lab::new("attempts: 5, concurrency: 1");
    lab.plan((1..4).map(|n| (unit(n), remote(&server.url, n))).collect()).await;
    let failure = lab.run().await.expect_err("banned");
    assert_eq!(failure.exit, Exit::SourceUnavailable);
    let text = failure.error.to_string();
    assert!(text.contains("answer 418; the host asks to wait 3600 s"), "{text}");
    assert_eq!(server.of(".zip").len(), 1, "the host is left alone");
}

#[tokio::test]
async fn nobody_there() {
    let lab = Lab::new("attempts: 2");
    lab.plan(vec![(unit(1), remote("http://127.0.0.1:9", 1))]).await;
    let failure = lab.run().await.expect_err("nobody");
    assert_eq!(failure.exit, Exit::SourceUnavailable);
}

#[tokio::test]
async fn the_whole_takes_no_longer_than_it_may() {
    let server = Server::start(|request, _| {
        let mut reply = Reply::file(request, &zip(1, 500), "\"a\"");
        reply.stall = Some(1);
        reply
    });
    let lab = Lab::new("attempts: 99, idle_timeout_seconds: 9, total_timeout_seconds: 1");
    lab.plan(vec![(unit(1), remote(&server.url, 1))]).await;
    let failure = lab.run().await.expect_err("too slow");
    assert!(failure.error.to_string().contains("total_timeout_seconds (1 s)"));
}

#[tokio::test]
async fn redirects_are_few_and_never_to_plain_http() {
    let check = async |to: &'static str, expect: &str| {
        let server = Server::start(move |request, _| {
            if request.path.ends_with(".CHECKSUM") {
                return Reply::status(404);
            }
            let to = if to.is_empty() { request.path.clone() } else { to.to_owned() };
            Reply::status(302).with("Location", to)
        });
        let lab = Lab::new("attempts: 1");
        lab.plan(vec![(unit(1), remote(&server.url, 1))]).await;
        let failure = lab.run().await.expect_err("no");
        let text = failure.error.to_string();
        assert!(text.contains(expect), "{text}");
    };
    check("http://example.org/x.zip", "expected https").await;
    check("", "more than 5 redirects").await;
}

//! Repeating, racing and publishing anew: what is in the lake is used, and never overwritten.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::support::{Lab, Reply, Server, checksum, remote, unit, zip};
use model::exit::Exit;
use model::fragment::ArchiveStatus;
use model::ledger::{Ledger, LedgerRow};
use model::{RawArchive, layout};

/// A host whose archive is `zip(seed)`; the seed may change.
fn host(with_checksum: bool) -> (Server, Arc<AtomicU8>) {
    let seed = Arc::new(AtomicU8::new(1));
    let now = Arc::clone(&seed);
    let server = Server::start(move |request, _| {
        let seed = now.load(Ordering::SeqCst);
        let body = zip(seed, 5_000);
        if request.path.ends_with(".CHECKSUM") {
            let n = if request.path.contains("01-01") { 1 } else { 2 };
            if with_checksum { Reply::body(200, &checksum(n, &body)) } else { Reply::status(404) }
        } else {
            Reply::file(request, &body, &format!("\"{seed}\""))
        }
    });
    (server, seed)
}

#[tokio::test]
async fn a_killed_run_transfers_nothing_again() {
    for (with_checksum, etag) in [(true, None), (true, Some("\"1\"")), (false, Some("\"1\""))] {
        let (server, _) = host(with_checksum);
        let lab = Lab::new("attempts: 1");
        let mut from = remote(&server.url, 1);
        from.etag = etag.map(str::to_owned);
        lab.plan(vec![(unit(1), from)]).await;
        lab.run().await.expect("run");
        let first = lab.fragment(1).await.expect("fragment");
        lab.forget().await;
        let report = lab.run().await.expect("again");
        assert_eq!((report.reused, report.transferred), (1, 0), "{with_checksum} {etag:?}");
        let again = lab.fragment(1).await.expect("fragment");
        assert_eq!(again.transferred, 0);
        assert_eq!(
            again.archive.map(|a| (a.object, a.sha256, a.bytes)),
            first.archive.map(|a| (a.object, a.sha256, a.bytes))
        );
        assert_eq!(server.of(".zip").len(), 1);
        let report = lab.run().await.expect("once more");
        assert_eq!((report.done_before, report.by_status.len()), (1, 0));
    }
}

#[tokio::test]
async fn an_object_that_is_not_what_it_should_be_is_not_used_and_not_overwritten() {
    let (server, _) = host(true);
    let lab = Lab::new("attempts: 1");
    let mut from = remote(&server.url, 1);
    from.etag = Some("\"1\"".to_owned());
    lab.plan(vec![(unit(1), from.clone())]).await;
    let body = zip(1, 5_000);
    let sha256 = model::unit::sha256_hex(&body);
    let version = layout::raw_version(Some(&sha256), Some("\"1\""), 0);
    let key = layout::raw(&unit(1), &version, &source::binance::archive::file_name(&unit(1)));
    lab.context.lake.write(&key, "half").await.expect("write");
    lab.run().await.expect("run");
    let fragment = lab.fragment(1).await.expect("fragment");
    assert_eq!(fragment.status, ArchiveStatus::Ok);
    assert_eq!(lab.object(&fragment).await, body);
    assert_eq!(lab.context.lake.read(&key).await.expect("old"), "half");
    lab.forget().await;
    assert_eq!(lab.run().await.expect("again").transferred, 0);
}

#[tokio::test]
async fn published_anew_is_a_new_object() {
    for with_checksum in [true, false] {
        let (server, seed) = host(with_checksum);
        let lab = Lab::new("attempts: 1");
        lab.plan(vec![(unit(1), remote(&server.url, 1))]).await;
        lab.run().await.expect("run");
        let old = lab.fragment(1).await.expect("fragment");
        lab.forget().await;
        seed.store(2, Ordering::SeqCst);
        lab.run().await.expect("again");
        let new = lab.fragment(1).await.expect("fragment");
        let expect = if with_checksum { ArchiveStatus::Ok } else { ArchiveStatus::Unverified };
        assert_eq!((old.status, new.status), (expect, expect));
        assert_eq!(lab.object(&old).await, zip(1, 5_000));
        assert_eq!(lab.object(&new).await, zip(2, 5_000));
        assert_eq!(lab.raw(1).await.len(), 2);
    }
}

#[tokio::test]
async fn two_at_once_agree() {
    let (server, _) = host(true);
    let lab = Lab::new("attempts: 1");
    lab.plan((1..3).map(|n| (unit(n), remote(&server.url, n))).collect()).await;
    let (a, b) = tokio::join!(lab.run(), lab.run());
    a.expect("one");
    b.expect("other");
    for n in 1..3 {
        let fragment = lab.fragment(n).await.expect("fragment");
        assert_eq!(fragment.status, ArchiveStatus::Ok);
        assert_eq!(lab.object(&fragment).await, zip(1, 5_000));
        assert_eq!(lab.raw(n).await.len(), 1);
    }
}

#[tokio::test]
async fn a_small_archive_among_large_ones_is_flagged() {
    let (server, _) = host(true);
    let lab = Lab::new("attempts: 1");
    let mut ledger = Ledger::default();
    for n in 3..8 {
        let fetched_at = chrono::DateTime::UNIX_EPOCH;
        let archive = Some(RawArchive {
            object: "o".to_owned(),
            sha256: "s".to_owned(),
            bytes: 5_000_000,
            fetched_at,
        });
        let row = LedgerRow {
            status: ArchiveStatus::Ok,
            etag: None,
            last_modified: None,
            published_sha256: None,
            checksum_modified: None,
            usable: None,
            tries: 0,
            checksum_refused: false,
            archive,
            fetched_at,
        };
        ledger.archives.insert(unit(n).id(), row);
    }
    lab.context.lake.write_ledger(1, &ledger).await.expect("ledger");
    lab.plan(vec![(unit(1), remote(&server.url, 1))]).await;
    lab.run().await.expect("run");
    let fragment = lab.fragment(1).await.expect("fragment");
    assert_eq!(fragment.status, ArchiveStatus::TruncatedSuspect);
    assert!(fragment.status.is_usable());
    let detail = fragment.detail.expect("detail");
    assert!(detail.contains("its 3 neighbours have 5000000 in the median"), "{detail}");
}

#[tokio::test]
async fn a_batch_that_is_not_there() {
    let lab = Lab::new("attempts: 1");
    assert_eq!(lab.run().await.expect_err("no batch").exit, Exit::Usage);
}

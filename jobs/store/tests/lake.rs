//! What every back end must do. Run here on a directory; the S3 back ends run the same suite.

use std::io::Write as _;

use store::Lake;

async fn suite(lake: &Lake) {
    assert_eq!(lake.read_if_there("a/b.json").await.expect("read"), None);
    assert!(lake.write_new("a/b.json", "1").await.expect("write"));
    assert!(!lake.write_new("a/b.json", "2").await.expect("write"));
    assert_eq!(lake.read("a/b.json").await.expect("read"), "1");
    lake.write("a/b.json", "3").await.expect("write");
    assert_eq!(lake.read("a/b.json").await.expect("read"), "3");
    assert!(lake.read("a/c.json").await.expect_err("not there").is_not_found());

    let mut staged = lake.stage().expect("stage");
    let chunk = vec![7_u8; 3 << 20];
    for _ in 0..6 {
        staged.write_all(&chunk).expect("write");
    }
    assert_eq!(staged.publish("a/large/x=1-y/z.bin").await.expect("publish"), 18 << 20);
    let copy = lake.local_copy("a/large/x=1-y/z.bin").await;
    assert_eq!(
        copy.expect("copy").open().expect("open").metadata().expect("metadata").len(),
        18 << 20
    );
    assert!(lake.local_copy("a/none").await.expect_err("not there").is_not_found());

    let keys: Vec<_> = lake.list("a").await.expect("list").into_iter().map(|e| e.key).collect();
    assert_eq!(keys, ["a/b.json", "a/large/x=1-y/z.bin"]);
    assert_eq!(lake.folders("a").await.expect("folders"), ["a/large"]);
    lake.delete("a/b.json").await.expect("delete");
    lake.delete("a/b.json").await.expect("delete again");
    assert_eq!(lake.head("a/b.json").await.expect("head"), None);
}

#[tokio::test]
async fn a_directory() {
    let directory = tempfile::tempdir().expect("tempdir");
    let lake = Lake::open(directory.path().to_str().expect("path"), None).expect("open");
    suite(&lake).await;
    let left: Vec<_> = std::fs::read_dir(lake.temp()).expect("temp").collect();
    assert!(left.is_empty(), "staging files were left: {left:?}");
}

#[test]
fn what_is_no_lake_is_refused() {
    for uri in ["", "http://example.com/lake", "gs://bucket"] {
        let error = Lake::open(uri, None).expect_err(uri).to_string();
        assert!(error.contains("expected a directory"), "{error}");
    }
}

#[tokio::test]
async fn the_newest_ledger_extract_wins_and_old_ones_go() {
    let directory = tempfile::tempdir().expect("tempdir");
    let lake = Lake::open(directory.path().to_str().expect("path"), None).expect("open");
    assert_eq!(lake.ledger().await.expect("ledger").0, 0);
    for version in 1..=5 {
        lake.write_ledger(version, &model::ledger::Ledger::default()).await.expect("write");
    }
    assert_eq!(lake.ledger().await.expect("ledger").0, 5);
    assert_eq!(lake.list(model::layout::INDEX).await.expect("list").len(), 3);
}

#[tokio::test]
async fn sizes_of_the_ledger() {
    use model::fragment::{ArchiveStatus, RawArchive};
    use model::ledger::{BuildRow, Ledger, LedgerRow};

    let directory = tempfile::tempdir().expect("tempdir");
    let lake = Lake::open(directory.path().to_str().expect("path"), None).expect("open");
    assert!(lake.archive_sizes(|_| true).await.expect("no ledger").is_empty());
    let mut ledger = Ledger::default();
    let rows = [
        ("binance/spot/trades/A1/2024-01", ArchiveStatus::Ok, 1),
        ("binance/spot/trades/A1/2024-02", ArchiveStatus::Corrupt, 2),
        ("binance/spot/trades/A1/2024-03", ArchiveStatus::TruncatedSuspect, 3),
        ("binance/spot/trades/B1/2024-01", ArchiveStatus::Ok, 4),
    ];
    let fetched_at = model::period::Day::of_epoch_days(0).expect("day");
    let fetched_at = fetched_at.date().and_hms_opt(0, 0, 0).expect("time").and_utc();
    for (id, status, bytes) in rows {
        let unit: model::Unit = id.parse().expect(id);
        let archive =
            RawArchive { object: "o".to_owned(), sha256: "s".to_owned(), bytes, fetched_at };
        let row = LedgerRow {
            status,
            etag: None,
            last_modified: None,
            published_sha256: None,
            usable: None,
            archive: Some(archive),
            fetched_at,
        };
        ledger.archives.insert(unit.id(), row);
    }
    let build = BuildRow {
        inputs: "i".to_owned(),
        units: Vec::new(),
        corrupt: std::collections::BTreeMap::new(),
        short_days: Vec::new(),
    };
    ledger.builds.insert("binance/spot/trades/A1/2024-01".to_owned(), build);
    lake.write_ledger(7, &ledger).await.expect("write");
    let sizes = lake.archive_sizes(|id| id.contains("/A1/")).await.expect("sizes");
    let sizes: Vec<_> = sizes.iter().map(|(id, bytes)| (id.as_str(), *bytes)).collect();
    assert_eq!(
        sizes,
        [("binance/spot/trades/A1/2024-01", 1), ("binance/spot/trades/A1/2024-03", 3)]
    );
}

//! Lakes on a directory, and what is no lake. The suite that every back end passes is in `suite`;
//! `s3.rs` runs it on servers of S3.

mod suite;

use store::Lake;

#[tokio::test]
async fn a_directory() {
    let directory = tempfile::tempdir().expect("tempdir");
    let lake = Lake::open(directory.path().to_str().expect("path"), None).expect("open");
    suite::run(&lake).await;
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

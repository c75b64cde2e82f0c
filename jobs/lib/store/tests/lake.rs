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
    let folder = tempfile::tempdir().expect("folder");
    for name in ["p%20x", "p\\x"] {
        let path = folder.path().join(name);
        let error = Lake::open(&path.to_string_lossy(), None).expect_err(name).to_string();
        assert!(error.contains("expected a path without %"), "{error}");
        assert!(!path.exists(), "made all the same");
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
async fn a_batch_is_the_one_that_was_asked_for() {
    use model::plan::Batch;

    let directory = tempfile::tempdir().expect("tempdir");
    let lake = Lake::open(directory.path().to_str().expect("path"), None).expect("open");
    let run: model::RunId = "20250101T000000Z-00000001".parse().expect("run");
    let batch = Batch { run: run.clone(), number: 1, groups: Vec::new() };
    for number in [1, 2] {
        lake.write_json(&model::layout::batch(&run, number), &batch).await.expect("write");
    }
    assert_eq!(lake.batch(&run, 1).await.expect("the first"), batch);
    let error = lake.batch(&run, 2).await.expect_err("the second is a copy of the first");
    let chain = model::human::chain(&error);
    assert!(chain.contains("it is batch 1 of run 20250101T000000Z-00000001"), "{chain}");
}

#[tokio::test]
async fn the_ledger_reads_back_or_not_at_all() {
    use model::RawArchive;
    use model::fragment::ArchiveStatus;
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
            checksum_modified: None,
            usable: None,
            tries: 0,
            checksum_refused: false,
            archive: Some(archive),
            fetched_at,
        };
        ledger.archives.insert(unit.id(), row);
    }
    let build = BuildRow {
        inputs: "i".to_owned(),
        units: Vec::new(),
        corrupt: std::collections::BTreeMap::new(),
        spoiled: Vec::new(),
        short_days: Vec::new(),
        replaced: std::collections::BTreeMap::new(),
    };
    ledger.builds.insert("binance/spot/trades/A1/2024-01".to_owned(), build);
    lake.write_ledger(7, &ledger).await.expect("write");
    let sizes = lake.archive_sizes(|id| id.contains("/A1/")).await.expect("sizes");
    let sizes: Vec<_> = sizes.iter().map(|(id, bytes)| (id.as_str(), *bytes)).collect();
    assert_eq!(
        sizes,
        [("binance/spot/trades/A1/2024-01", 1), ("binance/spot/trades/A1/2024-03", 3)]
    );
    // a bit that flips may leave good JSON that says something else
    let path = directory.path().join(model::layout::index(7));
    let bytes = std::fs::read(&path).expect("read");
    let mut refused = 0;
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, flipped).expect("write");
        let sizes_now = lake.archive_sizes(|id| id.contains("/A1/")).await;
        match lake.ledger().await {
            Ok(found) => {
                assert_eq!(found, (7, ledger.clone()), "bit {bit}");
                assert_eq!(sizes_now.expect("sizes").len(), sizes.len(), "bit {bit}");
            }
            Err(error) => {
                assert!(error.to_string().contains("ledger extract"), "{error}");
                assert!(sizes_now.is_err(), "bit {bit}");
                refused += 1;
            }
        }
    }
    assert!(refused > bytes.len() * 7, "{refused} of {} bits", bytes.len() * 8);
}

/// Staging files may lie on another device than the lake, as in a container with a /tmp of its own.
#[tokio::test]
async fn staging_files_may_lie_on_another_device() {
    use std::io::Write as _;
    let shm = std::path::Path::new("/dev/shm");
    if !shm.is_dir() {
        eprintln!("no second device here: /dev/shm is not there");
        return;
    }
    let (directory, temp) =
        (tempfile::tempdir().expect("tempdir"), tempfile::tempdir_in(shm).expect("tempdir"));
    let uri = directory.path().to_str().expect("path");
    let lake = Lake::open(uri, Some(temp.path())).expect("open");
    let mut staged = lake.stage().expect("stage");
    staged.write_all(b"from afar").expect("write");
    assert_eq!(staged.publish("a/b.parquet").await.expect("publish"), 9);
    assert_eq!(lake.read("a/b.parquet").await.expect("read"), "from afar");
    let left = |folder: &std::path::Path| std::fs::read_dir(folder).expect("folder").count();
    assert_eq!(left(temp.path()), 0);
    assert_eq!(left(&directory.path().join("a")), 1, "no copy is left beside it");
}

//! What every back end must do: a directory, an imitation of S3, a real server of S3.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use store::Lake;

/// Size of the large objects, in bytes: two full parts of an upload and a rest.
const LARGE: usize = 18 << 20;
/// More objects than a page of a listing holds.
const MANY: usize = 1_030;

/// Runs all of it on an empty lake.
pub(crate) async fn run(lake: &Lake) {
    documents(lake).await;
    encoded_keys(lake).await;
    large_objects(lake).await;
    one_winner_of_a_race(lake).await;
    racing_uploads_do_not_mix(lake).await;
    many_objects(lake).await;
}

async fn documents(lake: &Lake) {
    assert_eq!(lake.read_if_there("a/b.json").await.expect("read"), None);
    assert!(lake.write_new("a/b.json", "1").await.expect("write"));
    assert!(!lake.write_new("a/b.json", "2").await.expect("write"));
    assert_eq!(lake.read("a/b.json").await.expect("read"), "1");
    lake.write("a/b.json", "3").await.expect("write");
    assert_eq!(lake.read("a/b.json").await.expect("read"), "3");
    assert!(lake.read("a/c.json").await.expect_err("not there").is_not_found());
    lake.write("a/sub/x=1-y/d_e.json", "").await.expect("write");
    let keys: Vec<_> = lake.list("a").await.expect("list").into_iter().map(|e| e.key).collect();
    assert_eq!(keys, ["a/b.json", "a/sub/x=1-y/d_e.json"]);
    assert_eq!(lake.folders("a").await.expect("folders"), ["a/sub"]);
    assert_eq!(lake.head("a/b.json").await.expect("head").expect("there").bytes, 1);
    lake.delete("a/b.json").await.expect("delete");
    lake.delete("a/b.json").await.expect("delete again");
    assert_eq!(lake.head("a/b.json").await.expect("head"), None);
}

/// A key with a percent-encoded name lies under that very name, whichever way it was written, is
/// read, listed and deleted by it, and not by the name that it stands for.
async fn encoded_keys(lake: &Lake) {
    let folder = "encoded/symbol=%E5%B8%81USDT";
    let (small, large) = (format!("{folder}/small.json"), format!("{folder}/%E5%B8%81.bin"));
    lake.write(&small, "1").await.expect("write");
    assert_eq!(publish(lake, &large, b"22").await, 2);
    assert_eq!(lake.folders("encoded").await.expect("folders"), [folder]);
    let entries = lake.list(folder).await.expect("list");
    let keys: Vec<_> = entries.iter().map(|e| e.key.as_str()).collect();
    assert_eq!(keys, [large.as_str(), small.as_str()]);
    for (key, text) in [(&small, "1"), (&large, "22")] {
        assert_eq!(lake.read(key).await.expect("read"), text);
        let copy = lake.local_copy(key).await.expect("copy");
        assert_eq!(std::fs::read(copy.path()).expect("read"), text.as_bytes());
        let sum = lake.sum(key, true).await.expect("sum");
        assert_eq!((sum.bytes, sum.crc32), (text.len() as u64, crc32fast::hash(text.as_bytes())));
        assert_eq!(sum.sha256, Some(model::unit::sha256_hex(text.as_bytes())));
    }
    let decoded = "encoded/symbol=币USDT/small.json";
    assert!(lake.sum(decoded, false).await.expect_err("not there").is_not_found());
    if let Some(directory) = lake.directory() {
        assert!(directory.join(&small).is_file() && directory.join(&large).is_file());
    }
    assert!(lake.head(decoded).await.expect("head").is_none());
    lake.delete(&small).await.expect("delete");
    assert_eq!(lake.list(folder).await.expect("list").len(), 1);
}

/// Bytes that differ everywhere, so that a part in the wrong place is seen.
fn bytes(seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut bytes = vec![0; LARGE];
    random.fill(&mut bytes);
    bytes
}

async fn publish(lake: &Lake, key: &str, bytes: &[u8]) -> u64 {
    let mut staged = lake.stage().expect("stage");
    staged.write_all(bytes).expect("write");
    staged.publish(key).await.expect("publish")
}

async fn large_objects(lake: &Lake) {
    let key = "large/x=1-y/z.bin";
    let whole = bytes(1);
    assert_eq!(publish(lake, key, &whole).await, LARGE as u64);
    let copy = lake.local_copy(key).await.expect("copy");
    assert!(std::fs::read(copy.path()).expect("read") == whole, "the copy differs");
    assert!(lake.local_copy("large/none").await.expect_err("not there").is_not_found());

    let path = Path::from(key);
    let objects = lake.objects();
    // at the start, across two parts, at the end
    let end = LARGE as u64;
    let ranges = [0..10, (8 << 20) - 5..(8 << 20) + 5, end - 7..end];
    let expect = |range: &std::ops::Range<u64>| &whole[range.start as usize..range.end as usize];
    for (range, found) in ranges.iter().zip(objects.get_ranges(&path, &ranges).await.expect("get"))
    {
        assert_eq!(found, expect(range));
        assert_eq!(objects.get_range(&path, range.clone()).await.expect("get"), expect(range));
    }

    // given up half-way, it leaves nothing
    let mut staged = lake.stage().expect("stage");
    staged.write_all(&whole).expect("write");
    drop(staged);
    assert_eq!(lake.list("large").await.expect("list").len(), 1);
    assert_eq!(publish(lake, key, b"small now").await, 9);
    assert_eq!(lake.read(key).await.expect("read"), "small now");
}

/// Sixteen write the same new object at once: one is told that it did, and it is there.
async fn one_winner_of_a_race(lake: &Lake) {
    for round in 0..10 {
        let key = format!("race/{round}.json");
        let racers = (0..16).map(|racer| {
            let (lake, key) = (lake.clone(), key.clone());
            tokio::spawn(async move {
                lake.write_new(&key, format!("racer {racer}"))
                    .await
                    .expect("write")
                    .then_some(racer)
            })
        });
        let winners: Vec<i32> = futures::future::join_all(racers)
            .await
            .into_iter()
            .filter_map(|racer| racer.expect("join"))
            .collect();
        assert_eq!(winners.len(), 1, "round {round}: {winners:?}");
        assert_eq!(lake.read(&key).await.expect("read"), format!("racer {}", winners[0]));
    }
}

/// Several publish a large object under one name at once: it is one of theirs, whole.
async fn racing_uploads_do_not_mix(lake: &Lake) {
    let key = "race/large.bin";
    let all: Vec<Arc<Vec<u8>>> = (2..5).map(|seed| Arc::new(bytes(seed))).collect();
    let uploads = all.iter().map(|bytes| {
        let (lake, bytes) = (lake.clone(), Arc::clone(bytes));
        tokio::spawn(async move { publish(&lake, key, &bytes).await })
    });
    for upload in futures::future::join_all(uploads).await {
        assert_eq!(upload.expect("join"), LARGE as u64);
    }
    let found = std::fs::read(lake.local_copy(key).await.expect("copy").path()).expect("read");
    assert!(all.iter().any(|bytes| **bytes == found), "the object is none of those written");
}

/// A listing of more than a page is whole, in order, and in the same order every time.
async fn many_objects(lake: &Lake) {
    let keys: BTreeSet<String> = (0..MANY).map(|n| format!("many/{}/{n}", n % 7)).collect();
    futures::stream::iter(keys.iter().map(|key| lake.write(key, Bytes::from_static(b"1"))))
        .buffer_unordered(16)
        .try_collect::<()>()
        .await
        .expect("write");
    let found: Vec<_> = lake.list("many").await.expect("list").into_iter().map(|e| e.key).collect();
    assert!(found.iter().eq(&keys), "{} of {MANY} were listed", found.len());
    assert_eq!(lake.folders("many").await.expect("folders").len(), 7);
    // a folder is no prefix of a name: `many/1` has nothing of `many/10`
    assert_eq!(lake.list("many/1/1").await.expect("list").len(), 0);
}

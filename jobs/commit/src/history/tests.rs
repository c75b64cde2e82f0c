//! Tests of what the ledger's rows come to: the same as of all rows at once, from few of them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use model::fragment::{ANSWERS, BronzeFragment};

use super::*;

const UNIT: &str = "binance/spot/klines/BTCUSDT/1m/2024-01-31";

fn run(n: u32) -> RunId {
    RunId::new(DateTime::UNIX_EPOCH, n)
}

/// The row of a version that was fetched at a minute.
fn row(version: u32, minute: i64, status: ArchiveStatus) -> Entry {
    let fetched_at = DateTime::UNIX_EPOCH + TimeDelta::minutes(minute);
    let sha256 = format!("{version:04}");
    let archive = RawArchive { object: sha256.clone(), sha256, bytes: 1, fetched_at };
    let fragment = BronzeFragment {
        unit: UNIT.parse().unwrap(),
        url: String::new(),
        status,
        detail: None,
        etag: Some(format!("{ANSWERS}{version}\"")),
        last_modified: None,
        published_sha256: None,
        checksum_modified: None,
        archive: Some(archive),
        fetched_at,
        transferred: 0,
        attempts: 1,
    };
    Entry::fetched(&fragment, &run(1))
}

/// Takes rows in the order in which they are read.
fn history(mut rows: Vec<Entry>, asked: &[&str]) -> History {
    rows.sort_by_key(|row| row.status.is_usable());
    let mut history = History::default();
    for row in rows {
        let is_asked = row.sha256.as_deref().is_some_and(|sha256| asked.contains(&sha256));
        history.add(row, &run(0), is_asked);
    }
    history
}

#[test]
fn a_unit_that_grows_with_each_run_takes_no_more_memory() {
    let rows = (0..5_000).map(|n| row(n, n.into(), ArchiveStatus::Unverified)).collect();
    let history = history(rows, &["0007"]);
    let History { versions, fetched, tries, own, .. } = &history;
    assert_eq!([versions.len(), fetched.len(), tries.len(), own.len()], [1, 1, 0, 0]);
    // the newest and what was asked for are told all the same
    let newest = history.row().unwrap();
    assert_eq!(newest.archive.unwrap().sha256, "4999");
    assert_eq!(history.newer_than("0007"), Some("4999"));
    assert_eq!(history.version("0007").unwrap().raw().unwrap().sha256, "0007");
}

#[test]
fn what_few_rows_tell_is_what_all_of_them_do() {
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..2_000 {
        let mut rows = Vec::new();
        for minute in 0..random.i64(1..8) {
            let fetched = row(random.u32(0..4), minute, ArchiveStatus::Unverified);
            if random.u8(0..3) == 0 {
                // a later verdict on the same bytes
                rows.push(fetched.clone().spoiled("it has rotted", &run(2)));
            }
            rows.push(fetched);
        }
        random.shuffle(&mut rows);
        let asked = ["0000", "0001"];
        let found = history(rows.clone(), &asked);

        let mut words: BTreeMap<&str, &Entry> = BTreeMap::new();
        let mut fetched: BTreeMap<&str, BTreeSet<DateTime<Utc>>> = BTreeMap::new();
        for row in &rows {
            let sha256 = row.sha256.as_deref().unwrap();
            let word = words.entry(sha256).or_insert(row);
            if word.order() < row.order() {
                *word = row;
            }
            if row.status.is_usable() {
                fetched.entry(sha256).or_default().insert(row.fetched_at);
            }
        }
        let readable = |sha256: &str| words[sha256].status.is_usable();
        for sha256 in asked {
            let word = words.get(sha256).copied();
            assert_eq!(found.version(sha256), word, "{sha256} of {rows:?}");
            let spoiled = word.is_some_and(|word| !word.status.is_usable());
            assert_eq!(found.is_spoiled(sha256), spoiled, "{sha256} of {rows:?}");
            let newer = fetched.get(sha256).is_some_and(|mine| {
                fetched.iter().any(|(other, at)| {
                    *other != sha256 && at.last() > mine.last() && readable(other)
                })
            });
            assert_eq!(found.newer_than(sha256).is_some(), newer, "{sha256} of {rows:?}");
        }
        let newest = rows.iter().max_by(|a, b| a.order().cmp(&b.order())).unwrap();
        let row = found.row().unwrap();
        assert_eq!((row.archive, row.status), (newest.raw(), newest.status), "{rows:?}");
        let usable = words.values().filter(|word| word.status.is_usable());
        let usable = usable.max_by(|a, b| a.order().cmp(&b.order()));
        let fallback = usable.filter(|_| !newest.status.is_usable()).and_then(|word| word.raw());
        assert_eq!(row.usable, fallback, "{rows:?}");
    }
}

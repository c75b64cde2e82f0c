//! Batches: what is read, what is written, and what is done again after an interruption.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use model::fragment::{ArchiveStatus, BronzeFragment, SilverFragment};
use model::plan::{Batch, Group, Origin, Partition, PlannedUnit, Remote};
use model::schema::Table;
use model::unit::sha256_hex;
use model::{RawArchive, RunId, Unit, layout};
use silver::Summary;
use stage::{Clock, Context, ManualClock, Meter};
use store::Lake;

use crate::common::{archive, archive_named};

const CONFIG: &str = "\
environment: test
sources:
  binance:
    url: http://localhost:1
    markets:
      spot:
        symbols: [BTCUSDT]
        range: {from: 2024-01-01, to: 2024-01-31}
        datasets:
          trades: {}
limits:
  silver: {workers: 2, memory_mib: 32, row_group_rows: 4096}
";

struct Lab {
    folder: tempfile::TempDir,
    context: Context,
}

/// What bronze did with a unit.
enum Fetched {
    Csv(String),
    Bytes(Vec<u8>),
    Status(ArchiveStatus),
    NotYet,
    /// The zip's own name, its member's name and the member's text.
    Named(&'static str, &'static str, String),
}

impl Lab {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path().to_str().unwrap(), None).unwrap();
        let now = "2024-03-01T00:00:00Z".parse().unwrap();
        let context = Context {
            lake,
            config: Arc::new(source::Providers::ALL.read("lake.yaml", CONFIG).unwrap()),
            config_sha256: String::new(),
            providers: source::Providers::ALL,
            run: RunId::new(now, 1),
            clock: Clock::Manual(ManualClock::at(now)),
            meter: Meter::new("silver", false),
        };
        Self { folder, context }
    }

    /// Writes a batch of groups of daily trades, each of which fills its days, and what bronze
    /// did for it.
    async fn plan(&self, groups: &[(&str, Vec<(&str, Fetched)>)]) {
        let lake = &self.context.lake;
        let mut batch = Batch { run: self.context.run.clone(), number: 1, groups: Vec::new() };
        for (id, units) in groups {
            let mut group = Group {
                id: (*id).to_owned(),
                table: Table::Trades,
                partitions: Vec::new(),
                units: Vec::new(),
                reading: None,
                prices: None,
                tails: Vec::new(),
            };
            for (id, fetched) in units {
                let unit: Unit = id.parse().unwrap();
                for day in unit.period.first().to(unit.period.last()) {
                    group.partitions.push(Partition::from([
                        ("source".to_owned(), "binance".to_owned()),
                        ("market".to_owned(), "spot".to_owned()),
                        ("symbol".to_owned(), "BTCUSDT".to_owned()),
                        ("date".to_owned(), day.to_string()),
                    ]));
                }
                self.fetch(&unit, fetched).await;
                let remote = Remote {
                    url: String::new(),
                    odd_name: None,
                    bytes: None,
                    etag: None,
                    last_modified: None,
                    checksum_url: None,
                    checksum_modified: None,
                    held: None,
                    until: None,
                };
                group.units.push(PlannedUnit {
                    unit,
                    archive: Origin::Fetch(remote),
                    keeps: false,
                    before: None,
                });
            }
            batch.groups.push(group);
        }
        lake.write_json(&layout::batch(&self.context.run, 1), &batch).await.unwrap();
    }

    async fn fetch(&self, unit: &Unit, fetched: &Fetched) {
        let lake = &self.context.lake;
        let (status, bytes) = match fetched {
            Fetched::NotYet => return,
            Fetched::Status(status) => (*status, None),
            Fetched::Csv(csv) => (ArchiveStatus::Ok, Some(archive(unit, csv.as_bytes()))),
            Fetched::Bytes(bytes) => (ArchiveStatus::Ok, Some(bytes.clone())),
            Fetched::Named(_, csv, text) => {
                (ArchiveStatus::Ok, Some(archive_named(csv, text.as_bytes())))
            }
        };
        let now = self.context.clock.now();
        let mut raw = None;
        if let Some(bytes) = bytes {
            let sha256 = sha256_hex(&bytes);
            let name = match fetched {
                Fetched::Named(zip, ..) => (*zip).to_owned(),
                _ => source::binance::archive::file_name(unit),
            };
            let object = layout::raw(unit, &sha256[..16], &name);
            raw = Some(RawArchive {
                object: object.clone(),
                sha256,
                bytes: bytes.len() as u64,
                fetched_at: now,
            });
            lake.write(&object, bytes).await.unwrap();
        }
        let fragment = BronzeFragment {
            unit: unit.clone(),
            url: String::new(),
            status,
            detail: None,
            etag: None,
            last_modified: None,
            published_sha256: None,
            checksum_modified: None,
            archive: raw,
            fetched_at: now,
            transferred: 0,
            attempts: 1,
        };
        let key = layout::fragment(&self.context.run, "bronze", unit.id().as_str());
        lake.write_json(&key, &fragment).await.unwrap();
    }

    async fn run(&self, workers: u32) -> Summary {
        silver::run(&self.context, 1, Some(workers)).await.map_err(|f| f.error).unwrap()
    }

    async fn fragments(&self) -> BTreeMap<String, SilverFragment> {
        let all = self.context.lake.silver_fragments(&self.context.run).await.unwrap();
        all.into_iter().map(|fragment| (fragment.group.clone(), fragment)).collect()
    }

    /// All files below silver/, by path.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        gather(self.folder.path(), &self.folder.path().join("silver"), &mut files);
        files
    }
}

fn gather(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            files.insert(name, std::fs::read(path).unwrap());
        }
    }
}

fn trades(day: i64, ids: std::ops::Range<i64>) -> Fetched {
    let start = 1_704_067_200_000 + (day - 1) * 86_400_000;
    let line = |id| format!("{id},10.00000000,0.50000000,5.00000000,{},True,True\n", start + id);
    Fetched::Csv(ids.map(line).collect())
}

const DAYS: [&str; 3] = [
    "binance/spot/trades/BTCUSDT/2024-01-01",
    "binance/spot/trades/BTCUSDT/2024-01-02",
    "binance/spot/trades/BTCUSDT/2024-01-03",
];

#[tokio::test]
async fn a_group_becomes_files_and_a_fragment() {
    let lab = Lab::new();
    let Fetched::Csv(csv) = trades(1, 0..3_000) else { unreachable!() };
    lab.plan(&[(DAYS[0], vec![(DAYS[0], Fetched::Csv(csv + "torn\n"))])]).await;
    let summary = lab.run(1).await;
    assert_eq!((summary.built, summary.files), (1, 2));

    let fragment = &lab.fragments().await[DAYS[0]];
    assert_eq!((fragment.counts.read, fragment.counts.silver), (3_001, 3_000));
    assert_eq!(fragment.counts.rejected, 1);
    assert_eq!(fragment.replaces.len(), 1);
    let [file] = fragment.files.as_slice() else { panic!("one day, one file") };
    assert!(file.path.starts_with("source=binance/market=spot/symbol=BTCUSDT/date=2024-01-01/"));
    assert_eq!(file.rows, 3_000);
    assert_eq!(file.partition, fragment.replaces[0]);
    assert_eq!(file.stats["trade_id"].min, Some(model::fragment::Stat::Long(0)));
    assert_eq!(file.stats["trade_id"].max, Some(model::fragment::Stat::Long(2_999)));
    let [reject] = fragment.rejects.as_slice() else { panic!("one reason, one file") };
    assert!(reject.path.starts_with("source=binance/reason=field_count/"), "{}", reject.path);
    let files = lab.files();
    for (table, file) in [("trades", file), ("rejects", reject)] {
        let bytes = &files[&format!("silver/{table}/{}", file.path)];
        assert_eq!(bytes.len() as u64, file.bytes);
    }
    assert_eq!(files.len(), 2);
}

/// The host has archives whose name lacks a zero; the CSV inside is called like the zip, or as it
/// should be. Nothing else is taken for it.
#[tokio::test]
async fn an_archive_may_have_a_name_of_its_own() {
    let check = async |zip, csv, rows| {
        let lab = Lab::new();
        let Fetched::Csv(text) = trades(1, 0..3) else { unreachable!() };
        lab.plan(&[(DAYS[0], vec![(DAYS[0], Fetched::Named(zip, csv, text))])]).await;
        lab.run(1).await;
        let fragment = &lab.fragments().await[DAYS[0]];
        assert_eq!(fragment.counts.silver, rows, "{zip} {csv}");
        let corrupt = fragment.units[0].corrupt.as_deref();
        let expect = "the zip has no member `BTCUSDT-trades-2024-01-01.csv`";
        assert!(corrupt.is_none_or(|why| why.starts_with(expect)), "{corrupt:?}");
        assert_eq!(corrupt.is_none(), rows > 0);
    };
    let (odd, regular) = ("BTCUSDT-trades-2024-1-1", "BTCUSDT-trades-2024-01-01");
    let name = |stem: &str, end| -> &'static str { format!("{stem}.{end}").leak() };
    check(name(odd, "zip"), name(odd, "csv"), 3).await;
    check(name(odd, "zip"), name(regular, "csv"), 3).await;
    check(name(regular, "zip"), name(regular, "csv"), 3).await;
    check(name(regular, "zip"), name(odd, "csv"), 0).await;
    check(name(odd, "zip"), "other.csv", 0).await;
}

#[tokio::test]
async fn what_is_done_is_not_done_again_and_what_has_changed_is() {
    let lab = Lab::new();
    let plan = |ids| [(DAYS[0], vec![(DAYS[0], trades(1, ids))])];
    lab.plan(&plan(0..10)).await;
    assert_eq!(lab.run(1).await.built, 1);
    let (files, fragments) = (lab.files(), lab.fragments().await);
    let again = lab.run(1).await;
    assert_eq!((again.built, again.kept), (0, 1));
    // killed before the fragment was written: the same files come again
    let key = layout::fragment(&lab.context.run, "silver", DAYS[0]);
    lab.context.lake.delete(&key).await.unwrap();
    assert_eq!(lab.run(1).await.built, 1);
    assert_eq!((lab.files(), lab.fragments().await), (files.clone(), fragments));
    // other bytes under the same run
    lab.plan(&plan(0..11)).await;
    assert_eq!(lab.run(1).await.built, 1);
    assert_eq!(lab.files().len(), files.len() + 1, "another name for other inputs");
}

#[tokio::test]
async fn what_cannot_be_read_stops_nothing_else() {
    let lab = Lab::new();
    let [fourth, fifth, sixth] = [
        "binance/spot/trades/BTCUSDT/2024-01-04",
        "binance/spot/trades/BTCUSDT/2024-01-05",
        "binance/spot/trades/BTCUSDT/2024-01-06",
    ];
    lab.plan(&[
        ("missing", vec![(DAYS[0], Fetched::Status(ArchiveStatus::Missing))]),
        ("refused", vec![(fourth, trades(4, 0..5)), (fifth, Fetched::NotYet)]),
        ("silent", vec![(sixth, Fetched::NotYet)]),
        (
            "partly",
            vec![
                (DAYS[0], Fetched::Status(ArchiveStatus::ChecksumMismatch)),
                (DAYS[1], trades(2, 0..5)),
                (DAYS[2], Fetched::Bytes(b"PK".to_vec())),
            ],
        ),
        (DAYS[1], vec![(DAYS[1], trades(2, 0..5))]),
    ])
    .await;
    let summary = lab.run(2).await;
    assert_eq!((summary.built, summary.left_out, summary.corrupt), (3, 2, 1));
    let fragments = lab.fragments().await;
    let keys: Vec<&str> = fragments.keys().map(String::as_str).collect();
    assert_eq!(keys, [DAYS[1], "partly", "refused"]);
    // one archive that did not come keeps back none of the others
    let units: Vec<_> = fragments["refused"].units.iter().map(|u| u.unit.to_string()).collect();
    assert_eq!((units, fragments["refused"].counts.silver), (vec![fourth.to_owned()], 5));
    let partly = &fragments["partly"];
    let told: Vec<_> =
        partly.units.iter().map(|u| (u.unit.to_string(), u.corrupt.is_some())).collect();
    assert_eq!(told, [(DAYS[1].to_owned(), false), (DAYS[2].to_owned(), true)]);
    assert_eq!((partly.replaces.len(), partly.counts.silver), (3, 5));
}

#[tokio::test]
async fn a_group_of_corrupt_archives_replaces_nothing_and_is_told() {
    let lab = Lab::new();
    lab.plan(&[(DAYS[0], vec![(DAYS[0], Fetched::Bytes(b"<html>".to_vec()))])]).await;
    let summary = lab.run(1).await;
    assert_eq!((summary.built, summary.corrupt, summary.files), (1, 1, 0));
    let fragment = &lab.fragments().await[DAYS[0]];
    assert!(fragment.replaces.is_empty() && fragment.files.is_empty());
    assert!(fragment.units[0].corrupt.as_deref().unwrap().contains("does not open"));
    assert_eq!(lab.run(1).await.kept, 1);
}

#[tokio::test]
async fn an_archive_without_rows_empties_its_partition() {
    let lab = Lab::new();
    lab.plan(&[(DAYS[0], vec![(DAYS[0], Fetched::Csv(String::new()))])]).await;
    lab.run(1).await;
    let fragment = &lab.fragments().await[DAYS[0]];
    assert_eq!((fragment.replaces.len(), fragment.files.len()), (1, 0));
    assert!(fragment.units[0].corrupt.is_none());
}

#[tokio::test]
async fn the_number_of_workers_changes_no_byte() {
    let mut seen = Vec::new();
    for workers in [1, 2, 3] {
        let lab = Lab::new();
        let month = "binance/spot/trades/BTCUSDT/2024-01";
        let Fetched::Csv(late) = trades(5, 900..1_000) else { unreachable!() };
        let Fetched::Csv(early) = trades(4, 0..950) else { unreachable!() };
        lab.plan(&[
            (DAYS[0], vec![(DAYS[0], trades(1, 0..5_000))]),
            (DAYS[1], vec![(DAYS[1], trades(2, 0..3_000))]),
            (month, vec![(month, Fetched::Csv(late + &early + "bad\n"))]),
        ])
        .await;
        lab.run(workers).await;
        seen.push((lab.files(), lab.fragments().await));
    }
    assert_eq!(seen[0].0.len(), 6);
    assert!(seen[0] == seen[1] && seen[1] == seen[2]);
}

/// Files of one name have the same bytes: neither a setting nor the time of fetching is in them,
/// and what else is in the group is in the names of its rejects.
#[tokio::test]
async fn no_setting_changes_bytes_under_a_name() {
    let month = "binance/spot/trades/BTCUSDT/2024-01";
    let Fetched::Csv(csv) = trades(1, 0..9_000) else { unreachable!() };
    let whole = csv.clone() + "torn\n7,11,1,11,1704067200007,True,True\n";
    let day = csv[..2_000].to_owned() + "9,11,1,11,1704067200009,True,True\n";
    let mut seen: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut names = Vec::new();
    for (settings, now, both) in [
        ("memory_mib: 32, row_group_rows: 4096", "2024-03-01T00:00:00Z", false),
        ("memory_mib: 64, workers: 1", "2023-12-01T00:00:00Z", false),
        ("memory_mib: 192, row_group_rows: 16777216", "2026-01-01T00:00:00Z", true),
    ] {
        let mut lab = Lab::new();
        let config = CONFIG.replace("workers: 2, memory_mib: 32, row_group_rows: 4096", settings);
        lab.context.config = Arc::new(source::Providers::ALL.read("lake.yaml", &config).unwrap());
        lab.context.clock = Clock::Manual(ManualClock::at(now.parse().unwrap()));
        let mut units = vec![(month, Fetched::Csv(whole.clone()))];
        if both {
            units.push((DAYS[0], Fetched::Csv(day.clone())));
        }
        lab.plan(&[(month, units)]).await;
        lab.run(1).await;
        let files = lab.files();
        names.push(files.keys().cloned().collect::<Vec<_>>());
        for (name, bytes) in files {
            let before = seen.entry(name.clone()).or_insert_with(|| bytes.clone());
            assert!(*before == bytes, "{name} has other bytes with {settings} at {now}");
        }
    }
    assert_eq!(names[0].len(), 3, "a day, a torn line and a row in two versions");
    assert_eq!(names[0], names[1]);
    assert!(names[2].iter().all(|name| !names[0].contains(name)));
}

#[tokio::test]
async fn what_an_archive_lacks_is_noted() {
    let lab = Lab::new();
    lab.plan(&[
        (DAYS[0], vec![(DAYS[0], Fetched::Csv(String::new()))]),
        (DAYS[1], vec![(DAYS[1], Fetched::Csv("id,price,qty,quote_qty,time,m,b\n\r\n".into()))]),
        (DAYS[2], vec![(DAYS[2], trades(3, 0..5))]),
    ])
    .await;
    assert_eq!(lab.run(1).await.corrupt, 0);
    let notes: Vec<_> =
        lab.fragments().await.into_values().map(|f| f.units[0].notes.join(";")).collect();
    assert_eq!(notes, ["the archive holds no row", "the archive holds no row", ""]);
}

#[tokio::test]
async fn a_plan_that_contradicts_itself_is_refused() {
    let lab = Lab::new();
    let klines = "binance/spot/klines/BTCUSDT/1h/2024-01-01";
    lab.plan(&[
        ("mixed", vec![(klines, Fetched::Csv(String::new()))]),
        (DAYS[0], vec![(DAYS[0], trades(1, 0..5))]),
    ])
    .await;
    let error = silver::run(&lab.context, 1, Some(1)).await.map_err(|f| f.error).unwrap_err();
    let text = format!("{error:#}");
    assert!(text.contains("1 of 2 groups failed") && text.contains(klines), "{text}");
    assert_eq!(lab.fragments().await.len(), 1, "the other group is built all the same");
}

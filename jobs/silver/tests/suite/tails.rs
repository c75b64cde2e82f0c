//! Tails: what the API said of a day becomes rows, and is compared with the archive that replaces it.

use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _};
use chrono::{DateTime, Utc};
use model::fragment::{ArchiveStatus, BronzeFragment, SilverFragment};
use model::plan::{Batch, Group, Origin, PlannedUnit, Remote, Replaced};
use model::schema::Table;
use model::tail::{Comparison, LISTED};
use model::unit::sha256_hex;
use model::{RawArchive, RunId, Unit, layout, partition};
use source::questions::{Envelope, Received, pack};
use stage::{Clock, Context, ManualClock, Meter};
use store::Lake;

use crate::common::{archive, read, shared};

const CONFIG: &str = "\
environment: test
sources:
  binance:
    url: http://localhost:1
    tail: {minutes: 1}
    markets:
      spot:
        symbols: [BTCUSDT]
        range: {from: 2024-01-30}
        datasets: {klines: {timeframes: [1m]}}
limits:
  silver: {workers: 1, memory_mib: 32}
";

const DAY: &str = "binance/spot/klines/BTCUSDT/1m/2024-01-31";
/// The start of that day, µs.
const START: i64 = 1_706_659_200_000_000;

struct Lab {
    folder: tempfile::TempDir,
    context: Context,
}

impl Lab {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path().to_str().unwrap(), None).unwrap();
        let now = "2024-02-02T00:00:00Z".parse().unwrap();
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

    async fn put(&self, unit: &Unit, name: &str, bytes: Vec<u8>) -> RawArchive {
        let (sha256, length) = (sha256_hex(&bytes), bytes.len() as u64);
        let object = layout::raw(unit, &sha256[..16], name);
        self.context.lake.write(&object, bytes).await.unwrap();
        RawArchive { object, sha256, bytes: length, fetched_at: self.context.clock.now() }
    }

    /// The raw object of what the API said of a day in these pages.
    async fn tail(&self, unit: &Unit, until: DateTime<Utc>, pages: Vec<Vec<String>>) -> RawArchive {
        let answers = pages.into_iter().map(|rows| {
            let body = format!("[{}]", rows.join(",")).into_bytes();
            let received = Received { status: 200, content_type: None, body };
            (Envelope::of("binance", "https://api/", until, &received), received)
        });
        let bytes = pack(&answers.collect::<Vec<_>>()).unwrap();
        let name = source::binance::archive::file_name(unit);
        self.put(unit, &layout::tail_name(&name, until), bytes).await
    }

    /// The raw object of an archive with these lines.
    async fn archive(&self, unit: &Unit, lines: &[String]) -> RawArchive {
        let bytes = archive(unit, lines.concat().as_bytes());
        self.put(unit, &source::binance::archive::file_name(unit), bytes).await
    }

    /// Builds a group of one unit, fetched as `raw`, that replaces a tail.
    async fn build(
        &self,
        unit: &Unit,
        fetched: Option<&RawArchive>,
        tail: Option<(&Unit, &RawArchive)>,
    ) -> Option<SilverFragment> {
        let Context { lake, run, .. } = &self.context;
        let held = tail.map(|(_, raw)| raw.clone()).filter(|_| fetched.is_none());
        let remote = Remote { held, ..Remote::asked("") };
        let table = Table::of_dataset(unit.dataset);
        let month = Unit { period: model::Period::Month(unit.period.month()), ..unit.clone() };
        // tables of trades are cut by days
        let whole = if table == Table::Klines { month } else { unit.clone() };
        let planned = |unit: &Unit, archive| PlannedUnit {
            unit: unit.clone(),
            archive,
            keeps: false,
            before: None,
        };
        let tails = tail.map(|(unit, raw)| Replaced { unit: unit.clone(), archive: raw.clone() });
        let group = Group {
            id: whole.to_string(),
            table,
            partitions: partition::spanned(&whole),
            units: vec![planned(unit, Origin::Fetch(remote))],
            reading: None,
            prices: None,
            tails: tails.into_iter().collect(),
        };
        let batch = Batch { run: run.clone(), number: 1, groups: vec![group] };
        lake.write_json(&layout::batch(run, 1), &batch).await.unwrap();
        let fragment = BronzeFragment {
            unit: unit.clone(),
            url: String::new(),
            status: if fetched.is_some() { ArchiveStatus::Ok } else { ArchiveStatus::Missing },
            detail: None,
            etag: None,
            last_modified: None,
            published_sha256: None,
            checksum_modified: None,
            archive: fetched.cloned(),
            fetched_at: self.context.clock.now(),
            transferred: 0,
            attempts: 1,
        };
        let key = layout::fragment(run, "bronze", unit.id().as_str());
        lake.write_json(&key, &fragment).await.unwrap();
        silver::run(&self.context, 1, Some(1)).await.map_err(|f| f.error).unwrap();
        lake.silver_fragments(run).await.unwrap().into_iter().next()
    }

    async fn comparisons(&self) -> Vec<Comparison> {
        let folder = layout::fragments(&self.context.run, layout::TAIL);
        let mut all = Vec::new();
        for entry in self.context.lake.list(&folder).await.unwrap() {
            all.push(self.context.lake.read_json(&entry.key, "comparison").await.unwrap());
        }
        all
    }

    /// Of the rows of a fragment's files: how many there are, and how many say that they are provisional.
    fn rows(&self, fragment: &SilverFragment) -> (usize, usize) {
        let (mut rows, mut provisional) = (0, 0);
        for file in &fragment.files {
            let table = self.folder.path().join(layout::table(fragment.table));
            for batch in read(&table.join(&file.path)) {
                rows += batch.num_rows();
                let issues = batch.column_by_name("issues").unwrap().as_string::<i32>().clone();
                provisional += issues.iter().flatten().filter(|i| *i == "provisional").count();
                assert_eq!(issues.len(), batch.num_rows());
                let valid = batch.column_by_name("is_valid").unwrap();
                assert_eq!(valid.as_boolean().true_count(), batch.num_rows());
            }
        }
        (rows, provisional)
    }
}

fn until(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(START + minute * 60_000_000).unwrap()
}

/// The line of a minute of the day, as an archive has it.
fn line(minute: i64) -> String {
    let open = START + minute * 60_000_000;
    let close = open + 59_999_999;
    format!("{open},42.1,43.0,41.9,42.50,1.5,{close},63.75,7,0.5,21.2,0\n")
}

/// A line as the API has it.
fn row(line: &str) -> String {
    let fields: Vec<String> = line
        .trim_end()
        .split(',')
        .enumerate()
        .map(
            |(at, field)| {
                if [0, 6, 8].contains(&at) { field.to_owned() } else { format!("\"{field}\"") }
            },
        )
        .collect();
    format!("[{}]", fields.join(","))
}

fn rows(minutes: std::ops::Range<i64>) -> Vec<String> {
    minutes.map(|minute| row(&line(minute))).collect()
}

fn lines(minutes: std::ops::Range<i64>) -> Vec<String> {
    minutes.map(line).collect()
}

#[tokio::test]
async fn what_the_api_said_is_rows_until_the_archive_comes() {
    let lab = Lab::new();
    let unit: Unit = DAY.parse().unwrap();
    // an open bar is in the answer, and no row
    let tail = lab.tail(&unit, until(753), vec![rows(0..755)]).await;
    let fragment = lab.build(&unit, Some(&tail), None).await.unwrap();
    assert_eq!((fragment.counts.read, fragment.counts.silver), (753, 753));
    assert_eq!(lab.rows(&fragment), (753, 753));
    assert!(lab.comparisons().await.is_empty());

    let archive = lab.archive(&unit, &lines(0..1_440)).await;
    let fragment = lab.build(&unit, Some(&archive), Some((&unit, &tail))).await.unwrap();
    assert_eq!(lab.rows(&fragment), (1_440, 0));
    let found = lab.comparisons().await;
    let [comparison] = found.as_slice() else { panic!("{found:?}") };
    assert!(comparison.is_same(), "{comparison:?}");
    assert_eq!((comparison.compared, comparison.until), (753, until(753)));
    assert_eq!(comparison.tail_sha256, tail.sha256);
    assert_eq!(comparison.archive_sha256, archive.sha256);
}

#[tokio::test]
async fn every_difference_is_told_with_both_values() {
    let lab = Lab::new();
    let unit: Unit = DAY.parse().unwrap();
    let mut said = rows(0..600);
    // another close, another number of trades; a bar that the archive lacks, one that it has alone
    said[7] = row(&line(7).replace("42.50", "42.51").replace(",7,", ",8,"));
    said.remove(9);
    let tail = lab.tail(&unit, until(600), vec![said]).await;
    let mut archived = lines(0..1_440);
    archived.remove(11);
    archived.reverse();
    let archive = lab.archive(&unit, &archived).await;
    let fragment = lab.build(&unit, Some(&archive), Some((&unit, &tail))).await.unwrap();
    assert_eq!(lab.rows(&fragment), (1_439, 0), "what the archive says is what there is");
    let found = lab.comparisons().await;
    let [comparison] = found.as_slice() else { panic!("{found:?}") };
    let Comparison { compared, differing, only_tail, only_archive, .. } = comparison;
    assert_eq!([*compared, *differing, *only_tail, *only_archive], [598, 1, 1, 1]);
    let told: Vec<_> = comparison
        .listed
        .iter()
        .map(|d| {
            let minute = (d.time - START) / 60_000_000;
            (minute, d.field.as_deref(), d.tail.as_deref(), d.archive.as_deref())
        })
        .collect();
    assert_eq!(
        told,
        [
            (7, Some("close"), Some("42.51000000"), Some("42.50000000")),
            (7, Some("trade_count"), Some("8"), Some("7")),
            (9, None, None, Some("a row")),
            (11, None, Some("a row"), None),
        ]
    );
    // built again after a crash, it is told again and no other
    let key = layout::fragment(&lab.context.run, "silver", &fragment.group);
    lab.context.lake.delete(&key).await.unwrap();
    lab.build(&unit, Some(&archive), Some((&unit, &tail))).await.unwrap();
    assert_eq!(&lab.comparisons().await, &found);
}

#[tokio::test]
async fn a_months_archive_is_compared_with_the_days_it_replaces() {
    let lab = Lab::new();
    let unit: Unit = DAY.parse().unwrap();
    let month: Unit = "binance/spot/klines/BTCUSDT/1m/2024-01".parse().unwrap();
    let tail = lab.tail(&unit, until(1_440), vec![rows(0..1_000), rows(1_000..1_440)]).await;
    // the day before is no matter of the tail
    let mut archived = lines(-1_440..1_440);
    archived[1_440] = line(0).replace("42.50", "42.49");
    let archive = lab.archive(&month, &archived).await;
    lab.build(&month, Some(&archive), Some((&unit, &tail))).await.unwrap();
    let found = lab.comparisons().await;
    let [comparison] = found.as_slice() else { panic!("{found:?}") };
    let Comparison { compared, differing, only_tail, only_archive, .. } = comparison;
    assert_eq!([*compared, *differing, *only_tail, *only_archive], [1_440, 1, 0, 0]);
    assert_eq!(comparison.unit, unit);
}

#[tokio::test]
async fn differences_are_bounded_and_counted_and_what_cannot_be_compared_is_told() {
    let lab = Lab::new();
    let unit: Unit = DAY.parse().unwrap();
    let said = (0..500).map(|minute| row(&line(minute).replace("42.50", "42.51"))).collect();
    let tail = lab.tail(&unit, until(500), vec![said]).await;
    let archive = lab.archive(&unit, &lines(0..1_440)).await;
    lab.build(&unit, Some(&archive), Some((&unit, &tail))).await.unwrap();
    let found = lab.comparisons().await;
    assert_eq!((found[0].differing, found[0].listed.len()), (500, LISTED));
    assert_eq!(found[0].unlisted, 500 - LISTED as u64);

    // the tail's bytes are gone: that stops nothing
    lab.context.lake.delete(&tail.object).await.unwrap();
    let key =
        layout::fragment(&lab.context.run, "silver", "binance/spot/klines/BTCUSDT/1m/2024-01");
    lab.context.lake.delete(&key).await.unwrap();
    let fragment = lab.build(&unit, Some(&archive), Some((&unit, &tail))).await.unwrap();
    assert_eq!(lab.rows(&fragment), (1_440, 0));
    let found = lab.comparisons().await;
    assert!(found[0].problem.is_some() && !found[0].is_same(), "{found:?}");
}

#[tokio::test]
async fn where_the_archive_cannot_be_had_the_tail_stays() {
    let lab = Lab::new();
    let unit: Unit = DAY.parse().unwrap();
    let tail = lab.tail(&unit, until(600), vec![rows(0..600)]).await;
    let fragment = lab.build(&unit, None, Some((&unit, &tail))).await.unwrap();
    assert_eq!(lab.rows(&fragment), (600, 600));
    assert!(lab.comparisons().await.is_empty());
}

const TRADES: &str = "binance/usdm/agg_trades/BTCUSDT/2024-01-31";

/// An aggregate trade, one each second, as an archive has it.
fn trade(id: i64) -> String {
    let (time, first) = (START / 1_000 + id * 1_000, 2 * id);
    format!("{id},42.1,0.5,{first},{},{time},true\n", first + 1)
}

/// The same as the API has it.
fn told(line: &str) -> String {
    let f: Vec<&str> = line.trim_end().split(',').collect();
    format!(
        r#"{{"a":{},"p":"{}","q":"{}","f":{},"l":{},"T":{},"m":{}}}"#,
        f[0], f[1], f[2], f[3], f[4], f[5], f[6]
    )
}

#[tokio::test]
async fn trades_are_rows_up_to_the_last_page() {
    let lab = Lab::new();
    let unit: Unit = TRADES.parse().unwrap();
    let page = |ids: std::ops::Range<i64>| ids.map(|id| told(&trade(id))).collect::<Vec<_>>();
    let second = |n: i64| DateTime::from_timestamp_micros(START + n * 1_000_000).unwrap();
    // two pages, and more to come: what was told in the last instant is not known to be all
    let tail = lab.tail(&unit, second(1_999), vec![page(0..1_000), page(1_000..2_000)]).await;
    let fragment = lab.build(&unit, Some(&tail), None).await.unwrap();
    assert_eq!((fragment.table, fragment.counts.read), (Table::AggTrades, 1_999));
    assert_eq!(lab.rows(&fragment), (1_999, 1_999));
    // up to a minute: the last page is not full, and has what came since
    let pages = vec![page(0..1_000), page(1_000..2_000), page(2_000..2_150)];
    let tail = lab.tail(&unit, second(2_100), pages).await;
    let fragment = lab.build(&unit, Some(&tail), None).await.unwrap();
    assert_eq!(lab.rows(&fragment), (2_100, 2_100));
    let values: Vec<String> = fragment
        .files
        .iter()
        .flat_map(|file| read(&lab.folder.path().join("silver/agg_trades").join(&file.path)))
        .flat_map(|rows| {
            let column = |name: &str| {
                let column = rows.column_by_name(name).unwrap();
                arrow::compute::cast(column, &arrow::datatypes::DataType::Utf8).unwrap()
            };
            let names = ["agg_trade_id", "price", "quantity", "first_trade_id", "last_trade_id"];
            let columns: Vec<_> = names.into_iter().chain(["is_buyer_maker"]).map(column).collect();
            let text = |at: usize| {
                columns.iter().map(|c| c.as_string::<i32>().value(at)).collect::<Vec<_>>().join(" ")
            };
            (0..rows.num_rows()).map(text).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(values[2_099], "2099 42.10000000 0.50000000 4198 4199 true");

    // the archive says another price, lacks a trade and has one that the API did not tell
    let mut lines: Vec<String> = (0..9_000).map(trade).collect();
    lines[7] = lines[7].replace("42.1", "42.2");
    lines.remove(9);
    let said = vec![page(0..1_000), page(1_000..2_000), page(2_001..2_150)];
    let tail = lab.tail(&unit, second(2_100), said).await;
    let archive = lab.archive(&unit, &lines).await;
    let fragment = lab.build(&unit, Some(&archive), Some((&unit, &tail))).await.unwrap();
    assert_eq!(lab.rows(&fragment), (8_999, 0));
    let found = lab.comparisons().await;
    let [comparison] = found.as_slice() else { panic!("{found:?}") };
    let Comparison { compared, differing, only_tail, only_archive, .. } = comparison;
    assert_eq!([*compared, *differing, *only_tail, *only_archive], [2_098, 1, 1, 1]);
    let told: Vec<_> = comparison
        .listed
        .iter()
        .map(|d| (d.key, d.field.as_deref(), d.tail.as_deref(), d.archive.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            (7, Some("price"), Some("42.10000000"), Some("42.20000000")),
            (9, None, Some("a row"), None),
            (2_000, None, None, Some("a row")),
        ]
    );
}

/// A real day of the futures, told by the API in the same words, differs in nothing.
#[tokio::test]
async fn a_real_day_is_the_same_from_both() {
    let Some(folder) = shared("usdm-klines") else { return };
    let lab = Lab::new();
    let unit: Unit = "binance/usdm/klines/BTCUSDT/1m/2022-05-05".parse().unwrap();
    let text = std::fs::read_to_string(folder.join("BTCUSDT-1m-2022-05-05.csv")).unwrap();
    let all: Vec<String> = text.lines().map(|line| format!("{line}\n")).collect();
    let data = all.iter().filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
    let said: Vec<String> = data.map(|line| row(line)).collect();
    assert_eq!(said.len(), 1_440);
    let end = DateTime::from_timestamp_micros(unit.period.micros().end).unwrap();
    let pages = said.chunks(1_000).map(<[String]>::to_vec).collect();
    let tail = lab.tail(&unit, end, pages).await;
    let archive = lab.archive(&unit, &all).await;
    lab.build(&unit, Some(&archive), Some((&unit, &tail))).await.unwrap();
    let found = lab.comparisons().await;
    assert!(found[0].is_same() && found[0].compared == 1_440, "{found:?}");
}

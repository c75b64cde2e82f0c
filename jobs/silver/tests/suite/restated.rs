//! Archives that came anew: what they say otherwise than the version that silver had before.

use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use chrono::{DateTime, Utc};
use model::fragment::{Restated, SilverFragment};
use model::partition;
use model::plan::{Batch, Group, Origin, PlannedUnit};
use model::schema::Table;
use model::unit::sha256_hex;
use model::{RawArchive, RunId, Unit, layout};
use stage::{Clock, Context, ManualClock, Meter};
use store::Lake;

use crate::common::{archive, read};

const CONFIG: &str = "environment: test\nsources:\n  binance:\n    url: http://localhost:1\n    markets:\n      \
                      spot:\n        symbols: [BTCUSDT]\n        range: {from: 2024-01-01, to: 2024-01-31}\n        \
                      datasets:\n          trades: {}\nlimits:\n  silver: {workers: 1, memory_mib: 32}\n";
const BARS: &str = "binance/spot/klines/BTCUSDT/1h/2024-01";
const TRADES: &str = "binance/spot/trades/BTCUSDT/2024-01-01";
/// 2024-01-01, in milliseconds.
const START: i64 = 1_704_067_200_000;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("time")
}

struct Lab {
    folder: tempfile::TempDir,
    context: Context,
}

impl Lab {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let now = at("2024-03-01T00:00:00Z");
        let context = Context {
            lake: Lake::open(folder.path().to_str().expect("path"), None).expect("lake"),
            config: Arc::new(source::Providers::ALL.read("lake.yaml", CONFIG).expect("config")),
            config_sha256: String::new(),
            providers: source::Providers::ALL,
            run: RunId::new(now, 1),
            clock: Clock::Manual(ManualClock::at(now)),
            meter: Meter::new("silver", false),
        };
        Self { folder, context }
    }

    /// A version of a unit in bronze.
    async fn raw(&self, unit: &Unit, csv: &str, fetched_at: &str) -> RawArchive {
        let bytes = archive(unit, csv.as_bytes());
        let sha256 = sha256_hex(&bytes);
        let name = source::binance::archive::file_name(unit);
        let object = layout::raw(unit, &sha256[..16], &name);
        let size = bytes.len() as u64;
        self.context.lake.write(&object, bytes).await.expect("write");
        RawArchive { object, sha256, bytes: size, fetched_at: at(fetched_at) }
    }

    /// Builds a unit from the second version, where silver has the first one.
    async fn build(&self, unit: &str, before: &str, after: &str) -> SilverFragment {
        let unit: Unit = unit.parse().expect(unit);
        let before = self.raw(&unit, before, "2024-02-01T06:00:00Z").await;
        let after = self.raw(&unit, after, "2024-02-02T06:00:00Z").await;
        self.run(&unit, before, after).await
    }

    async fn run(&self, unit: &Unit, before: RawArchive, after: RawArchive) -> SilverFragment {
        let Context { lake, run, .. } = &self.context;
        let group = Group {
            id: unit.to_string(),
            table: Table::of_dataset(unit.dataset),
            partitions: partition::spanned(unit),
            units: vec![PlannedUnit {
                unit: unit.clone(),
                archive: Origin::Held(after),
                keeps: true,
                before: Some(before),
            }],
            reading: None,
            prices: None,
            tails: Vec::new(),
        };
        let batch = Batch { run: run.clone(), number: 1, groups: vec![group] };
        lake.write_json(&layout::batch(run, 1), &batch).await.expect("batch");
        silver::run(&self.context, 1, None).await.map_err(|f| f.error).expect("built");
        lake.silver_fragments(run).await.expect("fragments").remove(0)
    }

    /// The lines of a file: change, key, column, old and new value, rows.
    fn lines(&self, restated: &Restated) -> Vec<String> {
        let table = self.folder.path().join(layout::table(Table::Restatements));
        let mut lines = Vec::new();
        for batch in read(&table.join(&restated.file.path)) {
            let text = |name: &str, row: usize| {
                let column = batch.column_by_name(name).expect(name).as_string::<i32>();
                if column.is_null(row) { "-".to_owned() } else { column.value(row).to_owned() }
            };
            let counts = batch.column_by_name("row_count").expect("rows");
            let counts = counts.as_primitive::<Int64Type>();
            let learned = batch.column_by_name("learned_at").expect("learned_at");
            let learned = learned.as_primitive::<TimestampMicrosecondType>();
            for row in 0..batch.num_rows() {
                assert_eq!(learned.value(row), at("2024-02-02T06:00:00Z").timestamp_micros());
                assert_eq!(text("run", row), self.context.run.as_str());
                let words = ["change", "row_key", "column_name", "old_value", "new_value"];
                let words = words.map(|name| text(name, row)).join(" ");
                lines.push(format!("{words} {}", counts.value(row)));
            }
        }
        lines
    }
}

/// Bars of an hour: their number and their close.
fn bars(of: &[(i64, &str)]) -> String {
    let line = |(hour, close): &(i64, &str)| {
        let open = START + hour * 3_600_000;
        let end = open + 3_599_999;
        format!("{open},1.0,9.0,0.5,{close},2.50000000,{end},3.0,7,1.0,1.5,0\n")
    };
    of.iter().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_value_that_differs_is_told_to_its_last_digit() {
    let old = bars(&[(0, "1.5"), (1, "2.5"), (2, "3.5"), (3, "4.5")]);
    let new = bars(&[(0, "1.5"), (1, "2.50000001"), (3, "4.5"), (4, "5.5")]);
    let lab = Lab::new();
    let fragment = lab.build(BARS, &old, &new).await;
    let restated = fragment.units[0].restated.as_ref().expect("it differs");
    let Restated { changed, removed, added, untold, file, .. } = restated;
    assert_eq!((*changed, *removed, *added, *untold), (1, 1, 1, 0));
    assert!(file.path.starts_with("source=binance/"), "{}", file.path);
    let note = "it came anew and says something else than before: 1 row changed, 1 removed, 1 \
                added (silver.restatements)";
    assert_eq!(fragment.units[0].notes, [note]);
    let lines = lab.lines(restated);
    let hour = |n| format!("2024-01-01T{n:02}:00:00.000000Z");
    assert_eq!(lines[0], format!("changed {} close 2.50000000 2.50000001 1", hour(1)));
    let (removed, added): (Vec<&String>, Vec<&String>) =
        lines[1..].iter().partition(|line| line.starts_with("removed"));
    assert_eq!(removed[0], &format!("removed {} open 1.00000000 - 1", hour(2)));
    let last = "close_time 2024-01-01T02:59:59.999000Z -";
    assert_eq!(removed.last(), Some(&&format!("removed {} {last} 1", hour(2))));
    assert_eq!(added[3], &format!("added {} close - 5.50000000 1", hour(4)));
    // open, high, low, close, two volumes, a count, two of takers, the end
    assert_eq!((removed.len(), added.len()), (10, 10));
    assert_eq!(lines.len() as u64, file.rows);

    // killed before the fragment was written: the same file comes again
    let key = layout::fragment(&lab.context.run, "silver", BARS);
    lab.context.lake.delete(&key).await.expect("delete");
    assert_eq!(lab.build(BARS, &old, &new).await, fragment);
    // where the version before came once more, after another one, it is a step of its own
    let unit: Unit = BARS.parse().expect("unit");
    let before = lab.raw(&unit, &old, "2024-02-01T06:00:00Z").await;
    let after = lab.raw(&unit, &new, "2024-02-02T06:00:00Z").await;
    let later = RawArchive { fetched_at: at("2024-02-03T06:00:00Z"), ..before.clone() };
    let owner = Restated::owner(&unit, &before, &after);
    assert_eq!(owner, restated.owner);
    assert_ne!(Restated::owner(&unit, &later, &after), owner);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_bytes_that_say_the_same_are_no_restatement() {
    let of = [(0, "1.5"), (1, "2.5"), (2, "3.5")];
    let check = async |before: &str, after: &str| {
        let fragment = Lab::new().build(BARS, before, after).await;
        assert_eq!((&fragment.units[0].restated, fragment.counts.silver), (&None, 3));
        assert!(fragment.units[0].notes.is_empty(), "{:?}", fragment.units[0].notes);
    };
    let whole = bars(&of);
    // another form of the same numbers, another order, a row twice
    check(&whole, &whole.replace(",1.5,", ",1.500,")).await;
    check(&whole, &bars(&[of[2], of[0], of[1]])).await;
    check(&whole, &bars(&[of[0], of[1], of[1], of[2]])).await;
    check(&bars(&[of[1], of[0], of[2]]), &whole).await;
    // microseconds instead of milliseconds
    let micros = whole.lines().map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        let rest = fields[7..].join(",");
        format!("{}000,{},{}999,{rest}\n", fields[0], fields[1..6].join(","), fields[6])
    });
    let restated = Lab::new().build(BARS, &whole, &micros.collect::<String>()).await;
    let restated = restated.units[0].restated.clone().expect("the end is told more exactly");
    assert_eq!((restated.changed, restated.file.rows), (3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_beyond_measure_is_counted() {
    let trades = |ids: std::ops::Range<i64>, price: &str| -> String {
        let line = |id| format!("{id},{price},0.50000000,5.00000000,{},True,True\n", START + id);
        ids.map(line).collect()
    };
    let lab = Lab::new();
    let (old, new) = (trades(0..12_000, "10.0"), trades(500..12_500, "10.1"));
    let fragment = lab.build(TRADES, &old, &new).await;
    let restated = fragment.units[0].restated.as_ref().expect("it differs");
    let Restated { changed, removed, added, untold, .. } = restated;
    assert_eq!((*changed, *removed, *added, *untold), (11_500, 500, 500, 2_500));
    let lines = lab.lines(restated);
    let told = |word: &str| lines.iter().filter(|line| line.starts_with(word)).count();
    assert_eq!((told("changed"), told("added"), told("more")), (9_500, 0, 1));
    assert_eq!(lines.last().map(String::as_str), Some("more - - - - 2500"));
    let first = lines.iter().find(|line| line.starts_with("changed")).expect("a change");
    assert_eq!(first, "changed 500 price 10.00000000 10.10000000 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_does_not_read_stops_nothing() {
    let new = bars(&[(0, "1.5")]);
    let unit: Unit = BARS.parse().expect("unit");
    let check = async |spoil: &dyn Fn(&std::path::Path), why: &str| {
        let lab = Lab::new();
        let before = lab.raw(&unit, &bars(&[(0, "1.4")]), "2024-02-01T06:00:00Z").await;
        spoil(&lab.folder.path().join(&before.object));
        let after = lab.raw(&unit, &new, "2024-02-02T06:00:00Z").await;
        let fragment = lab.run(&unit, before, after).await;
        assert_eq!((&fragment.units[0].restated, fragment.counts.silver), (&None, 1));
        let [note] = fragment.units[0].notes.as_slice() else { panic!("one note") };
        assert!(note.starts_with("it came anew, and what changed is not known"), "{note}");
        assert!(note.contains(why), "{note}");
    };
    check(&|path| std::fs::remove_file(path).expect("remove"), "which is gone").await;
    check(&|path| std::fs::write(path, "").expect("write"), "it has 0 bytes").await;
}

//! What the tests share: a lake, and runs whose workers have done their part.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use model::fragment::{
    ArchiveStatus, BronzeFragment, DataFile, RowCounts, SilverFragment, UnitOutcome,
};
use model::plan::{Group, Partition, Plan, PlanTotals};
use model::schema::Table;
use model::{RawArchive, RunId, Unit, layout, unit};
use stage::{Clock, Context, ManualClock, Meter};
use store::Lake;
use table::datafusion::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use table::datafusion::arrow::util::pretty::pretty_format_batches;
use table::{SessionOptions, Tables};

pub(crate) const CONFIG: &str = "environment: test\nsources:\n  binance:\n    url: http://localhost\n    \
    markets:\n      spot:\n        symbols: [BTCUSDT]\n        range: {from: 2024-01-01, to: 2024-01-31}\n        \
    datasets: {trades: {}}\n";

/// A lake in a folder that goes when it is dropped.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) lake: Lake,
    pub(crate) tables: Tables,
}

pub(crate) fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path().join("lake").to_str().unwrap(), None).unwrap();
    std::fs::write(folder.path().join("lake.yaml"), CONFIG).unwrap();
    let tables = Tables::open(&lake);
    World { folder, lake, tables }
}

pub(crate) fn start() -> DateTime<Utc> {
    "2024-02-01T00:00:00Z".parse().unwrap()
}

/// A run that was planned `n` minutes after the start.
pub(crate) struct Run<'a> {
    pub(crate) world: &'a World,
    pub(crate) id: RunId,
    pub(crate) clock: ManualClock,
}

pub(crate) async fn planned(world: &World, n: u32, groups: u64) -> Run<'_> {
    let created_at = start() + TimeDelta::minutes(n.into());
    let run = RunId::new(created_at, n);
    let plan = Plan {
        run: run.clone(),
        environment: "test".to_owned(),
        created_at,
        config_sha256: unit::sha256_hex(CONFIG.as_bytes()),
        scope: String::new(),
        batches: Vec::new(),
        totals: PlanTotals { groups, units: groups, ..PlanTotals::default() },
        absent: Vec::new(),
        gaps: Vec::new(),
        remarks: Vec::new(),
        unasked: Vec::new(),
        instruments: Vec::new(),
    };
    world.lake.write_json(&layout::plan(&run), &plan).await.unwrap();
    Run { world, id: run, clock: ManualClock::at(created_at + TimeDelta::minutes(30)) }
}

impl Run<'_> {
    pub(crate) fn context(&self) -> Context {
        Context {
            lake: self.world.lake.clone(),
            config: Arc::new(source::Providers::ALL.read("lake.yaml", CONFIG).unwrap()),
            config_sha256: unit::sha256_hex(CONFIG.as_bytes()),
            providers: source::Providers::ALL,
            run: self.id.clone(),
            clock: Clock::Manual(self.clock.clone()),
            meter: Meter::new("commit", false),
        }
    }

    pub(crate) async fn commit(&self) -> commit::Summary {
        match commit::run(&self.context()).await {
            Ok(summary) => summary,
            Err(failure) => panic!("{:?}: {:#}", failure.exit, failure.error),
        }
    }

    /// What bronze does with one unit, `minute` minutes after the start.
    pub(crate) async fn fetched(&self, id: &str, content: &str, minute: i64) -> BronzeFragment {
        let unit: Unit = id.parse().unwrap();
        let fetched_at = start() + TimeDelta::minutes(minute);
        let archive = RawArchive {
            object: layout::raw(&unit, content, "x.zip"),
            sha256: unit::sha256_hex(content.as_bytes()),
            bytes: 1000,
            fetched_at,
        };
        self.bronze(BronzeFragment {
            url: format!("http://localhost/{id}"),
            status: ArchiveStatus::Ok,
            detail: None,
            etag: Some(format!("\"{content}\"")),
            last_modified: Some(start()),
            published_sha256: Some(archive.sha256.clone()),
            checksum_modified: None,
            archive: Some(archive),
            fetched_at,
            transferred: 1000,
            attempts: 1,
            unit,
        })
        .await
    }

    pub(crate) async fn bronze(&self, fragment: BronzeFragment) -> BronzeFragment {
        let key = layout::fragment(&self.id, "bronze", fragment.unit.id().as_str());
        self.world.lake.write_json(&key, &fragment).await.unwrap();
        fragment
    }

    /// What silver does with a group of trades: for each unit (id, content) its day's rows. The
    /// content `bad` cannot be read; the content `x5` gives 5 rows and 1 reject, `l5` 5 rows and 1 that lost
    /// against another of its key.
    pub(crate) async fn built(&self, group: &str, units: &[(&str, &str)]) -> SilverFragment {
        let fragment = silver(self.world, group, units, start() + TimeDelta::minutes(20)).await;
        self.silver(&fragment).await;
        fragment
    }

    pub(crate) async fn silver(&self, fragment: &SilverFragment) {
        let key = layout::fragment(&self.id, "silver", &fragment.group);
        self.world.lake.write_json(&key, fragment).await.unwrap();
    }

    /// bronze and silver of one day of BTCUSDT's trades.
    pub(crate) async fn day(&self, date: &str, content: &str, minute: i64) -> SilverFragment {
        let id = format!("binance/spot/trades/BTCUSDT/{date}");
        self.fetched(&id, content, minute).await;
        self.built(&id, &[(&id, content)]).await
    }
}

fn rows_of(content: &str) -> i64 {
    content.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(3)
}

async fn silver(
    world: &World,
    group: &str,
    units: &[(&str, &str)],
    built_at: DateTime<Utc>,
) -> SilverFragment {
    let mut outcomes = Vec::new();
    let (mut files, mut rejects, mut replaces) = (Vec::new(), Vec::new(), Vec::new());
    let mut counts = RowCounts::default();
    let shas: Vec<_> = units
        .iter()
        .filter(|(_, content)| *content != "bad")
        .map(|(id, content)| {
            (id.parse::<Unit>().unwrap().id(), unit::sha256_hex(content.as_bytes()))
        })
        .collect();
    let inputs = Group::inputs(shas.iter().map(|(unit, sha)| (unit, sha.as_str())));
    for (id, content) in units {
        let unit: Unit = id.parse().unwrap();
        let sha256 = unit::sha256_hex(content.as_bytes());
        if *content == "bad" {
            let corrupt = Some("the CRC is wrong".to_owned());
            let counts = RowCounts::default();
            outcomes.push(UnitOutcome {
                unit,
                sha256,
                counts,
                rejects: Some(0),
                corrupt,
                short_days: Vec::new(),
                notes: Vec::new(),
                restated: None,
            });
            continue;
        }
        let n = rows_of(content);
        let rejected = u64::from(content.starts_with('x'));
        let conflicting = u64::from(content.starts_with('l'));
        for day in unit.period.first().to(unit.period.last()) {
            let partition = trades_partition(unit.symbol.as_str(), &day.to_string());
            let batch = trades(day.start_micros(), n);
            let file = world.tables.write(Table::Trades, &partition, [batch], group, &inputs, 0);
            files.push(file.await.unwrap().unwrap());
            replaces.push(partition);
        }
        if rejected + conflicting > 0 {
            let reason = if rejected > 0 { "field_count" } else { "conflicting_duplicate" };
            let partition = partition(&[("source", "binance"), ("reason", reason)]);
            let row = reject(&unit, &sha256);
            let file = world.tables.write(Table::Rejects, &partition, [row], id, &inputs, 0);
            rejects.push(file.await.unwrap().unwrap());
        }
        let silver = n as u64 * unit.period.first().to(unit.period.last()).count() as u64;
        let unit_counts = RowCounts {
            read: silver + rejected + 2,
            silver,
            rejected,
            duplicate: 2,
            conflicting,
            ..RowCounts::default()
        };
        counts += unit_counts;
        outcomes.push(UnitOutcome {
            unit,
            sha256,
            counts: unit_counts,
            rejects: Some(rejected + conflicting),
            corrupt: None,
            short_days: Vec::new(),
            notes: Vec::new(),
            restated: None,
        });
    }
    SilverFragment {
        group: group.to_owned(),
        table: Table::Trades,
        inputs,
        replaces,
        files,
        rejects,
        units: outcomes,
        counts,
        sorted: false,
        built_at,
    }
}

pub(crate) fn partition(values: &[(&str, &str)]) -> Partition {
    values.iter().map(|(c, v)| ((*c).to_owned(), (*v).to_owned())).collect()
}

pub(crate) fn trades_partition(symbol: &str, date: &str) -> Partition {
    partition(&[("source", "binance"), ("market", "spot"), ("symbol", symbol), ("date", date)])
}

fn trades(midnight: i64, n: i64) -> RecordBatch {
    let len = n as usize;
    let decimal = |precision| -> ArrayRef {
        let array = Decimal128Array::from(vec![100_000_000; len]);
        Arc::new(array.with_precision_and_scale(precision, 8).unwrap())
    };
    let ids = midnight / 1_000_000..midnight / 1_000_000 + n;
    let times = ids.clone().map(|second| second * 1_000_000);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(ids)),
        Arc::new(TimestampMicrosecondArray::from_iter_values(times.clone()).with_timezone("UTC")),
        Arc::new(Int64Array::from_iter_values(times)),
        decimal(18),
        decimal(28),
        decimal(28),
        Arc::new(Decimal128Array::new_null(len).with_precision_and_scale(28, 8).unwrap()),
        Arc::new(BooleanArray::from(vec![true; len])),
        Arc::new(BooleanArray::from(vec![Some(true); len])),
        Arc::new(BooleanArray::from(vec![true; len])),
        Arc::new(StringArray::from(vec![None::<&str>; len])),
        Arc::new(StringArray::from(vec!["sha"; len])),
    ];
    RecordBatch::try_new(store::schema::file_schema(Table::Trades), columns).unwrap()
}

fn reject(unit: &Unit, sha256: &str) -> RecordBatch {
    let text = |value: Option<&str>| -> ArrayRef { Arc::new(StringArray::from(vec![value])) };
    let period = unit.period.to_string();
    let days = unit.period.first().start_micros() / 86_400_000_000;
    let columns = vec![
        text(Some(unit.id().as_str())),
        text(Some(unit.market.as_str())),
        text(Some(unit.dataset.as_str())),
        text(Some(unit.symbol.as_str())),
        text(None),
        text(Some(&period)),
        Arc::new(Int64Array::from(vec![7])) as ArrayRef,
        text(None),
        text(Some("3 fields")),
        text(Some("7 fields")),
        text(Some("1,2,3")),
        text(Some(sha256)),
        Arc::new(Date32Array::from(vec![days as i32])),
    ];
    RecordBatch::try_new(store::schema::file_schema(Table::Rejects), columns).unwrap()
}

/// The answer to a query as lines of values.
pub(crate) async fn ask(world: &World, sql: &str) -> Vec<String> {
    let session = world.tables.session(&SessionOptions::default()).unwrap();
    let batches = session.sql(sql).await.unwrap().collect().await.unwrap();
    let table = pretty_format_batches(&batches).unwrap().to_string();
    table
        .lines()
        .filter(|line| line.starts_with('|'))
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            cells.join(" ")
        })
        .collect()
}

/// The live files of the tables that a run's data decides, by table.
pub(crate) async fn live(world: &World) -> BTreeMap<Table, Vec<String>> {
    let mut live = BTreeMap::new();
    for table in [Table::Trades, Table::Rejects, Table::Bars, Table::Daily] {
        let files = world.tables.live_files(table, |_| true).await.unwrap();
        let mut paths: Vec<String> = files.into_iter().map(|file| file.path).collect();
        paths.sort();
        live.insert(table, paths);
    }
    live
}

/// A data file that is named and not written.
pub(crate) fn named(table: Table, partition: &Partition, owner: &str, inputs: &str) -> DataFile {
    let values: Vec<_> = table
        .schema()
        .partitions
        .iter()
        .map(|column| (*column, partition[*column].as_str()))
        .collect();
    DataFile {
        path: layout::data_file(&values, &layout::data_file_name(owner, inputs, 0)),
        partition: partition.clone(),
        bytes: 1,
        rows: 1,
        stats: BTreeMap::new(),
        crc32: None,
    }
}

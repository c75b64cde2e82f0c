//! A lake in a temporary folder, filled with rows as silver would leave them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::{DataType, SchemaRef};
use chrono::DateTime;
use gold::models::Engine;
use gold::{Options, Summary};
use model::dirty::Dirty;
use model::fragment::GoldFragment;
use model::plan::Partition;
use model::schema::Table;
use model::{Day, Month, RunId, layout};
use stage::{Clock, Context, Meter};
use store::Lake;
use store::schema::file_schema;
use table::{Change, SessionOptions, Stamp, Tables};

/// One unit of a decimal of scale 8.
pub(crate) const ONE: i128 = 100_000_000;

/// A trade, amounts in units of 1e-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trade {
    pub(crate) id: i64,
    pub(crate) time_us: i64,
    pub(crate) price: i64,
    pub(crate) quantity: i128,
    pub(crate) quote: i128,
    pub(crate) maker: bool,
    pub(crate) valid: bool,
}

/// A lake and what is needed to work in it.
pub(crate) struct Lab {
    _folder: tempfile::TempDir,
    pub(crate) context: Context,
    pub(crate) tables: Tables,
    commits: AtomicU64,
}

pub(crate) fn run_id() -> RunId {
    RunId::new(DateTime::UNIX_EPOCH, 7)
}

impl Lab {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path().to_str().unwrap(), None).unwrap();
        let yaml = "environment: test\nsources:\n  binance:\n    url: http://localhost\n    \
                    markets:\n      spot:\n        symbols: [BTCUSDT]\n        \
                    range: {from: 2024-01-01}\n        datasets:\n          trades: {}\n";
        let context = Context {
            lake: lake.clone(),
            config: Arc::new(source::Providers::ALL.read("lake.yaml", yaml).unwrap()),
            config_sha256: String::new(),
            providers: source::Providers::ALL,
            run: run_id(),
            clock: Clock::Manual(stage::ManualClock::at(DateTime::UNIX_EPOCH)),
            meter: Meter::new("gold", false),
        };
        Self { _folder: folder, context, tables: Tables::open(&lake), commits: AtomicU64::new(0) }
    }

    /// Replaces a partition with rows that have some of the table's columns; all others are null.
    pub(crate) async fn fill(
        &self,
        table: Table,
        partition: &[(&str, &str)],
        columns: Vec<(&str, ArrayRef)>,
    ) {
        let partition: Partition =
            partition.iter().map(|(c, v)| ((*c).to_owned(), (*v).to_owned())).collect();
        let schema = file_schema(table);
        let rows = columns[0].1.len();
        let mut columns: BTreeMap<&str, ArrayRef> = columns.into_iter().collect();
        let arrays = schema
            .fields()
            .iter()
            .map(|f| {
                columns.remove(f.name().as_str()).unwrap_or_else(|| match f.data_type() {
                    _ if f.is_nullable() => new_null_array(f.data_type(), rows),
                    DataType::Boolean => Arc::new(BooleanArray::from(vec![true; rows])),
                    DataType::Utf8 => Arc::new(StringArray::from(vec!["x"; rows])),
                    other => panic!("{} of type {other} must be given", f.name()),
                })
            })
            .collect();
        assert!(columns.is_empty(), "{table} has no {columns:?}");
        let batch = RecordBatch::try_new(SchemaRef::clone(&schema), arrays).unwrap();
        let inputs = format!("{batch:?}");
        let file = self.tables.write(table, &partition, [batch], "lab", &inputs, 0).await.unwrap();
        let change = Change {
            partitions: vec![partition],
            files: file.into_iter().collect(),
            ..Change::default()
        };
        self.replace(table, &inputs, change).await;
    }

    /// Takes a partition's rows away.
    pub(crate) async fn clear(&self, table: Table, partition: &[(&str, &str)]) {
        self.tables.ensure(table).await.unwrap();
        let partition = partition.iter().map(|(c, v)| ((*c).to_owned(), (*v).to_owned())).collect();
        let change = Change { partitions: vec![partition], ..Change::default() };
        self.replace(table, "nothing", change).await;
    }

    /// Takes all rows of a table away.
    pub(crate) async fn forget(&self, table: Table) {
        let files = self.tables.snapshot(table).await.unwrap().unwrap().files();
        let partitions = files.into_iter().map(|file| file.partition).collect();
        self.replace(table, "nothing", Change { partitions, ..Change::default() }).await;
    }

    /// Each of the lab's commits is one of its own, also where the same is put in again.
    async fn replace(&self, table: Table, content: &str, change: Change) {
        let nth = self.commits.fetch_add(1, Ordering::Relaxed);
        let content = format!("{nth} {content}");
        let stamp = Stamp::new(table, &run_id(), "lab", &content, DateTime::UNIX_EPOCH);
        self.tables.replace(table, &stamp, change).await.unwrap();
    }

    /// Puts trades into silver, a file a day; rows in the order given.
    pub(crate) async fn trades(&self, symbol: &str, trades: &[Trade]) {
        let mut days: BTreeMap<Day, Vec<Trade>> = BTreeMap::new();
        for trade in trades {
            days.entry(Day::of_micros(trade.time_us).unwrap()).or_default().push(*trade);
        }
        for (day, trades) in days {
            let columns = vec![
                ("trade_id", longs(trades.iter().map(|t| t.id))),
                ("time", times(trades.iter().map(|t| t.time_us))),
                ("time_us", longs(trades.iter().map(|t| t.time_us))),
                ("price", decimals(18, trades.iter().map(|t| Some(i128::from(t.price))))),
                ("quantity", decimals(28, trades.iter().map(|t| Some(t.quantity)))),
                ("quote_quantity", decimals(28, trades.iter().map(|t| Some(t.quote)))),
                ("is_buyer_maker", flags(trades.iter().map(|t| t.maker))),
                ("is_valid", flags(trades.iter().map(|t| t.valid))),
                ("issues", issues(trades.iter().map(|t| (!t.valid).then_some("bad_quantity")))),
            ];
            let day = day.to_string();
            let partition =
                [("source", "binance"), ("market", "spot"), ("symbol", symbol), ("date", &day)];
            self.fill(Table::Trades, &partition, columns).await;
        }
    }

    /// Writes the list of what is dirty.
    pub(crate) async fn dirty(&self, symbol: &str, months: &[&str]) {
        let dirty = Dirty {
            source: model::Source::new("binance"),
            market: model::Market::new("spot"),
            symbol: symbol.parse().unwrap(),
            months: months.iter().map(|m| m.parse::<Month>().unwrap()).collect(),
        };
        self.context.lake.write_json(&layout::dirty(&run_id()), &vec![dirty]).await.unwrap();
    }

    /// Runs gold and commits what it made.
    pub(crate) async fn gold(&self, all: bool, engine: Engine) -> Summary {
        let options = Options { all, engine, ..Options::default() };
        let summary = gold::run(&self.context, &options).await.map_err(|f| f.error).unwrap();
        for fragment in self.fragments().await {
            for table in model::derivation::tables() {
                let of = |t: Table| t == table;
                let change = Change {
                    partitions: fragment
                        .replaces
                        .iter()
                        .filter(|(t, _)| of(*t))
                        .map(|(_, p)| p.clone())
                        .collect(),
                    files: fragment
                        .files
                        .iter()
                        .filter(|(t, _)| of(*t))
                        .map(|(_, f)| f.clone())
                        .collect(),
                    ..Change::default()
                };
                self.replace(table, &format!("{fragment:?}"), change).await;
            }
        }
        summary
    }

    /// The live files of all gold tables.
    pub(crate) async fn files(&self) -> BTreeSet<(Table, String)> {
        let mut files = BTreeSet::new();
        for table in model::derivation::tables() {
            let snapshot = self.tables.snapshot(table).await.unwrap().unwrap();
            files.extend(snapshot.files().into_iter().map(|file| (table, file.path)));
        }
        files
    }

    pub(crate) async fn fragments(&self) -> Vec<GoldFragment> {
        self.context.lake.gold_fragments(&run_id()).await.unwrap()
    }

    /// The answer to a question, a line a row.
    pub(crate) async fn ask(&self, sql: &str) -> Vec<String> {
        let session = self.tables.session(&SessionOptions::default()).unwrap();
        let batches = session.sql(sql).await.unwrap().collect().await.unwrap();
        let mut lines = Vec::new();
        for batch in batches {
            let options = arrow::util::display::FormatOptions::default().with_null("-");
            let columns: Vec<_> = batch
                .columns()
                .iter()
                .map(|c| arrow::util::display::ArrayFormatter::try_new(c, &options).unwrap())
                .collect();
            for row in 0..batch.num_rows() {
                let cells: Vec<_> = columns.iter().map(|c| c.value(row).to_string()).collect();
                lines.push(cells.join(" "));
            }
        }
        lines
    }
}

pub(crate) fn longs(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(values.collect::<Int64Array>())
}

pub(crate) fn issues(values: impl Iterator<Item = Option<&'static str>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

pub(crate) fn times(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(values).with_timezone("UTC"))
}

pub(crate) fn flags(values: impl Iterator<Item = bool>) -> ArrayRef {
    Arc::new(values.map(Some).collect::<BooleanArray>())
}

pub(crate) fn decimals(precision: u8, values: impl Iterator<Item = Option<i128>>) -> ArrayRef {
    Arc::new(values.collect::<Decimal128Array>().with_precision_and_scale(precision, 8).unwrap())
}

/// 0.00000001 from 1.
pub(crate) fn text(units: i128) -> String {
    let sign = if units < 0 { "-" } else { "" };
    format!("{sign}{}.{:08}", units.abs() / ONE, units.abs() % ONE)
}

/// The instant of a time of day on a day.
pub(crate) fn at(day: &str, hour: i64, minute: i64, second: i64) -> i64 {
    day.parse::<Day>().unwrap().start_micros() + ((hour * 60 + minute) * 60 + second) * 1_000_000
}

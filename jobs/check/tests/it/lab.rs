//! The lake and its rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::{DataType, SchemaRef};
use chrono::DateTime;
use model::plan::{Group, Partition};
use model::schema::Table;
use model::{Day, RunId};
use stage::{Clock, Context, ManualClock, Meter};
use store::Lake;
use store::schema::file_schema;
use table::{Change, SessionOptions, Stamp, Tables};

const YAML: &str = "\
environment: test
sources:
  binance:
    url: http://localhost
    markets:
      spot:
        symbols: [BTCUSDT]
        range: {from: 2024-01-01, to: 2024-01-02}
        datasets:
          trades: {}
          klines: {timeframes: [1h]}
";
/// The group of the klines.
pub(crate) const KLINES: &str = "binance/spot/klines/BTCUSDT/1h/2024-01";
const HOUR: i64 = 3_600_000_000;

pub(crate) struct Lab {
    _folder: tempfile::TempDir,
    pub(crate) context: Context,
    tables: Tables,
}

/// A bar or kline of one hour since 2024-01-01.
#[derive(Clone, Copy)]
pub(crate) struct Bar {
    pub(crate) hour: i64,
    pub(crate) volume: i128,
    /// `None` where it does not say how many.
    pub(crate) trades: Option<i64>,
}

fn start() -> i64 {
    "2024-01-01".parse::<Day>().unwrap().start_micros()
}

impl Lab {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path().to_str().unwrap(), None).unwrap();
        let now = DateTime::parse_from_rfc3339("2024-01-10T12:00:00Z").unwrap().to_utc();
        let context = Context {
            lake: lake.clone(),
            config: Arc::new(source::Providers::ALL.read("lake.yaml", YAML).unwrap()),
            config_sha256: String::new(),
            providers: source::Providers::ALL,
            run: RunId::new(now, 7),
            clock: Clock::Manual(ManualClock::at(now)),
            meter: Meter::new("check", false),
        };
        Self { _folder: folder, context, tables: Tables::open(&lake) }
    }

    /// Puts rows into a table: some columns given, all others null, true or `x`.
    async fn fill(
        &self,
        table: Table,
        owner: &str,
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
                    DataType::Int64 => longs(std::iter::repeat_n(0, rows)),
                    DataType::Timestamp(..) => times(std::iter::repeat_n(0, rows)),
                    other => panic!("{} of type {other} must be given", f.name()),
                })
            })
            .collect();
        assert!(columns.is_empty(), "{table} has no {columns:?}");
        let batch = RecordBatch::try_new(SchemaRef::clone(&schema), arrays).unwrap();
        let content = format!("{batch:?}");
        let file = self
            .tables
            .write(table, &partition, [batch], owner, &Group::inputs([]), 0)
            .await
            .unwrap();
        let mut change = Change { files: file.into_iter().collect(), ..Change::default() };
        if matches!(table, Table::Trades | Table::Klines | Table::Bars) {
            change.partitions.push(partition);
        }
        let at = DateTime::UNIX_EPOCH;
        let stamp = Stamp::new(table, &self.context.run, "lab", &content, at);
        self.tables.replace(table, &stamp, change).await.unwrap();
    }

    /// Puts the rows of a table into files that belong to no run, as a rebuild does.
    pub(crate) async fn make_anew(&self, table: Table) {
        let rows = self.tables.salvage(table, true).await.unwrap().rows;
        let stamp = Stamp::new(table, &self.context.run, "rebuild", "", DateTime::UNIX_EPOCH);
        self.tables.make_anew(table, &stamp, rows).await.unwrap();
    }

    /// Trades with these ids; the trade of id n happens n hours after the first day's start.
    pub(crate) async fn trades(&self, day: &str, ids: &[i64]) {
        let when = || ids.iter().map(|id| start() + id * HOUR);
        let one = |precision| decimals(precision, ids.iter().map(|_| 100_000_000));
        let partition =
            [("source", "binance"), ("market", "spot"), ("symbol", "BTCUSDT"), ("date", day)];
        self.fill(
            Table::Trades,
            &format!("binance/spot/trades/BTCUSDT/{day}"),
            &partition,
            vec![
                ("trade_id", longs(ids.iter().copied())),
                ("time", times(when())),
                ("time_us", longs(when())),
                ("price", one(18)),
                ("quantity", one(28)),
                ("quote_quantity", one(28)),
            ],
        )
        .await;
    }

    /// Bars or klines of one hour.
    pub(crate) async fn bars(&self, table: Table, bars: &[Bar]) {
        self.bars_made(table, bars, "trades").await;
    }

    /// Bars of our own that are made from something.
    pub(crate) async fn bars_from(&self, bars: &[Bar], made_from: &str) {
        self.bars_made(Table::Bars, bars, made_from).await;
    }

    async fn bars_made(&self, table: Table, bars: &[Bar], made_from: &str) {
        let sums = if table == Table::Bars { 38 } else { 28 };
        let one = |precision| decimals(precision, bars.iter().map(|_| 100_000_000));
        let when = || bars.iter().map(|b| start() + b.hour * HOUR);
        let partition = [
            ("source", "binance"),
            ("market", "spot"),
            ("symbol", "BTCUSDT"),
            ("timeframe", "1h"),
            ("month", "2024-01"),
        ];
        let mut columns = vec![
            ("open_time", times(when())),
            ("open", one(18)),
            ("high", one(18)),
            ("low", one(18)),
            ("close", one(18)),
            ("volume", decimals(sums, bars.iter().map(|b| b.volume))),
            ("quote_volume", one(sums)),
            ("trade_count", Arc::new(bars.iter().map(|b| b.trades).collect::<Int64Array>())),
            ("taker_buy_volume", one(sums)),
            ("taker_buy_quote_volume", one(sums)),
        ];
        if table == Table::Bars {
            columns.push(("made_from", Arc::new(StringArray::from(vec![made_from; bars.len()]))));
        }
        self.fill(table, KLINES, &partition, columns).await;
    }

    /// A row of the ledger.
    pub(crate) async fn archive(
        &self,
        dataset: &str,
        timeframe: Option<&str>,
        period: &str,
        status: &str,
    ) {
        let series = timeframe.map_or_else(String::new, |t| format!("{t}/"));
        let unit = format!("binance/spot/{dataset}/BTCUSDT/{series}{period}");
        let columns = vec![("unit", words(&unit)), ("status", words(status))];
        self.fill(Table::Archives, &unit, &[("source", "binance")], columns).await;
    }

    /// Lines of an archive that were rejected, with the days that they are of.
    pub(crate) async fn rejects(&self, unit: &str, days: &[Option<&str>]) {
        let dates: Date32Array =
            days.iter().map(|day| day.map(|d| d.parse::<Day>().unwrap().epoch_days())).collect();
        let columns = vec![
            ("unit", Arc::new(StringArray::from(vec![unit; days.len()])) as ArrayRef),
            ("line", longs(1..=days.len() as i64)),
            ("date", Arc::new(dates)),
        ];
        let partition = [("source", "binance"), ("reason", "unreadable")];
        self.fill(Table::Rejects, unit, &partition, columns).await;
    }

    /// A row of `ops.builds` that names no unit: rows read, in silver, and lost against another one
    /// of their key.
    pub(crate) async fn build(&self, table: Table, group: &str, counts: [i64; 3]) {
        self.build_of(table, group, "[]", counts).await;
    }

    /// The same, of these units, in JSON.
    pub(crate) async fn build_of(
        &self,
        table: Table,
        group: &str,
        units: &str,
        [read, silver, lost]: [i64; 3],
    ) {
        let columns = vec![
            ("group_id", words(group)),
            ("table_name", words(table.as_str())),
            ("inputs", words(&Group::inputs([]))),
            ("units", words(units)),
            ("rows_read", longs([read].into_iter())),
            ("rows_silver", longs([silver].into_iter())),
            ("rows_duplicate", longs([lost].into_iter())),
            ("rows_conflicting", longs([lost].into_iter())),
        ];
        self.fill(Table::Builds, group, &[("source", "binance")], columns).await;
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

fn words(word: &str) -> ArrayRef {
    Arc::new(StringArray::from(vec![word]))
}

fn longs(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(values.collect::<Int64Array>())
}

fn times(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(values).with_timezone("UTC"))
}

fn decimals(precision: u8, values: impl Iterator<Item = i128>) -> ArrayRef {
    let array: Decimal128Array = values.map(Some).collect();
    Arc::new(array.with_precision_and_scale(precision, 8).unwrap())
}

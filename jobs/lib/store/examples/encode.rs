//! Measures Parquet writing on made-up trades: MB/s of the CSV that they would be, bytes a row,
//! and the same through the library's own writer. Run it with
//! `cargo run --profile bench -p store --example encode [-- ROWS [alone]]`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::DataType;
use model::schema::Table;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use store::Lake;
use store::parquet::{ColumnarFile, Values};

const SHA: &str = "0b4d5f3c2a1908f7e6d5c4b3a2918070f6e5d4c3b2a190807060504030201000";
/// Rows of a call: what 4 MiB of CSV hold.
const CHUNK: usize = 56_000;
const GROUP: usize = 1 << 20;

/// Trades by column; amounts in units of 1e-8.
#[derive(Default)]
struct Trades {
    ids: Vec<i64>,
    times: Vec<i64>,
    prices: Vec<i64>,
    quantities: Vec<i64>,
    quotes: Vec<i64>,
    makers: Vec<bool>,
    best: Vec<bool>,
    csv_bytes: u64,
}

/// What a market looks like.
struct Market {
    name: &'static str,
    /// In units of 1e-8.
    price: i64,
    tick: i64,
    step: i64,
    /// Greatest usual quantity, in steps.
    typical: u64,
    /// Decimals that the archive prints.
    decimals: [usize; 3],
    micros: bool,
}

const MARKETS: [Market; 3] = [
    Market {
        name: "BTC, µs",
        price: 9_500_000_000_000,
        tick: 1_000_000,
        step: 1_000,
        typical: 20_000,
        decimals: [8, 8, 8],
        micros: true,
    },
    Market {
        name: "SOL, ms",
        price: 18_500_000_000,
        tick: 1_000_000,
        step: 100_000,
        typical: 90_000,
        decimals: [8, 8, 8],
        micros: false,
    },
    Market {
        name: "PEPE, ms",
        price: 1_200,
        tick: 1,
        step: 100_000_000,
        typical: 4_000_000_000,
        decimals: [8, 2, 8],
        micros: false,
    },
];

fn make(market: &Market, rows: usize) -> Trades {
    let mut random = fastrand::Rng::with_seed(7);
    let mut trades = Trades::default();
    let (mut time, mut price, mut maker) = (1_735_689_600_000_000, market.price, false);
    let mut left = 0;
    for id in 0..rows as i64 {
        if left == 0 {
            left = if random.bool() { 1 } else { random.i64(1..12) };
            if random.u8(0..10) >= 4 {
                time += (128 + random.i64(0..256)) << random.u32(0..13);
            }
            price = (price + random.i64(-3..=3) * random.i64(0..4) * market.tick).max(1);
            maker = random.bool();
        }
        left -= 1;
        // small orders of round sizes are common, large ones are rare
        let steps = match random.u8(0..16) {
            0..3 => [10, 100, 1_000][random.usize(0..3)],
            3 => random.u64(1..=market.typical * 8),
            4..8 => random.u64(1..=market.typical / 16 + 1),
            _ => random.u64(1..=market.typical / 4 + 1),
        };
        let quantity = steps as i64 * market.step;
        let quote = (i128::from(price) * i128::from(quantity) / 100_000_000) as i64;
        let digits = |v: i64, decimals: usize| {
            u64::from((v / 100_000_000).max(1).ilog10()) + 2 + decimals as u64
        };
        trades.csv_bytes += u64::from((id + 4_000_000_000).ilog10())
            + 1
            + digits(price, market.decimals[0])
            + digits(quantity, market.decimals[1])
            + digits(quote, market.decimals[2])
            + if market.micros { 16 } else { 13 }
            + if maker { 10 } else { 11 }
            + 6;
        trades.ids.push(id + 4_000_000_000);
        trades.times.push(if market.micros { time } else { time / 1_000 * 1_000 });
        trades.prices.push(price);
        trades.quantities.push(quantity);
        trades.quotes.push(quote);
        trades.makers.push(maker);
        trades.best.push(true);
    }
    trades
}

fn columnar(lake: &Lake, trades: &Trades) -> u64 {
    let mut file = ColumnarFile::create(lake, Table::Trades, GROUP).expect("a file");
    let rows = trades.ids.len();
    for from in (0..rows).step_by(CHUNK) {
        let to = rows.min(from + CHUNK);
        file.write(
            to - from,
            &[
                Values::Long(&trades.ids[from..to]),
                Values::Micros(&trades.times[from..to]),
                Values::Long(&trades.times[from..to]),
                Values::Decimal64(&trades.prices[from..to]),
                Values::Decimal64(&trades.quantities[from..to]),
                Values::Decimal64(&trades.quotes[from..to]),
                Values::Null,
                Values::Bool(&trades.makers[from..to]),
                Values::Bool(&trades.best[from..to]),
                Values::ConstBool(true),
                Values::Null,
                Values::ConstText(SHA),
            ],
        )
        .expect("rows that fit");
    }
    file.finish().expect("a file").staged.bytes()
}

fn library(trades: &Trades) -> u64 {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(GROUP))
        .build();
    let schema = store::schema::file_schema(Table::Trades);
    let mut writer =
        ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties)).expect("a writer");
    let rows = trades.ids.len();
    for from in (0..rows).step_by(CHUNK) {
        let to = rows.min(from + CHUNK);
        let n = to - from;
        let decimal = |v: &[i64], precision| -> ArrayRef {
            Arc::new(
                v.iter()
                    .map(|v| i128::from(*v))
                    .collect::<Vec<_>>()
                    .pipe(Decimal128Array::from)
                    .with_precision_and_scale(precision, 8)
                    .expect("a decimal"),
            )
        };
        let times = trades.times[from..to].to_vec();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(trades.ids[from..to].to_vec())),
            Arc::new(TimestampMicrosecondArray::from(times.clone()).with_timezone("UTC")),
            Arc::new(Int64Array::from(times)),
            decimal(&trades.prices[from..to], 18),
            decimal(&trades.quantities[from..to], 28),
            decimal(&trades.quotes[from..to], 28),
            new_null_array(&DataType::Decimal128(28, 8), n),
            Arc::new(BooleanArray::from(trades.makers[from..to].to_vec())),
            Arc::new(BooleanArray::from(trades.best[from..to].to_vec())),
            Arc::new(BooleanArray::from(vec![true; n])),
            new_null_array(&DataType::Utf8, n),
            Arc::new(StringArray::from(vec![SHA; n])),
        ];
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns).expect("a batch");
        writer.write(&batch).expect("rows that fit");
    }
    writer.into_inner().expect("a file").len() as u64
}

/// `value.pipe(f)` for `f(value)`.
trait Pipe: Sized {
    fn pipe<T>(self, f: impl FnOnce(Self) -> T) -> T {
        f(self)
    }
}

impl<T> Pipe for T {}

/// Nanoseconds that this thread has been on a core, so that others on the machine do not count;
/// `None` where the system does not tell.
fn on_core() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok()
}

/// The least time of several, in seconds, and the result.
fn best_of(times: u32, mut work: impl FnMut() -> u64) -> (f64, u64) {
    let mut best = (f64::MAX, 0);
    for _ in 0..times {
        let (start, before) = (Instant::now(), on_core());
        let bytes = black_box(work());
        let time = match before.zip(on_core()) {
            Some((before, after)) => (after - before) as f64 / 1e9,
            None => start.elapsed().as_secs_f64(),
        };
        best = (best.0.min(time), bytes);
    }
    best
}

#[expect(clippy::print_stdout, reason = "the result is for people")]
fn main() {
    let rows = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(2_000_000);
    let folder = tempfile::tempdir().expect("a folder");
    let lake = Lake::open(&folder.path().to_string_lossy(), None).expect("a lake");
    for market in &MARKETS {
        let trades = make(market, rows);
        let mb = trades.csv_bytes as f64 / 1e6;
        println!("{}: {rows} rows, {:.1} bytes of CSV a row", market.name, mb * 1e6 / rows as f64);
        let print = |name: &str, (time, bytes): (f64, u64)| {
            println!(
                "  {name:<10} {:>6.0} MB/s {:>6.1} ns a row {:>6.2} bytes a row",
                mb / time,
                time * 1e9 / rows as f64,
                bytes as f64 / rows as f64
            );
        };
        print("columnar", best_of(5, || columnar(&lake, &trades)));
        if std::env::args().nth(2).is_none() {
            print("library", best_of(2, || library(&trades)));
        }
    }
}

//! The Arrow path: any batches, cut in any way, with exact statistics; and that both paths
//! write the same types.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array,
    RecordBatch, StringArray, TimestampMicrosecondArray, new_null_array,
};
use arrow::compute::concat_batches;
use arrow::error::ArrowError;
use model::fragment::Stat;
use model::schema::{ColumnType, Table};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use store::Lake;
use store::parquet::{ColumnarFile, Finished, Values, WriteError, write_batches};
use store::schema::{data_type, file_schema};

fn lake() -> (tempfile::TempDir, Lake) {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = Lake::open(&folder.path().to_string_lossy(), None).expect("a lake");
    (folder, lake)
}

/// Rows of any table: the value of a cell follows from its row and column.
fn rows(table: Table, from: i64, to: i64) -> RecordBatch {
    let columns = table.schema().file_columns();
    let arrays: Vec<ArrayRef> = columns
        .iter()
        .enumerate()
        .map(|(i, column)| -> ArrayRef {
            let value = |row: i64| (row * 7_919 + i as i64 * 31) % 1_009 - 300;
            let some = |row: i64| (!column.nullable || row % 5 != 0).then(|| value(row));
            let cells = (from..to).map(some);
            match column.kind {
                ColumnType::Int => {
                    Arc::new(cells.map(|v| v.map(|v| v as i32)).collect::<Int32Array>())
                }
                ColumnType::Date => {
                    Arc::new(cells.map(|v| v.map(|v| v as i32)).collect::<Date32Array>())
                }
                ColumnType::Long => Arc::new(cells.collect::<Int64Array>()),
                ColumnType::Double => {
                    Arc::new(cells.map(|v| v.map(|v| v as f64 / 8.0)).collect::<Float64Array>())
                }
                ColumnType::Timestamp => {
                    Arc::new(cells.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
                }
                ColumnType::Decimal(precision, scale) => Arc::new(
                    cells
                        .map(|v| v.map(|v| i128::from(v) * 12_345_678_901))
                        .collect::<Decimal128Array>()
                        .with_precision_and_scale(precision, scale)
                        .expect("a decimal of the schema"),
                ),
                ColumnType::Text => {
                    Arc::new(cells.map(|v| v.map(|v| format!("text {v}"))).collect::<StringArray>())
                }
                ColumnType::Boolean => Arc::new(
                    cells.map(|v| v.map(|v| v > 0)).collect::<arrow::array::BooleanArray>(),
                ),
            }
        })
        .collect();
    RecordBatch::try_new(file_schema(table), arrays).expect("a batch of the schema")
}

fn read(finished: &Finished) -> RecordBatch {
    let file = File::open(finished.staged.path()).expect("the staged file");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("a Parquet file");
    let schema = Arc::clone(reader.schema());
    let batches: Vec<_> =
        reader.build().expect("a reader").collect::<Result<_, _>>().expect("batches");
    concat_batches(&schema, &batches).expect("one batch")
}

#[test]
fn any_table_comes_back_however_it_was_cut() {
    const ROWS: i64 = 2_345;
    let (_folder, lake) = lake();
    for table in Table::ALL {
        let whole = write_batches(&lake, *table, [rows(*table, 0, ROWS)]).expect("a file");
        let cuts = [0, 1, 1, 700, 701, 1_999, ROWS];
        let parts = cuts.windows(2).map(|w| rows(*table, w[0], w[1]));
        let parts = write_batches(&lake, *table, parts).expect("a file");
        let bytes = |f: &Finished| std::fs::read(f.staged.path()).expect("the staged file");
        assert!(bytes(&whole) == bytes(&parts), "{table}: the cuts leave a trace");
        assert_eq!((whole.rows, parts.rows), (ROWS as u64, ROWS as u64));
        assert_eq!(whole.stats, parts.stats, "{table}");
        let found = read(&whole);
        assert_eq!(found.columns(), rows(*table, 0, ROWS).columns(), "{table}");
    }
}

/// The rows of a file's bytes.
fn rows_of(bytes: Vec<u8>) -> Result<Vec<RecordBatch>, ArrowError> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes))?;
    reader.build()?.collect()
}

/// A bit that flips anywhere between the first page and the footer: the file does not read, or
/// says what it said before.
fn check_rot(finished: &Finished) {
    let bytes = std::fs::read(finished.staged.path()).expect("the staged file");
    assert_eq!(crc32fast::hash(&bytes), finished.crc32, "the sum of the whole file");
    let whole = rows_of(bytes.clone()).expect("the rows");
    let footer = u32::from_le_bytes(bytes[bytes.len() - 8..][..4].try_into().expect("four"));
    let end = bytes.len() - 8 - footer as usize;
    let mut noticed = 0;
    for place in (4..end).step_by(3) {
        let mut rotten = bytes.clone();
        rotten[place] ^= 1 << (place % 8);
        match std::panic::catch_unwind(|| rows_of(rotten)) {
            Ok(Ok(rows)) => assert!(rows == whole, "a flip at {place} gives other rows"),
            _ => noticed += 1,
        }
    }
    assert!(noticed * 2 > end / 3, "{noticed} of {} flips were noticed", end / 3);
}

#[test]
fn bits_that_flip_are_noticed() {
    let (_folder, lake) = lake();
    check_rot(&write_batches(&lake, Table::Daily, [rows(Table::Daily, 0, 300)]).expect("a file"));
    let batch = rows(Table::AggTrades, 0, 900);
    let longs: Vec<i64> = (0..900).map(|n| n * n % 1_000).collect();
    let flags: Vec<bool> = longs.iter().map(|n| n % 3 == 0).collect();
    let wide: Vec<i128> = longs.iter().map(|n| i128::from(*n) << 70).collect();
    let words: Vec<String> = longs.iter().map(|n| format!("word {}", n % 7)).collect();
    let words: Vec<Option<&str>> = words.iter().map(|w| Some(w.as_str())).collect();
    let values: Vec<Values<'_>> = Table::AggTrades
        .schema()
        .file_columns()
        .iter()
        .map(|column| match column.kind {
            ColumnType::Long => Values::Long(&longs),
            ColumnType::Timestamp => Values::Micros(&longs),
            ColumnType::Decimal(18, _) => Values::Decimal64(&longs),
            ColumnType::Decimal(..) => Values::Decimal128(&wide),
            ColumnType::Boolean => Values::Bool(&flags),
            _ => Values::Text(&words),
        })
        .collect();
    let mut file = ColumnarFile::create(&lake, Table::AggTrades, 400).expect("a file");
    file.write(batch.num_rows(), &values).expect("rows");
    check_rot(&file.finish().expect("a file"));
}

#[test]
fn statistics_are_exact() {
    const ROWS: i64 = 300_000;
    let (_folder, lake) = lake();
    // more rows than a row group has, so that statistics of several are joined
    let file = write_batches(&lake, Table::Daily, [rows(Table::Daily, 0, ROWS)]).expect("a file");
    let check = |column: &str, min: Stat, max: Stat, nulls: u64| {
        let stats = &file.stats[column];
        assert_eq!((stats.min.as_ref(), stats.max.as_ref()), (Some(&min), Some(&max)), "{column}");
        assert_eq!(stats.nulls, nulls, "{column}");
    };
    check("date", Stat::Long(-300), Stat::Long(708), 0);
    check("trade_count", Stat::Long(-300), Stat::Long(708), 60_000);
    check("vwap", Stat::Double("-37.5".into()), Stat::Double("88.5".into()), 60_000);
    check("bars", Stat::Long(-300), Stat::Long(708), 0);
    check(
        "volume",
        Stat::Decimal("-37037.03670300".into()),
        Stat::Decimal("87407.40661908".into()),
        60_000,
    );
    check("made_from", Stat::Text("text -1".into()), Stat::Text("text 99".into()), 0);
    let file = write_batches(&lake, Table::Runs, [rows(Table::Runs, 0, 10)]).expect("a file");
    assert!(matches!(file.stats["started_at"].min, Some(Stat::Micros(_))));
}

#[test]
fn nulls_alone_have_no_bounds() {
    let (_folder, lake) = lake();
    let batch = rows(Table::Rejects, 1, 3);
    let arrays = Table::Rejects
        .schema()
        .file_columns()
        .iter()
        .zip(batch.columns())
        .map(|(c, a)| if c.nullable { new_null_array(&data_type(c.kind), 2) } else { a.clone() })
        .collect();
    let batch = RecordBatch::try_new(file_schema(Table::Rejects), arrays).expect("a batch");
    let file = write_batches(&lake, Table::Rejects, [batch]).expect("a file");
    let stats = &file.stats["timeframe"];
    assert_eq!((&stats.min, &stats.max, stats.nulls), (&None, &None, 2));
}

#[test]
fn other_columns_are_refused() {
    let (_folder, lake) = lake();
    let error = write_batches(&lake, Table::Runs, [rows(Table::Checks, 0, 3)])
        .expect_err("columns of another table");
    assert!(matches!(error, WriteError::Misfit { table: Table::Runs, .. }), "{error}");
    let batch = rows(Table::Runs, 0, 3);
    let fields: Vec<_> =
        batch.schema().fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect();
    let schema = Arc::new(arrow::datatypes::Schema::new(fields));
    let mut arrays = batch.columns().to_vec();
    let loose = RecordBatch::try_new(Arc::clone(&schema), arrays.clone()).expect("a batch");
    assert_eq!(write_batches(&lake, Table::Runs, [loose]).expect("no null in it").rows, 3);
    arrays[0] = new_null_array(arrays[0].data_type(), 3);
    let nulls = RecordBatch::try_new(schema, arrays).expect("a batch");
    write_batches(&lake, Table::Runs, [nulls]).expect_err("nulls where none may be");
}

/// What both paths can write, they write with the same types and statistics.
#[test]
fn both_paths_agree() {
    let (_folder, lake) = lake();
    let batch = rows(Table::Klines, 0, 5_000);
    let by_batch = write_batches(&lake, Table::Klines, [batch.clone()]).expect("a file");
    let mut file = ColumnarFile::create(&lake, Table::Klines, 1_000).expect("a file");
    for row in 0..5_000 {
        let mut longs: Vec<[i64; 1]> = Vec::new();
        let mut wides: Vec<[i128; 1]> = Vec::new();
        let mut flags: Vec<[bool; 1]> = Vec::new();
        let mut texts: Vec<[Option<&str>; 1]> = Vec::new();
        for array in batch.columns() {
            let any = array.as_any();
            let (mut long, mut wide, mut flag, mut text) = (0, 0, false, None);
            if let Some(a) = any.downcast_ref::<Int64Array>() {
                long = a.value(row);
            } else if let Some(a) = any.downcast_ref::<TimestampMicrosecondArray>() {
                long = a.value(row);
            } else if let Some(a) = any.downcast_ref::<Decimal128Array>() {
                wide = a.value(row);
            } else if let Some(a) = any.downcast_ref::<arrow::array::BooleanArray>() {
                flag = a.value(row);
            } else if let Some(a) = any.downcast_ref::<StringArray>() {
                text = a.is_valid(row).then(|| a.value(row));
            }
            longs.push([long]);
            wides.push([wide]);
            flags.push([flag]);
            texts.push([text]);
        }
        let values: Vec<Values<'_>> = Table::Klines
            .schema()
            .file_columns()
            .iter()
            .enumerate()
            .map(|(i, column)| match column.kind {
                _ if batch.column(i).is_null(row) => Values::Null,
                ColumnType::Long => Values::Long(&longs[i]),
                ColumnType::Timestamp => Values::Micros(&longs[i]),
                ColumnType::Boolean => Values::Bool(&flags[i]),
                ColumnType::Text => Values::Text(&texts[i]),
                _ => Values::Decimal128(&wides[i]),
            })
            .collect();
        file.write(1, &values).expect("a row that fits");
    }
    let by_slice = file.finish().expect("a file");
    assert_eq!(by_slice.stats, by_batch.stats);
    assert_eq!(read(&by_slice), read(&by_batch));
    assert_eq!(read(&by_slice).columns(), batch.columns());
}

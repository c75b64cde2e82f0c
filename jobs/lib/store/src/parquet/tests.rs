//! Files written by the hot path and read back by the library: any rows, cut in any way.

mod blanks;

use std::fs::File;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::{Decimal128Type, Int64Type, TimestampMicrosecondType};
use model::fragment::Stat;
use model::schema::{Column, ColumnType, Table};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Repetition;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use proptest::prelude::*;

use super::{ColumnarFile, Finished, Values, WriteError};
use crate::lake::Lake;

/// The values of one column.
#[derive(Debug, Clone, PartialEq)]
enum Cells {
    Number(Vec<Option<i128>>),
    Flag(Vec<Option<bool>>),
    Text(Vec<Option<String>>),
}

fn lake() -> (tempfile::TempDir, Lake) {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(&folder.path().to_string_lossy(), None).unwrap();
    (folder, lake)
}

/// Writes one call's rows: what is all there or all null in it goes as slices, the rest, which
/// no slice can say, row by row.
fn write_part(file: &mut ColumnarFile, table: Table, columns: &[Cells], from: usize, to: usize) {
    enum Owned<'a> {
        Long(Vec<i64>),
        Wide(Vec<i128>),
        Flag(Vec<bool>),
        Text(Vec<Option<&'a str>>),
        Null,
    }
    let mut owned = Vec::new();
    for (cells, column) in columns.iter().zip(table.schema().file_columns()) {
        owned.push(match cells {
            Cells::Number(v) if v[from..to].iter().all(Option::is_some) => {
                let all: Vec<i128> = v[from..to].iter().map(|v| v.unwrap()).collect();
                // the form must not matter, so that odd parts take the wide one
                match all.iter().map(|v| i64::try_from(*v)).collect::<Result<Vec<_>, _>>() {
                    Ok(narrow)
                        if from.is_multiple_of(2)
                            || !matches!(column.kind, ColumnType::Decimal(..)) =>
                    {
                        Owned::Long(narrow)
                    }
                    _ => Owned::Wide(all),
                }
            }
            Cells::Flag(v) if v[from..to].iter().all(Option::is_some) => {
                Owned::Flag(v[from..to].iter().map(|v| v.unwrap()).collect())
            }
            Cells::Text(v) => Owned::Text(v[from..to].iter().map(Option::as_deref).collect()),
            Cells::Number(v) if v[from..to].iter().all(Option::is_none) => Owned::Null,
            Cells::Flag(v) if v[from..to].iter().all(Option::is_none) => Owned::Null,
            _ => {
                for row in from..to {
                    write_part(file, table, columns, row, row + 1);
                }
                return;
            }
        });
    }
    let values: Vec<Values<'_>> = table
        .schema()
        .file_columns()
        .iter()
        .zip(&owned)
        .map(|(column, owned)| match (column.kind, owned) {
            (ColumnType::Decimal(..), Owned::Long(v)) => Values::Decimal64(v),
            (ColumnType::Timestamp, Owned::Long(v)) => Values::Micros(v),
            (_, Owned::Long(v)) => Values::Long(v),
            (_, Owned::Wide(v)) => Values::Decimal128(v),
            (_, Owned::Flag(v)) => match v[..] {
                [first, ..] if v.iter().all(|v| *v == first) => Values::ConstBool(first),
                _ => Values::Bool(v),
            },
            (_, Owned::Text(v)) => match v[..] {
                [Some(first), ..] if v.iter().all(|v| *v == Some(first)) => {
                    Values::ConstText(first)
                }
                [None, ..] if v.iter().all(Option::is_none) => Values::Null,
                _ => Values::Text(v),
            },
            (_, Owned::Null) => Values::Null,
        })
        .collect();
    file.write(to - from, &values).unwrap();
}

/// Writes a file in parts that end at `cuts`.
fn write(
    lake: &Lake,
    table: Table,
    columns: &[Cells],
    (group, page): (usize, usize),
    cuts: &[usize],
) -> Finished {
    let of_table = table.schema().file_columns().to_vec();
    let mut file = ColumnarFile::with_pages(lake, table, of_table, group, page).unwrap();
    let mut from = 0;
    for to in cuts {
        write_part(&mut file, table, columns, from, *to);
        from = *to;
    }
    file.finish().unwrap()
}

fn read(finished: &Finished) -> Vec<RecordBatch> {
    let file = File::open(finished.staged.path()).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    assert_eq!(
        reader.schema().fields(),
        crate::schema::file_schema(Table::Trades).fields(),
        "the types are the schema's"
    );
    reader.with_batch_size(1 << 20).build().unwrap().map(Result::unwrap).collect()
}

fn cells(batches: &[RecordBatch], column: usize, like: &Cells) -> Cells {
    let arrays = batches.iter().map(|b| b.column(column));
    match like {
        Cells::Number(_) => Cells::Number(
            arrays
                .flat_map(|a| {
                    if let Some(a) = a.as_primitive_opt::<Decimal128Type>() {
                        a.iter().collect::<Vec<_>>()
                    } else if let Some(a) = a.as_primitive_opt::<TimestampMicrosecondType>() {
                        a.iter().map(|v| v.map(i128::from)).collect()
                    } else {
                        a.as_primitive::<Int64Type>().iter().map(|v| v.map(i128::from)).collect()
                    }
                })
                .collect(),
        ),
        Cells::Flag(_) => Cells::Flag(arrays.flat_map(|a| a.as_boolean().iter()).collect()),
        Cells::Text(_) => Cells::Text(
            arrays
                .flat_map(|a| a.as_string::<i32>().iter().map(|v| v.map(str::to_owned)))
                .collect(),
        ),
    }
}

fn footer(finished: &Finished) -> ParquetMetaData {
    ParquetMetaDataReader::new()
        .with_page_index_policy(PageIndexPolicy::Required)
        .parse_and_finish(&File::open(finished.staged.path()).unwrap())
        .unwrap()
}

/// What the statistics of a column must be, from the definition.
fn expect_stats(cells: &Cells, kind: ColumnType) -> (Option<Stat>, Option<Stat>, u64) {
    fn nulls<T>(v: &[Option<T>]) -> u64 {
        v.iter().filter(|v| v.is_none()).count() as u64
    }
    let number = |v: i128| match kind {
        ColumnType::Long => Stat::Long(v as i64),
        ColumnType::Timestamp => Stat::Micros(v as i64),
        _ => {
            let sign = if v < 0 { "-" } else { "" };
            let digits = format!("{:09}", v.unsigned_abs());
            let (whole, part) = digits.split_at(digits.len() - 8);
            Stat::Decimal(format!("{sign}{whole}.{part}"))
        }
    };
    match cells {
        Cells::Number(v) => (
            v.iter().flatten().min().copied().map(number),
            v.iter().flatten().max().copied().map(number),
            nulls(v),
        ),
        Cells::Flag(v) => (None, None, nulls(v)),
        Cells::Text(v) => {
            let stat = |text: Option<&String>| {
                text.filter(|t| t.chars().count() <= 64).cloned().map(Stat::Text)
            };
            (stat(v.iter().flatten().min()), stat(v.iter().flatten().max()), nulls(v))
        }
    }
}

/// Writes in two ways, reads back, and compares everything.
fn check(columns: &[Cells], sizes: (usize, usize), rows: usize, cuts: &[usize]) {
    let (_folder, lake) = lake();
    let table = Table::Trades;
    let whole = write(&lake, table, columns, sizes, &[rows]);
    let parts = write(&lake, table, columns, sizes, cuts);
    let bytes = std::fs::read(whole.staged.path()).unwrap();
    assert!(bytes == std::fs::read(parts.staged.path()).unwrap(), "the cuts leave a trace");
    assert_eq!((whole.rows, whole.staged.bytes()), (rows as u64, bytes.len() as u64));
    assert_eq!(whole.stats, parts.stats);

    let batches = read(&whole);
    for (i, column) in table.schema().file_columns().iter().enumerate() {
        let found = cells(&batches, i, &columns[i]);
        assert!(found == columns[i], "{}: other values came back", column.name);
        let stats = &whole.stats[column.name];
        let stats = (stats.min.clone(), stats.max.clone(), stats.nulls);
        let expect = expect_stats(&columns[i], column.kind);
        // the bounds of a page in which a long text is one are not kept; those of the file are
        // then unknown, and never those of the other pages
        let has_long = matches!(&columns[i], Cells::Text(v)
            if v.iter().flatten().any(|t| t.len() > super::TEXT_BYTES));
        if !(has_long && stats == (None, None, expect.2)) {
            assert_eq!(stats, expect, "{}", column.name);
        }
    }
    let footer = footer(&whole);
    let groups: Vec<_> = footer.row_groups().iter().map(|g| g.num_rows() as usize).collect();
    let (full, rest) = (rows / sizes.0, rows % sizes.0);
    assert_eq!(groups, [vec![sizes.0; full], vec![rest; usize::from(rest > 0)]].concat());
    for (group, places) in footer.row_groups().iter().zip(footer.offset_index().unwrap()) {
        for place in places {
            let firsts: Vec<_> =
                place.page_locations().iter().map(|p| p.first_row_index as usize).collect();
            let expect: Vec<_> = (0..group.num_rows() as usize).step_by(sizes.1).collect();
            assert_eq!(firsts, expect, "pages begin at fixed rows");
        }
    }
}

fn numbers(
    rows: usize,
    kind: ColumnType,
    nullable: bool,
) -> impl Strategy<Value = Vec<Option<i128>>> {
    let limit = match kind {
        ColumnType::Decimal(precision, _) => 10_i128.pow(precision.into()) - 1,
        _ => i64::MAX.into(),
    };
    let least = if limit == i64::MAX.into() { i64::MIN.into() } else { -limit };
    let value = prop_oneof![
        // few values, values that grow, any value, the ends
        4 => (0..7_i128).prop_map(|v| v * 100_000_000),
        3 => (0..1_000_000_i128).prop_map(|v| v * 1_000 + 7),
        2 => least..=limit,
        1 => Just(limit),
        1 => Just(least),
    ];
    let kinds = (0..4_u8, proptest::collection::vec(value, rows));
    kinds.prop_map(move |(kind, mut values)| {
        match kind {
            0 => values.sort_unstable(),
            1 => values.iter_mut().for_each(|v| *v %= 1 << 40),
            2 => values.iter_mut().for_each(|v| *v = *v % 5 * 1_000),
            _ => {}
        }
        let nulls = if nullable { values.iter().sum::<i128>().unsigned_abs() % 4 } else { 0 };
        values
            .into_iter()
            .enumerate()
            .map(|(i, v)| match nulls {
                1 => None,
                2 => (i % 3 == 0).then_some(v),
                3 => (i >= rows / 2).then_some(v),
                _ => Some(v),
            })
            .collect()
    })
}

/// Values of which some are null where that may be.
fn present<S>(values: S, nullable: bool) -> BoxedStrategy<Option<S::Value>>
where
    S: Strategy + 'static,
    S::Value: Clone,
{
    if nullable {
        proptest::option::weighted(0.6, values).boxed()
    } else {
        values.prop_map(Some).boxed()
    }
}

fn trades(rows: usize) -> impl Strategy<Value = Vec<Cells>> {
    Table::Trades
        .schema()
        .file_columns()
        .iter()
        .map(|column| match column.kind {
            ColumnType::Boolean => {
                let flag = present(proptest::bool::weighted(0.7), column.nullable);
                proptest::collection::vec(flag, rows).prop_map(Cells::Flag).boxed()
            }
            ColumnType::Text => {
                let word = prop_oneof![
                    6 => Just("bad_quantity".to_owned()),
                    3 => "[a-zß-ü]{0,6}",
                    1 => "[a-z]{60,70}",
                    1 => "[a-z]{250,262}",
                ];
                let word = present(word, column.nullable);
                proptest::collection::vec(word, rows).prop_map(Cells::Text).boxed()
            }
            kind => numbers(rows, kind, column.nullable).prop_map(Cells::Number).boxed(),
        })
        .collect::<Vec<_>>()
}

fn cuts(rows: usize) -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(0..=rows, 0..6).prop_map(move |mut cuts| {
        cuts.sort_unstable();
        cuts.push(rows);
        cuts
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_rows_come_back(
        (columns, cuts) in (1..400_usize).prop_flat_map(|n| (trades(n), cuts(n))),
        group in 1..500_usize,
        page in 1..200_usize,
    ) {
        let rows = *cuts.last().unwrap();
        check(&columns, (group, page.min(group)), rows, &cuts);
    }
}

/// Rows enough for full pages, for dictionaries that overflow and for wide values in between.
#[test]
fn large_files_come_back() {
    let rows = 300_000;
    let mut random = fastrand::Rng::with_seed(3);
    let columns: Vec<Cells> = Table::Trades
        .schema()
        .file_columns()
        .iter()
        .map(|column| {
            let mut number = |i: usize| -> i128 {
                match column.name {
                    "trade_id" => i as i128,
                    "time" | "time_us" => 1_735_689_600_000_000 + i as i128 * 7 / 3,
                    "price" => 9_500_000_000_000 + i128::from(random.i32(-90..90)) * 1_000_000,
                    // new values all the time, so that the dictionary is full one day
                    "quantity" => i128::from(random.u32(0..=i as u32 / 3)) * 1_000,
                    // one wide value in the fourth page
                    "quote_quantity" if i == 200_000 => 10_i128.pow(28) - 1,
                    _ => i128::from(random.u32(0..50)),
                }
            };
            match column.kind {
                ColumnType::Boolean => Cells::Flag((0..rows).map(|i| Some(i % 7 < 3)).collect()),
                ColumnType::Text => Cells::Text(
                    (0..rows)
                        .map(|i| match (column.nullable, i) {
                            (true, ..100_000) => None,
                            // more words than a dictionary takes
                            (true, ..150_000) => Some(format!("word {i}")),
                            _ => Some("the same".to_owned()),
                        })
                        .collect(),
                ),
                _ => Cells::Number((0..rows).map(|i| Some(number(i))).collect()),
            }
        })
        .collect();
    let cuts: Vec<_> = (1..rows).step_by(50_021).chain([rows]).collect();
    check(&columns, (170_000, 65_536), rows, &cuts);
}

#[test]
fn long_text_has_no_statistics() {
    let text = |t: String| vec![Some(t); 5];
    let mut columns: Vec<Cells> = Table::Trades
        .schema()
        .file_columns()
        .iter()
        .map(|column| match column.kind {
            ColumnType::Boolean => Cells::Flag(vec![Some(true); 5]),
            ColumnType::Text => Cells::Text(text("ä".repeat(64))),
            _ => Cells::Number(vec![Some(-1); 5]),
        })
        .collect();
    check(&columns, (3, 2), 5, &[1, 5]);
    columns[10] = Cells::Text(text("x".repeat(65)));
    columns[11] = Cells::Text(text("x".repeat(1_000)));
    check(&columns, (3, 2), 5, &[1, 5]);
}

/// Lines of garbage, as rejects may have: pages and row groups stay small, wherever the rows
/// are cut.
#[test]
fn much_text_makes_small_pages() {
    let mut random = fastrand::Rng::with_seed(4);
    let lines: Vec<String> = (0..12_000)
        .map(|i| match i {
            4_000..4_100 => "x".repeat(5_000),
            _ => (0..random.usize(3_000..4_096)).map(|_| random.alphanumeric()).collect(),
        })
        .collect();
    let (_folder, lake) = lake();
    let write = |step: usize| {
        let mut file = ColumnarFile::create(&lake, Table::Rejects, 65_536).unwrap();
        let mut from = 0;
        while from < lines.len() {
            let to = lines.len().min(from + step);
            let raw: Vec<_> = lines[from..to].iter().map(|l| Some(l.as_str())).collect();
            let ids: Vec<_> = (from as i64..to as i64).collect();
            let days: Vec<_> = ids.iter().map(|n| (n % 3 > 0).then_some(*n as i32)).collect();
            let mut values = vec![Values::ConstText("same"); 13];
            values[6] = Values::Long(&ids);
            values[7] = Values::Null;
            values[12] = Values::Days(&days);
            values[10] = match raw[..] {
                [Some(one), ..] if raw.iter().all(|l| *l == Some(one)) => Values::ConstText(one),
                _ => Values::Text(&raw),
            };
            file.write(to - from, &values).unwrap();
            from = to;
        }
        file.finish().unwrap()
    };
    let whole = write(lines.len());
    for step in [1, 50, 1_001] {
        let parts = write(step);
        assert!(
            std::fs::read(whole.staged.path()).unwrap()
                == std::fs::read(parts.staged.path()).unwrap(),
            "the cuts leave a trace"
        );
    }
    let footer = footer(&whole);
    assert!(footer.num_row_groups() > 1);
    for places in footer.offset_index().unwrap().iter().flatten() {
        for page in places.page_locations() {
            assert!(page.compressed_page_size < 1_100_000);
        }
    }
    let file = File::open(whole.staged.path()).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let found: Vec<String> = reader
        .flat_map(|batch| {
            let batch = batch.unwrap();
            let text = batch.column(10).as_string::<i32>();
            text.iter().map(|line| line.unwrap().to_owned()).collect::<Vec<_>>()
        })
        .collect();
    assert!(found == lines);
}

#[test]
fn misfits_are_refused() {
    let fits = || {
        vec![
            Values::Long(&[1, 2]),
            Values::Micros(&[1, 2]),
            Values::Long(&[1, 2]),
            Values::Decimal64(&[1, 2]),
            Values::Decimal64(&[1, 2]),
            Values::Null,
            Values::Null,
            Values::Bool(&[true, false]),
            Values::Null,
            Values::ConstBool(true),
            Values::Null,
            Values::ConstText("abc"),
        ]
    };
    let (_folder, lake) = lake();
    let try_write = |values: &[Values<'_>]| {
        let mut file = ColumnarFile::create(&lake, Table::Trades, 10)?;
        file.write(2, values)?;
        file.finish()
    };
    assert_eq!(try_write(&fits()).unwrap().rows, 2);
    let check = |column: usize, values: Values<'_>, expect: &str| {
        let mut all = fits();
        all[column] = values;
        let error = try_write(&all).unwrap_err();
        assert!(matches!(error, WriteError::Misfit { .. }));
        assert_eq!(error.to_string(), format!("rows do not fit silver.trades.{expect}"));
    };
    check(0, Values::Micros(&[1, 2]), "trade_id: found micros, expected long");
    check(0, Values::Null, "trade_id: found null, expected long");
    check(1, Values::Micros(&[1]), "time: found 1 rows, expected 2 rows");
    check(7, Values::ConstText("x"), "is_buyer_maker: found text, expected boolean");
    check(
        3,
        Values::Decimal64(&[0, -10_i64.pow(18)]),
        "price: found -10000000000.00000000, expected decimal(18, 8)",
    );
    check(
        4,
        Values::Decimal128(&[0, 10_i128.pow(28)]),
        "quantity: found 100000000000000000000.00000000, expected decimal(28, 8)",
    );
    check(11, Values::Text(&[Some("a"), None]), "raw_sha256: found a null, expected text");
    let error = try_write(&fits()[1..]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "rows do not fit silver.trades.*: found 11 columns, expected 12 columns"
    );
    // gold.daily has doubles, which only the Arrow path writes
    let error = ColumnarFile::create(&lake, Table::Daily, 10).unwrap_err();
    assert!(matches!(error, WriteError::Misfit { .. }), "{error}");
}

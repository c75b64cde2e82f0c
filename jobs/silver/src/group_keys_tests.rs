//! Tests of rows that share a key, through whole groups: which stay, what their issues say, and
//! that the text of the others stands in the rejects.

use super::tests::{DAY, Lab, MONTH, START, archive_of, counts, of};
use super::*;

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::{Date32Type, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

const AGG_MONTH: &str = "binance/spot/agg_trades/BTCUSDT/2024-01";
const AGG_DAY: &str = "binance/spot/agg_trades/BTCUSDT/2024-01-01";
const FUTURES_DAY: &str = "binance/usdm/agg_trades/BTCUSDT/2024-01-01";
const BARS: &str = "binance/spot/klines/BTCUSDT/1h/2024-01-01";

fn batches(finished: &Finished) -> Vec<arrow::array::RecordBatch> {
    let file = File::open(finished.staged.path()).expect("open");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("parquet").build();
    reader.expect("reader").map(|batch| batch.expect("batch")).collect()
}

/// Rows as "key issues", file by file, and rejects as "line day text" by archive.
fn check(archives: &[(&str, &str)], key: &str, expect: &[&str], expect_rejects: &[&[&str]]) {
    let archives: Vec<_> = archives.iter().map(|(id, csv)| (*id, archive_of(id, csv))).collect();
    for block in [BLOCK, 0] {
        let mut lab = Lab::new();
        lab.limits.block = block;
        let built = lab.build(&archives);
        let mut found = Vec::new();
        for batch in built.files.iter().flat_map(|(_, file)| batches(file)) {
            let issues = batch["issues"].as_string::<i32>();
            for row in 0..batch.num_rows() {
                let words = if issues.is_null(row) { "" } else { issues.value(row) };
                let key = match batch[key].as_primitive_opt::<Int64Type>() {
                    Some(keys) => keys.value(row).to_string(),
                    None => "bar".to_owned(),
                };
                let valid = batch["is_valid"].as_boolean().value(row);
                let mark = if valid { "" } else { " x" };
                found.push(format!("{key} {words}{mark}").trim_end().to_owned());
            }
        }
        assert_eq!(found, expect);
        for (unit, expect) in built.units.iter().zip(expect_rejects) {
            let mut found = Vec::new();
            for (reason, file) in &unit.rejects {
                assert_eq!(*reason, RejectReason::ConflictingDuplicate);
                for batch in batches(file) {
                    let lines = batch["line"].as_primitive::<Int64Type>();
                    let days = batch["date"].as_primitive::<Date32Type>();
                    let texts = batch["raw_text"].as_string::<i32>();
                    found.extend((0..batch.num_rows()).map(|row| {
                        let day = Day::of_epoch_days(days.value(row)).expect("a day");
                        format!("{} {day} {}", lines.value(row), texts.value(row))
                    }));
                }
            }
            assert_eq!(found, *expect);
            assert_eq!(unit.counts.conflicting, expect.len() as u64);
        }
    }
}

fn agg(id: i64, quantity: &str, first: i64, last: i64, millis: i64) -> String {
    format!("{id},10.00000000,{quantity},{first},{last},{millis},True,True\n")
}

#[test]
fn two_trades_of_one_id_both_stay() {
    let one = agg(555, "824", 669, 669, START + 5);
    let two = agg(555, "19332", 670, 670, START + 9);
    let rest = agg(556, "6277", 671, 681, START + 10);
    let expect = ["555 id_repeated", "555 id_repeated", "556"];
    let csv = one.clone() + &two + &rest;
    check(&[(AGG_DAY, &csv)], "agg_trade_id", &expect, &[&[]]);
    let csv = two.clone() + &rest + &one;
    check(&[(AGG_DAY, &csv)], "agg_trade_id", &expect, &[&[]]);
    // over midnight and over two archives
    let next = agg(555, "19332", 670, 670, START + DAY);
    let csv = one.clone() + &next;
    check(&[(AGG_MONTH, &csv)], "agg_trade_id", &expect[..2], &[&[]]);
    check(&[(AGG_MONTH, &next), (AGG_DAY, &one)], "agg_trade_id", &expect[..2], &[&[], &[]]);
}

#[test]
fn one_trade_in_two_versions_keeps_one_and_the_text_of_the_other() {
    let (one, other) = (agg(555, "824", 669, 669, START + 5), agg(555, "825", 669, 669, START + 5));
    let rest = agg(556, "6277", 671, 681, START + 10);
    let header = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,\
                  is_buyer_maker,is_best_match\n\n";
    let csv = header.to_owned() + &one + "\n" + &other + &rest;
    let text = format!("5 2024-01-01 {}", other.trim_end());
    let expect = ["555 conflicting_duplicate", "556"];
    check(&[(AGG_DAY, &csv)], "agg_trade_id", &expect, &[&[&text]]);
    // far apart, so that the group is sorted
    let csv = header.to_owned() + &one + &rest + &other;
    check(&[(AGG_DAY, &csv)], "agg_trade_id", &expect, &[&[&text]]);
    // the day's archive wins over the month's
    let csv = rest.clone() + &one;
    let text = format!("2 2024-01-01 {}", one.trim_end());
    check(&[(AGG_MONTH, &csv), (AGG_DAY, &other)], "agg_trade_id", &expect, &[&[&text], &[]]);
}

#[test]
fn aggregates_that_repeat_trades_count_once() {
    let csv: String = [(19, 821), (20, 822), (21, 821), (22, 822)]
        .map(|(id, trade)| agg(id, "0.5", trade, trade, START + id))
        .concat()
        + &agg(23, "0.1", 823, 824, START + 30);
    let expect = ["19", "20", "21 repeats_trades x", "22 repeats_trades x", "23"];
    check(&[(AGG_DAY, &csv)], "agg_trade_id", &expect, &[&[]]);
    // in any order of lines
    let mut lines: Vec<&str> = csv.split_inclusive('\n').collect();
    lines.reverse();
    check(&[(AGG_DAY, &lines.concat())], "agg_trade_id", &expect, &[&[]]);
    // a damaged row repeats nothing and hides nothing
    let csv = agg(1, "0", 5, 5, START) + &agg(2, "1", 5, 5, START) + &agg(3, "1", 5, 5, START);
    let expect = ["1 bad_quantity x", "2", "3 repeats_trades x"];
    check(&[(AGG_DAY, &csv)], "agg_trade_id", &expect, &[&[]]);
    // trade 6 is in no valid row until another has it alone
    let csv = agg(2, "1", 5, 5, START) + &agg(3, "1", 5, 6, START) + &agg(4, "1", 6, 6, START);
    let expect = ["2", "3 overlaps_trades x", "4"];
    check(&[(AGG_DAY, &csv)], "agg_trade_id", &expect, &[&[]]);
    // aggregates of futures may interleave
    let futures = |id: i64, first: i64, last: i64| {
        agg(id, "1", first, last, START).replace(",True,True\n", ",true\n")
    };
    let csv = futures(1, 1, 3) + &futures(2, 2, 2) + &futures(3, 1, 3);
    check(&[(FUTURES_DAY, &csv)], "agg_trade_id", &["1", "2", "3 repeats_trades x"], &[&[]]);
}

#[test]
fn a_candle_in_two_rows_keeps_the_fuller_one() {
    let bar = |volume: &str, count: i64| {
        let close = START + 3_599_999;
        format!("{START},10,11,9,10,{volume},{close},100,{count},0,0,0\n")
    };
    let (whole, rest) = (bar("10", 5_000), bar("0.003", 3));
    for (csv, line) in [(whole.clone() + &rest, 2), (rest.clone() + &whole, 1)] {
        let text = format!("{line} 2024-01-01 {}", rest.trim_end());
        check(&[(BARS, &csv)], "open_time", &["bar conflicting_duplicate"], &[&[&text]]);
    }
}

#[test]
fn single_trades_of_one_id_are_one_and_the_other_is_found() {
    let trade = |quantity: &str, quote: &str, millis: i64| {
        format!("7,10.00000000,{quantity},{quote},{millis},True,True\n")
    };
    let (one, other) = (trade("1", "10", START), trade("2", "20", START + DAY));
    let csv = one.clone() + &other + &one;
    let text = format!("2 2024-01-02 {}", other.trim_end());
    check(&[(MONTH, &csv)], "trade_id", &["7 conflicting_duplicate"], &[&[&text]]);
    let lab = Lab::new();
    let built = lab.build(&[(MONTH, archive_of(MONTH, &csv))]);
    assert_eq!(counts(&built), [of(3, 1, 0, 2, 1)]);
}

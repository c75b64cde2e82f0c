//! Tests of the parser: what each kind of line becomes, and that neither the fast reader nor
//! the way a stream is cut changes anything.

use model::Unit;
use source::Provider as _;
use source::binance::Binance;
use source::rows::Row;

use super::*;
use crate::lines::{Blocks, Chunk};

pub(super) const TRADES: &str = "binance/spot/trades/BTCUSDT/2017-08-17";
pub(super) const FUTURES: &str = "binance/usdm/trades/BTCUSDT/2024-01-01";
pub(super) const COINM: &str = "binance/coinm/trades/BTCUSD_PERP/2024-01-01";
pub(super) const AGG: &str = "binance/spot/agg_trades/BTCUSDT/2025-01-01";
pub(super) const KLINES: &str = "binance/spot/klines/BTCUSDT/1h/2018-02";
pub(super) const QUOTES: &str = "binance/usdm/quotes/ETHUSDT/2024-01-15";
pub(super) const METRICS: &str = "binance/usdm/metrics/ACEUSDT/2025-01-21";

fn bounds(unit: &Unit) -> Bounds {
    Bounds::of(unit)
}

pub(super) type Parsed = (Vec<Row>, Vec<Reject>, u64);

/// Parses `csv` as a stream cut into blocks of about `size` bytes.
pub(super) fn parse(mut parser: Parser, form: &Form, csv: &[u8], size: usize) -> Parsed {
    let mut blocks = Blocks::new(csv, size);
    let (mut rows, mut all) = (Rows::new(form.has), Vec::new());
    while let Some(piece) = blocks.next().expect("memory") {
        match piece {
            Chunk::Lines(lines) => {
                let mut at = 0;
                while at < lines.len() {
                    let mut rejects = Vec::new();
                    at += parser.block(&lines[at..], &mut rows, &mut rejects);
                    all.append(&mut rejects);
                }
            }
            Chunk::LongLine(start) => parser.long_line(start, &mut all),
        }
    }
    parser.finish(&mut all);
    ((0..rows.len()).map(|n| rows.get(n)).collect(), all, parser.read())
}

/// Parses in every way there is; they must agree, and every line must be accounted for.
pub(super) fn parse_all_ways(unit: &Unit, csv: &[u8]) -> Parsed {
    let form = Binance.form(unit).expect("a form");
    let whole = parse(Parser::new(form, bounds(unit)), form, csv, 1 << 20);
    assert_eq!(whole.2, (whole.0.len() + whole.1.len()) as u64, "a line was lost");
    for size in [0, 4_200, 5_001, 9_999] {
        assert_eq!(parse(Parser::new(form, bounds(unit)), form, csv, size), whole, "cut at {size}");
    }
    assert_eq!(parse(Parser::careful(form, bounds(unit)), form, csv, 1 << 20), whole, "careful");
    whole
}

pub(super) fn decimal(value: i128) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let (whole, fraction) =
        (value.unsigned_abs() / 100_000_000, value.unsigned_abs() % 100_000_000);
    let text = format!("{sign}{whole}.{fraction:08}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A row as text: longs, prices, amounts, flags, issues.
fn show(form: &Form, row: &Row) -> String {
    let mut words: Vec<String> = row.longs[..form.has.longs].iter().map(i64::to_string).collect();
    words.extend(row.prices[..form.has.prices].iter().map(|v| decimal(i128::from(*v))));
    words.extend(row.amounts[..form.has.amounts].iter().map(|v| decimal(*v)));
    words.extend(row.flags[..form.has.flags].iter().map(ToString::to_string));
    words.extend(row.issues.text());
    words.join(" ")
}

/// What an archive of unit `id` becomes, line by line.
fn check(id: &str, csv: &[u8], expect: &[&str]) {
    let unit: Unit = id.parse().expect(id);
    let form = Binance.form(&unit).expect("a form");
    let (rows, rejects, _) = parse_all_ways(&unit, csv);
    let mut found: Vec<String> = rows.iter().map(|row| show(form, row)).collect();
    for Reject { line, fault, raw, .. } in rejects {
        found.push(format!(
            "{line}: {} {} found {}, expected {} | {raw}",
            fault.reason,
            fault.field.unwrap_or("-"),
            fault.found,
            fault.expected
        ));
    }
    assert_eq!(found, expect, "{}", String::from_utf8_lossy(csv));
}

#[test]
fn rows_of_every_market() {
    check(
        TRADES,
        b"0,4261.48000000,0.10000000,426.14800000,1502942428322,True,True\n\
          1,4261.48000000,1.60000000,6818.36800000,1502942432285,False,TRUE\n",
        &[
            "0 1502942428322000 4261.48 0.1 426.148 true true",
            "1 1502942432285000 4261.48 1.6 6818.368 false true",
        ],
    );
    check(
        FUTURES,
        b"id,price,qty,quote_qty,time,is_buyer_maker\n\
          4,42283.1,0.005,211.4155,1704067200000,true\n\
          5,42283.1,0.005,211.41,1704067200001,false",
        &[
            "4 1704067200000000 42283.1 0.005 211.4155 true",
            "5 1704067200001000 42283.1 0.005 211.41 false",
        ],
    );
    check(
        COINM,
        b"4,42283.1,3,0.00709503,1704067200000,true\n",
        &["4 1704067200000000 42283.1 3 0.00709503 true"],
    );
    check(
        AGG,
        b"7,94591.79000000,0.00010000,100,103,1735689600000001,True,True\r\n",
        &["7 1735689600000001 100 103 94591.79 0.0001 true true"],
    );
    check(
        "binance/coinm/agg_trades/BTCUSD_PERP/2024-01-01",
        b"7,94591.7,12,100,103,1704067200000,true\n",
        &["7 1704067200000000 100 103 94591.7 12 true"],
    );
    check(
        KLINES,
        b"1517443200000,10.5,11,10,10.7,100.5,1517446799999,1055.2,17,50.25,527.6,0\n",
        &["1517443200000000 1517446799999000 17 10.5 11 10 10.7 100.5 1055.2 50.25 527.6"],
    );
    check(
        "binance/coinm/premium_klines/BTCUSD_PERP/1h/2024-01",
        b"open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,\
          taker_buy_quote_volume,ignore\n\
          1704067200000,-0.00100000,0.00050000,-0.00200000,-0.00150000,0,1704070799999,0,720,0,0,0\n",
        &["1704067200000000 1704070799999000 -0.001 0.0005 -0.002 -0.0015"],
    );
    check(
        "binance/usdm/funding/BTCUSDT/2024-01",
        b"calc_time,funding_interval_hours,last_funding_rate\n1704067200003,8,-0.00005703\n",
        &["1704067200003000 8 -0.00005703"],
    );
    check(
        QUOTES,
        b"3831603310013,2474.30000000,6.00900000,2474.31000000,44.75700000,1705276800000,1705276800005\n\
          3835812359996,2535.78000000,57.39300000,2535.79000000,14.66800000,1705350085394,1705350085401",
        &[
            "3831603310013 1705276800000000 1705276800005000 2474.3 2474.31 6.009 44.757",
            "3835812359996 1705350085394000 1705350085401000 2535.78 2535.79 57.393 14.668",
        ],
    );
    check(
        METRICS,
        b"create_time,symbol,sum_open_interest,sum_open_interest_value,\
          count_toptrader_long_short_ratio,sum_toptrader_long_short_ratio,count_long_short_ratio,\
          sum_taker_long_short_vol_ratio\r\n\
          2025-01-21 00:05:00,ACEUSDT,0.0000000100000000,0.0000000200000000,4.24,2.26,2.72,0.69\r\n\
          2025-01-22 00:00:00,BTCUSDT,1,1,1,1,1,1\r\n",
        &[
            "1737417900000000 1737417900000000 4.24 2.26 2.72 0.69 1 2",
            "3: unreadable symbol found BTCUSDT, expected ACEUSDT | 2025-01-22 00:00:00,BTCUSDT,1,1,1,1,1,1",
        ],
    );
}

#[test]
fn wide_quantities() {
    check(
        TRADES,
        b"1,0.00000001,1000000000000.00000001,10000.00000000,1502942428322,True,True\n\
          2,0.00000001,1.0,0.00000001,1502942428322,True,True\n\
          3,0.00000001,99999999999999999999.99999999,1000000000000,1502942428322,True,True\n",
        &[
            "1 1502942428322000 0.00000001 1000000000000.00000001 10000 true true",
            "2 1502942428322000 0.00000001 1 0.00000001 true true",
            "3 1502942428322000 0.00000001 99999999999999999999.99999999 1000000000000 true true",
        ],
    );
}

#[test]
fn headers_and_line_ends() {
    let row = "4,42283.1,0.005,211.4155,1704067200000,true";
    let show = "4 1704067200000000 42283.1 0.005 211.4155 true";
    let header = "id,price,qty,quote_qty,time,is_buyer_maker";
    check(FUTURES, b"", &[]);
    check(FUTURES, format!("{header}\n").as_bytes(), &[]);
    check(FUTURES, header.as_bytes(), &[]);
    check(FUTURES, format!("\u{feff}{header}\r\n{row}\r\n").as_bytes(), &[show]);
    check(FUTURES, format!("\u{feff}{row}").as_bytes(), &[show]);
    check(FUTURES, format!("{row}\r\n").as_bytes(), &[show]);
    let again = format!("3: unreadable id found id, expected a whole number | {header}");
    check(FUTURES, format!("{header}\n{row}\n{header}\n").as_bytes(), &[show, &again]);
    let fused = format!(
        "1: field_count is_buyer_maker found 11 fields, `42283.1` the first too many, expected 6 fields | \
         {header}{row}"
    );
    check(FUTURES, format!("{header}{row}\n").as_bytes(), &[&fused]);
    let damaged = format!("1: unreadable id found x4, expected a whole number | x{row}");
    check(FUTURES, format!("x{row}\n{row}\n").as_bytes(), &[show, &damaged]);
}

#[test]
fn lines_that_are_no_rows() {
    let row = "4,42283.1,0.005,211.4155,1704067200000,true";
    let show = "4 1704067200000000 42283.1 0.005 211.4155 true";
    let bad = |line: &str, expect: &str| {
        let csv = format!("{row}\n{line}\n{row}\n");
        let reject = format!("2: {expect} | {line}");
        check(FUTURES, csv.as_bytes(), &[show, show, &reject]);
    };
    bad(
        &format!("{row}{row}"),
        "field_count is_buyer_maker found 11 fields, `42283.1` the first too many, expected 6 fields",
    );
    bad("4,42283.1,0.005", "field_count quote_qty found 3 fields, expected 6 fields");
    bad(
        &format!("{row},"),
        "field_count is_buyer_maker found 7 fields, `` the first too many, expected 6 fields",
    );
    bad(
        "4,42283.1,0.005,211.4155,1.70407E+12,true",
        "unreadable time found 1.70407E+12, expected 13 digits (milliseconds) or 16 digits \
         (microseconds)",
    );
    bad(
        "4,42283.1,0.005,211.4155,1704067200,true",
        "unreadable time found 1704067200, expected 13 digits (milliseconds) or 16 digits \
         (microseconds)",
    );
    bad(
        "4,,0.005,211.4155,1704067200000,true",
        "unreadable price found , expected a decimal number",
    );
    bad(
        "4,1e,0.005,211.4155,1704067200000,true",
        "unreadable price found 1e, expected a decimal number",
    );
    bad(
        "4,\"42283.1\",0.005,211.4155,1704067200000,true",
        "unreadable price found \"42283.1\", expected a decimal number",
    );
    bad(
        "4, 42283.1,0.005,211.4155,1704067200000,true",
        "unreadable price found  42283.1, expected a decimal number",
    );
    bad(
        "4e1,42283.1,0.005,211.4155,1704067200000,true",
        "unreadable id found 4e1, expected a whole number",
    );
    bad(
        "4,1E-9,0.005,211.4155,1704067200000,true",
        "out_of_range price found 1E-9, expected at most 10 digits before the point and 8 after it",
    );
    bad(
        "4,42283.1,0.005,211.4155,1704067200000,maybe",
        "unreadable is_buyer_maker found maybe, expected true or false",
    );
    bad(
        "4,42283.123456789,0.005,211.4155,1704067200000,true",
        "out_of_range price found 42283.123456789, expected at most 10 digits before the point \
         and 8 after it",
    );
    bad(
        "4,10000000000,0.005,211.4155,1704067200000,true",
        "out_of_range price found 10000000000, expected at most 10 digits before the point and \
         8 after it",
    );
    bad(
        "4,1,100000000000000000000,1,1704067200000,true",
        "out_of_range qty found 100000000000000000000, expected at most 20 digits before the \
         point and 8 after it",
    );
    bad(
        "99999999999999999999,1,1,1,1704067200000,true",
        "out_of_range id found 99999999999999999999, expected a whole number of 64 bits",
    );
    bad(
        "4,42283.1,0.005,211.4155,1704153600000,true",
        "outside_period time found 1704153600000, expected an instant from \
         2024-01-01T00:00:00Z to before 2024-01-02T00:00:00Z",
    );
}

#[test]
fn bytes_that_are_no_text() {
    check(
        FUTURES,
        b"4,\xff\xfe,0.005,211.4155,1704067200000,true\n",
        &["1: unreadable price found \u{fffd}\u{fffd}, expected a decimal number | \
           4,\u{fffd}\u{fffd},0.005,211.4155,1704067200000,true"],
    );
}

#[test]
fn lines_longer_than_any_row() {
    let row = "4,42283.1,0.005,211.4155,1704067200000,true";
    for length in [LONGEST + 1, LONGEST + 2, LONGEST + 3, LONGEST + 4, 20_000] {
        for end in ["\n", "\r\n"] {
            let csv = format!("{row}\n{}{end}{row}\n", "9".repeat(length));
            let cut = format!(
                "2: too_long - found more than 4096 bytes, expected at most 4096 bytes | {}…",
                "9".repeat(LONGEST)
            );
            let show = "4 1704067200000000 42283.1 0.005 211.4155 true";
            check(FUTURES, csv.as_bytes(), &[show, show, &cut]);
        }
    }
    let longest = "9".repeat(LONGEST);
    let expect = format!("1: field_count price found 1 fields, expected 6 fields | {longest}");
    check(FUTURES, longest.as_bytes(), &[&expect]);
    check(FUTURES, format!("{longest}\r\n").as_bytes(), &[&expect]);
}

#[test]
fn rules_of_trades() {
    let issue = |line: &str, expect: &str| {
        let unit: Unit = FUTURES.parse().expect("unit");
        let (rows, rejects, _) = parse_all_ways(&unit, format!("{line}\n").as_bytes());
        assert_eq!(rejects, [], "{line}");
        assert_eq!(rows[0].issues.text().unwrap_or_default(), expect, "{line}");
    };
    issue("4,10,0.5,5,1704067200000,true", "");
    issue("4,0,0.5,0,1704067200000,true", "non_positive_price");
    issue("4,-10,0.5,-5,1704067200000,true", "non_positive_price,bad_quantity");
    issue("4,10,0,0,1704067200000,true", "bad_quantity");
    issue("4,10,-0.5,-5,1704067200000,true", "bad_quantity");
    issue("4,10,0.5,5.00000001,1704067200000,true", "quote_mismatch");
    issue("4,10,0.5,4.99999999,1704067200000,true", "quote_mismatch");
    issue("4,10,0.33333333,3.3333,1704067200000,true", "");
    issue("4,10,0.33333333,3.3331,1704067200000,true", "quote_mismatch");
    issue("4,0,0,1,1704067200000,true", "non_positive_price,bad_quantity,quote_mismatch");
    issue("-4,10,0.5,5,1704067200000,true", "id_out_of_range");
    issue("9007199254740991,10,0.5,5,1704067200000,true", "");
    issue("9007199254740992,10,0.5,5,1704067200000,true", "id_out_of_range");
    issue("9223372036854775807,10,0.5,5,1704067200000,true", "id_out_of_range");
    // exact numbers in other forms, and what no eight digits hold
    issue("4,1e1,5E-1,0.5e1,1704067200000,true", "");
    issue("4,+10,00.5,5.0000000000,1704067200000,true", "");
    issue("4,10,0E-8,0,1704067200000,true", "bad_quantity");
    issue("4,10,4.336808689942018E-19,0,1704067200000,true", "bad_quantity,quantity_underflow");
    issue("4,0.00000001,0.01,1E-10,1704067200000,true", "quantity_underflow");
    issue("4,9999999999,99999999999999999999,1,1704067200000,true", "quote_mismatch");
}

/// The days of the rejects of an archive, in line order.
fn days(id: &str, csv: &str, expect: &[&str]) {
    let unit: Unit = id.parse().expect(id);
    let (_, rejects, _) = parse_all_ways(&unit, csv.as_bytes());
    let found: Vec<String> = rejects
        .iter()
        .map(|reject| {
            let day = reject.day.map_or_else(|| "-".to_owned(), |day| day.to_string());
            format!("{} {day}", reject.line)
        })
        .collect();
    assert_eq!(found, expect, "{csv}");
}

#[test]
fn a_reject_is_of_the_day_that_its_time_or_its_neighbours_say() {
    let month = "binance/usdm/trades/BTCUSDT/2024-01";
    let row = |day: i64| format!("4,42283.1,0.005,211.4155,{},true\n", day_millis(day));
    let bad = "torn,1\n";
    // its own time, in the period or not; a fused line has one where the line should
    let own = format!("x,1,1,1,{},true\n", day_millis(20));
    days(month, &(row(1) + &own + &row(2)), &["2 2024-01-20"]);
    let next_month = format!("4,42283.1,0.005,211.4155,{},true\n", day_millis(32));
    days(month, &(row(31) + &next_month + "\n"), &["2 2024-02-01"]);
    let fused = format!("4,42283.1,0.005,211.4155,{},true4,42283\n", day_millis(7));
    days(month, &(row(1) + &fused + &row(9)), &["2 2024-01-07"]);
    // a number that stands in the place of the time of a line with other fields
    let other = "4,42283.1,0.005,211.4155,9999999999999,true,7\n";
    days(month, &(row(3) + other + &row(3)), &["2 2024-01-03"]);
    // its neighbours, where they agree or there is but one
    days(month, &(row(5) + bad + bad + &row(5)), &["2 2024-01-05", "3 2024-01-05"]);
    days(month, &(row(5) + bad + &row(6) + bad), &["2 -", "4 2024-01-06"]);
    days(month, &(bad.to_owned() + "\n" + &row(6)), &["1 2024-01-06"]);
    days(month, bad, &["1 -"]);
    // of an archive of one day every line is of that day, unless it says another
    days(FUTURES, &(row(1) + bad + &next_month), &["2 2024-01-01", "3 2024-02-01"]);
}

fn day_millis(day: i64) -> i64 {
    1_704_067_200_000 + (day - 1) * 86_400_000
}

#[test]
fn of_very_many_rejects_in_a_row_nobody_knows_the_day() {
    let unit: Unit = "binance/usdm/trades/BTCUSDT/2024-01".parse().expect("unit");
    let row = format!("4,42283.1,0.005,211.4155,{},true\n", day_millis(9));
    let csv = row.clone() + &"torn\n".repeat(PAUSE + 3) + &row;
    let (_, rejects, _) = parse_all_ways(&unit, csv.as_bytes());
    assert!(rejects[..PAUSE].iter().all(|reject| reject.day.is_none()));
    assert!(
        rejects[PAUSE..].iter().all(|reject| reject.day == Day::of_micros(day_millis(9) * 1000))
    );
    assert!(rejects.windows(2).all(|pair| pair[0].line < pair[1].line));
}

#[test]
fn empty_lines_are_no_lines() {
    let row = "4,42283.1,0.005,211.4155,1704067200000,true";
    let show = "4 1704067200000000 42283.1 0.005 211.4155 true";
    let header = "id,price,qty,quote_qty,time,is_buyer_maker";
    check(FUTURES, b"\n", &[]);
    check(FUTURES, b"\r\n\r\n \n", &[]);
    check(FUTURES, format!("\n{header}\n\n{row}\n\n").as_bytes(), &[show]);
    check(FUTURES, format!("{row}\r\n\r\n{row}\r\n\t\r\n").as_bytes(), &[show, show]);
    // their numbers count all the same
    let bad = "3: field_count price found 1 fields, expected 6 fields | torn";
    check(FUTURES, format!("{row}\n\ntorn\n").as_bytes(), &[show, bad]);
}

#[test]
fn rules_of_aggregate_trades() {
    let issue = |line: &str, expect: &str| {
        let unit: Unit = AGG.parse().expect("unit");
        let (rows, rejects, _) = parse_all_ways(&unit, format!("{line}\n").as_bytes());
        assert_eq!(rejects, [], "{line}");
        assert_eq!(rows[0].issues.text().unwrap_or_default(), expect, "{line}");
    };
    issue("7,1.5,2,5,5,1735689600000001,True,True", "");
    issue("7,1.5,2,6,5,1735689600000001,True,True", "trade_id_order");
    // as the exchange voids aggregates, and what looks like it
    issue("7,0.0,0.0,-1,-1,1735689600000001,True,True", "voided");
    issue("7,0,0E-8,-1,-1,1735689600000001,True,True", "voided");
    issue("-7,0,0,-1,-1,1735689600000001,True,True", "voided,id_out_of_range");
    issue("7,0,0,5,5,1735689600000001,True,True", "non_positive_price,bad_quantity");
    issue("7,1.5,2,-1,-1,1735689600000001,True,True", "id_out_of_range");
    let most = i64::MAX;
    issue(&format!("7,1.5,2,{},{most},1735689600000001,True,True", -most), "id_out_of_range");
    issue(&format!("{most},1.5,2,5,5,1735689600000001,True,True"), "id_out_of_range");
    issue(
        &format!("7,1.5,2,{most},5,1735689600000001,True,True"),
        "trade_id_order,id_out_of_range",
    );
    issue("7,1.5,1E-9,5,5,1735689600000001,True,True", "bad_quantity,quantity_underflow");
}

#[test]
fn rules_of_klines() {
    let issue = |line: &str, expect: &str| {
        let unit: Unit = KLINES.parse().expect("unit");
        let (rows, rejects, _) = parse_all_ways(&unit, format!("{line}\n").as_bytes());
        assert_eq!(rejects, [], "{line}");
        assert_eq!(rows[0].issues.text().unwrap_or_default(), expect, "{line}");
    };
    issue("1517443200000,10,11,9,10,5,1517446799999,50,1,2,20,8041.76049845", "");
    issue("1517443200000,10,11,9,10,0,1517446799999,0,0,0,0,0", "");
    issue("1517443200000,10,9,11,10,5,1517446799999,50,1,2,20,0", "ohlc_relation");
    issue("1517443200000,12,11,9,10,5,1517446799999,50,1,2,20,0", "ohlc_relation");
    issue("1517443200000,10,11,9,8,5,1517446799999,50,1,2,20,0", "ohlc_relation");
    issue("1517443200000,-10,-9,-11,-10,0,1517446799999,0,1,0,0,0", "non_positive_price");
    issue(
        "1517443200000,10,11,9,10,-5,1517446799999,50,1,2,20,0",
        "bad_quantity,taker_exceeds_volume",
    );
    issue("1517443200000,10,11,9,10,5,1517446799999,50,1,6,20,0", "taker_exceeds_volume");
    issue("1517443200000,10,11,9,10,5,1517446799999,50,1,5,51,0", "taker_exceeds_volume");
    // seen after the outage of 2018-02: a bar that opens late and closes on the grid
    issue("1518168494789,10,11,9,10,5,1518170399999,50,1,2,20,0", "off_grid");
    // seen around maintenance
    issue("1517443200000,10,11,9,10,5,1517445000000,50,1,2,20,0", "early_close");
    issue("1517443200001,10,11,9,10,5,1517445000000,50,1,2,20,0", "off_grid,early_close");
    issue("1517443200000,10,11,9,10,5,1517446799999,50,-1,2,20,0", "bad_count");
    issue("1517443200000,10,11,9,10,5,1517446799999,50,9007199254740992,2,20,0", "bad_count");
    issue("1517443200000,10,11,9,10,5,1517446799999,5E1,1,2e0,20,0", "");
    // what is in the ignored column matters to nobody
    issue("1517443200000,10,11,9,10,5,1517446799999,50,1,2,20,what", "");
}

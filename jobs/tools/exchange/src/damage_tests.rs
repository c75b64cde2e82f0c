//! Tests of the damage: rows in, spoiled rows out.

use crate::damage::Damage;
use crate::faults::{Fault, Rows, TimeUnit};
use crate::name::ArchiveName;

const TRADES: &str = "data/spot/monthly/trades/BTCUSDT/BTCUSDT-trades-2024-01.zip";
const BARS: &str = "data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-01-02.zip";

/// Trade number `n`, `n` hours into January 2024.
fn trade(n: i64) -> String {
    let time = 1_704_067_200_000 + n * 3_600_000;
    format!("{n},2.50000000,1.00000000,2.50000000,{time},True,True\n")
}

/// The bar of hour `n` of 2024-01-02.
fn bar(n: i64) -> String {
    let open = 1_704_153_600_000 + n * 3_600_000;
    let close = open + 3_599_999;
    format!("{open},1.0,1.0,1.0,1.0,5.10,{close},5.10,3,2.00,2.00,0\n")
}

/// Feeds the rows in pieces of whole lines and gathers what comes out.
fn spoil(key: &str, rows: &[String], faults: &[Fault]) -> String {
    let name = ArchiveName::parse(key).unwrap();
    let mut out = Vec::new();
    let mut damage = Damage::new(&name, faults);
    assert!(!damage.is_none(), "{faults:?}");
    for piece in rows.chunks(3) {
        damage
            .feed(piece.concat().as_bytes(), &mut |row| {
                out.extend_from_slice(&row);
                Ok(())
            })
            .unwrap();
    }
    damage
        .finish(&mut |row| {
            out.extend_from_slice(&row);
            Ok(())
        })
        .unwrap();
    String::from_utf8(out).unwrap()
}

/// Ten trades, spoiled; `expect` names the rows by their ids.
fn check_order(fault: &Fault, expect: &[i64]) {
    let rows: Vec<String> = (1..=10).map(trade).collect();
    let got = spoil(TRADES, &rows, std::slice::from_ref(fault));
    let want: String = expect.iter().map(|n| trade(*n)).collect();
    assert_eq!(got, want, "{fault:?}");
}

#[test]
fn rows_move_and_vanish() {
    check_order(&Fault::Interleave { ways: 2, run: 2 }, &[1, 2, 7, 8, 3, 4, 9, 10, 5, 6]);
    check_order(&Fault::Interleave { ways: 3, run: 1 }, &[1, 5, 9, 2, 6, 10, 3, 7, 4, 8]);
    check_order(&Fault::Interleave { ways: 100, run: 1 }, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    check_order(
        &Fault::OutOfOrder { which: Rows::every(4), by: 2 },
        &[1, 2, 3, 5, 6, 4, 7, 9, 10, 8],
    );
    check_order(
        &Fault::DuplicateRows { which: Rows::these(&[2, 9]), later: 0 },
        &[1, 2, 2, 3, 4, 5, 6, 7, 8, 9, 9, 10],
    );
    check_order(
        &Fault::DuplicateRows { which: Rows::these(&[2, 9]), later: 3 },
        &[1, 2, 3, 4, 5, 2, 6, 7, 8, 9, 10, 9],
    );
    check_order(&Fault::MissingRows { which: Rows::span(3, 6) }, &[1, 2, 9, 10]);
    check_order(&Fault::Truncated { keep: 3, mid_line: false }, &[1, 2, 3]);
}

#[test]
fn days_go_missing_and_end_early() {
    let rows: Vec<String> = (0..60).map(trade).collect();
    let check = |fault: Fault, left: &[std::ops::Range<i64>]| {
        let want: String = left.iter().cloned().flatten().map(trade).collect();
        assert_eq!(spoil(TRADES, &rows, &[fault]), want);
    };
    check(Fault::MissingDays { days: vec!["2024-01-02".parse().unwrap()] }, &[0..24, 48..60]);
    // the last day of the file's month is far away, so nothing is late
    check(Fault::PartialDay { minutes: 60 }, std::slice::from_ref(&(0..60)));
    let day: Vec<String> = (0..24).map(bar).collect();
    let got = spoil(BARS, &day, &[Fault::PartialDay { minutes: 90 }]);
    assert_eq!(got, bar(0) + &bar(1));
}

#[test]
fn lines_break() {
    let rows: Vec<String> = (1..=4).map(trade).collect();
    let check = |fault: Fault, expect: String| {
        assert_eq!(spoil(TRADES, &rows, std::slice::from_ref(&fault)), expect, "{fault:?}");
    };
    let line = |n| trade(n).trim_end().to_owned();
    check(
        Fault::FusedRows { which: Rows::these(&[2]) },
        trade(1) + &line(2) + &trade(3) + &trade(4),
    );
    check(Fault::FusedRows { which: Rows::these(&[4]) }, rows.concat());
    check(Fault::Crlf, rows.concat().replace('\n', "\r\n"));
    check(
        Fault::GarbageLines { which: Rows::these(&[3]), text: "<html>".to_owned() },
        trade(1) + &trade(2) + "<html>\n" + &trade(3) + &trade(4),
    );
    let half = trade(3)[..trade(3).len() / 2].to_owned();
    check(Fault::Truncated { keep: 2, mid_line: true }, trade(1) + &trade(2) + &half);
}

#[test]
fn fields_change() {
    let check = |key: &str, row: &str, fault: Fault, expect: &str| {
        let got = spoil(key, &[format!("{row}\n")], std::slice::from_ref(&fault));
        assert_eq!(got, format!("{expect}\n"), "{fault:?}");
    };
    let all = || Rows::every(1);
    let row = "7,2.50000000,2.00000000,5.00000000,1700270123456,True,True";
    let conflict = "7,2.60000000,2.00000000,5.20000000,1700270123456,True,True";
    let both = format!("{row}\n{conflict}");
    check(TRADES, row, Fault::ConflictingRows { which: all() }, &both);
    check(
        TRADES,
        row,
        Fault::MangledTimes { which: all() },
        "7,2.50000000,2.00000000,5.00000000,1.70027E+12,True,True",
    );
    check(
        TRADES,
        row,
        Fault::OutsidePeriod { which: all(), days: -1 },
        "7,2.50000000,2.00000000,5.00000000,1700183723456,True,True",
    );
    check(
        TRADES,
        row,
        Fault::Times(TimeUnit::Us),
        "7,2.50000000,2.00000000,5.00000000,1700270123456000,True,True",
    );
    check(
        TRADES,
        "7,2.50000000,2.00000000,5.00000000,1700270123456789,True,True",
        Fault::Times(TimeUnit::Ms),
        row,
    );
    let row = "1704153600000,1.0,1.0,1.0,1.0,5.10,1704157199999,5.10,3,2.00,2.00,0";
    check(
        BARS,
        row,
        Fault::OffGrid { which: all(), shift_ms: 1_694_789 },
        "1704155294789,1.0,1.0,1.0,1.0,5.10,1704158894788,5.10,3,2.00,2.00,0",
    );
    check(
        BARS,
        row,
        Fault::EarlyClose { which: all(), by_ms: 1_905_305 },
        "1704153600000,1.0,1.0,1.0,1.0,5.10,1704155294694,5.10,3,2.00,2.00,0",
    );
    check(
        BARS,
        row,
        Fault::IgnoreColumn { value: "7887.63551305".to_owned() },
        "1704153600000,1.0,1.0,1.0,1.0,5.10,1704157199999,5.10,3,2.00,2.00,7887.63551305",
    );
    check(
        BARS,
        row,
        Fault::Times(TimeUnit::Us),
        "1704153600000000,1.0,1.0,1.0,1.0,5.10,1704157199999999,5.10,3,2.00,2.00,0",
    );
    check(
        BARS,
        row,
        Fault::ConflictingRows { which: all() },
        &format!("{row}\n{}", row.replacen("5.10", "5.20", 1)),
    );
}

#[test]
fn other_quantities_differ_in_every_row_and_stay_exact() {
    let name = ArchiveName::parse(TRADES).unwrap();
    let mut damage = Damage::new(&name, &[]).other_quantities();
    let mut out = Vec::new();
    damage
        .feed(trade(1).as_bytes(), &mut |row| {
            out.extend_from_slice(&row);
            Ok(())
        })
        .unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.starts_with("1,2.50000000,2.00000000,5.00000000,"), "{text}");
}

#[test]
fn defects_add_up_in_their_order() {
    let rows: Vec<String> = (1..=4).map(trade).collect();
    let faults = [
        Fault::MissingRows { which: Rows::these(&[1]) },
        Fault::DuplicateRows { which: Rows::these(&[1]), later: 0 },
    ];
    let want = trade(2) + &trade(2) + &trade(3) + &trade(4);
    assert_eq!(spoil(TRADES, &rows, &faults), want, "the rows left are counted anew");
}

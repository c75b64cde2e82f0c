//! Small files in whole: which unit each line comes to, and what is told.

use super::*;
use crate::histdata::form::BARS;
use crate::histdata::names::Name;
use crate::rules::Bounds;

/// The lines of a unit and its notes, from a file of the given name; `report` lies beside the lines.
fn lines_of(
    period: &str,
    name: &str,
    rule: &str,
    text: &str,
    report: &str,
) -> (Vec<String>, Vec<String>) {
    let unit: Unit = format!("histdata/forex/klines/EURUSD/1m/{period}").parse().expect(period);
    let name: Name = format!("HISTDATA_COM_ASCII_EURUSD_M1{name}.zip").parse().expect(name);
    let mut lines = Lines::new(&unit, name.series, Clock::of(rule.parse().expect(rule)));
    text.split('\n').for_each(|line| lines.see(line.as_bytes()));
    assert!(lines.beside().is_some_and(|name| name.contains(".txt")));
    if !report.is_empty() {
        lines.take_beside(report.as_bytes());
    }
    let mut into = Vec::new();
    text.split('\n').for_each(|line| lines.translate(line.as_bytes(), &mut into));
    let into = String::from_utf8(into).expect("text");
    assert_eq!(into.lines().count(), text.split('\n').count(), "a line for each line");
    (into.lines().map(str::to_owned).collect(), lines.notes())
}

/// The first files are of a time whose microseconds have a digit less.
#[test]
fn instants_of_the_first_years_are_read_too() {
    let text = "20000530 170000;0.9302;0.9302;0.9302;0.9302;0";
    let (lines, _) = lines_of("2000-05", "2000", "UTC-5", text, "");
    assert!(lines[0].starts_with("0959724000000000,"), "{lines:?}");
    let unit: Unit = "histdata/forex/klines/EURUSD/1m/2000-05".parse().expect("unit");
    let row = BARS.read(lines[0].as_bytes(), &Bounds::of(&unit)).expect("a row");
    assert_eq!(row.longs[0], 959_724_000_000_000);
}

#[test]
fn each_line_comes_to_one_unit() {
    let text = "\u{feff}x;1;1;1;1;0\n\
                20240131 185900;1.10;1.2;1.0;1.1;0\r\n\
                20240131 185900;1.10;1.2;1.0;bad;0\n\
                20240131 190000;1.20;1.2;1.0;1.1;0\n\
                20240131 190100;1.20,1.2;1.0;1.1;0\n\
                20240201 000000;1.20;1.2;1.0;1.1;0\n\
                \n\
                1706745540000000,0,x,1,1,1,1,0\n";
    let (month, _) = lines_of("2024-01", "202401", "UTC-5", text, "");
    let (day, _) = lines_of("2024-02-01", "202401", "UTC-5", text, "");
    let of_month = [
        "x;1;1;1;1;0",
        "1706745540000000,2,20240131 185900,1.10,1.2,1.0,1.1,0",
        "20240131 185900;1.10;1.2;1.0;bad;0",
        "",
        "",
        "",
        "",
        "",
        "",
    ];
    assert_eq!(month, of_month);
    let of_day = [
        "",
        "",
        "",
        "1706745600000000,2,20240131 190000,1.20,1.2,1.0,1.1,0",
        "20240131 190100;1.20,1.2;1.0;1.1;0",
        // not of the file's month
        "20240201 000000;1.20;1.2;1.0;1.1;0",
        "",
        // never taken for a translated one
        "? 1706745540000000,0,x,1,1,1,1,0",
        "",
    ];
    assert_eq!(day, of_day);
    // of a year whose clock is ahead of UTC the first line may be of the day before
    let text = "20240101 000000;1;1;1;1;0\nwhat\n20240201 030000;1;1;1;1;0";
    let check = |period: &str, expect: [&str; 3]| {
        assert_eq!(lines_of(period, "2024", "UTC+2", text, "").0, expect, "{period}");
    };
    // it is the hour of the market's open
    check("2023-12-31", ["1704060000000000,0,20240101 000000,1,1,1,1,0", "what", ""]);
    check("2024-01", ["", "", ""]);
    check("2024-02", ["", "", "1706749200000000,2,20240201 030000,1,1,1,1,0"]);
}

/// The same of a file of ticks.
fn ticks_of(period: &str, rule: &str, text: &str, report: &str) -> (Vec<String>, Vec<String>) {
    let unit: Unit = format!("histdata/forex/quotes/EURUSD/{period}").parse().expect(period);
    let name: Name = "HISTDATA_COM_ASCII_EURUSD_T202401.zip".parse().expect("name");
    let mut lines = Lines::new(&unit, name.series, Clock::of(rule.parse().expect(rule)));
    text.split('\n').for_each(|line| lines.see(line.as_bytes()));
    lines.take_beside(report.as_bytes());
    let mut into = Vec::new();
    text.split('\n').for_each(|line| lines.translate(line.as_bytes(), &mut into));
    let into = String::from_utf8(into).expect("text");
    (into.lines().map(str::to_owned).collect(), lines.notes())
}

#[test]
fn ticks_have_their_place_in_the_millisecond() {
    let text = "20240131 185959998,1.10,1.11,0\r\n\
                20240131 185959999,1.10,1.11,0\n\
                20240131 185959999,1.10,1.11,0\n\
                20240131 185959999,1.12,1.13,0\n\
                20240131 185959999;1.12;1.13;0\n\
                20240131 190000000,1.12,1.13,0\n\
                20240131 190000000,1.12,1.13,0,1.1,1.1,0\n\
                20240201 000000000,1.12,1.13,0";
    let month = [
        "1706745599998000,1706745599998000,2,20240131 185959998,1.10,1.11,0",
        "1706745599999000,1706745599999000,2,20240131 185959999,1.10,1.11,0",
        "1706745599999000,1706745599999000,2,20240131 185959999,1.10,1.11,0",
        "1706745599999000,1706745599999001,2,20240131 185959999,1.12,1.13,0",
        "20240131 185959999;1.12;1.13;0",
        "",
        "",
        "",
    ];
    assert_eq!(ticks_of("2024-01", "UTC-5", text, "").0, month);
    let day = [
        "",
        "",
        "",
        "",
        "",
        "1706745600000000,1706745600000000,2,20240131 190000000,1.12,1.13,0",
        // never taken for a translated one
        "? 20240131 190000000,1.12,1.13,0,1.1,1.1,0",
        // not of the file's month
        "20240201 000000000,1.12,1.13,0",
    ];
    assert_eq!(ticks_of("2024-02-01", "UTC-5", text, "").0, day);
}

#[test]
fn the_report_of_gaps_of_ticks_is_compared_by_the_second() {
    let text = "20240102 100000123,1,1,0\n20240102 100107500,1,1,0\n20240102 100307600,1,1,0\n\
                20240102 100411100,1,1,0\n20240102 101500000,1,1,0";
    let note = |report: &str| {
        let (_, notes) = ticks_of("2024-01", "UTC-5", text, report);
        notes.into_iter().filter(|note| note.contains("report of gaps")).collect::<Vec<_>>()
    };
    let whole = "Gap of 61s found between 20240102100000 and 20240102100107.\n\
                 Gap of 113s found between 20240102100107 and 20240102100307.\n\
                 Gap of 642s found between 20240102100411 and 20240102101500.\n";
    // the gap from 10:03:07 on is one of 63 seconds, of which some reports know nothing
    assert_eq!(note(whole), [""; 0]);
    let two = "Gap of 61s found between 20240102100000 and 20240102100107.\n\
               Gap of 113s found between 20240102100107 and 20240102100307.\n\
               Gap of 200s found between 20240102101500 and 20240102102000.\n";
    assert_eq!(
        note(two),
        [
            "the provider's report of gaps and the lines agree on 2; 0 are in the report alone, 1 in the \
             lines alone (the first from 2024-01-02 10:04:11 to 2024-01-02 10:15:00)"
        ]
    );
}

#[test]
fn a_file_without_a_row_is_told_by_its_first_unit() {
    let text = "a\nb;c\n20240101 000000;1;1;1;1;0";
    assert_eq!(
        lines_of("2023-01", "2023", "UTC-5", text, "").0,
        text.split('\n').collect::<Vec<_>>()
    );
    assert_eq!(lines_of("2023-02", "2023", "UTC-5", text, "").0, ["", "", ""]);
    assert_eq!(lines_of("2024-01-01", "2023", "UTC-5", text, "").0, ["", "", ""]);
}

#[test]
fn the_report_of_gaps_is_compared_where_the_unit_is() {
    let text = "20240102 100000;1;1;1;1;0\n20240102 100300;1;1;1;1;0\n20240102 100600;1;1;1;1;0\n\
                20240205 100000;1;1;1;1;0";
    let report = "HistData.com (c) 2012\n\
                  Gap of 121s found between 20240102100001 and 20240102100302.\n\
                  Gap of 121s found between 20240110100001 and 20240110100302.\n\
                  Gap of one\n";
    let note = |notes: &[String]| {
        notes.iter().filter(|note| note.contains("report of gaps")).cloned().collect::<Vec<_>>()
    };
    let (_, notes) = lines_of("2024-01", "2024", "UTC-5", text, report);
    assert_eq!(
        note(&notes),
        [
            "the provider's report of gaps and the lines agree on 1; 0 are in the report alone, 1 in the \
             lines alone (the first from 2024-01-02 10:03:00 to 2024-01-02 10:06:00)",
            "1 lines of the provider's report of gaps cannot be read, the first is line 4: `Gap of one`",
        ]
    );
    let (_, notes) = lines_of("2024-02", "2024", "UTC-5", text, report);
    assert_eq!(note(&notes), [""; 0]);
}

#[test]
fn weeks_that_contradict_the_clock_are_told() {
    // a whole week by a clock that is an hour behind what is configured
    let start = "2024-01-07T22:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().expect("instant");
    let minutes = |days: i64| days * 24 * 60;
    let lines: Vec<String> = (0..minutes(5))
        .map(|n| {
            let local = start + chrono::TimeDelta::minutes(n) - chrono::TimeDelta::hours(5);
            format!("{};1;1;1;1;0", local.format("%Y%m%d %H%M%S"))
        })
        .collect();
    let text = lines.join("\n");
    let (found, notes) = lines_of("2024-01", "202401", "UTC-4", &text, "");
    assert!(found[0].contains(",4,20240107 170000,"), "{}", found[0]);
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains("UTC-4 is contradicted, the market's hours say UTC-5"), "{notes:?}");
    let (found, notes) = lines_of("2024-01", "202401", "UTC-5", &text, "");
    assert!(found[0].starts_with("1704664800000000,0,20240107 170000,"), "{}", found[0]);
    assert_eq!(notes, [""; 0]);
}

//! What is known of single days, and all days of NYSE against the package that they are from.

use std::fmt::Write as _;

use chrono::DateTime;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::*;

const MINUTE: i64 = 60_000_000;

fn day(text: &str) -> Day {
    text.parse().expect(text)
}

/// An instant such as `2024-01-02 14:30`, in µs since the epoch.
fn at(text: &str) -> i64 {
    let time = DateTime::parse_from_str(&format!("{text}:00 +0000"), "%Y-%m-%d %H:%M:%S %z");
    time.expect(text).timestamp_micros()
}

/// Spans as people read them.
fn shown<'a>(spans: impl IntoIterator<Item = &'a Range<i64>>) -> String {
    let show = |micros| DateTime::from_timestamp_micros(micros).expect("an instant");
    let span = |span: &Range<i64>| {
        format!("{}..{}", show(span.start).format("%F %H:%M"), show(span.end).format("%F %H:%M"))
    };
    spans.into_iter().map(span).collect::<Vec<_>>().join(", ")
}

#[test]
fn words_read_back() {
    for calendar in Calendar::ALL {
        assert_eq!(calendar.to_string().parse::<Calendar>().as_ref(), Ok(calendar));
    }
    assert_eq!(
        "nyse".parse::<Calendar>().expect_err("no calendar").to_string(),
        "unknown calendar `nyse`, expected one of 24x7, forex, xnys, xnys-extended"
    );
    assert_eq!(Calendar::Nyse.extended(), Calendar::NyseExtended);
    assert_eq!(Calendar::Forex.extended(), Calendar::Forex);
    assert_eq!(Calendar::Nyse.made().map(|(_, made)| made), Some(NYSE.made));
    assert_eq!(Calendar::Forex.made(), None);
}

#[test]
fn days_have_their_sessions() {
    let check = |calendar: Calendar, date: &str, expect: &str| {
        let session = calendar.session(day(date)).expect(date);
        assert_eq!(shown(&session), expect, "{calendar} {date}");
    };
    let nyse = |date: &str, hours: &str| {
        let expect = match hours.split_once('-') {
            Some((open, close)) => format!("{date} {open}..{date} {close}"),
            None => String::new(),
        };
        check(Calendar::Nyse, date, &expect);
    };
    // normal days, in winter and in summer
    nyse("2024-01-02", "14:30-21:00");
    nyse("2024-07-02", "13:30-20:00");
    // around the Sundays on which the clock changes
    nyse("2024-03-08", "14:30-21:00");
    nyse("2024-03-10", "closed");
    nyse("2024-03-11", "13:30-20:00");
    nyse("2024-11-01", "13:30-20:00");
    nyse("2024-11-03", "closed");
    nyse("2024-11-04", "14:30-21:00");
    // half days: after Thanksgiving, before Independence Day, before Christmas
    nyse("2023-11-24", "14:30-18:00");
    nyse("2024-07-03", "13:30-17:00");
    nyse("2024-12-24", "14:30-18:00");
    // until 1993 they ended at 14:00
    nyse("1992-12-24", "14:30-19:00");
    // a late opening: the first anniversary of September 11
    nyse("2002-09-11", "16:00-20:00");
    // trading was halted for good
    nyse("1997-10-27", "14:30-20:30");
    for closed in [
        "2024-01-01", // New Year
        "2024-01-15", // Martin Luther King
        "2024-02-19", // Washington
        "2024-03-29", // Good Friday
        "2023-04-07",
        "2024-05-27", // Memorial Day
        "2022-06-20", // Juneteenth, of a Sunday
        "2023-06-19",
        "2024-06-19",
        "2024-07-04", // Independence Day
        "2026-07-03",
        "2024-09-02", // Labor Day
        "2024-11-28", // Thanksgiving
        "2024-12-25", // Christmas
        "2021-12-24",
        "2001-09-11", // September 11
        "2001-09-12",
        "2001-09-13",
        "2001-09-14",
        "1994-04-27", // mourning: Nixon, Reagan, Ford, Bush, Carter
        "2004-06-11",
        "2007-01-02",
        "2018-12-05",
        "2025-01-09",
        "2012-10-29", // Hurricane Sandy
        "2012-10-30",
        "2024-06-15", // a weekend
        "2024-06-16",
    ] {
        nyse(closed, "closed");
    }
    // open, in spite of what one may think: before Juneteenth was kept, on Columbus Day, on
    // Veterans Day, on the Friday before a New Year that is a Saturday
    nyse("2021-06-18", "13:30-20:00");
    nyse("2020-06-19", "13:30-20:00");
    nyse("2024-10-14", "13:30-20:00");
    nyse("2024-11-11", "14:30-21:00");
    nyse("2021-12-31", "14:30-21:00");
    nyse("2012-10-31", "13:30-20:00");

    let extended = |date, expect| check(Calendar::NyseExtended, date, expect);
    extended("2024-01-02", "2024-01-02 09:00..2024-01-03 01:00");
    extended("2024-07-02", "2024-07-02 08:00..2024-07-03 00:00");
    extended("2024-07-03", "2024-07-03 08:00..2024-07-03 21:00");
    extended("2024-12-24", "2024-12-24 09:00..2024-12-24 22:00");
    extended("2025-01-09", "");

    let forex = |date, expect| check(Calendar::Forex, date, expect);
    forex("2024-01-08", "2024-01-07 22:00..2024-01-08 22:00");
    forex("2024-07-05", "2024-07-04 21:00..2024-07-05 21:00");
    forex("2024-07-06", "");
    forex("2024-07-07", "");
    // the Monday after the clock has changed
    forex("2024-03-11", "2024-03-10 21:00..2024-03-11 21:00");
    forex("2024-11-04", "2024-11-03 22:00..2024-11-04 22:00");
    forex("2024-12-25", "");
    forex("2019-01-01", "");

    check(Calendar::Always, "2024-03-10", "2024-03-10 00:00..2024-03-11 00:00");
    check(Calendar::Always, "9999-12-31", "9999-12-31 00:00..+10000-01-01 00:00");
}

#[test]
fn all_of_nyse_is_what_the_package_says() {
    let head = |word: &str| {
        let text = include_str!("xnys.csv");
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("# {word}: ")));
        line.expect(word)
    };
    let (first, last) = Calendar::Nyse.validity().into_inner();
    let (mut lines, mut sessions) = (String::new(), 0);
    for day in first.to(last) {
        let market = Calendar::Nyse.session(day).expect("a day it vouches for");
        let extended = Calendar::NyseExtended.session(day).expect("a day it vouches for");
        let (Some(market), Some(extended)) = (market, extended) else { continue };
        let [early, open, close, late] =
            [extended.start, market.start, market.end, extended.end].map(|at| at / 1_000_000);
        writeln!(lines, "{early} {open} {close} {late}").expect("a line");
        sessions += 1;
    }
    assert_eq!(sessions.to_string(), head("sessions"));
    let mut sum = String::new();
    for byte in Sha256::digest(lines) {
        write!(sum, "{byte:02x}").expect("a byte");
    }
    assert_eq!(sum, head("instants"), "other instants than the package has; see make.py");
}

#[test]
fn a_span_is_open_in_part() {
    let check = |calendar: Calendar, from: &str, to: &str, expect: &str| {
        let open = calendar.open(at(from)..at(to)).expect(from);
        assert_eq!(shown(&open), expect, "{calendar} {from}");
    };
    // UTC days: a day's last hours lie on the next one
    let extended = |from, to, expect| check(Calendar::NyseExtended, from, to, expect);
    extended(
        "2024-01-03 00:00",
        "2024-01-04 00:00",
        "2024-01-03 00:00..2024-01-03 01:00, 2024-01-03 09:00..2024-01-04 00:00",
    );
    extended("2024-01-06 00:00", "2024-01-07 00:00", "2024-01-06 00:00..2024-01-06 01:00");
    extended("2024-07-06 00:00", "2024-07-08 00:00", "");
    check(
        Calendar::Nyse,
        "2024-07-03 15:00",
        "2024-07-05 14:00",
        "2024-07-03 15:00..2024-07-03 17:00, 2024-07-05 13:30..2024-07-05 14:00",
    );
    // a week of forex is one span; here the clock changes before it begins, and after
    let forex = |from, to, expect| check(Calendar::Forex, from, to, expect);
    forex("2024-03-09 00:00", "2024-03-17 00:00", "2024-03-10 21:00..2024-03-15 21:00");
    forex("2024-10-27 00:00", "2024-11-03 00:00", "2024-10-27 21:00..2024-11-01 21:00");
    forex("2024-11-03 00:00", "2024-11-10 00:00", "2024-11-03 22:00..2024-11-08 22:00");
    forex(
        "2018-12-30 00:00",
        "2019-01-05 00:00",
        "2018-12-30 22:00..2018-12-31 22:00, 2019-01-01 22:00..2019-01-04 22:00",
    );
    let always = |from, to, expect| check(Calendar::Always, from, to, expect);
    always("1969-12-30 23:59", "1970-01-03 00:01", "1969-12-30 23:59..1970-01-03 00:01");
    always("2024-01-01 00:00", "2024-01-01 00:00", "");
    always("2024-01-02 00:00", "2024-01-01 00:00", "");
}

#[test]
fn an_instant_is_open_or_not() {
    let check = |calendar: Calendar, opens: &str, closes: &str| {
        let (opens, closes) = (at(opens), at(closes));
        let expect = [(opens - 1, false), (opens, true), (closes - 1, true), (closes, false)];
        for (micros, open) in expect {
            assert_eq!(calendar.is_open(micros), Ok(open), "{calendar} {micros}");
        }
    };
    check(Calendar::Nyse, "2024-01-02 14:30", "2024-01-02 21:00");
    check(Calendar::Nyse, "2024-07-03 13:30", "2024-07-03 17:00");
    check(Calendar::NyseExtended, "2024-01-02 09:00", "2024-01-03 01:00");
    // a week of forex in winter and in summer
    check(Calendar::Forex, "2024-01-07 22:00", "2024-01-12 22:00");
    check(Calendar::Forex, "2024-07-07 21:00", "2024-07-12 21:00");
}

#[test]
fn bars_are_counted() {
    let check = |calendar: Calendar, period: &str, timeframe: Timeframe, expect: u64| {
        let bars = calendar.bars(period.parse().expect(period), timeframe).expect(period);
        assert_eq!(bars.len(), expect, "{calendar} {period} {timeframe}");
    };
    let nyse = |period, timeframe, expect| check(Calendar::Nyse, period, timeframe, expect);
    nyse("2024-01-02", Timeframe::M1, 390);
    nyse("2024-07-02", Timeframe::M1, 390);
    nyse("2024-07-03", Timeframe::M1, 210);
    nyse("2024-07-04", Timeframe::M1, 0);
    nyse("2024-01-02", Timeframe::S1, 23_400);
    nyse("2024-01-02", Timeframe::M5, 78);
    nyse("2024-01-02", Timeframe::M30, 13);
    // 14:30 to 21:00 is in part in seven hours
    nyse("2024-01-02", Timeframe::H1, 7);
    nyse("2024-01-02", Timeframe::H4, 3);
    nyse("2024-01-02", Timeframe::D1, 1);
    // 252 days had sessions in 2024, 21 of them in January, one of 22 in July was a half day
    nyse("2024-01", Timeframe::D1, 21);
    nyse("2024-01", Timeframe::M1, 21 * 390);
    nyse("2024-07", Timeframe::M1, 21 * 390 + 210);
    check(Calendar::NyseExtended, "2024-07-02", Timeframe::M1, 960);
    // the first hour is of the day before, which was a holiday
    check(Calendar::NyseExtended, "2024-01-02", Timeframe::M1, 900);
    check(Calendar::NyseExtended, "2024-01-03", Timeframe::M1, 960);
    // Sunday, Monday, Friday, Saturday
    let forex = |period, expect| check(Calendar::Forex, period, Timeframe::M1, expect);
    forex("2024-01-07", 120);
    forex("2024-07-07", 180);
    forex("2024-01-08", 1440);
    forex("2024-01-12", 1320);
    forex("2024-07-12", 1260);
    forex("2024-01-13", 0);
    check(Calendar::Always, "2024-02", Timeframe::M1, 29 * 1440);
    check(Calendar::Always, "2024-02-29", Timeframe::S1, 86_400);

    let bars = Calendar::Nyse.bars("2024-07-03".parse().expect("a day"), Timeframe::M1);
    let bars = bars.expect("a day it vouches for");
    let places: Vec<i64> = bars.iter().collect();
    assert_eq!((places[0], places[209]), (at("2024-07-03 13:30"), at("2024-07-03 16:59")));
    assert!(bars.contains(places[209]) && !bars.contains(places[209] + MINUTE));
}

#[test]
fn sessions_follow_each_other() {
    let check = |calendar: Calendar, before: &str, after: &str| {
        assert_eq!(calendar.next_session(day(before)), Ok(day(after)), "{calendar} {before}");
        assert_eq!(calendar.previous_session(day(after)), Ok(day(before)), "{calendar} {after}");
    };
    check(Calendar::Nyse, "2024-07-02", "2024-07-03");
    check(Calendar::Nyse, "2024-07-03", "2024-07-05");
    check(Calendar::Nyse, "2001-09-10", "2001-09-17");
    check(Calendar::Nyse, "2012-10-26", "2012-10-31");
    check(Calendar::Forex, "2024-01-05", "2024-01-08");
    check(Calendar::Forex, "2018-12-31", "2019-01-02");
    check(Calendar::Always, "2024-02-28", "2024-02-29");
    // from a day without one
    assert_eq!(Calendar::Nyse.next_session(day("2024-07-06")), Ok(day("2024-07-08")));
    assert_eq!(Calendar::Nyse.previous_session(day("2024-07-04")), Ok(day("2024-07-03")));
}

#[test]
fn days_beyond_what_is_known_are_told() {
    let (first, last) = Calendar::Nyse.validity().into_inner();
    let beyond = last.next();
    assert_eq!(
        Calendar::NyseExtended.session(beyond).expect_err("beyond").to_string(),
        format!(
            "calendar `xnys-extended` vouches for {first} to {last}, not for {beyond}; for later \
             days take a newer release, or make its file anew: ops/calendars/README.md"
        )
    );
    for calendar in Calendar::ALL.iter().copied() {
        let (first, last) = calendar.validity().into_inner();
        let refused = |day: Day| Err(OutsideValidity { calendar, day, first, last });
        assert!(calendar.session(first).is_ok() && calendar.session(last).is_ok());
        for day in [first.minus(1), last.next()] {
            assert_eq!(calendar.session(day), refused(day).map(|()| None));
            // also in the night, when it is closed
            assert!(calendar.is_open(day.start_micros()).is_err(), "{calendar} {day}");
            let month = Period::Month(day.month());
            assert!(calendar.bars(month, Timeframe::M1).is_err(), "{calendar} {month}");
        }
        assert_eq!(calendar.next_session(last), refused(last.next()).map(|()| last));
        assert!(calendar.previous_session(first).is_err());
        for micros in [i64::MIN, i64::MAX] {
            assert!(calendar.is_open(micros).is_err(), "{calendar} {micros}");
        }
        assert!(calendar.open(i64::MIN..i64::MAX).is_err());
    }
    // forex's 1 January begins in the evening before, which nobody vouches for
    let evening = at("2099-12-31 22:00");
    assert!(Calendar::Forex.is_open(evening - 1).is_ok());
    let error = Calendar::Forex.is_open(evening).expect_err("its day is not known");
    assert_eq!(error.day, day("2100-01-01"));
    // nor are weekends beyond, though they are closed
    assert!(Calendar::Nyse.is_open(at("2099-01-03 12:00")).is_err());
}

proptest! {
    #[test]
    fn no_instants_make_it_panic(
        start: i64,
        end: i64,
        near in -1_000_000_000_000_000i64..5_000_000_000_000_000,
        long in 0i64..10_000_000_000_000,
    ) {
        for calendar in Calendar::ALL {
            let _ = calendar.is_open(start);
            // a span as long as all of time takes its time
            let _ = calendar.open(start..end.min(start.saturating_add(long)));
            let Ok(open) = calendar.open(near..near + long) else { continue };
            // in order, within the span, and open where it says so
            prop_assert!(open.windows(2).all(|w| w[0].end < w[1].start));
            for part in &open {
                prop_assert!(near <= part.start && part.start < part.end && part.end <= near + long);
                prop_assert_eq!(calendar.is_open(part.start), Ok(true));
                prop_assert_eq!(calendar.is_open(part.end - 1), Ok(true));
            }
            for timeframe in [Timeframe::M1, Timeframe::H4, Timeframe::D1] {
                let bars = Bars::of(&open, timeframe);
                prop_assert!(bars.iter().take(1000).all(|at| bars.contains(at)));
            }
        }
    }
}

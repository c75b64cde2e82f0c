//! What is booked when, by tables and by chance.

use chrono::TimeDelta;
use chrono_tz::Tz;
use proptest::prelude::*;

use super::*;

const DAY: &str = "2026-12-01";

fn time(text: &str) -> DateTime<Utc> {
    let text = if text.contains('T') { text.to_owned() } else { format!("{DAY}T{text}") };
    format!("{text}Z").parse().expect(&text)
}

fn limits(per_second: Option<u32>, per_minute: Option<u32>, per_day: Option<u32>) -> Limits {
    Limits { requests_per_second: per_second, per_minute, per_day, ..Limits::default() }
}

fn book(spent: &mut Spent, limits: &Limits, now: &str, credits: u32, by: &str) -> String {
    let now = time(now);
    match spent.book(limits, &Booking { credits, by, now, ready: now }) {
        Ok(at) => at.format("%H:%M:%S%.3f").to_string(),
        Err(NotNow::Day { until, told, by }) => {
            let by: Vec<_> = by.iter().map(|(name, n)| format!("{name} {n}")).collect();
            let told = if told { " told" } else { "" };
            format!("day until {}{told} by {}", until.format("%dT%H:%M:%S"), by.join(", "))
        }
        Err(other) => format!("{other:?}"),
    }
}

/// Requests `now credits`, each by run `a`, and the instants that they get.
fn check(limits: &Limits, wishes: &[&str], expect: &[&str]) {
    let mut spent = Spent::default();
    let found: Vec<_> = wishes
        .iter()
        .map(|wish| {
            let (now, credits) = wish.split_once(' ').expect(wish);
            book(&mut spent, limits, now, credits.parse().expect(wish), "a")
        })
        .collect();
    assert_eq!(found, expect, "{wishes:?}");
}

#[test]
fn no_minute_has_more_than_its_credits() {
    let eight = limits(None, Some(8), None);
    check(
        &eight,
        &["10:00:00 4", "10:00:30 4", "10:00:31 1", "10:00:31 4", "10:01:40 8"],
        // the first four count until 10:01:04, the second four until 10:01:34
        &["10:00:00.000", "10:00:30.000", "10:01:04.000", "10:01:34.000", "10:02:38.000"],
    );
    // a clock that is behind, and one that comes later, wait for the same
    check(
        &eight,
        &["10:00:00 8", "09:59:58 1", "10:00:00 7", "10:01:05 1"],
        &["10:00:00.000", "10:01:04.000", "10:01:04.000", "10:02:08.000"],
    );
    check(
        &eight,
        &["10:00:00 8", "10:00:00 8", "10:00:00 8", "10:00:07.999 8", "10:00:08 8"],
        &[
            "10:00:00.000",
            "10:01:04.000",
            // 10:02:08 is further ahead than anything is booked
            "Later(2026-12-01T10:00:08Z)",
            "Later(2026-12-01T10:00:08Z)",
            "10:02:08.000",
        ],
    );
    check(&eight, &["10:00:00 9"], &["TooMany { window: Minute, most: 8 }"]);
    check(&eight, &["11:00:00 8", "10:40:00 1"], &["11:00:00.000", "Ahead(2026-12-01T11:01:04Z)"]);
}

#[test]
fn a_provider_that_wants_to_be_left_alone_is() {
    let eight = limits(None, Some(8), None);
    let mut spent = Spent::default();
    let wait = TimeDelta::seconds;
    spent.paused(wait(600), time("10:00:00"));
    // a lesser wish shortens nothing
    spent.paused(wait(5), time("10:00:01"));
    let bytes = spent.to_json().expect("JSON");
    let mut spent = Spent::parse(&bytes).expect("a document");
    assert!(spent.is_closed(time("10:09:59")) && !spent.is_closed(time("10:10:00")));
    let paused = "Paused(2026-12-01T10:10:00Z)";
    assert_eq!(book(&mut spent, &eight, "10:00:02", 1, "a"), paused);
    assert_eq!(book(&mut spent, &eight, "10:07:59", 1, "a"), paused);
    // what is near is waited for
    assert_eq!(book(&mut spent, &eight, "10:08:00", 1, "a"), "10:10:00.000");
    assert_eq!(book(&mut spent, &eight, "10:10:01", 1, "a"), "10:10:01.000");
    // nobody is left alone for ever, and nothing is written of one who never asked for it
    spent.paused(TimeDelta::MAX, time("10:00:00"));
    assert_eq!(book(&mut spent, &eight, "10:10:02", 1, "a"), "Paused(2026-12-05T10:00:00Z)");
    let plain = String::from_utf8(Spent::default().to_json().expect("JSON")).expect("text");
    assert!(!plain.contains("paused"), "{plain}");
}

#[test]
fn seconds_are_spread_and_nothing_limits_nothing() {
    check(
        &limits(Some(4), None, None),
        &["10:00:00 1", "10:00:00 1", "10:00:00.500 5", "10:00:02 1"],
        &["10:00:00.000", "10:00:00.375", "10:00:00.750", "10:00:02.000"],
    );
    check(
        &limits(None, None, None),
        &["10:00:00 900", "10:00:00 900", "09:00:00 1"],
        &["10:00:00.000", "10:00:00.000", "Ahead(2026-12-01T10:00:00Z)"],
    );
}

#[test]
fn days_end() {
    let ten = limits(None, None, Some(10));
    check(
        &ten,
        &["10:00:00 6", "10:00:00 5", "10:00:00 4", "11:00:00 1", "23:59:00 1", "23:59:59 9"],
        &[
            "10:00:00.000",
            "day until 02T00:00:00 by a 6",
            "10:00:00.000",
            "day until 02T00:00:00 by a 10",
            // midnight is near enough to wait for it
            "00:00:02.000",
            "00:00:02.000",
        ],
    );
    // right before midnight both days count it
    check(
        &ten,
        &["23:59:57 10", "2026-12-02T00:00:03 1"],
        &["23:59:57.000", "day until 03T00:00:00 by a 10"],
    );
    check(&ten, &["23:59:55 10", "2026-12-02T00:00:03 1"], &["23:59:55.000", "00:00:03.000"]);
    check(&ten, &["10:00:00 11"], &["TooMany { window: Day, most: 10 }"]);
    let ny = Limits { day_ends: Tz::America__New_York, ..ten };
    check(
        &ny,
        &["2026-12-01T23:00:00 10", "2026-12-02T04:00:00 1", "2026-12-02T05:00:00 1"],
        &["23:00:00.000", "day until 02T05:00:00 by a 10", "05:00:02.000"],
    );
}

#[test]
fn those_who_used_most_are_named_first() {
    let mut spent = Spent::default();
    let ten = limits(None, None, Some(10));
    for (by, credits) in [("a", 2), ("b", 5), ("a", 1)] {
        assert_eq!(book(&mut spent, &ten, "10:00:00", credits, by), "10:00:00.000");
    }
    let full = book(&mut spent, &ten, "10:00:00", 3, "c");
    assert_eq!(full, "day until 02T00:00:00 by b 5, a 3");
    // in another zone the days overlap, and what was used counts for both
    let ny = Limits { day_ends: Tz::America__New_York, ..ten };
    let full = book(&mut spent, &ny, "23:00:00", 3, "c");
    assert_eq!(full, "day until 02T05:00:00 by b 5, a 3");
}

#[test]
fn a_refusal_closes_the_window_for_all() {
    let ten = limits(None, Some(8), Some(10));
    let mut spent = Spent::default();
    assert_eq!(book(&mut spent, &ten, "10:00:00", 1, "a"), "10:00:00.000");
    let (at, now) = (time("10:00:00"), time("10:00:01"));
    spent.refused(&ten, Window::Second, at, now);
    assert_eq!(book(&mut spent, &ten, "10:00:01", 1, "a"), "10:00:03.000");
    spent.refused(&ten, Window::Minute, at, now);
    assert!(spent.is_closed(time("10:01:04")) && !spent.is_closed(time("10:01:05")));
    assert_eq!(book(&mut spent, &ten, "10:00:04", 1, "a"), "10:01:05.000");
    spent.refused(&ten, Window::Day, at, now);
    assert!(spent.is_closed(time("23:59:59")) && !spent.is_closed(time("2026-12-02T00:00:00")));
    assert_eq!(book(&mut spent, &ten, "10:02:00", 1, "a"), "day until 02T00:00:00 told by a 3");
    // a day's refusal right after midnight is of the day before
    spent.refused(&ten, Window::Day, time("2026-12-02T00:00:01"), time("2026-12-02T00:00:02"));
    assert_eq!(book(&mut spent, &ten, "2026-12-02T00:00:03", 1, "a"), "00:00:03.000");
}

#[test]
fn what_others_use_with_the_same_key_counts() {
    let ten = limits(None, Some(8), Some(10));
    let mut spent = Spent::default();
    assert_eq!(book(&mut spent, &ten, "10:00:00", 2, "a"), "10:00:00.000");
    for used in [0, 1, 2] {
        let before = spent.clone();
        spent.told(&ten, used, time("10:00:00"), time("10:00:01"));
        assert_eq!(spent, before, "we know of these");
    }
    spent.told(&ten, 7, time("10:00:00"), time("10:00:01"));
    spent.told(&ten, 7, time("10:00:00"), time("10:00:02"));
    assert_eq!(spent.of_day(&ten, time("10:00:00")), 7);
    assert_eq!(book(&mut spent, &ten, "10:00:02", 1, "a"), "10:00:02.000");
    assert_eq!(book(&mut spent, &ten, "10:00:02", 1, "a"), "10:01:04.000");
    let full = book(&mut spent, &ten, "10:02:00", 2, "a");
    assert_eq!(full, "day until 02T00:00:00 by others 5, a 4");
    spent.told(&ten, u32::MAX, time("10:02:00"), time("10:02:00"));
    assert!(Spent::parse(&spent.to_json().expect("JSON")).is_ok());
}

#[test]
fn what_is_booked_ahead_or_answered_late_is_not_taken_for_that_of_others() {
    let eight = limits(None, Some(8), None);
    let mut spent = Spent::default();
    assert_eq!(book(&mut spent, &eight, "10:00:00", 8, "a"), "10:00:00.000");
    assert_eq!(book(&mut spent, &eight, "10:00:01", 8, "a"), "10:01:04.000");
    spent.told(&eight, 8, time("10:00:00"), time("10:00:02"));
    assert_eq!(spent.of_day(&eight, time("10:00:00")), 16);
    // an answer of the first minute that comes in the second one
    spent.told(&eight, 8, time("10:00:00"), time("10:01:06"));
    assert_eq!(spent.of_day(&eight, time("10:00:00")), 16);
}

#[test]
fn it_stays_small() {
    let mut spent = Spent::default();
    let many = limits(None, Some(5_000), None);
    let mut now = time("10:00:00");
    for n in 0..20_000 {
        now += TimeDelta::milliseconds(30);
        let by = format!("20261201T235959Z-{n:08x}");
        spent.book(&many, &Booking { credits: 1, by: &by, now, ready: now }).expect("room");
    }
    // a minute and what late answers tell of, in quarters of a second
    assert!(spent.booked.len() <= (64 + 30) * 4 + 2, "{}", spent.booked.len());
    let counted: u32 = spent.booked.iter().map(|booked| booked.credits).sum();
    assert!((94_000 / 30..94_250 / 30 + 2).contains(&counted), "{counted}");
    assert!(spent.days[0].by.len() <= MOST_NAMES + 1);
    assert_eq!(spent.days[0].by.values().sum::<u32>(), spent.days[0].credits);
    let text = spent.to_json().expect("JSON");
    assert!(text.len() < 40_000, "{}", text.len());
    assert_eq!(Spent::parse(&text).expect("it reads back"), spent);
}

#[test]
fn what_is_no_such_document_is_refused() {
    let check = |json: &str, expect: &str| {
        let error = Spent::parse(json.as_bytes()).expect_err(json);
        assert!(model::human::chain(&error).contains(expect), "{json}: {error:?}");
    };
    let whole = r#"{"version":1,"closed_until":null,"booked":[],"days":[]}"#;
    assert_eq!(Spent::parse(whole.as_bytes()).expect(whole), Spent::default());
    check(
        r#"{"version":2,"weeks":[]}"#,
        "it is of version 2, expected 1: a newer program wrote it",
    );
    check(r#"{"version":1}"#, "it is damaged; delete it to begin anew");
    check("", "EOF while parsing");
    check(&whole[..30], "EOF while parsing");
    check(&whole.replace("null", "\"-262143-01-01T00:00:00Z\""), "it is damaged");
    check(&whole.replace("null", "\"1969-12-31T00:00:00Z\""), "expected one from 1970 to 9999");
    let booked = |day: u32| format!(r#"{{"at":"2026-12-0{day}T00:00:00Z","credits":1}}"#);
    let unordered = format!("\"booked\":[{},{}]", booked(2), booked(1));
    check(&whole.replace("\"booked\":[]", &unordered), "expected the earliest first");
}

/// A machine's clock, in ms beside the right one, and how late it sends.
type Machine = (i64, i64);

fn machines() -> impl Strategy<Value = Vec<Machine>> {
    // together as far apart as is assumed
    let apart = APART.num_milliseconds() / 2 - 1;
    let late = LATE.num_milliseconds();
    prop::collection::vec((-apart..=apart, 0..=late), 1..4)
}

proptest! {
    /// Machines of one lake, whose clocks differ and who send late: the provider never sees more
    /// than the limits in any 60 s and any day, and those who wait get all but a bounded part.
    #[test]
    fn no_window_is_ever_exceeded(
        machines in machines(),
        steps in prop::collection::vec((0_usize..4, 1_u32..4, 0_i64..20_000, 0_i64..=2_000), 50..400),
        per_minute in 3_u32..30,
        per_day in 50_u32..200,
        start in 0_i64..86_400_000,
    ) {
        let limits = Limits { day_ends: Tz::Asia__Kolkata, ..limits(None, Some(per_minute), Some(per_day)) };
        let (mut spent, mut sent) = (Spent::default(), Vec::<(DateTime<Utc>, u32)>::new());
        let mut right = time("00:00:00") + TimeDelta::milliseconds(start);
        for (machine, credits, wait, more_late) in steps {
            right += TimeDelta::milliseconds(wait);
            let (beside, late) = machines[machine % machines.len()];
            let beside = TimeDelta::milliseconds(beside);
            let now = right + beside;
            match spent.book(&limits, &Booking { credits, by: "a", now, ready: now }) {
                Ok(at) => {
                    prop_assert!(at >= now && at - now <= FAR);
                    let late = TimeDelta::milliseconds(late.min(more_late));
                    sent.push((at + late - beside, credits));
                }
                Err(NotNow::Later(at)) => right = right.max(at),
                Err(NotNow::Day { until, .. }) => right = right.max(until),
                Err(other) => prop_assert!(false, "{other:?}"),
            }
        }
        sent.sort_unstable();
        for (n, (first, _)) in sent.iter().enumerate() {
            let minute = sent[n..].iter().take_while(|(at, _)| *at - *first < TimeDelta::seconds(60));
            prop_assert!(minute.map(|(_, credits)| credits).sum::<u32>() <= per_minute);
        }
        let mut days = BTreeMap::<_, u32>::new();
        for (at, credits) in &sent {
            *days.entry(at.with_timezone(&Tz::Asia__Kolkata).date_naive()).or_default() += credits;
        }
        prop_assert!(days.values().all(|credits| *credits <= per_day), "{days:?}");
    }

    /// Somebody who always wants more gets the minute's credits every 64 s, and the day's to the last.
    #[test]
    fn little_is_wasted(per_minute in 1_u32..40, per_day in 40_u32..400) {
        let limits = limits(None, Some(per_minute), Some(per_day));
        let (mut spent, mut sent) = (Spent::default(), Vec::new());
        let mut now = time("00:00:10");
        loop {
            match spent.book(&limits, &Booking { credits: 1, by: "a", now, ready: now }) {
                Ok(at) => {
                    now = at;
                    sent.push(at);
                }
                Err(NotNow::Day { .. }) => break,
                Err(other) => prop_assert!(false, "{other:?}"),
            }
        }
        prop_assert_eq!(sent.len(), per_day as usize);
        let minutes = i32::try_from((per_day - 1) / per_minute).expect("few");
        prop_assert_eq!(*sent.last().expect("some") - sent[0], MINUTE * minutes);
    }

    #[test]
    fn no_bytes_make_it_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        year in 0_i32..10_001,
        credits in any::<u32>(),
        closed in any::<bool>(),
    ) {
        let _ = Spent::parse(&bytes);
        let json = format!(
            r#"{{"version":1,"closed_until":null,"booked":[{{"at":"{year:04}-12-31T23:59:58Z",
            "credits":{credits}}}],"days":[{{"begins":"1970-01-01T00:00:00Z",
            "ends":"{year:04}-12-31T23:59:58Z","credits":{credits},"by":{{"a":{credits}}},"closed":{closed}}}]}}"#
        );
        if let Ok(mut spent) = Spent::parse(json.as_bytes()) {
            let limits = limits(Some(3), Some(8), Some(10));
            let now = time("10:00:00");
            spent.told(&limits, credits, now, now);
            for window in [Window::Second, Window::Minute, Window::Day] {
                let _ = spent.book(&limits, &Booking { credits: 1, by: "a", now, ready: now });
                spent.refused(&limits, window, now, now);
            }
        }
    }
}

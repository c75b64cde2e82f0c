//! When things are traded: New York's time, holidays and short days; the week of forex.

use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveDateTime, TimeDelta, TimeZone as _};
use chrono::{Utc, Weekday};
use chrono_tz::Tz;

use super::assets::Kind;

pub(super) const NEW_YORK: Tz = Tz::America__New_York;

/// The zone in which the days of a kind begin and end.
pub(super) const fn zone(kind: Kind) -> Tz {
    match kind {
        Kind::Stock => NEW_YORK,
        Kind::Forex | Kind::Crypto => Tz::UTC,
    }
}

/// The wall clock of a zone at an instant, µs since the epoch.
pub(super) fn local(zone: Tz, micros: i64) -> NaiveDateTime {
    DateTime::<Utc>::from_timestamp_micros(micros)
        .unwrap_or_default()
        .with_timezone(&zone)
        .naive_local()
}

/// The instant (µs since the epoch) at which a zone's wall clock says this; the first one where
/// it says so twice, an hour later where it never does.
pub(super) fn instant(zone: Tz, at: NaiveDateTime) -> i64 {
    let hour = TimeDelta::hours(1);
    zone.from_local_datetime(&at)
        .earliest()
        .or_else(|| zone.from_local_datetime(&at.checked_add_signed(hour)?).earliest())
        .map_or(0, |time| time.timestamp_micros())
}

/// The minute since the epoch at which a zone's clock is `minute` minutes into a date.
fn minute(zone: Tz, date: NaiveDate, minute: i64) -> i64 {
    let at = date.and_time(chrono::NaiveTime::MIN).checked_add_signed(TimeDelta::minutes(minute));
    at.map_or(0, |at| instant(zone, at).div_euclid(60_000_000))
}

/// The minutes (since the epoch, the end not included) in which a date of [`zone`] has trading;
/// for stocks with the hours before and after the session on demand.
pub(super) fn open(kind: Kind, date: NaiveDate, extended: bool) -> Option<(i64, i64)> {
    let (start, end) = match kind {
        Kind::Crypto => (0, 1_440),
        Kind::Forex => {
            // 17:00 in New York, as minutes of the UTC date
            let turn = minute(NEW_YORK, date, 17 * 60) - minute(Tz::UTC, date, 0);
            match date.weekday() {
                Weekday::Sat => return None,
                Weekday::Fri => (0, turn),
                Weekday::Sun => (turn, 1_440),
                _ => (0, 1_440),
            }
        }
        Kind::Stock if is_closed(date) => return None,
        Kind::Stock => {
            let early = is_short(date);
            match (extended, early) {
                (false, false) => (9 * 60 + 30, 16 * 60),
                (false, true) => (9 * 60 + 30, 13 * 60),
                (true, false) => (4 * 60, 20 * 60),
                (true, true) => (4 * 60, 17 * 60),
            }
        }
    };
    let zone = zone(kind);
    Some((minute(zone, date, start), minute(zone, date, end)))
}

/// Days without a session that no rule foretells: mourning, storms, attacks.
const UNFORESEEN: [(i32, u32, u32); 10] = [
    (2001, 9, 11),
    (2001, 9, 12),
    (2001, 9, 13),
    (2001, 9, 14),
    (2004, 6, 11),
    (2007, 1, 2),
    (2012, 10, 29),
    (2012, 10, 30),
    (2018, 12, 5),
    (2025, 1, 9),
];

/// Whether the New York exchanges have no session on a date.
fn is_closed(date: NaiveDate) -> bool {
    let (year, month, day) = (date.year(), date.month(), date.day());
    let weekday = date.weekday();
    if matches!(weekday, Weekday::Sat | Weekday::Sun) || UNFORESEEN.contains(&(year, month, day)) {
        return true;
    }
    // a holiday on a Sunday is kept on Monday, one on a Saturday on Friday
    let kept = |m, d| {
        let next = (month, day) == (m, d + 1) && weekday == Weekday::Mon;
        let before = d > 1 && (month, day) == (m, d - 1) && weekday == Weekday::Fri;
        (month, day) == (m, d) || next || before
    };
    let nth = |n: u32| day.div_ceil(7) == n;
    let monday = weekday == Weekday::Mon;
    kept(1, 1)
        || (year >= 2022 && kept(6, 19))
        || kept(7, 4)
        || kept(12, 25)
        || (year >= 1998 && monday && month == 1 && nth(3))
        || (monday && month == 2 && nth(3))
        || (monday && month == 5 && day > 24)
        || (monday && month == 9 && nth(1))
        || (weekday == Weekday::Thu && month == 11 && nth(4))
        || date.checked_add_days(Days::new(2)) == easter(year)
}

/// Whether the session of a date ends at 13:00.
fn is_short(date: NaiveDate) -> bool {
    let (month, day, weekday) = (date.month(), date.day(), date.weekday());
    (weekday == Weekday::Fri && month == 11 && (23..=29).contains(&day))
        || (month == 12 && day == 24)
        || (month == 7 && day == 3)
}

/// Easter Sunday, by the rule of Meeus, Jones and Butcher.
fn easter(year: i32) -> Option<NaiveDate> {
    let (golden, century, rest) = (year % 19, year / 100, year % 100);
    let moon = (19 * golden + century - century / 4 - (8 * century + 13) / 25 + 15) % 30;
    let sunday = (32 + 2 * (century % 4) + 2 * (rest / 4) - moon - rest % 4) % 7;
    let late = (golden + 11 * moon + 19 * sunday) / 433;
    let days = moon + sunday - 7 * late;
    let month = (days + 90) / 25;
    NaiveDate::from_ymd_opt(year, month as u32, ((days + 33 * month + 19) % 32) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn new_york_rests_when_it_does() {
        let check = |days: &[&str], closed: bool| {
            for day in days {
                assert_eq!(is_closed(date(day)), closed, "{day}");
            }
        };
        // the published holidays of 2024, then of other years
        check(&["2024-01-01", "2024-01-15", "2024-02-19", "2024-03-29", "2024-05-27"], true);
        check(&["2024-06-19", "2024-07-04", "2024-09-02", "2024-11-28", "2024-12-25"], true);
        check(&["2023-01-02", "2022-12-26", "2021-12-24", "2021-07-05", "2025-04-18"], true);
        check(&["2025-01-09", "2022-06-20", "2015-07-03", "2019-04-19"], true);
        // New Year's day of 2022 was a Saturday, and the Friday before was a session
        check(&["2021-12-31", "2024-01-02", "2024-10-14", "2020-06-19", "2024-11-11"], false);
        let count = (0..366)
            .filter(|n| !is_closed(date("2024-01-01").checked_add_days(Days::new(*n)).unwrap()))
            .count();
        assert_eq!(count, 252, "sessions of 2024");
    }

    #[test]
    fn hours_in_utc() {
        let check = |kind, day: &str, extended, expect: Option<(&str, &str)>| {
            let text = |minute: i64| local(Tz::UTC, minute * 60_000_000).to_string();
            let got = open(kind, date(day), extended).map(|(a, b)| (text(a), text(b)));
            let expect = expect.map(|(a, b)| (format!("{a}:00"), format!("{b}:00")));
            assert_eq!(got, expect, "{kind:?} {day}");
        };
        let stock = Kind::Stock;
        check(stock, "2024-01-31", false, Some(("2024-01-31 14:30", "2024-01-31 21:00")));
        check(stock, "2024-07-31", false, Some(("2024-07-31 13:30", "2024-07-31 20:00")));
        check(stock, "2024-01-31", true, Some(("2024-01-31 09:00", "2024-02-01 01:00")));
        check(stock, "2024-11-29", false, Some(("2024-11-29 14:30", "2024-11-29 18:00")));
        check(stock, "2024-02-03", false, None);
        check(Kind::Forex, "2024-02-02", false, Some(("2024-02-02 00:00", "2024-02-02 22:00")));
        check(Kind::Forex, "2024-02-03", false, None);
        check(Kind::Forex, "2024-07-07", false, Some(("2024-07-07 21:00", "2024-07-08 00:00")));
        check(Kind::Crypto, "2024-02-03", false, Some(("2024-02-03 00:00", "2024-02-04 00:00")));
    }

    #[test]
    fn clocks_that_change() {
        let check = |at: &str, expect: &str| {
            let at = NaiveDateTime::parse_from_str(at, "%Y-%m-%d %H:%M").unwrap();
            let got = local(Tz::UTC, instant(NEW_YORK, at)).to_string();
            assert_eq!(got, format!("{expect}:00"), "{at}");
        };
        check("2024-03-10 01:59", "2024-03-10 06:59");
        check("2024-03-10 02:30", "2024-03-10 07:30");
        check("2024-03-10 03:00", "2024-03-10 07:00");
        check("2024-11-03 01:30", "2024-11-03 05:30");
    }
}

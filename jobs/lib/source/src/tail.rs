//! The tail of a series: days whose archive is not there yet, of which the provider's API is asked. It
//! adds them to what the archives' host offers. How one asks is the provider's; nothing here asks.

use chrono::{DateTime, TimeDelta, Utc};
use model::config::Series;
use model::period::DAY_MICROS;
use model::{Day, Period, Timeframe};

use crate::offer::{Checksum, Listed, Offer};

/// Days before today that are asked for where their archives are not there. What is older the archives
/// lack, as far as anybody can tell.
const DAYS: u32 = 7;
/// Days without an archive after which a series counts as ended: nobody asks for it minute by minute.
const ENDED: u32 = 38;
/// Microseconds in a minute.
const MINUTE: i64 = 60_000_000;

/// Adds to an offer what the API is to be asked for, where the configuration wants it: each of the
/// last days without an archive, up to the last bar or minute that has ended long enough before `now`.
pub fn add(series: &Series, offer: &mut Offer, now: DateTime<Utc>) {
    let Some(minutes) = series.tail else { return };
    let today = Day::new(now.date_naive());
    if has_ended(series, offer, today) {
        return;
    }
    // before its first archive a series had not begun
    let begin = offer.first.map_or(series.from, |first| first.max(series.from));
    for day in begin.max(today.minus(DAYS)).to(series.to.min(today)) {
        let is_listed = |period| offer.archives.contains_key(&period);
        if is_listed(Period::Day(day)) || is_listed(Period::Month(day.month())) {
            continue;
        }
        if let Some(until) = until(series, day, now, minutes) {
            let listed = Listed {
                path: None,
                bytes: None,
                etag: None,
                modified: None,
                checksum: Checksum::Absent,
                until: Some(until),
            };
            offer.archives.insert(Period::Day(day), listed);
        }
    }
}

/// Up to which instant a day is asked for: the end of its last bar, or of its last minute, that was over
/// `minutes` ago. `None` where there is none yet. A bar that is still open is never asked for.
fn until(series: &Series, day: Day, now: DateTime<Utc>, minutes: u32) -> Option<DateTime<Utc>> {
    let asked = (now - TimeDelta::minutes(i64::from(minutes))).timestamp_micros();
    let grid = series.timeframe.map_or(MINUTE, Timeframe::micros).max(MINUTE);
    let span = series.span(day);
    // the last bar of a series may end after it
    let end = day.start_micros() + DAY_MICROS;
    let until = (asked - asked.rem_euclid(grid)).min(end);
    let is_there = !span.is_empty() && until > span.start;
    DateTime::from_timestamp_micros(until).filter(|_| is_there)
}

/// Whether the series is over, by its archives: none for long, while there were some.
fn has_ended(series: &Series, offer: &Offer, today: Day) -> bool {
    let newest = offer.archives.keys().chain(&offer.before).map(|period| period.last()).max();
    match newest {
        Some(newest) => newest.plus(ENDED) < today,
        // none within the days wanted, nor for long before them
        None => offer.first.is_some_and(|first| first < series.from),
    }
}

#[cfg(test)]
mod tests {
    use model::config::{Archives, PublicationLag};
    use model::{Dataset, Market, Source};

    use super::*;

    fn listed() -> Listed {
        let (path, bytes, etag, modified) = (None, None, None, None);
        Listed { path, bytes, etag, modified, checksum: Checksum::Unknown, until: None }
    }

    /// What is asked for of a series from 2024-01-01 on, where these archives are listed.
    fn check(timeframe: Timeframe, minutes: u32, archives: &[&str], now: &str, expect: &[&str]) {
        let now: DateTime<Utc> = now.parse().expect("time");
        let series = Series {
            source: Source::new("acme"),
            market: Market::new("spot"),
            dataset: Dataset::Klines,
            symbol: "BTCUSDT".parse().expect("symbol"),
            timeframe: Some(timeframe),
            from: "2024-01-01".parse().expect("day"),
            to: Day::new(now.date_naive()),
            archives: Archives::Auto,
            lag: PublicationLag::default(),
            end: None,
            tail: Some(minutes),
        };
        let archives = archives.iter().map(|p| (p.parse().expect("period"), listed())).collect();
        let mut offer = Offer { archives, ..Offer::default() };
        offer.first = offer.archives.keys().map(|period| period.first()).min();
        add(&series, &mut offer, now);
        let asked = offer.archives.iter().filter_map(|(period, listed)| {
            Some(format!("{period} {}", listed.until?.format("%m-%d %H:%M")))
        });
        assert_eq!(asked.collect::<Vec<_>>(), expect, "{now}");
    }

    fn m1(minutes: u32, archives: &[&str], now: &str, expect: &[&str]) {
        check(Timeframe::M1, minutes, archives, now, expect);
    }

    #[test]
    fn days_without_an_archive_are_asked_for_up_to_the_last_bar_that_is_over() {
        let archives = ["2024-01-08", "2024-01-09"];
        m1(1, &archives, "2024-01-10T12:34:00Z", &["2024-01-10 01-10 12:33"]);
        m1(1, &archives, "2024-01-10T12:34:59Z", &["2024-01-10 01-10 12:33"]);
        m1(1, &archives, "2024-01-10T12:36:00Z", &["2024-01-10 01-10 12:35"]);
        m1(30, &archives, "2024-01-10T12:34:00Z", &["2024-01-10 01-10 12:04"]);
        // right after midnight today has no bar yet, and the day before is whole
        let yesterday = "2024-01-10 01-11 00:00";
        m1(1, &archives, "2024-01-11T00:00:30Z", &["2024-01-10 01-10 23:59"]);
        m1(1, &archives, "2024-01-11T00:01:30Z", &[yesterday]);
        m1(1, &archives, "2024-01-11T00:02:00Z", &[yesterday, "2024-01-11 01-11 00:01"]);
        check(Timeframe::H4, 1, &archives, "2024-01-10T12:00:59Z", &["2024-01-10 01-10 08:00"]);
        check(Timeframe::H4, 1, &archives, "2024-01-10T12:01:00Z", &["2024-01-10 01-10 12:00"]);
        check(Timeframe::D1, 1, &archives, "2024-01-11T12:00:00Z", &[yesterday]);
        // a day in between that is missing, a month that has it, and what lies too far back
        let missing = ["2024-01-07", "2024-01-09"];
        let both = ["2024-01-08 01-09 00:00", "2024-01-10 01-10 12:33"];
        m1(1, &missing, "2024-01-10T12:34:00Z", &both);
        m1(1, &["2024-01"], "2024-02-01T00:03:00Z", &["2024-02-01 02-01 00:02"]);
        m1(
            1,
            &["2024-01-09"],
            "2024-02-10T00:00:00Z",
            &[
                "2024-02-03 02-04 00:00",
                "2024-02-04 02-05 00:00",
                "2024-02-05 02-06 00:00",
                "2024-02-06 02-07 00:00",
                "2024-02-07 02-08 00:00",
                "2024-02-08 02-09 00:00",
                "2024-02-09 02-09 23:59",
            ],
        );
        // nothing has come for so long that the series is over
        m1(1, &["2024-01-09"], "2024-02-20T00:00:00Z", &[]);
        // one that has just begun has no archive at all
        m1(1, &[], "2024-01-01T00:10:00Z", &["2024-01-01 01-01 00:09"]);
    }
}

//! Which of the lake's units a file has lines of.
//!
//! A file is of a year or a month by its own clock, a unit of a month or a day of UTC. So each month
//! of a file is a unit, and where the clock is behind UTC (as New York's) the file's last hours belong to
//! the first day of the next month: that day is one more unit of the same file, beside the month of the
//! next file. Where it is ahead of UTC, the file begins within the day before its first month.
//!
//! The units of a file share no instant, and each line belongs to one of them: none is lost or counted
//! twice. A line that is no row goes with the line before it.

use model::{Day, Month, Period};

use super::line::Stamp;
use super::names::Span;
use super::rule::{Clock, Reader};

/// The units that a file has lines of, its months first.
pub(super) fn periods(span: Span, clock: &Clock) -> Vec<Period> {
    let (first, last) = months(span);
    let (start, end) = (first.first().start_micros(), last.next().first().start_micros());
    let utc = |local: i64| {
        let reading = Reader::new(clock.clone()).read(1, Stamp::from_micros(local));
        // without a rule there is no row either
        reading.map_or(local, |reading| reading.micros)
    };
    let mut periods: Vec<Period> = first.to(last).map(Period::Month).collect();
    if utc(start) < start {
        periods.push(Period::Day(first.first().minus(1)));
    }
    if utc(end - 1) >= end {
        periods.push(Period::Day(last.next().first()));
    }
    periods
}

/// The days that would be units of their own if there was a file for each month of a span, and are none
/// where it is one file.
pub(super) fn within(span: Span, clock: &Clock) -> Vec<Day> {
    let whole = periods(span, clock);
    let (first, last) = months(span);
    let all = first.to(last).flat_map(|month| periods(Span::Month(month), clock));
    let days = all.filter_map(|period| match period {
        Period::Day(day) if !whole.contains(&period) => Some(day),
        _ => None,
    });
    days.collect()
}

/// The first and the last month of a span.
pub(super) fn months(span: Span) -> (Month, Month) {
    match span {
        Span::Month(month) => (month, month),
        Span::Year(year) => {
            let month = |month: u32| {
                let day = chrono::NaiveDate::from_ymd_opt(i32::from(year), month, 1);
                Month::of_date(day.unwrap_or_default())
            };
            (month(1), month(12))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_of_its_months_and_of_the_day_into_which_its_clock_reaches() {
        let check = |span: Span, rule: &str, count: usize, last: &str| {
            let periods = periods(span, &Clock::of(rule.parse().expect(rule)));
            let last_is = periods.last().map(ToString::to_string);
            assert_eq!((periods.len(), last_is.as_deref()), (count, Some(last)), "{span} {rule}");
            for (n, one) in periods.iter().enumerate() {
                let (one, others) = (one.micros(), &periods[n + 1..]);
                assert!(others.iter().all(|other| {
                    let other = other.micros();
                    other.end <= one.start || one.end <= other.start
                }));
            }
        };
        let month = Span::Month("2024-01".parse().expect("month"));
        check(Span::Year(2019), "UTC-5", 13, "2020-01-01");
        check(Span::Year(2019), "UTC-5 with the DST dates of Europe/London", 13, "2020-01-01");
        check(Span::Year(2019), "UTC", 12, "2019-12");
        check(month, "America/New_York", 2, "2024-02-01");
        check(month, "UTC+2", 2, "2023-12-31");
        check(month, "UTC", 1, "2024-01");
    }

    #[test]
    fn one_file_of_a_year_has_no_days_between_its_months() {
        let check = |span: Span, rule: &str, count: usize, first: Option<&str>| {
            let days = within(span, &Clock::of(rule.parse().expect(rule)));
            let first_is = days.first().map(ToString::to_string);
            assert_eq!((days.len(), first_is.as_deref()), (count, first), "{span} {rule}");
        };
        check(Span::Year(2019), "UTC-5", 11, Some("2019-02-01"));
        check(Span::Year(2019), "UTC+2", 11, Some("2019-01-31"));
        check(Span::Year(2019), "UTC", 0, None);
        check(Span::Month("2024-01".parse().expect("month")), "UTC-5", 0, None);
    }
}

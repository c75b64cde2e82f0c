//! Which of the lake's units a file has lines of.
//!
//! A file is of a year or a month by its own clock, a unit of a month or a day of UTC. So each month
//! of a file is a unit, and where the clock is behind UTC (as New York's) the file's last hours belong to
//! the first day of the next month: that day is one more unit of the same file, beside the month of the
//! next file. Where it is ahead of UTC, the file begins within the day before its first month.
//!
//! The units of a file share no instant, and each line belongs to one of them: none is lost or counted
//! twice. A line that is no row goes with the line before it.

use model::{Month, Period};

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
}

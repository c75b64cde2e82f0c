//! Days, months and the periods that archives cover. All of it is UTC.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Days, Months, NaiveDate};
use serde::{Deserialize, Serialize};

/// Microseconds in a day.
pub const DAY_MICROS: i64 = 86_400_000_000;

/// A text that is no day, month or period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bad {what} `{found}`, expected {expected}")]
pub struct BadPeriod {
    /// What was wanted: `day`, `month`, `period`.
    pub what: &'static str,
    /// The text found.
    pub found: String,
    /// The form that would have done.
    pub expected: &'static str,
}

/// A calendar day in UTC, written `2024-01-31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(NaiveDate);

/// A calendar month in UTC, written `2024-01`; held as its first day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month(NaiveDate);

/// What an archive covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Period {
    /// One month. Ordered before the days, so that a unit's rank grows with its freshness.
    Month(Month),
    /// One day.
    Day(Day),
}

impl Day {
    /// The day of a date.
    pub const fn new(date: NaiveDate) -> Self {
        Self(date)
    }

    /// The day in which an instant (µs since the epoch, UTC) lies; `None` outside years 0–9999.
    pub fn of_micros(micros: i64) -> Option<Self> {
        let days = i32::try_from(micros.div_euclid(DAY_MICROS)).ok()?;
        Self::of_epoch_days(days)
    }

    /// The day that is `days` after 1970-01-01; `None` outside years 0–9999.
    pub fn of_epoch_days(days: i32) -> Option<Self> {
        let date = NaiveDate::from_epoch_days(days)?;
        (0..=9999).contains(&date.year()).then_some(Self(date))
    }

    /// Days since 1970-01-01.
    pub fn epoch_days(self) -> i32 {
        self.0.to_epoch_days()
    }

    /// The first instant, in µs since the epoch.
    pub fn start_micros(self) -> i64 {
        i64::from(self.epoch_days()) * DAY_MICROS
    }

    /// The date.
    pub const fn date(self) -> NaiveDate {
        self.0
    }

    /// The month this day lies in.
    pub fn month(self) -> Month {
        Month::of_date(self.0)
    }

    /// The day after; the calendar's last day stays.
    #[must_use]
    pub fn next(self) -> Self {
        self.plus(1)
    }

    /// The day `n` days after, or the calendar's last one.
    #[must_use]
    pub fn plus(self, n: u32) -> Self {
        Self(self.0.checked_add_days(Days::new(u64::from(n))).unwrap_or(NaiveDate::MAX))
    }

    /// The day `n` days before, or the calendar's first one.
    #[must_use]
    pub fn minus(self, n: u32) -> Self {
        Self(self.0.checked_sub_days(Days::new(u64::from(n))).unwrap_or(NaiveDate::MIN))
    }

    /// How many days `later` comes after this one; negative where it comes before.
    pub fn days_until(self, later: Self) -> i32 {
        later.epoch_days() - self.epoch_days()
    }

    /// All days from this one to `last`, both included; none when `last` is earlier.
    pub fn to(self, last: Self) -> impl Iterator<Item = Self> {
        self.0.iter_days().map(Self).take_while(move |d| *d <= last)
    }
}

impl Month {
    /// The month a date lies in.
    pub fn of_date(date: NaiveDate) -> Self {
        Self(date.with_day(1).unwrap_or(date))
    }

    /// The first day.
    pub const fn first(self) -> Day {
        Day(self.0)
    }

    /// The last day.
    pub fn last(self) -> Day {
        self.0.checked_add_months(Months::new(1)).map_or(Day(NaiveDate::MAX), |n| Day(n).minus(1))
    }

    /// All days of the month.
    pub fn days(self) -> impl Iterator<Item = Day> {
        self.first().to(self.last())
    }

    /// All months from this one to `last`, both included; none when `last` is earlier.
    pub fn to(self, last: Self) -> impl Iterator<Item = Self> {
        let next = |month: &Self| Some(month.next()).filter(|next| next > month);
        std::iter::successors(Some(self), next).take_while(move |month| *month <= last)
    }

    /// The month after; the calendar's last month stays.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.checked_add_months(Months::new(1)).unwrap_or(self.0))
    }
}

impl Period {
    /// Reads a period whose month or day may lack its zero: `2020-8`, `2020-8-1`.
    pub fn parse_unpadded(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let mut padded = parts.next()?.to_owned();
        for part in parts {
            if !matches!(part.len(), 1 | 2) {
                return None;
            }
            padded.push('-');
            padded.push_str(if part.len() == 1 { "0" } else { "" });
            padded.push_str(part);
        }
        padded.parse().ok()
    }

    /// The first day covered.
    pub const fn first(self) -> Day {
        match self {
            Self::Month(m) => m.first(),
            Self::Day(d) => d,
        }
    }

    /// The last day covered.
    pub fn last(self) -> Day {
        match self {
            Self::Month(m) => m.last(),
            Self::Day(d) => d,
        }
    }

    /// The month it lies in.
    pub fn month(self) -> Month {
        self.first().month()
    }

    /// First instant covered and first instant after, in µs since the epoch.
    pub fn micros(self) -> std::ops::Range<i64> {
        self.first().start_micros()..self.last().next().start_micros()
    }

    /// Whether it covers `day`.
    pub fn contains(self, day: Day) -> bool {
        self.first() <= day && day <= self.last()
    }
}

/// Digits with dashes only: `NaiveDate::parse_from_str` also takes spaces and signs.
fn is_dashed(text: &str, len: usize) -> bool {
    text.len() == len
        && text
            .bytes()
            .enumerate()
            .all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() })
}

impl FromStr for Day {
    type Err = BadPeriod;

    fn from_str(text: &str) -> Result<Self, BadPeriod> {
        is_dashed(text, 10)
            .then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())
            .flatten()
            .map(Self)
            .ok_or_else(|| BadPeriod {
                what: "day",
                found: text.to_owned(),
                expected: "a day such as 2024-01-31",
            })
    }
}

impl FromStr for Month {
    type Err = BadPeriod;

    fn from_str(text: &str) -> Result<Self, BadPeriod> {
        is_dashed(text, 7)
            .then(|| NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d").ok())
            .flatten()
            .map(Self)
            .ok_or_else(|| BadPeriod {
                what: "month",
                found: text.to_owned(),
                expected: "a month such as 2024-01",
            })
    }
}

impl FromStr for Period {
    type Err = BadPeriod;

    fn from_str(text: &str) -> Result<Self, BadPeriod> {
        text.parse().map(Self::Day).or_else(|_| text.parse().map(Self::Month)).map_err(|_| {
            BadPeriod {
                what: "period",
                found: text.to_owned(),
                expected: "a day such as 2024-01-31 or a month such as 2024-01",
            }
        })
    }
}

/// Writes a text, padded where that is asked for; mostly it is not, and needs no copy then.
fn write_padded(f: &mut fmt::Formatter<'_>, text: fmt::Arguments<'_>) -> fmt::Result {
    if f.width().is_none() && f.precision().is_none() {
        return f.write_fmt(text);
    }
    f.pad(&text.to_string())
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // its own form is this one, and many times as quick as one that is described by a text
        write_padded(f, format_args!("{}", self.0))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month) = (self.0.year(), self.0.month());
        write_padded(f, format_args!("{year:04}-{month:02}"))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Month(m) => m.fmt(f),
            Self::Day(d) => d.fmt(f),
        }
    }
}

macro_rules! as_text {
    ($($name:ident),+) => {$(
        impl TryFrom<String> for $name {
            type Error = BadPeriod;
            fn try_from(text: String) -> Result<Self, BadPeriod> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    )+};
}
as_text!(Day, Month, Period);

/// Which of the two families of archives a period belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cadence {
    /// One archive a day.
    Daily,
    /// One archive a month.
    Monthly,
}

impl Cadence {
    /// The cadence of a period.
    pub const fn of(period: Period) -> Self {
        match period {
            Period::Day(_) => Self::Daily,
            Period::Month(_) => Self::Monthly,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_read_back_and_cover_their_days() {
        let check = |text: &str, days: usize| {
            let period: Period = text.parse().expect(text);
            assert_eq!(period.to_string(), text);
            assert_eq!(period.first().to(period.last()).count(), days, "{text}");
            let micros = period.micros();
            assert_eq!((micros.end - micros.start) / DAY_MICROS, days as i64, "{text}");
        };
        check("2024-02", 29);
        check("2023-02", 28);
        check("2024-12", 31);
        check("2024-12-31", 1);
    }

    #[test]
    fn what_is_no_period_is_refused() {
        for text in ["2024", "2024-13", "2024-02-30", "2024-2", "2024-02-1", "+024-01", " 2024-01"]
        {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
    }

    #[test]
    fn periods_without_zeros_are_read() {
        let check = |text: &str, expect: Option<&str>| {
            let found = Period::parse_unpadded(text).map(|period| period.to_string());
            assert_eq!(found.as_deref(), expect, "{text}");
            assert_eq!(text.parse::<Period>().is_ok(), expect == Some(text), "{text}");
        };
        check("2020-8", Some("2020-08"));
        check("2020-08", Some("2020-08"));
        check("2020-12", Some("2020-12"));
        check("2020-8-1", Some("2020-08-01"));
        check("2020-08-1", Some("2020-08-01"));
        check("2020-8-31", Some("2020-08-31"));
        check("2020-08-31", Some("2020-08-31"));
        for bad in ["2020-0", "2020-13", "2020-008", "20-8", "2020-", "2020-8-", "2020-2-30"] {
            check(bad, None);
        }
        for bad in ["2020-+8", "2020- 8", "2020-8-1-1", "2020--8", "2020-٨", "x-8", ""] {
            check(bad, None);
        }
    }

    #[test]
    fn the_calendar_has_ends() {
        let (first, last) = (Day(NaiveDate::MIN), Day(NaiveDate::MAX));
        assert_eq!((last.next(), last.plus(u32::MAX), first.minus(u32::MAX)), (last, last, first));
        assert_eq!(last.month().next(), last.month());
        assert_eq!(last.month().last(), last);
        let periods = [Period::Day(first), Period::Day(last), Period::Month(last.month())];
        for period in periods {
            let micros = period.micros();
            assert!(micros.start <= micros.end, "{micros:?}");
        }
        let day = |text: &str| text.parse::<Day>().expect(text);
        assert_eq!(day("2024-02-28").plus(2), day("2024-03-01"));
        assert_eq!(day("2024-03-01").days_until(day("2024-02-28")), -2);
        for text in ["0000-01-01", "9999-12-31"] {
            let period: Period = text.parse().expect(text);
            assert_eq!(period.micros().end - period.micros().start, DAY_MICROS);
        }
    }

    #[test]
    fn an_instant_lies_in_its_day() {
        let day: Day = "1969-12-31".parse().expect("day");
        assert_eq!(Day::of_micros(-1), Some(day));
        assert_eq!(Day::of_micros(0), Some(day.next()));
        assert_eq!(Day::of_micros(i64::MAX), None);
    }
}

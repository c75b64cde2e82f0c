//! Local times as providers write them, as µs since the epoch. An instant that its zone has twice or
//! never is an error, not a guess.

use chrono::{
    DateTime, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone as _, Utc,
};
use chrono_tz::Tz;

/// The first instant that takes more than 16 digits in µs: in 2286.
const TOO_LATE: i64 = 10_000_000_000_000_000;

/// A row whose time cannot be told. Its line is kept as it was received.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("row {row}: bad time `{}`: {problem}", found.escape_debug())]
pub struct BadTime {
    /// The row's number in the answer, from 1.
    pub row: usize,
    /// The time found, its first 40 characters.
    pub found: String,
    /// What is wrong with it.
    pub problem: TimeProblem,
}

/// Why a time cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeProblem {
    /// It has not the form of a time.
    #[error("expected such as {0}")]
    Form(&'static str),
    /// Clocks of the zone jumped over it.
    #[error("clocks of {0} never showed it")]
    Never(Tz),
    /// Clocks of the zone showed it twice.
    #[error("clocks of {0} showed it twice")]
    Twice(Tz),
    /// It lies before 1970 or after 2286.
    #[error("expected a time from 1970 to 2286")]
    Range,
}

/// The zone of a name such as `America/New_York` or `US/Eastern`.
pub(crate) fn zone(name: &str) -> Option<Tz> {
    name.parse().ok()
}

/// The first instant of a date in a zone; `None` where the calendar ends.
pub(crate) fn midnight(zone: Tz, date: NaiveDate) -> Option<DateTime<Utc>> {
    let midnight = date.and_time(NaiveTime::MIN);
    // where a clock jumps over midnight, the day begins an hour later
    let start = zone.from_local_datetime(&midnight).earliest().or_else(|| {
        let later = midnight.checked_add_signed(TimeDelta::hours(1))?;
        zone.from_local_datetime(&later).earliest()
    })?;
    Some(start.with_timezone(&Utc))
}

/// Reads `2024-01-31` or `2024-01-31 09:30:00`, in µs since the epoch.
///
/// `daily` bars are named by their date, which is no instant: it is told as 00:00 UTC of the same
/// date in every zone, as the lake's days are.
pub(crate) fn instant(text: &str, zone: Tz, daily: bool) -> Result<i64, TimeProblem> {
    let form = TimeProblem::Form(if daily { "2024-01-31" } else { "2024-01-31 09:30:00" });
    let local = local(text).ok_or(form)?;
    let micros = match local {
        (date, None) if daily => date.and_time(NaiveTime::MIN).and_utc().timestamp_micros(),
        (date, Some(NaiveTime::MIN)) if daily => {
            date.and_time(NaiveTime::MIN).and_utc().timestamp_micros()
        }
        (date, Some(time)) if !daily => in_zone(date.and_time(time), zone)?,
        _ => return Err(form),
    };
    if (0..TOO_LATE).contains(&micros) { Ok(micros) } else { Err(TimeProblem::Range) }
}

fn in_zone(local: NaiveDateTime, zone: Tz) -> Result<i64, TimeProblem> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(time) => Ok(time.timestamp_micros()),
        LocalResult::Ambiguous(..) => Err(TimeProblem::Twice(zone)),
        LocalResult::None => Err(TimeProblem::Never(zone)),
    }
}

/// The date and the time of day; digits and their marks only, as chrono also reads signs and spaces.
fn local(text: &str) -> Option<(NaiveDate, Option<NaiveTime>)> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| {
        let digits = bytes.get(from..to)?;
        digits
            .iter()
            .try_fold(0_u32, |n, b| b.is_ascii_digit().then(|| n * 10 + u32::from(b - b'0')))
    };
    let mark = |at: usize, mark: u8| (bytes.get(at) == Some(&mark)).then_some(());
    mark(4, b'-')?;
    mark(7, b'-')?;
    let year = i32::try_from(number(0, 4)?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, number(5, 7)?, number(8, 10)?)?;
    match bytes.len() {
        10 => Some((date, None)),
        19 => {
            mark(10, b' ')?;
            mark(13, b':')?;
            mark(16, b':')?;
            let time = NaiveTime::from_hms_opt(number(11, 13)?, number(14, 16)?, number(17, 19)?)?;
            Some((date, Some(time)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_zones() {
        let check = |text: &str, zone: Tz, expect: Result<i64, TimeProblem>| {
            assert_eq!(instant(text, zone, false), expect, "{text} {zone}");
        };
        let ny = Tz::America__New_York;
        check("1970-01-01 00:00:00", Tz::UTC, Ok(0));
        check("2021-03-01 15:59:00", ny, Ok(1_614_632_340_000_000));
        check("2026-05-15 19:55:00", Tz::US__Eastern, Ok(1_778_889_300_000_000));
        // an hour jumped over, and one that comes twice
        check("2024-03-10 02:30:00", ny, Err(TimeProblem::Never(ny)));
        check("2024-11-03 01:30:00", ny, Err(TimeProblem::Twice(ny)));
        check("2024-11-03 02:00:00", ny, Ok(1_730_617_200_000_000));
        check("1969-12-31 23:59:59", Tz::UTC, Err(TimeProblem::Range));
        check("2286-11-20 17:46:39", Tz::UTC, Ok(9_999_999_999_000_000));
        check("2286-11-20 17:46:40", Tz::UTC, Err(TimeProblem::Range));
        let form = Err(TimeProblem::Form("2024-01-31 09:30:00"));
        for text in [
            "",
            "2024-01-31",
            "2024-1-31 09:30:00",
            "2024-02-30 09:30:00",
            "2024-01-31T09:30:00",
            "2024-01-31 24:00:00",
            "2024-01-31 09:30:60",
            "+024-01-31 09:30:00",
            "1706693400",
            "２０２４-01-31 0",
        ] {
            check(text, Tz::UTC, form);
        }
    }

    #[test]
    fn days_are_names() {
        let check = |text: &str, expect: Option<i64>| {
            for zone in [Tz::UTC, Tz::America__New_York, Tz::Asia__Tokyo] {
                assert_eq!(instant(text, zone, true).ok(), expect, "{text} {zone}");
            }
        };
        check("2026-05-15", Some(1_778_803_200_000_000));
        check("2026-05-15 00:00:00", Some(1_778_803_200_000_000));
        check("2026-05-15 09:30:00", None);
        check("1962-01-02", None);
    }
}

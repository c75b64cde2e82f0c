//! How much may be asked of a provider, and what was asked of it: limits, and the document by which
//! all runs of a lake keep them together. Nothing here waits, reads or writes; the time is handed in.
//!
//! Requests are *booked*: each gets the instant at which it is to be sent, and the instants lie so
//! that no limit is ever exceeded. What is booked is spent, also where the request is never sent.

mod day;
mod spent;
mod words;

use chrono::TimeDelta;
use chrono_tz::Tz;
use model::config::RequestLimits;
use serde::{Deserialize, Serialize};

use crate::rest::Why;

pub use day::Window;
pub use spent::{BadSpent, Booking, NotNow, Spent};
pub use words::BudgetSpent;

/// How late after its instant a request may still be sent. What is later than that is lost: its
/// credits are spent, and it is booked again.
pub const LATE: TimeDelta = TimeDelta::seconds(2);

/// By how much the clocks of machines may differ, together with how much longer one request takes to
/// the provider than another. Where they differ by more, a window of the provider's may see more
/// than its limit.
pub const APART: TimeDelta = TimeDelta::seconds(2);

/// Credits booked at an instant count for so long, so that no 60 s in a row have more than a
/// minute's: 60 s, and what requests may be sent late and clocks may differ.
pub const MINUTE: TimeDelta = TimeDelta::seconds(60 + 2 + 2);

/// How far ahead a request is booked. Whoever would be booked further asks again later, so that
/// those who are killed while they wait waste little.
pub const FAR: TimeDelta = TimeDelta::seconds(120);

/// No queue and no pause is so long: where something was booked further ahead, a clock was wrong.
pub const WRONG: TimeDelta = TimeDelta::seconds(600);

/// Of a second's requests two thirds are used, so that one that comes half a second late is not one
/// too many: milliseconds among which a second's requests are spread.
const SECOND: u32 = 1_500;

/// As [`LATE`], where requests a second are limited: half of what [`SECOND`] leaves, the other half
/// is for the way.
const LATE_IN_SECOND: TimeDelta = TimeDelta::milliseconds(250);

/// What one may ask of a provider. Where a section says it, all of it holds as it stands there, and
/// what is left out is not limited; where there is none, the provider's free plan holds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Requests a second, evenly spread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<u32>,
    /// Credits in any 60 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<u32>,
    /// Credits a day of [`Self::day_ends`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_day: Option<u32>,
    /// Requests of a process that are on their way, or wait for their instant, at once.
    pub concurrency: u32,
    /// The zone whose midnight ends the provider's day, such as `America/New_York`.
    #[serde(with = "day::zone")]
    pub day_ends: Tz,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_second: None,
            per_minute: None,
            per_day: None,
            concurrency: 4,
            day_ends: Tz::UTC,
        }
    }
}

/// Limits that cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("bad {name} {found}, expected 1 to {most}{}", if *.is_optional { "; leave it out for no limit" } else { "" })]
pub struct BadLimits {
    /// The field.
    pub name: &'static str,
    /// What it says.
    pub found: u32,
    /// What it may say at most.
    pub most: u32,
    /// Whether it may be left out.
    pub is_optional: bool,
}

impl Limits {
    /// Those of a configuration, which hold as they stand there; what is no limit and is not said, the
    /// end of the day and the concurrency, is as with the provider's free plan.
    ///
    /// # Errors
    /// In words: what cannot be kept, or a zone that nobody knows.
    pub fn of(given: &RequestLimits, free: &Self) -> Result<Self, String> {
        if *given == RequestLimits::default() {
            return Err(
                "limits of nothing, expected such as {per_minute: 8, per_day: 800}".to_owned()
            );
        }
        let limits = Self {
            requests_per_second: given.requests_per_second,
            per_minute: given.per_minute,
            per_day: given.per_day,
            concurrency: given.concurrency.unwrap_or(free.concurrency),
            day_ends: match &given.day_ends {
                None => free.day_ends,
                Some(name) => day::zone::of(name)?,
            },
        };
        limits.check().map_err(|bad| bad.to_string())?;
        Ok(limits)
    }

    /// Whether they can be kept.
    ///
    /// # Errors
    /// [`BadLimits`] of the first field that cannot.
    pub fn check(&self) -> Result<(), BadLimits> {
        for (name, found, most, is_optional) in [
            ("requests_per_second", self.requests_per_second, 100, true),
            ("per_minute", self.per_minute, 1_000_000, true),
            ("per_day", self.per_day, 1_000_000_000, true),
            ("concurrency", Some(self.concurrency), 64, false),
        ] {
            if let Some(found) = found.filter(|found| !(1..=most).contains(found)) {
                return Err(BadLimits { name, found, most, is_optional });
            }
        }
        Ok(())
    }

    /// How late after its instant a request may still be sent, [`LATE`] at most.
    pub const fn late(&self) -> TimeDelta {
        if self.requests_per_second.is_some() { LATE_IN_SECOND } else { LATE }
    }

    /// Time between two requests at least.
    pub(crate) fn spacing(&self) -> TimeDelta {
        self.requests_per_second.map_or(TimeDelta::zero(), |requests| {
            TimeDelta::milliseconds(i64::from(SECOND.div_ceil(requests.max(1))))
        })
    }
}

impl Window {
    /// The window that a refusal says is used up; `None` for a refusal of another kind.
    pub const fn of(why: Why) -> Option<Self> {
        match why {
            Why::BurstLimit => Some(Self::Second),
            Why::MinuteLimit => Some(Self::Minute),
            Why::DayLimit => Some(Self::Day),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_kept_is_refused() {
        let check = |json: &str, expect: &str| {
            let read = serde_json::from_str::<Limits>(json).map_err(|error| error.to_string());
            let found = read.and_then(|l| l.check().map_err(|error| error.to_string()));
            let found = found.err().unwrap_or_default();
            assert!(found.starts_with(expect), "{json}: {found}");
            assert_eq!(found.is_empty(), expect.is_empty(), "{json}: {found}");
        };
        check("{}", "");
        check(r#"{"per_minute": 8, "per_day": 800, "day_ends": "America/New_York"}"#, "");
        check(
            r#"{"per_minute": 0}"#,
            "bad per_minute 0, expected 1 to 1000000; leave it out for no limit",
        );
        check(r#"{"concurrency": 0}"#, "bad concurrency 0, expected 1 to 64");
        check(r#"{"requests_per_second": 101}"#, "bad requests_per_second 101, expected 1 to 100");
        check(r#"{"per_day": -1}"#, "invalid value");
        check(
            r#"{"day_ends": "Mars"}"#,
            "bad day_ends `Mars`, expected UTC or a zone such as America/New_York",
        );
        check(r#"{"per_hour": 1}"#, "unknown field `per_hour`");
    }

    #[test]
    fn limits_read_back() {
        for limits in [Limits::default(), crate::twelvedata::FREE, crate::alphavantage::FREE] {
            assert_eq!(limits.check(), Ok(()));
            let text = serde_json::to_string(&limits).expect("JSON");
            assert_eq!(serde_json::from_str::<Limits>(&text).expect(&text), limits);
        }
    }

    #[test]
    fn requests_are_spread() {
        let check = |requests: Option<u32>, millis: i64| {
            let limits = Limits { requests_per_second: requests, ..Limits::default() };
            assert_eq!(limits.spacing().num_milliseconds(), millis, "{requests:?}");
        };
        check(None, 0);
        check(Some(1), 1500);
        check(Some(4), 375);
        check(Some(7), 215);
    }
}

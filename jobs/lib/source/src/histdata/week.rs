//! What the open and the close of one week of trading tell of the clock.
//!
//! The forex week runs from Sunday 17:00 to Friday 17:00 in New York, summer and winter. A file may
//! open late or close early, since rows can be missing; **it cannot trade while the market is
//! closed**. So:
//!
//! - An end is *in place* if it lies at its hour: the open up to 15 minutes after it, the close up to
//!   15 minutes before it, both with 5 minutes on the other side.
//! - A shift of the clock by whole hours is *possible* in a week if the week, moved by it, opens no
//!   earlier and closes no later than the market.
//! - The rule **holds** if no shift is possible and one end at least is in place.
//! - The rule is **contradicted** if it is not possible as it stands, and some shift is that puts an
//!   end in place; among several the one that puts more ends in place, then the smallest.
//! - Where the clock steps within the week by whole hours, it may have been set there: then the shifts
//!   before and after differ by that step. This is believed only where it puts both ends in place and
//!   nothing without it does.
//! - Anything else leaves the week **unverified**: gold, which opens at 18:00, is verified by its close;
//!   a week without both is not.

use chrono::{DateTime, Datelike as _, Days, NaiveTime, TimeZone as _, Weekday};
use chrono_tz::America::New_York;

use super::line::Stamp;
use super::rule::HOUR;

const MINUTE: i64 = 60_000_000;

/// How far on the wrong side of its hour an end may lie, µs.
const SLACK: i64 = 5 * MINUTE;

/// How far on the right side of its hour an end still counts as in place, µs.
const NEAR: i64 = 15 * MINUTE;

/// Shifts of more hours than this no clock shows.
const FARTHEST: i64 = 14;

/// The first or the last line of a week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Its line, from 1.
    pub line: u64,
    /// What stands in it.
    pub stamp: Stamp,
    /// Its instant by the rule, µs UTC. For the close it is the instant at which the line ends.
    pub micros: i64,
    /// The market's open or close to which it belongs, µs UTC.
    pub market: i64,
}

impl End {
    /// The first line of a week.
    pub fn open(line: u64, stamp: Stamp, micros: i64) -> Option<Self> {
        let market = market(Weekday::Sun, micros.checked_add(24 * HOUR)?, true)?;
        Some(Self { line, stamp, micros, market })
    }

    /// The last line of a week; `micros` is where it ends.
    pub fn close(line: u64, stamp: Stamp, micros: i64) -> Option<Self> {
        let market = market(Weekday::Fri, micros.checked_sub(24 * HOUR)?, false)?;
        Some(Self { line, stamp, micros, market })
    }

    /// How much later than the market it is, µs; negative where it is earlier.
    pub const fn late(&self) -> i64 {
        self.micros - self.market
    }
}

/// The last 17:00 in New York on this weekday that is no later than an instant, or the first that is
/// no earlier.
fn market(weekday: Weekday, micros: i64, back: bool) -> Option<i64> {
    let time = DateTime::from_timestamp_micros(micros)?;
    let today = New_York.from_utc_datetime(&time.naive_utc()).date_naive();
    let five = NaiveTime::from_hms_opt(17, 0, 0)?;
    let found = (0..8).find_map(|days| {
        let days = Days::new(days);
        let date = if back { today.checked_sub_days(days) } else { today.checked_add_days(days) }?;
        let at = New_York.from_local_datetime(&date.and_time(five)).earliest()?.timestamp_micros();
        let fits = date.weekday() == weekday && if back { at <= micros } else { at >= micros };
        fits.then_some(at)
    })?;
    Some(found)
}

/// What a week tells of the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The rule's hours are the market's.
    Holds,
    /// They are not: instants by the rule are so many hours too late (negative: too early).
    Contradicts {
        /// Up to the first step of the clock in the week.
        before: i64,
        /// After the last one; the same where the clock does not step.
        after: i64,
    },
    /// The week does not tell.
    Unverified,
}

/// A verdict, and how many ends of the week are in place under it: 0 to 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement {
    /// What the week tells.
    pub verdict: Verdict,
    /// The ends in place.
    pub ends: u8,
}

/// A way in which the clock may differ from the rule.
#[derive(Debug, Clone, Copy)]
struct Guess {
    before: i64,
    after: i64,
    ends: u8,
}

impl Guess {
    /// `None` where the market would be closed.
    fn new(open: Option<End>, close: Option<End>, before: i64, after: i64) -> Option<Self> {
        let mut ends = 0;
        if let Some(open) = open {
            let late = open.late() - before * HOUR;
            if late < -SLACK {
                return None;
            }
            ends += u8::from(late <= NEAR);
        }
        if let Some(close) = close {
            let late = close.late() - after * HOUR;
            if late > SLACK {
                return None;
            }
            ends += u8::from(late >= -NEAR);
        }
        Some(Self { before, after, ends })
    }

    fn rank(&self) -> (u8, bool, i64) {
        let stepless = self.before == self.after;
        (self.ends, stepless, -(self.before.abs() + self.after.abs()))
    }
}

/// What a week tells. `steps` is by how many whole hours the clock steps within it beyond what the
/// rule explains, and leaving out hours that are mere copies.
pub fn judge(open: Option<End>, close: Option<End>, steps: i64) -> Judgement {
    let guess = |before: i64, after: i64| {
        let known = before.abs() <= FARTHEST && after.abs() <= FARTHEST;
        known.then(|| Guess::new(open, close, before, after)).flatten()
    };
    let rule = guess(0, 0);
    let shifts = -FARTHEST..=FARTHEST;
    let others = shifts.clone().filter_map(|hours| guess(hours, hours));
    let stepped = shifts.filter_map(|hours| guess(hours, hours.checked_add(steps)?));
    let stepped = stepped.filter(|guess| guess.before != guess.after && guess.ends == 2);
    let best = others.chain(stepped).max_by_key(Guess::rank);
    match (rule, best) {
        (Some(rule), Some(best)) if best.before != best.after && best.ends > rule.ends => {
            contradicts(best)
        }
        (Some(rule), _) if rule.ends > 0 => Judgement { verdict: Verdict::Holds, ends: rule.ends },
        (None, Some(best)) if best.ends > 0 => contradicts(best),
        _ => Judgement { verdict: Verdict::Unverified, ends: 0 },
    }
}

const fn contradicts(guess: Guess) -> Judgement {
    let Guess { before, after, ends } = guess;
    Judgement { verdict: Verdict::Contradicts { before, after }, ends }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text).expect(text).timestamp_micros()
    }

    #[test]
    fn ends_belong_to_the_markets_hours() {
        let check = |open: bool, at: &str, market: &str| {
            let stamp = Stamp::from_micros(0);
            let make = if open { End::open } else { End::close };
            assert_eq!(make(1, stamp, micros(at)).expect(at).market, micros(market), "{at}");
        };
        // winter, American summer
        check(true, "2019-01-06T22:00:00Z", "2019-01-06T22:00:00Z");
        check(true, "2019-03-10T21:00:00Z", "2019-03-10T21:00:00Z");
        // an hour early, a day early, days late
        check(true, "2019-03-10T20:00:00Z", "2019-03-10T21:00:00Z");
        check(true, "2019-03-09T22:00:00Z", "2019-03-10T21:00:00Z");
        check(true, "2019-01-01T22:02:00Z", "2018-12-30T22:00:00Z");
        check(false, "2019-03-08T22:00:00Z", "2019-03-08T22:00:00Z");
        check(false, "2019-03-08T23:00:00Z", "2019-03-08T22:00:00Z");
        check(false, "2019-12-31T22:00:00Z", "2020-01-03T22:00:00Z");
    }

    #[test]
    fn a_week_tells_by_what_is_impossible() {
        // minutes that the open and the close are late by the rule; the steps in hours
        let check = |open: Option<i64>,
                     close: Option<i64>,
                     steps: i64,
                     expect: Verdict,
                     ends: u8| {
            let end = |late: i64| End {
                line: 1,
                stamp: Stamp::from_micros(0),
                micros: late * MINUTE,
                market: 0,
            };
            let found = judge(open.map(end), close.map(end), steps);
            assert_eq!(found, Judgement { verdict: expect, ends }, "{open:?} {close:?} {steps}");
        };
        let off = |before, after| Verdict::Contradicts { before, after };
        let (holds, unverified) = (Verdict::Holds, Verdict::Unverified);
        check(Some(0), Some(0), 0, holds, 2);
        check(Some(5), Some(-1), 0, holds, 2);
        // the open, or the close, is missing, late or early
        check(None, Some(0), 0, holds, 1);
        check(Some(0), None, 0, holds, 1);
        check(Some(360), Some(0), 0, holds, 1);
        check(Some(0), Some(-4320), 0, holds, 1);
        // trading while the market is closed
        check(Some(60), Some(60), 0, off(1, 1), 2);
        check(Some(-60), Some(-60), 0, off(-1, -1), 2);
        check(Some(-58), None, 0, off(-1, -1), 1);
        check(Some(420), Some(60), 0, off(1, 1), 1);
        check(Some(300), Some(300), 0, off(5, 5), 2);
        // gold opens an hour later
        check(Some(60), Some(0), 0, holds, 1);
        check(Some(120), Some(60), 0, off(1, 1), 1);
        // it does not tell
        check(None, None, 0, unverified, 0);
        check(Some(60), Some(-60), 0, unverified, 0);
        check(Some(30), None, 0, unverified, 0);
        check(Some(-60), Some(0), 0, unverified, 0);
        // the clock steps, but both ends are in place without: an hour is missing or a copy
        check(Some(0), Some(0), 1, holds, 2);
        check(Some(0), Some(0), -1, holds, 2);
        // the clock was set within the week
        check(Some(60), Some(0), -1, off(1, 0), 2);
        check(Some(0), Some(60), 1, off(0, 1), 2);
        check(Some(0), Some(-60), -1, off(0, -1), 2);
        check(Some(-60), Some(0), 1, off(-1, 0), 2);
        check(Some(0), Some(0), i64::MAX, holds, 2);
    }
}

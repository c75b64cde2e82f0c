//! The document of what was booked: what still counts of the last minute, the last days, and until
//! when nobody asks. It is for one provider and one key of its.
//!
//! Instants only go forward: whatever is booked comes after what was booked before. So a clock that
//! is behind makes nothing look older than it is, and nobody is overtaken.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::day::{Window, day_of};
use super::words::OTHERS;
use super::{APART, FAR, LATE, Limits, MINUTE, WRONG};

/// The form of the document.
const VERSION: u32 = 1;
/// How long an answer may take that tells what is used: longer, and what is its own may be taken for
/// that of others.
const ANSWERED: TimeDelta = TimeDelta::seconds(30);
/// Instants that are kept; where there are more, those of one quarter of a second become one. Then
/// there are a few hundred at most, as all lie in 94 s and what is booked ahead.
const MOST_BOOKED: usize = 256;
/// Milliseconds whose instants become one.
const CELL: i64 = 250;
/// No provider is left alone for longer, whatever it says: the longest bans are of three days.
const LONGEST_PAUSE: TimeDelta = TimeDelta::days(4);
/// Days that are kept.
const MOST_DAYS: usize = 4;
/// Names that a day keeps.
const MOST_NAMES: usize = 32;
/// The last second that has four digits for its year.
const TOO_LATE: i64 = 253_402_300_799;

/// What was booked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Spent {
    version: u32,
    /// Nothing is sent before.
    closed_until: Option<DateTime<Utc>>,
    /// The same where the provider itself has said for how long it wants to be left alone, which may be
    /// days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    paused_until: Option<DateTime<Utc>>,
    /// What counts for the minutes to come, earliest first; the last one is always kept.
    booked: Vec<Booked>,
    /// The last days, earliest first.
    days: Vec<DaySpent>,
}

/// Credits of an instant.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Booked {
    at: DateTime<Utc>,
    credits: u32,
}

/// Credits of a day.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct DaySpent {
    begins: DateTime<Utc>,
    ends: DateTime<Utc>,
    credits: u32,
    /// By whom.
    by: BTreeMap<String, u32>,
    /// The provider has said that there are no more.
    closed: bool,
}

/// What is to be booked.
#[derive(Debug, Clone, Copy)]
pub struct Booking<'a> {
    /// Credits that the request costs.
    pub credits: u32,
    /// The run.
    pub by: &'a str,
    /// The time.
    pub now: DateTime<Utc>,
    /// When it could be sent at the earliest.
    pub ready: DateTime<Utc>,
}

/// Why nothing was booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotNow {
    /// Many wait before it: ask again then.
    Later(DateTime<Utc>),
    /// The day's credits are used up.
    Day {
        /// When it can go on.
        until: DateTime<Utc>,
        /// Whether the provider said so.
        told: bool,
        /// Runs that used credits, those that used most first.
        by: Vec<(String, u32)>,
    },
    /// The provider wants to be left alone until then.
    Paused(DateTime<Utc>),
    /// The request costs more than a window ever has.
    TooMany {
        /// The window.
        window: Window,
        /// Credits that it has.
        most: u32,
    },
    /// Somebody's clock is or was wrong: something is booked for this instant, far ahead.
    Ahead(DateTime<Utc>),
}

/// Bytes that are no such document.
#[derive(Debug, thiserror::Error)]
pub enum BadSpent {
    /// It is of a later version.
    #[error("it is of version {found}, expected {VERSION}: a newer program wrote it, use that one")]
    Version {
        /// Its version.
        found: u32,
    },
    /// It is damaged.
    #[error(
        "it is damaged; delete it to begin anew, what was used today is then forgotten, and the \
         provider's refusals end the day"
    )]
    Damaged(#[from] serde_json::Error),
}

impl Default for Spent {
    fn default() -> Self {
        Self {
            version: VERSION,
            closed_until: None,
            paused_until: None,
            booked: Vec::new(),
            days: Vec::new(),
        }
    }
}

impl Spent {
    /// Reads a document.
    ///
    /// # Errors
    /// [`BadSpent`].
    pub fn parse(bytes: &[u8]) -> Result<Self, BadSpent> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let head: Head = serde_json::from_slice(bytes)?;
        if head.version != VERSION {
            return Err(BadSpent::Version { found: head.version });
        }
        let spent: Self = serde_json::from_slice(bytes)?;
        spent.check().map_err(<serde_json::Error as serde::de::Error>::custom)?;
        Ok(spent)
    }

    /// The document, for people as well.
    ///
    /// # Errors
    /// [`BadSpent`].
    pub fn to_json(&self) -> Result<Vec<u8>, BadSpent> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    fn check(&self) -> Result<(), String> {
        let days = self.days.iter().flat_map(|day| [day.begins, day.ends]);
        let times = self.booked.iter().map(|booked| booked.at).chain(days);
        for time in times.chain(self.closed_until).chain(self.paused_until) {
            if !(0..TOO_LATE).contains(&time.timestamp()) {
                return Err(format!("bad time {time:?}, expected one from 1970 to 9999"));
            }
        }
        if !self.booked.is_sorted_by_key(|booked| booked.at) {
            return Err("bad order in `booked`, expected the earliest first".to_owned());
        }
        if self.days.iter().any(|day| day.begins >= day.ends) {
            return Err("bad day, expected that it begins before it ends".to_owned());
        }
        Ok(())
    }

    /// Books a request, and tells the instant at which it is to be sent.
    ///
    /// # Errors
    /// [`NotNow`]; then nothing has changed.
    pub fn book(&mut self, limits: &Limits, what: &Booking<'_>) -> Result<DateTime<Utc>, NotNow> {
        for (window, most) in [(Window::Minute, limits.per_minute), (Window::Day, limits.per_day)] {
            if let Some(most) = most.filter(|most| what.credits > *most) {
                return Err(NotNow::TooMany { window, most });
            }
        }
        if let Some(until) = self.paused_until.filter(|until| *until - what.now > FAR) {
            return Err(NotNow::Paused(until));
        }
        let mut at = self.free_from(limits, what);
        while let Some(full) = self.full_day(limits, what.credits, at) {
            at = full.ends + APART;
            // where midnight is near, one waits for it
            if at - what.now > FAR {
                return Err(full.why());
            }
        }
        if at - what.now > WRONG {
            return Err(NotNow::Ahead(at));
        }
        if at - what.now > FAR {
            return Err(NotNow::Later(at - FAR));
        }
        self.note(at, what.credits);
        for day in touched(limits, at) {
            self.day(day).spend(what.by, what.credits);
        }
        self.bound(what.now);
        Ok(at)
    }

    /// The first instant that neither the second, the minute nor a pause forbids.
    fn free_from(&self, limits: &Limits, what: &Booking<'_>) -> DateTime<Utc> {
        let mut at = what.ready.max(what.now);
        if let Some(last) = self.booked.last() {
            at = at.max(last.at + limits.spacing());
        }
        for closed in self.closed_until.into_iter().chain(self.paused_until) {
            at = at.max(closed);
        }
        if let Some(most) = limits.per_minute {
            let mut sum = u64::from(what.credits);
            for booked in self.booked.iter().rev() {
                sum += u64::from(booked.credits);
                if sum > u64::from(most) {
                    at = at.max(booked.at + MINUTE);
                    break;
                }
            }
        }
        at
    }

    /// A day that a request at this instant would be counted for, and that has no room for it.
    fn full_day(&self, limits: &Limits, credits: u32, at: DateTime<Utc>) -> Option<Full> {
        touched(limits, at).into_iter().find_map(|(begins, ends)| {
            // days of another zone, from before the limits were changed, count for all they overlap
            let same = || self.days.iter().filter(|day| day.begins < ends && begins < day.ends);
            let used: u64 = same().map(|day| u64::from(day.credits)).sum();
            let over = |most: u32| used + u64::from(credits) > u64::from(most);
            let is_over = limits.per_day.is_some_and(over);
            if !is_over && !same().any(|day| day.closed) {
                return None;
            }
            let mut by = BTreeMap::<&str, u32>::new();
            for (name, credits) in same().flat_map(|day| &day.by) {
                let sum = by.entry(name).or_default();
                *sum = sum.saturating_add(*credits);
            }
            let mut by: Vec<_> = by.into_iter().map(|(name, n)| (name.to_owned(), n)).collect();
            by.sort_by_key(|(_, credits)| Reverse(*credits));
            Some(Full { ends, told: !is_over, by })
        })
    }

    /// The provider says that a window is used up, of which a request was booked for `at`.
    pub fn refused(
        &mut self,
        limits: &Limits,
        window: Window,
        at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) {
        let until = match window {
            Window::Second => now + APART,
            Window::Minute => now + MINUTE,
            Window::Day => {
                // right after midnight it may still speak of the day before
                if let Some(day) = day_of(limits.day_ends, at - APART) {
                    self.day(day).closed = true;
                    self.bound(now);
                }
                return;
            }
        };
        self.closed_until = Some(self.closed_until.map_or(until, |closed| closed.max(until)));
    }

    /// The provider says for how long it wants to be left alone.
    pub fn paused(&mut self, wait: TimeDelta, now: DateTime<Utc>) {
        let until = now + wait.clamp(TimeDelta::zero(), LONGEST_PAUSE);
        self.paused_until = Some(self.paused_until.map_or(until, |paused| paused.max(until)));
    }

    /// The provider tells, in its answer to a request that was booked for `at`, how many credits of the
    /// minute are used. What no run has booked was used by somebody else with the same key, and counts.
    pub fn told(&mut self, limits: &Limits, used: u32, at: DateTime<Utc>, now: DateTime<Utc>) {
        // it counted when the request came, which may be long ago
        let from = at.min(now) - MINUTE;
        let counts = |booked: &&Booked| booked.at > from && booked.at <= now + APART;
        let ours: u64 =
            self.booked.iter().filter(counts).map(|booked| u64::from(booked.credits)).sum();
        let Ok(more) = u32::try_from(u64::from(used).saturating_sub(ours)) else { return };
        if more > 0 {
            self.note(now, more);
            if let Some(day) = day_of(limits.day_ends, now) {
                self.day(day).spend(OTHERS, more);
            }
            self.bound(now);
        }
    }

    /// Whether a request that is booked for `at` is not to be sent, because of a refusal since.
    pub fn is_closed(&self, at: DateTime<Utc>) -> bool {
        self.closed_until.into_iter().chain(self.paused_until).any(|closed| at < closed)
            || self.days.iter().any(|day| day.closed && day.begins <= at && at < day.ends)
    }

    /// Credits that are counted for the day in which an instant lies.
    pub fn of_day(&self, limits: &Limits, at: DateTime<Utc>) -> u32 {
        let day = day_of(limits.day_ends, at);
        let same = |spent: &&DaySpent| Some((spent.begins, spent.ends)) == day;
        self.days.iter().find(same).map_or(0, |spent| spent.credits)
    }

    /// Notes credits of an instant in its place.
    fn note(&mut self, at: DateTime<Utc>, credits: u32) {
        let place = self.booked.partition_point(|booked| booked.at < at);
        match self.booked.get_mut(place) {
            Some(booked) if booked.at == at => {
                booked.credits = booked.credits.saturating_add(credits);
            }
            _ => self.booked.insert(place, Booked { at, credits }),
        }
    }

    /// What is kept of a day.
    fn day(&mut self, (begins, ends): (DateTime<Utc>, DateTime<Utc>)) -> &mut DaySpent {
        let same = |day: &DaySpent| (day.begins, day.ends) == (begins, ends);
        let place = self.days.iter().position(same).unwrap_or_else(|| {
            let place = self.days.partition_point(|day| day.ends <= ends);
            let by = BTreeMap::new();
            self.days.insert(place, DaySpent { begins, ends, credits: 0, by, closed: false });
            place
        });
        &mut self.days[place]
    }

    /// Drops what can never count again, and joins what is too much.
    fn bound(&mut self, now: DateTime<Utc>) {
        if let Some(last) = self.booked.last().map(|booked| booked.at) {
            // whatever comes is booked for the last instant or a later one; what the provider tells
            // is of the minutes before, also where much is booked ahead
            let from = last.min(now - ANSWERED) - MINUTE;
            self.booked.retain(|booked| booked.at == last || booked.at > from);
        }
        if self.booked.len() > MOST_BOOKED {
            let cell = |booked: &Booked| booked.at.timestamp_millis().div_euclid(CELL);
            // into the latest of them: what is joined counts for longer, never for less
            let joined = self.booked.chunk_by(|a, b| cell(a) == cell(b)).filter_map(|same| {
                let credits = same.iter().fold(0_u32, |n, booked| n.saturating_add(booked.credits));
                Some(Booked { at: same.last()?.at, credits })
            });
            self.booked = joined.collect();
        }
        let surplus = self.days.len().saturating_sub(MOST_DAYS);
        self.days.drain(..surplus);
    }
}

impl DaySpent {
    fn spend(&mut self, by: &str, credits: u32) {
        self.credits = self.credits.saturating_add(credits);
        let used = self.by.entry(by.to_owned()).or_default();
        *used = used.saturating_add(credits);
        // the one who used least gives its name up
        if self.by.len() > MOST_NAMES {
            let named = self.by.iter().filter(|(name, _)| *name != OTHERS);
            if let Some((name, credits)) = named.min_by_key(|(_, credits)| **credits) {
                let (name, credits) = (name.clone(), *credits);
                self.by.remove(&name);
                let used = self.by.entry(OTHERS.to_owned()).or_default();
                *used = used.saturating_add(credits);
            }
        }
    }
}

/// The days that may count a request that is booked for an instant: two around midnight.
fn touched(limits: &Limits, at: DateTime<Utc>) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let days = [at - APART, at + LATE + APART].map(|at| day_of(limits.day_ends, at));
    let mut days: Vec<_> = days.into_iter().flatten().collect();
    days.dedup();
    days
}

/// A day that has no room.
struct Full {
    ends: DateTime<Utc>,
    told: bool,
    by: Vec<(String, u32)>,
}

impl Full {
    fn why(self) -> NotNow {
        NotNow::Day { until: self.ends, told: self.told, by: self.by }
    }
}

#[cfg(test)]
mod tests;

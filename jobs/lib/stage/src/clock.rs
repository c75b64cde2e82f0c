//! The one door to the time of day. Everything else takes it from its context, so that a run
//! can be repeated at a chosen time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use model::Day;
use tokio::sync::watch;

/// Longest sleep after which the time is looked at again: the machine's clock may be set.
const LONGEST: Duration = Duration::from_secs(10);

/// Tells the time.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The machine's.
    #[default]
    System,
    /// The machine's, so much later or, below zero, earlier: a run of another day.
    Shifted(TimeDelta),
    /// One that tests set.
    Manual(ManualClock),
}

/// A clock that stands until it is moved.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<Manual>);

#[derive(Debug)]
struct Manual {
    now: watch::Sender<DateTime<Utc>>,
    /// Until when those sleep who do, by a number each.
    sleepers: Mutex<(u64, BTreeMap<u64, DateTime<Utc>>)>,
}

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn at(now: DateTime<Utc>) -> Self {
        Self(Arc::new(Manual { now: watch::Sender::new(now), sleepers: Mutex::default() }))
    }

    /// Moves it forward.
    pub fn advance(&self, by: TimeDelta) {
        self.0.now.send_modify(|now| *now += by);
    }

    /// Until when those sleep who wait for this clock, in no order.
    pub fn sleepers(&self) -> Vec<DateTime<Utc>> {
        let sleepers = self.0.sleepers.lock().unwrap_or_else(PoisonError::into_inner);
        sleepers.1.values().copied().collect()
    }

    async fn reaches(&self, at: DateTime<Utc>) {
        let _asleep = Asleep::new(&self.0, at);
        // the sender lives as long as this clock
        let _ = self.0.now.subscribe().wait_for(|now| *now >= at).await;
    }
}

/// Somebody who sleeps.
struct Asleep<'a> {
    clock: &'a Manual,
    number: u64,
}

impl<'a> Asleep<'a> {
    fn new(clock: &'a Manual, until: DateTime<Utc>) -> Self {
        let mut sleepers = clock.sleepers.lock().unwrap_or_else(PoisonError::into_inner);
        sleepers.0 += 1;
        let number = sleepers.0;
        sleepers.1.insert(number, until);
        Self { clock, number }
    }
}

impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        let mut sleepers = self.clock.sleepers.lock().unwrap_or_else(PoisonError::into_inner);
        sleepers.1.remove(&self.number);
    }
}

impl Clock {
    /// The time, UTC, cut to milliseconds: Athena reads no finer, and every engine is to tell the
    /// same time of what a run did.
    pub fn now(&self) -> DateTime<Utc> {
        #[expect(clippy::disallowed_methods, reason = "this is the one door")]
        let now = match self {
            Self::System => Utc::now(),
            Self::Shifted(by) => Utc::now() + *by,
            Self::Manual(clock) => *clock.0.now.borrow(),
        };
        DateTime::from_timestamp_millis(now.timestamp_millis()).unwrap_or(now)
    }

    /// The day, UTC.
    pub fn today(&self) -> Day {
        Day::new(self.now().date_naive())
    }
    /// Sleeps until it is `at`, or later.
    pub async fn sleep_until(&self, at: DateTime<Utc>) {
        if let Self::Manual(clock) = self {
            return clock.reaches(at).await;
        }
        while let Ok(left) = (at - self.now()).to_std()
            && !left.is_zero()
        {
            tokio::time::sleep(left.min(LONGEST)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sleepers_wake_when_the_clock_gets_there() {
        let clock = ManualClock::at(DateTime::UNIX_EPOCH);
        let door = Clock::Manual(clock.clone());
        let until = door.now() + TimeDelta::seconds(3);
        door.sleep_until(door.now()).await;
        let sleep = tokio::spawn(async move { door.sleep_until(until).await });
        while clock.sleepers().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(clock.sleepers(), [until]);
        clock.advance(TimeDelta::seconds(2));
        tokio::task::yield_now().await;
        assert!(!sleep.is_finished());
        clock.advance(TimeDelta::seconds(1));
        sleep.await.expect("it wakes");
        assert!(clock.sleepers().is_empty());
        let now = Clock::System.now();
        Clock::System.sleep_until(now + TimeDelta::milliseconds(5)).await;
        assert!(Clock::System.now() >= now + TimeDelta::milliseconds(5));
        let (year, hour) = (TimeDelta::days(-365), TimeDelta::hours(1));
        let shifted = Clock::Shifted(year);
        let now = shifted.now();
        assert!((Clock::System.now() + year - now).abs() < hour);
        shifted.sleep_until(now + TimeDelta::milliseconds(5)).await;
        assert!(shifted.now() >= now + TimeDelta::milliseconds(5));
    }
}

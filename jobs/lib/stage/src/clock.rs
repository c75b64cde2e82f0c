//! The one door to the time of day. Everything else takes it from its context, so that a run
//! can be repeated at a chosen time.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use model::Day;

/// Tells the time.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The machine's.
    #[default]
    System,
    /// One that tests set.
    Manual(ManualClock),
}

/// A clock that stands until it is moved.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<Mutex<DateTime<Utc>>>);

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn at(now: DateTime<Utc>) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    /// Moves it forward.
    pub fn advance(&self, by: TimeDelta) {
        if let Ok(mut now) = self.0.lock() {
            *now += by;
        }
    }
}

impl Clock {
    /// The time, UTC, cut to milliseconds: Athena reads no finer, and every engine is to tell the
    /// same time of what a run did.
    pub fn now(&self) -> DateTime<Utc> {
        #[expect(clippy::disallowed_methods, reason = "this is the one door")]
        let now = match self {
            Self::System => Utc::now(),
            Self::Manual(clock) => clock.0.lock().map_or(DateTime::UNIX_EPOCH, |now| *now),
        };
        DateTime::from_timestamp_millis(now.timestamp_millis()).unwrap_or(now)
    }

    /// The day, UTC.
    pub fn today(&self) -> Day {
        Day::new(self.now().date_naive())
    }
}

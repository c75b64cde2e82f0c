//! The clock of a REST server: the system's, or one that was set, which stands or goes on.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use chrono::{DateTime, Utc};

/// What a clock does after it was set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pace {
    /// It stands still until it is set again.
    #[default]
    Stands,
    /// It goes on as time passes.
    Goes,
}

/// The time by which windows of limits begin and end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Windows {
    /// The server's clock, as it was set.
    #[default]
    Clock,
    /// The system's clock, whatever the server's says.
    Wall,
}

#[derive(Debug)]
pub(super) struct Clock {
    set: Mutex<Option<(i64, Instant)>>,
    pace: Pace,
}

impl Clock {
    pub(super) fn new(now: Option<DateTime<Utc>>, pace: Pace) -> Self {
        let clock = Self { set: Mutex::default(), pace };
        clock.set(now);
        clock
    }

    /// Sets it; `None` goes back to the system's.
    pub(super) fn set(&self, now: Option<DateTime<Utc>>) {
        let set = now.map(|now| (now.timestamp_micros(), Instant::now()));
        *self.set.lock().unwrap_or_else(PoisonError::into_inner) = set;
    }

    /// µs since the epoch.
    pub(super) fn now(&self) -> i64 {
        match *self.set.lock().unwrap_or_else(PoisonError::into_inner) {
            None => wall(),
            Some((at, _)) if self.pace == Pace::Stands => at,
            Some((at, since)) => at + since.elapsed().as_micros() as i64,
        }
    }

    /// The time that windows go by, µs since the epoch.
    pub(super) fn window(&self, windows: Windows) -> i64 {
        match windows {
            Windows::Clock => self.now(),
            Windows::Wall => wall(),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a server tells the time where none was set")]
fn wall() -> i64 {
    Utc::now().timestamp_micros()
}

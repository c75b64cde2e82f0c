//! The pace of one process: requests a second, however they come. What other processes send is not
//! known here.

use std::time::Duration;

use chrono::DateTime;
use governor::clock::Clock as Reckoning;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

use crate::clock::Clock;

/// Lets one request after the other go.
#[derive(Debug)]
pub(super) struct Pace {
    limiter: RateLimiter<NotKeyed, InMemoryState, Ticks, NoOpMiddleware<Nanos>>,
    ticks: Ticks,
}

/// The stage's clock as the limiter reads it: from the start on. The machine's time of day may be set
/// back, which must not make anybody wait; a clock of tests goes as it is moved.
#[derive(Debug, Clone)]
struct Ticks {
    clock: Clock,
    start: Instant,
}

impl Reckoning for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        match &self.clock {
            Clock::System | Clock::Shifted(_) => self.start.elapsed().into(),
            Clock::Manual(_) => {
                let since = self.clock.now() - DateTime::UNIX_EPOCH;
                since.to_std().unwrap_or_default().into()
            }
        }
    }
}

impl Pace {
    /// A pace of so many requests a second; `None` for none.
    pub(super) fn new(per_second: u32, clock: &Clock) -> Option<Self> {
        let each = Duration::from_secs(1).checked_div(per_second)? + Duration::from_nanos(1);
        let ticks = Ticks { clock: clock.clone(), start: Instant::now() };
        // one at a time: a burst would let twice as many go in the first second
        let limiter = RateLimiter::direct_with_clock(Quota::with_period(each)?, ticks.clone());
        Some(Self { limiter, ticks })
    }

    /// Lets a request go, or tells how long it has to wait before it asks again.
    pub(super) fn wait(&self) -> Option<Duration> {
        let not_until = self.limiter.check().err()?;
        Some(not_until.wait_time_from(self.ticks.now()).max(Duration::from_millis(1)))
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, Utc};

    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn no_second_has_more_than_its_requests() {
        for per_second in [1, 3, 7, 100] {
            let start: DateTime<Utc> = "2026-12-01T00:00:00Z".parse().expect("time");
            let clock = ManualClock::at(start);
            let door = Clock::Manual(clock.clone());
            let pace = Pace::new(per_second, &door).expect("a pace");
            let mut sent = Vec::new();
            while sent.len() < 500 {
                match pace.wait() {
                    None => sent.push(door.now()),
                    Some(wait) => clock.advance(TimeDelta::from_std(wait).expect("short")),
                }
            }
            let each = per_second as usize;
            for second in sent.windows(each + 1) {
                // the clock cuts what is below a millisecond off
                let took = second[each] - second[0];
                assert!(took >= TimeDelta::milliseconds(999), "{per_second}: {took}");
            }
            let took = (sent[499] - sent[0]).num_milliseconds();
            assert!(took <= 499 * (1000 / i64::from(per_second) + 2), "{per_second}: {took}");
        }
    }
}

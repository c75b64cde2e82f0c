//! What may be asked of a provider, for whoever asks: a request is reserved before it is sent, and
//! waits for its instant. What the limits mean stands in [`source::limits`].
//!
//! All runs of a lake, on whatever machine, share one document a provider: each reservation is
//! written there before its request is sent, by compare-and-set, and never taken back. So a crash
//! may waste credits (those of the requests that waited, at most [`Limits::concurrency`] a process),
//! and can never exceed a limit. What holds:
//!
//! - In any 60 s at most a minute's credits are sent, in any day of the provider at most a day's, by
//!   all processes together, as long as their clocks differ by less than [`APART`]. Whoever always
//!   wants more gets the minute's credits every [`MINUTE`] (64 s), and the day's to the last.
//! - Requests a second are spread over all processes, two thirds of the limit at most. A process of
//!   its own keeps the whole limit also where it wakes up late.
//! - A request that cannot be sent within [`Limits::late`] of its instant, as on a machine that is far
//!   too busy, is lost with its credits, and reserved again.
//! - Concurrency is of a process. Nothing is reserved that nobody waits for: there is nothing to be
//!   given back, and no run starves, as the instants are given in the order of asking.
//!
//! [`APART`]: source::limits::APART

mod kept;
mod pace;

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use model::exit::Exit;
use model::{Market, RunId, Source, layout};
use source::limits::{BadSpent, Booking, BudgetSpent, Limits, MINUTE, NotNow, Spent, Window};
use store::{Lake, StoreError};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use crate::clock::Clock;
use crate::retry::Backoff;
use kept::{Held, Kept};
use pace::Pace;

/// Times that a change of the document is tried, where others always are faster.
const ATTEMPTS: u32 = 100;
/// Waits between them.
const BETWEEN: Backoff =
    Backoff { first: Duration::from_millis(5), longest: Duration::from_millis(500) };
/// Who has waited for longer looks again whether the provider has refused others since.
const LOOK_AGAIN: TimeDelta = TimeDelta::seconds(1);
/// Longest time for which a slow lake is allowed when an instant is chosen.
const SLOWEST: TimeDelta = TimeDelta::seconds(30);

/// Why a request may not be sent.
#[derive(Debug, thiserror::Error)]
pub enum NoCredit {
    /// The day's credits are used up, or the provider wants to be left alone; go on later.
    #[error(transparent)]
    Spent(#[from] BudgetSpent),
    /// The request costs more than a window ever has.
    #[error("a request of {credits} credits, expected at most {most}, which is {source_name}'s limit of a {}", window.as_str())]
    TooMany {
        /// The provider.
        source_name: Source,
        /// What it costs.
        credits: u32,
        /// The window.
        window: Window,
        /// What it has.
        most: u32,
    },
    /// A machine's clock is or was wrong.
    #[error(
        "`{key}` has a request for {at}, expected none so far ahead: a machine's clock is or was \
         wrong; set it, then delete the document"
    )]
    Ahead {
        /// The document.
        key: String,
        /// The instant found.
        at: DateTime<Utc>,
    },
    /// The document cannot be read.
    #[error("`{key}` does not tell what was asked")]
    Unreadable {
        /// The document.
        key: String,
        /// Why.
        source: BadSpent,
    },
    /// Others always were faster.
    #[error("`{key}` was changed by others {ATTEMPTS} times in a row")]
    Busy {
        /// The document.
        key: String,
    },
    /// The lake's storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl NoCredit {
    /// How a job ends that cannot go on without it.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Spent(_) => Exit::SourceUnavailable,
            Self::TooMany { .. } => Exit::Usage,
            Self::Ahead { .. } | Self::Unreadable { .. } => Exit::DataRefused,
            Self::Busy { .. } => Exit::LostRace,
            Self::Store(_) => Exit::Failed,
        }
    }
}

/// What may be asked of one provider with one key. Cheap to clone; clones share all of it.
#[derive(Clone)]
pub struct Budget(Arc<Inner>);

struct Inner {
    source: Source,
    limits: Limits,
    run: RunId,
    clock: Clock,
    permits: Arc<Semaphore>,
    pace: Option<Pace>,
    kept: Kept,
    state: Mutex<State>,
    /// Credits a minute that the provider itself told, where they are fewer.
    told: AtomicU32,
}

/// The document as it was last seen.
#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    spent: Spent,
    /// Whether it was seen at all, and nothing speaks against it being still so.
    is_known: bool,
    /// How long a change takes, where that is so long that an instant would be missed.
    takes: TimeDelta,
}

/// A request that may be sent now. Hold it until the answer is there: others wait for the room.
#[derive(Debug)]
#[must_use = "the credits are spent"]
pub struct Reservation {
    at: DateTime<Utc>,
    late: TimeDelta,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Reservation {
    /// The instant for which it was booked.
    pub const fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// Whether it is too late to send the request; then reserve again.
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        now > self.at + self.late
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { source, limits, run, .. } = &*self.0;
        f.debug_struct("Budget")
            .field("source", source)
            .field("limits", limits)
            .field("run", run)
            .finish_non_exhaustive()
    }
}

impl Budget {
    /// The budget of a provider that all runs of `lake` share. Nothing is read yet.
    pub fn new(lake: &Lake, source: Source, limits: &Limits, run: &RunId, clock: &Clock) -> Self {
        Self::of(Kept::of(lake, layout::limits(source)), source, limits, run, clock)
    }

    /// The same of the host that is asked for a market's tail, which counts by itself.
    pub fn of_tail(
        lake: &Lake,
        (source, market): (Source, Market),
        limits: &Limits,
        run: &RunId,
        clock: &Clock,
    ) -> Self {
        let kept = Kept::of(lake, layout::limits_of_tail(source, market));
        Self::of(kept, source, limits, run, clock)
    }

    fn of(kept: Kept, source: Source, limits: &Limits, run: &RunId, clock: &Clock) -> Self {
        Self(Arc::new(Inner {
            source,
            limits: limits.clone(),
            run: run.clone(),
            clock: clock.clone(),
            permits: Arc::new(Semaphore::new(limits.concurrency.max(1) as usize)),
            pace: limits.requests_per_second.and_then(|n| Pace::new(n, clock)),
            kept,
            state: Mutex::default(),
            told: AtomicU32::new(u32::MAX),
        }))
    }

    /// Reserves a request that costs so many credits, and waits until it may be sent. Send it at
    /// once. A wait of more than two minutes is none of the minute's, and an error.
    ///
    /// # Errors
    /// [`NoCredit`]; [`NoCredit::Spent`] says when it can go on.
    pub async fn reserve(&self, credits: u32) -> Result<Reservation, NoCredit> {
        let Inner { clock, permits, limits, .. } = &*self.0;
        // a semaphore that nobody closes
        let permit = Arc::clone(permits).acquire_owned().await.ok();
        loop {
            let asked = clock.now();
            let at = match self.book(credits).await? {
                Booked::For(at) => at,
                Booked::Later(at) => {
                    clock.sleep_until(at).await;
                    continue;
                }
            };
            clock.sleep_until(at).await;
            self.keep_pace().await;
            if clock.now() - asked > LOOK_AGAIN && self.is_closed(at).await? {
                tracing::debug!(source = %self.0.source, %at, "refused meanwhile, reserving again");
                continue;
            }
            let held = Reservation { at, late: limits.late(), _permit: None };
            if !held.is_over(clock.now()) {
                return Ok(Reservation { _permit: permit, ..held });
            }
            tracing::debug!(source = %self.0.source, %at, credits, "too late, reserving again");
        }
    }

    /// What the headers of the answer to a request say of the minute: credits used and left. What was
    /// used by others with the same key counts from now on; where both together are less than the
    /// limit, theirs holds for this process.
    ///
    /// # Errors
    /// [`NoCredit`].
    pub async fn told(&self, what: &Reservation, used: u32, left: u32) -> Result<(), NoCredit> {
        let theirs = used.saturating_add(left);
        if let Some(ours) = self.0.limits.per_minute.filter(|ours| theirs < *ours && theirs > 0) {
            let before = self.0.told.fetch_min(theirs, Ordering::Relaxed);
            if before > theirs {
                tracing::warn!(
                    "{} gives {theirs} credits a minute, the limits say {ours}",
                    self.0.source
                );
            }
        }
        self.change(|spent, limits, now, _| {
            spent.told(limits, used, what.at, now);
            Ok(())
        })
        .await
        .map_err(NoCredit::from)
    }

    /// The provider has refused a request because a window is used up: nobody sends anything before
    /// the next one.
    ///
    /// # Errors
    /// [`NoCredit`].
    pub async fn refused(&self, what: &Reservation, window: Window) -> Result<(), NoCredit> {
        self.change(|spent, limits, now, _| {
            spent.refused(limits, window, what.at, now);
            Ok(())
        })
        .await
        .map_err(NoCredit::from)
    }

    /// The provider says for how long it wants to be left alone: nobody sends anything until then, also
    /// no other run.
    ///
    /// # Errors
    /// [`NoCredit`].
    pub async fn paused(&self, wait: Duration) -> Result<(), NoCredit> {
        let wait = TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX);
        self.change(|spent, _, now, _| {
            spent.paused(wait, now);
            Ok(())
        })
        .await
        .map_err(NoCredit::from)
    }

    /// Credits that are counted for today, by all runs, as far as this process knows.
    pub async fn used_today(&self) -> u32 {
        let state = self.0.state.lock().await;
        state.spent.of_day(&self.0.limits, self.0.clock.now())
    }

    async fn book(&self, credits: u32) -> Result<Booked, NoCredit> {
        let Inner { source, limits, run, kept, .. } = &*self.0;
        let booked = self.change(|spent, limits, now, takes| {
            let what = Booking { credits, by: run.as_str(), now, ready: now + takes };
            spent.book(limits, &what)
        });
        match booked.await {
            Ok(at) => Ok(Booked::For(at)),
            Err(Change::Failed(error)) => Err(error),
            Err(Change::Not(NotNow::Later(at))) => Ok(Booked::Later(at)),
            Err(Change::Not(NotNow::Day { until, told, by })) => {
                let (source, limit) = (*source, limits.per_day);
                Err(BudgetSpent { source, limit, told, until, is_pause: false, by }.into())
            }
            Err(Change::Not(NotNow::Paused(until))) => {
                let (source, limit, by) = (*source, limits.per_day, Vec::new());
                Err(BudgetSpent { source, limit, told: true, until, is_pause: true, by }.into())
            }
            Err(Change::Not(NotNow::TooMany { window, most })) => {
                Err(NoCredit::TooMany { source_name: *source, credits, window, most })
            }
            Err(Change::Not(NotNow::Ahead(at))) => {
                Err(NoCredit::Ahead { key: kept.key().to_owned(), at })
            }
        }
    }

    /// Waits for this process's own pace.
    async fn keep_pace(&self) {
        let Inner { pace, clock, .. } = &*self.0;
        while let Some(wait) = pace.as_ref().and_then(Pace::wait) {
            let wait = TimeDelta::from_std(wait).unwrap_or(MINUTE);
            // what is below a millisecond the clock does not tell
            clock.sleep_until(clock.now() + wait.max(TimeDelta::milliseconds(1))).await;
        }
    }

    /// Whether somebody has learned since that nothing is to be sent at this instant.
    async fn is_closed(&self, at: DateTime<Utc>) -> Result<bool, NoCredit> {
        let mut state = self.0.state.lock().await;
        self.look(&mut state).await?;
        Ok(state.spent.is_closed(at))
    }

    /// Reads the document.
    async fn look(&self, state: &mut State) -> Result<(), NoCredit> {
        state.is_known = false;
        let held = self.0.kept.hold().await?;
        if state.held != held {
            // where it was deleted, what this process knows is still spent
            if let Some(held) = &held {
                state.spent = Spent::parse(&held.bytes).map_err(|source| NoCredit::Unreadable {
                    key: self.0.kept.key().to_owned(),
                    source,
                })?;
            }
            state.held = held;
        }
        state.is_known = true;
        Ok(())
    }

    /// Changes the document: what `change` makes of the newest one is written, or made anew where
    /// somebody else was faster. It is told the limits, the time and how long a write takes.
    async fn change<T, E>(
        &self,
        mut change: impl FnMut(&mut Spent, &Limits, DateTime<Utc>, TimeDelta) -> Result<T, E>,
    ) -> Result<T, Change<E>> {
        let Inner { clock, kept, told, limits, .. } = &*self.0;
        let mut limits = limits.clone();
        if let Some(most) = &mut limits.per_minute {
            *most = (*most).min(told.load(Ordering::Relaxed));
        }
        let mut state = self.0.state.lock().await;
        for attempt in 1..=ATTEMPTS {
            let is_new = !state.is_known;
            if is_new {
                self.look(&mut state).await?;
            }
            let (mut spent, now) = (state.spent.clone(), clock.now());
            let value = match change(&mut spent, &limits, now, state.takes) {
                Ok(value) => value,
                // what speaks against it may be gone
                Err(_) if !is_new => {
                    state.is_known = false;
                    continue;
                }
                Err(not) => return Err(Change::Not(not)),
            };
            if spent == state.spent {
                return Ok(value);
            }
            let bytes = spent
                .to_json()
                .map_err(|source| NoCredit::Unreadable { key: kept.key().to_owned(), source })?;
            // whoever fails or is dropped in the middle of it knows nothing more
            state.is_known = false;
            let written = kept.replace(state.held.as_ref(), bytes.into()).await?;
            let took = clock.now() - now;
            let is_slow = took > limits.late() / 2;
            state.takes = if is_slow { took.min(SLOWEST) } else { TimeDelta::zero() };
            if let Some(held) = written {
                *state = State { held: Some(held), spent, is_known: true, takes: state.takes };
                return Ok(value);
            }
            tokio::time::sleep(BETWEEN.wait(attempt)).await;
        }
        Err(NoCredit::Busy { key: kept.key().to_owned() }.into())
    }
}

/// What became of a booking.
enum Booked {
    For(DateTime<Utc>),
    /// Ask again then.
    Later(DateTime<Utc>),
}

/// Why the document was not changed.
enum Change<E> {
    /// It must not be.
    Not(E),
    Failed(NoCredit),
}

impl<E> From<NoCredit> for Change<E> {
    fn from(error: NoCredit) -> Self {
        Self::Failed(error)
    }
}

impl<E> From<StoreError> for Change<E> {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Change<Infallible>> for NoCredit {
    fn from(change: Change<Infallible>) -> Self {
        match change {
            Change::Failed(error) => error,
            Change::Not(never) => match never {},
        }
    }
}

#[cfg(test)]
mod tests;

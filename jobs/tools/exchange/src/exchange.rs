//! A running exchange, for tests and programs: start, steer, look at what was asked, stop.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::faults::{BadFaults, Faults, Rule};
use crate::log::Request;
use crate::running::Running;
use crate::server;
use crate::state::{Options, StartError, State};
use crate::trades::SampleMarket;

/// The sample exchange.
#[derive(Debug, Clone, Copy)]
pub struct Exchange;

/// A running exchange. It stops when this is dropped.
#[derive(Debug)]
pub struct Handle {
    state: Arc<State>,
    running: Running,
}

impl Exchange {
    /// Starts an exchange on threads of its own, so it works in any test, async or not.
    ///
    /// # Errors
    /// [`StartError`] when the options make no sense or the address cannot be had.
    pub fn start(options: &Options) -> Result<Handle, StartError> {
        let state = Arc::new(State::new(options)?);
        let serving = Arc::clone(&state);
        let running = Running::start(options.listen, |l| server::serve(l, serving))?;
        Ok(Handle { state, running })
    }
}

impl Handle {
    /// Where it listens, without a slash at the end: `http://127.0.0.1:41234`.
    pub fn url(&self) -> &str {
        self.running.url()
    }

    /// The market: the truth that archives tell, before any fault.
    pub fn market(&self) -> &SampleMarket {
        &self.state.market
    }

    /// The keys of all generated archives, published or not, sorted.
    pub fn keys(&self) -> Vec<String> {
        self.state.catalog.entries().iter().map(|entry| entry.key.clone()).collect()
    }

    /// Replaces all rules; what they counted is forgotten.
    ///
    /// # Errors
    /// [`BadFaults`] when one makes no sense; the old rules stay.
    pub fn set_faults(&self, rules: Vec<Rule>) -> Result<(), BadFaults> {
        self.state.set_faults(Faults::of(rules))
    }

    /// Removes all rules.
    pub fn clear_faults(&self) {
        // no rules cannot be bad rules
        let _ = self.state.set_faults(Faults::default());
    }

    /// How often each rule applied, in their order.
    pub fn applied(&self) -> Vec<u64> {
        self.state.faults().applied()
    }

    /// Sets the instant after which nothing is published; `None` publishes everything.
    pub fn set_now(&self, now: Option<DateTime<Utc>>) {
        self.state.set_now(now);
    }

    /// The requests so far, oldest first, without those of the control door.
    pub fn requests(&self) -> Vec<Request> {
        self.state.log.all()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.state.log.clear();
    }

    /// How many requests a pattern fits, as in [`Rule::path`].
    pub fn count(&self, pattern: &str) -> usize {
        self.requests().iter().filter(|r| crate::rules::fits(pattern, &r.path)).count()
    }
}

//! A running exchange, for tests and programs: start, steer, look at what was asked, stop.

use std::sync::Arc;
use std::thread::JoinHandle;

use chrono::{DateTime, Utc};
use tokio::sync::oneshot;

use crate::faults::{BadFaults, Faults, Rule};
use crate::log::Request;
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
    url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Exchange {
    /// Starts an exchange on threads of its own, so it works in any test, async or not.
    ///
    /// # Errors
    /// [`StartError`] when the options make no sense or the address cannot be had.
    pub fn start(options: &Options) -> Result<Handle, StartError> {
        let io_error = |what: &str| {
            let what = what.to_owned();
            move |source| StartError::Io { what, source }
        };
        let state = Arc::new(State::new(options)?);
        let listen = format!("listen on {}", options.listen);
        let socket = std::net::TcpListener::bind(options.listen).map_err(io_error(&listen))?;
        socket.set_nonblocking(true).map_err(io_error(&listen))?;
        let address = socket.local_addr().map_err(io_error(&listen))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("exchange")
            .enable_all()
            .build()
            .map_err(io_error("start threads"))?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(socket).map_err(io_error(&listen))?
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = Arc::clone(&state);
        let thread = std::thread::Builder::new()
            .name("exchange".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    tokio::select! {
                        () = server::serve(listener, serving) => {}
                        _ = stopped => {}
                    }
                });
                runtime.shutdown_timeout(std::time::Duration::from_secs(5));
            })
            .map_err(io_error("start threads"))?;
        Ok(Handle {
            state,
            url: format!("http://{address}"),
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Handle {
    /// Where it listens, without a slash at the end: `http://127.0.0.1:41234`.
    pub fn url(&self) -> &str {
        &self.url
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

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

//! What each job needs: arguments, context, clock, logging, progress, exit codes, retries.
//!
//! A job's `main` is three lines: parse its arguments (which flatten [`Common`]), call
//! [`main`] with its name and a closure over the [`Context`]. This crate knows nothing of what
//! any stage does.
//!
//! The feature `http` adds the way out to a source (`http`) and the budget of what may be asked of it
//! (`budget`) with whose key (`keys`), for the stages that talk to one.

mod answer;
mod args;
#[cfg(feature = "http")]
pub mod budget;
mod bugs;
mod clock;
mod context;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "http")]
pub mod keys;
mod limit;
mod meter;
mod retry;

pub use answer::answer;
pub use args::{Common, LogFormat};
pub use bugs::{AtWork, at_work, report as report_bugs, was_any as was_any_bug, working_on};
pub use clock::{Clock, ManualClock};
pub use context::{Context, Failure, main};
pub use meter::Meter;
pub use retry::Backoff;

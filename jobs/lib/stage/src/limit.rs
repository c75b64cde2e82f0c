//! The end of a job that takes too long. Whoever started it stops it too, but from outside: without
//! a word of it, and where that fails the task goes on and is paid for.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// Runs something when the time is over, unless it is dropped before.
pub(crate) struct TimeLimit {
    /// Gone with the limit, which the watcher hears.
    _job: mpsc::Sender<()>,
}

impl TimeLimit {
    /// Begins to count. `end` runs in a thread of its own: work that keeps every other thread busy
    /// holds it up no more than work that waits.
    pub(crate) fn after(limit: Duration, end: impl FnOnce() + Send + 'static) -> Self {
        let (job, watched) = mpsc::channel::<()>();
        std::thread::spawn(move || {
            if watched.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                end();
            }
        });
        Self { _job: job }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_what_takes_too_long_and_nothing_else() {
        let (said, heard) = mpsc::channel();
        let words = said.clone();
        let _slow = TimeLimit::after(Duration::from_millis(1), move || {
            words.send("slow").expect("a listener");
        });
        drop(TimeLimit::after(Duration::from_millis(50), move || {
            said.send("fast").expect("a listener");
        }));
        assert_eq!(heard.iter().collect::<Vec<_>>(), ["slow"]);
    }
}

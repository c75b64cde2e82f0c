//! The end of a job that takes too long. Whoever started it stops it too, but from outside: without
//! a word of it, and where that fails the task goes on and is paid for.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// How long the last words may take.
const WORDS: Duration = Duration::from_secs(5);

/// Ends the process when the time is over, unless it is dropped before.
pub(crate) struct TimeLimit {
    /// Gone with the limit, which the watcher hears.
    _job: mpsc::Sender<()>,
}

impl TimeLimit {
    /// Begins to count. When the time is over, `say` says so, and then `end` ends the process. Both have
    /// threads of their own: work that keeps every other thread busy holds them up no more than work
    /// that waits, and whoever reads no more of what is said holds up nothing.
    pub(crate) fn after(
        limit: Duration,
        say: impl FnOnce() + Send + 'static,
        end: impl FnOnce() + Send + 'static,
    ) -> Self {
        let (job, watched) = mpsc::channel::<()>();
        std::thread::spawn(move || {
            if watched.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                let (words, said) = mpsc::channel();
                std::thread::spawn(move || {
                    say();
                    let _ = words.send(());
                });
                let _ = said.recv_timeout(WORDS);
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
        let tell = |word: &'static str| {
            let said = said.clone();
            move || said.send(word).expect("a listener")
        };
        let slow = Duration::from_millis(1);
        let _limit = TimeLimit::after(slow, tell("slow says"), tell("slow ends"));
        drop(TimeLimit::after(Duration::from_millis(50), tell("fast says"), tell("fast ends")));
        drop(said);
        assert_eq!(heard.iter().collect::<Vec<_>>(), ["slow says", "slow ends"]);
    }

    #[test]
    fn it_ends_what_nobody_listens_to() {
        let (ended, is_ended) = mpsc::channel();
        let forever = || loop {
            std::thread::park();
        };
        let _limit = TimeLimit::after(Duration::ZERO, forever, move || {
            ended.send(()).expect("a listener");
        });
        is_ended.recv().expect("the end");
    }
}

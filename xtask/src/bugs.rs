//! Panics as bug reports, with the words of `model::bug`: written once, wherever they happen, and
//! exit 1. The jobs that are spawned here report their own.

use std::io::Write as _;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};

use model::bug::Bug;
use model::exit::Exit;

/// Whether anything in this process panicked.
static PANICKED: AtomicBool = AtomicBool::new(false);

/// Does the program's work; a panic of any of its threads is reported and ends it with exit 1.
pub(crate) fn reported(work: impl FnOnce() -> u8) -> u8 {
    std::panic::set_hook(Box::new(|panic| {
        PANICKED.store(true, Ordering::Relaxed);
        let text = Bug::of("xtask", panic).text();
        // a standard error that is gone is no reason to stop
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }));
    let exit = std::panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or(Exit::Failed as u8);
    if PANICKED.load(Ordering::Relaxed) { Exit::Failed as u8 } else { exit }
}

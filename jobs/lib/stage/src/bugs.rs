//! Panics as bug reports. Whoever panics, the job's own thread, a task or a worker: the report is
//! written once, at once, in the form of the job's log, and the job ends with exit 1. The words
//! are [`model::bug`]'s.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::io::Write as _;
use std::marker::PhantomData;
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use model::RunId;
use model::bug::Bug;

use crate::args::LogFormat;
use crate::clock::Clock;
use crate::meter::Meter;

/// Whether anything in this process panicked.
static PANICKED: AtomicBool = AtomicBool::new(false);
/// What is known of the job.
static JOB: Mutex<Option<Job>> = Mutex::new(None);

thread_local! {
    /// What the thread is at work on, the innermost last.
    static AT: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

struct Job {
    program: String,
    format: LogFormat,
    work: Option<(RunId, Clock, Meter)>,
}

tokio::task_local! {
    /// The same for a task, whichever thread it is on.
    static AT_TASK: String;
}

/// Says what a future is at work on, wherever it runs.
pub async fn working_on<F: Future>(on: impl Into<String>, work: F) -> F::Output {
    AT_TASK.scope(on.into(), work).await
}

/// Until this is dropped, a panic of this thread is reported as one at this work.
#[derive(Debug)]
pub struct AtWork(PhantomData<*const ()>);

/// Says what this thread is at work on: a unit, a group.
pub fn at_work(on: impl Into<String>) -> AtWork {
    AT.with_borrow_mut(|at| at.push(on.into()));
    AtWork(PhantomData)
}

impl Drop for AtWork {
    fn drop(&mut self) {
        // a thread that panics unwinds through here after its report
        drop(AT.with_borrow_mut(Vec::pop));
    }
}

/// From now on panics are reported as bugs of `program`.
pub fn report(program: &str, format: LogFormat) {
    let job = Job { program: program.to_owned(), format, work: None };
    *JOB.lock().unwrap_or_else(PoisonError::into_inner) = Some(job);
    std::panic::set_hook(Box::new(tell));
}

/// Whether there was a panic since.
pub fn was_any() -> bool {
    PANICKED.load(Ordering::Relaxed)
}

/// From now on reports name the run, and what its meter says is at work.
pub(crate) fn of_run(run: &RunId, clock: &Clock, meter: &Meter) {
    if let Some(job) = JOB.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        job.work = Some((run.clone(), clock.clone(), meter.clone()));
    }
}

fn tell(panic: &PanicHookInfo<'_>) {
    PANICKED.store(true, Ordering::Relaxed);
    // somebody may panic while this is held: then less is told, and nobody waits for ever
    let job = JOB.try_lock();
    let job = job.as_ref().ok().and_then(|job| job.as_ref());
    let mut bug = Bug::of(job.map_or("a job", |job| &job.program), panic);
    bug.unit = AT.try_with(|at| at.try_borrow().ok()?.last().cloned()).ok().flatten();
    bug.unit = bug.unit.or_else(|| AT_TASK.try_with(Clone::clone).ok());
    let mut time = String::new();
    if let Some((run, clock, meter)) = job.and_then(|job| job.work.as_ref()) {
        bug.run = Some(run.clone());
        time = clock.now().to_rfc3339();
        let at = meter.progress().at;
        bug.unit = bug.unit.or_else(|| Some(at).filter(|at| !at.is_empty()));
    }
    let text = match job.map(|job| job.format) {
        Some(LogFormat::Json) => bug.json(&time),
        _ => bug.text(),
    };
    // in one piece; a standard error that is gone is no reason to stop
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes());
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        let _ = writeln!(stderr, "{backtrace}");
    }
}

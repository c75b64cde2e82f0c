//! The local executor: what Step Functions does in the cloud, on this machine. It chooses the
//! runs to work on (those that were cut off, then a new one) and spawns their stages. It knows
//! nothing of what a stage does, only arguments, exit codes and files.
//!
//! A run that was cut off is taken up by the next call with the same configuration and scope;
//! `runs/<run>/summary.json` says that it is finished. See `executor/claim.rs` for who may work
//! on a run, `executor/stages.rs` for the order of the stages, `executor/child.rs` for trying
//! again.

mod board;
mod child;
mod claim;
mod stages;
mod summary;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use model::config::Scope;
use model::schema::Table;
use model::{RunId, layout};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::environment::{Environment, Wrong};
use crate::human;
use board::Board;
use claim::{Claim, Unfinished};
pub(crate) use claim::{is_finished, is_held, plan, runs};
use stages::Executor;
pub(crate) use summary::Summary;

/// How long a run that another process holds is watched before it is left alone. A process that
/// was killed holds its lock until its last write to the disk is over.
const PATIENCE: Duration = Duration::from_secs(3);

/// What to run.
#[derive(Debug)]
pub(crate) struct Order<'a> {
    /// The environment.
    pub(crate) environment: &'a Environment,
    /// What narrows the run.
    pub(crate) scope: Scope,
    /// Whether archives that failed before are tried again.
    pub(crate) retry_bad: bool,
    /// The jobs' log filter.
    pub(crate) log: &'a str,
    /// The seconds that the jobs add to the machine's clock, where they work on another day.
    pub(crate) clock_shift: Option<i32>,
    /// The run to go on with, instead of looking for one that was cut off and making a new one.
    pub(crate) resume: Option<RunId>,
    /// The words that choose the environment and the lake in a command, a space after them.
    pub(crate) chosen: &'a str,
    /// The command to type to go on after an interruption, where the lake is a directory.
    pub(crate) again: &'a str,
    /// The same for a lake on an object store, where nobody looks for what was cut off: a run's
    /// id follows. `None` where `again` does there, too.
    pub(crate) again_with: Option<&'a str>,
}

impl Order<'_> {
    /// The command that goes on with a run which was cut off.
    pub(crate) fn go_on(&self, run: &RunId) -> String {
        let found_again = self.environment.directory().is_some() && self.resume.is_none();
        match self.again_with.filter(|_| !found_again) {
            Some(command) => format!("{command} {run}"),
            None => self.again.to_owned(),
        }
    }
}

/// The time of day, for run ids and summaries.
pub(crate) fn now() -> DateTime<Utc> {
    #[expect(clippy::disallowed_methods, reason = "xtask has no stage; this is its one door")]
    Utc::now()
}

/// Runs the stages of one run.
///
/// # Errors
/// When the executor itself cannot work, or was stopped. What fails in a job is in the summary.
pub(crate) fn run(order: &Order) -> anyhow::Result<Summary> {
    let environment = order.environment;
    let board = Board::new();
    let stop = stop_on_signals()?;
    let directory = environment.directory();
    if let Some(run) = &order.resume {
        let claim = claim::resumed(directory.as_deref(), run)?;
        let mut executor = Executor::new(order, &board, &stop, claim);
        let plan = executor.work()?;
        return executor.summarize(plan.as_ref());
    }
    let survey = match &directory {
        Some(lake) => {
            let scope = order.scope.hash(order.retry_bad);
            claim::survey(lake, &environment.config_sha256, &scope, PATIENCE)?
        }
        None => Unfinished::default(),
    };
    for run in &survey.unreadable {
        board.log(&format!("the plan of run {run} cannot be read; the run is passed over"));
    }
    for run in &survey.live {
        board.log(&format!(
            "run {run} does the same and is at work in another process; it is left alone, this is \
             a new run"
        ));
    }
    // such a run that fails again holds up its own bars and no other data: what is new is
    // planned all the same
    let mut finished_first = finish_half_done(order, &board, &stop, survey.half_done)?;
    if let Some(claim) = survey.mine {
        board.log(&format!("taking up run {}, which was cut off", claim.run));
        let mut executor = Executor::new(order, &board, &stop, claim);
        let plan = executor.work()?;
        let mut summary = executor.summarize(plan.as_ref())?;
        if summary.exit != 0 {
            summary.finished_first = finished_first;
            return Ok(summary);
        }
        // it obeyed its old plan; there may be news since
        finished_first.push(summary);
    }
    let claim = new_claim(directory.as_deref())?;
    if directory.is_none() {
        let go_on = order.go_on(&claim.run);
        board.log(&format!("run {}; should it be cut off, `{go_on}` goes on with it", claim.run));
    }
    let mut executor = Executor::new(order, &board, &stop, claim);
    let plan = executor.work()?;
    let mut summary = executor.summarize(plan.as_ref())?;
    summary.finished_first = finished_first;
    Ok(summary)
}

/// Ends the runs of a directory that were cut off after their commit, and begins none; `None` where
/// there is no such run.
///
/// # Errors
/// As [`run`].
pub(crate) fn finish(order: &Order) -> anyhow::Result<Option<Summary>> {
    let environment = order.environment;
    let Some(lake) = environment.directory() else { return Ok(None) };
    let scope = order.scope.hash(order.retry_bad);
    let survey = claim::survey(&lake, &environment.config_sha256, &scope, PATIENCE)?;
    let stop = stop_on_signals()?;
    let mut finished = finish_half_done(order, &Board::new(), &stop, survey.half_done)?;
    Ok(finished.pop().map(|last| Summary { finished_first: finished, ..last }))
}

/// Ends runs that were cut off after their commit, and tells how.
fn finish_half_done(
    order: &Order,
    board: &Board,
    stop: &Arc<AtomicBool>,
    half_done: Vec<Claim>,
) -> anyhow::Result<Vec<Summary>> {
    let directory = order.environment.directory();
    let mut finished = Vec::new();
    for claim in half_done {
        let run = claim.run.clone();
        board.log(&format!("run {run} was cut off after its commit; finishing it"));
        // what it owes may also have been taken over by another run, before its own commit ended:
        // where it has built bars itself, that commit did end
        let has = |key: String| directory.as_deref().is_some_and(|lake| lake.join(key).exists());
        let is_paid = !has(layout::owed(&run)) && has(layout::fragments(&run, "gold"));
        let mut executor = Executor::new(order, board, stop, claim);
        if is_paid {
            executor.check()?;
        } else {
            executor.commit_and_after()?;
        }
        let plan = directory.as_deref().and_then(|lake| plan(lake, &run));
        finished.push(executor.summarize(plan.as_ref())?);
        if directory.as_deref().is_some_and(|lake| !is_finished(lake, &run)) {
            board.log(&format!(
                "run {run} is tried again by the next call; `cargo xtask local release {}{run}` lets \
                 it be",
                order.chosen
            ));
        }
    }
    Ok(finished)
}

/// Lets an unfinished run be: from now on it is finished, and no call goes on with it.
///
/// # Errors
/// Where there is no such run, it is finished, somebody is at work on it, or the lake is not a
/// directory: there nobody goes on with a run unasked.
pub(crate) fn release(environment: &Environment, run: &RunId) -> anyhow::Result<()> {
    let Some(lake) = environment.directory() else {
        anyhow::bail!(Wrong(
            "a lake on an object store has nothing to release: no run is gone on with unless it is \
             named"
                .to_owned()
        ));
    };
    let _claim = claim::resumed(Some(&lake), run)?;
    let summary =
        Summary::released(run.clone(), environment.name.clone(), environment.shown_lake(), now());
    stages::write_summary(&lake, &summary)
}

/// Set when somebody asks this process to end.
fn stop_on_signals() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // `nohup` has switched it off, and it stays so
        if human::ignores(&status, signal) {
            continue;
        }
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .context("cannot listen for Ctrl-C")?;
    }
    Ok(stop)
}

/// Makes damaged tables anew, in a run of its own: those that are found to be so, and `tables`.
///
/// # Errors
/// As [`run`].
pub(crate) fn rebuild(order: &Order, tables: &[Table]) -> anyhow::Result<Summary> {
    let board = Board::new();
    let stop = stop_on_signals()?;
    let directory = order.environment.directory();
    let claim = new_claim(directory.as_deref())?;
    let run = claim.run.clone();
    let mut executor = Executor::new(order, &board, &stop, claim);
    executor.rebuild(tables)?;
    let plan = directory.as_deref().and_then(|lake| plan(lake, &run));
    executor.summarize(plan.as_ref())
}

fn new_claim(lake: Option<&Path>) -> anyhow::Result<Claim> {
    let run = RunId::new(now(), fastrand::u32(..));
    let Some(lake) = lake else { return Ok(Claim { run, lock: None }) };
    claim::hold(lake, &run)?.with_context(|| format!("another process holds the new run {run}"))
}

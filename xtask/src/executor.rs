//! The local executor: what Step Functions does in the cloud, on this machine. It spawns the
//! stages of one run in their order: plan; bronze and silver a batch; commit; gold; the commit
//! of gold; check. It knows nothing of what a stage does, only arguments, exit codes and files.
//!
//! A run that was cut off is taken up by the next call with the same configuration and scope;
//! `runs/<run>/summary.json` says that it is finished. See `executor/claim.rs` for who may work
//! on a run, `executor/child.rs` for trying again.

mod board;
mod child;
mod claim;
mod summary;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use model::config::Scope;
use model::exit::Exit;
use model::plan::Plan;
use model::{RunId, layout};
use serde::Deserialize;

use crate::environment::Environment;
use crate::human;
use board::Board;
use child::{Ended, Starter};
use claim::{Claim, Survey};
pub(crate) use claim::{is_finished, is_held, plan, runs};
pub(crate) use summary::Summary;

/// How often gold is built and committed before a race counts as lost.
const GOLD_ATTEMPTS: u32 = 3;

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
    /// The command to type to go on after an interruption.
    pub(crate) again: &'a str,
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
    let directory = environment.directory();
    let survey = match &directory {
        Some(lake) => {
            claim::survey(lake, &environment.config_sha256, &order.scope.hash(), PATIENCE)?
        }
        None => Survey::default(),
    };
    for run in &survey.live {
        board.log(&format!(
            "run {run} does the same and is at work in another process; it is left alone, this is \
             a new run"
        ));
    }
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .context("cannot listen for Ctrl-C")?;
    }
    let mut finished_first = Vec::new();
    for claim in survey.half_done {
        let run = claim.run.clone();
        board.log(&format!("run {run} was cut off after its commit; finishing it"));
        let mut executor = Executor::new(order, &board, &stop, claim);
        executor.commit_and_after()?;
        finished_first.push(executor.summarize(None)?);
    }
    if let Some(claim) = survey.mine {
        board.log(&format!("taking up run {}, which was cut off", claim.run));
        let mut executor = Executor::new(order, &board, &stop, claim);
        let plan = executor.work()?;
        finished_first.push(executor.summarize(plan.as_ref())?);
    }
    // what was taken up obeyed its old plan; there may be news since
    if let Some(at) = finished_first.iter().position(|s| s.exit != 0) {
        let mut failed = finished_first.swap_remove(at);
        failed.finished_first = finished_first;
        return Ok(failed);
    }
    let claim = new_claim(directory.as_deref())?;
    let mut executor = Executor::new(order, &board, &stop, claim);
    let plan = executor.work()?;
    let mut summary = executor.summarize(plan.as_ref())?;
    summary.finished_first = finished_first;
    Ok(summary)
}

fn new_claim(lake: Option<&Path>) -> anyhow::Result<Claim> {
    let run = RunId::new(now(), fastrand::u32(..));
    let Some(lake) = lake else { return Ok(Claim { run, lock: None }) };
    claim::hold(lake, &run)?.with_context(|| format!("another process holds the new run {run}"))
}

struct Executor<'a> {
    order: &'a Order<'a>,
    board: &'a Board,
    stop: &'a Arc<AtomicBool>,
    claim: Claim,
    started_at: DateTime<Utc>,
    start: Instant,
    record: Mutex<Record>,
    /// Whether all is committed that the run has built, and judged.
    complete: bool,
}

/// What the jobs of a run came to so far.
#[derive(Debug, Default)]
struct Record {
    stages: BTreeMap<String, f64>,
    failures: Vec<summary::Failure>,
}

/// What `plan --json` says.
#[derive(Deserialize)]
struct Planned {
    plan: Plan,
    #[serde(default)]
    warnings: Vec<String>,
}

/// How bad an exit is among those of one run.
const fn rank(exit: Exit) -> u8 {
    match exit {
        Exit::Done => 0,
        Exit::LostRace => 1,
        Exit::SourceUnavailable => 2,
        Exit::DataRefused => 3,
        Exit::Failed => 4,
        Exit::Usage => 5,
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

impl<'a> Executor<'a> {
    fn new(
        order: &'a Order<'a>,
        board: &'a Board,
        stop: &'a Arc<AtomicBool>,
        claim: Claim,
    ) -> Self {
        Self {
            order,
            board,
            stop,
            claim,
            started_at: now(),
            start: Instant::now(),
            record: Mutex::default(),
            complete: false,
        }
    }

    fn starter(&self) -> Starter<'_> {
        let environment = self.order.environment;
        let limits = &environment.config.limits.run;
        let file = environment.file.display().to_string();
        Starter {
            common: words(&[
                "--config",
                &file,
                "--lake",
                &environment.lake,
                "--run",
                self.claim.run.as_str(),
                "--log-format",
                "text",
                "--log",
                self.order.log,
                "--progress",
            ]),
            lock: self.claim.lock.as_ref(),
            board: self.board,
            stop: self.stop,
            deadline: self.start + Duration::from_secs(limits.timeout_seconds),
            attempts: limits.attempts,
        }
    }

    /// Runs one job; `None` when it failed for good, which is then on record.
    fn job(&self, stage: &str, batch: u32, args: &[String]) -> anyhow::Result<Option<Ended>> {
        let mut starter = self.starter();
        let mut arguments = args.to_vec();
        if batch > 0 {
            arguments.extend(["--batch".to_owned(), batch.to_string()]);
        }
        if args == ["--gold"] {
            // a race that gold lost is lost until it is built again
            starter.attempts = 1;
        }
        let ended = starter.run(stage, batch, &arguments)?;
        if self.stop.load(Ordering::Relaxed) {
            bail!("stopped; to go on with run {}, type `{}`", self.claim.run, self.order.again);
        }
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        *record.stages.entry(stage.to_owned()).or_default() += ended.took.as_secs_f64();
        if ended.exit == Exit::Done {
            return Ok(Some(ended));
        }
        record.failures.push(summary::Failure {
            stage: stage.to_owned(),
            batch,
            exit: ended.exit as u8,
            attempts: ended.attempts,
            message: ended.message,
        });
        Ok(None)
    }

    /// A stage of one job, shown on the board.
    fn stage(&self, stage: &str, args: &[&str]) -> anyhow::Result<Option<Ended>> {
        let noun = match stage {
            "plan" => "series",
            "gold" => "symbol",
            _ => "step",
        };
        self.board.begin(stage, noun, 0);
        let ended = self.job(stage, 0, &words(args));
        let note = match (&ended, args) {
            (Ok(Some(_)), []) => String::new(),
            (Ok(Some(_)), _) if stage == "plan" => String::new(),
            (Ok(Some(_)), args) => args.join(" "),
            (Ok(None), _) => "FAILED".to_owned(),
            (Err(_), _) => "stopped".to_owned(),
        };
        self.board.end(stage, &note);
        ended
    }

    /// All stages. The plan, where there is one.
    fn work(&mut self) -> anyhow::Result<Option<Plan>> {
        let scope = scope_arguments(&self.order.scope);
        let mut args: Vec<&str> = scope.iter().map(String::as_str).collect();
        args.push("--json");
        args.extend(self.order.retry_bad.then_some("--retry-bad"));
        let Some(planned) = self.stage("plan", &args)? else { return Ok(None) };
        let plan = self.plan(&planned)?;
        if plan.batches.is_empty() {
            return Ok(Some(plan));
        }
        self.batches(&plan)?;
        self.commit_and_after()?;
        Ok(Some(plan))
    }

    /// The plan that `plan` told.
    fn plan(&self, planned: &Ended) -> anyhow::Result<Plan> {
        let planned: Planned =
            serde_json::from_str(&planned.stdout).context("what `plan` said is no plan")?;
        for warning in &planned.warnings {
            self.board.log(&format!("plan: {warning}"));
        }
        Ok(planned.plan)
    }

    /// bronze and silver, a few batches at once.
    fn batches(&self, plan: &Plan) -> anyhow::Result<()> {
        self.board.begin("bronze", "archive", plan.totals.fetch);
        self.board.begin("silver", "group", plan.totals.groups);
        let next = AtomicUsize::new(0);
        let workers =
            (self.order.environment.config.limits.run.concurrency as usize).min(plan.batches.len());
        let work = || -> anyhow::Result<()> {
            while let Some(batch) = plan.batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                if self.starter().stopped() {
                    break;
                }
                // what could be fetched is built even where something could not
                self.job("bronze", batch.number, &[])?;
                self.job("silver", batch.number, &[])?;
            }
            Ok(())
        };
        let results: Vec<anyhow::Result<()>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
        });
        let failed = |stage: &str| {
            let record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
            match record.failures.iter().filter(|f| f.stage == stage).count() as u64 {
                0 => String::new(),
                n => format!("({} FAILED)", human::plural(n, "batch")),
            }
        };
        self.board.end("bronze", &failed("bronze"));
        self.board.end("silver", &failed("silver"));
        results.into_iter().collect()
    }

    /// The stages after the batches; each needs the one before.
    fn commit_and_after(&mut self) -> anyhow::Result<()> {
        if self.stage("commit", &[])?.is_none() || !self.gold()? {
            return Ok(());
        }
        let judged = self.stage("check", &[])?.is_some();
        let record = self.record.get_mut().unwrap_or_else(PoisonError::into_inner);
        // a verdict against the lake is a verdict; a check that never came to one is run again
        let refused = |f: &summary::Failure| f.exit == Exit::DataRefused as u8;
        self.complete = judged || record.failures.last().is_some_and(refused);
        Ok(())
    }

    /// gold and its commit. Where another run has changed silver between the two, gold is built
    /// again: a commit refuses what no longer fits.
    fn gold(&self) -> anyhow::Result<bool> {
        for attempt in 1.. {
            if self.stage("gold", &[])?.is_none() {
                break;
            }
            if self.stage("commit", &["--gold"])?.is_some() {
                return Ok(true);
            }
            let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
            let lost = |f: &summary::Failure| f.exit == Exit::LostRace as u8;
            if attempt == GOLD_ATTEMPTS || !record.failures.last().is_some_and(lost) {
                break;
            }
            record.failures.pop();
        }
        Ok(false)
    }

    /// Makes the summary, and writes it: from then on the run is finished. A batch that failed
    /// does not keep a run open (the next plan sees what it did not build); a commit, gold or
    /// check that failed does, and the next call takes the run up.
    fn summarize(&mut self, plan: Option<&Plan>) -> anyhow::Result<Summary> {
        let record = std::mem::take(self.record.get_mut().unwrap_or_else(PoisonError::into_inner));
        let exit = record
            .failures
            .iter()
            .filter_map(|f| Exit::of_code(f.exit.into()))
            .max_by_key(|e| rank(*e))
            .unwrap_or(Exit::Done);
        let directory = self.order.environment.directory();
        let planned = |lake: &Path| lake.join(layout::plan(&self.claim.run)).is_file();
        let nothing_to_do = exit == Exit::Done && plan.is_some_and(|p| p.batches.is_empty());
        let figures = match &directory {
            Some(lake) if !nothing_to_do && planned(lake) => {
                Some(summary::figures(lake, &self.claim.run)?)
            }
            _ => None,
        };
        let mut summary = Summary {
            run: self.claim.run.clone(),
            environment: self.order.environment.name.clone(),
            lake: self.order.environment.shown_lake(),
            started_at: self.started_at,
            seconds: self.start.elapsed().as_secs_f64(),
            exit: exit as u8,
            nothing_to_do,
            planned: plan.map(|p| p.totals).unwrap_or_default(),
            absent: plan.map_or(0, |p| p.absent.len() as u64),
            figures,
            stages: record.stages,
            failures: record.failures,
            finished_first: Vec::new(),
        };
        if summary.figures.as_ref().is_some_and(|f| !f.rows_add_up) && summary.exit == 0 {
            summary.exit = Exit::Failed as u8;
        }
        let Some(lake) = directory else { return Ok(summary) };
        if nothing_to_do || !planned(&lake) {
            // such a run leaves nothing behind
            let folder = lake.join(layout::run(&self.claim.run));
            std::fs::remove_dir_all(&folder)
                .with_context(|| format!("cannot remove `{}`", folder.display()))?;
        } else if self.complete {
            let file = lake.join(layout::summary(&self.claim.run));
            let text = serde_json::to_string_pretty(&summary)? + "\n";
            write_whole(&file, &text)
                .with_context(|| format!("cannot write `{}`", file.display()))?;
        }
        Ok(summary)
    }
}

/// Writes a file at once: nobody sees a part of it.
fn write_whole(file: &Path, text: &str) -> std::io::Result<()> {
    let part = file.with_extension("part");
    std::fs::write(&part, text)?;
    std::fs::rename(&part, file)
}

/// The scope as arguments of `plan`.
fn scope_arguments(scope: &Scope) -> Vec<String> {
    let mut args = Vec::new();
    let mut add = |name: &str, value: String| args.extend([name.to_owned(), value]);
    if let Some(from) = scope.from {
        add("--from", from.to_string());
    }
    if let Some(to) = scope.to {
        add("--to", to.to_string());
    }
    for symbol in &scope.symbols {
        add("--symbol", symbol.to_string());
    }
    for dataset in &scope.datasets {
        add("--dataset", dataset.to_string());
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_become_arguments() {
        let scope = Scope {
            from: Some("2024-01-01".parse().unwrap()),
            symbols: vec!["BTCUSDT".parse().unwrap(), "ETHUSDT".parse().unwrap()],
            ..Scope::default()
        };
        assert_eq!(
            scope_arguments(&scope).join(" "),
            "--from 2024-01-01 --symbol BTCUSDT --symbol ETHUSDT"
        );
    }

    #[test]
    fn the_worst_exit_counts() {
        let worst = |exits: &[Exit]| exits.iter().copied().max_by_key(|e| rank(*e));
        assert_eq!(worst(&[Exit::LostRace, Exit::Done]), Some(Exit::LostRace));
        assert_eq!(
            worst(&[Exit::DataRefused, Exit::Failed, Exit::SourceUnavailable]),
            Some(Exit::Failed)
        );
    }
}

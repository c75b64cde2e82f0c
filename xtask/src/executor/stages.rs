//! The stages of one run, in their order: plan; bronze and silver a batch; commit; gold; the
//! commit of gold; check. What they came to is the run's summary. Which run that is, and what is
//! tried again, is not decided here.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use model::config::Scope;
use model::exit::Exit;
use model::plan::Plan;
use model::remarks::{self, Known};
use model::schema::Table;
use model::verdict::Verdict;
use model::{RunId, layout};
use serde::Deserialize;

use super::board::Board;
use super::child::{Ended, Heard, Starter};
use super::claim::Claim;
use super::summary::{self, Came, Summary, rank};
use super::{Order, now};
use crate::human;

/// How often gold is built and committed before a race counts as lost.
const GOLD_ATTEMPTS: u32 = 3;

/// What `commit --json` says of what it did not commit, and of what it had.
#[derive(Deserialize)]
struct Committed {
    skipped: Vec<LeftOut>,
    #[serde(flatten)]
    came: Came,
}

/// What `commit rebuild --json` says.
#[derive(Deserialize)]
struct Rebuilt {
    found: Vec<serde_json::Value>,
    groups: u64,
    batches: u32,
    left_out: Vec<LeftOut>,
}

/// A group that another run knows better, or that cannot be made.
#[derive(Deserialize)]
struct LeftOut {
    group: String,
    why: String,
}

/// Works on one run.
pub(super) struct Executor<'a> {
    order: &'a Order<'a>,
    board: &'a Board,
    stop: &'a Arc<AtomicBool>,
    claim: Claim,
    started_at: DateTime<Utc>,
    start: Instant,
    record: Mutex<Record>,
    /// The warnings of the jobs.
    heard: Heard,
    /// What looked odd to the plan.
    odd: Vec<String>,
    /// What check said.
    verdict: Option<Verdict>,
    /// What the source sent, once it is committed.
    came: Option<Came>,
    /// Whether there was nothing to do.
    idle: bool,
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
    #[serde(default)]
    owed: Vec<RunId>,
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

impl<'a> Executor<'a> {
    /// Gets ready to work on the run that is claimed.
    pub(super) fn new(
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
            heard: Heard::default(),
            odd: Vec::new(),
            verdict: None,
            came: None,
            idle: false,
            complete: false,
        }
    }

    fn starter(&self) -> Starter<'_> {
        let environment = self.order.environment;
        let limits = &environment.config.limits.run;
        let file = environment.file.display().to_string();
        let mut common = words(&[
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
        ]);
        common.extend(self.order.clock_shift.map(|seconds| format!("--clock-shift={seconds}")));
        Starter {
            common,
            lock: self.claim.lock.as_ref(),
            board: self.board,
            heard: &self.heard,
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
            let run = &self.claim.run;
            bail!("stopped; to go on with run {run}, type `{}`", self.order.go_on(run));
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
            (Ok(Some(_)), args) => args.join(" ").replace("--json", ""),
            (Ok(None), _) => "FAILED".to_owned(),
            (Err(_), _) => "stopped".to_owned(),
        };
        self.board.end(stage, &note);
        ended
    }

    /// All stages. The plan, where there is one.
    pub(super) fn work(&mut self) -> anyhow::Result<Option<Plan>> {
        let scope = scope_arguments(&self.order.scope);
        let mut args: Vec<&str> = scope.iter().map(String::as_str).collect();
        args.push("--json");
        args.extend(self.order.retry_bad.then_some("--retry-bad"));
        args.extend(self.order.resume.is_some().then_some("--resume"));
        let Some(planned) = self.stage("plan", &args)? else { return Ok(None) };
        let Planned { plan, owed, .. } = self.plan(&planned)?;
        // in a directory such runs were found, and finished, before; but for those that were
        // released, whose bars are this run's matter
        let mut owed = owed;
        if let Some(lake) = self.order.environment.directory() {
            owed.retain(|run| super::is_finished(&lake, run));
        }
        if plan.batches.is_empty() && owed.is_empty() {
            self.idle = true;
            // a source that has fallen silent is seen by nobody else: days that were awaited are
            // missing one day, and the lag grows
            self.check()?;
            return Ok(Some(plan));
        }
        for run in owed {
            self.board.log(&format!("run {run} was committed without its bars; building them"));
        }
        if !plan.batches.is_empty() {
            self.batches(&plan)?;
        }
        self.commit_and_after()?;
        Ok(Some(plan))
    }

    /// The plan that `plan` told.
    fn plan(&mut self, planned: &Ended) -> anyhow::Result<Planned> {
        let planned: Planned =
            serde_json::from_str(&planned.stdout).context("what `plan` said is no plan")?;
        self.odd.clone_from(&planned.warnings);
        // those that the job logged stand there already
        for warning in planned.warnings.iter().filter(|warning| !self.heard.has(warning)) {
            self.board.log(&format!("plan: {warning}"));
        }
        let record = self.record.get_mut().unwrap_or_else(PoisonError::into_inner);
        record.failures.extend(planned.plan.unasked.iter().map(|unasked| summary::Failure {
            stage: "plan".to_owned(),
            batch: 0,
            exit: Exit::SourceUnavailable as u8,
            attempts: 1,
            message: unasked.remark(),
        }));
        Ok(planned)
    }

    /// Makes damaged tables anew: `commit rebuild` says which, and plans; silver reads what is held.
    pub(super) fn rebuild(&mut self, tables: &[Table]) -> anyhow::Result<()> {
        let mut args = vec!["rebuild", "--json"];
        args.extend(tables.iter().flat_map(|table| ["--table", table.as_str()]));
        let Some(rebuilt) = self.stage("commit", &args)? else { return Ok(()) };
        let Rebuilt { found, groups, batches, left_out } = serde_json::from_str(&rebuilt.stdout)
            .context("what `commit rebuild` said is no report")?;
        if found.is_empty() {
            self.idle = true;
            return Ok(());
        }
        if let Some(first) = left_out.first() {
            let message = format!(
                "{} cannot be made anew from what is held, the first is {}: {}",
                human::plural(left_out.len() as u64, "part"),
                first.group,
                first.why
            );
            let (stage, exit) = ("commit".to_owned(), Exit::DataRefused as u8);
            let failure = summary::Failure { stage, batch: 0, exit, attempts: 1, message };
            self.record.get_mut().unwrap_or_else(PoisonError::into_inner).failures.push(failure);
        }
        if batches > 0 {
            let numbers: Vec<u32> = (1..=batches).collect();
            self.board.begin("silver", "group", groups);
            self.each_batch(&numbers, &["silver"])?;
        }
        self.commit_and_after()
    }

    /// bronze and silver, a few batches at once.
    fn batches(&self, plan: &Plan) -> anyhow::Result<()> {
        self.board.begin("bronze", "archive", plan.totals.fetch);
        self.board.begin("silver", "group", plan.totals.groups);
        let numbers: Vec<u32> = plan.batches.iter().map(|batch| batch.number).collect();
        // what could be fetched is built even where something could not
        self.each_batch(&numbers, &["bronze", "silver"])
    }

    /// Some stages of batches, one after the other, a few batches at once.
    fn each_batch(&self, numbers: &[u32], stages: &[&str]) -> anyhow::Result<()> {
        let next = AtomicUsize::new(0);
        let workers =
            (self.order.environment.config.limits.run.concurrency as usize).min(numbers.len());
        let work = || -> anyhow::Result<()> {
            while let Some(number) = numbers.get(next.fetch_add(1, Ordering::Relaxed)) {
                if self.starter().stopped() {
                    break;
                }
                for stage in stages {
                    self.job(stage, *number, &[])?;
                }
            }
            Ok(())
        };
        let results: Vec<anyhow::Result<()>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            // one that panicked has left its batches undone: nothing is committed without them
            let join = |thread: ScopedJoinHandle<'_, _>| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            threads.into_iter().map(join).collect()
        });
        let failed = |stage: &str| {
            let record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
            match record.failures.iter().filter(|f| f.stage == stage).count() as u64 {
                0 => String::new(),
                n => format!("({} FAILED)", human::plural(n, "batch")),
            }
        };
        for stage in stages {
            self.board.end(stage, &failed(stage));
        }
        results.into_iter().collect()
    }

    /// The stages after the batches; each needs the one before.
    pub(super) fn commit_and_after(&mut self) -> anyhow::Result<()> {
        let Some(committed) = self.stage("commit", &["--json"])? else { return Ok(()) };
        self.left_out(&committed)?;
        if !self.gold()? {
            return Ok(());
        }
        self.check()
    }

    /// check, the last stage.
    pub(super) fn check(&mut self) -> anyhow::Result<()> {
        let judged = self.stage("check", &["--json"])?;
        let directory = self.order.environment.directory();
        self.verdict = match &judged {
            Some(ended) => serde_json::from_str(&ended.stdout).ok(),
            // a check that refuses says why in words, and the rest in the lake
            None => directory.and_then(|lake| summary::verdict(&lake, &self.claim.run)),
        };
        let judged = judged.is_some();
        let record = self.record.get_mut().unwrap_or_else(PoisonError::into_inner);
        // a verdict against the lake is a verdict; a check that never came to one is run again
        let refused = |f: &summary::Failure| f.exit == Exit::DataRefused as u8;
        self.complete = judged || record.failures.last().is_some_and(refused);
        Ok(())
    }

    /// Puts on record that the commit left groups out: their data is not in the lake by this run.
    fn left_out(&mut self, committed: &Ended) -> anyhow::Result<()> {
        let Committed { skipped, came } = serde_json::from_str(&committed.stdout)
            .context("what `commit` said is no summary of a commit")?;
        self.came = Some(came);
        let Some(first) = skipped.first() else { return Ok(()) };
        let message = format!(
            "{} left out, the first is {}: {}",
            human::plural(skipped.len() as u64, "group"),
            first.group,
            first.why
        );
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let (stage, exit) = ("commit".to_owned(), Exit::LostRace as u8);
        record.failures.push(summary::Failure { stage, batch: 0, exit, attempts: 1, message });
        Ok(())
    }

    /// gold and its commit; whether all bars are in force. What could be built is committed even
    /// where a symbol failed. Where another run has changed silver between the two, gold is built
    /// again: a commit refuses what no longer fits.
    fn gold(&self) -> anyhow::Result<bool> {
        for attempt in 1.. {
            let built = self.stage("gold", &[])?.is_some();
            if self.stage("commit", &["--gold"])?.is_some() {
                return Ok(true);
            }
            let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
            let lost = |f: &summary::Failure| f.exit == Exit::LostRace as u8;
            if !built || attempt == GOLD_ATTEMPTS || !record.failures.last().is_some_and(lost) {
                break;
            }
            record.failures.pop();
        }
        Ok(false)
    }

    /// Makes the summary, and writes it: from then on the run is finished. A batch that failed
    /// does not keep a run open (the next plan sees what it did not build); a commit, gold or
    /// check that failed does, and the next call takes the run up.
    pub(super) fn summarize(&mut self, plan: Option<&Plan>) -> anyhow::Result<Summary> {
        let record = std::mem::take(self.record.get_mut().unwrap_or_else(PoisonError::into_inner));
        let exit = record
            .failures
            .iter()
            .filter_map(|f| Exit::of_code(f.exit.into()))
            .max_by_key(|e| rank(*e))
            .unwrap_or(Exit::Done);
        let directory = self.order.environment.directory();
        let planned = |lake: &Path| lake.join(layout::plan(&self.claim.run)).is_file();
        let nothing_to_do = exit == Exit::Done && self.idle;
        let figures = match &directory {
            Some(lake) if !nothing_to_do && planned(lake) => {
                let figures = summary::figures(lake, &self.claim.run);
                // a stage that needs the fragment has failed for it, or made it anew
                figures.inspect_err(|error| self.board.log(&human::chain(error.as_ref()))).ok()
            }
            _ => None,
        };
        let planned_totals = plan.map(|p| p.totals).unwrap_or_default();
        let absent = plan.map_or(0, |p| p.absent.len() as u64);
        let stopped = record
            .failures
            .iter()
            .any(|f| f.stage == "bronze" && f.exit != Exit::SourceUnavailable as u8);
        let remarks = remarks::of(&Known {
            planned: planned_totals,
            absent,
            stopped,
            figures: figures.as_ref(),
            verdict: self.verdict.as_ref(),
            odd: &self.odd,
            // what the plan warned of is told in its words
            warnings: self.heard.warnings_but(&self.odd),
        });
        let mut summary = Summary {
            run: self.claim.run.clone(),
            environment: self.order.environment.name.clone(),
            lake: self.order.environment.shown_lake(),
            started_at: self.started_at,
            seconds: self.start.elapsed().as_secs_f64(),
            exit: exit as u8,
            nothing_to_do,
            planned: planned_totals,
            absent,
            figures,
            stages: record.stages,
            failures: record.failures,
            remarks,
            finished_first: Vec::new(),
        };
        // the fragments on an object store are not read here; what the commit read of them does
        let of_no_use = match &summary.figures {
            Some(figures) => figures.is_of_no_use(&summary.planned),
            None => self.came.is_some_and(|came| came.is_of_no_use(&summary.planned)),
        };
        if summary.exit == 0 && summary.figures.as_ref().is_some_and(|f| !f.rows_add_up) {
            summary.exit = Exit::Failed as u8;
        } else if summary.exit == 0 && of_no_use {
            summary.failures.push(summary::of_no_use(&summary.planned));
            summary.exit = Exit::DataRefused as u8;
        }
        let Some(lake) = directory else { return Ok(summary) };
        if nothing_to_do || !planned(&lake) {
            // such a run leaves nothing behind
            let folder = lake.join(layout::run(&self.claim.run));
            std::fs::remove_dir_all(&folder)
                .with_context(|| format!("cannot remove `{}`", folder.display()))?;
        } else if self.complete {
            write_summary(&lake, &summary)?;
        }
        Ok(summary)
    }
}

/// Writes the summary of a run into a lake: from then on the run is finished.
pub(super) fn write_summary(lake: &Path, summary: &Summary) -> anyhow::Result<()> {
    let file = lake.join(layout::summary(&summary.run));
    let text = serde_json::to_string_pretty(summary)? + "\n";
    write_whole(&file, &text).with_context(|| format!("cannot write `{}`", file.display()))
}

/// Writes a file at once: nobody sees a part of it, nor is it lost by a power cut.
fn write_whole(file: &Path, text: &str) -> std::io::Result<()> {
    let part = file.with_extension("part");
    let mut writer = std::fs::File::create(&part)?;
    writer.write_all(text.as_bytes())?;
    writer.sync_data()?;
    std::fs::rename(&part, file)?;
    match file.parent() {
        Some(folder) if cfg!(unix) => std::fs::File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
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
    for source in &scope.sources {
        add("--source", source.to_string());
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

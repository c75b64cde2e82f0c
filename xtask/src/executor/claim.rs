//! Who works on which run. A run is held by a lock on `runs/<run>/lock`, which every child of
//! the executor inherits: it is free again when the executor and all of its children are gone,
//! however they ended. Lakes on an object store have no locks: there each run is a new one.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use model::plan::Plan;
use model::{RunId, layout};

use crate::environment::Wrong;

/// A run that this process holds.
#[derive(Debug)]
pub(crate) struct Claim {
    /// The run.
    pub(crate) run: RunId,
    /// The lock; `None` where the lake has none.
    pub(crate) lock: Option<File>,
}

/// What there is in a lake that has not been finished and is of interest to a new run.
#[derive(Debug, Default)]
pub(crate) struct Unfinished {
    /// The newest unfinished run of the same configuration and scope; now held.
    pub(crate) mine: Option<Claim>,
    /// Runs whose tables were committed and whose bars were not: anybody may finish them; now held.
    pub(crate) half_done: Vec<Claim>,
    /// Runs of the same configuration and scope that another process works on.
    pub(crate) live: Vec<RunId>,
    /// Runs with a plan that does not read; the next run that commits anything makes the bars
    /// that they owe.
    pub(crate) unreadable: Vec<RunId>,
}

/// All runs of a lake, newest first.
pub(crate) fn runs(lake: &Path) -> Vec<RunId> {
    let folders = std::fs::read_dir(lake.join(layout::RUNS)).into_iter().flatten().flatten();
    let mut runs: Vec<RunId> =
        folders.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    runs.sort();
    runs.reverse();
    runs
}

/// Whether a run is finished.
pub(crate) fn is_finished(lake: &Path, run: &RunId) -> bool {
    lake.join(layout::summary(run)).is_file()
}

/// The plan of a run, where it has one.
pub(crate) fn plan(lake: &Path, run: &RunId) -> Option<Plan> {
    serde_json::from_slice(&std::fs::read(lake.join(layout::plan(run))).ok()?).ok()
}

fn lock_file(lake: &Path, run: &RunId) -> PathBuf {
    lake.join(layout::run(run)).join("lock")
}

/// Whether another process holds a run.
pub(crate) fn is_held(lake: &Path, run: &RunId) -> bool {
    File::open(lock_file(lake, run))
        .is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

/// Holds a run; `None` when another process does.
pub(crate) fn hold(lake: &Path, run: &RunId) -> anyhow::Result<Option<Claim>> {
    let path = lock_file(lake, run);
    let context = || format!("cannot hold the run by `{}`", path.display());
    std::fs::create_dir_all(path.parent().unwrap_or(lake)).with_context(context)?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .with_context(context)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Claim { run: run.clone(), lock: Some(file) })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error).with_context(context),
    }
}

/// Holds a run that is to be gone on with. A lake on an object store has no locks: there its
/// caller says that nobody else is at work on it.
pub(crate) fn resumed(lake: Option<&Path>, run: &RunId) -> anyhow::Result<Claim> {
    let Some(lake) = lake else { return Ok(Claim { run: run.clone(), lock: None }) };
    let path = layout::plan(run);
    if plan(lake, run).is_none() && lake.join(&path).is_file() {
        bail!(Wrong(format!(
            "`{path}` does not read, so run {run} cannot be resumed; type the command without \
             --resume: a new run does what this one left"
        )));
    }
    if plan(lake, run).is_none() {
        bail!(Wrong(format!(
            "there is no run {run} with a plan in `{}`, expected one of `local status`",
            lake.display()
        )));
    }
    if is_finished(lake, run) {
        bail!(Wrong(format!("run {run} is finished, expected one that was cut off")));
    }
    hold(lake, run)?.with_context(|| format!("another process is at work on run {run}"))
}

/// As [`hold`], but asks again until an instant.
fn hold_by(until: Instant, lake: &Path, run: &RunId) -> anyhow::Result<Option<Claim>> {
    loop {
        let held = hold(lake, run)?;
        if held.is_some() || Instant::now() >= until {
            return Ok(held);
        }
        sleep(Duration::from_millis(20));
    }
}

/// Looks through a lake's runs, and holds what is to be taken up. A run that another process
/// holds is left alone, but not before `patience` is over (once, however many they are): its
/// holder may just be dying, and then nobody would finish it.
pub(crate) fn survey(
    lake: &Path,
    config_sha256: &str,
    scope: &str,
    patience: Duration,
) -> anyhow::Result<Unfinished> {
    let until = Instant::now() + patience;
    let mut survey = Unfinished::default();
    // a later finished run of the same kind has done what an earlier unfinished one left; and
    // what a committed run did not build, the next plan sees
    let mut superseded = false;
    for run in runs(lake) {
        let finished = is_finished(lake, &run);
        if finished && (superseded || survey.mine.is_some()) {
            continue;
        }
        let Some(plan) = plan(lake, &run) else {
            if !finished && lake.join(layout::plan(&run)).is_file() {
                survey.unreadable.push(run);
            }
            continue;
        };
        let same = plan.config_sha256 == config_sha256 && plan.scope == scope;
        if finished {
            superseded |= same;
            continue;
        }
        let half_done = lake.join(layout::dirty(&run)).is_file();
        let wanted = same && !half_done && !superseded && survey.mine.is_none();
        if !wanted && !half_done {
            continue;
        }
        match hold_by(until, lake, &run)? {
            None if same => survey.live.push(run),
            None => {}
            // its holder may have finished it while we looked
            Some(_) if is_finished(lake, &run) => superseded |= same,
            Some(claim) if wanted => survey.mine = Some(claim),
            Some(claim) => survey.half_done.push(claim),
        }
    }
    // the oldest first, as they would have been
    survey.half_done.reverse();
    Ok(survey)
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use super::*;

    const A: &str = "20250101T000000Z-00000001";
    const B: &str = "20250102T000000Z-00000002";
    const C: &str = "20250103T000000Z-00000003";

    /// A child that is being started holds every file of the process for a moment, locks of other
    /// tests too: one at a time.
    static ALONE: Mutex<()> = Mutex::new(());

    struct Runs(tempfile::TempDir, #[expect(dead_code, reason = "held")] MutexGuard<'static, ()>);

    impl Runs {
        fn new() -> Self {
            let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
            Self(tempfile::tempdir().unwrap(), alone)
        }

        fn add(&self, run: &str, config: &str, files: &[&str]) {
            let run: RunId = run.parse().unwrap();
            let folder = self.0.path().join(layout::run(&run));
            std::fs::create_dir_all(&folder).unwrap();
            let plan = serde_json::json!({
                "run": run, "environment": "e", "created_at": "2025-01-01T00:00:00Z",
                "config_sha256": config, "scope": "s", "batches": [], "absent": [],
                "totals": model::plan::PlanTotals::default(),
            });
            std::fs::write(folder.join("plan.json"), plan.to_string()).unwrap();
            for file in files {
                std::fs::write(folder.join(file), "{}").unwrap();
            }
        }

        /// (taken up, half done, live)
        fn check(&self, expect: (Option<&str>, &[&str], &[&str])) -> Unfinished {
            self.check_after(Duration::ZERO, expect)
        }

        fn check_after(
            &self,
            patience: Duration,
            expect: (Option<&str>, &[&str], &[&str]),
        ) -> Unfinished {
            let survey = survey(self.0.path(), "config", "s", patience).unwrap();
            let mine = survey.mine.as_ref().map(|claim| claim.run.as_str());
            let half_done: Vec<_> = survey.half_done.iter().map(|c| c.run.as_str()).collect();
            let live: Vec<_> = survey.live.iter().map(RunId::as_str).collect();
            assert_eq!((mine, &*half_done, &*live), expect);
            survey
        }
    }

    #[test]
    fn the_newest_unfinished_run_of_the_same_kind_is_taken_up() {
        let runs = Runs::new();
        runs.check((None, &[], &[]));
        runs.add(A, "config", &[]);
        runs.add(B, "config", &[]);
        runs.add(C, "another", &[]);
        runs.check((Some(B), &[], &[]));
    }

    #[test]
    fn a_later_finished_run_supersedes_an_unfinished_one() {
        let runs = Runs::new();
        runs.add(A, "config", &[]);
        runs.add(B, "config", &["summary.json"]);
        runs.check((None, &[], &[]));
        runs.add(C, "another", &["summary.json"]);
        runs.check((None, &[], &[]));
    }

    #[test]
    fn committed_runs_without_their_bars_are_finished_by_anybody() {
        let runs = Runs::new();
        runs.add(A, "another", &["dirty.json"]);
        runs.add(B, "another", &["dirty.json", "summary.json"]);
        runs.add(C, "another", &[]);
        runs.check((None, &[A], &[]));
    }

    #[test]
    fn a_live_run_is_left_alone() {
        let runs = Runs::new();
        runs.add(A, "config", &[]);
        runs.add(B, "config", &[]);
        runs.add(C, "config", &["dirty.json"]);
        let held = runs.check((Some(B), &[C], &[]));
        assert!(is_held(runs.0.path(), &B.parse().unwrap()));
        runs.check((Some(A), &[], &[C, B]));
        drop(held);
        assert!(!is_held(runs.0.path(), &B.parse().unwrap()));
        runs.check((Some(B), &[C], &[]));
    }

    #[test]
    fn a_run_that_is_released_is_gone_on_with_by_nobody() {
        let runs = Runs::new();
        runs.add(A, "another", &["dirty.json"]);
        runs.add(B, "config", &[]);
        runs.check((Some(B), &[A], &[]));
        for run in [A, B] {
            let summary = crate::executor::Summary::released(
                run.parse().unwrap(),
                "e".to_owned(),
                "lake".to_owned(),
                crate::executor::now(),
            );
            assert!(summary.is_released());
            crate::executor::stages::write_summary(runs.0.path(), &summary).unwrap();
        }
        runs.check((None, &[], &[]));
        let again = resumed(Some(runs.0.path()), &A.parse().unwrap()).unwrap_err().to_string();
        assert!(again.contains("is finished"), "{again}");
    }

    #[test]
    fn only_a_run_that_was_cut_off_is_gone_on_with() {
        let runs = Runs::new();
        runs.add(A, "another", &["dirty.json"]);
        runs.add(B, "config", &["summary.json"]);
        let check = |run: &str, expect: &str| {
            let resumed = resumed(Some(runs.0.path()), &run.parse().unwrap());
            let said = resumed.map_or_else(|error| error.to_string(), |c| c.run.to_string());
            assert!(said.contains(expect), "{run}: {said}");
        };
        check(A, A);
        check(B, "is finished");
        check(C, "there is no run");
        let held = hold(runs.0.path(), &A.parse().unwrap()).unwrap();
        check(A, "another process");
        drop(held);
        assert!(resumed(None, &C.parse().unwrap()).unwrap().lock.is_none());
    }

    #[test]
    fn a_run_whose_holder_is_dying_is_taken_up() {
        let runs = Runs::new();
        runs.add(A, "config", &["dirty.json"]);
        let claim = hold(runs.0.path(), &A.parse().unwrap()).unwrap().unwrap();
        let dying = std::thread::spawn(move || {
            sleep(Duration::from_millis(200));
            drop(claim);
        });
        runs.check((None, &[], &[A]));
        runs.check_after(Duration::from_mins(1), (None, &[A], &[]));
        dying.join().unwrap();
    }

    #[test]
    fn a_lock_outlives_its_holder_in_its_children() {
        let runs = Runs::new();
        runs.add(A, "config", &[]);
        let run: RunId = A.parse().unwrap();
        let claim = hold(runs.0.path(), &run).unwrap().unwrap();
        let stdin = claim.lock.as_ref().unwrap().try_clone().unwrap();
        let mut child = std::process::Command::new("sleep").arg("60").stdin(stdin).spawn().unwrap();
        drop(claim);
        assert!(is_held(runs.0.path(), &run), "the child still works on it");
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(hold(runs.0.path(), &run).unwrap().is_some());
    }
}

//! What a run did, in figures that add up: `runs/<run>/summary.json`, whose being there means
//! that the run is finished, and the same for people.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use model::exit::Exit;
pub(crate) use model::figures::Figures;
use model::fragment::{BronzeFragment, GoldFragment, SilverFragment};
use model::plan::PlanTotals;
use model::remarks::{self, Remark};
use model::verdict::Verdict;
use model::{RunId, layout};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::human;

/// What a run did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// The run.
    pub(crate) run: RunId,
    /// The environment's name.
    pub(crate) environment: String,
    /// Where the lake lies.
    pub(crate) lake: String,
    /// When the executor took it up, UTC.
    pub(crate) started_at: chrono::DateTime<chrono::Utc>,
    /// Seconds that this took.
    pub(crate) seconds: f64,
    /// The exit code: that of the worst failure.
    pub(crate) exit: u8,
    /// Whether there was anything to do.
    pub(crate) nothing_to_do: bool,
    /// What was planned.
    #[serde(flatten)]
    pub(crate) planned: PlanTotals,
    /// Wanted days that the source should have and does not.
    pub(crate) absent: u64,
    /// What came of it; `None` where there was nothing to do, or where the lake cannot be read
    /// from here.
    #[serde(flatten)]
    pub(crate) figures: Option<Figures>,
    /// Seconds a stage, all its batches and attempts together.
    pub(crate) stages: BTreeMap<String, f64>,
    /// What failed for good.
    pub(crate) failures: Vec<Failure>,
    /// What a person must know, and where to look.
    #[serde(default)]
    pub(crate) remarks: Vec<Remark>,
    /// Runs that had been cut off and were finished before this one.
    #[serde(default)]
    pub(crate) finished_first: Vec<Self>,
}

/// A job that failed for good.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// The stage.
    pub(crate) stage: String,
    /// The batch; 0 for stages without batches.
    pub(crate) batch: u32,
    /// Its exit code.
    pub(crate) exit: u8,
    /// Attempts made.
    pub(crate) attempts: u32,
    /// What it said.
    pub(crate) message: String,
}

/// The stage of the failure that a released run's summary has.
const RELEASE: &str = "release";

impl Summary {
    /// Of a run that somebody lets be though it is not finished.
    pub(super) fn released(
        run: RunId,
        environment: String,
        lake: String,
        started_at: chrono::DateTime<chrono::Utc>,
    ) -> Self {
        let failure = Failure {
            stage: RELEASE.to_owned(),
            batch: 0,
            exit: Exit::Failed as u8,
            attempts: 0,
            message: "released by hand: nobody goes on with it".to_owned(),
        };
        Self {
            run,
            environment,
            lake,
            started_at,
            seconds: 0.0,
            exit: failure.exit,
            nothing_to_do: false,
            planned: PlanTotals::default(),
            absent: 0,
            figures: None,
            stages: BTreeMap::new(),
            failures: vec![failure],
            remarks: Vec::new(),
            finished_first: Vec::new(),
        }
    }

    /// Whether the run was released.
    pub(crate) fn is_released(&self) -> bool {
        self.failures.iter().any(|failure| failure.stage == RELEASE)
    }
}

/// What a run's fragments amount to.
pub(crate) fn figures(lake: &Path, run: &RunId) -> anyhow::Result<Figures> {
    let mut figures = Figures::new();
    for fragment in fragments::<SilverFragment>(lake, run, "silver")? {
        figures.add_group(&fragment);
    }
    for fragment in fragments::<BronzeFragment>(lake, run, "bronze")? {
        figures.add_archive(&fragment);
    }
    for fragment in fragments::<GoldFragment>(lake, run, "gold")? {
        figures.add_gold(&fragment);
    }
    Ok(figures)
}

/// What a commit knows of the archives that its run was to fetch: it stands for the figures where the fragments
/// cannot be read from here.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Came {
    /// Of which the source said something.
    received: u64,
    /// That silver can use.
    usable: u64,
}

impl Came {
    /// As [`Figures::is_of_no_use`].
    pub(super) const fn is_of_no_use(self, planned: &PlanTotals) -> bool {
        planned.fetch > 0 && self.received > 0 && self.usable == 0
    }
}

/// A run that fetched archives of which none can be used has not done what it was for, though
/// each of them is on record.
pub(super) fn of_no_use(planned: &PlanTotals) -> Failure {
    let message = format!(
        "none of {} is of use: see `cargo xtask query ledger --param status=bad`",
        human::plural(planned.fetch, "fetched archive")
    );
    let (stage, exit) = ("bronze".to_owned(), Exit::DataRefused as u8);
    Failure { stage, batch: 0, exit, attempts: 1, message }
}

/// What check made of a run, where it came to a verdict.
pub(super) fn verdict(lake: &Path, run: &RunId) -> Option<Verdict> {
    serde_json::from_slice(&std::fs::read(lake.join(layout::verdict(run))).ok()?).ok()
}

fn fragments<T: DeserializeOwned>(lake: &Path, run: &RunId, stage: &str) -> anyhow::Result<Vec<T>> {
    let folder = lake.join(layout::fragments(run, stage));
    let Ok(entries) = std::fs::read_dir(&folder) else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot list `{}`", folder.display()))?.path();
        if path.extension().is_none_or(|e| e != "json") {
            continue;
        }
        let read = || anyhow::Ok(serde_json::from_slice(&std::fs::read(&path)?)?);
        all.push(read().with_context(|| format!("cannot read fragment `{}`", path.display()))?);
    }
    Ok(all)
}

/// How bad an exit is among those of one run.
pub(super) const fn rank(exit: Exit) -> u8 {
    match exit {
        Exit::Done => 0,
        Exit::LostRace => 1,
        Exit::SourceUnavailable => 2,
        Exit::DataRefused => 3,
        Exit::Failed => 4,
        Exit::Usage => 5,
    }
}

impl Summary {
    /// The worst exit code of this run and of those that were finished before it.
    pub(crate) fn worst(&self) -> u8 {
        let all = self.finished_first.iter().map(Self::worst).chain([self.exit]);
        let rank = |code: &u8| Exit::of_code((*code).into()).map_or(u8::MAX, rank);
        all.max_by_key(rank).unwrap_or_default()
    }

    /// For people: what was done, that nothing was lost on the way, and what to look at. `ask` are
    /// the words that choose the lake in a query.
    pub(crate) fn lines(&self, ask: &str) -> Vec<String> {
        let mut lines: Vec<String> =
            self.finished_first.iter().flat_map(|summary| summary.lines(ask)).collect();
        lines.extend(self.own_lines());
        if !self.remarks.is_empty() {
            lines.push(String::new());
            lines.push("to know".to_owned());
            lines.extend(remarks::lines(&self.remarks, ask));
        }
        lines
    }

    /// There was nothing to do, and why.
    fn idle_line(&self, took: &str) -> String {
        let listed = human::plural(self.planned.listed, "archive");
        let but = if self.planned.known_bad == 0 { "" } else { " or failed before" };
        format!(
            "nothing to do: what is wanted of the {listed} that the source lists is in the lake{but} \
             ({took})"
        )
    }

    fn own_lines(&self) -> Vec<String> {
        let took = human::span(Duration::from_secs_f64(self.seconds));
        if self.nothing_to_do {
            return vec![self.idle_line(&took)];
        }
        let verdict = match self.exit {
            0 if self.remarks.is_empty() => "done",
            0 => "done, with what is told below,",
            _ => "ended with failures",
        };
        let mut lines = vec![format!("run {} {verdict} in {took}", self.run), String::new()];
        let mut rows = Vec::new();
        let mut row = |name: &str, text: String| rows.push(vec![format!("  {name}"), text]);
        if let Some(figures) = &self.figures {
            for [name, text] in figures.lines(&self.planned) {
                row(&name, text);
            }
        }
        let stages: Vec<String> = crate::workspace::STAGES
            .iter()
            .filter_map(|s| Some((s, self.stages.get(*s)?)))
            .map(|(s, seconds)| format!("{s} {}", human::span(Duration::from_secs_f64(*seconds))))
            .collect();
        row("time", stages.join(", "));
        lines.extend(human::columns(&rows));
        for failure in &self.failures {
            let batch = if failure.batch == 0 {
                String::new()
            } else {
                format!(" batch {}", failure.batch)
            };
            lines.push(format!(
                "  FAILED    {}{batch}: {} (exit {}, {})",
                failure.stage,
                failure.message,
                failure.exit,
                human::plural(u64::from(failure.attempts), "attempt")
            ));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use model::fragment::RowCounts;

    use super::*;

    fn group(read: u64, silver: u64, rejected: u64, rows_in_file: u64) -> SilverFragment {
        let counts = RowCounts { read, silver, rejected, ..RowCounts::default() };
        let unit = serde_json::json!({
            "unit": "binance/spot/trades/BTCUSDT/2024-01-01", "sha256": "a", "counts": counts,
            "corrupt": null,
        });
        let file = |rows: u64| {
            serde_json::json!({
                "path": "p", "partition": {}, "bytes": 7, "rows": rows, "stats": {},
            })
        };
        serde_json::from_value(serde_json::json!({
            "group": "g", "table": "silver.trades", "inputs": "i", "replaces": [],
            "files": [file(rows_in_file)], "rejects": [file(rejected)], "units": [unit],
            "counts": counts, "sorted": false, "built_at": "2025-01-01T00:00:00Z",
        }))
        .unwrap()
    }

    #[test]
    fn figures_are_the_sum_of_the_fragments() {
        let lake = tempfile::tempdir().unwrap();
        let run: RunId = "20250101T000000Z-00000001".parse().unwrap();
        let folder = lake.path().join(layout::fragments(&run, "silver"));
        std::fs::create_dir_all(&folder).unwrap();
        for (name, rows) in [("a", 10), ("b", 5)] {
            let text = serde_json::to_string(&group(rows, rows, 0, rows)).unwrap();
            std::fs::write(folder.join(format!("{name}.json")), text).unwrap();
        }
        let found = figures(lake.path(), &run).unwrap();
        assert_eq!((found.groups_built, found.rows.read, found.silver_bytes), (2, 15, 14));
        assert!(found.rows_add_up);
        std::fs::write(folder.join("c.json"), "{").unwrap();
        let error = figures(lake.path(), &run).unwrap_err();
        assert!(human::chain(error.as_ref()).contains("c.json"), "{error:?}");
    }
    #[test]
    fn what_a_person_must_know_comes_last() {
        let mut figures = Figures::new();
        figures.archives.insert("corrupt".to_owned(), 2);
        let planned = PlanTotals { units: 2, fetch: 2, ..PlanTotals::default() };
        let known =
            remarks::Known { planned, figures: Some(&figures), ..remarks::Known::default() };
        let mut summary = Summary {
            run: "20250101T000000Z-00000001".parse().unwrap(),
            environment: "dev".to_owned(),
            lake: "lake".to_owned(),
            started_at: chrono::DateTime::UNIX_EPOCH,
            seconds: 1.0,
            exit: 0,
            nothing_to_do: false,
            planned,
            absent: 0,
            remarks: remarks::of(&known),
            figures: Some(figures.clone()),
            stages: BTreeMap::new(),
            failures: Vec::new(),
            finished_first: Vec::new(),
        };
        let lines = summary.lines("--env dev");
        assert!(lines[0].contains("done, with what is told below"), "{lines:?}");
        let tail = &lines[lines.len() - 3..];
        assert_eq!(
            tail,
            [
                "to know",
                "  2 archives whose zip does not open",
                "      cargo xtask query ledger --param status=bad --env dev"
            ]
        );
        assert!(figures.is_of_no_use(&planned));
        // the same where the fragments are not read
        let came = |received, usable| Came { received, usable };
        assert!(came(2, 0).is_of_no_use(&planned));
        assert!(!came(2, 1).is_of_no_use(&planned));
        assert!(
            !came(0, 0).is_of_no_use(&planned),
            "nothing came, as of a budget that was used up"
        );
        assert!(!came(2, 0).is_of_no_use(&PlanTotals::default()), "nothing was to be fetched");
        summary.exit = Exit::DataRefused as u8;
        summary.failures.push(of_no_use(&planned));
        let text = summary.lines("").join("\n");
        assert!(text.contains("ended with failures"), "{text}");
        assert!(text.contains("FAILED    bronze: none of 2 fetched archives is of use"), "{text}");
    }
}

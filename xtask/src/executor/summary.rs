//! What a run did, in figures that add up: `runs/<run>/summary.json`, whose being there means
//! that the run is finished, and the same for people.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use model::fragment::{BronzeFragment, GoldFragment, RowCounts, SilverFragment};
use model::plan::PlanTotals;
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

/// What the fragments of a run amount to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Figures {
    /// Archives by what became of them.
    pub(crate) archives: BTreeMap<String, u64>,
    /// Bytes that went over the wire.
    pub(crate) bytes_fetched: u64,
    /// Groups built.
    pub(crate) groups_built: u64,
    /// Archives that could not be read, of the groups built.
    pub(crate) unreadable: u64,
    /// Rows, as `rows_read` and so on.
    #[serde(flatten)]
    pub(crate) rows: Rows,
    /// Whether they add up, in each archive, each group and all together.
    pub(crate) rows_add_up: bool,
    /// Parquet files of silver, and their bytes.
    pub(crate) silver_files: u64,
    /// Their bytes.
    pub(crate) silver_bytes: u64,
    /// Rows by gold table.
    pub(crate) gold_rows: BTreeMap<String, u64>,
    /// Parquet files of gold.
    pub(crate) gold_files: u64,
    /// Their bytes.
    pub(crate) gold_bytes: u64,
}

/// [`RowCounts`] under the names that `ops.runs` and `ops.builds` have for them:
/// `rows_read = rows_silver + rows_rejected + rows_duplicate`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rows {
    /// Data lines read.
    #[serde(rename = "rows_read")]
    pub(crate) read: u64,
    /// Rows in silver.
    #[serde(rename = "rows_silver")]
    pub(crate) silver: u64,
    /// Lines in `silver.rejects`.
    #[serde(rename = "rows_rejected")]
    pub(crate) rejected: u64,
    /// Rows dropped because their key was there already.
    #[serde(rename = "rows_duplicate")]
    pub(crate) duplicate: u64,
    /// Of the duplicates, those whose content differed.
    #[serde(rename = "rows_conflicting")]
    pub(crate) conflicting: u64,
    /// Of the rows in silver, those that are not valid.
    #[serde(rename = "rows_invalid")]
    pub(crate) invalid: u64,
}

impl From<RowCounts> for Rows {
    fn from(counts: RowCounts) -> Self {
        let RowCounts { read, silver, rejected, duplicate, conflicting, invalid } = counts;
        Self { read, silver, rejected, duplicate, conflicting, invalid }
    }
}

impl Figures {
    /// What a run's fragments amount to.
    pub(crate) fn read(lake: &Path, run: &RunId) -> anyhow::Result<Self> {
        let mut figures = Self { rows_add_up: true, ..Self::default() };
        let mut counts = RowCounts::default();
        for fragment in fragments::<BronzeFragment>(lake, run, "bronze")? {
            figures.add_archive(&fragment);
        }
        for fragment in fragments::<SilverFragment>(lake, run, "silver")? {
            figures.add_group(&fragment);
            counts += fragment.counts;
        }
        for fragment in fragments::<GoldFragment>(lake, run, "gold")? {
            figures.add_gold(&fragment);
        }
        figures.rows_add_up &= counts.add_up();
        figures.rows = counts.into();
        Ok(figures)
    }

    fn add_archive(&mut self, fragment: &BronzeFragment) {
        *self.archives.entry(fragment.status.as_str().to_owned()).or_default() += 1;
        self.bytes_fetched += fragment.transferred;
    }

    /// A group's rows must add up, be the sum of its archives', and be those in its files.
    fn add_group(&mut self, fragment: &SilverFragment) {
        let mut units = RowCounts::default();
        for unit in &fragment.units {
            units += unit.counts;
            self.rows_add_up &= unit.counts.add_up();
        }
        let rows = |files: &[model::fragment::DataFile]| files.iter().map(|f| f.rows).sum::<u64>();
        self.rows_add_up &= fragment.counts.add_up()
            && units == fragment.counts
            && rows(&fragment.files) == fragment.counts.silver
            && rows(&fragment.rejects) == fragment.counts.rejected;
        self.groups_built += 1;
        self.unreadable += fragment.units.iter().filter(|u| u.corrupt.is_some()).count() as u64;
        self.silver_files += fragment.files.len() as u64;
        self.silver_bytes += fragment.files.iter().map(|f| f.bytes).sum::<u64>();
    }

    fn add_gold(&mut self, fragment: &GoldFragment) {
        for (table, file) in &fragment.files {
            *self.gold_rows.entry(table.as_str().to_owned()).or_default() += file.rows;
            self.gold_files += 1;
            self.gold_bytes += file.bytes;
        }
    }
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

impl Summary {
    /// For people: what was done, and that nothing was lost on the way.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.finished_first.iter().flat_map(Self::lines).collect();
        lines.extend(self.own_lines());
        lines
    }

    fn own_lines(&self) -> Vec<String> {
        let took = human::span(Duration::from_secs_f64(self.seconds));
        if self.nothing_to_do {
            return vec![format!(
                "nothing to do: all {} that the source lists are in the lake ({took})",
                human::plural(self.planned.listed, "archive")
            )];
        }
        let verdict = if self.exit == 0 { "done" } else { "ended with failures" };
        let mut lines = vec![format!("run {} {verdict} in {took}", self.run), String::new()];
        let mut rows = Vec::new();
        let mut row = |name: &str, text: String| rows.push(vec![format!("  {name}"), text]);
        if let Some(figures) = &self.figures {
            let archives: Vec<String> = figures
                .archives
                .iter()
                .map(|(status, n)| format!("{} {status}", human::count(*n)))
                .collect();
            row(
                "archives",
                format!(
                    "{} planned: {}; {} received",
                    human::count(self.planned.units),
                    if archives.is_empty() { "none fetched".into() } else { archives.join(", ") },
                    human::bytes(figures.bytes_fetched)
                ),
            );
            let c = &figures.rows;
            row(
                "rows",
                format!(
                    "{} read = {} silver + {} rejected + {} duplicates: {}",
                    human::count(c.read),
                    human::count(c.silver),
                    human::count(c.rejected),
                    human::count(c.duplicate),
                    if figures.rows_add_up { "they add up" } else { "THEY DO NOT ADD UP" }
                ),
            );
            if c.invalid > 0 || c.conflicting > 0 {
                row(
                    "",
                    format!(
                        "{} of silver are not valid, {} of the duplicates differed",
                        human::count(c.invalid),
                        human::count(c.conflicting)
                    ),
                );
            }
            row(
                "silver",
                format!(
                    "{} in {}, {}",
                    human::plural(figures.groups_built, "group"),
                    human::plural(figures.silver_files, "file"),
                    human::bytes(figures.silver_bytes)
                ),
            );
            if figures.unreadable > 0 {
                row("", human::plural(figures.unreadable, "unreadable archive"));
            }
            let gold: Vec<String> = figures
                .gold_rows
                .iter()
                .map(|(table, n)| format!("{} {table}", human::count(*n)))
                .collect();
            if !gold.is_empty() {
                let bytes = human::bytes(figures.gold_bytes);
                row("gold", format!("{}; {bytes}", gold.join(", ")));
            }
        }
        if self.absent > 0 {
            row(
                "absent",
                human::plural(self.absent, "wanted archive that the source does not list"),
            );
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
    fn rows_add_up_only_when_they_do() {
        let check = |group: SilverFragment, expect: bool| {
            let mut figures = Figures { rows_add_up: true, ..Figures::default() };
            figures.add_group(&group);
            assert_eq!(figures.rows_add_up, expect);
        };
        check(group(10, 8, 2, 8), true);
        check(group(10, 8, 1, 8), false);
        check(group(10, 8, 2, 7), false);
        let mut lost = group(10, 8, 2, 8);
        lost.units.clear();
        check(lost, false);
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
        let figures = Figures::read(lake.path(), &run).unwrap();
        assert_eq!((figures.groups_built, figures.rows.read, figures.silver_bytes), (2, 15, 14));
        assert!(figures.rows_add_up);
        std::fs::write(folder.join("c.json"), "{").unwrap();
        let error = Figures::read(lake.path(), &run).unwrap_err();
        assert!(human::chain(error.as_ref()).contains("c.json"), "{error:?}");
    }
}

//! What the fragments of a run amount to, in figures that add up.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::fragment::{BronzeFragment, DataFile, GoldFragment, RowCounts, SilverFragment};
use crate::human;
use crate::plan::PlanTotals;
use crate::unit::UnitId;

/// The word for an archive that was fetched well and could not be read.
const UNREADABLE: &str = "unreadable";

/// What the fragments of a run amount to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Archives that were fetched, by what became of them; those that silver could not read are
    /// `unreadable`, whatever they looked like when they came.
    pub archives: BTreeMap<String, u64>,
    /// Bytes that went over the wire.
    pub bytes_fetched: u64,
    /// Groups built.
    pub groups_built: u64,
    /// Archives that could not be read, of the groups built.
    pub unreadable: u64,
    /// Which these are, for whoever counts archives after groups.
    #[serde(skip)]
    unread: BTreeSet<UnitId>,
    /// Rows, as `rows_read` and so on.
    #[serde(flatten)]
    pub rows: Rows,
    /// Whether they add up, in each archive, each group and all together.
    pub rows_add_up: bool,
    /// Rows that archives which came anew state otherwise than before, or not any more, or since.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub restated: u64,
    /// Parquet files of silver, and their bytes.
    pub silver_files: u64,
    /// Their bytes.
    pub silver_bytes: u64,
    /// Rows by gold table.
    pub gold_rows: BTreeMap<String, u64>,
    /// Parquet files of gold.
    pub gold_files: u64,
    /// Their bytes.
    pub gold_bytes: u64,
}

/// [`RowCounts`] under the names that `ops.runs` and `ops.builds` have for them:
/// `rows_read = rows_silver + rows_rejected + rows_duplicate`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// Data lines read.
    #[serde(rename = "rows_read")]
    pub read: u64,
    /// Rows in silver.
    #[serde(rename = "rows_silver")]
    pub silver: u64,
    /// Lines in `silver.rejects`.
    #[serde(rename = "rows_rejected")]
    pub rejected: u64,
    /// Rows dropped because their key was there already.
    #[serde(rename = "rows_duplicate")]
    pub duplicate: u64,
    /// Of the duplicates, those whose content differed.
    #[serde(rename = "rows_conflicting")]
    pub conflicting: u64,
    /// Of the rows in silver, those that are not valid.
    #[serde(rename = "rows_invalid")]
    pub invalid: u64,
}

impl Figures {
    /// The figures of no fragment.
    pub fn new() -> Self {
        Self { rows_add_up: true, ..Self::default() }
    }

    /// Counts an archive. The groups are to be counted before the archives: they know which of
    /// them could not be read.
    pub fn add_archive(&mut self, fragment: &BronzeFragment) {
        let is_unread = fragment.status.is_usable() && self.unread.contains(&fragment.unit.id());
        let word = if is_unread { UNREADABLE } else { fragment.status.as_str() };
        *self.archives.entry(word.to_owned()).or_default() += 1;
        self.bytes_fetched += fragment.transferred;
    }

    /// Counts a group. Its rows must add up, be the sum of its archives', and be those in its files.
    pub fn add_group(&mut self, fragment: &SilverFragment) {
        let mut units = RowCounts::default();
        for unit in &fragment.units {
            units += unit.counts;
            self.rows_add_up &= unit.counts.add_up();
        }
        let rows = |files: &[DataFile]| files.iter().map(|f| f.rows).sum::<u64>();
        self.rows_add_up &= fragment.counts.add_up()
            && units == fragment.counts
            && rows(&fragment.files) == fragment.counts.silver
            && fragment.rejects_add_up();
        self.groups_built += 1;
        for unit in fragment.units.iter().filter(|unit| unit.corrupt.is_some()) {
            // an archive of several groups is one
            self.unreadable += u64::from(self.unread.insert(unit.unit.id()));
        }
        let restated = fragment.units.iter().filter_map(|unit| unit.restated.as_ref());
        self.restated += restated.map(|of| of.changed + of.removed + of.added).sum::<u64>();
        self.silver_files += fragment.files.len() as u64;
        self.rows += fragment.counts;
        self.silver_bytes += fragment.files.iter().map(|f| f.bytes).sum::<u64>();
    }

    /// Counts a piece of gold.
    pub fn add_gold(&mut self, fragment: &GoldFragment) {
        for (table, file) in &fragment.files {
            *self.gold_rows.entry(table.as_str().to_owned()).or_default() += file.rows;
            self.gold_files += 1;
            self.gold_bytes += file.bytes;
        }
    }

    /// Archives that were to be fetched and of which nothing is known: the source refused them or
    /// did not answer.
    pub fn not_received(&self, planned: &PlanTotals) -> u64 {
        planned.fetch.saturating_sub(self.archives.values().sum())
    }

    /// Whether archives were to be fetched and silver can use none of those that came. Where none
    /// came the source, or bronze, has said why.
    pub fn is_of_no_use(&self, planned: &PlanTotals) -> bool {
        let usable = ["ok", "truncated_suspect", "unverified"];
        planned.fetch > 0
            && !self.archives.is_empty()
            && !usable.iter().any(|word| self.archives.contains_key(*word))
    }

    /// Archives by what became of them; those that were not fetched are in the lake.
    fn archive_words(&self, planned: &PlanTotals) -> String {
        let of = |word: &str| self.archives.get(word).copied().unwrap_or(0);
        let unread_before = self.unreadable.saturating_sub(of(UNREADABLE));
        let held = planned.units.saturating_sub(planned.fetch).saturating_sub(unread_before);
        let mut words: Vec<String> = [(of("ok"), "ok"), (held, "in the lake already")]
            .into_iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, word)| format!("{} {word}", human::count(n)))
            .collect();
        let others =
            self.archives.iter().filter(|(s, _)| !["ok", UNREADABLE].contains(&s.as_str()));
        words.extend(others.map(|(status, n)| format!("{} {status}", human::count(*n))));
        for (n, word) in
            [(self.unreadable, UNREADABLE), (self.not_received(planned), "not received")]
        {
            if n > 0 {
                words.push(format!("{} {word}", human::count(n)));
            }
        }
        if words.is_empty() { "none".to_owned() } else { words.join(", ") }
    }

    /// For people: what was done, and that nothing was lost on the way. Each line has a name and
    /// a text. What is wrong with it is [`crate::remarks`].
    pub fn lines(&self, planned: &PlanTotals) -> Vec<[String; 2]> {
        let mut rows = Vec::new();
        let mut row = |name: &str, text: String| rows.push([name.to_owned(), text]);
        row(
            "archives",
            format!(
                "{} planned: {}; {} received",
                human::count(planned.units),
                self.archive_words(planned),
                human::bytes(self.bytes_fetched)
            ),
        );
        let c = &self.rows;
        row(
            "rows",
            format!(
                "{} read = {} silver + {} rejected + {} duplicates: {}",
                human::count(c.read),
                human::count(c.silver),
                human::count(c.rejected),
                human::count(c.duplicate),
                if self.rows_add_up { "they add up" } else { "THEY DO NOT ADD UP" }
            ),
        );
        row(
            "silver",
            format!(
                "{} in {}, {}",
                human::plural(self.groups_built, "group"),
                human::plural(self.silver_files, "file"),
                human::bytes(self.silver_bytes)
            ),
        );
        let gold: Vec<String> = self
            .gold_rows
            .iter()
            .map(|(table, n)| format!("{} {table}", human::count(*n)))
            .collect();
        if !gold.is_empty() {
            let bytes = human::bytes(self.gold_bytes);
            row("gold", format!("{}; {bytes}", gold.join(", ")));
        }
        rows
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
const fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl std::ops::AddAssign<RowCounts> for Rows {
    fn add_assign(&mut self, counts: RowCounts) {
        self.read += counts.read;
        self.silver += counts.silver;
        self.rejected += counts.rejected;
        self.duplicate += counts.duplicate;
        self.conflicting += counts.conflicting;
        self.invalid += counts.invalid;
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
        .expect("fragment")
    }

    #[test]
    fn rows_add_up_only_when_they_do() {
        let check = |group: SilverFragment, expect: bool| {
            let mut figures = Figures::new();
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
    fn what_was_restated_is_counted_and_told() {
        let mut figures = Figures::new();
        let mut built = group(10, 8, 2, 8);
        figures.add_group(&built);
        let restated = |remarks: Vec<crate::remarks::Remark>| -> Vec<String> {
            let own = |r: &crate::remarks::Remark| r.query.as_deref() == Some("restatements");
            remarks.into_iter().filter(own).map(|remark| remark.text).collect()
        };
        let remarks = |figures: &Figures| {
            let known = crate::remarks::Known { figures: Some(figures), ..Default::default() };
            restated(crate::remarks::of(&known))
        };
        assert!(remarks(&figures).is_empty());
        let file = built.files[0].clone();
        let (owner, untold) = (String::new(), 0);
        let of =
            crate::fragment::Restated { owner, changed: 1_000, removed: 3, added: 2, untold, file };
        built.units[0].restated = Some(of);
        figures.add_group(&built);
        assert_eq!(figures.restated, 1_005);
        assert_eq!(remarks(&figures), ["1,005 rows restated by archives that came anew"]);
    }

    fn archive(unit: &str, status: &str) -> BronzeFragment {
        serde_json::from_value(serde_json::json!({
            "unit": unit, "url": "u", "status": status, "detail": null, "etag": null,
            "last_modified": null, "published_sha256": null, "archive": null,
            "fetched_at": "2025-01-01T00:00:00Z", "transferred": 5, "attempts": 1,
        }))
        .expect("fragment")
    }

    #[test]
    fn an_archive_that_could_not_be_read_is_not_ok() {
        let mut figures = Figures::new();
        let mut built = group(0, 0, 0, 0);
        built.units[0].corrupt = Some("no zip".to_owned());
        figures.add_group(&built);
        // an archive of two groups is one
        figures.add_group(&built);
        figures.add_archive(&archive("binance/spot/trades/BTCUSDT/2024-01-01", "ok"));
        assert_eq!(figures.unreadable, 1);
        let mut planned = PlanTotals { units: 2, fetch: 1, ..PlanTotals::default() };
        assert!(figures.is_of_no_use(&planned));
        let lines = figures.lines(&planned);
        assert_eq!(lines[0][1], "2 planned: 1 in the lake already, 1 unreadable; 5 B received");

        figures.add_archive(&archive("binance/spot/trades/BTCUSDT/2024-01-02", "ok"));
        figures.add_archive(&archive("binance/spot/trades/BTCUSDT/2024-01-03", "missing"));
        planned = PlanTotals { units: 5, fetch: 5, ..PlanTotals::default() };
        assert!(!figures.is_of_no_use(&planned));
        let lines = figures.lines(&planned);
        assert_eq!(
            lines[0][1],
            "5 planned: 1 ok, 1 missing, 1 unreadable, 2 not received; 15 B received"
        );
    }

    #[test]
    fn an_archive_in_the_lake_that_could_not_be_read_is_not_well() {
        let mut figures = Figures::new();
        let mut built = group(0, 0, 0, 0);
        built.units[0].corrupt = Some("no zip".to_owned());
        figures.add_group(&built);
        let planned = PlanTotals { units: 1, fetch: 0, ..PlanTotals::default() };
        assert!(!figures.is_of_no_use(&planned), "nothing was to be fetched");
        let wanted = PlanTotals { units: 1, fetch: 1, ..PlanTotals::default() };
        assert!(!Figures::new().is_of_no_use(&wanted), "nothing came");
        assert!(figures.lines(&planned)[0][1].starts_with("1 planned: 1 unreadable;"));
    }
}

//! What the fragments of a run amount to, in figures that add up.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fragment::{BronzeFragment, DataFile, GoldFragment, RowCounts, SilverFragment};
use crate::human;

/// What the fragments of a run amount to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Archives by what became of them.
    pub archives: BTreeMap<String, u64>,
    /// Bytes that went over the wire.
    pub bytes_fetched: u64,
    /// Groups built.
    pub groups_built: u64,
    /// Archives that could not be read, of the groups built.
    pub unreadable: u64,
    /// Rows, as `rows_read` and so on.
    #[serde(flatten)]
    pub rows: Rows,
    /// Whether they add up, in each archive, each group and all together.
    pub rows_add_up: bool,
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

    /// Counts an archive.
    pub fn add_archive(&mut self, fragment: &BronzeFragment) {
        *self.archives.entry(fragment.status.as_str().to_owned()).or_default() += 1;
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
            && rows(&fragment.rejects) == fragment.counts.rejected;
        self.groups_built += 1;
        self.unreadable += fragment.units.iter().filter(|u| u.corrupt.is_some()).count() as u64;
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

    /// For people: what was done, and that nothing was lost on the way. Each line has a name and
    /// a text; `planned` archives were to be read.
    pub fn lines(&self, planned: u64) -> Vec<[String; 2]> {
        let mut rows = Vec::new();
        let mut row = |name: &str, text: String| rows.push([name.to_owned(), text]);
        let archives: Vec<String> = self
            .archives
            .iter()
            .map(|(status, n)| format!("{} {status}", human::count(*n)))
            .collect();
        row(
            "archives",
            format!(
                "{} planned: {}; {} received",
                human::count(planned),
                if archives.is_empty() { "none fetched".into() } else { archives.join(", ") },
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
                human::plural(self.groups_built, "group"),
                human::plural(self.silver_files, "file"),
                human::bytes(self.silver_bytes)
            ),
        );
        if self.unreadable > 0 {
            row("", human::plural(self.unreadable, "unreadable archive"));
        }
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
}

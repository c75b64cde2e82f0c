//! What a run will do: `plan` writes it, the other stages obey it.
//!
//! A **group** is a set of units and the table partitions that belong together and to nothing
//! else. silver turns a whole group into the whole content of its partitions in one pass.
//! A **batch** is the groups one worker takes.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::instrument::{PriceBounds, Told};
use crate::schema::Table;
use crate::unit::{RawArchive, Unit, UnitId, short_hash};
use crate::{Day, RunId, Source};

/// Partition values by column, in the table's order of partition columns when listed.
pub type Partition = BTreeMap<String, String>;

/// A run's plan: `runs/<run>/plan.json`. The batches lie beside it, one file each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The run.
    pub run: RunId,
    /// The environment's name.
    pub environment: String,
    /// When the plan was made.
    pub created_at: DateTime<Utc>,
    /// SHA-256 of the `lake.yaml` it was made from.
    pub config_sha256: String,
    /// Hash of the arguments that narrow the run (`--from`, `--symbol`…): a run that was cut
    /// off is taken up again only by the same command.
    pub scope: String,
    /// The batches, in order.
    pub batches: Vec<BatchRef>,
    /// What the plan amounts to.
    pub totals: PlanTotals,
    /// Wanted days that the source should have and does not list, as unit ids (daily units).
    /// Days of [`Self::gaps`] are not among them.
    pub absent: Vec<UnitId>,
    /// Long times of which the source lists nothing of a series, each told once.
    #[serde(default)]
    pub gaps: Vec<Gap>,
    /// What looks wrong and stops nothing, in words: for people, and for the run's summary.
    #[serde(default)]
    pub remarks: Vec<String>,
    /// Sources that did not answer while others did: nothing of theirs is planned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unasked: Vec<Unasked>,
    /// What is known of the instruments of the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instruments: Vec<Told>,
}

/// A source that could not be asked what it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unasked {
    /// The source.
    pub source: Source,
    /// Why, in words.
    pub why: String,
}

impl Unasked {
    /// For people.
    pub fn remark(&self) -> String {
        format!("source {} is left out of this run: {}; run again later", self.source, self.why)
    }
}

/// A long time without an archive: a series that paused, whose name was given to another asset
/// later, or that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// The series, as [`Unit::series`] has it.
    pub series: String,
    /// The first day without an archive.
    pub from: Day,
    /// The last one; `None` where nothing has come since: the series has ended, as it seems.
    pub to: Option<Day>,
}

impl Gap {
    /// Whether a day lies in it.
    pub fn contains(&self, day: Day) -> bool {
        self.from <= day && self.to.is_none_or(|to| day <= to)
    }
}

/// Where a batch lies and what it weighs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchRef {
    /// Its number, from 1.
    pub number: u32,
    /// Its key in the lake.
    pub key: String,
    /// Groups in it.
    pub groups: u64,
    /// Units in it.
    pub units: u64,
    /// Bytes to download.
    pub fetch_bytes: u64,
    /// Bytes of archives that silver will read.
    pub read_bytes: u64,
}

/// What a plan amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanTotals {
    /// Archives the source lists within the configuration.
    pub listed: u64,
    /// Groups to build.
    pub groups: u64,
    /// Units in them.
    pub units: u64,
    /// Units to download.
    pub fetch: u64,
    /// Of those, units that were fetched before and have been published anew.
    pub republished: u64,
    /// Units that failed before and are not tried again, because the source has not changed.
    pub known_bad: u64,
    /// Bytes to download.
    pub fetch_bytes: u64,
}

/// One batch: `runs/<run>/batches/<n>.json.zst`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// The run.
    pub run: RunId,
    /// Its number, from 1.
    pub number: u32,
    /// Its groups.
    pub groups: Vec<Group>,
}

/// Units and the partitions they fill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its id: the series and the period its partitions span, `binance/spot/trades/BTCUSDT/2024-01`.
    pub id: String,
    /// The silver table.
    pub table: Table,
    /// The partitions whose whole content this group is.
    pub partitions: Vec<Partition>,
    /// Its units in rank order: where two units state different rows for one key, the later
    /// one wins. A month goes before its days, whatever the configuration prefers: a day's
    /// archive equals what the exchange's API says more often than the month's.
    pub units: Vec<PlannedUnit>,
    /// How the bytes of its units are read, in the provider's words, where the configuration says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<String>,
    /// Between which prices its rows lie, where anything is said: a row with another is flagged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices: Option<PriceBounds>,
    /// What the API said of days whose archives replace it with this group: it is no part of it, and
    /// is compared with what they say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tails: Vec<Replaced>,
}

/// A tail that archives replace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replaced {
    /// Its unit, which is a day's.
    pub unit: Unit,
    /// Its raw object.
    pub archive: RawArchive,
}

/// A unit of a group and where its bytes come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedUnit {
    /// The unit.
    pub unit: Unit,
    /// Its bytes.
    pub archive: Origin,
    /// Whether silver has rows of it that the rest of the group may lack: where it cannot be had,
    /// the group's partitions stay as they are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keeps: bool,
    /// The version that silver has rows of, where it may be another one than is built now: what differs
    /// between the two is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<RawArchive>,
}

/// Where a unit's bytes come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Origin {
    /// To be downloaded.
    Fetch(Remote),
    /// In the lake already.
    Held(RawArchive),
}

/// An archive as the source lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remote {
    /// Where to get it.
    pub url: String,
    /// Its file name, where it is not the one that the provider's archives have by rule: it may lack
    /// a zero (`ADABKRW-1d-2020-8.zip`).
    #[serde(rename = "name", default, skip_serializing_if = "Option::is_none")]
    pub odd_name: Option<String>,
    /// Its size in bytes, where the source tells.
    pub bytes: Option<u64>,
    /// Its ETag as sent, quotes included, where the source tells.
    pub etag: Option<String>,
    /// When the source last changed it.
    pub last_modified: Option<DateTime<Utc>>,
    /// Where to get its checksum file; `None` where the listing shows none.
    pub checksum_url: Option<String>,
    /// When the source last changed its checksum file, where the listing tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum_modified: Option<DateTime<Utc>>,
    /// The readable version that the lake has already: it is used where the new one turns out
    /// to be of no use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<RawArchive>,
    /// Of a unit whose archive is not there yet: up to which instant it is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}

impl Remote {
    /// What lies behind a question to the API at `url`: nothing is known of it beforehand.
    pub fn asked(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            odd_name: None,
            bytes: None,
            etag: None,
            last_modified: None,
            checksum_url: None,
            checksum_modified: None,
            held: None,
            until: None,
        }
    }
}

/// Which bytes silver makes of archives. Raise it with every change of code that makes others
/// (columns, rules, encoding): files then get new names, so that none of a live version is ever
/// overwritten with other bytes, and the next plan builds every group anew.
pub const SILVER_BYTES: u32 = 2;

/// Rows of a row group of silver's data files. A constant, for it is part of their bytes.
pub const ROW_GROUP_ROWS: u64 = 1 << 20;

impl Group {
    /// Stands for what a group is built from: its units, their archives' SHA-256, and the code's
    /// [`SILVER_BYTES`]. The same inputs give the same data files.
    pub fn inputs<'a>(archives: impl IntoIterator<Item = (&'a UnitId, &'a str)>) -> String {
        let mut lines: Vec<String> =
            archives.into_iter().map(|(unit, sha256)| format!("{unit}={sha256}")).collect();
        lines.sort();
        lines.push(format!("silver {SILVER_BYTES}"));
        short_hash(&lines.join("\n"))
    }

    /// What stands for a group whose [`inputs`](Self::inputs) are read as configured: read in another
    /// way they are other rows, in files of other names.
    pub fn read_as(inputs: String, reading: Option<&str>, prices: Option<&PriceBounds>) -> String {
        let inputs = match reading {
            None => inputs,
            Some(reading) => short_hash(&format!("{inputs}\nread as {reading}")),
        };
        match prices {
            None => inputs,
            Some(prices) => short_hash(&format!("{inputs}\nprices {prices}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_of_prices_are_read_and_count_among_the_inputs() {
        let check = |text: &str, units: (i64, i64), expect: &str| {
            let bounds: PriceBounds = serde_json::from_str(text).expect(text);
            assert_eq!((bounds.units(), bounds.to_string().as_str()), (units, expect), "{text}");
            assert_eq!(
                serde_json::from_str::<PriceBounds>(&text.replace(' ', "")).ok(),
                Some(bounds)
            );
        };
        check(
            r#"{"min": "0.01", "max": "1000000"}"#,
            (1_000_000, 100_000_000_000_000),
            "0.01..1000000",
        );
        check(r#"{"max": "2.50"}"#, (i64::MIN, 250_000_000), "..2.5");
        check("{}", (i64::MIN, i64::MAX), "..");
        assert!(PriceBounds::default().is_open());
        let bounds = PriceBounds { min: "0.01".parse().ok(), max: None };
        let inputs = |reading, prices| Group::read_as("i".to_owned(), reading, prices);
        // what has neither stays what it was
        assert_eq!(inputs(None, None), "i");
        let all = [
            inputs(Some("r"), None),
            inputs(None, Some(&bounds)),
            inputs(Some("r"), Some(&bounds)),
            inputs(None, Some(&PriceBounds { max: "1".parse().ok(), ..bounds })),
        ];
        for (n, one) in all.iter().enumerate() {
            assert!(!all[..n].contains(one) && one != "i", "{all:?}");
        }
    }
}

//! File statistics of the log, read: what a file says of its rows without being opened. How they
//! are written lives in `stats`.

use chrono::DateTime;
use model::whole::DayIds;

use crate::snapshot::LiveFile;

/// The statistics of a live file.
#[derive(Debug, Clone, Default)]
pub struct FileFigures(serde_json::Value);

impl FileFigures {
    /// Those of a file; none where the log has none that read.
    pub fn of(file: &LiveFile) -> Self {
        let stats = file.stats().and_then(|text| serde_json::from_str(&text).ok());
        Self(stats.unwrap_or_default())
    }

    /// The least and the greatest integer of a column.
    pub fn longs(&self, column: &str) -> Option<(i64, i64)> {
        let of = |bound: &str| self.0[bound][column].as_i64();
        Some((of("minValues")?, of("maxValues")?))
    }

    /// Whether a text may be in a column: where the bounds say no, it is not.
    pub fn may_hold(&self, column: &str, text: &str) -> bool {
        let bound = |bound: &str| self.0[bound][column].as_str();
        bound("minValues").is_none_or(|least| least <= text)
            && bound("maxValues").is_none_or(|greatest| text <= greatest)
    }

    /// The first and the last instant of a column in µs; exact where they are whole milliseconds.
    pub fn instants(&self, column: &str) -> Option<(i64, i64)> {
        let of = |bound: &str| {
            let time = DateTime::parse_from_rfc3339(self.0[bound][column].as_str()?).ok()?;
            Some(time.timestamp_micros())
        };
        Some((of("minValues")?, of("maxValues")?))
    }

    /// The ids of a file with so many rows of one day, and whether that is sure: where it is not,
    /// somebody has to look inside.
    pub fn day_ids(&self, id: &str, rows: u64) -> (DayIds, bool) {
        let (ids, times) = (self.longs(id), self.longs("time_us"));
        let is_sure = ids.is_some() && times.is_some() && self.is_clean(rows);
        (DayIds { count: rows, ids, times }, is_sure)
    }

    /// How many rows have nothing in a column.
    pub fn nulls(&self, column: &str) -> Option<u64> {
        self.0["nullCount"][column].as_u64()
    }

    /// Whether no row of a silver table has an issue, of so many rows.
    pub fn is_clean(&self, rows: u64) -> bool {
        self.nulls("issues") == Some(rows)
    }
}

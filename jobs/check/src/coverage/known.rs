//! What is known of series and days: what silver holds, what the ledger says, what the plan found.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use model::fragment::ArchiveStatus;
use model::whole::DayIds;
use model::{Day, Period};

/// What silver holds of one day of a series.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DayFacts {
    /// Rows.
    pub rows: u64,
    /// Of them, those that are not valid.
    pub invalid: u64,
    /// Of them, those whose key the archives give another content, too.
    pub conflicting: u64,
    /// Aggregates whose trades are in another one, too; they count once.
    pub repeating: u64,
    /// Rows that share their id with another trade.
    pub twins: u64,
    /// Aggregates that the exchange voided: no defect.
    pub voided: u64,
    /// Rows of the source's API, which stand only until the day's archive replaces them.
    pub provisional: u64,
    /// The ids of trades and aggregate trades, and the first and the last instant.
    pub ids: DayIds,
    /// Of rows that come at equal distances.
    pub bars: Option<BarFacts>,
}

/// What silver holds of one day of klines, or of other rows that come at equal distances.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BarFacts {
    /// Different places of the grid that have a kline.
    pub slots: u64,
    /// Klines that do not open on the grid.
    pub off_grid: u64,
    /// Klines that close early.
    pub early: u64,
    /// Whether all klines of the day say that they had no trade.
    pub flat: bool,
    /// Of a venue that closes: places within its sessions that have a kline.
    pub in_session: Option<u64>,
    /// How far apart they should be, in µs, where that is not the length of a bar.
    pub step: Option<i64>,
}

/// What the ledger says of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveFacts {
    /// What became of its latest version.
    pub status: ArchiveStatus,
    /// What is wrong, in words.
    pub detail: Option<String>,
    /// Whether silver was built from it.
    pub is_built: bool,
    /// Up to which instant it tells the day, where it is what the source's API said and no archive.
    pub until: Option<DateTime<Utc>>,
}

/// All that is known.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// By [`Unit::series`] and day.
    pub days: BTreeMap<String, BTreeMap<Day, DayFacts>>,
    /// By series and period.
    pub archives: BTreeMap<String, BTreeMap<Period, ArchiveFacts>>,
    /// Lines rejected, by series and the day that they are of.
    pub rejected: BTreeMap<String, BTreeMap<Day, u64>>,
    /// Lines rejected that tell no day, by series and the archive's period.
    pub dayless: BTreeMap<String, BTreeMap<Period, u64>>,
    /// Rows that say something else than the row of their key that is kept, by series, the period
    /// of the archive that says so, and day.
    pub versions: BTreeMap<String, BTreeMap<(Period, Option<Day>), u64>>,
    /// Days that the source should have and does not list, by series.
    pub absent: BTreeMap<String, Vec<Day>>,
    /// Long silences of the source, by series; without a last day where nothing has come since.
    pub gaps: BTreeMap<String, Vec<(Day, Option<Day>)>>,
    /// Series that could not be looked at, and why.
    pub failed: BTreeMap<String, String>,
}

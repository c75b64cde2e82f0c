//! For each series and day: is it there, and is it whole. Pure: facts in, rows out.

use std::collections::BTreeMap;

use model::config::{Archives, PublicationLag, Series};
use model::fragment::ArchiveStatus;
use model::period::DAY_MICROS;
use model::{Dataset, Day, Period, Unit};
use serde::{Deserialize, Serialize};

/// The word for a day in `ops.coverage`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// There and whole.
    Available,
    /// Not out yet.
    Pending,
    /// Should be there and is not.
    Missing,
    /// What the source gave cannot be used.
    Corrupt,
    /// There, but not whole.
    Degraded,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Available, Self::Pending, Self::Missing, Self::Corrupt, Self::Degraded];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Pending => "pending",
            Self::Missing => "missing",
            Self::Corrupt => "corrupt",
            Self::Degraded => "degraded",
        }
    }
}

/// What silver holds of one day of a series.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DayFacts {
    /// Rows.
    pub rows: u64,
    /// Of them, those that are not valid.
    pub invalid: u64,
    /// Of them, those whose key the archives give another content, too.
    pub conflicting: u64,
    /// Least and greatest id; trades and aggregate trades only.
    pub ids: Option<(i64, i64)>,
    /// First and last instant, µs.
    pub times: Option<(i64, i64)>,
    /// Klines only.
    pub bars: Option<BarFacts>,
}

/// What silver holds of one day of klines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BarFacts {
    /// Different places of the grid that have a kline.
    pub slots: u64,
    /// Klines that do not open on the grid.
    pub off_grid: u64,
    /// Klines that close early.
    pub early: u64,
    /// Whether no kline of the day has a trade.
    pub flat: bool,
}

/// What the ledger says of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveFacts {
    /// What became of its latest version.
    pub status: ArchiveStatus,
    /// What is wrong, in words.
    pub detail: Option<String>,
}

/// All that is known.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// By [`Unit::series`] and day.
    pub days: BTreeMap<String, BTreeMap<Day, DayFacts>>,
    /// By series and period.
    pub archives: BTreeMap<String, BTreeMap<Period, ArchiveFacts>>,
    /// Lines rejected, by series and period.
    pub rejected: BTreeMap<String, BTreeMap<Period, u64>>,
    /// Days that the source should have and does not list, by series.
    pub absent: BTreeMap<String, Vec<Day>>,
}

/// One row of `ops.coverage`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// The day.
    pub day: Day,
    /// The word.
    pub status: Status,
    /// Why it is not simply available, or what is remarkable.
    pub reason: Option<String>,
    /// What the ledger says of the archive.
    pub archive: Option<ArchiveStatus>,
    /// Rows in silver.
    pub rows: u64,
    /// Lines of the day's archives that were rejected.
    pub rejected: u64,
    /// Ids or bars that are not there.
    pub missing: u64,
}

/// The name of a series, as its units have it.
pub fn name(series: &Series) -> String {
    Unit {
        source: series.source,
        market: series.market,
        dataset: series.dataset,
        symbol: series.symbol.clone(),
        timeframe: series.timeframe,
        period: Period::Day(series.from),
    }
    .series()
}

/// The rows of a series up to yesterday. Days before its first archive are none: nothing is
/// expected of them.
pub fn of_series(series: &Series, facts: &Facts, lag: PublicationLag, today: Day) -> Vec<Coverage> {
    let name = name(series);
    let empty = BTreeMap::new();
    let days = facts.days.get(&name).unwrap_or(&empty);
    let archives = facts.archives.get(&name);
    let absent: &[Day] = facts.absent.get(&name).map_or(&[], Vec::as_slice);
    let rejected = facts.rejected.get(&name);
    // a 404 is no archive: it does not tell that the series had begun
    let archived = archives
        .into_iter()
        .flatten()
        .filter(|(_, archive)| archive.status != ArchiveStatus::Missing)
        .map(|(period, _)| period.first());
    let begin = archived.chain(days.keys().copied()).chain(absent.iter().copied()).min();
    let from = begin.map_or(series.from, |begin| begin.max(series.from));
    let to = series.to.min(today.minus(1));
    let edges = edges(days);
    from.to(to)
        .map(|day| {
            let periods = [Period::Day(day), Period::Month(day.month())];
            let archives: Vec<&ArchiveFacts> =
                periods.iter().filter_map(|p| archives?.get(p)).collect();
            let rejected = periods.iter().filter_map(|p| rejected?.get(p)).sum();
            let view = View {
                series,
                day,
                facts: days.get(&day).filter(|facts| facts.rows > 0),
                is_first: days.keys().next() == Some(&day),
                edge: edges.get(&day),
                archives,
                rejected,
                is_absent: absent.contains(&day),
                due: due(series, day, lag),
                today,
            };
            view.judge()
        })
        .collect()
}

/// The first day on which a day's archive should be out.
fn due(series: &Series, day: Day, lag: PublicationLag) -> Day {
    let (end, lag) = match series.archives {
        Archives::Monthly => (day.month().last(), lag.monthly_days),
        Archives::Auto | Archives::Daily => (day, lag.daily_days),
    };
    (0..lag).fold(end.next(), |due, _| due.next())
}

/// Ids that are missing at the edge of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Edge {
    before_first: u64,
    after_last: u64,
    overlap: bool,
}

/// Ids missing between one day and the next. They belong to the day that is silent for longer:
/// the end of the one or the beginning of the other.
fn edges(days: &BTreeMap<Day, DayFacts>) -> BTreeMap<Day, Edge> {
    let mut edges: BTreeMap<Day, Edge> = BTreeMap::new();
    for ((day, facts), (next, after)) in days.iter().zip(days.iter().skip(1)) {
        let (Some((_, last)), Some((first, _))) = (facts.ids, after.ids) else { continue };
        if *next != day.next() {
            // the days between are not there: the hole is theirs
            continue;
        }
        if first <= last {
            edges.entry(*next).or_default().overlap = true;
            continue;
        }
        let missing = first.abs_diff(last) - 1;
        if missing == 0 {
            continue;
        }
        let midnight = next.start_micros();
        let at_end = facts.times.map_or(0, |(_, last)| midnight.saturating_sub(last));
        let at_start = after.times.map_or(0, |(first, _)| first.saturating_sub(midnight));
        if at_end >= at_start {
            edges.entry(*day).or_default().after_last = missing;
        } else {
            edges.entry(*next).or_default().before_first = missing;
        }
    }
    edges
}

/// All that matters for one day.
struct View<'a> {
    series: &'a Series,
    day: Day,
    facts: Option<&'a DayFacts>,
    is_first: bool,
    edge: Option<&'a Edge>,
    archives: Vec<&'a ArchiveFacts>,
    rejected: u64,
    is_absent: bool,
    due: Day,
    today: Day,
}

impl View<'_> {
    fn judge(&self) -> Coverage {
        let (status, reasons, missing) = if let Some(facts) = self.facts {
            let (mut reasons, missing) = self.defects(facts);
            let status = if reasons.is_empty() { Status::Available } else { Status::Degraded };
            if facts.bars.as_ref().is_some_and(|bars| bars.flat) {
                reasons.push("no trade on this day: flat bars only".to_owned());
            }
            (status, reasons, missing)
        } else {
            let (status, reason) = self.without_rows();
            (status, vec![reason], 0)
        };
        Coverage {
            day: self.day,
            status,
            reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
            archive: self.archive().map(|a| a.status),
            rows: self.facts.map_or(0, |facts| facts.rows),
            rejected: self.rejected,
            missing,
        }
    }

    /// The archive that the day's rows come from, or should: one that can be used, else the
    /// daily one.
    fn archive(&self) -> Option<&ArchiveFacts> {
        let usable = self.archives.iter().find(|a| a.status.is_usable());
        usable.or_else(|| self.archives.first()).copied()
    }

    /// Why a day without a row has none.
    fn without_rows(&self) -> (Status, String) {
        let archive = self.archive();
        if let Some(archive) = archive {
            match archive.status {
                status if status.is_usable() => {
                    let reason = if self.rejected > 0 {
                        format!(
                            "no row could be taken; lines of its archives that were rejected: {}",
                            self.rejected
                        )
                    } else {
                        "its archive holds no row of this day".to_owned()
                    };
                    return (Status::Degraded, reason);
                }
                ArchiveStatus::Missing => {}
                status => {
                    let reason = match archive.detail.as_deref() {
                        Some(detail) => format!("{}: {detail}", in_words(status)),
                        None => in_words(status).to_owned(),
                    };
                    return (Status::Corrupt, reason);
                }
            }
        }
        if self.today < self.due {
            return (Status::Pending, format!("its archive may come out until {}", self.due));
        }
        let reason = if archive.is_some() {
            "the source answers 404"
        } else if self.is_absent {
            "the source does not list it"
        } else {
            "no archive of it has been fetched"
        };
        (Status::Missing, reason.to_owned())
    }

    /// What is wrong with a day that has rows, and how many ids or bars are missing.
    fn defects(&self, facts: &DayFacts) -> (Vec<String>, u64) {
        let (mut reasons, mut missing) = (Vec::new(), 0);
        let mut say = |count: u64, reason: String| {
            if count > 0 {
                reasons.push(reason);
            }
        };
        let what = match self.series.dataset {
            Dataset::AggTrades => "aggregate trade ids",
            _ => "trade ids",
        };
        if let Some((first, last)) = facts.ids {
            let within = (last.abs_diff(first) + 1).saturating_sub(facts.rows);
            let Edge { before_first, after_last, overlap } = self.edge.copied().unwrap_or_default();
            say(within, format!("{what} missing within the day: {within}"));
            say(before_first, format!("{what} missing before its first row: {before_first}"));
            say(after_last, format!("{what} missing after its last row: {after_last}"));
            say(u64::from(overlap), format!("{what} overlap those of the day before"));
            missing = within + before_first + after_last;
        }
        if let Some(bars) = &facts.bars {
            let (expected, before) = self.expected(facts);
            missing = expected.saturating_sub(bars.slots);
            let mut text = format!("bars missing: {missing} of {expected}");
            if self.is_first && before == missing {
                text += ", all before the first one there is (the series may begin here)";
            }
            say(missing, text);
            say(bars.off_grid, format!("bars that do not open on the grid: {}", bars.off_grid));
            say(bars.early, format!("bars that close early: {}", bars.early));
        }
        say(facts.invalid, format!("rows that are not valid: {}", facts.invalid));
        say(
            facts.conflicting,
            format!("rows of which another version was dropped: {}", facts.conflicting),
        );
        say(self.rejected, format!("lines of its archives that were rejected: {}", self.rejected));
        match self.archive().map(|a| (a.status, a.detail.as_deref())) {
            Some((ArchiveStatus::TruncatedSuspect, detail)) => {
                let detail = detail.map_or_else(String::new, |d| format!(": {d}"));
                reasons.push(format!("its archive may be truncated{detail}"));
            }
            Some((status, _)) if !status.is_usable() && status != ArchiveStatus::Missing => {
                reasons.push(format!(
                    "{} in its latest version; the rows are those of the version before",
                    in_words(status)
                ));
            }
            _ => {}
        }
        (reasons, missing)
    }

    /// Bars that a whole day has, and how many of them lie before the first one there is.
    fn expected(&self, facts: &DayFacts) -> (u64, u64) {
        let width = self.series.timeframe.map_or(DAY_MICROS, model::Timeframe::micros);
        let start = self.day.start_micros();
        let before = facts.times.map_or(0, |(first, _)| (first - start).max(0) / width);
        ((DAY_MICROS / width).unsigned_abs(), before.unsigned_abs())
    }
}

fn in_words(status: ArchiveStatus) -> &'static str {
    match status {
        ArchiveStatus::ChecksumMismatch => "its archive does not have the published checksum",
        ArchiveStatus::Corrupt => "its archive cannot be read",
        ArchiveStatus::Missing => "the source answers 404 or 410",
        ArchiveStatus::TruncatedSuspect => "its archive may be truncated",
        ArchiveStatus::Ok => "its archive is there",
        ArchiveStatus::Unverified => "its archive is there, and nothing verified it",
    }
}

#[cfg(test)]
mod tests;

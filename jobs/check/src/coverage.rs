//! For each series and day: is it there, and is it whole. Pure: facts in, rows out.

mod defects;
mod known;
mod provisional;
mod without_rows;
mod words;

use std::collections::BTreeMap;

use model::config::{Archives, Series};
use model::fragment::ArchiveStatus;
use model::whole::{self, DayIds, Edge};
use model::{Day, Period, Unit};
use serde::{Deserialize, Serialize};
use source::calendar::{Calendar, OutsideValidity};

pub use self::known::{ArchiveFacts, BarFacts, DayFacts, Facts};

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
    /// There as far as the source's API has told it: its archive is not there yet.
    Partial,
    /// There, but not whole.
    Degraded,
    /// Nothing is there and nothing should be: the venue is closed all day.
    Closed,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Available,
        Self::Partial,
        Self::Pending,
        Self::Missing,
        Self::Corrupt,
        Self::Degraded,
        Self::Closed,
    ];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Partial => "partial",
            Self::Pending => "pending",
            Self::Missing => "missing",
            Self::Corrupt => "corrupt",
            Self::Degraded => "degraded",
            Self::Closed => "closed",
        }
    }

    /// Whether nobody has to look at it.
    pub const fn is_well(self) -> bool {
        matches!(self, Self::Available | Self::Partial | Self::Pending | Self::Closed)
    }
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
    /// The gravest reason in a few words that many days share, where the day is not available.
    pub kind: Option<&'static str>,
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

/// The rows of a series up to yesterday, or to today where it has a tail, of a market that is open by
/// `calendar`. Days before its first
/// archive are none, and so are days in which the source was silent for long: nothing is expected of
/// them. Of what the source tells of now alone the days are those on which it was asked, today's among
/// them.
pub fn of_series(series: &Series, calendar: Calendar, facts: &Facts, today: Day) -> Vec<Coverage> {
    let name = name(series);
    let empty = BTreeMap::new();
    let days = facts.days.get(&name).unwrap_or(&empty);
    let archives = facts.archives.get(&name);
    let absent: &[Day] = facts.absent.get(&name).map_or(&[], Vec::as_slice);
    let rejected = facts.rejected.get(&name);
    let gaps = facts.gaps.get(&name).map_or(&[][..], Vec::as_slice);
    let failed = facts.failed.get(&name).map(String::as_str);
    // a 404 is no archive: it does not tell that the series had begun
    let archived = archives
        .into_iter()
        .flatten()
        .filter(|(_, archive)| archive.status != ArchiveStatus::Missing)
        .map(|(period, _)| period.first());
    let begin = archived.chain(days.keys().copied()).chain(absent.iter().copied()).min();
    let from = begin.map_or(series.from, |begin| begin.max(series.from));
    let tells_now = series.dataset.tells_now();
    let to = if tells_now || series.tail.is_some() {
        series.to.min(today)
    } else {
        series.to.min(today.minus(1))
    };
    let is_asked = |day: Day| {
        days.contains_key(&day)
            || archives.is_some_and(|archives| archives.contains_key(&Period::Day(day)))
    };
    let ids: BTreeMap<Day, DayIds> = days.iter().map(|(day, facts)| (*day, facts.ids)).collect();
    let edges = whole::edges(&ids);
    from.to(to)
        .filter(|day| {
            let silent =
                gaps.iter().any(|(from, to)| from <= day && to.is_none_or(|to| *day <= to));
            (!silent || days.contains_key(day)) && (!tells_now || is_asked(*day))
        })
        .map(|day| {
            let periods = [Period::Day(day), Period::Month(day.month())];
            let of = |period: &Period| archives.and_then(|archives| archives.get(period));
            let archives: Vec<&ArchiveFacts> = periods.iter().filter_map(of).collect();
            let rejected = rejected.and_then(|days| days.get(&day)).copied().unwrap_or(0);
            let view = View {
                series,
                calendar,
                is_closed: calendar.is_closed(day, series.timeframe),
                day,
                facts: days.get(&day).filter(|facts| facts.rows > 0),
                is_first: days.keys().next() == Some(&day),
                edge: edges.get(&day),
                ids_go_on: ids_go_on(&ids, day),
                own: of(&periods[0]),
                failed,
                archives,
                rejected,
                is_absent: absent.contains(&day),
                due: due(series, day),
                today,
            };
            view.judge()
        })
        .collect()
}

/// The first day on which a day's archive should be out.
pub(crate) fn due(series: &Series, day: Day) -> Day {
    let lag = series.lag;
    let (end, lag) = match series.archives {
        Archives::Monthly => (day.month().last(), lag.monthly_days),
        Archives::Auto | Archives::Daily => (day, lag.daily_days),
    };
    (0..lag).fold(end.next(), |due, _| due.next())
}

/// Whether the ids after a day without a row begin where those before it ended: then nothing
/// happened on it.
fn ids_go_on(days: &BTreeMap<Day, DayIds>, day: Day) -> bool {
    let before = days.range(..day).next_back().and_then(|(_, ids)| ids.ids);
    let after = days.range(day.next()..).next().and_then(|(_, ids)| ids.ids);
    matches!((before, after), (Some((_, last)), Some((first, _))) if last.checked_add(1) == Some(first))
}

/// All that matters for one day.
struct View<'a> {
    series: &'a Series,
    calendar: Calendar,
    /// Whether the venue is closed all day, if the calendar knows the day.
    is_closed: Result<bool, OutsideValidity>,
    day: Day,
    facts: Option<&'a DayFacts>,
    is_first: bool,
    edge: Option<&'a Edge>,
    ids_go_on: bool,
    /// The archive of this day alone.
    own: Option<&'a ArchiveFacts>,
    failed: Option<&'a str>,
    archives: Vec<&'a ArchiveFacts>,
    rejected: u64,
    is_absent: bool,
    due: Day,
    today: Day,
}

/// Why a day is not simply available: in a few words that many days share, and in full.
type Reason = (&'static str, String);

impl View<'_> {
    fn judge(&self) -> Coverage {
        let (status, reasons, missing) = if let Some(error) = self.failed {
            let reason = ("cannot be looked at", format!("cannot be looked at: {error}"));
            (Status::Corrupt, vec![reason], 0)
        } else if let Some(facts) = self.facts {
            let bars = facts.bars.as_ref().map(|bars| self.bars(facts, bars));
            let lacking = bars.as_ref().and_then(|bars| bars.lacking.clone());
            let (mut reasons, mut missing) = self.defects(facts, lacking);
            let mut status = if reasons.is_empty() { Status::Available } else { Status::Degraded };
            if let Some(reason) = self.provisional(facts) {
                let is_late = self.due <= self.today;
                if status == Status::Available {
                    status = if is_late { Status::Degraded } else { Status::Partial };
                }
                reasons.push(reason);
            }
            if let Some(bars) = bars {
                missing = bars.missing;
                reasons.extend(bars.remark);
            }
            if facts.bars.as_ref().is_some_and(|bars| bars.flat) {
                reasons.push(("no trade", "no trade on this day: flat bars only".to_owned()));
            }
            let mut say = |count: u64, kind, text: &str| {
                if count > 0 {
                    reasons.push((kind, format!("{text}: {count}")));
                }
            };
            say(facts.voided, "voided rows", "rows that the exchange voided, which is no defect");
            say(facts.twins, "shared ids", "rows that share their id with another trade");
            if self.edge.is_some_and(|edge| edge.shared) {
                let text = "its ids overlap those of the day before by one: its first id is also \
                            the last one there, of another trade";
                reasons.push(("shared ids", text.to_owned()));
            }
            (status, reasons, missing)
        } else {
            let (status, reason) = self.without_rows();
            let mut reasons = vec![reason];
            reasons.extend(self.outside().filter(|_| status == Status::Missing));
            (status, reasons, 0)
        };
        let kind = reasons.first().map(|(kind, _)| *kind);
        let texts: Vec<String> = reasons.into_iter().map(|(_, text)| text).collect();
        Coverage {
            day: self.day,
            status,
            reason: (!texts.is_empty()).then(|| texts.join("; ")),
            kind: kind.filter(|_| !matches!(status, Status::Available | Status::Closed)),
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
}

#[cfg(test)]
mod tests;

//! For each series and day: is it there, and is it whole. Pure: facts in, rows out.

mod provisional;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use model::config::{Archives, Series};
use model::fragment::ArchiveStatus;
use model::period::DAY_MICROS;
use model::whole::{self, DayIds, Edge};
use model::{Dataset, Day, Period, Timeframe, Unit};
use serde::{Deserialize, Serialize};
use source::calendar::{Calendar, OutsideValidity};

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

/// What the rows of a dataset that come at equal distances are called.
const fn word(dataset: Dataset) -> &'static str {
    match dataset {
        Dataset::Funding => "rates",
        Dataset::Metrics => "rows",
        _ => "bars",
    }
}

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

    /// Why a day without a row has none.
    fn without_rows(&self) -> (Status, Reason) {
        let archive = self.archive();
        if let Some(archive) = archive {
            match archive.status {
                status if status.is_usable() => return self.nothing_in_it(),
                ArchiveStatus::Missing => {}
                status => {
                    let reason = match archive.detail.as_deref() {
                        Some(detail) => format!("{}: {detail}", in_words(status)),
                        None => in_words(status).to_owned(),
                    };
                    return (Status::Corrupt, (kind_of(status), reason));
                }
            }
        }
        if self.series.dataset.tells_now() {
            // nobody can be asked any more what he knew on that day
            let text = "asked on this day, the source knew nothing of it".to_owned();
            return (Status::Missing, ("not known to the source", text));
        }
        if self.is_closed == Ok(true) {
            return self.closed();
        }
        if self.today < self.due {
            let text = format!("its archive may come out until {}", self.due);
            return (Status::Pending, ("not out yet", text));
        }
        let reason = if let Some(archive) = archive {
            missing(archive.detail.as_deref())
        } else if self.is_absent {
            ("not listed", "the source does not list it".to_owned())
        } else {
            ("not fetched", "no archive of it has been fetched".to_owned())
        };
        (Status::Missing, reason)
    }

    /// An archive can be used, and there is no row of the day.
    fn nothing_in_it(&self) -> (Status, Reason) {
        if self.rejected > 0 {
            let text = "no row could be taken; lines of its archives that were rejected";
            return (
                Status::Degraded,
                ("with rejected lines", format!("{text}: {}", self.rejected)),
            );
        }
        if self.is_closed == Ok(true) {
            return self.closed();
        }
        // its batch failed, or its month is held back: nobody can tell what is in it
        if !self.archives.iter().any(|archive| archive.is_built) {
            let text = "its archive is held, and silver was not built from it";
            return (Status::Missing, ("not built", text.to_owned()));
        }
        let is_read = |archive: &ArchiveFacts| archive.status.is_usable() && archive.is_built;
        let (kind, text) = if self.own.is_some_and(is_read) {
            ("with an empty archive", "the archive holds no row")
        } else {
            ("without a row", "its archive holds no row of this day")
        };
        if self.series.dataset.tells_now() {
            let text = "asked on this day, the source knew of none".to_owned();
            return (Status::Available, ("none of it", text));
        }
        if self.ids_go_on {
            let text = format!("{text}, and no id is missing: nothing was traded");
            return (Status::Available, ("no trade", text));
        }
        (Status::Degraded, (kind, text.to_owned()))
    }

    /// A day on which the venue is closed.
    fn closed(&self) -> (Status, Reason) {
        (Status::Closed, ("closed", format!("closed all day by calendar {}", self.calendar)))
    }

    /// Why nobody can tell what there should be.
    fn outside(&self) -> Option<Reason> {
        let outside = self.is_closed.as_ref().err()?;
        Some(("outside of its calendar", outside.to_string()))
    }

    /// What is wrong with a day that has rows, beside the bars that it lacks, and how many ids are
    /// missing.
    fn defects(&self, facts: &DayFacts, lacking: Option<Reason>) -> (Vec<Reason>, u64) {
        let (mut reasons, mut missing) = (Vec::new(), 0);
        let mut say = |count: u64, kind: &'static str, reason: String| {
            if count > 0 {
                reasons.push((kind, reason));
            }
        };
        let what = match self.series.dataset {
            Dataset::AggTrades => "aggregate trade ids",
            _ => "trade ids",
        };
        if facts.ids.ids.is_some() {
            let kind = "with ids missing";
            let within = facts.ids.missing_within();
            let edge = self.edge.copied().unwrap_or_default();
            let Edge { before_first, after_last, overlap, .. } = edge;
            say(within, kind, format!("{what} missing within the day: {within}"));
            say(before_first, kind, format!("{what} missing before its first row: {before_first}"));
            say(after_last, kind, format!("{what} missing after its last row: {after_last}"));
            say(
                overlap,
                "with ids that overlap",
                format!("{what} overlap those of the day before"),
            );
            missing = within.saturating_add(edge.missing());
        }
        if let Some((kind, text)) = lacking {
            say(1, kind, text);
        }
        if let Some(bars) = &facts.bars {
            let what = word(self.series.dataset);
            let verb = if what == "bars" { "open" } else { "lie" };
            let text = format!("{what} that do not {verb} on the grid: {}", bars.off_grid);
            say(bars.off_grid, "with bars off the grid", text);
            let text = format!("bars that close early: {}", bars.early);
            say(bars.early, "with bars that close early", text);
        }
        let mut count = |n: u64, kind, text: &str| say(n, kind, format!("{text}: {n}"));
        count(facts.invalid, "with rows that are not valid", "rows that are not valid");
        let text = "rows of which another version was dropped";
        count(facts.conflicting, "with rows of two versions", text);
        let text = "aggregates whose trades are in another one, counted once";
        count(facts.repeating, "with trades that repeat others", text);
        let text = "lines of its archives that were rejected";
        count(self.rejected, "with rejected lines", text);
        match self.archive().map(|a| (a.status, a.detail.as_deref())) {
            Some((status @ ArchiveStatus::TruncatedSuspect, detail)) => {
                let detail = detail.map_or_else(String::new, |d| format!(": {d}"));
                reasons.push((kind_of(status), format!("its archive may be truncated{detail}")));
            }
            Some((status, _)) if !status.is_usable() && status != ArchiveStatus::Missing => {
                let text =
                    format!("{}; the rows are those that were taken before", in_words(status));
                reasons.push((kind_of(status), text));
            }
            _ => {}
        }
        (reasons, missing)
    }

    /// Which bars of a day with rows are not there, and whether that is a defect. Where a venue closes it
    /// is none as long as there is a bar in its hours: a source has none of a time without a trade.
    fn bars(&self, facts: &DayFacts, bars: &BarFacts) -> Bars {
        let what = word(self.series.dataset);
        let kind = match what {
            "rates" => "with rates missing",
            "rows" => "with rows missing",
            _ => "with bars missing",
        };
        if self.calendar == Calendar::Always {
            let (expected, before) = self.expected(facts, bars);
            let missing = expected.saturating_sub(bars.slots);
            let mut text = format!("{what} missing: {missing} of {expected}");
            if self.is_first && before == missing {
                text += ", all before the first one there is (the series may begin here)";
            }
            return Bars { missing, lacking: (missing > 0).then_some((kind, text)), remark: None };
        }
        let timeframe = self.series.timeframe.unwrap_or(Timeframe::D1);
        let span = self.series.span(self.day);
        let Ok(expected) = self.calendar.expected(span, timeframe) else {
            return Bars { missing: 0, lacking: None, remark: self.outside() };
        };
        let there = bars.in_session.unwrap_or(bars.slots);
        let missing = expected.saturating_sub(there);
        let (lacking, remark) = match (missing, there) {
            (0, _) => (None, None),
            (_, 0) => {
                let text = format!("no bar within the hours of {}, of {expected}", self.calendar);
                (Some((kind, text)), None)
            }
            _ => {
                let text = format!("without a bar, maybe without a trade: {missing} of {expected}");
                (None, Some(("with times without a bar", text)))
            }
        };
        Bars { missing, lacking, remark }
    }

    /// Bars, or other rows, that a whole day has, and how many of them lie before the first one there
    /// is. The last day of a series ends with it.
    fn expected(&self, facts: &DayFacts, bars: &BarFacts) -> (u64, u64) {
        let timeframe = self.series.timeframe.map(Timeframe::micros);
        let width = bars.step.or(timeframe).unwrap_or(DAY_MICROS);
        let mut span = self.series.span(self.day);
        if let Some(until) = self.until().filter(|_| facts.provisional > 0) {
            span.end = span.end.min(until.timestamp_micros());
        }
        let before = facts.ids.times.map_or(0, |(first, _)| (first - span.start).max(0) / width);
        let length = (span.end - span.start).max(0).unsigned_abs();
        (length.div_ceil(width.unsigned_abs()), before.unsigned_abs())
    }
}

/// The bars of a day that are not there.
struct Bars {
    missing: u64,
    /// What is wrong with that.
    lacking: Option<Reason>,
    /// What is to be said of it where nothing is.
    remark: Option<Reason>,
}

/// What is wrong with an archive in the fewest words.
const fn kind_of(status: ArchiveStatus) -> &'static str {
    match status {
        ArchiveStatus::ChecksumMismatch => "with a wrong checksum",
        ArchiveStatus::Corrupt => "unreadable",
        ArchiveStatus::TruncatedSuspect => "maybe truncated",
        ArchiveStatus::Missing => "answered with 404",
        ArchiveStatus::Ok | ArchiveStatus::Unverified => "archive there",
    }
}

/// What is said of what the source does not have: its own words, where it has any. A host of archives
/// says no more than a status.
fn missing(detail: Option<&str>) -> Reason {
    match detail.filter(|detail| !detail.starts_with("answer ")) {
        Some(words) => ("which the source does not have", format!("the source says: {words}")),
        None => ("answered with 404", "the source answers 404".to_owned()),
    }
}

fn in_words(status: ArchiveStatus) -> &'static str {
    match status {
        ArchiveStatus::ChecksumMismatch => "its archive does not have the published checksum",
        ArchiveStatus::Corrupt => "its archive cannot be read",
        ArchiveStatus::Missing => "the source does not have it",
        ArchiveStatus::TruncatedSuspect => "its archive may be truncated",
        ArchiveStatus::Ok => "its archive is there",
        ArchiveStatus::Unverified => "its archive is there, and nothing verified it",
    }
}

#[cfg(test)]
mod tests;

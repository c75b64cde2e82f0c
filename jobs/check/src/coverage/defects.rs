//! Whether a day with rows is whole: which ids and bars it lacks, and what else is wrong with it.

use model::fragment::ArchiveStatus;
use model::period::DAY_MICROS;
use model::whole::Edge;
use model::{Dataset, Timeframe};
use source::calendar::Calendar;

use super::known::{BarFacts, DayFacts};
use super::words::{in_words, kind_of};
use super::{Reason, View};

/// The bars of a day that are not there.
pub(super) struct Bars {
    pub(super) missing: u64,
    /// What is wrong with that.
    pub(super) lacking: Option<Reason>,
    /// What is to be said of it where nothing is.
    pub(super) remark: Option<Reason>,
}

/// What the rows of a dataset that come at equal distances are called.
const fn word(dataset: Dataset) -> &'static str {
    match dataset {
        Dataset::Funding => "rates",
        Dataset::Metrics => "rows",
        _ => "bars",
    }
}

impl View<'_> {
    /// What is wrong with a day that has rows, beside the bars that it lacks, and how many ids are
    /// missing.
    pub(super) fn defects(&self, facts: &DayFacts, lacking: Option<Reason>) -> (Vec<Reason>, u64) {
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
    pub(super) fn bars(&self, facts: &DayFacts, bars: &BarFacts) -> Bars {
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

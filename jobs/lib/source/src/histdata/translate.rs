//! From the lines of a file to those of one unit's form: each gets its instant by the clock that is
//! configured, once the whole file has borne that clock out or not. Which lines are the unit's stands
//! in [`span`](super::span).

use std::borrow::Cow;
use std::io::Write as _;
use std::ops::Range;
use std::sync::Arc;

use model::{Period, Unit};

use super::findings::Findings;
use super::form::{MARK, bits, commas};
use super::instants::{Instant, Instants};
use super::line::{Bar, Stamp, Tick, content};
use super::names::{Kind, Series, Span};
use super::places::Places;
use super::report::{Compared, Gap, Gaps, Report, compare};
use super::rule::Clock;
use super::span;
use super::zone::Survey;
use crate::translation::Translation;

/// What some programs put before a text in UTF-8.
const BOM: &[u8] = b"\xEF\xBB\xBF";
/// Seconds without a line that make a gap.
const GAP: u32 = 60;
/// Gaps of ticks that are no longer than this, in µs, are not in every report: its seconds are some six
/// or seven too few.
const SURE_GAP: i64 = 70_000_000;
/// Gaps that are kept: a year has half a million minutes.
const GAPS: usize = 600_000;
/// Notes of one kind that are told, each.
const TOLD: usize = 10;

/// One unit's lines of a file.
#[derive(Debug)]
pub(super) struct Lines {
    series: Series,
    /// The unit's instants, in µs.
    own: Range<i64>,
    /// The instants of all units of the file.
    all: Vec<Range<i64>>,
    /// Whether lines are the unit's before the first one that tells.
    is_first: bool,
    clock: Clock,
    /// The number of the line before.
    number: u64,
    /// The first line that can be read.
    begin: Option<(u64, Stamp)>,
    pass: Pass,
    /// The places of ticks.
    places: Places,
    gaps: Gaps,
    found: Vec<Gap>,
    /// What the provider says of gaps.
    report: Option<Report>,
    /// Whether the line before was the unit's.
    is_here: bool,
    /// The first and the last of the unit's lines that are rows.
    rows: Option<[(u64, Stamp); 2]>,
}

/// Which time the lines are read.
#[derive(Debug)]
enum Pass {
    /// The first.
    First(Box<Survey>),
    /// The second, by what the first one found.
    Second(Instants<Arc<Findings>>, Arc<Findings>),
}

impl Lines {
    /// Of a unit, from a file of bars or ticks.
    pub(super) fn new(unit: &Unit, series: Series, clock: Clock) -> Self {
        let all = span::periods(series.span, &clock);
        Self {
            own: unit.period.micros(),
            is_first: all.first() == Some(&unit.period),
            all: all.into_iter().map(Period::micros).collect(),
            number: 0,
            begin: None,
            pass: Pass::First(Box::new(Survey::new(series.kind, clock.clone()))),
            places: Places::default(),
            gaps: Gaps::new(series.kind, GAP),
            found: Vec::new(),
            report: None,
            is_here: false,
            rows: None,
            clock,
            series,
        }
    }

    /// The stamp of a line that can be read, and its tick where it is one; `None` where it is not of the
    /// file's own time.
    fn read(&self, line: &[u8]) -> Option<(Stamp, Option<Tick>)> {
        let (stamp, tick) = match self.series.kind {
            Kind::Minutes => (Bar::parse(line).ok()?.stamp, None),
            Kind::Ticks => {
                let tick = Tick::parse(line).ok()?;
                (tick.stamp, Some(tick))
            }
        };
        let month = stamp.day()?.month();
        let is_own = match self.series.span {
            Span::Month(own) => month == own,
            Span::Year(_) => {
                let (first, last) = span::months(self.series.span);
                first <= month && month <= last
            }
        };
        is_own.then_some((stamp, tick))
    }

    /// The next line without what is before a text.
    fn next<'a>(&mut self, line: &'a [u8]) -> &'a [u8] {
        self.number += 1;
        if self.number == 1 { line.strip_prefix(BOM).unwrap_or(line) } else { line }
    }

    /// The stamp and the instant of the line at hand, and the key of a tick, in the second pass.
    fn instant(&mut self, line: &[u8]) -> Option<(Stamp, Instant, Option<i64>)> {
        let (stamp, tick) = self.read(line)?;
        let Pass::Second(instants, _) = &mut self.pass else { return None };
        let instant = instants.next(self.number, stamp).ok()?;
        let is_some_units = self.all.iter().any(|unit| unit.contains(&instant.micros));
        let key = tick.map(|tick| self.places.key(instant.micros, &tick));
        is_some_units.then_some((stamp, instant, key))
    }

    /// Begins with the second pass.
    fn turn(&mut self) {
        let Pass::First(survey) = &mut self.pass else { return };
        let nobody = Survey::new(self.series.kind, self.clock.clone());
        let findings = Arc::new(std::mem::replace(&mut **survey, nobody).finish());
        let instants = Instants::new(Arc::clone(&findings), self.clock.clone());
        let first = self.begin.and_then(|(line, stamp)| instants.clone().next(line, stamp).ok());
        self.is_here = first.map_or(self.is_first, |first| self.own.contains(&first.micros));
        self.number = 0;
        self.pass = Pass::Second(instants, findings);
    }
}

impl Translation for Lines {
    fn see(&mut self, line: &[u8]) {
        let line = self.next(line);
        let Some((stamp, _)) = self.read(line) else { return };
        let number = self.number;
        let Pass::First(survey) = &mut self.pass else { return };
        // what the clock has no rule for is told line by line
        if survey.push(number, stamp, content(line)).is_ok() {
            self.begin.get_or_insert((number, stamp));
            if let Some(gap) = self.gaps.push(stamp)
                && self.found.len() < GAPS
            {
                self.found.push(gap);
            }
        }
    }

    fn beside(&self) -> Option<String> {
        Some(self.series.report())
    }

    fn take_beside(&mut self, bytes: &[u8]) {
        self.report = Some(Report::parse(bytes));
    }

    fn translate(&mut self, line: &[u8], into: &mut Vec<u8>) {
        self.turn();
        let line = self.next(line);
        if let Some((stamp, instant, key)) = self.instant(line) {
            self.is_here = self.own.contains(&instant.micros);
            if self.is_here {
                let at = (self.number, stamp);
                let first = self.rows.map_or(at, |[first, _]| first);
                self.rows = Some([first, at]);
                // as many digits as a reader of microseconds expects: before September 2001 there are fewer
                let _ = write!(into, "{:016},", instant.micros);
                if let Some(key) = key {
                    let _ = write!(into, "{key},");
                }
                let _ = write!(into, "{},", bits(instant.flags));
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                into.extend(line.iter().map(|b| if *b == b';' { b',' } else { *b }));
            }
        } else if self.is_here {
            if memchr::memchr_iter(b',', line).count() == commas(self.series.kind) {
                into.extend(MARK);
            }
            into.extend(line);
        }
        into.push(b'\n');
    }

    fn notes(&self) -> Vec<String> {
        let (Some([first, last]), Pass::Second(_, findings)) = (self.rows, &self.pass) else {
            return Vec::new();
        };
        let mut notes = findings.notes(first.0..=last.0, TOLD);
        if let Some(report) = &self.report {
            // a report has whole seconds
            let second = |stamp: Stamp| stamp.micros().div_euclid(1_000_000);
            let own = second(first.1)..second(last.1);
            let is_own = |gap: &Gap| own.contains(&second(gap.from));
            let theirs: Vec<_> =
                report.gaps.iter().copied().filter(|gap| is_own(&gap.gap)).collect();
            let whole = |stamp: Stamp| Stamp::from_micros(second(stamp) * 1_000_000);
            let ours = self.found.iter().filter(|gap| is_own(gap));
            let ours: Vec<_> =
                ours.map(|gap| Gap { from: whole(gap.from), to: whole(gap.to) }).collect();
            let mut compared = compare(self.series.kind, &theirs, &ours);
            if self.series.kind == Kind::Ticks {
                let micros = |gap: &Gap| gap.to.micros() - gap.from.micros();
                compared.ours.retain(|gap| micros(gap) > SURE_GAP);
            }
            notes.extend(differences(&compared));
            if let Some((line, text)) = report.bad.first().filter(|_| self.is_first) {
                let count = report.bad.len();
                notes.push(format!(
                    "{count} lines of the provider's report of gaps cannot be read, the first is line \
                     {line}: `{text}`"
                ));
            }
        }
        notes
    }
}

/// Where the provider's report of gaps and the lines differ.
fn differences(compared: &Compared) -> Option<String> {
    let Compared { both, theirs, ours, .. } = compared;
    if theirs.is_empty() && ours.is_empty() {
        return None;
    }
    let example = |gap: Option<Gap>| -> Cow<'static, str> {
        gap.map_or("".into(), |gap| format!(" (the first from {} to {})", gap.from, gap.to).into())
    };
    Some(format!(
        "the provider's report of gaps and the lines agree on {}; {} are in the report alone{}, {} in \
         the lines alone{}",
        both.len(),
        theirs.len(),
        example(theirs.first().map(|reported| reported.gap)),
        ours.len(),
        example(ours.first().copied()),
    ))
}

#[cfg(test)]
#[path = "translate_tests.rs"]
mod tests;

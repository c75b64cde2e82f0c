//! From the lines of a file to those of one unit's form: each gets its instant by the clock that is
//! configured, once the whole file has borne that clock out or not. Which lines are the unit's stands
//! in [`span`](super::span).

use std::borrow::Cow;
use std::io::Write as _;
use std::ops::Range;
use std::sync::Arc;

use model::{Period, Unit};

use super::findings::Findings;
use super::form::{COMMAS, MARK, bits};
use super::instants::{Instant, Instants};
use super::line::{Bar, Stamp, content};
use super::names::{Kind, Series, Span};
use super::report::{Compared, Gap, Gaps, Report, compare};
use super::rule::Clock;
use super::span;
use super::zone::Survey;
use crate::translation::Translation;

/// What some programs put before a text in UTF-8.
const BOM: &[u8] = b"\xEF\xBB\xBF";
/// Seconds without a bar that make a gap.
const GAP: u32 = 60;
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
    /// Of a unit, from a file of bars.
    pub(super) fn new(unit: &Unit, series: Series, clock: Clock) -> Self {
        let all = span::periods(series.span, &clock);
        Self {
            own: unit.period.micros(),
            is_first: all.first() == Some(&unit.period),
            all: all.into_iter().map(Period::micros).collect(),
            number: 0,
            begin: None,
            pass: Pass::First(Box::new(Survey::new(series.kind, clock.clone()))),
            gaps: Gaps::new(series.kind, GAP),
            found: Vec::new(),
            report: None,
            is_here: false,
            rows: None,
            clock,
            series,
        }
    }

    /// The bar of a line, where it is of the file's own time.
    fn bar(&self, line: &[u8]) -> Option<Bar> {
        let bar = Bar::parse(line).ok()?;
        let month = bar.stamp.day()?.month();
        let is_own = match self.series.span {
            Span::Month(own) => month == own,
            Span::Year(_) => {
                let (first, last) = span::months(self.series.span);
                first <= month && month <= last
            }
        };
        is_own.then_some(bar)
    }

    /// The next line without what is before a text.
    fn next<'a>(&mut self, line: &'a [u8]) -> &'a [u8] {
        self.number += 1;
        if self.number == 1 { line.strip_prefix(BOM).unwrap_or(line) } else { line }
    }

    /// The instant of the line at hand, in the second pass.
    fn instant(&mut self, line: &[u8]) -> Option<(Stamp, Instant)> {
        let stamp = self.bar(line)?.stamp;
        let Pass::Second(instants, _) = &mut self.pass else { return None };
        let instant = instants.next(self.number, stamp).ok()?;
        let is_some_units = self.all.iter().any(|unit| unit.contains(&instant.micros));
        is_some_units.then_some((stamp, instant))
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
        let Some(Bar { stamp, .. }) = self.bar(line) else { return };
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
        if let Some((stamp, instant)) = self.instant(line) {
            self.is_here = self.own.contains(&instant.micros);
            if self.is_here {
                let at = (self.number, stamp);
                let first = self.rows.map_or(at, |[first, _]| first);
                self.rows = Some([first, at]);
                let _ = write!(into, "{},{},", instant.micros, bits(instant.flags));
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                into.extend(line.iter().map(|b| if *b == b';' { b',' } else { *b }));
            }
        } else if self.is_here {
            if memchr::memchr_iter(b',', line).count() == COMMAS {
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
            let is_own = |gap: &Gap| first.1 <= gap.from && gap.from < last.1;
            let theirs: Vec<_> =
                report.gaps.iter().copied().filter(|gap| is_own(&gap.gap)).collect();
            let ours: Vec<_> = self.found.iter().copied().filter(is_own).collect();
            notes.extend(differences(&compare(Kind::Minutes, &theirs, &ours)));
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

//! The first pass over a file's stamps: does its clock keep to the configured rule, week by week, and
//! where does it step. The second pass is in [`instants`](super::instants).
//!
//! # Why it is done this way
//!
//! HistData says `EST without DST`. Its files say otherwise, and not the same in each year. So a rule is
//! configured, and each file is asked whether it keeps to it. The file has two witnesses:
//!
//! 1. **The market's hours.** The forex week opens on Sunday and closes on Friday, 17:00 in New York.
//!    Each week of a file so tells its own offset. [`week`](super::week) has the reasoning: rows may
//!    be missing, but nothing trades while the market is closed.
//! 2. **The order of lines.** A clock that is set forward skips an hour, one that is set back repeats
//!    one. But a skipped hour may also be rows that are missing, and a repeated one rows that were
//!    copied. Both happen in the real file of 2019: on 2019-03-31 it jumps from 18:59 to 20:00, on
//!    2019-10-27 it has 19:00 to 19:59 twice. Yet each of these weeks opens *and* closes at UTC-4
//!    (spring) or at UTC-5 (autumn), and the doubled hour has the same prices to the last digit. The
//!    clock had been set over the weekend, on the European dates, when nobody trades. On Sunday evening
//!    an hour was lost, or written twice, where the provider joined two pieces. The news agree: on
//!    2019-11-01, between the European and the American date, the release of 08:30 in New York stands at
//!    07:30.
//!
//! So a step alone proves nothing. It is taken for a change of the clock only if the rule has one
//! there, or if the week's ends are both in place with it and are not without it. One case
//! is left: an hour repeated with *other* prices, in a week of which not both ends are in place. Then
//! the hour was lived twice, and two lines must not fall on one instant: the side of the step whose end of
//! the week is in place keeps the rule, or else the later side; the other is moved. All is flagged.
//!
//! # Which instants
//!
//! Instants are the rule's. A week that contradicts the rule keeps them too, flagged
//! `contradicts_zone`: it is for a person to configure another rule. Only where a clock was set within
//! a week, and the rule does not have that, one side is moved against the other, so that the first
//! pass of a repeated hour has the earlier instants and the second the later ones. Copies keep
//! the instants of their originals, since they are the same minutes; two lines of one instant are then
//! equal in all. Where a week with both ends in place holds other prices under the same stamps, that is the
//! file's own contradiction: both lines get the same instant, flagged and told
//! ([`Cause::Doubled`]).
//!
//! Memory is constant: sums of a day's minutes, and findings up to a limit ([`KEPT`]).

use super::findings::{Cause, Findings, Flags, Repeats, Segment, Step, Week};
use super::line::Stamp;
use super::names::Kind;
use super::overlap::{Overlap, Overlaps};
use super::rule::{Clock, HOUR, NoRule, Reader};
use super::week::{End, Judgement, Verdict, judge};

/// How many weeks, steps, overlaps and segments are kept, each.
pub const KEPT: usize = 10_000;

/// A whole number of hours may be exceeded by so many µs: quiet minutes have no lines.
const QUIET: i64 = 300_000_000;

/// Steps of a day and more are none of the clock.
const MOST_HOURS: i64 = 23;

/// The line before.
#[derive(Debug, Clone, Copy)]
struct Last {
    line: u64,
    stamp: Stamp,
    micros: i64,
}

/// The week that is being read.
#[derive(Debug, Clone)]
struct Begun {
    first_line: u64,
    first: Stamp,
    offset: i64,
    open: Option<End>,
    /// The places of its first step and first overlap among those found.
    steps: usize,
    overlaps: usize,
}

/// The first pass over the lines of a file, in their order.
#[derive(Debug, Clone)]
pub struct Survey {
    reader: Reader,
    overlaps: Overlaps,
    last: Option<Last>,
    week: Option<Begun>,
    found: Findings,
}

impl Survey {
    /// A survey of a file's lines by the configured clock.
    pub fn new(kind: Kind, clock: Clock) -> Self {
        let found = Findings {
            kind,
            lines: 0,
            weeks: Vec::new(),
            steps: Vec::new(),
            overlaps: Vec::new(),
            repeats: Repeats::default(),
            left_off: 0,
            segments: Vec::new(),
        };
        Self {
            reader: Reader::new(clock),
            overlaps: Overlaps::new(),
            last: None,
            week: None,
            found,
        }
    }

    /// The next line: its number from 1, which grows, its stamp, and its
    /// [`content`](super::line::content). Lines that cannot be read are left out.
    ///
    /// # Errors
    /// [`NoRule`] where the clock has no rule for the stamp; the survey then stays as it was before.
    pub fn push(&mut self, line: u64, stamp: Stamp, content: u64) -> Result<(), NoRule> {
        let reading = self.reader.read(line, stamp)?;
        let micros = reading.micros;
        self.found.lines += 1;
        if let Some(last) = self.last {
            let local = stamp.micros() - last.stamp.micros() - self.found.kind.micros();
            let real = micros - last.micros - self.found.kind.micros();
            if is_weekend(last.stamp, stamp) {
                self.end_week(true);
                self.begin_week(line, stamp, micros, true);
            } else if local < -MOST_HOURS * HOUR - HOUR {
                self.step(line, last.stamp, stamp, None, Cause::Disorder);
                self.end_week(false);
                self.begin_week(line, stamp, micros, false);
            } else if stamp < last.stamp {
                self.back(line, last.stamp, stamp, hours(local), hours(real) == Some(0));
            } else if stamp == last.stamp {
                self.found.repeats.lines += 1;
                if self.found.repeats.first_line == 0 {
                    self.found.repeats.first_line = line;
                }
            } else if let Some(by) = hours(local)
                && by > 0
            {
                let cause = if hours(real) == Some(0) { Cause::Rule } else { Cause::Unknown };
                self.step(line, last.stamp, stamp, Some(by), cause);
            }
        } else {
            self.begin_week(line, stamp, micros, true);
        }
        let done = self.overlaps.push(stamp, content);
        self.keep_overlap(done);
        self.last = Some(Last { line, stamp, micros });
        Ok(())
    }

    /// The end of the file.
    pub fn finish(mut self) -> Findings {
        self.end_week(true);
        self.found
    }

    /// The clock goes back by less than a day.
    fn back(&mut self, line: u64, from: Stamp, to: Stamp, by: Option<i64>, explained: bool) {
        let cause = match by {
            _ if explained => Cause::Rule,
            Some(_) => Cause::Unknown,
            None => Cause::Disorder,
        };
        self.step(line, from, to, by, cause);
        if by.is_some() {
            // a third pass goes on to where the second would have ended
            let until = self.overlaps.until().map_or(from, |until| until.max(from));
            let done = self.overlaps.end();
            self.keep_overlap(done);
            let week = self.week.as_ref().map_or(line, |week| week.first_line);
            self.overlaps.begin(week, line, to, until);
        }
    }

    fn step(&mut self, line: u64, from: Stamp, to: Stamp, hours: Option<i64>, cause: Cause) {
        let step = Step { line, from, to, hours, cause };
        keep(&mut self.found.steps, step, &mut self.found.left_off);
    }

    fn keep_overlap(&mut self, done: Option<Overlap>) {
        if let Some(done) = done {
            keep(&mut self.found.overlaps, done, &mut self.found.left_off);
        }
    }

    fn begin_week(&mut self, line: u64, stamp: Stamp, micros: i64, market: bool) {
        self.week = Some(Begun {
            first_line: line,
            first: stamp,
            offset: (stamp.micros() - micros) / 1_000_000,
            open: if market { End::open(line, stamp, micros) } else { None },
            steps: self.found.steps.len(),
            overlaps: self.found.overlaps.len(),
        });
    }

    fn end_week(&mut self, market: bool) {
        let done = self.overlaps.end();
        self.keep_overlap(done);
        let (Some(week), Some(last)) = (self.week.take(), self.last) else { return };
        let end = last.micros + self.found.kind.micros();
        let close = if market { End::close(last.line, last.stamp, end) } else { None };
        let steps = self.found.steps.get_mut(week.steps..).unwrap_or_default();
        let overlaps = self.found.overlaps.get(week.overlaps..).unwrap_or_default();
        let (judgement, segments) = conclude(&week, close, steps, overlaps);
        let whole = Week {
            first_line: week.first_line,
            last_line: last.line,
            first: week.first,
            last: last.stamp,
            offset: week.offset,
            open: week.open,
            close,
            judgement,
        };
        keep(&mut self.found.weeks, whole, &mut self.found.left_off);
        for segment in segments {
            self.keep_segment(segment);
        }
    }

    fn keep_segment(&mut self, segment: Segment) {
        let segments = &mut self.found.segments;
        let like_last =
            segments.last().is_some_and(|l| (l.late, l.flags) == (segment.late, segment.flags));
        if like_last || segments.len() > KEPT {
            return;
        }
        if segments.len() < KEPT {
            segments.push(segment);
        } else {
            // nothing more is verified from here on
            let flags = Flags { unverified_zone: true, ..Flags::default() };
            segments.push(Segment { line: segment.line, late: 0, flags });
        }
    }
}

/// At which of a week's unexplained steps the clock is taken to have been set.
#[derive(Debug, Clone, Copy)]
enum Set {
    None,
    Lived,
    All,
}

/// What a week amounts to: its verdict, the causes of its steps, and how its instants are made.
fn conclude(
    week: &Begun,
    close: Option<End>,
    steps: &mut [Step],
    overlaps: &[Overlap],
) -> (Judgement, Vec<Segment>) {
    let overlap = |step: &Step| {
        let place = overlaps.binary_search_by_key(&step.line, |overlap| overlap.line).ok()?;
        overlaps.get(place)
    };
    let copied = |step: &Step| overlap(step).is_some_and(Overlap::is_copy);
    let lived = |step: &Step| overlap(step).is_some_and(Overlap::is_lived);
    // steps at which the clock may have been set: whole hours that neither the rule nor copies explain
    let by = |step: &Step| step.hours.filter(|_| step.cause == Cause::Unknown && !copied(step));
    let sum = |only: &dyn Fn(&Step) -> bool| -> i64 {
        steps.iter().filter(|step| only(step)).filter_map(&by).sum()
    };
    let (all, twice) = (sum(&|_| true), sum(&lived));
    let judgement = judge(week.open, close, all);
    let (verdict, sure) = (judgement.verdict, judgement.ends == 2);
    let (before, after, set) = match verdict {
        Verdict::Contradicts { before, after } if before != after => (before, after, Set::All),
        // an hour lived twice, and no two ends that deny it
        _ if twice != 0 && !sure => {
            let opens = week.open.is_some_and(|open| judge(Some(open), None, 0).ends == 1);
            let keeps = opens && verdict == Verdict::Holds;
            if keeps { (0, twice, Set::Lived) } else { (-twice, 0, Set::Lived) }
        }
        _ => (0, 0, Set::None),
    };
    let is_set = |step: &Step| match set {
        Set::None => false,
        Set::Lived => lived(step),
        Set::All => true,
    };
    let flags = |late: i64| Flags {
        ambiguous_time: false,
        unverified_zone: verdict == Verdict::Unverified,
        contradicts_zone: match verdict {
            Verdict::Contradicts { before, after } if before == after => true,
            _ => late != 0,
        },
    };
    // one side keeps the rule's instants
    let kept = if before == 0 { 0 } else { after };
    let mut late = before;
    let segment = |line: u64, late: i64| Segment { line, late: late - kept, flags: flags(late) };
    let mut segments = vec![segment(week.first_line, late)];
    let causes: Vec<Cause> = steps
        .iter()
        .map(|step| match by(step) {
            Some(hours) if is_set(step) => {
                late += hours;
                segments.push(segment(step.line, late));
                Cause::Set
            }
            _ if step.cause != Cause::Unknown => step.cause,
            _ if copied(step) => Cause::Copied,
            _ if !sure => Cause::Unknown,
            _ if step.to > step.from => Cause::Missing,
            _ => Cause::Doubled,
        })
        .collect();
    for (step, cause) in steps.iter_mut().zip(causes) {
        step.cause = cause;
    }
    (judgement, segments)
}

fn keep<T>(list: &mut Vec<T>, item: T, left_off: &mut u64) {
    if list.len() < KEPT {
        list.push(item);
    } else {
        *left_off += 1;
    }
}

/// Whole hours, where a time exceeds them by no more than some quiet minutes.
fn hours(micros: i64) -> Option<i64> {
    let whole = micros.div_euclid(HOUR);
    let fits = micros.rem_euclid(HOUR) < QUIET && whole.abs() <= MOST_HOURS;
    fits.then_some(whole)
}

/// Whether a Saturday's noon lies between two stamps a day or more apart. The market is then closed
/// by any clock that is at most 12 hours wrong.
fn is_weekend(from: Stamp, to: Stamp) -> bool {
    // 1970-01-03 12:00 was one
    let weeks = |stamp: Stamp| (stamp.micros() - 60 * HOUR).div_euclid(168 * HOUR);
    to.micros() - from.micros() >= 24 * HOUR && weeks(from) < weeks(to)
}

#[cfg(test)]
#[path = "zone_tests.rs"]
mod tests;

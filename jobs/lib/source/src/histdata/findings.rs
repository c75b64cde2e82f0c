//! What the first pass found in a file's stamps, as data and in words. How it is found stands in
//! [`zone`](super::zone).

use std::ops::RangeInclusive;

use super::line::Stamp;
use super::names::Kind;
use super::overlap::Overlap;
use super::rule::offset_words;
use super::week::{End, Judgement, Verdict};

/// What is to be known of a line's instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags {
    /// The stamp occurs twice, and only the order of the lines tells which is meant.
    pub ambiguous_time: bool,
    /// The week of the line does not tell whether the configured rule holds.
    pub unverified_zone: bool,
    /// The file contradicts the configured rule at this line.
    pub contradicts_zone: bool,
}

impl Flags {
    /// The words of those that are set.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        [
            (self.ambiguous_time, "ambiguous_time"),
            (self.unverified_zone, "unverified_zone"),
            (self.contradicts_zone, "contradicts_zone"),
        ]
        .into_iter()
        .filter_map(|(set, word)| set.then_some(word))
    }
}

/// Why the clock steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The rule has the clock set here.
    Rule,
    /// The clock was set here, and the rule does not know it.
    Set,
    /// Both ends of the week say that the clock was not set: so many hours are missing.
    Missing,
    /// The lines before were copied.
    Copied,
    /// The same stamps again with other prices, though the clock was not set.
    Doubled,
    /// Back by no whole hours, or by a day and more.
    Disorder,
    /// The file does not tell.
    Unknown,
}

/// A place where the clock steps: forward by whole hours within a week, or backward by any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The line after the step, from 1.
    pub line: u64,
    /// What stood in the line before.
    pub from: Stamp,
    /// What stands in the line.
    pub to: Stamp,
    /// By how many whole hours; negative where backward; `None` where it is no whole number.
    pub hours: Option<i64>,
    /// Why.
    pub cause: Cause,
}

/// A week of trading in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Week {
    /// Its first line, from 1.
    pub first_line: u64,
    /// Its last line.
    pub last_line: u64,
    /// What stands in the first line.
    pub first: Stamp,
    /// What stands in the last line.
    pub last: Stamp,
    /// Seconds east of UTC at its first line, by the rule.
    pub offset: i64,
    /// The market's open as the file has it; `None` where the week begins for another reason.
    pub open: Option<End>,
    /// The market's close as the file has it; `None` where the week ends for another reason.
    pub close: Option<End>,
    /// What it tells of the rule.
    pub judgement: Judgement,
}

/// Lines whose stamp is that of the line before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Repeats {
    /// How many.
    pub lines: u64,
    /// The first of them; 0 where there is none.
    pub first_line: u64,
}

/// From a line on, up to the next such entry: how instants are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The first line.
    pub(crate) line: u64,
    /// Hours to take off the rule's instants; not 0 only where the clock was set within a week.
    pub(crate) late: i64,
    /// The flags of all its lines.
    pub(crate) flags: Flags,
}

/// How many weeks hold the rule, and how many do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Weeks in which the rule holds.
    pub held: u64,
    /// Weeks that contradict it.
    pub contradicted: u64,
    /// Weeks that do not tell.
    pub unverified: u64,
}

/// What the first pass found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// What the lines are.
    pub kind: Kind,
    /// The number of lines handed over.
    pub lines: u64,
    /// The weeks, in the order of lines.
    pub weeks: Vec<Week>,
    /// The steps of the clock, in the order of lines.
    pub steps: Vec<Step>,
    /// The stretches that occur twice, in the order of lines.
    pub overlaps: Vec<Overlap>,
    /// Lines with the stamp of the line before. They are not ambiguous: both mean the same.
    pub repeats: Repeats,
    /// Weeks, steps and overlaps beyond what is kept: 0 but for files without any order.
    pub left_off: u64,
    /// How instants are made, in the order of lines.
    pub(crate) segments: Vec<Segment>,
}

impl Findings {
    /// How many weeks hold the rule.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for week in &self.weeks {
            match week.judgement.verdict {
                Verdict::Holds => counts.held += 1,
                Verdict::Contradicts { .. } => counts.contradicted += 1,
                Verdict::Unverified => counts.unverified += 1,
            }
        }
        counts
    }

    /// What is remarkable of some lines, in words: weeks that do not bear the rule out, steps of the
    /// clock that the rule does not have, stretches that occur twice. At most `most` of each.
    pub fn notes(&self, lines: RangeInclusive<u64>, most: usize) -> Vec<String> {
        let mut notes = Vec::new();
        let mut add = |words: Vec<String>| {
            let more = words.len().saturating_sub(most);
            notes.extend(words.into_iter().take(most));
            if more > 0 {
                notes.push(format!("{more} more of these are left off"));
            }
        };
        let is_in = |week: &&Week| {
            week.first_line <= *lines.end()
                && *lines.start() <= week.last_line
                && week.judgement.verdict != Verdict::Holds
        };
        let weeks: Vec<Week> = self.weeks.iter().filter(is_in).copied().collect();
        add(weeks.chunk_by(Self::alike).map(run_words).collect());
        let steps = self.steps.iter().filter(|step| lines.contains(&step.line));
        add(steps.filter(|step| step.cause != Cause::Rule).map(step_words).collect());
        let overlaps = self.overlaps.iter().filter(|overlap| lines.contains(&overlap.line));
        add(overlaps.map(overlap_words).collect());
        notes
    }

    fn alike(a: &Week, b: &Week) -> bool {
        (a.judgement.verdict, a.offset) == (b.judgement.verdict, b.offset)
    }

    /// The findings in words, a line each: weeks that agree are told together.
    pub fn words(&self) -> Vec<String> {
        let Counts { held, contradicted, unverified } = self.counts();
        let mut words = vec![format!(
            "{} lines in {} weeks: the rule holds in {held}, is contradicted in {contradicted}, \
             unverified in {unverified}",
            self.lines,
            self.weeks.len(),
        )];
        words.extend(self.weeks.chunk_by(Self::alike).map(run_words));
        words.extend(self.steps.iter().map(step_words));
        words.extend(self.overlaps.iter().map(overlap_words));
        if self.repeats.lines > 0 {
            words.push(format!(
                "{} lines have the stamp of the line before, the first is line {}",
                self.repeats.lines, self.repeats.first_line
            ));
        }
        if self.left_off > 0 {
            words.push(format!("{} more findings are left off", self.left_off));
        }
        words
    }
}

/// Weeks of one verdict.
fn run_words(weeks: &[Week]) -> String {
    let (Some(first), Some(last)) = (weeks.first(), weeks.last()) else { return String::new() };
    let rule = offset_words(first.offset);
    let shifted = |hours: i64| offset_words(first.offset + hours * 3600);
    let verdict = match first.judgement.verdict {
        Verdict::Holds => format!("{rule} holds"),
        Verdict::Unverified => format!("{rule} is unverified"),
        Verdict::Contradicts { before, after } if before == after => {
            format!("{rule} is contradicted, the market's hours say {}", shifted(after))
        }
        Verdict::Contradicts { before, after } => format!(
            "{rule} is contradicted, the market's hours say {} and then {}",
            shifted(before),
            shifted(after)
        ),
    };
    let number =
        if weeks.len() == 1 { "1 week".to_owned() } else { format!("{} weeks", weeks.len()) };
    format!(
        "lines {} to {} ({} to {}, {number}): {verdict}",
        first.first_line, last.last_line, first.first, last.last
    )
}

fn step_words(step: &Step) -> String {
    let Step { line, from, to, hours, cause } = step;
    let way = if to < from { "back" } else { "forward" };
    let by = match hours.map(i64::abs) {
        None => String::new(),
        Some(1) => " by an hour".to_owned(),
        Some(hours) => format!(" by {hours} hours"),
    };
    let why = match cause {
        Cause::Rule => "the rule has the clock set here",
        Cause::Set => "the clock was set here, which the rule does not have",
        Cause::Missing => "lines are missing: the clock was not set in this week",
        Cause::Copied => "the lines before were copied: the clock was not set",
        Cause::Doubled => "the same stamps with other prices, though the clock was not set",
        Cause::Disorder => "the lines are out of order",
        Cause::Unknown => "the file does not tell why",
    };
    format!("line {line}: {way}{by} from {from} to {to}; {why}")
}

fn overlap_words(overlap: &Overlap) -> String {
    let Overlap { line, lines, from, to, same, different, lone, .. } = overlap;
    format!(
        "lines {line} to {}: {lines} stamps from {from} to {to} occur again; of their minutes \
         {same} read the same, {different} otherwise, {lone} are new",
        overlap.last_line()
    )
}

//! Files made up for one question each: what is found, and which instants come out.

use chrono::DateTime;

use super::*;
use crate::histdata::instants::{Instant, Instants};
use crate::histdata::line::stamp_of;

const MINUTE: i64 = 60_000_000;

/// A line: its true instant (µs UTC), its stamp and its content.
type Line = (i64, Stamp, u64);

fn micros(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text).expect(text).timestamp_micros()
}

fn stamp(text: &str) -> Stamp {
    stamp_of(text.as_bytes(), 15, "a stamp").expect(text)
}

/// A bar for each minute from one instant up to another, by a clock that is `hours(instant)` from UTC.
fn bars(from: &str, to: &str, hours: impl Fn(i64) -> i64) -> Vec<Line> {
    let (from, to) = (micros(from) / MINUTE, micros(to) / MINUTE);
    let line = |minute: i64| {
        let utc = minute * MINUTE;
        (utc, Stamp::from_micros(utc + hours(utc) * HOUR), minute as u64)
    };
    (from..to).map(line).collect()
}

/// Both passes by a rule.
fn passes(kind: Kind, rule: &str, lines: &[Line]) -> (Findings, Vec<Instant>) {
    let clock = Clock::of(rule.parse().expect(rule));
    let mut survey = Survey::new(kind, clock.clone());
    for (line, (_, stamp, content)) in (1..).zip(lines) {
        survey.push(line, *stamp, *content).expect("a rule");
    }
    let findings = survey.finish();
    let mut pass = Instants::new(&findings, clock);
    let instants =
        (1..).zip(lines).map(|(line, (_, stamp, _))| pass.next(line, *stamp).expect("a rule"));
    let instants = instants.collect();
    (findings, instants)
}

/// The causes of the steps, the verdicts of the weeks (`None` where unverified), and by how many hours
/// the first and the last instant differ from the truth.
#[derive(Debug, PartialEq)]
struct Expect<'a> {
    causes: &'a [Cause],
    verdicts: &'a [Option<(i64, i64)>],
    wrong: (i64, i64),
    /// Lines that are ambiguous, that contradict the rule, and that are unverified.
    flagged: (usize, usize, usize),
}

fn check(rule: &str, lines: &[Line], expect: &Expect<'_>) {
    let (findings, instants) = passes(Kind::Minutes, rule, lines);
    let causes: Vec<Cause> = findings.steps.iter().map(|step| step.cause).collect();
    let verdicts: Vec<_> = findings
        .weeks
        .iter()
        .map(|week| match week.judgement.verdict {
            Verdict::Holds => Some((0, 0)),
            Verdict::Contradicts { before, after } => Some((before, after)),
            Verdict::Unverified => None,
        })
        .collect();
    let wrong = |at: usize| (instants[at].micros - lines[at].0) / HOUR;
    let count = |flag: fn(&Flags) -> bool| instants.iter().filter(|i| flag(&i.flags)).count();
    let found = Expect {
        causes: &causes,
        verdicts: &verdicts,
        wrong: (wrong(0), wrong(lines.len() - 1)),
        flagged: (
            count(|flags| flags.ambiguous_time),
            count(|flags| flags.contradicts_zone),
            count(|flags| flags.unverified_zone),
        ),
    };
    assert_eq!(&found, expect, "{rule} {:#?}", findings.words());
    if !causes.iter().any(|cause| matches!(cause, Cause::Copied | Cause::Doubled)) {
        assert!(instants.is_sorted_by(|a, b| a.micros < b.micros), "{rule}");
    }
}

/// The week of 2019-10-27: it opens at 21:00 UTC and closes at 21:00 UTC.
const OPEN: &str = "2019-10-27T21:00:00Z";
const CLOSE: &str = "2019-11-01T21:00:00Z";
/// Within it: where the clock of these tests is set.
const SET: &str = "2019-10-29T00:00:00Z";

#[test]
fn a_clock_that_was_set_within_a_week_is_told_by_both_ends() {
    let set = micros(SET);
    let back = bars(OPEN, CLOSE, |utc| if utc < set { -4 } else { -5 });
    let (before, all) = (27 * 60, 5 * 24 * 60);
    let cause = &[Cause::Set];
    let verdicts = &[Some((1, 0))];
    let flagged = (120, before, 0);
    check("UTC-5", &back, &Expect { causes: cause, verdicts, wrong: (0, 0), flagged });
    let verdicts = &[Some((0, -1))];
    let flagged = (120, all - before, 0);
    check("UTC-4", &back, &Expect { causes: cause, verdicts, wrong: (0, 0), flagged });
    // neither side fits: the later one keeps the rule's instants
    let verdicts = &[Some((-1, -2))];
    check(
        "UTC-3",
        &back,
        &Expect { causes: cause, verdicts, wrong: (-2, -2), flagged: (120, all, 0) },
    );

    let forward = bars(OPEN, CLOSE, |utc| if utc < set { -5 } else { -4 });
    let verdicts = &[Some((0, 1))];
    let flagged = (0, all - before, 0);
    check("UTC-5", &forward, &Expect { causes: cause, verdicts, wrong: (0, 0), flagged });
}

#[test]
fn an_hour_lived_twice_never_falls_on_one_instant_where_the_week_does_not_tell() {
    let (set, cause) = (micros(SET), &[Cause::Set]);
    let clock = |utc| if utc < set { -4 } else { -5 };
    // neither end: the later side keeps the rule
    let middle = bars("2019-10-28T12:00:00Z", "2019-10-29T12:00:00Z", clock);
    let expect =
        Expect { causes: cause, verdicts: &[None], wrong: (0, 0), flagged: (120, 720, 1440) };
    check("UTC-5", &middle, &expect);
    let expect = Expect { wrong: (-1, -1), ..expect };
    check("UTC-4", &middle, &expect);
    // one end
    let verdicts = &[Some((0, 0))];
    let start = bars(OPEN, "2019-10-29T12:00:00Z", clock);
    let expect = Expect { causes: cause, verdicts, wrong: (0, 0), flagged: (120, 720, 0) };
    check("UTC-4", &start, &expect);
    let end = bars("2019-10-28T12:00:00Z", CLOSE, clock);
    check("UTC-5", &end, &expect);
}

#[test]
fn a_clock_that_the_rule_sets_needs_no_evidence() {
    // trading on through a Sunday's night
    let set = micros("2019-10-27T01:00:00Z");
    let lines = bars("2019-10-26T22:00:00Z", "2019-10-27T04:00:00Z", |utc| i64::from(utc < set));
    let expect =
        Expect { causes: &[Cause::Rule], verdicts: &[None], wrong: (0, 0), flagged: (120, 0, 360) };
    check("Europe/London", &lines, &expect);
    let set = micros("2019-03-31T01:00:00Z");
    let lines = bars("2019-03-30T22:00:00Z", "2019-03-31T04:00:00Z", |utc| i64::from(utc >= set));
    let expect = Expect { flagged: (0, 0, 360), ..expect };
    check("Europe/London", &lines, &expect);
    // a stamp that the rule leaves out contradicts it; what comes after has its own instant
    let lines = bars("2019-03-31T00:00:00Z", "2019-03-31T01:30:00Z", |_| 0);
    let expect = Expect { causes: &[], flagged: (0, 30, 90), ..expect };
    check("Europe/London", &lines, &expect);
}

#[test]
fn copies_and_missing_hours_leave_the_clock_alone() {
    let week = bars(OPEN, CLOSE, |_| -5);
    let (hold, all) = (&[Some((0, 0))], (0, 0));
    // an hour again, to the last digit
    let mut copied = week.clone();
    copied.splice(600..600, week[540..600].iter().copied());
    let expect =
        Expect { causes: &[Cause::Copied], verdicts: hold, wrong: all, flagged: (120, 0, 0) };
    check("UTC-5", &copied, &expect);
    // with other prices
    let mut doubled = copied.clone();
    for line in &mut doubled[600..660] {
        line.2 += 1_000_000;
    }
    let expect = Expect { causes: &[Cause::Doubled], ..expect };
    check("UTC-5", &doubled, &expect);
    let mut missing = week.clone();
    missing.drain(600..660);
    let expect = Expect { causes: &[Cause::Missing], flagged: (0, 0, 0), ..expect };
    check("UTC-5", &missing, &expect);
    // a stamp far ahead, before the week, is no first pass of the hour
    let mut stray = copied.clone();
    stray.insert(0, (micros("2091-01-01T05:00:00Z"), stamp("20910101 000000"), 0));
    let expect = Expect {
        causes: &[Cause::Disorder, Cause::Copied],
        verdicts: &[None, Some((0, 0))],
        wrong: all,
        flagged: (120, 0, 1),
    };
    check("UTC-5", &stray, &expect);
    // by a clock that is an hour wrong
    let expect = Expect {
        causes: &[Cause::Missing],
        verdicts: &[Some((-1, -1))],
        wrong: (-1, -1),
        flagged: (0, missing.len(), 0),
    };
    check("UTC-4", &missing, &expect);
}

#[test]
fn lines_out_of_order_are_told_and_keep_the_rules_instants() {
    let check = |stamps: &[&str],
                 expect: &[(u64, Option<i64>, Cause)],
                 repeats: u64,
                 weeks: usize| {
        let lines: Vec<Line> =
            stamps.iter().map(|text| (stamp(text).micros() + 5 * HOUR, stamp(text), 0)).collect();
        let (findings, instants) = passes(Kind::Ticks, "UTC-5", &lines);
        let steps: Vec<_> =
            findings.steps.iter().map(|step| (step.line, step.hours, step.cause)).collect();
        assert_eq!(steps, expect, "{stamps:?}");
        assert_eq!((findings.repeats.lines, findings.weeks.len()), (repeats, weeks), "{stamps:?}");
        for (line, instant) in lines.iter().zip(instants) {
            assert_eq!(line.0, instant.micros);
        }
    };
    check(
        &["20191028 120000", "20191028 120005", "20191028 120002", "20191028 120006"],
        &[(3, None, Cause::Disorder)],
        0,
        1,
    );
    check(&["20191028 120000", "20191028 120000", "20191028 120000"], &[], 2, 1);
    check(
        &["20191028 120000", "20910101 000000", "20191028 120100"],
        &[(3, None, Cause::Disorder)],
        0,
        3,
    );
    check(
        &["20191028 120000", "20191007 120000", "20191007 120001"],
        &[(2, None, Cause::Disorder)],
        0,
        2,
    );
    // a holiday within a week is no step, and no weekend
    check(&["20191029 120000", "20191030 120001", "20191030 120002"], &[], 0, 1);
    // a weekend is, whatever day follows
    check(&["20191101 120000", "20191104 120000", "20191105 120000"], &[], 0, 2);
}

proptest::proptest! {
    #[test]
    fn no_stamps_make_it_panic(
        moves in proptest::collection::vec((-3_i64..60, 0_u8..8, 0_u64..3), 1..300),
        wild in proptest::collection::vec(proptest::prelude::any::<i64>(), 0..20),
    ) {
        let mut at = micros(OPEN);
        let mut stamps: Vec<(Stamp, u64)> = Vec::new();
        for (by, unit, content) in moves {
            at += by * [MINUTE, MINUTE, 1000, HOUR, HOUR, MINUTE, 24 * HOUR, 7][usize::from(unit)];
            stamps.push((Stamp::from_micros(at), content));
        }
        stamps.extend(wild.into_iter().map(|micros| (Stamp::from_micros(micros), 0)));
        for rule in ["UTC-5", "Europe/London", "UTC-5 with the DST dates of Europe/London"] {
            let clock = Clock::of(rule.parse().expect(rule));
            for kind in [Kind::Minutes, Kind::Ticks] {
                let mut survey = Survey::new(kind, clock.clone());
                let mut known = Vec::new();
                for (line, (stamp, content)) in (1..).zip(&stamps) {
                    if survey.push(line, *stamp, *content).is_ok() {
                        known.push((line, *stamp));
                    }
                }
                let findings = survey.finish();
                proptest::prop_assert_eq!(findings.lines, known.len() as u64);
                proptest::prop_assert!(findings.words().iter().all(|words| !words.is_empty()));
                let mut pass = Instants::new(&findings, clock.clone());
                for (line, stamp) in known {
                    proptest::prop_assert!(pass.next(line, stamp).is_ok());
                }
            }
        }
    }
}

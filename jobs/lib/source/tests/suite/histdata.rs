//! The real file of 2019: every line accounted for, and which rule its clock keeps.

use std::io::Read as _;
use std::path::PathBuf;

use source::histdata::findings::{Cause, Counts, Findings};
use source::histdata::instants::{Instant, Instants};
use source::histdata::line::{Bar, content};
use source::histdata::names::{Kind, Name};
use source::histdata::report::{Gap, Gaps, Report, compare};
use source::histdata::rule::{Clock, Range};
use source::histdata::week::Verdict;
use source::histdata::zone::Survey;

use crate::shared;

const ZIP: &str = "HISTDATA_COM_ASCII_EURUSD_M12019.zip";

/// The bars of the file, with the number of each line and its content.
fn bars(zip: &PathBuf) -> Vec<(u64, Bar, u64)> {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(zip).unwrap()).unwrap();
    let name: Name = ZIP.parse().unwrap();
    let mut csv = Vec::new();
    archive.by_name(&name.series.member()).unwrap().read_to_end(&mut csv).unwrap();
    let lines = csv.strip_suffix(b"\n").unwrap().split(|b| *b == b'\n');
    (1..).zip(lines).map(|(n, line)| (n, Bar::parse(line).unwrap(), content(line))).collect()
}

fn survey(bars: &[(u64, Bar, u64)], rule: &str) -> Findings {
    let mut survey = Survey::new(Kind::Minutes, Clock::of(rule.parse().unwrap()));
    for (line, bar, content) in bars {
        survey.push(*line, bar.stamp, *content).unwrap();
    }
    survey.finish()
}

fn instants(bars: &[(u64, Bar, u64)], findings: &Findings, rule: &str) -> Vec<Instant> {
    let mut pass = Instants::new(findings, Clock::of(rule.parse().unwrap()));
    bars.iter().map(|(line, bar, _)| pass.next(*line, bar.stamp).unwrap()).collect()
}

/// The dates on which the file's clock is set.
const FITS: &str = "UTC-5 with the DST dates of Europe/London";

#[test]
fn one_rule_fits_2019_and_the_others_are_contradicted() {
    let Some(zip) = shared("histdata").map(|folder| folder.join(ZIP)) else { return };
    let bars = bars(&zip);
    let check = |rule: &str, held: u64, contradicted: u64, unverified: u64| {
        let findings = survey(&bars, rule);
        assert_eq!(findings.counts(), Counts { held, contradicted, unverified }, "{rule}");
        assert_eq!((findings.lines, findings.weeks.len()), (372_530, 53));
        assert_eq!((findings.left_off, findings.repeats.lines), (0, 0));
        // each line's flags are those of its week
        let pass = instants(&bars, &findings, rule);
        let flagged = pass.iter().filter(|instant| instant.flags.contradicts_zone).count() as u64;
        let weeks = findings.weeks.iter();
        let lines: u64 = weeks
            .filter(|week| matches!(week.judgement.verdict, Verdict::Contradicts { .. }))
            .map(|week| week.last_line - week.first_line + 1)
            .sum();
        assert_eq!(flagged, lines, "{rule}");
    };
    check(FITS, 53, 0, 0);
    check("America/New_York", 49, 4, 0);
    check("UTC-5 with the DST dates of America/New_York", 49, 4, 0);
    // what the site says
    check("UTC-5", 23, 30, 0);
    check("UTC-4", 30, 22, 1);
    check("UTC", 0, 51, 2);
    check("Europe/London", 0, 51, 2);
    // the year in three ranges
    let range = |from: &str, to: &str, rule: &str| Range {
        from: from.parse().ok(),
        to: to.parse().ok(),
        rule: rule.parse().unwrap(),
    };
    let ranges = vec![
        range("", "2019-03-30", "UTC-5"),
        range("2019-03-31", "2019-10-26", "UTC-4"),
        range("2019-10-27", "", "UTC-5"),
    ];
    let mut pass = Survey::new(Kind::Minutes, Clock::new(ranges).unwrap());
    for (line, bar, content) in &bars {
        pass.push(*line, bar.stamp, *content).unwrap();
    }
    assert_eq!(pass.finish().counts(), Counts { held: 53, contradicted: 0, unverified: 0 });
}

#[test]
fn every_line_has_one_instant_and_all_but_the_copies_increase() {
    let Some(zip) = shared("histdata").map(|folder| folder.join(ZIP)) else { return };
    let bars = bars(&zip);
    let findings = survey(&bars, FITS);
    let pass = instants(&bars, &findings, FITS);
    assert_eq!(pass.len(), 372_530);
    let own: Vec<i64> = pass.iter().filter(|i| !i.copied).map(|i| i.micros).collect();
    assert_eq!(own.len(), 372_470);
    assert!(own.is_sorted_by(|a, b| a < b));

    // 60 stamps stand twice; the second time with the same prices, at the same instants
    let flagged: Vec<usize> = (0..pass.len()).filter(|i| pass[*i].flags.ambiguous_time).collect();
    assert_eq!(flagged, (305_958..306_078).collect::<Vec<_>>());
    for first in 305_958..306_018 {
        let second = first + 60;
        assert_eq!(bars[first].1, bars[second].1);
        assert_eq!(pass[first].micros, pass[second].micros);
        assert_eq!((pass[first].copied, pass[second].copied), (false, true));
    }
    assert!(pass.iter().all(|i| !i.flags.unverified_zone && !i.flags.contradicts_zone));

    let steps: Vec<_> = findings.steps.iter().map(|s| (s.line, s.hours, s.cause)).collect();
    assert_eq!(
        steps,
        [
            (90_808, Some(1), Cause::Missing),
            (148_268, Some(6), Cause::Unknown),
            (306_019, Some(-1), Cause::Copied),
            (366_783, Some(14), Cause::Missing),
        ]
    );
    let spring = &findings.steps[0];
    assert_eq!(spring.from.to_string(), "2019-03-31 18:59:00");
    assert_eq!(spring.to.to_string(), "2019-03-31 20:00:00");
    let [overlap] = findings.overlaps[..] else { panic!("{:?}", findings.overlaps) };
    assert_eq!((overlap.line, overlap.last_line(), overlap.lines), (306_019, 306_078, 60));
    assert_eq!((overlap.same, overlap.different, overlap.lone), (60, 0, 0));
    assert_eq!(overlap.from.to_string(), "2019-10-27 19:00:00");
    assert_eq!(overlap.to.to_string(), "2019-10-27 19:59:00");
    let words = findings.words();
    assert_eq!(words.len(), 9, "{words:#?}");
    assert_eq!(
        words[4],
        "line 90808: forward by an hour from 2019-03-31 18:59:00 to 2019-03-31 20:00:00; lines are \
         missing: the clock was not set in this week"
    );
}

#[test]
fn rows_are_exact_to_the_last_digit() {
    let Some(zip) = shared("histdata").map(|folder| folder.join(ZIP)) else { return };
    let bars = bars(&zip);
    let pass = instants(&bars, &survey(&bars, FITS), FITS);
    // prices in 1e-6, as they are written
    let check = |line: usize, utc: &str, [open, high, low, close]: [i64; 4]| {
        let (number, bar, _) = bars[line - 1];
        assert_eq!(number, line as u64);
        assert_eq!(pass[line - 1].micros, micros(utc), "line {line}");
        let found = [bar.open, bar.high, bar.low, bar.close, bar.volume];
        let micro = [open, high, low, close, 0].map(|price| price * 100);
        assert_eq!(found, micro, "line {line}");
    };
    check(1, "2019-01-01T22:02:00Z", [1_145_980, 1_145_990, 1_145_980, 1_145_980]);
    // the last bar before the clock is set forward over the weekend, and the first after
    assert_eq!(bars[90_687].1.stamp.to_string(), "2019-03-29 15:59:00");
    assert_eq!(pass[90_687].micros, micros("2019-03-29T20:59:00Z"));
    assert_eq!(bars[90_688].1.stamp.to_string(), "2019-03-31 17:00:00");
    assert_eq!(pass[90_688].micros, micros("2019-03-31T21:00:00Z"));
    check(90_807, "2019-03-31T22:59:00Z", [1_122_220, 1_122_220, 1_122_140, 1_122_170]);
    check(90_808, "2019-04-01T00:00:00Z", [1_122_310, 1_122_340, 1_122_260, 1_122_290]);
    // and back
    assert_eq!(bars[305_781].1.stamp.to_string(), "2019-10-25 16:59:00");
    assert_eq!(pass[305_781].micros, micros("2019-10-25T20:59:00Z"));
    assert_eq!(bars[305_782].1.stamp.to_string(), "2019-10-27 16:00:00");
    assert_eq!(pass[305_782].micros, micros("2019-10-27T21:00:00Z"));
    check(305_959, "2019-10-28T00:00:00Z", [1_108_390, 1_108_440, 1_108_360, 1_108_360]);
    check(306_018, "2019-10-28T00:59:00Z", [1_108_260, 1_108_270, 1_108_190, 1_108_220]);
    check(306_019, "2019-10-28T00:00:00Z", [1_108_390, 1_108_440, 1_108_360, 1_108_360]);
    check(306_079, "2019-10-28T01:00:00Z", [1_108_220, 1_108_220, 1_108_100, 1_108_110]);
    check(372_530, "2019-12-31T21:59:00Z", [1_120_990, 1_121_150, 1_120_760, 1_120_760]);
}

#[test]
fn the_gaps_of_2019_are_found() {
    let Some(zip) = shared("histdata").map(|folder| folder.join(ZIP)) else { return };
    let mut finder = Gaps::new(Kind::Minutes, 60);
    let gaps: Vec<Gap> =
        bars(&zip).iter().filter_map(|(_, bar, _)| finder.push(bar.stamp)).collect();
    assert_eq!(gaps.len(), 260);
    // the hour lost in spring is one of them; a report that has it and one more
    let text = b"Gap of 3654s found between 20190331185958 and 20190331200002.\n\
                 Gap of 121s found between 20190102120000 and 20190102120207.\n";
    let compared = compare(Kind::Minutes, &Report::parse(text).gaps, &gaps);
    assert_eq!((compared.both.len(), compared.theirs.len(), compared.ours.len()), (1, 1, 259));
    assert_eq!(compared.both[0].1.to.to_string(), "2019-03-31 20:00:00");
}

fn micros(utc: &str) -> i64 {
    chrono::DateTime::parse_from_rfc3339(utc).unwrap().timestamp_micros()
}

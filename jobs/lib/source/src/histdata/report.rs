//! The provider's own report of gaps, the `.txt` beside the lines, and how it compares with the gaps
//! in the stamps.
//!
//! Its form, as seen in reports of 2000, 2003 and 2025:
//!
//! ```text
//! HistData.com (c) 2012
//! File: DAT_ASCII_EURUSD_M1_2025.csv Status Report
//!
//! Gap of 128s found between 20250101170019 and 20250101170234.
//! ```
//!
//! Two things to know: the report of bars is made from the ticks behind them, so that most of its gaps
//! leave no minute without a bar; and its seconds are some six or seven fewer than the stamps lie apart.
//! Both figures are kept, and the stamps are what is compared.

use super::line::{Stamp, number, stamp_of};
use super::names::Kind;

/// A stretch of time without lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// The last stamp before it.
    pub from: Stamp,
    /// The first stamp after it.
    pub to: Stamp,
}

impl Gap {
    /// From the first moment that has no line to the first that has one again, in µs of the file's
    /// clock. Of bars that is whole minutes; it is empty where no minute is without a bar.
    pub fn empty(&self, kind: Kind) -> std::ops::Range<i64> {
        let step = kind.micros();
        if step == 0 {
            return self.from.micros()..self.to.micros();
        }
        let floor = |micros: i64| micros.div_euclid(step).saturating_mul(step);
        floor(self.from.micros()).saturating_add(step)..floor(self.to.micros())
    }
}

/// A gap as the provider reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reported {
    /// Where it lies.
    pub gap: Gap,
    /// The seconds stated, which may differ from those between the stamps.
    pub seconds: u32,
}

/// What a report says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The file it is of, as stated.
    pub of: Option<String>,
    /// The gaps, in the order of the report.
    pub gaps: Vec<Reported>,
    /// Lines that begin as a gap does and cannot be read: number from 1 and first 80 characters.
    pub bad: Vec<(u64, String)>,
    /// Lines of other kinds, such as the heading; without empty ones.
    pub other: u64,
}

impl Report {
    /// Reads a report. Lines of unknown form are counted, not refused: the form is documented nowhere.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut report = Self::default();
        for (index, line) in bytes.split(|b| *b == b'\n').enumerate() {
            let line = line.trim_ascii();
            if let Some(name) = file(line) {
                report.of = Some(name);
            } else if line.starts_with(b"Gap") {
                if let Some(gap) = reported(line) {
                    report.gaps.push(gap);
                } else {
                    let text: String = String::from_utf8_lossy(line).chars().take(80).collect();
                    report.bad.push((index as u64 + 1, text.escape_debug().to_string()));
                }
            } else if !line.is_empty() {
                report.other += 1;
            }
        }
        report
    }
}

/// `File: NAME Status Report`.
fn file(line: &[u8]) -> Option<String> {
    let name = line.strip_prefix(b"File: ")?.strip_suffix(b" Status Report")?;
    Some(String::from_utf8_lossy(name).into_owned())
}

/// `Gap of 128s found between 20250101170019 and 20250101170234.`
fn reported(line: &[u8]) -> Option<Reported> {
    let text = std::str::from_utf8(line).ok()?.strip_prefix("Gap of ")?;
    let (seconds, rest) = text.split_once("s found between ")?;
    let (from, to) = rest.strip_suffix('.').unwrap_or(rest).split_once(" and ")?;
    let gap = Gap { from: joined(from)?, to: joined(to)? };
    Some(Reported { gap, seconds: number(seconds.as_bytes())? })
}

/// `YYYYMMDDHHMMSS`, also with milliseconds behind or with a space after the day.
fn joined(text: &str) -> Option<Stamp> {
    let digits: String = text.chars().filter(|c| *c != ' ').collect();
    if !matches!(digits.len(), 14 | 17) || !digits.is_ascii() {
        return None;
    }
    let spaced = format!("{} {}", &digits[..8], &digits[8..]);
    stamp_of(spaced.as_bytes(), spaced.len(), "").ok()
}

/// Finds the gaps in a file's stamps, one stamp after another.
#[derive(Debug, Clone)]
pub struct Gaps {
    kind: Kind,
    least: i64,
    last: Option<Stamp>,
}

impl Gaps {
    /// A finder of stretches without lines that last `least` seconds and more; a bar lasts its minute.
    pub const fn new(kind: Kind, least: u32) -> Self {
        Self { kind, least: least as i64 * 1_000_000, last: None }
    }

    /// The next stamp; gives the gap before it.
    pub fn push(&mut self, stamp: Stamp) -> Option<Gap> {
        let from = self.last.replace(stamp)?;
        let gap = Gap { from, to: stamp };
        let empty = gap.empty(self.kind);
        let long = empty.end.saturating_sub(empty.start) >= self.least.max(1);
        long.then_some(gap)
    }
}

/// The gaps of a report against those of the stamps.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Compared {
    /// Gaps that both have: reported and found. A gap of one side may meet several of the other.
    pub both: Vec<(Reported, Gap)>,
    /// Reported ones that the stamps do not have.
    pub theirs: Vec<Reported>,
    /// Found ones that the report does not have.
    pub ours: Vec<Gap>,
    /// Reported ones that leave no minute without a bar, so that bars cannot show them.
    pub too_short: u64,
}

/// Compares a report with the gaps found in the stamps. They are the same where their empty stretches
/// share a moment. Both are taken by the file's clock.
pub fn compare(kind: Kind, theirs: &[Reported], ours: &[Gap]) -> Compared {
    let mut compared = Compared::default();
    let mut theirs = theirs.to_vec();
    theirs.sort_by_key(|reported| reported.gap);
    let mut ours = ours.to_vec();
    ours.sort_unstable();
    let mut met = vec![false; ours.len()];
    let mut first = 0;
    for reported in theirs {
        let empty = reported.gap.empty(kind);
        if empty.is_empty() {
            compared.too_short += 1;
            continue;
        }
        // what ends before this one ends before all that follow
        while ours.get(first).is_some_and(|gap| gap.empty(kind).end <= empty.start) {
            first += 1;
        }
        let mut any = false;
        for (gap, met) in ours[first..].iter().zip(&mut met[first..]) {
            let found = gap.empty(kind);
            if found.start >= empty.end {
                break;
            }
            if found.end > empty.start {
                compared.both.push((reported, *gap));
                *met = true;
                any = true;
            }
        }
        if !any {
            compared.theirs.push(reported);
        }
    }
    compared.ours = ours.iter().zip(met).filter_map(|(gap, met)| (!met).then_some(*gap)).collect();
    compared
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(from: &str, to: &str) -> Gap {
        Gap { from: joined(from).expect(from), to: joined(to).expect(to) }
    }

    #[test]
    fn reports_are_read() {
        let text = "HistData.com (c) 2012\r\nFile: DAT_MT_EURJPY_M1_2003.csv Status Report\r\n\r\n\
                    Gap of 68s found between 20030101190024 and 20030101190138.\r\n\
                    Gap of 117s found between 20030101190707 and 20030101190910.\n\
                    Gap of 61s found between 20160601 000000123 and 20160601000101124\n\
                    Gap of many found between 20030101190707 and 20030101190910.\n\
                    Gap of 1s found between 20030231190707 and 20030101190910.\n";
        let report = Report::parse(text.as_bytes());
        assert_eq!(report.of.as_deref(), Some("DAT_MT_EURJPY_M1_2003.csv"));
        assert_eq!(
            report.gaps,
            [
                Reported { gap: gap("20030101190024", "20030101190138"), seconds: 68 },
                Reported { gap: gap("20030101190707", "20030101190910"), seconds: 117 },
                Reported { gap: gap("20160601000000123", "20160601000101124"), seconds: 61 },
            ]
        );
        let lines: Vec<u64> = report.bad.iter().map(|(line, _)| *line).collect();
        assert_eq!((lines, report.other), (vec![7, 8], 1));
    }

    #[test]
    fn gaps_are_found_in_stamps() {
        let check = |kind: Kind, least: u32, stamps: &[&str], expect: &[(&str, &str)]| {
            let mut gaps = Gaps::new(kind, least);
            let found: Vec<Gap> =
                stamps.iter().filter_map(|text| gaps.push(joined(text).expect(text))).collect();
            let expect: Vec<Gap> = expect.iter().map(|(from, to)| gap(from, to)).collect();
            assert_eq!(found, expect);
        };
        let bars = ["20190101170200", "20190101170300", "20190101170500", "20190101170400"];
        check(Kind::Minutes, 60, &bars, &[("20190101170300", "20190101170500")]);
        check(Kind::Minutes, 61, &bars, &[]);
        let ticks = ["20190101170200000", "20190101170259999", "20190101170400000"];
        check(Kind::Ticks, 60, &ticks, &[("20190101170259999", "20190101170400000")]);
    }

    #[test]
    fn reports_are_compared_with_stamps() {
        // both as (place of theirs, place of ours), then the places of what only one has
        let check = |kind: Kind,
                     theirs: &[(&str, &str)],
                     ours: &[(&str, &str)],
                     both: &[(usize, usize)],
                     lone: (&[usize], &[usize]),
                     short: u64| {
            let theirs: Vec<Reported> = theirs
                .iter()
                .map(|(from, to)| Reported { gap: gap(from, to), seconds: 0 })
                .collect();
            let ours: Vec<Gap> = ours.iter().map(|(from, to)| gap(from, to)).collect();
            let compared = compare(kind, &theirs, &ours);
            let expect: Vec<_> = both.iter().map(|(a, b)| (theirs[*a], ours[*b])).collect();
            assert_eq!(compared.both, expect);
            let expect: Vec<_> = lone.0.iter().map(|place| theirs[*place]).collect();
            assert_eq!(compared.theirs, expect);
            let expect: Vec<_> = lone.1.iter().map(|place| ours[*place]).collect();
            assert_eq!(compared.ours, expect);
            assert_eq!(compared.too_short, short);
        };
        // a gap of ticks from 17:03:20 to 17:05:10 leaves the minute 17:04 without a bar
        check(
            Kind::Minutes,
            &[("20190101170320", "20190101170510"), ("20190101180024", "20190101180138")],
            &[("20190101170300", "20190101170500"), ("20190101200000", "20190101200200")],
            &[(0, 0)],
            (&[], &[1]),
            1,
        );
        check(
            Kind::Minutes,
            &[("20190101170000", "20190101180000"), ("20190102170000", "20190102180000")],
            &[("20190101170000", "20190101173000"), ("20190101173000", "20190101180000")],
            &[(0, 0), (0, 1)],
            (&[1], &[]),
            0,
        );
        check(
            Kind::Ticks,
            &[("20190101170000", "20190101170110")],
            &[("20190101170110", "20190101170220")],
            &[],
            (&[0], &[0]),
            0,
        );
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
            near in r"(Gap of [0-9]{0,12}s found between \PC{0,3}[0-9 ]{0,18} and [0-9é]{0,18}\.?\n){0,4}",
        ) {
            for bytes in [bytes.as_slice(), near.as_bytes()] {
                let report = Report::parse(bytes);
                let gaps: Vec<Gap> = report.gaps.iter().map(|reported| reported.gap).collect();
                for kind in [Kind::Minutes, Kind::Ticks] {
                    let _ = compare(kind, &report.gaps, &gaps);
                }
            }
        }
    }
}

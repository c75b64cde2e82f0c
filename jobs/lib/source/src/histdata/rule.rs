//! What clock a file is written in, as configured: ranges of days, each with a rule, and the way from
//! a local stamp to UTC by them. Whether the file keeps to it is for [`zone`](super::zone) to say.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Offset as _, TimeZone as _};
use chrono_tz::{OffsetComponents as _, Tz};
use model::Day;
use model::period::DAY_MICROS;
use serde::{Deserialize, Serialize};

use super::line::Stamp;

/// µs in an hour.
pub const HOUR: i64 = 3_600_000_000;

/// µs in a second.
const SECOND: i64 = 1_000_000;

/// Zones are a day and more from UTC nowhere.
const FARTHEST: i64 = 26 * HOUR;

/// How far back ticks are let slip before an hour is taken for the second pass of a repeated one.
const SLIP: i64 = 60 * SECOND;

const WITH: &str = " with the DST dates of ";

const EXPECTED: &str = "a fixed offset (`UTC-5`), a zone (`America/New_York`) or an offset with a \
                        zone's dates (`UTC-5 with the DST dates of Europe/London`)";

/// A text that is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bad rule of a clock `{found}`: {what}, expected {EXPECTED}")]
pub struct BadRule {
    /// The text found.
    pub found: String,
    /// What is wrong with it.
    pub what: &'static str,
}

/// How far a clock is from UTC, and when that changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Rule {
    /// Always the same offset, in seconds east of UTC: -18000 for `UTC-5`.
    Fixed(i32),
    /// A zone of the IANA data base.
    Zone(Tz),
    /// A winter's offset and another zone's dates: an hour more from the instant on which summer time
    /// begins there to the instant on which it ends.
    Dates {
        /// Seconds east of UTC in winter.
        winter: i32,
        /// The zone whose dates count.
        of: Tz,
    },
}

impl Rule {
    /// Seconds east of UTC at an instant (µs since the epoch); those of 1970 where the calendar ends.
    pub fn offset(self, micros: i64) -> i32 {
        let at = |tz: Tz| {
            let time = DateTime::from_timestamp_micros(micros).unwrap_or_default();
            tz.offset_from_utc_datetime(&time.naive_utc())
        };
        match self {
            Self::Fixed(offset) => offset,
            Self::Zone(tz) => at(tz).fix().local_minus_utc(),
            Self::Dates { winter, of } => {
                winter + i32::try_from(at(of).dst_offset().num_seconds()).unwrap_or(0)
            }
        }
    }

    /// The instants that a stamp can mean, the earlier one first.
    fn candidates(self, stamp: Stamp) -> Candidates {
        let local = stamp.micros();
        let offset = |micros: i64| i64::from(self.offset(micros)) * SECOND;
        let (before, after) = (offset(local - FARTHEST), offset(local + FARTHEST));
        let valid = |shift: i64| (offset(local - shift) == shift).then_some(local - shift);
        if before == after {
            return valid(before).map_or(Candidates::None(local - before), Candidates::One);
        }
        match (valid(before), valid(after)) {
            (Some(a), Some(b)) => Candidates::Two(a.min(b), a.max(b)),
            (Some(one), None) | (None, Some(one)) => Candidates::One(one),
            (None, None) => Candidates::None(local - before),
        }
    }
}

/// The instants (µs, UTC) that a stamp can mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Candidates {
    One(i64),
    /// The clock was set back: first and second pass.
    Two(i64, i64),
    /// The clock was set forward over this stamp; as if it had not been.
    None(i64),
}

/// `UTC`, `UTC-5`, `UTC+5:30` in seconds.
fn fixed(text: &str) -> Option<i32> {
    let rest = text.strip_prefix("UTC")?;
    if rest.is_empty() {
        return Some(0);
    }
    let sign = match rest.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = rest[1..].split_once(':').unwrap_or((&rest[1..], "00"));
    let number = |text: &str, lens: &[usize]| {
        let fits = lens.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        fits.then(|| text.parse::<i32>().ok()).flatten()
    };
    let (hours, minutes) = (number(hours, &[1, 2])?, number(minutes, &[2])?);
    (hours <= 14 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

impl FromStr for Rule {
    type Err = BadRule;

    fn from_str(text: &str) -> Result<Self, BadRule> {
        let bad = |what| BadRule { found: text.to_owned(), what };
        let zone = |name: &str| name.parse::<Tz>().map_err(|_| bad("no such zone"));
        if let Some((offset, name)) = text.split_once(WITH) {
            let winter = fixed(offset).ok_or_else(|| bad("no such offset"))?;
            let of = zone(name)?;
            // Dublin's winter is written as a negative saving: an hour would be taken off
            let odd = (0..80 * 12).map(|month| month * 30 * DAY_MICROS).any(|micros| {
                let rule = Self::Dates { winter: 0, of };
                rule.offset(micros) < 0
            });
            return if odd {
                Err(bad("this zone's winter time is written as a negative saving"))
            } else {
                Ok(Self::Dates { winter, of })
            };
        }
        match fixed(text) {
            Some(offset) => Ok(Self::Fixed(offset)),
            None if text.starts_with("UTC") => Err(bad("no such offset")),
            None => zone(text).map(Self::Zone),
        }
    }
}

/// Seconds east of UTC as they are written: `UTC-5`, `UTC+5:30`.
pub fn offset_words(seconds: i64) -> String {
    let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.abs() / 60);
    match (minutes / 60, minutes % 60) {
        (0, 0) => "UTC".to_owned(),
        (hours, 0) => format!("UTC{sign}{hours}"),
        (hours, minutes) => format!("UTC{sign}{hours}:{minutes:02}"),
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(offset) => f.write_str(&offset_words(i64::from(*offset))),
            Self::Zone(tz) => f.write_str(tz.name()),
            Self::Dates { winter, of } => {
                write!(f, "{}{WITH}{}", offset_words(i64::from(*winter)), of.name())
            }
        }
    }
}

impl TryFrom<String> for Rule {
    type Error = BadRule;
    fn try_from(text: String) -> Result<Self, BadRule> {
        text.parse()
    }
}

impl From<Rule> for String {
    fn from(rule: Rule) -> Self {
        rule.to_string()
    }
}

/// A rule, and the days for which it is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The first day, by the file's clock; from the beginning where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Day>,
    /// The last day, by the file's clock; without end where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Day>,
    /// The rule of these days.
    pub rule: Rule,
}

/// Ranges that cannot stand together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRanges {
    /// There is none.
    #[error("no rule for the clock, expected one range at least; {EXPECTED}")]
    Empty,
    /// A range ends before it begins.
    #[error("the range of `{rule}` ends on {to}, expected {from} or later")]
    Backward {
        /// Its rule.
        rule: Rule,
        /// Its first day.
        from: Day,
        /// Its last day.
        to: Day,
    },
    /// A range begins before the one ahead of it has ended.
    #[error(
        "the ranges of `{first}` and `{second}` overlap, expected ranges in order of their days"
    )]
    Overlap {
        /// The rule of the first.
        first: Rule,
        /// The rule of the second.
        second: Rule,
    },
}

/// A stamp that no range covers: no instant can be given to it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: no rule for the clock at {stamp}, expected a range that covers its day")]
pub struct NoRule {
    /// The line, from 1.
    pub line: u64,
    /// What stands in it.
    pub stamp: Stamp,
}

/// The clock of a file: its ranges, in order and without overlaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock(Vec<Range>);

impl Clock {
    /// A clock of these ranges.
    ///
    /// # Errors
    /// [`BadRanges`] where there is none, or they are not in order.
    pub fn new(ranges: Vec<Range>) -> Result<Self, BadRanges> {
        if ranges.is_empty() {
            return Err(BadRanges::Empty);
        }
        for Range { from, to, rule } in &ranges {
            if let (Some(from), Some(to)) = (*from, *to)
                && to < from
            {
                return Err(BadRanges::Backward { rule: *rule, from, to });
            }
        }
        for pair in ranges.windows(2) {
            if !matches!((pair[0].to, pair[1].from), (Some(to), Some(from)) if to < from) {
                return Err(BadRanges::Overlap { first: pair[0].rule, second: pair[1].rule });
            }
        }
        Ok(Self(ranges))
    }

    /// What of a clock is of these days, which may be nothing. It reads the same however the clock is
    /// configured otherwise, and in however many ranges of one rule.
    #[must_use]
    pub fn within(&self, first: Day, last: Day) -> Self {
        let mut ranges: Vec<Range> = Vec::new();
        for range in &self.0 {
            let from = range.from.map_or(first, |from| from.max(first));
            let to = range.to.map_or(last, |to| to.min(last));
            if from > to {
                continue;
            }
            match ranges.last_mut() {
                Some(before)
                    if before.rule == range.rule
                        && before.to.is_some_and(|end| end.plus(1) == from) =>
                {
                    before.to = Some(to);
                }
                _ => ranges.push(Range { from: Some(from), to: Some(to), rule: range.rule }),
            }
        }
        Self(ranges)
    }

    /// A clock that [`Self::within`] gave, by its ranges.
    pub const fn restored(ranges: Vec<Range>) -> Self {
        Self(ranges)
    }

    /// Its ranges.
    pub fn ranges(&self) -> &[Range] {
        &self.0
    }

    /// A clock of one rule for all days.
    pub fn of(rule: Rule) -> Self {
        Self(vec![Range { from: None, to: None, rule }])
    }

    /// The rule of a day.
    pub fn rule(&self, day: Day) -> Option<Rule> {
        let covers = |range: &&Range| {
            range.from.is_none_or(|from| from <= day) && range.to.is_none_or(|to| day <= to)
        };
        self.0.iter().find(covers).map(|range| range.rule)
    }
}

/// Whether a stamp exists by the rule, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// Once.
    Once,
    /// Twice: the rule sets the clock back over it.
    Twice,
    /// Never: the rule sets the clock forward over it.
    Never,
}

/// A stamp's instant by the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// µs since the epoch, UTC.
    pub micros: i64,
    /// How often the stamp exists.
    pub fit: Fit,
}

/// Reads the stamps of a file by its clock, one after another.
#[derive(Debug, Clone)]
pub struct Reader {
    clock: Clock,
    /// The day last read, its rule, and its offset in µs if that does not change on it.
    day: Option<(i64, Rule, Option<i64>)>,
    /// The instant last given.
    last: Option<i64>,
    /// Whether the second pass of a repeated hour has begun.
    second: bool,
}

impl Reader {
    /// A reader at the start of a file.
    pub const fn new(clock: Clock) -> Self {
        Self { clock, day: None, last: None, second: false }
    }

    /// The instant of the next stamp. Where the rule has it twice, it is the first pass, until time
    /// would go back by more than a minute.
    ///
    /// # Errors
    /// [`NoRule`] where no range covers its day.
    pub fn read(&mut self, line: u64, stamp: Stamp) -> Result<Reading, NoRule> {
        let number = stamp.micros().div_euclid(DAY_MICROS);
        let (rule, offset) = match self.day {
            Some((day, rule, offset)) if day == number => (rule, offset),
            _ => {
                let rule = stamp.day().and_then(|day| self.clock.rule(day));
                let rule = rule.ok_or(NoRule { line, stamp })?;
                let offset = steady(rule, number * DAY_MICROS);
                self.day = Some((number, rule, offset));
                (rule, offset)
            }
        };
        let candidates = match offset {
            Some(offset) => Candidates::One(stamp.micros() - offset),
            None => rule.candidates(stamp),
        };
        let (micros, fit) = match candidates {
            Candidates::One(micros) => (micros, Fit::Once),
            Candidates::None(micros) => (micros, Fit::Never),
            Candidates::Two(first, second) => {
                self.second |= self.last.is_some_and(|last| first < last - SLIP);
                (if self.second { second } else { first }, Fit::Twice)
            }
        };
        self.second &= fit == Fit::Twice;
        self.last = Some(micros);
        Ok(Reading { micros, fit })
    }
}

/// The offset in µs of a whole local day, if it is the same well before, during and well after it.
/// Twice in four days no clock is changed.
fn steady(rule: Rule, start: i64) -> Option<i64> {
    let at = |micros: i64| rule.offset(micros);
    let middle = at(start + DAY_MICROS / 2);
    let same = at(start - FARTHEST) == middle && at(start + DAY_MICROS + FARTHEST) == middle;
    same.then_some(i64::from(middle) * SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histdata::line::stamp_of;

    fn stamp(text: &str) -> Stamp {
        stamp_of(text.as_bytes(), 15, "a stamp").expect(text)
    }

    fn utc(micros: i64) -> String {
        DateTime::from_timestamp_micros(micros).expect("time").format("%Y%m%d %H%M%S").to_string()
    }

    #[test]
    fn rules_read_back() {
        for text in [
            "UTC",
            "UTC-5",
            "UTC+5:30",
            "America/New_York",
            "UTC-5 with the DST dates of Europe/London",
            "UTC-5 with the DST dates of America/New_York",
        ] {
            assert_eq!(text.parse::<Rule>().expect(text).to_string(), text);
        }
        let check = |text: &str, expect: &str| {
            let error = text.parse::<Rule>().expect_err(text).to_string();
            assert!(error.contains(expect), "{error}");
        };
        check("UTC-15", "no such offset");
        check("UTC5", "no such offset");
        check("UTC-5:6", "no such offset");
        check("UTC+é", "no such offset");
        check("New York", "no such zone");
        check("UTC-5 with the DST dates of Europe/Paradise", "no such zone");
        check("EDT with the DST dates of Europe/London", "no such offset");
        check("UTC-5 with the DST dates of Europe/Dublin", "negative saving");
    }

    #[test]
    fn stamps_become_instants() {
        let check = |rule: &str, local: &str, expect: &str, fit: Fit| {
            let mut reader = Reader::new(Clock::of(rule.parse().expect(rule)));
            let reading = reader.read(1, stamp(local)).expect(local);
            assert_eq!(
                (utc(reading.micros).as_str(), reading.fit),
                (expect, fit),
                "{rule} {local}"
            );
        };
        let european = "UTC-5 with the DST dates of Europe/London";
        check("UTC-5", "20190701 120000", "20190701 170000", Fit::Once);
        check("America/New_York", "20190701 120000", "20190701 160000", Fit::Once);
        check("America/New_York", "20190101 120000", "20190101 170000", Fit::Once);
        check(european, "20190101 120000", "20190101 170000", Fit::Once);
        check(european, "20190701 120000", "20190701 160000", Fit::Once);
        // between the American and the European dates
        check(european, "20190320 120000", "20190320 170000", Fit::Once);
        check("America/New_York", "20190320 120000", "20190320 160000", Fit::Once);
        // the instant of the change is the other zone's: 01:00 UTC on Sunday
        check(european, "20190330 195900", "20190331 005900", Fit::Once);
        check(european, "20190330 200000", "20190331 010000", Fit::Never);
        check(european, "20190330 210000", "20190331 010000", Fit::Once);
        check(european, "20191026 195900", "20191026 235900", Fit::Once);
        check(european, "20191026 200000", "20191027 000000", Fit::Twice);
        check(european, "20191026 210000", "20191027 020000", Fit::Once);
    }

    #[test]
    fn the_order_tells_the_passes_of_a_repeated_hour() {
        let mut reader = Reader::new(Clock::of("Europe/London".parse().expect("rule")));
        let mut check = |local: &str, expect: &str| {
            assert_eq!(utc(reader.read(1, stamp(local)).expect(local).micros), expect, "{local}");
        };
        check("20191027 005900", "20191026 235900");
        check("20191027 010000", "20191027 000000");
        check("20191027 015900", "20191027 005900");
        check("20191027 015930", "20191027 005930");
        // ticks may slip
        check("20191027 015900", "20191027 005900");
        check("20191027 010000", "20191027 010000");
        check("20191027 015900", "20191027 015900");
        check("20191027 020000", "20191027 020000");
        // and begins anew a year later
        check("20201025 010000", "20201025 000000");
        check("20201025 015900", "20201025 005900");
        check("20201025 010000", "20201025 010000");
    }

    #[test]
    fn only_what_is_of_some_days_is_left_of_a_clock() {
        let check = |ranges: &[(&str, &str, i32)], expect: &[(&str, &str, i32)]| {
            let clock = ranges.iter().map(|(from, to, offset)| Range {
                from: from.parse().ok(),
                to: to.parse().ok(),
                rule: Rule::Fixed(*offset),
            });
            let clock = Clock::new(clock.collect()).expect("clock");
            let day = |text: &str| text.parse::<Day>().expect(text);
            let within = clock.within(day("2019-01-01"), day("2019-12-31"));
            let words = |day: Option<Day>| day.map_or_else(String::new, |day| day.to_string());
            let found: Vec<_> =
                within.ranges().iter().map(|r| (words(r.from), words(r.to), r.rule)).collect();
            let expect: Vec<_> = expect
                .iter()
                .map(|(from, to, offset)| {
                    ((*from).to_owned(), (*to).to_owned(), Rule::Fixed(*offset))
                })
                .collect();
            assert_eq!(found, expect);
            assert_eq!(Clock::restored(within.ranges().to_vec()), within);
        };
        let year = [("2019-01-01", "2019-12-31", 0)];
        check(&[("", "", 0)], &year);
        check(&[("2018-05-01", "2021-01-01", 0)], &year);
        check(&[("", "2019-03-30", 0), ("2019-03-31", "", 0)], &year);
        check(&[("", "2018-12-31", 3600), ("2019-01-01", "2019-12-31", 0)], &year);
        check(&[("", "2018-12-31", 0), ("2020-01-01", "", 0)], &[]);
        check(
            &[("", "2019-03-30", 0), ("2019-04-01", "2019-04-01", 0), ("2019-04-02", "", 3600)],
            &[
                ("2019-01-01", "2019-03-30", 0),
                ("2019-04-01", "2019-04-01", 0),
                ("2019-04-02", "2019-12-31", 3600),
            ],
        );
    }

    #[test]
    fn ranges_stand_in_order_and_cover_days() {
        let range = |from: &str, to: &str| Range {
            from: from.parse().ok(),
            to: to.parse().ok(),
            rule: Rule::Fixed(if from.is_empty() { 0 } else { 3600 }),
        };
        let check = |ranges: &[(&str, &str)], expect: &str| {
            let ranges = ranges.iter().map(|(from, to)| range(from, to)).collect();
            let error = Clock::new(ranges).map_err(|error| error.to_string());
            match error {
                Ok(_) => assert_eq!(expect, ""),
                Err(error) => assert!(!expect.is_empty() && error.contains(expect), "{error}"),
            }
        };
        check(&[("", "")], "");
        check(&[("", "2018-12-31"), ("2019-01-01", "")], "");
        check(&[], "no rule");
        check(&[("2019-01-02", "2019-01-01")], "expected 2019-01-02 or later");
        check(&[("", "2019-01-01"), ("2019-01-01", "")], "overlap");
        check(&[("", ""), ("2019-01-01", "")], "overlap");

        let ranges = vec![range("", "2018-12-31"), range("2020-01-01", "")];
        let mut reader = Reader::new(Clock::new(ranges).expect("clock"));
        let mut read = |text: &str| reader.read(7, stamp(text)).map(|reading| utc(reading.micros));
        assert_eq!(read("20181231 235900").as_deref(), Ok("20181231 235900"));
        assert_eq!(read("20200101 000000").as_deref(), Ok("20191231 230000"));
        assert_eq!(
            read("20190601 000000").expect_err("no rule").to_string(),
            "line 7: no rule for the clock at 2019-06-01 00:00:00, expected a range that covers its day"
        );
        let mut reader = Reader::new(Clock::of(Rule::Fixed(0)));
        assert!(reader.read(1, Stamp::from_micros(i64::MAX)).is_err());
        assert!(reader.read(1, Stamp::from_micros(i64::MIN)).is_err());
    }
}

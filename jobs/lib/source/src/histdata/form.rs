//! The forms of bars and of ticks once their instants are known: the line as received with its `;` as
//! commas, and before it the instant, the place among the ticks of the instant, and what is to be known of it.

use model::schema::{Issue, Issues, RejectReason};

use super::findings::Flags;
use super::line::{BadLine, Bar, Stamp, Tick};
use super::names;
use crate::form::{Fault, Form, Kind, MadeOf, Printed, SameKey};
use crate::rows::{Row, Slots};
use crate::rules::Bounds;
use crate::translation::Received;

/// The slot of [`Row::longs`] for what is to be known of a bar's instant.
const FLAGS: usize = 1;
/// The slots of a tick's instant and of what is to be known of it; the first is its key, the instant
/// with its [place](super::places).
const TICK_TIME: usize = 1;
const TICK_FLAGS: usize = 2;
/// The flags, each with its bit and its issue.
const BITS: [(i64, Issue); 3] =
    [(1, Issue::AmbiguousTime), (2, Issue::UnverifiedClock), (4, Issue::ContradictsClock)];

const MINUTE: i64 = 60_000_000;

/// Commas of a translated line.
pub(super) const fn commas(kind: names::Kind) -> usize {
    match kind {
        names::Kind::Minutes => 7,
        names::Kind::Ticks => 6,
    }
}

/// Bars of one minute. Their volume is 0 in every file seen, and means nothing.
pub(super) static BARS: Form = Form {
    fields: &[
        ("time", Kind::Instant(0)),
        ("flags", Kind::Long(FLAGS)),
        ("stamp", Kind::Ignored),
        ("open", Kind::Price(0)),
        ("high", Kind::Price(1)),
        ("low", Kind::Price(2)),
        ("close", Kind::Price(3)),
        ("volume", Kind::Ignored),
    ],
    columns: &[
        MadeOf::Instant(0),
        MadeOf::Price(0),
        MadeOf::Price(1),
        MadeOf::Price(2),
        MadeOf::Price(3),
        MadeOf::Null,
        MadeOf::Null,
        MadeOf::Null,
        MadeOf::Null,
        MadeOf::Null,
        MadeOf::Null,
        MadeOf::Null,
        MadeOf::Null,
        MadeOf::Valid,
        MadeOf::Issues,
        MadeOf::Raw,
    ],
    has: Slots { longs: 2, prices: 4, amounts: 0, flags: 0 },
    time: 0,
    same_key: SameKey::First,
    repeats: None,
    // each line was read with care twice before: its translation is what takes the time
    fast: |_, _, _| (0, 0),
    judge,
};

/// Ticks. Their volume is 0 in every file seen; quantities and numbers they have none.
pub(super) static TICKS: Form = Form {
    fields: &[
        ("time", Kind::Instant(TICK_TIME)),
        ("place", Kind::Long(0)),
        ("flags", Kind::Long(TICK_FLAGS)),
        ("stamp", Kind::Ignored),
        ("bid", Kind::Price(0)),
        ("ask", Kind::Price(1)),
        ("volume", Kind::Ignored),
    ],
    columns: &[
        MadeOf::Null,
        MadeOf::Instant(TICK_TIME),
        MadeOf::Long(TICK_TIME),
        MadeOf::Null,
        MadeOf::Price(0),
        MadeOf::Null,
        MadeOf::Price(1),
        MadeOf::Null,
        MadeOf::Valid,
        MadeOf::Issues,
        MadeOf::Raw,
    ],
    has: Slots { longs: 3, prices: 2, amounts: 0, flags: 0 },
    time: TICK_TIME,
    same_key: SameKey::First,
    repeats: None,
    fast: |_, _, _| (0, 0),
    judge: judge_tick,
};

/// Flags as a number of [`BARS`] and [`TICKS`].
pub(super) fn bits(flags: Flags) -> i64 {
    let Flags { ambiguous_time, unverified_zone, contradicts_zone } = flags;
    let set = [ambiguous_time, unverified_zone, contradicts_zone];
    BITS.iter().zip(set).filter(|(_, set)| *set).map(|((bit, _), _)| bit).sum()
}

fn judge(row: &Row, _: &Printed, _: &Bounds) -> Issues {
    let mut issues = Issues::default();
    let [open, high, low, close] = row.prices;
    if row.prices.iter().any(|price| *price <= 0) {
        issues.add(Issue::NonPositivePrice);
    }
    if low > open || low > close || open > high || close > high || low > high {
        issues.add(Issue::OhlcRelation);
    }
    if row.longs[0].rem_euclid(MINUTE) != 0 {
        issues.add(Issue::OffGrid);
    }
    add_flags(row.longs[FLAGS], &mut issues);
    issues
}

fn judge_tick(row: &Row, _: &Printed, _: &Bounds) -> Issues {
    let mut issues = Issues::default();
    let [bid, ask, ..] = row.prices;
    if bid <= 0 || ask <= 0 {
        issues.add(Issue::NonPositivePrice);
    }
    if bid > ask {
        issues.add(Issue::CrossedQuote);
    }
    add_flags(row.longs[TICK_FLAGS], &mut issues);
    issues
}

fn add_flags(bits: i64, issues: &mut Issues) {
    for (bit, issue) in BITS {
        if bits & bit != 0 {
            issues.add(issue);
        }
    }
}

/// What is put before a line that is no row and could be taken for a translated one.
pub(super) const MARK: &[u8] = b"? ";

/// How the lines of bars are told.
pub(super) static OF_BARS: Received = Received {
    line: |made| {
        let line = received(made, names::Kind::Minutes, 2);
        if line.len() < made.len() && !made.starts_with(MARK) {
            return line.iter().map(|b| if *b == b',' { b';' } else { *b }).collect();
        }
        line.to_vec()
    },
    fault: |line| fault(Bar::parse(line).map(|bar| bar.stamp)),
};

/// How the lines of ticks are told.
pub(super) static OF_TICKS: Received = Received {
    line: |made| received(made, names::Kind::Ticks, 3).to_vec(),
    fault: |line| fault(Tick::parse(line).map(|tick| tick.stamp)),
};

/// What of a line was received: without the mark, or without so many fields that were put before it.
fn received(made: &[u8], kind: names::Kind, fields: usize) -> &[u8] {
    if memchr::memchr_iter(b',', made).count() != commas(kind) {
        return made;
    }
    let start = memchr::memchr_iter(b',', made).nth(fields - 1).map_or(0, |at| at + 1);
    made.strip_prefix(MARK).unwrap_or(&made[start..])
}

/// What is wrong with a line as received of which no row was made.
fn fault(stamp: Result<Stamp, BadLine>) -> Fault {
    match stamp {
        Err(BadLine { field: "line", found, expected }) => Fault {
            reason: RejectReason::FieldCount,
            field: None,
            found,
            expected: expected.into(),
        },
        Err(BadLine { field, found, expected }) => Fault {
            reason: RejectReason::Unreadable,
            field: Some(field),
            found,
            expected: expected.into(),
        },
        Ok(stamp) => Fault {
            reason: RejectReason::OutsidePeriod,
            field: Some("time"),
            found: stamp.to_string(),
            expected: "a time of the file's own year or month, of which `clock` says the rule"
                .into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use model::Unit;

    use super::*;

    #[test]
    fn lines_are_judged() {
        let check = |line: &str, expect: &str| {
            let unit: Unit = "histdata/forex/klines/EURUSD/1m/2019-01".parse().expect("unit");
            let row = BARS.read(line.as_bytes(), &Bounds::of(&unit)).expect(line);
            assert_eq!(row.issues.text().unwrap_or_default(), expect, "{line}");
        };
        let at = "1546380120000000";
        let rest = "20190101 170200,1.145980,1.145990,1.145980,1.145980,0";
        check(&format!("{at},0,{rest}"), "");
        check(&format!("{at},1,{rest}"), "ambiguous_time");
        check(&format!("{at},6,{rest}"), "unverified_clock,contradicts_clock");
        check(&format!("1546380121000000,0,{rest}"), "off_grid");
        check(&format!("{at},0,x,1,1,2,1,0"), "ohlc_relation");
        check(&format!("{at},0,x,0,1,0,1,0"), "non_positive_price");
        assert_eq!(rest.matches(',').count() + 2, commas(names::Kind::Minutes));
    }

    #[test]
    fn ticks_are_judged() {
        let check = |line: &str, expect: &str| {
            let unit: Unit = "histdata/forex/quotes/EURUSD/2019-01".parse().expect("unit");
            let row = TICKS.read(line.as_bytes(), &Bounds::of(&unit)).expect(line);
            assert_eq!(row.issues.text().unwrap_or_default(), expect, "{line}");
            assert_eq!(row.longs[..2], [1_546_380_120_123_004, 1_546_380_120_123_000]);
        };
        let at = "1546380120123000,1546380120123004";
        let rest = "20190101 170200123,1.145980,1.145990,0";
        check(&format!("{at},0,{rest}"), "");
        check(&format!("{at},7,{rest}"), "ambiguous_time,unverified_clock,contradicts_clock");
        check(&format!("{at},0,x,1.2,1.1,0"), "crossed_quote");
        check(&format!("{at},0,x,0,1.1,0"), "non_positive_price");
        assert_eq!(rest.matches(',').count() + 3, commas(names::Kind::Ticks));
        let schema = &model::schema::QUOTES;
        for (column, from) in schema.file_columns().iter().zip(TICKS.columns) {
            assert!(column.nullable || !matches!(from, MadeOf::Null), "{}", column.name);
        }
    }

    #[test]
    fn lines_are_told_as_they_were_received() {
        let check = |how: &Received, made: &str, expect: &str| {
            assert_eq!(String::from_utf8_lossy(&(how.line)(made.as_bytes())), expect);
        };
        let bar = "20190101 170200;1.1;1.2;1.0;1.1;0";
        let made = format!("1546380120000000,0,{}", bar.replace(';', ","));
        check(&OF_BARS, &made, bar);
        check(&OF_BARS, bar, bar);
        check(&OF_BARS, &format!("? {made}"), &made);
        check(&OF_BARS, "? what", "? what");
        let tick = "20190101 170200123,1.1,1.2,0";
        let made = format!("1546380120123000,1546380120123004,0,{tick}");
        check(&OF_TICKS, &made, tick);
        check(&OF_TICKS, tick, tick);
        check(&OF_TICKS, &format!("? {made}"), &made);
        check(&OF_TICKS, "", "");
    }

    #[test]
    fn flags_are_bits() {
        let flags =
            |a, u, c| bits(Flags { ambiguous_time: a, unverified_zone: u, contradicts_zone: c });
        assert_eq!(flags(false, false, false), 0);
        assert_eq!(flags(true, false, true), 5);
        assert_eq!(flags(false, true, false), 2);
    }

    #[test]
    fn what_is_no_row_is_told_in_the_files_words() {
        let check = |line: &str, reason: RejectReason, field: Option<&str>, found: &str| {
            let fault =
                (if line.contains(';') { OF_BARS } else { OF_TICKS }.fault)(line.as_bytes());
            assert_eq!((fault.reason, fault.field), (reason, field), "{line}");
            assert_eq!(fault.found, found, "{line}");
        };
        let unreadable = RejectReason::Unreadable;
        check("20190101 170200;1.x;1;1;1;0", unreadable, Some("open"), "1.x");
        check("20190101 176200;1;1;1;1;0", unreadable, Some("time"), "20190101 176200");
        check("20190101 170200;1;1;1;0", RejectReason::FieldCount, None, "20190101 170200;1;1;1;0");
        check(
            "20910101 170200;1;1;1;1;0",
            RejectReason::OutsidePeriod,
            Some("time"),
            "2091-01-01 17:02:00",
        );
        check("20190101 170200123,1.x,1,0", unreadable, Some("bid"), "1.x");
        check("20190101 170200,1,1,0", unreadable, Some("time"), "20190101 170200");
        check("20190101 170200123,1,1", RejectReason::FieldCount, None, "20190101 170200123,1,1");
    }
}

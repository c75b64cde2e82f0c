//! The form of bars once their instants are known: the line as received with its `;` as commas, and before
//! it the instant and what is to be known of it.

use model::schema::{Issue, Issues, RejectReason};

use super::findings::Flags;
use super::line::{BadLine, Bar};
use crate::form::{Fault, Form, Kind, MadeOf, Printed, SameKey};
use crate::rows::{Row, Slots};
use crate::rules::Bounds;

/// The slot of [`Row::longs`] for what is to be known of the instant.
const FLAGS: usize = 1;
/// The flags, each with its bit and its issue.
const BITS: [(i64, Issue); 3] =
    [(1, Issue::AmbiguousTime), (2, Issue::UnverifiedClock), (4, Issue::ContradictsClock)];

const MINUTE: i64 = 60_000_000;

/// Commas of a line.
pub(super) const COMMAS: usize = 7;

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

/// Flags as a number of [`BARS`].
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
    for (bit, issue) in BITS {
        if row.longs[FLAGS] & bit != 0 {
            issues.add(issue);
        }
    }
    issues
}

/// What is put before a line that is no row and could be taken for a translated one.
pub(super) const MARK: &[u8] = b"? ";

/// A line as received, without the mark of one that could be taken for a translated one.
pub(super) fn unmarked(line: &[u8]) -> &[u8] {
    line.strip_prefix(MARK).unwrap_or(line)
}

/// What is wrong with a line as received of which no row was made.
pub(super) fn fault(line: &[u8]) -> Fault {
    let line = unmarked(line);
    match Bar::parse(line) {
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
        Ok(bar) => Fault {
            reason: RejectReason::OutsidePeriod,
            field: Some("time"),
            found: bar.stamp.to_string(),
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
        assert_eq!(rest.matches(',').count() + 2, COMMAS);
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
            let fault = fault(line.as_bytes());
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
    }
}

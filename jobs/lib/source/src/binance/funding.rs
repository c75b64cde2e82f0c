//! Funding rates: their form and rules. Monthly archives alone, about a hundred lines each.
//!
//! calc_time, funding_interval_hours, last_funding_rate. The time is a full hour and some
//! milliseconds; it is kept as it stands there.

use model::schema::{Issue, Issues};

use crate::form::{Form, Kind, MadeOf, Printed, SameKey};
use crate::rows::{Row, Slots};
use crate::rules::Bounds;

const TIME: usize = 0;
const HOURS: usize = 1;

/// An hour, and how far from a full one a rate may be worked out, in µs.
const HOUR: i64 = 3_600_000_000;
const JITTER: i64 = 60_000_000;

/// Both futures markets.
pub(super) static FORM: Form = Form {
    fields: &[
        ("calc_time", Kind::Instant(TIME)),
        ("funding_interval_hours", Kind::Long(HOURS)),
        ("last_funding_rate", Kind::Price(0)),
    ],
    columns: &[
        MadeOf::Instant(TIME),
        MadeOf::Long(TIME),
        MadeOf::Long(HOURS),
        MadeOf::Price(0),
        MadeOf::Valid,
        MadeOf::Issues,
        MadeOf::Raw,
    ],
    has: Slots { longs: 2, prices: 1, amounts: 0, flags: 0 },
    time: TIME,
    same_key: SameKey::First,
    repeats: None,
    fast: |_, _, _| (0, 0),
    judge,
};

fn judge(row: &Row, _: &Printed, _: &Bounds) -> Issues {
    let mut issues = Issues::default();
    if !(1..=24).contains(&row.longs[HOURS]) {
        issues.add(Issue::BadInterval);
    }
    if (row.longs[TIME] + JITTER).rem_euclid(HOUR) > 2 * JITTER {
        issues.add(Issue::OffGrid);
    }
    issues
}

#[cfg(test)]
mod tests {
    use model::Unit;
    use model::schema::RejectReason;

    use super::*;

    #[test]
    fn lines_of_funding() {
        let unit: Unit = "binance/usdm/funding/BTCUSDT/2026-06".parse().expect("unit");
        let bounds = Bounds::of(&unit);
        let check = |line: &str, expect: Result<(i64, i64, i64, Option<&str>), RejectReason>| {
            let row = FORM.read(line.as_bytes(), &bounds);
            let found = row.map_err(|fault| fault.reason).map(|row| {
                let [time, hours, ..] = row.longs;
                (time, hours, row.prices[0], row.issues.text())
            });
            let expect = expect.map(|(a, b, c, issues)| (a, b, c, issues.map(str::to_owned)));
            assert_eq!(found, expect, "{line}");
        };
        // it jitters by some milliseconds, to either side
        check("1780272000001,8,0.00005703", Ok((1_780_272_000_001_000, 8, 5_703, None)));
        check("1780286399994,4,-0.00012500", Ok((1_780_286_399_994_000, 4, -12_500, None)));
        check("1780286400000,1,-0.00375000", Ok((1_780_286_400_000_000, 1, -375_000, None)));
        check("1780288200000,8,0.0001", Ok((1_780_288_200_000_000, 8, 10_000, Some("off_grid"))));
        check(
            "1780286400000,0,0.0001",
            Ok((1_780_286_400_000_000, 0, 10_000, Some("bad_interval"))),
        );
        check("1780271999999,8,0.0001", Err(RejectReason::OutsidePeriod));
        check("1780272000001,8", Err(RejectReason::FieldCount));
        check("1780272000001,8.0,0.0001", Err(RejectReason::Unreadable));
        check("1780272000001,8,", Err(RejectReason::Unreadable));
    }
}

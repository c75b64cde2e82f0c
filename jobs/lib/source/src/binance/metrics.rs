//! Open interest and long/short ratios every five minutes: their form and rules. Daily archives alone,
//! 288 lines each.
//!
//! create_time, symbol, sum_open_interest, sum_open_interest_value, count_toptrader_long_short_ratio,
//! sum_toptrader_long_short_ratio, count_long_short_ratio, sum_taker_long_short_vol_ratio.
//!
//! USD-M archives up to 2026-06-24 name the five minutes by their end, from 00:05:00 to 00:00:00 of the
//! next day; later ones, and all of COIN-M, by their start. A line does not tell which, so the time is
//! kept as it stands there, and a day's rows are those of its archive. Some figures are blank.

use model::schema::{Issue, Issues};

use crate::form::{Form, Kind, MadeOf, Printed, SameKey};
use crate::rows::{NO_AMOUNT, NO_PRICE, Row, Slots};
use crate::rules::Bounds;

const TIME: usize = 0;
/// An instant of the archive's day.
const WITHIN: usize = 1;

const INTEREST: usize = 0;
const VALUE: usize = 1;

/// Five minutes, and how far from them a row may be, in µs.
const STEP: i64 = 300_000_000;
const JITTER: i64 = 30_000_000;

/// Both futures markets.
pub(super) static FORM: Form = Form {
    fields: &[
        ("create_time", Kind::Closing(TIME, WITHIN)),
        ("symbol", Kind::Symbol),
        ("sum_open_interest", Kind::MaybeFine(INTEREST)),
        ("sum_open_interest_value", Kind::MaybeFine(VALUE)),
        ("count_toptrader_long_short_ratio", Kind::MaybePrice(0)),
        ("sum_toptrader_long_short_ratio", Kind::MaybePrice(1)),
        ("count_long_short_ratio", Kind::MaybePrice(2)),
        ("sum_taker_long_short_vol_ratio", Kind::MaybePrice(3)),
    ],
    columns: &[
        MadeOf::Instant(TIME),
        MadeOf::Long(TIME),
        MadeOf::MaybeFine(INTEREST),
        MadeOf::MaybeFine(VALUE),
        MadeOf::MaybePrice(0),
        MadeOf::MaybePrice(1),
        MadeOf::MaybePrice(2),
        MadeOf::MaybePrice(3),
        MadeOf::Valid,
        MadeOf::Issues,
        MadeOf::Raw,
    ],
    has: Slots { longs: 2, prices: 4, amounts: 2, flags: 0 },
    time: WITHIN,
    same_key: SameKey::First,
    repeats: None,
    fast: |_, _, _| (0, 0),
    judge,
};

fn judge(row: &Row, _: &Printed, _: &Bounds) -> Issues {
    let mut issues = Issues::default();
    let amounts = &row.amounts[..FORM.has.amounts];
    // open interest of 0 stands where the exchange had lost it
    let is_bad = |amount: &i128| *amount <= 0 && *amount != NO_AMOUNT;
    let is_negative = |ratio: &i64| *ratio < 0 && *ratio != NO_PRICE;
    if amounts.iter().any(is_bad) || row.prices.iter().any(is_negative) {
        issues.add(Issue::BadQuantity);
    }
    if amounts.contains(&NO_AMOUNT) || row.prices.contains(&NO_PRICE) {
        issues.add(Issue::Blank);
    }
    if (row.longs[TIME] + JITTER).rem_euclid(STEP) > 2 * JITTER {
        issues.add(Issue::OffGrid);
    }
    issues
}

#[cfg(test)]
mod tests {
    use model::schema::RejectReason;
    use model::{Day, Unit};

    use super::*;

    fn read(line: &str) -> Result<Row, RejectReason> {
        let unit: Unit = "binance/usdm/metrics/ACEUSDT/2025-01-21".parse().expect("unit");
        FORM.read(line.as_bytes(), &Bounds::of(&unit)).map_err(|fault| fault.reason)
    }

    #[test]
    fn lines_of_metrics() {
        let line = "2025-01-21 00:05:00,ACEUSDT,2310973.7900000000000000,3669133.0863830000000001,\
                    4.24734982,2.26803000,2.72141015,0.69236000";
        let row = read(line).expect("a row");
        assert_eq!(
            (row.issues, row.longs[TIME], row.longs[WITHIN]),
            (Issues::default(), 1_737_417_900_000_000, 1_737_417_900_000_000)
        );
        assert_eq!(
            row.amounts[..2],
            [23_109_737_900_000_000_000_000, 36_691_330_863_830_000_000_001]
        );
        assert_eq!(row.prices, [424_734_982, 226_803_000, 272_141_015, 69_236_000]);
    }

    #[test]
    fn a_day_may_end_with_its_last_midnight() {
        let row = read("2025-01-22 00:00:00,ACEUSDT,1,1,1,1,1,1").expect("a row");
        let day = |micros| Day::of_micros(micros).expect("day").to_string();
        assert_eq!(day(row.longs[TIME]), "2025-01-22");
        assert_eq!(day(row.longs[WITHIN]), "2025-01-21");
        assert!(read("2025-01-21 00:00:00,ACEUSDT,1,1,1,1,1,1").is_ok());
        assert_eq!(
            read("2025-01-22 00:00:01,ACEUSDT,1,1,1,1,1,1"),
            Err(RejectReason::OutsidePeriod)
        );
    }

    #[test]
    fn figures_may_be_blank_zero_or_late() {
        let check = |line: &str, expect: Result<Option<&str>, RejectReason>| {
            let found = read(line).map(|row| row.issues.text());
            assert_eq!(found, expect.map(|text| text.map(str::to_owned)), "{line}");
        };
        let blank =
            "2025-01-21 00:05:01,ACEUSDT,2310973.79,3669133.086383,\"\",,2.72141015,0.69236000";
        check(blank, Ok(Some("blank")));
        assert_eq!(read(blank).expect("a row").prices[..3], [NO_PRICE, NO_PRICE, 272_141_015]);
        assert!(read(blank).expect("a row").issues.is_valid());
        check("2025-01-21 00:05:00,ACEUSDT,0E-16,0,1,1,1,1", Ok(Some("bad_quantity")));
        check("2025-01-21 00:05:00,ACEUSDT,,,,,,", Ok(Some("blank")));
        check("2025-01-21 00:02:30,ACEUSDT,1,1,1,1,1,1", Ok(Some("off_grid")));
        check("2025-01-21 00:05:00,BTCUSDT,1,1,1,1,1,1", Err(RejectReason::Unreadable));
        check("2025-01-21T00:05:00,ACEUSDT,1,1,1,1,1,1", Err(RejectReason::Unreadable));
        check("2025-01-21 00:05:00,ACEUSDT,1,1,1,1,1", Err(RejectReason::FieldCount));
        check("2025-01-21 00:05:00,ACEUSDT,1,1,1.123456789,1,1,1", Err(RejectReason::OutOfRange));
    }
}

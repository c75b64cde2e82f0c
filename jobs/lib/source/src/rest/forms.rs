//! The form of the canonical lines of bars ([`HEADER`](super::HEADER)), for every provider that is asked
//! for them.

use model::schema::{Issue, Issues};

use crate::form::{Form, Kind, MadeOf, Printed, SameKey};
use crate::rows::{Row, Slots};
use crate::rules::Bounds;

const TIME: Kind = Kind::Instant(0);
const PRICES: [Kind; 4] = [Kind::Price(0), Kind::Price(1), Kind::Price(2), Kind::Price(3)];

/// Bars whose volume the provider states.
static WITH_VOLUME: Form = Form {
    fields: &[
        ("time", TIME),
        ("open", PRICES[0]),
        ("high", PRICES[1]),
        ("low", PRICES[2]),
        ("close", PRICES[3]),
        ("volume", Kind::Amount(0)),
    ],
    columns: &columns(MadeOf::Amount(0)),
    has: Slots { longs: 1, prices: 4, amounts: 1, flags: 0 },
    ..WITHOUT_VOLUME
};

/// Bars without a volume: whatever stands there is no amount of anything.
static WITHOUT: Form = WITHOUT_VOLUME;

const WITHOUT_VOLUME: Form = Form {
    fields: &[
        ("time", TIME),
        ("open", PRICES[0]),
        ("high", PRICES[1]),
        ("low", PRICES[2]),
        ("close", PRICES[3]),
        ("volume", Kind::Ignored),
    ],
    columns: &columns(MadeOf::Null),
    has: Slots { longs: 1, prices: 4, amounts: 0, flags: 0 },
    time: 0,
    same_key: SameKey::First,
    repeats: None,
    // every line is read with care: answers are small
    fast: |_, _, _| (0, 0),
    judge: judge_bar,
};

/// The columns of `silver.klines`; of volumes and counts such providers tell at most the volume.
const fn columns(volume: MadeOf) -> [MadeOf; 16] {
    [
        MadeOf::Instant(0),
        MadeOf::Price(0),
        MadeOf::Price(1),
        MadeOf::Price(2),
        MadeOf::Price(3),
        volume,
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
    ]
}

/// The form of bars with or without a volume.
pub(crate) fn bars(has_volume: bool) -> &'static Form {
    if has_volume { &WITH_VOLUME } else { &WITHOUT }
}

/// What is wrong with a bar: its prices, its volume, its place.
///
/// Bars of a venue that closes need not lie on the grid of midnight: its hours may begin at half past.
/// They lie on whole minutes.
pub fn judge_bar(row: &Row, _: &Printed, bounds: &Bounds) -> Issues {
    const MINUTE: i64 = 60_000_000;
    let mut issues = Issues::default();
    let [open, high, low, close] = row.prices;
    if row.prices.iter().any(|price| *price <= 0) {
        issues.add(Issue::NonPositivePrice);
    }
    if row.amounts[0] < 0 {
        issues.add(Issue::BadQuantity);
    }
    if low > open || low > close || open > high || close > high || low > high {
        issues.add(Issue::OhlcRelation);
    }
    if row.longs[0].rem_euclid(bounds.timeframe.min(MINUTE)) != 0 {
        issues.add(Issue::OffGrid);
    }
    issues
}

#[cfg(test)]
mod tests {
    use model::Unit;
    use model::instrument::PriceBounds;

    use super::*;

    fn check(line: &str, has_volume: bool, expect: &str) {
        let unit: Unit = "acme/stocks/klines/IBM/1m/2024-01-05".parse().expect("unit");
        let found = match bars(has_volume).read(line.as_bytes(), &Bounds::of(&unit)) {
            Ok(row) => format!("{:?} {}", row.amounts[0], row.issues.text().unwrap_or_default()),
            Err(fault) => format!("{}: {}", fault.field.unwrap_or_default(), fault.found),
        };
        assert_eq!(found, expect, "{line}");
    }

    #[test]
    fn prices_out_of_bounds_are_flagged_and_stay() {
        let unit: Unit = "acme/stocks/klines/IBM/1m/2024-01-05".parse().expect("unit");
        let bounds = crate::rest::Kind::Stocks.price_bounds();
        let check = |prices: &str, bounds: Option<PriceBounds>, expect: &str| {
            let line = format!("1704465000000000,{prices},7");
            let row = bars(true).read(line.as_bytes(), &Bounds::of(&unit).with_prices(bounds));
            let issues = row.expect(prices).issues;
            assert_eq!(issues.text().unwrap_or_default(), expect, "{prices}");
            assert_eq!(issues.is_valid(), expect.is_empty(), "{prices}");
        };
        check("0.01,1000000,0.01,1", Some(bounds), "");
        check("1,2,0.009,1", Some(bounds), "price_out_of_bounds");
        check("1,1000000.00000001,1,1", Some(bounds), "price_out_of_bounds");
        check("0,1,0,1", Some(bounds), "non_positive_price,price_out_of_bounds");
        check("1,1000001,0.001,1", None, "");
        let least = PriceBounds { min: "2".parse().ok(), max: None };
        check("2,9999999999,2,2", Some(least), "");
        check("2,3,1.99,2", Some(least), "price_out_of_bounds");
    }

    #[test]
    fn lines_are_judged() {
        let at = "1704465000000000";
        check(&format!("{at},1,2,0.5,1.5,7"), true, "700000000 ");
        check(&format!("{at},1,2,0.5,1.5,"), false, "0 ");
        check(&format!("{at},1,2,0.5,1.5,"), true, "volume: ");
        check(&format!("{at},1,2,0.5,2.5,7"), true, "700000000 ohlc_relation");
        check(&format!("{at},0,2,0,1.5,-1"), true, "-100000000 non_positive_price,bad_quantity");
        check("1704465001000000,1,2,0.5,1.5,7", true, "700000000 off_grid");
        check("1704551400000000,1,2,0.5,1.5,7", true, "time: 1704551400000000");
        check("2024-11-03 01:30:00,1,2,0.5,1.5,7", true, "time: 2024-11-03 01:30:00");
    }
}

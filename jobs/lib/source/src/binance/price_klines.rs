//! Klines of the mark price, the index price and the premium index: their forms and rules.
//!
//! The twelve fields of klines, of which volumes are 0 and the count is one of updates: prices and
//! times are all that is kept. Few lines, so none is read fast.

use model::schema::{Issue, Issues};

use super::klines::{self, is_ohlc};
use crate::form::{Form, Kind, MadeOf, Printed, SameKey};
use crate::rows::{Row, Slots};
use crate::rules::Bounds;

const OPEN_TIME: usize = 0;
const CLOSE_TIME: usize = 1;

/// Mark and index.
pub(super) static PRICE: Form = form(judge::<false>);

/// Premium: part of the index price, of either sign.
pub(super) static PREMIUM: Form = form(judge::<true>);

const fn form(judge: fn(&Row, &Printed, &Bounds) -> Issues) -> Form {
    Form {
        fields: &[
            ("open_time", Kind::Instant(OPEN_TIME)),
            ("open", Kind::Price(0)),
            ("high", Kind::Price(1)),
            ("low", Kind::Price(2)),
            ("close", Kind::Price(3)),
            ("volume", Kind::Ignored),
            ("close_time", Kind::Instant(CLOSE_TIME)),
            ("quote_volume", Kind::Ignored),
            ("count", Kind::Ignored),
            ("taker_buy_volume", Kind::Ignored),
            ("taker_buy_quote_volume", Kind::Ignored),
            ("ignore", Kind::Ignored),
        ],
        columns: &[
            MadeOf::Instant(OPEN_TIME),
            MadeOf::Price(0),
            MadeOf::Price(1),
            MadeOf::Price(2),
            MadeOf::Price(3),
            MadeOf::Instant(CLOSE_TIME),
            MadeOf::Valid,
            MadeOf::Issues,
            MadeOf::Raw,
        ],
        has: Slots { longs: 2, prices: 4, amounts: 0, flags: 0 },
        time: OPEN_TIME,
        same_key: SameKey::First,
        repeats: None,
        fast: |_, _, _| (0, 0),
        judge,
    }
}

fn judge<const PREMIUM: bool>(row: &Row, printed: &Printed, bounds: &Bounds) -> Issues {
    let mut issues = Issues::default();
    let [open, high, low, close] = row.prices;
    if !PREMIUM && row.prices.iter().any(|p| *p <= 0) {
        issues.add(Issue::NonPositivePrice);
    }
    if !is_ohlc(open, high, low, close) {
        issues.add(Issue::OhlcRelation);
    }
    let closes = row.longs[CLOSE_TIME] + printed.units[CLOSE_TIME];
    klines::judge_grid(row.longs[OPEN_TIME], closes, bounds, &mut issues);
    issues
}

#[cfg(test)]
mod tests {
    use model::Unit;
    use model::schema::RejectReason;

    use super::*;

    fn read(form: &Form, id: &str, line: &str) -> Result<Row, RejectReason> {
        let unit: Unit = id.parse().expect(id);
        form.read(line.as_bytes(), &Bounds::of(&unit)).map_err(|fault| fault.reason)
    }

    #[test]
    fn lines_of_marks_and_premiums() {
        let id = "binance/usdm/mark_klines/BTCUSDT/1m/2024-01-01";
        let line = "1704067200000,42313.90000000,42331.94197842,42289.60000000,42331.94197842,0,\
                    1704067259999,0,60,0,0,0";
        let row = read(&PRICE, id, line).expect("a row");
        assert_eq!(row.issues, Issues::default());
        assert_eq!(row.longs[..2], [1_704_067_200_000_000, 1_704_067_259_999_000]);
        assert_eq!(
            row.prices,
            [4_231_390_000_000, 4_233_194_197_842, 4_228_960_000_000, 4_233_194_197_842]
        );
        // a premium has either sign, a price has not
        let line = "1704067200000,-0.00012345,0.00050000,-0.00200000,-0.00150000,0,1704067259999,0,12,0,0,0";
        let row = read(&PREMIUM, id, line).expect("a row");
        assert_eq!((row.issues, row.prices[0]), (Issues::default(), -12_345));
        let row = read(&PRICE, id, line).expect("a row");
        assert_eq!(row.issues.text().as_deref(), Some("non_positive_price"));
        // high below low, off the grid, closed early
        let line = "1704067200500,1,1,2,1,0,1704067230000,0,12,0,0,0";
        let row = read(&PREMIUM, id, line).expect("a row");
        assert_eq!(row.issues.text().as_deref(), Some("ohlc_relation,off_grid,early_close"));
        for (line, reason) in [
            ("1704067200000,1,1,1,1,0,1704067259999,0,12,0,0", RejectReason::FieldCount),
            ("1704067200000,1,1,x,1,0,1704067259999,0,12,0,0,0", RejectReason::Unreadable),
            ("1704153600000,1,1,1,1,0,1704153659999,0,12,0,0,0", RejectReason::OutsidePeriod),
            ("1704067200000,1.000000001,1,1,1,0,1704067259999,0,1,0,0,0", RejectReason::OutOfRange),
        ] {
            assert_eq!(read(&PRICE, id, line), Err(reason), "{line}");
        }
    }
}

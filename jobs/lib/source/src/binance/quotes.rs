//! Quotes, the best bid and ask: their form, rules and fast reader.
//!
//! update_id, best_bid_price, best_bid_qty, best_ask_price, best_ask_qty, transaction_time, event_time.
//! Ids rise and have gaps. Archives are known whose lines are of two times of the day, one by one in
//! turn: they are sorted by id. COIN-M: quantities are in contracts.

use model::schema::{Issue, Issues};

use super::trades::push;
use crate::form::{Form, Kind, MadeOf, Printed, SameKey};
use crate::number::{Cursor, Unsigned};
use crate::rows::{Row, Rows, Slots};
use crate::rules::{Bounds, is_id};

const ID: usize = 0;
const TIME: usize = 1;
const EVENT: usize = 2;

const BID: usize = 0;
const ASK: usize = 1;

/// Both futures markets.
pub(super) static FORM: Form = Form {
    fields: &[
        ("update_id", Kind::Long(ID)),
        ("best_bid_price", Kind::Price(BID)),
        ("best_bid_qty", Kind::Amount(BID)),
        ("best_ask_price", Kind::Price(ASK)),
        ("best_ask_qty", Kind::Amount(ASK)),
        ("transaction_time", Kind::Instant(TIME)),
        ("event_time", Kind::Instant(EVENT)),
    ],
    columns: &[
        MadeOf::Long(ID),
        MadeOf::Instant(TIME),
        MadeOf::Long(TIME),
        MadeOf::Instant(EVENT),
        MadeOf::Price(BID),
        MadeOf::Amount(BID),
        MadeOf::Price(ASK),
        MadeOf::Amount(ASK),
        MadeOf::Valid,
        MadeOf::Issues,
        MadeOf::Raw,
    ],
    has: Slots { longs: 3, prices: 2, amounts: 2, flags: 0 },
    time: TIME,
    same_key: SameKey::First,
    repeats: None,
    fast: read,
    judge,
};

fn judge(row: &Row, _: &Printed, _: &Bounds) -> Issues {
    let mut issues = Issues::default();
    let [bid, ask, ..] = row.prices;
    if bid <= 0 || ask <= 0 {
        issues.add(Issue::NonPositivePrice);
    }
    if row.amounts[BID] <= 0 || row.amounts[ASK] <= 0 {
        issues.add(Issue::BadQuantity);
    }
    if !is_id(row.longs[ID]) {
        issues.add(Issue::IdOutOfRange);
    }
    if bid > ask {
        issues.add(Issue::CrossedQuote);
    }
    issues
}

fn read(block: &[u8], bounds: &Bounds, rows: &mut Rows) -> (usize, u64) {
    let Rows {
        longs: [ids, times, events, ..],
        prices: [bids, asks, ..],
        amounts: [bid_quantities, ask_quantities, ..],
        ..
    } = rows;
    let mut cursor = Cursor { bytes: block, at: 0 };
    let (mut taken, mut count) = (0, 0);
    while let Some(line) = line(&mut cursor, bounds) {
        ids.push(line.id);
        times.push(line.time);
        events.push(line.event);
        bids.push(line.bid);
        asks.push(line.ask);
        push(bid_quantities, line.bid_quantity);
        push(ask_quantities, line.ask_quantity);
        taken = cursor.at;
        count += 1;
    }
    (taken, count)
}

struct Line {
    id: i64,
    time: i64,
    event: i64,
    bid: i64,
    ask: i64,
    bid_quantity: Unsigned,
    ask_quantity: Unsigned,
}

/// Reads a usual line; `None` leaves it to [`Form::read`].
#[expect(clippy::inline_always, reason = "a step of the hottest loop")]
#[inline(always)]
fn line(cursor: &mut Cursor<'_>, bounds: &Bounds) -> Option<Line> {
    let id = cursor.long()?;
    cursor.byte(b',')?;
    let bid = cursor.price()?;
    cursor.byte(b',')?;
    let bid_quantity = cursor.decimal()?;
    cursor.byte(b',')?;
    let ask = cursor.price()?;
    cursor.byte(b',')?;
    let ask_quantity = cursor.decimal()?;
    cursor.byte(b',')?;
    let (time, _) = cursor.instant()?;
    cursor.byte(b',')?;
    let (event, _) = cursor.instant()?;
    cursor.line_end()?;
    let is_there = |quantity: Unsigned| quantity.whole | quantity.fraction != 0;
    let is_fine = bid > 0 && bid <= ask && is_there(bid_quantity) && is_there(ask_quantity);
    (is_fine && is_id(id) && bounds.is_plain(time)).then_some(Line {
        id,
        time,
        event,
        bid,
        ask,
        bid_quantity,
        ask_quantity,
    })
}

#[cfg(test)]
mod tests {
    use model::Unit;

    use super::*;

    /// Both readers of some lines: how many the fast one took, and all rows.
    fn check(lines: &str, fast: u64, issues: &[Option<&str>]) -> Vec<Row> {
        let unit: Unit = "binance/usdm/quotes/ETHUSDT/2024-01-15".parse().expect("unit");
        let bounds = Bounds::of(&unit);
        let mut rows = Rows::new(FORM.has);
        let (taken, count) = read(lines.as_bytes(), &bounds, &mut rows);
        assert_eq!(count, fast, "{lines}");
        let careful: Vec<Row> =
            lines.lines().map(|line| FORM.read(line.as_bytes(), &bounds).expect(line)).collect();
        for (at, row) in careful.iter().take(rows.len()).enumerate() {
            assert_eq!(rows.get(at), *row);
        }
        assert_eq!(lines[..taken].lines().count() as u64, count);
        let found: Vec<_> = careful.iter().map(|row| row.issues.text()).collect();
        assert_eq!(found.iter().map(Option::as_deref).collect::<Vec<_>>(), issues);
        careful
    }

    #[test]
    fn lines_of_quotes() {
        let rows = check(
            "3831603310013,2474.30000000,6.00900000,2474.31000000,44.75700000,1705276800000,1705276800005\n\
             3835812359996,2535.78000000,57.39300000,2535.79000000,14.66800000,1705350085394,1705350085401\n",
            // the last line of a block is always read with care
            1,
            &[None, None],
        );
        assert_eq!(
            rows[0].longs[..3],
            [3_831_603_310_013, 1_705_276_800_000_000, 1_705_276_800_005_000]
        );
        assert_eq!(rows[0].prices[..2], [247_430_000_000, 247_431_000_000]);
        assert_eq!(rows[0].amounts[..2], [600_900_000, 4_475_700_000]);
        // an empty side, a crossed book, and an id that is none
        check(
            "1,0,0,2474.31,44.757,1705276800000,1705276800005\n",
            0,
            &[Some("non_positive_price,bad_quantity")],
        );
        check("1,2,1,1.5,1,1705276800000,1705276800005\n", 0, &[Some("crossed_quote")]);
        check("-1,1,1,1,1,1705276800000,1705276800005\n", 0, &[Some("id_out_of_range")]);
    }
}

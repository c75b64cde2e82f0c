//! Aggregate trades: their forms, rules and fast reader.
//!
//! Spot: agg_trade_id, price, quantity, first_trade_id, last_trade_id, transact_time,
//! is_buyer_maker, is_best_match. Futures: the same without the last. COIN-M: the quantity is
//! in contracts.

use model::schema::{Issue, Issues};

use super::trades::push;
use crate::form::Proof;
use crate::form::{Form, Kind, MadeOf, Printed, SameKey};
use crate::number::{Cursor, Unsigned};
use crate::rows::{Row, Rows, Slots};
use crate::rules::{Bounds, is_id};

const ID: usize = 0;
const TIME: usize = 1;
const FIRST: usize = 2;
const LAST: usize = 3;

/// Spot.
pub(super) static SPOT: Form = Form {
    fields: &[
        ("agg_trade_id", Kind::Long(ID)),
        ("price", Kind::Price(0)),
        ("quantity", Kind::Amount(0)),
        ("first_trade_id", Kind::Long(FIRST)),
        ("last_trade_id", Kind::Long(LAST)),
        ("transact_time", Kind::Instant(TIME)),
        ("is_buyer_maker", Kind::Flag(0)),
        ("is_best_match", Kind::Flag(1)),
    ],
    columns: &[
        MadeOf::Long(ID),
        MadeOf::Instant(TIME),
        MadeOf::Long(TIME),
        MadeOf::Price(0),
        MadeOf::Amount(0),
        MadeOf::Null,
        MadeOf::Long(FIRST),
        MadeOf::Long(LAST),
        MadeOf::Flag(0),
        MadeOf::Flag(1),
        MadeOf::Valid,
        MadeOf::Issues,
        MadeOf::Raw,
    ],
    has: Slots { longs: 4, prices: 1, amounts: 1, flags: 2 },
    time: TIME,
    same_key: SameKey::Trades(FIRST, LAST),
    repeats: Some((FIRST, LAST, Proof::Overlap)),
    fast: read::<true>,
    judge,
};

/// The fields of both futures markets.
const FUTURES: &[(&str, Kind)] = &[
    ("agg_trade_id", Kind::Long(ID)),
    ("price", Kind::Price(0)),
    ("quantity", Kind::Amount(0)),
    ("first_trade_id", Kind::Long(FIRST)),
    ("last_trade_id", Kind::Long(LAST)),
    ("transact_time", Kind::Instant(TIME)),
    ("is_buyer_maker", Kind::Flag(0)),
];

/// USD-M.
pub(super) static USDM: Form = Form {
    fields: FUTURES,
    columns: &[
        MadeOf::Long(ID),
        MadeOf::Instant(TIME),
        MadeOf::Long(TIME),
        MadeOf::Price(0),
        MadeOf::Amount(0),
        MadeOf::Null,
        MadeOf::Long(FIRST),
        MadeOf::Long(LAST),
        MadeOf::Flag(0),
        MadeOf::Null,
        MadeOf::Valid,
        MadeOf::Issues,
        MadeOf::Raw,
    ],
    has: Slots { longs: 4, prices: 1, amounts: 1, flags: 1 },
    time: TIME,
    same_key: SameKey::Trades(FIRST, LAST),
    repeats: Some((FIRST, LAST, Proof::SameSpan)),
    fast: read::<false>,
    judge,
};

/// COIN-M.
pub(super) static COINM: Form = Form {
    fields: FUTURES,
    columns: &[
        MadeOf::Long(ID),
        MadeOf::Instant(TIME),
        MadeOf::Long(TIME),
        MadeOf::Price(0),
        MadeOf::Null,
        MadeOf::Amount(0),
        MadeOf::Long(FIRST),
        MadeOf::Long(LAST),
        MadeOf::Flag(0),
        MadeOf::Null,
        MadeOf::Valid,
        MadeOf::Issues,
        MadeOf::Raw,
    ],
    has: Slots { longs: 4, prices: 1, amounts: 1, flags: 1 },
    time: TIME,
    same_key: SameKey::Trades(FIRST, LAST),
    repeats: Some((FIRST, LAST, Proof::SameSpan)),
    fast: read::<false>,
    judge,
};

fn judge(row: &Row, _: &Printed, _: &Bounds) -> Issues {
    let mut issues = Issues::default();
    let [id, _, first, last] = row.longs;
    let is_void = row.prices[0] == 0 && row.amounts[0] == 0 && first < 0 && last < 0;
    if is_void {
        issues.add(Issue::Voided);
    } else {
        if row.prices[0] <= 0 {
            issues.add(Issue::NonPositivePrice);
        }
        if row.amounts[0] <= 0 {
            issues.add(Issue::BadQuantity);
        }
        if first > last {
            issues.add(Issue::TradeIdOrder);
        }
    }
    if !is_id(id) || !(is_void || is_id(first) && is_id(last)) {
        issues.add(Issue::IdOutOfRange);
    }
    issues
}

fn read<const BEST: bool>(block: &[u8], bounds: &Bounds, rows: &mut Rows) -> (usize, u64) {
    let Rows {
        longs: [ids, times, firsts, lasts],
        prices: [prices, ..],
        amounts: [quantities, ..],
        flags: [maker, best],
        ..
    } = rows;
    let mut cursor = Cursor { bytes: block, at: 0 };
    let (mut taken, mut count) = (0, 0);
    while let Some(line) = line::<BEST>(&mut cursor, bounds) {
        ids.push(line.id);
        times.push(line.time);
        firsts.push(line.first);
        lasts.push(line.last);
        prices.push(line.price);
        push(quantities, line.quantity);
        maker.push(line.maker);
        if BEST {
            best.push(line.best);
        }
        taken = cursor.at;
        count += 1;
    }
    (taken, count)
}

struct Line {
    id: i64,
    time: i64,
    first: i64,
    last: i64,
    price: i64,
    quantity: Unsigned,
    maker: bool,
    best: bool,
}

/// Reads a usual line; `None` leaves it to [`Form::read`].
#[expect(clippy::inline_always, reason = "a step of the hottest loop")]
#[inline(always)]
fn line<const BEST: bool>(cursor: &mut Cursor<'_>, bounds: &Bounds) -> Option<Line> {
    let id = cursor.long()?;
    cursor.byte(b',')?;
    let price = cursor.price()?;
    cursor.byte(b',')?;
    let quantity = cursor.decimal()?;
    cursor.byte(b',')?;
    let first = cursor.long()?;
    cursor.byte(b',')?;
    let last = cursor.long()?;
    cursor.byte(b',')?;
    let (time, _) = cursor.instant()?;
    cursor.byte(b',')?;
    let maker = cursor.flag()?;
    let best = if BEST {
        cursor.byte(b',')?;
        cursor.flag()?
    } else {
        false
    };
    cursor.line_end()?;
    // none of them is negative here
    let ids_are_fine = is_id(id | first | last) && first <= last;
    let is_fine = price > 0 && quantity.whole | quantity.fraction != 0 && ids_are_fine;
    (is_fine && bounds.is_plain(time)).then_some(Line {
        id,
        time,
        first,
        last,
        price,
        quantity,
        maker,
        best,
    })
}

//! Single trades: their forms, rules and fast reader.
//!
//! Spot: id, price, qty, quote_qty, time, is_buyer_maker, is_best_match. USD-M: the same
//! without the last. COIN-M: qty is in contracts and the fourth column is the base quantity.

use model::schema::{Issue, Issues};

use crate::form::{Form, Kind, MadeOf, Printed, SameKey};
use crate::number::{Cursor, Unsigned};
use crate::rows::{Amounts, Row, Rows, Slots};
use crate::rules::{Bounds, is_id, narrow_quote_fits, quote_fits};

const ID: usize = 0;
const TIME: usize = 1;

/// Spot.
pub(super) static SPOT: Form = Form {
    fields: &[
        ("id", Kind::Long(ID)),
        ("price", Kind::Price(0)),
        ("qty", Kind::Amount(0)),
        ("quote_qty", Kind::Amount(1)),
        ("time", Kind::Instant(TIME)),
        ("is_buyer_maker", Kind::Flag(0)),
        ("is_best_match", Kind::Flag(1)),
    ],
    columns: &[
        MadeOf::Long(ID),
        MadeOf::Instant(TIME),
        MadeOf::Long(TIME),
        MadeOf::Price(0),
        MadeOf::Amount(0),
        MadeOf::Amount(1),
        MadeOf::Null,
        MadeOf::Flag(0),
        MadeOf::Flag(1),
        MadeOf::Valid,
        MadeOf::Issues,
        MadeOf::Raw,
    ],
    has: Slots { longs: 2, prices: 1, amounts: 2, flags: 2 },
    time: TIME,
    same_key: SameKey::First,
    repeats: None,
    fast: read::<true, true>,
    judge: judge::<true>,
};

/// USD-M.
pub(super) static USDM: Form = Form {
    fields: &[
        ("id", Kind::Long(ID)),
        ("price", Kind::Price(0)),
        ("qty", Kind::Amount(0)),
        ("quote_qty", Kind::Amount(1)),
        ("time", Kind::Instant(TIME)),
        ("is_buyer_maker", Kind::Flag(0)),
    ],
    columns: &[
        MadeOf::Long(ID),
        MadeOf::Instant(TIME),
        MadeOf::Long(TIME),
        MadeOf::Price(0),
        MadeOf::Amount(0),
        MadeOf::Amount(1),
        MadeOf::Null,
        MadeOf::Flag(0),
        MadeOf::Null,
        MadeOf::Valid,
        MadeOf::Issues,
        MadeOf::Raw,
    ],
    has: Slots { longs: 2, prices: 1, amounts: 2, flags: 1 },
    time: TIME,
    same_key: SameKey::First,
    repeats: None,
    fast: read::<false, true>,
    judge: judge::<true>,
};

/// COIN-M.
pub(super) static COINM: Form = Form {
    fields: &[
        ("id", Kind::Long(ID)),
        ("price", Kind::Price(0)),
        ("qty", Kind::Amount(0)),
        ("base_qty", Kind::Amount(1)),
        ("time", Kind::Instant(TIME)),
        ("is_buyer_maker", Kind::Flag(0)),
    ],
    columns: &[
        MadeOf::Long(ID),
        MadeOf::Instant(TIME),
        MadeOf::Long(TIME),
        MadeOf::Price(0),
        MadeOf::Amount(1),
        MadeOf::Null,
        MadeOf::Amount(0),
        MadeOf::Flag(0),
        MadeOf::Null,
        MadeOf::Valid,
        MadeOf::Issues,
        MadeOf::Raw,
    ],
    has: Slots { longs: 2, prices: 1, amounts: 2, flags: 1 },
    time: TIME,
    same_key: SameKey::First,
    repeats: None,
    fast: read::<false, false>,
    judge: judge::<false>,
};

fn judge<const QUOTE: bool>(row: &Row, printed: &Printed, _: &Bounds) -> Issues {
    let mut issues = Issues::default();
    let [first, second, ..] = row.amounts;
    if !is_id(row.longs[ID]) {
        issues.add(Issue::IdOutOfRange);
    }
    if row.prices[0] <= 0 {
        issues.add(Issue::NonPositivePrice);
    }
    // a tiny quantity at a tiny price has a quote quantity that rounds to 0
    if first <= 0 || second < 0 || (!QUOTE && second == 0) {
        issues.add(Issue::BadQuantity);
    }
    if QUOTE && !quote_fits(row.prices[0], first, second, printed.decimals[1]) {
        issues.add(Issue::QuoteMismatch);
    }
    issues
}

/// Adds an amount that is not negative.
#[expect(clippy::inline_always, reason = "a step of the hottest loop")]
#[inline(always)]
pub(super) fn push(amounts: &mut Amounts, value: Unsigned) {
    match value.narrow() {
        Some(narrow) => amounts.push_narrow(narrow),
        None => amounts.push(value.wide()),
    }
}

fn read<const BEST: bool, const QUOTE: bool>(
    block: &[u8],
    bounds: &Bounds,
    rows: &mut Rows,
) -> (usize, u64) {
    let Rows {
        longs: [ids, times, ..],
        prices: [prices, ..],
        amounts: [first, second, ..],
        flags: [maker, best],
        ..
    } = rows;
    let mut cursor = Cursor { bytes: block, at: 0 };
    let (mut taken, mut count) = (0, 0);
    while let Some(line) = line::<BEST, QUOTE>(&mut cursor, bounds) {
        ids.push(line.id);
        times.push(line.time);
        prices.push(line.price);
        push(first, line.first);
        push(second, line.second);
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
    price: i64,
    first: Unsigned,
    second: Unsigned,
    maker: bool,
    best: bool,
}

/// Reads a usual line; `None` leaves it to [`Form::read`].
#[expect(clippy::inline_always, reason = "a step of the hottest loop")]
#[inline(always)]
fn line<const BEST: bool, const QUOTE: bool>(
    cursor: &mut Cursor<'_>,
    bounds: &Bounds,
) -> Option<Line> {
    let id = cursor.long()?;
    cursor.byte(b',')?;
    let price = cursor.price()?;
    cursor.byte(b',')?;
    let first = cursor.decimal()?;
    cursor.byte(b',')?;
    let second = cursor.decimal()?;
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
    let quantity_is_fine = first.whole | first.fraction != 0;
    let other_is_fine = if QUOTE {
        match (first.narrow(), second.narrow()) {
            (Some(quantity), Some(quote)) => {
                narrow_quote_fits(price, quantity, quote, second.printed)
            }
            _ => quote_fits(price, first.wide(), second.wide(), second.printed),
        }
    } else {
        second.whole | second.fraction != 0
    };
    (is_id(id) && price > 0 && quantity_is_fine && other_is_fine && bounds.is_plain(time))
        .then_some(Line { id, time, price, first, second, maker, best })
}

//! Klines, the exchange's own bars: their forms, rules and fast reader.
//!
//! All markets have the same twelve fields. In COIN-M archives `volume` and `taker_buy_volume`
//! are in contracts, and the fields called "quote" are in the base asset in spite of their name.

use model::schema::{Issue, Issues};

use super::trades::push;
use crate::form::{Form, Kind, MadeOf, Printed, SameKey};
use crate::number::{Cursor, Unsigned};
use crate::rows::{Row, Rows, Slots};
use crate::rules::{Bounds, is_id};

const OPEN_TIME: usize = 0;
const CLOSE_TIME: usize = 1;
const COUNT: usize = 2;

const VOLUME: usize = 0;
const QUOTE: usize = 1;
const TAKER: usize = 2;
const TAKER_QUOTE: usize = 3;

const FIELDS: &[(&str, Kind)] = &[
    ("open_time", Kind::Instant(OPEN_TIME)),
    ("open", Kind::Price(0)),
    ("high", Kind::Price(1)),
    ("low", Kind::Price(2)),
    ("close", Kind::Price(3)),
    ("volume", Kind::Amount(VOLUME)),
    ("close_time", Kind::Instant(CLOSE_TIME)),
    ("quote_volume", Kind::Amount(QUOTE)),
    ("count", Kind::Long(COUNT)),
    ("taker_buy_volume", Kind::Amount(TAKER)),
    ("taker_buy_quote_volume", Kind::Amount(TAKER_QUOTE)),
    ("ignore", Kind::Ignored),
];

const HAS: Slots = Slots { longs: 3, prices: 4, amounts: 4, flags: 0 };

/// Spot and USD-M.
pub(super) static LINEAR: Form = Form {
    fields: FIELDS,
    columns: &[
        MadeOf::Instant(OPEN_TIME),
        MadeOf::Price(0),
        MadeOf::Price(1),
        MadeOf::Price(2),
        MadeOf::Price(3),
        MadeOf::Amount(VOLUME),
        MadeOf::Amount(QUOTE),
        MadeOf::Null,
        MadeOf::Long(COUNT),
        MadeOf::Amount(TAKER),
        MadeOf::Amount(TAKER_QUOTE),
        MadeOf::Null,
        MadeOf::Instant(CLOSE_TIME),
        MadeOf::Valid,
        MadeOf::Issues,
        MadeOf::Raw,
    ],
    has: HAS,
    time: OPEN_TIME,
    same_key: SameKey::Fuller(COUNT, VOLUME),
    repeats: None,
    fast: read,
    judge,
};

/// COIN-M.
pub(super) static COINM: Form = Form {
    fields: FIELDS,
    columns: &[
        MadeOf::Instant(OPEN_TIME),
        MadeOf::Price(0),
        MadeOf::Price(1),
        MadeOf::Price(2),
        MadeOf::Price(3),
        MadeOf::Amount(QUOTE),
        MadeOf::Null,
        MadeOf::Amount(VOLUME),
        MadeOf::Long(COUNT),
        MadeOf::Amount(TAKER_QUOTE),
        MadeOf::Null,
        MadeOf::Amount(TAKER),
        MadeOf::Instant(CLOSE_TIME),
        MadeOf::Valid,
        MadeOf::Issues,
        MadeOf::Raw,
    ],
    has: HAS,
    time: OPEN_TIME,
    same_key: SameKey::Fuller(COUNT, VOLUME),
    repeats: None,
    fast: read,
    judge,
};

fn judge(row: &Row, printed: &Printed, bounds: &Bounds) -> Issues {
    let mut issues = Issues::default();
    let [open, high, low, close] = row.prices;
    let open_time = row.longs[OPEN_TIME];
    if row.prices.iter().any(|p| *p <= 0) {
        issues.add(Issue::NonPositivePrice);
    }
    if row.amounts.iter().any(|a| *a < 0) {
        issues.add(Issue::BadQuantity);
    }
    if !is_ohlc(open, high, low, close) {
        issues.add(Issue::OhlcRelation);
    }
    if row.amounts[TAKER] > row.amounts[VOLUME] || row.amounts[TAKER_QUOTE] > row.amounts[QUOTE] {
        issues.add(Issue::TakerExceedsVolume);
    }
    if !is_id(row.longs[COUNT]) {
        issues.add(Issue::BadCount);
    }
    let closes = row.longs[CLOSE_TIME] + printed.units[CLOSE_TIME];
    judge_grid(open_time, closes, bounds, &mut issues);
    issues
}

/// Whether a bar that ends before `closes` fills its slot of the grid.
pub(super) fn judge_grid(open_time: i64, closes: i64, bounds: &Bounds, issues: &mut Issues) {
    let into = open_time.rem_euclid(bounds.timeframe);
    if into != 0 {
        issues.add(Issue::OffGrid);
    }
    // a bar's slot ends where the next one on the grid starts
    if closes < open_time - into + bounds.timeframe {
        issues.add(Issue::EarlyClose);
    }
}

pub(super) const fn is_ohlc(open: i64, high: i64, low: i64, close: i64) -> bool {
    low <= open && low <= close && open <= high && close <= high && low <= high
}

fn read(block: &[u8], bounds: &Bounds, rows: &mut Rows) -> (usize, u64) {
    let mut cursor = Cursor { bytes: block, at: 0 };
    let (mut taken, mut count) = (0, 0);
    while let Some(line) = line(&mut cursor, bounds) {
        for (column, value) in rows.longs.iter_mut().zip(line.longs) {
            column.push(value);
        }
        for (column, value) in rows.prices.iter_mut().zip(line.prices) {
            column.push(value);
        }
        for (column, value) in rows.amounts.iter_mut().zip(line.amounts) {
            push(column, value);
        }
        taken = cursor.at;
        count += 1;
    }
    (taken, count)
}

struct Line {
    longs: [i64; HAS.longs],
    prices: [i64; HAS.prices],
    amounts: [Unsigned; HAS.amounts],
}

/// Reads a usual line; `None` leaves it to [`Form::read`].
fn line(cursor: &mut Cursor<'_>, bounds: &Bounds) -> Option<Line> {
    let (open_time, _) = cursor.instant()?;
    let mut prices = [0; HAS.prices];
    for price in &mut prices {
        cursor.byte(b',')?;
        *price = cursor.price()?;
    }
    cursor.byte(b',')?;
    let volume = cursor.decimal()?;
    cursor.byte(b',')?;
    let (close_time, unit) = cursor.instant()?;
    cursor.byte(b',')?;
    let quote = cursor.decimal()?;
    cursor.byte(b',')?;
    let count = cursor.long()?;
    cursor.byte(b',')?;
    let taker = cursor.decimal()?;
    cursor.byte(b',')?;
    let taker_quote = cursor.decimal()?;
    cursor.byte(b',')?;
    while matches!(cursor.bytes.get(cursor.at), Some(b'0'..=b'9' | b'.')) {
        cursor.at += 1;
    }
    cursor.line_end()?;
    let [open, high, low, close] = prices;
    let is_fine = low > 0
        && is_id(count)
        && is_ohlc(open, high, low, close)
        && is_at_most(taker, volume)
        && is_at_most(taker_quote, quote)
        && open_time % bounds.timeframe == 0
        && close_time + unit >= open_time + bounds.timeframe
        && bounds.is_plain(open_time);
    is_fine.then_some(Line {
        longs: [open_time, close_time, count],
        prices,
        amounts: [volume, quote, taker, taker_quote],
    })
}

const fn is_at_most(part: Unsigned, whole: Unsigned) -> bool {
    part.whole < whole.whole || part.whole == whole.whole && part.fraction <= whole.fraction
}

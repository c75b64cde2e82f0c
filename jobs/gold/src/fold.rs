//! Trades and aggregate trades to 1m bars: one pass over a day's files, a slot a minute.
//!
//! The same as sql/gold/bars_from_trades.sql and bars_from_agg_trades.sql state, several times
//! faster: a day has 1440 slots, so there is nothing to hash and nothing to sort. First and last
//! are by trade id (then time, then price, where two trades share an id), so the order of the rows
//! and of the files does not matter. All sums are
//! exact; one that does not fit is an error, never a wrong number.

use arrow::array::{Array as _, AsArray as _, BooleanArray, RecordBatch};
use arrow::datatypes::{ArrowPrimitiveType, Decimal128Type, Int64Type};
use model::Day;
use model::period::DAY_MICROS;

/// Microseconds in a minute.
pub const MINUTE: i64 = 60_000_000;
/// Minutes in a day.
const SLOTS: usize = (DAY_MICROS / MINUTE) as usize;
/// Units of 1e-16 in one of 1e-8.
const RESCALE: i128 = 100_000_000;
/// The greatest decimal(38).
const GREATEST: i128 = 10_i128.pow(38) - 1;

/// What a file of trades cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRows {
    /// A column is not there or has another type.
    #[error("column `{0}` is not there or not of its type")]
    Column(&'static str),
    /// A row of another day.
    #[error("row {id} of {time_us} µs does not lie on {day}")]
    OtherDay {
        /// The row's id.
        id: i64,
        /// Its time.
        time_us: i64,
        /// The day of the partition.
        day: Day,
    },
    /// A number of trades that no table can hold.
    #[error("more trades in the bar at {open_us} µs than 64 bits hold")]
    Count {
        /// The bar.
        open_us: i64,
    },
    /// A sum that decimal(38, 8) cannot hold.
    #[error("the {what} of the bar at {open_us} µs does not fit decimal(38, 8)")]
    TooLarge {
        /// What was summed.
        what: &'static str,
        /// The bar.
        open_us: i64,
    },
}

/// The columns of a file that a fold reads.
#[derive(Debug)]
pub struct Columns {
    /// Those that it cannot do without.
    pub always: &'static [&'static str],
    /// Amounts that not every market states.
    pub amounts: &'static [&'static str],
}

/// Columns that [`DayFold::trades`] reads.
pub const TRADE_COLUMNS: Columns = Columns {
    always: &["trade_id", "time_us", "price", "is_buyer_maker", "is_valid"],
    amounts: &["quantity", "quote_quantity", "contracts"],
};

/// Columns that [`DayFold::agg_trades`] reads.
pub const AGG_TRADE_COLUMNS: Columns = Columns {
    always: &[
        "agg_trade_id",
        "time_us",
        "price",
        "first_trade_id",
        "last_trade_id",
        "is_buyer_maker",
        "is_valid",
    ],
    amounts: &["quantity", "contracts"],
};

/// A bar of one minute. Decimals in units of 1e-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    /// First instant, in µs.
    pub open_us: i64,
    /// First price.
    pub open: i64,
    /// Highest price.
    pub high: i64,
    /// Lowest price.
    pub low: i64,
    /// Last price.
    pub close: i64,
    /// Volume: base asset, quote asset, contracts; `None` where no row states it.
    pub volume: [Option<i128>; 3],
    /// Of it, what takers bought.
    pub taker_buy: [Option<i128>; 3],
    /// Number of trades.
    pub trades: i64,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    /// The id of the first trade and, to tell two of one id apart, its time; its price is `open`.
    first: (i64, i64),
    /// As `first`, of the last trade; its price is `close`.
    last: (i64, i64),
    open: i64,
    high: i64,
    low: i64,
    close: i64,
    trades: i64,
    /// Bit n: some row states amount n.
    stated: u8,
    /// Base, quote (1e-8, or 1e-16 for aggregate trades), contracts.
    volume: [i128; 3],
    taker_buy: [i128; 3],
    /// A sum left its range: bit n, and [`COUNT`] for the number of trades.
    overflowed: u8,
}

/// The bit of the number of trades in `overflowed`; those below are the amounts'.
const COUNT: u8 = 1 << 7;

const EMPTY: Slot = Slot {
    first: (i64::MAX, i64::MAX),
    last: (i64::MIN, i64::MIN),
    open: i64::MAX,
    high: i64::MIN,
    low: i64::MAX,
    close: i64::MIN,
    trades: 0,
    stated: 0,
    volume: [0; 3],
    taker_buy: [0; 3],
    overflowed: 0,
};

impl Slot {
    /// The ids alone decide but where rows are `SHARED` by id, as those of single trades never
    /// are: the time and the price are not looked at for them.
    #[inline]
    fn price<const SHARED: bool>(&mut self, id: i64, time_us: i64, price: i64) {
        let (first, last) = (self.first.0, self.last.0);
        let is_before = SHARED && id == first && (time_us, price) < (self.first.1, self.open);
        if id < first || is_before {
            self.first.0 = id;
            if SHARED {
                self.first.1 = time_us;
            }
            self.open = price;
        }
        let is_after = SHARED && id == last && (time_us, price) > (self.last.1, self.close);
        if id > last || is_after {
            self.last.0 = id;
            if SHARED {
                self.last.1 = time_us;
            }
            self.close = price;
        }
        self.high = self.high.max(price);
        self.low = self.low.min(price);
    }

    /// Counts the trades of an aggregate: the ids that it tells may be any.
    #[inline]
    fn count(&mut self, first: i64, last: i64) {
        let trades = last.checked_sub(first).and_then(|n| n.checked_add(1));
        match trades.and_then(|n| self.trades.checked_add(n)) {
            Some(trades) => self.trades = trades,
            None => self.overflowed |= COUNT,
        }
    }

    #[inline]
    fn add(&mut self, at: usize, amount: i128, is_buy: bool) {
        let (volume, overflowed) = self.volume[at].overflowing_add(amount);
        self.volume[at] = volume;
        self.overflowed |= u8::from(overflowed) << at;
        // what takers bought is part of the volume and cannot overflow alone, unless amounts
        // are negative, and those rows are not valid
        self.taker_buy[at] = self.taker_buy[at].wrapping_add(if is_buy { amount } else { 0 });
    }
}

/// The bars of one day in the making.
#[derive(Debug, Clone)]
pub struct DayFold {
    day: Day,
    start: i64,
    slots: Vec<Slot>,
    /// Whether quote amounts are in units of 1e-16.
    fine_quote: bool,
}

/// A column of amounts: plain numbers, or with nulls in between, or nothing but nulls.
enum Amounts<'a> {
    Plain(&'a [i128]),
    Some(&'a arrow::array::Decimal128Array),
    None,
}

impl<'a> Amounts<'a> {
    /// The amounts of a column; `unread` are those that hold nothing but nulls and were not read.
    fn of(batch: &'a RecordBatch, name: &'static str, unread: &[&str]) -> Result<Self, BadRows> {
        if unread.contains(&name) {
            return Ok(Self::None);
        }
        let column = batch.column_by_name(name);
        let array = column.and_then(|column| column.as_primitive_opt::<Decimal128Type>());
        let array = array.ok_or(BadRows::Column(name))?;
        Ok(match array.null_count() {
            0 => Self::Plain(array.values()),
            n if n == array.len() => Self::None,
            _ => Self::Some(array),
        })
    }

    #[inline]
    fn get(&self, row: usize) -> Option<i128> {
        match self {
            Self::Plain(values) => Some(values[row]),
            Self::Some(array) => array.is_valid(row).then(|| array.value(row)),
            Self::None => None,
        }
    }
}

fn numbers<'a, T: ArrowPrimitiveType>(
    batch: &'a RecordBatch,
    name: &'static str,
) -> Result<&'a [T::Native], BadRows> {
    batch
        .column_by_name(name)
        .and_then(|c| c.as_primitive_opt::<T>())
        .map(|array| array.values().as_ref())
        .ok_or(BadRows::Column(name))
}

fn flags<'a>(batch: &'a RecordBatch, name: &'static str) -> Result<&'a BooleanArray, BadRows> {
    batch.column_by_name(name).and_then(|c| c.as_boolean_opt()).ok_or(BadRows::Column(name))
}

impl DayFold {
    /// A day without a row.
    pub fn new(day: Day) -> Self {
        Self { day, start: day.start_micros(), slots: vec![EMPTY; SLOTS], fine_quote: false }
    }

    /// The slot of a row.
    #[inline]
    fn slot(&mut self, id: i64, time_us: i64) -> Result<&mut Slot, BadRows> {
        let minute = time_us.saturating_sub(self.start).div_euclid(MINUTE);
        let day = self.day;
        usize::try_from(minute)
            .ok()
            .and_then(|minute| self.slots.get_mut(minute))
            .ok_or(BadRows::OtherDay { id, time_us, day })
    }

    /// Adds trades, with the columns of [`TRADE_COLUMNS`] but for the amounts that are `unread`, which
    /// count as nulls.
    ///
    /// # Errors
    /// [`BadRows`].
    pub fn trades(&mut self, batch: &RecordBatch, unread: &[&str]) -> Result<(), BadRows> {
        let ids = numbers::<Int64Type>(batch, "trade_id")?;
        let times = numbers::<Int64Type>(batch, "time_us")?;
        let prices = numbers::<Decimal128Type>(batch, "price")?;
        let quantities = Amounts::of(batch, "quantity", unread)?;
        let quotes = Amounts::of(batch, "quote_quantity", unread)?;
        let contracts = Amounts::of(batch, "contracts", unread)?;
        let makers = flags(batch, "is_buyer_maker")?.values();
        let valid = flags(batch, "is_valid")?;
        let all_valid = valid.true_count() == valid.len();
        // the common case, spot and USD-M, without a branch on nulls
        if let (true, Amounts::Plain(quantities), Amounts::Plain(quotes), Amounts::None) =
            (all_valid, &quantities, &quotes, &contracts)
        {
            for row in 0..ids.len() {
                let slot = self.slot(ids[row], times[row])?;
                let is_buy = !makers.value(row);
                slot.price::<false>(ids[row], times[row], prices[row] as i64);
                slot.trades += 1;
                slot.stated |= 0b011;
                slot.add(0, quantities[row], is_buy);
                slot.add(1, quotes[row], is_buy);
            }
            return Ok(());
        }
        let amounts = [quantities, quotes, contracts];
        for row in 0..ids.len() {
            if !all_valid && !valid.value(row) {
                continue;
            }
            let slot = self.slot(ids[row], times[row])?;
            slot.price::<false>(ids[row], times[row], prices[row] as i64);
            slot.trades += 1;
            for (at, amounts) in amounts.iter().enumerate() {
                if let Some(amount) = amounts.get(row) {
                    slot.stated |= 1 << at;
                    slot.add(at, amount, !makers.value(row));
                }
            }
        }
        Ok(())
    }

    /// Adds aggregate trades, with the columns of [`AGG_TRADE_COLUMNS`] but for the amounts that are
    /// `unread`. A day is made of trades or of aggregate trades, never of both.
    ///
    /// # Errors
    /// [`BadRows`].
    pub fn agg_trades(&mut self, batch: &RecordBatch, unread: &[&str]) -> Result<(), BadRows> {
        self.fine_quote = true;
        let ids = numbers::<Int64Type>(batch, "agg_trade_id")?;
        let times = numbers::<Int64Type>(batch, "time_us")?;
        let prices = numbers::<Decimal128Type>(batch, "price")?;
        let quantities = Amounts::of(batch, "quantity", unread)?;
        let contracts = Amounts::of(batch, "contracts", unread)?;
        let firsts = numbers::<Int64Type>(batch, "first_trade_id")?;
        let lasts = numbers::<Int64Type>(batch, "last_trade_id")?;
        let makers = flags(batch, "is_buyer_maker")?.values();
        let valid = flags(batch, "is_valid")?;
        let all_valid = valid.true_count() == valid.len();
        for row in 0..ids.len() {
            if !all_valid && !valid.value(row) {
                continue;
            }
            let slot = self.slot(ids[row], times[row])?;
            let is_buy = !makers.value(row);
            slot.price::<true>(ids[row], times[row], prices[row] as i64);
            slot.count(firsts[row], lasts[row]);
            if let Some(quantity) = quantities.get(row) {
                slot.stated |= 0b011;
                slot.add(0, quantity, is_buy);
                let (quote, overflowed) = prices[row].overflowing_mul(quantity);
                slot.overflowed |= u8::from(overflowed) << 1;
                slot.add(1, quote, is_buy);
            }
            if let Some(contracts) = contracts.get(row) {
                slot.stated |= 0b100;
                slot.add(2, contracts, is_buy);
            }
        }
        Ok(())
    }

    /// The bars of the minutes with a trade, in order.
    ///
    /// # Errors
    /// [`BadRows::TooLarge`], [`BadRows::Count`].
    pub fn bars(&self) -> Result<Vec<Bar>, BadRows> {
        let used = self.slots.iter().enumerate().filter(|(_, slot)| slot.high != i64::MIN);
        used.map(|(minute, slot)| {
            let open_us = self.start + minute as i64 * MINUTE;
            let (mut volume, mut taker_buy) = ([None; 3], [None; 3]);
            for (at, what) in ["volume", "quote volume", "contract volume"].into_iter().enumerate()
            {
                if slot.stated & (1 << at) == 0 {
                    continue;
                }
                let coarse = |sum: i128| {
                    if at == 1 && self.fine_quote { rounded(sum) } else { sum }
                };
                let sum = coarse(slot.volume[at]);
                if slot.overflowed & (1 << at) != 0 || sum.abs() > GREATEST {
                    return Err(BadRows::TooLarge { what, open_us });
                }
                volume[at] = Some(sum);
                taker_buy[at] = Some(coarse(slot.taker_buy[at]));
            }
            if slot.overflowed & COUNT != 0 {
                return Err(BadRows::Count { open_us });
            }
            Ok(Bar {
                open_us,
                open: slot.open,
                high: slot.high,
                low: slot.low,
                close: slot.close,
                volume,
                taker_buy,
                trades: slot.trades,
            })
        })
        .collect()
    }
}

/// 1e-16 to 1e-8, half away from zero, as SQL casts decimals.
fn rounded(fine: i128) -> i128 {
    let (whole, rest) = (fine / RESCALE, fine % RESCALE);
    if rest.abs() * 2 >= RESCALE { whole + fine.signum() } else { whole }
}

//! What a dataset of a market looks like: the fields of a line, where each goes, and which
//! column of the table is made from what. The forms themselves stand in the providers' folders.
//!
//! [`Form::read`] reads one line with care: it takes every form of a number, judges the row and
//! says what is wrong with a line it cannot take. The fast readers of the forms take the usual
//! lines only and must agree with it.

use std::borrow::Cow;

use model::period::DAY_MICROS;
use model::schema::{Issue, Issues, RejectReason};

use crate::number::{self, Bad};
use crate::rows::{NO_AMOUNT, NO_PRICE, Row, Rows, SLOTS, Slots};
use crate::rules::Bounds;

/// How rows of one key are told apart. Of units of other ranks the later one always wins.
#[derive(Debug, Clone, Copy)]
pub enum SameKey {
    /// One row stays: the first that is valid, else the first.
    First,
    /// One row stays: the fuller one, by this slot of [`Row::longs`], then by this one of
    /// [`Row::amounts`], then by all that the rows say.
    Fuller(usize, usize),
    /// All rows stay that are of other trades: the slots of the first and the last trade's id.
    Trades(usize, usize),
}

/// What proves that an aggregate repeats another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Any trade that both have.
    Overlap,
    /// The same first and last trade: aggregates of some hundred milliseconds may interleave.
    SameSpan,
}

/// What a field of a line is and which slot of [`Row`] it goes to.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A whole number.
    Long(usize),
    /// An instant in ms or µs, kept in [`Row::longs`].
    Instant(usize),
    /// A price.
    Price(usize),
    /// A quantity or volume.
    Amount(usize),
    /// A flag.
    Flag(usize),
    /// A date as `2024-01-31`, kept in [`Row::longs`] as the instant at which it begins in UTC.
    Day(usize),
    /// An instant as `2024-01-31 23:55:00`, in two slots of [`Row::longs`]: as it stands there, and the
    /// last one before it where it is the end of the archive's period, to which it belongs.
    Closing(usize, usize),
    /// A price that may be blank: nothing, or `""`.
    MaybePrice(usize),
    /// A quantity with up to sixteen digits after the point, in units of 1e-16, that may be blank.
    MaybeFine(usize),
    /// The symbol of the archive, and no other.
    Symbol,
    /// Nothing we keep.
    Ignored,
}

/// What a column of the table is made from.
#[derive(Debug, Clone, Copy)]
pub enum MadeOf {
    /// A slot of [`Row::longs`], as a number.
    Long(usize),
    /// A slot of [`Row::longs`], as an instant.
    Instant(usize),
    /// A slot of [`Row::prices`].
    Price(usize),
    /// A slot of [`Row::amounts`].
    Amount(usize),
    /// A slot of [`Row::flags`].
    Flag(usize),
    /// A slot of [`Row::prices`], null where it was blank.
    MaybePrice(usize),
    /// A slot of [`Row::amounts`] in units of 1e-16, null where it was blank.
    MaybeFine(usize),
    /// Nothing: the market's archives do not state it.
    Null,
    /// Whether the row is valid.
    Valid,
    /// What is remarkable about it.
    Issues,
    /// The archive's SHA-256.
    Raw,
}

/// What was written of a row that its values do not tell.
#[derive(Debug, Clone, Copy, Default)]
pub struct Printed {
    /// Digits after the point of each amount, at most 8.
    pub decimals: [u32; SLOTS],
    /// Unit of each instant in µs.
    pub units: [i64; SLOTS],
}

/// Reads usual lines from the start of a block up to the first unusual one. Returns the bytes
/// taken and the rows added. It adds rows without issues only, and knows of no bounds for prices:
/// where there are any, each line is read with care.
pub type FastReader = fn(&[u8], &Bounds, &mut Rows) -> (usize, u64);

/// The form of a dataset of a market.
#[derive(Debug)]
pub struct Form {
    /// The fields of a line, under the exchange's names.
    pub fields: &'static [(&'static str, Kind)],
    /// What the table's file columns are made from.
    pub columns: &'static [MadeOf],
    /// The slots in use.
    pub has: Slots,
    /// The slot of [`Row::longs`] whose instant decides the partition.
    pub time: usize,
    /// Which of the rows of one key stay.
    pub same_key: SameKey,
    /// Of aggregates: the slots of the first and the last trade, and what proves that two of them
    /// are of the same trades.
    pub repeats: Option<(usize, usize, Proof)>,
    /// The fast reader.
    pub fast: FastReader,
    /// The row rules.
    pub judge: fn(&Row, &Printed, &Bounds) -> Issues,
}

/// Why a line is not in silver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// In one word.
    pub reason: RejectReason,
    /// The field at fault.
    pub field: Option<&'static str>,
    /// What was found there.
    pub found: String,
    /// What was expected.
    pub expected: Cow<'static, str>,
}

/// Digits of a price and of an amount, the eight after the point included.
const PRICE_DIGITS: u32 = 18;
const AMOUNT_DIGITS: u32 = 28;
/// Digits of a fine quantity, and those of them after the point.
const FINE_DIGITS: u32 = 38;
const FINE_SCALE: u32 = 16;

impl Form {
    /// Whether a line has as many fields as the form.
    pub fn has_right_fields(&self, line: &[u8]) -> bool {
        fields(line) == self.fields.len()
    }

    /// Reads one line, without its end.
    ///
    /// # Errors
    /// The [`Fault`] that keeps it out of silver.
    pub fn read(&self, line: &[u8], bounds: &Bounds) -> Result<Row, Fault> {
        let found = fields(line);
        if found != self.fields.len() {
            return Err(self.wrong_count(line, found));
        }
        let mut row = Row::default();
        let mut printed = Printed::default();
        let mut underflow = false;
        for (text, (name, kind)) in line.split(|b| *b == b',').zip(self.fields) {
            let fault = |bad| fault(bad, name, *kind, text);
            match *kind {
                Kind::Long(slot) => row.longs[slot] = number::long(text).map_err(fault)?,
                Kind::Instant(slot) => {
                    (row.longs[slot], printed.units[slot]) =
                        number::instant(text).map_err(fault)?;
                }
                Kind::Day(slot) => {
                    row.longs[slot] = number::day(text).map_err(fault)?;
                    printed.units[slot] = DAY_MICROS;
                }
                Kind::Price(slot) => {
                    row.prices[slot] = price(text).map_err(fault)?;
                }
                Kind::Amount(slot) => match number::decimal(text, AMOUNT_DIGITS) {
                    // the row is told of and not lost for it
                    Err(Bad::Underflow) => {
                        underflow = true;
                        printed.decimals[slot] = 8;
                    }
                    other => {
                        (row.amounts[slot], printed.decimals[slot]) = other.map_err(fault)?;
                    }
                },
                Kind::Flag(slot) => row.flags[slot] = number::flag(text).map_err(fault)?,
                Kind::Closing(slot, within) => {
                    let time = number::datetime(text).map_err(fault)?;
                    row.longs[slot] = time;
                    row.longs[within] = bounds.within(time);
                }
                Kind::MaybePrice(slot) if is_blank(text) => row.prices[slot] = NO_PRICE,
                Kind::MaybePrice(slot) => row.prices[slot] = price(text).map_err(fault)?,
                Kind::MaybeFine(slot) if is_blank(text) => row.amounts[slot] = NO_AMOUNT,
                Kind::MaybeFine(slot) => {
                    let read = number::scaled(text, FINE_DIGITS, FINE_SCALE);
                    (row.amounts[slot], _) = read.map_err(fault)?;
                }
                Kind::Symbol if text == bounds.symbol.as_bytes() => {}
                Kind::Symbol => {
                    let expected = Cow::Owned(bounds.symbol.clone());
                    return Err(Fault { expected, ..fault(Bad::Form) });
                }
                Kind::Ignored => {}
            }
        }
        if !bounds.period.contains(&row.longs[self.time]) {
            let time = self.time_of(line);
            return Err(Fault {
                reason: RejectReason::OutsidePeriod,
                field: time.map(|(name, ..)| name),
                found: time.map_or_else(String::new, |(.., text)| lossy(text)),
                expected: Cow::Owned(bounds.period_text.clone()),
            });
        }
        row.issues = (self.judge)(&row, &printed, bounds);
        if underflow {
            row.issues.add(Issue::QuantityUnderflow);
        }
        if let Some((min, max)) = bounds.prices {
            let prices = &row.prices[..self.has.prices];
            if prices.iter().any(|price| *price != NO_PRICE && !(min..=max).contains(price)) {
                row.issues.add(Issue::PriceOutOfBounds);
            }
        }
        Ok(row)
    }

    /// The name and the text of the natural key of a line that is a row.
    pub fn key<'a>(&self, line: &'a [u8]) -> (&'static str, &'a [u8]) {
        let is_key = |(_, kind): &&(&str, Kind)| {
            matches!(kind, Kind::Long(0) | Kind::Instant(0) | Kind::Day(0) | Kind::Closing(0, _))
        };
        let fields = self.fields.iter().zip(line.split(|b| *b == b','));
        fields
            .filter(|(field, _)| is_key(field))
            .map(|((name, _), text)| (*name, text))
            .next()
            .unwrap_or(("", line))
    }

    /// The instant that decides the partition, of a line that is no row; `None` where it cannot
    /// be read. Of a line with other fields than it should have it counts inside of the period
    /// only, for there another number may stand in its place.
    pub fn own_time(&self, line: &[u8], bounds: &Bounds) -> Option<i64> {
        let (_, kind, text) = self.time_of(line)?;
        let time = match kind {
            Kind::Closing(..) => bounds.within(number::datetime(text).ok()?),
            Kind::Day(_) => number::day(text).ok()?,
            _ => number::instant(text).ok()?.0,
        };
        (self.has_right_fields(line) || bounds.is_plain(time)).then_some(time)
    }

    /// The field of a line that decides the partition: its name, its kind and what stands there.
    fn time_of<'a>(&self, line: &'a [u8]) -> Option<(&'static str, Kind, &'a [u8])> {
        let is_time = |(_, kind): &(&str, Kind)| matches!(kind, Kind::Instant(slot) | Kind::Day(slot) | Kind::Closing(_, slot) if *slot == self.time);
        let place = self.fields.iter().position(is_time)?;
        let (name, kind) = self.fields[place];
        Some((name, kind, line.split(|b| *b == b',').nth(place)?))
    }

    fn wrong_count(&self, line: &[u8], found: usize) -> Fault {
        let expected = self.fields.len();
        Fault {
            reason: RejectReason::FieldCount,
            // the first that is not there, or the one after which there is more
            field: self.fields.get(found).or(self.fields.last()).map(|(name, _)| *name),
            found: match line.split(|b| *b == b',').nth(expected) {
                Some(more) => format!("{found} fields, `{}` the first too many", lossy(more)),
                None => format!("{found} fields"),
            },
            expected: Cow::Owned(format!("{} fields", self.fields.len())),
        }
    }
}

fn fields(line: &[u8]) -> usize {
    memchr::memchr_iter(b',', line).count() + 1
}

/// Whether the source left a figure out.
fn is_blank(text: &[u8]) -> bool {
    matches!(text, b"" | b"\"\"")
}

fn price(text: &[u8]) -> Result<i64, Bad> {
    let (value, _) = number::decimal(text, PRICE_DIGITS)?;
    i64::try_from(value).map_err(|_| Bad::Range)
}

fn fault(bad: Bad, name: &'static str, kind: Kind, text: &[u8]) -> Fault {
    let expected = match (bad, kind) {
        (Bad::Form, Kind::Long(_)) => "a whole number",
        (Bad::Range | Bad::Underflow, Kind::Long(_)) => "a whole number of 64 bits",
        (_, Kind::Instant(_)) => "13 digits (milliseconds) or 16 digits (microseconds)",
        (_, Kind::Day(_)) => "a day of the calendar such as 2024-01-31",
        (_, Kind::Closing(..)) => "an instant such as 2024-01-31 23:55:00",
        (Bad::Form, Kind::Price(_) | Kind::Amount(_)) => "a decimal number",
        (Bad::Form, Kind::MaybePrice(_) | Kind::MaybeFine(_)) => "a decimal number or nothing",
        (Bad::Range | Bad::Underflow, Kind::MaybeFine(_)) => {
            "at most 22 digits before the point and 16 after it"
        }
        (Bad::Range | Bad::Underflow, Kind::Price(_) | Kind::MaybePrice(_)) => {
            "at most 10 digits before the point and 8 after it"
        }
        (Bad::Range | Bad::Underflow, Kind::Amount(_)) => {
            "at most 20 digits before the point and 8 after it"
        }
        (_, Kind::Flag(_)) => "true or false",
        (_, Kind::Symbol) => "the archive's symbol",
        (_, Kind::Ignored) => "anything",
    };
    Fault {
        reason: match bad {
            Bad::Form => RejectReason::Unreadable,
            Bad::Range | Bad::Underflow => RejectReason::OutOfRange,
        },
        field: Some(name),
        found: lossy(text),
        expected: Cow::Borrowed(expected),
    }
}

/// Bytes as text; what is no UTF-8 becomes U+FFFD.
pub fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use model::Unit;

    use super::*;

    /// A line: `date,close`.
    static DAILY: Form = Form {
        fields: &[("date", Kind::Day(0)), ("close", Kind::Price(0))],
        columns: &[MadeOf::Instant(0), MadeOf::Price(0)],
        has: Slots { longs: 1, prices: 1, amounts: 0, flags: 0 },
        time: 0,
        same_key: SameKey::First,
        repeats: None,
        fast: |_, _, _| (0, 0),
        judge: |_, printed, _| {
            assert_eq!(printed.units[0], DAY_MICROS);
            Issues::default()
        },
    };

    fn bounds(period: &str) -> Bounds {
        let unit: Unit = format!("acme/stocks/klines/IBM/1d/{period}").parse().expect("unit");
        Bounds::of(&unit)
    }

    #[test]
    fn a_date_is_the_instant_at_which_it_begins() {
        let check = |period: &str, line: &str, expect: Result<i64, &str>| {
            let found = DAILY.read(line.as_bytes(), &bounds(period));
            let found = found.map(|row| row.longs[0]).map_err(|fault| {
                let field = fault.field.unwrap_or_default();
                format!("{} {field} `{}`: {}", fault.reason, fault.found, fault.expected)
            });
            assert_eq!(found, expect.map_err(str::to_owned), "{line}");
        };
        check("2024-01", "2024-01-31,1", Ok(1_706_659_200_000_000));
        check("2024-02", "2024-02-29,1", Ok(1_709_164_800_000_000));
        check("1969-12", "1969-12-31,1", Ok(-86_400_000_000));
        check(
            "2024-01",
            "2024-02-01,1",
            Err(
                "outside_period date `2024-02-01`: an instant from 2024-01-01T00:00:00Z to before \
                 2024-02-01T00:00:00Z",
            ),
        );
        for bad in [
            "2024-01-32",
            "2023-02-29",
            "2024-1-31",
            "2024-01-31 ",
            "2024/01/31",
            "20240131",
            "",
            "2024-01-31T00:00:00Z",
            "1706659200000",
            "\"2024-01-31\"",
            "+024-01-31",
            "２024-01-31",
        ] {
            let expect =
                format!("unreadable date `{bad}`: a day of the calendar such as 2024-01-31");
            check("2024-01", &format!("{bad},1"), Err(&expect));
        }
    }

    #[test]
    fn a_date_is_a_key_and_tells_the_day_of_a_reject() {
        let (line, bounds) = (b"2024-01-31,x".as_slice(), bounds("2024-01"));
        assert!(DAILY.read(line, &bounds).is_err());
        assert_eq!(DAILY.key(line), ("date", b"2024-01-31".as_slice()));
        assert_eq!(DAILY.own_time(line, &bounds), Some(1_706_659_200_000_000));
        assert_eq!(DAILY.own_time(b"2024-01-32,1", &bounds), None);
    }
}

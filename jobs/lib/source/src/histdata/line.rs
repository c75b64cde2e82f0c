//! One line of a file: a local stamp and exact prices. Bars are
//! `YYYYMMDD HHMMSS;open;high;low;close;volume`, ticks `YYYYMMDD HHMMSSmmm,bid,ask,volume`. What
//! instant a stamp means is not decided here.

use std::fmt;

use chrono::{DateTime, NaiveDate};
use model::Day;
use model::period::DAY_MICROS;

/// Units of 1e-8 that make one.
const ONE: i64 = 100_000_000;

/// The most digits before a price's point: more would not fit i64 in units of 1e-8.
const WHOLE_DIGITS: usize = 10;

/// The most bytes of a field that an error repeats.
const SHOWN: usize = 40;

/// What a clock on a wall shows, of no zone: µs since that clock's own 1970-01-01 00:00. It becomes
/// an instant by a [rule](super::rule) only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(i64);

impl Stamp {
    /// A stamp of so many µs.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// µs since that clock's 1970-01-01 00:00.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The day the clock shows; `None` outside years 0–9999.
    pub fn day(self) -> Option<Day> {
        Day::of_micros(self.0)
    }
}

impl fmt::Display for Stamp {
    /// `2019-03-31 18:59:00`, with milliseconds where there are any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form =
            if self.0 % 1_000_000 == 0 { "%Y-%m-%d %H:%M:%S" } else { "%Y-%m-%d %H:%M:%S%.3f" };
        match DateTime::from_timestamp_micros(self.0) {
            Some(time) => write!(f, "{}", time.format(form)),
            None => write!(f, "{} µs", self.0),
        }
    }
}

/// A line that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bad {field} `{found}`, expected {expected}")]
pub struct BadLine {
    /// The field, such as `open`; `line` where the number of fields is wrong.
    pub field: &'static str,
    /// What stands there, its first 40 bytes.
    pub found: String,
    /// What would have done.
    pub expected: &'static str,
}

/// A bar of one minute. Prices are bids in units of 1e-8 of the quote currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    /// Its first instant, by the file's clock.
    pub stamp: Stamp,
    /// The first bid, in 1e-8.
    pub open: i64,
    /// The highest bid, in 1e-8.
    pub high: i64,
    /// The lowest bid, in 1e-8.
    pub low: i64,
    /// The last bid, in 1e-8.
    pub close: i64,
    /// The volume, in 1e-8; 0 in every file seen.
    pub volume: i64,
}

/// One quote. Prices are in units of 1e-8 of the quote currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// Its instant, by the file's clock; whole milliseconds.
    pub stamp: Stamp,
    /// The bid, in 1e-8.
    pub bid: i64,
    /// The ask, in 1e-8.
    pub ask: i64,
    /// The volume, in 1e-8; 0 in every file seen.
    pub volume: i64,
}

impl Bar {
    /// Reads a line without its end (LF; a CR before it is taken off).
    ///
    /// # Errors
    /// [`BadLine`]: which field is wrong. Whether the high is the highest is not looked at.
    pub fn parse(line: &[u8]) -> Result<Self, BadLine> {
        let [stamp, open, high, low, close, volume] = fields(line, b';', "six fields between `;`")?;
        Ok(Self {
            stamp: stamp_of(stamp, 15, "a time such as 20190331 185900")?,
            open: decimal("open", open)?,
            high: decimal("high", high)?,
            low: decimal("low", low)?,
            close: decimal("close", close)?,
            volume: decimal("volume", volume)?,
        })
    }
}

impl Tick {
    /// Reads a line without its end (LF; a CR before it is taken off).
    ///
    /// # Errors
    /// [`BadLine`]: which field is wrong.
    pub fn parse(line: &[u8]) -> Result<Self, BadLine> {
        let [stamp, bid, ask, volume] = fields(line, b',', "four fields between `,`")?;
        Ok(Self {
            stamp: stamp_of(stamp, 18, "a time such as 20160601 000000123")?,
            bid: decimal("bid", bid)?,
            ask: decimal("ask", ask)?,
            volume: decimal("volume", volume)?,
        })
    }
}

/// A figure that two lines share when all that stands after their stamps is the same (FNV-1a).
/// It tells an hour that was copied from one that was lived twice; it is no checksum.
pub fn content(line: &[u8]) -> u64 {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let rest = line.iter().position(|b| matches!(b, b';' | b',')).map_or(line, |at| &line[at..]);
    rest.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn bad(field: &'static str, found: &[u8], expected: &'static str) -> BadLine {
    let shown = &found[..found.len().min(SHOWN)];
    let found = String::from_utf8_lossy(shown).escape_debug().to_string();
    BadLine { field, found, expected }
}

/// Exactly `N` fields.
fn fields<'a, const N: usize>(
    line: &'a [u8],
    separator: u8,
    expected: &'static str,
) -> Result<[&'a [u8]; N], BadLine> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut found = [&line[..0]; N];
    let mut count = 0;
    for field in line.split(|b| *b == separator) {
        if let Some(place) = found.get_mut(count) {
            *place = field;
        }
        count += 1;
    }
    if count == N { Ok(found) } else { Err(bad("line", line, expected)) }
}

/// `YYYYMMDD HHMMSS`, 15 bytes, or with milliseconds behind, 18 bytes.
pub(crate) fn stamp_of(field: &[u8], len: usize, expected: &'static str) -> Result<Stamp, BadLine> {
    let wrong = |expected| bad("time", field, expected);
    let digits = |from: usize, to: usize| number(&field[from..to]);
    if field.len() != len || field[8] != b' ' {
        return Err(wrong(expected));
    }
    let time = (|| {
        let millis = if len == 18 { digits(15, 18)? } else { 0 };
        let date = (digits(0, 4)?, digits(4, 6)?, digits(6, 8)?);
        Some((date, (digits(9, 11)?, digits(11, 13)?, digits(13, 15)?), millis))
    })();
    let ((year, month, day), (hour, minute, second), millis) =
        time.ok_or_else(|| wrong(expected))?;
    let date = NaiveDate::from_ymd_opt(year as i32, month, day)
        .ok_or_else(|| wrong("a day of the calendar"))?;
    if hour > 23 || minute > 59 || second > 59 {
        return Err(wrong("a time of day from 000000 to 235959"));
    }
    let seconds = i64::from(hour * 3600 + minute * 60 + second);
    let micros = seconds * 1_000_000 + i64::from(millis) * 1000;
    Ok(Stamp(i64::from(date.to_epoch_days()) * DAY_MICROS + micros))
}

/// Up to nine digits and nothing else.
pub(crate) fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 9 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0')))
}

/// A decimal without a sign, in units of 1e-8.
fn decimal(field: &'static str, text: &[u8]) -> Result<i64, BadLine> {
    const EXPECTED: &str = "a decimal such as 1.145980, with at most 10 digits before the point \
                            and 8 behind it";
    let wrong = || bad(field, text, EXPECTED);
    let at = text.iter().position(|b| *b == b'.');
    let (whole, fraction) = at.map_or((text, &text[..0]), |at| (&text[..at], &text[at + 1..]));
    let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    let empty = whole.is_empty() || (at.is_some() && fraction.is_empty());
    if empty || whole.len() > WHOLE_DIGITS || fraction.len() > 8 {
        return Err(wrong());
    }
    if !digits(whole) || !digits(fraction) {
        return Err(wrong());
    }
    let value = |part: &[u8]| part.iter().fold(0_i64, |sum, b| sum * 10 + i64::from(b - b'0'));
    let padded = value(fraction) * 10_i64.pow(8 - fraction.len() as u32);
    Ok(value(whole) * ONE + padded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_read_to_the_last_digit() {
        let check = |line: &str, stamp: &str, prices: [i64; 5]| {
            let bar = Bar::parse(line.as_bytes()).expect(line);
            assert_eq!(bar.stamp.to_string(), stamp);
            assert_eq!([bar.open, bar.high, bar.low, bar.close, bar.volume], prices, "{line}");
        };
        check(
            "20190101 170200;1.145980;1.145990;1.145970;1.145981;0",
            "2019-01-01 17:02:00",
            [114_598_000, 114_599_000, 114_597_000, 114_598_100, 0],
        );
        check(
            "20000229 235959;1;2.5;0.00000001;9999999999.99999999;3\r",
            "2000-02-29 23:59:59",
            [100_000_000, 250_000_000, 1, 999_999_999_999_999_999, 300_000_000],
        );
    }

    #[test]
    fn ticks_have_milliseconds() {
        let tick = Tick::parse(b"20160601 000000123,1.113220,1.113230,0").expect("tick");
        assert_eq!(tick.stamp.to_string(), "2016-06-01 00:00:00.123");
        assert_eq!((tick.bid, tick.ask, tick.volume), (111_322_000, 111_323_000, 0));
    }

    #[test]
    fn faults_name_the_field_and_what_was_found() {
        let check = |line: &str, expect: &str| {
            let error = if line.contains(',') {
                Tick::parse(line.as_bytes()).expect_err(line)
            } else {
                Bar::parse(line.as_bytes()).expect_err(line)
            };
            assert!(error.to_string().starts_with(expect), "{error}");
        };
        check("20190101 170200;1;1;1;1", "bad line `20190101 170200;1;1;1;1`, expected six");
        check("20190101 170200;1;1;1;1;0;0", "bad line");
        check("20190229 170200;1;1;1;1;0", "bad time `20190229 170200`, expected a day of the");
        check("20190101 240000;1;1;1;1;0", "bad time `20190101 240000`, expected a time of day");
        check("20190101 235960;1;1;1;1;0", "bad time `20190101 235960`, expected a time of day");
        check("20190101 17020;1;1;1;1;0", "bad time `20190101 17020`, expected a time such as");
        check("20190101T170200;1;1;1;1;0", "bad time");
        check("2019010a 170200;1;1;1;1;0", "bad time");
        check("20190101 170200;;1;1;1;0", "bad open ``, expected a decimal");
        check("20190101 170200;1;1.;1;1;0", "bad high `1.`");
        check("20190101 170200;1;1;-1;1;0", "bad low `-1`");
        check("20190101 170200;1;1;1;1e3;0", "bad close `1e3`");
        check("20190101 170200;1;1;1;1.123456789;0", "bad close `1.123456789`");
        check("20190101 170200;1;1;1;12345678901;0", "bad close `12345678901`");
        check("20190101 170200;1;1;1;1;x", "bad volume `x`");
        check("20160601 000000,1,1,0", "bad time `20160601 000000`");
        check("20160601 000000123,1,1.1.1,0", "bad ask `1.1.1`");
        check("20160601 000000123,\u{7},1,0", "bad bid `\\u{7}`");
    }

    #[test]
    fn content_is_what_stands_after_the_stamp() {
        let check = |a: &str, b: &str, same: bool| {
            assert_eq!(content(a.as_bytes()) == content(b.as_bytes()), same, "{a} {b}");
        };
        check("20191027 190000;1.1;0", "20191027 200000;1.1;0", true);
        check("20191027 190000;1.1;0", "20191027 190000;1.2;0", false);
        check("20191027 190000;1.1;0", "20191027 190000;1.1;0\r", true);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80),
            near in r"[0-9]{7,9} [0-9]{5,10}[;,][0-9.;,]{0,40}",
        ) {
            for line in [bytes.as_slice(), near.as_bytes()] {
                let _ = (Bar::parse(line), Tick::parse(line), content(line));
            }
        }
    }
}

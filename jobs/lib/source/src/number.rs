//! Numbers, instants and flags as archives write them, in two readings that agree.
//!
//! [`Cursor`] reads the usual forms eight bytes at a time and gives up (`None`) on anything
//! else. [`long`], [`decimal`], [`instant`], [`datetime`], [`day`] and [`flag`] read every form there
//! is, and say what is wrong with the rest. Nothing here wraps, rounds or panics on any input.

#![expect(clippy::inline_always, reason = "these are the steps of the hottest loop")]

use chrono::{NaiveDateTime, Timelike as _};
use model::Day;

/// Powers of ten from 1 to 1e8.
pub(crate) const TENS: [i64; 9] =
    [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// Units of 1e-8 that make one.
pub(crate) const ONE: i64 = TENS[8];

const ZEROS: u64 = 0x3030_3030_3030_3030;

/// The number of ASCII digits at the start of eight bytes, 0 to 8.
#[inline(always)]
const fn leading_digits(word: u64) -> u32 {
    // a digit becomes 0..=9; adding 0x76 lifts anything above into the high bit. A carry can
    // only disturb bytes after the first that is no digit.
    let t = word ^ ZEROS;
    let marks = (t.wrapping_add(0x7676_7676_7676_7676) | t) & 0x8080_8080_8080_8080;
    marks.trailing_zeros() / 8
}

/// The value of eight digits.
#[inline(always)]
const fn eight_digits(word: u64) -> u64 {
    let v = word.wrapping_sub(ZEROS);
    let v = v.wrapping_mul(10).wrapping_add(v >> 8);
    let low = (v & 0x0000_00FF_0000_00FF).wrapping_mul(0x000F_4240_0000_0064);
    let high = ((v >> 16) & 0x0000_00FF_0000_00FF).wrapping_mul(0x0000_2710_0000_0001);
    low.wrapping_add(high) >> 32
}

/// The value of the first `digits` (1 to 8) of eight bytes.
#[inline(always)]
const fn some_digits(word: u64, digits: u32) -> u64 {
    let gap = 64 - 8 * digits;
    // digits move up, zeros come in below: the first byte is the lowest
    let padded = if gap == 0 { word } else { (word << gap) | (ZEROS >> (64 - gap)) };
    eight_digits(padded)
}

/// A decimal without a sign: `whole + fraction × 1e-8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsigned {
    /// The digits before the point, below 1e18.
    pub whole: u64,
    /// The digits after the point, in units of 1e-8.
    pub fraction: u64,
    /// How many digits after the point were written, 0 to 8.
    pub printed: u32,
}

impl Unsigned {
    /// In units of 1e-8 where 18 digits hold it, which every price does.
    #[inline(always)]
    pub const fn narrow(self) -> Option<i64> {
        if self.whole < 10_000_000_000 {
            Some((self.whole * ONE as u64 + self.fraction) as i64)
        } else {
            None
        }
    }

    /// In units of 1e-8.
    pub const fn wide(self) -> i128 {
        self.whole as i128 * ONE as i128 + self.fraction as i128
    }
}

/// Reads the usual forms from bytes, from left to right. After `None` its place is undefined.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a> {
    /// What is read.
    pub bytes: &'a [u8],
    /// How far it is read.
    pub at: usize,
}

impl Cursor<'_> {
    #[inline(always)]
    fn word(&self, at: usize) -> Option<u64> {
        let bytes = self.bytes.get(at..at.checked_add(8)?)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    }

    /// Passes over one byte.
    #[inline(always)]
    pub fn byte(&mut self, byte: u8) -> Option<()> {
        if *self.bytes.get(self.at)? == byte {
            self.at += 1;
            Some(())
        } else {
            None
        }
    }

    /// Passes over a line's end, LF or CRLF.
    #[inline(always)]
    pub fn line_end(&mut self) -> Option<()> {
        if *self.bytes.get(self.at)? == b'\r' {
            self.at += 1;
        }
        self.byte(b'\n')
    }

    /// One to 18 digits.
    #[inline(always)]
    fn digits(&mut self) -> Option<u64> {
        let word = self.word(self.at)?;
        let count = leading_digits(word);
        if count < 8 {
            self.at += count as usize;
            return if count == 0 { None } else { Some(some_digits(word, count)) };
        }
        let mut value = eight_digits(word);
        let start = self.at;
        self.at += 8;
        while let Some(digit) = self.bytes.get(self.at).map(|b| b.wrapping_sub(b'0')) {
            if digit > 9 {
                break;
            }
            if self.at - start >= 18 {
                return None;
            }
            value = value * 10 + u64::from(digit);
            self.at += 1;
        }
        Some(value)
    }

    /// A whole number without a sign.
    #[inline(always)]
    pub fn long(&mut self) -> Option<i64> {
        Some(self.digits()? as i64)
    }

    /// A decimal without a sign, with at most eight digits after the point.
    #[inline(always)]
    pub fn decimal(&mut self) -> Option<Unsigned> {
        let whole = self.digits()?;
        if *self.bytes.get(self.at)? != b'.' {
            return Some(Unsigned { whole, fraction: 0, printed: 0 });
        }
        self.at += 1;
        let word = self.word(self.at)?;
        let printed = leading_digits(word);
        if printed == 0 {
            return None;
        }
        self.at += printed as usize;
        if printed == 8 && self.bytes.get(self.at)?.is_ascii_digit() {
            return None;
        }
        let fraction = some_digits(word, printed) * TENS[8 - printed as usize] as u64;
        Some(Unsigned { whole, fraction, printed })
    }

    /// A price: a decimal of at most 18 digits.
    #[inline(always)]
    pub fn price(&mut self) -> Option<i64> {
        self.decimal()?.narrow()
    }

    /// An instant in milliseconds (13 digits) or microseconds (16), as microseconds, and the
    /// length of its unit in microseconds.
    #[inline(always)]
    pub fn instant(&mut self) -> Option<(i64, i64)> {
        let first = self.word(self.at)?;
        let second = self.word(self.at + 8)?;
        if leading_digits(first) != 8 {
            return None;
        }
        let high = eight_digits(first);
        match leading_digits(second) {
            5 => {
                self.at += 13;
                Some(((high * 100_000 + some_digits(second, 5)) as i64 * 1_000, 1_000))
            }
            8 if !self.bytes.get(self.at + 16)?.is_ascii_digit() => {
                self.at += 16;
                Some(((high * ONE as u64 + eight_digits(second)) as i64, 1))
            }
            _ => None,
        }
    }

    /// `true` or `false` in any case.
    #[inline(always)]
    pub fn flag(&mut self) -> Option<bool> {
        let rest = self.bytes.get(self.at..)?;
        let word = u32::from_le_bytes(rest.get(..4)?.try_into().ok()?) | 0x2020_2020;
        if word == u32::from_le_bytes(*b"true") {
            self.at += 4;
            Some(true)
        } else if word == u32::from_le_bytes(*b"fals") && rest.get(4)? | 0x20 == b'e' {
            self.at += 5;
            Some(false)
        } else {
            None
        }
    }
}

/// Why a field cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bad {
    /// It has not the form of its type.
    Form,
    /// It has the form and does not fit.
    Range,
    /// It is not 0 and less than 1e-8.
    Underflow,
}

fn unsigned(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

/// A whole number with or without a sign.
///
/// # Errors
/// [`Bad`] for anything else.
pub fn long(text: &[u8]) -> Result<i64, Bad> {
    let (negative, digits) = unsigned(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Bad::Form);
    }
    digits
        .iter()
        .try_fold(0_i64, |value, b| {
            let digit = i64::from(b - b'0');
            let tens = value.checked_mul(10)?;
            if negative { tens.checked_sub(digit) } else { tens.checked_add(digit) }
        })
        .ok_or(Bad::Range)
}

/// A decimal with or without a sign and an exponent, in units of 1e-8, of at most `digits` digits
/// with those eight, and how many of the eight were written. Exact or nothing: more than eight
/// digits after the point must be zeros.
///
/// # Errors
/// [`Bad`] for anything else.
pub fn decimal(text: &[u8], digits: u32) -> Result<(i128, u32), Bad> {
    scaled(text, digits, 8)
}

/// As [`decimal`], with `scale` digits after the point instead of eight.
///
/// # Errors
/// [`Bad`] for anything else.
pub fn scaled(text: &[u8], digits: u32, scale: u32) -> Result<(i128, u32), Bad> {
    let scale = i64::from(scale);
    let (negative, number) = unsigned(text);
    let (number, exponent) = exponent(number)?;
    let (whole, fraction) = match memchr::memchr(b'.', number) {
        Some(point) => (&number[..point], &number[point + 1..]),
        None => (number, &[][..]),
    };
    let all = || whole.iter().chain(fraction);
    if !all().all(u8::is_ascii_digit) || whole.is_empty() && fraction.is_empty() {
        return Err(Bad::Form);
    }
    let printed = (fraction.len() as i64 - exponent).clamp(0, scale) as u32;
    let leading = all().take_while(|b| **b == b'0').count();
    let length = whole.len() + fraction.len();
    if leading == length {
        return Ok((0, printed));
    }
    // zeros at the end say nothing; so many tens the rest is times the unit
    let trailing = all().rev().take_while(|b| **b == b'0').count();
    let tens = scale + exponent - fraction.len() as i64 + trailing as i64;
    let significant = length - leading - trailing;
    if tens < 0 {
        let is_tiny = tens + significant as i64 <= 0;
        return Err(if is_tiny { Bad::Underflow } else { Bad::Range });
    }
    let value = all()
        .skip(leading)
        .take(significant)
        .try_fold(0_i128, |value, b| value.checked_mul(10)?.checked_add(i128::from(b - b'0')));
    let value = value
        .zip(u32::try_from(tens).ok().and_then(|tens| 10_i128.checked_pow(tens)))
        .and_then(|(value, tens)| value.checked_mul(tens))
        .filter(|v| *v < 10_i128.pow(digits))
        .ok_or(Bad::Range)?;
    Ok((if negative { -value } else { value }, printed))
}

/// A number without its exponent, and the exponent: `1.5` and −7 of `1.5E-7`, 0 where there is
/// none. One beyond any number counts as a million.
fn exponent(number: &[u8]) -> Result<(&[u8], i64), Bad> {
    const MOST: i64 = 1_000_000;
    let Some(at) = memchr::memchr2(b'e', b'E', number) else { return Ok((number, 0)) };
    let (negative, digits) = unsigned(&number[at + 1..]);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Bad::Form);
    }
    let value = digits.iter().fold(0_i64, |value, b| (value * 10 + i64::from(b - b'0')).min(MOST));
    Ok((&number[..at], if negative { -value } else { value }))
}

/// An instant in milliseconds (13 digits) or microseconds (16), as microseconds, and the length
/// of its unit in microseconds.
///
/// # Errors
/// [`Bad`] for anything else.
pub fn instant(text: &[u8]) -> Result<(i64, i64), Bad> {
    let unit = match text.len() {
        13 => 1_000,
        16 => 1,
        _ => return Err(Bad::Form),
    };
    if !text.iter().all(u8::is_ascii_digit) {
        return Err(Bad::Form);
    }
    Ok((long(text)? * unit, unit))
}

/// Whether a text has digits where a form has `0`, and else what the form has.
fn has_form(text: &[u8], form: &[u8]) -> bool {
    let fits =
        |(byte, form): (&u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form };
    text.len() == form.len() && text.iter().zip(form).all(fits)
}

/// An instant as `2024-01-31 23:55:00`, UTC, as microseconds.
///
/// # Errors
/// [`Bad`] for anything else.
pub fn datetime(text: &[u8]) -> Result<i64, Bad> {
    if !has_form(text, b"0000-00-00 00:00:00") {
        return Err(Bad::Form);
    }
    let text = std::str::from_utf8(text).map_err(|_| Bad::Form)?;
    let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").map_err(|_| Bad::Form)?;
    // 23:59:60 is a leap second to the parser, and no second of ours
    if time.nanosecond() >= 1_000_000_000 {
        return Err(Bad::Form);
    }
    Ok(time.and_utc().timestamp_micros())
}

/// A date as `2024-01-31`, as the microseconds of its 00:00 UTC.
///
/// # Errors
/// [`Bad`] for anything else, and for a day that the calendar does not have.
pub fn day(text: &[u8]) -> Result<i64, Bad> {
    if !has_form(text, b"0000-00-00") {
        return Err(Bad::Form);
    }
    let text = std::str::from_utf8(text).map_err(|_| Bad::Form)?;
    text.parse::<Day>().map(Day::start_micros).map_err(|_| Bad::Form)
}

/// `true` or `false` in any case.
///
/// # Errors
/// [`Bad`] for anything else.
pub fn flag(text: &[u8]) -> Result<bool, Bad> {
    if text.eq_ignore_ascii_case(b"true") {
        Ok(true)
    } else if text.eq_ignore_ascii_case(b"false") {
        Ok(false)
    } else {
        Err(Bad::Form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both readings of a field that a comma follows must agree, wherever the fast one answers.
    fn check(text: &str, expect: Result<(i128, u32), Bad>) {
        assert_eq!(decimal(text.as_bytes(), 28), expect, "{text}");
        let padded = format!("{text},0000000000000000");
        let mut cursor = Cursor { bytes: padded.as_bytes(), at: 0 };
        if let Some(fast) = cursor.decimal().filter(|_| cursor.at == text.len()) {
            assert_eq!(expect, Ok((fast.wide(), fast.printed)), "{text}");
            if let Some(narrow) = fast.narrow() {
                assert_eq!(i128::from(narrow), fast.wide(), "{text}");
            }
        }
    }

    #[test]
    fn decimals() {
        check("0", Ok((0, 0)));
        check("1.5", Ok((150_000_000, 1)));
        check("0.00000001", Ok((1, 8)));
        check("4261.48000000", Ok((426_148_000_000, 8)));
        check("99999999.99999999", Ok((9_999_999_999_999_999, 8)));
        check("1000000000000.00000001", Ok((100_000_000_000_000_000_001, 8)));
        check("99999999999999999999.99999999", Ok((10_i128.pow(28) - 1, 8)));
        check("100000000000000000000", Err(Bad::Range));
        check("-1.5", Ok((-150_000_000, 1)));
        check("+1.5", Ok((150_000_000, 1)));
        check("1.000000000", Ok((100_000_000, 8)));
        check("1.000000001", Err(Bad::Range));
        check("1.", Ok((100_000_000, 0)));
        check(".5", Ok((50_000_000, 1)));
        check("000000000000000000000000000000000000000001.5", Ok((150_000_000, 1)));
        check(&"9".repeat(60), Err(Bad::Range));
        for text in ["", ".", "-", "1,5", " 1", "1 ", "\"1\"", "--1", "NaN", "0x1", "1.5.1"] {
            check(text, Err(Bad::Form));
        }
    }

    #[test]
    fn exponents_are_exact() {
        check("1E-7", Ok((10, 7)));
        check("0E-8", Ok((0, 8)));
        check("-0E-18", Ok((0, 8)));
        check("1e1", Ok((1_000_000_000, 0)));
        check("1.70027E+12", Ok((170_027_000_000_000_000_000, 0)));
        check("0.15e2", Ok((1_500_000_000, 0)));
        check("100000000E-16", Ok((1, 8)));
        check("150000000E-16", Err(Bad::Range));
        check("1.50E-7", Ok((15, 8)));
        check("1e19", Ok((10_i128.pow(27), 0)));
        check("0e999999999999999999999999", Ok((0, 0)));
        check("1e20", Err(Bad::Range));
        check("1e999999999999999999999999", Err(Bad::Range));
        check("1.23456789E-1", Err(Bad::Range));
        check("4.336808689942018E-19", Err(Bad::Underflow));
        check("-1E-9", Err(Bad::Underflow));
        check("0.000000009", Err(Bad::Underflow));
        check("9.9E-9", Err(Bad::Underflow));
        check("1.1E-8", Err(Bad::Range));
        check("1E-999999999999999999999999", Err(Bad::Underflow));
        for text in ["e5", ".e5", "1e", "1e+", "1e-", "1e5.0", "1e5e5", "1 e5", "1e 5", "E"] {
            check(text, Err(Bad::Form));
        }
    }

    #[test]
    fn prices_have_eighteen_digits() {
        assert_eq!(decimal(b"9999999999.99999999", 18), Ok((10_i128.pow(18) - 1, 8)));
        assert_eq!(decimal(b"10000000000", 18), Err(Bad::Range));
        let mut cursor = Cursor { bytes: b"10000000000.00000000,0000", at: 0 };
        assert_eq!(cursor.price(), None);
    }

    #[test]
    fn longs() {
        let check = |text: &str, expect: Result<i64, Bad>| {
            assert_eq!(long(text.as_bytes()), expect, "{text}");
            let padded = format!("{text},0000000000000000");
            let mut cursor = Cursor { bytes: padded.as_bytes(), at: 0 };
            if let Some(fast) = cursor.long().filter(|_| cursor.at == text.len()) {
                assert_eq!(expect, Ok(fast), "{text}");
            }
        };
        check("0", Ok(0));
        check("12345678", Ok(12_345_678));
        check("123456789012345678", Ok(123_456_789_012_345_678));
        check("9223372036854775807", Ok(i64::MAX));
        check("-9223372036854775808", Ok(i64::MIN));
        check("9223372036854775808", Err(Bad::Range));
        check("99999999999999999999999", Err(Bad::Range));
        check("-1", Ok(-1));
        for text in ["", "-", "1.0", "1e3", "0x1", "１"] {
            check(text, Err(Bad::Form));
        }
    }

    #[test]
    fn instants() {
        let check = |text: &str, expect: Result<(i64, i64), Bad>| {
            assert_eq!(instant(text.as_bytes()), expect, "{text}");
            let padded = format!("{text},0000000000000000");
            let mut cursor = Cursor { bytes: padded.as_bytes(), at: 0 };
            if let Some(fast) = cursor.instant().filter(|_| cursor.at == text.len()) {
                assert_eq!(expect, Ok(fast), "{text}");
            } else {
                assert!(expect.is_err(), "{text}: the fast reading gave up");
            }
        };
        check("1502942428322", Ok((1_502_942_428_322_000, 1_000)));
        check("1735689600000001", Ok((1_735_689_600_000_001, 1)));
        for text in [
            "",
            "1502942428",
            "15029424283220",
            "17356896000000011",
            "1.70027E+12",
            "150294242832x",
        ] {
            check(text, Err(Bad::Form));
        }
    }

    #[test]
    fn datetimes() {
        let check = |text: &str, expect: Result<i64, Bad>| {
            assert_eq!(datetime(text.as_bytes()), expect, "{text}");
        };
        check("1970-01-01 00:05:00", Ok(300_000_000));
        check("2024-02-29 23:59:59", Ok(1_709_251_199_000_000));
        for text in [
            "",
            "2024-02-30 00:00:00",
            "2024-02-29 24:00:00",
            "2024-02-29 23:59:60",
            "2024-02-29T00:00:00",
            "2024-02-29 00:00",
            "2024-02-29 00:00:00Z",
            "2024-2-29 00:00:00 ",
            "+024-02-29 00:00:00",
        ] {
            check(text, Err(Bad::Form));
        }
    }

    #[test]
    fn decimals_of_another_scale() {
        let check = |text: &str, expect: Result<(i128, u32), Bad>| {
            assert_eq!(scaled(text.as_bytes(), 38, 16), expect, "{text}");
        };
        check("2310973.7900000000000000", Ok((23_109_737_900_000_000_000_000, 16)));
        check("3669133.0863830000000001", Ok((36_691_330_863_830_000_000_001, 16)));
        check("0E-16", Ok((0, 16)));
        check("1", Ok((10_i128.pow(16), 0)));
        check("-0.0000000000000001", Ok((-1, 16)));
        check("0.00000000000000001", Err(Bad::Underflow));
        check("1.00000000000000001", Err(Bad::Range));
        check("9999999999999999999999.9999999999999999", Ok((10_i128.pow(38) - 1, 16)));
        check("10000000000000000000000", Err(Bad::Range));
    }

    #[test]
    fn flags() {
        for (text, expect) in [
            ("True", Ok(true)),
            ("true", Ok(true)),
            ("TRUE", Ok(true)),
            ("False", Ok(false)),
            ("false", Ok(false)),
            ("FALSE", Ok(false)),
            ("1", Err(Bad::Form)),
            ("Tru", Err(Bad::Form)),
            ("falsx", Err(Bad::Form)),
            ("", Err(Bad::Form)),
        ] {
            assert_eq!(flag(text.as_bytes()), expect, "{text}");
            let line = format!("{text},");
            let mut cursor = Cursor { bytes: line.as_bytes(), at: 0 };
            assert_eq!(cursor.flag().filter(|_| cursor.at == text.len()), expect.ok(), "{text}");
        }
    }

    #[test]
    fn eight_bytes_at_a_time() {
        for byte in 0..=255_u8 {
            for place in 0..8 {
                let mut bytes = *b"12345678";
                bytes[place] = byte;
                let expect = bytes.iter().take_while(|b| b.is_ascii_digit()).count() as u32;
                assert_eq!(leading_digits(u64::from_le_bytes(bytes)), expect, "{bytes:?}");
                if expect > 0 {
                    let text = std::str::from_utf8(&bytes[..expect as usize]).expect("digits");
                    let value = some_digits(u64::from_le_bytes(bytes), expect);
                    assert_eq!(text.parse(), Ok(value));
                }
            }
        }
    }
}

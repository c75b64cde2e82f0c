//! Exact decimals of a configuration: tick sizes, bounds of prices. Rows have their own, faster readers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Digits after the point.
const SCALE: u32 = 8;
/// One, in units of 1e-8.
const ONE: i64 = 10_i64.pow(SCALE);
/// All digits, those after the point included: as many as a price has.
const DIGITS: u32 = 18;

/// A decimal that is not negative, with at most ten digits before the point and eight after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Decimal(i64);

/// A text that is no such decimal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "bad decimal `{}`, expected at most ten digits, and after a point at most eight, such as 0.01",
    found.escape_debug()
)]
pub struct BadDecimal {
    /// The text found.
    pub found: String,
}

impl Decimal {
    /// So many units of 1e-8; `None` for what is negative or has too many digits.
    pub const fn of_units(units: i64) -> Option<Self> {
        if units < 0 || units >= 10_i64.pow(DIGITS) { None } else { Some(Self(units)) }
    }

    /// The number in units of 1e-8, as rows hold prices.
    pub const fn units(self) -> i64 {
        self.0
    }
}

impl FromStr for Decimal {
    type Err = BadDecimal;

    fn from_str(text: &str) -> Result<Self, BadDecimal> {
        let read = || {
            let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
            let is_number = |digits: &str, most: u32| {
                (1..=most as usize).contains(&digits.len())
                    && digits.bytes().all(|b| b.is_ascii_digit())
            };
            if !is_number(whole, DIGITS - SCALE) || !is_number(part, SCALE) {
                return None;
            }
            let part: i64 = format!("{part:0<8}").parse().ok()?;
            Self::of_units(whole.parse::<i64>().ok()? * ONE + part)
        };
        read().ok_or_else(|| BadDecimal { found: text.to_owned() })
    }
}

impl TryFrom<String> for Decimal {
    type Error = BadDecimal;

    fn try_from(text: String) -> Result<Self, BadDecimal> {
        text.parse()
    }
}

impl From<Decimal> for String {
    fn from(decimal: Decimal) -> Self {
        decimal.to_string()
    }
}

impl fmt::Display for Decimal {
    /// Without zeros that say nothing: one number has one text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / ONE, self.0 % ONE);
        let part = format!("{part:08}");
        match part.trim_end_matches('0') {
            "" => f.pad(&whole.to_string()),
            part => f.pad(&format!("{whole}.{part}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_and_have_one_text() {
        let check = |text: &str, expect: Option<(i64, &str)>| {
            let found = text.parse::<Decimal>().ok();
            let told = found.map(|decimal| (decimal.units(), decimal.to_string()));
            assert_eq!(told, expect.map(|(units, text)| (units, text.to_owned())), "{text}");
        };
        check("0.01", Some((1_000_000, "0.01")));
        check("0.00000001", Some((1, "0.00000001")));
        check("1000000", Some((100_000_000_000_000, "1000000")));
        check("007.50", Some((750_000_000, "7.5")));
        check("9999999999.99999999", Some((999_999_999_999_999_999, "9999999999.99999999")));
        for bad in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1_000", "0.000000001", "10000000000"] {
            check(bad, None);
        }
        let error = "1e-3".parse::<Decimal>().expect_err("an exponent").to_string();
        assert!(error.starts_with("bad decimal `1e-3`, expected at most ten digits"), "{error}");
    }

    #[test]
    fn units_have_their_range() {
        assert_eq!(Decimal::of_units(-1), None);
        assert_eq!(Decimal::of_units(i64::MAX), None);
        assert_eq!(Decimal::of_units(5).map(Decimal::units), Some(5));
    }
}

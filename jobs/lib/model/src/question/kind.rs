//! The types of parameters: their words, and the SQL literal of a value. Texts with placeholders are
//! filled in `params`.

use std::fmt;
use std::str::FromStr;

use crate::words::UnknownWord;
use crate::{Day, Month, Timeframe};

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A day such as 2024-01-31.
    Date,
    /// A month such as 2024-01.
    Month,
    /// A whole number.
    Int,
    /// An exact number with at most 8 decimals.
    Decimal,
    /// The length of a bar such as 1h.
    Timeframe,
}

const KINDS: &[&str] = &["text", "date", "month", "int", "decimal", "timeframe"];

impl FromStr for Kind {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Ok(match word {
            "text" => Self::Text,
            "date" => Self::Date,
            "month" => Self::Month,
            "int" => Self::Int,
            "decimal" => Self::Decimal,
            "timeframe" => Self::Timeframe,
            _ => {
                return Err(UnknownWord {
                    what: "parameter type",
                    found: word.to_owned(),
                    expected: KINDS,
                });
            }
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(KINDS[*self as usize])
    }
}

impl Kind {
    /// A value that would do, for messages.
    pub const fn example(self) -> &'static str {
        match self {
            Self::Text => "BTCUSDT",
            Self::Date => "2024-01-31",
            Self::Month => "2024-01",
            Self::Int => "10",
            Self::Decimal => "0.00000001",
            Self::Timeframe => "1h",
        }
    }

    /// The SQL literal of a value; `None` where the value is none of this type.
    pub fn literal(self, value: &str) -> Option<String> {
        Some(match self {
            // a null byte ends texts in some engines; nobody needs one
            Self::Text => {
                (!value.contains('\0')).then(|| format!("'{}'", value.replace('\'', "''")))?
            }
            Self::Date => format!("DATE '{}'", value.parse::<Day>().ok()?),
            Self::Month => format!("'{}'", value.parse::<Month>().ok()?),
            Self::Int => value.parse::<i64>().ok()?.to_string(),
            Self::Decimal => format!("CAST('{}' AS decimal(38, 8))", decimal(value)?),
            Self::Timeframe => format!("'{}'", value.parse::<Timeframe>().ok()?),
        })
    }
}

/// A decimal of up to 30 digits before and 8 after the point, as it was written.
fn decimal(value: &str) -> Option<&str> {
    let digits = value.strip_prefix('-').unwrap_or(value);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let ok = |text: &str, most: usize| {
        (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
    };
    (ok(whole, 30) && ok(part, 8)).then_some(value)
}

//! What changes a share without a trade: splits and dividends. Factors and amounts are text as
//! received.

use model::Day;

/// Shares that became more or fewer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The first day with the new shares, of the exchange's calendar.
    pub day: Day,
    /// How many new shares there are, as received: `4` in a 4-for-1 split.
    pub new: String,
    /// For how many old ones, as received: `1` in a 4-for-1 split.
    pub old: String,
}

/// Money for every share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dividend {
    /// The first day on which a buyer does not get it, of the exchange's calendar.
    pub ex_day: Day,
    /// Money a share, as received, as paid.
    pub amount: String,
    /// Its currency, where the source tells.
    pub currency: Option<String>,
    /// The day on which it was made known, where the source tells.
    pub declared: Option<Day>,
    /// The day whose holders get it, where the source tells.
    pub record: Option<Day>,
    /// The day on which it is paid, where the source tells.
    pub paid: Option<Day>,
}

/// Splits and dividends of one symbol, earliest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Actions {
    /// The splits.
    pub splits: Vec<Split>,
    /// The dividends.
    pub dividends: Vec<Dividend>,
    /// Rows that cannot be read, as received.
    pub unread: Vec<String>,
}

impl Actions {
    /// The same in the order of days; those of one day stay as they came.
    pub(crate) fn sorted(mut self) -> Self {
        self.splits.sort_by_key(|split| split.day);
        self.dividends.sort_by_key(|dividend| dividend.ex_day);
        self
    }
}

/// A text that tells something: what a source prints where it has no figure tells nothing.
pub(crate) fn told(text: String) -> Option<String> {
    (!matches!(text.trim(), "" | "-" | "None" | "null")).then_some(text)
}

/// Whether a text is a decimal without an exponent: `0.2200`, `4`, not negative.
pub(crate) fn is_decimal(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    [whole, fraction]
        .iter()
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether a decimal is this whole number of one digit, however many zeros it has.
pub(crate) fn is(text: &str, digit: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole = whole.trim_start_matches('0');
    fraction.bytes().all(|b| b == b'0') && (if whole.is_empty() { "0" } else { whole }) == digit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_told_by_their_letters() {
        let check = |text: &str, expect: [bool; 3]| {
            assert_eq!([is_decimal(text), is(text, "0"), is(text, "1")], expect, "{text}");
        };
        check("0.0000", [true, true, false]);
        check("0", [true, true, false]);
        check("1.0", [true, false, true]);
        check("01", [true, false, true]);
        check("1.5", [true, false, false]);
        check("10", [true, false, false]);
        check("0.22", [true, false, false]);
        check("-1", [false, false, false]);
        check("1e2", [false, false, false]);
        check("1.", [false, false, true]);
        check("None", [false, false, false]);
    }
}

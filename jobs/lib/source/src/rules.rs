//! The row rules that datasets share. A rule never drops a row: it adds an issue to it.

use std::ops::Range;

use chrono::{DateTime, SecondsFormat};
use model::instrument::PriceBounds;
use model::schema::ID_LIMIT;
use model::{Day, Period, Unit};

use crate::number::{ONE, TENS};

/// Whether an id of a trade, or a number of trades, is one that an exchange may give: below
/// [`ID_LIMIT`].
#[inline]
pub const fn is_id(id: i64) -> bool {
    (id as u64) < ID_LIMIT as u64
}

/// What a unit's rows are measured against. All instants are µs since the epoch.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// The unit's period; a row outside of it is a reject.
    pub period: Range<i64>,
    /// The period in words.
    pub period_text: String,
    /// The unit's day, where it is of one.
    pub only_day: Option<Day>,
    /// The unit's symbol, for archives whose lines state it.
    pub symbol: String,
    /// The length of a bar; 1 where there are none.
    pub timeframe: i64,
    /// The least and the greatest price, in units of 1e-8, where anything is said of them.
    pub prices: Option<(i64, i64)>,
    /// Start and length of the period.
    plain: (i64, u64),
}

impl Bounds {
    /// The bounds of a unit.
    pub fn of(unit: &Unit) -> Self {
        let period = unit.period.micros();
        let text = |micros| {
            DateTime::from_timestamp_micros(micros)
                .map_or_else(String::new, |t| t.to_rfc3339_opts(SecondsFormat::Secs, true))
        };
        Self {
            period_text: format!(
                "an instant from {} to before {}",
                text(period.start),
                text(period.end)
            ),
            only_day: match unit.period {
                Period::Day(day) => Some(day),
                Period::Month(_) => None,
            },
            symbol: unit.symbol.to_string(),
            timeframe: unit.timeframe.map_or(1, model::Timeframe::micros),
            prices: None,
            plain: (period.start, u64::try_from(period.end - period.start).unwrap_or(0)),
            period,
        }
    }

    /// The same with bounds for prices.
    #[must_use]
    pub fn with_prices(self, prices: Option<PriceBounds>) -> Self {
        Self { prices: prices.map(PriceBounds::units), ..self }
    }

    /// An instant of the period that stands for `time`: the last one for its very end, which belongs to
    /// the period where a source names times by their end.
    pub const fn within(&self, time: i64) -> i64 {
        if time == self.period.end { time - 1 } else { time }
    }

    /// Whether a time is in the period.
    #[inline]
    pub const fn is_plain(&self, time: i64) -> bool {
        (time.wrapping_sub(self.plain.0) as u64) < self.plain.1
    }
}

/// Whether a quote quantity is price × quantity but for the rounding of its last printed digit.
/// All in units of 1e-8.
#[inline]
pub fn quote_fits(price: i64, quantity: i128, quote: i128, printed: u32) -> bool {
    let tolerance = i128::from(TENS[8 - printed.min(8) as usize]) * i128::from(ONE);
    let product = quantity.checked_mul(i128::from(price));
    let quote = quote.checked_mul(i128::from(ONE));
    product
        .zip(quote)
        .and_then(|(product, quote)| product.checked_sub(quote))
        .is_some_and(|difference| difference < tolerance && difference > -tolerance)
}

/// [`quote_fits`] for values that 64 bits hold.
#[inline]
pub fn narrow_quote_fits(price: i64, quantity: i64, quote: i64, printed: u32) -> bool {
    let tolerance = i128::from(TENS[8 - printed.min(8) as usize]) * i128::from(ONE);
    // two products of 64 bits each lie below 2^126: their difference fits
    let difference = i128::from(price) * i128::from(quantity) - i128::from(quote) * i128::from(ONE);
    difference < tolerance && difference > -tolerance
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_may_be_rounded_in_their_last_digit_only() {
        let check = |price: i64, quantity: i64, quote: i64, printed: u32, expect: bool| {
            assert_eq!(narrow_quote_fits(price, quantity, quote, printed), expect);
            assert_eq!(
                quote_fits(price, quantity.into(), quote.into(), printed),
                expect,
                "{price} × {quantity} = {quote}"
            );
        };
        // 4261.48 × 0.075183 = 320.39085084
        check(426_148_000_000, 7_518_300, 32_039_085_084, 8, true);
        check(426_148_000_000, 7_518_300, 32_039_085_085, 8, false);
        // 0.00000003 × 0.5 = 0.000000015: cut or rounded
        check(3, ONE / 2, 1, 8, true);
        check(3, ONE / 2, 2, 8, true);
        check(3, ONE / 2, 3, 8, false);
        check(3, ONE / 2, 0, 8, false);
        check(426_148_000_000, 7_518_300, 32_039_000_000, 2, true);
        check(426_148_000_000, 7_518_300, 32_040_000_000, 2, true);
        check(426_148_000_000, 7_518_300, 32_041_000_000, 2, false);
        check(ONE, ONE, ONE, 8, true);
        check(ONE, ONE, ONE + 1, 8, false);
        check(ONE, ONE, ONE - 1, 8, false);
        check(i64::MAX, i64::MAX, i64::MIN, 0, false);
        assert!(!quote_fits(i64::MAX, i128::MAX, 0, 8));
        assert!(!quote_fits(1, 1, i128::MAX, 8));
    }

    #[test]
    fn a_row_is_plain_inside_its_period() {
        let unit: Unit = "binance/spot/trades/BTCUSDT/2024-01".parse().expect("unit");
        let at = |text: &str| text.parse::<DateTime<chrono::Utc>>().expect("instant");
        let bounds = Bounds::of(&unit);
        let check = |text: &str, plain: bool| {
            assert_eq!(bounds.is_plain(at(text).timestamp_micros()), plain, "{text}");
        };
        check("2023-12-31T23:59:59.999999Z", false);
        check("2024-01-01T00:00:00Z", true);
        check("2024-01-31T23:59:59.999999Z", true);
        check("2024-02-01T00:00:00Z", false);
        assert_eq!(
            bounds.period_text,
            "an instant from 2024-01-01T00:00:00Z to before 2024-02-01T00:00:00Z"
        );
    }
}

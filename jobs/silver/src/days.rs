//! Which days of a month's archive have fewer rows than they should. Monthly archives are known
//! to lack days that the daily archives have; `plan` asks for those days' archives then.

use model::period::{DAY_MICROS, Period};
use model::{Day, Unit};

/// The rows of a month's archive, by day.
#[derive(Debug)]
pub(crate) struct Days {
    first: Day,
    counts: Vec<u64>,
    /// Rows that a whole day has at least.
    enough: u64,
}

impl Days {
    /// Of a unit; `None` where it is no month, or its bars are longer than a day.
    pub(crate) fn of(unit: &Unit) -> Option<Self> {
        let Period::Month(month) = unit.period else { return None };
        let enough = match unit.timeframe {
            // trades come when they come: a day without any is remarkable, one with few is not
            None => 1,
            Some(timeframe) => DAY_MICROS.checked_div(timeframe.micros())? as u64,
        };
        Some(Self { first: month.first(), counts: vec![0; month.days().count()], enough })
    }

    /// Counts rows, given their instants (µs).
    pub(crate) fn count(&mut self, times: &[i64]) {
        let start = self.first.start_micros();
        let mut rest = times;
        while let Some(time) = rest.first() {
            let day = (time - start).div_euclid(DAY_MICROS);
            let span = start + day * DAY_MICROS..start + (day + 1) * DAY_MICROS;
            let rows = rest.iter().position(|t| !span.contains(t)).unwrap_or(rest.len());
            // rows of other months are rejects and do not come here
            if let Some(count) = usize::try_from(day).ok().and_then(|day| self.counts.get_mut(day))
            {
                *count += rows as u64;
            }
            rest = &rest[rows..];
        }
    }

    /// The days that have fewer rows than they should.
    pub(crate) fn short(&self) -> Vec<Day> {
        let month = self.first.month().days().zip(&self.counts);
        month.filter(|(_, count)| **count < self.enough).map(|(day, _)| day).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(unit: &str, times: &[(&str, i64)], expect: usize, has: &str) {
        let unit: Unit = unit.parse().expect(unit);
        let mut days = Days::of(&unit).expect("a month");
        let times: Vec<i64> = times
            .iter()
            .map(|(day, micros)| day.parse::<Day>().expect("day").start_micros() + micros)
            .collect();
        days.count(&times);
        let short: Vec<String> = days.short().iter().map(Day::to_string).collect();
        assert_eq!(short.len(), expect, "{short:?}");
        assert!(!short.contains(&has.to_owned()), "{short:?}");
    }

    #[test]
    fn days_without_trades_and_days_that_lack_bars_are_short() {
        let last = DAY_MICROS - 1;
        check("binance/spot/trades/BTCUSDT/2024-02", &[("2024-02-29", last)], 28, "2024-02-29");
        check(
            "binance/spot/trades/BTCUSDT/2024-02",
            &[("2024-02-02", 0), ("2024-02-01", last), ("2024-02-02", 5)],
            27,
            "2024-02-02",
        );
        let half = DAY_MICROS / 2;
        check(
            "binance/spot/klines/BTCUSDT/12h/2024-01",
            &[("2024-01-01", 0), ("2024-01-01", half), ("2024-01-02", half)],
            30,
            "2024-01-01",
        );
    }

    #[test]
    fn a_day_is_no_month() {
        let unit: Unit = "binance/spot/trades/BTCUSDT/2024-02-01".parse().expect("unit");
        assert!(Days::of(&unit).is_none());
    }
}

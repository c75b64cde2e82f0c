//! Which days of a month's archive have fewer rows than they should. Monthly archives are known
//! to lack days that the daily archives have; `plan` asks for those days' archives then.
//!
//! Of a venue that closes only a day without any row is short, and none on which it is closed: a
//! source has no bar of a minute without a trade.

use model::period::{DAY_MICROS, Period};
use model::{Day, Unit};
use source::calendar::Calendar;

/// The rows of a month's archive, by day.
#[derive(Debug)]
pub(crate) struct Days {
    first: Day,
    counts: Vec<u64>,
    /// Rows that each day has at least where it is whole.
    enough: Vec<u64>,
}

impl Days {
    /// Of a unit; `None` where it is no month, or its bars are longer than a day.
    pub(crate) fn of(unit: &Unit, calendar: Calendar) -> Option<Self> {
        let Period::Month(month) = unit.period else { return None };
        let whole = match unit.timeframe {
            // trades come when they come: a day without any is remarkable, one with few is not
            None => 1,
            Some(timeframe) => DAY_MICROS.checked_div(timeframe.micros())? as u64,
        };
        let enough = |day| match calendar {
            Calendar::Always => whole,
            // a day that the calendar does not know is one like others
            _ => u64::from(!calendar.is_closed(day, unit.timeframe).unwrap_or(false)),
        };
        let enough: Vec<u64> = month.days().map(enough).collect();
        Some(Self { first: month.first(), counts: vec![0; enough.len()], enough })
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
        let month = self.first.month().days().zip(self.counts.iter().zip(&self.enough));
        month.filter(|(_, (count, enough))| count < enough).map(|(day, _)| day).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(unit: &str, times: &[(&str, i64)], expect: usize, has: &str) {
        let short = short(unit, Calendar::Always, times);
        assert_eq!(short.len(), expect, "{short:?}");
        assert!(!short.contains(&has.to_owned()), "{short:?}");
    }

    fn short(unit: &str, calendar: Calendar, times: &[(&str, i64)]) -> Vec<String> {
        let unit: Unit = unit.parse().expect(unit);
        let mut days = Days::of(&unit, calendar).expect("a month");
        let times: Vec<i64> = times
            .iter()
            .map(|(day, micros)| day.parse::<Day>().expect("day").start_micros() + micros)
            .collect();
        days.count(&times);
        days.short().iter().map(Day::to_string).collect()
    }

    #[test]
    fn of_a_venue_that_closes_only_a_day_of_trading_without_a_bar_is_short() {
        // all days of trading of a month with a holiday, on the 15th, but the 16th
        let trading = [2, 3, 4, 5, 8, 9, 10, 11, 12, 17, 18, 19, 22, 23, 24, 25, 26, 29, 30, 31];
        let days: Vec<String> = trading.iter().map(|day| format!("2024-01-{day:02}")).collect();
        let times: Vec<(&str, i64)> = days.iter().map(|day| (day.as_str(), 1)).collect();
        for unit in ["acme/stocks/klines/IBM/1m/2024-01", "acme/stocks/trades/IBM/2024-01"] {
            assert_eq!(short(unit, Calendar::Nyse, &times), ["2024-01-16"], "{unit}");
        }
        // bars of a day are of the venue's days, and none begins on forex's Sunday
        let unit = "acme/forex/klines/EURUSD/1d/2023-02";
        let sundays = ["2023-02-05", "2023-02-12", "2023-02-19", "2023-02-26"];
        let found = short(unit, Calendar::Forex, &[]);
        assert_eq!(found.len(), 20, "{found:?}");
        assert!(sundays.iter().all(|day| !found.iter().any(|short| short == day)), "{found:?}");
        let found = short(&unit.replace("1d", "1h"), Calendar::Forex, &[]);
        assert_eq!(found.len(), 24, "{found:?}");
        // a month that the calendar does not know: each day is expected
        let found =
            short("acme/stocks/klines/IBM/1m/1950-01", Calendar::Nyse, &[("1950-01-07", 0)]);
        assert_eq!(found.len(), 30, "{found:?}");
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
        assert!(Days::of(&unit, Calendar::Always).is_none());
    }
}

//! Which partition of its table a row belongs to, as a number. What the partition's columns hold is in
//! [`model::partition`].

use chrono::Datelike as _;
use model::partition::{self, Grain};
use model::period::DAY_MICROS;
use model::{Day, Unit};

/// A partition's place in time: days or months since an epoch. Later ones are greater.
pub(crate) type Ordinal = i32;

/// Where an instant (µs) of a real period lies.
pub(crate) fn ordinal(grain: Grain, micros: i64) -> Ordinal {
    let day = micros.div_euclid(DAY_MICROS) as i32;
    match grain {
        Grain::Days => day,
        Grain::Months => Day::of_epoch_days(day)
            .map_or(0, |day| day.date().year() * 12 + day.date().month0() as i32),
    }
}

/// The time in which all instants have the ordinal of `micros`.
pub(crate) fn span(grain: Grain, micros: i64) -> std::ops::Range<i64> {
    let start = micros.div_euclid(DAY_MICROS) * DAY_MICROS;
    match (grain, Day::of_micros(micros)) {
        (Grain::Months, Some(day)) => {
            let month = day.month();
            month.first().start_micros()..month.next().first().start_micros()
        }
        _ => start..start + DAY_MICROS,
    }
}

/// The values of the partition columns of a unit's rows at `ordinal`, in the table's order.
pub(crate) fn values(grain: Grain, unit: &Unit, ordinal: Ordinal) -> Vec<(&'static str, String)> {
    let first = match grain {
        Grain::Days => Day::of_epoch_days(ordinal),
        Grain::Months => chrono::NaiveDate::from_ymd_opt(
            ordinal.div_euclid(12),
            ordinal.rem_euclid(12) as u32 + 1,
            1,
        )
        .map(Day::new),
    };
    first.map_or_else(Vec::new, |day| partition::of_day(unit, day))
}

#[cfg(test)]
mod tests {
    use model::schema::Table;

    use super::*;

    #[test]
    fn instants_lie_in_their_partitions() {
        let check = |unit: &str, micros: i64, expect: &str| {
            let unit: Unit = unit.parse().expect(unit);
            let grain = Grain::of(Table::of_dataset(unit.dataset));
            let place = ordinal(grain, micros);
            let values = values(grain, &unit, place);
            assert_eq!(values.last().map(|(_, v)| v.as_str()), Some(expect));
            let span = span(grain, micros);
            assert!(span.contains(&micros));
            assert_eq!(ordinal(grain, span.start), place);
            assert_eq!(ordinal(grain, span.end - 1), place);
            assert_eq!(ordinal(grain, span.end), place + 1);
        };
        let feb_29 = 1_709_164_800_000_000;
        let (days, months) =
            ("binance/spot/trades/BTCUSDT/2024-02", "binance/spot/klines/BTCUSDT/1h/2024-02");
        check(days, feb_29, "2024-02-29");
        check(days, feb_29 - 1, "2024-02-28");
        check(months, feb_29, "2024-02");
        check(months, feb_29 + DAY_MICROS, "2024-03");
        check(months, 0, "1970-01");
        check(months, -1, "1969-12");
    }
}

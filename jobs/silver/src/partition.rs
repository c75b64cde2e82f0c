//! Which partition of its table a row belongs to.

use chrono::Datelike as _;
use model::period::DAY_MICROS;
use model::plan::Partition;
use model::schema::Table;
use model::{Day, Month, Unit};

/// How a table is cut by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grain {
    /// By UTC day.
    Days,
    /// By UTC month.
    Months,
}

/// A partition's place in time: days or months since an epoch. Later ones are greater.
pub(crate) type Ordinal = i32;

impl Grain {
    /// The grain of a silver table.
    pub(crate) fn of(table: Table) -> Self {
        if table.schema().partitions.contains(&"month") { Self::Months } else { Self::Days }
    }

    /// Where an instant (µs) of a real period lies.
    pub(crate) fn ordinal(self, micros: i64) -> Ordinal {
        let day = micros.div_euclid(DAY_MICROS) as i32;
        match self {
            Self::Days => day,
            Self::Months => Day::of_epoch_days(day)
                .map_or(0, |day| day.date().year() * 12 + day.date().month0() as i32),
        }
    }

    /// The time in which all instants have the ordinal of `micros`.
    pub(crate) fn span(self, micros: i64) -> std::ops::Range<i64> {
        let start = micros.div_euclid(DAY_MICROS) * DAY_MICROS;
        match (self, Day::of_micros(micros)) {
            (Self::Months, Some(day)) => {
                let month = day.month();
                month.first().start_micros()..month.next().first().start_micros()
            }
            _ => start..start + DAY_MICROS,
        }
    }

    /// The partition column and its value.
    fn value(self, ordinal: Ordinal) -> (&'static str, String) {
        match self {
            Self::Days => (
                "date",
                Day::of_epoch_days(ordinal).map_or_else(String::new, |day| day.to_string()),
            ),
            Self::Months => {
                let first = chrono::NaiveDate::from_ymd_opt(
                    ordinal.div_euclid(12),
                    ordinal.rem_euclid(12) as u32 + 1,
                    1,
                );
                ("month", first.map_or_else(String::new, |day| Month::of_date(day).to_string()))
            }
        }
    }

    /// The values of the partition columns, in the table's order.
    pub(crate) fn partition(self, unit: &Unit, ordinal: Ordinal) -> Vec<(&'static str, String)> {
        let mut values = vec![
            ("source", unit.source.to_string()),
            ("market", unit.market.to_string()),
            ("symbol", unit.symbol.to_string()),
        ];
        if let Some(timeframe) = unit.timeframe {
            values.push(("timeframe", timeframe.to_string()));
        }
        values.push(self.value(ordinal));
        values
    }

    /// All partitions that a unit's period spans.
    pub(crate) fn partitions(self, unit: &Unit) -> Vec<Partition> {
        let mut ordinals: Vec<_> = unit
            .period
            .first()
            .to(unit.period.last())
            .map(|day| self.ordinal(day.start_micros()))
            .collect();
        ordinals.dedup();
        ordinals.into_iter().map(|ordinal| as_map(&self.partition(unit, ordinal))).collect()
    }
}

/// Partition values as the plan and fragments hold them.
pub(crate) fn as_map(values: &[(&'static str, String)]) -> Partition {
    values.iter().map(|(column, value)| ((*column).to_owned(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_lie_in_their_partitions() {
        let unit: Unit = "binance/spot/klines/BTCUSDT/1h/2024-02".parse().expect("unit");
        let check = |grain: Grain, micros: i64, expect: &str| {
            let ordinal = grain.ordinal(micros);
            let values = grain.partition(&unit, ordinal);
            assert_eq!(values.last().map(|(_, v)| v.as_str()), Some(expect));
            let span = grain.span(micros);
            assert!(span.contains(&micros));
            assert_eq!(grain.ordinal(span.start), ordinal);
            assert_eq!(grain.ordinal(span.end - 1), ordinal);
            assert_eq!(grain.ordinal(span.end), ordinal + 1);
        };
        let feb_29 = 1_709_164_800_000_000;
        check(Grain::Days, feb_29, "2024-02-29");
        check(Grain::Days, feb_29 - 1, "2024-02-28");
        check(Grain::Months, feb_29, "2024-02");
        check(Grain::Months, feb_29 + DAY_MICROS, "2024-03");
        check(Grain::Months, 0, "1970-01");
        check(Grain::Months, -1, "1969-12");
        assert_eq!(Grain::Months.partitions(&unit).len(), 1);
        assert_eq!(Grain::Days.partitions(&unit).len(), 29);
    }

    #[test]
    fn partitions_are_the_schemas() {
        for (table, id) in [
            (Table::Trades, "binance/spot/trades/BTCUSDT/2024-02"),
            (Table::AggTrades, "binance/spot/agg_trades/BTCUSDT/2024-02"),
            (Table::Klines, "binance/spot/klines/BTCUSDT/1h/2024-02"),
        ] {
            let unit: Unit = id.parse().expect(id);
            let values = Grain::of(table).partition(&unit, 0);
            let columns: Vec<_> = values.iter().map(|(column, _)| *column).collect();
            assert_eq!(columns, table.schema().partitions);
        }
    }
}

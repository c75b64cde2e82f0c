//! Which days of trading follow on each other: the number that each day has among those on which its
//! venue has a session. When that is, its calendar says.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use arrow::array::{AsArray as _, Int32Array, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Field, Schema};
use model::Day;
use source::calendar::Calendar;

/// The column that is added.
const NUMBER: &str = "session_number";

/// Rows with a column `date`, with the number of each day. Of two days between which the venue had no
/// session the numbers differ by one at most.
pub(crate) fn number(
    calendar: Calendar,
    batches: &[RecordBatch],
) -> anyhow::Result<Vec<RecordBatch>> {
    let dates = |batch: &RecordBatch| -> anyhow::Result<Vec<i32>> {
        let column = batch.column_by_name("date").context("no column `date`")?;
        let days = column.as_primitive_opt::<Date32Type>().context("a date that is none")?;
        Ok(days.values().to_vec())
    };
    let mut all = Vec::new();
    for batch in batches {
        all.extend(dates(batch)?);
    }
    let numbers = numbers(calendar, &all);
    batches
        .iter()
        .map(|batch| {
            let of = |day: &i32| numbers.get(day).copied().unwrap_or(*day);
            let column: Int32Array = dates(batch)?.iter().map(|day| Some(of(day))).collect();
            let mut fields = batch.schema().fields().to_vec();
            fields.push(Arc::new(Field::new(NUMBER, DataType::Int32, true)));
            let mut columns = batch.columns().to_vec();
            columns.push(Arc::new(column));
            Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
        })
        .collect()
}

/// The numbers of days, both as days since the epoch where the venue never closes. A day that the
/// calendar does not know counts: then a return over it is none of one day.
pub(crate) fn numbers(calendar: Calendar, days: &[i32]) -> BTreeMap<i32, i32> {
    let (Some(first), Some(last)) = (days.iter().min(), days.iter().max()) else {
        return BTreeMap::new();
    };
    if calendar == Calendar::Always {
        return days.iter().map(|day| (*day, *day)).collect();
    }
    let mut number = 0;
    (*first..=*last)
        .map(|day| {
            let is_closed = Day::of_epoch_days(day)
                .and_then(|day| calendar.session(day).ok())
                .is_some_and(|session| session.is_none());
            number += i32::from(!is_closed);
            (day, number)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_without_a_session_do_not_part_others() {
        let check = |calendar: Calendar, days: &[&str], expect: &[i32]| {
            let days: Vec<i32> =
                days.iter().map(|day| day.parse::<Day>().unwrap().epoch_days()).collect();
            let numbers = numbers(calendar, &days);
            let steps: Vec<i32> =
                days.windows(2).map(|pair| numbers[&pair[1]] - numbers[&pair[0]]).collect();
            assert_eq!(steps, expect, "{calendar}");
        };
        // a weekend with a holiday after it; a day of trading that is not there
        let days = ["2024-01-11", "2024-01-12", "2024-01-16", "2024-01-18"];
        check(Calendar::Nyse, &days, &[1, 1, 2]);
        check(Calendar::Always, &days, &[1, 4, 2]);
        // a Saturday with a row
        check(Calendar::Nyse, &["2024-01-12", "2024-01-13", "2024-01-16"], &[0, 1]);
        // Sunday's evening belongs to Monday
        check(Calendar::Forex, &["2024-01-12", "2024-01-14", "2024-01-15"], &[0, 1]);
        check(Calendar::Forex, &["2024-01-12", "2024-01-15"], &[1]);
        // years that the calendar does not know
        check(Calendar::Nyse, &["1950-01-06", "1950-01-09"], &[3]);
    }
}

//! Which days of trading, and which bars, follow on each other: the number that each has among those at which its
//! venue has a session. When that is, its calendar says.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use arrow::array::{AsArray as _, Int32Array, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Field, Schema};
use model::period::DAY_MICROS;
use model::{Day, Timeframe};
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
fn numbers(calendar: Calendar, days: &[i32]) -> BTreeMap<i32, i32> {
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

/// The number of each bar's place among those at which the venue has bars, in order of time. On days that the
/// calendar does not vouch for every place by the clock counts.
pub(crate) fn places(calendar: Calendar, timeframe: Timeframe, open_us: &[i64]) -> Vec<i64> {
    let width = timeframe.micros();
    numbered(calendar, open_us, width, |known, end| {
        let last = known.last()?.saturating_add(width).min(end);
        let open = calendar.bars_within(*known.first()?..last, timeframe).ok()?;
        Some(open.before(known).into_iter().map(|place| place as i64).collect())
    })
}

/// The number of each bar's session, in order of time: of days that the calendar does not vouch for the UTC day.
pub(crate) fn of(calendar: Calendar, open_us: &[i64]) -> Vec<i64> {
    numbered(calendar, open_us, DAY_MICROS, |known, _| {
        let day = |micros: i64| i32::try_from(micros.div_euclid(DAY_MICROS)).ok();
        // the evening before belongs to a session, too
        let days =
            (day(*known.first()?)?..=day(*known.last()?)? + 1).filter_map(Day::of_epoch_days);
        let ends: Vec<i64> = days
            .filter_map(|day| calendar.session(day).ok().flatten())
            .map(|session| session.end)
            .collect();
        let number = |open: &i64| ends.partition_point(|end| end <= open) as i64;
        Some(known.iter().map(number).collect())
    })
}

/// Numbers instants in order: by `count` those of days that the calendar vouches for, by the clock, in steps of
/// `step`, all others. `count` is given those instants, and when the calendar ends.
fn numbered(
    calendar: Calendar,
    open_us: &[i64],
    step: i64,
    count: impl Fn(&[i64], i64) -> Option<Vec<i64>>,
) -> Vec<i64> {
    let by_the_clock = |open: &i64| open.div_euclid(step);
    if calendar == Calendar::Always {
        return open_us.iter().map(by_the_clock).collect();
    }
    let validity = calendar.validity();
    let (begin, end) = (validity.start().start_micros(), validity.end().next().start_micros());
    let first = open_us.partition_point(|open| *open < begin);
    let after = open_us.partition_point(|open| *open < end);
    let mut numbers: Vec<i64> = open_us[..first].iter().map(by_the_clock).collect();
    let known = &open_us[first..after];
    if let (Some(opens), Some(counted)) = (known.first(), count(known, end)) {
        let base = by_the_clock(opens) - counted.first().copied().unwrap_or_default();
        numbers.extend(counted.into_iter().map(|number| base + number));
    } else {
        numbers.extend(known.iter().map(by_the_clock));
    }
    // it goes on from the last one by the clock
    let last = numbers.last().copied().zip(open_us[..after].last());
    let base = last.map_or(0, |(number, open)| number - by_the_clock(open));
    numbers.extend(open_us[after..].iter().map(|open| base + by_the_clock(open)));
    numbers
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

    fn micros(text: &str) -> i64 {
        let time = chrono::NaiveDateTime::parse_from_str(text, "%F %R").unwrap();
        time.and_utc().timestamp_micros()
    }

    #[test]
    fn places_follow_on_each_other_where_the_venue_is_open() {
        let check = |calendar: Calendar,
                     timeframe: Timeframe,
                     opens: &[&str],
                     steps: &[i64],
                     sessions_expected: &[i64]| {
            let opens: Vec<i64> = opens.iter().map(|open| micros(open)).collect();
            let differences = |numbers: Vec<i64>| -> Vec<i64> {
                numbers.windows(2).map(|pair| pair[1] - pair[0]).collect()
            };
            assert_eq!(differences(places(calendar, timeframe, &opens)), steps, "{calendar}");
            assert_eq!(differences(of(calendar, &opens)), sessions_expected, "{calendar}");
        };
        let day = ["2024-01-12 14:00", "2024-01-12 15:00", "2024-01-12 20:00"];
        check(Calendar::Always, Timeframe::H1, &day, &[1, 5], &[0, 0]);
        check(Calendar::Nyse, Timeframe::H1, &day, &[1, 5], &[0, 0]);
        // from Friday's last hour to Tuesday's first, for Monday is a holiday
        let over = ["2024-01-12 20:00", "2024-01-16 14:00", "2024-01-16 15:00"];
        check(Calendar::Nyse, Timeframe::H1, &over, &[1, 1], &[1, 0]);
        check(Calendar::Always, Timeframe::H1, &over, &[90, 1], &[4, 0]);
        let days = ["2024-01-12 00:00", "2024-01-16 00:00", "2024-01-18 00:00"];
        check(Calendar::Nyse, Timeframe::D1, &days, &[1, 2], &[1, 2]);
        // Sunday's evening is of Monday's session
        let week = ["2024-01-12 21:00", "2024-01-14 22:00", "2024-01-15 00:00"];
        check(Calendar::Forex, Timeframe::H1, &week, &[1, 2], &[1, 0]);
        // of days that are UTC's each one on which it is open in part has a bar
        let days = ["2024-01-12 00:00", "2024-01-14 00:00", "2024-01-15 00:00"];
        check(Calendar::Forex, Timeframe::D1, &days, &[1, 1], &[1, 0]);
        // what comes after the last day that the calendar vouches for changes nothing of what was before
        let last = Calendar::Nyse.validity().end().start_micros() + 15 * 3_600_000_000;
        let opens = [last, last + 3_600_000_000, last + 3 * DAY_MICROS];
        let steps = |opens: &[i64]| places(Calendar::Nyse, Timeframe::H1, opens);
        assert_eq!(steps(&opens)[..2], steps(&opens[..2]));
        assert_eq!(steps(&opens)[2] - steps(&opens)[1], 71);
        assert_eq!(of(Calendar::Nyse, &opens)[2] - of(Calendar::Nyse, &opens)[1], 3);
        // years that the calendar does not know
        check(
            Calendar::Nyse,
            Timeframe::H1,
            &["1950-01-06 20:00", "1950-01-09 15:00"],
            &[67],
            &[3],
        );
    }
}

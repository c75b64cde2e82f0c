//! All bars of a symbol and timeframe with their indicators, for the tables that need the whole series: bars
//! that the piece has just made, and of all other months those that are there.

use std::ops::Range;
use std::sync::Arc;

use anyhow::Context as _;
use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Decimal128Type, TimeUnit, TimestampMicrosecondType};
use model::period::DAY_MICROS;
use model::schema::Table;
use model::{Day, Timeframe, layout};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use series::bars::Bars;
use series::indicators::indicators;
use source::calendar::Calendar;
use store::LocalCopy;

use crate::analysis::Analysis;
use crate::beside;
use crate::piece::Piece;
use crate::sessions;

/// What is read of a bar. The amounts may be null.
const COLUMNS: [&str; 8] =
    ["open_time", "open", "high", "low", "close", "volume", "contract_volume", "quote_volume"];

/// A symbol's bars of a timeframe, what stands beside them and their indicators; made once.
pub(crate) async fn analysis(
    piece: &mut Piece<'_>,
    timeframe: Timeframe,
) -> anyhow::Result<Arc<Analysis>> {
    if let Some((_, made)) = piece.analyses.iter().find(|(of, _)| *of == timeframe) {
        return Ok(Arc::clone(made));
    }
    let (bars, beside) = (bars(piece, timeframe).await?, beside::of(piece, timeframe).await?);
    let settings = piece.workshop.settings.indicators.clone();
    let work = move || {
        let indicators = indicators(&bars, &settings);
        Analysis { bars, indicators, beside }
    };
    let made = tokio::task::spawn_blocking(work).await.context("the worker ended early")?;
    let made = Arc::new(made);
    piece.analyses.push((timeframe, Arc::clone(&made)));
    Ok(made)
}

/// Reads the bars.
async fn bars(piece: &Piece<'_>, timeframe: Timeframe) -> anyhow::Result<Bars> {
    let lake = piece.workshop.tables.lake();
    let mut copies = Vec::new();
    for path in piece.files_of_bars(timeframe) {
        let key = format!("{}/{path}", layout::table(Table::Bars));
        copies.push((lake.local_copy(&key).await?, key));
    }
    let read = move || {
        let mut bars = Bars { width_us: timeframe.micros(), ..Bars::default() };
        for (copy, key) in &copies {
            read(&mut bars, copy).with_context(|| format!("cannot read `{key}`"))?;
        }
        anyhow::Ok(bars)
    };
    let mut bars = tokio::task::spawn_blocking(read).await.context("the reader ended early")??;
    let calendar = piece.workshop.providers.calendar(piece.dirty.source, piece.dirty.market);
    bars.place = places(calendar, timeframe, &bars.open_us);
    bars.session = sessions(calendar, &bars.open_us);
    Ok(bars)
}

/// Adds the bars of a file. Blocks.
fn read(bars: &mut Bars, copy: &LocalCopy) -> anyhow::Result<()> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(copy.open()?)?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), COLUMNS);
    for batch in builder.with_projection(mask).build()? {
        add(bars, &batch?)?;
    }
    Ok(())
}

fn add(bars: &mut Bars, batch: &RecordBatch) -> anyhow::Result<()> {
    let column = |name: &str| {
        batch.column_by_name(name).with_context(|| format!("there is no column `{name}`"))
    };
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    let opens = arrow::compute::cast(column("open_time")?, &micros)?;
    bars.open_us.extend(opens.as_primitive::<TimestampMicrosecondType>().values());
    let [_, prices @ .., _, _, _] = COLUMNS;
    let targets = [&mut bars.open, &mut bars.high, &mut bars.low, &mut bars.close];
    for (name, target) in prices.into_iter().zip(targets) {
        let price = column(name)?.as_primitive_opt::<Decimal128Type>();
        for price in price.context("a price that is no decimal")?.values() {
            target.push(i64::try_from(*price).context("a price that no column holds")?);
        }
    }
    let amounts = |name: &str| -> anyhow::Result<Vec<Option<i128>>> {
        let amounts = column(name)?.as_primitive_opt::<Decimal128Type>();
        Ok(amounts.context("an amount that is no decimal")?.iter().collect())
    };
    // a market that counts in contracts states its volume in them
    let contracts = amounts("contract_volume")?;
    let volume = amounts("volume")?.into_iter().zip(contracts);
    bars.volume.extend(volume.map(|(volume, contracts)| volume.or(contracts)));
    bars.quote_volume.extend(amounts("quote_volume")?);
    Ok(())
}

/// The number of each bar's place among those of the venue.
fn places(calendar: Calendar, timeframe: Timeframe, open_us: &[i64]) -> Vec<i64> {
    let width = timeframe.micros();
    let by_the_clock = || open_us.iter().map(|open| open.div_euclid(width)).collect();
    let (Some(first), Some(last)) = (open_us.first(), open_us.last()) else { return Vec::new() };
    if calendar == Calendar::Always {
        return by_the_clock();
    }
    if timeframe == Timeframe::D1 {
        let days: Vec<i32> = open_us.iter().map(|open| day_of(*open)).collect();
        let numbers = sessions::numbers(calendar, &days);
        return days
            .iter()
            .map(|day| i64::from(numbers.get(day).copied().unwrap_or(*day)))
            .collect();
    }
    // of years that the calendar does not know every place counts
    let Ok(open) = calendar.bars_within(*first..last.saturating_add(width), timeframe) else {
        return by_the_clock();
    };
    open_us.iter().map(|open_us| open.before(*open_us) as i64).collect()
}

/// The number of each bar's session: the UTC day where the venue never closes or its calendar does not know.
fn sessions(calendar: Calendar, open_us: &[i64]) -> Vec<i64> {
    let by_day = || open_us.iter().map(|open| i64::from(day_of(*open))).collect();
    let (Some(first), Some(last)) = (open_us.first(), open_us.last()) else { return Vec::new() };
    if calendar == Calendar::Always {
        return by_day();
    }
    // the evening before belongs to a session, too
    let mut ends: Vec<i64> = Vec::new();
    for day in day_of(*first)..=day_of(*last) + 1 {
        let session = Day::of_epoch_days(day).map(|day| calendar.session(day));
        match session {
            Some(Ok(Some(Range { end, .. }))) => ends.push(end),
            Some(Ok(None)) => {}
            _ => return by_day(),
        }
    }
    open_us.iter().map(|open| ends.partition_point(|end| end <= open) as i64).collect()
}

fn day_of(micros: i64) -> i32 {
    i32::try_from(micros.div_euclid(DAY_MICROS)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(differences(sessions(calendar, &opens)), sessions_expected, "{calendar}");
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

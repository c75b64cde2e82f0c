//! What stands beside the bars of a symbol: funding rates, the price by earnings of a company, the spreads of its
//! quotes; each with the time from which anybody could know it.

use anyhow::Context as _;
use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMicrosecondType};
use model::Timeframe;
use model::schema::Table;
use series::beside::{Beside, Quotes, Timeline};

use crate::columns::{column, counts, dates, doubles};
use crate::piece::{Piece, parameters_of};

/// Of a symbol in one source and market.
const OF_SYMBOL: &str = "source = $source AND market = $market AND symbol = $symbol";

/// Reads it; what the lake has no table of is empty.
pub(crate) async fn of(piece: &Piece<'_>, timeframe: Timeframe) -> anyhow::Result<Beside> {
    let mut funding = Vec::new();
    for batch in ask(piece, Table::Funding, "time_us, CAST(rate AS double) AS rate").await? {
        let times = column(&batch, "time_us")?.as_primitive_opt::<Int64Type>().cloned();
        let times = times.context("a time that is no number")?;
        let rates = doubles(&batch, "rate")?;
        funding.extend(
            times.values().iter().copied().zip(rates.into_iter().map(Option::unwrap_or_default)),
        );
    }
    let mut ratios = Vec::new();
    for batch in ask(piece, Table::Fundamentals, "as_of, CAST(pe_ratio AS double) AS ratio").await?
    {
        for (day, ratio) in dates(&batch, "as_of")?.into_iter().zip(doubles(&batch, "ratio")?) {
            // at what time of the day it was asked for, the row does not say
            ratios.push((day.next().start_micros(), ratio));
        }
    }
    Ok(Beside {
        funding: Timeline::new(funding),
        price_earnings: Timeline::new(ratios),
        quotes: Timeline::new(quotes(piece, timeframe).await?),
    })
}

/// The quotes of bars: those of the months that were made anew, and of all others those that are there.
async fn quotes(piece: &Piece<'_>, timeframe: Timeframe) -> anyhow::Result<Vec<(i64, Quotes)>> {
    let made = piece.spreads.iter().filter(|(of, _)| *of == timeframe);
    let mut batches: Vec<RecordBatch> = made.map(|(_, rows)| rows.clone()).collect();
    let sources = &piece.workshop.sources;
    if !sources.files_of_other_months(Table::Spreads, piece.dirty, timeframe).is_empty() {
        let months: Vec<String> =
            piece.dirty.months.iter().map(|month| format!("'{month}'")).collect();
        let sql = format!(
            "SELECT open_time, spread, crossed, locked FROM gold.spreads WHERE {OF_SYMBOL} \
             AND timeframe = '{timeframe}' AND month NOT IN ({})",
            months.join(", ")
        );
        let frame = piece.workshop.session.sql(&sql).await?;
        let frame = frame.with_param_values(parameters_of(piece.dirty))?;
        batches.extend(frame.collect().await.context("cannot ask gold.spreads")?);
    }
    let micros = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let mut quotes = Vec::new();
    for batch in &batches {
        let opens = arrow::compute::cast(column(batch, "open_time")?, &micros)?;
        let opens = opens.as_primitive::<TimestampMicrosecondType>().values().clone();
        let spreads = doubles(batch, "spread")?;
        let (crossed, locked) = (counts(batch, "crossed")?, counts(batch, "locked")?);
        for (row, open) in opens.iter().enumerate() {
            let known = open + timeframe.micros();
            let (crossed, locked) = (crossed[row], locked[row]);
            quotes.push((known, Quotes { spread: spreads[row], crossed, locked }));
        }
    }
    Ok(quotes)
}

async fn ask(piece: &Piece<'_>, table: Table, columns: &str) -> anyhow::Result<Vec<RecordBatch>> {
    let workshop = piece.workshop;
    if !workshop.sources.has_table(table, piece.dirty) {
        return Ok(Vec::new());
    }
    let sql = format!("SELECT {columns} FROM {table} WHERE {OF_SYMBOL} AND is_valid ORDER BY 1");
    let frame = workshop.session.sql(&sql).await?.with_param_values(parameters_of(piece.dirty))?;
    frame.collect().await.with_context(|| format!("cannot ask {table}"))
}

//! What stands beside the bars of a symbol: funding rates and the price by earnings of a company, each with the
//! time from which anybody could know it.

use anyhow::Context as _;
use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type};
use model::Day;
use model::schema::Table;
use series::beside::{Beside, Timeline};

use crate::piece::{Piece, parameters_of};

/// Of a symbol in one source and market.
const OF_SYMBOL: &str = "source = $source AND market = $market AND symbol = $symbol AND is_valid";

/// Reads it; what the lake has no table of is empty.
pub(crate) async fn of(piece: &Piece<'_>) -> anyhow::Result<Beside> {
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
        let days = column(&batch, "as_of")?.as_primitive_opt::<Date32Type>().cloned();
        let days = days.context("a day that is none")?;
        for (day, ratio) in days.values().iter().zip(doubles(&batch, "ratio")?) {
            // at what time of the day it was asked for, the row does not say
            let known = Day::of_epoch_days(*day).context("a row outside of all days")?.next();
            ratios.push((known.start_micros(), ratio));
        }
    }
    Ok(Beside {
        funding: Timeline::new(funding),
        price_earnings: Timeline::new(ratios),
        ..Beside::default()
    })
}

async fn ask(piece: &Piece<'_>, table: Table, columns: &str) -> anyhow::Result<Vec<RecordBatch>> {
    let workshop = piece.workshop;
    if !workshop.sources.has_table(table, piece.dirty) {
        return Ok(Vec::new());
    }
    let sql = format!("SELECT {columns} FROM {table} WHERE {OF_SYMBOL} ORDER BY 1");
    let frame = workshop.session.sql(&sql).await?.with_param_values(parameters_of(piece.dirty))?;
    frame.collect().await.with_context(|| format!("cannot ask {table}"))
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> anyhow::Result<&'a arrow::array::ArrayRef> {
    batch.column_by_name(name).with_context(|| format!("no column `{name}`"))
}

fn doubles(batch: &RecordBatch, name: &str) -> anyhow::Result<Vec<Option<f64>>> {
    let column = arrow::compute::cast(column(batch, name)?, &DataType::Float64)?;
    let column = column.as_primitive::<Float64Type>();
    Ok((0..column.len()).map(|row| column.is_valid(row).then(|| column.value(row))).collect())
}

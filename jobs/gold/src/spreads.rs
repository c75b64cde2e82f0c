//! `gold.spreads`: a row a bar with quotes, of the dirty months and those that lack, in files of a month each. Made of quotes alone, so
//! that what compares spreads need not read every quote there ever was.

use std::sync::Arc;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Int64Type};
use model::schema::Table;
use model::{Month, Timeframe};
use table::datafusion::common::ScalarValue;

use crate::columns::{column, instants};
use crate::models;
use crate::piece::{Piece, parameters_of};

/// Makes them.
pub(crate) async fn make(piece: &mut Piece<'_>) -> anyhow::Result<()> {
    let (workshop, dirty) = (piece.workshop, piece.dirty);
    let quoted = workshop.sources.months(Table::Quotes, dirty, None);
    for timeframe in workshop.settings.timeframes.clone() {
        let held = workshop.sources.months(Table::Spreads, dirty, Some(timeframe));
        // a month that never had a quote has no file to be replaced; one whose quotes are older than the
        // table, or than its timeframe, is made with whatever comes next
        let changes = |month: &&Month| dirty.months.contains(month) || !held.contains(month);
        for month in quoted.union(&held).filter(changes) {
            let rows = if quoted.contains(month) {
                of_month(piece, timeframe, *month).await?
            } else {
                Vec::new()
            };
            piece.spreads.extend(rows.iter().map(|rows| (timeframe, rows.clone())));
            piece
                .replace(Table::Spreads, vec![(piece.partition_of(timeframe, *month), rows)])
                .await?;
        }
    }
    piece.drop_others(Table::Spreads).await
}

async fn of_month(
    piece: &Piece<'_>,
    timeframe: Timeframe,
    month: Month,
) -> anyhow::Result<Vec<RecordBatch>> {
    let date = |day: model::Day| ScalarValue::Date32(Some(day.epoch_days()));
    let mut parameters = parameters_of(piece.dirty);
    parameters.extend([("from", date(month.first())), ("to", date(month.last()))]);
    parameters.push(("width_us", ScalarValue::Int64(Some(timeframe.micros()))));
    let batches = models::SPREADS.run(&piece.workshop.session, parameters).await?;
    let Some(first) = batches.first() else { return Ok(Vec::new()) };
    let rows = concat_batches(&first.schema(), &batches)?;
    if rows.num_rows() == 0 {
        return Ok(Vec::new());
    }
    let opens = arrow::compute::cast(column(&rows, "open_us")?, &DataType::Int64)?;
    let opens = opens.as_primitive::<Int64Type>().values().iter().copied();
    let mut columns = vec![("open_time", instants(opens))];
    for name in ["quotes", "spread", "crossed", "locked"] {
        columns.push((name, Arc::clone(column(&rows, name)?)));
    }
    Ok(vec![RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    )?])
}

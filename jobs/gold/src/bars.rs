//! `gold.bars`: the dirty months of a symbol, one by one, in files of a timeframe each. How a month's bars
//! are made is in [`crate::month`].

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context as _;
use arrow::array::{RecordBatch, Scalar, StringArray};
use arrow::compute::{concat_batches, filter_record_batch};
use model::Timeframe;
use model::schema::Table;

use crate::columns::texts;
use crate::models;
use crate::piece::Piece;

/// Makes them, and notes what gold.daily needs of them.
pub(crate) async fn make(piece: &mut Piece<'_>) -> anyhow::Result<()> {
    let (workshop, dirty) = (piece.workshop, piece.dirty);
    for month in &dirty.months {
        if !workshop.sources.has_any(dirty, *month) {
            // a month beside one that changed, with nothing in it and nothing made of it
            continue;
        }
        let bars = workshop.bars_of_month(&piece.memory, dirty, *month, piece.meter).await;
        let bars = bars.with_context(|| month.to_string())?;
        let mut partitions = Vec::with_capacity(Timeframe::GOLD.len());
        for timeframe in Timeframe::GOLD {
            let rows = of_timeframe(&bars, *timeframe)?;
            partitions.push((piece.partition_of(*timeframe, *month), rows));
        }
        piece.replace(Table::Bars, partitions).await?;
        if let Some(first) = bars.first() {
            let schema = as_bars(first)?.schema();
            let bars = bars.iter().map(as_bars).collect::<anyhow::Result<Vec<_>>>()?;
            models::put(&piece.memory, "bars", schema, bars)?;
            piece.days.extend(models::DAYS.run(&piece.memory, Vec::new()).await?);
        }
    }
    Ok(())
}

/// The rows of one timeframe.
fn of_timeframe(bars: &[RecordBatch], timeframe: Timeframe) -> anyhow::Result<Vec<RecordBatch>> {
    let Some(first) = bars.first() else { return Ok(Vec::new()) };
    let wanted = Scalar::new(StringArray::from(vec![timeframe.as_str()]));
    let mut found = Vec::new();
    for batch in bars {
        let keep = arrow::compute::kernels::cmp::eq(&texts(batch, "timeframe")?, &wanted)?;
        if keep.true_count() > 0 {
            found.push(filter_record_batch(batch, &keep)?);
        }
    }
    Ok(if found.is_empty() { found } else { vec![concat_batches(&first.schema(), &found)?] })
}

/// Bars of the model as rows of gold.bars: with instants, and the timeframe kept.
fn as_bars(batch: &RecordBatch) -> anyhow::Result<RecordBatch> {
    let schema = store::schema::table_schema(Table::Bars);
    let there: BTreeSet<String> =
        batch.schema().fields().iter().map(|f| f.name().clone()).collect();
    let fields: Vec<_> =
        schema.fields().iter().filter(|f| there.contains(f.name())).cloned().collect();
    models::conform(batch, &Arc::new(arrow::datatypes::Schema::new(fields)))
}

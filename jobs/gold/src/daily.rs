//! `gold.daily`: a symbol's daily figures, from all its bars, in one file.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use model::schema::Table;
use table::datafusion::prelude::{col, lit};

use crate::models;
use crate::piece::Piece;
use crate::sessions;

/// Makes them from the bars of the months that were made anew and of all others.
pub(crate) async fn make(piece: &mut Piece<'_>) -> anyhow::Result<()> {
    let mut days = of_other_months(piece).await?;
    days.append(&mut piece.days);
    let rows = figures(piece, days).await?;
    let partition = piece.partition();
    piece.replace(Table::Daily, vec![(partition, rows)]).await
}

/// What is needed of the days in months that are not made anew, from the bars there are.
async fn of_other_months(piece: &Piece<'_>) -> anyhow::Result<Vec<RecordBatch>> {
    let (dirty, memory) = (piece.dirty, &piece.memory);
    if !piece.workshop.sources.has_other_bars(dirty) {
        return Ok(Vec::new());
    }
    let months = dirty.months.iter().map(|month| lit(month.to_string())).collect();
    let bars = piece
        .workshop
        .session
        .table("gold.bars")
        .await?
        .filter(col("source").eq(lit(dirty.source.as_str())))?
        .filter(col("market").eq(lit(dirty.market.as_str())))?
        .filter(col("symbol").eq(lit(dirty.symbol.as_str())))?
        .filter(col("month").in_list(months, true))?;
    memory.deregister_table("bars")?;
    memory.register_table("bars", bars.into_view())?;
    models::DAYS.run(memory, Vec::new()).await
}

/// The figures of all days.
async fn figures(piece: &Piece<'_>, days: Vec<RecordBatch>) -> anyhow::Result<Vec<RecordBatch>> {
    let Some(first) = days.first() else { return Ok(Vec::new()) };
    let schema = nullable(&first.schema());
    let days =
        days.iter().map(|d| models::conform(d, &schema)).collect::<anyhow::Result<Vec<_>>>()?;
    let calendar = piece.workshop.providers.calendar(piece.dirty.source, piece.dirty.market);
    let days = sessions::number(calendar, &days)?;
    let schema = days.first().map_or(schema, RecordBatch::schema);
    models::put(&piece.memory, "days", schema, days)?;
    models::DAILY.run(&piece.memory, Vec::new()).await
}

fn nullable(schema: &SchemaRef) -> SchemaRef {
    let fields: Vec<_> =
        schema.fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect();
    Arc::new(arrow::datatypes::Schema::new(fields))
}

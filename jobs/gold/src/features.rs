//! `gold.features`: a row a bar, in files of a month each. What a feature is, is in [`series::features`].

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use model::schema::Table;
use series::features::{FEATURES, Frame};

use crate::analysis::{Analysis, instants};
use crate::history;
use crate::piece::Piece;

/// Makes them.
pub(crate) async fn make(piece: &mut Piece<'_>) -> anyhow::Result<()> {
    for timeframe in piece.workshop.settings.timeframes.clone() {
        let analysis = history::analysis(piece, timeframe).await?;
        let rows = rows(&analysis)?;
        let (first, opens) = (piece.first_month(), &analysis.bars.open_us);
        piece.replace_months(Table::Features, timeframe, first, opens, &rows).await?;
    }
    Ok(())
}

fn rows(analysis: &Analysis) -> anyhow::Result<RecordBatch> {
    let Analysis { bars, indicators, beside } = analysis;
    let frame = Frame::new(bars, indicators, beside);
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("open_time", instants(bars.open_us.iter().copied())),
        ("known_at", instants((0..bars.len()).map(|at| frame.known_us(at)))),
    ];
    for feature in FEATURES {
        let values: Float64Array = feature.of(&frame, 0..bars.len()).into_iter().collect();
        columns.push((feature.name, Arc::new(values)));
    }
    Ok(RecordBatch::try_from_iter(columns)?)
}

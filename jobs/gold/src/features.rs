//! `gold.features`: a row a bar, in files of a month each. What a feature is, is in [`series::features`].

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use model::schema::Table;
use series::features::{FEATURES, Frame};

use crate::analysis::Analysis;
use crate::columns::instants;
use crate::history;
use crate::piece::Piece;

/// Makes them.
pub(crate) async fn make(piece: &mut Piece<'_>) -> anyhow::Result<()> {
    for timeframe in piece.workshop.settings.timeframes.clone() {
        let analysis = history::analysis(piece, timeframe).await?;
        let Analysis { bars, indicators, beside } = &*analysis;
        let frame = Frame::new(bars, indicators, beside);
        let rows = |of| rows(&bars.open_us, &frame, of);
        let first = piece.first_month();
        piece.replace_months(Table::Features, timeframe, first, &bars.open_us, rows).await?;
    }
    piece.drop_others(Table::Features).await
}

fn rows(open_us: &[i64], frame: &Frame<'_>, of: Range<usize>) -> anyhow::Result<RecordBatch> {
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("open_time", instants(open_us[of.clone()].iter().copied())),
        ("known_at", instants(of.clone().map(|at| frame.known_us(at)))),
    ];
    for feature in FEATURES {
        let values: Float64Array = feature.of(frame, of.clone()).into_iter().collect();
        columns.push((feature.name, Arc::new(values)));
    }
    Ok(RecordBatch::try_from_iter(columns)?)
}

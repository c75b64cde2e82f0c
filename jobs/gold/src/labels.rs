//! `gold.labels`: a row a bar and horizon, in files of a month each. They look ahead: the last bars before a
//! month that is made anew change with it. What a label is, is in [`series::labels`].

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, RecordBatch};
use model::schema::Table;
use model::{Day, Month};
use series::bars::Bars;
use series::labels::{HORIZONS, Label, label};

use crate::columns::instants;
use crate::history;
use crate::piece::Piece;

/// Makes them.
pub(crate) async fn make(piece: &mut Piece<'_>) -> anyhow::Result<()> {
    for timeframe in piece.workshop.settings.timeframes.clone() {
        let analysis = history::analysis(piece, timeframe).await?;
        let bars = &analysis.bars;
        let first = piece.first_month().map(|month| first_seen_from(bars, month));
        let rows = |of| rows(bars, of);
        piece.replace_months(Table::Labels, timeframe, first, &bars.open_us, rows).await?;
    }
    piece.drop_others(Table::Labels).await
}

/// The month of the first bar whose labels see a month.
fn first_seen_from(bars: &Bars, month: Month) -> Month {
    let begins = bars.open_us.partition_point(|open| *open < month.first().start_micros());
    let sees = begins.saturating_sub(HORIZONS.into_iter().max().unwrap_or_default());
    let open = bars.open_us.get(sees).and_then(|open| Day::of_micros(*open));
    open.map_or(month, |day| day.month().min(month))
}

/// The labels there are of a range of bars, in the order of the table.
fn rows(bars: &Bars, of: Range<usize>) -> anyhow::Result<RecordBatch> {
    let of_horizons: Vec<Label> =
        HORIZONS.iter().map(|horizon| label(bars, *horizon, of.clone())).collect();
    let mut opens = Vec::new();
    let (mut horizons, mut returns, mut directions) = (Vec::new(), Vec::new(), Vec::new());
    let mut known = Vec::new();
    for (row, open_us) in bars.open_us[of].iter().enumerate() {
        for label in &of_horizons {
            let (Some(log_return), Some(sign), Some(known_us)) =
                (label.log_return[row], label.sign[row], label.known_us[row])
            else {
                continue;
            };
            opens.push(*open_us);
            horizons.push(label.horizon as i32);
            returns.push(log_return);
            directions.push(i32::from(sign));
            known.push(known_us);
        }
    }
    Ok(RecordBatch::try_from_iter([
        ("open_time", instants(opens.into_iter())),
        ("horizon", Arc::new(Int32Array::from(horizons)) as ArrayRef),
        ("log_return", Arc::new(Float64Array::from(returns))),
        ("direction", Arc::new(Int32Array::from(directions))),
        ("known_at", instants(known.into_iter())),
    ])?)
}

//! `gold.labels`: a row a bar and horizon, in files of a month each. They look ahead: the last bars before a
//! month that is made anew change with it. What a label is, is in [`series::labels`].

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, RecordBatch};
use model::schema::Table;
use model::{Day, Month};
use series::bars::Bars;
use series::labels::{HORIZONS, labels};

use crate::analysis::instants;
use crate::history;
use crate::piece::Piece;

/// The columns of the labels there are, of all bars and horizons in the order of the table.
#[derive(Default)]
struct Columns {
    open_us: Vec<i64>,
    horizon: Vec<i32>,
    log_return: Vec<f64>,
    direction: Vec<i32>,
    known_us: Vec<i64>,
}

/// Makes them.
pub(crate) async fn make(piece: &mut Piece<'_>) -> anyhow::Result<()> {
    for timeframe in piece.workshop.settings.timeframes.clone() {
        let analysis = history::analysis(piece, timeframe).await?;
        let columns = columns(&analysis.bars);
        let first = piece.first_month().map(|month| first_seen_from(&analysis.bars, month));
        let rows = |of| rows(&columns, of);
        piece.replace_months(Table::Labels, timeframe, first, &columns.open_us, rows).await?;
    }
    Ok(())
}

/// The month of the first bar whose labels see a month.
fn first_seen_from(bars: &Bars, month: Month) -> Month {
    let begins = bars.open_us.partition_point(|open| *open < month.first().start_micros());
    let sees = begins.saturating_sub(HORIZONS.into_iter().max().unwrap_or_default());
    let open = bars.open_us.get(sees).and_then(|open| Day::of_micros(*open));
    open.map_or(month, |day| day.month().min(month))
}

fn columns(bars: &Bars) -> Columns {
    let of_horizons = labels(bars, &HORIZONS);
    let mut columns = Columns::default();
    for (at, open_us) in bars.open_us.iter().enumerate() {
        for label in &of_horizons {
            let (Some(log_return), Some(sign), Some(known_us)) =
                (label.log_return[at], label.sign[at], label.known_us[at])
            else {
                continue;
            };
            columns.open_us.push(*open_us);
            columns.horizon.push(label.horizon as i32);
            columns.log_return.push(log_return);
            columns.direction.push(sign.into());
            columns.known_us.push(known_us);
        }
    }
    columns
}

fn rows(columns: &Columns, of: Range<usize>) -> anyhow::Result<RecordBatch> {
    let ints = |values: &[i32]| -> ArrayRef { Arc::new(Int32Array::from(values.to_vec())) };
    let log_return = Float64Array::from(columns.log_return[of.clone()].to_vec());
    Ok(RecordBatch::try_from_iter([
        ("open_time", instants(columns.open_us[of.clone()].iter().copied())),
        ("horizon", ints(&columns.horizon[of.clone()])),
        ("log_return", Arc::new(log_return) as ArrayRef),
        ("direction", ints(&columns.direction[of.clone()])),
        ("known_at", instants(columns.known_us[of].iter().copied())),
    ])?)
}

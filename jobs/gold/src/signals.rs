//! `gold.signals`: a row for each signal that a bar gives, all of a symbol in one file. What gives one is in
//! [`series::signals`].

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use model::schema::Table;
use series::signals::{Signal, signals};

use crate::columns::{instants, words};
use crate::history;
use crate::piece::Piece;

/// Makes them.
pub(crate) async fn make(piece: &mut Piece<'_>) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for timeframe in piece.workshop.settings.timeframes.clone() {
        let analysis = history::analysis(piece, timeframe).await?;
        let settings = &piece.workshop.settings.signals;
        let found = signals(&analysis.bars, &analysis.indicators, &analysis.beside, settings);
        if !found.is_empty() {
            rows.push(of_timeframe(timeframe.as_str(), &analysis.bars.open_us, &found)?);
        }
    }
    let partition = piece.partition();
    piece.replace(Table::Signals, vec![(partition, rows)]).await
}

fn of_timeframe(timeframe: &str, open_us: &[i64], found: &[Signal]) -> anyhow::Result<RecordBatch> {
    let made_of: Vec<String> = found.iter().map(made_of).collect();
    let strength = Float64Array::from_iter_values(found.iter().map(|s| s.strength));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("timeframe", words(found.iter().map(|_| timeframe))),
        ("open_time", instants(found.iter().map(|s| open_us[s.at]))),
        ("signal_type", words(found.iter().map(|s| s.kind.as_str()))),
        ("direction", words(found.iter().map(|s| s.direction.as_str()))),
        ("strength", Arc::new(strength)),
        ("description", words(found.iter().map(|s| s.description.as_str()))),
        ("made_of", words(made_of.iter().map(String::as_str))),
        ("known_at", instants(found.iter().map(|s| s.known_us))),
    ];
    Ok(RecordBatch::try_from_iter(columns)?)
}

fn made_of(signal: &Signal) -> String {
    let values: Vec<String> =
        signal.values.iter().map(|(name, value)| format!("{name}={value}")).collect();
    values.join(", ")
}

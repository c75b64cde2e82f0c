//! `gold.anomalies`: a row for each unusual thing about a bar, all of a symbol in one file. What is unusual is
//! in [`series::anomalies`].

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use model::schema::Table;
use series::anomalies::{Anomaly, anomalies};

use crate::columns::{instants, words};
use crate::history;
use crate::piece::Piece;

/// Makes them.
pub(crate) async fn make(piece: &mut Piece<'_>) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for timeframe in piece.workshop.settings.timeframes.clone() {
        let analysis = history::analysis(piece, timeframe).await?;
        let settings = &piece.workshop.settings.anomalies_of(&piece.dirty.symbol, timeframe);
        let found = anomalies(&analysis.bars, &analysis.indicators, &analysis.beside, settings);
        if !found.is_empty() {
            rows.push(of_timeframe(timeframe.as_str(), &analysis.bars.open_us, &found)?);
        }
    }
    let partition = piece.partition();
    piece.replace(Table::Anomalies, vec![(partition, rows)]).await
}

fn of_timeframe(
    timeframe: &str,
    open_us: &[i64],
    found: &[Anomaly],
) -> anyhow::Result<RecordBatch> {
    let doubles = |of: fn(&Anomaly) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(found.iter().map(of)))
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("timeframe", words(found.iter().map(|_| timeframe))),
        ("open_time", instants(found.iter().map(|a| open_us[a.at]))),
        ("anomaly_type", words(found.iter().map(|a| a.kind.as_str()))),
        ("severity", words(found.iter().map(|a| a.severity.as_str()))),
        ("value", doubles(|a| a.value)),
        ("threshold", doubles(|a| a.threshold)),
        ("description", words(found.iter().map(|a| a.description.as_str()))),
        ("method", words(found.iter().map(|a| a.method))),
        ("known_at", instants(found.iter().map(|a| a.known_us))),
    ];
    Ok(RecordBatch::try_from_iter(columns)?)
}

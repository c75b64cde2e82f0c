//! What to say where a question went wrong: errors of the engine in one sentence, and a hint where
//! an answer has no rows because the lake does not know what was asked for.

use std::error::Error;
use std::time::Duration;

use model::schema::Table;
use table::datafusion::arrow::array::AsArray as _;
use table::datafusion::arrow::compute::cast;
use table::datafusion::arrow::datatypes::DataType;
use table::datafusion::error::DataFusionError;
use table::datafusion::execution::context::SessionContext;

/// Names that a hint lists, at most.
const NAMES: usize = 12;
/// How long a hint may take to find.
const PATIENCE: Duration = Duration::from_secs(3);
/// What the engine says of a table that nobody registered: `table 'datafusion.silver.x' not found`.
const UNKNOWN_TABLE: &str = "table 'datafusion.";

/// An error of the engine, each cause once: its text holds that of its direct cause already.
pub(crate) fn told(what: &str, error: &DataFusionError) -> anyhow::Error {
    let mut text = error.strip_backtrace();
    // that it is not the engine's own says nothing to people
    if let Some(rest) = text.strip_prefix("External error: ") {
        text = rest.to_owned();
    }
    let mut cause = error.source().and_then(Error::source);
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    let unknown = text.split_once(UNKNOWN_TABLE).and_then(|(_, rest)| rest.split_once("' not "));
    match unknown {
        Some((name, _)) => {
            // the engine's own schema, for a name without one
            let name = name.strip_prefix("public.").unwrap_or(name);
            let tables: Vec<&str> = Table::ALL.iter().map(|table| table.as_str()).collect();
            anyhow::anyhow!("{what}: no table {name}, expected one of {}", tables.join(", "))
        }
        None => anyhow::anyhow!("{what}: {text}"),
    }
}

/// Whether an error is the lake's: a table that cannot be loaded, a file that cannot be read. The SQL
/// may be as good as any.
pub(crate) fn is_of_lake(error: &DataFusionError) -> bool {
    use DataFusionError::{External, IoError, ObjectStore, ParquetError};
    matches!(error.find_root(), External(_) | IoError(_) | ObjectStore(_) | ParquetError(_))
}

/// Why a query that was understood did not run to its end. Where it needs more than the memory it
/// may take, and cannot spill at that point, this is what to say.
pub(crate) fn not_run(error: &DataFusionError, memory_mib: u64) -> anyhow::Error {
    match error.find_root() {
        DataFusionError::ResourcesExhausted(why) => {
            // disks that are full are no matter of memory
            if why.contains("disk") && !why.contains("memory") {
                return anyhow::anyhow!("cannot run the query: it cannot spill: {why}");
            }
            anyhow::anyhow!(
                "the query needs more than the {memory_mib} MiB that it may take, and cannot spill \
                 at this point: ask for less (fewer days, columns or groups; no array_agg over many \
                 rows), or give it more with `--memory MIB` or {} ({})",
                model::env::QUERY_MEMORY,
                why.lines().next().unwrap_or_default().trim()
            )
        }
        _ if is_of_lake(error) => told("cannot read the lake", error),
        _ => told("cannot run the query", error),
    }
}

/// Parameters named as a column, and the table that knows the column's values: series are those that
/// the lake was last judged on.
const KNOWN: &[(&str, Table)] = &[
    ("source", Table::Coverage),
    ("market", Table::Coverage),
    ("dataset", Table::Coverage),
    ("symbol", Table::Coverage),
    ("timeframe", Table::Bars),
];

/// Remarks on an answer without rows: a lake that was never judged, days the wrong way round, and
/// parameters whose value nothing in the lake has. What cannot be looked up is not remarked on.
pub(crate) async fn of_nothing(session: &SessionContext, params: &[String]) -> Vec<String> {
    let given: Vec<(&str, &str)> = params
        .iter()
        .filter_map(|param| param.split_once('='))
        .map(|(n, v)| (n.trim(), v))
        .collect();
    let mut notes = Vec::from_iter(wrong_way_round(&given));
    if known(session, "symbol", Table::Coverage).await.is_ok_and(|symbols| symbols.is_empty()) {
        notes.push("no run of this lake has come to its end: its tables may be empty".to_owned());
    }
    for (column, value) in given {
        let Some((_, table)) = KNOWN.iter().find(|(name, _)| *name == column) else { continue };
        let known = known(session, column, *table).await.unwrap_or_default();
        if value.is_empty() || known.is_empty() || known.iter().any(|known| known == value) {
            continue;
        }
        let more = if known.len() > NAMES { ", …" } else { "" };
        let some = known.get(..NAMES).unwrap_or(&known).join(", ");
        notes.push(format!("{} knows no {column} {value}, only {some}{more}", table.as_str()));
    }
    notes
}

/// A first day after the last one; days of one form are ordered as texts.
fn wrong_way_round(given: &[(&str, &str)]) -> Option<String> {
    let value =
        |name: &str| given.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
    let (from, to) = (value("from")?, value("to")?);
    (from.len() == to.len() && from > to).then(|| format!("from {from} lies after to {to}"))
}

/// The values of a column of a table, in order; none where a large lake takes too long to tell.
async fn known(
    session: &SessionContext,
    column: &str,
    table: Table,
) -> Result<Vec<String>, DataFusionError> {
    let values = tokio::time::timeout(PATIENCE, distinct(session, column, table));
    values.await.unwrap_or_else(|_| Err(DataFusionError::Execution("it takes too long".into())))
}

async fn distinct(
    session: &SessionContext,
    column: &str,
    table: Table,
) -> Result<Vec<String>, DataFusionError> {
    let sql = format!(
        "SELECT DISTINCT CAST({column} AS VARCHAR) FROM {} WHERE {column} IS NOT NULL ORDER BY 1",
        table.as_str()
    );
    let batches = session.sql(&sql).await?.collect().await?;
    let mut values = Vec::new();
    for batch in &batches {
        // the engine may answer with views of texts, whatever the column is
        let column = cast(batch.column(0), &DataType::Utf8)?;
        values.extend(column.as_string::<i32>().iter().flatten().map(ToOwned::to_owned));
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_table_is_told_with_those_there_are() {
        let error = DataFusionError::Plan("table 'datafusion.silver.trade' not found".into());
        let text = format!("{:#}", told("cannot understand the SQL", &error));
        assert!(
            text.starts_with(
                "cannot understand the SQL: no table silver.trade, expected one of bronze.archives,"
            ),
            "{text}"
        );
    }

    #[test]
    fn days_the_wrong_way_round_are_remarked_on() {
        let check = |from: &str, to: &str, expect: Option<&str>| {
            let found = wrong_way_round(&[("symbol", "X"), ("from", from), ("to", to)]);
            assert_eq!(found.as_deref(), expect);
        };
        check("2024-02-01", "2024-01-31", Some("from 2024-02-01 lies after to 2024-01-31"));
        check("2024-01-31", "2024-01-31", None);
        check("2023-12-31", "2024-01-01", None);
        assert_eq!(wrong_way_round(&[("from", "2024-02-01")]), None);
    }

    #[test]
    fn a_table_without_a_schema_keeps_its_name() {
        let error = DataFusionError::Plan("table 'datafusion.public.trades' not found".into());
        assert!(format!("{:#}", told("x", &error)).starts_with("x: no table trades, expected"));
    }

    #[test]
    fn the_cause_of_a_cause_is_told() {
        let reason = std::io::Error::other("permission denied");
        let table = anyhow::Error::new(reason).context("cannot load silver.trades");
        let error = DataFusionError::External(table.into());
        let text = format!("{:#}", told("cannot run the query", &error));
        assert!(text.ends_with("cannot load silver.trades: permission denied"), "{text}");
        assert!(!text.contains("External"), "{text}");
        assert!(is_of_lake(&error) && !is_of_lake(&DataFusionError::Plan("x".into())));
    }

    #[test]
    fn an_error_is_told_once() {
        let error = DataFusionError::Plan("no such thing".into()).context("while planning");
        let text = format!("{:#}", told("cannot run the query", &error));
        assert_eq!(text.matches("no such thing").count(), 1, "{text}");
    }
}

//! What Athena finds after a run: every table can be counted, and a filter on its partitions reads no
//! more than the files of one. Only that one partition is read, however large the lake is.

use anyhow::Context as _;
use model::question::in_databases;
use model::schema::{Column, ColumnType, Table};
use model::{human, layout};

use super::page::{About, Page, Verdict};
use crate::account::Cloud;
use crate::ask::ask;
use crate::execution;
use crate::lake;

/// Tables of many partitions, the largest first; the first with a row is filtered.
const FILTERED: &[Table] = &[Table::Trades, Table::AggTrades, Table::Klines];

/// All that is proven of the tables.
pub(super) async fn prove(cloud: &Cloud, page: &mut Page) -> anyhow::Result<()> {
    let runs = execution::list(cloud, 1_000).await?;
    if !runs.iter().any(|run| run.status == "SUCCEEDED") {
        let environment = &cloud.names.environment;
        let why = format!(
            "no run has succeeded yet; type `cargo xtask run --env {environment} --wait`, then this again"
        );
        page.add(About::Tables, "all tables", Verdict::NotKnown, why);
        return Ok(());
    }
    for table in Table::ALL {
        let sql = format!("SELECT count(*) FROM {table}");
        match answer(cloud, &sql).await? {
            Answered::Rows(rows, bytes) => {
                let rows = rows.first().and_then(|row| row.first().cloned().flatten());
                let is_number = rows.as_ref().is_some_and(|n| n.parse::<u64>().is_ok());
                let rows = rows.unwrap_or_default();
                let found = format!("{rows} rows, {} scanned", human::bytes(bytes));
                page.judge(About::Tables, format!("`{table}` can be counted"), is_number, found);
            }
            Answered::Refused(why) => {
                page.judge(About::Tables, format!("`{table}` can be counted"), false, why);
            }
            Answered::Nobody(why) => {
                page.add(About::Tables, "all tables", Verdict::NotKnown, why);
                return Ok(());
            }
        }
    }
    filtered(cloud, page).await
}

/// A query of one partition, with the bytes that it scans against those of the partition's files.
async fn filtered(cloud: &Cloud, page: &mut Page) -> anyhow::Result<()> {
    for table in FILTERED {
        let schema = table.schema();
        let columns = schema.partition_columns();
        let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
        let sql = format!("SELECT {} FROM {table} LIMIT 1", names.join(", "));
        let row = match answer(cloud, &sql).await? {
            Answered::Rows(rows, _) => rows.into_iter().next(),
            Answered::Refused(why) | Answered::Nobody(why) => {
                page.add(
                    About::Tables,
                    format!("one partition of `{table}`"),
                    Verdict::NotKnown,
                    why,
                );
                return Ok(());
            }
        };
        let Some(row) = row else { continue };
        let values: Vec<String> = row.into_iter().flatten().collect();
        let filters: Vec<String> =
            columns.iter().zip(&values).map(|(column, value)| equals(column, value)).collect();
        let sum = schema
            .file_columns()
            .iter()
            .find(|column| matches!(column.kind, ColumnType::Decimal(..)))
            .with_context(|| format!("{table} has no decimal"))?;
        let sql = format!(
            "SELECT count(*), sum({}) FROM {table} WHERE {}",
            sum.name,
            filters.join(" AND ")
        );
        let parts: Vec<(&str, &str)> =
            names.iter().copied().zip(values.iter().map(String::as_str)).collect();
        let folder = layout::data_file(&parts, "");
        let place = layout::table(*table);
        let (part, whole) = (
            lake::size(cloud, format!("{place}/{folder}").trim_end_matches('/')).await?,
            lake::size(cloud, &place).await?,
        );
        let what = format!("a filter on one partition of `{table}` reads that partition alone");
        match answer(cloud, &sql).await? {
            Answered::Rows(_, scanned) => {
                let found = format!(
                    "{} scanned of {} in the partition, {} in the table",
                    human::bytes(scanned),
                    human::bytes(part.bytes),
                    human::bytes(whole.bytes)
                );
                if whole.bytes == part.bytes {
                    let found = found + ": there is no other partition yet";
                    page.add(About::Tables, what, Verdict::NotKnown, found);
                } else {
                    page.judge(About::Tables, what, scanned > 0 && scanned <= part.bytes, found);
                }
            }
            Answered::Refused(why) => page.judge(About::Tables, what, false, why),
            Answered::Nobody(why) => page.add(About::Tables, what, Verdict::NotKnown, why),
        }
        return Ok(());
    }
    let why = "silver holds no row yet";
    page.add(About::Tables, "a filter on one partition", Verdict::NotKnown, why);
    Ok(())
}

/// `date = DATE '2024-01-31'`.
fn equals(column: &Column, value: &str) -> String {
    let value = value.replace('\'', "''");
    match column.kind {
        ColumnType::Date => format!("{} = DATE '{value}'", column.name),
        _ => format!("{} = '{value}'", column.name),
    }
}

/// What came of a question.
enum Answered {
    /// Rows, and the bytes that were scanned for them.
    Rows(Vec<Vec<Option<String>>>, u64),
    /// Athena cannot do that.
    Refused(String),
    /// There is no Athena.
    Nobody(String),
}

async fn answer(cloud: &Cloud, sql: &str) -> anyhow::Result<Answered> {
    match ask(cloud, &in_databases(sql, |zone| cloud.names.database(zone)), None).await {
        Ok((answer, statistics)) => {
            let scanned = statistics.data_scanned_in_bytes().unwrap_or(0);
            Ok(Answered::Rows(answer.rows, u64::try_from(scanned).unwrap_or(0)))
        }
        Err(error) => {
            let why = human::chain(error.as_ref());
            // the emulated AWS answers so where its engine is not there
            if cloud.identity().endpoint.is_some() && why.contains("not installed") {
                return Ok(Answered::Nobody(why));
            }
            if error.is::<crate::account::Wrong>() {
                return Ok(Answered::Refused(why));
            }
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_of_the_columns_types() {
        let filters = |table: Table, values: &[&str]| -> Vec<String> {
            let columns = table.schema().partition_columns();
            columns.iter().zip(values).map(|(column, value)| equals(column, value)).collect()
        };
        assert_eq!(
            filters(Table::Trades, &["binance", "spot", "x'y", "2024-01-31"]),
            [
                "source = 'binance'",
                "market = 'spot'",
                "symbol = 'x''y'",
                "date = DATE '2024-01-31'"
            ]
        );
    }
}

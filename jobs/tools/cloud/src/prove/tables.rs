//! What Athena finds after a run: every table can be counted, and a filter on its partitions reads no
//! more than the files of one. The question which partitions there are opens some
//! files; of two partitions the rows are read, however large the lake is.

use anyhow::Context as _;
use model::question::in_databases;
use model::schema::{Column, ColumnType, Table};
use model::{human, layout};

use super::page::{About, Page, Verdict};
use crate::account::Cloud;
use crate::ask::ask;
use crate::execution;
use crate::lake;

/// Tables of many partitions, the largest first; the first that has two is filtered.
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

/// What a filter reads of the first table that has partitions to tell apart.
async fn filtered(cloud: &Cloud, page: &mut Page) -> anyhow::Result<()> {
    let mut lonely = None;
    for table in FILTERED {
        let what = format!("a filter on one partition of `{table}` reads that partition alone");
        match pruned(cloud, *table).await? {
            Pruned::Judged(verdict, found) => {
                page.add(About::Tables, what, verdict, found);
                return Ok(());
            }
            Pruned::Lonely => lonely = lonely.or(Some(what)),
            Pruned::Empty => {}
        }
    }
    let (what, why) = match lonely {
        Some(what) => (what, "there is no other partition yet"),
        None => ("a filter on one partition".to_owned(), "silver holds no row yet"),
    };
    page.add(About::Tables, what, Verdict::NotKnown, why);
    Ok(())
}

/// What is known of a table's filter.
enum Pruned {
    /// What its bytes come to.
    Judged(Verdict, String),
    /// The table has one partition, which every filter reads.
    Lonely,
    /// The table has no row.
    Empty,
}

/// The same sum over one partition and over two: a filter that leaves nothing out reads as much for
/// one as for both. Never over the whole table, which may be large.
async fn pruned(cloud: &Cloud, table: Table) -> anyhow::Result<Pruned> {
    let schema = table.schema();
    let columns = schema.partition_columns();
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    let sql = format!("SELECT DISTINCT {} FROM {table} LIMIT 2", names.join(", "));
    let partitions: Vec<Vec<String>> = match answer(cloud, &sql).await?.rows() {
        Ok((rows, _)) => rows.into_iter().map(|row| row.into_iter().flatten().collect()).collect(),
        Err((verdict, why)) => return Ok(Pruned::Judged(verdict, why)),
    };
    let (one, other) = match partitions.as_slice() {
        [] => return Ok(Pruned::Empty),
        [_] => return Ok(Pruned::Lonely),
        [one, other, ..] => (one, other),
    };
    let sum = schema
        .file_columns()
        .iter()
        .find(|column| matches!(column.kind, ColumnType::Decimal(..)))
        .with_context(|| format!("{table} has no decimal"))?;
    let mut scanned = Vec::new();
    for filter in [filter(columns, &[one]), filter(columns, &[one, other])] {
        let sql = format!("SELECT count(*), sum({}) FROM {table} WHERE {filter}", sum.name);
        match answer(cloud, &sql).await?.rows() {
            Ok((_, bytes)) => scanned.push(bytes),
            Err((verdict, why)) => return Ok(Pruned::Judged(verdict, why)),
        }
    }
    let parts: Vec<(&str, &str)> =
        names.iter().copied().zip(one.iter().map(String::as_str)).collect();
    let folder = format!("{}/{}", layout::table(table), layout::data_file(&parts, ""));
    // the folder of a partition holds data files and nothing of the log
    let files = lake::size(cloud, &format!("{}/", folder.trim_end_matches('/'))).await?;
    let (verdict, found) = judged(scanned[0], scanned[1], files.bytes);
    Ok(Pruned::Judged(verdict, found))
}

/// What the bytes come to that were scanned for one partition and for two; `files` is the size of
/// the one's files, those that were replaced included.
fn judged(one: u64, two: u64, files: u64) -> (Verdict, String) {
    let is_so = one > 0 && one <= files && one < two;
    let found = format!(
        "{} scanned of {} in the partition's files, {} of two partitions",
        human::bytes(one),
        human::bytes(files),
        human::bytes(two)
    );
    (if is_so { Verdict::Proven } else { Verdict::Refuted }, found)
}

/// The rows of these partitions: `(date = DATE '2024-01-31') OR (…)`.
fn filter(columns: &[Column], partitions: &[&Vec<String>]) -> String {
    let of = |values: &&Vec<String>| {
        let all: Vec<String> =
            columns.iter().zip(*values).map(|(column, value)| equals(column, value)).collect();
        format!("({})", all.join(" AND "))
    };
    partitions.iter().map(of).collect::<Vec<_>>().join(" OR ")
}

/// `date = DATE '2024-01-31'`.
fn equals(column: &Column, value: &str) -> String {
    let value = value.replace('\'', "''");
    match column.kind {
        ColumnType::Date => format!("{} = DATE '{value}'", column.name),
        _ => format!("{} = '{value}'", column.name),
    }
}

/// The cells of an answer; none is null.
type Rows = Vec<Vec<Option<String>>>;

/// What came of a question.
enum Answered {
    /// Rows, and the bytes that were scanned for them.
    Rows(Rows, u64),
    /// Athena cannot do that.
    Refused(String),
    /// There is no Athena.
    Nobody(String),
}

impl Answered {
    /// Rows and bytes; a verdict and its reason where there are none.
    fn rows(self) -> Result<(Rows, u64), (Verdict, String)> {
        match self {
            Self::Rows(rows, bytes) => Ok((rows, bytes)),
            Self::Refused(why) => Err((Verdict::Refuted, why)),
            Self::Nobody(why) => Err((Verdict::NotKnown, why)),
        }
    }
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
        let check = |partitions: &[&[&str]], expect: &str| {
            let partitions: Vec<Vec<String>> = partitions
                .iter()
                .map(|values| values.iter().map(ToString::to_string).collect())
                .collect();
            let columns = Table::Trades.schema().partition_columns();
            assert_eq!(filter(columns, &partitions.iter().collect::<Vec<_>>()), expect);
        };
        let one: &[&str] = &["binance", "spot", "x'y", "2024-01-31"];
        let text = "(source = 'binance' AND market = 'spot' AND symbol = 'x''y' AND date = DATE \
                    '2024-01-31')";
        check(&[one], text);
        check(&[one, one], &format!("{text} OR {text}"));
    }

    #[test]
    fn a_filter_that_leaves_nothing_out_is_refuted() {
        let check = |one: u64, two: u64, files: u64, expect: Verdict| {
            assert_eq!(judged(one, two, files).0, expect, "{one} {two} {files}");
        };
        check(40, 90, 100, Verdict::Proven);
        check(100, 101, 100, Verdict::Proven);
        // as much for one partition as for two: both were read whole
        check(90, 90, 100, Verdict::Refuted);
        // more than the partition has
        check(101, 200, 100, Verdict::Refuted);
        check(0, 90, 100, Verdict::Refuted);
        let found = judged(2_048, 4_096, 3_072).1;
        let expect =
            "2.0 KiB scanned of 3.0 KiB in the partition's files, 4.0 KiB of two partitions";
        assert_eq!(found, expect);
    }
}

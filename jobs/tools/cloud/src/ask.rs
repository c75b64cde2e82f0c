//! Questions to Athena: the named queries of `sql/queries/`, and free text.

use std::io::{self, Write as _};
use std::time::Duration;

use anyhow::{Context as _, bail};
use aws_sdk_athena::types::{
    QueryExecutionState, QueryExecutionStatistics, ResultSet, ResultSetMetadata,
};
use clap::ArgGroup;
use model::human;
use model::prices::Prices;
use model::question::{Catalog, in_databases, params};

use crate::account::{Cloud, Wrong};
use crate::answer::{Answer, Format, Kind};
use crate::execution;
use crate::trouble::told;

/// Rows of an answer that a table shows where nobody says how many.
const TABLE_ROWS: usize = 1_000;
/// How often Athena is asked whether it is done.
const POLL: Duration = Duration::from_millis(400);

/// The arguments of `query`, as the program `query` takes them.
#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("question").required(true).args(["name", "sql", "list"])))]
pub(crate) struct Args {
    /// A named query; see --list
    name: Option<String>,

    /// SQL over the tables, such as silver.trades or gold.bars
    #[arg(long, value_name = "SQL")]
    sql: Option<String>,

    /// List the named queries and their parameters
    #[arg(long)]
    list: bool,

    /// A parameter of the query; may be given more than once
    #[arg(long = "param", value_name = "NAME=VALUE")]
    params: Vec<String>,

    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,

    /// Rows at most. Default: 1000 for a table, no limit otherwise
    #[arg(long, value_name = "N")]
    limit: Option<usize>,

    /// Give the SQL as Athena gets it; do not run it
    #[arg(long)]
    render: bool,
}

/// `query`.
pub(crate) async fn query(cloud: &Cloud, args: &Args) -> anyhow::Result<u8> {
    let wrong =
        |error: &(dyn std::error::Error + 'static)| anyhow::Error::new(Wrong(human::chain(error)));
    let catalog = Catalog::built_in()?;
    if args.list {
        for (name, query) in &catalog.queries {
            println!(
                "{name}: {}\n    {}",
                query.header.purpose,
                params::usage(&query.header.params)
            );
        }
        return Ok(0);
    }
    let sql = match (&args.name, &args.sql) {
        (Some(name), _) => catalog.render(name, &args.params).map_err(|e| wrong(&e))?,
        (None, sql) => params::render_free(sql.as_deref().unwrap_or_default(), &args.params)
            .map_err(|e| wrong(&e))?,
    };
    let sql = in_databases(&sql, |zone| cloud.names.database(zone));
    if args.render {
        println!("{}", sql.trim_end());
        return Ok(0);
    }
    let limit = args.limit.or((args.format == Format::Table).then_some(TABLE_ROWS));
    let (answer, statistics) = ask(cloud, &sql, limit).await?;
    let out = io::BufWriter::new(io::stdout().lock());
    match answer.write(args.format, out) {
        // whoever reads the answer has seen enough of it
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(0),
        other => other?,
    }
    let mut notes = io::stderr();
    let scanned = u64::try_from(statistics.data_scanned_in_bytes().unwrap_or(0)).unwrap_or(0);
    let took = u64::try_from(statistics.total_execution_time_in_millis().unwrap_or(0)).unwrap_or(0);
    writeln!(
        notes,
        "{}, scanned {} in {}, {}",
        human::plural(answer.rows.len() as u64, "row"),
        human::bytes(scanned),
        human::span(Duration::from_millis(took)),
        Prices::known().scan_words(scanned)
    )?;
    if answer.cut {
        writeln!(notes, "more rows were left out: see them with a greater --limit")?;
    }
    Ok(0)
}

/// Asks Athena.
pub(crate) async fn ask(
    cloud: &Cloud,
    sql: &str,
    limit: Option<usize>,
) -> anyhow::Result<(Answer, QueryExecutionStatistics)> {
    let athena = cloud.athena();
    let started = athena
        .start_query_execution()
        .query_string(sql)
        .work_group(cloud.names.workgroup())
        .send()
        .await
        .map_err(told("ask Athena"))?;
    let id = started.query_execution_id().context("Athena gave the query no id")?.to_owned();
    let statistics = loop {
        let found = athena
            .get_query_execution()
            .query_execution_id(&id)
            .send()
            .await
            .map_err(told("look at the query"))?;
        let execution = found.query_execution().context("Athena lost the query")?;
        let status = execution.status().context("the query has no status")?;
        let why = status.state_change_reason().unwrap_or("no reason is given");
        match status.state() {
            Some(QueryExecutionState::Succeeded) => {
                break execution
                    .statistics()
                    .cloned()
                    .unwrap_or_else(|| QueryExecutionStatistics::builder().build());
            }
            Some(QueryExecutionState::Cancelled) if why.contains("scanned limit") => {
                bail!(
                    "the query was ended: it would scan more than {} GiB, the limit of environment \
                     {} (aws.scan_limit_gib); narrow it to fewer partitions, such as one symbol and \
                     day",
                    cloud.aws.scan_limit_gib.value,
                    cloud.names.environment
                );
            }
            Some(QueryExecutionState::Cancelled) => bail!("the query was ended: {why}"),
            Some(QueryExecutionState::Failed) => {
                bail!(Wrong(format!("Athena cannot do that: {why}{}", no_run_yet(cloud).await)))
            }
            _ => tokio::time::sleep(POLL).await,
        }
    };
    let mut answer = Answer::default();
    let mut next: Option<String> = None;
    loop {
        let page = athena
            .get_query_results()
            .query_execution_id(&id)
            .set_next_token(next.clone())
            .send()
            .await
            .map_err(told("fetch the answer"))?;
        let is_first = next.is_none();
        if let Some(set) = page.result_set() {
            add(&mut answer, set, is_first);
        }
        next = page.next_token().map(ToOwned::to_owned);
        let enough = limit.is_some_and(|limit| answer.rows.len() > limit);
        if next.is_none() || enough {
            break;
        }
    }
    if let Some(limit) = limit.filter(|limit| answer.rows.len() > *limit) {
        answer.rows.truncate(limit);
        answer.cut = true;
    }
    Ok((answer, statistics))
}

/// What to do where no run has made the tables yet; Athena's words for them do not tell it.
async fn no_run_yet(cloud: &Cloud) -> String {
    let Ok(runs) = execution::list(cloud, 1_000).await else { return String::new() };
    if runs.iter().any(|run| run.status == "SUCCEEDED") {
        return String::new();
    }
    format!(
        "; no run has succeeded yet, so tables may be without data: type `cargo xtask run --env {} \
         --wait`",
        cloud.names.environment
    )
}

/// Adds a page to an answer; the first begins with the columns' names.
fn add(answer: &mut Answer, set: &ResultSet, is_first: bool) {
    if is_first {
        answer.columns = set
            .result_set_metadata()
            .map(ResultSetMetadata::column_info)
            .unwrap_or_default()
            .iter()
            .map(|column| (column.name().to_owned(), Kind::of(column.r#type())))
            .collect();
    }
    for row in set.rows().iter().skip(usize::from(is_first)) {
        let cells = row
            .data()
            .iter()
            .zip(&answer.columns)
            .map(|(datum, (_, kind))| datum.var_char_value().map(|text| kind.shown(text)));
        answer.rows.push(cells.collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Names;

    #[test]
    fn every_named_query_names_its_tables() {
        let names = Names { environment: "e".into(), region: "r".into(), account: "1".into() };
        for (name, query) in &Catalog::built_in().unwrap().queries {
            let sql = in_databases(&query.text, |zone| names.database(zone));
            assert!(sql.contains("market_lake_e_"), "{name}");
        }
    }
}

//! Asks the lake in SQL: named queries and free text, answered as a table, CSV or JSON.
//!
//! A named query is a file of `sql/queries/`: SQL in the common dialect of Athena (Trino) and
//! DataFusion, with a header that says what it is for, what a row of it is and which parameters
//! it takes. The files are part of the program; a folder given with `--queries` adds to them and
//! takes precedence. Reads tables, writes nothing but the answer.
//!
//! | module | what lives there |
//! |---|---|
//! | [`catalog`] | the queries there are (headers and parameters: `model::question`) |
//! | [`depth`] | how deep SQL may nest |
//! | `hints` | what to say of an error of the engine, and of an answer without rows |
//! | [`output`] | answers as a table, CSV or JSON |
//!
//! This crate must not know how tables are stored (that is `table`) nor how they came to be.

pub mod catalog;
pub mod depth;
mod hints;
pub mod output;
pub use model::question::params;

use std::io::Write;
use std::path::PathBuf;

use futures::StreamExt as _;
use model::exit::Exit;
use stage::Failure;
use store::Lake;
use table::datafusion::error::DataFusionError;
use table::datafusion::logical_expr::LogicalPlan;
use table::{Tables, memory};

pub use catalog::{Catalog, QueryError};
pub use output::Format;

/// Rows of an answer that a table shows where nobody says how many.
pub const TABLE_ROWS: usize = 1_000;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Which queries are there?
    List,
    /// A named query.
    Named(String),
    /// Free text.
    Sql(String),
}

/// A question and how to answer it.
#[derive(Debug, Clone)]
pub struct Request {
    /// What is asked.
    pub question: Question,
    /// Parameters as given: `name=value`.
    pub params: Vec<String>,
    /// The form of the answer.
    pub format: Format,
    /// Rows at most; by default [`TABLE_ROWS`] for tables and no limit for the other forms.
    pub limit: Option<usize>,
    /// A folder of further query files.
    pub queries: Option<PathBuf>,
    /// Give the SQL with its parameters filled in, and do not run it.
    pub render: bool,
    /// MiB that the query may take before it spills; by default [`memory::of_query`].
    pub memory_mib: Option<u64>,
}

/// Answers a request on `out`; remarks, such as that rows were left out, go to `notes`.
///
/// # Errors
/// A [`Failure`] with [`Exit::Usage`] for a query, parameter or SQL text that is wrong;
/// otherwise what the lake or `out` says.
pub async fn run<O: Write, N: Write>(
    open: impl FnOnce() -> Result<Lake, Failure>,
    request: &Request,
    mut out: O,
    mut notes: N,
) -> Result<(), Failure> {
    let usage = |error: anyhow::Error| Failure::new(Exit::Usage, error);
    let catalog = catalog::load(request.queries.as_deref()).map_err(|e| usage(e.into()))?;
    let sql = match &request.question {
        Question::List => return Ok(output::list(&catalog, request.format, &mut out)?),
        Question::Named(name) => {
            catalog.render(name, &request.params).map_err(|e| usage(e.into()))?
        }
        Question::Sql(sql) => {
            params::render_free(sql, &request.params).map_err(|e| usage(e.into()))?
        }
    };
    if request.render {
        writeln!(out, "{}", sql.trim_end())?;
        out.flush()?;
        return Ok(());
    }
    depth::check(&sql).map_err(|e| usage(e.into()))?;
    let lake = open()?;
    let tables = Tables::open(&lake);
    let memory_mib = request.memory_mib.unwrap_or_else(memory::of_query);
    let session = tables.session(&table::SessionOptions {
        memory_mib: Some(usize::try_from(memory_mib).unwrap_or(usize::MAX >> 20)),
        depth: Some(depth::MOST),
        ..table::SessionOptions::default()
    })?;
    let options = table::datafusion::execution::context::SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false);
    let frame = session.sql_with_options(&sql, options).await.map_err(|error| {
        if hints::is_of_lake(&error) {
            Failure::from(hints::told("cannot read the lake", &error))
        } else {
            usage(hints::told("cannot understand the SQL", &error))
        }
    })?;
    // a plan is no rows: it is shown whole, and nothing may stand around it
    let is_plan = matches!(frame.logical_plan(), LogicalPlan::Explain(_) | LogicalPlan::Analyze(_));
    let by_default = (request.format == Format::Table).then_some(TABLE_ROWS);
    let limit = if is_plan { None } else { request.limit.or(by_default) };
    let frame = match limit {
        // one row more tells whether there are more
        Some(limit) => frame.limit(0, Some(limit.saturating_add(1)))?,
        None => frame,
    };
    let cannot = |error: DataFusionError| hints::not_run(&error, memory_mib);
    let mut answer = frame.execute_stream().await.map_err(cannot)?;
    if is_plan && request.format == Format::Table {
        while let Some(batch) = answer.next().await {
            output::plan(&batch.map_err(cannot)?, &mut out)?;
        }
        out.flush()?;
        return Ok(());
    }
    let mut printer = output::Printer::new(request.format, &answer.schema(), &mut out)?;
    let mut left = limit.unwrap_or(usize::MAX);
    let mut cut = false;
    while let Some(batch) = answer.next().await {
        let batch = batch.map_err(cannot)?;
        cut = batch.num_rows() > left;
        let batch = batch.slice(0, batch.num_rows().min(left));
        left -= batch.num_rows();
        printer.print(&batch)?;
        if cut {
            break;
        }
    }
    let rows = printer.finish()?;
    if request.format == Format::Table {
        writeln!(notes, "{rows} {}", if rows == 1 { "row" } else { "rows" })?;
    }
    if rows == 0 {
        for note in hints::of_nothing(&session, &request.params).await {
            writeln!(notes, "{note}")?;
        }
    }
    if cut {
        writeln!(notes, "more rows were left out: see them with a greater --limit")?;
    }
    Ok(())
}

//! `query`: asks the lake in SQL. See `query --help`.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgGroup, Parser};
use model::config::Config;
use model::exit::Exit;
use query::{Format, Question, Request};
use stage::Failure;
use store::Lake;

/// Asks the lake in SQL: a named query, or any text.
#[derive(Debug, Parser)]
#[command(
    version,
    group(ArgGroup::new("question").required(true).args(["name", "sql", "list"])),
    after_help = "Examples:\n  \
        query --list\n  \
        query vwap_by_day --param symbol=ETHUSDT --param from=2024-01-01\n  \
        query --sql \"SELECT count(*) FROM silver.trades WHERE symbol = :symbol\" --param symbol=BTCUSDT\n  \
        query bars_for_symbol --param timeframe=1d --format csv > bars.csv"
)]
struct Args {
    /// A named query; see --list.
    name: Option<String>,

    /// SQL over the tables, such as silver.trades or gold.bars.
    #[arg(long, value_name = "SQL")]
    sql: Option<String>,

    /// List the named queries and their parameters.
    #[arg(long)]
    list: bool,

    /// A parameter of the query; may be given more than once.
    #[arg(long = "param", value_name = "NAME=VALUE")]
    params: Vec<String>,

    /// The form of the answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,

    /// Rows at most. Default: 1000 for a table, no limit otherwise.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,

    /// A folder of further query files; they take precedence.
    #[arg(long, value_name = "DIR")]
    queries: Option<PathBuf>,

    /// Give the SQL with its parameters filled in (to paste it into Athena), and do not run it.
    #[arg(long)]
    render: bool,

    /// The environment's configuration; tells where the lake is unless --lake does.
    #[arg(long, value_name = "FILE", env = model::env::CONFIG)]
    config: Option<PathBuf>,

    /// The lake: a directory, file:///… or s3://bucket/prefix.
    #[arg(long, value_name = "URI", env = model::env::LAKE)]
    lake: Option<String>,
}

fn open(args: &Args) -> Result<Lake, Failure> {
    let usage = |error: anyhow::Error| Failure::new(Exit::Usage, error);
    let uri = match (&args.lake, &args.config) {
        (Some(uri), _) => uri.clone(),
        (None, Some(path)) => {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path).map_err(|error| {
                usage(anyhow::Error::new(error).context(format!("cannot read `{name}`")))
            })?;
            let config = Config::parse(&name, &text).map_err(|error| usage(error.into()))?;
            config.lake.clone().unwrap_or_else(|| {
                PathBuf::from("target/lake").join(&config.environment.value).display().to_string()
            })
        }
        (None, None) => {
            return Err(usage(anyhow::anyhow!("no lake is named, expected --lake or --config")));
        }
    };
    // a question must not make the lake it asks
    if !uri.contains("://") && !std::path::Path::new(&uri).is_dir() {
        return Err(usage(anyhow::anyhow!("there is no lake at `{uri}`, expected a directory")));
    }
    Lake::open(&uri, None).map_err(|error| usage(error.into()))
}

fn main() -> ExitCode {
    let args = Args::parse();
    let question = match (&args.name, &args.sql) {
        (Some(name), _) => Question::Named(name.clone()),
        (None, Some(sql)) => Question::Sql(sql.clone()),
        (None, None) => Question::List,
    };
    let request = Request {
        question,
        params: args.params.clone(),
        format: args.format,
        limit: args.limit,
        queries: args.queries.clone(),
        render: args.render,
    };
    let result = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::from)
        .and_then(|runtime| {
            let out = io::BufWriter::new(io::stdout().lock());
            runtime.block_on(query::run(|| open(&args), &request, out, io::stderr()))
        });
    match result {
        Ok(()) => ExitCode::from(Exit::Done as u8),
        // whoever reads the answer has seen enough of it: `query … | head`
        Err(failure) if is_broken_pipe(&failure) => ExitCode::from(Exit::Done as u8),
        Err(failure) => {
            let _ = writeln!(io::stderr(), "query: {:#}", failure.error);
            ExitCode::from(failure.exit as u8)
        }
    }
}

fn is_broken_pipe(failure: &Failure) -> bool {
    failure.error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    })
}

//! `query`: asks the lake in SQL. See `query --help`. Besides: the stacks and the memory that a
//! query gets, and its end by a signal.

use std::cell::OnceCell;
use std::io::{self, Write as _};
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgGroup, Parser};
use model::exit::Exit;
use query::{Format, Question, Request};
use stage::{Failure, LogFormat};
use store::Lake;
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

/// The stack of the thread that parses and plans, and of each that works: what nests as deep as
/// [`query::depth::MOST`] allows has room. Only what is used of it is ever taken.
const STACK: usize = 512 << 20;
/// How long work at its end is waited for after a signal.
const LAST: Duration = Duration::from_secs(2);

/// Asks the lake in SQL: a named query, or any text.
#[derive(Debug, Parser)]
#[command(
    version,
    group(ArgGroup::new("question").required(true).args(["name", "sql", "list"])),
    after_help = "Examples:\n  \
        query --list\n  \
        query vwap_by_day --param symbol=ETHUSDT --param from=2024-01-01\n  \
        query --sql \"SELECT count(*) FROM silver.trades WHERE symbol = :symbol\" --param symbol=BTCUSDT\n  \
        query bars_for_symbol --param timeframe=1d --format csv > bars.csv\n  \
        query --sql \"EXPLAIN ANALYZE SELECT max(price) FROM silver.trades\""
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

    /// Folder for what does not fit the memory; never inside the lake. Default: the system's.
    #[arg(long, value_name = "DIR", env = model::env::TEMP)]
    temp: Option<PathBuf>,

    /// MiB that the query may take before it spills to --temp. Default: half of the memory, 2048
    /// at most.
    #[arg(long, value_name = "MIB", env = model::env::QUERY_MEMORY,
          value_parser = clap::value_parser!(u64).range(16..=16_777_216))]
    memory: Option<u64>,
}

/// Opens the lake; what a query spills goes into a folder of its own, which `spill` keeps.
fn open(args: &Args, spill: &OnceCell<TempDir>) -> Result<Lake, Failure> {
    let usage = |error: anyhow::Error| Failure::new(Exit::Usage, error);
    let uri = match (&args.lake, &args.config) {
        (Some(uri), _) => uri.clone(),
        (None, Some(path)) => {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path).map_err(|error| {
                usage(anyhow::Error::new(error).context(format!("cannot read `{name}`")))
            })?;
            let config =
                source::Providers::ALL.read(&name, &text).map_err(|error| usage(error.into()))?;
            config.lake.clone().unwrap_or_else(|| {
                PathBuf::from("target/lake").join(&config.environment.value).display().to_string()
            })
        }
        (None, None) => {
            return Err(usage(anyhow::anyhow!("no lake is named, expected --lake or --config")));
        }
    };
    // a question makes nothing in the lake it asks, which may be one that it must not write
    if !uri.contains("://") && !std::path::Path::new(&uri).is_dir() {
        return Err(usage(anyhow::anyhow!("there is no lake at `{uri}`, expected a directory")));
    }
    let temp = args.temp.clone().unwrap_or_else(std::env::temp_dir);
    let made = std::fs::create_dir_all(&temp)
        .and_then(|()| tempfile::Builder::new().prefix("market-lake-query-").tempdir_in(&temp));
    // where nothing can be written nothing can be spilled: most queries need not
    let temp = made.map_or(temp, |folder| spill.get_or_init(|| folder).path().to_owned());
    Lake::open_to_read(&uri, Some(&temp)).map_err(|error| usage(error.into()))
}

/// Standard output, whose errors say that it is it.
struct Answer(io::BufWriter<io::Stdout>);

impl Answer {
    fn told(error: &io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("cannot write to standard output: {error}"))
    }
}

impl io::Write for Answer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(|error| Self::told(&error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(|error| Self::told(&error))
    }
}

/// How a question ended.
enum Ended {
    Answered(Result<(), Failure>),
    /// By a signal: 1 for a terminal that went, 2 for Ctrl-C, 15 for a request to end.
    Stopped(i32),
}

/// The first of the signals that end a program. One that whoever started it has switched off
/// (`nohup`) stays off.
async fn stopped() -> io::Result<i32> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let listen = |kind: SignalKind| {
        let is_off = model::human::ignores(&status, kind.as_raw_value());
        if is_off { Ok(None) } else { signal(kind).map(Some) }
    };
    let mut hangup = listen(SignalKind::hangup())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let first = async |signal: &mut Option<tokio::signal::unix::Signal>| match signal {
        Some(signal) => signal.recv().await,
        None => std::future::pending().await,
    };
    let kind = tokio::select! {
        _ = first(&mut hangup) => SignalKind::hangup(),
        _ = first(&mut interrupt) => SignalKind::interrupt(),
        _ = first(&mut terminate) => SignalKind::terminate(),
    };
    Ok(kind.as_raw_value())
}

/// Asks, on threads with large stacks.
fn ask(args: &Args, request: &Request) -> Result<Ended, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(STACK)
        .enable_all()
        .build()?;
    let spill = OnceCell::new();
    let ended = runtime.block_on(async {
        let out = Answer(io::BufWriter::new(io::stdout()));
        tokio::select! {
            biased;
            signal = stopped() => signal.map(Ended::Stopped).map_err(Failure::from),
            answered = query::run(|| open(args, &spill), request, out, io::stderr()) => {
                Ok(Ended::Answered(answered))
            }
        }
    });
    // who is at work still loses what it spilled: there is nobody to answer
    runtime.shutdown_timeout(LAST);
    drop(spill);
    ended
}

fn main() -> ExitCode {
    stage::report_bugs("query", LogFormat::Text);
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
        memory_mib: args.memory,
    };
    let work = std::thread::Builder::new()
        .name("query".to_owned())
        .stack_size(STACK)
        .spawn(move || std::panic::catch_unwind(AssertUnwindSafe(|| ask(&args, &request))));
    let ended = match work.map(std::thread::JoinHandle::join) {
        Ok(Ok(Ok(ended))) => ended,
        // it was reported
        Ok(_) => return ExitCode::from(Exit::Failed as u8),
        Err(error) => Err(Failure::from(error)),
    };
    let failure = match ended {
        Ok(Ended::Answered(Ok(()))) if stage::was_any_bug() => {
            return ExitCode::from(Exit::Failed as u8);
        }
        Ok(Ended::Answered(Ok(()))) => return ExitCode::from(Exit::Done as u8),
        // as the shell has it of a program that a signal ended
        Ok(Ended::Stopped(signal)) => return ExitCode::from(128 + signal as u8),
        Ok(Ended::Answered(Err(failure))) | Err(failure) => failure,
    };
    let io_error = failure.error.chain().find_map(|cause| cause.downcast_ref::<io::Error>());
    // whoever reads the answer has seen enough of it: `query … | head`
    if io_error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        return ExitCode::from(Exit::Done as u8);
    }
    let _ = writeln!(io::stderr(), "query: {:#}", failure.error);
    ExitCode::from(failure.exit as u8)
}

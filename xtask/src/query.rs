//! `cargo xtask query`: passes a question on to the program `query`.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::aws::{self, Site};
use crate::environment::{Choice, Environment, Wrong};
use crate::workspace;

/// The arguments of `query`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Ask the lake in SQL: a named query of sql/queries, or any text. A deployed \
                  environment (one with a section `aws:`) is asked through Athena, which tells what \
                  it scanned and what that costs; all others are read here.",
    after_help = "Examples:\n  \
        cargo xtask query --list\n  \
        cargo xtask query vwap_by_day --param symbol=BTCUSDT\n  \
        cargo xtask query bars_for_symbol --param timeframe=1h --format csv > bars.csv\n  \
        cargo xtask query --sql \"SELECT symbol, count(*) FROM silver.trades GROUP BY symbol\"\n  \
        cargo xtask query coverage --env dev --format json"
)]
#[command(group(clap::ArgGroup::new("question").required(true).args(["name", "sql", "list"])))]
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

    /// The form of the answer: table (default), csv or json
    #[arg(long, value_name = "FORM")]
    format: Option<String>,

    /// A folder of further query files, which take precedence; for a lake on this machine
    #[arg(long, value_name = "DIR")]
    queries: Option<PathBuf>,

    /// Rows at most. Default: 1000 for a table, no limit otherwise
    #[arg(long, value_name = "N")]
    limit: Option<u64>,

    /// Show the SQL with its parameters filled in (to paste it into Athena); do not run it
    #[arg(long)]
    render: bool,

    /// Read the lake on this machine, though the environment is one that is deployed
    #[arg(long)]
    local: bool,

    /// Folder for what does not fit the memory, where the lake is read on this machine; never
    /// inside the lake
    #[arg(long, value_name = "DIR")]
    temp: Option<String>,

    /// MiB that the query may take on this machine before it spills. Default: half of the memory,
    /// 2048 at most
    #[arg(long, value_name = "MIB")]
    memory: Option<u64>,

    /// The environment; default: demo
    #[command(flatten)]
    choice: Choice,
}

/// The command that asks `question` of an environment's lake.
pub(crate) fn ask(environment: &Environment, question: &[String]) -> anyhow::Result<Command> {
    let mut command = Command::new(workspace::program("query")?);
    command
        .args(question)
        .arg("--lake")
        .arg(&environment.lake)
        .current_dir(workspace::root())
        .stdin(Stdio::null());
    Ok(command)
}

/// Asks Athena, or its emulated engine.
fn athena(environment: &Environment, question: &[String], args: &Args) -> anyhow::Result<u8> {
    aws::build(None, &args.choice)?;
    if environment.name == aws::EMULATED && !args.list && !args.render {
        aws::emulator::install(true)?;
    }
    let mut words = vec!["query"];
    words.extend(question.iter().map(String::as_str));
    let ended = Site::of(environment).and_then(|site| site.call(&words));
    // whoever has no account yet may mean the lake that lies here
    if !matches!(ended, Ok(0)) && environment.directory().is_some_and(|lake| lake.is_dir()) {
        eprintln!("hint: add --local to ask the lake at {}", environment.shown_lake());
    }
    ended
}

/// Asks, and passes on the answer and the exit code.
pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    let environment = args.choice.open(Some("demo"))?;
    // a lake named on the command line is read here, whatever is deployed
    let deployed = environment.config.aws.is_some() && args.choice.lake.is_none();
    let mut question = Vec::new();
    let mut add = |flag: &str, value: Option<&String>| {
        if let Some(value) = value {
            question.extend([flag.to_owned(), value.clone()]);
        }
    };
    add("--sql", args.sql.as_ref());
    add("--format", args.format.as_ref());
    add("--limit", args.limit.map(|n| n.to_string()).as_ref());
    for param in &args.params {
        add("--param", Some(param));
    }
    question.extend(args.list.then(|| "--list".to_owned()));
    question.extend(args.render.then(|| "--render".to_owned()));
    question.extend(args.name.clone());
    if deployed && args.local {
        args.choice.build.run()?;
    } else if deployed {
        let flags = [
            ("--queries", args.queries.is_some()),
            ("--temp", args.temp.is_some()),
            ("--memory", args.memory.is_some()),
        ];
        if let Some((flag, _)) = flags.iter().find(|(_, is_given)| *is_given) {
            let message = format!("{flag} is for a lake on this machine; add --local");
            anyhow::bail!(Wrong(message));
        }
        return athena(&environment, &question, args);
    } else {
        args.choice.build.run()?;
    }
    if let Some(lake) = environment.directory()
        && !lake.is_dir()
        && !args.list
        && !args.render
    {
        let how = args.choice.how_to_fill(&environment);
        anyhow::bail!("there is no lake at {} yet; type `{how}`", environment.shown_lake());
    }
    for (flag, value) in [
        ("--queries", args.queries.as_deref().map(std::path::absolute).transpose()?),
        ("--temp", args.temp.as_deref().map(std::path::absolute).transpose()?),
        ("--memory", args.memory.map(|mib| mib.to_string().into())),
    ] {
        question.extend(value.into_iter().flat_map(|v| [flag.to_owned(), v.display().to_string()]));
    }
    let status = ask(&environment, &question)?.status().context("cannot start `query`")?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_this_machine_is_no_matter_of_athena() {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            args: Args,
        }
        for (flag, value) in [("--queries", "somewhere"), ("--temp", "/tmp"), ("--memory", "9")] {
            let words = ["x", "coverage", "--env", "dev", flag, value];
            let line = <Line as clap::Parser>::try_parse_from(words).unwrap();
            let error = run(&line.args).unwrap_err();
            assert!(error.is::<Wrong>(), "{error}");
            assert!(error.to_string().starts_with(flag), "{error}");
        }
    }
}

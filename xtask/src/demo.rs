//! `cargo xtask demo`: the whole lake on sample data. Starts the sample exchange on this machine,
//! runs every stage against it over HTTP, and asks the tables.

mod sources;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, bail};
use model::config::Scope;

use crate::confirm::confirm;
use crate::environment::{Choice, Environment};
use crate::executor::{self, Order, Summary};
use crate::sample::{self, SampleServer};
use crate::workspace::Build;
use crate::{human, local, page, query, workspace};

/// What the demo asks at its end: a title, and the words of `cargo xtask query`.
const QUESTIONS: &[(&str, &[&str])] = &[
    ("volume-weighted average price by day", &["vwap_by_day"]),
    ("who moved most", &["top_movers"]),
    (
        "are the bars that we made of trades the exchange's own",
        &["checks", "--param", "name=reconciliation"],
    ),
    ("what is there, and is it whole", &["coverage"]),
];

/// The arguments of `demo`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "The whole lake on sample data: starts the sample exchange, downloads its \
                  archives over HTTP, makes exact tables and bars of them, compares the bars with \
                  the exchange's own, and asks the tables in SQL.\n\n\
                  The lake is kept in target/lake/demo: a second call finds nothing to do.\n\n\
                  With --all-sources every source takes part: those that are asked over an API, each with \
                  a sample server that counts requests as the real one does, and the one whose files \
                  are dropped. It runs on two made-up evenings, so that what companies told on the \
                  first stands beside the closes of the next day. The lake is kept in \
                  target/lake/demo-all-sources.",
    after_help = "Examples:\n  \
        cargo xtask demo\n  \
        cargo xtask demo --all-sources\n  \
        cargo xtask demo --fresh --yes\n  \
        cargo xtask demo --json"
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Args {
    /// With every source that market-lake knows
    #[arg(long)]
    all_sources: bool,

    /// Delete the demo's lake first
    #[arg(long)]
    fresh: bool,

    /// Do not ask
    #[arg(long, short, requires = "fresh")]
    yes: bool,

    /// Write the summary as JSON to standard output, and no answers
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    build: Build,
}

/// Starts the sample exchange on the port of `url`, or on a free one where that is taken.
fn start(url: &str) -> anyhow::Result<SampleServer> {
    let wanted = url.strip_prefix("http://").context("the demo's url must begin with http://")?;
    let listen = if TcpListener::bind(wanted).is_ok() { wanted } else { "127.0.0.1:0" };
    SampleServer::start(&workspace::program("exchange")?, "serve", &["--listen", listen])
}

/// The demo.
pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    let choice = if args.all_sources {
        Choice { config: Some(sources::config()), ..Choice::default() }
    } else {
        Choice { env: Some("demo".into()), ..Choice::default() }
    };
    let given = choice.open(None)?;
    let lake = given.directory().context("the demo's lake must be a directory")?;
    if args.fresh && lake.exists() {
        let question = format!("delete {}?", given.shown_lake());
        if !args.yes && !confirm(&question, "add --yes")? {
            println!("nothing was done");
            return Ok(0);
        }
        std::fs::remove_dir_all(&lake)
            .with_context(|| format!("cannot delete `{}`", lake.display()))?;
    }
    args.build.run()?;
    let begun = Instant::now();
    if args.all_sources {
        return all_sources(args, &given, &lake, begun);
    }
    let exchange = start(url(&given)?)?;
    let environment = at(&given, &exchange.url)?;
    eprintln!("sample exchange at {}, lake in {}", exchange.url, environment.shown_lake());
    let summary = work(args, &environment, None)?;
    local::show(&summary, args.json, "")?;
    if !args.json {
        if summary.worst() == 0 && !is_idle(&summary) {
            answers(&environment, QUESTIONS, "")?;
        }
        next(&summary, &environment, begun, false);
    }
    Ok(summary.worst())
}

/// A run on each of the evenings that the lake has not seen, or on the last of them again.
fn all_sources(
    args: &Args,
    given: &Environment,
    lake: &Path,
    begun: Instant,
) -> anyhow::Result<u8> {
    sources::drop_files(lake)?;
    let (mut is_news, mut last) = (false, None);
    for evening in sources::evenings(lake)? {
        let servers = sources::start(given, evening)?;
        let day = evening.date_naive();
        eprintln!("sample servers of all sources on {day}, lake in {}", given.shown_lake());
        let shift = i32::try_from((evening - executor::now()).num_seconds())
            .context("this machine's clock is decades off")?;
        let summary = work(args, &servers.environment, Some(shift))?;
        is_news |= !is_idle(&summary);
        let is_good = summary.worst() == 0;
        if !args.json {
            local::show(&summary, false, &with(&servers.environment))?;
        }
        last = Some((summary, servers));
        if !is_good {
            break;
        }
    }
    let (summary, servers) = last.context("no evening")?;
    if args.json {
        local::show(&summary, true, "")?;
        return Ok(summary.worst());
    }
    if summary.worst() == 0 && is_news {
        answers(&servers.environment, sample::QUESTIONS_OF_ALL, &with(&servers.environment))?;
    }
    next(&summary, &servers.environment, begun, true);
    Ok(summary.worst())
}

/// The words that choose the environment in a command.
fn with(environment: &Environment) -> String {
    format!("--config {}", human::word(&environment.file.display().to_string()))
}

/// Runs the stages while the servers are there.
fn work(
    args: &Args,
    environment: &Environment,
    clock_shift: Option<i32>,
) -> anyhow::Result<Summary> {
    let (chosen, again) = if args.all_sources {
        (with(environment) + " ", "cargo xtask demo --all-sources")
    } else {
        ("--env demo ".to_owned(), "cargo xtask demo")
    };
    let order = Order {
        environment,
        scope: Scope::default(),
        retry_bad: false,
        log: "warn",
        clock_shift,
        resume: None,
        chosen: &chosen,
        again,
        // the servers of all sources listen elsewhere the next time
        again_with: (!args.all_sources).then_some("cargo xtask local run --env demo --resume"),
    };
    executor::run(&order)
}

/// Where the environment's source is, in whose place the sample exchange stands.
fn url(given: &Environment) -> anyhow::Result<&str> {
    let section = given
        .config
        .sources
        .get(&sample::source())
        .context("no section of the sample exchange's source")?;
    Ok(section.url())
}

/// Whether nothing changed in the lake.
fn is_idle(summary: &Summary) -> bool {
    summary.nothing_to_do && summary.finished_first.is_empty()
}

/// The environment with the exchange where it listens now: the given file where it says so
/// itself, else a copy that does.
fn at(given: &Environment, url: &str) -> anyhow::Result<Environment> {
    let configured = self::url(given)?;
    if configured == url {
        return Ok(given.clone());
    }
    let file: PathBuf = workspace::root().join("target/demo/lake.yaml");
    let text = std::fs::read_to_string(&given.file)?.replace(configured, url);
    let folder = file.parent().context("no folder")?;
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&file, text))
        .with_context(|| format!("cannot write `{}`", file.display()))?;
    Environment::open(&file, Some(&given.lake))
}

fn answers(
    environment: &Environment,
    questions: &[(&str, &[&str])],
    with: &str,
) -> anyhow::Result<()> {
    for (title, question) in questions {
        let shown = format!("cargo xtask query {} {with}", question.join(" "));
        let shown = shown.trim_end();
        println!("\n{title}: {shown}");
        let words: Vec<String> = question.iter().map(|word| (*word).to_owned()).collect();
        let output = query::ask(environment, &words)?.output().context("cannot start `query`")?;
        print!("{}", String::from_utf8_lossy(&output.stdout));
        if !output.status.success() {
            bail!("`{shown}` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
    }
    Ok(())
}

fn next(summary: &Summary, environment: &Environment, start: Instant, all_sources: bool) {
    if summary.worst() == 0 {
        // a page that cannot be made says nothing against the run
        let made = page::publish(environment, None).and_then(|mut publish| Ok(publish.status()?));
        match (made, page::file(environment)) {
            (Ok(status), Some(file)) if status.success() => {
                println!("\nthe lake as a page: {}", workspace::shown(&file));
            }
            (Err(error), _) => eprintln!("no page: {error:#}"),
            // it has said why itself
            _ => {}
        }
    }
    println!("\nthe demo took {} without building", human::span(start.elapsed()));
    if summary.worst() != 0 {
        println!("next: cargo xtask demo                  goes on where this ended");
        return;
    }
    if all_sources {
        println!("next: cargo xtask demo --all-sources    again: nothing is asked twice");
        return;
    }
    println!(
        "next: cargo xtask query --list          all named queries\n      \
         cargo xtask query --sql \"SELECT * FROM gold.daily ORDER BY date, symbol\"\n      \
         cargo xtask local status                what the lake holds\n      \
         cargo xtask local run --env dev         the real source\n      \
         cargo xtask page --open                 the lake as a page\n      \
         cargo xtask demo --fresh                from nothing"
    );
}

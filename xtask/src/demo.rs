//! `cargo xtask demo`: the whole lake on sample data. Starts the sample exchange on this machine,
//! runs every stage against it over HTTP, and asks the tables.

use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, bail};
use model::config::Scope;

use crate::confirm::confirm;
use crate::environment::{Choice, Environment};
use crate::executor::{self, Order, Summary};
use crate::sample::{self, SampleExchange};
use crate::workspace::Build;
use crate::{human, local, query, workspace};

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
                  The lake is kept in target/lake/demo: a second call finds nothing to do.",
    after_help = "Examples:\n  \
        cargo xtask demo\n  \
        cargo xtask demo --fresh --yes\n  \
        cargo xtask demo --json"
)]
pub(crate) struct Args {
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
fn start(url: &str) -> anyhow::Result<SampleExchange> {
    let wanted = url.strip_prefix("http://").context("the demo's url must begin with http://")?;
    let listen = if TcpListener::bind(wanted).is_ok() { wanted } else { "127.0.0.1:0" };
    SampleExchange::start(&workspace::program("exchange")?, &["--listen", listen])
}

/// The demo.
pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    let choice = Choice { env: Some("demo".into()), ..Choice::default() };
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
    let exchange = start(url(&given)?)?;
    let environment = at(&given, &exchange.url)?;
    eprintln!("sample exchange at {}, lake in {}", exchange.url, environment.shown_lake());
    let order = Order {
        environment: &environment,
        scope: Scope::default(),
        retry_bad: false,
        log: "warn",
        resume: None,
        chosen: "--env demo ",
        again: "cargo xtask demo",
        again_with: Some("cargo xtask local run --env demo --resume"),
    };
    let summary = executor::run(&order)?;
    drop(exchange);
    local::show(&summary, args.json, "")?;
    if !args.json {
        if summary.worst() == 0 && !is_idle(&summary) {
            answers(&environment)?;
        }
        next(&summary, begun);
    }
    Ok(summary.worst())
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

fn answers(environment: &Environment) -> anyhow::Result<()> {
    for (title, question) in QUESTIONS {
        let shown = format!("cargo xtask query {}", question.join(" "));
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

fn next(summary: &Summary, start: Instant) {
    println!("\nthe demo took {} without building", human::span(start.elapsed()));
    if summary.worst() != 0 {
        println!("next: cargo xtask demo                  goes on where this ended");
        return;
    }
    println!(
        "next: cargo xtask query --list          all named queries\n      \
         cargo xtask query --sql \"SELECT * FROM gold.daily ORDER BY date, symbol\"\n      \
         cargo xtask local status                what the lake holds\n      \
         cargo xtask local run --env dev         the real source\n      \
         cargo xtask demo --fresh                from nothing"
    );
}

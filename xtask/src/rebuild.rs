//! `cargo xtask rebuild`: tables that are damaged, made anew from what the lake holds, without the
//! source. `commit rebuild` finds what is damaged and plans; the stages do the rest, as in a run.

use std::process::Stdio;

use anyhow::{Context as _, bail};
use clap::builder::{OsStringValueParser, TypedValueParser as _};
use model::env::log_filter;
use model::layout;
use model::schema::Table;
use serde::Deserialize;

use crate::confirm::confirm;
use crate::environment::{Choice, Environment};
use crate::executor::{self, Order};
use crate::local;
use crate::maintain::{commit, exit_code};

/// The arguments of `rebuild`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Make damaged tables anew from what the lake holds, without the source: silver from \
                  the archives in bronze, gold from silver, the ledger from its own files, fragments \
                  and extract. The same archives make the same files.\n\n\
                  Without --table it makes what the logs and ops.builds tell to be damaged; `cargo \
                  xtask maintain --deep` reads every file and says which --table to name. Nothing is \
                  deleted: logs that are no good are moved to damaged/ in the lake. It may be stopped \
                  at any moment and typed again.\n\nIt works from here, also where the lake is deployed: \
                  that one is named with --lake s3://BUCKET/.",
    after_help = "Examples:\n  \
        cargo xtask rebuild --env dev\n  \
        cargo xtask rebuild --env dev --table silver.trades --table gold.bars --yes\n\n\
        Exit codes: 0 done, 1 failed, 2 wrong command line or configuration, 4 something cannot be made \
        anew from what is held."
)]
pub(crate) struct Args {
    #[command(flatten)]
    choice: Choice,

    /// This table, such as silver.trades, whatever its log says; may be given more than once
    #[arg(long = "table", value_name = "TABLE")]
    tables: Vec<Table>,

    /// Do not ask
    #[arg(long, short)]
    yes: bool,

    /// Write the summary as JSON to standard output
    #[arg(long)]
    json: bool,

    /// What the jobs log, such as info or silver=debug
    #[arg(long, value_name = "FILTER", env = model::env::LOG, default_value = "warn",
          value_parser = OsStringValueParser::new().try_map(|t| log_filter(&t.to_string_lossy())))]
    log: String,
}

/// What `commit rebuild --look --json` says.
#[derive(Deserialize)]
struct Look {
    found: Vec<Found>,
}

#[derive(Deserialize)]
struct Found {
    table: Table,
    why: String,
}

/// Rebuilds what is damaged.
pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    let environment = args.choice.open(None)?;
    if let Some(lake) = environment.directory() {
        if !lake.is_dir() {
            bail!("there is no lake at {}", environment.shown_lake());
        }
        for run in executor::runs(&lake) {
            if executor::is_held(&lake, &run) {
                bail!("run {run} is at work in this lake: wait for its end, or end it");
            }
        }
    }
    args.choice.build.run()?;
    let look = match look(&environment)? {
        Looked::Found(look) => look,
        // `commit` has said why
        Looked::Failed(code) => return Ok(code),
    };
    for found in &look.found {
        eprintln!("{}: {}", found.table, found.why);
    }
    let mut tables: Vec<Table> = look.found.iter().map(|found| found.table).collect();
    tables.extend(&args.tables);
    tables.sort();
    tables.dedup();
    let chosen = args.choice.words(&environment) + " ";
    // a log that is sound by now would not be found again
    let named = args.tables.iter().map(|table| format!("--table {table} "));
    let again = format!("cargo xtask rebuild {chosen}{}", named.collect::<String>());
    let again = again.trim_end();
    let order = Order {
        environment: &environment,
        scope: model::config::Scope::default(),
        retry_bad: false,
        log: &args.log,
        clock_shift: None,
        resume: None,
        chosen: &chosen,
        again,
        again_with: None,
    };
    if tables.is_empty() {
        // a rebuild that was stopped may have mended its logs already
        if let Some(summary) = executor::finish(&order)? {
            local::show(&summary, args.json, &local::asking(&args.choice, &environment))?;
            return Ok(summary.worst());
        }
        println!(
            "no log is damaged, and silver has all that was built; `cargo xtask maintain --deep {}` reads \
             every file",
            args.choice.words(&environment)
        );
        return Ok(0);
    }
    let names: Vec<&str> = tables.iter().map(|table| table.as_str()).collect();
    let question = format!(
        "make {} of {} anew from what the lake holds? logs that are no good are moved to {}/",
        names.join(", "),
        environment.shown_lake(),
        layout::DAMAGED
    );
    if !args.yes && !confirm(&question, "add --yes")? {
        println!("nothing was done");
        return Ok(0);
    }
    let summary = executor::rebuild(&order, &args.tables)?;
    local::show(&summary, args.json, &local::asking(&args.choice, &environment))?;
    Ok(summary.worst())
}

enum Looked {
    Found(Look),
    /// It failed, with this exit code.
    Failed(u8),
}

fn look(environment: &Environment) -> anyhow::Result<Looked> {
    let output = commit(environment, "error")?
        .args(["rebuild", "--look", "--json"])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start `commit`")?;
    if !output.status.success() {
        return Ok(Looked::Failed(exit_code(output.status)));
    }
    let look = serde_json::from_slice(&output.stdout);
    Ok(Looked::Found(look.context("what `commit rebuild --look` said is no report")?))
}

//! `cargo xtask page`: the lake as a page that opens from a file. `publish` makes it; this says where it lies,
//! and opens it where that is wanted.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use model::layout;

use crate::environment::{Choice, Environment};
use crate::maintain::exit_code;
use crate::workspace::{self, Build};

/// The arguments of `page`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Make the lake's page anew and say where it is: bars with indicators, anomalies and signals, \
                  what each day has become, what checks say, what runs did. One file that opens without a \
                  server or a network.",
    after_help = "Examples:\n  \
        cargo xtask page\n  \
        cargo xtask page --env dev --open\n  \
        cargo xtask page --lake target/lake/demo --symbols 50"
)]
pub(crate) struct Args {
    #[command(flatten)]
    choice: Choice,

    /// Show so many symbols at most, those with the largest turnover of late
    #[arg(long, value_name = "N")]
    symbols: Option<u32>,

    /// Open it in the browser
    #[arg(long)]
    open: bool,

    #[command(flatten)]
    build: Build,
}

/// Makes the page and tells where it is.
pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    let environment = args.choice.open(Some("demo"))?;
    if environment.directory().is_some_and(|lake| !lake.is_dir()) {
        let fill = args.choice.how_to_fill(&environment);
        bail!("there is no lake at {}; {fill}", environment.shown_lake());
    }
    args.build.run()?;
    let status = publish(&environment, args.symbols)?.status().context("cannot start `publish`")?;
    if !status.success() {
        return Ok(exit_code(status));
    }
    let Some(file) = file(&environment) else {
        println!("{}/{}", environment.lake.trim_end_matches('/'), layout::published(INDEX));
        return Ok(0);
    };
    println!("{}", workspace::shown(&file));
    if args.open {
        open(&file)?;
    }
    Ok(0)
}

/// What is opened of a page.
const INDEX: &str = "index.html";

/// Where the page of a lake in a directory lies.
pub(crate) fn file(environment: &Environment) -> Option<PathBuf> {
    Some(environment.directory()?.join(layout::published(INDEX)))
}

/// The program that makes it.
pub(crate) fn publish(environment: &Environment, symbols: Option<u32>) -> anyhow::Result<Command> {
    let mut command = Command::new(workspace::program("publish")?);
    command
        .arg("--config")
        .arg(&environment.file)
        .arg("--lake")
        .arg(&environment.lake)
        .args(["--log-format", "text", "--log", "warn"])
        .current_dir(workspace::root())
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    if let Some(symbols) = symbols {
        command.args(["--symbols", &symbols.to_string()]);
    }
    Ok(command)
}

fn open(file: &std::path::Path) -> anyhow::Result<()> {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let status = Command::new(opener).arg(file).status();
    let status = status.with_context(|| format!("no `{opener}` here; open the file yourself"))?;
    if !status.success() {
        bail!("`{opener}` could not open the page");
    }
    Ok(())
}

//! `cargo xtask maintain`: passes on to `commit maintain`, which checkpoints the tables and
//! deletes files that nothing needs any more; in a deployed environment to the machine that its
//! schedule starts. Asks first, because deleting ends time travel to
//! versions that needed those files.

use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context as _, bail};
use model::exit::Exit;

use crate::confirm::confirm;
use crate::environment::{Choice, Environment};
use crate::{aws, workspace};

/// The arguments of `maintain`.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(
    long_about = "Checkpoint the tables, and delete (vacuum) data files that no version of the \
                  last 7 days needs.\n\nA deployed environment (one with a section `aws:`) is \
                  maintained in its account, by the task that its schedule starts, and for as many \
                  days as aws.maintenance.days says; --local, or a lake that is named, means one \
                  here; --deep always does.",
    after_help = "Examples:\n  \
        cargo xtask maintain --env demo --dry-run\n  \
        cargo xtask maintain --env prod --yes\n  \
        cargo xtask maintain --env dev --local --yes\n  \
        cargo xtask maintain --env dev --deep\n\n\
        Exit codes: 0 done, 1 failed (in a deployed environment whatever the reason), 2 wrong command \
        line or configuration, 4 something is damaged."
)]
pub(crate) struct Args {
    #[command(flatten)]
    choice: Choice,

    /// Say what would be deleted, and delete nothing
    #[arg(long)]
    dry_run: bool,

    /// Read every file and hold it against what is known of it; change nothing
    #[arg(long, conflicts_with = "dry_run")]
    deep: bool,

    /// Write what was done or found as JSON to standard output
    #[arg(long)]
    json: bool,

    /// Do not ask
    #[arg(long, short)]
    yes: bool,

    /// Maintain the lake on this machine, though the environment is one that is deployed
    #[arg(long)]
    local: bool,
}

/// Maintains the tables of an environment.
pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    let environment = args.choice.open(None)?;
    // a lake that is named is that one, whatever is deployed
    let deployed = environment.config.aws.as_ref().filter(|_| args.choice.lake.is_none());
    let deployed = deployed.filter(|_| !args.local && !args.deep);
    let (place, days) = match deployed {
        Some(aws) => {
            (format!("the deployed lake of {}", environment.name), aws.maintenance.days.value)
        }
        None => (environment.shown_lake(), 7),
    };
    if let Some(lake) = environment.directory()
        && deployed.is_none()
        && !lake.is_dir()
    {
        bail!("there is no lake at {place}");
    }
    let question =
        format!("delete files in {place} that no version of the last {days} days needs?");
    if !args.dry_run
        && !args.deep
        && !args.yes
        && !confirm(&question, "add --yes, or --dry-run to see what would go")?
    {
        println!("nothing was done");
        return Ok(0);
    }
    if deployed.is_some() {
        return aws::maintain(&args.choice, args.dry_run, args.json);
    }
    args.choice.build.run()?;
    let mut command = commit(&environment, "warn")?;
    command
        .arg("maintain")
        .args(args.dry_run.then_some("--dry-run"))
        .args(args.deep.then_some("--deep"))
        .args(args.json.then_some("--json"));
    Ok(exit_code(command.status().context("cannot start `commit`")?))
}

/// The program `commit` on an environment's lake; what it is to do follows.
pub(crate) fn commit(environment: &Environment, log: &str) -> anyhow::Result<Command> {
    let mut command = Command::new(workspace::program("commit")?);
    command
        .arg("--config")
        .arg(&environment.file)
        .arg("--lake")
        .arg(&environment.lake)
        .args(["--log-format", "text", "--log", log])
        .current_dir(workspace::root())
        .stdin(Stdio::null());
    Ok(command)
}

/// The exit code of a program that was run, as ours; 1 for one that a signal ended.
pub(crate) fn exit_code(status: ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(Exit::Failed as u8)
}

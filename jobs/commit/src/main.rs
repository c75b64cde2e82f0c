//! `commit`: makes a run visible, and maintains the tables. See `commit --help`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use commit::{deep, maintain, rebuild};
use model::exit::Exit;
use serde::Serialize;
use stage::{Common, Failure};

/// Makes a run visible: one commit a table from what bronze and silver (or gold) did.
///
/// May be killed and repeated at any moment, and run beside the commit of another run.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples:\n  commit --config lake.yaml --run 20240131T235959Z-0a1b2c3d\n  \
                  commit --config lake.yaml --run 20240131T235959Z-0a1b2c3d --gold\n  \
                  commit --config lake.yaml maintain --dry-run"
)]
struct Args {
    #[command(flatten)]
    common: Common,

    /// Commit what gold built, instead of what bronze and silver did.
    #[arg(long)]
    gold: bool,

    /// Give the summary as JSON.
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The first step of making damaged tables anew from what the lake holds, without the source:
    /// `cargo xtask rebuild` does them all.
    Rebuild {
        /// This table, such as silver.trades, whatever its log says; may be given more than once.
        #[arg(long = "table", value_name = "TABLE")]
        tables: Vec<model::schema::Table>,

        /// Only tell what is damaged, as far as logs and builds say.
        #[arg(long)]
        look: bool,
    },
    /// Write checkpoints; delete replaced data files, expired log entries, old temporary files
    /// and the fragments of old runs.
    Maintain {
        /// Only tell what would be deleted.
        #[arg(long)]
        dry_run: bool,

        /// Read every file and hold it against what is known of it; change nothing.
        #[arg(long, conflicts_with = "dry_run")]
        deep: bool,

        /// Days for which replaced data files stay, for time travel and for commits in flight;
        /// at least 7.
        #[arg(long, value_name = "DAYS", default_value_t = table::maintain::RETENTION_DAYS,
              value_parser = clap::value_parser!(i64).range(table::maintain::RETENTION_DAYS..=36_500))]
        days: i64,
    },
}

fn main() -> ExitCode {
    let args = Args::parse();
    stage::main("commit", &args.common, async |context| match args.command {
        Some(Command::Maintain { deep: true, .. }) => {
            let found = deep::run(&context).await?;
            show(args.json, &found)?;
            match found.damages.len() {
                0 => Ok(()),
                n => Err(Failure::new(
                    Exit::DataRefused,
                    anyhow::anyhow!(
                        "{n} objects of the lake are damaged; what to type stands beside each"
                    ),
                )),
            }
        }
        Some(Command::Maintain { dry_run, days, deep: false }) => {
            let done = maintain::run(&context, maintain::Options { dry_run, days }).await?;
            show(args.json, &done)
        }
        Some(Command::Rebuild { look: true, .. }) => {
            show(args.json, &rebuild::look(&context).await?)
        }
        Some(Command::Rebuild { tables, look: false }) => {
            show(args.json, &rebuild::run(&context, &tables).await?)
        }
        None if args.gold => show(args.json, &commit::run_gold(&context).await?),
        None => show(args.json, &commit::run(&context).await?),
    })
}

fn show<T: Serialize + std::fmt::Display>(json: bool, answer: &T) -> Result<(), Failure> {
    stage::answer(&if json { serde_json::to_string(answer)? } else { answer.to_string() })
}

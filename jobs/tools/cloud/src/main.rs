//! `cloud`: everything that calls AWS. `cargo xtask` spawns it; by hand it works as well. See
//! `cloud --help`.
//!
//! It knows a deployment by its names (`names`), which Terraform gives and nobody looks up. It
//! must not know how tables are stored nor what a job does.
//!
//! | module | what lives there |
//! |---|---|
//! | `account`, `trouble` | the door to AWS, and what AWS says in words that tell what to do |
//! | `execution` | executions as they are |
//! | `run`, `board`, `letters` | start and follow them, do again what failed |
//! | `logs`, `status`, `lake` | what the jobs log, how a deployment is, what lies in its bucket |
//! | `maintain` | the care of the tables, now |
//! | `ask`, `answer` | questions to Athena |
//! | `verify`, `files` | whether catalog and data files are as the code says |
//! | `prove`, `quotas` | what an account says of a deployment: definitions, roles, tables, tasks at once |
//! | `stop`, `empty`, `leftovers` | before and after a teardown |
//! | `there`, `signed` | whether what an ARN names is there; questions that no SDK here asks |
//! | `tasks`, `orphans` | the tasks of the emulated AWS, and those that a killed runner left |
#![expect(clippy::print_stdout, reason = "what a command finds goes to standard output")]

mod account;
mod answer;
mod ask;
mod board;
mod empty;
mod execution;
mod files;
mod lake;
mod leftovers;
mod letters;
mod logs;
mod maintain;
mod names;
mod orphans;
mod prove;
mod quotas;
mod run;
mod signed;
mod status;
mod stop;
mod tasks;
mod there;
mod trouble;
mod verify;

use std::io::Write as _;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Parser, Subcommand};
use model::bug::Bug;
use model::exit::Exit;
use model::human;

use account::{Cloud, Wrong};

#[derive(Debug, Parser)]
#[command(
    name = "cloud",
    version,
    about = "Everything that calls AWS: run, watch and ask a deployed lake",
    max_term_width = 100,
    after_help = "Examples:\n  \
        cloud whoami --config infra/envs/dev/lake.yaml\n  \
        cloud run --wait --symbol BTCUSDT --config infra/envs/dev/lake.yaml\n  \
        cloud query coverage --config infra/envs/dev/lake.yaml"
)]
struct Cli {
    /// The environment's lake.yaml, with a section `aws:`
    #[arg(long, value_name = "FILE", env = model::env::CONFIG, global = true)]
    config: Option<PathBuf>,

    /// Write JSON to standard output
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(about = "Whose credentials these are, and whether they are of the right account")]
    Whoami,
    #[command(about = "Start an execution")]
    Run(run::Args),
    #[command(about = "The last executions")]
    Runs(run::RunsArgs),
    #[command(about = "Do again the batches that failed for good")]
    Redrive(run::RedriveArgs),
    #[command(about = "What the jobs log")]
    Logs(logs::Args),
    #[command(about = "The last runs, alarms, how fresh the data is, how large the tables are")]
    Status,
    #[command(about = "Ask Athena in SQL")]
    Query(ask::Args),
    #[command(about = "Maintain the tables now, and wait for the end")]
    Maintain(maintain::Args),
    #[command(about = "Whether the catalog is as the code says")]
    Verify,
    #[command(
        about = "The live data files of silver and gold with the SHA-256 of their bytes, as JSON"
    )]
    Files(files::Args),
    #[command(
        about = "What only an account can tell: definitions, expressions, roles, tables; as Markdown"
    )]
    Prove,
    #[command(about = "Whether the account may run as many tasks at once as the environment wants")]
    Quotas,
    #[command(about = "End executions and tasks at work, before a teardown")]
    Stop(stop::Args),
    #[command(about = "Empty the bucket and the image repositories, before a teardown")]
    Empty(empty::Args),
    #[command(about = "Look for what a teardown left")]
    Leftovers,
    #[command(about = "Run the tasks of the emulated AWS")]
    RunTasks(tasks::Args),
}

async fn work(cli: Cli) -> anyhow::Result<u8> {
    let json = cli.json;
    if let Command::RunTasks(args) = cli.command {
        return tasks::run_tasks(args).await;
    }
    if let Command::Files(files::Args { directory: Some(directory) }) = &cli.command {
        return files::of_directory(directory);
    }
    let file = cli.config.ok_or_else(|| {
        Wrong("which environment? say --config infra/envs/<env>/lake.yaml".into())
    })?;
    let cloud = Cloud::open(&file).await?;
    match cli.command {
        Command::Whoami => {
            let identity = cloud.identity();
            if json {
                println!("{}", serde_json::to_string_pretty(identity)?);
            } else {
                println!(
                    "environment {} in account {} and region {}, as {}",
                    identity.environment, identity.account, identity.region, identity.arn
                );
            }
            Ok(0)
        }
        Command::Run(args) => run::run(&cloud, &args, json).await,
        Command::Runs(args) => run::runs(&cloud, &args, json).await,
        Command::Redrive(args) => run::redrive(&cloud, &args, json).await,
        Command::Logs(args) => logs::logs(&cloud, &args, json).await,
        Command::Status => status::status(&cloud, json).await,
        Command::Query(args) => ask::query(&cloud, &args).await,
        Command::Maintain(args) => maintain::maintain(&cloud, &args, json).await,
        Command::Verify => verify::verify(&cloud, json).await,
        Command::Files(_) => files::of_bucket(&cloud).await,
        Command::Prove => prove::prove(&cloud, json).await,
        Command::Quotas => quotas::quotas(&cloud, json).await,
        Command::Stop(args) => stop::stop(&cloud, &args).await,
        Command::Empty(args) => empty::empty(&cloud, &args, json).await,
        Command::Leftovers => leftovers::leftovers(&cloud, json).await,
        Command::RunTasks(_) => Ok(0),
    }
}

/// Whether anything in this process panicked.
static PANICKED: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        PANICKED.store(true, Ordering::Relaxed);
        let text = Bug::of("cloud", panic).text();
        // a standard error that is gone is no reason to stop
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }));
    let exit = std::panic::catch_unwind(AssertUnwindSafe(answered)).unwrap_or(Exit::Failed as u8);
    let is_broken = PANICKED.load(Ordering::Relaxed);
    ExitCode::from(if is_broken { Exit::Failed as u8 } else { exit })
}

/// The exit code, after what went wrong was told.
fn answered() -> u8 {
    let cli = Cli::parse();
    let result = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(work(cli)));
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("cloud: {}", human::chain(error.as_ref()));
            account::exit(&error) as u8
        }
    }
}

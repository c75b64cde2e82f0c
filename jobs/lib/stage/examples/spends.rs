//! A job that asks a made-up provider again and again, for the test of what is spent by those who
//! are killed in the middle of it. Each line of its log is a request that was sent. Its clock goes
//! faster than the machine's. No user can reach it.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Parser;
use model::RunId;
use source::limits::Limits;
use stage::budget::{Budget, NoCredit};
use stage::{Clock, ManualClock};
use store::Lake;

#[derive(Debug, Parser)]
struct Args {
    /// The lake.
    #[arg(long)]
    lake: String,

    /// The run.
    #[arg(long)]
    run: RunId,

    /// The limits, as JSON.
    #[arg(long)]
    limits: String,

    /// Where each request is noted: its instant in ms since the epoch.
    #[arg(long)]
    log: PathBuf,

    /// The machine's time at which the job's clock showed `--begins`.
    #[arg(long)]
    began: DateTime<Utc>,

    /// What the job's clock showed.
    #[arg(long)]
    begins: DateTime<Utc>,

    /// How many times as fast it goes.
    #[arg(long)]
    speed: i32,

    /// Requests after which it is content.
    #[arg(long)]
    most: Option<u32>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::from(error.downcast_ref::<NoCredit>().map_or(1, |error| error.exit() as u8))
        }
    }
}

async fn run(args: Args) -> anyhow::Result<()> {
    let limits: Limits = serde_json::from_str(&args.limits)?;
    let lake = Lake::open(&args.lake, None)?;
    let clock = ManualClock::at(args.begins);
    let (hand, began, begins, speed) = (clock.clone(), args.began, args.begins, args.speed);
    let clock = Clock::Manual(clock);
    let shown = clock.clone();
    tokio::spawn(async move {
        loop {
            let now = begins + (Clock::System.now() - began) * speed;
            hand.advance((now - shown.now()).max(TimeDelta::zero()));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let budget = Budget::new(&lake, "acme".parse()?, &limits, &args.run, &clock);
    let mut log = OpenOptions::new().append(true).create(true).open(&args.log)?;
    let mut sent = 0;
    while args.most.is_none_or(|most| sent < most) {
        let (one, other) = tokio::join!(budget.reserve(1), budget.reserve(1));
        for held in [one, other] {
            let held = held?;
            let now = clock.now();
            if !held.is_over(now) {
                // at once, so that a kill leaves a whole line or none
                log.write_all(format!("{}\n", now.timestamp_millis()).as_bytes())?;
                sent += 1;
            }
        }
    }
    Ok(())
}

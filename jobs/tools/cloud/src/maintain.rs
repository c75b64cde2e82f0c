//! The care of a deployed lake's tables: starts what the schedule starts, now, and waits for its end.
//! The task that it runs is the only one that may delete anything of a table; nobody's own
//! credentials need to.

use std::time::Duration;

use aws_sdk_sfn::operation::start_execution::StartExecutionError;
use aws_sdk_sfn::types::ExecutionStatus;
use model::{RunId, human};
use serde_json::json;

use crate::account::Cloud;
use crate::execution::{describe, not_deployed, now};
use crate::trouble::told;

/// How often the execution is looked at.
const POLL: Duration = Duration::from_secs(1);

/// The arguments of `maintain`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Say what would be deleted, and delete nothing
    #[arg(long)]
    dry_run: bool,
}

/// `maintain`.
pub(crate) async fn maintain(cloud: &Cloud, args: &Args, json: bool) -> anyhow::Result<u8> {
    let run = RunId::new(now(), fastrand::u32(..));
    let answer = cloud
        .sfn()
        .start_execution()
        .state_machine_arn(cloud.names.maintenance())
        .name(run.as_str())
        .input(json!({ "run": run, "dry_run": args.dry_run }).to_string())
        .send()
        .await;
    let arn = match answer {
        Ok(answer) => answer.execution_arn().to_owned(),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(StartExecutionError::is_state_machine_does_not_exist) =>
        {
            return Err(not_deployed(cloud));
        }
        Err(error) => return Err(told("start the maintenance")(error)),
    };
    if !json {
        eprintln!("maintenance {run}; Ctrl-C leaves it running");
    }
    let execution = loop {
        let execution = describe(cloud, &arn).await?;
        if execution.ended_at.is_some() {
            break execution;
        }
        tokio::time::sleep(POLL).await;
    };
    let good = execution.status == ExecutionStatus::Succeeded.as_str();
    if json {
        println!("{}", serde_json::to_string_pretty(&execution)?);
        return Ok(u8::from(!good));
    }
    let verdict = if good { "done" } else { execution.status.as_str() };
    println!("maintenance {run} {verdict} in {}", human::span(execution.took(now())));
    execution.error.iter().for_each(|error| println!("  FAILED  {error}"));
    execution.console.iter().for_each(|page| println!("  {page}"));
    let environment = &cloud.names.environment;
    println!("next: cargo xtask logs --env {environment} --stage commit    what was deleted");
    Ok(u8::from(!good))
}

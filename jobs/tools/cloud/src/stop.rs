//! Ends what is at work, before a teardown: executions first, so that nothing starts further tasks,
//! then the tasks. Afterwards the revisions of the stages' task definitions, which Terraform leaves
//! for executions at work, are taken away.

use std::time::Duration;

use anyhow::bail;
use aws_sdk_ecs::types::DesiredStatus;
use aws_sdk_sfn::types::ExecutionStatus;
use model::human;

use crate::account::{Cloud, Wrong};
use crate::leftovers;
use crate::trouble::{is_absent, told};

/// How often tasks are looked at until they have ended.
const POLL: Duration = Duration::from_secs(2);
/// Looks until tasks count as stuck.
const LOOKS: u32 = 150;
/// What is told to whoever looks at the executions.
const WHY: &str = "the environment is torn down";

/// The arguments of `stop`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The environment's name again
    #[arg(long, value_name = "NAME")]
    confirm: String,
}

/// `stop`.
pub(crate) async fn stop(cloud: &Cloud, args: &Args) -> anyhow::Result<u8> {
    if args.confirm != cloud.names.environment {
        bail!(Wrong(format!(
            "the name given is not that of the environment, {}; nothing was stopped",
            cloud.names.environment
        )));
    }
    let executions = executions(cloud).await?;
    let mut tasks = tasks(cloud).await?;
    let stopped = tasks.len();
    for _ in 0..LOOKS {
        if tasks.is_empty() {
            break;
        }
        for task in &tasks {
            cloud
                .ecs()
                .stop_task()
                .cluster(cloud.names.prefix())
                .task(task)
                .reason(WHY)
                .send()
                .await
                .map_err(told("stop a task"))?;
        }
        tokio::time::sleep(POLL).await;
        tasks = self::tasks(cloud).await?;
    }
    if let Some(task) = tasks.first() {
        bail!("a task does not stop: {task}; type the same command again to go on");
    }
    let revisions = leftovers::task_definitions(cloud).await?;
    for revision in &revisions {
        cloud
            .ecs()
            .deregister_task_definition()
            .task_definition(revision)
            .send()
            .await
            .map_err(told("take a task definition away"))?;
    }
    println!(
        "stopped {} and {}",
        human::plural(executions as u64, "execution"),
        human::plural(stopped as u64, "task")
    );
    Ok(0)
}

/// Stops the executions at work; how many there were.
async fn executions(cloud: &Cloud) -> anyhow::Result<usize> {
    let mut stopped = 0;
    for machine in [cloud.names.machine(), cloud.names.maintenance()] {
        stopped += executions_of(cloud, &machine).await?;
    }
    Ok(stopped)
}

async fn executions_of(cloud: &Cloud, machine: &str) -> anyhow::Result<usize> {
    let mut arns = Vec::new();
    let mut next: Option<String> = None;
    loop {
        let page = cloud
            .sfn()
            .list_executions()
            .state_machine_arn(machine)
            .status_filter(ExecutionStatus::Running)
            .set_next_token(next)
            .send()
            .await;
        let page = match page {
            Ok(page) => page,
            Err(error) if is_absent(&error) => break,
            Err(error) => return Err(told("list the executions")(error)),
        };
        arns.extend(page.executions().iter().map(|e| e.execution_arn().to_owned()));
        next = page.next_token().map(ToOwned::to_owned);
        if next.is_none() {
            break;
        }
    }
    for arn in &arns {
        cloud
            .sfn()
            .stop_execution()
            .execution_arn(arn)
            .error("Teardown")
            .cause(WHY)
            .send()
            .await
            .map_err(told("stop an execution"))?;
    }
    Ok(arns.len())
}

/// The tasks that are at work or on the way to it.
async fn tasks(cloud: &Cloud) -> anyhow::Result<Vec<String>> {
    let mut arns = Vec::new();
    let mut next: Option<String> = None;
    loop {
        let page = cloud
            .ecs()
            .list_tasks()
            .cluster(cloud.names.prefix())
            .desired_status(DesiredStatus::Running)
            .set_next_token(next)
            .send()
            .await;
        let page = match page {
            Ok(page) => page,
            Err(error) if is_absent(&error) => return Ok(arns),
            Err(error) => return Err(told("list the tasks")(error)),
        };
        arns.extend_from_slice(page.task_arns());
        next = page.next_token().map(ToOwned::to_owned);
        if next.is_none() {
            return Ok(arns);
        }
    }
}

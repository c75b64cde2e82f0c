//! Ends what is at work, before a teardown: executions first, so that nothing starts further tasks,
//! then the tasks, each until it has ended: one that was only told to may still write into the lake.
//! Afterwards the revisions of the stages' task definitions, which Terraform leaves for executions
//! at work, are taken away.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::bail;
use aws_sdk_ecs::types::DesiredStatus;
use aws_sdk_sfn::types::ExecutionStatus;
use model::human;

use crate::account::{Cloud, Wrong};
use crate::leftovers;
use crate::trouble::{is_absent, told};

/// How often tasks are looked at until they have ended.
const POLL: Duration = Duration::from_secs(1);
/// Tasks that ECS describes in one answer.
const DESCRIBED: usize = 100;
/// What is told to whoever looks at the executions.
const WHY: &str = "the environment is torn down";

/// The arguments of `stop`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The environment's name again
    #[arg(long, value_name = "NAME")]
    confirm: String,

    /// How long tasks may take to end before they count as stuck, a day at most
    #[arg(long, value_name = "SECONDS", default_value_t = 600,
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    within: u64,
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
    let stopped = end_tasks(cloud, Duration::from_secs(args.within), executions > 0).await?;
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

/// Stops the tasks at work and waits until each has ended; how many there were. `is_fresh`: an
/// execution was stopped just now, so one of its tasks may appear after the first look.
async fn end_tasks(cloud: &Cloud, within: Duration, is_fresh: bool) -> anyhow::Result<usize> {
    let until = Instant::now() + within;
    let mut all = BTreeSet::new();
    // told to stop before, by an execution's end or by a call of ours that was cut off
    let mut waiting = listed(cloud, DesiredStatus::Stopped).await?;
    let mut quiet = u32::from(!is_fresh);
    loop {
        for task in listed(cloud, DesiredStatus::Running).await? {
            stop_task(cloud, &task).await?;
            all.insert(task.clone());
            waiting.insert(task);
        }
        waiting = alive(cloud, &waiting).await?;
        all.extend(waiting.iter().cloned());
        match waiting.first() {
            // after the last task one more look: what was on its way may have come
            None if quiet > 0 => return Ok(all.len()),
            None => quiet += 1,
            Some(task) if Instant::now() >= until => bail!(
                "{} of {} not ended within {}, such as {task}; nothing was emptied: type the same \
                 command again to go on waiting",
                waiting.len(),
                human::plural(all.len() as u64, "task"),
                human::span(within)
            ),
            Some(_) => quiet = 0,
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn stop_task(cloud: &Cloud, task: &str) -> anyhow::Result<()> {
    let answer =
        cloud.ecs().stop_task().cluster(cloud.names.prefix()).task(task).reason(WHY).send().await;
    match answer {
        // it has ended by itself and is forgotten
        Err(error) if !is_absent(&error) => Err(told("stop a task")(error)),
        _ => Ok(()),
    }
}

/// Those of these tasks that have not ended. What a task is told to be (`desiredStatus`) is not
/// what it is: until `lastStatus` is STOPPED its program may be at work.
async fn alive(cloud: &Cloud, tasks: &BTreeSet<String>) -> anyhow::Result<BTreeSet<String>> {
    let tasks: Vec<String> = tasks.iter().cloned().collect();
    let mut alive = BTreeSet::new();
    for some in tasks.chunks(DESCRIBED) {
        let found = cloud
            .ecs()
            .describe_tasks()
            .cluster(cloud.names.prefix())
            .set_tasks(Some(some.to_vec()))
            .send()
            .await
            .map_err(told("look at the tasks"))?;
        // tasks that ECS has forgotten are no tasks of the answer
        let at_work = found.tasks().iter().filter(|task| task.last_status() != Some("STOPPED"));
        alive.extend(at_work.filter_map(|task| task.task_arn()).map(ToOwned::to_owned));
    }
    Ok(alive)
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

/// The tasks that are to be in a state, whether they are or not.
async fn listed(cloud: &Cloud, wanted: DesiredStatus) -> anyhow::Result<BTreeSet<String>> {
    let mut arns = BTreeSet::new();
    let mut next: Option<String> = None;
    loop {
        let page = cloud
            .ecs()
            .list_tasks()
            .cluster(cloud.names.prefix())
            .desired_status(wanted.clone())
            .set_next_token(next)
            .send()
            .await;
        let page = match page {
            Ok(page) => page,
            Err(error) if is_absent(&error) => return Ok(arns),
            Err(error) => return Err(told("list the tasks")(error)),
        };
        arns.extend(page.task_arns().iter().cloned());
        next = page.next_token().map(ToOwned::to_owned);
        if next.is_none() {
            return Ok(arns);
        }
    }
}

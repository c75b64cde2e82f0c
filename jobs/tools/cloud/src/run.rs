//! Starting executions, following them, doing again what failed.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::bail;
use aws_sdk_sfn::operation::start_execution::StartExecutionError;
use aws_sdk_sfn::types::ExecutionStatus;
use chrono::{DateTime, Utc};
use model::exit::Exit;
use model::remarks::{self, Known};
use model::{Dataset, Day, RunId, Symbol, human};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::account::{Cloud, Wrong};
use crate::board::{Board, Progress};
use crate::trouble::{is_absent, told};
use crate::{lake, letters};

/// How often an execution is looked at.
const POLL: Duration = Duration::from_secs(1);
/// The state whose end says that a run goes on.
const PLAN: &str = "Plan the run";
/// How often an execution is looked at until it has its plan.
const PLANNED: u32 = 840;
/// How often a run may be taken up.
const TAKEN_UP: u32 = 200;

/// The arguments of `run`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// First day, such as 2024-01-31
    #[arg(long, value_name = "DAY")]
    from: Option<Day>,

    /// Last day
    #[arg(long, value_name = "DAY")]
    to: Option<Day>,

    /// This symbol only; may be given more than once
    #[arg(long = "symbol", value_name = "SYMBOL")]
    symbols: Vec<Symbol>,

    /// This dataset only: trades, agg_trades or klines; may be given more than once
    #[arg(long = "dataset", value_name = "DATASET")]
    datasets: Vec<Dataset>,

    /// Try archives again that failed before, though the source has not changed them
    #[arg(long)]
    retry_bad: bool,

    /// Wait for the end, and show how far it is
    #[arg(long)]
    wait: bool,
}

/// The arguments of `redrive`.
#[derive(Debug, clap::Args)]
pub(crate) struct RedriveArgs {
    /// This run; default: every run with batches in the queue of those that failed
    #[arg(long)]
    run: Option<RunId>,

    /// Wait for the end, and show how far it is
    #[arg(long)]
    wait: bool,
}

/// An execution as it is now.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Execution {
    /// Its name: the run's id, with `-r<n>` where it was taken up.
    pub(crate) name: String,
    /// Its ARN.
    pub(crate) arn: String,
    /// `RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT`, `ABORTED`.
    pub(crate) status: String,
    /// When it was started.
    pub(crate) started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub(crate) ended_at: Option<DateTime<Utc>>,
    /// What went wrong, where something did.
    pub(crate) error: Option<String>,
    /// Its page in the console; the emulated AWS has none.
    pub(crate) console: Option<String>,
}

impl Execution {
    /// How long it took, or takes until now.
    pub(crate) fn took(&self, now: DateTime<Utc>) -> Duration {
        let Some(start) = self.started_at else { return Duration::ZERO };
        (self.ended_at.unwrap_or(now) - start).to_std().unwrap_or_default()
    }
}

/// The time of day.
pub(crate) fn now() -> DateTime<Utc> {
    #[expect(clippy::disallowed_methods, reason = "no stage here; this is the one door")]
    Utc::now()
}

/// A time of the SDK's.
pub(crate) fn time(at: &aws_sdk_sfn::primitives::DateTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(at.secs(), at.subsec_nanos())
}

/// `run`.
pub(crate) async fn run(cloud: &Cloud, args: &Args, json: bool) -> anyhow::Result<u8> {
    if let (Some(from), Some(to)) = (args.from, args.to)
        && from > to
    {
        bail!(Wrong(format!("impossible range: --from {from} is after --to {to}")));
    }
    let run = RunId::new(now(), fastrand::u32(..));
    let mut input = Map::new();
    input.insert("run".into(), json!(run));
    if let Some(from) = args.from {
        input.insert("from".into(), json!(from.to_string()));
    }
    if let Some(to) = args.to {
        input.insert("to".into(), json!(to.to_string()));
    }
    if !args.symbols.is_empty() {
        input.insert("symbols".into(), json!(texts(&args.symbols)));
    }
    if !args.datasets.is_empty() {
        input.insert("datasets".into(), json!(texts(&args.datasets)));
    }
    if args.retry_bad {
        input.insert("retry_bad".into(), json!(true));
    }
    let arn = start(cloud, run.as_str(), &Value::Object(input)).await?;
    follow(cloud, &run, &arn, args.wait, json).await
}

fn texts<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

/// What to say where there is no such machine.
pub(crate) fn not_deployed(cloud: &Cloud) -> anyhow::Error {
    let environment = &cloud.names.environment;
    anyhow::anyhow!(
        "environment {environment} is not deployed in account {} and region {}; type `cargo xtask \
         deploy --env {environment}`",
        cloud.names.account,
        cloud.names.region
    )
}

async fn start(cloud: &Cloud, name: &str, input: &Value) -> anyhow::Result<String> {
    let answer = cloud
        .sfn()
        .start_execution()
        .state_machine_arn(cloud.names.machine())
        .name(name)
        .input(input.to_string())
        .send()
        .await;
    match answer {
        Ok(answer) => Ok(answer.execution_arn().to_owned()),
        Err(error) => {
            if error
                .as_service_error()
                .is_some_and(StartExecutionError::is_state_machine_does_not_exist)
            {
                return Err(not_deployed(cloud));
            }
            Err(told("start an execution")(error))
        }
    }
}

/// `redrive`: a new execution for each run with failed batches, which goes on with it.
pub(crate) async fn redrive(cloud: &Cloud, args: &RedriveArgs, json: bool) -> anyhow::Result<u8> {
    let letters = letters::take(cloud).await?;
    let mut by_run: BTreeMap<RunId, Vec<letters::Letter>> = BTreeMap::new();
    for letter in letters {
        by_run.entry(letter.run.clone()).or_default().push(letter);
    }
    if let Some(wanted) = &args.run {
        let given = by_run.remove(wanted).unwrap_or_default();
        letters::put_back(cloud, by_run.into_values().flatten()).await?;
        by_run = BTreeMap::from([(wanted.clone(), given)]);
    }
    if by_run.is_empty() {
        if json {
            println!("[]");
        } else {
            println!("nothing to redrive: no batch has failed for good");
        }
        return Ok(0);
    }
    let mut worst = 0;
    for (run, letters) in by_run {
        if lake::plan(cloud, &run).await?.is_none() {
            bail!("run {run} has no plan in the lake, so there is nothing to go on with");
        }
        let arn = take_up(cloud, &run).await?;
        // letters go when the run is certain to go on; until then nobody else sees them
        if let Err(error) = is_taken_up(cloud, &arn).await {
            letters::put_back(cloud, letters.into_iter()).await?;
            return Err(error.context(format!("run {run} was not taken up")));
        }
        letters::done(cloud, &letters).await?;
        if !json {
            let batches: Vec<String> = letters.iter().map(|l| l.batch.to_string()).collect();
            let batches =
                if batches.is_empty() { "what failed".into() } else { batches.join(", ") };
            println!("run {run}: doing again batch {batches}");
        }
        worst = worst.max(follow(cloud, &run, &arn, args.wait, json).await?);
    }
    Ok(worst)
}

async fn take_up(cloud: &Cloud, run: &RunId) -> anyhow::Result<String> {
    let names: Vec<String> =
        list(cloud, 1_000).await?.into_iter().map(|execution| execution.name).collect();
    let free = (1..TAKEN_UP)
        .map(|k| format!("{run}-r{k}"))
        .find(|name| !names.contains(name))
        .ok_or_else(|| anyhow::anyhow!("run {run} was taken up too often; start a new one"))?;
    start(cloud, &free, &json!({ "run": run, "resume": true })).await
}

/// Waits until an execution has its plan.
async fn is_taken_up(cloud: &Cloud, arn: &str) -> anyhow::Result<()> {
    for _ in 0..PLANNED {
        let execution = describe(cloud, arn).await?;
        let progress = Progress::look(cloud, &execution).await?;
        if progress.states.iter().any(|state| state.name == PLAN && state.left > 0) {
            return Ok(());
        }
        if execution.ended_at.is_some() {
            bail!("{}", execution.error.unwrap_or(execution.status));
        }
        tokio::time::sleep(POLL).await;
    }
    bail!("its plan takes too long; see `cargo xtask runs --env {}`", cloud.names.environment)
}

/// Shows an execution, to its end where wanted; the exit code.
async fn follow(
    cloud: &Cloud,
    run: &RunId,
    arn: &str,
    wait: bool,
    json: bool,
) -> anyhow::Result<u8> {
    if !wait {
        let execution = describe(cloud, arn).await?;
        if json {
            println!("{}", serde_json::to_string(&execution)?);
        } else {
            println!("started run {run}");
            execution.console.iter().for_each(|page| println!("  {page}"));
            println!("next: cargo xtask runs --env {}", cloud.names.environment);
        }
        return Ok(0);
    }
    let mut board = Board::new(!json);
    if !json {
        eprintln!("run {run}; Ctrl-C leaves it running");
    }
    let execution = loop {
        let execution = describe(cloud, arn).await?;
        let ended = execution.ended_at.is_some();
        board.show(&Progress::look(cloud, &execution).await?, ended);
        if ended {
            break execution;
        }
        tokio::time::sleep(POLL).await;
    };
    conclude(cloud, run, &execution, json).await
}

/// The summary of an execution that ended.
async fn conclude(
    cloud: &Cloud,
    run: &RunId,
    execution: &Execution,
    json: bool,
) -> anyhow::Result<u8> {
    let plan = lake::plan(cloud, run).await?;
    let figures = lake::figures(cloud, run).await?;
    let failed = letters::look(cloud, run).await?;
    let good = execution.status == ExecutionStatus::Succeeded.as_str();
    // what was built is whole; what was not built is for a redrive
    let planned = plan.as_ref().map(|p| p.totals).unwrap_or_default();
    let is_whole = good && failed.is_empty() && figures.rows_add_up;
    // the execution itself knows of no archives
    let of_no_use = is_whole && figures.is_of_no_use(&planned);
    let code = if of_no_use { Exit::DataRefused as u8 } else { u8::from(!is_whole) };
    let verdict = lake::verdict(cloud, run).await?;
    let remarks = remarks::of(&Known {
        planned,
        absent: plan.as_ref().map_or(0, |p| p.absent.len() as u64),
        figures: Some(&figures),
        verdict: verdict.as_ref(),
        odd: plan.as_ref().map_or(&[], |p| p.remarks.as_slice()),
        ..Known::default()
    });
    if json {
        let summary = json!({
            "execution": execution, "run": run, "exit": code, "figures": figures,
            "planned": plan.as_ref().map(|p| p.totals), "failed_batches": failed,
            "remarks": remarks,
        });
        println!("{}", serde_json::to_string_pretty(&summary)?);
        return Ok(code);
    }
    let verdict = if good { "done" } else { execution.status.as_str() };
    println!("\nrun {run} {verdict} in {}\n", human::span(execution.took(now())));
    let nothing = plan.as_ref().is_none_or(|plan| plan.batches.is_empty());
    if nothing && good {
        println!("  nothing to do: what is wanted of what the source lists is in the lake");
    } else {
        let rows: Vec<Vec<String>> = figures
            .lines(&planned)
            .into_iter()
            .map(|[name, text]| vec![format!("  {name}"), text])
            .collect();
        for line in human::columns(&rows) {
            println!("{line}");
        }
    }
    for letter in &failed {
        println!("  FAILED  {} batch {}: {}", letter.stage, letter.batch, letter.why());
    }
    if let Some(error) = &execution.error {
        println!("  FAILED  {error}");
    }
    if of_no_use {
        println!("  FAILED  none of {} is of use", human::plural(planned.fetch, "fetched archive"));
    }
    let environment = &cloud.names.environment;
    if !remarks.is_empty() {
        println!("\nto know");
        for line in remarks::lines(&remarks, &format!("--env {environment}")) {
            println!("{line}");
        }
    }
    println!();
    execution.console.iter().for_each(|page| println!("  {page}"));
    if code == 0 {
        println!("next: cargo xtask query coverage --env {environment}");
    } else if of_no_use {
        // a redrive would find every batch done
        println!("next: cargo xtask query ledger --env {environment} --param status=bad");
    } else {
        println!(
            "next: cargo xtask logs --env {environment} --run {run}\n      \
             cargo xtask run --env {environment} --redrive --wait"
        );
    }
    Ok(code)
}

/// An execution by its ARN.
pub(crate) async fn describe(cloud: &Cloud, arn: &str) -> anyhow::Result<Execution> {
    let found = cloud
        .sfn()
        .describe_execution()
        .execution_arn(arn)
        .send()
        .await
        .map_err(told("look at the execution"))?;
    let cause = found.cause().map(brief);
    let error = match (found.error(), cause) {
        (Some(error), Some(cause)) => Some(format!("{error}: {cause}")),
        (Some(text), None) => Some(text.to_owned()),
        (None, cause) => cause,
    };
    let ended = *found.status() != ExecutionStatus::Running;
    Ok(Execution {
        name: found.name().unwrap_or_default().to_owned(),
        arn: arn.to_owned(),
        status: found.status().as_str().to_owned(),
        started_at: time(found.start_date()),
        ended_at: found.stop_date().and_then(time).or_else(|| ended.then(now)),
        error,
        console: cloud.console(arn),
    })
}

/// The first words of a cause, which may be a whole task in JSON.
pub(crate) fn brief(cause: &str) -> String {
    let text = serde_json::from_str::<Value>(cause)
        .ok()
        .and_then(|value| {
            let of = |key: &str| value.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
            let code =
                value.pointer("/Containers/0/ExitCode").map(|code| format!("exit code {code}"));
            match (of("StoppedReason"), code) {
                (Some(reason), Some(code)) => Some(format!("{reason} ({code})")),
                (reason, code) => reason.or(code),
            }
        })
        .unwrap_or_else(|| cause.to_owned());
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() > 300 {
        line.chars().take(300).collect::<String>() + "…"
    } else {
        line.to_owned()
    }
}

/// The newest executions, newest first.
pub(crate) async fn list(cloud: &Cloud, most: usize) -> anyhow::Result<Vec<Execution>> {
    let mut all = Vec::new();
    let mut next = None;
    loop {
        let page = cloud
            .sfn()
            .list_executions()
            .state_machine_arn(cloud.names.machine())
            .set_next_token(next)
            .send()
            .await;
        let page = match page {
            Ok(page) => page,
            Err(error) if is_absent(&error) => return Err(not_deployed(cloud)),
            Err(error) => return Err(told("list the executions")(error)),
        };
        for item in page.executions() {
            all.push(Execution {
                name: item.name().to_owned(),
                arn: item.execution_arn().to_owned(),
                status: item.status().as_str().to_owned(),
                started_at: time(item.start_date()),
                ended_at: item.stop_date().and_then(time),
                error: None,
                console: cloud.console(item.execution_arn()),
            });
        }
        next = page.next_token().map(ToOwned::to_owned);
        if next.is_none() || all.len() >= most {
            break;
        }
    }
    all.sort_by(|a, b| b.started_at.cmp(&a.started_at).then_with(|| b.name.cmp(&a.name)));
    all.truncate(most);
    Ok(all)
}

/// The arguments of `runs`.
#[derive(Debug, clap::Args)]
pub(crate) struct RunsArgs {
    /// How many, newest first
    #[arg(long, value_name = "N", default_value_t = 10)]
    last: usize,
}

/// `runs`.
pub(crate) async fn runs(cloud: &Cloud, args: &RunsArgs, json: bool) -> anyhow::Result<u8> {
    let mut executions = list(cloud, args.last).await?;
    for execution in &mut executions {
        // the list does not tell why
        if !["RUNNING", "SUCCEEDED"].contains(&execution.status.as_str()) {
            *execution = describe(cloud, &execution.arn).await?;
        }
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&executions)?);
        return Ok(0);
    }
    if executions.is_empty() {
        let environment = &cloud.names.environment;
        println!("no run yet; type `cargo xtask run --env {environment} --wait`");
    }
    for line in human::columns(&rows(&executions)) {
        println!("{line}");
    }
    Ok(0)
}

/// Executions as rows of a table.
pub(crate) fn rows(executions: &[Execution]) -> Vec<Vec<String>> {
    executions
        .iter()
        .map(|execution| {
            vec![
                execution.name.clone(),
                execution.status.to_lowercase().replace('_', " "),
                execution
                    .started_at
                    .map_or_else(String::new, |at| at.format("%Y-%m-%d %H:%M:%S").to_string()),
                human::span(execution.took(now())),
                execution.error.clone().unwrap_or_default(),
            ]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_cut_to_what_matters() {
        let task = json!({
            "StoppedReason": "Essential container in task exited",
            "Containers": [{ "ExitCode": 3, "Name": "bronze" }], "Attachments": [],
        });
        assert_eq!(brief(&task.to_string()), "Essential container in task exited (exit code 3)");
        assert_eq!(brief("plain words\nmore"), "plain words");
        assert_eq!(brief(&"x".repeat(400)).chars().count(), 301);
    }
}

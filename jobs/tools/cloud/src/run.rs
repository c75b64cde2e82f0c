//! Starting executions, following them, doing again what failed.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::bail;
use aws_sdk_sfn::operation::start_execution::StartExecutionError;
use aws_sdk_sfn::types::ExecutionStatus;
use model::exit::Exit;
use model::remarks::{self, Known};
use model::{Dataset, Day, RunId, Source, Symbol, human};
use serde_json::{Map, Value, json};

use crate::account::{Cloud, Wrong};
use crate::board::{Board, Progress};
use crate::execution::{Execution, describe, list, not_deployed, now, rows};
use crate::lake;
use crate::letters;
use crate::trouble::told;

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

    /// This source only, such as binance; may be given more than once
    #[arg(long = "source", value_name = "SOURCE")]
    sources: Vec<Source>,

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
    if !args.sources.is_empty() {
        input.insert("sources".into(), json!(texts(&args.sources)));
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
        stopped: failed.iter().any(letters::Letter::is_stopped_fetch),
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

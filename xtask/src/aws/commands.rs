//! What each command of a deployment does, in its order.

use std::fs;
use std::process::Stdio;

use anyhow::{Context as _, bail};
use model::config::aws::STAGES;
use model::{Dataset, Day, RunId, Source, Symbol};
use serde_json::Value;

use super::summary::{Changes, resources};
use super::terraform::Terraform;
use super::{EMULATED, Site, boundary, build, emulator, pushed};
use crate::confirm::confirm;
use crate::doctor;
use crate::environment::Choice;
use crate::workspace::root;

/// The arguments of `plan`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "What a deployment would change, in few lines, and what it costs a month. The \
                  plan is kept: `cargo xtask apply` does exactly that.",
    after_help = "Examples:\n  cargo xtask plan --env dev\n  cargo xtask plan --env emulated"
)]
pub(crate) struct Plan {
    #[command(flatten)]
    choice: Choice,

    /// Write the changes as Terraform's JSON
    #[arg(long)]
    json: bool,

    /// Exit with 4 where there is something to change (for a nightly look at drift)
    #[arg(long)]
    drift: bool,

    /// Do not lock the state, for roles that may only read
    #[arg(long)]
    no_lock: bool,
}

/// The arguments of `apply`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Do what the last `cargo xtask plan` showed.",
    after_help = "Examples:\n  cargo xtask apply --env dev"
)]
pub(crate) struct Apply {
    #[command(flatten)]
    choice: Choice,
}

/// The arguments of `deploy`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "The lake in an AWS account: checks what is needed, builds the images and pushes them \
                  (into repositories that it makes first where there are none), shows what will \
                  change and what it costs, applies that, and looks whether the catalog is as the \
                  code says. May be interrupted and repeated.",
    after_help = "Examples:\n  \
        cargo xtask deploy --env dev\n  \
        cargo xtask deploy --env emulated          an AWS on this machine, no account\n  \
        cargo xtask deploy --env emulated --containers"
)]
pub(crate) struct Deploy {
    #[command(flatten)]
    choice: Choice,

    /// Do not ask
    #[arg(long, short)]
    yes: bool,

    /// Keep the images that are there
    #[arg(long)]
    no_images: bool,

    /// Emulated only: tasks are containers of the real images instead of programs
    #[arg(long)]
    containers: bool,
}

/// The arguments of `run`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Start an execution of the deployed pipeline: it fetches what the configuration \
                  wants and the lake does not hold.",
    after_help = "Examples:\n  \
        cargo xtask run --env dev --wait\n  \
        cargo xtask run --env dev --from 2024-01-01 --to 2024-03-31 --symbol BTCUSDT\n  \
        cargo xtask run --env dev --redrive --wait      the batches that failed for good\n\n\
        Exit codes: 0 done, 1 failed or some batches failed, 2 wrong command line."
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Run {
    #[command(flatten)]
    choice: Choice,

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

    /// Do again the batches that failed for good
    #[arg(long, conflicts_with_all = ["from", "to", "sources", "symbols", "datasets", "retry_bad"])]
    redrive: bool,

    /// With --redrive: this run's only
    #[arg(long = "run", value_name = "RUN", requires = "redrive")]
    of: Option<RunId>,

    /// Wait for the end, and show how far it is
    #[arg(long)]
    wait: bool,

    /// Write the outcome as JSON
    #[arg(long)]
    json: bool,
}

/// The arguments of `runs`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "The last executions.",
    after_help = "Examples:\n  cargo xtask runs --env dev --last 20"
)]
pub(crate) struct Runs {
    #[command(flatten)]
    choice: Choice,

    /// How many, newest first
    #[arg(long, value_name = "N", default_value_t = 10)]
    last: usize,

    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// The arguments of `logs`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "What the jobs log, merged by time.",
    after_help = "Examples:\n  \
        cargo xtask logs --env dev --stage bronze --follow\n  \
        cargo xtask logs --env dev --run 20240131T235959Z-0a1b2c3d"
)]
pub(crate) struct Logs {
    #[command(flatten)]
    choice: Choice,

    /// This stage only
    #[arg(long)]
    stage: Option<String>,

    /// This run only
    #[arg(long)]
    run: Option<RunId>,

    /// From so many minutes ago
    #[arg(long, value_name = "MINUTES", default_value_t = 60)]
    since: u32,

    /// Go on until Ctrl-C
    #[arg(long)]
    follow: bool,

    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// The arguments of `status`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "How a deployment is: the last runs, alarms, how fresh its data is, how large its \
                  tables are, and with --drift whether it is what the code says.",
    after_help = "Examples:\n  cargo xtask status --env dev --drift"
)]
pub(crate) struct Status {
    #[command(flatten)]
    choice: Choice,

    /// Ask Terraform too whether anything was changed by hand
    #[arg(long)]
    drift: bool,

    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// What is made before images can be pushed: the module that holds their repositories.
const REPOSITORIES: &str = "module.environment.module.repositories";

/// The arguments of `prove`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "What only an account can tell of a deployment, asked of it and written as a page \
                  that can be committed: the definitions of the state machines and each of their \
                  JSONata expressions as Step Functions reads them; what each role may and may not \
                  do, as IAM judges its policies; after a run what Athena counts in each table, and \
                  that a filter on a partition reads that partition alone. Nothing is changed. What \
                  nobody there could tell is said to be not known.",
    after_help = "Examples:\n  \
        cargo xtask prove --env dev > docs/proven-dev.md\n  \
        cargo xtask prove --env emulated --json\n\n\
        Exit codes: 0 nothing is refuted, 1 not all could be asked, 2 wrong command line, 4 something \
        is refuted."
)]
pub(crate) struct Prove {
    #[command(flatten)]
    choice: Choice,

    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// Whose credentials these are: the account.
pub(super) fn account(site: &Site) -> anyhow::Result<String> {
    let said: Value = serde_json::from_str(&site.ask(&["whoami", "--json"])?)
        .context("what `cloud whoami` says is no JSON")?;
    Ok(said["account"].as_str().unwrap_or_default().to_owned())
}

/// A site and its Terraform, prepared.
pub(super) fn prepared(site: &Site) -> anyhow::Result<Terraform> {
    let mut terraform = Terraform::of(site, &account(site)?)?;
    terraform.init()?;
    terraform.take_images(site)?;
    Ok(terraform)
}

/// Shows what would change, and what it costs where that is the whole of a site.
fn show(changes: &Changes, site: Option<&Site>) -> anyhow::Result<()> {
    for line in changes.lines() {
        println!("{line}");
    }
    let Some(site) = site else { return Ok(()) };
    let text = fs::read_to_string(&site.config)?;
    let config = source::Providers::ALL.read("lake.yaml", &text)?;
    if let Some(aws) = &config.aws {
        println!();
        for line in changes.cost(aws) {
            println!("{line}");
        }
    }
    Ok(())
}

/// `plan`.
pub(crate) fn plan(args: &Plan) -> anyhow::Result<u8> {
    build(args.choice.env.as_deref(), &args.choice)?;
    let site = Site::open(&args.choice, None)?;
    let mut terraform = prepared(&site)?;
    if args.no_lock {
        terraform.without_lock();
    }
    let plan = terraform.plan()?;
    let changes = Changes::of(&plan);
    if args.json {
        println!("{plan}");
    } else {
        show(&changes, Some(&site))?;
        if !changes.is_empty() {
            println!("\nnext: cargo xtask apply --env {}", site.name);
        }
    }
    Ok(if args.drift && !changes.is_empty() { 4 } else { 0 })
}

/// `apply`.
pub(crate) fn apply(args: &Apply) -> anyhow::Result<u8> {
    build(args.choice.env.as_deref(), &args.choice)?;
    let site = Site::open(&args.choice, None)?;
    let terraform = prepared(&site)?;
    boundary::check(&site, &account(&site)?)?;
    terraform.apply(0)?;
    pushed::forget(&site.folder());
    verified(&site)
}

/// Looks whether the catalog is as the code says, and tells what to do next.
fn verified(site: &Site) -> anyhow::Result<u8> {
    let code = site.call(&["verify"])?;
    if code == 0 {
        println!("next: cargo xtask run --env {} --wait", site.name);
    }
    Ok(code)
}

/// `deploy`.
pub(crate) fn deploy(args: &Deploy) -> anyhow::Result<u8> {
    let emulated = args.choice.env.as_deref() == Some(EMULATED);
    if args.containers && !emulated {
        bail!(crate::environment::Wrong("--containers is for --env emulated".to_owned()));
    }
    let environment = args.choice.open(None)?;
    let with_images = !args.no_images && (!emulated || args.containers);
    if with_images && !doctor::answers("docker", &["version"]) {
        bail!("docker does not answer: start it, or install it; --no-images keeps the images");
    }
    if with_images && !emulated && !doctor::answers("aws", &["--version"]) {
        bail!("no AWS command line: install it, images are pushed with its password");
    }
    build(args.choice.env.as_deref(), &args.choice)?;
    let mut site = Site::of(&environment)?;
    if emulated {
        // what a deployment says holds for the runs that follow
        let wish =
            emulator::Wish { containers: Some(args.containers), ..emulator::Wish::default() };
        let aws = environment.config.aws.as_ref().context("no section aws")?;
        site = emulator::up(&site.name, &environment.file, aws, &wish)?;
    }
    eprintln!("{}", site.ask(&["whoami"])?.trim());
    let mut terraform = prepared(&site)?;
    boundary::check(&site, &account(&site)?)?;
    if args.no_images && !emulated && !terraform.has_images() {
        bail!("there are no images to keep: nothing was deployed yet; leave out --no-images");
    }
    if with_images && !emulated {
        // before anything is made or changed: what cannot be built is not deployed
        build_images(&site)?;
        // they need a place to be pushed to; the rest waits for them, so that nothing stands there,
        // scheduled and watched, that has nothing to run
        if !has_repositories(&terraform.outputs()?) {
            println!("first the repositories, which the images are pushed to");
            if !changed(&site, &terraform, Some(REPOSITORIES), args.yes)? {
                return Ok(1);
            }
        }
        push_images(&site, &terraform.outputs()?["images"]["value"])?;
        terraform = prepared(&site)?;
    }
    if !changed(&site, &terraform, None, args.yes || emulated)? {
        return Ok(1);
    }
    verified(&site)
}

/// Whether every stage has a repository, by Terraform's outputs: a stage that was added since the
/// last deployment has none yet.
fn has_repositories(outputs: &Value) -> bool {
    let known = &outputs["repositories"]["value"];
    STAGES.iter().all(|stage| known[*stage].is_string())
}

/// Plans everything, or what stands at an address, shows, asks and applies; whether it was wanted.
fn changed(
    site: &Site,
    terraform: &Terraform,
    address: Option<&str>,
    yes: bool,
) -> anyhow::Result<bool> {
    let changes = Changes::of(&terraform.plan_of(address)?);
    show(&changes, address.is_none().then_some(site))?;
    let done = || {
        if address.is_none() {
            pushed::forget(&site.folder());
        }
    };
    if changes.is_empty() {
        done();
        return Ok(true);
    }
    println!();
    tell_of_quotas(site);
    let question = format!("change {} in environment {}?", resources(changes.len()), site.name);
    // what loses data is asked for even where nothing else is
    let sure = yes && (changes.lost.is_empty() || site.name == EMULATED);
    if !sure && !confirm(&question, "add --yes (never enough where data would be lost)")? {
        println!("nothing was changed");
        return Ok(false);
    }
    terraform.apply(changes.len())?;
    done();
    Ok(true)
}

/// Builds the images, for what the tasks run on.
fn build_images(site: &Site) -> anyhow::Result<()> {
    let platform = format!("linux/{}", site.architecture.of_images());
    images(&["build", "--platform", &platform]).map(drop)
}

/// Tells whether the account may run as many tasks at once as the environment wants.
fn tell_of_quotas(site: &Site) {
    match site.ask(&["quotas"]) {
        Ok(said) => eprint!("{said}"),
        // what would wait is no reason not to deploy
        Err(error) => eprintln!("quota: {error}"),
    }
}

/// Pushes the images, and notes their digests until they are deployed. `deployed`: those that are
/// now.
fn push_images(site: &Site, deployed: &Value) -> anyhow::Result<()> {
    let of = site.architecture.of_images();
    let digests = images(&["push", "--env", &site.name, "--architecture", of])?;
    pushed::note(&site.folder(), &digests, deployed)
}

/// Calls `xtask images`; its standard output.
fn images(args: &[&str]) -> anyhow::Result<Vec<u8>> {
    let output = std::process::Command::new(crate::workspace::me()?)
        .arg("images")
        .args(args)
        .current_dir(root())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start xtask")?;
    if !output.status.success() {
        bail!("`cargo xtask images {}` failed; its message is above", args.join(" "));
    }
    Ok(output.stdout)
}

fn push<'a>(args: &mut Vec<&'a str>, flag: &'a str, value: Option<&'a String>) {
    if let Some(value) = value {
        args.extend([flag, value]);
    }
}

/// `run`.
pub(crate) fn start(given: &Run) -> anyhow::Result<u8> {
    build(given.choice.env.as_deref(), &given.choice)?;
    let site = Site::open(&given.choice, None)?;
    let (from, to) = (given.from.map(|d| d.to_string()), given.to.map(|d| d.to_string()));
    let sources: Vec<String> = given.sources.iter().map(ToString::to_string).collect();
    let symbols: Vec<String> = given.symbols.iter().map(ToString::to_string).collect();
    let datasets: Vec<String> = given.datasets.iter().map(ToString::to_string).collect();
    let run = given.of.as_ref().map(ToString::to_string);
    let mut args = vec![if given.redrive { "redrive" } else { "run" }];
    push(&mut args, "--from", from.as_ref());
    push(&mut args, "--to", to.as_ref());
    push(&mut args, "--run", run.as_ref());
    for source in &sources {
        push(&mut args, "--source", Some(source));
    }
    for symbol in &symbols {
        push(&mut args, "--symbol", Some(symbol));
    }
    for dataset in &datasets {
        push(&mut args, "--dataset", Some(dataset));
    }
    for (flag, is_set) in
        [("--retry-bad", given.retry_bad), ("--wait", given.wait), ("--json", given.json)]
    {
        args.extend(is_set.then_some(flag));
    }
    site.call(&args)
}

/// `maintain`, in the environment's account.
pub(crate) fn maintain(choice: &Choice, dry_run: bool, json: bool) -> anyhow::Result<u8> {
    build(choice.env.as_deref(), choice)?;
    let site = Site::open(choice, None)?;
    let mut args = vec!["maintain"];
    args.extend(dry_run.then_some("--dry-run"));
    args.extend(json.then_some("--json"));
    site.call(&args)
}

/// `runs`.
pub(crate) fn runs(given: &Runs) -> anyhow::Result<u8> {
    build(None, &given.choice)?;
    let site = Site::open(&given.choice, None)?;
    let last = given.last.to_string();
    let mut args = vec!["runs", "--last", &last];
    args.extend(given.json.then_some("--json"));
    site.call(&args)
}

/// `prove`.
pub(crate) fn prove(given: &Prove) -> anyhow::Result<u8> {
    build(None, &given.choice)?;
    let site = Site::open(&given.choice, None)?;
    let mut args = vec!["prove"];
    args.extend(given.json.then_some("--json"));
    site.call(&args)
}

/// `logs`.
pub(crate) fn logs(given: &Logs) -> anyhow::Result<u8> {
    build(None, &given.choice)?;
    let site = Site::open(&given.choice, None)?;
    let (since, run) = (given.since.to_string(), given.run.as_ref().map(ToString::to_string));
    let mut args = vec!["logs", "--since", &since];
    push(&mut args, "--stage", given.stage.as_ref());
    push(&mut args, "--run", run.as_ref());
    args.extend(given.follow.then_some("--follow"));
    args.extend(given.json.then_some("--json"));
    site.call(&args)
}

/// `status`.
pub(crate) fn status(given: &Status) -> anyhow::Result<u8> {
    build(None, &given.choice)?;
    let site = Site::open(&given.choice, None)?;
    let mut args = vec!["status"];
    args.extend(given.json.then_some("--json"));
    let code = site.call(&args)?;
    if code == 0 && given.drift {
        let changes = Changes::of(&prepared(&site)?.plan()?);
        println!("\nwhat was changed by hand, or is not deployed yet");
        for line in changes.lines() {
            println!("  {line}");
        }
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    #[test]
    fn a_stage_that_was_added_lacks_its_repository() {
        let of = |stages: &[&str]| {
            let urls: Map<String, Value> =
                stages.iter().map(|stage| ((*stage).to_owned(), json!("url"))).collect();
            has_repositories(&json!({ "repositories": { "value": urls } }))
        };
        assert!(of(STAGES));
        assert!(!of(&STAGES[1..]));
        assert!(!has_repositories(&json!({})), "nothing was deployed yet");
    }
}

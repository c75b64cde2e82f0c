//! `cargo xtask e2e`: the whole way on the emulated AWS, from nothing to nothing. Deploys, looks
//! that a second plan is empty, runs with archives that fail once and for good and with tasks that
//! are killed, redrives, compares every data file with a run on this machine byte for byte, asks
//! every named query of both engines, tears down. What its Terraform talks to is in
//! `e2e/deployments.rs`, the executions whose tasks are killed in `e2e/kills.rs`, what is asked and
//! compared in `e2e/queries.rs`, the sources that have a key and a schedule in `e2e/scheduled.rs`;
//! beside the runs a third environment may come and go, which `e2e/third.rs` has.

mod deployments;
mod kills;
mod queries;
mod scheduled;
mod third;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::aws::{self, EMULATED, emulator};
use crate::environment::Choice;
use crate::http;
use crate::human;
use crate::workspace::{self, root};

use deployments::Deployments;

/// The arguments of `e2e`.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(
    long_about = "The whole way on an AWS of this machine, no account: deploy, a second plan that \
                  is empty, executions by the schedules of sources with keys and limits, one \
                  whose source fails for a while, one in which batches fail for good and are \
                  redriven, every file of silver and gold compared byte for byte with a run on this \
                  machine, teardown, nothing left. With --third a third environment is \
                  bootstrapped, deployed and torn down beside it.",
    after_help = "Examples:\n  cargo xtask e2e\n  cargo xtask e2e --keep"
)]
pub(crate) struct Args {
    #[command(flatten)]
    choice: Choice,

    /// Tasks are containers of the images that `cargo xtask images build` made; those of the
    /// executions in which tasks are killed stay programs
    #[arg(long)]
    containers: bool,

    /// Beside it bootstrap, deploy and tear down a third environment, a copy of dev
    #[arg(long)]
    third: bool,

    /// Ask no queries, which takes the engine behind Athena
    #[arg(long)]
    no_queries: bool,

    /// Kill so many tasks at random
    #[arg(long, value_name = "N", default_value_t = 0)]
    kills: u32,

    /// Leave all as it is at the end, and do not tear down
    #[arg(long)]
    keep: bool,
}

/// What is wrong with the source all the time, so that there are rejects, and days that are not
/// simply available: lines that are no trades, in one archive.
const DEFECT: &str = "  - {path: \"**/spot/**/ETHUSDT-trades-2024-12-31.zip\", fault: \
                      {garbage_lines: {which: {rows: [3, 500]}, text: \"<html>503</html>\"}}}\n";

/// What is published anew once it is in the lake: all of a symbol's day, so that bars and trades still agree.
/// What changed is in `silver.restatements`, the new version everywhere else.
const ANEW: &str =
    "  - {path: \"**/um/**/ETHUSDT-*2024-12-30.zip\", fault: {republished: {revision: 1}}}\n";

/// How long one command may take: the longest, a deployment, takes a tenth of it.
const LIMIT: Duration = Duration::from_mins(12);
/// How long a command may take to end that was asked to: Terraform first ends what it has begun.
const GRACE: Duration = Duration::from_mins(1);
/// How often it is looked whether a command has ended.
const LOOK: Duration = Duration::from_millis(50);
/// How long a pipe may stay open after the end of its process.
const PIPE: Duration = Duration::from_secs(20);
/// Lines of each log that a failure shows.
const TAIL: usize = 30;

/// What is done, step by step, with its time.
struct Steps {
    begun: Instant,
    rows: Vec<(String, f64)>,
}

impl Steps {
    fn step<T>(
        &mut self,
        name: &str,
        work: impl FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        eprintln!("\n── {name}");
        let start = Instant::now();
        let result = work().with_context(|| format!("failed at: {name}"))?;
        let took = start.elapsed().as_secs_f64();
        eprintln!("   in {took:.1} s");
        self.rows.push((name.to_owned(), took));
        Ok(result)
    }

    /// Steps that only look at what is there, at the same time; their lines of the table take as long as
    /// each took beside the others. All end before the first that failed is told.
    fn together(&mut self, steps: Vec<Beside<'_>>) -> anyhow::Result<()> {
        let ended = std::thread::scope(|scope| {
            let begun: Vec<_> = steps
                .into_iter()
                .map(|(name, work)| {
                    scope.spawn(move || {
                        let mut alone = Self { begun: Instant::now(), rows: Vec::new() };
                        alone.step(name, work).map(|()| alone.rows)
                    })
                })
                .collect();
            begun.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
        });
        for rows in ended {
            self.rows.extend(rows.map_err(|_| anyhow::anyhow!("a step ended badly"))??);
        }
        Ok(())
    }
}

/// A step of those that [`Steps::together`] takes.
type Beside<'a> = (&'static str, Box<dyn FnOnce() -> anyhow::Result<()> + Send + 'a>);

/// How a command ended, and what it said.
struct Ended {
    code: u8,
    stdout: String,
    /// Empty where it was shown.
    stderr: String,
}

/// Runs a command to its end; `quiet` where nothing of it is to be shown. One that does not end
/// is ended, and told.
fn bounded(command: &mut Command, shown: &str, quiet: bool) -> anyhow::Result<Ended> {
    stoppable(&AtomicBool::new(false), command, shown, quiet)
}

/// As [`bounded`]; it is ended too once `stop` is set.
fn stoppable(
    stop: &AtomicBool,
    command: &mut Command,
    shown: &str,
    quiet: bool,
) -> anyhow::Result<Ended> {
    let mut child = command
        .current_dir(root())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(if quiet { Stdio::piped() } else { Stdio::inherit() })
        .spawn()
        .with_context(|| format!("cannot start `{shown}`"))?;
    let stdout = child.stdout.take().map(all_of);
    let stderr = child.stderr.take().map(all_of);
    let until = Instant::now() + LIMIT;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if stop.load(Ordering::Relaxed) {
            end(&mut child);
            bail!("`{shown}` was stopped");
        }
        if Instant::now() > until {
            end(&mut child);
            bail!("`{shown}` did not end within {}", human::span(LIMIT));
        }
        std::thread::sleep(LOOK);
    };
    // a process that it left behind may hold a pipe
    let text = |pipe: Option<Receiver<String>>| match pipe {
        Some(pipe) => pipe.recv_timeout(PIPE).with_context(|| format!("`{shown}` left a process")),
        None => Ok(String::new()),
    };
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(Ended { code, stdout: text(stdout)?, stderr: text(stderr)? })
}

/// Ends a command. It is asked first: one of ours passes that on to its Terraform and waits
/// (`aws/signals.rs`). After [`GRACE`] it is killed.
fn end(child: &mut Child) {
    let pid = child.id().to_string();
    let _ = Command::new("kill").args(["-TERM", "--", &pid]).stderr(Stdio::null()).status();
    let until = Instant::now() + GRACE;
    while Instant::now() < until {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        std::thread::sleep(LOOK);
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Reads a pipe to its end, beside.
fn all_of(mut pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}

/// A command of ours, what it says on standard error shown.
fn xtask(args: &[&str]) -> anyhow::Result<(u8, String)> {
    xtask_with(&[], args)
}

/// The same, with variables.
fn xtask_with(variables: &[(String, String)], args: &[&str]) -> anyhow::Result<(u8, String)> {
    let shown = format!("cargo xtask {}", args.join(" "));
    let mut command = Command::new(workspace::me()?);
    command.args(args).envs(variables.iter().map(|(name, value)| (name, value)));
    let ended = bounded(&mut command, &shown, false)?;
    Ok((ended.code, ended.stdout))
}

fn well(args: &[&str]) -> anyhow::Result<String> {
    did_well(args, xtask(args)?)
}

/// What a command said that did well.
fn did_well(args: &[&str], (code, said): (u8, String)) -> anyhow::Result<String> {
    if code != 0 {
        bail!("`cargo xtask {}` ended with {code}: {}", args.join(" "), said.trim());
    }
    Ok(said)
}

/// The sample exchange that tasks ask.
fn exchange() -> anyhow::Result<String> {
    let text = fs::read(aws::folder(EMULATED).join("exchange.json"))?;
    let value: Value = serde_json::from_slice(&text)?;
    Ok(value["url"].as_str().context("the exchange has no address")?.to_owned())
}

/// Tells the sample exchange its faults: rules besides the defect, which it always has.
fn faults(rules: &str) -> anyhow::Result<()> {
    let text = format!("rules:\n{DEFECT}{rules}");
    http::send("PUT", &exchange()?, "/_control/faults", &text).map(drop)
}

fn files(directory: Option<&str>) -> anyhow::Result<BTreeMap<String, String>> {
    let mut command = if let Some(directory) = directory {
        let mut command = Command::new(workspace::program("cloud")?);
        command.args(["files", "--directory", directory]);
        command
    } else {
        let choice = Choice { env: Some(EMULATED.into()), ..Choice::default() };
        aws::Site::open(&choice, None)?.cloud(&["files"])?
    };
    let ended = bounded(&mut command, "cloud files", false)?;
    serde_json::from_str(&ended.stdout).context("what `cloud files` says is no JSON")
}

/// How many files differ, either way.
fn differences(a: &BTreeMap<String, String>, b: &BTreeMap<String, String>) -> Vec<String> {
    let mut names: Vec<String> = a
        .iter()
        .filter(|(path, sha)| b.get(*path) != Some(sha))
        .chain(b.iter().filter(|(path, sha)| a.get(*path) != Some(sha)))
        .map(|(path, _)| path.clone())
        .collect();
    names.sort();
    names.dedup();
    names
}

/// `e2e`.
pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    if args.third {
        // before anything else: over a folder of somebody's own nothing begins
        third::clean()?;
    }
    aws::build(Some(EMULATED), &args.choice)?;
    let mut steps = Steps { begun: Instant::now(), rows: Vec::new() };
    let local: PathBuf = root().join("target/emulated-local");
    let result = whole(args, &mut steps, &local);
    if result.is_err() {
        for log in ["runner.log", "emulator.log"] {
            show_end(&aws::folder(EMULATED).join(log));
        }
        if !args.keep {
            // nothing of a failed test goes on
            let _ = emulator::down(EMULATED);
        }
    }
    let compared = result?;
    println!("\nall of it holds: {compared} files of silver and gold are the same, byte for byte");
    let rows: Vec<Vec<String>> =
        steps.rows.iter().map(|(name, s)| vec![format!("  {name}"), format!("{s:.1} s")]).collect();
    for line in human::columns(&rows) {
        println!("{line}");
    }
    println!("  in {}", human::span(steps.begun.elapsed()));
    Ok(0)
}

/// Shows the last lines of a log.
fn show_end(log: &Path) {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    eprintln!("\n── the end of {}", workspace::shown(log));
    for line in lines.iter().skip(lines.len().saturating_sub(TAIL)) {
        eprintln!("{line}");
    }
}

/// Fails unless all tasks of the runner that is at work began as containers, or all as programs.
fn begun_as(containers: bool) -> anyhow::Result<()> {
    let log = fs::read_to_string(aws::folder(EMULATED).join("runner.log")).unwrap_or_default();
    let some = |kind: &str| log.lines().any(|line| line.ends_with(kind));
    let begun = (some("begins as a container"), some("begins as a program"));
    if begun != (containers, !containers) {
        bail!("tasks began as containers: {}, as programs: {}", begun.0, begun.1);
    }
    Ok(())
}

/// A command on the emulated environment.
fn on<'a>(words: &[&'a str]) -> Vec<&'a str> {
    words.iter().copied().chain(["--env", EMULATED, "--no-build"]).collect()
}

/// Whether a line of the page tells of tables what nobody was there to tell.
fn is_of_no_engine(line: &Value) -> bool {
    line["about"] == "tables" && line["verdict"] == "not_known"
}

/// Proves what the emulated AWS can tell: nothing is refuted, and no expression and no role is left
/// unknown, for it knows the calls for both.
fn proven() -> anyhow::Result<()> {
    let (code, said) = xtask(&on(&["prove", "--json"]))?;
    let page: Value = serde_json::from_str(&said).context("what `prove` says is no JSON")?;
    let lines: Vec<&Value> = page["lines"].as_array().into_iter().flatten().collect();
    let of = |about: &str| lines.iter().filter(|line| line["about"] == about).count();
    let bad: Vec<String> = lines
        .iter()
        .filter(|line| line["verdict"] != "proven" && !is_of_no_engine(line))
        .map(ToString::to_string)
        .collect();
    eprintln!("{} expressions in cases, {} calls of roles", of("expressions"), of("roles"));
    if code != 0 || !bad.is_empty() || of("expressions") == 0 || of("roles") == 0 {
        bail!("exit {code}, {} lines are not proven:\n{}", bad.len(), bad.join("\n"));
    }
    Ok(())
}

/// The runs stand in the history, and nothing was changed by hand.
fn told(deployments: &Deployments) -> anyhow::Result<()> {
    let runs = well(&on(&["runs"]))?;
    let status = deployments.well(&on(&["status", "--drift"]))?;
    if !runs.contains("succeeded") || !status.contains("nothing to change") {
        bail!("found:\n{runs}\n{status}");
    }
    Ok(())
}

/// Runs the same on this machine, and compares every file of silver and gold; how many they are.
fn same(local: &Path) -> anyhow::Result<usize> {
    let _ = fs::remove_dir_all(local);
    let place = local.display().to_string();
    let config = aws::folder(EMULATED).join("lake.yaml").display().to_string();
    let words = ["local", "run", "--no-build", "--config", &config, "--lake", &place];
    let mut command = Command::new(workspace::me()?);
    command.args(words).envs(scheduled::keys()?);
    let ended = bounded(&mut command, &format!("cargo xtask {}", words.join(" ")), false)?;
    if ended.code != 0 {
        bail!("the run on this machine ended with {}", ended.code);
    }
    let asked = scheduled::sources()?;
    let of_folders = |files| scheduled::of_folders(files, &asked);
    let (here, there) = (of_folders(files(Some(&place))?), of_folders(files(None)?));
    let different = differences(&here, &there);
    if here.is_empty() || !different.is_empty() {
        bail!(
            "{} of {} files differ, such as {:?}",
            different.len(),
            here.len(),
            different.first()
        );
    }
    Ok(here.len())
}

fn whole(args: &Args, steps: &mut Steps, local: &Path) -> anyhow::Result<usize> {
    emulator::down(EMULATED)?;
    let deployments = steps.step("deploy", || {
        let mut words = vec!["deploy", "--yes"];
        words.extend(args.containers.then_some("--containers"));
        let deployments = Deployments::begin()?;
        deployments.well(&on(&words))?;
        Ok(deployments)
    })?;
    steps.step("a second plan is empty", || {
        let (code, said) = deployments.xtask(&on(&["plan", "--drift"]))?;
        if code != 0 {
            bail!("the second plan is not empty:\n{said}");
        }
        Ok(())
    })?;
    // it waits for AWS more than it works
    let third = if args.third { Some(third::Beside::begin()?) } else { None };
    faults("")?;
    steps.step("sources with limits, by their schedules and with their keys", scheduled::fired)?;
    if args.kills > 0 {
        steps.step("executions whose tasks are killed at random", || kills::rounds(args))?;
    }
    steps.step("an execution whose source fails for a while, retried", || {
        faults("  - {path: \"**/BTCUSDT-*.zip\", times: 8, fault: {status: {code: 503}}}\n")?;
        well(&on(&["run", "--wait", "--symbol", "BTCUSDT"]))
    })?;
    steps.step("two executions at once, of the same archives", || {
        let start = || {
            std::thread::spawn(|| well(&on(&["run", "--wait", "--symbol", "ETHUSDT"])).map(drop))
        };
        for thread in [start(), start()] {
            thread.join().map_err(|_| anyhow::anyhow!("a thread ended badly"))??;
        }
        Ok(())
    })?;
    steps.step("an execution in which batches fail for good", || {
        let failing = "  - {path: \"**/PEPEUSDT-trades-*.zip\", fault: {status: {code: 503}}}\n";
        faults(&format!("{ANEW}{failing}"))?;
        let (code, said) = xtask(&on(&["run", "--wait", "--json"]))?;
        let summary: Value = serde_json::from_str(&said).context("no summary")?;
        let failed = summary["failed_batches"].as_array().map_or(0, Vec::len);
        if code == 0 || failed == 0 {
            bail!("expected failed batches in the queue, found none");
        }
        eprintln!("{failed} in the queue");
        Ok(())
    })?;
    steps.step("they are redriven", || {
        faults(ANEW)?;
        well(&on(&["run", "--redrive", "--wait"]))
    })?;
    steps.step("a run with nothing to do", || well(&on(&["run", "--wait"])))?;
    if let Some(third) = third {
        steps
            .step("a third environment, bootstrapped, deployed and torn down meanwhile", || {
                third.end()
            })?;
    }
    begun_as(args.containers)?;
    // by itself, for it prepares Terraform's folder anew
    steps.step("runs and status, with a look at drift", || told(&deployments))?;
    let mut compared = 0;
    let mut looks: Vec<Beside<'_>> = vec![
        (
            "the same on this machine, compared byte for byte",
            Box::new(|| same(local).map(|files| compared = files)),
        ),
        ("what an account would be asked: expressions, roles, tables", Box::new(proven)),
    ];
    if !args.no_queries {
        // before the others: it asks Terraform, which takes one at a time
        let lake = queries::lake()?;
        looks.push((
            "every named query, of Athena and of the local engine",
            Box::new(move || queries::compared(&lake)),
        ));
        looks.push(("a query over the workgroup's limit is refused", Box::new(queries::limited)));
        looks.push(("a query of one partition scans little", Box::new(queries::pruned)));
    }
    steps.together(looks)?;
    steps.step("nobody has told a key", || scheduled::untold(local))?;
    if !args.keep {
        steps.step("teardown", || deployments.well(&on(&["teardown", "--yes"])))?;
        steps.step("teardown again", || deployments.well(&on(&["teardown", "--yes"])))?;
    }
    Ok(compared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_count_both_ways() {
        let map = |all: &[(&str, &str)]| -> BTreeMap<String, String> {
            all.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        let (a, b) = (map(&[("a", "1"), ("b", "2")]), map(&[("b", "3"), ("c", "4")]));
        assert_eq!(differences(&a, &b), ["a", "b", "c"]);
        assert!(differences(&a, &a).is_empty());
    }
}

//! Runs the tasks of the emulated AWS: takes each from the emulator, starts its program (or its
//! image in a container) with the task's command and environment, passes on what it logs, and
//! tells how it ended. Ends its children when it ends, and ends when the emulator is gone.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{Notify, Semaphore, mpsc};

use crate::execution::now;
use crate::orphans::Notes;

/// How often the emulator may stay silent, a second each, before it counts as gone.
const SILENT: u32 = 20;
/// How often the lock of another runner is tried, ten times a second.
const LOCKED: u32 = 100;
/// How long Docker may take to kill a container, and a pipe may stay open after its task's end.
const SOON: Duration = Duration::from_secs(4);
/// Lines in one message to the emulator.
const LINES: usize = 500;
/// The digest in images of the emulated environment where none was pushed: infra/envs/emulated.
const NO_DIGEST: &str = "@sha256:0000000000000000000000000000000000000000000000000000000000000000";
/// The exit code of a process that was killed.
const KILLED: i32 = 137;

/// The arguments of `run-tasks`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The emulator
    #[arg(long, value_name = "URL", env = "AWS_ENDPOINT_URL")]
    emulator: String,

    /// The folder of the jobs' programs; default: that of this one
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,

    /// Start containers of the tasks' images instead of programs
    #[arg(long)]
    containers: bool,

    /// Tasks at once
    #[arg(long, value_name = "N", default_value_t = 4)]
    concurrency: u32,

    /// Kill so many tasks at random moments, each counted as lost with its machine
    #[arg(long, value_name = "N", default_value_t = 0)]
    kills: u32,

    /// Hold this file locked while at work, so that others see it
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,

    /// Further variables of the tasks
    #[arg(long = "set", value_name = "NAME=VALUE")]
    variables: Vec<String>,
}

/// A task of the emulator's.
#[derive(Debug, Clone, Deserialize)]
struct Task {
    #[serde(rename = "task_arn")]
    arn: String,
    /// What it was defined as, `market-lake-dev-silver`: its role is named after it.
    #[serde(default)]
    family: String,
    stage: String,
    #[serde(default)]
    image: String,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
}

/// How a task ended.
#[derive(Debug)]
struct Ended {
    exit_code: Option<i32>,
    reason: String,
}

#[derive(Debug)]
struct Runner {
    args: Args,
    programs: PathBuf,
    http: reqwest::Client,
    kills: AtomicU32,
    /// Where the tasks at work are noted; only beside a lock.
    notes: Option<Notes>,
    /// The tasks at work, and how each is told to stop.
    at_work: Mutex<HashMap<String, Arc<Notify>>>,
}

/// `run-tasks`.
pub(crate) async fn run_tasks(args: Args) -> anyhow::Result<u8> {
    let _lock = match &args.lock {
        Some(path) => Some(hold(path).await?),
        None => None,
    };
    let notes = args.lock.as_deref().map(Notes::beside);
    if let Some(notes) = &notes {
        let ended = notes.end_orphans().await?;
        if ended > 0 {
            let tasks = model::human::plural(u64::from(ended), "task");
            eprintln!("run-tasks: {tasks} of a runner before this one ended");
        }
    }
    let programs = match &args.programs {
        Some(folder) => folder.clone(),
        None => std::env::current_exe()?.parent().context("no folder of programs")?.to_owned(),
    };
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build()?;
    let kills = AtomicU32::new(args.kills);
    let concurrency = args.concurrency.max(1) as usize;
    let at_work = Mutex::default();
    let runner = Arc::new(Runner { args, programs, http, kills, notes, at_work });
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    // children are ended when the tasks that hold them are dropped
    tokio::select! {
        result = runner.work(concurrency) => result?,
        () = runner.stop_what_is_to_stop() => {}
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    if runner.args.containers {
        // a container outlives the client that started it
        let names: Vec<String> = runner.at_work().keys().map(|arn| container_name(arn)).collect();
        kill_containers(&names).await;
    }
    Ok(0)
}

/// Locks a file. A runner that was ended a moment ago may still hold it.
async fn hold(path: &Path) -> anyhow::Result<File> {
    let open = || {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        File::options().create(true).truncate(false).write(true).open(path)
    };
    let file = open().with_context(|| format!("cannot open `{}`", path.display()))?;
    for _ in 0..LOCKED {
        if file.try_lock().is_ok() {
            return Ok(file);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("another runner is at work: it holds `{}`", path.display())
}

impl Runner {
    fn url(&self, path: &str) -> String {
        format!("{}/_emulator/{path}", self.args.emulator.trim_end_matches('/'))
    }

    async fn work(self: &Arc<Self>, concurrency: usize) -> anyhow::Result<()> {
        let room = Arc::new(Semaphore::new(concurrency));
        let mut silent = 0;
        let mut tasks = tokio::task::JoinSet::new();
        loop {
            while tasks.try_join_next().is_some() {}
            // a task is taken only where there is room for it
            let permit = Arc::clone(&room).acquire_owned().await?;
            drop(permit);
            match self.next().await {
                Ok(found) => {
                    silent = 0;
                    // all at once: one that waits for room may be stopped meanwhile
                    let stops = found.iter().map(|task| (task.arn.clone(), Arc::default()));
                    self.at_work().extend(stops);
                    for task in found {
                        let stop = self.at_work().get(&task.arn).cloned().unwrap_or_default();
                        let permit = Arc::clone(&room).acquire_owned().await?;
                        let runner = Arc::clone(self);
                        tasks.spawn(async move {
                            runner.one(&task, &stop).await;
                            drop(permit);
                        });
                    }
                }
                Err(_) if silent < SILENT => {
                    silent += 1;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                // the emulator is gone, and with it whoever wants to know
                Err(_) => return Ok(()),
            }
        }
    }

    fn at_work(&self) -> MutexGuard<'_, HashMap<String, Arc<Notify>>> {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// New tasks. What we have is named: the emulator ends what a runner before us took along.
    async fn next(&self) -> anyhow::Result<Vec<Task>> {
        let at_work: Vec<String> = self.at_work().keys().cloned().collect();
        let body = json!({ "at_work": at_work }).to_string();
        let answer =
            self.http.post(self.url("claim")).body(body).send().await?.error_for_status()?;
        Ok(serde_json::from_slice(&answer.bytes().await?)?)
    }

    /// Tells tasks that somebody stopped. Never ends.
    async fn stop_what_is_to_stop(&self) {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let Ok(answer) = self.http.get(self.url("stops")).send().await else { continue };
            let Ok(bytes) = answer.bytes().await else { continue };
            let arns: Vec<String> = serde_json::from_slice(&bytes).unwrap_or_default();
            let at_work = self.at_work();
            arns.iter().filter_map(|arn| at_work.get(arn)).for_each(|stop| stop.notify_one());
        }
    }

    async fn one(&self, task: &Task, stop: &Notify) {
        let is_stopped = tokio::select! {
            biased;
            () = stop.notified() => true,
            () = std::future::ready(()) => false,
        };
        let ended = if is_stopped {
            // while it waited for room
            Ok(Ended { exit_code: Some(KILLED), reason: "the task was stopped".to_owned() })
        } else {
            self.run(task, stop).await
        };
        let ended = match ended {
            Ok(ended) => ended,
            Err(error) => {
                let reason = format!("CannotStartContainerError: {error:#}");
                eprintln!("run-tasks: {}: {reason}", task.stage);
                Ended { exit_code: None, reason }
            }
        };
        self.tell(task, &ended).await;
        // not before its end is known: what is not at work counts as lost
        self.at_work().remove(&task.arn);
    }

    async fn tell(&self, task: &Task, ended: &Ended) {
        let body = json!({ "exit_code": ended.exit_code, "reason": ended.reason });
        for _ in 0..5 {
            let url = self.url(&format!("tasks/{}", task.arn));
            let sent = self.http.post(url).body(body.to_string()).send().await;
            if sent.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        eprintln!("run-tasks: the emulator does not take the end of {}", task.arn);
    }

    async fn run(&self, task: &Task, stop: &Notify) -> anyhow::Result<Ended> {
        let temp = tempfile::tempdir()?;
        let mut command = if self.args.containers {
            self.container(task)
        } else {
            self.process(task, temp.path())?
        };
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start the task")?;
        let _note = match (&self.notes, child.id()) {
            (Some(notes), Some(pid)) => {
                let name = container_name(&task.arn);
                let container = self.args.containers.then(|| name.clone());
                Some(notes.begin(&name, pid, container).await?)
            }
            _ => None,
        };
        // the end-to-end test reads what its tasks were
        let kind = if self.args.containers { "container" } else { "program" };
        eprintln!("run-tasks: {} begins as a {kind}", task.stage);
        let (sender, receiver) = mpsc::unbounded_channel();
        let readers = [
            child.stdout.take().map(|pipe| tokio::spawn(read(pipe, sender.clone()))),
            child.stderr.take().map(|pipe| tokio::spawn(read(pipe, sender.clone()))),
        ];
        drop(sender);
        let log = self.log(task, receiver);
        let wait = async {
            let ended = self.wait(&mut child, stop, task).await;
            // what it left behind may hold its pipes for ever; what came through them is passed on
            for reader in readers.into_iter().flatten() {
                let end = reader.abort_handle();
                if tokio::time::timeout(SOON, reader).await.is_err() {
                    end.abort();
                }
            }
            ended
        };
        let ((), ended) = tokio::join!(log, wait);
        ended
    }

    /// Waits for the end, or brings it about where a kill is due or somebody stops the task.
    async fn wait(&self, child: &mut Child, stop: &Notify, task: &Task) -> anyhow::Result<Ended> {
        let is_due = fastrand::bool() && self.kills.load(Ordering::Relaxed) > 0;
        let patience = if is_due {
            Duration::from_millis(fastrand::u64(0..600))
        } else {
            Duration::from_hours(24)
        };
        let (exit_code, reason) = tokio::select! {
            status = child.wait() => {
                (status?.code().unwrap_or(KILLED), "Essential container in task exited")
            }
            () = stop.notified() => {
                self.kill(child, task).await?;
                (KILLED, "the task was stopped")
            }
            () = tokio::time::sleep(patience) => {
                let (order, take) = (Ordering::Relaxed, |left: u32| left.checked_sub(1));
                if self.kills.fetch_update(order, order, take).is_ok() {
                    self.kill(child, task).await?;
                    eprintln!("run-tasks: killed {} at random", task.stage);
                    // half of them as Spot does it: there is no exit code then
                    if fastrand::bool() {
                        let reason = "Your Spot Task was interrupted.".to_owned();
                        return Ok(Ended { exit_code: None, reason });
                    }
                    (KILLED, "the task was killed at random")
                } else {
                    let status = child.wait().await?;
                    (status.code().unwrap_or(KILLED), "Essential container in task exited")
                }
            }
        };
        Ok(Ended { exit_code: Some(exit_code), reason: reason.to_owned() })
    }

    /// Kills a task: its program, or its container, which its client would leave behind.
    async fn kill(&self, child: &mut Child, task: &Task) -> anyhow::Result<()> {
        if self.args.containers {
            kill_containers(&[container_name(&task.arn)]).await;
        }
        Ok(child.kill().await?)
    }

    /// The task's variables, and those by which the programs find the emulator.
    fn variables(&self, task: &Task) -> BTreeMap<String, String> {
        let mut variables = task.environment.clone();
        let emulator = self.args.emulator.trim_end_matches('/');
        // so that the emulator can tell which task a call is of
        let key = if task.family.is_empty() { "test" } else { &task.family };
        for (name, value) in [
            ("AWS_ENDPOINT_URL", emulator),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_ACCESS_KEY_ID", key),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ] {
            variables.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
        for text in &self.args.variables {
            if let Some((name, value)) = text.split_once('=') {
                variables.insert(name.to_owned(), value.to_owned());
            }
        }
        variables
    }

    fn process(&self, task: &Task, temp: &Path) -> anyhow::Result<Command> {
        let program = self.programs.join(format!("{}{}", task.stage, std::env::consts::EXE_SUFFIX));
        if !program.is_file() {
            bail!(
                "no program `{}`; build it with `cargo build -p {}`",
                program.display(),
                task.stage
            );
        }
        let mut command = Command::new(program);
        command
            .args(&task.command)
            .env_clear()
            .envs(self.variables(task))
            // a container has its own /scratch
            .env(model::env::TEMP, temp)
            .current_dir(temp);
        Ok(command)
    }

    fn container(&self, task: &Task) -> Command {
        let mut command = Command::new("docker");
        command.args(["run", "--rm", "--init", "--network", "host", "--read-only"]);
        command.args(["--name", &container_name(&task.arn)]);
        // what it may write is the image's own VOLUME, as on Fargate
        command.args(["--user", "65532:65532"]);
        command.args(["--cap-drop", "ALL", "--security-opt", "no-new-privileges"]);
        for (name, value) in self.variables(task) {
            // by name alone: arguments are for everybody to see, and a value may be a key
            command.arg("--env").arg(&name).env(name, value);
        }
        // no registry here holds images: where none is deployed, this machine's are taken
        let local = format!("market-lake/{}:local", task.stage);
        let image = if task.image.ends_with(NO_DIGEST) { &local } else { &task.image };
        command.arg(image).args(&task.command);
        command
    }

    /// Passes lines on to the task's log stream until there are no more.
    async fn log(&self, task: &Task, mut lines: mpsc::UnboundedReceiver<(i64, String)>) {
        let mut some = Vec::new();
        let url = self.url(&format!("tasks/{}/logs", task.arn));
        while lines.recv_many(&mut some, LINES).await > 0 {
            let events: Vec<_> = some
                .drain(..)
                .map(|(timestamp, message)| json!({ "timestamp": timestamp, "message": message }))
                .collect();
            let body = serde_json::Value::Array(events).to_string();
            if let Err(error) = self.http.post(&url).body(body).send().await {
                eprintln!("run-tasks: cannot pass on what {} logs: {error}", task.stage);
            }
            // a few lines together are cheaper than each alone
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// The name of a task's container, from the task's ARN.
fn container_name(arn: &str) -> String {
    format!("market-lake-{}", arn.rsplit('/').next().unwrap_or_default())
}

/// Kills containers, which may have ended.
async fn kill_containers(names: &[String]) {
    if !names.is_empty() {
        let mut command = Command::new("docker");
        command.arg("kill").args(names).stdout(Stdio::null()).kill_on_drop(true);
        let _ = tokio::time::timeout(SOON, command.output()).await;
    }
}

async fn read(pipe: impl AsyncRead + Unpin, to: mpsc::UnboundedSender<(i64, String)>) {
    let mut lines = BufReader::new(pipe).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        if !text.is_empty() && to.send((now().timestamp_millis(), text)).is_err() {
            break;
        }
    }
}

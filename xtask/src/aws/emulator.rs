//! The emulated AWS of this machine: the emulator (ops/emulator), the sample servers of its sources,
//! and the runner of its tasks (`cloud run-tasks`). They are started when they are needed, go on between
//! commands, and end with the teardown. Everything lies in target/emulated.

use std::fs::{self, File};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use model::config::{Aws, Config, KeyPlace};

use super::{Site, folder};
use crate::workspace::{self, root, shown};
use crate::{doctor, http, sample};

/// What opens the sample servers. No provider has such a key; what it stands in is looked for.
pub(crate) const KEY: &str = "emulated-key-of-the-sample-servers";
/// How long each may take to start.
const START: Duration = Duration::from_secs(90);

/// How the emulated AWS is wanted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wish {
    /// Whether tasks are containers of the real images; `None`: as they are, programs at first.
    pub(crate) containers: Option<bool>,
    /// Further arguments of the sample exchange, such as its faults.
    pub(crate) exchange: Vec<String>,
    /// Tasks killed at random.
    pub(crate) kills: u32,
}

/// A process that goes on after us.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Daemon {
    pid: u32,
    /// What its command line holds, so that another process of the same number is left alone.
    program: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    containers: bool,
}

impl Daemon {
    /// The one that is noted, whether it lives or not.
    fn noted(file: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(file).ok()?).ok()
    }

    fn read(file: &Path) -> Option<Self> {
        Self::noted(file).filter(|daemon| is_alive(daemon.pid, &[&daemon.program]))
    }

    fn write(&self, file: &Path) -> anyhow::Result<()> {
        fs::write(file, serde_json::to_string(self)?)
            .with_context(|| format!("cannot write `{}`", file.display()))
    }

    /// Asks it to end, and waits until it has.
    fn end(&self, file: &Path) {
        for signal in ["-TERM", "-KILL"] {
            let _ = Command::new("kill").args([signal, &self.pid.to_string()]).status();
            let until = Instant::now() + Duration::from_secs(5);
            while Instant::now() < until {
                if Self::read(file).is_none() {
                    let _ = fs::remove_file(file);
                    return;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

/// Whether a process lives whose command line holds all of these words.
fn is_alive(pid: u32, words: &[&str]) -> bool {
    let pid = pid.to_string();
    let output = Command::new("ps").args(["-p", &pid, "-o", "stat=,command="]).output();
    output.is_ok_and(|output| {
        let line = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        words.iter().all(|word| line.contains(word)) && !line.starts_with('Z')
    })
}

/// Starts a process that goes on after us, in a group of its own so that Ctrl-C is not meant for
/// it; what it says goes to `log`.
fn detach(command: &mut Command, log: &Path) -> anyhow::Result<u32> {
    let file = File::create(log).with_context(|| format!("cannot write `{}`", log.display()))?;
    let child = command
        .current_dir(root())
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start `{}`", command.get_program().display()))?;
    Ok(child.id())
}

/// A call of the emulator's package.
fn python(args: &[&str], state: &Path) -> Command {
    let mut command = Command::new("python3");
    command.args(["-m", "emulator"]).args(args).env("PYTHONPATH", root().join("ops/emulator"));
    if args.first().is_some_and(|word| *word != "install") {
        command.arg("--state").arg(state);
    }
    command.current_dir(root()).stdin(Stdio::null());
    command
}

/// The address of the emulator that runs.
fn endpoint(state: &Path) -> Option<String> {
    let output = python(&["status", "--json"], state).output().ok()?;
    if !output.status.success() {
        return None;
    }
    let noted: Value = serde_json::from_slice(&fs::read(state.join("emulator.json")).ok()?).ok()?;
    noted["endpoint"].as_str().map(ToOwned::to_owned)
}

/// The address of the emulator of an environment, which is up.
pub(crate) fn address(name: &str) -> anyhow::Result<String> {
    endpoint(&folder(name)).context("the emulated AWS does not run")
}

/// The process of the emulator of this folder, whether it answers or not.
fn process(state: &Path) -> Option<u32> {
    let noted: Value = serde_json::from_slice(&fs::read(state.join("emulator.json")).ok()?).ok()?;
    let pid = u32::try_from(noted["pid"].as_u64()?).ok()?;
    let folder = state.display().to_string();
    is_alive(pid, &["-m emulator serve", &folder]).then_some(pid)
}

/// The address of the emulator, where one runs. One that is there and does not answer yet is busy;
/// a second beside it would take its place, and nobody would know what the first one holds.
fn patiently(state: &Path) -> anyhow::Result<Option<String>> {
    let until = Instant::now() + START;
    loop {
        if let Some(url) = endpoint(state) {
            return Ok(Some(url));
        }
        let Some(pid) = process(state) else { return Ok(None) };
        if Instant::now() > until {
            bail!("the emulated AWS (process {pid}) does not answer; end it with `kill {pid}`");
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Whether the engine behind Athena is installed.
pub(crate) fn has_engine() -> bool {
    let check = ["install", "--check", "--trino"];
    python(&check, Path::new("")).output().is_ok_and(|output| output.status.success())
}

/// Installs what the emulator needs, where it is not there; `trino` for questions to Athena.
pub(crate) fn install(trino: bool) -> anyhow::Result<()> {
    if !doctor::answers("python3", &["--version"]) {
        bail!("python3 is not installed; the emulated AWS needs Python 3.11 or newer with venv");
    }
    // two may find at once that it is not there
    let lock = File::create(workspace::target()?.join("emulator.lock"))?;
    lock.lock()?;
    let with: &[&str] = if trino { &["--trino"] } else { &[] };
    let check: Vec<&str> = ["install", "--check"].iter().chain(with).copied().collect();
    let there = python(&check, Path::new("")).output().context("cannot start python3")?;
    if there.status.success() {
        return Ok(());
    }
    eprintln!("installing the emulated AWS, once a machine …");
    let args: Vec<&str> = ["install"].iter().chain(with).copied().collect();
    let done = python(&args, Path::new("")).stdout(Stdio::null()).status()?;
    if !done.success() {
        bail!("the emulated AWS cannot be installed; its message is above");
    }
    Ok(())
}

/// Starts what is not there yet; the site of the emulated environment.
pub(crate) fn up(name: &str, file: &Path, aws: &Aws, wish: &Wish) -> anyhow::Result<Site> {
    let state = folder(name);
    fs::create_dir_all(&state).with_context(|| format!("cannot make `{}`", state.display()))?;
    let region = aws.region.value.clone();
    let url = match patiently(&state)? {
        Some(url) => url,
        None => start_emulator(&state)?,
    };
    let (config, parsed) = servers(&state, file, wish)?;
    keep_keys(&url, &region, &parsed)?;
    runner(&state, &url, wish)?;
    let variables = [
        ("AWS_ENDPOINT_URL", url.as_str()),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_SESSION_TOKEN", ""),
        ("AWS_REGION", region.as_str()),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_ALLOW_HTTP", "true"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    Ok(Site {
        name: name.to_owned(),
        config,
        states_in: region,
        architecture: aws.architecture,
        variables,
    })
}

fn start_emulator(state: &Path) -> anyhow::Result<String> {
    install(false)?;
    // what an emulator held is gone with it, and what Terraform knows of it must go too
    for name in ["terraform.tfstate", "terraform.tfstate.backup"] {
        let _ = fs::remove_file(state.join(name));
    }
    let log = state.join("emulator.log");
    // a source on this machine is not mended by waiting for minutes
    detach(&mut python(&["serve", "--max-backoff", "3"], state), &log)?;
    let until = Instant::now() + START;
    while Instant::now() < until {
        if let Some(url) = endpoint(state) {
            eprintln!("emulated AWS at {url}");
            return Ok(url);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    bail!("the emulated AWS does not start; see {}", shown(&log))
}

/// Starts the sample servers of the sources where none listens; a copy of the configuration that
/// names them, and what the configuration is.
fn servers(state: &Path, file: &Path, wish: &Wish) -> anyhow::Result<(PathBuf, Config)> {
    let config = state.join("lake.yaml");
    let mut text = fs::read_to_string(file)
        .with_context(|| format!("cannot read configuration `{}`", shown(file)))?;
    let parsed = source::Providers::ALL.read(&shown(file), &text)?;
    for (source, section) in &parsed.sources {
        // the archives' server is the exchange itself; one other is that of all who are asked
        let (name, command, args): (_, _, &[String]) = if *source == sample::source() {
            ("exchange", "serve", &wish.exchange)
        } else {
            ("rest", "rest", &[])
        };
        let daemon = match Daemon::read(&state.join(format!("{name}.json"))) {
            Some(daemon) => daemon,
            None => start_server(state, name, section.url(), command, args)?,
        };
        text = text.replace(section.url(), &daemon.url);
    }
    if fs::read_to_string(&config).ok().as_ref() != Some(&text) {
        fs::write(&config, text).with_context(|| format!("cannot write `{}`", config.display()))?;
    }
    Ok((config, parsed))
}

/// Keeps a key of each source in the emulated Secrets Manager, where the configuration says that
/// one is: the sample servers know any.
fn keep_keys(url: &str, region: &str, config: &Config) -> anyhow::Result<()> {
    for section in config.sources.values() {
        if let Some(KeyPlace::SecretsManager(name)) = &section.key {
            let body = json!({ "region": region, "value": KEY }).to_string();
            http::send("POST", url, &format!("/_emulator/secrets/{name}"), &body)
                .with_context(|| format!("cannot keep the key `{name}`"))?;
        }
    }
    Ok(())
}

fn start_server(
    state: &Path,
    name: &str,
    wanted: &str,
    command: &str,
    args: &[String],
) -> anyhow::Result<Daemon> {
    let (note, log) = (state.join(format!("{name}.json")), state.join(format!("{name}.log")));
    let address = wanted.strip_prefix("http://").unwrap_or("127.0.0.1:0");
    // a port that somebody else listens on is left to him
    let listen = if TcpStream::connect(address).is_ok() { "127.0.0.1:0" } else { address };
    let program = workspace::program("exchange")?;
    let mut server = Command::new(&program);
    server.args([command, "--listen", listen]).args(args);
    let pid = detach(&mut server, &log)?;
    let until = Instant::now() + START;
    while Instant::now() < until {
        let text = fs::read_to_string(&log).unwrap_or_default();
        if let Some(url) = text.lines().find_map(|line| line.strip_prefix("listening on ")) {
            let url = url.trim_end_matches('/').to_owned();
            let program = program.display().to_string();
            let daemon = Daemon { pid, program, url, containers: false };
            daemon.write(&note)?;
            return Ok(daemon);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    bail!("the sample server does not start; see {}", shown(&log))
}

/// Starts the runner of the tasks where none is at work, or one of another kind.
fn runner(state: &Path, url: &str, wish: &Wish) -> anyhow::Result<()> {
    let note = state.join("runner.json");
    // one that died leaves its note: the kind stays
    let noted = Daemon::noted(&note).is_some_and(|daemon| daemon.containers);
    let containers = wish.containers.unwrap_or(noted);
    if let Some(daemon) = Daemon::read(&note) {
        if daemon.containers == containers && daemon.url == url && wish.kills == 0 {
            return Ok(());
        }
        daemon.end(&note);
    }
    let program = workspace::program("cloud")?;
    let lock = state.join("runner.lock");
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let mut command = Command::new(&program);
    command.args(["run-tasks", "--emulator", url, "--lock"]).arg(&lock);
    command.args(["--concurrency", &cores.to_string(), "--kills", &wish.kills.to_string()]);
    if containers {
        command.arg("--containers");
    }
    let pid = detach(&mut command, &state.join("runner.log"))?;
    let program = format!("{} run-tasks", program.display());
    Daemon { pid, program, url: url.to_owned(), containers }.write(&note)
}

/// Ends everything; whether there was an emulator. Repeating it is harmless.
pub(crate) fn down(name: &str) -> anyhow::Result<bool> {
    let state = folder(name);
    for note in ["runner.json", "exchange.json", "rest.json"] {
        let note = state.join(note);
        if let Some(daemon) = Daemon::read(&note) {
            daemon.end(&note);
        }
    }
    let was_there = is_up(name);
    let output = python(&["stop"], &state).output().context("cannot start python3")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(was_there)
}

/// Whether an emulator runs.
pub(crate) fn is_up(name: &str) -> bool {
    let state = folder(name);
    endpoint(&state).is_some() || process(&state).is_some()
}

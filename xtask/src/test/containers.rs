//! What takes a container engine: the images and the programs in them; and the whole way on the
//! emulated AWS, whose tasks are containers where there is an engine. Where none answers,
//! ops/containers/engine.sh starts one for as long as [`Engine`] is held.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};

use super::servers::Servers;
use super::{Outcome, Tally, cargo};
use crate::aws::emulator;
use crate::{doctor, workspace};

/// Gives the variables of the engine, and goes on until it is told that nobody needs it any more.
const HOLD: &str = r#"echo "DOCKER_HOST=${DOCKER_HOST:-}"; echo "PATH=$PATH"; echo ready; cat"#;

/// Runs them; builds the programs unless they are built. The images stay with an engine that ran before.
pub(super) fn run(strict: bool, built: bool) -> anyhow::Result<Outcome> {
    let engine = match Engine::start() {
        Ok(engine) => engine,
        Err(error) => return Ok(Outcome::Skipped(format!("{error:#}"))),
    };
    // the programs that the images take, and what runs the tasks
    if !built {
        workspace::build()?;
        workspace::build_these(&["cloud"])?;
    }
    let mut tally = Tally::default();
    let images = ["images", "build", "--prebuilt", "--local-base"];
    tally.take("images", &mut xtask(&images, &engine.variables)?)?;
    // builds the server of S3 that a container is made of, where it is not there yet
    drop(Servers::start()?);
    let mut variables = engine.variables.clone();
    let tools = workspace::target()?.join("tools").display().to_string();
    variables.push((model::env::TEST_TOOLS.to_owned(), tools));
    if let Outcome::Ran { passed, failed, skipped } =
        cargo::tests(strict, &["--test", "images", "--test", "container"], &variables)?
    {
        tally.add(passed, failed, skipped);
    }
    Ok(tally.outcome())
}

/// The whole way on the emulated AWS. One deployment serves both kinds of tasks: those that are killed
/// at random are programs, all others containers of the images that were just made. Questions are
/// asked only where their engine is, or all is wanted. By itself, without the images, all tasks are programs.
pub(super) fn end_to_end(strict: bool, built: bool) -> anyhow::Result<Outcome> {
    if !doctor::answers("terraform", &["version"]) {
        return Ok(Outcome::Skipped("no terraform".into()));
    }
    if !doctor::answers("python3", &["--version"]) {
        return Ok(Outcome::Skipped("no python3".into()));
    }
    let mut tally = Tally::default();
    let mut args = vec!["e2e"];
    // the engine that the run of all steps holds
    let engine = if built { Engine::start().ok() } else { None };
    let variables = engine.as_ref().map_or_else(Vec::new, Engine::variables);
    args.extend(engine.as_ref().map(|_| "--containers"));
    args.extend(built.then_some("--no-build"));
    if strict {
        args.extend(["--kills", "20"]);
    } else if !emulator::has_engine() {
        args.push("--no-queries");
        tally.skip("named queries on Athena: no engine; `cargo xtask e2e` installs it");
    }
    tally.take("e2e", &mut xtask(&args, &variables)?)?;
    Ok(tally.outcome())
}

fn xtask(args: &[&str], variables: &[(String, String)]) -> anyhow::Result<Command> {
    let mut command = Command::new(workspace::me()?);
    command.args(args).envs(variables.iter().cloned()).current_dir(workspace::root());
    Ok(command)
}

/// A container engine. One that was started for us ends with us, and its images with it.
pub(super) struct Engine {
    child: Child,
    /// What its clients need.
    variables: Vec<(String, String)>,
}

impl Engine {
    pub(super) fn start() -> anyhow::Result<Self> {
        let mut child = Command::new("bash")
            .args(["ops/containers/engine.sh", "bash", "-c", HOLD])
            .current_dir(workspace::root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start bash")?;
        let stdout = child.stdout.take().context("the engine has no standard output")?;
        let mut engine = Self { child, variables: Vec::new() };
        for line in BufReader::new(stdout).lines() {
            let line = line.context("cannot read what the engine says")?;
            match line.split_once('=') {
                _ if line == "ready" => return Ok(engine),
                Some((_, "")) | None => {}
                Some((name, value)) => engine.variables.push((name.to_owned(), value.to_owned())),
            }
        }
        bail!("no container engine, and none can be started: it takes Docker, or root and dockerd")
    }

    /// What commands need that are to use it.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        self.variables.clone()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // it cleans up and ends by itself
        let _ = self.child.wait();
    }
}

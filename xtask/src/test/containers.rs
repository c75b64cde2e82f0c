//! What takes a container engine: the images, the programs in them, and the whole way on the
//! emulated AWS with containers as tasks. Where no engine answers, ops/containers/engine.sh starts
//! one for as long as this takes.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};

use super::servers::Servers;
use super::{Outcome, Tally, cargo};
use crate::{doctor, workspace};

/// Gives the variables of the engine, and goes on until it is told that nobody needs it any more.
const HOLD: &str = r#"echo "DOCKER_HOST=${DOCKER_HOST:-}"; echo "PATH=$PATH"; echo ready; cat"#;

/// Runs them; builds the programs unless they are built.
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
    let me = workspace::me()?;
    let xtask = |args: &[&str]| {
        let mut command = Command::new(&me);
        command.args(args).envs(engine.variables.iter().cloned()).current_dir(workspace::root());
        command
    };
    let mut tally = Tally::default();
    tally.take("images", &mut xtask(&["images", "build", "--prebuilt", "--local-base"]))?;
    // builds the server of S3 that a container is made of, where it is not there yet
    drop(Servers::start()?);
    let mut variables = engine.variables.clone();
    let tools = workspace::target()?.join("tools").display().to_string();
    variables.push((model::env::TEST_TOOLS.to_owned(), tools));
    if let Outcome::Ran { passed, failed, skipped } =
        cargo::tests(strict, &["--test", "images", "--test", "container"], &variables)?
    {
        tally.passed += passed;
        tally.failed += failed;
        tally.skipped.extend(skipped);
    }
    if doctor::answers("terraform", &["version"]) {
        tally.take("e2e", &mut xtask(&["e2e", "--no-build", "--containers", "--no-queries"]))?;
    } else {
        tally.skip("e2e with containers: no terraform");
    }
    Ok(tally.outcome())
}

/// A container engine. One that was started for us ends with us.
struct Engine {
    child: Child,
    /// What its clients need.
    variables: Vec<(String, String)>,
}

impl Engine {
    fn start() -> anyhow::Result<Self> {
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
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // it cleans up and ends by itself
        let _ = self.child.wait();
    }
}

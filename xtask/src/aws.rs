//! The commands of deployments: `bootstrap`, `plan`, `apply`, `deploy`, `run`, `runs`, `logs`,
//! `status`, `prove`, `teardown`. They check what they need, spawn Terraform, the emulator and `cloud`,
//! and show what these say. The environment `emulated` is an AWS on this machine, which is
//! started when it is needed; all else is the same.
//!
//! | module | what lives there |
//! |---|---|
//! | `terraform` | one root of infra/ and the calls on it |
//! | `summary` | a plan in few lines, and what it costs a month |
//! | `emulator` | the emulated AWS: emulator, sample exchange, runner of its tasks |
//! | `provider` | Terraform's provider as one process for many calls |
//! | `trouble` | what Terraform says when it fails, and what to do then |
//! | `pushed` | images between their push and the apply that deploys them |
//! | `boundary` | whether the account's boundary allows what this version needs |
//! | `signals` | what comes to whoever waits for Terraform is passed on to it |
//! | `bootstrap` | what an account needs before its first environment |
//! | `commands` | what each command does, in its order |
//! | `teardown` | the end, and its receipt |

mod bootstrap;
mod boundary;
mod commands;
pub(crate) mod emulator;
pub(crate) mod provider;
mod pushed;
mod signals;
mod summary;
mod teardown;
pub(crate) mod terraform;
mod trouble;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use model::config::aws::Architecture;
use serde_json::Value;

use crate::environment::{Choice, Environment, Wrong};
use crate::workspace::{self, root};

pub(crate) use bootstrap::{Bootstrap, bootstrap};
pub(crate) use commands::{
    Apply, Deploy, Logs, Plan, Prove, Run, Runs, Status, apply, deploy, logs, maintain, plan,
    prove, runs, start, status,
};
pub(crate) use teardown::{Teardown, teardown};

/// The environment that lies on this machine.
pub(crate) const EMULATED: &str = "emulated";

/// An environment that is deployed, or is to be.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    /// Its name.
    pub(crate) name: String,
    /// Its lake.yaml; for the emulated one the copy that names the exchange's port.
    pub(crate) config: PathBuf,
    /// The region of the bucket with Terraform's states.
    pub(crate) states_in: String,
    /// What its tasks run on.
    pub(crate) architecture: Architecture,
    /// Variables of Terraform, `cloud` and the tasks: the emulator's address.
    pub(crate) variables: Vec<(String, String)>,
}

impl Site {
    /// The environment that was chosen; `default` where none is. Starts the emulated AWS.
    pub(crate) fn open(choice: &Choice, default: Option<&str>) -> anyhow::Result<Self> {
        let environment = choice.open(default)?;
        Self::of(&environment)
    }

    /// An environment's site.
    pub(crate) fn of(environment: &Environment) -> anyhow::Result<Self> {
        let Some(aws) = &environment.config.aws else {
            bail!(Wrong(format!(
                "{} has no section `aws:`, so environment {} runs on this machine alone; add \
                 `aws: {{region: eu-central-1}}`, or type `cargo xtask local run --env {}`",
                workspace::shown(&environment.file),
                environment.name,
                environment.name
            )));
        };
        let (name, config) = (environment.name.clone(), environment.file.clone());
        if name == EMULATED {
            return emulator::up(&name, &config, aws, &emulator::Wish::default());
        }
        let states_in = aws.states_in().to_owned();
        let architecture = aws.architecture;
        Ok(Self { name, config, states_in, architecture, variables: Vec::new() })
    }

    /// Where everything of the site lies that is not in the repository.
    pub(crate) fn folder(&self) -> PathBuf {
        folder(&self.name)
    }

    /// A call of `cloud`.
    pub(crate) fn cloud(&self, args: &[&str]) -> anyhow::Result<Command> {
        let mut command = Command::new(workspace::program("cloud")?);
        command
            .arg("--config")
            .arg(&self.config)
            .args(args)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(root())
            .stdin(Stdio::null());
        Ok(command)
    }

    /// Calls `cloud`, passes on what it says, and its exit code.
    pub(crate) fn call(&self, args: &[&str]) -> anyhow::Result<u8> {
        let status = self.cloud(args)?.status().context("cannot start `cloud`")?;
        Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
    }

    /// Calls `cloud` and reads what it says; its message where it fails.
    pub(crate) fn ask(&self, args: &[&str]) -> anyhow::Result<String> {
        let output = self.cloud(args)?.output().context("cannot start `cloud`")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("{}", said.trim().trim_start_matches("cloud: "));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// An output of a site's Terraform.
pub(crate) fn output(site: &Site, name: &str) -> anyhow::Result<Value> {
    let value = commands::prepared(site)?.outputs()?[name]["value"].take();
    anyhow::ensure!(!value.is_null(), "Terraform puts out no `{name}`");
    Ok(value)
}

/// The folder of an environment's Terraform data, plans, and, of the emulated one, everything.
pub(crate) fn folder(environment: &str) -> PathBuf {
    root().join("target").join(environment)
}

/// Builds `cloud`; the jobs too where they run as tasks on this machine.
pub(crate) fn build(environment: Option<&str>, choice: &Choice) -> anyhow::Result<()> {
    if choice.build.is_off() {
        return Ok(());
    }
    workspace::build_these(&["cloud"])?;
    if environment == Some(EMULATED) { workspace::build() } else { Ok(()) }
}

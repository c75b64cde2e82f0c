//! Where things are in the repository, and building the programs of the jobs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// The jobs that the local executor spawns, in the order in which they work.
pub(crate) use model::config::aws::STAGES;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// A path of the repository as people write it: relative where it lies inside.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// The folder of this program, in which the jobs' programs lie too.
pub(crate) fn programs() -> anyhow::Result<PathBuf> {
    let me = me()?;
    Ok(me.parent().unwrap_or(Path::new("/")).to_owned())
}

/// cargo's target folder.
pub(crate) fn target() -> anyhow::Result<PathBuf> {
    let programs = programs()?;
    let target = programs.parent().context("programs lie in target/<profile>")?;
    Ok(target.to_owned())
}

/// The program of a job.
pub(crate) fn program(job: &str) -> anyhow::Result<PathBuf> {
    let path = programs()?.join(format!("{job}{}", std::env::consts::EXE_SUFFIX));
    if !path.is_file() {
        bail!("no program `{}`; run `cargo build -p {job}`", path.display());
    }
    Ok(path)
}

/// Whether the jobs' programs are built before they are used.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(crate) struct Build {
    /// Use the jobs' programs as they are; do not build them first
    #[arg(long)]
    no_build: bool,
}

impl Build {
    /// Builds them, unless they are to be used as they are.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        if self.no_build { Ok(()) } else { build() }
    }

    /// Whether nothing is to be built.
    pub(crate) const fn is_off(self) -> bool {
        self.no_build
    }
}

/// This program's file. A build in another terminal may have put a new one in its place since.
pub(crate) fn me() -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe().context("cannot find the path of this program")?;
    Ok(match path.to_str().and_then(|text| text.strip_suffix(" (deleted)")) {
        Some(replaced) => PathBuf::from(replaced),
        None => path,
    })
}

/// cargo, as a person's shell would call it.
///
/// `cargo run` and `cargo test` tell their programs about a package in variables; some build
/// scripts of dependencies watch those and would build half of the workspace anew, back and
/// forth between a call from here and one from the shell.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root()).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// The packages of all programs of a lake.
pub(crate) fn programs_of_the_lake() -> impl Iterator<Item = &'static str> {
    STAGES.iter().chain(&["publish", "query", "exchange"]).copied()
}

/// Builds the programs of jobs as cargo's everyday build does; says nothing when they are fresh.
///
/// The packages are always named together, so that cargo chooses the same features for what
/// they share, and demo, local runs and queries do not undo each other's build.
pub(crate) fn build() -> anyhow::Result<()> {
    build_these(&programs_of_the_lake().collect::<Vec<_>>())
}

/// Builds the programs of some packages.
pub(crate) fn build_these(packages: &[&str]) -> anyhow::Result<()> {
    let mut command = cargo();
    command.args(["build", "--bins"]);
    command.args(packages.iter().flat_map(|package| ["--package", package]));
    // fresh programs are the rule: cargo is told to speak only where there is work to see
    if !std::io::IsTerminal::is_terminal(&std::io::stderr()) {
        command.arg("--quiet");
    }
    let done = command.status().context("cannot start cargo")?;
    if !done.success() {
        bail!("the jobs do not build; the compiler's messages are above");
    }
    Ok(())
}

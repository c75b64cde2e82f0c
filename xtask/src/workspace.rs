//! Where things are in the repository, and building the programs of the jobs.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use xshell::{Shell, cmd};

/// The jobs that the local executor spawns, in the order in which they work.
pub(crate) const STAGES: &[&str] = &["plan", "bronze", "silver", "commit", "gold", "check"];

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
    let me = std::env::current_exe().context("cannot find the path of this program")?;
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
}

/// Builds the programs of jobs as cargo's everyday build does; says nothing when they are fresh.
///
/// The packages are always named together, so that cargo chooses the same features for what
/// they share, and demo, local runs and queries do not undo each other's build.
fn build() -> anyhow::Result<()> {
    let shell = Shell::new()?;
    shell.change_dir(root());
    let packages = STAGES.iter().chain(&["query", "exchange"]).flat_map(|job| ["--package", job]);
    let quick = cmd!(shell, "cargo build --quiet --bins").args(packages.clone());
    // fresh programs are the rule: cargo is told to speak only where there is work to see
    if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
        cmd!(shell, "cargo build --bins").args(packages).quiet().run()
    } else {
        quick.quiet().run()
    }
    .context("the jobs do not build; the compiler's messages are above")
}

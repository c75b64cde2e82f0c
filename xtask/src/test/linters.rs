//! Linters of what surrounds the code: actionlint and zizmor for the workflows, shellcheck for the
//! scripts, hadolint for the Dockerfile. Each is installed once, in a pinned version, under the
//! target folder; shellcheck is the system's.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Outcome, Tally, files_under, python};
use crate::{doctor, human, workspace};

/// The linters of the Python registry.
const REQUIREMENTS: &str = "zizmor==1.32.0\nhadolint-bin==2.15.1\n";
/// actionlint comes from Go's; its Python package would download a program.
const ACTIONLINT: &str = "github.com/rhysd/actionlint/cmd/actionlint";
const ACTIONLINT_VERSION: &str = "v1.7.12";

/// Runs them all; one that cannot be had is skipped with its reason.
pub(super) fn run() -> anyhow::Result<Outcome> {
    let root = workspace::root();
    let mut tally = Tally::default();

    let mut scripts = vec![PathBuf::from(".ci/run")];
    for folder in ["ops", ".github"] {
        scripts.extend(files_under(folder, "sh"));
    }
    if doctor::answers("shellcheck", &["--version"]) {
        tally.take("shellcheck", Command::new("shellcheck").args(&scripts).current_dir(&root))?;
    } else {
        tally.skip("shellcheck: not found; `apt-get install shellcheck`");
    }

    match actionlint() {
        Ok(program) => tally.take(
            "actionlint",
            Command::new(program)
                .args(["-color=false", "-shellcheck=", "-pyflakes="])
                .current_dir(&root),
        )?,
        Err(error) => tally.skip(&format!("actionlint: {}", human::chain(error.as_ref()))),
    }

    match python::environment("linters", REQUIREMENTS) {
        Ok(folder) => {
            tally.take(
                "zizmor",
                Command::new(folder.join("bin/zizmor"))
                    .args(["--offline", "--no-progress", "--quiet", ".github"])
                    .current_dir(&root),
            )?;
            tally.take(
                "hadolint",
                Command::new(folder.join("bin/hadolint"))
                    .args(["--no-color", "jobs/Dockerfile"])
                    .current_dir(&root),
            )?;
        }
        Err(error) => tally.skip(&format!("zizmor, hadolint: {}", human::chain(error.as_ref()))),
    }
    Ok(tally.outcome())
}

/// actionlint, compiled where it is not there yet.
fn actionlint() -> anyhow::Result<PathBuf> {
    let folder =
        workspace::target()?.join("tools").join(format!("actionlint-{ACTIONLINT_VERSION}"));
    let program = folder.join("actionlint");
    if !program.is_file() {
        println!("compiling actionlint in {}", workspace::shown(&folder));
        install_with_go(&format!("{ACTIONLINT}@{ACTIONLINT_VERSION}"), &folder)?;
    }
    Ok(program)
}

fn install_with_go(package: &str, folder: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(doctor::answers("go", &["version"]), "no go to compile it with");
    python::call(Command::new("go").args(["install", package]).env("GOBIN", folder))
}

//! Virtual environments of Python under the target folder, made once for each list of
//! requirements: the readers (DuckDB, Polars, deltalake) that the tests compare our tables with,
//! and linters.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use model::unit::short_hash;

use crate::workspace;

/// The readers and their versions; the benches' peers are the same.
const REQUIREMENTS: &str = "ops/bench/requirements.txt";

/// The Python with the readers, made where there is none yet.
pub(super) fn with_readers() -> anyhow::Result<PathBuf> {
    let text = std::fs::read_to_string(workspace::root().join(REQUIREMENTS))
        .with_context(|| format!("cannot read `{REQUIREMENTS}`"))?;
    Ok(environment("the readers", &text)?.join("bin/python"))
}

/// A virtual environment with these requirements, made where there is none yet; `what` it holds
/// is for people.
pub(super) fn environment(what: &str, requirements: &str) -> anyhow::Result<PathBuf> {
    let folder = workspace::target()?.join("python").join(short_hash(requirements));
    let done = folder.join("complete");
    if done.is_file() {
        return Ok(folder);
    }
    // whoever else wants it meanwhile waits, and finds it done
    std::fs::create_dir_all(&folder)?;
    let lock = std::fs::File::create(folder.with_extension("lock"))?;
    lock.lock()?;
    if done.is_file() {
        return Ok(folder);
    }
    println!("making a Python with {what} in {}", workspace::shown(&folder));
    call(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let list = folder.join("requirements.txt");
    std::fs::write(&list, requirements)
        .with_context(|| format!("cannot write `{}`", list.display()))?;
    call(
        Command::new(folder.join("bin/python"))
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--requirement",
            ])
            .arg(&list),
    )?;
    std::fs::write(&done, requirements)
        .with_context(|| format!("cannot write `{}`", done.display()))?;
    Ok(folder)
}

pub(super) fn call(command: &mut Command) -> anyhow::Result<()> {
    let name = Path::new(command.get_program()).display().to_string();
    let output = command.output().with_context(|| format!("cannot start `{name}`"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{name}` failed: {}", said.trim().lines().last().unwrap_or("it said nothing"));
    }
    Ok(())
}

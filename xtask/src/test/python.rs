//! A Python with the readers (DuckDB, Polars, deltalake) that the tests compare our tables with:
//! a virtual environment under the target folder, made once for each list of requirements.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use model::unit::short_hash;

use crate::workspace;

/// The readers and their versions; the benches' peers are the same.
const REQUIREMENTS: &str = "ops/bench/requirements.txt";

/// The Python of the virtual environment, which is made where there is none yet.
pub(super) fn with_readers() -> anyhow::Result<PathBuf> {
    let requirements = workspace::root().join(REQUIREMENTS);
    let text = std::fs::read_to_string(&requirements)
        .with_context(|| format!("cannot read `{REQUIREMENTS}`"))?;
    let folder = workspace::target()?.join("python").join(short_hash(&text));
    let python = folder.join("bin/python");
    let done = folder.join("complete");
    if done.is_file() {
        return Ok(python);
    }
    println!("making a Python with the readers in {}", workspace::shown(&folder));
    call(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    call(
        Command::new(&python)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--requirement",
            ])
            .arg(&requirements),
    )?;
    std::fs::write(&done, text).with_context(|| format!("cannot write `{}`", done.display()))?;
    Ok(python)
}

fn call(command: &mut Command) -> anyhow::Result<()> {
    let name = Path::new(command.get_program()).display().to_string();
    let output = command.output().with_context(|| format!("cannot start `{name}`"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{name}` failed: {}", said.trim().lines().last().unwrap_or("it said nothing"));
    }
    Ok(())
}

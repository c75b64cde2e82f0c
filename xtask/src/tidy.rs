//! `cargo xtask tidy`: proves the rules of the source tree. `tidy/directions.rs` has the rules of
//! who may depend on whom, `tidy/circles.rs` the same among the modules of a crate, `tidy/files.rs`
//! those of files, `tidy/providers.rs` who may name a provider; all are pure, so that their tests
//! break each rule and see it told.

mod circles;
mod directions;
mod files;
mod providers;

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::human;
use crate::workspace::{self, root};

/// The arguments of `tidy`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Prove the rules of the source tree: who may depend on whom, no circle among \
                  modules, no provider named outside of its folder, versions stated once, short \
                  files that say what they are for, a README where a newcomer would look. \
                  docs/architecture.md and docs/style.md give the reasons.",
    after_help = "Examples:\n  cargo xtask tidy"
)]
pub(crate) struct Args {}

/// Checks all rules.
pub(crate) fn run(_args: &Args) -> anyhow::Result<u8> {
    let faults = faults()?;
    for fault in &faults {
        println!("{fault}");
    }
    if faults.is_empty() {
        println!("tidy: every rule holds");
        Ok(0)
    } else {
        println!(
            "\ntidy: {}; each line says what to change",
            human::plural(faults.len() as u64, "fault")
        );
        Ok(1)
    }
}

/// Every rule that is broken.
pub(crate) fn faults() -> anyhow::Result<Vec<String>> {
    let mut faults = directions::faults(&crates()?);
    let paths = paths()?;
    faults.extend(files::missing(&paths));
    // what git lists may have been deleted since, and may be no text
    let text =
        |path: String| Some((path.clone(), std::fs::read_to_string(root().join(path)).ok()?));
    let texts: BTreeMap<String, String> = paths.into_iter().filter_map(text).collect();
    faults.extend(texts.iter().flat_map(|(path, text)| files::faults(path, text)));
    faults.extend(circles::faults(&texts));
    faults.extend(providers::faults(&texts));
    Ok(faults)
}

/// Our crates, as cargo sees them.
fn crates() -> anyhow::Result<Vec<directions::Crate>> {
    let output = workspace::cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .context("cannot start cargo")?;
    if !output.status.success() {
        bail!("`cargo metadata` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    directions::crates(&output.stdout).context("`cargo metadata` says what we do not understand")
}

/// The files of the tree: what git knows, and what it would if asked.
fn paths() -> anyhow::Result<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .context("cannot start git")?;
    if !output.status.success() {
        bail!("git cannot list the files: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let text = String::from_utf8(output.stdout).context("a file's name is no UTF-8")?;
    let mut paths: Vec<String> =
        text.split('\0').filter(|path| !path.is_empty()).map(ToOwned::to_owned).collect();
    paths.sort();
    paths.dedup();
    Ok(paths)
}

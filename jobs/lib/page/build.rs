//! Takes ECharts out of the crate that carries it, `charming`, and refuses any file but the one that was
//! looked at.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use sha2::{Digest as _, Sha256};

/// Where it lies in the crate. That is no promise of the crate's, so its version is pinned.
const FILE: &str = "src/asset/echarts-5.5.1.min.js";
/// SHA-256 of ECharts 5.5.1 as its project published it.
const SHA256: &str = "e84270bd0cd5bdf60fefc26d00c2a391cb2e81f4d26a7a9ee16185a54773a3cf";
/// A package that has nothing but `charming`. The workspace itself cannot be asked: it names packages that this
/// build has not fetched, those of other platforms and of other crates.
const ASKED: &str = "\
[package]
name = \"where-charming-lies\"
version = \"0.0.0\"
edition = \"2024\"
[lib]
path = \"lib.rs\"
[dependencies]
charming = { version = \"=0.6.0\", default-features = false }
[workspace]
";

#[expect(clippy::disallowed_methods, reason = "how cargo speaks to a build script")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let file = charming(&env::var("CARGO")?, &env::var("TARGET")?, &here, &out)?.join(FILE);
    println!("cargo::rerun-if-changed={}", file.display());
    let bytes = fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut found = String::new();
    for byte in Sha256::digest(&bytes) {
        write!(found, "{byte:02x}")?;
    }
    if found != SHA256 {
        return Err(format!(
            "{}: SHA-256 {found}, expected {SHA256}; is it another version of ECharts?",
            file.display()
        )
        .into());
    }
    fs::write(out.join("echarts.js"), bytes)?;
    Ok(())
}

/// The folder of the crate: beside its manifest, in the registry or where it was vendored.
fn charming(cargo: &str, target: &str, here: &Path, out: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let asked = out.join("asked");
    fs::create_dir_all(&asked)?;
    fs::write(asked.join("Cargo.toml"), ASKED)?;
    fs::write(asked.join("lib.rs"), "")?;
    // the same versions as the workspace has; what it has besides is left out of the copy
    if let Some(lock) = here.ancestors().map(|up| up.join("Cargo.lock")).find(|lock| lock.exists())
    {
        fs::copy(lock, asked.join("Cargo.lock"))?;
    }
    let said = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--offline", "--filter-platform", target])
        .arg("--manifest-path")
        .arg(asked.join("Cargo.toml"))
        // where sources are replaced is told by the workspace's own configuration
        .current_dir(here)
        .output()?;
    if !said.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&said.stderr)).into());
    }
    let metadata: serde_json::Value = serde_json::from_slice(&said.stdout)?;
    let manifest = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|package| package["name"] == "charming")
        .and_then(|package| package["manifest_path"].as_str())
        .ok_or("cargo metadata names no charming")?;
    Ok(Path::new(manifest).parent().ok_or("a manifest lies in a folder")?.to_owned())
}

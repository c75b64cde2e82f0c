//! `cargo xtask demo --all-sources`: the sample servers of the sources that are asked, and a copy of
//! the configuration that names them and a key that they know.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use model::config::KeyPlace;

use crate::environment::Environment;
use crate::sample::{self, SampleServer};
use crate::workspace;

/// The configuration of all sources.
const CONFIG: &str = "infra/envs/demo/all-sources.yaml";
/// What opens the sample servers, which know any key. No provider has such a one.
const KEY: &str = "demo-key-of-the-sample-servers";

/// On any port that is free.
const LISTEN: [&str; 2] = ["--listen", "127.0.0.1:0"];

/// The running servers, and the environment that finds them.
pub(super) struct Servers {
    /// They end when this is dropped.
    _running: [SampleServer; 2],
    pub(super) environment: Environment,
}

/// Starts the servers for the lake of `given`.
pub(super) fn start(given: &Environment) -> anyhow::Result<Servers> {
    let program = workspace::program("exchange")?;
    let archives = SampleServer::start(&program, "serve", &LISTEN)?;
    let asked = SampleServer::start(&program, "rest", &LISTEN)?;
    let folder = workspace::root().join("target/demo");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    let key = folder.join("key");
    write_key(&key).with_context(|| format!("cannot write `{}`", key.display()))?;
    let mut text = fs::read_to_string(&given.file)?;
    for (source, section) in &given.config.sources {
        let server = if *source == sample::source() { &archives } else { &asked };
        text = text.replace(section.url(), &server.url);
        if let Some(place) = &section.key {
            text = text.replace(&place.to_string(), &KeyPlace::File(key.clone()).to_string());
        }
    }
    let file = folder.join("all-sources.yaml");
    fs::write(&file, text).with_context(|| format!("cannot write `{}`", file.display()))?;
    let environment = Environment::open(&file, Some(&given.lake))?;
    Ok(Servers { _running: [archives, asked], environment })
}

/// The configuration, as it stands in the repository.
pub(super) fn config() -> PathBuf {
    workspace::root().join(CONFIG)
}

fn write_key(path: &Path) -> std::io::Result<()> {
    if !path.exists() {
        fs::write(path, "")?;
    }
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    fs::write(path, KEY)
}

#[cfg(test)]
mod tests {
    use source::{Providers, Takes};

    use super::*;

    #[test]
    fn the_configuration_has_every_source_that_has_a_server() {
        let text = fs::read_to_string(config()).expect("the configuration");
        let config = Providers::ALL.read(CONFIG, &text).expect("a good one");
        for provider in Providers::ALL.iter().filter(|p| p.takes() != Takes::Dropped) {
            assert!(config.sources.contains_key(&provider.name()), "{}", provider.name());
        }
    }
}

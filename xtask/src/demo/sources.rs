//! `cargo xtask demo --all-sources`: on which evenings it runs, the sample servers of the sources that
//! are asked, the sample files of the one whose files are dropped, and a copy of the configuration that
//! names the servers and a key that they know.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use model::config::KeyPlace;
use model::layout;

use crate::environment::Environment;
use crate::executor;
use crate::sample::{self, SampleServer};
use crate::workspace;

/// The configuration of all sources.
const CONFIG: &str = "infra/envs/demo/all-sources.yaml";
/// What opens the sample servers, which know any key. No provider has such a one.
const KEY: &str = "demo-key-of-the-sample-servers";

/// On any port that is free.
const LISTEN: [&str; 2] = ["--listen", "127.0.0.1:0"];
/// When it runs: on a Thursday and on the next Monday, after New York's close. What was told on the first
/// is known before Friday's close.
const EVENINGS: [&str; 2] = ["2025-01-02T22:30:00Z", "2025-01-06T22:30:00Z"];
/// The days of the dropped files, by the clock that they are written by: a week from its open to its
/// close, and what the year has of the next.
const DROPPED: (&str, &str) = ("2024-12-22", "2024-12-31");

/// The running servers, and the environment that finds them.
pub(super) struct Servers {
    /// They end when this is dropped.
    _running: [SampleServer; 2],
    pub(super) environment: Environment,
}

/// The evenings on which a lake is still to be filled; the last one where it has seen them all. A clock
/// that went back would ask for days that are over.
pub(super) fn evenings(lake: &Path) -> anyhow::Result<Vec<DateTime<Utc>>> {
    let finished =
        executor::runs(lake).iter().filter(|run| executor::is_finished(lake, run)).count();
    let first = finished.min(EVENINGS.len() - 1);
    EVENINGS[first..].iter().map(|at| Ok(at.parse()?)).collect()
}

/// Drops the sample files into a lake; what lies there already stays untouched.
pub(super) fn drop_files(lake: &Path) -> anyhow::Result<()> {
    let folder = lake.join(layout::drop(sample::dropped()));
    let status = Command::new(workspace::program("exchange")?)
        .args([sample::DROPPED, "--from", DROPPED.0, "--to", DROPPED.1, "--out"])
        .arg(&folder)
        .stdout(Stdio::null())
        .status()
        .context("cannot start `exchange`")?;
    ensure!(status.success(), "the sample files could not be dropped; the message is above");
    Ok(())
}

/// Starts the servers for the lake of `given`, at an instant.
pub(super) fn start(given: &Environment, now: DateTime<Utc>) -> anyhow::Result<Servers> {
    let program = workspace::program("exchange")?;
    let archives = SampleServer::start(&program, "serve", &LISTEN)?;
    let now = now.to_rfc3339();
    let clock = ["--clock-goes", "--now", &now];
    let asked = SampleServer::start(
        &program,
        "rest",
        &[&LISTEN[..], &clock, sample::LARGER_PLANS].concat(),
    )?;
    let folder = workspace::root().join("target/demo");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    let key = folder.join("key");
    write_key(&key).with_context(|| format!("cannot write `{}`", key.display()))?;
    let mut text = fs::read_to_string(&given.file)?;
    for (source, section) in &given.config.sources {
        // what is dropped is not on any host
        if *source == sample::dropped() {
            continue;
        }
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
    use source::Providers;

    use super::*;

    #[test]
    fn a_lake_sees_each_evening_once_and_the_last_one_again() {
        let lake = tempfile::tempdir().expect("a folder");
        let days = || -> Vec<String> {
            let evenings = evenings(lake.path()).expect("instants");
            evenings.iter().map(|at| at.date_naive().to_string()).collect()
        };
        let finish = |number: u32| {
            let run = model::RunId::new(DateTime::UNIX_EPOCH, number);
            let summary = lake.path().join(layout::summary(&run));
            fs::create_dir_all(summary.parent().expect("a folder")).expect("a folder");
            fs::write(summary, "{}").expect("a file");
        };
        assert_eq!(days(), ["2025-01-02", "2025-01-06"]);
        finish(1);
        assert_eq!(days(), ["2025-01-06"]);
        finish(2);
        finish(3);
        assert_eq!(days(), ["2025-01-06"]);
    }

    #[test]
    fn the_configuration_has_every_source_and_dataset_of_companies() {
        let text = fs::read_to_string(config()).expect("the configuration");
        let config = Providers::ALL.read(CONFIG, &text).expect("a good one");
        for provider in Providers::ALL.iter() {
            let section = config.sources.get(&provider.name());
            let section = section.unwrap_or_else(|| panic!("{} is missing", provider.name()));
            for market in provider.markets() {
                let of_now = provider.datasets(*market).iter().filter(|of| of.tells_now());
                for dataset in of_now {
                    let has = section.markets[market].datasets.contains_key(dataset);
                    assert!(has, "{} {market} {dataset}", provider.name());
                }
            }
        }
    }
}

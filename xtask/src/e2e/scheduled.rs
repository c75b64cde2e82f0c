//! The source of the emulated environment that has a key and a schedule of its own: its schedule
//! fires, its run ends well with a key that only its task was handed, and nobody tells the key.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, bail};
use model::Source;
use serde_json::{Value, json};

use super::{LIMIT, on, well};
use crate::aws::{self, EMULATED, emulator};
use crate::environment::Choice;
use crate::http;
use crate::workspace::shown;

/// How often it is asked whether the run has ended.
const LOOK: std::time::Duration = std::time::Duration::from_secs(1);

/// The source with a schedule.
pub(super) fn source() -> anyhow::Result<Source> {
    let environment = Choice { env: Some(EMULATED.into()), ..Choice::default() }.open(None)?;
    let found = environment.config.sources.iter().find(|(_, section)| section.schedule.is_some());
    found.map(|(source, _)| *source).context("no source of the environment has a schedule")
}

/// Fires the schedule, and waits until the run that it starts has ended well.
pub(super) fn fired() -> anyhow::Result<()> {
    let choice = Choice { env: Some(EMULATED.into()), ..Choice::default() };
    let region = choice.open(None)?.config.aws.context("no section aws")?.region.value;
    let name = format!("market-lake-{EMULATED}-pipeline-{}", source()?);
    let said = http::send(
        "POST",
        &emulator::address(EMULATED)?,
        &format!("/_emulator/schedules/{name}"),
        &json!({ "region": region }).to_string(),
    )?;
    let started: Value = serde_json::from_str(&said)?;
    let arn = started["execution_arn"].as_str().context("no execution was started")?;
    let until = Instant::now() + LIMIT;
    loop {
        let runs: Vec<Value> = serde_json::from_str(&well(&on(&["runs", "--json"]))?)?;
        let ours = runs.iter().find(|run| run["arn"] == arn).context("the run is not there")?;
        match ours["status"].as_str() {
            Some("RUNNING") if Instant::now() < until => std::thread::sleep(LOOK),
            Some("SUCCEEDED") => return Ok(()),
            _ => bail!("the run that {name} has started: {ours}"),
        }
    }
}

/// The files of a lake, of the source that is asked by their folders alone: their names and rows tell of
/// what raw bytes they were made, and those say when they were received.
pub(super) fn of_folders(
    files: BTreeMap<String, String>,
    asked: Source,
) -> BTreeMap<String, String> {
    let part = format!("/source={asked}/");
    let known = |(path, sha): (String, String)| match path.rsplit_once('/') {
        Some((folder, _)) if path.contains(&part) => (folder.to_owned(), "there".to_owned()),
        _ => (path, sha),
    };
    files.into_iter().map(known).collect()
}

/// Looks for the key in all that was written on this machine: logs, states, plans, a lake.
pub(super) fn untold(lake: &Path) -> anyhow::Result<()> {
    let mut looked = 0;
    for folder in [aws::folder(EMULATED), lake.to_owned()] {
        let mut folders = vec![folder];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder)?.flatten() {
                let (path, kind) = (entry.path(), entry.file_type()?);
                if kind.is_dir() {
                    // what Terraform was installed with
                    folders.extend((entry.file_name() != "providers").then_some(path));
                } else if kind.is_file() {
                    let bytes = fs::read(&path)?;
                    let key = emulator::KEY.as_bytes();
                    if bytes.windows(key.len()).any(|window| window == key) {
                        bail!("the key stands in {}", shown(&path));
                    }
                    looked += 1;
                }
            }
        }
    }
    eprintln!("  in none of {looked} files");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_what_is_asked_are_known_by_their_folders() {
        let given = [
            "silver/klines/source=a/month=1/x.parquet",
            "silver/klines/source=b/month=1/y.parquet",
        ];
        let files = given.map(|path| (path.to_owned(), "sum".to_owned()));
        let found = of_folders(files.into(), Source::new("b"));
        let expect = ["silver/klines/source=a/month=1/x.parquet", "silver/klines/source=b/month=1"];
        assert!(found.keys().eq(expect.iter()), "{found:?}");
        assert!(found.values().eq(["sum", "there"]), "{found:?}");
    }
}

//! The sources of the emulated environment that have a key and a schedule of their own: their schedules
//! fire, their runs end well with keys that only their tasks were handed, and nobody tells a key.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, bail};
use model::config::{Config, Scope};
use model::{Day, Source};
use serde_json::{Value, json};
use source::Providers;

use super::{LIMIT, bounded, on, well};
use crate::aws::{self, EMULATED, emulator};
use crate::environment::Choice;
use crate::http;
use crate::workspace;

/// How often it is asked whether the runs have ended.
const LOOK: std::time::Duration = std::time::Duration::from_secs(1);

fn config() -> anyhow::Result<Config> {
    Ok(Choice { env: Some(EMULATED.into()), ..Choice::default() }.open(None)?.config)
}

/// The sources with a schedule.
pub(super) fn sources() -> anyhow::Result<BTreeSet<Source>> {
    let config = config()?;
    let scheduled = config.sources.iter().filter(|(_, section)| section.schedule.is_some());
    let found: BTreeSet<Source> = scheduled.map(|(source, _)| *source).collect();
    anyhow::ensure!(!found.is_empty(), "no source of the environment has a schedule");
    Ok(found)
}

/// The variables of a run on this machine that hand over their keys.
pub(super) fn keys() -> anyhow::Result<Vec<(String, &'static str)>> {
    Ok(sources()?.into_iter().map(|source| (model::env::key(source), emulator::KEY)).collect())
}

/// Whether any company is asked about today: none is where its venue rests.
pub(super) fn of_companies(today: Day) -> anyhow::Result<bool> {
    let series = Providers::ALL.series(&config()?, today, &Scope::default());
    Ok(series.iter().filter(|series| series.dataset.tells_now()).any(|series| {
        let calendar = Providers::ALL.calendar(series.source, series.market);
        !matches!(calendar.session(today), Ok(None))
    }))
}

/// Fires the schedules, and waits until the runs that they start have ended well.
pub(super) fn fired() -> anyhow::Result<()> {
    let region = config()?.aws.context("no section aws")?.region.value;
    let mut started = BTreeMap::new();
    for source in sources()? {
        let name = format!("market-lake-{EMULATED}-pipeline-{source}");
        let said = http::send(
            "POST",
            &emulator::address(EMULATED)?,
            &format!("/_emulator/schedules/{name}"),
            &json!({ "region": region }).to_string(),
        )?;
        let said: Value = serde_json::from_str(&said)?;
        let arn = said["execution_arn"].as_str().context("no execution was started")?;
        started.insert(arn.to_owned(), name);
    }
    let until = Instant::now() + LIMIT;
    while !started.is_empty() {
        std::thread::sleep(LOOK);
        let runs: Vec<Value> = serde_json::from_str(&well(&on(&["runs", "--json"]))?)?;
        for (arn, name) in std::mem::take(&mut started) {
            let run = runs.iter().find(|run| run["arn"] == arn).context("the run is not there")?;
            match run["status"].as_str() {
                Some("RUNNING") if Instant::now() < until => drop(started.insert(arn, name)),
                Some("SUCCEEDED") => {}
                _ => bail!("the run that {name} has started: {run}"),
            }
        }
    }
    Ok(())
}

/// The files of a lake, those of sources that are asked by their folders alone: their names and rows tell of
/// what raw bytes they were made, and those say when they were received.
pub(super) fn of_folders(
    files: BTreeMap<String, String>,
    asked: &BTreeSet<Source>,
) -> BTreeMap<String, String> {
    let parts: Vec<String> = asked.iter().map(|source| format!("/source={source}/")).collect();
    let known = |(path, sha): (String, String)| match path.rsplit_once('/') {
        Some((folder, _)) if parts.iter().any(|part| path.contains(part)) => {
            (folder.to_owned(), "there".to_owned())
        }
        _ => (path, sha),
    };
    files.into_iter().map(known).collect()
}

/// Looks for their key in all that was written on this machine: logs, states, plans, a lake.
pub(super) fn untold(lake: &Path) -> anyhow::Result<()> {
    let mut command = Command::new(workspace::program("exchange")?);
    // what Terraform was installed with is left out
    command.args(["told", "--key", emulator::KEY, "--but", "providers"]);
    command.arg(aws::folder(EMULATED)).arg(lake);
    let ended = bounded(&mut command, "exchange told", false)?;
    if ended.code != 0 || !ended.stdout.starts_with("in none of ") {
        bail!("`exchange told` ended with {}: {}", ended.code, ended.stdout);
    }
    eprint!("  {}", ended.stdout);
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
            "silver/actions/source=c/month=1/z.parquet",
        ];
        let files = given.map(|path| (path.to_owned(), "sum".to_owned()));
        let asked = BTreeSet::from(["b", "c"].map(Source::new));
        let found = of_folders(files.into(), &asked);
        let expect = [
            "silver/actions/source=c/month=1",
            "silver/klines/source=a/month=1/x.parquet",
            "silver/klines/source=b/month=1",
        ];
        assert!(found.keys().eq(expect.iter()), "{found:?}");
        assert!(found.values().eq(["there", "sum", "there"]), "{found:?}");
    }

    #[test]
    fn several_sources_have_schedules_and_companies_are_not_asked_about_on_sundays() {
        assert!(sources().unwrap().len() > 1);
        let on = |day: &str| of_companies(day.parse().unwrap()).unwrap();
        assert_eq!((on("2026-12-01"), on("2026-12-06"), on("2026-12-25")), (true, false, false));
    }
}

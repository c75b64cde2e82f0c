//! The live data files of silver and gold: paths and SHA-256 of their bytes, of the bucket or of a
//! directory lake, so that two lakes can be compared byte for byte. Reads the tables' JSON logs
//! alone, which young lakes have whole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use model::layout;
use model::schema::Table;
use model::unit::sha256_hex;
use serde_json::Value;

use crate::account::Cloud;
use crate::lake;

/// The arguments of `files`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A lake on this machine instead of the deployed one
    #[arg(long, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
}

/// The files that a table's log leaves alive; `log` are its JSON files in order.
fn live(log: &[String]) -> anyhow::Result<Vec<String>> {
    let mut live = BTreeSet::new();
    for line in log.iter().flat_map(|text| text.lines()).filter(|line| !line.is_empty()) {
        let action: Value =
            serde_json::from_str(line).context("a line of a table's log is no JSON")?;
        let path = |key: &str| action[key]["path"].as_str().map(ToOwned::to_owned);
        if let Some(path) = path("remove") {
            live.remove(&path);
        }
        if let Some(path) = path("add") {
            live.insert(path);
        }
    }
    Ok(live.into_iter().collect())
}

fn is_log(key: &str) -> bool {
    key.rsplit_once('.').is_some_and(|(_, ending)| ending == "json")
}

fn print(files: &BTreeMap<String, String>) -> anyhow::Result<u8> {
    println!("{}", serde_json::to_string_pretty(files)?);
    Ok(0)
}

/// `files` of the bucket.
pub(crate) async fn of_bucket(cloud: &Cloud) -> anyhow::Result<u8> {
    let mut files = BTreeMap::new();
    for table in Table::DERIVED {
        let folder = layout::table(*table);
        let mut log = Vec::new();
        for (key, _) in lake::list(cloud, &format!("{folder}/_delta_log/")).await? {
            if is_log(&key) {
                let bytes = lake::read(cloud, &key).await?.context("a log file went away")?;
                log.push(String::from_utf8(bytes)?);
            }
        }
        for path in live(&log)? {
            let key = format!("{folder}/{path}");
            let Some(bytes) = lake::read(cloud, &key).await? else {
                bail!("the log of {table} names `{key}`, which is not there");
            };
            files.insert(key, sha256_hex(&bytes));
        }
    }
    print(&files)
}

/// `files` of a directory.
pub(crate) fn of_directory(directory: &Path) -> anyhow::Result<u8> {
    let mut files = BTreeMap::new();
    for table in Table::DERIVED {
        let folder = layout::table(*table);
        let mut names: Vec<PathBuf> = std::fs::read_dir(directory.join(&folder).join("_delta_log"))
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| is_log(&path.display().to_string()))
            .collect();
        names.sort();
        let log = names.iter().map(std::fs::read_to_string).collect::<Result<Vec<_>, _>>()?;
        for path in live(&log)? {
            let key = format!("{folder}/{path}");
            let bytes = std::fs::read(directory.join(&key))
                .with_context(|| format!("cannot read `{key}`"))?;
            files.insert(key, sha256_hex(&bytes));
        }
    }
    print(&files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_removed_is_not_alive() {
        let log = [
            "{\"add\":{\"path\":\"a\"}}\n{\"add\":{\"path\":\"b\"}}\n{\"commitInfo\":{}}",
            "{\"remove\":{\"path\":\"a\"}}\n{\"add\":{\"path\":\"c\"}}\n",
        ]
        .map(ToOwned::to_owned);
        assert_eq!(live(&log).unwrap(), ["b", "c"]);
    }
}

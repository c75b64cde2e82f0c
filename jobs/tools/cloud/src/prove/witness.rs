//! The calls that tasks really made: an AWS on this machine tells them, an account does not. They are
//! judged as those of `calls` are, so that what that list forgets is found by whoever runs the lake.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use serde::Deserialize;

use super::calls::{self, Call};
use crate::account::Cloud;

/// A call of a task.
#[derive(Debug, Clone, Deserialize)]
struct Seen {
    /// What the task was defined as.
    family: String,
    action: String,
    bucket: String,
    /// The object's key; of a listing the prefix, where it named one.
    key: Option<String>,
}

/// What comes of the calls that were seen.
#[derive(Debug, Default)]
pub(super) struct Witnessed {
    /// Questions to IAM.
    pub(super) calls: Vec<Call>,
    /// Roles and actions that `calls` has no question for.
    pub(super) unknown: BTreeSet<(String, String)>,
}

/// What tasks of the environment have called; nothing where nobody saw it.
pub(super) async fn calls(cloud: &Cloud) -> anyhow::Result<Witnessed> {
    let Some(endpoint) = &cloud.identity().endpoint else { return Ok(Witnessed::default()) };
    let url = format!("{}/_emulator/calls", endpoint.trim_end_matches('/'));
    let answer = reqwest::get(&url).await.context("the emulated AWS does not answer")?;
    if !answer.status().is_success() {
        // another one than this repository's
        return Ok(Witnessed::default());
    }
    let seen: Vec<Seen> = serde_json::from_str(&answer.text().await?)
        .context("what the emulated AWS saw of tasks cannot be read")?;
    let prefix = format!("{}-", cloud.names.prefix());
    Ok(of(seen.into_iter().filter(|seen| seen.family.starts_with(&prefix))))
}

/// The questions to IAM: one for all objects of an action, one for each prefix of a listing.
fn of(seen: impl Iterator<Item = Seen>) -> Witnessed {
    let mut all: BTreeMap<(String, String, Option<String>), Vec<String>> = BTreeMap::new();
    for Seen { family, action, bucket, key } in seen {
        let bucket = format!("arn:aws:s3:::{bucket}");
        let (prefix, resource) = match key {
            Some(key) if action != "s3:ListBucket" => (None, format!("{bucket}/{key}")),
            prefix => (prefix, bucket),
        };
        all.entry((family, action, prefix)).or_default().push(resource);
    }
    let mut witnessed = Witnessed::default();
    for ((family, action, prefix), resources) in all {
        let role = format!("{family}-task");
        let Some(actions) = calls::known(&action) else {
            witnessed.unknown.insert((role, action));
            continue;
        };
        witnessed.calls.push(Call {
            role,
            what: "do all that its tasks did",
            may: true,
            actions,
            resources,
            context: prefix.map(|prefix| ("s3:prefix", prefix)).into_iter().collect(),
        });
    }
    // one line for all of a role's
    witnessed.calls.sort_by(|a, b| a.role.cmp(&b.role));
    witnessed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_that_were_seen_become_questions() {
        let seen = |action: &str, key: Option<&str>| Seen {
            family: "market-lake-x-gold".into(),
            action: action.into(),
            bucket: "b".into(),
            key: key.map(ToOwned::to_owned),
        };
        let Witnessed { calls, unknown } = of([
            seen("s3:GetObject", Some("a")),
            seen("s3:GetObjectVersion", Some("config/lake.yaml")),
            seen("s3:PutObjectTagging", Some("a")),
            seen("s3:GetObject", Some("b/c")),
            seen("s3:ListBucket", Some("p/")),
            seen("s3:ListBucket", None),
        ]
        .into_iter());
        let shown: Vec<(&str, usize, Option<&str>)> = calls
            .iter()
            .map(|call| {
                let prefix = call.context.first().map(|(_, prefix)| prefix.as_str());
                (call.actions[0], call.resources.len(), prefix)
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("s3:GetObject", 2, None),
                ("s3:GetObjectVersion", 1, None),
                ("s3:ListBucket", 1, None),
                ("s3:ListBucket", 1, Some("p/"))
            ]
        );
        let role = "market-lake-x-gold-task";
        assert!(calls.iter().all(|call| call.role == role && call.may));
        // what there is no question for is not lost
        let expect = (role.to_owned(), "s3:PutObjectTagging".to_owned());
        assert_eq!(unknown.into_iter().collect::<Vec<_>>(), [expect]);
    }
}

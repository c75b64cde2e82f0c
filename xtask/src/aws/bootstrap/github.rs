//! Whose runners get in: the repository that was asked for, or the one of the bootstrap before;
//! nobody's where there is neither. A repository is known by its ids, which GitHub gives once; its
//! name may be somebody else's tomorrow.

use std::process::{Command, Stdio};

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::Value;

use crate::environment::Wrong;

/// Who signs GitHub's tokens: the name of an account's one provider for them.
pub(super) const ISSUER: &str = "token.actions.githubusercontent.com";

/// The arguments that say whose runners get in.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Asked {
    /// The repository on GitHub whose jobs may plan and deploy; default: the one that may already,
    /// or none
    #[arg(long, value_name = "OWNER/NAME")]
    repository: Option<String>,

    /// Its id, where `gh` is not there to ask: `id` of `gh api repos/OWNER/NAME`
    #[arg(long, value_name = "ID", requires = "repository", requires = "owner_id")]
    repository_id: Option<u64>,

    /// The id of its owner: `owner.id` of the same
    #[arg(long, value_name = "ID", requires = "repository", requires = "repository_id")]
    owner_id: Option<u64>,

    /// The account's provider for GitHub's tokens, where another project made it
    #[arg(long, value_name = "ARN", conflicts_with = "no_github")]
    oidc_provider: Option<String>,

    /// Take GitHub's roles away
    #[arg(long, conflicts_with = "repository")]
    no_github: bool,
}

/// A repository on GitHub that may deploy, and how the account knows GitHub.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Github {
    pub(super) repository: String,
    pub(super) repository_id: String,
    pub(super) repository_owner_id: String,
    #[serde(default)]
    pub(super) oidc_provider_arn: Option<String>,
}

/// What a bootstrap before this one let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Before {
    /// Nobody, or there was none.
    Nobody,
    /// A repository by its ids.
    Known(Github),
    /// A repository by its name alone, as a former version did.
    Named(String),
}

impl Before {
    /// What the outputs of the bootstrap say, and the state where a former version made it.
    pub(super) fn of(outputs: &Value, state: &Value) -> Self {
        let known = Github::deserialize(&outputs["github"]["value"]).ok();
        let named = || {
            let resources = state["values"]["root_module"]["resources"].as_array();
            let mut policies = resources
                .into_iter()
                .flatten()
                .filter(|one| one["address"] == "aws_iam_role.github[\"plan\"]")
                .filter_map(|one| one["values"]["assume_role_policy"].as_str());
            policies.find_map(|policy| {
                // `repo:owner/name:pull_request`
                let (_, rest) = policy.split_once("\"repo:")?;
                let (repository, _) = rest.split_once(':')?;
                Some(repository.to_owned())
            })
        };
        match known {
            Some(github) => Self::Known(github),
            None => named().map_or(Self::Nobody, Self::Named),
        }
    }

    /// Its repository.
    fn repository(&self) -> Option<&str> {
        match self {
            Self::Nobody => None,
            Self::Known(github) => Some(&github.repository),
            Self::Named(repository) => Some(repository),
        }
    }

    /// What is told beside the question, where it is not as it was before.
    pub(super) fn until_now(&self, now: Option<&Github>) -> Option<String> {
        let (before, is_now) = match self {
            Self::Nobody => return None,
            // another repository may have its name by now
            Self::Known(before) => (
                format!("{} (id {})", before.repository, before.repository_id),
                now.is_some_and(|now| now.repository_id == before.repository_id),
            ),
            Self::Named(before) => {
                (before.clone(), now.is_some_and(|now| now.repository.eq_ignore_ascii_case(before)))
            }
        };
        match now {
            _ if is_now => None,
            Some(_) => Some(format!("{before} no longer may")),
            None => Some(format!("{before} no longer may, its roles go")),
        }
    }
}

/// The ids of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ids {
    /// The name as GitHub writes it: a token's subject has its letters.
    name: String,
    repository: u64,
    owner: u64,
}

impl Ids {
    /// What `gh api repos/OWNER/NAME` says.
    fn read(said: &[u8]) -> Option<Self> {
        let said: Value = serde_json::from_slice(said).ok()?;
        Some(Self {
            name: said["full_name"].as_str()?.to_owned(),
            repository: said["id"].as_u64()?,
            owner: said["owner"]["id"].as_u64()?,
        })
    }
}

/// Asks GitHub's own command line.
fn ask(repository: &str) -> Option<Vec<u8>> {
    let output = Command::new("gh")
        .args(["api", &format!("repos/{repository}")])
        .stdin(Stdio::null())
        .output()
        .ok()?;
    output.status.success().then_some(output.stdout)
}

impl Asked {
    /// Whose runners get in. `has_provider`: the bootstrap before made the account's provider
    /// itself, of which there can be one.
    pub(super) fn decide(
        &self,
        before: &Before,
        has_provider: bool,
    ) -> anyhow::Result<Option<Github>> {
        self.decided(before, has_provider, ask)
    }

    fn decided(
        &self,
        before: &Before,
        has_provider: bool,
        ask: impl Fn(&str) -> Option<Vec<u8>>,
    ) -> anyhow::Result<Option<Github>> {
        if self.no_github {
            return Ok(None);
        }
        let Some(repository) = self.repository.as_deref().or_else(|| before.repository()) else {
            if self.oidc_provider.is_some() {
                return Err(Wrong(
                    "--oidc-provider is for GitHub's runners; say whose: --repository OWNER/NAME"
                        .to_owned(),
                )
                .into());
            }
            return Ok(None);
        };
        if !is_repository(repository) {
            return Err(Wrong(format!("bad repository `{repository}`, expected OWNER/NAME")).into());
        }
        let known = match before {
            Before::Known(github) if github.repository == repository => Some(github),
            _ => None,
        };
        let mut github = match (self.repository_id, self.owner_id, known) {
            (Some(id), Some(owner), _) => named(repository, id, owner),
            (None, None, Some(known)) => known.clone(),
            _ => {
                let ids = ask(repository)
                    .and_then(|said| Ids::read(&said))
                    .with_context(|| unknown(repository))?;
                named(&ids.name, ids.repository, ids.owner)
            }
        };
        github.oidc_provider_arn = match before {
            // whichever is named, it can be no other
            _ if has_provider => None,
            Before::Known(before) => {
                self.oidc_provider.clone().or_else(|| before.oidc_provider_arn.clone())
            }
            _ => self.oidc_provider.clone(),
        };
        Ok(Some(github))
    }
}

fn named(repository: &str, id: u64, owner: u64) -> Github {
    Github {
        repository: repository.to_owned(),
        repository_id: id.to_string(),
        repository_owner_id: owner.to_string(),
        oidc_provider_arn: None,
    }
}

fn is_repository(text: &str) -> bool {
    let ok = |part: &str, more: &[u8]| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b))
    };
    text.split_once('/').is_some_and(|(owner, name)| ok(owner, b"-_") && ok(name, b"-_."))
}

/// What to type where the ids are not known.
fn unknown(repository: &str) -> String {
    format!(
        "the ids of {repository} are not known, for `gh` does not say them: type `gh auth login`, or \
         add --repository {repository} --repository-id ID --owner-id ID, which are `id` and \
         `owner.id` of https://api.github.com/repos/{repository}; --no-github lets nobody in"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SAID: &[u8] = br#"{"id": 456, "full_name": "Some/Lake", "owner": {"id": 123}}"#;

    fn parsed(words: &str) -> Result<Asked, clap::Error> {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            asked: Asked,
        }
        let words = std::iter::once("x").chain(words.split_whitespace());
        <Line as clap::Parser>::try_parse_from(words).map(|line| line.asked)
    }

    fn asked(words: &str) -> Asked {
        parsed(words).unwrap()
    }

    fn decided(words: &str, before: &Before, gh: Option<&[u8]>) -> Result<Option<Github>, String> {
        asked(words)
            .decided(before, false, |_| gh.map(<[u8]>::to_vec))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn nobody_gets_in_who_was_not_asked_for() {
        assert_eq!(decided("", &Before::Nobody, Some(SAID)), Ok(None));
        let before = Before::Known(named("some/lake", 1, 2));
        assert_eq!(decided("--no-github", &before, Some(SAID)), Ok(None));
    }

    #[test]
    fn who_got_in_before_still_does() {
        let mut github = named("some/lake", 1, 2);
        github.oidc_provider_arn = Some("arn".to_owned());
        let before = Before::Known(github.clone());
        assert_eq!(decided("", &before, None), Ok(Some(github.clone())));
        assert_eq!(decided("--repository some/lake", &before, None), Ok(Some(github)));
        // a former version knew no ids
        let before = Before::Named("some/lake".to_owned());
        assert_eq!(decided("", &before, Some(SAID)), Ok(Some(named("Some/Lake", 456, 123))));
        let error = decided("", &before, None).unwrap_err();
        assert!(error.contains("--repository some/lake --repository-id ID"), "{error}");
        assert!(error.contains("--no-github"), "{error}");
    }

    #[test]
    fn a_repository_is_known_by_its_ids() {
        let nobody = Before::Nobody;
        let check = |words: &str, gh: Option<&[u8]>, expect: Option<Github>| {
            assert_eq!(decided(words, &nobody, gh).ok().flatten(), expect, "{words}");
        };
        check("--repository some/lake", Some(SAID), Some(named("Some/Lake", 456, 123)));
        let given = "--repository some/lake --repository-id 7 --owner-id 8";
        check(given, None, Some(named("some/lake", 7, 8)));
        check("--repository some/lake", None, None);
        check("--repository some/lake", Some(b"{}"), None);
        check("--repository https://github.com/some/lake", Some(SAID), None);
        check("--repository some/*", Some(SAID), None);
        check("--oidc-provider arn", Some(SAID), None);
    }

    #[test]
    fn an_id_that_is_given_is_never_passed_over() {
        for words in [
            "--repository a/b --repository-id 7",
            "--repository a/b --owner-id 8",
            "--repository-id 7 --owner-id 8",
        ] {
            assert!(parsed(words).is_err(), "{words}");
        }
    }

    #[test]
    fn the_provider_that_was_made_here_stays() {
        let words = "--repository some/lake --repository-id 7 --owner-id 8 --oidc-provider arn";
        let provider = |has: bool| {
            let github = asked(words).decided(&Before::Nobody, has, |_| None).unwrap().unwrap();
            github.oidc_provider_arn
        };
        assert_eq!((provider(false), provider(true)), (Some("arn".to_owned()), None));
    }

    #[test]
    fn the_bootstrap_before_is_read() {
        let check = |outputs: Value, state: Value, expect: Before| {
            assert_eq!(Before::of(&outputs, &state), expect);
        };
        let github = json!({ "repository": "a/b", "repository_id": "1", "repository_owner_id": "2",
                             "oidc_provider_arn": null });
        check(
            json!({ "github": { "value": github } }),
            Value::Null,
            Before::Known(named("a/b", 1, 2)),
        );
        check(json!({ "github": { "value": null } }), Value::Null, Before::Nobody);
        check(json!({}), Value::Null, Before::Nobody);
        let policy = r#"{"Condition":{"StringEquals":{"token.actions.githubusercontent.com:sub":["repo:a/b:ref:refs/heads/main","repo:a/b:pull_request"]}}}"#;
        let state = json!({ "values": { "root_module": { "resources": [
            { "address": "aws_iam_role.github[\"plan\"]", "values": { "assume_role_policy": policy } },
        ] } } });
        check(json!({}), state, Before::Named("a/b".to_owned()));
    }

    #[test]
    fn who_loses_it_is_told() {
        let now = named("c/d", 1, 2);
        let before = Before::Named("a/b".to_owned());
        assert_eq!(before.until_now(Some(&now)).as_deref(), Some("a/b no longer may"));
        assert_eq!(before.until_now(None).as_deref(), Some("a/b no longer may, its roles go"));
        assert_eq!(before.until_now(Some(&named("A/b", 1, 2))), None);
        // by its ids a repository is the same under another name, and another under the same
        let before = Before::Known(named("a/b", 1, 2));
        assert_eq!(before.until_now(Some(&now)), None);
        assert_eq!(
            before.until_now(Some(&named("a/b", 3, 2))).as_deref(),
            Some("a/b (id 1) no longer may")
        );
        assert_eq!(Before::Nobody.until_now(Some(&now)), None);
    }
}

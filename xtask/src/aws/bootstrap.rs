//! `cargo xtask bootstrap`: what an account needs before its first environment. Whose runners on
//! GitHub get in is decided in `bootstrap/github.rs`, where the state lies in
//! `bootstrap/place.rs`.

mod github;
mod place;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use super::commands::account;
use super::summary::{Changes, resources};
use super::terraform::{Terraform, bucket};
use super::{EMULATED, Site, boundary, build};
use crate::confirm::confirm;
use crate::environment::{self, Choice, Wrong};
use crate::human;
use crate::workspace::root;
use github::{Asked, Before, Github, ISSUER};

/// The arguments of `bootstrap`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Once an account, and again after an environment was added: the bucket of \
                  Terraform's states, the boundary of each environment's roles, ECS's own role. \
                  With --repository also the roles by which that repository's jobs on GitHub plan \
                  and deploy; they stay until --no-github. May be interrupted and repeated.",
    after_help = "Examples:\n  \
        cargo xtask bootstrap --env dev\n  \
        cargo xtask bootstrap --env dev --repository somebody/market-lake"
)]
pub(crate) struct Bootstrap {
    #[command(flatten)]
    choice: Choice,

    #[command(flatten)]
    github: Asked,

    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

/// An environment that can be deployed, as its `lake.yaml` says.
#[derive(Debug, Clone)]
struct One {
    name: String,
    account: Option<String>,
    region: String,
    /// The region of the bucket with Terraform's states.
    states_in: String,
}

/// What is deployed to an account: all Terraform roots of infra/envs whose `lake.yaml` says how,
/// and that name no other account.
#[derive(Debug, Default, PartialEq, Eq)]
struct Deployed {
    environments: Vec<String>,
    regions: BTreeSet<String>,
    /// The regions that they name for the bucket of the states, each with who does.
    states_in: BTreeMap<String, Vec<String>>,
}

/// Those of some folders that are roots of Terraform: without one nothing is deployed.
fn roots(envs: &Path, mut names: Vec<String>) -> Vec<String> {
    names.retain(|name| envs.join(name).join("main.tf").is_file());
    names
}

impl Deployed {
    /// `asked`: the environment that the command names.
    fn to(account: &str, asked: &str) -> anyhow::Result<Self> {
        let mut names = environment::names();
        // the test that made the copy means it, and nobody else
        names.extend((asked == environment::E2E_COPY).then(|| asked.to_owned()));
        let mut all = Vec::new();
        for name in roots(&root().join("infra/envs"), names) {
            let choice = Choice { env: Some(name.clone()), ..Choice::default() };
            if let Some(aws) = choice.open(None)?.config.aws {
                let states_in = aws.states_in().to_owned();
                let account = aws.account.map(|account| account.value);
                all.push(One { name, account, region: aws.region.value, states_in });
            }
        }
        Ok(Self::among(all, account))
    }

    /// Of these.
    fn among(all: Vec<One>, account: &str) -> Self {
        let mut deployed = Self::default();
        for one in all {
            if one.name != EMULATED && one.account.is_none_or(|of| of == account) {
                deployed.states_in.entry(one.states_in).or_default().push(one.name.clone());
                deployed.environments.push(one.name);
                deployed.regions.insert(one.region);
            }
        }
        deployed
    }

    /// Refuses two places for the states of one account: roles and boundaries are the account's,
    /// and a second bootstrap would make them again.
    fn agreed(self, account: &str) -> anyhow::Result<Self> {
        if self.states_in.len() < 2 {
            return Ok(self);
        }
        let named: Vec<String> = self
            .states_in
            .iter()
            .map(|(region, names)| format!("{region} by {}", names.join(", ")))
            .collect();
        Err(Wrong(format!(
            "an account has one bucket of Terraform's states, and the environments of account \
             {account} name several regions for it: {}; set `aws.state_region` in the lake.yaml of \
             each to the same, that of the bucket which is there, or `aws.account` where one belongs \
             to another account",
            named.join("; ")
        ))
        .into())
    }
}

/// The variables of infra/bootstrap.
fn variables(
    region: &str,
    deployed: &Deployed,
    github: Option<&Github>,
) -> anyhow::Result<Vec<(&'static str, String)>> {
    let mut variables = vec![
        ("region", region.to_owned()),
        ("regions", serde_json::to_string(&deployed.regions)?),
        ("environments", serde_json::to_string(&deployed.environments)?),
    ];
    if let Some(github) = github {
        variables.extend([
            ("repository", github.repository.clone()),
            ("repository_id", github.repository_id.clone()),
            ("repository_owner_id", github.repository_owner_id.clone()),
        ]);
        variables.extend(github.oidc_provider_arn.clone().map(|arn| ("oidc_provider_arn", arn)));
    }
    Ok(variables)
}

/// What the change means, for the question. `takes_provider`: Terraform's words on this root, where
/// the account's provider of GitHub's tokens goes.
fn meaning(
    deployed: &Deployed,
    github: Option<&Github>,
    before: &Before,
    takes_provider: Option<&str>,
) -> String {
    let environments = deployed.environments.join(", ");
    let mut text = match github {
        Some(Github { repository, repository_id, repository_owner_id, .. }) => format!(
            "jobs on GitHub of {repository} (id {repository_id}, owner's id \
             {repository_owner_id}) may then deploy {environments}"
        ),
        None => "nobody on GitHub gets in".to_owned(),
    };
    if let Some(lost) = before.until_now(github) {
        text = format!("{text}; {lost}");
    }
    if let Some(words) = takes_provider {
        text = format!(
            "{text}; with them goes the account's provider {ISSUER}, by which other projects of the \
             account may let their jobs in; to keep it, type `{words} state rm \
             'aws_iam_openid_connect_provider.github[0]'` first"
        );
    }
    text
}

/// What is asked before anything is changed.
fn question(
    changes: usize,
    account: &str,
    github: Option<&Github>,
    takes_provider: bool,
) -> String {
    let meant = match github {
        Some(github) => format!(", and let GitHub's jobs of {} in", github.repository),
        None if takes_provider => format!(", and delete its provider {ISSUER}"),
        None => String::new(),
    };
    format!("change {} of account {account}{meant}?", resources(changes))
}

/// Environments that the bootstrap before knew and infra/envs does not.
fn gone(outputs: &Value, deployed: &Deployed) -> Vec<String> {
    let before = outputs["permissions_boundaries"]["value"].as_object();
    before
        .into_iter()
        .flat_map(serde_json::Map::keys)
        .filter(|name| !deployed.environments.contains(name))
        .cloned()
        .collect()
}

/// `bootstrap`.
pub(crate) fn bootstrap(args: &Bootstrap) -> anyhow::Result<u8> {
    build(args.choice.env.as_deref(), &args.choice)?;
    let site = Site::open(&args.choice, None)?;
    eprintln!("{}", site.ask(&["whoami"])?.trim());
    let account = account(&site)?;
    let deployed = Deployed::to(&account, &site.name)?.agreed(&account)?;
    let bucket = bucket(&account, &site.states_in);
    let mut terraform = Terraform::bootstrap(&site, &account)?;
    let place = place::open(&terraform, &bucket)?;
    let done = changed(args, &site, &account, &deployed, &mut terraform);
    // what was made is remembered, also where something else could not be
    let closed = place::close(place, &terraform, &bucket);
    if let (Err(_), Err(error)) = (&done, &closed) {
        eprintln!("{}", human::chain(error.as_ref()));
    }
    let is_done = done?;
    closed?;
    if !is_done {
        println!("nothing was changed");
        return Ok(1);
    }
    boundary::note(&site, &account, &deployed.environments)?;
    let outputs = terraform.outputs()?;
    for line in next(&outputs, &site.name) {
        println!("{line}");
    }
    Ok(0)
}

/// Plans, asks and applies; whether it was wanted.
fn changed(
    args: &Bootstrap,
    site: &Site,
    account: &str,
    deployed: &Deployed,
    terraform: &mut Terraform,
) -> anyhow::Result<bool> {
    let outputs = terraform.outputs()?;
    let before = Before::of(&outputs, &terraform.state()?);
    let has_provider = terraform
        .resources()?
        .iter()
        .any(|address| address.starts_with("aws_iam_openid_connect_provider.github"));
    let github = args.github.decide(&before, has_provider)?;
    let takes_provider = has_provider && github.is_none();
    terraform.set(&variables(&site.states_in, deployed, github.as_ref())?);
    let changes = Changes::of(&terraform.plan()?);
    for line in changes.lines() {
        println!("{line}");
    }
    let words = terraform.words();
    let words = takes_provider.then_some(words.as_str());
    println!("{}", meaning(deployed, github.as_ref(), &before, words));
    let gone = gone(&outputs, deployed);
    if !gone.is_empty() {
        println!(
            "infra/envs has no Terraform root for {}: without their boundaries and roles they cannot be \
             deployed",
            gone.join(", ")
        );
    }
    if changes.is_empty() {
        return Ok(true);
    }
    let question = question(changes.len(), account, github.as_ref(), takes_provider);
    let sure = args.yes && changes.lost.is_empty();
    if !sure && !confirm(&question, "add --yes (never enough where data would be lost)")? {
        return Ok(false);
    }
    terraform.apply(changes.len())?;
    Ok(true)
}

/// What to do next: what GitHub has to be told, and the deployment.
fn next(outputs: &Value, environment: &str) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(plan) = outputs["plan_role"]["value"].as_str() {
        lines.push("variables on GitHub (docs/deploy.md, 6):".to_owned());
        lines.push(format!("  the repository's AWS_PLAN_ROLE = {plan}"));
        let deploy = outputs["deploy_roles"]["value"].as_object();
        lines.push(format!(
            "  the repository's AWS_ENVIRONMENTS = {}, and others once they are deployed",
            json!([environment])
        ));
        for (name, role) in deploy.into_iter().flatten() {
            let role = role.as_str().unwrap_or_default();
            lines.push(format!("  environment {name}'s AWS_DEPLOY_ROLE = {role}"));
        }
    }
    lines.push(format!("next: cargo xtask deploy --env {environment}"));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<One> {
        [
            ("dev", None, "eu-central-1"),
            (EMULATED, None, "eu-west-1"),
            ("prod", Some("2"), "ap-northeast-1"),
            ("third", Some("1"), "eu-central-1"),
        ]
        .map(|(name, account, region)| One {
            name: name.into(),
            account: account.map(Into::into),
            region: region.into(),
            states_in: "eu-central-1".into(),
        })
        .to_vec()
    }

    fn github() -> Github {
        let outputs = json!({ "github": { "value": {
            "repository": "a/b", "repository_id": "1", "repository_owner_id": "2",
            "oidc_provider_arn": "arn",
        } } });
        match Before::of(&outputs, &Value::Null) {
            Before::Known(github) => github,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_environment_of_the_account_is_served() {
        let check = |account: &str, environments: &[&str], regions: &[&str]| {
            let deployed = Deployed::among(all(), account);
            assert_eq!(deployed.environments, environments);
            assert_eq!(deployed.regions.iter().collect::<Vec<_>>(), regions);
        };
        check("1", &["dev", "third"], &["eu-central-1"]);
        check("2", &["dev", "prod"], &["ap-northeast-1", "eu-central-1"]);
        // those of the repository, with any that a user added
        let here = Deployed::to("1", "dev").unwrap().environments;
        assert!(["dev", "prod"].iter().all(|name| here.contains(&(*name).to_owned())), "{here:?}");
        assert!(!here.contains(&"demo".to_owned()), "{here:?}");
    }

    #[test]
    fn an_account_has_one_place_for_its_states() {
        let mut all = all();
        assert!(Deployed::among(all.clone(), "2").agreed("2").is_ok());
        // each its own region, as where nobody sets another
        for one in &mut all {
            one.states_in.clone_from(&one.region);
        }
        assert!(Deployed::among(all.clone(), "1").agreed("1").is_ok(), "emulated has no bucket");
        let error = Deployed::among(all, "2").agreed("2").unwrap_err();
        assert!(error.is::<Wrong>(), "{error}");
        let text = error.to_string();
        assert!(text.contains("ap-northeast-1 by prod; eu-central-1 by dev"), "{text}");
        assert!(text.contains("`aws.state_region`"), "{text}");
        // those of the repository
        assert!(Deployed::to("1", "dev").unwrap().agreed("1").is_ok());
    }

    #[test]
    fn a_folder_without_a_root_is_deployed_nowhere() {
        let envs = tempfile::tempdir().unwrap();
        for name in ["dev", "here"] {
            std::fs::create_dir(envs.path().join(name)).unwrap();
        }
        std::fs::write(envs.path().join("dev/main.tf"), "").unwrap();
        assert_eq!(roots(envs.path(), vec!["dev".to_owned(), "here".to_owned()]), ["dev"]);
    }

    #[test]
    fn terraform_hears_of_a_third_environment_and_of_github_only_where_it_is_meant() {
        let deployed = Deployed::among(all(), "1");
        let of = |github: Option<&Github>| variables("eu-central-1", &deployed, github).unwrap();
        assert_eq!(
            of(None),
            [
                ("region", "eu-central-1".to_owned()),
                ("regions", "[\"eu-central-1\"]".to_owned()),
                ("environments", "[\"dev\",\"third\"]".to_owned()),
            ]
        );
        let names: Vec<&str> = of(Some(&github())).iter().map(|(name, _)| *name).collect();
        assert_eq!(
            names[3..],
            ["repository", "repository_id", "repository_owner_id", "oidc_provider_arn"]
        );
    }

    #[test]
    fn the_question_names_who_gets_in_and_who_no_longer_does() {
        let deployed = Deployed::among(all(), "1");
        assert_eq!(
            meaning(&deployed, Some(&github()), &Before::Named("c/d".to_owned()), None),
            "jobs on GitHub of a/b (id 1, owner's id 2) may then deploy dev, third; c/d no longer may"
        );
        assert_eq!(meaning(&deployed, None, &Before::Nobody, None), "nobody on GitHub gets in");
        let here = github();
        assert!(
            question(2, "1", Some(&here), false).ends_with(", and let GitHub's jobs of a/b in?")
        );
        assert_eq!(question(2, "1", None, false), "change 2 resources of account 1?");
    }

    #[test]
    fn the_provider_that_others_may_use_is_named() {
        let deployed = Deployed::among(all(), "1");
        let before = Before::Known(github());
        let told = meaning(&deployed, None, &before, Some("terraform -chdir=x"));
        assert!(
            told.contains("its roles go; with them goes the account's provider token."),
            "{told}"
        );
        assert!(told.contains("`terraform -chdir=x state rm '"), "{told}");
        assert!(!meaning(&deployed, None, &before, None).contains("provider"));
        assert_eq!(
            question(9, "1", None, true),
            "change 9 resources of account 1, and delete its provider \
             token.actions.githubusercontent.com?"
        );
    }

    #[test]
    fn an_environment_whose_folder_is_gone_is_told() {
        let outputs = json!({ "permissions_boundaries": { "value": { "dev": "a", "old": "b" } } });
        assert_eq!(gone(&outputs, &Deployed::among(all(), "1")), ["old"]);
        assert!(gone(&json!({}), &Deployed::among(all(), "1")).is_empty());
    }

    #[test]
    fn github_is_told_what_to_be_given() {
        let outputs = json!({ "plan_role": { "value": "p" },
                              "deploy_roles": { "value": { "dev": "d", "third": "t" } } });
        let lines = next(&outputs, "dev");
        assert_eq!(lines.len(), 6);
        assert!(lines[2].starts_with(r#"  the repository's AWS_ENVIRONMENTS = ["dev"], and"#));
        assert_eq!(lines[4], "  environment third's AWS_DEPLOY_ROLE = t");
        let nobody = json!({ "plan_role": { "value": null }, "deploy_roles": { "value": {} } });
        assert_eq!(next(&nobody, "dev"), ["next: cargo xtask deploy --env dev"]);
    }
}

//! `cargo xtask bootstrap`: what an account needs before its first environment. Whose runners on
//! GitHub get in is decided in `bootstrap/github.rs`, where the state lies in
//! `bootstrap/place.rs`.

mod github;
mod place;

use std::collections::BTreeSet;

use serde_json::Value;

use super::commands::account;
use super::summary::{Changes, resources};
use super::terraform::{Terraform, bucket};
use super::{EMULATED, Site, build};
use crate::confirm::confirm;
use crate::environment::{self, Choice};
use crate::human;
use github::{Asked, Before, Github};

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

/// What is deployed to an account: all folders of infra/envs whose `lake.yaml` says how, and that
/// name no other account.
#[derive(Debug, Default, PartialEq, Eq)]
struct Deployed {
    environments: Vec<String>,
    regions: BTreeSet<String>,
}

impl Deployed {
    fn to(account: &str) -> anyhow::Result<Self> {
        let mut all = Vec::new();
        for name in environment::names() {
            let choice = Choice { env: Some(name.clone()), ..Choice::default() };
            if let Some(aws) = choice.open(None)?.config.aws {
                let account = aws.account.map(|account| account.value);
                all.push((name, account, aws.region.value));
            }
        }
        Ok(Self::among(all, account))
    }

    /// Of these: name, account, region.
    fn among(all: Vec<(String, Option<String>, String)>, account: &str) -> Self {
        let mut deployed = Self::default();
        for (name, of, region) in all {
            if name != EMULATED && of.is_none_or(|of| of == account) {
                deployed.environments.push(name);
                deployed.regions.insert(region);
            }
        }
        deployed
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

/// What the change means, for the question.
fn meaning(deployed: &Deployed, github: Option<&Github>, before: &Before) -> String {
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
    text
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
    let bucket = bucket(&account, &site.states_in);
    let mut terraform = Terraform::bootstrap(&site, &account)?;
    let place = place::open(&terraform, &bucket)?;
    let done = changed(args, &site, &account, &mut terraform);
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
    terraform: &mut Terraform,
) -> anyhow::Result<bool> {
    let deployed = Deployed::to(account)?;
    let outputs = terraform.outputs()?;
    let before = Before::of(&outputs, &terraform.state()?);
    let has_provider = terraform
        .resources()?
        .iter()
        .any(|address| address.starts_with("aws_iam_openid_connect_provider.github"));
    let github = args.github.decide(&before, has_provider)?;
    terraform.set(&variables(&site.states_in, &deployed, github.as_ref())?);
    let changes = Changes::of(&terraform.plan()?);
    for line in changes.lines() {
        println!("{line}");
    }
    println!("{}", meaning(&deployed, github.as_ref(), &before));
    let gone = gone(&outputs, &deployed);
    if !gone.is_empty() {
        println!(
            "infra/envs has no folder for {}: without their boundaries and roles they cannot be \
             deployed",
            gone.join(", ")
        );
    }
    if changes.is_empty() {
        return Ok(true);
    }
    let meant = match &github {
        Some(github) => format!(", and let GitHub's jobs of {} in", github.repository),
        None => String::new(),
    };
    let question = format!("change {} of account {account}{meant}?", resources(changes.len()));
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
    use serde_json::json;

    use super::*;

    fn all() -> Vec<(String, Option<String>, String)> {
        [
            ("dev", None, "eu-central-1"),
            (EMULATED, None, "eu-west-1"),
            ("prod", Some("2"), "ap-northeast-1"),
            ("third", Some("1"), "eu-central-1"),
        ]
        .map(|(name, account, region)| (name.into(), account.map(Into::into), region.into()))
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
        let here = Deployed::to("1").unwrap().environments;
        assert!(["dev", "prod"].iter().all(|name| here.contains(&(*name).to_owned())), "{here:?}");
        assert!(!here.contains(&"demo".to_owned()), "{here:?}");
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
            meaning(&deployed, Some(&github()), &Before::Named("c/d".to_owned())),
            "jobs on GitHub of a/b (id 1, owner's id 2) may then deploy dev, third; c/d no longer may"
        );
        assert_eq!(meaning(&deployed, None, &Before::Nobody), "nobody on GitHub gets in");
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
        assert_eq!(next(&outputs, "dev").len(), 5);
        assert_eq!(next(&outputs, "dev")[3], "  environment third's AWS_DEPLOY_ROLE = t");
        let nobody = json!({ "plan_role": { "value": null }, "deploy_roles": { "value": {} } });
        assert_eq!(next(&nobody, "dev"), ["next: cargo xtask deploy --env dev"]);
    }
}

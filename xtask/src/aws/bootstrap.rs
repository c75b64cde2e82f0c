//! `cargo xtask bootstrap`: what an account needs before its first environment.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::Context as _;

use super::summary::{Changes, resources};
use super::terraform::Terraform;
use super::{EMULATED, Site, build};
use crate::confirm::confirm;
use crate::environment::{self, Choice};
use crate::workspace::root;

/// The arguments of `bootstrap`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Once an account: the bucket of Terraform's state, and the roles by which GitHub \
                  deploys.",
    after_help = "Examples:\n  \
        cargo xtask bootstrap --env dev\n  \
        cargo xtask bootstrap --env dev --repository somebody/market-lake"
)]
pub(crate) struct Bootstrap {
    #[command(flatten)]
    choice: Choice,

    /// The repository on GitHub that deploys; default: that of the remote `origin`
    #[arg(long, value_name = "OWNER/NAME")]
    repository: Option<String>,

    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

/// The regions of all environments: one bootstrap serves them.
fn regions() -> anyhow::Result<Vec<String>> {
    let mut regions = BTreeSet::new();
    for name in environment::names().iter().filter(|name| *name != EMULATED) {
        let choice = Choice { env: Some(name.clone()), ..Choice::default() };
        regions.extend(choice.open(None)?.config.aws.map(|aws| aws.region.value));
    }
    Ok(regions.into_iter().collect())
}

/// The repository on GitHub that this clone came from.
fn origin() -> anyhow::Result<String> {
    let output = Command::new("git")
        .args(["remote", "get-url", "origin"])
        .current_dir(root())
        .output()
        .context("cannot start git")?;
    let url = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    repository(&url).with_context(|| {
        "the remote `origin` is no repository on GitHub; say --repository OWNER/NAME".to_owned()
    })
}

/// `owner/name` of an address such as `git@github.com:owner/name.git`.
fn repository(url: &str) -> Option<String> {
    let (_, path) = url.split_once("github.com")?;
    let path = path.trim_start_matches([':', '/']).trim_end_matches('/').trim_end_matches(".git");
    (path.matches('/').count() == 1).then(|| path.to_owned())
}

/// `bootstrap`.
pub(crate) fn bootstrap(args: &Bootstrap) -> anyhow::Result<u8> {
    build(args.choice.env.as_deref(), &args.choice)?;
    let site = Site::open(&args.choice, None)?;
    eprintln!("{}", site.ask(&["whoami"])?.trim());
    let repository = match &args.repository {
        Some(repository) => repository.clone(),
        None => origin()?,
    };
    let terraform = Terraform::bootstrap(&site, &repository, &regions()?)?;
    terraform.init()?;
    let changes = Changes::of(&terraform.plan()?);
    for line in changes.lines() {
        println!("{line}");
    }
    if !changes.is_empty() {
        let question = format!("change {} of the account?", resources(changes.len()));
        let sure = args.yes && changes.lost.is_empty();
        if !sure && !confirm(&question, "add --yes (never enough where data would be lost)")? {
            println!("nothing was changed");
            return Ok(1);
        }
        terraform.apply(changes.len())?;
    }
    println!("next: cargo xtask deploy --env {}", site.name);
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_read_from_addresses() {
        let check = |url: &str, expect: Option<&str>| {
            assert_eq!(repository(url).as_deref(), expect, "{url}");
        };
        check("git@github.com:somebody/market-lake.git", Some("somebody/market-lake"));
        check("https://github.com/somebody/market-lake", Some("somebody/market-lake"));
        check("https://example.com/somebody/market-lake", None);
        check("https://github.com/somebody", None);
        check("", None);
    }
}

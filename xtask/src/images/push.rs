//! Images into the environment's repositories. Terraform made these and tells their addresses; the
//! AWS command line tells the password; what comes out are references by digest.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use clap::builder::PossibleValuesParser;

use super::{Image, References, chosen, complaint, docker, engine, inspect, said};
use crate::environment::{Choice, Wrong};
use crate::workspace::STAGES;
use crate::{aws, human};

/// The arguments of `images push`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Put the stages' images into the environment's repositories, tagged by what is in \
                  them, and print them by digest: {\"images\": {\"<stage>\": \
                  \"<repository>@sha256:…\"}}, a variable file of Terraform.",
    after_help = "Examples:\n  \
        cargo xtask images push --env dev > target/images.auto.tfvars.json\n  \
        cargo xtask images push silver --env dev\n\n\
        An image that is there already is not sent again."
)]
pub(crate) struct Args {
    /// The stages; all when none is named
    #[arg(value_name = "STAGE", value_parser = PossibleValuesParser::new(STAGES))]
    stages: Vec<String>,

    /// The environment whose repositories are meant
    #[arg(long, value_name = "ENV")]
    env: String,

    /// Another registry than the account's, such as localhost:5000; it gets
    /// market-lake/<env>/<stage>
    #[arg(long, value_name = "HOST")]
    registry: Option<String>,

    /// What the environment's tasks run on
    #[arg(long, value_name = "ARCHITECTURE", default_value = "arm64",
          value_parser = ["arm64", "amd64"])]
    architecture: String,
}

/// Pushes and prints.
pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    let images = push(args)?;
    println!("{}", serde_json::to_string_pretty(&serde_json::json!({ "images": images }))?);
    Ok(0)
}

/// Pushes; the references by digest.
pub(crate) fn push(args: &Args) -> anyhow::Result<References> {
    if args.env == "emulated" && args.registry.is_none() {
        bail!(Wrong(
            "the emulated environment runs the images of this machine; there is nothing to push"
                .to_owned()
        ));
    }
    engine()?;
    let images: Vec<Image> =
        chosen(&args.stages).into_iter().map(inspect).collect::<anyhow::Result<_>>()?;
    for image in &images {
        if image.architecture != args.architecture {
            bail!(Wrong(format!(
                "the image of {} is for {}, the tasks run on {}; type `cargo xtask images build \
                 --platform linux/{}`",
                image.stage, image.architecture, args.architecture, args.architecture
            )));
        }
    }
    let repositories = repositories(args, &images)?;
    let mut references = References::new();
    for (image, repository) in images.iter().zip(&repositories) {
        let tag = tag(&image.id)?;
        let reference = format!("{repository}:{tag}");
        if let Some(digest) = args.registry.is_none().then(|| there(repository, tag)).flatten() {
            eprintln!("{:8} is there already", image.stage);
            references.insert(image.stage.clone(), format!("{repository}@{digest}"));
            continue;
        }
        eprintln!("{:8} {} to {reference}", image.stage, human::bytes(image.bytes));
        said(docker().args(["tag", &image.name, &reference]))?;
        said(docker().args(["push", &reference]))
            .with_context(|| format!("the image of {} was not pushed", image.stage))?;
        let digests = said(docker().args([
            "image",
            "inspect",
            "--format",
            "{{range .RepoDigests}}{{println .}}{{end}}",
            &reference,
        ]))?;
        let digest = digests
            .lines()
            .find(|line| line.starts_with(&format!("{repository}@sha256:")))
            .with_context(|| format!("docker tells no digest of {reference}"))?;
        references.insert(image.stage.clone(), digest.to_owned());
    }
    Ok(references)
}

/// A tag made from an image's id, so that a tag always means the same image.
fn tag(id: &str) -> anyhow::Result<&str> {
    id.strip_prefix("sha256:")
        .and_then(|hash| hash.get(..16))
        .with_context(|| format!("an image's id is sha256:…, found `{id}`"))
}

/// The repository of each image, with this machine logged in.
fn repositories(args: &Args, images: &[Image]) -> anyhow::Result<Vec<String>> {
    if let Some(registry) = &args.registry {
        return Ok(images
            .iter()
            .map(|image| format!("{registry}/market-lake/{}/{}", args.env, image.stage))
            .collect());
    }
    let choice = Choice { env: Some(args.env.clone()), ..Choice::default() };
    let site = aws::Site::open(&choice, None)?;
    let value = aws::output(&site, "repositories").with_context(|| {
        format!("no repositories are known; type `cargo xtask deploy --env {}`", args.env)
    })?;
    let known: References = serde_json::from_value(value)
        .context("Terraform's output `repositories` is no map of texts")?;
    let repositories: Vec<String> = images
        .iter()
        .map(|image| {
            known.get(&image.stage).cloned().with_context(|| {
                format!(
                    "there is no repository for {}; type `cargo xtask deploy --env {}`",
                    image.stage, args.env
                )
            })
        })
        .collect::<anyhow::Result<_>>()?;
    if let Some(first) = repositories.first() {
        log_in(first)?;
    }
    Ok(repositories)
}

/// The registry and the region of `<account>.dkr.ecr.<region>.amazonaws.com/<name>`.
fn address(repository: &str) -> anyhow::Result<(&str, &str)> {
    let (registry, _) = repository.split_once('/').unwrap_or((repository, ""));
    let region = registry
        .split_once(".dkr.ecr.")
        .and_then(|(_, rest)| rest.split('.').next())
        .with_context(|| format!("expected a repository of ECR, found `{repository}`"))?;
    Ok((registry, region))
}

/// Logs docker in; the password goes from one program to the other and nowhere else.
fn log_in(repository: &str) -> anyhow::Result<()> {
    let (registry, region) = address(repository)?;
    let password =
        said(Command::new("aws").args(["ecr", "get-login-password", "--region", region])).context(
            "no password for the registry; install the AWS command line and log in (`aws sts \
             get-caller-identity` tells who you are)",
        )?;
    let mut child = docker()
        .args(["login", "--username", "AWS", "--password-stdin", registry])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start docker")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(password.as_bytes()).context("cannot talk to docker")?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        bail!("{registry} refused the login: {}", complaint(&error));
    }
    Ok(())
}

/// The digest of a tag that is in a repository of ECR.
fn there(repository: &str, tag: &str) -> Option<String> {
    let (_, region) = address(repository).ok()?;
    let (_, name) = repository.split_once('/')?;
    let digest = said(
        Command::new("aws")
            .args(["ecr", "describe-images", "--region", region, "--repository-name", name])
            .args(["--image-ids", &format!("imageTag={tag}")])
            .args(["--query", "imageDetails[0].imageDigest", "--output", "text"]),
    )
    .ok()?;
    digest.starts_with("sha256:").then_some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_tells_its_registry_and_region() {
        let (registry, region) =
            address("111122223333.dkr.ecr.eu-central-1.amazonaws.com/market-lake/dev/silver")
                .unwrap();
        assert_eq!(registry, "111122223333.dkr.ecr.eu-central-1.amazonaws.com");
        assert_eq!(region, "eu-central-1");
        assert!(address("example.com/market-lake/dev/silver").is_err());
    }

    #[test]
    fn a_tag_is_made_from_the_id() {
        assert_eq!(tag("sha256:0123456789abcdef0123").unwrap(), "0123456789abcdef");
        assert!(tag("latest").is_err());
        assert!(tag("sha256:01").is_err());
    }
}

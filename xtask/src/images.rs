//! `cargo xtask images build|push`: an image a stage from jobs/Dockerfile, and those images in the
//! environment's repositories, by digest. What an image is, jobs/Dockerfile says; where it comes
//! from when there is no registry, ops/containers.

mod prebuilt;
mod push;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, bail};
use serde::Serialize;

use crate::human;
use crate::workspace::{STAGES, root};

/// The base image that ops/containers/base.sh makes.
const LOCAL_BASE: &str = "localhost/market-lake-base:nonroot";

/// The commands of `images`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Images {
    #[command(about = "Build the stages' images")]
    Build(Build),
    #[command(about = "Put them into the environment's repositories and print their digests")]
    Push(push::Args),
}

/// The arguments of `images build`.
#[derive(Debug, Default, clap::Args)]
#[command(
    long_about = "Build an image a stage from jobs/Dockerfile, as market-lake/<stage>:local. One \
                  compile serves all of them.",
    after_help = "Examples:\n  \
        cargo xtask images build                         all of them, for this machine\n  \
        cargo xtask images build --platform linux/arm64  as the tasks run by default\n  \
        cargo xtask images build silver --prebuilt       from the program that lies in target/\n  \
        ops/containers/engine.sh cargo xtask images build --prebuilt --local-base\n\n\
        The last one needs neither an engine that runs nor a registry."
)]
pub(crate) struct Build {
    /// The stages; all when none is named
    #[arg(value_name = "STAGE", value_parser = clap::builder::PossibleValuesParser::new(STAGES))]
    stages: Vec<String>,

    /// Do not compile in a container: take the programs of this folder, by default the everyday
    /// build's
    #[arg(long, value_name = "FOLDER", num_args = 0..=1, default_missing_value = prebuilt::EVERYDAY)]
    prebuilt: Option<PathBuf>,

    /// The base image, instead of the one that jobs/Dockerfile names
    #[arg(long, value_name = "IMAGE")]
    base: Option<String>,

    /// A base made of Debian's packages; needs no registry
    #[arg(long, conflicts_with = "base")]
    local_base: bool,

    /// For which machine; by default the engine's own
    #[arg(long, value_name = "PLATFORM", value_parser = ["linux/amd64", "linux/arm64"])]
    platform: Option<String>,

    /// Print a line of JSON a stage: name, id, bytes, architecture
    #[arg(long)]
    json: bool,
}

/// An image of this machine.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Image {
    /// The stage.
    pub(crate) stage: String,
    /// Its name here.
    pub(crate) name: String,
    /// Its id: the digest of its configuration.
    pub(crate) id: String,
    /// Its size unpacked, in bytes.
    pub(crate) bytes: u64,
    /// `arm64` or `amd64`.
    pub(crate) architecture: String,
}

/// Runs `images`.
pub(crate) fn run(command: &Images) -> anyhow::Result<u8> {
    match command {
        Images::Build(args) => {
            for image in build(args)? {
                if args.json {
                    println!("{}", serde_json::to_string(&image)?);
                } else {
                    println!(
                        "{:8} {:>10}  {}  {}  {}",
                        image.stage,
                        human::bytes(image.bytes),
                        image.architecture,
                        image.id,
                        image.name
                    );
                }
            }
            Ok(0)
        }
        Images::Push(args) => push::run(args),
    }
}

/// The name that a stage's image has on this machine.
pub(crate) fn local_name(stage: &str) -> String {
    format!("market-lake/{stage}:local")
}

/// The stages named, or all.
fn chosen(stages: &[String]) -> Vec<&str> {
    if stages.is_empty() { STAGES.to_vec() } else { stages.iter().map(String::as_str).collect() }
}

/// Builds the images; the engine's own words go to standard error.
pub(crate) fn build(args: &Build) -> anyhow::Result<Vec<Image>> {
    engine()?;
    let stages = chosen(&args.stages);
    let context = match &args.prebuilt {
        Some(folder) => prebuilt::context(folder, &stages, args.platform.as_deref())?,
        None => root(),
    };
    let base = if args.local_base { Some(local_base()?) } else { args.base.clone() };
    let revision = revision();
    let start = Instant::now();
    for stage in &stages {
        let mut command = docker();
        command
            .args(["build", "--file", "jobs/Dockerfile", "--tag", &local_name(stage)])
            .args(["--build-arg", &format!("JOB={stage}")])
            .args(["--build-arg", &format!("JOBS={}", STAGES.join(" "))])
            .args(["--build-arg", concat!("VERSION=", env!("CARGO_PKG_VERSION"))])
            .args(["--build-arg", &format!("REVISION={revision}")]);
        if args.prebuilt.is_some() {
            command.args(["--build-arg", "BIN_FROM=prebuilt"]);
        }
        if let Some(base) = &base {
            command.args(["--build-arg", &format!("BASE_IMAGE={base}")]);
        }
        if let Some(platform) = &args.platform {
            command.args(["--platform", platform]);
        }
        // standard output belongs to what this command prints
        let done = command.arg(&context).stdout(Stdio::null()).status();
        if !done.context("cannot start docker")?.success() {
            bail!("the image of {stage} was not built; the engine's messages are above");
        }
    }
    let images = stages.iter().map(|stage| inspect(stage)).collect::<anyhow::Result<Vec<_>>>()?;
    eprintln!(
        "{} in {}",
        human::plural(images.len() as u64, "image"),
        human::span(start.elapsed())
    );
    Ok(images)
}

/// docker, in the root of the repository.
fn docker() -> Command {
    let mut command = Command::new("docker");
    command.current_dir(root()).env("DOCKER_BUILDKIT", "1").stdin(Stdio::null());
    // an attestation would count as a second and third image in a repository
    command.env("BUILDX_NO_DEFAULT_ATTESTATIONS", "1");
    command
}

/// What a command says on standard output; its last line of error where it fails.
fn said(command: &mut Command) -> anyhow::Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("cannot start `{name}`"))?;
    if !output.status.success() {
        bail!("`{name}` failed: {}", complaint(&String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The line of what a program said that tells what is wrong: Terraform frames it, others end
/// with it.
fn complaint(said: &str) -> String {
    let plain: String = said
        .split('\x1b')
        .enumerate()
        // what follows an escape begins with its colour, up to an m
        .map(|(i, text)| if i == 0 { text } else { text.split_once('m').map_or("", |(_, t)| t) })
        .collect();
    let lines = || plain.lines().map(|line| line.trim_matches(['│', '╵', '╷', ' '])).rev();
    lines()
        .find_map(|line| line.strip_prefix("Error: "))
        .or_else(|| lines().find(|line| !line.is_empty()))
        .unwrap_or("it said nothing")
        .to_owned()
}

/// Fails, with what to do, unless a container engine answers.
fn engine() -> anyhow::Result<()> {
    said(docker().args(["version", "--format", "{{.Server.Version}}"])).map(drop).context(
        "no container engine answers; start Docker, or put `ops/containers/engine.sh` before \
         this command",
    )
}

/// What the engine knows of a stage's image.
fn inspect(stage: &str) -> anyhow::Result<Image> {
    let name = local_name(stage);
    let line = said(
        docker()
            .args(["image", "inspect", "--format"])
            .args([r"{{.Id}} {{.Size}} {{.Architecture}}", &name]),
    )
    .with_context(|| format!("no image of {stage}; type `cargo xtask images build {stage}`"))?;
    let mut words = line.split(' ').map(str::to_owned);
    let mut word = || words.next().with_context(|| format!("cannot read what docker says: {line}"));
    let (id, bytes, architecture) = (word()?, word()?.parse()?, word()?);
    Ok(Image { stage: stage.to_owned(), name, id, bytes, architecture })
}

/// The base image of this machine, made where it is not there yet.
fn local_base() -> anyhow::Result<String> {
    if said(docker().args(["image", "inspect", LOCAL_BASE])).is_err() {
        eprintln!("making the base image from Debian's packages");
        said(Command::new("bash").args(["ops/containers/base.sh", LOCAL_BASE]).current_dir(root()))
            .context("no base image could be made; it takes Debian 12 and apt")?;
    }
    Ok(LOCAL_BASE.to_owned())
}

/// The commit that is built, `-dirty` behind it where files differ from it.
fn revision() -> String {
    let git = |args: &[&str]| said(Command::new("git").args(args).current_dir(root())).ok();
    let Some(commit) = git(&["rev-parse", "HEAD"]) else { return "unknown".to_owned() };
    match git(&["status", "--porcelain", "--untracked-files=no"]) {
        Some(changed) if changed.is_empty() => commit,
        _ => format!("{commit}-dirty"),
    }
}

/// References by stage, as Terraform's variable `images` takes them.
pub(crate) type References = BTreeMap<String, String>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_matters_is_found() {
        let check = |said: &str, expect: &str| assert_eq!(complaint(said), expect);
        check("", "it said nothing");
        check("working\nno space left\n\n", "no space left");
        check("\x1b[31m╷\x1b[0m\n\x1b[31m│\x1b[0m \x1b[1mError: no key\x1b[0m\n", "no key");
        check("╷\n│ Error: no state\n│ \n│ see the docs\n╵\n", "no state");
    }
}

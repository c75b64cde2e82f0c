//! The stages' images as tasks run them: user 65532, nothing to write but their VOLUME /scratch, no
//! capability. Takes a container engine and the images that `cargo xtask images build` made; `cargo
//! xtask test --only containers` sees to both, so this file is no part of a plain `cargo test`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use e2e::lab::Lab;
use e2e::look;
use e2e::world::World;
use model::config::aws::STAGES;
use model::{env, layout};
use testcontainers::core::wait::ExitWaitStrategy;
use testcontainers::core::{AccessMode, Mount, WaitFor};
use testcontainers::runners::SyncRunner as _;
use testcontainers::{GenericImage, ImageExt as _};

/// A container's end.
struct Ended {
    code: i64,
    stderr: String,
}

/// Runs a stage's image as a task of ECS would, on a lake that is mounted.
fn task(stage: &str, args: &[&str], lab: &Lab, run: &str) -> Result<Ended> {
    let mount = |from: &Path, to: &str| Mount::bind_mount(from.display().to_string(), to);
    let container = GenericImage::new(format!("market-lake/{stage}").as_str(), "local")
        .with_wait_for(WaitFor::exit(ExitWaitStrategy::new()))
        .with_cmd(args.iter().copied())
        .with_env_var(env::LAKE, "/lake")
        .with_env_var(env::CONFIG, "/lake.yaml")
        .with_env_var(env::RUN, run)
        .with_env_var(env::LOG_FORMAT, "json")
        .with_network("host")
        .with_user("65532:65532")
        .with_readonly_rootfs(true)
        .with_cap_drop("ALL")
        .with_security_opt("no-new-privileges")
        .with_mount(mount(&lab.lake(), "/lake"))
        .with_mount(mount(&lab.config(), "/lake.yaml").with_access_mode(AccessMode::ReadOnly))
        .start()
        .with_context(|| format!("cannot start the image of {stage}"))?;
    let code = container.exit_code()?.context("it has not ended")?;
    let stderr = String::from_utf8_lossy(&container.stderr_to_vec()?).into_owned();
    Ok(Ended { code, stderr })
}

fn well(stage: &str, args: &[&str], lab: &Lab, run: &str) -> Result<()> {
    let ended = task(stage, args, lab, run)?;
    ensure!(ended.code == 0, "{stage} {args:?} ended with {}: {}", ended.code, ended.stderr);
    Ok(())
}

/// A lab whose folder the images' user may enter, and whose lake he may write.
fn lab(yaml: &str) -> Result<Lab> {
    let lab = Lab::new(yaml)?;
    std::fs::create_dir_all(lab.lake())?;
    let folder = lab.lake().parent().context("no folder")?.to_owned();
    for (path, mode) in [(folder, 0o755), (lab.lake(), 0o777), (lab.config(), 0o644)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    }
    Ok(lab)
}

/// Every stage in its container makes the files that the programs make, byte for byte.
#[test]
fn containers_make_the_lake_that_programs_make() -> Result<()> {
    let world = World::new(
        &["spot:BTCUSDT,trades=300", "usdm:ETHUSDT,trades=200"],
        "2024-12-31",
        "2025-01-01",
    )?;
    let exchange = world.start()?;
    let yaml = world.yaml(exchange.url());
    let (here, there) = (Lab::new(&yaml)?, lab(&yaml)?);
    here.run_well()?;

    let run = "20250102T000000Z-0a1b2c3d";
    well("plan", &[], &there, run)?;
    let batches = std::fs::read_dir(there.lake().join(format!("runs/{run}/batches")))?.count();
    ensure!(batches > 0, "the plan has no batch");
    for stage in ["bronze", "silver"] {
        for batch in 1..=batches {
            well(stage, &["--batch", &batch.to_string()], &there, run)?;
        }
    }
    well("commit", &[], &there, run)?;
    for (market, symbol) in [("spot", "BTCUSDT"), ("usdm", "ETHUSDT")] {
        well("gold", &["--market", market, "--symbol", symbol], &there, run)?;
    }
    well("commit", &["--gold"], &there, run)?;
    well("check", &[], &there, run)?;

    let files = look::files(&there.lake(), look::DERIVED)?;
    ensure!(files == look::files(&here.lake(), look::DERIVED)?, "the files differ");
    for table in look::DERIVED.iter().filter(|t| !look::MAY_BE_EMPTY.contains(t)) {
        ensure!(!files[table].is_empty(), "no file below {}", layout::table(*table));
    }
    Ok(())
}

/// A mistake ends a container with the exit code and the message of its program.
#[test]
fn a_mistake_ends_with_the_programs_exit_code() -> Result<()> {
    let lab = lab("environment: 7\n")?;
    for stage in STAGES {
        let ended = task(stage, &["--no-such-flag"], &lab, "20250102T000000Z-0a1b2c3d")?;
        ensure!(ended.code == 2, "{stage} ended with {}: {}", ended.code, ended.stderr);
        ensure!(ended.stderr.contains("--no-such-flag"), "{stage}: {}", ended.stderr);
    }
    Ok(())
}

/// No image runs as root, none has a shell, each says what it is.
#[test]
fn images_are_of_an_ordinary_user_and_say_what_they_are() -> Result<()> {
    for stage in STAGES {
        let output = Command::new("docker")
            .args(["image", "inspect", "--format"])
            .arg(
                "{{.Config.User}} {{json .Config.Entrypoint}} \
                 {{index .Config.Labels \"io.market-lake.stage\"}} \
                 {{index .Config.Labels \"org.opencontainers.image.licenses\"}}",
            )
            .arg(format!("market-lake/{stage}:local"))
            .output()?;
        ensure!(output.status.success(), "no image of {stage}: `cargo xtask images build`");
        let found = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let expected = format!("65532:65532 [\"/job\"] {stage} Apache-2.0");
        ensure!(found == expected, "{stage}: found {found}, expected {expected}");
        let shell = GenericImage::new(format!("market-lake/{stage}").as_str(), "local")
            .with_entrypoint("/bin/sh")
            .start();
        ensure!(shell.is_err(), "the image of {stage} has a shell");
    }
    Ok(())
}

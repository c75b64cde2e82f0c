//! A lake on an object store, worked on from one machine: no locks, and nobody looks for runs
//! that were cut off. The run that is named is gone on with, and the bars that one owes come with
//! the next that commits anything. Needs a server of S3, see ops/s3.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use e2e::lab::Lab;
use e2e::world::World;
use exchange::rest::{Limits, Rest, RestOptions, twelvedata};

/// The bucket of the lakes, each under a prefix of its own.
const BUCKET: &str = "s3://market-lake-tests";

/// Where the lakes lie and what it takes to reach them; `None` where no server is.
fn server() -> Option<Vec<(&'static str, String)>> {
    let variable = model::env::TEST_VERSITYGW;
    #[expect(clippy::disallowed_methods, reason = "a test's own knobs, registered in model::env")]
    let (url, required) = (std::env::var(variable), std::env::var(model::env::REQUIRE_ALL));
    let Ok(url) = url else {
        let reason = format!("skipped: no {variable}; put `python3 ops/s3/servers.py` before");
        assert!(required.as_deref() != Ok("1"), "{reason}");
        eprintln!("{reason}");
        return None;
    };
    let text = |name: &'static str, value: &str| (name, value.to_owned());
    Some(vec![
        ("AWS_ENDPOINT_URL", url),
        text("AWS_ACCESS_KEY_ID", "test"),
        text("AWS_SECRET_ACCESS_KEY", "testtest"),
        text("AWS_REGION", "us-east-1"),
        text("AWS_ALLOW_HTTP", "true"),
    ])
}

/// All rows of the tables that one run makes from the same archives, in order.
fn rows(lab: &Lab) -> Result<Vec<String>> {
    let mut all =
        lab.lines("SELECT * FROM gold.bars ORDER BY market, symbol, timeframe, open_time")?;
    all.extend(lab.lines("SELECT * FROM gold.daily ORDER BY market, symbol, date")?);
    all.extend(lab.lines("SELECT count(*), sum(price), sum(quantity) FROM silver.trades")?);
    Ok(all)
}

/// Kills a run when its silver is committed and no bar is: the worst moment. The run's name, as
/// it told it.
fn cut_off(lab: &Lab) -> Result<String> {
    let mut child = lab
        .run_command(&[])?
        .process_group(0)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    let said = std::io::BufReader::new(child.stderr.take().context("no standard error")?);
    let mut named = None;
    for line in std::io::BufRead::lines(said) {
        let line = line?;
        if let Some((_, rest)) = line.split_once("--resume ") {
            named = rest.split('`').next().map(str::to_owned);
        }
        if line.starts_with("commit ") {
            break;
        }
    }
    let killed = std::process::Command::new("kill")
        .args(["-9", "--", &format!("-{}", child.id())])
        .status()?;
    ensure!(killed.success() && !child.wait()?.success(), "the run was over");
    let bars = lab.lines("SELECT count(*) FROM gold.bars").unwrap_or_default();
    ensure!(bars.is_empty() || bars == ["0"], "the kill came too late to show anything: {bars:?}");
    named.context("the run does not say how to go on with it")
}

#[test]
fn a_run_that_was_cut_off_is_gone_on_with() -> Result<()> {
    let Some(variables) = server() else { return Ok(()) };
    let world = World::new(&["spot:BTCUSDT,trades=200"], "2024-12-31", "2025-01-01")?;
    let exchange = world.start()?;
    let yaml = world.yaml(exchange.url());
    let directory = Lab::new(&yaml)?;
    directory.run_well()?;

    // by its name
    let lab = Lab::new(&yaml)?.on_store(BUCKET, variables.clone());
    let run = cut_off(&lab)?;

    let ended = lab.run(&["--resume", &run])?.expect_code(0)?;
    ensure!(!ended.stdout.contains("\"nothing_to_do\": true"), "{}", ended.stdout);
    assert_eq!(rows(&lab)?, rows(&directory)?);
    // once more changes nothing
    lab.run(&["--resume", &run])?.expect_code(0)?;
    assert_eq!(rows(&lab)?, rows(&directory)?);
    let unknown = lab.run(&["--resume", "20240101T000000Z-00000000"])?.expect_code(2)?;
    assert!(unknown.stdout.contains("has no plan to resume"), "{}", unknown.stdout);

    // by the next run, though there is nothing to fetch
    let lab = Lab::new(&yaml)?.on_store(BUCKET, variables.clone());
    let run = cut_off(&lab)?;
    let second = lab.run(&[])?.expect_code(0)?;
    assert!(second.stdout.contains("\"nothing_to_do\": false"), "{}", second.stdout);
    let told = format!("run {run} was committed without its bars");
    assert!(second.stderr.contains(&told), "{}", second.stderr);
    assert_eq!(rows(&lab)?, rows(&directory)?);
    assert_eq!(lab.run_well()?["nothing_to_do"], true);

    // with the next one that has something of its own, too
    let lab =
        Lab::new(&yaml.replace("to: 2025-01-01", "to: 2024-12-31"))?.on_store(BUCKET, variables);
    cut_off(&lab)?;
    lab.configure(&yaml)?;
    lab.run_well()?;
    assert_eq!(rows(&lab)?, rows(&directory)?);
    assert_eq!(lab.run_well()?["nothing_to_do"], true);
    Ok(())
}

/// Where nothing came no archive is of no use: a day's budget that is used up is a clean end, wherever the lake lies.
#[test]
fn a_run_that_received_nothing_ends_as_in_a_directory() -> Result<()> {
    let used_up = Limits { second: None, minute: None, day: Some(0) };
    let options = RestOptions {
        twelvedata: twelvedata::Habits { limits: used_up, ..twelvedata::Habits::default() },
        ..RestOptions::default()
    };
    let source = Rest::start(&options)?;
    let folder = tempfile::tempdir()?;
    let key = folder.path().join("key");
    std::fs::write(&key, "any")?;
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600))?;
    let yaml = format!(
        "environment: lab\nsources:\n  twelvedata:\n    url: {}\n    key: file:{}\n    markets:\n      stocks:\n        \
         symbols: [AAPL]\n        range: {{from: 2024-01-02, to: 2024-01-03}}\n        \
         datasets: {{klines: {{timeframes: [1d]}}}}\n",
        source.url(),
        key.display()
    );
    let well = |lab: Lab| -> Result<()> {
        let summary = lab.run_well()?;
        ensure!(summary["fetch"].as_u64() > Some(0), "nothing was to be fetched: {summary}");
        Ok(())
    };
    well(Lab::new(&yaml)?)?;
    let Some(variables) = server() else { return Ok(()) };
    well(Lab::new(&yaml)?.on_store(BUCKET, variables))
}

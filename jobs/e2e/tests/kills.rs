//! kill -9 at any moment, any stage; a network that fails at random; two runs at once. In the
//! end the tables are, file for file, those of an undisturbed run.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use e2e::lab::Lab;
use e2e::look::{self, Files};
use e2e::world::World;
use exchange::Handle;
use exchange::faults::{Fault, Rule};
use model::schema::Table;

/// Kills in an ordinary test run. `MARKET_LAKE_KILLS` asks for another number.
const KILLS: u32 = 30;
/// Kills that one lake suffers before it may finish.
const KILLS_A_LAKE: u32 = 10;

fn world() -> Result<World> {
    World::new(&["spot:BTCUSDT,trades=250", "usdm:ETHUSDT,trades=200"], "2024-12-31", "2025-01-01")
}

fn undisturbed(
    world: &World,
    exchange: &Handle,
) -> Result<(std::collections::BTreeMap<Table, Files>, Vec<String>, Duration)> {
    let lab = Lab::new(&world.yaml(exchange.url()))?;
    let start = Instant::now();
    lab.run_well()?;
    Ok((look::files(&lab.lake(), look::DERIVED)?, accounts(&lab)?, start.elapsed()))
}

/// What the operational tables must say however the lake came about.
fn accounts(lab: &Lab) -> Result<Vec<String>> {
    let mut lines = lab.lines(
        "SELECT DISTINCT group_id, inputs, rows_read, rows_silver, rows_rejected, rows_duplicate \
         FROM ops.builds ORDER BY 1, 2",
    )?;
    lines
        .extend(lab.lines("SELECT DISTINCT unit, status, sha256 FROM bronze.archives ORDER BY 1")?);
    lines.extend(lab.lines(
        "SELECT dataset, symbol, date, status, rows FROM ops.coverage ORDER BY 1, 2, 3, 4, 5",
    )?);
    Ok(lines)
}

/// Kills a whole process group, or one child of its leader.
fn kill(leader: &Child, whole: bool) -> Result<bool> {
    let pid = leader.id();
    let target = if whole {
        format!("-{pid}")
    } else {
        let path = format!("/proc/{pid}/task/{pid}/children");
        let children = std::fs::read_to_string(path).unwrap_or_default();
        match children.split_whitespace().next() {
            Some(child) => child.to_owned(),
            None => return Ok(false),
        }
    };
    let status = Command::new("kill").args(["-9", "--", &target]).stderr(Stdio::null()).status()?;
    Ok(status.success())
}

#[test]
fn killed_at_any_moment() -> Result<()> {
    #[expect(clippy::disallowed_methods, reason = "a test's own knob, registered in model::env")]
    let wanted = std::env::var(model::env::KILLS).ok().and_then(|n| n.parse().ok());
    let wanted: u32 = wanted.unwrap_or(KILLS);
    let world = world()?;
    let exchange = world.start()?;
    let (files, rows, length) = undisturbed(&world, &exchange)?;
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}; an undisturbed run takes {length:?}");
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut kills = 0;
    let mut by_stage = std::collections::BTreeMap::<String, u32>::new();
    while kills < wanted {
        let lab = Lab::new(&world.yaml(exchange.url()))?;
        for _ in 0..KILLS_A_LAKE.min(wanted - kills) {
            let mut child = lab
                .run_command(&[])?
                .process_group(0)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()?;
            sleep(length.mul_f64(chance.f64()));
            let stage = stage_of(&child);
            if kill(&child, chance.bool())? {
                kills += 1;
                *by_stage.entry(stage).or_default() += 1;
            }
            // the executor may outlive its child and report; either way nothing is left running
            if child.wait()?.success() {
                // the lake is done: what comes next would have nothing to do, and nothing to lose
                break;
            }
        }
        settle(&lab)?;
        ensure!(look::files(&lab.lake(), look::DERIVED)? == files, "files differ, seed {seed}");
        ensure!(accounts(&lab)? == rows, "accounts differ, seed {seed}");
    }
    eprintln!("{kills} kills, by what was at work: {by_stage:?}");
    Ok(())
}

/// The program that the executor runs now.
fn stage_of(leader: &Child) -> String {
    let pid = leader.id();
    std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))
        .ok()
        .and_then(|c| c.split_whitespace().next().map(str::to_owned))
        .and_then(|c| std::fs::read_to_string(format!("/proc/{c}/comm")).ok())
        .map_or_else(|| "xtask".to_owned(), |name| name.trim().to_owned())
}

/// Runs until a run ends well: the first may still meet what a kill left.
fn settle(lab: &Lab) -> Result<()> {
    let mut said = String::new();
    for _ in 0..5 {
        let ended = lab.run(&[])?;
        if ended.code == Some(0) {
            return Ok(());
        }
        said = format!("{:?}\n{}\n{}", ended.code, ended.stdout, ended.stderr);
    }
    anyhow::bail!("no run ends well: {said}")
}

#[test]
fn a_network_that_fails_at_random() -> Result<()> {
    let mut world = world()?;
    let exchange = world.start()?;
    let (files, rows, _) = undisturbed(&world, &exchange)?;
    world.limits = "{download: {attempts: 4, backoff_ms: 5, max_backoff_ms: 50, \
                    idle_timeout_seconds: 2}, run: {attempts: 2}}"
        .to_owned();
    exchange.set_faults(vec![
        Rule::always("**", Fault::Status { code: 503, retry_after: None }).likely(0.15),
        Rule::always("**", Fault::Status { code: 429, retry_after: Some(0) }).likely(0.05),
        Rule::always("**.zip", Fault::Cut { at: 700 }).likely(0.2),
        Rule::always("**.zip", Fault::Garble { at: 100, bytes: 8 }).likely(0.02),
        Rule::always("**", Fault::Slow { delay_ms: 30, bytes_per_second: None }).likely(0.1),
    ])?;
    let lab = Lab::new(&world.yaml(exchange.url()))?;
    let mut bad = 0;
    loop {
        let ended = lab.run(&[])?;
        match ended.code {
            Some(0) => break,
            // the source was unavailable: what came through is kept, the next run goes on
            Some(3) => bad += 1,
            code => anyhow::bail!("{code:?}\n{}\n{}", ended.stdout, ended.stderr),
        }
        ensure!(bad < 40, "never ends well");
    }
    // an archive that was garbled twice stands as a mismatch until it is asked for again
    exchange.clear_faults();
    lab.run(&["--retry-bad"])?.expect_code(0)?;
    ensure!(look::files(&lab.lake(), look::DERIVED)? == files);
    let all = accounts(&lab)?;
    ensure!(rows.iter().all(|r| all.contains(r)), "{rows:?}\n{all:?}");
    Ok(())
}

#[test]
fn two_runs_at_once() -> Result<()> {
    let world = world()?;
    let exchange = world.start()?;
    let (files, _, _) = undisturbed(&world, &exchange)?;
    for round in 0..3 {
        let lab = Lab::new(&world.yaml(exchange.url()))?;
        let children: Vec<Child> = (0..2)
            .map(|_| {
                let command = &mut lab.run_command(&[])?;
                let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
                command.spawn().context("cannot start a run")
            })
            .collect::<Result<_>>()?;
        for child in children {
            let output = child.wait_with_output()?;
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            match output.status.code() {
                Some(0) => {}
                Some(5) => ensure!(said.contains("another run"), "no clear message: {said}"),
                code => anyhow::bail!("round {round}: {code:?}\n{said}"),
            }
        }
        settle(&lab)?;
        ensure!(look::files(&lab.lake(), look::DERIVED)? == files, "round {round}: files differ");
        let doubled = lab.lines(
            "SELECT market, symbol, trade_id, count(*) FROM silver.trades GROUP BY 1, 2, 3 \
             HAVING count(*) > 1",
        )?;
        ensure!(doubled.is_empty(), "doubled rows: {doubled:?}");
    }
    Ok(())
}

//! kill -9 at any moment, any stage; a network that fails at random; two runs at once. In the
//! end the tables are, file for file, those of an undisturbed run.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use e2e::lab::Lab;
use e2e::look::{self, Files};
use e2e::world::World;
use exchange::Handle;
use exchange::faults::{Fault, Rule};
use model::schema::Table;

/// Kills in an ordinary test run. `MARKET_LAKE_KILLS` asks for another number.
const KILLS: u32 = 30;
/// The most kills that one lake suffers before it may finish. Few leave most to what comes after
/// the last one, many pile up.
const KILLS_A_LAKE: u32 = 10;

/// Days that are long enough for a kill to hit the middle of an archive, in several batches.
fn world() -> Result<World> {
    let symbols = ["spot:BTCUSDT,trades=3000", "usdm:ETHUSDT,trades=2000"];
    let mut world = World::new(&symbols, "2024-12-31", "2025-01-01")?;
    world.limits = world.limits.replacen('{', "{batch: {units: 7}, ", 1);
    Ok(world)
}

/// What an undisturbed run comes to.
struct Undisturbed {
    /// The live files, by table.
    files: BTreeMap<Table, Files>,
    /// What the operational tables say.
    rows: Vec<String>,
    /// How long the processes of a stage live.
    lengths: BTreeMap<String, Duration>,
}

fn undisturbed(world: &World, exchange: &Handle) -> Result<Undisturbed> {
    let lab = Lab::new(&world.yaml(exchange.url()))?;
    let summary = lab.run_well()?;
    let run = summary["run"].as_str().context("no run in the summary")?.parse()?;
    let batches = lab.lake().join(model::layout::batch(&run, 1));
    let batches = batches.parent().context("a folder of batches")?.read_dir()?.count() as f64;
    let mut lengths = BTreeMap::new();
    for (stage, seconds) in summary["stages"].as_object().context("no stages in the summary")? {
        let processes = match stage.as_str() {
            "bronze" | "silver" => batches,
            "commit" => 2.0,
            _ => 1.0,
        };
        let seconds = seconds.as_f64().context("no seconds")?;
        lengths.insert(stage.clone(), Duration::from_secs_f64(seconds / processes));
    }
    Ok(Undisturbed {
        files: look::files(&lab.lake(), look::DERIVED)?,
        rows: accounts(&lab)?,
        lengths,
    })
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

/// Names the lines that only one of two lakes' accounts has.
fn same_accounts(found: &[String], expected: &[String]) -> Result<()> {
    let only = |a: &[String], b: &[String]| -> Vec<String> {
        a.iter().filter(|line| !b.contains(line)).cloned().collect()
    };
    ensure!(
        found == expected,
        "accounts differ: {:#?} instead of {:#?}",
        only(found, expected),
        only(expected, found)
    );
    Ok(())
}

/// The programs that a kill is aimed at. Stages differ in length a hundredfold: a moment drawn
/// from the whole run would hardly ever hit the short ones.
const STAGES: &[&str] = &["plan", "bronze", "silver", "commit", "gold", "check"];

/// The children of the executor: process id and program.
fn children(leader: &Child) -> Vec<(String, String)> {
    let pid = leader.id();
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    // every thread of the executor may have started some
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let mut pids = children.unwrap_or_default();
    for thread in threads {
        let more = std::fs::read_to_string(thread.path().join("children"));
        pids.push(' ');
        pids.push_str(&more.unwrap_or_default());
    }
    let mut found: Vec<(String, String)> = pids
        .split_whitespace()
        .filter_map(|pid| {
            let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
            Some((pid.to_owned(), name.trim().to_owned()))
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

/// Waits until the executor runs `stage`, and a part of the stage's time more; then kills the
/// whole process group, or the stage alone. What was killed; `None` when the run ended first.
fn kill(
    leader: &mut Child,
    stage: &str,
    wait: Duration,
    whole: bool,
) -> Result<Option<&'static str>> {
    let pid = loop {
        if let Some((pid, _)) = children(leader).into_iter().find(|(_, name)| name == stage) {
            break pid;
        }
        if leader.try_wait()?.is_some() {
            return Ok(None);
        }
        sleep(Duration::from_micros(200));
    };
    sleep(wait);
    // the stage may be over: then whatever runs now is hit, if the group is
    let alive = children(leader).into_iter().any(|(at, _)| at == pid);
    if leader.try_wait()?.is_some() || !(whole || alive) {
        return Ok(None);
    }
    let target = if whole { format!("-{}", leader.id()) } else { pid };
    let status = Command::new("kill").args(["-9", "--", &target]).stderr(Stdio::null()).status()?;
    let hit = STAGES.iter().find(|name| alive && **name == stage).copied();
    Ok(status.success().then(|| hit.unwrap_or("between stages")))
}

#[test]
fn killed_at_any_moment() -> Result<()> {
    #[expect(clippy::disallowed_methods, reason = "a test's own knob, registered in model::env")]
    let wanted = std::env::var(model::env::KILLS).ok().and_then(|n| n.parse().ok());
    let wanted: u32 = wanted.unwrap_or(KILLS);
    let world = world()?;
    let exchange = world.start()?;
    let Undisturbed { files, rows, lengths } = undisturbed(&world, &exchange)?;
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}; the stages take {lengths:?}");
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut kills = 0;
    let mut by_stage = BTreeMap::<&str, u32>::new();
    let mut lakes = 0;
    while kills < wanted {
        // each lake takes a kill at least, as a rule
        lakes += 1;
        ensure!(
            lakes <= 4 * wanted,
            "{kills} kills in {lakes} lakes: are processes listed in /proc?"
        );
        let lab = Lab::new(&world.yaml(exchange.url()))?;
        for _ in 0..chance.u32(1..=KILLS_A_LAKE).min(wanted - kills) {
            let mut child = lab
                .run_command(&[])?
                .process_group(0)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()?;
            let stage = STAGES[chance.usize(..STAGES.len())];
            let wait = lengths[stage].mul_f64(chance.f64());
            if let Some(hit) = kill(&mut child, stage, wait, chance.bool())? {
                kills += 1;
                *by_stage.entry(hit).or_default() += 1;
            }
            // the executor may outlive its child and report; either way nothing is left running
            if child.wait()?.success() {
                // the lake is done: what comes next would have nothing to do, and nothing to lose
                break;
            }
        }
        settle(&lab)?;
        let found = look::files(&lab.lake(), look::DERIVED)?;
        if found != files {
            let differences = look::differences(&found, &files);
            bail!("seed {seed}: expected other files\n{differences}\n{}", lab.keep().display());
        }
        same_accounts(&accounts(&lab)?, &rows).with_context(|| format!("seed {seed}"))?;
    }
    eprintln!("{kills} kills, by what was at work: {by_stage:?}");
    Ok(())
}

/// A process that was killed may take its time to die, and holds its run until then: the run is
/// finished all the same by who comes next.
#[test]
fn a_run_is_finished_whose_killed_processes_are_slow_to_end() -> Result<()> {
    let world = World::new(&["spot:BTCUSDT,trades=200"], "2024-12-31", "2025-01-01")?;
    let exchange = world.start()?;
    let Undisturbed { files, rows, .. } = undisturbed(&world, &exchange)?;
    let lab = Lab::new(&world.yaml(exchange.url()))?;
    let mut child = lab.run_command(&[])?.process_group(0).stderr(Stdio::null()).spawn()?;
    let hit = kill(&mut child, "gold", Duration::ZERO, true)?;
    child.wait()?;
    ensure!(hit == Some("gold"), "killed {hit:?}");
    let runs = lab.lake().join(model::layout::RUNS);
    let mut runs = runs.read_dir()?.flatten().map(|entry| entry.path());
    let run = runs.find(|folder| folder.join("plan.json").is_file()).context("no run")?;
    let lock = File::open(run.join("lock"))?;
    // the killed may hold it for a moment themselves
    lock.lock()?;
    let dying = std::thread::spawn(move || {
        sleep(Duration::from_millis(700));
        drop(lock);
    });
    lab.run_well()?;
    ensure!(run.join("summary.json").is_file(), "the run was left half done");
    ensure!(look::files(&lab.lake(), look::DERIVED)? == files);
    same_accounts(&accounts(&lab)?, &rows)?;
    dying.join().map_err(|_| anyhow::anyhow!("the thread panicked"))
}

/// What gold cannot build keeps back neither the bars of others nor new data, is told by every
/// run, and is there as soon as its cause has gone.
#[test]
fn a_symbol_whose_bars_cannot_be_built_holds_up_nothing_else() -> Result<()> {
    let symbols = ["spot:BTCUSDT,trades=200", "spot:ETHUSDT,trades=200"];
    let world = World::new(&symbols, "2024-12-31", "2025-01-01")?;
    let exchange = world.start()?;
    let Undisturbed { files, .. } = undisturbed(&world, &exchange)?;

    // silver is committed, and a file of it is damaged before gold has read it
    let yaml = world.yaml(exchange.url());
    let lab = Lab::new(&yaml.replace("to: 2025-01-01", "to: 2024-12-31"))?;
    let mut child = lab.run_command(&[])?.process_group(0).stderr(Stdio::null()).spawn()?;
    let hit = kill(&mut child, "gold", Duration::ZERO, true)?;
    child.wait()?;
    ensure!(hit == Some("gold"), "killed {hit:?}");
    let path = look::files(&lab.lake(), &[Table::Trades])?[&Table::Trades]
        .keys()
        .find(|path| path.contains("symbol=ETHUSDT"))
        .context("no trades of ETHUSDT")?
        .clone();
    let file = lab.lake().join(model::layout::table(Table::Trades)).join(path);
    let whole = std::fs::read(&file)?;
    std::fs::write(&file, &whole[..whole.len() / 2])?;

    let bars = "SELECT DISTINCT symbol, date FROM gold.daily ORDER BY 1, 2";
    let ended = lab.run(&[])?.expect_code(1)?;
    let name = file.file_name().and_then(|name| name.to_str()).context("a name")?;
    ensure!(ended.stdout.contains(name), "does not name {name}: {}", ended.stdout);
    ensure!(ended.stdout.contains("binance/spot/ETHUSDT"), "{}", ended.stdout);
    assert_eq!(lab.lines(bars)?, ["BTCUSDT 2024-12-31"]);

    // a day more
    lab.configure(&yaml)?;
    lab.run(&[])?.expect_code(1)?;
    assert_eq!(lab.lines(bars)?, ["BTCUSDT 2024-12-31", "BTCUSDT 2025-01-01"]);
    assert_eq!(
        lab.lines(
            "SELECT count(DISTINCT symbol) FROM silver.trades WHERE date = DATE '2025-01-01'"
        )?,
        ["2"]
    );
    lab.run(&[])?.expect_code(1)?;

    std::fs::write(&file, whole)?;
    lab.run_well()?;
    ensure!(look::files(&lab.lake(), look::DERIVED)? == files);
    assert_eq!(lab.run_well()?["nothing_to_do"], true);
    Ok(())
}

/// A call with `--retry-bad` is another kind of run: it neither trips over one that was cut off
/// without, nor is it forgotten when it is cut off itself.
#[test]
fn runs_with_and_without_retry_bad_take_up_their_own() -> Result<()> {
    let world = World::new(&["spot:BTCUSDT,trades=200"], "2024-12-31", "2025-01-01")?;
    let exchange = world.start()?;
    for (cut_off, then, taken_up) in [
        (&[][..], &["--retry-bad"][..], false),
        (&["--retry-bad"][..], &["--retry-bad"][..], true),
        (&["--retry-bad"][..], &[][..], false),
    ] {
        let lab = Lab::new(&world.yaml(exchange.url()))?;
        let mut child = lab.run_command(cut_off)?.process_group(0).stderr(Stdio::null()).spawn()?;
        let hit = kill(&mut child, "bronze", Duration::ZERO, true)?;
        child.wait()?;
        ensure!(hit == Some("bronze"), "killed {hit:?}");
        let ended = lab.run(then)?.expect_code(0)?;
        let said = format!("{cut_off:?} then {then:?}: {}{}", ended.stdout, ended.stderr);
        assert_eq!(ended.stderr.contains("taking up run"), taken_up, "{said}");
        assert_eq!(lab.lines("SELECT count(*) FROM gold.daily")?, ["2"], "{said}");
    }
    Ok(())
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
    bail!("no run ends well: {said}")
}

#[test]
fn a_network_that_fails_at_random() -> Result<()> {
    let mut world = world()?;
    let exchange = world.start()?;
    let Undisturbed { files, rows, .. } = undisturbed(&world, &exchange)?;
    world.limits =
        "{batch: {units: 7}, download: {attempts: 4, backoff_ms: 5, max_backoff_ms: 50, \
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
            code => bail!("{code:?}\n{}\n{}", ended.stdout, ended.stderr),
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
    let Undisturbed { files, .. } = undisturbed(&world, &exchange)?;
    for round in 0..3 {
        let lab = Lab::new(&world.yaml(exchange.url()))?;
        let runs: Vec<Child> = (0..2)
            .map(|_| {
                let command = &mut lab.run_command(&[])?;
                let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
                command.spawn().context("cannot start a run")
            })
            .collect::<Result<_>>()?;
        for child in runs {
            let output = child.wait_with_output()?;
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            match output.status.code() {
                Some(0) => {}
                Some(5) => ensure!(said.contains("another run"), "no clear message: {said}"),
                code => bail!("round {round}: {code:?}\n{said}"),
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

//! Random damages of files at rest: cut, emptied, deleted, bits flipped, replaced by a folder or a
//! link, in logs, data, archives, the ledger's extract and the documents of runs. Each is noticed
//! by the next run or by `maintain --deep`, or harmless; none spreads into gold; maintenance
//! deletes nothing that is live; and `rebuild` gives back the same bytes.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use e2e::lab::{Ended, Lab};
use e2e::look::{self, Files};
use e2e::world::World;
use fastrand::Rng;
use model::layout;
use model::schema::Table;

/// Damages in an ordinary test run. `MARKET_LAKE_DAMAGES` asks for another number.
const DAMAGES: u32 = 6;

/// How a file is damaged.
#[derive(Debug, Clone, Copy)]
enum How {
    Cut,
    Emptied,
    Deleted,
    Flipped,
    Folder,
    Link,
}

const HOW: [How; 6] =
    [How::Cut, How::Emptied, How::Deleted, How::Flipped, How::Flipped, How::Folder];

impl How {
    fn apply(self, path: &Path, rng: &mut Rng) -> Result<()> {
        let bytes = std::fs::read(path)?;
        match self {
            Self::Cut => std::fs::write(path, &bytes[..rng.usize(..bytes.len().max(1))])?,
            Self::Emptied => std::fs::write(path, "")?,
            Self::Deleted => std::fs::remove_file(path)?,
            Self::Flipped => {
                let mut bytes = bytes;
                let at = rng.usize(..bytes.len().max(1));
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << rng.u8(..8);
                }
                std::fs::write(path, bytes)?;
            }
            Self::Folder => {
                std::fs::remove_file(path)?;
                std::fs::create_dir(path)?;
            }
            Self::Link => {
                std::fs::remove_file(path)?;
                std::os::unix::fs::symlink("/nowhere/at/all", path)?;
            }
        }
        Ok(())
    }
}

/// What came of one damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Came {
    NoticedByTheRun,
    NoticedByDeep,
    Harmless,
}

struct Template {
    lab: Lab,
    world: World,
    exchange: exchange::Handle,
    files: BTreeMap<Table, Files>,
    targets: Vec<String>,
}

fn template() -> Result<Template> {
    let world = World::new(&["spot:BTCUSDT,trades=60"], "2024-12-31", "2025-01-01")?;
    let exchange = world.start()?;
    let lab = Lab::new(&world.yaml(exchange.url()))?;
    lab.run_well()?;
    let files = look::files(&lab.lake(), look::DERIVED)?;
    let mut targets = Vec::new();
    list(&lab.lake(), &lab.lake(), &mut targets)?;
    targets.sort();
    Ok(Template { lab, world, exchange, files, targets })
}

/// The files of a lake that hold something, as keys.
fn list(lake: &Path, folder: &Path, keys: &mut Vec<String>) -> Result<()> {
    for entry in folder.read_dir()? {
        let path = entry?.path();
        if path.is_dir() {
            list(lake, &path, keys)?;
        } else if path.metadata()?.len() > 0 {
            keys.push(path.strip_prefix(lake)?.display().to_string());
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in from.read_dir()? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

/// The parts of a lake that are hit equally often, whatever the number of their files.
fn part(key: &str) -> &str {
    if key.contains("/_delta_log/") || key.ends_with("/_head.json") {
        return "log";
    }
    key.split('/').next().unwrap_or_default()
}

/// What was said of what is damaged: the tables to make anew.
fn advised(deep: &Ended) -> Vec<String> {
    let mut tables: Vec<String> = deep
        .stdout
        .split("rebuild --table ")
        .skip(1)
        .filter_map(|rest| rest.split([' ', '"', ',']).next().map(str::to_owned))
        .collect();
    tables.sort();
    tables.dedup();
    tables
}

fn one(template: &Template, rng: &mut Rng) -> Result<(Came, String)> {
    let parts: Vec<&str> = ["log", "bronze", "silver", "gold", "ops", "runs"].into();
    let wanted = parts[rng.usize(..parts.len())];
    let of_part: Vec<&String> = template.targets.iter().filter(|key| part(key) == wanted).collect();
    let key = of_part[rng.usize(..of_part.len())];
    let how = if rng.u8(..7) == 0 { How::Link } else { HOW[rng.usize(..HOW.len())] };
    let name = format!("{how:?} {key}");
    let lab = Lab::new(&template.world.yaml(template.exchange.url()))?;
    copy(&template.lab.lake(), &lab.lake())?;
    how.apply(&lab.lake().join(key), rng)?;
    let came = judge(template, &lab, key).with_context(|| name.clone())?;
    Ok((came, name))
}

fn judge(template: &Template, lab: &Lab, key: &str) -> Result<Came> {
    let deep = lab.job("xtask", &["maintain", "--no-build", "--deep", "--json"])?;
    ensure!(matches!(deep.code, Some(0 | 4)), "deep ends with {:?}: {}", deep.code, deep.stderr);
    let run = lab.run(&[])?;
    let maintain = lab.job("xtask", &["maintain", "--no-build", "--yes"])?;
    ensure!(maintain.code != Some(101) && run.code != Some(101), "a panic: {}", maintain.stderr);
    // nothing that is live has gone, but for what was damaged
    for (table, files) in &template.files {
        for path in files.keys() {
            let file = format!("{}/{path}", layout::table(*table));
            let is_there = lab.lake().join(&file).symlink_metadata().is_ok();
            ensure!(is_there || file == key, "`{file}` has gone");
        }
    }
    // what can be read of gold is what it was
    for table in [Table::Bars, Table::Daily] {
        if let Ok(found) = look::files(&lab.lake(), &[table]) {
            for (path, sha256) in &found[&table] {
                let file = format!("{}/{path}", layout::table(table));
                let same = template.files[&table].get(path) == Some(sha256);
                ensure!(same || file == key, "`{file}` is another: the damage has spread");
            }
        }
    }
    let came = match (run.code, deep.code) {
        (Some(0), Some(4)) => Came::NoticedByDeep,
        (Some(0), _) => Came::Harmless,
        _ => Came::NoticedByTheRun,
    };
    if came == Came::Harmless {
        let files = look::files(&lab.lake(), look::DERIVED)?;
        ensure!(
            files == template.files,
            "not harmless:\n{}",
            look::differences(&files, &template.files)
        );
        return Ok(came);
    }
    // what was said is typed
    let tables = advised(&deep);
    let mut args = vec!["rebuild", "--no-build", "--yes"];
    args.extend(tables.iter().flat_map(|table| ["--table", table.as_str()]));
    let rebuilt = lab.job("xtask", &args)?;
    let again = lab.run(&["--retry-bad"])?;
    let said =
        || format!("{}\n{}\n{}\n{}", rebuilt.stdout, rebuilt.stderr, again.stdout, again.stderr);
    let files = look::files(&lab.lake(), look::DERIVED).with_context(said)?;
    ensure!(
        files == template.files,
        "rebuild of {tables:?} does not give back the same:\n{}\n{}",
        look::differences(&files, &template.files),
        said()
    );
    Ok(came)
}

#[test]
fn damages_are_noticed_or_harmless_and_made_good() -> Result<()> {
    #[expect(clippy::disallowed_methods, reason = "a test's own knob, registered in model::env")]
    let count = std::env::var(model::env::DAMAGES).ok().and_then(|n| n.parse().ok());
    let count: u32 = count.unwrap_or(DAMAGES);
    let template = template()?;
    let mut came: BTreeMap<Came, u32> = BTreeMap::new();
    let mut failed: Vec<String> = Vec::new();
    for n in 0..count {
        let mut rng = Rng::with_seed(u64::from(n) * 7919 + 20_241_231);
        match one(&template, &mut rng) {
            Ok((what, name)) => {
                eprintln!("{n}: {what:?}: {name}");
                *came.entry(what).or_default() += 1;
            }
            Err(error) => {
                eprintln!("{n}: FAILED: {error:#}");
                failed.push(format!("{n}: {error:#}"));
            }
        }
    }
    eprintln!("{count} damages: {came:?}, {} failed", failed.len());
    ensure!(failed.is_empty(), "{} of {count} failed:\n{}", failed.len(), failed.join("\n\n"));
    Ok(())
}

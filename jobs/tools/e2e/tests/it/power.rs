//! The power goes at any moment of a run. Whatever the disk then holds, the same run again ends
//! in the same tables, file for file, and what was acknowledged is there before.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use e2e::look::{self, Files};
use e2e::power::Recorder;
use e2e::world::World;
use model::schema::Table;
use model::{RunId, layout, unit};
use stage::{Clock, Context, Meter};
use store::Lake;
use store::disk::Watch;
use table::Tables;

use crate::stages;

/// Cuts in an ordinary test run. `MARKET_LAKE_CUTS` asks for another number.
const CUTS: usize = 12;

/// What all stages of a run need.
struct Job {
    yaml: String,
    run: RunId,
}

impl Job {
    fn context(&self, lake: &Path, watch: Option<&Arc<Recorder>>) -> Result<Context> {
        let uri = lake.to_str().context("path")?;
        let lake = match watch {
            Some(watch) => {
                let watch: Arc<dyn Watch> = Arc::<Recorder>::clone(watch);
                Lake::open_watched(uri, watch)?
            }
            None => Lake::open(uri, None)?,
        };
        Ok(Context {
            lake,
            config: Arc::new(source::Providers::ALL.read("lake.yaml", &self.yaml)?),
            config_sha256: unit::sha256_hex(self.yaml.as_bytes()),
            providers: source::Providers::ALL,
            run: self.run.clone(),
            clock: Clock::System,
            meter: Meter::new("power", false),
        })
    }

    async fn run(
        &self,
        lake: &Path,
        watch: Option<&Arc<Recorder>>,
        done: impl AsyncFnMut(&'static str) -> Result<()>,
    ) -> Result<()> {
        stages::run(|| self.context(lake, watch), done).await
    }
}

/// The versions that the tables are at.
async fn versions(lake: &Path) -> Result<BTreeMap<Table, u64>> {
    let tables = Tables::open(&Lake::open(lake.to_str().context("path")?, None)?);
    let mut versions = BTreeMap::new();
    for table in Table::ALL {
        if let Some(version) = tables.version(*table).await? {
            versions.insert(*table, version);
        }
    }
    Ok(versions)
}

/// What is there before anybody mends anything: every version that was acknowledged, with its
/// live files.
async fn holds(lake: &Path, acknowledged: &BTreeMap<Table, u64>) -> Result<()> {
    let opened = Lake::open(lake.to_str().context("path")?, None)?;
    let tables = Tables::open(&opened);
    for (table, version) in acknowledged {
        let found = tables.snapshot(*table).await?.with_context(|| format!("{table} is gone"))?;
        ensure!(found.version() >= *version, "{table} is at {}", found.version());
        for file in found.iter() {
            let key = format!("{}/{}", layout::table(*table), file.path);
            let entry = opened.head(&key).await?.with_context(|| format!("{key} is gone"))?;
            ensure!(entry.bytes == file.bytes, "{key} has {} bytes", entry.bytes);
        }
    }
    Ok(())
}

fn files(lake: &Path) -> Result<BTreeMap<Table, Files>> {
    look::files(lake, look::DERIVED)
}

#[test]
fn after_a_power_cut_the_same_run_ends_in_the_same_tables() -> Result<()> {
    #[expect(clippy::disallowed_methods, reason = "a test's own knobs, registered in model::env")]
    let wanted = std::env::var(model::env::CUTS).ok().and_then(|n| n.parse().ok());
    let wanted: usize = wanted.unwrap_or(CUTS);
    let world = World::new(&["spot:BTCUSDT,trades=60"], "2024-12-31", "2025-01-01")?;
    let exchange = world.start()?;
    let yaml = world.yaml_of(exchange.url(), "trades: {}, klines: {timeframes: [1h]}");
    let job = Job { yaml, run: "20250102T030405Z-0a1b2c3d".parse()? };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;

    // an undisturbed run, written down; what was acknowledged at which moment
    let whole = tempfile::tempdir()?;
    let recorder = Recorder::new(whole.path())?;
    let mut acknowledged = vec![("nothing", 0, BTreeMap::new())];
    runtime.block_on(job.run(whole.path(), Some(&recorder), async |stage| {
        let moment = recorder.moments();
        acknowledged.push((stage, moment, versions(whole.path()).await?));
        Ok(())
    }))?;
    recorder.check_whole()?;
    let expected = files(whole.path())?;
    ensure!(expected[&Table::Trades].len() == 2 && expected[&Table::Bars].len() > 1);

    let begun = std::time::Instant::now();
    let (mut damaged, mut lost) = (0, 0);
    for cut in 0..wanted {
        let mut chance = fastrand::Rng::with_seed(cut as u64);
        // spread evenly, the last one after the end
        let span = recorder.moments().div_ceil(wanted.max(1)).max(1);
        let moment = (recorder.moments() * (cut + 1) / wanted)
            .saturating_sub(if cut + 1 == wanted { 0 } else { chance.usize(..span) });
        let (stage, _, versions) =
            acknowledged.iter().rfind(|(_, from, _)| *from <= moment).context("a moment")?;
        let at = || format!("cut {cut}, at step {moment}, after {stage}");
        let lake = tempfile::tempdir()?;
        let (bytes, names) = recorder.crash(moment, &mut chance, lake.path())?;
        damaged += bytes;
        lost += names;
        runtime.block_on(holds(lake.path(), versions)).with_context(at)?;
        runtime.block_on(job.run(lake.path(), None, async |_| Ok(()))).with_context(at)?;
        let differences = look::differences(&files(lake.path())?, &expected);
        ensure!(differences.is_empty(), "{}:\n{differences}", at());
    }
    let (of_files, of_folders) = recorder.syncs();
    eprintln!(
        "the run syncs {of_files} files and {of_folders} folders; {wanted} cuts among {} steps in {:.1} s: {lost} changes of names were lost, {damaged} files \
         damaged",
        recorder.moments(),
        begun.elapsed().as_secs_f64()
    );
    ensure!(damaged == 0, "{damaged} files had a name on the disk before their bytes");
    Ok(())
}

//! Single archives without a lake or a plan: to look at one, and to measure. The same code
//! reads, deduplicates and writes them.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use model::fragment::SilverFragment;
use model::partition::{self, Grain};
use model::plan::{Group, Origin, PlannedUnit};
use model::schema::Table;
use model::{Dataset, Market, Period, RawArchive, Unit};
use source::Provider;
use stage::{Clock, Meter};
use store::{Lake, sum};
use tokio::runtime::Handle;

use crate::batch::check_units;
use crate::group::{Input, Limits, build};
use crate::publish::publish;
use crate::workers;

/// What to read and how.
#[derive(Debug, Clone)]
pub struct Files {
    /// Whose they are.
    pub provider: &'static dyn Provider,
    /// The market they are of.
    pub market: Market,
    /// What they hold.
    pub dataset: Dataset,
    /// By which clock they are written, of a source whose files do not tell: a rule as in `clock` of
    /// `lake.yaml`.
    pub clock: Option<String>,
    /// The zips, under the exchange's names.
    pub zips: Vec<PathBuf>,
    /// Groups at once; 0 means one a core.
    pub workers: u32,
    /// MiB of rows that all workers together may hold.
    pub memory_mib: u64,
}

/// A unit, how it is read, and the zip that has its lines.
type Found = (Unit, Option<String>, PathBuf);

/// The units that an archive's name says: `BTCUSDT-trades-2024-01.zip`.
///
/// # Errors
/// When it is no name of such an archive, or a clock is wrong or missing.
fn units_of(files: &Files, zip: &Path) -> anyhow::Result<Vec<Found>> {
    let name = zip.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Files { provider, market, dataset, clock, .. } = files;
    let units = provider.units_of(*market, *dataset, name, clock.as_deref());
    let units =
        units.map_err(anyhow::Error::msg).with_context(|| format!("`{}`", zip.display()))?;
    ensure!(
        !units.is_empty(),
        "`{}` is no archive of {}'s {dataset} of market {market}, expected a name as the source gives it",
        zip.display(),
        provider.name(),
    );
    Ok(units.into_iter().map(|(unit, reading)| (unit, reading, zip.to_owned())).collect())
}

/// Reads archives into Parquet files in `lake`. One fragment for each group: archives whose
/// rows belong into one partition make one group.
///
/// # Errors
/// When a zip cannot be read as a file, or the lake cannot be written.
pub fn run(
    runtime: &Handle,
    lake: &Lake,
    clock: &Clock,
    meter: &Meter,
    files: &Files,
) -> anyhow::Result<Vec<SilverFragment>> {
    let mut units = Vec::with_capacity(files.zips.len());
    for zip in &files.zips {
        units.extend(units_of(files, zip)?);
    }
    units.sort();
    if let Some((one, other)) = units.iter().zip(units.iter().skip(1)).find(|(a, b)| a.0 == b.0) {
        let name = files.provider.file_name(&one.0);
        if one.2 == other.2 {
            bail!("`{name}` is given twice, expected each archive once");
        }
        let (one, other) = (one.2.display(), other.2.display());
        bail!("`{one}` and `{other}` both have what `{name}` has, expected one of them");
    }
    let groups = group(units);
    let workers = workers::count(files.workers, groups.len());
    let limits = Limits::new(files.memory_mib, workers);
    meter.total(groups.len() as u64);
    let done = workers::each(&groups, workers, |(group, zips)| -> anyhow::Result<_> {
        check_units(group)?;
        let now = clock.now();
        let mut inputs = Vec::with_capacity(zips.len());
        for (planned, zip) in group.units.iter().zip(zips) {
            let sum = File::open(zip)
                .and_then(|mut file| sum::of(&mut file, true))
                .with_context(|| format!("cannot read the archive `{}`", zip.display()))?;
            let archive = RawArchive {
                object: zip.display().to_string(),
                sha256: sum.sha256.unwrap_or_default(),
                bytes: sum.bytes,
                fetched_at: now,
            };
            inputs.push(Input {
                unit: planned.unit.clone(),
                archive,
                path: zip.clone(),
                _copy: None,
            });
        }
        let built = build(lake, files.provider, group, &inputs, &limits, meter)?;
        let fragment = publish(runtime, group, &inputs, built, now)?;
        meter.done(1);
        Ok(fragment)
    });
    groups
        .iter()
        .zip(done)
        .map(|((group, _), done)| {
            done.with_context(|| format!("the worker of group `{}` panicked", group.id))?
        })
        .collect()
}

/// Puts archives that share partitions together: those of one day, or of one month where the
/// table is cut by months or a monthly archive is among them.
fn group(units: Vec<Found>) -> Vec<(Group, Vec<PathBuf>)> {
    let by_month: Vec<(String, model::Month)> = units
        .iter()
        .filter(|(unit, ..)| {
            let grain = Grain::of(Table::of_dataset(unit.dataset));
            matches!(unit.period, Period::Month(_)) || grain == Grain::Months
        })
        .map(|(unit, ..)| (unit.series(), unit.period.month()))
        .collect();
    let mut groups: BTreeMap<String, (Group, Vec<PathBuf>)> = BTreeMap::new();
    for (unit, reading, zip) in units {
        let month = unit.period.month();
        let period = if by_month.contains(&(unit.series(), month)) {
            Period::Month(month)
        } else {
            unit.period
        };
        let table = Table::of_dataset(unit.dataset);
        let whole = Unit { period, ..unit.clone() };
        let (group, zips) = groups.entry(whole.to_string()).or_insert_with(|| {
            let partitions = partition::spanned(&whole);
            let id = whole.to_string();
            (
                Group {
                    id,
                    table,
                    partitions,
                    units: Vec::new(),
                    reading,
                    prices: None,
                    tails: Vec::new(),
                },
                Vec::new(),
            )
        });
        // where the bytes lie is told beside the group; nothing here reads it from the plan
        let archive = Origin::Held(RawArchive {
            object: zip.display().to_string(),
            sha256: String::new(),
            bytes: 0,
            fetched_at: chrono::DateTime::UNIX_EPOCH,
        });
        group.units.push(PlannedUnit { unit, archive, keeps: false, before: None });
        zips.push(zip);
    }
    groups.into_values().collect()
}

//! The groups of a batch: where the bytes of each unit lie, what is done already, several
//! groups at once, a fragment for each.

use model::exit::Exit;
use model::fragment::{BronzeFragment, RowCounts, SilverFragment};
use model::metrics::Metric;
use model::plan::{Group, Origin, ROW_GROUP_ROWS};
use model::schema::Table;
use model::{RawArchive, Unit, UnitId, layout};
use source::Provider;
use stage::{Context, Failure};
use store::{Lake, StoreError};
use tokio::runtime::Handle;

use crate::error::SilverError;
use crate::group::{Built, Input, Limits, build};
use crate::publish::publish;
use crate::restate::{self, Compared};
use crate::sheet;
use crate::tails;
use crate::versions::{Means, Version};
use crate::workers;

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Groups built now.
    pub built: u64,
    /// Groups that this run had built already.
    pub kept: u64,
    /// Groups left out: bronze got none of their archives.
    pub left_out: u64,
    /// Units left out of the groups built, because their archives are corrupt.
    pub corrupt: u64,
    /// Data files written, those of rejects and restatements included.
    pub files: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Rows of the groups built now.
    pub counts: RowCounts,
}

/// What became of one group.
#[derive(Debug)]
enum Done {
    Built(Box<SilverFragment>),
    Kept,
    LeftOut,
}

/// Builds the groups of batch `number` of the context's run. `workers` as in the
/// configuration, or instead of it.
///
/// A group that fails does not stop the others; the first failure is told at the end.
///
/// # Errors
/// A [`Failure`] when the batch cannot be read or a group fails.
pub async fn run(context: &Context, number: u32, workers: Option<u32>) -> Result<Summary, Failure> {
    let batch = context.lake.batch(&context.run, number).await?;
    for planned in batch.groups.iter().flat_map(|group| &group.units) {
        let provider = context.providers.of(planned.unit.source);
        provider.map_err(|error| Failure::new(Exit::Usage, error))?;
    }
    let runtime = Handle::current();
    let context = context.clone();
    // plain threads do the work; this keeps them off the runtime's own
    tokio::task::spawn_blocking(move || {
        let silver = &context.config.limits.silver;
        let workers = workers::count(workers.unwrap_or(silver.workers), batch.groups.len());
        if silver.row_group_rows != ROW_GROUP_ROWS {
            tracing::warn!(
                "limits.silver.row_group_rows has no effect: row groups have {ROW_GROUP_ROWS} rows; \
                 remove it from the configuration"
            );
        }
        let limits = Limits::new(silver.memory_mib, workers);
        context.meter.total(batch.groups.len() as u64);
        let done = workers::each(&batch.groups, workers, |group| {
            // a bug is reported with the group it was met in
            let _at = stage::at_work(&group.id);
            context.meter.at(&group.id);
            let done = one(&context, &runtime, &limits, group);
            context.meter.done(1);
            done
        });
        let summary = summarise(&batch.groups, done)?;
        context.meter.figure(Metric::Rejects, summary.counts.rejected as f64);
        context.meter.figure(Metric::Partitions, summary.built as f64);
        Ok(summary)
    })
    .await?
}

fn summarise(
    groups: &[Group],
    done: Vec<Option<Result<Done, SilverError>>>,
) -> Result<Summary, Failure> {
    let mut summary = Summary::default();
    let mut failed = Vec::new();
    for (group, done) in groups.iter().zip(done) {
        let done = done.unwrap_or_else(|| Err(SilverError::Panicked { group: group.id.clone() }));
        match done {
            Ok(Done::Kept) => summary.kept += 1,
            Ok(Done::LeftOut) => summary.left_out += 1,
            Ok(Done::Built(fragment)) => {
                summary.built += 1;
                summary.counts += fragment.counts;
                summary.corrupt +=
                    fragment.units.iter().filter(|u| u.corrupt.is_some()).count() as u64;
                let restated =
                    fragment.units.iter().filter_map(|unit| Some(&unit.restated.as_ref()?.file));
                for file in fragment.files.iter().chain(&fragment.rejects).chain(restated) {
                    summary.files += 1;
                    summary.bytes += file.bytes;
                }
            }
            Err(error) => {
                tracing::error!(group = group.id, %error, "cannot build a group");
                failed.push(anyhow::Error::new(error).context(format!("group `{}`", group.id)));
            }
        }
    }
    let count = failed.len();
    match failed.into_iter().next() {
        None => Ok(summary),
        Some(first) => {
            Err(first.context(format!("{count} of {} groups failed", groups.len())).into())
        }
    }
}

/// Builds one group, unless it is built already or nothing of it is there.
fn one(
    context: &Context,
    runtime: &Handle,
    limits: &Limits,
    group: &Group,
) -> Result<Done, SilverError> {
    check_units(group)?;
    let Some(first) = group.units.first() else { return Ok(Done::LeftOut) };
    let provider = context.providers.of(first.unit.source)?;
    let archives = runtime.block_on(archives(context, group))?;
    if archives.is_empty() {
        return Ok(Done::LeftOut);
    }
    let key = layout::fragment(&context.run, "silver", &group.id);
    if let Some(fragment) = runtime.block_on(finished(&context.lake, &key))?
        && is_built_from(&fragment, &archives)
    {
        return Ok(Done::Kept);
    }
    let inputs = archives
        .into_iter()
        .map(|(unit, archive)| {
            let copy = runtime.block_on(context.lake.local_copy(&archive.object))?;
            Ok(Input { unit, archive, path: copy.path().to_owned(), _copy: Some(copy) })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    let (lake, meter) = (&context.lake, &context.meter);
    let tells_now = first.unit.dataset.tells_now();
    let mut built = if tells_now {
        sheet::build(lake, provider, group, &inputs, limits, meter)?
    } else {
        build(lake, provider, group, &inputs, limits, meter)?
    };
    let now = context.clock.now();
    let is_spoilt = spoils(group, &inputs, &built);
    if !is_spoilt {
        // before the fragment: a group that has one is done
        tell_tails(context, runtime, limits, (provider, group), &inputs, &built)?;
    }
    let fragment = if is_spoilt {
        // say so in the ledger and leave the partitions: the next plan takes the held version
        publish(runtime, group, &inputs, built.without_rows(), now)?
    } else {
        // what tells of now is another day's each time, and restates nothing
        if !tells_now {
            restate(context, runtime, limits, (provider, group), &inputs, &mut built)?;
        }
        publish(runtime, group, &inputs, built, now)?
    };
    for unit in &fragment.units {
        if let Some(reason) = &unit.corrupt {
            tracing::warn!(unit = %unit.unit, reason, "an archive is corrupt and was left out");
        }
        for note in &unit.notes {
            tracing::warn!(unit = %unit.unit, "{note}");
        }
    }
    runtime.block_on(context.lake.write_json(&key, &fragment))?;
    tracing::debug!(
        group = group.id,
        rows = fragment.counts.silver,
        rejected = fragment.counts.rejected,
        duplicate = fragment.counts.duplicate,
        sorted = fragment.sorted,
        "built a group"
    );
    Ok(Done::Built(Box::new(fragment)))
}

/// Compares each unit with the version that silver had before, where that is another one.
fn restate(
    context: &Context,
    runtime: &Handle,
    limits: &Limits,
    (provider, group): (&'static dyn Provider, &Group),
    inputs: &[Input],
    built: &mut Built,
) -> Result<(), SilverError> {
    let lake = &context.lake;
    // what the rows of the group took is free by now
    let memory = limits.memory / 2;
    let means = Means { folder: lake.temp(), memory, block: limits.block };
    for (input, result) in inputs.iter().zip(&mut built.units) {
        let planned = group.units.iter().find(|planned| planned.unit == input.unit);
        let before = planned
            .and_then(|planned| planned.before.as_ref())
            .filter(|before| before.sha256 != input.archive.sha256 && result.corrupt.is_none());
        let Some(before) = before else { continue };
        let compared = match runtime.block_on(lake.local_copy(&before.object)) {
            Err(error) if error.is_not_found() => Compared::Unknown("which is gone".to_owned()),
            copy => {
                let copy = copy?;
                let (unit, reading) = (&input.unit, group.reading.as_deref());
                let version =
                    |archive, path| Version { provider, unit, archive, path, reading, span: None };
                let (before, after) =
                    (version(before, copy.path()), version(&input.archive, input.path.as_path()));
                restate::compare(lake, &context.run, &before, &after, &means)?
            }
        };
        match compared {
            Compared::Same => {}
            Compared::Differs(differs) => {
                result.notes.push(differs.note());
                result.restated = Some(differs);
            }
            Compared::Unknown(why) => result.notes.push(format!(
                "it came anew, and what changed is not known: compared with `{}`, {why}",
                before.object
            )),
        }
    }
    Ok(())
}

/// Writes down how the tails that a group replaces differ from the archives that replace them.
fn tell_tails(
    context: &Context,
    runtime: &Handle,
    limits: &Limits,
    (provider, group): (&'static dyn Provider, &Group),
    inputs: &[Input],
    built: &Built,
) -> Result<(), SilverError> {
    let lake = &context.lake;
    // two sides share what a group may hold
    let means = Means { folder: lake.temp(), memory: limits.memory / 2, block: limits.block };
    for tail in &group.tails {
        let read = inputs.iter().zip(&built.units).filter(|(_, result)| result.corrupt.is_none());
        let archive = tails::archive_of(tail, read.map(|(input, _)| input));
        let until = layout::tail_until(&tail.archive.object);
        // bronze did not get it, and the tail stays
        let Some((archive, until)) = archive.zip(until) else { continue };
        let mut comparison = tails::nothing(tail, until, archive);
        match runtime.block_on(lake.local_copy(&tail.archive.object)) {
            Ok(copy) => {
                let version = |unit, archive, path| {
                    let reading = group.reading.as_deref();
                    Version { provider, unit, archive, path, reading, span: None }
                };
                let said = version(&tail.unit, &tail.archive, copy.path());
                let says = version(&archive.unit, &archive.archive, archive.path.as_path());
                comparison = tails::compare(group.table, &said, &says, &means, comparison)?;
            }
            Err(error) if error.is_not_found() => comparison.problem = Some(error.to_string()),
            Err(error) => return Err(error.into()),
        }
        if !comparison.is_same() {
            tracing::warn!(unit = %tail.unit, "{}", comparison.text());
        }
        let key = layout::fragment(&context.run, layout::TAIL, tail.unit.id().as_str());
        runtime.block_on(lake.write_json(&key, &comparison))?;
    }
    Ok(())
}

/// Whether an archive turned out unreadable of which silver has rows, or whose old version is
/// readable: built without it, the group would lose rows.
fn spoils(group: &Group, inputs: &[Input], built: &Built) -> bool {
    inputs.iter().zip(&built.units).any(|(input, result)| {
        result.corrupt.is_some()
            && group.units.iter().any(|planned| {
                let other = |held: &RawArchive| held.sha256 != input.archive.sha256;
                planned.unit == input.unit
                    && (planned.keeps
                        || matches!(&planned.archive, Origin::Fetch(remote)
                            if remote.held.as_ref().is_some_and(other)))
            })
    })
}

/// Refuses a group that no reader could build: other tables, other series, too many units.
pub(crate) fn check_units(group: &Group) -> Result<(), SilverError> {
    let found = group.units.len();
    if found > usize::from(u16::MAX) {
        return Err(SilverError::TooManyUnits { group: group.id.clone(), found });
    }
    let series = group.units.first().map(|planned| planned.unit.series());
    for planned in &group.units {
        let unit = &planned.unit;
        if Table::of_dataset(unit.dataset) != group.table || Some(unit.series()) != series {
            return Err(SilverError::MixedGroup {
                group: group.id.clone(),
                unit: unit.to_string(),
                expected: group.table.as_str(),
            });
        }
    }
    Ok(())
}

/// The units of a group that can be read and where their bytes lie. What bronze could not get,
/// because the source is silent or refuses, keeps back none of the others: as nothing is remembered
/// of it, the next plan fetches it and has the group built anew.
async fn archives(
    context: &Context,
    group: &Group,
) -> Result<Vec<(Unit, RawArchive)>, SilverError> {
    let mut archives = Vec::with_capacity(group.units.len());
    for planned in &group.units {
        let unit = &planned.unit;
        match &planned.archive {
            Origin::Held(archive) => archives.push((unit.clone(), archive.clone())),
            Origin::Fetch(remote) => match fetched(context, unit).await? {
                Some(BronzeFragment { status, archive: Some(archive), .. })
                    if status.is_usable() =>
                {
                    archives.push((unit.clone(), archive));
                }
                _ if planned.keeps && remote.held.is_none() => {
                    tracing::warn!(group = group.id, %unit, "not fetched: what silver has stays");
                    return Ok(Vec::new());
                }
                None => {
                    let held = remote.held.clone();
                    tracing::warn!(%unit, held = held.is_some(), "not fetched: built without it");
                    archives.extend(held.map(|archive| (unit.clone(), archive)));
                }
                Some(fragment) => {
                    let held = remote.held.clone();
                    let status = fragment.status;
                    tracing::info!(%unit, %status, held = held.is_some(), "no usable archive");
                    // what the archive said before it was spoiled stays in silver
                    archives.extend(held.map(|archive| (unit.clone(), archive)));
                }
            },
        }
    }
    Ok(archives)
}

async fn fetched(context: &Context, unit: &Unit) -> Result<Option<BronzeFragment>, SilverError> {
    let key = layout::fragment(&context.run, "bronze", unit.id().as_str());
    match context.lake.read_json(&key, "bronze fragment").await {
        Ok(fragment) => Ok(Some(fragment)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn finished(lake: &Lake, key: &str) -> Result<Option<SilverFragment>, SilverError> {
    match lake.read_json(key, "silver fragment").await {
        Ok(fragment) => Ok(Some(fragment)),
        Err(error) if error.is_not_found() => Ok(None),
        // one that cannot be read is written anew
        Err(StoreError::Document { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether a fragment tells of exactly these archives, read or found corrupt.
fn is_built_from(fragment: &SilverFragment, archives: &[(Unit, RawArchive)]) -> bool {
    let told: Vec<(UnitId, &str)> =
        fragment.units.iter().map(|u| (u.unit.id(), u.sha256.as_str())).collect();
    let given: Vec<(UnitId, &str)> =
        archives.iter().map(|(unit, archive)| (unit.id(), archive.sha256.as_str())).collect();
    told == given
}

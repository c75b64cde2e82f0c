//! The plan of a rebuild: the groups as they were built, from archives that are held and whose
//! bytes are those that were fetched.

use std::collections::{BTreeSet, HashMap, HashSet};

use futures::{StreamExt as _, TryStreamExt as _};
use model::plan::{Batch, BatchRef, Group, Origin, Plan, PlanTotals, PlannedUnit};
use model::schema::Table;
use model::{RawArchive, Unit, UnitId, layout};
use stage::{Context, Failure};
use store::StoreError;
use table::Tables;

use super::Report;
use crate::archives::{self, Entry};
use crate::builds::{self, Current};
use crate::summary::Skipped;
use crate::{failure, ledger};

/// Archives that are read at once.
const READS: usize = 4;

/// The groups that make the wanted tables. What cannot be made joins the report; archives whose
/// bytes are not what was fetched become corrupt in the ledger, so that they can be fetched again.
pub(super) async fn groups(
    context: &Context,
    tables: &Tables,
    wanted: &BTreeSet<Table>,
    builds: &[Current],
    report: &mut Report,
) -> Result<Vec<Group>, Failure> {
    let rejects = wanted.contains(&Table::Rejects);
    let chosen: Vec<&Current> = builds
        .iter()
        .filter(|build| wanted.contains(&build.table()) || (rejects && build.rejects > 0))
        .collect();
    let all_raw = wanted.contains(&Table::Archives);
    if chosen.is_empty() && !all_raw {
        return Ok(Vec::new());
    }
    let entries = archives::rows(tables).await.map_err(failure)?;
    let mut by_unit: HashMap<(&str, &str), Vec<&Entry>> = HashMap::new();
    for (unit, entry) in &entries {
        if let Some(sha256) = &entry.sha256 {
            by_unit.entry((unit, sha256)).or_default().push(entry);
        }
    }
    let mut needed: HashSet<(&str, &str)> = HashSet::new();
    for build in &chosen {
        let units = build.units.iter();
        needed.extend(units.map(|unit| (unit.unit.as_str(), unit.sha256.as_str())));
    }
    let last = archives::last_words(&entries);
    let is_usable = |of: &(&str, &str)| last.get(of).is_some_and(|e| e.status.is_usable());
    if all_raw {
        needed.extend(last.keys().copied().filter(is_usable));
    }
    let spoiled = spoiled(context, &by_unit, needed).await?;
    // what is noted already is not noted again
    let new: Vec<_> = spoiled
        .iter()
        .filter(|(unit, sha256, _)| is_usable(&(unit.as_str(), sha256.as_str())))
        .cloned()
        .collect();
    ledger::spoil(context, tables, &new).await.map_err(failure)?;
    for (unit, why) in spoiled.iter().map(|(unit, _, why)| (unit, why)) {
        let why = format!("{why}; `cargo xtask local run --retry-bad` fetches it again");
        report.left_out.push(Skipped { group: unit.to_string(), why });
    }
    let lost: HashSet<(&str, &str)> =
        spoiled.iter().map(|(unit, sha256, _)| (unit.as_str(), sha256.as_str())).collect();
    let gone = builds::gone(tables, &chosen).await.map_err(failure)?;
    let mut groups = Vec::new();
    for build in chosen {
        let is_gone = gone.contains(&build.group.to_string());
        match group(build, &by_unit, &lost, is_gone) {
            Ok(group) => groups.push(as_configured(context, group)),
            Err(why) => {
                report.left_out.push(Skipped { group: build.group.to_string(), why });
            }
        }
    }
    Ok(groups)
}

/// A group that is read as the configuration says now.
fn as_configured(context: &Context, group: Group) -> Group {
    // all units of a group are of one month, and read alike
    let configured = group.units.first().and_then(|PlannedUnit { unit, .. }| {
        let provider = context.providers.of(unit.source).ok()?;
        let section = context.config.sources.get(&unit.source)?;
        let prices = provider.prices(section, unit.market, unit.dataset);
        Some((provider.reading(section, unit), prices))
    });
    let (reading, prices) = configured.unwrap_or_default();
    Group { reading, prices, ..group }
}

/// Which archives are not what the ledger says, and why.
async fn spoiled(
    context: &Context,
    entries: &HashMap<(&str, &str), Vec<&Entry>>,
    needed: HashSet<(&str, &str)>,
) -> Result<Vec<(UnitId, String, String)>, Failure> {
    let mut needed: Vec<_> = needed.into_iter().collect();
    needed.sort_unstable();
    let looks = needed.into_iter().filter_map(|(unit, sha256)| {
        let raw = entries.get(&(unit, sha256))?.iter().find_map(|entry| entry.raw())?;
        Some(async move {
            let fault = ledger::fault(&context.lake, &raw).await?;
            let (Some(fault), Ok(unit)) = (fault, unit.parse::<Unit>()) else { return Ok(None) };
            Ok::<_, StoreError>(Some((
                unit.id(),
                sha256.to_owned(),
                format!("`{}` {fault}", raw.object),
            )))
        })
    });
    let looks = futures::stream::iter(looks).buffered(READS);
    let found: Vec<Option<_>> = looks.try_collect::<Vec<_>>().await?;
    Ok(found.into_iter().flatten().collect())
}

/// A build as a group to be built. A damaged archive keeps the rest of its group back where silver
/// has files there: they may hold its rows. Where they are gone nothing is left to be kept, and it
/// is built without.
fn group(
    build: &Current,
    entries: &HashMap<(&str, &str), Vec<&Entry>>,
    spoiled: &HashSet<(&str, &str)>,
    is_gone: bool,
) -> Result<Group, String> {
    if !build.is_whole() {
        return Err("younger builds have replaced a part of it, expected none or all".to_owned());
    }
    let mut units = Vec::with_capacity(build.units.len());
    let mut damaged = None;
    for built in &build.units {
        let of = (built.unit.as_str(), built.sha256.as_str());
        if spoiled.contains(&of) {
            let why = format!("the archive of {} is damaged", built.unit);
            if !is_gone {
                return Err(why);
            }
            damaged = Some(why);
            continue;
        }
        let unit: Unit = built
            .unit
            .as_str()
            .parse()
            .map_err(|error: model::unit::BadUnitId| error.to_string())?;
        let Some(archive) = archive(entries.get(&of), build) else {
            return Err(format!(
                "bronze.archives has no archive of {} with SHA-256 {}",
                of.0, of.1
            ));
        };
        let keeps = built.corrupt.is_none();
        units.push(PlannedUnit { unit, archive: Origin::Held(archive), keeps, before: None });
    }
    // what silver could not read before it cannot read now
    if let Some(why) = damaged.filter(|_| !units.iter().any(|unit| unit.keeps)) {
        return Err(why);
    }
    Ok(Group {
        id: build.group.to_string(),
        table: build.table(),
        partitions: build.partitions().into_iter().collect(),
        units,
        reading: None,
        prices: None,
        tails: Vec::new(),
    })
}

/// The archive as the build knew it: fetched last before it was built.
fn archive(entries: Option<&Vec<&Entry>>, build: &Current) -> Option<RawArchive> {
    let mut raw: Vec<RawArchive> = entries?.iter().filter_map(|entry| entry.raw()).collect();
    raw.sort_by_key(|raw| raw.fetched_at);
    let at = raw.iter().rposition(|raw| raw.fetched_at <= build.built_at).unwrap_or(0);
    raw.into_iter().nth(at)
}

/// Writes the batches, and last the plan.
pub(super) async fn write(
    context: &Context,
    groups: Vec<Group>,
    report: &mut Report,
) -> Result<(), Failure> {
    let limits = &context.config.limits.batch;
    let read_bytes = |group: &Group| -> u64 {
        let held = group.units.iter().map(|unit| match &unit.archive {
            Origin::Held(raw) => raw.bytes,
            Origin::Fetch(_) => 0,
        });
        held.sum()
    };
    let mut totals = PlanTotals { groups: groups.len() as u64, ..PlanTotals::default() };
    let mut batches: Vec<(BatchRef, Batch)> = Vec::new();
    for group in groups {
        let (units, bytes) = (group.units.len() as u64, read_bytes(&group));
        totals.units += units;
        let is_full = batches.last().is_none_or(|(line, _)| {
            line.units + units > limits.units.into() || line.read_bytes + bytes > limits.mib << 20
        });
        if is_full {
            let number = batches.len() as u32 + 1;
            let key = layout::batch(&context.run, number);
            let line = BatchRef { number, key, groups: 0, units: 0, fetch_bytes: 0, read_bytes: 0 };
            let batch = Batch { run: context.run.clone(), number, groups: Vec::new() };
            batches.push((line, batch));
        }
        if let Some((line, batch)) = batches.last_mut() {
            line.groups += 1;
            line.units += units;
            line.read_bytes += bytes;
            batch.groups.push(group);
        }
    }
    report.groups = totals.groups;
    report.batches = batches.len() as u64;
    let plan = Plan {
        run: context.run.clone(),
        environment: context.config.environment.value.clone(),
        created_at: context.clock.now(),
        config_sha256: context.config_sha256.clone(),
        scope: "rebuild".to_owned(),
        batches: batches.iter().map(|(line, _)| line.clone()).collect(),
        totals,
        absent: Vec::new(),
        gaps: Vec::new(),
        remarks: Vec::new(),
        unasked: Vec::new(),
        instruments: Vec::new(),
    };
    let documents = batches.into_iter().map(|(line, batch)| (line.key, batch));
    context.lake.write_all_json(documents).await?;
    context.lake.write_json(&layout::plan(&context.run), &plan).await?;
    Ok(())
}

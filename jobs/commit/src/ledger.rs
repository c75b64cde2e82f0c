//! The ledger: what a run adds to `bronze.archives`, and the extract of the ledger's two tables that
//! plan reads. How rows are read and written is `archives`' and `builds`'.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::DateTime;
use model::ledger::{BuildRow, BuiltUnit, Ledger};
use model::schema::Table;
use model::{RawArchive, RunId, Unit, UnitId, layout};
use stage::Context;
use store::{Lake, StoreError};
use table::{Change, Outcome, Snapshot, Stamp, TableError, Tables};

use crate::archives::{Entry, each, write};
use crate::builds;
use crate::gather::Gathered;
use crate::history::{Asked, History, histories};

/// Notes of archives that are not what was fetched: unit, SHA-256, why. Each is corrupt from now.
pub(crate) async fn spoil(
    context: &Context,
    tables: &Tables,
    spoiled: &[(UnitId, String, String)],
) -> Result<(), TableError> {
    if spoiled.is_empty() {
        return Ok(());
    }
    let (table, run) = (Table::Archives, &context.run);
    let mut whys: HashMap<&str, HashMap<&str, &str>> = HashMap::new();
    for (unit, sha256, why) in spoiled {
        whys.entry(unit.as_str()).or_default().insert(sha256, why);
    }
    let content: Vec<String> =
        spoiled.iter().map(|(unit, sha256, _)| format!("{unit}={sha256}")).collect();
    let stamp = Stamp::new(table, run, "spoiled", &content.join("\n"), context.clock.now());
    tables
        .replace_with(table, &stamp, async |snapshot| {
            let mut new: BTreeMap<(&str, &str), Entry> = BTreeMap::new();
            each(tables, snapshot, |id, entry| {
                let Some((unit, whys)) = whys.get_key_value(id) else { return };
                let sha256 = entry.sha256.as_deref().unwrap_or_default();
                let Some((sha256, why)) = whys.get_key_value(sha256) else { return };
                let of = (*unit, *sha256);
                let entry = entry.spoiled(why, run);
                if new.get(&of).is_none_or(|old| old.order() < entry.order()) {
                    new.insert(of, entry);
                }
            })
            .await?;
            let files = write(tables, run, new.iter().map(|((unit, _), e)| (*unit, e))).await?;
            Ok(Change { files, ..Change::default() })
        })
        .await?;
    Ok(())
}

/// What is wrong with the bytes of an archive that is held, after its name. On a directory it is
/// their fault where they cannot be read; an object store that does not answer is an error.
pub(crate) async fn fault(lake: &Lake, raw: &RawArchive) -> Result<Option<String>, StoreError> {
    Ok(match lake.sum(&raw.object, true).await {
        Ok(sum) if sum.sha256.as_deref() == Some(raw.sha256.as_str()) => None,
        Ok(sum) => Some(format!(
            "is not what was fetched: {} bytes with another SHA-256, expected {}",
            sum.bytes, raw.bytes
        )),
        Err(error) if error.is_not_found() => Some("is gone".to_owned()),
        Err(error) if lake.directory().is_some() => {
            Some(format!("cannot be read ({})", model::human::chain(&error)))
        }
        Err(error) => return Err(error),
    })
}

/// Appends the run's rows to `bronze.archives`: those that say something new.
pub(crate) async fn append(
    context: &Context,
    tables: &Tables,
    gathered: &Gathered,
) -> Result<Outcome, TableError> {
    let table = Table::Archives;
    let run = &context.run;
    let content = gathered.bronze_content();
    let stamp = Stamp::new(table, run, "bronze", &content, context.clock.now());
    let fetched: HashMap<String, Entry> =
        gathered.bronze.iter().map(|f| (f.unit.to_string(), Entry::of(f, gathered))).collect();
    let unreadable: Vec<(&UnitId, &str, &str)> = gathered
        .unreadable
        .iter()
        .map(|((unit, sha256), why)| (unit, sha256.as_str(), why.as_str()))
        .collect();
    let mut asked: Asked<'_> = fetched.keys().map(|id| (id.as_str(), HashSet::new())).collect();
    for (unit, sha256, _) in &unreadable {
        asked.entry(unit.as_str()).or_default().insert(sha256);
    }
    tables
        .replace_with(table, &stamp, async |snapshot| {
            let known = histories(tables, snapshot, run, &asked, false).await?;
            let none = History::default();
            let mut new: BTreeMap<&str, Entry> = BTreeMap::new();
            for (id, entry) in &fetched {
                if !known.get(id).unwrap_or(&none).says(entry) {
                    new.insert(id, entry.clone());
                }
            }
            // archives that were held already and that silver could not read
            for (unit, sha256, why) in &unreadable {
                let version = known.get(unit.as_str()).and_then(|history| history.version(sha256));
                let Some(version) =
                    version.filter(|v| v.status.is_usable() && !new.contains_key(unit.as_str()))
                else {
                    continue;
                };
                new.insert(unit.as_str(), version.clone().spoiled(why, run));
            }
            let files = write(tables, run, new.iter().map(|(id, entry)| (*id, entry))).await?;
            Ok(Change { files, ..Change::default() })
        })
        .await
}

/// The two tables of the ledger, seen at one moment.
async fn both(tables: &Tables) -> Result<(Snapshot, Snapshot), TableError> {
    let mut archives = tables.ensure(Table::Archives).await?;
    loop {
        let builds = tables.ensure(Table::Builds).await?;
        let again = tables.ensure(Table::Archives).await?;
        if again.version() == archives.version() {
            return Ok((archives, builds));
        }
        archives = again;
    }
}

/// The version that an extract of the ledger has now.
pub(crate) async fn versions(tables: &Tables) -> Result<u64, TableError> {
    let (archives, builds) = both(tables).await?;
    Ok(archives.version() + builds.version())
}

/// Writes the extract of the ledger as it is now, unless a newer one is there, or `anew`; its
/// version.
///
/// The version is the sum of the versions of the two tables, seen at one moment: they only grow,
/// so that of two extracts the one with the greater version has all rows of the other.
pub(crate) async fn write_extract(
    lake: &Lake,
    tables: &Tables,
    anew: bool,
) -> Result<u64, TableError> {
    let (archives, builds) = both(tables).await?;
    let version = archives.version() + builds.version();
    let entries = lake.list(layout::INDEX).await?;
    let newest = entries.iter().rev().find_map(|entry| layout::parse_index(&entry.key));
    if newest > Some(version) || (newest == Some(version) && !anew) {
        return Ok(version);
    }
    let mut ledger = Ledger::default();
    let nobody = RunId::new(DateTime::UNIX_EPOCH, 0);
    let latest = builds::latest(tables, &builds).await?;
    let mut asked = Asked::new();
    for unit in latest.values().flat_map(|build| &build.units) {
        asked.entry(unit.unit.as_str()).or_default().insert(&unit.sha256);
    }
    let histories = histories(tables, &archives, &nobody, &asked, true).await?;
    for (id, history) in &histories {
        let Some(row) = history.row() else { continue };
        let unit: Unit = id.parse().map_err(|error| TableError::Change {
            table: Table::Archives,
            source: Box::new(error),
        })?;
        ledger.archives.insert(unit.id(), row);
    }
    let youngest = builds::youngest(&latest);
    for (group, build) in &latest {
        let units = build.units.iter().map(|unit| unit.unit.clone()).collect();
        let corrupt = build
            .units
            .iter()
            .filter(|unit| unit.corrupt.is_some())
            .map(|unit| (unit.unit.clone(), unit.sha256.clone()))
            .collect();
        let is_spoiled = |unit: &&BuiltUnit| {
            unit.corrupt.is_none()
                && histories.get(unit.unit.as_str()).is_some_and(|of| of.is_spoiled(&unit.sha256))
        };
        let spoiled = build.units.iter().filter(is_spoiled).map(|unit| unit.unit.clone()).collect();
        let replaced = build
            .units
            .iter()
            .filter(|unit| youngest.get(&unit.unit).is_some_and(|of| std::ptr::eq(*of, build)))
            .filter_map(|unit| {
                let version = replaced(histories.get(unit.unit.as_str())?, &unit.sha256)?;
                Some((unit.unit.clone(), version))
            })
            .collect();
        let short_days = build.units.iter().flat_map(|unit| unit.short_days.clone()).collect();
        let inputs = build.inputs.clone();
        let row = BuildRow { inputs, units, corrupt, spoiled, short_days, replaced };
        ledger.builds.insert(group.clone(), row);
    }
    lake.write_ledger(version, &ledger).await?;
    Ok(version)
}

/// The version of a unit that silver has rows of, where a newer one was fetched that reads.
fn replaced(history: &History, built: &str) -> Option<RawArchive> {
    history.newer_than(built)?;
    history.version(built).filter(|version| version.status.is_usable())?.raw()
}

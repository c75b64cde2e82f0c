//! Silver and its rejects: the guard against older work, the commits, and which groups are in
//! force.

use std::collections::{BTreeMap, HashMap, HashSet};

use model::fragment::SilverFragment;
use model::plan::Partition;
use model::schema::Table;
use stage::Context;
use table::snapshot::RUN_TAG;
use table::{Change, Outcome, Snapshot, Stamp, TableError, Tables};

use crate::gather::Gathered;
use crate::history::{Asked, History, histories};
use crate::summary::Skipped;

/// Commits the run's groups of one silver table, but those that another run knows better.
pub(crate) async fn commit(
    context: &Context,
    tables: &Tables,
    gathered: &Gathered,
    table: Table,
) -> Result<(Outcome, Vec<Skipped>), TableError> {
    let fragments: Vec<&SilverFragment> =
        gathered.silver.iter().filter(|fragment| fragment.table == table).collect();
    let content = Gathered::content(fragments.iter().copied());
    let stamp = Stamp::new(table, &context.run, "silver", &content, context.clock.now());
    let mut skipped = Vec::new();
    let mut asked = false;
    let outcome = tables
        .replace_with(table, &stamp, async |snapshot| {
            asked = true;
            let why = left_out(context, tables, snapshot, &fragments).await?;
            skipped.clear();
            let mut change = Change::default();
            for (fragment, why) in fragments.iter().zip(why) {
                if let Some(why) = why {
                    skipped.push(Skipped { group: fragment.group.clone(), why });
                } else {
                    change.partitions.extend(fragment.replaces.iter().cloned());
                    change.files.extend(fragment.files.iter().cloned());
                }
            }
            Ok(change)
        })
        .await?;
    if !asked && let Some(snapshot) = tables.snapshot(table).await? {
        // committed before a kill: what was left out then is told again
        let why = left_out(context, tables, &snapshot, &fragments).await?;
        let in_force = in_force(tables, gathered).await?;
        let out = fragments.iter().zip(why).filter_map(|(fragment, why)| {
            let group = fragment.group.clone();
            (!in_force.contains(group.as_str())).then_some(Skipped { group, why: why? })
        });
        skipped.extend(out);
    }
    Ok((outcome, skipped))
}

/// For each fragment why it may not be committed to a version of its table, if it may not.
async fn left_out(
    context: &Context,
    tables: &Tables,
    snapshot: &Snapshot,
    fragments: &[&SilverFragment],
) -> Result<Vec<Option<String>>, TableError> {
    // the ledger is loaded after the snapshot: whoever has changed the table before has written to
    // the ledger before that
    let histories = known(context, tables, fragments).await?;
    let younger = younger(snapshot, fragments, context.run.as_str());
    let why = |(n, fragment): (usize, &&SilverFragment)| {
        superseded(fragment, &histories).or_else(|| younger.get(&n).cloned())
    };
    Ok(fragments.iter().enumerate().map(why).collect())
}

/// What the ledger says now of the units of some fragments.
async fn known(
    context: &Context,
    tables: &Tables,
    fragments: &[&SilverFragment],
) -> Result<HashMap<String, History>, TableError> {
    let Some(archives) = tables.snapshot(Table::Archives).await? else {
        return Ok(HashMap::new());
    };
    let units = || fragments.iter().flat_map(|fragment| &fragment.units);
    let ids: Vec<String> = units().map(|unit| unit.unit.to_string()).collect();
    let mut asked = Asked::new();
    for (id, unit) in ids.iter().zip(units()) {
        asked.entry(id).or_default().insert(&unit.sha256);
    }
    histories(tables, &archives, &context.run, &asked, false).await
}

/// Why a group is out of date by the ledger: an archive of it was published anew and fetched by
/// another run after the one that the group was built from.
fn superseded(fragment: &SilverFragment, histories: &HashMap<String, History>) -> Option<String> {
    fragment.units.iter().find_map(|outcome| {
        let history = histories.get(&outcome.unit.to_string())?;
        let newer = history.newer_than(&outcome.sha256)?;
        let (old, new) = (short(&outcome.sha256), short(newer));
        Some(format!("{} was built from {old}, and {new} has been fetched since", outcome.unit))
    })
}

fn short(sha256: &str) -> &str {
    sha256.get(..12).unwrap_or(sha256)
}

/// Groups into whose partitions a younger run has put files of its own.
fn younger(
    snapshot: &Snapshot,
    fragments: &[&SilverFragment],
    run: &str,
) -> HashMap<usize, String> {
    let owners = owners(fragments.iter().copied());
    let paths: HashSet<&str> =
        fragments.iter().flat_map(|f| &f.files).map(|file| file.path.as_str()).collect();
    let mut younger = HashMap::new();
    for file in snapshot.iter() {
        let Some(owner) = owners.get(&file.partition) else { continue };
        if paths.contains(file.path.as_str()) || younger.contains_key(owner) {
            continue;
        }
        if let Some(other) = file.tag(RUN_TAG).filter(|other| other.as_str() > run) {
            younger.insert(*owner, format!("run {other}, planned later, has rebuilt it"));
        }
    }
    younger
}

/// The fragments by the partitions they replace.
fn owners<'a>(
    fragments: impl IntoIterator<Item = &'a SilverFragment>,
) -> HashMap<&'a Partition, usize> {
    fragments
        .into_iter()
        .enumerate()
        .flat_map(|(n, fragment)| fragment.replaces.iter().map(move |p| (p, n)))
        .collect()
}

/// The groups whose files are what silver holds in their partitions at this moment. A group
/// that replaces nothing is in force too.
pub(crate) async fn in_force<'a>(
    tables: &Tables,
    gathered: &'a Gathered,
) -> Result<HashSet<&'a str>, TableError> {
    let mut by_table: BTreeMap<Table, Vec<&SilverFragment>> = BTreeMap::new();
    for fragment in &gathered.silver {
        by_table.entry(fragment.table).or_default().push(fragment);
    }
    let mut all = HashSet::new();
    for (table, fragments) in by_table {
        let owners = owners(fragments.iter().copied());
        let mut missing: Vec<HashSet<&str>> = fragments
            .iter()
            .map(|f| f.files.iter().map(|file| file.path.as_str()).collect())
            .collect();
        let mut foreign = HashSet::new();
        if let Some(snapshot) = tables.snapshot(table).await? {
            for file in snapshot.iter() {
                if let Some(owner) = owners.get(&file.partition)
                    && !missing[*owner].remove(file.path.as_str())
                {
                    foreign.insert(*owner);
                }
            }
        }
        all.extend(fragments.iter().enumerate().filter_map(|(n, fragment)| {
            (missing[n].is_empty() && !foreign.contains(&n)).then_some(fragment.group.as_str())
        }));
    }
    Ok(all)
}

/// Commits what archives of the groups in force say otherwise than before; `None` where none does. What
/// was told earlier stays.
pub(crate) async fn commit_restatements(
    context: &Context,
    tables: &Tables,
    gathered: &Gathered,
) -> Result<Option<Outcome>, TableError> {
    let restated = |fragment: &'_ SilverFragment| {
        fragment.units.iter().filter_map(|unit| unit.restated.clone()).collect::<Vec<_>>()
    };
    let fragments: Vec<&SilverFragment> =
        gathered.silver.iter().filter(|fragment| !restated(fragment).is_empty()).collect();
    let table = Table::Restatements;
    if fragments.is_empty() {
        // whoever asks for it finds it empty, and not missing
        tables.create_missing(&[table]).await?;
        return Ok(None);
    }
    let content = Gathered::content(fragments.iter().copied());
    let stamp = Stamp::new(table, &context.run, "silver", &content, context.clock.now());
    let outcome = tables
        .replace_with(table, &stamp, async |_| {
            let in_force = in_force(tables, gathered).await?;
            let mut change = Change::default();
            for fragment in &fragments {
                if fragment.replaces.is_empty() || !in_force.contains(fragment.group.as_str()) {
                    continue;
                }
                for restated in restated(fragment) {
                    // two runs at once may have learnt the same
                    change.owners.push(restated.owner);
                    change.files.push(restated.file);
                }
            }
            Ok(change)
        })
        .await?;
    Ok(Some(outcome))
}

/// Commits the reject files of the groups in force; what their units had before goes.
pub(crate) async fn commit_rejects(
    context: &Context,
    tables: &Tables,
    gathered: &Gathered,
) -> Result<Outcome, TableError> {
    let content = Gathered::content(&gathered.silver);
    let stamp = Stamp::new(Table::Rejects, &context.run, "silver", &content, context.clock.now());
    tables
        .replace_with(Table::Rejects, &stamp, async |_| {
            let in_force = in_force(tables, gathered).await?;
            let mut change = Change::default();
            for fragment in &gathered.silver {
                // a group of which nothing could be read leaves silver, and the rejects, as is
                if fragment.replaces.is_empty() || !in_force.contains(fragment.group.as_str()) {
                    continue;
                }
                change.owners.extend(fragment.units.iter().map(|unit| unit.unit.to_string()));
                change.files.extend(fragment.rejects.iter().cloned());
            }
            Ok(change)
        })
        .await
}

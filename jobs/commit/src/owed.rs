//! The bars that runs owe. From the commit of its silver to that of its bars a run has a document
//! `runs/owed/<run>.json`. A run that ended between the two leaves it behind, and the next run
//! that commits anything rebuilds those bars with its own: they are in its `dirty.json` too.

use std::collections::{BTreeMap, BTreeSet};

use model::derivation;
use model::dirty::{Dirty, months_of};
use model::fragment::SilverFragment;
use model::owed::{Owed, Taken};
use model::{Market, Month, RunId, Source, Symbol, layout, unit};
use stage::Context;
use store::lake::Entry;
use store::{Lake, StoreError};

use crate::gather::Gathered;

/// Months by what they are of.
type Months = BTreeMap<(Source, Market, Symbol), BTreeSet<Month>>;

/// Writes what the run owes, and `runs/<run>/dirty.json`: every symbol and month that its
/// fragments replace something in, whatever this attempt had to do for it, and what other runs
/// still owe. The number of symbols.
pub(crate) async fn write_dirty(
    context: &Context,
    silver: &[SilverFragment],
) -> anyhow::Result<u64> {
    let (lake, run) = (&context.lake, &context.run);
    let content = unit::sha256_hex(Gathered::content(silver).as_bytes());
    let mut note = Taken { silver: content.clone(), debts: BTreeMap::new() };
    let mut months = of_fragments(silver)?;
    // what an earlier attempt found, or a rebuild
    let own = read(lake, &layout::owed(run)).await?.unwrap_or_default();
    add(&mut months, own.dirty);
    if !months.is_empty() {
        let owed = Owed { silver: content, dirty: list(&months) };
        lake.write_json(&layout::owed(run), &owed).await?;
    }
    for (other, key) in debts(lake).await? {
        if other == *run {
            continue;
        }
        let Some(debt) = read(lake, &key).await? else { continue };
        tracing::warn!(run = %other, symbols = debt.dirty.len(), "its bars were never committed: this run builds them too");
        add(&mut months, debt.dirty);
        note.debts.insert(other, debt.silver);
    }
    lake.write_json(&layout::taken(run), &note).await?;
    lake.write_json(&layout::dirty(run), &list(&months)).await?;
    Ok(months.len() as u64)
}

/// Bars of the run are committed, but for those in `unbuilt`: what it owed of them, and what it
/// took over from others, is paid. A debt of silver that another run has committed since is not.
pub(crate) async fn pay(
    context: &Context,
    list: &ToBuild,
    unbuilt: &[Dirty],
) -> anyhow::Result<()> {
    let (lake, run) = (&context.lake, &context.run);
    for (other, key) in debts(lake).await? {
        let Some(debt) = read(lake, &key).await? else { continue };
        if other != *run && list.note.debts.get(&other) != Some(&debt.silver) {
            continue;
        }
        let is_paid = |owed: &Dirty| {
            list.dirty.iter().any(|done| covers(done, owed))
                && !unbuilt.iter().any(|u| u.id() == owed.id())
        };
        let rest: Vec<Dirty> = debt.dirty.iter().filter(|owed| !is_paid(owed)).cloned().collect();
        // its owner may be alive, and have more to build since
        if rest.len() == debt.dirty.len() || read(lake, &key).await?.as_ref() != Some(&debt) {
            continue;
        }
        if rest.is_empty() {
            lake.delete(&key).await?;
        } else {
            lake.write_json(&key, &Owed { dirty: rest, silver: debt.silver }).await?;
        }
    }
    Ok(())
}

/// What a run must rebuild, and of which silver that is.
#[derive(Debug, Default)]
pub(crate) struct ToBuild {
    /// The list.
    pub(crate) dirty: Vec<Dirty>,
    /// What it is of.
    pub(crate) note: Taken,
}

/// What the run must rebuild; nothing where it has no list, for bars that are built by hand.
pub(crate) async fn to_build(context: &Context) -> anyhow::Result<ToBuild> {
    let (lake, run) = (&context.lake, &context.run);
    let dirty = optional(lake.read_json(&layout::dirty(run), "list of what is dirty").await)?;
    let note = optional(lake.read_json(&layout::taken(run), "list of what was taken over").await)?;
    Ok(ToBuild { dirty: dirty.unwrap_or_default(), note: note.unwrap_or_default() })
}

fn optional<T>(read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

fn add(months: &mut Months, dirty: Vec<Dirty>) {
    for Dirty { source, market, symbol, months: more } in dirty {
        months.entry((source, market, symbol)).or_default().extend(more);
    }
}

/// Whether one holds all months of the other.
fn covers(done: &Dirty, owed: &Dirty) -> bool {
    done.id() == owed.id() && owed.months.iter().all(|month| done.months.contains(month))
}

/// The debts there are: whose, and where each is written.
pub(crate) async fn debts(lake: &Lake) -> Result<Vec<(RunId, String)>, StoreError> {
    let entries = lake.list(layout::OWED).await?;
    let run = |entry: Entry| Some((layout::parse_owed(&entry.key)?, entry.key));
    Ok(entries.into_iter().filter_map(run).collect())
}

/// A debt; `None` where it is not there any more. One that does not read stops nobody else.
async fn read(lake: &Lake, key: &str) -> Result<Option<Owed>, StoreError> {
    match optional(lake.read_json(key, "list of what is owed").await) {
        Err(error @ StoreError::Document { .. }) => {
            tracing::warn!(%error, "a debt is passed over");
            Ok(None)
        }
        read => read,
    }
}

fn of_fragments(silver: &[SilverFragment]) -> anyhow::Result<Months> {
    let mut months = Months::new();
    for fragment in silver.iter().filter(|fragment| derivation::feeds(fragment.table)) {
        for partition in &fragment.replaces {
            let value = |column: &str| partition.get(column).map_or("", String::as_str);
            let changed = months_of(fragment.table, partition);
            anyhow::ensure!(!changed.is_empty(), "partition {partition:?} is of no month");
            let of = (value("source").parse()?, value("market").parse()?, value("symbol").parse()?);
            months.entry(of).or_default().extend(changed);
        }
    }
    Ok(months)
}

fn list(months: &Months) -> Vec<Dirty> {
    let dirty = |((source, market, symbol), months): (&(Source, Market, Symbol), &BTreeSet<_>)| {
        let (source, market, symbol) = (*source, *market, symbol.clone());
        Dirty { source, market, symbol, months: months.iter().copied().collect() }
    };
    months.iter().map(dirty).collect()
}

//! The bars that runs owe. From the commit of its silver to that of its bars a run has a document
//! `runs/owed/<run>.json`. A run that ended between the two leaves it behind, and the next run
//! that commits anything rebuilds those bars with its own: they are in its `dirty.json` too.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use model::fragment::{Dirty, SilverFragment};
use model::{Day, Market, Month, RunId, Source, Symbol, layout};
use stage::Context;
use store::lake::Entry;
use store::{Lake, StoreError};

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
    let mut months = of_fragments(silver)?;
    if !months.is_empty() {
        lake.write_json(&layout::owed(run), &list(&months)).await?;
    }
    for (other, entry) in debts(lake).await? {
        if other == *run {
            continue;
        }
        let Some(debt) = read(lake, &entry.key).await? else { continue };
        tracing::warn!(run = %other, symbols = debt.len(), "its bars were never committed: this run builds them too");
        for dirty in debt {
            let of = (dirty.source, dirty.market, dirty.symbol);
            months.entry(of).or_default().extend(dirty.months);
        }
    }
    lake.write_json(&layout::dirty(run), &list(&months)).await?;
    Ok(months.len() as u64)
}

/// Bars of the run are committed, but for those in `unbuilt`: what it owed of them, and what it
/// took over from others, is paid. A debt that another run has written anew since is not.
pub(crate) async fn pay(context: &Context, taken: &Taken, unbuilt: &[Dirty]) -> anyhow::Result<()> {
    let (lake, run) = (&context.lake, &context.run);
    for (other, entry) in debts(lake).await? {
        if other != *run && entry.modified_micros >= taken.at {
            continue;
        }
        let Some(debt) = read(lake, &entry.key).await? else { continue };
        let is_paid = |owed: &Dirty| {
            taken.dirty.iter().any(|done| covers(done, owed))
                && !unbuilt.iter().any(|u| u.id() == owed.id())
        };
        let rest: Vec<&Dirty> = debt.iter().filter(|owed| !is_paid(owed)).collect();
        // its owner may be alive, and have more to build since
        let now = lake.head(&entry.key).await?.map(|entry| entry.modified_micros);
        if rest.len() == debt.len() || now != Some(entry.modified_micros) {
            continue;
        }
        if rest.is_empty() {
            lake.delete(&entry.key).await?;
        } else {
            lake.write_json(&entry.key, &rest).await?;
        }
    }
    Ok(())
}

/// What a run must rebuild, and since when it is known.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// The list.
    pub(crate) dirty: Vec<Dirty>,
    /// When it was written, in µs since the epoch.
    pub(crate) at: i64,
}

/// What the run must rebuild; nothing where it has no list, for bars that are built by hand.
pub(crate) async fn taken(context: &Context) -> anyhow::Result<Taken> {
    let (lake, key) = (&context.lake, layout::dirty(&context.run));
    let Some(entry) = lake.head(&key).await? else { return Ok(Taken::default()) };
    let dirty = lake.read_json(&key, "list of what is dirty").await?;
    Ok(Taken { dirty, at: entry.modified_micros })
}

/// Whether one holds all months of the other.
fn covers(done: &Dirty, owed: &Dirty) -> bool {
    done.id() == owed.id() && owed.months.iter().all(|month| done.months.contains(month))
}

async fn debts(lake: &Lake) -> Result<Vec<(RunId, Entry)>, StoreError> {
    let entries = lake.list(layout::OWED).await?;
    let run = |entry: Entry| Some((layout::parse_owed(&entry.key)?, entry));
    Ok(entries.into_iter().filter_map(run).collect())
}

/// A debt; `None` where it is not there any more. One that does not read stops nobody else.
async fn read(lake: &Lake, key: &str) -> Result<Option<Vec<Dirty>>, StoreError> {
    match lake.read_json(key, "list of what is owed").await {
        Ok(list) => Ok(Some(list)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error @ StoreError::Document { .. }) => {
            tracing::warn!(%error, "a debt is passed over");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn of_fragments(silver: &[SilverFragment]) -> anyhow::Result<Months> {
    let mut months = Months::new();
    for partition in silver.iter().flat_map(|fragment| &fragment.replaces) {
        let value = |column: &str| partition.get(column).map_or("", String::as_str);
        let month = match partition.get("date") {
            Some(date) => date.parse::<Day>().map(Day::month),
            None => value("month").parse(),
        };
        let month = month.with_context(|| format!("partition {partition:?} is of no month"))?;
        let of = (value("source").parse()?, value("market").parse()?, value("symbol").parse()?);
        months.entry(of).or_default().insert(month);
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

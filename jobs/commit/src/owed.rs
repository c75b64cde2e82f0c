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

/// The bars of the run are committed: what it owed, and what it took over from others, is paid.
/// A debt that another run has written anew since is not.
pub(crate) async fn pay(context: &Context) -> anyhow::Result<()> {
    let (lake, run) = (&context.lake, &context.run);
    let key = layout::dirty(run);
    // bars that were built by hand pay nothing
    let Some(taken) = lake.head(&key).await? else { return Ok(()) };
    let Some(dirty) = read(lake, &key).await? else { return Ok(()) };
    for (other, entry) in debts(lake).await? {
        if other != *run && entry.modified_micros >= taken.modified_micros {
            continue;
        }
        let Some(debt) = read(lake, &entry.key).await? else { continue };
        if debt.iter().all(|owed| dirty.iter().any(|done| covers(done, owed))) {
            lake.delete(&entry.key).await?;
        }
    }
    Ok(())
}

/// What the run left dirty; nothing where it has no list.
pub(crate) async fn dirty(context: &Context) -> anyhow::Result<Vec<Dirty>> {
    Ok(read(&context.lake, &layout::dirty(&context.run)).await?.unwrap_or_default())
}

/// Whether one holds all months of the other.
pub(crate) fn covers(done: &Dirty, owed: &Dirty) -> bool {
    done.id() == owed.id() && owed.months.iter().all(|month| done.months.contains(month))
}

async fn debts(lake: &Lake) -> Result<Vec<(RunId, Entry)>, StoreError> {
    let entries = lake.list(layout::OWED).await?;
    let run = |entry: Entry| Some((layout::parse_owed(&entry.key)?, entry));
    Ok(entries.into_iter().filter_map(run).collect())
}

/// A list of what is dirty; `None` where it is not there, or not any more.
async fn read(lake: &Lake, key: &str) -> Result<Option<Vec<Dirty>>, StoreError> {
    match lake.read_json(key, "list of what is dirty").await {
        Ok(list) => Ok(Some(list)),
        Err(error) if error.is_not_found() => Ok(None),
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

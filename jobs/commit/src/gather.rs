//! The plan and the fragments of a run, and what is wrong with a fragment.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use anyhow::Context as _;
use chrono::TimeDelta;
use futures::{StreamExt as _, TryStreamExt as _};
use model::fragment::{BronzeFragment, RowCounts, SilverFragment};
use model::plan::{Partition, Plan};
use model::schema::Table;
use model::{UnitId, layout};
use stage::{Context, Failure};
use store::Lake;

use crate::summary::Skipped;

/// Files of a fragment older than this may have fallen to a vacuum, and are looked for.
const TRUSTED: TimeDelta = TimeDelta::days(table::maintain::RETENTION_DAYS - 1);

/// What a run planned and did.
#[derive(Debug)]
pub struct Gathered {
    /// The plan.
    pub plan: Plan,
    /// What bronze did, by unit.
    pub bronze: Vec<BronzeFragment>,
    /// What silver did, by group; only what is whole.
    pub silver: Vec<SilverFragment>,
    /// Fragments that are not, and why.
    pub refused: Vec<Skipped>,
    /// Archives that silver found to be unreadable, by unit and SHA-256: why.
    pub unreadable: HashMap<(UnitId, String), String>,
}

impl Gathered {
    /// Reads the plan and the fragments of the context's run.
    ///
    /// # Errors
    /// When one cannot be read. A run without a plan was never planned.
    pub async fn load(context: &Context) -> Result<Self, Failure> {
        let (lake, run) = (&context.lake, &context.run);
        let plan =
            lake.plan(run).await.with_context(|| format!("run {run} has not been planned"))?;
        let mut bronze = lake.bronze_fragments(run).await?;
        bronze.sort_by(|a, b| a.unit.cmp(&b.unit));
        let mut all = lake.silver_fragments(run).await?;
        all.sort_by(|a, b| a.group.cmp(&b.group));

        let mut refused = Vec::new();
        let mut silver: Vec<SilverFragment> = Vec::with_capacity(all.len());
        let mut taken: BTreeMap<Table, HashSet<Partition>> = BTreeMap::new();
        for fragment in all {
            let taken = taken.entry(fragment.table).or_default();
            let fault = fault(&fragment).or_else(|| {
                let twice = fragment.replaces.iter().find(|partition| taken.contains(*partition));
                twice.map(|p| format!("partition {p:?} belongs to another group of the run too"))
            });
            match fault {
                None => {
                    taken.extend(fragment.replaces.iter().cloned());
                    silver.push(fragment);
                }
                Some(why) => refused.push(Skipped { group: fragment.group, why }),
            }
        }
        let old = context.clock.now() - TRUSTED;
        let (silver, lost) = with_all_files(lake, silver, |f| f.built_at < old).await?;
        refused.extend(lost);
        let unreadable = silver
            .iter()
            .flat_map(|fragment| &fragment.units)
            .filter_map(|unit| Some(((unit.unit.id(), unit.sha256.clone()), unit.corrupt.clone()?)))
            .collect();
        Ok(Self { plan, bronze, silver, refused, unreadable })
    }

    /// The silver tables that the run has groups of.
    pub fn silver_tables(&self) -> BTreeSet<Table> {
        self.silver.iter().map(|fragment| fragment.table).collect()
    }

    /// Archives of which the run has learnt something from their source.
    pub const fn received(&self) -> u64 {
        self.bronze.len() as u64
    }

    /// Archives that the run has fetched and that silver can use.
    pub fn usable(&self) -> u64 {
        let is_usable = |fragment: &&BronzeFragment| {
            let sha256 = fragment.archive.as_ref().map_or("", |archive| archive.sha256.as_str());
            let is_read = !self.unreadable.contains_key(&(fragment.unit.id(), sha256.to_owned()));
            fragment.status.is_usable() && is_read
        };
        self.bronze.iter().filter(is_usable).count() as u64
    }

    /// Stands for what silver did: a run that did more than before commits again.
    pub fn content<'a>(fragments: impl IntoIterator<Item = &'a SilverFragment>) -> String {
        let mut lines: Vec<String> =
            fragments.into_iter().map(|f| format!("{}={}", f.group, f.inputs)).collect();
        lines.sort_unstable();
        lines.join("\n")
    }

    /// Stands for what bronze did.
    pub fn bronze_content(&self) -> String {
        let mut lines: Vec<String> = self
            .bronze
            .iter()
            .map(|f| {
                let sha256 = f.archive.as_ref().map_or("", |a| a.sha256.as_str());
                format!("{}={}={sha256}={}", f.unit, f.status, f.fetched_at)
            })
            .chain(self.unreadable.keys().map(|(unit, sha256)| format!("{unit}={sha256}")))
            .collect();
        lines.sort_unstable();
        lines.join("\n")
    }
}

/// What is wrong with a fragment, taken by itself.
pub(crate) fn fault(fragment: &SilverFragment) -> Option<String> {
    let counts = &fragment.counts;
    let mut sum = RowCounts::default();
    for unit in &fragment.units {
        if !unit.counts.add_up() {
            return Some(format!("rows of {} do not add up: {:?}", unit.unit, unit.counts));
        }
        sum += unit.counts;
    }
    let rows = |files: &[model::fragment::DataFile]| files.iter().map(|f| f.rows).sum::<u64>();
    let silver = rows(&fragment.files);
    let (rejected, conflicting) = fragment.reject_rows();
    if !counts.add_up() {
        Some(format!("rows do not add up: {counts:?}"))
    } else if sum != *counts {
        Some(format!("rows of its units are {sum:?}, its own {counts:?}"))
    } else if silver != counts.silver {
        Some(format!("its files have {silver} rows, its counts say {}", counts.silver))
    } else if !fragment.rejects_add_up() {
        Some(format!(
            "its reject files have {rejected} rows and {conflicting} conflicting ones, its counts \
             say {} and {}",
            counts.rejected, counts.conflicting
        ))
    } else {
        None
    }
}

/// Takes out the fragments that name files which are no longer there.
async fn with_all_files(
    lake: &Lake,
    fragments: Vec<SilverFragment>,
    doubtful: impl Fn(&SilverFragment) -> bool,
) -> Result<(Vec<SilverFragment>, Vec<Skipped>), Failure> {
    let keys: Vec<(usize, String)> = fragments
        .iter()
        .enumerate()
        .filter(|(_, fragment)| doubtful(fragment))
        .flat_map(|(n, fragment)| {
            let files = fragment.files.iter().map(|f| (fragment.table, f));
            let rejects = fragment.rejects.iter().map(|f| (Table::Rejects, f));
            let restated = fragment.units.iter().filter_map(|unit| unit.restated.as_ref());
            let restated = restated.map(|restated| (Table::Restatements, &restated.file));
            files
                .chain(rejects)
                .chain(restated)
                .map(move |(table, file)| (n, format!("{}/{}", layout::table(table), file.path)))
        })
        .collect();
    let lost: HashMap<usize, String> = futures::stream::iter(keys)
        .map(|(n, key)| async move {
            lake.head(&key).await.map(|entry| entry.is_none().then_some((n, key)))
        })
        .buffered(32)
        .try_filter_map(|lost| std::future::ready(Ok(lost)))
        .try_collect()
        .await?;
    let (mut kept, mut skipped) = (Vec::with_capacity(fragments.len()), Vec::new());
    for (n, fragment) in fragments.into_iter().enumerate() {
        match lost.get(&n) {
            None => kept.push(fragment),
            Some(key) => skipped.push(Skipped {
                group: fragment.group,
                why: format!("`{key}` is gone, a vacuum took it: start a new run"),
            }),
        }
    }
    Ok((kept, skipped))
}

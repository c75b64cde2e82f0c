//! The small tables, of which there is no other source: made anew from their own files, and what
//! a damaged file held from the fragments of runs and from the ledger's extract.

use std::collections::{BTreeMap, HashMap, HashSet};

use futures::{StreamExt as _, TryStreamExt as _};
use model::fragment::{BronzeFragment, SilverFragment};
use model::ledger::Ledger;
use model::plan::Partition;
use model::schema::Table;
use model::{RunId, Unit, layout};
use serde::de::DeserializeOwned;
use source::offer::{Checksum, Listed};
use stage::{Context, Failure};
use store::Lake;
use table::datafusion::arrow::array::RecordBatch;
use table::{Stamp, TableError, Tables};

use super::Report;
use crate::archives::{self, Entry};
use crate::rows::{self, Reader};
use crate::summary::Skipped;
use crate::{failure, gather, ops};

/// Makes a small table anew; of the others nothing is done here.
pub(super) async fn make(
    context: &Context,
    tables: &Tables,
    table: Table,
    report: &mut Report,
) -> Result<(), Failure> {
    let replaces = match table {
        Table::Archives | Table::Builds => false,
        Table::Runs
        | Table::Checks
        | Table::Coverage
        | Table::Instruments
        | Table::Restatements => true,
        _ => return Ok(()),
    };
    let salvaged = tables.salvage(table, replaces).await.map_err(failure)?;
    for file in &salvaged.unreadable {
        tracing::warn!(%table, file, "cannot be read: what only it held is gone");
        // the ledger has fragments and its extract to be made from, and check judges anew
        if matches!(table, Table::Runs | Table::Checks | Table::Instruments | Table::Restatements) {
            let why = format!("`{file}` cannot be read: rows that only it held are gone");
            report.left_out.push(Skipped { group: table.to_string(), why });
        }
    }
    let mut rows = salvaged.rows;
    match table {
        Table::Archives => archives(context, &mut rows).await?,
        Table::Builds => builds(context, tables, &mut rows).await?,
        _ => {}
    }
    let stamp = Stamp::new(table, &context.run, "rebuild", "", context.clock.now());
    let count = tables.make_anew(table, &stamp, rows).await.map_err(failure)?;
    report.rows.insert(table, count);
    Ok(())
}

/// The extract of the ledger as the tables are now.
pub(super) async fn extract(context: &Context, tables: &Tables) -> Result<(), Failure> {
    super::renew_extract(context, tables).await.map_err(failure)
}

type Rows = BTreeMap<Partition, Vec<RecordBatch>>;

/// Two columns of some rows, as texts.
fn pairs(table: Table, rows: &Rows, of: [&str; 2]) -> Result<HashSet<[String; 2]>, TableError> {
    let mut pairs = HashSet::new();
    for batch in rows.values().flatten() {
        let reader = Reader { table, batch };
        let (a, b) = (reader.text(of[0])?, reader.text(of[1])?);
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        pairs.extend((0..batch.num_rows()).map(|row| [text(a(row)), text(b(row))]));
    }
    Ok(pairs)
}

fn add(rows: &mut Rows, more: BTreeMap<Partition, (RecordBatch, String)>) {
    for (partition, (batch, _)) in more {
        rows.entry(partition).or_default().push(batch);
    }
}

/// Adds what fragments and the extract know of archives, and the rows do not.
async fn archives(context: &Context, rows: &mut Rows) -> Result<(), Failure> {
    let table = Table::Archives;
    let mut known = pairs(table, rows, ["unit", "sha256"]).map_err(failure)?;
    let mut new: Vec<(String, Entry)> = Vec::new();
    let fragments = fragments::<BronzeFragment>(&context.lake, "bronze").await?;
    for (run, fragment) in fragments {
        let entry = Entry::fetched(&fragment, &run);
        let unit = fragment.unit.to_string();
        let sha256 = entry.sha256.clone().unwrap_or_default();
        if known.insert([unit.clone(), sha256]) {
            new.push((unit, entry));
        }
    }
    for (id, row) in readable_extract(&context.lake).await?.archives {
        let unit: Unit = id.as_str().parse().map_err(anyhow::Error::from)?;
        // of a source that is configured no more nobody knows where it came from
        let section = context.config.sources.get(&unit.source);
        let url = match (section, context.providers.of(unit.source)) {
            (Some(section), Ok(provider)) => provider.remote(section, &unit, &unlisted()).url,
            _ => unit.to_string(),
        };
        for entry in Entry::of_row(&row, &url, &context.run) {
            let sha256 = entry.sha256.clone().unwrap_or_default();
            if known.insert([id.to_string(), sha256]) {
                new.push((id.to_string(), entry));
            }
        }
    }
    let entries = new.iter().map(|(id, entry)| (id.as_str(), entry));
    add(rows, archives::batches(entries).map_err(failure)?);
    Ok(())
}

/// An archive of which the source shows nothing: its URL follows from its unit.
fn unlisted() -> Listed {
    let checksum = Checksum::Unknown;
    Listed { path: None, bytes: None, etag: None, modified: None, checksum, until: None }
}

/// Adds the builds that committed runs have fragments of, and the rows do not. What was refused
/// or left out was never built: silver names none of its files.
async fn builds(context: &Context, tables: &Tables, rows: &mut Rows) -> Result<(), Failure> {
    let table = Table::Builds;
    let mut known = pairs(table, rows, ["group_id", "inputs"]).map_err(failure)?;
    let fragments = fragments::<SilverFragment>(&context.lake, "silver").await?;
    let mut live: HashMap<Table, HashSet<String>> = HashMap::new();
    for silver in Table::SILVER.iter().copied() {
        // of a silver table that is damaged too nothing can be asked
        if let Some(snapshot) = tables.snapshot(silver).await.map_err(failure)?
            && snapshot.version() > 0
        {
            live.insert(silver, snapshot.iter().map(|file| file.path).collect());
        }
    }
    for (run, fragment) in fragments {
        let is_live = fragment.files.is_empty()
            || live
                .get(&fragment.table)
                .is_none_or(|live| fragment.files.iter().any(|file| live.contains(&file.path)));
        if !is_live || gather::fault(&fragment).is_some() {
            continue;
        }
        // silver was committed where what is dirty is known
        let is_committed = context.lake.head(&layout::dirty(&run)).await?.is_some();
        if !is_committed || !known.insert([fragment.group.clone(), fragment.inputs.clone()]) {
            continue;
        }
        let cells = ops::cells(&fragment, run.as_str()).map_err(failure)?;
        let source = fragment.group.split('/').next().unwrap_or_default();
        let partition = Partition::from([("source".to_owned(), source.to_owned())]);
        let batch = rows::batch(table, &[cells]).map_err(failure)?;
        rows.entry(partition).or_default().push(batch);
    }
    Ok(())
}

/// The newest extract of the ledger that can be read.
async fn readable_extract(lake: &Lake) -> Result<Ledger, Failure> {
    let entries = lake.list(layout::INDEX).await?;
    for entry in entries.iter().rev().filter(|e| layout::parse_index(&e.key).is_some()) {
        match lake.read_json(&entry.key, "ledger extract").await {
            Ok(ledger) => return Ok(ledger),
            Err(error) => tracing::warn!(%error, "an extract is passed over"),
        }
    }
    Ok(Ledger::default())
}

/// The fragments of a stage in all runs that can be read, in order of their runs.
async fn fragments<T: DeserializeOwned>(
    lake: &Lake,
    stage: &str,
) -> Result<Vec<(RunId, T)>, Failure> {
    let mut all = Vec::new();
    for folder in lake.folders(layout::RUNS).await? {
        let Some(run) = folder.rsplit('/').next().and_then(|name| name.parse::<RunId>().ok())
        else {
            continue;
        };
        let entries = lake.list(&layout::fragments(&run, stage)).await?;
        let read = futures::stream::iter(entries)
            .map(|entry| async move {
                match lake.read_json::<T>(&entry.key, "fragment").await {
                    Ok(fragment) => Ok(Some(fragment)),
                    Err(store::StoreError::Document { .. }) => Ok(None),
                    Err(error) => Err(error),
                }
            })
            .buffered(16)
            .try_collect::<Vec<_>>()
            .await?;
        all.extend(read.into_iter().flatten().map(|fragment| (run.clone(), fragment)));
    }
    Ok(all)
}

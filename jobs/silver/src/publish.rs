//! Puts the files of a built group in their places and says so in a fragment. Until then
//! nothing of a group is visible; a file that is in its place already is replaced by the same
//! bytes.

use chrono::{DateTime, Utc};
use model::fragment::{DataFile, Restated, RowCounts, SilverFragment, UnitOutcome, readable};
use model::layout;
use model::partition::{Grain, as_map};
use model::plan::{Group, Partition};
use model::schema::{RejectReason, Table};
use store::parquet::Finished;
use tokio::runtime::Handle;

use crate::error::SilverError;
use crate::group::{Built, Input};
use crate::partition;
use crate::restate::Differs;

/// Publishes a group. `partitions` is what the plan gives it.
pub(crate) fn publish(
    runtime: &Handle,
    group: &Group,
    inputs: &[Input],
    built: Built,
    built_at: DateTime<Utc>,
) -> Result<SilverFragment, SilverError> {
    let mut counts = RowCounts::default();
    let mut units = Vec::with_capacity(inputs.len());
    let (mut rejects, mut restated) = (Vec::new(), Vec::new());
    for (input, result) in inputs.iter().zip(built.units) {
        if !result.counts.add_up() {
            return Err(SilverError::RowsLost {
                group: group.id.clone(),
                found: format!("{} has {:?}", input.unit, result.counts),
            });
        }
        let lines = |conflicting: bool| -> u64 {
            let is = |reason: &RejectReason| *reason == RejectReason::ConflictingDuplicate;
            let files = result.rejects.iter().filter(|(reason, _)| is(reason) == conflicting);
            files.map(|(_, file)| file.rows).sum()
        };
        let (rejected, conflicting) = (lines(false), lines(true));
        if (rejected, conflicting) != (result.counts.rejected, result.counts.conflicting) {
            return Err(SilverError::RowsLost {
                group: group.id.clone(),
                found: format!(
                    "{} has {rejected} + {conflicting} lines in files of rejects, {:?}",
                    input.unit, result.counts
                ),
            });
        }
        counts += result.counts;
        units.push(UnitOutcome {
            unit: input.unit.clone(),
            sha256: input.archive.sha256.clone(),
            counts: result.counts,
            rejects: Some(rejected + conflicting),
            corrupt: result.corrupt,
            short_days: result.short_days,
            notes: result.notes,
            restated: None,
        });
        rejects.push((input, result.rejects));
        restated.push(result.restated);
    }
    let read = readable(&units);
    let inputs_hash = Group::inputs(read.iter().map(|(unit, sha256)| (unit, sha256.as_str())));
    let inputs_hash = Group::read_as(inputs_hash, group.reading.as_deref(), group.prices.as_ref());
    let grain = Grain::of(group.table);

    // all partitions are looked at before the first file is put in its place
    let mut placed = Vec::with_capacity(built.files.len());
    for (ordinal, finished) in built.files {
        let Some(first) = inputs.first() else { continue };
        let values = partition::values(grain, &first.unit, ordinal);
        if !group.partitions.contains(&as_map(&values)) {
            return Err(SilverError::StrayPartition {
                group: group.id.clone(),
                found: layout::data_file(&borrowed(&values), ""),
            });
        }
        placed.push((values, finished));
    }
    let rows: u64 = placed.iter().map(|(_, finished)| finished.rows).sum();
    if rows != counts.silver || !counts.add_up() {
        return Err(SilverError::RowsLost {
            group: group.id.clone(),
            found: format!("{rows} rows in files, {counts:?}"),
        });
    }

    let files = placed
        .into_iter()
        .map(|(values, finished)| {
            let name = layout::data_file_name(&group.id, &inputs_hash, 0);
            put(runtime, group.table, &values, &name, finished)
        })
        .collect::<Result<_, _>>()?;
    let mut reject_files = Vec::new();
    for (input, finished) in rejects {
        for (reason, finished) in finished {
            let values =
                [("source", input.unit.source.to_string()), ("reason", reason.as_str().to_owned())];
            let id = input.unit.id();
            // which rows are left out depends on the other units of the group too
            let name = layout::data_file_name(id.as_str(), &inputs_hash, 0);
            reject_files.push(put(runtime, Table::Rejects, &values, &name, finished)?);
        }
    }
    for (outcome, differs) in units.iter_mut().zip(restated) {
        let Some(differs) = differs else { continue };
        let Differs { owner, inputs, changed, removed, added, untold, file } = *differs;
        let values = [("source", outcome.unit.source.to_string())];
        let name = layout::data_file_name(&owner, &inputs, 0);
        let file = put(runtime, Table::Restatements, &values, &name, file)?;
        outcome.restated = Some(Restated { owner, changed, removed, added, untold, file });
    }
    // a group of which nothing could be read replaces nothing: what was there stays
    let stays = read.is_empty() || built.withheld;
    let replaces: Vec<Partition> = if stays { Vec::new() } else { group.partitions.clone() };
    Ok(SilverFragment {
        group: group.id.clone(),
        table: group.table,
        inputs: inputs_hash,
        replaces,
        files,
        rejects: reject_files,
        units,
        counts,
        sorted: built.sorted,
        built_at,
    })
}

fn borrowed<'a>(values: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    values.iter().map(|(column, value)| (*column, value.as_str())).collect()
}

fn put(
    runtime: &Handle,
    table: Table,
    values: &[(&'static str, String)],
    name: &str,
    finished: Finished,
) -> Result<DataFile, SilverError> {
    let path = layout::data_file(&borrowed(values), name);
    let key = format!("{}/{path}", layout::table(table));
    let bytes = runtime.block_on(finished.staged.publish(&key))?;
    Ok(DataFile {
        path,
        partition: as_map(values),
        bytes,
        rows: finished.rows,
        stats: finished.stats,
        crc32: Some(finished.crc32),
    })
}

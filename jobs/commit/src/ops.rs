//! The rows of `ops.builds` and `ops.runs` that a run writes. What `ops.builds` says is read in
//! [`crate::builds`].

use std::collections::{BTreeMap, HashMap, HashSet};

use futures::TryStreamExt as _;
use model::fragment::SilverFragment;
use model::ledger::BuiltUnit;
use model::plan::Partition;
use model::schema::Table;
use stage::Context;
use table::{Change, Outcome, Snapshot, Stamp, TableError, Tables};

use crate::gather::Gathered;
use crate::rows::{self, Cell, Reader, stream};
use crate::silver;
use crate::summary::{RowSums, Summary};

pub(crate) fn cells(fragment: &SilverFragment, run: &str) -> Result<Vec<Cell>, TableError> {
    let units: Vec<BuiltUnit> = fragment
        .units
        .iter()
        .map(|outcome| BuiltUnit {
            unit: outcome.unit.id(),
            sha256: outcome.sha256.clone(),
            corrupt: outcome.corrupt.clone(),
            short_days: outcome.short_days.clone(),
            rows_read: Some(outcome.counts.read),
            rejects: outcome.rejects,
            notes: outcome.notes.clone(),
        })
        .collect();
    let units = serde_json::to_string(&units)
        .map_err(|error| TableError::Change { table: Table::Builds, source: Box::new(error) })?;
    let counts = &fragment.counts;
    Ok(vec![
        fragment.group.as_str().into(),
        fragment.table.as_str().into(),
        fragment.inputs.as_str().into(),
        units.as_str().into(),
        counts.read.into(),
        counts.silver.into(),
        counts.rejected.into(),
        counts.duplicate.into(),
        counts.conflicting.into(),
        counts.invalid.into(),
        Cell::Bool(fragment.sorted),
        (fragment.files.len() as u64).into(),
        fragment.files.iter().map(|file| file.bytes).sum::<u64>().into(),
        fragment.built_at.into(),
        run.into(),
    ])
}

/// Appends a row to `ops.builds` for each group in force that has none from this run.
pub(crate) async fn append_builds(
    context: &Context,
    tables: &Tables,
    gathered: &Gathered,
) -> Result<Outcome, TableError> {
    let table = Table::Builds;
    let run = context.run.as_str();
    let content = Gathered::content(&gathered.silver);
    let stamp = Stamp::new(table, &context.run, "silver", &content, context.clock.now());
    tables
        .replace_with(table, &stamp, async |snapshot| {
            let in_force = silver::in_force(tables, gathered).await?;
            let there = own_builds(tables, snapshot, run).await?;
            let mut by_source: BTreeMap<&str, Vec<&SilverFragment>> = BTreeMap::new();
            for fragment in &gathered.silver {
                let id = (fragment.group.clone(), fragment.inputs.clone());
                if in_force.contains(fragment.group.as_str()) && !there.contains(&id) {
                    // a group's id begins with its source
                    let source = fragment.group.split('/').next().unwrap_or_default();
                    by_source.entry(source).or_default().push(fragment);
                }
            }
            let mut change = Change::default();
            for (source, fragments) in by_source {
                let rows: Vec<Vec<Cell>> =
                    fragments.iter().map(|f| cells(f, run)).collect::<Result<_, _>>()?;
                let batch = rows::batch(table, &rows)?;
                let partition = Partition::from([("source".to_owned(), source.to_owned())]);
                let inputs = Gathered::content(fragments);
                let file = tables.write(table, &partition, [batch], run, &inputs, 0).await?;
                change.files.extend(file);
            }
            Ok(change)
        })
        .await
}

/// Group and inputs of the builds that a run has a row of.
async fn own_builds(
    tables: &Tables,
    snapshot: &Snapshot,
    run: &str,
) -> Result<HashSet<(String, String)>, TableError> {
    let sql = format!("SELECT group_id, inputs FROM ledger WHERE run = '{run}'");
    let mut stream = stream(tables, snapshot, &sql).await?;
    let mut builds = HashSet::new();
    while let Some(batch) = stream.try_next().await? {
        let reader = Reader { table: Table::Builds, batch: &batch };
        let (group, inputs) = (reader.text("group_id")?, reader.text("inputs")?);
        builds.extend((0..batch.num_rows()).map(|row| {
            (group(row).unwrap_or_default().to_owned(), inputs(row).unwrap_or_default().to_owned())
        }));
    }
    Ok(builds)
}

/// The sums over a run's rows of `ops.builds`; of a group that the run built twice, the later
/// one counts.
async fn figures(tables: &Tables, run: &str) -> Result<RowSums, TableError> {
    let Some(snapshot) = tables.snapshot(Table::Builds).await? else {
        return Ok(RowSums::default());
    };
    let sql = format!(
        "SELECT group_id, built_at, rows_read, rows_silver, rows_rejected, rows_duplicate \
         FROM ledger WHERE run = '{run}'"
    );
    let mut stream = stream(tables, &snapshot, &sql).await?;
    let mut groups: HashMap<String, (i64, [u64; 4])> = HashMap::new();
    while let Some(batch) = stream.try_next().await? {
        let reader = Reader { table: Table::Builds, batch: &batch };
        let (group, built_at) = (reader.text("group_id")?, reader.micros("built_at")?);
        let names = ["rows_read", "rows_silver", "rows_rejected", "rows_duplicate"];
        let [read, silver, rejected, duplicate] = names.map(|name| reader.long(name));
        let (read, silver, rejected, duplicate) = (read?, silver?, rejected?, duplicate?);
        for row in 0..batch.num_rows() {
            let number =
                |value: Option<i64>| value.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
            let rows = [read(row), silver(row), rejected(row), duplicate(row)].map(number);
            let at = built_at(row).unwrap_or(0);
            let entry =
                groups.entry(group(row).unwrap_or_default().to_owned()).or_insert((at, rows));
            if at > entry.0 {
                *entry = (at, rows);
            }
        }
    }
    let mut sum = RowSums { groups: groups.len() as u64, ..RowSums::default() };
    for (_, [read, silver, rejected, duplicate]) in groups.into_values() {
        sum.rows_read += read;
        sum.rows_silver += silver;
        sum.rows_rejected += rejected;
        sum.rows_duplicate += duplicate;
    }
    Ok(sum)
}

/// Writes the run's one row of `ops.runs`; a row of an earlier, smaller commit of it goes.
pub(crate) async fn write_run(
    context: &Context,
    tables: &Tables,
    gathered: &Gathered,
    summary: &Summary,
) -> Result<(Outcome, RowSums), TableError> {
    let table = Table::Runs;
    let (run, plan) = (context.run.as_str(), &gathered.plan);
    let figures = figures(tables, run).await?;
    let content = format!("{}\n{}", gathered.bronze_content(), Gathered::content(&gathered.silver));
    let now = context.clock.now();
    let stamp = Stamp::new(table, &context.run, "silver", &content, now);
    let ok = gathered.usable();
    let bytes: u64 =
        gathered.bronze.iter().filter_map(|f| f.archive.as_ref()).map(|a| a.bytes).sum();
    let silver = summary.tables.iter().filter(|t| gathered.silver_tables().contains(&t.table));
    let (added, removed) = silver.fold((0, 0), |(a, r), t| (a + t.added, r + t.removed));
    let outcome = tables
        .replace_with(table, &stamp, async |snapshot| {
            let row: Vec<Cell> = vec![
                run.into(),
                plan.environment.as_str().into(),
                plan.created_at.into(),
                now.into(),
                plan.config_sha256.as_str().into(),
                env!("CARGO_PKG_VERSION").into(),
                plan.totals.units.into(),
                ok.into(),
                (gathered.bronze.len() as u64 - ok).into(),
                bytes.into(),
                figures.groups.into(),
                plan.totals.groups.saturating_sub(figures.groups).into(),
                figures.rows_read.into(),
                figures.rows_silver.into(),
                figures.rows_rejected.into(),
                figures.rows_duplicate.into(),
                added.into(),
                removed.into(),
            ];
            let batch = rows::batch(table, &[row])?;
            let file = tables.write(table, &Partition::new(), [batch], run, &content, 0).await?;
            // of a run that is resumed after days, maintenance has merged the row with others
            let (gone, rest) = tables.without(snapshot, run).await?;
            let owners = vec![run.to_owned()];
            let files = file.into_iter().chain(rest).collect();
            Ok(Change { owners, gone, files, ..Change::default() })
        })
        .await?;
    Ok((outcome, figures))
}

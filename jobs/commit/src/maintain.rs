//! Maintenance: merging of small files, checkpoints, vacuum, expired log entries, the ledger's
//! extract, old temporary files and fragments.
//! Everything here may be left out for any time, and killed at any moment.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use model::exit::Exit;
use model::schema::Table;
use model::{RunId, layout};
use serde::Serialize;
use stage::{Context, Failure};
use table::maintain::{RETENTION_DAYS, Vacuumed};
use table::{Stamp, Tables};

use crate::{builds, failure, ledger, rebuild};

/// The tables to which each run adds a few rows.
const SMALL: [Table; 4] = [Table::Archives, Table::Builds, Table::Runs, Table::Checks];
/// Days after which temporary files go.
const TEMP_DAYS: u64 = 7;
/// Days after which the fragments and batches of a finished run go.
const RUN_DAYS: i64 = 30;

/// What to do.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Only tell what would be done.
    pub dry_run: bool,
    /// Days for which replaced files stay; fewer than [`RETENTION_DAYS`] count as so many.
    pub days: i64,
}

/// What was done, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Done {
    /// Whether nothing was really done.
    pub dry_run: bool,
    /// Days for which replaced files stay.
    pub days: i64,
    /// The tables.
    pub tables: Vec<TableDone>,
    /// Temporary files deleted.
    pub temp_files: u64,
    /// Their bytes.
    pub temp_bytes: u64,
    /// Runs whose fragments were deleted.
    pub runs: u64,
    /// Documents of theirs that were deleted.
    pub run_documents: u64,
}

/// What was done to one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableDone {
    /// The table.
    pub table: Table,
    /// The version of which there is a checkpoint.
    pub version: u64,
    /// Data files deleted.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Small files that were merged into few.
    pub merged: u64,
    /// Log entries deleted.
    pub log_entries: u64,
}

/// Maintains the lake.
///
/// # Errors
/// Whatever the lake says.
pub async fn run(context: &Context, options: Options) -> Result<Done, Failure> {
    let tables = Tables::of_run(&context.lake, &context.run);
    let tables = protecting(context, tables).await?;
    let now = context.clock.now();
    let days = options.days.max(RETENTION_DAYS);
    let mut done = Done { dry_run: options.dry_run, days, ..Done::default() };
    context.meter.total(Table::ALL.len() as u64 + 2);
    for table in Table::ALL {
        context.meter.at(table.as_str());
        if let Some(mut version) = tables.version(*table).await.map_err(failure)? {
            let mut merged = 0;
            if SMALL.contains(table) && !options.dry_run {
                let stamp = Stamp::new(*table, &context.run, "merge", "", now);
                let outcome = tables.merge(*table, &stamp, now).await.map_err(failure)?;
                (version, merged) = (outcome.version, outcome.removed);
            }
            let log_entries = if options.dry_run {
                0
            } else {
                tables.keep_removed(*table, days).await.map_err(failure)?;
                // first the checkpoint, that log entries before it can go
                tables.checkpoint(*table).await.map_err(failure)?;
                tables.clean_log(*table).await.map_err(failure)?
            };
            let Vacuumed { files, bytes } =
                tables.vacuum(*table, days, now, options.dry_run).await.map_err(failure)?;
            done.tables.push(TableDone {
                table: *table,
                version,
                files,
                bytes,
                merged,
                log_entries,
            });
        }
        context.meter.done(1);
    }
    if !options.dry_run && tables.version(Table::Archives).await.map_err(failure)?.is_some() {
        // whatever became of it: it says no more than the tables
        ledger::write_extract(&context.lake, &tables, true).await.map_err(failure)?;
    }
    context.meter.at("temporary files");
    clean_temp(context, now, options.dry_run, &mut done)?;
    clean_pages(context, now, options.dry_run, &mut done).await?;
    context.meter.done(1);
    context.meter.at("old runs");
    clean_runs(context, now, options.dry_run, &mut done).await?;
    context.meter.done(1);
    Ok(done)
}

/// The tables, none of which has lost anything, with what `ops.builds` names as current kept from
/// the vacuum. Where one has, nothing is deleted of any: what looks replaced may be all there is.
async fn protecting(context: &Context, tables: Tables) -> Result<Tables, Failure> {
    let refused = |text: String| Failure::new(Exit::DataRefused, anyhow::anyhow!(text));
    let damages = tables.logs().damages().await?;
    if let Some(first) = damages.first() {
        return Err(refused(format!(
            "nothing was deleted: {first}; {} of the tables' logs are damaged",
            damages.len()
        )));
    }
    let found = rebuild::find(context, &tables).await?;
    if let Some(first) = found.first() {
        return Err(refused(format!(
            "nothing was deleted: {} {} ({} such tables): `cargo xtask rebuild`, with the same \
             --env, --config and --lake, makes them anew",
            first.table,
            first.why,
            found.len()
        )));
    }
    let builds = builds::current(&tables).await.map_err(failure)?;
    let makers = builds::makers(&builds);
    Ok(tables.protecting(makers))
}

/// Deletes what lies in the temporary folder of a directory lake and has not been written for a
/// week. Elsewhere the folder is the system's, and the system's to clean.
fn clean_temp(
    context: &Context,
    now: DateTime<Utc>,
    dry_run: bool,
    done: &mut Done,
) -> Result<(), Failure> {
    let temp = context.lake.temp();
    if context.lake.directory().is_none_or(|lake| !temp.starts_with(lake)) {
        return Ok(());
    }
    let cutoff = std::time::SystemTime::from(now) - Duration::from_secs(TEMP_DAYS * 86_400);
    let mut folders = vec![temp.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            // whoever made it may delete it while we look
            let Ok(meta) = entry.metadata() else { continue };
            if meta.is_dir() {
                folders.push(entry.path());
            } else if meta.modified()? < cutoff {
                done.temp_files += 1;
                done.temp_bytes += meta.len();
                if !dry_run {
                    let _ = std::fs::remove_file(entry.path());
                }
            }
        }
        if folder != temp && !dry_run {
            // only an empty folder goes
            let _ = std::fs::remove_dir(&folder);
        }
    }
    Ok(())
}

/// Deletes what bronze has noted of units that were not whole, and of series that were refused: nobody
/// reads it after a few days. What was asked of each source stays.
async fn clean_pages(
    context: &Context,
    now: DateTime<Utc>,
    dry_run: bool,
    done: &mut Done,
) -> Result<(), Failure> {
    let oldest = (now - TimeDelta::days(TEMP_DAYS as i64)).timestamp_micros();
    for entry in context.lake.list(layout::LIMITS).await? {
        let is_note = entry.key.matches('/').count() > layout::LIMITS.matches('/').count() + 1;
        if is_note && entry.modified_micros < oldest {
            done.temp_files += 1;
            done.temp_bytes += entry.bytes;
            if !dry_run {
                context.lake.delete(&entry.key).await?;
            }
        }
    }
    Ok(())
}

/// Deletes fragments and batches of runs that are finished and old; their plan and summary stay.
async fn clean_runs(
    context: &Context,
    now: DateTime<Utc>,
    dry_run: bool,
    done: &mut Done,
) -> Result<(), Failure> {
    let lake = &context.lake;
    let newest_old = RunId::new(now - TimeDelta::days(RUN_DAYS), 0);
    for folder in lake.folders(layout::RUNS).await? {
        let Some(run) = folder.rsplit('/').next().and_then(|name| name.parse::<RunId>().ok())
        else {
            continue;
        };
        if run >= newest_old || lake.head(&layout::summary(&run)).await?.is_none() {
            continue;
        }
        let mut documents = 0;
        for part in ["fragments", "batches"] {
            for entry in lake.list_own(&format!("{folder}/{part}")).await? {
                documents += 1;
                if !dry_run {
                    lake.delete(&entry.key).await?;
                }
            }
        }
        done.runs += u64::from(documents > 0);
        done.run_documents += documents;
    }
    Ok(())
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (deleted, wrote) =
            if self.dry_run { ("would delete", "") } else { ("deleted", " checkpoint,") };
        writeln!(f, "maintain: replaced files stay for {} days", self.days)?;
        for table in &self.tables {
            writeln!(
                f,
                "  {:<17} version {:<5}{wrote} merged {} small files, {deleted} {} files ({} bytes), \
                 {} log entries",
                table.table.as_str(),
                table.version,
                table.merged,
                table.files,
                table.bytes,
                table.log_entries
            )?;
        }
        writeln!(
            f,
            "  temporary files   {deleted} {} ({} bytes)",
            self.temp_files, self.temp_bytes
        )?;
        write!(
            f,
            "  old runs          {deleted} {} documents of {} runs",
            self.run_documents, self.runs
        )
    }
}

//! Checkpoints, merging of small files and expired log entries. Data files that nobody needs are
//! deleted by `vacuum`.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use datafusion::prelude::{col, lit};
use deltalake_core::DeltaTable;
use deltalake_core::protocol::checkpoints::{cleanup_metadata, create_checkpoint};
use model::fragment::DataFile;
use model::layout;
use model::plan::Partition;
use model::schema::Table;

use crate::commit::{Change, MERGED, Outcome, Stamp};
use crate::error::TableError;
use crate::figures::FileFigures;
use crate::session::{SessionOptions, scan};
use crate::snapshot::{LiveFile, Snapshot};
use crate::tables::Tables;
pub use crate::vacuum::{RETENTION_DAYS, Vacuumed};
use crate::verify::all_sound;

/// So many small files of a partition are worth merging.
const MERGE_FROM: usize = 20;
/// Bytes of files that are merged into one at a time; larger files stay.
const MERGE_BYTES: u64 = 16 << 20;
/// Days for which a run may still replace its own files by name.
const SETTLED_DAYS: i64 = 8;

impl Tables {
    pub(crate) async fn loaded(&self, table: Table) -> Result<Option<DeltaTable>, TableError> {
        let Some(snapshot) = self.snapshot(table).await? else { return Ok(None) };
        let mut loaded = DeltaTable::new(snapshot.log.clone());
        loaded.load().await.map_err(TableError::delta("load", table))?;
        Ok(Some(loaded))
    }

    /// Writes a checkpoint of the newest version, which is returned; `None` for a table that
    /// was never created.
    ///
    /// # Errors
    /// [`TableError::Delta`].
    pub async fn checkpoint(&self, table: Table) -> Result<Option<u64>, TableError> {
        let Some(loaded) = self.loaded(table).await? else { return Ok(None) };
        let is_there = async || {
            let log = self.logs.verify(table, self.run.as_ref()).await?;
            Ok::<_, TableError>(log.and_then(|log| log.checkpoint()) >= loaded.version())
        };
        // one that is there is left as it is: its hash is known
        if !is_there().await?
            && let Err(error) = create_checkpoint(&loaded, None).await
            // of two writers the lake takes the first one's
            && !is_there().await?
        {
            return Err(TableError::delta("write a checkpoint of", table)(error));
        }
        self.record(table, self.run.as_ref()).await;
        Ok(loaded.version())
    }

    /// Merges the small files of tables to which each run adds a few rows (the ledger, builds,
    /// runs), those of them that are older than eight days, so that reading such a table does not
    /// grow with the number of runs. No row changes.
    ///
    /// # Errors
    /// As [`Tables::replace`].
    pub async fn merge(
        &self,
        table: Table,
        stamp: &Stamp,
        now: DateTime<Utc>,
    ) -> Result<Outcome, TableError> {
        let settled = (now - TimeDelta::days(SETTLED_DAYS)).timestamp_millis();
        self.replace_with(table, stamp, async |snapshot| {
            let mut small: BTreeMap<Partition, Vec<LiveFile>> = BTreeMap::new();
            for file in snapshot.iter() {
                if file.bytes < MERGE_BYTES / 2 && file.added_millis() < settled {
                    small.entry(file.partition.clone()).or_default().push(file);
                }
            }
            let mut change = Change::default();
            for (partition, mut files) in small {
                files.sort_by(|a, b| a.path.cmp(&b.path));
                let mut bytes = 0;
                files.retain(|file| {
                    bytes += file.bytes;
                    bytes <= MERGE_BYTES
                });
                if files.len() >= MERGE_FROM {
                    self.merge_partition(snapshot, &partition, &files, &mut change).await?;
                }
            }
            Ok(change)
        })
        .await
    }

    async fn merge_partition(
        &self,
        snapshot: &Snapshot,
        partition: &Partition,
        files: &[LiveFile],
        change: &mut Change,
    ) -> Result<(), TableError> {
        let table = snapshot.table();
        // what is spoiled is not written anew under a sum that fits
        all_sound(&self.lake, files.iter().map(|file| (table, file.clone())).collect()).await?;
        let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
        let options = SessionOptions { target_partitions: Some(1), ..SessionOptions::default() };
        let session = self.session(&options)?;
        let some = scan(snapshot, false)?.with_file_paths(paths.clone());
        session.register_table("small", Arc::new(some))?;
        let schema = table.schema();
        let columns: Vec<_> = schema.file_columns().iter().map(|c| c.name).collect();
        let sql =
            format!("SELECT {} FROM small ORDER BY {}", columns.join(", "), schema.key.join(", "));
        let batches = session.sql(&sql).await?.collect().await?;
        let file = self.write(table, partition, batches, MERGED, &paths.join("\n"), 0).await?;
        let rows: u64 = files.iter().map(|file| file.rows).sum();
        let found = file.as_ref().map_or(0, |file| file.rows);
        if rows != found {
            return Err(TableError::Change {
                table,
                source: format!("{found} rows were read to be merged, expected {rows}").into(),
            });
        }
        change.files.extend(file);
        change.merged.extend(paths);
        Ok(())
    }

    /// The merged files of a table that hold rows of a run, by path, and files with what else is
    /// in them: for a run that puts other rows in the place of its own.
    ///
    /// # Errors
    /// [`TableError`].
    pub async fn without(
        &self,
        snapshot: &Snapshot,
        run: &str,
    ) -> Result<(Vec<String>, Vec<DataFile>), TableError> {
        let table = snapshot.table();
        let prefix = layout::owner_prefix(MERGED);
        let (mut gone, mut rest) = (Vec::new(), Vec::new());
        let is_merged = |file: &LiveFile| file.name().starts_with(&prefix);
        // a damaged file of other runs is no business of this one
        let may_hold = |file: &LiveFile| FileFigures::of(file).may_hold("run", run);
        for file in snapshot.iter().filter(|file| is_merged(file) && may_hold(file)) {
            // what is spoiled is not written anew under a sum that fits
            all_sound(&self.lake, vec![(table, file.clone())]).await?;
            let options = SessionOptions { target_partitions: Some(1), ..Default::default() };
            let session = self.session(&options)?;
            let one = scan(snapshot, false)?.with_file_paths(vec![file.path.clone()]);
            session.register_table("merged", Arc::new(one))?;
            let own = session.table("merged").await?.filter(col("run").eq(lit(run)))?;
            if own.count().await? == 0 {
                continue;
            }
            let schema = table.schema();
            let columns: Vec<_> = schema.file_columns().iter().map(|c| c.name).collect();
            let others = session
                .table("merged")
                .await?
                .filter(col("run").not_eq(lit(run)))?
                .select_columns(&columns)?
                .sort_by(schema.key.iter().map(|key| col(*key)).collect())?;
            let inputs = format!("{} without {run}", file.path);
            let batches = others.collect().await?;
            rest.extend(self.write(table, &file.partition, batches, MERGED, &inputs, 0).await?);
            gone.push(file.path);
        }
        Ok((gone, rest))
    }

    /// Deletes log entries that are older than the table's log retention (30 days) and that no
    /// reader needs, and tells how many.
    ///
    /// # Errors
    /// [`TableError::Delta`].
    pub async fn clean_log(&self, table: Table) -> Result<u64, TableError> {
        let Some(loaded) = self.loaded(table).await? else { return Ok(0) };
        let deleted = cleanup_metadata(&loaded, None)
            .await
            .map_err(TableError::delta("clean the log of", table))?;
        Ok(deleted as u64)
    }
}

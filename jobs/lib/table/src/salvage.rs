//! A small table made anew from the data files that lie in its folder: for tables of which there
//! is no other source (the ledger, builds, runs, checks), and whose log, or a file of which, is
//! damaged. Rows that two files hold are one row.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use datafusion::datasource::MemTable;
use model::layout;
use model::plan::Partition;
use model::schema::Table;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::commit::{Change, MERGED, Stamp};
use crate::error::TableError;
use crate::session::SessionOptions;
use crate::snapshot::LiveFile;
use crate::tables::Tables;
use crate::verify;

/// The rows of a table's files.
#[derive(Debug, Default)]
pub struct Salvaged {
    /// The rows, by partition; some may be there twice.
    pub rows: BTreeMap<Partition, Vec<RecordBatch>>,
    /// Files that could not be read.
    pub unreadable: Vec<String>,
}

/// A file that may be part of the table.
struct Candidate {
    path: String,
    modified_micros: i64,
    /// As the log names it, where there is one.
    live: Option<LiveFile>,
}

impl Tables {
    /// The rows of a table's files that can be read: of the live ones, and where there is no log
    /// of all that lie there. Of those that belong to one owner (a run) only the last counts then,
    /// where `owners_replace`.
    ///
    /// # Errors
    /// [`TableError`].
    pub async fn salvage(
        &self,
        table: Table,
        owners_replace: bool,
    ) -> Result<Salvaged, TableError> {
        let mut salvaged = Salvaged::default();
        for candidate in self.candidates(table, owners_replace).await? {
            // what is spoiled may read well, and is not written anew under a sum that fits
            let fault = match &candidate.live {
                Some(file) => verify::fault(&self.lake, table, file).await?,
                None => None,
            };
            let read = match fault {
                Some(fault) => Err(fault),
                None => self.read(table, &candidate).await,
            };
            match read {
                Ok(batches) => {
                    let partition = partition_of(&candidate.path);
                    salvaged.rows.entry(partition).or_default().extend(batches);
                }
                Err(error) => {
                    tracing::warn!(%table, file = candidate.path, error, "a file cannot be read");
                    salvaged.unreadable.push(candidate.path);
                }
            }
        }
        Ok(salvaged)
    }

    /// Makes `rows` the whole content of a table, each row once: one commit. The rows' number.
    ///
    /// # Errors
    /// As [`Tables::replace`].
    pub async fn make_anew(
        &self,
        table: Table,
        stamp: &Stamp,
        rows: BTreeMap<Partition, Vec<RecordBatch>>,
    ) -> Result<u64, TableError> {
        let mut change = Change::default();
        let mut count = 0;
        for (partition, batches) in rows {
            let batches = self.distinct(table, batches).await?;
            count += batches.iter().map(|batch| batch.num_rows() as u64).sum::<u64>();
            let file = self.write(table, &partition, batches, MERGED, stamp.app(), 0).await?;
            change.files.extend(file);
            change.partitions.push(partition);
        }
        // partitions of which no file could be read
        if let Some(snapshot) = self.snapshot(table).await? {
            change.partitions.extend(snapshot.iter().map(|file| file.partition));
        }
        change.partitions.sort();
        change.partitions.dedup();
        self.replace(table, stamp, change).await?;
        Ok(count)
    }

    /// The live files; where there is no log, all that lie there.
    async fn candidates(
        &self,
        table: Table,
        owners_replace: bool,
    ) -> Result<Vec<Candidate>, TableError> {
        let folder = format!("{}/", layout::table(table));
        let mut live: Option<HashMap<String, LiveFile>> = self
            .snapshot(table)
            .await?
            .filter(|snapshot| snapshot.version() > 0)
            .map(|snapshot| snapshot.iter().map(|file| (file.path.clone(), file)).collect());
        let mut found = Vec::new();
        for entry in self.lake.list(&folder).await? {
            let Some(path) = entry.key.strip_prefix(&folder) else { continue };
            let is_data = !path.starts_with('_') && path.ends_with(".parquet");
            let named = live.as_mut().map(|live| live.remove(path));
            if is_data && !matches!(named, Some(None)) {
                let (path, modified_micros) = (path.to_owned(), entry.modified_micros);
                found.push(Candidate { path, modified_micros, live: named.flatten() });
            }
        }
        if table == Table::Instruments && live.is_none() {
            // each file is the whole of its partition, a merged one too
            let mut newest: HashMap<String, (i64, String)> = HashMap::new();
            let of = |path: &str| path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
            for Candidate { path, modified_micros, .. } in &found {
                let last = newest.entry(of(path)).or_default();
                *last = std::mem::take(last).max((*modified_micros, path.clone()));
            }
            found.retain(|file| {
                newest.get(&of(&file.path)).is_some_and(|(_, path)| *path == file.path)
            });
        } else if owners_replace && live.is_none() {
            let merged = layout::owner_prefix(MERGED);
            let owner = |path: &str| {
                let name = path.rsplit('/').next().unwrap_or(path);
                let owner = name.split_once('-').map_or("", |(owner, _)| owner).to_owned();
                (!name.starts_with(&merged)).then_some(owner)
            };
            let mut last: HashMap<String, i64> = HashMap::new();
            for candidate in &found {
                if let Some(owner) = owner(&candidate.path) {
                    let at = last.entry(owner).or_insert(candidate.modified_micros);
                    *at = candidate.modified_micros.max(*at);
                }
            }
            found.retain(|candidate| {
                owner(&candidate.path)
                    .is_none_or(|owner| last.get(&owner) == Some(&candidate.modified_micros))
            });
        }
        Ok(found)
    }

    async fn read(&self, table: Table, file: &Candidate) -> Result<Vec<RecordBatch>, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let key = format!("{}/{}", layout::table(table), file.path);
        let bytes = self.lake.read(&key).await.map_err(|e| text(&e))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|e| text(&e))?;
        let schema = store::schema::file_schema(table);
        let mut batches = Vec::new();
        for batch in reader.build().map_err(|e| text(&e))? {
            let batch = batch.map_err(|e| text(&e))?;
            let columns = schema.fields().iter().map(|field| -> Result<ArrayRef, String> {
                match batch.column_by_name(field.name()) {
                    Some(column) => {
                        arrow::compute::cast(column, field.data_type()).map_err(|e| text(&e))
                    }
                    None if field.is_nullable() => {
                        Ok(new_null_array(field.data_type(), batch.num_rows()))
                    }
                    None => Err(format!("has no column {}", field.name())),
                }
            });
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            batches.push(RecordBatch::try_new(Arc::clone(&schema), columns).map_err(|e| text(&e))?);
        }
        Ok(batches)
    }

    /// The rows in the order of the table's key, each once.
    async fn distinct(
        &self,
        table: Table,
        batches: Vec<RecordBatch>,
    ) -> Result<Vec<RecordBatch>, TableError> {
        let options = SessionOptions { target_partitions: Some(1), ..SessionOptions::default() };
        let session = self.session(&options)?;
        let schema = store::schema::file_schema(table);
        let memory = MemTable::try_new(Arc::clone(&schema), vec![batches])?;
        session.register_table("salvaged", Arc::new(memory))?;
        let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        let key = table.schema().key.iter().filter(|key| names.contains(key));
        let order: Vec<&str> = key.copied().chain(names.iter().copied()).collect();
        let sql = format!(
            "SELECT DISTINCT {} FROM salvaged ORDER BY {}",
            names.join(", "),
            order.join(", ")
        );
        let found = session.sql(&sql).await?.collect().await?;
        // the engine takes more for nullable than is
        let conform = |batch: RecordBatch| {
            RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec())
                .map_err(datafusion::error::DataFusionError::from)
        };
        Ok(found.into_iter().map(conform).collect::<Result<_, _>>()?)
    }
}

/// The partition that a data file's path says.
fn partition_of(path: &str) -> Partition {
    let folders = path.rsplit_once('/').map_or("", |(folders, _)| folders);
    folders
        .split('/')
        .filter_map(|folder| folder.split_once('='))
        .map(|(column, value)| (column.to_owned(), value.to_owned()))
        .collect()
}

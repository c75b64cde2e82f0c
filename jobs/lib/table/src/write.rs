//! Data files of small tables from Arrow batches: gold, the ledger, ops. Silver writes its own.

use datafusion::arrow::record_batch::RecordBatch;
use model::fragment::DataFile;
use model::layout;
use model::plan::Partition;
use model::schema::Table;
use store::parquet::{WriteError, write_batches};

use crate::error::TableError;
use crate::tables::Tables;

impl Tables {
    /// Writes one data file and puts it in its place, which no reader sees before a commit
    /// names it. `batches` have the columns of [`store::schema::file_schema`]; `owner`, `inputs`
    /// and `part` make its name. `None` when there are no rows.
    ///
    /// # Errors
    /// [`TableError::Write`], [`TableError::Store`].
    pub async fn write(
        &self,
        table: Table,
        partition: &Partition,
        batches: impl IntoIterator<Item = RecordBatch>,
        owner: &str,
        inputs: &str,
        part: u32,
    ) -> Result<Option<DataFile>, TableError> {
        let finished = match write_batches(&self.lake, table, batches) {
            Ok(finished) => finished,
            Err(WriteError::Empty { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let pairs: Vec<_> = table
            .schema()
            .partitions
            .iter()
            .filter_map(|column| Some((*column, partition.get(*column)?.as_str())))
            .collect();
        let path = layout::data_file(&pairs, &layout::data_file_name(owner, inputs, part));
        let key = format!("{}/{path}", layout::table(table));
        let (rows, stats, crc32) = (finished.rows, finished.stats, Some(finished.crc32));
        let bytes = finished.staged.publish(&key).await?;
        Ok(Some(DataFile { path, partition: partition.clone(), bytes, rows, stats, crc32 }))
    }
}

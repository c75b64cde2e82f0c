//! The Arrow path, on the library's own writer. Batches are gathered into whole row groups
//! before they are encoded, so that the bytes do not tell how the rows came.

use std::io::Write as _;
use std::sync::Arc;

use arrow::array::{Array as _, RecordBatch, RecordBatchOptions};
use arrow::compute::BatchCoalescer;
use model::schema::{ColumnType, Table};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;

use super::{CREATED_BY, Finished, TEXT_BYTES, WriteError, stats};
use crate::lake::Lake;
use crate::schema::file_schema;
use crate::staged::Staged;

/// Rows of a row group of [`write_batches`]: such tables have wide rows and are read whole.
const ROW_GROUP: usize = 1 << 17;

/// Writes a file of `table` from Arrow batches with the columns of
/// [`crate::schema::file_schema`].
///
/// # Errors
/// [`WriteError`]; [`WriteError::Empty`] when there is no row.
pub fn write_batches(
    lake: &Lake,
    table: Table,
    batches: impl IntoIterator<Item = RecordBatch>,
) -> Result<Finished, WriteError> {
    let mut file = BatchFile::create(lake, table, ROW_GROUP)?;
    for batch in batches {
        file.write(&batch)?;
    }
    file.finish()
}

/// What every file of `table` is written with.
pub(super) fn properties(table: Table, row_group_rows: usize) -> WriterProperties {
    let mut builder = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(row_group_rows))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_statistics_truncate_length(Some(TEXT_BYTES))
        .set_column_index_truncate_length(Some(TEXT_BYTES));
    for column in table.schema().file_columns() {
        if matches!(column.kind, ColumnType::Long | ColumnType::Timestamp | ColumnType::Date) {
            let path = ColumnPath::new(vec![column.name.to_owned()]);
            builder = builder
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        }
    }
    builder.build()
}

/// A file in the making.
#[derive(Debug)]
struct BatchFile {
    table: Table,
    coalescer: BatchCoalescer,
    writer: ArrowWriter<Staged>,
    rows: u64,
}

impl BatchFile {
    fn create(lake: &Lake, table: Table, rows: usize) -> Result<Self, WriteError> {
        let staged = lake.stage().map_err(|source| WriteError::Stage { table, source })?;
        let schema = file_schema(table);
        let options = ArrowWriterOptions::new()
            .with_properties(properties(table, rows))
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(staged, Arc::clone(&schema), options)
            .map_err(|source| WriteError::Encode { table, source })?;
        Ok(Self { table, coalescer: BatchCoalescer::new(schema, rows), writer, rows: 0 })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), WriteError> {
        let table = self.table;
        let expected = self.coalescer.schema();
        // a caller's metadata and nullability do not matter as long as the values fit
        let same = batch.num_columns() == expected.fields().len()
            && batch.columns().iter().zip(expected.fields()).all(|(c, f)| {
                c.data_type() == f.data_type() && (f.is_nullable() || c.null_count() == 0)
            });
        if !same {
            return Err(WriteError::Misfit {
                table,
                column: "*",
                found: format!("{}", batch.schema()),
                expected: format!("{expected}"),
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(expected, batch.columns().to_vec(), &options)
            .map_err(|error| WriteError::Encode { table, source: error.into() })?;
        self.rows += batch.num_rows() as u64;
        self.coalescer
            .push_batch(batch)
            .map_err(|error| WriteError::Encode { table, source: error.into() })?;
        self.drain()
    }

    /// Encodes the row groups that are complete.
    fn drain(&mut self) -> Result<(), WriteError> {
        while let Some(group) = self.coalescer.next_completed_batch() {
            self.writer.write(&group).map_err(|e| self.error(e))?;
        }
        Ok(())
    }

    fn error(&self, source: ParquetError) -> WriteError {
        WriteError::Encode { table: self.table, source }
    }

    fn finish(mut self) -> Result<Finished, WriteError> {
        let table = self.table;
        if self.rows == 0 {
            return Err(WriteError::Empty { table });
        }
        self.coalescer.finish_buffered_batch().map_err(|e| self.error(e.into()))?;
        self.drain()?;
        self.writer.flush().map_err(|e| self.error(e))?;
        let rows = self.rows;
        let stats = stats::of_file(table, self.writer.flushed_row_groups())?;
        let mut staged =
            self.writer.into_inner().map_err(|source| WriteError::Encode { table, source })?;
        staged.flush().map_err(|source| WriteError::File {
            table,
            path: staged.path().to_owned(),
            source,
        })?;
        Ok(Finished { staged, rows, stats })
    }
}

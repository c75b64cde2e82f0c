//! The Arrow path, on the library's own encoders. Batches are gathered into whole row groups
//! before they are encoded, so that the bytes do not tell how the rows came.

use std::io::Write as _;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch, RecordBatchOptions};
use arrow::compute::BatchCoalescer;
use arrow::datatypes::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float64Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};
use bytes::Bytes;
use model::schema::{Column, ColumnType, Table};
use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::writer::{
    ColumnCloseResult, ColumnWriter, ColumnWriterImpl, get_column_writer,
};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnDescPtr, ColumnPath};

use super::page::{Encoded, Pages, Summed, write_group};
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

/// A file in the making. The library encodes the columns; their pages get checksums here.
struct BatchFile {
    table: Table,
    coalescer: BatchCoalescer,
    columns: Vec<ColumnDescPtr>,
    properties: Arc<WriterProperties>,
    writer: SerializedFileWriter<Summed<Staged>>,
    rows: u64,
}

impl BatchFile {
    fn create(lake: &Lake, table: Table, rows: usize) -> Result<Self, WriteError> {
        let staged = lake.stage().map_err(|source| WriteError::Stage { table, source })?;
        let schema = file_schema(table);
        let encode = |source| WriteError::Encode { table, source };
        let descr = ArrowSchemaConverter::new().convert(&schema).map_err(encode)?;
        let properties = Arc::new(properties(table, rows));
        let writer = SerializedFileWriter::new(
            Summed::new(staged),
            descr.root_schema_ptr(),
            Arc::clone(&properties),
        )
        .map_err(encode)?;
        let columns = descr.columns().to_vec();
        let coalescer = BatchCoalescer::new(schema, rows);
        Ok(Self { table, coalescer, columns, properties, writer, rows: 0 })
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
        while let Some(rows) = self.coalescer.next_completed_batch() {
            self.group(&rows).map_err(|e| self.error(e))?;
        }
        Ok(())
    }

    fn group(&mut self, rows: &RecordBatch) -> Result<(), ParquetError> {
        let columns = self.table.schema().file_columns();
        let chunks = columns.iter().zip(&self.columns).zip(rows.columns());
        let chunks = chunks.map(|((column, descr), values)| {
            let (mut bytes, mut sum) = (Vec::new(), crc32fast::Hasher::new());
            let pages = Box::new(Pages::new(&mut bytes, &mut sum));
            let writer = get_column_writer(Arc::clone(descr), Arc::clone(&self.properties), pages);
            let close = write_column(writer, column, values)?;
            Ok(Encoded { bytes: Bytes::from(bytes), sum, close })
        });
        write_group(&mut self.writer, chunks)
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
        let rows = self.rows;
        let stats = stats::of_file(table, self.writer.flushed_row_groups())?;
        let (mut staged, crc32) = self
            .writer
            .into_inner()
            .and_then(Summed::finish)
            .map_err(|source| WriteError::Encode { table, source })?;
        staged.flush().map_err(|source| WriteError::File {
            table,
            path: staged.path().to_owned(),
            source,
        })?;
        Ok(Finished { staged, rows, stats, crc32 })
    }
}

/// Encodes one column of a row group.
fn write_column(
    writer: ColumnWriter<'_>,
    column: &Column,
    values: &ArrayRef,
) -> Result<ColumnCloseResult, ParquetError> {
    let levels = column.nullable.then(|| levels(values));
    let levels = levels.as_deref();
    match (writer, column.kind) {
        (ColumnWriter::BoolColumnWriter(w), _) => {
            write_all(w, values.as_boolean().iter().flatten(), levels)
        }
        (ColumnWriter::Int32ColumnWriter(w), ColumnType::Date) => {
            write_all(w, numbers::<Date32Type>(values), levels)
        }
        (ColumnWriter::Int32ColumnWriter(w), _) => {
            write_all(w, numbers::<Int32Type>(values), levels)
        }
        (ColumnWriter::Int64ColumnWriter(w), ColumnType::Timestamp) => {
            write_all(w, numbers::<TimestampMicrosecondType>(values), levels)
        }
        (ColumnWriter::Int64ColumnWriter(w), ColumnType::Decimal(..)) => {
            write_all(w, numbers::<Decimal128Type>(values).map(|v| v as i64), levels)
        }
        (ColumnWriter::Int64ColumnWriter(w), _) => {
            write_all(w, numbers::<Int64Type>(values), levels)
        }
        (ColumnWriter::DoubleColumnWriter(w), _) => {
            write_all(w, numbers::<Float64Type>(values), levels)
        }
        (ColumnWriter::FixedLenByteArrayColumnWriter(w), _) => {
            let size = w.get_descriptor().type_length() as usize;
            let bytes = |v: i128| FixedLenByteArray::from(v.to_be_bytes()[16 - size..].to_vec());
            write_all(w, numbers::<Decimal128Type>(values).map(bytes), levels)
        }
        (ColumnWriter::ByteArrayColumnWriter(w), _) => {
            write_all(w, values.as_string::<i32>().iter().flatten().map(ByteArray::from), levels)
        }
        _ => Err(ParquetError::General(format!("{} has a type that no table has", column.name))),
    }
}

/// For each row whether it has a value.
fn levels(values: &dyn Array) -> Vec<i16> {
    (0..values.len()).map(|row| i16::from(values.is_valid(row))).collect()
}

/// The numbers that are there.
fn numbers<T: ArrowPrimitiveType>(values: &ArrayRef) -> impl Iterator<Item = T::Native> {
    values.as_primitive::<T>().iter().flatten()
}

fn write_all<T: DataType>(
    mut writer: ColumnWriterImpl<'_, T>,
    values: impl Iterator<Item = T::T>,
    levels: Option<&[i16]>,
) -> Result<ColumnCloseResult, ParquetError> {
    let values: Vec<T::T> = values.collect();
    writer.write_batch(&values, levels, None)?;
    writer.close()
}

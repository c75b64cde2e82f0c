//! The hot path: slices of numbers become pages, pages become row groups. Page and row group
//! ends fall on fixed row numbers, so that the bytes do not tell how the rows came.

use std::fmt;
use std::io::{self, Write as _};
use std::sync::Arc;

use model::schema::{Column, ColumnType, Table};
use parquet::arrow::ArrowSchemaConverter;
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnDescPtr;

use super::batches::properties;
use super::chunk::Scratch;
use super::flag::FlagColumn;
use super::number::{NumberColumn, TooLong};
use super::page::{Encoded, Summed, write_group};
use super::text::TextColumn;
use super::{Finished, Values, WriteError, stats};
use crate::lake::Lake;
use crate::schema::schema_of;
use crate::staged::Staged;

/// Rows of a page. With eight to twelve bytes a value it is half a MiB or more, and stays in a
/// core's cache while it is encoded.
const PAGE_ROWS: usize = 1 << 16;
/// Compressed bytes of text after which a row group ends early, so that memory stays bounded
/// whatever the rows are. Only rows of long, ever new text come to it.
const GROUP_BYTES: usize = 16 << 20;

/// One column of the row group in the making.
#[derive(Debug)]
enum Encoder {
    Number(NumberColumn),
    Flag(FlagColumn),
    Text(TextColumn),
}

impl Encoder {
    /// `None` for types that the hot path does not have.
    fn new(column: &Column, descr: ColumnDescPtr) -> Option<Self> {
        Some(match column.kind {
            ColumnType::Long
            | ColumnType::Timestamp
            | ColumnType::Date
            | ColumnType::Decimal(..) => Self::Number(NumberColumn::new(column, descr)),
            ColumnType::Boolean => Self::Flag(FlagColumn::new(column, descr)),
            ColumnType::Text => Self::Text(TextColumn::new(column, descr)),
            _ => return None,
        })
    }

    /// Adds the rows `from..to` of values that were found to fit.
    fn push(&mut self, values: &Values<'_>, from: usize, to: usize) {
        let rows = to - from;
        match (self, values) {
            (Self::Number(c), Values::Long(v) | Values::Micros(v) | Values::Decimal64(v)) => {
                c.push(&v[from..to]);
            }
            (Self::Number(c), Values::Decimal128(v)) => c.push_wide(&v[from..to]),
            (Self::Number(c), Values::Sparse(v)) => {
                for value in &v[from..to] {
                    match value {
                        Some(value) => c.push_wide(&[*value]),
                        None => c.push_nulls(1),
                    }
                }
            }
            (Self::Number(c), Values::Days(v)) => {
                for day in &v[from..to] {
                    match day {
                        Some(day) => c.push(&[i64::from(*day)]),
                        None => c.push_nulls(1),
                    }
                }
            }
            (Self::Number(c), _) => c.push_nulls(rows),
            (Self::Flag(c), Values::Bool(v)) => c.push(&v[from..to]),
            (Self::Flag(c), Values::ConstBool(v)) => c.push_same(*v, rows),
            (Self::Flag(c), _) => c.push_nulls(rows),
            (Self::Text(c), Values::Text(v)) => c.push(&v[from..to]),
            (Self::Text(c), Values::ConstText(v)) => c.push_same(v, rows),
            (Self::Text(c), _) => c.push_nulls(rows),
        }
    }

    /// How many of the rows `from..to` the page takes, at least one.
    fn room(&self, values: &Values<'_>, from: usize, to: usize) -> usize {
        match (self, values) {
            (Self::Text(c), Values::Text(v)) => c.room(&v[from..to]),
            (Self::Text(c), Values::ConstText(v)) => c.room_same(v, to - from),
            _ => to - from,
        }
    }

    fn end_chunk(&mut self, scratch: &mut Scratch) -> Result<Encoded, ParquetError> {
        match self {
            Self::Number(c) => c.end_chunk(scratch),
            Self::Flag(c) => c.end_chunk(scratch),
            Self::Text(c) => c.end_chunk(scratch),
        }
    }
}

/// A Parquet file in the making, fed with plain slices. It holds at most one row group, already
/// encoded and compressed.
pub struct ColumnarFile {
    table: Table,
    columns: Vec<Column>,
    encoders: Vec<Encoder>,
    scratch: Scratch,
    writer: SerializedFileWriter<Summed<Staged>>,
    group_rows: usize,
    page_rows: usize,
    /// Rows in the page, in the row group and in the file so far.
    in_page: usize,
    in_group: usize,
    rows: u64,
}

impl fmt::Debug for ColumnarFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ColumnarFile")
            .field("table", &self.table)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl ColumnarFile {
    /// Starts a file of `table` whose row groups have exactly `row_group_rows` rows, but the
    /// last. (One with 16 MiB of compressed text ends early, to bound memory.)
    ///
    /// # Errors
    /// [`WriteError::Misfit`] when the table has columns of types that [`Values`] lacks (take
    /// [`super::write_batches`] for it); else as the disk has it.
    pub fn create(lake: &Lake, table: Table, row_group_rows: usize) -> Result<Self, WriteError> {
        let columns = table.schema().file_columns().to_vec();
        Self::with_columns(lake, table, columns, row_group_rows)
    }

    /// As [`Self::create`], with the file columns as this file has them: see [`Column::stated`].
    ///
    /// # Errors
    /// As [`Self::create`].
    pub fn with_columns(
        lake: &Lake,
        table: Table,
        columns: Vec<Column>,
        row_group_rows: usize,
    ) -> Result<Self, WriteError> {
        Self::with_pages(lake, table, columns, row_group_rows, PAGE_ROWS)
    }

    pub(super) fn with_pages(
        lake: &Lake,
        table: Table,
        columns: Vec<Column>,
        row_group_rows: usize,
        page_rows: usize,
    ) -> Result<Self, WriteError> {
        let encode = |source| WriteError::Encode { table, source };
        let group_rows = row_group_rows.max(1);
        let schema = ArrowSchemaConverter::new().convert(&schema_of(&columns)).map_err(encode)?;
        let encoders = columns
            .iter()
            .zip(schema.columns())
            .map(|(column, descr)| {
                Encoder::new(column, Arc::clone(descr)).ok_or_else(|| WriteError::Misfit {
                    table,
                    column: column.name,
                    found: format!("{:?}", column.kind).to_lowercase(),
                    expected: "a type of the hot path".to_owned(),
                })
            })
            .collect::<Result<_, _>>()?;
        let staged = lake.stage().map_err(|source| WriteError::Stage { table, source })?;
        let path = staged.path().to_owned();
        let scratch = Scratch::new().map_err(|source| WriteError::File { table, path, source })?;
        let properties = Arc::new(properties(table, group_rows));
        let writer =
            SerializedFileWriter::new(Summed::new(staged), schema.root_schema_ptr(), properties)
                .map_err(encode)?;
        Ok(Self {
            table,
            columns,
            encoders,
            scratch,
            writer,
            group_rows,
            page_rows,
            in_page: 0,
            in_group: 0,
            rows: 0,
        })
    }

    /// Adds rows: one element of `values` for each file column of the table, in order.
    ///
    /// # Errors
    /// [`WriteError::Misfit`] when the values are not what the table has; the file is then of
    /// no use. [`WriteError::Encode`] or [`WriteError::File`] when the disk refuses.
    pub fn write(&mut self, rows: usize, values: &[Values<'_>]) -> Result<(), WriteError> {
        self.check(rows, values)?;
        let mut from = 0;
        while from < rows {
            let room = (self.page_rows - self.in_page).min(self.group_rows - self.in_group);
            let most = rows.min(from + room);
            let to = self
                .encoders
                .iter()
                .zip(values)
                .fold(most, |to, (encoder, values)| from + encoder.room(values, from, to));
            for (encoder, values) in self.encoders.iter_mut().zip(values) {
                encoder.push(values, from, to);
            }
            self.in_page += to - from;
            self.in_group += to - from;
            self.rows += (to - from) as u64;
            from = to;
            if self.in_group == self.group_rows {
                self.end_group()?;
            } else if self.in_page == self.page_rows || self.texts().any(TextColumn::is_full) {
                self.end_page()?;
                if self.texts().map(TextColumn::size).sum::<usize>() >= GROUP_BYTES {
                    self.end_group()?;
                }
            }
        }
        Ok(())
    }

    fn texts(&self) -> impl Iterator<Item = &TextColumn> {
        self.encoders.iter().filter_map(|encoder| match encoder {
            Encoder::Text(column) => Some(column),
            _ => None,
        })
    }

    fn check(&self, rows: usize, values: &[Values<'_>]) -> Result<(), WriteError> {
        let misfit = |column, found, expected| {
            Err(WriteError::Misfit { table: self.table, column, found, expected })
        };
        if values.len() != self.columns.len() {
            let (found, expected) = (values.len(), self.columns.len());
            return misfit("*", format!("{found} columns"), format!("{expected} columns"));
        }
        for (column, values) in self.columns.iter().zip(values) {
            if !values.fit(column) {
                let kind = format!("{:?}", column.kind).to_lowercase();
                return misfit(column.name, values.name().to_owned(), kind);
            }
            if let Some(found) = values.rows().filter(|found| *found != rows) {
                return misfit(column.name, format!("{found} rows"), format!("{rows} rows"));
            }
            let has_null = match values {
                Values::Text(texts) => texts.contains(&None),
                Values::Days(days) => days.contains(&None),
                Values::Sparse(values) => values.contains(&None),
                _ => false,
            };
            if has_null && !column.nullable {
                return misfit(column.name, "a null".to_owned(), values.name().to_owned());
            }
        }
        Ok(())
    }

    /// Encodes the rows gathered.
    fn end_page(&mut self) -> Result<(), WriteError> {
        if self.in_page == 0 {
            return Ok(());
        }
        self.in_page = 0;
        for i in 0..self.encoders.len() {
            let (before, rest) = self.encoders.split_at_mut(i);
            let done: io::Result<Result<(), TooLong>> = match &mut rest[0] {
                Encoder::Number(column) => {
                    let before = match before.last() {
                        Some(Encoder::Number(before)) => Some(before),
                        _ => None,
                    };
                    column.end_page(&mut self.scratch, before)
                }
                Encoder::Flag(column) => column.end_page(&mut self.scratch).map(Ok),
                Encoder::Text(column) => column.end_page(&mut self.scratch).map(Ok),
            };
            match done {
                Ok(Ok(())) => {}
                Ok(Err(TooLong(value))) => {
                    let scale = match self.columns[i].kind {
                        ColumnType::Decimal(_, scale) => scale,
                        _ => 0,
                    };
                    return Err(WriteError::Misfit {
                        table: self.table,
                        column: self.columns[i].name,
                        found: stats::decimal(value, scale),
                        expected: format!("{:?}", self.columns[i].kind).to_lowercase(),
                    });
                }
                Err(source) => {
                    let path = self.writer.inner().inner().path().to_owned();
                    return Err(WriteError::File { table: self.table, path, source });
                }
            }
        }
        // only now, for a column may look at the one to its left
        for encoder in &mut self.encoders {
            if let Encoder::Number(column) = encoder {
                column.clear_page();
            }
        }
        Ok(())
    }

    /// Writes the row group.
    fn end_group(&mut self) -> Result<(), WriteError> {
        self.end_page()?;
        if self.in_group == 0 {
            return Ok(());
        }
        self.in_group = 0;
        let table = self.table;
        let encode = |source| WriteError::Encode { table, source };
        let Self { encoders, scratch, writer, .. } = self;
        let chunks = encoders.iter_mut().map(|encoder| encoder.end_chunk(scratch));
        write_group(writer, chunks).map_err(encode)
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`WriteError::Empty`] when no row was written; else as the disk has it.
    pub fn finish(mut self) -> Result<Finished, WriteError> {
        let table = self.table;
        let encode = |source| WriteError::Encode { table, source };
        if self.rows == 0 {
            return Err(WriteError::Empty { table });
        }
        self.end_group()?;
        let stats = stats::of_file(table, self.writer.flushed_row_groups())?;
        let (mut staged, crc32) =
            self.writer.into_inner().and_then(Summed::finish).map_err(encode)?;
        staged.flush().map_err(|source| {
            let path = staged.path().to_owned();
            WriteError::File { table, path, source }
        })?;
        Ok(Finished { staged, rows: self.rows, stats, crc32 })
    }
}

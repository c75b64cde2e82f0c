//! Columns of booleans: a bit a row.

use std::io;

use model::schema::Column;
use parquet::basic::Encoding;
use parquet::errors::ParquetError;
use parquet::schema::types::ColumnDescPtr;

use super::bits;
use super::chunk::{Chunk, Extremes, Levels, Scratch};
use super::page::Encoded;

/// A column of booleans in the row group in the making.
#[derive(Debug)]
pub(super) struct FlagColumn {
    levels: Levels,
    /// The page's values that are there.
    values: Vec<bool>,
    chunk: Chunk,
}

impl FlagColumn {
    pub(super) const fn new(column: &Column, descr: ColumnDescPtr) -> Self {
        Self { levels: Levels::new(column.nullable), values: Vec::new(), chunk: Chunk::new(descr) }
    }

    pub(super) fn push(&mut self, values: &[bool]) {
        self.levels.push(true, values.len());
        self.values.extend_from_slice(values);
    }

    pub(super) fn push_same(&mut self, value: bool, rows: usize) {
        self.levels.push(true, rows);
        self.values.resize(self.values.len() + rows, value);
    }

    pub(super) fn push_nulls(&mut self, rows: usize) {
        self.levels.push(false, rows);
    }

    /// Ends the page.
    pub(super) fn end_page(&mut self, scratch: &mut Scratch) -> io::Result<()> {
        self.levels.start(scratch);
        bits::booleans(&mut scratch.body, &self.values);
        let bounds = (!self.values.is_empty())
            .then(|| Extremes::Flag(!self.values.contains(&false), self.values.contains(&true)));
        self.chunk.push(scratch.compress()?, &self.levels, Encoding::PLAIN, bounds);
        self.values.clear();
        self.levels.clear();
        Ok(())
    }

    /// Ends the row group.
    pub(super) fn end_chunk(&mut self, scratch: &mut Scratch) -> Result<Encoded, ParquetError> {
        scratch.body.clear();
        self.chunk.close(scratch, None)
    }
}

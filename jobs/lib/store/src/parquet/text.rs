//! Columns of text: words that return, such as issues and hashes. Texts that hardly ever return
//! are written as they are.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use model::schema::Column;
use parquet::basic::Encoding;
use parquet::errors::ParquetError;
use parquet::schema::types::ColumnDescPtr;

use super::chunk::{Chunk, Extremes, Levels, Scratch};
use super::page::Encoded;
use super::{TEXT_BYTES, bits};

/// Bytes of text after which a page ends. Texts that return at once do not count, for they are
/// stored once.
const PAGE_BYTES: usize = 1 << 20;
/// Most entries of a dictionary.
const MOST: usize = 1 << 14;
/// Most bytes of a dictionary.
const MOST_BYTES: usize = 1 << 20;

/// Distinct texts in the order of their first appearance.
#[derive(Debug, Default)]
struct Words {
    indexes: HashMap<Arc<str>, u32>,
    list: Vec<Arc<str>>,
    bytes: usize,
}

impl Words {
    fn index(&mut self, text: &str) -> u32 {
        if let Some(index) = self.indexes.get(text) {
            return *index;
        }
        let index = self.list.len() as u32;
        let word: Arc<str> = text.into();
        self.list.push(Arc::clone(&word));
        self.indexes.insert(word, index);
        self.bytes += 4 + text.len();
        index
    }

    fn cut(&mut self, len: usize) {
        for word in self.list.drain(len..) {
            self.indexes.remove(&word);
            self.bytes -= 4 + word.len();
        }
    }

    fn is_large(&self) -> bool {
        self.list.len() > MOST || self.bytes > MOST_BYTES
    }
}

/// A column of text in the row group in the making.
#[derive(Debug)]
pub(super) struct TextColumn {
    levels: Levels,
    words: Words,
    /// The words that the chunk's dictionary pages refer to: those before this page's.
    settled: usize,
    /// Whether the rest of the chunk goes without a dictionary; `words` are the page's then.
    plain: bool,
    /// The page's values that are there: words and how often each comes in a row.
    runs: Vec<(u32, usize)>,
    /// Bytes of text in `runs`.
    bytes: usize,
    chunk: Chunk,
}

impl TextColumn {
    pub(super) fn new(column: &Column, descr: ColumnDescPtr) -> Self {
        Self {
            levels: Levels::new(column.nullable),
            words: Words::default(),
            settled: 0,
            plain: false,
            runs: Vec::new(),
            bytes: 0,
            chunk: Chunk::new(descr),
        }
    }

    /// How many of the next rows the page takes, at least one. It depends on the rows alone.
    pub(super) fn room(&self, values: &[Option<&str>]) -> usize {
        let mut last = self.runs.last().map(|(word, _)| &*self.words.list[*word as usize]);
        let mut bytes = self.bytes;
        for (row, value) in values.iter().enumerate() {
            if value.is_some() && last != *value {
                bytes += value.map_or(0, str::len);
                last = *value;
            }
            if bytes >= PAGE_BYTES {
                return row + 1;
            }
        }
        values.len()
    }

    /// The same for rows that are all alike.
    pub(super) fn room_same(&self, text: &str, rows: usize) -> usize {
        let returns =
            self.runs.last().is_some_and(|(word, _)| *self.words.list[*word as usize] == *text);
        if returns || self.bytes + text.len() < PAGE_BYTES { rows } else { rows.min(1) }
    }

    /// Whether the page is at its end.
    pub(super) const fn is_full(&self) -> bool {
        self.bytes >= PAGE_BYTES
    }

    /// Compressed bytes of the row group so far.
    pub(super) fn size(&self) -> usize {
        self.chunk.size()
    }

    pub(super) fn push(&mut self, values: &[Option<&str>]) {
        for value in values {
            match value {
                Some(text) => self.push_same(text, 1),
                None => self.levels.push(false, 1),
            }
        }
    }

    pub(super) fn push_same(&mut self, text: &str, rows: usize) {
        if rows == 0 {
            return;
        }
        self.levels.push(true, rows);
        match self.runs.last_mut() {
            Some((word, count)) if *self.words.list[*word as usize] == *text => *count += rows,
            _ => {
                let word = self.words.index(text);
                self.runs.push((word, rows));
                self.bytes += text.len();
            }
        }
    }

    pub(super) fn push_nulls(&mut self, rows: usize) {
        self.levels.push(false, rows);
    }

    /// Ends the page.
    pub(super) fn end_page(&mut self, scratch: &mut Scratch) -> io::Result<()> {
        self.levels.start(scratch);
        let bounds = self.bounds();
        let encoding = self.encode(scratch);
        self.chunk.push(scratch.compress()?, &self.levels, encoding, bounds);
        if self.plain {
            self.words.cut(self.settled);
        }
        self.settled = self.words.list.len();
        self.runs.clear();
        self.bytes = 0;
        self.levels.clear();
        Ok(())
    }

    fn bounds(&self) -> Option<Extremes> {
        let texts = || self.runs.iter().map(|(word, _)| &self.words.list[*word as usize]);
        let (min, max) = (texts().min()?, texts().max()?);
        Some(if min.len().max(max.len()) > TEXT_BYTES {
            Extremes::Unknown
        } else {
            Extremes::Text((**min).into(), (**max).into())
        })
    }

    /// Appends the page's values.
    fn encode(&mut self, scratch: &mut Scratch) -> Encoding {
        if self.runs.is_empty() {
            return Encoding::PLAIN;
        }
        self.plain |= self.words.is_large();
        if self.plain {
            for (word, rows) in &self.runs {
                for _ in 0..*rows {
                    plain(&mut scratch.body, &self.words.list[*word as usize]);
                }
            }
            return Encoding::PLAIN;
        }
        // at least one bit, for some readers take no width of zero
        let width = bits::width(self.words.list.len() as u64 - 1).max(1);
        scratch.body.push(width as u8);
        if let [(word, rows)] = self.runs[..] {
            bits::repeated(&mut scratch.body, word, rows, width);
        } else {
            scratch.indexes.clear();
            for (word, rows) in &self.runs {
                scratch.indexes.resize(scratch.indexes.len() + rows, *word);
            }
            bits::hybrid(&mut scratch.body, &scratch.indexes, width);
        }
        Encoding::RLE_DICTIONARY
    }

    /// Ends the row group.
    pub(super) fn end_chunk(&mut self, scratch: &mut Scratch) -> Result<Encoded, ParquetError> {
        scratch.body.clear();
        for word in &self.words.list {
            plain(&mut scratch.body, word);
        }
        let entries = self.words.list.len();
        self.words.cut(0);
        self.settled = 0;
        self.plain = false;
        self.chunk.close(scratch, (entries > 0).then_some(entries))
    }
}

/// Appends a text as plain values have it.
fn plain(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

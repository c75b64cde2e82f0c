//! Columns of numbers: ids, instants and decimals.

use std::io;

use model::schema::{Column, ColumnType};
use parquet::basic::Encoding;
use parquet::errors::ParquetError;
use parquet::schema::types::ColumnDescPtr;

use super::bits;
use super::chunk::{Chunk, Compressed, Extremes, Levels, Scratch};
use super::dictionary::Dictionary;
use super::page::Encoded;

/// How a column's values stand in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// 64 bits, or the 32 of a day; ids and instants, of which hardly any returns.
    Delta,
    /// 64 bits; prices, which often return.
    Narrow,
    /// So many bytes, the highest first: decimals of more than 18 digits.
    Wide(usize),
}

/// A column of numbers in the row group in the making.
#[derive(Debug)]
pub(super) struct NumberColumn {
    form: Form,
    /// The first magnitude that the column's decimal cannot hold.
    limit: i128,
    levels: Levels,
    /// The page's values that are there.
    values: Vec<i64>,
    /// The page's values where any of them does not fit 64 bits; `values` is empty then.
    wide: Vec<i128>,
    /// The chunk's dictionary; `None` for ids and instants.
    dictionary: Option<Dictionary>,
    /// Whether the rest of the chunk goes without a dictionary.
    plain: bool,
    /// Whether plain pages of the chunk are compressed by hand; `None` before the first one.
    by_hand: Option<bool>,
    chunk: Chunk,
}

/// A decimal of more digits than the column has.
#[derive(Debug)]
pub(super) struct TooLong(pub(super) i128);

impl NumberColumn {
    pub(super) fn new(column: &Column, descr: ColumnDescPtr) -> Self {
        let (form, limit) = match column.kind {
            ColumnType::Decimal(precision, _) => {
                let form = match precision {
                    ..=18 => Form::Narrow,
                    _ => Form::Wide(descr.type_length() as usize),
                };
                (form, 10_i128.pow(precision.into()))
            }
            _ => (Form::Delta, i128::MAX),
        };
        Self {
            form,
            limit,
            levels: Levels::new(column.nullable),
            values: Vec::new(),
            wide: Vec::new(),
            dictionary: (form != Form::Delta).then(Dictionary::new),
            plain: form == Form::Delta,
            by_hand: None,
            chunk: Chunk::new(descr),
        }
    }

    pub(super) fn push(&mut self, values: &[i64]) {
        self.levels.push(true, values.len());
        if self.wide.is_empty() {
            self.values.extend_from_slice(values);
        } else {
            self.wide.extend(values.iter().map(|v| i128::from(*v)));
        }
    }

    pub(super) fn push_wide(&mut self, values: &[i128]) {
        self.levels.push(true, values.len());
        if self.wide.is_empty() {
            // what fits 64 bits is treated alike, however it came
            let start = self.values.len();
            self.values.extend(values.iter().map(|v| *v as i64));
            if self.values[start..].iter().zip(values).all(|(n, w)| i128::from(*n) == *w) {
                return;
            }
            self.values.truncate(start);
            self.wide.extend(self.values.drain(..).map(i128::from));
        }
        self.wide.extend_from_slice(values);
    }

    pub(super) fn push_nulls(&mut self, rows: usize) {
        self.levels.push(false, rows);
    }

    /// Ends the page; `before` is the column to the left, whose page just ended.
    pub(super) fn end_page(
        &mut self,
        scratch: &mut Scratch,
        before: Option<&Self>,
    ) -> io::Result<Result<(), TooLong>> {
        // a time in two types is encoded once
        if let Some(before) = before.filter(|b| b.form == self.form && b.values == self.values)
            && self.form == Form::Delta
            && before.levels.same(&self.levels)
        {
            self.chunk.push_same(&before.chunk);
            return Ok(Ok(()));
        }
        let bounds = if self.wide.is_empty() {
            least_and_greatest(&self.values)
        } else {
            least_and_greatest(&self.wide)
        };
        if let Some(bad) = bounds.and_then(|(a, b)| {
            [a, b].into_iter().find(|v| v.unsigned_abs() >= self.limit.unsigned_abs())
        }) {
            return Ok(Err(TooLong(bad)));
        }
        self.levels.start(scratch);
        let (body, encoding) = self.encode(scratch)?;
        let bounds = bounds.map(|(min, max)| Extremes::Number(min, max));
        self.chunk.push(body, &self.levels, encoding, bounds);
        Ok(Ok(()))
    }

    /// Appends the page's values and compresses the page.
    fn encode(&mut self, scratch: &mut Scratch) -> io::Result<(Compressed, Encoding)> {
        if self.levels.present() == 0 {
            return Ok((scratch.compress()?, Encoding::PLAIN));
        }
        if !self.plain && self.wide.is_empty() && self.encode_by_dictionary(scratch) {
            return Ok((scratch.compress()?, Encoding::RLE_DICTIONARY));
        }
        self.plain = true;
        match self.form {
            Form::Delta | Form::Narrow => {
                bits::delta(&mut scratch.body, &self.values);
                Ok((scratch.compress()?, Encoding::DELTA_BINARY_PACKED))
            }
            Form::Wide(size) => Ok((self.encode_wide(scratch, size)?, Encoding::PLAIN)),
        }
    }

    fn encode_wide(&mut self, scratch: &mut Scratch, size: usize) -> io::Result<Compressed> {
        if !self.wide.is_empty() {
            big_endian(&mut scratch.body, size, &self.wide);
            return scratch.compress();
        }
        let by_hand = match self.by_hand {
            Some(false) => None,
            _ => scratch.compress_numbers(&self.values, size),
        };
        if let (Some(page), Some(true)) = (&by_hand, self.by_hand) {
            return Ok(page.clone());
        }
        big_endian(&mut scratch.body, size, &self.values);
        let page = scratch.compress()?;
        let Some(by_hand) = by_hand else { return Ok(page) };
        // the first page decides: a little space is given for much time
        let good = by_hand.bytes.len() <= page.bytes.len() + page.bytes.len() / 16;
        self.by_hand = Some(good);
        Ok(if good { by_hand } else { page })
    }

    fn encode_by_dictionary(&mut self, scratch: &mut Scratch) -> bool {
        let Some(dictionary) = &mut self.dictionary else { return false };
        let before = dictionary.values().len();
        let fits = dictionary.indexes(&self.values, &mut scratch.indexes);
        // the first page tells whether values return
        let pays = before > 0 || dictionary.values().len() * 2 <= self.values.len();
        if !fits || !pays {
            dictionary.cut(before);
            return false;
        }
        // at least one bit, for some readers take no width of zero
        let width = bits::width(dictionary.values().len() as u64 - 1).max(1);
        scratch.body.push(width as u8);
        bits::hybrid(&mut scratch.body, &scratch.indexes, width);
        true
    }

    /// Forgets the values of the page that ended.
    pub(super) fn clear_page(&mut self) {
        self.values.clear();
        self.wide.clear();
        self.levels.clear();
    }

    /// Ends the row group.
    pub(super) fn end_chunk(&mut self, scratch: &mut Scratch) -> Result<Encoded, ParquetError> {
        scratch.body.clear();
        let mut entries = None;
        if let Some(dictionary) = &mut self.dictionary {
            let values = dictionary.values();
            if !values.is_empty() {
                match self.form {
                    Form::Wide(size) => big_endian(&mut scratch.body, size, values),
                    _ => scratch.body.extend(values.iter().flat_map(|v| v.to_le_bytes())),
                }
                entries = Some(values.len());
            }
            dictionary.clear();
            self.plain = false;
            self.by_hand = None;
        }
        self.chunk.close(scratch, entries)
    }
}

fn least_and_greatest<T: Copy + Ord + Into<i128>>(values: &[T]) -> Option<(i128, i128)> {
    let first = *values.first()?;
    let (min, max) = values.iter().fold((first, first), |(min, max), v| (min.min(*v), max.max(*v)));
    Some((min.into(), max.into()))
}

/// Appends numbers as `size` bytes each, the highest byte first.
fn big_endian<T: Copy + Into<i128>>(out: &mut Vec<u8>, size: usize, values: &[T]) {
    fn fixed<const N: usize, T: Copy + Into<i128>>(out: &mut [u8], values: &[T]) {
        for (slot, value) in out.as_chunks_mut::<N>().0.iter_mut().zip(values) {
            let value: i128 = (*value).into();
            slot.copy_from_slice(&value.to_be_bytes()[16 - N..]);
        }
    }
    let start = out.len();
    out.resize(start + values.len() * size, 0);
    match size {
        12 => fixed::<12, T>(&mut out[start..], values),
        _ => {
            for (slot, value) in out[start..].chunks_exact_mut(size).zip(values) {
                let value: i128 = (*value).into();
                slot.copy_from_slice(&value.to_be_bytes()[16 - size..]);
            }
        }
    }
}

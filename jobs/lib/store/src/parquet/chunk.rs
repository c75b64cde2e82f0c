//! A column chunk: compressed pages that wait for their row group to be complete, and what the
//! footer says of them.

use std::io;

use bytes::Bytes;
use parquet::basic::{BoundaryOrder, Compression, Encoding, PageType, Type, ZstdLevel};
use parquet::column::page::{CompressedPage, Page as PageForm, PageWriter as _};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, PageEncodingStats,
};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::schema::types::ColumnDescPtr;

use super::page::{Encoded, Pages};
use super::{bits, frame};

/// The compression level of every page. Level 1: the higher ones cost far more time than they
/// save space on packed numbers.
const LEVEL: i32 = 1;

/// Buffers that all columns of a file take turns with.
pub(super) struct Scratch {
    zstd: zstd::bulk::Compressor<'static>,
    compressed: Vec<u8>,
    /// The page in the making.
    pub(super) body: Vec<u8>,
    /// Dictionary indexes or levels of the page in the making.
    pub(super) indexes: Vec<u32>,
}

impl Scratch {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            zstd: zstd::bulk::Compressor::new(LEVEL)?,
            compressed: Vec::new(),
            body: Vec::new(),
            indexes: Vec::new(),
        })
    }

    /// Compresses the page in the making.
    pub(super) fn compress(&mut self) -> io::Result<Compressed> {
        self.compressed.clear();
        self.compressed.reserve(zstd::zstd_safe::compress_bound(self.body.len()));
        self.zstd.compress_to_buffer(&self.body, &mut self.compressed)?;
        Ok(Compressed { bytes: Bytes::copy_from_slice(&self.compressed), plain: self.body.len() })
    }

    /// Compresses the page in the making followed by `values`, of `size` bytes each, by hand;
    /// `None` when they do not suit.
    pub(super) fn compress_numbers(&mut self, values: &[i64], size: usize) -> Option<Compressed> {
        self.compressed.clear();
        frame::compress(&self.body, values, size, &mut self.compressed).then(|| Compressed {
            bytes: Bytes::copy_from_slice(&self.compressed),
            plain: self.body.len() + values.len() * size,
        })
    }
}

/// A page after compression.
#[derive(Debug, Clone)]
pub(super) struct Compressed {
    pub(super) bytes: Bytes,
    /// Size before compression.
    plain: usize,
}

/// Which rows of a page have a value.
#[derive(Debug)]
pub(super) struct Levels {
    nullable: bool,
    /// Spans of rows with or without a value.
    runs: Vec<(bool, usize)>,
    rows: usize,
    nulls: usize,
}

impl Levels {
    pub(super) const fn new(nullable: bool) -> Self {
        Self { nullable, runs: Vec::new(), rows: 0, nulls: 0 }
    }

    /// Adds rows that all have a value or all have none.
    pub(super) fn push(&mut self, present: bool, rows: usize) {
        self.rows += rows;
        if !present {
            self.nulls += rows;
        }
        match self.runs.last_mut() {
            _ if rows == 0 => {}
            Some((last, count)) if *last == present => *count += rows,
            _ => self.runs.push((present, rows)),
        }
    }

    pub(super) fn clear(&mut self) {
        self.runs.clear();
        (self.rows, self.nulls) = (0, 0);
    }

    /// Rows with a value.
    pub(super) const fn present(&self) -> usize {
        self.rows - self.nulls
    }

    /// Whether both say the same in the same form.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.nullable == other.nullable && self.runs == other.runs
    }

    /// Starts a page: levels come before the values.
    pub(super) fn start(&self, scratch: &mut Scratch) {
        let (body, levels) = (&mut scratch.body, &mut scratch.indexes);
        body.clear();
        if !self.nullable {
            return;
        }
        body.extend_from_slice(&[0; 4]);
        if let [(present, rows)] = self.runs[..] {
            bits::repeated(body, present.into(), rows, 1);
        } else {
            levels.clear();
            for (present, rows) in &self.runs {
                levels.resize(levels.len() + rows, (*present).into());
            }
            bits::hybrid(body, levels, 1);
        }
        let length = (body.len() - 4) as u32;
        body[..4].copy_from_slice(&length.to_le_bytes());
    }
}

/// The least and the greatest value of a page or a chunk.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Extremes {
    /// Integers, instants and decimals.
    Number(i128, i128),
    /// Booleans.
    Flag(bool, bool),
    /// Text.
    Text(Box<str>, Box<str>),
    /// There are values, but their bounds are too long to be kept.
    Unknown,
}

impl Extremes {
    /// The bounds of both together.
    fn join(self, other: Self) -> Self {
        match (self, other) {
            (Self::Number(a, b), Self::Number(c, d)) => Self::Number(a.min(c), b.max(d)),
            (Self::Flag(a, b), Self::Flag(c, d)) => Self::Flag(a & c, b | d),
            (Self::Text(a, b), Self::Text(c, d)) => Self::Text(a.min(c), b.max(d)),
            _ => Self::Unknown,
        }
    }

    /// Whether both bounds are (at most, at least) the other's.
    fn order(&self, next: &Self) -> (bool, bool) {
        match (self, next) {
            (Self::Number(a, b), Self::Number(c, d)) => (a <= c && b <= d, a >= c && b >= d),
            (Self::Flag(a, b), Self::Flag(c, d)) => (a <= c && b <= d, a >= c && b >= d),
            (Self::Text(a, b), Self::Text(c, d)) => (a <= c && b <= d, a >= c && b >= d),
            _ => (false, false),
        }
    }

    /// Both bounds as the format writes plain values; `None` when they are unknown.
    fn bytes(&self, descr: &ColumnDescPtr) -> Option<(Vec<u8>, Vec<u8>)> {
        let number = |value: i128| match descr.physical_type() {
            Type::FIXED_LEN_BYTE_ARRAY => {
                value.to_be_bytes()[16 - descr.type_length() as usize..].to_vec()
            }
            Type::INT32 => (value as i32).to_le_bytes().to_vec(),
            _ => (value as i64).to_le_bytes().to_vec(),
        };
        Some(match self {
            Self::Number(min, max) => (number(*min), number(*max)),
            Self::Flag(min, max) => (vec![(*min).into()], vec![(*max).into()]),
            Self::Text(min, max) => (min.as_bytes().to_vec(), max.as_bytes().to_vec()),
            Self::Unknown => return None,
        })
    }
}

/// A compressed data page.
#[derive(Debug, Clone)]
struct Page {
    body: Compressed,
    rows: usize,
    nulls: usize,
    encoding: Encoding,
    /// `None` when the page has no value.
    bounds: Option<Extremes>,
}

/// The pages of one column in the row group in the making.
#[derive(Debug)]
pub(super) struct Chunk {
    descr: ColumnDescPtr,
    pages: Vec<Page>,
    /// Compressed bytes of the pages.
    size: usize,
}

impl Chunk {
    pub(super) const fn new(descr: ColumnDescPtr) -> Self {
        Self { descr, pages: Vec::new(), size: 0 }
    }

    /// Compressed bytes so far.
    pub(super) const fn size(&self) -> usize {
        self.size
    }

    /// Adds a page.
    pub(super) fn push(
        &mut self,
        body: Compressed,
        levels: &Levels,
        encoding: Encoding,
        bounds: Option<Extremes>,
    ) {
        let (rows, nulls) = (levels.rows, levels.nulls);
        self.size += body.bytes.len();
        self.pages.push(Page { body, rows, nulls, encoding, bounds });
    }

    /// Takes over the last page of a column whose values are the same.
    pub(super) fn push_same(&mut self, other: &Self) {
        self.pages.extend(other.pages.last().cloned());
    }

    /// The whole chunk with its footer entry; nothing of it stays here. `dictionary` is the
    /// number of entries in the body of `scratch`.
    pub(super) fn close(
        &mut self,
        scratch: &mut Scratch,
        dictionary: Option<usize>,
    ) -> Result<Encoded, ParquetError> {
        let pages = std::mem::take(&mut self.pages);
        let size = std::mem::take(&mut self.size) + 64 * pages.len();
        let mut sink = Vec::with_capacity(size + scratch.body.len());
        let mut sum = crc32fast::Hasher::new();
        let mut writer = Pages::new(&mut sink, &mut sum);
        let mut encodings = Vec::new();
        let mut count = |page_type, encoding| match encodings.last_mut() {
            Some(PageEncodingStats { page_type: t, encoding: e, count })
                if (*t, *e) == (page_type, encoding) =>
            {
                *count += 1;
            }
            _ => encodings.push(PageEncodingStats { page_type, encoding, count: 1 }),
        };
        let mut plain = 0;
        let mut data_offset = 0;
        if let Some(entries) = dictionary {
            let body = scratch.compress()?;
            let form = PageForm::DictionaryPage {
                buf: body.bytes,
                num_values: entries as u32,
                encoding: Encoding::PLAIN,
                is_sorted: false,
            };
            let spec = writer.write_page(CompressedPage::new(form, body.plain))?;
            count(PageType::DICTIONARY_PAGE, Encoding::PLAIN);
            plain += spec.uncompressed_size;
            data_offset = spec.bytes_written;
        }
        let (mut rows, mut nulls, mut bounds) = (0, 0, None);
        let mut places = OffsetIndexBuilder::new();
        for page in &pages {
            let form = PageForm::DataPage {
                buf: page.body.bytes.clone(),
                num_values: page.rows as u32,
                encoding: page.encoding,
                def_level_encoding: Encoding::RLE,
                rep_level_encoding: Encoding::RLE,
                statistics: None,
            };
            let spec = writer.write_page(CompressedPage::new(form, page.body.plain))?;
            count(PageType::DATA_PAGE, page.encoding);
            places.append_row_count(page.rows as i64);
            places.append_offset_and_size(spec.offset as i64, spec.compressed_size as i32);
            plain += spec.uncompressed_size;
            rows += page.rows;
            nulls += page.nulls;
            bounds = match (bounds, page.bounds.clone()) {
                (Some(a), Some(b)) => Some(Extremes::join(a, b)),
                (a, b) => a.or(b),
            };
        }
        let bytes = Bytes::from(sink);
        let mut used = vec![Encoding::RLE];
        used.extend(encodings.iter().map(|e| e.encoding));
        let metadata = ColumnChunkMetaData::builder(self.descr.clone())
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL)?))
            .set_encodings(used)
            .set_page_encoding_stats(encodings)
            .set_total_compressed_size(bytes.len() as i64)
            .set_total_uncompressed_size(plain as i64)
            .set_num_values(rows as i64)
            .set_data_page_offset(data_offset as i64)
            .set_dictionary_page_offset(dictionary.map(|_| 0))
            .set_statistics(statistics(&self.descr, bounds.as_ref(), nulls as u64))
            .build()?;
        let close = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: rows as u64,
            metadata,
            bloom_filter: None,
            column_index: column_index(&self.descr, &pages)?,
            offset_index: Some(places.build()),
        };
        Ok(Encoded { bytes, sum, close })
    }
}

/// The footer's statistics of a chunk.
fn statistics(descr: &ColumnDescPtr, bounds: Option<&Extremes>, nulls: u64) -> Statistics {
    fn of<T>(bounds: Option<(T, T)>, nulls: u64, signed: bool) -> ValueStatistics<T> {
        let (min, max) = bounds.unzip();
        ValueStatistics::new(min, max, None, Some(nulls), false)
            .with_backwards_compatible_min_max(signed)
    }
    let signed = descr.sort_order().is_signed();
    let bytes = || bounds.and_then(|bounds| bounds.bytes(descr));
    match (descr.physical_type(), bounds) {
        (Type::BOOLEAN, Some(Extremes::Flag(min, max))) => {
            Statistics::Boolean(of(Some((*min, *max)), nulls, signed))
        }
        (Type::BOOLEAN, _) => Statistics::Boolean(of(None, nulls, signed)),
        (Type::INT32, Some(Extremes::Number(min, max))) => {
            Statistics::Int32(of(Some((*min as i32, *max as i32)), nulls, signed))
        }
        (Type::INT32, _) => Statistics::Int32(of(None, nulls, signed)),
        (Type::INT64, Some(Extremes::Number(min, max))) => {
            Statistics::Int64(of(Some((*min as i64, *max as i64)), nulls, signed))
        }
        (Type::INT64, _) => Statistics::Int64(of(None, nulls, signed)),
        (Type::FIXED_LEN_BYTE_ARRAY, _) => {
            let pair = bytes().map(|(a, b)| (FixedLenByteArray::from(a), b.into()));
            Statistics::FixedLenByteArray(of(pair, nulls, signed))
        }
        _ => {
            let pair = bytes().map(|(a, b)| (ByteArray::from(a), b.into()));
            Statistics::ByteArray(of(pair, nulls, signed))
        }
    }
}

/// The page index: bounds by page. `None` when those of a page are unknown.
fn column_index(
    descr: &ColumnDescPtr,
    pages: &[Page],
) -> Result<Option<ColumnIndexMetaData>, ParquetError> {
    let mut index = ColumnIndexBuilder::new(descr.physical_type());
    let (mut ascending, mut descending) = (true, true);
    let mut before: Option<&Extremes> = None;
    for page in pages {
        let Some(bounds) = &page.bounds else {
            index.append(true, Vec::new(), Vec::new(), page.nulls as i64);
            continue;
        };
        let Some((min, max)) = bounds.bytes(descr) else { return Ok(None) };
        index.append(false, min, max, page.nulls as i64);
        if let Some(before) = before.replace(bounds) {
            let (up, down) = before.order(bounds);
            ascending &= up;
            descending &= down;
        }
    }
    index.set_boundary_order(match (ascending, descending) {
        (true, _) => BoundaryOrder::ASCENDING,
        (_, true) => BoundaryOrder::DESCENDING,
        _ => BoundaryOrder::UNORDERED,
    });
    index.build().map(Some)
}

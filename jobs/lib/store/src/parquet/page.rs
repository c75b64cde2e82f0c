//! Pages with their checksums, and the checksum of a whole file. The library writes pages
//! without one; readers that know checksums, as ours do, notice bytes that have rotted.
//!
//! Pages are hashed once: the file's checksum is combined from theirs.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use crc32fast::Hasher;
use parquet::basic::{Encoding, PageType};
use parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;

use super::bits;

/// Writes the pages of one column chunk to memory, each with the CRC-32 of its compressed bytes.
pub(super) struct Pages<'a> {
    sink: &'a mut Vec<u8>,
    sum: &'a mut Hasher,
}

impl<'a> Pages<'a> {
    /// Pages that follow on what `sink` has; `sum` is of the same bytes.
    pub(super) const fn new(sink: &'a mut Vec<u8>, sum: &'a mut Hasher) -> Self {
        Self { sink, sum }
    }
}

impl PageWriter for Pages<'_> {
    fn write_page(&mut self, page: CompressedPage) -> Result<PageWriteSpec, ParquetError> {
        let start = self.sink.len();
        let mut sum = Hasher::new();
        sum.update(page.data());
        header(self.sink, &page, sum.clone().finalize())?;
        self.sum.update(&self.sink[start..]);
        self.sum.combine(&sum);
        let header = self.sink.len() - start;
        self.sink.extend_from_slice(page.data());
        let mut spec = PageWriteSpec::new();
        spec.page_type = page.page_type();
        spec.uncompressed_size = page.uncompressed_size() + header;
        spec.compressed_size = page.compressed_size() + header;
        spec.offset = start as u64;
        spec.bytes_written = (self.sink.len() - start) as u64;
        spec.num_values = page.num_values();
        Ok(spec)
    }

    fn close(&mut self) -> Result<(), ParquetError> {
        Ok(())
    }
}

/// A field of Thrift's compact form: how far its number lies from that of the field before, and
/// its type.
const fn field(step: u8, kind: u8) -> u8 {
    step << 4 | kind
}

const TRUE: u8 = 1;
const FALSE: u8 = 2;
const INT: u8 = 5;
const STRUCT: u8 = 12;
const END: u8 = 0;

/// Appends the next field, a number of 32 bits.
fn int(out: &mut Vec<u8>, value: i32) {
    out.push(field(1, INT));
    bits::uleb(out, u64::from(((value << 1) ^ (value >> 31)) as u32));
}

/// Appends a page header.
fn header(out: &mut Vec<u8>, page: &CompressedPage, crc32: u32) -> Result<(), ParquetError> {
    let form = match page.page_type() {
        PageType::DICTIONARY_PAGE => 2,
        _ => 0,
    };
    let count = |bytes: usize| {
        i32::try_from(bytes).map_err(|_| {
            ParquetError::General(format!("a page of {bytes} bytes, expected less than 2 GiB"))
        })
    };
    int(out, form);
    int(out, count(page.uncompressed_size())?);
    int(out, count(page.compressed_size())?);
    int(out, crc32 as i32);
    match page.compressed_page() {
        Page::DataPage { num_values, encoding, def_level_encoding, rep_level_encoding, .. } => {
            out.push(field(1, STRUCT));
            int(out, *num_values as i32);
            for encoding in [encoding, def_level_encoding, rep_level_encoding] {
                int(out, number(*encoding));
            }
        }
        Page::DictionaryPage { num_values, encoding, is_sorted, .. } => {
            out.push(field(3, STRUCT));
            int(out, *num_values as i32);
            int(out, number(*encoding));
            out.push(field(1, if *is_sorted { TRUE } else { FALSE }));
        }
        Page::DataPageV2 { .. } => {
            return Err(ParquetError::General("a data page of version 2, expected 1".to_owned()));
        }
    }
    out.extend_from_slice(&[END, END]);
    Ok(())
}

/// The number that the format gives to an encoding.
const fn number(encoding: Encoding) -> i32 {
    match encoding {
        Encoding::PLAIN => 0,
        Encoding::PLAIN_DICTIONARY => 2,
        Encoding::RLE => 3,
        Encoding::DELTA_BINARY_PACKED => 5,
        Encoding::DELTA_LENGTH_BYTE_ARRAY => 6,
        Encoding::DELTA_BYTE_ARRAY => 7,
        Encoding::RLE_DICTIONARY => 8,
        Encoding::BYTE_STREAM_SPLIT => 9,
        #[expect(deprecated, reason = "nothing writes it; it has its number all the same")]
        Encoding::BIT_PACKED => 4,
    }
}

/// A column chunk whose pages are written, what the footer says of it, and its sum.
pub(super) struct Encoded {
    pub(super) bytes: Bytes,
    pub(super) sum: Hasher,
    pub(super) close: ColumnCloseResult,
}

/// Writes a row group of chunks whose sums are known.
pub(super) fn write_group<W: Write + Send>(
    writer: &mut SerializedFileWriter<Summed<W>>,
    chunks: impl IntoIterator<Item = Result<Encoded, ParquetError>>,
) -> Result<(), ParquetError> {
    let known = Arc::clone(&writer.inner().known);
    let mut at = writer.bytes_written() as u64;
    let mut group = writer.next_row_group()?;
    for chunk in chunks {
        let Encoded { bytes, sum, close } = chunk?;
        let chunk = KnownSum { start: at, end: at + bytes.len() as u64, sum };
        at = chunk.end;
        known.lock().unwrap_or_else(PoisonError::into_inner).push_back(chunk);
        group.append_column(&bytes, close)?;
    }
    group.close()?;
    // else the sums would not be of what lies there
    let found = writer.bytes_written();
    if found as u64 != at {
        let error = format!("a row group ends at byte {found}, expected {at}");
        return Err(ParquetError::General(error));
    }
    Ok(())
}

/// The sum of a part of a file.
#[derive(Debug)]
struct KnownSum {
    start: u64,
    end: u64,
    sum: Hasher,
}

/// Passes bytes on and sums them up, but for those whose sum is known.
#[derive(Debug)]
pub(super) struct Summed<W> {
    inner: W,
    hasher: Hasher,
    /// Bytes so far.
    at: u64,
    /// The parts to come, in order. Shared, for the library holds the writer while a row group
    /// is written.
    known: Arc<Mutex<VecDeque<KnownSum>>>,
}

impl<W> Summed<W> {
    /// Before the first byte.
    pub(super) fn new(inner: W) -> Self {
        Self { inner, hasher: Hasher::new(), at: 0, known: Arc::default() }
    }

    /// Where the bytes go.
    pub(super) const fn inner(&self) -> &W {
        &self.inner
    }

    /// Where the bytes went, and their CRC-32.
    pub(super) fn finish(self) -> Result<(W, u32), ParquetError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(chunk) = known.front() {
            let (end, at) = (chunk.end, self.at);
            let error = format!("the file ends at byte {at}, within a chunk that ends at {end}");
            return Err(ParquetError::General(error));
        }
        drop(known);
        Ok((self.inner, self.hasher.finalize()))
    }

    fn add(&mut self, mut bytes: &[u8]) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        while !bytes.is_empty() {
            let end = self.at + bytes.len() as u64;
            let to = match known.front() {
                Some(chunk) if self.at < chunk.start => {
                    let to = end.min(chunk.start);
                    self.hasher.update(&bytes[..(to - self.at) as usize]);
                    to
                }
                Some(chunk) if end < chunk.end => end,
                Some(chunk) => {
                    let to = chunk.end;
                    self.hasher.combine(&chunk.sum);
                    known.pop_front();
                    to
                }
                None => {
                    self.hasher.update(bytes);
                    end
                }
            };
            bytes = &bytes[(to - self.at) as usize..];
            self.at = to;
        }
    }
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.add(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

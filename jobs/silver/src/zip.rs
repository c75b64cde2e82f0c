//! Archives: a zip with exactly one right member, the CSV named like the zip. Read as a stream
//! in constant memory; what is wrong with an archive is told in words.
//!
//! The bytes were checked against their SHA-256 when bronze fetched them. Here the member's
//! CRC-32 and its declared size are checked, which finds what has gone wrong in the lake since,
//! at a fraction of the price of hashing once more.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};

use flate2::bufread::DeflateDecoder;
use zip::CompressionMethod;
use zip::result::ZipError;

/// Bytes read from the file at once.
const READ: usize = 256 << 10;
/// A member of more than this many bytes…
const BOMB_BYTES: u64 = 64 << 20;
/// …may not be this many times larger than its compressed form. Real archives stay below 30.
const BOMB_RATIO: u64 = 500;

/// Why an archive could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ZipFault {
    /// The archive is at fault; it stays so however often it is read.
    #[error("{0}")]
    Corrupt(String),
    /// The machine is at fault.
    #[error("cannot read the archive's file")]
    Io(#[source] io::Error),
}

impl From<ZipError> for ZipFault {
    fn from(error: ZipError) -> Self {
        match error {
            ZipError::Io(error) => error.into(),
            other => Self::Corrupt(format!("the zip does not open: {other}")),
        }
    }
}

impl From<io::Error> for ZipFault {
    fn from(error: io::Error) -> Self {
        // what the machine reports has a number; what a decoder reports has none
        if error.raw_os_error().is_some() {
            Self::Io(error)
        } else {
            Self::Corrupt(error.to_string())
        }
    }
}

/// The right member of an archive, as a stream of its bytes. Read to its end it proves itself.
#[derive(Debug)]
pub(crate) struct Member {
    data: Data,
    declared: u64,
    seen: u64,
    compressed: u64,
    crc: crc32fast::Hasher,
    expected_crc: u32,
    /// Other members, which are passed over.
    pub(crate) others: usize,
}

#[derive(Debug)]
enum Data {
    Stored(io::Take<BufReader<File>>),
    Deflated(Box<DeflateDecoder<io::Take<BufReader<File>>>>),
}

impl Member {
    /// Opens the member `name` (a file name without folders).
    ///
    /// # Errors
    /// [`ZipFault`].
    pub(crate) fn open(file: File, name: &str) -> Result<Self, ZipFault> {
        let mut archive = zip::ZipArchive::new(BufReader::with_capacity(READ, file))?;
        if archive.has_duplicate_names() {
            return Err(ZipFault::Corrupt("the zip has two members of one name".to_owned()));
        }
        // the right member stands at the top; a zip without one may have it in a folder
        let (mut top, mut nested, mut others) = (None, Vec::new(), Vec::new());
        for index in 0..archive.len() {
            let entry = archive.by_index_raw(index)?;
            if entry.is_dir() {
                continue;
            }
            let path = String::from_utf8_lossy(entry.name_raw()).into_owned();
            if path == name {
                top = Some(index);
            } else if path.rsplit(['/', '\\']).next() == Some(name) {
                nested.push(index);
            } else {
                others.push(path);
            }
        }
        let members = others.len() + nested.len() + usize::from(top.is_some());
        let index = match (top, nested.as_slice()) {
            (Some(index), _) => index,
            (None, [index]) => *index,
            (None, []) => {
                others.truncate(3);
                let found =
                    if others.is_empty() { "nothing".to_owned() } else { others.join("`, `") };
                return Err(ZipFault::Corrupt(format!(
                    "the zip has no member `{name}`, found `{found}`"
                )));
            }
            (None, several) => {
                return Err(ZipFault::Corrupt(format!(
                    "the zip has {} members `{name}` in folders, expected one",
                    several.len()
                )));
            }
        };
        let entry = archive.by_index_raw(index)?;
        let (declared, compressed) = (entry.size(), entry.compressed_size());
        let (method, expected_crc) = (entry.compression(), entry.crc32());
        let start = entry.data_start();
        if entry.encrypted() {
            return Err(ZipFault::Corrupt(format!("`{name}` is encrypted")));
        }
        drop(entry);
        let Some(start) = start else {
            return Err(ZipFault::Corrupt(format!("`{name}` has no data")));
        };
        if declared > BOMB_BYTES && declared / BOMB_RATIO > compressed {
            return Err(ZipFault::Corrupt(format!(
                "`{name}` claims {declared} bytes from {compressed}, expected at most {BOMB_RATIO} times as many"
            )));
        }
        let mut file = archive.into_inner();
        file.seek(SeekFrom::Start(start))?;
        let file = file.take(compressed);
        let data = match method {
            CompressionMethod::Stored => Data::Stored(file),
            CompressionMethod::Deflated => Data::Deflated(Box::new(DeflateDecoder::new(file))),
            other => {
                return Err(ZipFault::Corrupt(format!(
                    "`{name}` is compressed by {other:?}, expected deflate"
                )));
            }
        };
        let crc = crc32fast::Hasher::new();
        Ok(Self { data, declared, seen: 0, compressed, crc, expected_crc, others: members - 1 })
    }
}

impl Member {
    /// Compressed bytes read so far.
    pub(crate) fn compressed_read(&self) -> u64 {
        let left = match &self.data {
            Data::Stored(data) => data.limit(),
            Data::Deflated(data) => data.get_ref().limit(),
        };
        self.compressed - left
    }
}

fn corrupt(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

impl Read for Member {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let n = match &mut self.data {
            Data::Stored(data) => data.read(buffer),
            Data::Deflated(data) => data.read(buffer),
        };
        let n = n.map_err(|error| {
            if error.raw_os_error().is_some() || error.kind() == io::ErrorKind::Interrupted {
                error
            } else {
                corrupt(format!("the compressed bytes are damaged after {} bytes", self.seen))
            }
        })?;
        self.seen += n as u64;
        self.crc.update(&buffer[..n]);
        if self.seen > self.declared || n == 0 && self.seen != self.declared {
            let more = if n == 0 { "" } else { " or more" };
            return Err(corrupt(format!(
                "the member has {}{more} bytes, expected {}",
                self.seen, self.declared
            )));
        }
        if n == 0 {
            let found = self.crc.clone().finalize();
            if found != self.expected_crc {
                return Err(corrupt(format!(
                    "the member has the CRC-32 {found:08x}, expected {:08x}",
                    self.expected_crc
                )));
            }
        }
        Ok(n)
    }
}

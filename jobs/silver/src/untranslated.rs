//! The lines of a raw object as they lie there: those of a zip's right member, the object as it is, or what
//! a provider makes of the answers in it. Read to its end each proves itself: by its CRC-32, by the SHA-256
//! of the ledger, or by its answers' envelopes.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek as _};

use model::unit::hex;
use sha2::{Digest as _, Sha256};

use crate::zip::{Member, ZipFault};

/// Bytes read from a file at once.
const READ: usize = 256 << 10;

/// The bytes of the lines.
#[derive(Debug)]
pub(crate) enum Untranslated {
    /// In a zip.
    Zip(Member),
    /// As they are.
    Plain(Plain),
    /// Made of what was received.
    Made(Cursor<String>),
}

impl Untranslated {
    /// Of the member of a zip that is called by one of these names.
    pub(crate) fn zip(file: &File, names: &[String]) -> Result<Self, ZipFault> {
        let open = |name: &String| Ok(Self::Zip(Member::open(file.try_clone()?, name)?));
        let fault = || ZipFault::Corrupt("no name is known of the zip's member".to_owned());
        let (last, others) = names.split_last().ok_or_else(fault)?;
        others.iter().find_map(|name| open(name).ok()).map_or_else(|| open(last), Ok)
    }

    /// Bytes of the raw object read so far.
    pub(crate) fn taken(&self) -> u64 {
        match self {
            Self::Zip(member) => member.compressed_read(),
            Self::Plain(plain) => plain.taken,
            Self::Made(lines) => lines.position(),
        }
    }

    /// Other members of its zip, which are passed over.
    pub(crate) const fn others(&self) -> usize {
        match self {
            Self::Zip(member) => member.others,
            Self::Plain(_) | Self::Made(_) => 0,
        }
    }
}

impl Read for Untranslated {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Zip(member) => member.read(buffer),
            Self::Plain(plain) => plain.read(buffer),
            Self::Made(lines) => lines.read(buffer),
        }
    }
}

/// A raw object without a frame.
#[derive(Debug)]
pub(crate) struct Plain {
    file: BufReader<File>,
    taken: u64,
    hash: Sha256,
    expected: String,
}

impl Plain {
    /// From its start.
    pub(crate) fn new(file: &File, sha256: &str) -> Result<Self, ZipFault> {
        let mut file = file.try_clone()?;
        file.rewind()?;
        let file = BufReader::with_capacity(READ, file);
        Ok(Self { file, taken: 0, hash: Sha256::new(), expected: sha256.to_owned() })
    }
}

impl Read for Plain {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        self.taken += n as u64;
        self.hash.update(&buffer[..n]);
        if n == 0 && !buffer.is_empty() {
            let found = hex(&self.hash.clone().finalize());
            if found != self.expected {
                let what = format!("the raw object has sha256 {found}, expected {}", self.expected);
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_plain_object_proves_itself() {
        let text = "1,2\n3,4\n".repeat(50_000);
        let read = |sha256: &str| {
            let mut file = tempfile::tempfile().expect("file");
            file.write_all(text.as_bytes()).expect("write");
            let mut lines = Untranslated::Plain(Plain::new(&file, sha256).expect("a file"));
            let mut all = String::new();
            let result = lines.read_to_string(&mut all).map_err(|error| error.to_string());
            (result, lines.taken(), lines.others())
        };
        let right = model::unit::sha256_hex(text.as_bytes());
        assert_eq!(read(&right), (Ok(text.len()), text.len() as u64, 0));
        let (error, ..) = read("00");
        assert!(error.is_err_and(|error| error.contains("expected 00")));
    }
}

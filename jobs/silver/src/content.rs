//! The lines of a raw object: those of a zip's right member, the object as it is, or what a provider
//! makes of the answers in it. Read to its end each proves itself: by its CRC-32, by the SHA-256 of
//! the ledger, or by its answers' envelopes.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};

use chrono::{DateTime, Utc};
use model::unit::hex;
use model::{RawArchive, Unit, layout};
use sha2::{Digest as _, Sha256};
use source::{Packing, Provider, questions};

use crate::translated::Translated;
use crate::zip::{Member, ZipFault};

/// Bytes read from a file at once.
const READ: usize = 256 << 10;

/// The bytes of a raw object's lines.
#[derive(Debug)]
pub(crate) enum Content {
    /// In a zip.
    Zip(Member),
    /// As they are.
    Plain(Plain),
    /// Made of what was received.
    Made(Cursor<Vec<u8>>),
    /// Made of others of a zip.
    Translated(Box<Translated>),
}

impl Content {
    /// Opens the raw object of a unit.
    pub(crate) fn open(
        provider: &dyn Provider,
        file: File,
        unit: &Unit,
        archive: &RawArchive,
        reading: Option<&str>,
    ) -> Result<Self, ZipFault> {
        if let Some(until) = layout::tail_until(&archive.object) {
            return answered(provider, file, unit, Some(until)).map(Self::made);
        }
        let name = layout::raw_name(&archive.object).unwrap_or_else(|| provider.file_name(unit));
        let mut names = match provider.packing(unit, &name) {
            Packing::Zip(names) => names,
            Packing::Plain(_) => return Ok(Self::Plain(Plain::new(file, &archive.sha256))),
            Packing::Answers => return answered(provider, file, unit, None).map(Self::made),
        };
        let translation = provider.translation(unit, &name, reading);
        let translation = translation.map_err(|why| ZipFault::Io(io::Error::other(why)))?;
        let last = names.pop().unwrap_or(name);
        if let Some(translation) = translation {
            return Translated::open(file, &last, translation).map(Box::new).map(Self::Translated);
        }
        for name in names {
            if let Ok(member) = Member::open(file.try_clone()?, &name) {
                return Ok(Self::Zip(member));
            }
        }
        Ok(Self::Zip(Member::open(file, &last)?))
    }

    fn made(lines: String) -> Self {
        Self::Made(Cursor::new(lines.into_bytes()))
    }

    /// Bytes of the raw object read so far.
    pub(crate) fn taken(&self) -> u64 {
        match self {
            Self::Zip(member) => member.compressed_read(),
            Self::Plain(plain) => plain.taken,
            Self::Made(lines) => lines.position(),
            Self::Translated(lines) => lines.taken(),
        }
    }

    /// Other members of its zip, which are passed over.
    pub(crate) fn others(&self) -> usize {
        match self {
            Self::Zip(member) => member.others,
            Self::Plain(_) | Self::Made(_) => 0,
            Self::Translated(lines) => lines.others,
        }
    }

    /// At the end, what a person should know of lines that were translated; `None` of others.
    pub(crate) fn notes(&self) -> Option<Vec<String>> {
        match self {
            Self::Zip(_) | Self::Plain(_) | Self::Made(_) => None,
            Self::Translated(lines) => Some(lines.notes()),
        }
    }
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Zip(member) => member.read(buffer),
            Self::Plain(plain) => plain.read(buffer),
            Self::Made(lines) => lines.read(buffer),
            Self::Translated(lines) => lines.read(buffer),
        }
    }
}

/// The lines of a unit that was asked for, or of its tail up to `until`, made of the answers in its raw object. They prove
/// themselves by their envelopes. Answers are small and read whole.
fn answered(
    provider: &dyn Provider,
    file: File,
    unit: &Unit,
    until: Option<DateTime<Utc>>,
) -> Result<String, ZipFault> {
    let corrupt = |error: &dyn std::error::Error| {
        let cause = error.source().map_or_else(String::new, |cause| format!(": {cause}"));
        ZipFault::Corrupt(format!("{error}{cause}"))
    };
    let questions = provider
        .questions()
        .ok_or_else(|| ZipFault::Corrupt(format!("{} is not asked for units", provider.name())))?;
    let mut object = Vec::new();
    let most = questions::MOST_BYTES;
    if file.take(most + 1).read_to_end(&mut object)? as u64 > most {
        return Err(ZipFault::Corrupt(format!("it has more than {most} bytes")));
    }
    let kept = questions::unpack(&object).map_err(|error| corrupt(&error))?;
    questions::lines(questions, unit, until, &kept).map_err(|error| corrupt(&error))
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
    fn new(file: File, sha256: &str) -> Self {
        let file = BufReader::with_capacity(READ, file);
        Self { file, taken: 0, hash: Sha256::new(), expected: sha256.to_owned() }
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
            io::Seek::rewind(&mut file).expect("rewind");
            let mut content = Content::Plain(Plain::new(file, sha256));
            let mut all = String::new();
            let result = content.read_to_string(&mut all).map_err(|error| error.to_string());
            (result, content.taken(), content.others())
        };
        let right = model::unit::sha256_hex(text.as_bytes());
        assert_eq!(read(&right), (Ok(text.len()), text.len() as u64, 0));
        let (error, ..) = read("00");
        assert!(error.is_err_and(|error| error.contains("expected 00")));
    }
}

//! The lines of a raw object, as its unit's form has them: as they lie there, or as the provider's
//! translation makes them.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek as _};

use chrono::{DateTime, Utc};
use model::{RawArchive, Unit, layout};
use source::translation::Received;
use source::{Packing, Provider, questions};

use crate::translated::Translated;
use crate::untranslated::{Plain, Untranslated};
use crate::zip::ZipFault;

/// The bytes of a raw object's lines.
#[derive(Debug)]
pub(crate) enum Content {
    /// As they lie there.
    Untranslated(Untranslated),
    /// Made of those.
    Translated(Box<Translated>),
}

impl Content {
    /// Opens the raw object of a unit.
    pub(crate) fn open(
        provider: &dyn Provider,
        file: &File,
        unit: &Unit,
        archive: &RawArchive,
        reading: Option<&str>,
    ) -> Result<Self, ZipFault> {
        // a tail is asked for, and its lines are made as its unit's form has them
        if let Some(until) = layout::tail_until(&archive.object) {
            return answered(provider, file, unit, Some(until)).map(Self::Untranslated);
        }
        let name = layout::raw_name(&archive.object).unwrap_or_else(|| provider.file_name(unit));
        let packing = provider.packing(unit, &name);
        let lines = || match &packing {
            Packing::Zip(names) => Untranslated::zip(file, names),
            Packing::Plain(_) => Plain::new(file, &archive.sha256).map(Untranslated::Plain),
            Packing::Answers => answered(provider, file, unit, None),
        };
        let translation = provider.translation(unit, &name, reading);
        match translation.map_err(|why| ZipFault::Io(io::Error::other(why)))? {
            None => lines().map(Self::Untranslated),
            Some(translation) => {
                let zip = matches!(packing, Packing::Zip(_)).then_some(file);
                Translated::open(lines, zip, translation).map(Box::new).map(Self::Translated)
            }
        }
    }

    /// Bytes of the raw object read so far.
    pub(crate) fn taken(&self) -> u64 {
        match self {
            Self::Untranslated(lines) => lines.taken(),
            Self::Translated(lines) => lines.taken(),
        }
    }

    /// Other members of its zip, which are passed over.
    pub(crate) fn others(&self) -> usize {
        match self {
            Self::Untranslated(lines) => lines.others(),
            Self::Translated(lines) => lines.others,
        }
    }

    /// At the end, what a person should know of lines that were translated; `None` of others.
    pub(crate) fn notes(&self) -> Option<Vec<String>> {
        match self {
            Self::Untranslated(_) => None,
            Self::Translated(lines) => Some(lines.notes()),
        }
    }

    /// How its lines are told, where they were translated.
    pub(crate) fn received(
        &self,
        provider: &dyn Provider,
        unit: &Unit,
    ) -> Option<&'static Received> {
        match self {
            Self::Untranslated(_) => None,
            Self::Translated(_) => provider.received(unit),
        }
    }
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Untranslated(lines) => lines.read(buffer),
            Self::Translated(lines) => lines.read(buffer),
        }
    }
}

/// The lines of a unit that was asked for, or of its tail up to `until`, made of the answers in its raw object.
/// They prove themselves by their envelopes, and are read whole: at most [`questions::MOST_BYTES`].
fn answered(
    provider: &dyn Provider,
    mut file: &File,
    unit: &Unit,
    until: Option<DateTime<Utc>>,
) -> Result<Untranslated, ZipFault> {
    let corrupt = |error: &dyn std::error::Error| {
        let cause = error.source().map_or_else(String::new, |cause| format!(": {cause}"));
        ZipFault::Corrupt(format!("{error}{cause}"))
    };
    let questions = provider
        .questions()
        .ok_or_else(|| ZipFault::Corrupt(format!("{} is not asked for units", provider.name())))?;
    let mut object = Vec::new();
    let most = questions::MOST_BYTES;
    file.rewind()?;
    if file.take(most + 1).read_to_end(&mut object)? as u64 > most {
        return Err(ZipFault::Corrupt(format!("it has more than {most} bytes")));
    }
    let kept = questions::unpack(&object).map_err(|error| corrupt(&error))?;
    drop(object);
    let lines = questions::lines(questions, unit, until, &kept).map_err(|error| corrupt(&error))?;
    Ok(Untranslated::Made(Cursor::new(lines)))
}

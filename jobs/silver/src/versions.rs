//! The rows of one version of a unit's raw object, one key after the other, in bounded memory: what two
//! versions are compared by. Rows of one key are settled as in a group of this unit alone. What the
//! differences are is found in [`crate::differences`].

use std::fs::File;
use std::path::{Path, PathBuf};

use model::{RawArchive, Unit};
use source::Provider;
use source::form::Form;
use source::rows::{Row, Rows};
use source::rules::Bounds;

use crate::content::Content;
use crate::error::SilverError;
use crate::lines::{Blocks, Chunk};
use crate::parse::{Parser, Reject};
use crate::record::{Codec, Ranked};
use crate::settle::{Dropped, Settler};
use crate::sort::{Sorted, Sorter};
use crate::zip::ZipFault;

/// A version of a unit's raw object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Version<'a> {
    /// Whose it is.
    pub(crate) provider: &'static dyn Provider,
    /// What it is of.
    pub(crate) unit: &'a Unit,
    /// What is known of it.
    pub(crate) archive: &'a RawArchive,
    /// It, as a file.
    pub(crate) path: &'a Path,
    /// How the provider is configured to read it.
    pub(crate) reading: Option<&'a str>,
}

/// Means and limits of reading one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Means<'a> {
    /// The folder of spill files.
    pub(crate) folder: &'a Path,
    /// Bytes that its rows may take where they have to be sorted.
    pub(crate) memory: usize,
    /// Bytes of a block.
    pub(crate) block: usize,
}

/// Why rows cannot be told to their end.
#[derive(Debug)]
pub(crate) enum Halt {
    /// They are not in the order of their keys, and were taken to be.
    Unsorted,
    /// The raw object does not read.
    Unreadable(String),
    /// The machine failed.
    Failed(SilverError),
}

impl From<SilverError> for Halt {
    fn from(error: SilverError) -> Self {
        Self::Failed(error)
    }
}

/// The rows of a version, key by key.
#[derive(Debug)]
pub(crate) struct Keys {
    source: Source,
    settler: Settler,
    dropped: Dropped,
    /// The first row of the next key.
    ahead: Option<Ranked>,
}

#[derive(Debug)]
enum Source {
    Lines(Box<Lines>),
    Sorted(Box<Sorted>),
}

impl Keys {
    /// The rows of a version, which are sorted first or taken to be in order.
    pub(crate) fn open(
        version: &Version<'_>,
        form: &'static Form,
        means: &Means<'_>,
        sorted: bool,
    ) -> Result<Self, Halt> {
        let mut lines = Lines::open(version, form, means.block)?;
        let source = if sorted {
            let mut sorter = Sorter::new(Codec::new(form.has), means.folder, means.memory);
            while let Some(ranked) = lines.next()? {
                sorter.push(&ranked)?;
            }
            Source::Sorted(Box::new(sorter.finish()?))
        } else {
            Source::Lines(Box::new(lines))
        };
        let (settler, dropped) = (Settler::new(form.same_key), Dropped::new(means.folder, 1));
        Ok(Self { source, settler, dropped, ahead: None })
    }

    /// Puts the rows of the next key into `rows`: none at the end.
    pub(crate) fn next(&mut self, rows: &mut Vec<Row>) -> Result<(), Halt> {
        rows.clear();
        let ahead = self.ahead.take();
        let Some(first) = ahead.map_or_else(|| self.pull(), |ahead| Ok(Some(ahead)))? else {
            return Ok(());
        };
        let key = first.row.longs[0];
        self.settler.add(first, &mut self.dropped)?;
        self.ahead = loop {
            match self.pull()? {
                Some(next) if next.row.longs[0] == key => {
                    self.settler.add(next, &mut self.dropped)?;
                }
                Some(next) if next.row.longs[0] < key => return Err(Halt::Unsorted),
                other => break other,
            }
        };
        rows.extend(self.settler.take().map(|kept| kept.row));
        Ok(())
    }

    fn pull(&mut self) -> Result<Option<Ranked>, Halt> {
        match &mut self.source {
            Source::Lines(lines) => lines.next(),
            Source::Sorted(sorted) => Ok(sorted.next()?),
        }
    }
}

/// Rows in the order of the lines.
#[derive(Debug)]
struct Lines {
    path: PathBuf,
    blocks: Blocks<Content>,
    parser: Parser,
    rows: Rows,
    /// The next of `rows`.
    at: usize,
    /// Those of the version before are in `silver.rejects`, as are those of the new one.
    rejects: Vec<Reject>,
}

impl Lines {
    fn open(version: &Version<'_>, form: &'static Form, block: usize) -> Result<Self, Halt> {
        let Version { provider, unit, archive, path, reading } = *version;
        let path = path.to_owned();
        let failed = |source| SilverError::Archive { path: path.clone(), source };
        let file = File::open(&path).map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        if bytes != archive.bytes {
            let expected = archive.bytes;
            return Err(Halt::Unreadable(format!("it has {bytes} bytes, expected {expected}")));
        }
        let content = Content::open(provider, &file, unit, archive, reading);
        let content = content.map_err(|fault| halt(&path, fault))?;
        Ok(Self {
            blocks: Blocks::new(content, block),
            parser: Parser::new(form, Bounds::of(unit)),
            rows: Rows::new(form.has),
            at: 0,
            rejects: Vec::new(),
            path,
        })
    }

    fn next(&mut self) -> Result<Option<Ranked>, Halt> {
        while self.at == self.rows.len() {
            self.at = 0;
            self.rows.clear();
            let chunk = self.blocks.next().map_err(|error| halt(&self.path, error.into()))?;
            match chunk {
                None => return Ok(None),
                Some(Chunk::Lines(lines)) => {
                    let mut at = 0;
                    while at < lines.len() {
                        at += self.parser.block(&lines[at..], &mut self.rows, &mut self.rejects);
                        self.rejects.clear();
                    }
                }
                Some(Chunk::LongLine(start)) => {
                    self.parser.long_line(start, &mut self.rejects);
                    self.rejects.clear();
                }
            }
        }
        let row = self.rows.get(self.at);
        self.at += 1;
        Ok(Some(Ranked { row, rank: 0, line: 0 }))
    }
}

fn halt(path: &Path, fault: ZipFault) -> Halt {
    match fault {
        ZipFault::Corrupt(reason) => Halt::Unreadable(reason),
        ZipFault::Io(source) => {
            Halt::Failed(SilverError::Archive { path: path.to_owned(), source })
        }
    }
}

#[cfg(test)]
impl Keys {
    /// Of rows in any order.
    pub(crate) fn of_rows(rows: &[Row], form: &'static Form, folder: &Path) -> Self {
        let mut sorter = Sorter::new(Codec::new(form.has), folder, 1 << 20);
        for row in rows {
            sorter.push(&Ranked { row: *row, rank: 0, line: 0 }).expect("memory");
        }
        let source = Source::Sorted(Box::new(sorter.finish().expect("memory")));
        let (settler, dropped) = (Settler::new(form.same_key), Dropped::new(folder, 1));
        Self { source, settler, dropped, ahead: None }
    }
}

//! Whether data files are what was committed: their size and CRC-32 stand in the log. Asked before
//! what a file says goes into anything else, as near to its reading as can be: a file is not read
//! twice for it. A query relies on the checksums of pages.

use std::collections::HashSet;
use std::sync::PoisonError;

use futures::{StreamExt as _, TryStreamExt as _};
use model::layout;
use model::schema::Table;
use store::sum::Sum;
use store::{Lake, LocalCopy, blocking};

use crate::error::TableError;
use crate::snapshot::{LiveFile, Snapshot};
use crate::tables::Tables;

/// Files that are read at once.
const READS: usize = 4;
/// Files whose size is asked for at once.
const ASKS: usize = 16;

/// What is said of a file that is not there.
const GONE: &str = "is gone";

/// What is wrong with a live file, after its name; `None` for one that is what was committed. Of
/// files of former versions only the size is known.
///
/// # Errors
/// [`store::StoreError`] where the lake fails for another reason than the file.
pub async fn fault(
    lake: &Lake,
    table: Table,
    file: &LiveFile,
) -> Result<Option<String>, store::StoreError> {
    let key = format!("{}/{}", layout::table(table), file.path);
    match lake.sum(&key, false).await {
        Ok(sum) => Ok(difference(file, &sum)),
        Err(error) => unreadable(lake, error).map(Some),
    }
}

/// What is wrong with a file that cannot be read, unless it is the lake that fails.
fn unreadable(lake: &Lake, error: store::StoreError) -> Result<String, store::StoreError> {
    if error.is_not_found() {
        return Ok(GONE.to_owned());
    }
    // a folder in its place, a sector that cannot be read
    if lake.directory().is_some() {
        return Ok(format!("cannot be read ({})", model::human::chain(&error)));
    }
    Err(error)
}

/// What differs from what was committed.
fn difference(file: &LiveFile, sum: &Sum) -> Option<String> {
    if let Some(problem) = other_size(file, sum.bytes) {
        return Some(problem);
    }
    let crc32 = file.crc32().filter(|crc32| *crc32 != sum.crc32)?;
    Some(format!("has the CRC-32 {:08x}, expected {crc32:08x} as committed", sum.crc32))
}

fn other_size(file: &LiveFile, bytes: u64) -> Option<String> {
    let expected = file.bytes;
    (bytes != expected)
        .then(|| format!("has {bytes} bytes, expected the {expected} that were committed"))
}

fn spoiled(table: Table, file: &LiveFile, problem: String) -> TableError {
    TableError::Spoiled { table, key: format!("{}/{}", layout::table(table), file.path), problem }
}

/// Fails for a file that is not what was committed.
///
/// # Errors
/// [`TableError::Spoiled`], [`TableError::Store`].
pub async fn sound(lake: &Lake, table: Table, file: &LiveFile) -> Result<(), TableError> {
    match fault(lake, table, file).await? {
        None => Ok(()),
        Some(problem) => Err(spoiled(table, file, problem)),
    }
}

/// A file to read at once, which is what was committed: whoever reads it next finds it in memory.
///
/// # Errors
/// As [`sound`].
pub async fn sound_copy(
    lake: &Lake,
    table: Table,
    file: &LiveFile,
) -> Result<LocalCopy, TableError> {
    let key = format!("{}/{}", layout::table(table), file.path);
    let summed = match lake.local_copy(&key).await {
        Ok(copy) => blocking(move || copy.sum(false).map(|sum| (sum, copy))).await,
        Err(error) => Err(error),
    };
    match summed {
        Ok((sum, copy)) => match difference(file, &sum) {
            None => Ok(copy),
            Some(problem) => Err(spoiled(table, file, problem)),
        },
        Err(error) => Err(spoiled(table, file, unreadable(lake, error)?)),
    }
}

/// Fails for the first of some files that is not there or not of its size; opens none.
///
/// # Errors
/// As [`sound`].
pub async fn all_of_size(lake: &Lake, files: Vec<(Table, LiveFile)>) -> Result<(), TableError> {
    futures::stream::iter(files)
        .map(|(table, file)| {
            let lake = lake.clone();
            async move {
                let key = format!("{}/{}", layout::table(table), file.path);
                let problem = match lake.head(&key).await {
                    Ok(Some(entry)) => other_size(&file, entry.bytes),
                    Ok(None) => Some(GONE.to_owned()),
                    Err(error) => Some(unreadable(&lake, error)?),
                };
                problem.map_or(Ok(()), |problem| Err(spoiled(table, &file, problem)))
            }
        })
        .buffered(ASKS)
        .try_collect::<Vec<()>>()
        .await?;
    Ok(())
}

/// Fails for the first of some files that is not what was committed.
///
/// # Errors
/// [`TableError::Spoiled`], [`TableError::Store`].
pub async fn all_sound(lake: &Lake, files: Vec<(Table, LiveFile)>) -> Result<(), TableError> {
    // one after the other in the list, a few at once: the first fault is the one that is told
    futures::stream::iter(files)
        .map(|(table, file)| {
            let lake = lake.clone();
            async move { sound(&lake, table, &file).await }
        })
        .buffered(READS)
        .try_collect::<Vec<()>>()
        .await?;
    Ok(())
}

impl Tables {
    /// Fails where a live file of a version is not what was committed. Each file is read once by
    /// one value of this type and its clones.
    ///
    /// # Errors
    /// As [`all_sound`].
    pub async fn verify(&self, snapshot: &Snapshot) -> Result<(), TableError> {
        let table = snapshot.table();
        let known: HashSet<(Table, String)> =
            self.sound.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let new: Vec<LiveFile> =
            snapshot.iter().filter(|file| !known.contains(&(table, file.path.clone()))).collect();
        all_sound(&self.lake, new.iter().map(|file| (table, file.clone())).collect()).await?;
        let mut sound = self.sound.lock().unwrap_or_else(PoisonError::into_inner);
        sound.extend(new.into_iter().map(|file| (table, file.path)));
        Ok(())
    }
}

//! Whether data files are what was committed: their size and CRC-32 stand in the log. Asked before
//! what a file says goes into anything else; a query relies on the checksums of pages.

use std::collections::HashSet;
use std::sync::PoisonError;

use futures::{StreamExt as _, TryStreamExt as _};
use model::layout;
use model::schema::Table;
use store::Lake;

use crate::error::TableError;
use crate::snapshot::{LiveFile, Snapshot};
use crate::tables::Tables;

/// Files that are read at once.
const READS: usize = 4;

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
    let sum = match lake.sum(&key, false).await {
        Ok(sum) => sum,
        Err(error) if error.is_not_found() => return Ok(Some("is gone".to_owned())),
        // a folder in its place, a sector that cannot be read
        Err(error) if lake.directory().is_some() => {
            return Ok(Some(format!("cannot be read ({})", model::human::chain(&error))));
        }
        Err(error) => return Err(error),
    };
    Ok(if sum.bytes != file.bytes {
        Some(format!("has {} bytes, expected the {} that were committed", sum.bytes, file.bytes))
    } else if let Some(crc32) = file.crc32()
        && crc32 != sum.crc32
    {
        Some(format!("has the CRC-32 {:08x}, expected {crc32:08x} as committed", sum.crc32))
    } else {
        None
    })
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
            async move {
                match fault(&lake, table, &file).await? {
                    None => Ok(()),
                    Some(problem) => Err(TableError::Spoiled {
                        table,
                        key: format!("{}/{}", layout::table(table), file.path),
                        problem,
                    }),
                }
            }
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

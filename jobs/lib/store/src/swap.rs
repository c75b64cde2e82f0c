//! Replacing an object only as long as it is what was read: of two writers who read the same, one
//! writes and the other reads again. On S3 by the ETag, on a directory by its bytes, under a lock
//! of the folder it lies in where there is one to be had. What is replaced is not known here.

use std::fs::File;
use std::io::{self, Write as _};

use bytes::Bytes;
use object_store::{Error, ObjectStoreExt as _, PutMode, PutOptions, PutPayload, UpdateVersion};

use crate::directory::{at, blocking, place};
use crate::lake::{Lake, StoreError, location};

/// What an object was when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    /// Its bytes.
    pub(crate) bytes: Bytes,
    e_tag: Option<String>,
}

impl Lake {
    /// Reads an object that is to be replaced; `None` when it is not there.
    pub(crate) async fn hold(&self, key: &str) -> Result<Option<Held>, StoreError> {
        let error = |source| StoreError::Object { action: "read", key: key.to_owned(), source };
        let found = match self.objects.get(&location(key)).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(source) => return Err(error(source)),
        };
        let e_tag = found.meta.e_tag.clone();
        Ok(Some(Held { bytes: found.bytes().await.map_err(error)?, e_tag }))
    }

    /// Writes an object if it still is what was held, or still is not there; tells whether it
    /// was written. A `false` may also be the answer to a write that was done and repeated
    /// because its first answer was lost: who reads again finds what it wrote.
    pub(crate) async fn swap(
        &self,
        key: &str,
        held: Option<&Held>,
        bytes: impl Into<Bytes>,
    ) -> Result<bool, StoreError> {
        let Some(held) = held else { return self.write_new(key, bytes).await };
        let bytes = bytes.into();
        let error = |source| StoreError::Object { action: "write", key: key.to_owned(), source };
        if let Some(disk) = self.disk.clone() {
            let (path, before) = (disk.path(key), held.bytes.clone());
            let swapped = blocking(move || {
                let folder = path.parent().unwrap_or_else(|| disk.root());
                let _turn = turn(folder).map_err(at(folder))?;
                match std::fs::read(&path) {
                    Ok(found) if found == before => {}
                    Ok(_) => return Ok(false),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                    Err(error) => return Err(at(&path)(error)),
                }
                let mut file = disk.temporary().map_err(at(&path))?;
                file.write_all(&bytes).map_err(at(&path))?;
                place(&disk, file, &path, false, false)?;
                Ok(true)
            });
            return swapped.await.map_err(error);
        }
        let version = UpdateVersion { e_tag: held.e_tag.clone(), version: None };
        let options = PutOptions { mode: PutMode::Update(version), ..PutOptions::default() };
        match self.objects.put_opts(&location(key), PutPayload::from_bytes(bytes), options).await {
            Ok(_) => Ok(true),
            Err(Error::Precondition { .. } | Error::AlreadyExists { .. }) => Ok(false),
            Err(source) => Err(error(source)),
        }
    }
}

/// Waits until nobody else, here or in another process, swaps anything in a folder. File systems
/// without such locks refuse each in its own way (NFS takes none of what is open for reading
/// alone): there the bytes alone are compared.
fn turn(folder: &std::path::Path) -> io::Result<Option<File>> {
    if !cfg!(unix) {
        return Ok(None);
    }
    let file = File::open(folder)?;
    loop {
        match file.lock() {
            Ok(()) => return Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn of_those_who_read_the_same_one_writes() {
        let folder = tempfile::tempdir().expect("folder");
        let lake = Lake::open(folder.path().to_str().expect("path"), None).expect("lake");
        assert!(lake.hold("a/n").await.expect("hold").is_none());
        assert!(lake.swap("a/n", None, "0").await.expect("swap"));
        assert!(!lake.swap("a/n", None, "7").await.expect("swap"), "it is there");
        let held = lake.hold("a/n").await.expect("hold");
        assert!(lake.swap("a/n", held.as_ref(), "1").await.expect("swap"));
        assert!(!lake.swap("a/n", held.as_ref(), "7").await.expect("swap"), "it is another one");
        lake.delete("a/n").await.expect("delete");
        assert!(!lake.swap("a/n", held.as_ref(), "7").await.expect("swap"), "it is gone");
        lake.write("a/n", "0").await.expect("write");
        // each counts on from what it read: none is lost
        let count = |lake: Lake| async move {
            let mut done = 0;
            while done < 25 {
                let held = lake.hold("a/n").await.expect("hold").expect("there");
                let number: u32 = std::str::from_utf8(&held.bytes).unwrap().parse().unwrap();
                let next = (number + 1).to_string();
                done += u32::from(lake.swap("a/n", Some(&held), next).await.expect("swap"));
            }
        };
        let works: Vec<_> = (0..4).map(|_| tokio::spawn(count(lake.clone()))).collect();
        for work in works {
            work.await.expect("work");
        }
        assert_eq!(lake.read("a/n").await.expect("read"), "100");
    }
}

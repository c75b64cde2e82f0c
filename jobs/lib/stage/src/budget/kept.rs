//! The document of a budget in its lake: read, and replaced only where it still is what was read, by
//! its ETag on S3, by its bytes under a lock of its folder on a directory. What it says is not known
//! here.
//!
//! File systems without such locks (some network drives) compare the bytes alone: of two who write
//! in the same instant one may be forgotten there.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path as Location;
use object_store::{
    Error, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload, UpdateVersion,
};
use store::{Lake, StoreError, blocking};

/// Where the document is.
#[derive(Debug)]
pub(super) struct Kept {
    place: Place,
    key: String,
}

#[derive(Debug)]
enum Place {
    /// A directory, and the folder of the document in it.
    Directory(Lake, PathBuf),
    /// A store that compares ETags.
    Objects(Arc<dyn ObjectStore>),
}

/// What the document was when it was read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) bytes: Bytes,
    e_tag: Option<String>,
}

impl Kept {
    /// The document `key` of a lake.
    pub(super) fn of(lake: &Lake, key: String) -> Self {
        let place = match lake.directory() {
            Some(directory) => {
                let folder = Path::new(&key).parent().unwrap_or(Path::new(""));
                Place::Directory(lake.clone(), directory.join(folder))
            }
            None => Place::Objects(lake.objects()),
        };
        Self { place, key }
    }

    /// The document `key` of a store.
    #[cfg(test)]
    pub(super) fn in_store(objects: Arc<dyn ObjectStore>, key: &str) -> Self {
        Self { place: Place::Objects(objects), key: key.to_owned() }
    }

    /// Its key.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Reads the document; `None` when it is not there.
    pub(super) async fn hold(&self) -> Result<Option<Held>, StoreError> {
        let objects = match &self.place {
            Place::Directory(lake, _) => {
                let bytes = lake.read_if_there(&self.key).await?;
                return Ok(bytes.map(|bytes| Held { bytes, e_tag: None }));
            }
            Place::Objects(objects) => objects,
        };
        let error = |source| StoreError::Object { action: "read", key: self.key.clone(), source };
        let found = match objects.get(&Location::from(self.key.as_str())).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(source) => return Err(error(source)),
        };
        let e_tag = found.meta.e_tag.clone();
        Ok(Some(Held { bytes: found.bytes().await.map_err(error)?, e_tag }))
    }

    /// Writes the document if it still is what was held, or still is not there. `None` where it is
    /// another one. That may also be the answer to a write that was done, and repeated because its
    /// first answer was lost.
    pub(super) async fn replace(
        &self,
        held: Option<&Held>,
        bytes: Bytes,
    ) -> Result<Option<Held>, StoreError> {
        match &self.place {
            Place::Directory(lake, folder) => {
                let is_written = match held {
                    None => lake.write_new(&self.key, bytes.clone()).await?,
                    Some(held) => {
                        let (lake, key, folder) = (lake.clone(), self.key.clone(), folder.clone());
                        let (before, bytes) = (held.bytes.clone(), bytes.clone());
                        let runtime = tokio::runtime::Handle::current();
                        // on a thread of its own to its end: the lock may not go before the write
                        // is done, also where nobody waits for it any more
                        blocking(move || {
                            runtime.block_on(async {
                                let _turn = turn(&folder);
                                if lake.read_if_there(&key).await? != Some(before) {
                                    return Ok(false);
                                }
                                lake.write(&key, bytes).await.map(|()| true)
                            })
                        })
                        .await?
                    }
                };
                Ok(is_written.then_some(Held { bytes, e_tag: None }))
            }
            Place::Objects(objects) => {
                let mode = match held {
                    None => PutMode::Create,
                    Some(held) => {
                        PutMode::Update(UpdateVersion { e_tag: held.e_tag.clone(), version: None })
                    }
                };
                let options = PutOptions { mode, ..PutOptions::default() };
                let payload = PutPayload::from_bytes(bytes.clone());
                match objects.put_opts(&Location::from(self.key.as_str()), payload, options).await {
                    Ok(done) => Ok(Some(Held { bytes, e_tag: done.e_tag })),
                    Err(
                        Error::Precondition { .. }
                        | Error::AlreadyExists { .. }
                        // it is gone
                        | Error::NotFound { .. },
                    ) => Ok(None),
                    Err(source) => {
                        Err(StoreError::Object { action: "write", key: self.key.clone(), source })
                    }
                }
            }
        }
    }
}

/// Waits until nobody else, here or in another process, replaces anything in a folder. The lock goes
/// with the process that holds it.
fn turn(folder: &Path) -> Option<File> {
    if !cfg!(unix) {
        return None;
    }
    let file = File::open(folder).ok()?;
    loop {
        match file.lock() {
            Ok(()) => return Some(file),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    /// Adds one to the number of a document, 25 times: what of those who read the same is lost to
    /// another is done again.
    async fn count(kept: Arc<Kept>) {
        let mut done = 0;
        while done < 25 {
            let held = kept.hold().await.expect("hold");
            let number: u32 = held.as_ref().map_or(0, |held| {
                std::str::from_utf8(&held.bytes).expect("text").parse().expect("a number")
            });
            let next = Bytes::from((number + 1).to_string());
            done += u32::from(kept.replace(held.as_ref(), next).await.expect("replace").is_some());
        }
    }

    async fn check(kept: Kept) {
        let kept = Arc::new(kept);
        let works: Vec<_> = (0..4).map(|_| tokio::spawn(count(Arc::clone(&kept)))).collect();
        for work in works {
            work.await.expect("work");
        }
        let held = kept.hold().await.expect("hold").expect("there");
        assert_eq!(held.bytes, "100");
        // one who wrote last needs not read again
        let next = kept.replace(Some(&held), "101".into()).await.expect("replace").expect("same");
        assert!(kept.replace(Some(&next), "102".into()).await.expect("replace").is_some());
        assert!(kept.replace(Some(&held), "7".into()).await.expect("replace").is_none());
        assert!(kept.replace(None, "7".into()).await.expect("replace").is_none());
        match &kept.place {
            Place::Directory(lake, _) => lake.delete("a/n.json").await.expect("delete"),
            Place::Objects(objects) => objects.delete(&"a/n.json".into()).await.expect("delete"),
        }
        assert!(kept.replace(Some(&next), "7".into()).await.expect("replace").is_none(), "gone");
        assert!(kept.hold().await.expect("hold").is_none());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn of_those_who_read_the_same_one_writes() {
        let folder = tempfile::tempdir().expect("folder");
        let lake = Lake::open(folder.path().to_str().expect("path"), None).expect("lake");
        check(Kept::of(&lake, "a/n.json".to_owned())).await;
        check(Kept::in_store(Arc::new(InMemory::new()), "a/n.json")).await;
    }
}

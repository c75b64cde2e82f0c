//! Zips that were made, kept in a temporary folder of bounded size, and what is known of
//! every zip ever made. A zip that was dropped is made again: the same bytes.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::{TempDir, TempPath};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};

use crate::archive::{ArchiveError, Made};

/// How folders of zips are named, and the file in each that is locked while it is in use.
const PREFIX: &str = "exchange-";
const LOCK: &str = "lock";

/// The bytes of a zip on disk; the file lives as long as somebody holds this.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// A file of the vault.
    Made(Arc<TempPath>),
    /// A file of the user's.
    Own(PathBuf),
}

impl Body {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Made(path) => path,
            Self::Own(path) => path,
        }
    }
}

#[derive(Debug, Default)]
struct Shelf {
    known: HashMap<String, Made>,
    bodies: HashMap<String, (Arc<TempPath>, u64, u64)>,
    bytes: u64,
    clock: u64,
    doors: HashMap<String, Arc<AsyncMutex<()>>>,
}

/// The store of zips.
#[derive(Debug)]
pub(crate) struct Vault {
    folder: TempDir,
    /// Held as long as the folder is in use.
    _lock: File,
    limit: u64,
    shelf: Mutex<Shelf>,
    /// As many zips are made at once as there are cores.
    makers: Semaphore,
}

impl Vault {
    pub(crate) fn new(parent: Option<&Path>, limit: u64) -> io::Result<Self> {
        let parent = parent.map_or_else(std::env::temp_dir, Path::to_owned);
        sweep(&parent);
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&parent)?;
        // locked before it has its name, so that nobody sweeps between the two
        let young = folder.path().join("lock.new");
        let lock = File::create(&young)?;
        lock.try_lock()?;
        std::fs::rename(&young, folder.path().join(LOCK))?;
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Ok(Self {
            folder,
            _lock: lock,
            limit,
            shelf: Mutex::default(),
            makers: Semaphore::new(cores),
        })
    }

    /// What is known of the zip called `id`; it is made if it never was.
    pub(crate) async fn facts<F>(&self, id: &str, make: F) -> Result<Made, ArchiveError>
    where
        F: FnOnce(&Path) -> Result<Made, ArchiveError> + Send + 'static,
    {
        if let Some(made) = self.shelf().known.get(id) {
            return Ok(made.clone());
        }
        Ok(self.body(id, make).await?.0)
    }

    /// What `look` finds out about a file that is not of the vault; it looks once an `id`.
    pub(crate) async fn learn<F>(&self, id: &str, look: F) -> Result<Made, ArchiveError>
    where
        F: FnOnce() -> Result<Made, ArchiveError> + Send + 'static,
    {
        if let Some(made) = self.shelf().known.get(id) {
            return Ok(made.clone());
        }
        let made = blocking(look).await?;
        self.shelf().known.insert(id.to_owned(), made.clone());
        Ok(made)
    }

    /// The zip called `id`, made if it is not there.
    pub(crate) async fn body<F>(&self, id: &str, make: F) -> Result<(Made, Body), ArchiveError>
    where
        F: FnOnce(&Path) -> Result<Made, ArchiveError> + Send + 'static,
    {
        let door = Arc::clone(self.shelf().doors.entry(id.to_owned()).or_default());
        let _inside = door.lock().await;
        if let Some(found) = self.shelf().take(id) {
            return Ok(found);
        }
        let path = tempfile::Builder::new()
            .suffix(".zip")
            .tempfile_in(&self.folder)
            .map_err(|source| ArchiveError::Io { path: self.folder.path().to_owned(), source })?
            .into_temp_path();
        let permit = self.makers.acquire().await;
        let made = blocking(move || make(&path).map(|made| (made, path))).await;
        drop(permit);
        let (made, path) = made?;
        Ok(self.shelf().keep(id, made, Arc::new(path), self.limit))
    }

    fn shelf(&self) -> std::sync::MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes the folders of exchanges that were killed. A folder in use has its lock held; one
/// without a lock file is just being made, or somebody else's.
fn sweep(parent: &Path) {
    let Ok(entries) = std::fs::read_dir(parent) else { return };
    for folder in entries
        .flatten()
        .filter(|e| e.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()))
    {
        let left = File::open(folder.path().join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok());
        if left {
            // two exchanges may sweep at once: what is gone is gone
            let _ = std::fs::remove_dir_all(folder.path());
        }
    }
}

/// Runs slow work off the threads that answer.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        // a panic in there is a bug of ours: let it show where it was asked for
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

impl Shelf {
    fn take(&mut self, id: &str) -> Option<(Made, Body)> {
        self.clock += 1;
        let clock = self.clock;
        let (path, _, used) = self.bodies.get_mut(id)?;
        *used = clock;
        let body = Body::Made(Arc::clone(path));
        Some((self.known.get(id)?.clone(), body))
    }

    fn keep(&mut self, id: &str, made: Made, path: Arc<TempPath>, limit: u64) -> (Made, Body) {
        self.clock += 1;
        self.doors.remove(id);
        self.known.insert(id.to_owned(), made.clone());
        self.bytes += made.size;
        self.bodies.insert(id.to_owned(), (Arc::clone(&path), made.size, self.clock));
        // the newest one stays even when it alone is over the limit
        while self.bytes > limit && self.bodies.len() > 1 {
            let oldest = self.bodies.iter().min_by_key(|(_, b)| b.2).map(|(id, _)| id.clone());
            let Some((_, size, _)) = oldest.and_then(|id| self.bodies.remove(&id)) else { break };
            self.bytes -= size;
        }
        (made, Body::Made(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_exchange_left_is_swept_away() {
        let parent = tempfile::tempdir().unwrap();
        let at = |name: &str| parent.path().join(name);
        for name in ["exchange-left", "exchange-young", "other"] {
            std::fs::create_dir(at(name)).unwrap();
            std::fs::write(at(name).join("x.zip"), "x").unwrap();
        }
        std::fs::write(at("exchange-left").join(LOCK), "").unwrap();
        std::fs::write(at("other").join(LOCK), "").unwrap();
        let first = Vault::new(Some(parent.path()), 1).unwrap();
        let second = Vault::new(Some(parent.path()), 1).unwrap();
        assert!(first.folder.path().is_dir() && second.folder.path().is_dir(), "both in use");
        assert!(!at("exchange-left").exists());
        assert!(at("exchange-young").exists() && at("other").exists());
        drop((first, second));
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 2);
    }

    #[tokio::test]
    async fn zips_are_made_once_and_dropped_by_age() {
        let vault = Vault::new(None, 25).unwrap();
        let makes = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let make = || {
            let makes = Arc::clone(&makes);
            move |path: &Path| {
                makes.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                std::fs::write(path, b"0123456789").unwrap();
                Ok(Made { size: 10, sha256: String::new(), published: String::new() })
            }
        };
        let count = || makes.load(std::sync::atomic::Ordering::SeqCst);
        let (_, held) = vault.body("a", make()).await.unwrap();
        vault.body("b", make()).await.unwrap();
        vault.body("a", make()).await.unwrap();
        assert_eq!(count(), 2);
        vault.body("c", make()).await.unwrap();
        vault.body("a", make()).await.unwrap();
        assert_eq!(count(), 3, "`b` was the oldest");
        vault.facts("b", make()).await.unwrap();
        assert_eq!(count(), 3, "facts stay known");
        vault.body("b", make()).await.unwrap();
        assert_eq!(count(), 4);
        assert_eq!(std::fs::read(held.path()).unwrap(), b"0123456789", "held files stay");
    }
}

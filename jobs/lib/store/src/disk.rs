//! How files come onto a disk so that a power cut takes away none that was acknowledged: bytes
//! first, then the name, then the folders that hold it. What is to be written is not known here.
//!
//! A name that was given is not on the disk before its folder is synced, and a folder is synced
//! once for all that came into it: whatever gives names notes the folders, `Disk::settle` syncs
//! those that were noted. Documents and log entries settle before and after they come, data files
//! and documents that are written together do not: so whatever a document names is on the disk
//! before the document is. Fragments settle before and not after: without its name a fragment was
//! not done, and is done again.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tempfile::{NamedTempFile, PersistError};

/// Files and folders that are synced at once, where one takes as long as `SLOW`.
const AT_ONCE: usize = 16;
/// What starting a thread costs several times over.
const SLOW: Duration = Duration::from_micros(500);

/// The name that a file was to get, and why it did not get it.
pub(crate) type Misplaced = (PathBuf, io::Error);

/// Who is told what happens to the files of a lake: tests that imitate power cuts.
pub trait Watch: Debug + Send + Sync {
    /// Something has happened.
    fn seen(&self, event: Event<'_>);
}

/// What happens to a file or a folder. Until the folders that hold them are synced, names come
/// and go in memory only.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A folder was made, those above it too where they were not there.
    Made(&'a Path),
    /// The bytes of a file are on the disk.
    Synced(&'a Path),
    /// A file got another name; another file of that name is gone.
    Renamed {
        /// The name that it had.
        from: &'a Path,
        /// The name that it has.
        to: &'a Path,
    },
    /// A folder is about to be synced: what comes into it from now on may come too late.
    FolderSyncing(&'a Path),
    /// The names that were in a folder when it was about to be synced are on the disk.
    FolderSynced(&'a Path),
    /// A file's name is gone.
    Removed(&'a Path),
}

/// The disk below a lake's directory.
#[derive(Debug)]
pub(crate) struct Disk {
    root: PathBuf,
    watch: Option<Arc<dyn Watch>>,
    /// Folders whose names are not on the disk yet.
    noted: Mutex<Noted>,
    /// Held by whoever syncs folders: who comes second finds that done.
    settling: Mutex<()>,
}

#[derive(Debug, Default)]
struct Noted {
    folders: BTreeSet<PathBuf>,
    /// Folders that were noted once with all above them.
    known: HashSet<PathBuf>,
}

impl Disk {
    /// The disk below `root`, an absolute path without links.
    pub(crate) fn new(root: PathBuf, watch: Option<Arc<dyn Watch>>) -> Self {
        Self { root, watch, noted: Mutex::default(), settling: Mutex::default() }
    }

    /// The lake's directory.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The file of a key.
    pub(crate) fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    fn tell(&self, event: Event<'_>) {
        if let Some(watch) = &self.watch {
            watch.seen(event);
        }
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file in the lake's own temporary folder, from which a rename is atomic.
    pub(crate) fn temporary(&self) -> io::Result<NamedTempFile> {
        let folder = self.root.join(model::layout::TEMP);
        std::fs::create_dir_all(&folder)?;
        staged("").tempfile_in(folder)
    }

    /// Gives a file its name, with its bytes on the disk before. It may be on another device.
    /// `anew` refuses to take the place of another file ([`io::ErrorKind::AlreadyExists`]).
    pub(crate) fn place(&self, file: NamedTempFile, to: &Path, anew: bool) -> io::Result<()> {
        let placed = self.place_by(vec![(file, to.to_owned())], |file, to| {
            if anew { file.persist_noclobber(to) } else { file.persist(to) }
        });
        placed.map_err(|(_, error)| error)
    }

    /// Gives files their names once the bytes of all are on the disk, which takes hardly longer
    /// than those of one. Files of these names are replaced. What fails comes with its name.
    pub(crate) fn place_all(&self, files: Vec<(NamedTempFile, PathBuf)>) -> Result<(), Misplaced> {
        self.place_by(files, |file, to| file.persist(to))
    }

    fn place_by(
        &self,
        files: Vec<(NamedTempFile, PathBuf)>,
        rename: impl Fn(NamedTempFile, &Path) -> Result<File, PersistError>,
    ) -> Result<(), Misplaced> {
        let at = |to: &Path| {
            let to = to.to_owned();
            |error| (to, error)
        };
        at_once(&files, |(file, to)| self.sync(file).map_err(at(to)))?;
        let mut refused = Vec::new();
        for (file, to) in files {
            match self.name(file, &to, &rename) {
                Err(error) if error.error.kind() == io::ErrorKind::CrossesDevices => {
                    refused.push((error.file, to));
                }
                result => result.map_err(|error| (to, error.error))?,
            }
        }
        // the source may be on another device than the lake, or a part of the lake: only the folder
        // itself is surely on the right one
        let copies = at_once(&refused, |(file, to)| {
            let copy = || {
                let mut copy = beside(to.parent().unwrap_or(&self.root))?;
                io::copy(&mut File::open(file.path())?, &mut copy)?;
                self.sync(&copy)?;
                Ok(copy)
            };
            copy().map_err(at(to))
        })?;
        for (copy, (_, to)) in copies.into_iter().zip(refused) {
            self.name(copy, &to, &rename).map_err(|error| (to, error.error))?;
        }
        Ok(())
    }

    /// Brings the bytes of a file onto the disk.
    fn sync(&self, file: &NamedTempFile) -> io::Result<()> {
        file.as_file().sync_data()?;
        self.tell(Event::Synced(file.path()));
        Ok(())
    }

    /// Gives a file its name; its bytes are on the disk.
    fn name(
        &self,
        file: NamedTempFile,
        to: &Path,
        rename: impl Fn(NamedTempFile, &Path) -> Result<File, PersistError>,
    ) -> Result<(), PersistError> {
        let folder = to.parent().unwrap_or(&self.root);
        if !folder.is_dir() {
            if let Err(error) = std::fs::create_dir_all(folder) {
                return Err(PersistError { error, file });
            }
            self.tell(Event::Made(folder));
        }
        let from = file.path().to_owned();
        rename(file, to)?;
        self.tell(Event::Renamed { from: &from, to });
        self.note(folder);
        Ok(())
    }

    /// Gives a file or a folder another name, which is on the disk when this returns; [`io::ErrorKind::CrossesDevices`] where that is on
    /// another device.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let folder = to.parent().unwrap_or(&self.root);
        if !folder.is_dir() {
            std::fs::create_dir_all(folder)?;
            self.tell(Event::Made(folder));
        }
        std::fs::rename(from, to)?;
        self.tell(Event::Renamed { from, to });
        self.note(folder);
        self.note(from.parent().unwrap_or(&self.root));
        self.settle()
    }

    /// Notes that a folder has to be synced; and, the first time, all above it, for another
    /// process may have made them a moment ago and not synced them yet.
    fn note(&self, folder: &Path) {
        let mut noted = self.noted();
        noted.folders.insert(folder.to_owned());
        let mut folder = folder;
        while folder != self.root && noted.known.insert(folder.to_owned()) {
            let Some(above) = folder.parent() else { break };
            noted.folders.insert(above.to_owned());
            folder = above;
        }
    }

    /// Brings the names of all that was placed onto the disk.
    pub(crate) fn settle(&self) -> io::Result<()> {
        let _alone = self.settling.lock().unwrap_or_else(PoisonError::into_inner);
        let folders: Vec<PathBuf> = std::mem::take(&mut self.noted().folders).into_iter().collect();
        let done = at_once(&folders, |folder| {
            self.tell(Event::FolderSyncing(folder));
            sync_folder(folder)?;
            self.tell(Event::FolderSynced(folder));
            Ok(())
        });
        if done.is_err() {
            self.noted().folders.extend(folders);
        }
        done.map(|_| ())
    }

    /// Deletes a file, or the link that stands in its place; `Err` of
    /// [`io::ErrorKind::NotFound`] when it is not there. What lies behind a link in its path is
    /// not the lake's, and is refused.
    pub(crate) fn remove(&self, path: &Path) -> io::Result<()> {
        if self.is_behind_link(path)? {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!(
                    "`{}` lies behind a link; what a link leads to is not deleted",
                    path.display()
                ),
            ));
        }
        std::fs::remove_file(path)?;
        self.tell(Event::Removed(path));
        Ok(())
    }

    /// Whether the folder of a path is reached through a link, or lies outside of the lake.
    pub(crate) fn is_behind_link(&self, path: &Path) -> io::Result<bool> {
        let folder = path.parent().unwrap_or(&self.root);
        Ok(folder.canonicalize()? != folder || !folder.starts_with(&self.root))
    }
}

/// Does something for each of some files or folders, one by one as long as that is quick, else for
/// several at once: a slow disk waits more than it works. What comes of it is in their order.
fn at_once<T: Sync, R: Send, E: Send>(
    all: &[T],
    one: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let mut done = Vec::with_capacity(all.len());
    let mut rest = all.iter();
    for first in rest.by_ref() {
        let start = Instant::now();
        done.push(one(first)?);
        if start.elapsed() >= SLOW {
            break;
        }
    }
    let rest = rest.as_slice();
    if rest.is_empty() {
        return Ok(done);
    }
    std::thread::scope(|threads| {
        let started: Vec<_> = rest
            .chunks(rest.len().div_ceil(AT_ONCE))
            .map(|some| {
                let work = || some.iter().map(&one).collect::<Result<Vec<R>, E>>();
                // where the system has no thread left, this one does it
                std::thread::Builder::new().spawn_scoped(threads, work).map_err(|_| work())
            })
            .collect();
        for share in started {
            done.extend(match share {
                Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic))?,
                Err(result) => result?,
            });
        }
        Ok(done)
    })
}

/// How files in the making are called.
const STAGED: &str = "staged-";

/// Files in the making that nobody else may read.
pub(crate) fn private() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(STAGED);
    builder
}

/// Files in the making that whoever the user's mask lets may read.
pub(crate) fn staged(end: &'static str) -> tempfile::Builder<'static, 'static> {
    let mut builder = private();
    builder.suffix(end);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder
}

/// A file in the folder that its name is to be in. Listings pass over what ends like this.
fn beside(folder: &Path) -> io::Result<NamedTempFile> {
    staged("#1").tempfile_in(folder)
}

/// Makes a folder with all above it, and brings their names onto the disk.
pub(crate) fn make_folder(path: &Path) -> io::Result<PathBuf> {
    let missing = path.ancestors().take_while(|p| !p.as_os_str().is_empty() && !p.exists()).count();
    std::fs::create_dir_all(path)?;
    let path = path.canonicalize()?;
    for above in path.ancestors().skip(1).take(missing) {
        sync_folder(above)?;
    }
    Ok(path)
}

/// Brings the names in a folder onto the disk. File systems that know no such thing say so.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput
                    | io::ErrorKind::Unsupported
                    // made by another user, or gone with all that was in it
                    | io::ErrorKind::PermissionDenied
                    | io::ErrorKind::NotFound
            ) =>
        {
            Ok(())
        }
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_part_of_the_lake_may_be_on_another_device() {
        let folder = tempfile::tempdir().expect("folder");
        let root = folder.path().canonicalize().expect("folder");
        let disk = Disk::new(root.clone(), None);
        let (to, tries) = (root.join("silver/t/a.parquet"), RefCell::new(Vec::new()));
        // as where `silver` is a mount: only what is below it already gets a name there
        let mounted = |file: NamedTempFile, to: &Path| {
            tries.borrow_mut().push(file.path().to_owned());
            if file.path().starts_with(root.join("silver")) {
                return file.persist(to);
            }
            Err(PersistError { error: io::ErrorKind::CrossesDevices.into(), file })
        };
        let mut file = disk.temporary().expect("file");
        file.write_all(b"rows").expect("write");
        disk.place_by(vec![(file, to.clone())], mounted).expect("place");
        assert_eq!(std::fs::read(&to).expect("read"), b"rows");
        let tried = tries.take();
        let [first, second] = tried.as_slice() else { panic!("{tried:?}") };
        assert!(first.starts_with(root.join(model::layout::TEMP)), "{first:?}");
        let name = second.file_name().and_then(|name| name.to_str()).expect("name");
        assert!(name.ends_with("#1"), "listings pass over it: {name}");
        for left in [first, second] {
            assert!(!left.exists(), "{left:?} is left");
        }
        // many at once
        let places: Vec<PathBuf> =
            (0..40).map(|n| root.join(format!("silver/u/{n}.parquet"))).collect();
        let files = places.iter().map(|to| {
            let mut file = disk.temporary().expect("file");
            write!(file, "{}", to.display()).expect("write");
            (file, to.clone())
        });
        disk.place_by(files.collect(), mounted).expect("place");
        for to in places {
            assert_eq!(std::fs::read_to_string(&to).expect("read"), to.display().to_string());
        }
        assert_eq!(root.join("silver/u").read_dir().expect("folder").count(), 40);
        assert_eq!(root.join(model::layout::TEMP).read_dir().expect("folder").count(), 0);
        // a device that refuses all: told, and nothing is left
        let never = |file, _: &Path| {
            Err(PersistError { error: io::ErrorKind::CrossesDevices.into(), file })
        };
        let (file, to) = (disk.temporary().expect("file"), root.join("silver/t/b.parquet"));
        let (place, error) = disk.place_by(vec![(file, to.clone())], never).expect_err("never");
        assert_eq!(place, to);
        assert_eq!(error.kind(), io::ErrorKind::CrossesDevices);
        assert_eq!(root.join("silver/t").read_dir().expect("folder").count(), 1);
    }
}

//! How files come onto a disk so that a power cut takes away none that was acknowledged: bytes
//! first, then the name, then the folders that hold it. What is to be written is not known here.
//!
//! A name that was given is not on the disk before its folder is synced, and a folder is synced
//! once for all that came into it: `Disk::place` notes the folders, `Disk::settle` syncs those that
//! were noted. Documents and log entries settle before and after they come, data files do not: so
//! whatever a document names is on the disk before the document is. Fragments settle before and
//! not after: without its name a fragment was not done, and is done again.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tempfile::{NamedTempFile, PersistError};

/// Files and folders that are synced at once.
const AT_ONCE: usize = 16;

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
        self.place_by(
            file,
            to,
            |file, to| {
                if anew { file.persist_noclobber(to) } else { file.persist(to) }
            },
        )
    }

    /// Gives files their names once the bytes of all are on the disk, which takes hardly longer
    /// than those of one. Files of these names are replaced.
    /// What fails comes with the name that it was to get.
    pub(crate) fn place_all(
        &self,
        files: Vec<(NamedTempFile, PathBuf)>,
    ) -> Result<(), (PathBuf, io::Error)> {
        at_once(&files, |(file, to)| self.sync(file).map_err(|error| (to.clone(), error)))?;
        files.into_iter().try_for_each(|(file, to)| {
            self.name(file, &to, |file, to| file.persist(to)).map_err(|error| (to, error))
        })
    }

    fn place_by(
        &self,
        file: NamedTempFile,
        to: &Path,
        rename: impl Fn(NamedTempFile, &Path) -> Result<File, PersistError>,
    ) -> io::Result<()> {
        self.sync(&file)?;
        self.name(file, to, rename)
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
        mut file: NamedTempFile,
        to: &Path,
        rename: impl Fn(NamedTempFile, &Path) -> Result<File, PersistError>,
    ) -> io::Result<()> {
        let folder = to.parent().unwrap_or(&self.root);
        if !folder.is_dir() {
            std::fs::create_dir_all(folder)?;
            self.tell(Event::Made(folder));
        }
        let mut from = file.path().to_owned();
        let mut result = rename(file, to);
        if let Err(refused) = result {
            if refused.error.kind() != io::ErrorKind::CrossesDevices {
                return Err(refused.error);
            }
            // the source may be on another device than the lake, or a part of the lake: only the
            // folder itself is surely on the right one
            file = beside(folder)?;
            io::copy(&mut File::open(refused.file.path())?, &mut file)?;
            self.sync(&file)?;
            file.path().clone_into(&mut from);
            result = rename(file, to);
        }
        result.map_err(|refused| refused.error)?;
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
        done
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

/// Does something for each file or folder, for several at once: a disk waits more than it works.
fn at_once<T: Sync, E: Send>(all: &[T], one: impl Fn(&T) -> Result<(), E> + Sync) -> Result<(), E> {
    let share = all.len().div_ceil(AT_ONCE).max(1);
    if all.len() < 3 {
        return all.iter().try_for_each(one);
    }
    std::thread::scope(|threads| {
        let shares: Vec<_> = all
            .chunks(share)
            .map(|some| threads.spawn(|| some.iter().try_for_each(&one)))
            .collect();
        shares
            .into_iter()
            .try_for_each(|share| share.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

/// How files in the making are called, and who may read them: whoever the user's mask lets.
pub(crate) fn staged(end: &'static str) -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("staged-").suffix(end);
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
        disk.place_by(file, &to, mounted).expect("place");
        assert_eq!(std::fs::read(&to).expect("read"), b"rows");
        let tried = tries.borrow();
        let [first, second] = tried.as_slice() else { panic!("{tried:?}") };
        assert!(first.starts_with(root.join(model::layout::TEMP)), "{first:?}");
        let name = second.file_name().and_then(|name| name.to_str()).expect("name");
        assert!(name.ends_with("#1"), "listings pass over it: {name}");
        for left in [first, second] {
            assert!(!left.exists(), "{left:?} is left");
        }
        // a device that refuses all: told, and nothing is left
        let never = |file, _: &Path| {
            Err(PersistError { error: io::ErrorKind::CrossesDevices.into(), file })
        };
        let file = disk.temporary().expect("file");
        let error =
            disk.place_by(file, &root.join("silver/t/b.parquet"), never).expect_err("never");
        assert_eq!(error.kind(), io::ErrorKind::CrossesDevices);
        assert_eq!(root.join("silver/t").read_dir().expect("folder").count(), 1);
    }
}

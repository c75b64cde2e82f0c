//! Power cuts. A [`Recorder`] is told what happens to the files of a lake; afterwards it says what
//! a disk may hold when the power went at any moment: names that were not synced are there or
//! not, each for itself, bytes that were not synced are cut, zero or gone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use store::disk::{Event, Watch};

/// What has happened, with paths below the lake.
#[derive(Debug, Clone)]
enum Step {
    Made(PathBuf),
    Synced(PathBuf, Arc<[u8]>),
    /// With the bytes, for those that were not synced.
    Renamed(PathBuf, PathBuf, Arc<[u8]>),
    Syncing(PathBuf),
    FolderSynced(PathBuf),
    Removed(PathBuf),
}

/// Writes down what happens to a lake's files.
#[derive(Debug)]
pub struct Recorder {
    root: PathBuf,
    steps: Mutex<Vec<Step>>,
}

impl Watch for Recorder {
    fn seen(&self, event: Event<'_>) {
        let below = |path: &Path| path.strip_prefix(&self.root).map(Path::to_owned);
        let bytes = |path: &Path| -> Arc<[u8]> { std::fs::read(path).unwrap_or_default().into() };
        let step = match event {
            Event::Made(path) => below(path).map(Step::Made),
            Event::Synced(path) => below(path).map(|below| Step::Synced(below, bytes(path))),
            Event::Renamed { from, to } => {
                below(from).and_then(|from| Ok(Step::Renamed(from, below(to)?, bytes(to))))
            }
            Event::FolderSyncing(path) => below(path).map(Step::Syncing),
            Event::FolderSynced(path) => below(path).map(Step::FolderSynced),
            Event::Removed(path) => below(path).map(Step::Removed),
        };
        // what lies elsewhere, such as a temporary folder, is not the lake's
        if let Ok(step) = step {
            self.steps.lock().unwrap_or_else(PoisonError::into_inner).push(step);
        }
    }
}

/// A change of a folder's names that is not on the disk yet.
#[derive(Debug, Clone)]
enum Change {
    Folder(PathBuf),
    Name(PathBuf, Content),
    Gone(PathBuf),
}

/// The bytes of a file, and whether they are on the disk.
#[derive(Debug, Clone)]
struct Content {
    bytes: Arc<[u8]>,
    synced: bool,
}

/// A disk: what is on it, and what is in memory only.
#[derive(Debug, Default)]
struct Disk {
    folders: BTreeSet<PathBuf>,
    files: BTreeMap<PathBuf, Content>,
    /// Names that running programs see.
    seen: BTreeMap<PathBuf, Content>,
    known: BTreeSet<PathBuf>,
    /// What is not on the disk yet, by folder, in order; and how much of it a sync at work takes.
    pending: BTreeMap<PathBuf, (Vec<Change>, usize)>,
}

fn folder(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).to_owned()
}

impl Disk {
    fn change(&mut self, change: Change) {
        let (Change::Folder(path) | Change::Name(path, _) | Change::Gone(path)) = &change;
        self.pending.entry(folder(path)).or_default().0.push(change);
    }

    fn know(&mut self, path: &Path) {
        if path.as_os_str().is_empty() || !self.known.insert(path.to_owned()) {
            return;
        }
        self.know(&folder(path));
        self.change(Change::Folder(path.to_owned()));
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Folder(path) => {
                self.folders.insert(path);
            }
            Change::Name(path, content) => {
                self.files.insert(path, content);
            }
            Change::Gone(path) => {
                self.files.remove(&path);
            }
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Made(path) => self.know(path),
            Step::Synced(path, bytes) => {
                let content = Content { bytes: Arc::clone(bytes), synced: true };
                self.seen.insert(path.clone(), content);
            }
            Step::Renamed(from, to, bytes) => {
                let unsynced = Content { bytes: Arc::clone(bytes), synced: false };
                let content = self.seen.remove(from).unwrap_or(unsynced);
                self.know(&folder(to));
                self.seen.insert(to.clone(), content.clone());
                self.change(Change::Name(to.clone(), content));
            }
            Step::Removed(path) => {
                self.seen.remove(path);
                self.change(Change::Gone(path.clone()));
            }
            Step::Syncing(path) => {
                if let Some((changes, taken)) = self.pending.get_mut(path) {
                    *taken = changes.len();
                }
            }
            Step::FolderSynced(path) => {
                let Some((changes, taken)) = self.pending.get_mut(path) else { return };
                let done: Vec<Change> = changes.drain(..std::mem::take(taken)).collect();
                for change in done {
                    self.apply(change);
                }
            }
        }
    }
}

impl Recorder {
    /// A recorder of the lake in `root`, which exists.
    ///
    /// # Errors
    /// When it does not.
    pub fn new(root: &Path) -> Result<Arc<Self>> {
        Ok(Arc::new(Self { root: root.canonicalize()?, steps: Mutex::default() }))
    }

    /// Moments that the power may go at: before each step, and after the last one.
    pub fn moments(&self) -> usize {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// How often a file was synced, and how often a folder.
    pub fn syncs(&self) -> (usize, usize) {
        let steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |is: fn(&Step) -> bool| steps.iter().filter(|step| is(step)).count();
        (
            count(|step| matches!(step, Step::Synced(..))),
            count(|step| matches!(step, Step::FolderSynced(..))),
        )
    }

    fn replay(&self, moment: usize) -> Disk {
        let mut disk = Disk::default();
        for step in &self.steps.lock().unwrap_or_else(PoisonError::into_inner)[..moment] {
            disk.step(step);
        }
        disk
    }

    /// Whether the recorder was told of every file that lies in the lake, so that no writer was
    /// passed over. Temporary files aside.
    ///
    /// # Errors
    /// Names a file that it was not told of, or that is another one.
    pub fn check_whole(&self) -> Result<()> {
        let disk = self.replay(self.moments());
        let mut folders = vec![self.root.clone()];
        let mut found = 0;
        while let Some(folder) = folders.pop() {
            for entry in folder.read_dir()? {
                let path = entry?.path();
                let below = path.strip_prefix(&self.root)?;
                if below.starts_with(model::layout::TEMP) {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let told = disk.seen.get(below);
                let told = told.with_context(|| format!("{} was not told of", below.display()))?;
                ensure!(told.bytes[..] == std::fs::read(&path)?, "{} differs", below.display());
                found += 1;
            }
        }
        ensure!(found > 0, "there is no file at all");
        Ok(())
    }

    /// Makes in `to`, an empty folder, what the disk may hold after the power went at a moment.
    /// Tells how many files lost their bytes and how many changes of names were lost.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn crash(
        &self,
        moment: usize,
        chance: &mut fastrand::Rng,
        to: &Path,
    ) -> Result<(u32, u32)> {
        let mut disk = self.replay(moment);
        let mut lost = 0;
        for (changes, _) in std::mem::take(&mut disk.pending).into_values() {
            for change in changes {
                if chance.bool() { disk.apply(change) } else { lost += 1 }
            }
        }
        let mut damaged = 0;
        for path in &disk.folders {
            if is_reached(&disk, path) {
                std::fs::create_dir_all(to.join(path))?;
            }
        }
        for (path, content) in &disk.files {
            if !is_reached(&disk, &folder(path)) {
                continue;
            }
            let mut bytes = content.bytes.to_vec();
            if !content.synced {
                damaged += 1;
                match chance.u8(..3) {
                    0 => bytes.clear(),
                    1 => bytes.truncate(chance.usize(..=bytes.len())),
                    _ => bytes.fill(0),
                }
            }
            std::fs::write(to.join(path), bytes)?;
        }
        Ok((damaged, lost))
    }
}

/// Whether a folder and all above it are on the disk.
fn is_reached(disk: &Disk, path: &Path) -> bool {
    path.ancestors().all(|above| above.as_os_str().is_empty() || disk.folders.contains(above))
}

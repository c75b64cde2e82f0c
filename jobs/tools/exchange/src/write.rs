//! Archives written to a folder in the host's layout, as many at once as there are cores.
//! What is too large to be made while somebody waits is written once and then served.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use chrono::{DateTime, Utc};

use crate::archive::{self, ArchiveError, Origin};
use crate::catalog::{CHECKSUM, Catalog, Entry};
use crate::faults::{Fault, Target};
use crate::rules::LiveFaults;
use crate::state::{Options, StartError, checksum_text};
use crate::trades::SampleMarket;

/// Archives that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The options make no sense.
    #[error(transparent)]
    Options(#[from] StartError),
    /// One archive could not be made.
    #[error("cannot write `{key}`")]
    Archive {
        /// Its key.
        key: String,
        /// Why.
        #[source]
        source: ArchiveError,
    },
}

/// One archive written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The zip.
    pub path: PathBuf,
    /// Its bytes.
    pub size: u64,
}

/// Writes every archive that an exchange with these options would list, with its checksum
/// file and its time of publication, below `folder`. `done` is called after each.
///
/// # Errors
/// [`WriteError`] for the first archive that cannot be written.
pub fn write(
    options: &Options,
    folder: &Path,
    done: &(dyn Fn(&Written) + Sync),
) -> Result<Vec<Written>, WriteError> {
    options.faults.check().map_err(StartError::from)?;
    let market = SampleMarket::new(options.seed, &options.symbols).map_err(StartError::from)?;
    let catalog = Catalog::new(&market, &options.range);
    let faults = LiveFaults::new(options.faults.clone());
    let now = options.now.map(|now| now.timestamp());
    let wanted: Vec<&Entry> = catalog
        .entries()
        .iter()
        .filter(|entry| now.is_none_or(|now| entry.published <= now))
        .filter(|entry| !faults.standing(&entry.key, Target::Archive).contains(&Fault::Absent))
        .collect();
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(wanted.len()));
    let failed = Mutex::new(None);
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..cores.min(wanted.len()) {
            scope.spawn(|| {
                while let Some(entry) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match write_one(&market, &faults, options, folder, entry) {
                        Ok(written) => {
                            done(&written);
                            results.lock().unwrap_or_else(PoisonError::into_inner).push(written);
                        }
                        Err(source) => {
                            let error = WriteError::Archive { key: entry.key.clone(), source };
                            failed
                                .lock()
                                .unwrap_or_else(PoisonError::into_inner)
                                .get_or_insert(error);
                            next.store(wanted.len(), Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    if let Some(error) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(results)
}

fn write_one(
    market: &SampleMarket,
    live: &LiveFaults,
    options: &Options,
    folder: &Path,
    entry: &Entry,
) -> Result<Written, ArchiveError> {
    let path = folder.join(&entry.key);
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| ArchiveError::Io { path, source }
    };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(at(parent))?;
    }
    let faults = live.standing(&entry.key, Target::Archive);
    let origin = Origin::Market(market.clone());
    let made = archive::make(&origin, &entry.key, &faults, options.level.clamp(1, 9), &path)?;
    let revised = i64::from(archive::revision(&faults).unwrap_or(0)) * 86_400;
    let published = DateTime::<Utc>::from_timestamp(entry.published + revised, 0);
    let stamp = |path: &Path| {
        let file = File::options().write(true).open(path)?;
        file.set_modified(SystemTime::from(published.unwrap_or_default()))
    };
    stamp(&path).map_err(at(&path))?;
    let checksum = live.standing(&entry.key, Target::Checksum);
    if !checksum.contains(&Fault::MissingChecksum) {
        let path = folder.join(format!("{}{CHECKSUM}", entry.key));
        let text = checksum_text(&checksum, &entry.key, &made.published);
        std::fs::write(&path, text).map_err(at(&path))?;
        stamp(&path).map_err(at(&path))?;
    }
    Ok(Written { path, size: made.size })
}

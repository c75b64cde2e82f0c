//! The exchange without HTTP: options, market, catalogue, rules, clock and log, and how they
//! make an object out of a key.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use model::unit::hex;
use model::{Dataset, Day, Timeframe};
use sha2::{Digest as _, Sha256};

use crate::archive::{self, ArchiveError, Made, Origin};
use crate::catalog::{self, Catalog, Object, ObjectSource, Objects, Range};
use crate::faults::{BadFaults, ChecksumForm, Fault, Faults, Target};
use crate::instrument::{BadSymbolSpec, SymbolSpec};
use crate::listing::{self, Listed, Query};
use crate::log::RequestLog;
use crate::random::of_words;
use crate::rules::LiveFaults;
use crate::trades::SampleMarket;
use crate::vault::{Body, Vault};

/// What listings say about archives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sizes {
    /// The truth: a listed archive is made, so that its size and ETag are known.
    #[default]
    Real,
    /// Numbers that follow from the key alone. For benchmarks of listings only: no archive is
    /// ever made, and a GET of one is a 404 that says so.
    Declared,
}

/// How an exchange is.
#[derive(Debug, Clone)]
pub struct Options {
    /// The market's seed.
    pub seed: u64,
    /// The symbols; none for a folder alone.
    pub symbols: Vec<SymbolSpec>,
    /// Which archives there are.
    pub range: Range,
    /// The instant after which nothing is published; everything is when absent.
    pub now: Option<DateTime<Utc>>,
    /// A folder of real files that is served too: keys are paths in it.
    pub folder: Option<PathBuf>,
    /// The rules to start with.
    pub faults: Faults,
    /// What listings say.
    pub sizes: Sizes,
    /// The deflate level of zips, 1 (quick) to 9.
    pub level: u32,
    /// Bytes of made zips to keep.
    pub cache: u64,
    /// Where to keep them; the system's temporary folder when absent.
    pub cache_folder: Option<PathBuf>,
    /// The address to listen on.
    pub listen: std::net::SocketAddr,
}

impl Default for Options {
    /// Seed 1, [`SymbolSpec::defaults`], 2024-12-30 to 2025-01-02 (spot goes from ms to µs in
    /// between), bars of 1m, 1h and 1d, all published, a free port of 127.0.0.1.
    fn default() -> Self {
        let day =
            |n| Day::of_epoch_days(n).unwrap_or_else(|| Day::new(chrono::NaiveDate::default()));
        Self {
            seed: 1,
            symbols: SymbolSpec::defaults(),
            range: Range {
                from: day(20_087),
                to: day(20_090),
                timeframes: vec![Timeframe::M1, Timeframe::H1, Timeframe::D1],
                daily: Dataset::ALL.to_vec(),
                monthly: Dataset::ALL.to_vec(),
            },
            now: None,
            folder: None,
            faults: Faults::default(),
            sizes: Sizes::Real,
            level: 1,
            cache: 2 << 30,
            cache_folder: None,
            listen: std::net::SocketAddr::from(([127, 0, 0, 1], 0)),
        }
    }
}

/// An exchange that cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A symbol that cannot be served as asked.
    #[error(transparent)]
    Symbol(#[from] BadSymbolSpec),
    /// Rules that cannot be followed.
    #[error(transparent)]
    Faults(#[from] BadFaults),
    /// The range of days is empty.
    #[error("the range {from} to {to} has no day, expected an end that is not before the start")]
    Range {
        /// The first day.
        from: Day,
        /// The last day.
        to: Day,
    },
    /// No such folder.
    #[error("no folder {}", .0.display())]
    Folder(PathBuf),
    /// The system refused something.
    #[error("cannot {what}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
}

/// An object as it is served now.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    /// Without quotes.
    pub(crate) etag: String,
    /// Seconds since the epoch.
    pub(crate) modified: i64,
    pub(crate) size: u64,
    pub(crate) content: Content,
}

/// The bytes of an object.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    File(Body),
    Text(bytes::Bytes),
    /// Declared only: there are no bytes.
    None,
}

/// The exchange.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) market: SampleMarket,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) log: RequestLog,
    folder: Option<PathBuf>,
    sizes: Sizes,
    level: u32,
    vault: Vault,
    faults: RwLock<Arc<LiveFaults>>,
    now: Mutex<Option<i64>>,
}

impl State {
    pub(crate) fn new(options: &Options) -> Result<Self, StartError> {
        let Range { from, to, .. } = options.range;
        if from > to {
            return Err(StartError::Range { from, to });
        }
        if let Some(folder) = options.folder.as_ref().filter(|f| !f.is_dir()) {
            return Err(StartError::Folder(folder.clone()));
        }
        options.faults.check()?;
        let market = SampleMarket::new(options.seed, &options.symbols)?;
        let vault =
            Vault::new(options.cache_folder.as_deref(), options.cache).map_err(|source| {
                StartError::Io { what: "make a folder for zips".to_owned(), source }
            })?;
        Ok(Self {
            catalog: Arc::new(Catalog::new(&market, &options.range)),
            market,
            log: RequestLog::default(),
            folder: options.folder.clone(),
            sizes: options.sizes,
            level: options.level.clamp(1, 9),
            vault,
            faults: RwLock::new(Arc::new(LiveFaults::new(options.faults.clone()))),
            now: Mutex::new(options.now.map(|now| now.timestamp())),
        })
    }

    pub(crate) fn faults(&self) -> Arc<LiveFaults> {
        Arc::clone(&self.faults.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_faults(&self, faults: Faults) -> Result<(), BadFaults> {
        faults.check()?;
        let live = Arc::new(LiveFaults::new(faults));
        *self.faults.write().unwrap_or_else(PoisonError::into_inner) = live;
        Ok(())
    }

    pub(crate) fn now(&self) -> Option<i64> {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_now(&self, now: Option<DateTime<Utc>>) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now.map(|now| now.timestamp());
    }

    /// The object of a key as it is now; `None` when there is none.
    pub(crate) async fn object(&self, key: &str) -> Result<Option<Served>, ArchiveError> {
        let found = catalog::find(&self.catalog, self.folder.as_deref(), self.now(), key);
        match found.filter(|object| self.is_shown(object)) {
            Some(object) => self.serve(&object, true).await.map(Some),
            None => Ok(None),
        }
    }

    /// One page of the listing, as XML; `sizes` instead of the sizes of the objects.
    pub(crate) async fn list(
        &self,
        query: &Query,
        sizes: Option<u64>,
    ) -> Result<String, ArchiveError> {
        let files = match &self.folder {
            None => std::collections::BTreeMap::new(),
            Some(folder) => catalog::folder_objects(folder)
                .map_err(|source| ArchiveError::Io { path: folder.clone(), source })?,
        };
        let keys = {
            let all = Objects::new(&self.catalog, &files, self.now());
            listing::select(&all, query, |object| self.is_shown(object))
        };
        let contents: Vec<Listed> = stream::iter(keys.objects)
            .map(|object| async move {
                let served = self.serve(&object, false).await?;
                Ok::<_, ArchiveError>(Listed {
                    key: object.key,
                    modified: served.modified,
                    etag: served.etag,
                    size: sizes.unwrap_or(served.size),
                })
            })
            .buffered(16)
            .try_collect()
            .await?;
        Ok(listing::xml(query, &contents, &keys.prefixes, keys.next.as_deref()))
    }

    /// Notes that an object was served from its first byte, for rules that count.
    pub(crate) fn count_served(&self, key: &str) {
        match key.strip_suffix(catalog::CHECKSUM) {
            Some(zip) => self.faults().served(zip, Target::Checksum),
            None => self.faults().served(key, Target::Archive),
        }
    }

    /// Whether faults let an object exist.
    fn is_shown(&self, object: &Object) -> bool {
        let faults = self.faults();
        let zip = object.key.strip_suffix(catalog::CHECKSUM).unwrap_or(&object.key);
        let archive = faults.standing(zip, Target::Archive);
        let gone = archive.iter().any(|fault| match fault {
            Fault::Absent => true,
            Fault::Delisted { on } => self.is_after(zip, *on),
            _ => false,
        });
        let unsummed = || {
            let checksum = faults.standing(zip, Target::Checksum);
            zip != object.key && checksum.contains(&Fault::MissingChecksum)
        };
        !gone && !unsummed()
    }

    /// Whether an archive of trades lies wholly after a delisting.
    fn is_after(&self, key: &str, last: Day) -> bool {
        self.catalog.get(key).is_some_and(|entry| {
            !entry.name.dataset.has_timeframe() && entry.name.period.first() > last
        })
    }

    async fn serve(&self, object: &Object, with_body: bool) -> Result<Served, ArchiveError> {
        match &object.source {
            ObjectSource::ChecksumOf(zip) => {
                let served = self.zip(zip, false).await?;
                let faults = self.faults().standing(&zip.key, Target::Checksum);
                let text = checksum_text(&faults, &zip.key, &served.1.published);
                let digest = hex(&Sha256::digest(&text));
                let touched = faults.iter().find_map(|fault| match fault {
                    Fault::TouchedChecksum { days } => Some(i64::from(*days) * 86_400),
                    _ => None,
                });
                Ok(Served {
                    etag: digest[..32].to_owned(),
                    modified: served.0.modified + touched.unwrap_or(1),
                    size: text.len() as u64,
                    content: if self.declared(zip) {
                        Content::None
                    } else {
                        Content::Text(text.into())
                    },
                })
            }
            _ => Ok(self.zip(object, with_body).await?.0),
        }
    }

    const fn declared(&self, object: &Object) -> bool {
        matches!(self.sizes, Sizes::Declared) && matches!(object.source, ObjectSource::Generated(_))
    }

    /// A zip, or a file of the folder that is none.
    async fn zip(&self, object: &Object, with_body: bool) -> Result<(Served, Made), ArchiveError> {
        let key = object.key.clone();
        let faults = self.faults().standing(&key, Target::Archive);
        if let (true, ObjectSource::Generated(published)) = (self.declared(object), &object.source)
        {
            let draw = of_words(0, &["declared", &key]);
            let sha256 = hex(&Sha256::digest(&key));
            let served = Served {
                etag: sha256[..32].to_owned(),
                modified: *published,
                size: 10_000 + draw % 10_000_000,
                content: Content::None,
            };
            let made = Made { size: served.size, published: sha256.clone(), sha256 };
            return Ok((served, made));
        }
        let revised = i64::from(archive::revision(&faults).unwrap_or(0)) * 86_400;
        let (origin, modified, own) = match &object.source {
            ObjectSource::File(path) => {
                let io_error = |source| ArchiveError::Io { path: path.clone(), source };
                let facts = std::fs::metadata(path).map_err(io_error)?;
                let modified: DateTime<Utc> = facts.modified().map_err(io_error)?.into();
                let stamp = format!("{modified:?}/{}", facts.len());
                let own = (faults.is_empty() || !catalog::is_zip(&key)).then(|| path.clone());
                (Origin::File(path.clone()), (modified.timestamp(), stamp), own)
            }
            ObjectSource::Generated(published) => {
                (Origin::Market(self.market.clone()), (*published, String::new()), None)
            }
            ObjectSource::ChecksumOf(_) => return Err(ArchiveError::NoArchive { key }),
        };
        let id = format!("{key} {} {faults:?}", modified.1);
        let level = self.level;
        let (made, body) = if let Some(path) = own {
            let made = {
                let path = path.clone();
                self.vault.learn(&id, move || hash_file(&path)).await?
            };
            (made, Some(Body::Own(path)))
        } else {
            let make = move |path: &Path| archive::make(&origin, &key, &faults, level, path);
            if with_body {
                let (made, body) = self.vault.body(&id, make).await?;
                (made, Some(body))
            } else {
                (self.vault.facts(&id, make).await?, None)
            }
        };
        let served = Served {
            etag: made.sha256[..32].to_owned(),
            modified: modified.0 + revised,
            size: made.size,
            content: body.map_or(Content::None, Content::File),
        };
        Ok((served, made))
    }
}

/// The checksum file of an archive: digest, two spaces, file name, no line end; faults change
/// each of these.
pub(crate) fn checksum_text(faults: &[Fault], key: &str, digest: &str) -> Vec<u8> {
    let name = key.rsplit('/').next().unwrap_or(key);
    let mut digest = digest.to_owned();
    let (mut middle, mut end) = (format!("  {name}"), "");
    for fault in faults {
        match fault {
            Fault::WrongChecksum => digest = hex(&Sha256::digest(&digest)),
            Fault::ChecksumForm(ChecksumForm::Upper) => digest = digest.to_uppercase(),
            Fault::ChecksumForm(ChecksumForm::Star) => middle = format!(" *{name}"),
            Fault::ChecksumForm(ChecksumForm::Bare) => middle.clear(),
            Fault::ChecksumForm(ChecksumForm::Newline) => end = "\n",
            Fault::ChecksumForm(ChecksumForm::Crlf) => end = "\r\n",
            _ => {}
        }
    }
    format!("{digest}{middle}{end}").into_bytes()
}

fn hash_file(path: &Path) -> Result<Made, ArchiveError> {
    let io_error = |source| ArchiveError::Io { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(io_error)?;
    let (size, sha256) = archive::hash(&mut file).map_err(io_error)?;
    Ok(Made { size, published: sha256.clone(), sha256 })
}

//! Makes zips: rows of the sample market or of a real file, spoiled where asked, streamed to
//! disk. The same input gives the same bytes. Nothing here knows of HTTP or of rules.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use model::Dataset;
use model::unit::hex;
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::csv::{has_header, header, rows};
use crate::damage::Damage;
use crate::faults::{Corruption, Fault};
use crate::name::ArchiveName;
use crate::trades::{SampleMarket, Twist, UnknownSymbol, whole_millis};

/// A zip that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A symbol that is not served.
    #[error(transparent)]
    Symbol(#[from] UnknownSymbol),
    /// A fault that needs the generator, asked of a real file.
    #[error("`{key}` is a real file, and fault {fault:?} can only be made by the generator")]
    RealFile {
        /// The key.
        key: String,
        /// The fault.
        fault: Box<Fault>,
    },
    /// A key that is no archive of a dataset.
    #[error("`{key}` is no archive of a dataset that is known, so its rows cannot be changed")]
    NoArchive {
        /// The key.
        key: String,
    },
    /// A zip in the folder that cannot be read.
    #[error("cannot read the zip {}", path.display())]
    Zip {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: zip::result::ZipError,
    },
    /// A file that cannot be read or written.
    #[error("cannot read or write {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Where the rows come from.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    /// The sample market.
    Market(SampleMarket),
    /// A zip in a folder.
    File(PathBuf),
}

/// What a finished zip is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    /// Bytes.
    pub(crate) size: u64,
    /// The SHA-256 of the bytes, lower-case hexadecimal.
    pub(crate) sha256: String,
    /// What the checksum file states.
    pub(crate) published: String,
}

/// Makes the zip of `key` with its faults at `path`.
pub(crate) fn make(
    origin: &Origin,
    key: &str,
    faults: &[Fault],
    level: u32,
    path: &Path,
) -> Result<Made, ArchiveError> {
    let io_error = |source| ArchiveError::Io { path: path.to_owned(), source };
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .map_err(io_error)?;
    write_zip(origin, key, faults, level, &file, path)?;
    let mut published = None;
    for fault in faults {
        if let Fault::CorruptZip { how, sound_checksum } = fault {
            if *sound_checksum {
                published = Some(hash(&mut file).map_err(io_error)?.1);
            }
            corrupt(&mut file, *how).map_err(io_error)?;
        }
    }
    let (size, sha256) = hash(&mut file).map_err(io_error)?;
    Ok(Made { size, published: published.unwrap_or_else(|| sha256.clone()), sha256 })
}

/// The length and the SHA-256 of a file.
pub(crate) fn hash(file: &mut File) -> io::Result<(u64, String)> {
    file.seek(SeekFrom::Start(0))?;
    let mut sha = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut size = 0;
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            break;
        }
        size += n as u64;
        sha.update(&buffer[..n]);
    }
    Ok((size, hex(&sha.finalize())))
}

/// Every member has the time of the oldest zips, so that equal content gives equal bytes.
pub(crate) fn member_options(level: u32, size: u64) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(i64::from(level)))
        .last_modified_time(zip::DateTime::default())
        .unix_permissions(0o644)
        .large_file(size > u64::from(u32::MAX) / 2)
}

/// About how many bytes of CSV there will be, rather too many than too few.
fn expected_size(origin: &Origin, name: &ArchiveName) -> u64 {
    match origin {
        Origin::Market(market) => market.instrument(name.market, &name.symbol).map_or(0, |i| {
            let rows = |day| match name.dataset {
                Dataset::Trades | Dataset::Quotes => market.day(i, day).count_trades(),
                Dataset::AggTrades => market.day(i, day).count_aggregates(),
                _ => 0,
            };
            name.period.first().to(name.period.last()).map(|day| rows(day) * 100).sum()
        }),
        // a deflated CSV is never less than a fortieth
        Origin::File(path) => std::fs::metadata(path).map_or(0, |facts| facts.len() * 40),
    }
}

fn write_zip(
    origin: &Origin,
    key: &str,
    faults: &[Fault],
    level: u32,
    file: &File,
    path: &Path,
) -> Result<(), ArchiveError> {
    let io_error = |source| ArchiveError::Io { path: path.to_owned(), source };
    let zip_error = |source: zip::result::ZipError| io_error(source.into());
    let name =
        ArchiveName::parse(key).ok_or_else(|| ArchiveError::NoArchive { key: key.to_owned() })?;
    let mut zip = ZipWriter::new(BufWriter::with_capacity(1 << 20, file));
    let member = format!("{}.csv", name.stem());
    // as found: the stray file lies in a folder of its own and carries the same name
    let nested = format!("{}/{member}", name.stem());
    let stray = faults.iter().find_map(|f| match f {
        Fault::NestedCsv { first } => Some(*first),
        _ => None,
    });
    let mut members = vec![(member, false)];
    match stray {
        Some(true) => members.insert(0, (nested, true)),
        Some(false) => members.push((nested, true)),
        None => {}
    }
    let size = expected_size(origin, &name);
    for (member, stray) in members {
        zip.start_file(member, member_options(level, size)).map_err(zip_error)?;
        let mut damage = Damage::new(&name, faults);
        if stray {
            damage = damage.other_quantities();
        }
        write_csv(origin, &name, faults, damage, &mut zip).map_err(|e| e.at(path))?;
    }
    if let Some(revision) = revision(faults).filter(|_| matches!(origin, Origin::File(_))) {
        // the rows of a real file stay as they are; only its bytes are new
        zip.set_comment(format!("published again, revision {revision}")).map_err(zip_error)?;
    }
    let mut out = zip.finish().map_err(zip_error)?;
    out.flush().map_err(io_error)
}

/// An error whose file is known one level up.
enum CsvError {
    Io(io::Error),
    Other(ArchiveError),
}

impl CsvError {
    fn at(self, path: &Path) -> ArchiveError {
        match self {
            Self::Io(source) => ArchiveError::Io { path: path.to_owned(), source },
            Self::Other(error) => error,
        }
    }
}

impl From<io::Error> for CsvError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn write_csv(
    origin: &Origin,
    name: &ArchiveName,
    faults: &[Fault],
    mut damage: Damage,
    out: &mut impl Write,
) -> Result<(), CsvError> {
    let shown = faults.iter().rev().find_map(|f| match f {
        Fault::Header { present } => Some(*present),
        _ => None,
    });
    let head = |own: Option<String>| match shown {
        None => own,
        Some(false) => None,
        Some(true) => own.or_else(|| Some(header(name.market, name.dataset).to_owned())),
    };
    let end = if faults.contains(&Fault::Crlf) { "\r\n" } else { "\n" };
    match origin {
        Origin::Market(market) => {
            let own = has_header(name).then(|| header(name.market, name.dataset).to_owned());
            if let Some(head) = head(own) {
                write!(out, "{head}{end}")?;
            }
            let market = market.twisted(twist(faults));
            let written = rows(&market, name, &mut |piece| {
                if damage.is_none() {
                    out.write_all(piece)
                } else {
                    damage.feed(piece, &mut |row| out.write_all(&row))
                }
            });
            written.map_err(|e| CsvError::Other(e.into()))??;
        }
        Origin::File(path) => {
            let unfit =
                faults.iter().find(|f| matches!(f, Fault::Outage { .. } | Fault::Delisted { .. }));
            if let Some(fault) = unfit {
                let fault = Box::new(fault.clone());
                return Err(CsvError::Other(ArchiveError::RealFile {
                    key: name.to_string(),
                    fault,
                }));
            }
            let zip_error =
                |source| CsvError::Other(ArchiveError::Zip { path: path.clone(), source });
            let mut zip = ZipArchive::new(File::open(path)?).map_err(zip_error)?;
            let mut member = BufReader::with_capacity(1 << 18, zip.by_index(0).map_err(zip_error)?);
            let mut line = Vec::new();
            let mut first = true;
            loop {
                line.clear();
                if io::BufRead::read_until(&mut member, b'\n', &mut line)? == 0 {
                    break;
                }
                if std::mem::take(&mut first) {
                    let is_head = !line.first().is_some_and(u8::is_ascii_digit);
                    let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                    if let Some(head) = head(is_head.then_some(text)) {
                        write!(out, "{head}{end}")?;
                    }
                    if is_head {
                        continue;
                    }
                }
                damage.feed(&line, &mut |row| out.write_all(&row))?;
            }
        }
    }
    damage.finish(&mut |row| out.write_all(&row))?;
    Ok(())
}

/// What faults make of the market itself.
fn twist(faults: &[Fault]) -> Twist {
    let mut twist = Twist { revision: revision(faults).unwrap_or(0), ..Twist::default() };
    for fault in faults {
        match fault {
            Fault::Outage { from, to } => {
                twist.outages.push(whole_millis(from.timestamp_micros(), to.timestamp_micros()));
            }
            Fault::Delisted { on } => twist.delisted = Some(*on),
            _ => {}
        }
    }
    twist
}

/// How often an archive was published again, if it was.
pub(crate) fn revision(faults: &[Fault]) -> Option<u32> {
    faults.iter().rev().find_map(|fault| match fault {
        Fault::Republished { revision } => Some(*revision),
        _ => None,
    })
}

fn corrupt(file: &mut File, how: Corruption) -> io::Result<()> {
    let size = file.metadata()?.len();
    match how {
        Corruption::Flip => {
            let at = size / 2;
            let mut bytes = [0; 16];
            file.seek(SeekFrom::Start(at))?;
            let n = file.read(&mut bytes)?;
            for byte in &mut bytes[..n] {
                *byte = !*byte;
            }
            file.seek(SeekFrom::Start(at))?;
            file.write_all(&bytes[..n])
        }
        Corruption::Truncate => file.set_len(size - size / 3),
        Corruption::NotAZip => {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
            file.write_all(b"<html><body><h1>503 Service Unavailable</h1></body></html>\n")
        }
    }
}

/// Puts a CSV file into `folder` as the archive of `key` (`data/spot/…/X.zip`), as the host
/// would have it: one deflated member named like the zip. Returns the zip's path. `--folder`
/// then serves it, with a checksum made on the fly.
///
/// # Errors
/// [`ArchiveError`] when the key is no archive's or a file cannot be read or written.
pub fn zip_csv(folder: &Path, csv: &Path, key: &str) -> Result<PathBuf, ArchiveError> {
    let name =
        ArchiveName::parse(key).ok_or_else(|| ArchiveError::NoArchive { key: key.to_owned() })?;
    let path = folder.join(key);
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| ArchiveError::Io { path, source }
    };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(at(parent))?;
    }
    let mut input = File::open(csv).map_err(at(csv))?;
    let output = File::create(&path).map_err(at(&path))?;
    let zip_error = |source: zip::result::ZipError| at(&path)(source.into());
    let mut zip = ZipWriter::new(BufWriter::new(output));
    let size = input.metadata().map_err(at(csv))?.len();
    zip.start_file(format!("{}.csv", name.stem()), member_options(6, size)).map_err(zip_error)?;
    io::copy(&mut input, &mut zip).map_err(at(&path))?;
    zip.finish().map_err(zip_error)?.flush().map_err(at(&path))?;
    Ok(path)
}

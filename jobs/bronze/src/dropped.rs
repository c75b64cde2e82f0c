//! One unit whose bytes a person has dropped into the lake: they are copied to where raw objects lie, so
//! that bronze keeps what was read whatever becomes of the folder. No HTTP.
//!
//! Units may share a file: all of them refer to one raw object, in the place of the first of them. What
//! two units copy at once is the same bytes under the same key.

use std::fs::File;
use std::io::{self, Read as _, Write as _};

use chrono::{DateTime, Utc};
use model::fragment::{ArchiveStatus, BronzeFragment};
use model::plan::Remote;
use model::unit::{Unit, hex};
use model::{RawArchive, layout};
use sha2::{Digest as _, Sha256};
use source::Provider;
use source::ask::Unavailable;
use store::{Entry, Lake, LocalCopy, Staged, StoreError, blocking};

use crate::download::DownloadError;
use crate::verify::{NO_CHECKSUM, zip_fault};

/// Bytes copied at once.
const CHUNK: usize = 1 << 20;

/// Takes one unit's file, as it lies there now: that may be a newer one than the plan saw.
///
/// # Errors
/// [`DownloadError`] when it is not there any more, or changes meanwhile.
pub async fn take(
    lake: &Lake,
    unit: &Unit,
    remote: &Remote,
    provider: &'static dyn Provider,
    at: DateTime<Utc>,
) -> Result<BronzeFragment, DownloadError> {
    let unavailable = |why: &str| {
        let (url, why) = (remote.url.clone(), why.to_owned());
        DownloadError::Unavailable(Unavailable { url, attempts: 1, why, status: None })
    };
    let there = lake.head(&remote.url).await?;
    let there = there.ok_or_else(|| unavailable("it lies there no more; plan anew"))?;
    let copy = lake.local_copy(&remote.url).await?;
    let staged = lake.stage()?;
    let (staged, sha256, fault) = blocking(move || copied(&copy, staged)).await?;
    if lake.head(&remote.url).await? != Some(there.clone()) || staged.bytes() != there.bytes {
        return Err(unavailable("it was changed while it was read"));
    }
    let bytes = staged.bytes();
    let object = keep(lake, unit, remote, provider, &there, staged, &sha256, at).await?;
    let (status, detail) = match fault {
        Some(fault) => (ArchiveStatus::Corrupt, fault),
        None => (ArchiveStatus::Unverified, format!("{NO_CHECKSUM}: it was dropped into the lake")),
    };
    Ok(BronzeFragment {
        unit: unit.clone(),
        url: remote.url.clone(),
        status,
        detail: Some(detail),
        last_modified: DateTime::from_timestamp_micros(there.modified_micros),
        etag: there.etag,
        published_sha256: None,
        checksum_modified: None,
        archive: Some(RawArchive { object, sha256, bytes, fetched_at: at }),
        fetched_at: at,
        transferred: 0,
        attempts: 1,
    })
}

/// Puts a copy in its place, unless the same bytes are there already, and returns the key.
#[expect(clippy::too_many_arguments, reason = "all that a key is made of")]
async fn keep(
    lake: &Lake,
    unit: &Unit,
    remote: &Remote,
    provider: &'static dyn Provider,
    there: &Entry,
    staged: Staged,
    sha256: &str,
    at: DateTime<Utc>,
) -> Result<String, StoreError> {
    let name = provider.name_of(remote, unit);
    let home = provider.home(unit, &name);
    // the bytes are part of the version: what a store gives as an ETag may come again
    let version = layout::raw_version(Some(sha256), there.etag.as_deref(), at.timestamp_micros());
    for version in [version.clone(), format!("{version}-x{}", &sha256[..8])] {
        let key = layout::raw(&home, &version, &name);
        if lake.head(&key).await?.is_none() {
            staged.publish(&key).await?;
            return Ok(key);
        }
        if lake.sum(&key, true).await?.sha256.as_deref() == Some(sha256) {
            return Ok(key);
        }
    }
    // both are spoiled
    let key = layout::raw(&home, &format!("{}-x{sha256}", at.timestamp_micros()), &name);
    staged.publish(&key).await?;
    Ok(key)
}

/// Copies a file; its SHA-256, and what is wrong with its frame.
fn copied(
    copy: &LocalCopy,
    mut staged: Staged,
) -> Result<(Staged, String, Option<String>), StoreError> {
    let path = copy.path();
    let error = |source| StoreError::File { action: "copy", path: path.to_owned(), source };
    let mut hash = Sha256::new();
    let mut file = File::open(path).map_err(error)?;
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(n) => {
                hash.update(&chunk[..n]);
                staged.write_all(&chunk[..n]).map_err(error)?;
            }
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return Err(error(cause)),
        }
    }
    let fault = zip_fault(staged.path()).map_err(error)?;
    Ok((staged, hex(&hash.finalize()), fault))
}

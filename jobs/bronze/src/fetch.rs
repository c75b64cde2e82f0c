//! One unit: its checksum, the raw object that the lake may have already, the download, the
//! judgement, the right place, and the fragment that tells all of it.
//!
//! Where there is no checksum to compare with (none published, refused, not understood) the bytes
//! are judged by their zip frame and by what the listing says of them, and the archive is
//! `unverified`. Bytes that are not what is listed are not the archive's fate: the source is then
//! unavailable, and asked again by the next run.

use std::borrow::Cow;
use std::path::Path;

use chrono::{DateTime, Utc};
use model::checksum::parse_checksum;
use model::etag::same_etag;
use model::fragment::{ArchiveStatus, BronzeFragment, CHECKSUM_REFUSED};
use model::plan::Remote;
use model::unit::Unit;
use model::{RawArchive, layout};
use reqwest::StatusCode;
use source::ask::{Ask as _, Request, Unavailable, in_words, is_gone};
use source::{Packing, Provider, Takes};
use store::{Lake, LocalCopy, StoreError, blocking};

use crate::download::{Download, DownloadError, Downloader, Effort, Outcome};
use crate::dropped;
use crate::verify::{NO_CHECKSUM, Neighbours, plain_fault, zip_fault};

/// Bytes of a checksum file that are read at most: one may be of ten thousand archives.
const CHECKSUM_BYTES: usize = 1 << 20;
/// Times that an archive whose bytes look damaged is downloaded in full at most.
const DOWNLOADS: u32 = 3;

/// What the source says the archive's SHA-256 is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Published {
    sha256: Option<String>,
    /// Why there is none.
    detail: Option<String>,
}

/// Fetches units into the lake.
#[derive(Debug, Clone, Copy)]
pub struct Fetcher<'a> {
    /// The way to bytes.
    pub downloader: Downloader<'a>,
    /// What to compare sizes with.
    pub neighbours: &'a Neighbours,
}

/// A unit at work.
struct Work<'a> {
    unit: &'a Unit,
    remote: &'a Remote,
    provider: &'static dyn Provider,
    /// When the work began: what the source publishes after it is news.
    at: DateTime<Utc>,
    effort: Effort,
}

impl Work<'_> {
    /// How the source calls the archive.
    fn name(&self) -> Cow<'_, str> {
        self.provider.name_of(self.remote, self.unit)
    }

    /// What is wrong with the frame of a file that should be the archive; `None` when it stands.
    async fn frame_fault(&self, path: &Path) -> Result<Option<String>, StoreError> {
        let path = path.to_owned();
        let packing = self.provider.packing(self.unit, &self.name());
        blocking(move || {
            let fault = match packing {
                Packing::Zip(_) | Packing::Answers => zip_fault(&path),
                Packing::Plain(judge) => plain_fault(&path, judge),
            };
            fault.map_err(|source| StoreError::File { action: "read", path, source })
        })
        .await
    }

    fn fragment(
        self,
        status: ArchiveStatus,
        detail: Option<String>,
        published: Published,
        archive: Option<RawArchive>,
    ) -> BronzeFragment {
        let detail = match (detail, published.detail) {
            (Some(a), Some(b)) => Some(format!("{a}; {b}")),
            (a, b) => a.or(b),
        };
        BronzeFragment {
            unit: self.unit.clone(),
            url: self.remote.url.clone(),
            status,
            detail,
            etag: self.remote.etag.clone(),
            last_modified: self.remote.last_modified,
            published_sha256: published.sha256,
            checksum_modified: self.remote.checksum_modified,
            archive,
            fetched_at: self.at,
            transferred: self.effort.transferred,
            attempts: self.effort.attempts,
        }
    }
}

impl Fetcher<'_> {
    fn lake(&self) -> &Lake {
        self.downloader.lake
    }

    /// Fetches one unit: every definite outcome is a fragment.
    ///
    /// # Errors
    /// [`DownloadError`] when there is no definite outcome.
    pub async fn fetch(
        &self,
        unit: &Unit,
        remote: &Remote,
        provider: &'static dyn Provider,
    ) -> Result<BronzeFragment, DownloadError> {
        let at = self.downloader.client.now();
        if provider.takes() == Takes::Dropped {
            return dropped::take(self.lake(), unit, remote, provider, at).await;
        }
        let mut work = Work { unit, remote, provider, at, effort: Effort::default() };
        let mut published = self.published(&work).await?;
        if let Some((archive, fault)) = self.in_lake(&work, &published).await? {
            let (status, detail) = match fault {
                Some(fault) => (ArchiveStatus::Corrupt, Some(fault)),
                None => self.judged(unit, archive.bytes, &published),
            };
            return Ok(work.fragment(status, detail, published, Some(archive)));
        }
        let most = self.downloader.client.limits().attempts.clamp(2, DOWNLOADS);
        let (mut downloads, mut damaged) = (0, None);
        loop {
            let outcome =
                self.downloader.download(&remote.url, remote.bytes, &mut work.effort).await?;
            downloads += 1;
            let download = match outcome {
                Outcome::Whole(download) => download,
                Outcome::Gone(status) => {
                    let detail = format!("answer {}", status.as_u16());
                    let status = ArchiveStatus::Missing;
                    return Ok(work.fragment(status, Some(detail), published, None));
                }
            };
            let sha256 = &download.written.sha256;
            if published.sha256.as_ref().is_some_and(|published| published != sha256) {
                // perhaps both were published anew between the two requests
                published = self.published(&work).await?;
            }
            let fault = match &published.sha256 {
                Some(published) if published != sha256 => Some((
                    ArchiveStatus::ChecksumMismatch,
                    format!("sha256 {sha256}, published {published}"),
                )),
                _ => work
                    .frame_fault(download.written.staged.path())
                    .await?
                    .map(|fault| (ArchiveStatus::Corrupt, fault)),
            };
            if published.sha256.as_ref() != Some(sha256) {
                // bytes that come twice the same were not damaged on the way
                if fault.is_some() && downloads < most && damaged.as_ref() != Some(sha256) {
                    tracing::warn!(%unit, "damaged: downloading once more in full");
                    damaged = Some(sha256.clone());
                    continue;
                }
                if let Some(why) = not_what_is_listed(&work, &download, fault.as_ref()) {
                    let attempts = work.effort.attempts;
                    let url = remote.url.clone();
                    return Err(Unavailable { url, attempts, why, status: None }.into());
                }
            }
            return self.kept(work, *download, published, fault).await;
        }
    }

    /// Puts a download in its place.
    async fn kept(
        &self,
        work: Work<'_>,
        download: Download,
        published: Published,
        fault: Option<(ArchiveStatus, String)>,
    ) -> Result<BronzeFragment, DownloadError> {
        let Download { written, etag, last_modified } = download;
        let bytes = written.staged.bytes();
        let sha256 = written.sha256;
        let etag = etag.or_else(|| work.remote.etag.clone());
        let version = layout::raw_version(
            published.sha256.as_deref(),
            etag.as_deref(),
            work.at.timestamp_micros(),
        );
        // bytes that are not what their version promises must not take its place
        let is_other = matches!(fault, Some((ArchiveStatus::ChecksumMismatch, _)));
        let mut names = vec![format!("{version}-x{}", &sha256[..8])];
        if !is_other {
            names.insert(0, version);
        }
        let name = work.name();
        let mut place = None;
        for version in names {
            let key = layout::raw(work.unit, &version, &name);
            if self.lake().head(&key).await?.is_none() {
                place = Some((key, true));
                break;
            }
            if hash_copy(self.lake().local_copy(&key).await?).await?.0 == sha256 {
                place = Some((key, false));
                break;
            }
        }
        let (key, is_free) = place.unwrap_or_else(|| {
            let version = format!("{}-x{sha256}", work.at.timestamp_micros());
            (layout::raw(work.unit, &version, &name), true)
        });
        if is_free {
            written.staged.publish(&key).await?;
        }
        let archive = RawArchive { object: key, sha256, bytes, fetched_at: work.at };
        let (status, detail) = match fault {
            Some((status, detail)) => (status, Some(detail)),
            None => self.judged(work.unit, bytes, &published),
        };
        let last_modified = last_modified.or(work.remote.last_modified);
        let mut fragment = work.fragment(status, detail, published, Some(archive));
        fragment.etag = etag;
        fragment.last_modified = last_modified;
        Ok(fragment)
    }

    /// What a whole zip is, by its size and by whether there was something to compare it with.
    fn judged(
        &self,
        unit: &Unit,
        bytes: u64,
        published: &Published,
    ) -> (ArchiveStatus, Option<String>) {
        match self.neighbours.suspicion(unit, bytes) {
            Some(detail) => (ArchiveStatus::TruncatedSuspect, Some(detail)),
            None if published.sha256.is_none() => (ArchiveStatus::Unverified, None),
            None => (ArchiveStatus::Ok, None),
        }
    }

    async fn published(&self, work: &Work<'_>) -> Result<Published, DownloadError> {
        let remote = work.remote;
        let none = |detail: String| Published { sha256: None, detail: Some(detail) };
        let Some(url) = &remote.checksum_url else {
            return Ok(none(NO_CHECKSUM.to_owned()));
        };
        let request = Request::get(url, CHECKSUM_BYTES);
        let answer = match self.downloader.client.ask(&request, &mut |_| Ok(())).await {
            Ok(answer) => answer,
            // the host is there and has no answer to this: the archive need not wait for it
            Err(Unavailable { why, status: Some(500..), .. }) => {
                return Ok(none(format!("{CHECKSUM_REFUSED}: {why}")));
            }
            Err(error) => return Err(error.into()),
        };
        Ok(match answer.status {
            StatusCode::OK => match parse_checksum(&answer.body, &work.name()) {
                Ok(sha256) => Published { sha256: Some(sha256), detail: None },
                Err(error) => none(format!("no usable checksum: {error}")),
            },
            status if is_gone(status) => none(format!("{NO_CHECKSUM}: answer {}", status.as_u16())),
            status => none(format!("{CHECKSUM_REFUSED}: {}", in_words(status))),
        })
    }

    /// The raw object, if an earlier attempt or another run has brought it already, and what is
    /// wrong with its frame.
    async fn in_lake(
        &self,
        work: &Work<'_>,
        published: &Published,
    ) -> Result<Option<(RawArchive, Option<String>)>, StoreError> {
        let Work { unit, remote, at, .. } = work;
        let etag = remote.etag.as_deref();
        let expected = published.sha256.as_deref();
        if expected.is_none() && etag.is_none() {
            return Ok(None);
        }
        let version = layout::raw_version(expected, etag, at.timestamp_micros());
        let name = work.name();
        let exact = layout::raw(unit, &version, &name);
        let mut keys = Vec::new();
        if let Some(sha256) = expected {
            // the same bytes under another ETag, or kept as bad until the checksum was mended
            let (start, end) = (layout::raw_version(expected, None, 0), &sha256[..8]);
            for folder in self.lake().folders(&layout::raw_unit(unit)).await? {
                let version = folder.rsplit('/').next().unwrap_or_default();
                if version.starts_with(&start) || version.ends_with(&format!("-x{end}")) {
                    keys.push(layout::raw(unit, version, &name));
                }
            }
            keys.retain(|key| *key != exact);
        }
        keys.insert(0, exact);
        // what nothing could verify may be what the checksum file says after all
        let held = remote.held.as_ref().filter(|held| expected == Some(held.sha256.as_str()));
        keys.extend(held.map(|held| held.object.clone()));
        for key in keys {
            let Some(entry) = self.lake().head(&key).await? else { continue };
            if expected.is_none() && remote.bytes.is_some_and(|bytes| bytes != entry.bytes) {
                continue;
            }
            let copy = self.lake().local_copy(&key).await?;
            let fault = work.frame_fault(copy.path()).await?;
            let (sha256, bytes) = hash_copy(copy).await?;
            // without a checksum only a whole zip is taken for what was published
            if expected.map_or(fault.is_none(), |expected| expected == sha256) {
                let archive = RawArchive { object: key, sha256, bytes, fetched_at: *at };
                return Ok(Some((archive, fault)));
            }
        }
        Ok(None)
    }
}

/// Why bytes that no checksum vouches for are not what the source lists: a page of somebody on
/// the way, an error with status 200, an archive that was published anew meanwhile.
fn not_what_is_listed(
    work: &Work<'_>,
    download: &Download,
    fault: Option<&(ArchiveStatus, String)>,
) -> Option<String> {
    let remote = work.remote;
    // a whole zip of the right size may have another tag on another host; a plain object has no
    // frame that speaks for it
    let is_whole = fault.is_none()
        && matches!(work.provider.packing(work.unit, &work.name()), Packing::Zip(_));
    let bytes = download.written.staged.bytes();
    let difference = match (remote.bytes, &remote.etag, &download.etag) {
        (Some(listed), ..) if listed != bytes => {
            format!("the body has {bytes} bytes, listed with {listed}")
        }
        (_, Some(listed), Some(found)) if !same_etag(listed, found) && !is_whole => {
            format!("the answer has the ETag {found}, listed with {listed}")
        }
        (None, _, None) if !is_whole => {
            "the answer has no ETag, and no size is listed to compare with".to_owned()
        }
        _ => return None,
    };
    let fault = fault.map_or_else(String::new, |(_, fault)| format!("; {fault}"));
    Some(format!("{difference}{fault}"))
}

/// SHA-256 and size of an object.
async fn hash_copy(copy: LocalCopy) -> Result<(String, u64), StoreError> {
    let sum = blocking(move || copy.sum(true)).await?;
    Ok((sum.sha256.unwrap_or_default(), sum.bytes))
}

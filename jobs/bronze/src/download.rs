//! One download over HTTP, whole in the end: cut connections are resumed, passing troubles
//! retried, an archive that changes under way started over, a body without an end left. What the
//! bytes are worth is judged elsewhere.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, IF_RANGE,
    LAST_MODIFIED, RANGE,
};
use reqwest::{Response, StatusCode};
use source::ask::{Unavailable, is_gone};
use stage::Meter;
use stage::http::{SourceClient, Trouble};
use store::{Lake, StoreError};

use crate::sink::{Sink, Written};

/// Bytes that any archive may have, however small it is listed: it may be published anew
/// between the listing and the download.
const SOME: u64 = 64 << 20;
/// An archive that is published anew may be so many times larger than listed.
const TIMES: u64 = 4;

/// Why there is neither an archive nor a definite answer.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The source did not give it inside the limits, or refuses it: try again later.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The lake cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What it took, summed up over everything done for one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effort {
    /// Bytes that went over the wire.
    pub transferred: u64,
    /// Attempts made.
    pub attempts: u32,
}

/// How a download ended.
#[derive(Debug)]
pub enum Outcome {
    /// All bytes are here.
    Whole(Box<Download>),
    /// The source says that it has no such archive.
    Gone(StatusCode),
}

/// The bytes of an archive and what the host said of them.
#[derive(Debug)]
pub struct Download {
    /// The bytes.
    pub written: Written,
    /// The host's ETag, as sent.
    pub etag: Option<String>,
    /// The host's Last-Modified.
    pub last_modified: Option<DateTime<Utc>>,
}

/// The part of an archive that is here already.
#[derive(Debug)]
struct Part {
    sink: Sink,
    etag: Option<String>,
    last_modified: Option<String>,
    total: Option<u64>,
}

impl Part {
    /// What makes sure that the rest belongs to this part: a strong ETag, else the date.
    fn validator(&self) -> Option<&str> {
        let strong = self.etag.as_deref().filter(|etag| !etag.starts_with("W/"));
        strong.or(self.last_modified.as_deref())
    }
}

/// Why an attempt did not bring the whole.
#[derive(Debug)]
enum Stop {
    Trouble(Trouble),
    /// Another attempt would not help now: the host refuses, with its status.
    Refused(StatusCode),
    /// Another attempt would not help now: the answer is beyond the limits.
    TooMuch(String),
    Store(StoreError),
}

impl Stop {
    fn because(why: impl Into<String>) -> Self {
        Self::Trouble(Trouble::new(why))
    }
}

/// Downloads archives into a lake's temporary folder.
#[derive(Debug, Clone, Copy)]
pub struct Downloader<'a> {
    /// The way out.
    pub client: &'a SourceClient,
    /// The lake.
    pub lake: &'a Lake,
    /// Counts bytes as they come.
    pub meter: &'a Meter,
}

impl Downloader<'_> {
    /// Downloads `url`. `expected` is its size where known beforehand; it counts where the
    /// answer does not tell one itself.
    ///
    /// # Errors
    /// [`DownloadError`].
    pub async fn download(
        &self,
        url: &str,
        expected: Option<u64>,
        effort: &mut Effort,
    ) -> Result<Outcome, DownloadError> {
        let mut attempts = self.client.attempts(url);
        let mut part = None;
        loop {
            let permit = attempts.begin().await?;
            effort.attempts += 1;
            let tried = self.attempt(url, expected, &mut part, effort).await;
            drop(permit);
            match tried {
                Ok(outcome) => return Ok(outcome),
                Err(Stop::Store(error)) => return Err(error.into()),
                Err(Stop::Trouble(trouble)) => attempts.failed(&trouble).await?,
                Err(Stop::Refused(status)) => return Err(attempts.refused(status).into()),
                Err(Stop::TooMuch(why)) => return Err(attempts.give_up(why, None).into()),
            }
        }
    }

    async fn attempt(
        &self,
        url: &str,
        expected: Option<u64>,
        part: &mut Option<Part>,
        effort: &mut Effort,
    ) -> Result<Outcome, Stop> {
        let mut request = self.client.client().get(url).header(ACCEPT_ENCODING, "identity");
        // what cannot be resumed safely starts over
        *part = part.take().filter(|part| part.sink.bytes() > 0 && part.validator().is_some());
        if let Some(part) = part.as_ref() {
            request = request
                .header(RANGE, format!("bytes={}-", part.sink.bytes()))
                .header(IF_RANGE, part.validator().unwrap_or_default());
        }
        let response = self.client.send(request).await.map_err(Stop::Trouble)?;
        let status = response.status();
        if let Some(trouble) = Trouble::of_answer(status, response.headers(), self.client.now()) {
            return Err(Stop::Trouble(trouble));
        }
        let most = self.most(expected);
        match status {
            StatusCode::OK => {
                let started = self.start(response.headers())?;
                if let Some(total) = started.total.filter(|total| *total > most) {
                    return Err(too_much(&format!("the answer has {total} bytes"), expected, most));
                }
                *part = Some(started);
            }
            StatusCode::PARTIAL_CONTENT => check_rest(response.headers(), part)?,
            StatusCode::RANGE_NOT_SATISFIABLE if part.take().is_some() => {
                return Err(Stop::because("answer 416: the archive is not the same any more"));
            }
            _ if is_gone(status) => return Ok(Outcome::Gone(status)),
            _ if status.is_client_error() => return Err(Stop::Refused(status)),
            _ => {
                let status = status.as_u16();
                return Err(Stop::because(format!("answer {status}, expected 200 or 206")));
            }
        }
        if !self.receive(response, part, most, effort).await? {
            *part = None;
            return Err(too_much("the body goes on", expected, most));
        }
        let Some(whole) = part.take() else {
            return Err(Stop::because("nothing was received"));
        };
        let (bytes, total) = (whole.sink.bytes(), whole.total.or(expected));
        if total.is_some_and(|total| bytes < total) {
            let why = format!("the body is cut at byte {bytes} of {}", total.unwrap_or(0));
            *part = Some(whole);
            return Err(Stop::because(why));
        }
        if whole.total.is_some_and(|total| bytes > total) {
            return Err(Stop::because(format!(
                "the body has {bytes} bytes, expected {}",
                whole.total.unwrap_or(0)
            )));
        }
        let written = whole.sink.finish().await.map_err(Stop::Store)?;
        Ok(Outcome::Whole(Box::new(Download {
            written,
            etag: whole.etag,
            last_modified: whole.last_modified.as_deref().and_then(parse_date),
        })))
    }

    /// Bytes that an archive listed with `expected` bytes may have.
    fn most(&self, expected: Option<u64>) -> u64 {
        let cap = self.client.limits().archive_mib.saturating_mul(1 << 20);
        expected.map_or(cap, |bytes| bytes.saturating_mul(TIMES).max(SOME).min(cap))
    }

    fn start(&self, headers: &HeaderMap) -> Result<Part, Stop> {
        Ok(Part {
            sink: Sink::new(self.lake).map_err(Stop::Store)?,
            etag: text(headers, ETAG),
            last_modified: text(headers, LAST_MODIFIED),
            total: text(headers, CONTENT_LENGTH).and_then(|bytes| bytes.parse().ok()),
        })
    }

    /// Takes a body to its end; `false` where it goes beyond `most` bytes.
    async fn receive(
        &self,
        mut response: Response,
        part: &mut Option<Part>,
        most: u64,
        effort: &mut Effort,
    ) -> Result<bool, Stop> {
        let Some(sink) = part.as_mut().map(|part| &mut part.sink) else { return Ok(true) };
        loop {
            let piece: Option<Bytes> =
                response.chunk().await.map_err(|error| Stop::Trouble(Trouble::of_error(error)))?;
            let Some(piece) = piece else { return Ok(true) };
            let bytes = piece.len() as u64;
            effort.transferred += bytes;
            self.meter.bytes(bytes);
            if sink.bytes() + bytes > most {
                return Ok(false);
            }
            if !sink.take(piece).await {
                break;
            }
        }
        // the writer stopped: its error tells why
        let Some(part) = part.take() else { return Ok(true) };
        match part.sink.finish().await {
            Err(error) => Err(Stop::Store(error)),
            Ok(_) => Err(Stop::because("the writer stopped")),
        }
    }
}

fn too_much(what: &str, listed: Option<u64>, most: u64) -> Stop {
    let listed = listed.map_or_else(String::new, |listed| format!(", listed with {listed}"));
    Stop::TooMuch(format!("{what}{listed}, expected at most {most} (limits.download.archive_mib)"))
}

/// Makes sure that a partial answer is the rest of `part`; else the part is dropped.
fn check_rest(headers: &HeaderMap, part: &mut Option<Part>) -> Result<(), Stop> {
    let Some(mut known) = part.take() else {
        return Err(Stop::because("answer 206 to a request for the whole"));
    };
    let range = text(headers, CONTENT_RANGE).unwrap_or_default();
    let at = known.sink.bytes();
    let (first, total) = parse_range(&range).unwrap_or((0, None));
    let etag = text(headers, ETAG);
    let other = etag.is_some() && known.etag.is_some() && etag != known.etag;
    let resized = total.is_some() && known.total.is_some() && total != known.total;
    if first != at || other || resized {
        return Err(Stop::because(format!(
            "answer 206 with `{range}` is not the rest from byte {at} of the same archive"
        )));
    }
    known.total = known.total.or(total);
    *part = Some(known);
    Ok(())
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn parse_date(text: &str) -> Option<DateTime<Utc>> {
    httpdate::parse_http_date(text).ok().map(DateTime::from)
}

/// First byte and total of `bytes 5-9/10`; the total is `None` for `*`.
fn parse_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then(|| (first, total.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges() {
        let check = |text: &str, expect| assert_eq!(parse_range(text), expect, "{text}");
        check("bytes 5-9/10", Some((5, Some(10))));
        check("bytes 0-0/*", Some((0, None)));
        check("bytes */10", None);
        check("bytes 9-5/10", None);
        check("items 5-9/10", None);
        check("", None);
    }
}

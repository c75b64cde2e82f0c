//! Asking a provider something over HTTP: the words of it, and the way that others go. Nothing here
//! sends anything.

use std::error::Error;
use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use model::config::DownloadLimits;

use crate::rest::{self, Secret};

/// What is asked.
#[derive(Debug, Clone)]
pub struct Request {
    /// GET or HEAD.
    pub method: Method,
    /// Where, as people are told.
    pub url: String,
    /// Where it really goes, where that holds a key.
    pub secret_url: Option<Secret>,
    /// Headers beside the usual ones, names in small letters.
    pub headers: Vec<(&'static str, Secret)>,
    /// Bytes of the body that are kept at most.
    pub limit: usize,
    /// Whether an answer of any status is an answer. Otherwise one that says `not now` is a failure,
    /// which is tried again.
    pub any_status: bool,
}

impl Request {
    /// Asks for what is at `url`, of which at most `limit` bytes are kept.
    pub fn get(url: impl Into<String>, limit: usize) -> Self {
        Self {
            method: Method::GET,
            url: url.into(),
            secret_url: None,
            headers: Vec::new(),
            limit,
            any_status: false,
        }
    }

    /// Asks `question` of the API at `base`. Whatever it answers is an answer, for such APIs tell their
    /// limits in the body.
    pub fn question(question: &rest::Request, base: &str, limit: usize) -> Self {
        Self {
            secret_url: Some(question.url(base)),
            headers: question.headers(),
            any_status: true,
            ..Self::get(question.told(base), limit)
        }
    }

    /// Asks for the head of what is at `url`.
    pub fn head(url: impl Into<String>) -> Self {
        Self { method: Method::HEAD, ..Self::get(url, 0) }
    }

    /// The URL to send it to: never for a log, a message or a file.
    pub fn sent_to(&self) -> &str {
        self.secret_url.as_ref().map_or(&self.url, Secret::reveal)
    }
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, cut where the request's limit is.
    pub body: Bytes,
}

/// The source did not give what was asked for inside the limits, or refuses it. Trying again
/// later may help; it says nothing of what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable {
    /// What was asked for.
    pub url: String,
    /// Attempts made.
    pub attempts: u32,
    /// What was wrong with the last one.
    pub why: String,
    /// The status of the last answer, where there was one.
    pub status: Option<u16>,
}

impl Unavailable {
    /// Whether the source answered, and refused.
    pub fn is_refusal(&self) -> bool {
        self.status.is_some_and(|status| !is_passing(status))
    }
}

impl Error for Unavailable {}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, why, .. } = self;
        match self.attempts {
            _ if self.is_refusal() => write!(f, "the source refuses {url}: {why}"),
            1 => write!(f, "gave up on {url} after 1 attempt: {why}"),
            n => write!(f, "gave up on {url} after {n} attempts: {why}"),
        }
    }
}

/// Judges an answer: `Err` with the reason where another attempt is worth making.
pub type Usable<'a> = &'a mut (dyn FnMut(&Answer) -> Result<(), String> + Send);

/// The way to a source, which keeps the limits, waits where the host asks for it, and tries again.
#[async_trait]
pub trait Ask: Send + Sync {
    /// Asks until there is a definite answer that is `usable`.
    ///
    /// # Errors
    /// [`Unavailable`] when the limits are reached.
    async fn ask(&self, request: &Request, usable: Usable<'_>) -> Result<Answer, Unavailable>;

    /// The limits that are kept.
    fn limits(&self) -> &DownloadLimits;
}

/// Whether a status says that there is no such thing. No other does: 401, 403, 407 or 451 may be
/// gone tomorrow, and what they keep from us is there.
pub const fn is_gone(status: StatusCode) -> bool {
    matches!(status.as_u16(), 404 | 410)
}

/// Whether a status says `not now`.
pub const fn is_passing(status: u16) -> bool {
    status >= 500 || matches!(status, 408 | 418 | 425 | 429)
}

/// A status for people: `answer 403 (Forbidden)`.
pub fn in_words(status: StatusCode) -> String {
    let code = status.as_u16();
    status
        .canonical_reason()
        .map_or_else(|| format!("answer {code}"), |r| format!("answer {code} ({r})"))
}

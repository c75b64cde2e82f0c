//! What a source offers of a series, and why it could not be asked.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use http::header::{CONTENT_LENGTH, ETAG, HeaderMap, HeaderName, LAST_MODIFIED};
use model::config::Series;
use model::exit::Exit;
use model::{Day, Period, Unit};

use crate::ask::Unavailable;

/// Names that are told of one series; the others are counted.
const TOLD: usize = 5;
/// Most characters of a name that is told.
const SHOWN: usize = 120;

/// What is known of an archive's checksum file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// The source shows none.
    Absent,
    /// Nobody asked.
    Unknown,
    /// There is one, changed last at that time where the source tells.
    Listed(Option<DateTime<Utc>>),
}

/// One archive that the source has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its path on the host, where it is not the one that the provider's rule makes.
    pub path: Option<Box<str>>,
    /// Its size in bytes.
    pub bytes: Option<u64>,
    /// Its ETag, quotes included.
    pub etag: Option<Box<str>>,
    /// When it was last changed.
    pub modified: Option<DateTime<Utc>>,
    /// Its checksum file.
    pub checksum: Checksum,
    /// Of a day whose archive is not there yet: up to which instant the source's API is asked for it.
    pub until: Option<DateTime<Utc>>,
}

impl Listed {
    /// What the answer to a request for an archive's head tells of it. Of a checksum nobody asked.
    pub fn of_head(headers: &HeaderMap) -> Self {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            path: None,
            bytes: text(CONTENT_LENGTH).and_then(|bytes| bytes.parse().ok()),
            etag: text(ETAG).map(Into::into),
            modified: text(LAST_MODIFIED)
                .and_then(|date| DateTime::parse_from_rfc2822(date).ok())
                .map(|date| date.with_timezone(&Utc)),
            checksum: Checksum::Unknown,
            until: None,
        }
    }
}

/// What the source has of a series within the days wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Offer {
    /// The archives, months before days.
    pub archives: BTreeMap<Period, Listed>,
    /// The first day of the series' first archive, which may lie before the days wanted; `None`
    /// when the source has nothing of it.
    pub first: Option<Day>,
    /// Whether the source has later archives than those of the days wanted; `None` where nobody
    /// can tell.
    pub later: Option<bool>,
    /// The newest archive before the days wanted, where the source has none of them.
    pub before: Option<Period>,
    /// Names of the series that look like data and that nobody understands.
    pub strangers: Strangers,
    /// Those of the archives of days that hold a part of their day which the month's archive does not
    /// have: they are taken beside it.
    pub beside: BTreeSet<Day>,
    /// Days of which the archives of months have what else stood in an archive beside them: such a one
    /// is of files in whose place a larger one has come.
    pub replaced: BTreeSet<Day>,
    /// What else a person should know of it, in words.
    pub remarks: Vec<String>,
}

/// A file that a person has put into the source's folder of the lake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// Its path in that folder.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The store's ETag of it.
    pub etag: Option<String>,
    /// When it was put there.
    pub modified: Option<DateTime<Utc>>,
}

/// A source that is being asked what it has.
#[async_trait]
pub trait Survey: Send + Sync {
    /// What the source has of `series`.
    ///
    /// # Errors
    /// [`OfferError`].
    async fn offer(&self, series: &Series) -> Result<Offer, OfferError>;

    /// Whether the answers to all offers together mean what each was taken for: to be asked once
    /// all series are surveyed.
    ///
    /// # Errors
    /// [`OfferError`] where they do not.
    fn judge(&self) -> Result<(), OfferError> {
        Ok(())
    }
}

/// The survey of a source that has nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nothing;

#[async_trait]
impl Survey for Nothing {
    async fn offer(&self, _: &Series) -> Result<Offer, OfferError> {
        Ok(Offer::default())
    }
}

/// Names under a series' prefix that look like data and that nobody understands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Strangers {
    /// The first few.
    pub names: Vec<String>,
    /// How many there are.
    pub count: u64,
}

impl Strangers {
    /// Adds one.
    pub fn add(&mut self, name: &str) {
        // a page that is asked for again shows the same names
        let name: String = name.chars().take(SHOWN).flat_map(char::escape_debug).collect();
        if self.names.contains(&name) {
            return;
        }
        self.count += 1;
        if self.names.len() < TOLD {
            self.names.push(name);
        }
    }

    /// Adds those of another listing of the series.
    pub fn extend(&mut self, others: Self) {
        let told = others.names.len() as u64;
        for name in others.names {
            self.add(&name);
        }
        self.count += others.count.saturating_sub(told);
    }
}

/// Why a source could not be asked what it has.
#[derive(Debug, thiserror::Error)]
pub enum OfferError {
    /// No definite answer.
    #[error("cannot survey {series}")]
    Unavailable {
        /// The series.
        series: String,
        /// Why.
        source: Unavailable,
    },
    /// An answer that is not what it should be.
    #[error("bad {what} {url}: {hint}")]
    BadAnswer {
        /// What it should be, in a word.
        what: &'static str,
        /// What was asked for.
        url: String,
        /// What to look at.
        hint: String,
        /// What was found, and expected.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The source answers, and refuses: it may give tomorrow what it does not give today.
    #[error("the source refuses {url}: {why}")]
    Refused {
        /// What was asked for.
        url: String,
        /// Its status, and its own words where it has any.
        why: String,
    },
    /// An answer that is neither `there` nor `not there`.
    #[error("{url} answers {status}, expected {expected}")]
    BadStatus {
        /// What was asked for.
        url: String,
        /// The status found.
        status: u16,
        /// The statuses that would have done.
        expected: &'static str,
    },
    /// A listing whose next page is not further on.
    #[error("bad listing {url}: its next page starts at `{next}`, expected one further on")]
    Stuck {
        /// What was asked for.
        url: String,
        /// The marker found.
        next: String,
    },
    /// A listing without an end.
    #[error("bad listing {url}: {found}, more than {limit} allows")]
    Endless {
        /// The last page that was asked for.
        url: String,
        /// What was read.
        found: String,
        /// The limit's name and value.
        limit: String,
    },
    /// A URL that cannot be built.
    #[error("bad URL `{found}`")]
    BadUrl {
        /// The text found.
        found: String,
        /// Why.
        source: url::ParseError,
    },
}

impl OfferError {
    /// How the job ends.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Unavailable { .. }
            | Self::Refused { .. }
            | Self::Stuck { .. }
            | Self::Endless { .. } => Exit::SourceUnavailable,
            Self::BadAnswer { .. } | Self::BadStatus { .. } | Self::BadUrl { .. } => Exit::Usage,
        }
    }
}

/// The unit of a series that covers `period`.
pub fn unit(series: &Series, period: Period) -> Unit {
    Unit {
        source: series.source,
        market: series.market,
        dataset: series.dataset,
        symbol: series.symbol.clone(),
        timeframe: series.timeframe,
        period,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_bounded_and_harmless() {
        let mut strangers = Strangers::default();
        for n in 0..1_000 {
            strangers.add(&format!("{n}\n\u{202e}{}.zip", "x".repeat(10_000)));
        }
        assert_eq!((strangers.names.len(), strangers.count), (TOLD, 1_000));
        assert!(strangers.names.iter().all(|n| n.len() < 200 && !n.contains('\n')));
        let mut more = Strangers { names: vec!["a.zip".to_owned()], count: 1 };
        more.extend(strangers);
        assert_eq!((more.names.len(), more.count), (TOLD, 1_001));
    }
}

//! `lake.yaml`: one file an environment says everything. Terraform and the jobs read the same
//! bytes. Strict: what is unknown, doubled, impossible or badly formed is refused with the
//! file, the line, what was found and what was expected.
//!
//! Here are the types and the door, [`Config::parse`]; [`aws`] is the section of deployments,
//! `config/instruments.rs` what is said of instruments, `config/series.rs` turns the ranges into the series a run wants, `config/validate.rs` holds
//! what types cannot say. Which sources, markets and forms of symbols there are is asked of
//! [`Venues`].

mod access;
pub mod aws;
mod every;
mod gold;
mod instruments;
mod recheck;
#[cfg(test)]
mod sample;
mod series;
mod source_url;
mod tail;
mod task;
mod validate;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_saphyr::Spanned;

pub use access::{BadKeyPlace, KeyPlace, RequestLimits};
pub use aws::Aws;
pub use every::{BadEvery, Every};
pub use gold::Gold;
pub use instruments::InstrumentConfig;
pub use recheck::Recheck;
pub use series::{Scope, Series};
pub use tail::Tail;

use crate::instrument::PriceBounds;
use crate::market::{Dataset, Market, Source, Timeframe};
use crate::period::{Cadence, Day};
use crate::symbol::Symbol;

/// What is wrong with a configuration, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct BadConfig {
    /// The file, as the caller named it.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// What was found and what was expected.
    pub message: String,
}

/// A whole `lake.yaml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The environment's name, such as `dev`.
    pub environment: Spanned<String>,
    /// Where the lake lies; default: a directory under `target/lake/`.
    #[serde(default)]
    pub lake: Option<String>,
    /// The sources, by their names.
    pub sources: BTreeMap<Source, Section>,
    /// Limits on time, memory and concurrency.
    #[serde(default)]
    pub limits: Limits,
    /// What is made of bars.
    #[serde(default)]
    pub gold: Gold,
    /// What a deployment needs; an environment without it runs on this machine alone.
    #[serde(default)]
    pub aws: Option<Aws>,
}

/// What there is to configure. Implemented where the providers are known.
pub trait Venues {
    /// The sources, in the order in which they are told.
    fn sources(&self) -> Vec<Source>;

    /// The markets of a source, in the order in which they are told; none of an unknown one.
    fn markets(&self, source: Source) -> Vec<Market>;

    /// What a source has of a market, in the order in which they are told.
    fn datasets(&self, source: Source, market: Market) -> Vec<Dataset>;

    /// The only kind of archives that a source has of a dataset; `None` where it has both.
    fn only(&self, _source: Source, _market: Market, _dataset: Dataset) -> Option<Cadence> {
        None
    }

    /// Whether what no archive holds yet can be asked for.
    fn has_tail(&self, _source: Source, _market: Market, _dataset: Dataset) -> bool {
        false
    }

    /// What a symbol of a market looks like, where this one does not: for `expected …`.
    fn expected_symbol(&self, source: Source, market: Market, symbol: &Symbol) -> Option<String>;

    /// When an instrument ends by its name, in µs since the epoch: the first instant of which
    /// nothing is expected any more.
    fn expiry(&self, source: Source, market: Market, symbol: &Symbol) -> Option<i64>;

    /// What is wrong with a source's section: what the source does not take, or needs and does not
    /// find.
    fn fault(&self, source: Source, section: &Section) -> Option<Fault>;
}

/// What a source cannot do with its section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The keys to look at, from the section on; none for the section itself.
    pub keys: Vec<String>,
    /// What was found and what was expected.
    pub message: String,
}

/// One source.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// The host that is asked, without a slash at its end; a source whose files are dropped into the
    /// lake has none.
    #[serde(default)]
    pub url: Option<Spanned<String>>,
    /// Where the key is, for a source that wants one.
    #[serde(default)]
    pub key: Option<KeyPlace>,
    /// What may be asked, for a source that counts requests; default: its free plan.
    #[serde(default)]
    pub limits: Option<RequestLimits>,
    /// For how long answers are asked for again, for a source that is asked; a dataset may say otherwise
    /// ([`Self::recheck_of`]).
    #[serde(default)]
    pub recheck: Option<Recheck>,
    /// How to find out what there is, for a source of archives.
    #[serde(default)]
    pub discovery: Option<Discovery>,
    /// The S3-style listing of the host; default: the host itself.
    #[serde(default)]
    pub listing_url: Option<Spanned<String>>,
    /// By which clock the source writes its times, for one whose files do not tell.
    #[serde(default)]
    pub clock: Option<Vec<ClockRange>>,
    /// How to ask for what no archive holds yet, for a source that has an API beside its archives;
    /// without it nothing is asked for.
    #[serde(default)]
    pub tail: Option<Tail>,
    /// That the source is asked what its instruments are, for one that tells; without it nothing is asked.
    #[serde(default)]
    pub instruments: Option<AskedInstruments>,
    /// How long after its period an archive may come out before it counts as missing.
    #[serde(default)]
    pub publication_lag: PublicationLag,
    /// When a deployment runs it by itself, where that is another time than that of the others:
    /// EventBridge Scheduler's expression, UTC.
    #[serde(default)]
    pub schedule: Option<Spanned<String>>,
    /// What to take from each market.
    pub markets: BTreeMap<Market, MarketConfig>,
}

impl Section {
    /// The host that is asked; empty for a source that has none.
    pub fn url(&self) -> &str {
        self.url.as_ref().map_or("", |url| &url.value)
    }
}

/// How a source is asked what its instruments are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AskedInstruments {
    /// The APIs' hosts by market, without a slash at their ends, where they are not the source's own.
    pub urls: BTreeMap<Market, String>,
}

/// The clock of a range of days. Without a first or a last day it is open at that end.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClockRange {
    /// The first day, by that clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Day>,
    /// The last day, by that clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Day>,
    /// The clock, in the provider's words.
    pub rule: String,
}

/// How to find out which archives exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Discovery {
    /// Ask the S3-style listing: few requests, sizes and ETags known.
    #[default]
    Listing,
    /// Ask for each archive's head: for mirrors without a listing.
    Probe,
}

/// When archives come out, in days after the end of their period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct PublicationLag {
    /// Daily archives.
    pub daily_days: u32,
    /// Monthly archives.
    pub monthly_days: u32,
}

impl Default for PublicationLag {
    fn default() -> Self {
        Self { daily_days: 2, monthly_days: 16 }
    }
}

/// What to take from one market.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarketConfig {
    /// The symbols.
    pub symbols: Vec<Spanned<String>>,
    /// The days wanted.
    pub range: Spanned<RangeConfig>,
    /// What to take of each symbol.
    pub datasets: BTreeMap<Dataset, Spanned<DatasetConfig>>,
    /// When all of it ends, such as `2025-01-31` (that day is the last one) or
    /// `2025-01-31T09:00` (UTC): nothing is expected after it.
    #[serde(default)]
    pub until: Option<Spanned<String>>,
    /// Exceptions, by symbol.
    #[serde(default)]
    pub overrides: BTreeMap<String, Spanned<Override>>,
    /// Between which prices rows lie; default: what the source says of the market, mostly nothing.
    #[serde(default)]
    pub price_bounds: Option<Spanned<PriceBounds>>,
    /// What neither name nor listing tells of instruments, by symbol.
    #[serde(default)]
    pub instruments: BTreeMap<String, Vec<Spanned<InstrumentConfig>>>,
}

/// The days wanted: `{from: 2024-01-01, to: 2024-03-31}`, or `{last_days: 30}`, both ends
/// included. Without `to` up to yesterday, or to today of what has a [tail](Section::tail).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RangeConfig {
    /// First day.
    #[serde(default)]
    pub from: Option<String>,
    /// Last day.
    #[serde(default)]
    pub to: Option<String>,
    /// A rolling window of so many days up to yesterday (UTC); of what has a [tail](Section::tail)
    /// today comes on top.
    #[serde(default)]
    pub last_days: Option<u32>,
}

/// How to take one dataset.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetConfig {
    /// The timeframes; of bars only, and there at least one.
    #[serde(default)]
    pub timeframes: Vec<Spanned<Timeframe>>,
    /// Which archives to use.
    #[serde(default)]
    pub archives: Archives,
    /// Of what a source tells of now alone: how often to ask; default
    /// [`Dataset::asked_every`].
    #[serde(default)]
    pub every: Option<Spanned<Every>>,
    /// Of other datasets of a source that is asked: for how long answers are asked for again, where that
    /// is not as long as those of the source.
    #[serde(default)]
    pub recheck: Option<Spanned<Recheck>>,
}

/// Which archives to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Archives {
    /// The cheapest set of monthly and daily ones.
    #[default]
    Auto,
    /// Daily ones only.
    Daily,
    /// Monthly ones only.
    Monthly,
}

/// What is different for one symbol.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// Its own days.
    #[serde(default)]
    pub range: Option<Spanned<RangeConfig>>,
    /// When it ends: a delisting, or a delivery at another time than the symbol says.
    #[serde(default)]
    pub until: Option<Spanned<String>>,
    /// Its own datasets, instead of the market's.
    #[serde(default)]
    pub datasets: Option<BTreeMap<Dataset, Spanned<DatasetConfig>>>,
}

/// Limits on time, memory and concurrency. Every one has a default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Downloads.
    pub download: DownloadLimits,
    /// Parsing and encoding.
    pub silver: SilverLimits,
    /// How work is cut into batches.
    pub batch: BatchLimits,
    /// A run as a whole.
    pub run: RunLimits,
}

/// Limits of downloads.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DownloadLimits {
    /// Archives at once in one worker.
    pub concurrency: u32,
    /// Attempts an archive, the first included.
    pub attempts: u32,
    /// Wait before the second attempt, in ms; doubled for each further one, with jitter.
    pub backoff_ms: u64,
    /// Longest wait between attempts, in ms. A longer Retry-After ends the attempts.
    pub max_backoff_ms: u64,
    /// Seconds without a byte after which a connection counts as cut.
    pub idle_timeout_seconds: u64,
    /// Seconds an archive may take in all, attempts included.
    pub total_timeout_seconds: u64,
    /// Seconds the answer to a small request may take with its body: a page of a listing, a
    /// head, a checksum file.
    pub answer_timeout_seconds: u64,
    /// MiB an archive may have at most.
    pub archive_mib: u64,
    /// Pages of one series' listing that are read at most; a page has up to 1000 keys.
    pub listing_pages: u32,
    /// Pages in a row without an archive of the series after which its listing is given up.
    pub listing_idle_pages: u32,
}

impl Default for DownloadLimits {
    fn default() -> Self {
        Self {
            concurrency: 4,
            attempts: 6,
            backoff_ms: 500,
            max_backoff_ms: 60_000,
            idle_timeout_seconds: 30,
            total_timeout_seconds: 3_600,
            answer_timeout_seconds: 120,
            archive_mib: 32_768,
            listing_pages: 1_000,
            listing_idle_pages: 20,
        }
    }
}

/// Limits of silver.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SilverLimits {
    /// Groups at once in one worker; 0 means one a core.
    pub workers: u32,
    /// MiB that all workers of a process together may hold in rows before they spill to disk.
    pub memory_mib: u64,
    /// Accepted from former configurations and without effect: it would make other bytes of the
    /// same archives, and [`ROW_GROUP_ROWS`](crate::plan::ROW_GROUP_ROWS) is what holds.
    pub row_group_rows: u64,
}

impl Default for SilverLimits {
    fn default() -> Self {
        Self { workers: 0, memory_mib: 192, row_group_rows: crate::plan::ROW_GROUP_ROWS }
    }
}

/// How work is cut into batches.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct BatchLimits {
    /// MiB of archives a batch; a larger group is a batch of its own.
    pub mib: u64,
    /// Units a batch.
    pub units: u32,
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self { mib: 512, units: 400 }
    }
}

/// Limits of a run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunLimits {
    /// Batches at once.
    pub concurrency: u32,
    /// Times a batch is tried.
    pub attempts: u32,
    /// Seconds after which a run is ended.
    pub timeout_seconds: u64,
}

impl Default for RunLimits {
    fn default() -> Self {
        Self { concurrency: 1, attempts: 3, timeout_seconds: 21_600 }
    }
}

impl Config {
    /// Reads and checks a `lake.yaml`. `file` is the name that messages give it.
    ///
    /// # Errors
    /// [`BadConfig`] at the first fault, with its line.
    pub fn parse(file: &str, text: &str, venues: &dyn Venues) -> Result<Self, BadConfig> {
        let config: Self = serde_saphyr::from_str(text).map_err(|error| {
            let plain = error.without_snippet();
            let line = plain.location().map_or(1, |l| l.line());
            let found = usize::try_from(line).ok().and_then(|n| text.lines().nth(n.max(1) - 1));
            let message = validate::plain_message(&plain.to_string());
            BadConfig {
                file: file.to_owned(),
                line,
                message: validate::telling_message(&message, found.unwrap_or_default()),
            }
        })?;
        validate::check(file, text, &config, venues)?;
        Ok(config)
    }
}

//! What a source shows of one archive, and the unit that it is.

use chrono::{DateTime, Utc};
use model::config::Series;
use model::{Period, Unit};

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
    /// Its path on the host, where it is not the one that [`model::archive::path`] makes.
    pub path: Option<Box<str>>,
    /// Its size in bytes.
    pub bytes: Option<u64>,
    /// Its ETag, quotes included.
    pub etag: Option<Box<str>>,
    /// When it was last changed.
    pub modified: Option<DateTime<Utc>>,
    /// Its checksum file.
    pub checksum: Checksum,
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

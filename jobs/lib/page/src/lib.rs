//! The lake as one page: figures in, files out.
//!
//! Pure: nothing here knows tables, folders or the clock. A [`Page`] is filled by whoever reads the lake;
//! [`write()`] makes `index.html`, which holds all that a first look needs and opens from a disk without
//! a network, and beside it files of bars that the page loads when they are asked for. [`svg`] draws the same
//! figures as pictures for documents. The same page gives the same bytes on every machine.
//!
//! | module | what lives there |
//! |---|---|
//! | [`figures`] | what a page shows, as plain structs |
//! | `pack` | bars as bytes: differences, planes, deflate |
//! | `document` | the JSON that the page's program reads |
//! | `options` | the charts' options for ECharts, by their types |
//! | `html` | the skeleton, its policy, escapes |
//! | `tables` | what of it needs no program: the sum, checks, rejects, runs |
//! | [`words`] | numbers and days in words, the verdict |
//! | [`svg`] | pictures for documents |
//!
//! The page's own program is plain JavaScript in `assets/js`, one concern a file; docs/page.md says how
//! the page is read and how it is made.

mod document;
pub mod figures;
mod html;
mod options;
mod pack;
pub mod svg;
mod tables;
pub mod words;

pub use figures::*;

/// A file of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where it lies relative to the page's folder, such as `index.html` or `data/spot-BTCUSDT-1m-r1.js`.
    pub name: String,
    /// What a server has to say of it.
    pub content_type: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Why a page cannot be written: its figures are not what they must be.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A number that JavaScript would round.
    #[error("{what} is {value}, and the page counts exactly only up to 2^53; give it fewer digits")]
    TooGreat {
        /// What it is of.
        what: String,
        /// The number.
        value: i64,
    },
    /// Bars that are out of order, twice there, or do not begin on a whole step.
    #[error(
        "{series}: the bar of {time} does not stand a whole number of steps after the one before it"
    )]
    Misplaced {
        /// Symbol and timeframe.
        series: String,
        /// Its start, µs since the epoch.
        time: i64,
    },
    /// An indicator that has not one value for each bar.
    #[error("{series}: {values} values of {indicator}, expected one for each of {bars} bars")]
    Uneven {
        /// Symbol and timeframe.
        series: String,
        /// The indicator's key.
        indicator: String,
        /// Its values.
        values: usize,
        /// Bars of the series.
        bars: usize,
    },
    /// A symbol that is there twice: its files would have one name.
    #[error("{symbol} is there twice")]
    Twice {
        /// Market and symbol.
        symbol: String,
    },
    /// A row of coverage whose spans do not make up its days.
    #[error("coverage of {row}: {days} days, expected {expected}")]
    Days {
        /// Symbol and dataset.
        row: String,
        /// Days of its spans.
        days: u64,
        /// Days of the map.
        expected: u64,
    },
    /// Rows that do not add up: such a page would be a lie.
    #[error(
        "{read} rows read, but {silver} in silver, {rejected} rejected and {duplicate} duplicate"
    )]
    DoesNotAddUp {
        /// Rows read.
        read: u64,
        /// Rows in silver.
        silver: u64,
        /// Lines rejected.
        rejected: u64,
        /// Rows that were there already.
        duplicate: u64,
    },
    /// What should have become JSON did not.
    #[error("the page's data")]
    Json(#[from] serde_json::Error),
}

/// Makes the files of a page: files of bars first, `index.html` last, which is also the order in which they
/// should be published, so that no reader sees a page without its files.
///
/// # Errors
/// What [`Error`] says: figures that the page could only show wrongly.
pub fn write(page: &Page) -> Result<Vec<File>, Error> {
    let (document, mut files) = document::make(page)?;
    files.push(html::index(page, &document));
    Ok(files)
}

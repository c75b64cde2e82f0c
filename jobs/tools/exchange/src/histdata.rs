//! The zips that a person would have downloaded from HistData: ticks of a pair, the bars of a minute that
//! are made of them, and the report of gaps beside each; a month a file. The prices are those that the
//! REST servers have of the pair, less half of the spread, for the files state bids.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use zip::ZipWriter;

use crate::amount::ONE;
use crate::archive::member_options;
use crate::random::{Random, of_number, of_words};
use crate::rest::{Minute, UnknownPair, minutes_of};

/// Which files, and by which clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// What all prices are drawn from, as of the REST servers.
    pub seed: u64,
    /// The pair: `EURUSD`.
    pub pair: String,
    /// The first day, by the files' clock.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// The hours by which the files' clock is before UTC; below zero it is behind.
    pub offset: i32,
}

/// Files that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// A pair that is not served.
    #[error(transparent)]
    Pair(#[from] UnknownPair),
    /// A file that cannot be written.
    #[error("cannot write `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Of so many minutes one, with the next, has no tick.
const SILENT: u64 = 600;
/// How long nothing comes in a gap that is reported. Less is left out of reports, in part.
const GAP: TimeDelta = TimeDelta::seconds(67);
/// By how many seconds fewer than the stamps lie apart a gap is reported.
const FEWER: i64 = 6;
/// Ticks of a minute, a quarter of it each.
const TICKS: usize = 4;

/// What a file is of.
#[derive(Debug, Default)]
struct Texts {
    bars: String,
    ticks: String,
    gaps: String,
    last: Option<NaiveDateTime>,
}

/// Writes the files into `folder`. One that is there and the same stays untouched.
///
/// # Errors
/// [`FilesError`] for a pair that is not known, and for the first file that cannot be written.
pub fn write(files: &Files, folder: &Path) -> Result<Vec<PathBuf>, FilesError> {
    let mut written = Vec::new();
    for (month, texts) in texts(files)? {
        for (kind, lines) in [("M1", &texts.bars), ("T", &texts.ticks)] {
            let stem = format!("DAT_ASCII_{}_{kind}_{month}", files.pair);
            let report = format!(
                "HistData.com (c) 2012\r\nFile: {stem}.csv Status Report\r\n\r\n{}",
                texts.gaps
            );
            let path = folder.join(format!("HISTDATA_COM_ASCII_{}_{kind}{month}.zip", files.pair));
            let put = || -> std::io::Result<()> {
                let bytes = zip(&stem, lines, &report)?;
                if std::fs::read(&path).is_ok_and(|there| there == bytes) {
                    return Ok(());
                }
                std::fs::create_dir_all(folder)?;
                // whole or not at all, for whoever looks into the folder meanwhile
                let half = path.with_extension("part");
                std::fs::write(&half, bytes)?;
                std::fs::rename(&half, &path)
            };
            put().map_err(|source| FilesError::Io { path: path.clone(), source })?;
            written.push(path);
        }
    }
    Ok(written)
}

fn zip(stem: &str, lines: &str, report: &str) -> std::io::Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (ending, text) in [("csv", lines), ("txt", report)] {
        zip.start_file(format!("{stem}.{ending}"), member_options(6, text.len() as u64))?;
        zip.write_all(text.as_bytes())?;
    }
    Ok(zip.finish()?.into_inner())
}

/// The lines and gaps of each month, `202412`.
fn texts(files: &Files) -> Result<BTreeMap<String, Texts>, UnknownPair> {
    let mut all: BTreeMap<String, Texts> = BTreeMap::new();
    let series = of_words(files.seed, &["ticks", &files.pair]);
    let mut date = files.from - TimeDelta::days(1);
    // a day more on each side, since clocks differ
    while date <= files.to + TimeDelta::days(1) {
        minutes_of(files.seed, &files.pair, date, |minute| {
            let begins = DateTime::<Utc>::from_timestamp(minute.number * 60, 0).unwrap_or_default();
            let local = begins.naive_utc() + TimeDelta::hours(files.offset.into());
            if !(files.from..=files.to).contains(&local.date()) || is_silent(series, minute.number)
            {
                return;
            }
            let texts = all.entry(local.format("%Y%m").to_string()).or_default();
            texts.put(local, minute, Random::new(of_number(series, minute.number)));
        })?;
        date += TimeDelta::days(1);
    }
    Ok(all)
}

fn is_silent(series: u64, minute: i64) -> bool {
    let begins = |minute| of_number(series ^ 7, minute).is_multiple_of(SILENT);
    begins(minute) || begins(minute - 1)
}

impl Texts {
    /// A minute's ticks, and their bar. Prices are bids.
    fn put(&mut self, begins: NaiveDateTime, minute: Minute, mut random: Random) {
        let half = 4_000 + 1_000 * random.below(5) as i64;
        let extremes = if random.below(2) == 0 {
            [minute.high, minute.low]
        } else {
            [minute.low, minute.high]
        };
        let middle: [i64; TICKS] = [minute.open, extremes[0], extremes[1], minute.close];
        for (n, price) in middle.iter().enumerate() {
            let quarter = 60_000 / TICKS as i64;
            let into = n as i64 * quarter + random.below(quarter as u64) as i64;
            let at = begins + TimeDelta::milliseconds(into);
            if let Some(last) = self.last.replace(at)
                && at - last >= GAP
            {
                let form = "%Y%m%d%H%M%S";
                let seconds = (at - last).num_seconds() - FEWER;
                let (last, at) = (last.format(form), at.format(form));
                let _ = write!(self.gaps, "Gap of {seconds}s found between {last} and {at}.\r\n");
            }
            let (bid, ask) = (six(price - half), six(price + half));
            let _ = writeln!(self.ticks, "{},{bid},{ask},0", at.format("%Y%m%d %H%M%S%3f"));
        }
        let [open, high, low, close] =
            [minute.open, minute.high, minute.low, minute.close].map(|price| six(price - half));
        let at = begins.format("%Y%m%d %H%M%S");
        let _ = writeln!(self.bars, "{at};{open};{high};{low};{close};0");
    }
}

/// A price, in units of 1e-8, with the six decimals of the files.
fn six(price: i64) -> String {
    format!("{}.{:06}", price / ONE, price % ONE / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(from: &str, to: &str) -> Files {
        let day = |text: &str| text.parse().unwrap();
        Files { seed: 1, pair: "EURUSD".to_owned(), from: day(from), to: day(to), offset: -5 }
    }

    #[test]
    fn bars_are_made_of_the_ticks_and_gaps_are_reported() {
        // from Sunday's open to Friday's close, over the end of a month
        let all = texts(&files("2024-11-24", "2024-12-06")).unwrap();
        assert_eq!(all.keys().map(String::as_str).collect::<Vec<_>>(), ["202411", "202412"]);
        let november = &all["202411"];
        assert!(november.ticks.starts_with("20241124 1700"), "{}", &november.ticks[..40]);
        assert!(november.bars.starts_with("20241124 170000;1."), "{}", &november.bars[..40]);
        let last = november.bars.lines().last().unwrap();
        assert!(last.starts_with("20241129 165900;"), "{last}");
        let mut bids: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for line in november.ticks.lines() {
            let fields: Vec<&str> = line.split(',').collect();
            let [at, bid, ask, "0"] = fields[..] else { panic!("{line}") };
            assert!(at.len() == 18 && bid < ask, "{line}");
            bids.entry(&at[..13]).or_default().push(bid);
        }
        let made: Vec<String> = bids
            .iter()
            .map(|(minute, bids)| {
                let (high, low) = (bids.iter().max().unwrap(), bids.iter().min().unwrap());
                format!("{minute}00;{};{high};{low};{};0", bids[0], bids[bids.len() - 1])
            })
            .collect();
        assert_eq!(november.bars.lines().collect::<Vec<_>>(), made);
        // two minutes and more, but for the week's end, which is the next month's
        let gaps: Vec<&str> = november.gaps.lines().collect();
        assert!(!gaps.is_empty() && made.len() < 5 * 1_440, "{gaps:?}");
        for gap in gaps {
            let (_, stamps) = gap.split_once("s found between 202411").unwrap();
            assert!(stamps.ends_with('.') && gap.starts_with("Gap of 1"), "{gap}");
        }
    }

    #[test]
    fn the_same_files_are_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let files = files("2024-12-31", "2024-12-31");
        let written = write(&files, folder.path()).unwrap();
        let names: Vec<&str> =
            written.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        let expect =
            ["HISTDATA_COM_ASCII_EURUSD_M1202412.zip", "HISTDATA_COM_ASCII_EURUSD_T202412.zip"];
        assert_eq!(names, expect);
        let state = || -> Vec<(Vec<u8>, std::time::SystemTime)> {
            let of = |path: &PathBuf| {
                let modified = std::fs::metadata(path).unwrap().modified().unwrap();
                (std::fs::read(path).unwrap(), modified)
            };
            written.iter().map(of).collect()
        };
        let before = state();
        assert_eq!(write(&files, folder.path()).unwrap(), written);
        assert_eq!(state(), before);
        let pair = "ABCDEF".to_owned();
        let error = write(&Files { pair, ..files }, folder.path()).unwrap_err().to_string();
        assert!(error.contains("`ABCDEF`") && error.contains("EURUSD"), "{error}");
    }
}

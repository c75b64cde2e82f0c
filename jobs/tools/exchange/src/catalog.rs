//! What exists: the keys of the host in the order of its listing, generated archives and
//! files of a folder alike, and when each was published.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::Datelike as _;
use model::{Cadence, Dataset, Day, Month, Period, Timeframe};

use crate::derived::is_published;
use crate::name::ArchiveName;
use crate::random::of_words;
use crate::trades::SampleMarket;

/// The ending of checksum files.
pub(crate) const CHECKSUM: &str = ".CHECKSUM";

/// Whether a key is a zip's. The host's names are in lower case.
pub(crate) fn is_zip(key: &str) -> bool {
    key.strip_suffix(".zip").is_some()
}

/// Which archives are generated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// The first day.
    pub from: Day,
    /// The last day.
    pub to: Day,
    /// The lengths of bars.
    pub timeframes: Vec<Timeframe>,
    /// The datasets that have daily archives.
    pub daily: Vec<Dataset>,
    /// The datasets that have monthly archives, for the months that end in time and do not
    /// start before `from` (unless the symbol was listed later than that).
    pub monthly: Vec<Dataset>,
}

/// One generated archive.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) name: ArchiveName,
    /// When it was published, seconds since the epoch.
    pub(crate) published: i64,
}

/// All generated archives, in the order of their keys.
#[derive(Debug)]
pub(crate) struct Catalog {
    entries: Vec<Entry>,
}

impl Catalog {
    pub(crate) fn new(market: &SampleMarket, range: &Range) -> Self {
        let mut entries = Vec::new();
        let mut add = |name: ArchiveName| {
            let key = name.to_string();
            let published = published(&name, &key);
            entries.push(Entry { key, name, published });
        };
        for instrument in market.instruments() {
            let first = range.from.max(instrument.listed);
            for dataset in Dataset::ALL {
                let timeframes: Vec<_> = if dataset.has_timeframe() {
                    range.timeframes.iter().map(|t| Some(*t)).collect()
                } else {
                    vec![None]
                };
                // bars go on after a delisting, trades do not
                let last = match instrument.delisted {
                    Some(last) if !dataset.has_timeframe() => range.to.min(last),
                    _ => range.to,
                };
                for timeframe in timeframes {
                    let name = |period| ArchiveName {
                        market: instrument.market,
                        dataset: *dataset,
                        symbol: instrument.symbol.clone(),
                        timeframe,
                        period,
                    };
                    let is_published = |cadence| is_published(instrument.market, *dataset, cadence);
                    if range.daily.contains(dataset) && is_published(Cadence::Daily) {
                        first.to(last).for_each(|day| add(name(Period::Day(day))));
                    }
                    if range.monthly.contains(dataset) && is_published(Cadence::Monthly) {
                        let mut month = first.month();
                        while month.last() <= range.to && month.first() <= last {
                            if month.first().max(instrument.listed) >= range.from {
                                add(name(Period::Month(month)));
                            }
                            month = month.next();
                        }
                    }
                }
            }
        }
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        // the contracts of a pair have one index
        entries.dedup_by(|a, b| a.key == b.key);
        Self { entries }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        let at = self.entries.binary_search_by(|e| e.key.as_str().cmp(key)).ok()?;
        self.entries.get(at)
    }

    /// The entries whose keys are at or after `key`.
    fn from(&self, key: &str) -> &[Entry] {
        &self.entries[self.entries.partition_point(|e| e.key.as_str() < key)..]
    }
}

/// When the host publishes an archive, seconds since the epoch: a daily one early on the next
/// day, a monthly one on a day between the next month's first Monday and its fifteenth.
fn published(name: &ArchiveName, key: &str) -> i64 {
    const DAY: i64 = 86_400;
    let draw = of_words(0, &["published", key]) as i64 & i64::MAX;
    match name.period {
        Period::Day(day) => i64::from(day.next().epoch_days()) * DAY + 2 * 3_600 + draw % 10_800,
        Period::Month(month) => {
            let monday = first_monday(month.next());
            let days = i64::from(15 - monday.date().day());
            let day = i64::from(monday.epoch_days()) + (draw >> 20) % (days + 1);
            day * DAY + 6 * 3_600 + draw % 10_800
        }
    }
}

fn first_monday(month: Month) -> Day {
    let monday = month.days().find(|day| day.date().weekday() == chrono::Weekday::Mon);
    monday.unwrap_or_else(|| month.first())
}

/// One object that the host has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) key: String,
    pub(crate) source: ObjectSource,
}

/// Where an object comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ObjectSource {
    /// A generated zip, published at this second.
    Generated(i64),
    /// A file.
    File(PathBuf),
    /// The checksum file of a zip, made on the fly.
    ChecksumOf(Box<Object>),
}

/// The files below `folder` by key, with the checksum files that are not there.
pub(crate) fn folder_objects(folder: &Path) -> std::io::Result<BTreeMap<String, Object>> {
    let mut objects = BTreeMap::new();
    let mut folders = vec![(folder.to_owned(), String::new())];
    while let Some((path, prefix)) = folders.pop() {
        for entry in std::fs::read_dir(&path)? {
            let entry = entry?;
            let key = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let file_type = std::fs::metadata(entry.path())?;
            if file_type.is_dir() {
                folders.push((entry.path(), key + "/"));
            } else {
                let source = ObjectSource::File(entry.path());
                objects.insert(key.clone(), Object { key, source });
            }
        }
    }
    let zips: Vec<Object> = objects.values().filter(|o| is_zip(&o.key)).cloned().collect();
    for zip in zips {
        let key = format!("{}{CHECKSUM}", zip.key);
        let made = Object { key: key.clone(), source: ObjectSource::ChecksumOf(Box::new(zip)) };
        objects.entry(key).or_insert(made);
    }
    Ok(objects)
}

/// The object of a key; a file hides a generated object of the same key.
pub(crate) fn find(
    catalog: &Catalog,
    folder: Option<&Path>,
    now: Option<i64>,
    key: &str,
) -> Option<Object> {
    let object = |key: &str, source| Object { key: key.to_owned(), source };
    let zip = key.strip_suffix(CHECKSUM).unwrap_or(key);
    let inside = key.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    if let Some(folder) = folder.filter(|_| inside) {
        if folder.join(key).is_file() {
            return Some(object(key, ObjectSource::File(folder.join(key))));
        }
        if zip != key && is_zip(zip) && folder.join(zip).is_file() {
            let of = object(zip, ObjectSource::File(folder.join(zip)));
            return Some(object(key, ObjectSource::ChecksumOf(Box::new(of))));
        }
    }
    let entry = catalog.get(zip).filter(|e| now.is_none_or(|now| e.published <= now))?;
    let [archive, checksum] = pair(entry);
    Some(if zip == key { archive } else { checksum })
}

/// All objects at or after a key, generated ones and files in one order; a file hides a
/// generated object of the same key.
pub(crate) struct Objects<'a> {
    catalog: &'a Catalog,
    files: &'a BTreeMap<String, Object>,
    /// Generated archives published after this second do not exist yet.
    now: Option<i64>,
}

impl<'a> Objects<'a> {
    pub(crate) const fn new(
        catalog: &'a Catalog,
        files: &'a BTreeMap<String, Object>,
        now: Option<i64>,
    ) -> Self {
        Self { catalog, files, now }
    }

    fn exists(&self, entry: &Entry) -> bool {
        self.now.is_none_or(|now| entry.published <= now)
    }

    /// The objects whose keys are at or after `key`.
    pub(crate) fn from(&'a self, key: &str) -> impl Iterator<Item = Object> + 'a {
        // the zip of a checksum file sorts before it
        let start = key.strip_suffix(CHECKSUM).unwrap_or(key);
        let at = key.to_owned();
        let mut made = self
            .catalog
            .from(start)
            .iter()
            .filter(|e| self.exists(e))
            .flat_map(pair)
            .skip_while(move |o| o.key < at)
            .peekable();
        let mut files = self.files.range(key.to_owned()..).map(|(_, o)| o.clone()).peekable();
        std::iter::from_fn(move || match (made.peek(), files.peek()) {
            (Some(a), Some(b)) if a.key == b.key => {
                made.next();
                files.next()
            }
            (Some(a), Some(b)) if a.key < b.key => made.next(),
            (Some(_), None) => made.next(),
            _ => files.next(),
        })
    }
}

/// The zip and the checksum file of a generated archive.
fn pair(entry: &Entry) -> [Object; 2] {
    let zip = Object { key: entry.key.clone(), source: ObjectSource::Generated(entry.published) };
    let key = format!("{}{CHECKSUM}", entry.key);
    let checksum = Object { key, source: ObjectSource::ChecksumOf(Box::new(zip.clone())) };
    [zip, checksum]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instrument::SymbolSpec;

    fn catalog(symbols: &[&str], from: &str, to: &str) -> Catalog {
        let specs: Vec<SymbolSpec> = symbols.iter().map(|s| s.parse().unwrap()).collect();
        let market = SampleMarket::new(1, &specs).unwrap();
        let range = Range {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            timeframes: vec![Timeframe::H1],
            daily: Dataset::ALL.to_vec(),
            monthly: Dataset::ALL.to_vec(),
        };
        Catalog::new(&market, &range)
    }

    #[test]
    fn monthly_archives_are_of_whole_months() {
        let check = |symbol: &str, from: &str, to: &str, expect: &[&str]| {
            let catalog = catalog(&[symbol], from, to);
            let months: Vec<&str> = catalog
                .entries()
                .iter()
                .filter(|e| e.key.contains("monthly/trades"))
                .map(|e| &e.key[e.key.len() - 11..e.key.len() - 4])
                .collect();
            assert_eq!(months, expect, "{symbol} {from} {to}");
        };
        check("spot:AUSDT", "2024-01-01", "2024-03-31", &["2024-01", "2024-02", "2024-03"]);
        check("spot:AUSDT", "2024-01-02", "2024-03-30", &["2024-02"]);
        check("spot:AUSDT", "2024-01-05", "2024-01-09", &[]);
        check("spot:AUSDT,listed=2024-01-20", "2024-01-02", "2024-02-10", &["2024-01"]);
        check(
            "spot:AUSDT,delisted=2024-02-03",
            "2024-01-01",
            "2024-03-31",
            &["2024-01", "2024-02"],
        );
    }

    #[test]
    fn bars_outlive_a_delisting() {
        let catalog = catalog(&["spot:AUSDT,delisted=2024-01-02"], "2024-01-01", "2024-01-04");
        let days = |part: &str| catalog.entries().iter().filter(|e| e.key.contains(part)).count();
        assert_eq!(
            (days("daily/trades"), days("daily/aggTrades"), days("daily/klines")),
            (2, 2, 4)
        );
    }

    #[test]
    fn publication_follows_the_period() {
        let catalog = catalog(&["spot:AUSDT"], "2024-01-01", "2024-01-31");
        for entry in catalog.entries() {
            let late =
                entry.published - i64::from(entry.name.period.last().next().epoch_days()) * 86_400;
            let days = late / 86_400;
            match entry.name.period {
                Period::Day(_) => assert_eq!(days, 0),
                // 2024-02-05 is the first Monday
                Period::Month(_) => assert!((4..15).contains(&days), "{days}"),
            }
        }
    }
}

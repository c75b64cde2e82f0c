//! What the keys of a listing mean: archives of a series, their checksum files, and names that
//! nobody understands, which are told and never passed over. Pure; nothing here asks for a page.

use std::collections::BTreeMap;

use model::config::Series;
use model::{Cadence, Day, Period};

use super::archive;
use super::listing::Object;
use crate::offer::{Checksum, Listed, Strangers, unit};

/// The ending of checksum files.
const CHECKSUM: &str = ".CHECKSUM";

/// The keys of one listing, as far as it was read.
#[derive(Debug)]
pub(crate) struct Keys {
    cadence: Cadence,
    prefix: String,
    /// What the names of its archives begin with.
    start: String,
    /// First and last period wanted; everything where there is none.
    window: Option<(Period, Period)>,
    /// The archives in the window.
    pub(crate) archives: BTreeMap<Period, Listed>,
    /// What was not understood.
    pub(crate) strangers: Strangers,
    /// Whether an archive of a later period was seen.
    pub(crate) later: bool,
}

impl Keys {
    pub(crate) fn new(series: &Series, cadence: Cadence, window: Option<(Period, Period)>) -> Self {
        let prefix = archive::series_prefix(
            series.market,
            series.dataset,
            &series.symbol,
            series.timeframe,
            cadence,
        );
        let start = archive::name_start(series.dataset, &series.symbol, series.timeframe);
        Self {
            cadence,
            prefix,
            start,
            window,
            archives: BTreeMap::new(),
            strangers: Strangers::default(),
            later: false,
        }
    }

    /// The folder that is listed.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Takes a key into account.
    pub(crate) fn take(&mut self, object: Object) {
        // what lies elsewhere is none of this series
        let Some(name) = object.key.strip_prefix(&self.prefix) else { return };
        let (own, is_checksum) = match name.strip_suffix(CHECKSUM) {
            Some(own) => (own, true),
            None => (name, false),
        };
        let Some(Dated { period, is_padded }) = self.dated(own) else {
            if archive::looks_like_data(name) {
                self.strangers.add(name);
            }
            return;
        };
        if let Some((first, last)) = self.window {
            self.later |= period > last && !is_checksum;
            if period < first || last < period {
                return;
            }
        }
        let odd = (!is_padded).then(|| format!("{}{own}", self.prefix).into_boxed_str());
        if is_checksum {
            // it sorts right after its archive, at most one page later
            if let Some(listed) = self.archives.get_mut(&period)
                && listed.path == odd
            {
                listed.checksum = Checksum::Listed(object.modified);
            }
            return;
        }
        // of two names of one period the one with its zeros counts
        if let Some(known) = self.archives.get(&period)
            && known.path != odd
        {
            let Some(other) = known.path.as_deref().or(odd.as_deref()) else { return };
            self.strangers.add(other.strip_prefix(&self.prefix).unwrap_or(other));
            if odd.is_some() {
                return;
            }
        }
        self.archives.insert(
            period,
            Listed {
                path: odd,
                bytes: object.bytes,
                etag: object.etag.map(String::into_boxed_str),
                modified: object.modified,
                checksum: Checksum::Absent,
                until: None,
            },
        );
    }

    /// What an archive's name says, where it is one of this series and cadence.
    fn dated(&self, name: &str) -> Option<Dated> {
        let text = name.strip_prefix(&self.start)?.strip_suffix(archive::ENDING)?;
        let period = Period::parse_unpadded(text)?;
        let is_padded = text == period.to_string();
        (Cadence::of(period) == self.cadence).then_some(Dated { period, is_padded })
    }
}

/// What an archive's name says.
struct Dated {
    period: Period,
    /// Whether its month and day have their zeros.
    is_padded: bool,
}

/// Where the listing of a window starts and ends, as keys, both without the archives' ending: all
/// names of the window's periods lie between them, those that lack a zero too. `…-2020-8` sorts
/// after `…-2020-12`, so a window is left with its year.
pub(crate) fn bounds(series: &Series, first: Period, last: Period) -> (String, String) {
    let stem = |period| {
        let path = archive::path(&unit(series, period));
        path.strip_suffix(archive::ENDING).unwrap_or(&path).to_owned()
    };
    // `…-2024-01-01` sorts before `…-2024-01-01.zip`: the pages before are never asked for
    let (start, end) = (stem(first), stem(last));
    let written = last.to_string().len();
    let year = end.len() - written + "2024".len();
    let tail = match last {
        Period::Month(_) => "-9.zip.CHECKSUM",
        Period::Day(_) => "-9-9.zip.CHECKSUM",
    };
    (start, end[..year].to_owned() + tail)
}

/// How many periods of a cadence lie between a window's first one and the end of the year of its
/// last: what a listing between [`bounds`] may show.
pub(crate) fn span(first: Period, last: Period) -> usize {
    let (from, to): (Day, Day) = (first.first(), last.first());
    let year_end = format!("{}-12-31", &to.to_string()[..4]).parse().unwrap_or(to);
    let days = usize::try_from(from.days_until(year_end)).unwrap_or(0) + 1;
    match first {
        Period::Day(_) => days,
        Period::Month(_) => days / 28 + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(symbol: &str) -> Series {
        let day = |text: &str| text.parse().expect(text);
        Series {
            source: super::super::NAME,
            market: super::super::Market::Spot.name(),
            dataset: model::Dataset::Klines,
            symbol: symbol.parse().expect("symbol"),
            timeframe: Some(model::Timeframe::D1),
            from: day("2020-03-01"),
            to: day("2020-12-31"),
            archives: model::config::Archives::Auto,
            lag: model::config::PublicationLag::default(),
            end: None,
            tail: None,
        }
    }

    fn object(key: &str) -> Object {
        Object { key: key.to_owned(), bytes: Some(1), ..Object::default() }
    }

    /// Names in the order of the listing; archives as `PERIOD=NAME?` with `+` for a checksum
    /// file, and the strangers.
    fn check(names: &[&str], archives: &[&str], strangers: &[&str]) {
        let series = series("ADABKRW");
        let period = |text: &str| -> Period { text.parse().expect(text) };
        let window = Some((period("2020-03"), period("2020-12")));
        let mut keys = Keys::new(&series, Cadence::Monthly, window);
        for name in names {
            let key = format!("{}{name}", keys.prefix());
            keys.take(object(&key));
        }
        let found: Vec<String> = keys
            .archives
            .iter()
            .map(|(period, listed)| {
                let name = listed.path.as_deref().map_or("", |p| &p[keys.prefix.len()..]);
                let sum = if listed.checksum == Checksum::Absent { "" } else { "+" };
                format!("{period}={name}{sum}")
            })
            .collect();
        assert_eq!(found, archives);
        assert_eq!(keys.strangers.names, strangers);
    }

    #[test]
    fn names_are_archives_or_strangers() {
        check(
            &["ADABKRW-1d-2020-09.zip", "ADABKRW-1d-2020-09.zip.CHECKSUM", "ADABKRW-1d-2020-8.zip"],
            &["2020-08=ADABKRW-1d-2020-8.zip", "2020-09=+"],
            &[],
        );
        check(
            &["ADABKRW-1d-2020-8.zip", "ADABKRW-1d-2020-8.zip.CHECKSUM"],
            &["2020-08=ADABKRW-1d-2020-8.zip+"],
            &[],
        );
        // both names of a month: its own counts, in whichever order, and so does its checksum
        for names in [
            ["ADABKRW-1d-2020-08.zip", "ADABKRW-1d-2020-8.zip", "ADABKRW-1d-2020-8.zip.CHECKSUM"],
            ["ADABKRW-1d-2020-8.zip", "ADABKRW-1d-2020-8.zip.CHECKSUM", "ADABKRW-1d-2020-08.zip"],
        ] {
            check(&names, &["2020-08="], &["ADABKRW-1d-2020-8.zip"]);
        }
        check(
            &[
                "",
                "ADABKRW-1d-2020-08_v2.zip",
                "ADABKRW-1d-2020.zip",
                "ADABKRW-1d-2020-08.ZIP",
                "ADABKRW-1d-2020-08.csv.gz",
                "BTCUSDT-1d-2020-08.zip",
                "index.html",
                "ADABKRW-1d-2020-08_v2.zip.CHECKSUM",
            ],
            &[],
            &[
                "ADABKRW-1d-2020-08_v2.zip",
                "ADABKRW-1d-2020.zip",
                "ADABKRW-1d-2020-08.ZIP",
                "ADABKRW-1d-2020-08.csv.gz",
                "BTCUSDT-1d-2020-08.zip",
            ],
        );
        // what lies outside of the window is no stranger
        check(&["ADABKRW-1d-2020-02.zip", "ADABKRW-1d-2021-1.zip"], &[], &[]);
    }

    #[test]
    fn every_name_of_a_window_lies_within_its_bounds() {
        let series = series("ADABKRW");
        let check = |first: &str, last: &str, most: usize| {
            let [first, last] = [first, last].map(|text| text.parse::<Period>().expect(text));
            let (start, end) = bounds(&series, first, last);
            let cadence = Cadence::of(first);
            let keys = Keys::new(&series, cadence, None);
            let mut inside = 0;
            for day in first.first().to(last.last()) {
                let period = match cadence {
                    Cadence::Daily => Period::Day(day),
                    Cadence::Monthly => Period::Month(day.month()),
                };
                let path = archive::path(&unit(&series, period));
                let text = period.to_string();
                let (year, rest) = text.split_at(4);
                let bare = year.to_owned() + &rest.replace("-0", "-");
                let one = year.to_owned() + &rest.replacen("-0", "-", 1);
                for name in [&text, &bare, &one] {
                    let odd = path.replace(&text, name);
                    let own = odd.strip_prefix(keys.prefix()).expect("a name of the series");
                    let found = keys.dated(own).expect("an archive of the series");
                    assert_eq!((found.period, found.is_padded), (period, *name == text), "{own}");
                    assert!(start < odd && odd.clone() + CHECKSUM <= end, "{odd}: {start} {end}");
                }
                inside += 1;
            }
            assert!(inside > 0);
            assert!(span(first, last) <= most, "{}", span(first, last));
        };
        check("2020-01", "2020-12", 14);
        check("2020-10", "2021-01", 17);
        check("2020-08", "2020-08", 6);
        check("2020-01-01", "2020-01-01", 366);
        check("2020-12-30", "2021-01-02", 367);
        check("2020-09-30", "2020-10-02", 93);
        check("2020-12-31", "2020-12-31", 1);
    }
}

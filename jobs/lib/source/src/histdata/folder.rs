//! What lies in the folder of dropped files, series by series. Of several files of one time one is taken:
//! a year's before its months', of downloads of the same file the newest. The others are told.

use std::collections::BTreeMap;

use async_trait::async_trait;
use model::config::{Section, Series};
use model::{Dataset, Period, Symbol};

use super::names::{Kind, Name, Role, Span};
use super::rule::Clock;
use super::span;
use crate::offer::{Checksum, Dropped, Listed, Offer, OfferError, Survey};

/// Names that a remark tells.
const TOLD: usize = 3;

/// The folder.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) files: Vec<Dropped>,
    pub(super) clock: Clock,
    pub(super) wanted: Wanted,
}

/// Symbols and datasets that are configured. What is of no symbol of them is told with the first.
#[derive(Debug)]
pub(super) struct Wanted(Vec<(String, Dataset)>);

impl Wanted {
    /// Those of a section.
    pub(super) fn of(section: &Section) -> Self {
        let all = section.markets.values().flat_map(|market| {
            market.symbols.iter().flat_map(|symbol| {
                let special = market.overrides.get(&symbol.value).map(|special| &special.value);
                let datasets = special.and_then(|special| special.datasets.as_ref());
                let datasets = datasets.unwrap_or(&market.datasets);
                datasets.keys().map(|dataset| (symbol.value.clone(), *dataset))
            })
        });
        Self(all.collect())
    }

    /// Whether it is for this series to tell what is of none.
    fn is_first(&self, series: &Series) -> bool {
        let (symbol, dataset) = (series.symbol.as_str(), series.dataset);
        self.0.first().is_some_and(|first| (first.0.as_str(), first.1) == (symbol, dataset))
    }

    fn has_pair(&self, pair: &str) -> bool {
        self.0.iter().any(|(symbol, _)| symbol == pair)
    }

    /// Whether lines of a kind are wanted of a pair.
    fn has(&self, pair: &str, kind: Kind) -> bool {
        self.0.iter().any(|(symbol, of)| symbol == pair && Kind::of(*of) == Some(kind))
    }
}

#[async_trait]
impl Survey for Folder {
    async fn offer(&self, series: &Series) -> Result<Offer, OfferError> {
        Ok(self.of(series))
    }
}

/// The name of a file without folders.
pub(super) fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

impl Folder {
    fn of(&self, series: &Series) -> Offer {
        let mut offer = Offer::default();
        let is_first = self.wanted.is_first(series);
        let mut spans: BTreeMap<Span, (&Dropped, Option<u32>)> = BTreeMap::new();
        let (mut others, mut unwanted, mut strange_pairs) = (Vec::new(), Vec::new(), Vec::new());
        for file in &self.files {
            let name = match name_of(&file.path).parse::<Name>() {
                Ok(name) if name.role == Role::Zip => name,
                // an unpacked file has nothing that vouches for it
                _ if is_first => {
                    offer.strangers.add(&file.path);
                    continue;
                }
                _ => continue,
            };
            if name.series.pair != series.symbol.as_str() {
                if is_first && !self.wanted.has_pair(&name.series.pair) {
                    strange_pairs.push(file.path.as_str());
                }
            } else if Kind::of(series.dataset) != Some(name.series.kind) {
                if !self.wanted.has(&name.series.pair, name.series.kind) {
                    unwanted.push(file.path.as_str());
                }
            } else {
                let is_newer = |(other, copy): &(&Dropped, Option<u32>)| {
                    (file.modified, name.copy, &file.path) > (other.modified, *copy, &other.path)
                };
                match spans.get_mut(&name.series.span) {
                    Some(other) if !is_newer(other) => others.push(file.path.as_str()),
                    other => {
                        others.extend(other.map(|(other, _)| other.path.as_str()));
                        spans.insert(name.series.span, (file, name.copy));
                    }
                }
            }
        }
        let years: Vec<Span> = spans.keys().copied().filter(|span| is_year(*span)).collect();
        spans.retain(|span, (file, _)| {
            let is_in = |year: &Span| {
                let (first, last) = span::months(*year);
                !is_year(*span) && (first..=last).contains(&span::months(*span).0)
            };
            let stays = !years.iter().any(is_in);
            if !stays {
                others.push(file.path.as_str());
            }
            stays
        });
        for (span, (file, _)) in spans {
            if is_year(span) {
                offer.replaced.extend(span::within(span, &self.clock));
            }
            self.add(&mut offer, series, span, file);
        }
        offer.remarks.extend(remark(&series.symbol, &others, "newer or larger ones have them"));
        let why = match Kind::of(series.dataset) {
            Some(Kind::Ticks) => "the configuration asks for no bars (klines)",
            _ => "the configuration asks for no ticks (quotes)",
        };
        offer.remarks.extend(remark(&series.symbol, &unwanted, why));
        offer.remarks.extend(remark(
            &series.symbol,
            &strange_pairs,
            "their pairs are not among the symbols of the configuration",
        ));
        offer
    }

    /// Adds the units of one file.
    fn add(&self, offer: &mut Offer, series: &Series, span: Span, file: &Dropped) {
        for period in span::periods(span, &self.clock) {
            offer.first = Some(offer.first.map_or(period.first(), |day| day.min(period.first())));
            if series.to < period.first() {
                offer.later = Some(true);
                continue;
            }
            if period.last() < series.from {
                offer.before = offer.before.max(Some(period));
                continue;
            }
            let listed = Listed {
                path: Some(file.path.as_str().into()),
                bytes: Some(file.bytes),
                etag: file.etag.as_deref().map(Into::into),
                modified: file.modified,
                checksum: Checksum::Absent,
                until: None,
            };
            if let Period::Day(day) = period {
                offer.beside.insert(day);
            }
            offer.archives.insert(period, listed);
        }
        if !offer.archives.is_empty() {
            offer.before = None;
        }
    }
}

const fn is_year(span: Span) -> bool {
    matches!(span, Span::Year(_))
}

/// A remark on files that are not taken.
fn remark(symbol: &Symbol, files: &[&str], why: &str) -> Option<String> {
    let told: Vec<&str> = files.iter().take(TOLD).copied().collect();
    let more = match files.len().saturating_sub(TOLD) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!files.is_empty()).then(|| {
        let names = told.join("`, `");
        format!("not taken of the files dropped for {symbol}: `{names}`{more}; {why}")
    })
}

#[cfg(test)]
mod tests {
    use model::config::PublicationLag;
    use model::{Market, Source, Timeframe};

    use super::*;

    /// What is offered of EURUSD, as `PERIOD=PATH`, with `+` before what is taken beside its month.
    fn offered(files: &[(&str, i64)], from: &str, to: &str) -> (Vec<String>, Offer) {
        offered_of(Dataset::Klines, &[Dataset::Klines], files, from, to)
    }

    fn offered_of(
        dataset: Dataset,
        wanted: &[Dataset],
        files: &[(&str, i64)],
        from: &str,
        to: &str,
    ) -> (Vec<String>, Offer) {
        let files = files.iter().map(|(path, at)| Dropped {
            path: (*path).to_owned(),
            bytes: 1,
            etag: None,
            modified: chrono::DateTime::from_timestamp(*at, 0),
        });
        let folder = Folder {
            files: files.collect(),
            clock: Clock::of("UTC-5".parse().expect("rule")),
            wanted: Wanted(
                ["EURUSD", "USDJPY"]
                    .into_iter()
                    .flat_map(|symbol| wanted.iter().map(move |of| (symbol.to_owned(), *of)))
                    .collect(),
            ),
        };
        let offer = folder.of(&Series {
            source: Source::new("histdata"),
            market: Market::new("forex"),
            dataset,
            symbol: "EURUSD".parse().expect("symbol"),
            timeframe: dataset.has_timeframe().then_some(Timeframe::M1),
            from: from.parse().expect(from),
            to: to.parse().expect(to),
            archives: model::config::Archives::Auto,
            lag: PublicationLag::default(),
            end: None,
            tail: None,
        });
        let words = offer.archives.iter().map(|(period, listed)| {
            let beside = matches!(period, Period::Day(day) if offer.beside.contains(day));
            let path = listed.path.as_deref().unwrap_or_default();
            format!("{}{period}={path}", if beside { "+" } else { "" })
        });
        (words.collect(), offer)
    }

    const YEAR: &str = "HISTDATA_COM_ASCII_EURUSD_M12023.zip";
    const JANUARY: &str = "HISTDATA_COM_ASCII_EURUSD_M1202401.zip";

    #[test]
    fn a_year_is_twelve_months_and_a_day() {
        let (found, offer) = offered(&[(YEAR, 1)], "2023-01-01", "2024-03-31");
        assert_eq!(found.len(), 13);
        assert!(found.contains(&format!("2023-12={YEAR}")), "{found:?}");
        assert!(found.contains(&format!("+2024-01-01={YEAR}")), "{found:?}");
        assert_eq!(offer.first, "2023-01-01".parse().ok());
        assert_eq!((offer.later, offer.before), (None, None));
        let replaced: Vec<String> = offer.replaced.iter().map(ToString::to_string).collect();
        assert_eq!(replaced.len(), 11);
        assert_eq!((&*replaced[0], &*replaced[10]), ("2023-02-01", "2023-12-01"));
        let (found, offer) = offered(&[(YEAR, 1)], "2023-11-05", "2023-11-30");
        assert_eq!(found, [format!("2023-11={YEAR}")]);
        assert_eq!(offer.later, Some(true));
        let (found, offer) = offered(&[(YEAR, 1)], "2024-02-01", "2024-02-02");
        assert_eq!(
            (found.len(), offer.before),
            (0, Some(Period::Day("2024-01-01".parse().expect("day"))))
        );
    }

    #[test]
    fn months_go_on_where_the_year_ends_and_are_not_taken_within_it() {
        let within = "HISTDATA_COM_ASCII_EURUSD_M1202303.zip";
        let files = [(JANUARY, 1), (within, 9), (YEAR, 1)];
        let (found, offer) = offered(&files, "2023-12-01", "2024-12-31");
        assert_eq!(
            found,
            [
                format!("2023-12={YEAR}"),
                format!("2024-01={JANUARY}"),
                format!("+2024-01-01={YEAR}"),
                format!("+2024-02-01={JANUARY}"),
            ]
        );
        assert_eq!(
            offer.remarks,
            [format!(
                "not taken of the files dropped for EURUSD: `{within}`; newer or larger ones have them"
            )]
        );
    }

    #[test]
    fn ticks_and_bars_are_series_of_their_own() {
        let ticks = "HISTDATA_COM_ASCII_EURUSD_T202401.zip";
        let files = [(JANUARY, 5), (ticks, 1), ("odd", 1)];
        let both = [Dataset::Klines, Dataset::Quotes];
        let check = |dataset: Dataset, wanted: &[Dataset], taken: &str, told: &[&str], odd: u64| {
            let (found, offer) = offered_of(dataset, wanted, &files, "2024-01-01", "2024-02-29");
            assert_eq!(found, [format!("2024-01={taken}"), format!("+2024-02-01={taken}")]);
            assert_eq!((offer.remarks.len(), offer.strangers.count), (told.len(), odd));
            assert!(offer.remarks.iter().zip(told).all(|(found, told)| found.ends_with(told)));
        };
        check(Dataset::Klines, &both, JANUARY, &[], 1);
        check(Dataset::Quotes, &both, ticks, &[], 0);
        check(Dataset::Quotes, &both[1..], ticks, &["asks for no bars (klines)"], 1);
        check(Dataset::Klines, &both[..1], JANUARY, &["asks for no ticks (quotes)"], 1);
    }

    #[test]
    fn what_is_not_taken_is_told() {
        let again = "again/HISTDATA_COM_ASCII_EURUSD_M1202401 (1).zip";
        let files = [
            (JANUARY, 5),
            (again, 7),
            ("HISTDATA_COM_ASCII_EURUSD_T202401.zip", 1),
            ("HISTDATA_COM_ASCII_GBPUSD_M12023.zip", 1),
            ("HISTDATA_COM_ASCII_USDJPY_M12023.zip", 1),
            ("DAT_ASCII_EURUSD_M1_2023.csv", 1),
            ("notes.txt", 1),
        ];
        let (found, offer) = offered(&files, "2024-01-01", "2024-01-31");
        assert_eq!(found, [format!("2024-01={again}")]);
        assert_eq!(offer.strangers.names, ["DAT_ASCII_EURUSD_M1_2023.csv", "notes.txt"]);
        let whys: Vec<&str> =
            offer.remarks.iter().filter_map(|r| r.rsplit_once("; ")).map(|(_, why)| why).collect();
        assert_eq!(
            whys,
            [
                "newer or larger ones have them",
                "the configuration asks for no ticks (quotes)",
                "their pairs are not among the symbols of the configuration"
            ]
        );
        assert!(offer.remarks[2].contains("GBPUSD") && !offer.remarks[2].contains("USDJPY"));
    }
}

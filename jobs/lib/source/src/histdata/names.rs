//! The names of HistData's files, both ways: `HISTDATA_COM_ASCII_EURUSD_M12019.zip`, its member
//! `DAT_ASCII_EURUSD_M1_2019.csv`, and the gap report beside it, `….txt`. What lies in them is not
//! read here.

use std::fmt;
use std::str::FromStr;

use model::{Dataset, Month};

/// The longest name of a pair. They are six letters (`EURUSD`), and up to eight for indices.
const LONGEST_PAIR: usize = 12;

const EXPECTED: &str = "a name such as HISTDATA_COM_ASCII_EURUSD_M12019.zip, \
     HISTDATA_COM_ASCII_EURUSD_T201606.zip or DAT_ASCII_EURUSD_M1_2019.csv";

/// A name that is none of HistData's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bad file name `{found}`: {what}, expected {expected}")]
pub struct BadName {
    /// The name found.
    pub found: String,
    /// What is wrong with it.
    pub what: &'static str,
    /// What would have done.
    pub expected: &'static str,
}

/// What the lines of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Bars of one minute, `M1`.
    Minutes,
    /// Quotes as they came, `T`.
    Ticks,
}

impl Kind {
    /// What the files of a dataset hold; `None` where there are none.
    pub const fn of(dataset: Dataset) -> Option<Self> {
        match dataset {
            Dataset::Klines => Some(Self::Minutes),
            Dataset::Quotes => Some(Self::Ticks),
            _ => None,
        }
    }

    /// How it stands in names.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minutes => "M1",
            Self::Ticks => "T",
        }
    }

    /// How long a line lasts, in µs: a bar takes a minute, a tick no time.
    pub const fn micros(self) -> i64 {
        match self {
            Self::Minutes => 60_000_000,
            Self::Ticks => 0,
        }
    }
}

/// What a file covers, by the file's own clock: a year or a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Span {
    /// A whole year, as past years of bars are.
    Year(u16),
    /// One month: the current year's bars, and all ticks.
    Month(Month),
}

impl fmt::Display for Span {
    /// `2019`, or `201606`, as in names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Year(year) => write!(f, "{year:04}"),
            Self::Month(month) => f.write_str(&month.to_string().replace('-', "")),
        }
    }
}

/// What a name says: pair, kind and span.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series {
    /// The pair, such as `EURUSD`.
    pub pair: String,
    /// Bars or ticks.
    pub kind: Kind,
    /// The year or the month.
    pub span: Span,
}

impl Series {
    /// The name of the zip, such as `HISTDATA_COM_ASCII_EURUSD_M12019.zip`.
    pub fn zip(&self) -> String {
        format!("HISTDATA_COM_ASCII_{}_{}{}.zip", self.pair, self.kind.as_str(), self.span)
    }

    /// The name of the member with the lines, such as `DAT_ASCII_EURUSD_M1_2019.csv`.
    pub fn member(&self) -> String {
        format!("DAT_ASCII_{}_{}_{}.csv", self.pair, self.kind.as_str(), self.span)
    }

    /// The name of the gap report, such as `DAT_ASCII_EURUSD_M1_2019.txt`.
    pub fn report(&self) -> String {
        format!("DAT_ASCII_{}_{}_{}.txt", self.pair, self.kind.as_str(), self.span)
    }
}

/// Which of a series' files a name is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The zip.
    Zip,
    /// The lines, `.csv`.
    Member,
    /// The gap report, `.txt`.
    Report,
}

/// A name that was recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// What the file is of.
    pub series: Series,
    /// Which of the series' files it is.
    pub role: Role,
    /// The number that a browser gave to a file downloaded again: 1 in `… (1).zip`. Such a file is
    /// of the same series as the one without a number, and may differ from it.
    pub copy: Option<u32>,
}

impl FromStr for Name {
    type Err = BadName;

    /// Reads a file's name, without folders.
    fn from_str(text: &str) -> Result<Self, BadName> {
        let bad = |what| BadName { found: text.to_owned(), what, expected: EXPECTED };
        let (stem, ending) = text.rsplit_once('.').ok_or_else(|| bad("it has no ending"))?;
        let (stem, copy) = without_copy(stem);
        let role = match ending.to_ascii_lowercase().as_str() {
            "zip" => Role::Zip,
            "csv" => Role::Member,
            "txt" => Role::Report,
            _ => return Err(bad("its ending is none of zip, csv and txt")),
        };
        let start = if role == Role::Zip { "HISTDATA_COM_ASCII_" } else { "DAT_ASCII_" };
        let rest = stem.strip_prefix(start).ok_or_else(|| bad("it begins otherwise"))?;
        let (pair, rest) = rest.split_once('_').ok_or_else(|| bad("it names no pair"))?;
        if !(3..=LONGEST_PAIR).contains(&pair.len())
            || !pair.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        {
            return Err(bad("its pair is not 3 to 12 of A-Z and 0-9"));
        }
        let kinds = [Kind::Minutes, Kind::Ticks];
        let (kind, rest) = kinds
            .into_iter()
            .find_map(|kind| Some((kind, rest.strip_prefix(kind.as_str())?)))
            .ok_or_else(|| bad("it is neither of M1 bars nor of ticks"))?;
        let span = match role {
            Role::Zip => rest,
            Role::Member | Role::Report => {
                rest.strip_prefix('_').ok_or_else(|| bad("no `_` stands before its year"))?
            }
        };
        let span = read_span(span).ok_or_else(|| bad("it ends in no year or month"))?;
        if kind == Kind::Ticks && matches!(span, Span::Year(_)) {
            return Err(bad("it is of a year, and ticks are of a month each"));
        }
        Ok(Self { series: Series { pair: pair.to_owned(), kind, span }, role, copy })
    }
}

/// The stem without a browser's ` (1)`, and that number.
fn without_copy(stem: &str) -> (&str, Option<u32>) {
    let inner = stem.strip_suffix(')').and_then(|rest| rest.rsplit_once('('));
    let Some((before, number)) = inner else { return (stem, None) };
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return (stem, None);
    }
    match number.parse() {
        // some browsers leave the space out
        Ok(copy) => (before.strip_suffix(' ').unwrap_or(before), Some(copy)),
        Err(_) => (stem, None),
    }
}

/// `2019` or `201606`.
fn read_span(text: &str) -> Option<Span> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    match text.len() {
        4 => text.parse().ok().map(Span::Year),
        6 => format!("{}-{}", &text[..4], &text[4..]).parse().ok().map(Span::Month),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        let check = |text: &str, pair: &str, kind: Kind, span: &str, role: Role| {
            let name: Name = text.parse().expect(text);
            let series = &name.series;
            assert_eq!(
                (series.pair.as_str(), series.kind, series.span.to_string().as_str()),
                (pair, kind, span)
            );
            assert_eq!((name.role, name.copy), (role, None), "{text}");
            let written = match role {
                Role::Zip => series.zip(),
                Role::Member => series.member(),
                Role::Report => series.report(),
            };
            assert_eq!(written, text);
        };
        let (m1, ticks) = (Kind::Minutes, Kind::Ticks);
        check("HISTDATA_COM_ASCII_EURUSD_M12019.zip", "EURUSD", m1, "2019", Role::Zip);
        check("HISTDATA_COM_ASCII_EURUSD_M1202401.zip", "EURUSD", m1, "202401", Role::Zip);
        check("HISTDATA_COM_ASCII_EURUSD_T201606.zip", "EURUSD", ticks, "201606", Role::Zip);
        check("DAT_ASCII_EURUSD_M1_2019.csv", "EURUSD", m1, "2019", Role::Member);
        check("DAT_ASCII_EURUSD_M1_202401.csv", "EURUSD", m1, "202401", Role::Member);
        check("DAT_ASCII_XAUUSD_T_201606.csv", "XAUUSD", ticks, "201606", Role::Member);
        check("DAT_ASCII_EURUSD_M1_2019.txt", "EURUSD", m1, "2019", Role::Report);
        check("DAT_ASCII_EURUSD_T_201606.txt", "EURUSD", ticks, "201606", Role::Report);
        check("HISTDATA_COM_ASCII_JPXJPY_M12019.zip", "JPXJPY", m1, "2019", Role::Zip);
    }

    #[test]
    fn a_browsers_second_download_is_told() {
        let check = |text: &str, copy: Option<u32>| {
            let name: Name = text.parse().expect(text);
            assert_eq!(name.copy, copy, "{text}");
            assert_eq!(name.series.zip(), "HISTDATA_COM_ASCII_EURUSD_M12019.zip");
        };
        check("HISTDATA_COM_ASCII_EURUSD_M12019.zip", None);
        check("HISTDATA_COM_ASCII_EURUSD_M12019 (1).zip", Some(1));
        check("HISTDATA_COM_ASCII_EURUSD_M12019 (12).zip", Some(12));
        check("HISTDATA_COM_ASCII_EURUSD_M12019(2).zip", Some(2));
        check("HISTDATA_COM_ASCII_EURUSD_M12019.ZIP", None);
    }

    #[test]
    fn other_names_are_refused() {
        let check = |text: &str, expect: &str| {
            let error = text.parse::<Name>().expect_err(text).to_string();
            assert!(error.contains(expect), "{error}");
        };
        check("HISTDATA_COM_ASCII_EURUSD_M12019", "no ending");
        check("HISTDATA_COM_ASCII_EURUSD_M12019.rar", "none of zip, csv and txt");
        check("HISTDATA_COM_MT_EURUSD_M12019.zip", "begins otherwise");
        check("DAT_ASCII_EURUSD_M1_2019.zip", "begins otherwise");
        check("HISTDATA_COM_ASCII_EURUSD.zip", "names no pair");
        check("HISTDATA_COM_ASCII_eurusd_M12019.zip", "its pair");
        check("HISTDATA_COM_ASCII_EURUSD_M52019.zip", "neither of M1 bars nor of ticks");
        check("HISTDATA_COM_ASCII_EURUSD_M1_2019.zip", "no year or month");
        check("DAT_ASCII_EURUSD_M12019.csv", "no `_`");
        check("HISTDATA_COM_ASCII_EURUSD_T2019.zip", "ticks are of a month each");
        check("HISTDATA_COM_ASCII_EURUSD_M1201913.zip", "no year or month");
        check("HISTDATA_COM_ASCII_EURUSD_M120191.zip", "no year or month");
        check("HISTDATA_COM_ASCII_EURUSD_M12019 (x).zip", "no year or month");
        check("HISTDATA_COM_ASCII_EURUSD_M12019 (99999999999).zip", "no year or month");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(
            text in r"(HISTDATA_COM_|DAT_)?ASCII_[A-Z]{0,7}_(M1|T)_?\PC{0,8}\.(zip|csv|txt)",
            wild in proptest::prelude::any::<String>(),
        ) {
            for text in [text, wild] {
                let _ = text.parse::<Name>();
            }
        }
    }
}

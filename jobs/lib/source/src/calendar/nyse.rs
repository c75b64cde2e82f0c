//! The hours of NYSE and Nasdaq, day by day, from the file that `ops/calendars/make.py` writes. Not
//! what they mean as instants.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use chrono::{Datelike as _, NaiveTime, Weekday};
use model::Day;

/// The file, as text.
const FILE: &str = include_str!("xnys.csv");

/// What it says.
pub(super) static NYSE: LazyLock<Hours> = LazyLock::new(|| {
    // a test reads the same bytes, so this cannot fail in a program that was tested
    Hours::read(FILE).unwrap_or_else(|error| panic!("xnys.csv:{error}"))
});

/// The hours of one day, by the clock of the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    /// Trading before the market begins.
    pub(super) early: NaiveTime,
    /// The market opens.
    pub(super) open: NaiveTime,
    /// The market closes.
    pub(super) close: NaiveTime,
    /// Trading after the market ends.
    pub(super) late: NaiveTime,
}

/// The hours of all days that the file vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hours {
    /// The package that they are from and its version.
    pub(super) package: String,
    /// The day on which the file was made.
    pub(super) made: Day,
    /// The first day that it vouches for.
    pub(super) first: Day,
    /// The last one.
    pub(super) last: Day,
    /// The hours of most days; no day has earlier or later ones.
    pub(super) regular: Times,
    /// The weekdays that have others; `None` where the venue is closed.
    others: BTreeMap<Day, Option<Times>>,
}

/// A file that is none of hours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}: bad {what} `{found}`, expected {expected}")]
pub(super) struct BadFile {
    /// The line, from 1; 0 where a line is missing.
    line: usize,
    /// What was to stand there.
    what: &'static str,
    /// What does.
    found: String,
    /// What would have done.
    expected: &'static str,
}

impl Hours {
    /// The hours of a day; `None` where the venue is closed. The day is one that the file vouches
    /// for.
    pub(super) fn of(&self, day: Day) -> Option<Times> {
        if is_weekend(day) {
            return None;
        }
        self.others.get(&day).copied().unwrap_or(Some(self.regular))
    }

    /// Reads a file.
    fn read(text: &str) -> Result<Self, BadFile> {
        let mut head = BTreeMap::new();
        let mut rows = Vec::new();
        for (index, line) in text.lines().enumerate() {
            if let Some(said) = line.strip_prefix("# ") {
                head.extend(said.split_once(": ").map(|(word, value)| (word, (index + 1, value))));
            } else {
                rows.push((index + 1, line));
            }
        }
        let said = |what: &'static str| {
            head.get(what).copied().ok_or_else(|| bad(0, what, "", "a line of the head"))
        };
        let day_of = |what| said(what).and_then(|(line, text)| day(line, what, text));
        let (line, text) = said("regular")?;
        let regular = times(line, text)?.ok_or_else(|| bad(line, "regular", text, TIMES))?;
        let (first, last) = (day_of("first")?, day_of("last")?);
        let mut hours = Self {
            package: said("package")?.1.to_owned(),
            made: day_of("made")?,
            first,
            last,
            regular,
            others: BTreeMap::new(),
        };
        let Some(((_, "day,early,open,close,late"), rows)) = rows.split_first() else {
            return Err(bad(0, "header", "", "day,early,open,close,late"));
        };
        for &(line, row) in rows {
            hours.take(line, row)?;
        }
        Ok(hours)
    }

    /// Takes a row: a weekday within the file's days, after the one before, with hours within the
    /// regular ones.
    fn take(&mut self, line: usize, row: &str) -> Result<(), BadFile> {
        let (text, rest) = row.split_once(',').unwrap_or((row, ""));
        let day = day(line, "day", text)?;
        let after = self.others.last_key_value().is_none_or(|(before, _)| *before < day);
        if !after || is_weekend(day) || day < self.first || day > self.last {
            return Err(bad(line, "day", text, "a weekday of the file's days, in order"));
        }
        let times = times(line, rest)?;
        if times.is_some_and(|t| t.early < self.regular.early || t.late > self.regular.late)
            || times.is_some_and(|t| t.open < self.regular.open || t.close > self.regular.close)
        {
            return Err(bad(line, "hours", rest, "hours within the regular ones"));
        }
        self.others.insert(day, times);
        Ok(())
    }
}

/// The four times as text.
const TIMES: &str = "four times in order, such as 04:00,09:30,16:00,20:00, or `,,,`";

fn times(line: usize, text: &str) -> Result<Option<Times>, BadFile> {
    if text == ",,," {
        return Ok(None);
    }
    let read: Option<Vec<NaiveTime>> =
        text.split(',').map(|time| NaiveTime::parse_from_str(time, "%H:%M").ok()).collect();
    match read.as_deref() {
        Some(&[early, open, close, late]) if early <= open && open < close && close <= late => {
            Ok(Some(Times { early, open, close, late }))
        }
        _ => Err(bad(line, "hours", text, TIMES)),
    }
}

fn day(line: usize, what: &'static str, text: &str) -> Result<Day, BadFile> {
    text.parse().map_err(|_| bad(line, what, text, "a day such as 2024-01-31"))
}

fn bad(line: usize, what: &'static str, found: &str, expected: &'static str) -> BadFile {
    BadFile { line, what, found: found.to_owned(), expected }
}

/// Whether a day is a Saturday or a Sunday.
pub(super) fn is_weekend(day: Day) -> bool {
    matches!(day.date().weekday(), Weekday::Sat | Weekday::Sun)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "# Some words.\n# package: p 1.0\n# made: 2024-12-01\n# first: 2024-07-01\n\
                         # last: 2024-12-31\n# regular: 04:00,09:30,16:00,20:00\n\
                         day,early,open,close,late\n2024-07-03,04:00,09:30,13:00,17:00\n\
                         2024-07-04,,,,\n";

    #[test]
    fn the_file_is_read() {
        let hours = Hours::read(FILE).expect("the file");
        assert!(hours.package.starts_with("pandas_market_calendars "), "{}", hours.package);
        assert!(hours.first <= "1990-01-01".parse().expect("a day"));
        assert!(hours.made < hours.last, "{} {}", hours.made, hours.last);
        let about = hours.first.days_until(hours.last) / 365 * 12;
        let others = i32::try_from(hours.others.len()).expect("few");
        assert!((about * 3 / 4..about * 5 / 4).contains(&others), "{others} of about {about}");
    }

    #[test]
    fn days_have_their_hours() {
        let hours = Hours::read(SMALL).expect("a file");
        let check = |day: &str, expect: Option<&str>| {
            let found = hours.of(day.parse().expect(day));
            let text = found.map(|t| format!("{},{},{},{}", t.early, t.open, t.close, t.late));
            assert_eq!(text.map(|t| t.replace(":00,", ",")).as_deref(), expect, "{day}");
        };
        check("2024-07-02", Some("04:00,09:30,16:00,20:00:00"));
        check("2024-07-03", Some("04:00,09:30,13:00,17:00:00"));
        check("2024-07-04", None);
        check("2024-07-06", None);
        check("2024-07-07", None);
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let check = |from: &str, to: &str, expect: &str| {
            let error = Hours::read(&SMALL.replacen(from, to, 1)).expect_err(to).to_string();
            assert!(error.starts_with(expect), "{error}");
        };
        check("# made: ", "# make: ", "0: bad made ``");
        check("2024-12-01", "yesterday", "3: bad made `yesterday`, expected a day such as");
        check("04:00,09:30,16:00,20:00", ",,,", "6: bad regular");
        check("day,early", "date,early", "0: bad header");
        check("2024-07-03", "2024-07-33", "8: bad day `2024-07-33`");
        check("2024-07-03", "2024-06-28", "8: bad day `2024-06-28`, expected a weekday");
        check("2024-07-03", "2025-01-01", "8: bad day `2025-01-01`, expected a weekday");
        check("2024-07-04", "2024-07-03", "9: bad day `2024-07-03`, expected a weekday");
        check("2024-07-04", "2024-07-06", "9: bad day `2024-07-06`, expected a weekday");
        check("13:00,17:00", "13:00", "8: bad hours");
        check("09:30,13:00", "13:00,09:30", "8: bad hours");
        check("04:00,09:30,13:00,17:00", "04:00,09:30,13:00,21:00", "8: bad hours");
        check("04:00,09:30,13:00,17:00", "04:00,09:00,13:00,17:00", "8: bad hours");
        check("2024-07-04,,,,", "2024-07-04", "9: bad hours ``");
    }
}

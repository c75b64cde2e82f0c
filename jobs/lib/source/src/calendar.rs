//! When venues are open, so that a market that is closed is no gap. `calendar/nyse.rs` has the days
//! of NYSE and Nasdaq, `calendar/new_york.rs` New York's clock, `calendar/bars.rs` the places of bars,
//! `calendar/expect.rs` how many of a source's bars there should be.
//!
//! A calendar says when trading is to be expected. It does not say that there was any, above all
//! before and after the market; and what a source has of times beyond it is no fault.
//!
//! Days of [`Calendar::session`] are those that the venue names: forex's Monday begins on Sunday.
//! Days and months of [`Calendar::bars`] are UTC, as everywhere else.

mod bars;
mod expect;
mod new_york;
mod nyse;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::str::FromStr;

use chrono::{Datelike as _, NaiveDate, NaiveTime};
use model::words::UnknownWord;
use model::{Day, Period, Timeframe};

pub use bars::Bars;
use nyse::{NYSE, is_weekend};

/// When a venue is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Calendar {
    /// Always, as venues of crypto are. Its days are UTC.
    Always,
    /// The week of forex: from Sunday 17:00 to Friday 17:00 in New York, without the two days on
    /// which banks rest everywhere, 1 January and 25 December. A day begins at 17:00 on the day
    /// before.
    Forex,
    /// The market of NYSE and Nasdaq: 09:30 to 16:00 in New York but for holidays, half days and
    /// late openings.
    Nyse,
    /// The same with the hours before and after the market: 04:00 to 20:00 in New York.
    NyseExtended,
}

/// A day that a calendar knows nothing of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "calendar `{calendar}` vouches for {first} to {last}, not for {day}; {}",
    .calendar.remedy()
)]
pub struct OutsideValidity {
    /// The calendar.
    pub calendar: Calendar,
    /// The day.
    pub day: Day,
    /// The first day that it vouches for.
    pub first: Day,
    /// The last one.
    pub last: Day,
}

/// When a day of forex begins and ends.
const ROLLOVER: NaiveTime = NaiveTime::from_hms_opt(17, 0, 0).expect("an hour");
/// The years of forex: its week is of electronic trading, and New York's clock is known so far.
const FOREX: RangeInclusive<i32> = 1990..=2099;
/// The years that instants in µs are read as days of.
const ALWAYS: RangeInclusive<i32> = 0..=9999;

impl Calendar {
    /// Every calendar.
    pub const ALL: &'static [Self] = &[Self::Always, Self::Forex, Self::Nyse, Self::NyseExtended];
    /// Their words, in the same order.
    const WORDS: &'static [&'static str] = &["24x7", "forex", "xnys", "xnys-extended"];

    /// The word that stands for it in configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Always => Self::WORDS[0],
            Self::Forex => Self::WORDS[1],
            Self::Nyse => Self::WORDS[2],
            Self::NyseExtended => Self::WORDS[3],
        }
    }

    /// The zone by whose clock its hours are told.
    pub fn time_zone(self) -> &'static str {
        match self {
            Self::Always => "UTC",
            Self::Forex | Self::Nyse | Self::NyseExtended => new_york::zone(),
        }
    }

    /// The same venue with the hours before and after its market, where it has such.
    #[must_use]
    pub const fn extended(self) -> Self {
        match self {
            Self::Always | Self::Forex => self,
            Self::Nyse | Self::NyseExtended => Self::NyseExtended,
        }
    }

    /// The days that it vouches for. What a venue decides after [`Calendar::made`], such as a day
    /// of mourning, it does not know.
    pub fn validity(self) -> RangeInclusive<Day> {
        match self {
            Self::Always => whole_years(ALWAYS),
            Self::Forex => whole_years(FOREX),
            Self::Nyse | Self::NyseExtended => NYSE.first..=NYSE.last,
        }
    }

    /// The package that its days are from, with its version, and when they were taken from it;
    /// `None` where it is a rule.
    pub fn made(self) -> Option<(&'static str, Day)> {
        match self {
            Self::Always | Self::Forex => None,
            Self::Nyse | Self::NyseExtended => Some((&NYSE.package, NYSE.made)),
        }
    }

    /// The session of a day, from the instant at which it opens to the one at which it closes, in µs
    /// since the epoch; `None` where the venue is closed all day.
    ///
    /// # Errors
    /// The calendar does not vouch for the day.
    pub fn session(self, day: Day) -> Result<Option<Range<i64>>, OutsideValidity> {
        self.vouch(day)?;
        let times = match self {
            Self::Always => return Ok(self.usual(day)),
            // on these two not even the settlement of currencies (CLS) is at work
            Self::Forex => {
                let rest = matches!((day.date().month(), day.date().day()), (1, 1) | (12, 25));
                return Ok(self.usual(day).filter(|_| !rest));
            }
            Self::Nyse => NYSE.of(day).map(|times| times.open..times.close),
            Self::NyseExtended => NYSE.of(day).map(|times| times.early..times.late),
        };
        Ok(times.map(|times| new_york::micros(day, times.start)..new_york::micros(day, times.end)))
    }

    /// When it is open within `span`, both in µs since the epoch: in order, and no two touch.
    ///
    /// # Errors
    /// The calendar does not vouch for a day of the span.
    pub fn open(self, span: Range<i64>) -> Result<Vec<Range<i64>>, OutsideValidity> {
        let mut open: Vec<Range<i64>> = Vec::new();
        if span.is_empty() {
            return Ok(open);
        }
        let (first, last) = (day_of(span.start), day_of(span.end - 1));
        self.vouch(first)?;
        self.vouch(last)?;
        if self == Self::Always {
            return Ok(vec![span]);
        }
        // a venue's day may begin on the UTC day before, or end on the one after
        for day in first.minus(1).to(last.plus(1)) {
            let within = |at: Range<i64>| at.start.max(span.start)..at.end.min(span.end);
            if self.usual(day).map(within).is_none_or(|at| at.is_empty()) {
                continue;
            }
            let Some(part) = self.session(day)?.map(within).filter(|at| !at.is_empty()) else {
                continue;
            };
            match open.last_mut() {
                Some(before) if before.end == part.start => before.end = part.end,
                _ => open.push(part),
            }
        }
        Ok(open)
    }

    /// Whether it is open at an instant, in µs since the epoch.
    ///
    /// # Errors
    /// The calendar does not vouch for the day.
    pub fn is_open(self, micros: i64) -> Result<bool, OutsideValidity> {
        self.vouch(day_of(micros))?;
        Ok(!self.open(micros..micros.saturating_add(1))?.is_empty())
    }

    /// The bars to be expected of a UTC day or month, on gold's grid: each that is in part in a
    /// session. So the first hour of a market that opens at 14:30 UTC is that of 14:00.
    ///
    /// # Errors
    /// The calendar does not vouch for a day of the period.
    pub fn bars(self, period: Period, timeframe: Timeframe) -> Result<Bars, OutsideValidity> {
        self.bars_within(period.micros(), timeframe)
    }

    /// The same of a span, in µs since the epoch.
    ///
    /// # Errors
    /// The calendar does not vouch for a day of the span.
    pub fn bars_within(
        self,
        span: Range<i64>,
        timeframe: Timeframe,
    ) -> Result<Bars, OutsideValidity> {
        Ok(Bars::of(&self.open(span)?, timeframe))
    }

    /// The first day after `day` that has a session.
    ///
    /// # Errors
    /// The calendar does not vouch for the days up to it.
    pub fn next_session(self, day: Day) -> Result<Day, OutsideValidity> {
        self.walk(day, Day::next)
    }

    /// The last day before `day` that has a session.
    ///
    /// # Errors
    /// The calendar does not vouch for the days down to it.
    pub fn previous_session(self, day: Day) -> Result<Day, OutsideValidity> {
        self.walk(day, |day| day.minus(1))
    }

    fn walk(self, mut day: Day, step: impl Fn(Day) -> Day) -> Result<Day, OutsideValidity> {
        self.vouch(day)?;
        loop {
            day = step(day);
            if self.session(day)?.is_some() {
                return Ok(day);
            }
        }
    }

    /// The hours that the venue would have on a day if none were out of the ordinary, in µs since
    /// the epoch: no session of that day is beyond them.
    fn usual(self, day: Day) -> Option<Range<i64>> {
        let at = |time| new_york::micros(day, time);
        match self {
            Self::Always => Some(day.start_micros()..day.next().start_micros()),
            _ if is_weekend(day) => None,
            Self::Forex => Some(new_york::micros(day.minus(1), ROLLOVER)..at(ROLLOVER)),
            Self::Nyse => Some(at(NYSE.regular.open)..at(NYSE.regular.close)),
            Self::NyseExtended => Some(at(NYSE.regular.early)..at(NYSE.regular.late)),
        }
    }

    fn vouch(self, day: Day) -> Result<(), OutsideValidity> {
        let (first, last) = self.validity().into_inner();
        if first <= day && day <= last {
            return Ok(());
        }
        Err(OutsideValidity { calendar: self, day, first, last })
    }

    /// What to do where it does not vouch for a day.
    const fn remedy(self) -> &'static str {
        match self {
            Self::Always | Self::Forex => "name days within them",
            Self::Nyse | Self::NyseExtended => {
                "for later days take a newer release, or make its file anew: ops/calendars/README.md"
            }
        }
    }
}

/// From the first day of the first year to the last one of the last.
fn whole_years(years: RangeInclusive<i32>) -> RangeInclusive<Day> {
    let day = |date: Option<NaiveDate>, else_: NaiveDate| Day::new(date.unwrap_or(else_));
    let first = day(NaiveDate::from_ymd_opt(*years.start(), 1, 1), NaiveDate::MIN);
    first..=day(NaiveDate::from_ymd_opt(*years.end(), 12, 31), NaiveDate::MAX)
}

/// The day of an instant; beyond all years that are read as days, one that no calendar knows.
fn day_of(micros: i64) -> Day {
    let beyond = if micros < 0 { NaiveDate::MIN } else { NaiveDate::MAX };
    Day::of_micros(micros).unwrap_or(Day::new(beyond))
}

impl fmt::Display for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Calendar {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL.iter().copied().find(|calendar| calendar.as_str() == word).ok_or_else(|| {
            UnknownWord { what: "calendar", found: word.to_owned(), expected: Self::WORDS }
        })
    }
}

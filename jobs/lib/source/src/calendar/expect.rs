//! How many of a source's bars are to be expected where a venue closes. When it is open is beside,
//! in `calendar.rs`.

use std::fmt::Write as _;
use std::ops::Range;

use model::period::DAY_MICROS;
use model::{Day, Period, Timeframe};

use super::{Bars, Calendar, OutsideValidity, day_of};

impl Calendar {
    /// Whether nothing is to be expected of a UTC day, of bars of a timeframe or of trades: the venue
    /// is closed all day. Bars of a day are those of the days that the venue names, of which none begins
    /// on forex's Sunday.
    ///
    /// # Errors
    /// The calendar does not vouch for the day.
    pub fn is_closed(
        self,
        day: Day,
        timeframe: Option<Timeframe>,
    ) -> Result<bool, OutsideValidity> {
        if timeframe.is_some_and(|timeframe| timeframe.micros() >= DAY_MICROS) {
            return Ok(self.session(day)?.is_none());
        }
        Ok(self.open(Period::Day(day).micros())?.is_empty())
    }

    /// How many bars are to be expected of a span within a UTC day (µs since the epoch). Those of a
    /// source may stand on the grid of midnight, or the first may begin when the venue opens, at half
    /// past: where that makes a difference, it is the lesser number.
    ///
    /// # Errors
    /// The calendar does not vouch for the day.
    pub fn expected(self, span: Range<i64>, timeframe: Timeframe) -> Result<u64, OutsideValidity> {
        if span.is_empty() {
            return Ok(0);
        }
        let (day, width) = (day_of(span.start), timeframe.micros());
        if self == Self::Always {
            return Ok((span.end - span.start).unsigned_abs().div_ceil(width.unsigned_abs()));
        }
        if width >= DAY_MICROS {
            return Ok(u64::from(!self.is_closed(day, Some(timeframe))?));
        }
        let on_grid = Bars::of(&self.open(span.clone())?, timeframe).len();
        let mut from_opening = 0;
        for day in day.minus(1).to(day.next()) {
            let meets = |at: &Range<i64>| at.start < span.end && span.start < at.end;
            if !self.usual(day).as_ref().is_some_and(meets) {
                continue;
            }
            let Some(session) = self.session(day)?.filter(meets) else { continue };
            // places from the opening, the first of them in the span and the first one after
            let place = |at: i64| (at - session.start).max(0).unsigned_abs().div_ceil(width as u64);
            from_opening += place(session.end.min(span.end)) - place(span.start);
        }
        Ok(on_grid.min(from_opening))
    }

    /// When it is open on these UTC days, as rows of SQL: `(day, from, to)`, instants in µs. A day that it
    /// does not vouch for has none.
    pub fn hours(self, days: impl Iterator<Item = Day>) -> String {
        let mut rows = String::new();
        for day in days {
            for open in self.open(Period::Day(day).micros()).unwrap_or_default() {
                let comma = if rows.is_empty() { "" } else { ", " };
                let _ = write!(rows, "{comma}(DATE '{day}', {}, {})", open.start, open.end);
            }
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_expected_where_a_venue_is_open() {
        let check = |calendar: Calendar, day: &str, expect: [u64; 5]| {
            let day: Day = day.parse().expect(day);
            let frames =
                [Timeframe::M1, Timeframe::H1, Timeframe::H2, Timeframe::H4, Timeframe::D1];
            let span = Period::Day(day).micros();
            let found = frames.map(|t| calendar.expected(span.clone(), t).expect("a day"));
            assert_eq!(found, expect, "{calendar} {day}");
            for (timeframe, count) in frames.into_iter().zip(expect) {
                let is_closed = calendar.is_closed(day, Some(timeframe));
                assert_eq!(is_closed, Ok(count == 0), "{calendar} {day} {timeframe}");
            }
            assert_eq!(calendar.is_closed(day, None), Ok(expect[0] == 0), "{calendar} {day}");
        };
        check(Calendar::Always, "2024-01-13", [1_440, 24, 12, 6, 1]);
        // 14:30 to 21:00 in winter: of two and of four hours, from the opening there are fewer
        check(Calendar::Nyse, "2024-01-12", [390, 7, 4, 2, 1]);
        check(Calendar::Nyse, "2024-07-12", [390, 7, 4, 2, 1]);
        // a half day, a Saturday, a holiday
        check(Calendar::Nyse, "2024-07-03", [210, 4, 2, 1, 1]);
        check(Calendar::Nyse, "2024-01-13", [0; 5]);
        check(Calendar::Nyse, "2024-01-15", [0; 5]);
        // Friday's evening is on Saturday; its last bar of four hours began on Friday
        let saturday: Day = "2024-01-13".parse().expect("day");
        let late =
            |timeframe| Calendar::NyseExtended.expected(Period::Day(saturday).micros(), timeframe);
        assert_eq!([Timeframe::M1, Timeframe::H4].map(late), [Ok(60), Ok(0)]);
        assert_eq!(Calendar::NyseExtended.is_closed(saturday, None), Ok(false));
        assert_eq!(Calendar::NyseExtended.is_closed(saturday, Some(Timeframe::D1)), Ok(true));
        // the week of forex: Sunday from 22:00, Friday up to then
        check(Calendar::Forex, "2024-01-10", [1_440, 24, 12, 6, 1]);
        check(Calendar::Forex, "2024-01-12", [1_320, 22, 11, 5, 1]);
        check(Calendar::Forex, "2024-01-13", [0; 5]);
        let sunday: Day = "2024-01-14".parse().expect("day");
        let first = |timeframe| Calendar::Forex.expected(Period::Day(sunday).micros(), timeframe);
        assert_eq!(
            [Timeframe::M1, Timeframe::H1, Timeframe::D1].map(first),
            [Ok(120), Ok(2), Ok(0)]
        );
        assert_eq!(Calendar::Forex.is_closed(sunday, None), Ok(false));
    }

    #[test]
    fn hours_are_rows() {
        let days = |first: &str, last: &str| {
            first.parse::<Day>().expect(first).to(last.parse().expect(last))
        };
        let start = |day: &str| day.parse::<Day>().expect(day).start_micros();
        let minutes = |n: i64| n * 60_000_000;
        assert_eq!(
            Calendar::Nyse.hours(days("2024-01-12", "2024-01-15")),
            format!(
                "(DATE '2024-01-12', {}, {})",
                start("2024-01-12") + minutes(870),
                start("2024-01-12") + minutes(1_260)
            )
        );
        // from 09:00 to the end of the day, and one hour of the next
        let (friday, saturday) = (start("2024-01-12"), start("2024-01-13"));
        let rows = Calendar::NyseExtended.hours(days("2024-01-12", "2024-01-13"));
        let expect = [
            format!("(DATE '2024-01-12', {friday}, {})", friday + minutes(60)),
            format!("(DATE '2024-01-12', {}, {saturday})", friday + minutes(540)),
            format!("(DATE '2024-01-13', {saturday}, {})", saturday + minutes(60)),
        ];
        assert_eq!(rows, expect.join(", "));
        assert_eq!(Calendar::Nyse.hours(days("1950-01-03", "1950-01-04")), "");
    }

    #[test]
    fn a_series_ends_within_a_session_and_a_calendar_ends_too() {
        let day: Day = "2024-01-12".parse().expect("day");
        let at = |minutes: i64| day.start_micros() + minutes * 60_000_000;
        let expected = |from, to| Calendar::Nyse.expected(at(from)..at(to), Timeframe::H1);
        assert_eq!(expected(0, 15 * 60), Ok(1));
        assert_eq!(expected(0, 15 * 60 + 31), Ok(2));
        assert_eq!(expected(0, 14 * 60), Ok(0));
        assert_eq!(expected(20 * 60 + 30, 24 * 60), Ok(1));
        let after = Calendar::Nyse.validity().end().next();
        let outside = Calendar::Nyse.expected(Period::Day(after).micros(), Timeframe::H1);
        assert_eq!(outside.map_err(|outside| outside.day), Err(after));
        assert_eq!(Calendar::Nyse.is_closed(after, None).map_err(|o| o.day), Err(after));
    }
}

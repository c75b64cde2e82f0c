//! Days without an archive: single ones, which the source owes, and long times, which are told
//! once. Pure.
//!
//! A day or a week without archives is a fault of the source's. A series of which nothing has come
//! for long has ended, or its ticker was given to another asset months later: neither is missing
//! day by day for ever. Days on which the venue is closed are neither absent nor part of such a time:
//! they do not end it, and do not make it longer.

use model::config::Series;
use model::plan::Gap;
use model::{Day, Period};
use source::calendar::Calendar;
use source::offer::{Offer, unit};

/// Days without an archive that make a gap, where the source has daily ones.
const LONG: usize = 30;
/// The same where it has months only: two of them, for one may simply be late.
const LONG_OF_MONTHS: usize = 59;

/// Days that should be there and are not, and what is known beside them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Absent<'a> {
    /// The days, in order.
    pub(crate) days: &'a [Day],
    /// The last wanted day that is there.
    pub(crate) newest: Option<Day>,
    /// The day of the plan.
    pub(crate) today: Day,
    /// When the venue is open.
    pub(crate) calendar: Calendar,
}

/// Whether the venue is closed all day. A day that its calendar does not know is one like others.
pub(crate) fn is_closed(series: &Series, calendar: Calendar, day: Day) -> bool {
    calendar.is_closed(day, series.timeframe).unwrap_or(false)
}

/// Cuts days that are absent into single ones and gaps.
pub(crate) fn cut(series: &Series, offer: &Offer, absent: Absent<'_>) -> (Vec<Day>, Vec<Gap>) {
    let Absent { days, newest, today, calendar } = absent;
    let is_open = |day: &Day| !is_closed(series, calendar, *day);
    let (mut single, mut gaps) = (Vec::new(), Vec::new());
    let is_daily = |period: &Period| matches!(period, Period::Day(_));
    let long = if offer.archives.keys().chain(&offer.before).any(is_daily) {
        LONG
    } else {
        LONG_OF_MONTHS
    };
    // where nobody can tell what comes later, days up to yesterday are all that there is
    let later = offer.later.unwrap_or_else(|| series.to < today.minus(1));
    let no_day_between = |a: &Day, b: &Day| !a.next().to(b.minus(1)).any(|day| is_open(&day));
    for run in days.chunk_by(no_day_between) {
        let (Some(&first), Some(&last)) = (run.first(), run.last()) else { continue };
        // it may have begun before the days wanted
        let is_first = !series.from.to(first.minus(1)).any(|day| is_open(&day));
        let before = offer.before.map(Period::last).filter(|_| is_first);
        let from = before.map_or(first, |day| day.next().min(first));
        if from.to(last).filter(is_open).count() < long {
            single.extend(run);
            continue;
        }
        let is_end = !later && newest.is_none_or(|newest| newest < first);
        gaps.push(Gap {
            series: unit(series, Period::Day(first)).series(),
            from,
            to: (!is_end).then_some(last),
        });
    }
    (single, gaps)
}

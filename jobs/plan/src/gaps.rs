//! Days without an archive: single ones, which the source owes, and long times, which are told
//! once. Pure.
//!
//! A day or a week without archives is a fault of the source's. A series of which nothing has come
//! for long has ended, or its ticker was given to another asset months later: neither is missing
//! day by day for ever.

use model::config::Series;
use model::plan::Gap;
use model::{Day, Period};
use source::offer::{Offer, unit};

/// Days without an archive that make a gap, where the source has daily ones.
const LONG: i32 = 30;
/// The same where it has months only: two of them, for one may simply be late.
const LONG_OF_MONTHS: i32 = 59;

/// Cuts `absent`, days in order that should be there and are not, into single days and gaps.
/// `newest` is the last wanted day that is there, today is the day of the plan.
pub(crate) fn cut(
    series: &Series,
    offer: &Offer,
    absent: &[Day],
    newest: Option<Day>,
    today: Day,
) -> (Vec<Day>, Vec<Gap>) {
    let (mut single, mut gaps) = (Vec::new(), Vec::new());
    let is_daily = |period: &Period| matches!(period, Period::Day(_));
    let long = if offer.archives.keys().chain(&offer.before).any(is_daily) {
        LONG
    } else {
        LONG_OF_MONTHS
    };
    // where nobody can tell what comes later, days up to yesterday are all that there is
    let later = offer.later.unwrap_or_else(|| series.to < today.minus(1));
    for run in absent.chunk_by(|a, b| a.next() == *b) {
        let (Some(&first), Some(&last)) = (run.first(), run.last()) else { continue };
        // it may have begun before the days wanted
        let before = offer.before.map(Period::last).filter(|_| first == series.from);
        let from = before.map_or(first, |day| day.next().min(first));
        if from.days_until(last) + 1 < long {
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

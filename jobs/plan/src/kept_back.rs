//! A month that stays as it is though there is something new of it: when, why, and in words.

use std::fmt;

use model::config::{Archives, Series};
use model::{Day, Month, Period, human};
use source::offer::unit;

use crate::state::{State, View};

/// A month that stays as it is though there is something new of it: built anew it would lose the
/// rows of an archive that was spoiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptBack {
    /// `binance/spot/klines/BTCUSDT/1h`.
    series: String,
    month: Month,
    /// Wanted days of which something new waits.
    days: u64,
    /// The spoiled archives, and why each is not fetched again now.
    spoiled: Vec<(Period, NotNow)>,
}

/// Why a spoiled archive is not fetched again now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NotNow {
    /// The source does not list it.
    Unlisted,
    /// It is not within what the plan looks for.
    Unasked,
    /// It was asked for in vain, and is asked for again later.
    NotDue,
}

impl KeptBack {
    /// Takes note of a month of which something new of `waiting` wanted days waits.
    pub(crate) fn of(
        view: View<'_>,
        month: Month,
        waiting: u64,
        monthly: &State<'_>,
        days: &[(Day, State<'_>)],
    ) -> Self {
        let all = days.iter().map(|(day, state)| (Period::Day(*day), state));
        let spoiled = std::iter::once((Period::Month(month), monthly))
            .chain(all)
            .filter(|(_, state)| matches!(state, State::Spoiled))
            .map(|(period, _)| (period, NotNow::of(view, period)))
            .collect();
        let series = unit(view.series, Period::Month(month)).series();
        Self { series, month, days: waiting, spoiled }
    }
}

impl NotNow {
    fn of(view: View<'_>, period: Period) -> Self {
        let Series { archives, from, to, .. } = view.series;
        let is_asked = match period {
            Period::Day(day) => *archives != Archives::Monthly && (*from..=*to).contains(&day),
            Period::Month(_) => *archives != Archives::Daily,
        };
        if view.offer.archives.contains_key(&period) {
            Self::NotDue
        } else if is_asked {
            Self::Unlisted
        } else {
            Self::Unasked
        }
    }
}

/// Nobody else would tell that what is new of the month never comes.
impl fmt::Display for KeptBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut why = Vec::new();
        // that which no later run can change goes first
        for cause in [NotNow::Unlisted, NotNow::Unasked, NotNow::NotDue] {
            let mut periods = self.spoiled.iter().filter(|(_, of)| *of == cause).map(|(p, _)| p);
            let Some(first) = periods.next() else { continue };
            let (more, is_one) = match periods.count() {
                0 => (String::new(), true),
                more => (format!(" and {more} more"), false),
            };
            let (archive, it) = if is_one { ("archive", "it") } else { ("archives", "them") };
            let rest = match cause {
                NotNow::Unlisted => format!("the source does not list {it}"),
                NotNow::Unasked => format!("this plan does not look for {it}"),
                NotNow::NotDue => format!("a later run asks for {it} again"),
            };
            why.push(format!("the {archive} of {first}{more} can no longer be read, and {rest}"));
        }
        write!(
            f,
            "{} {} stays as it is, and what is new of {} waits: {}",
            self.series,
            self.month,
            human::plural(self.days, "day"),
            why.join("; ")
        )
    }
}

//! What a provider offers that has no list of what it has: whatever may be asked for. Whether there is
//! something is seen when it is asked.
//!
//! A month that is over and wanted whole is offered as one unit, for a page holds many days and costs as
//! much as one with few; and each day on which the venue may be open, for what a month lacked when it
//! was asked for. Of what is told of now alone the newest day is offered, and no other.

use async_trait::async_trait;
use model::config::{Archives, Series};
use model::{Market, Period};

use crate::calendar::Calendar;
use crate::offer::{Checksum, Listed, Offer, OfferError, Survey};

/// What may be asked for of a series, by when its venue is open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Periods {
    /// When the venue is open.
    pub(crate) calendar: fn(Market) -> Calendar,
}

const THERE: Listed = Listed {
    path: None,
    bytes: None,
    etag: None,
    modified: None,
    checksum: Checksum::Absent,
    until: None,
};

#[async_trait]
impl Survey for Periods {
    async fn offer(&self, series: &Series) -> Result<Offer, OfferError> {
        Ok(self.of(series))
    }
}

impl Periods {
    /// What may be asked for of a series.
    fn of(self, series: &Series) -> Offer {
        let mut offer = Offer { first: Some(series.from), later: None, ..Offer::default() };
        if series.dataset.tells_now() {
            offer.archives.insert(Period::Day(series.to), THERE);
            return offer;
        }
        for month in series.from.month().to(series.to.month()) {
            let is_whole = series.from <= month.first() && month.last() <= series.to;
            if is_whole && series.archives != Archives::Daily {
                offer.archives.insert(Period::Month(month), THERE);
            }
            // also of a whole month: a day that it lacked when it was asked for may have come since
            let calendar = (self.calendar)(series.market);
            let days = month.days().filter(|day| {
                // what the calendar does not know may be there
                let is_closed = calendar.is_closed(*day, series.timeframe).unwrap_or(false);
                series.from <= *day && *day <= series.to && !is_closed
            });
            offer.archives.extend(days.map(|day| (Period::Day(day), THERE)));
        }
        offer
    }
}

#[cfg(test)]
mod tests {
    use model::config::PublicationLag;
    use model::{Dataset, Source, Timeframe};

    use super::*;

    fn check(
        calendar: fn(Market) -> Calendar,
        archives: Archives,
        from: &str,
        to: &str,
        expect: &[&str],
    ) {
        let found = of(&series(Dataset::Klines, archives, from, to), calendar);
        assert_eq!(found, expect);
    }

    fn of(series: &Series, calendar: fn(Market) -> Calendar) -> Vec<String> {
        Periods { calendar }.of(series).archives.keys().map(ToString::to_string).collect()
    }

    fn series(dataset: Dataset, archives: Archives, from: &str, to: &str) -> Series {
        Series {
            source: Source::new("acme"),
            market: Market::new("stocks"),
            dataset,
            symbol: "IBM".parse().expect("symbol"),
            timeframe: dataset.has_timeframe().then_some(Timeframe::M1),
            from: from.parse().expect("day"),
            to: to.parse().expect("day"),
            archives,
            lag: PublicationLag::default(),
            end: None,
            tail: None,
        }
    }

    #[test]
    fn what_is_told_of_now_is_offered_for_the_newest_day_alone() {
        let series = series(Dataset::Fundamentals, Archives::Daily, "2024-01-01", "2024-03-09");
        assert_eq!(of(&series, |_| Calendar::Nyse), ["2024-03-09"]);
    }

    #[test]
    fn whole_months_then_days_of_trading() {
        let weekdays = ["2024-02-28", "2024-02-29", "2024-03-01", "2024-03-04"];
        check(|_| Calendar::Nyse, Archives::Auto, "2024-02-28", "2024-03-04", &weekdays);
        let always = |_| Calendar::Always;
        let days: Vec<String> = (1..=29).map(|day| format!("2024-02-{day:02}")).collect();
        let mut all: Vec<&str> = vec!["2024-02"];
        all.extend(days.iter().map(String::as_str));
        all.push("2024-03-01");
        check(always, Archives::Auto, "2024-02-01", "2024-03-01", &all);
        check(always, Archives::Daily, "2024-02-28", "2024-02-29", &["2024-02-28", "2024-02-29"]);
        // a year that the calendar knows nothing of
        check(|_| Calendar::Nyse, Archives::Auto, "1950-01-01", "1950-01-01", &["1950-01-01"]);
    }
}

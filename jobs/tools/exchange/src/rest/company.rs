//! What the sample companies report and pay, made up: a pure function of (seed, symbol, quarter), so that
//! providers agree. Splits are the assets' own.

use chrono::{Datelike as _, Days, Months, NaiveDate, Weekday};

use super::assets::{Asset, Kind};
use super::walk::EPOCH;
use crate::random::{Random, of_number, of_words};

/// Money for every share. Days are the exchange's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dividend {
    /// The first day on which a buyer does not get it.
    pub(super) ex: NaiveDate,
    pub(super) declared: NaiveDate,
    pub(super) record: NaiveDate,
    pub(super) paid: NaiveDate,
    /// As paid, in units of 1e-8 of a dollar.
    pub(super) amount: i64,
}

/// The dividends that are known on a day, the latest first: one a quarter, on the second Friday of its
/// second month, declared ten days before. Some companies pay none.
pub(super) fn dividends(seed: u64, asset: &Asset, today: NaiveDate) -> Vec<Dividend> {
    let pays = asset.kind == Kind::Stock && !matches!(asset.symbol, "AMZN" | "BRK.B" | "TSLA");
    if !pays {
        return Vec::new();
    }
    let series = of_words(seed, &["dividends", asset.symbol]);
    let mut found = Vec::new();
    let mut month = EPOCH;
    // those of the next month may be declared
    while month <= today + Days::new(10) {
        let (year, number) = (month.year(), month.month());
        if number % 3 == 2
            && let Some(ex) = NaiveDate::from_weekday_of_month_opt(year, number, Weekday::Fri, 2)
        {
            let declared = ex - Days::new(10);
            if declared <= today {
                // raised or cut once a year, to a quarter of a cent
                let steps = Random::new(of_number(series, i64::from(year))).below(400) as i64;
                let amount = 10_000_000 + steps * 250_000;
                found.push(Dividend { ex, declared, record: ex, paid: ex + Days::new(30), amount });
            }
        }
        let Some(next) = month.checked_add_months(Months::new(1)) else { break };
        month = next;
    }
    found.reverse();
    found
}

/// The splits that have happened on a day, the latest first: the day, and how many shares one became.
pub(super) fn splits(asset: &Asset, today: NaiveDate) -> Vec<(NaiveDate, i64)> {
    let all = asset.splits.iter().filter_map(|(day, new)| Some((day.parse().ok()?, *new)));
    all.filter(|(day, _): &(NaiveDate, i64)| *day <= today).collect()
}

/// The last day of the latest quarter whose figures are out: forty days after its end.
pub(super) fn latest_quarter(today: NaiveDate) -> NaiveDate {
    let out = today - Days::new(40);
    let first = NaiveDate::from_ymd_opt(out.year(), out.month0() / 3 * 3 + 1, 1).unwrap_or(EPOCH);
    first.pred_opt().unwrap_or(EPOCH)
}

/// What a share has earned in the twelve months to the end of a quarter, in units of 1e-8 of a dollar:
/// in cents, from 5 to 15 dollars.
pub(super) fn earnings(seed: u64, asset: &Asset, quarter: NaiveDate) -> i64 {
    let series = of_words(seed, &["earnings", asset.symbol]);
    let number = i64::from(quarter.year()) * 4 + i64::from(quarter.month0() / 3);
    let cents = 500 + Random::new(of_number(series, number)).below(1_000) as i64;
    cents * 1_000_000
}

#[cfg(test)]
mod tests {
    use super::super::assets::find;
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_known_grows_with_the_days() {
        let ibm = find("IBM").unwrap();
        let known = dividends(1, ibm, day("2024-01-31"));
        // declared on the 30th of January
        assert_eq!((known[0].ex, known[0].declared), (day("2024-02-09"), day("2024-01-30")));
        assert_eq!(known[1..], dividends(1, ibm, day("2024-01-29")));
        assert!(known.windows(2).all(|pair| pair[0].ex > pair[1].ex));
        assert_ne!(known, dividends(2, ibm, day("2024-01-31")));
        assert!(dividends(1, find("TSLA").unwrap(), day("2024-01-31")).is_empty());
        assert!(dividends(1, find("EUR/USD").unwrap(), day("2024-01-31")).is_empty());
        let aapl = find("AAPL").unwrap();
        let days = |today: &str| splits(aapl, day(today)).len();
        assert_eq!([days("2014-06-08"), days("2014-06-09"), days("2024-01-31")], [0, 1, 2]);
    }

    #[test]
    fn figures_come_out_forty_days_after_their_quarter() {
        let check = |today: &str, expect: &str| assert_eq!(latest_quarter(day(today)), day(expect));
        check("2024-02-08", "2023-09-30");
        check("2024-02-09", "2023-09-30");
        check("2024-02-10", "2023-12-31");
        check("2024-05-10", "2023-12-31");
        check("2024-05-11", "2024-03-31");
        let ibm = find("IBM").unwrap();
        let of = |quarter: &str| earnings(1, ibm, day(quarter));
        assert_ne!(of("2023-09-30"), of("2023-12-31"));
        assert!((5..=15).contains(&(of("2023-12-31") / 100_000_000)));
    }
}

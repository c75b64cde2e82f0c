//! What is told once a series and not day by day: when it ends, for how long the source was silent, days
//! that the venue's calendar does not know, lines that no day can be told of, and archives that contradict each other.

use std::collections::BTreeMap;

use chrono::DateTime;
use model::{Day, Period};

use crate::Judged;
use crate::coverage::Facts;
use crate::findings::{Finding, Findings, Status};

/// The name of the check of a series' end.
pub const END: &str = "series_end";
/// The name of the check of long silences.
pub const GAP: &str = "series_gap";
/// The name of the check of the venue's calendar.
pub const CALENDAR: &str = "calendar";
/// The name of the check of archives that contradict each other.
pub const VERSIONS: &str = "versions_differ";
/// The name of the check of lines that tell no day.
pub const DAYLESS: &str = "lines_without_day";

/// Tells of each series what is no matter of single days.
pub fn check(judged: &[Judged], facts: &Facts, findings: &mut Findings) {
    for Judged { series, name, calendar, days } in judged {
        if let Some(end) = series.end.and_then(DateTime::from_timestamp_micros) {
            let detail = format!("ends {}; nothing is expected after", end.format("%F %H:%M UTC"));
            findings.summary(END, Status::Pass, name, detail);
        }
        for (from, to) in facts.gaps.get(name).into_iter().flatten() {
            let detail = match to {
                Some(to) => {
                    let days = i64::from(to.epoch_days()) - i64::from(from.epoch_days()) + 1;
                    format!("the source has none from {from} to {to}: {days} days, not expected")
                }
                None => format!("the source has none since {from}: taken for its end"),
            };
            findings.summary(GAP, Status::Warn, name, detail);
        }
        let unknown: Vec<_> =
            days.iter().filter_map(|day| calendar.session(day.day).err()).collect();
        if let Some(first) = unknown.first() {
            let detail = format!(
                "on {} days nobody can tell what should be there, the first: {first}",
                unknown.len()
            );
            findings.summary(CALENDAR, Status::Warn, name, detail);
        }
        for (period, lines) in facts.dayless.get(name).into_iter().flatten() {
            let detail = format!(
                "{lines} lines of {period} were rejected that tell no day; see `query rejects`"
            );
            findings.summary(DAYLESS, Status::Warn, name, detail);
        }
        if let Some(versions) = facts.versions.get(name) {
            differing(name, versions, findings);
        }
    }
}

/// Rows of archives that say something else than what is kept.
fn differing(name: &str, versions: &BTreeMap<(Period, Option<Day>), u64>, findings: &mut Findings) {
    let rows = versions.values().fold(0_u64, |sum, rows| sum.saturating_add(*rows));
    let days: std::collections::BTreeSet<Day> =
        versions.keys().filter_map(|(_, day)| *day).collect();
    let detail = format!(
        "{rows} rows of {} days are stated twice and differently; what is not in silver stands in \
         silver.rejects, reason conflicting_duplicate: `query rejects`",
        days.len()
    );
    findings.summary(VERSIONS, Status::Warn, name, detail);
    for ((period, day), rows) in versions {
        findings.detail(Finding {
            time: day.map(Day::start_micros),
            field: Some(period.to_string()),
            found: Some(rows.to_string()),
            detail: Some(format!("rows of archive {period} that lost against another version")),
            ..Finding::new(VERSIONS, Status::Warn, name)
        });
    }
}

#[cfg(test)]
mod tests {
    use model::config::{Archives, PublicationLag, Series};
    use model::{Dataset, Market, Source};
    use source::calendar::Calendar;

    use super::*;

    #[test]
    fn what_is_no_matter_of_days_is_told_once() {
        let day = |text: &str| text.parse::<Day>().unwrap();
        let series = Series {
            source: Source::new("binance"),
            market: Market::new("coinm"),
            dataset: Dataset::Trades,
            symbol: "BTCUSD_210625".parse().unwrap(),
            timeframe: None,
            from: day("2021-06-01"),
            to: day("2021-06-25"),
            archives: Archives::Auto,
            lag: PublicationLag::default(),
            end: Some(day("2021-06-25").start_micros() + 8 * 3_600_000_000),
            tail: None,
        };
        let name = crate::coverage::name(&series);
        let mut facts = Facts::default();
        let gaps = vec![(day("2021-02-01"), Some(day("2021-05-31"))), (day("2021-06-20"), None)];
        facts.gaps.insert(name.clone(), gaps);
        let period: Period = "2021-06".parse().unwrap();
        facts.dayless.insert(name.clone(), [(period, 2)].into());
        facts.versions.insert(name.clone(), [((period, Some(day("2021-06-03"))), 4)].into());
        let mut findings = Findings::default();
        let calendar = Calendar::Always;
        check(&[Judged { series, name, calendar, days: Vec::new() }], &facts, &mut findings);
        let told: Vec<String> = findings
            .summaries
            .iter()
            .map(|f| format!("{} {} {}", f.status.as_str(), f.check, f.detail.as_deref().unwrap()))
            .collect();
        assert_eq!(
            told,
            [
                "pass series_end ends 2021-06-25 08:00 UTC; nothing is expected after",
                "warn series_gap the source has none from 2021-02-01 to 2021-05-31: 120 days, not \
                 expected",
                "warn series_gap the source has none since 2021-06-20: taken for its end",
                "warn lines_without_day 2 lines of 2021-06 were rejected that tell no day; see \
                 `query rejects`",
                "warn versions_differ 4 rows of 1 days are stated twice and differently; what is \
                 not in silver stands in silver.rejects, reason conflicting_duplicate: `query \
                 rejects`",
            ]
        );
        assert_eq!(findings.details[0].found.as_deref(), Some("4"));
    }
}

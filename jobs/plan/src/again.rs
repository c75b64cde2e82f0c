//! When an archive is asked for again though the source has not published it anew: where what
//! became of it may be the way's fault, or the moment's, and not its own. Pure.
//!
//! | it was | asked for again |
//! |---|---|
//! | `missing` and is listed | after a day, two, four … at most 32, for as long as it is listed |
//! | `checksum_mismatch` | by the next run, then after a day, two, four … [`TRIES`] times in all |
//! | `unverified`, its checksum file refused | the same |
//! | spoiled in the lake, and silver has rows of it | the same, for as long as it is listed |
//! | an answer of a source that is asked, `recheck` of its dataset or source | from a day after it was asked last, until it was asked so many days after its period's end; never a month later |
//! | an answer of prices that are changed for splits, of which another one is told since | at once, in [`crate::choose`] |
//! | anything else | only with `--retry-bad` |
//!
//! Each time makes a row of the ledger, and those are counted.

use chrono::{DateTime, TimeDelta, Utc};
use model::Period;
use model::fragment::ArchiveStatus;
use model::ledger::LedgerRow;
use source::offer::{Checksum, Listed};

/// Times that a version is asked for whose bytes do not fit, the first included.
const TRIES: u32 = 7;
/// Hours of a `day`: a run that comes daily is at times a little early.
const HOURS: i64 = 20;
/// The longest wait, in days.
const DAYS: i64 = 32;
/// Days after which nobody looks for a correction any more: what a lake has had for long was not asked
/// for again, and is no matter for today's credits.
const LATEST: u32 = 30;

/// Whether an archive of the ledger that the source still lists is asked for again now.
pub fn is_due(row: &LedgerRow, listed: &Listed, now: DateTime<Utc>) -> bool {
    let tries = row.tries.max(1);
    let waits = match row.status {
        ArchiveStatus::Missing => tries,
        ArchiveStatus::ChecksumMismatch if tries < TRIES => tries - 1,
        ArchiveStatus::Unverified
            if row.checksum_refused && listed.checksum != Checksum::Absent && tries < TRIES =>
        {
            tries - 1
        }
        _ => return false,
    };
    is_over(row, waits, now)
}

/// The same of an archive whose bytes in the lake are spoiled while silver has rows of them: by
/// the next run, then after a day, two, four … at most 32.
pub fn is_due_to_be_mended(row: &LedgerRow, now: DateTime<Utc>) -> bool {
    let tries = row.tries.max(1);
    is_over(row, if row.status == ArchiveStatus::Missing { tries } else { tries - 1 }, now)
}

/// Whether an answer that is held is asked for again, in case the provider has corrected it: a day after
/// it was asked for last, until it was asked for once at least `days` after the end of its period. What was
/// so old when it was asked for is not asked for again, nor anything where `days` are 0.
pub fn is_young(row: &LedgerRow, period: Period, days: u32, now: DateTime<Utc>) -> bool {
    let settled = period.last().plus(1).plus(days);
    days > 0
        && row.status == ArchiveStatus::Unverified
        && row.fetched_at.timestamp_micros() < settled.start_micros()
        && now.timestamp_micros() < settled.plus(LATEST).start_micros()
        && now.signed_duration_since(row.fetched_at) >= TimeDelta::hours(HOURS)
}

/// Whether so many waits have gone by since a row was written.
fn is_over(row: &LedgerRow, waits: u32, now: DateTime<Utc>) -> bool {
    // the first wait is a day, each further one twice as long
    let days = waits.checked_sub(1).map_or(0, |n| (1_i64 << n.min(5)).min(DAYS));
    now.signed_duration_since(row.fetched_at) >= TimeDelta::hours(days * HOURS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An archive of which nothing is held.
    fn row(status: ArchiveStatus, fetched_at: DateTime<Utc>, tries: u32) -> LedgerRow {
        LedgerRow {
            status,
            etag: None,
            last_modified: None,
            published_sha256: None,
            checksum_modified: None,
            archive: None,
            usable: None,
            fetched_at,
            tries,
            checksum_refused: false,
        }
    }

    fn listed(checksum: Checksum) -> Listed {
        Listed { path: None, bytes: None, etag: None, modified: None, checksum, until: None }
    }

    /// The days of the first year on which a daily run asks again, as long as it gets the same.
    fn asked(status: ArchiveStatus, checksum_refused: bool, checksum: Checksum) -> Vec<i64> {
        let start = DateTime::UNIX_EPOCH;
        let mut row = LedgerRow { checksum_refused, ..row(status, start, 1) };
        let listed = listed(checksum);
        let mut days = Vec::new();
        for day in 0..150 {
            // a minute after the run that fetched it, and then every day, at times a bit early
            let minutes = if day == 0 { 1 } else { 24 * 60 * day - day % 7 };
            let now = start + TimeDelta::minutes(minutes);
            if is_due(&row, &listed, now) {
                days.push(day);
                (row.fetched_at, row.tries) = (now, row.tries + 1);
            }
        }
        days
    }

    #[test]
    fn what_may_be_the_ways_fault_is_asked_for_again() {
        use ArchiveStatus::{ChecksumMismatch, Corrupt, Missing, Ok, TruncatedSuspect, Unverified};
        let listed = Checksum::Listed(None);
        assert_eq!(asked(Missing, false, listed), [1, 3, 7, 14, 28, 55, 82, 109, 136]);
        let few = [0, 1, 3, 7, 14, 28];
        assert_eq!(asked(ChecksumMismatch, false, listed), few);
        assert_eq!(asked(Unverified, true, listed), few);
        assert_eq!(asked(Unverified, true, Checksum::Unknown), few);
        let never: [i64; 0] = [];
        assert_eq!(asked(Unverified, true, Checksum::Absent), never);
        for status in [Unverified, Corrupt, Ok, TruncatedSuspect] {
            assert_eq!(asked(status, false, listed), never, "{status}");
        }
    }

    #[test]
    fn young_answers_are_asked_for_again() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().expect("time");
        // the hours after the first one at which a run that comes every six hours asks again
        let asked = |period: &str, first: &str, days: u32, status: ArchiveStatus| {
            let (period, first) = (period.parse().expect("period"), at(first));
            let mut row = row(status, first, 1);
            let mut hours = Vec::new();
            for hour in (6..400).step_by(6) {
                let now = first + TimeDelta::hours(hour);
                if is_young(&row, period, days, now) {
                    hours.push(hour);
                    row.fetched_at = now;
                }
            }
            hours
        };
        let answer = ArchiveStatus::Unverified;
        let none: [i64; 0] = [];
        let day = "2024-01-05";
        // once it was asked for a day after its end, that is all
        assert_eq!(asked(day, "2024-01-06T06:00:00Z", 1, answer), [24]);
        assert_eq!(asked(day, "2024-01-06T06:00:00Z", 3, answer), [24, 48, 72]);
        assert_eq!(asked(day, "2024-01-06T06:00:00Z", 0, answer), none);
        assert_eq!(
            asked(day, "2024-01-07T00:00:00Z", 1, answer),
            none,
            "old when it was asked for"
        );
        assert_eq!(asked(day, "2024-01-05T20:00:00Z", 1, answer), [24, 48]);
        assert_eq!(asked("2024-01", "2024-02-01T06:00:00Z", 1, answer), [24]);
        assert_eq!(asked("2023-12", "2024-02-01T06:00:00Z", 5, answer), none);
        // what is missing has waits of its own
        assert_eq!(asked(day, "2024-01-06T06:00:00Z", 9, ArchiveStatus::Missing), none);
    }

    #[test]
    fn clocks_that_go_back_and_odd_counts_do_no_harm() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().expect("time");
        let listed = listed(Checksum::Absent);
        let mut row = row(ArchiveStatus::Missing, at("2024-01-10T00:00:00Z"), 0);
        assert!(!is_due(&row, &listed, at("2024-01-01T00:00:00Z")));
        assert!(is_due(&row, &listed, at("2024-01-11T00:00:00Z")), "of a former version");
        row.tries = u32::MAX;
        assert!(!is_due(&row, &listed, at("2024-01-31T00:00:00Z")));
        assert!(is_due(&row, &listed, at("2024-02-11T00:00:00Z")));
        assert!(!is_due(&row, &listed, DateTime::<Utc>::MIN_UTC));
        assert!(is_due(&row, &listed, DateTime::<Utc>::MAX_UTC));
    }
}

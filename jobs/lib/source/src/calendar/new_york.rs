//! New York's clock, which the hours of its venues and the weeks of forex go by.

use chrono::{NaiveTime, TimeZone as _};
use chrono_tz::America::New_York;
use model::Day;

/// Its name among zones.
pub(super) fn zone() -> &'static str {
    New_York.name()
}

/// The instant at which New York's clock shows `time` on `day`, in µs since the epoch.
pub(super) fn micros(day: Day, time: NaiveTime) -> i64 {
    let local = day.date().and_time(time);
    // the clock changes at 02:00, when no hours begin or end: there is one such instant
    let instant = New_York.from_local_datetime(&local).earliest();
    instant.map_or_else(|| local.and_utc().timestamp_micros(), |at| at.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_changes() {
        let check = |day: &str, hour: u32, expect: &str| {
            let time = NaiveTime::from_hms_opt(hour, 0, 0).expect("an hour");
            let found =
                chrono::DateTime::from_timestamp_micros(micros(day.parse().expect(day), time));
            assert_eq!(found.expect(day).format("%F %H:%M").to_string(), expect, "{day}");
        };
        check("2024-01-02", 17, "2024-01-02 22:00");
        check("2024-07-02", 17, "2024-07-02 21:00");
        // the Sundays of 2024
        check("2024-03-09", 17, "2024-03-09 22:00");
        check("2024-03-10", 17, "2024-03-10 21:00");
        check("2024-11-02", 17, "2024-11-02 21:00");
        check("2024-11-03", 17, "2024-11-03 22:00");
        // the rule before 2007: from April's first Sunday to October's last
        check("2006-03-15", 17, "2006-03-15 22:00");
        check("2006-11-01", 17, "2006-11-01 22:00");
        check("1990-04-01", 17, "1990-04-01 21:00");
        // what the table of changes knows of the last years that it is asked for
        check("2099-07-01", 17, "2099-07-01 21:00");
        check("2099-12-01", 17, "2099-12-01 22:00");
        // an hour that is skipped, and one that comes twice
        check("2024-03-10", 2, "2024-03-10 02:00");
        check("2024-11-03", 1, "2024-11-03 05:00");
    }
}

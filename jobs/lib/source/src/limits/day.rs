//! Days of a provider: where they begin and end, and how their zone is written.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::rest::midnight;

/// A stretch of time for which a provider counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Window {
    /// A second.
    Second,
    /// A minute.
    Minute,
    /// A day of the provider's zone.
    Day,
}

impl Window {
    /// In words, for messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Day => "day",
        }
    }
}

/// The day of a zone in which an instant lies: its first instant, and the first one after it.
/// `None` where the calendar ends.
pub(super) fn day_of(zone: Tz, at: DateTime<Utc>) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let date = at.with_timezone(&zone).date_naive();
    Some((midnight(zone, date)?, midnight(zone, date.succ_opt()?)?))
}

/// A zone as text.
pub(super) mod zone {
    use std::borrow::Cow;

    use chrono_tz::Tz;
    use serde::de::{Deserialize, Deserializer, Error as _};
    use serde::ser::Serializer;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(in crate::limits) fn serialize<S: Serializer>(zone: &Tz, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(zone.name())
    }

    pub(in crate::limits) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Tz, D::Error> {
        of(&Cow::<'de, str>::deserialize(from)?).map_err(D::Error::custom)
    }

    /// A zone by its name.
    pub(in crate::limits) fn of(name: &str) -> Result<Tz, String> {
        name.parse().map_err(|_| {
            format!("bad day_ends `{name}`, expected UTC or a zone such as America/New_York")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_lie_between_midnights() {
        let check = |zone: Tz, at: &str, begins: &str, ends: &str| {
            let at: DateTime<Utc> = at.parse().expect(at);
            let day = day_of(zone, at).map(|(a, b)| (a.to_rfc3339(), b.to_rfc3339()));
            let expect = (format!("{begins}:00+00:00"), format!("{ends}:00+00:00"));
            assert_eq!(day, Some(expect), "{zone} {at}");
        };
        check(Tz::UTC, "2024-02-29T00:00:00Z", "2024-02-29T00:00", "2024-03-01T00:00");
        check(Tz::UTC, "2024-02-28T23:59:59.999Z", "2024-02-28T00:00", "2024-02-29T00:00");
        let ny = Tz::America__New_York;
        check(ny, "2024-07-02T03:59:59Z", "2024-07-01T04:00", "2024-07-02T04:00");
        // days of 23 and of 25 hours
        check(ny, "2024-03-10T12:00:00Z", "2024-03-10T05:00", "2024-03-11T04:00");
        check(ny, "2024-11-03T12:00:00Z", "2024-11-03T04:00", "2024-11-04T05:00");
        // clocks jumped over midnight
        check(Tz::Asia__Beirut, "2022-03-27T12:00:00Z", "2022-03-26T22:00", "2022-03-27T21:00");
        assert_eq!(day_of(Tz::UTC, DateTime::<Utc>::MAX_UTC), None);
    }
}

//! Why a provider gives no data, what it says of it, and what that means for whoever asks: when one
//! may ask again, and what else need not be asked. How long is really waited is the caller's.

use std::fmt;

use chrono::{DateTime, Days};
use chrono_tz::Tz;

use super::key::Key;
use super::time::midnight;

/// Most characters of a provider's own words.
const MOST_WORDS: usize = 300;

/// Microseconds in a second.
const SECOND: i64 = 1_000_000;

/// Why there are no data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// The requests of this minute are used up.
    MinuteLimit,
    /// The requests of this day are used up.
    DayLimit,
    /// Too many requests at once. One that stays for many tries is the day's limit in disguise.
    BurstLimit,
    /// The key is wrong or missing.
    BadKey,
    /// The provider's example key, which opens its examples alone.
    DemoKey,
    /// The plan of this key does not include what was asked for.
    PremiumOnly,
    /// The provider does not know the symbol.
    NoSuchSymbol,
    /// The request is wrong. Alpha Vantage says the same of symbols and months it does not have.
    BadRequest,
    /// There is nothing for the dates.
    NoData,
    /// Too many symbols in one request.
    BatchTooLong,
    /// Invented example data, which must never be taken for prices.
    Artificial,
    /// The provider is in trouble.
    ServerTrouble,
    /// A page of HTML where data were expected: a gateway or a proxy answered.
    Page,
    /// The answer ends too early.
    Cut,
    /// The answer has no form that is known.
    NotUnderstood,
}

/// When one may ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// At once, with the usual patience between tries.
    Now,
    /// After a second.
    AfterSecond,
    /// After a minute.
    AfterMinute,
    /// On the next day of this zone.
    AfterDay(Tz),
    /// Never in the same way: somebody must change the request, the key or the plan.
    Never,
}

/// What else is refused with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Concerns {
    /// This symbol, or only this one request: others may be asked.
    Symbol,
    /// Every request of this kind with this key.
    Function,
    /// Every request with this key.
    Key,
}

/// An answer that holds no data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub why: Why,
    /// What else is refused with it.
    pub concerns: Concerns,
    /// When one may ask again.
    pub again: Again,
    /// The provider's own words, or ours where it has none: at most 300 characters of one line,
    /// without the key.
    pub words: String,
}

impl Why {
    /// In words, for messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MinuteLimit => "the limit of this minute is reached",
            Self::DayLimit => "the limit of this day is reached",
            Self::BurstLimit => "too many requests at once",
            Self::BadKey => "the key is wrong or missing",
            Self::DemoKey => "the example key opens only examples",
            Self::PremiumOnly => "the key's plan does not include it",
            Self::NoSuchSymbol => "no such symbol",
            Self::BadRequest => "the request is wrong",
            Self::NoData => "no data for the dates",
            Self::BatchTooLong => "too many symbols in one request",
            Self::Artificial => "invented example data, not taken",
            Self::ServerTrouble => "the provider is in trouble",
            Self::Page => "a page of HTML instead of data",
            Self::Cut => "the answer ends too early",
            Self::NotUnderstood => "the answer is not understood",
        }
    }

    /// When one may ask again, where `day` is the zone whose midnight ends the provider's day.
    const fn again(self, day: Tz) -> Again {
        match self {
            Self::Cut => Again::Now,
            Self::BurstLimit => Again::AfterSecond,
            Self::MinuteLimit | Self::ServerTrouble | Self::Page => Again::AfterMinute,
            Self::DayLimit => Again::AfterDay(day),
            Self::BadKey
            | Self::DemoKey
            | Self::PremiumOnly
            | Self::NoSuchSymbol
            | Self::BadRequest
            | Self::NoData
            | Self::BatchTooLong
            | Self::Artificial
            | Self::NotUnderstood => Again::Never,
        }
    }

    const fn concerns(self) -> Concerns {
        match self {
            Self::MinuteLimit
            | Self::DayLimit
            | Self::BurstLimit
            | Self::BadKey
            | Self::DemoKey
            | Self::ServerTrouble
            | Self::Page => Concerns::Key,
            Self::PremiumOnly | Self::Artificial | Self::BatchTooLong => Concerns::Function,
            Self::NoSuchSymbol
            | Self::BadRequest
            | Self::NoData
            | Self::Cut
            | Self::NotUnderstood => Concerns::Symbol,
        }
    }
}

impl Again {
    /// The first instant at which one may ask again, in µs since the epoch, where it is `now`;
    /// `None` for never.
    pub fn at(self, now: i64) -> Option<i64> {
        match self {
            Self::Now => Some(now),
            Self::AfterSecond => now.checked_add(SECOND),
            Self::AfterMinute => now.checked_add(60 * SECOND),
            Self::AfterDay(zone) => {
                let today = DateTime::from_timestamp_micros(now)?.with_timezone(&zone).date_naive();
                Some(midnight(zone, today.checked_add_days(Days::new(1))?)?.timestamp_micros())
            }
            Self::Never => None,
        }
    }
}

impl Refusal {
    /// A refusal with what its kind means, in the provider's words.
    pub(crate) fn new(why: Why, words: &str, key: &Key, day: Tz) -> Self {
        let (concerns, again) = (why.concerns(), why.again(day));
        Self { why, concerns, again, words: bounded(&key.hide(words)) }
    }

    /// The same with another reach.
    pub(crate) fn concerning(self, concerns: Concerns) -> Self {
        Self { concerns, ..self }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.why.as_str(), self.words)
    }
}

impl std::error::Error for Refusal {}

/// One line of at most [`MOST_WORDS`] characters.
fn bounded(words: &str) -> String {
    let mut line = String::new();
    let mut count = 0;
    for word in words.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() {
            continue;
        }
        if count > 0 {
            line.push(' ');
            count += 1;
        }
        for c in word.chars() {
            if count >= MOST_WORDS {
                line.push('…');
                return line;
            }
            line.push(c);
            count += 1;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_one_bounded_line() {
        let check = |words: &str, expect: &str| assert_eq!(bounded(words), expect);
        check(" a\n\tb\u{0}c ", "a b c");
        check("", "");
        check(&"x".repeat(400), &format!("{}…", "x".repeat(300)));
    }

    #[test]
    fn days_end_at_their_own_midnight() {
        let check = |again: Again, now: &str, expect: Option<&str>| {
            let now = DateTime::parse_from_rfc3339(now).expect(now).timestamp_micros();
            let at = again.at(now).and_then(DateTime::from_timestamp_micros);
            assert_eq!(at.map(|t| t.to_rfc3339()).as_deref(), expect);
        };
        let now = "2024-07-01T23:30:00Z";
        check(Again::Now, now, Some("2024-07-01T23:30:00+00:00"));
        check(Again::AfterSecond, now, Some("2024-07-01T23:30:01+00:00"));
        check(Again::AfterMinute, now, Some("2024-07-01T23:31:00+00:00"));
        check(Again::AfterDay(Tz::UTC), now, Some("2024-07-02T00:00:00+00:00"));
        check(Again::AfterDay(Tz::US__Eastern), now, Some("2024-07-02T04:00:00+00:00"));
        let night = "2024-07-02T03:59:59Z";
        check(Again::AfterDay(Tz::US__Eastern), night, Some("2024-07-02T04:00:00+00:00"));
        // clocks of Beirut jumped over midnight on 2022-03-27
        let gap = "2022-03-26T12:00:00Z";
        check(Again::AfterDay(Tz::Asia__Beirut), gap, Some("2022-03-26T22:00:00+00:00"));
        check(Again::Never, now, None);
        assert_eq!(Again::AfterMinute.at(i64::MAX), None);
        assert_eq!(Again::AfterDay(Tz::UTC).at(i64::MAX), None);
    }
}

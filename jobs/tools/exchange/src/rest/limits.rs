//! How much each key has asked for, in windows of a second, a minute and a UTC day, and where
//! its limits are. What a provider says to whoever is beyond them is the provider's.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

const SECOND: i64 = 1_000_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 1_440 * MINUTE;

/// What a key may ask for. The unit is the provider's: requests, credits, weight.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// In a second of the clock; none when absent.
    pub second: Option<u64>,
    /// In a minute of the clock; none when absent.
    pub minute: Option<u64>,
    /// In a UTC day; none when absent.
    pub day: Option<u64>,
}

/// What was asked for in windows of one length, what was refused included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Used {
    /// In the window of the last request.
    pub last: u64,
    /// In the window that had most.
    pub most: u64,
    #[serde(skip)]
    start: i64,
}

/// What one key has asked one provider for. The unit of [`Used`] is the provider's: requests,
/// credits, weight.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// `twelvedata`, `alphavantage`, `binance`, `binance-futures` or `binance-coinm`.
    pub provider: String,
    /// The key, or the address for a provider that counts by addresses.
    pub key: String,
    /// Requests.
    pub requests: u64,
    /// Requests that were refused because a limit was reached.
    pub refused: u64,
    /// By the second.
    pub second: Used,
    /// By the minute.
    pub minute: Used,
    /// By the UTC day.
    pub day: Used,
}

/// The lengths of windows, as far as limits tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    Second,
    Minute,
    Day,
}

/// A limit that a request goes beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Beyond {
    pub(super) span: Span,
    /// With this request.
    pub(super) used: u64,
    pub(super) limit: u64,
}

/// How things stand after a request was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    /// In this minute, with this request.
    pub(super) minute: u64,
    /// The longest window whose limit is passed.
    pub(super) beyond: Option<Beyond>,
}

#[derive(Debug, Default)]
pub(super) struct Counter(Mutex<BTreeMap<(&'static str, String), Count>>);

impl Used {
    fn add(&mut self, cost: u64, now: i64, length: i64) -> u64 {
        let start = now.div_euclid(length) * length;
        if start != self.start {
            (self.start, self.last) = (start, 0);
        }
        self.last += cost;
        self.most = self.most.max(self.last);
        self.last
    }
}

impl Counter {
    /// Counts a request, also one that is refused: who goes on asking gets no nearer.
    pub(super) fn take(
        &self,
        provider: &'static str,
        key: &str,
        cost: u64,
        now: i64,
        limits: Limits,
    ) -> Taken {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.entry((provider, key.to_owned())).or_insert_with(|| Count {
            provider: provider.to_owned(),
            key: key.to_owned(),
            ..Count::default()
        });
        count.requests += 1;
        let second = count.second.add(cost, now, SECOND);
        let minute = count.minute.add(cost, now, MINUTE);
        let day = count.day.add(cost, now, DAY);
        let beyond = [
            (Span::Day, day, limits.day),
            (Span::Minute, minute, limits.minute),
            (Span::Second, second, limits.second),
        ]
        .into_iter()
        .find_map(|(span, used, limit)| {
            limit.filter(|limit| used > *limit).map(|limit| Beyond { span, used, limit })
        });
        count.refused += u64::from(beyond.is_some());
        Taken { minute, beyond }
    }

    pub(super) fn all(&self) -> Vec<Count> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_begin_anew_and_the_longest_limit_speaks() {
        let counter = Counter::default();
        let limits = Limits { second: Some(2), minute: Some(3), day: Some(5) };
        let check = |seconds: i64, cost: u64, expect: Option<(Span, u64)>| {
            let taken = counter.take("p", "k", cost, seconds * SECOND, limits);
            assert_eq!(taken.beyond.map(|b| (b.span, b.used)), expect, "{seconds} s");
        };
        check(0, 2, None);
        check(0, 1, Some((Span::Second, 3)));
        check(1, 1, Some((Span::Minute, 4)));
        check(60, 1, None);
        check(61, 1, Some((Span::Day, 6)));
        check(86_400, 2, None);
        let count = counter.all().remove(0);
        assert_eq!((count.requests, count.refused), (6, 3));
        assert_eq!((count.second.most, count.minute.most, count.day.most), (3, 4, 6));
        assert_eq!((count.second.last, count.day.last), (2, 2));
        assert_eq!(counter.take("p", "other", 1, 0, limits).minute, 1);
    }
}

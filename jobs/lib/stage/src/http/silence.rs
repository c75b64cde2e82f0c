//! When to tell people that a source is silent: soon, and then seldom. What counts as an answer
//! is the caller's business.

use std::time::Duration;

use tokio::time::Instant;

/// Silence after which people are told for the first time.
const FIRST: Duration = Duration::from_secs(5);
/// Silence between what people are told.
const AGAIN: Duration = Duration::from_mins(1);

/// How long nothing usable was heard, and what was told of it.
#[derive(Debug, Default)]
pub(super) struct Silence {
    since: Option<Instant>,
    told: Option<Instant>,
    why: String,
}

impl Silence {
    /// Somebody waits for an answer.
    pub(super) fn waits(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// An attempt failed.
    pub(super) fn failed(&mut self, why: &str, now: Instant) {
        self.waits(now);
        why.clone_into(&mut self.why);
    }

    /// A usable answer came. Whether people had been told that there was none.
    pub(super) fn heard(&mut self) -> bool {
        std::mem::take(self).told.is_some()
    }

    /// How long the silence lasts and why, where people are to be told now.
    pub(super) fn due(&mut self, now: Instant) -> Option<(Duration, &str)> {
        let lasts = now.saturating_duration_since(*self.since.get_or_insert(now));
        let is_due = match self.told {
            None => lasts >= FIRST,
            Some(told) => now.saturating_duration_since(told) >= AGAIN,
        };
        if !is_due {
            return None;
        }
        self.told = Some(now);
        Some((lasts, if self.why.is_empty() { "it does not answer" } else { &self.why }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soon_and_then_once_a_minute() {
        let start = Instant::now();
        let mut silence = Silence::default();
        let mut told = Vec::new();
        silence.waits(start);
        // an attempt a second for three minutes, and somebody who looks four times a second
        for tick in 0..720_u64 {
            let now = start + Duration::from_millis(250 * tick);
            if tick % 4 == 0 {
                silence.waits(now);
                silence.failed("refused", now);
            }
            told.extend(silence.due(now).map(|(lasts, why)| (lasts.as_secs(), why.to_owned())));
        }
        let refused = |seconds: u64| (seconds, "refused".to_owned());
        assert_eq!(told, [refused(5), refused(65), refused(125)]);
        assert!(silence.heard(), "people are told that it is over");
        assert!(!silence.heard());
        let later = start + Duration::from_mins(10);
        assert_eq!(silence.due(later), None, "it begins anew");
        assert_eq!(silence.due(later + FIRST), Some((FIRST, "it does not answer")));
    }
}

//! Waiting between attempts: exponential, with jitter, inside limits.

use std::time::Duration;

/// Waits between attempts: the n-th lies between half and the whole of `first × 2ⁿ⁻¹`, and never
/// exceeds `longest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Wait before the second attempt.
    pub first: Duration,
    /// Longest wait.
    pub longest: Duration,
}

impl Backoff {
    /// The wait after `failed` failed attempts (from 1).
    pub fn wait(&self, failed: u32) -> Duration {
        let whole = self
            .first
            .saturating_mul(2_u32.saturating_pow(failed.saturating_sub(1)))
            .min(self.longest);
        whole.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_inside_their_limits() {
        let backoff =
            Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(1) };
        for (failed, whole) in [(1, 100), (2, 200), (3, 400), (4, 800), (5, 1000), (90, 1000)] {
            for _ in 0..50 {
                let wait = backoff.wait(failed);
                assert!(wait >= Duration::from_millis(whole / 2), "{failed}: {wait:?}");
                assert!(wait <= Duration::from_millis(whole), "{failed}: {wait:?}");
            }
        }
    }
}

//! Messages that could be said a thousand times a second.

use std::time::{Duration, Instant};

/// Says when something may be said again.
#[derive(Clone, Copy, Debug)]
pub struct RateLimiter {
    every: Duration,
    last: Option<Instant>,
}

impl RateLimiter {
    /// At once, and then once in so long.
    pub const fn new(every: Duration) -> Self {
        Self { every, last: None }
    }

    /// Whether it is time; then it is not again for a while.
    pub fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.last.is_none_or(|last| now.saturating_duration_since(last) >= self.every);
        if is_due {
            self.last = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_at_once_and_then_seldom() {
        let (t0, every) = (crate::t0(), Duration::from_secs(5));
        let mut rate_limiter = RateLimiter::new(every);
        let due =
            [0, 1, 4999, 5000, 5001, 10_000].map(|ms| rate_limiter.is_due(t0 + Duration::from_millis(ms)));
        assert_eq!(due, [true, false, false, true, false, true]);
    }
}

//! Limits how often something is done or reported.

use std::time::{Duration, Instant};

/// Says when something may be said or done once more: so often at once, and then once in so long.
#[derive(Clone, Copy, Debug)]
pub struct RateLimiter {
    /// How far ahead of the pace it may be: by all of the burst but one.
    ahead: Duration,
    every: Duration,
    /// When all of the burst is there again; `None` before the first.
    restored: Option<Instant>,
}

impl RateLimiter {
    /// At once, and then once in so long.
    pub const fn new(every: Duration) -> Self {
        Self::with_burst(1, every)
    }

    /// So many at once, and then one in so long; whoever is quiet for a while has as many again.
    pub const fn with_burst(burst: u32, every: Duration) -> Self {
        Self { ahead: every.saturating_mul(burst - 1), every, restored: None }
    }

    /// Of messages that a sender causes, which must not fill a disk if it lies: somebody may start one again and again.
    pub const fn of_messages() -> Self {
        Self::with_burst(MESSAGES_AT_ONCE, MESSAGE_EVERY)
    }

    /// Whether it is time; then one less is left.
    pub fn is_due(&mut self, now: Instant) -> bool {
        let restored = self.restored.map_or(now, |restored| restored.max(now));
        let is_due = restored - now <= self.ahead;
        if is_due {
            self.restored = Some(restored + self.every);
        }
        is_due
    }
}

/// More than a person causes who tries something out.
const MESSAGES_AT_ONCE: u32 = 12;
/// Rarely enough to be read, and for a log to be kept.
const MESSAGE_EVERY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_at_once_and_then_rarely() {
        let (t0, every) = (crate::t0(), Duration::from_secs(5));
        let mut rate_limiter = RateLimiter::new(every);
        let due =
            [0, 1, 4999, 5000, 5001, 10_000].map(|ms| rate_limiter.is_due(t0 + Duration::from_millis(ms)));
        assert_eq!(due, [true, false, false, true, false, true]);
    }

    #[test]
    fn messages_without_end_are_let_through_some_times_and_then_rarely() {
        let (t0, mut messages) = (crate::t0(), RateLimiter::of_messages());
        let mut said = |from: u64, to: u64| {
            (from..to).filter(|millis| messages.is_due(t0 + Duration::from_millis(*millis))).count()
        };
        assert_eq!(said(0, 9000), 12);
        assert_eq!(said(9000, 69_000), 6);
        // Whoever is quiet for a while may say as much again.
        assert_eq!(said(600_000, 609_000), 12);
    }
}

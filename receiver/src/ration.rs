//! Messages and files that a sender causes, which must not fill a disk if it lies.

use std::time::{Duration, Instant};

/// Limits how often something may be done: some at once, as when somebody starts a sender again and again, and then rarely.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ration {
    /// When none of it will be used up any more.
    restored: Instant,
    at_once: u32,
    every: Duration,
}

impl Ration {
    /// A whole one of messages.
    pub(crate) fn new(now: Instant) -> Self {
        Self::of(now, AT_ONCE, EVERY)
    }

    /// A whole one of something else: so many at once, and then one in so long.
    pub(crate) fn of(now: Instant, at_once: u32, every: Duration) -> Self {
        Self { restored: now, at_once, every }
    }

    /// Whether one more may be said or done; then it is used up.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let restored = self.restored.max(now) + self.every;
        let is_left = restored.saturating_duration_since(now) <= self.every * self.at_once;
        if is_left {
            self.restored = restored;
        }
        is_left
    }
}

/// More than a person causes who tries something out.
const AT_ONCE: u32 = 12;
/// Rarely enough to be read, and for a log to be kept.
const EVERY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_causes_messages_without_end_is_heard_some_times_and_then_seldom() {
        let t0 = Instant::now();
        let mut ration = Ration::new(t0);
        let said = |ration: &mut Ration, from: u64, to: u64| {
            (from..to).filter(|millis| ration.take(t0 + Duration::from_millis(*millis))).count()
        };
        assert_eq!(said(&mut ration, 0, 9000), 12);
        assert_eq!(said(&mut ration, 9000, 69_000), 6);
        // Whoever is quiet for a while may say as much again.
        assert_eq!(said(&mut ration, 600_000, 609_000), 12);
    }
}

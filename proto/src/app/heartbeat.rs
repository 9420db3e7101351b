//! Whether a thread still goes round its loop, for a watchdog.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Beaten by a thread each time round, and felt by another one. Cheap to clone; every clone is the same heartbeat.
#[derive(Clone, Debug, Default)]
pub struct Heartbeat(Arc<AtomicBool>);

impl Heartbeat {
    /// Shows that the thread lives. Returns until when it may now wait: `until`, but a second at most, so that idling
    /// is told from hanging.
    pub fn beat(&self, until: Option<Instant>) -> Option<Instant> {
        self.0.store(true, Ordering::Relaxed);
        let at_most = Instant::now() + LONGEST_WAIT;
        Some(until.map_or(at_most, |until| until.min(at_most)))
    }

    /// Whether it was beaten since this was last asked.
    pub fn was_felt(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

/// Well below half of any watchdog's time, and no load.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_is_felt_once_and_keeps_the_thread_from_waiting_long() {
        let (heartbeat, begun) = (Heartbeat::default(), Instant::now());
        assert!(!heartbeat.was_felt());
        assert_eq!(heartbeat.clone().beat(Some(begun)), Some(begun));
        assert!(heartbeat.was_felt() && !heartbeat.was_felt());
        for until in [None, Some(begun + Duration::from_secs(60))] {
            let wait = heartbeat.beat(until).unwrap() - begun;
            assert!(wait < Duration::from_secs(60) && wait >= LONGEST_WAIT, "{wait:?}");
        }
    }
}

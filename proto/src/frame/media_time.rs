//! Moments on the sending computer's clock, which travel.

use std::time::Instant;

/// A moment on the sending computer's clock, in microseconds since the Unix epoch.
///
/// The sender reads its wall clock once, at its start, and goes on from there with its monotonic clock: within one
/// session these moments never jump, whatever happens to the wall clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaTime(u64);

impl MediaTime {
    /// The moment `micros` microseconds after the Unix epoch.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Microseconds from `earlier` to this moment; negative if `earlier` is later.
    pub const fn micros_since(self, earlier: Self) -> i64 {
        self.0.wrapping_sub(earlier.0) as i64
    }
}

/// Relates the instants of `poll` to the media time that travels.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    instant: Instant,
    time: MediaTime,
}

impl Clock {
    /// A clock that showed `time` at `instant`.
    pub const fn new(instant: Instant, time: MediaTime) -> Self {
        Self { instant, time }
    }

    /// What it shows at `instant`.
    pub fn at(&self, instant: Instant) -> MediaTime {
        let micros = self.time.as_micros();
        MediaTime::from_micros(match instant.checked_duration_since(self.instant) {
            Some(later) => micros.saturating_add(later.as_micros() as u64),
            None => micros.saturating_sub((self.instant - instant).as_micros() as u64),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_time_differences_have_a_sign() {
        let (a, b) = (MediaTime::from_micros(5), MediaTime::from_micros(9));
        assert_eq!((b.micros_since(a), a.micros_since(b)), (4, -4));
    }
}

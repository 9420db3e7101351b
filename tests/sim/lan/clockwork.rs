//! A computer's clock: it began elsewhere than others, and runs a little fast or slow.

use std::time::{Duration, Instant};

/// How a clock differs from true time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Skew {
    /// How far ahead it was when the simulation began.
    pub(crate) ahead: Duration,
    /// How much it gains on true time, in millionths.
    pub(crate) drift_ppm: i32,
}

/// A clock with a skew.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clockwork {
    begin: Instant,
    skew: Skew,
}

impl Clockwork {
    /// A clock whose true time is counted from `begin`.
    pub(super) fn new(begin: Instant, skew: Skew) -> Self {
        Self { begin, skew }
    }

    /// What it shows at a true moment.
    pub(super) fn local(&self, truth: Instant) -> Instant {
        let nanos = (truth - self.begin).as_nanos() as i128;
        self.begin + self.skew.ahead + duration(nanos * self.speed() / MILLION)
    }

    /// The first true moment at which it shows `local`.
    pub(super) fn truth(&self, local: Instant) -> Instant {
        let nanos = local.saturating_duration_since(self.begin + self.skew.ahead).as_nanos() as i128;
        let speed = self.speed();
        self.begin + duration((nanos * MILLION + speed - 1) / speed)
    }

    fn speed(&self) -> i128 {
        MILLION + i128::from(self.skew.drift_ppm)
    }
}

fn duration(nanos: i128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

const MILLION: i128 = 1_000_000;

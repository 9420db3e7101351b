//! How long ago a frame was captured, by two clocks that need not agree.

use std::time::{Duration, Instant};

use proto::host::wall_clock;
use proto::{Clock, MediaTime};
use serde::Serialize;

/// Whether the sender's clock and ours show the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Agreement {
    /// As far as can be told: both programs run on one computer, or both computers keep their time well.
    #[default]
    Shared,
    /// No: delays are told relative to the shortest one seen.
    Relative,
}

/// Tells delays between the sender's clock and ours.
#[derive(Clone, Copy, Debug)]
pub struct Delays {
    clock: Clock,
    shortest: Option<i64>,
    agreement: Agreement,
}

impl Delays {
    /// Begins with the wall clock as it is now, and goes on with the monotonic one.
    pub fn new() -> Self {
        Self::with_clock(wall_clock())
    }

    fn with_clock(clock: Clock) -> Self {
        Self { clock, shortest: None, agreement: Agreement::Shared }
    }

    /// Forgets what was learned of the sender's clock: another one sends.
    pub fn reset(&mut self) {
        (self.shortest, self.agreement) = (None, Agreement::Shared);
    }

    /// Learns from a frame that arrived at `at`; returns its delay since its capture.
    pub fn learn(&mut self, captured: MediaTime, at: Instant) -> Duration {
        let micros = self.clock.at(at).micros_since(captured);
        let shortest = self.shortest.map_or(micros, |shortest| shortest.min(micros));
        self.shortest = Some(shortest);
        if !(-TOLERANCE..PLAUSIBLE).contains(&shortest) {
            self.agreement = Agreement::Relative;
        }
        self.since(captured, at)
    }

    /// The time from `captured` to `at`; relative to the shortest one learned where the clocks do not agree.
    pub fn since(&self, captured: MediaTime, at: Instant) -> Duration {
        let micros = self.clock.at(at).micros_since(captured);
        let micros = match self.agreement {
            Agreement::Shared => micros,
            Agreement::Relative => micros.saturating_sub(self.shortest.unwrap_or(micros)),
        };
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }

    /// Whether delays are absolute.
    pub fn agreement(&self) -> Agreement {
        self.agreement
    }
}

impl Default for Delays {
    fn default() -> Self {
        Self::new()
    }
}

/// Two readings of one clock at two programs' starts differ by less, in microseconds.
const TOLERANCE: i64 = 1000;
/// On one LAN no frame takes longer, in microseconds: a longer delay is a difference between clocks.
const PLAUSIBLE: i64 = 2_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_absolute_where_clocks_agree_and_relative_where_they_do_not() {
        let now = Instant::now();
        let clock = Clock::new(now, MediaTime::from_micros(10_000_000));
        let ms = Duration::from_millis;
        let mut delays = Delays::with_clock(clock);
        assert_eq!(delays.learn(MediaTime::from_micros(9_990_000), now), ms(10));
        assert_eq!(delays.agreement(), Agreement::Shared);
        for ahead in [3_600_000_000, -9_000_000_i64] {
            let mut delays = Delays::with_clock(clock);
            let captured = |micros: i64| MediaTime::from_micros((micros + ahead) as u64);
            delays.learn(captured(9_990_000), now);
            assert_eq!(delays.learn(captured(9_970_000), now), ms(20), "{ahead}");
            assert_eq!(delays.agreement(), Agreement::Relative);
        }
    }
}

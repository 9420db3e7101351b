//! How long ago a frame was captured, by the sender's clock as far as it is known.

use std::time::{Duration, Instant};

use proto::{Clock, ClockReading, MediaTime};
use serde::Serialize;

/// What delays are counted from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Agreement {
    /// From the capture: the sender's clock is known by exchanges with it.
    Shared,
    /// From the shortest delay seen: the sender's clock is not known, and no wall clock is trusted.
    #[default]
    Relative,
}

/// Tells delays between the sender's clock and ours.
#[derive(Clone, Copy, Debug, Default)]
pub struct Delays {
    reading: Option<ClockReading>,
    /// Of the sender's clock, by the latest frame that was learned from.
    clock_error: Option<Duration>,
    /// Of the capture times, as the sender says.
    capture_error: Option<Duration>,
    relative: Option<Relative>,
}

/// Delays beside that of the first frame, in microseconds.
#[derive(Clone, Copy, Debug)]
struct Relative {
    first: Clock,
    /// When the window began whose shortest delay is being sought.
    since: Instant,
    shortest: i64,
    /// The shortest one of the window before it.
    before: i64,
}

impl Delays {
    /// Knows nothing of the sender's clock yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets what was learned of the sender's clock: another one sends.
    pub fn reset(&mut self) {
        *self = Self::new();
    }

    /// Takes over what exchanges say of the sender's clock now. Where that changes the [`agreement`](Self::agreement),
    /// delays from before are not to be counted together with those to come.
    pub fn set(&mut self, reading: Option<ClockReading>) {
        self.reading = reading;
        if reading.is_none() {
            self.clock_error = None;
        }
    }

    /// Takes over by how much capture times are wrong at most, as the sender says.
    pub fn set_capture_error(&mut self, error: Option<Duration>) {
        self.capture_error = error.filter(|error| *error <= BELIEVED);
    }

    /// Learns from a frame that arrived at `at`; returns its delay since its capture.
    pub fn learn(&mut self, captured: MediaTime, at: Instant) -> Duration {
        self.clock_error = self.reading.map(|reading| reading.error_at(at));
        match &mut self.relative {
            Some(relative) => relative.learn(captured, at),
            None => {
                let first = Clock::new(at, captured);
                self.relative = Some(Relative { first, since: at, shortest: 0, before: i64::MAX });
            }
        }
        self.since(captured, at)
    }

    /// The time from `captured` to `at`, or what of it exceeds the shortest one learned. Never negative.
    pub fn since(&self, captured: MediaTime, at: Instant) -> Duration {
        let micros = match (&self.reading, &self.relative) {
            (Some(reading), _) => reading.at(at).micros_since(captured),
            (None, Some(relative)) => relative.since(captured, at),
            (None, None) => 0,
        };
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }

    /// What delays are counted from.
    pub fn agreement(&self) -> Agreement {
        if self.reading.is_some() { Agreement::Shared } else { Agreement::Relative }
    }

    /// By how much the delay of the latest frame is wrong at most: by what is not known of the sender's clock, and by what
    /// the sender does not know of the capture. `None` if delays are relative.
    pub fn error(&self) -> Option<Duration> {
        self.clock_error.map(|error| error + self.capture_error.unwrap_or_default())
    }

    /// The clock's share of it.
    pub fn clock_error(&self) -> Option<Duration> {
        self.clock_error
    }

    /// The capture's share, which is known without the clock too; `None` if the sender does not say.
    pub fn capture_error(&self) -> Option<Duration> {
        self.capture_error
    }
}

impl Relative {
    fn learn(&mut self, captured: MediaTime, at: Instant) {
        let micros = self.first.at(at).micros_since(captured);
        if at.saturating_duration_since(self.since) < WINDOW {
            self.shortest = self.shortest.min(micros);
        } else {
            (self.since, self.before, self.shortest) = (at, self.shortest, micros);
        }
    }

    fn since(&self, captured: MediaTime, at: Instant) -> i64 {
        self.first.at(at).micros_since(captured).saturating_sub(self.shortest.min(self.before))
    }
}

/// Two clocks drift apart, by up to 12 ms a minute: the shortest delay is one of the last minute or two.
const WINDOW: Duration = Duration::from_secs(60);
/// What a sender may say of its capture times.
const BELIEVED: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use proto::{ClockFilter, Exchange};

    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn media(micros: u64) -> MediaTime {
        MediaTime::from_micros(micros)
    }

    /// Of a clock that shows `micros` at `now`, known to within 0.2 ms.
    fn reading(micros: u64, now: Instant) -> Option<ClockReading> {
        let mut filter = ClockFilter::new();
        let (heard, answered) = (media(micros - 200), media(micros - 200));
        let exchange = Exchange { sent: now - ms(1) * 2 / 5, heard, answered, received: now };
        assert!(filter.add(exchange));
        filter.reading(now)
    }

    #[test]
    fn delays_are_absolute_within_the_bar_where_the_clock_is_known() {
        let now = Instant::now();
        for micros in [20_000_000, 1_700_000_000_000_000] {
            let mut delays = Delays::new();
            delays.set(reading(micros, now));
            assert_eq!(delays.agreement(), Agreement::Shared);
            assert_eq!((delays.agreement(), delays.error()), (Agreement::Shared, None));
            let off = delays.learn(media(micros - 10_000), now).abs_diff(ms(10));
            let error = delays.error().unwrap();
            assert!(off <= error && error < ms(1) / 4, "{off:?} {error:?}");
            assert_eq!(delays.since(media(micros + 5_000_000), now), Duration::ZERO);
        }
    }

    #[test]
    fn delays_are_relative_to_the_shortest_where_the_clock_is_unknown() {
        let now = Instant::now();
        for micros in [20_000_000, 1_700_000_000_000_000, u64::MAX - 9_000_000] {
            let mut delays = Delays::new();
            assert_eq!(delays.learn(media(micros - 30_000), now), Duration::ZERO);
            assert_eq!(delays.learn(media(micros - 10_000), now), Duration::ZERO);
            assert_eq!(delays.learn(media(micros), now + ms(30)), ms(20));
            assert_eq!(delays.since(media(micros), now + ms(35)), ms(25));
            assert_eq!((delays.agreement(), delays.error()), (Agreement::Relative, None));
        }
    }

    #[test]
    fn relative_delays_do_not_grow_with_the_drift_between_the_clocks() {
        let (now, mut delays) = (Instant::now(), Delays::new());
        for second in 0..36_000 {
            let slow = media(1_000_000 + second * 999_800);
            let delay = delays.learn(slow, now + Duration::from_secs(second));
            assert!(delay <= ms(24), "{delay:?} after {second} s");
        }
    }

    #[test]
    fn delays_say_of_which_kind_they_are() {
        let (now, mut delays) = (Instant::now(), Delays::new());
        delays.learn(media(1), now);
        assert_eq!((delays.agreement(), delays.error()), (Agreement::Relative, None));
        delays.set(reading(1_000_000, now));
        delays.learn(media(999_000), now);
        assert_eq!(delays.agreement(), Agreement::Shared);
        assert!(delays.error().is_some());
        delays.set(None);
        assert_eq!((delays.agreement(), delays.error()), (Agreement::Relative, None));
        delays.set(reading(1_000_000, now));
        delays.reset();
        assert_eq!(delays.agreement(), Agreement::Relative);
    }

    #[test]
    fn what_the_sender_does_not_know_of_the_capture_is_in_the_bar() {
        let (now, mut delays) = (Instant::now(), Delays::new());
        delays.set_capture_error(Some(ms(20)));
        delays.learn(media(999_000), now);
        assert_eq!((delays.error(), delays.capture_error()), (None, Some(ms(20))));
        delays.set(reading(1_000_000, now));
        delays.learn(media(999_000), now);
        let clock_error = delays.clock_error().unwrap();
        assert_eq!(delays.error(), Some(clock_error + ms(20)));
        delays.set_capture_error(Some(Duration::from_secs(61)));
        assert_eq!(
            (delays.error(), delays.capture_error()),
            (Some(clock_error), None),
            "nobody believes that"
        );
        delays.set_capture_error(Some(ms(20)));
        delays.reset();
        assert_eq!(delays.capture_error(), None, "another sender");
    }

    #[test]
    fn absurd_capture_times_do_not_panic() {
        let (now, mut delays) = (Instant::now(), Delays::new());
        for captured in [0, u64::MAX, 1 << 63, (1 << 63) - 1, 1, u64::MAX / 3].map(media) {
            delays.learn(captured, now);
            delays.since(media(u64::MAX), now + ms(1));
        }
    }
}

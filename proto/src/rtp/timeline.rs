//! RTP timestamps, converted to instants.

use std::time::{Duration, Instant};

use crate::frame::{Clock, MediaTime};

/// Ticks per second of RTP timestamps (RFC 2435 section 3).
pub const CLOCK_RATE: u32 = 90_000;

/// Tells when frames were captured: as far apart as their timestamps say, and from when on by their arrival.
///
/// Timestamps begin anywhere, so that by themselves they say how far frames are apart and no more. What runs away from
/// the arrivals by more than [`MOST_APART`] (a clock that drifts for hours, a sender that goes on with others) is set
/// anew.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    /// A timestamp, and the moment that it stands for.
    anchor: Option<(u32, MediaTime)>,
}

impl Timeline {
    /// The moment that `timestamp` stands for, of a frame that `arrived` by this `clock`.
    pub(super) fn at(&mut self, timestamp: u32, arrived: Instant, clock: &Clock) -> MediaTime {
        let arrived = clock.at(arrived);
        let by_timestamp = self.anchor.map(|(anchor, moment)| {
            let ticks = i64::from(timestamp.wrapping_sub(anchor) as i32);
            let micros = ticks * 1_000_000 / i64::from(CLOCK_RATE);
            MediaTime::from_micros(moment.as_micros().saturating_add_signed(micros))
        });
        let moment = by_timestamp
            .filter(|moment| moment.micros_since(arrived).unsigned_abs() <= MOST_APART.as_micros() as u64)
            .unwrap_or(arrived);
        // Carried along, so that the distance never comes near half of the range, 6.6 hours.
        if self.anchor.is_none_or(|(anchor, _)| by_timestamp != Some(moment) || is_far(timestamp, anchor)) {
            self.anchor = Some((timestamp, moment));
        }
        moment
    }
}

/// The timestamp of `moment` in a stream whose timestamps begin at `offset`.
pub(super) fn timestamp(moment: MediaTime, offset: u32) -> u32 {
    let ticks = u128::from(moment.as_micros()) * u128::from(CLOCK_RATE) / 1_000_000;
    (ticks as u32).wrapping_add(offset)
}

fn is_far(timestamp: u32, anchor: u32) -> bool {
    timestamp.wrapping_sub(anchor) > 600 * CLOCK_RATE
}

/// More than any delay in a picture that is worth looking at.
const MOST_APART: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::t0;

    #[test]
    fn frames_are_as_far_apart_as_their_timestamps_however_late_they_come() {
        let (t0, mut timeline) = (t0(), Timeline::default());
        let clock = Clock::new(t0, MediaTime::from_micros(5_000_000));
        let ms = Duration::from_millis;
        let begin = u32::MAX - 3000;
        assert_eq!(timeline.at(begin, t0, &clock).as_micros(), 5_000_000);
        assert_eq!(timeline.at(begin.wrapping_add(3000), t0 + ms(70), &clock).as_micros(), 5_033_333);
        assert_eq!(timeline.at(begin.wrapping_add(6000), t0 + ms(71), &clock).as_micros(), 5_066_666);
    }

    #[test]
    fn a_stream_of_days_stays_on_its_line() {
        let (t0, mut timeline) = (t0(), Timeline::default());
        let clock = Clock::new(t0, MediaTime::default());
        for minute in 0..4000_u32 {
            let at = Duration::from_secs(60) * minute;
            let timestamp = (60 * CLOCK_RATE).wrapping_mul(minute);
            assert_eq!(timeline.at(timestamp, t0 + at, &clock).as_micros(), at.as_micros() as u64);
        }
    }

    #[test]
    fn timestamps_that_leap_are_taken_for_a_new_beginning() {
        let (t0, mut timeline) = (t0(), Timeline::default());
        let clock = Clock::new(t0, MediaTime::default());
        timeline.at(7, t0, &clock);
        let leapt = timeline.at(1 << 30, t0 + Duration::from_millis(40), &clock);
        assert_eq!(leapt.as_micros(), 40_000);
        let next = timeline.at((1 << 30) + 90, t0 + Duration::from_millis(90), &clock);
        assert_eq!(next.as_micros(), 41_000);
    }

    #[test]
    fn a_moment_and_its_timestamp_agree() {
        assert_eq!(timestamp(MediaTime::from_micros(1_000_000), 5), 90_005);
        let (now, later) = (1_764_086_400_000_000, 1_764_086_400_100_000);
        let [now, later] = [now, later].map(|micros| timestamp(MediaTime::from_micros(micros), 77));
        assert_eq!(later.wrapping_sub(now), 9000);
    }
}

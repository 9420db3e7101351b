//! The interval between a sender's captures.

use std::time::Duration;

use proto::{FrameId, MediaTime};

use crate::frame::Interval;

/// Learns it from the frames that come: the median of the last few, so that one pause or one burst is no new rate. What
/// the sender says counts before there are as many.
#[derive(Clone, Debug, Default)]
pub(super) struct FrameInterval {
    told: Option<Duration>,
    last: Option<(FrameId, MediaTime)>,
    apart: [u64; FRAMES],
    known: usize,
}

impl FrameInterval {
    /// Takes note of what the sender says.
    pub(super) fn tell(&mut self, told: Option<Duration>) {
        self.told = told.filter(|told| BELIEVED.contains(told));
    }

    /// Learns from a frame.
    pub(super) fn learn(&mut self, id: FrameId, captured: MediaTime) {
        if let Some((last, before)) = self.last.replace((id, captured)) {
            let frames = id.ahead_of(last);
            let micros = captured.micros_since(before);
            if frames > 0 && micros > 0 {
                self.apart[self.known % FRAMES] = micros.unsigned_abs() / u64::from(frames.unsigned_abs());
                // Kept below twice the window, so that it says both where to write and how much is there.
                self.known = if self.known + 1 == 2 * FRAMES { FRAMES } else { self.known + 1 };
            }
        }
    }

    /// What is known.
    pub(super) fn get(&self) -> Option<Interval> {
        let known = self.known.min(FRAMES);
        if let Some(told) = self.told.filter(|_| known < FRAMES) {
            return Some(Interval { apart: told, is_sure: true });
        }
        let mut sorted = self.apart;
        sorted[..known].sort_unstable();
        let apart = Duration::from_micros(sorted[known / 2].max(1));
        (known > 0).then_some(Interval { apart, is_sure: known == FRAMES })
    }
}

/// A third of a second at 30 frames a second: soon known, and not moved by a stray frame.
const FRAMES: usize = 9;
/// What a sender may say: a thousand a second to one a minute.
const BELIEVED: std::ops::RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_usual_distance_whatever_was_lost_and_after_a_pause() {
        let mut interval = FrameInterval::default();
        let at = |ms: u64| MediaTime::from_micros(1000 * ms);
        let mut learn = |number: u32, at: MediaTime| {
            interval.learn(FrameId::new(number), at);
            interval.get()
        };
        let apart = |ms: u64, is_sure: bool| Some(Interval { apart: Duration::from_millis(ms), is_sure });
        assert_eq!(learn(0, at(0)), None);
        for number in [1, 2, 3, 6, 7, 8, 12, 13] {
            assert_eq!(learn(number, at(40 * u64::from(number))), apart(40, false), "frame {number}");
        }
        // A pipe that paused for a minute goes on as before; one that has changed its rate is known by it soon.
        assert_eq!(learn(14, at(60_000)), apart(40, true));
        let slower = (1..=9).map(|n| learn(14 + n, at(60_000 + 100 * u64::from(n))));
        assert_eq!(slower.last().flatten(), apart(100, true));
    }

    #[test]
    fn what_the_sender_says_counts_until_enough_frames_say_otherwise() {
        let mut interval = FrameInterval::default();
        for told in [Duration::ZERO, Duration::from_secs(3600)] {
            interval.tell(Some(told));
            assert_eq!(interval.get(), None, "{told:?} is not believed");
        }
        interval.tell(Some(Duration::from_millis(33)));
        for number in 0..=9 {
            let apart = Duration::from_millis(if number > 8 { 66 } else { 33 });
            interval.learn(FrameId::new(number), MediaTime::from_micros(66_000 * u64::from(number)));
            assert_eq!(interval.get(), Some(Interval { apart, is_sure: true }), "frame {number}");
        }
    }
}

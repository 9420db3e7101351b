//! The interval between a sender's captures.

use std::time::Duration;

use proto::{FrameId, MediaTime};

/// Learns it from the frames that come: the median of the last few, so that one pause or one burst is no new rate.
#[derive(Clone, Debug, Default)]
pub(super) struct FrameInterval {
    last: Option<(FrameId, MediaTime)>,
    apart: [u64; FRAMES],
    known: usize,
}

impl FrameInterval {
    /// Learns from a frame; returns what is known.
    pub(super) fn learn(&mut self, id: FrameId, captured: MediaTime) -> Option<Duration> {
        if let Some((last, before)) = self.last.replace((id, captured)) {
            let frames = id.ahead_of(last);
            let micros = captured.micros_since(before);
            if frames > 0 && micros > 0 {
                self.apart[self.known % FRAMES] = micros.unsigned_abs() / u64::from(frames.unsigned_abs());
                // Kept below twice the window, so that it says both where to write and how much is there.
                self.known = if self.known + 1 == 2 * FRAMES { FRAMES } else { self.known + 1 };
            }
        }
        let known = self.known.min(FRAMES);
        let mut sorted = self.apart;
        sorted[..known].sort_unstable();
        (known > 0).then(|| Duration::from_micros(sorted[known / 2].max(1)))
    }
}

/// A third of a second at 30 frames a second: soon known, and not moved by a stray frame.
const FRAMES: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_usual_distance_whatever_was_lost_and_after_a_pause() {
        let mut interval = FrameInterval::default();
        let at = |ms: u64| MediaTime::from_micros(1000 * ms);
        assert_eq!(interval.learn(FrameId::new(0), at(0)), None);
        for number in [1, 2, 3, 6, 7, 8, 12, 13] {
            let learnt = interval.learn(FrameId::new(number), at(40 * u64::from(number)));
            assert_eq!(learnt, Some(Duration::from_millis(40)), "frame {number}");
        }
        // A pipe that paused for a minute goes on as before; one that has changed its rate is known by it soon.
        assert_eq!(interval.learn(FrameId::new(14), at(60_000)), Some(Duration::from_millis(40)));
        let slower = (1..=9).map(|n| interval.learn(FrameId::new(14 + n), at(60_000 + 100 * u64::from(n))));
        assert_eq!(slower.last().flatten(), Some(Duration::from_millis(100)));
    }
}

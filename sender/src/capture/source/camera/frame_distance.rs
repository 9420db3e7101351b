//! How far a camera's frames are apart, and so how long each is exposed and read out at most.

use std::time::{Duration, Instant};

/// How far a camera's frames are apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameDistance {
    /// By the mode.
    told: Option<Duration>,
    newest: Option<(u32, Instant)>,
    /// Between the latest frames, and how many of these there were.
    learned: [Duration; FRAMES],
    count: usize,
}

impl FrameDistance {
    /// Of a camera whose mode has this rate.
    pub(super) fn new(fps: Option<f64>) -> Self {
        let told = fps.and_then(|fps| Duration::try_from_secs_f64(1.0 / fps).ok());
        let told = told.map(|told| told.min(LONGEST));
        Self { told, newest: None, learned: [Duration::ZERO; FRAMES], count: 0 }
    }

    /// Learns from a frame of this number and time.
    pub(super) fn learn(&mut self, sequence: u32, at: Instant) {
        let Some((number, before)) = self.newest.replace((sequence, at)) else { return };
        // A driver that does not count says 0 of each.
        let steps = sequence.wrapping_sub(number).clamp(1, MOST_STEPS);
        self.learned[self.count % FRAMES] = (at.saturating_duration_since(before) / steps).min(LONGEST);
        self.count = if self.count + 1 == 2 * FRAMES { FRAMES } else { self.count + 1 };
    }

    /// The longer of what is told and what is usual: a frame is exposed and read out for no longer.
    pub(super) fn longest(&self) -> Duration {
        let mut sorted = self.learned;
        let known = &mut sorted[..self.count.min(FRAMES)];
        known.sort_unstable();
        // At its start a camera pauses as it likes.
        let usual = known.get(known.len() / 2).filter(|_| known.len() == FRAMES || self.told.is_none());
        self.told.max(usual.copied()).unwrap_or(UNKNOWN)
    }
}

/// Of a camera that does not say how far its frames are apart, before its second.
const UNKNOWN: Duration = Duration::from_millis(100);
/// For a driver that claims one frame in an hour.
const LONGEST: Duration = Duration::from_secs(10);
/// Frames between two buffers; beyond, the driver counts otherwise.
const MOST_STEPS: u32 = 1000;
/// Soon known, and not moved by a pause of the camera's.
const FRAMES: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// What is known after frames that came so many milliseconds after one another.
    fn longest(fps: Option<f64>, apart: &[u64], step: u32) -> Duration {
        let (mut distance, mut at) = (FrameDistance::new(fps), Instant::now());
        for (number, &apart) in (0..).zip(apart) {
            at += ms(apart);
            distance.learn(step.wrapping_mul(number), at);
        }
        distance.longest()
    }

    #[test]
    fn it_is_what_the_mode_says_or_longer() {
        assert_eq!(longest(Some(25.0), &[0, 20, 20, 20, 20, 20, 20], 1), ms(40));
        assert_eq!(longest(Some(25.0), &[0, 80, 80, 80, 80, 80, 80], 1), ms(80));
        assert_eq!(longest(Some(25.0), &[0, 80, 80, 80, 80, 80, 80], 2), ms(40), "each second one is lost");
        assert_eq!(longest(None, &[0], 1), UNKNOWN);
        assert_eq!(longest(None, &[0, 20], 1), ms(20));
    }

    #[test]
    fn a_pause_is_no_frame() {
        assert_eq!(longest(Some(25.0), &[0, 700, 40, 40, 40, 40], 1), ms(40));
        assert_eq!(longest(Some(25.0), &[0, 900], 1), ms(40), "too few to tell");
    }

    #[test]
    fn absurd_rates_and_numbers_are_bounded() {
        for fps in [0.0, -1.0, 1e-9, f64::INFINITY, f64::NAN] {
            assert!(longest(Some(fps), &[0, 40], 1) <= LONGEST, "{fps}");
        }
        for step in [0, u32::MAX, 1 << 31] {
            assert_eq!(longest(Some(25.0), &[0, 40, 40, 40, 40, 40, 40], step), ms(40), "{step}");
        }
    }
}

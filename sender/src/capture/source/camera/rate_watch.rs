//! How many frames a camera gives, beside what its mode says.

use std::time::{Duration, Instant};

/// Counts a camera's frames, in windows.
#[derive(Debug)]
pub(super) struct RateWatch {
    /// Frames per second by the mode.
    mode: f64,
    /// When the first buffer came, and the number of the newest.
    seen: Option<(Instant, u32)>,
    window: Option<RateWindow>,
}

/// What was counted since a buffer that is not counted itself.
#[derive(Clone, Copy, Debug)]
struct RateWindow {
    began: Instant,
    exposed: u64,
    given: u64,
    damaged: u64,
}

/// What a camera gave in a window, in frames per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct FrameRates {
    /// By the mode.
    pub(super) mode: f64,
    /// That the camera made, by the driver's numbers.
    pub(super) exposed: f64,
    /// That the driver gave.
    pub(super) given: f64,
    /// Of these, the whole ones.
    pub(super) whole: f64,
}

impl RateWatch {
    /// Of a camera whose mode has this rate; with none, nothing can be told.
    pub(super) fn new(mode: Option<f64>) -> Self {
        Self { mode: mode.unwrap_or(0.0), seen: None, window: None }
    }

    /// Counts a buffer that came with this number; what came of a window, if this is its end.
    pub(super) fn add(&mut self, sequence: u32, now: Instant) -> Option<FrameRates> {
        let (first, before) = self.seen.map_or((now, None), |(first, before)| (first, Some(before)));
        self.seen = Some((first, sequence));
        if self.mode <= 0.0 || now.saturating_duration_since(first) < SETTLING {
            return None;
        }
        let fresh = RateWindow { began: now, exposed: 0, given: 0, damaged: 0 };
        let Some(window) = &mut self.window else {
            self.window = Some(fresh);
            return None;
        };
        // A driver that does not count says 0 of each, and one that counts otherwise anything.
        let steps = before.map_or(1, |before| sequence.wrapping_sub(before));
        window.exposed += u64::from(if (1..=MOST_STEPS).contains(&steps) { steps } else { 1 });
        window.given += 1;
        let passed = now.saturating_duration_since(window.began);
        if passed < SHORTEST.max(Duration::from_secs_f64((FRAMES / self.mode).min(LONGEST_SECONDS))) {
            return None;
        }
        let window = self.window.replace(fresh)?;
        let per_second = |count: u64| count as f64 / passed.as_secs_f64();
        Some(FrameRates {
            mode: self.mode,
            exposed: per_second(window.exposed),
            given: per_second(window.given),
            whole: per_second(window.given.saturating_sub(window.damaged)),
        })
    }

    /// Counts the newest buffer as damaged.
    pub(super) fn damaged(&mut self) {
        if let Some(window) = &mut self.window {
            window.damaged += 1;
        }
    }
}

/// Cameras begin with dark pictures or none, until they have found their exposure.
const SETTLING: Duration = Duration::from_secs(1);
/// Long enough for a few late frames not to matter.
const SHORTEST: Duration = Duration::from_millis(2500);
/// The same for slow cameras.
const FRAMES: f64 = 10.0;
/// For a driver that claims one frame in an hour.
const LONGEST_SECONDS: f64 = 60.0;
/// More frames than this are not lost between two buffers: the driver counts otherwise.
const MOST_STEPS: u32 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    /// The windows of a camera that gives `fps` for ten seconds, each buffer's number `step` after that before.
    fn windows(mode: Option<f64>, fps: f64, step: u32, cut: Option<u32>) -> Vec<FrameRates> {
        let (t0, mut watch) = (Instant::now(), RateWatch::new(mode));
        let mut windows = Vec::new();
        for count in 0..(10.0 * fps) as u32 {
            let now = t0 + Duration::from_secs_f64(f64::from(count) / fps);
            windows.extend(watch.add(u32::MAX.wrapping_add(count.wrapping_mul(step)), now));
            if cut.is_some_and(|cut| count % cut == 0) {
                watch.damaged();
            }
        }
        windows
    }

    fn about(rate: f64, expected: f64) -> bool {
        (rate - expected).abs() < 0.05 * expected
    }

    #[test]
    fn what_is_made_given_and_whole_is_told_apart() {
        let all = windows(Some(30.0), 30.0, 1, None);
        assert_eq!(all.len(), 3, "{all:?}");
        for FrameRates { mode, exposed, given, whole } in all {
            assert_eq!(mode, 30.0);
            assert!(about(exposed, 30.0) && about(given, 30.0) && about(whole, 30.0));
        }
        let lost = windows(Some(30.0), 15.0, 2, None);
        assert!(lost.iter().all(|rates| about(rates.exposed, 30.0) && about(rates.given, 15.0)), "{lost:?}");
        let cut = windows(Some(30.0), 30.0, 1, Some(2));
        assert!(cut.iter().all(|rates| about(rates.given, 30.0) && about(rates.whole, 15.0)), "{cut:?}");
    }

    #[test]
    fn slow_cameras_have_longer_windows_and_those_without_a_rate_none() {
        assert_eq!(windows(Some(2.0), 2.0, 1, None).len(), 1);
        assert_eq!(windows(Some(1e-9), 2.0, 1, None), []);
        assert_eq!(windows(None, 30.0, 1, None), []);
    }

    #[test]
    fn numbers_that_count_nothing_are_not_believed() {
        for step in [0, 1_000_000, u32::MAX] {
            let all = windows(Some(30.0), 30.0, step, None);
            assert!(all.iter().all(|rates| about(rates.exposed, 30.0)), "{step}: {all:?}");
        }
    }
}

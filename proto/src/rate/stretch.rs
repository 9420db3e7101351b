//! Tells trains that a bottleneck stretched from trains that were merely late.

use super::dispersion::{Dispersion, Recent};

/// Knows how much longer than they were sent trains arrive on this path anyway, and hears when several in a row arrive
/// longer than that.
#[derive(Clone, Debug, Default)]
pub(super) struct StretchDetector {
    /// By how many seconds trains at paces that the path carries arrived longer than they were sent.
    noise: Recent<f64, 16>,
    /// The last trains in a row that arrived stretched.
    run: Recent<Stretched, AGREEING>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Stretched {
    /// Bits per second that it came through at.
    through: f64,
    /// Seconds that it arrived longer than it was sent.
    excess: f64,
    /// Whether no noise explains it.
    clear: bool,
}

impl StretchDetector {
    /// Takes a train and says whether it is stretched. Of one at a pace that `is_carried` for certain noise is learned;
    /// at another what seems to be noise may be the bottleneck.
    pub(super) fn heard(&mut self, train: &Dispersion, is_carried: bool) -> bool {
        let (excess, tolerance) = (train.excess(), self.noise() + tolerance(train));
        if excess > tolerance {
            let clear = excess > 2.0 * tolerance + CLEARLY;
            self.run.push(Stretched { through: train.through, excess, clear });
            return true;
        }
        if is_carried {
            // Whatever stretched the ones before was no bottleneck.
            self.run.iter().for_each(|stretched| self.noise.push(stretched.excess.min(MOST_NOISE)));
            self.noise.push(excess);
        }
        self.run.clear();
        false
    }

    /// The bits per second that the last trains came through at, if they agree that they met a bottleneck.
    pub(super) fn agreed(&self) -> Option<f64> {
        let clear = self.run.iter().filter(|stretched| stretched.clear).map(|stretched| stretched.through);
        let slowest = clear.clone().fold(f64::INFINITY, f64::min);
        let fastest = clear.clone().fold(0.0, f64::max);
        let alike = clear.count() >= AGREEING_CLEARLY && slowest >= fastest * ALIKE;
        if !alike && self.run.len() < AGREEING {
            return None;
        }
        let mut through = Recent::<f64, AGREEING>::default();
        self.run.iter().for_each(|stretched| through.push(stretched.through));
        // A late sender makes trains come through slower than the bottleneck is, so that the fast ones count; but the
        // fastest may have begun before the path became narrow.
        through.largest(1)
    }

    /// Begins a new run.
    pub(super) fn forget_run(&mut self) {
        self.run.clear();
    }

    /// Learns that a train on a path that carries it arrived so many seconds longer than it was sent.
    pub(super) fn noise_was(&mut self, excess: f64) {
        self.noise.push(excess.min(MOST_NOISE));
    }

    fn noise(&self) -> f64 {
        // The second longest: one train alone may have met anything.
        let noise = if self.noise.len() < 3 { None } else { self.noise.largest(1) };
        noise.unwrap_or(0.0).clamp(0.0, MOST_NOISE)
    }
}

/// How many seconds longer than it was sent a train may arrive on a path without noise of its own.
pub(super) fn tolerance(train: &Dispersion) -> f64 {
    NOISE + train.as_sent * TOLERANCE
}

/// Whether a train was later than a path without noise has it.
pub(super) fn is_late(train: &Dispersion) -> bool {
    train.excess() > tolerance(train)
}

/// Seconds that kernel stamps, timers and interrupt moderation take, without a network.
const NOISE: f64 = 250e-6;
/// As much of a train may be a timer's doing.
const TOLERANCE: f64 = 0.05;
/// More seconds than this are a bottleneck's, though it be a wireless network that waits for its turn.
const MOST_NOISE: f64 = 2500e-6;
/// Longer than twice what is tolerated and so many seconds: no noise that was met before.
const CLEARLY: f64 = 1e-3;
/// So many trains in a row agree that the path is narrower,
pub(super) const AGREEING: usize = 6;
/// and so many if they are clear about it,
const AGREEING_CLEARLY: usize = 3;
/// the slowest of them coming through at this share of the fastest.
const ALIKE: f64 = 0.75;

#[cfg(test)]
mod tests {
    use super::*;

    fn train(as_sent_ms: f64, arrived_ms: f64) -> Dispersion {
        let (as_sent, arrived) = (as_sent_ms / 1e3, arrived_ms / 1e3);
        Dispersion { pace: 1e6 / as_sent, bits: 1e6, sprinted: 0.0, as_sent, arrived, through: 1e6 / arrived }
    }

    #[test]
    fn three_trains_that_are_clear_and_alike_agree() {
        let mut stretch = StretchDetector::default();
        for _ in 0..2 {
            assert!(stretch.heard(&train(2.0, 10.0), false));
            assert_eq!(stretch.agreed(), None);
        }
        stretch.heard(&train(2.0, 10.5), false);
        assert!((stretch.agreed().unwrap() - 100e6).abs() < 1.0);

        let mut held_up = StretchDetector::default();
        [4.7, 9.0, 6.5].into_iter().for_each(|arrived| _ = held_up.heard(&train(2.0, arrived), true));
        assert_eq!(held_up.agreed(), None, "no bottleneck is of three rates");
    }

    #[test]
    fn noise_that_was_met_before_is_no_bottleneck() {
        let mut stretch = StretchDetector::default();
        let stretched = |stretch: &mut StretchDetector| {
            (0..60).filter(|n| stretch.heard(&train(5.0, 5.2 + f64::from(n % 5) * 0.4), true)).count()
        };
        assert!(stretched(&mut stretch) > 0);
        assert_eq!((stretched(&mut stretch), stretch.agreed()), (0, None));
        assert!(stretch.heard(&train(5.0, 8.5), true), "it is bounded");
    }
}

//! Whether a path carries a rate that it was not sent at before.

use super::dispersion::{Dispersion, Recent};
use super::stretch::{AGREEING, tolerance};

/// How trains came at a rate that is not known to be carried.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RateTrial {
    /// As they were sent, but for noise that is known.
    as_sent: u32,
    /// As they were sent, without that excuse.
    plainly: u32,
    stretched: u32,
    /// Whether one came plainly as it was sent that would have been clearly longer behind a bottleneck of what is known
    /// to be carried.
    is_shown: bool,
    /// By how many seconds the last of them were longer: noise, if the rate proves to be carried.
    excess: Recent<f64, 8>,
}

impl RateTrial {
    /// Takes a train at the rate; `good` bits per second are known to be carried.
    pub(super) fn heard(&mut self, train: &Dispersion, good: f64, is_stretched: bool) {
        let count = if is_stretched { &mut self.stretched } else { &mut self.as_sent };
        *count = count.saturating_add(1);
        let is_plain = train.excess() <= tolerance(train);
        self.plainly = self.plainly.saturating_add(u32::from(is_plain));
        self.is_shown |= is_plain && train.bits / good - train.as_sent > TELLING * tolerance(train);
        self.excess.push(train.excess());
    }

    /// Whether it has taken so long that more trains will hardly end it soon.
    pub(super) fn is_tedious(&self) -> bool {
        self.as_sent.saturating_add(self.stretched) >= TEDIOUS
    }

    /// Whether the path carries the rate. Where delays vary, few trains come as they were sent; but behind a bottleneck
    /// none does.
    pub(super) fn is_passed(&self) -> bool {
        // A link delivers no train faster than it is.
        if self.is_shown && self.stretched == 0 {
            return true;
        }
        let all = self.as_sent.saturating_add(self.stretched);
        let no_longer_in_doubt = all >= AGREEING as u32 && self.plainly >= ENOUGH;
        self.as_sent >= ENOUGH && (self.as_sent > self.stretched || no_longer_in_doubt)
    }

    /// Seconds by which trains were longer than sent.
    pub(super) fn excesses(&self) -> impl Iterator<Item = f64> + '_ {
        self.excess.iter()
    }
}

/// So many must arrive as they were sent, where one does not tell enough.
const ENOUGH: u32 = 2;
/// What a bottleneck adds tells enough where it is so many times what is tolerated.
const TELLING: f64 = 1.5;
/// In so many trains most paths have been found to carry a rate, or not.
const TEDIOUS: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    /// One of so many bits that came as it was sent, at 110 Mbit/s.
    fn train(bits: f64) -> Dispersion {
        let as_sent = bits / 110e6;
        Dispersion { pace: 110e6, bits, sprinted: 0.0, as_sent, arrived: as_sent + 1e-4, through: 109e6 }
    }

    #[test]
    fn one_long_train_shows_what_only_two_short_ones_do() {
        for (bits, needed) in [(1.8e6, 1), (0.2e6, 2)] {
            let mut trial = RateTrial::default();
            let heard = (1..9).find(|_| {
                trial.heard(&train(bits), 90e6, false);
                trial.is_passed()
            });
            assert_eq!(heard, Some(needed), "{bits} bits");
        }
    }

    #[test]
    fn after_a_stretched_train_one_that_was_not_tells_too_little() {
        let mut trial = RateTrial::default();
        trial.heard(&Dispersion { arrived: 20e-3, ..train(1.8e6) }, 90e6, true);
        trial.heard(&train(1.8e6), 90e6, false);
        assert!(!trial.is_passed());
        assert!(!trial.is_tedious());
        (0..20).for_each(|_| trial.heard(&Dispersion { arrived: 20e-3, ..train(1.8e6) }, 90e6, true));
        assert!(trial.is_tedious());
    }
}

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
    /// By how many seconds the last of them were longer: noise, if the rate proves to be carried.
    excess: Recent<f64, 8>,
}

impl RateTrial {
    pub(super) fn heard(&mut self, train: &Dispersion, is_stretched: bool) {
        let count = if is_stretched { &mut self.stretched } else { &mut self.as_sent };
        *count = count.saturating_add(1);
        self.plainly = self.plainly.saturating_add(u32::from(train.excess() <= tolerance(train)));
        self.excess.push(train.excess());
    }

    /// Whether the path carries the rate. Where delays vary, few trains come as they were sent; but behind a bottleneck
    /// none does.
    pub(super) fn is_passed(&self) -> bool {
        let all = self.as_sent.saturating_add(self.stretched);
        let no_longer_in_doubt = all >= AGREEING as u32 && self.plainly >= ENOUGH;
        self.as_sent >= ENOUGH && (self.as_sent > self.stretched || no_longer_in_doubt)
    }

    /// Seconds by which trains were longer than sent.
    pub(super) fn excesses(&self) -> impl Iterator<Item = f64> + '_ {
        self.excess.iter()
    }
}

/// So many must arrive as they were sent.
const ENOUGH: u32 = 2;

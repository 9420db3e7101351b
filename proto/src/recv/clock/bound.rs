//! Exchanges, and the intervals that they give for the sender's clock and its drift.

use std::time::Instant;

use crate::frame::MediaTime;

/// A question about the time, and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// When the receiver sent its ping or report (`t1`).
    pub sent: Instant,
    /// When the sender heard it, on its own clock (`t2`).
    pub heard: MediaTime,
    /// When the sender answered, on its own clock (`t3`).
    pub answered: MediaTime,
    /// When the receiver had the answer (`t4`).
    pub received: Instant,
}

/// Between what the sender's clock is at one of our instants, in nanoseconds since the Unix epoch.
///
/// 128 bits hold every product below exactly, whatever a forged answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) at: Instant,
    least: i128,
    most: i128,
}

impl Bound {
    /// The bound by an exchange, at its end; `None` if it contradicts itself.
    ///
    /// At the end the clock is at least what it was when the answer left. At the beginning it was at most what it was
    /// when the question had come, and it has gained as much as a clock may since: together, no more than the round
    /// trip is left open, and next to nothing for the drift.
    pub(super) fn of(exchange: &Exchange) -> Option<Self> {
        let Exchange { sent, heard, answered, received } = *exchange;
        if received < sent || answered < heard {
            return None;
        }
        // A media time was rounded down to a microsecond.
        let nanos = |micros: u64| i128::from(micros) * 1000;
        let heard = nanos(heard.as_micros()) + 1000;
        let most = Self { at: sent, least: heard, most: heard }.carried(received, Drift::GREATEST).most;
        let bound = Self { at: received, least: nanos(answered.as_micros()), most };
        (bound.least <= bound.most).then_some(bound)
    }

    /// What it says of another instant, if the clock drifts no more than that.
    pub(super) fn carried(self, to: Instant, drift: Drift) -> Self {
        let nanos = nanos_between(self.at, to);
        let (slow, fast) = (nanos * i128::from(drift.least), nanos * i128::from(drift.most));
        Self {
            at: to,
            least: self.least + nanos + slow.min(fast).div_euclid(BILLION),
            most: self.most + nanos + div_ceil(slow.max(fast), BILLION),
        }
    }

    /// Where both hold; `None` if nowhere. Both must be of one instant.
    pub(super) fn intersection(self, other: Self) -> Option<Self> {
        let (least, most) = (self.least.max(other.least), self.most.min(other.most));
        (least <= most).then_some(Self { at: self.at, least, most })
    }

    /// How much it leaves open, in nanoseconds.
    pub(super) fn width(self) -> i128 {
        self.most - self.least
    }

    /// Nanoseconds since the Unix epoch.
    pub(super) fn middle(self) -> i128 {
        self.least + self.width() / 2
    }
}

/// Between which parts per billion the sender's clock is faster than ours (negative: slower).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Drift {
    least: i32,
    most: i32,
}

impl Drift {
    /// What two crystals may do.
    pub(super) const GREATEST: Self = Self { least: -MAX_DRIFT, most: MAX_DRIFT };

    /// What the drift must have been for the clock to come from one bound to the other, and what it may be now.
    /// `None` if `newer` is not newer.
    pub(super) fn between(older: Bound, newer: Bound) -> Option<Self> {
        let nanos = nanos_between(older.at, newer.at);
        if nanos <= 0 {
            return None;
        }
        let least = ((newer.least - older.most - nanos) * BILLION).div_euclid(nanos);
        let most = div_ceil((newer.most - older.least - nanos) * BILLION, nanos);
        let clamp = |ppb: i128| ppb.clamp(-2 * i128::from(MAX_DRIFT), 2 * i128::from(MAX_DRIFT)) as i32;
        Some(Self { least: clamp(least) - WANDER, most: clamp(most) + WANDER })
    }

    /// Where both hold; `None` if nowhere.
    pub(super) fn intersection(self, other: Self) -> Option<Self> {
        let (least, most) = (self.least.max(other.least), self.most.min(other.most));
        (least <= most).then_some(Self { least, most })
    }
}

fn nanos_between(from: Instant, to: Instant) -> i128 {
    let nanos =
        |later: Instant, earlier: Instant| later.saturating_duration_since(earlier).as_nanos() as i128;
    nanos(to, from) - nanos(from, to)
}

fn div_ceil(dividend: i128, divisor: i128) -> i128 {
    -(-dividend).div_euclid(divisor)
}

const BILLION: i128 = 1_000_000_000;
/// 200 ppm: crystals keep to 100 each, and (1 + 0.0001) / (1 - 0.0001) is a little more than 1 + 0.0002.
const MAX_DRIFT: i32 = 200_100;
/// 10 ppm, by which a crystal's drift may change within a minute, warming up or disciplined by NTP.
const WANDER: i32 = 10_000;

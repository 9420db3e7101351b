//! The delivery rate that one train shows, and the last few of such values.

use super::train::Train;

/// A train that is long enough, and sound enough, to be judged by its times.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dispersion {
    /// Bits per second that it was paced at.
    pub(super) pace: f64,
    /// Bits on the wire that arrived after its first datagram.
    pub(super) bits: f64,
    /// Seconds that it takes on a path that does not hold it up.
    pub(super) as_sent: f64,
    /// Seconds that it took.
    pub(super) arrived: f64,
    /// Bits per second that came through in that time.
    pub(super) through: f64,
}

impl Dispersion {
    /// The measure of a train; `None` if it is too short, went at once, or its values are absurd.
    pub(super) fn of(train: &Train) -> Option<Self> {
        let pace = train.pace.filter(|pace| PACES.contains(pace))?;
        let (bits, sent, arrived) = (train.bits, train.sent.as_secs_f64(), train.arrived.as_secs_f64());
        if train.datagrams < LEAST_DATAGRAMS || !BITS.contains(&bits) || sent.max(arrived) > LONGEST {
            return None;
        }
        // The last group goes at once, so that the times of sending alone are too short by its own; and a late sender
        // takes longer than its pace.
        let as_sent = sent.max(bits / pace);
        if arrived < as_sent * 0.5 - OVERTAKEN {
            return None;
        }
        let lost = f64::from(train.lost) / f64::from(train.datagrams);
        let bits = bits * (1.0 - lost.min(0.99));
        let through = (bits / arrived.max(1e-6)).min(CEILING);
        Some(Self { pace, bits, as_sent, arrived, through })
    }

    /// Seconds that it arrived longer than it was sent.
    pub(super) fn excess(&self) -> f64 {
        self.arrived - self.as_sent
    }
}

/// The last `N` values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recent<T, const N: usize> {
    values: [T; N],
    pushed: usize,
}

impl<T: Copy + Default, const N: usize> Default for Recent<T, N> {
    fn default() -> Self {
        Self { values: [T::default(); N], pushed: 0 }
    }
}

impl<T: Copy, const N: usize> Recent<T, N> {
    pub(super) fn push(&mut self, value: T) {
        self.values[self.pushed % N] = value;
        // Once full it stays full: the count only has to keep its place in the ring.
        self.pushed = if self.pushed + 1 == 2 * N { N } else { self.pushed + 1 };
    }

    pub(super) fn clear(&mut self) {
        self.pushed = 0;
    }

    pub(super) fn len(&self) -> usize {
        self.pushed.min(N)
    }

    /// The values in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = T> + Clone + '_ {
        self.values[..self.len()].iter().copied()
    }
}

impl<const N: usize> Recent<f64, N> {
    /// The value that `rank` others are not below; 0 for the largest.
    pub(super) fn largest(&self, rank: usize) -> Option<f64> {
        let mut sorted = self.values;
        let sorted = &mut sorted[..self.len()];
        sorted.sort_unstable_by(|a, b| b.total_cmp(a));
        sorted.get(rank).copied()
    }
}

/// A shorter train is over before a queue shows itself.
pub(super) const LEAST_DATAGRAMS: u32 = 16;
/// Paces that are believed, in bits per second.
const PACES: std::ops::RangeInclusive<f64> = 1e4..=1e12;
/// Bits of a train that are believed: from a few datagrams to the largest frame, with room.
const BITS: std::ops::RangeInclusive<f64> = 1e3..=1e10;
/// Seconds that no frame takes.
const LONGEST: f64 = 10.0;
/// Seconds that a train may seem shorter than half of what was sent before its first datagram counts as overtaken.
const OVERTAKEN: f64 = 500e-6;
/// What a 1000 Mbit/s port carries with room for others.
pub(super) const CEILING: f64 = 940e6;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_last_values_are_kept_and_ranked() {
        let mut recent = Recent::<f64, 3>::default();
        assert_eq!((recent.len(), recent.largest(0)), (0, None));
        (0..10).for_each(|n| recent.push(f64::from(n)));
        assert_eq!((recent.len(), recent.largest(0), recent.largest(2)), (3, Some(9.0), Some(7.0)));
        assert_eq!(recent.largest(3), None);
        recent.clear();
        assert_eq!(recent.iter().count(), 0);
    }

    #[test]
    fn what_was_lost_between_did_not_come_through() {
        let train = Train {
            bits: 1e6,
            sent: Duration::from_millis(2),
            arrived: Duration::from_millis(10),
            datagrams: 100,
            lost: 40,
            missing_head: 10,
            missing_tail: 39,
            total: 110,
            pace: Some(500e6),
        };
        let dispersion = Dispersion::of(&train).unwrap();
        assert!((dispersion.through - 60e6).abs() < 1.0, "9 of 49 were lost outside: {dispersion:?}");
        assert!((dispersion.excess() - 0.008).abs() < 1e-9, "{dispersion:?}");
    }
}

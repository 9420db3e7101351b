//! The delivery rate that one train shows, and the last few of such values.

use super::train::Train;

/// A train that is long enough, and sound enough, to be judged by its times.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dispersion {
    /// Bits per second that it was paced at.
    pub(super) pace: f64,
    /// Bits on the wire that arrived after its first datagram.
    pub(super) bits: f64,
    /// Those of them that went at [`CEILING`].
    pub(super) sprinted: f64,
    /// Seconds that it takes on a path that does not hold it up.
    pub(super) as_sent: f64,
    /// Seconds that it took.
    pub(super) arrived: f64,
    /// Bits per second that came through in that time; of a train with a sprint at its end, in the time of that, unless
    /// that is less than the pace.
    pub(super) through: f64,
}

impl Dispersion {
    /// The measure of a train; `None` if it is too short, went at once, or its values are absurd.
    pub(super) fn of(train: &Train) -> Option<Self> {
        let pace = train.pace.filter(|pace| PACES.contains(pace))?;
        let (bits, sent, arrived) = (train.bits, train.sent.as_secs_f64(), train.arrived.as_secs_f64());
        if train.datagrams < LEAST_DATAGRAMS
            || !BITS.contains(&bits)
            || !(0.0..=bits).contains(&train.sprinted)
            || sent.max(arrived) > LONGEST
        {
            return None;
        }
        // The last group goes at once, so that the times of sending alone are too short by its own; and a late sender
        // takes longer than its pace.
        let (sprinted, sprint_time) = (train.sprinted, train.sprinted / CEILING);
        let as_sent = sent.max((bits - sprinted) / pace + sprint_time);
        if arrived < as_sent * 0.5 - OVERTAKEN {
            return None;
        }
        let lost = f64::from(train.lost) / f64::from(train.datagrams);
        let came = 1.0 - lost.min(0.99);
        let (bits, sprinted) = (bits * came, sprinted * came);
        let sprint = sprinted / (arrived - as_sent + sprint_time).max(1e-6);
        let through = if sprint > pace { sprint } else { bits / arrived.max(1e-6) };
        Some(Self { pace, bits, sprinted, as_sent, arrived, through: through.min(CEILING) })
    }

    /// Whether its end went as fast as it could, and is long enough to be judged.
    pub(super) fn is_sprint(&self) -> bool {
        self.sprinted >= LEAST_SPRINT
    }

    /// Whether the train by itself shows that it overflowed a queue: it came through much slower than it was sent, and
    /// lost much of its end. What came through did so at the bottleneck's rate. Waiting for others to agree would lose
    /// those too.
    pub(super) fn shows_overflow(&self, train: &Train) -> bool {
        let (head, tail, total) =
            (f64::from(train.missing_head), f64::from(train.missing_tail), f64::from(train.total));
        self.excess() > SURELY_LATE.max(self.as_sent * SURELY_STRETCHED)
            && tail > 3.0 * head
            && tail > total * OVERFLOWED
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
/// Bits of a sprint whose time at a tenth of [`CEILING`] is long beside what stamps err by.
const LEAST_SPRINT: f64 = 100e3;
/// Paces that are believed, in bits per second.
const PACES: std::ops::RangeInclusive<f64> = 1e4..=1e12;
/// Bits of a train that are believed: from a few datagrams to the largest frame, with room.
const BITS: std::ops::RangeInclusive<f64> = 1e3..=1e10;
/// Seconds that no frame takes.
const LONGEST: f64 = 10.0;
/// Seconds that a train may seem shorter than half of what was sent before its first datagram counts as overtaken.
const OVERTAKEN: f64 = 500e-6;
/// Seconds, and the share of its own time, that a train arrives longer which overflowed a queue for certain.
const SURELY_LATE: f64 = 2e-3;
const SURELY_STRETCHED: f64 = 0.2;
/// The share of all its datagrams that such a train loses in its second half.
const OVERFLOWED: f64 = 0.1;
/// What a 1000 Mbit/s port carries with room for others.
pub(crate) const CEILING: f64 = 940e6;

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
            sprinted: 0.0,
        };
        let dispersion = Dispersion::of(&train).unwrap();
        assert!((dispersion.through - 60e6).abs() < 1.0, "9 of 49 were lost outside: {dispersion:?}");
        assert!((dispersion.excess() - 0.008).abs() < 1e-9, "{dispersion:?}");
    }
}

//! Detects a policer, or a buffer of next to nothing, by loss at the ends of trains.

use super::dispersion::{LEAST_DATAGRAMS, Recent};
use super::train::Train;

/// Tells loss that comes of the pace from loss by chance, which falls on all of a train.
///
/// One train proves nothing, as losses come in bursts; bursts of 20 in every 2000 datagrams can fall on the ends of two
/// frames in four, but not of three.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PolicerDetector {
    last: Recent<Lost, 16>,
    /// The last trains that say something alone, the newest first.
    long: [Lost; 4],
}

#[derive(Clone, Copy, Debug, Default)]
struct Lost {
    head: f64,
    tail: f64,
    total: f64,
    /// Bits per second.
    pace: f64,
    /// Bits per second that came through, as far as it tells.
    through: f64,
}

/// What trains met that lost their ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Policed {
    /// The slowest of them went at so many bits per second.
    pub(super) pace: f64,
    /// No more than this comes through, if most was lost of all of them; infinite otherwise.
    pub(super) most: f64,
}

impl PolicerDetector {
    /// Takes a train that was paced. Where it `is_stretched`, its losses are a queue's, of which its times tell more.
    /// What came `through` is told by those that were long enough.
    pub(super) fn heard(&mut self, train: &Train, is_stretched: bool, through: Option<f64>) {
        let Some(pace) = train.pace.filter(|pace| pace.is_finite()) else { return };
        let half = f64::from(train.total / 2).max(1.0);
        let within = |missing: u32| if is_stretched { 0.0 } else { f64::from(missing).min(half + 1.0) };
        let (head, tail) = (within(train.missing_head), within(train.missing_tail));
        let through = through.unwrap_or(pace * CUT);
        let lost = Lost { head, tail, total: half * 2.0, pace, through };
        if train.total >= LEAST_DATAGRAMS {
            self.long.rotate_right(1);
            self.long[0] = lost;
        } else {
            self.last.push(lost);
        }
    }

    /// What trains met, if they lose their ends.
    pub(super) fn policed(&self) -> Option<Policed> {
        let hit = self.long.iter().filter(|lost| lost.is_at_tail(ALONE) || lost.is_heavy());
        if hit.clone().count() >= HIT {
            let pace = hit.clone().map(|lost| lost.pace).reduce(f64::min)?;
            let all_heavy = hit.clone().all(|lost| lost.is_heavy());
            let through = hit.map(|lost| lost.through).fold(0.0, f64::max);
            return Some(Policed { pace, most: if all_heavy { through } else { f64::INFINITY } });
        }
        // Trains too short to say it alone say it together.
        let all = self.last.iter().fold(Lost::default(), |all, lost| Lost {
            head: all.head + lost.head,
            tail: all.tail + lost.tail,
            total: all.total + lost.total,
            ..all
        });
        let hit = self.last.iter().filter(|lost| lost.tail > lost.head);
        let agree = hit.clone().count() >= HIT_TOGETHER && all.is_at_tail(TOGETHER);
        let pace = hit.map(|lost| lost.pace).reduce(f64::min).filter(|_| agree)?;
        Some(Policed { pace, most: f64::INFINITY })
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Lost {
    /// Whether chance would not have it so, by so many standard deviations, were the half that a loss falls on a coin's
    /// toss.
    fn is_at_tail(self, deviations: f64) -> bool {
        let more = self.tail - self.head;
        let surely = more * more >= deviations * deviations * (self.head + self.tail);
        more > 0.0 && surely && more >= self.total / 2.0 * TAIL_SHARE
    }

    /// Whether more was lost than any path loses by chance on which video makes sense.
    fn is_heavy(self) -> bool {
        self.head + self.tail > self.total * HEAVY
    }
}

/// Of the last four long trains, so many must have been hit.
const HIT: usize = 3;
/// Of the last sixteen short ones, so many.
const HIT_TOGETHER: usize = 12;
/// Standard deviations for a train that speaks alone; two more must say so too.
const ALONE: f64 = 3.3;
/// Standard deviations for several.
const TOGETHER: f64 = 4.0;
/// The share of a train's second half that a policer takes at least.
const TAIL_SHARE: f64 = 0.06;
/// The share of a train.
const HEAVY: f64 = 0.35;
/// Of a train of which hardly more than the beginning came, the path carries this share of the pace at most: else more
/// of it would have come.
const CUT: f64 = 0.25;

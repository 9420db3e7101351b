//! Whether a viewer's reports of its path are plausible.

use std::time::{Duration, Instant};

use crate::frame::MAX_PARTS;
use crate::seq::{FrameId, PartId};
use crate::wire::TrainEntry;

/// Holds what one receiver reports against what the sender knows itself: when each part of a frame went, and how many
/// frames did.
///
/// It cannot find out who lies and is careful: whoever says that it gets little, slowly, and then that it gets what is
/// sent slowly, says what a slow path would. But who says more than one thing says what no path does.
#[derive(Clone, Debug, Default)]
pub(super) struct Witness {
    /// The newest frame that it told of, and of which parts of it and of those before it, a bit each.
    newest: Option<FrameId>,
    told: [u128; MAX_PARTS],
    /// The same of those of which nothing was missing.
    told_whole: [u128; MAX_PARTS],
    /// How much time its trains may have taken, and until when that was reckoned.
    credit: Duration,
    reckoned: Option<Instant>,
    /// Frames since the report before of which nothing was missing.
    whole: u64,
    /// Whether it said what cannot be.
    pub(super) contradicts: bool,
    turnout: Option<Turnout>,
    /// Frames that trains told of since that was begun, each part a share of one, and how long they took together.
    frames: f64,
    took: Duration,
}

/// How many frames are completed of those that are sent.
#[derive(Clone, Copy, Debug)]
struct Turnout {
    since: Instant,
    /// Which frame was the next then.
    next: FrameId,
    delivered: u64,
}

impl Witness {
    /// Whether the train of one of so many `parts` of a frame may have arrived as it says, what is measured of it
    /// having begun to be sent `out_for` ago.
    pub(super) fn believes(
        &mut self,
        train: &TrainEntry,
        parts: u8,
        out_for: Duration,
        now: Instant,
    ) -> bool {
        let Some(bit) = self.note(train.id) else { return false };
        // Nothing takes longer than since it was sent.
        if train.span > out_for + LATE {
            self.contradicts = true;
            return false;
        }
        if train.missing_head == 0 && train.missing_tail == 0 {
            self.told_whole[usize::from(train.id.part)] |= bit;
            let whole = self.told_whole.iter().filter(|told| **told & bit != 0).count();
            self.whole += u64::from(whole == usize::from(parts));
        }
        self.frames += 1.0 / f64::from(parts.max(1));
        self.took += train.span;
        self.affords(train.span, now)
    }

    /// Whether a receiver contradicts itself that has completed so many frames since its report before, where `next` is
    /// the frame that will be sent next.
    pub(super) fn is_refuted(&mut self, delivered: u64, next: FrameId, now: Instant) -> bool {
        // A frame of which nothing was missing is whole. One may have been told of before it was counted.
        let are_uncounted = std::mem::take(&mut self.whole) > delivered + 1;
        let contradicts = std::mem::take(&mut self.contradicts);
        contradicts || are_uncounted || self.is_overdrawn(delivered, next, now)
    }

    /// Whether, over a while, fewer than half of the frames were completed; or more than can have been, as long as each
    /// is said to have taken: they come one after the other.
    fn is_overdrawn(&mut self, delivered: u64, next: FrameId, now: Instant) -> bool {
        let turnout = self.turnout.get_or_insert(Turnout { since: now, next, delivered: 0 });
        turnout.delivered += delivered;
        let Turnout { since, next: from, delivered } = *turnout;
        let passed = now.saturating_duration_since(since);
        if passed < WINDOW {
            return false;
        }
        self.turnout = Some(Turnout { since: now, next, delivered: 0 });
        let each = std::mem::take(&mut self.took).as_secs_f64() / std::mem::take(&mut self.frames).max(1.0);
        let sent = u64::try_from(next.ahead_of(from)).unwrap_or(0);
        (delivered + ON_THEIR_WAY) * 2 < sent || each * delivered as f64 > passed.as_secs_f64() * CROWDED
    }

    /// Notes that a train was told of, and returns its frame's bit; `None` if it was before: each is told once, and a
    /// report may come twice.
    fn note(&mut self, PartId { frame, part }: PartId) -> Option<u128> {
        let newest = *self.newest.get_or_insert(frame);
        let ahead = frame.ahead_of(newest);
        if ahead > 0 {
            for told in self.told.iter_mut().chain(&mut self.told_whole) {
                *told = told.checked_shl(ahead.unsigned_abs()).unwrap_or(0);
            }
            self.newest = Some(frame);
        }
        let bit = 1_u128.checked_shl(ahead.min(0).unsigned_abs())?;
        let told = self.told.get_mut(usize::from(part)).filter(|told| **told & bit == 0)?;
        *told |= bit;
        Some(bit)
    }

    /// Trains come one after the other: together they take no longer than the time that has passed.
    fn affords(&mut self, span: Duration, now: Instant) -> bool {
        let passed = self.reckoned.replace(now).map_or(MOST_CREDIT, |at| now.saturating_duration_since(at));
        self.credit = (self.credit + passed.min(MOST_CREDIT).mul_f64(OVERLAP)).min(MOST_CREDIT);
        let left = self.credit.checked_sub(span);
        self.credit = left.unwrap_or(self.credit);
        left.is_some()
    }
}

/// A busy sender's clock was read so long before it read the report, at most.
const LATE: Duration = Duration::from_millis(20);
/// For so long it is counted how many frames it completes.
const WINDOW: Duration = Duration::from_secs(2);
/// Frames that have been sent and not completed yet.
const ON_THEIR_WAY: u64 = 3;
/// Where datagrams are delayed by chance, trains overlap.
const OVERLAP: f64 = 1.5;
/// Such trains as are told of would take so many times as long as there was, if all frames came like that.
const CROWDED: f64 = 2.0;
/// Trains of so long may be told at once: those since a report that was lost.
const MOST_CREDIT: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::t0;

    fn train(frame: u32, millis: u64, missing: u16) -> TrainEntry {
        TrainEntry {
            id: PartId { frame: FrameId::new(frame), part: 0 },
            first: 0,
            last: 99,
            span: Duration::from_millis(millis),
            missing_head: 0,
            missing_tail: missing,
        }
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_train_is_believed_once_and_not_if_it_took_longer_than_it_can_have() {
        let (mut witness, t0) = (Witness::default(), t0());
        assert!(
            witness.believes(&train(7, 5, 1), 1, ms(30), t0)
                && !witness.believes(&train(7, 5, 1), 1, ms(30), t0)
        );
        assert!(
            witness.believes(&train(5, 5, 1), 1, ms(30), t0)
                && witness.believes(&train(300, 5, 1), 1, ms(30), t0)
        );
        assert!(!witness.believes(&train(7, 5, 1), 1, ms(30), t0), "too old to be told of");
        assert!(!witness.is_refuted(0, FrameId::new(301), t0));
        assert!(!witness.believes(&train(301, 900, 1), 1, ms(100), t0));
        assert!(witness.is_refuted(0, FrameId::new(301), t0));
        assert!(!witness.is_refuted(0, FrameId::new(301), t0), "it may better itself");
    }

    #[test]
    fn trains_take_no_longer_together_than_the_time_that_has_passed() {
        let (mut witness, t0) = (Witness::default(), t0());
        let believed = (0..100)
            .filter(|&number| {
                let now = t0 + ms(100) * number;
                witness.believes(&train(number, 500, 1), 1, ms(1000), now)
            })
            .count();
        // Ten seconds, half as much again, and three at once.
        assert!((30..=36).contains(&believed), "{believed}");
    }

    #[test]
    fn who_says_that_frames_came_and_that_they_did_not_is_refuted() {
        let (mut witness, t0) = (Witness::default(), t0());
        for number in 0..3 {
            assert!(witness.believes(&train(number, 5, 0), 1, ms(30), t0));
        }
        assert!(witness.is_refuted(1, FrameId::new(3), t0));
    }

    #[test]
    fn a_frame_is_said_to_have_come_when_that_is_said_of_all_its_parts() {
        let (mut witness, t0) = (Witness::default(), t0());
        let part = |frame, part, missing| {
            let train = train(frame, 1, missing);
            TrainEntry { id: PartId { part, ..train.id }, ..train }
        };
        // Nine frames of which the last part always misses something.
        for frame in 0..9 {
            for number in 0..4 {
                assert!(witness.believes(&part(frame, number, u16::from(number == 3)), 4, ms(30), t0));
            }
            assert!(!witness.believes(&part(frame, 3, 0), 4, ms(30), t0), "that was told");
        }
        assert!(!witness.is_refuted(0, FrameId::new(9), t0));
        for frame in 9..12 {
            (0..4).for_each(|number| assert!(witness.believes(&part(frame, number, 0), 4, ms(30), t0)));
        }
        assert!(witness.is_refuted(1, FrameId::new(12), t0));
    }

    #[test]
    fn who_completes_frames_faster_than_it_says_that_they_come_is_refuted() {
        for (millis, is_refuted) in [(20, false), (31, false), (300, true)] {
            let (mut witness, t0) = (Witness::default(), t0());
            let refuted = (1..60_u32).any(|number| {
                let now = t0 + ms(33) * number + ms(400);
                // It tells of a few only, so that their times are possible.
                if number % 10 == 0 {
                    witness.believes(&train(number, millis, 1), 1, ms(400), now);
                }
                witness.is_refuted(1, FrameId::new(number), now)
            });
            assert!(!refuted);
            assert_eq!(
                witness.is_refuted(1, FrameId::new(70), t0 + ms(3000)),
                is_refuted,
                "{millis} ms each"
            );
        }
    }

    #[test]
    fn who_completes_less_than_half_of_what_is_sent_is_refuted_however_it_spreads_that() {
        let (mut witness, t0) = (Witness::default(), t0());
        let refuted = |witness: &mut Witness, every: u32, from: u32| {
            (from..from + 60)
                .filter(|&n| {
                    let delivered = u64::from(n % every == 0) * 3;
                    witness.is_refuted(delivered, FrameId::new(n * 3), t0 + ms(100) * n)
                })
                .count()
        };
        assert_eq!((refuted(&mut witness, 1, 0), refuted(&mut witness, 3, 60)), (0, 2));
    }
}

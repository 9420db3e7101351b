//! Who receives a stream, how well, and how a sender knows that they are where they say.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

use siphasher::sip::SipHasher24;

use crate::MediaTime;
use crate::answer::Budget;
use crate::rate::{Follow, Health, PaceControl, PathRate, Train};
use crate::wire::{ReportCounts, Token};

/// Makes the token of each address: a keyed hash of it and of the time (SipHash-2-4, Aumasson and Bernstein 2012).
///
/// Whoever can show the token of an address has received something there lately. The sender keeps nothing for those who
/// never come back, and a token cannot be guessed from others'.
#[derive(Clone, Debug)]
pub(crate) struct Doorman {
    key: [u8; 16],
}

impl Doorman {
    pub(crate) fn new(key: [u8; 16]) -> Self {
        Self { key }
    }

    /// The token that an address is told at this time.
    pub(crate) fn token(&self, source: &impl Hash, time: MediaTime) -> Token {
        self.token_of(source, slot(time))
    }

    /// Whether a token is that of this address: the one of now, or the one before.
    pub(crate) fn knows(&self, source: &impl Hash, token: Token, time: MediaTime) -> bool {
        let slot = slot(time);
        [slot, slot.wrapping_sub(1)].iter().any(|&slot| token == self.token_of(source, slot))
    }

    fn token_of(&self, source: &impl Hash, slot: u64) -> Token {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        (slot, source).hash(&mut hasher);
        // 0 is what those show who have none.
        Token::new(hasher.finish().max(1))
    }
}

fn slot(time: MediaTime) -> u64 {
    time.as_micros() / TOKEN_LASTS.as_micros() as u64
}

/// A receiver that has proven its address.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// When it was first heard.
    pub since: Instant,
    /// When it was last heard.
    pub heard: Instant,
    /// What it counted, since the session began for it.
    pub counts: ReportCounts,
    /// Data chunks that did not arrive when they were first sent, of those that could have, in its last report that
    /// covered any: 0 to 1.
    pub loss: f64,
    /// Data chunks missing in the second halves of frames, as far as its reports have named the frames.
    pub missing_at_end: u64,
    health: Health,
    /// Whether `counts` was ever filled in.
    reported: bool,
    path: PathRate,
    /// Chunks known to be missing because of the pace, and not counted as such yet.
    excused: u64,
    /// What it may have sent again.
    pub(crate) budget: Budget,
}

impl Viewer {
    fn new(now: Instant, streamed: u64) -> Self {
        Self {
            since: now,
            heard: now,
            counts: ReportCounts::default(),
            loss: 0.0,
            missing_at_end: 0,
            health: Health::default(),
            reported: false,
            path: PathRate::new(),
            excused: 0,
            budget: Budget::new(RESENT_SHARE, streamed),
        }
    }

    /// Bits per second that its path carries, if it has shown a limit.
    pub fn limit(&self) -> Option<f64> {
        self.path.limit()
    }

    /// Bits per second that its path is known to carry.
    pub(crate) fn carried(&self) -> f64 {
        self.path.carried()
    }

    /// Takes off `missing` what was lost because frames went faster than the path carries: a queue has no more room for
    /// parity. Trains tell of it, `congested` chunks of them now, and may do so before it is counted.
    pub(crate) fn excuse(&mut self, missing: u64, congested: u64) -> u64 {
        let known = self.excused + congested;
        let excused = known.min(missing);
        self.excused = (known - excused).min(MOST_EXCUSED);
        missing - excused
    }

    /// Whether it keeps up; those that do not hold up nobody.
    pub fn is_healthy(&self) -> bool {
        self.health.is_healthy()
    }

    fn report(&mut self, counts: ReportCounts, now: Instant) -> (u64, u64) {
        let since = |now: u32, before: u32| u64::from(now.wrapping_sub(before));
        let before = std::mem::replace(&mut self.counts, counts);
        // A receiver that was there before the sender knew it has a past that says nothing of now.
        if !std::mem::replace(&mut self.reported, true) && u64::from(counts.arrived) > PLAUSIBLE {
            return (0, 0);
        }
        let (arrived, missing) =
            (since(counts.arrived, before.arrived), since(counts.missing, before.missing));
        if arrived > PLAUSIBLE || missing > PLAUSIBLE {
            return (0, 0);
        }
        if arrived + missing > 0 {
            self.loss = missing as f64 / (arrived + missing) as f64;
        }
        let (delivered, lost) = (since(counts.delivered, before.delivered), since(counts.lost, before.lost));
        self.health.heard(delivered, lost, now);
        (arrived, missing)
    }
}

/// All of them, by address.
#[derive(Debug)]
pub(crate) struct Viewers<S> {
    all: BTreeMap<S, Viewer>,
    pace: PaceControl,
}

impl<S: Copy + Ord> Viewers<S> {
    /// `follow` says whose path decides.
    pub(crate) fn new(follow: Follow) -> Self {
        Self { all: BTreeMap::new(), pace: PaceControl::new(follow) }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&S, &Viewer)> {
        self.all.iter()
    }

    pub(crate) fn find(&mut self, source: S) -> Option<&mut Viewer> {
        self.all.get_mut(&source)
    }

    /// The viewer at an address that was proven; `None` if there are too many.
    pub(crate) fn admit(&mut self, source: S, streamed: u64, now: Instant) -> Option<&mut Viewer> {
        if self.all.len() >= MOST_VIEWERS && !self.all.contains_key(&source) {
            return None;
        }
        let viewer = self.all.entry(source).or_insert_with(|| Viewer::new(now, streamed));
        viewer.heard = now;
        Some(viewer)
    }

    /// Takes in a report; returns how many first-time chunks arrived and how many did not since the one before.
    pub(crate) fn report(
        &mut self,
        source: S,
        counts: ReportCounts,
        trains: &[Train],
        now: Instant,
    ) -> (u64, u64) {
        let Some(viewer) = self.find(source) else { return (0, 0) };
        viewer.path.heard(trains, now);
        viewer.report(counts, now)
    }

    /// Forgets those of whom nothing was heard for `silence`.
    pub(crate) fn forget(&mut self, silence: Duration, now: Instant) {
        self.all.retain(|_, viewer| now.saturating_duration_since(viewer.heard) < silence);
    }

    /// At how many bits per second to send, by those whose word counts; `None` if there are none.
    pub(crate) fn rate(&mut self, now: Instant) -> Option<f64> {
        let Self { all, pace } = self;
        pace.follow(followed(all).map(|viewer| viewer.path.rate(now)))
    }

    /// How many bits per second the paths carry, by those whose word counts; `None` if none has shown a limit.
    pub(crate) fn limit(&mut self) -> Option<f64> {
        let Self { all, pace } = self;
        let limits = followed(all).map(|viewer| viewer.limit().unwrap_or(f64::INFINITY));
        pace.follow(limits).filter(|limit| limit.is_finite())
    }

    /// Whether there is nothing more to learn of any path.
    pub(crate) fn are_settled(&self) -> bool {
        self.all.values().all(|viewer| viewer.path.is_settled())
    }

    /// Whether the viewer with the most loss is this one, of those whose word counts.
    pub(crate) fn is_worst(&self, source: S) -> bool {
        let Some(own) = self.all.get(&source) else { return false };
        followed(&self.all).any(|viewer| std::ptr::eq(viewer, own))
            && followed(&self.all).all(|viewer| viewer.loss <= own.loss)
    }
}

fn followed<S>(all: &BTreeMap<S, Viewer>) -> impl Iterator<Item = &Viewer> {
    let all_are_ill = all.values().all(|viewer| !viewer.is_healthy());
    all.values().filter(move |viewer| viewer.reported && (viewer.is_healthy() || all_are_ill))
}

/// A token counts for so long, and as long again. Shorter: a receiver that reports seldom has to ask anew. Longer: who had
/// an address before, as behind a NAT, can have things sent there for longer.
const TOKEN_LASTS: Duration = Duration::from_secs(600);
/// As many as a class C network has hosts, four times. Each takes half a kilobyte.
const MOST_VIEWERS: usize = 1024;
/// One byte of the stream in so many may be sent again for one receiver: twice what repairs 10 % loss.
const RESENT_SHARE: u64 = 4;
/// Chunks of a few large frames: those of which a train tells early are counted with the next report or two.
const MOST_EXCUSED: u64 = 1000;
/// No report covers more chunks.
const PLAUSIBLE: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::t0;

    fn report(viewers: &mut Viewers<u8>, source: u8, delivered: u32, lost: u32, missing: u32, now: Instant) {
        let before = viewers.admit(source, 0, now).unwrap().counts;
        let counts = ReportCounts {
            delivered: before.delivered + delivered,
            lost: before.lost + lost,
            arrived: before.arrived + 100 - missing,
            missing: before.missing + missing,
            ..before
        };
        viewers.report(source, counts, &[], now);
    }

    #[test]
    fn the_worst_is_one_whose_word_counts() {
        let (t0, mut viewers) = (t0(), Viewers::new(Follow::Slowest));
        for millis in (0..3000).step_by(100) {
            let now = t0 + Duration::from_millis(millis);
            report(&mut viewers, 1, 3, 0, 1, now);
            report(&mut viewers, 2, 3, 0, 5, now);
            report(&mut viewers, 3, 0, 3, 60, now);
            let worst = [1, 2, 3].map(|source| viewers.is_worst(source));
            let is_ill = millis >= 2000;
            assert_eq!(worst, [false, is_ill, !is_ill], "{millis} ms");
        }
        viewers.forget(Duration::ZERO, t0 + Duration::from_secs(9));
        assert!(!viewers.is_worst(3), "nobody is known");
    }

    #[test]
    fn a_token_is_of_one_address_and_of_late_and_never_what_nobody_has() {
        let (doorman, other) = (Doorman::new([1; 16]), Doorman::new([2; 16]));
        let at = |seconds: u64| MediaTime::from_micros(1_000_000 * seconds);
        let token = doorman.token(&7_u8, at(6000));
        assert_eq!(token, doorman.token(&7_u8, at(6599)));
        assert_ne!(token, doorman.token(&8_u8, at(6000)));
        assert_ne!(token, other.token(&7_u8, at(6000)));
        assert!((0..1000_u32).all(|source| doorman.token(&source, at(0)) != Token::default()));
        for (seconds, counts) in [(6000, true), (6600, true), (7199, true), (7200, false), (5999, false)] {
            assert_eq!(doorman.knows(&7_u8, token, at(seconds)), counts, "after {seconds} s");
        }
        assert!(!doorman.knows(&8_u8, token, at(6000)) && !other.knows(&7_u8, token, at(6000)));
    }
}

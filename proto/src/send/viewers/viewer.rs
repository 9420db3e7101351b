//! One viewer: what it reports, and whether that is followed.

use std::time::{Duration, Instant};

use super::super::retransmit::Budget;
use super::witness::Witness;
use crate::computer::Computer;
use crate::rate::{FrameTrains, Health, PathRate};
use crate::seq::FrameId;
use crate::wire::{ReportCounts, TrainEntry};

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
    /// Whether it takes frames of several parts, as it says itself.
    pub(crate) takes_parts: bool,
    health: Health,
    /// Whether `counts` was ever filled in.
    pub(super) reported: bool,
    pub(super) path: PathRate,
    /// Trains of the frame that is being told of.
    pub(crate) trains: FrameTrains,
    pub(super) computer: Option<Computer>,
    witness: Witness,
    /// The frame that was to be sent next when it reported before.
    next: Option<FrameId>,
    /// Since when it completes most of its frames.
    steady: Option<Instant>,
    /// Whether it has done so for long enough to be believed of its path.
    pub(super) kept_up: bool,
    /// Chunks known to be missing because of the pace, and not counted as such yet.
    excused: u64,
    /// What it may have sent again.
    pub(crate) budget: Budget,
}

impl Viewer {
    pub(super) fn new(computer: Option<Computer>, streamed: u64, now: Instant) -> Self {
        Self {
            since: now,
            heard: now,
            counts: ReportCounts::default(),
            loss: 0.0,
            missing_at_end: 0,
            takes_parts: false,
            health: Health::default(),
            reported: false,
            path: PathRate::new(),
            trains: FrameTrains::default(),
            computer,
            witness: Witness::default(),
            next: None,
            steady: None,
            kept_up: false,
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

    /// Whether a train may have arrived as it says; see [`Witness`].
    pub(crate) fn believes(
        &mut self,
        train: &TrainEntry,
        parts: u8,
        out_for: Duration,
        now: Instant,
    ) -> bool {
        self.witness.believes(train, parts, out_for, now)
    }

    /// It tells of what has not been sent.
    pub(crate) fn contradicts_itself(&mut self) {
        self.witness.contradicts = true;
    }

    /// Takes in what it counted, when `next` is the frame that will be sent next; returns how many first-time chunks
    /// arrived and how many did not since its report before.
    pub(super) fn report(&mut self, counts: ReportCounts, next: FrameId, now: Instant) -> (u64, u64) {
        let since = |now: u32, before: u32| u64::from(now.wrapping_sub(before));
        let before = std::mem::replace(&mut self.counts, counts);
        let sent = self.next.replace(next).map_or(0, |before| next.ahead_of(before));
        // A receiver that was there before the sender knew it has a past that says nothing of now.
        if !std::mem::replace(&mut self.reported, true) && u64::from(counts.arrived) > PLAUSIBLE {
            return (0, 0);
        }
        let (arrived, missing) =
            (since(counts.arrived, before.arrived), since(counts.missing, before.missing));
        let (delivered, lost) = (since(counts.delivered, before.delivered), since(counts.lost, before.lost));
        if arrived > PLAUSIBLE || missing > PLAUSIBLE || delivered > PLAUSIBLE {
            return (0, 0);
        }
        if arrived + missing > 0 {
            self.loss = missing as f64 / (arrived + missing) as f64;
        }
        // Frames of which nothing came are lost, whether or not it knows of them.
        let lost = lost.max(u64::try_from(sent).unwrap_or(0).saturating_sub(delivered));
        self.health.heard(delivered, lost, now);
        if delivered < lost {
            self.steady = None;
        } else if delivered > 0 {
            self.kept_up |= now.saturating_duration_since(*self.steady.get_or_insert(now)) >= STEADY;
        }
        if self.witness.is_refuted(delivered, next, now) {
            self.health.is_refuted();
            self.steady = None;
        }
        (arrived, missing)
    }

    /// Whether it had the stream follow its path, and showed nothing for it.
    pub(super) fn was_followed_in_vain(&self) -> bool {
        !self.kept_up && self.limit().is_some()
    }
}

/// One byte of the stream in so many may be sent again for one receiver: twice what repairs 10 % loss.
const RESENT_SHARE: u64 = 4;
/// Chunks of a few large frames: those of which a train tells early are counted with the next report or two.
const MOST_EXCUSED: u64 = 1000;
/// No report covers more chunks.
const PLAUSIBLE: u64 = 1 << 20;
/// Whose path was slow, and is followed, completes its frames for so long.
const STEADY: Duration = Duration::from_secs(2);

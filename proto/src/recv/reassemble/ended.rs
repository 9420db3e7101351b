//! Which frames of a session have ended, and which numbers may follow.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::seq::FrameId;
use crate::stats::Outcome;

/// The frames that have ended: each begins and ends once.
#[derive(Debug)]
pub(super) struct EndedFrames {
    /// The frame that was delivered last.
    delivered: Option<FrameId>,
    /// All frames up to this one have ended.
    floor: Option<FrameId>,
    /// Frames above the floor that have ended.
    ended: VecDeque<FrameId>,
    /// How many frames newer than the one delivered last have ended.
    ended_since: u32,
    /// From which frame on others may be ahead, and since when: the one that was delivered last, or one that began the
    /// stream or went on with it after a pause.
    anchor: Option<(FrameId, Instant)>,
    /// When a chunk was last accepted.
    fed: Option<Instant>,
}

impl EndedFrames {
    pub(super) fn new() -> Self {
        Self {
            delivered: None,
            floor: None,
            ended: VecDeque::with_capacity(MOST_ENDED),
            ended_since: 0,
            anchor: None,
            fed: None,
        }
    }

    /// Another session begins, whose frames up to `floor` have ended.
    pub(super) fn reset(&mut self, floor: Option<FrameId>) {
        (self.delivered, self.floor, self.fed, self.anchor) = (None, floor, None, None);
        self.ended.clear();
        self.ended_since = 0;
    }

    /// Forgets all frames from `next` on.
    pub(super) fn take_back(&mut self, next: FrameId, now: Instant) {
        let is_older = |frame: FrameId| next.is_newer_than(frame);
        self.ended.retain(|ended| is_older(*ended));
        let last = next.before();
        self.floor = self.floor.map(|floor| if is_older(floor) { floor } else { last });
        // What was delivered in its name is no measure for what comes.
        self.delivered = self.delivered.filter(|delivered| is_older(*delivered));
        self.ended_since = self.ended.len() as u32;
        self.anchor = Some((last, now));
    }

    /// Frames that are known to have ended, the newest among them.
    pub(super) fn known(&self) -> impl Iterator<Item = FrameId> {
        self.ended.iter().copied().chain(self.floor)
    }

    /// A chunk was accepted.
    pub(super) fn fed(&mut self, now: Instant) {
        self.fed = Some(now);
    }

    /// A frame begins.
    pub(super) fn begin(&mut self, frame: FrameId, now: Instant) {
        if !self.is_running(now) || self.anchor.is_none() {
            self.anchor = Some((frame, now));
        }
    }

    /// Why a frame that is not in flight is not to begin, if so.
    pub(super) fn refuses(&self, frame: FrameId, now: Instant) -> Option<Outcome> {
        if self.floor.is_some_and(|floor| !frame.is_newer_than(floor)) || self.ended.contains(&frame) {
            return Some(Outcome::Late);
        }
        // A number that leaps ahead of a running stream would make all that follows look late. After a pause (a
        // pulled cable) the stream has really moved on.
        let (anchor, since) = self.anchor?;
        let since = now.saturating_duration_since(since).as_millis().min(1 << 30) as i32;
        (self.is_running(now) && frame.ahead_of(anchor) > MOST_AHEAD + since)
            .then_some(Outcome::Contradictory)
    }

    /// A frame is given up.
    pub(super) fn give_up(&mut self, frame: FrameId) {
        // A frame that is forgotten must not begin again.
        if self.ended.len() == MOST_ENDED
            && let Some(forgotten) = self.ended.pop_front()
        {
            self.floor = Some(self.floor.map_or(forgotten, |floor| newer(floor, forgotten)));
        }
        self.ended.push_back(frame);
        self.ended_since += 1;
    }

    /// A frame is delivered, and those before it have ended; how many of these nothing came of since the one before.
    pub(super) fn deliver(&mut self, frame: FrameId, now: Instant) -> u32 {
        self.ended.retain(|ended| ended.is_newer_than(frame));
        let newer_ended = self.ended.len() as u32;
        let ended_between = self.ended_since.saturating_sub(newer_ended);
        let between = self.delivered.map_or(0, |delivered| frame.ahead_of(delivered).saturating_sub(1));
        self.ended_since = newer_ended;
        (self.delivered, self.anchor) = (Some(frame), Some((frame, now)));
        self.floor = Some(self.floor.map_or(frame, |floor| newer(floor, frame)));
        u32::try_from(between).unwrap_or(0).saturating_sub(ended_between)
    }

    fn is_running(&self, now: Instant) -> bool {
        self.fed.is_some_and(|fed| now.saturating_duration_since(fed) < PAUSE)
    }
}

pub(super) fn newer(a: FrameId, b: FrameId) -> FrameId {
    if b.is_newer_than(a) { b } else { a }
}

/// Ended frames above the floor that are remembered: many more than can be in flight.
const MOST_ENDED: usize = 64;
/// How far ahead of the frame that was whole last a frame's number may be, and one more for each millisecond since: two
/// seconds at 30 frames per second.
const MOST_AHEAD: i32 = 64;
/// A stream of which nothing came for this long is not running.
pub(crate) const PAUSE: Duration = Duration::from_millis(100);

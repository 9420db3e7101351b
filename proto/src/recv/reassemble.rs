//! Reassembles frames, and gives up on time.

pub(super) mod arrival;
mod nack_state;
pub(super) mod slot;
#[cfg(test)]
mod tests;
pub(super) mod train;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::fec::Repairer;
use crate::frame::{Buffer, Frame, Pool};
use crate::seq::FrameId;
use crate::stats::{LossReason, Outcome};
use arrival::Arrival;
use slot::{ChunkOutcome, Slot};
use train::TrainReport;

/// The most frames that are put together at once.
pub const MAX_FRAMES_IN_FLIGHT: usize = 8;

/// The most bytes that all frames in flight may have together: 32 MiB.
pub const MAX_BYTES_IN_FLIGHT: usize = 32 << 20;

/// A frame that was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Which.
    pub frame: FrameId,
    /// How many of its chunks had not arrived.
    pub missing: u16,
    /// Of how many.
    pub chunks: u16,
    /// Why.
    pub reason: LossReason,
}

/// A frame that is whole.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Which.
    pub id: FrameId,
    /// The picture.
    pub frame: Frame,
    /// When its first chunk arrived.
    pub first: Instant,
    /// When its last chunk arrived.
    pub last: Instant,
    /// What made it whole, if not all of it came at first.
    pub repair: Option<RepairedBy>,
    /// How long one of its datagrams took, if there were enough to tell.
    pub spacing: Option<Duration>,
    /// How many frames since the delivery before this one nothing arrived of.
    pub unseen: u32,
}

/// What made a frame whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepairedBy {
    /// Parity that came with it.
    Parity,
    /// Chunks or parity that were sent on request.
    Retransmission,
}

/// What a chunk came to.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) outcome: Outcome,
    pub(crate) delivery: Option<Delivery>,
    /// How it was taken in, if it was.
    pub(crate) stored: Option<ChunkOutcome>,
}

/// Frames of one session on their way: a fixed ring of slots.
///
/// Any chunk of a frame can open its slot. The first one fixes the geometry, and one that contradicts it is refused. A
/// frame ends when it is whole, when a newer one is whole, when its deadline passes, or when its slot is needed; never
/// because chunks came out of order. Frames are delivered in rising order.
#[derive(Debug)]
pub(crate) struct Reassembler {
    slots: Vec<Slot>,
    spare: Vec<Slot>,
    /// The frame that was delivered last.
    delivered: Option<FrameId>,
    /// All frames up to this one have ended.
    floor: Option<FrameId>,
    /// Frames above the floor that have ended.
    ended: VecDeque<FrameId>,
    /// How many frames newer than the one delivered last have ended.
    ended_since: u32,
    deadline: Duration,
    /// From which frame on others may be ahead, and since when: the one that was delivered last, or one that began the
    /// stream or went on with it after a pause.
    anchor: Option<(FrameId, Instant)>,
    /// When a chunk was last accepted.
    fed: Option<Instant>,
    pool: Pool,
    repairer: Repairer,
    told: VecDeque<TrainReport>,
}

impl Reassembler {
    pub(crate) fn new(deadline: Duration) -> Self {
        Self {
            slots: Vec::with_capacity(MAX_FRAMES_IN_FLIGHT),
            spare: Vec::with_capacity(MAX_FRAMES_IN_FLIGHT),
            delivered: None,
            floor: None,
            ended: VecDeque::with_capacity(MOST_ENDED),
            ended_since: 0,
            deadline,
            anchor: None,
            fed: None,
            pool: Pool::new(MAX_FRAMES_IN_FLIGHT),
            repairer: Repairer::default(),
            told: VecDeque::with_capacity(MOST_TOLD),
        }
    }

    /// Begins another session: what is on its way is lost. Returns the newest frame that was known.
    ///
    /// If the other session was heard before, its frames up to `floor` have ended.
    pub(crate) fn reset(&mut self, floor: Option<FrameId>, lost: impl FnMut(Loss)) -> Option<FrameId> {
        self.give_up(|_| true, LossReason::Evicted, lost);
        let newest = self.newest();
        (self.delivered, self.floor, self.fed, self.anchor) = (None, floor, None, None);
        self.ended.clear();
        self.ended_since = 0;
        newest
    }

    /// Forgets all frames from `next` on, which the sender has not sent yet: what came of them was somebody else's.
    pub(crate) fn take_back(&mut self, next: FrameId, now: Instant, lost: impl FnMut(Loss)) {
        let is_older = |frame: FrameId| next.is_newer_than(frame);
        self.give_up(|slot| !is_older(slot.frame), LossReason::Evicted, lost);
        self.ended.retain(|ended| is_older(*ended));
        let last = next.before();
        self.floor = self.floor.map(|floor| if is_older(floor) { floor } else { last });
        // What was delivered in its name is no measure for what comes.
        self.delivered = self.delivered.filter(|delivered| is_older(*delivered));
        self.ended_since = self.ended.len() as u32;
        self.anchor = Some((last, now));
    }

    /// Takes in a chunk; says how the datagram ended, and gives out the frame if that made it whole.
    pub(crate) fn accept(&mut self, arrival: &Arrival<'_>, mut lost: impl FnMut(Loss)) -> Accepted {
        let &Arrival { header, geometry, now, .. } = arrival;
        let ended = |outcome| Accepted { outcome, delivery: None, stored: None };
        // A sender of this version makes one part of a frame; that a later one may make more is its own affair.
        if header.parts != 1 {
            return ended(Outcome::Unknown);
        }
        let at = match self.slots.iter().position(|slot| slot.frame == header.frame) {
            Some(at) => at,
            None => match self.refuses(header.frame, now) {
                Some(Outcome::Late) if arrival.parity.is_some() => return ended(Outcome::Spare),
                Some(outcome) => return ended(outcome),
                None => self.open(arrival, &mut lost),
            },
        };
        let in_flight = if arrival.parity.is_some() { self.bytes_in_flight() } else { 0 };
        let slot = &mut self.slots[at];
        if slot.contradicts(header, geometry) {
            return ended(Outcome::Contradictory);
        }
        let stored = match arrival.parity {
            None => slot.store(header.index.into(), arrival),
            Some(_) if in_flight + arrival.chunk.len() > MAX_BYTES_IN_FLIGHT => return ended(Outcome::Spare),
            Some((index, checksum)) => {
                match slot.store_parity(index, checksum, arrival.chunk, arrival.arrived, now) {
                    Some(stored) => stored,
                    None => return ended(Outcome::Contradictory),
                }
            }
        };
        if matches!(stored, ChunkOutcome::Twice | ChunkOutcome::TwiceLate(_)) {
            return Accepted { stored: Some(stored), ..ended(Outcome::Duplicate) };
        }
        self.fed = Some(now);
        let accepted = Accepted { stored: Some(stored), ..ended(Outcome::Accepted) };
        let repaired = slot.missing > 0;
        if repaired && !slot.is_repairable() {
            return accepted;
        }
        // What cannot be repaired with enough parity is not tried again with more: each attempt costs much.
        if repaired && !(slot.repair(&mut self.repairer) && slot.is_sound()) {
            let id = slot.frame;
            self.give_up(|slot| slot.frame == id, LossReason::Damaged, lost);
            return accepted;
        }
        let slot = self.slots.swap_remove(at);
        let repair = match (slot.was_helped, repaired) {
            (true, _) => Some(RepairedBy::Retransmission),
            (false, true) => Some(RepairedBy::Parity),
            (false, false) => None,
        };
        Accepted { delivery: Some(self.deliver(slot, repair, now, lost)), ..accepted }
    }

    /// The newest frame that is known.
    pub(crate) fn newest(&self) -> Option<FrameId> {
        let ended = self.ended.iter().copied();
        self.slots.iter().map(|slot| slot.frame).chain(ended).chain(self.floor).reduce(newer)
    }

    /// Of all frames known, the one that is furthest ahead of `from`, or least behind it. Half the range away is ahead:
    /// numbers that somebody made up have no order among themselves.
    pub(crate) fn furthest_from(&self, from: FrameId) -> Option<FrameId> {
        let slots = self.slots.iter().map(|slot| slot.frame);
        let known = slots.chain(self.ended.iter().copied()).chain(self.floor);
        known.max_by_key(|frame| match frame.ahead_of(from) {
            ahead if ahead == -i32::MAX => i32::MAX,
            ahead => ahead,
        })
    }

    /// The frames on their way.
    pub(crate) fn slots_mut(&mut self) -> &mut [Slot] {
        &mut self.slots
    }

    /// The frames on their way.
    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// How the next frame arrived whose train is over.
    pub(crate) fn next_told(&mut self) -> Option<TrainReport> {
        self.told.pop_front()
    }

    /// Notes that the end of a frame's first sending is overdue, or, if a newer frame has begun, that it `is_past`.
    pub(crate) fn end_train(&mut self, at: usize, since: Instant, is_past: bool) {
        let slot = &mut self.slots[at];
        let datagrams = slot.datagrams();
        slot.train.end(datagrams, since, is_past);
        if let Some(entry) = slot.tell_early() {
            self.told.push_back(TrainReport { entry: Some(entry), arrived: 0, missing: 0 });
        }
    }

    /// Gives up what has passed its deadline.
    pub(crate) fn handle_timeout(&mut self, now: Instant, lost: impl FnMut(Loss)) {
        let deadline = self.deadline;
        self.give_up(|slot| slot.train.first + deadline <= now, LossReason::Deadline, lost);
    }

    /// When the next deadline passes.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.slots.iter().map(|slot| slot.train.first + self.deadline).min()
    }

    /// Why a frame that has no slot gets none, if so.
    fn refuses(&self, frame: FrameId, now: Instant) -> Option<Outcome> {
        if self.floor.is_some_and(|floor| !frame.is_newer_than(floor)) || self.ended.contains(&frame) {
            return Some(Outcome::Late);
        }
        // A number that leaps ahead of a running stream would make all that follows look late. After a pause (a
        // pulled cable) the stream has really moved on.
        let (anchor, since) = self.anchor?;
        let running = self.fed.is_some_and(|fed| now.saturating_duration_since(fed) < PAUSE);
        let since = now.saturating_duration_since(since).as_millis().min(1 << 30) as i32;
        (running && frame.ahead_of(anchor) > MOST_AHEAD + since).then_some(Outcome::Contradictory)
    }

    fn open(&mut self, arrival: &Arrival<'_>, lost: &mut impl FnMut(Loss)) -> usize {
        let &Arrival { header, geometry, arrived, now, .. } = arrival;
        // Frames are sent one after the other.
        for at in 0..self.slots.len() {
            if header.frame.is_newer_than(self.slots[at].frame) {
                self.end_train(at, now, true);
                self.slots[at].nack.hope.get_or_insert(now);
            }
        }
        while self.slots.len() == MAX_FRAMES_IN_FLIGHT
            || self.bytes_in_flight() + geometry.length() > MAX_BYTES_IN_FLIGHT
        {
            let Some(oldest) = self.slots.iter().map(|slot| slot.frame).reduce(older) else { break };
            self.give_up(|slot| slot.frame == oldest, LossReason::Evicted, &mut *lost);
        }
        let is_running = self.fed.is_some_and(|fed| now.saturating_duration_since(fed) < PAUSE);
        if !is_running || self.anchor.is_none() {
            self.anchor = Some((header.frame, now));
        }
        // That of a frame that has just made room is the first to be used.
        let mut buffer = self.pool.take();
        let room = MAX_BYTES_IN_FLIGHT.saturating_sub(self.bytes_in_flight());
        if buffer.capacity() > room {
            buffer = Buffer::default();
        }
        // Large frames that ended leave no more behind than may be in flight.
        self.pool.keep_free(room.saturating_sub(geometry.length().max(buffer.capacity())));
        let mut slot = self.spare.pop().unwrap_or_else(|| Slot::empty(geometry, now));
        slot.open(header, geometry, arrived, now, buffer);
        self.slots.push(slot);
        self.slots.len() - 1
    }

    fn bytes_in_flight(&self) -> usize {
        self.slots.iter().map(Slot::bytes).sum()
    }

    fn deliver(
        &mut self,
        mut slot: Slot,
        repair: Option<RepairedBy>,
        now: Instant,
        lost: impl FnMut(Loss),
    ) -> Delivery {
        let id = slot.frame;
        report(&mut slot, &mut self.told);
        // Half the range apart neither is newer; of delivered ones the numbers only rise.
        self.give_up(|other| !other.frame.is_newer_than(id), LossReason::Superseded, lost);
        self.ended.retain(|ended| ended.is_newer_than(id));
        let newer_ended = self.ended.len() as u32;
        let ended_between = self.ended_since.saturating_sub(newer_ended);
        let between = self.delivered.map_or(0, |delivered| id.ahead_of(delivered).saturating_sub(1));
        self.ended_since = newer_ended;
        (self.delivered, self.anchor) = (Some(id), Some((id, now)));
        self.floor = Some(self.floor.map_or(id, |floor| newer(floor, id)));

        let (jpeg, signature) = slot.take_whole();
        let jpeg = self.pool.share(jpeg);
        let delivery = Delivery {
            id,
            frame: Frame { captured: slot.captured, jpeg, signature },
            first: slot.train.first,
            last: now,
            repair,
            spacing: slot.train.spacing(),
            unseen: u32::try_from(between).unwrap_or(0).saturating_sub(ended_between),
        };
        self.spare.push(slot);
        delivery
    }

    /// Ends the frames that `which` names; in no particular order.
    fn give_up(&mut self, which: impl Fn(&Slot) -> bool, reason: LossReason, mut lost: impl FnMut(Loss)) {
        while let Some(at) = self.slots.iter().position(&which) {
            let mut slot = self.slots.swap_remove(at);
            report(&mut slot, &mut self.told);
            let missing = u16::try_from(slot.missing).unwrap_or(u16::MAX);
            lost(Loss { frame: slot.frame, missing, chunks: slot.geometry.chunks() as u16, reason });
            // A frame that is forgotten must not begin again.
            if self.ended.len() == MOST_ENDED
                && let Some(forgotten) = self.ended.pop_front()
            {
                self.floor = Some(self.floor.map_or(forgotten, |floor| newer(floor, forgotten)));
            }
            self.ended.push_back(slot.frame);
            self.ended_since += 1;
            self.pool.share(slot.take());
            self.spare.push(slot);
        }
    }
}

fn report(slot: &mut Slot, told: &mut VecDeque<TrainReport>) {
    if told.len() >= MOST_TOLD {
        told.pop_front();
    }
    told.push_back(slot.report());
}

fn newer(a: FrameId, b: FrameId) -> FrameId {
    if b.is_newer_than(a) { b } else { a }
}

fn older(a: FrameId, b: FrameId) -> FrameId {
    if b.is_newer_than(a) { a } else { b }
}

/// Ended frames above the floor that are remembered: many more than can be in flight.
const MOST_ENDED: usize = 64;
/// How far ahead of the frame that was whole last a frame's number may be, and one more for each millisecond since: two
/// seconds at 30 frames per second.
const MOST_AHEAD: i32 = 64;
/// Trains that are over and wait to be reported.
const MOST_TOLD: usize = 16;
/// A stream of which nothing came for this long is not running.
pub(crate) const PAUSE: Duration = Duration::from_millis(100);

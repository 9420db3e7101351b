//! Reassembles frames, and gives up on time.

pub(super) mod absent;
mod accepted;
pub(super) mod arrival;
mod delivery;
mod end;
mod ended;
mod nack_state;
mod open;
pub(super) mod slot;
#[cfg(test)]
mod tests;
pub(super) mod train;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::fec::Repairer;
use crate::frame::{MAX_PARTS, Pool};
use crate::seq::{FrameId, PartId};
use crate::stats::{LossReason, Outcome};
use absent::AbsentPart;
pub(crate) use accepted::Accepted;
use arrival::Arrival;
pub use delivery::{Delivery, Loss, PartDelivery, RepairedBy};
pub(crate) use ended::PAUSE;
use ended::{EndedFrames, newer};
use slot::{ChunkOutcome, Slot};
use train::TrainReport;

/// The most frames that are put together at once.
pub const MAX_FRAMES_IN_FLIGHT: usize = 8;

/// The most bytes that all frames in flight may have together: 32 MiB.
pub const MAX_BYTES_IN_FLIGHT: usize = 32 << 20;

/// Frames of one session on their way, a slot for each of their parts: a bounded number of them.
///
/// Any chunk of a part can open its slot. The first one fixes the geometry, and that of a frame how many parts it has;
/// one that contradicts either is refused. A frame ends when all its parts are whole, when a newer one is whole, when
/// its deadline passes, or when its room is needed; never because chunks came out of order. Frames are delivered in
/// rising order.
#[derive(Debug)]
pub(crate) struct Reassembler {
    slots: Vec<Slot>,
    spare: Vec<Slot>,
    /// Parts of the same frames, of which nothing has come.
    absent: Vec<AbsentPart>,
    ended: EndedFrames,
    deadline: Duration,
    pool: Pool,
    repairer: Repairer,
    told: VecDeque<TrainReport>,
}

impl Reassembler {
    pub(crate) fn new(deadline: Duration) -> Self {
        Self {
            slots: Vec::with_capacity(MAX_FRAMES_IN_FLIGHT),
            spare: Vec::with_capacity(MAX_FRAMES_IN_FLIGHT),
            absent: Vec::with_capacity(MAX_PARTS),
            ended: EndedFrames::new(),
            deadline,
            pool: Pool::new(MOST_BUFFERS),
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
        self.ended.reset(floor);
        newest
    }

    /// Forgets all frames from `next` on, which the sender has not sent yet: what came of them was somebody else's.
    pub(crate) fn take_back(&mut self, next: FrameId, now: Instant, lost: impl FnMut(Loss)) {
        self.give_up(|slot| !next.is_newer_than(slot.id.frame), LossReason::Evicted, lost);
        self.ended.take_back(next, now);
    }

    /// Takes in a chunk; says how the datagram ended, and gives out the part or the frame if that made it whole.
    pub(crate) fn accept(&mut self, arrival: &Arrival<'_>, mut lost: impl FnMut(Loss)) -> Accepted {
        let &Arrival { header, geometry, now, .. } = arrival;
        if usize::from(header.parts) > MAX_PARTS {
            return Accepted::ended(Outcome::Unknown);
        }
        let at = match self.place_of(arrival, &mut lost) {
            Ok(at) => at,
            Err(outcome) => return Accepted::ended(outcome),
        };
        let in_flight = if arrival.parity.is_some() { self.bytes_in_flight() } else { 0 };
        let slot = &mut self.slots[at];
        if slot.contradicts(header, geometry) {
            return Accepted::ended(Outcome::Contradictory);
        }
        if slot.is_whole {
            return Accepted::ended(late(arrival));
        }
        let stored = match arrival.parity {
            None => slot.store(header.index.into(), arrival),
            Some(_) if in_flight + arrival.chunk.len() > MAX_BYTES_IN_FLIGHT => {
                return Accepted::ended(Outcome::Spare);
            }
            Some((index, checksum)) => {
                match slot.store_parity(index, checksum, arrival.chunk, arrival.arrived, now) {
                    Some(stored) => stored,
                    None => return Accepted::ended(Outcome::Contradictory),
                }
            }
        };
        if matches!(stored, ChunkOutcome::Twice | ChunkOutcome::TwiceLate(_)) {
            return Accepted { stored: Some(stored), ..Accepted::ended(Outcome::Duplicate) };
        }
        self.ended.fed(now);
        let accepted = Accepted { stored: Some(stored), ..Accepted::ended(Outcome::Accepted) };
        let repaired = slot.missing > 0;
        if repaired && !slot.is_repairable() {
            return accepted;
        }
        // What cannot be repaired with enough parity is not tried again with more: each attempt costs much.
        if repaired && !(slot.repair(&mut self.repairer) && slot.is_sound()) {
            let PartId { frame, .. } = slot.id;
            self.give_up(|slot| slot.id.frame == frame, LossReason::Damaged, lost);
            return accepted;
        }
        slot.end_whole(repaired);
        report(slot, &mut self.told);
        let (id, parts, captured) = (slot.id, slot.parts, slot.captured);
        let bytes = (parts > 1).then(|| self.pool.share(self.slots[at].whole().clone()));
        let of_frame = self.slots.iter().filter(|slot| slot.id.frame == id.frame && slot.is_whole);
        if let Some(bytes) = bytes.filter(|_| of_frame.count() < usize::from(parts)) {
            return Accepted { part: Some(PartDelivery { id, parts, captured, bytes }), ..accepted };
        }
        Accepted { delivery: Some(self.deliver(id.frame, at, now, lost)), ..accepted }
    }

    /// The newest frame that is known.
    pub(crate) fn newest(&self) -> Option<FrameId> {
        self.known().reduce(newer)
    }

    /// Of all frames known, the one that is furthest ahead of `from`, or least behind it. Half the range away is ahead:
    /// numbers that somebody made up have no order among themselves.
    pub(crate) fn furthest_from(&self, from: FrameId) -> Option<FrameId> {
        self.known().max_by_key(|frame| match frame.ahead_of(from) {
            ahead if ahead == -i32::MAX => i32::MAX,
            ahead => ahead,
        })
    }

    /// The parts on their way, and those that are whole.
    pub(crate) fn slots_mut(&mut self) -> &mut [Slot] {
        &mut self.slots
    }

    /// The parts on their way, and those that are whole.
    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Parts that were passed over: nothing of them has come.
    pub(crate) fn absent_mut(&mut self) -> &mut [AbsentPart] {
        &mut self.absent
    }

    /// Parts that were passed over: nothing of them has come.
    pub(crate) fn absent(&self) -> &[AbsentPart] {
        &self.absent
    }

    /// How the next part arrived whose train is over.
    pub(crate) fn next_told(&mut self) -> Option<TrainReport> {
        self.told.pop_front()
    }

    /// Notes that the end of a part's first sending is overdue, or, if a newer one has begun, that it `is_past`.
    pub(crate) fn end_train(&mut self, at: usize, since: Instant, is_past: bool) {
        let slot = &mut self.slots[at];
        let datagrams = slot.datagrams();
        slot.train.end(datagrams, since, is_past);
        self.told.extend(slot.tell_early());
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

    fn known(&self) -> impl Iterator<Item = FrameId> {
        self.slots.iter().map(|slot| slot.id.frame).chain(self.ended.known())
    }

    fn bytes_in_flight(&self) -> usize {
        self.slots.iter().map(Slot::bytes).sum()
    }
}

/// How a chunk ends that came too late: parity was not needed any more.
fn late(arrival: &Arrival<'_>) -> Outcome {
    if arrival.parity.is_some() { Outcome::Spare } else { Outcome::Late }
}

fn report(slot: &mut Slot, told: &mut VecDeque<TrainReport>) {
    if told.len() >= MOST_TOLD {
        told.pop_front();
    }
    told.push_back(slot.report());
}

/// Trains that are over and wait to be reported: those of all parts in flight may end at once.
const MOST_TOLD: usize = (MAX_FRAMES_IN_FLIGHT + 1) * MAX_PARTS;
/// Buffers that are used again: those of frames in flight and of their parts, and of frames that are being shown,
/// written and sent on.
const MOST_BUFFERS: usize = 4 * MAX_FRAMES_IN_FLIGHT;

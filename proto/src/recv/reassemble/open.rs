//! How frames and their parts begin: which may, and what makes room for them.

use std::time::Instant;

use super::absent::AbsentPart;
use super::arrival::Arrival;
use super::delivery::Loss;
use super::slot::Slot;
use super::{MAX_BYTES_IN_FLIGHT, MAX_FRAMES_IN_FLIGHT, Reassembler, late};
use crate::frame::Buffer;
use crate::geometry::MAX_FRAME_BYTES;
use crate::seq::{FrameId, PartId};
use crate::stats::{LossReason, Outcome};

impl Reassembler {
    /// The place of a chunk's part, which is opened if need be; or how its datagram ends.
    pub(super) fn place_of(
        &mut self,
        arrival: &Arrival<'_>,
        lost: &mut impl FnMut(Loss),
    ) -> Result<usize, Outcome> {
        let &Arrival { header, geometry, now, .. } = arrival;
        let id = header.part_id();
        // Nearly always it is the one that was opened last.
        if let Some(at) = self.slots.iter().rposition(|slot| slot.id == id) {
            return Ok(at);
        }
        let mut others = self.slots.iter().filter(|slot| slot.id.frame == id.frame).peekable();
        if others.peek().is_none() {
            if let Some(outcome) = self.ended.refuses(id.frame, now) {
                return Err(if outcome == Outcome::Late { late(arrival) } else { outcome });
            }
            self.ended.begin(id.frame, now);
        } else {
            let mut bytes = geometry.length();
            for other in others {
                bytes += other.geometry.length();
                if other.contradicts_frame(header) || bytes > MAX_FRAME_BYTES {
                    return Err(Outcome::Contradictory);
                }
            }
        }
        self.open(arrival, lost).ok_or(Outcome::Contradictory)
    }

    /// Opens the slot of a part; `None` if its own frame had to make room for it.
    fn open(&mut self, arrival: &Arrival<'_>, lost: &mut impl FnMut(Loss)) -> Option<usize> {
        let &Arrival { header, geometry, arrived, now, .. } = arrival;
        let id = header.part_id();
        // Parts are sent one after the other.
        for at in 0..self.slots.len() {
            if !self.slots[at].is_whole && id.is_newer_than(self.slots[at].id) {
                self.end_train(at, now, true);
                self.slots[at].nack.hope.get_or_insert(now);
            }
        }
        while self.is_full_for(id.frame) || self.bytes_in_flight() + geometry.length() > MAX_BYTES_IN_FLIGHT {
            let Some(oldest) = self.slots.iter().map(|slot| slot.id.frame).reduce(older) else { break };
            self.give_up(|slot| slot.id.frame == oldest, LossReason::Evicted, &mut *lost);
            if oldest == id.frame {
                return None;
            }
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
        if let Some(at) = self.absent.iter().position(|absent| absent.id == id) {
            let absent = self.absent.swap_remove(at);
            // One that is still sent for the first time was only late.
            if arrival.again {
                slot.was_absent(absent.last, now);
            }
        }
        self.slots.push(slot);
        self.pass_over(id, now);
        Some(self.slots.len() - 1)
    }

    /// Notes the parts before this one of which nothing has come.
    fn pass_over(&mut self, id: PartId, now: Instant) {
        for slot in &self.slots {
            let frame = slot.id.frame;
            let end = match id.frame.ahead_of(frame) {
                0 if slot.id == id => id.part,
                // All of an older frame.
                1.. => slot.parts,
                _ => 0,
            };
            for part in 0..end {
                let part = PartId { frame, part };
                let is_known = self.slots.iter().any(|slot| slot.id == part)
                    || self.absent.iter().any(|absent| absent.id == part);
                if !is_known {
                    self.absent.push(AbsentPart::new(part, now));
                }
            }
        }
    }

    /// Notes that the parts behind this one are overdue since then.
    pub(crate) fn pass_over_rest(&mut self, at: usize, since: Instant) {
        let Slot { id: PartId { frame, part }, parts, .. } = self.slots[at];
        let rest = (part + 1..parts).map(|part| AbsentPart::new(PartId { frame, part }, since));
        self.absent.extend(rest);
    }

    /// Of each frame in flight the place of the last part that has come, if others are still to come behind it.
    pub(crate) fn last_parts(&self) -> impl Iterator<Item = usize> {
        let is_last = |id: PartId| {
            let is_behind = |other: PartId| other.frame == id.frame && other.part > id.part;
            !self.slots.iter().any(|slot| is_behind(slot.id))
                && !self.absent.iter().any(|absent| is_behind(absent.id))
        };
        let slots = self.slots.iter().enumerate();
        let open = slots.filter(move |(_, slot)| slot.id.part + 1 < slot.parts && is_last(slot.id));
        open.map(|(at, _)| at)
    }

    /// Whether there are as many frames as there may be, none of which is this one.
    fn is_full_for(&self, frame: FrameId) -> bool {
        if self.slots.len() < MAX_FRAMES_IN_FLIGHT || self.slots.iter().any(|slot| slot.id.frame == frame) {
            return false;
        }
        let is_first = |at: &usize| {
            let frame = self.slots[*at].id.frame;
            self.slots[..*at].iter().all(|slot| slot.id.frame != frame)
        };
        (0..self.slots.len()).filter(is_first).count() >= MAX_FRAMES_IN_FLIGHT
    }
}

fn older(a: FrameId, b: FrameId) -> FrameId {
    if b.is_newer_than(a) { a } else { b }
}

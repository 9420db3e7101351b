//! How frames end: delivered, or given up.

use std::sync::Arc;
use std::time::Instant;

use super::delivery::{Delivery, Loss};
use super::slot::Slot;
use super::{Reassembler, report};
use crate::frame::{Buffer, Frame};
use crate::seq::{FrameId, PartId};
use crate::stats::LossReason;

impl Reassembler {
    /// Gives out a frame all of whose parts are whole, the one at `last` since now.
    pub(super) fn deliver(
        &mut self,
        id: FrameId,
        last: usize,
        now: Instant,
        lost: impl FnMut(Loss),
    ) -> Delivery {
        let spacing = self.slots[last].train.spacing();
        let captured = self.slots[last].captured;
        // Half the range apart neither is newer; of delivered ones the numbers only rise.
        let is_older = |slot: &Slot| slot.id.frame != id && !slot.id.frame.is_newer_than(id);
        self.give_up(is_older, LossReason::Superseded, lost);
        let unseen = self.ended.deliver(id, now);
        let own = || self.slots.iter().filter(|slot| slot.id.frame == id);
        let repair = own().filter_map(|slot| slot.repair).max();
        let first = own().map(|slot| slot.train.first).min().unwrap_or(now);
        let signature = own().find_map(|slot| slot.signature);
        let jpeg = self.take_whole(id);
        let frame = Frame { captured, jpeg, signature };
        Delivery { id, frame, first, last: now, repair, spacing, unseen }
    }

    /// Takes the bytes of a frame out of its slots: as they are if it is of one part.
    fn take_whole(&mut self, id: FrameId) -> Buffer {
        let parts = self.slots.iter().filter(|slot| slot.id.frame == id).count();
        let mut joined = if parts > 1 { Some(self.pool.take()) } else { None };
        if let Some(joined) = &mut joined {
            let bytes = Arc::get_mut(joined).expect("a buffer from the pool has one owner");
            bytes.clear();
            for part in 0..parts as u8 {
                let part = PartId { frame: id, part };
                let own = self.slots.iter().filter(|slot| slot.id == part);
                own.for_each(|slot| bytes.extend_from_slice(slot.whole()));
            }
        }
        self.absent.retain(|absent| absent.id.frame != id);
        while let Some(at) = self.slots.iter().position(|slot| slot.id.frame == id) {
            let mut slot = self.slots.swap_remove(at);
            let part = slot.take();
            joined.get_or_insert(part);
            self.spare.push(slot);
        }
        self.pool.share(joined.unwrap_or_default())
    }

    /// Ends the frames of which any part is one that `which` names, the oldest first.
    pub(super) fn give_up(
        &mut self,
        which: impl Fn(&Slot) -> bool,
        reason: LossReason,
        mut lost: impl FnMut(Loss),
    ) {
        let of_those = |slots: &[Slot]| {
            slots
                .iter()
                .filter(|slot| which(slot))
                .map(|slot| (slot.id.frame, slot.parts))
                .reduce(|a, b| if b.0.is_newer_than(a.0) { a } else { b })
        };
        while let Some((frame, parts)) = of_those(&self.slots) {
            let own = self.slots.iter().filter(|slot| slot.id.frame == frame);
            // Of parts of which nothing has come it is known that each has one chunk.
            let unseen = usize::from(parts).saturating_sub(own.count());
            let (mut missing, mut chunks) = (unseen, unseen);
            while let Some(at) = self.slots.iter().position(|slot| slot.id.frame == frame) {
                let mut slot = self.slots.swap_remove(at);
                chunks += slot.geometry.chunks();
                if slot.is_whole {
                    // It is in the pool already.
                    drop(slot.take());
                } else {
                    missing += slot.missing;
                    report(&mut slot, &mut self.told);
                    self.pool.share(slot.take());
                }
                self.spare.push(slot);
            }
            self.absent.retain(|absent| absent.id.frame != frame);
            let [missing, chunks] = [missing, chunks].map(|n| u16::try_from(n).unwrap_or(u16::MAX));
            lost(Loss { frame, missing, chunks, reason });
            self.ended.give_up(frame);
        }
    }
}

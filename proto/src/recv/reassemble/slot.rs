//! One part of a frame in flight: its bytes, which chunks have arrived, and what was done about the others.

use std::sync::Arc;
use std::time::Instant;

use super::arrival::Arrival;
use super::delivery::RepairedBy;
use super::nack_state::NackState;
use super::train::{ArrivalTrain, TrainReport};
use crate::fec::{Repairer, most_parity};
use crate::frame::{Buffer, MediaTime, Signature};
use crate::geometry::Geometry;
use crate::seq::PartId;
use crate::wire::{Header, TrainEntry, lost_much};

/// One part on its way, or whole and waiting for the others of its frame.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) id: PartId,
    /// Of how many parts its frame is.
    pub(crate) parts: u8,
    pub(crate) captured: MediaTime,
    pub(crate) geometry: Geometry,
    /// Parity chunks that are sent with it, as it is said; and as many of these as can be.
    said_parity: u16,
    is_signed: bool,
    planned: usize,
    /// The frame's signature, if it was at the end of this part.
    pub(super) signature: Option<Signature>,
    /// Whether nothing is missing any more, and what made it so if not all of it came at first.
    pub(crate) is_whole: bool,
    pub(super) repair: Option<RepairedBy>,
    /// Present while the slot is in use; shared once it is whole.
    buffer: Option<Buffer>,
    /// One bit per data chunk.
    have: Vec<u64>,
    /// The same of those that came when they were first sent.
    first_time: Vec<u64>,
    pub(crate) missing: usize,
    parity: Vec<u8>,
    parity_indices: Vec<u16>,
    checksum: Option<u32>,
    pub(crate) train: ArrivalTrain,
    pub(crate) nack: NackState,
    /// Whether something came that was sent on request.
    was_helped: bool,
}

/// How a chunk was taken in; lateness in microseconds, so that it fits a register: read back from memory right after
/// the chunk was written, it would wait for all of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChunkOutcome {
    /// In its place, in order as far as is known.
    New,
    /// In its place, so long after a later one.
    Late(u32),
    /// In its place, sent again.
    Again,
    /// It was there.
    Twice,
    /// It was there because it had been sent again, without need: it came so long after a later one.
    TwiceLate(u32),
}

impl Slot {
    pub(super) fn empty(geometry: Geometry, now: Instant) -> Self {
        Self {
            id: PartId::default(),
            parts: 1,
            captured: MediaTime::default(),
            geometry,
            said_parity: 0,
            is_signed: false,
            planned: 0,
            signature: None,
            is_whole: false,
            repair: None,
            buffer: None,
            have: Vec::new(),
            first_time: Vec::new(),
            missing: 0,
            parity: Vec::new(),
            parity_indices: Vec::new(),
            checksum: None,
            train: ArrivalTrain::empty(now),
            nack: NackState::default(),
            was_helped: false,
        }
    }

    /// Begins a part of which a chunk is here, in a buffer of another, or an empty one.
    pub(super) fn open(
        &mut self,
        header: &Header,
        geometry: Geometry,
        arrived: Instant,
        now: Instant,
        mut buffer: Buffer,
    ) {
        (self.id, self.parts, self.captured) = (header.part_id(), header.parts, header.captured);
        (self.signature, self.is_whole, self.repair) = (None, false, None);
        (self.geometry, self.said_parity, self.is_signed) =
            (geometry, header.parity_chunks, header.is_signed);
        self.planned = usize::from(header.parity_chunks).min(most_parity(geometry.chunks()));
        self.missing = geometry.chunks();
        clear(&mut self.have, geometry.chunks());
        clear(&mut self.first_time, geometry.chunks());
        self.parity.clear();
        self.parity_indices.clear();
        self.checksum = None;
        self.was_helped = false;
        let index = usize::from(header.index);
        let place = match index.checked_sub(geometry.chunks()) {
            None => index,
            // Parity that was made later stands behind all that is sent first.
            Some(parity) => geometry.chunks() + self.place_of_parity(parity).min(self.planned.max(1) - 1),
        };
        self.train.begin(place, geometry.chunks() / UNMEASURED, arrived, now);
        self.nack.begin(geometry.chunks());
        let bytes = Arc::get_mut(&mut buffer).expect("a buffer from the pool has one owner");
        let length = geometry.length();
        if bytes.capacity() < length || bytes.capacity() > (2 * length).max(LARGE) {
            // Zeroed pages cost nothing before they are written to, so that a header alone cannot fill the memory;
            // some room to spare, so that a stream of growing frames does not allocate for each.
            *bytes = vec![0; (length + length / 4).min(length.max(LARGE))];
        }
        // What is in it is written over, and cut off in the end: who begins frame after frame of which nothing comes
        // must not have it cleared each time, which takes much longer than to read a datagram.
        bytes.resize(length.max(bytes.len()), 0);
        self.buffer = Some(buffer);
    }

    /// It was passed over before anything of it came, and was requested, if it was, so long ago.
    pub(super) fn was_absent(&mut self, requested: Option<Instant>, now: Instant) {
        if requested.is_some() {
            self.nack.requested(requested);
            self.train.end(self.datagrams(), now, true);
        }
    }

    /// Bytes of memory that it holds.
    pub(super) fn bytes(&self) -> usize {
        self.buffer.as_ref().map_or(0, |buffer| buffer.capacity()) + self.parity.capacity()
    }

    /// Where in memory.
    #[cfg(test)]
    pub(super) fn place(&self) -> *const u8 {
        self.buffer.as_ref().expect(IN_USE).as_ptr()
    }

    /// Its buffer; the slot is not in use any more.
    pub(super) fn take(&mut self) -> Buffer {
        if self.parity.capacity() > LARGE {
            self.parity = Vec::new();
        }
        self.buffer.take().expect(IN_USE)
    }

    /// Nothing is missing any more, perhaps because it was repaired; what is not the part's is cut off. Its bytes are
    /// to be shared from now on.
    pub(super) fn end_whole(&mut self, repaired: bool) {
        self.is_whole = true;
        self.repair = match (self.was_helped, repaired) {
            (true, _) => Some(RepairedBy::Retransmission),
            (false, true) => Some(RepairedBy::Parity),
            (false, false) => None,
        };
        let buffer = self.buffer.as_mut().expect(IN_USE);
        let bytes = Arc::get_mut(buffer).expect(NOT_SHARED);
        bytes.truncate(self.geometry.length());
        self.signature = bytes.last_chunk().copied().filter(|_| self.is_signed);
        bytes.truncate(bytes.len() - self.signature.map_or(0, |signature| signature.len()));
    }

    /// The bytes of a part that is whole.
    pub(super) fn whole(&self) -> &Buffer {
        self.buffer.as_ref().expect(IN_USE)
    }

    /// Whether a chunk of this part was cut otherwise than the first one said.
    pub(super) fn contradicts(&self, header: &Header, geometry: Geometry) -> bool {
        (self.geometry, self.said_parity, self.is_signed)
            != (geometry, header.parity_chunks, header.is_signed)
            || self.contradicts_frame(header)
    }

    /// Whether a chunk of this part's frame says something else of the frame.
    pub(super) fn contradicts_frame(&self, header: &Header) -> bool {
        (self.parts, self.captured) != (header.parts, header.captured)
    }

    /// Puts a data chunk in its place.
    pub(super) fn store(&mut self, index: usize, arrival: &Arrival<'_>) -> ChunkOutcome {
        let &Arrival { chunk, again, arrived, now, .. } = arrival;
        let is_new = !self.has(index);
        let mut late = None;
        if !again && !is_set(&self.first_time, index) {
            set(&mut self.first_time, index);
            late = self.train.passed(index, arrived, now);
        }
        if !is_new {
            return late.map_or(ChunkOutcome::Twice, ChunkOutcome::TwiceLate);
        }
        set(&mut self.have, index);
        self.missing -= 1;
        let buffer = self.buffer.as_mut().expect(IN_USE);
        let bytes = Arc::get_mut(buffer).expect(NOT_SHARED);
        bytes[self.geometry.range(index)].copy_from_slice(chunk);
        if again {
            self.was_helped = true;
            return ChunkOutcome::Again;
        }
        late.map_or(ChunkOutcome::New, ChunkOutcome::Late)
    }

    /// Keeps a parity chunk; `None` if it says something else of the part than another did.
    pub(super) fn store_parity(
        &mut self,
        index: usize,
        checksum: u32,
        chunk: &[u8],
        arrived: Instant,
        now: Instant,
    ) -> Option<ChunkOutcome> {
        if *self.checksum.get_or_insert(checksum) != checksum {
            return None;
        }
        let index16 = u16::try_from(index).ok()?;
        // More than are missing help nobody.
        if self.parity_indices.contains(&index16) || self.usable_parity() >= self.missing {
            return Some(ChunkOutcome::Twice);
        }
        self.parity_indices.push(index16);
        self.parity.extend_from_slice(chunk);
        let place = self.place_of_parity(index);
        if place >= self.planned {
            // It was made later, on request.
            self.was_helped = true;
            return Some(ChunkOutcome::Again);
        }
        self.train.passed(self.geometry.chunks() + place, arrived, now);
        Some(ChunkOutcome::New)
    }

    /// Whether there is as much parity as data is missing.
    pub(super) fn is_repairable(&self) -> bool {
        self.usable_parity() >= self.missing
    }

    /// Computes what is missing; whether that fits the geometry. It may still be wrong: see
    /// [`is_sound`](Self::is_sound).
    pub(super) fn repair(&mut self, repairer: &mut Repairer) -> bool {
        let parity = self.parity_indices.iter().map(|&index| usize::from(index));
        let parity = parity.zip(self.parity.chunks_exact(self.geometry.chunk_bytes()));
        let buffer = self.buffer.as_mut().expect(IN_USE);
        let bytes = Arc::get_mut(buffer).expect(NOT_SHARED);
        repairer.repair(self.geometry, &mut bytes[..self.geometry.length()], &self.have, parity)
    }

    /// Whether the part is what the sender made parity of.
    pub(super) fn is_sound(&self) -> bool {
        let bytes = self.buffer.as_ref().expect(IN_USE);
        self.checksum == Some(crc32fast::hash(&bytes[..self.geometry.length()]))
    }

    pub(crate) fn has(&self, index: usize) -> bool {
        is_set(&self.have, index)
    }

    /// How many missing chunks the parity that is here makes up for. The exclusive or of all makes up for one, and is
    /// of no use beside other parity.
    pub(crate) fn usable_parity(&self) -> usize {
        let has_xor = self.parity_indices.contains(&0);
        let others = self.parity_indices.len() - usize::from(has_xor);
        others.max(usize::from(has_xor))
    }

    /// Whether all parity that there is, or will be, is the exclusive or.
    pub(crate) fn is_xor_only(&self) -> bool {
        self.planned == 1 && self.parity_indices.iter().all(|&index| index == 0)
    }

    /// Parity chunks that are still to come.
    pub(crate) fn parity_to_come(&self) -> usize {
        let past = (self.train.last_index + 1).saturating_sub(self.geometry.chunks());
        if self.train.is_over { 0 } else { self.planned.saturating_sub(past) }
    }

    /// Datagrams of the part, data and parity, as they are first sent.
    pub(crate) fn datagrams(&self) -> usize {
        self.geometry.chunks() + self.planned
    }

    /// How it arrived, before it has ended, if much of it or of its end did not: the next frames should go slower. It
    /// cannot wait for the end: while a path is sent three times what it carries, no frame becomes whole.
    pub(super) fn tell_early(&mut self) -> Option<TrainReport> {
        let (head, tail) = self.lost_at_first();
        let entry = self.entry(head, tail);
        let lost_much = lost_much((head + tail) as u32, self.geometry.chunks() as u32);
        let is_urgent = !self.train.is_told && (lost_much || entry.lost_its_end());
        self.train.is_told |= is_urgent;
        is_urgent.then_some(TrainReport { entry: Some(entry), arrived: 0, missing: 0 })
    }

    /// How it arrived, now that it has ended.
    pub(super) fn report(&mut self) -> TrainReport {
        let (head, tail) = self.lost_at_first();
        let is_told = std::mem::replace(&mut self.train.is_told, true);
        TrainReport {
            entry: (!is_told).then(|| self.entry(head, tail)),
            arrived: (self.expected() - head - tail) as u64,
            missing: (head + tail) as u64,
        }
    }

    fn entry(&self, head: usize, tail: usize) -> TrainEntry {
        TrainEntry {
            id: self.id,
            first: self.train.from_index as u16,
            last: self.train.last_index as u16,
            span: self.train.span(),
            missing_head: head as u16,
            missing_tail: tail as u16,
        }
    }

    /// How many data chunks of each half did not come when they were first sent, as far as they should have.
    fn lost_at_first(&self) -> (usize, usize) {
        let half = self.geometry.chunks() / 2;
        let is_lost = |index: &usize| !is_set(&self.first_time, *index);
        let head = (0..self.expected().min(half)).filter(is_lost).count();
        (head, (half..self.expected()).filter(is_lost).count())
    }

    /// How many data chunks should have come by now.
    fn expected(&self) -> usize {
        let chunks = self.geometry.chunks();
        if self.train.is_over { chunks } else { (self.train.last_index + 1).min(chunks) }
    }

    /// Where a parity chunk stands among those planned: the exclusive or alone, or Reed-Solomon, which begins behind
    /// it.
    fn place_of_parity(&self, index: usize) -> usize {
        if self.planned == 1 { index } else { index.saturating_sub(1) }
    }
}

fn is_set(bits: &[u64], index: usize) -> bool {
    bits[index / 64] & (1 << (index % 64)) != 0
}

fn set(bits: &mut [u64], index: usize) {
    bits[index / 64] |= 1 << (index % 64);
}

fn clear(bits: &mut Vec<u64>, count: usize) {
    bits.clear();
    bits.resize(count.div_ceil(64), 0);
}

/// Why a slot has a buffer.
const IN_USE: &str = "a slot in use has a buffer";
/// Why it has one owner.
const NOT_SHARED: &str = "a part is shared only when it is whole";
/// A buffer smaller than this is kept for any frame.
const LARGE: usize = 1 << 20;
/// The first part of a train, one in so many, is not measured: what shapes traffic lets a burst pass at full speed
/// after a pause, and only then is as slow as it is.
const UNMEASURED: usize = 4;

//! One frame on its way: its bytes, and which of them have arrived.

use std::sync::Arc;
use std::time::Instant;

use crate::geometry::Geometry;
use crate::wire::Header;
use crate::{Buffer, FrameId, MediaTime, Pool};

/// One frame on its way.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) frame: FrameId,
    pub(super) captured: MediaTime,
    pub(super) geometry: Geometry,
    parity_chunks: u16,
    /// Present while the slot is in use.
    buffer: Option<Buffer>,
    /// One bit per chunk.
    have: Vec<u64>,
    pub(super) missing: usize,
    pub(super) first: Instant,
}

impl Slot {
    pub(super) fn empty(geometry: Geometry, now: Instant) -> Self {
        Self {
            frame: FrameId::new(0),
            captured: MediaTime::default(),
            geometry,
            parity_chunks: 0,
            buffer: None,
            have: Vec::new(),
            missing: 0,
            first: now,
        }
    }

    pub(super) fn open(&mut self, header: &Header, geometry: Geometry, now: Instant, pool: &mut Pool) {
        (self.frame, self.captured, self.first) = (header.frame, header.captured, now);
        (self.geometry, self.parity_chunks) = (geometry, header.parity_chunks);
        self.missing = geometry.chunks();
        self.have.clear();
        self.have.resize(geometry.chunks().div_ceil(64), 0);
        let mut buffer = pool.take();
        let bytes = Arc::get_mut(&mut buffer).expect("a buffer from the pool has one owner");
        let length = geometry.length();
        if bytes.capacity() < length || bytes.capacity() > (2 * length).max(LARGE) {
            // Zeroed pages cost nothing before they are written to, so that a header alone cannot fill the memory;
            // some room to spare, so that a stream of growing frames does not allocate for each.
            *bytes = vec![0; (length + length / 4).min(length.max(LARGE))];
        }
        bytes.resize(length.max(bytes.len()), 0);
        bytes.truncate(length);
        self.buffer = Some(buffer);
    }

    /// Bytes of memory that it holds.
    pub(super) fn bytes(&self) -> usize {
        self.buffer.as_ref().map_or(0, |buffer| buffer.capacity())
    }

    /// Its buffer; the slot is not in use any more.
    pub(super) fn take(&mut self) -> Buffer {
        self.buffer.take().expect(IN_USE)
    }

    /// Whether a chunk of this frame was cut otherwise than the first one said.
    pub(super) fn contradicts(&self, header: &Header, geometry: Geometry) -> bool {
        (self.geometry, self.parity_chunks, self.captured)
            != (geometry, header.parity_chunks, header.captured)
    }

    /// Puts a chunk in its place; `false` if it was there.
    pub(super) fn store(&mut self, index: usize, chunk: &[u8]) -> bool {
        let (word, bit) = (&mut self.have[index / 64], 1 << (index % 64));
        if *word & bit != 0 {
            return false;
        }
        *word |= bit;
        self.missing -= 1;
        let buffer = self.buffer.as_mut().expect(IN_USE);
        let bytes = Arc::get_mut(buffer).expect("a frame is shared only when it is whole");
        bytes[self.geometry.range(index)].copy_from_slice(chunk);
        true
    }
}

/// Why a slot has a buffer.
const IN_USE: &str = "a slot in use has a buffer";
/// A buffer smaller than this is kept for any frame.
const LARGE: usize = 1 << 20;

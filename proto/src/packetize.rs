//! Cuts a frame into datagrams.

use std::ops::Range;

use thiserror::Error;

use crate::geometry::{Geometry, MAX_FRAME_BYTES};
use crate::wire::{self, HEADER_BYTES, Header, Kind};
use crate::{FrameId, MediaTime, SessionId};

/// All datagrams of a frame in one buffer, at equal distances; only the last may be shorter.
///
/// Pacing sends a range of it, segmentation offload wants that range in one piece, and the buffer is used again for the
/// next frame.
#[derive(Debug, Default)]
pub struct Slab {
    bytes: Vec<u8>,
    stride: usize,
    datagrams: usize,
}

/// Why a frame cannot be sent.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum CutError {
    /// It has no bytes.
    #[error("the frame is empty")]
    Empty,
    /// It is larger than the protocol carries, at this datagram size.
    #[error("the frame has {bytes} bytes; at most {} can be sent", MAX_FRAME_BYTES)]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
}

impl Slab {
    /// Cuts `jpeg` into datagrams of at most `datagram_bytes` and seals each. What the slab held before is gone.
    pub fn cut(
        &mut self,
        jpeg: &[u8],
        session: SessionId,
        frame: FrameId,
        captured: MediaTime,
        datagram_bytes: usize,
    ) -> Result<(), CutError> {
        self.datagrams = 0;
        if jpeg.is_empty() {
            return Err(CutError::Empty);
        }
        let geometry = Geometry::cut(jpeg.len(), datagram_bytes.saturating_sub(HEADER_BYTES))
            .ok_or(CutError::TooLarge { bytes: jpeg.len() })?;
        self.stride = HEADER_BYTES + geometry.chunk_bytes();
        self.datagrams = geometry.chunks();
        let total = geometry.chunks() * HEADER_BYTES + jpeg.len();
        // Old bytes are overwritten below, so only what is new is cleared.
        self.bytes.resize(total.max(self.bytes.len()), 0);
        self.bytes.truncate(total);

        let mut header = Header {
            kind: Kind::Data,
            session,
            frame,
            part: 0,
            parts: 1,
            index: 0,
            data_chunks: geometry.chunks() as u16,
            parity_chunks: 0,
            length: jpeg.len() as u32,
            captured,
        };
        for (index, datagram) in self.bytes.chunks_mut(self.stride).enumerate() {
            header.index = index as u16;
            datagram[HEADER_BYTES..].copy_from_slice(&jpeg[geometry.range(index)]);
            wire::emit(&header, datagram);
        }
        Ok(())
    }

    /// How many datagrams there are.
    pub fn len(&self) -> usize {
        self.datagrams
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.datagrams == 0
    }

    /// Bytes of every datagram but the last.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// The datagrams of this range, one behind the other.
    pub fn range(&self, datagrams: Range<usize>) -> &[u8] {
        let end = (datagrams.end * self.stride).min(self.bytes.len());
        &self.bytes[datagrams.start * self.stride..end]
    }

    /// Bytes of all datagrams.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Body, Datagram};

    #[test]
    fn the_chunks_of_a_slab_are_the_frame() {
        let mut slab = Slab::default();
        for length in [1, 2, 1431, 1432, 1433, 100_000, 5] {
            let jpeg: Vec<u8> = (0..length).map(|i| (i * 7 % 251) as u8).collect();
            slab.cut(&jpeg, SessionId::new(1), FrameId::new(2), MediaTime::from_micros(3), 1472).unwrap();
            let mut found = Vec::new();
            for index in 0..slab.len() {
                let bytes = slab.range(index..index + 1);
                assert!(bytes.len() <= 1472);
                let datagram = Datagram::parse(bytes).unwrap();
                assert_eq!(usize::from(datagram.header.index), index);
                let Body::Data { chunk, .. } = datagram.body else { panic!("not data") };
                found.extend_from_slice(chunk);
            }
            assert_eq!(found, jpeg);
        }
    }

    #[test]
    fn what_cannot_be_carried_is_refused_by_name() {
        let (mut slab, s, f, t) = (Slab::default(), SessionId::new(1), FrameId::new(1), MediaTime::default());
        assert_eq!(slab.cut(&[], s, f, t, 1472), Err(CutError::Empty));
        let large = vec![0; MAX_FRAME_BYTES + 1];
        assert_eq!(slab.cut(&large, s, f, t, 1472), Err(CutError::TooLarge { bytes: large.len() }));
        assert!(slab.is_empty());
    }
}

//! Splits a part of a frame into datagrams, and makes parity for it.

use std::ops::Range;

use thiserror::Error;

use crate::fec::{ParityEncoder, most_parity};
use crate::frame::{MediaTime, Signature};
use crate::geometry::{Geometry, MAX_FRAME_BYTES};
use crate::seq::{FrameId, PartId, SessionId};
use crate::wire::{self, HEADER_BYTES, Header, Kind, PARITY_CHECKSUM_BYTES};

/// All datagrams of a part of a frame: its data in one buffer at equal distances, of which only the last may be
/// shorter, and its parity in another.
///
/// Pacing sends a range of it, segmentation offload wants that range in one piece, parity wants chunks of equal length,
/// a resend wants one datagram again, and the buffers are used again for a later part.
#[derive(Debug, Default)]
pub struct Slab {
    /// What all its headers share.
    header: Option<Header>,
    geometry: Option<Geometry>,
    bytes: Vec<u8>,
    parity: Vec<u8>,
    /// Which parity chunks are made.
    made: Range<usize>,
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

/// What the headers of a part's datagrams say of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PartHead {
    pub(crate) session: SessionId,
    pub(crate) id: PartId,
    /// Of how many parts the frame is.
    pub(crate) parts: u8,
    pub(crate) captured: MediaTime,
}

impl Slab {
    /// Cuts a frame of one part, `jpeg` and its signature behind it, into datagrams of at most `datagram_bytes` and
    /// seals each. What the slab held before is gone.
    ///
    /// `parity` says how many parity chunks are meant to go with so many data chunks.
    #[allow(
        clippy::too_many_arguments,
        reason = "what a frame is, and what its headers say, and how it is cut"
    )]
    pub fn cut(
        &mut self,
        jpeg: &[u8],
        signature: Option<&Signature>,
        session: SessionId,
        frame: FrameId,
        captured: MediaTime,
        datagram_bytes: usize,
        parity: impl FnOnce(usize) -> usize,
    ) -> Result<(), CutError> {
        let head = PartHead { session, id: PartId { frame, part: 0 }, parts: 1, captured };
        self.cut_part(std::iter::once(jpeg), signature, head, datagram_bytes, parity)
    }

    /// The same of a part, whose bytes are those of `pieces`, one behind the other.
    pub(crate) fn cut_part<'a>(
        &mut self,
        pieces: impl Iterator<Item = &'a [u8]> + Clone,
        signature: Option<&'a Signature>,
        head: PartHead,
        datagram_bytes: usize,
        parity: impl FnOnce(usize) -> usize,
    ) -> Result<(), CutError> {
        (self.header, self.geometry) = (None, None);
        if pieces.clone().any(<[u8]>::is_empty) {
            return Err(CutError::Empty);
        }
        // A parity datagram is the longest: it has the part's checksum beside its chunk.
        let largest = datagram_bytes.saturating_sub(HEADER_BYTES + PARITY_CHECKSUM_BYTES);
        let mut pieces = pieces.chain(signature.map(Signature::as_slice));
        let length = pieces.clone().map(<[u8]>::len).sum();
        let geometry = Geometry::cut(length, largest).ok_or(CutError::TooLarge { bytes: length })?;
        let parity = parity(geometry.chunks()).min(most_parity(geometry.chunks()));
        let total = geometry.chunks() * HEADER_BYTES + length;
        // Old bytes are overwritten below, so only what is new is cleared.
        self.bytes.resize(total.max(self.bytes.len()), 0);
        self.bytes.truncate(total);
        self.parity.clear();
        // One is the exclusive or of all chunks. Reed-Solomon begins behind it: the two cannot be mixed.
        self.made = if parity == 1 { 0..0 } else { 1..1 };

        let mut header = Header {
            kind: Kind::Data,
            session: head.session,
            frame: head.id.frame,
            part: head.id.part,
            parts: head.parts,
            is_signed: signature.is_some(),
            index: 0,
            data_chunks: geometry.chunks() as u16,
            parity_chunks: parity as u16,
            length: length as u32,
            captured: head.captured,
        };
        (self.header, self.geometry) = (Some(header), Some(geometry));
        let mut piece: &[u8] = &[];
        for (index, datagram) in self.bytes.chunks_mut(HEADER_BYTES + geometry.chunk_bytes()).enumerate() {
            header.index = index as u16;
            fill(&mut datagram[HEADER_BYTES..], &mut piece, &mut pieces);
            wire::emit(&header, datagram);
        }
        Ok(())
    }

    /// Makes parity datagrams, so that there are `count` in all, or as many as the code has.
    pub(crate) fn make_parity(&mut self, count: usize, encoder: &mut ParityEncoder) {
        let (Some(header), Some(geometry)) = (self.header, self.geometry) else { return };
        let end = (self.made.start + count).min(most_parity(geometry.chunks()) + 1);
        if end <= self.made.end {
            return;
        }
        let wanted = self.made.end..end;
        self.made.end = end;
        let stride = HEADER_BYTES + geometry.chunk_bytes();
        let chunks = || self.bytes.chunks(stride).map(|datagram| &datagram[HEADER_BYTES..]);
        let mut checksum = crc32fast::Hasher::new();
        chunks().for_each(|chunk| checksum.update(chunk));
        let checksum = checksum.finalize().to_be_bytes();
        let parity = &mut self.parity;
        encoder.encode(geometry, chunks(), wanted, |index, chunk| {
            let from = parity.len();
            parity.resize(from + HEADER_BYTES, 0);
            parity.extend_from_slice(&checksum);
            parity.extend_from_slice(chunk);
            let index = (geometry.chunks() + index) as u16;
            wire::emit(&Header { kind: Kind::Parity, index, ..header }, &mut parity[from..]);
        });
    }

    /// How many data datagrams there are.
    pub fn len(&self) -> usize {
        self.geometry.map_or(0, Geometry::chunks)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.geometry.is_none()
    }

    /// How many parity datagrams are meant to be sent with the data.
    pub fn planned_parity(&self) -> usize {
        self.header.map_or(0, |header| header.parity_chunks.into())
    }

    /// How many parity datagrams are made.
    pub(crate) fn parity_made(&self) -> usize {
        self.made.len()
    }

    /// Bytes of every data datagram but the last.
    pub fn stride(&self) -> usize {
        HEADER_BYTES + self.geometry.map_or(0, Geometry::chunk_bytes)
    }

    /// Bytes of every parity datagram.
    pub fn parity_stride(&self) -> usize {
        self.stride() + PARITY_CHECKSUM_BYTES
    }

    /// The data datagrams of this range, one behind the other.
    pub fn range(&self, datagrams: Range<usize>) -> &[u8] {
        let end = (datagrams.end * self.stride()).min(self.bytes.len());
        &self.bytes[datagrams.start * self.stride()..end]
    }

    /// The parity datagrams of this range of those made, one behind the other.
    pub(crate) fn parity_range(&self, datagrams: Range<usize>) -> &[u8] {
        &self.parity[datagrams.start * self.parity_stride()..datagrams.end * self.parity_stride()]
    }

    /// Bytes of all data datagrams, and of the parity meant to be sent with them.
    pub fn bytes(&self) -> usize {
        if self.is_empty() { 0 } else { self.bytes.len() + self.planned_parity() * self.parity_stride() }
    }

    /// Bytes of memory that it holds.
    pub(crate) fn memory(&self) -> usize {
        self.bytes.capacity() + self.parity.capacity()
    }
}

/// Copies the next bytes of `piece` and of those behind it.
fn fill<'a>(mut into: &mut [u8], piece: &mut &'a [u8], behind: &mut impl Iterator<Item = &'a [u8]>) {
    while !into.is_empty() {
        if piece.is_empty() {
            *piece = behind.next().expect("the pieces have as many bytes as were counted");
        }
        let (next, rest) = piece.split_at(into.len().min(piece.len()));
        let (filled, left) = into.split_at_mut(next.len());
        filled.copy_from_slice(next);
        (*piece, into) = (rest, left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Body, Datagram};

    #[test]
    fn the_chunks_of_a_slab_are_the_frame() {
        let mut slab = Slab::default();
        for length in [1, 2, 1427, 1428, 1429, 100_000, 5] {
            let jpeg: Vec<u8> = (0..length).map(|i| (i * 7 % 251) as u8).collect();
            slab.cut(&jpeg, None, SessionId::new(1), FrameId::new(2), MediaTime::from_micros(3), 1472, |_| 0)
                .unwrap();
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
    fn a_part_is_cut_from_its_pieces_as_from_one_and_says_which_it_is() {
        let bytes: Vec<u8> = (0..9000).map(|i| (i * 7 % 251) as u8).collect();
        let signature = [7; crate::SIGNATURE_BYTES];
        let head = PartHead {
            session: SessionId::new(1),
            id: PartId { frame: FrameId::new(2), part: 3 },
            parts: 4,
            captured: MediaTime::from_micros(5),
        };
        let (mut slab, mut pieces) = (Slab::default(), Slab::default());
        slab.cut_part(std::iter::once(&bytes[..]), Some(&signature), head, 1472, |_| 2).unwrap();
        for at in [1, 1428, 4000, 8999] {
            let (front, back) = bytes.split_at(at);
            pieces.cut_part([front, back].into_iter(), Some(&signature), head, 1472, |_| 2).unwrap();
            assert_eq!(pieces.range(0..pieces.len()), slab.range(0..slab.len()), "{at}");
        }
        let Datagram { header, .. } = Datagram::parse(slab.range(0..1)).unwrap();
        assert_eq!((header.part_id(), header.parts, header.is_signed), (head.id, 4, true));
        let empty = pieces.cut_part([&bytes[..], &[]].into_iter(), None, head, 1472, |_| 0);
        assert_eq!(empty, Err(CutError::Empty), "it is not all there");
    }

    #[test]
    fn what_cannot_be_carried_is_refused_by_name() {
        let (mut slab, s, f, t) = (Slab::default(), SessionId::new(1), FrameId::new(1), MediaTime::default());
        assert_eq!(slab.cut(&[], None, s, f, t, 1472, |_| 0), Err(CutError::Empty));
        let large = vec![0; MAX_FRAME_BYTES + 1];
        assert_eq!(
            slab.cut(&large, None, s, f, t, 1472, |_| 0),
            Err(CutError::TooLarge { bytes: large.len() })
        );
        assert!(slab.is_empty());
    }
}

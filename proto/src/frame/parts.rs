//! A frame in parts, of which each goes on as soon as it is there.

use std::ops::Range;
use std::sync::Arc;

use super::media_time::MediaTime;
use super::pool::{Buffer, Pool};
use super::whole::{Frame, Signature};

/// The most parts that a frame has.
pub const MAX_PARTS: usize = 8;

/// A part of a frame on its way to be sent: one behind the other, its parts are its JPEG.
#[derive(Clone, Debug)]
pub struct FramePart {
    /// When the picture was taken, on the sender's clock.
    pub captured: MediaTime,
    /// Which part it is, from 0.
    pub part: u8,
    /// Of how many: 1 to [`MAX_PARTS`].
    pub parts: u8,
    /// Where its bytes are.
    pub buffer: Buffer,
    /// And where in there. A part without bytes ends its frame: the rest of it is not going to come.
    pub range: Range<usize>,
    /// The frame's signature, with its last part, if it has one.
    pub signature: Option<Signature>,
}

impl FramePart {
    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.range.clone()]
    }

    /// Whether it is its frame's last.
    pub fn is_last(&self) -> bool {
        self.part + 1 >= self.parts
    }

    /// Whether no other follows: it is the last, or the rest is not going to come.
    pub fn ends_frame(&self) -> bool {
        self.is_last() || self.range.is_empty()
    }
}

impl From<Frame> for FramePart {
    fn from(Frame { captured, jpeg, signature }: Frame) -> Self {
        Self { captured, part: 0, parts: 1, range: 0..jpeg.len(), buffer: jpeg, signature }
    }
}

/// A frame as far as it is there, its parts one after the other.
#[derive(Clone, Debug)]
pub struct FrameInParts {
    /// When the picture was taken, on the sender's clock.
    pub captured: MediaTime,
    /// Its sender's signature, once it is whole, if it has one.
    pub signature: Option<Signature>,
    parts: u8,
    there: u8,
    pieces: [Option<(Buffer, Range<usize>)>; MAX_PARTS],
}

impl FrameInParts {
    /// One that begins with this part, the first.
    pub fn begin(first: FramePart) -> Self {
        let FramePart { captured, parts, buffer, range, signature, .. } = first;
        let mut pieces: [Option<(Buffer, Range<usize>)>; MAX_PARTS] = Default::default();
        pieces[0] = Some((buffer, range));
        Self { captured, signature, parts: parts.clamp(1, MAX_PARTS as u8), there: 1, pieces }
    }

    /// Adds the next part; says whether it is that.
    pub fn add(&mut self, part: FramePart) -> bool {
        let is_next = part.part == self.there && (part.parts, part.captured) == (self.parts, self.captured);
        if is_next && self.there < self.parts {
            self.pieces[usize::from(self.there)] = Some((part.buffer, part.range));
            self.signature = part.signature;
            self.there += 1;
            return true;
        }
        false
    }

    /// How many parts it has, 1 to [`MAX_PARTS`].
    pub fn parts(&self) -> usize {
        self.parts.into()
    }

    /// How many of them are there.
    pub fn there(&self) -> usize {
        self.there.into()
    }

    /// Whether more of them are to come.
    pub fn is_open(&self) -> bool {
        let last = self.pieces.iter().flatten().last();
        !self.is_whole() && last.is_some_and(|(_, range)| !range.is_empty())
    }

    /// Whether all are.
    pub fn is_whole(&self) -> bool {
        self.there == self.parts
    }

    /// The bytes of those of its parts in this range that are there, one behind the other.
    pub fn pieces(&self, parts: Range<usize>) -> impl Iterator<Item = &[u8]> + Clone {
        self.pieces[parts].iter().flatten().map(|(buffer, range)| &buffer[range.clone()])
    }

    /// Those of its parts that are there, in their order.
    pub fn parts_there(&self) -> impl Iterator<Item = FramePart> {
        self.pieces.iter().flatten().zip(0..).map(|((buffer, range), part)| FramePart {
            captured: self.captured,
            part,
            parts: self.parts,
            buffer: buffer.clone(),
            range: range.clone(),
            signature: self.signature.filter(|_| part + 1 == self.parts),
        })
    }

    /// Bytes of what is there of it.
    pub fn bytes(&self) -> usize {
        self.pieces(0..self.there()).map(<[u8]>::len).sum()
    }

    /// The frame, if it is whole; its parts are copied into a buffer of `pool` unless they are in one already.
    pub fn whole(&self, pool: &mut Pool) -> Option<Frame> {
        let (first, _) = self.pieces[0].as_ref().filter(|_| self.is_whole())?;
        let is_in_one = self.pieces.iter().flatten().all(|(buffer, _)| Arc::ptr_eq(buffer, first));
        let jpeg = if is_in_one && first.len() == self.bytes() {
            first.clone()
        } else {
            let mut buffer = pool.take();
            let joined = Arc::get_mut(&mut buffer).expect("a buffer from the pool has one owner");
            joined.clear();
            self.pieces(0..self.there()).for_each(|piece| joined.extend_from_slice(piece));
            pool.share(buffer)
        };
        Some(Frame { captured: self.captured, jpeg, signature: self.signature })
    }
}

#[cfg(test)]
mod tests {
    use super::super::whole::SIGNATURE_BYTES;
    use super::*;

    #[test]
    fn a_frame_is_whole_when_its_last_part_is_there_and_only_the_next_one_is_added() {
        let part = |part: u8, bytes: &[u8]| FramePart {
            captured: MediaTime::from_micros(5),
            part,
            parts: 3,
            buffer: Arc::new(bytes.to_vec()),
            range: 1..bytes.len(),
            signature: (part == 2).then_some([9; SIGNATURE_BYTES]),
        };
        let mut pool = Pool::new(2);
        let mut frame = FrameInParts::begin(part(0, b"-ab"));
        assert!(!frame.add(part(0, b"-x")) && !frame.add(part(2, b"-x")));
        assert!(!frame.add(FramePart { captured: MediaTime::from_micros(6), ..part(1, b"-x") }));
        assert!(frame.add(part(1, b"-c")) && frame.whole(&mut pool).is_none());
        assert_eq!((frame.there(), frame.bytes(), frame.signature), (2, 3, None));
        assert!(frame.add(part(2, b"-de")) && !frame.add(part(2, b"-x")));
        let whole = frame.whole(&mut pool).unwrap();
        assert_eq!((whole.jpeg.as_slice(), whole.signature), (&b"abcde"[..], Some([9; SIGNATURE_BYTES])));
        assert_eq!(frame.pieces(1..3).collect::<Vec<_>>(), [b"c".as_slice(), b"de"]);
        // What is in one buffer already stays there.
        let one = FrameInParts::begin(whole.clone().into()).whole(&mut pool).unwrap();
        assert!(Arc::ptr_eq(&one.jpeg, &whole.jpeg));
    }
}

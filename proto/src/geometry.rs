//! How a part is split into chunks: computed by both ends from two numbers, never sent.

use std::ops::Range;

/// The most bytes of one frame: 16 MiB, four times a 4096x2160 picture at quality 90. It bounds what a header can make
/// a receiver allocate.
pub const MAX_FRAME_BYTES: usize = 16 << 20;

/// The most data chunks of one part: enough for the largest frame at the smallest MTU that IPv6 allows (1280 bytes).
/// It bounds the bitmap of a slot to 2 KiB.
pub const MAX_CHUNKS: usize = 16_384;

/// A part of `length` bytes in `chunks` equal chunks, the last of which may be shorter.
///
/// A chunk's length is the part's length divided by the number of chunks, rounded up to an even number, so that
/// Reed-Solomon parity over 16-bit symbols can take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    length: u32,
    chunks: u16,
}

impl Geometry {
    /// The fewest chunks of at most `largest` bytes for a part of `length` bytes. `None` if the part is empty or too
    /// long, or would need too many chunks.
    pub fn cut(length: usize, largest: usize) -> Option<Self> {
        let largest = largest & !1;
        if length == 0 || length > MAX_FRAME_BYTES || largest == 0 {
            return None;
        }
        // Rounding up to an even length can leave the last chunk empty: then one fewer is enough.
        let even = length.div_ceil(length.div_ceil(largest)).next_multiple_of(2);
        let chunks = length.div_ceil(even);
        if chunks > MAX_CHUNKS {
            return None;
        }
        Self::checked(u32::try_from(length).ok()?, u16::try_from(chunks).ok()?)
    }

    /// The geometry that a header states, if it is one that [`Self::cut`] can make.
    pub fn checked(length: u32, chunks: u16) -> Option<Self> {
        let geometry = Self { length, chunks };
        let possible = length > 0
            && chunks > 0
            && length as usize <= MAX_FRAME_BYTES
            && usize::from(chunks) <= MAX_CHUNKS
            && geometry.chunk_bytes() * (usize::from(chunks) - 1) < length as usize;
        possible.then_some(geometry)
    }

    /// Bytes of the part.
    pub fn length(self) -> usize {
        self.length as usize
    }

    /// Number of data chunks, at least 1.
    pub fn chunks(self) -> usize {
        self.chunks.into()
    }

    /// Bytes of every chunk but the last; even.
    pub fn chunk_bytes(self) -> usize {
        self.length().div_ceil(self.chunks()).next_multiple_of(2)
    }

    /// Which bytes of the part chunk `index` holds. `index` is less than the number of chunks.
    pub fn range(self, index: usize) -> Range<usize> {
        debug_assert!(index < self.chunks());
        let start = index * self.chunk_bytes();
        start..(start + self.chunk_bytes()).min(self.length())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_cover_the_part_once_and_none_is_empty_or_too_long() {
        for length in (1..3000).chain([65_535, 170_001, 1 << 20, MAX_FRAME_BYTES]) {
            for largest in [2, 3, 64, 508, 1432] {
                let Some(cut) = Geometry::cut(length, largest) else {
                    assert!(length.div_ceil(largest & !1) > MAX_CHUNKS, "{length} in {largest}");
                    continue;
                };
                let mut end = 0;
                for index in 0..cut.chunks() {
                    let range = cut.range(index);
                    assert_eq!(range.start, end);
                    assert!(!range.is_empty() && range.len() <= largest, "{length} in {largest}");
                    end = range.end;
                }
                assert_eq!(end, length);
                assert_eq!(Geometry::checked(length as u32, cut.chunks() as u16), Some(cut));
            }
        }
    }

    #[test]
    fn an_impossible_geometry_is_refused() {
        for (length, chunks) in [(0, 1), (1, 0), (1, 2), (10, 6), (16 << 20 | 1, 16_000), (1 << 20, 16_385)] {
            assert_eq!(Geometry::checked(length, chunks), None, "{length} bytes in {chunks}");
        }
    }
}

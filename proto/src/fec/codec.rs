//! Parity over the data chunks of one part of a frame: missing chunks are computed from it, not requested.
//!
//! The code belongs to the protocol: both ends derive it from the part's geometry, nothing about it is sent. A part has
//! k data chunks of n bytes (n even; the last one is padded with zeros for the code) and parity chunks of n bytes each,
//! numbered from 0. Parity chunk 0 is the XOR of all data chunks. Parity chunks 1 to m are Reed-Solomon, with m =
//! ceil(k / 2) rounded up to a power of two and clamped to 8..=2048: m depends on k alone, not on how many parity
//! chunks are sent, so that more of them can be made at any time. Any j Reed-Solomon chunks replace any j data chunks.
//! The XOR replaces one, and is never mixed with the others: with it the code would not have that property.
//!
//! The Reed-Solomon code is Leopard-RS with 16-bit symbols (C. Taylor; S. Lin, T. Al-Naffouri, Y. Han and W. Chung,
//! "Novel Polynomial Basis With Fast Fourier Transform and Its Application to Reed-Solomon Erasure Codes", IEEE
//! Trans. Inf. Theory 62(11), 2016), exactly as `reed-solomon-simd` 3 computes it with `original_count` k and
//! `recovery_count` m:
//!
//! - *Symbols.* A chunk is cut into blocks of 64 bytes, the last of which may be shorter. In a block of b bytes, symbol
//!   i has its low byte at i and its high byte at b/2 + i. Symbol s of every parity chunk depends on the symbols s of
//!   the data chunks only.
//! - *Field.* GF(2^16) modulo x^16 + x^5 + x^3 + x^2 + 1 (0x1002D). A symbol's bits are coordinates: bit i stands for
//!   the element 0001, ACCA, 3C0E, 163E, C582, ED2E, 914C, 4012, 6C98, 10D8, 6A72, B900, FDB8, FB34, FF38, 991E
//!   (hexadecimal, i from 0 to 15; a Cantor basis). Point x, from 0 to 65535, is the element with the coordinates x.
//! - *Code, k >= 5.* The symbols are the values of a polynomial of degree less than 65536 - m: parity chunk 1 + j at
//!   point j, data chunk i at point m + i, zero at every other point. ("High rate", as m is at most k rounded up to a
//!   power of two. The transform needs only the points below the next power of two at or above m + k.)
//! - *Code, k <= 4.* With K = k rounded up to a power of two, the symbols are the values of a polynomial of degree less
//!   than K: data chunk i at point i, zero at the points k..K, parity chunk 1 + j at point K + j. ("Low rate".)
//!
//! Neither code notices a wrong chunk: chunks are checked before they come here, and the frame after it.

use std::fmt;
use std::ops::Range;

use reed_solomon_simd::{ReedSolomonDecoder, ReedSolomonEncoder};

use crate::geometry::Geometry;

#[cfg(test)]
mod tests;

/// The number of the parity chunk that is the XOR of all data chunks.
pub(crate) const XOR: usize = 0;

/// How many Reed-Solomon parity chunks a part of `data_chunks` chunks can have, and the highest parity index.
pub(crate) fn most_parity(data_chunks: usize) -> usize {
    data_chunks.div_ceil(2).next_power_of_two().clamp(LEAST_RECOVERY, MOST_RECOVERY)
}

/// Makes parity chunks. Its memory is used again for the next frame.
#[derive(Default)]
pub(crate) struct ParityEncoder {
    reed_solomon: Option<ReedSolomonEncoder>,
    xor: Vec<u8>,
    /// The last data chunk with its zeros.
    padded: Vec<u8>,
}

impl ParityEncoder {
    /// Calls `each` with the number and the bytes of every parity chunk in `wanted`, in order; there is none above
    /// [`most_parity`]. `chunks` are all data chunks of the part, in order and without padding.
    pub(crate) fn encode<'a>(
        &mut self,
        geometry: Geometry,
        chunks: impl Iterator<Item = &'a [u8]>,
        wanted: Range<usize>,
        mut each: impl FnMut(usize, &[u8]),
    ) {
        let (count, bytes) = (geometry.chunks(), geometry.chunk_bytes());
        let wanted = wanted.start..wanted.end.min(most_parity(count) + 1);
        if wanted.is_empty() {
            return;
        }
        let with_xor = wanted.contains(&XOR);
        let mut reed_solomon =
            if wanted.end > XOR + 1 { encoder(&mut self.reed_solomon, geometry) } else { None };
        clear(&mut self.xor, bytes);
        let mut seen = 0;
        for chunk in chunks {
            debug_assert!(seen < count && chunk.len() == geometry.range(seen).len());
            seen += 1;
            if with_xor {
                xor_into(&mut self.xor, chunk);
            }
            if let Some(encoder) = &mut reed_solomon
                && encoder.add_original_shard(padded(chunk, bytes, &mut self.padded)).is_err()
            {
                return;
            }
        }
        debug_assert_eq!(seen, count, "not all data chunks of the part");
        if with_xor {
            each(XOR, &self.xor);
        }
        let Some(Ok(made)) = reed_solomon.map(ReedSolomonEncoder::encode) else { return };
        for index in wanted.start.max(XOR + 1)..wanted.end {
            if let Some(chunk) = made.recovery(index - XOR - 1) {
                each(index, chunk);
            }
        }
    }
}

impl fmt::Debug for ParityEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParityEncoder").finish_non_exhaustive()
    }
}

/// The encoder in `slot`, made or made ready for this part.
fn encoder(slot: &mut Option<ReedSolomonEncoder>, geometry: Geometry) -> Option<&mut ReedSolomonEncoder> {
    let (count, most, bytes) = shape(geometry);
    // An encoder that could not be reset must not be used again: it is made anew.
    *slot = match slot.take() {
        Some(mut encoder) => encoder.reset(count, most, bytes).is_ok().then_some(encoder),
        None => ReedSolomonEncoder::new(count, most, bytes).ok(),
    };
    slot.as_mut()
}

/// The same for a decoder.
pub(super) fn decoder(
    slot: &mut Option<ReedSolomonDecoder>,
    geometry: Geometry,
) -> Option<&mut ReedSolomonDecoder> {
    let (count, most, bytes) = shape(geometry);
    *slot = match slot.take() {
        Some(mut decoder) => decoder.reset(count, most, bytes).is_ok().then_some(decoder),
        None => ReedSolomonDecoder::new(count, most, bytes).ok(),
    };
    slot.as_mut()
}

/// Data chunks, Reed-Solomon chunks, and bytes of each.
fn shape(geometry: Geometry) -> (usize, usize, usize) {
    (geometry.chunks(), most_parity(geometry.chunks()), geometry.chunk_bytes())
}

/// `chunk` with as many zeros as make it `bytes` long; only a short one is copied, to `buffer`.
pub(super) fn padded<'a>(chunk: &'a [u8], bytes: usize, buffer: &'a mut Vec<u8>) -> &'a [u8] {
    if chunk.len() >= bytes {
        return chunk;
    }
    buffer.clear();
    buffer.extend_from_slice(chunk);
    buffer.resize(bytes, 0);
    buffer
}

pub(super) fn clear(buffer: &mut Vec<u8>, bytes: usize) {
    buffer.clear();
    buffer.resize(bytes, 0);
}

/// Adds `chunk` to `sum`; what it is shorter counts as zeros.
// The compiler makes this as wide as the machine's vectors.
pub(super) fn xor_into(sum: &mut [u8], chunk: &[u8]) {
    for (sum, byte) in sum.iter_mut().zip(chunk) {
        *sum ^= byte;
    }
}

/// Enough that a part of few chunks can be sent fresh parity several times.
const LEAST_RECOVERY: usize = 8;
/// It bounds what one repair can make a receiver allocate and compute: together with the largest part, a transform over
/// 32768 chunks.
pub(super) const MOST_RECOVERY: usize = 2048;

//! Fills in the missing chunks of a part from its parity.

use std::fmt;

use reed_solomon_simd::ReedSolomonDecoder;

use super::codec::{ParityEncoder, XOR, clear, decoder, most_parity, padded, xor_into};
use crate::geometry::Geometry;

/// Builds the tables of the Reed-Solomon code, which are shared by the whole process: about 12 ms and 9 MB, once.
///
/// Without it, the first frame with parity, or the first repair, pays for them. A sender of parity calls it in a thread
/// of its own while it starts; a receiver does without, since on a clean path it never needs them.
pub fn warm_up() {
    let chunks: [&[u8]; 2] = [&[1, 2], &[3, 4]];
    let Some(geometry) = Geometry::checked(4, 2) else { return };
    let mut parity = [[0; 2]; 2];
    ParityEncoder::default().encode(geometry, chunks.into_iter(), 1..3, |index, chunk| {
        parity[index - 1].copy_from_slice(chunk);
    });
    let parity = parity.iter().enumerate().map(|(index, chunk)| (1 + index, chunk.as_slice()));
    let repaired = Repairer::default().repair(geometry, &mut [0; 4], &[0], parity);
    debug_assert!(repaired);
}

/// Repairs parts. Its memory is used again for the next one.
#[derive(Default)]
pub(crate) struct Repairer {
    reed_solomon: Option<ReedSolomonDecoder>,
    /// One chunk: the sum of an XOR repair, or the last data chunk with its zeros.
    chunk: Vec<u8>,
}

impl Repairer {
    /// Writes the missing chunks of `part`, whose other chunks are in their places, and says whether it is now whole.
    ///
    /// Bit i % 64 of word i / 64 of `have` tells whether data chunk i is there. `parity` are the parity chunks that
    /// came, with their numbers; as many Reed-Solomon chunks as data chunks are missing are enough, or the XOR for one.
    /// `false` if there are too few, or if anything does not fit the geometry: a parity chunk of a wrong length, a
    /// number that is too high or comes twice, ones where the padding should be. What is in the places of the missing
    /// chunks is then undefined; the chunks that came are untouched.
    pub(crate) fn repair<'a>(
        &mut self,
        geometry: Geometry,
        part: &mut [u8],
        have: &[u64],
        parity: impl Iterator<Item = (usize, &'a [u8])> + Clone,
    ) -> bool {
        let count = geometry.chunks();
        if part.len() != geometry.length() || have.len() < count.div_ceil(64) {
            return false;
        }
        let there = |index: usize| have[index / 64] >> (index % 64) & 1 == 1;
        let mut missing = (0..count).filter(|&index| !there(index));
        let Some(first) = missing.next() else { return true };
        let missing = 1 + missing.count();
        let Some((xor, reed_solomon)) = usable(geometry, parity.clone()) else { return false };
        match xor {
            Some(xor) if missing == 1 => self.repair_one(geometry, part, first, xor),
            _ if reed_solomon >= missing => {
                let parity = parity.filter(|(index, _)| *index != XOR).take(missing);
                self.repair_many(geometry, part, there, parity).is_some()
            }
            _ => false,
        }
    }

    /// Chunk `lost` is the sum of the parity and all others.
    fn repair_one(&mut self, geometry: Geometry, part: &mut [u8], lost: usize, xor: &[u8]) -> bool {
        clear(&mut self.chunk, geometry.chunk_bytes());
        xor_into(&mut self.chunk, xor);
        for index in (0..geometry.chunks()).filter(|&index| index != lost) {
            xor_into(&mut self.chunk, &part[geometry.range(index)]);
        }
        store(geometry, part, lost, &self.chunk).is_some()
    }

    fn repair_many<'a>(
        &mut self,
        geometry: Geometry,
        part: &mut [u8],
        there: impl Fn(usize) -> bool,
        parity: impl Iterator<Item = (usize, &'a [u8])>,
    ) -> Option<()> {
        let decoder = decoder(&mut self.reed_solomon, geometry)?;
        for index in (0..geometry.chunks()).filter(|&index| there(index)) {
            let chunk = padded(&part[geometry.range(index)], geometry.chunk_bytes(), &mut self.chunk);
            decoder.add_original_shard(index, chunk).ok()?;
        }
        for (index, chunk) in parity {
            decoder.add_recovery_shard(index - XOR - 1, chunk).ok()?;
        }
        let repaired = decoder.decode().ok()?;
        for (index, chunk) in repaired.restored_original_iter() {
            store(geometry, part, index, chunk)?;
        }
        Some(())
    }
}

impl fmt::Debug for Repairer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repairer").finish_non_exhaustive()
    }
}

/// The XOR chunk, if it is among `parity`, and the number of the others; `None` if one does not fit the geometry or
/// comes twice.
fn usable<'a>(
    geometry: Geometry,
    parity: impl Iterator<Item = (usize, &'a [u8])>,
) -> Option<(Option<&'a [u8]>, usize)> {
    let (mut xor, mut reed_solomon) = (None, 0);
    let mut seen = [0_u64; super::codec::MOST_RECOVERY / 64 + 1];
    for (index, chunk) in parity {
        if index > most_parity(geometry.chunks()) || chunk.len() != geometry.chunk_bytes() {
            return None;
        }
        let bit = 1 << (index % 64);
        if seen[index / 64] & bit != 0 {
            return None;
        }
        seen[index / 64] |= bit;
        if index == XOR {
            xor = Some(chunk);
        } else {
            reed_solomon += 1;
        }
    }
    Some((xor, reed_solomon))
}

/// Writes a repaired chunk to its place, unless its padding shows that it is wrong.
fn store(geometry: Geometry, part: &mut [u8], index: usize, chunk: &[u8]) -> Option<()> {
    let range = geometry.range(index);
    let (chunk, padding) = chunk.split_at_checked(range.len())?;
    if padding.iter().any(|&byte| byte != 0) {
        return None;
    }
    part[range].copy_from_slice(chunk);
    Some(())
}

//! temp
use crate::geometry::Geometry; use std::ops::Range;
pub const fn most_parity(data_chunks: usize) -> usize { let m = data_chunks.div_ceil(2).next_power_of_two(); if m < 8 { 8 } else if m > 2048 { 2048 } else { m } }
#[derive(Debug, Default)] pub(crate) struct Encoder;
impl Encoder { pub(crate) fn encode<'a>(&mut self, geometry: Geometry, chunks: impl Iterator<Item = &'a [u8]>, wanted: Range<usize>, mut each: impl FnMut(usize, &[u8])) {
  if wanted.contains(&0) { let mut x = vec![0u8; geometry.chunk_bytes()]; for c in chunks { for (a, b) in x.iter_mut().zip(c) { *a ^= b; } } each(0, &x); } } }
#[derive(Debug, Default)] pub(crate) struct Repairer;
impl Repairer { pub(crate) fn repair<'a>(&mut self, _g: Geometry, _part: &mut [u8], _have: &[u64], _parity: impl Iterator<Item = (usize, &'a [u8])> + Clone) -> bool { false } }

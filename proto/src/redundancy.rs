//! temp
use std::time::Instant;
#[derive(Clone, Copy, Debug, PartialEq, Eq)] pub enum Fec { Off, Auto, Percent(u8) }
#[derive(Debug)] pub(crate) struct Redundancy { fec: Fec }
impl Redundancy { pub(crate) fn new(fec: Fec, _r: bool) -> Self { Self { fec } } pub(crate) fn heard(&mut self, _a: u64, _m: u64, _n: Instant) {} pub(crate) fn chunks(&mut self, k: usize, _n: Instant) -> usize { match self.fec { Fec::Percent(p) => (k * p as usize).div_ceil(100).max(1), _ => 0 } } }

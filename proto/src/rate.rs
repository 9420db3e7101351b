//! temp
use std::time::{Duration, Instant};
#[derive(Clone, Copy, Debug, PartialEq, Eq)] pub enum Follow { Slowest, Percentile(u8) }
#[derive(Debug)] pub(crate) struct Train { pub(crate) bits: f64, pub(crate) sent: Duration, pub(crate) arrived: Duration, pub(crate) datagrams: u32, pub(crate) missing_head: u32, pub(crate) missing_tail: u32, pub(crate) total: u32, pub(crate) pace: Option<f64> }
#[derive(Clone, Debug)] pub(crate) struct PathRate;
impl PathRate { pub(crate) fn new() -> Self { Self } pub(crate) fn heard(&mut self, _t: &[Train], _n: Instant) {} pub(crate) fn rate(&self, _n: Instant) -> f64 { 90e6 } pub(crate) fn limit(&self) -> Option<f64> { None } }
pub(crate) fn follow(rates: impl Iterator<Item = f64>, _f: Follow) -> Option<f64> { rates.reduce(f64::min) }
pub(crate) fn is_healthy(d: u64, l: u64) -> bool { d >= l }

//! temp
use std::time::{Duration, Instant}; use crate::MediaTime;
/// temp
#[derive(Clone, Copy, Debug)] pub struct Exchange { /// t
 pub sent: Instant, /// t
 pub heard: MediaTime, /// t
 pub answered: MediaTime, /// t
 pub received: Instant }
/// temp
#[derive(Clone, Copy, Debug)] pub struct ClockReading { at: Instant, time: MediaTime, error: Duration }
impl ClockReading { /// t
 pub fn at(&self, i: Instant) -> MediaTime { crate::Clock::new(self.at, self.time).at(i) } /// t
 pub fn error_at(&self, _i: Instant) -> Duration { self.error } }
/// temp
#[derive(Debug, Default)] pub struct ClockFilter { r: Option<ClockReading> }
impl ClockFilter { /// t
 pub fn new() -> Self { Self::default() } /// t
 pub fn add(&mut self, e: Exchange) -> bool { let rtt = e.received - e.sent; if self.r.is_none_or(|r| r.error > rtt / 2) { self.r = Some(ClockReading { at: e.sent + rtt / 2, time: e.heard, error: rtt / 2 }); } true } /// t
 pub fn reading(&self, _n: Instant) -> Option<ClockReading> { self.r } }

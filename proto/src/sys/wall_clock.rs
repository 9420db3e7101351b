//! The wall clock, read once.

use std::time::{Instant, SystemTime};

use crate::frame::{Clock, MediaTime};

/// A clock that shows the wall clock's time now, and goes on with the monotonic one: it never jumps.
pub fn wall_clock() -> Clock {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Clock::new(Instant::now(), MediaTime::from_micros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX)))
}

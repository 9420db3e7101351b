//! The cause of a bad stream, from its counters.
//!
//! A loss says itself where it came from: what the kernel dropped was counted by the kernel; what a queue on the way
//! had no room for is missing at the ends of frames, since each frame is a train that fills the queue; what radio or a
//! bad cable lost is missing anywhere; and where only small datagrams arrive, large ones do not pass.

mod cause;
mod counters;
mod monitor;

#[cfg(all(test, feature = "app"))]
pub(crate) use cause::tests;
pub use cause::{Cause, Missing, WANTED_BUFFER, explain};
pub use counters::Counters;
pub use monitor::Monitor;

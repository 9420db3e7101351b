#![doc = include_str!("../README.md")]

mod frame;
pub mod jpeg;
mod latest;
mod seq;
mod spread;

pub use frame::{Buffer, Frame, MediaTime, Pool};
pub use latest::{Latest, Taken};
pub use seq::{FrameId, SessionId};
pub use spread::{Percentiles, Spread};
#[cfg(feature = "host")]
#[allow(clippy::disallowed_methods, reason = "the programs' side of the crate; the protocol does not use it")]
pub mod host;

#![doc = include_str!("../docs/crate.md")]
// Of clippy.toml's ban list nothing in the protocol makes an exception.
#![cfg_attr(not(any(test, feature = "host")), forbid(clippy::disallowed_methods, clippy::disallowed_types))]

mod answer;
mod ask;
mod asking;
mod clock;
mod computer;
mod door;
mod entrance;
pub mod explain;
mod fec;
mod frame;
mod geometry;
mod history;
pub mod jpeg;
mod latest;
pub mod netem;
mod outlet;
mod pacer;
mod packetize;
mod quality;
mod random;
mod rate;
mod reassemble;
mod recv;
mod redundancy;
pub mod rtp;
mod send;
mod seq;
mod spread;
mod stats;
mod stranger;
pub mod strip;
mod takeover;
mod viewers;
pub mod wire;

pub use ask::{AskOutput, AskState, Asker};
pub use clock::{ClockFilter, ClockReading, Exchange};
pub use computer::{Computer, ComputerOf};
pub use door::{AskCounts, Door, Knock};
pub use fec::warm_up;
pub use frame::{Buffer, Clock, Frame, MediaTime, Pool};
pub use geometry::{Geometry, MAX_CHUNKS, MAX_FRAME_BYTES};
pub use latest::{Latest, Taken};
pub use pacer::Pace;
pub use packetize::{CutError, Slab};
pub use quality::{QualityControl, QualityRange, QualityRangeError};
pub use random::Random;
pub use rate::{Follow, FollowError};
pub use reassemble::{Delivery, Loss, MAX_BYTES_IN_FLIGHT, MAX_FRAMES_IN_FLIGHT, Repair};
pub use recv::{Contest, RecvConfig, RecvEvent, RecvOutput, RecvStream};
pub use redundancy::{Fec, FecError};
pub use send::{HELLO_INTERVAL, SendConfig, SendEvent, SendOutput, SendStream, Transmit};
pub use seq::{FrameId, SessionId};
pub use spread::{Meter, Percentiles, Spread};
pub use stats::{
    DatagramCounts, Fate, FeedbackCounts, FeedbackFate, LossCounts, LossReason, RecvStats, RepairCounts,
    SendStats,
};
pub use takeover::{QUIET, SILENCE};
pub use viewers::Viewer;

#[cfg(feature = "host")]
#[allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the programs' side of the crate; the protocol does not use it"
)]
pub mod host;

/// Some instant for tests to count from.
#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests need some instant to count from")]
pub(crate) fn t0() -> std::time::Instant {
    std::time::Instant::now() + std::time::Duration::from_secs(3600)
}

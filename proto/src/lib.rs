#![doc = include_str!("../docs/crate.md")]
// Of clippy.toml's ban list nothing in the protocol makes an exception.
#![cfg_attr(not(any(test, feature = "sys")), forbid(clippy::disallowed_methods, clippy::disallowed_types))]

mod computer;
pub mod diagnosis;
pub mod discovery;
mod fec;
mod frame;
pub mod framecode;
mod geometry;
mod histogram;
pub mod jpeg;
#[cfg(feature = "keys")]
pub mod keys;
mod mailbox;
pub mod names;
pub mod netem;
mod quality;
mod random;
mod rate;
mod rate_limiter;
mod recv;
pub mod rtp;
mod send;
mod seq;
mod stats;
mod subscribe;
pub mod wire;

pub use computer::{Computer, ComputerOf};
pub use fec::{Fec, FecError, MOST_PERCENT, warm_up};
pub use frame::{
    Buffer, Clock, Frame, FrameInParts, FramePart, MAX_PARTS, MediaTime, Pool, SIGNATURE_BYTES, Signature,
};
pub use geometry::{Geometry, MAX_CHUNKS, MAX_FRAME_BYTES};
pub use histogram::{Histogram, Percentiles, WindowedHistogram};
pub use mailbox::{Latest, Taken};
pub use quality::{QualityControl, QualityRange, QualityRangeError};
pub use random::Random;
pub use rate::{Follow, FollowError};
pub use rate_limiter::RateLimiter;
pub use recv::{
    ClockFilter, ClockReading, Contest, Delivery, Exchange, Loss, MAX_BYTES_IN_FLIGHT, MAX_FRAMES_IN_FLIGHT,
    PartDelivery, QUIET, RecvConfig, RecvEvent, RecvOutput, RecvStream, RepairedBy, SILENCE,
};
pub use send::{
    CutError, HELLO_INTERVAL, Pace, SendConfig, SendEvent, SendOutput, SendStream, Slab, Transmit, Viewer,
};
pub use seq::{FrameId, PartId, SessionId};
pub use stats::{
    DatagramCounts, FeedbackCounts, FeedbackOutcome, LossCounts, LossReason, Outcome, RecvStats,
    RepairCounts, SendStats,
};
pub use subscribe::{
    Decision, SubscribeCounts, SubscribeOutput, SubscribeServer, SubscribeState, Subscriber,
};

#[cfg(feature = "app")]
#[allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "the programs' side of the crate")]
pub mod app;
#[cfg(feature = "sys")]
#[allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "the programs' side of the crate")]
pub mod sys;

/// Some instant for tests to count from.
#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests need some instant to count from")]
pub(crate) fn t0() -> std::time::Instant {
    std::time::Instant::now() + std::time::Duration::from_secs(3600)
}

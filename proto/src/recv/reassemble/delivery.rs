//! How frames and their parts end at a receiver.

use std::time::{Duration, Instant};

use crate::frame::{Buffer, Frame, MediaTime};
use crate::seq::{FrameId, PartId};
use crate::stats::LossReason;

/// A frame that was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Which.
    pub frame: FrameId,
    /// How many of its chunks had not arrived. Of a part of which none had, it is not known how many it has, and one is
    /// counted.
    pub missing: u16,
    /// Of how many.
    pub chunks: u16,
    /// Why.
    pub reason: LossReason,
}

/// A frame that is whole.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Which.
    pub id: FrameId,
    /// The picture.
    pub frame: Frame,
    /// When its first chunk arrived.
    pub first: Instant,
    /// When its last chunk arrived.
    pub last: Instant,
    /// What made it whole, if not all of it came at first.
    pub repair: Option<RepairedBy>,
    /// How long one of its datagrams took, if there were enough to tell.
    pub spacing: Option<Duration>,
    /// How many frames since the delivery before this one nothing arrived of.
    pub unseen: u32,
}

/// A part that is whole, of a frame that is not yet: the frame may still be given up.
#[derive(Clone, Debug)]
pub struct PartDelivery {
    /// Which.
    pub id: PartId,
    /// Of how many parts its frame is.
    pub parts: u8,
    /// When that was captured, on the sender's clock.
    pub captured: MediaTime,
    /// Its bytes. One behind the other, the parts of a frame are its JPEG.
    pub bytes: Buffer,
}

/// What made a frame whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RepairedBy {
    /// Parity that came with it.
    Parity,
    /// Chunks or parity that were sent on request.
    Retransmission,
}

//! A frame that has arrived, or a part of one, as it is handed on.

use std::time::Duration;

use proto::{Frame, FrameId, PartDelivery};

/// A frame that has arrived whole.
#[derive(Clone, Debug)]
pub struct Received {
    /// Which one it is.
    pub id: FrameId,
    /// Whose it is: where it is another number than that of the frame before, it is another sender's.
    pub sender: u32,
    /// The JPEG, and when it was taken.
    pub frame: Frame,
}

/// A part that has arrived whole, of a frame that has not.
#[derive(Clone, Debug)]
pub(crate) struct ReceivedPart {
    /// Whose it is, as for [`Received`].
    pub sender: u32,
    /// Which one it is, and its bytes.
    pub part: PartDelivery,
}

/// How far a sender's captures are apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// From one to the next.
    pub apart: Duration,
    /// Whether it is the sender's word, or was learned from several; else it may soon turn out to be another.
    pub is_sure: bool,
}

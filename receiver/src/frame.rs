//! A frame that has arrived, as it is handed on.

use proto::{Frame, FrameId};

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

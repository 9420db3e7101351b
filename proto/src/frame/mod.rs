//! One encoded picture with its capture time, whole or in parts, and pools of buffers.

mod media_time;
mod parts;
mod pool;
mod whole;

pub use media_time::{Clock, MediaTime};
pub use parts::{FrameInParts, FramePart, MAX_PARTS};
pub use pool::{Buffer, Pool};
pub use whole::{Frame, SIGNATURE_BYTES, Signature};

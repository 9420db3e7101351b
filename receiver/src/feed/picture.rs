//! A picture on its way to the window, and what is known of it once it was shown.

use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::{Frame, FrameId, MediaTime};

use crate::codec::Decoded;

/// A picture to be shown.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Which frame it was.
    pub id: FrameId,
    /// The JPEG that it was, and when that was captured, on the sender's clock.
    pub frame: Frame,
    /// When it had been decoded.
    pub decoded_at: Instant,
    /// Its pixels, best in the form that the window wants.
    pub pixels: Arc<Decoded>,
}

/// A picture that was shown.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// Which frame it was.
    pub id: FrameId,
    /// When it was taken, on the sender's clock.
    pub captured: MediaTime,
    /// When it had been decoded.
    pub decoded_at: Instant,
    /// When it had been handed to the screen.
    pub presented_at: Instant,
    /// How long it took to hand it over.
    pub present: Duration,
}

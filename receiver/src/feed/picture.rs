//! A picture on its way to the window.

use std::sync::Arc;

use proto::Frame;

use crate::codec::Decoded;

/// A picture to be shown.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The JPEG that it was, and when that was captured, on the sender's clock.
    pub frame: Frame,
    /// Its pixels, best in the form that the window wants.
    pub pixels: Arc<Decoded>,
}

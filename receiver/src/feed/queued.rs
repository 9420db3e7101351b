//! The frame of a feed that waits to be decoded.

use super::delay::Delays;
use crate::codec::Pictures;
use crate::frame::Received;

/// A feed's place for a frame, and whether somebody is to come for it.
#[derive(Default)]
pub(crate) struct Queued {
    pub(crate) frame: Option<(Received, Delays)>,
    pub(crate) state: QueueState,
    /// Whether its last picture took long.
    pub(crate) is_slow: bool,
    /// Its pictures, to be used again; with the thread that serves it.
    pub(crate) pictures: Pictures,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum QueueState {
    /// It does not wait.
    #[default]
    None,
    /// It is in the queue.
    Waits,
    /// A thread decodes a frame of it.
    Served,
}

impl Queued {
    /// Drops what nobody is going to decode; whether there was anything.
    pub(crate) fn give_up(&mut self) -> bool {
        self.frame.take().is_some()
    }
}

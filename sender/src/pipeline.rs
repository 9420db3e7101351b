//! What the threads hand to each other, and what they share.

use std::io;
use std::sync::Arc;

use proto::sys::Stop;
use proto::{Clock, Latest};

use crate::demand::Demand;
use crate::inbox::{FrameInbox, FrameTap};
use crate::picture::Raw;
use crate::stats::Stats;

/// What joins the capture, encode and send threads. Cheap to clone; every clone is the same.
#[derive(Clone)]
pub(crate) struct Pipeline {
    /// Raw pictures, for the encode thread.
    pub pictures: Arc<Latest<Raw>>,
    /// Frames, for the send thread.
    pub inbox: Arc<FrameInbox>,
    /// Whether anybody watches.
    pub demand: Arc<Demand>,
    /// What is counted.
    pub stats: Arc<Stats>,
    /// The time that travels with frames.
    pub clock: Clock,
    /// Ends the program.
    pub stop: Stop,
}

impl Pipeline {
    /// One with nothing in it. Frames are shown to `tap` too, if there is one; then somebody may come at any time, and
    /// pictures are always wanted.
    ///
    /// # Errors
    /// If the system has no file descriptors left.
    pub(crate) fn new(clock: Clock, stop: Stop, tap: Option<FrameTap>) -> io::Result<Self> {
        Ok(Self {
            pictures: Arc::new(Latest::new()),
            demand: Arc::new(if tap.is_some() { Demand::always() } else { Demand::default() }),
            inbox: Arc::new(FrameInbox::new()?.with_tap(tap)),
            stats: Arc::default(),
            clock,
            stop,
        })
    }
}

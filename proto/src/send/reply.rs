//! Replies to one receiver: pongs and gones.

use crate::frame::MediaTime;
use crate::seq::PartId;

/// What is to be told one receiver.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reply<S> {
    pub(super) to: S,
    pub(super) what: ReplyBody,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum ReplyBody {
    Pong { asked: MediaTime, heard: MediaTime },
    Gone(PartId),
}

/// Replies that wait to be sent; what comes faster is not answered.
pub(super) const MOST_REPLIES: usize = 64;

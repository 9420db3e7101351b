//! What a receiving end has to say.

use std::time::Instant;

use crate::SessionId;
use crate::reassemble::{Delivery, Loss};
use crate::wire::SourceState;

/// What [`RecvStream::poll`](crate::RecvStream::poll) has to say.
#[derive(Debug)]
pub enum RecvOutput<'a, S> {
    /// Send this to the source `to`.
    Transmit {
        /// The sender that is listened to.
        to: S,
        /// One datagram.
        bytes: &'a [u8],
    },
    /// Something happened.
    Event(RecvEvent<S>),
    /// Nothing until then, or until the next datagram if `None`. At that time, call
    /// [`handle_timeout`](crate::RecvStream::handle_timeout).
    Wait(Option<Instant>),
}

/// What happened.
#[derive(Clone, Debug)]
pub enum RecvEvent<S> {
    /// A session began; the one before is over.
    Session {
        /// Whose.
        source: S,
        /// Which.
        session: SessionId,
    },
    /// The session goes on from another address: the sender's computer changed networks.
    Moved {
        /// Whose it is now.
        source: S,
    },
    /// The sender said what it is; only when that changed.
    Hello {
        /// Its name; may be empty.
        name: String,
        /// Whether it has pictures.
        state: SourceState,
    },
    /// The sender ended its session.
    Goodbye,
    /// A frame is whole.
    Delivered(Delivery),
    /// A frame was given up.
    Lost(Loss),
}

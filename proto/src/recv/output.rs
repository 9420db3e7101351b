//! The output of a receiving stream: events, datagrams, and when to poll again.

use std::fmt;
use std::time::{Duration, Instant};

use super::reassemble::{Delivery, Loss, PartDelivery};
use crate::seq::SessionId;
use crate::wire::{Signer, SourceState};

/// What [`RecvStream::poll`](super::stream::RecvStream::poll) has to say.
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
    /// [`handle_timeout`](super::stream::RecvStream::handle_timeout).
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
        /// How far its captures are apart, as it says; a later change of that alone is not told.
        interval: Option<Duration>,
        /// Who signs its pictures, if they are.
        signer: Option<Signer>,
        /// By how much its capture times are wrong at most, as it says.
        capture_error: Option<Duration>,
    },
    /// The sender ended its session: it said goodbye, and nothing for a while after it.
    Goodbye,
    /// Somebody else speaks in the sender's name; at most once a second.
    Contested {
        /// Where both of them speak from, or the one that was there first.
        source: S,
        /// What was found.
        what: Contest,
    },
    /// A part is whole, of a frame that is not yet: whoever can do so may begin with it. That frame ends in one of the
    /// next two; not every part is told.
    Part(PartDelivery),
    /// A frame is whole.
    Delivered(Delivery),
    /// A frame was given up.
    Lost(Loss),
}

/// How it shows that somebody else speaks in a sender's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contest {
    /// Another session is spoken in from the same address, while the one that is listened to goes on.
    Session,
    /// It goes on after its goodbye.
    Goodbye,
    /// It goes on after another took the lock.
    Lock,
    /// Frames were taken in that it says are still to come.
    Frames,
}

impl fmt::Display for Contest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Session => "another session is begun while its own goes on",
            Self::Goodbye => "it goes on after a goodbye in its name",
            Self::Lock => "it goes on after another took its place",
            Self::Frames => "frames came that it has not sent yet",
        })
    }
}

//! The output of a sending stream: events, datagrams, and when to poll again.

use std::time::{Duration, Instant};

use super::schedule::MOST_AT_ONCE;
use super::slab::CutError;
use crate::frame::MediaTime;

/// What [`SendStream::poll`](super::stream::SendStream::poll) has to say; of a frame that cannot be sent, with the
/// format's own reason `E`.
#[derive(Debug)]
pub enum SendOutput<'a, S, E = CutError> {
    /// Send this now.
    Transmit(Transmit<'a, S>),
    /// Something happened.
    Event(SendEvent<E>),
    /// Nothing until then, or until the next frame or datagram if `None`.
    Wait(Option<Instant>),
}

impl<'a, S, E> SendOutput<'a, S, E> {
    /// The same, with another type for the reason: for who sends in several formats.
    pub fn map_refusal<F>(self, reason: impl FnOnce(E) -> F) -> SendOutput<'a, S, F> {
        match self {
            Self::Transmit(transmit) => SendOutput::Transmit(transmit),
            Self::Event(event) => SendOutput::Event(match event {
                SendEvent::Sent { number, captured, queued, sending } => {
                    SendEvent::Sent { number, captured, queued, sending }
                }
                SendEvent::Superseded { number, captured, thinned } => {
                    SendEvent::Superseded { number, captured, thinned }
                }
                SendEvent::Refused { number, captured, error } => {
                    SendEvent::Refused { number, captured, error: reason(error) }
                }
            }),
            Self::Wait(until) => SendOutput::Wait(until),
        }
    }
}

/// One or several datagrams.
#[derive(Clone, Copy, Debug)]
pub struct Transmit<'a, S> {
    /// The receiver to send to; the stream's destination if `None`.
    pub to: Option<S>,
    /// The datagrams, one behind the other: at most 64 of them and at most 65 487 bytes, which is what segmentation
    /// offload takes in one call.
    pub bytes: &'a [u8],
    /// Bytes of each; the last may be shorter.
    pub segment: usize,
}

/// How a frame ended. Its `number` tells it from all others: the first that the stream was given has 0, the next has 1.
/// That of its header is another, since a frame that is left out takes none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendEvent<E = CutError> {
    /// Its last datagram was given out.
    Sent {
        /// Which it was.
        number: u64,
        /// When it was captured.
        captured: MediaTime,
        /// How long it waited for its first datagram to go.
        queued: Duration,
        /// From its first datagram to its last.
        sending: Duration,
    },
    /// A newer one took its place before its first datagram went, or it was left out because the path is still busy
    /// with the one before, or the stream was [abandoned](super::stream::SendStream::abandon) before its last datagram
    /// went.
    Superseded {
        /// Which it was.
        number: u64,
        /// When it was captured.
        captured: MediaTime,
        /// Whether it was left out on purpose, because the path does not carry all frames.
        thinned: bool,
    },
    /// It cannot be sent.
    Refused {
        /// Which it was.
        number: u64,
        /// When it was captured.
        captured: MediaTime,
        /// Why.
        error: E,
    },
}

/// How many of `count` datagrams of `stride` bytes one call of the kernel takes.
pub(crate) fn most_at_once(count: usize, stride: usize) -> usize {
    count.min(MOST_AT_ONCE).min((MOST_BYTES_AT_ONCE / stride).max(1))
}

/// What one call of the kernel takes, for IPv4 as for IPv6.
const MOST_BYTES_AT_ONCE: usize = 65_487;

//! Configuration of a sending stream.

use std::time::Duration;

use super::pacer::Pace;
use crate::fec::Fec;
use crate::rate::Follow;
use crate::seq::SessionId;
use crate::wire::Signer;

/// How a sender behaves.
#[derive(Clone, Debug)]
pub struct SendConfig {
    /// Its session: random, new at every start, not 0.
    pub session: SessionId,
    /// The largest UDP payload that the path takes without fragmentation, in bytes.
    pub datagram_bytes: usize,
    /// What a datagram costs on the wire beside its payload, in bytes: headers, preamble and gap. It makes the pace
    /// that of the wire.
    pub overhead_bytes: usize,
    /// By how many bytes each datagram is longer once it is sealed; 0 where it is not.
    pub seal_bytes: usize,
    /// How fast frames go out.
    pub pace: Pace,
    /// How far frames are apart, where that is known beforehand. It is learned otherwise.
    pub interval: Option<Duration>,
    /// What people call this sender; at most [`MAX_NAME_BYTES`](crate::wire::MAX_NAME_BYTES) are sent.
    pub name: String,
    /// Who signs its pictures, if they are.
    pub signer: Option<Signer>,
    /// Whether it sends to a group.
    pub is_group: bool,
    /// How much parity goes with each frame.
    pub fec: Fec,
    /// Whether chunks are retransmitted on request.
    pub resend: bool,
    /// Whose path decides the pace.
    pub follow: Follow,
    /// The most bits per second that the stream may have on the wire, over some frames.
    pub max_bitrate: Option<f64>,
    /// Random and secret: receivers' tokens are made with it.
    pub secret: [u8; 16],
}

impl SendConfig {
    /// The largest datagram that the path takes once it is sealed.
    pub(super) fn plain_bytes(&self) -> usize {
        self.datagram_bytes.saturating_sub(self.seal_bytes)
    }

    /// What a datagram costs on the wire beside what is sealed.
    pub(super) fn plain_overhead(&self) -> usize {
        self.overhead_bytes + self.seal_bytes
    }

    /// A stream to one receiver on an Ethernet, paced and repaired as is found best.
    pub fn new(session: SessionId, secret: [u8; 16]) -> Self {
        Self {
            session,
            datagram_bytes: 1472,
            overhead_bytes: 66,
            seal_bytes: 0,
            pace: Pace::Auto,
            interval: None,
            name: String::new(),
            signer: None,
            is_group: false,
            fec: Fec::Auto,
            resend: true,
            follow: Follow::Slowest,
            max_bitrate: None,
            secret,
        }
    }
}

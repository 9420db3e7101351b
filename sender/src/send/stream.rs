//! The stream to a destination, by format: Chunkcast's own, or RTP/JPEG.

use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use proto::rtp::RtpSendStream;
use proto::wire::SourceState;
use proto::{FramePart, SendOutput, SendStats, SendStream, Viewer};

/// A destination's stream, in one of the formats.
#[derive(Debug)]
pub(crate) enum DestinationStream {
    /// Chunkcast's own: repaired, and followed by who receives it.
    Chunkcast(Box<SendStream<SocketAddr>>),
    /// What VLC, GStreamer and FFmpeg play.
    Rtp(Box<RtpSendStream<SocketAddr>>),
}

/// Why a frame cannot be sent, in the words of its stream's format.
pub(super) type SendError = Box<dyn Error>;

impl From<SendStream<SocketAddr>> for DestinationStream {
    fn from(stream: SendStream<SocketAddr>) -> Self {
        Self::Chunkcast(Box::new(stream))
    }
}

impl From<RtpSendStream<SocketAddr>> for DestinationStream {
    fn from(stream: RtpSendStream<SocketAddr>) -> Self {
        Self::Rtp(Box::new(stream))
    }
}

/// The same of a stream of either format.
macro_rules! either {
    ($self:ident, $stream:ident => $of:expr) => {
        match $self {
            Self::Chunkcast($stream) => $of,
            Self::Rtp($stream) => $of,
        }
    };
}

impl DestinationStream {
    /// Takes a part of a frame to be sent, whose first takes the place of a frame that still waits. RTP/JPEG takes
    /// frames of one part.
    pub(crate) fn push_part(&mut self, part: FramePart, now: Instant) {
        either!(self, stream => stream.push_part(part, now))
    }

    /// Takes in what came back. To RTP/JPEG nobody answers here: RTCP has a port of its own.
    pub(crate) fn handle_datagram(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) {
        if let Self::Chunkcast(stream) = self {
            let _counted = stream.handle_datagram(from, datagram, now);
        }
    }

    /// What to do next.
    pub(super) fn poll(&mut self, now: Instant) -> SendOutput<'_, SocketAddr, SendError> {
        either!(self, stream => stream.poll(now).map_refusal(SendError::from))
    }

    /// Says whether the source has pictures, where receivers can be told.
    pub(crate) fn set_state(&mut self, state: SourceState, now: Instant) {
        if let Self::Chunkcast(stream) = self {
            stream.set_state(state, now);
        }
    }

    /// Says how far frames are apart, and has receivers told.
    pub(crate) fn set_interval(&mut self, interval: Duration, now: Instant) {
        match self {
            Self::Chunkcast(stream) => stream.set_interval(interval, now),
            Self::Rtp(stream) => stream.set_interval(interval),
        }
    }

    /// Says by how much capture times are wrong at most, where receivers can be told.
    pub(crate) fn set_capture_error(&mut self, error: Option<Duration>, now: Instant) {
        if let Self::Chunkcast(stream) = self {
            stream.set_capture_error(error, now);
        }
    }

    /// Tells the stream that the path takes datagrams of at most `bytes`.
    pub(crate) fn set_datagram_bytes(&mut self, bytes: usize) {
        either!(self, stream => stream.set_datagram_bytes(bytes))
    }

    /// Ends it: what was pushed still goes out, then a goodbye.
    pub(crate) fn close(&mut self) {
        either!(self, stream => stream.close())
    }

    /// Ends it without waiting for what has not gone, but for the goodbye.
    pub(crate) fn abandon(&mut self) {
        either!(self, stream => stream.abandon())
    }

    /// Whether everything, and the goodbye, has gone.
    pub(crate) fn is_closed(&self) -> bool {
        either!(self, stream => stream.is_closed())
    }

    /// What was counted so far.
    pub(crate) fn stats(&self) -> &SendStats {
        either!(self, stream => stream.stats())
    }

    /// Bits per second at which frames go out, on the wire; `None` if each goes at once.
    pub(crate) fn pace(&self) -> Option<f64> {
        either!(self, stream => stream.pace())
    }

    /// The receivers that are known, by address. Of RTP/JPEG's none are.
    pub(crate) fn viewers(&self) -> impl Iterator<Item = (&SocketAddr, &Viewer)> {
        let stream = if let Self::Chunkcast(stream) = self { Some(stream) } else { None };
        stream.into_iter().flat_map(|stream| stream.viewers())
    }

    /// How many bytes a JPEG may have so that the path carries the stream; `None` if no limit has shown itself.
    pub(crate) fn frame_budget(&mut self) -> Option<usize> {
        either!(self, stream => stream.frame_budget())
    }
}

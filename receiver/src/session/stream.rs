//! The stream of a sender, by format: Chunkcast's own, or RTP/JPEG.

use std::net::SocketAddr;
use std::time::Instant;

use proto::app::StreamFormat;
use proto::rtp::{RtpRecvConfig, RtpRecvStream};
use proto::wire::{Body, Datagram, Token};
use proto::{ClockReading, Outcome, RecvConfig, RecvEvent, RecvOutput, RecvStats, RecvStream, SessionId};

/// How each stream behaves, and which format it has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum StreamConfig {
    /// Chunkcast's own.
    Chunkcast(RecvConfig),
    /// What GStreamer and FFmpeg send.
    Rtp(RtpRecvConfig),
}

/// A sender's stream, in one of the formats.
pub(super) enum ReceiveStream {
    Chunkcast(Box<RecvStream<SocketAddr>>),
    Rtp(Box<RtpRecvStream<SocketAddr>>),
}

impl StreamConfig {
    /// In which format its datagrams are.
    pub(super) fn format(&self) -> StreamFormat {
        match self {
            Self::Chunkcast(_) => StreamFormat::Chunkcast,
            Self::Rtp(_) => StreamFormat::Rtp,
        }
    }

    /// Whether anything is said to its sender.
    pub(super) fn feedback(&self) -> bool {
        matches!(self, Self::Chunkcast(RecvConfig { feedback: true, .. }))
    }

    /// The session and the name that a datagram says, if it is one that begins a stream of this format. The name is
    /// empty where there is none.
    pub(super) fn begins<'a>(&self, datagram: &'a [u8]) -> Option<(SessionId, &'a str)> {
        match self {
            Self::Chunkcast(_) => {
                let Datagram { header, body } = Datagram::parse(datagram).ok()?;
                match body {
                    Body::Hello(hello) => Some((header.session, hello.name)),
                    Body::Data { .. } => Some((header.session, "")),
                    _ => None,
                }
            }
            Self::Rtp(_) => proto::rtp::session_of(datagram).map(|session| (session, "")),
        }
    }
}

/// What the streams of both formats do alike.
macro_rules! whichever {
    ($which:expr, $stream:ident => $do:expr) => {
        match $which {
            Self::Chunkcast($stream) => $do,
            Self::Rtp($stream) => $do,
        }
    };
}

impl ReceiveStream {
    pub(super) fn new(config: StreamConfig) -> Self {
        match config {
            StreamConfig::Chunkcast(config) => Self::Chunkcast(Box::new(RecvStream::new(config))),
            StreamConfig::Rtp(config) => Self::Rtp(Box::new(RtpRecvStream::new(config))),
        }
    }

    #[inline]
    pub(super) fn handle_datagram_arrived(
        &mut self,
        from: SocketAddr,
        datagram: &mut [u8],
        arrived: Instant,
        now: Instant,
    ) -> Outcome {
        whichever!(self, stream => stream.handle_datagram_arrived(from, datagram, arrived, now))
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        whichever!(self, stream => stream.handle_timeout(now))
    }

    pub(super) fn next_event(&mut self) -> Option<RecvEvent<SocketAddr>> {
        whichever!(self, stream => stream.next_event())
    }

    pub(super) fn poll(&mut self, now: Instant) -> RecvOutput<'_, SocketAddr> {
        whichever!(self, stream => stream.poll(now))
    }

    /// Whether its sender says what it is called.
    pub(super) fn says_hello(&self) -> bool {
        matches!(self, Self::Chunkcast(_))
    }

    /// The sender's clock, as far as it is known; RTP/JPEG's never is.
    pub(super) fn clock(&self, now: Instant) -> Option<ClockReading> {
        if let Self::Chunkcast(stream) = self { stream.clock(now) } else { None }
    }

    /// Notes what was dropped here, where the sender can be told.
    pub(super) fn set_drops(&mut self, kernel: u64, decode: u64, display: u64) {
        if let Self::Chunkcast(stream) = self {
            stream.set_drops(kernel, decode, display);
        }
    }

    /// Notes the token of a subscribe reply.
    pub(super) fn told_token(&mut self, from: SocketAddr, token: Token, now: Instant) {
        if let Self::Chunkcast(stream) = self {
            stream.told_token(from, token, now);
        }
    }

    pub(super) fn is_free(&self, now: Instant) -> bool {
        whichever!(self, stream => stream.is_free(now))
    }

    /// The holder's address and session.
    pub(super) fn holder(&self) -> Option<(SocketAddr, SessionId)> {
        whichever!(self, stream => stream.holder())
    }

    /// When anything last came of the holder.
    pub(super) fn last_heard(&self) -> Option<Instant> {
        whichever!(self, stream => stream.last_heard())
    }

    pub(super) fn release(&mut self, now: Instant) {
        whichever!(self, stream => stream.release(now))
    }

    pub(super) fn close(&mut self) {
        whichever!(self, stream => stream.close())
    }

    pub(super) fn stats(&self) -> &RecvStats {
        whichever!(self, stream => stream.stats())
    }
}

//! RTP/JPEG (RFC 2435 over RFC 3550), both ways: what VLC, GStreamer and FFmpeg speak.
//!
//! It carries a JPEG without its headers: a receiver makes them anew from a few bytes. So only some JPEGs can be sent
//! ([`Illegal`] says what is in the way of the others), and what arrives is a file of the same pixels but with other
//! headers. There is no checksum, no repair and no way back: a frame of which a packet is lost is lost.

mod content;
mod frames;
mod header;
mod jfif;
mod quantization;
mod recv;
mod rtcp;
mod send;
mod sequence;
mod slab;
mod slot;
mod timeline;

use crate::seq::SessionId;

pub use crate::stats::NotTaken;
pub use crate::stats::PAYLOAD_TYPE;
pub use content::Illegal;
pub use recv::{RtpRecvConfig, RtpRecvStream};
pub use send::{RtpSendConfig, RtpSendStream};
pub use timeline::CLOCK_RATE;

/// The session of the RTP/JPEG stream that some bytes are a packet of; `None` if they are none.
pub fn session_of(bytes: &[u8]) -> Option<SessionId> {
    header::Packet::parse(bytes).ok().map(|packet| SessionId::new(packet.rtp.ssrc.into()))
}

/// The picture that a JPEG is, as RTP/JPEG would carry it: width and height in pixels.
///
/// # Errors
/// If it cannot be carried, with the reason and the way out.
pub fn check(jpeg: &[u8]) -> Result<(u16, u16), Illegal> {
    content::Content::of(jpeg).map(|content| (content.picture.width, content.picture.height))
}

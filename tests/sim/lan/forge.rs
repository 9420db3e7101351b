//! Datagrams that no honest receiver sends.

use std::ops::Range;

use proto::wire::{self, Header, Kind};
use proto::{FrameId, MediaTime, SessionId};

/// A ping that shows a token.
pub(crate) fn ping(session: SessionId, token: u64) -> Vec<u8> {
    let mut body = token.to_be_bytes().to_vec();
    body.resize(24, 0);
    datagram(Kind::Ping, session, FrameId::new(0), &body)
}

/// A request for chunks of a frame that shows a token.
pub(crate) fn request(session: SessionId, frame: FrameId, token: u64, ranges: &[Range<u16>]) -> Vec<u8> {
    let needed: u16 = ranges.iter().map(|range| range.end - range.start).sum();
    let mut body = token.to_be_bytes().to_vec();
    body.extend_from_slice(&needed.to_be_bytes());
    body.extend_from_slice(&(ranges.len() as u16).to_be_bytes());
    for range in ranges {
        body.extend_from_slice(&range.start.to_be_bytes());
        body.extend_from_slice(&(range.end - range.start).to_be_bytes());
    }
    datagram(Kind::Resend, session, frame, &body)
}

/// A report that shows a token, of so many chunks that arrived and that did not, and no trains.
pub(crate) fn report(session: SessionId, token: u64, arrived: u32, missing: u32) -> Vec<u8> {
    let mut body = token.to_be_bytes().to_vec();
    for count in [0, 0, 0, 0, arrived, missing, 0, 0, 0] {
        body.extend_from_slice(&count.to_be_bytes());
    }
    body.extend_from_slice(&[0, 0]);
    datagram(Kind::Report, session, FrameId::new(0), &body)
}

/// The token in a pong.
pub(crate) fn token_of(pong: &[u8]) -> u64 {
    u64::from_be_bytes(std::array::from_fn(|i| pong[wire::HEADER_BYTES + i]))
}

fn datagram(kind: Kind, session: SessionId, frame: FrameId, body: &[u8]) -> Vec<u8> {
    let mut datagram = vec![0; wire::HEADER_BYTES];
    datagram.extend_from_slice(body);
    let header =
        Header { length: body.len() as u32, ..Header::control(kind, session, frame, MediaTime::default()) };
    wire::emit(&header, &mut datagram);
    datagram
}

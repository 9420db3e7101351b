//! Datagrams that nobody sealed.

use proto::wire::{self, Header, Kind};
use proto::{FrameId, MediaTime, SessionId};

/// A datagram of version 1 with something in it.
pub(super) fn plain(kind: Kind, session: SessionId, body: &[u8]) -> Vec<u8> {
    let header = Header::control(kind, session, FrameId::new(5), MediaTime::from_micros(1));
    let mut datagram = vec![0; wire::HEADER_BYTES];
    datagram.extend_from_slice(body);
    wire::emit(&Header { length: body.len() as u32, ..header }, &mut datagram);
    datagram
}

/// How a kind stands in a datagram.
pub(super) fn byte(kind: Kind) -> u8 {
    plain(kind, SessionId::new(1), &[])[3]
}

/// A hello of version 1.
pub(super) fn hello(session: SessionId) -> Vec<u8> {
    plain(Kind::Hello, session, b"\0\x04door")
}

/// One that says that it is sealed, with this number, and then what is to be seen (key, receiver, salt) and the rest.
pub(super) fn sealed(kind: Kind, session: SessionId, number: u64, seen: &[u8], rest: &[u8]) -> Vec<u8> {
    let mut datagram = plain(kind, session, &[])[..NUMBER].to_vec();
    datagram[2] = 2;
    datagram.extend_from_slice(&number.to_be_bytes());
    datagram.extend_from_slice(seen);
    datagram.extend_from_slice(rest);
    datagram
}

/// The number that a datagram is sealed with.
pub(super) fn number(sealed: &[u8]) -> u64 {
    u64::from_be_bytes(sealed[NUMBER..NUMBER + 8].try_into().expect("8 bytes"))
}

pub(super) fn set_number(sealed: &mut [u8], number: u64) {
    sealed[NUMBER..NUMBER + 8].copy_from_slice(&number.to_be_bytes());
}

const NUMBER: usize = 36;

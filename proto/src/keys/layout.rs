//! Where a sealed datagram has what.
//!
//! ```text
//! from a sender
//!  0          36           44                                             n      n + 16
//!  | header    | counter 8 | key id 8 | salt 16 | suite 1 | sealed body ... | tag 16 |
//!                          '-- a hello's, a reply's only --'
//! from a receiver
//!  0          36           44         52            60                    n      n + 16
//!  | header    | counter 8 | key id 8 | receiver 8  | sealed body ...       | tag 16 |
//! ```
//!
//! The header is that of version 1 up to its checksum, with the version 2. All that stands before the sealed body is
//! covered by the tag. The sealed body is what follows the checksum in version 1.

use std::ops::Range;

use super::cipher::Suite;
pub(super) use super::cipher::TAG_BYTES;
use crate::wire::{HEADER_BYTES, KEY_ID_BYTES, KeyId, Kind, kind_and_signed};

/// Bytes by which a sealed chunk is longer than it was.
pub const SEALED_BYTES: usize = BODY - HEADER_BYTES + TAG_BYTES;

/// What stands in the clear at the beginning of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Introduction {
    pub(super) key: KeyId,
    pub(super) salt: [u8; SALT_BYTES],
    pub(super) suite: u8,
}

impl Introduction {
    pub(super) fn new(key: KeyId, salt: [u8; SALT_BYTES], suite: Suite) -> Self {
        Self { key, salt, suite: suite.to_wire() }
    }

    pub(super) fn append(&self, datagram: &mut Vec<u8>) {
        datagram.extend_from_slice(&self.key.bytes());
        datagram.extend_from_slice(&self.salt);
        datagram.push(self.suite);
    }

    /// Reads it of a datagram that has one.
    pub(super) fn read(datagram: &[u8]) -> Option<Self> {
        let (key, rest) = datagram.get(BODY..)?.split_first_chunk()?;
        let (salt, rest) = rest.split_first_chunk()?;
        Some(Self { key: KeyId::new(*key), salt: *salt, suite: *rest.first()? })
    }
}

/// Whether a datagram says that it is sealed.
#[inline]
pub fn is_sealed(datagram: &[u8]) -> bool {
    datagram.starts_with(&[b'C', b'k', VERSION])
}

/// The key that a sealed datagram of a sender's, that begins a session, says it is sealed with.
pub fn locked_by(datagram: &[u8]) -> Option<KeyId> {
    let introduces = is_sealed(datagram) && kind(datagram).is_some_and(introduces);
    introduces.then(|| Introduction::read(datagram)).flatten().map(|introduction| introduction.key)
}

/// Whether somebody wants to subscribe by a datagram, sealed or not, as far as it says so.
pub fn is_subscribe(datagram: &[u8]) -> bool {
    datagram.starts_with(b"Ck") && kind(datagram) == Some(Kind::Subscribe)
}

pub(super) fn kind(datagram: &[u8]) -> Option<Kind> {
    datagram.get(KIND_AT).map(|kind| kind_and_signed(*kind).0)
}

pub(super) fn counter(datagram: &[u8]) -> Option<u64> {
    datagram.get(COUNTER).and_then(<[u8]>::first_chunk).map(|counter| u64::from_be_bytes(*counter))
}

/// When a datagram says that it was sent; 0 if it is too short.
pub(super) fn captured(datagram: &[u8]) -> u64 {
    datagram.get(CAPTURED).and_then(<[u8]>::first_chunk).map_or(0, |captured| u64::from_be_bytes(*captured))
}

pub(super) fn session(datagram: &[u8]) -> Option<u64> {
    datagram.get(SESSION).and_then(<[u8]>::first_chunk).map(|session| u64::from_be_bytes(*session))
}

/// With which key a receiver's datagram says it is sealed, and the receiver's number.
pub(super) fn requester(datagram: &[u8]) -> Option<(KeyId, u64)> {
    let (key, rest) = datagram.get(BODY..)?.split_first_chunk()?;
    Some((KeyId::new(*key), u64::from_be_bytes(*rest.first_chunk()?)))
}

pub(super) fn append_requester(key: KeyId, receiver: u64, datagram: &mut Vec<u8>) {
    datagram.extend_from_slice(&key.bytes());
    datagram.extend_from_slice(&receiver.to_be_bytes());
}

/// Whether a sender's datagrams of this kind carry an [`Introduction`].
pub(super) fn introduces(kind: Kind) -> bool {
    matches!(kind, Kind::Hello | Kind::SubscribeReply)
}

/// Whether a datagram of this kind carries a part of a frame.
pub(super) fn is_chunk(kind: Kind) -> bool {
    matches!(kind, Kind::Data | Kind::Again | Kind::Parity)
}

/// Whether a sender says things of this kind, and not a receiver.
pub(super) fn is_a_senders(kind: Kind) -> bool {
    use Kind::{Again, Data, Gone, Goodbye, Hello, Parity, Pong, SubscribeReply};
    matches!(kind, Data | Parity | Hello | Goodbye | Pong | Gone | Again | SubscribeReply)
}

/// Whether a receiver does.
pub(super) fn is_a_receivers(kind: Kind) -> bool {
    matches!(kind, Kind::Report | Kind::Resend | Kind::Ping | Kind::Subscribe)
}

/// Appends the head of a sealed datagram made of a plain one, which says that it was sent then.
pub(super) fn begin(plain: &[u8], captured: u64, counter: u64, sealed: &mut Vec<u8>) {
    let start = sealed.len();
    sealed.extend_from_slice(&plain[..CHECKSUM_AT]);
    let head = &mut sealed[start..];
    head[VERSION_AT] = VERSION;
    head[CAPTURED].copy_from_slice(&captured.to_be_bytes());
    sealed.extend_from_slice(&counter.to_be_bytes());
}

/// Makes a datagram of version 1 of an opened one, whose body begins at `body` and ends at `end`; returns where.
pub(super) fn restore(datagram: &mut [u8], body: usize, end: usize) -> Range<usize> {
    let start = body - HEADER_BYTES;
    datagram.copy_within(..CHECKSUM_AT, start);
    datagram[start + VERSION_AT] = 1;
    crate::wire::renew_checksum(&mut datagram[start..end]);
    start..end
}

/// What a pong's body says that it answers.
pub(super) fn asked(body: &[u8]) -> Option<u64> {
    body.get(ASKED).and_then(<[u8]>::first_chunk).map(|asked| u64::from_be_bytes(*asked))
}

/// Has a pong of version 1 answer another time.
pub(super) fn set_asked(pong: &mut [u8], asked: u64) {
    pong[HEADER_BYTES..][ASKED].copy_from_slice(&asked.to_be_bytes());
    crate::wire::renew_checksum(pong);
}

pub(super) const SALT_BYTES: usize = 16;
/// Where the body begins, or what stands in the clear before it.
pub(super) const BODY: usize = CHECKSUM_AT + COUNTER_BYTES;
pub(super) const INTRODUCTION_BYTES: usize = KEY_ID_BYTES + SALT_BYTES + 1;
/// Key id and receiver.
pub(super) const REQUESTER_BYTES: usize = KEY_ID_BYTES + 8;
/// Bytes of a sealed reply to a subscribe, whose body has 9; and zeros behind a subscribe, so that it is no shorter.
pub(super) const REPLY_BYTES: usize = BODY + INTRODUCTION_BYTES + 9 + TAG_BYTES;
pub(super) const SUBSCRIBE_PADDING: usize = 8;
const VERSION: u8 = 2;
const VERSION_AT: usize = 2;
const KIND_AT: usize = 3;
const SESSION: Range<usize> = 4..12;
const CAPTURED: Range<usize> = 28..36;
/// In a pong's body.
const ASKED: Range<usize> = 8..16;
const CHECKSUM_AT: usize = 36;
const COUNTER_BYTES: usize = 8;
const COUNTER: Range<usize> = CHECKSUM_AT..CHECKSUM_AT + COUNTER_BYTES;

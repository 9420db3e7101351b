//! The header that every datagram begins with.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-------------------------------+---------------+---------------+
//! |        mark, "Ck"             |  version, 1   |S|   kind      |  0
//! +-------------------------------+---------------+---------------+
//! |                                                               |  4
//! |                            session                            |
//! +---------------------------------------------------------------+
//! |                            frame id                           | 12
//! +---------------+---------------+-------------------------------+
//! |     part      |     parts     |          chunk index          | 16
//! +---------------+---------------+-------------------------------+
//! |          data chunks          |         parity chunks         | 20
//! +-------------------------------+-------------------------------+
//! |                     length of the part, bytes                 | 24
//! +---------------------------------------------------------------+
//! |                                                               | 28
//! |           capture time, microseconds since the epoch          |
//! +---------------------------------------------------------------+
//! |        CRC-32 of bytes 0..36 and of all from 40 on            | 36
//! +---------------------------------------------------------------+
//! |                          payload ...                            40
//! ```
//!
//! S: the part ends with the frame's signature; only in what is a chunk, of the last part.

use super::error::WireError;
use crate::frame::MediaTime;
use crate::seq::{FrameId, PartId, SessionId};

/// Bytes of a header.
pub const HEADER_BYTES: usize = 40;

/// The fields of a header, but for mark, version and checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the datagram is.
    pub kind: Kind,
    /// The sender's run.
    pub session: SessionId,
    /// The frame that it belongs to, or is about. In a hello, goodbye or pong: the next one; in a ping or report: the
    /// newest that is known.
    pub frame: FrameId,
    /// Which part of the frame, from 0. In a resend request or a gone: the one that it is about.
    pub part: u8,
    /// How many parts the frame has, at least 1; 0 in what is no chunk. Frames of more than
    /// [`MAX_PARTS`](crate::MAX_PARTS) are not taken in.
    pub parts: u8,
    /// Whether the last bytes of the part are the frame's signature.
    pub is_signed: bool,
    /// Which chunk of the part: data chunks from 0, parity chunks after them. In a ping or report, 1 if the receiver
    /// does not request what it misses, and 2 more if it takes frames of several parts; otherwise 0 in what is no
    /// chunk.
    pub index: u16,
    /// How many data chunks the part has.
    pub data_chunks: u16,
    /// How many parity chunks are sent with the part; more may be made later.
    pub parity_chunks: u16,
    /// Bytes of the part; of the body in what is no chunk.
    pub length: u32,
    /// When the frame was captured; in what is no chunk, when that was sent, on the clock of who sent it.
    pub captured: MediaTime,
}

/// What a datagram is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 1: a chunk of a frame.
    Data,
    /// 2: a chunk that others can be computed from.
    Parity,
    /// 3: the sender says that it is there, and what it is.
    Hello,
    /// 4: the sender ends its session.
    Goodbye,
    /// 5: a receiver says what arrived.
    Report,
    /// 6: a retransmission request.
    Resend,
    /// 7: a receiver requests the sender's time, and a token.
    Ping,
    /// 8: the sender's answer to a ping or a report.
    Pong,
    /// 9: the sender no longer has a frame that was requested.
    Gone,
    /// 10: a chunk of a frame that was sent before, as [`Data`](Self::Data) otherwise.
    Again,
    /// 11: a receiver subscribes, or leaves.
    Subscribe,
    /// 12: the reply to a subscriber that gets no stream yet.
    SubscribeReply,
    /// Any other number.
    Other(u8),
}

impl Kind {
    const fn from_wire(byte: u8) -> Self {
        match byte {
            1 => Self::Data,
            2 => Self::Parity,
            3 => Self::Hello,
            4 => Self::Goodbye,
            5 => Self::Report,
            6 => Self::Resend,
            7 => Self::Ping,
            8 => Self::Pong,
            9 => Self::Gone,
            10 => Self::Again,
            11 => Self::Subscribe,
            12 => Self::SubscribeReply,
            other => Self::Other(other),
        }
    }

    pub(crate) const fn to_wire(self) -> u8 {
        match self {
            Self::Data => 1,
            Self::Parity => 2,
            Self::Hello => 3,
            Self::Goodbye => 4,
            Self::Report => 5,
            Self::Resend => 6,
            Self::Ping => 7,
            Self::Pong => 8,
            Self::Gone => 9,
            Self::Again => 10,
            Self::Subscribe => 11,
            Self::SubscribeReply => 12,
            Self::Other(other) => other,
        }
    }
}

impl Header {
    /// The header of what is no chunk. Its length is that of the body, which is filled in when it is written.
    pub const fn control(kind: Kind, session: SessionId, frame: FrameId, captured: MediaTime) -> Self {
        Self {
            kind,
            session,
            frame,
            part: 0,
            parts: 0,
            is_signed: false,
            index: 0,
            data_chunks: 0,
            parity_chunks: 0,
            length: 0,
            captured,
        }
    }

    /// The same, of a part of its frame that is named.
    pub(crate) const fn of_part(self, part: u8) -> Self {
        Self { part, ..self }
    }

    /// The part that it is of.
    pub const fn part_id(&self) -> PartId {
        PartId { frame: self.frame, part: self.part }
    }

    /// Reads the fields. The mark, the version and the checksum were checked before.
    pub(super) fn parse(head: &[u8; HEADER_BYTES]) -> Self {
        let (kind, is_signed) = kind_and_signed(head[KIND]);
        Self {
            kind,
            session: SessionId::new(u64::from_be_bytes(field(head, SESSION))),
            frame: FrameId::new(u32::from_be_bytes(field(head, FRAME))),
            part: head[PART],
            parts: head[PARTS],
            is_signed,
            index: u16::from_be_bytes(field(head, INDEX)),
            data_chunks: u16::from_be_bytes(field(head, DATA_CHUNKS)),
            parity_chunks: u16::from_be_bytes(field(head, PARITY_CHUNKS)),
            length: u32::from_be_bytes(field(head, LENGTH)),
            captured: MediaTime::from_micros(u64::from_be_bytes(field(head, CAPTURED))),
        }
    }

    /// Writes the fields, the mark and the version; the checksum's place is left for the seal.
    pub(super) fn emit(&self, head: &mut [u8; HEADER_BYTES]) {
        head[..KIND].copy_from_slice(&[MARK[0], MARK[1], VERSION]);
        head[KIND] = self.kind.to_wire() | if self.is_signed { SIGNED } else { 0 };
        put(head, SESSION, self.session.get().to_be_bytes());
        put(head, FRAME, self.frame.get().to_be_bytes());
        head[PART] = self.part;
        head[PARTS] = self.parts;
        put(head, INDEX, self.index.to_be_bytes());
        put(head, DATA_CHUNKS, self.data_chunks.to_be_bytes());
        put(head, PARITY_CHUNKS, self.parity_chunks.to_be_bytes());
        put(head, LENGTH, self.length.to_be_bytes());
        put(head, CAPTURED, self.captured.as_micros().to_be_bytes());
    }
}

/// What a datagram is that says so by this byte, and whether its part is signed, if it is a chunk.
pub(crate) fn kind_and_signed(byte: u8) -> (Kind, bool) {
    match Kind::from_wire(byte & !SIGNED) {
        kind @ (Kind::Data | Kind::Parity | Kind::Again) => (kind, byte & SIGNED != 0),
        _ => (Kind::from_wire(byte), false),
    }
}

/// Whether a datagram says that it is of this kind and of this version; nothing else of it is looked at.
pub(super) fn claims(datagram: &[u8], kind: Kind) -> bool {
    datagram.starts_with(&[MARK[0], MARK[1], VERSION, kind.to_wire()])
}

/// Checks mark and version, which stand before everything else in every version.
pub(super) fn check_mark(head: &[u8; HEADER_BYTES]) -> Result<(), WireError> {
    match head {
        [a, b, ..] if [*a, *b] != MARK => Err(WireError::NoMark),
        [_, _, version, ..] if *version != VERSION => Err(WireError::Version(*version)),
        _ => Ok(()),
    }
}

fn field<const N: usize>(head: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    std::array::from_fn(|i| head[at + i])
}

fn put<const N: usize>(head: &mut [u8; HEADER_BYTES], at: usize, bytes: [u8; N]) {
    head[at..at + N].copy_from_slice(&bytes);
}

/// In the byte of the kind.
pub(super) const SIGNED: u8 = 0x80;
const MARK: [u8; 2] = *b"Ck";
const VERSION: u8 = 1;

pub(super) const KIND: usize = 3;
const SESSION: usize = 4;
const FRAME: usize = 12;
const PART: usize = 16;
const PARTS: usize = 17;
const INDEX: usize = 18;
const DATA_CHUNKS: usize = 20;
const PARITY_CHUNKS: usize = 22;
const LENGTH: usize = 24;
const CAPTURED: usize = 28;
pub(super) const CHECKSUM: usize = 36;

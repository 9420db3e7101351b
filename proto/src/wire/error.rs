//! Why a datagram is refused.

use thiserror::Error;

/// Why some bytes are no datagram of ours: the check that failed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum WireError {
    /// It is shorter than a header.
    #[error("shorter than a header")]
    TooShort,
    /// It does not begin with the protocol's mark.
    #[error("not a Chunkcast datagram")]
    NoMark,
    /// It is of a version that this one does not speak.
    #[error("protocol version {0} is not known")]
    Version(u8),
    /// Header and payload do not match the checksum.
    #[error("the checksum does not match")]
    Checksum,
    /// The session is 0.
    #[error("there is no session 0")]
    NoSession,
    /// Its part number is not below its number of parts, it has no parts, or another part than the last is signed.
    #[error("part out of range")]
    Part,
    /// The part's length and number of chunks cannot belong together, or exceed what the protocol allows.
    #[error("no part of that length is cut into that many chunks")]
    Geometry,
    /// Its chunk number is not below the number of chunks.
    #[error("chunk out of range")]
    Index,
    /// Its payload is shorter than its chunk or its body.
    #[error("the payload is too short")]
    Payload,
    /// A hello's name is no UTF-8, too long, or its state is not known.
    #[error("the hello is damaged")]
    Hello,
    /// A report or a request lists too much, or what cannot be.
    #[error("the report or request is damaged")]
    Feedback,
}

//! Where a datagram says what it is.

use proto::SessionId;

/// Where a format's mark stands, and its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Chunkcast's own.
    Chunkcast,
    /// RTP/JPEG.
    Rtp,
}

impl Shape {
    /// The session that a datagram is of, if it may be a sender's.
    pub(super) fn session_of(self, datagram: &[u8]) -> Option<SessionId> {
        let (head, rest) = datagram.split_first_chunk::<4>()?;
        let session = match (self, head) {
            (Self::Chunkcast, [b'C', b'k', 1, _]) => u64::from_be_bytes(*rest.first_chunk()?),
            (Self::Rtp, [first, second, ..]) if first >> 6 == 2 && second & 0x7f == 26 => {
                u32::from_be_bytes(*rest.get(4..)?.first_chunk()?).into()
            }
            _ => return None,
        };
        Some(SessionId::new(session))
    }
}

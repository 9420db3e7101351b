//! The subscribe of a receiver, and the reply to it.
//!
//! ```text
//! subscribe         token 8, flags 1, zeros 7       header's session: the sender's, or all ones
//! subscribe reply   token 8, status 1               header's session: the sender's
//! ```
//!
//! Flags: 1, the viewer leaves. Status: 0, show this token; 1, there is no place for another viewer;
//! 2, the sender is keyed, and the token is its key's id; 3, it has
//! no key, and the subscribe was sealed.

use super::error::WireError;
use super::feedback::Token;
use super::key_id::KeyId;

/// A receiver wants to watch, goes on watching, or leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscribe {
    /// The receiver's; 0 while it has none.
    pub token: Token,
    /// Whether it leaves.
    pub leaves: bool,
}

/// The reply to a subscriber that gets no stream yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscribeReply {
    /// The subscriber's token from now on.
    pub token: Token,
    /// Why there is no stream yet.
    pub status: SubscribeStatus,
}

/// Why a subscriber gets no stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscribeStatus {
    /// 0: it has yet to show its token.
    ShowToken,
    /// 1: there is no place for another viewer.
    Full,
    /// 2: the sender is keyed, and the subscribe was not sealed with its key, of which this is the id. It stands in the
    /// token's place: the reply is no longer than a subscribe.
    Locked(KeyId),
    /// 3: the subscribe was sealed, and the sender has no key.
    Open,
    /// Any other number.
    Other(u8),
}

impl Subscribe {
    pub(super) fn parse(body: &[u8]) -> Result<Self, WireError> {
        // It is longer than its answers, so that a forged one gains nothing.
        let body: &[u8; ASK_BYTES] = body.first_chunk().ok_or(WireError::Payload)?;
        let (token, rest) = body.split_first_chunk().ok_or(WireError::Payload)?;
        Ok(Self { token: Token::new(u64::from_be_bytes(*token)), leaves: rest[0] & LEAVES != 0 })
    }

    pub(crate) fn emit(&self, datagram: &mut Vec<u8>) {
        let at = datagram.len();
        datagram.extend_from_slice(&self.token.get().to_be_bytes());
        datagram.push(u8::from(self.leaves) * LEAVES);
        datagram.resize(at + ASK_BYTES, 0);
    }
}

impl SubscribeReply {
    pub(super) fn parse(body: &[u8]) -> Result<Self, WireError> {
        let (token, rest) = body.split_first_chunk().ok_or(WireError::Payload)?;
        let status = match rest.first() {
            Some(0) => SubscribeStatus::ShowToken,
            Some(1) => SubscribeStatus::Full,
            Some(2) => SubscribeStatus::Locked(KeyId::new(*token)),
            Some(3) => SubscribeStatus::Open,
            Some(&other) => SubscribeStatus::Other(other),
            None => return Err(WireError::Payload),
        };
        Ok(Self { token: Token::new(u64::from_be_bytes(*token)), status })
    }

    pub(crate) fn emit(&self, datagram: &mut Vec<u8>) {
        let (token, status) = match self.status {
            SubscribeStatus::ShowToken => (self.token.get().to_be_bytes(), 0),
            SubscribeStatus::Full => (self.token.get().to_be_bytes(), 1),
            SubscribeStatus::Locked(key) => (key.bytes(), 2),
            SubscribeStatus::Open => (self.token.get().to_be_bytes(), 3),
            SubscribeStatus::Other(other) => (self.token.get().to_be_bytes(), other),
        };
        datagram.extend_from_slice(&token);
        datagram.push(status);
    }
}

/// Seven more than an answer has: room for what later ones say.
const ASK_BYTES: usize = 16;
const LEAVES: u8 = 1;

//! Seals one stream of a sender's session.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::cipher::{Cipher, Suite};
use super::key::SessionSecret;
use super::layout::{self, BODY, INTRODUCTION_BYTES, Introduction};
use crate::seq::SessionId;
use crate::wire::HEADER_BYTES;

/// One run of a sender: what all its streams share.
pub(super) struct Session {
    pub(super) id: SessionId,
    pub(super) suite: Suite,
    pub(super) secret: SessionSecret,
    pub(super) introduction: Introduction,
    /// The number of the stream that begins next.
    next_stream: AtomicU32,
}

impl Session {
    pub(super) fn new(
        id: SessionId,
        suite: Suite,
        secret: SessionSecret,
        introduction: Introduction,
    ) -> Self {
        Self { id, suite, secret, introduction, next_stream: AtomicU32::new(REPLIES + 1) }
    }

    /// A number that no stream of this session has; `None` if all had a turn.
    fn number(&self) -> Option<u32> {
        let next = |number| (number <= MOST_STREAM).then_some(number + 1);
        self.next_stream.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok()
    }
}

/// Seals what a sender says to one destination. It counts what it seals, so that no nonce comes twice.
pub struct StreamSealer {
    session: Arc<Session>,
    /// The receiver whom it is for; 0 for all.
    to: u64,
    number: u32,
    /// Datagrams sealed.
    count: u64,
    cipher: Cipher,
}

impl StreamSealer {
    /// For this receiver, or for all who have the key; `None` where a session has had all streams it may.
    pub(super) fn new(session: &Arc<Session>, to: u64) -> Option<Self> {
        let number = session.number()?;
        Some(Self::numbered(session, to, number, 0))
    }

    /// For replies to one receiver, of which `count` went to anybody before.
    pub(super) fn for_replies(session: &Arc<Session>, to: u64, count: u64) -> Self {
        Self::numbered(session, to, REPLIES, count)
    }

    /// The receiver whom it is for; 0 for all who have the key.
    pub fn receiver(&self) -> u64 {
        self.to
    }

    /// Appends the sealed form of `plain`, a whole datagram of version 1, to `sealed`; `false` and nothing if there is
    /// no nonce left that was not used, which takes more datagrams than a network carries in years.
    #[must_use]
    pub fn seal(&mut self, plain: &[u8], sealed: &mut Vec<u8>) -> bool {
        let Some(counter) = self.next() else { return false };
        let start = sealed.len();
        layout::begin(plain, layout::captured(plain), counter, sealed);
        if layout::kind(plain).is_some_and(layout::introduces) {
            self.session.introduction.append(sealed);
        }
        let body = sealed.len();
        sealed.extend_from_slice(&plain[HEADER_BYTES..]);
        let (clear, plain) = sealed[start..].split_at_mut(body - start);
        let tag = self.cipher.seal(counter, clear, plain);
        sealed.extend_from_slice(&tag);
        true
    }

    fn numbered(session: &Arc<Session>, to: u64, number: u32, count: u64) -> Self {
        let cipher = session.secret.down(session.suite, session.id, to, number, epoch(count));
        Self { session: session.clone(), to, number, count, cipher }
    }

    /// A number that was not used with the key that it is used with next.
    fn next(&mut self) -> Option<u64> {
        if self.count == MOST_COUNT {
            // Replies have no other stream to go on in.
            *self = (self.number != REPLIES).then(|| Self::new(&self.session, self.to)).flatten()?;
        }
        let epoch = epoch(self.count);
        self.count += 1;
        if self::epoch(self.count) != epoch {
            let Session { secret, suite, id, .. } = &*self.session;
            self.cipher = secret.down(*suite, *id, self.to, self.number, self::epoch(self.count));
        }
        Some(u64::from(self.number) << COUNT_BITS | self.count)
    }
}

impl fmt::Debug for StreamSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { to, number, count, .. } = self;
        write!(f, "StreamSealer {{ to: {to:x}, number: {number}, count: {count} }}")
    }
}

/// The stream of a datagram's counter, and the datagram's number in it.
pub(super) fn split(counter: u64) -> (u32, u64) {
    ((counter >> COUNT_BITS) as u32, counter & MOST_COUNT)
}

/// Which of a stream's keys a datagram is sealed with: each seals at most 2^32.
pub(super) fn epoch(count: u64) -> u32 {
    (count >> 32) as u32
}

/// Where the body of a sender's datagram begins, with what stands in the clear before it.
pub(super) fn body(introduces: bool) -> usize {
    BODY + if introduces { INTRODUCTION_BYTES } else { 0 }
}

/// What is said outside of the streams.
pub(super) const REPLIES: u32 = 0;
/// A counter's bits for the datagram; above them are the stream's.
const COUNT_BITS: u32 = 40;
const MOST_COUNT: u64 = (1 << COUNT_BITS) - 1;
const MOST_STREAM: u32 = (1 << (64 - COUNT_BITS)) - 1;

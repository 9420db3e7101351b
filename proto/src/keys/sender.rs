//! The sender's end: a sealer for each stream, and what receivers say opened.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::cipher::Suite;
use super::key::Key;
use super::layout::{self, BODY, Introduction, REPLY_BYTES, REQUESTER_BYTES, SALT_BYTES, TAG_BYTES};
use super::peers::{KnownReceiver, Peers};
use super::refusal::{Refusal, RefusalCounts};
use super::stream::{Session, StreamSealer};
use crate::frame::MediaTime;
use crate::seq::{FrameId, SessionId};
use crate::wire::{self, Header, KeyId, Kind, SubscribeReply, SubscribeStatus, Token};

/// The keys of one run of a sender.
pub struct SenderKeys {
    key: Key,
    session: Arc<Session>,
    peers: Peers,
    /// Replies sealed.
    pub(super) replies: u64,
    counts: RefusalCounts,
}

impl SenderKeys {
    /// For a session, with a salt that is random in each run, so that no two have keys in common.
    pub fn new(key: Key, session: SessionId, salt: [u8; SALT_BYTES], suite: Suite) -> Self {
        let introduction = Introduction::new(key.id(), salt, suite);
        let session = Arc::new(Session::new(session, suite, key.session(&salt), introduction));
        Self { key, session, peers: Peers::default(), replies: 0, counts: RefusalCounts::default() }
    }

    /// What tells its key from others.
    pub fn id(&self) -> KeyId {
        self.key.id()
    }

    /// Seals a stream to all who have the key, or to the one receiver with this number; `None` where the session has
    /// had 16 million streams.
    pub fn stream(&self, to: Option<u64>) -> Option<StreamSealer> {
        StreamSealer::new(&self.session, to.unwrap_or(0))
    }

    /// Appends the sealed form of a reply to the receiver with this number.
    #[must_use]
    pub fn seal_reply(&mut self, to: u64, plain: &[u8], sealed: &mut Vec<u8>) -> bool {
        let is_sealed = StreamSealer::for_replies(&self.session, to, self.replies).seal(plain, sealed);
        self.replies += u64::from(is_sealed);
        is_sealed
    }

    /// Writes what somebody is told who has no key, or another one, and wants to subscribe: which key it needs.
    pub fn locked_reply(&self, subscribe: &[u8], reply: &mut Vec<u8>) {
        unsealed_reply(self.session.id, SubscribeStatus::Locked(self.key.id()), subscribe, reply);
    }

    /// Opens what a receiver says: the datagram of version 1 that it sealed, and the receiver's number.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn open<'a>(&mut self, datagram: &'a mut [u8], now: Instant) -> Result<(&'a mut [u8], u64), Refusal> {
        match self.try_open(datagram, now) {
            Ok((range, receiver)) => Ok((&mut datagram[range], receiver)),
            Err(refusal) => {
                self.counts.add(refusal);
                Err(refusal)
            }
        }
    }

    /// What was refused so far.
    pub fn counts(&self) -> RefusalCounts {
        self.counts
    }

    /// How many receivers are remembered; they are bounded.
    pub fn receivers(&self) -> usize {
        self.peers.len()
    }

    fn try_open(&mut self, datagram: &mut [u8], now: Instant) -> Result<(Range<usize>, u64), Refusal> {
        if !layout::is_sealed(datagram) {
            return Err(Refusal::Unkeyed);
        }
        let body = BODY + REQUESTER_BYTES;
        let length = datagram.len();
        let (Some(kind), Some(number), Some(session)) =
            (layout::kind(datagram), layout::counter(datagram), layout::session(datagram))
        else {
            return Err(Refusal::Malformed);
        };
        // What is answered is as long as the answer.
        let least = if kind == Kind::Subscribe { REPLY_BYTES } else { body + TAG_BYTES };
        if length < least || !layout::is_a_receivers(kind) {
            return Err(Refusal::Malformed);
        }
        let (key, receiver) = layout::requester(datagram).ok_or(Refusal::Malformed)?;
        if receiver == 0 {
            return Err(Refusal::Malformed);
        }
        if key != self.key.id() {
            return Err(Refusal::WrongKey(key));
        }
        let is_first = kind == Kind::Subscribe && session == u64::MAX;
        if !is_first && session != self.session.id.get() {
            return Err(Refusal::Early);
        }
        let known = self.peers.get(receiver);
        let is_known = known.is_some();
        let mut unknown = KnownReceiver::new(now);
        let peer = known.unwrap_or(&mut unknown);
        if !peer.window.is_new(number) {
            return Err(Refusal::Replayed);
        }
        let Session { secret, suite, id, .. } = &*self.session;
        let place = if is_first { &mut peer.first } else { &mut peer.up };
        let made = place.is_none().then(|| match is_first {
            true => self.key.first_request(receiver),
            false => secret.up(*suite, *id, receiver),
        });
        let cipher = place.as_ref().or(made.as_ref()).expect("it is made where it is not there");
        let (clear, sealed) = datagram.split_at_mut(body);
        cipher.open(number, clear, sealed).ok_or(Refusal::Forged)?;
        // Nothing is kept of what is not genuine.
        if made.is_some() {
            *place = made;
        }
        peer.window.note(number);
        if is_known {
            self.peers.heard(receiver, now);
        } else {
            self.peers.keep(receiver, unknown, now);
        }
        Ok((layout::restore(datagram, body, length - TAG_BYTES), receiver))
    }
}

/// Writes what a sender without a key tells somebody whose `subscribe` is sealed.
pub fn open_reply(session: SessionId, subscribe: &[u8], reply: &mut Vec<u8>) {
    unsealed_reply(session, SubscribeStatus::Open, subscribe, reply);
}

/// It is no longer than what it answers; nothing where that is too short.
fn unsealed_reply(session: SessionId, status: SubscribeStatus, subscribe: &[u8], reply: &mut Vec<u8>) {
    let header = Header::control(Kind::SubscribeReply, session, FrameId::default(), MediaTime::default());
    let told = SubscribeReply { token: Token::default(), status };
    wire::emit_with(&header, reply, |body| told.emit(body));
    if reply.len() > subscribe.len() {
        reply.clear();
    }
}

impl fmt::Debug for SenderKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SenderKeys({})", self.key.id())
    }
}

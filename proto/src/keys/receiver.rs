//! The receiver's end, at one socket: what senders say opened, and what it says sealed.

use std::fmt;
use std::ops::Range;
use std::time::Instant;

use super::key::Key;
use super::layout::{self, Introduction, SUBSCRIBE_PADDING};
use super::refusal::{Refusal, RefusalCounts};
use super::session::{KnownSession, SILENT};
use super::turns::Turns;
use crate::seq::SessionId;
use crate::wire::{Body, Datagram, HEADER_BYTES, KeyId, Kind, SubscribeStatus};

/// The keys of a receiver, and the sessions that they open.
pub struct ReceiverKeys {
    keys: Vec<Key>,
    turns: Turns,
    /// The receiver's own number: random, and not 0.
    number: u64,
    /// Whether what it wants is sealed for it alone.
    subscribes: bool,
    /// Datagrams sealed.
    count: u64,
    sessions: Vec<KnownSession>,
    counts: RefusalCounts,
}

impl ReceiverKeys {
    /// With these keys, at least one. `number` is random, not 0, and another for each socket and each run; `subscribes`
    /// says whether it subscribes there, or listens to what is for all.
    ///
    /// # Panics
    /// If there is no key.
    pub fn new(keys: Vec<Key>, number: u64, subscribes: bool) -> Self {
        assert!(!keys.is_empty(), "a receiver without a key has no ReceiverKeys");
        Self {
            keys,
            turns: Turns::of(Some(0)),
            number,
            subscribes,
            count: 0,
            sessions: Vec::with_capacity(MOST_SESSIONS),
            counts: RefusalCounts::default(),
        }
    }

    /// The same, which subscribes unsealed, too, until a sender has answered to a key: it may have none.
    #[must_use]
    pub fn subscribing_openly(self) -> Self {
        Self { turns: Turns::of(None), ..self }
    }

    /// Opens what a sender says: the datagram of version 1 that it sealed, in its place.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn open<'a>(&mut self, datagram: &'a mut [u8], now: Instant) -> Result<&'a mut [u8], Refusal> {
        self.open_in_place(datagram, now).map(|plain| &mut datagram[plain])
    }

    /// The same, which says where in `datagram` it is.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn open_in_place(&mut self, datagram: &mut [u8], now: Instant) -> Result<Range<usize>, Refusal> {
        self.try_open(datagram, now).inspect_err(|refusal| self.counts.add(*refusal))
    }

    /// Whether it has the key of this id.
    pub fn has(&self, id: KeyId) -> bool {
        self.keys.iter().any(|key| key.id() == id)
    }

    /// Takes one more key.
    pub fn add(&mut self, key: Key) {
        if self.keys.iter().all(|known| known.id() != key.id()) {
            self.keys.push(key);
        }
    }

    /// Appends the sealed form of what the receiver says, a whole datagram of version 1, to `sealed`; `false` and
    /// nothing if its session is not known, or it is to go unsealed.
    #[must_use]
    pub fn seal(&mut self, plain: &[u8], sealed: &mut Vec<u8>) -> bool {
        let (Some(kind), Some(session)) = (layout::kind(plain), layout::session(plain)) else { return false };
        let Some(count) = self.count.checked_add(1) else { return false };
        // The receiver's clock begins at its number, so that no pong that another run has had answers it.
        let captured = layout::captured(plain).wrapping_add(self.number);
        let known = self.newest(SessionId::new(session)).map(|at| &mut self.sessions[at]);
        let first;
        let (key, cipher) = match known {
            Some(known) => {
                if matches!(kind, Kind::Ping | Kind::Report) {
                    known.asks(captured);
                }
                (known.introduction.key, &known.up)
            }
            None if session == u64::MAX => {
                let Some(key) = self.turns.take().map(|at| &self.keys[at]) else { return false };
                first = key.first_request(self.number);
                (key.id(), &first)
            }
            None => return false,
        };
        self.count = count;
        let start = sealed.len();
        layout::begin(plain, captured, count, sealed);
        layout::append_requester(key, self.number, sealed);
        let body = sealed.len();
        sealed.extend_from_slice(&plain[HEADER_BYTES..]);
        if kind == Kind::Subscribe {
            sealed.resize(sealed.len() + SUBSCRIBE_PADDING, 0);
        }
        let (clear, plain) = sealed[start..].split_at_mut(body - start);
        let tag = cipher.seal(count, clear, plain);
        sealed.extend_from_slice(&tag);
        true
    }

    /// What was refused so far.
    pub fn counts(&self) -> RefusalCounts {
        self.counts
    }

    /// Whether anything genuine has come.
    pub fn knows_anybody(&self) -> bool {
        !self.sessions.is_empty()
    }

    /// Whether a datagram names a session of which something genuine has come.
    pub fn knows_session_of(&self, datagram: &[u8]) -> bool {
        layout::session(datagram)
            .is_some_and(|session| self.sessions.iter().any(|known| known.id.get() == session))
    }

    /// How many sessions are remembered; they are bounded.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// Whether pictures of this session are shown although nothing has proven that they are no recording: nothing that
    /// is sent to the sender is answered, or it does not listen.
    pub fn cannot_tell(&self, session: SessionId, now: Instant) -> bool {
        let known = self.newest(session).map(|at| &self.sessions[at]);
        known.is_some_and(|known| !known.is_proven() && self.is_shown(known, now))
    }

    fn try_open(&mut self, datagram: &mut [u8], now: Instant) -> Result<Range<usize>, Refusal> {
        if !layout::is_sealed(datagram) {
            return Err(self.unkeyed(datagram));
        }
        let (Some(kind), Some(session)) = (layout::kind(datagram), layout::session(datagram)) else {
            return Err(Refusal::Malformed);
        };
        if !layout::is_a_senders(kind) || session == 0 || session == u64::MAX {
            return Err(Refusal::Malformed);
        }
        let session = SessionId::new(session);
        let to = if self.subscribes || kind == Kind::SubscribeReply { self.number } else { 0 };
        let at = match layout::introduces(kind) {
            true => self.introduced(datagram, session, now)?,
            false => self.newest(session).map(At::Known).ok_or(Refusal::Early)?,
        };
        let range = match at {
            At::Known(at) => {
                let range = self.sessions[at].open(datagram, kind, to, now)?;
                self.judge(&self.sessions[at], kind, now)?;
                range
            }
            At::New(mut met) => {
                let range = met.open(datagram, kind, to, now)?;
                self.judge(&met, kind, now)?;
                self.meet(*met);
                range
            }
        };
        if kind == Kind::SubscribeReply {
            let key = self.newest(session).map(|at| self.sessions[at].introduction.key);
            let answered = self.keys.iter().position(|own| Some(own.id()) == key);
            answered.into_iter().for_each(|at| self.turns.settle(at));
        }
        Ok(range)
    }

    /// The session that a datagram introduces.
    fn introduced(&self, datagram: &[u8], session: SessionId, now: Instant) -> Result<At, Refusal> {
        let introduction = Introduction::read(datagram).ok_or(Refusal::Malformed)?;
        let is_it = |known: &KnownSession| known.id == session && known.introduction == introduction;
        if let Some(at) = self.sessions.iter().position(is_it) {
            return Ok(At::Known(at));
        }
        let key = self.keys.iter().find(|key| key.id() == introduction.key);
        let key = key.ok_or(Refusal::WrongKey(introduction.key))?;
        let met = KnownSession::new(key, session, introduction, self.number, now);
        met.map(|met| At::New(Box::new(met))).ok_or(Refusal::Malformed)
    }

    /// Whether what was found genuine is of a session that goes on, as far as can be told, and no recording. What is
    /// no chunk and no goodbye passes earlier: it is asked for by what it leads to.
    fn judge(&self, known: &KnownSession, kind: Kind, now: Instant) -> Result<(), Refusal> {
        let leads_to_proof = matches!(kind, Kind::Hello | Kind::Pong | Kind::SubscribeReply);
        let passes = if leads_to_proof {
            let is_heard = |heard: Instant| now.saturating_duration_since(heard) < SILENT;
            known.is_alive(now) || !self.successor_heard(known).is_some_and(is_heard)
        } else {
            self.is_shown(known, now)
        };
        if passes { Ok(()) } else { Err(Refusal::Unproven) }
    }

    /// Whether pictures of a session are shown.
    fn is_shown(&self, known: &KnownSession, now: Instant) -> bool {
        known.is_alive(now) || (known.is_trusted(now) && self.successor_heard(known).is_none())
    }

    /// When a later session of the same sender was last heard, if any was.
    fn successor_heard(&self, known: &KnownSession) -> Option<Instant> {
        self.sessions.iter().filter(|other| other.succeeds(known)).map(|other| other.heard).max()
    }

    /// The session of this number that was heard last.
    fn newest(&self, session: SessionId) -> Option<usize> {
        let known = self.sessions.iter().enumerate().filter(|(_, known)| known.id == session);
        known.max_by_key(|(_, known)| known.heard).map(|(at, _)| at)
    }

    /// Keeps a session. For it one is forgotten that has a successor, else one that was never proven, else the one that
    /// was not heard of for longest.
    fn meet(&mut self, met: KnownSession) {
        if self.sessions.len() == MOST_SESSIONS {
            let rank = |known: &KnownSession| {
                (self.successor_heard(known).is_none(), known.is_proven(), known.heard)
            };
            let least = (0..self.sessions.len()).min_by_key(|at| rank(&self.sessions[*at]));
            least.map(|at| self.sessions.swap_remove(at));
        }
        self.sessions.push(met);
    }

    /// What is not sealed counts for nothing, but that it may say with which key the sender is locked.
    fn unkeyed(&mut self, datagram: &[u8]) -> Refusal {
        let Ok(Datagram { body: Body::SubscribeReply(reply), .. }) = Datagram::parse(datagram) else {
            return Refusal::Unkeyed;
        };
        let SubscribeStatus::Locked(key) = reply.status else { return Refusal::Unkeyed };
        let Some(at) = self.keys.iter().position(|own| own.id() == key) else {
            return Refusal::WrongKey(key);
        };
        // It has a key, and is asked by that one from now on.
        self.turns.name(at);
        Refusal::Early
    }
}

/// A session that is known, or one that is met now.
enum At {
    Known(usize),
    New(Box<KnownSession>),
}

impl fmt::Debug for ReceiverKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReceiverKeys({:?})", self.keys)
    }
}

/// More senders than are shown at one socket; each takes 3 KB.
const MOST_SESSIONS: usize = 64;

//! The receiver's end, at one socket: what senders say opened, and what it says sealed.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::time::Instant;

use super::cipher::Cipher;
use super::key::Key;
use super::layout::{self, Introduction, SUBSCRIBE_PADDING};
use super::refusal::{Refusal, RefusalCounts};
use super::session::KnownSession;
use crate::seq::SessionId;
use crate::wire::{Body, Datagram, HEADER_BYTES, KeyId, Kind, SubscribeStatus};

/// The keys of a receiver, and the sessions that they open.
pub struct ReceiverKeys {
    keys: Vec<Key>,
    /// With which of them it subscribes, and what that is sealed with; `None` as long as it is not known to be needed.
    subscribes_with: Option<(usize, Cipher)>,
    /// The receiver's own number: random, and not 0.
    number: u64,
    /// Whether what it wants is sealed for it alone.
    subscribes: bool,
    /// Datagrams sealed.
    count: u64,
    sessions: Vec<KnownSession>,
    /// What was sent and asks for a pong: the session, and the time that the pong has to say.
    awaited: VecDeque<(SessionId, u64)>,
    counts: RefusalCounts,
}

impl ReceiverKeys {
    /// With these keys, at least one. `number` is random, not 0, and another for each socket and each run; `subscribes`
    /// says whether it subscribes there, or listens to what is for all.
    ///
    /// # Panics
    /// If there is no key.
    pub fn new(keys: Vec<Key>, number: u64, subscribes: bool) -> Self {
        let first = keys[0].first_request(number);
        Self {
            keys,
            subscribes_with: Some((0, first)),
            number,
            subscribes,
            count: 0,
            sessions: Vec::with_capacity(MOST_SESSIONS),
            awaited: VecDeque::with_capacity(MOST_AWAITED),
            counts: RefusalCounts::default(),
        }
    }

    /// The same, which subscribes unsealed until it is told that it needs a key: the sender may have none.
    #[must_use]
    pub fn subscribing_openly(self) -> Self {
        Self { subscribes_with: None, ..self }
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
    /// nothing if its session is not known.
    #[must_use]
    pub fn seal(&mut self, plain: &[u8], sealed: &mut Vec<u8>) -> bool {
        let (Some(kind), Some(session)) = (layout::kind(plain), layout::session(plain)) else { return false };
        let known = self.sessions.iter().rev().filter(|known| known.id.get() == session);
        let known = known.max_by_key(|known| known.heard);
        let (key, cipher) = match (known, &self.subscribes_with) {
            (Some(known), _) => (known.introduction.key, &known.up),
            (None, Some((at, first))) if session == u64::MAX => (self.keys[*at].id(), first),
            (None, _) => return false,
        };
        let Some(count) = self.count.checked_add(1) else { return false };
        self.count = count;
        // The receiver's clock begins at its number, so that no pong that another run has had answers it.
        let captured = layout::captured(plain).wrapping_add(self.number);
        if matches!(kind, Kind::Ping | Kind::Report) {
            if self.awaited.len() == MOST_AWAITED {
                self.awaited.pop_front();
            }
            self.awaited.push_back((SessionId::new(session), captured));
        }
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

    /// Whether pictures of this session are shown although nothing has proven that they are no recording: nothing that
    /// is sent to the sender is answered, or it does not listen.
    pub fn cannot_tell(&self, session: SessionId, now: Instant) -> bool {
        let known = self.sessions.iter().find(|known| known.id == session);
        known.is_some_and(|known| !known.is_proven && known.is_trusted(now))
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
        let awaited = &self.awaited;
        let answers =
            |pong: &[u8]| layout::asked(pong).is_some_and(|asked| awaited.contains(&(session, asked)));
        let range = match at {
            At::Known(at) => self.sessions[at].open(datagram, kind, to, answers, now)?,
            At::New(mut met) => {
                let range = met.open(datagram, kind, to, answers, now)?;
                self.meet(*met);
                range
            }
        };
        let plain = Datagram::parse(&datagram[range.clone()]).map_err(|_| Refusal::Malformed)?;
        self.take_in(session, &plain);
        let known = self.newest(session).map(|at| &self.sessions[at]);
        let speaks_for_itself = matches!(kind, Kind::Hello | Kind::Pong | Kind::SubscribeReply);
        if !speaks_for_itself && !known.is_some_and(|known| known.is_trusted(now)) {
            return Err(Refusal::Unproven);
        }
        if let Body::Pong(pong) = plain.body {
            let asked = pong.asked.as_micros().wrapping_sub(self.number);
            layout::set_asked(&mut datagram[range.clone()], asked);
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

    /// The session of this number that was heard last.
    fn newest(&self, session: SessionId) -> Option<usize> {
        let known = self.sessions.iter().enumerate().filter(|(_, known)| known.id == session);
        known.max_by_key(|(_, known)| known.heard).map(|(at, _)| at)
    }

    /// Keeps a session. Forgotten for it is one that was not proven, that is older than another, and that was not heard
    /// of for longest, in this order.
    fn meet(&mut self, met: KnownSession) {
        if self.sessions.len() == MOST_SESSIONS {
            let all = self.sessions.iter().enumerate();
            let least =
                all.min_by_key(|(_, known)| (known.is_proven, !known.is_old, known.heard)).map(|(at, _)| at);
            least.map(|at| self.sessions.swap_remove(at));
        }
        self.sessions.push(met);
    }

    /// Learns of what a genuine datagram says of its session.
    fn take_in(&mut self, session: SessionId, plain: &Datagram<'_>) {
        let Some(at) = self.newest(session) else { return };
        match &plain.body {
            Body::Hello(hello) => {
                let said = plain.header.captured;
                let is_newer = |other: &KnownSession| {
                    other.id != session && other.name == hello.name && other.said >= said
                };
                let is_old = self.sessions.iter().any(is_newer);
                let known = &mut self.sessions[at];
                if known.name != hello.name {
                    hello.name.clone_into(&mut known.name);
                }
                (known.said, known.listens, known.is_old) = (said, hello.invitation.is_some(), is_old);
            }
            Body::Pong(pong) => {
                let proof = (session, pong.asked.as_micros());
                self.sessions[at].is_proven |= self.awaited.contains(&proof);
            }
            _ => {}
        }
    }

    /// What is not sealed counts for nothing, but that it may say with which key the sender is locked.
    fn unkeyed(&mut self, datagram: &[u8]) -> Refusal {
        let Ok(Datagram { body: Body::SubscribeReply(reply), .. }) = Datagram::parse(datagram) else {
            return Refusal::Unkeyed;
        };
        let SubscribeStatus::Locked(key) = reply.status else { return Refusal::Unkeyed };
        match self.keys.iter().position(|own| own.id() == key) {
            Some(at) if self.subscribes_with.as_ref().is_none_or(|(own, _)| *own != at) => {
                self.subscribes_with = Some((at, self.keys[at].first_request(self.number)));
                Refusal::Unkeyed
            }
            Some(_) => Refusal::Unkeyed,
            None => Refusal::WrongKey(key),
        }
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
/// A round trip's worth of pings and reports.
const MOST_AWAITED: usize = 64;

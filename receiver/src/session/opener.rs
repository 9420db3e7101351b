//! Opens what arrives at one socket, and seals what is said there, where there is a key.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use proto::RateLimiter;
use proto::keys::{Key, KeyId, ReceiverKeys, Refusal, RefusalCounts, is_sealed, locked_by};
use proto::names::{as_shell_word, printable};
use proto::sys::random_bytes;
use proto::wire::{Body, Datagram, SubscribeStatus};

use super::keys::Keyring;
use crate::net::ReceiveSocket;

/// The keys at one socket.
pub(super) struct Opener {
    keyring: Arc<Keyring>,
    /// How many of its keys are known here.
    known: usize,
    keys: Option<ReceiverKeys>,
    /// Who the receiver is at this socket, in this run.
    number: u64,
    subscribes: bool,
    /// Whether only what is sealed is believed here.
    is_strict: bool,
    /// Senders of whom nothing is believed that is not sealed: they go by a name that had a key.
    impostors: Vec<SocketAddr>,
    /// From where something sealed was opened lately, and when: nothing that is not sealed is believed from there.
    sealing: Vec<(SocketAddr, Instant)>,
    /// What was refused without a key, too.
    counts: RefusalCounts,
    /// Why nothing is shown, if that is because of a key.
    pub(super) lock: Option<LockState>,
    locked_at: Option<Instant>,
    complaints: RateLimiter,
    /// Whom it is to be told that he has another key than those here, so that it is said there too.
    tell: Option<SocketAddr>,
    tells: RateLimiter,
    /// The sender that was last opened: what it calls itself, and its key.
    opened: Option<(String, KeyId)>,
    sealed: Vec<u8>,
}

/// Why a sender is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LockState {
    /// It has this key, and there is none here.
    Locked(KeyId),
    /// It has this key, and those here are others.
    WrongKey(KeyId),
    /// It has none, and only what has one is shown.
    Open,
}

impl LockState {
    /// What is to be said of it.
    pub(crate) fn sentence(self) -> String {
        match self {
            Self::Locked(key) => format!("the sender is locked with key {key}, which is not known here"),
            Self::WrongKey(key) => format!("wrong code: the sender is locked with key {key}"),
            Self::Open => "the sender has no key, and only who has one is shown".to_owned(),
        }
    }
}

impl Opener {
    /// For a socket at which it subscribes at the sender of this name, if it does; the name is empty where it is not
    /// known.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub(super) fn new(keyring: &Arc<Keyring>, subscribes: bool, name: &str) -> Result<Self> {
        Ok(Self {
            is_strict: keyring.is_strict || keyring.wants_key(name),
            keyring: keyring.clone(),
            known: 0,
            keys: None,
            number: u64::from_ne_bytes(random_bytes()?).max(1),
            subscribes,
            impostors: Vec::new(),
            sealing: Vec::new(),
            counts: RefusalCounts::default(),
            lock: None,
            locked_at: None,
            complaints: RateLimiter::new(COMPLAIN_EVERY),
            tell: None,
            tells: RateLimiter::new(TELL_EVERY),
            opened: None,
            sealed: Vec::new(),
        })
    }

    /// Opens what came from there: the datagram that is to be taken in, as a part of it.
    // In line: it is done for each datagram, and mostly there is no key.
    #[inline]
    pub(super) fn open(
        &mut self,
        from: SocketAddr,
        datagram: &mut [u8],
        now: Instant,
    ) -> Result<Range<usize>, Refusal> {
        if !self.is_strict && !is_sealed(datagram) {
            return self.pass(from, datagram, now);
        }
        self.open_sealed(from, datagram, now)
    }

    /// What is not sealed, where it need not be.
    #[inline]
    fn pass(&mut self, from: SocketAddr, datagram: &mut [u8], now: Instant) -> Result<Range<usize>, Refusal> {
        let kind = datagram.get(KIND_AT).copied();
        let is_refused = match kind {
            _ if self.is_sealing(from, datagram, now) => true,
            Some(HELLO) if self.keyring.has_names() => self.is_impostor(from, datagram, now),
            // Which key it is locked with may be known here.
            Some(SUBSCRIBE_REPLY) => return self.told(datagram, now),
            _ => !self.impostors.is_empty() && self.impostors.contains(&from),
        };
        if is_refused {
            self.counts.add(Refusal::Unkeyed);
            return Err(Refusal::Unkeyed);
        }
        Ok(0..datagram.len())
    }

    /// Whether a datagram that is not sealed is forged: its session is a sealed one, or such a one is where it is from.
    #[inline]
    fn is_sealing(&self, from: SocketAddr, datagram: &[u8], now: Instant) -> bool {
        let Some(keys) = self.keys.as_ref().filter(|keys| keys.knows_anybody()) else { return false };
        let is_recent = |at: Instant| now.saturating_duration_since(at) < SEALING_FOR;
        keys.knows_session_of(datagram)
            || self.sealing.iter().any(|(at, heard)| *at == from && is_recent(*heard))
    }

    /// Notes that something sealed was opened from there.
    fn note_sealing(&mut self, from: SocketAddr, now: Instant) {
        if let Some((_, heard)) = self.sealing.iter_mut().find(|(at, _)| *at == from) {
            *heard = now;
            return;
        }
        if self.sealing.len() == MOST_SEALING {
            let oldest = self.sealing.iter().enumerate().min_by_key(|(_, (_, heard))| *heard);
            oldest.map(|(at, _)| at).map(|at| self.sealing.swap_remove(at));
        }
        self.sealing.push((from, now));
    }

    /// A subscribe reply that is not sealed: it may say with which key the sender is locked.
    fn told(&mut self, datagram: &mut [u8], now: Instant) -> Result<Range<usize>, Refusal> {
        self.learn_keys();
        let Ok(Datagram { body: Body::SubscribeReply(reply), .. }) = Datagram::parse(datagram) else {
            return Ok(0..datagram.len());
        };
        let SubscribeStatus::Locked(key) = reply.status else { return Ok(0..datagram.len()) };
        match &mut self.keys {
            // It subscribes with that one from now on.
            Some(keys) if keys.has(key) => keys.open_in_place(datagram, now),
            _ => {
                self.note(None, Refusal::WrongKey(key), now);
                Ok(0..datagram.len())
            }
        }
    }

    fn open_sealed(
        &mut self,
        from: SocketAddr,
        datagram: &mut [u8],
        now: Instant,
    ) -> Result<Range<usize>, Refusal> {
        self.learn_keys();
        let introduced = locked_by(datagram);
        let opened = match &mut self.keys {
            Some(keys) => keys.open_in_place(datagram, now),
            None if self.is_strict => Err(Refusal::Unkeyed),
            None => Err(locked_by(datagram).map_or(Refusal::Early, Refusal::WrongKey)),
        };
        match opened {
            Ok(range) => {
                self.lock = None;
                if !self.is_strict {
                    self.note_sealing(from, now);
                }
                if let Some(key) = introduced {
                    self.remember(key, &datagram[range.clone()]);
                }
                Ok(range)
            }
            Err(refusal) => {
                if self.keys.is_none() {
                    self.counts.add(refusal);
                }
                self.note(Some(from), refusal, now);
                Err(refusal)
            }
        }
    }

    /// Whether a hello that is not sealed has a name that had a key; then nothing more is believed that comes from there.
    fn is_impostor(&mut self, from: SocketAddr, hello: &[u8], now: Instant) -> bool {
        let Ok(Datagram { body: Body::Hello(hello), .. }) = Datagram::parse(hello) else { return false };
        let is_known = self.impostors.contains(&from);
        if !self.keyring.wants_key(hello.name) {
            return is_known;
        }
        if !is_known {
            if self.impostors.len() == MOST_IMPOSTORS {
                self.impostors.remove(0);
            }
            self.impostors.push(from);
        }
        self.note_open(now);
        if self.complaints.is_due(now) {
            let name = printable(hello.name);
            tracing::warn!(
                "{from} calls itself {name:?} and has no key, which {name:?} had before: it is not shown. If it has given \
                 up its key: receiver --forget {}",
                as_shell_word(&name)
            );
        }
        true
    }

    /// What was refused so far; `None` where nothing was, and there is no key.
    pub(super) fn counts(&self) -> Option<RefusalCounts> {
        let mut counts = self.counts;
        if let Some(keys) = &self.keys {
            counts.merge(&keys.counts());
        }
        (self.keys.is_some() || counts != RefusalCounts::default()).then_some(counts)
    }

    /// Whether pictures of this session are shown although nothing has proven that they are no recording.
    pub(super) fn cannot_tell(&self, session: proto::SessionId, now: Instant) -> bool {
        self.keys.as_ref().is_some_and(|keys| keys.cannot_tell(session, now))
    }

    /// Forgets that a sender is locked of which nothing is heard any more.
    pub(super) fn forget(&mut self, now: Instant) {
        if self.locked_at.is_some_and(|at| now.saturating_duration_since(at) > FORGOTTEN_AFTER) {
            (self.lock, self.locked_at) = (None, None);
        }
    }

    /// Notes which key a sender of this name has.
    fn remember(&mut self, key: KeyId, hello: &[u8]) {
        let Ok(Datagram { body: Body::Hello(hello), .. }) = Datagram::parse(hello) else { return };
        if self.opened.as_ref().is_none_or(|(name, id)| *id != key || name != hello.name) {
            self.keyring.remember(hello.name, key);
            self.opened = Some((hello.name.to_owned(), key));
        }
    }

    /// Whom it is to be told that the keys here are others than his, by a datagram sealed with one of them.
    pub(super) fn takes_wrong(&mut self) -> Option<SocketAddr> {
        self.tell.take()
    }

    fn learn_keys(&mut self) {
        let Some(keys) = self.keyring.newer_than(self.known) else { return };
        let new: Vec<Key> = keys[self.known..].to_vec();
        self.known = keys.len();
        match &mut self.keys {
            None => {
                let keys = ReceiverKeys::new(new, self.number, self.subscribes);
                self.keys = Some(if self.is_strict { keys } else { keys.subscribing_openly() });
            }
            Some(keys) => new.into_iter().for_each(|key| keys.add(key)),
        }
    }

    /// Notes that only who has a key is shown, where that is why nothing is.
    fn note_open(&mut self, now: Instant) {
        let knows_anybody = self.keys.as_ref().is_some_and(ReceiverKeys::knows_anybody);
        if !knows_anybody && self.lock.is_none() {
            (self.lock, self.locked_at) = (Some(LockState::Open), Some(now));
        }
    }

    fn note(&mut self, from: Option<SocketAddr>, refusal: Refusal, now: Instant) {
        // What cannot be opened says nothing while something can.
        let knows_anybody = self.keys.as_ref().is_some_and(ReceiverKeys::knows_anybody);
        let source = from;
        let from = from.map_or_else(|| "the sender".to_owned(), |from| from.to_string());
        match refusal {
            Refusal::WrongKey(key) => {
                let speaks = self.keyring.note_locked(key, now);
                let is_without = self.keys.is_none();
                if self.is_strict && !is_without && !knows_anybody && self.tells.is_due(now) {
                    self.tell = source;
                }
                if !knows_anybody {
                    let lock = if is_without { LockState::Locked(key) } else { LockState::WrongKey(key) };
                    (self.lock, self.locked_at) = (Some(lock), Some(now));
                }
                if !speaks {
                } else if is_without {
                    tracing::warn!(
                        "{from} is locked with key {key}: give its code with --key -, or its file with --key-file FILE{}",
                        self.keyring.way_in
                    );
                } else {
                    tracing::warn!(
                        "{from} is locked with key {key}, which is none of those given: a wrong code?"
                    );
                }
            }
            Refusal::Unkeyed => {
                self.note_open(now);
                if self.complaints.is_due(now) {
                    tracing::warn!(
                        "{from} sends without a key and is not shown; to see it, leave out --key and --key-file"
                    );
                }
            }
            _ => tracing::trace!(%from, reason = %refusal, "datagram refused"),
        }
    }
}

/// The way back from a socket: what is said by it is sealed, where its sender has a key.
pub(super) struct Uplink<'a> {
    pub(super) socket: &'a mut ReceiveSocket,
    pub(super) opener: &'a mut Opener,
}

impl Uplink<'_> {
    /// Sends a datagram there, from that address of this computer. What cannot be sent now is said again later.
    pub(super) fn send(&mut self, to: SocketAddr, from: Option<IpAddr>, plain: &[u8]) {
        let opener = &mut *self.opener;
        opener.learn_keys();
        let sealed = match &mut opener.keys {
            None => None,
            Some(keys) => {
                opener.sealed.clear();
                keys.seal(plain, &mut opener.sealed).then_some(&opener.sealed[..])
            }
        };
        let bytes = match sealed {
            Some(sealed) => sealed,
            // The session is one that is not sealed.
            None if !opener.is_strict => plain,
            None => return,
        };
        // Whatever it says is said again.
        let _ = self.socket.send(to, from, bytes);
    }
}

/// Often enough to be seen, rarely enough to be read.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);
/// It says hello many times in it.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3);
/// A wrong code is told within a second at both ends.
const TELL_EVERY: Duration = Duration::from_millis(500);
/// Whoever makes up addresses fills no memory.
const MOST_IMPOSTORS: usize = 64;
/// Longer than cables are pulled for. After it, a sender without a key may have the address.
const SEALING_FOR: Duration = Duration::from_secs(60);
/// As many as there are sessions that a receiver knows.
const MOST_SEALING: usize = 64;
/// Where a datagram says what it is.
const KIND_AT: usize = 3;
const HELLO: u8 = 3;
const SUBSCRIBE_REPLY: u8 = 12;

#[cfg(test)]
mod tests;

//! The key of a keyed LAN, and what is sealed and opened with it at each end.

use std::time::Instant;

use proto::keys::{Key, ReceiverKeys, Refusal, RefusalCounts, SenderKeys, StreamSealer, Suite};
use proto::{Random, SessionId};

/// Sees what is sealed.
pub(crate) type Tap = Box<dyn FnMut(Seen, &[u8])>;

/// Where a sealed datagram is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// As it is sealed.
    Sealed,
    /// As it arrives at a receiver.
    AtReceiver(usize),
    /// As it arrives at a sender.
    AtStation(usize),
}

/// Everybody on the LAN has its key.
pub(super) struct Keyring {
    key: Key,
    random: Random,
    /// The numbers of the receivers that subscribe.
    subscribers: Vec<Option<u64>>,
}

/// What a sender, or a receiver, on the LAN seals and opens with, if the LAN is keyed.
#[derive(Default)]
pub(super) struct Lock<K> {
    keys: Option<K>,
    sealed: Vec<u8>,
    /// What was refused before the keys of now.
    past: RefusalCounts,
}

/// The keys of a run of a sender, and the one stream of it.
pub(super) struct RunKeys {
    keys: SenderKeys,
    stream: StreamSealer,
}

impl Keyring {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x10c4ed);
        let mut secret = [0; 16];
        random.fill(&mut secret);
        Self { key: Key::from_random(&secret), random, subscribers: Vec::new() }
    }

    /// For the receiver that is the next on the LAN.
    pub(super) fn receiver(&mut self, subscribes: bool) -> ReceiverKeys {
        let number = self.random.next() | 1;
        self.subscribers.push(subscribes.then_some(number));
        ReceiverKeys::new(vec![self.key.clone()], number, subscribes)
    }

    /// For a run of a sender to everybody, or to one receiver.
    pub(super) fn run(&mut self, session: SessionId, to: Option<usize>) -> RunKeys {
        let mut salt = [0; 16];
        self.random.fill(&mut salt);
        let suite = if self.random.below(2) == 0 { Suite::Aes } else { Suite::ChaCha };
        let keys = SenderKeys::new(self.key.clone(), session, salt, suite);
        let to = to.and_then(|to| self.subscribers.get(to).copied().flatten());
        let stream = keys.stream(to).expect("there were no streams before");
        RunKeys { keys, stream }
    }
}

impl<K> Lock<K> {
    pub(super) fn new(keys: Option<K>) -> Self {
        Self { keys, sealed: Vec::new(), past: RefusalCounts::default() }
    }

    pub(super) fn keys(&self) -> Option<&K> {
        self.keys.as_ref()
    }
}

impl Lock<RunKeys> {
    /// Other keys from now on.
    pub(super) fn change(&mut self, keys: Option<RunKeys>) {
        self.past = self.refused();
        self.keys = keys;
    }

    /// What goes instead of a datagram.
    pub(super) fn seal<'a>(&'a mut self, plain: &'a [u8], tap: &mut Option<Tap>) -> &'a [u8] {
        let Some(RunKeys { stream, .. }) = &mut self.keys else { return plain };
        self.sealed.clear();
        assert!(stream.seal(plain, &mut self.sealed), "no nonces are left");
        tap.iter_mut().for_each(|tap| tap(Seen::Sealed, &self.sealed));
        &self.sealed
    }

    pub(super) fn open<'a>(&mut self, sealed: &'a mut [u8], now: Instant) -> Result<&'a mut [u8], Refusal> {
        match &mut self.keys {
            Some(RunKeys { keys, .. }) => keys.open(sealed, now).map(|(plain, _)| plain),
            None => Ok(sealed),
        }
    }

    pub(super) fn refused(&self) -> RefusalCounts {
        let mut refused = self.past;
        self.keys.iter().for_each(|run| refused.merge(&run.keys.counts()));
        refused
    }
}

impl Lock<ReceiverKeys> {
    /// What goes instead of a datagram; `None` if nothing does.
    pub(super) fn seal<'a>(&'a mut self, plain: &'a [u8], tap: &mut Option<Tap>) -> Option<&'a [u8]> {
        let Some(keys) = &mut self.keys else { return Some(plain) };
        self.sealed.clear();
        let is_sealed = keys.seal(plain, &mut self.sealed);
        tap.iter_mut().filter(|_| is_sealed).for_each(|tap| tap(Seen::Sealed, &self.sealed));
        is_sealed.then_some(&self.sealed)
    }

    pub(super) fn open<'a>(&mut self, sealed: &'a mut [u8], now: Instant) -> Result<&'a mut [u8], Refusal> {
        match &mut self.keys {
            Some(keys) => keys.open(sealed, now),
            None => Ok(sealed),
        }
    }

    pub(super) fn refused(&self) -> RefusalCounts {
        self.keys.as_ref().map(ReceiverKeys::counts).unwrap_or_default()
    }
}

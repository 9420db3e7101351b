//! What a sender knows of the receivers that have its key.

use std::collections::BTreeMap;
use std::time::Instant;

use super::cipher::Cipher;
use super::replay::ReplayWindow;

/// A receiver: of it, what was found genuine.
pub(super) struct KnownReceiver {
    /// For what it says before it knows the session.
    pub(super) first: Option<Cipher>,
    /// For what it says in the session.
    pub(super) up: Option<Cipher>,
    pub(super) window: ReplayWindow,
    heard: Instant,
}

/// The receivers heard lately, by the number that each has made up for itself.
#[derive(Default)]
pub(super) struct Peers(BTreeMap<u64, KnownReceiver>);

impl KnownReceiver {
    pub(super) fn new(now: Instant) -> Self {
        Self { first: None, up: None, window: ReplayWindow::default(), heard: now }
    }
}

impl Peers {
    pub(super) fn get(&mut self, receiver: u64) -> Option<&mut KnownReceiver> {
        self.0.get_mut(&receiver)
    }

    /// Keeps what is known of a receiver. Forgotten for it is one that has said nothing in the session, as who replays
    /// the first requests of other sessions has not, and that nothing was heard of for longest.
    pub(super) fn keep(&mut self, receiver: u64, mut peer: KnownReceiver, now: Instant) {
        peer.heard = now;
        if self.0.len() >= MOST_PEERS && !self.0.contains_key(&receiver) {
            let silent = self
                .0
                .iter()
                .min_by_key(|(_, peer)| (peer.up.is_some(), peer.heard))
                .map(|(receiver, _)| *receiver);
            silent.and_then(|receiver| self.0.remove(&receiver));
        }
        self.0.insert(receiver, peer);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Notes that something genuine came of it.
    pub(super) fn heard(&mut self, receiver: u64, now: Instant) {
        self.0.entry(receiver).and_modify(|peer| peer.heard = now);
    }
}

/// As many as a sender may have viewers; each takes 2 KB.
const MOST_PEERS: usize = 1024;

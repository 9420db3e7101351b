//! The sender's keys where datagrams go out and come in: sealed last, opened first.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use proto::keys::{Refusal, RefusalCounts, SenderKeys, StreamSealer};
use proto::{RateLimiter, Transmit};

use crate::net::{Peer, SendSocket};

/// Seals what goes to one destination.
#[derive(Debug)]
pub(crate) struct Seal {
    sealer: StreamSealer,
    /// What was sealed last; kept for its memory.
    sealed: Vec<u8>,
}

impl Seal {
    /// The sealed form of what is to be sent; nothing of what cannot be sealed.
    pub(crate) fn seal(&mut self, transmit: &Transmit<'_, SocketAddr>) -> Transmit<'_, SocketAddr> {
        self.sealed.clear();
        let mut segment = 0;
        for plain in transmit.bytes.chunks(transmit.segment) {
            let before = self.sealed.len();
            if !self.sealer.seal(plain, &mut self.sealed) {
                break;
            }
            segment = segment.max(self.sealed.len() - before);
        }
        Transmit { to: transmit.to, bytes: &self.sealed, segment: segment.max(1) }
    }

    /// The receiver that it seals for; 0 for all.
    pub(crate) fn receiver(&self) -> u64 {
        self.sealer.receiver()
    }
}

/// The keys of this run, and which receiver is at which address.
#[derive(Debug)]
pub(crate) struct Keyed {
    keys: SenderKeys,
    /// The number of the receiver that is let in there.
    receivers: BTreeMap<SocketAddr, u64>,
    /// That of the receiver whose datagram was opened last.
    speaker: u64,
    sealed: Vec<u8>,
    complaints: RateLimiter,
}

impl Keyed {
    pub(crate) fn new(keys: SenderKeys) -> Self {
        let complaints = RateLimiter::new(COMPLAIN_EVERY);
        Self { keys, receivers: BTreeMap::new(), speaker: 0, sealed: Vec::new(), complaints }
    }

    /// Seals a stream to all, or to the viewer at this address.
    pub(crate) fn stream(&self, viewer: Option<SocketAddr>) -> Option<Seal> {
        let to = viewer.map(|viewer| self.receiver(viewer));
        self.keys.stream(to).map(|sealer| Seal { sealer, sealed: Vec::new() })
    }

    /// The number of the receiver at this address.
    pub(crate) fn receiver(&self, address: SocketAddr) -> u64 {
        self.receivers.get(&address).copied().unwrap_or(0)
    }

    /// Opens what came from there. Who has no key, or another one, and wants to subscribe, is told so.
    pub(crate) fn open<'a>(
        &mut self,
        socket: &mut SendSocket,
        peer: Peer,
        datagram: &'a mut [u8],
        now: Instant,
    ) -> Option<&'a mut [u8]> {
        let asks = proto::keys::is_subscribe(datagram);
        if asks {
            self.sealed.clear();
            self.keys.locked_reply(datagram, &mut self.sealed);
        }
        match self.keys.open(datagram, now) {
            Ok((plain, receiver)) => {
                self.speaker = receiver;
                Some(plain)
            }
            Err(refusal) => {
                if asks && matches!(refusal, Refusal::Unkeyed | Refusal::WrongKey(_)) {
                    // Whoever is not reached asks again.
                    let _ = socket.answer(peer, &self.sealed);
                }
                self.complain(peer.address, asks, refusal, now);
                None
            }
        }
    }

    /// Sends a reply to the receiver whose datagram was opened last.
    pub(crate) fn answer(&mut self, socket: &mut SendSocket, peer: Peer, plain: &[u8]) {
        self.sealed.clear();
        if self.keys.seal_reply(self.speaker, plain, &mut self.sealed) {
            // Whoever is not reached asks again.
            let _ = socket.answer(peer, &self.sealed);
        }
    }

    /// What was refused so far.
    pub(crate) fn counts(&self) -> RefusalCounts {
        self.keys.counts()
    }

    /// Notes that the receiver whose datagram was opened last has shown the token of this address. What others say from
    /// there, as what was recorded of a run before, has no stream sealed for them.
    pub(crate) fn lets_in(&mut self, address: SocketAddr) {
        self.note(address, self.speaker);
    }

    fn note(&mut self, address: SocketAddr, receiver: u64) {
        if self.receivers.len() >= MOST_RECEIVERS && !self.receivers.contains_key(&address) {
            self.receivers.pop_first();
        }
        self.receivers.insert(address, receiver);
    }

    fn complain(&mut self, from: SocketAddr, asks: bool, refusal: Refusal, now: Instant) {
        match refusal {
            Refusal::WrongKey(id) if self.complaints.is_due(now) => {
                let own = self.keys.id();
                tracing::warn!("{from} has another key, {id}, and sees nothing; this sender's is {own}");
            }
            Refusal::Unkeyed if asks && self.complaints.is_due(now) => {
                tracing::info!("{from} has no key, and sees nothing: give it this sender's");
            }
            _ => tracing::debug!(%from, reason = %refusal, "feedback refused"),
        }
    }
}

/// More than viewers have places.
const MOST_RECEIVERS: usize = 2048;
/// Often enough to be seen, rarely enough to be read.
const COMPLAIN_EVERY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use proto::SessionId;
    use proto::keys::{Key, Suite};

    use super::*;

    #[test]
    fn the_receivers_of_so_many_addresses_are_remembered_and_no_more() {
        let keys = SenderKeys::new(Key::from_random(&[1; 16]), SessionId::new(1), [0; 16], Suite::Aes);
        let mut keyed = Keyed::new(keys);
        let address = |number: u16| SocketAddr::from(([192, 168, 1, 20], number));
        (0..4000).for_each(|number| keyed.note(address(number), u64::from(number) + 1));
        assert_eq!(keyed.receivers.len(), MOST_RECEIVERS);
        assert_eq!(keyed.receiver(address(3999)), 4000);
    }
}

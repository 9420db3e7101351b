//! Takes in feedback and subscriptions.

use std::net::SocketAddr;
use std::time::Instant;

use proto::keys::{is_sealed, is_subscribe, open_reply};

use super::super::destination::Destination;
use super::super::ledger::FrameLedger;
use super::Fanout;
use crate::net::{Peer, Route};
use crate::serve::ViewerChange;
use crate::stats::Stats;

impl Fanout {
    /// Takes in a batch of what came back by one of the sockets. Not more: however much comes, what is due goes out in
    /// between.
    pub(crate) fn receive(&mut self, number: usize, ledger: &mut FrameLedger, stats: &Stats, now: Instant) {
        if number >= self.sockets.len() {
            // They are seen to when what is due is.
            self.changes.hear(now);
            self.bell.clear();
            return;
        }
        let Self { sockets, destinations, due_times, streams, keyed, served, changed_viewers, .. } = self;
        let strangers = sockets[number].strangers();
        let session = streams.session();
        let mut served = served.as_mut().filter(|served| served.has(number));
        let read = sockets[number].receive(FEEDBACK_AT_ONCE, |socket, peer, mut datagram| {
            if let Some(keyed) = &mut *keyed {
                let Some(opened) = keyed.open(socket, peer, datagram, now) else { return true };
                datagram = opened;
            } else if is_sealed(datagram) && is_subscribe(datagram) {
                let mut reply = Vec::new();
                open_reply(session, datagram, &mut reply);
                // Whoever is not reached asks again.
                let _ = socket.answer(peer, &reply);
                return true;
            }
            let reply = |reply: &[u8]| match keyed {
                Some(keyed) => keyed.answer(socket, peer, reply),
                // A viewer that is not reached subscribes again.
                None => drop(socket.answer(peer, reply)),
            };
            let changes = changed_viewers.len();
            if let Some(served) = &mut served
                && served.handle_datagram(peer, datagram, reply, changed_viewers, now)
            {
                if let Some(keyed) = keyed.as_mut().filter(|_| changed_viewers.len() > changes) {
                    keyed.lets_in(peer.address);
                }
                return true;
            }
            let is_from = |d: &Destination| d.socket == number && d.route().is_receiver(peer.address);
            let Some(from) = destinations.iter().position(is_from) else { return false };
            let destination = &mut destinations[from];
            let _of_it = destination.span.enter();
            destination.stream.handle_datagram(peer.address, datagram, now);
            due_times.set(from, Some(now));
            true
        });
        if sockets[number].strangers() != strangers {
            let listed = &mut stats.lock().destinations;
            let own = destinations.iter().zip(listed).filter(|(destination, _)| destination.socket == number);
            own.for_each(|(_, listed)| listed.strangers = sockets[number].strangers());
        }
        if let Err(error) = read
            && self.complaints.is_due(now)
        {
            tracing::info!("cannot read what comes back: {error}");
        }
        self.admit(number, ledger, stats, now);
    }

    /// Follows the changes among the viewers.
    fn admit(&mut self, socket: usize, ledger: &mut FrameLedger, stats: &Stats, now: Instant) {
        // Whose place another has goes first.
        self.end_silent(ledger, stats);
        let mut changes = std::mem::take(&mut self.changed_viewers);
        for change in changes.drain(..) {
            match change {
                ViewerChange::Left(address) => self.end(address, ledger, stats),
                ViewerChange::Welcome(peer) => self.welcome(socket, peer, ledger, stats, now),
                ViewerChange::Stays(peer) => {
                    if self.asks_elsewhere(peer) {
                        self.end(peer.address, ledger, stats);
                        self.welcome(socket, peer, ledger, stats, now);
                    }
                }
            }
        }
        self.changed_viewers = changes;
        if let Some(served) = &self.served {
            stats.lock().asks = served.counts();
        }
        if let Some(keyed) = &self.keyed {
            stats.lock().keyed = Some(keyed.counts());
        }
    }

    /// A viewer begins, with the newest picture there is.
    fn welcome(&mut self, socket: usize, peer: Peer, ledger: &mut FrameLedger, stats: &Stats, now: Instant) {
        let back = Route::back(peer, &self.options);
        let open = |route: Route| {
            let own = self.sockets[socket].back_to(peer, &self.options)?;
            own.follow(&route)?;
            Ok((own, route))
        };
        match back.and_then(open) {
            Ok((own, route)) => self.begin(socket, Some(own), route, stats),
            Err(error) => {
                self.served.iter_mut().for_each(|served| served.turn_away(peer.address));
                if self.complaints.is_due(now) {
                    tracing::info!("cannot serve {}: {error:#}", peer.address);
                }
                return;
            }
        }
        self.push_unwatched(ledger, now);
    }

    /// Whether a viewer now subscribes at another of this computer's addresses than it is sent to from: it takes what
    /// comes from there, and nothing else. The path is another too, so its stream begins anew. So does that of who has
    /// been restarted at its address, if it is sealed for who was there before.
    fn asks_elsewhere(&self, peer: Peer) -> bool {
        let receiver = self.keyed.as_ref().map_or(0, |keyed| keyed.receiver(peer.address));
        let is_other = |destination: &Destination| {
            destination.route().from() != peer.at || destination.receiver() != receiver
        };
        self.served_to(peer.address).is_some_and(|number| is_other(&self.destinations[number]))
    }

    /// Ends the streams of those who have fallen silent.
    pub(super) fn end_silent(&mut self, ledger: &mut FrameLedger, stats: &Stats) {
        let now = Instant::now();
        while let Some(gone) = self.served.as_mut().and_then(|served| served.next_gone(now)) {
            self.end(gone, ledger, stats);
        }
    }

    /// Ends a served viewer's stream, without a goodbye: it may come back to the same session.
    fn end(&mut self, address: SocketAddr, ledger: &mut FrameLedger, stats: &Stats) {
        let Some(number) = self.served_to(address) else { return };
        self.due_times.remove(number);
        self.budgets_changed = true;
        self.destinations.remove(number).discard(ledger, stats);
        stats.lock().depart(number);
    }

    /// The number of a served viewer's stream.
    fn served_to(&self, address: SocketAddr) -> Option<usize> {
        let served = self.served.as_ref()?;
        self.destinations.iter().position(|d| served.has(d.socket) && d.route().to() == address)
    }
}

/// Many receivers' reports; a few tens of microseconds, which no pacing instant misses by much.
pub(super) const FEEDBACK_AT_ONCE: usize = 32;

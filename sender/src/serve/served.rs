//! The subscribers of this sender.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Instant;

use proto::{Decision, SubscribeServer};

use crate::net::Peer;

/// The served sockets, and who watches.
#[derive(Debug)]
pub(crate) struct Served {
    /// The serving sockets.
    sockets: Range<usize>,
    server: SubscribeServer<SocketAddr>,
    /// When a viewer may have fallen silent; those that have subscribed since are silent later.
    due: Option<Instant>,
    /// Whether somebody was let in since that was found, perhaps in another's place.
    has_welcomed: bool,
}

/// What a subscribe changes in the list of destinations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ViewerChange {
    /// Somebody is to be shown the pictures from now on.
    Welcome(Peer),
    /// A viewer renews its subscription.
    Stays(Peer),
    /// Somebody has left.
    Left(SocketAddr),
}

impl Served {
    /// Serves subscribers at the sockets with these numbers.
    pub(crate) fn new(sockets: Range<usize>, server: SubscribeServer<SocketAddr>) -> Self {
        Self { sockets, server, due: None, has_welcomed: false }
    }

    /// The numbers of the serving sockets.
    pub(crate) fn sockets(&self) -> Range<usize> {
        self.sockets.clone()
    }

    /// Whether that socket is a serving one.
    pub(crate) fn has(&self, socket: usize) -> bool {
        self.sockets.contains(&socket)
    }

    /// Takes in a datagram if it is a subscribe, and replies to it by `reply`; what it changes is added to `changes`.
    /// Says whether it was one.
    pub(crate) fn handle_datagram(
        &mut self,
        peer: Peer,
        datagram: &[u8],
        reply: impl FnOnce(&[u8]),
        changes: &mut Vec<ViewerChange>,
        now: Instant,
    ) -> bool {
        match self.server.handle_datagram(peer.address, datagram, now) {
            None => return false,
            Some(Decision::Reply(answer)) => reply(answer),
            Some(Decision::Welcome) => {
                self.has_welcomed = true;
                changes.push(ViewerChange::Welcome(peer));
            }
            Some(Decision::Stays) => changes.push(ViewerChange::Stays(peer)),
            Some(Decision::Leaves) => changes.push(ViewerChange::Left(peer.address)),
            Some(Decision::Refused) => {}
        }
        true
    }

    /// Somebody who has fallen silent. Call it until there is nobody.
    pub(crate) fn next_gone(&mut self, now: Instant) -> Option<SocketAddr> {
        if !self.has_welcomed && self.due.is_none_or(|due| due > now) {
            return None;
        }
        let gone = self.server.next_gone(now);
        if gone.is_none() {
            (self.due, self.has_welcomed) = (self.server.next_due(), false);
        }
        gone
    }

    /// When the next viewer may have fallen silent.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.due
    }

    /// Who was let in cannot be reached: makes room.
    pub(crate) fn turn_away(&mut self, address: SocketAddr) {
        self.server.turn_away(address);
    }

    /// Lets nobody in any more.
    pub(crate) fn shut(&mut self) {
        self.server.shut();
    }

    /// How subscribes ended.
    pub(crate) fn counts(&self) -> proto::SubscribeCounts {
        *self.server.counts()
    }
}

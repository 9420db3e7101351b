//! The subscribers of this sender.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Instant;

use proto::{Decision, SubscribeServer};

use crate::net::{Peer, SendSocket};

/// The served sockets, and who watches.
#[derive(Debug)]
pub(crate) struct Served {
    /// The sockets that are asked.
    links: Range<usize>,
    door: SubscribeServer<SocketAddr>,
    /// When a viewer may have fallen silent; those who have asked since are silent later.
    due: Option<Instant>,
    /// Whether somebody was let in since that was found, perhaps in another's place.
    has_welcomed: bool,
}

/// What an ask comes to, for the list of destinations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ViewerChange {
    /// Somebody is to be shown the pictures from now on.
    Welcome(Peer),
    /// Somebody who is shown them goes on asking.
    Stays(Peer),
    /// Somebody has left.
    Left(SocketAddr),
}

impl Served {
    /// Lets viewers in by this door, who ask by the sockets with these numbers.
    pub(crate) fn new(links: Range<usize>, door: SubscribeServer<SocketAddr>) -> Self {
        Self { links, door, due: None, has_welcomed: false }
    }

    /// The numbers of the sockets that are asked.
    pub(crate) fn links(&self) -> Range<usize> {
        self.links.clone()
    }

    /// Whether that socket is one that is asked.
    pub(crate) fn has(&self, socket: usize) -> bool {
        self.links.contains(&socket)
    }

    /// Takes in a datagram if it is an ask, and answers it; what it comes to is added to `asked`. Says whether it was one.
    pub(crate) fn handle_datagram(
        &mut self,
        socket: &mut SendSocket,
        peer: Peer,
        datagram: &[u8],
        asked: &mut Vec<ViewerChange>,
        now: Instant,
    ) -> bool {
        match self.door.handle_datagram(peer.address, datagram, now) {
            None => return false,
            Some(Decision::Reply(answer)) => {
                // Who is not reached asks again.
                let _ = socket.answer(peer, answer);
            }
            Some(Decision::Welcome) => {
                self.has_welcomed = true;
                asked.push(ViewerChange::Welcome(peer));
            }
            Some(Decision::Stays) => asked.push(ViewerChange::Stays(peer)),
            Some(Decision::Leaves) => asked.push(ViewerChange::Left(peer.address)),
            Some(Decision::Refused) => {}
        }
        true
    }

    /// Somebody who has fallen silent. Call it until there is nobody.
    pub(crate) fn next_gone(&mut self, now: Instant) -> Option<SocketAddr> {
        if !self.has_welcomed && self.due.is_none_or(|due| due > now) {
            return None;
        }
        let gone = self.door.next_gone(now);
        if gone.is_none() {
            (self.due, self.has_welcomed) = (self.door.next_due(), false);
        }
        gone
    }

    /// When the next viewer may have fallen silent.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.due
    }

    /// Who was let in cannot be reached: makes room.
    pub(crate) fn turn_away(&mut self, address: SocketAddr) {
        self.door.turn_away(address);
    }

    /// Lets nobody in any more.
    pub(crate) fn shut(&mut self) {
        self.door.shut();
    }

    /// How asks ended.
    pub(crate) fn counts(&self) -> proto::SubscribeCounts {
        *self.door.counts()
    }
}

//! Asks a sender for its pictures, for as long as they are wanted.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use proto::{AskOutput, AskState, Asker};

use crate::feed::{Feed, Signal, lock};
use crate::link::Link;

/// Where a sender is to be asked. Whoever finds it elsewhere says so here.
#[derive(Debug)]
pub struct Place {
    address: Mutex<SocketAddr>,
}

impl Place {
    /// There.
    pub fn new(address: SocketAddr) -> Arc<Self> {
        Arc::new(Self { address: Mutex::new(address) })
    }

    /// It is found at these addresses now. It is only asked elsewhere if the one that is asked is not among them, since
    /// addresses become known one after the other; and by the same family, since the socket is of that one.
    pub fn move_to(&self, addresses: &[SocketAddr]) {
        let mut now = lock(&self.address);
        if !addresses.contains(&now)
            && let Some(other) = addresses.iter().find(|other| other.is_ipv4() == now.is_ipv4())
        {
            *now = *other;
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        *lock(&self.address)
    }
}

/// Asks one sender.
pub struct Asking {
    place: Arc<Place>,
    at: SocketAddr,
    asker: Asker,
    is_full: bool,
}

impl Asking {
    /// Asks at this place, at once.
    pub fn new(place: Arc<Place>) -> Self {
        let at = place.address();
        Self { place, at, asker: Asker::new(Instant::now()), is_full: false }
    }

    /// Whether a datagram comes from the sender that is asked: nobody else's are wanted here.
    pub(super) fn is_from_whom_it_asks(&self, from: SocketAddr) -> bool {
        (from.ip(), from.port()) == (self.at.ip(), self.at.port())
    }

    /// Takes in a datagram if it is an answer; whether it was.
    pub(super) fn take_in(&mut self, datagram: &[u8], now: Instant) -> bool {
        let is_answer = self.asker.handle_datagram(datagram, now);
        if !is_answer {
            self.asker.heard(now);
        }
        is_answer
    }

    /// Asks if it is time to; returns when it is next.
    pub(super) fn drain(&mut self, link: &mut Link, feed: &Feed, now: Instant) -> Option<Instant> {
        let place = self.place.address();
        // Somewhere else it is a stranger again.
        if place != self.at {
            (self.at, self.asker) = (place, Asker::new(now));
        }
        let is_full = self.asker.state() == AskState::Full;
        if is_full && !self.is_full {
            feed.note(Signal::Full);
        }
        self.is_full = is_full;
        loop {
            match self.asker.poll(now) {
                AskOutput::Wait(until) => return until,
                // What cannot be sent now is asked again in a moment.
                AskOutput::Transmit(bytes) => drop(link.send(self.at, None, bytes)),
            }
        }
    }

    /// Says that pictures are not wanted any more.
    pub(super) fn leave(&mut self, link: &mut Link) {
        self.asker.leave();
        while let AskOutput::Transmit(bytes) = self.asker.poll(Instant::now()) {
            if link.send(self.at, None, bytes).is_err() {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_asked_elsewhere_only_if_it_is_not_there_any_more() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (old, new, other) =
            (address("10.0.0.1:9001"), address("10.0.0.2:9001"), address("[fd00::2]:9001"));
        let place = Place::new(old);
        for (found, asked) in [(&[new, old][..], old), (&[other], old), (&[], old), (&[other, new], new)] {
            place.move_to(found);
            assert_eq!(place.address(), asked, "{found:?}");
        }
    }
}

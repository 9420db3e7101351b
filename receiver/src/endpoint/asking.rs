//! Asks a sender for its pictures, for as long as they are wanted.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use proto::{AskOutput, AskState, Asker};

use crate::feed::{Feed, Signal, lock};
use crate::link::Link;

/// Where a sender is to be asked. Whoever finds it elsewhere says so here.
#[derive(Debug)]
pub struct Place {
    /// The best first; not all need lead to it from here.
    addresses: Mutex<Vec<SocketAddr>>,
}

impl Place {
    /// There, at one of these addresses, the best first.
    ///
    /// # Panics
    /// If there is none.
    pub fn new(addresses: &[SocketAddr]) -> Arc<Self> {
        assert!(!addresses.is_empty(), "a sender without an address cannot be asked");
        Arc::new(Self { addresses: Mutex::new(addresses.to_vec()) })
    }

    /// It is to be found at these now. Without any, it is asked where it was.
    pub fn move_to(&self, addresses: &[SocketAddr]) {
        if !addresses.is_empty() {
            addresses.clone_into(&mut lock(&self.addresses));
        }
    }

    /// The best of its addresses.
    pub(crate) fn address(&self) -> SocketAddr {
        lock(&self.addresses)[0]
    }

    /// Where it is if it is not at `at`: one that took its place, or if it is still said to be there, the next one. `None` if
    /// there is no other that a socket of this family leads to.
    fn instead_of(&self, at: SocketAddr) -> Option<SocketAddr> {
        let addresses = lock(&self.addresses);
        let next = addresses.iter().position(|&address| address == at).map_or(0, |known| known + 1);
        let (before, behind) = addresses.split_at(next);
        let mut others = behind.iter().chain(before);
        others.find(|other| other.is_ipv4() == at.is_ipv4() && **other != at).copied()
    }

    fn is_at(&self, at: SocketAddr) -> bool {
        lock(&self.addresses).contains(&at)
    }
}

/// Asks one sender.
pub struct Asking {
    place: Arc<Place>,
    at: SocketAddr,
    asker: Asker,
    /// Since when it is asked there.
    since: Instant,
    /// Whether anything came from there.
    is_heard: bool,
    is_full: bool,
}

impl Asking {
    /// Asks at this place, at once.
    pub fn new(place: Arc<Place>) -> Self {
        let (at, now) = (place.address(), Instant::now());
        Self { place, at, asker: Asker::new(now), since: now, is_heard: false, is_full: false }
    }

    /// Whether a datagram comes from the sender that is asked: nobody else's are wanted here.
    pub(super) fn is_from_whom_it_asks(&self, from: SocketAddr) -> bool {
        (from.ip(), from.port()) == (self.at.ip(), self.at.port())
    }

    /// Takes in a datagram if it is an answer; whether it was.
    pub(super) fn take_in(&mut self, datagram: &[u8], now: Instant) -> bool {
        self.is_heard = true;
        let is_answer = self.asker.handle_datagram(datagram, now);
        if !is_answer {
            self.asker.heard(now);
        }
        is_answer
    }

    /// Asks if it is time to; returns when it is next.
    pub(super) fn drain(&mut self, link: &mut Link, feed: &Feed, now: Instant) -> Option<Instant> {
        self.go_on_elsewhere(now);
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

    /// Asks at another address, if the sender has moved, or has never been heard here: an address may be of a network that
    /// only seems to be the same, such as a virtual one.
    fn go_on_elsewhere(&mut self, now: Instant) {
        let is_hopeless = !self.is_heard && now.saturating_duration_since(self.since) > PATIENCE;
        if (is_hopeless || !self.place.is_at(self.at))
            && let Some(other) = self.place.instead_of(self.at)
        {
            // There it is a stranger again.
            (self.at, self.asker, self.since, self.is_heard) = (other, Asker::new(now), now, false);
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

/// An answer takes a round trip; the asks before it may be lost, one in every 100 ms.
const PATIENCE: Duration = Duration::from_millis(800);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_asked_where_it_went_and_else_wherever_it_says_it_is() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let [one, two, other] = ["10.0.0.1:9001", "172.17.0.1:9001", "10.0.0.1:40000"].map(at);
        let place = Place::new(&[one, at("[fe80::1%2]:9001"), two]);
        let mut asking = Asking::new(place.clone());
        let t0 = asking.since;
        let millis = |millis| t0 + Duration::from_millis(millis);
        let asked = |asking: &mut Asking, now| {
            asking.go_on_elsewhere(now);
            asking.at
        };
        assert_eq!(
            [0, 700, 900, 1600, 1800].map(|at| asked(&mut asking, millis(at))),
            [one, one, two, two, one]
        );
        // Where it was heard it is asked for as long as it is there, whichever address seems better.
        asking.take_in(b"", millis(1900));
        place.move_to(&[two, one]);
        assert_eq!(asked(&mut asking, millis(9000)), one);
        place.move_to(&[]);
        assert_eq!(asked(&mut asking, millis(9000)), one);
        place.move_to(&[other]);
        assert_eq!(asked(&mut asking, millis(9000)), other);
        assert_eq!(asked(&mut asking, millis(99_000)), other, "there is no other");
    }
}

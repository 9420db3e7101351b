//! Asks a sender for its pictures, for as long as they are wanted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::host::Seldom;
use proto::wire::Token;
use proto::{AskOutput, AskState, Asker};

use super::{Place, Shared};
use crate::diagnosis::full;
use crate::feed::{Feed, Signal};
use crate::link::Link;

/// Asks one sender.
pub struct Asking {
    place: Arc<Place>,
    at: SocketAddr,
    asker: Asker,
    /// Since when it is asked there.
    since: Instant,
    /// When anything last came from there.
    heard: Option<Instant>,
    /// Whether anything ever came, from wherever it was asked.
    was_heard: bool,
    /// When it may be sought again.
    seek: Seldom,
    is_full: bool,
    /// Whether another sender is at its place, and none is asked.
    is_away: bool,
}

impl Asking {
    /// Asks at this place, at once.
    pub fn new(place: Arc<Place>) -> Self {
        let (at, now) = (place.address(), Instant::now());
        Self {
            place,
            at,
            asker: Asker::new(now),
            since: now,
            heard: None,
            was_heard: false,
            seek: Seldom::new(SEEK_EVERY),
            is_full: false,
            is_away: false,
        }
    }

    /// Whether a datagram comes from the sender that is asked: nobody else's are wanted here.
    pub(super) fn is_from_whom_it_asks(&self, from: SocketAddr) -> bool {
        !self.is_away && (from.ip(), from.port()) == (self.at.ip(), self.at.port())
    }

    /// Where the only sender is that is wanted here, while one is asked.
    pub(super) fn asked(&self) -> Option<SocketAddr> {
        (!self.is_away).then_some(self.at)
    }

    /// Takes in a datagram if it is an answer; whether it was.
    pub(super) fn take_in(&mut self, datagram: &[u8], now: Instant) -> bool {
        (self.heard, self.was_heard) = (Some(now), true);
        let is_answer = self.asker.handle_datagram(datagram, now);
        if !is_answer {
            self.asker.heard(now);
        }
        is_answer
    }

    /// The token that it was told.
    pub(super) fn token(&self) -> Option<Token> {
        self.asker.token()
    }

    /// Asks if it is time to; returns when it is next.
    pub(super) fn drain(
        &mut self,
        link: &mut Link,
        feed: &Feed,
        shared: &Shared,
        now: Instant,
    ) -> Option<Instant> {
        if self.is_away(link, feed, shared, now) {
            // The thread looks again whenever its pulse beats.
            return None;
        }
        self.go_on_elsewhere(now);
        self.notice_whether_full(feed, shared);
        loop {
            match self.asker.poll(now) {
                AskOutput::Wait(until) => return until,
                // What cannot be sent now is asked again in a moment.
                AskOutput::Transmit(bytes) => drop(link.send(self.at, None, bytes)),
            }
        }
    }

    /// Asks at another address, if the sender has moved, or is not heard here: an address may be of a network that only
    /// seems to be the same, such as a virtual one, and one that it does not have any more may be announced for minutes.
    fn go_on_elsewhere(&mut self, now: Instant) {
        let unheard_for = now.saturating_duration_since(self.heard.unwrap_or(self.since));
        if unheard_for > LOST && self.seek.is_due(now) {
            self.place.seek();
        }
        let patience = match (self.heard, self.was_heard) {
            (Some(_), _) => LOST,
            (None, true) => TURN,
            (None, false) => PATIENCE,
        };
        // Who is full is asked more seldom.
        let is_hopeless = unheard_for > patience && !self.is_full;
        if (is_hopeless || !self.place.is_at(self.at))
            && let Some(other) = self.place.instead_of(self.at)
        {
            // There it is a stranger again.
            (self.at, self.asker, self.since, self.heard) = (other, Asker::new(now), now, None);
        }
    }

    /// Whether another sender is where it was. That one is left; when it is found again, it is asked anew.
    fn is_away(&mut self, link: &mut Link, feed: &Feed, shared: &Shared, now: Instant) -> bool {
        let why = self.place.anothers();
        if why.is_some() == self.is_away {
            return self.is_away;
        }
        if why.is_some() {
            self.leave(link);
            (self.is_away, self.is_full) = (true, false);
        } else {
            self.is_away = false;
            (self.asker, self.since, self.heard) = (Asker::new(now), now, None);
        }
        let mut counters = feed.stats.lock();
        counters.name.clear();
        (counters.is_full, counters.away) = (false, why.clone());
        drop(counters);
        feed.note(why.map_or(Signal::Expected, Signal::Away));
        shared.feeds.wake();
        self.is_away
    }

    /// Says once that the sender has no room, and notices when it has, or says nothing any more.
    fn notice_whether_full(&mut self, feed: &Feed, shared: &Shared) {
        let is_full = self.asker.state() == AskState::Full;
        if std::mem::replace(&mut self.is_full, is_full) == is_full {
            return;
        }
        feed.stats.lock().is_full = is_full;
        if is_full {
            let whom = feed.status().listening.clone();
            shared.console.warn(full(&whom));
            feed.note(Signal::Full);
        } else if self.asker.state() != AskState::Watching {
            feed.note(Signal::Silent);
        }
        shared.feeds.wake();
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
/// A sender that is restarted at its address is heard again before.
const LOST: Duration = Duration::from_secs(2);
/// Of a sender that was heard before, long enough at each of its addresses for an answer or two, and short enough that it
/// is back within a second wherever it comes back.
const TURN: Duration = Duration::from_millis(300);
/// No name server minds, and nobody waits longer for a computer that has just been given another address.
const SEEK_EVERY: Duration = Duration::from_secs(10);

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
        // Where it is heard it is asked for as long as it is there, whichever address seems better.
        asking.take_in(b"", millis(1900));
        place.move_to(&[two, one]);
        assert_eq!(asked(&mut asking, millis(3800)), one);
        place.move_to(&[]);
        assert_eq!(asked(&mut asking, millis(3800)), one);
        place.move_to(&[other]);
        assert_eq!(asked(&mut asking, millis(3800)), other);
        assert_eq!(asked(&mut asking, millis(99_000)), other, "there is no other");
    }

    #[test]
    fn a_sender_that_falls_silent_is_asked_at_its_addresses_in_turn() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let [one, two] = ["10.0.0.1:9001", "10.0.0.50:9001"].map(at);
        let mut asking = Asking::new(Place::new(&[one, two]));
        let t0 = asking.since;
        let millis = |millis| t0 + Duration::from_millis(millis);
        let asked = |asking: &mut Asking, at| {
            asking.go_on_elsewhere(millis(at));
            asking.at
        };
        asking.take_in(b"", millis(100));
        let times = [2000, 2200, 2400, 2600, 2800, 3000];
        assert_eq!(times.map(|at| asked(&mut asking, at)), [one, two, two, one, one, two]);
        asking.take_in(b"", millis(3100));
        assert_eq!([5000, 5200].map(|at| asked(&mut asking, at)), [two, one]);
    }
}

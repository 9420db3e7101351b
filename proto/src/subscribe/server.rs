//! Admits subscribers, and ends their subscriptions.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;
use std::hash::Hash;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::computer::{Computer, ComputerOf, Vacancy, room};
use crate::frame::Clock;
use crate::send::AddressToken;
use crate::seq::{FrameId, SessionId};
use crate::wire::{self, Body, Datagram, Header, Kind, SubscribeReply, SubscribeStatus};

/// Decides which subscribers are admitted: those that show the token of their address, for as long as they renew the
/// subscription.
///
/// Nothing is remembered of an address that has not shown its token, and all that is sent there is the token, in fewer
/// bytes than the subscribe has. `S` is whatever the shell tells receivers apart by: for UDP, address and port.
#[derive(Debug)]
pub struct SubscribeServer<S> {
    session: SessionId,
    clock: Clock,
    most: usize,
    address_token: AddressToken,
    computer: Option<ComputerOf<S>>,
    viewers: BTreeMap<S, Guest>,
    /// Whose places others have now.
    displaced: VecDeque<S>,
    answer: Vec<u8>,
    counts: SubscribeCounts,
}

/// Somebody who watches.
#[derive(Clone, Copy, Debug)]
struct Guest {
    computer: Option<Computer>,
    since: Instant,
    /// When its last subscribe came.
    heard: Instant,
}

/// What is to be done about a subscribe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    /// Send this one datagram to where the subscribe came from.
    Reply(&'a [u8]),
    /// From now on it is a viewer: begin a stream to it, by a [`SendStream`](crate::SendStream) with the same secret.
    Welcome,
    /// It is a viewer already.
    Stays,
    /// It was a viewer and leaves: end its stream.
    Leaves,
    /// Nothing.
    Refused,
}

/// Asks, by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SubscribeCounts {
    /// It showed no token or a wrong one, and was reply the right one, unless it wanted to leave.
    pub unproven: u64,
    /// It was let in.
    pub welcomed: u64,
    /// It was a viewer already.
    pub stayed: u64,
    /// It left, or was no viewer any more.
    pub left: u64,
    /// There was no room, and it was reply so.
    pub full: u64,
    /// It is damaged or impossible.
    pub malformed: u64,
}

impl<S: Copy + Debug + Ord + Hash> SubscribeServer<S> {
    /// A door through which at most `most` come at a time, to streams of this `session` and with this `secret`.
    pub fn new(session: SessionId, secret: [u8; 16], most: usize, clock: Clock) -> Self {
        Self {
            session,
            clock,
            most,
            address_token: AddressToken::new(secret),
            computer: None,
            viewers: BTreeMap::new(),
            displaced: VecDeque::new(),
            answer: Vec::with_capacity(wire::HEADER_BYTES + 16),
            counts: SubscribeCounts::default(),
        }
    }

    /// Tells computers apart from now on: one has at most a quarter of the places (two, if that is less), however many
    /// sources are on it; and who comes from a computer that has none when all are taken gets one of that with the
    /// most.
    #[must_use]
    pub fn with_computers(self, computer: ComputerOf<S>) -> Self {
        Self { computer: Some(computer), ..self }
    }

    /// Takes in a datagram if it is a subscribe, and says what is to be done. `None` if it is none, and somebody
    /// else's business.
    pub fn handle_datagram(&mut self, source: S, datagram: &[u8], now: Instant) -> Option<Decision<'_>> {
        let Ok(Datagram { body: Body::Subscribe(subscribe), .. }) =
            Datagram::parse_kind(datagram, Kind::Subscribe)?
        else {
            self.counts.malformed += 1;
            return Some(Decision::Refused);
        };
        let is_proven = self.address_token.knows(&source, subscribe.token, self.clock.at(now));
        Some(if !is_proven {
            self.counts.unproven += 1;
            // Who leaves needs no token any more.
            if subscribe.leaves {
                Decision::Refused
            } else {
                self.reply(source, SubscribeStatus::ShowToken, now)
            }
        } else if subscribe.leaves {
            self.counts.left += 1;
            if self.viewers.remove(&source).is_some() {
                tracing::debug!(viewer = ?source, reason = "it says so", "subscription ended");
                Decision::Leaves
            } else {
                Decision::Refused
            }
        } else if let Some(guest) = self.viewers.get_mut(&source) {
            guest.heard = now;
            self.counts.stayed += 1;
            Decision::Stays
        } else if self.lets_in(source, now) {
            self.counts.welcomed += 1;
            let (viewers, reason) = (self.viewers.len(), "it has shown its token, and there is room");
            tracing::debug!(viewer = ?source, viewers, reason, "subscription welcomed");
            Decision::Welcome
        } else {
            self.counts.full += 1;
            let (viewers, most, reason) = (self.viewers.len(), self.most, "there is no room for it");
            tracing::debug!(viewer = ?source, viewers, most, reason, "subscription refused");
            self.reply(source, SubscribeStatus::Full, now)
        })
    }

    /// A viewer that has fallen silent, or whose place another has, and is none any more: end its stream. Call it until
    /// there is none, also before who was welcomed is shown anything.
    pub fn next_gone(&mut self, now: Instant) -> Option<S> {
        if let Some(displaced) = self.displaced.pop_front() {
            let reason = "its place is for a computer with fewer";
            tracing::debug!(viewer = ?displaced, reason, "subscription ended");
            return Some(displaced);
        }
        let is_silent = |guest: &Guest| guest.heard + WATCHED_FOR <= now;
        let (&source, _) = self.viewers.iter().find(|(_, guest)| is_silent(guest))?;
        self.viewers.remove(&source);
        tracing::debug!(viewer = ?source, reason = "silence", "subscription ended");
        Some(source)
    }

    /// When the next viewer will have fallen silent; `None` if there is none.
    pub fn next_due(&self) -> Option<Instant> {
        self.viewers.values().map(|guest| guest.heard + WATCHED_FOR).min()
    }

    /// Makes room: somebody who was let in cannot be shown anything.
    pub fn turn_away(&mut self, source: S) {
        tracing::debug!(viewer = ?source, reason = "nothing can be sent to it", "subscription ended");
        self.viewers.remove(&source);
    }

    /// Lets nobody in any more: whoever comes is reply that there is no room. Who is a viewer already stays one.
    pub fn shut(&mut self) {
        self.most = 0;
    }

    /// How many viewers there are.
    pub fn viewers(&self) -> usize {
        self.viewers.len()
    }

    /// How the subscribes so far ended.
    pub fn counts(&self) -> &SubscribeCounts {
        &self.counts
    }

    /// Gives somebody a place, if there is one for it.
    fn lets_in(&mut self, source: S, now: Instant) -> bool {
        let computer = self.computer.map(|computer| computer(&source));
        let placed = self.viewers.iter().map(|(source, guest)| (*source, guest.computer, guest.since));
        match room(computer, placed, self.most) {
            Vacancy::Free => {}
            Vacancy::Instead(other) if self.most > 0 => {
                self.viewers.remove(&other);
                self.displaced.push_back(other);
            }
            Vacancy::Instead(_) | Vacancy::Full => return false,
        }
        self.viewers.insert(source, Guest { computer, since: now, heard: now });
        true
    }

    fn reply(&mut self, source: S, status: SubscribeStatus, now: Instant) -> Decision<'_> {
        let time = self.clock.at(now);
        let header = Header::control(Kind::SubscribeReply, self.session, FrameId::default(), time);
        let answer = SubscribeReply { token: self.address_token.token(&source, time), status };
        wire::emit_with(&header, &mut self.answer, |body| answer.emit(body));
        Decision::Reply(&self.answer)
    }
}

/// A viewer subscribes every 500 ms. Shorter: three that were lost end its stream. Longer: one that was killed is sent
/// to for longer.
const WATCHED_FOR: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::MediaTime;
    use crate::t0;
    use crate::wire::{Subscribe, Token};

    const SECRET: [u8; 16] = [3; 16];

    fn server(most: usize) -> SubscribeServer<u8> {
        SubscribeServer::new(SessionId::new(7), SECRET, most, Clock::new(t0(), MediaTime::default()))
    }

    fn subscribe(token: Token, leaves: bool) -> Vec<u8> {
        let header = Header::control(
            Kind::Subscribe,
            SessionId::new(u64::MAX),
            FrameId::default(),
            MediaTime::default(),
        );
        let mut datagram = Vec::new();
        wire::emit_with(&header, &mut datagram, |body| Subscribe { token, leaves }.emit(body));
        datagram
    }

    /// The token that the door tells an address.
    fn token(server: &mut SubscribeServer<u8>, source: u8) -> Token {
        let sent = subscribe(Token::default(), false);
        let Some(Decision::Reply(reply)) = server.handle_datagram(source, &sent, t0()) else {
            panic!("no answer")
        };
        assert!(reply.len() <= sent.len());
        let Ok(Datagram { body: Body::SubscribeReply(answer), .. }) = Datagram::parse(reply) else {
            panic!("{reply:?}")
        };
        assert_eq!(answer.status, SubscribeStatus::ShowToken);
        answer.token
    }

    #[test]
    fn whoever_shows_the_token_of_its_address_is_let_in_until_it_leaves() {
        let (t0, mut server) = (t0(), server(2));
        let token = token(&mut server, 1);
        assert_eq!(
            token,
            AddressToken::new(SECRET).token(&1_u8, MediaTime::default()),
            "it is the token of its reports"
        );
        assert_eq!(server.handle_datagram(1, &subscribe(token, false), t0), Some(Decision::Welcome));
        assert_eq!(server.handle_datagram(1, &subscribe(token, false), t0), Some(Decision::Stays));
        assert!(matches!(server.handle_datagram(2, &subscribe(token, false), t0), Some(Decision::Reply(_))));
        assert_eq!(
            server.handle_datagram(1, &subscribe(Token::default(), true), t0),
            Some(Decision::Refused)
        );
        assert_eq!(server.viewers(), 1, "nobody leaves for another");
        assert_eq!(server.handle_datagram(1, &subscribe(token, true), t0), Some(Decision::Leaves));
        assert_eq!(server.handle_datagram(1, &subscribe(token, true), t0), Some(Decision::Refused));
        let counts = SubscribeCounts { unproven: 3, welcomed: 1, stayed: 1, left: 2, full: 0, malformed: 0 };
        assert_eq!((*server.counts(), server.viewers(), server.next_due()), (counts, 0, None));
    }

    #[test]
    fn who_falls_silent_is_gone_and_makes_room() {
        let (t0, mut server) = (t0(), server(2));
        let tokens = [1, 2, 3].map(|source| token(&mut server, source));
        for (source, millis) in [(1, 0), (2, 700)] {
            let now = t0 + Duration::from_millis(millis);
            let sent = subscribe(tokens[usize::from(source) - 1], false);
            assert_eq!(server.handle_datagram(source, &sent, now), Some(Decision::Welcome));
        }
        let reply = match server.handle_datagram(3, &subscribe(tokens[2], false), t0) {
            Some(Decision::Reply(reply)) => Datagram::parse(reply).unwrap().body,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            reply,
            Body::SubscribeReply(SubscribeReply { token: tokens[2], status: SubscribeStatus::Full })
        );
        let due = server.next_due().unwrap();
        assert_eq!(due, t0 + WATCHED_FOR);
        assert_eq!(server.next_gone(due - Duration::from_millis(1)), None);
        assert_eq!((server.next_gone(due), server.next_gone(due)), (Some(1), None));
        assert_eq!(server.handle_datagram(3, &subscribe(tokens[2], false), due), Some(Decision::Welcome));
        assert_eq!(server.next_due(), Some(t0 + Duration::from_millis(2700)));
    }

    #[test]
    fn who_comes_to_a_shut_door_finds_no_room_and_who_is_there_stays() {
        let (t0, mut server) = (t0(), server(2));
        let tokens = [1, 2].map(|source| token(&mut server, source));
        assert_eq!(server.handle_datagram(1, &subscribe(tokens[0], false), t0), Some(Decision::Welcome));
        server.shut();
        assert!(matches!(
            server.handle_datagram(2, &subscribe(tokens[1], false), t0),
            Some(Decision::Reply(_))
        ));
        assert_eq!(server.handle_datagram(1, &subscribe(tokens[0], false), t0), Some(Decision::Stays));
        assert_eq!((server.viewers(), server.counts().full), (1, 1));
    }

    #[test]
    fn one_computer_with_many_ports_has_a_share_of_the_places_and_who_comes_late_finds_one() {
        let on = |source: &u8| Computer { key: (*source / 10).into(), is_own: *source >= 200 };
        let (t0, mut server) = (t0(), server(16).with_computers(on));
        let mut subscribes = |server: &mut SubscribeServer<u8>, source, millis| {
            let token = token(server, source);
            let now = t0 + Duration::from_millis(millis);
            server.handle_datagram(source, &subscribe(token, false), now) == Some(Decision::Welcome)
        };
        let welcomed = |server: &mut SubscribeServer<u8>,
                        subscribes: &mut dyn FnMut(&mut SubscribeServer<u8>, u8, u64) -> bool,
                        sources| {
            let sources: std::ops::Range<u8> = sources;
            sources.filter(|&source| subscribes(server, source, source.into())).count()
        };
        assert_eq!(welcomed(&mut server, &mut subscribes, 10..20), 4);
        // The sender's own computer may have all that are left; then it has too many.
        assert_eq!((welcomed(&mut server, &mut subscribes, 200..220), server.viewers()), (12, 16));
        assert_eq!(server.next_gone(t0), None);
        for (late, gone) in [(30, 209), (40, 208), (50, 211)] {
            assert!(subscribes(&mut server, late, 300));
            let displaced = server.next_gone(t0 + Duration::from_millis(300)).unwrap();
            assert!(displaced >= 200, "{displaced} for {gone}");
            assert_eq!((server.next_gone(t0), server.viewers()), (None, 16));
        }
        assert!(!subscribes(&mut server, 31, 300), "who has one takes nobody's");
        server.shut();
        assert!(!subscribes(&mut server, 60, 300));
    }

    #[test]
    fn what_is_no_subscribe_is_left_alone_and_a_damaged_one_is_counted() {
        let (t0, mut server) = (t0(), server(1));
        let mut damaged = subscribe(Token::default(), false);
        damaged[45] ^= 1;
        assert_eq!(server.handle_datagram(1, &damaged, t0), Some(Decision::Refused));
        assert_eq!(server.handle_datagram(1, &damaged[..20], t0), Some(Decision::Refused));
        damaged[3] = 7;
        assert_eq!(server.handle_datagram(1, &damaged, t0), None);
        assert_eq!(server.counts().malformed, 2);
    }
}

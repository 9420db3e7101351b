//! Subscribes at a sender, and renews the subscription for as long as the stream is wanted.

use std::time::{Duration, Instant};

use crate::frame::MediaTime;
use crate::recv::SILENCE;
use crate::seq::{FrameId, SessionId};
use crate::wire::{self, Body, Datagram, Header, Kind, Subscribe, SubscribeStatus, Token};

/// Subscribes at one serving sender.
///
/// The first subscribe is answered by a token, which the second shows; then the stream begins. It is repeated for as
/// long as pictures are wanted, and oftener while nothing comes, so that a sender that was restarted is found again at
/// once.
///
/// Give it what comes from the sender's address, and from nowhere else: first to
/// [`handle_datagram`](Self::handle_datagram), and if that is not interested, tell it by [`heard`](Self::heard) that
/// something came. After each, and when a wait is over, drain [`poll`](Self::poll) until it says to wait.
#[derive(Debug)]
pub struct Subscriber {
    epoch: Instant,
    token: Token,
    session: SessionId,
    state: SubscribeState,
    /// When something of the stream last came.
    heard: Option<Instant>,
    /// When the sender last answered.
    answered: Option<Instant>,
    /// Since when nothing comes.
    since: Instant,
    next: Instant,
    early: Early,
    leaving: Leaving,
    datagram: Vec<u8>,
}

/// How far a subscription has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscribeState {
    /// Nothing comes: the sender has not answered yet, or no longer sends.
    Subscribing,
    /// The stream comes.
    Watching,
    /// The sender has as many viewers as it takes; the receiver tries again now and then.
    Full,
    /// The sender lets in only who has its key; the receiver tries again now and then.
    Locked,
}

/// What [`Subscriber::poll`] has to say.
#[derive(Debug)]
pub enum SubscribeOutput<'a> {
    /// Send this one datagram to the sender.
    Transmit(&'a [u8]),
    /// Nothing until then, or never again if `None`.
    Wait(Option<Instant>),
}

/// Whether the next subscribe goes before its time: once for each that was in time, so that endless replies do not make
/// it subscribe endlessly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Early {
    Allowed,
    Due,
    Used,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    No,
    Asked,
    Done,
}

impl Subscriber {
    /// One that subscribes at once.
    pub fn new(now: Instant) -> Self {
        Self {
            epoch: now,
            token: Token::default(),
            session: UNKNOWN,
            state: SubscribeState::Subscribing,
            heard: None,
            answered: None,
            since: now,
            next: now,
            early: Early::Allowed,
            leaving: Leaving::No,
            datagram: Vec::with_capacity(wire::HEADER_BYTES + 16),
        }
    }

    /// How far it has come.
    pub fn state(&self) -> SubscribeState {
        self.state
    }

    /// The token that it shows, once it was told one.
    pub fn token(&self) -> Option<Token> {
        Some(self.token).filter(|token| *token != Token::default())
    }

    /// Takes in a datagram from the sender's address if it is an answer; says whether it was one. What is none is for
    /// the [`RecvStream`](crate::RecvStream).
    pub fn handle_datagram(&mut self, datagram: &[u8], now: Instant) -> bool {
        let Some(Ok(Datagram { header, body: Body::SubscribeReply(answer) })) =
            Datagram::parse_kind(datagram, Kind::SubscribeReply)
        else {
            return false;
        };
        self.answered = Some(now);
        match answer.status {
            SubscribeStatus::Locked(_) => (self.state, self.next) = (SubscribeState::Locked, now + RARELY),
            status => self.answered(header.session, answer.token, status, now),
        }
        true
    }

    fn answered(&mut self, session: SessionId, token: Token, status: SubscribeStatus, now: Instant) {
        self.session = session;
        let is_new = std::mem::replace(&mut self.token, token) != token;
        match status {
            SubscribeStatus::ShowToken if is_new && self.early == Early::Allowed => self.early = Early::Due,
            SubscribeStatus::ShowToken => {}
            _ => (self.state, self.next) = (SubscribeState::Full, now + RARELY),
        }
    }

    /// Notes that something of the stream came.
    pub fn heard(&mut self, now: Instant) {
        self.heard = Some(now);
        if self.state != SubscribeState::Watching {
            self.state = SubscribeState::Watching;
            self.next = now + WATCHING;
        }
    }

    /// When anything last came of the sender: its stream, or an answer.
    pub fn last_heard(&self) -> Option<Instant> {
        self.heard.max(self.answered)
    }

    /// Says that no more pictures are wanted: it leaves, once, and then sends nothing more.
    pub fn leave(&mut self) {
        if self.leaving == Leaving::No {
            // Who has no token is no viewer.
            self.leaving = if self.token == Token::default() { Leaving::Done } else { Leaving::Asked };
        }
    }

    /// What to do next. Call it until it says `Wait`; then again after each input, and at that time.
    #[must_use]
    pub fn poll(&mut self, now: Instant) -> SubscribeOutput<'_> {
        match self.leaving {
            Leaving::No => {}
            Leaving::Asked => {
                self.leaving = Leaving::Done;
                return self.subscribe(true, now);
            }
            Leaving::Done => return SubscribeOutput::Wait(None),
        }
        let silent = match self.state {
            SubscribeState::Subscribing => None,
            SubscribeState::Watching => self.heard.map(|heard| heard + SILENCE),
            SubscribeState::Full | SubscribeState::Locked => {
                self.answered.map(|answered| answered + FULL_FOR)
            }
        };
        if let Some(silent) = silent
            && silent <= now
        {
            self.state = SubscribeState::Subscribing;
            (self.since, self.next) = (now, now);
            // It may have been restarted.
            self.session = UNKNOWN;
        }
        if self.early == Early::Due {
            self.early = Early::Used;
        } else if self.next <= now {
            self.early = Early::Allowed;
        } else {
            return SubscribeOutput::Wait(Some(silent.map_or(self.next, |silent| self.next.min(silent))));
        }
        self.next = now + self.interval(now);
        self.subscribe(false, now)
    }

    fn interval(&self, now: Instant) -> Duration {
        match self.state {
            SubscribeState::Watching => WATCHING,
            SubscribeState::Full | SubscribeState::Locked => RARELY,
            SubscribeState::Subscribing => match now.saturating_duration_since(self.since) {
                silent if silent < SOON_FOR => SOON,
                silent if silent < OFTEN_FOR => OFTEN,
                _ => RARELY,
            },
        }
    }

    fn subscribe(&mut self, leaves: bool, now: Instant) -> SubscribeOutput<'_> {
        let sent = MediaTime::from_micros(now.saturating_duration_since(self.epoch).as_micros() as u64);
        let header = Header::control(Kind::Subscribe, self.session, FrameId::default(), sent);
        let subscribe = Subscribe { token: self.token, leaves };
        wire::emit_with(&header, &mut self.datagram, |body| subscribe.emit(body));
        SubscribeOutput::Transmit(&self.datagram)
    }
}

/// Named by who does not know the sender's session.
const UNKNOWN: SessionId = SessionId::new(u64::MAX);
/// While the stream comes: four times in the silence after which the sender takes a viewer for gone.
const WATCHING: Duration = Duration::from_millis(500);
/// When nothing comes: a lost datagram, or a sender that is being restarted.
const SOON: Duration = Duration::from_millis(100);
const SOON_FOR: Duration = Duration::from_secs(2);
/// A sender that comes back is found well within a second, for 400 bytes a second.
const OFTEN: Duration = Duration::from_millis(200);
const OFTEN_FOR: Duration = Duration::from_secs(60);
/// A sender that was switched off, or has no place.
const RARELY: Duration = Duration::from_secs(1);
/// A sender that has no place replies to each subscribe; two in a row may be lost.
const FULL_FOR: Duration = Duration::from_millis(3 * RARELY.as_millis() as u64 + SILENCE.as_millis() as u64);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::t0;
    use crate::wire::SubscribeReply;

    const SESSION: SessionId = SessionId::new(7);

    fn answer(token: u64, status: SubscribeStatus) -> Vec<u8> {
        let header = Header::control(Kind::SubscribeReply, SESSION, FrameId::default(), MediaTime::default());
        let mut datagram = Vec::new();
        let answer = SubscribeReply { token: Token::new(token), status };
        wire::emit_with(&header, &mut datagram, |body| answer.emit(body));
        datagram
    }

    /// What it sends from `from` to `to`: when, and with which token.
    fn sent(subscriber: &mut Subscriber, from: Instant, to: Instant) -> Vec<(u128, Subscribe)> {
        let (mut now, mut sent) = (from, Vec::new());
        loop {
            match subscriber.poll(now) {
                SubscribeOutput::Transmit(datagram) => {
                    let Ok(Datagram { body: Body::Subscribe(subscribe), .. }) = Datagram::parse(datagram)
                    else {
                        panic!("not a subscribe")
                    };
                    sent.push(((now - from).as_millis(), subscribe));
                }
                SubscribeOutput::Wait(Some(until)) if until <= to => now = until,
                SubscribeOutput::Wait(_) => return sent,
            }
        }
    }

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn it_subscribes_often_while_nothing_comes_and_ever_more_rarely() {
        let t0 = t0();
        let mut subscriber = Subscriber::new(t0);
        let times: Vec<_> =
            sent(&mut subscriber, t0, t0 + at(70_000)).into_iter().map(|(at, _)| at).collect();
        assert_eq!(times[..3], [0, 100, 200]);
        let longest = |from, to| {
            let within: Vec<_> = times.iter().filter(|&&at| from <= at && at <= to).collect();
            within.windows(2).map(|pair| pair[1] - pair[0]).max()
        };
        assert_eq!(longest(0, 2000), Some(100));
        assert_eq!(longest(2100, 60_000), Some(200));
        assert_eq!(longest(61_000, 70_000), Some(1000));
    }

    #[test]
    fn a_token_is_shown_at_once_but_only_once_between_two_subscribes_in_time() {
        let t0 = t0();
        let mut subscriber = Subscriber::new(t0);
        assert_eq!(sent(&mut subscriber, t0, t0).len(), 1);
        for token in 1..=50 {
            assert!(subscriber.handle_datagram(&answer(token, SubscribeStatus::ShowToken), t0));
            let shown = Subscribe { token: Token::new(1), leaves: false };
            assert_eq!(sent(&mut subscriber, t0, t0), if token == 1 { vec![(0, shown)] } else { vec![] });
        }
        let next = sent(&mut subscriber, t0, t0 + at(100));
        assert_eq!(next, [(100, Subscribe { token: Token::new(50), leaves: false })]);
        // The same token again says nothing new.
        assert!(subscriber.handle_datagram(&answer(50, SubscribeStatus::ShowToken), t0 + at(100)));
        assert_eq!(sent(&mut subscriber, t0 + at(100), t0 + at(199)), []);
    }

    #[test]
    fn it_renews_its_subscription_while_it_watches_and_subscribes_at_once_when_the_stream_falls_silent() {
        let t0 = t0();
        let mut subscriber = Subscriber::new(t0);
        sent(&mut subscriber, t0, t0);
        subscriber.handle_datagram(&answer(1, SubscribeStatus::ShowToken), t0);
        sent(&mut subscriber, t0, t0);
        for millis in 1..=2000 {
            subscriber.heard(t0 + at(millis));
            let is_due = millis % 500 == 1 && millis > 1;
            assert_eq!(
                sent(&mut subscriber, t0 + at(millis), t0 + at(millis)).len(),
                usize::from(is_due),
                "{millis}"
            );
            assert_eq!(subscriber.state(), SubscribeState::Watching);
        }
        let silent: Vec<_> =
            sent(&mut subscriber, t0 + at(2000), t0 + at(2800)).iter().map(|sent| sent.0).collect();
        assert_eq!(silent, [1, 500, 600, 700, 800]);
        assert_eq!(subscriber.state(), SubscribeState::Subscribing);
    }

    #[test]
    fn where_there_is_no_place_it_subscribes_rarely_until_the_stream_comes() {
        let t0 = t0();
        let mut subscriber = Subscriber::new(t0);
        sent(&mut subscriber, t0, t0);
        for (number, status) in [(1, SubscribeStatus::Full), (2, SubscribeStatus::Other(9))] {
            let now = t0 + at(number * 10_000);
            sent(&mut subscriber, now, now);
            subscriber.handle_datagram(&answer(number, status), now);
            assert_eq!(subscriber.state(), SubscribeState::Full);
            let times: Vec<_> =
                sent(&mut subscriber, now, now + at(3000)).iter().map(|sent| sent.0).collect();
            assert_eq!(times, [1000, 2000, 3000]);
            assert_eq!(subscriber.state(), SubscribeState::Full);
            // A sender that does not reply any more is not full, but gone: the receiver subscribes as at first.
            let later = now + at(3000);
            let times: Vec<_> =
                sent(&mut subscriber, later, later + at(700)).iter().map(|sent| sent.0).collect();
            assert_eq!(times, [500, 600, 700]);
            assert_eq!(subscriber.state(), SubscribeState::Subscribing);
        }
        subscriber.heard(t0);
        assert_eq!(subscriber.state(), SubscribeState::Watching);
    }

    #[test]
    fn it_leaves_once_and_only_if_it_was_there() {
        let t0 = t0();
        let mut subscriber = Subscriber::new(t0);
        sent(&mut subscriber, t0, t0);
        subscriber.handle_datagram(&answer(5, SubscribeStatus::ShowToken), t0);
        subscriber.leave();
        let leave = Subscribe { token: Token::new(5), leaves: true };
        assert_eq!(sent(&mut subscriber, t0, t0 + at(9000)), [(0, leave)]);
        subscriber.leave();
        assert_eq!(sent(&mut subscriber, t0, t0 + at(9000)), []);

        let mut unknown = Subscriber::new(t0);
        unknown.leave();
        assert_eq!(sent(&mut unknown, t0, t0 + at(9000)), []);
    }

    #[test]
    fn only_whole_answers_are_its_business() {
        let t0 = t0();
        let mut subscriber = Subscriber::new(t0);
        let mut damaged = answer(5, SubscribeStatus::ShowToken);
        *damaged.last_mut().unwrap() ^= 1;
        let header = Header::control(Kind::Goodbye, SESSION, FrameId::default(), MediaTime::default());
        let mut other = Vec::new();
        wire::emit_with(&header, &mut other, |_| {});
        for datagram in [&damaged[..], &other, b"", b"Ck"] {
            assert!(!subscriber.handle_datagram(datagram, t0));
        }
        assert_eq!(subscriber.token, Token::default());
    }
}

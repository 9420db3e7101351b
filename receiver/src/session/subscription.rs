//! Subscribes at a sender, for as long as its pictures are wanted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use proto::RateLimiter;
use proto::names::printable;
use proto::wire::{Body, Datagram, Token};
use proto::{SubscribeOutput, SubscribeState, Subscriber};

use super::identity::is_same_address;
use super::opener::Uplink;
use super::shared::ReceiveContext;
use super::target::{Target, TargetView};
use super::timeouts::{HOME, LOOK_UP_EVERY, LOST, SILENT, TURN, UNANSWERED};
use crate::feed::{Feed, StreamState};

/// Asks one sender.
pub(crate) struct Subscription {
    target: TargetView,
    at: SocketAddr,
    subscriber: Subscriber,
    /// Since when it subscribes there.
    since: Instant,
    /// What whoever is heard there calls himself.
    name: String,
    /// Whether anything ever came, from any of its addresses.
    was_heard: bool,
    /// Where it was heard before it was sought elsewhere.
    home: Option<Home>,
    /// When it may be sought again.
    seek: RateLimiter,
    is_full: bool,
    state: SubscribeState,
    /// Whether another sender is at its address, so that it does not subscribe.
    is_away: bool,
}

/// Where a sender was heard before: the receiver subscribes there too for a while, since it may not have moved at all,
/// whatever was announced.
struct Home {
    at: SocketAddr,
    subscriber: Subscriber,
    until: Instant,
}

/// What a datagram is to a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// It is not from where it subscribes.
    Foreign,
    /// An answer.
    Pending,
    /// The stream, maybe.
    Stream,
}

impl Subscription {
    /// Subscribes at this target, at once.
    pub(crate) fn new(target: Arc<Target>) -> Self {
        let (at, now) = (target.address(), Instant::now());
        Self {
            target: TargetView::new(target),
            at,
            subscriber: Subscriber::new(now),
            since: now,
            name: String::new(),
            was_heard: false,
            home: None,
            seek: RateLimiter::new(LOOK_UP_EVERY),
            is_full: false,
            state: SubscribeState::Subscribing,
            is_away: false,
        }
    }

    /// What the sender is called that is looked for; empty where that is not known.
    pub(super) fn wanted(&self) -> String {
        self.target.name()
    }

    /// The only address that is wanted here, while it subscribes.
    pub(super) fn at(&self) -> Option<SocketAddr> {
        (!self.is_away).then_some(self.at)
    }

    /// Takes in a datagram: only those of the sender at which it subscribes are wanted here.
    pub(super) fn take_in(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) -> Incoming {
        if self.is_away {
            return Incoming::Foreign;
        }
        if !is_same_address(from, self.at) {
            // It is where it was, and whoever is elsewhere is another one.
            let Some(home) = self.home.take_if(|home| is_same_address(from, home.at)) else {
                return Incoming::Foreign;
            };
            (self.at, self.subscriber, self.since) = (home.at, home.subscriber, now);
            self.name.clear();
        }
        self.was_heard = true;
        self.target.note_heard(self.at, now, now);
        if self.subscriber.handle_datagram(datagram, now) {
            return Incoming::Pending;
        }
        self.subscriber.heard(now);
        // Pictures are not looked into here.
        if datagram.get(KIND_AT) == Some(&HELLO)
            && let Ok(Datagram { body: Body::Hello(hello), .. }) = Datagram::parse(datagram)
            && self.name != hello.name
        {
            self.name = printable(hello.name);
        }
        Incoming::Stream
    }

    /// The token that it was told.
    pub(super) fn token(&self) -> Option<Token> {
        self.subscriber.token()
    }

    /// Asks if it is time to; returns when it is next.
    pub(super) fn drain(
        &mut self,
        uplink: &mut Uplink<'_>,
        feed: &Feed,
        shared: &ReceiveContext,
        now: Instant,
    ) -> Option<Instant> {
        if self.is_away(uplink, feed, shared, now) {
            // The thread looks again whenever its heartbeat beats.
            return None;
        }
        if self.target.hints().is_anothers(&self.name) {
            // Another one has its address now, and says so.
            self.home = None;
            let other = self.target.hints().instead_of(self.at);
            other.into_iter().for_each(|other| self.go_to(other, now));
        }
        self.go_on_elsewhere(now);
        let home = self.subscribe_at_home(uplink, now);
        self.notice_whether_full(feed, shared);
        loop {
            match self.subscriber.poll(now) {
                SubscribeOutput::Wait(until) => return [until, home].into_iter().flatten().min(),
                // What cannot be sent now is sent again in a moment.
                SubscribeOutput::Transmit(bytes) => uplink.send(self.at, None, bytes),
            }
        }
    }

    /// Asks at another address, if the sender has moved, or is not heard here: an address may be of a network that only
    /// seems to be the same, such as a virtual one, and one that it does not have any more may be announced for
    /// minutes.
    fn go_on_elsewhere(&mut self, now: Instant) {
        let heard = self.heard();
        let unheard_for = now.saturating_duration_since(heard.unwrap_or(self.since));
        if unheard_for > LOST && self.seek.is_due(now) {
            self.target.seek();
        }
        let hints = self.target.hints();
        let patience = match (heard, self.was_heard) {
            (Some(_), _) => LOST,
            (None, false) if hints.count() <= FEW => UNANSWERED,
            (None, _) => TURN,
        };
        // It subscribes more rarely at a sender without a place.
        let is_hopeless = unheard_for > patience && !self.is_full;
        // What is said of it counts only where nothing is heard of it.
        let has_moved = !hints.is_at(self.at) && (heard.is_none() || unheard_for > SILENT);
        if (is_hopeless || has_moved)
            && let Some(other) = hints.instead_of(self.at)
        {
            let reason = if has_moved { "it is announced there" } else { "nothing is heard here" };
            let unheard_ms = unheard_for.as_millis() as u64;
            tracing::debug!(to = %other, before = %self.at, unheard_ms, reason, "subscription moves");
            self.go_to(other, now);
        }
    }

    /// When anything last came of it from there; nothing did if another one is there.
    fn heard(&mut self) -> Option<Instant> {
        let is_anothers = self.target.hints().is_anothers(&self.name);
        self.subscriber.last_heard().filter(|_| !is_anothers)
    }

    /// Subscribes there from now on.
    fn go_to(&mut self, at: SocketAddr, now: Instant) {
        // There it is unassigned again.
        let was_there = self.heard().is_some();
        let subscriber = std::mem::replace(&mut self.subscriber, Subscriber::new(now));
        if was_there {
            self.home = Some(Home { at: self.at, subscriber, until: now + HOME });
        }
        (self.at, self.since) = (at, now);
        self.name.clear();
    }

    /// Asks where it was, too, for as long as it may be there; returns when it is time to again.
    fn subscribe_at_home(&mut self, uplink: &mut Uplink<'_>, now: Instant) -> Option<Instant> {
        self.home.take_if(|home| home.until <= now || home.at == self.at);
        let home = self.home.as_mut()?;
        loop {
            match home.subscriber.poll(now) {
                SubscribeOutput::Wait(until) => return until,
                SubscribeOutput::Transmit(bytes) => uplink.send(home.at, None, bytes),
            }
        }
    }

    /// Whether another sender is where it was. That one is left; when it is found again, the receiver subscribes anew.
    fn is_away(
        &mut self,
        uplink: &mut Uplink<'_>,
        feed: &Feed,
        shared: &ReceiveContext,
        now: Instant,
    ) -> bool {
        let hints = self.target.hints();
        // That another one is there is believed if that one says so from there.
        let claim = hints.claim.as_ref().filter(|claim| self.is_away || self.name == claim.name);
        if claim.is_some() == self.is_away {
            return self.is_away;
        }
        let why = claim.map(|claim| claim.why.clone());
        if let Some(why) = &why {
            self.leave(uplink);
            (self.is_away, self.is_full, self.home) = (true, false, None);
            tracing::info!("{why}");
        } else {
            self.is_away = false;
            // It may be announced for a moment where the other one is.
            let is_there = hints.is_at(self.at) && !hints.is_anothers(&self.name);
            self.at = hints.instead_of(self.at).filter(|_| !is_there).unwrap_or(self.at);
            self.name.clear();
            (self.subscriber, self.since) = (Subscriber::new(now), now);
        }
        feed.live().is_away(why);
        shared.feeds.wake();
        self.is_away
    }

    /// Says once that the sender has no room, and notices when it has, or says nothing any more.
    fn notice_whether_full(&mut self, feed: &Feed, shared: &ReceiveContext) {
        let state = self.subscriber.state();
        if std::mem::replace(&mut self.state, state) != state {
            let reason = match state {
                SubscribeState::Subscribing => "nothing comes",
                SubscribeState::Watching => "the stream comes",
                SubscribeState::Locked => "the sender lets in only who has its key",
                SubscribeState::Full => "the sender has as many viewers as it takes",
            };
            tracing::debug!(to = %self.at, ?state, reason, "subscription");
        }
        let is_full = self.subscriber.state() == SubscribeState::Full;
        if std::mem::replace(&mut self.is_full, is_full) == is_full {
            return;
        }
        if is_full {
            tracing::warn!("{}", full(&feed.status().listening));
        }
        let mut live = feed.live();
        live.counters.is_full = is_full;
        if is_full {
            live.status().state = StreamState::Full;
        } else if self.subscriber.state() != SubscribeState::Watching {
            live.falls_silent();
        }
        drop(live);
        shared.feeds.wake();
    }

    /// Says that pictures are not wanted any more.
    pub(super) fn leave(&mut self, uplink: &mut Uplink<'_>) {
        self.subscriber.leave();
        while let SubscribeOutput::Transmit(bytes) = self.subscriber.poll(Instant::now()) {
            uplink.send(self.at, None, bytes);
        }
    }
}

/// The message for a sender that has no place.
pub(crate) fn full(whom: &str) -> String {
    format!(
        "{whom} is full: it has as many viewers as it may; it is shown when one of them leaves. To let in more, give the \
         sender a larger --max-viewers"
    )
}

/// Where a datagram says what it is.
const KIND_AT: usize = 3;
const HELLO: u8 = 3;
/// With more addresses than a computer has, many are made up.
const FEW: usize = 8;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_sender_is_asked_where_it_went_and_else_wherever_it_says_it_is() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let [one, two, other] = ["10.0.0.1:9001", "172.17.0.1:9001", "10.0.0.1:40000"].map(at);
        let target = Target::new(&[one, at("[fe80::1%2]:9001"), two]);
        let mut subscription = Subscription::new(target.clone());
        let t0 = subscription.since;
        let millis = |millis| t0 + Duration::from_millis(millis);
        let goes_to = |subscription: &mut Subscription, now| {
            subscription.go_on_elsewhere(now);
            subscription.at
        };
        assert_eq!(
            [0, 700, 900, 1600, 1800].map(|at| goes_to(&mut subscription, millis(at))),
            [one, one, two, two, one]
        );
        // Where it is heard it subscribes for as long as it is there, whichever address seems better.
        subscription.take_in(one, b"", millis(1900));
        target.move_to(&[two, one]);
        assert_eq!(goes_to(&mut subscription, millis(3800)), one);
        target.move_to(&[]);
        assert_eq!(goes_to(&mut subscription, millis(3800)), one);
        target.move_to(&[other]);
        assert_eq!(goes_to(&mut subscription, millis(3800)), other);
        assert_eq!(goes_to(&mut subscription, millis(99_000)), other, "there is no other");
    }

    #[test]
    fn a_sender_that_falls_silent_is_asked_at_its_addresses_in_turn() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let [one, two] = ["10.0.0.1:9001", "10.0.0.50:9001"].map(at);
        let mut subscription = Subscription::new(Target::new(&[one, two]));
        let t0 = subscription.since;
        let millis = |millis| t0 + Duration::from_millis(millis);
        let goes_to = |subscription: &mut Subscription, at| {
            subscription.go_on_elsewhere(millis(at));
            subscription.at
        };
        subscription.take_in(one, b"", millis(100));
        let times = [2000, 2200, 2400, 2600, 2800, 3000];
        assert_eq!(times.map(|at| goes_to(&mut subscription, at)), [one, two, two, one, one, two]);
        subscription.take_in(two, b"", millis(3100));
        assert_eq!([5000, 5200].map(|at| goes_to(&mut subscription, at)), [two, one]);
    }

    #[test]
    fn what_is_heard_outweighs_what_is_announced() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let [own, liar] = ["10.0.0.1:9001", "10.0.0.66:9001"].map(at);
        let target = Target::new(&[own]);
        let mut subscription = Subscription::new(target.clone());
        let t0 = subscription.since;
        let millis = |millis| t0 + Duration::from_millis(millis);
        target.move_to(&[liar]);
        // For as long as it is heard, it stays.
        for now in (0..10_000).step_by(200) {
            assert_eq!(subscription.take_in(own, b"", millis(now)), Incoming::Stream);
            subscription.go_on_elsewhere(millis(now));
            assert_eq!(subscription.at, own, "{now}");
        }
        assert_eq!(subscription.take_in(liar, b"", millis(10_000)), Incoming::Foreign);
        // It falls silent, and it is sought where it is announced; what the liar says is taken for its own.
        subscription.go_on_elsewhere(millis(11_000));
        assert_eq!(subscription.at, liar);
        assert_eq!(subscription.take_in(liar, b"", millis(11_100)), Incoming::Stream);
        // But it has not moved.
        assert_eq!(subscription.take_in(own, b"", millis(20_000)), Incoming::Stream);
        assert_eq!((subscription.at, target.heard()), (own, Some((own, millis(20_000)))));
        assert_eq!(subscription.take_in(liar, b"", millis(20_000)), Incoming::Foreign);
        subscription.go_on_elsewhere(millis(20_500));
        assert_eq!(subscription.at, own);
        subscription.go_on_elsewhere(millis(21_500));
        assert_eq!(subscription.at, liar, "it is silent again");
    }
}

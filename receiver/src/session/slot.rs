//! One sender's place at a socket: its stream, and what is remembered of it.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::RateLimiter;
use proto::app::Console;
use proto::names::printable;
use proto::wire::{SourceState, Token};
use proto::{DatagramCounts, Delivery, Outcome, RecvEvent, RecvOutput, SessionId, jpeg};

use super::frame_interval::Interval;
use super::identity::{Candidate, Match};
use super::sender_history::SenderHistory;
use super::shared::Shared;
use super::standing::Standing;
use super::stream::{Stream, StreamConfig};
use crate::decode::Enqueue;
use crate::feed::{Agreement, Delays, Feed, Feeds, Signal};
use crate::frame::Received;
use crate::net::{QUIET, ReceiveSocket};
use crate::ration::Ration;

/// Where a datagram came from, and the address of this computer that it was sent to.
pub(super) type Addresses = (SocketAddr, Option<IpAddr>);

/// A place for one sender.
pub(super) struct SenderSlot {
    pub(super) feed: Arc<Feed>,
    stream: Stream,
    /// Who had it, one after the other.
    history: SenderHistory,
    standing: Standing,
    /// Whether any frame of this session was a picture.
    has_pictures: bool,
    delays: Delays,
    interval: Interval,
    /// When a datagram of its sender last came; `None` while it is known to be silent.
    heard: Option<Instant>,
    silence: Silence,
    others: RateLimiter,
    /// What may be said of what its sender does.
    ration: Ration,
    /// Datagrams that never came to the stream.
    aside: DatagramCounts,
    /// When the sender is to be told next what was dropped here.
    drops: Instant,
    /// The address of this computer that it sends to.
    sent_to: Option<IpAddr>,
    /// When its session began.
    begun: Instant,
    /// Whether it was said that its frames go to no output.
    is_said_of_outputs: bool,
}

/// A time without a sender.
struct Silence {
    since: Instant,
    join_again: Instant,
}

impl Silence {
    fn begin(now: Instant) -> Self {
        Self { since: now, join_again: now + JOIN_OFTEN }
    }

    /// Often at first, when somebody misses the picture; seldom later.
    fn is_time_to_join_again(&mut self, now: Instant) -> bool {
        let is_time = self.join_again <= now;
        if is_time {
            let is_long = now.saturating_duration_since(self.since) > LONG;
            self.join_again = now + if is_long { JOIN_SELDOM } else { JOIN_OFTEN };
        }
        is_time
    }
}

impl SenderSlot {
    pub(super) fn new(feed: Arc<Feed>, config: StreamConfig) -> Self {
        let now = Instant::now();
        Self {
            feed,
            stream: Stream::new(config),
            history: SenderHistory::default(),
            standing: Standing::default(),
            has_pictures: false,
            delays: Delays::new(),
            interval: Interval::default(),
            heard: None,
            silence: Silence::begin(now),
            others: RateLimiter::new(SPEAK_EVERY),
            ration: Ration::new(now),
            aside: DatagramCounts::default(),
            drops: now,
            sent_to: None,
            begun: now,
            is_said_of_outputs: false,
        }
    }

    /// Whether it is the place of whoever sends from there.
    pub(super) fn is_of(&self, source: SocketAddr) -> bool {
        self.stream.holder().is_some_and(|(holder, _)| holder == source)
    }

    /// When a datagram of its sender last came; `None` while it is known to be silent.
    pub(super) fn heard(&self) -> Option<Instant> {
        self.heard
    }

    /// Whether somebody has it who has had time for a picture, and has sent whatever else.
    pub(super) fn shows_nothing(&self, now: Instant) -> bool {
        !self.has_pictures && now.saturating_duration_since(self.begun) > TIME_FOR_A_PICTURE
    }

    /// Takes it from whoever has it.
    pub(super) fn release(&mut self, now: Instant) {
        self.stream.release(now);
    }

    /// Whether anybody may have it now.
    pub(super) fn is_free(&self, now: Instant) -> bool {
        self.stream.is_free(now)
    }

    /// How like a newcomer is to whoever has it, or had it last.
    pub(super) fn matched(&self, candidate: &Candidate<'_>) -> Match {
        let held = self.stream.holder().map(|(_, session)| session);
        let is_held = candidate.session.is_some_and(|session| held == Some(session));
        if is_held { Match::Same } else { self.history.matched(candidate) }
    }

    /// Takes in a datagram.
    #[inline]
    pub(super) fn take_in(
        &mut self,
        &(from, to): &Addresses,
        datagram: &mut [u8],
        arrived: Instant,
        shared: &Shared,
        now: Instant,
    ) -> Outcome {
        let outcome = self.stream.handle_datagram_arrived(from, datagram, arrived, now);
        if matches!(outcome, Outcome::Accepted | Outcome::Control) {
            self.heard = Some(now);
            self.sent_to = to;
        }
        while let Some(event) = self.stream.next_event() {
            if matches!(event, RecvEvent::Delivered(_)) {
                self.delays.set(self.stream.clock(now));
            }
            self.handle(event, shared);
        }
        outcome
    }

    /// Whether a datagram that ended so is one that this place is there for.
    #[inline]
    pub(super) fn was_of_use(&mut self, outcome: Outcome, now: Instant) -> bool {
        let is_ours =
            matches!(outcome, Outcome::Accepted | Outcome::Control | Outcome::Spare | Outcome::Duplicate);
        is_ours && self.standing.heard(self.stream.holder(), now)
    }

    /// Who is to be heard whatever else comes: where it sends from, and its session.
    pub(super) fn favoured(&self, now: Instant) -> Option<(SocketAddr, SessionId)> {
        self.standing.favoured(now)
    }

    /// Counts a datagram that is not for the stream.
    pub(super) fn count_aside(&mut self, outcome: Outcome) {
        self.aside.add(outcome);
    }

    /// Notes what an ask was answered: its token is that of reports, too.
    pub(super) fn told_token(&mut self, from: SocketAddr, token: Option<Token>, now: Instant) {
        if let Some(token) = token {
            self.stream.told_token(from, token, now);
        }
        self.count_aside(Outcome::Control);
    }

    /// Sees to what happened and sends what is to be said to the sender; returns when there is more to do.
    pub(super) fn drain(
        &mut self,
        socket: &mut ReceiveSocket,
        shared: &Shared,
        now: Instant,
    ) -> Option<Instant> {
        loop {
            match self.stream.poll(now) {
                RecvOutput::Wait(until) => return until,
                RecvOutput::Event(event) => self.handle(event, shared),
                RecvOutput::Transmit { to, bytes } => {
                    // What cannot be said now is said with the next report.
                    let _ = socket.send(to, self.sent_to, bytes);
                }
            }
        }
    }

    /// When it has to be looked after, whatever comes.
    pub(super) fn next_look(&self, socket: &ReceiveSocket) -> Option<Instant> {
        match self.heard {
            Some(heard) => Some(heard + QUIET),
            None => socket.is_joined().then_some(self.silence.join_again),
        }
    }

    /// Gives up what is overdue, and notices that the sender is silent.
    pub(super) fn handle_timeout(&mut self, socket: &mut ReceiveSocket, feeds: &Feeds, now: Instant) {
        self.stream.handle_timeout(now);
        if self.heard.is_some_and(|heard| heard + QUIET <= now) {
            self.begin_silence(now);
            self.feed.note(Signal::Silent);
            feeds.wake();
        }
        if self.heard.is_none() && self.silence.is_time_to_join_again(now) {
            socket.join_again();
        }
    }

    /// Has the reports say what was dropped on this computer.
    pub(super) fn note_drops(&mut self, socket: &ReceiveSocket, now: Instant) {
        if self.drops <= now {
            self.drops = now + NOTE_DROPS_EVERY;
            let counters = self.feed.stats.lock();
            let (decode, display) = (counters.undecoded + counters.refused, counters.unshown);
            drop(counters);
            self.stream.set_drops(socket.kernel_dropped(), decode, display);
        }
    }

    /// Brings the statistics up to date.
    pub(super) fn publish(&self) {
        let mut counters = self.feed.stats.lock();
        counters.stream = *self.stream.stats();
        counters.stream.datagrams += self.aside;
    }

    /// Ends the stream: frames still on their way are given up.
    pub(super) fn close(&mut self) {
        self.stream.close();
    }

    /// Nothing comes any more.
    pub(super) fn begin_silence(&mut self, now: Instant) {
        self.heard = None;
        self.silence = Silence::begin(now);
    }

    fn handle(&mut self, event: RecvEvent<SocketAddr>, shared: &Shared) {
        // What comes after the last frame that was wanted never was.
        if shared.enough.is_reached() {
            return;
        }
        match event {
            RecvEvent::Session { source, session } => {
                self.history.begin(source);
                self.delays.reset();
                self.interval = Interval::default();
                (self.begun, self.has_pictures) = (Instant::now(), false);
                self.say(format_args!("receiving from {source}, session {session}"), shared);
                let mut counters = self.feed.stats.lock();
                counters.session = Some(session.to_string());
                counters.source = Some(source.to_string());
                counters.is_over = false;
                drop(counters);
                self.tell(Signal::Source(source), shared);
            }
            RecvEvent::Moved { source } => {
                self.history.move_to(source);
                self.say(format_args!("the sender goes on from {source}"), shared);
                self.feed.stats.lock().source = Some(source.to_string());
                self.tell(Signal::Source(source), shared);
            }
            RecvEvent::Hello { name, state } => {
                self.hear_hello(&printable(&name), state, shared);
                self.history.set_name(name);
            }
            RecvEvent::Goodbye => {
                self.say("the sender has ended the stream; waiting for another", shared);
                self.begin_silence(Instant::now());
                self.feed.stats.lock().is_over = true;
                self.tell(Signal::Ended, shared);
            }
            RecvEvent::Contested { source, what } => self.say(
                format_args!(
                    "somebody speaks in the name of {source}: {what}; if no two senders share this address, its \
                     datagrams are forged"
                ),
                shared,
            ),
            RecvEvent::Delivered(delivery) => self.deliver(delivery, shared),
            RecvEvent::Lost(_) => {}
        }
    }

    fn hear_hello(&mut self, name: &str, state: SourceState, shared: &Shared) {
        let is_gone = state == SourceState::Gone;
        let mut counters = self.feed.stats.lock();
        name.clone_into(&mut counters.name);
        counters.is_over = is_gone;
        drop(counters);
        if is_gone {
            self.say("the sender's source is gone; it waits for it to come back", shared);
        }
        self.feed.recorder.set_name(name);
        self.feed.note(Signal::Name(name.to_owned()));
        self.tell(if is_gone { Signal::SourceGone } else { Signal::SourceBack }, shared);
    }

    fn deliver(&mut self, delivery: Delivery, shared: &Shared) {
        let Delivery { id, frame, first, last, .. } = delivery;
        self.standing.showed(self.stream.holder());
        self.has_pictures = self.has_pictures || jpeg::scan_head(&frame.jpeg).is_ok();
        shared.enough.one_more();
        if let Some(interval) = self.interval.learn(id, frame.captured) {
            self.feed.set_interval(interval);
        }
        let transit = self.delays.learn(frame.captured, last);
        let mut counters = self.feed.stats.lock();
        counters.reassemble.add(last - first);
        // Absolute delays and relative ones are not counted together, and a sender's clock is known after a moment.
        let agreement = self.delays.agreement();
        if agreement == Agreement::Shared || self.begun.elapsed() > CLOCK_KNOWN_WITHIN {
            if counters.clock != agreement {
                counters.forget_delays(agreement);
            }
            counters.transit.add(transit);
        }
        if let Some(error) = self.delays.error() {
            counters.clock_error.add(error);
        }
        drop(counters);
        if self.feed.number() == 0 {
            shared.feeds.show(&self.feed);
        }
        self.speak_of_outputs(shared);
        self.feed.goes_live();
        let received = Received { id, sender: self.history.pictured(), frame };
        self.feed.recorder.offer(&received);
        if let Some(newest) = &self.feed.newest {
            let now = Instant::now();
            let captured = now.checked_sub(self.delays.since(received.frame.captured, now)).unwrap_or(now);
            newest.put(id.get().into(), received.frame.clone(), captured);
        }
        if let Some(outputs) = self.feed.outputs() {
            outputs.offer(&received);
        }
        match shared.decoding.offer(&self.feed, received, self.delays) {
            Enqueue::Displaced => self.feed.stats.lock().undecoded += 1,
            Enqueue::Hidden => self.feed.stats.lock().hidden += 1,
            Enqueue::Taken | Enqueue::Unwanted => {}
        }
    }

    /// Says what the sender does, if it does not do it all the time.
    fn say(&mut self, text: impl Display, shared: &Shared) {
        if self.ration.take(Instant::now()) {
            shared.console.say(text);
        }
    }

    fn tell(&self, signal: Signal, shared: &Shared) {
        self.feed.note(signal);
        shared.feeds.wake();
    }

    /// Says, once, that only the first sender's frames go to the outputs, where somebody may think that all do.
    fn speak_of_outputs(&mut self, shared: &Shared) {
        if !self.is_said_of_outputs && self.feed.number() > 1 {
            self.is_said_of_outputs = true;
            let source = self.feed.stats.lock().source.clone().filter(|_| !shared.outputs.is_empty());
            if let Some(source) = source {
                shared.console.warn(format_args!(
                    "--output takes the first sender's frames, and none from {source}; record those with r in the window, \
                     or by a receiver of their own"
                ));
            }
        }
    }

    /// Says that somebody else sends here too.
    pub(super) fn speak_of_other(&mut self, from: SocketAddr, console: &Console, now: Instant) {
        if self.others.is_due(now) {
            console.warn(format_args!(
                "{from} also sends here and is not shown; give each sender a port or group of its own"
            ));
        }
    }
}

/// Whoever has a place and no picture for so long gives it up, if somebody else wants it and there is no other.
const TIME_FOR_A_PICTURE: Duration = Duration::from_secs(2);
/// No report is sent much more often; each time costs a system call.
const NOTE_DROPS_EVERY: Duration = Duration::from_millis(100);
/// After so long without it, the sender's clock is not going to be known.
const CLOCK_KNOWN_WITHIN: Duration = Duration::from_secs(1);
/// How soon after a cable is in again a group's picture is back.
const JOIN_OFTEN: Duration = Duration::from_millis(500);
const JOIN_SELDOM: Duration = Duration::from_secs(10);
/// A silence in which nobody waits for the picture to come back.
const LONG: Duration = Duration::from_secs(60);
/// Often enough to be seen, rarely enough to be read.
const SPEAK_EVERY: Duration = Duration::from_secs(10);

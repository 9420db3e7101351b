//! Whom a receiving stream listens to, and what the sender says of itself and of its session.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use super::super::admission::Admits;
use super::super::announced::Announced;
use super::super::output::{Contest, RecvEvent};
use super::super::reassemble::arrival::Arrival;
use super::{HelloState, LossSink, RecvStream};
use crate::frame::MediaTime;
use crate::seq::{FrameId, PartId, SessionId};
use crate::stats::Outcome;
use crate::wire::{Body, Datagram, Header, Hello};

impl<S: Copy + Debug + Eq> RecvStream<S> {
    pub(super) fn admit(
        &mut self,
        source: S,
        datagram: &Datagram<'_>,
        arrived: Instant,
        now: Instant,
    ) -> Outcome {
        let session = datagram.header.session;
        // Only a hello or a chunk begins a session.
        let begins = matches!(datagram.body, Body::Data { .. } | Body::Parity { .. } | Body::Hello(_));
        if !begins && !self.lock.is_held_by(source, session) {
            let is_said_by_senders = matches!(datagram.body, Body::Goodbye | Body::Pong(_) | Body::Gone);
            return if is_said_by_senders { Outcome::Late } else { Outcome::Unknown };
        }
        // Nearly always nothing is requested.
        let is_settled = self.lock.is_held_by(source, session) && self.lock.leaves().is_none();
        let is_news = !is_settled && self.is_news(datagram, now);
        let admission = self.lock.admit(source, session, is_news, now);
        if let Some(outcome) = self.follow(admission, source, session, now) {
            return outcome;
        }
        self.feedback.heard(now);
        let header = &datagram.header;
        match datagram.body {
            Body::Data { geometry, chunk, again } => {
                self.chunk(&Arrival { header, geometry, chunk, again, parity: None, arrived, now })
            }
            Body::Parity { geometry, index, checksum, chunk } => {
                let parity = Some((index, checksum));
                self.chunk(&Arrival { header, geometry, chunk, again: false, parity, arrived, now })
            }
            Body::Hello(hello) => {
                self.feedback.invited(hello.invitation, now);
                self.note_announced(header.frame);
                if self.is_later(header.captured, now) {
                    self.greeted = Some((header.captured, now));
                    self.lock.said_hello(now);
                }
                self.take_back(header, source, now);
                let group = hello.invitation.filter(|invitation| invitation.is_group);
                self.nacks.set_group(group.map(|invitation| invitation.viewers));
                self.hear(hello);
                Outcome::Control
            }
            Body::Goodbye => {
                self.lock.said_goodbye(now);
                Outcome::Control
            }
            Body::Pong(pong) => {
                let jumps = self.feedback.clock_jumps();
                if let Some(took) = self.feedback.answered(&pong, header.captured, now) {
                    self.nacks.answered(took);
                    self.stats.answers += 1;
                }
                let jumps = self.feedback.clock_jumps() - jumps;
                self.stats.clock_jumps += jumps;
                if jumps > 0 {
                    tell_jump(&source);
                }
                Outcome::Control
            }
            Body::Gone => {
                let id = header.part_id();
                let slots = self.reassembler.slots_mut().iter_mut();
                let slot = slots.filter(|slot| slot.id == id).map(|slot| &mut slot.nack.gone).next();
                if let Some(gone) = slot {
                    *gone = true;
                    tell_gone(&source, id);
                } else if let Some(absent) =
                    self.reassembler.absent_mut().iter_mut().find(|absent| absent.id == id)
                {
                    absent.gone = true;
                    tell_gone(&source, id);
                }
                Outcome::Control
            }
            // What receivers say to senders.
            Body::Report(_)
            | Body::Resend(_)
            | Body::Ping(_)
            | Body::Subscribe(_)
            | Body::SubscribeReply(_)
            | Body::Unknown => Outcome::Unknown,
        }
    }

    /// Whether a hello was sent after the last one. One that is played back is no sign of life, and one that claims to
    /// be of the time to come does not make the next ones old.
    fn is_later(&self, captured: MediaTime, now: Instant) -> bool {
        self.greeted.is_none_or(|(sent, came)| {
            let passed = now.saturating_duration_since(came);
            let most = (passed + MOST_EARLY).as_micros() as i64;
            passed > MOST_UNGREETED || (1..=most).contains(&captured.micros_since(sent))
        })
    }

    /// Whether a datagram shows that its session goes on: of the present one a hello, or a frame that was not known; of
    /// one before, which other datagrams of it may have been overtaken by, a hello that was sent since.
    fn is_news(&self, datagram: &Datagram<'_>, now: Instant) -> bool {
        let Header { session, frame, captured, .. } = datagram.header;
        let is_present = self.session == Some(session);
        match datagram.body {
            Body::Hello(_) if is_present => true,
            Body::Hello(_) => {
                let heard = self.heard.iter().find(|heard| heard.session == session);
                heard.and_then(|heard| heard.greeted).is_none_or(|(sent, came)| {
                    let since = now.saturating_duration_since(came).saturating_sub(MOST_OVERTAKEN);
                    captured.as_micros() >= sent.as_micros().saturating_add(since.as_micros() as u64)
                })
            }
            Body::Data { .. } | Body::Parity { .. } => {
                is_present && self.reassembler.newest().is_none_or(|known| frame.is_newer_than(known))
            }
            _ => false,
        }
    }

    /// A hello says which frame comes next: so many were begun since the last one.
    fn note_announced(&mut self, next: FrameId) {
        let before = self.announced.next.replace(next).unwrap_or(next);
        self.stats.announced += u64::from(next.ahead_of(before).clamp(0, MOST_ANNOUNCED).unsigned_abs());
    }

    /// What is known of frames that a hello says are still to come was not the sender's.
    fn take_back(&mut self, header: &Header, source: S, now: Instant) {
        let next = header.frame;
        let newest = self.reassembler.furthest_from(next);
        if self.announced.takes_back(header.captured, next, newest, now) {
            let mut losses =
                LossSink { events: &mut self.events, stats: &mut self.stats, feedback: &mut self.feedback };
            self.reassembler.take_back(next, now, |loss| losses.add(loss));
            self.contest(Contest::Frames, source, now);
        }
    }

    /// Ends the session of a sender that said goodbye and nothing since.
    pub(super) fn end_if_left(&mut self, now: Instant) {
        if self.lock.free_if_left(now) {
            self.reset(None);
            self.events.push_back(RecvEvent::Goodbye);
        }
    }

    fn hear(&mut self, hello: Hello<'_>) {
        let known = &mut self.hello;
        // An interval that the sender learns changes a little with every hello: that is no news.
        let is_known = hello.interval.is_none() || known.interval.is_some();
        known.interval = hello.interval;
        let before = (known.state, known.signer, known.capture_error, known.name.as_str());
        let now = (hello.state, hello.signer, hello.capture_error, hello.name);
        if !known.is_heard || !is_known || before != now {
            hello.name.clone_into(&mut known.name);
            (known.state, known.signer, known.capture_error) =
                (hello.state, hello.signer, hello.capture_error);
            (known.is_heard, known.is_told) = (true, false);
        }
        self.tell_hello();
    }

    /// Says what the sender is, if that is news. Nobody is named before it is introduced.
    pub(super) fn tell_hello(&mut self) {
        if !self.pending.is_there() && self.hello.is_heard && !self.hello.is_told {
            self.hello.is_told = true;
            let HelloState { name, state, interval, signer, capture_error, .. } = &self.hello;
            self.events.push_back(RecvEvent::Hello {
                name: name.clone(),
                state: *state,
                interval: *interval,
                signer: *signer,
                capture_error: *capture_error,
            });
        }
    }
}

impl<S: Copy + Debug + Eq> Admits<S> for RecvStream<S> {
    fn begin(&mut self, source: S, session: SessionId) {
        let heard_before = self.heard.iter().find(|heard| heard.session == session);
        let heard_before = heard_before.and_then(|heard| heard.newest);
        self.reset(heard_before);
        self.feedback.begin(session);
        self.nacks.forget_path();
        self.session = Some(session);
        (self.hello.is_heard, self.hello.is_told) = (false, false);
        self.announced = Announced::default();
        self.pending.begin(source, session);
        self.introduce();
    }

    fn go_on_from(&mut self, source: S) {
        self.events.extend(self.pending.go_on_from(source));
    }

    fn introduce(&mut self) {
        if let Some(begun) = self.pending.introduce(&self.lock) {
            self.stats.sessions += 1;
            self.events.push_back(begun);
            self.tell_hello();
        }
    }

    fn contest(&mut self, what: Contest, source: S, now: Instant) {
        self.contested.note(what, source, now, &mut self.stats, &mut self.events);
    }
}

// In line, these would cost each datagram a few instructions.
#[cold]
fn tell_gone<S: Debug>(source: &S, frame: PartId) {
    let reason = "the sender does not keep it any more";
    tracing::debug!(from = ?source, %frame, reason, "retransmission given up");
}

#[cold]
fn tell_jump<S: Debug>(source: &S) {
    tracing::debug!(from = ?source, reason = "it contradicts what was known", "the sender's clock jumped");
}

/// Hellos of a session before that come later behind what was sent with them are taken for new ones.
const MOST_OVERTAKEN: Duration = Duration::from_millis(100);
/// A hello may be delayed by so much more than the next.
const MOST_EARLY: Duration = Duration::from_millis(300);
/// After so long without one any hello is taken for the last one: longer than a silence after which the lock is free.
const MOST_UNGREETED: Duration = Duration::from_secs(1);
/// No sender begins more frames between two hellos.
const MOST_ANNOUNCED: i32 = 1000;

//! A receiving stream: datagrams in, frames and feedback out.

mod admit;
mod talk;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt::Debug;
use std::time::{Duration, Instant};

use super::admission::{Admits, Contested};
use super::announced::Announced;
use super::clock::ClockReading;
use super::config::RecvConfig;
use super::nack::NackScheduler;
use super::output::{RecvEvent, RecvOutput};
use super::pending::PendingSession;
use super::reassemble::arrival::Arrival;
use super::reassemble::slot::{ChunkOutcome, Slot};
use super::reassemble::{Loss, Reassembler, RepairedBy};
use super::report::Feedback;
use super::source_lock::SourceLock;
use crate::frame::MediaTime;
use crate::seq::{FrameId, PartId, SessionId};
use crate::stats::{Outcome, RecvStats};
use crate::wire::{Datagram, Signer, SourceState, Token, WireError};

/// The receiving end of a stream: one sender at a time, its datagrams in and its frames out.
///
/// Feed it with [`handle_datagram`](Self::handle_datagram) and [`handle_timeout`](Self::handle_timeout), and after
/// each drain [`poll`](Self::poll) until it says to wait. It knows no addresses: a source is whatever the shell tells
/// datagrams apart by, and is only compared.
#[derive(Debug)]
pub struct RecvStream<S> {
    config: RecvConfig,
    lock: SourceLock<S>,
    reassembler: Reassembler,
    nacks: NackScheduler,
    /// When the last chunk was read.
    fed: Option<Instant>,
    /// All that had arrived by then was taken in: what is missing since may only be unread.
    read_up_to: Option<Instant>,
    feedback: Feedback,
    events: VecDeque<RecvEvent<S>>,
    stats: RecvStats,
    hello: HelloState,
    session: Option<SessionId>,
    /// Sessions that were heard before.
    heard: VecDeque<PastSession>,
    /// The last hello of this one: when it was sent, by the sender's clock, and when it came.
    greeted: Option<(MediaTime, Instant)>,
    /// A session of which only one datagram has come.
    pending: PendingSession<S>,
    /// What the sender's last hello said of its frames.
    announced: Announced,
    contested: Contested,
}

/// What is remembered of a session after another took the lock.
#[derive(Debug)]
struct PastSession {
    session: SessionId,
    /// The newest frame known of it: it shows nothing twice.
    newest: Option<FrameId>,
    greeted: Option<(MediaTime, Instant)>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct HelloState {
    name: String,
    state: SourceState,
    interval: Option<Duration>,
    signer: Option<Signer>,
    capture_error: Option<Duration>,
    /// Whether the session has said hello.
    is_heard: bool,
    /// Whether this was told as an event.
    is_told: bool,
}

impl<S: Copy + Debug + Eq> RecvStream<S> {
    /// A stream that has heard nothing yet.
    pub fn new(config: RecvConfig) -> Self {
        Self {
            config,
            lock: SourceLock::new(),
            reassembler: Reassembler::new(config.deadline),
            nacks: NackScheduler::new(config.seed),
            fed: None,
            read_up_to: None,
            feedback: Feedback::new(!config.resend, config.seed),
            events: VecDeque::with_capacity(EVENTS),
            stats: RecvStats::default(),
            hello: HelloState::default(),
            session: None,
            heard: VecDeque::with_capacity(MOST_HEARD),
            greeted: None,
            pending: PendingSession::nobody(),
            announced: Announced::default(),
            contested: Contested::default(),
        }
    }

    /// Takes in one datagram, whatever it is, and says how it ended.
    pub fn handle_datagram(&mut self, source: S, datagram: &mut [u8], now: Instant) -> Outcome {
        self.handle_datagram_arrived(source, datagram, now, now)
    }

    /// The same, of a datagram that reached this computer at `arrived` and is read at `now`: the system knows the first
    /// better than whoever was woken by it, and the path is judged by it.
    pub fn handle_datagram_arrived(
        &mut self,
        source: S,
        datagram: &mut [u8],
        arrived: Instant,
        now: Instant,
    ) -> Outcome {
        self.read_up_to = Some(now);
        self.end_if_left(now);
        let outcome = match Datagram::parse(datagram) {
            Ok(datagram) => self.admit(source, &datagram, arrived, now),
            Err(WireError::Checksum) => Outcome::BadChecksum,
            Err(WireError::Version(_)) => Outcome::Unknown,
            Err(_) => Outcome::Malformed,
        };
        self.stats.datagrams.add(outcome);
        outcome
    }

    /// Gives up what has passed its deadline, and believes a goodbye that nothing followed. All that had arrived by
    /// `now` was taken in before: nothing is given up or requested that only waits to be read.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.read_up_to = Some(now);
        self.end_if_left(now);
        // A session of one datagram so far has no frame to give up yet.
        if self.pending.is_there() {
            return;
        }
        let mut losses =
            LossSink { events: &mut self.events, stats: &mut self.stats, feedback: &mut self.feedback };
        self.reassembler.handle_timeout(now, |loss| losses.add(loss));
        self.note_trains(now);
    }

    /// What happened next, if something did: what [`poll`](Self::poll) would say first, for a shell that cannot send
    /// just now.
    pub fn next_event(&mut self) -> Option<RecvEvent<S>> {
        self.events.pop_front()
    }

    /// What happened next, oldest first; then what is to be sent; then, how long there is nothing to do. Call it until
    /// it says `Wait`. `handle_datagram`, `handle_timeout` and time change its answer.
    #[must_use]
    pub fn poll(&mut self, now: Instant) -> RecvOutput<'_, S> {
        if let Some(event) = self.events.pop_front() {
            return RecvOutput::Event(event);
        }
        if self.pending.is_there() {
            return RecvOutput::Wait(None);
        }
        let deadline = [self.reassembler.next_deadline(), self.lock.leaves()].into_iter().flatten().min();
        let is_told = self.config.feedback && self.lock.is_established();
        let Some((to, _)) = self.lock.holder().filter(|_| is_told) else {
            return RecvOutput::Wait(deadline);
        };
        if self.say(now) {
            return RecvOutput::Transmit { to, bytes: self.feedback.datagram() };
        }
        let next = [deadline, self.feedback.next_due(), self.next_look()];
        RecvOutput::Wait(next.into_iter().flatten().min())
    }

    /// The sender's clock, as far as it is known.
    pub fn clock(&self, now: Instant) -> Option<ClockReading> {
        self.feedback.clock(now)
    }

    /// Notes what was dropped on this computer, since the program began, for the sender to know: datagrams by the
    /// system, frames that were not decoded, pictures that were not shown.
    pub fn set_drops(&mut self, kernel: u64, decode: u64, display: u64) {
        self.feedback.set_drops(kernel, decode, display);
    }

    /// Notes that the sender told a token otherwise than by a pong: by a
    /// [`SubscribeReply`](crate::wire::SubscribeReply), which it gives to who has shown a wrong one. What was shown
    /// with reports is wrong then, too.
    pub fn told_token(&mut self, source: S, token: Token, now: Instant) {
        if self.lock.holder().is_some_and(|(holder, _)| holder == source) {
            self.feedback.told_token(token, now);
        }
    }

    /// How far datagrams of one frame were seen to overtake each other of late, and a little more; a millisecond if
    /// they come in order.
    pub fn reordering(&self) -> Duration {
        self.nacks.guard()
    }

    /// Whether another source may take the lock now: nobody holds it, or its holder gave no sign of life for
    /// [`SILENCE`](crate::SILENCE). A shell that shows several senders checks this before it makes a slot for one more.
    pub fn is_free(&self, now: Instant) -> bool {
        self.lock.is_free(now)
    }

    /// The holder's source and session, also if a single datagram of it has come so far; `None` before the first and
    /// after a goodbye.
    pub fn holder(&self) -> Option<(S, SessionId)> {
        self.lock.holder()
    }

    /// When anything last came of the holder; `None` if there is none.
    pub fn last_heard(&self) -> Option<Instant> {
        self.lock.last_heard()
    }

    /// Takes the lock from its holder: a shell without another slot gives this one to a sender that waits.
    pub fn release(&mut self, now: Instant) {
        self.reset(None);
        self.lock.release(now);
    }

    /// Ends the stream: frames still on their way are given up.
    pub fn close(&mut self) {
        self.reset(None);
    }

    /// What was counted so far.
    pub fn stats(&self) -> &RecvStats {
        &self.stats
    }

    fn chunk(&mut self, arrival: &Arrival<'_>) -> Outcome {
        // Of what is read at once nothing came after a pause.
        let is_first = self.fed.replace(arrival.now) != Some(arrival.now);
        let same = |slot: &&Slot| slot.id == arrival.header.part_id();
        let before = self.reassembler.slots().iter().find(|slot| is_first && same(slot));
        let before = before.map(|slot| slot.train.last);
        let behind = self.part_before(arrival.header.part_id());
        let mut losses =
            LossSink { events: &mut self.events, stats: &mut self.stats, feedback: &mut self.feedback };
        let accepted = self.reassembler.accept(arrival, |loss| losses.add(loss));
        match (accepted.stored, before) {
            (Some(ChunkOutcome::New), None) | (None, _) => {}
            (Some(ChunkOutcome::New), Some(last)) => {
                self.nacks.learn(ChunkOutcome::New, arrival.now.saturating_duration_since(last));
            }
            (Some(stored), _) => self.nacks.learn(stored, Duration::ZERO),
        }
        if let (Some(ChunkOutcome::New), Some(last)) = (accepted.stored, behind) {
            self.nacks.learn_between_parts(arrival.now.saturating_duration_since(last));
        }
        // Nobody has been told of a session of which only this has come.
        if let Some(part) = accepted.part.filter(|_| !self.pending.is_there()) {
            self.events.push_back(RecvEvent::Part(part));
        }
        if let Some(delivery) = accepted.delivery {
            self.lock.completed(arrival.now);
            self.introduce();
            self.stats.delivered += 1;
            self.stats.delivered_bytes += delivery.frame.jpeg.len() as u64;
            self.stats.unseen += u64::from(delivery.unseen);
            match delivery.repair {
                Some(RepairedBy::Parity) => self.stats.repair.by_parity += 1,
                Some(RepairedBy::Retransmission) => self.stats.repair.by_resend += 1,
                None => {}
            }
            self.feedback.delivered(&delivery);
            self.nacks.frame_ended(delivery.spacing);
            self.events.push_back(RecvEvent::Delivered(delivery));
        }
        self.note_trains(arrival.now);
        accepted.outcome
    }

    /// When the last datagram came of the part before this one, if nothing of this one has come.
    fn part_before(&self, id: PartId) -> Option<Instant> {
        let before = PartId { part: id.part.checked_sub(1)?, ..id };
        let slots = self.reassembler.slots();
        if slots.iter().any(|slot| slot.id == id) {
            return None;
        }
        slots.iter().find(|slot| slot.id == before).map(|slot| slot.train.last)
    }

    /// Ends the session. What one of a single datagram brought is not counted as lost: nobody knows of it.
    fn reset(&mut self, floor: Option<FrameId>) {
        let is_known = !self.pending.forget();
        let mut losses =
            LossSink { events: &mut self.events, stats: &mut self.stats, feedback: &mut self.feedback };
        let newest = self.reassembler.reset(floor, |loss| {
            if is_known {
                losses.add(loss);
            }
        });
        let greeted = self.greeted.take();
        if let (Some(session), true) = (self.session.take(), is_known) {
            self.heard.retain(|heard| heard.session != session);
            if self.heard.len() == MOST_HEARD {
                self.heard.pop_front();
            }
            self.heard.push_back(PastSession { session, newest, greeted });
        }
    }
}

/// Where losses go: the event and the counters come from the same value.
struct LossSink<'a, S> {
    events: &'a mut VecDeque<RecvEvent<S>>,
    stats: &'a mut RecvStats,
    feedback: &'a mut Feedback,
}

impl<S> LossSink<'_, S> {
    fn add(&mut self, loss: Loss) {
        self.stats.lost.add(loss.reason);
        self.feedback.lost();
        self.stats.datagrams.missing += u64::from(loss.missing);
        self.events.push_back(RecvEvent::Lost(loss));
    }
}

/// Sessions remembered after their end.
const MOST_HEARD: usize = 16;
/// Room for events: one datagram makes a delivery and as many losses as there are slots at most.
const EVENTS: usize = 64;

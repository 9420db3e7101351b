//! A receiving RTP stream: packets in, frames out.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt::Debug;
use std::time::{Duration, Instant};

use super::frames::{RtpFrames, Whole};
use super::header::Packet;
use super::rtcp::Rtcp;
use super::sequence::{PacketPlace, Sequence};
use super::timeline::Timeline;
use crate::frame::{Clock, Frame};
use crate::recv::{
    Admits, Contest, Contested, Delivery, Loss, PAUSE, PendingSession, RecvEvent, RecvOutput, SourceLock,
};
use crate::seq::SessionId;
use crate::stats::{Outcome, RecvStats};

/// How a receiver of RTP/JPEG behaves.
#[derive(Clone, Copy, Debug)]
pub struct RtpRecvConfig {
    /// How long after its first packet a frame is given up.
    pub deadline: Duration,
    /// This computer's clock. Timestamps say how far frames are apart; this says when the first of them was captured,
    /// as if it had taken no time to arrive.
    pub clock: Clock,
}

/// The receiving end of an RTP/JPEG stream: one sender at a time, its packets in and its frames out.
///
/// It is fed and drained as a [`RecvStream`](crate::RecvStream) is, and says the same of what happens: a session is one
/// SSRC of one source, frames are numbered as they end, and each datagram ends in one [`Outcome`]. Nothing is sent
/// back, and no sender's clock is known. RTCP among the packets is read for goodbyes.
#[derive(Debug)]
pub struct RtpRecvStream<S> {
    config: RtpRecvConfig,
    lock: SourceLock<S>,
    sequence: Sequence,
    timeline: Timeline,
    frames: RtpFrames,
    /// When a fragment was last taken in.
    fed: Option<Instant>,
    events: VecDeque<RecvEvent<S>>,
    stats: RecvStats,
    /// A session of which only one datagram has come.
    pending: PendingSession<S>,
    contested: Contested,
}

impl<S: Copy + Debug + Eq> RtpRecvStream<S> {
    /// A stream that has heard nothing yet.
    pub fn new(config: RtpRecvConfig) -> Self {
        Self {
            config,
            lock: SourceLock::new(),
            sequence: Sequence::default(),
            timeline: Timeline::default(),
            frames: RtpFrames::new(config.deadline),
            fed: None,
            events: VecDeque::with_capacity(EVENTS),
            stats: RecvStats::default(),
            pending: PendingSession::nobody(),
            contested: Contested::default(),
        }
    }

    /// Takes in one datagram that reached this computer at `arrived` and is read at `now`, whatever it is, and says how
    /// it ended.
    pub fn handle_datagram_arrived(
        &mut self,
        source: S,
        datagram: &[u8],
        arrived: Instant,
        now: Instant,
    ) -> Outcome {
        self.end_if_left(now);
        let outcome = if Rtcp::is_here(datagram) {
            self.hear(source, Rtcp::parse(datagram), now)
        } else {
            match Packet::parse(datagram) {
                Ok(packet) => self.admit(source, &packet, arrived, now),
                Err(error) => match error.not_taken() {
                    Some(why) => {
                        self.stats.not_taken = Some(why);
                        Outcome::Unknown
                    }
                    None => Outcome::Malformed,
                },
            }
        };
        self.stats.datagrams.add(outcome);
        outcome
    }

    /// Gives up what has passed its deadline, and believes a goodbye that nothing followed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.end_if_left(now);
        // A session of one datagram so far has no frame to give up yet.
        if !self.pending.is_there() {
            let mut losses = RtpLossSink { events: &mut self.events, stats: &mut self.stats };
            self.frames.handle_timeout(now, |loss| losses.add(loss));
            self.note_counted();
        }
    }

    /// What happened next, if something did.
    pub fn next_event(&mut self) -> Option<RecvEvent<S>> {
        self.events.pop_front()
    }

    /// What happened next, oldest first; then, how long there is nothing to do. It transmits nothing.
    #[must_use]
    pub fn poll(&mut self, _now: Instant) -> RecvOutput<'_, S> {
        match self.events.pop_front() {
            Some(event) => RecvOutput::Event(event),
            None if self.pending.is_there() => RecvOutput::Wait(None),
            None => {
                let until = [self.frames.next_deadline(), self.lock.leaves()];
                RecvOutput::Wait(until.into_iter().flatten().min())
            }
        }
    }

    /// Whether another source may take the lock now.
    pub fn is_free(&self, now: Instant) -> bool {
        self.lock.is_free(now)
    }

    /// The holder's source and session, also if a single packet of it has come so far.
    pub fn holder(&self) -> Option<(S, SessionId)> {
        self.lock.holder()
    }

    /// When anything last came of the holder; `None` if there is none.
    pub fn last_heard(&self) -> Option<Instant> {
        self.lock.last_heard()
    }

    /// Takes the lock from its holder: a shell without another slot gives this one to a sender that waits.
    pub fn release(&mut self, now: Instant) {
        self.reset();
        self.lock.release(now);
    }

    /// Ends the stream: frames still on their way are given up.
    pub fn close(&mut self) {
        self.reset();
    }

    /// What was counted so far. `repair.arrived` and `repair.missing` are packets of frames that have ended, by their
    /// sequence numbers; what RTP/JPEG does not have is 0.
    pub fn stats(&self) -> &RecvStats {
        &self.stats
    }

    fn admit(&mut self, source: S, packet: &Packet<'_>, arrived: Instant, now: Instant) -> Outcome {
        let session = SessionId::new(packet.rtp.ssrc.into());
        // Of a session before this one no packet is known to be old.
        let is_ours = self.lock.is_held_by(source, session);
        let is_news = !is_ours || self.sequence.is_ahead(packet.rtp.sequence);
        let admission = self.lock.admit(source, session, is_news, now);
        if let Some(outcome) = self.follow(admission, source, session, now) {
            return outcome;
        }
        let is_running = self.fed.is_some_and(|fed| now.saturating_duration_since(fed) < PAUSE);
        let place = match self.sequence.place(packet.rtp.sequence, is_running, now) {
            PacketPlace::At(place) => place,
            PacketPlace::Restart(place) => {
                self.reset();
                place
            }
            PacketPlace::Astray => return Outcome::Contradictory,
        };
        let mut losses = RtpLossSink { events: &mut self.events, stats: &mut self.stats };
        let (outcome, whole) = self.frames.accept(packet, place, now, |loss| losses.add(loss));
        if outcome == Outcome::Accepted {
            self.fed = Some(now);
        }
        if let Some(whole) = whole {
            self.deliver(whole, arrived, now);
        }
        self.note_counted();
        outcome
    }

    fn deliver(&mut self, whole: Whole, arrived: Instant, now: Instant) {
        self.lock.completed(now);
        self.introduce();
        let Whole { id, timestamp, jpeg, first, unseen } = whole;
        self.stats.delivered += 1;
        self.stats.delivered_bytes += jpeg.len() as u64;
        self.stats.unseen += u64::from(unseen);
        let captured = self.timeline.at(timestamp, arrived, &self.config.clock);
        self.events.push_back(RecvEvent::Delivered(Delivery {
            id,
            frame: Frame { captured, jpeg, signature: None },
            first,
            last: now,
            repair: None,
            spacing: None,
            unseen,
        }));
    }

    /// Takes in what is said beside the stream.
    fn hear(&mut self, source: S, rtcp: Option<Rtcp>, now: Instant) -> Outcome {
        let Some(Rtcp { ssrc, is_goodbye }) = rtcp else { return Outcome::Malformed };
        if !self.lock.is_held_by(source, SessionId::new(ssrc.into())) {
            return Outcome::Unknown;
        }
        if is_goodbye {
            self.lock.said_goodbye(now);
        }
        Outcome::Control
    }

    /// Ends the session of a sender that said goodbye and nothing since.
    fn end_if_left(&mut self, now: Instant) {
        if self.lock.free_if_left(now) {
            self.reset();
            self.events.push_back(RecvEvent::Goodbye);
        }
    }

    /// Gives up what is on its way. What a session of a single datagram brought is not counted as lost: nobody knows of
    /// it.
    fn reset(&mut self) {
        let is_known = !self.pending.is_there();
        let mut losses = RtpLossSink { events: &mut self.events, stats: &mut self.stats };
        self.frames.reset(|loss| {
            if is_known {
                losses.add(loss);
            }
        });
    }

    fn note_counted(&mut self) {
        let counted = self.frames.counted();
        (self.stats.repair.arrived, self.stats.repair.missing) = (counted.arrived, counted.missing);
    }
}

impl<S: Copy + Debug + Eq> Admits<S> for RtpRecvStream<S> {
    fn begin(&mut self, source: S, session: SessionId) {
        self.reset();
        (self.sequence, self.timeline, self.fed) = (Sequence::default(), Timeline::default(), None);
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
        }
    }

    fn contest(&mut self, what: Contest, source: S, now: Instant) {
        self.contested.note(what, source, now, &mut self.stats, &mut self.events);
    }
}

/// Where losses go: the event and the counters come from the same value.
struct RtpLossSink<'a, S> {
    events: &'a mut VecDeque<RecvEvent<S>>,
    stats: &'a mut RecvStats,
}

impl<S> RtpLossSink<'_, S> {
    fn add(&mut self, loss: Loss) {
        self.stats.lost.add(loss.reason);
        self.stats.datagrams.missing += u64::from(loss.missing);
        self.events.push_back(RecvEvent::Lost(loss));
    }
}

/// Room for events: one datagram makes a delivery and as many losses as there are slots at most.
const EVENTS: usize = 64;

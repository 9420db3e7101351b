//! Receiver reports: when they are due, and what is in them.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::clock::{ClockFilter, ClockReading, Exchange};
use super::nack::Nack;
use super::proof::Proof;
use super::reassemble::train::TrainReport;
use super::reassemble::{Delivery, RepairedBy};
use crate::frame::MediaTime;
use crate::geometry::MAX_CHUNKS;
use crate::random::Random;
use crate::seq::{FrameId, PartId, SessionId};
use crate::wire::{
    self, Header, Invitation, Kind, Pong, Report, ReportCounts, Resend, SENDS_NO_REQUESTS, TAKES_PARTS,
    Token, TrainEntry, emit_ping,
};

/// What the sender is told of one session, and when.
#[derive(Debug)]
pub(super) struct Feedback {
    session: SessionId,
    invitation: Option<Invitation>,
    sends_no_requests: bool,
    /// What our clock counts from; a ping or report carries it.
    epoch: Option<Instant>,
    /// When something of the sender last came.
    heard: Option<Instant>,
    proof: Proof,
    /// When the next report is due.
    next: Option<Instant>,
    reported: Option<Instant>,
    clock: ClockFilter,
    counts: ReportCounts,
    trains: VecDeque<TrainEntry>,
    random: Random,
    datagram: Vec<u8>,
    /// Chunks that are requested.
    pub(super) chunks: Vec<usize>,
}

impl Feedback {
    pub(super) fn new(sends_no_requests: bool, seed: u64) -> Self {
        Self {
            session: SessionId::new(0),
            invitation: None,
            sends_no_requests,
            epoch: None,
            heard: None,
            proof: Proof::new(),
            next: None,
            reported: None,
            clock: ClockFilter::new(),
            counts: ReportCounts::default(),
            trains: VecDeque::with_capacity(wire::MAX_TRAINS),
            random: Random::new(seed ^ 0x5eed),
            datagram: Vec::with_capacity(wire::HEADER_BYTES + 512),
            chunks: Vec::new(),
        }
    }

    /// Another session: the sender does not know us.
    pub(super) fn begin(&mut self, session: SessionId) {
        self.session = session;
        (self.invitation, self.next, self.reported) = (None, None, None);
        self.proof.forget();
        self.trains.clear();
        self.clock = ClockFilter::new();
        // What was dropped is counted since the program began.
        let ReportCounts { kernel_dropped, decode_dropped, display_dropped, .. } = self.counts;
        self.counts =
            ReportCounts { kernel_dropped, decode_dropped, display_dropped, ..ReportCounts::default() };
    }

    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = Some(now);
        self.epoch.get_or_insert(now);
    }

    /// The sender says what it wants to be told.
    pub(super) fn invited(&mut self, invitation: Option<Invitation>, now: Instant) {
        if let (None, Some(new)) = (self.invitation, invitation) {
            // Many that hear of a sender at once do not all answer at once.
            let wait = if new.is_group { self.part_of(GROUP_PING_WITHIN) } else { Duration::ZERO };
            self.proof.begin(now + wait);
            self.next = self.proof.token().map(|_| now + wait);
        }
        if let (Some(old), Some(new)) = (self.invitation, invitation) {
            self.reconsider(old.report_every, new.report_every, now);
        }
        self.invitation = invitation;
    }

    /// Moves the next report when reports shall come at another interval: those who join at once all begin with the
    /// short interval of a few viewers (RFC 3550, section 6.3.3, does the same when the time comes).
    fn reconsider(&mut self, old: Duration, new: Duration, now: Instant) {
        if old == new {
            return;
        }
        if let Some(left) = self.next.and_then(|next| next.checked_duration_since(now)) {
            let (old, new) = (old.max(SOONEST), new.max(SOONEST));
            self.next = Some(now + left.mul_f64(new.as_secs_f64() / old.as_secs_f64()).min(new * 3 / 2));
        }
    }

    /// The sender answered; returns how long that took.
    pub(super) fn answered(&mut self, pong: &Pong, answered: MediaTime, now: Instant) -> Option<Duration> {
        let epoch = self.epoch?;
        let is_awaited = |sent| since(epoch, sent) == pong.asked;
        let (sent, is_new) = self.proof.answered(pong.token, is_awaited)?;
        if is_new {
            self.hurry(SOONEST, now);
        }
        self.clock.add(Exchange { sent, heard: pong.heard, answered, received: now });
        Some(now.saturating_duration_since(sent))
    }

    pub(super) fn delivered(&mut self, delivery: &Delivery) {
        let counts = &mut self.counts;
        add(&mut counts.delivered, 1);
        add(&mut counts.lost, delivery.unseen);
        match delivery.repair {
            Some(RepairedBy::Parity) => add(&mut counts.repaired, 1),
            Some(RepairedBy::Retransmission) => add(&mut counts.resent, 1),
            None => {}
        }
    }

    pub(super) fn lost(&mut self) {
        add(&mut self.counts.lost, 1);
    }

    /// A part's train is over.
    pub(super) fn train(&mut self, told: &TrainReport, now: Instant) {
        add(&mut self.counts.arrived, told.arrived as u32);
        add(&mut self.counts.missing, told.missing as u32);
        let Some(entry) = told.entry else { return };
        if self.trains.len() == wire::MAX_TRAINS {
            // All of the oldest frame's: those of some of its parts would say that it was another frame.
            let oldest = self.trains.front().map(|train| train.id.frame);
            self.trains.retain(|train| Some(train.id.frame) != oldest);
        }
        self.trains.push_back(entry);
        // The end of the train did not fit somewhere: the next one should go slower.
        // Only what stands out by a whole chunk is worth a hurried report.
        let is_urgent = entry.lost_its_end() && entry.missing_tail / 3 > entry.missing_head;
        let has_lost = told.missing > 0 && self.invitation.is_some_and(|invitation| !invitation.is_group);
        let soonest = match (is_urgent, has_lost) {
            (true, _) => SOONEST,
            (false, true) => SOON,
            (false, false) => return,
        };
        if self.proof.token().is_some() {
            self.hurry(soonest, now);
        }
    }

    /// The next report goes `after` the last one, unless it goes sooner.
    fn hurry(&mut self, after: Duration, now: Instant) {
        let soonest = self.reported.map_or(now, |reported| (reported + after).max(now));
        self.next = Some(self.next.map_or(soonest, |next| next.min(soonest)));
    }

    /// A token was told by an answer, not a pong.
    pub(super) fn told_token(&mut self, token: Token, now: Instant) {
        self.proof.told(token, now);
    }

    pub(super) fn set_drops(&mut self, kernel: u64, decode: u64, display: u64) {
        let counts = &mut self.counts;
        counts.kernel_dropped = kernel as u32;
        counts.decode_dropped = decode as u32;
        counts.display_dropped = display as u32;
    }

    pub(super) fn clock(&self, now: Instant) -> Option<ClockReading> {
        self.clock.reading(now)
    }

    pub(super) fn clock_jumps(&self) -> u64 {
        self.clock.jumps()
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        [self.next, self.proof.due()].into_iter().flatten().min()
    }

    pub(super) fn datagram(&self) -> &[u8] {
        &self.datagram
    }

    pub(super) fn may_request(&self) -> bool {
        self.proof.token().is_some() && self.invitation.is_some_and(|invitation| invitation.resends)
    }

    /// Writes a ping or a report, if one is due.
    pub(super) fn write_due(&mut self, newest: FrameId, now: Instant) -> bool {
        if self.next_due().is_none_or(|next| next > now) {
            return false;
        }
        let is_silent = self.heard.is_none_or(|heard| now.saturating_duration_since(heard) > SILENCE);
        let (Some(invitation), Some(epoch), false) = (self.invitation, self.epoch, is_silent) else {
            (self.next, self.invitation) = (None, None);
            self.proof.stop();
            return false;
        };
        let token = self.proof.token().filter(|_| self.proof.due().is_none_or(|ping| ping > now));
        let kind = if token.is_some() { Kind::Report } else { Kind::Ping };
        let header = Header {
            index: TAKES_PARTS | if self.sends_no_requests { SENDS_NO_REQUESTS } else { 0 },
            ..Header::control(kind, self.session, newest, since(epoch, now))
        };
        let Self { datagram, counts, trains, .. } = self;
        match token {
            Some(token) => {
                wire::emit_with(&header, datagram, |body| {
                    Report::emit(token, counts, trains.drain(..), body)
                });
                self.proof.report(now);
                self.reported = Some(now);
                let every = invitation.report_every.max(SOONEST);
                self.next =
                    Some(now + if invitation.is_group { every / 2 + self.part_of(every) } else { every });
            }
            None => {
                wire::emit_with(&header, datagram, |body| emit_ping(Token::default(), body));
                let Self { proof, random, .. } = self;
                proof.ping(|time| part_of(random, time), now);
                // A pong says when what it answers was sent: at one time, there is one thing.
                self.next = self.next.map(|next| next.max(now + SOONEST));
            }
        }
        true
    }

    pub(super) fn write_request(&mut self, nack: &Nack, now: Instant) {
        let chunks = std::mem::take(&mut self.chunks);
        let ranges = chunks.chunk_by(|a, b| a + 1 == *b).map(|run| run[0]..run[run.len() - 1] + 1);
        self.request(nack.id, nack.needed, ranges, now);
        self.chunks = chunks;
    }

    /// Requests all of a part, however many chunks it has.
    pub(super) fn write_whole_request(&mut self, id: PartId, now: Instant) {
        self.request(id, MAX_CHUNKS, std::iter::once(0..MAX_CHUNKS), now);
    }

    fn request(
        &mut self,
        PartId { frame, part }: PartId,
        needed: usize,
        ranges: impl Iterator<Item = Range<usize>>,
        now: Instant,
    ) {
        let (Some(token), Some(epoch)) = (self.proof.token(), self.epoch) else { return };
        let header = Header::control(Kind::Resend, self.session, frame, since(epoch, now)).of_part(part);
        let needed = u16::try_from(needed).unwrap_or(u16::MAX);
        wire::emit_with(&header, &mut self.datagram, |body| Resend::emit(token, needed, ranges, body));
    }

    /// A random part of `time`.
    fn part_of(&mut self, time: Duration) -> Duration {
        part_of(&mut self.random, time)
    }
}

/// The receiver's clock, which began at `epoch`: what it puts into pings, reports and requests.
fn since(epoch: Instant, now: Instant) -> MediaTime {
    MediaTime::from_micros(now.saturating_duration_since(epoch).as_micros() as u64)
}

fn part_of(random: &mut Random, time: Duration) -> Duration {
    Duration::from_micros(random.below(time.as_micros() as u64 + 1))
}

/// Counters on the wire wrap.
fn add(counter: &mut u32, more: u32) {
    *counter = counter.wrapping_add(more);
}

/// The members of a group say that they are there within this.
const GROUP_PING_WITHIN: Duration = Duration::from_millis(100);
/// Reports are at least so far apart, whatever the sender says.
const SOONEST: Duration = Duration::from_millis(20);
/// A single receiver tells of loss within this.
const SOON: Duration = Duration::from_millis(100);
/// A sender that says nothing for so long is told nothing.
const SILENCE: Duration = Duration::from_secs(3);

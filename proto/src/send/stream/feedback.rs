//! Feedback from receivers, and the replies to it.

use std::fmt::Debug;
use std::hash::Hash;
use std::time::{Duration, Instant};

use super::super::output::{SendOutput, Transmit};
use super::super::pacer::Pace;
use super::super::reply::{MOST_REPLIES, Reply, ReplyBody};
use super::super::retransmit::RequestOutcome;
use super::super::sent_frames::SendTimes;
use super::super::viewers::viewer::Viewer;
use super::SendStream;
use crate::rate::{CEILING, Train};
use crate::seq::PartId;
use crate::stats::FeedbackOutcome;
use crate::wire::{
    self, Body, Datagram, Kind, Pong, Report, Resend, SENDS_NO_REQUESTS, TAKES_PARTS, TrainEntry,
    lost_its_end,
};

impl<S: Copy + Debug + Ord + Hash> SendStream<S> {
    /// Takes in one datagram from a receiver, whatever it is, and says how it ended.
    ///
    /// Nothing is done for an address that has not proven itself, but that a ping is answered by a pong of its own
    /// size.
    pub fn handle_datagram(&mut self, source: S, datagram: &[u8], now: Instant) -> FeedbackOutcome {
        let outcome = self.take_in(source, datagram, now);
        self.queue.stats.feedback.add(outcome);
        outcome
    }

    fn take_in(&mut self, source: S, datagram: &[u8], now: Instant) -> FeedbackOutcome {
        let Ok(Datagram { header, body }) = Datagram::parse(datagram) else {
            return FeedbackOutcome::Malformed;
        };
        if header.session != self.config.session {
            return FeedbackOutcome::Foreign;
        }
        let token = match &body {
            Body::Ping(token) => *token,
            Body::Report(report) => report.token,
            Body::Resend(request) => request.token,
            _ => return FeedbackOutcome::Foreign,
        };
        let is_proven = self.address_token.knows(&source, token, self.clock.at(now));
        if !is_proven && !matches!(body, Body::Ping(_)) {
            return FeedbackOutcome::Unproven;
        }
        let pong =
            Reply { to: source, what: ReplyBody::Pong { asked: header.captured, heard: self.clock.at(now) } };
        if !is_proven {
            self.push_reply(pong);
            return FeedbackOutcome::Accepted;
        }
        let Some(viewer) = self.viewers.admit(source, self.streamed, now) else {
            return FeedbackOutcome::TooMuch;
        };
        if !matches!(body, Body::Resend(_)) {
            viewer.takes_parts = header.index & TAKES_PARTS != 0;
        }
        match body {
            Body::Report(report) => {
                self.push_reply(pong);
                self.report(source, &report, header.index & SENDS_NO_REQUESTS == 0, now);
                FeedbackOutcome::Accepted
            }
            Body::Resend(request) => self.request(source, header.part_id(), &request, now),
            _ => {
                self.push_reply(pong);
                FeedbackOutcome::Accepted
            }
        }
    }

    fn report(&mut self, source: S, report: &Report<'_>, requests: bool, now: Instant) {
        let overhead = self.config.plain_overhead();
        let Some(viewer) = self.viewers.find(source) else { return };
        self.trains.clear();
        self.frame_trains.clear();
        for entry in report.trains() {
            let Some(sent) = self.sent_frames.send_times(entry.id) else { continue };
            if sent.is_still_to_come(entry.last.into()) {
                viewer.contradicts_itself();
            }
            let Some((train, out_for)) = train(sent, &entry, overhead, now) else { continue };
            if viewer.believes(&entry, sent.parts, out_for, now) {
                let is_urgent = entry.lost_its_end();
                viewer.trains.hear(entry.id, sent.parts, train, is_urgent, &mut self.frame_trains);
                self.trains.push((train, sent.parts));
            }
        }
        let (arrived, missing) =
            self.viewers.report(source, report.counts, self.next_frame, &self.frame_trains, now);
        let Some(viewer) = self.viewers.find(source) else { return };
        viewer.missing_at_end += report.trains().map(|entry| u64::from(entry.missing_tail)).sum::<u64>();
        let (carried, loss) = (viewer.carried(), self.redundancy.loss());
        // A receiver without requests has nothing but parity against bursts.
        let by_chance = if requests { BY_CHANCE } else { f64::INFINITY };
        let trains = self.trains.iter();
        let no_evidence = trains
            .map(|(train, parts)| no_evidence(train, carried, loss, by_chance / f64::from(*parts)))
            .sum();
        let missing = viewer.excuse(missing, no_evidence);
        // Others' reports show that there is feedback; how much parity is needed follows the worst.
        let (arrived, missing) = if self.viewers.is_worst(source) { (arrived, missing) } else { (0, 0) };
        self.redundancy.heard(arrived, missing, requests, now);
    }

    fn request(&mut self, source: S, id: PartId, request: &Resend<'_>, now: Instant) -> FeedbackOutcome {
        if !self.config.resend {
            return FeedbackOutcome::TooMuch;
        }
        // What was never sent cannot be requested.
        if self.sent_frames.span().is_none_or(|(_, newest)| id.is_newer_than(newest)) {
            return FeedbackOutcome::Malformed;
        }
        let Some(Viewer { budget, .. }) = self.viewers.find(source) else { return FeedbackOutcome::Unproven };
        match self.retransmitter.request(request, id, &mut self.sent_frames, budget, self.streamed, now) {
            RequestOutcome::Answered => FeedbackOutcome::Accepted,
            RequestOutcome::TooMuch => {
                let reason = "its share, or that of all, is used up";
                tracing::debug!(viewer = ?source, frame = %id, reason, "retransmission refused");
                FeedbackOutcome::TooMuch
            }
            RequestOutcome::Gone => {
                let reason = "the frame is not kept any more";
                tracing::debug!(viewer = ?source, frame = %id, reason, "retransmission refused");
                self.push_reply(Reply { to: source, what: ReplyBody::Gone(id) });
                FeedbackOutcome::Accepted
            }
        }
    }

    fn push_reply(&mut self, reply: Reply<S>) {
        if self.replies.len() < MOST_REPLIES {
            self.replies.push_back(reply);
        }
    }

    pub(super) fn reply(&mut self, reply: &Reply<S>, now: Instant) -> SendOutput<'_, S> {
        match reply.what {
            ReplyBody::Pong { asked, heard } => {
                let token = self.address_token.token(&reply.to, self.clock.at(now));
                let pong = Pong { token, asked, heard };
                let header = self.control_header(Kind::Pong, self.next_frame, now);
                wire::emit_with(&header, &mut self.control, |body| pong.emit(body));
            }
            ReplyBody::Gone(PartId { frame, part }) => {
                let header = self.control_header(Kind::Gone, frame, now).of_part(part);
                wire::emit_with(&header, &mut self.control, |_| {});
            }
        }
        self.queue.stats.bytes += self.control.len() as u64;
        let bytes = &self.control[..];
        SendOutput::Transmit(Transmit { to: Some(reply.to), bytes, segment: bytes.len() })
    }

    pub(super) fn look_after_viewers(&mut self, now: Instant) {
        let silence = SILENCE.max(self.report_interval() * 4);
        self.viewers.forget(silence, now);
        if self.viewers.len() == 0 {
            self.redundancy.forget_reports();
        }
    }

    /// How often each receiver should report, so that all of them together, answers included, use no more than a fixed
    /// share of the stream (RFC 3550, section 6.2).
    pub(super) fn report_interval(&self) -> Duration {
        let stream = match (self.pacer.usual_bits(), self.queue.interval()) {
            (Some(bits), Some(interval)) => bits / interval.as_secs_f64().max(1e-3),
            _ => SLOW_STREAM,
        };
        let share = self.viewers.len() as f64 * REPORT_BITS / (REPORTS_SHARE * stream);
        let oftenest = match self.config.pace {
            Pace::Auto if self.viewers.are_rising() && !self.config.is_group => OFTENEST,
            Pace::Auto if !self.viewers.are_settled() => OFTENEST_LIMITED,
            _ => OFTENEST_SETTLED,
        };
        // A report tells of so many parts at most.
        let trains = (wire::MAX_TRAINS / self.parts.max(1)) as u32;
        let fits = self.queue.interval().filter(|_| self.parts > 1).map(|interval| interval * trains);
        let oftenest = fits.map_or(oftenest, |fits| oftenest.min(fits.max(OFTENEST)));
        Duration::try_from_secs_f64(share).unwrap_or(RAREST).clamp(oftenest, RAREST)
    }
}

/// How many of a train's missing chunks say nothing of how much parity its path needs: those that the pace lost, and
/// those of a burst, that no parity of reasonable size makes up for. A path that loses more than was known shows so in
/// a few frames.
fn no_evidence(train: &Train, carried: f64, loss: f64, by_chance: f64) -> u64 {
    let missing = train.missing_head + train.missing_tail;
    let by_chance = by_chance + 2.0 * loss * f64::from(train.total);
    let counters = if is_congested(train, carried) { 0 } else { by_chance as u32 };
    missing.saturating_sub(counters).into()
}

/// Whether what a train lost is the pace's fault: it went faster than the path carries, or lost its end, where a queue
/// loses and chance rarely does.
fn is_congested(train: &Train, carried: f64) -> bool {
    let (head, tail) = (train.missing_head, train.missing_tail);
    train.pace.is_some_and(|pace| pace > carried * CARRIED) || lost_its_end(head, tail)
}

/// What was sent of a part, beside what arrived of it; and how long ago what is measured of it began to be sent.
fn train(sent: &SendTimes, entry: &TrainEntry, overhead: usize, now: Instant) -> Option<(Train, Duration)> {
    let (first, last) = (usize::from(entry.first), usize::from(entry.last));
    // Of a train of which only one came, or only its beginning, there is no time to be told; but what it lost is.
    let datagrams = last.checked_sub(first)?;
    let bits = ((sent.stride + overhead) * 8) as f64;
    let each = Duration::from_secs_f64(bits / CEILING);
    let began = sent.departure(first, each)?;
    let time = sent.departure(last, each)?.saturating_duration_since(began);
    // What is missing is behind the last that arrived, or else, but for very little, between the two.
    let behind = (sent.data - 1).saturating_sub(last);
    let missing = usize::from(entry.missing_head) + usize::from(entry.missing_tail);
    let lost = missing.saturating_sub(behind).min(datagrams);
    let train = Train {
        bits: datagrams as f64 * bits,
        sent: time,
        arrived: entry.span,
        datagrams: datagrams as u32,
        lost: lost as u32,
        missing_head: entry.missing_head.into(),
        missing_tail: entry.missing_tail.into(),
        total: sent.data as u32,
        pace: sent.pace,
        sprinted: sprinted(sent, first, last) as f64 * bits,
    };
    Some((train, now.saturating_duration_since(began)))
}

/// How many of the datagrams after `first`, up to `last`, went faster than the pace; none if others went after them, as
/// these would hide what that has shown.
fn sprinted(sent: &SendTimes, first: usize, last: usize) -> usize {
    if sent.sprint.contains(&last) { last - first.max(sent.sprint.start) } else { 0 }
}

/// A report and its answer on the wire, with some trains.
const REPORT_BITS: f64 = 400.0 * 8.0;
/// What reports and their answers may use of the stream. RTCP allows all feedback 5 %; requests need the rest.
const REPORTS_SHARE: f64 = 0.02;
/// A frame may lose so many chunks by chance on a path that was not known to lose any.
const BY_CHANCE: f64 = 2.0;
/// What goes faster than this share of what the path carries is a probe, or from before that was known.
const CARRIED: f64 = 1.02;
/// Assumed of a stream that has sent nothing yet.
const SLOW_STREAM: f64 = 5e6;
/// For each frame of a 30 Hz stream: each may go faster than the one before. In a group, whose receivers wait for each
/// other, more of them would miss frames meanwhile.
const OFTENEST: Duration = Duration::from_millis(33);
/// For every third: often enough to follow a path whose limit is known.
const OFTENEST_LIMITED: Duration = Duration::from_millis(100);
/// Where the pace is not to be learned. Receivers tell of loss sooner.
const OFTENEST_SETTLED: Duration = Duration::from_millis(400);
const RAREST: Duration = Duration::from_secs(10);
/// A receiver that said nothing for so long is gone.
const SILENCE: Duration = Duration::from_secs(3);

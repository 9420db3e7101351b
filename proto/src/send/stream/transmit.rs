//! What a sending stream gives out: datagrams of the frame that goes, those that were asked for again, hellos and the
//! goodbye.

use std::fmt::Debug;
use std::hash::Hash;
use std::time::{Duration, Instant};

use super::super::output::{SendEvent, SendOutput, Transmit, most_at_once};
use super::super::pacer::Pace;
use super::super::retransmit::SlabPart;
use super::super::slab::{CutError, PartHead};
use super::{GOING, SendStream};
use crate::geometry::MAX_FRAME_BYTES;
use crate::seq::{FrameId, PartId};
use crate::wire::{self, Header, Hello, Invitation, Kind};

impl<S: Copy + Debug + Ord + Hash> SendStream<S> {
    /// Begins the next part of a frame, if there is one and none is going.
    pub(super) fn begin(&mut self, now: Instant) -> Result<(), SendEvent> {
        let in_parts = self.queue.begins_in_parts() && self.viewers.take_parts() && self.suits_parts();
        let interval = self.queue.interval();
        let Some(going) = self.queue.next_part(|| in_parts, now) else { return Ok(()) };
        let (sending, parts) = (going.sending(), going.parts());
        let is_first = sending.start == 0;
        let frame = if is_first { self.next_frame } else { self.going };
        let id = PartId { frame, part: if parts > 1 { sending.start as u8 } else { 0 } };
        let head =
            PartHead { session: self.config.session, id, parts: parts as u8, captured: going.frame.captured };
        let is_last = sending.end == going.frame.parts();
        let signature = going.frame.signature.as_ref().filter(|_| is_last);
        let sent = self.sent_frames.begin(id, now);
        let redundancy = &mut self.redundancy;
        let parity = |data_chunks| redundancy.chunks(data_chunks);
        let bytes = going.frame.bytes() + signature.map_or(0, |signature| signature.len());
        let cut = if bytes > MAX_FRAME_BYTES {
            Err(CutError::TooLarge { bytes })
        } else {
            let pieces = going.frame.pieces(sending);
            sent.slab.cut_part(pieces, signature, head, self.config.plain_bytes(), parity)
        };
        if let Err(error) = cut {
            self.sent_frames.undo();
            return self.queue.refuse(error).map_or(Ok(()), Err);
        }
        self.pacer.set_rate(self.viewers.rate(now));
        // One sprint in a frame: those of several parts would meet in a queue.
        let wants_sprint = is_last && self.viewers.want_sprints(self.queue.stats.sent);
        self.pacer.sprint_before(wants_sprint.then_some(sent.slab.len()));
        let datagrams = sent.slab.len() + sent.slab.planned_parity();
        self.pacer.begin_part(datagrams, sent.slab.bytes(), parts, interval, now);
        sent.begin(head.parts, self.pacer.rate(), self.pacer.sprint());
        if is_first {
            (self.going, self.next_frame) = (frame, frame.next());
            self.tell_parts(parts);
        }
        Ok(())
    }

    /// Whether the path is known well enough for parts, and fast enough.
    fn suits_parts(&mut self) -> bool {
        match self.limit() {
            Some(limit) => limit >= LEAST_LIMIT,
            None => self.config.pace != Pace::Auto || self.viewers.are_settled(),
        }
    }

    /// Says in how many parts frames go, when that is another number.
    fn tell_parts(&mut self, parts: usize) {
        let before = std::mem::replace(&mut self.parts, parts);
        if before != parts {
            let reason = if parts > 1 {
                "all viewers take parts"
            } else {
                "it is small, the path narrow or unknown, or not all take parts"
            };
            tracing::debug!(parts, before, reason, "frame cut");
        }
    }

    /// Gives out the next `count` datagrams of the part, or as many as one call takes: data, then parity.
    pub(super) fn send(&mut self, count: usize, now: Instant) -> SendOutput<'_, S> {
        let sent = self.sent_frames.newest().expect(GOING);
        let (from, data) = (sent.count(), sent.slab.len());
        let is_data = from < data;
        let stride = if is_data { sent.slab.stride() } else { sent.slab.parity_stride() };
        let left = if is_data { data - from } else { data + sent.slab.planned_parity() - from };
        let count = most_at_once(count.min(left), stride + self.config.seal_bytes);
        sent.sent(from + count, now);
        if from + count == data + sent.slab.planned_parity() {
            self.last_sent = Some(now);
            self.queue.sent(now);
        }
        let bytes = if is_data {
            self.queue.stats.data += count as u64;
            sent.slab.range(from..from + count)
        } else {
            self.queue.stats.parity += count as u64;
            sent.slab.make_parity(sent.slab.planned_parity(), &mut self.encoder);
            sent.slab.parity_range(from - data..from - data + count)
        };
        self.streamed += bytes.len() as u64;
        self.queue.stats.bytes += bytes.len() as u64;
        SendOutput::Transmit(Transmit { to: None, bytes, segment: stride.min(bytes.len()) })
    }

    /// Gives out the next retransmissions.
    pub(super) fn send_again(&mut self, now: Instant) -> SendOutput<'_, S> {
        let repair = self
            .retransmitter
            .next(&mut self.sent_frames, &mut self.encoder, self.streamed, now)
            .expect("it was there")
            .clone();
        let sent = self.sent_frames.find(repair.id).expect("answers are of parts that are kept");
        let is_data = repair.what == SlabPart::Data;
        let stride = if is_data { sent.slab.stride() } else { sent.slab.parity_stride() };
        let wanted = repair.range.len().min(self.pacer.repair_group(stride));
        let count = most_at_once(wanted, stride + self.config.seal_bytes);
        self.retransmitter.taken(count);
        let range = repair.range.start..repair.range.start + count;
        if is_data {
            sent.resent(range.clone());
        }
        let bytes = if is_data {
            self.again.clear();
            self.again.extend_from_slice(sent.slab.range(range));
            self.again.chunks_mut(stride).for_each(wire::mark_again);
            &self.again[..]
        } else {
            sent.slab.parity_range(range)
        };
        self.pacer.repair(count, bytes.len(), self.queue.is_sending(), now);
        self.last_sent = Some(now);
        self.queue.stats.resent += count as u64;
        self.queue.stats.bytes += bytes.len() as u64;
        SendOutput::Transmit(Transmit { to: None, bytes, segment: stride.min(bytes.len()) })
    }

    /// Sends a goodbye, once the last frame can be requested no more.
    pub(super) fn end(&mut self, wait: Instant, now: Instant) -> SendOutput<'_, S> {
        let lingers_until = self.last_sent.map(|last| last + LINGER);
        if self.config.resend
            && self.viewers.len() > 0
            && let Some(until) = lingers_until.filter(|until| *until > now)
        {
            return SendOutput::Wait(Some(until.min(wait)));
        }
        self.queue.end();
        self.say(Kind::Goodbye, now)
    }

    pub(super) fn say(&mut self, kind: Kind, now: Instant) -> SendOutput<'_, S> {
        let header = self.control_header(kind, self.next_frame, now);
        let invitation = Invitation {
            is_group: self.config.is_group,
            resends: self.config.resend,
            viewers: u16::try_from(self.viewers.len()).unwrap_or(u16::MAX),
            report_every: self.report_interval(),
        };
        let interval = self.queue.sure_interval();
        let hello = Hello {
            state: self.state,
            name: &self.config.name,
            invitation: Some(invitation),
            interval,
            signer: self.config.signer,
            capture_error: self.capture_error,
        };
        wire::emit_control(&header, (kind == Kind::Hello).then_some(&hello), &mut self.control);
        self.queue.stats.bytes += self.control.len() as u64;
        SendOutput::Transmit(Transmit { to: None, bytes: &self.control, segment: self.control.len() })
    }

    pub(super) fn control_header(&self, kind: Kind, frame: FrameId, now: Instant) -> Header {
        Header::control(kind, self.config.session, frame, self.clock.at(now))
    }
}

/// What limits a slower path lets the beginning of every burst pass at full speed. Frames for it are small, and a part
/// would be little more than that: by its train the path would seem to be faster than it is.
const LEAST_LIMIT: f64 = 60e6;
/// How long after its last datagram a stream that ends still answers requests.
const LINGER: Duration = Duration::from_millis(60);

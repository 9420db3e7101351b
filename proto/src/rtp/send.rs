//! A sending RTP stream: frames in, paced packets out.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use super::content::{Content, Illegal};
use super::header::Rtp;
use super::rtcp::SenderReport;
use super::slab::PacketSlab;
use super::timeline::timestamp;
use crate::frame::{Clock, Frame, FramePart};
use crate::send::{FrameQueue, Pace, Pacer, Path, SendEvent, SendOutput, Transmit, most_at_once};
use crate::stats::SendStats;

/// How a sender of RTP/JPEG behaves.
#[derive(Clone, Debug)]
pub struct RtpSendConfig<S> {
    /// Which source of the session it is: random (RFC 3550 section 8).
    pub ssrc: u32,
    /// The first packet's sequence number: random (RFC 3550 section 5.1).
    pub sequence: u16,
    /// What is added to all timestamps: random too.
    pub timestamp: u32,
    /// The largest UDP payload that the path takes without fragmentation, in bytes.
    pub datagram_bytes: usize,
    /// What a datagram costs on the wire beside its payload, in bytes.
    pub overhead_bytes: usize,
    /// How fast frames go out. Nobody reports, so that [`Pace::Auto`] stays cautious.
    pub pace: Pace,
    /// The most bits per second that the stream may have on the wire, over some frames.
    pub max_bitrate: Option<f64>,
    /// Where sender reports go: by custom, one port above the stream. None are sent without.
    pub reports_to: Option<S>,
    /// What these call the sender; the same for all its streams.
    pub name: String,
}

/// The sending end of an RTP/JPEG stream.
///
/// It is fed and drained as a [`SendStream`](crate::SendStream) is, paces and leaves out frames as that does, and says
/// the same of them; a JPEG that RTP/JPEG cannot carry is refused ([`Illegal`]). It listens to nobody.
#[derive(Debug)]
pub struct RtpSendStream<S> {
    config: RtpSendConfig<S>,
    clock: Clock,
    pacer: Pacer,
    queue: FrameQueue<Illegal>,
    slab: PacketSlab,
    /// How many packets of the frame that is going have gone.
    gone: usize,
    sequence: u16,
    packets: u64,
    octets: u64,
    report: Vec<u8>,
    /// When the next report is due, once something was sent.
    next_report: Option<Instant>,
}

impl<S: Copy> RtpSendStream<S> {
    /// A stream that has sent nothing yet. `clock` shows the frames' capture times.
    pub fn new(config: RtpSendConfig<S>, clock: Clock) -> Self {
        Self {
            clock,
            pacer: Pacer::new(config.pace, config.overhead_bytes),
            queue: FrameQueue::new(None, config.max_bitrate),
            slab: PacketSlab::default(),
            gone: 0,
            sequence: config.sequence,
            packets: 0,
            octets: 0,
            report: Vec::new(),
            next_report: None,
            config,
        }
    }

    /// Takes a frame to be sent, in place of one that still waits.
    pub fn push_frame(&mut self, frame: Frame, now: Instant) {
        self.push_part(frame.into(), now);
    }

    /// The same of a frame of one part.
    pub fn push_part(&mut self, frame: FramePart, now: Instant) {
        let path = Path { limit: self.limit(), free: self.pacer.free() };
        let (payload, overhead) = (self.payload_bytes(), HEADER_BYTES + self.config.overhead_bytes);
        self.queue.push(frame, |bytes| bytes + bytes.div_ceil(payload) * overhead, path, now);
    }

    /// Says how far frames are apart from now on.
    pub fn set_interval(&mut self, interval: Duration) {
        self.queue.set_interval(interval);
    }

    /// Tells the stream that the path takes datagrams of at most `bytes`, from the next frame on.
    pub fn set_datagram_bytes(&mut self, bytes: usize) {
        self.config.datagram_bytes = bytes;
    }

    /// Ends the stream: what was pushed still goes out, then a goodbye, and then there is nothing more.
    pub fn close(&mut self) {
        self.queue.close();
    }

    /// Ends the stream without waiting for what has not gone: it counts as superseded. Then a goodbye, and nothing
    /// more.
    pub fn abandon(&mut self) {
        self.queue.abandon();
    }

    /// Whether everything, and the goodbye, has gone.
    pub fn is_closed(&self) -> bool {
        self.queue.is_drained()
    }

    /// What to do next. Call it until it says `Wait`; then again after each input, and at that time. Each answer but
    /// `Wait` is given once.
    #[must_use]
    pub fn poll(&mut self, now: Instant) -> SendOutput<'_, S, Illegal> {
        if let Some(event) = self.queue.next_event() {
            return SendOutput::Event(event);
        }
        if self.queue.is_over() {
            return SendOutput::Wait(None);
        }
        if self.next_report.is_some_and(|due| due <= now) {
            self.next_report = Some(now + REPORT_INTERVAL);
            return self.report(false, now);
        }
        if let Err(refused) = self.begin(now) {
            return SendOutput::Event(refused);
        }
        if self.queue.is_closing() && !self.queue.is_going() {
            self.queue.end();
            return match self.queue.next_event() {
                Some(event) => SendOutput::Event(event),
                None => self.report(true, now),
            };
        }
        if !self.queue.is_going() {
            return SendOutput::Wait(self.next_report);
        }
        match self.pacer.due(self.gone, self.slab.len(), now) {
            Ok(count) => self.send(count, now),
            Err(next) => SendOutput::Wait([Some(next), self.next_report].into_iter().flatten().min()),
        }
    }

    /// What was counted so far.
    pub fn stats(&self) -> &SendStats {
        &self.queue.stats
    }

    /// Bits per second at which frames go out, on the wire; `None` if each goes at once.
    pub fn pace(&self) -> Option<f64> {
        self.pacer.rate()
    }

    /// How many bytes a JPEG may have so that the path carries the stream; `None` if there is no limit.
    pub fn frame_budget(&self) -> Option<usize> {
        let wire = self.queue.budget(self.limit())?;
        let (payload, each) = (self.payload_bytes(), self.config.datagram_bytes + self.config.overhead_bytes);
        Some((wire * payload as f64 / each as f64) as usize)
    }

    fn limit(&self) -> Option<f64> {
        match self.config.pace {
            Pace::Off | Pace::Auto => None,
            Pace::Rate(rate) => Some(rate),
        }
    }

    fn payload_bytes(&self) -> usize {
        self.config.datagram_bytes.saturating_sub(HEADER_BYTES).max(1)
    }

    /// Begins the next frame, if there is one and none is going.
    fn begin(&mut self, now: Instant) -> Result<(), SendEvent<Illegal>> {
        let interval = self.queue.interval();
        let Some(going) = self.queue.next_part(|| false, now) else { return Ok(()) };
        let frame = &going.frame;
        let first = Rtp {
            marker: false,
            sequence: self.sequence,
            timestamp: timestamp(frame.captured, self.config.timestamp),
            ssrc: self.config.ssrc,
        };
        let jpeg = frame.pieces(0..1).next().unwrap_or_default();
        let content = match Content::of(jpeg) {
            Ok(content) => content,
            Err(illegal) => return self.queue.refuse(illegal).map_or(Ok(()), Err),
        };
        self.slab.cut(&content, first, self.config.datagram_bytes);
        self.octets += content.data.len() as u64;
        self.sequence = self.sequence.wrapping_add(self.slab.len() as u16);
        self.pacer.begin(self.slab.len(), self.slab.bytes(), interval, now);
        self.gone = 0;
        // The first frame goes before the first report.
        if self.config.reports_to.is_some() {
            self.next_report.get_or_insert(now + FIRST_REPORT);
        }
        Ok(())
    }

    /// Gives out the next `count` packets of the frame, or as many as one call takes.
    fn send(&mut self, count: usize, now: Instant) -> SendOutput<'_, S, Illegal> {
        let count = most_at_once(count, self.slab.stride());
        let from = self.gone;
        self.gone += count;
        if self.gone == self.slab.len() {
            self.queue.sent(now);
        }
        self.packets += count as u64;
        self.queue.stats.data += count as u64;
        let bytes = self.slab.range(from..from + count);
        self.queue.stats.bytes += bytes.len() as u64;
        SendOutput::Transmit(Transmit { to: None, bytes, segment: self.slab.stride().min(bytes.len()) })
    }

    /// Says what was sent until now, and if it `is_goodbye`, that it was all.
    fn report(&mut self, is_goodbye: bool, now: Instant) -> SendOutput<'_, S, Illegal> {
        // Who has sent nothing has nobody to take leave of.
        let Some(to) = self.config.reports_to.filter(|_| self.packets > 0) else {
            return SendOutput::Wait(None);
        };
        let report = SenderReport {
            ssrc: self.config.ssrc,
            now: self.clock.at(now),
            offset: self.config.timestamp,
            packets: self.packets,
            octets: self.octets,
            name: &self.config.name,
        };
        report.emit(is_goodbye, &mut self.report);
        self.queue.stats.bytes += self.report.len() as u64;
        SendOutput::Transmit(Transmit { to: Some(to), bytes: &self.report, segment: self.report.len() })
    }
}

/// Headers of a packet without restart markers and tables: what nearly all have.
const HEADER_BYTES: usize = 20;
/// A player that has just begun soon learns the sender's clock.
const FIRST_REPORT: Duration = Duration::from_millis(500);
/// The shortest that RFC 3550 section 6.2 recommends.
const REPORT_INTERVAL: Duration = Duration::from_secs(5);

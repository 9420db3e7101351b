//! A sending stream: frames and feedback in, paced datagrams out.

mod feedback;
#[cfg(test)]
mod tests;
mod transmit;

use std::collections::VecDeque;
use std::fmt::Debug;
use std::hash::Hash;
use std::time::{Duration, Instant};

use super::config::SendConfig;
use super::gate::Path;
use super::output::SendOutput;
use super::pacer::{Pace, Pacer};
use super::queue::FrameQueue;
use super::reply::{MOST_REPLIES, Reply};
use super::retransmit::Retransmitter;
use super::sent_frames::SentFrames;
use super::slab::CutError;
use super::token::AddressToken;
use super::viewers::Viewers;
use super::viewers::viewer::Viewer;
use crate::computer::ComputerOf;
use crate::fec::{ParityEncoder, Redundancy};
use crate::frame::{Clock, Frame, FramePart, SIGNATURE_BYTES};
use crate::rate::Train;
use crate::seq::FrameId;
use crate::stats::SendStats;
use crate::wire::{self, Kind, SourceState};

/// How often a sender says hello, once it has said some at its start: twice and a half in the silence after which its
/// place may be taken.
pub const HELLO_INTERVAL: Duration = Duration::from_millis(200);

/// The sending end of a stream: frames in, paced datagrams out.
///
/// It holds the frame that is going out and at most one that waits; a newer one replaces that. Feed it with
/// [`push_frame`](Self::push_frame) and [`handle_datagram`](Self::handle_datagram), and after each input, and when a
/// wait is over, drain [`poll`](Self::poll) until it says to wait. `S` is whatever the shell tells receivers apart by:
/// for UDP, address and port.
#[derive(Debug)]
pub struct SendStream<S> {
    config: SendConfig,
    pacer: Pacer,
    sent_frames: SentFrames,
    encoder: ParityEncoder,
    redundancy: Redundancy,
    queue: FrameQueue<CutError>,
    next_frame: FrameId,
    /// Which frame goes, and in how many parts.
    going: FrameId,
    parts: usize,
    address_token: AddressToken,
    viewers: Viewers<S>,
    retransmitter: Retransmitter,
    replies: VecDeque<Reply<S>>,
    /// Those of the report that is being taken in: of parts, each with the number of its frame's, and of frames.
    trains: Vec<(Train, u8)>,
    frame_trains: Vec<Train>,
    state: SourceState,
    capture_error: Option<Duration>,
    /// When the next hello is due.
    next_hello: Instant,
    /// And how long after it the one after that.
    hello_after: Duration,
    clock: Clock,
    control: Vec<u8>,
    /// Datagrams that are sent again, marked as such.
    again: Vec<u8>,
    /// When the last datagram of a frame or an answer went.
    last_sent: Option<Instant>,
    /// Bytes of frames and of the parity that goes with them, each counted once: what may be sent again is a share of
    /// it.
    streamed: u64,
}

impl<S: Copy + Debug + Ord + Hash> SendStream<S> {
    /// A stream that has sent nothing yet. It says hello at once.
    pub fn new(config: SendConfig, clock: Clock, now: Instant) -> Self {
        Self {
            pacer: Pacer::new(config.pace, config.plain_overhead()),
            queue: FrameQueue::new(config.interval, config.max_bitrate),
            sent_frames: SentFrames::new(),
            encoder: ParityEncoder::default(),
            redundancy: Redundancy::new(config.fec, config.resend),
            next_frame: FrameId::new(0),
            going: FrameId::new(0),
            parts: 1,
            address_token: AddressToken::new(config.secret),
            viewers: Viewers::new(config.follow),
            retransmitter: Retransmitter::new(config.is_group),
            replies: VecDeque::with_capacity(MOST_REPLIES),
            trains: Vec::with_capacity(wire::MAX_TRAINS),
            frame_trains: Vec::with_capacity(wire::MAX_TRAINS),
            config,
            state: SourceState::Live,
            capture_error: None,
            next_hello: now,
            hello_after: SECOND_HELLO,
            clock,
            control: Vec::with_capacity(wire::HEADER_BYTES + 8 + wire::MAX_NAME_BYTES),
            again: Vec::new(),
            last_sent: None,
            streamed: 0,
        }
    }

    /// Numbers the next frame `frame` instead of the one after the last: beyond what an earlier stream of this session
    /// has used.
    pub fn set_next_frame(&mut self, frame: FrameId) {
        self.next_frame = frame;
    }

    /// Tells computers apart from now on: one has at most a quarter of the viewers' places, and one voice when it is
    /// decided how fast to send, however many sources are on it.
    pub fn set_computers(&mut self, computer: ComputerOf<S>) {
        self.viewers.set_computers(computer);
    }

    /// Takes a frame to be sent, in place of one that still waits.
    pub fn push_frame(&mut self, frame: Frame, now: Instant) {
        self.push_part(frame.into(), now);
    }

    /// Takes a part of a frame to be sent. The first of a frame takes the place of one that still waits; the others
    /// follow it in their order. They go as they come, where all receivers take parts, and otherwise as one frame when
    /// the last is there.
    pub fn push_part(&mut self, part: FramePart, now: Instant) {
        let head = wire::HEADER_BYTES + wire::PARITY_CHECKSUM_BYTES;
        let each = self.config.plain_bytes().saturating_sub(head).max(1);
        let signature = self.config.signer.map_or(0, |_| SIGNATURE_BYTES);
        let overhead = wire::HEADER_BYTES + self.config.plain_overhead();
        let wire = |bytes| match bytes {
            0 => 0,
            bytes => bytes + signature + (bytes + signature).div_ceil(each) * overhead,
        };
        let path = Path { limit: self.limit(), free: self.pacer.free_after(wire(self.queue.left())) };
        self.queue.push(part, wire, path, now);
    }

    /// Says whether the source has pictures; a change is told to receivers at once.
    pub fn set_state(&mut self, state: SourceState, now: Instant) {
        if self.state != state {
            self.state = state;
            self.next_hello = now;
        }
    }

    /// Says how far frames are apart from now on; a change is told to receivers at once.
    pub fn set_interval(&mut self, interval: Duration, now: Instant) {
        if self.queue.sure_interval() != Some(interval) {
            self.queue.set_interval(interval);
            self.next_hello = now;
        }
    }

    /// Says by how much capture times are wrong at most from now on, if that is known; a change is told to receivers at
    /// once.
    pub fn set_capture_error(&mut self, error: Option<Duration>, now: Instant) {
        if self.capture_error != error {
            self.capture_error = error;
            self.next_hello = now;
        }
    }

    /// Tells the stream that the path takes datagrams of at most `bytes`, from the next frame on.
    pub fn set_datagram_bytes(&mut self, bytes: usize) {
        self.config.datagram_bytes = bytes;
    }

    /// Ends the stream: what was pushed still goes out, and for a moment what is requested; then a goodbye, and then
    /// there is nothing more.
    pub fn close(&mut self) {
        self.queue.close();
    }

    /// Ends the stream without waiting for what has not gone: it counts as superseded. Then a goodbye, and nothing
    /// more.
    pub fn abandon(&mut self) {
        self.queue.abandon();
        self.last_sent = None;
        self.retransmitter = Retransmitter::new(self.config.is_group);
    }

    /// Whether everything, and the goodbye, has gone.
    pub fn is_closed(&self) -> bool {
        self.queue.is_drained()
    }

    /// What to do next. Call it until it says `Wait`; then again after each input, and at that time. Each answer but
    /// `Wait` is given once.
    #[must_use]
    pub fn poll(&mut self, now: Instant) -> SendOutput<'_, S> {
        if let Some(event) = self.queue.next_event() {
            return SendOutput::Event(event);
        }
        if self.queue.is_over() {
            return SendOutput::Wait(None);
        }
        if let Some(reply) = self.replies.pop_front() {
            return self.reply(&reply, now);
        }
        if self.next_hello <= now {
            self.next_hello = now + self.hello_after;
            self.hello_after = (self.hello_after * 2).min(HELLO_INTERVAL);
            self.look_after_viewers(now);
            return self.say(Kind::Hello, now);
        }
        let mut wait = self.next_hello;
        if self.retransmitter.next(&mut self.sent_frames, &mut self.encoder, self.streamed, now).is_some() {
            match self.pacer.repair_due().filter(|due| *due > now) {
                None => return self.send_again(now),
                Some(due) => wait = wait.min(due),
            }
        }
        wait = self.retransmitter.next_due().map_or(wait, |due| wait.min(due));
        if let Err(refused) = self.begin(now) {
            return SendOutput::Event(refused);
        }
        if !self.queue.is_sending() {
            let is_end = self.queue.is_closing() && !self.queue.is_going();
            return if is_end { self.end(wait, now) } else { SendOutput::Wait(Some(wait)) };
        }
        let sent = self.sent_frames.newest().expect(GOING);
        match self.pacer.due(sent.count(), sent.slab.len() + sent.slab.planned_parity(), now) {
            Ok(count) => self.send(count, now),
            Err(next) => SendOutput::Wait(Some(next.min(wait))),
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

    /// The receivers that are known, by address.
    pub fn viewers(&self) -> impl Iterator<Item = (&S, &Viewer)> {
        self.viewers.iter()
    }

    /// How many bytes a JPEG may have so that the path carries the stream; `None` if no limit has shown itself.
    pub fn frame_budget(&mut self) -> Option<usize> {
        let limit = self.limit();
        let wire = self.queue.budget(limit)?;
        // Of what is on the wire, headers and parity are no picture.
        let each = self.config.plain_bytes() as f64;
        let share = (each - (wire::HEADER_BYTES + wire::PARITY_CHECKSUM_BYTES) as f64).max(1.0)
            / (each + self.config.plain_overhead() as f64);
        let before = self.sent_frames.newest().map(|sent| &sent.slab);
        let parity = before.map_or(0.0, |slab| slab.planned_parity() as f64 / slab.len().max(1) as f64);
        Some((wire * share / (1.0 + parity)) as usize)
    }

    /// Bits per second that the path carries, as far as that is known.
    fn limit(&mut self) -> Option<f64> {
        match self.config.pace {
            Pace::Off => None,
            Pace::Auto => self.viewers.limit(),
            Pace::Rate(rate) => Some(rate),
        }
    }
}

/// Why there is a newest frame.
const GOING: &str = "a frame is going out";
/// At first hellos are this far apart, then twice as far, and so on: without one, no receiver knows that it may request
/// what it misses of the first frames.
const SECOND_HELLO: Duration = Duration::from_millis(12);

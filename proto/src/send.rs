//! Frames in, datagrams out.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::pacer::{MOST_AT_ONCE, Pace, Pacer};
use crate::packetize::{CutError, Slab};
use crate::stats::SendStats;
use crate::wire::{self, Header, Hello, Kind, SourceState};
use crate::{Frame, FrameId, MediaTime, SessionId};

/// How often a sender says hello: twice and a half in the silence after which its place may be taken.
pub const HELLO_INTERVAL: Duration = Duration::from_millis(200);

/// How a sender behaves.
#[derive(Clone, Debug)]
pub struct SendConfig {
    /// Its session: random, new at every start, not 0.
    pub session: SessionId,
    /// The largest UDP payload that the path takes without fragmentation, in bytes.
    pub datagram_bytes: usize,
    /// What a datagram costs on the wire beside its payload, in bytes: headers, preamble and gap. It makes the pace that
    /// of the wire.
    pub overhead_bytes: usize,
    /// How fast frames go out.
    pub pace: Pace,
    /// How far frames are apart, where that is known beforehand. It is learned otherwise.
    pub interval: Option<Duration>,
    /// What people call this sender; at most [`wire::MAX_NAME_BYTES`] are sent.
    pub name: String,
}

/// The sending end of a stream: frames in, paced datagrams out.
///
/// It holds the frame that is going out and at most one that waits; a newer one replaces that. Feed it with
/// [`push_frame`](Self::push_frame), and after each input, and when a wait is over, drain [`poll`](Self::poll) until it
/// says to wait.
#[derive(Debug)]
pub struct SendStream {
    config: SendConfig,
    pacer: Pacer,
    slab: Slab,
    going: Option<Going>,
    waiting: Option<Waiting>,
    next_frame: FrameId,
    last_pushed: Option<Instant>,
    interval: Option<Duration>,
    state: SourceState,
    /// When the next hello is due, and the moment on the sender's clock to state in it.
    next_hello: Instant,
    clock: Clock,
    control: Vec<u8>,
    events: VecDeque<SendEvent>,
    closing: Closing,
    stats: SendStats,
}

/// Relates the instants of `poll` to the media time that travels.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    instant: Instant,
    time: MediaTime,
}

impl Clock {
    /// A clock that showed `time` at `instant`.
    pub const fn new(instant: Instant, time: MediaTime) -> Self {
        Self { instant, time }
    }

    /// What it shows at `instant`.
    pub fn at(&self, instant: Instant) -> MediaTime {
        let micros = self.time.as_micros();
        MediaTime::from_micros(match instant.checked_duration_since(self.instant) {
            Some(later) => micros.saturating_add(later.as_micros() as u64),
            None => micros.saturating_sub((self.instant - instant).as_micros() as u64),
        })
    }
}

/// What [`SendStream::poll`] has to say.
#[derive(Debug)]
pub enum SendOutput<'a> {
    /// Send this now.
    Transmit(Transmit<'a>),
    /// Something happened.
    Event(SendEvent),
    /// Nothing until then, or until the next frame if `None`.
    Wait(Option<Instant>),
}

/// One or several datagrams.
#[derive(Clone, Copy, Debug)]
pub struct Transmit<'a> {
    /// The datagrams, one behind the other: at most 64 of them and at most 65 487 bytes, which is what segmentation
    /// offload takes in one call.
    pub bytes: &'a [u8],
    /// Bytes of each; the last may be shorter.
    pub segment: usize,
}

/// How a frame ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendEvent {
    /// Its last datagram was given out.
    Sent {
        /// When it was captured.
        captured: MediaTime,
        /// How long it waited for its first datagram to go.
        queued: Duration,
        /// From its first datagram to its last.
        sending: Duration,
    },
    /// A newer one took its place before its first datagram went, or the stream was [abandoned](SendStream::abandon)
    /// before its last one did.
    Superseded {
        /// When it was captured.
        captured: MediaTime,
    },
    /// It cannot be sent.
    Refused {
        /// When it was captured.
        captured: MediaTime,
        /// Why.
        error: CutError,
    },
}

#[derive(Debug)]
struct Waiting {
    frame: Frame,
    pushed: Instant,
}

#[derive(Debug)]
struct Going {
    captured: MediaTime,
    queued: Duration,
    sent: usize,
    begun: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    No,
    Asked,
    Done,
}

impl SendStream {
    /// A stream that has sent nothing yet. It says hello at once.
    pub fn new(config: SendConfig, clock: Clock, now: Instant) -> Self {
        Self {
            pacer: Pacer::new(config.pace, config.overhead_bytes),
            interval: config.interval,
            config,
            slab: Slab::default(),
            going: None,
            waiting: None,
            next_frame: FrameId::new(0),
            last_pushed: None,
            state: SourceState::Live,
            next_hello: now,
            clock,
            control: Vec::with_capacity(wire::HEADER_BYTES + 2 + wire::MAX_NAME_BYTES),
            events: VecDeque::with_capacity(EVENTS),
            closing: Closing::No,
            stats: SendStats::default(),
        }
    }

    /// Numbers the next frame `frame` instead of the one after the last; for tests of the wrap.
    pub fn set_next_frame(&mut self, frame: FrameId) {
        self.next_frame = frame;
    }

    /// Takes a frame to be sent, in place of one that still waits.
    pub fn push_frame(&mut self, frame: Frame, now: Instant) {
        self.stats.pushed += 1;
        self.learn_interval(now);
        if let Some(older) = self.waiting.replace(Waiting { frame, pushed: now }) {
            self.stats.superseded += 1;
            self.events.push_back(SendEvent::Superseded { captured: older.frame.captured });
        }
    }

    /// Says whether the source has pictures; a change is told to receivers at once.
    pub fn set_state(&mut self, state: SourceState, now: Instant) {
        if self.state != state {
            self.state = state;
            self.next_hello = now;
        }
    }

    /// Tells the stream that the path takes datagrams of at most `bytes`, from the next frame on.
    pub fn set_datagram_bytes(&mut self, bytes: usize) {
        self.config.datagram_bytes = bytes;
    }

    /// Ends the stream: what was pushed still goes out, then a goodbye, and then there is nothing more.
    pub fn close(&mut self) {
        if self.closing == Closing::No {
            self.closing = Closing::Asked;
        }
    }

    /// Ends the stream without waiting for what has not gone: it counts as superseded. Then a goodbye, and nothing more.
    pub fn abandon(&mut self) {
        self.close();
        let going = self.going.take().map(|going| going.captured);
        let waiting = self.waiting.take().map(|waiting| waiting.frame.captured);
        for captured in [going, waiting].into_iter().flatten() {
            self.stats.superseded += 1;
            self.events.push_back(SendEvent::Superseded { captured });
        }
    }

    /// Whether everything, and the goodbye, has gone.
    pub fn is_closed(&self) -> bool {
        self.closing == Closing::Done && self.events.is_empty()
    }

    /// What to do next. Call it until it says `Wait`; then again after each input, and at that time. Each answer but
    /// `Wait` is given once.
    #[must_use]
    pub fn poll(&mut self, now: Instant) -> SendOutput<'_> {
        if let Some(event) = self.events.pop_front() {
            return SendOutput::Event(event);
        }
        if self.closing == Closing::Done {
            return SendOutput::Wait(None);
        }
        if self.next_hello <= now {
            self.next_hello = now + HELLO_INTERVAL;
            return self.say(Kind::Hello, now);
        }
        if self.going.is_none()
            && let Some(waiting) = self.waiting.take()
            && let Err(refused) = self.begin(waiting, now)
        {
            return SendOutput::Event(refused);
        }
        let Some(going) = &self.going else {
            if self.closing == Closing::Asked {
                self.closing = Closing::Done;
                return self.say(Kind::Goodbye, now);
            }
            return SendOutput::Wait(Some(self.next_hello));
        };
        match self.pacer.due(going.sent, self.slab.len(), now) {
            Ok(count) => self.send(count, now),
            Err(next) => SendOutput::Wait(Some(next.min(self.next_hello))),
        }
    }

    /// What was counted so far.
    pub fn stats(&self) -> &SendStats {
        &self.stats
    }

    /// Bits per second at which frames go out, on the wire; `None` if each goes at once.
    pub fn pace(&self) -> Option<f64> {
        self.pacer.rate()
    }

    fn begin(&mut self, waiting: Waiting, now: Instant) -> Result<(), SendEvent> {
        let (captured, jpeg) = (waiting.frame.captured, &waiting.frame.jpeg);
        let cut =
            self.slab.cut(jpeg, self.config.session, self.next_frame, captured, self.config.datagram_bytes);
        if let Err(error) = cut {
            self.stats.refused += 1;
            return Err(SendEvent::Refused { captured, error });
        }
        self.next_frame = self.next_frame.next();
        self.pacer.begin(self.slab.len(), self.slab.bytes(), self.interval, now);
        let queued = now.saturating_duration_since(waiting.pushed);
        self.going = Some(Going { captured, queued, sent: 0, begun: now });
        Ok(())
    }

    /// Gives out the next `count` datagrams of the slab, or as many as one call takes.
    fn send(&mut self, count: usize, now: Instant) -> SendOutput<'_> {
        let going = self.going.as_mut().expect("a frame is going out");
        let stride = self.slab.stride();
        let count = count.min(MOST_AT_ONCE).min((MOST_BYTES_AT_ONCE / stride).max(1));
        let from = going.sent;
        going.sent += count;
        if going.sent == self.slab.len() {
            self.stats.sent += 1;
            self.events.push_back(SendEvent::Sent {
                captured: going.captured,
                queued: going.queued,
                sending: now.saturating_duration_since(going.begun),
            });
            self.going = None;
        }
        let bytes = self.slab.range(from..from + count);
        self.stats.data += count as u64;
        self.stats.bytes += bytes.len() as u64;
        SendOutput::Transmit(Transmit { bytes, segment: stride.min(bytes.len()) })
    }

    fn say(&mut self, kind: Kind, now: Instant) -> SendOutput<'_> {
        let header = Header {
            kind,
            session: self.config.session,
            frame: self.next_frame,
            part: 0,
            parts: 0,
            index: 0,
            data_chunks: 0,
            parity_chunks: 0,
            length: 0,
            captured: self.clock.at(now),
        };
        let hello = Hello { state: self.state, name: &self.config.name };
        wire::emit_control(&header, (kind == Kind::Hello).then_some(&hello), &mut self.control);
        self.stats.bytes += self.control.len() as u64;
        SendOutput::Transmit(Transmit { bytes: &self.control, segment: self.control.len() })
    }

    fn learn_interval(&mut self, now: Instant) {
        if self.config.interval.is_none()
            && let Some(last) = self.last_pushed
        {
            let since = now.saturating_duration_since(last);
            self.interval = Some(self.interval.map_or(since, |known| (known * 7 + since) / 8));
        }
        self.last_pushed = Some(now);
    }
}

/// What one call of the kernel takes, for IPv4 as for IPv6.
const MOST_BYTES_AT_ONCE: usize = 65_487;
/// Room for events: each frame makes one, and they are drained after each.
const EVENTS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Buffer, t0};

    fn config(pace: Pace) -> SendConfig {
        SendConfig {
            session: SessionId::new(1),
            datagram_bytes: 1472,
            overhead_bytes: 66,
            pace,
            interval: Some(Duration::from_millis(33)),
            name: "test".into(),
        }
    }

    fn stream(pace: Pace, now: Instant) -> SendStream {
        SendStream::new(config(pace), Clock::new(now, MediaTime::default()), now)
    }

    fn frame(number: u64, bytes: usize) -> Frame {
        Frame { captured: MediaTime::from_micros(number), jpeg: Buffer::new(vec![number as u8; bytes]) }
    }

    /// Drains `poll`: (datagrams with a chunk, events, when to call again).
    fn drain(stream: &mut SendStream, now: Instant) -> (usize, Vec<SendEvent>, Option<Instant>) {
        let (mut data, mut events) = (0, Vec::new());
        loop {
            match stream.poll(now) {
                SendOutput::Transmit(transmit) => {
                    for bytes in transmit.bytes.chunks(transmit.segment) {
                        data += usize::from(bytes[3] == 1);
                    }
                }
                SendOutput::Event(event) => events.push(event),
                SendOutput::Wait(until) => return (data, events, until),
            }
        }
    }

    #[test]
    fn an_unpaced_frame_goes_at_once_and_is_counted() {
        let now = t0();
        let mut stream = stream(Pace::Off, now);
        stream.push_frame(frame(1, 170_000), now);
        let (data, events, _) = drain(&mut stream, now);
        assert_eq!((data, events.len()), (119, 1));
        assert_eq!((stream.stats().sent, stream.stats().data), (1, 119));
    }

    #[test]
    fn a_newer_frame_replaces_the_one_that_waits_and_the_one_going_is_finished() {
        let t0 = t0();
        let mut stream = stream(Pace::Auto, t0);
        let mut now = t0;
        stream.push_frame(frame(1, 170_000), now);
        let (_, _, mut next) = drain(&mut stream, now);
        stream.push_frame(frame(2, 170_000), now);
        stream.push_frame(frame(3, 170_000), now);
        let mut ends = Vec::new();
        while ends.len() < 3 {
            let (_, events, until) = drain(&mut stream, now);
            ends.extend(events);
            next = until.or(next);
            now = next.unwrap();
        }
        assert!(matches!(ends[0], SendEvent::Superseded { captured } if captured.as_micros() == 2));
        assert!(matches!(ends[1], SendEvent::Sent { captured, .. } if captured.as_micros() == 1));
        assert!(matches!(ends[2], SendEvent::Sent { captured, .. } if captured.as_micros() == 3));
    }

    #[test]
    fn a_closed_stream_sends_what_it_has_then_goodbye_then_nothing() {
        let now = t0();
        let mut stream = stream(Pace::Off, now);
        stream.push_frame(frame(1, 100), now);
        stream.close();
        let (data, events, until) = drain(&mut stream, now);
        assert_eq!((data, events.len(), until), (1, 1, None));
        assert!(stream.is_closed());
        assert_eq!(drain(&mut stream, now + HELLO_INTERVAL * 2).0, 0);
    }

    #[test]
    fn an_abandoned_stream_says_goodbye_at_once_and_every_frame_has_ended() {
        let now = t0();
        let mut stream = stream(Pace::Rate(1e5), now);
        stream.push_frame(frame(1, 170_000), now);
        let _ = drain(&mut stream, now);
        stream.push_frame(frame(2, 170_000), now);
        stream.close();
        assert!(drain(&mut stream, now).2.is_some() && !stream.is_closed());
        stream.abandon();
        let (data, events, until) = drain(&mut stream, now);
        assert_eq!((data, events.len(), until, stream.is_closed()), (0, 2, None, true));
        assert_eq!((stream.stats().pushed, stream.stats().superseded), (2, 2));
    }

    #[test]
    fn hellos_go_on_without_frames_and_a_change_is_told_at_once() {
        let t0 = t0();
        let mut stream = stream(Pace::Off, t0);
        let said = |stream: &mut SendStream, now| matches!(stream.poll(now), SendOutput::Transmit(_));
        assert!(said(&mut stream, t0) && !said(&mut stream, t0 + HELLO_INTERVAL / 2));
        assert!(said(&mut stream, t0 + HELLO_INTERVAL));
        stream.set_state(SourceState::Gone, t0 + HELLO_INTERVAL);
        assert!(said(&mut stream, t0 + HELLO_INTERVAL));
    }

    #[test]
    fn a_frame_that_cannot_be_sent_is_refused_and_the_next_one_goes() {
        let now = t0();
        let mut stream = stream(Pace::Off, now);
        stream.push_frame(frame(1, 0), now);
        let (_, events, _) = drain(&mut stream, now);
        assert!(matches!(events[..], [SendEvent::Refused { error: CutError::Empty, .. }]));
        stream.push_frame(frame(2, 10), now);
        assert_eq!(drain(&mut stream, now).0, 1);
    }
}

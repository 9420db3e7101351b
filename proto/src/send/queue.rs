//! The frames of a stream: the one that waits, the one that is being sent, and how each ended.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::gate::{FrameGate, LeftOut, Path, WaitingFrame};
use super::output::SendEvent;
use crate::frame::{Frame, MediaTime};
use crate::stats::SendStats;

/// What all sending ends do alike with frames, whatever datagrams they make of them, and for whatever reason `E` they
/// refuse one.
#[derive(Debug)]
pub(crate) struct FrameQueue<E> {
    gate: FrameGate,
    going: Option<Going>,
    events: VecDeque<SendEvent<E>>,
    closing: Closing,
    pub(crate) stats: SendStats,
}

/// The frame that is going out.
#[derive(Debug)]
struct Going {
    number: u64,
    captured: MediaTime,
    queued: Duration,
    begun: Instant,
}

/// How far a stream is with its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    No,
    Asked,
    Done,
}

impl<E> FrameQueue<E> {
    /// For frames that come every `interval`, where that is known beforehand, in a stream of `most` bits per second.
    pub(crate) fn new(interval: Option<Duration>, most: Option<f64>) -> Self {
        Self {
            gate: FrameGate::new(interval, most),
            going: None,
            events: VecDeque::with_capacity(EVENTS),
            closing: Closing::No,
            stats: SendStats::default(),
        }
    }

    /// Takes a frame that has `wire` bytes on the wire, in place of one that still waits, unless it is too much.
    pub(crate) fn push(&mut self, frame: Frame, wire: usize, path: Path, now: Instant) {
        let number = self.stats.pushed;
        self.stats.pushed += 1;
        if let Some(LeftOut { number, captured, on_purpose }) = self.gate.push(number, frame, wire, path, now)
        {
            self.stats.thinned += u64::from(on_purpose);
            self.supersede(number, captured, on_purpose);
        }
    }

    /// How the next frame ended.
    pub(crate) fn next_event(&mut self) -> Option<SendEvent<E>> {
        self.events.pop_front()
    }

    /// The frame to begin with now; `None` if there is none, or another is going out.
    pub(crate) fn next_frame(&mut self) -> Option<WaitingFrame> {
        if self.is_going() { None } else { self.gate.take() }
    }

    /// It begins to go out.
    pub(crate) fn begin(&mut self, waiting: &WaitingFrame, now: Instant) {
        let queued = now.saturating_duration_since(waiting.pushed);
        let WaitingFrame { number, frame: Frame { captured, .. }, .. } = *waiting;
        self.going = Some(Going { number, captured, queued, begun: now });
    }

    /// It cannot be sent.
    pub(crate) fn refuse(&mut self, waiting: &WaitingFrame, error: E) -> SendEvent<E> {
        self.stats.refused += 1;
        SendEvent::Refused { number: waiting.number, captured: waiting.frame.captured, error }
    }

    /// Whether a frame is going out.
    pub(crate) fn is_going(&self) -> bool {
        self.going.is_some()
    }

    /// Its last datagram goes.
    pub(crate) fn sent(&mut self, now: Instant) {
        if let Some(Going { number, captured, queued, begun }) = self.going.take() {
            self.stats.sent += 1;
            let sending = now.saturating_duration_since(begun);
            self.events.push_back(SendEvent::Sent { number, captured, queued, sending });
        }
    }

    /// Frames come every `interval` from now on.
    pub(crate) fn set_interval(&mut self, interval: Duration) {
        self.gate.set_interval(interval);
    }

    /// How far frames are apart, as far as that is known.
    pub(crate) fn interval(&self) -> Option<Duration> {
        self.gate.interval()
    }

    /// The same, once it is more than a guess from a few frames.
    pub(crate) fn sure_interval(&self) -> Option<Duration> {
        self.gate.sure_interval()
    }

    /// How many bytes a frame may have on the wire, where the path carries `limit` bits per second; `None` if nothing
    /// limits it.
    pub(crate) fn budget(&self, limit: Option<f64>) -> Option<f64> {
        self.gate.budget(limit)
    }

    /// Nothing is going to be pushed any more.
    pub(crate) fn close(&mut self) {
        if self.closing == Closing::No {
            self.closing = Closing::Asked;
        }
    }

    /// What has not gone is not going to: it counts as superseded.
    pub(crate) fn abandon(&mut self) {
        self.close();
        let going = self.going.take().map(|going| (going.number, going.captured));
        let waiting = self.gate.take().map(|waiting| (waiting.number, waiting.frame.captured));
        for (number, captured) in [going, waiting].into_iter().flatten() {
            self.supersede(number, captured, false);
        }
    }

    /// Whether it is time for a goodbye as soon as nothing goes out.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing == Closing::Asked
    }

    /// The goodbye goes.
    pub(crate) fn end(&mut self) {
        self.closing = Closing::Done;
    }

    /// Whether the goodbye has gone.
    pub(crate) fn is_over(&self) -> bool {
        self.closing == Closing::Done
    }

    /// Whether that was said of every frame, too.
    pub(crate) fn is_drained(&self) -> bool {
        self.is_over() && self.events.is_empty()
    }

    fn supersede(&mut self, number: u64, captured: MediaTime, thinned: bool) {
        self.stats.superseded += 1;
        self.events.push_back(SendEvent::Superseded { number, captured, thinned });
    }
}

/// Room for events: each frame makes one, and they are drained after each.
const EVENTS: usize = 16;

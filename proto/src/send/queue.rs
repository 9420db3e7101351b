//! The frames of a stream: the one that waits, the one that is being sent, and how each ended.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::gate::{FrameGate, LeftOut, Path, WaitingFrame};
use super::output::SendEvent;
use crate::frame::{FrameInParts, FramePart, MediaTime};
use crate::stats::SendStats;

/// What all sending ends do alike with frames, whatever datagrams they make of them, and for whatever reason `E` they
/// refuse one.
#[derive(Debug)]
pub(crate) struct FrameQueue<E> {
    gate: FrameGate,
    going: Option<GoingFrame>,
    /// Bytes of the last frame of which all parts have come.
    usual_bytes: Option<usize>,
    events: VecDeque<SendEvent<E>>,
    closing: Closing,
    pub(crate) stats: SendStats,
}

/// The frame that is going out.
#[derive(Debug)]
pub(crate) struct GoingFrame {
    number: u64,
    pub(crate) frame: FrameInParts,
    queued: Duration,
    begun: Instant,
    /// Whether its parts go by themselves, or all as one.
    is_in_parts: bool,
    /// How many of its parts have begun to go.
    next: usize,
    /// Whether the last of these is still going.
    is_sending: bool,
}

/// How far a stream is with its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    No,
    Asked,
    Done,
}

impl GoingFrame {
    /// Which of its parts go now; all of them where it goes as one.
    pub(crate) fn sending(&self) -> Range<usize> {
        if self.is_in_parts { self.next - 1..self.next } else { 0..self.next }
    }

    /// As how many parts it goes.
    pub(crate) fn parts(&self) -> usize {
        if self.is_in_parts { self.frame.parts() } else { 1 }
    }

    fn has_begun_last(&self) -> bool {
        self.next == self.frame.parts()
    }
}

impl<E> FrameQueue<E> {
    /// For frames that come every `interval`, where that is known beforehand, in a stream of `most` bits per second.
    pub(crate) fn new(interval: Option<Duration>, most: Option<f64>) -> Self {
        Self {
            gate: FrameGate::new(interval, most),
            going: None,
            usual_bytes: None,
            events: VecDeque::with_capacity(EVENTS),
            closing: Closing::No,
            stats: SendStats::default(),
        }
    }

    /// Takes a part. The first begins a frame, in place of one that still waits, unless it is too much; the others go
    /// with it. `wire` says how many bytes so many are on the wire.
    pub(crate) fn push(&mut self, part: FramePart, wire: impl Fn(usize) -> usize, path: Path, now: Instant) {
        if part.part > 0 {
            self.go_on(part);
            return;
        }
        self.cut_short();
        let number = self.stats.pushed;
        self.stats.pushed += 1;
        let bytes = match (part.parts, part.range.len()) {
            (1, bytes) => bytes,
            (parts, bytes) => self.usual_bytes.unwrap_or_else(|| bytes * usize::from(parts)),
        };
        let frame = FrameInParts::begin(part);
        if let Some(LeftOut { number, captured, on_purpose }) =
            self.gate.push(number, frame, bytes, wire(bytes), path, now)
        {
            self.stats.thinned += u64::from(on_purpose);
            self.supersede(number, captured, on_purpose);
        }
    }

    /// How the next frame ended.
    pub(crate) fn next_event(&mut self) -> Option<SendEvent<E>> {
        self.events.pop_front()
    }

    /// Whether the next frame to begin has several parts.
    pub(crate) fn begins_in_parts(&self) -> bool {
        self.going.is_none() && self.gate.waiting().is_some_and(|waiting| waiting.parts() > 1)
    }

    /// What is to go now: a part of the frame that goes, or the first of the one that waits. `None` if there is none
    /// yet, or another part is going. A frame goes `in_parts`, or as one once it is whole.
    pub(crate) fn next_part(&mut self, in_parts: impl FnOnce() -> bool, now: Instant) -> Option<&GoingFrame> {
        if self.going.is_none() {
            let waiting = self.gate.waiting()?;
            let parts = waiting.parts();
            let bytes = match self.usual_bytes {
                Some(bytes) => bytes / parts,
                None => waiting.bytes() / waiting.there(),
            };
            let is_in_parts = parts > 1 && bytes >= LEAST_PART_BYTES && in_parts();
            let WaitingFrame { number, frame, pushed } = self.gate.take_if(is_in_parts)?;
            let queued = now.saturating_duration_since(pushed);
            let (next, is_sending) = (0, false);
            self.going =
                Some(GoingFrame { number, frame, queued, begun: now, is_in_parts, next, is_sending });
        }
        let going = self.going.as_mut()?;
        if going.is_sending || going.next == going.frame.there() {
            return None;
        }
        going.next = if going.is_in_parts { going.next + 1 } else { going.frame.there() };
        going.is_sending = true;
        Some(&*going)
    }

    /// The frame that goes cannot be sent.
    pub(crate) fn refuse(&mut self, error: E) -> Option<SendEvent<E>> {
        let GoingFrame { number, frame, .. } = self.going.take()?;
        self.stats.refused += 1;
        Some(SendEvent::Refused { number, captured: frame.captured, error })
    }

    /// Whether a part of a frame is going out.
    pub(crate) fn is_sending(&self) -> bool {
        self.going.as_ref().is_some_and(|going| going.is_sending)
    }

    /// Whether a frame is going out, perhaps with parts that have not come yet.
    pub(crate) fn is_going(&self) -> bool {
        self.going.is_some()
    }

    /// Bytes of the frame that goes in parts that have not begun, if it is going to be sent to its end.
    pub(crate) fn left(&self) -> usize {
        let going = self.going.as_ref().filter(|going| going.frame.is_whole());
        let left = |going: &GoingFrame| {
            going.frame.pieces(going.next..going.frame.parts()).map(<[u8]>::len).sum::<usize>()
        };
        going.map_or(0, left)
    }

    /// Its last datagram goes.
    pub(crate) fn sent(&mut self, now: Instant) {
        let Some(going) = &mut self.going else { return };
        going.is_sending = false;
        if let Some(GoingFrame { number, frame, queued, begun, .. }) =
            self.going.take_if(|going| going.has_begun_last())
        {
            self.stats.sent += 1;
            let (captured, sending) = (frame.captured, now.saturating_duration_since(begun));
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

    /// Nothing is going to be pushed any more, nor the rest of a frame that is not whole.
    pub(crate) fn close(&mut self) {
        if self.closing == Closing::No {
            self.closing = Closing::Asked;
            self.cut_short();
        }
    }

    /// What has not gone is not going to: it counts as superseded.
    pub(crate) fn abandon(&mut self) {
        self.close();
        let going = self.going.take().map(|going| (going.number, going.frame.captured));
        let waiting = self.gate.take().map(|waiting| (waiting.number, waiting.frame.captured));
        for (number, captured) in [going, waiting].into_iter().flatten() {
            self.supersede(number, captured, false);
        }
    }

    /// Whether it is time for a goodbye as soon as nothing goes out.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing == Closing::Asked
    }

    /// The goodbye goes. What waits is a frame of which the rest never came.
    pub(crate) fn end(&mut self) {
        self.closing = Closing::Done;
        if let Some(WaitingFrame { number, frame, .. }) = self.gate.take() {
            self.supersede(number, frame.captured, false);
        }
    }

    /// Whether the goodbye has gone.
    pub(crate) fn is_over(&self) -> bool {
        self.closing == Closing::Done
    }

    /// Whether that was said of every frame, too.
    pub(crate) fn is_drained(&self) -> bool {
        self.is_over() && self.events.is_empty()
    }

    /// Adds a part to the frame that was pushed last, unless that was left out.
    fn go_on(&mut self, part: FramePart) {
        let newest = self.stats.pushed.wrapping_sub(1);
        let going = self.going.as_mut().filter(|going| going.number == newest).map(|going| &mut going.frame);
        let Some(frame) = going.or_else(|| self.gate.frame_mut(newest)) else { return };
        if frame.add(part) && frame.is_whole() {
            self.usual_bytes = Some(frame.bytes());
        }
    }

    /// The next frame comes: if the one that goes is not whole, the rest of it never will be.
    fn cut_short(&mut self) {
        if let Some(going) = self.going.take_if(|going| !going.frame.is_whole()) {
            self.supersede(going.number, going.frame.captured, false);
        }
    }

    fn supersede(&mut self, number: u64, captured: MediaTime, thinned: bool) {
        self.stats.superseded += 1;
        self.events.push_back(SendEvent::Superseded { number, captured, thinned });
    }
}

/// Smaller parts are not sent by themselves: each has headers and parity of its own, and is there soon after the one
/// before in any case.
const LEAST_PART_BYTES: usize = 16 << 10;
/// Room for events: each frame makes one, and they are drained after each.
const EVENTS: usize = 16;

#[cfg(test)]
mod tests;

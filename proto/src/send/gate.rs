//! Which frames a stream sends: the newest that waits, and none for which its path has no room.

use std::time::{Duration, Instant};

use crate::frame::{FrameInParts, MediaTime};

/// Holds the frame that waits to be sent, at most one, and learns how far frames are apart.
#[derive(Debug)]
pub(crate) struct FrameGate {
    waiting: Option<WaitingFrame>,
    interval: Option<Duration>,
    /// Whether that was known beforehand.
    is_given: bool,
    /// From how many frames it was learned.
    learned: u32,
    last_pushed: Option<Instant>,
    /// The most bits per second that the stream may have on the wire.
    most: Option<f64>,
    /// When the stream, at that rate, has sent all that it was given.
    free: Option<Instant>,
}

/// A frame that waits, as far as it has come.
#[derive(Debug)]
pub(crate) struct WaitingFrame {
    pub(crate) number: u64,
    pub(crate) frame: FrameInParts,
    pub(crate) pushed: Instant,
}

/// What is known of the path when a frame comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path {
    /// Bits per second that it carries, as far as that is known.
    pub(crate) limit: Option<f64>,
    /// When it is done with the frame before.
    pub(crate) free: Option<Instant>,
}

/// A frame that is not sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LeftOut {
    pub(crate) number: u64,
    pub(crate) captured: MediaTime,
    /// Whether that is because the path does not carry all of them, and not because a newer one came.
    pub(crate) on_purpose: bool,
}

impl FrameGate {
    /// For frames that come every `interval`, where that is known beforehand, in a stream of `most` bits per second.
    pub(crate) fn new(interval: Option<Duration>, most: Option<f64>) -> Self {
        Self {
            waiting: None,
            interval,
            is_given: interval.is_some(),
            learned: 0,
            last_pushed: None,
            most,
            free: None,
        }
    }

    /// Takes frame `number`, which has so many `bytes`, and `wire` bytes on the wire, in place of one that still waits,
    /// unless it is too much.
    pub(crate) fn push(
        &mut self,
        number: u64,
        frame: FrameInParts,
        bytes: usize,
        wire: usize,
        path: Path,
        now: Instant,
    ) -> Option<LeftOut> {
        self.learn_interval(now);
        if self.is_too_much(bytes, wire, path, now) {
            return Some(LeftOut { number, captured: frame.captured, on_purpose: true });
        }
        let older = self.waiting.replace(WaitingFrame { number, frame, pushed: now })?;
        Some(LeftOut { number: older.number, captured: older.frame.captured, on_purpose: false })
    }

    /// The frame that is to be sent next.
    pub(crate) fn take(&mut self) -> Option<WaitingFrame> {
        self.waiting.take()
    }

    /// What waits, as far as it has come.
    pub(crate) fn waiting(&self) -> Option<&FrameInParts> {
        self.waiting.as_ref().map(|waiting| &waiting.frame)
    }

    /// The frame that is to be sent next, if it is whole, or may go in parts.
    pub(crate) fn take_if(&mut self, in_parts: bool) -> Option<WaitingFrame> {
        self.waiting.take_if(|waiting| in_parts || waiting.frame.is_whole())
    }

    /// Frame `number`, if it waits.
    pub(crate) fn frame_mut(&mut self, number: u64) -> Option<&mut FrameInParts> {
        self.waiting.as_mut().filter(|waiting| waiting.number == number).map(|waiting| &mut waiting.frame)
    }

    /// Frames come every `interval` from now on.
    pub(crate) fn set_interval(&mut self, interval: Duration) {
        (self.interval, self.is_given) = (Some(interval), true);
    }

    /// How far frames are apart, as far as that is known.
    pub(crate) fn interval(&self) -> Option<Duration> {
        self.interval
    }

    /// The same, once it is more than a guess from a few frames.
    pub(crate) fn sure_interval(&self) -> Option<Duration> {
        self.interval.filter(|_| self.is_given || self.learned >= SURE)
    }

    /// How many bytes a frame may have on the wire, where the path carries `limit` bits per second; `None` if nothing
    /// limits it.
    pub(crate) fn budget(&self, limit: Option<f64>) -> Option<f64> {
        let path = limit.map(|limit| limit * PATH_SHARE);
        let rate = [path, self.most].into_iter().flatten().reduce(f64::min)?;
        Some(rate * self.interval?.as_secs_f64() / 8.0)
    }

    /// Whether a frame has to be left out: the path is known to carry no more, and is still busy with the one before.
    ///
    /// A frame that waited would only arrive later; and left out when it comes, frames are left out evenly.
    fn is_too_much(&mut self, bytes: usize, wire: usize, path: Path, now: Instant) -> bool {
        let interval = self.interval.unwrap_or_default();
        let is_late = |free: Option<Instant>, slack| free.is_some_and(|free| free > now + slack);
        let takes =
            |bytes: usize, rate| Duration::try_from_secs_f64(bytes as f64 * 8.0 / rate).unwrap_or_default();
        if let Some(limit) = path.limit {
            // Where frames fit into their interval, a little lateness is made good by the next one.
            let fits = takes(bytes, limit) < interval;
            if is_late(path.free, if fits { interval.mul_f64(SLACK) } else { SLACK_OF_LARGE }) {
                return true;
            }
        }
        if let Some(most) = self.most {
            if is_late(self.free, interval) {
                return true;
            }
            let free = self.free.unwrap_or(now).max(now.checked_sub(interval).unwrap_or(now));
            self.free = Some(free + takes(wire, most));
        }
        false
    }

    fn learn_interval(&mut self, now: Instant) {
        if !self.is_given
            && let Some(last) = self.last_pushed
        {
            let since = now.saturating_duration_since(last);
            self.interval = Some(self.interval.map_or(since, |known| (known * 7 + since) / 8));
            self.learned = self.learned.saturating_add(1);
        }
        self.last_pushed = Some(now);
    }
}

/// From how many frames on an interval that was learned is told to others.
const SURE: u32 = 24;
/// Of what a path carries, how much frames are made to fill: the rest is for those that are larger than they were meant
/// to be, and for what is sent again.
const PATH_SHARE: f64 = 0.85;
/// How late a frame may begin that fits into its interval, as a share of that.
const SLACK: f64 = 0.15;
/// And one that does not.
const SLACK_OF_LARGE: Duration = Duration::from_millis(1);

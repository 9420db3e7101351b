//! Frames that wait for the sending thread, part by part.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use proto::sys::Event;
use proto::wire::SourceState;
use proto::{Frame, FramePart, MAX_PARTS, Taken};

/// What shows frames besides. It never waits.
pub(crate) type FrameTap = Box<dyn Fn(&Frame) + Send + Sync>;

/// What receivers are told of the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SourceNews {
    /// Whether it gives pictures.
    pub state: SourceState,
    /// How far they are apart, where that is known beforehand.
    pub interval: Option<Duration>,
    /// By how much their capture times are wrong at most, where that is known.
    pub capture_error: Option<Duration>,
}

/// Where the newest frame waits for the sending thread, and the rest of the one that it has begun; and what it should
/// tell receivers of the source.
///
/// It is a file descriptor that becomes readable when there is something to take, so that the thread can wait for it
/// and for its sockets at once.
pub(crate) struct FrameInbox {
    /// Whether the source is gone for now.
    pub source_is_gone: AtomicBool,
    /// Microseconds between pictures; 0 if that is not known.
    interval: AtomicU64,
    /// Microseconds by which capture times are wrong at most; 0 if that is not known.
    capture_error: AtomicU64,
    /// Bytes that a frame may have so that the paths carry the stream; 0 if no limit is known.
    frame_budget: AtomicUsize,
    /// Whom frames are shown to besides.
    tap: Option<FrameTap>,
    waiting: Mutex<WaitingParts>,
    changed: Event,
}

/// Parts in their order: first those of the frame that was begun, then those of a newer one.
#[derive(Debug)]
struct WaitingParts {
    parts: VecDeque<FramePart>,
    /// Whether the frame that came last was let in, and is not whole: its other parts follow it.
    is_open: bool,
    closed: bool,
}

impl FrameInbox {
    /// An empty one.
    ///
    /// # Errors
    /// If the system has no file descriptors left.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            source_is_gone: AtomicBool::new(false),
            interval: AtomicU64::new(0),
            capture_error: AtomicU64::new(0),
            frame_budget: AtomicUsize::new(0),
            tap: None,
            waiting: Mutex::new(WaitingParts {
                parts: VecDeque::with_capacity(2 * MAX_PARTS),
                is_open: false,
                closed: false,
            }),
            changed: Event::new()?,
        })
    }

    /// The same, which shows frames to `tap` too.
    #[must_use]
    pub(crate) fn with_tap(self, tap: Option<FrameTap>) -> Self {
        Self { tap, ..self }
    }

    /// Says how far the source's pictures are apart, before they are.
    pub(crate) fn set_interval(&self, interval: Duration) {
        self.interval.store(micros(interval), Ordering::Relaxed);
    }

    /// Says by how much capture times are wrong at most from now on.
    pub(crate) fn set_capture_error(&self, error: Duration) {
        self.capture_error.store(micros(error), Ordering::Relaxed);
    }

    /// What receivers are to be told of the source now.
    pub(crate) fn source(&self) -> SourceNews {
        let is_gone = self.source_is_gone.load(Ordering::Relaxed);
        let known = |micros: &AtomicU64| {
            Some(micros.load(Ordering::Relaxed)).filter(|&micros| micros > 0).map(Duration::from_micros)
        };
        SourceNews {
            state: if is_gone { SourceState::Gone } else { SourceState::Live },
            interval: known(&self.interval),
            capture_error: known(&self.capture_error),
        }
    }

    /// Bytes that a frame may have so that the paths carry the stream, if there is a known limit.
    pub(crate) fn frame_budget(&self) -> Option<usize> {
        Some(self.frame_budget.load(Ordering::Relaxed)).filter(|&bytes| bytes > 0)
    }

    /// Says how many bytes a frame may have: at least 1, or `None` if no limit is known.
    pub(crate) fn set_frame_budget(&self, bytes: Option<usize>) {
        self.frame_budget.store(bytes.map_or(0, |bytes| bytes.max(1)), Ordering::Relaxed);
    }

    /// Shows a frame to the tap, if there is one.
    pub(crate) fn show(&self, frame: &Frame) {
        if let Some(tap) = &self.tap {
            tap(frame);
        }
    }

    /// Whether frames are shown to a tap.
    pub(crate) fn has_tap(&self) -> bool {
        self.tap.is_some()
    }

    /// Puts a part in. The first of a frame displaces an older frame that nobody has begun to take, or is refused if
    /// the inbox is closed: says whether there is such a frame. The others follow the first.
    pub(crate) fn put(&self, part: FramePart) -> bool {
        let mut waiting = self.waiting();
        let mut displaced = false;
        if part.part == 0 {
            displaced = waiting.closed || waiting.drop_newest();
            waiting.is_open = !waiting.closed;
        }
        if waiting.is_open {
            waiting.is_open = !part.ends_frame();
            waiting.parts.push_back(part);
        }
        drop(waiting);
        self.changed.raise();
        displaced
    }

    /// Takes the next part, without waiting. What was put in before the inbox was closed is still given out, and what
    /// follows it.
    pub(crate) fn take(&self) -> Taken<FramePart> {
        self.take_if(|_| true)
    }

    /// The same, but begins no frame: only what follows a part that was taken is given out.
    pub(crate) fn take_rest(&self) -> Taken<FramePart> {
        self.take_if(|part| part.part > 0)
    }

    fn take_if(&self, is_wanted: impl Fn(&FramePart) -> bool) -> Taken<FramePart> {
        self.changed.clear();
        let mut waiting = self.waiting();
        let part =
            if waiting.parts.front().is_some_and(is_wanted) { waiting.parts.pop_front() } else { None };
        let is_left = !waiting.parts.is_empty();
        let is_over = waiting.closed && !waiting.is_open && !is_left;
        drop(waiting);
        // What is left, and that nothing more will come, is still to be found.
        if is_left || is_over {
            self.changed.raise();
        }
        match part {
            Some(part) => Taken::Value(part),
            None if is_over => Taken::Closed,
            None => Taken::TimedOut,
        }
    }

    /// Says that no more frames will come, and drops the one that nobody has begun to take; says whether there was one.
    pub(crate) fn close_empty(&self) -> bool {
        self.close();
        let mut waiting = self.waiting();
        let dropped = waiting.drop_newest();
        waiting.is_open &= !dropped;
        dropped
    }

    /// Says that no more frames will come; the rest of the last one may.
    pub(crate) fn close(&self) {
        self.waiting().closed = true;
        self.changed.raise();
    }

    fn waiting(&self) -> MutexGuard<'_, WaitingParts> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WaitingParts {
    /// Drops the frame that nobody has begun to take; says whether there was one.
    fn drop_newest(&mut self) -> bool {
        let first = self.parts.iter().position(|part| part.part == 0);
        first.inspect(|&first| self.parts.truncate(first)).is_some()
    }
}

impl AsFd for FrameInbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.changed.as_fd()
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::MediaTime;
    use proto::sys::wait_until;
    use rustix::event::{PollFd, PollFlags};
    use std::sync::Arc;
    use std::time::Instant;

    fn is_ready(inbox: &FrameInbox) -> bool {
        wait_until(&mut [PollFd::new(inbox, PollFlags::IN)], Some(Instant::now())).unwrap() > 0
    }

    fn part(micros: u64, part: u8, parts: u8) -> FramePart {
        let captured = MediaTime::from_micros(micros);
        FramePart { captured, part, parts, buffer: Arc::default(), range: 0..1, signature: None }
    }

    fn taken(taken: Taken<FramePart>) -> Option<(u64, u8)> {
        if let Taken::Value(part) = taken { Some((part.captured.as_micros(), part.part)) } else { None }
    }

    #[test]
    fn it_is_readable_while_there_is_something_to_take() {
        let inbox = FrameInbox::new().unwrap();
        assert!(!is_ready(&inbox));
        assert!(!inbox.put(part(1, 0, 1)) && inbox.put(part(2, 0, 1)));
        assert!(is_ready(&inbox));
        assert_eq!(taken(inbox.take()), Some((2, 0)));
        assert!(!is_ready(&inbox));
        assert!(matches!(inbox.take(), Taken::TimedOut));
    }

    #[test]
    fn a_newer_frame_takes_the_place_of_one_that_was_not_begun_and_the_rest_of_one_that_was_goes_on() {
        let inbox = FrameInbox::new().unwrap();
        assert!(!inbox.put(part(1, 0, 3)) && !inbox.put(part(1, 1, 3)));
        assert_eq!(taken(inbox.take()), Some((1, 0)));
        assert!(!inbox.put(part(1, 2, 3)) && !inbox.put(part(2, 0, 2)) && !inbox.put(part(2, 1, 2)));
        assert!(inbox.put(part(3, 0, 2)) && !inbox.put(part(3, 1, 2)), "the second was never begun");
        assert!(is_ready(&inbox));
        let order = [(); 4].map(|()| taken(inbox.take()));
        assert_eq!(order, [Some((1, 1)), Some((1, 2)), Some((3, 0)), Some((3, 1))]);
        assert!(!is_ready(&inbox));
    }

    #[test]
    fn who_has_enough_takes_the_rest_of_a_frame_and_begins_none() {
        let inbox = FrameInbox::new().unwrap();
        inbox.put(part(1, 0, 2));
        assert_eq!(taken(inbox.take_rest()), None);
        assert_eq!(taken(inbox.take()), Some((1, 0)));
        inbox.put(part(1, 1, 2));
        inbox.put(part(2, 0, 2));
        assert_eq!((taken(inbox.take_rest()), taken(inbox.take_rest())), (Some((1, 1)), None));
        assert!(inbox.close_empty() && !inbox.put(part(2, 1, 2)), "what follows it is dropped, too");
        assert!(matches!(inbox.take(), Taken::Closed));
    }

    #[test]
    fn the_end_is_found_after_the_last_frame_was_taken() {
        let inbox = FrameInbox::new().unwrap();
        inbox.put(part(1, 0, 2));
        inbox.close();
        assert_eq!(taken(inbox.take()), Some((1, 0)));
        assert!(!is_ready(&inbox) && matches!(inbox.take(), Taken::TimedOut), "the rest is still to come");
        assert!(!inbox.put(part(1, 1, 2)));
        assert_eq!(taken(inbox.take()), Some((1, 1)));
        assert!(is_ready(&inbox));
        assert!(matches!(inbox.take(), Taken::Closed) && is_ready(&inbox));
        assert!(inbox.put(part(2, 0, 2)) && !inbox.put(part(2, 1, 2)), "a closed inbox takes no frame");
        assert!(matches!(inbox.take(), Taken::Closed));
    }
}

//! Frames that wait for the sending thread.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use proto::sys::Event;
use proto::wire::SourceState;
use proto::{Frame, Latest, Taken};

/// What shows frames besides. It never waits.
pub(crate) type FrameTap = Box<dyn Fn(&Frame) + Send + Sync>;

/// What receivers are told of the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SourceNews {
    /// Whether it gives pictures.
    pub state: SourceState,
    /// How far they are apart, where that is known beforehand.
    pub interval: Option<Duration>,
}

/// Where frames wait for the sending thread, and what it should tell receivers of the source.
///
/// It is a file descriptor that becomes readable when there is something to take, so that the thread can wait for it
/// and for its sockets at once.
pub(crate) struct FrameInbox {
    /// Whether the source is gone for now.
    pub source_is_gone: AtomicBool,
    /// Microseconds between pictures; 0 if that is not known.
    interval: AtomicU64,
    /// Bytes that a frame may have so that the paths carry the stream; 0 if no limit is known.
    frame_budget: AtomicUsize,
    /// Whom frames are shown to besides.
    tap: Option<FrameTap>,
    newest: Latest<Frame>,
    changed: Event,
    closed: AtomicBool,
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
            frame_budget: AtomicUsize::new(0),
            tap: None,
            newest: Latest::new(),
            changed: Event::new()?,
            closed: AtomicBool::new(false),
        })
    }

    /// The same, which shows frames to `tap` too.
    #[must_use]
    pub(crate) fn with_tap(self, tap: Option<FrameTap>) -> Self {
        Self { tap, ..self }
    }

    /// Says how far the source's pictures are apart, before they are.
    pub(crate) fn set_interval(&self, interval: Duration) {
        self.interval.store(u64::try_from(interval.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// What receivers are to be told of the source now.
    pub(crate) fn source(&self) -> SourceNews {
        let is_gone = self.source_is_gone.load(Ordering::Relaxed);
        SourceNews {
            state: if is_gone { SourceState::Gone } else { SourceState::Live },
            interval: Some(self.interval.load(Ordering::Relaxed))
                .filter(|&micros| micros > 0)
                .map(Duration::from_micros),
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

    /// Puts `frame` in, and returns what it displaced: an older one that nobody took, or `frame` itself if the inbox is
    /// closed.
    pub(crate) fn put(&self, frame: Frame) -> Option<Frame> {
        if let Some(tap) = &self.tap {
            tap(&frame);
        }
        let displaced = self.newest.put(frame);
        self.changed.raise();
        displaced
    }

    /// Takes the newest frame, without waiting. One that was put in before the inbox was closed is still given out.
    pub(crate) fn take(&self) -> Taken<Frame> {
        self.changed.clear();
        let taken = self.newest.take(Some(Duration::ZERO));
        // That it is closed is still to be found by whoever took the last frame.
        if self.closed.load(Ordering::Acquire) {
            self.changed.raise();
        }
        taken
    }

    /// Says that nothing more will come.
    pub(crate) fn close(&self) {
        self.newest.close();
        self.closed.store(true, Ordering::Release);
        self.changed.raise();
    }
}

impl AsFd for FrameInbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.changed.as_fd()
    }
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

    fn frame(micros: u64) -> Frame {
        Frame { captured: MediaTime::from_micros(micros), jpeg: Arc::default(), signature: None }
    }

    #[test]
    fn it_is_readable_while_there_is_something_to_take() {
        let inbox = FrameInbox::new().unwrap();
        assert!(!is_ready(&inbox));
        assert!(inbox.put(frame(1)).is_none() && inbox.put(frame(2)).is_some());
        assert!(is_ready(&inbox));
        assert!(matches!(inbox.take(), Taken::Value(frame) if frame.captured.as_micros() == 2));
        assert!(!is_ready(&inbox));
        assert!(matches!(inbox.take(), Taken::TimedOut));
    }

    #[test]
    fn the_end_is_found_after_the_last_frame_was_taken() {
        let inbox = FrameInbox::new().unwrap();
        inbox.put(frame(1));
        inbox.close();
        assert!(matches!(inbox.take(), Taken::Value(_)));
        assert!(is_ready(&inbox));
        assert!(matches!(inbox.take(), Taken::Closed) && is_ready(&inbox));
        assert!(inbox.put(frame(2)).is_some(), "a closed inbox takes nothing");
    }
}

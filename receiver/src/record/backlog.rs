//! Frames that wait to be recorded: all of them, as long as there is room.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Instant;

use proto::RateLimiter;

use crate::frame::Received;
use crate::sync::{lock, wait_while};

/// A queue with bounds. It is no live stage: a recording wants every frame, and may be late.
#[derive(Debug)]
pub(crate) struct Backlog {
    waiting: Mutex<BacklogQueue>,
    changed: Condvar,
    name: String,
}

#[derive(Debug)]
struct BacklogQueue {
    frames: VecDeque<Received>,
    bytes: usize,
    closed: bool,
    /// Frames dropped since it last kept up.
    dropped: u64,
    /// Whether that was said.
    is_said: bool,
    /// A disk that just keeps up may fail to many times a second.
    messages: RateLimiter,
}

impl Backlog {
    /// An empty one of what is called `name` when it is too slow.
    pub(crate) fn new(name: &str) -> Self {
        let waiting = BacklogQueue {
            frames: VecDeque::with_capacity(MOST_FRAMES),
            bytes: 0,
            closed: false,
            dropped: 0,
            is_said: false,
            messages: RateLimiter::of_messages(),
        };
        Self { waiting: Mutex::new(waiting), changed: Condvar::new(), name: name.to_owned() }
    }

    /// Appends a frame; says whether there was room for it.
    pub(crate) fn put(&self, frame: Received) -> bool {
        let mut waiting = self.lock();
        if waiting.closed {
            return false;
        }
        let bytes = waiting.bytes + frame.frame.jpeg.len();
        if waiting.frames.len() == MOST_FRAMES || (bytes > MOST_BYTES && !waiting.frames.is_empty()) {
            waiting.dropped += 1;
            let is_new = waiting.dropped == 1 && waiting.messages.is_due(Instant::now());
            waiting.is_said |= is_new;
            drop(waiting);
            tracing::trace!(output = self.name, frame = %frame.id, reason = "it is too slow", "frame dropped");
            if is_new {
                let name = &self.name;
                tracing::info!("{name} is too slow: frames are missing from it from now on");
            }
            return false;
        }
        waiting.bytes = bytes;
        waiting.frames.push_back(frame);
        drop(waiting);
        self.changed.notify_one();
        true
    }

    /// The oldest frame; `None` when it is closed and empty.
    pub(crate) fn take(&self) -> Option<Received> {
        let mut waiting = self.lock();
        if waiting.frames.is_empty() && waiting.dropped > 0 {
            let dropped = std::mem::take(&mut waiting.dropped);
            let is_said = std::mem::take(&mut waiting.is_said);
            drop(waiting);
            if is_said {
                let name = &self.name;
                tracing::info!("{name} keeps up again; {dropped} frames are missing from it");
            }
            waiting = self.lock();
        }
        let empty = |waiting: &mut BacklogQueue| waiting.frames.is_empty() && !waiting.closed;
        let mut waiting = wait_while(&self.changed, waiting, empty);
        let frame = waiting.frames.pop_front()?;
        waiting.bytes -= frame.frame.jpeg.len();
        Some(frame)
    }

    /// Says that nothing more will come.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    // No code panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, BacklogQueue> {
        lock(&self.waiting)
    }
}

/// Two seconds at 30 frames a second: a disk that pauses for longer is too slow for good.
const MOST_FRAMES: usize = 64;
/// What 64 large frames may take.
const MOST_BYTES: usize = 32 << 20;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proto::{Frame, FrameId, MediaTime};

    use super::*;

    fn frame(bytes: usize) -> Received {
        let jpeg = Arc::new(vec![0; bytes]);
        Received {
            id: FrameId::new(1),
            sender: 1,
            frame: Frame { captured: MediaTime::default(), jpeg, signature: None },
        }
    }

    #[test]
    fn it_is_bounded_by_frames_and_by_bytes() {
        let backlog = Backlog::new("test/");
        let put = (0..100).filter(|_| backlog.put(frame(10))).count();
        assert_eq!(put, MOST_FRAMES);
        while !backlog.lock().frames.is_empty() {
            backlog.take();
        }
        let put = (0..100).filter(|_| backlog.put(frame(1 << 20))).count();
        assert_eq!(put, 32);
    }

    #[test]
    fn what_waits_is_still_given_out_after_closing() {
        let backlog = Backlog::new("test/");
        assert!(backlog.put(frame(1)));
        backlog.close();
        assert!(!backlog.put(frame(1)));
        assert!(backlog.take().is_some() && backlog.take().is_none());
    }
}

//! The last seconds, in memory.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::frame::Received;

/// Frames that arrived lately: the frames themselves, not copies. Bounded in time and in bytes.
#[derive(Debug)]
pub(super) struct ReplayBuffer {
    frames: VecDeque<(Instant, Received)>,
    bytes: usize,
    keep: Duration,
    most_bytes: usize,
    /// Whether bytes, not time, were what bounded it.
    is_cut: bool,
}

impl ReplayBuffer {
    /// One that keeps frames for so long, of so many bytes at most.
    pub(super) fn new(keep: Duration, most_bytes: usize) -> Self {
        Self { frames: VecDeque::new(), bytes: 0, keep, most_bytes, is_cut: false }
    }

    /// Adds a frame that arrived `now`, and forgets what is too old or too much. Says how much time there is room for,
    /// the first time that it is less than was wished for.
    pub(super) fn push(&mut self, now: Instant, frame: Received) -> Option<Duration> {
        self.bytes += memory(&frame);
        self.frames.push_back((now, frame));
        while self.frames.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > self.keep) {
            self.forget_oldest();
        }
        let was_cut = self.is_cut;
        while self.bytes > self.most_bytes {
            self.is_cut = true;
            self.forget_oldest();
        }
        (self.is_cut && !was_cut).then(|| self.span())
    }

    /// What there is, oldest first.
    pub(super) fn frames(&self) -> VecDeque<Received> {
        self.frames.iter().map(|(_, frame)| frame.clone()).collect()
    }

    /// From the oldest frame's arrival to the newest's.
    pub(super) fn span(&self) -> Duration {
        match (self.frames.front(), self.frames.back()) {
            (Some((first, _)), Some((last, _))) => last.saturating_duration_since(*first),
            _ => Duration::ZERO,
        }
    }

    /// How many bytes of memory the frames take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn forget_oldest(&mut self) {
        if let Some((_, frame)) = self.frames.pop_front() {
            self.bytes -= memory(&frame);
        }
    }
}

/// What a frame takes: its buffer, which may be larger than the JPEG, and what surrounds it.
fn memory(received: &Received) -> usize {
    received.frame.jpeg.capacity() + 128
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proto::{Frame, FrameId, MediaTime};

    use super::*;

    fn frame(bytes: usize) -> Received {
        let frame = Frame { captured: MediaTime::default(), jpeg: Arc::new(vec![0; bytes]), signature: None };
        Received { id: FrameId::new(1), sender: 1, frame }
    }

    #[test]
    fn it_is_bounded_by_time() {
        let (mut replay, t0) = (ReplayBuffer::new(Duration::from_secs(10), 1 << 20), Instant::now());
        for second in 0..100 {
            assert_eq!(replay.push(t0 + Duration::from_secs(second), frame(1000)), None);
        }
        assert_eq!((replay.frames().len(), replay.span()), (11, Duration::from_secs(10)));
        // After a silence, what was before it is no longer what just happened.
        replay.push(t0 + Duration::from_secs(200), frame(1000));
        assert_eq!(replay.frames().len(), 1);
        assert_eq!(replay.bytes(), 1128);
    }

    #[test]
    fn it_is_bounded_by_bytes_which_is_said_once() {
        let (mut replay, t0) = (ReplayBuffer::new(Duration::from_secs(10), 5 * 1128), Instant::now());
        let said = (0..9).map(|second| replay.push(t0 + Duration::from_secs(second), frame(1000)));
        let said: Vec<_> = said.collect();
        assert_eq!(said.iter().flatten().collect::<Vec<_>>(), [&Duration::from_secs(4)]);
        assert_eq!((replay.frames().len(), replay.bytes()), (5, 5 * 1128));
        replay.push(t0, frame(1 << 20));
        assert_eq!((replay.frames().len(), replay.bytes()), (0, 0), "even one frame may be too much");
    }
}

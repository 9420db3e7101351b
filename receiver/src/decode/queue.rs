//! Feeds that wait for a thread: the one that has waited longest is first.

use std::collections::VecDeque;
use std::sync::Arc;

use super::frame_decoder::FeedPictures;
use crate::feed::{Delays, Feed};
use crate::frame::{Received, ReceivedPart};

#[derive(Default)]
pub(super) struct Queue {
    /// One for each feed of which a frame came.
    pub(super) queued: Vec<Queued>,
    /// Those that wait, by their place, the longest first.
    pub(super) waiting: VecDeque<usize>,
    pub(super) first_is_busy: bool,
    /// Threads there are, and those that serve a slow feed now.
    pub(super) threads: usize,
    pub(super) with_slow: usize,
    pub(super) closed: bool,
}

/// A feed's place for a frame, and whether somebody is to come for it.
pub(super) struct Queued {
    pub(super) feed: Arc<Feed>,
    pub(super) frame: Option<(Received, Delays)>,
    /// Parts of the frame after that, as far as it has come.
    pub(super) parts: Vec<ReceivedPart>,
    pub(super) state: QueueState,
    /// Whether its last picture took long.
    pub(super) is_slow: bool,
    /// Its pictures; with the thread that serves it.
    pub(super) pictures: FeedPictures,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QueueState {
    /// It does not wait.
    Idle,
    /// It is in the queue.
    Waits,
    /// A thread decodes a frame of it.
    Served,
}

/// What a thread is to decode.
pub(super) struct Serving {
    pub(super) at: usize,
    pub(super) feed: Arc<Feed>,
    pub(super) job: DecodeJob,
    pub(super) pictures: FeedPictures,
    pub(super) is_slow: bool,
}

/// A frame, or parts of one that is still arriving.
#[allow(clippy::large_enum_variant, reason = "there is one for each thread, and nearly all are frames")]
pub(super) enum DecodeJob {
    Frame(Received, Delays),
    Parts(Vec<ReceivedPart>),
}

/// A place that a thread has served, and is done with.
pub(super) struct ServedFeed {
    pub(super) at: usize,
    pub(super) pictures: FeedPictures,
    /// Whether it was known to be slow, and whether it is.
    pub(super) was_slow: bool,
    pub(super) is_slow: bool,
}

/// Which threads are to look at the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Calls {
    pub(super) first: bool,
    pub(super) other: bool,
}

impl Queue {
    /// The place of a feed, which it keeps.
    pub(super) fn place_of(&mut self, feed: &Arc<Feed>) -> usize {
        let known = self.queued.iter().position(|queued| Arc::ptr_eq(&queued.feed, feed));
        known.unwrap_or_else(|| {
            self.queued.push(Queued {
                feed: feed.clone(),
                frame: None,
                parts: Vec::new(),
                state: QueueState::Idle,
                is_slow: false,
                pictures: FeedPictures::default(),
            });
            self.queued.len() - 1
        })
    }

    /// Takes a frame of the feed at this place, which has all the parts that came before; the one that it displaced.
    pub(super) fn put_frame(
        &mut self,
        at: usize,
        frame: Received,
        delays: Delays,
    ) -> Option<(Received, Delays)> {
        let queued = &mut self.queued[at];
        queued.parts.clear();
        queued.frame.replace((frame, delays))
    }

    /// Takes a part of the feed at this place; those of a frame before it are not needed any more.
    pub(super) fn put_part(&mut self, at: usize, part: ReceivedPart) {
        let parts = &mut self.queued[at].parts;
        parts.retain(|before| before.part.id.frame == part.part.id.frame && before.sender == part.sender);
        parts.push(part);
    }

    /// Has a feed wait, unless it does or is served; whether it waits since now.
    pub(super) fn enqueue(&mut self, at: usize) -> bool {
        let is_new = self.queued[at].state == QueueState::Idle;
        if is_new {
            self.queued[at].state = QueueState::Waits;
            self.waiting.push_back(at);
        }
        is_new
    }

    /// Takes the feed that is to be served next, if there is one for this thread.
    pub(super) fn take(&mut self, is_first: bool) -> Option<Serving> {
        // In the end whoever is free serves what still waits: it was delivered.
        let next = if self.closed { 0 } else { self.next(is_first)? };
        let at = self.waiting.remove(next)?;
        let Queued { feed, frame, parts, state, is_slow, pictures } = &mut self.queued[at];
        let job = match frame.take() {
            Some((received, delays)) => DecodeJob::Frame(received, delays),
            None => DecodeJob::Parts(std::mem::take(parts)),
        };
        *state = QueueState::Served;
        self.first_is_busy |= is_first;
        self.with_slow += usize::from(*is_slow);
        let (feed, pictures) = (feed.clone(), std::mem::take(pictures));
        Some(Serving { at, feed, job, pictures, is_slow: *is_slow })
    }

    /// A thread is done with a feed; whether others may find more to do for that.
    pub(super) fn put_back(&mut self, served: ServedFeed) -> bool {
        let ServedFeed { at, pictures, was_slow, is_slow } = served;
        let queued = &mut self.queued[at];
        (queued.state, queued.pictures, queued.is_slow) = (QueueState::Idle, pictures, is_slow);
        let has_work = queued.frame.is_some() || !queued.parts.is_empty();
        let waits = has_work && self.enqueue(at);
        self.with_slow -= usize::from(was_slow);
        waits || was_slow
    }

    /// Which feed is to be served next, if there is one for this thread. One feed is the first thread's, if that is
    /// free; of those that are slow so many are served that a thread is left.
    pub(super) fn next(&self, is_first: bool) -> Option<usize> {
        let own = usize::from(!is_first && !self.first_is_busy);
        let room_for_slow = self.threads == 1 || self.with_slow + 1 < self.threads;
        let is_ready = |&(_, &at): &(usize, &usize)| room_for_slow || !self.queued[at].is_slow;
        let mut ready = self.waiting.iter().enumerate().filter(is_ready);
        let (next, _) = ready.next()?;
        (own == 0 || ready.next().is_some()).then_some(next)
    }

    /// Whom there is something to do for.
    pub(super) fn calls(&self) -> Calls {
        let first = !self.first_is_busy && self.next(true).is_some();
        Calls { first, other: self.next(false).is_some() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::tests::feed;

    #[test]
    fn slow_feeds_leave_a_thread_to_the_quick_ones_and_a_single_thread_serves_all() {
        let queue = |slow: &[bool], threads, with_slow, first_is_busy| {
            let mut queue = Queue { first_is_busy, threads, with_slow, ..Queue::default() };
            for &is_slow in slow {
                let at = queue.place_of(&Arc::new(feed()));
                queue.queued[at].is_slow = is_slow;
                queue.enqueue(at);
            }
            queue
        };
        assert_eq!(queue(&[true, false], 2, 1, true).next(false), Some(1), "the quick one");
        assert_eq!(queue(&[true], 2, 1, true).next(false), None);
        assert_eq!(queue(&[true], 2, 1, false).next(true), None);
        assert_eq!(queue(&[true], 3, 1, true).next(false), Some(0));
        assert_eq!(queue(&[true], 1, 0, false).next(true), Some(0));
        // One feed is the first thread's, if that is free.
        assert_eq!(queue(&[false], 2, 0, false).next(false), None);
        assert_eq!(queue(&[false, false], 2, 0, false).next(false), Some(0));
        assert_eq!(queue(&[true, false], 2, 1, false).next(false), None);
    }
}

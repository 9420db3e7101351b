//! The decoding threads: one per core, and whichever is free takes the feed that has waited longest.
//!
//! Each feed has a place for one frame, and a newer one takes it. A feed is with one thread at a time, so that its
//! pictures stay in order, and goes to the end of the queue when it was served, so that all get their share. Feeds
//! whose pictures take long never have all threads at once: one is left for those that are quick.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;
use proto::sys::{Stop, join, spawn};

use super::frame_decoder::FrameDecoder;
use super::queue::{Calls, DecodeJob, Queue, QueueState, ServedFeed, Serving};
use crate::codec::{Decoder, PixelFormat};
use crate::feed::{Delays, Feed, Feeds};
use crate::frame::{Received, ReceivedPart};
use crate::sync::{lock, wait_while};

/// Where frames wait to be decoded.
pub(crate) struct Decoding {
    /// How the window likes its pictures; `None` if there is none.
    format: Option<PixelFormat>,
    queue: Mutex<Queue>,
    /// Tells the first thread that a feed waits. It alone serves a single feed: with all cores, and a warm cache.
    first: Condvar,
    /// Tells the others that more wait than the first can take.
    others: Condvar,
}

/// What became of a frame that was offered to be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Enqueue {
    /// It is going to be decoded, unless a newer one comes before.
    Taken,
    /// It took the place of an older one, which nobody has decoded.
    Displaced,
    /// Nobody wants it: no window shows this feed now.
    Hidden,
    /// There is nothing to decode for, in this run.
    Unwanted,
}

impl Decoding {
    /// For a window that likes its pictures in this form, or for none.
    pub(crate) fn new(format: Option<PixelFormat>) -> Self {
        Self { format, queue: Mutex::default(), first: Condvar::new(), others: Condvar::new() }
    }

    /// Takes a frame to be decoded, in place of one that still waits.
    pub(crate) fn offer(&self, feed: &Arc<Feed>, frame: Received, delays: Delays) -> Enqueue {
        if let Some(refused) = self.refuses(feed) {
            return refused;
        }
        let mut queue = lock(&self.queue);
        let at = queue.place_of(feed);
        let displaced = queue.put_frame(at, frame, delays);
        let calls = queue.enqueue(at).then(|| queue.calls());
        drop(queue);
        self.call(calls);
        if displaced.is_some() { Enqueue::Displaced } else { Enqueue::Taken }
    }

    /// Takes a part of a frame that still arrives, to begin with it where that is wanted. Whatever comes of it, the
    /// frame is offered when it is whole.
    pub(crate) fn offer_part(&self, feed: &Arc<Feed>, part: ReceivedPart) {
        if self.refuses(feed).is_some() {
            return;
        }
        let mut queue = lock(&self.queue);
        let at = queue.place_of(feed);
        queue.put_part(at, part);
        let calls = queue.enqueue(at).then(|| queue.calls());
        drop(queue);
        self.call(calls);
    }

    /// Why nothing of a feed is decoded now, if so.
    fn refuses(&self, feed: &Feed) -> Option<Enqueue> {
        if feed.outputs().is_some_and(|outputs| outputs.want_pictures()) {
            return None;
        }
        match self.format {
            None => Some(Enqueue::Unwanted),
            Some(_) => feed.is_hidden().then_some(Enqueue::Hidden),
        }
    }

    /// Ends the threads, once nothing waits any more.
    pub(crate) fn close(&self) {
        lock(&self.queue).closed = true;
        self.first.notify_all();
        self.others.notify_all();
    }

    /// Counts what nobody is going to decode, when all has ended.
    pub(crate) fn settle(&self) {
        let mut queue = lock(&self.queue);
        while let Some(at) = queue.waiting.pop_front() {
            let queued = &mut queue.queued[at];
            queued.state = QueueState::Idle;
            queued.parts.clear();
            let is_undecoded = queued.frame.take().is_some();
            queued.feed.live().counters.undecoded += u64::from(is_undecoded);
        }
    }

    /// The work of thread `number`, from 0, until it is closed.
    pub(crate) fn run(&self, number: usize, feeds: &Feeds) {
        let mut worker = FrameDecoder::new(Decoder::new(), feeds);
        lock(&self.queue).threads += 1;
        let mut served = None;
        while let Some(mut serving) = self.next(number == 0, served) {
            let begun = Instant::now();
            let Serving { feed, job, pictures, .. } = &mut serving;
            let is_whole = match job {
                DecodeJob::Frame(received, delays) => {
                    worker.decode(feed, self.format, received, *delays, pictures);
                    true
                }
                DecodeJob::Parts(parts) => {
                    worker.begin(feed, self.format, parts, pictures);
                    false
                }
            };
            let Serving { at, pictures, is_slow: was_slow, .. } = serving;
            // Parts alone do not show that a feed is quick.
            let is_slow = begun.elapsed() >= SLOW || was_slow && !is_whole;
            served = Some(ServedFeed { at, pictures, was_slow, is_slow });
        }
    }

    /// The next frame for a thread, which is done with what it served before; `None` when it is closed and empty.
    fn next(&self, is_first: bool, served: Option<ServedFeed>) -> Option<Serving> {
        let mut queue = lock(&self.queue);
        let is_news = served.is_some_and(|served| queue.put_back(served));
        if is_first {
            queue.first_is_busy = false;
        }
        let mut next = queue.take(is_first);
        // Whoever is to take what is left is called before this thread waits.
        let calls = is_news.then(|| queue.calls());
        if next.is_none() && !queue.closed {
            self.call(calls);
            let condvar = if is_first { &self.first } else { &self.others };
            queue = wait_while(condvar, queue, |queue| {
                next = queue.take(is_first);
                next.is_none() && !queue.closed
            });
            drop(queue);
        } else {
            drop(queue);
            self.call(calls);
        }
        next
    }

    fn call(&self, calls: Option<Calls>) {
        if calls.is_some_and(|calls| calls.first) {
            self.first.notify_one();
        }
        if calls.is_some_and(|calls| calls.other) {
            self.others.notify_one();
        }
    }
}

/// The decoding threads at work.
pub(crate) struct Decoders {
    threads: Vec<JoinHandle<Result<()>>>,
    /// Nothing comes here; it is closed when the last of them has ended.
    ended: Receiver<()>,
}

impl Decoders {
    /// Starts so many threads, each with this work.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(crate) fn start<W>(threads: usize, stop: &Stop, work: impl Fn(usize) -> W) -> Result<Self>
    where
        W: FnOnce() + Send + 'static,
    {
        let (alive, ended): (Sender<()>, _) = mpsc::channel();
        let start = |number| {
            let (work, alive) = (work(number), alive.clone());
            spawn("decode", stop, move || {
                work();
                drop(alive);
                Ok(())
            })
        };
        Ok(Self { threads: (0..threads).map(start).collect::<Result<_>>()?, ended })
    }

    /// Waits for those that end soon. One that is in a picture is left there: it ends with the program.
    ///
    /// # Errors
    /// If one has panicked.
    pub(crate) fn finish(self) -> Result<()> {
        let is_late = self.ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout);
        if is_late {
            tracing::warn!("a picture still being decoded is not waited for");
        }
        let ended = self.threads.into_iter().filter(|thread| !is_late || thread.is_finished());
        ended.map(join).fold(Ok(()), Result::and)
    }
}

/// A feed whose pictures take so long is shown at ten frames a second at the most, whatever is done for it.
const SLOW: Duration = Duration::from_millis(100);
/// So that the program has ended within a second of being told to.
const PATIENCE: Duration = Duration::from_millis(400);

#[cfg(test)]
pub(super) mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use proto::{Frame, FrameId, MediaTime};

    use super::*;
    use crate::feed::tests::feed;
    use crate::feed::{Picture, StreamState};

    pub(in crate::decode) fn frame(number: u32) -> Received {
        let frame = Frame { captured: MediaTime::default(), jpeg: Arc::default(), signature: None };
        Received { id: FrameId::new(number), sender: 1, frame }
    }

    #[test]
    fn a_newer_frame_takes_the_place_of_one_that_waits_and_what_nobody_sees_is_not_decoded() {
        let (decoding, feed) = (Decoding::new(Some(PixelFormat::Planes)), Arc::new(feed()));
        assert_eq!(decoding.offer(&feed, frame(1), Delays::new()), Enqueue::Taken);
        assert_eq!(decoding.offer(&feed, frame(2), Delays::new()), Enqueue::Displaced);
        assert_eq!(lock(&decoding.queue).waiting.len(), 1, "it waits once");
        feed.set_area(None);
        assert_eq!(decoding.offer(&feed, frame(3), Delays::new()), Enqueue::Hidden);
        feed.set_area(Some((640, 360)));
        assert_eq!(decoding.offer(&feed, frame(3), Delays::new()), Enqueue::Displaced);
        assert_eq!(Decoding::new(None).offer(&feed, frame(3), Delays::new()), Enqueue::Unwanted);
        decoding.settle();
        decoding.settle();
        assert_eq!(feed.live().counters.undecoded, 1, "the last of them");
    }

    #[test]
    fn all_feeds_are_served_in_turn_by_whichever_thread_is_free() {
        let decoding = Decoding::new(Some(PixelFormat::Planes));
        let feeds: Vec<_> = (0..9).map(|_| Arc::new(feed())).collect();
        for round in 0..3 {
            for feed in &feeds {
                assert_ne!(decoding.offer(feed, frame(round), Delays::new()), Enqueue::Hidden);
            }
        }
        let (registry, refused) = (Feeds::new(), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for number in 0..2 {
                let (decoding, registry) = (&decoding, &registry);
                scope.spawn(move || decoding.run(number, registry));
            }
            // An empty frame is refused: each feed's newest, and no other.
            let until = Instant::now() + Duration::from_secs(10);
            while refused.load(Ordering::Relaxed) < 9 && Instant::now() < until {
                let all = feeds.iter().map(|feed| feed.live().counters.refused as usize).sum();
                refused.store(all, Ordering::Relaxed);
                std::thread::yield_now();
            }
            decoding.close();
        });
        assert!(feeds.iter().all(|feed| feed.live().counters.refused == 1));
    }

    #[test]
    fn a_thread_that_does_not_end_is_left_and_one_that_panicked_is_told_of() {
        let stop = Stop::new().unwrap();
        let (hold, held) = mpsc::channel::<()>();
        let held = Arc::new(Mutex::new(held));
        let decoders = Decoders::start(2, &stop, |number| {
            let held = held.clone();
            move || {
                if number == 0 {
                    let _ = lock(&held).recv();
                }
            }
        });
        let begun = Instant::now();
        decoders.unwrap().finish().unwrap();
        assert!(begun.elapsed() >= PATIENCE, "it was waited for");
        drop(hold);
        let panics = Decoders::start(1, &stop, |_| || panic!("on purpose")).unwrap();
        while !panics.threads.iter().all(JoinHandle::is_finished) {
            std::thread::yield_now();
        }
        let error = panics.finish().unwrap_err().to_string();
        assert!(error.contains("decode thread panicked"), "{error}");
    }

    #[test]
    fn a_last_picture_decoded_after_the_goodbye_does_not_make_the_stream_live_again() {
        let (feed, Received { frame, .. }) = (feed(), frame(0));
        feed.live().goes_live();
        assert_eq!(feed.status().state, StreamState::Live);
        feed.live().ends();
        let picture = Picture { frame, pixels: Arc::default() };
        feed.live().put_picture(picture, (64, 48), Delays::new());
        assert_eq!(feed.status().state, StreamState::Ended);
    }
}

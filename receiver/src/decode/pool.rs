//! The decoding threads: one per core, and whichever is free takes the feed that has waited longest.
//!
//! Each feed has a place for one frame, and a newer one takes it. A feed is with one thread at a time, so that its
//! pictures stay in order, and goes to the end of the queue when it was served, so that all get their share. Feeds whose
//! pictures take long never have all threads at once: one is left for those that are quick.

use std::collections::{HashMap, VecDeque};
use std::mem::{Discriminant, discriminant};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;
use proto::RateLimiter;
use proto::sys::{Stop, join, spawn};

use crate::codec::{DecodeError, DecodeTarget, Decoder, Pictures, PixelFormat};
use crate::feed::{Delays, Feed, Feeds, Picture};
use crate::frame::Received;
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

#[derive(Default)]
struct Queue {
    /// One for each feed of which a frame came.
    queued: Vec<Queued>,
    /// Those that wait, by their place, the longest first.
    waiting: VecDeque<usize>,
    first_is_busy: bool,
    /// Threads there are, and those that serve a slow feed now.
    threads: usize,
    with_slow: usize,
    closed: bool,
}

/// A feed's place for a frame, and whether somebody is to come for it.
struct Queued {
    feed: Arc<Feed>,
    frame: Option<(Received, Delays)>,
    state: QueueState,
    /// Whether its last picture took long.
    is_slow: bool,
    /// Its pictures, to be used again; with the thread that serves it.
    pictures: Pictures,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum QueueState {
    /// It does not wait.
    Idle,
    /// It is in the queue.
    Waits,
    /// A thread decodes a frame of it.
    Served,
}

/// A frame that a thread is to decode.
struct Serving {
    at: usize,
    feed: Arc<Feed>,
    received: Received,
    delays: Delays,
    pictures: Pictures,
    is_slow: bool,
}

/// A place that a thread has served, and is done with.
struct ServedFeed {
    at: usize,
    pictures: Pictures,
    /// Whether it was known to be slow, and whether it is.
    was_slow: bool,
    is_slow: bool,
}

/// Which threads are to look at the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Calls {
    first: bool,
    other: bool,
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
        if !feed.outputs().is_some_and(|outputs| outputs.want_pictures()) {
            match self.format {
                None => return Enqueue::Unwanted,
                Some(_) if feed.is_hidden() => return Enqueue::Hidden,
                Some(_) => {}
            }
        }
        let mut queue = lock(&self.queue);
        let at = queue.place_of(feed);
        let displaced = queue.queued[at].frame.replace((frame, delays));
        let calls = queue.enqueue(at).then(|| queue.calls());
        drop(queue);
        self.call(calls);
        if displaced.is_some() { Enqueue::Displaced } else { Enqueue::Taken }
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
            (queued.state, queued.frame) = (QueueState::Idle, None);
            queued.feed.live().counters.undecoded += 1;
        }
    }

    /// The work of thread `number`, from 0, until it is closed.
    pub(crate) fn run(&self, number: usize, feeds: &Feeds) {
        let mut worker = FrameDecoder { decoder: Decoder::new(), complaints: HashMap::new(), feeds };
        lock(&self.queue).threads += 1;
        let mut served = None;
        while let Some(mut serving) = self.next(number == 0, served) {
            let begun = Instant::now();
            let Serving { feed, received, delays, pictures, .. } = &mut serving;
            worker.decode(feed, self.format, received, *delays, pictures);
            let Serving { at, pictures, is_slow: was_slow, .. } = serving;
            served = Some(ServedFeed { at, pictures, was_slow, is_slow: begun.elapsed() >= SLOW });
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

impl Queue {
    /// The place of a feed, which it keeps.
    fn place_of(&mut self, feed: &Arc<Feed>) -> usize {
        let known = self.queued.iter().position(|queued| Arc::ptr_eq(&queued.feed, feed));
        known.unwrap_or_else(|| {
            self.queued.push(Queued {
                feed: feed.clone(),
                frame: None,
                state: QueueState::Idle,
                is_slow: false,
                pictures: Pictures::default(),
            });
            self.queued.len() - 1
        })
    }

    /// Has a feed wait, unless it does or is served; whether it waits since now.
    fn enqueue(&mut self, at: usize) -> bool {
        let is_new = self.queued[at].state == QueueState::Idle;
        if is_new {
            self.queued[at].state = QueueState::Waits;
            self.waiting.push_back(at);
        }
        is_new
    }

    /// Takes the feed that is to be served next, if there is one for this thread.
    fn take(&mut self, is_first: bool) -> Option<Serving> {
        // In the end whoever is free serves what still waits: it was delivered.
        let next = if self.closed { 0 } else { self.next(is_first)? };
        let at = self.waiting.remove(next)?;
        let Queued { feed, frame, state, is_slow, pictures } = &mut self.queued[at];
        let (received, delays) = frame.take().expect("a feed that waits has a frame");
        *state = QueueState::Served;
        self.first_is_busy |= is_first;
        self.with_slow += usize::from(*is_slow);
        let (feed, pictures) = (feed.clone(), std::mem::take(pictures));
        Some(Serving { at, feed, received, delays, pictures, is_slow: *is_slow })
    }

    /// A thread is done with a feed; whether others may find more to do for that.
    fn put_back(&mut self, served: ServedFeed) -> bool {
        let ServedFeed { at, pictures, was_slow, is_slow } = served;
        let queued = &mut self.queued[at];
        (queued.state, queued.pictures, queued.is_slow) = (QueueState::Idle, pictures, is_slow);
        let waits = queued.frame.is_some() && self.enqueue(at);
        self.with_slow -= usize::from(was_slow);
        waits || was_slow
    }

    /// Which feed is to be served next, if there is one for this thread. One feed is the first thread's, if that is free;
    /// of those that are slow so many are served that a thread is left.
    fn next(&self, is_first: bool) -> Option<usize> {
        let own = usize::from(!is_first && !self.first_is_busy);
        let room_for_slow = self.threads == 1 || self.with_slow + 1 < self.threads;
        let is_ready = |&(_, &at): &(usize, &usize)| room_for_slow || !self.queued[at].is_slow;
        let mut ready = self.waiting.iter().enumerate().filter(is_ready);
        let (next, _) = ready.next()?;
        (own == 0 || ready.next().is_some()).then_some(next)
    }

    /// Whom there is something to do for.
    fn calls(&self) -> Calls {
        let first = !self.first_is_busy && self.next(true).is_some();
        Calls { first, other: self.next(false).is_some() }
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

/// One thread's tools.
struct FrameDecoder<'a> {
    decoder: Decoder,
    /// Each kind of refusal is named, and none of them all the time.
    complaints: HashMap<Discriminant<DecodeError>, RateLimiter>,
    feeds: &'a Feeds,
}

impl FrameDecoder<'_> {
    fn decode(
        &mut self,
        feed: &Feed,
        format: Option<PixelFormat>,
        received: &Received,
        delays: Delays,
        pictures: &mut Pictures,
    ) {
        let window = format.filter(|_| !feed.is_hidden());
        if format.is_some() && window.is_none() {
            feed.live().counters.hidden += 1;
        }
        for (target, to_window, to_outputs) in self.aims(feed, window).into_iter().flatten() {
            let mut picture = pictures.take();
            let into = Arc::get_mut(&mut picture).expect("a picture from the pool has one owner");
            let begun = Instant::now();
            into.set_interval(feed.interval());
            let size = match self.decoder.decode(&received.frame.jpeg, target, into) {
                Ok(size) => size,
                Err(error) => {
                    feed.live().counters.refused += 1;
                    if is_worth_saying(&mut self.complaints, &error, begun) {
                        tracing::info!("frame {} is not shown: {error}", received.id);
                    }
                    return;
                }
            };
            let took = begun.elapsed();
            pictures.keep(&picture);
            if let Some(outputs) = feed.outputs().filter(|_| to_outputs) {
                outputs.offer_picture(&picture);
            }
            let mut live = feed.live();
            live.counters.decode.add(took);
            if to_window {
                let frame = received.frame.clone();
                let displaced = live.put_picture(Picture { frame, pixels: picture }, size, delays);
                drop(live);
                drop(displaced);
                self.feeds.wake();
            }
        }
    }

    /// How a picture is wanted, and by whom: (how, the window, outputs).
    fn aims(&self, feed: &Feed, window: Option<PixelFormat>) -> [Option<(DecodeTarget, bool, bool)>; 2] {
        let written = feed.outputs().is_some_and(|outputs| outputs.want_pictures());
        let alone = self.feeds.count() <= 1;
        let planes = DecodeTarget { format: PixelFormat::Planes, area: None, alone };
        match window {
            Some(PixelFormat::Planes) => [Some((planes, true, written)), None],
            Some(format) => {
                // A single picture that is shown smaller is scaled more finely than by halves.
                let area = if alone { None } else { feed.area() };
                let pixels = DecodeTarget { format, area, alone };
                [Some((pixels, true, false)), written.then_some((planes, false, true))]
            }
            None => [written.then_some((planes, false, true)), None],
        }
    }
}

fn is_worth_saying(
    complaints: &mut HashMap<Discriminant<DecodeError>, RateLimiter>,
    error: &DecodeError,
    now: Instant,
) -> bool {
    complaints.entry(discriminant(error)).or_insert(RateLimiter::new(COMPLAIN_EVERY)).is_due(now)
}

/// Often enough to be seen, rarely enough to be read.
const COMPLAIN_EVERY: Duration = Duration::from_secs(5);
/// A feed whose pictures take so long is shown at ten frames a second at the most, whatever is done for it.
const SLOW: Duration = Duration::from_millis(100);
/// So that the program has ended within a second of being told to.
const PATIENCE: Duration = Duration::from_millis(400);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use proto::{Frame, FrameId, MediaTime};

    use super::*;
    use crate::feed::StreamState;
    use crate::feed::tests::feed;

    fn frame(number: u32) -> Received {
        let frame = Frame { captured: MediaTime::default(), jpeg: Arc::default() };
        Received { id: FrameId::new(number), sender: 1, frame }
    }

    #[test]
    fn each_kind_of_refusal_is_named_and_none_of_them_all_the_time() {
        let (mut complaints, t0) = (HashMap::new(), Instant::now());
        let mut are_due = |error, now| is_worth_saying(&mut complaints, &error, now);
        assert!(are_due(DecodeError::Progressive, t0));
        assert!(are_due(DecodeError::Arithmetic, t0));
        assert!(!are_due(DecodeError::Progressive, t0 + COMPLAIN_EVERY / 2));
        assert!(are_due(DecodeError::Progressive, t0 + COMPLAIN_EVERY));
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
    fn what_was_to_be_seen_when_it_came_and_is_not_any_more_is_counted_as_hidden() {
        let (feed, feeds) = (Arc::new(feed()), Feeds::new());
        let mut worker =
            FrameDecoder { decoder: Decoder::with_threads(1), complaints: HashMap::new(), feeds: &feeds };
        feed.set_area(None);
        worker.decode(&feed, Some(PixelFormat::Planes), &frame(1), Delays::new(), &mut Pictures::default());
        assert_eq!(feed.live().counters.hidden, 1);
        worker.decode(&feed, None, &frame(1), Delays::new(), &mut Pictures::default());
        assert_eq!(feed.live().counters.hidden, 1, "without a window there is nothing to be seen");
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

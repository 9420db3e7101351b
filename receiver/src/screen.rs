//! The decoding thread, and what it shares with the receiving one and with the window.

use std::mem::{Discriminant, discriminant};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use proto::host::{Console, Seldom};
use proto::{Latest, Taken};

use crate::clock::Delays;
use crate::decode::{Decoded, Decoder, Form, Pictures, Refusal};
use crate::output::{Outputs, Received};
use crate::stats::{Object, Stats};
use crate::window::{Picture, Shown, State, Status, Waker, Window};

/// Whoever wants decoded pictures.
#[derive(Default)]
pub struct Screen {
    /// Frames to be decoded; `None` if nobody wants pictures.
    frames: Option<Latest<(Received, Delays)>>,
    /// The window's side, where there is a window.
    window: Option<WindowSide>,
}

/// What the window needs of us, and we of it.
pub struct WindowSide {
    /// Pictures to be shown.
    pub pictures: Latest<Picture>,
    /// What it says in words.
    pub status: Mutex<Status>,
    /// Wakes it.
    pub waker: Waker,
    /// How it likes its pictures.
    pub form: Form,
    /// How to tell the delay of a picture that was shown.
    pub delays: Mutex<Delays>,
}

/// What happened to the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// It begins, from there.
    Source(SocketAddr),
    /// The sender's name.
    Name(String),
    /// The sender has no pictures now.
    SourceGone,
    /// The sender has pictures.
    SourceBack,
    /// Nothing comes any more.
    Silent,
    /// The sender ended it.
    Ended,
}

impl Screen {
    /// For pictures that somebody besides a window wants, or nobody.
    pub fn without_window(outputs: &Outputs) -> Self {
        Self { frames: outputs.want_pictures().then(Latest::new), ..Self::default() }
    }

    /// For a window, which says where is listened.
    pub fn with_window(window: &Window, listen: SocketAddr) -> Self {
        let window = WindowSide {
            pictures: Latest::new(),
            status: Mutex::new(Status::new(listen.to_string())),
            waker: window.waker(),
            form: window.form(),
            delays: Mutex::new(Delays::new()),
        };
        Self { frames: Some(Latest::new()), window: Some(window) }
    }

    /// Brings the window's figures up to date.
    pub fn report(&self, object: &Object) {
        if let Some(window) = &self.window {
            let mut status = lock(&window.status);
            (status.fps, status.mbps, status.loss_percent) = (object.fps, object.mbps, object.loss_percent);
        }
    }

    /// The window's side, where there is a window.
    pub fn window(&self) -> Option<&WindowSide> {
        self.window.as_ref()
    }

    /// Hands on a frame to be decoded; whether it displaced one that nobody has decoded.
    pub fn show(&self, frame: Received, delays: Delays) -> bool {
        // Here and not when it is decoded: by then the sender may have said goodbye.
        if let Some(window) = &self.window {
            lock(&window.status).state = State::Live;
        }
        self.frames.as_ref().is_some_and(|frames| frames.put((frame, delays)).is_some())
    }

    /// Ends the decoding thread.
    pub fn close(&self) {
        if let Some(frames) = &self.frames {
            frames.close();
        }
    }

    /// Tells the window what happened.
    pub fn signal(&self, signal: Signal) {
        if let Some(window) = &self.window {
            window.tell(signal);
        }
    }

    /// Decodes the newest frame, for the window and for outputs, until it is closed.
    pub fn decode(&self, outputs: &Outputs, stats: &Stats, console: &Console) {
        let Some(frames) = &self.frames else { return };
        let (mut decoder, mut pictures) = (Decoder::new(), Pictures::new());
        let mut complaints = Complaints::default();
        while let Taken::Value((received, delays)) = frames.take(None) {
            for (form, to_window, to_outputs) in self.forms(outputs).into_iter().flatten() {
                let mut picture = pictures.take();
                let into = Arc::get_mut(&mut picture).expect("a picture from the pool has one owner");
                let begun = Instant::now();
                if let Err(refusal) = decoder.decode(&received.frame.jpeg, form, into) {
                    stats.lock().refused += 1;
                    if complaints.are_due(&refusal, begun) {
                        console.say(format_args!("frame {} is not shown: {refusal}", received.id));
                    }
                    break;
                }
                stats.lock().decode.add(begun.elapsed());
                pictures.keep(&picture);
                if to_outputs {
                    outputs.offer_picture(&picture);
                }
                if to_window && self.put_in_window(&received, picture, delays) {
                    stats.lock().unshown += 1;
                }
            }
        }
    }

    /// Which forms of a picture are wanted, and by whom: (form, the window, outputs).
    fn forms(&self, outputs: &Outputs) -> [Option<(Form, bool, bool)>; 2] {
        let written = outputs.want_pictures();
        match self.window_form() {
            Some(form) if written && form != Form::Planes => {
                [Some((form, true, false)), Some((Form::Planes, false, true))]
            }
            Some(form) => [Some((form, true, written)), None],
            None => [Some((Form::Planes, false, written)), None],
        }
    }

    fn window_form(&self) -> Option<Form> {
        self.window.as_ref().map(|window| window.form)
    }

    /// Whether the picture displaced one that was never shown.
    fn put_in_window(&self, received: &Received, pixels: Arc<Decoded>, delays: Delays) -> bool {
        let Some(window) = &self.window else { return false };
        let size = (pixels.width(), pixels.height());
        *lock(&window.delays) = delays;
        lock(&window.status).size = Some(size);
        let displaced = window.pictures.put(Picture {
            id: received.id,
            captured: received.frame.captured,
            decoded_at: Instant::now(),
            pixels,
        });
        window.waker.wake();
        displaced.is_some()
    }
}

impl WindowSide {
    /// Counts a picture that was shown.
    pub fn shown(&self, shown: &Shown, stats: &Stats) {
        let delays = *lock(&self.delays);
        let latency = delays.since(shown.captured, shown.presented_at);
        let mut counters = stats.lock();
        counters.displayed += 1;
        counters.present.add(shown.present);
        // A picture from before the sender's clock was known, or after, is counted otherwise than the rest.
        if delays.agreement() == counters.clock {
            counters.latency.add(latency);
        }
    }

    fn tell(&self, signal: Signal) {
        let mut status = lock(&self.status);
        match signal {
            Signal::Source(source) => status.source = source.to_string(),
            Signal::Name(name) => status.name = name,
            Signal::SourceGone => status.state = State::SourceGone("the sender waits for its camera".into()),
            // The next picture says that it is live.
            Signal::SourceBack => {}
            Signal::Silent => status.state = State::Silent(Instant::now()),
            Signal::Ended => status.state = State::Ended,
        }
        drop(status);
        self.waker.wake();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Often enough to be seen, rarely enough to be read.
const COMPLAIN_EVERY: Duration = Duration::from_secs(5);

/// Which refusals were spoken of, and when: each kind is named, none of them all the time.
#[derive(Default)]
struct Complaints {
    kinds: Vec<(Discriminant<Refusal>, Seldom)>,
}

impl Complaints {
    fn are_due(&mut self, refusal: &Refusal, now: Instant) -> bool {
        let kind = discriminant(refusal);
        let at = self.kinds.iter().position(|(known, _)| *known == kind).unwrap_or_else(|| {
            self.kinds.push((kind, Seldom::new(COMPLAIN_EVERY)));
            self.kinds.len() - 1
        });
        self.kinds[at].1.is_due(now)
    }
}

#[cfg(test)]
mod tests {
    use proto::{Frame, FrameId, MediaTime};

    use super::*;
    use crate::clock::Agreement;

    #[test]
    fn each_kind_of_refusal_is_named_and_none_of_them_all_the_time() {
        let (mut complaints, t0) = (Complaints::default(), Instant::now());
        assert!(complaints.are_due(&Refusal::Progressive, t0));
        assert!(complaints.are_due(&Refusal::Arithmetic, t0));
        assert!(!complaints.are_due(&Refusal::Progressive, t0 + COMPLAIN_EVERY / 2));
        assert!(complaints.are_due(&Refusal::Progressive, t0 + COMPLAIN_EVERY));
    }

    #[test]
    fn a_last_picture_decoded_after_the_goodbye_does_not_make_the_stream_live_again() {
        let window = WindowSide {
            pictures: Latest::new(),
            status: Mutex::new(Status::new("0.0.0.0:9000")),
            waker: Waker::of_nobody(),
            form: Form::Planes,
            delays: Mutex::new(Delays::new()),
        };
        let screen = Screen { frames: Some(Latest::new()), window: Some(window) };
        let frame = Frame { captured: MediaTime::default(), jpeg: Arc::default() };
        let received = Received { id: FrameId::new(0), frame };
        screen.show(received.clone(), Delays::new());
        assert_eq!(lock(&screen.window().unwrap().status).state, State::Live);
        screen.signal(Signal::Ended);
        screen.put_in_window(&received, Arc::default(), Delays::new());
        assert_eq!(lock(&screen.window().unwrap().status).state, State::Ended);
    }

    #[test]
    fn a_picture_that_was_on_its_way_when_the_clock_became_known_is_not_counted_with_the_others() {
        let window = WindowSide {
            pictures: Latest::new(),
            status: Mutex::new(Status::new("0.0.0.0:9000")),
            waker: Waker::of_nobody(),
            form: Form::Planes,
            delays: Mutex::new(Delays::new()),
        };
        let (now, stats) = (Instant::now(), Stats::default());
        let (captured, present) = (MediaTime::default(), Duration::from_millis(1));
        let shown = Shown { id: FrameId::new(0), captured, decoded_at: now, presented_at: now, present };
        window.shown(&shown, &stats);
        assert!(stats.lock().latency.all().max.is_some());
        stats.lock().forget_delays(Agreement::Shared);
        window.shown(&shown, &stats);
        let counters = stats.lock();
        assert_eq!((counters.latency.all().max, counters.displayed), (None, 2));
    }
}

//! One sender, as this receiver sees it: its counters, its status, and its pictures in flight.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use proto::MediaTime;
use proto::app::Broadcast;

use super::live::Live;
use super::status::Status;
use crate::frame::Interval;
use crate::net::SocketProbe;
use crate::output::Outputs;
use crate::record::Recorder;
use crate::sync::lock;

/// One sender. The receiving thread fills it, the decoding threads and the window empty it, and each output reads it.
pub struct Feed {
    /// See [`live`](Self::live).
    live: Mutex<Live>,
    /// Since when it is waited for.
    pub began: Instant,
    /// Where it comes from.
    pub origin: Origin,
    /// Keeps its frames, on request.
    pub recorder: Recorder,
    /// Its newest frame, for browsers, where they are shown any.
    pub newest: Option<Arc<Broadcast>>,
    /// See [`outputs`](Self::outputs).
    outputs: Option<Arc<Outputs>>,
    /// Its tile's number, from 1; 0 as long as it has none.
    number: AtomicUsize,
    /// The area that it is shown in, width and height in 32 bits each; [`HIDDEN`] while it is not shown, and
    /// [`UNPLACED`] before a window has said so.
    area: AtomicU64,
    /// Between two captures, in microseconds, with [`SURE`]; 0 as long as it is not known.
    interval: AtomicU64,
}

/// Where a feed's datagrams come in.
#[derive(Clone)]
pub struct Origin {
    /// Where is listened.
    pub listen: SocketAddr,
    /// The interface that was named, or that a group was joined by.
    pub interface: Option<String>,
    /// How many bytes of datagrams the system keeps until they are read.
    pub buffer: usize,
    /// Whether the receiver subscribes at a sender for them.
    pub subscribes: bool,
    /// Asks about the socket.
    pub probe: Arc<SocketProbe>,
}

impl Feed {
    /// A feed of which nothing has come yet; `status` says what is waited for, and `outputs` are used if it is the
    /// first.
    pub fn new(status: Status, origin: Origin, recorder: Recorder, outputs: Option<Arc<Outputs>>) -> Self {
        Self {
            live: Mutex::new(Live::new(status)),
            began: Instant::now(),
            origin,
            recorder,
            newest: None,
            outputs,
            number: AtomicUsize::new(0),
            area: AtomicU64::new(UNPLACED),
            interval: AtomicU64::new(0),
        }
    }

    /// Where its frames go besides the window: those of the first sender that is shown. Which that is turns out when
    /// one is heard or found.
    pub fn outputs(&self) -> Option<&Arc<Outputs>> {
        self.outputs.as_ref().filter(|_| self.number() <= 1)
    }

    /// Its tile's number, from 1; 0 as long as it has none.
    pub fn number(&self) -> usize {
        self.number.load(Ordering::Relaxed)
    }

    pub(crate) fn set_number(&self, number: usize) {
        self.number.store(number, Ordering::Relaxed);
    }

    /// The area that it is shown in, in pixels; `None` while no window shows it.
    pub fn area(&self) -> Option<(u32, u32)> {
        let area = self.area.load(Ordering::Relaxed);
        (area != HIDDEN && area != UNPLACED).then_some(((area >> 32) as u32, area as u32))
    }

    /// Whether a window has decided not to show it. Before that, its first picture is wanted.
    pub fn is_hidden(&self) -> bool {
        self.area.load(Ordering::Relaxed) == HIDDEN
    }

    /// Says how large it is shown.
    pub fn set_area(&self, area: Option<(u32, u32)>) {
        let area = area.map_or(HIDDEN, |(width, height)| u64::from(width) << 32 | u64::from(height));
        self.area.store(area, Ordering::Relaxed);
    }

    /// How far its captures are apart, once that is known.
    pub fn interval(&self) -> Option<Interval> {
        let micros = self.interval.load(Ordering::Relaxed);
        let apart = Duration::from_micros(micros & !SURE);
        (micros != 0).then_some(Interval { apart, is_sure: micros & SURE != 0 })
    }

    pub(crate) fn set_interval(&self, interval: Option<Interval>) {
        let micros = interval.map_or(0, |Interval { apart, is_sure }| {
            let micros = u64::try_from(apart.as_micros()).map_or(!SURE, |micros| micros & !SURE);
            if is_sure { micros | SURE } else { micros }
        });
        self.interval.store(micros, Ordering::Relaxed);
    }

    /// What changes of it, for a moment.
    pub fn live(&self) -> MutexGuard<'_, Live> {
        lock(&self.live)
    }

    /// What is said of it now.
    pub fn status(&self) -> Arc<Status> {
        self.live().status.clone()
    }

    /// Counts a picture that was captured then, and shown then, which took so long; returns how long after its capture.
    pub fn shown(&self, captured: MediaTime, presented_at: Instant, present: Duration) -> Duration {
        let mut live = self.live();
        let Live { counters, delays, .. } = &mut *live;
        let latency = delays.since(captured, presented_at);
        counters.displayed += 1;
        counters.present.add(present);
        // A picture from before the sender's clock was known, or after, is counted otherwise than the rest.
        if delays.agreement() == counters.clock {
            counters.latency.add(latency);
        }
        latency
    }

    /// Counts what was still on its way to the window when all ended.
    pub(crate) fn settle(&self) {
        let mut live = self.live();
        live.counters.unshown += u64::from(live.picture.take().is_some());
    }
}

/// No area in particular: no window has one of no pixels, or of so many.
const HIDDEN: u64 = 0;
const UNPLACED: u64 = u64::MAX;
/// The bit of an interval that is sure.
const SURE: u64 = 1 << 63;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::feed::delay::Agreement;
    use crate::record::KeepOptions;

    /// A feed of nobody.
    pub(crate) fn feed() -> Feed {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let listen = socket.local_addr().unwrap();
        let probe = Arc::new(SocketProbe::of(socket.into()));
        let origin = Origin { listen, interface: None, buffer: 0, subscribes: false, probe };
        let options = KeepOptions { folder: ".".into(), replay: None, replay_bytes: 0, split: None };
        let recorder = Recorder::new(&options);
        Feed::new(Status::new("listening on", "0.0.0.0:9000"), origin, recorder, None)
    }

    #[test]
    fn a_picture_that_was_on_its_way_when_the_clock_became_known_is_not_counted_with_the_others() {
        let (now, feed) = (Instant::now(), feed());
        let (captured, present) = (MediaTime::default(), Duration::from_millis(1));
        feed.shown(captured, now, present);
        assert!(feed.live().counters.latency.all().max.is_some());
        feed.live().counters.forget_delays(Agreement::Shared);
        feed.shown(captured, now, present);
        let counters = &feed.live().counters;
        assert_eq!((counters.latency.all().max, counters.displayed), (None, 2));
    }

    #[test]
    fn an_area_is_told_as_it_was_said() {
        let feed = feed();
        assert_eq!((feed.area(), feed.interval(), feed.is_hidden()), (None, None, false));
        feed.set_area(None);
        assert_eq!((feed.area(), feed.is_hidden()), (None, true));
        feed.set_area(Some((426, 240)));
        let sure = Interval { apart: Duration::from_millis(33), is_sure: true };
        feed.set_interval(Some(sure));
        assert_eq!((feed.area(), feed.is_hidden()), (Some((426, 240)), false));
        assert_eq!(feed.interval(), Some(sure));
    }
}

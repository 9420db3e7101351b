//! The sender's counters.

mod report;
mod viewers;

pub(crate) use report::Reports;

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use proto::app::Heartbeat;
use proto::keys::RefusalCounts;
use proto::{SendStats, SubscribeCounts, Viewer, WindowedHistogram};

use crate::net::Route;

/// The sender's statistics, shared by its threads. Locked for moments only.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    inner: Mutex<SendCounters>,
    /// Of the thread that works with the network, without which nothing else matters.
    pub heartbeat: Heartbeat,
}

/// What is counted.
#[derive(Debug, Default)]
pub(crate) struct SendCounters {
    /// Pictures that the source gave.
    pub captured: u64,
    /// Pictures that a newer one replaced before they were sent.
    pub superseded: u64,
    /// Of these, pictures that every destination left out on purpose.
    pub thinned: u64,
    /// Pictures that came while nobody watched.
    pub unwatched: u64,
    /// Pictures that were sent to at least one destination.
    pub sent: u64,
    /// Pictures that could not be encoded or are too large to be sent.
    pub refused: u64,
    /// Times that the source failed or was gone.
    pub capture_errors: u64,
    /// By how much capture times are wrong at most, where that is known.
    pub capture_error: Option<Duration>,
    /// What is wrong with the source though it gives pictures, in a sentence.
    pub source_diagnosis: Option<String>,
    /// From a picture's arrival to its JPEG.
    pub encode: WindowedHistogram,
    /// The JPEG quality used last; `None` if nothing was encoded.
    pub quality: Option<u8>,
    /// From the JPEG to its first datagram.
    pub queue: WindowedHistogram,
    /// From the first datagram to the last.
    pub send: WindowedHistogram,
    /// Each destination's own.
    pub destinations: Vec<DestinationCounters>,
    /// What was sent to viewers who have left.
    pub departed: Departed,
    /// Asks to watch, by how they ended.
    pub asks: SubscribeCounts,
    /// What came and was refused, where only who has the key may speak.
    pub keyed: Option<RefusalCounts>,
    /// What is wrong, if something is, in a sentence.
    pub diagnosis: Option<String>,
}

/// What is counted for one destination.
#[derive(Clone, Debug, Default)]
pub(crate) struct DestinationCounters {
    /// Its address.
    pub address: String,
    /// Whether it is a subscriber.
    pub is_served: bool,
    /// Whether it is a group.
    pub is_group: bool,
    /// Whether the way there begins by Wi-Fi.
    pub is_wireless: bool,
    /// A number that no other has.
    pub id: u64,
    /// What its stream counted.
    pub stream: SendStats,
    /// Sends that the system refused, or had no room for in time.
    pub errors: u64,
    /// Its receivers, as far as they are known.
    pub viewers: Vec<(SocketAddr, Viewer)>,
    /// Datagrams that came to its socket, which may be others' too, from nobody who is sent to by it.
    pub strangers: u64,
    /// Bits per second on the wire while a frame goes out; `None` if it goes at once.
    pub pace: Option<f64>,
}

/// What was counted for all viewers together who have left: each is the sum of those of that name.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Departed {
    pub data: u64,
    pub parity: u64,
    pub resent: u64,
    pub bytes: u64,
    pub errors: u64,
}

impl DestinationCounters {
    /// One that nothing was counted for yet.
    pub(crate) fn new(route: &Route, is_served: bool) -> Self {
        use std::sync::atomic::{AtomicU64, Ordering};
        static COUNT: AtomicU64 = AtomicU64::new(0);
        Self {
            address: route.to().to_string(),
            is_served,
            is_group: route.is_group(),
            is_wireless: route.interface().is_wireless(),
            id: COUNT.fetch_add(1, Ordering::Relaxed),
            ..Self::default()
        }
    }
}

impl SendCounters {
    /// Takes a destination out of the list; what it was sent stays in the sums.
    pub(crate) fn depart(&mut self, number: usize) {
        let DestinationCounters { stream, errors, .. } = self.destinations.remove(number);
        let departed = &mut self.departed;
        departed.data += stream.data;
        departed.parity += stream.parity;
        departed.resent += stream.resent;
        departed.bytes += stream.bytes;
        departed.errors += errors;
    }
}

impl Stats {
    /// The counters, for a moment.
    pub(crate) fn lock(&self) -> MutexGuard<'_, SendCounters> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a picture was encoded with this quality in this time.
    pub(crate) fn encoded(&self, quality: u8, took: Duration) {
        let counters = &mut *self.lock();
        counters.encode.add(took);
        counters.quality = Some(quality);
    }

    /// Counts a picture that was replaced by a newer one.
    pub(crate) fn superseded(&self) {
        self.lock().superseded += 1;
    }

    /// Counts a picture that was replaced by a newer one while somebody watched, or nobody did.
    pub(crate) fn replaced(&self, is_watched: bool) {
        let counters = &mut *self.lock();
        *(if is_watched { &mut counters.superseded } else { &mut counters.unwatched }) += 1;
    }
}

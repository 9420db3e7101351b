//! What the sender counts, and how it says it.

mod report;
mod tally;
mod viewers;

pub use report::{Object, Reports};
pub use tally::{End, Tally};

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use proto::host::Pulse;
use proto::{Meter, SendStats, Viewer};

/// The sender's statistics, shared by its threads. Locked for moments only.
#[derive(Debug, Default)]
pub struct Stats {
    inner: Mutex<Counters>,
    /// Of the thread that works with the network, without which nothing else matters.
    pub pulse: Pulse,
}

/// What is counted.
#[derive(Debug, Default)]
pub struct Counters {
    /// Pictures that the source gave.
    pub captured: u64,
    /// Pictures that a newer one replaced before they were sent.
    pub superseded: u64,
    /// Pictures that were sent to at least one destination.
    pub sent: u64,
    /// Pictures that could not be encoded or are too large to be sent.
    pub refused: u64,
    /// Times that the source failed or was gone.
    pub capture_errors: u64,
    /// From a picture's arrival to its JPEG.
    pub encode: Meter,
    /// The JPEG quality used last; `None` if nothing was encoded.
    pub quality: Option<u8>,
    /// From the JPEG to its first datagram.
    pub queue: Meter,
    /// From the first datagram to the last.
    pub send: Meter,
    /// Each destination's own.
    pub destinations: Vec<Destination>,
    /// What is wrong, if something is, in a sentence.
    pub diagnosis: Option<String>,
}

/// What is counted for one destination.
#[derive(Clone, Debug, Default)]
pub struct Destination {
    /// Its address.
    pub address: String,
    /// What its stream counted.
    pub stream: SendStats,
    /// Sends that the system refused.
    pub errors: u64,
    /// Its receivers, as far as they are known.
    pub viewers: Vec<(SocketAddr, Viewer)>,
    /// Datagrams that somebody else sent there.
    pub strangers: u64,
    /// Bits per second on the wire while a frame goes out; `None` if it goes at once.
    pub pace: Option<f64>,
}

impl Counters {
    /// Of the superseded pictures, how many were left out on purpose: those that every destination left out.
    pub fn thinned(&self) -> u64 {
        // One that only some left out was sent by the others, or ended as theirs did.
        let everywhere = self.destinations.iter().map(|d| d.stream.thinned).min();
        everywhere.unwrap_or(0).min(self.superseded)
    }
}

impl Stats {
    /// The counters, for a moment.
    pub fn lock(&self) -> MutexGuard<'_, Counters> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a picture was encoded with this quality in this time.
    pub fn encoded(&self, quality: u8, took: Duration) {
        let counters = &mut *self.lock();
        counters.encode.add(took);
        counters.quality = Some(quality);
    }

    /// Counts a picture that was replaced by a newer one.
    pub fn superseded(&self) {
        self.lock().superseded += 1;
    }
}

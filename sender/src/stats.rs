//! What the sender counts, and how it says it.

mod report;
mod tally;

pub use report::{Object, Reports};
pub use tally::{End, Tally};

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use proto::{Meter, SendStats, Viewer};

/// The sender's statistics, shared by its threads. Locked for moments only.
#[derive(Debug, Default)]
pub struct Stats {
    inner: Mutex<Counters>,
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
    /// From the JPEG to its first datagram.
    pub queue: Meter,
    /// From the first datagram to the last.
    pub send: Meter,
    /// Each destination's own.
    pub destinations: Vec<Destination>,
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

impl Stats {
    /// The counters, for a moment.
    pub fn lock(&self) -> MutexGuard<'_, Counters> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a picture that was replaced by a newer one.
    pub fn superseded(&self) {
        self.lock().superseded += 1;
    }
}

//! What all receiving threads share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use proto::app::Heartbeat;
use proto::sys::Stop;

use super::keys::Keyring;
use super::signers::Signers;
use super::stream::StreamConfig;
use crate::decode::Decoding;
use crate::feed::Feeds;
use crate::output::Outputs;
use crate::record::KeepOptions;

/// What all receiving threads share.
pub(crate) struct ReceiveContext {
    /// All senders.
    pub feeds: Feeds,
    /// Where frames go that are decoded.
    pub decoding: Decoding,
    /// Where frames of the first sender go that are not shown.
    pub outputs: Arc<Outputs>,
    /// Ends the threads; requested by one when enough was delivered.
    pub stop: Stop,
    /// What is to be kept of each sender, and where.
    pub keep: KeepOptions,
    /// The heartbeats of receiving threads that nobody feels yet.
    pub heartbeats: Mutex<Vec<Heartbeat>>,
    /// Whether browsers are shown frames.
    pub shows_in_browsers: bool,
    /// The keys that are known.
    pub keyring: Arc<Keyring>,
    /// Who signs.
    pub signers: Signers,
    /// How each stream behaves.
    pub config: StreamConfig,
    /// How many senders one socket is shown of.
    pub most_senders: usize,
    /// When there was enough.
    pub enough: FrameLimit,
}

/// Counts the delivered frames of all senders, up to as many as are enough.
pub(crate) struct FrameLimit {
    most: Option<u64>,
    delivered: AtomicU64,
}

impl FrameLimit {
    /// `most` frames are enough; `None`: there is never enough.
    pub(crate) fn new(most: Option<u64>) -> Self {
        Self { most, delivered: AtomicU64::new(0) }
    }

    /// Counts one more.
    pub(super) fn one_more(&self) {
        self.delivered.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn is_reached(&self) -> bool {
        self.most.is_some_and(|most| self.delivered.load(Ordering::Relaxed) >= most)
    }
}

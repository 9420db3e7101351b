//! The frames that wait for an output, and its counters.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proto::Latest;

use crate::codec::Decoded;
use crate::frame::Received;
use crate::record::Backlog;

/// What became of the frames that an output was offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputCounts {
    /// Frames written, each to its last byte.
    pub written: u64,
    /// Frames that were not, because the output had not kept up, or because they are no pictures that it can have.
    pub dropped: u64,
}

/// Where an output's thread finds what it is to write.
#[derive(Clone, Debug)]
pub(super) enum OutputInbox {
    /// For whoever watches: the newest frame.
    Newest(Arc<Latest<Received>>),
    /// For a recording: all frames, within bounds.
    All(Arc<Backlog>),
    /// The newest picture, decoded.
    Pictures(Arc<Latest<Arc<Decoded>>>),
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) written: AtomicU64,
    pub(super) dropped: AtomicU64,
}

/// How an output ended, where it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// All that it was given is written.
    Done,
    /// Nobody reads it any more.
    ReaderGone,
}

impl OutputInbox {
    pub(super) fn close(&self) {
        match self {
            Self::Newest(newest) => newest.close(),
            Self::All(backlog) => backlog.close(),
            Self::Pictures(newest) => newest.close(),
        }
    }
}

impl Counts {
    pub(super) fn one_written(&self) {
        self.written.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn tally(&self) -> OutputCounts {
        OutputCounts {
            written: self.written.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
        }
    }
}

//! What was requested of one part.

use std::time::Instant;

/// What was requested.
#[derive(Debug, Default)]
pub(crate) struct NackState {
    /// How often each data chunk was.
    counts: Vec<u8>,
    /// When the last request was sent.
    pub(crate) last: Option<Instant>,
    /// When the next may be.
    pub(crate) wait: Option<Instant>,
    /// When it was last seen what is missing.
    pub(crate) looked: Option<Instant>,
    /// When a newer part began to arrive: a pause of the path, in which requests or answers were lost, is over.
    pub(crate) hope: Option<Instant>,
    /// The sender does not have it any more.
    pub(crate) gone: bool,
}

impl NackState {
    /// Nothing was requested yet of a part of so many chunks.
    pub(super) fn begin(&mut self, chunks: usize) {
        self.counts.clear();
        self.counts.resize(chunks, 0);
        (self.last, self.wait, self.looked, self.hope, self.gone) = (None, None, None, None, false);
    }

    /// All was requested then.
    pub(super) fn requested(&mut self, when: Option<Instant>) {
        self.counts.fill(1);
        self.last = when;
    }

    /// How often a chunk was requested.
    pub(crate) fn count(&self, index: usize) -> u8 {
        self.counts[index]
    }

    /// A chunk is requested.
    pub(crate) fn note(&mut self, index: usize) {
        self.counts[index] = self.counts[index].saturating_add(1);
    }
}

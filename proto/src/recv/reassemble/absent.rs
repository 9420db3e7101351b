//! Parts of which nothing has come.

use std::time::Instant;

use crate::seq::PartId;

/// A part of which nothing has come though something behind it has: how it is cut is not known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AbsentPart {
    pub(crate) id: PartId,
    /// When it was first passed over.
    pub(crate) since: Instant,
    /// How often it was requested, and when last.
    pub(crate) requests: u8,
    pub(crate) last: Option<Instant>,
    /// When the next request may be sent, where others may send theirs before.
    pub(crate) wait: Option<Instant>,
    /// The sender does not have it any more.
    pub(crate) gone: bool,
}

impl AbsentPart {
    pub(super) fn new(id: PartId, now: Instant) -> Self {
        Self { id, since: now, requests: 0, last: None, wait: None, gone: false }
    }
}

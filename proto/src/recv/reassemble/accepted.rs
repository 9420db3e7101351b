//! What a chunk came to.

use super::delivery::{Delivery, PartDelivery};
use super::slot::ChunkOutcome;
use crate::stats::Outcome;

/// What a chunk came to.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) outcome: Outcome,
    pub(crate) part: Option<PartDelivery>,
    pub(crate) delivery: Option<Delivery>,
    /// How it was taken in, if it was.
    pub(crate) stored: Option<ChunkOutcome>,
}

impl Accepted {
    /// It ended like this, and made nothing whole.
    pub(super) fn ended(outcome: Outcome) -> Self {
        Self { outcome, part: None, delivery: None, stored: None }
    }
}

//! A chunk as it arrived.

use std::time::Instant;

use crate::geometry::Geometry;
use crate::wire::Header;

/// A chunk as it arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival<'a> {
    pub(crate) header: &'a Header,
    pub(crate) geometry: Geometry,
    pub(crate) chunk: &'a [u8],
    /// Whether it was sent before.
    pub(crate) again: bool,
    /// Parity: which, and the CRC-32 of the whole part.
    pub(crate) parity: Option<(usize, u32)>,
    /// When it reached this computer.
    pub(crate) arrived: Instant,
    /// When it was read.
    pub(crate) now: Instant,
}

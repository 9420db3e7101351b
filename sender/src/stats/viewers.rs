//! The statistics of each viewer.

use std::net::SocketAddr;
use std::time::Instant;

use proto::Viewer;
use proto::app::two_digits;
use serde::Serialize;

/// A receiver and its health, as `--stats-json` says it. Counts are the receiver's own, since this session began for
/// it.
#[derive(Debug, Serialize)]
pub(crate) struct ViewerObject {
    pub address: String,
    pub healthy: bool,
    /// Milliseconds since it was last heard.
    pub heard_ms: u64,
    /// Of a hundred data datagrams, those that did not arrive when they were first sent.
    pub loss_percent: f64,
    /// What its path carries, if a limit has shown itself.
    pub limit_mbps: Option<f64>,
    pub delivered: u32,
    pub lost: u32,
    pub repaired: RepairedObject,
    pub arrived: u32,
    pub missing: u32,
    pub dropped: DroppedObject,
}

#[derive(Debug, Serialize)]
pub(crate) struct RepairedObject {
    pub by_parity: u32,
    pub by_resend: u32,
}

#[derive(Debug, Serialize)]
pub(crate) struct DroppedObject {
    pub kernel: u32,
    pub decode: u32,
    pub display: u32,
}

impl ViewerObject {
    /// Describes a receiver as it is known `now`.
    pub(crate) fn new(address: SocketAddr, viewer: &Viewer, now: Instant) -> Self {
        let counts = viewer.counts;
        Self {
            address: address.to_string(),
            healthy: viewer.is_healthy(),
            heard_ms: now.saturating_duration_since(viewer.heard).as_millis() as u64,
            loss_percent: two_digits(100.0 * viewer.loss),
            limit_mbps: viewer.limit().map(|limit| two_digits(limit / 1e6)),
            delivered: counts.delivered,
            lost: counts.lost,
            repaired: RepairedObject { by_parity: counts.repaired, by_resend: counts.resent },
            arrived: counts.arrived,
            missing: counts.missing,
            dropped: DroppedObject {
                kernel: counts.kernel_dropped,
                decode: counts.decode_dropped,
                display: counts.display_dropped,
            },
        }
    }
}

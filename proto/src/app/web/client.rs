//! Who asks.

use std::net::IpAddr;

use super::places::Caller;

/// Who asks, and where.
pub(super) struct WebClient<'a> {
    pub(super) address: IpAddr,
    /// Our address that he asks at.
    pub(super) local: IpAddr,
    pub(super) caller: &'a Caller,
}

/// Whether a peer is on this computer.
pub(super) fn is_here(peer: IpAddr, local: IpAddr) -> bool {
    let (peer, local) = (peer.to_canonical(), local.to_canonical());
    peer.is_loopback() || peer == local
}

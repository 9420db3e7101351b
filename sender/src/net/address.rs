//! Addresses: whose, and of whom in particular none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Somebody else's address, and which of this computer's own it speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where it is.
    pub address: SocketAddr,
    /// Where it sends to, if the socket is one that is asked; what is sent there comes from here.
    pub at: Option<IpAddr>,
}

/// No address in particular, and no port, of the same family as `to`.
pub(super) fn any_address(to: SocketAddr) -> SocketAddr {
    if to.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() }
}

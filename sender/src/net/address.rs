//! Addresses of viewers, and the computers that they belong to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use proto::Computer;

/// Somebody else's address, and which of this computer's own it speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where it is.
    pub address: SocketAddr,
    /// Where it sends to, if the socket is a serving one; what is sent there comes from here.
    pub at: Option<IpAddr>,
}

/// No address in particular, and no port, of the same family as `to`.
pub(super) fn any_address(to: SocketAddr) -> SocketAddr {
    if to.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() }
}

/// The computer that an address is of: one for each of IPv4, and of IPv6 one for each network, in which whoever has one
/// address has 2^64 of them.
pub(crate) fn computer_of(address: &SocketAddr) -> Computer {
    let key = match address.ip().to_canonical() {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) if v6.is_unicast_link_local() => v6.to_bits(),
        IpAddr::V6(v6) => v6.to_bits() >> HOST_BITS << HOST_BITS,
    };
    Computer { key, is_own: address.ip().to_canonical().is_loopback() }
}

/// The part of an address of IPv6 that is anybody's to choose.
const HOST_BITS: u32 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_of_one_computer_that_one_may_have() {
        let is_one = |one: &str, other: &str| {
            computer_of(&one.parse().unwrap()).key == computer_of(&other.parse().unwrap()).key
        };
        assert!(is_one("10.0.0.1:1", "10.0.0.1:2") && is_one("10.0.0.1:1", "[::ffff:10.0.0.1]:2"));
        assert!(!is_one("10.0.0.1:1", "10.0.0.2:1"));
        assert!(
            is_one("[2001:db8::1]:1", "[2001:db8::2:1]:2")
                && !is_one("[2001:db8::1]:1", "[2001:db8:0:1::1]:1")
        );
        // All of one link have one network.
        assert!(is_one("[fe80::1%2]:1", "[fe80::1%2]:2") && !is_one("[fe80::1%2]:1", "[fe80::2%2]:1"));
        let is_own = |text: &str| computer_of(&text.parse().unwrap()).is_own;
        assert!(is_own("127.0.0.5:1") && is_own("[::1]:1") && !is_own("10.0.0.1:1"));
    }
}

//! Which of a sender's addresses to ask.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use mdns_sd::ScopedIp;
use proto::host::is_on_link;

/// The addresses at which a sender can be asked, the best first; not more than a few.
pub(super) fn usable(all: &HashSet<ScopedIp>, port: u16) -> Vec<SocketAddr> {
    let mut addresses: Vec<SocketAddr> = all.iter().filter_map(|address| socket(address, port)).collect();
    sort(&mut addresses, is_on_link);
    addresses
}

/// An address with its port; `None` if nothing can be asked there.
fn socket(address: &ScopedIp, port: u16) -> Option<SocketAddr> {
    match address {
        ScopedIp::V6(v6) if v6.addr().is_unicast_link_local() => {
            let scope = v6.scope_id().index;
            (scope != 0).then(|| SocketAddrV6::new(*v6.addr(), port, 0, scope).into())
        }
        other => {
            let ip = other.to_ip_addr();
            (!ip.is_unspecified() && !ip.is_multicast()).then(|| (ip, port).into())
        }
    }
}

/// IPv4 in a network that this computer is in, then other IPv4, then IPv6, then that of a link, then this computer itself.
fn sort(addresses: &mut Vec<SocketAddr>, is_on_link: impl Fn(IpAddr) -> bool) {
    addresses.sort_by_cached_key(|address| {
        let rank = match address.ip() {
            ip if ip.is_loopback() => 5,
            ip @ IpAddr::V4(_) => u8::from(!is_on_link(ip)),
            IpAddr::V6(v6) if v6.is_unicast_link_local() => 4,
            ip @ IpAddr::V6(_) => 2 + u8::from(!is_on_link(ip)),
        };
        (rank, *address)
    });
    addresses.dedup();
    addresses.truncate(MOST_ADDRESSES);
}

/// A computer with more has some that answer among the first.
const MOST_ADDRESSES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_direct_way_comes_first() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let best_first = [
            "10.77.0.1:9001",
            "192.168.9.9:9001",
            "[fd77::1]:9001",
            "[2001:db8::1]:9001",
            "[fe80::1%2]:9001",
            "127.0.0.1:9001",
        ]
        .map(at);
        let mut addresses: Vec<_> = best_first.iter().rev().copied().collect();
        addresses.push(best_first[0]);
        sort(&mut addresses, |ip| [best_first[0].ip(), best_first[2].ip()].contains(&ip));
        assert_eq!(addresses, best_first);
    }

    #[test]
    fn where_nothing_can_be_asked_is_left_out() {
        let ip = |text: &str| ScopedIp::from(text.parse::<IpAddr>().unwrap());
        for text in ["0.0.0.0", "239.1.1.1", "::", "ff12::1", "fe80::1"] {
            assert_eq!(socket(&ip(text), 9001), None, "{text}");
        }
        assert_eq!(socket(&ip("10.0.0.1"), 9001), Some("10.0.0.1:9001".parse().unwrap()));
    }
}

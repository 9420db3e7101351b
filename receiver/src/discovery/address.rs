//! Which of a sender's addresses to subscribe at.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use proto::sys::Networks;

/// The addresses at which to subscribe at a sender, of those that were heard by the interfaces of these indices, the
/// best first; not more than a few. What is in no network of ours has to be typed: anybody can say that a sender is
/// there.
pub(super) fn usable(all: &[(IpAddr, u32)], port: u16, networks: &Networks) -> Vec<SocketAddr> {
    let mut addresses: Vec<SocketAddr> =
        all.iter().filter_map(|&(address, index)| socket(address, index, port, networks)).collect();
    sort(&mut addresses, |ip| networks.contain(ip));
    addresses
}

/// An address with its port; `None` if it is not to be contacted.
fn socket(address: IpAddr, index: u32, port: u16, networks: &Networks) -> Option<SocketAddr> {
    match address {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Some(SocketAddrV6::new(v6, port, 0, index).into()),
        // Another computer's own is not ours.
        ip if ip.is_loopback() && !networks.is_loopback(index) => None,
        ip if ip.is_unspecified() || ip.is_multicast() || !networks.contain(ip) => None,
        ip => Some((ip, port).into()),
    }
}

/// IPv4 in a network that this computer is in, then other IPv4, then IPv6, then that of a link, then this computer
/// itself.
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
    fn where_nothing_is_to_be_asked_is_left_out() {
        let networks = Networks::now();
        let lo = (1..99).find(|index| networks.is_loopback(*index)).unwrap();
        let at = |text: &str, index| socket(text.parse().unwrap(), index, 9001, &networks);
        for text in ["0.0.0.0", "239.1.1.1", "::", "ff12::1", "203.0.113.77", "2001:db8::1"] {
            assert_eq!(at(text, lo), None, "{text}");
        }
        assert_eq!(at("127.0.0.1", lo), Some("127.0.0.1:9001".parse().unwrap()));
        assert_eq!(at("127.0.0.1", lo + 99), None, "whoever says that is another computer");
        assert_eq!(at("fe80::1", 7), Some("[fe80::1%7]:9001".parse().unwrap()));
    }
}

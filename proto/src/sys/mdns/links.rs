//! The links of this computer: its interfaces, once for each address family.

use std::io;
use std::net::IpAddr;

use if_addrs::IfAddr;

/// One interface that is up, with its addresses of one family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MdnsLink {
    pub(super) name: String,
    pub(super) index: u32,
    pub(super) is_ipv4: bool,
    pub(super) addresses: Vec<IpAddr>,
}

impl MdnsLink {
    /// Whether its interface was named so: by its name, index, or an address.
    pub(super) fn is_of(&self, named: &str) -> bool {
        self.name == named
            || named.parse() == Ok(self.index)
            || named.parse().is_ok_and(|address| self.addresses.contains(&address))
    }
}

/// All that there are now, each once for each family.
pub(super) fn all() -> io::Result<Vec<MdnsLink>> {
    let mut all: Vec<MdnsLink> = Vec::new();
    for found in if_addrs::get_if_addrs()? {
        let Some(index) = found.index else { continue };
        // A group of IPv6 has no way to this computer alone.
        if found.is_loopback() && found.ip().is_ipv6() {
            continue;
        }
        let (address, is_ipv4) = (found.ip(), matches!(found.addr, IfAddr::V4(_)));
        match all.iter_mut().find(|link| (link.index, link.is_ipv4) == (index, is_ipv4)) {
            Some(link) => link.addresses.push(address),
            None => all.push(MdnsLink { name: found.name, index, is_ipv4, addresses: vec![address] }),
        }
    }
    all.iter_mut().for_each(|link| link.addresses.sort());
    all.sort_by_key(|link| (link.index, !link.is_ipv4));
    all.truncate(MOST_LINKS);
    Ok(all)
}

/// A computer with hundreds of containers has as many; who looks for cameras is by the first.
const MOST_LINKS: usize = 64;

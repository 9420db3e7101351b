//! The route to a destination: its interface, and the largest packet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use anyhow::{Result, bail};
use proto::sys::{Interface, Wanted, is_own_address, scope};

use super::address::{Peer, any_address};
use super::options::NetworkOptions;
use super::sockopt;

/// The way to one destination, which is a receiver or a group.
#[derive(Clone, Debug)]
pub struct Route {
    to: SocketAddr,
    wanted: Wanted,
    interface: Interface,
    fixed_mtu: Option<usize>,
    mtu: usize,
    /// Whether no router is on the way, so that nobody can say that it takes less than the interface.
    is_direct: bool,
    /// Which of this computer's addresses to send from; the routes choose if not given.
    pub(super) from: Option<IpAddr>,
    /// Whether the kernel cuts sends into datagrams, as far as is known.
    pub(super) offload: bool,
}

impl Route {
    /// Finds the way to `to`.
    ///
    /// # Errors
    /// If there is no such interface or no route, with the way out.
    pub fn find(to: SocketAddr, options: &NetworkOptions) -> Result<Self> {
        let wanted = Wanted::new(options.interface.as_deref(), to);
        let interface = wanted.find(None)?;
        let fixed_mtu = options.mtu;
        let mut route =
            Self { to, wanted, interface, fixed_mtu, mtu: 0, is_direct: false, from: None, offload: true };
        route.look();
        if route.datagram_bytes() <= proto::wire::HEADER_BYTES + 1 {
            bail!("an MTU of {} bytes leaves no room for pictures; give a larger --mtu", route.mtu);
        }
        Ok(route)
    }

    /// Finds the way back to somebody who asked.
    ///
    /// # Errors
    /// As for [`find`](Self::find).
    pub fn back(peer: Peer, options: &NetworkOptions) -> Result<Self> {
        Ok(Self { from: peer.at, ..Self::find(peer.address, options)? })
    }

    /// Finds its beginning again, after the system's interfaces have changed. Returns whether that is another one now,
    /// or has another index or address.
    ///
    /// # Errors
    /// If there is none now; then it stays as it was.
    pub fn renew(&mut self) -> Result<bool> {
        let found = self.wanted.find(Some(&self.interface))?;
        if let SocketAddr::V6(to) = &mut self.to
            && to.scope_id() == self.interface.index
        {
            to.set_scope_id(found.index);
        }
        let is_another = found != self.interface;
        self.interface = found;
        self.look();
        self.offload |= is_another;
        Ok(is_another)
    }

    /// Looks what it takes.
    fn look(&mut self) {
        let is_of_link = scope(self.to) != 0 || self.interface.is_link_of(self.to.ip());
        self.is_direct = !self.is_group() && is_of_link;
        self.mtu = self.find_mtu();
    }

    /// Where it leads.
    pub fn to(&self) -> SocketAddr {
        self.to
    }

    /// Which of this computer's addresses it is sent from, if that is not left to the routes.
    pub fn from(&self) -> Option<IpAddr> {
        self.from
    }

    /// The interface that it begins at.
    pub fn interface(&self) -> &Interface {
        &self.interface
    }

    /// The address of this computer at its beginning; no address in particular, if there is none of the same family.
    pub fn origin(&self) -> IpAddr {
        let same = self.interface.addresses.iter().find(|address| address.is_ipv4() == self.to.is_ipv4());
        same.copied().unwrap_or_else(|| any_address(self.to).ip())
    }

    /// Where what is said beside an RTP stream goes: one port further (RFC 3550 section 11).
    pub fn rtcp(&self) -> Option<SocketAddr> {
        let mut to = self.to;
        to.set_port(to.port().checked_add(1)?);
        Some(to)
    }

    /// The largest packet, in bytes.
    pub fn mtu(&self) -> usize {
        self.mtu
    }

    /// The largest UDP payload, in bytes.
    pub fn datagram_bytes(&self) -> usize {
        self.mtu.saturating_sub(self.ip_bytes() + UDP_BYTES)
    }

    /// What a datagram costs on an Ethernet beside its payload: headers, checksum, preamble and gap (IEEE 802.3).
    pub fn overhead_bytes(&self) -> usize {
        self.ip_bytes() + UDP_BYTES + ETHERNET_BYTES
    }

    /// Whether it leads to a group.
    pub fn is_group(&self) -> bool {
        self.to.ip().is_multicast()
    }

    /// Whether the datagrams never leave this computer.
    pub fn is_local(&self) -> bool {
        self.interface.is_loopback || is_own_address(self.to.ip())
    }

    /// Whether what comes from there was sent by a receiver of what is sent here.
    ///
    /// A single receiver answers from exactly the address that is sent to; to a group, anybody may answer.
    pub fn is_receiver(&self, from: SocketAddr) -> bool {
        self.is_group() || is_same(self.to, from)
    }

    /// Whether the interface to send by was named.
    pub(super) fn is_named(&self) -> bool {
        matches!(self.wanted, Wanted::Named(_))
    }

    /// Whether no router is on the way.
    pub(super) fn is_direct(&self) -> bool {
        self.is_direct
    }

    /// Asks the kernel anew what the path takes, after a datagram was too large for it; says whether that changed.
    pub fn learn_mtu(&mut self) -> bool {
        let before = self.mtu;
        self.mtu = self.find_mtu();
        if self.mtu == before && self.is_direct {
            // The system itself takes less, such as where it encrypts what leaves it.
            self.is_direct = false;
            self.mtu = self.find_mtu();
        }
        self.offload |= self.mtu != before;
        self.mtu != before
    }

    /// Asks it again, after the path took less than it should: any router may say so, and may be wrong, and the system
    /// forgets what they say after ten minutes. Says whether the path takes more.
    pub fn relearn_mtu(&mut self) -> bool {
        let before = self.mtu;
        if before < self.most() {
            self.mtu = self.find_mtu().max(before);
        }
        self.mtu > before
    }

    fn find_mtu(&self) -> usize {
        let path = || {
            let probe = UdpSocket::bind(any_address(self.to))?;
            probe.connect(self.to)?;
            sockopt::path_mtu(&probe, self.to.is_ipv4())
        };
        let is_known = self.fixed_mtu.is_some() || self.is_group() || self.is_direct;
        let path = if is_known { None } else { path().ok() };
        path.unwrap_or(usize::MAX).min(self.most())
    }

    /// What it takes if nothing on the way takes less.
    fn most(&self) -> usize {
        self.fixed_mtu.unwrap_or_else(|| self.interface.mtu().unwrap_or(LARGEST_MTU).min(LARGEST_MTU))
    }

    fn ip_bytes(&self) -> usize {
        if self.to.is_ipv4() { 20 } else { 40 }
    }
}

/// Whether `from` is the destination `to`. A scope counts where both have one: people need not write it, and addresses
/// that are no link's own have none.
fn is_same(to: SocketAddr, from: SocketAddr) -> bool {
    let scope = |address| match address {
        SocketAddr::V4(_) => 0,
        SocketAddr::V6(v6) => v6.scope_id(),
    };
    // What is sent to no address in particular goes to this computer (ip(7), INADDR_ANY).
    let ip = match to.ip() {
        IpAddr::V4(v4) if v4.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(v6) if v6.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let (ours, theirs) = (scope(to), scope(from));
    (ip, to.port()) == (from.ip(), from.port()) && (ours == theirs || ours == 0 || theirs == 0)
}

/// What every Ethernet carries; larger packets are worth nothing to a picture and are lost by some switch on the way.
const LARGEST_MTU: usize = 1500;
const UDP_BYTES: usize = 8;
/// Header 14, checksum 4, preamble 8, gap 12.
const ETHERNET_BYTES: usize = 38;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_counts_where_both_have_one() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        assert!(is_same(at("[fe80::1%3]:9"), at("[fe80::1%3]:9")));
        assert!(is_same(at("[fe80::1]:9"), at("[fe80::1%3]:9")));
        assert!(!is_same(at("[fe80::1%2]:9"), at("[fe80::1%3]:9")));
        assert!(!is_same(at("[fe80::1]:9"), at("[fe80::1]:8")));
        assert!(is_same(at("0.0.0.0:9"), at("127.0.0.1:9")));
    }

    #[test]
    fn an_interface_that_is_not_there_is_named() {
        let options = NetworkOptions { interface: Some("nosuch0".into()), ..NetworkOptions::default() };
        let error = Route::find("127.0.0.1:9".parse().unwrap(), &options).unwrap_err().to_string();
        assert!(error.contains("nosuch0"), "{error}");
    }
}

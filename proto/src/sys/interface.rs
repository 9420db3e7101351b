//! Network interfaces, by name, index or address.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::path::Path;

use anyhow::{Context, Result, bail};
use if_addrs::IfAddr;

/// One interface and its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name, such as `eth0`.
    pub name: String,
    /// Its index.
    pub index: u32,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Whether it only reaches this computer.
    pub is_loopback: bool,
}

impl Interface {
    /// All interfaces that are up and have an address.
    pub fn all() -> Result<Vec<Self>> {
        let mut all: Vec<Self> = Vec::new();
        for found in if_addrs::get_if_addrs().context("cannot list the network interfaces")? {
            let (Some(index), address) = (found.index, found.ip()) else { continue };
            match all.iter_mut().find(|known| known.index == index) {
                Some(known) => known.addresses.push(address),
                None => all.push(Self {
                    is_loopback: found.is_loopback(),
                    name: found.name,
                    index,
                    addresses: vec![address],
                }),
            }
        }
        all.sort_by_key(|interface| interface.index);
        Ok(all)
    }

    /// The interface that `text` names: by name, index or address.
    pub fn find(text: &str) -> Result<Self> {
        let all = Self::all()?;
        let wanted = |interface: &&Self| {
            interface.name == text
                || text.parse() == Ok(interface.index)
                || text.parse().is_ok_and(|address: IpAddr| interface.addresses.contains(&address))
        };
        all.iter().find(wanted).cloned().ok_or_else(|| {
            let names: Vec<String> = all.iter().map(ToString::to_string).collect();
            NotNow(format!("no network interface {text:?} is up; there are: {}", names.join(", "))).into()
        })
    }

    /// The interface by which this computer reaches `to`, which may be a group, by its routes.
    pub fn towards(to: SocketAddr) -> Result<Self> {
        let local = local_address_towards(to)?;
        // An address of a link's own scope says itself which link that is.
        Self::all()?
            .into_iter()
            .find(|interface| match scope(to) {
                0 => interface.addresses.contains(&local),
                index => interface.index == index,
            })
            .ok_or_else(|| {
                NotNow(format!("no network interface has the address {local}, which leads to {to}")).into()
            })
    }

    /// The largest packet that the interface sends whole, in bytes, where the system says it.
    pub fn mtu(&self) -> Option<usize> {
        std::fs::read_to_string(format!("/sys/class/net/{}/mtu", self.name)).ok()?.trim().parse().ok()
    }

    /// Whether it is Wi-Fi, where the system says it.
    pub fn is_wireless(&self) -> bool {
        let folder = Path::new("/sys/class/net").join(&self.name);
        folder.join("wireless").exists() || folder.join("phy80211").exists()
    }

    /// Whether whoever has that address is on its link, with no router in between: what it takes whole, they get whole.
    /// Of links that may be tunnels it is not known.
    pub fn is_link_of(&self, address: IpAddr) -> bool {
        let kind = std::fs::read_to_string(format!("/sys/class/net/{}/type", self.name)).unwrap_or_default();
        kind.trim() == ETHERNET
            && if_addrs::get_if_addrs().is_ok_and(|all| {
                all.iter().any(|found| found.index == Some(self.index) && is_in_network(&found.addr, address))
            })
    }

    /// Its first IPv4 address.
    pub fn v4(&self) -> Option<Ipv4Addr> {
        self.addresses.iter().find_map(|address| match address {
            IpAddr::V4(address) => Some(*address),
            IpAddr::V6(_) => None,
        })
    }
}

impl std::fmt::Display for Interface {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.name)?;
        self.addresses.first().map_or(Ok(()), |address| write!(f, " ({address})"))
    }
}

/// What is so now and may pass: the network is not up yet, or a card is not plugged in. Who finds it as the cause of an
/// error may try again.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotNow(pub String);

/// By which interface something is to go. It is found anew when the system's interfaces have changed: one that was
/// plugged in again has another index, and one may be lent another address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The one that was named, by name, index or address.
    Named(String),
    /// The one that leads there, by the routes, or as that address says itself.
    Towards(SocketAddr),
}

impl Wanted {
    /// The one that was named, or else the one that leads to `to`.
    pub fn new(named: Option<&str>, to: SocketAddr) -> Self {
        named.map_or(Self::Towards(to), |text| Self::Named(text.to_owned()))
    }

    /// Finds it. It was the one `before`, if it was found before, and is that one under its name, or if it has another
    /// name now under its index, where what was said does not lead to any now.
    ///
    /// # Errors
    /// If there is none, with the way out; [`NotNow`] if that may pass.
    pub fn find(&self, before: Option<&Interface>) -> Result<Interface> {
        let Some(before) = before else { return self.find_first() };
        let is_name = match self {
            // Numbers are given anew; what was meant is the interface that had it.
            Self::Named(text) => text.parse::<u32>().is_err(),
            Self::Towards(to) => scope(*to) == 0,
        };
        let again = || {
            let all = Interface::all()?;
            let named = all.iter().find(|interface| interface.name == before.name);
            let found = named.or_else(|| all.iter().find(|interface| interface.index == before.index));
            found.cloned().with_context(|| NotNow(format!("no network interface {:?} is up", before.name)))
        };
        if is_name { self.find_first().or_else(|_| again()) } else { again() }
    }

    fn find_first(&self) -> Result<Interface> {
        match self {
            Self::Named(text) => Interface::find(text),
            Self::Towards(to) => Interface::towards(*to),
        }
    }
}

/// The index of the link that an address is of, if it says it; else 0.
pub fn scope(address: SocketAddr) -> u32 {
    if let SocketAddr::V6(v6) = address { v6.scope_id() } else { 0 }
}

/// The address that packets to `to` come from: connecting a UDP socket asks the routes and sends nothing.
fn local_address_towards(to: SocketAddr) -> Result<IpAddr> {
    let any: SocketAddr = if to.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (std::net::Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let socket = UdpSocket::bind(any).context("cannot open a UDP socket")?;
    if let Err(error) = socket.connect(to) {
        if error.kind() == std::io::ErrorKind::PermissionDenied {
            bail!("{} is a broadcast address; many are reached by a group, such as 239.255.10.1", to.ip());
        }
        let what = if to.ip().is_multicast() { "the group " } else { "" };
        bail!(NotNow(format!(
            "there is no route to {what}{}: {error}; name the interface with --interface",
            to.ip()
        )));
    }
    Ok(socket.local_addr().context("the socket has no address")?.ip())
}

/// Reads an address of a link's own scope with its interface, such as `[fe80::20%eth0]:9000`; `None` if it is none, or
/// there is no such interface.
pub fn parse_scoped(text: &str) -> Option<SocketAddr> {
    let (address, rest) = text.strip_prefix('[')?.split_once('%')?;
    let (zone, port) = rest.split_once("]:")?;
    let scope = zone.parse().ok().or_else(|| Some(Interface::find(zone).ok()?.index))?;
    Some(SocketAddrV6::new(address.parse().ok()?, port.parse().ok()?, 0, scope).into())
}

/// Whether this address is one of this computer's own.
pub fn is_own_address(address: IpAddr) -> bool {
    address.is_loopback()
        || if_addrs::get_if_addrs().is_ok_and(|all| {
            all.iter().any(|found| match &found.addr {
                IfAddr::V4(v4) => IpAddr::V4(v4.ip) == address,
                IfAddr::V6(v6) => IpAddr::V6(v6.ip) == address,
            })
        })
}

/// The networks that this computer is in, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Networks {
    /// An address of ours in each, with the bits that all in it share.
    all: Vec<IfAddr>,
    /// The indices of interfaces that only reach this computer.
    loopback: Vec<u32>,
}

impl Networks {
    /// Those that there are now; none if the system does not tell.
    pub fn now() -> Self {
        let mut networks = Self::default();
        for found in if_addrs::get_if_addrs().unwrap_or_default() {
            networks.loopback.extend(found.index.filter(|_| found.is_loopback()));
            networks.all.push(found.addr);
        }
        networks
    }

    /// Whether an address is in one of them.
    pub fn contain(&self, address: IpAddr) -> bool {
        self.all.iter().any(|own| is_in_network(own, address))
    }

    /// Whether the interface of this index only reaches this computer.
    pub fn is_loopback(&self, index: u32) -> bool {
        self.loopback.contains(&index)
    }
}

/// Whether an address is in one of the networks that this computer is in.
pub fn is_on_link(address: IpAddr) -> bool {
    Networks::now().contain(address)
}

fn is_in_network(own: &IfAddr, address: IpAddr) -> bool {
    match (own, address) {
        (IfAddr::V4(own), IpAddr::V4(address)) => {
            let network = |ip: Ipv4Addr| u32::from(ip) & u32::from(own.netmask);
            network(own.ip) == network(address)
        }
        (IfAddr::V6(own), IpAddr::V6(address)) => {
            let network = |ip: std::net::Ipv6Addr| u128::from(ip) & u128::from(own.netmask);
            network(own.ip) == network(address)
        }
        _ => false,
    }
}

/// Ethernet, and what looks like it, such as Wi-Fi (linux/if_arp.h, ARPHRD_ETHER).
const ETHERNET: &str = "1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_is_found_by_name_index_and_address() {
        let by_address = Interface::find("127.0.0.1").unwrap();
        assert!(by_address.is_loopback);
        assert_eq!(Interface::find(&by_address.name).unwrap(), by_address);
        assert_eq!(Interface::find(&by_address.index.to_string()).unwrap(), by_address);
        assert_eq!(Interface::towards("127.0.0.1:9".parse().unwrap()).unwrap(), by_address);
    }

    #[test]
    fn an_address_of_a_link_is_read_with_its_interface() {
        let lo = Interface::find("127.0.0.1").unwrap();
        let address = SocketAddrV6::new("fe80::20".parse().unwrap(), 9000, 0, lo.index).into();
        for zone in [lo.name, lo.index.to_string()] {
            assert_eq!(parse_scoped(&format!("[fe80::20%{zone}]:9000")), Some(address));
        }
        for text in ["[fe80::20%nosuch0]:9000", "[fe80::20]:9000", "fe80::20%1", "[fe80::20%1]:", "lo:9000"] {
            assert_eq!(parse_scoped(text), None, "{text}");
        }
    }

    #[test]
    fn this_computer_is_in_its_own_networks() {
        assert!(is_on_link("127.3.4.5".parse().unwrap()) && !is_on_link("203.0.113.77".parse().unwrap()));
    }

    #[test]
    fn an_unknown_interface_is_an_error_that_names_those_there_are() {
        let error = Interface::find("nosuch0").unwrap_err().to_string();
        assert!(error.contains("nosuch0") && error.contains("lo"), "{error}");
    }

    #[test]
    fn an_interface_is_found_again_by_what_was_said_or_its_name_or_its_number() {
        let lo = Interface::find("127.0.0.1").unwrap();
        let known_as = |name: &str, index| Interface { name: name.into(), index, ..lo.clone() };
        for (text, before) in [
            (lo.name.as_str(), None),
            // It was plugged in again, has lost the address by which it was named, or got another name.
            ("127.0.0.1", Some(known_as(&lo.name, lo.index + 1000))),
            ("192.0.2.7", Some(known_as(&lo.name, lo.index + 1000))),
            ("4000000000", Some(known_as(&lo.name, lo.index + 1000))),
            ("nosuch0", Some(known_as("nosuch0", lo.index))),
        ] {
            let found = Wanted::Named(text.into()).find(before.as_ref()).unwrap();
            assert_eq!(found, lo, "{text} {before:?}");
        }
        let gone = known_as("nosuch0", 4_000_000_000);
        // Where there is no route and there was one.
        let nowhere: SocketAddr = "[fe80::1%4000000000]:9".parse().unwrap();
        assert_eq!(Wanted::Towards(nowhere).find(Some(&lo)).unwrap(), lo);
        // A number that another one has now is not what was meant.
        for wanted in [Wanted::Named(lo.index.to_string()), Wanted::Towards(nowhere)] {
            let error = wanted.find(Some(&gone)).unwrap_err();
            assert!(error.is::<NotNow>() && error.to_string().contains("nosuch0"), "{error}");
        }
        assert!(Wanted::Named("nosuch0".into()).find(None).unwrap_err().is::<NotNow>());
    }
}

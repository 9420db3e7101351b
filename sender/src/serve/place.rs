//! The port at which viewers subscribe.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context, Error, Result, bail};
use proto::sys::Interface;

use crate::net::{NetworkOptions, SendSocket};

/// Where a sender serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServeAt {
    /// At the usual port, or if that is taken any other, on all addresses.
    Anywhere,
    /// At this port on all addresses; 0 for any that is free.
    Port(u16),
    /// At this address.
    Address(SocketAddr),
}

impl ServeAt {
    /// Opens a socket for each family of addresses; all have the same port.
    ///
    /// # Errors
    /// If the port is taken, with the way out, or what the system says.
    pub fn open(self, options: &NetworkOptions) -> Result<Vec<SendSocket>> {
        match self {
            Self::Address(at) => {
                Ok(vec![SendSocket::serve(at, options).map_err(|error| explain(error, at))?])
            }
            Self::Port(port) => everywhere(port, options).map_err(|error| explain(error, any(port))),
            Self::Anywhere => match everywhere(USUAL_PORT, options) {
                Err(error) if is_taken(&error) => everywhere(0, options),
                opened => opened,
            },
        }
    }
}

/// Opens the port on all addresses of both families; where there is no IPv6 here, of IPv4 alone.
fn everywhere(port: u16, options: &NetworkOptions) -> Result<Vec<SendSocket>> {
    for _ in 0..TRIES {
        let v4 = SendSocket::serve(any(port), options)?;
        let chosen = v4.port().context("the served port has no number")?;
        match SendSocket::serve((Ipv6Addr::UNSPECIFIED, chosen).into(), options) {
            Ok(v6) => return Ok(vec![v4, v6]),
            // A port that was free for IPv4 need not be so for IPv6.
            Err(error) if is_taken(&error) && port == 0 => {}
            Err(error) if is_taken(&error) => return Err(error),
            Err(_) => return Ok(vec![v4]),
        }
    }
    bail!("no port is free for IPv4 and IPv6 alike; name an address: --serve 0.0.0.0:{USUAL_PORT}")
}

fn any(port: u16) -> SocketAddr {
    (Ipv4Addr::UNSPECIFIED, port).into()
}

fn is_taken(error: &Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::AddrInUse)
}

fn explain(error: Error, at: SocketAddr) -> Error {
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
    match kind {
        Some(io::ErrorKind::AddrInUse) => error.context(format!(
            "--serve: port {} is taken, perhaps by another sender; end it, or give another port",
            at.port()
        )),
        Some(io::ErrorKind::AddrNotAvailable) => {
            error.context(format!("--serve: {} is no address of this computer", at.ip()))
        }
        _ => error.context(format!("--serve: cannot open port {}", at.port())),
    }
}

/// Where the sockets serve, for people: the addresses of this computer that others reach.
pub(crate) fn addresses(sockets: &[SendSocket], at: ServeAt) -> Result<Vec<SocketAddr>> {
    if let ServeAt::Address(at) = at
        && !at.ip().is_unspecified()
    {
        return Ok(vec![at]);
    }
    let locals: Vec<SocketAddr> = sockets.iter().map(SendSocket::local).collect::<io::Result<_>>()?;
    let port =
        |address: IpAddr| locals.iter().find(|l| l.is_ipv4() == address.is_ipv4()).map(SocketAddr::port);
    let reached = reached(&Interface::all()?);
    Ok(reached.into_iter().filter_map(|address| Some((address, port(address)?).into())).collect())
}

/// The addresses of a computer with these interfaces that others reach, those of IPv4 first: shorter to type. Those of
/// a link's own scope, which are typed with an interface, only if there are no others.
fn reached(all: &[Interface]) -> Vec<IpAddr> {
    let has_network = all.iter().any(|interface| !interface.is_loopback);
    let reached = all.iter().filter(|interface| interface.is_loopback != has_network);
    let mut addresses: Vec<IpAddr> = reached.flat_map(|interface| interface.addresses.clone()).collect();
    if !addresses.iter().all(is_link_local) {
        addresses.retain(|address| !is_link_local(address));
    }
    addresses.sort_by_key(IpAddr::is_ipv6);
    addresses
}

fn is_link_local(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

/// Where the sockets serve, as it is announced: an address, or any of this computer's own, and the port.
pub(crate) fn announced(sockets: &[SendSocket], at: ServeAt) -> Option<SocketAddr> {
    let port = sockets.first()?.port().ok()?;
    Some(match at {
        ServeAt::Address(at) => (at.ip(), port).into(),
        ServeAt::Anywhere | ServeAt::Port(_) => any(port),
    })
}

/// The port at which receivers subscribe if none was given; the one next to what they listen on.
pub(crate) const USUAL_PORT: u16 = 9001;
/// Ports that are free for IPv4 and taken for IPv6 do not come in rows.
const TRIES: u32 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_families_have_one_port_and_one_that_is_taken_is_told_with_the_way_out() {
        let options = NetworkOptions::default();
        let sockets = ServeAt::Port(0).open(&options).unwrap();
        let port = sockets[0].port().unwrap();
        assert!(sockets.iter().all(|socket| socket.port().unwrap() == port));
        let error = format!("{:#}", ServeAt::Port(port).open(&options).unwrap_err());
        assert!(
            error.contains(&format!("port {port} is taken")) && error.contains("another port"),
            "{error}"
        );
        let nowhere = ServeAt::Address("192.0.2.1:9001".parse().unwrap()).open(&options);
        let error = format!("{:#}", nowhere.unwrap_err());
        assert!(error.contains("no address of this computer"), "{error}");
    }

    #[test]
    fn people_are_told_the_addresses_that_others_reach() {
        let interface = |name: &str, addresses: &[&str]| Interface {
            name: name.into(),
            index: 1,
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
            is_loopback: name == "lo",
        };
        let lo = interface("lo", &["127.0.0.1", "::1"]);
        let told = |interfaces: &[&Interface]| {
            let all: Vec<Interface> = interfaces.iter().map(|interface| (*interface).clone()).collect();
            reached(&all).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let both = interface("eth0", &["fe80::1", "2001:db8::1", "192.0.2.1"]);
        let late = interface("wlan0", &["192.0.2.9", "169.254.7.7"]);
        assert_eq!(told(&[&lo, &both, &late]), ["192.0.2.1", "192.0.2.9", "2001:db8::1"]);
        assert_eq!(told(&[&lo, &interface("eth0", &["fe80::1", "2001:db8::1"])]), ["2001:db8::1"]);
        assert_eq!(told(&[&lo, &interface("eth0", &["fe80::1"])]), ["fe80::1"]);
        assert_eq!(told(&[&lo]), ["127.0.0.1", "::1"]);
    }

    #[test]
    fn where_nothing_was_said_another_port_does() {
        let options = NetworkOptions::default();
        // Whether or not somebody has the usual one already.
        let (first, second) = (ServeAt::Anywhere.open(&options), ServeAt::Anywhere.open(&options));
        let ports = [first, second].map(|sockets| sockets.unwrap()[0].port().unwrap());
        assert_ne!(ports[0], ports[1]);
    }
}

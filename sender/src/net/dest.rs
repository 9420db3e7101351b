//! A destination as it was typed, and its address.

use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};

use proto::names::can_be_a_host;
use proto::sys::{NotNow, parse_scoped};

/// A destination as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dest {
    /// As typed.
    pub text: String,
    /// What that is, if it is an address; a name is looked up.
    address: Option<SocketAddr>,
}

impl Dest {
    /// Reads it. Which interfaces there are, and which names are known, is seen later: the network may not be up yet.
    ///
    /// # Errors
    /// What is wrong with it, with the way out.
    pub fn typed(text: &str) -> Result<Self, String> {
        let (host, port) = text.rsplit_once(':').filter(|(host, _)| !host.is_empty()).ok_or_else(|| {
            format!("{text:?} has no port; write it like 192.168.1.20:9000 or [fd00::20]:9000")
        })?;
        let port: u16 =
            port.parse().map_err(|_| format!("{port:?} is no port; ports are numbers from 1 to 65535"))?;
        if port == 0 {
            return Err("port 0 is none; give the port that the receiver listens on, such as 9000".into());
        }
        if host.split('%').next().is_some_and(|host| host.parse::<Ipv6Addr>().is_ok()) {
            return Err(format!("write an IPv6 address in brackets: [{host}]:{port}"));
        }
        let address = text.parse().ok().or_else(|| parse_scoped(text));
        if address.is_none() && !is_scoped(host) && !can_be_a_host(host) {
            return Err(format!(
                "{host:?} is no address or name; write it like 192.168.1.20:9000, door.local:9000 or [fd00::20]:9000"
            ));
        }
        Ok(Self { text: text.to_owned(), address })
    }

    /// The address, if that is what was typed.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Whether it is a name, which the system may take half a minute to look up.
    pub fn is_name(&self) -> bool {
        self.address.is_none() && !self.text.starts_with('[')
    }

    /// The address that it stands for now.
    ///
    /// # Errors
    /// If its name is not known, or the interface in it is not there; that may pass.
    pub fn look_up(&self) -> anyhow::Result<SocketAddr> {
        if let Some(address) = self.address.or_else(|| parse_scoped(&self.text)) {
            return Ok(address);
        }
        let host = self.text.rsplit_once(':').map_or(&*self.text, |(host, _)| host);
        if !self.is_name() {
            return Err(NotNow(format!("the interface in {host} is not there")).into());
        }
        let found = self.text.to_socket_addrs().map_err(|error| {
            NotNow(format!("the host {host:?} is not known ({error}); check the name, or give its address"))
        })?;
        // Where a name has both, IPv4 is what most LANs really route.
        let mut found: Vec<SocketAddr> = found.collect();
        found.sort_by_key(SocketAddr::is_ipv6);
        Ok(*found.first().ok_or_else(|| NotNow(format!("the host {host:?} has no address")))?)
    }
}

/// Whether it is an address of a link's own scope with its interface, in brackets.
fn is_scoped(host: &str) -> bool {
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let parts = inner.and_then(|inner| inner.split_once('%'));
    parts.is_some_and(|(address, zone)| address.parse::<Ipv6Addr>().is_ok() && !zone.is_empty())
}

//! Reads single values, and says what is wrong with them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

use anyhow::{Result, anyhow, bail};
use proto::host::parse_scoped;

use crate::window::Detail;

/// Refuses addresses that cannot be listened on.
///
/// # Errors
/// A sentence for the person who typed it.
pub(super) fn parse_listen(text: &str) -> Result<SocketAddr> {
    let listen: SocketAddr = match text.parse().ok().or_else(|| parse_scoped(text)) {
        Some(listen) => listen,
        // A bare port or address is completed.
        None => match (text.trim_start_matches(':').parse::<u16>(), text.parse::<IpAddr>()) {
            (Ok(port), _) => (Ipv4Addr::UNSPECIFIED, port).into(),
            (_, Ok(address)) => (address, DEFAULT_PORT).into(),
            _ => bail!(
                "{text:?} is no address and port; write it like 0.0.0.0:9000, [::]:9000 or 239.255.10.1:9000"
            ),
        },
    };
    if listen.port() == 0 {
        bail!("port 0 is none; give the port that the sender sends to, such as {DEFAULT_PORT}");
    }
    Ok(listen)
}

/// A sender to be asked, as it was typed, and the address that it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// As typed.
    pub text: String,
    /// Where that is.
    pub address: SocketAddr,
}

/// Reads a sender's address or name, and its port if one is given.
///
/// # Errors
/// A sentence for the person who typed it.
pub(super) fn parse_host(text: &str) -> Result<Host> {
    let host = |address| Host { text: text.to_owned(), address };
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    if let Some(address) = text.parse().ok().or_else(|| parse_scoped(text)) {
        return Ok(host(address));
    }
    if let Ok(address) = bare.parse() {
        return Ok(host(SocketAddr::new(address, SERVED_PORT)));
    }
    let (name, port) = match text.rsplit_once(':') {
        None => (text, SERVED_PORT),
        Some((name, port)) => (
            name,
            port.parse().map_err(|_| anyhow!("{port:?} is no port; ports are numbers from 1 to 65535"))?,
        ),
    };
    if name.is_empty() || port == 0 {
        bail!(
            "{text:?} is no sender's address; write it like 192.168.1.7, door.local:9001 or [fd00::7]:9001"
        );
    }
    let found = (name, port).to_socket_addrs().map_err(|error| {
        anyhow!("the host {name:?} is not known ({error}); check the name, or give its address")
    })?;
    // Where a name has both, IPv4 is what most LANs really route.
    let address = found.min_by_key(SocketAddr::is_ipv6);
    address.map(host).ok_or_else(|| anyhow!("the host {name:?} has no address"))
}

/// Reads how much is to be written on a picture.
///
/// # Errors
/// A sentence that says what can be written.
pub(super) fn parse_detail(text: &str) -> Result<Detail, String> {
    match text {
        "off" => Ok(Detail::Off),
        "small" => Ok(Detail::Small),
        "full" => Ok(Detail::Full),
        _ => Err("it is off, small or full".into()),
    }
}

/// Where is listened when nothing else is said.
pub(super) const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), DEFAULT_PORT);
const DEFAULT_PORT: u16 = 9000;
/// Where senders serve, if they are not told otherwise.
const SERVED_PORT: u16 = 9001;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listening_takes_an_address_a_port_or_both() {
        for (text, address) in [
            ("0.0.0.0:9000", "0.0.0.0:9000"),
            ("9001", "0.0.0.0:9001"),
            (":9001", "0.0.0.0:9001"),
            ("239.255.10.1", "239.255.10.1:9000"),
            ("[::]:7", "[::]:7"),
        ] {
            assert_eq!(parse_listen(text).unwrap(), address.parse().unwrap(), "{text}");
        }
        for text in ["0.0.0.0:0", "somewhere", "1.2.3.4:99999"] {
            assert!(parse_listen(text).is_err(), "{text}");
        }
    }
}

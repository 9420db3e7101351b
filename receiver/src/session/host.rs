//! A sender's host as a user names it, and its address.

use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::Builder;

use anyhow::{Context, Result, anyhow, bail};
use proto::names::can_be_a_host;
use proto::sys::mdns::resolve;
use proto::sys::{Interface, parse_scoped};

use super::target::Target;

/// A sender to connect to, as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// As typed.
    pub text: String,
    means: Means,
}

/// What was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Means {
    Address(SocketAddr),
    Name(HostName),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct HostName {
    name: String,
    port: u16,
}

impl Host {
    /// Reads a sender's address or name, and its port if one is given. Whether a name is known is seen later: its host
    /// may be switched off.
    ///
    /// # Errors
    /// A sentence for the person who typed it.
    pub fn parse(text: &str) -> Result<Self> {
        let at = |address: SocketAddr| match address.port() {
            0 => bail!("port 0 is none; give the port that the sender serves at, such as {SERVED_PORT}"),
            _ => Ok(Self { text: text.to_owned(), means: Means::Address(address) }),
        };
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        if let Some(address) = text.parse().ok().or_else(|| parse_scoped(text)) {
            return at(address);
        }
        if let Ok(address) = bare.parse() {
            return at(SocketAddr::new(address, SERVED_PORT));
        }
        if let Some((address, zone)) = bare.split_once('%')
            && let Ok(address) = address.parse::<Ipv6Addr>()
        {
            let scope = Interface::find(zone)?.index;
            return at(SocketAddrV6::new(address, SERVED_PORT, 0, scope).into());
        }
        let (name, port) = match text.rsplit_once(':') {
            None => (text, SERVED_PORT),
            Some((name, port)) => (
                name,
                port.parse()
                    .map_err(|_| anyhow!("{port:?} is no port; ports are numbers from 1 to 65535"))?,
            ),
        };
        if !can_be_a_host(name) || port == 0 {
            bail!(
                "{text:?} is no sender's address; write it like 192.168.1.7, door.local:9001 or [fd00::7]:9001"
            );
        }
        Ok(Self { text: text.to_owned(), means: Means::Name(HostName { name: name.to_owned(), port }) })
    }

    /// Whether it is the same as another one, however that was typed.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.means == other.means
    }

    /// Its addresses, the best first; at least one. A name is looked up, which may take the system half a minute.
    ///
    /// # Errors
    /// If the name is not known now.
    pub(crate) fn look_up(&self) -> Result<Vec<SocketAddr>> {
        match &self.means {
            Means::Address(address) => Ok(vec![*address]),
            Means::Name(name) => name.look_up(),
        }
    }

    /// Where to subscribe, at these addresses first. What has a name is looked up again when nothing is heard of it: a
    /// sender whose address was lent to it may come back with another one.
    ///
    /// # Errors
    /// If the system gives no thread for that.
    pub(crate) fn target(&self, addresses: &[SocketAddr]) -> Result<Arc<Target>> {
        let Means::Name(name) = self.means.clone() else { return Ok(Target::new(addresses)) };
        let (unheard, requests) = sync_channel(1);
        let target = Target::of_named(addresses, unheard);
        let (weak, text) = (Arc::downgrade(&target), self.text.clone());
        // Nobody waits for its end: the system may take half a minute to find that a name is not known.
        let look_up = move || {
            name.follow(&requests, |found| {
                let Some(target) = weak.upgrade() else { return };
                if target.move_to(found) {
                    tracing::info!("{text} is at {} now", found[0]);
                }
            })
        };
        Builder::new().name("lookup".into()).spawn(look_up).context("cannot start the lookup thread")?;
        Ok(target)
    }
}

impl HostName {
    /// Its addresses, the best first.
    fn look_up(&self) -> Result<Vec<SocketAddr>> {
        let name = &self.name;
        let mut addresses = self.resolve()?;
        if addresses.is_empty() {
            bail!("the host {name:?} has no address");
        }
        // Where a name has both, IPv4 is what most LANs really route.
        addresses.sort_by_key(SocketAddr::is_ipv6);
        Ok(addresses)
    }

    /// Resolves it by the system; and by the network itself, if it is a name of this network: many systems do not, and
    /// some wait long for a name server that does not know it. Whoever knows it first is believed.
    fn resolve(&self) -> Result<Vec<SocketAddr>> {
        let Self { name, port } = self.clone();
        let bare = name.strip_suffix('.').unwrap_or(&name).to_owned();
        let (tell, told) = std::sync::mpsc::channel();
        if bare.to_ascii_lowercase().ends_with(".local") {
            let tell = tell.clone();
            let resolve = move || {
                let found = resolve(&bare, port, None);
                if !found.is_empty() {
                    let _ = tell.send(Ok(found));
                }
            };
            // Without it, only the system resolves it.
            let _ = Builder::new().name("lookup".into()).spawn(resolve);
        }
        let resolve = move || {
            let found = (name.as_str(), port).to_socket_addrs().map(Iterator::collect);
            let _ = tell.send(found.map_err(|error| anyhow!("the host {name:?} is not known ({error})")));
        };
        Builder::new().name("lookup".into()).spawn(resolve).context("cannot start the lookup thread")?;
        let mut answers = told.iter();
        match answers.next() {
            Some(Err(error)) => answers.find_map(Result::ok).ok_or(error),
            Some(found) => found,
            None => Ok(Vec::new()),
        }
    }

    /// Looks it up at each request, until there are no more. A name that is not known now may be later.
    fn follow(&self, requests: &Receiver<()>, found: impl Fn(&[SocketAddr])) {
        for () in requests {
            if let Ok(addresses) = self.look_up() {
                found(&addresses);
            }
        }
    }
}

/// Where senders serve, if they are not told otherwise.
const SERVED_PORT: u16 = 9001;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_stands_for_itself_and_a_name_for_what_it_is_looked_up_as() {
        for (text, address) in [
            ("192.168.1.7", "192.168.1.7:9001"),
            ("192.168.1.7:7000", "192.168.1.7:7000"),
            ("fd00::7", "[fd00::7]:9001"),
            ("[fd00::7]", "[fd00::7]:9001"),
            ("[fd00::7]:7000", "[fd00::7]:7000"),
        ] {
            let host = Host::parse(text).unwrap();
            assert_eq!(host.means, Means::Address(address.parse().unwrap()), "{text}");
        }
        let lo = Interface::find("127.0.0.1").unwrap();
        let scoped: SocketAddr = SocketAddrV6::new("fe80::7".parse().unwrap(), 9001, 0, lo.index).into();
        let Interface { name, index, .. } = &lo;
        for text in
            [format!("[fe80::7%{name}]"), format!("fe80::7%{index}"), format!("[fe80::7%{name}]:9001")]
        {
            assert_eq!(Host::parse(&text).unwrap().means, Means::Address(scoped), "{text}");
        }
        let host = Host::parse("localhost:7000").unwrap();
        let addresses = host.look_up().unwrap();
        assert!(addresses.iter().all(|address| address.ip().is_loopback() && address.port() == 7000));
    }

    #[test]
    fn a_name_need_not_be_known_but_must_be_one() {
        for text in ["no-such-host.invalid", "door.local.:7000", "cam_2", "t\u{fc}r.local"] {
            assert!(matches!(Host::parse(text).unwrap().means, Means::Name(_)), "{text}");
        }
        for text in
            ["", ":9001", "a b", "http://door", "door..local", "192.168.1.700", "door:0", "door:x", "."]
        {
            assert!(Host::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_by_name() {
        for (text, way_out) in [
            ("10.77.0.1:0", "port 0"),
            ("[fd00::7]:0", "port 0"),
            (":9001", "192.168.1.7"),
            ("door:99999", "from 1 to 65535"),
            ("[fe80::7%nosuch0]", "no network interface \"nosuch0\""),
        ] {
            let error = Host::parse(text).unwrap_err().to_string();
            assert!(error.contains(way_out), "{text}: {error}");
        }
    }
}

//! Resolves a host of this network, such as `server.local`, where the system has no multicast DNS itself.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::time::{Duration, Instant};

use super::super::interface::Networks;
use super::sockets::Sockets;
use crate::discovery::mdns::{Data, Item, Message, Name, Writer, kind};

/// The addresses of the host of this name that are in a network of ours, with this port; none if nobody says one within
/// a second. By one interface, or by all.
pub fn resolve(host: &str, port: u16, only: Option<&str>) -> Vec<SocketAddr> {
    let Some(name) = Name::dotted(host) else { return Vec::new() };
    let mut writer = Writer::query();
    writer.question(&name, kind::A);
    writer.question(&name, kind::AAAA);
    let query = writer.finish();
    let (begun, mut sockets, networks) = (Instant::now(), Sockets::open(only), Networks::now());
    let (mut found, mut until): (Vec<SocketAddr>, _) = (Vec::new(), begun + PATIENCE);
    let mut asks = ASKS.iter().map(|after| begun + *after);
    let mut next = asks.next();
    loop {
        let now = Instant::now();
        if now >= until {
            return found;
        }
        if next.is_some_and(|next| next <= now) {
            sockets.say(|_, _| Some(query.clone()));
            next = asks.next();
        }
        if sockets.wait(&[], Some(next.map_or(until, |next| next.min(until)))).is_err() {
            return found;
        }
        sockets.receive(|index, _, bytes| {
            let Some(message) = Message::parse(bytes).filter(|message| message.is_response) else { return };
            for item in message.items() {
                if let Item::Record(record) = item
                    && record.name == name
                    && let Data::Address(address) = record.data
                    && let Some(address) = at(address, port, index, &networks)
                    && found.len() < MOST
                {
                    if !found.contains(&address) {
                        found.push(address);
                    }
                    // Addresses of the other family may be on their way.
                    until = until.min(now + GATHER);
                }
            }
        });
    }
}

/// An address with its port, and with the interface that it belongs to, if it is one of a link's own scope; `None` if a
/// host of this network does not have it.
fn at(address: IpAddr, port: u16, index: u32, networks: &Networks) -> Option<SocketAddr> {
    match address {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Some(SocketAddrV6::new(v6, port, 0, index).into()),
        ip if ip.is_loopback() && !networks.is_loopback(index) => None,
        ip => networks.contain(ip).then_some((ip, port).into()),
    }
}

const PATIENCE: Duration = Duration::from_secs(1);
/// A question or its answer may be lost.
const ASKS: [Duration; 3] = [Duration::ZERO, Duration::from_millis(250), Duration::from_millis(600)];
const GATHER: Duration = Duration::from_millis(100);
const MOST: usize = 8;

//! Somebody who announces whatever he likes by multicast DNS.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Instant;

use proto::SessionId;
use proto::discovery::mdns::{Name, Responder, Say, Section, Service, Writer};
use proto::discovery::{Announcement, Mark, SERVICE};
use socket2::{Domain, Protocol, Socket, Type};

use super::lab::Lab;

/// He, at an address of his own.
pub(crate) struct Liar {
    socket: UdpSocket,
    said: u64,
}

impl Liar {
    /// On this host of the lab, which has this address.
    pub(crate) fn on(lab: &Lab, host: &str, own: Ipv4Addr) -> Self {
        let socket = lab.on(host, || {
            let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
            socket.set_reuse_address(true).unwrap();
            socket.set_reuse_port(true).unwrap();
            socket.bind(&SocketAddr::from((own, PORT)).into()).unwrap();
            socket.set_multicast_if_v4(&own).unwrap();
            socket.into()
        });
        Self { socket, said: 0 }
    }

    /// Says that a sender of this name is there, with a host that nobody else has.
    pub(crate) fn announce(&mut self, name: &str, addresses: &[IpAddr], port: u16, group: Option<&str>) {
        self.said += 1;
        let announcement = Announcement {
            name: name.to_owned(),
            size: None,
            fps: Some(30.0),
            mark: Mark::of(SessionId::new(self.said)),
            group: group.map(|group| group.parse().unwrap()),
            key: None,
        };
        let strings = announcement.to_txt().into_iter().map(|(key, value)| format!("{key}={value}"));
        let service = Service {
            kind: Name::dotted(SERVICE).unwrap(),
            label: name.to_owned(),
            host: Name::dotted(&format!("liar-{}.local", self.said)).unwrap(),
            port,
            address: None,
            text: strings.flat_map(|string| [&[string.len() as u8], string.as_bytes()].concat()).collect(),
        };
        let responder = Responder::new(service, Instant::now()).unwrap();
        self.say(&responder.message(Say::Everything(None), 1, addresses).unwrap());
    }

    /// Says many strings of names that nobody asked for, to be kept for 68 years.
    pub(crate) fn fill(&mut self) {
        let mut writer = Writer::response();
        for _ in 0..40 {
            self.said += 1;
            let name =
                Name::dotted(&format!("{:x}.local", self.said.wrapping_mul(0x9e37_79b9_7f4a_7c15))).unwrap();
            writer.text(Section::Answer, &name, i32::MAX as u32, &[180; 181]);
        }
        self.say(&writer.finish());
    }

    fn say(&self, message: &[u8]) {
        self.socket.send_to(message, GROUP).unwrap();
    }
}

const PORT: u16 = 5353;
const GROUP: (Ipv4Addr, u16) = (Ipv4Addr::new(224, 0, 0, 251), PORT);
